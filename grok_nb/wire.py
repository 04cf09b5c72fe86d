"""What comes over HTTP: the API's objects, typed.

Replies are read tolerantly: unknown fields are kept in ``.raw`` only, every field may be
missing or null, unknown enum values stay text, and a field that cannot be read becomes
``None`` rather than losing the reply that was paid for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Wire(BaseModel):
    """Base of all objects that come from the API."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)
    _raw: Any = PrivateAttr(default=None)

    @property
    def raw(self) -> dict[str, Any]:
        """The parsed JSON as it came."""
        return self._raw  # type: ignore[no-any-return]  # set by read() only

    @classmethod
    def read(cls, data: dict[str, Any], raw: dict[str, Any] | None = None) -> Self:
        """Read parsed JSON; what does not fit becomes ``None``.

        ``raw`` is what came, where ``data`` was made from it.
        """
        try:
            found = cls.model_validate(data)
        except ValidationError as error:
            found = cls.model_validate(_without(data, error))
        found._raw = data if raw is None else raw  # noqa: SLF001 - its own class
        return found

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # what did not come is most of some objects, and says nothing
        for name, value in super().__repr_args__():
            if value is not None:
                yield name, value


def _without(data: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return a copy without the fields that the error names."""
    pruned: dict[str, Any] = data
    # from the end, so that what is taken from a list moves nothing that comes later
    for problem in reversed(error.errors(include_url=False, include_input=False)):
        pruned = _pruned(pruned, problem["loc"])
    return pruned


def _pruned(data: Any, path: tuple[int | str, ...]) -> Any:
    """Return a copy where the field on the path is null, or the item out of its list."""
    if not path:
        return None
    step, rest = path[0], path[1:]
    if isinstance(data, dict):
        return {**data, step: _pruned(data.get(step), rest)}
    if isinstance(data, list) and isinstance(step, int):
        kept = [_pruned(data[step], rest)] if rest else []
        return [*data[:step], *kept, *data[step + 1 :]]
    return None


class FunctionCall(Wire):
    """Name and arguments (JSON text) of a called function."""

    name: str | None = None
    arguments: str | None = None


class WireToolCall(Wire):
    """A tool call, whole or a piece of one; pieces share ``index``."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None


class Message(Wire):
    """An assistant message, or what a stream chunk adds to one."""

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[WireToolCall] | None = None


class ChatChoice(Wire):
    """One answer of a chat completion."""

    index: int | None = None
    message: Message | None = None
    finish_reason: str | None = None


class ChatCompletion(Wire):
    """Answer of ``POST /v1/chat/completions``.

    Source: xai-api.md section 3.6.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChatChoice] | None = None
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    citations: list[str] | None = None


class ChunkChoice(Wire):
    """What a chunk adds to one answer."""

    index: int | None = None
    delta: Message | None = None
    finish_reason: str | None = None


class ChatCompletionChunk(Wire):
    """One event of a chat stream.

    Source: xai-api.md section 4.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChunkChoice] | None = None
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    citations: list[str] | None = None
    code: Any = None
    error: Any = None


