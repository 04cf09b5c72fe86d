"""Schemas of all forms: what is sent, what is refused, and what a reply means."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import ipaddress
import json
import pickle
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    create_model,
    field_validator,
)

from grok_nb.errors import BadRequest, SchemaMismatch
from grok_nb.frames.columns import typed
from grok_nb.schema import Schema, structured


class Kind(enum.Enum):
    paid = "paid"
    unpaid = "open"


class Line(BaseModel):
    """One line of a paper."""

    what: str
    price: Decimal
    count: int | None = None


class Invoice(BaseModel):
    number: str = Field(description="as printed", alias="no")
    total: Decimal = Field(ge=0)
    kind: Kind
    when: datetime.date
    lines: list[Line]
    currency: Literal["CHF", "USD"] = "CHF"
    size: int | str | None = None


class Tree(BaseModel):
    name: str
    children: list[Tree]


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Movie(TypedDict):
    title: str
    year: int


INVOICE = {
    "no": "7",
    "total": 1.10,
    "kind": "open",
    "when": "2026-12-31",
    "lines": [{"what": "tea", "price": 0.10, "count": None}],
    "size": None,
}


def parts(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside of a schema; not names of properties, nor enums."""
    found = [schema]
    for word, value in schema.items():
        if word in ("properties", "$defs"):
            for inner in value.values():
                found += parts(inner)
        elif word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for inner in value:
                found += parts(inner)
        elif word in ("items", "additionalProperties") and isinstance(value, dict):
            found += parts(value)
    return found


