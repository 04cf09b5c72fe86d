"""
The bodies of the answers as types: they are described and checked with these.

A field that is not there in some answers is ``NotRequired``; nothing else may be there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, WithJsonSchema, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from .faults import Fault
from .media.shapes import EmbeddingUsage, PictureUsage
from .responses.usage import ResponseUsage

_closed = with_config(ConfigDict(extra="forbid", strict=True))


@_closed
class ErrorBody(TypedDict):
    """An error: a code to tell errors apart, and a text."""

    code: str
    error: str


@_closed
class ErrorText(TypedDict):
    """An error that the API sends without a code."""

    error: str


@_closed
class PromptDetails(TypedDict):
    """What the tokens of the prompt were."""

    text_tokens: int
    audio_tokens: int
    image_tokens: int
    cached_tokens: int


@_closed
class CompletionDetails(TypedDict):
    """Tokens besides those of the content."""

    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


@_closed
class Usage(TypedDict):
    """Tokens and cost; ``completion_tokens`` is without reasoning."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails
    num_sources_used: int
    cost_in_usd_ticks: int
    # Of 2025, where it stands beside the details.
    reasoning_tokens: NotRequired[int]


@_closed
class LikelyToken(TypedDict):
    """A token that could have been drawn."""

    token: str
    logprob: float
    bytes: list[int]


@_closed
class TokenLogprob(TypedDict):
    """A token that was drawn."""

    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[LikelyToken]


@_closed
class Logprobs(TypedDict):
    """Log probabilities of the content, token by token."""

    content: list[TokenLogprob]


@_closed
class AnswerFunction(TypedDict):
    """Name and arguments, which are JSON text."""

    name: str
    arguments: str


@_closed
class AnswerToolCall(TypedDict):
    """A call of a function."""

    id: str
    type: Literal["function"]
    function: AnswerFunction


@_closed
class ChunkToolCall(TypedDict):
    """A call of a function in a stream; it arrives whole."""

    index: int
    id: str
    type: Literal["function"]
    function: AnswerFunction


@_closed
class AnswerMessage(TypedDict):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str
    refusal: str | None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[AnswerToolCall]]


Finish = Literal["stop", "length", "tool_calls"]


@_closed
class Choice(TypedDict):
    """One of the answers."""

    index: int
    message: AnswerMessage
    finish_reason: Finish
    logprobs: NotRequired[Logprobs]


@_closed
class ChatCompletion(TypedDict):
    """The answer of chat completions. Source: xai-api.md section 3.6."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    system_fingerprint: str
    service_tier: NotRequired[Literal["default", "priority"]]
    citations: NotRequired[list[str]]


@_closed
class Delta(TypedDict):
    """What a chunk adds to a choice."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    reasoning_content: NotRequired[str]
    refusal: NotRequired[str]
    tool_calls: NotRequired[list[ChunkToolCall]]


@_closed
class ChunkChoice(TypedDict):
    """The part of a choice in one chunk."""

    index: int
    delta: Delta
    finish_reason: NotRequired[Finish]
    logprobs: NotRequired[Logprobs]


@_closed
class ChatCompletionChunk(TypedDict):
    """One event of a stream. Source: xai-api.md section 4."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    system_fingerprint: str
    usage: NotRequired[Usage]
    service_tier: NotRequired[Literal["default", "priority"]]
    citations: NotRequired[list[str]]


@_closed
class ListedCapabilities(TypedDict):
    """How a model reasons."""

    reasoning_effort: list[str]
    default_reasoning_effort: str | None


@_closed
class ListedModel(TypedDict):
    """An entry of ``/v1/models``; prices are ticks per token or image."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["xai"]
    aliases: NotRequired[list[str]]
    context_length: NotRequired[int]
    prompt_text_token_price: NotRequired[int]
    cached_prompt_text_token_price: NotRequired[int]
    prompt_image_token_price: NotRequired[int]
    completion_text_token_price: NotRequired[int]
    long_context_threshold: NotRequired[int]
    prompt_text_token_price_long_context: NotRequired[int]
    cached_prompt_text_token_price_long_context: NotRequired[int]
    completion_text_token_price_long_context: NotRequired[int]
    image_price: NotRequired[int]
    capabilities: NotRequired[ListedCapabilities]


@_closed
class ModelList(TypedDict):
    """The answer of ``/v1/models``."""

    object: Literal["list"]
    data: list[ListedModel]


