"""Typed frames: dtypes come from the schema, whatever the rows hold."""

from __future__ import annotations

import datetime
import enum
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from grok_nb.errors import GrokError
from grok_nb.frames.columns import columns_of, typed
from grok_nb.reply import Choice, Reply
from grok_nb.schema import structured


class Kind(enum.Enum):
    paid = "paid"
    unpaid = "open"


class Place(BaseModel):
    city: str
    height: int | None = None


class Paper(BaseModel):
    number: str = Field(alias="no")
    total: Decimal
    share: float | None
    count: int
    is_new: bool | None = None
    day: datetime.date | None
    at: datetime.datetime
    kind: Kind
    rank: Literal[1, 2, None]
    place: Place | None = None
    tags: list[str]
    extra: dict[str, int] | None = None
    either: int | str | None = None
    numbers: int | float = 0


DTYPES = {
    "number": "string",
    "total": "Float64",
    "share": "Float64",
    "count": "Int64",
    "is_new": "boolean",
    "day": "datetime64[us]",
    "at": "datetime64[us, UTC]",
    "kind": "category",
    "rank": "category",
    "place.city": "string",
    "place.height": "Int64",
    "tags": "object",
    "extra": "object",
    "either": "object",
    "numbers": "object",
}
FULL = {
    "no": "7",
    "total": Decimal("1.10"),
    "share": 0.5,
    "count": 3,
    "is_new": True,
    "day": datetime.date(1, 1, 1),
    "at": datetime.datetime(9999, 1, 1, 12),  # noqa: DTZ001 - without an offset
    "kind": "open",
    "rank": 2,
    "place": {"city": "Bern", "height": 540},
    "tags": ["a"],
    "extra": {"a": 1},
    "either": "x",
    "numbers": 2.5,
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def frame_of(*papers: Paper) -> pd.DataFrame:
    schema = structured(Paper, many=True)
    return typed(schema.records(list(papers)), schema.columns)


def test_every_kind_of_field_has_its_dtype() -> None:
    full = Paper.model_validate(FULL)
    sparse = Paper.model_validate(
        {**FULL, "share": None, "day": None, "rank": None, "place": None}
    )
    frame = frame_of(full, sparse)
    assert dtypes(frame) == DTYPES
    assert frame.loc[0].to_dict() == {
        **{name: value for name, value in FULL.items() if name not in ("no", "place")},
        "number": "7",
        "total": 1.1,
        "day": pd.Timestamp("0001-01-01"),
        "at": pd.Timestamp("9999-01-01 12:00", tz="UTC"),
        "place.city": "Bern",
        "place.height": 540,
    }
    for name in ("share", "day", "rank", "place.city", "place.height"):
        assert frame[name].isna().tolist() == [False, True], name
    assert list(frame["kind"].cat.categories) == ["paid", "open"]
    assert list(frame["rank"].cat.categories) == [1, 2]


def test_without_rows_or_values_the_dtypes_are_the_same() -> None:
    assert dtypes(frame_of()) == DTYPES
    columns = structured(Paper).columns
    for rows in ([{}], [dict.fromkeys(["number", "place", "tags"])] * 3):
        frame = typed(rows, columns)
        assert dtypes(frame) == DTYPES
        assert len(frame) == len(rows)
        assert frame.isna().all(axis=None)


def test_a_schema_without_class_gives_the_same_types() -> None:
    schema = structured(
        "name, n int?, x float, ok bool, d date?, t datetime, k a|b?, l list[int], e dict",
        many=True,
    )
    text = (
        '{"records": [{"name": "A", "n": null, "x": 1, "ok": true, "d": "2026-01-31", '
        '"t": "2026-01-31T10:00:00+02:00", "k": "b", "l": [1], "e": {"z": 1}}]}'
    )
    frame = typed(schema.records(schema.read(text)), schema.columns)
    assert dtypes(frame) == {
        "name": "string",
        "n": "Int64",
        "x": "Float64",
        "ok": "boolean",
        "d": "datetime64[us]",
        "t": "datetime64[us, UTC]",
        "k": "category",
        "l": "object",
        "e": "object",
    }
    assert frame.loc[0, "t"] == pd.Timestamp("2026-01-31 08:00", tz="UTC")
    assert frame.loc[0, "e"] == {"z": 1}
    assert typed([], schema.columns).dtypes.equals(frame.dtypes)


def test_what_a_dtype_cannot_hold_is_kept_as_it_is() -> None:
    columns = structured("n int, x float, k a|b, d date").columns
    rows = [
        {"n": 2**70, "x": 10**400, "k": "c", "d": "soon", "more": [1]},
        {"n": 1, "x": 0.5, "k": "a", "d": None},
    ]
    frame = typed(rows, columns)
    assert set(dtypes(frame).values()) == {"object"}
    assert frame["n"].tolist() == [2**70, 1]
    assert frame["x"].tolist() == [10**400, 0.5]
    assert frame["k"].tolist() == ["c", "a"]
    assert frame["more"].tolist() == [[1], None]


def test_names_that_collide_lose_nothing() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "integer"}}}
    schema = {"properties": {"a.b": {"type": "string"}, "a": inner}}
    assert columns_of(schema) == {"a.b": "string", "a": "object"}
    frame = typed([{"a.b": "x", "a": {"b": 1}}], schema)
    assert frame.loc[0].to_dict() == {"a.b": "x", "a": {"b": 1}}


