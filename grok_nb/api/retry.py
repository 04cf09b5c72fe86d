"""Pure decisions: whether a failure is worth another attempt, and when."""

from __future__ import annotations

import email.utils
import math
from typing import TYPE_CHECKING, Literal

from grok_nb.errors import (
    ApiError,
    ConnectionFailed,
    GrokError,
    RateLimited,
    ServerFault,
    StreamError,
    TimedOut,
)

if TYPE_CHECKING:
    import datetime
    import random
    from collections.abc import Mapping

#: throttle: the server wants less. unavailable: it did no work. unsent: it was never
#: reached. doubt: it may have worked, and billed, without an answer. never: final.
Kind = Literal["throttle", "unavailable", "unsent", "doubt", "never"]

#: Attempts after the first, by kind. Source: PRODUCT.md section 10 (doubt: two).
RETRIES: dict[Kind, int] = {
    "throttle": 10,
    "unavailable": 6,
    "unsent": 3,
    "doubt": 2,
    "never": 0,
}
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
#: Refusals that mean "later" and not "never". 498 is only in one source, read like 503.
_UNAVAILABLE = frozenset({408, 409, 498, 503})


def kind_of(error: GrokError, *, shown: bool) -> Kind:
    """Say what a failure means for the attempt.

    Parameters
    ----------
    error
        What the attempt ended in.
    shown
        Whether output of this attempt has been handed on; then it is never repeated.
    """
    if shown or isinstance(error, TimedOut):
        return "never"
    if isinstance(error, RateLimited):
        return "throttle"
    if isinstance(error, ConnectionFailed) and error.lasting:
        return "never"
    if isinstance(error, ConnectionFailed):
        return "doubt" if error.sent else "unsent"
    if isinstance(error, StreamError):
        return "doubt"
    if isinstance(error, ApiError) and error.status in _UNAVAILABLE:
        return "unavailable"
    if isinstance(error, ServerFault):
        if 300 <= (error.status or 0) < 400:
            return "never"  # something else answered, and will again
        # only where no status tells: a 500 may have been billed, whatever it says
        if error.status == 200 and (error.code or "").lower().startswith(
            ("unavailable", "the service is currently unavailable")
        ):
            return "unavailable"
        return "doubt"
    return "never"


def may_have_happened(error: GrokError) -> bool:
    """Whether a request that failed like this may have been worked on, and billed."""
    return kind_of(error, shown=False) == "doubt" or bool(getattr(error, "sent", False))


def wait_s(
    kind: Kind,
    failures: int,
    asked_s: float | None,
    remaining_s: float,
    jitter: random.Random,
) -> float | None:
    """Return seconds until the next attempt, or ``None`` to give up.

    Parameters
    ----------
    kind
        Of the failure at hand.
    failures
        How many failures of this kind the call has had, this one included.
    asked_s
        The server's Retry-After, if it gave one; it is honoured, plus some jitter.
    remaining_s
        What is left of the call's time limit; a wait that would end later is not begun.
    jitter
        Source of randomness.
    """
    if failures > RETRIES[kind]:
        return None
    if asked_s is not None:
        wait = asked_s + jitter.uniform(0, min(1.0, 0.1 * asked_s + 0.05))
    else:
        step = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (failures - 1))
        wait = step * jitter.uniform(0.5, 1.0)
    return wait if wait < remaining_s else None


def retry_after_s(headers: Mapping[str, str], now: datetime.datetime) -> float | None:
    """Read ``retry-after-ms`` or ``retry-after`` (seconds or a date).

    What is no number, negative or not finite counts as absent.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if not text:
            continue
        try:
            seconds = float(text) * scale
        except ValueError:
            try:
                when = email.utils.parsedate_to_datetime(text)
                seconds = max(0.0, (when - now).total_seconds())
            except (ValueError, TypeError, OverflowError, IndexError):
                continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
