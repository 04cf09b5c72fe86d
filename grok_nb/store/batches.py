"""Requests of batches in the ledger: a row for each, found again when its result comes.

A row's ``call`` is made of host, batch and request, so that any process finds it. Only one
row of a request is in doubt at a time, and only one is ever completed by a result.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from grok_nb import limits

from . import (
    deferred,  # noqa: F401 - its migration comes before this one
    file,
    ledger,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from grok_nb.limits import Limit, Refusal
    from grok_nb.reply import Origin

    from .db import Store

#: Digits of each half of a call: its batch, its request.
_HALF = 24
# the index knows no other endpoint, and is used only where it is named like this
_OF = "endpoint = '/batches' AND call = ?"
_INTENDED = (
    *("time", "id", "call", "attempt", "endpoint", "source", "thread", "notebook"),
    *("cell_id", "run", "request_key", "model", "state", "cached", "tool_calls"),
    *("cost_source", "session", "reserved_ticks"),
)
#: Not where a row is open, or has its result (200): a batch takes an id only once, so
#: that row's request is the one which is billed.
_INTEND = (
    f"INSERT INTO calls ({', '.join(_INTENDED)}) "  # noqa: S608 - constants
    f"SELECT ?, ?, ?, 1 + (SELECT count(*) FROM calls WHERE {_OF}), '/batches', "
    "?, ?, ?, ?, ?, ?, ?, 'in_doubt', 0, 0, 'none', ?, ? "
    f"WHERE NOT EXISTS (SELECT 1 FROM calls WHERE {_OF} "
    "AND (state = 'in_doubt' OR http_status = 200)) "
    "ON CONFLICT (time, id) DO NOTHING"
)
#: A request of a file that was given when the batch was made: seen with its result.
_ADOPT = (
    f"INSERT INTO calls ({', '.join(_INTENDED)}) "  # noqa: S608 - constants
    "SELECT time, ?, ?, 1, endpoint, source, thread, notebook, cell_id, run, "
    "request_key, NULL, 'in_doubt', 0, 0, 'none', session, NULL FROM calls "
    f"WHERE {_OF} "
    f"AND NOT EXISTS (SELECT 1 FROM calls WHERE {_OF}) "
    "ON CONFLICT (time, id) DO NOTHING"
)
_ADOPTED = (
    "UPDATE calls SET state = 'done', cost_ticks = 0 "  # noqa: S608 - constants
    f"WHERE {_OF} AND state = 'in_doubt'"
)
_ANSWERED = f"UPDATE calls SET http_status = 200 WHERE {_OF} AND state = 'in_doubt'"  # noqa: S608
_RENAME = (
    "UPDATE calls SET call = ?, http_status = 200, response_id = ? "  # noqa: S608
    f"WHERE {_OF} AND state = 'in_doubt'"
)
_REFUSED = (
    "UPDATE calls SET state = 'failed', cost_ticks = 0, http_status = ?, error = ? "  # noqa: S608
    f"WHERE {_OF} AND state = 'in_doubt' AND id LIKE ?"
)
_BOOKED = (
    *("state", "prompt_tokens", "cached_prompt_tokens", "image_tokens"),
    *("completion_tokens", "reasoning_tokens", "sources_used", "tool_calls"),
    *("cost_ticks", "cost_source", "finish_reason", "error", "response_id"),
    "system_fingerprint",
)
#: What has a result was taken, even where its row says that it was refused. What a
#: result has completed (200, and not in doubt) stays.
_BOOK = (
    f"UPDATE calls SET model = coalesce(?, model), http_status = 200, "  # noqa: S608
    f"{', '.join(f'{name} = ?' for name in _BOOKED)} WHERE {_OF} "
    f"AND id = (SELECT id FROM calls WHERE {_OF} "
    "ORDER BY state = 'in_doubt' DESC, attempt DESC LIMIT 1) "
    f"AND NOT EXISTS (SELECT 1 FROM calls WHERE {_OF} "
    "AND state <> 'in_doubt' AND http_status = 200)"
)
#: Whether the server is known to have it, or it was sent and nobody answered.
_SENT = (
    "SELECT http_status = 200 FROM calls "  # noqa: S608 - constants
    f"WHERE {_OF} AND request_key = ? "
    "AND (http_status = 200 OR (state = 'in_doubt' AND http_status IS NULL)) "
    "ORDER BY http_status = 200 DESC LIMIT 1"
)
_OPEN = (
    "SELECT 1 FROM calls WHERE endpoint = '/batches' AND call > ? AND call < ? "
    "AND state = 'in_doubt' LIMIT 1"
)


def _index_batches(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE INDEX calls_batches ON calls (call) WHERE endpoint = '/batches'"
    )


file.MIGRATIONS.append(_index_batches)


@dataclass(frozen=True, slots=True)
class Intent:
    """One request that is about to be added: its id, what it asks, and of which model.

    ``reserved_ticks`` is what it could cost, where a limit holds.
    """

    request_id: str
    request_key: str
    model: str | None
    reserved_ticks: int | None = None


class BatchRows:
    """The rows of one batch, or of many.

    What changes a row is queued at once, without waiting; `flush` waits.

    Parameters
    ----------
    store
        Where they are.
    base_url
        Host of the batches.
    """

    def __init__(self, store: Store, base_url: str) -> None:
        self._store = store
        self._base_url = base_url

    def _call(self, batch_id: str, request_id: str | None = None) -> str:
        def half(*parts: str) -> str:
            text = "\n".join(parts).encode("utf-8", "surrogatepass")
            return hashlib.sha256(text).hexdigest()[:_HALF]

        whole = half(self._base_url, batch_id)
        return whole if request_id is None else whole + half(request_id)

    async def flush(self) -> None:
        """Wait until what was queued has been committed, or cannot be now."""
        await asyncio.to_thread(self._store.read, lambda _: None)

    async def sent(
        self, batch_id: str, intents: Sequence[Intent]
    ) -> tuple[set[str], set[str]]:
        """Return what was sent before, by its id and just like this.

        Returns
        -------
        tuple of set of str
            Ids of requests that the server has, and of those that it never answered.
        """
        calls = [(self._call(batch_id, i.request_id), i) for i in intents]

        def look(connection: sqlite3.Connection) -> tuple[set[str], set[str]]:
            there, unanswered = set[str](), set[str]()
            for call, intent in calls:
                asked = (call, intent.request_key)
                row = connection.execute(_SENT, asked).fetchone()
                if row is not None:
                    (there if row[0] else unanswered).add(intent.request_id)
            return there, unanswered

        return await asyncio.to_thread(self._store.read, look)

    async def intend(
        self,
        batch_id: str,
        intents: Sequence[Intent],
        time: str,
        origin: Origin,
        held: Sequence[Limit] = (),
    ) -> tuple[str, Refusal | None]:
        """Return when each request has a row in doubt, or cannot have one now.

        Returns
        -------
        str
            What the ids of the new rows begin with. A request that was in doubt before
            keeps its row.
        Refusal or None
            Why none may be sent: a limit would be passed.
        """
        start = os.urandom(8).hex()
        found: list[Refusal] = []
        for number, intent in enumerate(intents):
            call = self._call(batch_id, intent.request_id)
            # rows of one time are listed by their ids: in the order of the requests
            row_id = f"{start}{number:016x}"
            check = None
            if held:  # all at first; others may spend before the last one is written
                of = (intent,) if number else intents
                wanted = sum(one.reserved_ticks or 0 for one in of)
                check = partial(_admits, found, held, wanted, time)
            self._intend(row_id, call, intent, time, origin, held=held, check=check)
        await self.flush()
        if not found:
            return start, None
        names = [intent.request_id for intent in intents]
        self.refused(batch_id, names, start, None, "It would have gone over a budget.")
        await self.flush()
        return start, found[0]

    async def intend_file(self, request_key: str, time: str, origin: Origin) -> str:
        """Write the row of a batch that is about to be made of a file; return its call."""
        call = os.urandom(_HALF // 2).hex()
        intent = Intent("", request_key, None)
        self._intend(os.urandom(16).hex(), call, intent, time, origin)
        await self.flush()
        return call

    def _intend(
        self,
        row_id: str,
        call: str,
        intent: Intent,
        time: str,
        origin: Origin,
        *,
        held: Sequence[Limit] = (),
        check: Callable[[sqlite3.Connection], bool] | None = None,
    ) -> None:
        self._store.write(
            _INTEND,
            [
                *(time, row_id, call, call, origin.source),
                *map(ledger.clean, (origin.thread, origin.notebook, origin.cell_id)),
                *(ledger.clean(origin.run), intent.request_key),
                *(ledger.clean(intent.model), limits.session(held)),
                *(intent.reserved_ticks, call),
            ],
            check=check,
        )

    def name_file(self, call: str, batch_id: str) -> None:
        """Note which batch was made of a file; its requests get rows with results."""
        self._store.write(_RENAME, (self._call(batch_id), ledger.clean(batch_id), call))

    def answered(self, batch_id: str, request_ids: Iterable[str]) -> None:
        """Note that the requests are in the batch; what they cost comes with results."""
        for request_id in request_ids:
            self._store.write(_ANSWERED, (self._call(batch_id, request_id),))

    def refused(
        self,
        batch_id: str,
        request_ids: Iterable[str],
        start: str,
        status: int | None,
        error: str,
    ) -> None:
        """Note that requests did not get into the batch, and cost nothing.

        Only rows whose ids begin with ``start``: another one of the same request may be
        of one that is there.
        """
        for request_id in request_ids:
            call = self._call(batch_id, request_id)
            self._refuse(call, start, status, error)

    def refused_file(self, call: str, status: int | None, error: str) -> None:
        """Note that no batch was made of a file."""
        self._refuse(call, "", status, error)

    def _refuse(self, call: str, start: str, status: int | None, error: str) -> None:
        self._store.write(_REFUSED, (status, ledger.clean(error), call, start + "%"))

    def book(
        self, batch_id: str, results: Iterable[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Complete rows by what became of their requests; each once, whoever reads it.

        A request that this store has not added has no row, and gets none.

        Parameters
        ----------
        batch_id
            Where they are from.
        results
            Id of a request, and column of the ledger -> value.
        """
        whole, is_empty = self._call(batch_id), True
        for request_id, found in results:
            is_empty = False
            call = self._call(batch_id, request_id)
            self._store.write(_ADOPT, (call, call, whole, call))
            values = [found.get(name) for name in ("model", *_BOOKED)]
            values = [ledger.clean(v) if isinstance(v, str) else v for v in values]
            self._store.write(_BOOK, [*values, call, call, call])
        if not is_empty:
            self._store.write(_ADOPTED, (whole,))

    async def has_open(self, batch_id: str) -> bool:
        """Whether a request of the batch has no result yet, as far as we know."""
        whole = self._call(batch_id)

        def look(connection: sqlite3.Connection) -> bool:
            found = connection.execute(_OPEN, (whole, whole + "g")).fetchone()
            return found is not None

        return await asyncio.to_thread(self._store.read, look)


def _admits(
    found: list[Refusal],
    held: Sequence[Limit],
    wanted: int,
    time: str,
    connection: sqlite3.Connection,
) -> bool:
    """Whether a row may be written; ``found`` takes why one may not, and then none."""
    from .spending import refusal  # which knows of this module

    refused = None if found else refusal(connection, held, wanted, time[:10])
    if refused is not None:
        found.append(refused)
    return not found
