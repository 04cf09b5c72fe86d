"""What responses accept, and what a request comes to before it is answered."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grok_nb._sandbox import chat_rules, errors, schema_rules, schemas, tasks, tokens
from grok_nb._sandbox.media import files

from . import conversation
from .request import (
    INCLUDES,
    MAX_COLLECTIONS,
    MAX_DOMAINS,
    MAX_HANDLES,
    FileSearchTool,
    FlatSchemaFormat,
    FunctionChoice,
    FunctionTool,
    McpTool,
    ResponsesRequest,
    ServerTool,
    WebSearchTool,
    XSearchTool,
)

if TYPE_CHECKING:
    from grok_nb._sandbox.brain import Question
    from grok_nb._sandbox.catalog import Catalog, Model, Resolved
    from grok_nb._sandbox.desk import Desk

    from .stored import Stored


@dataclass(frozen=True, slots=True)
class ResponseJob:
    """
    A valid request.

    Parameters
    ----------
    request : ResponsesRequest
        As it came.
    chat : Job
        The same question as chat completions would have it.
    question : Question
        What is asked, with its task.
    items : tuple of dict
        The whole input: what was said before, and what came now.
    server_tools : tuple
        The tools of the server that may be used.
    must_use_tool : bool
        Whether some tool has to be used.
    vintage : str
        Whose year's answer.
    """

    request: ResponsesRequest
    chat: chat_rules.Job
    question: Question
    items: tuple[dict[str, Any], ...]
    server_tools: tuple[ServerTool, ...]
    must_use_tool: bool
    vintage: str

    @property
    def model(self) -> Model:
        """The model that serves it."""
        return self.chat.model

    def includes(self, what: str) -> bool:
        """Whether the answer is to hold something more."""
        return what in (self.request.include or ())


def prepare(raw: bytes, desk: Desk, stored: Stored) -> ResponseJob:
    """
    Read, check and measure the body of a request for a response.

    Call it beside the event loop where pictures or files may have to be fetched.

    Parameters
    ----------
    raw : bytes
        The body.
    desk : Desk
        Whose models, files and rules.
    stored : Stored
        What may be continued.

    Raises
    ------
    ApiError
        As the API answers it; sections 6 and 13 of xai-api.md.
    """
    request = schemas.read(ResponsesRequest, raw)
    vintage = desk.settings.vintage
    if request.search_parameters is not None and vintage != "2025":
        raise errors.ApiError(410, None, errors.LIVE_SEARCH_TEXT)
    _check_fields(request)
    resolved = _serving(request.model, desk.catalog)
    _check_tools(request, vintage)
    _check_family(request, resolved.model, vintage)
    items = conversation.as_items(request.input)
    if request.previous_response_id is not None:
        items = [*stored.items_after(request.previous_response_id), *items]
    find_file = functools.partial(files.find, desk)
    said = conversation.read(items, request.instructions, find_file)
    asked = _as_chat(request, said)
    job = chat_rules.settle(asked, resolved, vintage)
    server_tools = _server_tools(request)
    other = said.other_tokens + sum(
        tokens.count_json(tool.model_dump(exclude_none=True)) for tool in server_tools
    )
    job = replace(job, prompt_text_tokens=job.prompt_text_tokens + other)
    seen = job.question.sight.labelled()
    question = replace(job.question, task=tasks.of(asked, seen))
    choice = request.tool_choice
    is_free = not isinstance(choice, FunctionChoice) and choice != "none"
    return ResponseJob(
        request=request,
        chat=job,
        question=question,
        items=tuple(items),
        server_tools=server_tools if is_free else (),
        must_use_tool=choice == "required",
        vintage=vintage,
    )


def _wrong(name: str, text: str) -> errors.ApiError:
    return errors.invalid(f"Invalid value for {name}: {text}.")


def _check_fields(request: ResponsesRequest) -> None:
    if not request.input:
        raise errors.invalid(chat_rules.EMPTY_TEXT)
    if request.background:
        raise errors.invalid("background is not supported.")
    if request.instructions is not None and request.previous_response_id is not None:
        raise errors.invalid(
            "instructions cannot be combined with previous_response_id."
        )
    for name in ("max_output_tokens", "max_turns"):
        value: int | None = getattr(request, name)
        if value is not None and value < 1:
            raise _wrong(name, "it must be at least 1")
    for place, name in enumerate(request.include or []):
        if name not in INCLUDES:
            known = ", ".join(INCLUDES)
            raise _wrong(f"include[{place}]", f"expected one of {known}")
    wanted = request.text.format if request.text else None
    if isinstance(wanted, FlatSchemaFormat):
        schema_rules.check(wanted.definition, "text.format")


def _serving(name: str, catalog: Catalog) -> Resolved:
    resolved = catalog.resolve(name)
    if resolved is None:
        raise errors.unknown_model(name)
    model = resolved.model
    if model.kind != "language" or not model.accepts("responses"):
        raise errors.invalid(f"Model {model.id} is not served by responses.")
    return resolved


def _check_family(request: ResponsesRequest, model: Model, vintage: str) -> None:
    if request.max_output_tokens is not None and not model.accepts("max_output_tokens"):
        raise errors.unsupported(model.id, "maxOutputTokens", vintage)
    for tool in _server_tools(request):
        if not model.accepts("server_tools"):
            raise errors.invalid(
                f"Model {model.id} does not support the server-side tool {tool.type}."
            )


def _server_tools(request: ResponsesRequest) -> tuple[ServerTool, ...]:
    tools = request.tools or []
    return tuple(tool for tool in tools if not isinstance(tool, FunctionTool))


def _check_tools(request: ResponsesRequest, vintage: str) -> None:
    tools = request.tools or []
    if len(tools) > schemas.MAX_TOOLS:
        raise errors.invalid(f"tools takes at most {schemas.MAX_TOOLS} entries.")
    for place, tool in enumerate(tools):
        problem = None
        if isinstance(tool, WebSearchTool):
            problem = _problem_of_web(tool)
        elif isinstance(tool, XSearchTool):
            problem = _problem_of_x(tool, MAX_HANDLES[vintage])
        elif isinstance(tool, FileSearchTool):
            problem = _problem_of_files(tool)
        elif isinstance(tool, McpTool):
            problem = _problem_of_mcp(tool)
        if problem is not None:
            raise _wrong(f"tools[{place}].{problem[0]}", problem[1])


_Problem = tuple[str, str] | None


def _problem_of_web(tool: WebSearchTool) -> _Problem:
    if tool.external_web_access is not None:
        return "external_web_access", "it is not supported"
    nested = tool.filters
    for name in ("allowed_domains", "excluded_domains"):
        for where, lists in (("filters.", nested), ("", tool)):
            if len(getattr(lists, name, None) or ()) > MAX_DOMAINS:
                return where + name, f"it takes at most {MAX_DOMAINS} entries"
    allowed, excluded = domains_of(tool)
    if allowed and excluded:
        return "allowed_domains", "it excludes excluded_domains"
    return None


def domains_of(tool: WebSearchTool) -> tuple[list[str], list[str]]:
    """Give the allowed and the excluded domains of a web search."""
    allowed, excluded = tool.allowed_domains or [], tool.excluded_domains or []
    if tool.filters is not None:
        allowed = allowed or tool.filters.allowed_domains or []
        excluded = excluded or tool.filters.excluded_domains or []
    return allowed, excluded


def _problem_of_x(tool: XSearchTool, most: int) -> _Problem:
    for name in ("allowed_x_handles", "excluded_x_handles"):
        if len(getattr(tool, name) or ()) > most:
            return name, f"it takes at most {most} entries"
    if tool.allowed_x_handles and tool.excluded_x_handles:
        return "allowed_x_handles", "it excludes excluded_x_handles"
    for name in ("from_date", "to_date"):
        if getattr(tool, name) is not None and day(getattr(tool, name)) is None:
            return name, "it must be a date as YYYY-MM-DD"
    first, last = day(tool.from_date), day(tool.to_date)
    if first is not None and last is not None and first > last:
        return "from_date", "it must not be after to_date"
    return None


def day(text: str | None) -> datetime.date | None:
    """Read a day, None for what is none."""
    try:
        # A bare fromisoformat would also take 20250101 and 2025-W01-1.
        return datetime.datetime.strptime(text or "", "%Y-%m-%d").date()  # noqa: DTZ007 - a day, no time
    except ValueError:
        return None


def _problem_of_files(tool: FileSearchTool) -> _Problem:
    if not tool.vector_store_ids:
        return "vector_store_ids", "it needs at least one id"
    if len(tool.vector_store_ids) > MAX_COLLECTIONS:
        return "vector_store_ids", f"it takes at most {MAX_COLLECTIONS} entries"
    if tool.max_num_results is not None and tool.max_num_results < 1:
        return "max_num_results", "it must be at least 1"
    return None


def _problem_of_mcp(tool: McpTool) -> _Problem:
    try:
        address = urlsplit(tool.server_url)
        is_good = address.scheme in {"http", "https"} and bool(address.hostname)
        address.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        is_good = False
    return None if is_good else ("server_url", "it must be an http(s) address")


def _as_chat(
    request: ResponsesRequest, said: conversation.Conversation
) -> schemas.ChatRequest:
    functions = [t for t in request.tools or [] if isinstance(t, FunctionTool)]
    choice: Any = request.tool_choice
    if isinstance(choice, FunctionChoice):
        named = schemas.FunctionName(name=choice.name)
        choice = schemas.NamedChoice(type="function", function=named)
    elif choice == "required" and _server_tools(request):
        # A tool of the server will do.
        choice = "auto"
    wanted: Any = request.text.format if request.text else None
    if isinstance(wanted, FlatSchemaFormat):
        schema = schemas.NamedSchema(
            name=wanted.name, strict=wanted.strict, schema=wanted.definition
        )
        wanted = schemas.SchemaFormat(type="json_schema", json_schema=schema)
    return schemas.ChatRequest(
        model=request.model,
        messages=said.messages,
        stream=request.stream,
        temperature=request.temperature,
        top_p=request.top_p,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        reasoning_effort=request.reasoning.effort if request.reasoning else None,
        response_format=wanted,
        tools=[
            schemas.Tool(
                type="function",
                function=schemas.Function(
                    name=tool.name,
                    description=tool.description,
                    parameters=tool.parameters,
                    strict=tool.strict,
                ),
            )
            for tool in functions
        ]
        or None,
        tool_choice=choice,
        parallel_tool_calls=request.parallel_tool_calls,
        service_tier=request.service_tier,
    )
