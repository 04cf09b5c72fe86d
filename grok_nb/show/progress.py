"""How far a run is, as one line that changes; in a notebook with a bar."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .safe_html import escape_text

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between repaints.
_STEP_S = 0.25


class Progress:
    """A line on how far a run is.

    Parameters
    ----------
    total
        Rows.
    show
        IPython's ``display``; ``None`` writes to a terminal, if there is one.
    monotonic
        Time, in seconds.
    is_quiet
        Show nothing anywhere.
    """

    def __init__(
        self,
        total: int,
        show: Callable[..., Any] | None,
        monotonic: Callable[[], float],
        *,
        is_quiet: bool = False,
    ) -> None:
        self._total = total
        self._show = show
        self._monotonic = monotonic
        self._handle: Any = None
        self._begun = self._painted = monotonic()
        self._is_terminal = not is_quiet and show is None and sys.stderr.isatty()
        self.done = self.failed = self.stored = 0
        self.cost_usd = 0.0

    def took(self, *, failed: bool, stored: bool, cost_usd: float) -> None:
        """Count one row."""
        self.done += 1
        self.failed += failed
        self.stored += stored
        self.cost_usd += cost_usd

    def line(self) -> str:
        """Return what is known, in words."""
        seconds = self._monotonic() - self._begun
        parts = [f"{self.done:,} of {self._total:,} rows"]
        if self.stored:
            parts.append(f"{self.stored:,} stored")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        parts.append(f"${self.cost_usd:.4f}")
        asked = self.done - self.stored
        if seconds > 1 and asked:
            rate = asked / seconds
            parts.append(f"{rate:,.1f} rows/s")
            if self.done < self._total:
                parts.append(f"{_span((self._total - self.done) / rate)} left")
        return " · ".join(parts)

    def idle(self) -> None:
        """Repaint, if it is time to."""
        now = self._monotonic()
        if now - self._painted >= _STEP_S:
            self._painted = now
            self._paint()

    def finish(self) -> None:
        """Take the line away: what has come of it is in the result."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
        elif self._is_terminal and self._painted > self._begun:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _paint(self) -> None:
        said = self.line()
        if self._show is not None:
            html = (
                f'<div class="grok-nb-progress"><progress max="{self._total}" '
                f'value="{self.done}"></progress> {escape_text(said)}</div>'
            )
            bundle = {"text/html": html, "text/plain": said}
            if self._handle is None:
                self._handle = self._show(bundle, raw=True, display_id=True)
            else:
                self._handle.update(bundle, raw=True)
        elif self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{said}")
            sys.stderr.flush()


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
