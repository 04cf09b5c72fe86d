"""The ledger's file against what the sandbox received and billed."""

import contextlib
import datetime
import sqlite3
from collections import Counter
from pathlib import Path

from grok_nb.api.parameters import key_of

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
    {"do": "split", "bytes": 7, "rate": 0.05},
    {"do": "crlf", "rate": 0.05},
    {"do": "comments", "rate": 0.05},
    {"do": "stall", "rate": 0.02},
]
#: Seconds that a call may take in these tests.
TIMEOUT_S = 2.0
#: Faults after which the usage has not reached the client.
UNDELIVERED = {"cut-stream", "break-stream", "error-in-stream", "stall", "no-usage"}


def rows_in(folder):
    """Return the rows of the ledger's file as dicts, by their columns in the file."""
    path = Path(folder) / "grok_nb.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM calls")]


def posts_in(requests):
    """Return how often each request was received, by its key."""
    return Counter(
        key_of(request["path"].removeprefix("/v1"), request["body"])
        for request in requests
        if request["method"] == "POST"
    )


def were_cut_short(rows):
    """Return ids of rows whose answer may not have been read to its end.

    The client left it, its process was killed, or its call had no time left (whatever
    had come by then: on a busy machine that may be everything but the bill).
    """
    begun, found = {}, set()
    for row in sorted(rows, key=lambda row: row["attempt"]):
        time = datetime.datetime.fromisoformat(row["time"]).timestamp()
        begun.setdefault(row["call"], time)
        took_s = time + (row["latency_s"] or 0) - begun[row["call"]]
        is_late = took_s > TIMEOUT_S - 0.1
        if row["state"] == "stopped" or is_orphan(row) or is_late:
            found.add(row["id"])
    return found


def is_orphan(row):
    """Whether nobody wrote how the attempt ended: its process was killed."""
    return row["state"] == "in_doubt" and row["latency_s"] is None


def discrepancies(rows, bill, posts):
    """Compare rows with bill and requests; return what is wrong.

    Parameters
    ----------
    rows
        Of `rows_in`.
    bill
        ``calls`` of the sandbox's ledger.
    posts
        Of `posts_in`.
    """
    return [
        *_of_one_ledger(rows),
        *_of_attempts(rows, posts, bill),
        *_of_amounts(rows, bill),
    ]


def _of_one_ledger(rows):
    """Every attempt has one row, and none is missing before a later one."""
    for name in ("id", "request_id"):
        counts = Counter(row[name] for row in rows if row[name])
        yield from (f"twice {name} {value}" for value, n in counts.items() if n > 1)
    attempts = {}
    for row in rows:
        attempts.setdefault(row["call"], []).append(row["attempt"])
    for call, numbers in attempts.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"call {call} has the attempts {sorted(numbers)}"


def _of_attempts(rows, posts, bill):
    """Every request that was received has a row, and every other row admits it."""
    if len(bill) != posts.total():
        yield f"{posts.total()} requests, {len(bill)} in the sandbox's ledger"
    known = {item["request_id"] for item in bill}
    named, unnamed = Counter(), {}
    for row in rows:
        if row["request_id"]:
            named[row["request_key"]] += 1
            if row["request_id"] not in known:
                yield f"of a request that never was: {row}"
        else:
            unnamed.setdefault(row["request_key"], []).append(row)
    for key in posts.keys() | named.keys() | unnamed.keys():
        received, others = posts[key] - named[key], unnamed.get(key, [])
        if received > len(others):
            yield f"{received - len(others)} requests {key} have no row"
        # whoever was answered knows the status; whoever was not, may not say done
        unanswered = [r for r in others if r["http_status"] is None]
        for row in others:
            if row["state"] == "done" or row["cost_source"] == "reported":
                yield f"says more than it can know: {row}"
        if len(others) - len(unanswered) > max(received, 0):
            yield f"answers to requests {key} that were not received"


def _of_amounts(rows, bill):
    """What is reported is what was billed, and what was delivered is reported."""
    by_id = {row["request_id"]: row for row in rows if row["request_id"]}
    cut_short = were_cut_short(rows)
    lost = 0
    for item in bill:
        row = by_id.get(item["request_id"])
        is_whole = item["status"] == 200 and not item["closed_early"]
        is_undelivered = item["fault"] in UNDELIVERED
        delivered = item["billed"] and is_whole and not is_undelivered
        if row is None:
            lost += delivered
        elif not item["billed"]:
            if row["cost_source"] == "reported":
                yield f"claims a cost that was not billed: {row}"
        elif row["cost_source"] == "reported":
            if row["cost_ticks"] != item["cost_in_usd_ticks"]:
                yield f"another amount: {row} {item}"
            if row["completion_tokens"] != item["usage"]["completion_tokens"]:
                yield f"another usage: {row} {item}"
            if is_undelivered and item["stream"]:
                yield f"claims a usage that never arrived: {row} {item}"
        elif row["id"] in cut_short:
            continue
        elif delivered:
            yield f"usage was delivered, but not booked: {row} {item}"
        elif row["state"] == "done" and item["fault"] != "no-usage":
            yield f"says done without its usage: {row} {item}"
    unread = sum(row["id"] in cut_short for row in rows if not row["request_id"])
    if lost > unread:
        yield f"{lost} delivered without a row, {unread} not read to their end"
