"""JSON that a model wrote: nothing is lost, and what says two things is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb import exact_json

BAD = {
    "": "empty",
    " \n": "empty",
    "```json\n```": "empty",
    "nope": "line 1, column 1",
    '{"a": 1': "line 1",
    '{"a": 1} and more': "Extra data",
    'Here it is: {"a": 1}': "line 1, column 1",
    '{"a": NaN}': "NaN is no JSON",
    '{"a": -Infinity}': "-Infinity is no JSON",
    '{"a": 1, "a": 2}': "'a' is there twice",
    '{"b": [{"a": 1, "a": 1}]}': "'a' is there twice",
    '{"a": "line\nbreak"}': "control character",
    "{'a': 1}": "column 2",
    "[" * 200 + "]" * 200: "nested too deeply",
    "[" * 100_000: "nested too deeply",
    "9" * 10_000: "digits",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_json_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        exact_json.read(text)
    assert BAD[text].lower() in str(raised.value).lower()


@pytest.mark.parametrize(
    "text", ['```json\n{"a": 1}\n```', '```\n{"a": 1}```', '\ufeff {"a": 1}\n']
)
def test_packaging_around_it_is_taken_off(text: str) -> None:
    assert exact_json.read(text) == {"a": 1}


@pytest.mark.parametrize(
    "number", ["0.1", "1.10", "1e2", "0.12345678901234567890123", "1e400", "-0.0"]
)
def test_a_number_keeps_how_it_was_written(number: str) -> None:
    value = exact_json.read(f"[{number}]")
    assert exact_json.write(value) == f"[{number}]"
    assert exact_json.plain(value) == [float(number)]
    assert Decimal(value[0].text) == Decimal(number)


def test_long_whole_numbers_are_exact() -> None:
    assert exact_json.read("123456789012345678901234567890") == 10**29 * 1 + int(
        "23456789012345678901234567890"
    )


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_not() -> None:
    assert exact_json.read(r'{"\ud83d": ["\ud83e\udd8a", "a\udc00"]}') == {
        "\ufffd": ["🦊", "a\ufffd"]
    }
    assert exact_json.read(r'"a\u0000b"') == "a\0b"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(values, st.sampled_from([None, 2]))
def test_it_writes_what_it_read(value: Any, indent: int | None) -> None:
    text = json.dumps(value)
    again = exact_json.write(exact_json.read(text), indent)
    assert json.loads(again) == json.loads(text)
    assert exact_json.plain(exact_json.read(again)) == json.loads(text)
    if indent is not None and isinstance(value, (dict, list)):
        assert again == json.dumps(value, indent=2, ensure_ascii=False)
