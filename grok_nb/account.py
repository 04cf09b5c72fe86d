"""What the management host says of the account: spending over time, prepaid balance.

Both are data as it came, and a DataFrame that is made when somebody looks at it.
"""

from __future__ import annotations

import datetime
import html
from typing import TYPE_CHECKING, Any

from grok_nb.pricing import TICKS_PER_USD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

_CENTS_PER_USD = 100
_LARGEST = 2**63


class _Framed:
    """What is used like its frame: columns, rows and methods are those of ``df``."""

    @property
    def df(self) -> pd.DataFrame:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:  # Any: whatever a frame has
        if name.startswith("_") or name == "df":
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        return getattr(self.df, name)

    def __getitem__(self, key: Any) -> Any:
        return self.df[key]

    def __len__(self) -> int:
        return len(self.df)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.df)


class AccountUsage(_Framed):
    """What the account was billed, by time and group.

    In a notebook it shows as its sum and its frame; columns and methods of the frame
    can be used on it.

    Attributes
    ----------
    ticks : int
        The sum of all points, in 1e-10 USD.
    limit_reached : bool
        Whether the server has left groups or points out.
    raw : dict
        The parsed JSON as it came.

    Notes
    -----
    Source: xai-api.md section 12.3.
    """

    def __init__(
        self, raw: dict[str, Any], by: Sequence[str], values: Sequence[str]
    ) -> None:
        self.raw = raw
        self.limit_reached = raw.get("limitReached") is True
        self._names = ("time", *by, *values)
        self._points = list(_points(raw, len(by), len(values)))
        at = 1 + len(by)
        self.ticks = sum(_ticks(point[at]) for point in self._points)

    @property
    def usd(self) -> float:
        """The sum of all points in USD."""
        return self.ticks / TICKS_PER_USD

    @property
    def df(self) -> pd.DataFrame:
        """The points, group after group, each in the order of time.

        Returns
        -------
        pandas.DataFrame
            ``time`` (datetime64, UTC: where the day, hour, ... begins), a column per
            grouping by its name, ``description`` (string), and ``usd`` (Float64).
        """
        import pandas as pd

        frame = pd.DataFrame(self._points, columns=list(self._names))
        kinds = dict.fromkeys(self._names[1:-1], "string") | {"usd": "Float64"}
        return _with_times(frame).astype(kinds)

    def __repr__(self) -> str:
        cut = ", not all of it" if self.limit_reached else ""
        return f"<AccountUsage: {self.usd:.6f} USD, {len(self._points)} points{cut}>"

    def _repr_html_(self) -> str:
        return _html(f"{self!r}", self.df)


class PrepaidBalance(_Framed):
    """The prepaid credit of the account, and what has changed it.

    In a notebook it shows as what is left and its frame; columns and methods of the
    frame can be used on it.

    Attributes
    ----------
    balance_cents : int or None
        What is left, in US cents: the magnitude of the API's total, whose sign is not
        documented. ``None`` where the answer has none.
    raw : dict
        The parsed JSON as it came.

    Notes
    -----
    Source: xai-api.md section 12.3.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        total = _cents(raw.get("total"))
        self.balance_cents = None if total is None else abs(total)
        changes = raw.get("changes")
        entries = changes if isinstance(changes, list) else []
        self._changes = [_change(entry) for entry in entries if isinstance(entry, dict)]

    @property
    def balance_usd(self) -> float | None:
        """What is left, in USD."""
        cents = self.balance_cents
        return None if cents is None else cents / _CENTS_PER_USD

    @property
    def df(self) -> pd.DataFrame:
        """The changes, in the server's order.

        Returns
        -------
        pandas.DataFrame
            ``time`` (datetime64, UTC; of spending where the API names only the month,
            its beginning), ``origin`` (PURCHASE, SPEND, REFUND, ...) and ``status``
            (string), ``amount_usd`` (Float64, signed as the API does: what is bought
            or refunded is negative, what is spent positive).
        """
        import pandas as pd

        names = ["time", "origin", "status", "amount_usd"]
        frame = pd.DataFrame(self._changes, columns=names)
        kinds = {"origin": "string", "status": "string", "amount_usd": "Float64"}
        return _with_times(frame).astype(kinds)

    def __repr__(self) -> str:
        left = "unknown" if self.balance_usd is None else f"{self.balance_usd:.2f} USD"
        return f"<PrepaidBalance: {left}, {len(self._changes)} changes>"

    def _repr_html_(self) -> str:
        return _html(f"{self!r}", self.df)


def _points(raw: Mapping[str, Any], groups: int, values: int) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for series in _dicts(raw.get("timeSeries")):
        labels = series.get("groupLabels") or series.get("group")
        labels = labels if isinstance(labels, list) else []
        names = [label if isinstance(label, str) else None for label in labels]
        names = (names + [None] * groups)[:groups]
        for point in _dicts(series.get("dataPoints")):
            said = point.get("values")
            numbers = [_number(v) for v in said] if isinstance(said, list) else []
            numbers = (numbers + [None] * values)[:values]
            found.append((_time(point.get("timestamp")), *names, *numbers))
    return found


def _change(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    cents = _cents(entry.get("amount"))
    time = _time(entry.get("createTime"))
    year, month = entry.get("spendBpKeyYear"), entry.get("spendBpKeyMonth")
    if time is None and isinstance(year, int) and isinstance(month, int):
        time = _time(f"{year:04}-{month:02}-01T00:00:00Z")
    origin, status = entry.get("changeOrigin"), entry.get("topupStatus")
    return (
        time,
        origin if isinstance(origin, str) else None,
        status if isinstance(status, str) else None,
        None if cents is None else cents / _CENTS_PER_USD,
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _cents(value: object) -> int | None:
    """Read an amount: ``{"val": n}``, where n may be text."""
    if isinstance(value, dict):
        # what is zero may be left out, as JSON made of protocol buffers does
        value = value.get("val", 0)
    if isinstance(value, str) and len(value) < 30:
        sign, digits = (-1, value[1:]) if value[:1] == "-" else (1, value)
        value = sign * int(digits) if digits.isdecimal() else None
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and abs(value) < _LARGEST else None  # type: ignore[arg-type,return-value]  # is_count narrows


def _number(value: object) -> float | None:
    if isinstance(value, str) and len(value) < 60:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e15 else None  # also no NaN


def _ticks(usd: float | None) -> int:
    return 0 if usd is None else round(usd * TICKS_PER_USD)


def _time(value: object) -> datetime.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.datetime.fromisoformat(value)
        aware = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
        return aware.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _with_times(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    times = pd.to_datetime(frame["time"], utc=True)
    frame["time"] = times.dt.as_unit("us")  # also of no rows
    return frame


def _html(title: str, frame: pd.DataFrame) -> str:
    """Return a table; what the server calls things is text in it, not HTML."""
    return f"<p>{html.escape(title.strip('<>'))}</p>" + frame.to_html(
        escape=True, notebook=True, max_rows=60, render_links=False, border=0
    )
