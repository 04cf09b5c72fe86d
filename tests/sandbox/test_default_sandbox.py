"""The sandbox that ``gn.sandbox()`` starts, and the trouble it can be asked for."""

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
