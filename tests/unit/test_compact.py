"""A frame as text: what is said, what is shown, what is left out, in bounded time."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.compact import BUDGET, compact, is_frame

CELLS = st.one_of(
    st.none(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(),
    st.booleans(),
    st.lists(st.integers()),
)


def rows_in(text: str, columns: int) -> list[list[str]]:
    """Read the lines below the head; cells may hold line breaks."""
    body = text.split("\n", 2)[2] if text.count("\n") > 1 else ""
    found = [row for row in csv.reader(io.StringIO(body, newline="")) if row]
    return [row for row in found if len(row) == columns]


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width))
    )
)
def test_any_frame_is_told_whole_or_says_what_is_missing(rows: list[Any]) -> None:
    width = len(rows[0]) if rows else 1
    frame = pd.DataFrame(rows, columns=[f"c{n}" for n in range(width)], dtype=object)
    found = compact(frame)
    head = found.text.splitlines()[0]
    count = len(rows)
    assert head.startswith(f"DataFrame, {count:,} row{'' if count == 1 else 's'} x ")
    assert bool(found.note) == ("more rows" in found.text or "…" in found.note)
    whole = compact(frame, None)
    assert whole.note == ""
    if not found.note:
        assert found.text == whole.text


@given(st.lists(st.text(alphabet='ab,"\n x'), min_size=1, max_size=5))
def test_what_is_shown_can_be_read_back(texts: list[str]) -> None:
    frame = pd.DataFrame({"k": range(len(texts)), "t": texts})
    assert rows_in(compact(frame).text, 2) == [
        ["k", "t"],
        *([str(n), text] for n, text in enumerate(texts)),
    ]


def test_rows_stop_at_the_budget_and_none_is_cut() -> None:
    frame = pd.DataFrame({"text": ["x" * 100] * 500})
    found = compact(frame, 1_050)
    assert found.text.count("x" * 100) == 10
    assert found.note == "the first 10 of 500 rows"
    assert found.text.endswith("(490 more rows are not shown)")


def test_only_a_row_that_alone_is_too_long_is_cut() -> None:
    frame = pd.DataFrame({"a": ["x" * 50_000, "y"], "b": ["z" * 9, "w"]})
    found = compact(frame, 1_000)
    assert "long values cut at …" in found.note
    assert "zzzzzzzzz" in found.text
    assert 300 < found.text.count("x") < 1_000


def test_many_columns_are_counted() -> None:
    frame = pd.DataFrame([range(5_000)], columns=[f"column_{n}" for n in range(5_000)])
    found = compact(frame)
    assert "more columns" in found.text
    assert "of 5,000 columns" in found.note
    assert len(found.text) < 2 * BUDGET


def test_an_index_that_says_something_is_shown() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="who"))
    assert compact(frame).text.endswith("who,n\nx,1\ny,2")
    double = frame.set_index(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    assert compact(double).text.endswith("index,index,n\na,1,1\nb,2,2")


def test_missing_values_of_all_kinds_are_empty() -> None:
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int64"),
            "t": pd.to_datetime(["2026-01-02", None]),
            "f": [0.5, float("nan")],
            "s": pd.array(["NaT", None], dtype="string"),
        }
    )
    assert compact(frame).text.splitlines()[-2:] == [
        "1,2026-01-02 00:00:00,0.5,NaT",
        ",,,",
    ]


def test_series_and_empty_frames() -> None:
    assert compact(pd.Series([1, 2], name="n")).text.startswith(
        "Series, 2 rows x 1 column\nn: int64\nn\n1"
    )
    assert compact(pd.DataFrame()).text == "DataFrame, 0 rows x 0 columns\n"
    assert compact(pd.DataFrame({"a": []})).text.endswith("\na")


def test_of_ten_million_rows_only_the_first_are_looked_at() -> None:
    class Loud:
        looked = 0

        def __str__(self) -> str:
            Loud.looked += 1
            return "x" * 99

    frame = pd.DataFrame({"n": range(10_000_000)})
    assert "10,000,000 rows" in compact(frame).text
    loud = pd.DataFrame({"n": [Loud() for _ in range(10_000)]}, dtype=object)
    compact(loud)
    assert Loud.looked <= BUDGET // 99 + 2


def test_what_is_a_frame() -> None:
    assert is_frame(pd.DataFrame())
    assert is_frame(pd.Series(dtype=float))
    assert not is_frame("DataFrame")
