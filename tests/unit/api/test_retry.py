"""Which failures are tried again, how often, after what wait, and what is written down."""

from __future__ import annotations

import asyncio
import datetime
import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.retry import RETRIES, retry_after_s, wait_s
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    Forbidden,
    Gone,
    GrokError,
    InDoubt,
    NoCredit,
    NotFound,
    RateLimited,
    ServerFault,
    StreamError,
    TimedOut,
    Unauthorized,
)
from grok_nb.reply import RetryNotice

from ..support import (
    CHUNKS,
    HELLO,
    RECORDED,
    STALL,
    TEXT,
    Answer,
    completion,
    refusal,
    session,
    sse,
    streamed,
)

CREDIT = "Your team T has either used all available credits or reached its limit."
DOUBT, FAILED = ("in_doubt", "none"), ("failed", "none")

#: what happens -> (error, attempts, state and cost source of each failed row)
FAILURES: dict[str, tuple[Any, type[GrokError], int, tuple[str, str]]] = {
    "429": (refusal(429), RateLimited, 11, FAILED),
    "503": (refusal(503), ServerFault, 7, FAILED),
    "498": (refusal(498), ServerFault, 7, FAILED),
    "408": (refusal(408), GrokError, 7, FAILED),
    "409": (refusal(409), GrokError, 7, FAILED),
    "500": (refusal(500), ServerFault, 3, DOUBT),
    "502": (refusal(502), ServerFault, 3, DOUBT),
    "504": (refusal(504), ServerFault, 3, DOUBT),
    "524": (refusal(524), ServerFault, 3, DOUBT),
    "refused": (httpx.ConnectError("refused"), ConnectionFailed, 4, FAILED),
    "connect timeout": (httpx.ConnectTimeout("late"), ConnectionFailed, 4, FAILED),
    "proxy": (httpx.ProxyError("502 Bad Gateway"), ConnectionFailed, 4, FAILED),
    "proxy 407": (httpx.ProxyError("407"), ConnectionFailed, 1, FAILED),
    "read": (httpx.ReadError("reset"), ConnectionFailed, 3, DOUBT),
    "write": (httpx.WriteError("reset"), ConnectionFailed, 3, DOUBT),
    "protocol": (httpx.RemoteProtocolError("hm"), ConnectionFailed, 3, DOUBT),
    "body": (Answer(pieces=[b"{", httpx.ReadError("x")]), ConnectionFailed, 3, DOUBT),
    "400": (refusal(400), BadRequest, 1, FAILED),
    "400 key": (refusal(400, "Incorrect API key provided"), Unauthorized, 1, FAILED),
    "401": (refusal(401), Unauthorized, 1, FAILED),
    "403": (refusal(403), Forbidden, 1, FAILED),
    "403 credit": (refusal(403, CREDIT), NoCredit, 1, FAILED),
    "429 credit": (refusal(429, CREDIT), NoCredit, 1, FAILED),
    "404": (refusal(404), NotFound, 1, FAILED),
    "410": (refusal(410), Gone, 1, FAILED),
    "413": (refusal(413), BadRequest, 1, FAILED),
    "422": (refusal(422), BadRequest, 1, FAILED),
    "302": (refusal(302), ServerFault, 1, FAILED),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("stream", [True, False])
async def test_failures_are_repeated_as_often_as_they_may(
    name: str, stream: bool
) -> None:
    step, kind, attempts, (state, source) = FAILURES[name]
    with session(step) as s:
        with pytest.raises(GrokError) as caught:
            await (s.collect() if stream else s.grok.ask("Hi"))
        assert type(caught.value) is kind or kind is GrokError
        assert len(s.script.requests) == attempts == len(s.rows)
        assert len(s.clock.slept) == attempts - 1
        assert set(s.column("state")) == {state}
        assert set(s.column("cost_source")) == {source}
        cost = None if state == "in_doubt" else 0
        assert set(s.column("cost_usd")) == {cost}
        status = getattr(step, "status", None)
        assert set(s.column("http_status")) == {status}
        assert set(s.column("request_id")) == {"req-1" if status else None}
        assert all(type(caught.value).__name__ in e for e in s.column("error"))
        if attempts > 1:
            (note,) = [n for n in caught.value.__notes__ if "attempt" in n]
            assert f"attempt {attempts}" in note
            assert ("in doubt" in note) == (state == "in_doubt")


@pytest.mark.parametrize(
    ("name", "doubts"),
    [("429", 0), ("503", 0), ("refused", 0), ("500", 1), ("read", 1), ("body", 1)],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_retry_succeeds_and_says_what_is_in_doubt(
    name: str, doubts: int, stream: bool
) -> None:
    failure, _, _, (state, _) = FAILURES[name]
    good = streamed(RECORDED) if stream else completion()
    with session(failure, good) as s:
        reply = (await s.collect())[1] if stream else await s.grok.ask("Hi")
        assert (reply.state, reply.attempts) == ("done", 2)
        assert reply.attempts_in_doubt == doubts
        assert s.column("state") == [state, "done"]
        assert s.column("cost_source") == ["none", "reported"]
        first, second = s.script.requests
        assert first.content == second.content


async def test_every_request_is_written_down_before_it_leaves() -> None:
    seen = []
    with session(refusal(500)) as s:

        def look(_: httpx.Request) -> Answer:
            seen.append(s.column("state"))
            return refusal(500)

        s.script.load(look)
        with pytest.raises(ServerFault):
            await s.grok.ask("Hi")
    assert seen == [["in_doubt"] * n for n in (1, 2, 3)]


async def test_kinds_of_failures_are_counted_apart() -> None:
    steps = [refusal(500), refusal(429), refusal(500), refusal(503), completion()]
    with session(*steps) as s:
        reply = await s.grok.ask("Hi")
        assert (reply.attempts, reply.attempts_in_doubt) == (5, 2)
        assert s.column("state") == ["in_doubt", "failed"] * 2 + ["done"]


@pytest.mark.parametrize("name", ["500", "502", "504", "read", "body", "protocol"])
@pytest.mark.parametrize("stream", [True, False])
async def test_hold_sends_nothing_again_that_is_in_doubt(
    name: str, stream: bool
) -> None:
    with session(FAILURES[name][0], on_doubt="hold") as s:
        with pytest.raises(InDoubt, match="billed") as caught:
            await (s.collect() if stream else s.grok.ask("Hi"))
        assert isinstance(caught.value.__cause__, GrokError)
        assert "on_doubt" in caught.value.hint
        assert len(s.script.requests) == 1
        assert s.row["state"] == "in_doubt"
        assert s.clock.slept == []


async def test_hold_still_repeats_what_cannot_have_been_billed() -> None:
    steps = [refusal(429), refusal(503), httpx.ConnectError("no"), completion()]
    with session(*steps, on_doubt="hold") as s:
        assert (await s.grok.ask("Hi")).attempts == 4


async def test_a_stream_that_has_shown_text_is_never_begun_again() -> None:
    for end in ([], [httpx.ReadError("reset")], [sse({"error": "unavailable"})]):
        pieces = [sse(*CHUNKS[:1], done=False), *end]
        with session(streamed(pieces), streamed(RECORDED)) as s:
            _, error = await s.outcome()
            assert isinstance(error, StreamError)
            assert len(s.script.requests) == 1


async def test_a_stream_that_has_shown_nothing_is_begun_again() -> None:
    for pieces in ([], [b": hi\n\n"], [httpx.ReadError("x")], [sse({"error": "no"})]):
        with session(streamed(pieces), streamed(RECORDED)) as s:
            _, reply = await s.collect()
            assert (reply.text, reply.attempts_in_doubt) == (TEXT, 1)
            assert s.column("state") == ["in_doubt", "done"]


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "1500", "retry_after": "99"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "3"}, 3),
        # the clock begins at 07:28:00
        ({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT"}, 30),
        ({"retry_after": "Wed, 21 Oct 2026 07:00:00 GMT"}, 0),
        ({"retry_after": "0"}, 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 500])
async def test_retry_after_is_honoured(
    headers: dict[str, str], asked: float, status: int
) -> None:
    with session(refusal(status, **headers), completion()) as s:
        await s.grok.ask("Hi")
        (slept,) = s.clock.slept
        assert asked - 0.01 <= slept <= asked + min(1, 0.1 * asked + 0.05)


@pytest.mark.parametrize(
    "value",
    ["soon", "-1", "nan", "inf", "1e999", "", "Wed, 99 Oct", "1,5", "0x10", "[]"],
)
async def test_a_retry_after_of_nonsense_counts_as_none(value: str) -> None:
    with session(refusal(429, retry_after=value), completion()) as s:
        await s.grok.ask("Hi")
        (slept,) = s.clock.slept
        assert 0.25 <= slept <= 0.5


async def test_waits_double_and_are_jittered() -> None:
    with session(refusal(429)) as s:
        with pytest.raises(RateLimited):
            await s.grok.ask("Hi")
        expected = random.Random(0)
        steps = [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert s.clock.slept == [step * expected.uniform(0.5, 1) for step in steps]


async def test_a_wait_beyond_the_time_limit_is_not_begun() -> None:
    with session(refusal(429, retry_after="3700")) as s:
        with pytest.raises(RateLimited) as caught:
            await s.grok.ask("Hi")
        assert caught.value.retry_after_s == 3700
        assert s.clock.slept == []
        assert len(s.rows) == 1


async def test_the_time_limit_is_for_all_attempts_together() -> None:
    steps = [refusal(503, retry_after="0"), refusal(500, retry_after="0"), STALL]
    with session(*steps, timeout_s=0.2) as s:
        with pytest.raises(TimedOut) as caught:
            await s.grok.ask("Hi")
        assert "This was attempt 3, 2 of them in doubt." in caught.value.__notes__
        assert s.column("state") == ["failed", "in_doubt", "in_doubt"]


async def test_a_notice_comes_before_each_wait() -> None:
    notices: list[RetryNotice] = []
    with session(refusal(429, "Slow down."), refusal(500), completion()) as s:
        await s.grok.ask("Hi", on_retry=notices.append)
        assert [n.wait_s for n in notices] == s.clock.slept
    assert [n.attempt for n in notices] == [1, 2]
    assert "Slow down." in notices[0].reason
    assert "Trying again in" in str(notices[0])


async def test_a_notice_shows_no_key() -> None:
    from ..support import KEY

    notices: list[str] = []
    step = refusal(429, f"Too many requests of {KEY}")
    with session(step, completion()) as s:
        await s.grok.ask("Hi", on_retry=lambda notice: notices.append(repr(notice)))
    assert "Too many requests" in notices[0]
    assert KEY not in notices[0]


async def test_a_cancelled_wait_sends_nothing_more() -> None:
    with session(refusal(429), completion()) as s:
        task = asyncio.ensure_future(s.grok.ask("Hi"))
        s.clock.in_sleep = task.cancel
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(s.script.requests) == 1
        assert s.column("state") == ["failed"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("step", [STALL, streamed([STALL])])
async def test_a_cancelled_request_is_a_stopped_row(step: Any, stream: bool) -> None:
    with session(step) as s:
        sent = asyncio.Event()

        def arrived(_: httpx.Request) -> Any:
            sent.set()
            return step

        s.script.load(arrived)
        task = asyncio.ensure_future(s.collect() if stream else s.grok.ask("Hi"))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert s.row["state"] == "stopped"
        assert s.row["cost_source"] in ("none", "estimated")
        assert s.row["error"] is None


async def test_a_stop_while_a_stream_closes_still_ends_the_row() -> None:
    answer = streamed([sse(*CHUNKS[:3], done=False), STALL])
    with session(answer) as s:
        stream = s.grok.stream("Hi")
        closing = asyncio.Event()

        async def slow_close() -> None:
            closing.set()
            await asyncio.Event().wait()

        async for event in stream:
            if event.kind == "text":
                break
        answer.body.aclose = slow_close
        task = asyncio.ensure_future(stream.aclose())
        await closing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (stream.reply.state, stream.reply.text) == ("stopped", "Zürich ")
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")


async def test_a_listing_is_repeated_but_leaves_no_row() -> None:
    good = Answer(pieces=b'{"data": [{"id": "a"}]}')
    with session(refusal(503), refusal(429), httpx.ReadError("x"), good) as s:
        assert [m.id for m in await s.grok.models()] == ["a"]
        assert len(s.script.requests) == 4
        assert s.rows == []


async def test_raw_completions_are_repeated_too() -> None:
    with session(refusal(500), completion()) as s:
        reply = await s.grok.chat_completion(HELLO)
        assert reply.choices[0].message.content == "42."
        assert s.column("state") == ["in_doubt", "done"]


# -- the pure part ---------------------------------------------------------------------

NOW = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)


@given(
    st.text(max_size=30)
    | st.from_regex(r"[-+]?\d{1,30}(\.\d{0,5})?(e\d{1,5})?")
    | st.builds(
        "{}, {} {} {} {}:{}:{} {}".format,
        st.sampled_from(["Wed", "", "Mittwoch"]),
        st.integers(-1, 40) | st.integers(),
        st.sampled_from(["Oct", "oct", "13", ""]),
        st.integers(0, 9999) | st.integers(),
        st.integers(0, 99),
        st.integers(0, 99),
        st.integers(0, 99) | st.integers(),
        st.sampled_from(["GMT", "-0000", "+9999", "+99999999999", "PST", ""]),
    ),
)
def test_any_retry_after_is_read_or_counts_as_none(text: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after_s({name: text}, NOW)
        assert seconds is None or 0 <= seconds < float("inf")


@given(
    st.sampled_from(sorted(RETRIES)),
    st.integers(1, 12),
    st.none() | st.floats(0, 5000),
    st.floats(-10, 4000),
    st.integers(),
)
def test_a_wait_is_within_its_bounds(
    kind: Any, failures: int, asked: float | None, remaining: float, seed: int
) -> None:
    wait = wait_s(kind, failures, asked, remaining, random.Random(seed))
    if failures > RETRIES[kind]:
        assert wait is None
    elif wait is None:
        assert remaining <= (30 if asked is None else asked + 1)
    else:
        assert 0 <= wait < remaining
        assert wait <= 30 if asked is None else asked <= wait <= asked + 1
