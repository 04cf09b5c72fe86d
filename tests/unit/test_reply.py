"""Usage under one arithmetic, and what a reply says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.stream import Fold
from grok_nb.reply import Choice, Reply, RetryNotice, ToolCall, Usage

from .support import USAGE


def usage(prompt: Any, completion: Any, reasoning: Any, total: Any) -> Usage | None:
    return Usage.from_chat(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": total,
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    )


@pytest.mark.parametrize(
    ("prompt", "completion", "reasoning", "total"),
    [(37, 530, 233, 800), (32, 9, 94, 135), (12, 1, 228, 241), (291, 26, 189, 506)],
)
def test_usage_of_the_documented_examples(
    prompt: int, completion: int, reasoning: int, total: int
) -> None:
    """xai-api.md 3.7: completion_tokens excludes reasoning."""
    found = usage(prompt, completion, reasoning, total)
    assert found == Usage(
        prompt_tokens=prompt, completion_tokens=completion, reasoning_tokens=reasoning
    )
    assert found.billed_output_tokens == completion + reasoning
    assert found.total_tokens == total


def test_usage_of_the_recorded_shape() -> None:
    assert Usage.from_chat(USAGE) == Usage(
        prompt_tokens=37,
        cached_prompt_tokens=8,
        completion_tokens=530,
        reasoning_tokens=233,
        cost_ticks=46_400_000,
    )


def test_usage_of_openai_like_gateways_has_reasoning_taken_out() -> None:
    assert usage(37, 763, 233, 800) == usage(37, 530, 233, 800)
    # the total is missing or says nothing: as xAI counts
    assert usage(37, 530, 233, None) == usage(37, 530, 233, 800)
    assert usage(10, 5, 9, 15) == Usage(10, completion_tokens=5, reasoning_tokens=9)


def test_usage_of_2025_has_reasoning_at_the_top() -> None:
    data = {
        "prompt_tokens": 37,
        "completion_tokens": 530,
        "reasoning_tokens": 233,
        "total_tokens": 800,
        "prompt_tokens_details": {"image_tokens": 5, "cached_tokens": 8},
        "num_sources_used": 2,
    }
    found = Usage.from_chat(data)
    assert found is not None
    assert (found.completion_tokens, found.reasoning_tokens) == (530, 233)
    assert (found.image_tokens, found.sources_used) == (5, 2)


def test_more_cached_than_prompt_tokens_are_clamped() -> None:
    details = {"cached_tokens": 40, "image_tokens": 50}
    found = Usage.from_chat({"prompt_tokens": 37, "prompt_tokens_details": details})
    assert found is not None
    assert (found.cached_prompt_tokens, found.image_tokens) == (37, 37)


@pytest.mark.parametrize(
    ("value", "count"),
    [(7, 7), ("8", 8), (" 9 ", 9), (7.0, 7), (0, 0)],
)
def test_counts_of_other_types_are_taken(value: Any, count: int) -> None:
    found = Usage.from_chat({"prompt_tokens": value, "completion_tokens": 1})
    assert found == Usage(count, completion_tokens=1)


@pytest.mark.parametrize(
    "value",
    [None, True, -1, 7.5, float("inf"), "many", "", "7.5", "9" * 5000, [7], {}, 2**63],
    ids=lambda value: repr(value)[:9],
)
def test_what_is_no_count_is_absent(value: Any) -> None:
    found = Usage.from_chat({"prompt_tokens": value, "completion_tokens": 1})
    assert found == Usage(0, completion_tokens=1)
    assert Usage.from_chat({"prompt_tokens": value, "completion_tokens": value}) is None


@pytest.mark.parametrize("data", [None, {}, [], "x", 5, {"other": 1}])
def test_nothing_to_read_is_no_usage(data: Any) -> None:
    assert Usage.from_chat(data) is None


def test_a_cost_alone_is_a_usage() -> None:
    found = Usage.from_chat({"cost_in_usd_ticks": 5, "prompt_tokens": None})
    assert found == Usage(cost_ticks=5)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: (
        st.lists(x, max_size=2)
        | st.dictionaries(
            st.sampled_from([*USAGE, "reasoning_tokens", "cached_tokens"]), x
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*USAGE, "reasoning_tokens"]), junk))
def test_any_usage_is_read(data: dict[str, Any]) -> None:
    found = Usage.from_chat(data)
    if found is None:
        return
    assert 0 <= found.cached_prompt_tokens <= found.prompt_tokens
    assert 0 <= found.image_tokens <= found.prompt_tokens
    assert found.completion_tokens >= 0
    assert found.reasoning_tokens >= 0
    assert found.total_tokens == found.prompt_tokens + found.billed_output_tokens


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_both_ways_of_counting_reasoning_agree(p: int, c: int, r: int) -> None:
    assert usage(p, c, r, p + c + r) == usage(p, c + r, r, p + c + r)


# -- the reply -------------------------------------------------------------------------


def test_a_reply_speaks_of_its_first_choice() -> None:
    call = ToolCall("c1", "f", "{}")
    first = Choice(0, "A", "R", (call,), "stop")
    reply = Reply(choices=(first, Choice(1, "B")), state="done", model="m")
    assert (str(reply), reply.text, reply.reasoning) == ("A", "A", "R")
    assert (reply.tool_calls, reply.finish_reason) == ((call,), "stop")
    assert repr(reply) == "<Reply done m: 'A'>"


def test_the_repr_of_a_reply_is_short() -> None:
    reply = Reply(choices=(Choice(text="x" * 10**6),), request={"body": "secret"})
    assert len(repr(reply)) < 120
    assert "secret" not in repr(reply)
    assert repr(Reply()) == "<Reply running no model: ''>"


def test_cost_is_ticks_inside_and_dollars_outside() -> None:
    assert Reply(cost_ticks=46_400_000).cost_usd == pytest.approx(0.00464)
    assert Reply(cost_ticks=0).cost_usd == 0
    assert Reply().cost_usd is None


def test_a_retry_notice_is_a_sentence() -> None:
    assert str(RetryNotice("Too fast.", 1.25, 1)) == (
        "Too fast. Trying again in 1.2 s."
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=4)), max_size=12))
def test_the_text_of_a_fold_is_its_deltas(parts: list[tuple[int, str]]) -> None:
    fold = Fold({}, 3)
    parts = [(i, t.encode("utf-8", "replace").decode()) for i, t in parts]
    for index, text in parts:
        data = json.loads(json.dumps({"index": index, "delta": {"content": text}}))
        fold.add({"choices": [data]})
    reply = fold.reply()
    for choice in reply.choices:
        wanted = "".join(t for i, t in parts if i == choice.index)
        assert choice.text == wanted
