"""The books agree with the bill, request by request, to the tick."""

import random
import threading

import pytest

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from grok_nb.store.ledger import COLUMNS
from tests.support import bills, break_it, eventually, requests

#: What goes wrong, each for a share of the requests.
FAULTS = [
    {"do": "429", "rate": 0.06},
    {"do": "503", "rate": 0.06},
    {"do": "500", "rate": 0.03},
    {"do": "500-after-billing", "rate": 0.05},
    {"do": "502-after-billing", "rate": 0.03},
    {"do": "reset", "rate": 0.04},
    {"do": "reset-after-billing", "rate": 0.05},
    {"do": "cut-stream", "rate": 0.06},
    {"do": "break-stream", "rate": 0.06},
    {"do": "error-in-stream", "rate": 0.04},
    {"do": "no-usage", "rate": 0.04},
    {"do": "json-error-on-200", "rate": 0.03},
    {"do": "garbage", "rate": 0.02},
    {"do": "html", "rate": 0.02},
    {"do": "empty", "rate": 0.02},
    {"do": "split", "bytes": 3, "rate": 0.05},
    {"do": "crlf", "rate": 0.05},
    {"do": "comments", "rate": 0.05},
    {"do": "stall", "rate": 0.02},
]
#: Faults after which the usage has not reached the client.
UNDELIVERED = {"cut-stream", "break-stream", "error-in-stream", "stall", "no-usage"}


def ticks(cost_usd):
    return None if cost_usd is None else round(cost_usd * 1e10)


def discrepancies(rows, bill):
    """Compare the ledger's rows with the sandbox's bill; return what is wrong."""
    wrong = []
    by_id = {row["request_id"]: row for row in rows if row["request_id"]}
    unnamed = [row for row in rows if not row["request_id"]]
    lost = 0
    for item in bill:
        row = by_id.get(item["request_id"])
        if not item["billed"]:
            if row and row["cost_source"] == "reported":
                wrong.append(f"claims a cost that was not billed: {row}")
            continue
        delivered = (
            item["status"] == 200
            and not item["closed_early"]
            and item["fault"] not in UNDELIVERED
        )
        if row is None:
            lost += 1
            if delivered:
                wrong.append(f"billed, delivered, and no row: {item}")
        elif row["cost_source"] == "reported":
            if ticks(row["cost_usd"]) != item["cost_in_usd_ticks"]:
                wrong.append(f"another amount: {row} {item}")
            if row["completion_tokens"] != item["usage"]["completion_tokens"]:
                wrong.append(f"another usage: {row} {item}")
        elif delivered and row["state"] != "stopped":  # else: sent, but not read
            wrong.append(f"usage was delivered, but not booked: {row} {item}")
        elif row["state"] == "done" and item["fault"] != "no-usage":
            wrong.append(f"says done without its usage: {row} {item}")
    doubtful = [r for r in unnamed if r["state"] in ("in_doubt", "stopped", "failed")]
    if lost > len(doubtful):
        wrong.append(f"{lost} bills have no row, {len(doubtful)} rows have no id")
    named = {item["request_id"] for item in bill}
    wrong += [
        f"reported by nobody: {row}"
        for row in rows
        if row["cost_source"] == "reported" and row["request_id"] not in named
    ]
    return wrong


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
            timeout_s=2,
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
    names = list(COLUMNS)
    return [dict(zip(names, row, strict=True)) for row in ledgers[0].rows()]


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
        yield rows, bills(sandbox), requests(sandbox)


def test_books_agree_with_the_bill(run):
    rows, bill, sent = run
    assert discrepancies(rows, bill) == []
    posts = [r for r in sent if r["method"] == "POST"]
    assert len(rows) == len(posts)
    # the run met what it is about
    assert {row["state"] for row in rows} == {"done", "stopped", "failed", "in_doubt"}
    assert {row["cost_source"] for row in rows} == {"reported", "estimated", "none"}
    assert {f["do"] for f in FAULTS} <= {item["fault"] for item in bill}

    # and the comparison would have noticed
    reported = next(r for r in rows if r["cost_source"] == "reported")
    others = [r for r in rows if r is not reported]
    assert discrepancies(others, bill)
    assert discrepancies([*others, reported | {"cost_usd": 0.5}], bill)
    doubtful = next(r for r in rows if r["state"] == "in_doubt" and r["request_id"])
    rest = [r for r in rows if r is not doubtful]
    assert discrepancies([*rest, doubtful | {"cost_source": "reported"}], bill)
    assert discrepancies([r for r in rows if r["request_id"]], bill)


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
