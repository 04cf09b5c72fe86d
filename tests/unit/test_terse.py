"""Terse text <-> JSON schema: round trips, and errors that name the field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb import terse
from grok_nb.errors import BadRequest

TEXT: dict[str, Any] = {"type": "string"}
GOOD: dict[str, dict[str, Any]] = {
    "name": {"name": TEXT},
    "name, age int, tags list[str]: topics": {
        "name": TEXT,
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": TEXT, "description": "topics"},
    },
    "a float, b bool,": {"a": {"type": "number"}, "b": {"type": "boolean"}},
    "a?": {"a": {"anyOf": [TEXT, {"type": "null"}]}},
    "a int?": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "a? int": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "date, due date, at datetime": {
        "date": TEXT,
        "due": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
    },
    "tags list": {"tags": {"type": "array", "items": TEXT}},
    "m list[list[float]]": {
        "m": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}},
        }
    },
    "kind one|two": {"kind": {"enum": ["one", "two"], "type": "string"}},
    'kind "on hold" | "a, b" | c?': {
        "kind": {
            "anyOf": [
                {"enum": ["on hold", "a, b", "c"], "type": "string"},
                {"type": "null"},
            ]
        }
    },
    "name: with a comma, here\nage int: : and colons\n\n": {
        "name": {**TEXT, "description": "with a comma, here"},
        "age": {"type": "integer", "description": ": and colons"},
    },
    "name,\r\nage int,\r\n": {"name": TEXT, "age": {"type": "integer"}},
    "größe float, 名前": {"größe": {"type": "number"}, "名前": TEXT},
    "extra dict": {"extra": {"type": "object", "additionalProperties": True}},
}


@pytest.mark.parametrize("text", GOOD)
def test_text_becomes_a_schema(text: str) -> None:
    assert terse.to_schema(text) == {
        "type": "object",
        "properties": GOOD[text],
        "required": list(GOOD[text]),
        "additionalProperties": False,
    }


BAD = {
    "": ("the text is empty", "name, age int"),
    " , ,": ("the text is empty", "name, age int"),
    "name, age itn": ("field 2, 'age itn': there is no type 'itn'", "mean int?"),
    "a string": ("there is no type 'string'", "Did you mean str?"),
    "a Integer": ("there is no type 'Integer'", "Did you mean int?"),
    "a decimal": ("there is no type 'decimal'", "Did you mean float?"),
    "a object": ("there is no type 'object'", "Did you mean dict?"),
    "a list[strr]": ("there is no type 'strr'", "Did you mean str?"),
    "a zzz": ("there is no type 'zzz'", "A type is str, int"),
    "1a int": ("does not start with a name", "NAME type"),
    "a-b int": ("there is '-' after the name a", ""),
    "a int b": ("more than a name and a type: 'b'", "after a colon"),
    "a list[str": ("not closed", ""),
    "a list[]": ("a type is missing", "A type is"),
    "a dict[str]": ("more than", ""),
    "a set[str]": ("there is no type 'set'", "Only lists have brackets"),
    "a int|str": ("are types, and a field has one", "pydantic"),
    "a str|none": ("none is no word", "?"),
    "a one|": ("a word is missing after |", ""),
    "a one|one": ("'one' is there twice", ""),
    'a "x': ("a type is missing", ""),
    "a, b, a int": ("field 3: 'a' is there twice", ""),
    "int": ("int is a type", "value int"),
    "a " + "list[" * 20: ("nested too deeply", ""),
    "__import__('os')": ("there is '(' after the name", ""),
}


@pytest.mark.parametrize("text", BAD)
def test_what_does_not_parse_names_the_field(text: str) -> None:
    message, hint = BAD[text]
    with pytest.raises(BadRequest) as raised:
        terse.to_schema(text)
    assert str(raised.value).startswith("schema: ")
    assert message in str(raised.value)
    assert hint in raised.value.hint


names = st.from_regex(r"[^\W\d]\w{0,8}", fullmatch=True)
words = st.text(min_size=1, max_size=8).filter(
    lambda w: w.lower() not in ("null", "none", "optional")
)
choices = (
    st.lists(words, min_size=2, max_size=4, unique=True)
    .filter(lambda found: not all(w in terse.TYPES for w in found))
    .map(lambda found: {"enum": found, "type": "string"})
)
types = st.recursive(
    st.sampled_from(list(terse.TYPES.values())) | choices,
    lambda inner: inner.map(lambda t: {"type": "array", "items": t}),
    max_leaves=3,
)
notes = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20
).map(str.strip)


@st.composite
def schemas(draw: Any) -> dict[str, Any]:
    properties = {}
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        field = draw(types)
        if draw(st.booleans()):
            field = {"anyOf": [field, {"type": "null"}]}
        note = draw(notes)
        # a comma that ends a line ends the field
        if note and not note.endswith(","):
            field = {**field, "description": note}
        properties[name] = field
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@given(schemas())
def test_schema_to_text_to_schema_is_the_same(schema: dict[str, Any]) -> None:
    assert terse.to_schema(terse.to_text(schema)) == schema


@given(st.text(max_size=60))
def test_any_text_is_a_schema_or_an_error_that_says_so(text: str) -> None:
    try:
        schema = terse.to_schema(text)
    except BadRequest as error:
        assert str(error).startswith("schema: ")
    else:
        assert schema["required"] == list(schema["properties"])


def test_what_terse_text_cannot_say_is_an_error() -> None:
    schema = terse.to_schema("a int")
    schema["properties"]["a"]["minimum"] = 3
    with pytest.raises(ValueError, match="no terse text"):
        terse.to_text(schema)
