"""A message and the events of one as types. Source: xai-api.md section 8.1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

_closed = with_config(ConfigDict(extra="forbid", strict=True))
_Input = Annotated[
    dict[str, JsonValue],
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]


@_closed
class MessageUsage(TypedDict):
    """Tokens; the input without what was in the cache, the output with reasoning."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


@_closed
class AnswerText(TypedDict):
    """A piece of text."""

    type: Literal["text"]
    text: str


@_closed
class AnswerThinking(TypedDict):
    """What was thought; the signature is empty."""

    type: Literal["thinking"]
    thinking: str
    signature: str


@_closed
class AnswerToolUse(TypedDict):
    """A call of a tool."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: _Input


AnswerBlock = Annotated[
    AnswerText | AnswerThinking | AnswerToolUse, Field(discriminator="type")
]


@_closed
class MessageAnswer(TypedDict):
    """A message; at the beginning of a stream it has no reason to stop."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnswerBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: MessageUsage


@_closed
class MessageStart(TypedDict):
    """A message begins."""

    type: Literal["message_start"]
    message: MessageAnswer


@_closed
class BlockStart(TypedDict):
    """A block begins, empty."""

    type: Literal["content_block_start"]
    index: int
    content_block: AnswerBlock


@_closed
class TextDelta(TypedDict):
    """A token of the text."""

    type: Literal["text_delta"]
    text: str


@_closed
class ThinkingDelta(TypedDict):
    """A token of what was thought."""

    type: Literal["thinking_delta"]
    thinking: str


@_closed
class InputDelta(TypedDict):
    """The input of a call, as JSON text; it arrives whole."""

    type: Literal["input_json_delta"]
    partial_json: str


@_closed
class BlockDelta(TypedDict):
    """A block grows."""

    type: Literal["content_block_delta"]
    index: int
    delta: Annotated[
        TextDelta | ThinkingDelta | InputDelta, Field(discriminator="type")
    ]


@_closed
class BlockStop(TypedDict):
    """A block ends."""

    type: Literal["content_block_stop"]
    index: int


@_closed
class Stopped(TypedDict):
    """Why a message ends."""

    stop_reason: StopReason
    stop_sequence: str | None


@_closed
class MessageDelta(TypedDict):
    """The message as a whole: why it ends, and its usage."""

    type: Literal["message_delta"]
    delta: Stopped
    usage: MessageUsage


@_closed
class MessageStop(TypedDict):
    """A message ends."""

    type: Literal["message_stop"]


MessageEvent = Annotated[
    MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop,
    Field(discriminator="type"),
]
