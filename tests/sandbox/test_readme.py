"""The README's section on the sandbox, followed literally.

Its code blocks run in their order, against one server that its own command starts; only
the port is another, and nothing is installed.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.clients_support import QUIET
from tests.support import CLIENTS, ROOT, WITHOUT_CLIENTS

SECTION = (ROOT / "README.md").read_text().split("\n## The sandbox\n")[1]
BLOCKS = re.findall(
    r"^```(sh|python)\n(.*?)^```$", SECTION.split("\n## ")[0], re.MULTILINE | re.DOTALL
)
START, *SHELL = [text for language, text in BLOCKS if language == "sh"]
PYTHON = [text for language, text in BLOCKS if language == "python"]
PORT = "8123"
#: Found by itself where grok_nb is installed; not where it runs from a folder only.
IS_FOUND = any(e.name == "grok_nb" for e in entry_points(group="pytest11"))
PLUGIN = () if IS_FOUND else ("-p", "grok_nb.pytest_plugin")
SUMMARISE = """import grok_nb as gn


def summarise(text):
    return gn.ask(text).text


"""
OTHERS = ("anthropic", "litellm", "langchain_xai")


@dataclass(frozen=True)
class Started:
    """A server that the section's first block has started."""

    port: str
    environ: dict[str, str]

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, block: str) -> str:
        return self.run("bash", "-euo", "pipefail", "-c", self.here(block))

    def here(self, block: str) -> str:
        return block.replace(PORT, self.port)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    scripts = Path(sys.executable).parent
    environ = QUIET | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(ROOT),
    }
    here = Started(free_port(), environ)
    install, command = START.splitlines()
    assert install.startswith("pip install 'grok-nb[sandbox]'")
    with subprocess.Popen(
        here.here(command).split(), env=environ, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            base_url = server.stdout.readline().strip()
            assert base_url == f"http://127.0.0.1:{here.port}/v1"
            yield here
        finally:
            server.terminate()


def promised(block: str) -> list[str]:
    """Give what a block's comments say that its prints show."""
    return re.findall(r"^print\(.*\)  # (.+)$", block, re.MULTILINE)


def python_of(block: str) -> str:
    if not any(f"import {name}" in block or f"from {name}" in block for name in OTHERS):
        return sys.executable
    if not CLIENTS.exists():
        pytest.skip(WITHOUT_CLIENTS)
    return str(CLIENTS)


def test_each_client_is_there() -> None:
    for client in ("openai", *OTHERS, "grok_nb", "def test_"):
        assert sum(client in block for block in PYTHON) >= 1, client
    assert sum(len(promised(block)) for block in PYTHON) == 4


def test_the_server_loads_nothing_that_it_does_not_need(started: Started) -> None:
    heavy = "{'pandas', 'numpy', 'IPython', 'PIL', 'nh3'} & set(sys.modules)"
    look = f"import sys, grok_nb.cli, grok_nb._sandbox.server; print({heavy})"
    assert started.run(sys.executable, "-c", look) == "set()\n"
    seen = started.run(sys.executable, "-c", f"import pandas; {look}")
    assert "pandas" in seen  # it would be noticed


@pytest.mark.parametrize(
    "block",
    [block for block in PYTHON if not block.startswith("def test_")],
    ids=lambda block: block.split()[1],
)
def test_a_python_block_shows_what_it_says(block: str, started: Started) -> None:
    shown = started.run(python_of(block), "-c", started.here(block))
    if "grok_nb" in block:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1 True \[\] \[\]\n", shown)
    else:
        assert shown.splitlines() == promised(block) != []


def shell_with(text: str) -> str:
    (block,) = (block for block in SHELL if text in block)
    return block


LEDGER = shell_with("/__sandbox/ledger").splitlines()[0]


def answers(shown: str) -> list[Any]:
    """Give the JSON values that commands printed one after the other."""
    found, decoder, rest = [], json.JSONDecoder(), shown.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


def test_curl_is_answered_and_billed(started: Started) -> None:
    (before,) = answers(started.shell(LEDGER))
    (answer,) = answers(started.shell(shell_with("/v1/chat/completions \\")))
    assert answer["choices"][0]["message"]["content"] == "[sandbox] 6*7 = 42"
    (after,) = answers(started.shell(LEDGER))
    assert len(after["calls"]) == len(before["calls"]) + 1
    assert after["calls"][-1]["usage"] == answer["usage"]


def test_the_windows_show_what_they_say(started: Started) -> None:
    block = shell_with("/__sandbox/faults")
    ledger, log, clock, faults = answers(started.shell(block))
    assert set(ledger) == {"calls"}
    assert log["requests"][0]["headers"]["authorization"] == "Bearer ***"
    assert clock["advanced_s"] >= 86400
    assert [fault["do"] for fault in faults["faults"]] == ["503"]
    ask = shell_with("/v1/chat/completions \\")
    seen = [answers(started.shell(ask))[0] for _ in range(3)]
    assert ["choices" in answer for answer in seen] == [False, False, True]


def test_the_management_host_answers(started: Started) -> None:
    (credit,) = answers(started.shell(shell_with("/v1/billing/")))
    assert credit["changes"][0]["changeOrigin"] == "PURCHASE"
    assert len(SHELL) == 3  # each is run by one of these tests


def test_the_test_of_your_own_passes(started: Started, tmp_path: Path) -> None:
    (block,) = (block for block in PYTHON if block.startswith("def test_"))
    path = tmp_path / "test_own.py"
    wrong = block.replace("test_summary", "test_wrong").replace("= 42", "= 43")
    path.write_text(f"{SUMMARISE}{block}\n\n{wrong}")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    with pytest.raises(AssertionError, match="1 failed, 1 passed") as caught:
        started.run(*command, *PLUGIN, "--rootdir", str(tmp_path), str(path))
    assert re.search(r"FAILED \S+::test_wrong\b", str(caught.value))
