"""The client's methods for pictures, for code that waits: see `blocking.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from .client import Client
    from .images import GeneratedImage, Images

T = TypeVar("T")


class BlockingMedia:
    """Pictures, for code that waits."""

    _core: Client

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        raise NotImplementedError

    def generate_images(
        self,
        prompt: str,
        model: str | None = None,
        *,
        n: int | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
        response_format: str = "b64_json",
        user: str | None = None,
    ) -> Images:
        """Draw pictures; see `Client.generate_images`."""
        return self._call(
            lambda: self._core.generate_images(
                prompt,
                model,
                n=n,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                quality=quality,
                response_format=response_format,
                user=user,
            )
        )

    def edit_images(
        self,
        prompt: str,
        image: Any = None,
        *,
        images: Sequence[Any] | None = None,
        model: str | None = None,
        n: int | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
        response_format: str = "b64_json",
        user: str | None = None,
    ) -> Images:
        """Draw pictures after others; see `Client.edit_images`."""
        return self._call(
            lambda: self._core.edit_images(
                prompt,
                image,
                images=images,
                model=model,
                n=n,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                quality=quality,
                response_format=response_format,
                user=user,
            )
        )

    def download(self, image: GeneratedImage | str) -> GeneratedImage:
        """Fetch a picture of which only the URL came; see `Client.download`."""
        return self._call(lambda: self._core.download(image))
