"""What messages, completions and complete accept, refuse, and make of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb._sandbox import catalog
from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.legacy import complete, message_rules
from grok_nb._sandbox.legacy.completions import TextReply
from grok_nb._sandbox.legacy.endpoint import COMPLETE, COMPLETIONS, MESSAGES
from grok_nb._sandbox.legacy.message_reply import MessageReply, usage_of
from grok_nb._sandbox.legacy.message_request import MessagesRequest
from tests.contract.legacy_asked import (
    FULL_BODIES,
    PIXEL,
    PLAIN,
    WEATHER,
    message,
    prepare,
    texts,
    turns,
)

BASIC = {MESSAGES: message(), COMPLETIONS: texts(), COMPLETE: turns()}
OLD = {"model": "grok-2"}


def job(path: str, body: Any, vintage: str = "2026") -> Any:
    return prepare(path, json.dumps(body).encode(), vintage)


def refusal(path: str, body: Any, vintage: str = "2026") -> ApiError:
    with pytest.raises(ApiError) as caught:
        job(path, body, vintage)
    return caught.value


def said(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(blocks)}]}


def schema(**fields: Any) -> dict[str, Any]:
    return {"tools": [WEATHER | {"input_schema": fields}]}


TEXT = {"type": "text", "text": "Hi"}
USE = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": "7"}
ASK: dict[str, Any] = {"role": "user", "content": "Weather in Bern?"}

# -- what has another form ----------------------------------------------------------

# For each field: values of a wrong type, and the path the 422 has to name.
WRONG_TYPES: dict[str, list[tuple[str, list[Any], str]]] = {
    MESSAGES: [
        ("model", [None, 1, ["grok-4.7"]], "model"),
        ("max_tokens", [None, "1", 1.5, True, 2**63], "max_tokens"),
        ("messages", [None, "Hi", {}, 1], "messages"),
        ("messages", [["Hi"]], "messages[0]"),
        ("messages", [[{"content": "Hi"}]], "messages[0].role"),
        ("messages", [[{"role": 1, "content": "Hi"}]], "messages[0].role"),
        ("messages", [[{"role": "user"}]], "messages[0].content"),
        ("messages", [[{"role": "user", "content": None}]], "messages[0].content"),
        ("messages", [[{"role": "user", "content": [1]}]], "messages[0].content[0]"),
        (
            "messages",
            [[{"role": "user", "content": [{"type": "document"}]}]],
            "messages[0].content[0]",
        ),
        (
            "messages",
            [[{"role": "user", "content": [{"type": "text"}]}]],
            "messages[0].content[0].text",
        ),
        (
            "messages",
            [
                [{"role": "user", "content": [{"type": "image", "source": {}}]}],
                [
                    {
                        "role": "user",
                        "content": [{"type": "image", "source": {"type": "file"}}],
                    }
                ],
            ],
            "messages[0].content[0].source",
        ),
        (
            "messages",
            [[{"role": "assistant", "content": [USE | {"input": "{}"}]}]],
            "messages[0].content[0].input",
        ),
        (
            "messages",
            [[{"role": "user", "content": [RESULT | {"is_error": 1}]}]],
            "messages[0].content[0].is_error",
        ),
        ("system", [1, {}, [{"type": "image"}]], "system"),
        ("stop_sequences", ["a", {}], "stop_sequences"),
        ("stop_sequences", [[1]], "stop_sequences[0]"),
        ("stream", ["true", 1], "stream"),
        ("temperature", ["1", True], "temperature"),
        ("top_p", ["1", {}], "top_p"),
        ("top_k", ["1", 1.5], "top_k"),
        ("tools", [{}, "f"], "tools"),
        ("tools", [[{"input_schema": WEATHER["input_schema"]}]], "tools[0].name"),
        ("tools", [[{"name": "f"}]], "tools[0].input_schema"),
        # Tools of Anthropic's server have no schema.
        (
            "tools",
            [[{"type": "web_search_20250305", "name": "web_search"}]],
            "tools[0].input_schema",
        ),
        ("tool_choice", ["auto", {}, {"type": "required"}], "tool_choice"),
        ("tool_choice", [{"type": "tool"}], "tool_choice.name"),
        (
            "tool_choice",
            [{"type": "auto", "disable_parallel_tool_use": 1}],
            "tool_choice.disable_parallel_tool_use",
        ),
        ("metadata", ["a", []], "metadata"),
        ("metadata", [{"user_id": 1}], "metadata.user_id"),
        ("thinking", [True, {}, {"type": "some"}], "thinking"),
        ("thinking", [{"type": "enabled"}], "thinking.budget_tokens"),
    ],
    COMPLETIONS: [
        ("model", [None, 1], "model"),
        ("prompt", [None, 1, {}], "prompt"),
        ("prompt", [[1, 2], [["a"]]], "prompt[0]"),
        ("max_tokens", ["1", 1.5], "max_tokens"),
        ("temperature", ["1"], "temperature"),
        ("top_p", ["1"], "top_p"),
        ("n", ["1", True], "n"),
        ("best_of", ["1", 1.5], "best_of"),
        ("echo", ["yes", 1], "echo"),
        ("suffix", [1, []], "suffix"),
        ("stop", [1, {}], "stop"),
        ("stream", [1], "stream"),
        ("stream_options", [True], "stream_options"),
        ("logprobs", ["1", [1], 1.5], "logprobs"),
        ("logit_bias", [[1]], "logit_bias"),
        ("seed", ["1", 2**63], "seed"),
        ("frequency_penalty", ["0"], "frequency_penalty"),
        ("presence_penalty", ["0"], "presence_penalty"),
        ("user", [1], "user"),
    ],
    COMPLETE: [
        ("model", [None, 1], "model"),
        ("prompt", [None, 1, ["\n\nHuman: a\n\nAssistant:"]], "prompt"),
        ("max_tokens_to_sample", [None, "1", 1.5], "max_tokens_to_sample"),
        ("stop_sequences", ["a", [1]], "stop_sequences"),
        ("temperature", ["1"], "temperature"),
        ("top_p", ["1"], "top_p"),
        ("top_k", ["1"], "top_k"),
        ("stream", ["true", 1], "stream"),
        ("metadata", ["a"], "metadata"),
    ],
}


@pytest.mark.parametrize(
    ("path", "field", "value", "named"),
    [
        (path, field, value, named)
        for path, rows in WRONG_TYPES.items()
        for field, values, named in rows
        for value in values
    ],
)
def test_wrong_types_are_422_and_name_the_field(
    path: str, field: str, value: Any, named: str
) -> None:
    error = refusal(path, BASIC[path] | {field: value})
    assert error.status == 422
    told = error.text.partition("target type: ")[2]
    assert told.startswith(named)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *[(MESSAGES, name) for name in ("model", "max_tokens", "messages")],
        *[(COMPLETIONS, name) for name in ("model", "prompt")],
        *[(COMPLETE, name) for name in ("model", "prompt", "max_tokens_to_sample")],
    ],
)
def test_missing_fields_are_422_and_named(path: str, field: str) -> None:
    body = {key: value for key, value in BASIC[path].items() if key != field}
    error = refusal(path, body)
    assert error.status == 422
    assert f"type: {field}: Field required" in error.text


@pytest.mark.parametrize("path", BASIC)
@pytest.mark.parametrize("body", [[], "Hi", None, 1])
def test_bodies_that_are_no_object_are_422(path: str, body: Any) -> None:
    assert refusal(path, body).status == 422


def test_an_input_schema_needs_what_is_required() -> None:
    """Source: an issue of 2026, in xai-api.md section 8.1."""
    error = refusal(MESSAGES, message(**schema(type="object", properties={})))
    assert error.status == 422
    assert "tools[0].input_schema.required: Field required" in error.text
    assert refusal(MESSAGES, message(**schema(required=[]))).status == 422
    assert (
        refusal(MESSAGES, message(**schema(type="string", required=[]))).status == 422
    )
    job(MESSAGES, message(**schema(type="object", required=[])))


# -- what makes no sense ------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (MESSAGES, {"model": "nope"}, "Model not found: nope"),
    (MESSAGES, {"model": "grok-imagine-image"}, "is not served by messages"),
    (MESSAGES, {"model": "grok-4.20-multi-agent"}, "is not served by messages"),
    (MESSAGES, {"max_tokens": 0}, "max_tokens: it must be at least 1"),
    (MESSAGES, {"max_tokens": -5}, "max_tokens: it must be at least 1"),
    (MESSAGES, {"messages": []}, "at least one content element"),
    (MESSAGES, {"messages": [{"role": "user", "content": ""}]}, "at least one content"),
    (MESSAGES, {"messages": [{"role": "user", "content": []}]}, "at least one content"),
    *[
        (
            MESSAGES,
            {"messages": [{"role": role, "content": "Hi"}]},
            "Invalid message role.",
        )
        for role in ("system", "tool", "developer", "", "User")
    ],
    (MESSAGES, said(USE), "cannot have a tool_use block"),
    (MESSAGES, said({"type": "thinking", "thinking": "a"}), "cannot have a thinking"),
    (
        MESSAGES,
        said({"type": "redacted_thinking", "data": "a"}),
        "cannot have a redacted_thinking",
    ),
    (MESSAGES, said(RESULT, role="assistant"), "cannot have a tool_result"),
    (
        MESSAGES,
        said(
            {"type": "image", "source": {"type": "url", "url": "a"}}, role="assistant"
        ),
        "cannot have a image",
    ),
    (
        MESSAGES,
        said({"type": "image", "source": {"type": "url", "url": "a.png"}}),
        "Invalid image: ",
    ),
    (
        MESSAGES,
        said(
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/gif", "data": PIXEL},
            }
        ),
        "Invalid image: ",
    ),
    (
        MESSAGES,
        said(
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL},
            }
        ),
        "claims to be image/jpeg and is a png",
    ),
    (MESSAGES, {"temperature": 2.1}, "temperature: it must be 0 to 2"),
    (MESSAGES, {"top_p": 0}, "top_p: it must be 0 to 1"),
    (MESSAGES, {"stop_sequences": ["a"]}, "does not support parameter stopSequences"),
    (
        MESSAGES,
        {"model": PLAIN["2026"], "stop_sequences": list("abcde")},
        "stop_sequences takes at most 4",
    ),
    (MESSAGES, {"tools": [WEATHER] * 129}, "at most 128"),
    (MESSAGES, {"tools": [WEATHER, WEATHER]}, "Two tools have the name"),
    (MESSAGES, {"tools": [WEATHER | {"name": ""}]}, "is reserved"),
    (MESSAGES, {"tool_choice": {"type": "any"}}, "there are no tools"),
    (
        MESSAGES,
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "f"}},
        "tool_choice names no tool: f",
    ),
    (
        MESSAGES,
        schema(type="object", properties={"a": {"enum": []}}, required=[]),
        "Invalid schema of tool get_weather",
    ),
    *[
        (COMPLETIONS, {"model": model}, "as no reasoning model is")
        for model in ("grok-4.7", "grok-4.3", "grok-4.20", "grok-3", "grok-build-0.1")
    ],
    (COMPLETIONS, {"model": "grok-imagine-image"}, "is not served by completions"),
    (COMPLETIONS, {"prompt": ""}, "prompt must not be empty"),
    (COMPLETIONS, {"prompt": []}, "prompt must not be empty"),
    (COMPLETIONS, {"prompt": ["Hi", ""]}, "prompt must not be empty"),
    (COMPLETIONS, {"prompt": ["Hi"] * 129}, "prompt takes at most 128"),
    (COMPLETIONS, {"max_tokens": 0}, "max_tokens: it must be at least 1"),
    (COMPLETIONS, {"temperature": -0.1}, "temperature: it must be 0 to 2"),
    (COMPLETIONS, {"top_p": 1.1}, "top_p: it must be 0 to 1"),
    (COMPLETIONS, {"n": 0}, "n: it must be 1 to 128"),
    (COMPLETIONS, {"n": 129}, "n: it must be 1 to 128"),
    (COMPLETIONS, {"best_of": 0}, "best_of: it must be at least 1"),
    (COMPLETIONS, {"logprobs": 9}, "logprobs: it must be 0 to 8"),
    (COMPLETIONS, {"logprobs": -1}, "logprobs: it must be 0 to 8"),
    (COMPLETIONS, {"stop": list("abcde")}, "stop takes at most 4"),
    (
        COMPLETIONS,
        {"presence_penalty": 0},
        "does not support parameter presencePenalty",
    ),
    (COMPLETIONS, {"frequency_penalty": 0}, "parameter frequencyPenalty"),
    (COMPLETE, {"stream": True}, "stream is not supported"),
    (
        COMPLETE,
        {"max_tokens_to_sample": 0},
        "max_tokens_to_sample: it must be at least",
    ),
    (COMPLETE, {"temperature": 3}, "temperature: it must be 0 to 2"),
    (COMPLETE, {"top_p": -1}, "top_p: it must be 0 to 1"),
    (COMPLETE, {"stop_sequences": ["a"]}, "does not support parameter stopSequences"),
    (
        COMPLETE,
        {"model": PLAIN["2026"], "stop_sequences": list("abcde")},
        "stop_sequences takes at most 4",
    ),
    (COMPLETE, {"model": "grok-imagine-image"}, "is not served by complete"),
    (COMPLETE, {"prompt": "\n\nHuman: \n\nAssistant:"}, "at least one content element"),
    *[
        (COMPLETE, {"prompt": prompt}, "it must have the form")
        for prompt in (
            "",
            "Hi",
            "Human: Hi\n\nAssistant:",
            "\n\nHuman: Hi",
            "\n\nAssistant:",
            "\n\nHuman: Hi\nAssistant:",
            "\n\nAssistant: Hi\n\nHuman: Ho",
            "\n\nAssistant: Hi\n\nHuman: Ho\n\nAssistant:",
        )
    ],
]


@pytest.mark.parametrize(("path", "fields", "told"), REFUSED)
def test_what_makes_no_sense_is_400(path: str, fields: Any, told: str) -> None:
    error = refusal(path, BASIC[path] | fields)
    assert (error.status, error.meaning) == (400, "argument")
    assert told in error.text


@pytest.mark.parametrize("path", [COMPLETIONS, COMPLETE])
def test_an_unknown_model_is_404_but_for_messages(path: str) -> None:
    error = refusal(path, BASIC[path] | {"model": "nope"})
    assert (error.status, error.meaning) == (404, "missing")
    assert "The model nope does not exist" in error.text


@pytest.mark.parametrize(("vintage", "path", "body", "others"), FULL_BODIES)
def test_everything_that_is_known_is_taken(
    vintage: str, path: str, body: Any, others: Any
) -> None:
    for other in ({}, *others):
        job(path, body | other, vintage)
        job(path, body | other | {"unknown": 1}, vintage)


@pytest.mark.parametrize("vintage", ["2026", "2025"])
def test_completions_take_just_the_models_that_do_not_reason(vintage: str) -> None:
    """Source: xAI's OpenAPI description, in xai-api.md section 8.2."""
    taken = set()
    for model in catalog.load(vintage).current("language"):
        try:
            job(COMPLETIONS, texts(model=model.id), vintage)
        except ApiError as refused:
            assert refused.status == 400
        else:
            assert not model.reasons
            taken.add(model.id)
    assert "grok-4.20-0309-non-reasoning" in taken
    assert (taken >= {"grok-beta", "grok-2-1212", "grok-3"}) == (vintage == "2025")


