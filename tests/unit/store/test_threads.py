"""The log of threads among the other tables: sized, exported, purged; parts missing."""

import contextlib
import dataclasses
import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb import turns
from grok_nb.reply import Choice, Reply, Usage
from grok_nb.store.db import Store
from grok_nb.store.housekeeping import Choice as Chosen
from grok_nb.store.housekeeping import export, grouped, purge, sizes
from grok_nb.store.threads import Place, ThreadEntry, ThreadLog

from .books import START

ONE, TWO = Place("notebook:/a/one.ipynb", "one.ipynb"), Place("folder:/b")
NOW = START + datetime.timedelta(days=100)


def turn(text, day=0, **changes):
    return turns.Turn(
        **{
            "asked": {"role": "user", "content": text},
            "reply": Reply(
                choices=(Choice(text=f"re: {text}"),),
                usage=Usage(prompt_tokens=3, completion_tokens=4),
                state="done",
            ),
            "time": START + datetime.timedelta(days=day),
            "slot": text,
            **changes,
        }
    )


@pytest.fixture
def log(tmp_path):
    store = Store(str(tmp_path), patience_ms=10)
    yield ThreadLog(store, lambda: START)
    store.close()


def prompts(log, place=ONE, thread="main"):
    return [found.prompt for found in log.turns(place, thread)]


def test_threads_are_sized_exported_and_purged(log, tmp_path):
    log.add(ONE, "main", [turn("planted one", 0), turn("two", 50)])
    log.add(TWO, "main", [turn("three", 0)])
    log.flush()
    folder = str(tmp_path)
    (size,) = [size for size in sizes(folder).tables if size.name == "turns"]
    assert size.rows == 3
    assert 0 < size.text_bytes < size.content_bytes
    by = {size.name: size.rows for size in grouped(folder, "notebook")}
    assert by == {"one.ipynb": 2, None: 1}
    export(folder, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["table"] == "turns"]
    assert [json.loads(row["content"])["asked"]["content"] for row in rows] == [
        *("planted one", "three", "two")
    ]
    (tmp_path / "all.jsonl").unlink()
    old = Chosen(older_than=START + datetime.timedelta(days=9), notebook="one.ipynb")
    assert purge(folder, old, now=NOW).rows["turns"] == 1
    assert (prompts(log), prompts(log, TWO)) == (["two"], ["three"])
    assert not any(b"planted" in path.read_bytes() for path in tmp_path.iterdir())
    purge(folder, Chosen(notebook=""), now=NOW)
    assert (prompts(log), prompts(log, TWO)) == (["two"], [])


def test_a_thread_goes_on_while_the_file_cannot_be_written(log, tmp_path):
    """Turns are kept in memory, and written when the file can be."""
    log.add(ONE, "main", [turn("one")])
    log.flush()
    other = Store(str(tmp_path))
    with contextlib.closing(other):
        other.read(lambda connection: connection.execute("BEGIN IMMEDIATE"))
        log.add(ONE, "main", [turn("two")])
        assert prompts(log) == ["one", "two"]
        assert prompts(ThreadLog(other, lambda: START)) == ["one"]
        other.read(lambda connection: connection.execute("ROLLBACK"))
        log.add(ONE, "main", [turn("three")])
        log.flush()
        assert prompts(ThreadLog(other, lambda: START)) == ["one", "two", "three"]


def test_any_text_comes_back(log):
    texts = [
        "",
        "a\0b",
        "🦊 שלום",
        "'; DROP TABLE turns; --",
        "\u2028\r\n",
        "x" * 10**6,
    ]
    found = [turn(text or "-", slot=f"{i}") for i, text in enumerate(texts)]
    found.append(turn("half of a pair", system="\ud83e", slot="s"))
    log.add(ONE, "main", found)
    *whole, last = log.turns(ONE, "main")
    assert [t.prompt for t in whole] == [t or "-" for t in texts]
    assert last.system == "?"


ENTRIES = st.lists(
    st.builds(
        ThreadEntry,
        seq=st.just(0),
        kind=st.sampled_from(["turn", "turn", "turn", "undo", "clear"]),
        slot=st.sampled_from("abcd"),
        begins=st.booleans(),
        stale=st.booleans(),
    ),
    max_size=12,
)


@given(log=ENTRIES, gone=st.sets(st.integers(0, 11)))
def test_what_a_purge_leaves_of_a_log_is_a_thread(log, gone):
    log = [dataclasses.replace(entry, seq=n + 1) for n, entry in enumerate(log)]
    rest = [entry for n, entry in enumerate(log) if n not in gone]
    found = turns.live(rest)
    slots = [entry.slot for entry, _ in found]
    assert len({*slots}) == len(slots)
    assert all(entry in rest and entry.kind == "turn" for entry, _ in found)
    newest = [entry for entry in rest if entry.kind == "turn"][-1:]
    if newest and rest[-1] == newest[0] and not newest[0].begins:
        assert newest[0] in [entry for entry, _ in found]


def test_a_place_tells_notebooks_of_one_name_apart(log):
    log.add(ONE, "main", [turn("one")])
    log.add(Place("notebook:/z/one.ipynb", "one.ipynb"), "main", [turn("two")])
    assert prompts(log) == ["one"]
    assert [size.name for size in log.sizes(ONE)] == ["main"]
    assert log.sizes(Place(f"folder:{Path.cwd()}")) == []
