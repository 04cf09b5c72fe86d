"""Whatever order threads and processes come in: the file holds what was written."""

import json
import queue
import sqlite3
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .books import in_file, start
from .interleaver import STATES, WRITERS, expected

PROCESSES = "abc"
#: Seconds without a step, after which a file that is held is let go.
_STUCK_S = 0.2


class Crew:
    """Processes that wait for orders, and one (this) that holds the file at times."""

    def __init__(self):
        self.said = queue.Queue()
        self.processes = {}
        self.listeners = []

    def work(self, folder, schedule, writer="ours"):
        """Have a schedule worked off; return what was wrong, and the file's rows.

        Parameters
        ----------
        schedule
            ``work``: process -> list of threads -> list of steps; ``held``: spans of
            steps, counted over all processes, during which the file is locked.
        """
        ending = set()
        for name, threads in schedule["work"].items():
            order = {"folder": str(folder), "writer": writer, "name": name}
            self._order(name, order | {"threads": threads})
            ending.add(name)
        problems, steps, held = [], 0, [*schedule["held"]]
        with Holder(folder) as holder:
            while ending:
                holder.hold(any(a <= steps < b for a, b in held))
                try:
                    name, said = self.said.get(timeout=_STUCK_S)
                except queue.Empty:  # they may all be waiting for the file
                    held = [(a, b) for a, b in held if not a <= steps < b]
                    continue
                if said == "step":
                    steps += 1
                else:
                    problems += said["problems"]
                    ending.discard(name)
            self.times_held = holder.times
        return problems

    def _order(self, name, order):
        if name not in self.processes:
            self.processes[name] = start(
                "from tests.unit.store import interleaver; interleaver.main()"
            )
            listener = threading.Thread(target=self._listen, args=(name,), daemon=True)
            listener.start()
            self.listeners.append(listener)
        process = self.processes[name]
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()

    def _listen(self, name):
        process = self.processes[name]
        for line in process.stdout:
            self.said.put((name, json.loads(line)))
        self.said.put((name, {"problems": [f"{name} ended: {process.stderr.read()}"]}))

    def end(self):
        for process in self.processes.values():
            process.stdin.close()
            assert process.wait(30) == 0
        for thread in self.listeners:
            thread.join()
        for process in self.processes.values():
            process.stdout.close()
            process.stderr.close()


class Holder:
    """Another process's transaction on the file."""

    def __init__(self, folder):
        self.path = folder / "grok_nb.sqlite"
        self.connection = None
        self.times = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hold(False)

    def hold(self, wanted):
        if wanted and self.connection is None and self.path.exists():
            self.connection = sqlite3.connect(
                self.path, timeout=20, isolation_level=None
            )
            self.connection.execute("BEGIN IMMEDIATE")
            self.times += 1
        elif not wanted and self.connection is not None:
            self.connection.execute("ROLLBACK")
            self.connection.close()
            self.connection = None


@pytest.fixture(scope="module")
def crew():
    crew = Crew()
    yield crew
    crew.end()


def wrong(crew, folder, schedule, writer="ours"):
    """Work off a schedule; return what differs from the plain model."""
    problems = crew.work(folder, schedule, writer)
    model = {}
    for threads in schedule["work"].values():
        for steps in threads:
            model |= expected(steps)
    try:
        found = in_file(folder) if (folder / "grok_nb.sqlite").exists() else {}
    except AssertionError as error:
        return [*problems, str(error)]
    if found != model:
        lost, more = model.items() - found.items(), found.items() - model.items()
        problems.append(f"missing {sorted(lost)}, not written {sorted(more)}")
    return problems


@st.composite
def steps_of(draw, owner):
    """Return what one thread does: each attempt is begun, and most end once."""
    steps, open_rows, count = [], [], 0
    kinds = (
        ["intend"] * 6 + ["end"] * 6 + ["read"] * 2 + ["close", "purge", "purge old"]
    )
    for kind in draw(st.lists(st.sampled_from([*kinds, "fork"]), max_size=14)):
        if kind == "intend" or (kind == "end" and not open_rows):
            open_rows.append(f"{owner}-{count}")
            steps.append(["intend", open_rows[-1]])
            count += 1
        elif kind == "end":
            row = open_rows.pop(draw(st.integers(0, len(open_rows) - 1)))
            steps.append(["end", row, draw(st.sampled_from(STATES))])
        elif kind == "fork":
            steps.append(["fork", f"{owner}-{count}"])
            count += 1
        else:
            steps.append([kind])
    return steps


@st.composite
def schedules(draw):
    work = {}
    for name in PROCESSES[: draw(st.integers(1, len(PROCESSES)))]:
        work[name] = [
            draw(steps_of(f"{name}{number}."))
            for number in range(draw(st.integers(1, 3)))
        ]
    begin = st.integers(0, 40)
    held = draw(st.lists(st.tuples(begin, st.integers(1, 15)), max_size=3))
    return {"work": work, "held": [(a, a + length) for a, length in held]}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(schedule=schedules())
def test_the_file_holds_what_a_plain_model_says(crew, tmp_path_factory, schedule):
    assert wrong(crew, tmp_path_factory.mktemp("ledger"), schedule) == []


def busy(count, held):
    """Return a schedule of much writing by all processes."""
    work = {}
    for name in PROCESSES:
        work[name] = []
        for thread in range(2):
            rows = [f"{name}{thread}.-{number}" for number in range(count)]
            steps = [["intend", row] for row in rows]
            steps += [["end", row, "done"] for row in rows]
            work[name].append([*steps, ["read"]])
    return {"work": work, "held": held}


def test_much_writing_while_others_hold_the_file(crew, tmp_path):
    schedule = busy(40, [(5, 60), (100, 101), (200, 300)])
    assert wrong(crew, tmp_path, schedule) == []
    assert len(in_file(tmp_path)) == 240
    assert crew.times_held >= 3


@pytest.mark.parametrize("writer", sorted(WRITERS.keys() - {"ours"}))
def test_a_naive_writer_is_noticed(crew, tmp_path, writer):
    assert wrong(crew, tmp_path, busy(10, [(3, 30), (60, 10_000)]), writer)


def test_the_models_steps():
    steps = [["intend", "a"], ["end", "a", "done"], ["intend", "b"], ["purge"]]
    assert expected(steps) == {"b": "in_doubt"}
    assert expected([*steps, ["end", "b", "failed"], ["fork", "c"]]) == {
        "b": "failed",
        "c": "done",
    }
    assert expected([*steps, ["purge old"]]) == {}
