"""Arguments are checked before anything is sent, and travel as they were given."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.chat import PARAMETERS, ChatOptions, checked_ask
from grok_nb.errors import BadRequest

from ..support import HELLO, completion, session, streamed

#: for each parameter: what it takes, and what it refuses
NUMBERS: list[Any] = ["1", [1], {}, True, float("nan"), float("inf"), 1j, b"1"]
WHOLE = [*NUMBERS, 1.5, 2.0]
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "max_completion_tokens": ([1, 10**6], [*WHOLE, 0, -1]),
    "max_tokens": ([1], [*WHOLE, 0]),
    "temperature": ([0, 2, 0.7, np.float32(1)], [*NUMBERS, -0.1, 2.1]),
    "top_p": ([0.1, 1, 1.0], [*NUMBERS, -0.1, 1.1]),
    "n": ([1, 128, np.int64(2)], [*WHOLE, 0, 129, -1]),
    "seed": ([0, -5, 10**12], WHOLE),
    "stop": (["a", ["a", "b"], ("a",)], [1, [1], ["a", None], {"a"}, b"a", {}]),
    "frequency_penalty": ([-2, 0, 2], [*NUMBERS, -2.1, 2.1]),
    "presence_penalty": ([-2, 0.5], [*NUMBERS, 3]),
    "logit_bias": ([{"5": 1}, {5: -100}], [1, "x", [1], True]),
    "logprobs": ([True, False, np.bool_(True)], [1, 0, "true", []]),
    "top_logprobs": ([0, 8], [*WHOLE, -1, 9]),
    "reasoning_effort": (["low", "anything"], [1, True, ["low"], b"low"]),
    "response_format": ([{"type": "json_object"}], ["json", 1, [], True]),
    "tools": ([[{"type": "function"}], []], [{}, "f", 1, True, b"f"]),
    "tool_choice": (["auto", {"type": "function"}], [1, True, ["auto"]]),
    "parallel_tool_calls": ([True, False], [1, "x"]),
    "search_parameters": ([{"mode": "off"}], ["off", 1, {"mode": "x"}]),
    "web_search_options": ([{}], ["x", 1]),
    "service_tier": (["priority"], [1, True, {}]),
    "prompt_cache_key": (["k"], [1, b"k"]),
    "user": (["u"], [1, ["u"]]),
    "safety_identifier": (["s"], [1, {}]),
}
#: names of `ask`, where they differ
OF_ASK = {
    *("temperature", "top_p", "max_tokens", "n", "seed", "stop"),
    *("frequency_penalty", "presence_penalty", "reasoning_effort"),
}


def test_every_parameter_is_tried_here() -> None:
    assert VALUES.keys() == PARAMETERS.keys() == ChatOptions.__annotations__.keys()


@pytest.mark.parametrize("name", VALUES)
async def test_a_right_value_is_sent_and_a_wrong_one_is_not(name: str) -> None:
    right, wrong = VALUES[name]
    with session(completion(), model="unknown") as s:  # of which nothing is refused
        for value in right:
            await s.grok.chat_completion(HELLO, **{name: value})
        assert [body[name] for body in s.script.bodies] == json.loads(
            json.dumps(right, default=lambda v: v.item())
        )
        s.script.requests.clear()
        for value in wrong:
            with pytest.raises(BadRequest, match=name) as caught:
                await s.grok.chat_completion(HELLO, **{name: value})
            assert caught.value.status is None
            with pytest.raises(BadRequest, match=name):
                async for _ in s.grok.chat_completion_stream(HELLO, **{name: value}):
                    pass
            if name in OF_ASK:
                with pytest.raises(BadRequest):
                    await s.grok.ask("Hi", **{name: value})
                with pytest.raises(BadRequest):
                    s.grok.stream("Hi", **{name: value})
        assert s.script.requests == []
        assert len(s.rows) == len(right)


MESSAGES: list[Any] = [
    None,
    "Hi",
    b"Hi",
    5,
    {"role": "user", "content": "Hi"},
    [],
    (),
    ["Hi"],
    [None],
    [{}],
    [{"content": "Hi"}],
    [{"role": "", "content": "Hi"}],
    [{"role": 5, "content": "Hi"}],
    [{"role": "user"}],
    [{"role": "user", "content": ""}],
    [{"role": "user", "content": None}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": 5}],
    [{"role": "user", "content": {"text": "x"}}],
    [{"role": "user", "content": b"x"}],
    [{"role": "assistant", "content": "", "tool_calls": []}],
    [*HELLO, {"role": "user", "content": ""}],
    iter(HELLO),
    {"a"},
]


@pytest.mark.parametrize("number", range(len(MESSAGES)))
async def test_wrong_messages_are_refused_and_not_sent(number: int) -> None:
    with session(completion()) as s:
        with pytest.raises(BadRequest):
            await s.grok.chat_completion(MESSAGES[number])
        if MESSAGES[number] is not None:
            with pytest.raises(BadRequest):
                await s.grok.ask(messages=MESSAGES[number])
        assert (s.script.requests, s.rows) == ([], [])


def test_the_message_that_is_wrong_is_named() -> None:
    with pytest.raises(BadRequest, match=r"messages\[1\] \(user\) is empty"):
        checked_ask([*HELLO, {"role": "user", "content": ""}])


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ROLES: list[dict[str, Any]] = [
    {"role": "system", "content": "s"},
    {"role": "system", "content": "t"},
    {"role": "user", "content": "u"},
    {"role": "user", "content": [{"type": "text", "text": "v"}]},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "assistant", "tool_calls": [CALL], "reasoning_content": "r"},
    {"role": "tool", "tool_call_id": "c1", "content": "7"},
    {"role": "tool", "tool_call_id": None, "content": ""},
    {"role": "developer", "content": "d"},
    {"role": "function", "name": "f", "content": ""},
    {"role": "unheard of", "content": "x", "new_field": [1]},
]


@given(st.permutations(ROLES), st.integers(1, len(ROLES)))
def test_messages_pass_in_any_order_and_untouched(
    messages: list[dict[str, Any]], count: int
) -> None:
    sent = list(checked_ask(messages[:count]).messages)
    assert sent == messages[:count]
    assert all(one is not two for one, two in zip(sent, messages, strict=False))


async def test_only_what_was_set_is_sent() -> None:
    with session(completion(), streamed(b"")) as s:
        await s.grok.ask("Hi")
        assert s.script.bodies == [{"model": "grok-4.7", "messages": HELLO}]


async def test_none_counts_as_not_set() -> None:
    with session(completion()) as s:
        await s.grok.chat_completion(HELLO, **dict.fromkeys(VALUES))
        await s.grok.ask("Hi", **dict.fromkeys(OF_ASK), system=None, model=None)
        wanted = {"model": "grok-4.7", "messages": HELLO}
        assert s.script.bodies == [wanted, wanted]


async def test_unknown_parameters_are_refused() -> None:
    with session(completion()) as s:
        with pytest.raises(BadRequest, match="temprature"):
            await s.grok.chat_completion(HELLO, temprature=1)
        with pytest.raises(BadRequest, match="temprature") as caught:
            await s.grok.ask("Hi", temprature=1)
        assert "Did you mean 'temperature'?" in caught.value.hint
        assert s.script.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": 5},
        {"prompt": b"Hi"},
        {"prompt": ["Hi"]},
        {"prompt": ""},
        {},
        {"system": "only"},
        {"prompt": "Hi", "system": 5},
        {"prompt": "Hi", "model": 5},
        {"prompt": "Hi", "model": " "},
        {"prompt": "half \ud83e"},
        {"messages": [{"role": "user", "content": float("nan")}]},
        {"messages": [{"role": "user", "content": "x", "extra": float("nan")}]},
        {"messages": [{"role": "user", "content": [{"data": b"raw"}]}]},
    ],
    ids=repr,
)
async def test_a_question_that_cannot_be_asked_is_not_sent(
    options: dict[str, Any],
) -> None:
    with session(completion()) as s:
        with pytest.raises(BadRequest):
            await s.grok.ask(**options)
        with pytest.raises(BadRequest):
            async for _ in s.grok.stream(**options):
                pass
        assert (s.script.requests, s.rows) == ([], [])


async def test_a_model_that_is_no_text_is_refused_everywhere() -> None:
    with session(completion()) as s:
        for model in (5, b"grok", ["grok"], " ", ""):
            with pytest.raises(BadRequest, match="model"):
                await s.grok.chat_completion(HELLO, model=model)
            with pytest.raises(BadRequest, match="model"):
                await s.grok.language_model(model)
        assert s.script.requests == []


async def test_the_parts_of_a_question_are_put_in_order() -> None:
    with session(completion()) as s:
        await s.grok.ask("New", system="Sys", messages=HELLO, max_tokens=5)
        (body,) = s.script.bodies
        assert body["messages"] == [
            {"role": "system", "content": "Sys"},
            *HELLO,
            {"role": "user", "content": "New"},
        ]
        assert body["max_completion_tokens"] == 5
        assert "max_tokens" not in body


@pytest.mark.parametrize(
    "prompt",
    [
        '{"a": [1, 2], "b": "\\"{x}\\""}',
        "f'{x!r:>{width}}' and {{not here}}",
        "{% for x in y %}{{ x }}{% endfor %}",
        r"$\frac{a}{b}$ \(x\) \[y\] \\ C:\new",
        "🦊 👩‍👩‍👧 \u202eRTL\u202c مرحبا",
        "NUL \x00 and \x1b[31m and \u2028 and \ufeff",
        "  leading and trailing\n\n\t",
        "data: [DONE]\n\n",
        "`$HOME` !ls %time ?",
    ],
)
async def test_prompts_travel_untouched(prompt: str) -> None:
    with session(completion()) as s:
        await s.grok.ask(prompt)
        assert s.script.bodies[0]["messages"][0]["content"] == prompt


def test_a_huge_wrong_value_makes_no_huge_error() -> None:
    for options in ({"temperature": "x" * 10**6}, {"stop": [5] * 10**6}):
        with pytest.raises(BadRequest) as caught:
            checked_ask(HELLO, None, options)
        assert len(str(caught.value)) < 500
