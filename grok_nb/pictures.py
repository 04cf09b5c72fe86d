"""What bytes say of a picture: its type, its size, whether it is whole, its tokens.

Pure functions on bytes, without an imaging library: a picture is refused before it is
sent, and its tokens are guessed, on machines that have none.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
#: Signature -> type, of what is a picture but cannot be sent.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM....\x00\x00\x00\x00", "image/bmp"),
    (rb"II\*\x00|MM\x00\*", "image/tiff"),
    (rb"....ftyp(?:avif|avis)", "image/avif"),
    (rb"....ftyp(?:hei[cx]|hevc|mif1|msf1)", "image/heic"),
    (rb"\x00\x00\x01\x00", "image/x-icon"),
)
_DATA_URI = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE
)
#: After FF: no stuffing, no restart, no fill; so the next marker of a JPEG.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TILE = 448
_TOKENS_PER_TILE = 256
_MOST_TILES = 6


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture's bytes say of it.

    Attributes
    ----------
    mime_type : str
        By content: ``image/png`` or ``image/jpeg``.
    width, height : int
        Pixels.
    flaw : str
        Why it is not whole; empty where it is.
    """

    mime_type: str
    width: int = 0
    height: int = 0
    flaw: str = ""


def mime_type_of(data: bytes) -> str | None:
    """Return the type of a picture by its first bytes; ``None`` where it is none."""
    if data.startswith(PNG):
        return "image/png"
    if data.startswith(JPEG):
        return "image/jpeg"
    for pattern, name in _OTHERS:
        if re.match(pattern, data[:16], re.DOTALL):
            return name
    return None


def look_at(data: bytes) -> Look | None:
    """Read a PNG or JPEG to its end; ``None`` where the bytes are neither."""
    if data.startswith(PNG):
        return _look_at_png(data)
    if data.startswith(JPEG):
        return _look_at_jpeg(data)
    return None


def _look_at_png(data: bytes) -> Look:
    """Walk the chunks. Source: w3.org/TR/png-3, sections 5.3 and 11.2."""
    name, width, height = "image/png", 0, 0
    at, has_data = len(PNG), False
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            break
        (check,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != check:
            return Look(name, width, height, f"its {kind!r} chunk is damaged")
        if (kind == b"IHDR") is not (at == len(PNG)) or (
            kind == b"IHDR" and length != 13
        ):
            return Look(name, width, height, "it has no header where that must be")
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, at + 8)
        has_data = has_data or kind == b"IDAT"
        if kind == b"IEND":
            flaw = "" if has_data and width and height else "it has no pixels"
            return Look(name, width, height, flaw)
        at = end
    return Look(name, width, height, "it is cut off")


def _look_at_jpeg(data: bytes) -> Look:
    """Walk the segments. Source: ITU-T T.81, annex B."""
    name, width, height = "image/jpeg", 0, 0
    at, has_scan = 2, False
    while (found := _MARKER.search(data, at)) is not None:
        code, at = data[found.start() + 1], found.end()
        if code == 0xD9:
            flaw = "" if has_scan and width and height else "it has no pixels"
            return Look(name, width, height, flaw)
        if code in (0x01, 0xD8):  # alone, without a segment
            continue
        if at + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            break
        if code in _FRAMES and length >= 8:
            height, width = struct.unpack_from(">HH", data, at + 3)
        has_scan = has_scan or code == 0xDA
        at += length
    return Look(name, width, height, "it is cut off")


