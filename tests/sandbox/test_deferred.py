"""Deferred completions over the socket: promised, ready, read once, expired, lost."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from grok_nb._sandbox.server import Sandbox

CHAT = "/v1/chat/completions"
AT = "/v1/chat/deferred-completion/"
HOUR_S = 3600


def question(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "126/3=?"}]
    return {"model": "grok-4.7", "messages": messages, "deferred": True} | more


@contextlib.contextmanager
def running(**options: Any) -> Iterator[httpx.Client]:
    with Sandbox(**options) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        with httpx.Client(
            base_url=sandbox.root_url, headers=headers, timeout=10
        ) as client:
            yield client


@pytest.fixture(scope="module")
def _client() -> Iterator[httpx.Client]:
    with running() as found:
        yield found


@pytest.fixture
def client(_client: httpx.Client) -> httpx.Client:
    for window in ("faults", "ledger"):
        _client.delete(f"/__sandbox/{window}")
    return _client


def promised(client: httpx.Client, **more: Any) -> str:
    answer = client.post(CHAT, json=question(**more))
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["request_id"]
    return answer.json()["request_id"]


def bill(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get("/__sandbox/ledger").json()["calls"]


def script(client: httpx.Client, do: str, **fields: Any) -> None:
    fault = {"do": do, "times": 1} | fields
    assert client.post("/__sandbox/faults", json={"faults": [fault]}).status_code == 200


def advance(client: httpx.Client, seconds: float) -> None:
    client.post("/__sandbox/clock", json={"advance_s": seconds})


def test_the_result_is_that_of_the_same_chat_at_once(client: httpx.Client) -> None:
    name = promised(client)
    assert str(uuid.UUID(name)) == name
    result = client.get(AT + name)
    assert result.status_code == 200
    assert result.headers["content-type"] == "application/json"
    now = client.post(CHAT, json=question(deferred=False)).json()
    for own in ("id", "created"):
        assert result.json()[own]
    same = {"id", "created"}
    assert {k: v for k, v in result.json().items() if k not in same} == {
        k: v for k, v in now.items() if k not in same
    }
    assert result.json()["choices"][0]["message"]["content"] == "[sandbox] 126/3 = 42"


def test_it_is_read_once(client: httpx.Client) -> None:
    name = promised(client)
    assert client.get(AT + name).status_code == 200
    for _ in range(2):
        again = client.get(AT + name)
        assert again.status_code == 404
        assert again.json()["code"] == "not-found"


def test_it_is_pending_until_it_is_ready() -> None:
    with running(latency_ms=60_000) as client:
        name = promised(client)
        for _ in range(3):
            pending = client.get(AT + name)
            assert (pending.status_code, pending.content) == (202, b"")
            assert "content-type" not in pending.headers
        advance(client, 59)
        assert client.get(AT + name).status_code == 202
        advance(client, 2)
        assert client.get(AT + name).status_code == 200


def test_it_is_kept_for_a_day(client: httpx.Client) -> None:
    early, late = promised(client), promised(client)
    advance(client, 24 * HOUR_S - 60)
    assert client.get(AT + early).status_code == 200
    advance(client, 61)
    assert client.get(AT + late).status_code == 404


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("f0000000-0000-4000-8000-000000000001", 404),
        ("F0000000-0000-4000-8000-000000000001", 404),
        ("x", 400),
        ("f0000000-0000-4000-8000-00000000000", 400),
        ("%00", 400),
        ("", 404),
        ("a/b", 404),
    ],
)
def test_ids_that_never_were(client: httpx.Client, name: str, status: int) -> None:
    answer = client.get(AT + name)
    assert answer.status_code == status
    code = {400: "invalid-argument", 404: "not-found"}[status]
    assert answer.json()["code"] == code


def test_errors_of_2025_have_its_words() -> None:
    with running(vintage="2025") as client:
        name = promised(client, model="grok-3-latest")
        assert client.get(AT + name).json()["model"] == "grok-3"
        gone = client.get(AT + name).json()["code"]
        assert gone == "Some requested entity was not found"


def test_methods_and_keys(client: httpx.Client) -> None:
    name = promised(client)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, AT + name).status_code == 405
    assert httpx.get(client.base_url.join(AT + name)).status_code == 401
    wrong = {"Authorization": "Bearer xai-wrong"}
    assert client.get(AT + name, headers=wrong).status_code == 400
    # None of that has read it.
    assert client.get(AT + name).status_code == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"stream": True}, 400),
        ({"deferred": "yes"}, 422),
        ({"model": "nope"}, 404),
        ({"messages": []}, 400),
        ({"stop": "a"}, 400),
    ],
)
def test_what_no_chat_would_take_is_not_promised(
    client: httpx.Client, more: dict[str, Any], status: int
) -> None:
    answer = client.post(CHAT, json=question(**more))
    assert answer.status_code == status
    assert "request_id" not in answer.json()
    assert bill(client) == []


def test_it_is_billed_once_fetched_or_not(client: httpx.Client) -> None:
    fetched, _ = promised(client), promised(client)
    result = client.get(AT + fetched).json()
    assert client.get(AT + fetched).status_code == 404
    calls = bill(client)
    assert [call["path"] for call in calls] == [CHAT, CHAT]
    assert all(call["billed"] and call["done"] for call in calls)
    assert calls[0]["usage"] == calls[1]["usage"] == result["usage"]
    assert calls[0]["response_id"] == result["id"]
    assert calls[0]["cost_in_usd_ticks"] == result["usage"]["cost_in_usd_ticks"] > 0


def test_rate_limits_count_it() -> None:
    with running(rpm=1) as client:
        first = client.post(CHAT, json=question())
        assert first.headers["x-ratelimit-remaining-requests"] == "0"
        assert client.post(CHAT, json=question()).status_code == 429
        got = client.get(AT + first.json()["request_id"])
        assert got.status_code == 200
        assert "x-ratelimit-remaining-requests" not in got.headers


def test_the_tools_and_pictures_of_a_chat_work(client: httpx.Client) -> None:
    function = {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }}  # fmt: skip
    messages = [{"role": "user", "content": "Weather in Bern?"}]
    tools = [{"type": "function", "function": function}]
    name = promised(client, messages=messages, tools=tools)
    (choice,) = client.get(AT + name).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"


# -- what goes wrong ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "503", "reset", "html", "empty", "garbage"])
def test_a_fetch_that_fails_before_the_result_loses_nothing(
    client: httpx.Client, kind: str
) -> None:
    name = promised(client)
    script(client, kind, match="GET " + AT)
    with contextlib.suppress(httpx.TransportError):
        assert '"choices"' not in client.get(AT + name).text
    assert client.get(AT + name).status_code == 200


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        ("reset-after-billing", None),
        ("500-after-billing", 500),
        ("break-stream", None),
        ("cut-stream", 200),
        ("error-in-stream", 200),
    ],
)
def test_a_result_that_goes_wrong_on_its_way_is_lost(
    client: httpx.Client, kind: str, arrives: int | None
) -> None:
    name = promised(client)
    script(client, kind, match="GET " + AT)
    if arrives is None:
        with pytest.raises(httpx.TransportError):
            client.get(AT + name)
    else:
        answer = client.get(AT + name)
        assert answer.status_code == arrives
        with contextlib.suppress(ValueError):
            assert "choices" not in json.loads(answer.text)
    assert client.get(AT + name).status_code == 404
    (call,) = bill(client)
    assert call["billed"]


@pytest.mark.parametrize("kind", ["slow", "split"])
def test_a_result_that_is_slow_arrives(client: httpx.Client, kind: str) -> None:
    name = promised(client)
    script(client, kind, match="GET " + AT, delay_ms=1)
    answer = client.get(AT + name)
    assert answer.json()["object"] == "chat.completion"
    assert client.get(AT + name).status_code == 404


def test_a_stalled_result_is_lost_when_the_client_leaves(client: httpx.Client) -> None:
    name = promised(client)
    script(client, "stall", match="GET " + AT)
    with pytest.raises(httpx.ReadTimeout):
        client.get(AT + name, timeout=0.3)
    assert client.get(AT + name).status_code == 404


def test_nothing_is_lost_while_it_is_pending() -> None:
    with running(latency_ms=60_000) as client:
        name = promised(client)
        script(client, "reset-after-billing", match="GET " + AT)
        with pytest.raises(httpx.TransportError):
            client.get(AT + name)
        advance(client, 61)
        assert client.get(AT + name).status_code == 200


@pytest.mark.parametrize("kind", ["reset-after-billing", "503-after-billing"])
def test_a_promise_that_is_lost_is_billed(client: httpx.Client, kind: str) -> None:
    script(client, kind, match="POST " + CHAT)
    with contextlib.suppress(httpx.TransportError):
        assert client.post(CHAT, json=question()).status_code == 503
    (call,) = bill(client)
    assert call["billed"]
    assert call["fault"] == kind
    assert call["cost_in_usd_ticks"] > 0


@pytest.mark.parametrize("kind", ["reset", "503", "429"])
def test_a_promise_that_is_refused_costs_nothing(
    client: httpx.Client, kind: str
) -> None:
    script(client, kind, match="POST " + CHAT)
    with contextlib.suppress(httpx.TransportError):
        assert client.post(CHAT, json=question()).status_code in {429, 503}
    (call,) = bill(client)
    assert not call["billed"]
    assert promised(client)


def test_the_clock_is_put_forward_only(client: httpx.Client) -> None:
    before = client.get("/__sandbox/clock").json()
    after = client.post("/__sandbox/clock", json={"advance_s": 90}).json()
    assert after["advanced_s"] - before["advanced_s"] == 90
    assert after["now"] - before["now"] >= 90
    for body in ({"advance_s": -1}, {"advance_s": "1"}, {}, [], {"advance_s": 1e10}):
        answer = client.post("/__sandbox/clock", json=body)
        assert answer.status_code == 400
        assert "advance_s" in answer.json()["error"]
    assert client.get("/__sandbox/clock").json()["advanced_s"] == after["advanced_s"]
