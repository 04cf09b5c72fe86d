"""What the model sees: the pictures of a request, opened, and what they cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grok_nb._sandbox import errors, images

from . import fetching, opening

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .opening import Picture

# Source: docs.x.ai image understanding (2025-05, 2026-05).
MAX_IMAGE_BYTES = {"2025": 10 * 1024 * 1024, "2026": 20 * 1024 * 1024}
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg"}


@dataclass(frozen=True, slots=True)
class Sight:
    """
    The pictures of a request.

    Parameters
    ----------
    pictures : tuple of Picture or None
        In the order of the request; None for one at an address that is not on this
        machine, which stays unread.
    tokens : int
        What they cost together.
    """

    pictures: tuple[Picture | None, ...] = ()
    tokens: int = 0

    def noted(self) -> str:
        """Tell what arrived, in a line."""
        told = [one.described() if one else "unread" for one in self.pictures]
        return f"Images: {len(told)} ({' | '.join(told)})"

    def told(self) -> str | None:
        """Describe all pictures; None where there are none, or one was not read."""
        seen = [one.described() for one in self.pictures if one is not None]
        if not seen or len(seen) < len(self.pictures):
            return None
        if len(seen) == 1:
            return f"The image: {seen[0]}."
        return "\n".join(f"Image {n}: {one}." for n, one in enumerate(seen, 1))

    def labelled(self) -> str:
        """Give the pictures as labels and values, from which schemas are filled."""
        return "\n\n".join(one.labelled() for one in self.pictures if one is not None)


def look(attached: Iterable[tuple[str, str | None]], vintage: str) -> Sight:
    """
    Open the pictures of a request.

    An address that is not on this machine is not fetched: that picture is unread and
    counts as one tile. It may take seconds where a picture is at an address, so call it
    beside the event loop.

    Parameters
    ----------
    attached : iterable of tuple of str and str or None
        Address or data URI, and the detail: ``low``, ``high``, ``auto`` or None.
    vintage : {"2026", "2025"}
        Whose limit of size.

    Raises
    ------
    ApiError
        400 saying why a picture cannot be used; 501 without Pillow.
    """
    pictures: list[Picture | None] = []
    tokens = 0
    for url, detail in attached:
        try:
            picture = seen(url, MAX_IMAGE_BYTES[vintage])
        except ValueError as problem:
            raise errors.invalid(f"Invalid image: {problem}.") from None
        pictures.append(picture)
        tokens += images.tokens_of(picture.size if picture else None, detail)
    return Sight(tuple(pictures), tokens)


def seen(url: str, max_bytes: int) -> Picture | None:
    """
    Open one picture.

    Raises
    ------
    ValueError
        Saying why it cannot be used.
    """
    data = fetched(url, max_bytes)
    return None if data is None else opening.look(data, max_bytes)


def fetched(url: str, max_bytes: int) -> bytes | None:
    """
    Give the bytes of a picture, None for one at an address elsewhere.

    Raises
    ------
    ValueError
        Saying why there are none, or that they are not what they claim to be.
    """
    if _ADDRESS.match(url):
        answer = fetching.fetch(url, max_bytes)
        if answer is None:
            return None
        data, claimed = answer
    else:
        data, claimed = images.decoded(url, max_bytes)
    size = images.checked(data, max_bytes)
    # A server that names no kind of picture claims nothing.
    if claimed.startswith("image/") and _FORMATS.get(claimed) != size.format:
        raise ValueError(f"it claims to be {claimed} and is a {size.format}")
    return data
