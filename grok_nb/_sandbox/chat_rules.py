"""What chat completions accept, and what a request comes to before it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import errors, images, schemas, tokens
from .brain import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .catalog import Catalog, Model
    from .schemas import ChatRequest, Message

MAX_CHOICES = 128
MAX_STOPS = 4
MAX_TOOLS = 128
MAX_TOP_LOGPROBS = 8
# Hidden tokens around each message; the API has some, their number is not known.
MESSAGE_TOKENS = 3
# Names the API keeps for itself. Source: issues of 2026, xai-api.md section 3.3.
_RESERVED_TOOLS = frozenset({"tool_search"})
_EMPTY_TEXT = (
    "Invalid request content: Each message must have at least one content element."
)


@dataclass(frozen=True, slots=True)
class Job:
    """A valid request: the model that serves it and what is asked of it."""

    model: Model
    question: Question
    prompt_text_tokens: int
    prompt_image_tokens: int
    choices: int
    max_tokens: int | None
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool
    service_tier: str | None

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the prompt."""
        return self.prompt_text_tokens + self.prompt_image_tokens


def prepare(raw: bytes, catalog: Catalog, vintage: str) -> Job:
    """
    Read, check and measure the body of a chat completion.

    Raises
    ------
    ApiError
        As the API answers it; section 13 of xai-api.md.
    """
    request = schemas.read(schemas.ChatRequest, raw)
    if request.search_parameters is not None and vintage != "2025":
        raise errors.ApiError(410, None, errors.LIVE_SEARCH_TEXT)
    resolved = catalog.resolve(request.model)
    if resolved is None:
        raise errors.unknown_model(request.model)
    model = resolved.model
    if model.kind != "language" or not model.accepts("chat_completions"):
        raise errors.invalid(f"Model {model.id} is not served by chat completions.")
    _check_messages(request.messages)
    _check_ranges(request)
    _check_tools(request)
    _check_family(request, model, vintage)
    image_tokens = sum(
        images.tokens(part.image_url.url, part.image_url.detail)
        for part in _image_parts(request.messages)
    )
    text_tokens = _text_tokens(request)
    total = text_tokens + image_tokens
    if total > model.context_length:
        raise errors.invalid(
            f"This model's maximum prompt length is {model.context_length} but the "
            f"request contains {total} tokens."
        )
    effort = request.reasoning_effort or resolved.effort or model.default_effort
    options = request.stream_options
    return Job(
        model=model,
        question=_question(request, effort or "medium" if model.reasons else None),
        prompt_text_tokens=text_tokens,
        prompt_image_tokens=image_tokens,
        choices=request.n or 1,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        stops=_stops(request),
        stream=bool(request.stream),
        include_usage=options is not None and bool(options.include_usage),
        service_tier=request.service_tier,
    )


def _check_messages(messages: list[Message]) -> None:
    if not messages:
        raise errors.invalid(_EMPTY_TEXT)
    for message in messages:
        # A call has nothing to say, and a tool may have returned nothing.
        may_be_empty = message.tool_calls or message.role in {"tool", "function"}
        if not message.content and not may_be_empty:
            raise errors.invalid(_EMPTY_TEXT)


def _check_ranges(request: ChatRequest) -> None:
    limits: tuple[tuple[str, float, float], ...] = (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("n", 1, MAX_CHOICES),
        ("max_completion_tokens", 1, float("inf")),
        ("max_tokens", 1, float("inf")),
        ("frequency_penalty", -2, 2),
        ("presence_penalty", -2, 2),
        ("top_logprobs", 0, MAX_TOP_LOGPROBS),
    )
    for name, low, high in limits:
        value = getattr(request, name)
        if value is None:
            continue
        if not low <= value <= high or (name == "top_p" and value == 0):
            bounds = f"at least {low}" if high == float("inf") else f"{low} to {high}"
            raise errors.invalid(f"Invalid value for {name}: it must be {bounds}.")
    if request.top_logprobs is not None and not request.logprobs:
        raise errors.invalid("top_logprobs needs logprobs to be true.")
    if len(_stops(request)) > MAX_STOPS:
        raise errors.invalid(f"stop takes at most {MAX_STOPS} sequences.")
    if request.deferred:
        raise errors.invalid("The sandbox does not serve deferred completions yet.")


