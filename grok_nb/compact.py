"""A DataFrame or Series as text that a model reads: shape, dtypes, first rows.

Nothing here imports pandas: objects of one that is loaded are recognised.
"""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Characters of rows that a frame takes in a prompt, about 2,000 tokens.
BUDGET = 8_000
#: Characters of column names and dtypes.
_HEAD = 4_000
_SHORTEST_CELL = 8


class Compact(NamedTuple):
    """A frame as text.

    Attributes
    ----------
    text : str
        Shape, columns with dtypes, rows as CSV.
    note : str
        What was left out, for the user; empty if nothing was.
    """

    text: str
    note: str


def is_frame(value: object) -> bool:
    """Whether this is a DataFrame or Series of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series))


def compact(value: Any, budget: int | None = BUDGET) -> Compact:
    """Write a frame for a model.

    Parameters
    ----------
    value
        A DataFrame or Series of any size; only the rows that are shown are looked at.
    budget
        Characters that the rows may take; ``None`` for all of them.

    Returns
    -------
    Compact
        The text says what it leaves out, too.
    """
    frame = value.to_frame() if value.ndim == 1 else value
    rows, columns = frame.shape
    names = _labels(frame)
    kinds = [
        f"{_cell(n)}: {d}" for n, d in zip(frame.columns, frame.dtypes, strict=True)
    ]
    what = "Series" if value.ndim == 1 else "DataFrame"
    head = f"{what}, {_count(rows, 'row')} x {_count(columns, 'column')}"
    listed = _within(kinds, ", ", _HEAD if budget is not None else None)
    lines = [head, ", ".join(kinds[:listed])]
    if listed < len(kinds):
        lines[-1] += f", and {len(kinds) - listed:,} more columns"
    shown, cut, table = _table(frame, names, listed, budget)
    lines += table
    left = []
    if shown < rows:
        left.append(f"the first {shown:,} of {rows:,} rows")
    if listed < columns:
        left.append(f"{listed:,} of {columns:,} columns")
    if cut:
        left.append("long values cut at …")
    if shown < rows:
        lines.append(f"({rows - shown:,} more rows are not shown)")
    return Compact("\n".join(lines), ", ".join(left))


def _table(
    frame: Any, names: list[str], listed: int, budget: int | None
) -> tuple[int, bool, list[str]]:
    """Return how many rows are shown, whether values are cut, and the lines."""
    if not len(frame.columns):
        return len(frame), False, []
    part = frame.iloc[:, :listed]
    # each row takes a character at least
    part = part if budget is None else part.iloc[:budget]
    lines = [_line(names[: listed + _index_levels(frame)])]
    used, shown, cut = 0, 0, False
    for values in _rows(part):
        line = _line(values)
        if budget is not None and used + len(line) + 1 > budget:
            if shown:
                break
            room = max(budget // len(values) - 4, _SHORTEST_CELL)
            line, cut = _line([_cut(v, room) for v in values]), True
        lines.append(line)
        used += len(line) + 1
        shown += 1
    return shown, cut, lines


def _rows(frame: Any) -> Iterator[list[str]]:
    with_index = bool(_index_levels(frame))
    for row in frame.itertuples(index=with_index, name=None):
        if with_index and isinstance(row[0], tuple):
            row = (*row[0], *row[1:])  # noqa: PLW2901 - a level is a column
        yield [_cell(value) for value in row]


def _index_levels(frame: Any) -> int:
    """Return how many columns the index takes; none where it only counts from 0."""
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1:
        return 0
    return int(index.nlevels)


def _labels(frame: Any) -> list[str]:
    levels = frame.index.names if _index_levels(frame) else []
    return [
        *("index" if name is None else _cell(name) for name in levels),
        *(_cell(name) for name in frame.columns),
    ]


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return ""
    text = str(value)
    return "" if text in ("<NA>", "NaT") and not isinstance(value, str) else text


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _line(values: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)  # which quotes what holds a line break
    return buffer.getvalue().removesuffix("\r\n")


def _within(texts: list[str], between: str, budget: int | None) -> int:
    """Return how many of the texts fit; at least one."""
    if budget is None:
        return len(texts)
    used = 0
    for number, text in enumerate(texts):
        used += len(text) + len(between)
        if used > budget and number:
            return number
    return len(texts)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
