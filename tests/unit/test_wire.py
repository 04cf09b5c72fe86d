"""What comes over HTTP is read tolerantly: nothing that was paid for is lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.wire import ChatCompletion, ChatCompletionChunk, ListedModel, Wire

from .support import CHUNKS, COMPLETION, USAGE

LISTED = {
    "id": "grok-4.7",
    "object": "model",
    "created": 1_789_948_800,
    "owned_by": "xai",
    "version": "1.0",
    "fingerprint": "fp_0a1b2c3d4e",
    "input_modalities": ["text", "image"],
    "output_modalities": ["text"],
    "aliases": [],
    "prompt_text_token_price": 20_000,
    "cached_prompt_text_token_price": 5_000,
    "long_context_threshold": 200_000,
}


def test_the_recorded_completion_is_read() -> None:
    found = ChatCompletion.read(COMPLETION)
    assert found.raw is COMPLETION
    assert found.usage == USAGE
    assert found.choices is not None
    message = found.choices[0].message
    assert message is not None
    assert (message.content, message.reasoning_content) == ("42.", "Short sum.")
    assert found.choices[0].finish_reason == "stop"


def test_the_recorded_chunks_are_read() -> None:
    found = [ChatCompletionChunk.read(chunk) for chunk in CHUNKS]
    deltas = [c.choices[0].delta for c in found if c.choices]
    assert [d.content for d in deltas if d] == [None, None, "Zürich ", "€ 🦊", None]
    assert [c.usage for c in found] == [None] * 5 + [USAGE]


def test_a_listed_model_is_read_and_what_is_missing_is_not_zero() -> None:
    found = ListedModel.read(LISTED)
    assert (found.id, found.prompt_text_token_price) == ("grok-4.7", 20_000)
    assert found.completion_text_token_price is None
    assert found.aliases == []


def test_unknown_fields_and_values_are_kept_in_raw() -> None:
    data = {"id": "x", "new": {"deep": [1]}, "object": "chat.completion.v9"}
    found = ChatCompletion.read(data)
    assert found.raw == data
    assert found.object == "chat.completion.v9"
    assert not hasattr(found, "new")


@pytest.mark.parametrize("kind", [ChatCompletion, ChatCompletionChunk, ListedModel])
def test_nothing_at_all_is_read(kind: type[Wire]) -> None:
    found = kind.read({})
    assert all(value is None for value in dict(found).values())


def test_a_field_of_the_wrong_type_is_none_and_its_neighbours_stay() -> None:
    data = {**COMPLETION, "created": "yesterday", "usage": 5, "model": ["m"]}
    before = copy.deepcopy(data)
    found = ChatCompletion.read(data)
    assert (found.created, found.usage, found.model) == (None, None, None)
    assert found.choices is not None
    assert found.choices[0].message is not None
    assert found.choices[0].message.content == "42."
    assert data == before
    assert found.raw is data


def test_a_bad_item_of_a_list_takes_nothing_else_with_it() -> None:
    good = COMPLETION["choices"][0]  # type: ignore[index]
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    calls = [None, {**call, "index": "x"}, 5, call]
    mixed = {"index": 3, "message": {"content": 5, "tool_calls": calls}}
    found = ChatCompletion.read(
        {"choices": [None, good, "x", mixed, []], "citations": ["a", None, "b", 5]}
    )
    assert found.choices is not None
    assert [c.index for c in found.choices] == [0, 3]
    assert found.choices[0].message is not None
    assert found.choices[0].message.content == "42."
    last = found.choices[1].message
    assert last is not None
    assert last.content is None
    assert last.tool_calls is not None
    assert [c.id for c in last.tool_calls] == ["c", "c"]
    assert found.citations == ["a", "b"]


def test_half_of_a_surrogate_pair_is_kept() -> None:
    data = {"choices": [{"delta": {"content": "a\ud83e"}}]}
    found = ChatCompletionChunk.read(data)
    assert found.choices is not None
    assert found.choices[0].delta is not None
    assert found.choices[0].delta.content == "a\ud83e"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "index",
                    "message",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                ]
            ),
            x,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*COMPLETION, *LISTED, "error"]), json_values))
def test_any_object_is_read(data: dict[str, Any]) -> None:
    before = repr(data)
    for kind in (ChatCompletion, ChatCompletionChunk, ListedModel):
        assert kind.read(data).raw is data
    assert repr(data) == before


def test_what_did_not_come_is_not_shown() -> None:
    shown = repr(ListedModel.read(LISTED | {"owned_by": None}))
    assert "prompt_text_token_price=20000" in shown
    assert "aliases=[]" in shown  # it came, and is empty
    assert "None" not in shown
    assert "owned_by" not in shown
