"""The sandbox over a real socket, with nothing but the standard library as client."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from grok_nb._sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAT = "/v1/chat/completions"
DEADLINE_S = 20.0


class Client:
    """Plain HTTP against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.host, _, port = sandbox.root_url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.headers = {"Authorization": f"Bearer {sandbox.key}"}

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(
            self.host, self.port, timeout=DEADLINE_S
        )
        sent = dict(self.headers if headers is None else headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None, **more: Any):
        with self.open(method, path, body, **more) as response:
            return response.status, response.headers, response.read()

    def json(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self.call(method, path, body)[2])

    def ask(self, text: str = "What is 101*3?", **fields: Any):
        return self.call("POST", CHAT, request(text, **fields))

    def bill(self) -> list[dict[str, Any]]:
        return self.json("GET", "/__sandbox/ledger")["calls"]

    def script(self, *faults: dict[str, Any]) -> None:
        self.json("POST", "/__sandbox/faults", {"faults": list(faults)})

    def clear(self) -> None:
        for window in ("faults", "ledger", "log"):
            self.call("DELETE", f"/__sandbox/{window}")


def request(text: str = "What is 101*3?", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "grok-4.7", "messages": messages} | fields


def events(body: bytes) -> list[dict[str, Any]]:
    """Read a stream's JSON events, without the end."""
    lines = [line for line in body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def text_of(chunks: list[dict[str, Any]], name: str = "content") -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get(name, "") for delta in deltas)


