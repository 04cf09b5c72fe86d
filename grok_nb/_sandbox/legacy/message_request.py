"""The body of POST /v1/messages. Source: xai-api.md section 8.1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from grok_nb._sandbox.schemas import (
    MAX_STOPS,
    MAX_TOOLS,
    Body,
    OpenObject,
    Whole,
    ranged,
)

ROLES = ("user", "assistant")
# Read as any text: what is none of the roles is a 400 with a text of its own.
_Role = Annotated[str, WithJsonSchema({"type": "string", "enum": list(ROLES)})]


class Cached(Body):
    """
    What may carry a mark for Anthropic's prompt cache.

    The API lists the mark as unsupported, and clients send it with every request: it
    is taken and changes nothing.
    """

    cache_control: OpenObject | None = None


class TextBlock(Cached):
    """A piece of text."""

    type: Literal["text"]
    text: str


class Base64Source(Body):
    """An image within the request."""

    type: Literal["base64"]
    media_type: str
    data: str


class UrlSource(Body):
    """An image at an address."""

    type: Literal["url"]
    url: str


class ImageBlock(Cached):
    """An image."""

    type: Literal["image"]
    source: Annotated[Base64Source | UrlSource, Field(discriminator="type")]


class ToolUseBlock(Cached):
    """A call the assistant made."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: OpenObject


ResultBlock = Annotated[TextBlock | ImageBlock, Field(discriminator="type")]


class ToolResultBlock(Cached):
    """What a call returned."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[ResultBlock] | None = None
    is_error: bool | None = None


class ThinkingBlock(Body):
    """What the assistant thought."""

    type: Literal["thinking"]
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Body):
    """What the assistant thought, sealed."""

    type: Literal["redacted_thinking"]
    data: str


Block = Annotated[
    TextBlock
    | ImageBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock,
    Field(discriminator="type"),
]


class GivenMessage(Body):
    """One message."""

    role: _Role
    content: str | list[Block]


class InputSchema(Body):
    """
    The JSON schema of a tool's input.

    ``required`` cannot be left out. Source: an issue of 2026, xai-api.md section 8.1.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["object"]
    properties: OpenObject | None = None
    required: list[str]


class MessageTool(Cached):
    """A function the model may call."""

    name: str
    description: str | None = None
    input_schema: InputSchema


class AutoChoice(Body):
    """Leave it to the model whether to call a tool."""

    type: Literal["auto"]
    disable_parallel_tool_use: bool | None = None


class AnyChoice(Body):
    """Have some tool called."""

    type: Literal["any"]
    disable_parallel_tool_use: bool | None = None


class ToolChoice(Body):
    """Have one tool called."""

    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool | None = None


class NoChoice(Body):
    """Have no tool called."""

    type: Literal["none"]


class Metadata(Body):
    """Who asks."""

    user_id: str | None = None


class ThinkingOn(Body):
    """Think, with a budget that the API has no use for."""

    type: Literal["enabled"]
    budget_tokens: Whole


class ThinkingAdaptive(Body):
    """Think as needed."""

    type: Literal["adaptive"]


class ThinkingOff(Body):
    """Do not think, where the model can be told so."""

    type: Literal["disabled"]


class MessagesRequest(Body):
    """
    The body of POST /v1/messages.

    ``top_k`` is unsupported: it is taken and changes nothing.

    Source: xai-api.md section 8.1; stops, tools and temperature as xAI's OpenAPI
    description has them (2026).
    """

    model: str
    max_tokens: Whole = Field(json_schema_extra={"minimum": 1})
    messages: list[GivenMessage] = Field(json_schema_extra={"minItems": 1})
    system: str | list[TextBlock] | None = None
    stop_sequences: list[str] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_STOPS}
    )
    stream: bool | None = None
    temperature: float | None = ranged("temperature")
    top_p: float | None = ranged("top_p")
    top_k: Whole | None = None
    tools: list[MessageTool] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_TOOLS}
    )
    tool_choice: (
        Annotated[
            AutoChoice | AnyChoice | ToolChoice | NoChoice, Field(discriminator="type")
        ]
        | None
    ) = None
    metadata: Metadata | None = None
    thinking: (
        Annotated[
            ThinkingOn | ThinkingAdaptive | ThinkingOff, Field(discriminator="type")
        ]
        | None
    ) = None
