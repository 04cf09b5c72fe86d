"""What a user says an answer shall be <-> what is sent, and what comes back.

A schema is a pydantic model or any type that pydantic knows (dataclass, TypedDict, Enum,
``list[Model]``, ...), a dict with a JSON schema, JSON text, ``@file.json``, or the terse
text of `grok_nb.terse`.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, get_origin

import typing_extensions
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from . import exact_json, terse
from .conform import check, shown
from .errors import BadRequest, SchemaMismatch
from .subset import (
    DECIMAL,
    Node,
    copied,
    dereferenced,
    explicit,
    is_object,
    sendable,
)

_HINT = 'A class, a dict, "@file.json", or "name, age int, tags list[str]: topics".'
_MOST_PROBLEMS = 3


class _Generator(GenerateJsonSchema):
    """pydantic's schemas, without titles that repeat names; decimals are numbers."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - its form

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - its form
        return False

    def decimal_schema(self, schema: Any) -> Node:
        limits = {
            word: float(schema[bound])
            for bound, word in (
                ("ge", "minimum"),
                ("gt", "exclusiveMinimum"),
                ("le", "maximum"),
                ("lt", "exclusiveMaximum"),
            )
            if schema.get(bound) is not None
        }
        return {"type": "number", DECIMAL: True, **limits}


class Schema:
    """One schema, ready to be sent and to read replies by; see `structured`.

    Attributes
    ----------
    source
        As it was given.
    many : bool
        Whether a list of such was asked for.
    name : str
        Goes to the server with it.
    sent : dict
        The JSON schema that is sent: an object, in the API's subset.
    report : SchemaReport
        What the server sees to, and what is checked here.
    """

    def __init__(self, source: Any, *, many: bool = False) -> None:
        self.source = source
        self.many = many
        self._adapter: TypeAdapter[Any] | None = None
        given = _given(source)
        if isinstance(given, dict):
            given, self.name = copied(given), _name_of(given.get("title"))
        else:
            self._adapter = _adapter(given, many=many)
            self.name = _name_of(getattr(given, "__name__", None))
            given = _generated(given, self._adapter, by_alias=True)
        full = explicit(given, patterns=self._adapter is None)
        one = dereferenced(full)
        if many and self._adapter is None:
            if one.get("type") == "array":
                raise _twice(source)
            full, one = _hoisted(full, lambda part: {"type": "array", "items": part})
        if not one.get("properties", True) and one.get("additionalProperties") is False:
            raise BadRequest("schema: it has no fields.", hint=_HINT)
        self._wrap: str | None = None
        self.whole = one
        if not is_object(one):
            self._wrap = "records" if one.get("type") == "array" else "value"
            wrap = self._wrap
            full, one = _hoisted(full, lambda part: _wrapped(wrap, part))
        elif "$ref" in full:  # the root has to say that it is an object
            full = {
                **one,
                **{k: full[k] for k in ("$defs", "definitions") if k in full},
            }
        self._full = one
        self.sent, self.report = sendable(full)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.source, self.many)

    def __repr__(self) -> str:
        return f"<Schema {self.name}{', many' if self.many else ''}>"

    @property
    def format(self) -> Node:
        """What a request says of it: the flat form, of the Responses API."""
        return {
            "type": "json_schema",
            "name": self.name,
            "schema": self.sent,
            "strict": True,
        }

    @property
    def response_format(self) -> Node:
        """What a request says of it: the form of chat completions."""
        inner = {k: v for k, v in self.format.items() if k != "type"}
        return {"type": "json_schema", "json_schema": inner}

    @property
    def is_list(self) -> bool:
        """Whether a reply holds a list."""
        return bool(self.whole.get("type") == "array")

    @cached_property
    def columns(self) -> Node:
        """JSON schema of one record, by the names that `records` has."""
        found = self.whole
        if self._adapter is not None:
            by_name = _generated(self.source, self._adapter, by_alias=False)
            found = dereferenced(explicit(by_name))
        if found.get("type") == "array":
            items = found.get("items")
            found = items if isinstance(items, dict) else {}
        return found if is_object(found) else {"properties": {"value": found}}

    def read(self, text: str) -> Any:
        """Return what a reply means: an instance of the class, or dicts and lists.

        Raises
        ------
        SchemaMismatch
            It is no JSON, or does not fit; the message has field, got and expected.
        """
        try:
            value = exact_json.read(text)
        except ValueError as error:
            raise SchemaMismatch(f"The reply is no JSON: {error}.") from None
        if self._adapter is None:
            value, problems = check(value, self._full)
            if problems:
                raise _mismatch(problems)
            return value if self._wrap is None else value[self._wrap]
        return self._validated(self._unwrapped(value))

    def records(self, parsed: Any) -> list[dict[str, Any]]:
        """Return what `read` gave as dicts, one per record; others as ``value``."""
        if self._adapter is not None:
            parsed = self._adapter.dump_python(parsed, warnings=False)
        found = list(parsed) if self.is_list and parsed is not None else [parsed]
        return [r if isinstance(r, dict) else {"value": r} for r in found]

    def _unwrapped(self, value: Any) -> Any:
        if self._wrap is None:
            return value
        if not isinstance(value, dict) or value.keys() != {self._wrap}:
            got = f"got {shown(value)}, expected an object with {self._wrap!r} alone"
            raise _mismatch([f"the reply: {got}"])
        return value[self._wrap]

    def _validated(self, value: Any) -> Any:
        assert self._adapter is not None  # noqa: S101 - see `read`
        text = exact_json.write(_exact(value, self.whole))
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            problems = [_problem(entry) for entry in error.errors(include_url=False)]
        except Exception as error:  # noqa: BLE001 - a validator of the user's, after the reply was paid
            reason = f"{type(error).__name__}: {error}"
            failed = SchemaMismatch(
                f"A validator of {self.name} failed: {reason}.",
                hint="It should raise ValueError for what it does not take.",
            )
            failed.repairable = False
            raise failed from None
        raise _mismatch(problems)


