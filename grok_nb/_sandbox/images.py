"""Bytes of pictures before they are decoded: kind, size, whether all is there, tokens."""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from dataclasses import dataclass

TILE_PIXELS = 448
TILE_TOKENS = 256
MAX_TILES = 6
UNKNOWN_TOKENS = 2 * TILE_TOKENS

_TAKEN_URI = re.compile(r"data:(image/(?:png|jpe?g));base64,", re.IGNORECASE)
_SCAN, _END = 0xDA, b"\xff\xd9"
# Any number of these may stand before a marker.
_FILL = 0xFF
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
# Start-of-frame markers; C4, C8 and CC in that range mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Size:
    """Format and pixel size read from the first bytes of an image."""

    format: str
    width: int
    height: int


def read_size(data: bytes) -> Size | None:
    """Read the size of a PNG or JPEG from its header, None for anything else."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:
        width = int.from_bytes(data[16:20])
        height = int.from_bytes(data[20:24])
        return Size("png", width, height)
    if data.startswith(_JPEG):
        return _jpeg_size(data)
    return None


def _jpeg_size(data: bytes) -> Size | None:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _FILL:
            position += 1
            continue
        if marker in _FRAMES:
            height = int.from_bytes(data[position + 5 : position + 7])
            width = int.from_bytes(data[position + 7 : position + 9])
            return Size("jpeg", width, height)
        # A segment's length counts its own two bytes; a smaller one is damage.
        length = int.from_bytes(data[position + 2 : position + 4])
        if length < 2:
            return None
        position += 2 + length
    return None


def tokens_of(size: Size | None, detail: str | None = None) -> int:
    """
    Count the prompt tokens of an image: one tile's worth for each tile, and one more.

    Parameters
    ----------
    size : Size or None
        None where it is unknown: as if there was one tile.
    detail : str, optional
        With ``low`` the size does not count.

    Source: docs.x.ai image understanding (2025-05); 256 for low detail is a guess.
    """
    if detail == "low":
        return TILE_TOKENS
    if size is None:
        return UNKNOWN_TOKENS
    columns = math.ceil(size.width / TILE_PIXELS)
    rows = math.ceil(size.height / TILE_PIXELS)
    return TILE_TOKENS * (min(max(columns * rows, 1), MAX_TILES) + 1)


def decoded(uri: str, max_bytes: int) -> tuple[bytes, str]:
    """
    Read a data URI.

    Returns
    -------
    tuple of bytes and str
        The content, and what it claims to be.

    Raises
    ------
    ValueError
        Saying what is wrong with it.
    """
    match = _TAKEN_URI.match(uri)
    if match is None:
        raise ValueError(
            "expected an http(s) address or a data URI of a png or jpeg in base64"
        )
    size = (len(uri) - match.end()) * 3 // 4
    if size > max_bytes + 2:
        raise ValueError(f"{size} bytes are more than the {max_bytes} allowed")
    try:
        data = base64.b64decode(uri[match.end() :], validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("the data URI is no base64") from None
    return data, match.group(1).lower()


def checked(data: bytes, max_bytes: int) -> Size:
    """
    Read the size of a PNG or JPEG that is all there.

    Raises
    ------
    ValueError
        Saying why the image cannot be used.
    """
    if len(data) > max_bytes:
        raise ValueError(f"{len(data)} bytes are more than the {max_bytes} allowed")
    if not data:
        raise ValueError("it is empty: neither a png nor a jpeg")
    size = read_size(data)
    if size is None or not size.width or not size.height:
        raise ValueError("the data is neither a png nor a jpeg")
    is_whole = _png_is_whole if size.format == "png" else _jpeg_is_whole
    if not is_whole(data):
        raise ValueError(f"the {size.format} is damaged")
    return size


def _png_is_whole(data: bytes) -> bool:
    position, kinds = len(_PNG), set()
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        end = position + 8 + length
        checksum = int.from_bytes(data[end : end + 4])
        if zlib.crc32(data[position + 4 : end]) != checksum:
            return False
        kinds.add(data[position + 4 : position + 8])
        position = end + 4
    return {b"IHDR", b"IDAT", b"IEND"} <= kinds


def _jpeg_is_whole(data: bytes) -> bool:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        if data[position + 1] == _SCAN:
            return data.rfind(_END) > position
        if data[position + 1] == _FILL:
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return False
