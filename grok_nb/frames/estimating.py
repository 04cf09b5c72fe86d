"""`estimate`: what a question, or an extraction from rows, would cost."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb import default
from grok_nb.api.question import question
from grok_nb.budgets import Estimate, estimate_of, likely_ticks
from grok_nb.errors import BadRequest
from grok_nb.portal import portal
from grok_nb.pricing import snapshot_default

if TYPE_CHECKING:
    from grok_nb.reply import Ask


def estimate(
    prompt: Any = None, schema: Any = None, **options: Any
) -> Estimate | RowsEstimate:
    """Say what a question, or an extraction from rows, would cost, and send nothing.

    Parameters
    ----------
    prompt, schema, **options
        As for `grok_nb.ask`; or, where the first is no text, as for `grok_nb.extract`.

    Returns
    -------
    Estimate or RowsEstimate

    Raises
    ------
    BadRequest
        The question cannot be right.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     gn.estimate("Hi", max_tokens=10, model="grok-4.20-non-reasoning").is_bounded
    ...     gn.estimate(["Name: Ada."] * 3, "name").unique
    True
    1
    """
    if prompt is not None and not isinstance(prompt, str):
        if schema is None:
            raise BadRequest(
                f"estimate() takes a prompt, not a {type(prompt).__name__}.",
                hint="Of rows: gn.estimate(df, schema, text=...), as for gn.extract.",
            )
        return estimate_rows(prompt, schema, **options)
    return estimate_of(question(prompt, schema=schema, **options), default.session())


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsEstimate:
    """What a run over rows would cost; nothing is sent to find out.

    Attributes
    ----------
    model : str
    rows, unique, stored, unasked : int
        Given, of them different, of those with a reply in the store, and rows that
        cannot be asked (without a text).
    prompt_tokens : int
        Likely, of what would be asked.
    low_usd, expected_usd, high_usd : float or None
        USD: the prompts alone, with the output that the model was seen to need, and at
        most what a budget would reserve; ``None`` where no list has the model's price.
    is_bounded : bool
        Whether it cannot cost more than ``high_usd``.
    """

    model: str
    rows: int
    unique: int
    stored: int
    unasked: int
    prompt_tokens: int
    low_usd: float | None
    expected_usd: float | None
    high_usd: float | None
    is_bounded: bool

    def facts(self) -> list[tuple[str, str]]:
        """Return all of it in words, by names."""
        to_ask = self.unique - self.stored
        said = f"{self.rows:,}: {self.unique:,} different, {self.stored:,} stored"
        if self.unasked:
            said += f", {self.unasked:,} without a text"
        price = f"unknown: no price list has {self.model}"
        if self.low_usd is not None and self.expected_usd is not None:
            price = f"${self.low_usd:.4f} for the prompts, about "
            price += f"${self.expected_usd:.4f} with the answers"
            if self.is_bounded and self.high_usd is not None:
                price += f", at most ${self.high_usd:.4f}"
        return [
            ("model", self.model),
            ("rows", said),
            (
                "to be asked",
                f"{to_ask:,}, about {self.prompt_tokens:,} tokens of prompt",
            ),
            ("price", price),
        ]

    def __repr__(self) -> str:
        said = "; ".join(f"{name}: {value}" for name, value in self.facts())
        return f"<RowsEstimate {said}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import listing_bundle

        return listing_bundle("Estimate: nothing was sent.", self.facts(), [], [])


def estimate_rows(data: Any, schema: Any, **options: Any) -> RowsEstimate:
    """Say what `extract` would cost with the same arguments, and send nothing.

    Raises
    ------
    BadRequest
        Something cannot be right.
    """
    from grok_nb.api.bounds import LIKELY_TOKENS
    from grok_nb.bulk import Bulk
    from grok_nb.pictures import estimate as estimated_tokens

    from .extract import planned

    plan = planned(data, schema, **options)
    core = plan.grok._core  # noqa: SLF001 - the same in two faces
    model = plan.given.get("model") or core.settings.model or snapshot_default()
    unasked: list[int] = []
    different: dict[str, Ask] = {}
    calls: dict[str, Any] = {}

    async def look() -> tuple[int, Any]:
        count = 0
        known: dict[str, tuple[int, int] | None] = {}
        for _, ask in plan.asks(lambda position, _: unasked.append(position)):
            count += 1
            named = dataclasses.replace(ask, model=model)
            call = await core._call_for(named)  # noqa: SLF001 - same session
            if call.key not in different:
                different[call.key] = named
                calls[call.key] = await core.exchange.bound(call, known), call
        return count, known

    portal().call(look)
    bulk = Bulk(core, max_in_flight=1)
    stored = bulk.replies.stored(list(different))
    asked = [found for key, found in calls.items() if key not in stored]
    seen = core.ledger.seen(model)
    output = seen[0] if seen else LIKELY_TOKENS
    most = plan.given.get("max_tokens")
    output = output if most is None else min(output, most)
    prompts, low, expected, high = 0, 0, 0, 0
    is_known = True
    for bound, call in asked:
        tokens, of_pictures = estimated_tokens(
            [call.body.get("messages"), call.body.get("response_format")]
        )
        prompts += tokens
        one = likely_ticks(core, model, tokens, of_pictures, 0)
        two = likely_ticks(core, model, tokens, of_pictures, output)
        if one is None or two is None or bound.ticks is None:
            is_known = False
            break
        low, expected, high = low + one, expected + two, high + bound.ticks
    return RowsEstimate(
        model=model,
        rows=len(plan.frame),
        unique=len(different),
        stored=len(stored),
        unasked=len(unasked),
        prompt_tokens=prompts,
        low_usd=low / 1e10 if is_known else None,
        expected_usd=expected / 1e10 if is_known else None,
        high_usd=high / 1e10 if is_known else None,
        is_bounded=all(bound.is_bounded for bound, _ in asked),
    )
