"""POST /v1/completions: texts for prompts, by models that do not reason."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import catalog, chat_rules, errors, logprobs, schemas, tokens
from grok_nb._sandbox.envelope import KEEPALIVE_EVERY
from grok_nb._sandbox.faults import error_event
from grok_nb._sandbox.generation import Generation

from .text_request import MAX_LIKELY, MAX_PROMPTS, CompletionsRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.catalog import Catalog, Resolved
    from grok_nb._sandbox.chat_rules import Job
    from grok_nb._sandbox.faults import Fault
    from grok_nb._sandbox.generation import Delta


@dataclass(frozen=True, slots=True)
class TextJob:
    """
    A valid request.

    Parameters
    ----------
    chats : tuple of (str, Job)
        Each prompt, and how chat completions would have it.
    echo : bool
        Whether a text begins with its prompt.
    likely : int or None
        How many likely tokens to tell of; None without log probabilities.
    """

    chats: tuple[tuple[str, Job], ...]
    echo: bool
    likely: int | None

    @property
    def first(self) -> Job:
        """The job of the first prompt; what is no prompt is the same for all."""
        return self.chats[0][1]

    @property
    def prompt_tokens(self) -> int:
        """All tokens of all prompts."""
        return sum(job.prompt_tokens for _, job in self.chats)


def prepare(raw: bytes, models: Catalog, vintage: str) -> TextJob:
    """
    Read, check and measure the body of a request for completions.

    Raises
    ------
    ApiError
        400 also for a model that reasons. Source: xAI's OpenAPI description, in
        xai-api.md section 8.2.
    """
    request = schemas.read(CompletionsRequest, raw)
    resolved = _serving(request.model, models)
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    _check(request, prompts)
    chats = [
        (text, chat_rules.settle(_as_chat(request, text), resolved, vintage))
        for text in prompts
    ]
    asked = request.logprobs
    # A 0 asks for the drawn tokens, a no for none.
    is_asked = asked is not None and asked is not False
    has_logprobs = resolved.model.returns_logprobs and is_asked
    # A mere yes does the same as the 0; as a number it would be 1.
    likely = 0 if isinstance(asked, bool) else asked or 0
    return TextJob(tuple(chats), bool(request.echo), likely if has_logprobs else None)


def _serving(name: str, models: Catalog) -> Resolved:
    resolved = models.resolve(name)
    if resolved is None:
        raise errors.unknown_model(name)
    model = resolved.model
    is_served = model.kind == "language" and model.accepts("chat_completions")
    if not is_served or model.reasons:
        raise errors.invalid(
            f"Model {model.id} is not served by completions, as no reasoning model is."
        )
    return resolved


def _check(request: CompletionsRequest, prompts: list[str]) -> None:
    if not prompts or not all(prompts):
        raise errors.invalid("prompt must not be empty.")
    if len(prompts) > MAX_PROMPTS:
        raise errors.invalid(f"prompt takes at most {MAX_PROMPTS} texts.")
    if request.best_of is not None and request.best_of < 1:
        raise errors.invalid("Invalid value for best_of: it must be at least 1.")
    likely = request.logprobs
    if not isinstance(likely, bool | None) and not 0 <= likely <= MAX_LIKELY:
        raise errors.invalid(
            f"Invalid value for logprobs: it must be 0 to {MAX_LIKELY}."
        )


def _as_chat(request: CompletionsRequest, prompt: str) -> schemas.ChatRequest:
    likely = request.logprobs
    return schemas.ChatRequest(
        model=request.model,
        messages=[schemas.Message(role="user", content=prompt)],
        stream=request.stream,
        stream_options=request.stream_options,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        n=request.n,
        seed=request.seed,
        stop=request.stop,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        logprobs=likely is not None and likely is not False,
        top_logprobs=None if isinstance(likely, bool | None) or not likely else likely,
        user=request.user,
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of one text: its place, its tokens' log probabilities, its finish."""

    index: int
    text: str = ""
    entries: tuple[dict[str, Any], ...] = ()
    finish: str | None = None


class TextGeneration:
    """
    The texts as they are drawn, prompt after prompt, and their usage together.

    Parameters
    ----------
    job : TextJob
        What is completed.
    """

    def __init__(self, job: TextJob) -> None:
        self._job = job
        self._drawn = [Generation(chat) for _, chat in job.chats]

    @property
    def drawn_tokens(self) -> int:
        """All tokens that were drawn."""
        return sum(one.drawn_tokens for one in self._drawn)

    def prepare(self) -> None:
        """Do what takes long."""
        for one in self._drawn:
            one.prepare()

    def __iter__(self) -> Iterator[Piece]:
        number = self._job.first.choices
        for place, (prompt, _) in enumerate(self._job.chats):
            begun: set[int] = set()
            for delta in self._drawn[place]:
                index = place * number + delta.choice
                if self._job.echo and delta.choice not in begun:
                    begun.add(delta.choice)
                    yield Piece(index, prompt, tuple(self._entries(prompt)))
                yield _piece(index, delta)

    def _entries(self, prompt: str) -> Iterator[dict[str, Any]]:
        if self._job.likely is not None:
            for position, token in enumerate(tokens.split(prompt)):
                yield logprobs.entry(token, position, self._job.likely)

    def usage(self) -> dict[str, Any]:
        """Give the usage of what was drawn, as a chat has it, for all prompts."""
        first, *others = (one.usage() for one in self._drawn)
        for other in others:
            first = _added(first, other)
        return first


