"""
The account's entries as series of points in time: POST .../usage.

Source: xai-api.md section 12.3. Where it is silent, this is the sandbox's choice: a span
begins at a full unit of the asked zone, also the first one, which counts only what is
after the start; an empty span has 0 for every aggregation; without ``groupBy`` there is
one series, else one for each group that has entries; a filter is ``name:value``.
"""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from grok_nb._sandbox import errors

from .account import TICKS_PER_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from .account import Entry
    from .shapes import AnalyticsRequest

MAX_POINTS = 10_000
_FORM = "%Y-%m-%d %H:%M:%S"
_STEPS = {
    "TIME_UNIT_HOUR": 3600,
    "TIME_UNIT_QUARTER_HOUR": 900,
    "TIME_UNIT_MINUTE": 60,
    "TIME_UNIT_SECOND": 1,
}
# Ticks are added up as whole numbers, and divided at the end.
_VALUES: dict[str, tuple[Callable[[Entry], int], int]] = {
    "usd": (lambda entry: entry.ticks, TICKS_PER_USD),
    "input_tokens": (lambda entry: entry.input_tokens, 1),
    "output_tokens": (lambda entry: entry.output_tokens, 1),
}
_GROUPS: dict[str, Callable[[Entry], str]] = {
    "description": lambda entry: entry.description,
    "model": lambda entry: entry.model,
    "endpoint": lambda entry: entry.endpoint,
}


def answer(request: AnalyticsRequest, entries: list[Entry]) -> dict[str, Any]:
    """
    Answer a request.

    Raises
    ------
    ApiError
        400 for what makes no sense in it.
    """
    spans = list(itertools.islice(_starts(request), MAX_POINTS + 2))
    # The last start is where all ends.
    is_cut = len(spans) > MAX_POINTS + 1
    spans = spans[: MAX_POINTS + 1]
    if not request.values:
        raise errors.invalid("Invalid value for values: it is empty.")
    for value in request.values:
        _known(value.name, _VALUES, "values")
    names = [_known(name, _GROUPS, "groupBy") for name in request.group_by or ()]
    wanted = [_filter(text) for text in request.filters or ()]
    first, end = _bounds(request)
    grouped: dict[tuple[str, ...], list[list[Entry]]] = {}
    if not names:
        grouped[()] = [[] for _ in spans[1:]]
    for entry in entries:
        is_inside = first <= entry.at_s < min(end, spans[-1])
        if not is_inside or not all(passes(entry) for passes in wanted):
            continue
        group = tuple(_GROUPS[name](entry) for name in names)
        if group not in grouped:
            grouped[group] = [[] for _ in spans[1:]]
        grouped[group][bisect.bisect_right(spans, entry.at_s) - 1].append(entry)
    return {
        "timeSeries": [
            {
                "group": list(group),
                "groupLabels": list(group),
                "dataPoints": [
                    {
                        "timestamp": _shown(start),
                        "values": [
                            _aggregated(value.aggregation, value.name, inside)
                            for value in request.values
                        ],
                    }
                    for start, inside in zip(spans[:-1], points, strict=True)
                ],
            }
            for group, points in sorted(grouped.items())
        ],
        "limitReached": is_cut,
    }


def _known(name: str, known: dict[str, Any], field: str) -> str:
    if name not in known:
        text = f"Invalid value for {field}: {name}; known are {', '.join(known)}."
        raise errors.invalid(text)
    return name


def _filter(text: str) -> Callable[[Entry], bool]:
    name, _, value = text.partition(":")
    read = _GROUPS[_known(name, _GROUPS, "filters")]
    return lambda entry: read(entry) == value


def _shown(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zone(name: str) -> tzinfo:
    if name in {"Etc/GMT", "Etc/UTC", "UTC", "GMT"}:
        # Also where no table of zones is installed.
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise errors.invalid(f"Invalid value for timezone: {name}.") from None


def _moment(text: str, field: str) -> datetime:
    try:
        found = datetime.strptime(text, _FORM)  # noqa: DTZ007 - its zone stands beside it
        found.replace(tzinfo=UTC).timestamp()
    except ValueError:
        message = f"Invalid value for {field}: expected YYYY-MM-DD hh:mm:ss."
        raise errors.invalid(message) from None
    if not 1971 <= found.year <= 9000:
        raise errors.invalid(f"Invalid value for {field}: the year is out of range.")
    return found


def _read(request: AnalyticsRequest) -> tuple[datetime, datetime, tzinfo]:
    asked = request.time_range
    zone = _zone(asked.timezone)
    start = _moment(asked.start_time, "startTime")
    end = _moment(asked.end_time, "endTime")
    if end <= start:
        raise errors.invalid("Invalid value for endTime: it must be after startTime.")
    return start, end, zone


def _bounds(request: AnalyticsRequest) -> tuple[float, float]:
    start, end, zone = _read(request)
    return (
        start.replace(tzinfo=zone).timestamp(),
        end.replace(tzinfo=zone).timestamp(),
    )


def _starts(request: AnalyticsRequest) -> Iterator[float]:
    """Give where each span begins, and at last where all ends."""
    start, end, zone = _read(request)
    last_s = end.replace(tzinfo=zone).timestamp()
    unit = request.time_unit
    if unit == "TIME_UNIT_NONE":
        yield start.replace(tzinfo=zone).timestamp()
    elif unit in _STEPS:
        step_s = _STEPS[unit]
        midnight = start.replace(hour=0, minute=0, second=0)
        passed_s = int((start - midnight).total_seconds()) % step_s
        at_s = start.replace(tzinfo=zone).timestamp() - passed_s
        while at_s < last_s:
            yield at_s
            at_s += step_s
    else:
        day = start.replace(hour=0, minute=0, second=0)
        if unit == "TIME_UNIT_MONTH":
            day = day.replace(day=1)
        elif unit == "TIME_UNIT_CALENDAR_WEEK":
            day -= timedelta(days=day.weekday())
        while day < end:
            yield day.replace(tzinfo=zone).timestamp()
            day = _next(day, unit)
    yield last_s


def _next(day: datetime, unit: str) -> datetime:
    if unit == "TIME_UNIT_MONTH":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if unit == "TIME_UNIT_CALENDAR_WEEK" else 1)


def _aggregated(aggregation: str, name: str, entries: Sequence[Entry]) -> float:
    read, scale = _VALUES[name]
    numbers = sorted(read(entry) for entry in entries)
    if aggregation == "AGGREGATION_COUNT":
        return len(numbers)
    if aggregation == "AGGREGATION_COUNT_DISTINCT":
        return len(set(numbers))
    if not numbers:
        return 0
    if aggregation == "AGGREGATION_SUM":
        return sum(numbers) / scale
    if aggregation == "AGGREGATION_AVG":
        return sum(numbers) / len(numbers) / scale
    if aggregation == "AGGREGATION_MIN":
        return numbers[0] / scale
    if aggregation == "AGGREGATION_MAX":
        return numbers[-1] / scale
    if aggregation in {"AGGREGATION_VAR", "AGGREGATION_STD"}:
        spread: float = statistics.pstdev(numbers) / scale
        return spread if aggregation == "AGGREGATION_STD" else spread * spread
    # P999 is the share of 0.999.
    digits = aggregation.removeprefix("AGGREGATION_P")
    share = float(f"0.{digits}")
    return numbers[max(math.ceil(share * len(numbers)) - 1, 0)] / scale
