"""The store: one thread that reads and writes the SQLite file.

All statements run on one thread per store, so that a file that another kernel holds
never stalls an event loop or Stop. Whatever is queued when the thread is free is
committed together. Writes that cannot be committed now (locked, read-only, full) are
kept in memory, are part of what is read, and are tried again until they can be.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import queue
import sqlite3
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import file, replies
from .file import FILE, MEMORY, in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
#: Whoever opens the file knows all of its tables: these modules declare them.
_DECLARED = (replies,)

#: Milliseconds to wait for another kernel's write after it once was in vain.
_IMPATIENCE_MS = 100
#: Seconds until writes that could not be committed are tried again.
_RETRY_S = 2.0
#: Seconds that a write nobody waits for may wait for company.
_LINGER_S = 0.02
#: Writes kept in memory while the file cannot be written.
_LONGEST_BACKLOG = 20_000
_EXIT_S = 6.0
#: What is wrong with one row, not with the file.
_ROW_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    ValueError,
    TypeError,
    OverflowError,
)


class Write:
    """One statement to be committed, and whom to tell when it was tried.

    Attributes
    ----------
    check
        Decides, in the commit of the statement, whether it is made at all.
    verdict
        What it has decided; ``None`` until then.
    """

    __slots__ = ("check", "done", "parameters", "sql", "verdict")

    def __init__(
        self,
        sql: str,
        parameters: Sequence[Any],
        done: Callable[[], object] | None = None,
        check: Callable[[sqlite3.Connection], bool] | None = None,
    ) -> None:
        self.sql = sql
        self.parameters = parameters
        self.done = done
        self.check = check
        self.verdict: bool | None = None


class Read:
    """A function of the connection whose result somebody waits for."""

    __slots__ = ("error", "finished", "function", "result")

    def __init__(self, function: Callable[[sqlite3.Connection], Any]) -> None:
        self.function = function
        self.finished = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class End:
    """A wish for the thread to end, after all earlier work."""

    __slots__ = ("finished",)

    def __init__(self) -> None:
        self.finished = threading.Event()


class Store:
    """One SQLite file (or memory) and the thread that works on it.

    Parameters
    ----------
    folder
        Where ``grok_nb.sqlite`` lies, or ``":memory:"``.
    patience_ms
        Milliseconds to wait for a file that another kernel has locked. Default 5000.
    """

    def __init__(self, folder: str, *, patience_ms: int = 5000) -> None:
        self.folder = folder
        self._whole_patience_ms = patience_ms
        self.path = MEMORY if folder == MEMORY else str(Path(folder) / FILE)
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        """Begin without thread and connection; also in a forked child."""
        self._work: collections.deque[Write | Read | End] = collections.deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wakes_soon = False
        self._start = threading.Lock()
        self._busy = threading.Lock()  # held while SQLite is at work
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._backlog: list[Write] = []
        self._patience_ms, self._waits_ms = self._whole_patience_ms, -1
        self._outage: str | None = None
        self._notices: collections.deque[str] = collections.deque()

    # -- any thread ---------------------------------------------------------------

    def write(
        self,
        sql: str,
        parameters: Sequence[Any],
        done: Callable[[], object] | None = None,
        check: Callable[[sqlite3.Connection], bool] | None = None,
    ) -> None:
        """Queue a statement; ``done`` is called (on the store's thread) once tried.

        ``check`` decides, in the same commit, whether the statement is made at all; it
        may be asked more than once, and its last word counts.
        """
        self._put(Write(sql, parameters, done, check), at_once=done is not None)

    def notice(self, text: str) -> None:
        """Have something said, once, by whoever asks for `trouble`."""
        self._notices.append(text)

    def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection after all earlier writes; wait for it."""
        read = Read(function)
        self._put(read, at_once=True)
        while not read.finished.wait(0.1):
            if self._thread is not None and not self._thread.is_alive():
                raise RuntimeError("the thread of grok_nb's store has ended")
        if read.error is not None:
            raise read.error
        return read.result  # type: ignore[no-any-return]  # what function returned

    def trouble(self) -> str | None:
        """Return, once, why rows could not be written, if they could not."""
        notices = []
        with contextlib.suppress(IndexError):
            while True:
                notices.append(self._notices.popleft())
        return " ".join(notices) or None

    def close(self) -> None:
        """Write what is queued, within seconds, and end the thread."""
        if self._thread is not None:
            end = End()
            self._put(end, at_once=True)
            end.finished.wait(_EXIT_S)

    def _put(self, work: Write | Read | End, *, at_once: bool) -> None:
        self._work.append(work)
        if at_once or not self._wakes_soon:
            self._wake.put(None)
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._main, name="grok_nb-store", daemon=True
                    )
                    self._thread.start()

    # -- the store's thread -------------------------------------------------------

    def _main(self) -> None:
        linger = False
        while True:
            self._sleep(linger=linger)
            with self._busy:
                linger, ends = self._work_off()
                ended = bool(ends) and self._ended()
            for end in ends:
                end.finished.set()
            if ended:
                return

    def _sleep(self, *, linger: bool) -> None:
        """Wait for work.

        The end of a short call soon follows its intent: it may then wait a moment for
        the intent of the next call, which halves the commits of quick calls.
        """
        self._wakes_soon = linger and not self._backlog
        wait = _RETRY_S if self._backlog else _LINGER_S if linger else None
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=wait)
            self._wakes_soon = False
            while True:
                self._wake.get_nowait()
        self._wakes_soon = False

    def _work_off(self) -> tuple[bool, list[End]]:
        """Do what is queued; return whether somebody waited, and who wants an end."""
        waited, ends = False, []
        while self._work:
            item = self._work.popleft()
            if isinstance(item, End):
                ends.append(item)
            elif isinstance(item, Write):
                self._backlog.append(item)
                waited = waited or item.done is not None
            else:
                self._commit()
                self._answer(item)
            if len(self._backlog) >= 1000 and not self._outage:
                self._commit()
        self._commit()
        return waited, ends

    def _ended(self) -> bool:
        """End the thread, unless there is new work."""
        with self._start:
            self._thread = None
            if self._work:
                self._thread = threading.current_thread()
                return False
            self._disconnect()
            return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _answer(self, read: Read) -> None:
        try:
            try:
                read.result = self._read(read.function)
            except sqlite3.DatabaseError as error:
                if not (file.is_damage(error) and self._recovered(read)):
                    raise
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            read.error = error
        read.finished.set()

    def _recovered(self, read: Read) -> bool:
        """Read once more from a new connection, then from a new file."""
        self._disconnect()
        try:
            read.result = self._read(read.function)
        except sqlite3.DatabaseError as error:
            if not (file.is_damage(error) and self._set_aside()):
                return False
            read.result = self._read(read.function)
        return True

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._open()
        except (sqlite3.Error, OSError, ValueError) as error:
            if file.is_damage(error):
                raise
            self._report(error)
        else:
            if not self._backlog:
                return function(connection)
        # rows that are not in the file yet are part of the answer all the same
        with contextlib.closing(in_memory()) as both:
            self._copy_to(both)
            file.migrate(both)
            for write in self._backlog:
                with contextlib.suppress(*_ROW_ERRORS):
                    both.execute(write.sql, write.parameters)
            return function(both)

    def _copy_to(self, memory: sqlite3.Connection) -> None:
        """Copy the file, if it can be read at all."""
        if self._connection is not None:
            self._connection.backup(memory)
            return
        with (
            contextlib.suppress(sqlite3.Error, OSError, ValueError),
            contextlib.closing(file.connect_to_read(self.path)) as found,
        ):
            found.backup(memory)

    def _commit(self) -> None:
        """Commit the backlog, or keep it; either way tell those who wait."""
        if not self._backlog:
            return
        try:
            try:
                self._commit_all()
            except sqlite3.DatabaseError as error:
                if not file.is_damage(error):
                    raise
                self._disconnect()  # perhaps only what we knew of the file was wrong
                self._commit_again()
        except Exception as error:  # noqa: BLE001 - the thread must go on
            self._patience_ms = _IMPATIENCE_MS
            self._report(error)
            self._decide()
            self._tell()
            if len(self._backlog) > _LONGEST_BACKLOG:
                del self._backlog[:-_LONGEST_BACKLOG]
        else:
            self._patience_ms = self._whole_patience_ms
            if self._outage is not None:
                with contextlib.suppress(ValueError):  # over before anybody asked
                    self._notices.remove(self._outage)
                self._outage = None
            self._tell()
            self._backlog.clear()

    def _decide(self) -> None:
        """Decide by what is known what cannot be committed now, and leave out the rest."""
        if all(w.check is None or w.verdict is not None for w in self._backlog):
            return
        with contextlib.closing(in_memory()) as both:
            self._copy_to(both)
            file.migrate(both)
            for write in self._backlog:
                if write.check is not None and write.verdict is None:
                    write.verdict = write.check(both)
                if write.verdict is not False:
                    with contextlib.suppress(*_ROW_ERRORS):
                        both.execute(write.sql, write.parameters)
        refused = [w for w in self._backlog if w.verdict is False]
        self._backlog = [w for w in self._backlog if w.verdict is not False]
        for write in refused:
            if write.done is not None:
                write.done()

    def _commit_again(self) -> None:
        try:
            self._commit_all()
        except sqlite3.DatabaseError as error:
            if not (file.is_damage(error) and self._set_aside()):
                raise
            self._commit_all()

    def _commit_all(self) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        refused = None
        decided: list[tuple[Write, bool]] = []
        try:
            for write in self._backlog:
                if write.check is not None and write.verdict is None:
                    decided.append((write, write.check(connection)))
                    if not decided[-1][1]:
                        continue
                try:
                    connection.execute(write.sql, write.parameters)
                except _ROW_ERRORS as error:
                    refused = error
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        for write, verdict in decided:  # what was rolled back decides nothing
            write.verdict = verdict
        if refused is not None:
            self._notices.append(f"A row of the ledger was refused: {refused!r}.")

    def _report(self, error: Exception) -> None:
        """Have it told, once until it is over, that rows cannot be written."""
        if self._outage is None:
            self._outage = (
                f"The ledger {self.path} cannot be written now ({error}); its rows are "
                f"kept in memory until it can be."
            )
            self._notices.append(self._outage)

    def _tell(self) -> None:
        for write in self._backlog:
            if write.done is not None:
                done, write.done = write.done, None
                done()

    def _open(self) -> sqlite3.Connection:
        if self.path == MEMORY:
            if self._connection is None:
                self._connection = in_memory()
                file.migrate(self._connection)
            return self._connection
        if self._connection is not None:
            if file.identity(self.path) == self._identity:
                self._be_patient(self._connection)
                return self._connection
            self._disconnect()  # the file was set aside by another kernel, or deleted
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        self._identity = file.identity(self.path)
        connection = self._connect()
        self._waits_ms = self._patience_ms
        self._identity = file.identity(self.path)
        self._connection = connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        return file.connect(self.path, patience_ms=self._patience_ms)

    def _be_patient(self, connection: sqlite3.Connection) -> None:
        if self._waits_ms != self._patience_ms:
            self._waits_ms = self._patience_ms
            connection.execute(f"PRAGMA busy_timeout={self._patience_ms}")

    def _set_aside(self) -> bool:
        """Move a damaged file out of the way, never deleting it."""
        self._disconnect()
        aside = f"{self.path}.damaged-{time.time_ns()}"
        with file.alone_in(self.folder):
            found = file.identity(self.path)
            if found is None or found != self._identity:
                return True  # another kernel has already set it aside
            try:
                # the log first: a new file must never meet the log of an old one
                for suffix in ("-wal", "-shm", ""):
                    with contextlib.suppress(FileNotFoundError):
                        Path(self.path + suffix).rename(aside + suffix)
            except OSError:
                return False
        self._notices.append(
            f"The ledger {self.path} was damaged; it was set aside as {aside} "
            f"and a new one begun."
        )
        return True

    # -- fork ---------------------------------------------------------------------

    def _before_fork(self) -> None:
        """Let no connection cross a fork: SQLite forbids it."""
        if self._busy.acquire(timeout=_EXIT_S) and self.path != MEMORY:
            self._disconnect()

    def _after_fork(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._busy.release()

    def _forget(self) -> None:
        """In the child: threads are gone, and what is queued is the parent's."""
        connection, work = self._connection, [*self._backlog, *self._work]
        self._reset()
        if self.path == MEMORY:  # nobody else has those rows
            self._connection = connection
            self._backlog = [
                Write(item.sql, item.parameters)
                for item in work
                if isinstance(item, Write)
            ]


_shared: dict[str, Store] = {}
_guard = threading.Lock()


def shared(folder: str) -> Store:
    """Return the process's store of that folder; ``":memory:"`` is a new one each."""
    if folder == MEMORY:
        return Store(folder)
    with _guard:
        if folder not in _shared:
            _shared[folder] = Store(folder)
        return _shared[folder]


def forget(folder: str) -> None:
    """Close the process's store of that folder, if there is one."""
    with _guard:
        store = _shared.pop(folder, None)
    if store is not None:
        store.close()


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _all(method: Callable[[Store], None]) -> Callable[[], None]:
    def run() -> None:
        for store in list(_stores):
            method(store)

    return run


atexit.register(_all(Store.close))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_all(Store._before_fork),  # noqa: SLF001 - same module
        after_in_parent=_all(Store._after_fork),  # noqa: SLF001
        after_in_child=_all(Store._forget),  # noqa: SLF001
    )