def test_a_model_is_sent_in_the_subset() -> None:
    schema = structured(Invoice)
    assert schema.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Invoice", "strict": True, "schema": schema.sent},
    }
    assert schema.format == {
        "type": "json_schema",
        "name": "Invoice",
        "strict": True,
        "schema": schema.sent,
    }
    assert schema.sent == {
        "type": "object",
        "title": "Invoice",
        "properties": {
            "no": {"type": "string", "description": "as printed"},
            "total": {"type": "number", "minimum": 0.0},
            "kind": {"$ref": "#/$defs/Kind"},
            "when": {"type": "string", "format": "date"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "currency": {"type": "string", "enum": ["CHF", "USD"], "default": "CHF"},
            "size": {
                "anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]
            },
        },
        # what may be null is asked for; what has another default may be left out
        "required": ["no", "total", "kind", "when", "lines", "size"],
        "additionalProperties": False,
        "$defs": {
            "Kind": {"title": "Kind", "type": "string", "enum": ["paid", "open"]},
            "Line": {
                "title": "Line",
                "description": "One line of a paper.",
                "type": "object",
                "properties": {
                    "what": {"type": "string"},
                    "price": {"type": "number"},
                    "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
                "required": ["what", "price", "count"],
                "additionalProperties": False,
            },
        },
    }


def test_a_reply_becomes_an_instance_without_rounding() -> None:
    text = json.dumps(INVOICE).replace("1.1,", "1.10000000000000000001,")
    parsed = structured(Invoice).read(text)
    assert parsed.total == Decimal("1.10000000000000000001")
    assert parsed.lines[0].price == Decimal("0.1")
    assert parsed.kind is Kind.unpaid
    assert parsed.when == datetime.date(2026, 12, 31)
    (record,) = structured(Invoice).records(parsed)
    assert list(record) == [*Invoice.model_fields]
    assert record["number"] == "7"


@pytest.mark.parametrize("number", ["0.1", "1.10", "1e400", "12345678901234567890.12"])
def test_decimals_are_what_was_written(number: str) -> None:
    for source, wrap in (
        (Decimal, '{"value": %s}'),
        (Line, '{"what": "x", "price": %s}'),
    ):
        parsed = structured(source).read(wrap % number)
        found = parsed if source is Decimal else parsed.price
        assert str(found) == str(Decimal(number))


def test_a_decimal_beside_text_stays_a_number() -> None:
    class Loose(BaseModel):
        a: Decimal | str
        b: Any
        c: float

    parsed = structured(Loose).read('{"a": 1.10, "b": 1.10, "c": 1.10}')
    assert (parsed.a, parsed.b, parsed.c) == (Decimal("1.1"), 1.1, 1.1)


WRAPPED: list[tuple[Any, str, Any, list[dict[str, Any]]]] = [
    (int, '{"value": 3}', 3, [{"value": 3}]),
    (Kind, '{"value": "open"}', Kind.unpaid, [{"value": Kind.unpaid}]),
    (int | None, '{"value": null}', None, [{"value": None}]),
    (list[int], '{"records": [1, 2]}', [1, 2], [{"value": 1}, {"value": 2}]),
    (
        list[Line],
        '{"records": [{"what": "a", "price": 1}]}',
        [Line(what="a", price=Decimal(1))],
        [{"what": "a", "price": Decimal(1), "count": None}],
    ),
    (Line | Point, '{"value": {"x": 1}}', Point(1.0), [{"x": 1.0, "y": 0.0}]),
    (Point, '{"x": "1.5"}', Point(1.5), [{"x": 1.5, "y": 0.0}]),
    (
        Movie,
        '{"title": "M", "year": 1931.0}',
        {"title": "M", "year": 1931},
        [{"title": "M", "year": 1931}],
    ),
    (dict[str, int], '{"a": 1}', {"a": 1}, [{"a": 1}]),
    (TypeAdapter(int), '{"value": 3}', 3, [{"value": 3}]),
    ({"type": "array", "items": {"type": "integer"}}, '{"records": [1]}', [1], [{"value": 1}]),
    ({"enum": ["a", "b"]}, '{"value": "a"}', "a", [{"value": "a"}]),
    ("a int", '{"a": 1}', {"a": 1}, [{"a": 1}]),
    ('{"properties": {"a": {"type": "integer"}}}', '{"a": 1}', {"a": 1}, [{"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRAPPED)))
def test_a_root_that_is_no_object_is_wrapped_and_unwrapped(number: int) -> None:
    source, text, parsed, records = WRAPPED[number]
    schema = structured(source)
    assert schema.sent["type"] == "object"
    found = schema.read(text)
    assert found == parsed
    assert type(found) is type(parsed)
    assert schema.records(found) == records


def test_many_asks_for_a_list() -> None:
    for source in (Line, "what, price float, count int?"):
        schema = structured(source, many=True)
        inner = schema.sent["properties"]["records"]
        assert inner["type"] == "array"
        assert schema.is_list
        parsed = schema.read('{"records": [{"what": "a", "price": 2, "count": null}]}')
        assert [dict(r) for r in parsed] == [{"what": "a", "price": 2, "count": None}]
    for twice in (list[Line], {"type": "array", "items": {"type": "string"}}):
        with pytest.raises(BadRequest, match="is a list already"):
            structured(twice, many=True)


def test_a_schema_survives_copies() -> None:
    for source in (Invoice, "a int", {"properties": {"a": {"type": "integer"}}}):
        schema = structured(source, many=True)
        for again in (pickle.loads(pickle.dumps(schema)), copy.deepcopy(schema)):
            assert again.sent == schema.sent
    assert structured(schema, many=True) is schema
    assert structured(structured("a"), many=True).is_list


def test_a_file_holds_a_schema(tmp_path: Any) -> None:
    path = tmp_path / "s.json"
    path.write_text('\ufeff{"properties": {"a": {"type": "integer"}}}')
    assert structured(f"@{path}").read('{"a": 1}') == {"a": 1}
    for text, why in (("[1]", "does not hold a JSON object"), ("{1}", "is no JSON")):
        path.write_text(text)
        with pytest.raises(BadRequest, match=why):
            structured(f"@{path}")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRequest, match="not UTF-8"):
        structured(f"@{path}")
    with pytest.raises(BadRequest, match="cannot be read: No such file"):
        structured(f"@{path}.json")


# -- what is refused -------------------------------------------------------------------


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


class Calls(BaseModel):
    amount: Decimal
    done: Callable[[int], int]


DEEP: dict[str, Any] = {"type": "string"}
for _ in range(200):
    DEEP = {"type": "array", "items": DEEP}
LOOP: dict[str, Any] = {"type": "object", "properties": {}}
LOOP["properties"]["a"] = LOOP
REFUSED: list[tuple[Any, str]] = [
    (Tree, r"children\[\]: Tree holds itself"),
    (list[Tree], "Tree holds itself"),
    ({"$ref": "#"}, "holds itself"),
    (thing(a={"$ref": "#/properties/a"}), "a: a holds itself"),
    (
        {
            **thing(a={"$ref": "#/$defs/A"}),
            "$defs": {"A": thing(b={"$ref": "#/$defs/A"})},
        },
        "b: A holds itself",
    ),
    (thing(a={"$ref": "#/$defs/Nope"}), "a: .*leads nowhere"),
    (thing(a={"$ref": "https://example.com/s"}), "a: .*is not in this schema"),
    (thing(a={"$ref": 3}), r"a: \$ref must be text"),
    (thing(a={"enum": []}), "a: enum is empty"),
    (thing(a={"anyOf": []}), "a: anyOf is empty"),
    (thing(a={"oneOf": "x"}), "a: oneOf must be a list"),
    (thing(a=False), "a: false allows nothing"),
    (thing(a=3), "a: 3 is no schema"),
    (thing(a=thing(b={"type": "strin"})), "a.b: there is no type 'strin'"),
    (thing(a={"type": ["string", 3]}), "a: there is no type 3"),
    (thing(a={"type": "array", "minContains": 1}), "a: the API does not take minC"),
    (thing(a={"type": "array", "maxContains": 1}), "a: the API does not take maxC"),
    (thing(a={"type": "array", "items": [{}, {}]}), "a: items is a list"),
    (thing(a={"type": "string", "minLength": -1}), "a: minLength cannot be -1"),
    (thing(a={"type": "string", "maxLength": "9"}), "a: maxLength cannot be '9'"),
    (thing(a={"type": "string", "maxLength": True}), "a: maxLength cannot be True"),
    (thing(a={"type": "string", "pattern": "("}), "a: .*no regular expression"),
    (thing(a={"type": "number", "minimum": "0"}), "a: minimum cannot be '0'"),
    ({**thing(a={}), "required": ["b"]}, "'b' is required, and no property"),
    ({**thing(a={}), "required": "a"}, "required must be a list"),
    ({"type": "object", "properties": []}, "properties must be an object"),
    (thing(), "has no fields"),
    (DEEP, "nested too deeply"),
    (LOOP, "it is not JSON: Circular"),
    (thing(a={"enum": [float("nan")]}), "it is not JSON"),
    (thing(a={"enum": {1, 2}}), "it is not JSON"),
    (thing(a={"const": b"x"}), "it is not JSON"),
    (Calls, "Calls.done: JSON has no Callable"),
    (type("Plain", (), {}), "Plain is no model"),
    (type("Empty", (BaseModel,), {}), "has no fields"),
    (Line(what="a", price=Decimal(1)), "one Line, not the class"),
    ([Line], "it is a list"),
    (len, "len is no model"),
    (lambda: 1, "is no model"),
    (object, "object is no model"),
    (3, "3 is no model"),
    (True, "True is no model"),
    (b"name", "is no model"),
    (list["Unknown"], "Unknown|not fully defined"),  # type: ignore[name-defined]  # noqa: F821
    ('{"type": ', "it is no JSON"),
    ('{"type": "object", "type": "array"}', "'type' is there twice"),
    ("name, age itn", "field 2"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_the_api_does_not_take_is_refused_with_its_field(number: int) -> None:
    source, message = REFUSED[number]
    with pytest.raises(BadRequest, match=message) as raised:
        structured(source)
    assert str(raised.value).startswith("schema: ")
    assert "\n" not in str(raised.value)
    assert "errors.pydantic.dev" not in str(raised.value)


# what is left out of the request, and a value that only we refuse
CHECKED: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({"type": "string", "maxLength": 3000}, "maxLength", "x" * 3000, "x" * 3001),
    ({"type": "string", "minLength": 3000}, "minLength", "x" * 3000, "x" * 2999),
    ({"type": "array", "maxItems": 300}, "maxItems", [1] * 300, [1] * 301),
    ({"type": "array", "minItems": 300}, "minItems", [1] * 300, [1] * 299),
    ({"type": "object", "maxProperties": 65}, "maxProperties", {}, None),
    ({"type": "string", "pattern": "^(?!x)"}, "pattern", "ax", "xa"),
    ({"type": "string", "pattern": r"^(.)\1$"}, "pattern", "aa", "ab"),
    ({"type": "integer", "not": {"const": 3}}, "not", 4, 3),
    (
        {"type": "integer", "if": {"minimum": 5}, "then": {"multipleOf": 5}},
        "if",
        10,
        11,
    ),
    (
        {"type": "integer", "allOf": [{"minimum": 2}, {"maximum": 4}]},
        "allOf",
        3,
        5,
    ),
]


@pytest.mark.parametrize("number", range(len(CHECKED)))
def test_what_the_server_does_not_see_to_is_checked_here(number: int) -> None:
    field, word, good, bad = CHECKED[number]
    schema = structured({**thing(a=field), "required": ["a"]})
    is_sent = word in ("not", "if", "allOf")  # best effort there
    assert (word in schema.sent["properties"]["a"]) == is_sent
    assert any(f"a: {word} (" in line for line in schema.report.checked)
    assert not any(word in line for line in schema.report.enforced)
    assert schema.read(json.dumps({"a": good})) == {"a": good}
    with pytest.raises(SchemaMismatch, match=r"schema: a: got "):
        schema.read(json.dumps({"a": bad}))


def test_a_model_with_too_much_is_checked_by_pydantic() -> None:
    class Long(BaseModel):
        tags: Annotated[list[str], Field(max_length=300)]
        code: Annotated[str, Field(pattern=r"^\p{L}+$", max_length=9)]

    schema = structured(Long)
    assert schema.sent["properties"] == {
        "tags": {"type": "array", "items": {"type": "string"}},
        "code": {"type": "string", "pattern": r"^\p{L}+$", "maxLength": 9},
    }
    assert schema.report.checked == ("tags: maxItems (the API takes at most 256)",)
    with pytest.raises(SchemaMismatch, match=r"tags: got .*at most 300 items"):
        schema.read(json.dumps({"tags": ["a"] * 301, "code": "é"}))


def test_limits_that_the_api_takes_are_sent() -> None:
    for word, limit in (("maxLength", 2048), ("maxItems", 256), ("maxProperties", 64)):
        schema = structured(thing(a={word: limit}))
        assert schema.sent["properties"]["a"] == {word: limit}
        assert schema.report.checked == ()


def test_what_means_nothing_there_is_left_out() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    class Home(BaseModel):
        pet: Cat | Dog = Field(discriminator="kind")

    assert "discriminator" not in json.dumps(structured(Home).sent)
    assert structured(Home).read('{"pet": {"kind": "dog"}}').pet == Dog(kind="dog")
    given = {"$schema": "https://json-schema.org/draft/2020-12/schema", **thing(a=True)}
    assert structured(given).sent["properties"] == {"a": {}}
    assert "$schema" not in structured(given).sent


def test_names_of_properties_are_no_keywords() -> None:
    names = ("$schema", "discriminator", "enum", "anyOf", "type", "items", "required")
    schema = structured(thing(**{name: {"type": "string"} for name in names}))
    assert list(schema.sent["properties"]) == list(names)
    values = dict.fromkeys(names, "x")
    assert schema.read(json.dumps(values)) == values


# -- what a reply means ----------------------------------------------------------------

FIELDS: list[tuple[dict[str, Any], Any, Any]] = [
    ({"type": "integer"}, "3", 3),
    ({"type": "integer"}, 3.0, 3),
    ({"type": "integer"}, 10**30, 10**30),
    ({"type": "number"}, " 3.5 ", 3.5),
    ({"type": "number"}, 3, 3),
    ({"type": "boolean"}, "True", True),
    ({"type": ["integer", "null"]}, "3", 3),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "3", "3"),
    ({"oneOf": [{"type": "integer"}, {"type": "boolean"}]}, True, True),
    ({"type": "string", "format": "date-time"}, "2026-01-31T10:00:00Z", None),
    ({"type": "string", "format": "email"}, "a@b.ch", None),
    ({"type": "string", "format": "uuid"}, str(uuid.UUID(int=1)), None),
    ({"type": "string", "format": "ipv4"}, "127.0.0.1", None),
    ({"type": "string", "format": "ipv6"}, "::1", None),
    ({"type": "string", "format": "uri"}, "https://x.ai", None),
    ({"type": "string", "format": "time"}, "10:00:00", None),
    ({"type": "number", "multipleOf": 0.1}, 0.3, 0.3),
    ({"const": 1}, 1, 1),
    ({"type": "array", "prefixItems": [{"type": "integer"}]}, ["1", "1"], [1, "1"]),
    ({"type": "array", "contains": {"const": 1}}, [2, 1], [2, 1]),
    (thing(b={"type": "integer"}), {"b": "1"}, {"b": 1}),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {"b": "1"}, {"b": 1}),
    ({"type": "object", "patternProperties": {"^x": {"type": "integer"}}}, {"x": "1"}, {"x": 1}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FIELDS)))
def test_a_value_of_a_dict_schema_is_read(number: int) -> None:
    field, value, meant = FIELDS[number]
    found = structured({**thing(a=field), "required": ["a"]}).read(
        json.dumps({"a": value})
    )
    assert found == {"a": value if meant is None else meant}
    assert type(found["a"]) is type(value if meant is None else meant)


WRONG: list[tuple[dict[str, Any], Any, str]] = [
    ({"type": "integer"}, 3.5, "a: got 3.5, expected a whole number"),
    ({"type": "integer"}, True, "a: got True, expected a whole number"),
    ({"type": "integer"}, "3.5", "a: got '3.5', expected a whole number"),
    ({"type": "number"}, "1e999", "a: got '1e999', expected a number"),
    ({"type": "string"}, 3, "a: got 3, expected text"),
    ({"type": "boolean"}, 1, "a: got 1, expected true or false"),
    ({"type": "array"}, {}, r"a: got \{\}, expected a list"),
    ({"enum": ["x", "y"]}, "z", "a: got 'z', expected one of 'x', 'y'"),
    ({"enum": [1]}, True, "a: got True, expected 1"),
    ({"type": "string", "format": "date"}, "20260131", "a: .* expected a date"),
    ({"type": "string", "format": "date"}, "31.1.2026", "a: .* expected a date"),
    ({"type": "string", "format": "date-time"}, "2026-01-31", "a: .* a date-time"),
    ({"type": "string", "format": "email"}, "a.ch", "a: .* expected a email"),
    ({"type": "string", "format": "uuid"}, "x", "a: .* expected a uuid"),
    ({"type": "string", "format": "ipv4"}, "1.2", "a: .* expected a ipv4"),
    ({"type": "string", "format": "uri"}, "x.ai", "a: .* expected a uri"),
    ({"type": "string", "pattern": "^x$"}, "y", "a: .* matches"),
    ({"type": "number", "minimum": 1}, 0.5, "a: got 0.5, expected at least 1"),
    ({"type": "number", "maximum": 1}, 1.5, "expected at most 1"),
    ({"type": "number", "exclusiveMinimum": 1}, 1, "expected more than 1"),
    ({"type": "number", "exclusiveMaximum": 1}, 1, "expected less than 1"),
    ({"type": "number", "multipleOf": 0.1}, 0.35, "expected a multiple of 0.1"),
    ({"type": "array", "uniqueItems": True}, [1, 1.0], "no entry twice"),
    ({"type": "array", "contains": {"const": 1}}, [2], "an entry like"),
    ({"type": "array", "items": {"type": "integer"}}, [1, "x"], r"a\[1\]: got 'x'"),
    ({"type": "array", "prefixItems": [{}], "items": False}, [1, 2], r"a\[1\]: not"),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", "a: .* whole number"),
    ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "x", "one of 2 forms"),
    ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "just one of 2 forms"),
    (thing(b={"type": "integer"}), {"c": 1}, "a.c: not asked for"),
    ({**thing(b={}), "required": ["b"]}, {}, "a.b: missing"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_value_that_does_not_fit_is_named(number: int) -> None:
    field, value, message = WRONG[number]
    schema = structured({**thing(a=field), "required": ["a"]})
    with pytest.raises(SchemaMismatch, match=message):
        schema.read(json.dumps({"a": value}))


UNREADABLE = {
    "": "no JSON: it is empty",
    "I would rather not.": "no JSON: Expecting value",
    '{"a": NaN}': "no JSON: NaN",
    '{"a": 1, "a": 2}': "no JSON: 'a' is there twice",
    "[]": "the reply: got",
    "null": "the reply: got None",
    '{"a": "1", "b": 2}': "not",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_reply_that_is_no_such_json_says_why(text: str) -> None:
    class Model(BaseModel):
        model_config = ConfigDict(extra="forbid")
        a: int

    for source in (Model, "a int"):
        with pytest.raises(SchemaMismatch, match=UNREADABLE[text]) as raised:
            structured(source).read(text)
        assert raised.value.__cause__ is None
        error = raised.value
        assert error.__suppress_context__ or error.__context__ is None
        assert "pydantic" not in str(raised.value)


def test_what_pydantic_says_is_made_short() -> None:
    broken = {**INVOICE, "total": "much", "when": "soon", "lines": [{"price": 1}, 3]}
    with pytest.raises(SchemaMismatch) as raised:
        structured(Invoice).read(json.dumps(broken))
    assert str(raised.value) == (
        "The reply does not fit the schema: total: got 'much', expected a valid decimal; "
        "when: got 'soon', expected a valid date or datetime, input is too short; "
        "lines[0].what: missing; and 1 more."
    )


def test_a_validator_of_the_user_that_breaks_is_named() -> None:
    class Odd(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def _look(cls, value: int) -> float:
            if value == 1:
                raise ValueError("one is too few")
            return 1 / value

    schema = structured(Odd)
    with pytest.raises(SchemaMismatch, match="a: got 1, one is too few") as raised:
        schema.read('{"a": 1}')
    assert raised.value.repairable
    with pytest.raises(SchemaMismatch, match="failed: ZeroDivisionError") as raised:
        schema.read('{"a": 0}')
    assert not raised.value.repairable


# -- any model -------------------------------------------------------------------------

LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, st.text(st.characters(codec="utf-8"))),
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    (datetime.date, st.dates()),
    (datetime.datetime, st.datetimes()),
    (uuid.UUID, st.uuids()),
    (ipaddress.IPv4Address, st.ip_addresses(v=4)),
    (Kind, st.sampled_from(Kind)),
    (Literal["a", 3], st.sampled_from(["a", 3])),
    (Line, st.builds(Line, what=st.text(max_size=3), price=st.just(Decimal("0.10")))),
]


def lists_of(inner: tuple[Any, st.SearchStrategy[Any]]) -> Any:
    return (list[inner[0]], st.lists(inner[1], max_size=3))  # type: ignore[valid-type]


def maybe(inner: tuple[Any, st.SearchStrategy[Any]]) -> Any:
    return (Optional[inner[0]], st.none() | inner[1])  # noqa: UP045 - of a value


def dicts_of(inner: tuple[Any, st.SearchStrategy[Any]]) -> Any:
    keys = st.text("abc", max_size=3)
    return (dict[str, inner[0]], st.dictionaries(keys, inner[1], max_size=2))  # type: ignore[valid-type]


kinds = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: inner.map(lists_of) | inner.map(maybe) | inner.map(dicts_of),
    max_leaves=3,
)


@st.composite
def instances(draw: Any) -> tuple[type[BaseModel], BaseModel]:
    fields, values = {}, {}
    for number in range(draw(st.integers(1, 4))):
        kind, strategy = draw(kinds)
        fields[f"f{number}"] = (kind, ...)
        values[f"f{number}"] = draw(strategy)
    model = create_model("Any_Model", **fields)
    return model, model(**values)


def as_json(value: Any) -> str:
    """JSON as a model would write it: decimals are numbers there."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        inner = [f"{json.dumps(k)}: {as_json(v)}" for k, v in value.items()]
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_json, value))}]"
    return TypeAdapter(Any).dump_json(value).decode()


def in_subset(schema: Schema) -> None:
    assert schema.sent["type"] == "object"
    for part in parts(schema.sent):
        if part.get("type") == "object":
            assert "additionalProperties" in part
        assert part.get("enum", [1])
        assert part.get("anyOf", [1])
        assert not any(word.startswith("x-") for word in part)


@settings(deadline=None)
@given(instances())
def test_any_model_comes_back_as_it_was(made: tuple[type[BaseModel], Any]) -> None:
    model, instance = made
    schema = structured(model)
    in_subset(schema)
    parsed = schema.read(as_json(instance))
    assert parsed == instance
    assert as_json(parsed) == as_json(instance)  # 1.10 is no 1.1
    many = structured(model, many=True)
    in_subset(many)
    both = many.read(f'{{"records": [{as_json(instance)}, {as_json(instance)}]}}')
    assert both == [instance, instance]


KEYWORDS = [
    *("type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf"),
    *("allOf", "not", "if", "then", "else", "$ref", "$defs", "additionalProperties"),
    *("minLength", "maxLength", "minItems", "maxItems", "minimum", "multipleOf"),
    *("pattern", "format", "uniqueItems", "contains", "prefixItems", "title"),
    *("patternProperties", "propertyNames", "default", "minContains", "a"),
]
WORDS = ["object", "array", "string", "integer", "#", "#/$defs/a", "date", "(", "a"]
scalars = st.none() | st.booleans() | st.integers(-3, 3000) | st.sampled_from(WORDS)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
answers = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "value", "records"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYWORDS), junk, max_size=5), st.lists(answers))
def test_any_dict_is_a_schema_or_refused(source: Any, values: list[Any]) -> None:
    try:
        schema = structured(source)
    except BadRequest as error:
        assert str(error).startswith("schema: ")
        return
    json.dumps(schema.sent)
    assert schema.sent["type"] == "object"
    for value in values:
        for wrapped in (value, {"value": value}, {"records": value}):
            try:
                parsed = schema.read(json.dumps(wrapped))
            except SchemaMismatch:
                continue
            frame = typed(schema.records(parsed), schema.columns)
            assert len(frame) == len(schema.records(parsed))


READERS = [structured(source) for source in (Invoice, "a int", int, list[Line], str)]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_fits_or_is_a_mismatch(text: str) -> None:
    for schema in READERS:
        for given_ in (text, json.dumps(text), json.dumps({"value": text})):
            try:
                parsed = schema.read(given_)
            except SchemaMismatch as error:
                assert "\n" not in str(error)
            else:
                assert parsed is not None
