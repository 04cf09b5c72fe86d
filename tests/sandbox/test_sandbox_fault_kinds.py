"""Every kind of fault on a plain reply, on a stream and on a listing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from grok_nb._sandbox.faults import NAMED_KINDS
from grok_nb._sandbox.server import Sandbox

CHAT = "/v1/chat/completions"
STATUSES = (400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 498)
STATUSES += (500, 502, 503, 504, 529)
KINDS = [
    *map(str, STATUSES),
    "500-after-billing",
    "503-after-billing",
    *NAMED_KINDS,
]
# Of what is kept, a fault breaks the delivery; nothing of it is billed again.
KEPT = ("result", "picture", "file")
REPLIES = ("plain", "stream", "draw", "edit", "defer")
ROUTES = (*REPLIES, *KEPT, "listing", "tokenize", "upload")
# What is about a reply changes nothing elsewhere.
ONLY_OF_REPLIES = {
    "cut-stream",
    "break-stream",
    "error-in-stream",
    "comments",
    "split",
    "crlf",
    "no-usage",
    "failed",
}
SHAPES = {"slow", "comments", "split", "crlf", "no-usage", "failed"}
RESETS = {"reset", "reset-after-billing"}


class Outcome:
    """What a client got: a whole answer, a part of one, or none."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.kind = ""
        self.raw = b""
        self.error: Exception | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(_sandbox: Sandbox) -> Iterator[httpx.Client]:
    _sandbox._gate.desk.faults.clear()
    _sandbox._gate.desk.ledger.clear()
    headers = {"Authorization": f"Bearer {_sandbox.key}"}
    with httpx.Client(
        base_url=_sandbox.root_url, headers=headers, timeout=0.5
    ) as client:
        yield client


CHAT_BODY = {
    "model": "grok-4.7",
    "messages": [{"role": "user", "content": "What is 101*3?"}],
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
POSTED: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (CHAT, CHAT_BODY),
    "stream": (CHAT, CHAT_BODY | STREAM),
    "defer": (CHAT, CHAT_BODY | {"deferred": True}),
    "draw": ("/v1/images/generations", {"prompt": "A star"}),
    "edit": ("/v1/images/edits", {"prompt": "A star", "image": {"url": PIXEL}}),
    "tokenize": ("/v1/tokenize-text", {"model": "grok-4.7", "text": "Hi there"}),
}


def prepared(client: httpx.Client, route: str) -> httpx.Request:
    """Make what the route is about, and the request that the fault shall meet."""
    if route == "upload":
        return client.build_request("POST", "/v1/files", files={"file": b"Hello"})
    if route == "listing":
        return client.build_request("GET", "/v1/models")
    if route in POSTED:
        path, body = POSTED[route]
        return client.build_request("POST", path, json=body)
    if route == "file":
        stored = client.post("/v1/files", files={"file": b"Hello"}).json()
        return client.build_request("GET", f"/v1/files/{stored['id']}/content")
    path, body = POSTED["defer" if route == "result" else "draw"]
    made = client.post(path, json=body).json()
    client.delete("/__sandbox/ledger")
    if route == "result":
        path = f"/v1/chat/deferred-completion/{made['request_id']}"
        return client.build_request("GET", path)
    return client.build_request("GET", made["data"][0]["url"])


def ask(client: httpx.Client, request: httpx.Request) -> Outcome:
    outcome = Outcome()
    try:
        answer = client.send(request, stream=True)
        outcome.status = answer.status_code
        outcome.kind = answer.headers.get("content-type", "")
        for part in answer.iter_raw():
            outcome.raw += part
        answer.close()
    except httpx.TransportError as error:
        outcome.error = error
    return outcome


def script(client: httpx.Client, kind: str, **fields: Any) -> None:
    fault = {"do": kind, "times": 1, "delay_ms": 1} | fields
    answer = client.post("/__sandbox/faults", json={"faults": [fault]})
    assert answer.status_code == 200


KEYS = {
    "plain": "choices",
    "result": "choices",
    "defer": "request_id",
    "draw": "data",
    "edit": "data",
    "listing": "data",
    "tokenize": "token_ids",
    "upload": "id",
}


