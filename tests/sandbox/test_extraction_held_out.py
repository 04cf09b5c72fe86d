"""How much of what a careful reader finds does the sandbox find, on unseen documents?

The documents, schemas and questions come from ``examiner``, written without sight of the
rules of the sandbox; ``examiner_marks`` says what counts as the same value. Who wrote the
rules has not seen the examiner either, but was told once, in words and without texts,
which categories and layouts failed; "at first" is from before that (seeds 1 and 2), "now"
from seeds 11 and 12 afterwards: 800 documents and 300 questions each. The examiner's words
are the same for every seed, so documents of another hand will fare less well than "now",
hardly less well than "at first". In per cent, null allowed; the last column is of the 400
documents and 160 questions that this test asks:

===================  ========  =====  ====
null is allowed      at first    now  test
===================  ========  =====  ====
contacts                 95.6  100.0   100
absent fields            95.1   96.6  96.5
amounts                  71.0   88.3  86.5
times                    61.0   91.5  96.8
dates                    62.0   86.6  86.0
enums                    57.4   91.4  86.0
labelled values          47.9   79.7  78.9
items                    46.9   94.8  96.7
other numbers            42.0   81.6  90.3
booleans                 40.2   81.9  85.2
addresses                40.0   66.7  66.4
lists                    12.4   69.0  69.1
===================  ========  =====  ====

Now by language: 83.5 (Portuguese) to 91.7 (Dutch), English 88.9; by layout from 68.2 (free
prose), 77.5 (sentences) and 78.2 (dotted forms) to 97 (tables).

Where the schema requires values, one that is not found refuses the whole answer: 28.5 of
100 such documents that have all the values were answered at first, 68.8 now (test: 65.3).
Documents that lack a required value are refused: 100 of 100, at first and now; 95.7 in this
test, where a value is taken for another one. Every answer is valid for its schema, or a
refusal, 100 of 100.

Tools: the right ones are chosen for 83.0 of 100 questions (at first 75.3), 63.8 of the
arguments are right (54.8), 90.7 of the optional ones that the question does not mention
are left out (74.2), and every result is in the answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.sandbox.examiner import Case, document_cases
from tests.sandbox.examiner_marks import (
    Answer,
    Called,
    Sheet,
    faults,
    marks,
    same,
    sit,
    tool_faults,
    tool_marks,
)
from tests.sandbox.examiner_tools import tool_cases

SEEDS = (1, 2)
DOCUMENTS, QUESTIONS = 200, 80
# A little under what was measured (top of this file, last column), per category and
# kind of schema. When the rules get better, measure again and raise them.
FLOORS = {
    ("absent fields", "nullable"): 0.94,
    ("addresses", "nullable"): 0.62,
    ("amounts", "nullable"): 0.82,
    ("booleans", "nullable"): 0.80,
    ("contacts", "nullable"): 0.97,
    ("dates", "nullable"): 0.82,
    ("enums", "nullable"): 0.82,
    ("items", "nullable"): 0.93,
    ("labelled values", "nullable"): 0.75,
    ("lists", "nullable"): 0.62,
    ("other numbers", "nullable"): 0.86,
    ("times", "nullable"): 0.90,
    ("answered at all", "required"): 0.60,
    ("refusals", "required"): 0.93,
    ("tool choice", ""): 0.85,
    ("arguments", ""): 0.64,
    ("arguments left out", ""): 0.80,
    ("answers", ""): 0.97,
}


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    with Sandbox() as server:
        sheets = [
            asyncio.run(sit(server.base_url, server.key, seed, DOCUMENTS, QUESTIONS))
            for seed in SEEDS
        ]
    sheet = sheets[0] + sheets[1]
    print(f"\n{sheet}")
    return sheet


def test_every_answer_fits_its_schema_or_refuses(sheet: Sheet) -> None:
    assert not sheet.faults


@pytest.mark.parametrize(("category", "demand"), FLOORS)
def test_as_much_is_right_as_was(sheet: Sheet, category: str, demand: str) -> None:
    share = sheet.share(category, demand)
    assert share >= FLOORS[category, demand], f"{share:.1%} of {category}\n\n{sheet}"


# -- the examiner itself -------------------------------------------------------------


def model_answer(case: Case) -> Answer:
    """Return the answer that the examiner holds to be right."""
    if case.refuse:
        return Answer("", f"no {case.missing}")
    value: dict[str, Any] = {}
    for check in case.checks:
        place: Any = value
        for step, following in zip(check.path, (*check.path[1:], ""), strict=True):
            if not following:
                _put(place, step, check.accept[0])
            else:
                place = _put(place, step, [] if following.isdigit() else {})
    if case.style == "hand-written":  # there, what is not required is not nullable
        value = _without_needless_nulls(value, case.schema)
    return Answer(json.dumps(value), None)


def _without_needless_nulls(
    value: dict[str, Any], schema: dict[str, Any]
) -> dict[str, Any]:
    return {
        key: _without_needless_nulls(part, schema["properties"][key])
        if isinstance(part, dict) and "properties" in schema["properties"][key]
        else part
        for key, part in value.items()
        if part is not None or key in schema["required"]
    }


def _put(place: Any, step: str, part: Any) -> Any:
    if isinstance(place, list):
        if len(place) == int(step):
            place.append(part)
        return place[int(step)]
    return place.setdefault(step, part)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_model_answers_fit_the_schemas_and_get_every_mark(seed: int) -> None:
    for case in document_cases(seed, DOCUMENTS):
        answer = model_answer(case)
        assert not faults(answer, case.schema), case
        assert all(mark.right for mark in marks(case, answer)), case
    for question in tool_cases(seed, QUESTIONS):
        called = Called(
            tuple((call.name, _arguments(call.arguments)) for call in question.calls),
            "tool_calls" if question.calls else "stop",
            "",
            json.dumps(question.results),
        )
        assert not tool_faults(called, question), question
        assert all(mark.right for mark in tool_marks(question, called)), question


def _arguments(arguments: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in arguments.items() if v is not None})


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_empty_or_spoilt_gets_no_mark(seed: int) -> None:
    for case in document_cases(seed, 80):
        empty = marks(case, Answer("{}", None))
        assert not any(mark.right for mark in empty if mark.category in VALUES), case
        for place, check in enumerate(case.checks):
            value = json.loads(model_answer(case).text)
            _spoil(value, check.path)
            loose = dataclasses.replace(case, schema={})
            found = marks(loose, Answer(json.dumps(value), None))
            wrong = [n for n, mark in enumerate(found) if not mark.right]
            assert wrong == [place], (case, check)


VALUES = {category for category, demand in FLOORS if demand == "nullable"} - {
    "absent fields"
}


def _spoil(value: dict[str, Any], path: tuple[str, ...]) -> None:
    """Put something else in the place of the value at ``path``."""
    place: Any = value
    for step in path[:-1]:
        place = place[int(step)] if isinstance(place, list) else place[step]
    match place.get(path[-1]):
        case bool() as old:
            place[path[-1]] = not old
        case int() | float() as old:
            place[path[-1]] = old + 1
        case list() as old:
            place[path[-1]] = old[1:]
        case old:
            place[path[-1]] = f"{old} x9"


@pytest.mark.parametrize(
    ("kind", "got", "wanted", "right"),
    [
        ("text", "ACME\u00a0 Ltd", "Acme Ltd.", True),
        ("text", "Acme", "Acme Ltd", False),
        ("amount", 1234.5, 1234.5, True),
        ("amount", "1234.50", 1234.5, True),  # a Decimal travels as text
        ("amount", "1,234.50", 1234.5, False),
        ("amount", 1234.51, 1234.5, False),
        ("count", True, 1, False),
        ("bool", "yes", True, False),
        ("bool", 1, True, False),
        ("date", "2026-03-03", "2026-03-03", True),
        ("date", "3 March 2026", "2026-03-03", False),
        ("time", "17:30:00", "17:30", True),
        ("time", "5:30 pm", "17:30", False),
        ("phone", "+49 (30) 12-34", "+49 30 1234", True),
        ("phone", "030 1234", "+49 30 1234", False),
        ("address", "1 Elm St\nLeeds LS1 4DY", "1 Elm St, Leeds LS1 4DY", True),
        ("address", "1 Elm St", "1 Elm St, Leeds LS1 4DY", False),
        ("list", ["a", "B"], ["A", "b"], True),
        ("list", ["b", "a"], ["a", "b"], False),
        ("text", {"street": None, "city": None}, None, True),
        ("text", "n/a", None, False),
        ("count", 0, None, False),
    ],
)
def test_the_same_value_in_another_dress(
    kind: str, got: Any, wanted: Any, *, right: bool
) -> None:
    assert same(kind, got, wanted) is right


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_draws_the_same_cases(seed: int) -> None:
    assert document_cases(seed, 30) == document_cases(seed, 60)[:30]
    assert document_cases(seed, 30) != document_cases(seed + 1, 30)
    assert tool_cases(seed, 30) == tool_cases(seed, 60)[:30]
