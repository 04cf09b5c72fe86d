"""The books agree with the bill, request by request, to the tick."""

import random
import threading

import pytest

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from tests.sandbox.reconcile import FAULTS, TIMEOUT_S, discrepancies, posts_in, rows_in
from tests.support import bills, break_it, eventually, requests


def one_call(grok, number, dice):
    """Ask in one of several ways; what fails, fails as a GrokError."""
    prompt = f"Call {number}. Count to {dice.randint(1, 60)}"
    model = dice.choice(["grok-4.7", "grok-4.3", "grok-4.20-non-reasoning"])
    try:
        way = dice.randrange(4)
        if way == 0:
            grok.ask(prompt, model=model)
        elif way == 1:
            grok.chat_completion([{"role": "user", "content": prompt}], model)
        elif way == 2:
            for _ in grok.stream(prompt, model=model):
                pass
        else:
            events = dice.randint(0, 30)
            with grok.stream(prompt, model=model) as stream:
                for _ in zip(range(events), stream, strict=False):
                    pass
    except gn.GrokError:
        pass


def mixed_calls(sandbox, folder, clock, count, seed):
    def work(part):
        dice = random.Random(f"{seed}-{part}")
        grok = gn.Grok(
            api_key=sandbox.key,
            base_url=sandbox.base_url,
            store=folder,
            timeout_s=TIMEOUT_S,
            clock=clock,
            jitter=dice,
        )
        with grok:
            for number in range(count // 4):
                one_call(grok, f"{part}-{number}", dice)
        ledgers.append(grok.ledger)

    ledgers = []
    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledgers[0].rows()  # after all writes
    return rows_in(folder)


@pytest.fixture
def run(tmp_path, quick_clock):
    """Rows and bill of a run of mixed calls with every kind of fault."""
    with Sandbox() as sandbox:
        faults = [
            {"match": "POST /v1/chat", "seed": n, **f} for n, f in enumerate(FAULTS)
        ]
        break_it(sandbox, *faults)
        rows = mixed_calls(sandbox, str(tmp_path), quick_clock, 240, seed=1)
        eventually(lambda: all(item["done"] for item in bills(sandbox)))
        yield rows, bills(sandbox), posts_in(requests(sandbox))


def test_books_agree_with_the_bill(run):
    rows, bill, posts = run
    assert discrepancies(rows, bill, posts) == []
    assert len(rows) == posts.total()
    # the run met what it is about
    assert {row["state"] for row in rows} == {"done", "stopped", "failed", "in_doubt"}
    assert {row["cost_source"] for row in rows} == {"reported", "estimated", "none"}
    assert {f["do"] for f in FAULTS} <= {item["fault"] for item in bill}

    # and the comparison would have noticed
    reported = next(r for r in rows if r["cost_source"] == "reported")
    others = [r for r in rows if r is not reported]
    assert discrepancies(others, bill, posts)
    assert discrepancies([*others, reported | {"cost_ticks": 5}], bill, posts)
    doubtful = next(r for r in rows if r["state"] == "in_doubt" and r["request_id"])
    rest = [r for r in rows if r is not doubtful]
    assert discrepancies([*rest, doubtful | {"cost_source": "reported"}], bill, posts)
    assert discrepancies([r for r in rows if r["request_id"]], bill, posts)


def test_stream_that_is_left_is_billed_in_part(sandbox, tmp_path):
    with (
        gn.Grok(
            api_key=sandbox.key, base_url=sandbox.base_url, store=":memory:"
        ) as grok,
        grok.stream("Count to 20000", model="grok-4.7") as stream,
    ):
        for event in stream:
            if event.kind == "text":
                break
    assert stream.reply.state == "stopped"
    (item,) = eventually(lambda: [b for b in bills(sandbox) if b["done"]])
    assert item["closed_early"]
    assert item["usage"]["completion_tokens"] < 40_000
    (row,) = grok.ledger.rows()
    assert "stopped" in row
    assert "estimated" in row
