"""Keys from Colab's secrets and the keyring: each run is a process of its own.

The keyring package is the real one, with a backend of the test; of Colab there is only
the module that it offers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import requests

ROOT = Path(__file__).parent.parent.parent
KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"

BACKEND = """
import threading
import keyring.backend, keyring.errors
asked, free = [], threading.Event()
class Kept(keyring.backend.KeyringBackend):
    priority = 1
    def set_password(self, service, username, password):
        raise NotImplementedError
    def get_password(self, service, username):
        asked.append((service, username, threading.current_thread().name))
        return self.give()
    def give(self):
        return {key!r}
class Bad(Kept):
    def give(self):
        return {key!r} + " " + {key!r}
class Empty(Kept):
    def give(self):
        return None
class Slow(Kept):
    def give(self):
        free.wait()
        return {key!r}
class Locked(Kept):
    def give(self):
        raise keyring.errors.KeyringLocked({key!r})
class Broken(Kept):
    def give(self):
        raise SystemExit({key!r})
"""
COLAB = """
import sys, threading, types
colab, userdata = types.ModuleType("google.colab"), types.ModuleType("userdata")
class SecretNotFoundError(Exception): pass
class NotebookAccessError(Exception): pass
asked = []
def get(name):
    asked.append((name, threading.current_thread() is threading.main_thread()))
    if isinstance(answer, Exception): raise answer
    return answer
userdata.get = get
sys.modules["google.colab"], sys.modules["google.colab.userdata"] = colab, userdata
answer = {answer}
"""


@pytest.fixture
def run(tmp_path, sandbox):
    """Run code in a new process; return the JSON that it prints last, and all output."""
    (tmp_path / "backend.py").write_text(BACKEND.format(key=KEY))

    def start(code, backend="backend.Kept", **variables):
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_NB"))
        }
        environment |= {
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            "PYTHON_KEYRING_BACKEND": backend,
            "XAI_BASE_URL": sandbox.base_url,
            "GROK_NB_STORE": str(tmp_path / "store"),
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", "import json, sys\nimport grok_nb as gn\n" + code],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=environment,
        )
        shown = done.stdout + done.stderr
        assert done.returncode == 0, shown
        assert KEY[4:] not in shown
        return json.loads(done.stdout.splitlines()[-1])

    return start


def sent_keys(sandbox):
    return {r["headers"].get("authorization") for r in requests(sandbox)}


def test_the_keyring_is_asked_once_and_only_when_a_request_needs_a_key(run, sandbox):
    found = run("""
from grok_nb import default
loaded = ["keyring" in sys.modules]
grok = gn.Grok()
gn.usage()
loaded.append("keyring" in sys.modules)
grok.models(); grok.models()
one = default.session(); one.models(); gn.ask("hi"); list(gn.stream("hi"))
import backend
print(json.dumps([loaded, backend.asked, grok.settings.sources["api_key"],
                  one is default.session(), repr(grok.settings.api_key)]))
""")
    asked = [["grok_nb", "XAI_API_KEY", "grok_nb-keyring"]]
    assert found == [[False, False], asked, "keyring", True, "<key>"]
    assert len(requests(sandbox)) >= 5


def test_coroutines_find_it_too_without_blocking_their_loop(run):
    found = run(
        """
import asyncio, backend
async def main():
    async with gn.AsyncGrok() as grok:
        asking = asyncio.ensure_future(grok.models())
        while not backend.asked:      # the loop runs while the keyring is waited for
            await asyncio.sleep(0.01)
        backend.free.set()
        return len(await asking), grok.settings.sources["api_key"]
print(json.dumps(asyncio.run(main())))
""",
        "backend.Slow",
    )
    assert found[0] > 3
    assert found[1] == "keyring"


def test_with_a_key_elsewhere_neither_is_touched(run, tmp_path):
    code = (
        COLAB.format(answer="'xai-colab'")
        + """
gn.ask("hi")
print(json.dumps(["keyring" in sys.modules, asked]))
"""
    )
    assert run(code, XAI_API_KEY="xai-environment") == [False, []]
    (tmp_path / ".env").write_text("XAI_API_KEY=xai-file\n")
    assert run(code) == [False, []]


NOTHING = """
try:
    gn.Grok().models()
except gn.errors.ConfigError as error:
    print(json.dumps([str(error), error.hint]))
