"""What is on disk: measured, copied, and gone without a trace."""

import contextlib
import csv
import dataclasses
import datetime
import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.errors import GrokError
from grok_nb.store import file
from grok_nb.store.db import Store
from grok_nb.store.housekeeping import Choice, export, grouped, purge, sizes
from grok_nb.store.ledger import COLUMNS, Ledger

from .books import (
    START,
    book_all,
    done,
    enterable,
    finish,
    in_file,
    locked,
    names,
    open_ledger,
    record,
    start,
    states,
)

FILE = "grok_nb.sqlite"
CANARY = "canary-5a9db0c5"
ALL = Choice(everything=True)
DAY = datetime.timedelta(days=1)
LATER = START + 400 * DAY


def rows_of(folder, *rows):
    """Write settled rows: (name, notebook, days after the start, changes)."""
    store, ledger = open_ledger(folder)
    for name, notebook, days, changes in rows:
        row = record(name, origin={"notebook": notebook}, time=START + days * DAY)
        ledger.settle(dataclasses.replace(done(row), **changes))
    ledger.rows()
    store.close()


def on_disk(folder):
    # only where no other process has the file open: reading drops SQLite's locks
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def damaged(folder, stamp, text):
    path = folder / f"{FILE}.damaged-{stamp}"
    path.write_bytes(text)
    path.with_name(path.name + "-wal").write_bytes(text)
    return path


# -- sizes ------------------------------------------------------------------------


def test_nothing_stored_has_no_size_and_is_not_made(tmp_path):
    assert sizes(str(tmp_path / "none")) is None
    assert grouped(str(tmp_path), "month") == []
    assert purge(str(tmp_path), ALL, now=LATER).rows == {}
    assert list(tmp_path.iterdir()) == []


def test_sizes_count_rows_and_the_bytes_of_what_they_hold(tmp_path):
    rows_of(
        tmp_path,
        ("a", "one", 0, {"error": None}),
        ("b", "one", 31, {"error": "é" * 50}),
        ("c", None, 62, {"error": None}),
    )
    found = sizes(str(tmp_path))
    calls, deferred, turns, replies = found.tables
    assert (replies.name, replies.rows) == ("replies", 0)
    assert (deferred.name, deferred.rows) == ("deferred", 0)
    assert (turns.name, turns.rows) == ("turns", 0)
    assert (calls.name, calls.rows, calls.text_bytes) == ("calls", 3, 100)
    assert (calls.oldest[:10], calls.newest[:10]) == ("2026-11-01", "2027-01-02")
    assert found.disk_bytes == sum(p.stat().st_size for p in tmp_path.iterdir())
    assert found.set_aside == ()
    more = sizes(str(tmp_path)).tables[0].content_bytes
    by_notebook = {size.name: size for size in grouped(str(tmp_path), "notebook")}
    assert {name: size.rows for name, size in by_notebook.items()} == {
        "one": 2,
        None: 1,
    }
    assert sum(size.content_bytes for size in by_notebook.values()) == more
    months = grouped(str(tmp_path), "month")
    assert [size.name for size in months] == ["2026-11", "2026-12", "2027-01"]
    assert [size.text_bytes for size in months] == [0, 100, 0]
    assert [s.name for s in grouped(str(tmp_path), "run")] == ["a", "b", "c"]


def test_sizes_name_the_files_that_were_set_aside(tmp_path):
    path = damaged(tmp_path, 1_700_000_000_000_000_000, b"x" * 10)
    found = sizes(str(tmp_path))
    assert found.set_aside == ((path, 20),)
    assert found.tables == ()


def test_sizes_can_be_read_where_nothing_can_be_written():
    script = """
    import os, sys
    from grok_nb.store import housekeeping
    if os.geteuid() == 0:  # whom no permission stops
        os.setuid(65534)
    print(housekeeping.sizes(sys.argv[1]).tables[0].rows)
    """
    with enterable() as folder:
        rows_of(folder, ("a", "one", 0, {}))
        folder.chmod(0o555)
        assert finish(start(script, folder)) == "1\n"


