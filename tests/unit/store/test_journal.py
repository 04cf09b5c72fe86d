"""Folders that other machines share: no write-ahead log, and nothing lost."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.store import file, journal
from grok_nb.store.db import Store
from grok_nb.store.ledger import Ledger

from .books import book_all, finish, in_file, names, open_ledger, run, start, states

FILE = "grok_nb.sqlite"
#: SQLite's locks by directories need no memory that processes share, nor have any.
WITHOUT_SHARED_MEMORY = "unix-dotfile"


class Elsewhere(Store):
    """A store on a file system without shared memory."""

    def _connect(self):
        return file.connect(
            self.path, patience_ms=self._patience_ms, vfs=WITHOUT_SHARED_MEMORY
        )


def mode_in_file(folder):
    """Return the journal mode that the file's header asks for."""
    return {1: "delete", 2: "wal"}[(Path(folder) / FILE).read_bytes()[18]]


def rows_with_a_rollback_journal(folder):
    """Make what a machine leaves that sees the folder over the network."""
    store, ledger = open_ledger(folder)
    book_all(ledger, "before")
    store.close()
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


# -- what kind of folder it is ----------------------------------------------------

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
41 27 0:39 / /home rw,relatime shared:7 - nfs4 filer:/export/home rw,vers=4.2
42 27 0:40 /sub /mnt/with\\040space rw shared:1 master:2 - cifs //filer/a rw
43 27 0:41 / /mnt/s rw,nosuid - fuse.sshfs me@there:/ rw,user_id=0
44 27 8:17 / /media/stick rw - fuseblk /dev/sdb1 rw
45 27 0:42 / /host rw - 9p host rw,trans=virtio
46 27 0:43 / /merged rw - overlay overlay rw,lowerdir=/-
47 27 0:44 / /short
"""


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        ("254:0", None),
        ("0:39", "nfs4"),
        ("0:40", "cifs"),
        ("0:41", "fuse.sshfs"),
        ("8:17", None),
        ("0:42", "9p"),
        ("0:43", None),
        ("0:44", None),
        ("0:3", None),
    ],
)
def test_the_type_of_the_mounted_system_is_read(device, kind):
    assert journal.shared_type(MOUNTS, device) == kind


words = st.text("abcz-/:,=7\\04 ".replace(" ", ""), min_size=1)


@given(
    optional=st.lists(words.filter(lambda word: word != "-"), max_size=4),
    texts=st.tuples(words, words, words, words, words),
    kind=st.sampled_from(["nfs", "nfs3x", "ext4", "fuse.s3fs", "fuseblk"]),
)
def test_the_type_is_found_among_fields_of_any_number(optional, texts, kind):
    root, point, options, origin, more = texts
    line = " ".join(
        ["1", "2", "0:5", root, point, options, *optional, "-", kind, origin, more]
    )
    expected = kind if kind in ("nfs", "fuse.s3fs") else None
    assert journal.shared_type(f"9 9 0:55 / / rw - xfs x rw\n{line}\n", "0:5") == (
        expected
    )


def test_a_folder_that_is_not_there_yet_is_asked_about_its_parent(tmp_path):
    there = journal.network_kind(tmp_path)
    assert journal.network_kind(tmp_path / "not" / "there") == there
    assert journal.network_kind("\0") is None


def test_a_network_folder_is_noted_and_a_disk_is_not(tmp_path):
    note, kind = journal.network_note(tmp_path), journal.network_kind(tmp_path)
    assert note is None if kind is None else kind in note


# -- which journal the file gets --------------------------------------------------


def test_on_a_disk_of_this_machine_a_new_file_logs_ahead(tmp_path):
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")
    assert (tmp_path / f"{FILE}-wal").exists()
    assert store.read(journal.mode_of) == "wal"
    store.close()


def test_without_shared_memory_rows_are_as_safe_behind_a_rollback_journal(tmp_path):
    store = Elsewhere(str(tmp_path))
    ledger = Ledger(store)
    book_all(ledger, *names("a", 20))
    assert store.read(journal.mode_of) == "delete"
    full = store.read(lambda c: c.execute("PRAGMA synchronous").fetchone())
    assert full == (2,)
    assert mode_in_file(tmp_path) == "delete"
    assert states(ledger) == in_file(tmp_path)
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert store.trouble() is None


SEVERAL = """
import sys, threading
from tests.unit.store.test_journal import Elsewhere
kind = {"Elsewhere": Elsewhere, "Store": books.Store}[sys.argv[3]]
store = kind(sys.argv[1])
ledger = books.Ledger(store)
print("ready", flush=True)
sys.stdin.readline()
threads = [
    threading.Thread(
        target=books.book_all, args=(ledger, *books.names(sys.argv[2] + letter, 20))
    )
    for letter in "xy"
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
known = books.states(ledger)
store.close()
print(store.trouble(), len(known))
"""


@pytest.mark.parametrize("kind", ["Elsewhere", "Store"])
def test_processes_share_a_file_that_cannot_log_ahead(tmp_path, kind):
    if kind == "Store":
        rows_with_a_rollback_journal(tmp_path)
    processes = [start(SEVERAL, tmp_path, letter, kind) for letter in "abc"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.wait(60)
        # somebody may have had to wait too long, but then knew all of its rows still
        assert int(finish(process).split()[-1]) >= 40
    expected = {n for a in "abc" for b in "xy" for n in names(a + b, 20)}
    found = in_file(tmp_path)
    found.pop("before", None)
    assert found == dict.fromkeys(expected, "done")
    assert mode_in_file(tmp_path) == "delete"


def test_row_of_a_process_killed_behind_a_rollback_journal_stays_in_doubt(tmp_path):
    rows_with_a_rollback_journal(tmp_path)
    script = """
    import asyncio, os, signal, sqlite3, sys
    store, ledger = books.open_ledger(sys.argv[1])
    async def main():
        await ledger.intend(books.record("paid?"))
        # and in the middle of a commit, its journal on the disk
        other = sqlite3.connect(sys.argv[1] + "/grok_nb.sqlite", isolation_level=None)
        other.execute("PRAGMA cache_size=1")
        other.execute("PRAGMA cache_spill=1")
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE calls SET state = 'done', error = hex(zeroblob(90000))")
        assert os.path.exists(sys.argv[1] + "/grok_nb.sqlite-journal")
        os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(main())
    """
    run(script, tmp_path, code_expected=-9)
    assert (tmp_path / f"{FILE}-journal").exists()
    store, ledger = open_ledger(tmp_path)
    assert states(ledger) == {"before": "done", "paid?": "in_doubt"}
    assert store.read(journal.mode_of) == "delete"
    store.close()


def test_a_file_that_others_see_over_the_network_is_left_as_it_is(tmp_path):
    rows_with_a_rollback_journal(tmp_path)
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")
    store.close()
    assert mode_in_file(tmp_path) == "delete"
    assert in_file(tmp_path) == {"before": "done", "a": "done"}


# -- file systems that refuse late ------------------------------------------------


class Refusing(sqlite3.Connection):
    """Says yes to the write-ahead log, and fails when its shared memory is needed.

    So does FUSE with direct_io, measured.
    """

    alone = False

    def execute(self, sql, *rest):
        self.alone = self.alone or sql == "PRAGMA locking_mode=EXCLUSIVE"
        found = super().execute(sql, *rest)
        if not self.alone and mode_in_file_of(self) == "wal":
            found.close()
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMMAP
            raise error
        return found


def mode_in_file_of(connection):
    path = sqlite3.Connection.execute(connection, "PRAGMA database_list").fetchone()[2]
    return mode_in_file(Path(path).parent) if Path(path).stat().st_size else "delete"


@pytest.mark.parametrize("before", ["nothing", "wal"])
def test_a_system_that_refuses_shared_memory_late_gets_a_rollback_journal(
    tmp_path, before
):
    if before == "wal":
        store, ledger = open_ledger(tmp_path)
        book_all(ledger, "a")
        store.close()
        assert mode_in_file(tmp_path) == "wal"

    def connect():
        return sqlite3.connect(tmp_path / FILE, isolation_level=None, factory=Refusing)

    def version_of(connection):
        return connection.execute("PRAGMA user_version").fetchone()[0]

    opened = journal.opened(connect, str(tmp_path), version_of)
    assert mode_in_file(tmp_path) == "delete"
    # it does not keep the file to itself
    with contextlib.closing(sqlite3.connect(tmp_path / FILE, timeout=0)) as other:
        other.execute("CREATE TABLE another (x)")
    opened.close()
    if before == "wal":
        assert in_file(tmp_path) == {"a": "done"}


def test_a_log_that_somebody_still_writes_is_not_taken_away(tmp_path):
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")

    def connect():
        return sqlite3.connect(
            tmp_path / FILE, isolation_level=None, timeout=0, factory=Refusing
        )

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        journal.opened(connect, str(tmp_path), lambda _: 1)
    book_all(ledger, "b")
    store.close()
    assert mode_in_file(tmp_path) == "wal"
    assert in_file(tmp_path) == {"a": "done", "b": "done"}
