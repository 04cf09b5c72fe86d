"""Budgets, ``max_cost`` and estimates: what is refused, what is cut, what counts."""

from __future__ import annotations

import asyncio
import datetime
import math
import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

import grok_nb as gn
from grok_nb import limits
from grok_nb.errors import BadRequest, BudgetExceeded, ConfigError
from grok_nb.limits import Limit, ticks_of
from grok_nb.reply import CallRecord, Origin

from .support import (
    CHUNKS,
    MODEL,
    STALL,
    USAGE,
    chunk,
    completion,
    delta,
    refusal,
    session,
    sse,
    streamed,
)

TICKS = USAGE["cost_in_usd_ticks"]
USD = TICKS / 1e10
PLAIN = "grok-4.20-non-reasoning"


@pytest.fixture(autouse=True)
def _no_limits() -> Iterator[None]:
    yield
    limits._plain.clear()
    assert limits._blocks == []


async def refused(made: Any, **options: Any) -> BudgetExceeded:
    sent, rows = len(made.script.requests), len(made.rows)
    with pytest.raises(BudgetExceeded) as caught:
        await made.grok.ask("Hi", **options)
    assert len(made.script.requests) == sent
    assert len(made.rows) == rows
    return caught.value


async def test_a_session_may_spend_so_much_and_no_more():
    with session(completion()) as made:
        await made.grok.ask("Hi")  # before it was set: it counts, too
        gn.budget(2.5 * USD + 0.001)
        await made.grok.ask("Hi", max_tokens=5)
        error = await refused(made)
        assert error.limit_usd == pytest.approx(2.5 * USD + 0.001)
        assert error.spent_usd == pytest.approx(2 * USD)
        assert error.would_cost_usd > 0.001
        assert error.per == "session"
        assert "may well cost $0.00" in f"{error}"
        assert "for the session" in f"{error}"
        gn.budget(1)
        await made.grok.ask("Hi")
        gn.budget("off")
        await made.grok.ask("Hi")


async def test_zero_refuses_all_that_costs():
    with session(completion()) as made:
        gn.budget(0)
        await refused(made, max_tokens=1, model=PLAIN)
        with pytest.raises(BudgetExceeded):
            await made.grok.generate_images("a fox")
        with pytest.raises(BudgetExceeded):
            await made.grok.chat_completion([{"role": "user", "content": "Hi"}])
        with pytest.raises(BudgetExceeded):
            await made.grok.respond("Hi", max_output_tokens=1)
        assert made.script.requests == []


@pytest.mark.parametrize(
    "usd", [-1, -0.0001, math.nan, math.inf, True, "five", [5], None, 1e300, 10**400]
)
def test_no_amount_is_refused_and_changes_nothing(usd):
    gn.budget(3)
    if usd is not None:
        with pytest.raises(ConfigError, match="must be an amount of USD"):
            gn.budget(usd)
    assert limits.plain("session").ticks == ticks_of(3, "")
    with pytest.raises(BadRequest, match="per must be"):
        gn.budget(1, per="week")


@pytest.mark.parametrize("cost", [0, -1, math.nan, math.inf, True, "x", [1]])
async def test_no_cost_of_a_question_is_refused(cost):
    with session(completion()) as made:
        with pytest.raises(BadRequest, match="max_cost must be"):
            await made.grok.ask("Hi", max_cost=cost)
        assert made.script.requests == []


async def test_blocks_hold_inside_and_count_from_their_first_call():
    with session(completion()) as made:
        await made.grok.ask("Hi")
        outer = gn.budget(1)
        with gn.budget(USD + 0.004) as inner, gn.budget(0.5):
            await made.grok.ask("Hi", max_tokens=5)
            error = await refused(made)
            assert "for this block" in f"{error}"
            assert inner.limit_usd < outer.limit_usd
        assert limits.plain("session").ticks == ticks_of(1, "")
        await made.grok.ask("Hi")
        with pytest.raises(ZeroDivisionError), gn.budget(0):
            raise ZeroDivisionError
        await made.grok.ask("Hi")


