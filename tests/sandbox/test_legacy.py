"""Messages in Anthropic's form and legacy completions, through the socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import grok_nb as gn
from grok_nb.store.ledger import COLUMNS
from tests.support import bills, break_it, eventually, requests

MODEL = "grok-4.20-non-reasoning"
SUM = [{"role": "user", "content": "What is 6*7?"}]
LONG = [{"role": "user", "content": "Count to 60. " + "Patience. " * 40}]
PROMPT = "\n\nHuman: What is 6*7?\n\nAssistant:"
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
def grok(sandbox, quick_clock) -> Iterator[gn.Grok]:
    with gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=":memory:",
        model="grok-4.7",
        clock=quick_clock,
    ) as made:
        yield made


def rows(grok: gn.Grok) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]


def ticks(row: dict[str, Any]) -> int:
    return round(row["cost_usd"] * 1e10)


def thinking_of(events: list[Any]) -> str:
    return "".join(e.delta.thinking or "" for e in events if e.delta)


def text_of(events: list[Any]) -> str:
    return "".join(e.delta.text or "" for e in events if e.delta)


def test_a_message_whole_and_streamed_agrees_with_the_bill(grok, sandbox) -> None:
    whole = grok.messages(SUM, max_tokens=200, system="Be brief.")
    events = list(grok.messages_stream(SUM, max_tokens=200, system="Be brief."))
    assert "42" in whole.text
    assert text_of(events) == whole.text
    assert thinking_of(events) == (whole.content or ())[0].thinking
    assert whole.stop_reason == "end_turn"
    assert events[0].type == "message_start"
    assert [e.type for e in events][-2:] == ["message_delta", "message_stop"]
    found = rows(grok)
    # no figure of the server's: by the price list it is the same, to the tick
    assert [ticks(r) for r in found] == [b["cost_in_usd_ticks"] for b in bills(sandbox)]
    assert all(ticks(row) > 0 for row in found)
    for row, bill in zip(found, bills(sandbox), strict=True):
        assert (row["state"], row["cost_source"]) == ("done", "computed")
        assert row["request_id"] == bill["request_id"]
        assert row["prompt_tokens"] == bill["usage"]["prompt_tokens"]
    assert {r["path"] for r in requests(sandbox)} == {"/v1/messages"}


def test_what_comes_from_the_cache_is_part_of_the_prompt(grok, sandbox) -> None:
    grok.messages(LONG * 20, max_tokens=50)
    second = grok.messages(LONG * 20, max_tokens=50)
    assert second.usage is not None
    assert second.usage["cache_read_input_tokens"] > 0  # or there is nothing to see
    row, bill = rows(grok)[1], bills(sandbox)[1]
    assert row["prompt_tokens"] == bill["usage"]["prompt_tokens"]
    details = bill["usage"]["prompt_tokens_details"]
    assert row["cached_prompt_tokens"] == details["cached_tokens"]
    assert ticks(row) == bill["cost_in_usd_ticks"]


def test_a_tool_is_called_and_its_result_goes_back(grok, sandbox) -> None:
    asked = [{"role": "user", "content": "What is the weather in Bern?"}]
    first = grok.messages(asked, max_tokens=300, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    (call,) = [b for b in first.content or () if b.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"city": "Bern"})
    events = list(grok.messages_stream(asked, max_tokens=300, tools=[WEATHER]))
    pieces = "".join(e.delta.partial_json or "" for e in events if e.delta)
    assert json.loads(pieces) == call.input
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "7 degrees"}
    last = grok.messages(
        [
            *asked,
            {"role": "assistant", "content": first.raw["content"]},
            {"role": "user", "content": [result]},
        ],
        max_tokens=300,
        tools=[WEATHER],
    )
    assert "7 degrees" in last.text
    assert [row["tool_calls"] for row in rows(grok)] == [1, 1, 0]


def test_texts_are_completed_whole_and_streamed(grok, sandbox) -> None:
    whole = grok.complete("What is 6*7?", MODEL, max_tokens=50)
    chunks = list(grok.complete_stream("What is 6*7?", MODEL, max_tokens=50))
    assert "42" in whole.text
    assert "".join(chunk.text for chunk in chunks) == whole.text
    two = grok.complete(["What is 6*7?", "What is 2+3?"], MODEL)
    assert ["42" in (c.text or "") for c in two.choices or ()] == [True, False]
    found = rows(grok)
    assert [ticks(r) for r in found] == [b["cost_in_usd_ticks"] for b in bills(sandbox)]
    assert {row["cost_source"] for row in found} == {"reported"}
    assert {row["endpoint"] for row in found} == {"/completions"}


def test_anthropic_s_completion_has_an_estimate(grok, sandbox) -> None:
    found = grok.anthropic_complete(PROMPT, max_tokens_to_sample=50)
    assert "42" in (found.completion or "")
    (row,) = rows(grok)
    assert (row["endpoint"], row["state"]) == ("/complete", "done")
    assert row["cost_source"] == "estimated"  # the answer tells no usage
    (bill,) = bills(sandbox)
    assert row["request_id"] == bill["request_id"]


def test_the_gate_agrees_with_the_server(grok, sandbox) -> None:
    """What is refused here without a request is refused there, too."""
    import http.client

    with pytest.raises(gn.errors.BadRequest, match="it reasons"):
        grok.complete("Hi", "grok-4.7")
    assert requests(sandbox) == []
    connection = http.client.HTTPConnection(
        sandbox.root_url.removeprefix("http://"), timeout=10
    )
    body = json.dumps({"model": "grok-4.7", "prompt": "Hi"})
    headers = {
        "Authorization": f"Bearer {sandbox.key}",
        "Content-Type": "application/json",
    }
    connection.request("POST", "/v1/completions", body, headers)
    assert connection.getresponse().status == 400
    connection.close()


WAYS: dict[str, Any] = {
    "messages": lambda g: text_of(list(g.messages_stream(LONG, max_tokens=500))),
    "complete": lambda g: "".join(
        chunk.text for chunk in g.complete_stream("Count to 60.", MODEL)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_cut_stream_keeps_what_had_come(grok, sandbox, way) -> None:
    whole = WAYS[way](grok)
    break_it(sandbox, {"match": "POST /v1", "nth": 1, "do": "cut-stream"})
    with pytest.raises(gn.errors.StreamError) as caught:
        WAYS[way](grok)
    assert caught.value.reply is not None
    said = caught.value.reply.text
    assert whole.startswith(said)
    assert said != whole
    row = rows(grok)[-1]
    assert (row["state"], row["cost_source"]) == ("failed", "estimated")


@pytest.mark.parametrize("way", WAYS)
def test_throttles_are_waited_for(grok, sandbox, way) -> None:
    break_it(sandbox, {"match": "POST /v1", "nth": 1, "do": "429"})
    assert WAYS[way](grok)
    assert [row["state"] for row in rows(grok)] == ["failed", "done"]


def test_a_stream_that_is_left_ends_at_the_server(grok, sandbox) -> None:
    break_it(sandbox, {"match": "POST /v1", "nth": 1, "do": "slow"})
    stream = grok.messages_stream(LONG, max_tokens=500)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator

    def closed_early() -> bool:
        return any(bill["closed_early"] for bill in bills(sandbox))

    assert eventually(closed_early)
    assert rows(grok)[0]["state"] == "stopped"


def test_refusals_of_the_server_are_typed(grok) -> None:
    with pytest.raises(gn.errors.NotFound):
        grok.messages(SUM, "grok-99", max_tokens=5)
    with pytest.raises(gn.errors.NotFound):
        grok.complete("Hi", "grok-99")
    assert [(r["state"], r["cost_usd"]) for r in rows(grok)] == [("failed", 0)] * 2
