"""JSON schemas, as far as the API enforces them: what a value must be like."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from . import patterns, values

# Any: schemas and the values they describe are JSON of every shape.
Schema = dict[str, Any]

MAX_STEPS = 200_000
MAX_DEPTH = 60
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(
    r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[!#-;=?-\[\]_a-z~%-]+")
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool,
    "null": type(None), "number": (int, float), "integer": (int, float),
}  # fmt: skip


def pointed(root: Schema, reference: str) -> Any:
    """
    Follow a JSON pointer (``#/$defs/Item``) inside a schema. Any: JSON.

    Raises
    ------
    LookupError
        When it points nowhere, or out of the schema.
    """
    if not reference.startswith("#"):
        raise LookupError(reference)
    node: Any = root
    for raw in unquote(reference[1:]).split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            raise LookupError(reference)
    return node


class TooLargeError(ValueError):
    """The schema takes more steps than there are."""


@dataclass(slots=True)
class Shape:
    """
    A schema with its definitions, and how much work it may still cause.

    Parameters
    ----------
    root : dict
        The whole schema, in which references are looked up.
    steps : int, default 0
        Steps taken so far, up to 200,000.
    """

    root: Schema
    steps: int = field(default=0)

    def step(self, number: int = 1) -> None:
        """
        Count a step, or some.

        Raises
        ------
        TooLargeError
            When there have been too many.
        """
        self.steps += number
        if self.steps > MAX_STEPS:
            raise TooLargeError

    def resolve(self, schema: Any) -> Schema:
        """Follow references and merge `allOf`, so that keywords stand side by side."""
        self.step()
        if not isinstance(schema, dict):
            return {"not": {}} if schema is False else {}
        for _ in range(20):
            name = schema.get("$ref")
            if not isinstance(name, str):
                break
            target = self._target(name)
            if target is None:
                return {"not": {}}
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **beside}
        else:
            return {"not": {}}
        several = schema.get("allOf")
        if isinstance(several, list) and several:
            merged: Schema = {k: v for k, v in schema.items() if k != "allOf"}
            for one in several[:20]:
                merged = _merged(self.resolve(one), merged)
            return merged
        resolved: Schema = schema
        return resolved

    def _target(self, name: str) -> Schema | None:
        try:
            found = pointed(self.root, name)
        except LookupError:
            return None
        return found if isinstance(found, dict) else None

    def types(self, schema: Schema) -> list[str]:
        """Give the types that a resolved schema allows, guessed when it names none."""
        named = schema.get("type")
        if isinstance(named, str):
            return [named]
        if isinstance(named, list):
            return [one for one in named if isinstance(one, str)]
        if "properties" in schema:
            return ["object"]
        if "items" in schema:
            return ["array"]
        if {"pattern", "minLength", "maxLength", "format"} & schema.keys():
            return ["string"]
        return ["number"] if {"minimum", "maximum"} & schema.keys() else []

    def allows_null(self, schema: Any) -> bool:
        """Tell whether null is valid."""
        return self.is_valid(None, schema)

    def is_valid(self, value: Any, schema: Any, depth: int = 0) -> bool:
        """Tell whether a value conforms to a schema."""
        self.step()
        if isinstance(schema, bool):
            return schema
        if depth > MAX_DEPTH or not isinstance(schema, dict):
            return False
        if "$ref" in schema and isinstance(schema["$ref"], str):
            target = self._target(schema["$ref"])
            if target is None or not self.is_valid(value, target, depth + 1):
                return False
        return (
            _is_listed(value, schema)
            and self._has_type(value, schema)
            and self._branches(value, schema, depth)
            and self._inside(value, schema, depth)
        )

    def _has_type(self, value: Any, schema: Schema) -> bool:
        named = schema.get("type")
        kinds = [named] if isinstance(named, str) else named
        if not isinstance(kinds, list):
            return True
        return any(_is_type(value, kind) for kind in kinds)

    def _branches(self, value: Any, schema: Schema, depth: int) -> bool:
        for key, wanted in (("allOf", all), ("anyOf", any)):
            options = schema.get(key)
            if isinstance(options, list) and not wanted(
                self.is_valid(value, option, depth + 1) for option in options
            ):
                return False
        options = schema.get("oneOf")
        if isinstance(options, list):
            fits = sum(self.is_valid(value, option, depth + 1) for option in options)
            if fits != 1:
                return False
        refused = schema.get("not")
        return refused is None or not self.is_valid(value, refused, depth + 1)

    def _inside(self, value: Any, schema: Schema, depth: int) -> bool:
        if isinstance(value, dict):
            return self._object(value, schema, depth)
        if isinstance(value, list):
            return self._array(value, schema, depth)
        if isinstance(value, str):
            return is_string_valid(value, schema)
        if isinstance(value, bool) or value is None:
            return True
        return is_number_valid(value, schema)

    def _object(self, value: dict[str, Any], schema: Schema, depth: int) -> bool:
        known = _as_dict(schema.get("properties"))
        required = schema.get("required")
        if isinstance(required, list) and any(name not in value for name in required):
            return False
        if not _within(len(value), schema, "minProperties", "maxProperties"):
            return False
        # What is not mentioned is not allowed, unless the schema says so.
        beyond = schema.get("additionalProperties", not known)
        return all(
            self.is_valid(inner, known.get(name, beyond), depth + 1)
            for name, inner in value.items()
        )

    def _array(self, value: list[Any], schema: Schema, depth: int) -> bool:
        if not _within(len(value), schema, "minItems", "maxItems"):
            return False
        if schema.get("uniqueItems") is True:
            written = [json.dumps(one, sort_keys=True) for one in value]
            if len(set(written)) < len(written):
                return False
        first = schema.get("prefixItems")
        first = first if isinstance(first, list) else []
        items = schema.get("items", True)
        return all(
            self.is_valid(inner, first[n] if n < len(first) else items, depth + 1)
            for n, inner in enumerate(value)
        )


def _merged(one: Schema, other: Schema) -> Schema:
    merged = {**one, **other}
    for key in ("properties", "$defs"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            merged[key] = {**one[key], **other[key]}
    if isinstance(one.get("required"), list) and isinstance(
        other.get("required"), list
    ):
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        # Any difference of numbers inside counts: 1 and 1.0 are rare in an enum.
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return (type(one) in {int, float} and one == other) or (
        type(one) is type(other) and one == other
    )


def _is_listed(value: Any, schema: Schema) -> bool:
    if "const" in schema and not same(value, schema["const"]):
        return False
    listed = schema.get("enum")
    return not isinstance(listed, list) or any(same(value, one) for one in listed)


def _is_type(value: Any, kind: Any) -> bool:
    wanted = _PYTHON_TYPES.get(kind) if isinstance(kind, str) else None
    if wanted is None or not isinstance(value, wanted):
        return False
    if isinstance(value, bool):
        return bool(kind == "boolean")
    return kind != "integer" or float(str(value)).is_integer()


def _limit(schema: Schema, key: str) -> float | None:
    value = schema.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


def _within(size: int, schema: Schema, low: str, high: str) -> bool:
    least, most = _limit(schema, low), _limit(schema, high)
    return (least is None or size >= least) and (most is None or size <= most)


def is_number_valid(value: float, schema: Schema) -> bool:
    """Tell whether a number keeps to the bounds of a schema."""
    least, most = _limit(schema, "minimum"), _limit(schema, "maximum")
    above, below = (
        _limit(schema, "exclusiveMinimum"),
        _limit(schema, "exclusiveMaximum"),
    )
    if (least is not None and value < least) or (most is not None and value > most):
        return False
    if (above is not None and value <= above) or (below is not None and value >= below):
        return False
    step = _limit(schema, "multipleOf")
    if step is None or step <= 0:
        return True
    return (Fraction(str(value)) / Fraction(str(step))).denominator == 1


def is_string_valid(value: str, schema: Schema) -> bool:
    """Tell whether a text keeps to the length, pattern and format of a schema."""
    if not _within(len(value), schema, "minLength", "maxLength"):
        return False
    source = schema.get("pattern")
    if isinstance(source, str):
        pattern = patterns.compiled(source)
        # Beyond the subset, nothing can be promised.
        if (
            pattern is None
            or len(value) > patterns.MAX_TEXT
            or not pattern.is_in(value)
        ):
            return False
    return has_format(value, schema.get("format"))


def has_format(value: str, name: Any) -> bool:
    """Tell whether a text is written as a format says; other formats do not bind."""
    try:
        match name:
            case "date":
                return bool(
                    _DATE.fullmatch(value) and datetime.date.fromisoformat(value)
                )
            case "time":
                return _TIME.fullmatch(value) is not None
            case "date-time":
                day, mark, time = value[:10], value[10:11], value[11:]
                return (
                    has_format(day, "date")
                    and mark == "T"
                    and _TIME.fullmatch(time) is not None
                )
            case "email":
                return values.EMAIL.fullmatch(value) is not None
            case "uuid":
                return values.UUID.fullmatch(value) is not None
            case "ipv4":
                return bool(ipaddress.IPv4Address(value))
            case "ipv6":
                return "%" not in value and bool(ipaddress.IPv6Address(value))
            case "uri":
                return _URI.fullmatch(value) is not None
            case _:
                return True
    except ValueError:
        return False
