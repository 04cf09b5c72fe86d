"""POST /v1/chat/completions: admission, delivery, the bill, and what goes wrong."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from . import chat_rules
from .books import Call
from .delivery import Delivered, Line
from .envelope import Envelope, EventWriter
from .errors import ApiError
from .faults import canned, error_event, error_of
from .generation import Generation

if TYPE_CHECKING:
    from .chat_rules import Job
    from .desk import Incoming
    from .faults import Fault

# Requests beyond this many bytes are read and answered beside the event loop.
LARGE_BYTES = 200_000
# At full speed that many events travel together, and the client is looked for between.
EVENTS_PER_SEND = 32
STALL_S = 600.0


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
    arguments = (incoming.body, desk.catalog, vintage)
    if len(incoming.body) > LARGE_BYTES:
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
    try:
        spent = desk.limits.admit(job.model.id, job.prompt_tokens, desk.monotonic())
    except ApiError as refusal:
        desk.ledger.open(call).close(refusal.status)
        raise
    desk.ledger.open(call)
    envelope = Envelope(job, int(desk.unix_time()))
    call.response_id = envelope.id
    exchange = _Exchange(incoming, job, call, envelope, fault)
    is_stream = job.stream and not (fault and fault.after_billing)

    async def deliver(line: Line) -> None:
        try:
            await (exchange.stream(line) if is_stream else exchange.plain(line))
        finally:
            if call.usage is not None:
                spent.settle(call.usage["total_tokens"])

    return Delivered(deliver)


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

    @property
    def _slow_s(self) -> float:
        is_slow = self._fault is not None and self._kind == "slow"
        return self._fault.delay_ms / 1000 if self._fault and is_slow else 0.0

    def _headers(self, content_type: str, *, is_whole: bool) -> dict[str, str]:
        desk = self._incoming.desk
        elapsed_ms = round((desk.monotonic() - self._incoming.started_s) * 1000)
        headers = {
            "content-type": content_type,
            **desk.limits.headers(self._job.model.id, desk.monotonic()),
            "x-metrics-ttft-ms": str(elapsed_ms),
            "x-zero-data-retention": "false",
        }
        if is_whole:
            generated = self._generation
            number = generated.completion_tokens + generated.reasoning_tokens
            headers["x-metrics-e2e-ms"] = str(elapsed_ms)
            headers["x-metrics-mean-itl-ms"] = f"{elapsed_ms / max(number, 1):.3f}"
        return headers

    async def plain(self, line: Line) -> None:
        """Work the reply out, bill it, then answer in one piece (or go wrong)."""
        call, fault = self._call, self._fault
        if len(self._incoming.body) > LARGE_BYTES:
            body = await asyncio.to_thread(self._envelope.whole, self._generation)
        else:
            body = self._envelope.whole(self._generation)
        # From here on the work is done: a client that leaves has it billed in full.
        call.bill(self._generation.usage())
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
        writer = EventWriter(self._envelope, self._generation, self._job, self._kind)
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
