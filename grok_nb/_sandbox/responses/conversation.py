"""Input items as the messages that chat completions would get."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from grok_nb._sandbox import errors, schemas, tokens
from grok_nb._sandbox.media import attachments
from grok_nb._sandbox.media.files import MAX_FILE_BYTES

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
    from grok_nb._sandbox.media.attachments import FindFile

    from .request import InputPart

_ITEMS: TypeAdapter[list[InputItem]] = TypeAdapter(list[InputItem])


@dataclass(slots=True)
class Conversation:
    """
    What was said so far.

    Parameters
    ----------
    messages : list of Message
        As chat completions take them.
    other_tokens : int
        Tokens of items that are no messages.
    """

    messages: list[schemas.Message] = field(default_factory=list)
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
    items: list[dict[str, Any]], instructions: str | None, find_file: FindFile
) -> Conversation:
    """
    Turn stored items and new ones into messages; files are opened.

    Parameters
    ----------
    items : list of dict
        As they are stored.
    instructions : str or None
        What stands before them.
    find_file : callable
        Gives the stored file of an id, or raises the 404.

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
            content = _content(item.content, find_file)
            said.messages.append(schemas.Message(role=item.role, content=content))
        elif isinstance(item, FunctionCallItem):
            _add_call(item, said.messages)
        elif isinstance(item, FunctionOutputItem):
            returned = _content(item.output, find_file)
            said.messages.append(
                schemas.Message(
                    role="tool",
                    tool_call_id=item.call_id,
                    content=returned if isinstance(returned, str) else _texts(returned),
                )
            )
        elif isinstance(item, ServerItem):
            # A picture that was drawn before is no text.
            is_drawn = item.type == "image_generation_call"
            hidden = {"result"} if is_drawn else None
            fields = item.model_dump(exclude_unset=True, exclude=hidden)
            said.other_tokens += tokens.count_json(fields)
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
    content: str | list[InputPart], find_file: FindFile
) -> str | list[schemas.Part]:
    if isinstance(content, str):
        return content
    return [_part(part, find_file) for part in content]


def _part(part: InputPart, find_file: FindFile) -> schemas.Part:
    if isinstance(part, InputImage):
        return _image(part, find_file)
    if isinstance(part, InputFile):
        return _file(part, find_file)
    text = part.refusal if isinstance(part, InputRefusal) else part.text
    return schemas.TextPart(type="text", text=text)


def _image(part: InputImage, find_file: FindFile) -> schemas.ImagePart:
    if (part.image_url is None) == (part.file_id is None):
        raise errors.invalid("An input_image needs either image_url or file_id.")
    url = part.image_url
    if url is None:
        stored = find_file(part.file_id or "")
        opened = attachments.as_part(stored.filename, stored.content)
        if not isinstance(opened, schemas.ImagePart):
            raise errors.invalid(f"Invalid image: {stored.id} is neither PNG nor JPEG.")
        url = opened.image_url.url
    image = schemas.ImageUrl(url=url, detail=part.detail)
    return schemas.ImagePart(type="image_url", image_url=image)


def _file(part: InputFile, find_file: FindFile) -> schemas.Part:
    given = (part.file_id, part.file_data, part.file_url)
    if sum(one is not None for one in given) != 1:
        raise errors.invalid(
            "An input_file needs one of file_id, file_data and file_url."
        )
    if part.file_data is not None:
        return attachments.as_part(part.filename or "file", _decoded(part.file_data))
    named = schemas.FileRef(file_id=part.file_id, url=part.file_url)
    return attachments.opened(named, find_file)


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
