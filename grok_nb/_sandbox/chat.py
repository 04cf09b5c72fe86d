"""POST /v1/chat/completions: the reply as one body or as a stream, and its bill."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import re
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import (
    brain,
    catalog,
    chat_rules,
    deferred,
    exchange,
    live_search,
    logprobs,
    tasks,
    tokens,
)
from .books import Call
from .delivery import Delivered, Line
from .exchange import STALL_S
from .faults import error_event
from .media import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import tools
    from .chat_rules import Job
    from .desk import Incoming
    from .faults import Fault

# Requests beyond this many bytes are read and answered beside the event loop.
LARGE_BYTES = 200_000
LARGE_TOKENS = 50_000
# At full speed that many events travel together, and the client is looked for between.
EVENTS_PER_SEND = 32
KEEPALIVE_EVERY = 3
_ATTACHES = re.compile(rb'"(?:image_url|file)"')


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
        seen = job.question.sight.labelled()
        self._question = replace(job.question, task=tasks.of(job.request, seen))
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

    def __init__(self, job: Job, created: int) -> None:
        self.id = str(uuid.uuid4())
        self._job = job
        self._created = created

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
    ) -> None:
        self._envelope, self._generation = envelope, generation
        self._is_2025 = vintage == "2025"
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

    def end(self, *, include_usage: bool) -> bytes:
        """Write what follows the last choice."""
        tail = b"data: [DONE]\n\n"
        if include_usage and self._fault != "no-usage":
            usage = self._generation.usage()
            tail = self._envelope.event([], usage, is_last=True) + tail
        return self._ended(tail)

    def _ended(self, event: bytes) -> bytes:
        return event.replace(b"\n", b"\r\n") if self._fault == "crlf" else event


async def complete(incoming: Incoming) -> Delivered:
    """
    Answer a chat completion.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk, fault = incoming.desk, incoming.fault
    vintage = desk.settings.vintage
    incoming.require_json()
    find_file = functools.partial(files.find, desk)
    arguments = (incoming.body, desk.catalog, vintage, find_file)
    # Beside the event loop also what has to be fetched, maybe from this very server.
    if len(incoming.body) > LARGE_BYTES or _ATTACHES.search(incoming.body):
        job = await asyncio.to_thread(chat_rules.prepare, *arguments)
    else:
        job = chat_rules.prepare(*arguments)
    call = Call(
        request_id=incoming.request_id,
        path=incoming.path,
        model=job.model.id,
        stream=job.stream,
        fault=fault.do if fault else None,
    )
    spent = exchange.admit(incoming, call, job.model.id, job.prompt_tokens)
    envelope = Envelope(job, int(desk.unix_time()))
    call.response_id = envelope.id
    mine = _Exchange(incoming, job, call, envelope, fault)
    is_stream = job.stream and not (fault and fault.after_billing)

    async def deliver(line: Line) -> None:
        try:
            await (mine.stream(line) if is_stream else mine.plain(line))
        finally:
            if call.usage is not None:
                spent.settle(call.usage["total_tokens"])

    async def defer() -> Delivered:
        body = await mine.work_out()
        spent.settle((call.usage or {})["total_tokens"])
        return deferred.promise(incoming, call, job.model.id, body)

    return await defer() if job.request.deferred else Delivered(deliver)


class _Exchange:
    """One accepted request on its way to an answer."""

    def __init__(
        self,
        incoming: Incoming,
        job: Job,
        call: Call,
        envelope: Envelope,
        fault: Fault | None,
    ) -> None:
        self._incoming, self._job, self._call = incoming, job, call
        self._envelope, self._fault = envelope, fault
        self._settings = incoming.desk.settings
        self._kind = fault.do if fault else None
        self._generation = Generation(job)
        # A short body may name a long file.
        self._is_large = (
            len(incoming.body) > LARGE_BYTES or job.prompt_text_tokens > LARGE_TOKENS
        )

    @property
    def _slow_s(self) -> float:
        is_slow = self._fault is not None and self._kind == "slow"
        return self._fault.delay_ms / 1000 if self._fault and is_slow else 0.0

    async def plain(self, line: Line) -> None:
        """Work the reply out, bill it, then answer in one piece (or go wrong)."""
        body = await self.work_out()
        await exchange.deliver(
            line,
            self._incoming,
            self._call,
            body,
            self._whole_headers,
            latency_s=self._settings.latency_s,
        )

    def _whole_headers(self) -> dict[str, str]:
        generated = self._generation
        number = generated.completion_tokens + generated.reasoning_tokens
        elapsed_ms = exchange.elapsed_ms(self._incoming)
        return exchange.headers(self._incoming, self._job.model.id) | {
            "x-metrics-e2e-ms": str(elapsed_ms),
            "x-metrics-mean-itl-ms": f"{elapsed_ms / max(number, 1):.3f}",
        }

    async def work_out(self) -> bytes:
        """Give the whole reply; it is billed, also if the client leaves after this."""
        if self._is_large:
            body = await asyncio.to_thread(self._envelope.whole, self._generation)
        else:
            body = self._envelope.whole(self._generation)
        self._call.bill(self._generation.usage())
        return body

    async def stream(self, line: Line) -> None:
        """
        Send the reply event by event.

        A client that leaves stops the generation: it pays for what was drawn until
        then. One that leaves before the first byte pays for its prompt.
        """
        call, fault = self._call, self._fault
        writer = EventWriter(
            self._envelope, self._generation, self._settings.vintage, self._kind
        )
        if fault is not None and self._kind == "split":
            line.piece_bytes = fault.bytes
        if await line.wait(self._settings.latency_s):
            self._leave(None)
            return
        if self._is_large:
            # Long texts are read beside the event loop; the loop finds them read.
            await asyncio.to_thread(self._generation.prepare)
        call.status = 200
        headers = exchange.headers(
            self._incoming, self._job.model.id, "text/event-stream"
        )
        await line.start(200, headers)
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
            await self._interrupt(line, fault)
            return
        call.bill(self._generation.usage())
        call.close(200)
        unsent.append(writer.end(include_usage=self._job.include_usage))
        await line.send(b"".join(unsent), last=True)

    def _leave(self, status: int | None) -> None:
        self._call.bill(self._generation.usage())
        self._call.close(status, early=True)

    def _interruption(self) -> int | None:
        """Give the number of events before the fault, None without such a fault."""
        kinds = {"cut-stream", "break-stream", "error-in-stream", "stall"}
        if self._fault is None or self._kind not in kinds:
            return None
        total = sum(1 for _ in Generation(self._job))
        # At the latest before the finish reason: an interrupted stream has none.
        after = total // 2 if self._fault.after is None else self._fault.after
        return min(after, total - 1)

    async def _interrupt(self, line: Line, fault: Fault) -> None:
        call = self._call
        if self._kind in {"cut-stream", "break-stream"}:
            whole = Generation(self._job)
            for _ in whole:
                pass
            call.bill(whole.usage())
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
            event = error_event(fault, self._settings.vintage)
            await line.send(event, last=True)
