"""Messages in Anthropic's form: arguments, results, rows, and how they break off."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.api.message_fold import MessageFold
from grok_nb.api.messages import PARAMETERS, MessageOptions
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    NotFound,
    ServerFault,
    StreamError,
)
from grok_nb.reply import ToolCall
from grok_nb.wire import AnthropicMessage

from ..message_shapes import (
    ARGUMENTS,
    BEGIN,
    CALL,
    END,
    EVENTS,
    ID,
    MESSAGE,
    OF_TEXT,
    OF_THINKING,
    RECORDED,
    SAID,
    STOP,
    TEXT,
    THINKING,
    THOUGHT,
    TICKS,
    USAGE,
    message,
    sent,
    wire,
)
from ..support import HELLO, STALL, Answer, refusal, session, streamed

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


async def streamed_to_end(s: Any, **options: Any) -> tuple[list[Any], Any]:
    """Stream one message; return its events and the error it ended in."""
    events, error = [], None
    try:
        async for event in s.grok.messages_stream(HELLO, max_tokens=99, **options):
            events.append(event)
    except GrokError as raised:
        error = raised
    return events, error


def folded(*events: Any) -> Any:
    """Return the reply that a fold makes of events."""
    fold = MessageFold({"body": {}})
    for event in events:
        fold.add(event)
    return fold.reply()


def texts(reply: Any) -> tuple[str, str, tuple[ToolCall, ...], str | None]:
    return reply.text, reply.reasoning, reply.tool_calls, reply.finish_reason


WHOLE = (TEXT, THOUGHT, (ToolCall("call_1", "get_weather", ARGUMENTS),), "tool_use")

# -- arguments -------------------------------------------------------------------------

#: for each parameter: what it takes, and what it refuses
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "max_tokens": ([1, 10**6], ["1", [1], {}, True, 1.5, 0, -1]),
    "system": (["Be brief.", [SAID]], [1, {}, "", [], ["x"], [{"text": "x"}]]),
    "stop_sequences": ([["END"], []], [1, {}, [1]]),
    "temperature": ([0, 2, 0.5], ["1", -0.1, 2.1, True]),
    "top_p": ([0.5, 1], ["1", 1.1]),
    "tools": ([[WEATHER], [], [{**WEATHER, "type": "custom"}]], [{}, "web", 1, [1]]),
    "tool_choice": (
        [{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "f"}],
        [1, "auto", {}, {"type": "required"}, {"type": "tool"}],
    ),
    "metadata": ([{"user_id": "u"}], ["x"]),
    "thinking": ([{"type": "enabled", "budget_tokens": 1024}], ["x", True]),
}


def test_every_parameter_is_tried_here() -> None:
    assert VALUES.keys() == PARAMETERS.keys() == MessageOptions.__annotations__.keys()


@pytest.mark.parametrize("name", VALUES)
async def test_a_right_value_is_sent_and_a_wrong_one_is_not(name: str) -> None:
    right, wrong = VALUES[name]
    bare = {"model": "grok-4.7", "messages": HELLO, "max_tokens": 99}
    with session(message()) as s:
        for value in right:
            await s.grok.messages(HELLO, **{"max_tokens": 99, name: value})
        assert s.script.bodies == [{**bare, name: value} for value in right]
        s.script.requests.clear()
        for value in wrong:
            given = {"max_tokens": 99, name: value}
            with pytest.raises(BadRequest, match=name):
                await s.grok.messages(HELLO, **given)
            with pytest.raises(BadRequest, match=name):
                async for _ in s.grok.messages_stream(HELLO, **given):
                    pass
        assert s.script.requests == []
        assert len(s.rows) == len(right)


async def test_only_what_was_set_is_sent() -> None:
    with session(message(), streamed(RECORDED)) as s:
        await s.grok.messages(HELLO, max_tokens=9, system=None, stop_sequences="END")
        await streamed_to_end(s)
        bare = {"model": "grok-4.7", "messages": HELLO}
        assert s.script.bodies == [
            {**bare, "max_tokens": 9, "stop_sequences": ["END"]},
            {**bare, "max_tokens": 99, "stream": True},
        ]
        paths = [request.url.path for request in s.script.requests]
        assert paths == ["/v1/messages", "/v1/messages"]


def schema(**changes: Any) -> dict[str, Any]:
    return {"tools": [{**WEATHER, "input_schema": changes}]}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "Messages need max_tokens"),
    ({"top_k": 5}, "xAI does not support it"),
    ({"cache_control": {}}, "by itself"),
    ({"max_completion_tokens": 5}, "Write max_tokens="),
    ({"stop": "x"}, "Write stop_sequences="),
    ({"instructions": "x"}, "Write system="),
    ({"stream": True}, "messages_stream()"),
    ({"seed": 1}, "no parameter 'seed'"),
    ({"tool_choice": "any"}, 'Here it is {"type": "any"}'),
    (schema(type="object"), '"required": []'),
    (schema(type="object", required="city"), '"required": []'),
    (schema(type="string", required=[]), 'the type "object"'),
    ({"tools": [{"name": "f"}]}, "no input_schema"),
    ({"tools": [{"type": "function", "name": "f"}]}, "Here it is"),
    ({"tools": [{"type": "function", "function": WEATHER}]}, "Here it is"),
    ({"tools": [{"input_schema": {}}]}, "has no name"),
    ({"tools": [WEATHER] * 129}, "at most 128"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_what_does_not_go_is_refused_with_what_to_do(number: int) -> None:
    options, said = REFUSED[number]
    with session(message()) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.messages(HELLO, **{"max_tokens": 9, **options})
        assert said in f"{caught.value} {caught.value.hint}"
        with pytest.raises(BadRequest, match="max_tokens"):
            await s.grok.messages(HELLO)  # type: ignore[call-arg]  # as users do
        assert (s.script.requests, s.rows) == ([], [])


HI = {"role": "user", "content": "Hi"}
MESSAGES: list[tuple[Any, str]] = [
    *((odd, "messages must be") for odd in (None, "", b"Hi", 5, {}, HI, iter([HI]))),
    *((odd, "empty") for odd in ([], ())),
    *((odd, r"messages\[0\]") for odd in (["Hi"], [None], [{}], [{"content": "x"}])),
    ([{"role": "system", "content": "x"}], "role 'system'.*system="),
    ([{"role": "developer", "content": "x"}], "system="),
    ([{"role": "tool", "content": "x"}], "tool_result"),
    ([{"role": 5, "content": "x"}], "role 5"),
    ([{"role": "user"}], "content"),
    ([{"role": "user", "content": ""}], "empty"),
    ([HI, {"role": "assistant", "content": []}], r"messages\[1\] is empty"),
    ([{"role": "user", "content": 5}], "not int"),
    ([{"role": "user", "content": ["x"]}], "Block 0"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], '"source"'),
    ([{**HI, "role": "assistant", "tool_calls": [{}]}], "tool_use"),
]


@pytest.mark.parametrize("number", range(len(MESSAGES)))
async def test_wrong_messages_are_refused_and_not_sent(number: int) -> None:
    messages, said = MESSAGES[number]
    with session(message()) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.messages(messages, max_tokens=9)
        assert re.search(said, f"{caught.value} {caught.value.hint}")
        assert (s.script.requests, s.rows) == ([], [])


async def test_messages_travel_as_they_are() -> None:
    messages = [
        {"role": "user", "content": [{**SAID, "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": MESSAGE["content"]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "7"},
                {"type": "a_thing_of_tomorrow", "x": None},
            ],
        },
    ]
    before = copy.deepcopy(messages)
    with session(message()) as s:
        await s.grok.messages(messages, max_tokens=9)
        await s.grok.messages(tuple(messages), max_tokens=9)
        assert [body["messages"] for body in s.script.bodies] == [before, before]
        assert messages == before


# -- results ---------------------------------------------------------------------------


async def test_a_message_is_typed_booked_and_keeps_its_json() -> None:
    with session(message()) as s:
        found = await s.grok.messages(HELLO, max_tokens=99)
        assert isinstance(found, AnthropicMessage)
        assert (found.raw, found.id, found.text) == (MESSAGE, ID, TEXT)
        assert (found.stop_reason, found.model) == ("tool_use", "grok-4.7")
        thinking, _, call = found.content or ()
        assert (thinking.thinking, call.name) == (THOUGHT, "get_weather")
        assert (call.id, call.input) == ("call_1", {"city": "Zürich"})
        row = s.row
        assert (row["endpoint"], row["state"]) == ("/messages", "done")
        assert (row["prompt_tokens"], row["cached_prompt_tokens"]) == (16, 4)
        assert (row["completion_tokens"], row["reasoning_tokens"]) == (9, 0)
        assert (row["tool_calls"], row["finish_reason"]) == (1, "tool_use")
        assert (row["cost_usd"], row["cost_source"]) == (TICKS / 1e10, "computed")
        assert (row["response_id"], row["model"]) == (ID, "grok-4.7")


async def test_the_server_s_own_figure_is_the_cost() -> None:
    with session(message(usage={**USAGE, "cost_in_usd_ticks": 77})) as s:
        await s.grok.messages(HELLO, max_tokens=99)
        assert (s.row["cost_usd"], s.row["cost_source"]) == (77e-10, "reported")


async def test_the_recorded_stream_gives_its_events_and_the_same_row() -> None:
    with session(message(), streamed(RECORDED)) as s:
        await s.grok.messages(HELLO, max_tokens=99)
        events, error = await streamed_to_end(s)
        assert error is None
        assert [event.raw for event in events] == EVENTS
        said = [e.delta.text for e in events if e.delta and e.delta.text]
        assert "".join(said) == TEXT
        assert events[0].message.raw == BEGIN["message"]
        assert events[2].content_block.type == "thinking"
        assert events[-2].delta.stop_reason == "tool_use"
        one, two = s.rows
        varying = {"time", "latency_s", "ttft_s", "id", "call"}
        for name in one.keys() - varying:
            assert one[name] == two[name], name
    assert texts(folded(*EVENTS)) == WHOLE


@pytest.mark.parametrize("names", [True, False], ids=["event lines", "data only"])
@pytest.mark.parametrize("done", [True, False], ids=["[DONE]", "EOF"])
async def test_event_lines_and_done_may_be_missing(names: bool, done: bool) -> None:
    with session(sent(*EVENTS, names=names, done=done)) as s:
        events, error = await streamed_to_end(s)
        assert (len(events), error) == (len(EVENTS), None)
        assert s.row["state"] == "done"


async def test_the_bytes_may_be_cut_into_two_pieces_anywhere() -> None:
    short = wire(BEGIN, *OF_TEXT[:2], END, STOP)
    with session(streamed(b"")) as s:
        for at in range(len(short) + 1):
            s.script.load(streamed([short[:at], short[at:]]))
            events, error = await streamed_to_end(s)
            assert (len(events), error) == (5, None)
        assert set(s.column("state")) == {"done"}
        assert set(s.column("cost_usd")) == {TICKS / 1e10}


async def test_a_whole_message_in_place_of_a_stream_is_one_event() -> None:
    with session(message()) as s:
        (event,), error = await streamed_to_end(s)
        assert error is None
        assert (event.type, event.message.text) == ("message_start", TEXT)
        assert (s.row["state"], s.row["completion_tokens"]) == ("done", 9)


#: what differs in a stream -> the same reply
ALIKE: dict[str, list[Any]] = {
    "no ping": [e for e in EVENTS if e["type"] != "ping"],
    "no stop": EVENTS[:-1],
    "no block stops": [e for e in EVENTS if e["type"] != "content_block_stop"],
    "unknown events": [x for e in EVENTS for x in (e, {"type": "new", "delta": "?"})],
    "unknown deltas and blocks": [
        *EVENTS[:-2],
        {"type": "content_block_start", "index": 3, "content_block": {"type": "x"}},
        {"type": "content_block_delta", "index": 3, "delta": {"type": "x", "text": 1}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "s"},
        },
        *EVENTS[-2:],
    ],
    "arguments as the block begins": [
        *(BEGIN, *OF_THINKING, *OF_TEXT),
        {"type": "content_block_start", "index": 2, "content_block": CALL},
        {"type": "content_block_stop", "index": 2},
        *(END, STOP),
    ],
    "texts as their blocks begin": [
        BEGIN,
        *(
            {"type": "content_block_start", "index": n, "content_block": b}
            for n, b in enumerate([THINKING, SAID, CALL])
        ),
        *(END, STOP),
    ],
    "all in the first event": [
        {"type": "message_start", "message": {**MESSAGE, "stop_reason": None}},
        *(END, STOP),
    ],
}


@pytest.mark.parametrize("name", ALIKE)
async def test_other_streams_give_the_same_reply(name: str) -> None:
    reply = folded(*ALIKE[name])
    text, thought, (call,), reason = texts(reply)
    assert (text, thought, reason) == (TEXT, THOUGHT, "tool_use")
    assert (call.id, call.name) == ("call_1", "get_weather")
    assert json.loads(call.arguments) == {"city": "Zürich"}
    with session(sent(*ALIKE[name])) as s:
        assert (await streamed_to_end(s))[1] is None
        assert (s.row["prompt_tokens"], s.row["completion_tokens"]) == (16, 9)
        assert (s.row["cost_source"], s.row["state"]) == ("computed", "done")


def test_a_call_without_arguments_and_two_calls_stay_apart() -> None:
    calls = [{**CALL, "id": f"call_{n}", "input": {}} for n in (1, 2)]
    whole = MessageFold({"body": {}})
    whole.add_whole({**MESSAGE, "content": calls})
    expected = tuple(ToolCall(f"call_{n}", "get_weather", "{}") for n in (1, 2))
    assert whole.reply().tool_calls == expected


def test_thoughts_are_apart_and_texts_go_on() -> None:
    whole = MessageFold({"body": {}})
    whole.add_whole({**MESSAGE, "content": [THINKING, SAID, THINKING, SAID]})
    reply = whole.reply()
    assert reply.reasoning == f"{THOUGHT}\n\n{THOUGHT}"
    assert reply.text == TEXT + TEXT


#: what of the usage came, in message_start and message_delta -> prompt, cached, output
COUNTS: dict[str, tuple[Any, Any, tuple[int, int, int]]] = {
    "as documented": (USAGE, {"output_tokens": 9}, (16, 4, 9)),
    "all at the end": (None, USAGE, (16, 4, 9)),
    "the end wins": ({**USAGE, "input_tokens": 1}, USAGE, (16, 4, 9)),
    "nulls say nothing": (
        USAGE,
        {"input_tokens": None, "output_tokens": 9},
        (16, 4, 9),
    ),
    "written to the cache": (
        {"input_tokens": 2, "cache_creation_input_tokens": 30},
        {"output_tokens": 9},
        (32, 0, 9),
    ),
    "numbers as text": ({"input_tokens": "12"}, {"output_tokens": "9"}, (12, 0, 9)),
    "only output": (None, {"output_tokens": 9}, (0, 0, 9)),
    "odd ones": ({"input_tokens": [1]}, {"output_tokens": 9, "x": {}}, (0, 0, 9)),
}


@pytest.mark.parametrize("name", COUNTS)
async def test_usage_is_put_together(name: str) -> None:
    begun, ended, (prompt, cached, output) = COUNTS[name]
    begin = {**BEGIN, "message": {**BEGIN["message"], "usage": begun}}
    with session(sent(begin, *OF_TEXT, {**END, "usage": ended}, STOP)) as s:
        assert (await streamed_to_end(s))[1] is None
        row = s.row
        assert (row["prompt_tokens"], row["cached_prompt_tokens"]) == (prompt, cached)
        assert (row["completion_tokens"], row["cost_source"]) == (output, "computed")


# -- when it goes wrong ----------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_stream_may_break_off_after_every_event(how: str) -> None:
    for count in range(len(EVENTS) + 1):
        pieces: list[Any] = [wire(event) for event in EVENTS[:count]]
        pieces += [httpx.ReadError("reset")] if how == "reset" else []
        with session(streamed(pieces), streamed(RECORDED), on_doubt="hold") as s:
            events, error = await streamed_to_end(s)
            before = folded(*EVENTS[:count])
            (row,) = s.rows
            if count >= len(EVENTS) - 1:  # all of it, and its bill
                assert error is None
                assert (row["state"], row["cost_usd"]) == ("done", TICKS / 1e10)
                continue
            if not (before.text or before.reasoning):  # nothing was shown
                assert error.reply is None
                assert row["state"] == "in_doubt"
                continue
            assert isinstance(error, StreamError)
            assert texts(error.reply) == texts(before)
            assert len(events) == count
            assert (row["state"], row["cost_source"]) == ("failed", "estimated")
            # the prompt was told as the stream began; the rest is a guess
            assert (row["prompt_tokens"], row["cached_prompt_tokens"]) == (16, 4)
            assert row["completion_tokens"] <= 12


@pytest.mark.parametrize(
    "said",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}},
        {"code": "unavailable", "error": "Busy"},
        {"type": "error", "message": "Busy"},
    ],
)
async def test_an_error_in_the_stream_ends_it(said: dict[str, Any]) -> None:
    with session(sent(BEGIN, *OF_TEXT, {"type": "x", **said}, STOP)) as s:
        _, error = await streamed_to_end(s)
        assert isinstance(error, StreamError)
        assert "Busy" in str(error)
        assert error.reply is not None
        assert error.reply.text == TEXT
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")


async def test_what_was_not_shown_is_asked_again() -> None:
    with session(
        refusal(503), refusal(429), sent(BEGIN), streamed(RECORDED), refusal(503)
    ) as s:
        events, error = await streamed_to_end(s)
        assert (error, events[-1].type) == (None, "message_stop")
        assert s.column("state") == ["failed", "failed", "in_doubt", "done"]
        assert [row["cost_usd"] for row in s.rows][:2] == [0, 0]


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"{}", b'{"content": 5}', b"<html>"]
)
async def test_what_is_no_message_is_a_fault(body: bytes) -> None:
    with session(Answer(pieces=body), on_doubt="hold") as s:
        with pytest.raises(GrokError) as caught:
            await s.grok.messages(HELLO, max_tokens=9)
        assert isinstance(caught.value.__cause__, ServerFault)
        assert s.row["state"] == "in_doubt"


async def test_an_unknown_model_is_a_400_there_and_not_found_here() -> None:
    with session(refusal(400, "Model not found: grok-9")) as s:
        with pytest.raises(NotFound, match="Model not found"):
            await s.grok.messages(HELLO, "grok-9", max_tokens=9)
        assert (s.row["state"], s.row["cost_usd"]) == ("failed", 0)


async def test_stop_before_the_first_byte_closes_the_request() -> None:
    begun, answer = asyncio.Event(), streamed([STALL])

    def answered(_: httpx.Request) -> Answer:
        begun.set()
        return answer

    with session(answered) as s:
        task = asyncio.ensure_future(streamed_to_end(s))
        await begun.wait()
        for _ in range(9):  # until it waits for the body
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert answer.body is not None
        assert answer.body.closed
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")


async def test_a_stream_that_is_left_is_closed_and_booked() -> None:
    answer = streamed([wire(event) for event in EVENTS[:8]] + [STALL])
    with session(answer) as s:
        stream = s.grok.messages_stream(HELLO, max_tokens=9)
        async for event in stream:
            if event.delta and event.delta.text:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        assert answer.body is not None
        assert answer.body.closed
        assert (s.row["state"], s.row["prompt_tokens"]) == ("stopped", 16)


async def test_a_connection_that_fails_is_tried_again() -> None:
    with session(httpx.ConnectError("no"), message()) as s:
        assert (await s.grok.messages(HELLO, max_tokens=9)).text == TEXT
        assert s.column("state") == ["failed", "done"]
    with session(httpx.ConnectError("no")) as s, pytest.raises(ConnectionFailed):
        await s.grok.messages(HELLO, max_tokens=9)


async def test_a_guess_counts_pictures_of_this_form_by_tiles() -> None:
    picture = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "A" * 90_000},
    }
    asked = [{"role": "user", "content": [picture]}]
    whole = {key: value for key, value in MESSAGE.items() if key != "usage"}
    with session(Answer(pieces=json.dumps(whole).encode())) as s:
        await s.grok.messages(asked, max_tokens=9)
        assert s.row["image_tokens"] == 1792  # not 22,500 for the letters
        assert s.row["prompt_tokens"] < 2000
        assert s.row["cost_source"] == "estimated"


# -- whatever comes --------------------------------------------------------------------

SCALARS = st.sampled_from([None, True, -1, 0, 2, 1.5, "", "x", "\ud83e", "text"])
FIELDS = st.sampled_from(
    [
        *("type", "index", "text", "partial_json", "thinking", "input", "content"),
        *("stop_reason", "usage", "input_tokens", "output_tokens", "id", "name"),
    ]
)
FLAT = SCALARS | st.dictionaries(FIELDS, SCALARS, max_size=3)
JSON = FLAT | st.lists(FLAT, max_size=3) | st.dictionaries(FIELDS, FLAT, max_size=3)
KINDS = st.sampled_from(sorted({event["type"] for event in EVENTS}))
ODD = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    KINDS,
    st.dictionaries(
        st.sampled_from(["index", "delta", "content_block", "message", "usage"]), JSON
    ),
)


@settings(max_examples=300)
@given(st.lists(ODD | st.sampled_from(EVENTS), max_size=12))
def test_a_fold_takes_whatever_comes(events: list[Any]) -> None:
    fold = MessageFold({"body": {}})
    for event in events:
        before = len(fold.log)
        fold.add(copy.deepcopy(event))
        for made in fold.events_since(before):
            assert isinstance(made.reply.text, str)
    reply = fold.reply()
    log = fold.log
    said = "".join(text for kind, _, text in log if kind == "text")
    # half of a surrogate pair cannot be shown
    assert reply.text == said.encode("utf-8", "replace").decode().replace("?", "\ufffd")
    for call in reply.tool_calls:
        assert isinstance(call.arguments, str)


@settings(max_examples=200)
@given(JSON)
def test_a_whole_message_may_be_anything(data: Any) -> None:
    fold = MessageFold({"body": {}})
    fold.add_whole({"content": data, "usage": data, "stop_reason": data})
    assert fold.has_choice == isinstance(data, list)
    assert isinstance(fold.reply().text, str)


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(["text", "thinking", "tool"]), max_size=5),
    st.text(alphabet="aé€🦊\n", min_size=1, max_size=6),
)
def test_deltas_and_a_whole_message_give_the_same_reply(
    kinds: list[str], text: str
) -> None:
    content: list[Any] = []
    events: list[Any] = [BEGIN]
    for index, kind in enumerate(kinds):
        if kind == "tool":
            made, empty = {**CALL, "id": f"c{index}"}, {"input": {}}
            deltas = [
                ("input_json_delta", "partial_json", p) for p in (ARGUMENTS[:5],)
            ] + [("input_json_delta", "partial_json", ARGUMENTS[5:])]
        else:
            made = {"type": kind, kind: text}
            empty = {kind: ""}
            deltas = [(f"{kind}_delta", kind, letter) for letter in text]
        content.append(made)
        at = {"index": index}
        events.append(
            {"type": "content_block_start", **at, "content_block": {**made, **empty}}
        )
        events += [
            {"type": "content_block_delta", **at, "delta": {"type": t, field: piece}}
            for t, field, piece in deltas
        ]
        events.append({"type": "content_block_stop", **at})
    whole = MessageFold({"body": {}})
    whole.add_whole({**MESSAGE, "content": content})
    one, two = whole.reply(), folded(*events, END, STOP)
    assert (one.text, one.reasoning) == (two.text, two.reasoning)
    assert one.usage == two.usage
    assert [c.name for c in one.tool_calls] == [c.name for c in two.tool_calls]
    for a, b in zip(one.tool_calls, two.tool_calls, strict=True):
        assert json.loads(a.arguments) == json.loads(b.arguments)
