"""Records and the JSON schema that they were asked for by -> a typed DataFrame.

The dtypes come from the schema alone, so that an empty frame has the same ones.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Node = dict[str, Any]
_SIMPLE = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "null": "object",
}
_MOMENTS = {"date": "datetime64[us]", "date-time": "datetime64[us, UTC]"}


def typed(records: Sequence[Mapping[str, Any]], schema: Node) -> pd.DataFrame:
    """Return one row per record, one typed column per field.

    Parameters
    ----------
    records
        Dicts; a field may be missing.
    schema
        JSON schema of one record, without ``$ref``.

    Returns
    -------
    pandas.DataFrame
        Text as string; whole numbers as Int64, others as Float64 (decimals, too);
        boolean; ``date`` as datetime64[us], ``date-time`` as datetime64[us, UTC] (one
        without an offset counts as UTC); choices as category with all that the schema
        has; nested objects as ``outer.inner``; what else there is, lists among it, as
        object. A column whose values its dtype cannot hold (an integer over 64 bits) is
        object.

    Examples
    --------
    >>> schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    >>> typed([{"age": 36}, {"age": None}], schema)["age"].dtype
    Int64Dtype()
    """
    kinds = columns_of(schema)
    rows: list[dict[str, Any]] = [_flat(record, kinds, "") for record in records]
    others = dict.fromkeys(name for row in rows for name in row if name not in kinds)
    columns = {
        name: _column([row.get(name) for row in rows], kind)
        for name, kind in {**kinds, **dict.fromkeys(others, "object")}.items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def columns_of(schema: Node, prefix: str = "") -> dict[str, Any]:
    """Return name and dtype of each column that records of a schema have."""
    kinds: dict[str, Any] = {}
    for name, field in (schema.get("properties") or {}).items():
        at = f"{prefix}{name}"
        real = _real(field)
        inner = columns_of(real, f"{at}.") if _is_nested(real) else {}
        if inner and not inner.keys() & kinds.keys():
            kinds |= inner
        elif at not in kinds:
            kinds[at] = _kind(real)
    return kinds


def _real(field: Any) -> Node:
    """Return the schema of a field without what says that it may be null."""
    if not isinstance(field, dict):
        return {}
    rest = {k: v for k, v in field.items() if k not in ("anyOf", "oneOf", "allOf")}
    for word in ("anyOf", "oneOf", "allOf"):
        options = [p for p in field.get(word, ()) if p != {"type": "null"}]
        if len(options) == 1:
            return _real({**rest, **options[0]})
        if options:
            found = [_real(p) for p in options]
            kinds = [_kind(p) for p in found]
            if any(kind != kinds[0] for kind in kinds) or kinds[0] == "object":
                return {}
            return found[0]
    types = field.get("type")
    if isinstance(types, list):
        real = [t for t in types if t != "null"]
        return {**field, "type": real[0]} if len(real) == 1 else {}
    return field


def _is_nested(field: Node) -> bool:
    return field.get("type") == "object" and bool(field.get("properties"))


def _kind(field: Node) -> Any:
    """Return the dtype of a field."""
    choices = [field["const"]] if "const" in field else field.get("enum")
    if choices:
        known = [c for c in choices if c is not None]
        if known and all(isinstance(c, (str, int, float)) for c in known):
            return pd.CategoricalDtype(list(dict.fromkeys(known)))
        return "object"
    type_ = field.get("type")
    if type_ == "string" and field.get("format") in _MOMENTS:
        return _MOMENTS[field["format"]]
    return _SIMPLE.get(type_, "object") if isinstance(type_, str) else "object"


def _flat(value: Mapping[str, Any], kinds: Mapping[str, Any], at: str) -> Node:
    """Return a record's values by the names of their columns."""
    found: Node = {}
    for name, given in value.items():
        where = f"{at}{name}"
        part = _as_dict(given)
        is_nested = any(kind.startswith(f"{where}.") for kind in kinds)
        if isinstance(part, dict) and where not in kinds and is_nested:
            found |= _flat(part, kinds, f"{where}.")
        elif given is not None or where in kinds or not is_nested:
            found[where] = part
    return found


def _as_dict(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.value if isinstance(value, enum.Enum) else value


def _column(values: list[Any], kind: Any) -> pd.Series[Any]:
    if kind != "object":
        try:
            return _series(values, kind)
        except (TypeError, ValueError, OverflowError, pd.errors.OutOfBoundsDatetime):
            pass  # what was paid for is shown, if not as it was meant
    return pd.Series(values, dtype="object")


def _series(values: list[Any], kind: Any) -> pd.Series[Any]:
    if kind in _MOMENTS.values():
        return _moments(values, kind)
    if isinstance(kind, pd.CategoricalDtype):
        known = {(c, isinstance(c, bool)) for c in kind.categories.tolist()}
        _refuse(v is not None and (v, isinstance(v, bool)) not in known for v in values)
    if kind == "Int64":
        _refuse(v is not None and abs(v) >= 2**63 for v in values)
    if kind == "Float64":
        values = [float(v) if isinstance(v, (Decimal, int)) else v for v in values]
    if kind == "string":
        values = [_said(v) for v in values]
    return _series_of(values, kind)


def _refuse(wrong: Any) -> None:
    if any(wrong):
        raise ValueError("not of this dtype")


def _said(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _moments(values: list[Any], kind: str) -> pd.Series[Any]:
    found = [_moment(v) for v in values]
    if "UTC" in kind:
        found = [
            m if m is None or m.tzinfo is not None else m.replace(tzinfo=datetime.UTC)
            for m in found
        ]
        found = [None if m is None else m.astimezone(datetime.UTC) for m in found]
    return _series_of(found, kind)


def _series_of(values: list[Any], kind: Any) -> pd.Series[Any]:
    made: pd.Series[Any] = pd.Series(values, dtype=kind)
    return made


def _moment(value: Any) -> datetime.datetime | None:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.upper())
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if value is None or isinstance(value, datetime.datetime):
        return value
    raise TypeError(type(value).__name__)
