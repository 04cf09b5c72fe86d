"""Messages, completions and complete over plain HTTP: bytes, keys, limits, faults."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from grok_nb._sandbox.faults import NAMED_KINDS
from grok_nb._sandbox.legacy.endpoint import COMPLETE, COMPLETIONS, MESSAGES
from grok_nb._sandbox.server import Sandbox
from tests.contract.legacy_asked import PIXEL, PLAIN, WEATHER, message, texts, turns
from tests.responses_support import Client
from tests.support import eventually

SUM = "[sandbox] 101*3 = 303"
BASIC = {MESSAGES: message(), COMPLETIONS: texts(), COMPLETE: turns()}
PATHS = list(BASIC)
STREAMED = [MESSAGES, COMPLETIONS]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    sandbox._gate.desk.faults.clear()
    sandbox._gate.desk.ledger.clear()
    sandbox._gate.desk.log.clear()
    return Client(sandbox)


def stream(client: Client, path: str, body: Any) -> bytes:
    status, headers, raw = client.call("POST", path, body | {"stream": True})
    assert (status, headers.get_content_type()) == (200, "text/event-stream")
    return raw


def known(client: Client, raw: bytes) -> str:
    """Give a stream with what differs from run to run replaced."""
    return raw.decode().replace(client.bills()[-1]["response_id"], "ID")


# -- bytes --------------------------------------------------------------------------

# Source: xai-api.md section 8.1, whose order of events is Anthropic's.
TEXT_EVENTS = """\
event: message_start
data: {"type":"message_start","message":{"id":"ID","type":"message","role":"assistant",\
"model":"grok-4.3","content":[],"stop_reason":null,"stop_sequence":null,"usage":\
{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,\
"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":\
{"type":"thinking","thinking":"","signature":""}}

THINKING
event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"["}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"sandbo"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"x"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},\
"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,\
"output_tokens":REASONED}}

event: message_stop
data: {"type":"message_stop"}

"""
THOUGHT = """\
event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":\
{"type":"thinking_delta","thinking":%s}}

