"""2,000 calls of three processes on one ledger, one of them killed on the way.

To repeat a run that failed: ``GROK_NB_SOAK_SEED=... pytest tests/sandbox/test_soak.py``.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.sandbox.reconcile import (
    FAULTS,
    discrepancies,
    is_orphan,
    posts_in,
    rows_in,
    were_cut_short,
)
from tests.sandbox.soak_client import AT_ONCE
from tests.support import bills, break_it, eventually, requests

#: For a machine that is busy with other things: 20 s of processor time are enough.
pytestmark = pytest.mark.timeout(240)
ROOT = Path(__file__).parents[2]
CALLS = 2000
#: Calls of the victim before it is killed.
KILLED_AFTER = 300


def start(sandbox, folder, name, seed, count):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_NB_"))
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.sandbox.soak_client"),
            *(sandbox.base_url, sandbox.key, str(folder), name, seed, str(count)),
        ],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    said, complained = process.communicate(timeout=200)
    assert (process.returncode, complained) == (0, "")
    return said


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    """Rows, bill, and number of each request, after everything has ended."""
    seed = os.environ.get("GROK_NB_SOAK_SEED") or str(random.randrange(10**9))
    print(f"GROK_NB_SOAK_SEED={seed}")
    folder = tmp_path_factory.mktemp("soak")
    share = CALLS // 3 + 1
    with Sandbox() as sandbox:
        break_it(
            sandbox,
            *({"match": "POST /v1/chat", "seed": int(seed), **f} for f in FAULTS),
        )
        processes = [start(sandbox, folder, name, seed, share) for name in "abc"]
        victim = processes.pop()
        ended = 0
        while ended < KILLED_AFTER:
            ended = int(victim.stdout.readline() or victim.communicate()[1])
        victim.send_signal(signal.SIGKILL)
        processes.append(start(sandbox, folder, "d", seed, share - ended))
        assert victim.wait(10) == -signal.SIGKILL
        victim.communicate()
        for process in processes:
            finish(process)
        eventually(lambda: all(item["done"] for item in bills(sandbox)))
        yield rows_in(folder), bills(sandbox), posts_in(requests(sandbox))


def test_nothing_is_lost_and_nothing_is_claimed(soak):
    rows, bill, posts = soak
    assert discrepancies(rows, bill, posts) == []
    assert len({row["call"] for row in rows}) >= CALLS
    billed = {item["request_id"]: item["cost_in_usd_ticks"] for item in bill}
    reported = [row for row in rows if row["cost_source"] == "reported"]
    assert sum(row["cost_ticks"] for row in reported) == sum(
        billed[row["request_id"]] for row in reported
    )
    # what the killed process had in flight, and nothing else, has no end
    orphans = [row for row in rows if is_orphan(row)]
    assert 1 <= len(orphans) <= AT_ONCE
    # the run met what it is about
    assert {row["state"] for row in rows} == {"done", "stopped", "failed", "in_doubt"}
    assert {row["cost_source"] for row in rows} == {"reported", "estimated", "none"}
    assert {fault["do"] for fault in FAULTS} <= {item["fault"] for item in bill}
    assert any(str(row["error"]).startswith("TimedOut") for row in rows)
    assert max(row["attempt"] for row in rows) >= 3
    assert len({row["model"] for row in rows}) >= 3
    assert len(reported) > CALLS / 3


def test_the_comparison_would_have_noticed(soak):
    rows, bill, posts = soak
    dice = random.Random(5)

    def one(condition):
        return dice.choice([row for row in rows if condition(row)])

    def without(row):
        return [other for other in rows if other is not row]

    def changed(row, **changes):
        return [*without(row), row | changes]

    billed = {item["request_id"]: item["cost_in_usd_ticks"] for item in bill}
    cut_short = were_cut_short(rows)
    reported = one(
        lambda row: row["cost_source"] == "reported" and row["id"] not in cut_short
    )
    doubtful = one(lambda row: row["state"] == "in_doubt" and row["request_id"])
    unanswered = one(lambda row: row["state"] == "in_doubt" and not row["request_id"])
    cut = one(
        lambda row: (
            row["cost_source"] == "estimated"
            and billed.get(row["request_id"]) not in (None, row["cost_ticks"])
        )
    )
    never = {"call": "other", "attempt": 1, "request_key": "0" * 64}
    for row in dice.sample(rows, 50):  # whichever row is lost
        assert discrepancies(without(row), bill, posts) or may_not_have_been_sent(
            row, rows, posts
        )
    for wrong in (
        changed(reported, cost_ticks=reported["cost_ticks"] + 1),
        changed(reported, completion_tokens=reported["completion_tokens"] + 1),
        changed(reported, cost_source="estimated"),
        changed(doubtful, cost_source="reported", cost_ticks=1),
        changed(unanswered, cost_source="reported", cost_ticks=1),
        changed(unanswered, state="done"),
        changed(cut, cost_source="reported"),
        [*rows, reported],
        [*rows, reported | {"id": "f" * 32}],
        [*rows, reported | {"id": "f" * 32, "request_id": "never", **never}],
        [*rows, unanswered | {"id": "f" * 32, "http_status": 200, **never}],
    ):
        assert discrepancies(wrong, bill, posts)


def may_not_have_been_sent(row, rows, posts):
    """Whether the sandbox cannot have known of this attempt, the last of its call."""
    key = row["request_key"]
    known = Counter(other["request_key"] for other in rows)[key]
    return row["http_status"] is None and known > posts[key]
