"""Files that are locked, read-only, full, damaged, too new, or gone."""

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grok_nb.store.db import Store
from grok_nb.store.ledger import Ledger

from .books import (
    book,
    book_all,
    enterable,
    eventually,
    finish,
    in_file,
    locked,
    names,
    open_ledger,
    record,
    run,
    start,
    states,
)

FILE = "grok_nb.sqlite"


def damaged_files(folder):
    """Return the files that were set aside, without their logs."""
    return [p for p in Path(folder).glob(f"{FILE}.damaged-*") if p.name[-3:].isdigit()]


# -- locked -----------------------------------------------------------------------


async def test_locked_file_stalls_nobody_and_loses_nothing(tmp_path):
    store, ledger = open_ledger(tmp_path, patience_ms=300)
    await book(ledger, "before")
    store.close()
    with locked(tmp_path):
        intent = asyncio.ensure_future(ledger.intend(record("a")))
        turns = 0
        while not intent.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 10  # others ran meanwhile
        assert "locked" in store.trouble()
        await ledger.intend(record("b"))
        await book(ledger, "c")
        assert store.trouble() is None  # said once
        known = await asyncio.to_thread(states, ledger)
        assert known == {
            "before": "done",
            "a": "in_doubt",
            "b": "in_doubt",
            "c": "done",
        }
        assert in_file(tmp_path) == {"before": "done"}
    # without another call: a kernel may be killed next
    await asyncio.to_thread(eventually, lambda: len(in_file(tmp_path)) == 4)
    assert in_file(tmp_path) == known
    assert store.trouble() is None
    store.close()


def test_new_file_that_is_locked_gets_its_rows_later(tmp_path):
    store, ledger = open_ledger(tmp_path, patience_ms=300)
    with locked(tmp_path, 'connection.execute("PRAGMA journal_mode=DELETE")'):
        book_all(ledger, "a")
        assert states(ledger) == {"a": "done"}
        assert "locked" in store.trouble()
    store.close()
    assert in_file(tmp_path) == {"a": "done"}


def test_trouble_that_is_over_is_not_told(tmp_path):
    store, ledger = open_ledger(tmp_path, patience_ms=300)
    book_all(ledger, "before")
    with locked(tmp_path):
        book_all(ledger, "a")
    eventually(lambda: in_file(tmp_path).get("a") == "done")
    book_all(ledger, "b")
    assert store.trouble() is None
    store.close()


# -- not writable -----------------------------------------------------------------


@pytest.mark.parametrize("place", ["file/store", "file", "/proc/none/store", "\0"])
def test_impossible_folder_keeps_rows_in_memory(tmp_path, place):
    (tmp_path / "file").write_text("I am a file.")
    store, ledger = open_ledger(tmp_path / place)
    assert states(ledger) == {}
    book_all(ledger, "a", "b")
    assert states(ledger) == dict.fromkeys("ab", "done")
    assert "kept in memory" in store.trouble()
    assert store.trouble() is None
    assert (tmp_path / "file").read_text() == "I am a file."
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX limits")
def test_full_disk_keeps_rows_in_memory_until_there_is_room(tmp_path):
    script = """
    import resource, sys
    store, ledger = books.open_ledger(sys.argv[1])
    books.book_all(ledger, "before")
    store.close()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    many = books.names("n", 50)
    books.book_all(ledger, *many)
    expected = dict.fromkeys(["before", *many], "done")
    assert books.states(ledger) == expected
    print(store.trouble())
    assert store.trouble() is None
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    books.eventually(lambda: books.in_file(sys.argv[1]) == expected)
    """
    assert "kept in memory" in run(script, tmp_path)
    assert len(in_file(tmp_path)) == 51


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX permissions")
def test_read_only_folder_keeps_rows_in_memory():
    script = """
    import asyncio, os, sys
    store, ledger = books.open_ledger(sys.argv[1])
    books.book_all(books.Ledger(books.Store(":memory:")), "loads what it needs")
    if os.geteuid() == 0:  # whom no permission stops
        os.setuid(65534)
    books.book_all(ledger, "a")
    assert books.states(ledger) == {"before": "done", "a": "done"}
    print(store.trouble())
    assert store.trouble() is None
    """
    with enterable() as folder:
        store, ledger = open_ledger(folder)
        book_all(ledger, "before")
        store.close()
        before = (folder / FILE).read_bytes()
        folder.chmod(0o555)
        (folder / FILE).chmod(0o444)
        assert "kept in memory" in run(script, folder)
        assert (folder / FILE).read_bytes() == before


