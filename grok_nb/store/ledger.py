"""The ledger: one row per HTTP attempt that can cost money."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from grok_nb import limits

from . import file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from grok_nb.limits import Limit, Refusal
    from grok_nb.reply import CallRecord

    from .db import Store

#: What `gn.usage()` shows, in its order, and how a row is read for it.
COLUMNS: dict[str, str] = {
    "time": "time",
    "model": "model",
    "endpoint": "endpoint",
    "source": "source",
    "thread": "thread",
    "notebook": "notebook",
    "cell_id": "cell_id",
    "run": "run",
    "state": "state",
    "cached": "cached",
    "prompt_tokens": "prompt_tokens",
    "cached_prompt_tokens": "cached_prompt_tokens",
    "image_tokens": "image_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "billed_output_tokens": "completion_tokens + reasoning_tokens",
    "sources_used": "sources_used",
    "tool_calls": "tool_calls",
    "cost_usd": "cost_ticks / 1e10",
    "cost_source": "cost_source",
    "latency_s": "latency_s",
    "ttft_s": "ttft_s",
    "finish_reason": "finish_reason",
    "http_status": "http_status",
    "error": "error",
    "request_id": "request_id",
    "response_id": "response_id",
    "system_fingerprint": "system_fingerprint",
}

_INTENDED = (
    *("time", "id", "call", "attempt", "endpoint", "source", "thread", "notebook"),
    *("cell_id", "run", "request_key", "session", "reserved_ticks"),
)
#: What the end of an attempt can change; the rest is as it was intended.
_CHANGES = (
    *("model", "state", "cached", "prompt_tokens", "cached_prompt_tokens"),
    *("image_tokens", "completion_tokens", "reasoning_tokens", "sources_used"),
    *("tool_calls", "cost_ticks", "cost_source", "latency_s", "ttft_s"),
    *("finish_reason", "http_status", "error", "request_id", "response_id"),
    "system_fingerprint",
)
_ALL = (*_INTENDED, *_CHANGES)
_WRITE = (
    f"INSERT INTO calls ({', '.join(_ALL)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' * len(_ALL))}) ON CONFLICT (time, id) DO UPDATE SET "
    + ", ".join(f"{field} = excluded.{field}" for field in _CHANGES)
)
_RESERVE = "UPDATE calls SET reserved_ticks = ? WHERE time = ? AND id = ?"
_SEEN = (
    "SELECT max(completion_tokens + reasoning_tokens), max(reasoning_tokens) FROM ("
    "SELECT completion_tokens, reasoning_tokens FROM (SELECT * FROM calls "
    "ORDER BY time DESC, id DESC LIMIT 2000) WHERE model = ? AND state = 'done' "
    "AND completion_tokens IS NOT NULL ORDER BY time DESC LIMIT 50)"
)
#: What was sent and not answered, but for what is still to come.
_DOUBTS = (
    f"SELECT {', '.join(COLUMNS.values())}, EXISTS (SELECT 1 FROM calls AS later "  # noqa: S608
    "WHERE later.request_key = calls.request_key AND later.state = 'done' "
    "AND NOT later.cached AND later.time > calls.time) FROM calls "
    "WHERE state = 'in_doubt' AND NOT (endpoint = '/batches' AND http_status = 200) "
    "AND NOT EXISTS (SELECT 1 FROM deferred WHERE deferred.id = calls.id "
    "AND deferred.state IN ('pending', 'received')) ORDER BY time, id"
)
#: SQLite holds no larger integers.
_LARGEST = 2**63 - 1


def _create_calls(connection: sqlite3.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE calls (
            time TEXT NOT NULL, id TEXT NOT NULL, call TEXT NOT NULL,
            attempt INTEGER NOT NULL, endpoint TEXT NOT NULL, model TEXT,
            source TEXT NOT NULL, thread TEXT, notebook TEXT, cell_id TEXT, run TEXT,
            request_key TEXT NOT NULL, state TEXT NOT NULL, cached INTEGER NOT NULL,
            prompt_tokens INTEGER, cached_prompt_tokens INTEGER, image_tokens INTEGER,
            completion_tokens INTEGER, reasoning_tokens INTEGER, sources_used INTEGER,
            tool_calls INTEGER NOT NULL, cost_ticks INTEGER, cost_source TEXT NOT NULL,
            latency_s REAL, ttft_s REAL, finish_reason TEXT, http_status INTEGER,
            error TEXT, request_id TEXT, response_id TEXT, system_fingerprint TEXT,
            PRIMARY KEY (time, id)
        ) WITHOUT ROWID
        """  # new rows and their ends all go to the last page: one page a commit
    )


file.MIGRATIONS.append(_create_calls)
file.TABLES.append(
    file.Table(
        "calls",
        texts=("error",),
        notebook="notebook",
        run="run",
        state="state",
        # results of a batch are kept for 30 days. Source: xai-api.md section 12.1
        flies_h="CASE endpoint WHEN '/batches' THEN 720 ELSE 1 END",
    )
)


def _row(record: CallRecord) -> tuple[Any, ...]:
    origin, usage = record.origin, record.usage
    return (
        record.time.isoformat(timespec="microseconds"),
        record.id,
        record.call,
        record.attempt,
        record.endpoint,
        origin.source,
        clean(origin.thread),
        clean(origin.notebook),
        clean(origin.cell_id),
        clean(origin.run),
        record.request_key,
        record.session or limits.session(),
        record.reserved_ticks,
        clean(record.model),
        record.state,
        int(record.cached),
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.cached_prompt_tokens,
        None if usage is None else usage.image_tokens,
        None if usage is None else usage.completion_tokens,
        None if usage is None else usage.reasoning_tokens,
        None if usage is None else usage.sources_used,
        record.tool_calls,
        None if record.cost_ticks is None else min(record.cost_ticks, _LARGEST),
        record.cost_source,
        record.latency_s,
        record.ttft_s,
        clean(record.finish_reason),
        record.http_status,
        clean(record.error),
        clean(record.request_id),
        clean(record.response_id),
        clean(record.system_fingerprint),
    )


