"""A process that takes part in a thread, a step at a time; see `test_thread_writers.py`.

Reads an order a line (a list: what to do, and with what), does it, and answers with a
line: ``null``, or what went wrong. The ``naive`` steps do what a thread must not.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from grok_nb import turns
from grok_nb.reply import Choice, Reply
from grok_nb.threads import Asking, Thread

from .support import Script
from .test_threads import echo, made


class Writer:
    def __init__(self, folder: str) -> None:
        self.grok = made(Script(echo), store=folder)
        self.thread = Thread(grok=self.grok, notebook="shared.ipynb")
        self.asking: Any = None
        self.ask: Any = None
        self.seen: list[turns.Turn] = []

    def begin(self, text: str) -> None:
        self.asking = Asking(self.thread)
        self.ask = self.asking.question(text)

    def end(self) -> None:
        with self.asking:
            self.grok.fetch(self.ask, on_end=self.asking.end)

    def save(self, path: str) -> None:
        self.thread.save(path)

    def many(self, name: str, count: int, path: str) -> None:
        for number in range(count):
            self.thread.ask(f"{name} {number}")
            self.thread.save(path)

    def naive_begin(self, text: str) -> None:
        """Read the thread, to write it with one more turn."""
        new = turns.Turn(
            asked={"role": "user", "content": text},
            reply=Reply(choices=(Choice(text="x"),), state="done"),
            time=self.thread.log.now(),
            slot=text,
        )
        self.seen = [*self.thread.turns, new]

    def naive_end(self) -> None:
        log = self.thread.log
        log.add(self.thread.place, self.thread.name, self.seen, begins=True)
        log.flush()

    def naive_read(self) -> None:
        """Read what is to be saved, before the file is anybody's."""
        self.seen = self.thread.turns

    def naive_write(self, path: str) -> None:
        data = {"format": "grok_nb thread", "version": 1, "name": "main"}
        data |= {"turns": [turns.written(turn) for turn in self.seen]}
        Path(path).write_text(json.dumps(data))

    def work(self) -> None:
        for line in sys.stdin:
            name, *rest = json.loads(line)
            said = None
            try:
                getattr(self, name)(*rest)
            except Exception:
                said = traceback.format_exc()
            print(json.dumps(said), flush=True)
        with contextlib.suppress(Exception):
            self.grok.close()


if __name__ == "__main__":
    Writer(sys.argv[1]).work()
