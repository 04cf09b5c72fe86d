"""Deferred requests: their ids, and the results that can be read only once.

An id is queued for the file in the moment in which it is known, a result in the moment in
which its last byte is there; both as they came.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from . import file, ledger  # the ledger's migration comes before this one

if TYPE_CHECKING:
    import datetime
    import sqlite3
    from collections.abc import Mapping

    from .db import Store

#: pending: asked for. received: stored, not booked yet. done: booked, and handed out.
#: in_doubt: a delivery broke off, or was no result. gone: the server has none.
State = Literal["pending", "received", "done", "in_doubt", "gone"]
#: How long the server keeps a result. Source: xai-api.md section 5.
KEPT_H = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredRow:
    """One deferred request.

    Attributes
    ----------
    id, time
        Also those of its row in the ledger, where it has one. The time is UTC.
    request_id
        The server's.
    base_url, model, request_key
        Where and what was asked.
    checked
        When the server was last asked for the result.
    sandbox
        Whether the sandbox answered.
    body
        The result's bytes as they came.
    """

    id: str
    time: str
    request_id: str
    base_url: str
    model: str | None = None
    request_key: str | None = None
    thread: str | None = None
    notebook: str | None = None
    run: str | None = None
    state: State = "pending"
    checked: str | None = None
    sandbox: bool = False
    body: bytes | None = dataclasses.field(default=None, repr=False)


_COLUMNS = tuple(field.name for field in dataclasses.fields(DeferredRow))
_INSERT = (
    f"INSERT INTO deferred ({', '.join(_COLUMNS)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO "
)
_ADD = _INSERT + "NOTHING"
_RECEIVE = _INSERT + (
    "UPDATE SET state = excluded.state, checked = excluded.checked, "
    "sandbox = excluded.sandbox, body = excluded.body WHERE state <> 'done'"
)
# never over a result: another process may have it meanwhile
_DOUBT = _INSERT + (
    "UPDATE SET state = excluded.state, checked = excluded.checked "
    "WHERE state NOT IN ('received', 'done')"
)
_MARK = (
    "UPDATE deferred SET state = ?, checked = ? "
    "WHERE id = ? AND state NOT IN ('received', 'done')"
)
_REOPEN = "UPDATE deferred SET state = 'in_doubt' WHERE id = ? AND state = 'received'"
_DONE = "UPDATE deferred SET state = 'done' WHERE id = ? AND state = 'received'"
_FORGET = "UPDATE deferred SET body = NULL WHERE id = ? AND state = 'done'"
#: What the result tells of the row in the ledger that the request has made.
_BOOKED = (
    *("model", "state", "prompt_tokens", "cached_prompt_tokens", "image_tokens"),
    *("completion_tokens", "reasoning_tokens", "sources_used", "tool_calls"),
    *("cost_ticks", "cost_source", "finish_reason", "response_id"),
    "system_fingerprint",
)
#: Of a row that was purged meanwhile, so that its cost is written all the same.
_KNOWN = ("time", "id", "call", "request_key", "thread", "notebook", "run")
_BOOK = (
    f"INSERT INTO calls ({', '.join((*_KNOWN, *_BOOKED))}, "  # noqa: S608 - constants
    "attempt, endpoint, source, cached) "
    f"VALUES ({', '.join('?' * len((*_KNOWN, *_BOOKED)))}, "
    "1, '/chat/completions', 'api', 0) ON CONFLICT (time, id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _BOOKED)
)


def _create_deferred(connection: sqlite3.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE deferred (
            id TEXT PRIMARY KEY, time TEXT NOT NULL, request_id TEXT NOT NULL,
            base_url TEXT NOT NULL, model TEXT, request_key TEXT, thread TEXT,
            notebook TEXT, run TEXT, state TEXT NOT NULL, checked TEXT,
            sandbox INTEGER NOT NULL, body BLOB
        )
        """
    )
    connection.execute("CREATE INDEX deferred_request_id ON deferred (request_id)")


file.MIGRATIONS.append(_create_deferred)
file.TABLES.append(
    file.Table(
        "deferred",
        texts=("body",),
        notebook="notebook",
        run="run",
        # what can still be fetched is as good as in flight
        state="CASE state WHEN 'pending' THEN 'in_doubt' ELSE state END",
        flies_h=str(KEPT_H),
    )
)


