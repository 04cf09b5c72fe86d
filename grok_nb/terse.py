"""Terse text <-> JSON schema: ``name, age int, tags list[str]: topics``.

The grammar::

    text   = field { ("," | newline) field }    newlines: then commas may be in a note
    field  = NAME [ "?" ] [ type ] [ "?" ] [ ":" note ]
    type   = "str" | "int" | "float" | "bool" | "date" | "datetime" | "dict"
           | "list" [ "[" type "]" ]            list alone is list[str]
           | WORD "|" WORD { "|" WORD }         one of these words
    WORD   = anything without space , | : ? [ ] and quotes, or "in double quotes"

``?`` says that there may be none: then the answer has null. Without a type a field is
text. A note is a hint for the model. Nothing here is ever evaluated.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from grok_nb.errors import BadRequest

TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "dict": {"type": "object", "additionalProperties": True},
}
#: what people type -> what it is called here
_NEAR = {
    **dict.fromkeys(("string", "text", "varchar", "char"), "str"),
    **dict.fromkeys(("integer", "number", "long"), "int"),
    **dict.fromkeys(("decimal", "double", "real", "money"), "float"),
    **dict.fromkeys(("boolean", "bit", "flag"), "bool"),
    **dict.fromkeys(("timestamp", "time"), "datetime"),
    **dict.fromkeys(("object", "json", "map", "any"), "dict"),
    **dict.fromkeys(("array", "set", "tuple", "List"), "list[str]"),
}
_NAMES = "str, int, float, bool, date, datetime, dict, list[...], or words: a|b"
#: no names of fields without a type: what else would be meant?
_BARE = ("str", "int", "float", "bool", "list", "dict")
_NULLS = ("null", "none", "optional")
_NAME = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,|:?\[\]"]+')
_NULL = {"type": "null"}


def to_schema(text: str) -> dict[str, Any]:
    """Return the JSON schema that a terse text stands for.

    Raises
    ------
    BadRequest
        It does not parse; the message names the field.

    Examples
    --------
    >>> to_schema("name, age int?")["required"]
    ['name', 'age']
    """
    fields = _fields(text)
    if not fields:
        raise BadRequest("schema: the text is empty.", hint="name, age int")
    properties: dict[str, Any] = {}
    for number, field in enumerate(fields, 1):
        name, schema = _Field(field, f"schema: field {number}, {_cut(field)!r}").read()
        if name in properties:
            raise BadRequest(f"schema: field {number}: {name!r} is there twice.")
        properties[name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def to_text(schema: dict[str, Any]) -> str:
    """Return the terse text for a schema that `to_schema` could have made.

    Raises
    ------
    ValueError
        Terse text has no way to say it.
    """
    lines = []
    for name, given in schema["properties"].items():
        inner = dict(given)
        note = inner.pop("description", "")
        is_optional = _NULL in inner.get("anyOf", ())
        if is_optional:
            inner = dict(inner["anyOf"][0])
        type_ = _type_text(inner)
        is_plain = type_ == "str" and name not in _BARE
        words = name if is_plain else f"{name} {type_}"
        words += "?" if is_optional else ""
        lines.append(f"{words}: {note}" if note else words)
    text = "\n".join(lines) + ("\n" if len(lines) == 1 and "," in lines[0] else "")
    if to_schema(text) != schema:
        raise ValueError("there is no terse text for this schema")
    return text


def _fields(text: str) -> list[str]:
    """Cut a text into its fields: at line breaks if it has any, else at commas."""
    if re.search(r"[\n\r]", text):
        parts = [line.strip().removesuffix(",") for line in re.split(r"[\n\r]+", text)]
    else:
        parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,])+', text)
    return [part.strip() for part in parts if part.strip()]


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


class _Field:
    """One field, read from left to right."""

    def __init__(self, text: str, where: str) -> None:
        self.rest = text
        self.where = where

    def fail(self, reason: str, hint: str = "") -> BadRequest:
        return BadRequest(f"{self.where}: {reason}.", hint=hint)

    def read(self) -> tuple[str, dict[str, Any]]:
        found = _NAME.match(self.rest)
        if found is None:
            raise self.fail(
                "it does not start with a name",
                "A field is NAME, NAME type or NAME type: note.",
            )
        name = found[0]
        if (after := self.rest[len(name) :]) and not re.match(r"[\s:?]", after):
            raise self.fail(f"there is {after[0]!r} after the name {name}")
        self._skip(len(name))
        is_optional = self._took("?")
        if self.rest and self.rest[0] not in ":?":
            schema = self._type()
        elif name in _BARE:
            raise self.fail(
                f"{name} is a type, and a field needs a name", f"value {name}"
            )
        else:
            schema = dict(TYPES["str"])
        is_optional = self._took("?") or is_optional
        note = ""
        if self._took(":"):
            note, self.rest = self.rest, ""
        if self.rest:
            raise self.fail(
                f"there is more than a name and a type: {_cut(self.rest)!r}",
                "A note goes after a colon, a further field after a comma.",
            )
        if is_optional:
            schema = {"anyOf": [schema, dict(_NULL)]}
        return name, {**schema, "description": note} if note else schema

    def _skip(self, count: int) -> None:
        self.rest = self.rest[count:].lstrip()

    def _took(self, mark: str) -> bool:
        is_there = self.rest.startswith(mark)
        if is_there:
            self._skip(1)
        return is_there

    def _type(self, level: int = 0) -> dict[str, Any]:
        if level > 8:
            raise self.fail("lists are nested too deeply")
        found = _WORD.match(self.rest)
        if found is None:
            raise self.fail("a type is missing", f"A type is {_NAMES}.")
        word = found[0]
        self._skip(len(word))
        if word == "list":
            if not self._took("["):
                return {"type": "array", "items": dict(TYPES["str"])}
            inner = self._type(level + 1)
            if not self._took("]"):
                raise self.fail("the bracket of list[...] is not closed")
            return {"type": "array", "items": inner}
        if self.rest.startswith("|"):
            return self._choice(word)
        if word not in TYPES:
            raise self._no_type(word)
        return dict(TYPES[word])

    def _choice(self, first: str) -> dict[str, Any]:
        words = [self._unquoted(first)]
        while self._took("|"):
            found = _WORD.match(self.rest)
            if found is None:
                raise self.fail("a word is missing after |")
            words.append(self._unquoted(found[0]))
            self._skip(len(found[0]))
        for word in words:
            if word.lower() in _NULLS:
                raise self.fail(f"{word} is no word to choose", "? says: or nothing.")
            if words.count(word) > 1:
                raise self.fail(f"{word!r} is there twice")
        if all(word in TYPES for word in words):
            raise self.fail(
                f"{'|'.join(words)} are types, and a field has one",
                "A pydantic class can have unions.",
            )
        return {"enum": words, "type": "string"}

    def _unquoted(self, word: str) -> str:
        if not word.startswith('"'):
            return word
        try:
            return str(json.loads(word))
        except ValueError:
            raise self.fail(f"{word} is no text in quotes") from None

    def _no_type(self, word: str) -> BadRequest:
        near = _NEAR.get(word.lower())
        if near is None:
            known = [*TYPES, "list"]
            near = next(iter(difflib.get_close_matches(word.lower(), known, n=1)), None)
        hint = f"Did you mean {near}?" if near else f"A type is {_NAMES}."
        if self.rest.startswith("["):
            hint = f"Only lists have brackets: list[str]. A type is {_NAMES}."
        return self.fail(f"there is no type {word!r}", hint)


def _type_text(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list[{_type_text(schema['items'])}]"
    if words := schema.get("enum"):
        return "|".join(
            w if _WORD.fullmatch(w) and w[0] not in "\"'" else _quoted(w) for w in words
        )
    for name, known in TYPES.items():
        if schema == known:
            return name
    raise ValueError(f"there is no terse text for {schema}")


def _quoted(word: str) -> str:
    return json.dumps(word)  # ASCII: a line break in it is no line break