def clean(text: str | None) -> str | None:
    """Make text that SQLite can hold: no half of a surrogate pair."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


class Ledger:
    """Rows of all calls, of every kernel that uses the same store.

    A row is written as ``in_doubt`` before its request leaves and again when the
    attempt has ended; so what a killed kernel had in flight stays in doubt.

    Parameters
    ----------
    store
        Where the rows are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def intend(
        self, record: CallRecord, held: Sequence[Limit] = ()
    ) -> Refusal | None:
        """Return when the row has been committed, or cannot be now.

        Parameters
        ----------
        record
            With what it reserves.
        held
            Limits that hold.

        Returns
        -------
        Refusal or None
            Why there is no row, and may be no call: a limit would be passed.
        """
        return await self._write(_WRITE, _row(record), record, held)

    async def reserve(
        self, record: CallRecord, more: int, held: Sequence[Limit]
    ) -> Refusal | None:
        """Let a call that runs reserve more, or return why it may not."""
        now = (record.reserved_ticks or 0) + more
        key = (record.time.isoformat(timespec="microseconds"), record.id)
        refused = await self._write(_RESERVE, (now, *key), record, held, more)
        if refused is None:
            record.reserved_ticks = now
        return refused

    async def _write(
        self,
        sql: str,
        values: Sequence[Any],
        record: CallRecord,
        held: Sequence[Limit],
        ticks: int | None = None,
    ) -> Refusal | None:
        loop = asyncio.get_running_loop()
        postman = Postman.of(loop)
        written = loop.create_future()
        done = partial(postman.resolve, written)
        if not held:
            self._store.write(sql, values, done)
            await written
            return None
        from .spending import refusal  # which knows of this module

        wanted = (record.reserved_ticks or 0) if ticks is None else ticks
        day = record.time.date().isoformat()
        found: list[Refusal | None] = [None]

        def check(connection: sqlite3.Connection) -> bool:
            found[0] = refusal(connection, held, wanted, day)
            return found[0] is None

        self._store.write(sql, values, done, check)
        await written
        return found[0]

    async def over(self, day: str, held: Sequence[Limit]) -> list[tuple[Limit, int]]:
        """Return the limits that have been passed by now, and by how many ticks."""
        from .spending import spent

        def look(connection: sqlite3.Connection) -> list[tuple[Limit, int]]:
            used = ((limit, spent(connection, limit, day)) for limit in held)
            return [(limit, u - limit.ticks) for limit, u in used if u > limit.ticks]

        return await asyncio.to_thread(self._store.read, look)

    def spent(self, limit: Limit, day: str) -> int:
        """Return the ticks that count for a limit today."""
        from .spending import spent

        return self._store.read(lambda found: spent(found, limit, day))

    def seen(self, model: str) -> tuple[int, int] | None:
        """Return the largest output, and the largest reasoning, of a model of late.

        In tokens, of its last 50 finished answers among the latest 2,000 rows; ``None``
        where there is none.
        """

        def look(connection: sqlite3.Connection) -> Any:
            return connection.execute(_SEEN, (clean(model),)).fetchone()

        output, reasoning = self._store.read(look)
        return None if output is None else (output, reasoning)

    def doubts(self) -> list[tuple[Any, ...]]:
        """Return what may have been billed, and is not known to be.

        The columns of `COLUMNS`, and whether the same was asked, and paid for, later.
        """
        return self._store.read(lambda found: found.execute(_DOUBTS).fetchall())

    def settle(self, record: CallRecord) -> None:
        """Queue the row as it is after the attempt."""
        self._store.write(_WRITE, _row(record))

    def rows(self, where: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return rows in the order of time, with the columns of `COLUMNS`.

        Parameters
        ----------
        where
            Column -> value, or list of values, to keep.
        """
        conditions, parameters = [], []
        for column, wanted in (where or {}).items():
            values = (
                list(wanted) if isinstance(wanted, (list, tuple, set)) else [wanted]
            )
            marks = ", ".join("?" * len(values))
            conditions.append(f"({COLUMNS[column]}) IN ({marks})")
            parameters += values
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = (
            f"SELECT {', '.join(COLUMNS.values())} FROM calls "  # noqa: S608 - constants
            f"{clause} ORDER BY time, attempt"
        )
        return self._store.read(
            lambda connection: connection.execute(sql, parameters).fetchall()
        )


class Postman:
    """Wakes those who wait on one event loop: once for all rows of one commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._written: collections.deque[asyncio.Future[None]] = collections.deque()
        self._is_called = False

    @staticmethod
    def of(loop: asyncio.AbstractEventLoop) -> Postman:
        """Return the postman of a loop."""
        if loop not in _postmen:
            _postmen[loop] = Postman(loop)
        return _postmen[loop]

    def resolve(self, written: asyncio.Future[None]) -> None:
        """Have the future resolved on its loop; called on the store's thread."""
        self._written.append(written)
        loop = self._loop()
        if not self._is_called and loop is not None:
            self._is_called = True
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._resolve_all)

    def _resolve_all(self) -> None:
        self._is_called = False
        while self._written:
            written = self._written.popleft()
            if not written.done():
                written.set_result(None)


_postmen: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Postman] = (
    weakref.WeakKeyDictionary()
)
