"""What a call could cost is never less than what the sandbox bills for it."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb.api import bounds
from grok_nb.api.question import question
from grok_nb.errors import GrokError
from tests.support import bills, window

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
DIGITS = st.text("0123456789.,;-+*/ ", min_size=1, max_size=300)
PROMPTS = st.one_of(TEXT, DIGITS).filter(str.strip)


def weather(city: str, times: int = 3) -> str:
    """Sag das Wetter (天気) für eine Stadt."""
    return city * times


OPTIONS = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 300)},
    optional={
        "system": TEXT.filter(str.strip),
        "n": st.integers(1, 4),
        "attach": st.sampled_from([PNG, [PNG, PNG]]),
        "messages": st.lists(
            st.builds(lambda text: {"role": "assistant", "content": text}, TEXT),
            min_size=1,
            max_size=5,
        ),
    },
)
EXTRAS = st.sampled_from(
    [
        {},
        {"schema": "name, größe int: in Metern ü, kind a|b"},
        {"tools": [weather], "tool_choice": "none"},
        {"search": "web", "max_turns": 1},
        {"search": "web,x", "max_turns": 3, "images": True},
        {"run_code": True, "max_turns": 2},
    ]
)


@pytest.fixture(scope="module")
def grok():
    with gn.sandbox() as box, gn.Grok(model="grok-4.20-non-reasoning") as made:
        made.box = box._server
        yield made


@settings(max_examples=120)
@given(PROMPTS, OPTIONS, EXTRAS)
def test_no_bill_is_larger_than_its_bound(grok, prompt, options, extra):
    if (
        "search" in extra
        or "run_code" in extra
        or "tools" in extra
        or "schema" in extra
    ):
        options.pop("n", None)
    window(grok.box, "ledger", "DELETE")
    core = grok._core
    ask = question(prompt, **options, **extra)
    call = grok._call(lambda: core._call_for(ask))
    found = bounds.bound(call, core.exchange.table, grok.settings.base_url)
    assert found.is_bounded
    try:
        grok.fetch(ask)
    except GrokError as error:
        assert error.reply is not None, error  # it was answered
    first = bills(grok.box)[0]
    assert first["cost_in_usd_ticks"] <= found.ticks
    assert first["cost_in_usd_ticks"] > 0


@settings(max_examples=40)
@given(PROMPTS, st.integers(1, 400))
def test_max_output_tokens_bound_reasoning_too(grok, prompt, most):
    window(grok.box, "ledger", "DELETE")
    call = grok._call(
        lambda: grok._core._checked_call(
            prompt, "grok-4.7", {"max_output_tokens": most, "store": False}
        )
    )
    found = bounds.bound(call, grok._core.exchange.table, grok.settings.base_url)
    assert found.is_bounded
    grok.respond(prompt, "grok-4.7", max_output_tokens=most, store=False)
    (bill,) = bills(grok.box)
    assert 0 < bill["cost_in_usd_ticks"] <= found.ticks


@settings(max_examples=20)
@given(st.integers(1, 10), st.sampled_from(["1k", "2k", None]), st.booleans())
def test_pictures_cost_what_the_list_says(grok, n, resolution, edits):
    from grok_nb.api.exchange import Call
    from grok_nb.api.images import EDITS, GENERATIONS, ImageFold

    window(grok.box, "ledger", "DELETE")
    options = {"n": n, "resolution": resolution}
    if edits:
        grok.edit_images("a fox", PNG, **options)
    else:
        grok.generate_images("a fox", **options)
    (bill,) = bills(grok.box)
    body = {"model": "grok-imagine-image", **options}
    call = Call(
        EDITS if edits else GENERATIONS,
        body,
        fold=lambda request, count: ImageFold(request, count, inputs=int(edits)),
    )
    found = bounds.bound(call, grok._core.exchange.table, grok.settings.base_url)
    assert bill["cost_in_usd_ticks"] <= found.ticks


def test_what_only_the_server_can_read_is_bounded_by_the_window(grok):
    from grok_nb.api.exchange import Call

    part = {"type": "input_file", "file_id": "f"}
    body = {
        "model": "grok-4.7",
        "input": [{"role": "user", "content": [part]}],
        "max_output_tokens": 5,
    }
    table = grok._core.exchange.table
    for more in ({}, {"input": "Hi", "previous_response_id": "r"}):
        found = bounds.bound(Call("/responses", body | more), table, "")
        assert found.prompt_tokens == table.find("grok-4.7").context_window


BOUNDED = [
    ({"search": "web", "max_turns": 1, "max_tokens": 5}, True),
    ({"search": "web", "max_tokens": 5}, False),
    ({"search": "web", "max_turns": 1}, False),
    ({"max_tokens": 5}, True),
    ({"max_tokens": 5, "model": "grok-4.7"}, False),  # which reasons
    ({}, False),
    # how much they write down as arguments, no bound counts
    ({"tools": [weather], "max_tokens": 5}, False),
    ({"tools": [weather], "max_tokens": 5, "tool_choice": "none"}, True),
]


@pytest.mark.parametrize(("options", "is_bounded"), BOUNDED)
def test_what_a_bound_leaves_out_is_not_bounded(grok, options, is_bounded):
    core = grok._core
    call = grok._call(lambda: core._call_for(question("Hi", **options)))
    found = bounds.bound(call, core.exchange.table, grok.settings.base_url)
    assert found.is_bounded is is_bounded


@pytest.mark.parametrize("kind", ["mcp", "file_search", "image_generation", "new_tool"])
def test_what_a_tool_of_others_brings_is_not_bounded(grok, kind):
    from grok_nb.api.exchange import Call

    body = {
        "model": "grok-4.7",
        "input": "Hi",
        "max_output_tokens": 5,
        "max_turns": 1,
        "tools": [{"type": kind}],
    }
    table = grok._core.exchange.table
    assert not bounds.bound(Call("/responses", body), table, "").is_bounded
    body["tools"] = [{"type": "web_search"}]
    plain = bounds.bound(Call("/responses", body), table, "")
    assert plain.is_bounded
    body["tools"] = [{"type": "web_search", "enable_image_understanding": True}]
    assert bounds.bound(Call("/responses", body), table, "").ticks > plain.ticks
