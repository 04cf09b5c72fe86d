"""A budget of the day, two processes on one ledger, and the sandbox's own bill."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from tests.support import bills, break_it, window

SPENDER = Path(__file__).with_name("spender.py")
FAULTS = [
    {"match": "POST /v1", "rate": 0.05, "do": "503", "retry_after": 0},
    {"match": "POST /v1", "rate": 0.05, "do": "500-after-billing"},
    {"match": "POST /v1", "rate": 0.05, "do": "reset-after-billing"},
    {"match": "POST /v1/chat", "rate": 0.05, "do": "cut-stream"},
]
TICKS = 1e10


def spend(
    sandbox: Sandbox, store: Path, *, seed: int, usd: float, kinds: str, how: str
) -> list[dict[str, Any]]:
    """Ask 200 questions from two processes; return what each of them saw."""
    running = [
        subprocess.Popen(
            [
                *(sys.executable, str(SPENDER), sandbox.base_url, sandbox.key),
                *(str(store), f"{seed + number}", "100", f"{usd}", kinds, how),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    said = [process.communicate(timeout=100)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    return [json.loads(text) for text in said]


def billed(sandbox: Sandbox) -> int:
    return sum(b["cost_in_usd_ticks"] or 0 for b in bills(sandbox) if b["billed"])


def own_output(sandbox: Sandbox, usd: float) -> int:
    """Return the ticks of output that was never bounded, of the largest eight calls.

    As many are in flight at the most: four threads in each of two processes.
    """
    found = []
    for bill in bills(sandbox):
        usage = bill["usage"] or {}
        details = usage.get("completion_tokens_details") or {}
        tokens = usage.get("completion_tokens", 0) + details.get("reasoning_tokens", 0)
        tokens += usage.get("output_tokens", 0)
        fees = usage.get("server_side_tool_usage_details") or {}
        found.append(tokens * 60_000 + sum(fees.values()) * 50_000_000)
    return sum(sorted(found)[-8:])


@pytest.fixture
def sandbox():
    with Sandbox() as server:
        break_it(server, *FAULTS)
        yield server


@pytest.mark.parametrize("seed", [1, 2])
def test_a_budget_of_bounded_calls_is_never_exceeded(sandbox, tmp_path, seed):
    usd = 0.35
    seen = spend(sandbox, tmp_path, seed=seed, usd=usd, kinds="bounded", how="held")
    assert billed(sandbox) <= usd * TICKS
    for one in seen:
        assert one["answered"] >= 5
        assert one["refused"] >= 5
        # what counts for the budget is never less than what was billed
        assert one["spent_usd"] <= usd
    assert billed(sandbox) <= max(one["spent_usd"] for one in seen) * TICKS + 1
    # most of it could be spent
    assert billed(sandbox) > 0.3 * usd * TICKS


def test_a_build_that_reserves_nothing_is_caught(sandbox, tmp_path):
    usd = 0.35
    spend(sandbox, tmp_path, seed=1, usd=usd, kinds="bounded", how="free")
    assert billed(sandbox) > usd * TICKS


@pytest.mark.parametrize("seed", [3, 4])
def test_what_goes_over_is_the_output_that_nothing_bounded(sandbox, tmp_path, seed):
    usd = 0.3
    seen = spend(sandbox, tmp_path, seed=seed, usd=usd, kinds="mixed", how="held")
    assert billed(sandbox) <= usd * TICKS + own_output(sandbox, usd)
    for one in seen:
        assert one["answered"] >= 5
        assert one["refused"] >= 5
    # after it was reached nothing is sent any more
    window(sandbox, "ledger", "DELETE")
    grok = gn.Grok(api_key=sandbox.key, base_url=sandbox.base_url, store=str(tmp_path))
    gn.budget(usd, per="day")
    try:
        with pytest.raises(gn.errors.BudgetExceeded):
            grok.generate_images("a fox", n=10)
    finally:
        gn.budget("off", per="day")
    assert bills(sandbox) == []
