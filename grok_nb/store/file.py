"""The SQLite file itself: what is in it, how it is opened, and whether it is whole."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = "grok_nb.sqlite"
MEMORY = ":memory:"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

#: Append only: each entry is run once, in order, and its number is user_version.
MIGRATIONS: Final[list[Callable[[sqlite3.Connection], object]]] = []


@dataclass(frozen=True, slots=True)
class Table:
    """What `grok_nb.store.housekeeping` needs to know of a table.

    Attributes
    ----------
    name
        Of the table. Its column ``time`` is UTC in ISO form.
    texts
        Columns that can hold text of prompts and replies, or quote it.
    notebook, run
        SQL expressions of a row: the notebook and the run that it belongs to.
    state
        SQL expression of a row, ``'in_doubt'`` while its request may be in flight.
    flies_h
        SQL expression of a row: hours for which it may be. As long as a call may take,
        by default.
    """

    name: str
    texts: tuple[str, ...]
    notebook: str
    run: str
    state: str
    flies_h: str = "1"


#: Tables whose rows users can see, export and purge; the first is the ledger.
TABLES: Final[list[Table]] = []


def connect(
    path: str, *, patience_ms: int, vfs: str | None = None
) -> sqlite3.Connection:
    """Open the file, make it if there is none, and bring it to the newest form.

    Parameters
    ----------
    path
        Its folder exists.
    patience_ms
        Milliseconds to wait for a file that another process has locked.
    vfs
        SQLite's own way to reach files; default the system's.

    Raises
    ------
    sqlite3.Error
        Locked, damaged, written by a newer version, no permission, and the like.
    """

    def bare() -> sqlite3.Connection:
        # the thread may be another one after close() or fork()
        connection = sqlite3.connect(
            path if vfs is None else f"{Path(path).absolute().as_uri()}?vfs={vfs}",
            isolation_level=None,
            check_same_thread=False,
            uri=vfs is not None,
        )
        connection.execute(f"PRAGMA busy_timeout={patience_ms}")
        return connection

    connection = journal.opened(bare, str(Path(path).parent), _version)
    try:
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: str) -> sqlite3.Connection:
    """Open an existing file so that nothing can be written to it.

    Raises
    ------
    sqlite3.Error, OSError, ValueError
        There is none, it is damaged, or written by a newer version.
    """
    # where it can write nothing, SQLite reads the file only without its log
    log = Path(path + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    address = f"{Path(path).absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(address, uri=True)
    try:
        _version(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory() -> sqlite3.Connection:
    """Return a new, empty database that only this process has."""
    return sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells this file from another one of the same name."""
    try:
        status = os.stat(path)  # noqa: PTH116 - once per commit
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, or no database at all."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise sqlite3.OperationalError("it was written by a newer grok_nb: upgrade")
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest form, each step with its number in one commit."""
    version = _version(connection)
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


@contextlib.contextmanager
def alone_in(folder: str) -> Iterator[None]:
    """Hold a lock between processes, where the system has one for folders.

    Elsewhere (Windows) a file that another process has open cannot be renamed.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)