def _check_tools(request: ChatRequest) -> None:
    tools = request.tools or []
    if len(tools) > MAX_TOOLS:
        raise errors.invalid(f"tools takes at most {MAX_TOOLS} entries.")
    names = [tool.function.name for tool in tools]
    for tool in tools:
        if tool.function.name in _RESERVED_TOOLS or not tool.function.name:
            raise errors.invalid(f"The tool name {tool.function.name!r} is reserved.")
        root = (tool.function.parameters or {}).get("type", "object")
        if root != "object":
            raise errors.invalid(
                f"The root of the parameters of {tool.function.name} must be an object."
            )
    choice = request.tool_choice
    if isinstance(choice, schemas.NamedChoice) and choice.function.name not in names:
        raise errors.invalid(f"tool_choice names no tool: {choice.function.name}.")
    if choice == "required" and not tools:
        raise errors.invalid("tool_choice is required but there are no tools.")


def _check_family(request: ChatRequest, model: Model, vintage: str) -> None:
    effort = request.reasoning_effort
    # Present is enough: a literal 0 is refused as well.
    refused = {
        "presencePenalty": request.presence_penalty is not None
        and not model.accepts("penalties"),
        "frequencyPenalty": request.frequency_penalty is not None
        and not model.accepts("penalties"),
        "stop": request.stop is not None and not model.accepts("stop"),
        "reasoningEffort": effort is not None and not model.efforts,
    }
    for parameter, is_refused in refused.items():
        if is_refused:
            raise errors.unsupported(model.id, parameter, vintage)
    if effort is not None and effort not in model.efforts:
        raise errors.invalid(
            f"Invalid reasoning effort {effort!r} for model {model.id}: expected one "
            f"of {', '.join(model.efforts)}."
        )


def _stops(request: ChatRequest) -> tuple[str, ...]:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    return tuple(stop for stop in stops if stop)


def _image_parts(messages: list[Message]) -> Iterator[schemas.ImagePart]:
    for message in messages:
        if isinstance(message.content, list):
            for part in message.content:
                if isinstance(part, schemas.ImagePart):
                    yield part


def _text_of(message: Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    parts = message.content
    return "\n".join(p.text for p in parts if isinstance(p, schemas.TextPart))


def _text_tokens(request: ChatRequest) -> int:
    total = 0
    for message in request.messages:
        total += MESSAGE_TOKENS + tokens.count(_text_of(message))
        for call in message.tool_calls or []:
            total += tokens.count(call.function.name + call.function.arguments)
    # Tools and schemas are put before the messages as text.
    extras: list[schemas.Body] = list(request.tools or [])
    if isinstance(request.response_format, schemas.SchemaFormat):
        extras.append(request.response_format)
    for extra in extras:
        total += tokens.count(json.dumps(extra.model_dump(exclude_none=True)))
    return total


def _question(request: ChatRequest, effort: str | None) -> Question:
    messages = request.messages
    asked = [_text_of(m) for m in messages if m.role == "user"]
    system = [_text_of(m) for m in messages if m.role in {"system", "developer"}]
    return Question(
        text=asked[-1] if asked else "",
        system="\n".join(system),
        roles=tuple(message.role for message in messages),
        effort=None if effort == "none" else effort,
        notes=tuple(_notes(request)),
    )


def _notes(request: ChatRequest) -> Iterator[str]:
    seen: list[Any] = [
        images.size_of_url(part.image_url.url)
        for part in _image_parts(request.messages)
    ]
    if seen:
        sizes = [f"{s.format} {s.width}x{s.height}" if s else "unread" for s in seen]
        yield f"Images: {len(sizes)} ({', '.join(sizes)})"
    if request.tools:
        names = ", ".join(tool.function.name for tool in request.tools)
        yield f"Tools: {names} (the sandbox calls none yet)"
    if request.response_format and request.response_format.type != "text":
        yield f"Response format: {request.response_format.type} (not filled in yet)"
    if request.search_parameters is not None:
        yield "Live search: accepted, but nothing is searched"
