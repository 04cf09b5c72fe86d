"""Lists: rows of tables, item lines, repeated blocks, bullets and enumerations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import choices, columns, entries, kinds, telling, values, words
from .lines import split, strip_bullet
from .source import FIT, Field, field_of

if TYPE_CHECKING:
    from .conform import Schema
    from .document import Listing, Pair
    from .entries import Target
    from .extract import Filler

MAX_ROWS = 500
_MAX_ITEM = 400
_MAX_RUN = 300
_SPLIT = re.compile(
    r"[;\n•·|]|,\s(?:(?:and|und|et|y|e|en|or)\s)?|\s(?:and|und|et|y|e|en|&)\s|\s/\s"
)
_HARD = re.compile(r"[;\n•·|]|,\s(?:and\s)?")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_FOOTERS = {"total", "subtotal", "tax", "discount", "shipping", "balance", "fee"}


def records(filler: Filler, schema: Any, field: Field, path: str) -> list[Any]:
    """Give the objects of a list: from tables, else lines, else repeated blocks."""
    inner = filler.shape.resolve(schema)
    if "properties" not in inner:
        options = inner.get("anyOf") or inner.get("oneOf") or []
        resolved = [filler.shape.resolve(one) for one in options]
        inner = next((one for one in resolved if one.get("properties")), inner)
    known = inner.get("properties")
    if not isinstance(known, dict) or not known:
        return []
    fields = {
        key: field_of(key, one if isinstance(one, dict) else {}, field)
        for key, one in known.items()
    }
    target = entries.Target(filler, schema, inner, fields, path)
    return (
        _from_tables(target, field)
        or _from_lists(target, field)
        or _from_blocks(target)
        or _from_runs(target)
    )


def _from_tables(target: Target, field: Field) -> list[Any]:
    best: tuple[float, list[Any]] = (0.0, [])
    document = target.filler.source.document
    for table in (*document.tables[:50], *columns.repeated(document.pairs)):
        found = columns.match(table, target)
        # One column of many is a coincidence.
        if not found or (len(found) < 2 and len(target.fields) > 1):
            continue
        named = field.score(words.read(table.section)) if table.section else 0.0
        rank = len(found) + named
        if rank > best[0]:
            rows = [_row(cells, found, target) for cells in table.rows[:MAX_ROWS]]
            rows = [row for row in rows if row is not None]
            if rows:
                best = (rank, rows)
    return best[1]


def _row(cells: tuple[str, ...], places: dict[str, int], target: Target) -> Any:
    first = words.read(next((cell for cell in cells if cell), ""))
    filled = sum(1 for cell in cells if cell)
    if first and _FOOTERS.issuperset(first) and filled < len(cells):
        return None
    texts = {key: cells[n] for key, n in places.items() if n < len(cells)}
    return entries.build(target, texts, {})


def _from_lists(target: Target, field: Field) -> list[Any]:
    ranked: list[tuple[float, list[str]]] = []
    for listing in target.filler.source.document.listings[:100]:
        fit = field.score(words.read(listing.label)) if listing.label else 0.0
        if fit >= FIT or (listing.bulleted and fit == 0):
            ranked.append((fit, list(listing.entries)))
    ranked.sort(key=lambda one: -one[0])
    for pair in target.filler.labels(field, shared=True):
        # Several on one line: "Items: 2 x Tea; 1 x Cake".
        parts = [part for part in _HARD.split(pair.value) if part.strip()]
        ranked.append((FIT, [p for p in pair.value.split(";") if p.strip()]))
        ranked.append((FIT, parts))
    for fit, lines in ranked[:20]:
        rows = [entries.line(one, target) for one in lines[:MAX_ROWS]]
        good = [row for row in rows if row is not None and row.count > (fit < FIT)]
        if good and len(good) * 2 >= len(rows):
            return [row.value for row in good]
    return _item_lines(target)


def _item_lines(target: Target) -> list[Any]:
    """Read lines that look like items, wherever they stand."""
    if not target.key("quantity", "price", "unit"):
        return []
    source = target.filler.source
    rows = [
        entries.line(strip_bullet(piece.strip())[0], target)
        for line in source.document.lines[:2_000]
        if len(line) < _MAX_ITEM
        for piece in entries.apart(line)
        if entries.is_item(piece, source)
    ]
    return [row.value for row in rows if row is not None and row.count > 1]


def _from_blocks(target: Target) -> list[Any]:
    """Read blocks that repeat their labels, one object each."""
    matching: list[tuple[str, Pair]] = []
    for pair in target.filler.source.document.pairs[:5_000]:
        label = words.read(pair.label)
        scores = [(one.score(label), key) for key, one in target.fields.items()]
        score, key = max(scores, key=lambda one: one[0], default=(0.0, ""))
        if score >= 0.6 and pair.strength >= 0.95:
            matching.append((key, pair))
    keys = [key for key, _ in matching]
    if not keys or keys.count(keys[0]) < 2:
        return []
    starts = [n for n, key in enumerate(keys) if key == keys[0]]
    rows = []
    for low, high in zip(starts, [*starts[1:], len(keys)], strict=True):
        lines = [f"{pair.label}: {pair.value}" for _, pair in matching[low:high]]
        part = target.filler.part("\n".join(lines))
        found = part.value(target.schema, Field(), target.path)
        if found is not None and found.count:
            rows.append(found.value)
    return rows[:MAX_ROWS]


def _from_runs(target: Target) -> list[Any]:
    """Read lines that follow each other and each hold two values: "10:00 Welcome"."""
    telling = _telling(target)
    best: list[Any] = []
    run: list[Any] = []
    lines = target.filler.source.document.lines[:_MAX_RUN] if telling else []
    for line in [*lines, ""]:
        is_pair = bool(split(line, strong=True)) or not 0 < len(line) < _MAX_ITEM
        row = None if is_pair else entries.line(line, target)
        if row is not None and row.count > 1 and _tells(row.value, telling):
            run.append(row.value)
            continue
        best = max(best, run, key=len)
        run = []
    return best if len(best) > 1 else []


def _telling(target: Target) -> list[str]:
    """Name the fields whose values cannot be just any words."""
    known = target.inner["properties"]
    kind = {
        key: kinds.kind_of(one, known[key], target.shape.types(known[key]))
        for key, one in target.fields.items()
        if isinstance(known[key], dict)
    }
    return [key for key in kind if kind[key] not in {"text", "name", "identifier"}]


def _tells(row: dict[str, Any], telling: list[str]) -> bool:
    written = "".join(str(row.get(key, "")) for key in telling)
    return any(char.isdigit() or char == "@" for char in written)


def scalars(filler: Filler, schema: Any, field: Field) -> list[Any]:
    """Give the values of a list: under its label, in a column, or by their form."""
    resolved = filler.shape.resolve(schema)
    names = filler.shape.types(resolved) or ["string"]
    kind = kinds.kind_of(field, resolved, names)
    for texts in _texts(filler, field):
        read = [_read(filler, resolved, kind, field, one) for one in texts[:MAX_ROWS]]
        found = [one for one in read if one is not None]
        if found:
            return found
    if field.has("guests", "person") and kind in {"text", "name"}:
        return telling.people(filler.source)
    if isinstance(resolved.get("enum"), list):
        return choices.mentioned(resolved["enum"], filler.source.free)
    everything = list(dict.fromkeys(kinds.net(kind, filler.source.text)))
    if kind == "date":
        everything = [
            one.value.isoformat() for one in filler.source.days(filler.source.text)
        ]
    return [one for one in everything[:MAX_ROWS] if filler.shape.is_valid(one, schema)]


def _texts(filler: Filler, field: Field) -> list[list[str]]:
    """Give the lists of texts that may be the list, the likeliest first."""
    document = filler.source.document
    found: list[list[str]] = []
    ranked: list[tuple[float, Listing]] = []
    for listing in document.listings[:100]:
        score = field.score(words.read(listing.label)) if listing.label else 0.0
        if score >= FIT:
            ranked.append((score, listing))
    ranked.sort(key=lambda one: -one[0])
    for _, listing in ranked:
        lines = list(listing.entries)
        one_line = len(lines) == 1 and not listing.bulleted
        found.append(_pieces(lines[0]) if one_line else lines)
    found += [_pieces(pair.value) for pair in filler.labels(field)]
    for table in document.tables[:50]:
        for place, name in enumerate(table.header):
            if name and field.score(words.read(name)) >= 0.6:
                found.append([row[place] for row in table.rows if len(row) > place])
    for _, _, end in filler.source.spoken(field):
        place, clear = filler.source.after(end)
        rest = filler.source.text[place : place + 300].split("\n")[0]
        if clear and rest:
            found.append(_pieces(_SENTENCE_END.split(rest)[0]))
    unlabelled = [one for one in document.listings if one.bulleted and not one.label]
    if not found and len(document.listings) == len(unlabelled) == 1:
        found.append(list(unlabelled[0].entries))
    return found


def _pieces(text: str) -> list[str]:
    text = text.strip("[]() ")
    pieces = [piece.strip(" \"'“”.") for piece in _SPLIT.split(text) if piece]
    if len(pieces) == 1 and "," in text:
        pieces = [piece.strip(" \"'") for piece in text.split(",")]
    return [piece for piece in pieces if piece and not kinds.is_nothing(piece)]


def _read(filler: Filler, schema: Schema, kind: str, field: Field, text: str) -> Any:
    if not text.strip():
        return None
    if isinstance(schema.get("enum"), list):
        found = filler.part(f"x: {text}").value(schema, Field("x", (("x",),)), "")
        return found.value if found else None
    if kind in {"text", "name", "identifier"}:
        text = text.strip().splitlines()[0].strip(" ,;")
        if kind == "name" and values.EMAIL.search(text):
            text = kinds.name_in(text)
        return text if text and filler.shape.is_valid(text, schema) else None
    for value in kinds.readings(kind, text, field, filler.source):
        if filler.shape.is_valid(value, schema):
            return value
    return None