# Values of all sorts in all fields: a refusal that the API knows, or an answer.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 130)
    | st.floats(-3, 3)
    | st.sampled_from(["", "a", "user", "system", "auto", "grok-4.7", "\n\nHuman: a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "name", "source"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("path", BASIC)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_of_any_field_is_taken_or_refused(
    path: str, data: st.DataObject
) -> None:
    whole = next(body for _, at, body, _ in FULL_BODIES if at == path)
    field = data.draw(st.sampled_from([*whole, "stop_sequences", "stop"]))
    try:
        job(path, whole | {field: data.draw(VALUES)})
    except ApiError as refused:
        assert refused.status in {400, 404, 422}
        assert refused.text


# -- the same question as a chat ----------------------------------------------------


def chat_of(**fields: Any) -> Any:
    request = MessagesRequest.model_validate(message() | fields)
    return message_rules.as_chat(request)


def test_turns_become_messages_with_results_after_what_was_said() -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
    }
    asked = chat_of(
        system=[TEXT, TEXT],
        messages=[
            ASK,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": ""},
                    {"type": "redacted_thinking", "data": "x"},
                    TEXT,
                    USE | {"input": {"city": "Zürich"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    RESULT | {"content": [TEXT, image, TEXT]},
                    RESULT | {"tool_use_id": "call_2", "is_error": True},
                    {"type": "tool_result", "tool_use_id": "call_3"},
                    TEXT,
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "", "signature": ""}],
            },
        ],
    )
    call = {"name": "get_weather", "arguments": '{"city": "Zürich"}'}
    url = f"data:image/png;base64,{PIXEL}"
    assert [one.model_dump(exclude_none=True) for one in asked.messages] == [
        {"role": "system", "content": "Hi\nHi"},
        ASK,
        {
            "role": "assistant",
            "content": "Hi",
            "reasoning_content": "Hm",
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": url}}, TEXT],
        },
        {"role": "tool", "content": "Hi\nHi", "tool_call_id": "call_1"},
        {"role": "tool", "content": "Error: 7", "tool_call_id": "call_2"},
        {"role": "tool", "content": "", "tool_call_id": "call_3"},
    ]