def is_good(route: str, outcome: Outcome) -> bool:
    if outcome.status != 200 or outcome.error is not None:
        return False
    if route == "stream":
        text = outcome.raw.replace(b"\r\n", b"\n")
        return text.endswith(b"data: [DONE]\n\n") and b"303" in text
    if route == "picture":
        return outcome.raw.startswith(b"\xff\xd8") and outcome.raw.endswith(b"\xff\xd9")
    if route == "file":
        return outcome.raw == b"Hello"
    return bool(outcome.json[KEYS[route]])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_does_what_is_written_and_only_once(
    client: httpx.Client, kind: str, route: str
) -> None:
    request = prepared(client, route)
    script(client, kind)
    outcome = ask(client, request)
    is_reply = route in REPLIES
    has_reply = is_reply or route in KEPT
    if kind in SHAPES or (kind in ONLY_OF_REPLIES and not has_reply):
        assert is_good(route, outcome)
    elif kind[:3].isdigit():
        assert outcome.status == int(kind[:3])
        assert outcome.json["error"]
        assert outcome.kind == "application/json"
    elif kind in RESETS:
        assert outcome.status is None
        assert isinstance(outcome.error, (httpx.ReadError, httpx.RemoteProtocolError))
    elif kind == "stall":
        assert isinstance(outcome.error, httpx.ReadTimeout)
        # A stream stalls in its middle, everything else before it begins.
        assert (outcome.status, bool(outcome.raw)) == (
            (200, True) if route == "stream" else (None, False)
        )
    elif kind == "html":
        assert (outcome.status, outcome.kind) == (502, "text/html")
    elif kind == "redirect":
        assert outcome.status == 307
    elif kind == "empty":
        assert (outcome.status, outcome.raw) == (200, b"")
    else:
        check_broken_reply(kind, route, outcome)
    check_bill(client, kind, is_reply=is_reply)
    assert is_good(route, ask(client, prepared(client, route)))


def check_broken_reply(kind: str, route: str, outcome: Outcome) -> None:
    assert outcome.status == 200
    if kind == "break-stream":
        assert isinstance(outcome.error, httpx.RemoteProtocolError)
        assert outcome.raw
    elif kind == "error-in-stream" and route == "stream":
        last = outcome.raw.decode().strip().splitlines()[-1]
        assert json.loads(last.removeprefix("data: "))["error"]
    elif kind == "cut-stream" and route == "stream":
        assert outcome.error is None
        assert b"[DONE]" not in outcome.raw
        assert b"finish_reason" not in outcome.raw
    elif kind in {"json-error-on-200", "error-in-stream"}:
        assert outcome.json["error"]
    else:
        assert kind in {"garbage", "cut-stream"}
        assert outcome.raw
        assert not is_json(outcome.raw)


def is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def check_bill(client: httpx.Client, kind: str, *, is_reply: bool) -> None:
    calls = client.get("/__sandbox/ledger").json()["calls"]
    if not is_reply:
        assert calls == []
        return
    (call,) = calls
    is_billed = (
        kind in SHAPES
        or kind.endswith("-after-billing")
        or kind in {"cut-stream", "break-stream", "error-in-stream", "stall"}
    )
    assert call["fault"] == kind
    assert call["billed"] == is_billed or kind == "stall"
    assert (call["cost_in_usd_ticks"] > 0) == call["billed"]


@pytest.mark.parametrize("vintage", ["2025", "2026"])
def test_error_bodies_of_faults_are_of_their_year(vintage: str) -> None:
    with Sandbox(vintage=vintage) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        with httpx.Client(base_url=sandbox.root_url, headers=headers) as client:
            script(client, "503")
            code = ask(client, prepared(client, "stream")).json["code"]
            slug, sentence = "unavailable", "The service is currently unavailable"
            assert code == (slug if vintage == "2026" else sentence)
            script(client, "error-in-stream", after=2)
            last = (
                ask(client, prepared(client, "stream"))
                .raw.decode()
                .strip()
                .splitlines()[-1]
            )
            assert json.loads(last[6:])["code"] == code


def test_faults_leave_windows_and_description_alone(client: httpx.Client) -> None:
    script(client, "503", times=5)
    for path in ("/__sandbox/ledger", "/__sandbox/log", "/openapi.json"):
        assert client.get(path).status_code == 200
    assert client.get("/__sandbox/faults").json()["faults"][0]["fired"] == 0
