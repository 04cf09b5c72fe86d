"""Request bodies as the API's types; fields that it does not know are ignored."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
)

from . import errors

# The API's own reader gives up at this depth.
MAX_DEPTH = 128
_TOO_DEEP = "recursion limit exceeded"
_NO_UNICODE = "invalid unicode code point"
# Longer integers are beyond a double.
MAX_DIGITS = 309
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


# Bounds of numbers; outside of them is a 400, where a wrong type is a 422.
# Source: docs.x.ai API reference, in xai-api.md section 3.1.
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "n": (1, 128),
    "max_completion_tokens": (1, float("inf")),
    "max_tokens": (1, float("inf")),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "top_logprobs": (0, 8),
}

# An object whose fields are the client's own.
OpenObject = Annotated[
    dict[str, JsonValue],
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
# What the API's integers hold.
Whole = Annotated[
    int,
    Field(ge=-(2**63), le=2**63 - 1),
    WithJsonSchema({"type": "integer", "format": "int64"}),
]
MAX_STOPS = 4
MAX_TOOLS = 128


def ranged(name: str) -> Any:  # Any: as of Field
    """Describe a field whose bounds are checked later."""
    low, high = RANGES[name]
    bounds = (
        {"minimum": low} if high == float("inf") else {"minimum": low, "maximum": high}
    )
    if name == "top_p":
        bounds = {"exclusiveMinimum": low, "maximum": high}
    return Field(default=None, json_schema_extra=dict(bounds))


class Body(BaseModel):
    """Base of all: JSON's own types, nothing converted."""

    model_config = ConfigDict(extra="ignore", strict=True)


class TextPart(Body):
    """A piece of text."""

    type: Literal["text"]
    text: str


class ImageUrl(Body):
    """Where an image is: an address or a data URI."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Body):
    """An image."""

    type: Literal["image_url"]
    image_url: ImageUrl


class FileRef(Body):
    """A stored or remote file."""

    file_id: str | None = None
    url: str | None = None


class FilePart(Body):
    """A file."""

    type: Literal["file"]
    file: FileRef


class TextFilePart(Body):
    """A file of text."""

    type: Literal["text_file"]
    text_file: OpenObject | None = None


Part = Annotated[
    TextPart | ImagePart | FilePart | TextFilePart, Field(discriminator="type")
]


class CalledFunction(Body):
    """Name and arguments (JSON text) of a call."""

    name: str
    arguments: str


class ToolCall(Body):
    """A call the assistant made."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Body):
    """One message, of any role, in any order."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class Function(Body):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: OpenObject | None = None
    strict: bool | None = None


class Tool(Body):
    """A tool; chat completions take functions only."""

    type: Literal["function"]
    function: Function


class FunctionName(Body):
    """The name of a function."""

    name: str


class NamedChoice(Body):
    """Force one function."""

    type: Literal["function"]
    function: FunctionName


class TextFormat(Body):
    """Free text."""

    type: Literal["text"]


class JsonFormat(Body):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(Body):
    """A JSON schema and its name."""

    name: str | None = None
    strict: bool | None = None
    definition: OpenObject = Field(alias="schema")


class SchemaFormat(Body):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


class StreamOptions(Body):
    """What a stream carries besides text."""

    include_usage: bool | None = None


class ChatRequest(Body):
    """The body of POST /v1/chat/completions. Source: xai-api.md section 3.1."""

    model: str
    messages: list[Message] = Field(json_schema_extra={"minItems": 1})
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Whole | None = ranged("max_completion_tokens")
    max_tokens: Whole | None = ranged("max_tokens")
    temperature: float | None = ranged("temperature")
    top_p: float | None = ranged("top_p")
    n: Whole | None = ranged("n")
    seed: Whole | None = None
    stop: str | list[str] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_STOPS}
    )
    frequency_penalty: float | None = ranged("frequency_penalty")
    presence_penalty: float | None = ranged("presence_penalty")
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: Whole | None = ranged("top_logprobs")
    reasoning_effort: str | None = None
    response_format: (
        Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")]
        | None
    ) = None
    tools: list[Tool] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_TOOLS}
    )
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    search_parameters: OpenObject | None = None
    web_search_options: OpenObject | None = None
    deferred: bool | None = None
    service_tier: Literal["default", "priority"] | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    safety_identifier: str | None = None


class TokenizeRequest(Body):
    """The body of POST /v1/tokenize-text."""

    text: str
    model: str
    user: str | None = None


_BodyT = TypeVar("_BodyT", bound=Body)


def parse_json(raw: bytes) -> Any:  # Any: whatever the client sent
    """
    Read JSON as strictly as the API does.

    Raises
    ------
    ValueError
        For what is no JSON in UTF-8, numbers beyond a double, NaN, half a surrogate
        pair, and nesting deeper than 128.
    """
    try:
        text = raw.decode()
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise ValueError(_NO_UNICODE) from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    layer = [value] if isinstance(value, dict | list) else []
    depth = 0
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        layer = [
            child
            for parent in layer
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    if _SURROGATE.search(text):
        # Whole pairs have become one character by now; what is left cannot be sent on.
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(_NO_UNICODE) from None
    return value


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("number out of range")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("number out of range")
    return number


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def read(model: type[_BodyT], raw: bytes) -> _BodyT:
    """
    Turn the bytes of a request into its type.

    Raises
    ------
    ApiError
        422 as the API words it; 410 for the retired live search is the caller's.
    """
    try:
        data = parse_json(raw)
    except ValueError as problem:
        raise _unreadable(str(problem)) from None
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        # A union reports each of its branches; the deepest one says most.
        details = problem.errors(include_url=False, include_context=False)
        detail = max(details, key=lambda one: len(one["loc"]))
        path = _path(detail["loc"], data, is_missing=detail["type"] == "missing")
        is_object = detail["type"] == "model_type"
        text = "Input should be an object" if is_object else detail["msg"]
        raise _unreadable(f"{path}: {text}" if path else text) from None
    except RecursionError:
        raise _unreadable(_TOO_DEEP) from None


def _unreadable(text: str) -> errors.ApiError:
    return errors.ApiError(422, None, errors.DESERIALIZE_TEXT + text)


def _path(location: tuple[int | str, ...], data: Any, *, is_missing: bool) -> str:
    """Write pydantic's location as a path, without the names of union branches."""
    path = ""
    for position, step in enumerate(location):
        is_absent = is_missing and position == len(location) - 1
        if isinstance(data, dict) and isinstance(step, str):
            if step not in data and not is_absent:
                continue
            path += f".{step}" if path else step
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            path += f"[{step}]"
            data = data[step]
    return path