# -- export -----------------------------------------------------------------------


def test_export_holds_every_row_and_column_as_it_is_stored(tmp_path):
    text = 'quote " comma, \n line\r\n and é🦊 \0 end'
    rows_of(
        tmp_path,
        ("a", "one", 0, {"error": text, "cost_ticks": 2**62}),
        ("b", "=1+1", 1, {"latency_s": 0.1}),
    )
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        cursor = connection.execute("SELECT * FROM calls ORDER BY time")
        columns = [column for column, *_ in cursor.description]
        stored = [dict(zip(columns, row, strict=True)) for row in cursor]
    lines = tmp_path / "out" / "a.jsonl"
    lines.parent.mkdir()
    assert export(str(tmp_path), lines) == 2
    read = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert read == [{"table": "calls"} | row for row in stored]
    table = tmp_path / "out" / "a.csv"
    assert export(str(tmp_path), table) == 2
    with table.open(newline="", encoding="utf-8") as opened:
        read = list(csv.DictReader(opened))
    as_text = [{k: "" if v is None else str(v) for k, v in r.items()} for r in stored]
    assert read == as_text
    assert sorted(p.name for p in lines.parent.iterdir()) == ["a.csv", "a.jsonl"]


def test_export_replaces_nothing_unless_told(tmp_path):
    rows_of(tmp_path, ("a", "one", 0, {}))
    target = tmp_path / "mine.jsonl"
    target.write_text("precious")
    with pytest.raises(GrokError, match="there already") as caught:
        export(str(tmp_path), target)
    assert "--force" in caught.value.hint
    assert target.read_text() == "precious"
    assert export(str(tmp_path), target, overwrite=True) == 1
    assert '"run": "a"' in target.read_text()


@pytest.mark.parametrize("name", ["a.parquet", "a", "a.xlsx"])
def test_export_says_what_it_can_write(tmp_path, name):
    with pytest.raises(GrokError, match=r"\.jsonl nor in \.csv"):
        export(str(tmp_path), tmp_path / name)


def test_export_that_fails_leaves_no_half_file(tmp_path):
    rows_of(tmp_path, *((f"{n}", "one", n, {}) for n in range(100)))
    script = """
    import pathlib, resource, sys
    from grok_nb.store import housekeeping
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    target = pathlib.Path(sys.argv[1]) / "out.jsonl"
    target.write_text("before")
    try:
        housekeeping.export(sys.argv[1], target, overwrite=True)
    except OSError as error:
        print(type(error).__name__, target.read_text())
    """
    assert finish(start(script, tmp_path)) == "OSError before\n"
    assert sorted(p.name for p in tmp_path.iterdir() if FILE not in p.name) == [
        "out.jsonl"
    ]


# -- purge ------------------------------------------------------------------------


def test_purge_needs_a_choice():
    with pytest.raises(ValueError, match="choose"):
        Choice()
    with pytest.raises(ValueError, match="choose"):
        Choice(everything=True, run="a")


