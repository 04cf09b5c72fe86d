"""What a model costs: the price table with its source and date, and cost in ticks.

Money is an ``int`` of ticks, 1 tick = 1e-10 USD, the unit in which the API reports
``cost_in_usd_ticks``. Prices are ticks per token: the integers of the API's listings.
Source: xai-api.md sections 3.7 and 9.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grok_nb.reply import Usage

TICKS_PER_USD = 10_000_000_000
#: ticks per token -> USD per million tokens
TICKS_PER_USD_PER_MTOK = 10_000
_TOO_MANY_TICKS = 2**63
#: For a source of live search, where the list has none. Source: xai-api.md section 11.
_SEARCH_TICKS = 250_000_000
#: Source: xai-api.md section 9, "Choosing a default model".
_NOT_FOR_CHAT = ("multi-agent", "build", "code", "voice", "imagine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Ticks per token of each kind; ``None`` where the source names no price."""

    input: int | None = None
    cached_input: int | None = None
    output: int | None = None
    image_input: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, as the live listing or the bundled snapshot describes it.

    ``None`` means that the source says nothing; a missing price is not a zero price.

    Attributes
    ----------
    redirect, redirect_effort
        What answers to the name of a retired model, and at which reasoning effort.
    rejects
        Parameters that the API answers 400 to, by their names in a chat completion.
        Source: xai-api.md section 3.5.
    batch_discount_permille
        What tokens cost less in a batch.
    """

    id: str
    kind: str = "language"
    status: str = "current"
    aliases: tuple[str, ...] = ()
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    context_window: int | None = None
    rates: Rates = Rates()
    long_context_threshold: int | None = None
    long_rates: Rates | None = None
    search: int | None = None
    image_ticks: int | None = None
    image_prices: tuple[Mapping[str, Any], ...] = ()
    image_input_ticks: int | None = None
    reasoning: bool | None = None
    reasoning_effort: tuple[str, ...] | None = None
    structured_outputs: bool | None = None
    function_calling: bool | None = None
    created: int | None = None
    redirect: str | None = None
    redirect_effort: str | None = None
    rejects: tuple[str, ...] = ()
    batch_discount_permille: int = 0
    source: str = "snapshot"
    as_of: str = ""


class PriceTable:
    """Models by id and alias.

    Parameters
    ----------
    models
        Earlier ones win where two claim an id or alias.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = list(models)
        self._by_name: dict[str, Model] = {}
        for model in self.models:
            self._by_name.setdefault(model.id, model)
        for model in self.models:
            for alias in model.aliases:
                self._by_name.setdefault(alias, model)

    def find(self, name: str | None) -> Model | None:
        """Return the model of that id or alias; redirects are followed."""
        model = self.named(name)
        if model is not None and model.redirect:
            return self._by_name.get(model.redirect, model)
        return model

    def named(self, name: str | None) -> Model | None:
        """Return the model of that id or alias, also one that was retired."""
        return self._by_name.get(name or "")

    def names(self) -> list[str]:
        """Return every id and alias that is in use."""
        return [n for n, m in self._by_name.items() if m.status == "current"]

    def with_listing(
        self, entries: Iterable[Mapping[str, Any]], day: str
    ) -> PriceTable:
        """Return a table in which a live listing wins over this one.

        Parameters
        ----------
        entries
            Objects of ``GET /v1/language-models`` or ``/v1/models`` as they came.
        day
            ISO date on which they were read.
        """
        live = [
            _from_listing(entry, self._by_name, day)
            for entry in entries
            if isinstance(entry.get("id"), str)
        ]
        ids = {model.id for model in live}
        return PriceTable([*live, *(m for m in self.models if m.id not in ids)])


