"""One display of a reply, repainted while it streams.

At most ten repaints a second, fewer as the text grows: a front end falls behind, and
bytes grow with the square of the length, otherwise. Measured for 2,000 tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grok_nb.show.render import doing, reply_bundle
from grok_nb.show.safe_html import Incremental, safe_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.clock import Clock
    from grok_nb.reply import Reply, RetryNotice

_SHORTEST_S = 0.1
#: Characters of text that one second between repaints is right for.
_CHARACTERS_PER_S = 16_000
#: Seconds between repaints of the clock, while nothing comes.
_TICK_S = 1.0


class Live:
    """A reply on screen.

    Parameters
    ----------
    show
        IPython's ``display``, or None to show nothing.
    clock
        For the pace.
    how
        The format; see `grok_nb.show.formats`.
    table
        Whether data are a table, even a single record.
    """

    def __init__(
        self,
        show: Callable[..., object] | None,
        clock: Clock,
        how: str = "md",
        *,
        table: bool = False,
    ) -> None:
        self._show = show
        self._how = how
        self._table = table
        self._clock = clock
        self._handle: object | None = None
        self._begun = self._painted = clock.monotonic()
        self._blocks = Incremental()
        self._waiting: RetryNotice | None = None
        self._stale = False
        self._at_work = ""

    def begin(self, reply: Reply) -> None:
        """Show that a question is on its way."""
        self._paint(reply, "asking…")

    def retrying(self, notice: RetryNotice) -> None:
        """Say why there is a wait. Called from the background loop: paints nothing."""
        self._waiting = notice
        self._stale = True

    def update(self, reply: Callable[[], Reply], length: int) -> None:
        """Repaint, if enough time has passed for a text of that length."""
        self._waiting = None
        self._stale = True
        if self._clock.monotonic() - self._painted >= max(
            _SHORTEST_S, length / _CHARACTERS_PER_S
        ):
            self._paint(reply(), "answering…")

    def idle(self, reply: Callable[[], Reply]) -> None:
        """Nothing came for a moment: show what is not on screen yet, and the time."""
        now, found = self._clock.monotonic(), reply()
        is_shown = not self._stale and doing(found.steps) == self._at_work
        if is_shown and now - self._painted < _TICK_S:
            return
        if self._waiting is not None:
            note = str(self._waiting)
        else:
            note = f"waiting, {now - self._begun:.0f} s"
        self._paint(found, note, waits=self._waiting is not None)

    def finish(self, reply: Reply) -> None:
        """Show the reply as it is now, whole and for good."""
        single = len(reply.choices) == 1
        body = self._blocks.whole if single else safe_html
        self._put(reply_bundle(reply, body=body, how=self._how, table=self._table))

    def _paint(self, reply: Reply, note: str, *, waits: bool = False) -> None:
        self._at_work = doing(reply.steps)
        if not waits and self._at_work:
            note = self._at_work
        self._painted = self._clock.monotonic()
        self._stale = False
        single = len(reply.choices) == 1
        body: dict[str, Any] = {"body": self._blocks.html} if single else {}
        # what is not whole yet is no JSON, and has no block
        how = "text" if self._how in ("json", "code") else self._how
        self._put(reply_bundle(reply, note=note, how=how, **body))

    def _put(self, bundle: dict[str, str]) -> None:
        if self._show is None:
            return
        if self._handle is None:
            self._handle = self._show(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)  # type: ignore[attr-defined]  # IPython's DisplayHandle