async def test_a_block_counts_what_is_asked_in_it_and_nothing_else():
    with session(completion()) as made:

        async def spends(usd: float, of: gn.Budget) -> None:
            ticks = made.grok.ledger.spent(of._limit, "2026-10-21")
            assert ticks == pytest.approx(usd * 1e10)

        await made.grok.ask("Hi")
        with gn.budget(1) as outer:
            await made.grok.ask("Hi")
            with gn.budget(1) as inner, gn.budget(1, per="day") as day:
                await made.grok.ask("Hi")
                await spends(USD, inner)
                await spends(3 * USD, day)
            await made.grok.ask("Hi")
            await spends(3 * USD, outer)
        await made.grok.ask("Hi")
        with gn.budget(1) as later:
            await spends(0, later)
        assert made.grok.ledger.spent(Limit(0), "2026-10-21") == 5 * TICKS


async def test_another_attempt_that_no_budget_allows_is_refused():
    with session(refusal(500), completion()) as made:
        gn.budget(0.01)
        with pytest.raises(BudgetExceeded) as caught:
            await made.grok.ask("Hi", max_tokens=3_000, model=PLAIN)
        assert len(made.script.requests) == 1
        assert any("Attempt 1 failed" in note for note in caught.value.__notes__)
        assert made.column("state") == ["in_doubt"]


async def test_a_setting_is_a_budget_and_a_call_wins(monkeypatch):
    monkeypatch.setenv("GROK_NB_BUDGET_USD", "0.00001")
    with session(completion()) as made:
        await refused(made)
        gn.budget(1)
        await made.grok.ask("Hi")
        gn.budget("off")
        await refused(made)
    for wrong in ("-1", "nan", "five"):
        monkeypatch.setenv("GROK_NB_BUDGET_USD", wrong)
        with pytest.raises(ConfigError, match=r"budget_usd \(GROK_NB_BUDGET_USD\)"):
            gn.AsyncGrok(api_key="xai-x")


async def test_a_day_is_that_of_the_clock_whichever_way_it_jumps():
    with session(completion()) as made:
        gn.budget(USD + 0.001, per="day")
        begin = made.clock.time
        await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
        await refused(made)
        made.clock.time = begin + 86_400  # midnight has passed
        await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
        await refused(made)
        made.clock.time = begin + 10  # back: that day is spent already
        error = await refused(made)
        assert "for the day" in f"{error}"


async def test_a_call_over_midnight_counts_for_the_day_it_began():
    with session(completion()) as made:
        gn.budget(USD + 0.001, per="day")
        start = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)
        midnight = datetime.datetime(2026, 10, 22, tzinfo=datetime.UTC)
        begin = (midnight - start).total_seconds()
        made.clock.time = begin - 1
        step = made.script.steps[0]

        def late(request: Any) -> Any:
            made.clock.time = begin + 1
            return step

        made.script.load(late)
        await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
        days = made.grok.store.read(
            lambda c: c.execute("SELECT day, ticks FROM spent").fetchall()
        )
        assert days == [("2026-10-21", TICKS)]
        await made.grok.ask("Hi", max_tokens=5, model=PLAIN)


async def test_calls_at_the_same_time_reserve_what_they_could_cost():
    with session(STALL) as made:
        gn.budget(0.002)
        tasks = [
            asyncio.ensure_future(made.grok.ask("Hi", max_tokens=100, model=PLAIN))
            for _ in range(20)
        ]
        for _ in range(1_000):  # until each is refused or sent
            if sum(t.done() for t in tasks) + len(made.script.requests) == 20:
                break
            await asyncio.sleep(0.01)
        under_way = len(made.script.requests)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(end, BudgetExceeded) for end in ends) == 20 - under_way
        assert 1 <= under_way < 10


async def test_doubt_counts_as_much_as_it_could_have_cost():
    with session(refusal(500), completion(), on_doubt="hold") as made:
        gn.budget(0.002)
        for _ in range(20):
            try:
                await made.grok.ask("Hi", max_tokens=100, model=PLAIN)
            except BudgetExceeded:
                break
            except gn.GrokError:
                made.script.load(refusal(500))
        else:
            raise AssertionError
        assert set(made.column("state")) == {"in_doubt"}
        assert 1 <= len(made.rows) < 10


async def test_what_was_refused_by_the_server_counts_nothing():
    with session(refusal(400)) as made:
        gn.budget(0.002)
        for _ in range(20):
            with pytest.raises(BadRequest):
                await made.grok.ask("Hi", max_tokens=100, model=PLAIN)
        spent = made.grok.ledger.spent(Limit(0), "2026-10-21")
        assert spent == 0


