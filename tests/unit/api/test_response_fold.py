"""Events of the Responses API -> a running reply, and what the ledger says of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.api.response_fold import ResponseFold
from grok_nb.errors import (
    ConnectionFailed,
    GrokError,
    InDoubt,
    ServerFault,
    StreamError,
)
from grok_nb.reply import Citation, Step

from ..response_shapes import (
    BEGIN,
    BEGUN,
    END,
    EVENTS,
    ID,
    MESSAGE,
    NOTE,
    PART,
    QUERY,
    REASONING,
    RECORDED,
    RESPONSE,
    SEARCH,
    SHORT,
    SUMMARY,
    TEXT,
    URL,
    USAGE,
    event,
    of_message,
    of_reasoning,
    of_search,
    response,
    sent,
    wire,
)
from ..support import STALL, Answer, refusal, session, streamed

CITED = (Citation(URL, "1", 18, 42),)
STEPS = (Step("web_search", "search", json.dumps({"query": QUERY}), "", "done"),)


def kinds(events: list[Any]) -> list[tuple[str, str]]:
    return [(made.kind, made.delta) for made in events]


def whole(reply: Any) -> bool:
    return (reply.text, reply.reasoning, reply.cited, reply.steps, reply.state) == (
        TEXT,
        SUMMARY,
        CITED,
        STEPS,
        "done",
    )


async def test_the_recorded_stream_gives_its_events_reply_and_row() -> None:
    with session(streamed(RECORDED)) as s:
        events, reply = await s.collect(search="web")
        assert kinds(events) == [
            ("reasoning", "Look "),
            ("reasoning", "it up."),
            ("search", QUERY),
            ("search", ""),
            ("text", TEXT[: len(TEXT) // 2]),
            ("text", TEXT[len(TEXT) // 2 :]),
            ("citation", URL),
            ("usage", ""),
            ("end", ""),
        ]
        assert whole(reply)
        assert reply.text[18:42] == "[[1]](https://x.ai/news)"
        assert (reply.id, reply.model) == (ID, "grok-4.7")
        assert reply.fingerprint == "fp_0a1b2c3d4e"
        assert (reply.finish_reason, reply.raw) == ("stop", RESPONSE)
        assert (reply.cost_ticks, reply.cost_source) == (96_400_000, "reported")
        # output includes reasoning here: 763 - 233
        usage = reply.usage
        assert (usage.prompt_tokens, usage.cached_prompt_tokens) == (37, 8)
        assert (usage.completion_tokens, usage.reasoning_tokens) == (530, 233)
        row = s.row
        assert (row["endpoint"], row["state"]) == ("/responses", "done")
        assert (row["completion_tokens"], row["billed_output_tokens"]) == (530, 763)
        assert (row["tool_calls"], row["response_id"]) == (1, ID)
        assert (row["cost_source"], row["finish_reason"]) == ("reported", "stop")
        assert row["cost_usd"] == pytest.approx(0.00964)
        assert row["system_fingerprint"] == "fp_0a1b2c3d4e"


async def test_a_whole_response_gives_the_same_reply() -> None:
    with session(response(), streamed(RECORDED)) as s:
        one = await s.grok.ask("Hi", search="web")
        _, two = await s.collect(search="web")
        assert whole(one)
        assert one == two
        rows = s.rows
        for name in ("tool_calls", "cost_usd", "response_id", "finish_reason"):
            assert rows[0][name] == rows[1][name]


async def test_event_reply_is_the_reply_right_after_that_event() -> None:
    with session(streamed(RECORDED)) as s:
        stream = s.grok.stream("Hi", search="web")
        seen = [(made, made.reply) async for made in stream]
        text = reasoning = ""
        for made, then in seen[:-1]:
            text += made.delta if made.kind == "text" else ""
            reasoning += made.delta if made.kind == "reasoning" else ""
            for reply in (then, made.reply):  # looked at then, and later
                assert (reply.text, reply.reasoning) == (text, reasoning)
                assert reply.state == "running"
        states = [r.steps[0].state for m, r in seen if m.kind == "search"]
        assert states == ["running", "done"]
        assert [len(r.cited) for m, r in seen if m.kind in ("text", "citation")] == [
            *(0, 0),
            1,
        ]
        assert seen[-1][0].reply == stream.reply


@pytest.mark.parametrize("names", [True, False], ids=["event lines", "data only"])
@pytest.mark.parametrize("done", [True, False], ids=["[DONE]", "EOF"])
async def test_event_lines_and_done_may_be_missing(names: bool, done: bool) -> None:
    with session(sent(*EVENTS, names=names, done=done)) as s:
        assert whole((await s.collect(search="web"))[1])
        assert len(s.rows) == 1


async def test_nothing_after_the_last_event_counts() -> None:
    late = [event("output_text.delta", delta="late"), {"type": "error", "message": "x"}]
    with session(sent(*EVENTS, *late)) as s:
        assert whole((await s.collect(search="web"))[1])
    with session(streamed([RECORDED, httpx.ReadError("reset")])) as s:
        assert whole((await s.collect(search="web"))[1])


async def test_the_bytes_may_be_cut_into_two_pieces_anywhere() -> None:
    with session(streamed(b"")) as s:
        for at in range(len(SHORT) + 1):
            s.script.load(streamed([SHORT[:at], SHORT[at:]]))
            assert whole((await s.collect(search="web"))[1])
        assert set(s.column("state")) == {"done"}


# -- tolerance -------------------------------------------------------------------------

#: what is left of the stream -> the same reply
FEWER: dict[str, list[Any]] = {
    "only the response": [END],
    "no created": EVENTS[2:],
    "only deltas and the end": [
        e for e in EVENTS if e["type"].endswith((".delta", ".completed"))
    ],
    "no deltas": [e for e in EVENTS if not e["type"].endswith(".delta")],
    "only items": [e for e in EVENTS if "output_item.done" in e["type"]] + [END],
    "only parts": [
        *of_reasoning()[1:2],
        *(e for e in EVENTS if e["type"].endswith("part.done")),
        END,
    ],
    "no item added": [e for e in EVENTS if not e["type"].endswith("item.added")],
    "no output_index": [
        {k: v for k, v in e.items() if k != "output_index"} for e in EVENTS
    ],
    "no item_id": [{k: v for k, v in e.items() if k != "item_id"} for e in EVENTS],
    "no counters": [
        {k: v for k, v in e.items() if k not in ("content_index", "summary_index")}
        for e in EVENTS
    ],
    "no annotation events": [e for e in EVENTS if "annotation" not in e["type"]],
    "annotations without a number": [
        {k: v for k, v in e.items() if k != "annotation_index"} for e in EVENTS
    ],
    "an old name of an event": [
        {**e, "type": e["type"].replace("text.annotation", "text_annotation")}
        for e in EVENTS
    ],
    "unknown events": [
        x
        for e in EVENTS
        for x in (
            e,
            event("new.thing", item={"type": "x"}, delta="?"),
            {"type": "ping"},
        )
    ],
    "the response without a name": [*EVENTS[:-1], RESPONSE],
}


@pytest.mark.parametrize("name", FEWER)
async def test_what_is_missing_in_a_stream_comes_from_elsewhere(name: str) -> None:
    with session(sent(*FEWER[name], done=False)) as s:
        events, reply = await s.collect(search="web")
        assert (reply.text, reply.cited) == (TEXT, CITED)
        assert (reply.reasoning, reply.steps) == (SUMMARY, STEPS)
        assert (reply.state, reply.cost_source) == ("done", "reported")
        for kind, found in (("text", reply.text), ("reasoning", reply.reasoning)):
            assert "".join(e.delta for e in events if e.kind == kind) == found
        assert len([e for e in events if e.kind == "citation"]) == 1


async def test_items_of_the_last_response_may_have_other_positions() -> None:
    """Ids tell that they are the same."""
    last = {**RESPONSE, "output": [SEARCH, MESSAGE, REASONING]}
    with session(sent(*EVENTS[:-1], event("completed", response=last))) as s:
        assert whole((await s.collect(search="web"))[1])


async def test_json_in_place_of_a_stream_is_the_reply() -> None:
    with session(response()) as s:
        events, reply = await s.collect(search="web")
        assert whole(reply)
        assert events[-1].kind == "end"
        assert s.row["state"] == "done"


async def test_two_messages_are_apart_and_their_citations_fit_the_text() -> None:
    first = {**MESSAGE, "id": "msg_1", "content": [{**PART, "annotations": []}]}
    second = {**MESSAGE, "id": "msg_2"}
    output = [first, SEARCH, second]
    end = event("completed", response={**RESPONSE, "output": output})
    stream = [*BEGIN, *of_message(0, first), *of_search(1), *of_message(2, second), end]
    with session(sent(*stream), response(output=output)) as s:
        events, one = await s.collect(search="web")
        two = await s.grok.ask("Hi", search="web")
    assert one.text == two.text == f"{TEXT}\n\n{TEXT}"
    assert "".join(e.delta for e in events if e.kind == "text") == one.text
    (citation,) = one.cited
    assert one.cited == two.cited
    assert one.text[citation.start : citation.end] == "[[1]](https://x.ai/news)"
    assert citation.start > len(TEXT)


async def test_summaries_are_apart_and_raw_reasoning_is_taken() -> None:
    two = {**REASONING, "summary": [{"text": "One."}, {"text": "Two."}]}
    raw = {
        **REASONING,
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Raw."}],
    }
    with session(response(output=[two]), response(output=[raw])) as s:
        assert (await s.grok.ask("Hi", search="web")).reasoning == "One.\n\nTwo."
        assert (await s.grok.ask("Hi", search="web")).reasoning == "Raw."
    delta = event(
        "reasoning_text.delta", item_id=raw["id"], output_index=0, delta="Raw."
    )
    end = event("completed", response={**RESPONSE, "output": [raw, MESSAGE]})
    with session(sent(delta, end)) as s:
        assert (await s.collect(search="web"))[1].reasoning == "Raw."


async def test_halves_of_a_surrogate_pair_come_in_two_deltas() -> None:
    at = {"output_index": 0, "content_index": 0, "item_id": "m"}
    raw = b"".join(
        b'data: {"type": "response.output_text.delta", %b, "delta": "%b"}\n\n'
        % (json.dumps(at)[1:-1].encode(), half)
        for half in (rb"\ud83e", rb"\udd8a")
    )
    output = [{**MESSAGE, "id": "m", "content": [{**PART, "text": "🦊"}]}]
    end = wire(event("completed", response={**RESPONSE, "output": output}))
    with session(streamed(raw + end)) as s:
        assert (await s.collect(search="web"))[1].text == "🦊"


async def test_annotations_of_2025_have_an_address_only() -> None:
    bare = [{"type": "url_citation", "url": u} for u in (URL, "https://x.ai/b", URL)]
    part = {**PART, "annotations": [*bare, {"url": 5}, {"url": ""}, None, "x"]}
    output = [{**MESSAGE, "content": [part]}]
    with session(response(output=output)) as s:
        reply = await s.grok.ask("Hi", search="web")
    assert reply.cited == (Citation(URL), Citation("https://x.ai/b"))
    frame = reply.citations
    assert frame["domain"].tolist() == ["x.ai", "x.ai"]
    assert frame["start"].isna().all()


async def test_the_list_of_all_sources_counts_only_without_annotations() -> None:
    met = ["https://a.example/1", "https://a.example/2", "https://a.example/1", 5]
    plain = [{**MESSAGE, "content": [{**PART, "annotations": []}]}]
    with session(response(citations=met), response(citations=met, output=plain)) as s:
        assert (await s.grok.ask("Hi", search="web")).cited == CITED
        reply = await s.grok.ask("Hi", search="web")
        assert [c.url for c in reply.cited] == met[:2]


# -- tools -----------------------------------------------------------------------------

X_INPUT = json.dumps({"query": "from:xai", "limit": 3})
CODE = json.dumps({"code": "print(6*7)"})
#: item -> the step that it is
ITEMS: dict[str, tuple[dict[str, Any], Step]] = {
    "a page": (
        {
            "type": "web_search_call",
            "status": "completed",
            "action": {"type": "open_page", "url": URL},
        },
        Step("web_search", "open_page", json.dumps({"url": URL}), "", "done"),
    ),
    "sources": (
        {**SEARCH, "action": {**SEARCH["action"], "sources": [{"url": URL}]}},  # type: ignore[dict-item]
        Step(
            *("web_search", "search", json.dumps({"query": QUERY})),
            *(json.dumps([{"url": URL}]), "done"),
        ),
    ),
    "web search of 2025, before there was an action": (
        {
            "type": "web_search_call",
            "status": "completed",
            "name": "web_search",
            "arguments": json.dumps({"query": QUERY}),
        },
        Step("web_search", "web_search", json.dumps({"query": QUERY}), "", "done"),
    ),
    "X search since 2025-12": (
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "call_id": "xs_call_1",
            "name": "x_keyword_search",
            "input": X_INPUT,
            "status": "completed",
        },
        Step("x_search", "x_keyword_search", X_INPUT, "", "done"),
    ),
    "X search of 2025-10": (
        {
            "type": "x_search_call",
            "name": "x_semantic_search",
            "arguments": X_INPUT,
            "status": "completed",
        },
        Step("x_search", "x_semantic_search", X_INPUT, "", "done"),
    ),
    "a video on X": (
        {"type": "custom_tool_call", "name": "view_x_video", "input": "{}"},
        Step("x_search", "view_x_video", "{}", "", "done"),
    ),
    "code": (
        {
            "type": "code_interpreter_call",
            "status": "completed",
            "code": "print(6*7)",
            "outputs": [{"type": "logs", "logs": "42\n"}],
            "container_id": "c",
        },
        Step("code_interpreter", "", CODE, "42\n", "done"),
    ),
    "code of 2025": (
        {
            "type": "code_interpreter_call",
            "status": "completed",
            "name": "code_execution",
            "arguments": CODE,
        },
        Step("code_interpreter", "code_execution", CODE, "", "done"),
    ),
    "files": (
        {
            "type": "file_search_call",
            "status": "completed",
            "queries": ["a", "b"],
            "results": [{"file_id": "f", "text": "t"}],
        },
        Step(
            *("file_search", "", json.dumps({"queries": ["a", "b"]})),
            *(json.dumps([{"file_id": "f", "text": "t"}]), "done"),
        ),
    ),
    "mcp": (
        {
            "type": "mcp_call",
            "status": "completed",
            "server_label": "s",
            "name": "add",
            "arguments": "{}",
            "output": "3",
        },
        Step("mcp", "add", "{}", "3", "done"),
    ),
    "mcp that failed": (
        {"type": "mcp_call", "name": "add", "arguments": "{}", "error": "no"},
        Step("mcp", "add", "{}", "no", "failed"),
    ),
    "a picture": (
        {"type": "image_generation_call", "prompt": "a fox", "result": "AAAA"},
        Step("image_generation", "", json.dumps({"prompt": "a fox"}), "", "done"),
    ),
    "a tool of tomorrow": (
        {"type": "moon_call", "name": "fly", "status": "failed"},
        Step("moon", "fly", "", "", "failed"),
    ),
}


@pytest.mark.parametrize("name", ITEMS)
async def test_an_item_of_any_vintage_is_a_step(name: str) -> None:
    item, step = ITEMS[name]
    stream = [
        event(
            "output_item.added", output_index=0, item={**item, "status": "in_progress"}
        ),
        event("output_item.done", output_index=0, item=item),
        event("completed", response={**RESPONSE, "output": [item, MESSAGE]}),
    ]
    with session(response(output=[item, MESSAGE]), sent(*stream)) as s:
        assert (await s.grok.ask("Hi", search="web")).steps == (step,)
        events, reply = await s.collect(search="web")
        assert (reply.steps, reply.text) == ((step,), TEXT)
        assert {"search"} < {e.kind for e in events}
        assert set(s.column("tool_calls")) == {1}


async def test_what_a_custom_tool_is_called_with_comes_in_its_own_event() -> None:
    item, step = ITEMS["X search since 2025-12"]
    at = {"item_id": "ctc_1", "output_index": 0}
    begun = {**item, "input": "", "status": "in_progress"}
    stream = [
        event("output_item.added", output_index=0, item=begun),
        event("custom_tool_call_input.delta", **at, delta=X_INPUT),
        event("custom_tool_call_input.done", **at, input=X_INPUT),
        event("output_item.done", output_index=0, item=item),
        event("completed", response={**RESPONSE, "output": [item, MESSAGE]}),
    ]
    with session(sent(*stream)) as s:
        events, reply = await s.collect(search="x")
        found = [
            (e.delta, e.reply.steps[0].state) for e in events if e.kind == "search"
        ]
        assert found == [("", "running"), ("from:xai", "running"), ("", "done")]
        assert reply.steps == (step,)


async def test_functions_are_mixed_with_tools_and_end_the_response() -> None:
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "get_weather",
        "arguments": '{"city":"Bern"}',
        "status": "completed",
    }
    at = {"item_id": "fc_1", "output_index": 1}
    end = event("completed", response={**RESPONSE, "output": [SEARCH, call]})
    split = [
        *of_search(0),
        event("output_item.added", output_index=1, item={**call, "arguments": ""}),
        event("function_call_arguments.delta", **at, delta='{"city":'),
        event("function_call_arguments.delta", **at, delta='"Bern"}'),
        event("function_call_arguments.done", **at, arguments=call["arguments"]),
        event("output_item.done", output_index=1, item=call),
        end,
    ]
    late = [
        event("function_call_arguments.delta", **at, delta='{"city":'),
        event("output_item.done", output_index=1, item=call),
        end,
    ]
    whole_ = response(output=[SEARCH, call])
    with session(sent(*split), sent(*late), sent(end), whole_) as s:
        for _ in range(4):
            events, reply = await s.collect(search="web")
            (found,) = reply.tool_calls
            assert (found.id, found.name) == ("call_1", "get_weather")
            assert found.arguments == '{"city":"Bern"}'
            pieces = [e.delta for e in events if e.kind == "tool_call"]
            assert "".join(pieces) == found.arguments
            assert reply.finish_reason == "tool_calls"
        assert s.column("tool_calls") == [2, 2, 2, 2]


async def test_without_a_reported_cost_tokens_and_fees_are_computed() -> None:
    bare = {k: v for k, v in USAGE.items() if "ticks" not in k}
    details = {"web_search_calls": 2, "x_search_calls": 1, "code_interpreter_calls": 1}
    items = {**details, "x_posts_fetched": 3, "x_users_fetched": 1}
    for uses, fees in (
        (details, (2 + 1 + 1) * 50_000_000),  # X by the call, before 2026-09
        (items, (2 + 3 + 1) * 50_000_000 + 100_000_000),  # and by the item since
        ({**details, "x_posts_fetched": 0}, (2 + 1) * 50_000_000),  # nothing found
    ):
        usage = {**bare, "server_side_tool_usage_details": uses}
        with session(response(usage=usage)) as s:
            reply = await s.grok.ask("Hi", search="web,x", run_code=True)
            assert reply.cost_ticks == 46_400_000 + fees
            assert reply.cost_source == s.row["cost_source"] == "computed"
            assert s.row["tool_calls"] == 4


async def test_a_usage_without_counters_costs_what_was_seen() -> None:
    bare = {k: v for k, v in USAGE.items() if "ticks" not in k and "side" not in k}
    failed = {**SEARCH, "id": "ws_2", "status": "failed"}  # not billed (section 6.6)
    with session(response(usage=bare, output=[SEARCH, failed, MESSAGE])) as s:
        reply = await s.grok.ask("Hi", search="web")
        assert reply.cost_ticks == 46_400_000 + 50_000_000
        assert s.row["tool_calls"] == 2


# -- incomplete, failed ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "max_prompt_tokens"}, "max_prompt_tokens"),
        ({"reason": "max_time_limit"}, "max_time_limit"),
        ({"reason": "new_reason"}, "new_reason"),
        ({"reason": 5}, "incomplete"),
        (None, "incomplete"),
    ],
)
async def test_an_incomplete_response_says_why(details: Any, finish: str) -> None:
    cut = {"status": "incomplete", "incomplete_details": details}
    stream = [*EVENTS[:-1], event("incomplete", response={**RESPONSE, **cut})]
    with session(response(**cut), sent(*stream), response(**cut, output=[])) as s:
        for text in (TEXT, TEXT, ""):
            _, reply = await s.collect(search="web", max_tokens=5)
            assert (reply.finish_reason, reply.text) == (finish, text)
            assert (reply.state, reply.cost_source) == ("done", "reported")
        assert set(s.column("finish_reason")) == {finish}


@pytest.mark.parametrize(
    ("kind", "status", "finish"),
    [
        ("completed", "in_progress", "stop"),
        ("completed", None, "stop"),
        ("completed", "incomplete", "incomplete"),
        ("incomplete", "completed", "incomplete"),
        ("done", "incomplete", "incomplete"),
        ("done", "completed", "stop"),
        ("done", 5, "stop"),
    ],
)
async def test_the_last_event_and_its_response_may_disagree(
    kind: str, status: Any, finish: str
) -> None:
    end = event(kind, response={**RESPONSE, "status": status})
    with session(sent(*EVENTS[:-1], end)) as s:
        _, reply = await s.collect(search="web")
        assert (reply.finish_reason, reply.state) == (finish, "done")
    for one, other in (("completed", "failed"), ("failed", "completed")):
        end = event(one, response={**RESPONSE, "status": other})
        with session(sent(*EVENTS[:-1], end)) as s:
            assert isinstance((await s.outcome(search="web"))[1], StreamError)


async def test_metadata_of_the_user_is_no_name_of_the_response() -> None:
    mine = {"id": "mine", "model": "mine", "service_tier": "priority"}
    bare = {k: v for k, v in RESPONSE.items() if k not in (*mine, "metadata")}
    with session(Answer(pieces=json.dumps({**bare, "metadata": mine}).encode())) as s:
        reply = await s.grok.ask("Hi", search="web")
        assert (reply.id, reply.model, reply.fingerprint) == (None, None, None)
        assert s.row["model"] == "grok-4.7"


FAILED = {"status": "failed", "error": {"code": "server_error", "message": "It broke."}}


async def test_a_failed_response_is_an_error_with_its_bill_and_not_asked_again() -> (
    None
):
    with session(response(**FAILED)) as s:
        with pytest.raises(ServerFault, match="server_error: It broke") as caught:
            await s.grok.ask("Hi", search="web")
        assert caught.value.reply.text == TEXT  # type: ignore[attr-defined]
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "reported")
        assert s.row["cost_usd"] == pytest.approx(0.00964)
        assert len(s.script.requests) == 1
    stream = [*EVENTS[:-1], event("failed", response={**RESPONSE, **FAILED})]
    with session(sent(*stream)) as s:
        reply, error = await s.outcome(search="web")
        assert isinstance(error, StreamError)
        assert "server_error: It broke" in str(error)
        assert (reply.text, reply.state) == (TEXT, "failed")
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "reported")
        assert len(s.script.requests) == 1


@pytest.mark.parametrize("error", [None, {}, "x", {"message": 5}])
async def test_a_failure_without_bill_or_reason_is_never_booked_as_free(
    error: Any,
) -> None:
    failed = {**BEGUN, "status": "failed", "error": error}
    for answer in (
        Answer(pieces=json.dumps(failed).encode()),
        sent(*BEGIN, event("failed", response=failed)),
        sent(*BEGIN, event("failed", response=None)),
    ):
        with session(answer) as s:
            _, raised = await s.outcome(search="web")
            assert isinstance(raised, (ServerFault, StreamError))
            assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")
            assert s.row["cost_usd"] > 0
            assert len(s.script.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"type": "error", "code": "c", "message": "It broke.", "param": None},
        {"type": "error", "error": {"code": "c", "message": "It broke."}},
        {"code": "c", "error": "It broke."},
    ],
)
async def test_an_error_event_ends_the_stream(said: dict[str, Any]) -> None:
    with session(sent(*EVENTS[:12], said)) as s:
        reply, error = await s.outcome(search="web")
        assert isinstance(error, StreamError)
        assert "c: It broke." in str(error)
        assert reply.reasoning == SUMMARY
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")
    # before anything was shown it is asked again, in doubt
    with session(sent(*BEGIN, said), streamed(RECORDED)) as s:
        _, reply = await s.collect(search="web")
        assert whole(reply)
        assert s.column("state") == ["in_doubt", "done"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"hello": "world"}',
        b'{"object": "response", "status": "completed", "output": []}',
        b'{"object": "response", "status": "completed", "output": "x"}',
        b'{"choices": [{"message": {"content": "chat"}}]}',
    ],
)
async def test_an_answer_without_output_is_never_done(body: bytes) -> None:
    with session(Answer(pieces=body)) as s:
        with pytest.raises(ServerFault, match="holds no reply"):
            await s.grok.ask("Hi", search="web")
        assert set(s.column("state")) == {"in_doubt"}


# -- streams that break or are stopped -------------------------------------------------


@pytest.mark.parametrize("how", [[], [httpx.ReadError("reset")]], ids=["EOF", "reset"])
async def test_a_stream_cut_at_any_byte_is_whole_or_an_error(how: list[Any]) -> None:
    # an event that is whole counts, also without the blank line behind it
    whole_at, shown_at = len(SHORT) - 2, SHORT.index(b"\n\n")
    searched_at = SHORT.index(b"\n\n", SHORT.index(b"web_search_call"))
    outcomes = []
    with session(streamed(b"")) as s:
        for at in range(len(SHORT) + 1):
            s.script.load(streamed([SHORT[:at], *how]))
            reply, error = await s.outcome(search="web")
            outcomes.append((at, reply, len(s.script.requests)))
            assert (error is None) == (at >= whole_at)
            if error is None:
                assert whole(reply)
                continue
            assert isinstance(error, (StreamError, ConnectionFailed))
            assert TEXT.startswith(reply.text)
            assert len(reply.steps) == (at >= searched_at)
            if at >= shown_at:
                assert error.reply == reply
        rows = iter(s.rows)
        for at, reply, requests in outcomes:
            of_this = [next(rows) for _ in range(requests)]
            states = [row["state"] for row in of_this]
            if at < shown_at:
                assert states == ["in_doubt"] * 3
                continue
            # what was shown is never begun again: searches were paid for, too
            assert states == ["done" if at >= whole_at else "failed"]
            assert of_this[0]["tool_calls"] == len(reply.steps)
            assert (of_this[0]["cost_source"] == "estimated") == (at < whole_at)


async def test_a_cut_after_a_search_estimates_its_fee() -> None:
    before, after = EVENTS[:9], EVENTS[:10]
    assert after[-1]["item"]["type"] == "web_search_call"
    costs = []
    for events in (before, after):
        with session(sent(*events, done=False)) as s:
            reply, error = await s.outcome(search="web")
            assert isinstance(error, StreamError)
            assert reply.cost_source == s.row["cost_source"] == "estimated"
            costs.append(reply.cost_ticks)
    assert costs[1] - costs[0] == 50_000_000


async def test_stop_in_a_search_closes_the_stream_and_keeps_what_came() -> None:
    answer = streamed([wire(*EVENTS[:11], done=False), STALL])
    with session(answer) as s:
        stream = s.grok.stream("Hi", search="web")
        async for made in stream:
            if made.kind == "search":
                break
        assert not answer.body.closed  # type: ignore[union-attr]
        await stream.aclose()
        assert answer.body.closed  # type: ignore[union-attr]
        reply = stream.reply
        assert (reply.state, reply.reasoning) == ("stopped", SUMMARY)
        assert [(step.kind, step.state) for step in reply.steps] == [
            ("web_search", "running")
        ]
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")
        assert (s.row["tool_calls"], s.row["endpoint"]) == (1, "/responses")
        assert s.row["cost_usd"] > 0.005  # the search's fee


async def test_an_unanswered_request_is_in_doubt_and_held_if_wished() -> None:
    reset = httpx.ReadError("reset")
    with session(reset, response()) as s:
        reply = await s.grok.ask("Hi", search="web")
        assert whole(reply)
        assert (reply.attempts, reply.attempts_in_doubt) == (2, 1)
        assert s.column("state") == ["in_doubt", "done"]
        assert s.column("endpoint") == ["/responses"] * 2
    for failure in (reset, refusal(500), refusal(502)):
        with session(failure, response(), on_doubt="hold") as s:
            with pytest.raises(InDoubt):
                await s.grok.ask("Hi", search="web")
            assert s.column("state") == ["in_doubt"]


async def test_throttles_are_waited_for() -> None:
    with session(refusal(429, retry_after="3"), refusal(503), response()) as s:
        assert (await s.grok.ask("Hi", search="web")).attempts == 3
        assert s.clock.slept[0] >= 3
        assert s.column("state") == ["failed", "failed", "done"]


# -- anything at all -------------------------------------------------------------------

NAMES = sorted({e["type"] for e in EVENTS} | {"error", "response.failed"})
FIELDS = sorted({k for e in EVENTS for k in e} | {"input", "arguments", "name"})
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["message", "web_search_call", "function_call", "reasoning"]),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FIELDS, *RESPONSE, *PART, *NOTE, *SEARCH, "call_id"]),
            x,
            max_size=5,
        )
    ),
    max_leaves=12,
)
made_up = st.fixed_dictionaries(
    {"type": st.sampled_from(NAMES) | st.text(max_size=6)},
    optional={name: junk for name in FIELDS if name != "type"},
)


@st.composite
def mangled(draw: st.DrawFn) -> list[Any]:
    """The recorded events, some gone, twice, elsewhere, or with a field made junk."""
    events = copy.deepcopy(EVENTS)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(events) - 1))
        match draw(st.sampled_from(["drop", "twice", "swap", "field", "deep", "new"])):
            case "drop" if len(events) > 1:
                events.pop(at)
            case "twice":
                events.insert(at, copy.deepcopy(events[at]))
            case "swap":
                other = draw(st.integers(0, len(events) - 1))
                events[at], events[other] = events[other], events[at]
            case "field":
                events[at][draw(st.sampled_from(sorted(events[at])))] = draw(junk)
            case "deep":
                inner = [v for v in events[at].values() if isinstance(v, dict) and v]
                if inner:
                    inner[0][draw(st.sampled_from(sorted(inner[0])))] = draw(junk)
            case _:
                events.insert(at, draw(made_up))
    return events


def as_bytes(events: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in events)


@given(mangled(), st.booleans())
@settings(max_examples=150, deadline=None)
async def test_mangled_events_give_a_reply_or_a_grok_error(
    events: list[Any], done: bool
) -> None:
    raw = as_bytes(events) + (b"data: [DONE]\n\n" if done else b"")
    with session(streamed(raw)) as s:
        reply, error = await s.outcome(search="web")
        assert error is None or isinstance(error, GrokError)
        assert s.rows
        assert (s.rows[-1]["state"] == "done") == (error is None)
        assert reply.citations["url"].tolist() == [c.url for c in reply.cited]
        assert reply._repr_mimebundle_()
        assert all(step.kind for step in reply.steps)


@given(st.lists(made_up, max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_fold_takes_any_events(events: list[Any]) -> None:
    fold = ResponseFold({})
    shown = {"text": "", "reasoning": "", "tool_call": ""}
    for made in json.loads(json.dumps(events)):
        mark = len(fold.log)
        if fold.error_in(made) is None:
            fold.add(made)
        for each in fold.events_since(mark):
            if each.kind in shown:
                shown[each.kind] += each.delta
    reply = fold.reply()

    def mended(text: str) -> str:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    assert reply.text == mended(shown["text"])
    assert reply.reasoning == mended(shown["reasoning"])
    assert fold.tool_call_count >= len(reply.tool_calls) + len(reply.steps)
    assert reply.citations is not None


@given(junk)
@settings(max_examples=60, deadline=None)
async def test_any_json_in_place_of_a_response_is_read_or_refused(data: Any) -> None:
    with session(Answer(pieces=json.dumps(data).encode())) as s:
        try:
            reply = await s.grok.ask("Hi", search="web")
        except GrokError:
            assert "done" not in s.column("state")
        else:
            assert reply.state == "done"
