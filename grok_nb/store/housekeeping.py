"""What is stored on disk: how much, a copy of it, and how to be rid of it.

Works on the file beside the kernels that have it open, by a connection of its own. The
tables that it knows are those in `grok_nb.store.file.TABLES`.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import json
import os
import sqlite3
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import grok_nb.store.replies  # noqa: F401 - declares the last of the tables, so all
from grok_nb.errors import GrokError

from . import file, journal
from .file import FILE, TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_MS = 5000
#: Held while a connection is open: none may cross a fork, SQLite forbids it.
_at_work = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_at_work.acquire,
        after_in_parent=_at_work.release,
        after_in_child=_at_work.release,
    )
#: What `grouped` can sort rows by.
By = Literal["notebook", "run", "month"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of something.

    Attributes
    ----------
    name
        Of the table, or the value that its rows share; ``None`` where they have none.
    rows
    content_bytes
        Of all values; the file adds its own structure.
    text_bytes
        The part of it that is text of prompts and replies, or may quote them.
    oldest, newest
        Times in ISO form, UTC; ``None`` without rows.
    """

    name: str | None
    rows: int
    content_bytes: int
    text_bytes: int
    oldest: str | None
    newest: str | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a store's folder holds.

    Attributes
    ----------
    path
        Of the SQLite file.
    disk_bytes
        Of that file and its logs.
    journal
        ``"wal"``, or ``"delete"`` where machines may share the folder.
    tables
    set_aside
        Files that were damaged, and the bytes of each.
    """

    path: Path
    disk_bytes: int
    journal: str
    tables: tuple[Size, ...]
    set_aside: tuple[tuple[Path, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rows to purge: those that meet every condition that is given.

    Attributes
    ----------
    older_than
        Rows from before that time, aware.
    notebook, run
        Rows of that notebook or run; ``""`` for those of none.
    everything
        All rows, also those in flight; stands alone.
    """

    older_than: datetime.datetime | None = None
    notebook: str | None = None
    run: str | None = None
    everything: bool = False

    def __post_init__(self) -> None:
        conditions = (self.older_than, self.notebook, self.run)
        is_narrowed = any(condition is not None for condition in conditions)
        if self.everything == is_narrowed:
            raise ValueError("choose rows by age, notebook or run, or all of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge has deleted, or would delete.

    Attributes
    ----------
    rows
        Table -> number of rows.
    in_flight
        Rows that were chosen and kept: in doubt, and less than an hour old (deferred
        requests: less than a day, requests of batches: less than 30 days; for as long
        as their result can be fetched).
    set_aside
        Damaged files that were deleted: all of their rows are among the chosen ones.
    set_aside_kept
        Damaged files that were not: nobody can tell what is in them.
    freed_bytes
        What the folder is smaller by; 0 when nothing was to be done yet.
    is_given_back
        Whether the space, and with it the last traces, has left the file. Not so while
        another process reads all the time.
    """

    rows: dict[str, int]
    in_flight: int
    set_aside: tuple[Path, ...]
    set_aside_kept: tuple[Path, ...]
    freed_bytes: int = 0
    is_given_back: bool = True


def sizes(folder: str) -> Sizes | None:
    """Return what the folder holds; ``None`` when there is nothing.

    Raises
    ------
    GrokError
        The file cannot be read.
    """
    path = Path(folder) / FILE
    set_aside = tuple((found, _bytes(found)) for found in _set_aside(path))
    if not path.exists():
        if not set_aside:
            return None
        return Sizes(path, 0, "none", (), set_aside)
    disk_bytes = _bytes(path)  # as it is before somebody more opens it
    with _reading(path) as connection:
        return Sizes(
            path,
            disk_bytes,
            journal.mode_of(connection),
            tuple(
                size
                for table in _tables(connection)
                for size in _measure(connection, table, f"'{table.name}'")
            ),
            set_aside,
        )


def grouped(folder: str, by: By) -> list[Size]:
    """Return the sizes of all tables' rows together by notebook, run or month.

    Raises
    ------
    GrokError
        The file cannot be read.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return []
    found: dict[str | None, list[Size]] = {}
    with _reading(path) as connection:
        for table in _tables(connection):
            value = {"notebook": table.notebook, "run": table.run}.get(
                by, "substr(time, 1, 7)"
            )
            for size in _measure(connection, table, value):
                found.setdefault(size.name, []).append(size)
    return [
        Size(
            name,
            sum(size.rows for size in parts),
            sum(size.content_bytes for size in parts),
            sum(size.text_bytes for size in parts),
            min(size.oldest or "" for size in parts),
            max(size.newest or "" for size in parts),
        )
        for name, parts in sorted(found.items(), key=lambda item: item[0] or "")
    ]


def export(folder: str, target: Path, *, overwrite: bool = False) -> int:
    """Write all rows to a file, as they are stored; return their number.

    Parameters
    ----------
    folder
        Of the store.
    target
        ``.jsonl``: an object a line, of all tables, each with its ``table``. ``.csv``:
        the ledger. It appears when it is whole.
    overwrite
        Whether it may replace a file. Default no.

    Raises
    ------
    GrokError
        Another suffix; a file of that name is there; the store cannot be read.
    OSError
        The target cannot be written.
    """
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv}
    write = writers.get(target.suffix.lower())
    if write is None:
        raise GrokError(
            f"{target.name} ends neither in .jsonl nor in .csv.",
            hint="Other formats: pandas.read_json(FILE, lines=True) reads .jsonl.",
        )
    path = Path(folder) / FILE
    if not path.exists():
        raise GrokError(f"Nothing is stored in {folder}.")
    _refuse_to_replace(target, overwrite=overwrite)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with (
            _reading(path) as connection,
            part.open("w", encoding="utf-8", newline="") as text,
        ):
            connection.execute("BEGIN")  # all tables as they are at one moment
            count = write(connection, text)
            text.flush()
            os.fsync(text.fileno())
        _refuse_to_replace(target, overwrite=overwrite)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def purge(
    folder: str,
    choice: Choice,
    *,
    now: datetime.datetime,
    dry_run: bool = False,
    patience_ms: int = PATIENCE_MS,
) -> Purge:
    """Delete rows, and give their space back.

    Afterwards no byte of them is in the folder, unless ``is_given_back`` is false. A
    kernel that has the file open goes on with it; a row that it has in flight is
    written again when it ends.

    Parameters
    ----------
    folder
        Of the store.
    choice
        Which rows.
    now
        The time, aware.
    dry_run
        Only count. Default no.
    patience_ms
        Milliseconds to wait for others that hold the file. Default 5000.

    Raises
    ------
    GrokError
        The file cannot be changed now; nothing was deleted.
    """
    path = Path(folder) / FILE
    gone, kept = _chosen_files(path, choice)
    before = _bytes(path)
    result = Purge(rows={}, in_flight=0, set_aside=gone, set_aside_kept=kept)
    if path.exists():
        with (
            _at_work,
            _explained(path),
            contextlib.closing(_connect(path, patience_ms)) as connection,
        ):
            result = _purge_rows(connection, choice, now, result, dry_run=dry_run)
    if dry_run:
        return result
    freed = before - _bytes(path)
    for found in gone:
        freed += _bytes(found)
        for name in _with_logs(found):
            name.unlink(missing_ok=True)
    return replace(result, freed_bytes=max(0, freed))


