"""`budget`: what may be spent, what is spent, and what a question would cost."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grok_nb import default, limits, pictures, pricing
from grok_nb.api import bounds
from grok_nb.errors import BadRequest
from grok_nb.limits import Limit, dollars
from grok_nb.portal import portal
from grok_nb.pricing import TICKS_PER_USD
from grok_nb.reply import Usage

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from grok_nb.reply import Ask
    from grok_nb.session import AsyncGrok, Grok

_PERS = ("session", "day")


class Budget:
    """What may be spent, and what is; see `budget`.

    Attributes
    ----------
    limit_usd : float or None
        USD; ``None`` where nothing is limited.
    spent_usd : float
        What counts for it by now: what was billed, and what calls in flight or in doubt
        have reserved. USD, of the default session's store.
    left_usd : float or None
        USD, never below 0.
    per : {"session", "day"}
    """

    def __init__(self, limit: Limit | None, per: str, before: Limit | None) -> None:
        self._limit = limit
        self._before = before
        self._is_block = False
        self.per = per

    @property
    def limit_usd(self) -> float | None:
        """What may be spent, in USD."""
        return None if self._limit is None else self._limit.ticks / TICKS_PER_USD

    @property
    def spent_usd(self) -> float:
        """What counts for it by now, in USD."""
        limit = self._limit or Limit(0, self.per)  # type: ignore[arg-type]  # checked
        grok = default.session()
        day = grok._core.exchange.clock.now().date().isoformat()  # noqa: SLF001 - the same session
        return grok.ledger.spent(limit, day) / TICKS_PER_USD

    @property
    def left_usd(self) -> float | None:
        """What is left, in USD."""
        limit = self.limit_usd
        return None if limit is None else max(limit - self.spent_usd, 0.0)

    def __enter__(self) -> Self:
        """Let it hold from here on, and only inside of the block."""
        if self._limit is None or self._is_block:
            raise BadRequest(
                "This budget cannot be entered.", hint="with gn.budget(USD):"
            )
        if limits.plain(self.per) is self._limit:
            limits.take_back(self.per, self._before)
        self._limit, self._is_block = dataclasses.replace(self._limit), True
        limits.begin(self._limit)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let hold what held before."""
        assert self._limit is not None  # noqa: S101 - it was entered
        limits.end(self._limit)

    def _facts(self) -> tuple[str, str]:
        spent = dollars(round(self.spent_usd * TICKS_PER_USD))
        when = (
            "today, by all notebooks of this store"
            if self.per == "day"
            else ("in this block" if self._is_block else "in this session")
        )
        if self._limit is None:
            return "No budget is set.", f"Spent {when}: {spent}."
        left = dollars(round((self.left_usd or 0) * TICKS_PER_USD))
        title = f"Budget: {dollars(self._limit.ticks)} per {self.per}."
        return title, f"Spent {when}: {spent}. Left: {left}."

    def __repr__(self) -> str:
        return " ".join(self._facts())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import notice_bundle

        title, said = self._facts()
        return notice_bundle(title, [(said, "")])


def budget(
    usd: float | Literal["off"] | None = None, *, per: str = "session"
) -> Budget:
    """Limit what may be spent, or say what is.

    A call that could go over is refused before it is sent (`BudgetExceeded`). It could
    cost its prompt, its bound on output, and the fees of tools. On the Responses API
    ``max_output_tokens`` bounds all of its output: there, and for chat models that do
    not reason with ``max_tokens``, a budget is never exceeded. Elsewhere what the model
    was seen to need is reserved, a stream is ended where the budget is, and what goes
    over, at most the output of such calls, is said in a warning.

    Parameters
    ----------
    usd
        At most so many USD; ``0`` refuses all that costs, ``"off"`` takes the budget
        back. Default: change nothing.
    per
        ``"session"`` (default): all that this process has asked since it began, so that
        running a cell again gives nothing back. ``"day"``: all that was asked today
        (UTC) by the notebooks that share the store.

    Returns
    -------
    Budget
        ``.limit_usd``, ``.spent_usd``, ``.left_usd``. As a context manager it holds only
        inside of the block, beside those around it; one per session then counts only
        what is asked inside.

    Raises
    ------
    ConfigError
        That is no amount.
    BadRequest
        There is no such period.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox(), gn.budget(0.5) as budget:
    ...     _ = gn.ask("What is 6*7?")
    ...     0 < budget.spent_usd < 0.01
    True
    """
    if per not in _PERS:
        raise BadRequest(f'per must be "session" or "day", not {per!r}.')
    if usd == "off":
        limits.take_back(per)
        usd = None
    if usd is None:
        return Budget(_held(per), per, None)
    limit = Limit(limits.ticks_of(usd, "A budget"), per)  # type: ignore[arg-type]  # checked
    return Budget(limit, per, limits.put(limit))


