"""The bodies of POST /v1/completions and /v1/complete. Source: xai-api.md section 8."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from grok_nb._sandbox.schemas import (
    MAX_STOPS,
    Body,
    StreamOptions,
    Whole,
    ranged,
)

from .message_request import Metadata  # noqa: TC001 - read at run time

MAX_PROMPTS = 128
MAX_LIKELY = 8


class CompletionsRequest(Body):
    """
    The body of POST /v1/completions.

    ``best_of``, ``suffix`` and ``logit_bias`` are unsupported: they are taken and
    change nothing. ``logprobs`` is a yes or no at xAI and a number with OpenAI, whose
    client sends that.

    Source: docs.x.ai API reference (2024-12) and xAI's OpenAPI description (2026), in
    xai-api.md section 8.2. How many prompts one request may have is a guess.
    """

    model: str
    prompt: str | Annotated[list[str], Field(json_schema_extra={"minItems": 1})]
    max_tokens: Whole | None = ranged("max_tokens")
    temperature: float | None = ranged("temperature")
    top_p: float | None = ranged("top_p")
    n: Whole | None = ranged("n")
    best_of: Whole | None = Field(default=None, json_schema_extra={"minimum": 1})
    echo: bool | None = None
    suffix: str | None = None
    stop: str | list[str] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_STOPS}
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: (
        bool
        | Annotated[
            Whole, Field(json_schema_extra={"minimum": 0, "maximum": MAX_LIKELY})
        ]
        | None
    ) = None
    logit_bias: dict[str, float] | None = None
    seed: Whole | None = None
    frequency_penalty: float | None = ranged("frequency_penalty")
    presence_penalty: float | None = ranged("presence_penalty")
    user: str | None = None


class CompleteRequest(Body):
    """
    The body of POST /v1/complete.

    ``top_k`` is unsupported: it is taken and changes nothing.

    Source: xai-api.md section 8.3.
    """

    model: str
    prompt: str
    max_tokens_to_sample: Whole = Field(json_schema_extra={"minimum": 1})
    stop_sequences: list[str] | None = Field(
        default=None, json_schema_extra={"maxItems": MAX_STOPS}
    )
    temperature: float | None = ranged("temperature")
    top_p: float | None = ranged("top_p")
    top_k: Whole | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
