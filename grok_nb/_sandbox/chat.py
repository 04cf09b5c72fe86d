"""POST /v1/chat/completions: the reply as one body or as a stream, and its bill."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from . import brain, catalog, chat_rules, live_search, logprobs, tasks, tokens
from .books import Call
from .delivery import Delivered, Line
from .errors import ApiError
from .faults import canned, error_event, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import tools
    from .catalog import Model
    from .chat_rules import Job
    from .desk import Incoming
    from .faults import Fault

# Requests beyond this many bytes are read and answered beside the event loop.
LARGE_BYTES = 200_000
# At full speed that many events travel together, and the client is looked for between.
EVENTS_PER_SEND = 32
STALL_S = 600.0
KEEPALIVE_EVERY = 3


@dataclass(frozen=True, slots=True)
class Delta:
    """One token of one choice, a whole call with its place, or the end."""

    choice: int
    reasoning: str | None = None
    content: str | None = None
    refusal: str | None = None
    call: tuple[int, tools.Call] | None = None
    finish: str | None = None
    logprobs: dict[str, Any] | None = None


class Generation:
    """
    The reply as it is drawn, token by token, and the usage of what was drawn so far.

    Parameters
    ----------
    job : Job
        What is answered.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._question = replace(job.question, task=tasks.of(job.request))
        self.completion_tokens = 0
        self.reasoning_tokens = 0

    def prepare(self) -> None:
        """Do what takes long, once for all choices."""
        brain.reply(self._question)

    def __iter__(self) -> Iterator[Delta]:
        for choice in range(self._job.choices):
            yield from self._choice(choice)

    def _choice(self, choice: int) -> Iterator[Delta]:
        reply = brain.reply(self._question, choice)
        for token in tokens.split(reply.reasoning):
            self.reasoning_tokens += 1
            if self._job.model.shows_reasoning:
                yield Delta(choice, reasoning=token)
        finish = "tool_calls" if reply.calls else "stop"
        # max_completion_tokens is for visible text only.
        for place, call in enumerate(reply.calls):
            self.completion_tokens += tokens.count(call.name + call.arguments)
            yield Delta(choice, call=(place, call))
        for token in tokens.split(reply.refusal or ""):
            self.completion_tokens += 1
            yield Delta(choice, refusal=token)
        content = (token for piece in reply.pieces for token in tokens.split(piece))
        for drawn, token in enumerate(_before_stop(content, self._job.stops)):
            if drawn == self._job.max_tokens:
                finish = "length"
                break
            self.completion_tokens += 1
            yield Delta(choice, content=token, logprobs=self._logprobs(token, drawn))
        yield Delta(choice, finish=finish)

    def _logprobs(self, token: str, position: int) -> dict[str, Any] | None:
        if self._job.top_logprobs is None:
            return None
        return logprobs.entry(token, position, self._job.top_logprobs)

    @property
    def drawn_tokens(self) -> int:
        """All tokens that were drawn."""
        return self.completion_tokens + self.reasoning_tokens

    def usage(self) -> dict[str, Any]:
        """Give the usage figure of what was drawn, with its cost."""
        job = self._job
        completion, reasoning = self.completion_tokens, self.reasoning_tokens
        cached = tokens.cached(job.prompt_text_tokens)
        cost = catalog.cost_in_ticks(
            job.model,
            prompt=job.prompt_tokens,
            image=job.prompt_image_tokens,
            cached=cached,
            output=completion + reasoning,
            priority=job.service_tier == "priority",
        )
        cost += len(job.sources) * live_search.TICKS_PER_SOURCE
        return {
            "prompt_tokens": job.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": job.prompt_tokens + completion + reasoning,
            "prompt_tokens_details": {
                "text_tokens": job.prompt_text_tokens,
                "audio_tokens": 0,
                "image_tokens": job.prompt_image_tokens,
                "cached_tokens": cached,
            },
            "completion_tokens_details": {
                "reasoning_tokens": reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "num_sources_used": len(job.sources),
            "cost_in_usd_ticks": cost,
        }


def _before_stop(drawn: Iterator[str], stops: tuple[str, ...]) -> Iterator[str]:
    """Pass tokens on up to the first stop sequence, which may span several."""
    if not stops:
        yield from drawn
        return
    longest = max(map(len, stops))
    held: list[str] = []
    for token in drawn:
        held.append(token)
        text = "".join(held)
        found = [
            (place + len(stop), place)
            for stop in stops
            if (place := text.find(stop)) >= 0
        ]
        if found:
            # The sequence that is complete first ends the reply.
            yield from tokens.split(text[: min(found)[1]])
            return
        # What is further back than a stop sequence is long can no longer be part of one.
        while len(text) - len(held[0]) >= longest - 1:
            text = text[len(held[0]) :]
            yield held.pop(0)
            if not held:
                break
    yield from held


class Envelope:
    """The fields that all bodies of one reply share."""

    def __init__(self, job: Job, created: int, vintage: str = "2026") -> None:
        self.id = str(uuid.uuid4())
        self.model = job.model
        self.is_stream = job.stream
        self._job = job
        self._created = created
        self._vintage = vintage

    def generate(self) -> Generation:
        """Begin to draw the reply, the same one each time."""
        return Generation(self._job)

    def writer(self, generation: Generation, fault: str | None) -> EventWriter:
        """Give what writes the events of a stream."""
        return EventWriter(
            self,
            generation,
            self._vintage,
            fault,
            include_usage=self._job.include_usage,
        )

    def keep(self, generation: Generation) -> None:
        """Store a whole reply; chat completions are not stored."""

    def _fields(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self._created,
            "model": self._job.model.id,
        }

    def _tail(self) -> dict[str, Any]:
        tail: dict[str, Any] = {"system_fingerprint": catalog.FINGERPRINT}
        if self._job.service_tier is not None:
            tail["service_tier"] = self._job.service_tier
        return tail

    def whole(self, generation: Generation) -> bytes:
        """Draw the whole reply and write it as one body."""
        reasoning: list[list[str]] = [[] for _ in range(self._job.choices)]
        content: list[list[str]] = [[] for _ in range(self._job.choices)]
        probable: list[list[dict[str, Any]]] = [[] for _ in range(self._job.choices)]
        finish = [""] * self._job.choices
        refused: list[list[str]] = [[] for _ in range(self._job.choices)]
        calls: list[list[dict[str, Any]]] = [[] for _ in range(self._job.choices)]
        for delta in generation:
            if delta.reasoning is not None:
                reasoning[delta.choice].append(delta.reasoning)
            elif delta.content is not None:
                content[delta.choice].append(delta.content)
                if delta.logprobs is not None:
                    probable[delta.choice].append(delta.logprobs)
            elif delta.refusal is not None:
                refused[delta.choice].append(delta.refusal)
            elif delta.call is not None:
                calls[delta.choice].append(_call(delta.call[1]))
            else:
                finish[delta.choice] = delta.finish or ""
        choices = []
        for index in range(self._job.choices):
            message: dict[str, Any] = {
                "role": "assistant",
                "content": "".join(content[index]),
            }
            if calls[index]:
                message["tool_calls"] = calls[index]
            if reasoning[index]:
                message["reasoning_content"] = "".join(reasoning[index])
            choice: dict[str, Any] = {
                "index": index,
                "message": message | {"refusal": "".join(refused[index]) or None},
                "finish_reason": finish[index],
            }
            if self._job.top_logprobs is not None:
                choice["logprobs"] = {"content": probable[index]}
            choices.append(choice)
        usage = {"choices": choices, "usage": generation.usage()}
        tail = self._tail() | self._citations()
        return _json(self._fields("chat.completion") | usage | tail)

    def _citations(self) -> dict[str, Any]:
        found = self._job.citations
        return {} if found is None else {"citations": list(found)}

    def event(
        self,
        choices: list[dict[str, Any]],
        usage: dict[str, Any] | None = None,
        *,
        is_last: bool,
    ) -> bytes:
        """Write one event of the stream; the last of a choice has the citations."""
        chunk = self._fields("chat.completion.chunk") | {"choices": choices}
        if usage is not None:
            chunk["usage"] = usage
        if is_last:
            chunk |= self._citations()
        return b"data: " + _json(chunk | self._tail()) + b"\n\n"


def _call(call: tools.Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class EventWriter:
    """
    The events of a stream in the shape of one vintage.

    The recorded shape of 2026 has the role on the first delta only and the usage in a
    chunk of its own; the documents of 2025 have both on every chunk, the usage
    cumulative.
    """

    def __init__(
        self,
        envelope: Envelope,
        generation: Generation,
        vintage: str,
        fault: str | None,
        *,
        include_usage: bool,
    ) -> None:
        self._envelope, self._generation = envelope, generation
        self._vintage = vintage
        self._is_2025 = vintage == "2025"
        self._include_usage = include_usage
        self._fault = fault
        self._begun: set[int] = set()
        self._written = 0

    def write(self, delta: Delta) -> bytes:
        """Write the event of a delta."""
        shown: dict[str, Any] = {}
        if self._is_2025 or delta.choice not in self._begun:
            self._begun.add(delta.choice)
            shown["role"] = "assistant"
        if delta.reasoning is not None:
            shown["reasoning_content"] = delta.reasoning
        elif delta.content is not None:
            shown["content"] = delta.content
        elif delta.refusal is not None:
            shown["refusal"] = delta.refusal
        elif delta.call is not None:
            place, call = delta.call
            shown["tool_calls"] = [{"index": place, **_call(call)}]
        choice: dict[str, Any] = {"index": delta.choice, "delta": shown}
        if delta.logprobs is not None:
            choice["logprobs"] = {"content": [delta.logprobs]}
        if delta.finish is not None:
            choice["finish_reason"] = delta.finish
        has_usage = self._is_2025 and self._fault != "no-usage"
        usage = self._generation.usage() if has_usage else None
        is_last = delta.finish is not None
        event = self._envelope.event([choice], usage, is_last=is_last)
        if self._fault == "comments" and self._written % KEEPALIVE_EVERY == 0:
            event = b": keepalive\n\n" + event
        self._written += 1
        return self._ended(event)

    def error(self, fault: Fault) -> bytes:
        """Write the event of an error."""
        return error_event(fault, self._vintage)

    def end(self) -> bytes:
        """Write what follows the last choice."""
        tail = b"data: [DONE]\n\n"
        if self._include_usage and self._fault != "no-usage":
            usage = self._generation.usage()
            tail = self._envelope.event([], usage, is_last=True) + tail
        return self._ended(tail)

    def _ended(self, event: bytes) -> bytes:
        return event.replace(b"\n", b"\r\n") if self._fault == "crlf" else event


class Drawing(Protocol):
    """A reply that is drawn step by step; `usage` is of what was drawn so far."""

    def __iter__(self) -> Iterator[Any]: ...
    @property
    def drawn_tokens(self) -> int: ...
    def prepare(self) -> None: ...
    def usage(self) -> dict[str, Any]: ...


class Writer(Protocol):
    """What writes the steps of a reply as events."""

    def write(self, step: Any, /) -> bytes: ...
    def error(self, fault: Fault) -> bytes: ...
    def end(self) -> bytes: ...


class Replying(Protocol):
    """One accepted request: how its reply is drawn, written and stored."""

    id: str
    model: Model
    is_stream: bool

    # Any: each endpoint is handed back what its own `generate` gave.
    def generate(self) -> Drawing: ...
    def whole(self, generation: Any) -> bytes: ...
    def writer(self, generation: Any, fault: str | None) -> Writer: ...
    def keep(self, generation: Any) -> None: ...


async def complete(incoming: Incoming) -> Delivered:
    """
    Answer a chat completion.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk = incoming.desk
    vintage = desk.settings.vintage
    incoming.require_json()
    arguments = (incoming.body, desk.catalog, vintage)
    if len(incoming.body) > LARGE_BYTES:
        job = await asyncio.to_thread(chat_rules.prepare, *arguments)
    else:
        job = chat_rules.prepare(*arguments)
    envelope = Envelope(job, int(desk.unix_time()), vintage)
    return answer(incoming, envelope, job.prompt_tokens)


def answer(incoming: Incoming, replying: Replying, prompt_tokens: int) -> Delivered:
    """
    Count an accepted request in, and promise its answer.

    Raises
    ------
    ApiError
        429, which is in the ledger.
    """
    desk, fault = incoming.desk, incoming.fault
    call = Call(
        request_id=incoming.request_id,
        path=incoming.path,
        model=replying.model.id,
        stream=replying.is_stream,
        fault=fault.do if fault else None,
    )
    try:
        spent = desk.limits.admit(replying.model.id, prompt_tokens, desk.monotonic())
    except ApiError as refusal:
        desk.ledger.open(call).close(refusal.status)
        raise
    desk.ledger.open(call)
    call.response_id = replying.id
    exchange = Exchange(incoming, replying, call, fault)
    is_stream = replying.is_stream and not (fault and fault.after_billing)

    async def deliver(line: Line) -> None:
        try:
            await (exchange.stream(line) if is_stream else exchange.plain(line))
        finally:
            if call.usage is not None:
                spent.settle(call.usage["total_tokens"])

    return Delivered(deliver)


class Exchange:
    """One accepted request on its way to an answer."""

    def __init__(
        self,
        incoming: Incoming,
        replying: Replying,
        call: Call,
        fault: Fault | None,
    ) -> None:
        self._incoming, self._call = incoming, call
        self._replying, self._fault = replying, fault
        self._settings = incoming.desk.settings
        self._kind = fault.do if fault else None
        self._generation = replying.generate()

    @property
    def _slow_s(self) -> float:
        is_slow = self._fault is not None and self._kind == "slow"
        return self._fault.delay_ms / 1000 if self._fault and is_slow else 0.0

    def _headers(self, content_type: str, *, is_whole: bool) -> dict[str, str]:
        desk = self._incoming.desk
        elapsed_ms = round((desk.monotonic() - self._incoming.started_s) * 1000)
        headers = {
            "content-type": content_type,
            **desk.limits.headers(self._replying.model.id, desk.monotonic()),
            "x-metrics-ttft-ms": str(elapsed_ms),
            "x-zero-data-retention": "false",
        }
        if is_whole:
            number = self._generation.drawn_tokens
            headers["x-metrics-e2e-ms"] = str(elapsed_ms)
            headers["x-metrics-mean-itl-ms"] = f"{elapsed_ms / max(number, 1):.3f}"
        return headers

    async def plain(self, line: Line) -> None:
        """Work the reply out, bill it, then answer in one piece (or go wrong)."""
        call, fault = self._call, self._fault
        if len(self._incoming.body) > LARGE_BYTES:
            body = await asyncio.to_thread(self._replying.whole, self._generation)
        else:
            body = self._replying.whole(self._generation)
        # From here on the work is done: a client that leaves has it billed in full.
        call.bill(self._generation.usage())
        self._replying.keep(self._generation)
        waits_s = STALL_S if self._kind == "stall" else self._slow_s
        if await line.wait(self._settings.latency_s + waits_s):
            call.close(None, early=True)
        elif self._kind == "stall":
            call.close(None)
            await line.drop()
        elif fault is not None and fault.after_billing:
            await self._fail_after_billing(line, fault)
        elif fault is not None and self._kind == "error-in-stream":
            answer = canned(fault, self._settings.vintage)
            call.close(answer.status)
            await line.whole(answer.status, answer.headers, answer.body)
        else:
            headers = self._headers("application/json", is_whole=True)
            await self._send_body(line, headers, body)

    async def _fail_after_billing(self, line: Line, fault: Fault) -> None:
        if fault.status_kind is None:
            self._call.close(None)
            await line.reset()
            return
        error = error_of(fault)
        content_type, body = error.body(self._settings.vintage)
        self._call.close(error.status)
        headers = {"content-type": content_type} | error.headers
        await line.whole(error.status, headers, body)

    async def _send_body(
        self, line: Line, headers: dict[str, str], body: bytes
    ) -> None:
        self._call.close(200)
        if self._kind in {"cut-stream", "break-stream"}:
            # No length is announced, so that half of the body can end cleanly.
            await line.start(200, headers)
            await line.send(body[: len(body) // 2], last=self._kind == "cut-stream")
            if self._kind == "break-stream":
                await line.drop()
            return
        if self._fault is not None and self._kind == "split":
            line.piece_bytes = self._fault.bytes
        await line.whole(200, headers, body)

    async def stream(self, line: Line) -> None:
        """
        Send the reply event by event.

        A client that leaves stops the generation: it pays for what was drawn until
        then. One that leaves before the first byte pays for its prompt.
        """
        call, fault = self._call, self._fault
        writer = self._replying.writer(self._generation, self._kind)
        if fault is not None and self._kind == "split":
            line.piece_bytes = fault.bytes
        if await line.wait(self._settings.latency_s):
            self._leave(None)
            return
        if len(self._incoming.body) > LARGE_BYTES:
            # Long texts are read beside the event loop; the loop finds them read.
            await asyncio.to_thread(self._generation.prepare)
        call.status = 200
        await line.start(200, self._headers("text/event-stream", is_whole=False))
        interrupted_at = self._interruption()
        pace_s = self._slow_s or 1 / (self._settings.tokens_per_s or float("inf"))
        begun_s = self._incoming.desk.monotonic()
        unsent: list[bytes] = []
        deltas = itertools.islice(self._generation, interrupted_at)
        for number, delta in enumerate(deltas, 1):
            unsent.append(writer.write(delta))
            if not pace_s and len(unsent) < EVENTS_PER_SEND:
                continue
            await line.send(b"".join(unsent))
            unsent.clear()
            due_s = begun_s + number * pace_s - self._incoming.desk.monotonic()
            if await (line.wait(due_s) if pace_s else line.breathe()):
                self._leave(200)
                return
        if fault is not None and interrupted_at is not None:
            await line.send(b"".join(unsent))
            await self._interrupt(line, fault, writer)
            return
        call.bill(self._generation.usage())
        self._replying.keep(self._generation)
        call.close(200)
        unsent.append(writer.end())
        await line.send(b"".join(unsent), last=True)

    def _leave(self, status: int | None) -> None:
        self._call.bill(self._generation.usage())
        self._call.close(status, early=True)

    def _interruption(self) -> int | None:
        """Give the number of events before the fault, None without such a fault."""
        kinds = {"cut-stream", "break-stream", "error-in-stream", "stall"}
        if self._fault is None or self._kind not in kinds:
            return None
        total = sum(1 for _ in self._replying.generate())
        # At the latest before the finish reason: an interrupted stream has none.
        after = total // 2 if self._fault.after is None else self._fault.after
        return min(after, total - 1)

    async def _interrupt(self, line: Line, fault: Fault, writer: Writer) -> None:
        call = self._call
        if self._kind in {"cut-stream", "break-stream"}:
            whole = self._replying.generate()
            for _ in whole:
                pass
            call.bill(whole.usage())
            self._replying.keep(whole)
            call.close(200)
            if self._kind == "cut-stream":
                await line.send(b"", last=True)
            else:
                await line.drop()
        elif self._kind == "stall":
            if await line.wait(STALL_S):
                self._leave(200)
            else:
                call.bill(self._generation.usage())
                call.close(200)
                await line.drop()
        else:
            call.bill(self._generation.usage())
            call.close(200)
            await line.send(writer.error(fault), last=True)
