"""Files in messages: texts become text, pictures pictures, of others the name is told."""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import TYPE_CHECKING

from grok_nb._sandbox import errors, images
from grok_nb._sandbox.schemas import FilePart, ImagePart, ImageUrl, TextPart

from . import fetching
from .files import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grok_nb._sandbox.schemas import FileRef, Part

    from .files import StoredFile

    FindFile = Callable[[str], StoredFile]

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def unpacked(parts: Sequence[Part], find: FindFile) -> list[Part]:
    """
    Put what is in files in the place of the parts that name them.

    Parameters
    ----------
    parts : sequence of Part
        The content of a message.
    find : callable
        Gives the stored file of an id, or raises the 404.

    Raises
    ------
    ApiError
        404 for a file that is not there, 400 for an address that cannot be fetched.
    """
    return [
        opened(part.file, find) if isinstance(part, FilePart) else part
        for part in parts
    ]


def opened(file: FileRef, find: FindFile) -> Part:
    """
    Give what is in one file as a part of a message.

    Raises
    ------
    ApiError
        As for `unpacked`.
    """
    if file.file_id is not None:
        stored = find(file.file_id)
        return as_part(stored.filename, stored.content)
    url = file.url or ""
    try:
        if not _ADDRESS.match(url):
            raise ValueError("expected an http(s) address")  # noqa: TRY301
        answer = fetching.fetch(url, MAX_FILE_BYTES)
    except ValueError as problem:
        raise errors.invalid(f"Invalid file: {problem}.") from None
    if answer is None:
        return TextPart(type="text", text=f"[File {url}: unread]")
    if len(answer[0]) > MAX_FILE_BYTES:
        raise errors.invalid(f"Invalid file: more than {MAX_FILE_BYTES} bytes.")
    name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    return as_part(name or "file", answer[0])


def as_part(name: str, content: bytes) -> TextPart | ImagePart:
    """
    Give the content of a file as a part of a message.

    Parameters
    ----------
    name : str
        What it is called; it says nothing about what is in it.
    content : bytes
        What is in it: UTF-8 text, a PNG or JPEG, or something the sandbox cannot read,
        of which the text tells name and size.
    """
    size = images.read_size(content)
    if size is not None:
        packed = base64.b64encode(content).decode()
        url = f"data:image/{size.format};base64,{packed}"
        return ImagePart(type="image_url", image_url=ImageUrl(url=url))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        text = f"[File {name}: {len(content)} bytes that are no text]"
    else:
        text = f"[File {name}]\n{text}"
    return TextPart(type="text", text=text)
