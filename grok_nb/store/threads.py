"""The threads of all notebooks: a log of what was asked, by thread.

An entry is never changed: a turn that is asked again, undone or left behind by a new
beginning stays in the file until it is deleted or purged. See `grok_nb.turns.live`.
"""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import uuid4

from grok_nb import turns
from grok_nb.errors import GrokError

from . import (
    batches,  # noqa: F401 - its migration comes before this one
    deferred,
    file,
    ledger,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from grok_nb.turns import Turn

    from .db import Store

#: SQLite takes 32,766 parameters a statement.
_MOST_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where threads belong to: the same name elsewhere is another thread.

    Attributes
    ----------
    scope
        The notebook's path, else the working folder.
    notebook
        The notebook's name, as the ledger has it.
    """

    scope: str
    notebook: str | None = None


@dataclass(frozen=True, slots=True)
class ThreadEntry:
    """An entry of the log, without its text; see `grok_nb.turns.Entry`."""

    seq: int
    kind: Literal["turn", "undo", "clear"]
    slot: str
    begins: bool
    stale: bool
    time: str = ""
    tokens: int | None = None
    cost_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class ThreadSize:
    """How much there is of a thread, in the turns that it has now.

    Attributes
    ----------
    name, turns, stale, tokens
    cost_ticks
        ``None`` where the cost of no turn is known.
    last
        When it was last used, in ISO form, UTC.
    """

    name: str
    turns: int
    stale: int
    tokens: int
    cost_ticks: int | None
    last: str


_COLUMNS: Final = (
    *("id", "time", "scope", "notebook", "run", "thread", "kind", "slot", "begins"),
    *("stale", "state", "tokens", "cost_ticks", "content"),
)
_ENTRY: Final = "seq, kind, slot, begins, stale, time, tokens, cost_ticks"


def _create_turns(connection: sqlite3.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE turns (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time TEXT NOT NULL,
            scope TEXT NOT NULL, notebook TEXT, run TEXT, thread TEXT NOT NULL,
            kind TEXT NOT NULL, slot TEXT NOT NULL, begins INTEGER NOT NULL,
            stale INTEGER NOT NULL, state TEXT, tokens INTEGER, cost_ticks INTEGER,
            content TEXT
        )
        """
    )
    connection.execute("CREATE INDEX turns_thread ON turns (scope, thread, seq)")


file.MIGRATIONS.append(_create_turns)
file.TABLES.append(
    file.Table(
        "turns", texts=("content",), notebook="notebook", run="run", state="state"
    )
)