def _purge_rows(
    connection: sqlite3.Connection,
    choice: Choice,
    now: datetime.datetime,
    result: Purge,
    *,
    dry_run: bool,
) -> Purge:
    # what is deleted is overwritten, even if the file cannot be made smaller now
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("BEGIN" if dry_run else "BEGIN IMMEDIATE")
    rows, in_flight = {}, 0
    try:
        for table in TABLES:
            where, values = _condition(table, choice)
            flying = f"({where}) AND {_flying(table)}"
            if not choice.everything:
                in_flight += _count(connection, table, flying, [*values, _iso(now)])
                where = f"({where}) AND NOT {_flying(table)}"
                values = [*values, _iso(now)]
            rows[table.name] = _count(connection, table, where, values)
            if not dry_run:
                sql = f"DELETE FROM {table.name} WHERE {where}"  # noqa: S608 - constants
                connection.execute(sql, values)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    is_given_back = dry_run or _give_back(connection)
    return replace(result, rows=rows, in_flight=in_flight, is_given_back=is_given_back)


def _give_back(connection: sqlite3.Connection) -> bool:
    """Write the file anew without holes, and empty its log; return whether it worked."""
    try:
        connection.execute("VACUUM")
        # of a file without such a log it says (0, -1, -1)
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:  # locked, or no room for the second copy
        return False
    return not busy


def _condition(table: Table, choice: Choice) -> tuple[str, list[str]]:
    conditions, values = ["1"], []
    if choice.older_than is not None:
        conditions.append("time < ?")
        values.append(_iso(choice.older_than))
    for expression, wanted in (
        (table.notebook, choice.notebook),
        (table.run, choice.run),
    ):
        if wanted is not None:
            conditions.append(f"ifnull(({expression}), '') = ?")
            values.append(wanted)
    return " AND ".join(conditions), values