@pytest.mark.parametrize(
    ("choice", "expected", "is_parallel"),
    [
        (None, None, True),
        ({"type": "auto"}, None, True),
        ({"type": "auto", "disable_parallel_tool_use": True}, None, False),
        ({"type": "any", "disable_parallel_tool_use": False}, "required", True),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "none"}, "none", True),
    ],
)
def test_choices_of_tools_become_those_of_a_chat(
    choice: Any, expected: Any, *, is_parallel: bool
) -> None:
    asked = chat_of(tools=[WEATHER], tool_choice=choice)
    assert (asked.tool_choice, asked.parallel_tool_calls) == (expected, is_parallel)
    (tool,) = asked.tools
    assert tool.function.parameters == WEATHER["input_schema"]


def answer(**fields: Any) -> dict[str, Any]:
    reply = MessageReply(job(MESSAGES, message() | fields))
    return json.loads(reply.whole(reply.generate()))


def uses(body: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(b["name"], b["input"]) for b in body["content"] if b["type"] == "tool_use"]


def test_choices_of_tools_are_heeded() -> None:
    other = WEATHER | {"name": "get_time", "description": "The time in a city"}
    asked = {
        "tools": [WEATHER, other],
        "messages": [{"role": "user", "content": "What are weather and time in Bern?"}],
    }
    both = [("get_weather", {"city": "Bern"}), ("get_time", {"city": "Bern"})]
    assert uses(answer(**asked)) == both
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert uses(answer(**asked, tool_choice=alone)) == both[:1]
    named = {"type": "tool", "name": "get_time"}
    assert uses(answer(**asked, tool_choice=named)) == both[1:]
    assert uses(answer(**asked, tool_choice={"type": "none"})) == []
    anything = answer(tools=[WEATHER], tool_choice={"type": "any"})
    assert len(uses(anything)) == 1
    assert anything["stop_reason"] == "tool_use"