"""
TOOL_EVENTS = """\
event: message_start
data: {"type":"message_start","message":{"id":"ID","type":"message","role":"assistant",\
"model":"grok-4.20-0309-non-reasoning","content":[],"stop_reason":null,\
"stop_sequence":null,"usage":{"input_tokens":INPUT,"cache_creation_input_tokens":0,\
"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":\
{"type":"tool_use","id":"CALL","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":\
{"type":"input_json_delta","partial_json":"{\\"city\\": \\"Bern\\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},\
"usage":{"input_tokens":INPUT,"cache_creation_input_tokens":0,\
"cache_read_input_tokens":0,"output_tokens":OUTPUT}}

event: message_stop
data: {"type":"message_stop"}

"""


def test_the_events_of_a_text_are_these(client: Client) -> None:
    body = message(model="grok-4.3", max_tokens=3)
    whole = client.json("POST", MESSAGES, body)
    thinking = whole["content"][0]["thinking"]
    raw = stream(client, MESSAGES, body)
    usage = client.bills()[-1]["usage"]
    reasoned = usage["completion_tokens_details"]["reasoning_tokens"]
    told = known(client, raw)
    # The tokens of the reasoning are the server's; what they make up is not.
    pieces = [
        json.loads(line.removeprefix("data: "))["delta"]["thinking"]
        for line in told.splitlines()
        if "thinking_delta" in line
    ]
    assert "".join(pieces) == thinking
    assert len(pieces) == reasoned > 0
    thoughts = "".join(THOUGHT % json.dumps(piece) for piece in pieces)
    expected = TEXT_EVENTS.replace("THINKING\n", thoughts)
    assert told == expected.replace("REASONED", str(3 + reasoned))


def test_the_events_of_a_tool_are_these(client: Client) -> None:
    body = message("Weather in Bern?", model=PLAIN["2026"], tools=[WEATHER])
    (block,) = client.json("POST", MESSAGES, body)["content"]
    told = known(client, stream(client, MESSAGES, body))
    usage = client.bills()[-1]["usage"]
    expected = TOOL_EVENTS.replace("CALL", block["id"])
    expected = expected.replace("INPUT", str(usage["prompt_tokens"]))
    assert told == expected.replace("OUTPUT", str(usage["completion_tokens"]))


def test_the_events_of_a_completion_are_these(client: Client) -> None:
    """Source: xai-api.md section 8.2."""
    body = texts(
        "Repeat exactly: ab", stream_options={"include_usage": True}, echo=True
    )
    raw = stream(client, COMPLETIONS, body)
    first = json.loads(raw.partition(b"\n")[0].removeprefix(b"data: "))
    head = (
        'data: {"id":"ID","object":"text_completion","created":'
        f'{first["created"]},"model":"grok-4.20-0309-non-reasoning","choices":'
    )
    tail = f',"system_fingerprint":"{first["system_fingerprint"]}"'
    usage = json.dumps(client.bills()[-1]["usage"], separators=(",", ":"))

    def event(text: str, finish: str) -> str:
        choice = (
            f'{{"index":0,"text":"{text}","finish_reason":{finish},"logprobs":null}}'
        )
        return f"{head}[{choice}]{tail}}}\n\n"

    assert known(client, raw) == (
        event("Repeat exactly: ab", "null")
        + event("ab", "null")
        + event("", '"stop"')
        + f'{head}[]{tail},"usage":{usage}}}\n\n'
        + "data: [DONE]\n\n"
    )


def test_a_message_has_the_documented_fields(client: Client) -> None:
    """Source: xai-api.md section 8.1."""
    status, headers, raw = client.call("POST", MESSAGES, message())
    body, (bill,) = json.loads(raw), client.bills()
    assert status == 200
    assert headers["x-request-id"] == bill["request_id"]
    assert int(headers["x-ratelimit-remaining-tokens"]) > 0
    assert len(body["id"]) == 36
    thinking = body["content"][0].pop("thinking")
    assert thinking.startswith("The question holds the expression 101*3.")
    usage = body.pop("usage")
    assert body == {
        "id": bill["response_id"],
        "type": "message",
        "role": "assistant",
        "model": "grok-4.7",
        "content": [
            {"type": "thinking", "signature": ""},
            {"type": "text", "text": SUM},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    assert usage["output_tokens"] == (
        bill["usage"]["total_tokens"] - bill["usage"]["prompt_tokens"]
    )
    # The tick price of the list: 20000 in, 60000 out.
    ticks = usage["input_tokens"] * 20_000 + usage["output_tokens"] * 60_000
    assert bill["cost_in_usd_ticks"] == ticks


def test_a_completion_and_a_complete_have_the_documented_fields(
    client: Client,
) -> None:
    """Source: xai-api.md sections 8.2 and 8.3."""
    body = client.json("POST", COMPLETIONS, texts())
    bill = client.bills()[-1]
    assert body.pop("created") > 1_700_000_000
    assert body.pop("system_fingerprint").startswith("fp_")
    choice = {"index": 0, "text": SUM, "finish_reason": "stop", "logprobs": None}
    assert body == {
        "id": bill["response_id"],
        "object": "text_completion",
        "model": "grok-4.20-0309-non-reasoning",
        "choices": [choice],
        "usage": bill["usage"],
    }
    body = client.json("POST", COMPLETE, turns())
    bill = client.bills()[-1]
    assert body == {
        "type": "completion",
        "id": bill["response_id"],
        "completion": f" {SUM}",
        "stop_reason": "stop_sequence",
        "model": "grok-4.7",
    }
    assert bill["cost_in_usd_ticks"] > 0
    short = client.json("POST", COMPLETE, turns(max_tokens_to_sample=1))
    assert (short["completion"], short["stop_reason"]) == (" [", "max_tokens")


def test_a_picture_is_seen(client: Client) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    blocks = [{"type": "image", "source": source}, {"type": "text", "text": "Describe"}]
    body = client.json("POST", MESSAGES, message(blocks))
    assert body["content"][-1]["text"].startswith("[sandbox] The image: png, 1 x 1")
    details = client.bills()[-1]["usage"]["prompt_tokens_details"]
    assert details["image_tokens"] == 512


@pytest.mark.parametrize("path", PATHS)
def test_the_same_request_gets_the_same_answer(client: Client, path: str) -> None:
    def answer() -> dict[str, Any]:
        body = client.json("POST", path, BASIC[path])
        return {key: body[key] for key in body if key not in {"id", "created"}}

    assert answer() == answer()


# -- the openai package -------------------------------------------------------------


def test_the_openai_client_completes(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key) as client:
        asked: Any = {
            "model": PLAIN["2026"],
            "prompt": ["What is 101*3?", "Count to 3"],
        }
        found = client.completions.create(**asked)
        assert [one.text for one in found.choices] == [SUM, "[sandbox] 1, 2, 3"]
        assert found.usage.completion_tokens > 0
        told = {0: "", 1: ""}
        for chunk in client.completions.create(**asked, stream=True):
            told[chunk.choices[0].index] += chunk.choices[0].text
        assert list(told.values()) == [SUM, "[sandbox] 1, 2, 3"]
        with pytest.raises(openai.BadRequestError) as caught:
            client.completions.create(model="grok-4.7", prompt="Hi")
        assert "as no reasoning model is" in str(caught.value.body)


# -- bad input ----------------------------------------------------------------------


def send(
    client: Client, method: str, path: str, raw: bytes | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(client.at, timeout=20)
    try:
        connection.request(method, path, raw, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(client: Client, path: str, method: str) -> None:
    status, _, raw = client.call(method, path)
    assert status == 405
    assert json.loads(raw)["error"] == f"The method {method} is not allowed on {path}."
    assert client.bills() == []


@pytest.mark.parametrize("path", PATHS)
def test_bodies_have_to_be_there_and_json(client: Client, path: str) -> None:
    good = json.dumps(BASIC[path]).encode()
    kind = {"Content-Type": "application/json"}
    rows: list[tuple[bytes | None, dict[str, str], int]] = [
        (None, {}, 415),
        (b"", kind, 415),
        (good, {}, 415),
        (good, {"Content-Type": "text/plain"}, 415),
        (good, {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        (b"{", kind, 422),
        (b"\xff", kind, 422),
        (good[:-1], kind, 422),
        (b"[" * 500 + b"]" * 500, kind, 422),
        (good, kind, 200),
    ]
    for raw, headers, expected in rows:
        status, body = send(client, "POST", path, raw, client.headers | headers)
        assert status == expected, (raw, headers)
        assert status == 200 or "error" in json.loads(body)
    assert [bill["status"] for bill in client.bills()] == [200]


def test_a_refusal_has_xais_shape_in_both_years(client: Client) -> None:
    """Source: xai-api.md sections 8.1 and 13.1; there is no Anthropic's error."""
    unknown = message(model="nope")
    status, _, raw = client.call("POST", MESSAGES, unknown)
    assert status == 400
    assert json.loads(raw) == {
        "code": "invalid-argument",
        "error": "Model not found: nope",
    }
    with Sandbox(vintage="2025") as old:
        then = Client(old)
        assert then.json("POST", MESSAGES, unknown) == {
            "code": "Client specified an invalid argument",
            "error": "Model not found: nope",
        }
        # The guides' model of that year. Source: docs.x.ai migration (2025-05).
        body = then.json("POST", MESSAGES, message(model="grok-3-latest"))
        assert (body["model"], body["content"][0]["text"]) == ("grok-3", SUM)


KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"


def test_the_key_may_be_in_anthropics_header_where_its_clients_ask() -> None:
    with Sandbox(key=KEY) as sandbox:
        client = Client(sandbox)
        kind = {"Content-Type": "application/json"}
        answers = {}
        for path in PATHS:
            raw = json.dumps(BASIC[path]).encode()
            for name, headers in {
                "none": {},
                "right": {"x-api-key": KEY},
                "wrong": {"x-api-key": "xai-wrong-Qp93"},
                "empty": {"x-api-key": ""},
                "bearer": {"Authorization": f"Bearer {KEY}"},
                "both": {
                    "Authorization": f"Bearer {KEY}",
                    "x-api-key": "xai-wrong-Qp93",
                },
                "basic": {"Authorization": "Basic YTpi", "x-api-key": KEY},
            }.items():
                status, body = send(client, "POST", path, raw, kind | headers)
                answers[path, name] = status
                # A key shows in no part of an answer but for two letters at its ends.
                assert b"Kq7Z" not in body
                assert b"Qp9" not in body
        own = {"none": 401, "right": 200, "wrong": 400, "empty": 401}
        own |= {"bearer": 200, "both": 200, "basic": 200}
        for path in (MESSAGES, COMPLETE):
            assert {name: answers[path, name] for name in own} == own
        others = dict.fromkeys(own, 401) | {"bearer": 200, "both": 200}
        assert {name: answers[COMPLETIONS, name] for name in own} == others
        log = client.call("GET", "/__sandbox/log")[2]
        assert b"x-api-key" in log
        for part in (b"Kq7Z", b"sD4f", b"Qp93"):
            assert part not in log
        status, _ = send(client, "GET", "/v1/models", None, {"x-api-key": KEY})
        assert status == 401


# -- limits, latency and faults -----------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_rates_are_limited_and_counted(path: str) -> None:
    with Sandbox(rpm=1) as sandbox:
        client = Client(sandbox)
        assert client.call("POST", path, BASIC[path])[0] == 200
        status, _, raw = client.call("POST", path, BASIC[path])
        assert (status, json.loads(raw)["code"]) == (429, "resource-exhausted")
        statuses = [(b["status"], b["billed"]) for b in client.bills()]
        assert statuses == [(200, True), (429, False)]


BILLED = {
    "reset-after-billing",
    "cut-stream",
    "break-stream",
    "error-in-stream",
    "slow",
    "comments",
    "split",
    "crlf",
    "no-usage",
    "failed",
}
ENDS = {MESSAGES: "message_stop", COMPLETIONS: "[DONE]", COMPLETE: "never"}


@pytest.mark.parametrize(
    ("path", "is_stream"),
    [*[(path, False) for path in PATHS], *[(path, True) for path in STREAMED]],
)
@pytest.mark.parametrize(
    "kind", [*sorted({*NAMED_KINDS} - {"stall"}), "500-after-billing", "503"]
)
def test_each_fault_happens_once_and_is_billed_as_it_says(
    client: Client, kind: str, path: str, *, is_stream: bool
) -> None:
    body = BASIC[path] | {"stream": is_stream}
    assert client.call("POST", path, BASIC[path])[0] == 200
    whole_cost = client.bills()[-1]["cost_in_usd_ticks"]
    client.script({"do": kind, "match": f"POST {path}", "times": 1, "delay_ms": 1})
    raw, error, status = b"", None, None
    try:
        with client.open("POST", path, body) as answer:
            status = answer.status
            raw = answer.read()
    except (OSError, http.client.HTTPException) as problem:
        error = problem
    bill = client.bills()[-1]
    is_billed = kind in BILLED or kind.endswith("-after-billing")
    assert (bill["fault"], bill["billed"]) == (kind, is_billed)
    if kind == "error-in-stream" and is_stream:
        assert 0 < bill["cost_in_usd_ticks"] < whole_cost
        assert b'"error":' in raw
        assert (b"event: error\n" in raw) == (path == MESSAGES)
    else:
        assert bill["cost_in_usd_ticks"] == (whole_cost if is_billed else 0)
    assert (error is not None) == (
        kind in {"reset", "reset-after-billing", "break-stream"}
    )
    if is_stream:
        cleanly = {"comments", "crlf", "split", "slow", "no-usage", "failed"}
        assert (ENDS[path].encode() in raw) == (kind in cleanly)
        assert (b": keepalive" in raw) == (kind == "comments")
        assert (b"\r\n" in raw) == (kind == "crlf")
    if kind == "no-usage" and is_stream:
        assert b"usage" not in raw
    if kind == "cut-stream" and is_stream:
        assert status == 200
    assert client.call("POST", path, BASIC[path])[0] == 200


@pytest.mark.parametrize("path", STREAMED)
def test_who_leaves_a_stream_pays_for_what_was_drawn(client: Client, path: str) -> None:
    client.script({"do": "stall", "match": path, "after": 5})
    with client.open("POST", path, BASIC[path] | {"stream": True}) as answer:
        seen = b""
        while seen.count(b"\n\n") < 5:
            seen += answer.read1()
    bill = eventually(lambda: [b for b in client.bills() if b["done"]])[0]
    assert (bill["closed_early"], bill["billed"], bill["stream"]) == (True, True, True)
    usage = bill["usage"]
    # Two events begin a message and its first block.
    drawn = 3 if path == MESSAGES else 5
    assert usage["total_tokens"] - usage["prompt_tokens"] == drawn


def test_the_log_shows_what_came(client: Client) -> None:
    for path in PATHS:
        client.json("POST", path, BASIC[path])
    log = client.json("GET", "/__sandbox/log")["requests"]
    assert [(one["path"], one["body"]) for one in log] == list(BASIC.items())