def until(found: Callable[[], Any]) -> Any:
    """Poll until something is found."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if result := found():
            return result
    raise AssertionError("nothing found before the deadline")


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(_sandbox: Sandbox) -> Client:
    client = Client(_sandbox)
    client.clear()
    return client


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[Client]:
    with Sandbox(**settings) as sandbox:
        yield Client(sandbox)


def test_a_reply_has_the_recorded_shape(client: Client) -> None:
    status, headers, raw = client.ask()
    body = json.loads(raw)
    assert status == 200
    assert set(body) == {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "system_fingerprint",
    }
    assert body["object"] == "chat.completion"
    assert body["model"] == "grok-4.7"
    choice = body["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": "[sandbox] 101*3 = 303",
        "reasoning_content": choice["message"]["reasoning_content"],
        "refusal": None,
    }
    assert choice["finish_reason"] == "stop"
    assert body["system_fingerprint"].startswith("fp_")
    assert headers["x-grok-nb-sandbox"] == "1"
    for name in (
        "x-request-id",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-metrics-ttft-ms",
        "x-metrics-e2e-ms",
    ):
        assert headers[name], name


def test_the_same_request_gets_the_same_answer_under_new_ids(client: Client) -> None:
    first, second = (client.ask("hello") for _ in range(2))
    bodies = [json.loads(answer[2]) for answer in (first, second)]
    assert bodies[0]["id"] != bodies[1]["id"]
    assert first[1]["x-request-id"] != second[1]["x-request-id"]
    assert bodies[0]["choices"] == bodies[1]["choices"]
    assert bodies[0]["usage"] == bodies[1]["usage"]


def test_a_stream_has_the_recorded_shape(client: Client) -> None:
    options = {"include_usage": True}
    status, headers, raw = client.ask(stream=True, stream_options=options)
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert raw.endswith(b"data: [DONE]\n\n")
    assert all(block.startswith(b"data: ") for block in raw.split(b"\n\n")[:-1])
    *chunks, last, usage = events(raw)
    roles = [chunk["choices"][0]["delta"].get("role") for chunk in chunks]
    assert roles == ["assistant"] + [None] * (len(chunks) - 1)
    assert not any("finish_reason" in chunk["choices"][0] for chunk in chunks)
    assert not any("usage" in chunk for chunk in [*chunks, last])
    kinds = ["content" in chunk["choices"][0]["delta"] for chunk in chunks]
    assert kinds == sorted(kinds)
    assert last["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert usage["choices"] == []
    whole = json.loads(client.ask()[2])
    message = whole["choices"][0]["message"]
    assert text_of(chunks) == message["content"]
    assert text_of(chunks, "reasoning_content") == message["reasoning_content"]
    assert usage["usage"] == whole["usage"]


def test_a_stream_without_the_option_has_no_usage(client: Client) -> None:
    chunks = events(client.ask(stream=True)[2])
    assert not any("usage" in chunk for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert client.bill()[-1]["billed"]


def test_vintage_2025_repeats_role_and_cumulative_usage() -> None:
    with running(vintage="2025") as client:
        chunks = events(client.ask(stream=True)[2])
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        assert all(delta["role"] == "assistant" for delta in deltas)
        totals = [chunk["usage"]["total_tokens"] for chunk in chunks]
        assert totals == sorted(totals)
        assert chunks[-1]["usage"] == client.bill()[-1]["usage"]
        body = json.loads(client.ask(n=0)[2])
        assert body["code"] == "Client specified an invalid argument"
        status, headers, raw = client.ask(n="x")
        assert (status, headers.get_content_type()) == (422, "text/plain")
        assert raw.startswith(b"Failed to deserialize the JSON body")


def test_service_tier_is_echoed_on_every_chunk_and_billed(client: Client) -> None:
    client.ask()
    chunks = events(client.ask(stream=True, service_tier="priority")[2])
    assert {chunk["service_tier"] for chunk in chunks} == {"priority"}
    plain, priority = client.bill()
    assert priority["cost_in_usd_ticks"] == 2 * plain["cost_in_usd_ticks"]


def test_several_choices_stream_and_count(client: Client) -> None:
    whole = json.loads(client.ask(n=3)[2])
    chunks = events(client.ask(n=3, stream=True)[2])
    for choice in whole["choices"]:
        own = [c for c in chunks if c["choices"][0]["index"] == choice["index"]]
        assert text_of(own) == choice["message"]["content"]
        assert own[0]["choices"][0]["delta"]["role"] == "assistant"
        assert own[-1]["choices"][0]["finish_reason"] == "stop"


def test_ledger_and_log_show_what_happened(client: Client) -> None:
    _, headers, raw = client.ask()
    client.call("GET", "/v1/models?limit=3")
    (call,) = client.bill()
    usage = json.loads(raw)["usage"]
    assert call == {
        "request_id": headers["x-request-id"],
        "response_id": json.loads(raw)["id"],
        "path": CHAT,
        "model": "grok-4.7",
        "stream": False,
        "fault": None,
        "status": 200,
        "billed": True,
        "cost_in_usd_ticks": usage["cost_in_usd_ticks"],
        "usage": usage,
        "closed_early": False,
        "batch_id": None,
        "done": True,
    }
    chat, listing = client.json("GET", "/__sandbox/log")["requests"]
    assert (chat["method"], chat["path"]) == ("POST", CHAT)
    assert chat["headers"]["authorization"] == "Bearer ***"
    assert chat["body"] == request()
    assert (listing["path"], listing["query"]) == ("/v1/models", "limit=3")
    assert listing["body"] is None
    key = client.headers["Authorization"].removeprefix("Bearer ")
    assert key.encode() not in client.call("GET", "/__sandbox/log")[2]
    assert client.json("DELETE", "/__sandbox/ledger") == {"calls": []}
    assert client.json("DELETE", "/__sandbox/log") == {"requests": []}
    assert client.bill() == []


def test_log_keeps_bodies_that_are_no_json(client: Client) -> None:
    for raw in (b"{not json", b'{"a": "\\ud800"}', b"[" * 200 + b"]" * 200):
        client.call("POST", CHAT, raw)
    kept = client.json("GET", "/__sandbox/log")["requests"]
    assert [one["body"] for one in kept] == [
        "{not json",
        '{"a": "\\ud800"}',
        "[" * 200 + "]" * 200,
    ]


def test_listings_have_their_envelopes(client: Client) -> None:
    models = client.json("GET", "/v1/models")
    assert models["object"] == "list"
    flagship = max(models["data"], key=lambda model: model["created"])
    assert flagship["id"] == "grok-4.7"
    assert flagship["prompt_text_token_price"] == 20000
    assert flagship["context_length"] == 500000
    assert flagship["capabilities"]["default_reasoning_effort"] == "high"
    language = client.json("GET", "/v1/language-models")["models"]
    assert "grok-3" not in {model["id"] for model in language}
    assert all("context_length" not in model for model in language)
    assert all(model["output_modalities"] == ["text"] for model in language)
    images = client.json("GET", "/v1/image-generation-models")["models"]
    prices = {model["id"]: model["image_price"] for model in images}
    assert prices["grok-imagine-image"] == 200000000
    assert client.json("GET", "/v1/embedding-models") == {"models": []}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/models/grok-4.3", "grok-4.3"),
        ("/v1/models/grok-4.3-latest", "grok-4.3"),
        ("/v1/models/grok-imagine-image", "grok-imagine-image"),
        ("/v1/language-models/grok-4.20", "grok-4.20-0309-reasoning"),
        (
            "/v1/image-generation-models/grok-imagine-image-2.0",
            "grok-imagine-image-2.0",
        ),
        ("/v1/language-models/grok-imagine-image", None),
        ("/v1/models/nope", None),
        ("/v1/models/%00%ff", None),
        ("/v1/embedding-models/v1", None),
    ],
)
def test_models_by_id(client: Client, path: str, found: str | None) -> None:
    status, headers, raw = client.call("GET", path)
    body = json.loads(raw)
    assert status == (404 if found is None else 200)
    assert body.get("id") == found
    assert headers["x-request-id"]
    assert "x-ratelimit-limit-requests" not in headers


@pytest.mark.parametrize(
    ("authorization", "status", "text"),
    [
        (None, 401, "No API key was given"),
        ("Bearer", 401, "No API key was given"),
        ("Basic xai-right", 401, "No API key was given"),
        ("Bearer xai-wrong-key", 400, "Incorrect API key provided: xa***ey."),
        ("Bearer sk-123456", 400, "Incorrect API key provided: sk***56."),
        ("Bearer abc", 400, "Incorrect API key provided: ***."),
        ("Bearer xai-any", 200, ""),
    ],
)
def test_keys(
    client: Client, authorization: str | None, status: int, text: str
) -> None:
    sent = {} if authorization is None else {"Authorization": authorization}
    for path in ("/v1/models", "/__sandbox/ledger"):
        got, headers, raw = client.call("GET", path, headers=sent)
        assert got == status
        assert headers["x-grok-nb-sandbox"] == "1"
        if status != 200:
            assert json.loads(raw)["error"].startswith(text)


def test_a_set_key_is_the_only_right_one() -> None:
    with running(key="xai-mine") as client:
        assert client.call("GET", "/v1/models")[0] == 200
        other = {"Authorization": "Bearer xai-other"}
        assert client.call("GET", "/v1/models", headers=other)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", CHAT, b"", "application/json", 415),
        ("POST", CHAT, b"{}", None, 415),
        ("POST", CHAT, b"{}", "text/plain", 415),
        ("POST", CHAT, b"{", "application/json; charset=utf-8", 422),
        ("POST", CHAT, b"[]", "application/json", 422),
        ("GET", CHAT, None, None, 405),
        ("DELETE", "/v1/models", None, None, 405),
        ("GET", "/v1/nothing", None, None, 404),
        ("GET", "/", None, None, 404),
        ("GET", "/__sandbox/nothing", None, None, 404),
        ("POST", "/__sandbox/faults", b"[1]", "application/json", 400),
        ("POST", "/__sandbox/faults", b'{"faults":[{"do":"x"}]}', None, 400),
    ],
)
def test_wrong_requests(
    client: Client,
    method: str,
    path: str,
    body: bytes | None,
    kind: str | None,
    status: int,
) -> None:
    headers = client.headers | ({"Content-Type": kind} if kind else {})
    got, answered, raw = client.call(method, path, body, headers=headers)
    assert got == status
    assert json.loads(raw)["error"]
    assert answered["x-request-id"]
    assert "x-ratelimit-limit-requests" not in answered
    assert client.bill() == []


def test_large_bodies_get_an_answer(client: Client) -> None:
    status, _, raw = client.ask("a" * 20_000_000)
    assert status == 400
    assert "maximum prompt length is 500000" in json.loads(raw)["error"]
    status, _, raw = client.ask("Repeat exactly: " + "word " * 100_000)
    assert json.loads(raw)["choices"][0]["message"]["content"] == "word " * 100_000


def leave_early(client: Client, body: dict[str, Any], lines: int = 6) -> dict[str, Any]:
    """Read some lines of a stream, leave, and return the bill of that."""
    with client.open("POST", CHAT, body) as response:
        for _ in range(lines):
            response.readline()
    return until(lambda: next((c for c in client.bill() if c["done"]), None))


@pytest.mark.parametrize("settings", [{}, {"tokens_per_s": 50}])
def test_leaving_a_stream_stops_the_generation(settings: dict[str, float]) -> None:
    with running(**settings) as client:
        call = leave_early(client, request("Count to 20000", stream=True))
        assert call["closed_early"]
        assert call["billed"]
        usage = call["usage"]
        reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
        assert 0 < usage["completion_tokens"] + reasoning < 30_000
        assert call["cost_in_usd_ticks"] == usage["cost_in_usd_ticks"] > 0


def leave_at_once(client: Client, body: dict[str, Any]) -> None:
    """Send a request and go without reading."""
    raw = json.dumps(body).encode()
    head = [f"POST {CHAT} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    head += [f"{name}: {value}" for name, value in client.headers.items()]
    head += [f"Content-Length: {len(raw)}", "", ""]
    with socket.create_connection((client.host, client.port)) as connection:
        connection.sendall("\r\n".join(head).encode() + raw)
        until(client.bill)


def test_leaving_before_a_plain_answer_costs_all_of_it() -> None:
    with running(latency_ms=60_000) as client:
        leave_at_once(client, request())
        call = until(lambda: next((c for c in client.bill() if c["done"]), None))
        assert call["closed_early"]
        assert call["status"] is None
        assert call["billed"]
        assert call["usage"]["completion_tokens"] == 10


def test_leaving_before_a_stream_begins_costs_the_prompt() -> None:
    with running(latency_ms=60_000) as client:
        leave_at_once(client, request(stream=True))
        call = until(lambda: next((c for c in client.bill() if c["done"]), None))
        assert call["closed_early"]
        assert call["usage"]["completion_tokens"] == 0
        assert call["usage"]["prompt_tokens"] == call["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 429, 498, 500, 503])
def test_status_faults_answer_and_cost_nothing(client: Client, status: int) -> None:
    client.script({"match": f"POST {CHAT}", "nth": 2, "do": str(status)})
    got = [client.ask()[0] for _ in range(3)]
    assert got == [200, status, 200]
    call = client.bill()[1]
    assert (call["status"], call["billed"], call["fault"]) == (
        status,
        False,
        str(status),
    )
    assert (call["usage"], call["cost_in_usd_ticks"]) == (None, 0)


def test_status_faults_carry_retry_after_and_no_rates(client: Client) -> None:
    client.script({"do": "429", "retry_after": 1.5, "match": CHAT})
    _, headers, raw = client.ask()
    assert headers["retry-after"] == "1.5"
    assert "x-ratelimit-limit-requests" not in headers
    assert json.loads(raw)["code"] == "resource-exhausted"


@pytest.mark.parametrize(("kind", "status"), [("403-credit", 403), ("429-credit", 429)])
def test_credit_faults_have_the_text(client: Client, kind: str, status: int) -> None:
    client.script({"do": kind})
    got, _, raw = client.ask()
    assert got == status
    assert "used all available credits" in json.loads(raw)["error"]


@pytest.mark.parametrize("stream", [False, True])
def test_after_billing_costs_in_full(client: Client, *, stream: bool) -> None:
    client.ask()
    client.script({"do": "500-after-billing"})
    status, _, raw = client.ask(stream=stream)
    assert status == 500
    assert json.loads(raw)["error"]
    whole, failed = client.bill()
    assert (failed["status"], failed["billed"]) == (500, True)
    assert failed["usage"] == whole["usage"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["reset", "reset-after-billing"])
def test_reset_resets(client: Client, kind: str, *, stream: bool) -> None:
    client.script({"do": kind, "match": CHAT})
    with pytest.raises(ConnectionResetError):
        client.ask(stream=stream)
    (call,) = client.bill()
    assert call["status"] is None
    assert call["billed"] == (kind == "reset-after-billing")


@pytest.mark.parametrize("after", [0, 3, None, 10_000])
def test_cut_stream_ends_cleanly_without_the_end(
    client: Client, after: int | None
) -> None:
    client.ask("Count to 20")
    number = len(events(client.ask("Count to 20", stream=True)[2]))
    client.script({"do": "cut-stream", **({} if after is None else {"after": after})})
    raw = client.ask("Count to 20", stream=True)[2]
    wanted = number // 2 if after is None else min(after, number - 1)
    assert len(events(raw)) == wanted
    assert b"[DONE]" not in raw
    assert b"finish_reason" not in raw
    whole, _, cut = client.bill()
    assert cut["usage"] == whole["usage"]
    assert (cut["status"], cut["closed_early"]) == (200, False)


@pytest.mark.parametrize("stream", [False, True])
def test_break_stream_drops_the_connection(client: Client, *, stream: bool) -> None:
    client.script({"do": "break-stream"})
    with client.open("POST", CHAT, request(stream=stream)) as response:
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
        assert caught.value.partial
    assert client.bill()[0]["billed"]


def test_cut_plain_answer_is_half_a_body(client: Client) -> None:
    client.script({"do": "cut-stream"})
    status, _, raw = client.ask()
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)
    assert client.bill()[0]["billed"]


def test_stalled_stream_waits_and_is_billed_so_far(client: Client) -> None:
    client.script({"do": "stall", "after": 3})
    call = leave_early(client, request(stream=True))
    assert call["closed_early"]
    usage = call["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert usage["completion_tokens"] + reasoning == 3


def test_stalled_plain_answer_never_comes(client: Client) -> None:
    client.script({"do": "stall"})
    leave_at_once(client, request())
    call = until(lambda: next((c for c in client.bill() if c["done"]), None))
    assert call["closed_early"]
    assert call["billed"]


def test_stalled_listing_never_comes(client: Client) -> None:
    client.script({"do": "stall", "match": "GET /v1/models"})
    connection = http.client.HTTPConnection(client.host, client.port, timeout=0.2)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/models", headers=client.headers)
        with pytest.raises(TimeoutError):
            connection.getresponse()


def test_slow_stream_is_whole(client: Client) -> None:
    client.script({"do": "slow", "delay_ms": 1})
    assert text_of(events(client.ask(stream=True)[2])) == "[sandbox] 101*3 = 303"
    assert client.ask()[0] == 200
    assert client.call("GET", "/v1/models")[0] == 200


@pytest.mark.parametrize("stream", [False, True])
def test_json_error_on_200(client: Client, *, stream: bool) -> None:
    client.script({"do": "json-error-on-200"})
    status, headers, raw = client.ask(stream=stream)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(raw)["error"] == "The service is currently unavailable"
    assert not client.bill()[0]["billed"]


def test_error_in_stream_is_the_last_event(client: Client) -> None:
    client.script({"do": "error-in-stream", "after": 4, "message": "Out of luck."})
    raw = client.ask(stream=True)[2]
    *chunks, last = events(raw)
    assert len(chunks) == 4
    assert last["error"] == "Out of luck."
    assert b"[DONE]" not in raw
    assert client.bill()[0]["billed"]
    assert json.loads(client.ask()[2])["error"] == "Out of luck."


@pytest.mark.parametrize("status", [None, 200, 204, 503])
def test_html_comes_from_a_proxy(client: Client, status: int | None) -> None:
    client.script({"do": "html", **({} if status is None else {"status": status})})
    got, headers, raw = client.ask()
    assert (got, headers.get_content_type()) == (status or 502, "text/html")
    assert raw.startswith(b"<!DOCTYPE html>") == (status != 204)


def test_empty_and_garbage(client: Client) -> None:
    client.script({"do": "empty", "nth": 1}, {"do": "garbage", "nth": 2})
    assert client.ask()[::2] == (200, b"")
    status, headers, raw = client.ask()
    assert (status, headers["content-type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)
    assert not any(call["billed"] for call in client.bill())


@pytest.mark.parametrize("kind", ["comments", "split", "crlf", "no-usage"])
def test_shapes_of_the_stream_keep_its_text(client: Client, kind: str) -> None:
    client.script({"do": kind, "bytes": 5})
    options = {"include_usage": True}
    raw = client.ask(stream=True, stream_options=options)[2]
    chunks = events(raw)
    assert text_of(chunks) == "[sandbox] 101*3 = 303"
    assert (b"\n: keepalive\n" in raw) == (kind == "comments")
    assert (raw.count(b"\r\n") == raw.count(b"\n")) == (kind == "crlf")
    assert ("usage" in chunks[-1]) == (kind != "no-usage")
    assert client.bill()[0]["usage"]["total_tokens"] > 0
    assert client.ask()[0] == 200


def test_redirect_points_elsewhere(client: Client) -> None:
    client.script({"do": "redirect", "location": "http://127.0.0.1:9/else"})
    status, headers, _ = client.ask()
    assert (status, headers["location"]) == (307, "http://127.0.0.1:9/else")


def test_faults_are_listed_and_cleared(client: Client) -> None:
    client.script({"do": "503", "match": "GET /v1/models", "times": 1})
    assert client.call("GET", "/v1/models")[0] == 503
    assert client.call("GET", "/v1/models")[0] == 200
    assert client.json("GET", "/__sandbox/faults")["faults"] == [
        {"do": "503", "match": "GET /v1/models", "times": 1, "seen": 2, "fired": 1}
    ]
    assert client.json("DELETE", "/__sandbox/faults") == {"faults": []}
    status, _, raw = client.call("POST", "/__sandbox/faults", {"faults": [{"do": "x"}]})
    assert status == 400
    assert "cut-stream" in json.loads(raw)["error"]


def test_faults_of_the_start_are_used() -> None:
    with running(faults=["429@/v1/chat#1", {"do": "503", "nth": 2}]) as client:
        assert [client.ask()[0] for _ in range(3)] == [429, 503, 200]
    with pytest.raises(ValueError, match="unknown kind"):
        Sandbox(faults=["bang"])


def test_requests_per_minute_are_limited() -> None:
    with running(rpm=2) as client:
        assert [client.ask()[0] for _ in range(3)] == [200, 200, 429]
        assert client.ask(model="grok-4.3")[0] == 200
        refused = client.bill()[2]
        assert (refused["status"], refused["billed"]) == (429, False)
    with running(tpm=30) as client:
        assert [client.ask()[0] for _ in range(2)] == [200, 429]


def test_many_clients_at_once(client: Client) -> None:
    answers: list[bytes] = []

    def work(number: int) -> None:
        answers.extend(
            client.ask(f"What is {number}*1000?", stream=True)[2] for _ in range(5)
        )

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [text_of(events(raw)) for raw in answers]
    wanted = [f"[sandbox] {n}*1000 = {n}000" for n in range(1, 9)]
    assert [texts.count(text) for text in wanted] == [5] * 8
    ids = {call["request_id"] for call in client.bill()}
    assert len(ids) == 40


def test_stop_ends_with_streams_open_and_start_works_again() -> None:
    sandbox = Sandbox(tokens_per_s=1)
    with sandbox:
        client = Client(sandbox)
        with client.open("POST", CHAT, request(stream=True)) as response:
            response.readline()
            sandbox.stop()
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                response.read()
        assert not sandbox.is_running
        with pytest.raises(ConnectionRefusedError):
            client.ask()
        sandbox.start()
        assert Client(sandbox).call("GET", "/v1/models")[0] == 200
    sandbox.stop()


def test_a_taken_port_is_an_os_error() -> None:
    with Sandbox() as first:
        port = int(first.root_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()


def test_repr_shows_no_key() -> None:
    sandbox = Sandbox(key="xai-secret")
    assert "xai-secret" not in repr(sandbox)


@pytest.mark.parametrize(
    "settings", [{"vintage": "2024"}, {"rpm": 0}, {"latency_ms": -1}]
)
def test_wrong_settings_are_value_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sandbox(**settings)


SERVE = """
from grok_nb._sandbox.server import serve
serve(lambda url: print(url, flush=True), tokens_per_s=1)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_on_signals(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.endswith("/v1")
        port = int(url.removesuffix("/v1").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        with contextlib.closing(connection):
            raw = json.dumps(request(stream=True)).encode()
            headers = {
                "Authorization": "Bearer xai-a",
                "Content-Type": "application/json",
            }
            connection.request("POST", CHAT, raw, headers)
            with connection.getresponse() as response:
                response.readline()
                process.send_signal(number)
                out, errors = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, out, errors) == (0, "", "")


def test_the_sandbox_imports_nothing_of_the_rest() -> None:
    code = (
        "import sys, grok_nb._sandbox.server;"
        "print([m for m in sys.modules if m.startswith('grok_nb.')"
        " and not m.startswith('grok_nb._sandbox')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
