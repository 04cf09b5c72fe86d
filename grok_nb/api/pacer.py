"""How fast may be asked: requests and tokens a minute, kept in any window of a minute.

Limits are those that the user names, else what the server says of itself in headers and
refusals. Requests go out evenly, so that no part of a minute has more than its share.
Source of headers and messages: xai-api.md sections 2 and 13.
"""

from __future__ import annotations

import asyncio
import collections
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.clock import Clock

_MINUTE_S = 60.0
#: Part of a limit that is used: requests do not arrive as evenly as they are sent.
_SHARE = 0.985
#: A minute as the server sees it, by the same reason.
_WINDOW_S = 60.3
_SAID = re.compile(
    r"(Requests|Tokens) per (Minute|Second)[^:]*:\s*\d+\s*/\s*(\d+)", re.IGNORECASE
)
#: Seconds to wait where the server says "later" and not when.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


class Pacer:
    """The pace of all requests of a process to one model of a host.

    Parameters
    ----------
    clock
        Time, and how to wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given_rpm: float | None = None
        self._given_tpm: float | None = None
        self._said_rpm: float | None = None
        self._said_tpm: float | None = None
        self._last_at = -_MINUTE_S
        self._held_until = 0.0
        self._throttles = 0
        #: when, how many tokens: of the last minute
        self._window: collections.deque[list[float]] = collections.deque()
        self._tokens = 0.0
        self._turn = asyncio.Lock()

    @property
    def rpm(self) -> float | None:
        """Requests a minute at most, as far as is known."""
        known = [n for n in (self._given_rpm, self._said_rpm) if n]
        return min(known, default=None)

    @property
    def tpm(self) -> float | None:
        """Tokens a minute at most, as far as is known."""
        known = [n for n in (self._given_tpm, self._said_tpm) if n]
        return min(known, default=None)

    def limit(self, rpm: float | None, tpm: float | None) -> None:
        """Take what a user wants; ``None`` leaves it to the server."""
        self._given_rpm, self._given_tpm = rpm, tpm

    async def admit(self, tokens: int) -> list[float]:
        """Wait until a request of so many tokens may be sent.

        Returns
        -------
        list of float
            For `settle`.
        """
        async with self._turn:
            while (wait := self._wait(tokens)) > 0:
                await self._clock.sleep(wait)
            now = self._clock.monotonic()
            self._last_at = now
            spent = [now, float(tokens)]
            self._window.append(spent)
            self._tokens += tokens
            return spent

    def settle(self, spent: list[float], tokens: int) -> None:
        """Say how many tokens a request has really taken."""
        if self._window and self._window[0][0] <= spent[0]:
            self._tokens += tokens - spent[1]
            spent[1] = float(tokens)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take what an answer says of the limits."""
        self._throttles = 0
        self._said_rpm = _number(headers, "x-ratelimit-limit-requests", self._said_rpm)
        self._said_tpm = _number(headers, "x-ratelimit-limit-tokens", self._said_tpm)

    def throttled(self, said: str, retry_after_s: float | None) -> None:
        """Take a refusal: nothing is sent until the server may want more."""
        for what, of, limit in _SAID.findall(said):
            most = float(limit) * (_MINUTE_S if of.lower() == "second" else 1) or None
            # headers are surer: they come with each answer
            if what.lower() == "requests" and self._said_rpm is None:
                self._said_rpm = most
            elif what.lower() == "tokens" and self._said_tpm is None:
                self._said_tpm = most
        now = self._clock.monotonic()
        wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._throttles, 10))
        if now >= self._held_until:  # else it was sent together with the last one
            self._throttles += 1
        if retry_after_s is not None:
            wait = retry_after_s
        self._held_until = max(self._held_until, now + wait)

    def _wait(self, tokens: int) -> float:
        """Return seconds until a request of so many tokens may be sent."""
        now = self._clock.monotonic()
        waits = [self._held_until - now]
        if self.rpm:
            waits.append(self._last_at + _MINUTE_S / (_SHARE * self.rpm) - now)
        while self._window and self._window[0][0] <= now - _WINDOW_S:
            self._tokens -= self._window.popleft()[1]
        if self.rpm and len(self._window) >= (most := max(1, int(self.rpm))):
            waits.append(self._window[-most][0] + _WINDOW_S - now)
        limit = self.tpm
        if limit and self._window and self._tokens + tokens > _SHARE * limit:
            over = self._tokens + tokens - _SHARE * limit
            for at, of in self._window:  # the oldest leave the window first
                over -= of
                if over <= 0:
                    waits.append(at + _WINDOW_S - now + 0.001)
                    break
            else:
                waits.append(self._window[-1][0] + _WINDOW_S - now + 0.001)
        return max(waits)


def _number(
    headers: Mapping[str, str], name: str, otherwise: float | None
) -> float | None:
    text = headers.get(name, "")
    return float(text) if text.isdecimal() and int(text) > 0 else otherwise