def cost_ticks(
    table: PriceTable,
    model: str | None,
    usage: Usage,
    *,
    service_tier: str | None = None,
    base_url: str = "",
    in_batch: bool = False,
) -> int | None:
    """Compute what a text reply costs by the price list.

    Parameters
    ----------
    table
        Where the prices are looked up.
    model
        The id that the response names (a redirect bills at the target's price).
    usage
        Token counts; cached and image tokens are parts of the prompt.
    service_tier
        As the response echoes it; only then is ``"priority"`` billed.
    base_url
        The United States host bills some models at 1.1 times the price.
    in_batch
        Whether it was asked in a batch, where some models' tokens cost less; fees of
        tools and searches do not.

    Returns
    -------
    int or None
        Ticks; ``None`` when the list does not know the model, or where counts or
        prices are so wrong that no ledger can hold the sum.

    Notes
    -----
    When the prompt reaches the long-context threshold, all tokens of the request are
    billed at the long-context rates; a rate of 0 there means the standard rate.
    Source: xai-api.md sections 3.7, 9; price page of 2026-09-29.
    """
    found = table.find(model)
    rates = Rates() if found is None else rates_for(found, usage.prompt_tokens)
    # an embedding has no output that could cost
    output = 0 if found is not None and found.kind == "embedding" else rates.output
    if found is None or rates.input is None or output is None:
        return None
    cached = min(usage.cached_prompt_tokens, usage.prompt_tokens)
    image = min(usage.image_tokens, usage.prompt_tokens - cached)
    text = usage.prompt_tokens - cached - image
    ticks = (
        text * rates.input
        + cached * (rates.input if rates.cached_input is None else rates.cached_input)
        + image * (rates.input if rates.image_input is None else rates.image_input)
        + usage.billed_output_tokens * output
    )
    if in_batch:
        ticks = ticks * (1000 - found.batch_discount_permille) // 1000
    ticks += usage.sources_used * (
        _SEARCH_TICKS if found.search is None else found.search
    )
    document = _document()
    if service_tier == "priority":
        ticks *= int(document["priority_multiplier"])
    region = document["regions"].get(urlsplit(base_url).hostname or "")
    if region and found.id in region["models"]:
        ticks = ticks * int(region["multiplier_permille"]) // 1000
    ticks += tool_ticks(usage.tool_uses)
    return ticks if ticks < _TOO_MANY_TICKS else None


def tool_ticks(uses: Iterable[tuple[str, int]]) -> int:
    """Return the fees for what the server's own tools did.

    X search is billed by post and profile since 2026-09; a usage that has not those
    counters yet is billed by call. Source: price page of 2026-09-29; pricing.json,
    tools and tools_history.
    """
    fees: dict[str, int] = _document()["tools"]
    counts = dict(uses)
    by_item = "x_posts_fetched" in counts or "x_users_fetched" in counts
    calls = 0 if by_item else counts.get("x_search_calls", 0)
    return calls * fees["x_posts_fetched"] + sum(
        count * fees.get(name, 0) for name, count in counts.items()
    )


def image_ticks(
    model: Model,
    count: int,
    *,
    resolution: str | None = None,
    quality: str | None = None,
    inputs: int = 0,
) -> int | None:
    """Compute what generated pictures cost by the price list.

    Parameters
    ----------
    model
        An image model.
    count
        Pictures made.
    resolution, quality
        As asked; where nothing was, the API's defaults: ``1k``; ``low``, for edits
        ``medium``.
    inputs
        Pictures that were given to be edited.

    Returns
    -------
    int or None
        Ticks; ``None`` where the list has no such price.

    Notes
    -----
    Source: xai-api.md section 7.1; price page of 2026-09-29.
    """
    if quality in (None, "auto"):
        quality = "medium" if inputs else "low"
    for price in model.image_prices:
        if price.get("resolution", "1k") == (resolution or "1k") and (
            price.get("quality", quality) == quality
        ):
            return count * int(price["ticks"]) + inputs * (model.image_input_ticks or 0)
    return None


def rates_for(model: Model, prompt_tokens: int) -> Rates:
    """Return the rates at which a prompt of that length is billed."""
    threshold, long = model.long_context_threshold, model.long_rates
    if not threshold or long is None or prompt_tokens < threshold:
        return model.rates
    standard = model.rates
    return Rates(
        input=long.input or standard.input,
        cached_input=long.cached_input or standard.cached_input,
        output=long.output or standard.output,
        image_input=long.image_input or long.input or standard.image_input,
    )


def default_chat_model(entries: Iterable[Mapping[str, Any]]) -> str | None:
    """Choose a chat model from ``GET /v1/language-models``: the newest that fits.

    Source: xai-api.md section 9, step 5.
    """
    fitting = [
        (created if isinstance(created := entry.get("created"), int) else 0, name)
        for entry in entries
        if isinstance(name := entry.get("id"), str)
        and isinstance(outputs := entry.get("output_modalities"), list)
        and "text" in outputs
        and not any(word in name for word in _NOT_FOR_CHAT)
    ]
    return max(fitting)[1] if fitting else None


