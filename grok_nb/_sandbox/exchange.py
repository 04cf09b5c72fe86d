"""A reply that is worked out and billed, on its way: whole, late, broken or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .books import Call
from .delivery import Delivered
from .errors import ApiError
from .faults import canned, error_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .books import Spent
    from .delivery import Line
    from .desk import Incoming

STALL_S = 600.0


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
        sent = {"content-type": content_type} if body else {}
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
