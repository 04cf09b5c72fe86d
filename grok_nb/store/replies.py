"""Replies that were paid for, by what was asked, and who is asking what now.

A reply is queued before its row in the ledger is closed, so a row is never ``done`` while
its reply could be lost. Bodies are kept as they came, compressed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from . import file, spending  # the other migrations come before this one
from .ledger import Postman, clean

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from grok_nb.reply import CallRecord

    from .db import Store

_AFTER = (spending,)
#: Level of compression: the fastest; JSON of replies shrinks to a third.
_LEVEL = 1
#: Hours after which a question that another machine asks counts as given up.
_CLAIM_H = 1.0
#: Who asks: a process of a machine. Its last part tells it from one that had its number.
_owner: dict[int, str] = {}


def owner() -> str:
    """Return the name under which this process asks."""
    pid = os.getpid()
    if pid not in _owner:
        _owner[pid] = f"{socket.gethostname()}/{pid}/{os.urandom(6).hex()}"
    return _owner[pid]


def is_alive(name: str) -> bool:
    """Whether who asks may still be there; of other machines nobody knows."""
    host, pid, _ = name.rsplit("/", 2)
    if name == owner():
        return True
    if host != socket.gethostname():
        return True
    if int(pid) == os.getpid():
        return False  # one that had this number before
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and somebody else's
    return True


def _create_replies(connection: sqlite3.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE replies (
            base_url TEXT NOT NULL, key TEXT NOT NULL, time TEXT NOT NULL,
            id TEXT NOT NULL, notebook TEXT, run TEXT, request_id TEXT,
            sandbox INTEGER NOT NULL, latency_s REAL, body BLOB,
            PRIMARY KEY (base_url, key)
        )
        """
    )
    connection.execute(
        "CREATE TABLE claims (base_url TEXT NOT NULL, key TEXT NOT NULL, "
        "owner TEXT NOT NULL, time TEXT NOT NULL, PRIMARY KEY (base_url, key)) "
        "WITHOUT ROWID"
    )


file.MIGRATIONS.append(_create_replies)
file.TABLES.append(
    file.Table(
        "replies", texts=("body",), notebook="notebook", run="run", state="'done'"
    )
)

_KEEP = (
    "INSERT INTO replies (base_url, key, time, id, notebook, run, request_id, sandbox, "
    "latency_s, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (base_url, key) DO NOTHING"
)
_FIND = (
    "SELECT time, id, request_id, sandbox, latency_s, body FROM replies "
    "WHERE base_url = ? AND key = ? AND body IS NOT NULL"
)
_CLAIM = (
    "INSERT INTO claims VALUES (?, ?, ?, ?) ON CONFLICT (base_url, key) "
    "DO UPDATE SET owner = excluded.owner, time = excluded.time"
)
_CLAIMED = (
    "SELECT owner, julianday(?) - julianday(time) FROM claims "
    "WHERE base_url = ? AND key = ?"
)
_RELEASE = "DELETE FROM claims WHERE base_url = ? AND key = ? AND owner = ?"


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it came, and what its ledger row does not say of it.

    Attributes
    ----------
    time, id
        Of its row in the ledger.
    request_id
        Of the server.
    sandbox
        Whether it came from one.
    latency_s
        Seconds that it took.
    body
        JSON.
    """

    time: str
    id: str
    request_id: str | None
    sandbox: bool
    latency_s: float | None
    body: bytes


class PaidReplies:
    """The replies of a store, for the requests to one host.

    Parameters
    ----------
    store
        Where they are.
    base_url
        The host.
    """

    def __init__(self, store: Store, base_url: str) -> None:
        self._store = store
        self._base_url = base_url

    def keep(
        self, record: CallRecord, body: bytes, *, sandbox: bool, latency_s: float | None
    ) -> None:
        """Queue a reply that has come; `release` tells when it is there for good."""
        origin = record.origin
        self._store.write(
            _KEEP,
            (
                *(self._base_url, record.request_key),
                *(record.time.isoformat(timespec="microseconds"), record.id),
                *(clean(origin.notebook), clean(origin.run), clean(record.request_id)),
                *(sandbox, latency_s, zlib.compress(body, _LEVEL)),
            ),
        )

    async def begin(
        self, key: str, now: str
    ) -> StoredReply | Literal["ours", "theirs"]:
        """Return the reply to a request, or take it on.

        Returns
        -------
        StoredReply or "ours" or "theirs"
            ``"ours"``: nobody has asked it, and now only this process may.
            ``"theirs"``: another process is asking it.
        """
        found: list[StoredReply | Literal["theirs"]] = []

        def check(connection: sqlite3.Connection) -> bool:
            found.clear()
            row = connection.execute(_FIND, (self._base_url, key)).fetchone()
            if row is not None:
                found.append(_stored(row))
                return False
            claimed = connection.execute(
                _CLAIMED, (now, self._base_url, key)
            ).fetchone()
            if claimed is None or claimed[0] == owner():
                return True
            if claimed[1] * 24 < _CLAIM_H and is_alive(claimed[0]):
                found.append("theirs")
                return False
            return True

        await self._write(_CLAIM, (self._base_url, key, owner(), now), check)
        return found[0] if found else "ours"

    async def release(self, key: str) -> None:
        """Return when what was kept before is on disk; the request is nobody's now."""
        await self._write(_RELEASE, (self._base_url, key, owner()))

    def let_go(self, key: str) -> None:
        """Let others ask a request; does not wait."""
        self._store.write(_RELEASE, (self._base_url, key, owner()))

    def stored(self, keys: list[str]) -> set[str]:
        """Return which of the requests have a reply."""

        def look(connection: sqlite3.Connection) -> set[str]:
            sql = (
                "SELECT key FROM replies WHERE base_url = ? AND key = ? "
                "AND body IS NOT NULL"
            )
            return {
                key
                for key in keys
                if connection.execute(sql, (self._base_url, key)).fetchone()
            }

        return self._store.read(look)

    async def _write(
        self,
        sql: str,
        values: tuple[object, ...],
        check: Callable[[sqlite3.Connection], bool] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        self._store.write(
            sql, values, partial(Postman.of(loop).resolve, written), check
        )
        await written


def _stored(row: tuple[object, ...]) -> StoredReply:
    time, id_, request_id, sandbox, latency_s, body = row
    return StoredReply(
        time=str(time),
        id=str(id_),
        request_id=request_id,  # type: ignore[arg-type]  # as it was written
        sandbox=bool(sandbox),
        latency_s=latency_s,  # type: ignore[arg-type]  # as it was written
        body=zlib.decompress(body),  # type: ignore[arg-type]  # as it was written
    )
