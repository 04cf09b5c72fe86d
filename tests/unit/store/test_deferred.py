"""Deferred requests on disk: in sizes, exports and purges, and never purged too early."""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import sqlite3

from grok_nb.store import db, file
from grok_nb.store.deferred import _BOOKED, DeferredRequests, DeferredRow, iso
from grok_nb.store.housekeeping import Choice, export, grouped, purge, sizes

from .books import START, book_all, open_ledger, run

HOUR = datetime.timedelta(hours=1)
BODY = b'{"choices": "canary-5a9db0c5 \xc3\xa9"}'


def row(name, hours=0, **changes):
    made = {
        "id": name,
        "time": iso(START + hours * HOUR),
        "request_id": f"request-{name}",
        "base_url": "http://grok.invalid/v1",
        "model": "grok-4.7",
        "request_key": "0" * 64,
        "run": name,
        "notebook": "one",
    }
    return DeferredRow(**(made | changes))


def kept_in(folder, *rows):
    store = db.Store(str(folder))
    kept = DeferredRequests(store)
    for one in rows:
        kept.add(one)
    kept.rows()
    store.close()


def ids(folder):
    with contextlib.closing(sqlite3.connect(folder / "grok_nb.sqlite")) as connection:
        return [i for (i,) in connection.execute("SELECT id FROM deferred ORDER BY id")]


def test_they_are_counted_with_the_text_that_they_hold(tmp_path):
    kept_in(tmp_path, row("a"), row("b", 1, state="done", body=BODY))
    found = {size.name: size for size in sizes(str(tmp_path)).tables}["deferred"]
    assert (found.rows, found.text_bytes) == (2, len(BODY))
    assert [s.name for s in grouped(str(tmp_path), "run")] == ["a", "b"]
    assert [(s.name, s.rows) for s in grouped(str(tmp_path), "notebook")] == [
        ("one", 2)
    ]


def test_they_are_exported_as_they_are(tmp_path):
    kept_in(
        tmp_path, row("a", state="done", body=BODY), row("b", body=b"\xff{", hours=1)
    )
    assert export(str(tmp_path), tmp_path / "out.jsonl") == 2
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    one, two = map(json.loads, lines)
    assert (one["table"], one["request_id"]) == ("deferred", "request-a")
    assert one["body"] == BODY.decode()
    assert two["body"] == "\\xff{"


def test_a_result_that_can_still_be_fetched_is_not_purged(tmp_path):
    states = ("pending", "in_doubt", "done", "gone", "received")
    rows = [
        row(s, state=s, body=BODY if s in ("done", "received") else None)
        for s in states
    ]
    kept_in(tmp_path, *rows)
    now = START + 23 * HOUR
    choice = Choice(notebook="one")
    did = purge(str(tmp_path), choice, now=now)
    assert (did.rows["deferred"], did.in_flight) == (3, 2)
    assert ids(tmp_path) == ["in_doubt", "pending"]
    later = START + 25 * HOUR  # the server has them no more
    assert purge(str(tmp_path), choice, now=later).rows["deferred"] == 2
    kept_in(tmp_path, row("new", 25))
    assert (
        purge(str(tmp_path), Choice(everything=True), now=later).rows["deferred"] == 1
    )


def test_what_was_purged_meanwhile_is_booked_all_the_same(tmp_path):
    store, ledger = open_ledger(tmp_path)
    kept = DeferredRequests(store)
    asked = row("a")
    kept.add(asked)
    kept.receive(dataclasses.replace(asked, state="received", body=BODY))
    found = dict.fromkeys(_BOOKED)
    kept.book(
        asked,
        {
            **found,
            "model": "grok-4.7",
            "state": "done",
            "tool_calls": 0,
            "cost_ticks": 7,
            "cost_source": "reported",
        },
    )
    (booked,) = ledger.rows()
    assert "reported" in booked
    assert "done" in booked
    assert store.trouble() is None
    store.close()


def test_a_file_from_before_gets_the_table_and_keeps_its_rows(tmp_path):
    path = tmp_path / "grok_nb.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        file.MIGRATIONS[0](connection)  # as it was released
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")
    kept = DeferredRequests(store)
    kept.add(row("a"))
    assert len(kept.rows()) == 1
    assert len(ledger.rows()) == 1
    store.close()


def test_every_way_to_the_file_knows_all_tables(tmp_path):
    # one that knew fewer would call the file "written by a newer grok_nb"
    for module in ("db", "housekeeping"):
        said = run(
            f"""
            for name in [n for n in sys.modules if n.startswith("grok_nb")]:
                del sys.modules[name]
            import grok_nb.store.{module}
            from grok_nb.store import file
            print([table.name for table in file.TABLES], len(file.MIGRATIONS))
            """
        )
        assert said == "['calls', 'deferred', 'turns', 'replies'] 6\n", module


def test_the_newest_request_of_this_host_is_found_first(tmp_path):
    kept_in(
        tmp_path,
        row("old", request_id="r", state="done", body=BODY),
        row("new", 1, request_id="r"),
        row("other", 2, request_id="r", base_url="http://other.invalid/v1"),
    )
    store = db.Store(str(tmp_path))
    kept = DeferredRequests(store)

    async def find(*arguments):
        return await kept.find(*arguments)

    assert asyncio.run(find("r", "http://grok.invalid/v1")).id == "new"
    assert asyncio.run(find("r", "http://nowhere.invalid/v1")).id == "other"
    assert asyncio.run(find("x", "http://grok.invalid/v1")) is None
    store.close()