"""


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("backend.Empty", ""),
        ("keyring.backends.null.Keyring", ""),
        ("keyring.backends.fail.Keyring", ""),
        ("backend.Locked", " The keyring failed (KeyringLocked)."),
        ("backend.Broken", " The keyring failed (SystemExit)."),
        ("no_such_module.Keyring", " The keyring cannot be used: no_such_module is"),
        ("backend.NoSuchClass", " The keyring failed (AttributeError)."),
    ],
)
def test_a_keyring_that_has_no_key_or_is_broken_means_no_key(run, backend, said):
    message, hint = run(NOTHING, backend)
    assert message.startswith(f"No API key for xAI was found.{said}")
    assert "keyring set grok_nb XAI_API_KEY" in hint


def test_without_the_package_there_is_no_keyring(run):
    message, _ = run("sys.modules['keyring'] = None" + NOTHING)
    assert message == "No API key for xAI was found."


def test_what_cannot_be_a_key_is_told_and_not_shown(run):
    message, _ = run(NOTHING, "backend.Bad")
    assert message.startswith("The API key (keyring) has a space")


def test_a_locked_keyring_is_not_waited_for_for_ever_nor_asked_twice(run):
    found = run(
        """
from grok_nb import config, keys
import backend
none = config.resolve()
tries = [keys.search(none, wait_s=0.3) for _ in range(2)]
backend.free.set()
found, trouble = keys.search(none)
print(json.dumps([[t[0].api_key is None for t in tries], tries[0][1],
                  found.sources["api_key"], trouble, len(backend.asked)]))
""",
        "backend.Slow",
    )
    said = "The keyring did not answer within 0.3 s: is it locked?"
    assert found == [[True, True], said, "keyring", "", 1]


def test_waiting_for_the_keyring_can_be_interrupted(run):
    found = run(
        """
from grok_nb import config, keys
import os, signal, threading
import backend
def stop():
    while not backend.asked: pass
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=stop).start()
try:
    keys.search(config.resolve(), wait_s=1000)
except KeyboardInterrupt:
    print(json.dumps("stopped"))
""",
        "backend.Slow",
    )
    assert found == "stopped"


# -- Colab -----------------------------------------------------------------------------


def test_colab_s_secret_is_asked_for_once_on_the_main_thread(run):
    found = run(
        COLAB.format(answer=f"{KEY!r}")
        + """
loaded = gn.Grok() and list(asked)
gn.ask("hi"); gn.Grok().models()
from grok_nb import default
print(json.dumps([loaded, asked, default.settings().sources["api_key"],
                  "keyring" in sys.modules]))
"""
    )
    assert found == [[], [["XAI_API_KEY", True]], "Colab secret", False]


def test_awaited_calls_ask_colab_on_the_main_thread_too(run):
    found = run(
        COLAB.format(answer=f"{KEY!r}")
        + """
import asyncio
async def main():
    async with gn.AsyncGrok() as grok:
        await grok.models()
asyncio.run(main())
print(json.dumps(asked))
"""
    )
    assert found == [["XAI_API_KEY", True]]


def test_no_other_thread_asks_colab(run):
    """Its answer comes over a socket that is the main thread's to read."""
    found = run(
        COLAB.format(answer=f"{KEY!r}")
        + """
said = []
def work():
    try:
        gn.Grok().models()
    except gn.GrokError as error:
        said.append(type(error).__name__)
thread = threading.Thread(target=work); thread.start(); thread.join()
print(json.dumps([said, asked]))
""",
        "keyring.backends.null.Keyring",
    )
    assert found == [["ConfigError"], []]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("SecretNotFoundError('Secret XAI_API_KEY does not exist.')", ""),
        ("NotebookAccessError('no access')", "allow this notebook to read it"),
        ("TimeoutError('nobody there')", "TimeoutError"),
        ("None", ""),
        ("''", ""),
    ],
)
def test_a_secret_that_colab_does_not_give_is_no_error(run, answer, said):
    message, _ = run(
        COLAB.format(answer=answer) + NOTHING, "keyring.backends.null.Keyring"
    )
    assert message.startswith("No API key")
    assert said in message
    assert (message == "No API key for xAI was found.") == (said == "")
    # and the keyring is asked next
    assert run(COLAB.format(answer=answer) + "print(len(gn.Grok().models()))") > 3
