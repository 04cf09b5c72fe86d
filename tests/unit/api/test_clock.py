"""A clock that jumps, back and forward: calls end, rows stay true."""

from __future__ import annotations

import datetime
import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.errors import RateLimited
from grok_nb.notebook.live import Live
from grok_nb.reply import Choice, Reply

from ..support import (
    RECORDED,
    TEXT,
    ManualClock,
    completion,
    refusal,
    session,
    streamed,
)

HOUR, DAY, YEARS = 3600.0, 86400.0, 30 * 365 * 86400.0
START = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)


class JumpingClock(ManualClock):
    """Wall clock and counter each jump with every look, by what is written."""

    def __init__(self, wall: list[float], counter: list[float]) -> None:
        super().__init__()
        self._wall, self._counter = list(wall), list(counter)
        self._now, self._monotonic = 0.0, 0.0
        self.told: list[datetime.datetime] = []

    def now(self) -> datetime.datetime:
        # never twice the same: a row is known by its time and its id
        self._now = (self._wall.pop(0) if self._wall else self._now) + 1e-5
        self.told.append(START + datetime.timedelta(seconds=self._now))
        return self.told[-1]

    def monotonic(self) -> float:
        self._monotonic = self._counter.pop(0) if self._counter else self._monotonic
        return self._monotonic


jumps = st.lists(st.floats(-YEARS, YEARS), max_size=12)


@given(wall=jumps, counter=jumps, stream=st.booleans())
@settings(max_examples=60, deadline=None)
async def test_call_is_whole_whatever_the_clock_does(
    wall: list[float], counter: list[float], stream: bool
) -> None:
    clock = JumpingClock(wall, counter)
    last = streamed(RECORDED) if stream else completion()
    with session(refusal(503), refusal(500), last, clock=clock) as s:
        if stream:
            assert (await s.collect())[1].text == TEXT
        else:
            assert (await s.grok.ask("Hi")).text == "42."
        assert len(s.script.requests) == 3
        assert sorted(s.column("state")) == ["done", "failed", "in_doubt"]
        done = next(row for row in s.rows if row["state"] == "done")
        assert done["cost_source"] == "reported"
        for row in s.rows:
            assert datetime.datetime.fromisoformat(row["time"]) in clock.told
            for span in ("latency_s", "ttft_s"):  # unknown, but never below nothing
                assert row[span] is None or row[span] >= 0


@pytest.mark.parametrize("by", [-YEARS, -HOUR, HOUR, YEARS])
async def test_retry_after_date_is_read_by_the_clock_as_it_is(by: float) -> None:
    """A date that the wrong clock puts in the past or far away is no endless wait."""
    date = email.utils.format_datetime(START + datetime.timedelta(seconds=2), True)
    refused = refusal(429, retry_after=date)
    with session(refused, completion(), clock=JumpingClock([0, by], [])) as s:
        if by < 0:  # later than the call may take: told, not waited for
            with pytest.raises(RateLimited) as raised:
                await s.grok.ask("Hi")
            assert raised.value.retry_after_s == pytest.approx(2 - by, abs=1)
            assert s.column("state") == ["failed"]
        else:
            assert (await s.grok.ask("Hi")).text == "42."
            assert s.column("state") == ["failed", "done"]


@pytest.mark.parametrize("back", [False, True])
async def test_day_of_a_call_is_that_of_its_beginning(back: bool) -> None:
    midnight = DAY - (7 * HOUR + 28 * 60)
    before, after = midnight - 1, midnight + 1
    wall = [after, before] if back else [before, after]
    with session(completion(), clock=JumpingClock(wall, [])) as s:
        await s.grok.ask("Hi")
        await s.grok.ask("Hi")
        days = [row["time"][:10] for row in s.rows]
        # rows are in the order of the clock, whichever came first
        assert days == ["2026-10-21", "2026-10-22"]
        assert s.column("cost_usd") == [0.00464] * 2


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_display_goes_on_after_a_jump(jump: float) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            shown.append(bundle["text/plain"])

    def show(bundle: dict[str, str], **_: object) -> Handle:
        shown.append(bundle["text/plain"])
        return Handle()

    clock = JumpingClock([], [0, 0, jump, jump, jump + 1, jump + 1, jump + 2])
    live = Live(show, clock)
    live.begin(Reply())
    for number in range(4):
        reply = Reply(choices=(Choice(text=f"{number}"),))
        live.update(lambda reply=reply: reply, 1)
        live.idle(lambda reply=reply: reply)
    assert "3" in shown