@_closed
class LanguageModel(TypedDict):
    """An entry of ``/v1/language-models``; prices are ticks per token or source."""

    id: str
    fingerprint: str
    created: int
    object: Literal["model"]
    owned_by: Literal["xai"]
    version: str
    input_modalities: list[str]
    output_modalities: list[str]
    aliases: list[str]
    prompt_text_token_price: int
    cached_prompt_text_token_price: int
    prompt_image_token_price: int
    completion_text_token_price: int
    search_price: int
    long_context_threshold: int
    prompt_text_token_price_long_context: int
    cached_prompt_text_token_price_long_context: int
    completion_text_token_price_long_context: int


@_closed
class LanguageModelList(TypedDict):
    """The answer of ``/v1/language-models``."""

    models: list[LanguageModel]


@_closed
class ImageModel(TypedDict):
    """An entry of ``/v1/image-generation-models``; the price is ticks per image."""

    id: str
    fingerprint: str
    created: int
    object: Literal["model"]
    owned_by: Literal["xai"]
    version: str
    input_modalities: list[str]
    output_modalities: list[str]
    aliases: list[str]
    image_price: int
    max_prompt_length: int


@_closed
class ImageModelList(TypedDict):
    """The answer of ``/v1/image-generation-models``."""

    models: list[ImageModel]


@_closed
class EmbeddingModel(TypedDict):
    """An entry of ``/v1/embedding-models``; today none is offered."""

    id: str
    fingerprint: str
    created: int
    object: Literal["model"]
    owned_by: Literal["xai"]
    version: str
    input_modalities: list[str]
    output_modalities: list[str]
    aliases: list[str]
    prompt_text_token_price: int
    prompt_image_token_price: int


@_closed
class EmbeddingModelList(TypedDict):
    """The answer of ``/v1/embedding-models``."""

    models: list[EmbeddingModel]


@_closed
class VideoModel(TypedDict):
    """An entry of ``/v1/video-generation-models``; the sandbox draws no videos."""

    id: str
    fingerprint: str
    created: int
    object: Literal["model"]
    owned_by: Literal["xai"]
    version: str
    input_modalities: list[str]
    output_modalities: list[str]
    aliases: list[str]


@_closed
class VideoModelList(TypedDict):
    """The answer of ``/v1/video-generation-models``."""

    models: list[VideoModel]


@_closed
class Token(TypedDict):
    """One token of a text."""

    token_id: int
    string_token: str
    token_bytes: list[int]


@_closed
class TokenList(TypedDict):
    """The answer of ``/v1/tokenize-text``."""

    token_ids: list[Token]


@_closed
class ApiKey(TypedDict):
    """The answer of ``/v1/api-key``; times are ISO 8601."""

    redacted_api_key: str
    user_id: str
    name: str
    create_time: str
    modify_time: str
    modified_by: str
    team_id: str
    acls: list[str]
    api_key_id: str
    team_blocked: bool
    api_key_blocked: bool
    api_key_disabled: bool


@_closed
class Me(TypedDict):
    """The answer of ``/v1/me``."""

    user_id: str
    team_id: str
    team_blocked: bool
    zdr_status: str
    api_key: ApiKey


AnyUsage = Usage | ResponseUsage | PictureUsage | EmbeddingUsage


@_closed
class LedgerCall(TypedDict):
    """One inference request in the sandbox's ledger."""

    request_id: str
    path: str
    model: str | None
    stream: bool
    fault: str | None
    response_id: str | None
    status: int | None
    billed: bool
    cost_in_usd_ticks: int
    usage: AnyUsage | None
    closed_early: bool
    done: bool
    batch_id: str | None


@_closed
class LedgerView(TypedDict):
    """What the sandbox would have billed, oldest first."""

    calls: list[LedgerCall]


# Whatever the client sent; text where it was no JSON.
Anything = Annotated[
    Any,
    WithJsonSchema(
        {"type": ["object", "array", "string", "number", "boolean", "null"]}
    ),
]


@_closed
class LoggedRequest(TypedDict):
    """One request as it came, its key masked."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Anything


@_closed
class LogView(TypedDict):
    """What the sandbox received, oldest first."""

    requests: list[LoggedRequest]


class ScriptedFault(Fault):
    """A fault, how many requests it matched and how often it happened."""

    seen: int
    fired: int


@_closed
class FaultsView(TypedDict):
    """The script of faults."""

    faults: list[ScriptedFault]
