"""IPython in a terminal: readable text, once, as it comes; nothing that obeys a reply."""

import dataclasses
import json
import os
import pty
import re
import subprocess
import sys

import pytest

from grok_nb.notebook.terminal import Terminal
from grok_nb.reply import Choice, Reply
from tests.support import requests

CODE = """
get_ipython().run_line_magic("load_ext", "grok_nb")
get_ipython().run_cell_magic("grok", {options!r}, {body!r})
"""


@pytest.fixture
def run(sandbox, tmp_path):
    """Run a cell in IPython; return what its terminal, or its pipe, received."""

    def run(options: str, body: str, *, is_terminal: bool) -> str:
        environment = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("XAI_", "GROK_NB_"))
        }
        environment |= {
            "XAI_BASE_URL": sandbox.base_url,
            "XAI_API_KEY": sandbox.key,
            "GROK_NB_STORE": str(tmp_path / "store"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "TERM": "dumb",
        }
        code = CODE.format(options=options, body=body)
        command = [sys.executable, "-m", "IPython", "--colors=NoColor", "-c", code]
        if not is_terminal:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=90, check=False
            )
            return done.stdout.decode()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
        assert process.wait(timeout=30) == 0
        # IPython itself shows the cursor first
        shown = b"".join(parts).decode().replace("\r\n", "\n")
        return re.sub(r"\A(\x1b\[\?\d+[hl])+", "", shown)

    return run


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_reply_is_written_once(run, sandbox, is_terminal):
    shown = run("", "Count to 60", is_terminal=is_terminal)
    assert shown.count("57") == 1
    assert "tokens" in shown.splitlines()[-1]
    assert "sandbox, not Grok" in shown.splitlines()[-1]
    (sent,) = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    assert ("stream" in sent) is is_terminal


def test_a_terminal_obeys_no_reply(run):
    # the sandbox echoes: a title, the clipboard, another colour
    shown = run(
        "-R", "\x1b]0;owned\x07 \x1b]52;c;b3duZWQ=\x07 \x1b[31mred", is_terminal=True
    )
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "red" in shown


def test_formats_hold_in_a_terminal(run):
    body = '```json\n{"n": 1}\n```'
    shown = run("-f json", body, is_terminal=True)
    assert shown.startswith('{\n  "n": 1\n}')
    assert run("-q", body, is_terminal=True) == ""


@pytest.mark.parametrize("options", ["", "-f text", "-f math"])
def test_data_of_a_schema_are_written_once_and_whole(run, options):
    # as it comes the JSON would stand above its readable form, or above its repair
    shown = run(f"{options} --schema 'age int'", "Age: 36", is_terminal=True)
    assert shown.count("36") == 1
    assert json.loads(shown.rpartition("[")[0]) == {"age": 36}


def test_a_text_that_begins_with_empty_lines_is_written_once(capsys):
    screen = Terminal()
    for length in (3, 8, 13):
        text = "\n\nHello there"[:length]
        reply = Reply(choices=(Choice(text=text),))
        screen.update(lambda reply=reply: reply, length)
    screen.finish(dataclasses.replace(reply, state="done"))
    assert capsys.readouterr().out.count("Hello there") == 1
    screen.finish(dataclasses.replace(reply, state="stopped"))
    assert capsys.readouterr().out.startswith("\n\n[stopped]")
