"""Which column of a table holds which property: by name, then by what the cells hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import entries, kinds, values, words
from .document import Table
from .source import FIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Pair
    from .entries import Target

_MAX_PAIRS = 5_000
# So many rows show what a column holds.
_SHOWN = 5
_NEAR = 0.011


def repeated(pairs: list[Pair]) -> Iterator[Table]:
    """Give the labelled values whose labels come again and again as tables."""
    pairs = [one for one in pairs[:_MAX_PAIRS] if one.strength >= 0.95]
    labels = [words.plain(one.label) for one in pairs]
    first: dict[str, int] = {}
    place = 0
    while place < len(labels):
        start = first.setdefault(labels[place], place)
        if start == place:
            place += 1
            continue
        header = labels[start:place]
        rows: list[tuple[str, ...]] = []
        at = start
        while at < len(labels) and labels[at] == header[0]:
            row = dict.fromkeys(header, "")
            while at < len(labels) and row.get(labels[at]) == "":
                row[labels[at]] = pairs[at].value
                at += 1
            rows.append(tuple(row.values()))
        names = tuple(one.label for one in pairs[start:place])
        yield Table(names, tuple(rows), pairs[start].section)
        first, place = {}, max(at, place + 1)


def match(table: Table, target: Target) -> dict[str, int]:
    """Match the columns of a table with the fields, the best matches first."""
    fields = target.fields
    matches = sorted(
        (-score, place, key)
        for place, name in enumerate(table.header)
        for key, field in fields.items()
        if name and (score := field.score(words.read(name))) >= FIT
    )
    found: dict[str, int] = {}
    for _, place, key in matches:
        target.shape.step()
        if key not in found and place not in found.values():
            found[key] = place
    _first_column(found, target)
    _by_cells(found, table, target)
    _each_not_all(found, table, target)
    return found


def _first_column(found: dict[str, int], target: Target) -> None:
    """Take the first column for what the row is about, whatever its name."""
    texts = [
        key
        for key, field in target.fields.items()
        if key not in found
        and _kind(key, target) == "text"
        and field.has("description", "title", "name", "task", "test")
    ]
    if texts and found and 0 not in found.values():
        found[texts[0]] = 0


def _kind(key: str, target: Target) -> str:
    place = target.inner["properties"][key]
    schema = target.shape.resolve(place)
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    types = [name for one in options for name in target.shape.types(one)]
    return kinds.kind_of(target.fields[key], schema, types or ["string"])


def _by_cells(found: dict[str, int], table: Table, target: Target) -> None:
    """Give the columns that are left to the fields that can be nothing else."""
    left = [n for n in range(len(table.header)) if n not in found.values()]
    open_keys = [key for key in target.fields if key not in found]
    whole = len(table.header) == len(target.fields)
    if not left or not open_keys or len(found) * 2 < len(target.fields) - whole:
        return
    fits = {
        key: [
            n
            for n in left
            if _holds(
                key, [row[n] for row in table.rows[:_SHOWN] if len(row) > n], target
            )
        ]
        for key in open_keys
    }
    for key in sorted(open_keys, key=lambda one: len(fits[one])):
        rivals = [one for one in open_keys if one != key and fits[one] == fits[key]]
        places = [n for n in fits[key] if n not in found.values()]
        if places and (len(places) == 1 or (whole and len(places) == len(rivals) + 1)):
            found[key] = places[0]


def _holds(key: str, cells: list[str], target: Target) -> bool:
    filled = [cell for cell in cells if cell]
    kind = _kind(key, target)
    place = target.inner["properties"][key]
    if kind in {"text", "name", "identifier"}:
        bare = sum(cell[0].isdigit() or cell[0] in "$€£-+" for cell in filled)
        return bool(filled) and (kind == "identifier" or bare * 2 < len(filled))
    return bool(filled) and all(
        entries.cell(one, target.fields[key], target, place) is not None
        for one in filled
    )


def _each_not_all(found: dict[str, int], table: Table, target: Target) -> None:
    """Take for the price of one what times the quantity gives the column beside it."""
    price, quantity = target.key("unit", "price"), target.key("quantity", "count")
    if price not in found or quantity not in found or target.sum_key(price):
        return
    for place in range(len(table.header)):
        if place in found.values():
            continue
        read = [
            _read(row, (found[quantity], place, found[price]), target)
            for row in table.rows[:_SHOWN]
        ]
        known = [one for one in read if one]
        if (
            known
            and all(abs(n * each - total) < _NEAR for n, each, total in known)
            and any(n != 1 for n, _, _ in known)
        ):
            found[price] = place
            return


def _read(
    row: tuple[str, ...], places: tuple[int, ...], target: Target
) -> tuple[float, ...] | None:
    numbers = [
        next(
            values.numbers(row[n], decimal_comma=target.filler.source.decimal_comma),
            None,
        )
        for n in places
        if n < len(row)
    ]
    if len(numbers) < len(places) or None in numbers:
        return None
    return tuple(one.value for one in numbers if one)