@functools.cache
def _document() -> dict[str, Any]:
    from importlib import resources  # 10 ms that %load_ext need not pay

    text = resources.files("grok_nb").joinpath("prices.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def snapshot_default(kind: str = "chat_model") -> str:
    """Return the bundled default: ``chat_model``, ``cheap_model``, ``image_model``."""
    return str(_document()["defaults"][kind])


@functools.cache
def snapshot() -> PriceTable:
    """Return the bundled price table; its date is in each model's ``as_of``."""
    document = _document()
    return PriceTable(_from_snapshot(m, document["as_of"]) for m in document["models"])


def _from_snapshot(entry: Mapping[str, Any], day: str) -> Model:
    kinds = ("input", "cached_input", "output", "image_input")
    threshold = entry.get("long_context_threshold")
    effort = entry.get("reasoning_effort")
    images = entry.get("images")
    return Model(
        id=entry["id"],
        kind=entry["kind"],
        status=entry["status"],
        aliases=tuple(entry["aliases"]),
        input_modalities=tuple(entry.get("input_modalities", ())),
        output_modalities=tuple(entry.get("output_modalities", ())),
        context_window=entry.get("context_window"),
        rates=Rates(**{k: entry.get(k) for k in kinds}),
        long_context_threshold=threshold,
        long_rates=Rates(**{k: entry.get("long_" + k) for k in kinds})
        if threshold
        else None,
        image_ticks=images[0]["ticks"] if images else None,
        image_prices=tuple(images or ()),
        image_input_ticks=entry.get("image_in"),
        reasoning=entry.get("reasoning"),
        reasoning_effort=None if effort is None else tuple(effort),
        structured_outputs=entry.get("structured_outputs"),
        function_calling=entry.get("function_calling"),
        created=entry.get("created"),
        redirect=entry.get("redirect"),
        redirect_effort=entry.get("redirect_effort"),
        rejects=tuple(entry.get("rejects", ())),
        batch_discount_permille=entry.get("batch_discount_permille", 0),
        as_of=day,
    )


def _from_listing(
    entry: Mapping[str, Any], known: Mapping[str, Model], day: str
) -> Model:
    """Read one listing object; what it does not say comes from the snapshot."""
    name: str = entry["id"]
    old = known.get(name, Model(id=name))

    def number(key: str) -> int | None:
        value = entry.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return None
        return value

    def names(key: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        value = entry.get(key)
        return tuple(map(str, value)) if isinstance(value, list) else otherwise

    def rates(suffix: str, otherwise: Rates) -> Rates:
        """Take the listing's prices, one by one; a missing one is not zero."""

        def pick(key: str, old_value: int | None) -> int | None:
            value = number(key + suffix)
            return old_value if value is None else value

        return Rates(
            input=pick("prompt_text_token_price", otherwise.input),
            cached_input=pick("cached_prompt_text_token_price", otherwise.cached_input),
            output=pick("completion_text_token_price", otherwise.output),
            image_input=pick("prompt_image_token_price", otherwise.image_input),
        )

    capabilities = entry.get("capabilities")
    effort = (
        capabilities.get("reasoning_effort") if isinstance(capabilities, dict) else None
    )
    threshold = number("long_context_threshold")
    outputs = names("output_modalities", old.output_modalities)
    if "video" in outputs or "video" in name:
        kind = "video"
    elif "image" in outputs or number("image_price"):
        kind = "image"
    else:
        kind = "language" if outputs else old.kind
    return Model(
        id=name,
        kind=kind,
        status="current",
        aliases=names("aliases", old.aliases if old.id == name else ()),
        input_modalities=names("input_modalities", old.input_modalities),
        output_modalities=outputs,
        context_window=number("context_length") or old.context_window,
        rates=rates("", old.rates),
        long_context_threshold=old.long_context_threshold
        if threshold is None
        else threshold,
        long_rates=rates("_long_context", old.long_rates or Rates()),
        search=number("search_price"),
        image_ticks=number("image_price") or old.image_ticks,
        image_prices=old.image_prices,
        image_input_ticks=old.image_input_ticks,
        reasoning=old.reasoning,
        reasoning_effort=tuple(map(str, effort))
        if isinstance(effort, list)
        else old.reasoning_effort,
        structured_outputs=old.structured_outputs,
        function_calling=old.function_calling,
        created=number("created") or old.created,
        redirect=None,
        # what a live listing offers is not refused
        rejects=tuple(r for r in old.rejects if not (effort and "effort" in r)),
        batch_discount_permille=old.batch_discount_permille,
        source="live",
        as_of=day,
    )
