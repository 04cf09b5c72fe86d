"""What chat completions accept, and what a request comes to before it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import errors, live_search, schema_rules, schemas, tokens
from .brain import Question
from .live_search import SearchingChatRequest
from .media import attachments, sight
from .schemas import MAX_STOPS, MAX_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .catalog import Catalog, Model, Resolved
    from .corpus import Page
    from .media.attachments import FindFile
    from .media.sight import Sight
    from .schemas import ChatRequest, Message

# Hidden tokens around each message; the API has some, their number is not known.
MESSAGE_TOKENS = 3
# Names the API keeps for itself. Source: issues of 2026, xai-api.md section 3.3.
_RESERVED_TOOLS = frozenset({"tool_search"})
EMPTY_TEXT = (
    "Invalid request content: Each message must have at least one content element."
)


@dataclass(frozen=True, slots=True)
class Job:
    """A valid request: the model that serves it and what is asked of it."""

    model: Model
    request: ChatRequest
    question: Question
    prompt_text_tokens: int
    prompt_image_tokens: int
    choices: int
    max_tokens: int | None
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool
    service_tier: str | None
    vintage: str = "2026"
    top_logprobs: int | None = None
    sources: tuple[Page, ...] = ()
    citations: tuple[str, ...] | None = None

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the prompt."""
        return self.prompt_text_tokens + self.prompt_image_tokens


def prepare(
    raw: bytes, catalog: Catalog, vintage: str, find_file: FindFile | None = None
) -> Job:
    """
    Read, check and measure the body of a chat completion.

    Parameters
    ----------
    raw : bytes
        The body.
    catalog : Catalog
        The models.
    vintage : {"2026", "2025"}
        Whose rules.
    find_file : callable, optional
        Gives the stored file of an id; without, files are not opened.

    Raises
    ------
    ApiError
        As the API answers it; section 13 of xai-api.md.
    """
    request = _read(raw, vintage)
    return settle(request, _serving(request.model, catalog), vintage, find_file)


def settle(
    request: ChatRequest,
    resolved: Resolved,
    vintage: str,
    find_file: FindFile | None = None,
) -> Job:
    """
    Check and measure a request that was read, for the model that serves it.

    Raises
    ------
    ApiError
        As for `prepare`.
    """
    model = resolved.model
    _check_messages(request.messages)
    _check_ranges(request)
    _check_tools(request)
    _check_format(request)
    if find_file is not None:
        request = _unpacked(request, find_file)
    _check_family(request, model, vintage)
    seen = sight.look(
        (
            (part.image_url.url, part.image_url.detail)
            for part in _image_parts(request.messages)
        ),
        vintage,
    )
    text_tokens = _text_tokens(request)
    total = text_tokens + seen.tokens
    if total > model.context_length:
        raise errors.invalid(
            f"This model's maximum prompt length is {model.context_length} but the "
            f"request contains {total} tokens."
        )
    sources, citations = _searched(request)
    effort = request.reasoning_effort or resolved.effort or model.default_effort
    options = request.stream_options
    has_logprobs = model.returns_logprobs and bool(request.logprobs)
    return Job(
        model=model,
        request=request,
        question=_question(
            request, effort or "medium" if model.reasons else None, sources, seen
        ),
        prompt_text_tokens=text_tokens,
        prompt_image_tokens=seen.tokens,
        choices=request.n or 1,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        stops=_stops(request),
        stream=bool(request.stream),
        include_usage=options is not None and bool(options.include_usage),
        service_tier=request.service_tier,
        vintage=vintage,
        top_logprobs=request.top_logprobs or 0 if has_logprobs else None,
        sources=sources,
        citations=citations,
    )


def _read(raw: bytes, vintage: str) -> ChatRequest:
    if vintage == "2025":
        return schemas.read(SearchingChatRequest, raw)
    request = schemas.read(schemas.ChatRequest, raw)
    if request.search_parameters is not None:
        raise errors.ApiError(410, None, errors.LIVE_SEARCH_TEXT)
    return request


def _serving(name: str, catalog: Catalog) -> Resolved:
    resolved = catalog.resolve(name)
    if resolved is None:
        raise errors.unknown_model(name)
    model = resolved.model
    if model.kind != "language" or not model.accepts("chat_completions"):
        raise errors.invalid(f"Model {model.id} is not served by chat completions.")
    return resolved


def _check_messages(messages: list[Message]) -> None:
    if not messages:
        raise errors.invalid(EMPTY_TEXT)
    for message in messages:
        # A call has nothing to say, and a tool may have returned nothing.
        may_be_empty = message.tool_calls or message.role in {"tool", "function"}
        if not message.content and not may_be_empty:
            raise errors.invalid(EMPTY_TEXT)
        parts = message.content if isinstance(message.content, list) else []
        for part in parts:
            _check_part(message, part)


def _check_part(message: Message, part: schemas.Part) -> None:
    if message.role == "tool" and not isinstance(part, schemas.TextPart):
        raise errors.invalid("The content of a tool message must be text.")
    if isinstance(part, schemas.FilePart):
        named = [part.file.file_id, part.file.url]
        if sum(name is not None for name in named) != 1:
            raise errors.invalid("A file part needs either file_id or url.")