def test_thinking_is_told_and_turned_off_where_the_model_can() -> None:
    def kinds(**fields: Any) -> list[str]:
        return [block["type"] for block in answer(**fields)["content"]]

    off = {"type": "disabled"}
    assert kinds() == ["thinking", "text"]
    assert kinds(thinking={"type": "adaptive"}) == ["thinking", "text"]
    assert kinds(model="grok-4.3", thinking=off) == ["text"]
    assert kinds(model="grok-4.3") == ["thinking", "text"]
    assert kinds(thinking=off) == ["thinking", "text"]
    assert kinds(model=PLAIN["2026"]) == ["text"]


COUNT = {"messages": [{"role": "user", "content": "Count to 9"}]}


@pytest.mark.parametrize(
    ("fields", "reason", "sequence"),
    [
        ({}, "end_turn", None),
        ({"max_tokens": 9}, "max_tokens", None),
        ({"stop_sequences": ["zzz"]}, "end_turn", None),
        ({"stop_sequences": ["zzz", ", 5"]}, "stop_sequence", ", 5"),
        ({"stop_sequences": ["5, 6", "6"]}, "stop_sequence", "5, 6"),
        # The limit comes before the sequence.
        ({"stop_sequences": [", 5"], "max_tokens": 9}, "max_tokens", None),
    ],
)
def test_the_reason_to_stop_is_told(
    fields: dict[str, Any], reason: str, sequence: str | None
) -> None:
    body = answer(**COUNT, model=PLAIN["2026"], **fields)
    assert (body["stop_reason"], body["stop_sequence"]) == (reason, sequence)
    if sequence is not None:
        assert sequence not in body["content"][0]["text"]
        assert body["content"][0]["text"].startswith("[sandbox] 1, 2, 3, 4")


