"""Schemas as people send them: made by pydantic, or written by hand."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import random
from typing import Any, Literal

import pydantic

from tests.sandbox.examiner_values import CODES
from tests.sandbox.examiner_words import ENUMS, Field


@dataclasses.dataclass(frozen=True)
class Asked:
    """One property of a schema."""

    name: str
    kind: str
    form: str
    nullable: bool
    description: str
    field: Field | None
    parts: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] = ()

    def options(self) -> tuple[str, ...]:
        """Return the allowed values of an enum."""
        if self.kind == "currency":
            return CODES
        if self.kind == "sentiment":
            return ("positive", "neutral", "negative")
        if self.kind == "const":
            return (self.form,)
        assert self.field is not None
        return tuple(ENUMS[self.field.options[0]])


LISTS = ("items", "tasks", "tests")
ENUM_KINDS = ("enum", "currency", "sentiment", "const")
NUMBERS = ("amount", "negative", "percent", "quantity")
PARTS = ("street", "city", "postal_code")


class Money(pydantic.BaseModel):
    """An amount and its currency."""

    amount: float
    currency: Literal["EUR", "USD", "GBP", "CHF"]


def _type(asked: Asked) -> Any:
    if asked.kind in ENUM_KINDS:
        if asked.form == "plain" or asked.kind in ("sentiment", "const"):
            return Literal[asked.options()]
        title = "".join(word.title() for word in asked.name.split("_"))
        return enum.StrEnum(title, {value.upper(): value for value in asked.options()})
    if asked.kind in LISTS:
        row = {
            name: ({"count": int, "money": float, "number": float}.get(kind, str), ...)
            for name, kind in asked.columns
        }
        if "due" in row:
            row["due"] = (datetime.date, ...)
        title = {"items": "LineItem", "tasks": "Task", "tests": "Result"}[asked.kind]
        return list[pydantic.create_model(title, **row)]  # type: ignore[misc, call-overload]
    if asked.kind == "address" and asked.form == "object":
        text: Any = str | None if asked.nullable else str
        parts = dict.fromkeys(asked.parts or PARTS, (text, ...))
        return pydantic.create_model("Address", **parts)  # type: ignore[call-overload]
    if asked.kind in ("amount", "negative"):
        return {"decimal": decimal.Decimal, "money": Money}.get(asked.form, float)
    if asked.kind == "date":
        return str if asked.form == "plain" else datetime.date
    return {
        "percent": float,
        "quantity": float,
        "count": int,
        "rating": int,
        "bool": bool,
        "list": list[str],
    }.get(asked.kind, str)


def pydantic_made(
    title: str,
    asked: list[Asked],
    inside: str,
    group: tuple[str, ...],
    r: random.Random,
) -> dict[str, Any]:
    """Return the schema of a model, as ``model_json_schema`` writes it."""
    fields: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for one in asked:
        kind = _type(one)
        extra: dict[str, Any] = (
            {"description": one.description} if one.description else {}
        )
        if one.kind == "rating":
            extra |= {"ge": 1, "le": 5}
        if one.nullable:
            kind = kind | None if not isinstance(kind, str) else kind
            if r.random() < 0.5:
                extra["default"] = None
        place = inner if one.name in group else fields
        place[one.name] = (kind, pydantic.Field(**extra))
    if inner:
        fields[inside] = (pydantic.create_model(inside.title(), **inner), ...)
    model = pydantic.create_model(title, **fields)
    return model.model_json_schema()


def _property(asked: Asked) -> dict[str, Any]:
    kind: dict[str, Any]
    if asked.kind == "const":
        kind = {"type": "string", "const": asked.form}
    elif asked.kind in ENUM_KINDS:
        kind = {"type": "string", "enum": list(asked.options())}
    elif asked.kind in LISTS:
        types = {"count": "integer", "money": "number", "number": "number"}
        row: dict[str, Any] = {
            name: {"type": types.get(kind, "string")} for name, kind in asked.columns
        }
        if "due" in row:
            row["due"] = {"type": "string", "format": "date"}
        kind = {"type": "array", "items": _object(row, list(row))}
    elif asked.kind == "address" and asked.form == "object":
        parts = asked.parts or PARTS
        text: Any = ["string", "null"] if asked.nullable else "string"
        kind = _object({part: {"type": text} for part in parts}, list(parts))
    elif asked.form == "money":
        kind = _object(
            {
                "amount": {"type": "number"},
                "currency": {"type": "string", "enum": list(CODES)},
            },
            ["amount", "currency"],
        )
    elif asked.kind in NUMBERS:
        kind = {"type": "number"}
    elif asked.kind == "rating":
        kind = {"type": "integer", "minimum": 1, "maximum": 5}
    elif asked.kind in ("count", "bool"):
        kind = {"type": {"count": "integer", "bool": "boolean"}[asked.kind]}
    elif asked.kind == "list":
        kind = {"type": "array", "items": {"type": "string"}}
    else:
        kind = {"type": "string"}
        shape = {"date": "date", "email": "email", "url": "uri"}.get(asked.kind)
        if shape and asked.form == "format":
            kind["format"] = shape
    if asked.description:
        kind["description"] = asked.description
    return kind


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def hand_written(
    title: str,
    asked: list[Asked],
    inside: str,
    group: tuple[str, ...],
    r: random.Random,
) -> dict[str, Any]:
    """Return a schema as one writes it: types in place, null as a second type."""
    properties: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    optional: set[str] = set()
    for one in asked:
        kind = _property(one)
        if one.nullable:
            way = r.choice(["types", "any", "not required"])
            if way == "not required":
                optional.add(one.name)
            elif way == "types" and "enum" not in kind and "const" not in kind:
                kind["type"] = [kind["type"], "null"]
            else:
                kind = {"anyOf": [kind, {"type": "null"}]}
        (inner if one.name in group else properties)[one.name] = kind
    if inner:
        properties[inside] = _object(inner, [n for n in inner if n not in optional])
    return _object(properties, [name for name in properties if name not in optional])