async def test_a_model_without_a_price_is_refused_under_a_budget():
    with session(completion()) as made:
        await made.grok.ask("Hi", model="grok-unheard-of")
        gn.budget(5)
        error = await refused(made, model="grok-unheard-of")
        assert "what grok-unheard-of costs is not known" in f"{error}"


async def test_max_cost_holds_for_all_requests_of_a_question():
    def double(x: int) -> int:
        return 2 * x

    function = {"name": "double", "arguments": '{"x": 1}'}
    call = {"id": "c", "type": "function", "function": function}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    with session(completion(choices=[choice])) as made:
        options = {"tools": [double], "max_tokens": 5, "model": PLAIN}
        with pytest.raises(BudgetExceeded) as caught:
            await made.grok.ask("Hi", **options, max_cost=2.05 * USD)
        assert len(made.script.requests) == 2
        assert caught.value.per == "question"
        assert "for this question" in f"{caught.value}"
        reply = caught.value.reply
        assert (reply.state, reply.cost_ticks) == ("failed", 2 * TICKS)
        await refused(made, max_cost=1e-6)
        reply = await made.grok.ask("Hi", max_cost=1)
        assert reply.state == "done"


def long_stream(tokens: int) -> Any:
    pieces = [sse(chunk(delta(content="word ")), done=False) for _ in range(tokens)]
    return streamed([*pieces, sse(*CHUNKS)])


@pytest.mark.parametrize("how", ["max_cost", "session", "day"])
async def test_a_stream_that_nothing_bounds_is_cut_where_the_money_ends(how):
    answer = long_stream(20_000)
    with session(answer) as made:
        options = {"max_cost": 0.01} if how == "max_cost" else {}
        if how != "max_cost":
            gn.budget(0.01, per=how)
        reply, error = await made.outcome(model=MODEL, **options)
        assert isinstance(error, BudgetExceeded)
        assert "The answer was ended" in f"{error}"
        assert (reply.state, error.reply.state) == ("stopped", "stopped")
        words = len(reply.text.split())
        assert 1_000 < words < 2_000
        assert answer.body.closed
        assert answer.body.sent < 2_000
        assert made.row["state"] == "stopped"
        assert made.row["cost_usd"] < 0.01
        if how != "max_cost":
            await refused(made, model=MODEL)


async def test_a_bounded_stream_is_never_cut():
    with session(long_stream(500)) as made:
        _, error = await made.outcome(model=PLAIN, max_tokens=600, max_cost=0.01)
        assert error is None


async def test_what_goes_over_is_said_once():
    with session(completion(usage={**USAGE, "cost_in_usd_ticks": 10**9})) as made:
        gn.budget(0.05)
        with pytest.warns(RuntimeWarning, match=r"went over the budget of \$0.0500"):
            await made.grok.ask("Hi")
        await refused(made)


async def test_what_a_model_was_seen_to_need_is_reserved():
    with session(completion()) as made:
        first = await refused(made, max_cost=1e-6)
        await made.grok.ask("Hi")
        then = await refused(made, max_cost=1e-6)
        # 530 + 233 tokens of output were seen; 1,000 are likely of one never asked
        price = 60_000 / 1e10
        assert first.would_cost_usd - then.would_cost_usd == pytest.approx(
            (1_000 - 763) * price
        )


async def test_what_was_spent_stays_spent_when_rows_are_purged(tmp_path):
    with session(completion(), store=str(tmp_path)) as made:
        await made.grok.ask("Hi")
        made.grok.store.read(lambda _: None)
        made.grok.store.read(lambda c: c.execute("DELETE FROM calls"))
        assert made.rows == []
        gn.budget(0.000001)
        await refused(made)
        assert made.grok.ledger.spent(Limit(0), "2026-10-21") == TICKS


async def test_rows_of_an_older_file_count_for_their_day(tmp_path):
    with session(completion(), store=str(tmp_path)) as made:
        await made.grok.ask("Hi")
        made.grok.store.read(lambda _: None)
    connection = sqlite3.connect(tmp_path / "grok_nb.sqlite")
    connection.executescript(
        "DROP TABLE replies; DROP TABLE claims; DROP TRIGGER calls_insert; DROP TRIGGER calls_update; DROP TABLE spent;"
        "DROP INDEX IF EXISTS spent_session;"
        "ALTER TABLE calls DROP COLUMN session;"
        "ALTER TABLE calls DROP COLUMN reserved_ticks; PRAGMA user_version=4;"
    )
    connection.close()
    with session(completion(), store=str(tmp_path)) as made:
        gn.budget(USD + 0.0001, per="day")
        await refused(made)
        assert made.grok.ledger.spent(Limit(0, "day"), "2026-10-21") == TICKS