class ThreadLog:
    """The threads of a store.

    What changes them is queued at once, without waiting, from any thread; `flush` waits.

    Parameters
    ----------
    store
        Where they are.
    now
        The clock's, for what is no turn.
    fleeting
        Why they end with this process; empty where they do not.
    """

    def __init__(
        self, store: Store, now: Callable[[], datetime], *, fleeting: str = ""
    ) -> None:
        self._store = store
        self.now = now
        self.fleeting = fleeting

    def flush(self) -> None:
        """Wait until what was queued has been committed, or cannot be now."""
        self._store.read(lambda _: None)

    def add(
        self,
        place: Place,
        thread: str,
        added: Sequence[Turn],
        *,
        begins: bool = False,
    ) -> None:
        """Take down turns: all of them are there, or none.

        Parameters
        ----------
        place, thread
            Of the thread.
        added
            In the thread's order. One whose slot the thread has takes its place.
        begins
            Whether the thread begins anew with them.
        """
        if begins and not added:
            self._append([self._row(place, thread, "clear", begins=True)])
        rows = []
        for number, turn in enumerate(added):
            usage = turn.reply.usage
            content = turns.written(turn)
            row = self._row(
                place, thread, "turn", turn.slot, begins=begins and number == 0
            )
            row |= {
                "time": deferred.iso(turn.time),
                "stale": int(turn.stale),
                "state": turn.state,
                "tokens": None if usage is None else usage.total_tokens,
                "cost_ticks": turn.reply.cost_ticks,
                "content": json.dumps(content, ensure_ascii=False),
            }
            rows.append(row)
        for start in range(0, len(rows), _MOST_ROWS):
            self._append(rows[start : start + _MOST_ROWS])

    def undo(self, place: Place, thread: str, slot: str) -> None:
        """Take a turn out of a thread."""
        self._append([self._row(place, thread, "undo", slot)])

    def delete(self, place: Place, thread: str) -> None:
        """Delete a thread, with all that it ever held and its traces."""

        def overwrite(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA secure_delete=ON")

        def empty_log(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        self._store.read(overwrite)
        self._store.write(
            "DELETE FROM turns WHERE scope = ? AND thread = ?", _key(place, thread)
        )
        self._store.read(empty_log)

    def turns(self, place: Place, thread: str) -> list[Turn]:
        """Return the turns that a thread has now.

        Raises
        ------
        GrokError
            One of them cannot be read.
        """

        def look(connection: sqlite3.Connection) -> list[tuple[str, bool]]:
            sql = "SELECT content FROM turns WHERE seq = ?"
            return [
                (connection.execute(sql, (entry.seq,)).fetchone()[0], is_stale)
                for entry, is_stale in turns.live(_entries(connection, place, thread))
            ]

        found = []
        for content, is_stale in self._store.read(_at_once(look)):
            try:
                data = json.loads(content)
                data["stale"] = is_stale
                found.append(turns.read(data, thread))
            except (ValueError, TypeError, RecursionError) as error:
                raise GrokError(
                    f"A turn of the thread {thread!r} cannot be read: {error}.",
                    hint="Its other turns are safe; .clear() begins the thread anew.",
                ) from error
        return found

    def sizes(self, place: Place) -> list[ThreadSize]:
        """Return the threads of a place; the one that was used last comes first."""

        def look(connection: sqlite3.Connection) -> list[ThreadSize]:
            sql = "SELECT DISTINCT thread FROM turns WHERE scope = ?"
            names = connection.execute(sql, (ledger.clean(place.scope),)).fetchall()
            return [_size(name, _entries(connection, place, name)) for (name,) in names]

        found = self._store.read(_at_once(look))
        return sorted(found, key=lambda size: size.last, reverse=True)

    def _row(
        self,
        place: Place,
        thread: str,
        kind: str,
        slot: str = "",
        *,
        begins: bool = False,
    ) -> dict[str, Any]:
        return {
            "id": uuid4().hex,
            "time": deferred.iso(self.now()),
            "scope": place.scope,
            "notebook": place.notebook,
            "thread": thread,
            "kind": kind,
            "slot": slot,
            "begins": int(begins),
            "stale": 0,
        }

    def _append(self, rows: Sequence[dict[str, Any]]) -> None:
        values = [row.get(name) for row in rows for name in _COLUMNS]
        marks = f"({', '.join('?' * len(_COLUMNS))})"
        self._store.write(
            f"INSERT INTO turns ({', '.join(_COLUMNS)}) "  # noqa: S608 - constants
            f"VALUES {', '.join([marks] * len(rows))} ON CONFLICT (id) DO NOTHING",
            [ledger.clean(v) if isinstance(v, str) else v for v in values],
        )


_in_memory: weakref.WeakKeyDictionary[Store, Store] = weakref.WeakKeyDictionary()


def beside(store: Store) -> Store:
    """Return the store in memory for what that store must not keep."""
    from .db import Store as Made

    if store not in _in_memory:
        _in_memory[store] = Made(file.MEMORY)
    return _in_memory[store]


def _key(place: Place, thread: str) -> tuple[str | None, str | None]:
    return ledger.clean(place.scope), ledger.clean(thread)


def _entries(
    connection: sqlite3.Connection, place: Place, thread: str
) -> list[ThreadEntry]:
    sql = f"SELECT {_ENTRY} FROM turns WHERE scope = ? AND thread = ? ORDER BY seq"  # noqa: S608
    return [ThreadEntry(*row) for row in connection.execute(sql, _key(place, thread))]


def _size(name: str, log: list[ThreadEntry]) -> ThreadSize:
    found = turns.live(log)
    costs = [e.cost_ticks for e, _ in found if e.cost_ticks is not None]
    return ThreadSize(
        name=name,
        turns=len(found),
        stale=sum(is_stale for _, is_stale in found),
        tokens=sum(e.tokens or 0 for e, _ in found),
        cost_ticks=sum(costs) if costs else None,
        last=max((e.time for e in log), default=""),
    )


def _at_once(look: Callable[[sqlite3.Connection], Any]) -> Callable[..., Any]:
    """Read all of it as it is at one moment, whatever others write meanwhile."""

    def run(connection: sqlite3.Connection) -> Any:
        connection.execute("SAVEPOINT look")
        try:
            return look(connection)
        finally:
            connection.execute("RELEASE look")

    return run