def structured(source: Any, *, many: bool = False) -> Schema:
    """Return the schema that a user gave, in any of its forms.

    Parameters
    ----------
    source
        See the module; a `Schema` is taken as it is.
    many
        Whether a list of such is asked for.

    Raises
    ------
    BadRequest
        It is none, does not parse, or the API would refuse it. The message names the
        field. Nothing was sent.

    Examples
    --------
    >>> structured("name, age int").read('{"name": "Ada", "age": "36"}')
    {'name': 'Ada', 'age': 36}
    """
    if isinstance(source, Schema):
        if many and not source.many:
            return structured(source.source, many=True)
        return source
    return Schema(source, many=many)


def _rebuilt(source: Any, many: bool) -> Schema:  # noqa: FBT001 - pickle's form
    return Schema(source, many=many)


# -- what was given --------------------------------------------------------------------


def _given(source: Any) -> Any:
    """Return a dict with a JSON schema, or a type for pydantic."""
    if isinstance(source, str):
        text = source.strip()
        if text.startswith("@"):
            text = _file_text(text[1:])
        if not text.startswith("{"):
            return terse.to_schema(text)
        try:
            return exact_json.plain(exact_json.read(text))
        except ValueError as error:
            raise BadRequest(f"schema: it is no JSON: {error}.") from None
    if isinstance(source, Mapping) and get_origin(source) is None:
        return dict(source)
    if isinstance(source, BaseModel):
        name = type(source).__name__
        raise BadRequest(
            f"schema: it is one {name}, not the class.", hint=f"Write {name}."
        )
    if isinstance(source, (list, tuple)) and len(source) == 1:
        name = getattr(source[0], "__name__", "Model")
        raise BadRequest("schema: it is a list.", hint=f"Write list[{name}].")
    if source is None or source is object or inspect.isroutine(source):
        raise _no_model(source)
    return _typed_dict(source) if typing.is_typeddict(source) else source


def _typed_dict(source: Any) -> Any:
    """Return a TypedDict that pydantic reads: before Python 3.12 not that of typing."""
    if sys.version_info >= (3, 12):
        return source
    fields = {}
    for name, hint in typing.get_type_hints(source, include_extras=True).items():
        is_marked = get_origin(hint) in (typing.Required, typing.NotRequired)
        bare = typing.get_args(hint)[0] if is_marked else hint
        is_required = name in source.__required_keys__
        marked = typing.Required[bare] if is_required else typing.NotRequired[bare]
        fields[name] = marked
    make: Any = typing_extensions.TypedDict
    return make(source.__name__, fields)


def _file_text(name: str) -> str:
    path = Path(name.strip()).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BadRequest(f"schema: {path} cannot be read: {reason}.") from None
    if not text.startswith("{"):
        raise BadRequest(f"schema: {path} does not hold a JSON object.")
    return text


def _name_of(name: object) -> str:
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", name) if isinstance(name, str) else ""
    return kept.strip("_")[:64] or "reply"


def _no_model(source: object) -> BadRequest:
    name = getattr(source, "__name__", None) or shown(source)
    return BadRequest(
        f"schema: {name} is no model.",
        hint="Derive it from pydantic.BaseModel, or make it a dataclass or TypedDict.",
    )


def _twice(source: object) -> BadRequest:
    inner = getattr(source, "__name__", "it")
    return BadRequest(f"many: the schema ({inner}) is a list already; leave many out.")


# -- types -----------------------------------------------------------------------------