def test_usage_has_the_cached_input_apart_and_the_reasoning_in_the_output() -> None:
    reply = MessageReply(job(MESSAGES, message("Hello " * 400)))
    drawn = reply.generate()
    body = json.loads(reply.whole(drawn))
    chat = drawn.usage()
    cached = chat["prompt_tokens_details"]["cached_tokens"]
    reasoning = chat["completion_tokens_details"]["reasoning_tokens"]
    assert cached > 0
    assert reasoning > 0
    assert body["usage"] == usage_of(chat)
    assert body["usage"] == {
        "input_tokens": chat["prompt_tokens"] - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": chat["total_tokens"] - chat["prompt_tokens"],
    }
    assert chat["cost_in_usd_ticks"] > 0


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("\n\nHuman: a\n\nAssistant:", [("user", "a")]),
        ("\n\nHuman: a\n\nAssistant: b", [("user", "a"), ("assistant", "b")]),
        (
            "Be kind.\n\nHuman: a\n\nHuman: b\n\nAssistant: c\n\nHuman:d\n\nAssistant: ",
            [
                ("system", "Be kind."),
                ("user", "a"),
                ("user", "b"),
                ("assistant", "c"),
                ("user", "d"),
            ],
        ),
        ("\n\nHuman: a\n\nb: c\n\nAssistant:", [("user", "a\n\nb: c")]),
    ],
)
def test_a_prompt_is_cut_into_turns(prompt: str, expected: Any) -> None:
    assert [(one.role, one.content) for one in complete.turns(prompt)] == expected


