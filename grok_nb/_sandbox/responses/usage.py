"""The usage figure of responses as a type. Source: xai-api.md section 6.6."""

from __future__ import annotations

from typing import NotRequired

from pydantic import ConfigDict, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

_closed = with_config(ConfigDict(extra="forbid", strict=True))


@_closed
class InputDetails(TypedDict):
    """How much of the input was in the cache."""

    cached_tokens: int


@_closed
class OutputDetails(TypedDict):
    """How much of the output is reasoning."""

    reasoning_tokens: int


@_closed
class ToolCounts(TypedDict):
    """How often the tools of the server were used with success."""

    web_search_calls: int
    x_search_calls: int
    code_interpreter_calls: int
    file_search_calls: int
    mcp_calls: int
    document_search_calls: int
    image_generation_calls: NotRequired[int]
    x_posts_fetched: NotRequired[int]
    x_users_fetched: NotRequired[int]


@_closed
class ContextDetails(TypedDict):
    """Tokens of the context at the end."""

    input_tokens: int
    output_tokens: int


@_closed
class ResponseUsage(TypedDict):
    """Tokens, tools and cost; ``output_tokens`` holds the reasoning."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int
    num_sources_used: int
    num_server_side_tools_used: int
    cost_in_usd_ticks: int
    server_side_tool_usage_details: ToolCounts
    context_details: NotRequired[ContextDetails]