def test_a_reply_has_its_frame_or_says_why_not() -> None:
    schema = structured("name, age int")
    parsed = {"name": "Ada", "age": 36}
    done = Reply(state="done", parsed=parsed, schema=schema)
    assert done.records == [parsed]
    assert dtypes(done.df) == {"name": "string", "age": "Int64"}
    for state in ("running", "stopped", "failed"):
        reply = Reply(state=state, choices=(Choice(text="{"),), schema=schema)  # type: ignore[arg-type]
        assert reply.records == []
        assert dtypes(reply.df) == dtypes(done.df)
        assert len(reply.df) == 0
    for name in ("records", "df"):
        with pytest.raises(GrokError, match="without a schema"):
            getattr(Reply(state="done"), name)
    empty = Reply(state="done", parsed=[], schema=structured("name", many=True))
    assert empty.records == []
    assert dtypes(empty.df) == {"name": "string"}


def test_records_that_are_no_objects_are_one_column() -> None:
    assert (
        typed([{"value": 3}], structured(list[int]).columns).dtypes["value"] == "Int64"
    )
    kinds = structured(list[Kind])
    frame = typed(kinds.records(kinds.read('{"records": ["open"]}')), kinds.columns)
    assert frame["value"].tolist() == ["open"]
    assert frame["value"].dtype == pd.CategoricalDtype(["paid", "open"])


cells: dict[str, st.SearchStrategy[Any]] = {
    "s": st.none() | st.text(),
    "i": st.none() | st.integers(),
    "f": st.none() | st.floats(allow_nan=False) | st.integers(),
    "b": st.none() | st.booleans(),
    "d": st.none() | st.dates().map(str),
    "t": st.none() | st.datetimes(timezones=st.just(datetime.UTC)).map(str),
    "c": st.none() | st.sampled_from(["x", "y"]),
    "l": st.none() | st.lists(st.integers(), max_size=2),
}
TYPES = "s str?, i int?, f float?, b bool?, d date?, t datetime?, c x|y?, l list[int]?"


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries(cells), max_size=4))
def test_any_records_keep_what_they_hold(rows: list[dict[str, Any]]) -> None:
    columns = structured(TYPES).columns
    frame = typed(rows, columns)
    assert list(frame) == [*cells]
    assert len(frame) == len(rows)
    for name in cells:
        for given_, held in zip((r[name] for r in rows), frame[name], strict=True):
            if given_ is None:
                assert held is None or held is pd.NA or held is pd.NaT or held != held
            elif name in "dt":
                assert pd.Timestamp(held) == pd.Timestamp(given_)
            else:
                assert held == given_
