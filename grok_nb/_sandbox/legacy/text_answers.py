"""The answers of the two endpoints for plain text, as types."""

from __future__ import annotations

from typing import Literal, NotRequired

from pydantic import ConfigDict, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.answers import Usage  # noqa: TC001 - read at run time

_closed = with_config(ConfigDict(extra="forbid", strict=True))


@_closed
class TextLogprobs(TypedDict):
    """Log probabilities of a text, in OpenAI's older form: lists beside each other."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


@_closed
class TextChoice(TypedDict):
    """A text; in a stream a piece of it, of which the last has the reason to finish."""

    index: int
    text: str
    finish_reason: Literal["stop", "length"] | None
    logprobs: TextLogprobs | None


@_closed
class TextCompletion(TypedDict):
    """What a prompt was completed with. Source: xai-api.md section 8.2."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage
    system_fingerprint: str


@_closed
class TextCompletionChunk(TypedDict):
    """One event of a stream; the usage comes with the last one, if it is asked for."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    system_fingerprint: str
    usage: NotRequired[Usage]


@_closed
class CompleteAnswer(TypedDict):
    """What the assistant says next. Source: xai-api.md section 8.3."""

    type: Literal["completion"]
    id: str
    completion: str
    stop_reason: Literal["stop_sequence", "max_tokens"]
    model: str
