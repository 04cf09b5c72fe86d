"""JSON schemas as the API takes them: what is refused, left out, or made explicit.

Source: xai-api.md section 3.4 (docs.x.ai, structured outputs, 2026-05).
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import Any

from grok_nb.errors import BadRequest

Node = dict[str, Any]
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
#: keyword -> the largest value that the API takes
_LIMITS = {
    **dict.fromkeys(("minLength", "maxLength"), 2048),
    **dict.fromkeys(("minItems", "maxItems"), 256),
    **dict.fromkeys(("minProperties", "maxProperties"), 64),
}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_FORMATS = ("date", "time", "date-time", "email", "uuid", "ipv4", "ipv6", "uri")
_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES: tuple[str, ...] = (
    "items",
    "contains",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
)
_SINGLES = (*_SINGLES, "propertyNames", "unevaluatedProperties", "unevaluatedItems")
#: what must be of which form
_FORMS: tuple[tuple[tuple[str, ...], Any, str], ...] = (
    (_MAPS, dict, "an object"),
    ((*_LISTS, "enum", "required"), list, "a list"),
    (_SINGLES, (dict, bool), "a schema"),
    (("$ref", "format", "pattern", "title", "description"), str, "text"),
)
#: what the API takes, but only tries to keep to
_TRIED = ("not", "if", "then", "else")
#: never sent: of no meaning there
_LEFT_OUT = ("$schema", "$id", "$anchor", "$comment", "discriminator", "examples")
#: groups that look around, and what was matched before: no regex subset has them
_LOOKS = re.compile(r"\(\?(?:[=!]|<[=!])|(?<!\\)(?:\\\\)*\\[1-9]|\(\?P[=>]")
#: marks numbers that are wanted as they are written; see `grok_nb.schema`
DECIMAL = "x-grok-nb-decimal"
_DEEPEST = 60


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """Who sees to what of a schema.

    Attributes
    ----------
    enforced : tuple of str
        ``"field: keywords"`` that the server keeps its answer to.
    checked : tuple of str
        ``"field: keyword (reason)"`` that the server does not know or only tries to
        keep to; the reply is checked for it here.
    """

    enforced: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()


def copied(schema: Any) -> Node:
    """Return a schema as plain JSON.

    Raises
    ------
    BadRequest
        Something in it is not JSON.
    """
    try:
        made = json.loads(json.dumps(schema, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        reason = (
            "it is nested too deeply" if isinstance(error, RecursionError) else error
        )
        raise BadRequest(f"schema: it is not JSON: {reason}.") from None
    if not isinstance(made, dict):
        raise BadRequest("schema: a JSON schema is an object.")
    return made


def explicit(schema: Node, *, patterns: bool = True) -> Node:
    """Return a schema with what the API assumes written down.

    An object without ``additionalProperties`` has no others where its properties are
    named, and any where they are not. ``patterns`` says whether Python's regular
    expressions are to check what the server may not.

    Raises
    ------
    BadRequest
        The API would refuse it, or it means nothing; the message names the field.
    """
    _Refs(schema).check()
    return _explicit(schema, "", 0, patterns=patterns)


def dereferenced(schema: Node) -> Node:
    """Return a schema without ``$ref``: parts used twice are one object twice."""
    refs = _Refs(schema)
    return refs.replaced({k: v for k, v in schema.items() if k not in _MAPS[2:]})


def sendable(schema: Node) -> tuple[Node, SchemaReport]:
    """Return what is sent of an `explicit` schema, and who sees to what."""
    enforced: dict[str, list[str]] = {}
    checked: list[str] = []
    sent = _sendable(schema, "", enforced, checked)
    told = tuple(
        f"{at or 'the root'}: {', '.join(dict.fromkeys(words))}"
        for at, words in enforced.items()
    )
    return sent, SchemaReport(told, tuple(checked))


def is_object(schema: Node) -> bool:
    """Whether a dereferenced schema can be the root of what is sent."""
    return schema.get("type") == "object" and not schema.keys() & {*_LISTS, "enum"}


def _refused(place: str, reason: str, hint: str = "") -> BadRequest:
    return BadRequest(f"schema: {place or 'the root'}: {reason}.", hint=hint)


def _children(node: Node, place: str) -> list[tuple[str, str | int | None, Any, str]]:
    """Return keyword, key in it, part and its place, of all parts of a node."""
    found: list[tuple[str, str | int | None, Any, str]] = []
    for word in _MAPS:
        for name, part in (node.get(word) or {}).items():
            inner = name if word in _MAPS[2:] else f"{place}.{name}".lstrip(".")
            found.append((word, name, part, inner))
    for word in _LISTS:
        found += [
            (word, n, part, f"{place}[{n}]" if word == "prefixItems" else place)
            for n, part in enumerate(node.get(word) or ())
        ]
    for word in _SINGLES:
        if isinstance(node.get(word), (dict, bool)):
            inner = f"{place}[]" if word in ("items", "contains") else place
            inner = f"{place}.*" if word == "additionalProperties" else inner
            found.append((word, None, node[word], inner))
    return found


def _put(node: Node, word: str, key: str | int | None, part: Any) -> None:
    if key is None:
        node[word] = part
    else:
        node[word][key] = part


def _explicit(node: Any, place: str, level: int, *, patterns: bool) -> Node:
    if node is True:
        return {}
    if not isinstance(node, dict):
        reason = "false allows nothing" if node is False else f"{node!r} is no schema"
        raise _refused(place, reason, 'A schema is an object: {"type": "string"}.')
    if level > _DEEPEST:
        raise _refused(place[:60], "it is nested too deeply")
    _check_form(node, place)
    _check_parts(node, place)
    _check_limits(node, place)
    if patterns:
        _check_pattern(node, place)
    made = {
        k: list(v) if k in _LISTS else dict(v) if k in _MAPS else v
        for k, v in node.items()
        if k not in _LEFT_OUT
    }
    for word, key, part, inner in _children(made, place):
        if isinstance(part, bool) and word in _SINGLES:
            continue  # booleans are fine there
        _put(made, word, key, _explicit(part, inner, level + 1, patterns=patterns))
    if "properties" in made:
        made.setdefault("type", "object")
        made.setdefault("additionalProperties", False)
    elif made.get("type") == "object" and "$ref" not in made:
        made.setdefault("additionalProperties", True)
    return made


def _check_form(node: Node, place: str) -> None:
    if isinstance(node.get("items"), list):
        raise _refused(
            place, "items is a list", 'Write the parts as "prefixItems": [...].'
        )
    for words, kind, what in _FORMS:
        for word in words:
            if word in node and not isinstance(node[word], kind):
                raise _refused(place, f"{word} must be {what}")


def _check_parts(node: Node, place: str) -> None:
    for word in (*_LISTS, "enum"):
        if node.get(word) == []:
            raise _refused(place, f"{word} is empty", "The API takes no such schema.")
    types = node.get("type", [])
    for type_ in types if isinstance(types, list) else [types]:
        if type_ not in _TYPES:
            close = difflib.get_close_matches(str(type_), _TYPES, n=1, cutoff=0.4)
            hint = f"Did you mean {close[0]!r}?" if close else ""
            raise _refused(place, f"there is no type {type_!r}", hint)
    required = node.get("required", [])
    if not all(isinstance(name, str) for name in required):
        raise _refused(place, "required must be a list of names")
    known = node.get("properties", {})
    for name in required if "properties" in node else ():
        if name not in known and "patternProperties" not in node:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else ""
            raise _refused(place, f"{name!r} is required, and no property", hint)


def _check_limits(node: Node, place: str) -> None:
    for word in ("minContains", "maxContains"):
        if word in node:
            raise _refused(place, f"the API does not take {word}", "Leave it out.")
    for word in (*_LIMITS, *_BOUNDS):
        limit = node.get(word, 1)
        is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
        if not is_number or (word in _LIMITS and (limit < 0 or limit != int(limit))):
            raise _refused(place, f"{word} cannot be {limit!r}")


def _check_pattern(node: Node, place: str) -> None:
    for pattern in (node.get("pattern", ""), *(node.get("patternProperties") or ())):
        try:
            re.compile(pattern)
        except re.error as error:
            reason = f"{pattern!r} is no regular expression: {error}"
            raise _refused(place, reason) from None


def _sendable(
    node: Node, place: str, enforced: dict[str, list[str]], checked: list[str]
) -> Node:
    made: Node = {}
    for word, value in node.items():
        reason = _why_not_sent(word, value)
        if word == DECIMAL:
            continue
        if reason:
            checked.append(f"{place or 'the root'}: {word} ({reason})")
            continue
        is_tried = word in _TRIED or (word == "allOf" and len(value) > 1)
        is_tried = is_tried or (word == "format" and value not in _FORMATS)
        if is_tried:
            checked.append(f"{place or 'the root'}: {word} (not enforced)")
        elif word not in ("description", "title", "default", *_MAPS[2:]):
            enforced.setdefault(place, []).append(word)
        made[word] = (
            list(value) if word in _LISTS else dict(value) if word in _MAPS else value
        )
    for word, key, part, inner in _children(made, place):
        if isinstance(part, dict):
            _put(made, word, key, _sendable(part, inner, enforced, checked))
    return made


def _why_not_sent(word: str, value: Any) -> str:
    if word in _LIMITS and value > _LIMITS[word]:
        return f"the API takes at most {_LIMITS[word]}"
    if word == "pattern" and _LOOKS.search(value):
        return "the API's regular expressions are fewer"
    return ""


class _Refs:
    """The ``$ref`` of one schema, each resolved once."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._made: dict[str, Node] = {}

    def target(self, ref: str, place: str) -> Any:
        if not ref.startswith("#"):
            raise _refused(place, f"$ref {ref!r} is not in this schema")
        found: Any = self._root
        for step in filter(None, ref[1:].split("/")):
            step = step.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - decoded
            if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            elif isinstance(found, dict) and step in found:
                found = found[step]
            else:
                raise _refused(place, f"$ref {ref!r} leads nowhere")
        return found

    def check(self) -> None:
        """Follow every ``$ref`` once; one that leads back into itself is refused."""
        self._check(self._root, "", [], set(), 0)

    def _check(
        self, node: Any, place: str, open_: list[str], done: set[str], level: int
    ) -> None:
        if not isinstance(node, dict):
            return
        if level > _DEEPEST:
            raise _refused(place[:60], "it is nested too deeply")
        _check_form(node, place)
        ref = node.get("$ref")
        if ref is not None and ref not in done:
            target = self.target(ref, place)
            if ref in open_:
                name = ref.rpartition("/")[2]
                raise _refused(
                    place,
                    f"{name} holds itself, and the API takes no recursive schema",
                    "Ask for a flat list, with the parent's name as a field.",
                )
            self._check(target, place, [*open_, ref], done, level + 1)
            done.add(ref)
        for word, _, part, inner in _children(node, place):
            if word not in _MAPS[2:]:
                self._check(part, inner, open_, done, level + 1)

    def replaced(self, node: Node) -> Node:
        ref = node.get("$ref")
        if ref is not None:
            if ref not in self._made:
                self._made[ref] = self.replaced(self.target(ref, ""))
            rest = {k: v for k, v in node.items() if k != "$ref"}
            return {**self._made[ref], **(self.replaced(rest) if rest else {})}
        made = {
            k: list(v) if k in _LISTS else dict(v) if k in _MAPS else v
            for k, v in node.items()
        }
        for word, key, part, _ in _children(made, ""):
            if isinstance(part, dict):
                _put(made, word, key, self.replaced(part))
        return made
