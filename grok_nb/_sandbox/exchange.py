"""A reply on its way: worked out, billed, whole or streamed, late, broken or lost."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, Protocol

from .books import Call
from .delivery import Delivered
from .errors import ApiError
from .faults import canned, error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .books import Spent
    from .catalog import Model
    from .delivery import Line
    from .desk import Incoming
    from .faults import Fault

STALL_S = 600.0
# Requests beyond this many bytes are read and answered beside the event loop, as are
# prompts beyond this many tokens: a short body may name long texts.
LARGE_BYTES = 200_000
LARGE_TOKENS = 50_000
# At full speed that many events travel together, and the client is looked for between.
EVENTS_PER_SEND = 32


def headers(
    incoming: Incoming, model: str, content_type: str = "application/json"
) -> dict[str, str]:
    """Give the headers of a successful inference answer that begins now."""
    desk = incoming.desk
    return {
        "content-type": content_type,
        **desk.limits.headers(model, desk.monotonic()),
        "x-metrics-ttft-ms": str(elapsed_ms(incoming)),
        "x-zero-data-retention": "false",
    }


def elapsed_ms(incoming: Incoming) -> int:
    """Give the milliseconds since the request came."""
    return round((incoming.desk.monotonic() - incoming.started_s) * 1000)


def admit(incoming: Incoming, call: Call, model: str, prompt_tokens: int) -> Spent:
    """
    Count a request in and open its row in the ledger.

    Raises
    ------
    ApiError
        429 where the minute is full; the row says so.
    """
    desk = incoming.desk
    desk.ledger.open(call)
    try:
        return desk.limits.admit(model, prompt_tokens, desk.monotonic())
    except ApiError as refusal:
        call.close(refusal.status)
        raise


def free(
    incoming: Incoming, body: bytes, content_type: str, status: int = 200
) -> Delivered:
    """Answer what costs nothing, in one piece or as the script says."""
    call = Call(incoming.request_id, incoming.path)

    async def send(line: Line) -> None:
        # An empty file has a type, too; what is not there yet has none.
        sent = {"content-type": content_type} if status == 200 else {}
        await deliver(line, incoming, call, body, lambda: sent, status=status)

    return Delivered(send)


async def deliver(
    line: Line,
    incoming: Incoming,
    call: Call,
    body: bytes,
    sent: Callable[[], dict[str, str]],
    *,
    status: int = 200,
    latency_s: float = 0.0,
) -> None:
    """
    Send a reply in one piece, or let go wrong with it what the script says.

    Parameters
    ----------
    line : Line
        The way back to the client.
    incoming : Incoming
        The request, and its fault.
    call : Call
        Its row in the ledger, billed already; how the call ended is written into it.
    body : bytes
        The reply.
    sent : callable
        Gives the headers of its answer, when it begins.
    status : int, default 200
        The status of its answer.
    latency_s : float, default 0
        Seconds before the first byte.
    """
    fault, vintage = incoming.fault, incoming.desk.settings.vintage
    kind = fault.do if fault else None
    if kind == "stall":
        latency_s += STALL_S
    elif fault is not None and kind == "slow":
        latency_s += fault.delay_ms / 1000
    if await line.wait(latency_s):
        call.close(None, early=True)
    elif kind == "stall":
        call.close(None)
        await line.drop()
    elif fault is not None and fault.after_billing and fault.status_kind is None:
        call.close(None)
        await line.reset()
    elif fault is not None and fault.after_billing:
        error = error_of(fault)
        content_type, text = error.body(vintage)
        call.close(error.status)
        shown = {"content-type": content_type} | error.headers
        await line.whole(error.status, shown, text)
    elif fault is not None and kind == "error-in-stream":
        answer = canned(fault, vintage)
        call.close(answer.status)
        await line.whole(answer.status, answer.headers, answer.body)
    elif kind in {"cut-stream", "break-stream"}:
        call.close(status)
        # No length is announced, so that half of the body can end cleanly.
        await line.start(status, sent())
        await line.send(body[: len(body) // 2], last=kind == "cut-stream")
        if kind == "break-stream":
            await line.drop()
    else:
        call.close(status)
        if fault is not None and kind == "split":
            line.piece_bytes = fault.bytes
        await line.whole(status, sent(), body)


async def misbehave(incoming: Incoming, line: Line, *, is_inference: bool) -> bool:
    """
    Do what the fault says without a reply; False where it changes nothing.

    Parameters
    ----------
    incoming : Incoming
        The request, and its fault.
    line : Line
        The way back to the client.
    is_inference : bool
        Whether the request has a row in the ledger.
    """
    fault = incoming.fault
    if fault is None:
        return False
    call = Call(
        incoming.request_id, incoming.path, _named_model(incoming), fault=fault.do
    )
    if is_inference:
        incoming.desk.ledger.open(call)
    if fault.do in {"reset", "reset-after-billing"}:
        call.close(None)
        await line.reset()
    elif fault.do == "stall":
        if not await line.wait(STALL_S):
            await line.drop()
    elif fault.do == "slow":
        return await line.wait(fault.delay_ms / 1000)
    elif fault.needs_reply and not fault.after_billing:
        return False
    else:
        answer = canned(fault, incoming.desk.settings.vintage)
        call.close(answer.status)
        await line.whole(answer.status, answer.headers, answer.body)
    return True


def _named_model(incoming: Incoming) -> str | None:
    """Give the model a body names, whatever else is wrong with it."""
    try:
        named = json.loads(incoming.body)["model"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return named if isinstance(named, str) else None


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


class Exchange:
    """
    One accepted request on its way to an answer that is drawn token by token.

    Parameters
    ----------
    incoming : Incoming
        The request, and its fault.
    replying : Replying
        Its reply.
    prompt_tokens : int
        What counts against the limits at once.
    is_large : bool
        Whether the reply takes long to draw: then beside the event loop.

    Raises
    ------
    ApiError
        429, which is in the ledger.
    """

    def __init__(
        self,
        incoming: Incoming,
        replying: Replying,
        prompt_tokens: int,
        *,
        is_large: bool,
    ) -> None:
        fault = incoming.fault
        self._incoming, self._replying, self._fault = incoming, replying, fault
        self._is_large = is_large
        self._kind = fault.do if fault else None
        self.call = Call(
            request_id=incoming.request_id,
            path=incoming.path,
            model=replying.model.id,
            stream=replying.is_stream,
            fault=self._kind,
        )
        self._spent = admit(incoming, self.call, replying.model.id, prompt_tokens)
        self.call.response_id = replying.id
        self._generation = replying.generate()

    def delivered(self) -> Delivered:
        """Promise the answer."""
        fault = self._fault
        is_stream = self._replying.is_stream and not (fault and fault.after_billing)

        async def send(line: Line) -> None:
            try:
                await (self._stream(line) if is_stream else self._plain(line))
            finally:
                self.settle()

        return Delivered(send)

    def settle(self) -> None:
        """Count what was billed against the limits."""
        if self.call.usage is not None:
            self._spent.settle(self.call.usage["total_tokens"])

    async def work_out(self) -> bytes:
        """Give the whole reply; it is billed, also if the client leaves after this."""
        if self._is_large:
            body = await asyncio.to_thread(self._replying.whole, self._generation)
        else:
            body = self._replying.whole(self._generation)
        self.call.bill(self._generation.usage())
        self._replying.keep(self._generation)
        return body

    async def _plain(self, line: Line) -> None:
        body = await self.work_out()
        latency_s = self._incoming.desk.settings.latency_s
        await deliver(
            line,
            self._incoming,
            self.call,
            body,
            self._whole_headers,
            latency_s=latency_s,
        )

    def _whole_headers(self) -> dict[str, str]:
        passed_ms = elapsed_ms(self._incoming)
        number = max(self._generation.drawn_tokens, 1)
        return headers(self._incoming, self._replying.model.id) | {
            "x-metrics-e2e-ms": str(passed_ms),
            "x-metrics-mean-itl-ms": f"{passed_ms / number:.3f}",
        }

    async def _stream(self, line: Line) -> None:
        """
        Send the reply event by event.

        A client that leaves stops the generation: it pays for what was drawn until
        then. One that leaves before the first byte pays for its prompt.
        """
        call, fault, desk = self.call, self._fault, self._incoming.desk
        writer = self._replying.writer(self._generation, self._kind)
        if fault is not None and self._kind == "split":
            line.piece_bytes = fault.bytes
        if await line.wait(desk.settings.latency_s):
            self._leave(None)
            return
        if self._is_large:
            # Long texts are read beside the event loop; the loop finds them read.
            await asyncio.to_thread(self._generation.prepare)
        call.status = 200
        await line.start(
            200, headers(self._incoming, self._replying.model.id, "text/event-stream")
        )
        interrupted_at = self._interruption()
        slow_s = fault.delay_ms / 1000 if fault and self._kind == "slow" else 0.0
        pace_s = slow_s or 1 / (desk.settings.tokens_per_s or float("inf"))
        begun_s = desk.monotonic()
        unsent: list[bytes] = []
        steps = itertools.islice(self._generation, interrupted_at)
        for number, step in enumerate(steps, 1):
            unsent.append(writer.write(step))
            if not pace_s and len(unsent) < EVENTS_PER_SEND:
                continue
            await line.send(b"".join(unsent))
            unsent.clear()
            due_s = begun_s + number * pace_s - desk.monotonic()
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
        self.call.bill(self._generation.usage())
        self.call.close(status, early=True)

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
        call = self.call
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