class Annotation(Wire):
    """A citation in a text: its marker is at ``start_index`` to ``end_index``."""

    type: str | None = None
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class ContentPart(Wire):
    """A part of a message: text with its citations, or a refusal."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None


class OutputItem(Wire):
    """One thing that a response consists of; which fields it has depends on ``type``.

    Source: xai-api.md section 6.5.
    """

    type: str | None = None
    id: str | None = None
    status: str | None = None
    role: str | None = None
    content: list[ContentPart] | None = None
    summary: list[ContentPart] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    action: dict[str, Any] | None = None


class Response(Wire):
    """Answer of ``POST /v1/responses``, and what is stored of it.

    ``.raw["output"]`` can be sent again as ``input``, with more items behind it.
    Source: xai-api.md section 6.5.
    """

    id: str | None = None
    object: str | None = None
    created_at: int | None = None
    completed_at: int | None = None
    status: str | None = None
    model: str | None = None
    output: list[OutputItem] | None = None
    usage: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    service_tier: str | None = None
    metadata: dict[str, Any] | None = None
    citations: list[str] | None = None

    @property
    def text(self) -> str:
        """Text of all its messages, a blank line between two."""
        messages = [
            "".join(p.text or "" for p in item.content or () if p.type == "output_text")
            for item in self.output or ()
            if item.type == "message"
        ]
        return "\n\n".join(text for text in messages if text)


class ResponseEvent(Wire):
    """One event of a response's stream; ``type`` says which fields it has.

    Source: xai-api.md section 6.7.
    """

    type: str | None = None
    sequence_number: int | None = None
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    annotation_index: int | None = None
    item: OutputItem | None = None
    part: ContentPart | None = None
    annotation: Annotation | None = None
    delta: str | None = None
    text: str | None = None
    arguments: str | None = None
    input: str | None = None

    @property
    def response(self) -> Response | None:
        """The response so far; the last event has all of it."""
        found = self.raw.get("response")
        return Response.read(found) if isinstance(found, dict) else None


class DeletedResponse(Wire):
    """Answer of ``DELETE /v1/responses/{id}``."""

    id: str | None = None
    object: str | None = None
    deleted: bool | None = None


class InputItems(Wire):
    """Answer of ``GET /v1/responses/{id}/input_items``: items as they were sent."""

    object: str | None = None
    data: list[dict[str, Any]] | None = None


class ContentBlock(Wire):
    """A part of a message in Anthropic's form; ``type`` says which fields it has."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class AnthropicMessage(Wire):
    """Answer of ``POST /v1/messages``.

    ``.raw["content"]`` can be sent again as the content of an assistant's message.
    Source: xai-api.md section 8.1.
    """

    id: str | None = None
    type: str | None = None
    role: str | None = None
    model: str | None = None
    content: list[ContentBlock] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """Text of all its blocks."""
        return "".join(b.text or "" for b in self.content or () if b.type == "text")


class BlockDelta(Wire):
    """What an event adds to a block, or says of the end of the message."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class MessageEvent(Wire):
    """One event of a message's stream; ``type`` says which fields it has.

    Source: xai-api.md section 8.1.
    """

    type: str | None = None
    index: int | None = None
    content_block: ContentBlock | None = None
    delta: BlockDelta | None = None
    usage: dict[str, Any] | None = None

    @property
    def message(self) -> AnthropicMessage | None:
        """The message as it begins: of ``message_start``."""
        found = self.raw.get("message")
        return AnthropicMessage.read(found) if isinstance(found, dict) else None


class AnthropicCompletion(Wire):
    """Answer of ``POST /v1/complete``.

    Source: xai-api.md section 8.3.
    """

    type: str | None = None
    id: str | None = None
    completion: str | None = None
    stop_reason: str | None = None
    model: str | None = None


class TextChoice(Wire):
    """One text of a completion, or what a chunk adds to one."""

    index: int | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class TextCompletion(Wire):
    """Answer of ``POST /v1/completions``, or one chunk of its stream.

    Source: xai-api.md section 8.2.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[TextChoice] | None = None
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None

    @property
    def text(self) -> str:
        """Text of the first choice."""
        return (self.choices[0].text or "") if self.choices else ""


class ImagePrice(Wire):
    """What a picture costs at a quality and resolution, as some listings say.

    The unit is not documented. Source: xai-api.md section 9.
    """

    quality: str | None = None
    resolution: str | None = None
    price: float | None = None


