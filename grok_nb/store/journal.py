"""How the file's changes are made safe: a log ahead of it, or a journal behind it.

SQLite's write-ahead log needs memory that all who have the file open share. Between
machines there is none: two machines that log ahead on one network folder lose rows, or
the file. Some file systems refuse such memory altogether, a few only once it is used.
There a rollback journal does the same with locks alone; it is slower (several waits for
the disk a commit), so every commit waits for the disk anyway: ``synchronous=FULL``.
Source: sqlite.org/wal.html, section "Overview"; sqlite.org/lockingv3.html.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Types of file systems that other machines (or a host and its guests) may share.
_SHARED = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs", "coda", "davfs"),
    *("ceph", "lustre", "gpfs", "beegfs", "glusterfs", "orangefs", "gfs2", "ocfs2"),
    *("virtiofs", "vboxsf", "vmhgfs", "prl_fs", "fakeowner", "fuse"),
}
_MOUNTS = Path("/proc/self/mountinfo")
#: Not SQLITE_IOERR_SHMSIZE: that is a full disk.
_NO_SHARED_MEMORY = {sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMMAP}
_REMOTE_DRIVE = 4
_READ = "SELECT count(*) FROM sqlite_schema"


def network_kind(folder: str | os.PathLike[str]) -> str | None:
    """Return the type of the file system if other machines may share it.

    Parameters
    ----------
    folder
        Need not exist yet; then its nearest parent counts.

    Returns
    -------
    str or None
        Such as ``"nfs4"``, ``"cifs"`` or ``"fuse.sshfs"``; ``None`` for a disk of this
        machine, and where it cannot be told (macOS).
    """
    with contextlib.suppress(OSError, ValueError):
        place = Path(folder).absolute()
        if sys.platform == "win32":
            import ctypes

            kind = ctypes.windll.kernel32.GetDriveTypeW(place.anchor)
            return "a network drive" if kind == _REMOTE_DRIVE else None
        while not place.exists() and place != place.parent:
            place = place.parent
        device = place.stat().st_dev
        text = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        return shared_type(text, f"{os.major(device)}:{os.minor(device)}")
    return None


def network_note(folder: str | os.PathLike[str]) -> str | None:
    """Return what a user should know of a store in that folder, if machines share it.

    Locks cannot be tried from one machine. sshfs, measured, has none between two: both
    wrote at once, and damaged the file.
    """
    kind = network_kind(folder)
    if kind is None:
        return None
    return (
        f"The store is on a network file system ({kind}): commits are slower than on a "
        f"disk, and two machines may use it at once only if it locks files between them "
        f"(NFS and SMB do, sshfs does not). GROK_NB_STORE names another folder."
    )


def shared_type(mounts: str, device: str) -> str | None:
    """Return the device's type of file system, if it is one that machines share.

    Parameters
    ----------
    mounts
        What ``/proc/self/mountinfo`` says.
    device
        ``"major:minor"``.
    """
    for line in mounts.splitlines():
        fields = line.split(" ")
        # "-" ends the fields whose number varies; the type comes after it.
        # Source: proc(5), /proc/pid/mountinfo.
        if len(fields) > 2 and fields[2] == device and "-" in fields[6:-1]:
            kind = fields[fields.index("-", 6) + 1]
            # what FUSE serves may be anywhere, but "fuseblk" is a disk
            is_shared = kind in _SHARED or kind.startswith("fuse.")
            return kind if is_shared else None
    return None


def opened(
    connect: Callable[[], sqlite3.Connection],
    folder: str,
    version_of: Callable[[sqlite3.Connection], int],
) -> sqlite3.Connection:
    """Return a connection whose journal is safe on the folder's file system.

    Parameters
    ----------
    connect
        Makes a connection that has not read anything yet.
    folder
        Where its file lies.
    version_of
        Reads the form of the file's tables, 0 for a new file. Raises when the file is
        not to be touched.

    Raises
    ------
    sqlite3.OperationalError
        Also when the file logs ahead, may not do so here, and is open elsewhere.
    """
    kind = network_kind(folder)
    connection = connect()
    try:
        _choose(connection, kind, version_of)
    except sqlite3.OperationalError as error:
        connection.close()
        if _code(error) not in _NO_SHARED_MEMORY:
            raise
    except BaseException:
        connection.close()
        raise
    else:
        return connection
    connection = connect()
    try:
        # whoever is alone with the file needs no shared memory to read its log
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        _choose(connection, kind or "this file system", version_of)
        connection.execute("PRAGMA locking_mode=NORMAL")
        connection.execute(_READ).fetchone()  # lets it go
    except BaseException:
        connection.close()
        raise
    return connection


def _choose(
    connection: sqlite3.Connection,
    kind: str | None,
    version_of: Callable[[sqlite3.Connection], int],
) -> None:
    is_new, mode = version_of(connection) == 0, mode_of(connection)
    if is_new and kind is None:
        # one that has rows and a rollback journal keeps that: a machine that sees the
        # folder over the network may have it open
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # some systems refuse only now
        connection.execute(_READ).fetchone()
    if mode == "wal" and kind is None:
        connection.execute("PRAGMA synchronous=NORMAL")
        return
    if mode == "wal":
        _stop_logging_ahead(connection, kind)
    connection.execute("PRAGMA synchronous=FULL")


def _stop_logging_ahead(connection: sqlite3.Connection, kind: str | None) -> None:
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if _code(error) & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise sqlite3.OperationalError(
            f"locked: on {kind} it needs another journal, and it is open elsewhere"
        ) from error


def mode_of(connection: sqlite3.Connection) -> str:
    """Return ``"wal"`` or ``"delete"``."""
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0
