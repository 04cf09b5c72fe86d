"""The pace: never over a limit in any window, and nearly all of it used."""

from __future__ import annotations

import asyncio
import bisect
import random

import pytest

from grok_nb.api.pacer import Pacer
from tests.unit.support import ManualClock


class Ahead(ManualClock):
    """A clock on which waiting takes no time."""

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


def most_in(times: list[float], window_s: float) -> int:
    """Return the largest number of times in any half-open window."""
    most, first = 0, 0
    for last, time in enumerate(times):
        while times[first] <= time - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("rpm", [1, 7, 60, 481, 9_000])
async def test_requests_keep_to_the_limit_in_every_window(rpm: int) -> None:
    clock = Ahead()
    pacer = Pacer(clock)
    pacer.limit(rpm, None)
    times = []
    for _ in range(min(3 * rpm, 3_000) + 1):
        await pacer.admit(10)
        times.append(clock.monotonic())
    assert most_in(times, 60) <= rpm
    assert most_in(times, 1) <= -(-rpm // 60)
    rate = (len(times) - 1) / (times[-1] - times[0]) * 60
    assert rate >= 0.97 * rpm


async def test_tokens_keep_to_the_limit_in_every_window() -> None:
    clock, chance = Ahead(), random.Random(1)
    pacer = Pacer(clock)
    pacer.limit(None, 10_000)
    sent = []
    for _ in range(2_000):
        tokens = chance.randrange(1, 400)
        spent = await pacer.admit(tokens)
        clock.time += 0.01
        used = tokens + chance.randrange(0, 100)
        pacer.settle(spent, used)
        sent.append((spent[0], used))
    for first, (begin, _) in enumerate(sent):
        end = bisect.bisect_left(sent, (begin + 60, 0))
        # what an answer has beyond the guess comes after it was admitted
        assert sum(used for _, used in sent[first:end]) <= 10_000
    rate = sum(used for _, used in sent) / (sent[-1][0] - sent[0][0]) * 60
    assert rate >= 0.93 * 10_000


async def test_limits_are_learned_and_refusals_waited_for() -> None:
    clock = Ahead()
    pacer = Pacer(clock)
    pacer.learn({"x-ratelimit-limit-requests": "30", "x-ratelimit-limit-tokens": "x"})
    assert (pacer.rpm, pacer.tpm) == (30, None)
    pacer.limit(20, 500)  # the user's own, where it is less
    assert (pacer.rpm, pacer.tpm) == (20, 500)
    pacer.throttled("Requests per Minute (actual/limit): 2/2.", 5.0)
    assert pacer.rpm == 20  # the header is surer
    begun = clock.monotonic()
    await pacer.admit(1)
    assert clock.monotonic() - begun >= 5
    pacer.throttled("Tokens per Minute (actual/limit): 700/600.", None)
    assert pacer.tpm == 500
    pacer.limit(None, None)
    assert pacer.tpm == 600
    other = Pacer(clock)
    other.throttled("Requests per Second (actual/limit): 3/2.", None)
    assert other.rpm == 120


async def test_many_refusals_at_once_are_one() -> None:
    clock = Ahead()
    pacer = Pacer(clock)
    for _ in range(64):
        pacer.throttled("Too many requests.", None)
    begun = clock.monotonic()
    await pacer.admit(1)
    assert clock.monotonic() - begun <= 1
