"""Pictures of what was spent, in colours that read on light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from grok_nb.errors import BadRequest, MissingExtra

if TYPE_CHECKING:
    from .usage import UsageFrame

_GREY = "#808080"
_COLOURS = (
    *("#4878cf", "#ee854a", "#6acc64", "#d65f5f", "#956cb4", "#8c613c", "#dc7ec0"),
    *("#797979", "#d5bb67", "#82c6e2"),
)
_MOST_SERIES = 8
_MOST_BARS = 30
#: what is drawn -> the label of its axis, and the columns that are summed
_WHAT = {
    "cost": ("cost (USD)", ("cost_usd",)),
    "tokens": ("tokens", ("prompt_tokens", "billed_output_tokens")),
    "calls": ("calls", ("calls",)),
}
#: widths of a bar over time, and what a bar is called
_STEPS = (
    ("1min", "minute"),
    ("5min", "5 minutes"),
    ("1h", "hour"),
    ("6h", "6 hours"),
    ("1D", "day"),
    ("7D", "week"),
    ("30D", "30 days"),
)
_MOST_STEPS = 60


def plotted(
    frame: UsageFrame, what: str = "cost", *, by: str | None = None, ax: Any = None
) -> Any:
    """Draw a ledger, or groups of one.

    Parameters
    ----------
    frame
        Of `grok_nb.usage`.
    what
        ``"cost"``, ``"tokens"`` or ``"calls"``.
    by
        Of a ledger: the column that the bars are stacked by. Default ``"model"``.
    ax
        Where to draw; default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    BadRequest
        There is nothing of that name to draw.
    MissingExtra
        The extra ``plot`` is not installed.
    """
    if what not in _WHAT:
        raise BadRequest(
            f"what must be one of {', '.join(_WHAT)}, not {what!r}.",
        )
    is_ledger = "time" in frame.columns
    if by is not None and (not is_ledger or by not in frame.columns):
        raise BadRequest(f"There is no column {by!r} to stack by.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            f"A picture needs {error.name}, which is not installed.",
            hint="pip install 'grok-nb[plot]'",
        ) from None
    if ax is None:
        ax = _new_axes(Figure)
    label, columns = _WHAT[what]
    if not len(frame):
        where = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "no calls", color=_GREY, **where)
        ax.set_xticks([])
        ax.set_yticks([])
    elif is_ledger:
        _over_time(ax, frame, columns, by or "model")
    else:
        _bars(ax, frame, columns)
    _plain(ax, label)
    return ax


def _new_axes(figure_type: Any) -> Any:
    """Return axes of a new figure: of pyplot where it is in use, as in a notebook."""
    import sys

    size: dict[str, Any] = {"figsize": (8, 3.2), "layout": "constrained"}
    if "matplotlib.pyplot" in sys.modules or "IPython" in sys.modules:
        import matplotlib.pyplot as plt

        figure = plt.figure(**size)
    else:
        figure = figure_type(**size)
    figure.patch.set_alpha(0.0)  # the page's own colour, light or dark
    return figure.add_subplot()


def _plain(ax: Any, label: str) -> None:
    ax.patch.set_alpha(0.0)
    ax.set_ylabel(label, color=_GREY)
    ax.tick_params(colors=_GREY, labelsize=9)
    ax.margins(y=0.15)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_GREY)
    ax.xaxis.label.set_color(_GREY)
    legend = ax.get_legend()
    for text in legend.get_texts() if legend else ():
        text.set_color(_GREY)


def _values(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series[float]:
    """Return what is drawn of each row; what nobody knows counts nothing."""
    if columns == ("calls",) and "calls" not in frame.columns:
        return pd.Series(1.0, index=frame.index)
    numbers = frame[list(columns)].astype("Float64").fillna(0.0).astype("float64")
    return numbers.sum(axis=1)


def _over_time(ax: Any, frame: UsageFrame, columns: tuple[str, ...], by: str) -> None:
    plain = pd.DataFrame(frame)
    begin, end = plain["time"].min(), plain["time"].max()
    step, name = next(
        (s, n)
        for s, n in (*_STEPS, ("365D", "year"))
        if (end - begin) / pd.Timedelta(s) <= _MOST_STEPS or s == "365D"
    )
    values = _values(plain, columns)
    groups = plain[by].astype("string").fillna("?")
    totals = values.groupby(groups).sum().sort_values(ascending=False)
    shown = list(totals.index[:_MOST_SERIES])
    groups = groups.where(groups.isin(shown), "other")
    bins = plain["time"].dt.floor(step)
    table = values.groupby([bins, groups]).sum().unstack(fill_value=0)  # noqa: PD010 - of a Series
    width = pd.Timedelta(step) * 0.85
    bottom = pd.Series(0.0, index=table.index)
    order = [*shown, *(["other"] if "other" in table.columns else [])]
    for number, series in enumerate(order):
        heights = table[series]
        ax.bar(
            table.index,
            heights,
            width=width,
            bottom=bottom,
            color=_COLOURS[number % len(_COLOURS)],
            label=series,
            align="edge",
        )
        bottom = bottom + heights
    ax.set_xlabel(f"UTC, a bar per {name}")
    _dates(ax, begin, end, pd.Timedelta(step))
    if len(order) > 1 or by != "model":
        ax.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    else:
        ax.set_title(order[0], color=_GREY, fontsize=10, loc="left")
    for row in frame.fingerprints.groupby("model", sort=False).tail(-1).itertuples():
        ax.axvline(row.first, color=_GREY, linestyle=":", linewidth=1)
        ax.annotate(
            f"{row.model}: {row.system_fingerprint}",
            (row.first, 1),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            color=_GREY,
            rotation=90,
            va="top",
            ha="right",
        )


def _dates(ax: Any, begin: Any, end: Any, step: Any) -> None:
    from matplotlib import dates

    locator = dates.AutoDateLocator(minticks=2, maxticks=8)  # type: ignore[no-untyped-call]  # matplotlib's
    ax.xaxis.set_major_locator(locator)
    form = dates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]  # matplotlib's
    ax.xaxis.set_major_formatter(form)
    ax.set_xlim(begin.floor(step) - step * 0.5, end.floor(step) + step * 1.5)


def _bars(ax: Any, frame: UsageFrame, columns: tuple[str, ...]) -> None:
    plain = pd.DataFrame(frame)
    values = _values(plain, columns)
    labels = [
        ", ".join(map(_label, key)) if isinstance(key, tuple) else _label(key)
        for key in plain.index
    ]
    rest = len(values) - _MOST_BARS
    is_time = plain.index.name in ("hour", "day", "month")
    if rest > 0:  # the latest of times, the largest of anything else
        keep = range(rest, len(values)) if is_time else None
        order = keep or values.reset_index(drop=True).nlargest(_MOST_BARS).index
        labels = [labels[n] for n in order]
        values = values.iloc[list(order)]
    places = range(len(values))
    ax.bar(places, values.to_numpy(), color=_COLOURS[0], width=0.7)
    names = [name for name in plain.index.names if name]
    ax.set_xlabel(", ".join(map(str, names)) + (f" ({rest} more)" if rest > 0 else ""))
    long = len(labels) > 8 or (len(labels) > 3 and max(map(len, labels)) > 12)
    ax.set_xticks(
        places, labels, rotation=35 if long else 0, ha="right" if long else "center"
    )


def _label(key: object) -> str:
    text = "?" if pd.isna(key) else str(key)  # type: ignore[call-overload]  # a scalar
    return text if len(text) <= 24 else text[:23] + "…"