WORDS = st.text("abc .\n", min_size=1, max_size=9).map(lambda text: f"x{text}x")


@given(
    st.lists(st.tuples(st.sampled_from(["Human", "Assistant"]), WORDS), max_size=5),
    WORDS,
)
def test_turns_come_back_as_they_were_written(turns_given: Any, last: str) -> None:
    said_before = [("Human", "first"), *turns_given]
    prompt = "".join(f"\n\n{who}: {text}" for who, text in said_before)
    found = list(complete.turns(f"{prompt}\n\nAssistant: {last}"))
    names = {"Human": "user", "Assistant": "assistant"}
    assert [(one.role, one.content) for one in found] == [
        (names[who], text) for who, text in [*said_before, ("Assistant", last)]
    ]


# -- texts --------------------------------------------------------------------------


def text_body(vintage: str = "2026", **fields: Any) -> dict[str, Any]:
    reply = TextReply(job(COMPLETIONS, texts() | fields, vintage), 1790000000)
    return json.loads(reply.whole(reply.generate()))


def test_each_prompt_has_its_choices_and_all_are_billed() -> None:
    body = text_body(prompt=["Count to 3", "What is 6*7?"], n=2, echo=True)
    assert [one["index"] for one in body["choices"]] == [0, 1, 2, 3]
    told = [one["text"] for one in body["choices"]]
    assert told[0] == "Count to 3[sandbox] 1, 2, 3"
    assert told[1].startswith(told[0])
    assert told[2] == "What is 6*7?[sandbox] 6*7 = 42"
    assert {one["finish_reason"] for one in body["choices"]} == {"stop"}
    assert {one["logprobs"] for one in body["choices"]} == {None}
    apart = [
        text_body(prompt=prompt, n=2)["usage"]
        for prompt in ("Count to 3", "What is 6*7?")
    ]
    for name in ("prompt_tokens", "completion_tokens", "cost_in_usd_ticks"):
        assert body["usage"][name] == sum(usage[name] for usage in apart) > 0
    details = body["usage"]["prompt_tokens_details"]
    assert details["text_tokens"] == body["usage"]["prompt_tokens"]


def test_what_is_unsupported_changes_nothing() -> None:
    plain = text_body()
    fields = {"suffix": "!", "best_of": 3, "logit_bias": {"1": 100}, "logprobs": 3}
    changed = text_body(**fields)
    assert plain["choices"] == changed["choices"]
    assert plain["usage"] == changed["usage"]