# -- damaged ----------------------------------------------------------------------


def garbage(path):
    path.write_bytes(b"This is no database. " * 500)


def short_garbage(path):
    path.write_bytes(b"SQLite form")


def truncated(path):
    path.write_bytes(path.read_bytes()[:10_000])


def cut_in_half(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def overwritten(path):
    """Overwrite all but the first two pages and the last one."""
    content = path.read_bytes()
    end = len(content) - 4096
    path.write_bytes(content[:8192] + b"\xa5" * (end - 8192) + content[end:])


DAMAGES = [garbage, short_garbage, truncated, cut_in_half, overwritten]


@pytest.fixture(scope="module")
def good_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    store, ledger = open_ledger(folder)
    asyncio.run(many(ledger))
    store.close()
    return (folder / FILE).read_bytes()


async def many(ledger):
    await asyncio.gather(*(book(ledger, *names(f"old-{n}", 10)) for n in range(50)))


@pytest.mark.parametrize("first", ["read", "write"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_set_aside_unchanged(tmp_path, good_file, damage, first):
    (tmp_path / FILE).write_bytes(good_file)
    damage(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    store, ledger = open_ledger(tmp_path)
    if first == "read":
        assert states(ledger) == {}
    book_all(ledger, "a")
    known = states(ledger)
    book_all(ledger, "b")
    known = states(ledger)
    assert known in ({"a": "done", "b": "done"}, {"b": "done"})
    (aside,) = damaged_files(tmp_path)
    if "a" in known:
        assert aside.read_bytes() == before
    else:  # it could still be written; its damage showed when it was read
        assert damage is overwritten
        assert aside.read_bytes()[8192 : len(before) - 8192] in before
    message = store.trouble()
    assert message.count("damaged;") == 1
    assert str(aside) in message
    assert store.trouble() is None
    store.close()
    assert in_file(tmp_path) == known


def test_damage_while_it_is_in_use_is_noticed(tmp_path, good_file):
    (tmp_path / FILE).write_bytes(good_file)
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")
    with (tmp_path / FILE).open("r+b") as file:
        file.write(b"\xa5" * len(good_file))
    store.close()
    book_all(ledger, *names("n", 20))
    assert set(names("n", 20)) <= states(ledger).keys()
    assert "damaged" in store.trouble()
    assert len(damaged_files(tmp_path)) == 1
    store.close()


@pytest.mark.parametrize("damage", [garbage, cut_in_half])
def test_processes_that_meet_a_damaged_file_set_aside_just_that(
    tmp_path, good_file, damage
):
    (tmp_path / FILE).write_bytes(good_file)
    damage(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    script = """
    import sys
    store, ledger = books.open_ledger(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    books.book_all(ledger, *books.names(sys.argv[2], 20))
    print(store.trouble())
    """
    processes = [start(script, tmp_path, letter) for letter in "abcdef"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(finish, processes))
    (aside,) = damaged_files(tmp_path)
    assert aside.read_bytes() == before
    assert sum(str(aside) in text for text in said) == 1
    everything = [name for letter in "abcdef" for name in names(letter, 20)]
    assert in_file(tmp_path) == dict.fromkeys(everything, "done")


# -- not ours ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_file_of_a_newer_version_is_not_touched(tmp_path, mode):
    path = tmp_path / FILE
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE calls (of TEXT, another TEXT, form TEXT)")
    connection.execute("PRAGMA user_version=999")
    connection.close()
    before = path.read_bytes()
    store, ledger = open_ledger(tmp_path)
    assert states(ledger) == {}
    book_all(ledger, "a")
    assert states(ledger) == {"a": "done"}
    assert "newer" in store.trouble()
    assert store.trouble() is None
    store.close()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [FILE]


def test_file_that_was_deleted_is_begun_anew(tmp_path):
    store, ledger = open_ledger(tmp_path)
    book_all(ledger, "a")
    assert states(ledger) == {"a": "done"}
    for path in tmp_path.iterdir():
        path.unlink()
    book_all(ledger, "b")
    store.close()
    assert in_file(tmp_path) == {"b": "done"}


def test_empty_file_is_a_new_one(tmp_path):
    (tmp_path / FILE).touch()
    store = Store(str(tmp_path))
    book_all(Ledger(store), "a")
    assert store.trouble() is None
    store.close()
    assert in_file(tmp_path) == {"a": "done"}