def _flying(table: Table) -> str:
    return (
        f"(ifnull(({table.state}), '') = 'in_doubt' "
        f"AND julianday(time) >= julianday(?) - ({table.flies_h}) / 24.0)"
    )


def _count(
    connection: sqlite3.Connection, table: Table, where: str, values: list[str]
) -> int:
    sql = f"SELECT count(*) FROM {table.name} WHERE {where}"  # noqa: S608 - constants
    return int(connection.execute(sql, values).fetchone()[0])


def _iso(time: datetime.datetime) -> str:
    """Write a time as the rows have it, so that texts compare as times do."""
    return time.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def _chosen_files(
    path: Path, choice: Choice
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the damaged files that hold chosen rows alone, and the others."""
    gone: list[Path] = []
    kept: list[Path] = []
    by_age_alone = choice.notebook is None and choice.run is None
    for found in _set_aside(path):
        # its name ends in when it was set aside: all of its rows are older
        stamp = int(found.name.rpartition("-")[2]) / 1e9
        is_old = choice.older_than is not None and stamp < choice.older_than.timestamp()
        is_chosen = choice.everything or (by_age_alone and is_old)
        (gone if is_chosen else kept).append(found)
    return tuple(gone), tuple(kept)


# -- reading ----------------------------------------------------------------------


def _connect(path: Path, patience_ms: int = PATIENCE_MS) -> sqlite3.Connection:
    return file.connect(str(path), patience_ms=patience_ms)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file to read, also where nothing can be written."""
    with _at_work, _explained(path):
        try:
            connection = _connect(path)
        except sqlite3.OperationalError:
            connection = file.connect_to_read(str(path))
        with contextlib.closing(connection):
            yield connection


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        hint = ""
        if file.is_damage(error):
            hint = (
                "The next call of grok_nb sets it aside; then "
                "`grok-nb store purge --all` deletes it."
            )
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            hint = "Another process holds it for long; try again when that has ended."
        raise GrokError(f"{path} cannot be used: {error}.", hint=hint) from error


def _tables(connection: sqlite3.Connection) -> list[Table]:
    """Return the tables that the file has; an older one that cannot be changed has few."""
    there = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        )
    }
    return [table for table in TABLES if table.name in there]


def _columns(connection: sqlite3.Connection, table: Table) -> list[str]:
    found = connection.execute(f"SELECT * FROM {table.name} LIMIT 0")  # noqa: S608
    return [column for column, *_ in found.description]


def _measure(connection: sqlite3.Connection, table: Table, value: str) -> list[Size]:
    def length(columns: tuple[str, ...] | list[str]) -> str:
        parts = [f"ifnull(length(CAST({c} AS BLOB)), 0)" for c in columns]
        return f"ifnull(sum({' + '.join(parts) or '0'}), 0)"

    everything = _columns(connection, table)
    groups = "" if value == f"'{table.name}'" else "GROUP BY 1"
    sql = (
        f"SELECT ({value}), count(*), {length(everything)}, {length(table.texts)}, "  # noqa: S608 - constants
        f"min(time), max(time) FROM {table.name} {groups}"
    )
    return [Size(*row) for row in connection.execute(sql)]


def _rows(connection: sqlite3.Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    sql = f"SELECT * FROM {table.name} ORDER BY time"  # noqa: S608 - constants
    return connection.execute(sql)


def _write_jsonl(connection: sqlite3.Connection, text: TextIO) -> int:
    count = 0
    for table in _tables(connection):
        columns = _columns(connection, table)
        for row in _rows(connection, table):
            line = {"table": table.name, **dict(zip(columns, row, strict=True))}
            text.write(json.dumps(line, ensure_ascii=False, default=_as_text) + "\n")
            count += 1
    return count


def _as_text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _write_csv(connection: sqlite3.Connection, text: TextIO) -> int:
    count, ledger = 0, TABLES[0]
    writer = csv.writer(text)
    writer.writerow(_columns(connection, ledger))
    for row in _rows(connection, ledger):
        writer.writerow(row)
        count += 1
    return count


# -- files ------------------------------------------------------------------------


def _refuse_to_replace(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise GrokError(f"{target} is there already.", hint="--force replaces it.")


def _with_logs(path: Path) -> list[Path]:
    suffixes = ("", "-wal", "-journal", "-shm")
    return [path.with_name(path.name + suffix) for suffix in suffixes]


def _bytes(path: Path) -> int:
    """Return what is stored; the last one of the files is memory, shared by name."""
    files = _with_logs(path)[:-1]
    return sum(found.stat().st_size for found in files if found.exists())


def _set_aside(path: Path) -> list[Path]:
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(name for name in found if name.name.rpartition("-")[2].isdigit())
