"""The command line, as a user runs it."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import grok_nb

COMMAND = [sys.executable, "-m", "grok_nb.cli"]


def run(*arguments, **options):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_NB_"))
    }
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
        **options,
    )


def test_version_and_help_name_the_program():
    assert run("--version").stdout == f"grok-nb {grok_nb.__version__}\n"
    assert run().returncode == 2
    shown = run("sandbox", "--help").stdout
    for switch in ("--port", "--key", "--vintage", "--latency", "--rpm", "--fail"):
        assert switch in shown


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_sandbox_prints_its_url_first_and_ends_on_a_signal(how):
    process = subprocess.Popen(
        [*COMMAND, "sandbox", "--key", "xai-only", "--fail", "503@/v1/language-models"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        base_url = process.stdout.readline().strip()
        assert base_url.endswith("/v1")
        request = urllib.request.Request(
            f"{base_url}/models", headers={"Authorization": "Bearer xai-only"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(how)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_wrong_switches_are_said_without_a_traceback():
    failed = run("sandbox", "--fail", "bang")
    assert failed.returncode == 1
    assert "bang" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""


def test_missing_extra_names_the_command_that_installs_it():
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from grok_nb.cli import main; sys.exit(main(['sandbox']))"
    )
    failed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert failed.returncode == 1
    assert "pip install 'grok-nb[sandbox]'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_demo_executes_the_quickstart_and_shows_its_results(tmp_path):
    done = run("demo", "--execute", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "17 * 23 = 391" in done.stdout
    assert "Did you mean --temperature?" in done.stdout
    assert "reported" in done.stdout
    assert list(Path(tmp_path).iterdir()) == []
