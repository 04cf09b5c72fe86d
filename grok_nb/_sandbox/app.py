"""The HTTP side: the gate every request passes, the API's routes, the windows."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from . import (
    catalog,
    chat,
    deferred,
    errors,
    exchange,
    identity,
    openapi,
    schemas,
    tokenizing,
)
from .books import Call, Received, masked
from .desk import Desk, Incoming
from .errors import ApiError
from .exchange import STALL_S
from .faults import canned
from .legacy import endpoint as legacy
from .media import embedding, files, pictures, uploading
from .media.shapes import ClockChange
from .responses import endpoint as responses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from .delivery import Line

WINDOWS = "/__sandbox/"
# Beside the API: no key, no log, no faults.
OPEN = frozenset({openapi.PATH})
INFERENCE = frozenset(
    {
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/images/edits",
        "/v1/images/generations",
        responses.PATH,
        *legacy.PATHS,
    }
)
# Bodies that are kept: faults break them like replies, though nothing is billed.
_KEPT = re.compile(
    rf"{re.escape(deferred.PATH)}[^/]+|{re.escape(pictures.SHOWN_AT)}[^/]+"
    r"|/v1/files/[^/]+/content"
)
MAX_BODY_BYTES = 100 * 1024 * 1024
_WRONG_KEYS = "xai-wrong"


class Gate:
    """
    What every request passes: reading, log, script, key.

    Parameters
    ----------
    desk : Desk
        The sandbox's state.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._routes = _routes(desk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        incoming = Incoming(
            desk=self.desk,
            request_id=str(uuid.uuid4()),
            method=scope["method"],
            path=scope["path"],
            headers=_headers(scope),
            gone=asyncio.get_running_loop().create_future(),
            started_s=self.desk.monotonic(),
        )
        stamped = _stamp(send, incoming.request_id)
        try:
            incoming.body = await _read(receive)
        except ConnectionResetError:
            return
        except ApiError as refusal:
            await self._refuse(refusal, incoming.line(scope, stamped))
            return
        watch = asyncio.ensure_future(_watch(receive, incoming.gone))
        scope.setdefault("state", {})["incoming"] = incoming
        try:
            await self._serve(incoming, scope, receive, stamped)
        finally:
            watch.cancel()

    async def _serve(
        self, incoming: Incoming, scope: Scope, receive: Receive, send: Send
    ) -> None:
        line = incoming.line(scope, send)
        if incoming.path in OPEN:
            await self._routes(scope, receive, send)
            return
        if not incoming.path.startswith(WINDOWS):
            self._log(incoming, scope)
            incoming.fault = self.desk.faults.pick(incoming.method, incoming.path)
        is_inference = incoming.method == "POST" and incoming.path in INFERENCE
        fault = incoming.fault
        is_kept = (
            incoming.method == "GET" and _KEPT.fullmatch(incoming.path) is not None
        )
        has_reply = is_inference or is_kept
        replaces = fault is not None and not (has_reply and fault.needs_reply)
        if replaces and await self._misbehave(
            incoming, line, is_inference=is_inference
        ):
            return
        refusal = _refused_key(_key(incoming), self.desk.settings.key)
        if refusal is not None and not incoming.path.startswith(pictures.SHOWN_AT):
            await self._refuse(refusal, line)
            return
        await self._routes(scope, receive, send)

    def _log(self, incoming: Incoming, scope: Scope) -> None:
        self.desk.log.add(
            Received(
                incoming.method,
                incoming.path,
                scope["query_string"].decode("latin-1"),
                masked(incoming.headers),
                incoming.body,
            )
        )

    async def _misbehave(
        self, incoming: Incoming, line: Line, *, is_inference: bool
    ) -> bool:
        """Do what the fault says without a reply; False where it changes nothing."""
        fault = incoming.fault
        if fault is None:
            return False
        call = Call(
            incoming.request_id, incoming.path, _named_model(incoming), fault=fault.do
        )
        if is_inference:
            self.desk.ledger.open(call)
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
            answer = canned(fault, self.desk.settings.vintage)
            call.close(answer.status)
            await line.whole(answer.status, answer.headers, answer.body)
        return True

    async def _refuse(self, refusal: ApiError, line: Line) -> None:
        content_type, body = refusal.body(self.desk.settings.vintage)
        await line.whole(refusal.status, {"content-type": content_type}, body)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _stamp(send: Send, request_id: str) -> Send:
    """Put the headers on every answer that all of them have."""
    stamp = [
        (b"x-request-id", request_id.encode()),
        (b"x-grok-nb-sandbox", b"1"),
    ]

    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *stamp]
        await send(message)

    return stamped


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise ApiError(413, "argument", errors.BY_STATUS[413][1])
        more = message.get("more_body", False)
    return b"".join(parts)