def _piece(index: int, delta: Delta) -> Piece:
    entries = (delta.logprobs,) if delta.logprobs else ()
    return Piece(index, delta.content or "", entries, delta.finish)


def _added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _added(value, other[key])
        if isinstance(value, dict)
        else value + other[key]
        for key, value in one.items()
    }


class TextReply:
    """
    The completions of one request: how they are drawn and written.

    Parameters
    ----------
    job : TextJob
        What is completed.
    created : int
        When, in seconds since 1970.
    """

    def __init__(self, job: TextJob, created: int) -> None:
        self.id = str(uuid.uuid4())
        self.model = job.first.model
        self.is_stream = job.first.stream
        self.job = job
        self._created = created

    def generate(self) -> TextGeneration:
        """Begin to draw the texts, the same ones each time."""
        return TextGeneration(self.job)

    def whole(self, generation: TextGeneration) -> bytes:
        """Draw all texts and write them as one body."""
        found: dict[int, list[Piece]] = {}
        for piece in generation:
            found.setdefault(piece.index, []).append(piece)
        choices = []
        for index, pieces in found.items():
            text = "".join(piece.text for piece in pieces)
            entries = [entry for piece in pieces for entry in piece.entries]
            finish = pieces[-1].finish
            choices.append(self.choice(index, text, entries, finish, offset=0))
        return _json(self.body(choices) | {"usage": generation.usage()})

    def choice(
        self,
        index: int,
        text: str,
        entries: list[dict[str, Any]],
        finish: str | None,
        *,
        offset: int,
    ) -> dict[str, Any]:
        """Write one text, or a piece of it that begins at an offset."""
        likely = self.job.likely
        told = None if likely is None else _logprobs(entries, likely, offset)
        return {"index": index, "text": text, "finish_reason": finish, "logprobs": told}

    def body(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """Build what bodies and events share."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self._created,
            "model": self.model.id,
            "choices": choices,
            "system_fingerprint": catalog.FINGERPRINT,
        }

    def writer(self, generation: TextGeneration, fault: str | None) -> TextEventWriter:
        """Give what writes the events of a stream."""
        return TextEventWriter(self, generation, fault)

    def keep(self, generation: TextGeneration) -> None:
        """Store a whole reply; completions are not stored."""


def _logprobs(
    entries: list[dict[str, Any]], likely: int, offset: int
) -> dict[str, Any]:
    """Tell of tokens in OpenAI's older form."""
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    tops = [
        {one["token"]: one["logprob"] for one in entry["top_logprobs"]}
        for entry in entries
    ]
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": tops if likely else None,
        "text_offset": offsets,
    }


class TextEventWriter:
    """The events of a stream of texts, and ``[DONE]``."""

    def __init__(
        self, reply: TextReply, generation: TextGeneration, fault: str | None
    ) -> None:
        self._reply, self._generation, self._fault = reply, generation, fault
        self._lengths: dict[int, int] = {}
        self._written = 0

    def write(self, piece: Piece) -> bytes:
        """Write the event of a piece."""
        offset = self._lengths.get(piece.index, 0)
        self._lengths[piece.index] = offset + len(piece.text)
        choice = self._reply.choice(
            piece.index, piece.text, list(piece.entries), piece.finish, offset=offset
        )
        event = self._event(self._reply.body([choice]))
        if self._fault == "comments" and self._written % KEEPALIVE_EVERY == 0:
            event = b": keepalive\n\n" + event
        self._written += 1
        return self._ended(event)

    def error(self, fault: Fault) -> bytes:
        """Write the event of an error."""
        return self._ended(error_event(fault, self._reply.job.first.vintage))

    def end(self) -> bytes:
        """Write what follows the last text."""
        tail = b"data: [DONE]\n\n"
        if self._reply.job.first.include_usage and self._fault != "no-usage":
            last = self._reply.body([]) | {"usage": self._generation.usage()}
            tail = self._event(last) + tail
        return self._ended(tail)

    def _event(self, chunk: dict[str, Any]) -> bytes:
        return b"data: " + _json(chunk) + b"\n\n"

    def _ended(self, event: bytes) -> bytes:
        return event.replace(b"\n", b"\r\n") if self._fault == "crlf" else event


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
