"""A reply in a terminal: text as it comes, then one line of facts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from grok_nb.show.formats import without_controls
from grok_nb.show.render import footer, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.reply import Reply, RetryNotice


class Terminal:
    """A reply that is written once, from top to bottom; the same face as `Live`.

    Parameters
    ----------
    how
        The format; what has to be whole to be shown (JSON, code, data of a schema) is
        written at the end.
    quiet
        Write nothing.
    """

    def __init__(self, how: str = "md", *, quiet: bool = False) -> None:
        self._how = how
        self._quiet = quiet
        self._written = 0
        self._told: RetryNotice | None = None
        self._waiting: RetryNotice | None = None

    def begin(self, reply: Reply) -> None:
        """Wait for the first word."""

    def retrying(self, notice: RetryNotice) -> None:
        """Note why there is a wait. Called from the background loop: writes nothing."""
        self._waiting = notice

    def update(self, reply: Callable[[], Reply], length: int) -> None:
        """Write what is new."""
        del length
        now = reply()
        is_one = len(now.choices) == 1 and now.schema is None
        if is_one and self._how in ("md", "text", "math"):
            self._write(without_controls(now.text[self._written :]))
            self._written = len(now.text)

    def idle(self, reply: Callable[[], Reply]) -> None:
        """Say why nothing comes, once."""
        del reply
        if self._waiting is not None and self._waiting is not self._told:
            self._told = self._waiting
            self._write(f"[{without_controls(str(self._told))}]\n")

    def finish(self, reply: Reply) -> None:
        """Write the rest, and the line below it."""
        rest = without_controls(plain_text(reply, self._how))
        shown = without_controls(reply.text[: self._written]).lstrip("\n")
        rest = rest.removeprefix(shown)
        self._write(f"{rest}\n[{without_controls(footer(reply))}]\n")

    def _write(self, text: str) -> None:
        if not self._quiet:
            sys.stdout.write(text)
            sys.stdout.flush()
