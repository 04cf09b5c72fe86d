"""The body of POST /v1/responses as types. Source: xai-api.md section 6."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from grok_nb._sandbox.schemas import (
    MAX_TOOLS,
    Body,
    JsonFormat,
    OpenObject,
    TextFormat,
    Whole,
    ranged,
)


def _at_least_one() -> Any:  # Any: as of Field
    return Field(default=None, json_schema_extra={"minimum": 1})


def _at_most(number: int) -> Any:  # Any: as of Field
    return Field(default=None, json_schema_extra={"maxItems": number})


# -- input --------------------------------------------------------------------------


class InputText(Body):
    """A piece of text; what the assistant said is one, too."""

    type: Literal["input_text", "output_text"]
    text: str


class InputImage(Body):
    """An image: an address or a data URI."""

    type: Literal["input_image"]
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class InputFile(Body):
    """A file: a stored one, its content as base64, or its address."""

    type: Literal["input_file"]
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None
    file_url: str | None = None


class InputRefusal(Body):
    """What the assistant said in place of an answer."""

    type: Literal["refusal"]
    refusal: str


InputPart = Annotated[
    InputText | InputImage | InputFile | InputRefusal, Field(discriminator="type")
]


class InputMessage(Body):
    """One message, or an earlier output message as it was."""

    type: Literal["message"] | None = None
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputPart]
    id: str | None = None
    status: str | None = None


class FunctionCallItem(Body):
    """A call of a function, as it was put out."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None


class FunctionOutputItem(Body):
    """What a function returned."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[InputPart]
    id: str | None = None
    status: str | None = None


class SummaryPart(Body):
    """A part of the summary of the reasoning."""

    type: Literal["summary_text"]
    text: str


class ReasoningItem(Body):
    """Earlier reasoning as it was put out; its content is a list or not there."""

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[SummaryPart]
    # Null is refused. Source: an issue of 2026, xai-api.md section 6.1.
    content: list[OpenObject] = Field(default_factory=list)
    encrypted_content: str | None = None
    status: str | None = None


SERVER_ITEMS = (
    "web_search_call",
    "x_search_call",
    "custom_tool_call",
    "code_interpreter_call",
    "file_search_call",
    "mcp_call",
    "image_generation_call",
    "compaction",
)


class ServerItem(Body):
    """What a tool of the server did, as it was put out; the rest is kept as it is."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal[
        "web_search_call",
        "x_search_call",
        "custom_tool_call",
        "code_interpreter_call",
        "file_search_call",
        "mcp_call",
        "image_generation_call",
        "compaction",
    ]
    id: str | None = None
    status: str | None = None


def _item_kind(value: Any) -> str:  # Any: whatever the client sent
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", "")
    if kind is None:
        return "message"
    return "server" if kind in SERVER_ITEMS else str(kind)


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionOutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[ServerItem, Tag("server")],
    Discriminator(
        _item_kind,
        custom_error_type="unknown_item",
        custom_error_message="unknown type of input item",
    ),
]


# -- tools --------------------------------------------------------------------------

# Source: docs.x.ai agentic search (2025-12, 2026-09) and issues of 2026.
MAX_DOMAINS = 5
MAX_HANDLES = {"2025": 10, "2026": 20}
MAX_COLLECTIONS = 10
DEFAULT_FILE_RESULTS = 10


class FunctionTool(Body):
    """A function of the client's."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: OpenObject | None = None
    strict: bool | None = None


class DomainFilters(Body):
    """Where to search the web; the lists exclude each other."""

    allowed_domains: list[str] | None = _at_most(MAX_DOMAINS)
    excluded_domains: list[str] | None = _at_most(MAX_DOMAINS)


class WebSearchTool(Body):
    """Search the web and open pages; the filters may also stand beside the type."""

    type: Literal["web_search"]
    filters: DomainFilters | None = None
    allowed_domains: list[str] | None = _at_most(MAX_DOMAINS)
    excluded_domains: list[str] | None = _at_most(MAX_DOMAINS)
    enable_image_understanding: bool | None = None
    enable_image_search: bool | None = None
    search_context_size: Literal["low", "medium", "high"] | None = None
    user_location: OpenObject | None = None
    external_web_access: bool | None = None


class XSearchTool(Body):
    """Search posts and people on X."""

    type: Literal["x_search"]
    allowed_x_handles: list[str] | None = _at_most(MAX_HANDLES["2026"])
    excluded_x_handles: list[str] | None = _at_most(MAX_HANDLES["2026"])
    from_date: str | None = None
    to_date: str | None = None
    enable_image_understanding: bool | None = None
    enable_video_understanding: bool | None = None


class CodeTool(Body):
    """Work something out."""

    type: Literal["code_interpreter", "code_execution"]


class FileSearchTool(Body):
    """Search collections of files."""

    type: Literal["file_search", "collections_search"]
    vector_store_ids: list[str] | None = _at_most(MAX_COLLECTIONS)
    max_num_results: Whole | None = _at_least_one()


class McpTool(Body):
    """The tools of another server."""

    type: Literal["mcp"]
    server_url: str
    server_label: str | None = None
    server_description: str | None = None
    allowed_tools: list[str] | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None


class ImageTool(Body):
    """Draw a picture."""

    type: Literal["image_generation"]
    action: Literal["auto", "generate", "edit"] | None = None


ResponseTool = Annotated[
    FunctionTool
    | WebSearchTool
    | XSearchTool
    | CodeTool
    | FileSearchTool
    | McpTool
    | ImageTool,
    Field(discriminator="type"),
]
ServerTool = (
    WebSearchTool | XSearchTool | CodeTool | FileSearchTool | McpTool | ImageTool
)


class FunctionChoice(Body):
    """Force one function."""

    type: Literal["function"]
    name: str


# -- the request --------------------------------------------------------------------


class FlatSchemaFormat(Body):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: str | None = None
    strict: bool | None = None
    definition: OpenObject = Field(alias="schema")


class TextOptions(Body):
    """The form of the text."""

    format: (
        Annotated[
            TextFormat | JsonFormat | FlatSchemaFormat, Field(discriminator="type")
        ]
        | None
    ) = None


class ReasoningOptions(Body):
    """How much to reason, and how to tell of it."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


INCLUDES = (
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "file_search_call.results",
    "code_interpreter_call.outputs",
    "no_inline_citations",
)
Include = Annotated[str, WithJsonSchema({"type": "string", "enum": list(INCLUDES)})]


class ResponsesRequest(Body):
    """The body of POST /v1/responses."""

    model: str
    input: str | list[InputItem] = Field(json_schema_extra={"minItems": 1})
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    include: list[Include] | None = None
    max_output_tokens: Whole | None = _at_least_one()
    max_turns: Whole | None = _at_least_one()
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    tools: list[ResponseTool] | None = _at_most(MAX_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | None = None
    stream: bool | None = None
    temperature: float | None = ranged("temperature")
    top_p: float | None = ranged("top_p")
    logprobs: bool | None = None
    top_logprobs: Whole | None = ranged("top_logprobs")
    background: bool | None = None
    search_parameters: OpenObject | None = None
    service_tier: Literal["default", "priority"] | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
