"""One attempt and the limits: it is admitted, watched, and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grok_nb.limits import counted, dollars, session, unpriced

if TYPE_CHECKING:
    from grok_nb.errors import GrokError
    from grok_nb.limits import Limit, Purse, Refusal
    from grok_nb.reply import CallRecord

    from .attempt import Attempt
    from .bounds import Bound
    from .exchange import Exchange
    from .stream import Fold

#: Tokens that a stream which needs more than it has reserved asks for at least.
_STEP_TOKENS = 256


class Guard:
    """Sees to it that an attempt keeps to the limits that hold as it begins.

    Parameters
    ----------
    exchange
        Whose books and notices.
    held
        Limits that are counted in the ledger.
    purse
        That of the question.
    bound
        What the call could cost.
    model
        For messages.

    Attributes
    ----------
    watches
        Whether a stream is to be watched: nothing bounds what it costs.
    """

    def __init__(
        self,
        exchange: Exchange,
        held: list[Limit],
        purse: Purse | None,
        bound: Bound | None,
        model: object = None,
    ) -> None:
        self._exchange = exchange
        self._held = held
        self._purse = purse
        self._bound = bound
        self._model = model
        self.watches = bound is not None and not bound.is_bounded
        #: whether there is no row, and nothing was sent
        self.is_refused = False
        self._record: CallRecord | None = None
        self._mark = self._size = 0
        #: ticks of output, and of calls of tools, that what is reserved pays for
        self._enough = 0
        if bound is not None:
            of_calls = bound.calls * bound.call_ticks
            self._enough = bound.output_tokens * bound.token_ticks + of_calls

    async def admit(self, record: CallRecord) -> None:
        """Write the row down, with what is reserved for it.

        Raises
        ------
        BudgetExceeded
            A limit would be passed: there is no row, and nothing is to be sent.
        """
        exchange, bound = self._exchange, self._bound
        if bound is not None and bound.ticks is None:
            self.is_refused = True
            raise unpriced(f"{self._model}")
        self._record = record
        record.session = session(self._held)
        record.reserved_ticks = None if bound is None else bound.ticks
        wanted = record.reserved_ticks or 0
        refused = None if self._purse is None else self._purse.take(wanted)
        if refused is None:
            refused = await exchange.books.intend(record, self._held)
            if refused is not None and self._purse is not None:
                self._purse.taken -= wanted
        if refused is not None:
            self.is_refused = True
            raise refused.error(
                bounded=bound is not None and bound.is_bounded,
                limited=bound is not None and bound.is_limited,
            )

    async def watch(self, fold: Fold) -> None:
        """Reserve more for a stream that needs it.

        Raises
        ------
        BudgetExceeded
            There is no more: the stream is to end.
        """
        bound = self._bound
        if not self.watches or bound is None or fold.is_complete:
            return  # of an answer that is whole nothing can be saved
        log = fold.log
        for _, _, text in log[self._mark :]:
            self._size += len(text.encode("utf-8", "replace"))
        self._mark = len(log)
        # a piece of a stream is a token, as a rule; else four bytes are
        used = max(self._mark, self._size // 4) * bound.token_ticks
        if bound.call_ticks:
            calls = sum(count for _, count in fold.tool_uses())
            used += calls * bound.call_ticks
        while used >= self._enough:
            await self._more(bound)

    async def _more(self, bound: Bound) -> None:
        record = self._record
        assert record is not None  # noqa: S101 - it was admitted
        had = record.reserved_ticks or 0
        refused: Refusal | None = None
        step = max(_STEP_TOKENS * bound.token_ticks, self._enough // 2, 1)
        for ticks in (step, _STEP_TOKENS // 4 * bound.token_ticks):
            refused = None if self._purse is None else self._purse.take(ticks)
            if refused is None:
                refused = await self._exchange.books.reserve(record, ticks, self._held)
                if refused is None:
                    self._enough += ticks
                    return
                if self._purse is not None:
                    self._purse.taken -= ticks
        assert refused is not None  # noqa: S101 - or it had been reserved
        raise refused.cut(had)

    def settle(self, attempt: Attempt, failure: GrokError | None) -> None:
        """Close the row of an attempt that was admitted, and take what it has cost."""
        if self.is_refused:
            return
        attempt.settle(failure)
        if self._purse is not None:
            self._purse.settle(attempt.record)

    async def tell(self) -> None:
        """Say what went over a limit: at most the output that nothing bounded."""
        record, bound = self._record, self._bound
        if bound is None or self.is_refused or record is None:
            return
        cost = counted(record)
        if cost <= (record.reserved_ticks or 0):
            return
        over: list[tuple[object, int]] = []
        if self._purse is not None and self._purse.taken > self._purse.ticks:
            over.append((self._purse, self._purse.taken - self._purse.ticks))
        if self._held:
            over += await self._exchange.books.over(
                record.time.date().isoformat(), self._held
            )
        what = "An answer that nothing bounded"
        if bound.is_bounded:
            what = f"An answer of {dollars(cost)}, more than the price list allows,"
        advice = "" if bound.is_limited else " max_tokens bounds an answer."
        for limit, ticks in over:
            self._exchange.notice(
                f"{what} went over {limit} by {dollars(ticks)}.{advice}"
            )
