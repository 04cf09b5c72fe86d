"""
The team's account: what was billed, when and for what; it forgets nothing.

The ledger's window shows the newest calls and can be emptied; this cannot. Of each call
it keeps a few numbers and no text.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grok_nb._sandbox.books import Call
    from grok_nb._sandbox.catalog import Catalog, Model

TICKS_PER_USD = 10**10
TICKS_PER_CENT = 10**8
# What the team has bought before anything is asked, in cents, and when.
FIRST_PURCHASE_CENTS = 10_000
FIRST_PURCHASE_AT = "2025-01-01T00:00:00Z"
Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one kind at one price (ticks per unit)."""

    kind: str
    price: int
    number: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One billed call: seconds since 1970, what for, its cost, and its parts."""

    at_s: float
    model: str
    endpoint: str
    ticks: int
    input_tokens: int
    output_tokens: int
    parts: tuple[Part, ...]

    @property
    def description(self) -> str:
        """The name that the model has on invoices."""
        return description(self.model)

    @property
    def month(self) -> Month:
        """Year and month, in UTC."""
        return month_of(self.at_s)


def month_of(at_s: float) -> Month:
    """Give year and month of a time, in UTC."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return moment.year, moment.month


def description(model: str) -> str:
    """
    Give the name of a model as invoices have it.

    Examples
    --------
    >>> description("grok-4.7")
    'Grok 4.7'
    """
    return " ".join(word.capitalize() for word in model.split("-"))


def in_cents(ticks: int) -> int:
    """Round ticks to whole cents, halves up."""
    return (ticks + TICKS_PER_CENT // 2) // TICKS_PER_CENT


@dataclass(frozen=True, slots=True)
class TopUp:
    """Credit that was bought, in cents, and when (seconds since 1970)."""

    cents: int
    at_s: float


@dataclass(slots=True)
class Preferences:
    """What a team sets itself."""

    billing_info: dict[str, Any] = field(default_factory=dict)
    payment_method: str = "pm_sandbox_1"
    soft_limit_cents: int = 20_000


class Account:
    """
    What was billed to the team.

    Parameters
    ----------
    models, batch_models : Catalog
        Whose prices the parts of a call have; those of calls that came by a batch.
    """

    def __init__(self, models: Catalog, batch_models: Catalog) -> None:
        self._models, self._batch_models = models, batch_models
        self._entries: list[Entry] = []
        self.top_ups: list[TopUp] = []
        self.preferences = Preferences()

    def book(self, call: Call, at_s: float) -> None:
        """Write a bill down."""
        usage = call.usage or {}
        name = call.model or "unknown"
        models = self._models if call.batch_id is None else self._batch_models
        resolved = models.resolve(name)
        given, drawn = _tokens(usage)
        ticks = call.cost_in_usd_ticks
        model = None if resolved is None else resolved.model
        parts = tuple(_parts(model, usage, given, drawn, ticks))
        self._entries.append(Entry(at_s, name, call.path, ticks, given, drawn, parts))

    def entries(self) -> list[Entry]:
        """Give all of them, in the order in which they were booked."""
        return list(self._entries)

    def of_month(self, month: Month) -> list[Entry]:
        """Give those of a month."""
        return [entry for entry in self._entries if entry.month == month]

    def ticks_by_month(self) -> dict[Month, int]:
        """Give what each month cost, the oldest first."""
        found: dict[Month, int] = defaultdict(int)
        for entry in self._entries:
            found[entry.month] += entry.ticks
        return dict(sorted(found.items()))


def _tokens(usage: dict[str, Any]) -> tuple[int, int]:
    """Give tokens of the prompt and all that was drawn, whatever API it is of."""
    if "output_tokens" in usage:
        return usage.get("input_tokens", 0), usage["output_tokens"]
    details = usage.get("completion_tokens_details", {})
    drawn = usage.get("completion_tokens", 0) + details.get("reasoning_tokens", 0)
    return usage.get("prompt_tokens", 0), drawn


def _parts(
    model: Model | None, usage: dict[str, Any], given: int, drawn: int, ticks: int
) -> list[Part]:
    """
    Take a bill apart; the parts come to all of it.

    What the tokens do not explain is one part: pictures, tools, sources, priority.
    """
    found: list[Part] = []
    if model is not None and model.kind == "language":
        details = usage.get("prompt_tokens_details", {})
        details = details or usage.get("input_tokens_details", {})
        cached = min(details.get("cached_tokens", 0), given)
        image = min(details.get("image_tokens", 0), given - cached)
        prices = model.prices
        is_long = 0 < prices["long_context_threshold"] <= given
        long = "_long_context" if is_long else ""

        def price(name: str) -> int:
            usual = prices[f"{name}_token_price"]
            return prices.get(f"{name}_token_price{long}", 0) or usual

        text_price = price("prompt_text")
        image_price = text_price if is_long else price("prompt_image")
        found = [
            Part("Prompt text tokens", text_price, given - cached - image),
            Part("Cached prompt text tokens", price("cached_prompt_text"), cached),
            Part("Prompt image tokens", image_price, image),
            Part("Completion text tokens", price("completion_text"), drawn),
        ]
    rest = ticks - sum(part.price * part.number for part in found)
    found.append(Part("Images" if not found else "Tools and other fees", rest, 1))
    return [part for part in found if part.price and part.number]
