"""Whether a value fits a JSON schema, and what it means by it.

Lax where the meaning is certain, as pydantic is: ``"3"`` is a whole number where one is
asked for, ``3.0`` too, ``"true"`` is a boolean.
"""

from __future__ import annotations

import datetime
import ipaddress
import math
import re
import reprlib
import uuid
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .exact_json import Number, plain, write

if TYPE_CHECKING:
    from collections.abc import Callable

Node = dict[str, Any]
_WHOLE = re.compile(r"[+-]?\d{1,400}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_KINDS: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "null": type(None),
}
_TRUE = {"true": True, "false": False}
_A = {"integer": "a whole number", "array": "a list", "object": "an object"}
_A |= {"string": "text", "boolean": "true or false", "null": "null"}


def check(value: Any, schema: Node, where: str = "") -> tuple[Any, list[str]]:
    """Return what a value means by a schema, and what is wrong with it.

    Parameters
    ----------
    value
        As `exact_json.read` gave it.
    schema
        Without ``$ref``.
    where
        Name of the value, for the messages.

    Returns
    -------
    tuple
        The value with plain floats and what was meant for text made numbers; and one
        line per problem: ``"age: got 'old', expected a whole number"``.
    """
    problems: list[str] = []
    found = _Checker(problems).value(value, schema, where)
    return plain(found), problems


def shown(value: Any) -> str:
    """Return a short text of a value that was got, for messages."""
    text = write(value) if isinstance(value, (dict, list, Number)) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


