"""Drawing a response: events, limits, counters and prices, without a socket."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grok_nb._sandbox import catalog, tokens
from grok_nb._sandbox.desk import Desk, Incoming, Settings
from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.faults import Fault, Faults
from grok_nb._sandbox.responses import planning, rules
from grok_nb._sandbox.responses.endpoint import Replying
from grok_nb._sandbox.responses.stored import (
    KEPT_S,
    MAX_BYTES,
    MAX_ENTRIES,
    Stored,
)
from tests.responses_support import (
    BODIES,
    WEATHER,
    events,
    folded,
    of_type,
    request,
    text_of,
)


def replying(body: dict[str, Any], vintage: str = "2026", fault: str | None = None):
    desk = Desk(Settings(vintage=vintage), Faults())
    stored = Stored(lambda: 0)
    raw = json.dumps(request() | body).encode()
    job = rules.prepare(raw, desk, stored)
    plan = planning.plan(job, asyncio.run(planning.consult(job)), desk)
    incoming = Incoming(
        desk=desk,
        request_id="1",
        method="POST",
        path="/v1/responses",
        headers={},
        gone=None,
        started_s=0,
        body=raw,
        fault=Fault(do=fault) if fault else None,
    )
    return Replying(job, plan, incoming, stored)


def whole(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    reply = replying(body, **more)
    return json.loads(reply.whole(reply.generate()))


def streamed(body: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    reply = replying(body, **more)
    generation = reply.generate()
    writer = reply.writer(generation, None)
    raw = b"".join([writer.write(event) for event in generation] + [writer.end()])
    return events(raw)


def steady(response: dict[str, Any]) -> str:
    """Leave out what is new each time."""
    text = json.dumps(response | {"created_at": 0, "completed_at": 0})
    return text.replace(response["id"], "ID")


@settings(max_examples=150, deadline=None)
@given(BODIES, st.sampled_from(["2026", "2025"]))
def test_a_stream_comes_to_the_same_response(
    body: dict[str, Any], vintage: str
) -> None:
    last = folded(streamed(body, vintage=vintage))
    assert steady(last) == steady(whole(body, vintage=vintage))


def test_a_wrong_order_would_be_noticed() -> None:
    tools = [{"type": "web_search"}, {"type": "x_search"}]
    found = streamed({"tools": tools, "reasoning": {"effort": "low"}})
    for place in range(len(found) - 1):
        swapped = copy.deepcopy(found)
        swapped[place : place + 2] = swapped[place + 1], swapped[place]
        for number, event in enumerate(swapped):
            event["sequence_number"] = number
        missing = [event for n, event in enumerate(copy.deepcopy(found)) if n != place]
        for number, event in enumerate(missing):
            event["sequence_number"] = number
        for spoilt in (swapped, missing):
            if spoilt != found:
                with pytest.raises((AssertionError, KeyError, IndexError)):
                    folded(spoilt)


@settings(max_examples=60, deadline=None)
@example(  # ends where a search has begun, and nothing of it was told
    {
        "input": "Hello",
        "text": {"format": {"type": "json_object"}},
        "tools": [
            WEATHER,
            *({"type": kind} for kind in ("web_search", "web_search", "x_search")),
        ],
    }
)
@given(BODIES)
def test_a_failed_response_ends_in_the_middle(body: dict[str, Any]) -> None:
    found = streamed(body, fault="failed")
    last = folded(found)
    assert (last["status"], last["incomplete_details"]) == ("failed", None)
    assert set(last["error"]) == {"code", "message"}
    usual = streamed(body)
    assert len(found) < len(usual) or len(usual) == 3
    assert "in_progress" not in [item["status"] for item in last["output"]]
    assert last["usage"]["output_tokens"] <= whole(body)["usage"]["output_tokens"]


@settings(max_examples=100, deadline=None)
@given(BODIES)
def test_usage_adds_up_to_the_tick(body: dict[str, Any]) -> None:
    response = whole(body)
    usage = response["usage"]
    details = usage["server_side_tool_usage_details"]
    model = catalog.load().find(response["model"], "language")
    cached = usage["input_tokens_details"]["cached_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    shown = sum(
        tokens.count(part["text"])
        for item in of_type(response, "reasoning")
        for part in item["summary"]
    )
    assert shown == reasoning <= usage["output_tokens"]
    limit = response["max_output_tokens"]
    assert limit is None or usage["output_tokens"] <= limit
    # Prices of the project's price list, in ticks: 5 USD for 1000 calls or posts, 10
    # for 1000 people, 2.50 for 1000 searches in files, 2 cents for a picture, nothing
    # for other servers.
    fees = (
        50_000_000 * details["web_search_calls"]
        + 50_000_000 * details["x_posts_fetched"]
        + 100_000_000 * details["x_users_fetched"]
        + 50_000_000 * details["code_interpreter_calls"]
        + 25_000_000 * details["file_search_calls"]
        + 200_000_000 * details["image_generation_calls"]
    )
    prices = model.prices
    assert usage["cost_in_usd_ticks"] == fees + (
        (usage["input_tokens"] - cached) * prices["prompt_text_token_price"]
        + cached * prices["cached_prompt_text_token_price"]
        + usage["output_tokens"] * prices["completion_text_token_price"]
    )


def finished(response: dict[str, Any], kind: str) -> int:
    return sum(item["status"] == "completed" for item in of_type(response, kind))


@settings(max_examples=100, deadline=None)
@given(BODIES)
def test_counters_are_of_the_items(body: dict[str, Any]) -> None:
    response = whole(body)
    usage = response["usage"]
    counters = usage["server_side_tool_usage_details"]
    posts = of_type(response, "custom_tool_call")
    searches = [item for item in posts if item["name"].startswith("x_")]
    assert counters["web_search_calls"] == finished(response, "web_search_call")
    assert counters["x_search_calls"] == len(searches)
    assert counters["file_search_calls"] == finished(response, "file_search_call")
    code = finished(response, "code_interpreter_call")
    assert counters["code_interpreter_calls"] == code
    # Of another server's tools none can be called here: it is no loopback address.
    assert counters["mcp_calls"] == finished(response, "mcp_call") == 0
    assert usage["num_sources_used"] == 0
    drawn = finished(response, "image_generation_call")
    assert counters["image_generation_calls"] == drawn
    kinds = ("web_search_call", "file_search_call", "code_interpreter_call")
    kinds += ("image_generation_call",)
    number = sum(finished(response, kind) for kind in kinds)
    assert usage["num_server_side_tools_used"] == number + len(posts)


@settings(max_examples=100, deadline=None)
@given(BODIES)
def test_citations_point_at_their_markers(body: dict[str, Any]) -> None:
    response = whole(body)
    for item in of_type(response, "message"):
        for part in item["content"]:
            for one in part["annotations"]:
                if "start_index" in one:
                    marker = part["text"][one["start_index"] : one["end_index"]]
                    assert marker == f"[[{one['title']}]]({one['url']})"
            marked = [one for one in part["annotations"] if "start_index" in one]
            assert (
                "]](" not in part["text"]
                or marked
                or response["status"] != ("completed")
            )
            bare = "no_inline_citations" in body.get("include", [])
            assert not (bare and marked)


def test_a_limit_in_the_reasoning_leaves_no_message() -> None:
    response = whole({"input": "Hello", "max_output_tokens": 3})
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    (item,) = response["output"]
    assert (item["type"], item["status"]) == ("reasoning", "incomplete")
    assert response["usage"]["output_tokens"] == 3


def test_a_limit_in_the_text_cuts_it_and_the_citations_behind() -> None:
    tool = {"tools": [{"type": "web_search"}], "model": "grok-4.20-non-reasoning"}
    full = whole(tool)
    number = full["usage"]["output_tokens"]
    cut = whole(tool | {"max_output_tokens": number - 1})
    assert full["status"] == "completed"
    assert cut["status"] == "incomplete"
    assert text_of(full).startswith(text_of(cut))
    before, after = (of_type(one, "message")[0]["content"][0] for one in (full, cut))
    assert after["annotations"] == before["annotations"][:-1]
    assert len(before["annotations"]) == 2
    exact = whole(tool | {"max_output_tokens": number})
    assert exact["status"] == "completed"


@pytest.mark.parametrize(
    ("turns", "parallel", "kinds"),
    [
        (None, True, ["search", "open_page", "x_keyword_search", "x_thread_fetch"]),
        (2, True, ["search", "open_page", "x_keyword_search", "x_thread_fetch"]),
        (1, True, ["search", "x_keyword_search"]),
        (1, False, ["search"]),
        (3, False, ["search", "x_keyword_search", "open_page"]),
    ],
)
def test_turns_are_bounded(turns: int | None, parallel: bool, kinds: list[str]) -> None:
    body = {"tools": [{"type": "web_search"}, {"type": "x_search"}]}
    if turns is not None:
        body["max_turns"] = turns
    response = whole(body | {"parallel_tool_calls": parallel})
    calls = [
        item.get("name") or item["action"]["type"]
        for item in response["output"]
        if item["type"].endswith("_call")
    ]
    assert calls == kinds


def test_what_is_not_found_is_said() -> None:
    tools = [{"type": "web_search"}, {"type": "x_search"}]
    response = whole({"input": "population of Atlantis", "tools": tools})
    assert 'Nothing in the corpus of the sandbox fits "population Atlantis".' in (
        text_of(response)
    )
    assert of_type(response, "message")[0]["content"][0]["annotations"] == []
    # Keywords found nothing, so what is near them was looked for.
    names = [item["name"] for item in of_type(response, "custom_tool_call")]
    assert names == ["x_keyword_search", "x_semantic_search"]
    counters = response["usage"]["server_side_tool_usage_details"]
    assert (counters["x_search_calls"], counters["x_posts_fetched"]) == (2, 0)


# -- the store ------------------------------------------------------------------------


def body_of(name: str, created_at: int = 0) -> dict[str, Any]:
    return {"id": name, "created_at": created_at, "output": []}


def test_responses_are_kept_for_thirty_days() -> None:
    now = [0.0]
    stored = Stored(lambda: now[0])
    stored.add(body_of("a"), ())
    now[0] = 30 * 24 * 3600
    assert now[0] == KEPT_S
    assert stored.get("a").body["id"] == "a"
    now[0] += 1
    for _ in range(2):
        with pytest.raises(ApiError) as caught:
            stored.get("a")
        assert caught.value.status == 404


def test_the_oldest_responses_make_room() -> None:
    stored = Stored(lambda: 0)
    for number in range(MAX_ENTRIES + 1):
        stored.add(body_of(str(number)), ())
    with pytest.raises(ApiError):
        stored.get("0")
    assert stored.get("1").body["id"] == "1"


def test_large_responses_make_room_sooner() -> None:
    stored = Stored(lambda: 0)
    for name in "abc":
        stored.add(body_of(name), (), MAX_BYTES // 2)
    with pytest.raises(ApiError):
        stored.get("a")
    stored.delete("b")
    stored.add(body_of("d"), (), MAX_BYTES // 2)
    assert [stored.get(name).body["id"] for name in "cd"] == ["c", "d"]
    # The newest one is kept, however large.
    stored.add(body_of("e"), (), 2 * MAX_BYTES)
    assert stored.get("e").body["id"] == "e"


@given(st.integers(0, 30), st.integers(1, 10), st.booleans())
def test_pages_of_input_items_are_the_whole_list(
    number: int, limit: int, is_oldest_first: bool
) -> None:
    stored = Stored(lambda: 0)
    items = tuple({"type": "message", "content": str(n)} for n in range(number))
    stored.add(body_of("a"), items)
    read: list[dict[str, Any]] = []
    after = None
    while page := stored.input_items(
        "a", limit=limit, after=after, is_oldest_first=is_oldest_first
    ):
        assert len(page) <= limit
        read += page
        after = page[-1]["id"]
    texts = [item["content"] for item in (read if is_oldest_first else read[::-1])]
    assert texts == [item["content"] for item in items]
