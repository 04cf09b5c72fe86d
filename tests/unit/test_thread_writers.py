"""Two processes in one thread: nothing is lost, and a file is whole at any time."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from grok_nb.threads import Thread
from tests.support import ROOT

from .support import Script
from .test_threads import echo, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Writer:
    """A process of `thread_writer.py`."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.thread_writer", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *order: Any) -> None:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def wait(self) -> None:
        assert json.loads(self.process.stdout.readline()) is None

    def do(self, *order: Any) -> None:
        self.start(*order)
        self.wait()


@pytest.fixture(scope="module")
def writers(tmp_path_factory) -> Iterator[tuple[Path, dict[str, Writer]]]:
    folder = tmp_path_factory.mktemp("store")
    started = {name: Writer(folder) for name in "ab"}
    yield folder, started
    for writer in started.values():
        writer.process.stdin.close()
        writer.process.wait(10)
        writer.process.stdout.close()


@pytest.fixture
def reader(writers) -> Iterator[Thread]:
    """The thread, empty, in this process."""
    folder, _ = writers
    grok = made(Script(echo), store=folder)
    with contextlib.closing(grok):
        thread = Thread(grok=grok, notebook=ROOT / "shared.ipynb")
        thread.clear()
        thread.log.flush()
        yield thread


#: every order in which two writers can begin and end
ORDERS = sorted(set(itertools.permutations("aabb")))


def work(writers: Any, order: tuple[str, ...], begin: str, end: str) -> list[str]:
    """Have it done in that order; return whose turns ended, in their order."""
    _, processes = writers
    begun, ended = set(), []
    for name in order:
        if name in begun:
            processes[name].do(end)
            ended.append(name)
        else:
            processes[name].do(begin, name)
            begun.add(name)
    return ended


@pytest.mark.parametrize("order", ORDERS, ids="".join)
def test_no_turn_of_two_writers_is_lost(writers, reader, order):
    reader.ask("before")
    ended = work(writers, order, "begin", "end")
    assert [turn.prompt for turn in reader.turns] == ["before", *ended]
    assert not any(turn.stale for turn in reader.turns)
    assert [m["content"] for m in reader.messages] == [
        text for name in ("before", *ended) for text in (name, f"re: {name}")
    ]


@pytest.mark.parametrize("order", ORDERS, ids="".join)
def test_a_naive_writer_loses_turns(writers, reader, order):
    """The same check sees it: whoever writes all of the thread undoes the other."""
    ended = work(writers, order, "naive_begin", "naive_end")
    overlap = order[0] != order[1]
    assert [turn.prompt for turn in reader.turns] == (ended[1:] if overlap else ended)


def prompts_in(path: Path) -> list[str]:
    return [turn["asked"]["content"] for turn in json.loads(path.read_bytes())["turns"]]


def save_late(writers: Any, path: Path, first: list[Any], last: list[Any]) -> None:
    """Have ``a`` save while ``b`` asks and saves: it ends last."""
    _, processes = writers
    for order in first:
        processes["a"].do(*order)
    for order in (["begin", "b"], ["end"], ["save", str(path)]):
        processes["b"].do(*order)
    processes["a"].do(*last)


def test_the_last_one_to_save_has_all(writers, reader, tmp_path):
    path = tmp_path / "t.json"
    reader.ask("before")
    save_late(writers, path, [], ["save", str(path)])
    assert prompts_in(path) == ["before", "b"]


def test_a_naive_save_loses_turns(writers, reader, tmp_path):
    path = tmp_path / "t.json"
    reader.ask("before")
    save_late(writers, path, [["naive_read"]], ["naive_write", str(path)])
    assert prompts_in(path) == ["before"]


def test_two_that_ask_and_save_at_once_lose_nothing(writers, reader, tmp_path):
    _, processes = writers
    path, count = tmp_path / "t.json", 25
    reader.ask("before")
    reader.save(path)
    for name, process in processes.items():
        process.start("many", name, count, str(path))
    looked: list[int] = []
    is_over: Callable[[], bool] = lambda: looked and looked[-1] == 2 * count + 1  # noqa: E731
    while not is_over():
        looked.append(len(prompts_in(path)))  # whole, whenever it is read
        for process in processes.values():
            assert process.process.poll() is None
    for process in processes.values():
        process.wait()
    assert looked == sorted(looked)  # nothing that was in it has left it
    found = prompts_in(path)
    assert found == [turn.prompt for turn in reader.turns]
    for name in processes:
        own = [text for text in found if text.startswith(name + " ")]
        assert own == [f"{name} {number}" for number in range(count)]
    assert [left.name for left in tmp_path.iterdir()] == ["t.json"]
