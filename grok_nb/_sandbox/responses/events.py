"""The events of a stream as types. Source: xai-api.md section 6.7."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.answers import TokenLogprob  # noqa: TC001 - read at run time

from .answers import (  # noqa: TC001 - read at run time
    OutputItem,
    OutputPart,
    Response,
    SummaryText,
    UrlCitation,
)

_closed = with_config(ConfigDict(extra="forbid", strict=True))


@_closed
class ResponseEvent(TypedDict):
    """The response as it is: at the beginning, and at the end."""

    type: Literal[
        "response.created",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    sequence_number: int
    response: Response


@_closed
class OutputItemEvent(TypedDict):
    """An item begins or ends."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    sequence_number: int
    output_index: int
    item: OutputItem


@_closed
class SummaryPartEvent(TypedDict):
    """A part of the summary of the reasoning begins or ends."""

    type: Literal[
        "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"
    ]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    part: SummaryText


@_closed
class SummaryDeltaEvent(TypedDict):
    """A token of the summary."""

    type: Literal["response.reasoning_summary_text.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    delta: str


@_closed
class SummaryDoneEvent(TypedDict):
    """The whole summary."""

    type: Literal["response.reasoning_summary_text.done"]
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    text: str


@_closed
class ContentPartEvent(TypedDict):
    """A part of a message begins or ends."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    part: OutputPart


@_closed
class TextDeltaEvent(TypedDict):
    """A token of the text."""

    type: Literal["response.output_text.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: str
    logprobs: list[TokenLogprob]


@_closed
class AnnotationEvent(TypedDict):
    """A citation."""

    type: Literal["response.output_text.annotation.added"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    annotation_index: int
    annotation: UrlCitation


@_closed
class TextDoneEvent(TypedDict):
    """The whole text."""

    type: Literal["response.output_text.done"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    text: str
    logprobs: list[TokenLogprob]


@_closed
class RefusalDeltaEvent(TypedDict):
    """A token of a refusal."""

    type: Literal["response.refusal.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: str


@_closed
class RefusalDoneEvent(TypedDict):
    """The whole refusal."""

    type: Literal["response.refusal.done"]
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    refusal: str


@_closed
class ArgumentsDeltaEvent(TypedDict):
    """The arguments of a function; they arrive whole."""

    type: Literal["response.function_call_arguments.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    delta: str


@_closed
class ArgumentsDoneEvent(TypedDict):
    """The arguments of a function, once more."""

    type: Literal["response.function_call_arguments.done"]
    sequence_number: int
    item_id: str
    output_index: int
    name: str
    arguments: str


@_closed
class InputDeltaEvent(TypedDict):
    """The input of a search on X; it arrives whole."""

    type: Literal["response.custom_tool_call_input.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    delta: str


@_closed
class InputDoneEvent(TypedDict):
    """The input of a search on X, once more."""

    type: Literal["response.custom_tool_call_input.done"]
    sequence_number: int
    item_id: str
    output_index: int
    input: str


@_closed
class ToolStepEvent(TypedDict):
    """A tool of the server goes on."""

    type: Literal[
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.completed",
        "response.image_generation_call.failed",
    ]
    sequence_number: int
    item_id: str
    output_index: int


StreamEvent = Annotated[
    ResponseEvent
    | OutputItemEvent
    | SummaryPartEvent
    | SummaryDeltaEvent
    | SummaryDoneEvent
    | ContentPartEvent
    | TextDeltaEvent
    | AnnotationEvent
    | TextDoneEvent
    | RefusalDeltaEvent
    | RefusalDoneEvent
    | ArgumentsDeltaEvent
    | ArgumentsDoneEvent
    | InputDeltaEvent
    | InputDoneEvent
    | ToolStepEvent,
    Field(discriminator="type"),
]