async def _watch(receive: Receive, gone: asyncio.Future[None]) -> None:
    # Beside the sending: what is not being read from is the first to know.
    while (await receive())["type"] != "http.disconnect":
        pass
    if not gone.done():
        gone.set_result(None)


def _named_model(incoming: Incoming) -> str | None:
    """Give the model a body names, whatever else is wrong with it."""
    try:
        named = json.loads(incoming.body)["model"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return named if isinstance(named, str) else None


def _key(incoming: Incoming) -> str:
    headers = incoming.headers
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    if incoming.path in legacy.WITH_X_API_KEY:
        return headers.get("x-api-key", "").strip()
    return ""


def _refused_key(key: str, right: str | None) -> ApiError | None:
    if not key:
        return ApiError(401, *errors.BY_STATUS[401])
    if right is not None:
        is_right = key == right
    else:
        is_right = key.startswith("xai-") and not key.startswith(_WRONG_KEYS)
    if is_right:
        return None
    shown = f"{key[:2]}***{key[-2:]}" if len(key) > 4 else "***"
    return errors.invalid(
        f"Incorrect API key provided: {shown}. You can obtain an API key from "
        "https://console.x.ai."
    )


def _routes(desk: Desk) -> FastAPI:
    app = FastAPI(title="Sandbox of grok_nb", openapi_url=None, redirect_slashes=False)
    vintage = desk.settings.vintage

    def answered(refusal: ApiError) -> Response:
        content_type, body = refusal.body(vintage)
        headers = {"content-type": content_type} | refusal.headers
        return Response(body, refusal.status, headers)

    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, refusal: ApiError) -> Response:
        return answered(refusal)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, problem: HTTPException) -> Response:
        path = request.url.path
        if problem.status_code == 405:
            text = f"The method {request.method} is not allowed on {path}."
            return answered(
                ApiError(405, "argument", text, dict(problem.headers or {}))
            )
        return answered(ApiError(404, "missing", f"There is no {path} here."))

    @app.get(openapi.PATH)
    async def description() -> Response:
        return _json(openapi.describe(vintage))

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        return await chat.complete(request.state.incoming)

    @app.post("/v1/tokenize-text")
    async def tokenize_text(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        incoming.require_json()
        # Beside the event loop: a text may be long.
        found = await asyncio.to_thread(
            tokenizing.tokenize, incoming.body, desk.catalog
        )
        return _json(found)

    responses.add_routes(app, desk)
    legacy.add_routes(app)
    _add_identity(app, desk)
    _add_listings(app, desk)
    _add_media(app, desk)
    _add_files(app, desk)
    _add_windows(app, desk)
    return app


def _add_media(app: FastAPI, desk: Desk) -> None:
    @app.get(deferred.PATH + "{name}")
    async def deferred_completion(request: Request, name: str) -> Response:
        return deferred.fetch(request.state.incoming, name)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        return await embedding.answer(request.state.incoming)

    @app.post("/v1/images/generations")
    async def generations(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        return await pictures.answer(incoming, str(request.base_url), is_edit=False)

    @app.get(pictures.SHOWN_AT + "{name}")
    async def picture(request: Request, name: str) -> Response:
        return pictures.shown(request.state.incoming, name)

    if desk.settings.vintage == "2025":
        return

    @app.post("/v1/images/edits")
    async def edits(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        return await pictures.answer(incoming, str(request.base_url), is_edit=True)


def _add_files(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/files")
    async def upload(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        # Beside the event loop: a form may be long.
        return _json(await asyncio.to_thread(uploading.upload, incoming))

    @app.get("/v1/files")
    async def listed(request: Request) -> Response:
        return _json(files.page(desk, dict(request.query_params)))

    @app.get("/v1/files/{name}")
    async def one_file(name: str) -> Response:
        return _json(files.find(desk, name).shown())

    @app.delete("/v1/files/{name}")
    async def delete_file(name: str) -> Response:
        return _json(files.delete(desk, name))

    @app.get("/v1/files/{name}/content")
    async def content(request: Request, name: str) -> Response:
        found = files.find(desk, name).content
        return exchange.free(request.state.incoming, found, "application/octet-stream")


def _add_identity(app: FastAPI, desk: Desk) -> None:
    @app.get("/v1/api-key")
    async def api_key(request: Request) -> Response:
        return _json(identity.api_key(_key(request.state.incoming)))

    if desk.settings.vintage == "2025":
        return

    @app.get("/v1/me")
    async def me(request: Request) -> Response:
        return _json(identity.me(_key(request.state.incoming)))


def _add_listings(app: FastAPI, desk: Desk) -> None:
    everything = ("language", "image", "video")
    short = functools.partial(catalog.short_entry, vintage=desk.settings.vintage)
    _add_listing(app, desk, "/v1/models", everything, short)
    _add_listing(app, desk, "/v1/language-models", ("language",), catalog.full_entry)
    _add_listing(
        app, desk, "/v1/image-generation-models", ("image",), catalog.full_entry
    )
    _add_listing(app, desk, "/v1/embedding-models", ("embedding",), catalog.full_entry)


def _add_listing(
    app: FastAPI,
    desk: Desk,
    path: str,
    kinds: tuple[str, ...],
    entry: Callable[[catalog.Model], dict[str, Any]],
) -> None:
    async def listing() -> Response:
        entries = [entry(model) for model in desk.catalog.current(*kinds)]
        if path == "/v1/models":
            return _json({"object": "list", "data": entries})
        return _json({"models": entries})

    async def one(name: str) -> Response:
        model = desk.catalog.find(name, *kinds)
        if model is None:
            raise errors.unknown_model(name)
        return _json(entry(model))

    app.get(path)(listing)
    app.get(f"{path}/{{name}}")(one)


def _add_windows(app: FastAPI, desk: Desk) -> None:
    @app.get(WINDOWS + "ledger")
    async def ledger() -> Response:
        return _json(desk.ledger.shown())

    @app.delete(WINDOWS + "ledger")
    async def clear_ledger() -> Response:
        desk.ledger.clear()
        return _json(desk.ledger.shown())

    @app.get(WINDOWS + "log")
    async def log() -> Response:
        return _json(desk.log.shown())

    @app.delete(WINDOWS + "log")
    async def clear_log() -> Response:
        desk.log.clear()
        return _json(desk.log.shown())

    @app.get(WINDOWS + "clock")
    async def clock() -> Response:
        return _json(desk.clock())

    @app.post(WINDOWS + "clock")
    async def advance(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        try:
            change = ClockChange.model_validate(schemas.parse_json(incoming.body))
        except ValueError:
            text = 'Expected {"advance_s": SECONDS}, from 0 to 1e9.'
            raise errors.invalid(text) from None
        desk.advanced_s += change.advance_s
        return _json(desk.clock())

    @app.get(WINDOWS + "faults")
    async def faults() -> Response:
        return _json(desk.faults.shown())

    @app.post(WINDOWS + "faults")
    async def add_faults(request: Request) -> Response:
        incoming: Incoming = request.state.incoming
        try:
            body = json.loads(incoming.body)
            entries = body.get("faults") if isinstance(body, dict) else None
            if not isinstance(entries, list):
                raise errors.invalid('Expected {"faults": [{"do": ...}, ...]}.')
            desk.faults.add(entries)
        except (ValueError, RecursionError) as problem:
            raise errors.invalid(str(problem)) from None
        return _json(desk.faults.shown())

    @app.delete(WINDOWS + "faults")
    async def clear_faults() -> Response:
        desk.faults.clear()
        return _json(desk.faults.shown())


def _json(content: Mapping[str, Any]) -> Response:
    # ASCII with escapes: the log may hold what UTF-8 cannot.
    return Response(json.dumps(content).encode(), media_type="application/json")
