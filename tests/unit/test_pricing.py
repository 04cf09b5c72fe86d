"""Cost in ticks from the price list, and the table that it comes from."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb import pricing
from grok_nb.pricing import (
    Model,
    PriceTable,
    Rates,
    cost_ticks,
    default_chat_model,
    rates_for,
    snapshot,
    snapshot_default,
)
from grok_nb.reply import Usage

# section 9: 2.00, 0.50, 6.00 USD per million tokens
RATES = Rates(input=20_000, cached_input=5_000, output=60_000, image_input=25_000)
LONG = Rates(input=40_000, cached_input=10_000, output=120_000, image_input=50_000)
MODEL = Model(
    id="m", rates=RATES, long_context_threshold=200_000, long_rates=LONG, aliases=("n",)
)
TABLE = PriceTable([MODEL])


def cost(usage: Usage, model: Model = MODEL, **more: Any) -> int | None:
    return cost_ticks(PriceTable([model]), model.id, usage, **more)


def test_cost_of_the_documented_example() -> None:
    """xai-api.md 3.6: 29 x 20000 + 8 x 5000 + 763 x 60000."""
    usage = Usage(
        prompt_tokens=37,
        cached_prompt_tokens=8,
        completion_tokens=530,
        reasoning_tokens=233,
    )
    assert cost(usage) == 46_400_000
    assert cost_ticks(snapshot(), "grok-4.7", usage) == 46_400_000
    assert cost_ticks(TABLE, "n", usage) == 46_400_000


def test_reasoning_is_billed_as_output() -> None:
    assert (
        cost(Usage(reasoning_tokens=3)) == cost(Usage(completion_tokens=3)) == (180_000)
    )


def test_long_context_begins_at_the_threshold_and_is_for_all_tokens() -> None:
    below = Usage(199_999, cached_prompt_tokens=9, completion_tokens=5)
    at = Usage(200_000, cached_prompt_tokens=9, completion_tokens=5)
    assert cost(below) == 199_990 * 20_000 + 9 * 5_000 + 5 * 60_000
    assert cost(at) == 199_991 * 40_000 + 9 * 10_000 + 5 * 120_000


@pytest.mark.parametrize("threshold", [0, None])
def test_without_threshold_there_is_no_long_context(threshold: int | None) -> None:
    model = dataclasses.replace(MODEL, long_context_threshold=threshold)
    assert cost(Usage(10**6), model) == 10**6 * 20_000
    assert rates_for(model, 10**9) == RATES


def test_a_long_rate_of_zero_or_none_is_the_standard_rate() -> None:
    usage = Usage(300_000, cached_prompt_tokens=7, image_tokens=5, completion_tokens=3)
    for nothing in (0, None):
        long = Rates(
            input=nothing, cached_input=nothing, output=nothing, image_input=nothing
        )
        model = dataclasses.replace(MODEL, long_rates=long)
        assert cost(usage, model) == cost(
            usage, dataclasses.replace(MODEL, long_context_threshold=None)
        )
    only_output = dataclasses.replace(MODEL, long_rates=Rates(output=1))
    assert cost(usage, only_output) == (
        299_988 * 20_000 + 7 * 5_000 + 5 * 25_000 + 3 * 1
    )


def test_a_missing_cached_or_image_price_is_the_input_price() -> None:
    model = dataclasses.replace(MODEL, rates=Rates(input=20_000, output=60_000))
    usage = Usage(100, cached_prompt_tokens=40, image_tokens=10)
    assert cost(usage, model) == 100 * 20_000
    free = dataclasses.replace(MODEL, rates=dataclasses.replace(RATES, cached_input=0))
    assert cost(usage, free) == 50 * 20_000 + 10 * 25_000


def test_image_tokens_have_their_own_price() -> None:
    assert cost(Usage(100, image_tokens=30)) == 70 * 20_000 + 30 * 25_000


def test_counts_that_contradict_each_other_never_bill_below_zero() -> None:
    assert cost(Usage(10, cached_prompt_tokens=12)) == 10 * 5_000
    assert cost(Usage(10, image_tokens=99)) == 10 * 25_000
    both = Usage(10, cached_prompt_tokens=6, image_tokens=8)
    assert cost(both) == 6 * 5_000 + 4 * 25_000


def test_priority_doubles_only_where_it_was_echoed() -> None:
    usage = Usage(1000, completion_tokens=10)
    assert cost(usage, service_tier="priority") == 2 * (cost(usage) or 0)
    assert cost(usage, service_tier="default") == cost(usage)


def test_the_american_host_costs_a_tenth_more_for_some_models() -> None:
    usage = Usage(1000, completion_tokens=10)
    us = "https://us.api.x.ai/v1"
    plain = cost_ticks(snapshot(), "grok-4.7", usage) or 0
    assert plain == 20_600_000
    assert cost_ticks(snapshot(), "grok-4.7", usage, base_url=us) == 22_660_000
    assert (
        cost_ticks(snapshot(), "grok-4.7", usage, base_url=us, service_tier="priority")
        == 45_320_000
    )
    other = cost_ticks(snapshot(), "grok-4.3", usage)
    assert cost_ticks(snapshot(), "grok-4.3", usage, base_url=us) == other
    for host in ("https://api.x.ai/v1", "https://us.api.x.ai.evil.test/v1", ""):
        assert cost_ticks(snapshot(), "grok-4.7", usage, base_url=host) == plain


def test_live_search_is_billed_by_source() -> None:
    """xai-api.md section 11: 0.025 USD per source."""
    model = dataclasses.replace(MODEL, search=250_000_000)
    assert cost(Usage(sources_used=3), model) == 750_000_000
    assert cost(Usage(sources_used=3)) == 750_000_000  # where the list says nothing
    free = dataclasses.replace(MODEL, search=0)
    assert cost(Usage(sources_used=3), free) == 0


def test_in_a_batch_tokens_of_some_models_cost_less_and_fees_do_not() -> None:
    # pricing.json: batch_discount 0.2, "off every token type"
    usage = Usage(
        prompt_tokens=1000,
        cached_prompt_tokens=10,
        completion_tokens=99,
        reasoning_tokens=7,
        tool_uses=(("web_search_calls", 2),),
    )
    fee = 2 * 50_000_000
    for model, permille in (("grok-4.7", 1000), ("grok-4.3", 800), ("grok-3", 800)):
        at_once = cost_ticks(snapshot(), model, usage)
        batched = cost_ticks(snapshot(), model, usage, in_batch=True)
        assert at_once is not None
        assert batched == (at_once - fee) * permille // 1000 + fee, model
    live = snapshot().with_listing([{"id": "grok-4.3"}], "2026-11-20")
    assert cost_ticks(live, "grok-4.3", usage, in_batch=True) == cost_ticks(
        snapshot(), "grok-4.3", usage, in_batch=True
    )


def test_the_cost_of_an_unknown_model_is_unknown() -> None:
    for name in ("grok-99", "", None):
        assert cost_ticks(snapshot(), name, Usage(1)) is None
    assert cost(Usage(1), dataclasses.replace(MODEL, rates=Rates(output=1))) is None
    assert cost(Usage(1), dataclasses.replace(MODEL, rates=Rates(input=1))) is None


def test_a_redirected_model_bills_at_its_target() -> None:
    target = snapshot().find("grok-4.3")
    assert target is not None
    assert target.rates.input == 12_500
    for name in ("grok-4", "grok-4-0709", "grok-3-latest"):
        assert snapshot().find(name) is target
        assert cost_ticks(snapshot(), name, Usage(2)) == 25_000


def test_a_sum_that_no_ledger_holds_is_unknown() -> None:
    assert cost(Usage(2**62, completion_tokens=2**62)) is None
    assert cost(Usage(10**12)) == 10**12 * 40_000


counts = st.integers(0, 10**7)
usages = st.builds(
    Usage,
    prompt_tokens=counts,
    cached_prompt_tokens=counts,
    image_tokens=counts,
    completion_tokens=counts,
    reasoning_tokens=counts,
)


@given(usages)
def test_cost_is_a_whole_number_and_never_negative(usage: Usage) -> None:
    ticks = cost(usage)
    assert type(ticks) is int
    assert ticks >= 0


@given(usages, counts, st.sampled_from(["completion_tokens", "reasoning_tokens"]))
def test_output_adds_to_the_cost(usage: Usage, more: int, name: str) -> None:
    rate = rates_for(MODEL, usage.prompt_tokens).output or 0
    bigger = dataclasses.replace(usage, **{name: getattr(usage, name) + more})
    assert cost(bigger) == (cost(usage) or 0) + more * rate


@given(usages, counts)
def test_a_longer_prompt_never_costs_less(usage: Usage, more: int) -> None:
    bigger = dataclasses.replace(usage, prompt_tokens=usage.prompt_tokens + more)
    assert (cost(bigger) or 0) >= (cost(usage) or 0)


@given(st.integers(0, 100_000), st.integers(0, 99_999))
def test_costs_of_short_prompts_add_up(one: int, two: int) -> None:
    parts = (cost(Usage(one)) or 0) + (cost(Usage(two)) or 0)
    assert cost(Usage(one + two)) == parts


@given(usages, usages)
def test_more_cached_tokens_never_cost_more(usage: Usage, other: Usage) -> None:
    prompt = usage.prompt_tokens
    cached = sorted([usage.cached_prompt_tokens, other.cached_prompt_tokens])
    less, more = (Usage(prompt, cached_prompt_tokens=c) for c in cached)
    assert (cost(more) or 0) <= (cost(less) or 0)


# -- the table -------------------------------------------------------------------------


def test_snapshot_has_a_date_and_its_defaults_exist() -> None:
    table = snapshot()
    assert {model.as_of for model in table.models} == {"2026-09-29"}
    assert {model.source for model in table.models} == {"snapshot"}
    for kind in ("chat_model", "cheap_model", "image_model"):
        found = table.find(snapshot_default(kind))
        assert found is not None
        assert found.status == "current"
    assert snapshot_default() == "grok-4.7"
    assert "grok-4.7" in table.names()
    assert "grok-3" not in table.names()
    assert "grok-beta" not in table.names()


def test_a_live_price_wins_and_a_missing_one_stays() -> None:
    entry = {
        "id": "grok-4.7",
        "prompt_text_token_price": 1,
        "cached_prompt_text_token_price": 0,
        "completion_text_token_price": None,
        "long_context_threshold": 100,
        "prompt_text_token_price_long_context": 9,
        "created": 5,
    }
    table = snapshot().with_listing([entry], "2026-11-20")
    model = table.find("grok-4.7")
    assert model is not None
    assert (model.source, model.as_of, model.created) == ("live", "2026-11-20", 5)
    assert model.rates == Rates(
        input=1, cached_input=0, output=60_000, image_input=20_000
    )
    assert model.long_context_threshold == 100
    assert model.long_rates is not None
    assert (model.long_rates.input, model.long_rates.output) == (9, 120_000)
    assert model.context_window == 500_000
    other = table.find("grok-4.3")
    assert other is not None
    assert other.source == "snapshot"
    assert snapshot().find("grok-4.7") is not model


def test_a_model_that_only_the_listing_knows_has_only_its_prices() -> None:
    entry = {"id": "new", "aliases": ["newest"], "prompt_text_token_price": 7}
    table = snapshot().with_listing([entry], "2026-11-20")
    found = table.find("newest")
    assert found is not None
    assert found.rates == Rates(input=7)
    assert cost_ticks(table, "new", Usage(1)) is None


def test_a_listing_takes_an_alias_or_a_redirect_over() -> None:
    entries = [{"id": "grok-4"}, {"id": "grok-9", "aliases": ["grok-4.5-latest"]}]
    table = snapshot().with_listing(entries, "2026-11-20")
    assert (table.find("grok-4") or MODEL).id == "grok-4"
    assert (table.find("grok-4.5-latest") or MODEL).id == "grok-9"


junk = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.integers() | st.text(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
FIELDS = [
    *("id", "aliases", "created", "input_modalities", "output_modalities"),
    *("prompt_text_token_price", "completion_text_token_price", "image_price"),
    *("long_context_threshold", "context_length", "capabilities", "search_price"),
    *("completion_text_token_price_long_context",),
]


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), junk), max_size=4))
def test_any_listing_is_read(entries: list[dict[str, Any]]) -> None:
    table = snapshot().with_listing(entries, "2026-11-20")
    for name in table.names():
        ticks = cost_ticks(table, name, Usage(5, completion_tokens=5))
        assert ticks is None or ticks >= 0
    chosen = default_chat_model(entries)
    assert chosen is None or chosen in [entry.get("id") for entry in entries]


def entry(name: str, created: Any, *outputs: str) -> dict[str, Any]:
    return {"id": name, "created": created, "output_modalities": list(outputs)}


def test_the_newest_text_model_is_the_default() -> None:
    entries = [
        entry("grok-4.6", 10, "text"),
        entry("grok-4.7", 30, "text"),
        entry("grok-image", 99, "image"),
        entry("grok-code-fast", 99, "text"),
        entry("grok-build-1", 99, "text"),
        entry("grok-voice", 99, "text"),
        entry("grok-4.20-multi-agent", 99, "text"),
        entry("grok-imagine-9", 99, "text", "image"),
        {"id": "no-modalities", "created": 99},
        {"created": 99, "output_modalities": ["text"]},
        entry("grok-undated", None, "text"),
        entry("grok-odd", "2030-01-01", "text"),
        {"id": "grok-number", "created": 99, "output_modalities": 5},
    ]
    assert default_chat_model(entries) == "grok-4.7"
    assert default_chat_model(entries[2:7]) is None
    assert default_chat_model([]) is None


def test_ticks_are_the_unit_of_the_listing() -> None:
    assert pricing.TICKS_PER_USD_PER_MTOK * 2.0 == 20_000
    assert pytest.approx(0.00464) == 46_400_000 / pricing.TICKS_PER_USD
