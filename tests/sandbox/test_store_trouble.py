"""A ledger that cannot be written costs a warning, never a reply."""

import sqlite3
import threading

import pytest

import grok_nb as gn
from grok_nb.store.ledger import COLUMNS
from tests.support import eventually


def grok_on(sandbox, store):
    return gn.Grok(
        api_key=sandbox.key, base_url=sandbox.base_url, store=store, model="grok-4.7"
    )


def states(grok):
    return [row[list(COLUMNS).index("state")] for row in grok.ledger.rows()]


def test_unwritable_ledger_warns_once_and_keeps_the_reply(sandbox, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with grok_on(sandbox, tmp_path / "file" / "store") as grok:
        with pytest.warns(RuntimeWarning, match="ledger"):
            reply = grok.ask("What is 6*7?")
        assert "42" in reply.text
        # warnings are errors here: there is no second one
        assert "42" in grok.ask("What is 6*7?").text
        assert "5" in "".join(e.delta for e in grok.stream("Count to 5"))
        assert states(grok) == ["done"] * 3  # kept in memory


def test_damaged_ledger_is_set_aside_and_a_new_one_begun(sandbox, tmp_path):
    (tmp_path / "grok_nb.sqlite").write_bytes(b"SQLite format 3\0" + b"garbage" * 900)
    before = (tmp_path / "grok_nb.sqlite").read_bytes()
    with grok_on(sandbox, tmp_path) as grok:
        with pytest.warns(RuntimeWarning, match="set aside"):
            grok.ask("hi")
        assert states(grok) == ["done"]
    (aside,) = tmp_path.glob("grok_nb.sqlite.damaged-*")
    assert aside.read_bytes() == before


def test_locked_ledger_does_not_hold_up_stop_nor_lose_rows(sandbox, tmp_path):
    with grok_on(sandbox, tmp_path) as grok:
        grok.ask("hi")
        other = sqlite3.connect(tmp_path / "grok_nb.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.warns(RuntimeWarning, match="cannot be written now"):
            assert grok.ask("hi").state == "done"
        other.execute("ROLLBACK")
        other.close()
        grok.ask("hi")
        assert states(grok) == ["done"] * 3
    with sqlite3.connect(tmp_path / "grok_nb.sqlite") as look:
        found = eventually(
            lambda: look.execute("SELECT state FROM calls").fetchall()[2:]
        )
    look.close()
    assert found == [("done",)]


def test_two_sessions_share_one_ledger(sandbox, tmp_path):
    def work():
        with grok_on(sandbox, tmp_path) as grok:
            for _ in range(5):
                grok.ask("hi")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with grok_on(sandbox, tmp_path) as grok:
        assert states(grok) == ["done"] * 20