class _Checker:
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems

    def wrong(self, where: str, value: Any, expected: str) -> Any:
        name = where or "the reply"
        self.problems.append(f"{name}: got {shown(value)}, expected {expected}")
        return value

    def value(self, value: Any, schema: Node, where: str) -> Any:
        before = len(self.problems)
        value = self._typed(value, schema.get("type"), where)
        if len(self.problems) > before:
            return value
        for word in ("anyOf", "oneOf"):
            if word in schema:
                value = self._one_of(value, schema[word], where, only=word == "oneOf")
        for part in schema.get("allOf", ()):
            value = self.value(value, part, where)
        self._composed(value, schema, where)
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if choices is not None and not any(_same(value, c) for c in choices):
            words = ", ".join(shown(c) for c in choices[:10])
            more = ", ..." if len(choices) > 10 else ""
            prefix = "one of " if len(choices) > 1 else ""
            return self.wrong(where, value, f"{prefix}{words}{more}")
        if isinstance(value, dict):
            return self._object(value, schema, where)
        if isinstance(value, list):
            return self._array(value, schema, where)
        if isinstance(value, str):
            self._text(value, schema, where)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self._number(value, schema, where)
        return value

    def _typed(self, value: Any, types: Any, where: str) -> Any:
        types = types if isinstance(types, list) else [types] if types else []
        if not types or any(_is(value, type_) for type_ in types):
            return value
        for type_ in types:
            meant = _meant(value, type_)
            if meant is not None:
                return meant
        return self.wrong(where, value, " or ".join(_A.get(t, f"a {t}") for t in types))

    def _fits(self, value: Any, schema: Node) -> bool:
        return not check(value, schema)[1]

    def _one_of(
        self, value: Any, schemas: list[Node], where: str, *, only: bool
    ) -> Any:
        fitting = []
        for schema in schemas:
            meant, problems = check(value, schema, where)
            if not problems:
                fitting.append((meant, schema))
        if only and len(fitting) > 1:
            return self.wrong(where, value, f"just one of {len(schemas)} forms")
        for meant, schema in fitting:  # without a change, if there is one
            if _same(plain(value), meant):
                return self.value(value, schema, where)
        if fitting:
            return self.value(value, fitting[0][1], where)
        real = [s for s in schemas if s.get("type") != "null"]
        if len(real) == 1:
            return self.value(value, real[0], where)
        return self.wrong(where, value, f"one of {len(schemas)} forms")

    def _composed(self, value: Any, schema: Node, where: str) -> None:
        if isinstance(schema.get("not"), dict) and self._fits(value, schema["not"]):
            self.wrong(where, value, f"not {shown(schema['not'])}")
        if isinstance(schema.get("if"), dict):
            branch = "then" if self._fits(value, schema["if"]) else "else"
            if isinstance(schema.get(branch), dict):
                self.value(value, schema[branch], where)

    def _object(self, value: Node, schema: Node, where: str) -> Node:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        others = schema.get("additionalProperties", True)
        for name in schema.get("required", ()):
            if name not in value:
                self.problems.append(f"{_inside(where, name)}: missing")
        made = {}
        for name, given in value.items():
            at = _inside(where, name)
            parts = [known[name]] if name in known else []
            parts += [s for p, s in patterns.items() if re.search(p, name)]
            if not parts and others is False:
                self.problems.append(f"{at}: not asked for")
            if not parts and isinstance(others, dict):
                parts = [others]
            made[name] = given
            for part in parts:
                if part is False:
                    self.problems.append(f"{at}: not asked for")
                elif isinstance(part, dict):
                    made[name] = self.value(made[name], part, at)
        self._size(value, schema, where, "Properties", "fields")
        return made

    def _array(self, value: list[Any], schema: Node, where: str) -> list[Any]:
        first, rest = schema.get("prefixItems", []), schema.get("items")
        made = []
        for number, given in enumerate(value):
            part = first[number] if number < len(first) else rest
            at = f"{where}[{number}]"
            if part is False:
                self.problems.append(f"{at}: not asked for")
            made.append(
                self.value(given, part, at) if isinstance(part, dict) else given
            )
        self._size(value, schema, where, "Items", "entries")
        if schema.get("uniqueItems") and any(
            _same(one, other) for n, one in enumerate(made) for other in made[:n]
        ):
            self.wrong(where, value, "no entry twice")
        contained = schema.get("contains")
        if isinstance(contained, dict) and not any(
            self._fits(v, contained) for v in value
        ):
            self.wrong(where, value, f"an entry like {shown(contained)}")
        return made

    def _text(self, value: str, schema: Node, where: str) -> None:
        self._size(value, schema, where, "Length", "characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            self.wrong(where, value, f"text that matches {schema['pattern']}")
        check_format = _FORMATS.get(schema.get("format", ""))
        if check_format is not None:
            try:
                check_format(value)
            except ValueError:
                self.wrong(where, value, f"a {schema['format']}")

    def _number(self, value: float, schema: Node, where: str) -> None:
        exact = _decimal(value)
        if "minimum" in schema and exact < _decimal(schema["minimum"]):
            self.wrong(where, value, f"at least {schema['minimum']}")
        if "maximum" in schema and exact > _decimal(schema["maximum"]):
            self.wrong(where, value, f"at most {schema['maximum']}")
        if "exclusiveMinimum" in schema and exact <= _decimal(
            schema["exclusiveMinimum"]
        ):
            self.wrong(where, value, f"more than {schema['exclusiveMinimum']}")
        if "exclusiveMaximum" in schema and exact >= _decimal(
            schema["exclusiveMaximum"]
        ):
            self.wrong(where, value, f"less than {schema['exclusiveMaximum']}")
        if step := schema.get("multipleOf"):
            try:
                is_multiple = exact % _decimal(step) == 0
            except InvalidOperation:  # more digits than decimals have
                is_multiple = True
            if not is_multiple:
                self.wrong(where, value, f"a multiple of {step}")

    def _size(self, value: Any, schema: Node, where: str, of: str, what: str) -> None:
        low, high = schema.get(f"min{of}", 0), schema.get(f"max{of}", math.inf)
        if len(value) < low:
            self.wrong(where, value, f"at least {low} {what}")
        if len(value) > high:
            self.wrong(where, value, f"at most {high} {what}")


def _inside(where: str, name: str) -> str:
    name = name if re.fullmatch(r"\w+", name) else reprlib.repr(name)
    return f"{where}.{name}" if where else name


def _is(value: Any, type_: str) -> bool:
    if isinstance(value, bool):
        return type_ == "boolean"
    if type_ in ("integer", "number"):
        is_number = isinstance(value, int if type_ == "integer" else (int, float))
        return is_number and math.isfinite(_float(value))
    return isinstance(value, _KINDS.get(type_, ()))


def _float(value: float) -> float:
    # a whole number of any length is finite
    return 0.0 if isinstance(value, int) else float(value)


def _meant(value: Any, type_: str) -> Any:
    """Return what a value of another type means for sure, or None."""
    text = value.strip() if isinstance(value, str) else ""
    if type_ == "boolean":
        return _TRUE.get(text.lower())
    if type_ == "integer":
        if isinstance(value, float) and value.is_integer():
            return int(_decimal(value))
        return int(text) if _WHOLE.fullmatch(text) else None
    if type_ == "number" and _NUMBER.fullmatch(text):
        number = Number(text)
        return number if math.isfinite(number) else None
    return None


def _decimal(value: float) -> Decimal:
    return Decimal(value.text if isinstance(value, Number) else str(value))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(one == other)


def _date(text: str) -> None:
    if datetime.date.fromisoformat(text).isoformat() != text:
        raise ValueError(text)


def _moment(text: str) -> None:
    if "T" not in text.upper() and " " not in text:
        raise ValueError(text)
    datetime.datetime.fromisoformat(text.upper())


def _email(text: str) -> None:
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        raise ValueError(text)


def _uri(text: str) -> None:
    if not urlsplit(text).scheme or re.search(r"\s", text):
        raise ValueError(text)


_FORMATS: dict[str, Callable[[str], object]] = {
    "date": _date,
    "date-time": _moment,
    "time": lambda text: datetime.time.fromisoformat(text.upper()),
    "email": _email,
    "uuid": uuid.UUID,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uri": _uri,
}
