"""The routes of /v1/batches; those of 2025 had none."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response  # noqa: TC002 - read by FastAPI

from grok_nb._sandbox import exchange, schemas
from grok_nb._sandbox.media import files

from . import lines, pages, shapes
from .working import catch_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from grok_nb._sandbox.delivery import Delivered
    from grok_nb._sandbox.desk import Desk, Incoming

    from .book import Asked, Batch
    from .book import Request as OneRequest

PATH = "/v1/batches"


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Serve the endpoints."""
    book = desk.batches

    async def found(name: str) -> Batch:
        await catch_up(desk)
        return book.find(name)

    @app.post(PATH)
    async def create(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        return _answered(incoming, await _create(incoming, str(request.base_url)))

    @app.get(PATH)
    async def listed(request: Request) -> Response:
        await catch_up(desk)
        shown, token = pages.page(
            book.newest_first(),
            lambda _, batch: batch.number,
            request.query_params,
            PATH,
        )
        content = {"batches": [one.shown() for one in shown]}
        return _answered(request.state.incoming, content | {"pagination_token": token})

    @app.get(PATH + "/{name}")
    async def retrieve(request: Request, name: str) -> Response:
        return _answered(request.state.incoming, (await found(name)).shown())

    @app.post(PATH + "/{name}:cancel")
    async def cancel(request: Request, name: str) -> Response:
        batch = await found(name)
        book.check_open(batch, may_be_cancelled=True)
        batch.cancel(desk.unix_time())
        return _answered(request.state.incoming, batch.shown())

    @app.post(PATH + "/{name}/requests")
    async def add(request: Request, name: str) -> Response:
        incoming: Incoming = request.state.incoming
        incoming.require_json()
        # Beside the event loop: there may be many.
        asked = await asyncio.to_thread(_asked, incoming.body)
        batch = await found(name)
        book.check(asked, batch)
        book.add(batch, asked, desk.unix_time(), desk.settings.latency_s)
        return _answered(incoming, {})

    @app.get(PATH + "/{name}/requests")
    async def requests(request: Request, name: str) -> Response:
        batch = await found(name)
        shown, token = _page(list(batch.requests.values()), request, batch, "requests")
        content = {"batch_request_metadata": [one.shown() for one in shown]}
        return _answered(request.state.incoming, content | {"pagination_token": token})

    @app.get(PATH + "/{name}/results")
    async def results(request: Request, name: str) -> Response:
        batch = await found(name)
        book.check_kept(batch)
        shown, token = _page(batch.finished, request, batch, "results")
        content = {
            "results": [
                {
                    "batch_request_id": one.asked.id,
                    "batch_result": json.loads(one.result),
                }
                for one in shown
            ]
        }
        return _answered(request.state.incoming, content | {"pagination_token": token})


def _page(
    entries: list[OneRequest], request: Request, batch: Batch, what: str
) -> tuple[Any, str | None]:
    # Nothing is ever put between: the place is the number.
    listing = f"{PATH}/{batch.id}/{what}"
    return pages.page(entries, lambda place, _: place, request.query_params, listing)


def _asked(body: bytes) -> list[Asked]:
    return lines.of_body(schemas.read(shapes.NewRequests, body).batch_requests)


async def _create(incoming: Incoming, base_url: str) -> dict[str, Any]:
    desk = incoming.desk
    incoming.require_json()
    wanted = schemas.read(shapes.NewBatch, incoming.body)
    asked: list[Asked] = []
    if wanted.input_file_id is not None:
        content = files.find(desk, wanted.input_file_id).content
        # Beside the event loop: there may be many lines.
        asked = await asyncio.to_thread(lines.of_file, content)
        desk.batches.check(asked)
    now_s = desk.unix_time()
    batch = desk.batches.create(wanted.name, now_s, base_url, wanted.input_file_id)
    desk.batches.add(batch, asked, now_s, desk.settings.latency_s)
    return batch.shown()


def _answered(incoming: Incoming, content: Mapping[str, Any]) -> Delivered:
    # ASCII with escapes: a name may hold what UTF-8 cannot.
    return exchange.free(incoming, json.dumps(content).encode(), "application/json")
