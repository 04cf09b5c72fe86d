"""Input items as the messages that chat completions would get."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from grok_nb._sandbox import errors, schemas, tokens

from .request import (
    FunctionCallItem,
    FunctionOutputItem,
    InputFile,
    InputImage,
    InputItem,
    InputMessage,
    InputRefusal,
    ServerItem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .file_search import Shelf
    from .request import InputPart

_ITEMS: TypeAdapter[list[InputItem]] = TypeAdapter(list[InputItem])
MAX_FILE_BYTES = 50 * 1024 * 1024


@dataclass(slots=True)
class Conversation:
    """
    What was said so far.

    Parameters
    ----------
    messages : list of Message
        As chat completions take them.
    notes : list of str
        What arrived and cannot be read here.
    other_tokens : int
        Tokens of items that are no messages.
    """

    messages: list[schemas.Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    other_tokens: int = 0


def as_items(given: str | list[InputItem]) -> list[dict[str, Any]]:
    """Give an input as the items that are stored."""
    if isinstance(given, str):
        part = {"type": "input_text", "text": given}
        return [{"type": "message", "role": "user", "content": [part]}]
    return [
        item.model_dump(exclude_unset=True)
        | ({"type": "message"} if isinstance(item, InputMessage) else {})
        for item in given
    ]


def read(
    items: list[dict[str, Any]], instructions: str | None, shelf: Shelf | None
) -> Conversation:
    """
    Turn stored items and new ones into messages.

    Raises
    ------
    ApiError
        400 or 404 for a part that cannot be used.
    """
    said = Conversation()
    if instructions:
        said.messages.append(schemas.Message(role="system", content=instructions))
    for item in _ITEMS.validate_python(items):
        if isinstance(item, InputMessage):
            content = _content(item.content, said, shelf)
            said.messages.append(schemas.Message(role=item.role, content=content))
        elif isinstance(item, FunctionCallItem):
            _add_call(item, said.messages)
        elif isinstance(item, FunctionOutputItem):
            returned = _content(item.output, said, shelf)
            said.messages.append(
                schemas.Message(
                    role="tool",
                    tool_call_id=item.call_id,
                    content=returned if isinstance(returned, str) else _texts(returned),
                )
            )
        elif isinstance(item, ServerItem):
            shown = json.dumps(item.model_dump(exclude_unset=True), default=str)
            said.other_tokens += tokens.count(shown)
        else:
            for part in item.summary:
                said.other_tokens += tokens.count(part.text)
    return said


def _add_call(item: FunctionCallItem, messages: list[schemas.Message]) -> None:
    called = schemas.ToolCall(
        id=item.call_id,
        function=schemas.CalledFunction(name=item.name, arguments=item.arguments),
    )
    # Calls of one turn stand in one message.
    if messages and messages[-1].tool_calls:
        messages[-1].tool_calls.append(called)
    else:
        messages.append(
            schemas.Message(role="assistant", content="", tool_calls=[called])
        )


def _texts(parts: list[schemas.Part]) -> str:
    return "\n".join(p.text for p in parts if isinstance(p, schemas.TextPart))


def _content(
    content: str | list[InputPart], said: Conversation, shelf: Shelf | None
) -> str | list[schemas.Part]:
    if isinstance(content, str):
        return content
    return list(_parts(content, said, shelf))


def _parts(
    parts: list[InputPart], said: Conversation, shelf: Shelf | None
) -> Iterator[schemas.Part]:
    for part in parts:
        if isinstance(part, InputImage):
            yield _image(part)
        elif isinstance(part, InputFile):
            yield _file(part, said, shelf)
        elif isinstance(part, InputRefusal):
            yield schemas.TextPart(type="text", text=part.refusal)
        else:
            yield schemas.TextPart(type="text", text=part.text)


def _image(part: InputImage) -> schemas.Part:
    if (part.image_url is None) == (part.file_id is None):
        raise errors.invalid("An input_image needs either image_url or file_id.")
    if part.image_url is None:
        file = schemas.FileRef(file_id=part.file_id)
        return schemas.FilePart(type="file", file=file)
    url = schemas.ImageUrl(url=part.image_url, detail=part.detail)
    return schemas.ImagePart(type="image_url", image_url=url)


def _file(part: InputFile, said: Conversation, shelf: Shelf | None) -> schemas.Part:
    given = (part.file_id, part.file_data, part.file_url)
    if sum(one is not None for one in given) != 1:
        raise errors.invalid(
            "An input_file needs one of file_id, file_data and file_url."
        )
    name = part.filename or part.file_id or part.file_url or "file"
    if part.file_data is not None:
        return _read(name, _decoded(part.file_data), said)
    if part.file_id is not None and shelf is not None:
        stored = shelf.get(part.file_id)
        if stored is None:
            text = f"The file {part.file_id} was not found."
            raise errors.ApiError(404, "missing", text)
        return _read(stored.filename, stored.data, said)
    said.notes.append(f"File: {name} (not read; the sandbox has no network)")
    file = schemas.FileRef(file_id=part.file_id, url=part.file_url)
    return schemas.FilePart(type="file", file=file)


def _decoded(data: str) -> bytes:
    head, comma, tail = data.partition(",")
    is_uri = comma and head.startswith("data:") and head.endswith(";base64")
    try:
        decoded = base64.b64decode(tail if is_uri else data, validate=True)
    except (ValueError, binascii.Error):
        raise errors.invalid("Invalid file: file_data is no base64.") from None
    if len(decoded) > MAX_FILE_BYTES:
        raise errors.invalid(
            f"Invalid file: {len(decoded)} bytes are more than the "
            f"{MAX_FILE_BYTES} allowed."
        )
    return decoded


def _read(name: str, data: bytes, said: Conversation) -> schemas.Part:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        said.notes.append(f"File: {name} ({len(data)} bytes, no text)")
        return schemas.FilePart(type="file", file=schemas.FileRef(file_id=name))
    said.notes.append(f"File: {name} ({len(data)} bytes)")
    return schemas.TextPart(type="text", text=f"{name}:\n{text}")
