"""How much may be spent: the limits that hold now, and what of them a call may take.

A call reserves what it could cost before it is sent, and is booked with what it did cost
afterwards. The limits of a process are counted in the ledger, which other processes
share (see `grok_nb.store.spending`); the limit of one question is counted here.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grok_nb.errors import BudgetExceeded, ConfigError
from grok_nb.pricing import TICKS_PER_USD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grok_nb.reply import CallRecord

Per = Literal["session", "day"]
#: Less than a ledger can hold, more than anybody has.
_MOST_USD = 1e8


def ticks_of(usd: object, what: str, *, least: float = 0) -> int:
    """Return an amount in ticks.

    Raises
    ------
    ConfigError
        It is no amount of money from ``least`` on.
    """
    is_number = isinstance(usd, (int, float)) and not isinstance(usd, bool)
    if isinstance(usd, str):  # of the environment
        with contextlib.suppress(ValueError):
            usd, is_number = float(usd), True
    if not is_number or not 0 <= usd <= _MOST_USD:  # type: ignore[operator]  # is_number narrows
        raise ConfigError(f"{what} must be an amount of USD from 0 on, not {usd!r}.")
    if usd < least:  # type: ignore[operator]  # a number
        raise ConfigError(f"{what} must be above 0, not {usd!r}.")
    return round(usd * TICKS_PER_USD)  # type: ignore[operator]  # a number


@dataclass(eq=False, slots=True)
class Limit:
    """What may be spent.

    Attributes
    ----------
    ticks
        At most.
    per
        By this process (``"session"``), or on a day (UTC) by all who use the store.
    block
        Number of the block that it is for; 0 for one that is not for a block. One of a
        session then counts what is asked inside of it.
    """

    ticks: int
    per: Per = "session"
    block: int = 0

    def __str__(self) -> str:
        is_block = self.block and self.per == "session"
        what = "this block" if is_block else f"the {self.per}"
        return f"the budget of {dollars(self.ticks)} for {what}"


class Purse:
    """What one question may cost, over all of its requests.

    Parameters
    ----------
    ticks
        At most.
    """

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks
        self.taken = 0  # spent and reserved

    def __str__(self) -> str:
        return f"the limit of {dollars(self.ticks)} for this question"

    def take(self, ticks: int) -> Refusal | None:
        """Reserve, or say why not."""
        if self.taken + ticks > self.ticks:
            return Refusal(str(self), self.ticks, self.taken, ticks, "question")
        self.taken += ticks
        return None

    def settle(self, record: CallRecord) -> None:
        """Take what a call did cost in place of what it had reserved."""
        self.taken += counted(record) - (record.reserved_ticks or 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not be sent, or go on.

    Attributes
    ----------
    what
        The limit, in words.
    limit, spent, wanted
        Ticks: its amount, what is spent or reserved of it, what the call wanted.
    per
        ``"session"``, ``"day"``, ``"question"``.
    """

    what: str
    limit: int
    spent: int
    wanted: int
    per: str

    def error(self, *, bounded: bool, limited: bool) -> BudgetExceeded:
        """Return the error for a call that is not sent.

        Parameters
        ----------
        bounded
            Whether it cannot cost more than it wanted.
        limited
            Whether its output has a bound, which may leave out reasoning.
        """
        could = "could cost up to" if bounded else "may well cost"
        error = BudgetExceeded(
            f"The call was not sent: it {could} {dollars(self.wanted)}, and of "
            f"{self.what} {dollars(max(self.limit - self.spent, 0))} is left.",
            hint=(
                "A shorter prompt or a lower max_tokens costs less; "
                if limited
                else "max_tokens bounds an answer; "
            )
            + (
                "max_cost= (--max-cost) allows more."
                if self.per == "question"
                else "gn.budget(USD) allows more."
            ),
        )
        return self._told(error)

    def cut(self, spent: int) -> BudgetExceeded:
        """Return the error for a stream that was ended; ``spent`` was reserved for it."""
        error = BudgetExceeded(
            f"The answer was ended: it may have cost {dollars(spent)}, and no more is "
            f"left of {self.what}.",
            hint="error.reply has what came.",
        )
        return self._told(error)

    def _told(self, error: BudgetExceeded) -> BudgetExceeded:
        error.limit_usd = self.limit / TICKS_PER_USD
        error.spent_usd = self.spent / TICKS_PER_USD
        error.would_cost_usd = self.wanted / TICKS_PER_USD
        error.per = self.per
        return error


def unpriced(what: str) -> BudgetExceeded:
    """Return the error for what is not sent because nobody knows what it costs."""
    return BudgetExceeded(
        f"The call was not sent: what {what} costs is not known, so no limit could be "
        "kept.",
        hint="gn.models() reads the live prices; or ask without a limit.",
    )


def counted(record: CallRecord) -> int:
    """Return what a row counts for; the store says the same in SQL.

    What was billed, where the server has said so; else at least what was reserved: the
    server may have billed more than we can guess.
    """
    cost = record.cost_ticks
    is_free = cost == 0 and record.state in ("failed", "stopped")
    if record.cached or is_free:  # not billed, or never sent
        return 0
    if record.cost_source in ("reported", "computed"):
        return cost or 0
    return max(cost or 0, record.reserved_ticks or 0)


def dollars(ticks: int) -> str:
    """Return an amount with as many digits as it takes to see it."""
    from grok_nb.show.render import dollars

    return dollars(ticks / TICKS_PER_USD)


# -- of this process -------------------------------------------------------------------

_guard = threading.Lock()
_numbers = itertools.count(1)
#: under which the ledger counts what this process spends
_session = os.urandom(8).hex()
#: set by calls of `gn.budget`: one for each `Per`
_plain: dict[str, Limit] = {}
#: of ``with gn.budget(...)``: all of them hold
_blocks: list[Limit] = []


def session(held: Iterable[Limit] = ()) -> str:
    """Return the id of this process in the ledger, and the blocks that a call is in."""
    numbers = [f"{limit.block}." for limit in held if limit.block]
    return f"{_session}.{''.join(numbers)}" if numbers else _session


def _forget() -> None:
    """Be another session: this is a forked child, and no other thread is in it."""
    global _guard, _session
    _guard, _session = threading.Lock(), os.urandom(8).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def put(limit: Limit) -> Limit | None:
    """Let a limit hold in place of the one of its kind; return that."""
    with _guard:
        before = _plain.get(limit.per)
        _plain[limit.per] = limit
    return before


def take_back(per: str, limit: Limit | None = None) -> None:
    """Let no limit of that kind hold, or the one that is given."""
    with _guard:
        if limit is None:
            _plain.pop(per, None)
        else:
            _plain[per] = limit


def begin(limit: Limit) -> None:
    """Let a limit hold beside all others, for what is asked from here on."""
    with _guard:
        limit.block = next(_numbers)
        _blocks.append(limit)


def end(limit: Limit) -> None:
    """Let a limit of a block hold no more."""
    with _guard:
        _blocks.remove(limit)


def plain(per: str) -> Limit | None:
    """Return the limit of that kind."""
    return _plain.get(per)


def active(setting: Limit | None = None) -> list[Limit]:
    """Return all limits that hold; ``setting`` is that of the configuration."""
    if not _plain and not _blocks:
        return [] if setting is None else [setting]
    with _guard:
        found = {"session": setting, **_plain}
        return [limit for limit in (*found.values(), *_blocks) if limit is not None]
