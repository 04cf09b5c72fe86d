"""
Working on the requests of batches: by the endpoints themselves, when somebody looks.

A request is due after the sandbox's latency, by its clock. Whoever asks for something
that depends on it lets what is due be worked on first, each request as of its own time;
so nothing runs beside, and what is seen does not depend on when it was looked at.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import chat, errors, exchange
from grok_nb._sandbox.delivery import Delivered, Line
from grok_nb._sandbox.desk import Incoming
from grok_nb._sandbox.media import pictures
from grok_nb._sandbox.responses import endpoint as responses

from .book import ENDPOINTS, FAILED, SUCCEEDED

if TYPE_CHECKING:
    from starlette.types import Message

    from grok_nb._sandbox.books import Call
    from grok_nb._sandbox.desk import Desk

    from .book import Batch, Request

# gRPC's numbers. Source: grpc.io status codes, and their mapping from HTTP.
_INVALID, _UNAVAILABLE, _INTERNAL = 3, 14, 13
_CODES = {
    401: 16,
    403: 7,
    404: 5,
    408: 4,
    409: 10,
    429: 8,
    498: _UNAVAILABLE,
    500: _INTERNAL,
    501: 12,
    502: _UNAVAILABLE,
    503: _UNAVAILABLE,
    504: 4,
}


class Kept(Line):
    """A line that keeps what is sent, without waiting; None is no status line."""

    def __init__(self) -> None:
        gone = asyncio.get_running_loop().create_future()
        super().__init__({}, self._keep, gone, lambda _: None)
        self.gone = gone
        self.status: int | None = None
        self.body = b""

    async def _keep(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message["body"]

    async def wait(self, seconds: float) -> bool:  # noqa: ARG002 - as of Line
        """Pass at once: the request has its time behind it."""
        return False

    async def drop(self) -> None:
        """Lose the answer."""
        self.status = None

    async def reset(self) -> None:
        """Lose the answer."""
        self.status = None


async def catch_up(desk: Desk) -> None:
    """Work on everything that is due by now, and notice which batches are over."""
    book = desk.batches
    while book.due(desk.unix_time()) is not None:
        work = book.work
        # A server that was started again has another loop.
        is_alive = (
            work is not None
            and not work.done()
            and work.get_loop() is asyncio.get_running_loop()
        )
        if work is None or not is_alive:
            work = book.work = asyncio.ensure_future(_work(desk))
        # Whoever leaves does not stop what others wait for.
        await asyncio.shield(work)
    book.expire(desk.unix_time())


async def _work(desk: Desk) -> None:
    book = desk.batches
    while (found := book.due(desk.unix_time())) is not None:
        batch, request = found
        try:
            state, result = _result(request, await _answered(desk, batch, request))
        except Exception as problem:  # noqa: BLE001 - one request, not the others
            text = f"The sandbox failed: {type(problem).__name__}."
            state, result = FAILED, _error(_INTERNAL, text)
        # It may have been cancelled meanwhile only where the server was stopped.
        request.finish(state, request.due_s, json.dumps(result).encode())
        batch.finished.append(request)
        # Others have their turn between two requests.
        await asyncio.sleep(0)  # noqa: TID251 - waits for nothing


async def _answered(desk: Desk, batch: Batch, request: Request) -> Kept:
    """Let the endpoint of a request answer it, or let go wrong what the script says."""
    line = Kept()
    path = ENDPOINTS[request.asked.kind]

    def billed(call: Call) -> None:
        batch.ticks += call.cost_in_usd_ticks

    incoming = Incoming(
        desk=desk.of_batch(batch.id, request.due_s, billed),
        request_id=str(uuid.uuid4()),
        method="POST",
        path=path,
        headers={"content-type": "application/json"},
        gone=line.gone,
        started_s=desk.monotonic(),
        body=request.asked.body,
        fault=desk.faults.pick("POST", path),
    )
    try:
        _check(request)
        fault = incoming.fault
        replaces = fault is not None and not fault.needs_reply
        if not replaces or not await exchange.misbehave(
            incoming, line, is_inference=True
        ):
            await (await _delivered(incoming, batch, request)).deliver(line)
    except errors.ApiError as refusal:
        line.status = refusal.status
        line.body = refusal.body(desk.settings.vintage)[1]
    return line


def _check(request: Request) -> None:
    asked = json.loads(request.asked.body)
    for name in ("stream", "deferred"):
        if asked.get(name) is True:
            raise errors.invalid(f"Argument not supported in a batch: {name}")


async def _delivered(incoming: Incoming, batch: Batch, request: Request) -> Delivered:
    kind = request.asked.kind
    if kind == "chat_get_completion":
        return await chat.complete(incoming)
    if kind == "responses":
        return await responses.respond(incoming, incoming.desk.responses)
    is_edit = kind == "image_edit"
    return await pictures.answer(incoming, batch.base_url, is_edit=is_edit)


def _result(request: Request, line: Kept) -> tuple[str, dict[str, Any]]:
    """Read what came as the result of the request."""
    if line.status is None:
        return FAILED, _error(_UNAVAILABLE, "The connection to the model was lost.")
    try:
        body = json.loads(line.body)
    except ValueError:
        body = None
    is_object = isinstance(body, dict)
    told = body.get("error") if is_object else None
    if line.status != 200:
        text = told if isinstance(told, str) else f"The model answered {line.status}."
        usual = _INVALID if line.status < 500 else _UNAVAILABLE
        return FAILED, _error(_CODES.get(line.status, usual), text)
    if isinstance(told, str):
        return FAILED, _error(_UNAVAILABLE, told)
    if not is_object:
        return FAILED, _error(_INTERNAL, "The answer of the model was no JSON.")
    return SUCCEEDED, {"response": {request.asked.kind: body}}


def _error(code: int, text: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": text}}
