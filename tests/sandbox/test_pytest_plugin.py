"""The fixture that users of pytest find, in a project of theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import grok_nb as gn
from grok_nb import default
from grok_nb.errors import ConfigError

PROJECT = """
import os
import subprocess
import sys

import openai
import pytest

import grok_nb as gn

QUESTION = [{"role": "user", "content": "What is 6*7?"}]


def test_ask(grok_sandbox):
    assert gn.ask("What is 6*7?").text == "[sandbox] 6*7 = 42"
    assert [call["status"] for call in grok_sandbox.calls()] == [200]
    assert [r["path"] for r in grok_sandbox.requests()][-1] == "/v1/chat/completions"
    assert len(gn.usage()) == 1


def test_each_test_begins_anew(grok_sandbox):
    assert grok_sandbox.calls() == grok_sandbox.requests() == []
    assert len(gn.usage()) == 0


def test_any_client(grok_sandbox):
    with openai.OpenAI(
        base_url=grok_sandbox.base_url, api_key=grok_sandbox.key
    ) as client:
        reply = client.chat.completions.create(model="grok-4.7", messages=QUESTION)
    assert reply.choices[0].message.content == "[sandbox] 6*7 = 42"


def test_another_process(grok_sandbox):
    code = "import grok_nb as gn; print(gn.ask('What is 6*7?').text)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[sandbox] 6*7 = 42\\n", done.stderr
    assert len(gn.usage()) == 1  # its row is in this test's ledger


def test_the_account(grok_sandbox):
    code = "import grok_nb as gn; gn.ask('Hi'); print(gn.Grok().account_usage().ticks)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    [call] = grok_sandbox.calls()
    assert int(done.stdout) == call["cost_in_usd_ticks"] > 0, done.stderr


@pytest.mark.grok_sandbox(vintage="2025", faults=["400#1"])
class TestMarked:
    def test_options(self, grok_sandbox):
        with pytest.raises(gn.errors.BadRequest) as caught:
            gn.ask("What is 6*7?", model="grok-3-mini")
        assert caught.value.code == "Client specified an invalid argument"
        assert gn.ask("What is 6*7?", model="grok-3-mini").model == "grok-3-mini"

    @pytest.mark.grok_sandbox(faults=[])
    def test_nearest_marker_wins(self, grok_sandbox):
        assert gn.ask("What is 6*7?", model="grok-3-mini").model == "grok-3-mini"


def test_afterwards_all_is_as_before():
    assert os.environ["XAI_API_KEY"] == "xai-of-the-user"
    assert "XAI_BASE_URL" not in os.environ
    assert "XAI_MANAGEMENT_KEY" not in os.environ
"""


def test_fixture_serves_a_users_project(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PROJECT)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XAI_", "GROK_NB_", "PYTEST"))
    }
    options = "-q --strict-markers -p no:nbval -p no:cacheprovider --basetemp"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), str(tmp_path / "t")],
        check=False,
        cwd=tmp_path,
        env={**environment, "XAI_API_KEY": "xai-of-the-user"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "8 passed" in done.stdout, done.stdout + done.stderr


def test_sandbox_with_a_store_leaves_no_trace_in_the_settings(tmp_path: Path) -> None:
    before = default.settings()
    with gn.sandbox(store=tmp_path / "books"):
        gn.ask("What is 6*7?")
        assert len(gn.usage()) == 1
        assert (tmp_path / "books" / "grok_nb.sqlite").exists()
    assert default.settings() == before


def test_second_sandbox_with_options_is_refused() -> None:
    with gn.sandbox() as box:
        assert gn.sandbox() is box
        with pytest.raises(ConfigError, match="runs already"):
            gn.sandbox(vintage="2025")
        assert gn.sandbox() is box