@pytest.mark.parametrize("asked", [True, 0, 1, 3])
@pytest.mark.parametrize("echo", [False, True])
def test_log_probabilities_have_the_older_form(asked: Any, *, echo: bool) -> None:
    prompt = "Count to 3"
    body = text_body("2025", **OLD, prompt=prompt, logprobs=asked, echo=echo)
    (choice,) = body["choices"]
    found = choice["logprobs"]
    assert "".join(found["tokens"]) == choice["text"]
    assert choice["text"].startswith(prompt) == echo
    for token, offset in zip(found["tokens"], found["text_offset"], strict=True):
        assert choice["text"][offset:].startswith(token)
    assert all(value <= 0 for value in found["token_logprobs"])
    assert len(found["token_logprobs"]) == len(found["tokens"])
    number = 0 if asked is True else asked
    if not number:
        assert found["top_logprobs"] is None
    else:
        pairs = zip(found["tokens"], found["top_logprobs"], strict=True)
        assert all(token in top and len(top) == number for token, top in pairs)
    assert text_body("2025", **OLD, logprobs=False)["choices"][0]["logprobs"] is None


def folded(raw: list[bytes]) -> tuple[dict[int, str], dict[int, list[int]]]:
    """Put the texts and offsets of a stream together."""
    told: dict[int, str] = {}
    offsets: dict[int, list[int]] = {}
    for event in raw:
        (choice,) = json.loads(event.removeprefix(b"data: "))["choices"]
        index = choice["index"]
        told[index] = told.get(index, "") + choice["text"]
        if choice["logprobs"] is not None:
            offsets.setdefault(index, []).extend(choice["logprobs"]["text_offset"])
    return told, offsets


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["Count to 9", "What is 6*7?", "Hi"]), min_size=1),
    st.fixed_dictionaries(
        {},
        optional={
            "n": st.integers(1, 3),
            "echo": st.booleans(),
            "max_tokens": st.integers(1, 30),
            "stop": st.sampled_from(["5", ["4, 5", "="], []]),
            "logprobs": st.integers(0, 3) | st.booleans(),
        },
    ),
)
def test_a_stream_says_what_the_whole_body_says(
    prompts: list[str], fields: dict[str, Any]
) -> None:
    asked = job(COMPLETIONS, texts(prompts, **OLD) | fields, "2025")
    reply = TextReply(asked, 1790000000)
    whole = json.loads(reply.whole(reply.generate()))
    drawn = reply.generate()
    writer = reply.writer(drawn, None)
    told, offsets = folded([writer.write(piece) for piece in drawn])
    assert list(told.values()) == [one["text"] for one in whole["choices"]]
    assert drawn.usage() == whole["usage"]
    for index, found in offsets.items():
        assert found == whole["choices"][index]["logprobs"]["text_offset"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Count to 9", "What is 6*7?", "Weather in Bern?", "Hi"]),
    st.fixed_dictionaries(
        {},
        optional={
            "model": st.sampled_from(["grok-4.3", PLAIN["2026"], "grok-4.5"]),
            "tools": st.just([WEATHER]),
            "max_tokens": st.integers(1, 30),
            "system": st.sampled_from(["Be brief.", [TEXT], ""]),
            "thinking": st.just({"type": "disabled"}),
            "temperature": st.floats(0, 2),
        },
    ),
)
def test_the_events_of_a_message_make_up_the_whole_body(
    asked: str, fields: dict[str, Any]
) -> None:
    reply = MessageReply(job(MESSAGES, message(asked) | fields))
    whole = json.loads(reply.whole(reply.generate()))
    drawn = reply.generate()
    writer = reply.writer(drawn, None)
    raw = b"".join([*map(writer.write, drawn), writer.end()])
    built: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for block in raw.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        match event["type"]:
            case "message_start":
                built = event["message"]
            case "content_block_start":
                assert event["index"] == len(built["content"])
                built["content"].append(event["content_block"])
            case "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "input_json_delta":
                    inputs[event["index"]] = delta["partial_json"]
                    built["content"][event["index"]]["input"] = json.loads(
                        delta["partial_json"]
                    )
                else:
                    field = delta["type"].removesuffix("_delta")
                    built["content"][event["index"]][field] += delta[field]
            case "message_delta":
                built |= event["delta"] | {"usage": event["usage"]}
    assert built == whole
