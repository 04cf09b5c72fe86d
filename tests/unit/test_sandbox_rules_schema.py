"""The subset of JSON Schema: section 3.4 of xai-api.md."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import schema_rules
from grok_nb._sandbox.errors import ApiError


def of(**schema: Any) -> dict[str, Any]:
    """Put a schema somewhere deep."""
    inner = {"type": "array", "items": {"anyOf": [{"type": "null"}, schema]}}
    return {"type": "object", "properties": {"a": inner}, "required": ["a"]}


def refusal(schema: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        schema_rules.check(schema, "response_format")
    assert (caught.value.status, caught.value.meaning) == (400, "argument")
    start = "Invalid schema of response_format: "
    assert caught.value.text.startswith(start)
    return caught.value.text.removeprefix(start)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (of(enum=[]), "enum must be a list that is not empty"),
        (of(enum="a"), "enum must be a list"),
        (of(anyOf=[]), "anyOf must be a list that is not empty"),
        (of(oneOf=[]), "oneOf"),
        (of(properties={"b": True}), "boolean is no schema"),
        (of(properties={"b": None}), "expected an object"),
        (of(properties=[]), "properties must be an object"),
        (of(items=[{"type": "string"}]), "items must be one schema, not a list"),
        (of(items=True), "boolean is no schema"),
        (of(minContains=1), "minContains is not supported"),
        (of(maxContains=1), "maxContains is not supported"),
        (of(type="text"), "unknown type 'text'"),
        (of(type=["string", "date"]), "unknown type 'date'"),
        (of(type=None), "unknown type None"),
        (of(minLength=2049), "minLength is 2049, above 2048"),
        (of(maxLength=2049), "maxLength is 2049, above 2048"),
        (of(minItems=257), "above 256"),
        (of(maxItems=257), "above 256"),
        (of(minProperties=65), "above 64"),
        (of(maxProperties=65), "above 64"),
        (of(maxLength=-1), "whole number"),
        (of(maxLength="5"), "whole number"),
        (of(maxLength=True), "whole number"),
        (of(minItems=3, maxItems=2), "minItems is above maxItems"),
        (of(format=["date"]), "format must be a text"),
        (of(description=1), "description must be a text"),
        (of(minimum="0"), "minimum must be a number"),
        (of(maximum=True), "maximum must be a number"),
        (of(multipleOf=0), "multipleOf must be above 0"),
        (of(additionalProperties=1), "additionalProperties must be a schema"),
        (of(required="b"), "required must be a list of names"),
        (of(required=[1]), "required must be a list of names"),
        (of(pattern="("), "no regular expression"),
        (of(pattern=1), "no regular expression"),
        (of(**{"$ref": "#"}), "circular $ref"),
        (of(**{"$ref": "#/properties/a"}), "circular $ref"),
        (of(**{"$ref": "#/$defs/B"}), "points nowhere"),
        (of(**{"$ref": "https://a.example/b.json"}), "into the schema itself"),
        (of(**{"$ref": 1}), "into the schema itself"),
        (of(prefixItems=[1]), "expected an object"),
        ({"$defs": {"B": {"enum": []}}}, "(#/$defs/B)"),
        ({"additionalProperties": {"type": "x"}}, "(#/additionalProperties)"),
        ({"not": {"anyOf": []}}, "(#/not)"),
        (
            {
                "$defs": {
                    "A": {"$ref": "#/$defs/B"},
                    "B": {"items": {"$ref": "#/$defs/A"}},
                }
            },
            "circular $ref",
        ),
    ],
)
def test_what_is_refused_is_named(schema: dict[str, Any], said: str) -> None:
    assert said in refusal(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        of(),
        of(type=["string", "null"], format="date", pattern="^a+$"),
        of(minLength=0, maxLength=2048),
        of(minItems=256, maxItems=256),
        of(minProperties=64, maxProperties=64),
        of(allOf=[{"type": "string"}, {"minLength": 1}]),
        of(additionalProperties=False, properties={"b": {"const": 1}}),
        of(additionalProperties=True),
        of(enum=[None, {"anyOf": []}]),
        of(**{"if": {"type": "string"}, "then": {"maxLength": 5}}),
        # The same part twice is no circle.
        {
            "$defs": {"A/b~": {"type": "string"}},
            "properties": {
                "x": {"$ref": "#/$defs/A~1b~0"},
                "y": {"$ref": "#/$defs/A~1b~0"},
            },
        },
    ],
)
def test_what_is_taken(schema: dict[str, Any]) -> None:
    schema_rules.check(schema, "response_format")


class Line(pydantic.BaseModel):
    text: str
    price: float | None
    tags: list[str] = []


class Invoice(pydantic.BaseModel):
    number: str = pydantic.Field(pattern="^[A-Z]+-[0-9]+$", max_length=20)
    lines: list[Line] = pydantic.Field(max_length=256)
    first: Line
    pair: tuple[int, str]


class Tree(pydantic.BaseModel):
    children: list["Tree"]


def test_schemas_of_pydantic_are_taken_but_for_trees() -> None:
    schema_rules.check(Invoice.model_json_schema(), "response_format")
    assert "circular $ref" in refusal(Tree.model_json_schema())


def test_depth_is_no_crash() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}
    schema_rules.check(schema, "response_format")
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    assert "too deep" in refusal(schema)


KEYS = [
    "type",
    "enum",
    "anyOf",
    "items",
    "properties",
    "$ref",
    "$defs",
    "required",
    "pattern",
    "minLength",
    "maxItems",
    "additionalProperties",
    "not",
    "prefixItems",
    "const",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["string", "#", "#/a"]),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), part, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
def test_any_object_is_taken_or_refused(schema: dict[str, Any]) -> None:
    try:
        schema_rules.check(schema, "response_format")
    except ApiError as refusal:
        assert refusal.status == 400


@pytest.mark.parametrize(
    ("schema", "is_object"),
    [
        ({}, True),
        ({"type": "object"}, True),
        ({"properties": {}}, True),
        ({"type": "string"}, False),
        ({"type": ["object"]}, False),
        ({"enum": [1]}, False),
        ({"$ref": "#/$defs/A"}, False),
    ],
)
def test_roots(schema: dict[str, Any], is_object: bool) -> None:
    assert schema_rules.has_object_root(schema) == is_object