def _unpacked(request: ChatRequest, find_file: FindFile) -> ChatRequest:
    messages = []
    for message in request.messages:
        content = message.content
        if isinstance(content, list):
            content = attachments.unpacked(content, find_file)
        messages.append(message.model_copy(update={"content": content}))
    return request.model_copy(update={"messages": messages})


def _check_ranges(request: ChatRequest) -> None:
    for name, (low, high) in schemas.RANGES.items():
        value = getattr(request, name)
        if value is None:
            continue
        if not low <= value <= high or (name == "top_p" and value == 0):
            bounds = f"at least {low}" if high == float("inf") else f"{low} to {high}"
            raise errors.invalid(f"Invalid value for {name}: it must be {bounds}.")
    # The API's own reference shows a literal 0 beside false.
    if request.top_logprobs and not request.logprobs:
        raise errors.invalid("top_logprobs needs logprobs to be true.")
    if len(_stops(request)) > MAX_STOPS:
        raise errors.invalid(f"stop takes at most {MAX_STOPS} sequences.")
    if request.deferred and request.stream:
        raise errors.invalid("A deferred completion cannot be streamed.")


def _check_tools(request: ChatRequest) -> None:
    tools = request.tools or []
    if len(tools) > MAX_TOOLS:
        raise errors.invalid(f"tools takes at most {MAX_TOOLS} entries.")
    names = [tool.function.name for tool in tools]
    for tool in tools:
        name, parameters = tool.function.name, tool.function.parameters
        if name in _RESERVED_TOOLS or not name:
            raise errors.invalid(f"The tool name {name!r} is reserved.")
        if names.count(name) > 1:
            raise errors.invalid(f"Two tools have the name {name!r}.")
        if parameters is None:
            continue
        if not schema_rules.has_object_root(parameters):
            raise errors.invalid(
                f"The root of the parameters of {name} must be an object."
            )
        schema_rules.check(parameters, f"tool {name}")
    choice = request.tool_choice
    if isinstance(choice, schemas.NamedChoice) and choice.function.name not in names:
        raise errors.invalid(f"tool_choice names no tool: {choice.function.name}.")
    if choice == "required" and not tools:
        raise errors.invalid("tool_choice is required but there are no tools.")


def _check_format(request: ChatRequest) -> None:
    wanted = request.response_format
    if isinstance(wanted, schemas.SchemaFormat):
        schema_rules.check(wanted.json_schema.definition, "response_format")


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
        "tools": bool(request.tools) and not model.accepts("function_calling"),
        "responseFormat": isinstance(request.response_format, schemas.SchemaFormat)
        and not model.accepts("structured_outputs"),
    }
    for parameter, is_refused in refused.items():
        if is_refused:
            raise errors.unsupported(model.id, parameter, vintage)
    if effort is not None and effort not in model.efforts:
        raise errors.invalid(
            f"Invalid reasoning effort {effort!r} for model {model.id}: expected one "
            f"of {', '.join(model.efforts)}."
        )
    if not model.sees and next(_image_parts(request.messages), None) is not None:
        raise errors.invalid(f"Model {model.id} does not support image input.")


def _searched(
    request: ChatRequest,
) -> tuple[tuple[Page, ...], tuple[str, ...] | None]:
    """Give the pages a live search finds, and the citations if they are wanted."""
    if not isinstance(request, SearchingChatRequest):
        return (), None
    wanted = request.search_parameters
    if wanted is None:
        return (), None
    live_search.check(wanted)
    asked = [_text_of(m) for m in request.messages if m.role == "user"]
    found = live_search.search(wanted, asked[-1] if asked else "")
    has_citations = (
        wanted.mode in {"auto", "on"} and wanted.return_citations is not False
    )
    return found, tuple(page.url for page in found) if has_citations else None


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


def _question(
    request: ChatRequest,
    effort: str | None,
    sources: tuple[Page, ...],
    seen: Sight,
) -> Question:
    messages = request.messages
    asked = [_text_of(m) for m in messages if m.role == "user"]
    system = [_text_of(m) for m in messages if m.role in {"system", "developer"}]
    return Question(
        text=asked[-1] if asked else "",
        system="\n".join(system),
        roles=tuple(message.role for message in messages),
        effort=None if effort == "none" else effort,
        notes=(*_notes(request, seen), *_found(sources)),
        sight=seen,
    )


def _notes(request: ChatRequest, seen: Sight) -> Iterator[str]:
    if seen.pictures:
        yield seen.noted()
    if request.tools:
        names = ", ".join(tool.function.name for tool in request.tools)
        yield f"Tools: {names} (none was called)"
    if request.response_format and request.response_format.type != "text":
        yield f"Response format: {request.response_format.type}"


def _found(sources: tuple[Page, ...]) -> Iterator[str]:
    for number, page in enumerate(sources, 1):
        yield f"[{number}] {page.title}: {page.text} ({page.url})"
