"""Pictures, embeddings, files, deferred: for code that waits; see `blocking.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, Unpack

from grok_nb.portal import portal
from grok_nb.reply import Origin

from . import embeddings
from . import files as files_api
from . import images as images_api
from .deferred import Deferred

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from grok_nb.wire import ChatCompletion, DeletedFile, FilePage, StoredFile

    from .chat import ChatOptions
    from .client import Client
    from .embeddings import Embeddings
    from .images import GeneratedImage, Images

T = TypeVar("T")


class BlockingMedia:
    """The methods of `Client` for pictures, embeddings, files, deferred requests."""

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
        timeout_s: float | None = None,
        origin: Origin = Origin(),  # noqa: B008 - frozen
    ) -> Images:
        """Draw pictures; see `Client.generate_images`."""
        if model is not None:
            self._core.heed(model)  # warnings belong to the thread that waits
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
                timeout_s=timeout_s,
                origin=origin,
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
        timeout_s: float | None = None,
        origin: Origin = Origin(),  # noqa: B008 - frozen
    ) -> Images:
        """Draw pictures after others; see `Client.edit_images`."""
        if model is not None:
            self._core.heed(model)  # warnings belong to the thread that waits
        # what reads files and draws figures is not the background loop's to do
        sources = images_api.sources(image, images)
        if images is None:
            image = sources[0]
        else:
            images = sources
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
                timeout_s=timeout_s,
                origin=origin,
            )
        )

    def download(self, image: GeneratedImage | str) -> GeneratedImage:
        """Fetch a picture of which only the URL came; see `Client.download`."""
        return portal().call(lambda: self._core.download(image))  # needs no key

    def embed(
        self,
        input: str | Sequence[str],  # noqa: A002 - the API's name
        model: str | None = None,
        *,
        dimensions: int | None = None,
        encoding_format: str | None = None,
        user: str | None = None,
    ) -> Embeddings:
        """Turn texts into vectors; see `Client.embed`."""
        texts = embeddings.checked_input(input)  # an iterator may take its time
        return self._call(
            lambda: self._core.embed(
                texts,
                model,
                dimensions=dimensions,
                encoding_format=encoding_format,
                user=user,
            )
        )

    def file_upload(
        self,
        file: str | os.PathLike[str] | bytes | BinaryIO,
        *,
        filename: str | None = None,
        expires_after_s: int | None = None,
    ) -> StoredFile:
        """Upload a file; see `Client.file_upload`."""
        name, content = files_api.content_of(file, filename)  # a pipe may take its time
        return self._call(
            lambda: self._core.file_upload(
                content, filename=name, expires_after_s=expires_after_s
            )
        )

    def files(
        self,
        *,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
    ) -> FilePage:
        """List files, a page at a time; see `Client.files`."""
        return self._call(
            lambda: self._core.files(
                limit=limit,
                order=order,
                sort_by=sort_by,
                pagination_token=pagination_token,
            )
        )

    def file(self, file_id: str) -> StoredFile:
        """Describe a file; see `Client.file`."""
        return self._call(lambda: self._core.file(file_id))

    def file_content(self, file_id: str) -> bytes:
        """Read a file; see `Client.file_content`."""
        return self._call(lambda: self._core.file_content(file_id))

    def file_delete(self, file_id: str) -> DeletedFile:
        """Delete a file; see `Client.file_delete`."""
        return self._call(lambda: self._core.file_delete(file_id))

    def defer(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> Deferred:
        """Ask now, and read the answer later; see `Client.defer`."""
        self._core.heed(model)  # warnings belong to the thread that waits
        handle = self._call(lambda: self._core.defer(prompt, model, **options))
        return Deferred(handle, self._call)

    def deferred_result(
        self, request_id: str, *, wait_s: float = 0
    ) -> ChatCompletion | None:
        """Read a deferred completion; see `Client.deferred_result`."""
        return self._call(lambda: self._core.deferred_result(request_id, wait_s=wait_s))
