"""Fill a JSON schema with what a text really says; what it does not say stays out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import (
    addresses,
    arithmetic,
    choices,
    items,
    kinds,
    prose,
    words,
)
from .conform import Shape, TooLargeError
from .source import FIT, Field, Found, Source, field_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conform import Schema
    from .document import Pair

TOO_LARGE = "(the schema is too large for the sandbox, or the text for the schema)"
_MAX_DEPTH = 24
_ADDRESS_PARTS = {
    "street": "street", "city": "city", "postal": "postal", "state": "state",
    "region": "state", "country": "country", "name": "name",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filled:
    """
    The outcome: JSON that conforms to the schema, or what was missing for it.

    Parameters
    ----------
    text : str or None
        The JSON, None if the schema cannot be filled.
    missing : tuple of str
        Paths of the values that the schema requires and the text does not hold.
    count : int
        How many values come from the text.
    """

    text: str | None
    missing: tuple[str, ...] = ()
    count: int = 0


@lru_cache(maxsize=8)
def fill(text: str, schema: str, name: str = "") -> Filled:
    """
    Fill a schema from a text.

    Parameters
    ----------
    text : str
        What to read.
    schema : str
        The JSON schema, as JSON.
    name : str, optional
        What the whole is called, such as "invoice".
    """
    root: Any = json.loads(schema)
    filler = Filler(Source(text), Shape(root))
    try:
        found = filler.value(root, field_of(name, {}), "")
        is_valid = found is not None and Shape(root).is_valid(found.value, root)
    except (TooLargeError, RecursionError):
        return Filled(None, (TOO_LARGE,))
    if found is None or not is_valid:
        missing = tuple(dict.fromkeys(filler.missing)) or ("(a value that fits)",)
        return Filled(None, missing)
    return Filled(json.dumps(found.value, ensure_ascii=False), (), found.count)


@lru_cache(maxsize=8)
def everything(text: str) -> str | None:
    """Give all labelled values of a text as a JSON object, None if there are none."""
    source = Source(text)
    result: dict[str, Any] = {}
    for pair in source.document.pairs:
        known = any(map(words.is_known, words.read(pair.label)))
        if pair.strength < 0.95 or (pair.strength < 1 and not known):
            continue
        under = result
        if pair.section and pair.section != pair.label:
            inner = result.setdefault(pair.section, {})
            under = inner if isinstance(inner, dict) else result
        under.setdefault(pair.label, _plain(pair.value, source))
    for table in source.document.tables:
        if len(table.header) > 2 and len(table.rows) > 1:
            rows = [dict(zip(table.header, row, strict=False)) for row in table.rows]
            result.setdefault(table.section or "rows", rows)
    for listing in source.document.listings:
        if listing.bulleted and listing.label:
            result.setdefault(listing.label, list(listing.entries))
    return json.dumps(result, ensure_ascii=False) if result else None


def _plain(text: str, source: Source) -> Any:
    if kinds.is_nothing(text):
        return None
    found = next(source.numbers(text), None)
    if found and found.digits == text.strip():
        return found.value
    return {"true": True, "false": False}.get(text.casefold(), text)


class Filler:
    """
    Fills one schema from one source.

    Parameters
    ----------
    source : Source
        What to read.
    shape : Shape
        The schema.
    """

    def __init__(self, source: Source, shape: Shape) -> None:
        self.source = source
        self.shape = shape
        self.missing: list[str] = []
        self._claims: list[dict[int, float]] = []
        self._alone: list[set[str]] = []
        self._depth = 0
        self._labelled: dict[Field, list[tuple[float, Pair]]] = {}

    def part(self, text: str) -> Filler:
        """Give a filler for a part of the text, such as an entry of a list."""
        return Filler(Source(text, self.source), self.shape)

    def value(self, schema: Any, field: Field, path: str) -> Found | None:
        """
        Find the value of a place in the schema, None if the text does not hold it.

        Raises
        ------
        TooLargeError
            When the schema takes too many steps.
        """
        self._depth += 1
        try:
            if self._depth > _MAX_DEPTH:
                return None
            mark = len(self.missing)
            found = self._value(self.shape.resolve(schema), field, path)
            if found is not None and self.shape.is_valid(found.value, schema):
                del self.missing[mark:]
                return found
            if found is not None or len(self.missing) == mark:
                self.missing.append(path or "(the whole)")
            return None
        finally:
            self._depth -= 1

    def _value(self, schema: Schema, field: Field, path: str) -> Found | None:
        if "const" in schema:
            return Found(schema["const"], 0)
        if isinstance(schema.get("enum"), list):
            return self._enum(schema, field)
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list) and options:
            beside = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
            resolved = [self.shape.resolve(option) for option in options]
            return self._best([{**beside, **one} for one in resolved], field, path)
        names = self.shape.types(schema)
        if len(names) > 1:
            return self._best([{**schema, "type": one} for one in names], field, path)
        match names:
            case ["object"]:
                return self._object(schema, field, path)
            case ["array"]:
                return self._array(schema, field, path)
            case ["null"]:
                return Found(None, 0)
            case _:
                return self._scalar(schema, field, names or ["string"])

    def _best(self, options: list[Schema], field: Field, path: str) -> Found | None:
        best: Found | None = None
        # A text takes everything: try it after what takes only some.
        options = sorted(options, key=lambda one: self.shape.types(one) == ["string"])
        for option in options:
            found = self.value(option, field, path)
            if found is not None and (
                best is None
                or found.count > best.count
                or (best.count == found.count == 0 and found.value is None)
            ):
                best = found
        return best

    # ---- scalars

    def _scalar(self, schema: Schema, field: Field, names: list[str]) -> Found | None:
        kind = kinds.kind_of(field, schema, names)
        for value in self._candidates(kind, schema, field):
            self.shape.step()
            if self.shape.is_valid(value, schema):
                return Found(value)
        return None

    def _candidates(self, kind: str, schema: Schema, field: Field) -> Iterator[Any]:
        """Give readings, the likeliest first: by label, in sentences, by form."""
        answer = self._worked_out(kind, field)
        if answer is not None:
            yield answer
        labels = self._homes if kind == "address" else self.labels
        for pair in labels(field):
            block = pair.block
            value = pair.value
            if "%" in pair.label and field.has("rate"):
                value = f"{pair.label} {value}"
            yield from kinds.readings(kind, value, field, self.source, block)
            if kind == "boolean":
                # The value decides, not that the label is there.
                return
        yield from prose.after_label(kind, field, self.source)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and kind in {"identifier", "text"}:
            yield from prose.by_pattern(pattern, self.source)
        alone = bool(self._alone) and field.key in self._alone[-1]
        yield from prose.by_form(
            kind, field, self.source, alone=alone or not self._alone
        )

    def _worked_out(self, kind: str, field: Field) -> float | str | None:
        if "answer" not in field.wanted or kind not in {"number", "integer", "text"}:
            return None
        found = arithmetic.find(self.source.text.strip())
        if found is None or found.value is None:
            return None
        if kind == "text":
            return found.result.lstrip("=≈ ")
        whole = found.value.denominator == 1
        try:
            return int(found.value) if whole else float(found.value)
        except OverflowError:
            return None

    def labels(self, field: Field, *, shared: bool = False) -> Iterator[Pair]:
        """Give the labelled values of a field that no other field claims more."""
        for score, pair in self._fitting(field):
            claim = max((one.get(id(pair), 0.0) for one in self._claims), default=0.0)
            if shared or score >= claim - 0.01:
                yield pair

    def _homes(self, field: Field, *, shared: bool = False) -> Iterator[Pair]:
        """Give the labelled values that may be an address: where a thing is sent, too."""
        yield from self.labels(field, shared=shared)
        if field.has("delivery", "shipping"):
            yield from self.labels(Field(names=(("recipient",),)), shared=True)

    def _fitting(self, field: Field) -> list[tuple[float, Pair]]:
        found = self._labelled.get(field)
        if found is None:
            # Many fields times many labels is work, too.
            self.shape.step(self.source.label_count)
            found = self._labelled[field] = self.source.labelled(field)
        return found

    def _enum(self, schema: Schema, field: Field) -> Found | None:
        options = [one for one in schema["enum"] if self.shape.is_valid(one, schema)]
        texts = [pair.value for pair in self.labels(field)]
        found = choices.pick(options, texts, field, self.source)
        if found is not None:
            return Found(options[found])
        if len(options) == 1:
            return Found(options[0], 0)
        return Found(None, 0) if None in options else None

    # ---- objects

    def _object(self, schema: Schema, field: Field, path: str) -> Found | None:
        known = schema.get("properties")
        if not isinstance(known, dict) or not known:
            return self._mapping(schema, field, path)
        fields = {key: field_of(key, _dict(one), field) for key, one in known.items()}
        self._claim(known, fields)
        address = self._address(field, fields)
        result: dict[str, Any] = {}
        count, complete = 0, True
        for key, inner in known.items():
            there = f"{path}.{key}" if path else key
            found = self._part_of(address, inner, fields[key])
            mark = len(self.missing)
            found = found or self.value(inner, fields[key], there)
            required = key in (schema.get("required") or [])
            if found is None and required:
                found = self._default(inner)
            if found is None:
                complete = complete and not required
                if not required:
                    del self.missing[mark:]
            elif required or found.count or found.value not in (None, [], {}):
                result[key] = found.value
                count += found.count
        self._claims.pop()
        self._alone.pop()
        least = schema.get("minProperties")
        for key, inner in known.items():
            lacks = isinstance(least, int) and len(result) < least
            if lacks and key not in result and self.shape.allows_null(inner):
                result[key] = None
        return Found(result, count) if complete else None

    def _claim(self, known: dict[str, Any], fields: dict[str, Field]) -> None:
        """Note which labelled values the fields of an object claim, and their kinds."""
        claims: dict[int, float] = {}
        by_kind: dict[str, list[str]] = {}
        for key, inner in known.items():
            self.shape.step()
            resolved = self.shape.resolve(inner)
            names = self.shape.types(resolved) or self._types_inside(resolved)
            if {"object", "array"} & set(names):
                continue
            kind = kinds.kind_of(fields[key], resolved, names)
            by_kind.setdefault(kind.removesuffix("-text"), []).append(key)
            if kind in {"email", "website", "uri"}:
                # It is known by its form: a name may stand beside it.
                continue
            for score, pair in self._fitting(fields[key]):
                claims[id(pair)] = max(score, claims.get(id(pair), 0.0))
        self._claims.append(claims)
        self._alone.append({keys[0] for keys in by_kind.values() if len(keys) == 1})

    def _types_inside(self, schema: Schema) -> list[str]:
        options = schema.get("anyOf") or schema.get("oneOf") or []
        found: list[str] = []
        for option in options if isinstance(options, list) else []:
            found += self.shape.types(self.shape.resolve(option))
        return found

    def _default(self, schema: Any) -> Found | None:
        default = self.shape.resolve(schema).get("default")
        if default is not None and self.shape.is_valid(default, schema):
            return Found(default, 0)
        return Found(None, 0) if self.shape.allows_null(schema) else None

    def _mapping(self, schema: Schema, field: Field, path: str) -> Found | None:
        """Fill an object of free names with the labelled values under its heading."""
        inner = schema.get("additionalProperties", True)
        result: dict[str, Any] = {}
        most = schema.get("maxProperties", 64)
        for pair in self.source.document.pairs[:500]:
            section = words.read(pair.section)
            is_inside = field.score(section) >= FIT if path else True
            if inner is False or not is_inside or pair.strength < 1:
                continue
            if isinstance(most, int) and len(result) >= most:
                break
            for value in self._free_values(inner, pair):
                if self.shape.is_valid(value, inner):
                    result.setdefault(pair.label, value)
                    break
        return Found(result, len(result))

    def _free_values(self, schema: Any, pair: Pair) -> Iterator[Any]:
        resolved = self.shape.resolve(schema)
        names = self.shape.types(resolved) or self._types_inside(resolved)
        field = field_of(pair.label, resolved)
        for name in names or ["string"]:
            kind = kinds.kind_of(field, resolved, [name])
            yield from kinds.readings(kind, pair.value, field, self.source)

    def _address(
        self, field: Field, fields: dict[str, Field]
    ) -> addresses.Address | None:
        """Read the postal address that an object wants, if it wants one."""
        parts = {
            c for one in fields.values() for c in one.wanted if c in _ADDRESS_PARTS
        }
        if len(parts - {"name"}) < 2:
            return None
        for pair in self._homes(field, shared=True):
            found = addresses.read(pair.block or (pair.value,))
            if found is not None:
                return found
        around = Field(names=((*field.context, "address"),))
        for pair in self.labels(around, shared=True) if not field.is_plain() else ():
            found = addresses.read(pair.block or (pair.value,))
            if found is not None:
                return found
        if field.context and not field.has("address", "place"):
            return None
        found = addresses.read(tuple(self.source.free.strip().splitlines()[:6]))
        if found is None and not set(field.wanted) - {"address", "place"}:
            # Under whatever label, if it can only be an address: "Ship to: ...".
            pairs = self.source.document.pairs[:200]
            read = (addresses.read(one.block or (one.value,)) for one in pairs)
            found = next(
                (one for one in read if one and one.street and one.postal), None
            )
        return found

    def _part_of(
        self, address: addresses.Address | None, schema: Any, field: Field
    ) -> Found | None:
        if address is None:
            return None
        for concept in field.wanted:
            part = _ADDRESS_PARTS.get(concept)
            if part is None or (part == "name" and field.wanted != ("name",)):
                continue
            text = getattr(address, part)
            if part == "country" and not text and not self.shape.allows_null(schema):
                # Addresses within a country name the state at most.
                text = address.state
            code = text.split("-", 1)[-1]
            # A-8010 is 8010 in Austria.
            bare = code if text[:1].isalpha() and code.isdigit() else ""
            for value in (bare, text):
                if value and self.shape.is_valid(value, schema):
                    return Found(value)
        return None

    # ---- lists

    def _array(self, schema: Schema, field: Field, path: str) -> Found | None:
        inner = schema.get("items", {})
        resolved = self.shape.resolve(inner)
        most = schema.get("maxItems")
        limit = most if isinstance(most, int) else 1_000
        found: list[Any] = []
        if self._depth < _MAX_DEPTH // 2:
            if "object" in (self.shape.types(resolved) or self._types_inside(resolved)):
                found = items.records(self, inner, field, path)
            else:
                found = items.scalars(self, inner, field)
        if schema.get("uniqueItems") is True:
            found = list(
                {json.dumps(one, sort_keys=True): one for one in found}.values()
            )
        return Found(found[: max(limit, 0)], len(found[: max(limit, 0)]))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
