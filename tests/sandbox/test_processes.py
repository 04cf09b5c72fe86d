"""Forks while something runs, and ends of the interpreter in the middle of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.raw import RawServer
from tests.support import bills, break_it, eventually, requests

ROOT = Path(__file__).parents[2]


def run(code, *arguments):
    """Run a script to its end in a process of its own, which does end by itself."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_"))}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**clean, "PYTHONPATH": str(ROOT)},
    )


def states(folder):
    connection = sqlite3.connect(Path(folder) / "grok_nb.sqlite")
    try:
        rows = connection.execute("SELECT state, cost_source FROM calls ORDER BY time")
        return rows.fetchall()
    finally:
        connection.close()


# -- fork ------------------------------------------------------------------------------

FORK = """
import os, sys
import grok_nb as gn

url, folder = sys.argv[1:]
grok = gn.Grok(api_key="xai-1", base_url=url, store=folder, model="grok-4.7")
print(grok.ask("before").text, flush=True)
stream = grok.stream("long")
events = iter(stream)
print(next(events).delta, flush=True)
if (child := os.fork()) == 0:
    print(grok.ask("child").text, flush=True)
    sys.exit()
status = os.waitpid(child, 0)[1]
print(*[event.delta for event in events if event.kind == "text"], status, flush=True)
print(stream.reply.state, grok.ask("after").text, flush=True)
"""


class Chat:
    """Answers with the prompt; a stream goes on when the child has been answered."""

    def __init__(self) -> None:
        self.child_asked = threading.Event()

    def __call__(self, request):
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        prompt = body["messages"][-1]["content"]
        if prompt == "child":
            self.child_asked.set()
        if body.get("stream"):
            yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            yield b"transfer-encoding: chunked\r\n\r\n"
            yield self.chunk(self.event("one"))
            assert self.child_asked.wait(30)
            yield self.chunk(self.event("two"))
            yield self.chunk(self.event("three", "stop") + b"data: [DONE]\n\n")
            yield self.chunk(b"")
            return
        message = {"role": "assistant", "content": f"re {prompt}"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        data = json.dumps(
            {"id": "i", "model": "grok-4.7", "choices": [choice]}
        ).encode()
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        yield b"content-length: %d\r\n\r\n%s" % (len(data), data)

    @staticmethod
    def chunk(data):
        return b"%x\r\n%s\r\n" % (len(data), data)

    @staticmethod
    def event(text, finish=None):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        event = {"id": "i", "model": "grok-4.7", "choices": [choice]}
        return b"data: " + json.dumps(event).encode() + b"\n\n"


def prompts(connection):
    bodies = [request.partition(b"\r\n\r\n")[2] for request in connection.requests]
    return [json.loads(body)["messages"][-1]["content"] for body in bodies]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_asks_on_its_own_connection_while_the_parents_stream_goes_on(tmp_path):
    with RawServer(Chat(), "next") as server:
        done = run(FORK, server.url(), str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        said = ["re before", "one", "re child", "two three 0", "done re after"]
        assert done.stdout.splitlines() == said
        server.wait_until_left()
        # the parent's connection serves on, and nobody else's request is on it
        assert [prompts(connection) for connection in server.connections] == [
            ["before", "long", "after"],
            ["child"],
        ]
    assert [state for state, _ in states(tmp_path)] == ["done"] * 4


# -- the end of the interpreter --------------------------------------------------------

EXIT = """
import json, sys, threading, urllib.request
import grok_nb as gn

url, key, folder = sys.argv[1:]
grok = gn.Grok(api_key=key, base_url=url, store=folder, model="grok-4.7")

def ask_in_a_thread():
    def work():
        grok.ask("Count to 100")
    threading.Thread(target=work, daemon=True).start()
    log = urllib.request.Request(
        url.removesuffix("/v1") + "/__sandbox/log", headers={"Authorization": "Bearer " + key}
    )
    while not json.load(urllib.request.urlopen(log))["requests"]:
        pass

def stream_in_a_thread():
    begun = threading.Event()
    def work():
        for event in grok.stream("Count to 100"):
            begun.set()
    threading.Thread(target=work, daemon=True).start()
    begun.wait()
"""
ENDS = {
    "a stream is held": ("events = iter(grok.stream('Count to 100'))\nnext(events)", 0),
    "exit in the loop": ("for e in grok.stream('Count to 100'): sys.exit(3)", 3),
    "exit with": (
        "with grok.stream('Count to 100') as s:\n  for e in s: sys.exit(3)",
        3,
    ),
    "error in the loop": ("for e in grok.stream('Count to 100'): 1 / 0", 1),
    "stream in a thread": ("stream_in_a_thread()", 0),
    "ask in a thread": ("ask_in_a_thread()", 0),
    "two streams and a question": (
        "stream_in_a_thread()\nstream_in_a_thread()\nask_in_a_thread()",
        0,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_exit_in_the_middle_ends_the_request_and_writes_the_row(sandbox, tmp_path, end):
    code, status = ENDS[end]
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall", "after": 80})
    done = run(EXIT + code, sandbox.base_url, sandbox.key, str(tmp_path))
    assert done.returncode == status
    if status == 1:  # the user's own error, and no other
        assert done.stderr.count("Traceback") == 1
        assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    else:
        assert done.stderr == ""
    assert done.stdout == ""

    sent = len([r for r in requests(sandbox) if r["method"] == "POST"])
    eventually(lambda: sum(b["closed_early"] for b in bills(sandbox)) == sent)
    rows, streams = states(tmp_path), code.count("stream")
    assert rows.count(("stopped", "estimated")) == streams
    # a request that was on its way out has a row as well, which claims nothing
    others = [row for row in rows if row != ("stopped", "estimated")]
    assert len(others) >= sent - streams
    assert all(row == ("stopped", "none") for row in others)