def tokens(width: int, height: int, detail: str | None = None) -> int:
    """Return about how many prompt tokens a picture takes.

    Parameters
    ----------
    width, height
        Pixels. 0 where they are not known: then the most that it can be.
    detail
        ``"low"`` takes the least.

    Notes
    -----
    Tiles of 448 x 448, at most six, 256 tokens each, and 256 more.
    Source: xai-api.md section 3.2 (docs of 2025-05).

    Examples
    --------
    >>> tokens(448, 448), tokens(449, 448), tokens(5000, 5000), tokens(9, 9, "low")
    (512, 768, 1792, 256)
    """
    if detail == "low":
        return _TOKENS_PER_TILE
    tiles = -(-width // _TILE) * -(-height // _TILE) or _MOST_TILES
    return _TOKENS_PER_TILE * (min(tiles, _MOST_TILES) + 1)


def split_data_uri(text: str) -> tuple[str, bytes] | None:
    """Return declared type and content of a data URI; ``None`` where it is none.

    Raises
    ------
    ValueError
        It is one, but its content cannot be decoded.
    """
    found = _DATA_URI.match(text)
    if found is None:
        return None
    declared, _, is_base64 = found.groups()
    content = text[found.end() :]
    if is_base64:
        return declared or "text/plain", from_base64(content)
    from urllib.parse import unquote_to_bytes

    return declared or "text/plain", unquote_to_bytes(content)


def from_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without padding and line breaks.

    Raises
    ------
    ValueError
        It is none.
    """
    text = "".join(text.split()).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"no base64: {error}") from None


def to_data_uri(mime_type: str, data: bytes) -> str:
    """Write bytes as a data URI."""
    return f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"


def to_png(rows: bytes, width: int, height: int, channels: int) -> bytes:
    """Write pixels as a PNG.

    Parameters
    ----------
    rows
        ``height * width * channels`` bytes, from the top.
    channels
        1 (grey), 3 (red, green, blue) or 4 (and opacity).
    """
    stride = width * channels
    lines = b"".join(
        b"\x00" + rows[at : at + stride] for at in range(0, height * stride, stride)
    )
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return PNG + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def estimate(asked: Any) -> tuple[int, int]:
    """Guess the prompt tokens of a request whose usage never came.

    Parameters
    ----------
    asked
        Its messages or input, as sent.

    Returns
    -------
    tuple of int and int
        All prompt tokens, at four bytes a token of text; and those of pictures.
    """
    text, of_pictures = measure(asked)
    return -(-text // 4) + of_pictures, of_pictures


def measure(asked: Any) -> tuple[int, int]:
    """Return the bytes of text of a request, and the tokens of its pictures.

    Parameters
    ----------
    asked
        Its messages or input, as sent.
    """
    text, of_pictures = 0, 0
    rest = [asked]
    while rest:
        part = rest.pop()
        url = _url_in(part)
        if url is not None:
            of_pictures += _tokens_at(*url)
        elif isinstance(part, str):
            text += len(part.encode("utf-8", "replace"))
        elif isinstance(part, Mapping):
            text += sum(4 + len(str(name)) for name in part)
            rest += part.values()
        elif isinstance(part, (list, tuple)):
            rest += part
    return text, of_pictures


def _url_in(part: Any) -> tuple[str, str | None] | None:
    """Return URL and detail of an image part, of chat, responses or messages."""
    if not isinstance(part, Mapping):
        return None
    source = part.get("source")
    if part.get("type") == "image" and isinstance(source, Mapping):
        if isinstance(data := source.get("data"), str):
            return f"data:{source.get('media_type')};base64,{data}", None
        return str(source.get("url", "")), None
    if part.get("type") not in ("image_url", "input_image"):
        return None
    holder = part.get("image_url")
    inner = holder if isinstance(holder, Mapping) else {"url": holder}
    url, detail = inner.get("url"), inner.get("detail", part.get("detail"))
    return (url if isinstance(url, str) else ""), detail


def _tokens_at(url: str, detail: str | None) -> int:
    look = None
    if url[:5].lower() == "data:":
        try:
            content = split_data_uri(url)
        except ValueError:
            content = None
        look = None if content is None else look_at(content[1])
    return (
        tokens(0, 0, detail)
        if look is None
        else tokens(look.width, look.height, detail)
    )