@pytest.mark.parametrize("usd", [1, 0.004])
async def test_a_file_that_cannot_be_written_disables_no_budget(tmp_path, usd):
    with session(completion(), store=str(tmp_path)) as made:
        await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
        made.grok.store.read(lambda _: None)
        holder = sqlite3.connect(tmp_path / "grok_nb.sqlite", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        made.grok.store._whole_patience_ms = made.grok.store._patience_ms = 50
        gn.budget(usd)
        if usd == 1:
            with pytest.warns(RuntimeWarning, match="cannot be written now"):
                await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
        else:
            with pytest.raises(BudgetExceeded), pytest.warns(RuntimeWarning):
                await made.grok.ask("Hi", max_tokens=5, model=PLAIN)
            assert len(made.script.requests) == 1
        holder.execute("ROLLBACK")
        holder.close()
        made.grok.store.read(lambda _: None)
        spent = made.grok.ledger.spent(Limit(0), "2026-10-21")
        assert spent == (2 if usd == 1 else 1) * TICKS


def test_a_forked_child_is_another_session():
    ours = limits.session()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, limits.session().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    assert ours == limits.session()
    assert theirs
    assert theirs != ours


async def test_counting_in_python_and_in_sql_agree():
    with session(STALL) as made:
        rows = []
        for number, (state, cost, source, reserved, cached) in enumerate(
            (state, cost, source, reserved, cached)
            for state in ("in_doubt", "done", "stopped", "failed")
            for cost in (None, 0, 7)
            for source in ("reported", "computed", "estimated", "none")
            for reserved in (None, 5, 9)
            for cached in (False, True)
        ):
            record = CallRecord(
                id=f"{number}",
                call=f"{number}",
                attempt=1,
                time=made.clock.now(),
                endpoint="/chat/completions",
                model=MODEL,
                origin=Origin(),
                request_key="k",
                reserved_ticks=reserved,
            )
            rows.append(record)
            await made.grok.ledger.intend(record)
            record.state, record.cost_ticks = state, cost
            record.cost_source, record.cached = source, cached
            made.grok.ledger.settle(record)
        spent = made.grok.ledger.spent(Limit(0), "2026-10-21")
    assert spent == sum(limits.counted(record) for record in rows)


def test_an_estimate_sends_nothing(tmp_path):
    with gn.sandbox(store=tmp_path) as box:
        free = gn.estimate("What is 6*7?")
        assert (free.is_bounded, free.high_usd, free.left_usd) == (False, None, None)
        assert free.low_usd < free.expected_usd
        tight = gn.estimate("What is 6*7?", max_tokens=10, model=PLAIN)
        assert tight.is_bounded
        assert tight.most_output_tokens == 10
        assert tight.low_usd < tight.expected_usd < tight.high_usd
        assert "at most 10 of output" in repr(tight)
        assert tight.fits
        gn.budget(0.00001)
        poor = gn.estimate("What is 6*7?", max_tokens=10, model=PLAIN)
        assert (poor.fits, poor.left_usd) == (False, pytest.approx(0.00001))
        assert "it would be refused" in poor._repr_mimebundle_()["text/plain"]
        assert [r for r in box.requests() if r["method"] == "POST"] == []
        gn.budget("off")
        reply = gn.ask("What is 6*7?", max_tokens=10, model=PLAIN)
        assert tight.low_usd <= reply.cost_usd <= tight.high_usd
        with pytest.raises(BadRequest, match="takes a prompt"):
            gn.estimate([1])


def test_a_budget_shows_itself(tmp_path):
    with gn.sandbox(store=tmp_path):
        assert repr(gn.budget()).startswith("No budget is set. Spent in this session")
        gn.ask("What is 6*7?")
        budget = gn.budget(5)
        assert 0 < budget.spent_usd < 0.01
        assert budget.left_usd == pytest.approx(5 - budget.spent_usd)
        said = gn.budget()._repr_mimebundle_()["text/plain"]
        assert "Budget: $5.00 per session." in said
        assert "Left: $" in said