class DeferredRequests:
    """The deferred requests of a store.

    What changes a row is queued at once, without waiting; `flush` waits.

    Parameters
    ----------
    store
        Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def flush(self) -> None:
        """Wait until what was queued has been committed, or cannot be now."""
        await asyncio.to_thread(self._store.read, lambda _: None)

    def add(self, row: DeferredRow) -> None:
        """Take down a request whose id has come."""
        self._store.write(_ADD, _values(row))

    def receive(self, row: DeferredRow) -> None:
        """Take down a result, also of a request that another program has made."""
        self._store.write(_RECEIVE, _values(row))

    def doubt(self, row: DeferredRow) -> None:
        """Note that a delivery broke off."""
        self._store.write(_DOUBT, _values(row))

    def mark(self, row: DeferredRow, state: State, time: datetime.datetime) -> None:
        """Note what the server said of a request; a result that is here stays."""
        self._store.write(_MARK, (state, iso(time), row.id))

    def reopen(self, row: DeferredRow) -> None:
        """Note that what was received is no result; it is kept until one comes."""
        self._store.write(_REOPEN, (row.id,))

    def book(self, row: DeferredRow, found: Mapping[str, Any]) -> None:
        """Complete the row in the ledger, and note that this has been done.

        Parameters
        ----------
        row
            Of the request.
        found
            Column of the ledger -> value.
        """
        if row.request_key is not None:  # else another program has asked, and paid
            known: list[Any] = [row.time, row.id, row.id, row.request_key]
            known += [row.thread, row.notebook, row.run]
            self._store.write(_BOOK, [*known, *(found[name] for name in _BOOKED)])
        self._store.write(_DONE, (row.id,))

    async def forget(self, row: DeferredRow) -> None:
        """Delete the text of a result that was handed out, and its traces."""

        def overwrite(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA secure_delete=ON")

        def empty_log(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await asyncio.to_thread(self._store.read, overwrite)
        self._store.write(_FORGET, (row.id,))
        await asyncio.to_thread(self._store.read, empty_log)

    async def find(self, request_id: str, base_url: str) -> DeferredRow | None:
        """Return the request of that id: of this host, else of any; else the latest."""
        sql = (
            f"SELECT {', '.join(_COLUMNS)} FROM deferred WHERE request_id = ? "  # noqa: S608
            "ORDER BY base_url = ? DESC, time DESC LIMIT 1"
        )

        def look(connection: sqlite3.Connection) -> Any:
            return connection.execute(
                sql, (ledger.clean(request_id), base_url)
            ).fetchone()

        return _row_of(await asyncio.to_thread(self._store.read, look))

    async def latest(
        self, request_key: str, base_url: str, notebook: str | None, after: str
    ) -> DeferredRow | None:
        """Return the latest request that asked the same, there and in that notebook."""
        sql = (
            f"SELECT {', '.join(_COLUMNS)} FROM deferred WHERE request_key = ? "  # noqa: S608
            "AND base_url = ? AND notebook IS ? AND time >= ? ORDER BY time DESC LIMIT 1"
        )

        def look(connection: sqlite3.Connection) -> Any:
            asked = (request_key, base_url, ledger.clean(notebook), after)
            return connection.execute(sql, asked).fetchone()

        return _row_of(await asyncio.to_thread(self._store.read, look))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all requests, oldest first: the columns of `FRAME`."""
        sql = f"SELECT {', '.join(FRAME.values())} FROM deferred ORDER BY time"  # noqa: S608
        return self._store.read(lambda connection: connection.execute(sql).fetchall())


#: What `gn.deferred()` shows, in its order, and how a row is read for it.
FRAME: dict[str, str] = {
    "time": "time",
    "request_id": "request_id",
    "state": "state",
    "model": "model",
    "base_url": "base_url",
    "thread": "thread",
    "notebook": "notebook",
    "run": "run",
    "checked": "checked",
    "stored": "body IS NOT NULL",
}


def iso(time: datetime.datetime) -> str:
    """Write a time as the rows have it, so that texts compare as times do."""
    return time.isoformat(timespec="microseconds")


def _row_of(found: tuple[Any, ...] | None) -> DeferredRow | None:
    if found is None:
        return None
    row = DeferredRow(**dict(zip(_COLUMNS, found, strict=True)))
    return dataclasses.replace(row, sandbox=bool(row.sandbox))


def _values(row: DeferredRow) -> tuple[Any, ...]:
    return tuple(
        ledger.clean(value) if isinstance(value, str) else value
        for value in (getattr(row, name) for name in _COLUMNS)
    )
