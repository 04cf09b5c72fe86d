"""The subset of JSON Schema that structured output and tools take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import conform, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

# Source: docs.x.ai structured outputs (2026-05), in xai-api.md section 3.4.
MAX_LENGTH = 2048
MAX_ITEMS = 256
MAX_PROPERTIES = 64
_BOUNDS = {"Length": MAX_LENGTH, "Items": MAX_ITEMS, "Properties": MAX_PROPERTIES}
_TYPES = frozenset(
    {"object", "array", "string", "number", "integer", "boolean", "null"}
)
_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES = ("additionalProperties", "not", "if", "then", "else", "propertyNames")
_TEXTS = ("format", "title", "description", "$comment")
_NUMBERS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)
_COMPOSED = frozenset({"anyOf", "oneOf", "allOf", "enum", "const", "$ref"})


class _UnsupportedError(Exception):
    """What is wrong, and where."""


def check(schema: dict[str, Any], what: str) -> None:
    """
    Check that the API would take a schema.

    Parameters
    ----------
    schema : dict
        The JSON schema.
    what : str
        Whose schema, for the message.

    Raises
    ------
    ApiError
        400, naming the place as a JSON pointer.
    """
    try:
        _Walk(schema).visit(schema, "#")
    except _UnsupportedError as problem:
        raise errors.invalid(f"Invalid schema of {what}: {problem}") from None
    except RecursionError:
        raise errors.invalid(f"Invalid schema of {what}: too deep.") from None


def has_object_root(schema: dict[str, Any]) -> bool:
    """Whether a schema can only mean an object, as the parameters of a tool have to."""
    if "type" in schema:
        return bool(schema["type"] == "object")
    return not _COMPOSED & schema.keys()


class _Walk:
    """One pass over all parts of a schema; each is seen once, also behind a $ref."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._open: set[int] = set()
        self._done: set[int] = set()

    def visit(self, node: Any, place: str) -> None:  # Any: whatever the client sent
        if isinstance(node, bool):
            raise _UnsupportedError(f"a boolean is no schema here ({place}).")
        if not isinstance(node, dict):
            raise _UnsupportedError(f"expected an object ({place}).")
        if id(node) in self._done:
            return
        if id(node) in self._open:
            raise _UnsupportedError(f"circular $ref is not supported ({place}).")
        self._open.add(id(node))
        _check_keywords(node, place)
        for child, step in _children(node):
            self.visit(child, f"{place}/{step}")
        if "$ref" in node:
            target = _resolved(self._root, node["$ref"], place)
            self.visit(target, str(node["$ref"]))
        self._open.discard(id(node))
        self._done.add(id(node))


def _children(node: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    for key in _MAPS:
        for name, child in node.get(key, {}).items():
            yield child, f"{key}/{name}"
    for key in _LISTS:
        for number, child in enumerate(node.get(key, ())):
            yield child, f"{key}/{number}"
    for key in ("items", "contains"):
        if key in node:
            yield node[key], key
    for key in _SINGLES:
        if isinstance(node.get(key), dict):
            yield node[key], key


def _check_keywords(node: dict[str, Any], place: str) -> None:
    for key in _MAPS:
        if not isinstance(node.get(key, {}), dict):
            raise _UnsupportedError(f"{key} must be an object ({place}).")
    for key in (*_LISTS, "enum"):
        if key in node and (not isinstance(node[key], list) or not node[key]):
            raise _UnsupportedError(
                f"{key} must be a list that is not empty ({place})."
            )
    for key in ("minContains", "maxContains"):
        if key in node:
            raise _UnsupportedError(f"{key} is not supported ({place}).")
    if isinstance(node.get("items"), list):
        raise _UnsupportedError(f"items must be one schema, not a list ({place}).")
    kinds = node.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise _UnsupportedError(f"unknown type {kind!r} ({place}).")
    required = node.get("required", [])
    if not isinstance(required, list) or not all(isinstance(r, str) for r in required):
        raise _UnsupportedError(f"required must be a list of names ({place}).")
    for key in _TEXTS:
        if not isinstance(node.get(key, ""), str):
            raise _UnsupportedError(f"{key} must be a text ({place}).")
    for key in _SINGLES:
        if not isinstance(node.get(key, {}), dict | bool):
            raise _UnsupportedError(f"{key} must be a schema ({place}).")
    _check_bounds(node, place)
    _check_pattern(node, place)


def _check_bounds(node: dict[str, Any], place: str) -> None:
    for key in _NUMBERS:
        number = node.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise _UnsupportedError(f"{key} must be a number ({place}).")
    if node.get("multipleOf", 1) <= 0:
        raise _UnsupportedError(f"multipleOf must be above 0 ({place}).")
    for kind, limit in _BOUNDS.items():
        for key in (f"min{kind}", f"max{kind}"):
            value = node.get(key, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise _UnsupportedError(f"{key} must be a whole number ({place}).")
            if value > limit:
                raise _UnsupportedError(f"{key} is {value}, above {limit} ({place}).")
        if node.get(f"min{kind}", 0) > node.get(f"max{kind}", limit):
            raise _UnsupportedError(f"min{kind} is above max{kind} ({place}).")


def _check_pattern(node: dict[str, Any], place: str) -> None:
    if "pattern" not in node:
        return
    try:
        re.compile(node["pattern"])
    except (re.error, TypeError, OverflowError, Warning):
        raise _UnsupportedError(
            f"pattern is no regular expression ({place})."
        ) from None


def _resolved(root: dict[str, Any], reference: object, place: str) -> object:
    """Give what a reference means."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise _UnsupportedError(f"$ref must point into the schema itself ({place}).")
    try:
        return conform.pointed(root, reference)
    except LookupError:
        text = f"$ref {reference!r} points nowhere ({place})."
        raise _UnsupportedError(text) from None
