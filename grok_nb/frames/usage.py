"""`usage`: the ledger as a DataFrame, grouped, filtered, and as a picture."""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from grok_nb import default
from grok_nb.errors import BadRequest
from grok_nb.store.ledger import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grok_nb.session import Grok

_COUNTS = (
    *("prompt_tokens", "cached_prompt_tokens", "image_tokens", "completion_tokens"),
    *("reasoning_tokens", "billed_output_tokens", "sources_used", "tool_calls"),
    "http_status",
)
_DTYPES = {
    **dict.fromkeys(COLUMNS, "string"),
    "cached": "boolean",
    **dict.fromkeys(_COUNTS, "Int64"),
    **dict.fromkeys(("cost_usd", "latency_s", "ttft_s"), "Float64"),
}
_SUMMED = (
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "billed_output_tokens",
    "cost_usd",
)
#: what can be grouped by besides the columns -> how a time becomes it
_PERIODS = {"hour": "%Y-%m-%d %H:00", "day": "", "month": "%Y-%m"}
_ALIASES = {"cell": "cell_id"}


class Plot:
    """``frame.plot``: called, a picture of the ledger; else that of pandas.

    Parameters
    ----------
    frame
        Of which.
    """

    def __init__(self, frame: UsageFrame) -> None:
        self._frame = frame

    def __call__(self, what: str = "cost", **options: Any) -> Any:
        """Draw what was spent; see `UsageFrame`."""
        from .plotting import plotted

        return plotted(self._frame, what, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(pd.DataFrame(self._frame).plot, name)


class UsageFrame(pd.DataFrame):
    """Rows of the ledger, or of groups of them: a DataFrame that can draw itself.

    ``.plot(what="cost")`` draws cost (USD), ``"tokens"`` or ``"calls"``: of the ledger
    over time, stacked by ``by=`` (default ``"model"``); of groups a bar each. It returns
    matplotlib's axes, takes ``ax=``, and needs the extra ``plot``. ``.plot.bar()`` and
    the like are those of pandas.
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # what is made of it is no ledger any more

    @property
    def plot(self) -> Any:
        """Draw it; see the class."""
        return Plot(self)

    @property
    def fingerprints(self) -> pd.DataFrame:
        """Which configurations of each model have answered, in their order.

        Returns
        -------
        pandas.DataFrame
            One row per run of answers with the same fingerprint: ``model``,
            ``system_fingerprint`` (string), ``first``, ``last`` (datetime64, UTC),
            ``calls`` (Int64). A model with more than one row has changed.
        """
        kinds = {"model": "string", "system_fingerprint": "string", "calls": "Int64"}
        if "time" not in self.columns:
            raise BadRequest(
                "Groups have no fingerprints.", hint="gn.usage().fingerprints"
            )
        frame = pd.DataFrame(self)
        rows = frame[frame["system_fingerprint"].notna() & frame["model"].notna()]
        rows = rows.sort_values("time", kind="stable")
        before = rows.groupby("model")["system_fingerprint"].shift()
        changes = (rows["system_fingerprint"] != before).fillna(value=True)
        number = changes.groupby(rows["model"]).cumsum().rename("number")
        groups = rows.groupby([rows["model"], number], sort=False)
        found = groups.agg(
            system_fingerprint=("system_fingerprint", "first"),
            first=("time", "min"),
            last=("time", "max"),
            calls=("time", "size"),
        ).reset_index()
        found = found.drop(columns="number").sort_values("first", kind="stable")
        return found.reset_index(drop=True).astype(kinds)

    def changes(self) -> list[str]:
        """Say, in a line each, since when a model answers with another fingerprint."""
        said = []
        for model, rows in self.fingerprints.groupby("model", sort=False):
            marks = rows[["system_fingerprint", "first"]].to_numpy().tolist()
            for (old, _), (new, since) in pairwise(marks):
                said.append(
                    f"{model} answers with another fingerprint since "
                    f"{since:%Y-%m-%d %H:%M} UTC: {old} -> {new}."
                )
        return said


def usage(
    *,
    by: str | Sequence[str] | None = None,
    since: str | datetime.date | None = None,
    until: str | datetime.date | None = None,
    **filters: Any,
) -> UsageFrame:
    """Return the ledger: one row per HTTP attempt that can cost money.

    Parameters
    ----------
    by
        Group by ``"hour"``, ``"day"`` or ``"month"`` (UTC), ``"cell"``, any column, or
        several of them: then one row per group with the number of calls and the sums of
        tokens and cost.
    since, until
        From and up to a day (inclusive) or a time; UTC where it names no zone.
    **filters
        Column = value or list of values, e.g. ``model="grok-4.7", state="done"``.

    Returns
    -------
    UsageFrame
        A pandas.DataFrame with ``.plot()`` and ``.fingerprints``. ``time`` (datetime64,
        UTC), text columns as string, counts as Int64, ``cached``
        as boolean, ``cost_usd`` (USD), ``latency_s`` and ``ttft_s`` (seconds) as
        Float64. ``state`` is done, stopped, failed or in_doubt; ``cost_source`` is
        reported (by the server), computed (from the price list), estimated (its usage
        never came) or none. With ``by``: the groups as index, ``calls``, and the sums.

    Raises
    ------
    BadRequest
        There is no such column, or that is no time.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     _ = gn.ask("What is 6*7?")
    ...     gn.usage()["state"].tolist()
    ['done']
    """
    return usage_of(default.session(), by=by, since=since, until=until, **filters)


def usage_of(
    grok: Grok,
    *,
    by: str | Sequence[str] | None = None,
    since: str | datetime.date | None = None,
    until: str | datetime.date | None = None,
    **filters: Any,
) -> UsageFrame:
    """Return the ledger of a session; see `usage`."""
    keys = _keys(by)
    for name in filters:
        if name not in COLUMNS:
            raise BadRequest(
                f"The ledger has no column {name!r}.",
                hint=f"It has: {', '.join(COLUMNS)}.",
            )
    rows = grok.ledger.rows(filters)
    frame = _typed(pd.DataFrame(rows, columns=list(COLUMNS)))
    if since is not None:
        frame = frame[frame["time"] >= _moment("since", since)]
    if until is not None:
        frame = frame[frame["time"] < _moment("until", until, is_end=True)]
    if since is not None or until is not None:
        frame = frame.reset_index(drop=True)
    return UsageFrame(frame if keys is None else grouped(frame, keys))


def doubts() -> pd.DataFrame:
    """Return the requests that were sent and never answered: each may have been billed.

    A killed kernel leaves those that it had in flight; a broken connection or a server's
    fault (500, 502, 504) the one that it hit. What is running now is among them.

    Returns
    -------
    pandas.DataFrame
        One row per request, oldest first, with the columns of `usage`, and
        ``paid_again`` (boolean): whether the same was asked later, and answered. Deferred
        requests and batches whose results are still to come are left out.

    Notes
    -----
    Which of them were billed only the account knows: `Grok.account_usage`.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     len(gn.doubts())
    0
    """
    rows = default.session().ledger.doubts()
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "paid_again"])
    return _typed(frame).astype({"paid_again": "boolean"})


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
    return frame.astype({k: v for k, v in _DTYPES.items() if k != "time"})


def _keys(by: object) -> list[str] | None:
    if by is None:
        return None
    names = [by] if isinstance(by, str) else by
    if not isinstance(names, (list, tuple)) or not names:
        raise BadRequest(f"by must be one or several columns, not {by!r}.")
    found = []
    for name in names:
        key = _ALIASES.get(name, name) if isinstance(name, str) else name
        if key not in COLUMNS and key not in _PERIODS:
            import difflib

            known = [*_PERIODS, *_ALIASES, *COLUMNS]
            close = difflib.get_close_matches(str(name), known, n=1)
            did = f"Did you mean {close[0]!r}? " if close else ""
            raise BadRequest(
                f"The ledger cannot be grouped by {name!r}.",
                hint=f"{did}By hour, day, month, cell, or one of: {', '.join(COLUMNS)}.",
            )
        found.append(key)
    return found


def grouped(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return calls, tokens and cost of each group of rows."""
    columns = []
    for key in keys:
        if key == "day":
            columns.append(frame["time"].dt.date.rename("day"))
        elif key in _PERIODS:
            made = frame["time"].dt.strftime(_PERIODS[key])
            columns.append(made.astype("string").rename(key))
        else:
            columns.append(frame[key])
    # cells in the order in which they asked first, everything else sorted
    sort = "cell_id" not in keys
    groups = frame.groupby(
        columns[0] if len(columns) == 1 else columns, dropna=False, sort=sort
    )
    sums = groups[list(_SUMMED)].sum()
    sums.insert(0, "calls", groups.size().astype("Int64"))
    return sums


def _moment(name: str, value: object, *, is_end: bool = False) -> pd.Timestamp:
    is_day = isinstance(value, datetime.date) and not isinstance(
        value, datetime.datetime
    )
    try:
        if not isinstance(value, (str, datetime.date)):
            raise TypeError(value)  # noqa: TRY301 - a number would be nanoseconds
        moment = pd.Timestamp(value)
        if pd.isna(moment):
            raise ValueError(value)  # noqa: TRY301 - it is none
        moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    except (ValueError, TypeError, OverflowError):
        raise BadRequest(
            f"{name} must be a date or time, not {value!r}.",
            hint='Write it as "2026-01-31" or "2026-01-31 08:00".',
        ) from None
    if isinstance(value, str):
        is_day = len(value.strip()) <= len("2026-01-31")
    return moment + pd.Timedelta(days=1) if is_end and is_day else moment
