"""What the sandbox writes down: calls and their bills, requests, rates."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import errors, schemas

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ENTRIES = 10_000
MAX_LOG_BYTES = 64 * 1024 * 1024
# Source: docs copy of October 2026, tier 0 of the current models.
DEFAULT_RPM = 150 * 60
DEFAULT_TPM = 50_000_000
MINUTE_S = 60.0


@dataclass(slots=True)
class Call:
    """
    One inference request in the ledger.

    ``status`` is None when no status line was sent. ``usage`` and ``cost_in_usd_ticks``
    are what would be billed, also when the answer never arrived; a call that is not
    billed has no usage and costs 0. ``done`` turns true when nothing will change.
    ``batch_id`` names the batch that a request came by, None for one that came alone.
    """

    request_id: str
    path: str
    model: str | None = None
    stream: bool = False
    fault: str | None = None
    response_id: str | None = None
    status: int | None = None
    billed: bool = False
    cost_in_usd_ticks: int = 0
    usage: dict[str, Any] | None = None
    closed_early: bool = False
    done: bool = False
    batch_id: str | None = None
    # Who is told of the bill; the ledger's own, and not shown.
    on_bill: Callable[[Call], None] | None = field(default=None, repr=False)

    def bill(self, usage: dict[str, Any]) -> None:
        """Charge a usage figure; one without its cost is of something free."""
        self.billed = True
        self.usage = usage
        self.cost_in_usd_ticks = usage.get("cost_in_usd_ticks", 0)
        if self.on_bill is not None:
            self.on_bill(self)

    def close(self, status: int | None, *, early: bool = False) -> None:
        """Write how the call ended."""
        self.status = status
        self.closed_early = early
        self.done = True

    def shown(self) -> dict[str, Any]:
        """Give the entry of ``GET /__sandbox/ledger``."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        del shown["on_bill"]
        return shown | {"usage": copy.deepcopy(self.usage)}


class Ledger:
    """
    The newest calls, oldest first.

    Parameters
    ----------
    on_bill : callable, optional
        Is told of each call when it is billed, also of those that are forgotten later.
    batch_id : str, optional
        By which batch its calls come.
    """

    def __init__(
        self,
        on_bill: Callable[[Call], None] | None = None,
        batch_id: str | None = None,
    ) -> None:
        self.calls: deque[Call] = deque(maxlen=MAX_ENTRIES)
        self._on_bill, self._batch_id = on_bill, batch_id

    def of_batch(self, batch_id: str, on_bill: Callable[[Call], None]) -> Ledger:
        """Give the same ledger for calls that come by a batch."""
        same = Ledger(on_bill, batch_id)
        same.calls = self.calls
        return same

    def open(self, call: Call) -> Call:
        """Add a call that begins."""
        call.batch_id, call.on_bill = self._batch_id, self._on_bill
        self.calls.append(call)
        return call

    def clear(self) -> None:
        """Forget all calls."""
        self.calls.clear()

    def shown(self) -> dict[str, Any]:
        """Give the answer of ``GET /__sandbox/ledger``."""
        return {"calls": [call.shown() for call in self.calls]}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; the body is read as JSON only when someone looks."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes

    def shown(self) -> dict[str, Any]:
        """Give the entry of ``GET /__sandbox/log``."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self._body(),
        }

    def _body(self) -> Any:  # Any: whatever the client sent
        if not self.raw:
            return None
        try:
            return schemas.parse_json(self.raw)
        except ValueError:
            return self.raw.decode(errors="replace")


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Hide the key wholly."""
    hidden = dict(headers)
    if "authorization" in hidden:
        scheme = hidden["authorization"].partition(" ")[0]
        is_bearer = scheme.lower() == "bearer"
        hidden["authorization"] = "Bearer ***" if is_bearer else "***"
    for name in ("x-api-key", "proxy-authorization", "cookie"):
        if name in hidden:
            hidden[name] = "***"
    return hidden


class Log:
    """The newest requests, oldest first, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._requests: deque[Received] = deque()
        self._bytes = 0

    def add(self, received: Received) -> None:
        """Append a request; the oldest ones make room."""
        self._requests.append(received)
        self._bytes += len(received.raw)
        while len(self._requests) > MAX_ENTRIES or (
            self._bytes > MAX_LOG_BYTES and len(self._requests) > 1
        ):
            self._bytes -= len(self._requests.popleft().raw)

    def clear(self) -> None:
        """Forget all requests."""
        self._requests.clear()
        self._bytes = 0

    def shown(self) -> dict[str, Any]:
        """Give the answer of ``GET /__sandbox/log``."""
        return {"requests": [received.shown() for received in self._requests]}


class _Window:
    """What one model was asked in the last minute, and the sum of its tokens."""

    def __init__(self) -> None:
        self.entries: deque[Spent] = deque()
        self.tokens = 0

    def slide(self, now_s: float) -> None:
        """Forget what is a minute old."""
        while self.entries and self.entries[0].at_s <= now_s - MINUTE_S:
            gone = self.entries.popleft()
            gone.is_past = True
            self.tokens -= gone.tokens


class Spent:
    """One request in its window; its tokens are the prompt's until it is settled."""

    def __init__(self, window: _Window, at_s: float, tokens: int) -> None:
        self._window = window
        self.at_s = at_s
        self.tokens = tokens
        self.is_past = False
        window.entries.append(self)
        window.tokens += tokens

    def settle(self, tokens: int) -> None:
        """Write what the request came to."""
        if not self.is_past:
            self._window.tokens += tokens - self.tokens
        self.tokens = tokens


class Limits:
    """
    Requests and tokens per minute for each model, in a sliding window.

    Parameters
    ----------
    rpm, tpm : int or None
        Limits; None counts without refusing and shows tier 0's limits in the headers.
    """

    def __init__(self, rpm: int | None, tpm: int | None) -> None:
        self._rpm, self._tpm = rpm, tpm
        self._windows: dict[str, _Window] = {}

    def admit(self, model: str, prompt_tokens: int, now_s: float) -> Spent:
        """
        Count a request in.

        Raises
        ------
        ApiError
            429 when the window is full; such a request does not count.
        """
        window = self._window(model, now_s)
        number, tokens = len(window.entries), window.tokens + prompt_tokens
        if self._rpm is not None and number >= self._rpm:
            raise _throttled(model, "Requests", number, self._rpm)
        if self._tpm is not None and tokens > self._tpm:
            raise _throttled(model, "Tokens", tokens, self._tpm)
        return Spent(window, now_s, prompt_tokens)

    def headers(self, model: str, now_s: float) -> dict[str, str]:
        """Give the rate headers of a successful answer."""
        window = self._window(model, now_s)
        rpm, tpm = self._rpm or DEFAULT_RPM, self._tpm or DEFAULT_TPM
        return {
            "x-ratelimit-limit-requests": str(rpm),
            "x-ratelimit-remaining-requests": str(max(rpm - len(window.entries), 0)),
            "x-ratelimit-limit-tokens": str(tpm),
            "x-ratelimit-remaining-tokens": str(max(tpm - window.tokens, 0)),
        }

    def _window(self, model: str, now_s: float) -> _Window:
        window = self._windows.setdefault(model, _Window())
        window.slide(now_s)
        return window


def _throttled(model: str, what: str, actual: int, limit: int) -> errors.ApiError:
    return errors.ApiError(
        429,
        "exhausted",
        f"Too many requests for team {errors.TEAM} and model {model}. Your team's rate "
        f"limit is - {what} per Minute (actual/limit): {actual}/{limit}.",
    )
