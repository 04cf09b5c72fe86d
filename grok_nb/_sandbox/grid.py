"""Tables: rows of cells between bars, tabs, commas, or wide gaps."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from .lines import clean, colon, is_label

if TYPE_CHECKING:
    from .lines import Line

MAX_COLUMNS = 100
_MAX_ROWS = 2_000
_MAX_RULES = 2
_RULE = re.compile(r"[\s|+:=_*~-]{3,}")
_CELLS = re.compile(r"\s{2,}|\t")
_DECIMAL = re.compile(r"\d,\d")
_WORD = re.compile(r"\S+")
_GAP = re.compile(r"\s{2,}")


def read(lines: list[Line], place: int) -> tuple[int, list[tuple[str, ...]]] | None:
    """
    Read a table that begins at some line.

    Returns
    -------
    tuple of int and list of tuple of str, or None
        How many lines it takes, and its rows, the header first.
    """
    first = lines[place].raw.strip()
    for kind in ("|", "\t", ";", ",", " "):
        if (kind == " " and not _CELLS.search(first)) or kind not in first:
            continue
        rows = _rows(lines, place, kind)
        if rows is not None:
            return rows
    return None


def _rows(
    lines: list[Line], place: int, kind: str
) -> tuple[int, list[tuple[str, ...]]] | None:
    """Read the rows of a table of one kind of separator, None for no table."""
    rows: list[tuple[str, ...]] = []
    spans: list[tuple[int, int]] = []
    taken = rules = 0
    for line in lines[place : place + _MAX_ROWS]:
        raw = line.raw.strip()
        if line.bullet and kind in ",;":
            break
        if _RULE.fullmatch(raw) and (rows or (kind == "|" and not taken)):
            taken, rules = taken + 1, rules + 1
            if rules > _MAX_RULES:
                break
            continue
        rules = 0
        if not raw or (kind not in raw and kind != " "):
            break
        if kind == " ":
            if rows:
                cells = _aligned(line.raw, spans)
            else:
                spans = _columns(lines, place)
                cells = [line.raw.expandtabs(4)[low:high] for low, high in spans]
            if len(cells) < 2:
                break
        else:
            cells = _separated(raw, kind)
        if kind in ",;" and rows and len(cells) != len(rows[0]):
            break
        row = tuple(clean(cell) for cell in cells)
        if not rows and not _is_header(row, kind):
            return None
        rows.append(row)
        taken += 1
    return (taken, rows) if len(rows) > 1 else None


def _is_header(row: tuple[str, ...], kind: str) -> bool:
    if len(row) < 2:
        return False
    if kind == "|":
        return True
    if any(cell.endswith(":") or colon(cell) for cell in row):
        return False
    if kind == "," and _DECIMAL.search(",".join(row)):
        return False
    labels = [cell for cell in row if is_label(cell)]
    if kind in ",;":
        # Sentences have commas as well.
        short = all(len(cell) <= 40 for cell in row[:-1])
        return short and (
            len(labels) == len(row) or (len(row) == 2 and is_label(row[0]))
        )
    return len(labels) >= len(row) - 1


def _separated(raw: str, kind: str) -> list[str]:
    if kind == "|":
        return [cell.strip() for cell in raw.strip("|").split("|")][:MAX_COLUMNS]
    try:
        cells = next(csv.reader([raw], delimiter=kind, skipinitialspace=True), [])
    except csv.Error:
        cells = raw.split(kind)
    return [cell.strip() for cell in cells[:MAX_COLUMNS]]


def _columns(lines: list[Line], place: int) -> list[tuple[int, int]]:
    """
    Find the columns of an aligned table by its header.

    Titles that are as wide as their columns may have but one space between them: then
    the next row shows how many columns there are.
    """
    header = lines[place].raw.expandtabs(4).rstrip()
    spans = _gaps(header)
    if place + 1 >= len(lines):
        return spans
    below = _gaps(lines[place + 1].raw.expandtabs(4).rstrip())
    if not 2 <= len(spans) < len(below) or len(below) > 20:
        return spans
    found = _titles(header, below)
    if len(found) < len(below):
        return spans
    return [found[column] for column in sorted(found)]


def _titles(header: str, columns: list[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Put the words of a header over the columns that they begin or end with."""
    found: dict[int, tuple[int, int]] = {}
    current: int | None = None
    pending: int | None = None
    for match in _WORD.finditer(header):
        low, high = match.span()
        ends = [n for n, (_, b) in enumerate(columns) if abs(b - high) <= 1]
        starts = [
            n for n, (a, _) in enumerate(columns) if abs(a - low) <= bool(not ends)
        ]
        if starts:
            current, pending = starts[0], None
            found[current] = (low, high)
        elif ends:
            found[ends[0]] = (low if pending is None else pending, high)
            current, pending = None, None
        elif current is not None:
            found[current] = (found[current][0], high)
        elif pending is None:
            pending = low
    return found


def _gaps(raw: str) -> list[tuple[int, int]]:
    """Give the parts of a line between its wide gaps."""
    start = _after_blank(raw, 0)
    spans: list[tuple[int, int]] = []
    for gap in _GAP.finditer(raw, start):
        spans.append((start, gap.start()))
        start = gap.end()
    return [*spans[: MAX_COLUMNS - 1], (start, len(raw))]


def _nearest(span: tuple[int, int], columns: list[tuple[int, int]]) -> int:
    low, high = span
    apart = [
        (max(0, a - high, low - b), min(abs(a - low), abs(b - high)))
        for a, b in columns
    ]
    return apart.index(min(apart))


def _aligned(raw: str, columns: list[tuple[int, int]]) -> list[str]:
    """Cut a line at its wide gaps, and put each cell in its column."""
    raw = raw.expandtabs(4).rstrip()
    spans = _gaps(raw)
    if len(spans) < 2:
        return [raw.strip()]
    if len(spans) == len(columns):
        return [raw[low:high].strip() for low, high in spans]
    row = [""] * len(columns)
    for low, high in spans:
        column = _nearest((low, high), columns)
        row[column] = f"{row[column]} {raw[low:high].strip()}".strip()
    return row


def _after_blank(raw: str, place: int) -> int:
    while place < len(raw) and raw[place].isspace():
        place += 1
    return place
