"""The SQLite file: open it, migrate it, write to it from one thread.

All statements run on one thread per store, so that a file that another kernel holds
never stalls an event loop or Stop. Whatever is queued when the thread is free is
committed together. Writes that cannot be committed now (locked, read-only, full) are
kept in memory, are part of what is read, and are tried again with the next write.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import sqlite3
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

FILE = "grok_nb.sqlite"
MEMORY = ":memory:"
#: Milliseconds to wait for another kernel's write; less after it once was in vain.
_PATIENCE_MS, _IMPATIENCE_MS = 5000, 100
#: Writes kept in memory while the file cannot be written.
_LONGEST_BACKLOG = 20_000
_EXIT_S = 6.0
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

#: Append only: each entry is run once, in order, and its number is user_version.
MIGRATIONS: Final[list[Callable[[sqlite3.Connection], object]]] = []


class Write:
    """One statement to be committed, and whom to tell when it was tried."""

    __slots__ = ("done", "parameters", "sql")

    def __init__(
        self,
        sql: str,
        parameters: Sequence[Any],
        done: Callable[[], object] | None = None,
    ) -> None:
        self.sql = sql
        self.parameters = parameters
        self.done = done


class Read:
    """A function of the connection whose result somebody waits for."""

    __slots__ = ("error", "finished", "function", "result")

    def __init__(self, function: Callable[[sqlite3.Connection], Any]) -> None:
        self.function = function
        self.finished = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class Store:
    """One SQLite file (or memory) and the thread that works on it.

    Parameters
    ----------
    folder
        Where ``grok_nb.sqlite`` lies, or ``":memory:"``.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = MEMORY if folder == MEMORY else str(Path(folder) / FILE)
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        """Begin without thread and connection; also in a forked child."""
        self._queue: queue.SimpleQueue[Write | Read | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._backlog: list[Write] = []
        self._patience_ms = _PATIENCE_MS
        self._trouble: str | None = None
        self._told = False

    # -- any thread ---------------------------------------------------------------

    def write(
        self,
        sql: str,
        parameters: Sequence[Any],
        done: Callable[[], object] | None = None,
    ) -> None:
        """Queue a statement; ``done`` is called (on the store's thread) once tried."""
        self._put(Write(sql, parameters, done))

    def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection after all earlier writes; wait for it."""
        read = Read(function)
        self._put(read)
        while not read.finished.wait(0.1):
            if self._thread is not None and not self._thread.is_alive():
                raise RuntimeError("the thread of grok_nb's store has ended")
        if read.error is not None:
            raise read.error
        return read.result  # type: ignore[no-any-return]  # what function returned

    def trouble(self) -> str | None:
        """Return, once, why rows could not be written, if they could not."""
        if self._trouble is None or self._told:
            return None
        self._told = True
        return self._trouble

    def close(self) -> None:
        """Write what is queued, within seconds, and end the thread."""
        with self._start:
            thread = self._thread
            if thread is None:
                return
            self._queue.put(None)
            thread.join(_EXIT_S)
            self._thread = None

    def _put(self, work: Write | Read) -> None:
        self._queue.put(work)
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._main, name="grok_nb-store", daemon=True
                    )
                    self._thread.start()

    # -- the store's thread -------------------------------------------------------

    def _main(self) -> None:
        stop = False
        while not stop:
            work: list[Write | Read | None] = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(work) < 1000:
                    work.append(self._queue.get_nowait())
            for item in work:
                if item is None:
                    stop = True
                elif isinstance(item, Write):
                    self._backlog.append(item)
                else:
                    self._commit()
                    self._answer(item)
            self._commit()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _answer(self, read: Read) -> None:
        try:
            read.result = self._read(read.function)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            read.error = error
        read.finished.set()

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._open()
        except sqlite3.Error:
            connection = _memory()
            _migrate(connection)
        if not self._backlog:
            return function(connection)
        # rows that are not in the file yet are part of the answer all the same
        both = _memory()
        with contextlib.suppress(sqlite3.Error):
            connection.backup(both)
        _migrate(both)
        for write in self._backlog:
            both.execute(write.sql, write.parameters)
        with contextlib.closing(both):
            return function(both)

    def _commit(self) -> None:
        if not self._backlog:
            return
        try:
            self._commit_all()
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            self._failed(error)
            self._tell()
            del self._backlog[:-_LONGEST_BACKLOG]
        except Exception as error:  # noqa: BLE001 - the thread must go on
            self._trouble = f"A row of the ledger could not be written: {error!r}."
            self._written()
        else:
            self._patience_ms = _PATIENCE_MS
            self._written()

    def _commit_all(self) -> None:
        connection = self._open()
        connection.execute(f"PRAGMA busy_timeout={self._patience_ms}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for write in self._backlog:
                connection.execute(write.sql, write.parameters)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED and self._set_aside():
            with contextlib.suppress(sqlite3.Error, OSError):
                self._commit_all()
                self._written()
            return
        self._patience_ms = _IMPATIENCE_MS
        self._trouble = (
            f"The ledger {self.path} cannot be written now ({error}); its rows are kept "
            f"in memory until it can be."
        )

    def _written(self) -> None:
        self._tell()
        self._backlog.clear()

    def _tell(self) -> None:
        for write in self._backlog:
            if write.done is not None:
                done, write.done = write.done, None
                done()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self.path == MEMORY:
                connection = _memory()
            else:
                Path(self.folder).mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(self.path, isolation_level=None)
                connection.execute(f"PRAGMA busy_timeout={self._patience_ms}")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
            try:
                _migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_aside(self) -> bool:
        """Move a damaged file out of the way, never deleting it."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if not _is_damaged(self.path):  # another kernel has already set it aside
            return True
        aside = f"{self.path}.damaged-{time.time_ns()}"  # noqa: TID251 - only a name
        try:
            Path(self.path).rename(aside)
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(self.path + suffix).rename(aside + suffix)
        except OSError as error:
            self._trouble = f"The ledger {self.path} is damaged ({error})."
            return False
        self._trouble = (
            f"The ledger {self.path} was damaged; it was set aside as {aside} "
            f"and a new one begun."
        )
        self._told = False
        return True


def _memory() -> sqlite3.Connection:
    return sqlite3.connect(MEMORY, isolation_level=None)


def _is_damaged(path: str) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
            return rows != [("ok",)]
    except sqlite3.Error as error:
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest form, each step with its number in one commit."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise sqlite3.OperationalError("it was written by a newer grok_nb: upgrade")
    while version < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < len(MIGRATIONS):
                MIGRATIONS[version](connection)
                version += 1
                connection.execute(f"PRAGMA user_version={version}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _close_all() -> None:
    for store in list(_stores):
        store.close()


def _forget_all() -> None:
    """In a forked child threads are gone, and SQLite connections must not be used."""
    for store in list(_stores):
        store._reset()  # noqa: SLF001 - same module


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
