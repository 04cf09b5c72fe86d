"""Deferred completions: worked out and billed at once, readable later, and once."""

from __future__ import annotations

import functools
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import errors, exchange
from .delivery import Delivered, Line

if TYPE_CHECKING:
    from .books import Call
    from .desk import Incoming

PATH = "/v1/chat/deferred-completion/"
# Source: docs.x.ai deferred chat completions (2025-05): "within 24 hours".
LIVES_S = 24 * 3600.0
MAX_KEPT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """A completion, and from when on it can be read (seconds since 1970)."""

    body: bytes
    ready_at_s: float


def promise(incoming: Incoming, call: Call, model: str, body: bytes) -> Delivered:
    """
    Keep a completion and answer with the id under which it will be.

    It is ready after the sandbox's latency, by the clock that can be put forward.

    Parameters
    ----------
    incoming : Incoming
        The request.
    call : Call
        Its row in the ledger, billed already: also what nobody fetches costs.
    model : str
        Whose limits the headers show.
    body : bytes
        The completion.
    """
    desk = incoming.desk
    name = str(uuid.uuid4())
    now_s = desk.unix_time()
    result = Result(body, now_s + desk.settings.latency_s)
    desk.deferred.put(name, result, len(body), now_s, LIVES_S)

    async def deliver(line: Line) -> None:
        await exchange.deliver(
            line,
            incoming,
            call,
            json.dumps({"request_id": name}).encode(),
            functools.partial(exchange.headers, incoming, model),
        )

    return Delivered(deliver)


def fetch(incoming: Incoming, name: str) -> Delivered:
    """
    Answer with a completion, which from then on is gone.

    It counts as read when it leaves: whoever loses the connection has lost it.

    Raises
    ------
    ApiError
        400 for what is no id, 404 for one that was read, has expired or never was.
    """
    desk = incoming.desk
    try:
        known_as = str(uuid.UUID(name))
    except ValueError:
        raise errors.invalid(f"Invalid request id: {name}.") from None
    now_s = desk.unix_time()
    result = desk.deferred.get(known_as, now_s)
    if result is None:
        raise errors.ApiError(
            404, "missing", f"The deferred completion {known_as} was not found."
        )
    if result.ready_at_s > now_s:
        return exchange.free(incoming, b"", "application/json", status=202)
    desk.deferred.take(known_as, now_s)
    return exchange.free(incoming, result.body, "application/json")
