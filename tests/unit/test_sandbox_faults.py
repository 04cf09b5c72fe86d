"""Scripted faults: reading them, and which request they hit."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import faults
from grok_nb._sandbox.faults import Faults, parse


def hits(entry: object, number: int = 10, path: str = "/v1/chat/completions") -> list:
    script = Faults([entry])
    picked = [script.pick("POST", path) for _ in range(number)]
    return [position for position, fault in enumerate(picked, 1) if fault]


def test_nth_counts_matching_requests_from_one() -> None:
    script = Faults([{"match": "POST /v1/chat", "nth": 2, "do": "503"}])
    assert script.pick("POST", "/v1/chat/completions") is None
    assert script.pick("GET", "/v1/chat/completions") is None
    assert script.pick("POST", "/v1/models") is None
    assert script.pick("POST", "/v1/chat/completions") is not None
    assert script.pick("POST", "/v1/chat/completions") is None


def test_without_nth_or_rate_a_fault_always_happens() -> None:
    assert hits({"do": "429"}) == list(range(1, 11))
    assert hits({"do": "429", "times": 3}) == [1, 2, 3]


def test_rate_is_the_same_on_every_run_and_about_as_asked() -> None:
    entry = {"do": "429", "rate": 0.3}
    assert hits(entry, 1000) == hits(entry, 1000)
    assert 200 < len(hits(entry, 1000)) < 400
    assert hits(entry, 1000) != hits(entry | {"seed": 1}, 1000)
    assert hits({"do": "429", "rate": 0}) == []
    assert hits({"do": "429", "rate": 1}) == list(range(1, 11))


def test_times_does_not_shift_the_sequence_of_a_rate() -> None:
    entry = {"do": "429", "rate": 0.3}
    assert hits(entry | {"times": 2}, 100) == hits(entry, 100)[:2]


def test_the_first_due_rule_wins_but_all_count() -> None:
    script = Faults([{"do": "500", "nth": 1}, {"do": "503", "nth": 2}])
    picked = [script.pick("GET", "/v1/models") for _ in range(3)]
    assert [fault.do if fault else None for fault in picked] == ["500", "503", None]
    shown = script.shown()["faults"]
    assert [(rule["seen"], rule["fired"]) for rule in shown] == [(3, 1), (3, 1)]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("429", {"do": "429", "match": "/"}),
        ("429@/v1/chat#2", {"do": "429", "match": "/v1/chat", "nth": 2}),
        ("503@/v1/chat%0.1", {"do": "503", "match": "/v1/chat", "rate": 0.1}),
        (
            "reset@POST /v1/chat*3",
            {"do": "reset", "match": "POST /v1/chat", "times": 3},
        ),
        ("slow,delay_ms=50", {"do": "slow", "delay_ms": 50.0}),
        (
            "429@/v1#1,retry_after=0.5,message=Too fast.",
            {"do": "429", "nth": 1, "retry_after": 0.5, "message": "Too fast."},
        ),
        ("500-after-billing", {"do": "500-after-billing"}),
        ("cut-stream,after=3", {"do": "cut-stream", "after": 3}),
    ],
)
def test_short_text_is_read(spec: str, wanted: dict[str, object]) -> None:
    fault = parse(spec)
    assert {name: getattr(fault, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("", "KIND"),
        ("429@/v1#x", "KIND"),
        ("bang", "429-credit"),
        ({"do": "bang"}, "cut-stream"),
        ({"do": "200"}, "5xx-after-billing"),
        ({"do": "429-after-billing"}, "5xx-after-billing"),
        ({}, "'do'"),
        ([], "'do'"),
        (None, "'do'"),
        ({"do": "429", "nht": 1}, "unknown field"),
        ({"do": "429", "nth": 0}, "nth"),
        ({"do": "429", "rate": 1.5}, "rate"),
        ({"do": "429", "rate": float("nan")}, "rate"),
        ({"do": "429", "nth": 1, "rate": 0.5}, "not both"),
        ({"do": "slow", "delay_ms": -1}, "delay_ms"),
        ({"do": "redirect", "location": "a\r\nb"}, "location"),
        ({"do": "html", "status": 999}, "status"),
        ("slow,delay=5", "delay"),
    ],
)
def test_wrong_faults_say_what_is_wrong(entry: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse(entry)


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()))
def test_anything_else_is_a_value_error(entry: object) -> None:
    with contextlib.suppress(ValueError):
        parse(entry)


def test_a_wrong_fault_leaves_the_script_as_it_was() -> None:
    script = Faults([{"do": "429"}])
    with pytest.raises(ValueError, match="bang"):
        script.add([{"do": "500"}, {"do": "bang"}])
    assert len(script.shown()["faults"]) == 1


def test_every_named_kind_is_described() -> None:
    described = faults.__doc__ or ""
    assert [kind for kind in faults.NAMED_KINDS if kind not in described] == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 429, 498, 500])
def test_statuses_have_the_bodies_of_the_api(status: int) -> None:
    answer = faults.canned(parse(str(status)), "2026")
    body = json.loads(answer.body)
    assert answer.status == status
    assert body["error"]
    assert ("code" in body) == (status not in {410, 422})


def test_retry_after_and_message_are_passed_on() -> None:
    fault = parse({"do": "429", "retry_after": 0.25, "message": "Slow down."})
    answer = faults.canned(fault, "2026")
    assert answer.headers["retry-after"] == "0.25"
    assert json.loads(answer.body)["error"] == "Slow down."


def test_vintage_changes_the_codes() -> None:
    fault = parse("429")
    code = json.loads(faults.canned(fault, "2025").body)["code"]
    assert code == "Some resource has been exhausted"
    assert (
        faults.canned(parse("422"), "2025")
        .headers["content-type"]
        .startswith("text/plain")
    )
