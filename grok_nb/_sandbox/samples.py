"""Values that conform to a schema and mean nothing, for calls that must be made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import patterns

if TYPE_CHECKING:
    from .conform import Schema, Shape

UNKNOWN = "unknown"
_FORMATS = {
    "date": "1970-01-01", "time": "00:00:00Z", "date-time": "1970-01-01T00:00:00Z",
    "email": "unknown@example.com", "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uri": "https://example.com/",
}  # fmt: skip
_MAX_DEPTH = 20
_MAX_ITEMS = 256


def sample(schema: Any, shape: Shape, depth: int = 0) -> Any:
    """
    Make a small value that conforms. Any: JSON.

    Raises
    ------
    LookupError
        When none was found.
    """
    resolved = shape.resolve(schema)
    if depth < _MAX_DEPTH:
        for value in _tries(resolved, shape, depth):
            if shape.is_valid(value, schema):
                return value
    raise LookupError("no value conforms")


def _tries(schema: Schema, shape: Shape, depth: int) -> list[Any]:
    tries: list[Any] = []
    if "default" in schema:
        tries.append(schema["default"])
    if "const" in schema:
        tries.append(schema["const"])
    if isinstance(schema.get("enum"), list):
        tries += schema["enum"]
    for key in ("anyOf", "oneOf"):
        for option in schema.get(key) or []:
            try:
                tries.append(sample(option, shape, depth + 1))
            except LookupError:
                continue
    for kind in shape.types(schema) or ["string", "object"]:
        try:
            tries += _of_type(kind, schema, shape, depth)
        except LookupError:
            continue
    return tries


def _of_type(kind: str, schema: Schema, shape: Shape, depth: int) -> list[Any]:
    match kind:
        case "string":
            return _strings(schema)
        case "number" | "integer":
            return _numbers(schema)
        case "boolean":
            return [False, True]
        case "array":
            least = schema.get("minItems", 0)
            number = min(least if isinstance(least, int) else 0, _MAX_ITEMS)
            inner = schema.get("items", {})
            return [[sample(inner, shape, depth + 1) for _ in range(number)]]
        case "object":
            known = schema.get("properties") or {}
            required = schema.get("required") or []
            return [
                {key: sample(known.get(key, {}), shape, depth + 1) for key in required}
            ]
        case _:
            return [None]


def _strings(schema: Schema) -> list[str]:
    tries = [_FORMATS[schema["format"]]] if schema.get("format") in _FORMATS else []
    source = schema.get("pattern")
    if isinstance(source, str) and (pattern := patterns.compiled(source)):
        found = pattern.example()
        tries += [found] if found is not None else []
    least, most = schema.get("minLength", 0), schema.get("maxLength", 2048)
    if isinstance(least, int) and isinstance(most, int):
        tries.append(UNKNOWN[: max(most, 0)].ljust(min(least, 2048), "-"))
    return tries


def _numbers(schema: Schema) -> list[float | int]:
    tries: list[float | int] = [0, 1]
    step = schema.get("multipleOf")
    for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        bound = schema.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            tries += [bound, math.floor(bound), math.ceil(bound), bound + 1, bound - 1]
            tries += [bound + 0.5, bound - 0.5]
            if isinstance(step, int | float) and step > 0:
                tries += [
                    math.ceil(bound / step) * step,
                    math.floor(bound / step) * step,
                ]
                tries.append((math.floor(bound / step) + 1) * step)
    return [int(one) if one == int(one) else one for one in tries]