notebooks = st.sampled_from([None, "", "one", "two"])
runs = st.sampled_from(["", "a", "b"])
days = st.integers(0, 6)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(runs, notebooks, days, st.sampled_from(["done", "in_doubt"]))
    ),
    older=st.none() | days,
    notebook=st.none() | st.sampled_from(["", "one", "three"]),
    run=st.none() | runs,
    today=st.integers(0, 8),
)
def test_purge_deletes_what_meets_every_condition_and_no_more(
    tmp_path_factory, rows, older, notebook, run, today
):
    folder = tmp_path_factory.mktemp("purge")
    everything = older is None and notebook is None and run is None
    rows_of(
        folder,
        *((name, book, day, {"state": state}) for name, book, day, state in rows),
    )
    now = START + today * DAY + datetime.timedelta(minutes=30)
    choice = Choice(
        older_than=None if older is None else START + older * DAY,
        notebook=notebook,
        run=run,
        everything=everything,
    )
    chosen = [
        row
        for row in rows
        if (older is None or row[2] < older)
        and (notebook is None or (row[1] or "") == notebook)
        and (run is None or row[0] == run)
    ]
    # in doubt, and not an hour old (or of the future: a clock was set back)
    young = [r for r in chosen if r[3] == "in_doubt" and r[2] >= today]
    flying = [] if everything else young
    would = purge(str(folder), choice, now=now, dry_run=True)
    assert would.rows.get("calls", 0) == len(chosen) - len(flying)
    assert would.in_flight == len(flying)
    if rows:
        assert would.freed_bytes == 0
        assert sizes(str(folder)).tables[0].rows == len(rows)
    did = purge(str(folder), choice, now=now)
    assert (did.rows, did.in_flight) == (would.rows, would.in_flight)
    if rows:
        store, ledger = open_ledger(folder)
        left = [*rows]
        for row in chosen:
            if row not in flying:
                left.remove(row)
        names_left = sorted((row[0], row[3]) for row in left)
        run_at, state_at = (list(COLUMNS).index(name) for name in ("run", "state"))
        assert sorted((r[run_at], r[state_at]) for r in ledger.rows()) == names_left
        store.close()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_purge_leaves_no_byte_behind_and_gives_the_space_back(tmp_path, mode):
    rows_of(
        tmp_path,
        *((f"{n}", "one", n % 9, {"error": f"{CANARY} {n}"}) for n in range(600)),
        *((f"k{n}", "two", n % 9, {"error": "kept"}) for n in range(5)),
    )
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
    store, ledger = open_ledger(tmp_path)  # a kernel has it open
    book_all(ledger, "open")
    assert len(states(ledger)) == 606
    assert on_disk(tmp_path).count(CANARY.encode()) >= 600
    before = sizes(str(tmp_path)).disk_bytes
    did = purge(str(tmp_path), Choice(notebook="one"), now=LATER)
    assert did.rows == {"calls": 600, "deferred": 0, "turns": 0, "replies": 0}
    assert did.is_given_back
    assert CANARY.encode() not in on_disk(tmp_path)
    assert b"kept" in on_disk(tmp_path)
    assert sizes(str(tmp_path)).disk_bytes == before - did.freed_bytes < before / 3
    # the kernel goes on
    book_all(ledger, "after")
    assert len(states(ledger)) == 7
    store.close()
    assert store.trouble() is None
    purge(str(tmp_path), ALL, now=LATER)
    assert in_file(tmp_path) == {}
    assert b"kept" not in on_disk(tmp_path)


