"""The sandbox that ``gn.sandbox()`` starts, and the trouble it can be asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import grok_nb as gn
from tests.support import bills


@pytest.fixture
def box(monkeypatch, tmp_path):
    for name in ("XAI_API_KEY", "XAI_BASE_URL", "GROK_NB_MODEL", "GROK_NB_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with gn.sandbox() as box:
        gn.configure(model="grok-4.7")
        yield box


def statuses(box):
    return [bill["status"] for bill in bills(box._server)]


def test_fail_takes_specs_and_dicts_in_place_of_the_last_ones(box):
    box.fail("401")
    with pytest.raises(gn.errors.Unauthorized):
        gn.ask("hi")
    box.fail("503#1,retry_after=0", {"do": "429", "nth": 2, "retry_after": 0})
    assert gn.ask("hi").attempts == 3
    box.fail("404#2")  # counts from now
    assert gn.ask("hi").state == "done"
    with pytest.raises(gn.errors.NotFound):
        gn.ask("hi")
    assert gn.ask("hi").attempts == 1
    assert statuses(box) == [401, 503, 429, 200, 200, 404, 200]


def test_fail_without_faults_heals(box):
    box.fail("401")
    box.fail()
    assert gn.ask("hi").state == "done"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["no-such-kind"], "unknown kind 'no-such-kind'"),
        (["403", "503#0"], "nth"),
        (["503#1,colour=red"], "colour"),
        ([{"match": "/v1"}], "needs 'do'"),
        ([503], "object"),
        (["html,location=http://a b"], "location"),
    ],
)
def test_fault_that_makes_no_sense_changes_nothing(box, wrong, said):
    box.fail("401")
    with pytest.raises(gn.errors.ConfigError, match=said) as raised:
        box.fail(*wrong)
    assert "box.fail(" in raised.value.hint
    with pytest.raises(gn.errors.Unauthorized):
        gn.ask("hi")


def test_a_session_of_its_own_follows_the_sandbox_and_its_books(box):
    own = gn.Grok()
    assert own.settings.base_url == box.base_url
    assert own.ask("What is 6*7?").sandbox
    assert own.defer("What is 2+3?").result(wait_s=10).sandbox
    assert len(gn.usage()) == 2
    assert len(gn.deferred()) == 1
    box.stop()
    assert gn.Grok().settings.base_url != box.base_url


def test_configured_settings_hold_for_every_session(box):
    gn.configure(model="grok-4.3", timeout_s=5)
    assert gn.Grok().settings.model == "grok-4.3"
    assert gn.Grok(model="grok-4.6").settings.model == "grok-4.6"
    assert gn.AsyncGrok().settings.timeout_s == 5


def test_asking_for_the_running_sandbox_makes_it_the_default_again(box):
    gn.configure(api_key=None, base_url=None)
    assert gn.sandbox() is box
    assert gn.ask("hi").sandbox


def test_a_program_that_ends_leaves_no_folder(tmp_path):
    code = "import grok_nb as gn; gn.sandbox(); gn.ask('hi'); gn.ask('ho')"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("XAI_")
    }
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    environment.pop("GROK_NB_STORE", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path for path in tmp_path.iterdir() if "sandbox" in path.name] == []


def test_errors_show_the_user_s_frame_and_none_of_the_loop(box):
    box.fail("401")
    with pytest.raises(gn.errors.Unauthorized) as caught:
        gn.ask("hi")
    files = [Path(str(entry.path)).name for entry in caught.traceback]
    assert files[0] == "test_default_sandbox.py"
    assert not {"exchange.py", "transport.py", "client.py"} & set(files)
