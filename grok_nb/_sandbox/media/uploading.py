"""POST /v1/files: a form of several parts, read from its bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

from grok_nb._sandbox import errors

from . import files

if TYPE_CHECKING:
    from grok_nb._sandbox.desk import Incoming

    from .shapes import FileObject

MAX_PARTS = 100
_WHOLE = re.compile(r"\s*\d{1,18}\s*")
_FORM_TYPE_TEXT = "Expected a request body with `Content-Type: multipart/form-data`."


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; ``filename`` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def read(content_type: str, body: bytes) -> list[Part]:
    """
    Read a form.

    Parameters
    ----------
    content_type : str
        The header, which names the boundary.
    body : bytes
        The form.

    Raises
    ------
    ValueError
        Saying what is wrong with it.

    Source: RFC 2046 section 5.1 and RFC 7578.
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise ValueError("the content type names no boundary")
    mark = b"--" + boundary.encode("latin-1", errors="replace")
    # What stands before the first boundary does not count.
    text = b"\r\n" + body
    place = text.find(b"\r\n" + mark)
    parts: list[Part] = []
    while place >= 0:
        place += len(mark) + 2
        if text[place : place + 2] == b"--":
            return parts
        start = text.find(b"\r\n", place)
        end = text.find(b"\r\n" + mark, start)
        if start < 0 or end < 0 or text[place:start].strip(b" \t"):
            break
        if len(parts) == MAX_PARTS:
            raise ValueError(f"there are more than {MAX_PARTS} parts")
        parts.append(_part(text[start + 2 : end + 2]))
        place = end
    raise ValueError("the last boundary is missing")


def _part(text: bytes) -> Part:
    # There may be no headers before the line that ends them.
    head, found, content = (b"\r\n" + text).partition(b"\r\n\r\n")
    if not found:
        raise ValueError("a part has no end of its headers")
    for line in head.decode("utf-8", errors="replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            field = _parameter(value, "name")
            if field is None:
                raise ValueError("a part has no name")
            return Part(field, _parameter(value, "filename"), content[:-2])
    raise ValueError("a part has no Content-Disposition")


def _parameter(header: str, name: str) -> str | None:
    message = Message()
    message["content-type"] = header.replace("\r", " ").replace("\n", " ")
    found = message.get_param(name)
    if isinstance(found, tuple):
        charset, _, value = found
        try:
            return value.encode("latin-1").decode(charset or "utf-8")
        except (LookupError, ValueError):
            return value
    return None if found is None else str(found)


def upload(incoming: Incoming) -> FileObject:
    """
    Store the file of a form.

    Raises
    ------
    ApiError
        415 for what is no form, 400 for one that cannot be read or makes no sense, 413
        for a file that is too large.
    """
    content_type = incoming.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "multipart/form-data" or not incoming.body:
        raise errors.ApiError(415, "argument", _FORM_TYPE_TEXT)
    try:
        parts = read(content_type, incoming.body)
    except ValueError as problem:
        raise errors.invalid(f"Invalid form: {problem}.") from None
    names = [part.name for part in parts]
    if names.count("file") != 1:
        raise errors.invalid("The form needs one part with the name file.")
    place = names.index("file")
    lives = [n for n, name in enumerate(names) if name.startswith("expires_after")]
    if any(position > place for position in lives):
        # Read on the way in, it would come too late.
        raise errors.invalid("expires_after must stand before file.")
    lives_s = _lives({part.name: part.content for part in parts[:place]})
    file = parts[place]
    stored = files.store(incoming.desk, file.filename or "file", file.content, lives_s)
    return stored.shown()


def _lives(fields: dict[str, bytes]) -> int | None:
    """
    Read for how many seconds a file is kept: as a number, or as OpenAI's client has it.

    Source: docs.x.ai files, upload (2026).
    """
    anchor = fields.get("expires_after[anchor]", b"created_at")
    if anchor != b"created_at":
        raise errors.invalid("The anchor of expires_after must be created_at.")
    written = fields.get("expires_after", fields.get("expires_after[seconds]"))
    if written is None:
        return None
    text = written.decode("ascii", errors="replace")
    if not _WHOLE.fullmatch(text):
        raise errors.invalid("expires_after must be a number of seconds.")
    return int(text)