def test_deleting_alone_would_leave_traces(tmp_path):
    """The search of the test above finds what a plain DELETE leaves."""
    rows_of(tmp_path, *((f"{n}", "one", n, {"error": CANARY}) for n in range(50)))
    store, ledger = open_ledger(tmp_path)
    states(ledger)
    with contextlib.closing(
        sqlite3.connect(tmp_path / FILE, isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("DELETE FROM calls")
        assert CANARY.encode() in on_disk(tmp_path)
    store.close()


def test_row_in_flight_is_kept_and_written_again_when_it_was_not(tmp_path):
    store, ledger = open_ledger(tmp_path)
    row = record("flying", time=START)
    ledger.settle(row)  # as an intent
    assert states(ledger) == {"flying": "in_doubt"}
    soon = START + datetime.timedelta(minutes=59)
    kept = purge(str(tmp_path), Choice(run="flying"), now=soon)
    assert (kept.rows["calls"], kept.in_flight) == (0, 1)
    purge(str(tmp_path), ALL, now=soon)
    assert in_file(tmp_path) == {}
    ledger.settle(done(row))
    assert states(ledger) == {"flying": "done"}
    late = START + datetime.timedelta(minutes=61)
    ledger.settle(record("old", time=START))
    states(ledger)
    assert purge(str(tmp_path), Choice(run="old"), now=late).rows["calls"] == 1
    store.close()


def test_purge_of_all_or_of_old_ones_takes_damaged_files_along(tmp_path):
    rows_of(tmp_path, ("a", "one", 0, {}))
    old, new = (int((START + n * DAY).timestamp() * 1e9) for n in (1, 9))
    damaged(tmp_path, old, CANARY.encode())
    damaged(tmp_path, new, CANARY.encode())
    did = purge(str(tmp_path), Choice(run="a"), now=LATER)
    assert (len(did.set_aside), len(did.set_aside_kept)) == (0, 2)
    did = purge(str(tmp_path), Choice(older_than=START + 5 * DAY), now=LATER)
    assert [path.name for path in did.set_aside] == [f"{FILE}.damaged-{old}"]
    assert [path.name for path in did.set_aside_kept] == [f"{FILE}.damaged-{new}"]
    assert CANARY.encode() in on_disk(tmp_path)
    did = purge(str(tmp_path), ALL, now=LATER)
    assert [path.name for path in did.set_aside] == [f"{FILE}.damaged-{new}"]
    assert CANARY.encode() not in on_disk(tmp_path)
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name] == []


def test_file_that_is_locked_for_long_is_left_alone(tmp_path):
    rows_of(tmp_path, ("a", "one", 0, {}))
    with locked(tmp_path), pytest.raises(GrokError, match="locked") as caught:
        purge(str(tmp_path), ALL, now=LATER, patience_ms=100)
    assert "try again" in caught.value.hint
    assert in_file(tmp_path) == {"a": "done"}


def test_somebody_who_reads_all_the_time_delays_the_last_traces(tmp_path):
    rows_of(tmp_path, ("a", "one", 0, {"error": CANARY}))
    with contextlib.closing(
        sqlite3.connect(tmp_path / FILE, isolation_level=None)
    ) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM calls").fetchall()
        did = purge(str(tmp_path), ALL, now=LATER, patience_ms=100)
        assert (did.rows["calls"], did.is_given_back) == (1, False)
        assert CANARY.encode() in on_disk(tmp_path)
        reader.execute("COMMIT")
        did = purge(str(tmp_path), ALL, now=LATER, patience_ms=100)
        assert (did.rows["calls"], did.is_given_back) == (0, True)
        assert CANARY.encode() not in on_disk(tmp_path)


def test_damaged_file_is_said_to_be_so(tmp_path):
    (tmp_path / FILE).write_bytes(b"This is no database. " * 500)
    for look in (sizes, lambda folder: purge(folder, ALL, now=LATER)):
        with pytest.raises(GrokError, match="not a database") as caught:
            look(str(tmp_path))
        assert "sets it aside" in caught.value.hint


def test_every_table_is_declared():
    """A table that is added to the file can be seen, exported and purged."""
    store = Store(":memory:")
    Ledger(store)
    there = store.read(
        lambda c: {
            name
            for (name,) in c.execute(
                "SELECT name FROM sqlite_schema WHERE type='table'"
            )
        }
    )
    # sums hold no text, and what is purged was paid for all the same; claims are of now
    assert there - {"spent", "claims"} == {table.name for table in file.TABLES}
    store.close()


def test_purge_while_several_processes_write_takes_nothing_else(tmp_path):
    script = """
    import sys
    store, ledger = books.open_ledger(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    books.book_all(ledger, *books.names(sys.argv[2], 150))
    """
    rows_of(tmp_path, *((f"old-{n}", "old", n, {}) for n in range(300)))
    processes = [start(script, tmp_path, letter) for letter in "ab"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    gone = 0
    for day in range(0, 301, 30):
        choice = Choice(notebook="old", older_than=START + day * DAY)
        gone += purge(str(tmp_path), choice, now=LATER).rows["calls"]
    for process in processes:
        finish(process)
    assert gone == 300
    expected = {name for letter in "ab" for name in names(letter, 150)}
    assert in_file(tmp_path) == dict.fromkeys(expected, "done")
