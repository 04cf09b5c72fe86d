"""`search_parameters`: checked, sent as they are, and sent on after a 410."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb.api import live_search
from grok_nb.api.search_parameters import as_tools, checked_search
from grok_nb.errors import BadRequest, Gone, GrokError, StreamError
from grok_nb.reply import Citation

from ..response_shapes import (
    EVENTS,
    RECORDED,
    RESPONSE,
    SUMMARY,
    TEXT,
    URL,
    response,
    sent,
)
from ..support import (
    BASE_URL,
    HELLO,
    KEY,
    STALL,
    USAGE,
    Answer,
    ManualClock,
    Script,
    chunk,
    completion,
    delta,
    session,
    sse,
    streamed,
)

SEARCH = {"mode": "auto"}
#: as xai-api.md section 13.2 has it: no code
GONE = Answer(
    410,
    b'{"error":"Live search is deprecated. Please switch to the Agent Tools API: x"}',
)
BOTH = [{"type": "web_search"}, {"type": "x_search"}]


@pytest.fixture(autouse=True)
def nothing_was_told() -> Iterator[None]:
    live_search._told.clear()
    yield
    live_search._told.clear()


def paths(s: Any) -> list[str]:
    return [request.url.path.removeprefix("/v1") for request in s.script.requests]


# -- checked ---------------------------------------------------------------------------

RIGHT: list[dict[str, Any]] = [
    {},
    *({"mode": mode} for mode in ("off", "auto", "on")),
    {"return_citations": True, "max_search_results": 30, "sources": None},
    {"from_date": "2025-01-01", "to_date": "2025-01-01"},
    {
        "sources": [
            {"type": "web", "country": "CH", "excluded_websites": ["a"] * 5},
            {"type": "web", "allowed_websites": ["a.ch"], "safe_search": False},
            {"type": "x", "x_handles": ["xai"]},
            {"type": "x", "included_x_handles": ["xai"], "post_view_count": 0},
            {"type": "x", "excluded_x_handles": ["xai"], "post_favorite_count": 9},
            {"type": "news", "country": "ch", "excluded_websites": ["a"]},
            {"type": "rss", "links": ["https://a.ch/feed.xml"]},
        ]
    },
]


@pytest.mark.parametrize("number", range(len(RIGHT)))
async def test_right_ones_are_sent_as_they_are(number: int) -> None:
    with session(completion(), streamed(sse(chunk(delta(finish="stop"))))) as s:
        await s.grok.ask("Hi", search_parameters=RIGHT[number])
        await s.collect(search_parameters=RIGHT[number])
        assert paths(s) == ["/chat/completions"] * 2
        assert all(b["search_parameters"] == RIGHT[number] for b in s.script.bodies)


def source(kind: str, **fields: Any) -> dict[str, Any]:
    return {"sources": [{"type": kind, **fields}]}


WRONG: list[tuple[Any, str]] = [
    ("off", "search_parameters must be a dict"),
    ([], "search_parameters must be a dict"),
    ({"mode": "maybe"}, "mode"),
    ({"mode": 1}, "mode"),
    ({"moed": "on"}, "Did you mean 'mode'"),
    ({"return_citations": 1}, "return_citations"),
    *(({"max_search_results": n}, "max_search_results") for n in (0, 31, "5", True)),
    *(({"from_date": d}, "from_date") for d in ("2025-02-30", "20250101", 5)),
    ({"from_date": "2025-01-02", "to_date": "2025-01-01"}, "is after"),
    *(({"sources": x}, "sources") for x in ([], {}, "web", [5], ["web"], [{}])),
    (source("blog"), r"sources\[0\]"),
    ({"sources": [{"type": ["web"]}]}, r"sources\[0\]"),
    (source("web", x_handles=["a"]), "no field 'x_handles'"),
    (source("news", allowed_websites=["a"]), "no field 'allowed_websites'"),
    (source("web", alowed_websites=["a"]), "Did you mean 'allowed_websites'"),
    *(
        (source("web", excluded_websites=value), "excluded_websites")
        for value in ([], "a.ch", ["a"] * 6, [1], [""])
    ),
    (source("web", allowed_websites=["a"], excluded_websites=["b"]), "exclude each"),
    *((source("web", country=value), "country") for value in ("CHE", "", 5, "1a")),
    (source("web", safe_search="no"), "safe_search"),
    (source("x", x_handles=["a"], included_x_handles=["a"]), "exclude each"),
    (source("x", x_handles=["a"], excluded_x_handles=["a"]), "exclude each"),
    (source("x", included_x_handles=["a"], excluded_x_handles=["b"]), "exclude each"),
    (source("x", x_handles="xai"), "x_handles"),
    *((source("x", post_view_count=n), "post_view_count") for n in (-1, "5", True)),
    (source("x", post_favorite_count=1.5), "post_favorite_count"),
    (source("rss"), "links"),
    *((source("rss", links=x), "links") for x in ([], ["a", "b"], ["a.ch"], "a", [5])),
    (source("rss", links=["https://"]), "links"),
    (source("rss", links=["https://["]), "links"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_wrong_ones_are_refused_and_not_sent(number: int) -> None:
    given, said = WRONG[number]
    with session(completion()) as s:
        for ask in (
            lambda: s.grok.ask("Hi", search_parameters=given),
            lambda: s.grok.chat_completion(HELLO, search_parameters=given),
            lambda: s.collect(search_parameters=given),
            lambda: s.grok.defer("Hi", search_parameters=given),
        ):
            with pytest.raises(BadRequest) as caught:
                await ask()
            assert re.search(said, f"{caught.value} {caught.value.hint}")
        assert (s.script.requests, s.rows) == ([], [])


async def test_the_old_and_the_new_way_do_not_go_together() -> None:
    with session(completion()) as s:
        for new in ({"search": "web"}, {"run_code": True}):
            with pytest.raises(BadRequest, match="does not go with search"):
                await s.grok.ask("Hi", search_parameters=SEARCH, **new)
        assert s.script.requests == []


# -- where it is still there -----------------------------------------------------------

OLD_USAGE = {
    **{k: v for k, v in USAGE.items() if k != "cost_in_usd_ticks"},
    "num_sources_used": 2,
}
#: tokens as section 3.6 has it, and 0.025 USD for each of two sources
OLD_TICKS = 46_400_000 + 2 * 250_000_000


async def test_citations_and_sources_come_into_the_reply_and_are_priced() -> None:
    met = ["https://a.ch/1", "https://b.ch/2"]
    whole = completion(citations=met, usage=OLD_USAGE)
    last = chunk(usage=OLD_USAGE, citations=met)
    pieces = sse(chunk(delta(content="42.")), chunk(delta(finish="stop")), last)
    with session(whole, streamed(pieces), whole) as s:
        one = await s.grok.ask("Hi", search_parameters=SEARCH)
        _, two = await s.collect(search_parameters=SEARCH)
        for reply in (one, two):
            assert reply.cited == tuple(Citation(url) for url in met)
            assert reply.usage is not None
            assert reply.usage.sources_used == 2
            assert (reply.cost_ticks, reply.cost_source) == (OLD_TICKS, "computed")
        three = await s.grok.chat_completion(HELLO, search_parameters=SEARCH)
        assert three.citations == met
        assert s.column("sources_used") == [2, 2, 2]


# -- as tools --------------------------------------------------------------------------


def web(**filters: Any) -> dict[str, Any]:
    return {"type": "web_search", **({"filters": filters} if filters else {})}


def x(**fields: Any) -> dict[str, Any]:
    return {"type": "x_search", **fields}


W, X, N = {"type": "web"}, {"type": "x"}, {"type": "news"}
RSS = {"type": "rss", "links": ["https://Blog.a.ch:8443/feed?x"]}
DATES = {"from_date": "2025-01-01", "to_date": "2025-02-01"}
#: search parameters -> tools, and what is left out
TOOLS: list[tuple[dict[str, Any], list[Any], list[str]]] = [
    ({"mode": "off", "sources": [W]}, [], []),
    ({}, BOTH, []),
    ({"mode": "auto"}, BOTH, []),
    ({"mode": "on"}, BOTH, ["mode"]),
    ({"return_citations": True}, BOTH, []),
    ({"return_citations": False}, BOTH, ["return_citations"]),
    ({"max_search_results": 5}, BOTH, ["max_search_results"]),
    ({"sources": [W]}, [web()], []),
    ({"sources": [X]}, [x()], []),
    ({"sources": [N]}, [web()], []),
    ({"sources": [W, N, X]}, BOTH, []),
    (DATES, [web(), x(**DATES)], ["from_date and to_date on the web"]),
    ({**DATES, "sources": [X]}, [x(**DATES)], []),
    ({**DATES, "sources": [N]}, [web()], ["from_date", "to_date"]),
    (
        source("web", allowed_websites=["a.ch"], country="CH", safe_search=True),
        [web(allowed_domains=["a.ch"])],
        ["country", "safe_search"],
    ),
    (
        source("news", excluded_websites=["b", "a"]),
        [web(excluded_domains=["a", "b"])],
        [],
    ),
    ({"sources": [RSS]}, [web(allowed_domains=["blog.a.ch"])], []),
    ({"sources": [RSS, W]}, [web()], []),
    (
        {"sources": [RSS, {**W, "allowed_websites": ["b.ch", "blog.a.ch"]}]},
        [web(allowed_domains=["blog.a.ch", "b.ch"])],
        [],
    ),
    (
        {"sources": [{**k, "excluded_websites": ["a.ch"]} for k in (W, N)]},
        [web(excluded_domains=["a.ch"])],
        [],
    ),
    (source("x", x_handles=["xai"]), [x(allowed_x_handles=["xai"])], []),
    (source("x", included_x_handles=["xai"]), [x(allowed_x_handles=["xai"])], []),
    (
        source("x", excluded_x_handles=["a"], post_view_count=5, post_favorite_count=1),
        [x(excluded_x_handles=["a"])],
        ["post_favorite_count", "post_view_count"],
    ),
]


@pytest.mark.parametrize("number", range(len(TOOLS)))
def test_search_parameters_become_tools(number: int) -> None:
    search, tools, left_out = TOOLS[number]
    found = as_tools(checked_search(search))
    assert found.tools == tools
    said = [name.split("=")[0] for name in found.left_out]
    assert said == left_out


INEXPRESSIBLE: list[tuple[list[dict[str, Any]], str]] = [
    ([W, {**N, "excluded_websites": ["a.ch"]}], "different websites"),
    ([RSS, {**N, "excluded_websites": ["blog.a.ch"]}], "different websites"),
    ([X, {**X, "excluded_x_handles": ["a"]}], "different X handles"),
    (
        [RSS, {**W, "allowed_websites": [f"{n}.ch" for n in range(5)]}],
        "6 websites.*at most 5 domains",
    ),
    ([{**X, "x_handles": [f"h{n}" for n in range(21)]}], "21 X handles.*at most 20"),
]


@pytest.mark.parametrize("number", range(len(INEXPRESSIBLE)))
async def test_what_no_tool_can_do_is_an_error(number: int) -> None:
    sources, said = INEXPRESSIBLE[number]
    with session(GONE) as s:
        for _ in range(2):  # the server is asked the old way once
            with pytest.raises(BadRequest, match=said) as caught:
                await s.grok.ask("Hi", search_parameters={"sources": sources})
            assert caught.value.hint
            assert paths(s) == ["/chat/completions"]
        assert (s.row["state"], s.row["cost_usd"]) == ("failed", 0)


NAMES = st.lists(st.sampled_from(["a.ch", "b.ch", "c.ch"]), min_size=1, max_size=3)
SOURCES = st.lists(
    st.one_of(
        st.builds(lambda kind: {"type": kind}, st.sampled_from(["web", "news", "x"])),
        st.builds(lambda n: {"type": "web", "allowed_websites": n}, NAMES),
        st.builds(lambda n: {"type": "news", "excluded_websites": n}, NAMES),
        st.builds(lambda n: {"type": "x", "x_handles": n}, NAMES),
        st.builds(lambda n: {"type": "x", "excluded_x_handles": n}, NAMES),
        st.builds(lambda n: {"type": "rss", "links": [f"http://{n[0]}/x"]}, NAMES),
    ),
    min_size=1,
    max_size=4,
)


def searched(source: dict[str, Any], place: str) -> bool:
    """Whether a source of 2025 has a place in it."""
    if source["type"] == "rss":
        return place in source["links"][0]
    allowed = source.get("allowed_websites") or source.get("x_handles")
    barred = source.get("excluded_websites") or source.get("excluded_x_handles") or []
    return (allowed is None or place in allowed) and place not in barred


@settings(max_examples=300)
@given(SOURCES)
def test_what_was_not_to_be_searched_never_is(sources: list[dict[str, Any]]) -> None:
    """And all that was is; or else it is an error."""
    try:
        tools = as_tools(checked_search({"sources": sources})).tools
    except BadRequest as error:
        assert "different" in str(error)
        return
    for place in ("a.ch", "b.ch", "c.ch", "elsewhere.ch"):
        for kind, of_x in (("web_search", False), ("x_search", True)):
            own = [s for s in sources if (s["type"] == "x") == of_x]
            tool = next((t for t in tools if t["type"] == kind), None)
            assert (tool is None) == (not own)
            if tool is not None:
                fields = {**tool, **tool.get("filters", {})}
                allowed = fields.get("allowed_domains") or fields.get(
                    "allowed_x_handles"
                )
                barred = fields.get("excluded_domains") or fields.get(
                    "excluded_x_handles", []
                )
                now = (allowed is None or place in allowed) and place not in barred
                assert now == any(searched(s, place) for s in own)


# -- sent on ---------------------------------------------------------------------------


async def test_after_a_410_the_same_question_goes_to_the_server_s_tools() -> None:
    search = {"mode": "on", "sources": [W], "max_search_results": 5}
    with session(GONE, response(), response()) as s:
        with pytest.warns(RuntimeWarning) as caught:
            reply = await s.grok.ask(
                "Hi",
                system="Be brief.",
                search_parameters=search,
                max_tokens=50,
                temperature=0.5,
                reasoning_effort="low",
            )
        first, second = s.script.bodies
        assert paths(s) == ["/chat/completions", "/responses"]
        assert first["search_parameters"] == search
        assert second == {
            "model": "grok-4.7",
            "input": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
            ],
            "tools": [{"type": "web_search"}],
            "store": False,
            "max_output_tokens": 50,
            "temperature": 0.5,
            "reasoning": {"effort": "low"},
        }
        (warning,) = caught
        assert warning.filename == __file__
        for word in (
            "takes no search_parameters any more (410)",
            "a Responses request with web_search",
            'mode="on"',
            "max_search_results",
            "max_tokens bounds reasoning",
            'search="web"',
        ):
            assert word in str(warning.message)
        assert (reply.text, reply.reasoning) == (TEXT, SUMMARY)
        assert [c.url for c in reply.cited] == [URL]
        assert (reply.attempts, reply.attempts_in_doubt) == (2, 0)
        # one call, two attempts; the refused one cost nothing
        one, two = s.rows
        assert (one["state"], one["cost_usd"], one["http_status"]) == ("failed", 0, 410)
        assert (one["endpoint"], two["endpoint"]) == ("/chat/completions", "/responses")
        assert (two["state"], two["cost_source"]) == ("done", "reported")
        # the server is not asked the old way again, and what was said is not repeated
        await s.grok.ask("Hi", search_parameters=search, max_tokens=50, temperature=0.5)
        assert paths(s)[2:] == ["/responses"]


async def test_each_meaning_is_told_once_in_a_process() -> None:
    for search, is_new in (
        (SEARCH, True),
        (SEARCH, False),
        ({}, False),  # means the same
        ({"max_search_results": 3}, True),
        ({"max_search_results": 9}, False),
    ):
        with session(GONE, response()) as s, warnings.catch_warnings(record=True) as w:
            warnings.simplefilter("always")
            await s.grok.ask("Hi", search_parameters=search)
            assert [m.category for m in w] == [RuntimeWarning] * is_new


async def test_nothing_is_paid_where_the_warning_is_an_error() -> None:
    with session(GONE, response()) as s:
        for _ in range(2):
            live_search._told.clear()
            with pytest.raises(RuntimeWarning, match="search_parameters"):
                await s.grok.ask("Hi", search_parameters=SEARCH)
        assert paths(s) == ["/chat/completions"]


async def test_mode_off_is_asked_without_the_field() -> None:
    off = {"mode": "off", "sources": [W]}
    with session(GONE, completion(), completion()) as s:
        with pytest.warns(RuntimeWarning, match="asked without them"):
            reply = await s.grok.ask("Hi", search_parameters=off, seed=5)
        again = await s.grok.chat_completion(HELLO, search_parameters=off)
        assert (reply.text, again.raw["object"]) == ("42.", "chat.completion")
        assert paths(s) == ["/chat/completions"] * 3
        assert ["search_parameters" in body for body in s.script.bodies] == [
            *(True, False),
            False,
        ]
        assert s.script.bodies[1]["seed"] == 5


CANNOT: dict[str, tuple[Any, str]] = {
    "n": (2, "n"),
    "seed": (7, "seed"),
    "logit_bias": ({"5": 1}, "logit_bias"),
    "web_search_options": ({}, "web_search_options"),
}


@pytest.mark.parametrize("name", CANNOT)
async def test_options_that_responses_lack_are_an_error_that_names_them(
    name: str,
) -> None:
    value, said = CANNOT[name]
    with session(GONE) as s:
        for _ in range(2):
            with pytest.raises(BadRequest, match=f"^{said} does not go with") as caught:
                await s.grok.chat_completion(
                    HELLO, search_parameters=SEARCH, **{name: value}
                )
            assert f"Leave out {name}" in caught.value.hint
        assert paths(s) == ["/chat/completions"]


async def test_stop_is_an_error_where_a_model_takes_it() -> None:
    with session(GONE) as s:
        with pytest.raises(BadRequest, match=r"^stop does not go with"):
            await s.grok.ask(
                "Hi",
                model="grok-4.20-non-reasoning",
                stop="x",
                search_parameters=SEARCH,
            )
        assert len(s.rows) == 1


FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
SCHEMA = {"name": "s", "schema": {"type": "object"}, "strict": True}


@pytest.mark.filterwarnings("ignore:The server takes no search_parameters")
async def test_functions_formats_and_all_else_travel_in_their_new_form() -> None:
    same: dict[str, Any] = {
        "top_p": 0.5,
        "logprobs": True,
        "top_logprobs": 2,
        "parallel_tool_calls": False,
        "service_tier": "default",
        "prompt_cache_key": "k",
        "user": "u",
        "safety_identifier": "s",
    }
    with session(GONE, response()) as s:
        await s.grok.chat_completion(
            HELLO,
            search_parameters={"sources": [X]},
            n=1,
            tools=[{"type": "function", "function": FUNCTION}],
            tool_choice={"type": "function", "function": {"name": "f"}},
            response_format={"type": "json_schema", "json_schema": SCHEMA},
            **same,
        )
        assert s.script.bodies[1] == {
            "model": "grok-4.7",
            "input": HELLO,
            "store": False,
            "tools": [{"type": "x_search"}, {"type": "function", **FUNCTION}],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", **SCHEMA}},
            **same,
        }


# -- chat completions made of responses ------------------------------------------------

CALLED = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": '{"a": 1}',
}


@pytest.mark.filterwarnings("ignore:The server takes no search_parameters")
async def test_a_chat_completion_is_made_of_the_response() -> None:
    output = [*RESPONSE["output"], CALLED]
    with session(GONE, response(), response(output=output)) as s:
        made = await s.grok.chat_completion(HELLO, search_parameters=SEARCH)
        assert made.raw == RESPONSE
        assert (made.object, made.id) == ("chat.completion", RESPONSE["id"])
        assert (made.model, made.created) == ("grok-4.7", RESPONSE["created_at"])
        assert made.citations == [URL]
        (choice,) = made.choices or ()
        assert (choice.index, choice.finish_reason) == (0, "stop")
        assert choice.message is not None
        assert (choice.message.role, choice.message.content) == ("assistant", TEXT)
        assert choice.message.reasoning_content == SUMMARY
        assert choice.message.tool_calls is None
        usage = made.usage or {}
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (37, 530)
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 233
        assert (usage["total_tokens"], usage["cost_in_usd_ticks"]) == (800, 96_400_000)
        two = await s.grok.chat_completion(HELLO, search_parameters=SEARCH)
        (choice,) = two.choices or ()
        assert choice.finish_reason == "tool_calls"
        assert choice.message is not None
        (call,) = choice.message.tool_calls or ()
        assert call.id == "call_1"
        assert call.function is not None
        assert (call.function.name, call.function.arguments) == ("f", '{"a": 1}')


async def chunks_of(s: Any, **options: Any) -> tuple[list[Any], Any]:
    found, error = [], None
    try:
        async for made in s.grok.chat_completion_stream(
            HELLO, search_parameters=SEARCH, **options
        ):
            found.append(made)
    except GrokError as raised:
        error = raised
    return found, error


def put_together(chunks: list[Any], field: str) -> str:
    return "".join(
        getattr(choice.delta, field) or ""
        for made in chunks
        for choice in made.choices or ()
    )


@pytest.mark.filterwarnings("ignore:The server takes no search_parameters")
async def test_chunks_are_made_of_the_response_s_events() -> None:
    whole = sent(
        *EVENTS[:-1],
        {
            "type": "response.completed",
            "response": {**RESPONSE, "output": [*RESPONSE["output"], CALLED]},
        },
    )
    with session(GONE, streamed(RECORDED), whole, response()) as s:
        for number in range(3):
            chunks, error = await chunks_of(s)
            assert error is None
            assert {made.object for made in chunks} == {"chat.completion.chunk"}
            assert put_together(chunks, "content") == TEXT
            assert put_together(chunks, "reasoning_content") == SUMMARY
            roles = [c.delta.role for made in chunks for c in made.choices or ()]
            assert roles[0] == "assistant"
            assert set(roles[1:]) == {None}
            *_, last, bill = chunks
            calls = [c for made in chunks for c in made.choices or () if c.delta]
            called = [c for c in calls if c.delta.tool_calls]
            assert len(called) == (number == 1)
            assert last.choices[0].finish_reason == ("tool_calls" if called else "stop")
            assert last.citations == [URL]
            assert (bill.choices, bill.usage["completion_tokens"]) == ([], 530)
            if number < 2:
                assert {made.raw["type"] for made in chunks} <= {
                    event["type"] for event in EVENTS
                }
        assert s.script.bodies[1]["stream"] is True
        assert "stream_options" not in s.script.bodies[1]
        assert paths(s) == ["/chat/completions", *["/responses"] * 3]


@pytest.mark.filterwarnings("ignore:The server takes no search_parameters")
async def test_the_events_of_a_question_that_was_sent_on_and_one_that_breaks_off() -> (
    None
):
    half = RECORDED[: RECORDED.index(b"url_citation")]
    with session(GONE, streamed(RECORDED), streamed(half)) as s:
        events, reply = await s.collect(search_parameters=SEARCH)
        assert (reply.text, reply.state) == (TEXT, "done")
        assert [e.kind for e in events][-3:] == ["citation", "usage", "end"]
        chunks, error = await chunks_of(s)
        assert isinstance(error, StreamError)
        assert error.reply is not None
        assert error.reply.text == put_together(chunks, "content") == TEXT
        assert s.column("state") == ["failed", "done", "failed"]


async def test_other_refusals_and_other_questions_are_left_alone() -> None:
    with session(GONE, GONE) as s:
        with pytest.raises(Gone):  # nothing to translate
            await s.grok.ask("Hi")
        with pytest.raises(Gone):
            await s.grok.defer("Hi", search_parameters=SEARCH)
        assert not s.grok.live_search.is_gone
    with session(Answer(503), GONE, Answer(503), response()) as s:
        with pytest.warns(RuntimeWarning):
            reply = await s.grok.ask("Hi", search_parameters=SEARCH)
        assert (reply.text, reply.attempts) == (TEXT, 4)
    with session(GONE, GONE) as s, warnings.catch_warnings(record=True):
        with pytest.raises(Gone):
            await s.grok.ask("Hi", search_parameters=SEARCH)
        assert paths(s) == ["/chat/completions", "/responses"]  # and no further


# -- code that waits -------------------------------------------------------------------


class Waiting:
    """A `Grok` on a script, whose warnings are kept with their thread."""

    def __init__(self, *steps: Any) -> None:
        self.script = Script(*steps)
        self.grok = gn.Grok(
            api_key=KEY,
            base_url=BASE_URL,
            model="grok-4.7",
            store=":memory:",
            transport=self.script,
            clock=ManualClock(),
        )


WAYS: dict[str, tuple[Any, Any]] = {
    "ask": (response, lambda g: g.ask("Hi", search_parameters=SEARCH).text),
    "stream": (
        lambda: streamed(RECORDED),
        lambda g: "".join(
            e.delta
            for e in g.stream("Hi", search_parameters=SEARCH)
            if e.kind == "text"
        ),
    ),
    "chat_completion": (
        response,
        lambda g: (
            g.chat_completion(HELLO, search_parameters=SEARCH)
            .choices[0]
            .message.content
        ),
    ),
    "chat_completion_stream": (
        lambda: streamed(RECORDED),
        lambda g: put_together(
            list(g.chat_completion_stream(HELLO, search_parameters=SEARCH)), "content"
        ),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_thread_that_waits_is_told_before_anything_is_paid(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, ask = WAYS[way]
    waiting = Waiting(GONE, answer(), answer())
    told: list[tuple[threading.Thread, int]] = []

    def keep(*_: Any, **__: Any) -> None:
        told.append((threading.current_thread(), len(waiting.script.requests)))

    with waiting.grok as grok, warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", keep)
        assert ask(grok) == TEXT
        assert ask(grok) == TEXT
        assert told == [(threading.current_thread(), 1)]  # only the 410 had come
        sent_to = [r.url.path for r in waiting.script.requests]
        assert sent_to == ["/v1/chat/completions", *["/v1/responses"] * 2]
        assert len(grok.ledger.rows()) == 3


@pytest.mark.parametrize("way", WAYS)
def test_waiting_code_pays_nothing_where_the_warning_is_an_error(way: str) -> None:
    answer, ask = WAYS[way]
    waiting = Waiting(GONE, answer())
    with waiting.grok as grok:
        with pytest.raises(RuntimeWarning, match="search_parameters") as caught:
            ask(grok)
        assert caught.value.__cause__ is None
        assert len(waiting.script.requests) == 1
        # it was said: from now on it is just done
        assert ask(grok) == TEXT


def test_a_stream_that_was_not_begun_is_closed_without_a_request() -> None:
    waiting = Waiting(GONE, STALL)
    with waiting.grok as grok:
        stream = grok.stream("Hi", search_parameters=SEARCH)
        assert stream.reply.state == "stopped"
        stream.close()
        assert waiting.script.requests == []


async def test_a_broken_connection_on_the_way_is_tried_again() -> None:
    with session(
        httpx.ConnectError("x"), GONE, httpx.ConnectError("x"), response()
    ) as s:
        with pytest.warns(RuntimeWarning):
            reply = await s.grok.ask("Hi", search_parameters=SEARCH)
        assert reply.text == TEXT
        assert s.column("state") == ["failed", "failed", "failed", "done"]