class ListedModel(Wire):
    """One model of a listing; prices are ticks (1e-10 USD) per token.

    ``None`` is what a listing does not say; it is not zero.
    Source: xai-api.md section 9.
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    owned_by: str | None = None
    version: str | None = None
    fingerprint: str | None = None
    aliases: list[str] | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    context_length: int | None = None
    prompt_text_token_price: int | None = None
    cached_prompt_text_token_price: int | None = None
    prompt_image_token_price: int | None = None
    completion_text_token_price: int | None = None
    long_context_threshold: int | None = None
    prompt_text_token_price_long_context: int | None = None
    cached_prompt_text_token_price_long_context: int | None = None
    completion_text_token_price_long_context: int | None = None
    search_price: int | None = None
    image_price: int | None = None
    max_prompt_length: int | None = None
    pricing: list[ImagePrice] | None = None
    capabilities: dict[str, Any] | None = None


class Token(Wire):
    """One token of a text; several may share the bytes of one character."""

    token_id: int | None = None
    string_token: str | None = None
    token_bytes: list[int] | None = None


class Tokens(Wire):
    """Answer of ``POST /v1/tokenize-text``.

    Attributes
    ----------
    token_ids : list of Token
        In the order of the text.

    Notes
    -----
    A prompt is billed for a few tokens more: the API adds hidden ones.
    Source: xai-api.md section 10.
    """

    token_ids: list[Token]

    @property
    def count(self) -> int:
        """How many tokens the text has."""
        return len(self.token_ids)

    def __repr__(self) -> str:
        return f"<{self.count} tokens>"  # the list of a long text fills the screen

    __str__ = __repr__

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import tokens_bundle

        return tokens_bundle([token.string_token or "" for token in self.token_ids])


class ApiKey(Wire):
    """Answer of ``GET /v1/api-key``; times are text in ISO 8601.

    Source: xai-api.md section 10.
    """

    # its last characters are those of the key: no notebook is to show them
    redacted_api_key: str | None = Field(default=None, repr=False)
    api_key_id: str | None = None
    name: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    create_time: str | None = None
    modify_time: str | None = None
    modified_by: str | None = None
    acls: list[str] | None = None
    team_blocked: bool | None = None
    api_key_blocked: bool | None = None
    api_key_disabled: bool | None = None


class StoredFile(Wire):
    """A file that is kept at xAI; times are Unix seconds.

    Source: xai-api.md section 12.2.
    """

    id: str | None = None
    object: str | None = None
    bytes: int | None = None
    created_at: int | None = None
    expires_at: int | None = None
    filename: str | None = None
    purpose: str | None = None


class FilePage(Wire):
    """One page of a listing of files.

    Attributes
    ----------
    data : list of StoredFile
    pagination_token : str or None
        For the next page; ``None`` after the last one.
    """

    data: list[StoredFile]
    pagination_token: str | None = None


class DeletedFile(Wire):
    """What is said of a file that was deleted."""

    id: str | None = None
    deleted: bool | None = None


class BatchState(Wire):
    """Counters of a batch."""

    num_requests: int | None = None
    num_pending: int | None = None
    num_success: int | None = None
    num_error: int | None = None
    num_cancelled: int | None = None


class Batch(Wire):
    """A batch; times are text in ISO 8601.

    It has no status: it is done when it has requests and none is pending.
    Source: xai-api.md section 12.1.
    """

    batch_id: str | None = None
    name: str | None = None
    create_time: str | None = None
    expire_time: str | None = None
    cancel_time: str | None = None
    cancel_by_xai_message: str | None = None
    input_file_id: str | None = None
    cost_breakdown: dict[str, Any] | None = None
    state: BatchState | None = None

    @property
    def num_requests(self) -> int:
        """How many requests it has."""
        return self._count("num_requests")

    @property
    def num_pending(self) -> int:
        """How many are not done yet."""
        return self._count("num_pending")

    @property
    def num_success(self) -> int:
        """How many have a reply."""
        return self._count("num_success")

    @property
    def num_error(self) -> int:
        """How many have failed."""
        return self._count("num_error")

    @property
    def num_cancelled(self) -> int:
        """How many were cancelled before they were worked on."""
        return self._count("num_cancelled")

    @property
    def is_done(self) -> bool:
        """Whether it has requests, and none is pending."""
        return self.num_requests > 0 and self.num_pending == 0

    @property
    def cost_usd(self) -> float | None:
        """What it has cost so far in USD, as the server says."""
        ticks = (self.cost_breakdown or {}).get("total_cost_usd_ticks")
        is_number = isinstance(ticks, (int, str)) and str(ticks).isdecimal()
        return int(ticks) / 10_000_000_000 if is_number and ticks is not None else None

    def _count(self, name: str) -> int:
        return 0 if self.state is None else getattr(self.state, name) or 0


class BatchPage(Wire):
    """One page of a listing of batches.

    Attributes
    ----------
    batches : list of Batch
    pagination_token : str or None
        For the next page; ``None`` after the last one.
    """

    batches: list[Batch]
    pagination_token: str | None = None


class BatchRequest(Wire):
    """How far a request of a batch is: pending, succeeded, failed or cancelled."""

    batch_request_id: str | None = None
    endpoint: str | None = None
    model: str | None = None
    state: str | None = None
    create_time: str | None = None
    finish_time: str | None = None


class BatchRequestPage(Wire):
    """One page of a batch's requests.

    Attributes
    ----------
    batch_request_metadata : list of BatchRequest
    pagination_token : str or None
        For the next page; ``None`` after the last one.
    """

    batch_request_metadata: list[BatchRequest] | None = None
    pagination_token: str | None = None
