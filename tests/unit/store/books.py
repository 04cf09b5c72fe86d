"""Rows to write, and scripts in processes of their own that write them.

Scripts import this file as ``books``.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import itertools
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from grok_nb.reply import CallRecord, Origin, Usage
from grok_nb.store.db import Store
from grok_nb.store.ledger import COLUMNS, Ledger

START = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
_numbers = itertools.count()


def record(name="", **changes):
    """Return an intent; its name is in ``run``."""
    origin = Origin(run=name, **changes.pop("origin", {}))
    made = {
        "id": os.urandom(16).hex(),
        "call": "call",
        "attempt": 1,
        "time": START + datetime.timedelta(milliseconds=next(_numbers)),
        "endpoint": "/chat/completions",
        "model": "grok-4.7",
        "request_key": "0" * 64,
    }
    return CallRecord(**(made | changes), origin=origin)


def done(row, **changes):
    usage = Usage(prompt_tokens=37, completion_tokens=297, reasoning_tokens=233)
    return dataclasses.replace(row, state="done", usage=usage, **changes)


async def book(ledger, *names):
    """Write whole rows, one after another."""
    for name in names:
        row = record(name)
        await ledger.intend(row)
        ledger.settle(done(row))


def book_all(ledger, *names):
    asyncio.run(book(ledger, *names))


def open_ledger(folder, **options):
    store = Store(str(folder), **options)
    return store, Ledger(store)


def column(ledger, name, where=None):
    position = list(COLUMNS).index(name)
    return [row[position] for row in ledger.rows(where)]


def states(ledger):
    run, state = (list(COLUMNS).index(name) for name in ("run", "state"))
    rows = ledger.rows()
    found = {row[run]: row[state] for row in rows}
    assert len(found) == len(rows), "a row is there twice"
    return found


def in_file(folder):
    """Return name -> state of the rows that the file holds."""
    path = Path(folder) / "grok_nb.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT run, state FROM calls").fetchall()
    assert len(dict(rows)) == len(rows), "a row is there twice"
    return dict(rows)


def eventually(look, wait_s=20):
    """Return the first true value; what is checked happens soon, not at once."""
    end = time.monotonic() + wait_s
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def names(prefix, count):
    return [f"{prefix}-{number}" for number in range(count)]


@contextlib.contextmanager
def enterable():
    """Make a folder that another user may enter: pytest's own are closed to all."""
    with tempfile.TemporaryDirectory() as name:
        try:
            yield Path(name)
        finally:
            Path(name).chmod(0o700)


# -- other processes --------------------------------------------------------------


def start(code, *arguments):
    """Start a script in another process; it has this module as ``books``."""
    script = "import sys; sys.path.insert(0, sys.argv.pop(1))\nimport books\n"
    return subprocess.Popen(
        [
            *(sys.executable, "-c", script + textwrap.dedent(code)),
            *(str(Path(__file__).parent), *map(str, arguments)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, code=0):
    """Wait for its end; return what it printed."""
    said, complained = process.communicate(timeout=60)
    assert process.returncode == code, complained
    return said


def run(code, *arguments, code_expected=0):
    return finish(start(code, *arguments), code_expected)


@contextlib.contextmanager
def locked(folder, setup=""):
    """Have another process hold the file exclusively."""
    holder = start(
        f"""
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        {setup}
        connection.execute("BEGIN EXCLUSIVE")
        print("locked", flush=True)
        sys.stdin.read()
        connection.execute("COMMIT")
        """,
        Path(folder) / "grok_nb.sqlite",
    )
    try:
        assert holder.stdout.readline() == "locked\n"
        yield
    finally:
        finish(holder)
