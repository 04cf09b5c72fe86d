"""The Responses API through the socket: `ask` with tools, `respond`, what is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import grok_nb as gn
from grok_nb.store.ledger import COLUMNS
from tests.support import bills, break_it, eventually, requests

NEWS = "What is the news about xAI?"
SUM = "What is 6*7?"
DATES = {"since": "2020-01-01", "until": "2030-12-31"}


@pytest.fixture
def grok(sandbox, quick_clock) -> Iterator[gn.Grok]:
    with client(sandbox, clock=quick_clock) as made:
        yield made


def client(sandbox: Any, **more: Any) -> gn.Grok:
    return gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=":memory:",
        model="grok-4.7",
        **more,
    )


def rows(grok: gn.Grok) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]


def sent(sandbox: Any) -> list[dict[str, Any]]:
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def settled(sandbox: Any) -> list[dict[str, Any]]:
    return eventually(
        lambda: (all(b["done"] for b in bills(sandbox)) and bills(sandbox)) or None
    )


# -- agentic search, each filter -------------------------------------------------------


@pytest.mark.parametrize("way", ["ask", "stream"])
def test_a_web_search_is_cited_and_billed(grok, sandbox, way) -> None:
    if way == "ask":
        reply = grok.ask(NEWS, search="web")
    else:
        stream = grok.stream(NEWS, search="web")
        events = list(stream)
        reply = stream.reply
        for kind, whole in (("text", reply.text), ("reasoning", reply.reasoning)):
            assert "".join(e.delta for e in events if e.kind == kind) == whole
        assert len([e for e in events if e.kind == "citation"]) == len(reply.cited)
        assert [e.kind for e in events][-2:] == ["usage", "end"]
    assert reply.sandbox
    assert reply.reasoning
    assert {step.kind for step in reply.steps} == {"web_search"}
    assert {step.state for step in reply.steps} == {"done"}
    assert reply.steps[0].name == "search"
    assert "xai" in reply.steps[0].about.lower()
    # each marker in the text is where its citation says that it is
    frame = reply.citations
    assert len(frame) >= 1
    for number, (url, start, end) in enumerate(
        zip(frame["url"], frame["start"], frame["end"], strict=True), 1
    ):
        assert reply.text[start:end] == f"[[{frame['title'][number - 1]}]]({url})"
        assert frame["domain"][number - 1] in url
        assert url in reply._repr_mimebundle_()["text/plain"]
    (bill,), (row,) = settled(sandbox), rows(grok)
    uses = bill["usage"]["server_side_tool_usage_details"]
    assert uses["web_search_calls"] == len(reply.steps) == row["tool_calls"]
    assert reply.cost_ticks == bill["cost_in_usd_ticks"] > 50_000_000
    assert (row["cost_source"], row["endpoint"]) == ("reported", "/responses")
    assert row["response_id"] == reply.id == bill["response_id"]
    (body,) = sent(sandbox)
    assert body["store"] is False


def test_a_streamed_and_a_whole_search_are_the_same_reply(grok) -> None:
    one = grok.ask(NEWS, search="web,x")
    stream = grok.stream(NEWS, search="web,x")
    for _ in stream:
        pass
    two = stream.reply
    for name in ("text", "reasoning", "cited", "steps", "cost_ticks", "finish_reason"):
        assert getattr(one, name) == getattr(two, name), name


def test_domains_keep_to_those_and_away_from_those(grok) -> None:
    everywhere = grok.ask(NEWS, search="web").citations["domain"]
    here = everywhere[0]
    only = grok.ask(NEWS, search="web", domains=[here]).citations["domain"]
    without = grok.ask(NEWS, search="web", not_domains=[here]).citations["domain"]
    assert set(only) == {here}
    assert here not in set(without)
    assert len(without) >= 1


def test_x_is_searched_by_handle_and_day(grok, sandbox) -> None:
    everywhere = grok.ask(NEWS, search="x", **DATES)
    assert {step.kind for step in everywhere.steps} == {"x_search"}
    paths = everywhere.citations["url"].str.split("/").str[3]
    handle = paths[0]
    only = grok.ask(NEWS, search="x", handles=[f"@{handle}"]).citations["url"]
    assert len(only) >= 1
    assert set(only.str.split("/").str[3]) == {handle}
    without = grok.ask(NEWS, search="x", not_handles=handle).citations["url"]
    assert handle not in set(without.str.split("/").str[3])
    before = grok.ask(NEWS, search="x", until="2001-01-01")
    assert len(before.citations) == 0
    tools = [body["tools"][0] for body in sent(sandbox)]
    assert tools[0] == {
        "type": "x_search",
        "from_date": "2020-01-01",
        "to_date": "2030-12-31",
    }
    assert tools[1]["allowed_x_handles"] == [handle]


def test_pictures_and_videos_can_be_looked_at(grok, sandbox) -> None:
    assert grok.ask(NEWS, search="web,x", images=True, video=True).state == "done"
    (body,) = sent(sandbox)
    assert body["tools"] == [
        {"type": "web_search", "enable_image_understanding": True},
        {
            "type": "x_search",
            "enable_image_understanding": True,
            "enable_video_understanding": True,
        },
    ]


def test_the_history_is_sent_again(grok, sandbox) -> None:
    first = grok.ask(SUM, search="web")
    earlier = [
        {"role": "user", "content": SUM},
        {"role": "assistant", "content": first.text},
    ]
    reply = grok.ask("What is 2*4?", messages=earlier, system="Be brief.", search="web")
    assert reply.text == "[sandbox] 2*4 = 8"
    assert [item["role"] for item in sent(sandbox)[1]["input"]] == [
        *("system", "user", "assistant", "user")
    ]


def test_what_cannot_be_right_never_leaves(grok, sandbox) -> None:
    for options in (
        {"search": "web", "domains": ["a.example"], "not_domains": ["b.example"]},
        {"search": "web", "domains": list("abcdef")},
        {"search": "x", "handles": [f"h{n}" for n in range(21)]},
        {"search": "x", "since": "2026-02-01", "until": "2026-01-01"},
        {"search": "x", "since": "yesterday"},
        {"search": "web", "stop": "END"},
    ):
        with pytest.raises(gn.errors.BadRequest) as caught:
            grok.ask(NEWS, **options)
        assert caught.value.status is None
    assert sent(sandbox) == []
    assert rows(grok) == []


# -- respond ---------------------------------------------------------------------------


def test_respond_and_its_stream_and_what_is_stored(grok, sandbox) -> None:
    whole = grok.respond(SUM)
    assert (whole.status, whole.text, whole.model) == (
        *("completed", "[sandbox] 6*7 = 42"),
        "grok-4.7",
    )
    events = list(grok.respond_stream(SUM))
    assert events[0].type == "response.created"
    last = events[-1].response
    assert events[-1].type == "response.completed"
    assert last is not None
    assert last.text == whole.text
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert "".join(str(delta) for delta in deltas) == whole.text
    assert [e.sequence_number for e in events] == list(range(len(events)))
    for made in (whole, last):
        assert made.id is not None
        found = grok.get_response(made.id)
        assert (found.id, found.text) == (made.id, made.text)
        (item,) = grok.response_input_items(made.id).data or ()
        assert item["role"] == "user"
        assert grok.delete_response(made.id).deleted is True
        for gone in (
            grok.get_response,
            grok.delete_response,
            grok.response_input_items,
        ):
            with pytest.raises(gn.errors.NotFound) as caught:
                gone(made.id)
            assert "30 days" in caught.value.hint
    assert len(rows(grok)) == len(settled(sandbox)) == 2  # the rest is free


def test_a_conversation_goes_on_from_a_stored_response(grok) -> None:
    first = grok.respond(SUM)
    second = grok.respond("What is 2*4?", previous_response_id=first.id)
    assert (second.previous_response_id, second.text) == (
        first.id,
        "[sandbox] 2*4 = 8",
    )
    assert (second.usage or {})["input_tokens"] > (first.usage or {})["input_tokens"]
    hidden = grok.respond(SUM, store=False)
    for unknown in (hidden.id, "0c000000-0000-4000-8000-00000000ffff"):
        with pytest.raises(gn.errors.NotFound) as caught:
            grok.respond("And?", previous_response_id=unknown)
        assert "30 days" in caught.value.hint


def test_the_output_can_be_sent_again_as_input(grok) -> None:
    first = grok.respond(NEWS, tools=[{"type": "web_search"}], store=False)
    asked = [
        {"role": "user", "content": NEWS},
        *first.raw["output"],
        {"role": "user", "content": "What is 2*4?"},
    ]
    assert grok.respond(asked, store=False).text == "[sandbox] 2*4 = 8"


def test_a_function_is_called_with_its_arguments(grok, sandbox) -> None:
    tool = {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    tools = [tool, {"type": "web_search"}]
    asked = "What is the weather in Bern?"
    first = grok.respond(asked, tools=tools)
    (call,) = [item for item in first.output or () if item.type == "function_call"]
    assert call.name == "get_weather"
    assert json.loads(call.arguments or "") == {"city": "Bern"}
    assert rows(grok)[0]["finish_reason"] == "tool_calls"
    result = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": '{"c": 7}',
    }
    second = grok.respond([result], previous_response_id=first.id, tools=tools)
    assert "7" in second.text
    events = list(grok.respond_stream(asked, tools=tools))
    pieces = [
        e.delta for e in events if e.type == "response.function_call_arguments.delta"
    ]
    assert "".join(str(piece) for piece in pieces) == call.arguments


def test_a_limit_makes_a_reply_incomplete(grok) -> None:
    reply = grok.ask("Count to 30", search="web", max_tokens=60)
    assert (reply.finish_reason, reply.state) == ("length", "done")
    assert reply.usage is not None
    assert reply.usage.billed_output_tokens <= 60  # reasoning included, here
    found = grok.respond("Count to 30", max_output_tokens=60)
    assert found.status == "incomplete"
    assert (found.incomplete_details or {})["reason"] == "max_output_tokens"
    assert [row["finish_reason"] for row in rows(grok)] == ["length"] * 2


def test_the_awaitable_face_does_the_same(sandbox) -> None:
    async def run() -> tuple[Any, Any, list[str]]:
        async with gn.AsyncGrok(
            api_key=sandbox.key,
            base_url=sandbox.base_url,
            store=":memory:",
            model="grok-4.7",
        ) as grok:
            reply = await grok.ask(NEWS, search="web")
            made = await grok.respond(SUM)
            kinds = [str(e.type) async for e in grok.respond_stream(SUM)]
            assert (await grok.delete_response(str(made.id))).deleted
            return reply, made, kinds

    with asyncio.Runner() as runner:
        reply, made, kinds = runner.run(run())
    assert reply.cited
    assert made.text == "[sandbox] 6*7 = 42"
    assert kinds[-1] == "response.completed"


# -- what goes wrong -------------------------------------------------------------------

POST = {"match": "POST /v1/responses"}


@pytest.mark.parametrize("kind", ["cut-stream", "break-stream", "error-in-stream"])
def test_a_cut_stream_keeps_the_partial_reply_and_is_not_begun_again(
    grok, sandbox, kind
) -> None:
    whole = grok.ask(NEWS, search="web")
    break_it(sandbox, {**POST, "do": kind})
    stream = grok.stream(NEWS, search="web")
    with pytest.raises(gn.errors.StreamError) as caught:
        for _ in stream:
            pass
    reply = stream.reply
    assert caught.value.reply == reply
    assert reply.state == "failed"
    assert reply.reasoning or reply.steps or reply.text
    assert whole.text.startswith(reply.text)
    assert reply.text != whole.text
    assert len(settled(sandbox)) == 2
    row = rows(grok)[1]
    assert (row["state"], row["cost_source"]) == ("failed", "estimated")
    assert row["cost_usd"] > 0


def test_stop_in_a_search_ends_it_at_the_server(sandbox, grok) -> None:
    break_it(sandbox, {**POST, "do": "slow", "delay_ms": 20})
    stream = grok.stream(NEWS, search="web")
    for event in stream:
        if event.kind == "search":
            break
    stream.close()
    reply = stream.reply
    assert reply.state == "stopped"
    assert [step.kind for step in reply.steps] == ["web_search"]
    (bill,) = settled(sandbox)
    assert bill["closed_early"] is True
    (row,) = rows(grok)
    assert (row["state"], row["cost_source"]) == ("stopped", "estimated")
    assert (row["tool_calls"], row["endpoint"]) == (1, "/responses")
    assert row["cost_usd"] > 0.005  # at least the search


def test_a_reset_after_billing_is_in_doubt(sandbox, grok) -> None:
    break_it(sandbox, {**POST, "do": "reset-after-billing", "nth": 1})
    reply = grok.ask(SUM, search="web")
    assert (reply.attempts, reply.attempts_in_doubt) == (2, 1)
    assert [row["state"] for row in rows(grok)] == ["in_doubt", "done"]
    assert [bill["billed"] for bill in settled(sandbox)] == [True, True]


def test_in_doubt_is_held_if_wished(sandbox) -> None:
    break_it(sandbox, {**POST, "do": "reset-after-billing", "nth": 1})
    with client(sandbox, on_doubt="hold") as grok:
        with pytest.raises(gn.errors.InDoubt):
            grok.ask(SUM, search="web")
        assert [row["state"] for row in rows(grok)] == ["in_doubt"]
        assert grok.respond(SUM).status == "completed"
    assert len(settled(sandbox)) == 2


@pytest.mark.parametrize("kind", ["comments", "crlf", "split"])
def test_odd_but_right_streams_change_nothing(sandbox, grok, kind) -> None:
    plain = grok.ask(NEWS, search="web")
    break_it(sandbox, {**POST, "do": kind})
    stream = grok.stream(NEWS, search="web")
    for _ in stream:
        pass
    for name in ("text", "reasoning", "cited", "steps", "cost_ticks"):
        assert getattr(stream.reply, name) == getattr(plain, name), name


def test_a_stream_without_its_usage_is_estimated(sandbox, grok) -> None:
    break_it(sandbox, {**POST, "do": "no-usage"})
    stream = grok.stream(NEWS, search="web")
    for _ in stream:
        pass
    assert (stream.reply.state, stream.reply.cost_source) == ("done", "estimated")
    fees = 50_000_000 * len(stream.reply.steps)
    assert stream.reply.cost_ticks > fees > 0


def test_throttles_and_faults_before_any_work_are_tried_again(sandbox, grok) -> None:
    break_it(
        sandbox,
        {**POST, "do": "429", "nth": 1, "retry_after": 0},
        {**POST, "do": "503", "nth": 2},
    )
    assert grok.ask(SUM, search="web").attempts == 3
    assert [row["state"] for row in rows(grok)] == ["failed", "failed", "done"]


def test_everything_reconciles_to_the_tick(sandbox, grok) -> None:
    """Also what the price list makes of the counters, tool fees included."""
    from grok_nb import pricing
    from grok_nb.reply import Usage

    grok.ask(NEWS, search="web")
    grok.ask(NEWS, search="web,x", run_code=True)
    for _ in grok.stream(NEWS, search="x"):
        pass
    grok.respond("Run this code: print(6*7)", tools=[{"type": "code_interpreter"}])
    first = grok.respond(SUM)
    grok.respond("What is 2*4?", previous_response_id=first.id)
    list(grok.respond_stream(NEWS, tools=[{"type": "web_search"}]))
    bill = settled(sandbox)
    booked = [row["cost_usd"] for row in rows(grok)]
    assert [round(cost * 1e10) for cost in booked] == [
        b["cost_in_usd_ticks"] for b in bill
    ]
    for b in bill:
        usage = Usage.from_response(b["usage"])
        assert usage is not None
        computed = pricing.cost_ticks(pricing.snapshot(), b["model"], usage)
        assert computed == b["cost_in_usd_ticks"]


def test_the_same_conversation_always_costs_the_same(grok) -> None:
    costs = set()
    for _ in range(4):  # every id in it is another one
        kept = grok.file_upload(b"The vault opens at 7:40.", filename="vault.txt")
        tools = [
            {"type": "web_search"},
            {"type": "file_search", "vector_store_ids": [kept.id]},
        ]
        first = grok.respond("When does the vault open?", tools=tools)
        again = grok.respond(SUM, previous_response_id=first.id)
        grok.file_delete(kept.id)
        costs.add(tuple(r.usage["cost_in_usd_ticks"] for r in (first, again)))
    assert len(costs) == 1
