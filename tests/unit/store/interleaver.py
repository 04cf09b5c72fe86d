"""Operations on one ledger by several threads: a process of `test_interleavings.py`.

The process reads an order a line: folder, kind of writer, its name, and a list of steps
for each thread. It answers with a line for each step that was done, and one with what
went wrong.

A thread owns its rows: names begin with its own name, which is their notebook. So what
must be there in the end does not depend on who was faster; see `expected`.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import os
import sqlite3
import sys
import threading
from pathlib import Path

from grok_nb.errors import GrokError
from grok_nb.store.db import Store
from grok_nb.store.housekeeping import Choice, purge
from grok_nb.store.ledger import COLUMNS, Ledger

from .books import START, done, eventually, in_file, record

#: Milliseconds that a writer waits for the file; short, so that rows must be kept.
PATIENCE_MS = 50
STATES = ("done", "stopped", "failed")
#: SQLite forbids that a connection crosses a fork, also one that only looks.
NO_FORK = threading.Lock()
LATER = START + datetime.timedelta(days=365)


class Forgetful(Store):
    """What a naive writer does: rows that cannot be written now are gone."""

    def _commit(self):
        with contextlib.suppress(sqlite3.OperationalError):
            if self._backlog:
                self._commit_all()
        self._tell()
        self._backlog.clear()


class Doubling(Ledger):
    """Writes the end of an attempt as a row of its own."""

    def settle(self, record):
        super().settle(dataclasses.replace(record, id=os.urandom(16).hex()))


class FirstWord(Ledger):
    """Lets the first state of a row win."""

    def settle(self, record):
        super().settle(dataclasses.replace(record, state="in_doubt"))


WRITERS = {
    "ours": (Store, Ledger),
    "forgetful": (Forgetful, Ledger),
    "doubling": (Store, Doubling),
    "first word": (Store, FirstWord),
}


def expected(steps, rows=None):
    """Return name -> state of the rows that a thread's steps leave: the plain model."""
    rows = {} if rows is None else rows
    for step, *rest in steps:
        if step == "intend":
            rows[rest[0]] = "in_doubt"
        elif step == "end":
            rows[rest[0]] = rest[1]
        elif step == "fork":
            rows[rest[0]] = "done"
        elif step == "purge":
            for name in [n for n, state in rows.items() if state != "in_doubt"]:
                del rows[name]
        elif step == "purge old":
            rows.clear()
    return rows


class Worker:
    """One thread's work on the process's store."""

    def __init__(self, name, folder, store, ledger):
        self.name, self.folder = name, folder
        self.store, self.ledger = store, ledger
        self.records = {}
        self.rows = {}

    def run(self, steps, say):
        for step in steps:
            getattr(self, "_" + step[0].replace(" ", "_"))(*step[1:])
            expected([step], self.rows)
            say("step")

    def is_on_disk(self, beginning=""):
        """Whether the file holds this thread's rows, or one of them."""
        beginning = beginning or self.name
        self.ledger.rows()  # tries to write what could not be written
        found = {}
        if (Path(self.folder) / "grok_nb.sqlite").exists():
            # OperationalError: it is still being made
            with NO_FORK, contextlib.suppress(sqlite3.OperationalError):
                found = in_file(self.folder)
        return {n: s for n, s in found.items() if n.startswith(beginning)} == self.rows

    def _intend(self, name):
        row = record(name, origin={"notebook": self.name})
        self.records[name] = row
        asyncio.run(self.ledger.intend(row))

    def _end(self, name, state):
        self.ledger.settle(dataclasses.replace(done(self.records[name]), state=state))

    def _read(self):
        run, state = (list(COLUMNS).index(name) for name in ("run", "state"))
        found = self.ledger.rows({"notebook": self.name})
        known = {row[run]: row[state] for row in found}
        assert len(known) == len(found), f"{self.name} reads a row twice"
        assert known == self.rows, f"{self.name} reads {known}, wrote {self.rows}"

    def _close(self):
        self.store.close()

    def _fork(self, name):
        with NO_FORK:
            child = os.fork()
        if child == 0:
            code = 1
            try:
                self._intend(name)
                self._end(name, "done")
                # of its own row only: those that the parent still has in memory are
                # written by the parent, which waits
                self.rows = {name: "done"}
                eventually(lambda: self.is_on_disk(name))
                self.store.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0, f"{name}: the child failed"

    def _purge(self, now=START):
        """Purge this thread's rows; those in doubt are young, and stay."""
        eventually(self.is_on_disk)  # what is still in memory cannot be purged
        eventually(lambda: self._is_purged(now))

    def _purge_old(self):
        self._purge(LATER)

    def _is_purged(self, now):
        choice = Choice(notebook=self.name)
        try:
            purge(self.folder, choice, now=now, patience_ms=PATIENCE_MS)
        except GrokError:  # somebody else has the file
            return False
        return True


def work_off(order, say):
    """Do all steps of an order, each list on a thread; return what went wrong."""
    make_store, make_ledger = WRITERS[order["writer"]]
    store = make_store(order["folder"], patience_ms=PATIENCE_MS)
    ledger = make_ledger(store)
    problems = []
    workers = [
        Worker(f"{order['name']}{number}.", order["folder"], store, ledger)
        for number in range(len(order["threads"]))
    ]

    def run(worker, steps):
        try:
            worker.run(steps, say)
        except BaseException as error:
            problems.append(f"{type(error).__name__}: {error}")

    threads = [
        threading.Thread(target=run, args=(worker, steps))
        for worker, steps in zip(workers, order["threads"], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        # a process that ends while the file is locked for long may lose rows, and says
        # so; here it waits. A writer that is wrong never gets there
        wait_s = 20 if order["writer"] == "ours" else 0.5
        eventually(lambda: all(worker.is_on_disk() for worker in workers), wait_s)
    except AssertionError as error:
        problems.append(f"{order['name']}: not all rows got to the disk ({error})")
    store.close()
    return problems


def main():
    lock = threading.Lock()

    def say(what):
        with lock:
            sys.stdout.write(json.dumps(what) + "\n")
            sys.stdout.flush()

    for line in sys.stdin:
        say({"problems": work_off(json.loads(line), say)})
