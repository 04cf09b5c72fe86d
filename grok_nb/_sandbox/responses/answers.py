"""The bodies of responses as types. Source: xai-api.md section 6.5."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.answers import TokenLogprob  # noqa: TC001 - read at run time
from grok_nb._sandbox.schemas import OpenObject  # noqa: TC001 - read at run time

from .usage import ResponseUsage  # noqa: TC001 - read at run time

_closed = with_config(ConfigDict(extra="forbid", strict=True))
Progress = Literal["in_progress", "completed", "incomplete", "failed"]


# -- output items -------------------------------------------------------------------


@_closed
class SummaryText(TypedDict):
    """A part of the summary of the reasoning."""

    type: Literal["summary_text"]
    text: str


@_closed
class ReasoningOutput(TypedDict):
    """The reasoning, before everything else."""

    type: Literal["reasoning"]
    id: str
    status: Progress
    summary: list[SummaryText]
    encrypted_content: NotRequired[str]


@_closed
class UrlCitation(TypedDict):
    """A source, and the place of its marker in the text."""

    type: Literal["url_citation"]
    url: str
    title: NotRequired[str]
    start_index: NotRequired[int]
    end_index: NotRequired[int]


@_closed
class OutputText(TypedDict):
    """A piece of text."""

    type: Literal["output_text"]
    text: str
    logprobs: list[TokenLogprob]
    annotations: list[UrlCitation]


@_closed
class OutputRefusal(TypedDict):
    """Why there is no text."""

    type: Literal["refusal"]
    refusal: str


OutputPart = Annotated[OutputText | OutputRefusal, Field(discriminator="type")]


@_closed
class OutputMessage(TypedDict):
    """What the assistant says."""

    type: Literal["message"]
    id: str
    role: Literal["assistant"]
    status: Progress
    content: list[OutputPart]


@_closed
class FunctionCallOutput(TypedDict):
    """A call of a function; it ends the response."""

    type: Literal["function_call"]
    id: str
    call_id: str
    name: str
    arguments: str
    status: Progress


@_closed
class FoundSource(TypedDict):
    """An address that a search found."""

    type: Literal["url"]
    url: str


@_closed
class SearchAction(TypedDict):
    """A search of the web; its sources only where they are included."""

    type: Literal["search"]
    query: str
    sources: list[FoundSource]


@_closed
class OpenPageAction(TypedDict):
    """A page of the web was opened."""

    type: Literal["open_page"]
    url: str


@_closed
class WebSearchCall(TypedDict):
    """A use of the web."""

    type: Literal["web_search_call"]
    id: str
    status: Progress
    action: Annotated[SearchAction | OpenPageAction, Field(discriminator="type")]


@_closed
class CustomToolCall(TypedDict):
    """A search on X, or a look at something; the input is JSON text."""

    type: Literal["custom_tool_call"]
    id: str
    status: Progress
    call_id: str
    name: str
    input: str


@_closed
class XSearchCall(TypedDict):
    """The same as it was called in 2025."""

    type: Literal["x_search_call"]
    id: str
    status: Progress
    name: str
    arguments: str


@_closed
class CodeLogs(TypedDict):
    """What code printed."""

    type: Literal["logs"]
    logs: str


@_closed
class CodeInterpreterCall(TypedDict):
    """Something worked out; its outputs only where they are included."""

    type: Literal["code_interpreter_call"]
    id: str
    status: Progress
    code: str
    outputs: list[CodeLogs] | None
    container_id: str


@_closed
class FileMatch(TypedDict):
    """A piece of a file that fits."""

    file_id: str
    filename: str
    score: float
    text: str


@_closed
class FileSearchCall(TypedDict):
    """A search in files; its results only where they are included."""

    type: Literal["file_search_call"]
    id: str
    status: Progress
    queries: list[str]
    results: list[FileMatch] | None


@_closed
class McpCall(TypedDict):
    """A call of another server's tool."""

    type: Literal["mcp_call"]
    id: str
    status: Progress
    name: str
    arguments: str
    server_label: str
    output: str | None
    error: str | None


@_closed
class ImageGenerationCall(TypedDict):
    """A picture that was asked for."""

    type: Literal["image_generation_call"]
    id: str
    status: Progress
    prompt: str
    result: str | None


OutputItem = Annotated[
    ReasoningOutput
    | OutputMessage
    | FunctionCallOutput
    | WebSearchCall
    | CustomToolCall
    | XSearchCall
    | CodeInterpreterCall
    | FileSearchCall
    | McpCall
    | ImageGenerationCall,
    Field(discriminator="type"),
]


# -- the response -------------------------------------------------------------------


@_closed
class ReasoningSettings(TypedDict):
    """How much was reasoned."""

    effort: str | None
    summary: str


@_closed
class TextSettings(TypedDict):
    """The form that was asked for, as it was asked for."""

    format: OpenObject


@_closed
class ResponseMetadata(TypedDict):
    """What served the request."""

    system_fingerprint: str


@_closed
class IncompleteDetails(TypedDict):
    """Why a response ends too soon."""

    reason: Literal["max_output_tokens"]


@_closed
class ResponseError(TypedDict):
    """Why a response failed."""

    code: str
    message: str


@_closed
class NamedFunction(TypedDict):
    """The function that had to be called."""

    type: Literal["function"]
    name: str


@_closed
class Response(TypedDict):
    """A response."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    model: str
    store: bool
    previous_response_id: str | None
    output: list[OutputItem]
    reasoning: ReasoningSettings
    text: TextSettings
    tool_choice: Literal["none", "auto", "required"] | NamedFunction
    tools: list[OpenObject]
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    top_logprobs: int
    presence_penalty: float
    frequency_penalty: float
    max_output_tokens: int | None
    max_tool_calls: int | None
    truncation: Literal["disabled"]
    background: bool
    service_tier: Literal["default", "priority"]
    instructions: str | None
    user: str | None
    prompt_cache_key: str | None
    safety_identifier: str | None
    incomplete_details: IncompleteDetails | None
    error: ResponseError | None
    metadata: ResponseMetadata
    usage: ResponseUsage | None
    citations: NotRequired[list[str]]


@_closed
class DeletedResponse(TypedDict):
    """The answer to a deletion."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]


@_closed
class InputItemList(TypedDict):
    """The input of a response; its items are the client's own."""

    object: Literal["list"]
    data: list[OpenObject]