def _held(per: str) -> Limit | None:
    found = limits.plain(per)
    usd = default.settings().budget_usd
    if found is None and per == "session" and usd is not None:
        return Limit(limits.ticks_of(usd, "budget_usd"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a question would cost; nothing is sent to find out.

    Attributes
    ----------
    model : str
    prompt_tokens, most_prompt_tokens : int
        Likely, and at most.
    output_tokens : int
        Likely, reasoning included: the bound that was set, or what the model was seen to
        need.
    most_output_tokens : int or None
        ``None`` where nothing bounds it.
    low_usd, expected_usd : float or None
        USD: the prompt alone, and with the likely output; ``None`` where no list has the
        model's price.
    high_usd : float or None
        USD: at most; ``None`` where nothing bounds it.
    reserved_usd : float or None
        USD: what a budget would reserve.
    is_bounded : bool
        Whether it cannot cost more than ``high_usd``.
    left_usd : float or None
        USD that are left of the tightest budget; ``None`` without one.
    """

    model: str
    prompt_tokens: int
    most_prompt_tokens: int
    output_tokens: int
    most_output_tokens: int | None
    low_usd: float | None
    expected_usd: float | None
    high_usd: float | None
    reserved_usd: float | None
    is_bounded: bool
    left_usd: float | None = None

    @property
    def fits(self) -> bool:
        """Whether no budget would refuse it."""
        if self.left_usd is None:
            return True
        return self.reserved_usd is not None and self.reserved_usd <= self.left_usd

    def facts(self) -> list[tuple[str, str]]:
        """Return tokens, price and budget in words, by their names."""
        output = f"about {self.output_tokens:,}"
        if self.most_output_tokens is not None:
            output = f"at most {self.most_output_tokens:,}"
        bound = "" if self.is_bounded else "; nothing bounds it (--max-tokens)"
        if self.most_output_tokens is not None and not self.is_bounded:
            bound = ", besides reasoning, calls of functions and searches"
        prompt = f"about {self.prompt_tokens:,} of prompt, at most "
        prompt += f"{self.most_prompt_tokens:,}"
        found = [("tokens", f"{prompt}; {output} of output{bound}")]
        if self.low_usd is None or self.expected_usd is None:
            found.append(("price", f"unknown: no price list has {self.model}"))
        elif self.high_usd is not None:
            found.append(("price", f"{_usd(self.low_usd)} to {_usd(self.high_usd)}"))
        else:
            likely = f"{_usd(self.low_usd)} for the prompt, about "
            found.append(
                ("price", f"{likely}{_usd(self.expected_usd)} with the answer")
            )
        if self.left_usd is not None:
            what = "it fits" if self.fits else "it would be refused"
            found.append(("budget", f"{_usd(self.left_usd)} is left: {what}"))
        return found

    def __repr__(self) -> str:
        said = "; ".join(f"{name}: {value}" for name, value in self.facts())
        return f"<Estimate {self.model}; {said}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import listing_bundle

        facts = [("model", self.model), *self.facts()]
        return listing_bundle("Estimate: nothing was sent.", facts, [], [])


def estimate_of(ask: Ask, grok: Grok) -> Estimate:
    """Say what a question would cost; see `grok_nb.estimate`."""
    core = grok._core  # noqa: SLF001 - the same in two faces
    model = ask.model or grok.settings.model or pricing.snapshot_default()
    ask = dataclasses.replace(ask, model=model)
    call = portal().call(lambda: core._call_for(ask))  # noqa: SLF001 - no key needed
    table, base_url = core.exchange.table, grok.settings.base_url
    found = table.find(model)
    seen = grok.ledger.seen(model if found is None else found.id)
    bound = bounds.bound(call, table, base_url, seen)
    likely, of_pictures = pictures.estimate(
        [call.body.get(name) for name in ("messages", "input", "tools")]
    )

    def cost(output: int) -> float | None:
        ticks = likely_ticks(core, model, likely, of_pictures, output)
        return None if ticks is None else ticks / TICKS_PER_USD

    given = [call.body[n] for n in bounds.LIMITS if isinstance(call.body.get(n), int)]
    output = min([seen[0] if seen else bounds.LIKELY_TOKENS, *given])
    reserved = None if bound.ticks is None else bound.ticks / TICKS_PER_USD
    return Estimate(
        model=model,
        prompt_tokens=likely,
        most_prompt_tokens=bound.prompt_tokens,
        output_tokens=output,
        most_output_tokens=max(given) * (call.body.get("n") or 1) if given else None,
        low_usd=cost(0),
        expected_usd=cost(output),
        high_usd=reserved if bound.is_bounded else None,
        reserved_usd=reserved,
        is_bounded=bound.is_bounded,
        left_usd=_left(grok),
    )


def likely_ticks(
    core: AsyncGrok, model: str, prompt: int, of_pictures: int, output: int
) -> int | None:
    """Return what a question of so many tokens costs a session by its price list."""
    usage = Usage(
        prompt_tokens=prompt, image_tokens=of_pictures, completion_tokens=output
    )
    exchange = core.exchange
    return pricing.cost_ticks(
        exchange.table, model, usage, base_url=exchange.settings.base_url
    )


def _left(grok: Grok) -> float | None:
    core = grok._core  # noqa: SLF001 - the same in two faces
    day = core.exchange.clock.now().date().isoformat()
    left = [
        limit.ticks - grok.ledger.spent(limit, day)
        for limit in limits.active(core.exchange.limit)
    ]
    return max(min(left), 0) / TICKS_PER_USD if left else None


def _usd(amount: float) -> str:
    return dollars(round(amount * TICKS_PER_USD))