def _adapter(source: Any, *, many: bool) -> TypeAdapter[Any]:
    made: TypeAdapter[Any]
    try:
        made = source if isinstance(source, TypeAdapter) else TypeAdapter(source)
        if not many:
            return made
        if made.json_schema(schema_generator=_Generator).get("type") == "array":
            raise _twice(source)
        if isinstance(source, TypeAdapter):
            raise BadRequest("many: give the type, not its TypeAdapter.")
        return TypeAdapter(list[source])
    except PydanticUndefinedAnnotation as error:
        raise BadRequest(f"schema: {error.name} is not defined.") from None
    except PydanticUserError as error:
        raise _not_sayable(source, error) from None


def _generated(source: Any, adapter: TypeAdapter[Any], *, by_alias: bool) -> Node:
    try:
        found = adapter.json_schema(by_alias=by_alias, schema_generator=_Generator)
    except PydanticUserError as error:
        raise _not_sayable(source, error) from None
    return copied(_nulls_required(found))


def _not_sayable(source: Any, error: PydanticUserError) -> BadRequest:
    fields = getattr(source, "model_fields", {}) if isinstance(source, type) else {}
    for name, field in fields.items():
        try:
            TypeAdapter(field.annotation).json_schema(schema_generator=_Generator)
        except PydanticUserError:
            type_ = getattr(field.annotation, "__name__", str(field.annotation))
            return BadRequest(
                f"schema: {source.__name__}.{name}: JSON has no {type_}.",
                hint="Give the field a type that JSON can say.",
            )
    if error.code == "typed-dict-version":
        return BadRequest(
            "schema: this Python's typing.TypedDict cannot be read inside of a type.",
            hint="from typing_extensions import TypedDict",
        )
    if error.code == "class-not-fully-defined":
        return BadRequest(f"schema: {error.message.splitlines()[0]}")
    return _no_model(source)


def _nulls_required(schema: Node) -> Node:
    """Make what may be null required: the model then says null, and forgets nothing."""
    for node in (schema, *schema.get("$defs", {}).values()):
        known = node.get("properties", {})
        for field in known.values():
            if {"type": "null"} in field.get("anyOf", ()):
                field.pop("default", None)
        needed = {*node.get("required", ())}
        needed |= {
            n for n, f in known.items() if {"type": "null"} in f.get("anyOf", ())
        }
        if needed:
            node["required"] = [name for name in known if name in needed]
    return schema


def _hoisted(full: Node, around: Any) -> tuple[Node, Node]:
    """Put a schema into another; what its references mean stays at the root."""
    defs = {k: full[k] for k in ("$defs", "definitions") if k in full}
    made = {**around({k: v for k, v in full.items() if k not in defs}), **defs}
    return made, dereferenced(made)


def _wrapped(name: str, part: Node) -> Node:
    return {
        "type": "object",
        "properties": {name: part},
        "required": [name],
        "additionalProperties": False,
    }


def _exact(value: Any, schema: Any) -> Any:
    """Write numbers that are wanted as decimals as text, which loses no digit."""
    if not isinstance(schema, dict):
        return value
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if isinstance(value, exact_json.Number):
        is_wanted = any(part.get(DECIMAL) for part in (schema, *options))
        is_text = any(part.get("type") == "string" for part in options)
        return value.text if is_wanted and not is_text else value
    for part in (*options, *schema.get("allOf", ())):
        value = _exact(value, part)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        return {name: _exact(v, known.get(name, others)) for name, v in value.items()}
    if isinstance(value, list):
        first, rest = schema.get("prefixItems", []), schema.get("items")
        parts = [*first, *[rest] * max(len(value) - len(first), 0)]
        return [_exact(v, part) for v, part in zip(value, parts, strict=False)]
    return value


# -- what does not fit -----------------------------------------------------------------


def _problem(entry: Any) -> str:
    """Return one entry of a ValidationError as field, got, expected."""
    where = ""
    for step in entry["loc"]:
        where += f"[{step}]" if isinstance(step, int) else f".{step}"
    where = where.lstrip(".") or "the reply"
    if entry["type"] == "missing":
        return f"{where}: missing"
    if entry["type"] == "extra_forbidden":
        return f"{where}: not asked for"
    message = (
        entry["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    )
    if message != entry["msg"] and entry["type"] != "value_error":
        message = f"expected {message}"
    return f"{where}: got {shown(entry['input'])}, {message}"


def _mismatch(problems: list[str]) -> SchemaMismatch:
    more = len(problems) - _MOST_PROBLEMS
    text = "; ".join(problems[:_MOST_PROBLEMS]) + (
        f"; and {more} more" if more > 0 else ""
    )
    return SchemaMismatch(f"The reply does not fit the schema: {text}.")
