"""`ask(tools=)`: what is sent between the rounds, what is run, and how it can end."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any

import pytest

from grok_nb.errors import (
    BadRequest,
    ServerFault,
    StreamError,
    TimedOut,
)
from grok_nb.reply import Reply, Step

from ..response_shapes import RESPONSE
from ..support import (
    STALL,
    USAGE,
    Answer,
    chunk,
    completion,
    delta,
    refusal,
    session,
    sse,
    streamed,
)

TICKS = USAGE["cost_in_usd_ticks"]


def double(x: int) -> int:
    """Double a number."""
    return 2 * x


def call(number: int, name: str = "double", arguments: str = '{"x": 21}') -> Any:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


def calls(*wanted: Any, text: str = "", finish: str = "tool_calls") -> Answer:
    message = {"role": "assistant", "content": text, "tool_calls": list(wanted)}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return completion(choices=[choice])


def calls_in_pieces(*wanted: Any, text: str = "", finish: str = "tool_calls") -> Answer:
    events = [chunk(delta(content=text))] if text else []
    for index, one in enumerate(wanted):
        events.append(chunk(delta(tool_calls=[{"index": index, **one}])))
    return streamed(sse(*events, chunk(delta(finish=finish)), chunk(usage=USAGE)))


def said(text: str) -> Answer:
    message = {"role": "assistant", "content": text, "refusal": None}
    return completion(
        choices=[{"index": 0, "message": message, "finish_reason": "stop"}]
    )


def said_in_pieces(text: str) -> Answer:
    last = chunk(delta(finish="stop"))
    return streamed(sse(chunk(delta(content=text)), last, chunk(usage=USAGE)))


#: how it is asked -> an answer with calls, one with text
WAYS = {"ask": (calls, said), "stream": (calls_in_pieces, said_in_pieces)}


async def answer(made: Any, way: str, **options: Any) -> Reply:
    if way == "ask":
        reply: Reply = await made.grok.ask("Hi", **options)
        return reply
    _, reply = await made.collect(**options)
    return reply


def results(made: Any, request: int = -1) -> list[str]:
    messages = made.script.bodies[request]["messages"]
    return [m["content"] for m in messages if m["role"] == "tool"]


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_function_returns_goes_back_to_the_model(way):
    wants, says = WAYS[way]
    with session(wants(call(1)), says("It is 42.")) as made:
        reply = await answer(made, way, tools=[double])
        first, second = made.script.bodies
        rows = made.rows
    assert first["messages"] == [{"role": "user", "content": "Hi"}]
    assert first["tools"] == second["tools"]
    assert first["tools"][0]["function"]["name"] == "double"
    assert "tool_choice" not in first | second
    assert second["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [call(1)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    ]
    assert (reply.text, reply.state, reply.tool_calls) == ("It is 42.", "done", ())
    assert reply.steps == (
        Step("function", "double", '{"x": 21}', "42", "done", "call_1", 1),
    )
    assert (reply.cost_ticks, reply.cost_source) == (2 * TICKS, "reported")
    assert reply.usage.prompt_tokens == 2 * USAGE["prompt_tokens"]
    assert reply.attempts == 2
    assert [(row["state"], row["tool_calls"]) for row in rows] == [
        ("done", 1),
        ("done", 0),
    ]
    assert sum(row["cost_usd"] for row in rows) == pytest.approx(reply.cost_usd)


async def test_a_stream_tells_of_each_step():
    script = (calls_in_pieces(call(1), text="I look."), said_in_pieces("Yes."))
    with session(*script) as made:
        events, reply = await made.collect(tools=double)
    assert [(e.kind, e.delta) for e in events] == [
        ("text", "I look."),
        ("tool_call", '{"x": 21}'),
        ("usage", ""),
        ("tool_result", "42"),
        ("text", "Yes."),
        ("usage", ""),
        ("end", ""),
    ]
    # what was shown stays
    assert [e.reply.text for e in events][3:] == [
        "I look.",
        *["I look.\n\nYes."] * 3,
    ]
    assert [e.reply.state for e in events] == ["running"] * 6 + ["done"]
    assert [[s.state for s in e.reply.steps] for e in events][3:] == [["done"]] * 4
    assert events[1].reply.tool_calls[0].name == "double"
    assert reply.text == "I look.\n\nYes."


async def test_functions_that_are_awaited_run_at_the_same_time():
    met = asyncio.Barrier(2)

    async def meet(x: int) -> str:
        await met.wait()
        return f"met {x}"

    order = []

    def slow(x: int) -> str:
        order.append(f"begins {x}")
        threading.Event().wait(0.02)
        order.append(f"ends {x}")
        return f"slow {x}"

    wanted = [
        call(1, "meet", '{"x": 1}'),
        call(2, "slow", '{"x": 2}'),
        call(3, "slow", '{"x": 3}'),
        call(4, "meet", '{"x": 4}'),
    ]
    with session(calls(*wanted), said("Good.")) as made:
        reply = await made.grok.ask("Hi", tools=[meet, slow])
        assert results(made) == ["met 1", "slow 2", "slow 3", "met 4"]
    assert order == ["begins 2", "ends 2", "begins 3", "ends 3"]
    assert [s.id for s in reply.steps] == ["call_1", "call_2", "call_3", "call_4"]
    assert {s.round for s in reply.steps} == {1}


def raises(x: int) -> int:
    raise ValueError(f"not {x}")


def leaves(x: int) -> int:
    sys.exit(3)


def recurses(x: int) -> int:
    return recurses(x)


def ends(x: int) -> int:
    raise StopIteration


def cancels(x: int) -> int:
    raise asyncio.CancelledError


async def acancels(x: int) -> int:
    raise asyncio.CancelledError


async def times_out(x: int) -> int:
    raise TimeoutError("its own")


def no_json(x: int) -> Any:
    return object()


FAILING = {
    raises: "Error: ValueError: not 21",
    leaves: "Error: SystemExit: 3",
    recurses: "Error: RecursionError: maximum recursion depth exceeded",
    ends: "Error: RuntimeError: StopIteration: ",
    cancels: "Error: CancelledError",
    acancels: "Error: CancelledError",
    times_out: "Error: TimeoutError: its own",
    no_json: "Error: no_json() returned a object, which is neither text nor JSON.",
}


@pytest.mark.parametrize("function", FAILING, ids=lambda f: f.__name__)
@pytest.mark.parametrize("way", WAYS)
async def test_what_fails_in_a_function_is_told_to_the_model(function, way):
    wants, says = WAYS[way]
    script = (wants(call(1, function.__name__)), says("Sorry."))
    with session(*script) as made:
        reply = await answer(made, way, tools=[function])
        (told,) = results(made)
    assert told.startswith(FAILING[function])
    assert (reply.text, reply.state) == ("Sorry.", "done")
    assert (reply.steps[0].state, reply.steps[0].result) == ("failed", told)


WRONG = {
    ("double", '{"x": "a"}'): "Error: The arguments of double() are wrong: x: got 'a'",
    (
        "double",
        '{"x": 1, "y": 2}',
    ): "Error: The arguments of double() are wrong: y: not",
    ("double", "{"): "Error: The arguments of double() are wrong: is no JSON",
    ("triple", "{}"): "Error: There is no function 'triple'; there are: double.",
}


@pytest.mark.parametrize(("name", "arguments"), WRONG)
async def test_a_wrong_call_is_told_to_the_model(name, arguments):
    script = (calls(call(1, name, arguments)), calls(call(2)), said("42."))
    with session(*script) as made:
        reply = await made.grok.ask("Hi", tools=[double])
        assert results(made, 1)[0].startswith(WRONG[name, arguments])
    assert [s.state for s in reply.steps] == ["failed", "done"]
    assert [s.round for s in reply.steps] == [1, 2]


async def test_a_function_that_is_defined_anew_meanwhile_stays_what_it_was():
    names = {"f": double}

    def again(x: int) -> int:
        names["f"] = raises
        return x

    tools = [names["f"], again]
    script = (calls(call(1, "again")), calls(call(2)), said("42."))
    with session(*script) as made:
        await made.grok.ask("Hi", tools=tools)
        assert results(made) == ["21", "42"]


@pytest.mark.parametrize("way", WAYS)
async def test_after_the_last_step_the_model_has_to_answer(way):
    wants, says = WAYS[way]
    script = (wants(call(1)), wants(call(2)), says("Enough."))
    with session(*script) as made:
        reply = await answer(made, way, tools=[double], max_steps=2)
        sent = [body.get("tool_choice") for body in made.script.bodies]
    assert sent == [None, None, "none"]
    assert (reply.text, len(reply.steps)) == ("Enough.", 2)


async def test_a_model_that_calls_all_the_same_is_not_served_for_ever():
    with session(calls(call(1))) as made:
        reply = await made.grok.ask("Hi", tools=[double], max_steps=3)
        assert len(made.script.requests) == 4
        assert len(made.rows) == 4
    assert (reply.state, reply.finish_reason) == ("done", "tool_calls")
    assert len(reply.steps) == 3
    assert reply.tool_calls[0].name == "double"
    assert reply.cost_ticks == 4 * TICKS


async def test_what_is_forced_is_forced_once():
    with session(calls(call(1)), calls(call(2)), said("42.")) as made:
        await made.grok.ask("Hi", tools=[double], tool_choice="double")
        sent = [body.get("tool_choice") for body in made.script.bodies]
    forced = {"type": "function", "function": {"name": "double"}}
    assert sent == [forced, None, None]


async def test_none_runs_nothing():
    with session(calls(call(1))) as made:
        reply = await made.grok.ask("Hi", tools=[double], tool_choice="none")
        assert made.script.bodies[0]["tool_choice"] == "none"
    assert len(reply.tool_calls) == 1
    assert reply.steps == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", [None, "x int"])
async def test_what_is_only_declared_is_the_callers_to_answer(way, schema):
    wants, _ = WAYS[way]
    declared = {"type": "function", "function": {"name": "other"}}
    script = (wants(call(1), call(2, "other", "{}")),)
    with session(*script) as made:
        tools = [double, declared]
        reply = await answer(made, way, tools=tools, schema=schema)
        assert len(made.script.requests) == 1
    assert [c.name for c in reply.tool_calls] == ["double", "other"]
    assert (reply.state, reply.steps, reply.parsed) == ("done", (), None)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_calls_of_a_reply_that_was_cut_are_not_run(finish):
    with session(calls(call(1), finish=finish)) as made:
        reply = await made.grok.ask("Hi", tools=[raises, double])
        assert len(made.script.requests) == 1
    assert reply.finish_reason == finish


@pytest.mark.parametrize("way", WAYS)
async def test_the_answer_fits_a_schema_and_is_mended_without_functions(way):
    wants, says = WAYS[way]
    script = (
        wants(call(1), text="{not this}"),
        says('{"x": "many"}'),
        said('{"x": 42}'),
    )
    with session(*script) as made:
        reply = await answer(made, way, tools=[double], schema="x int")
        bodies = made.script.bodies
    assert reply.parsed == {"x": 42}
    assert reply.repairs == 1
    assert [s.result for s in reply.steps] == ["42"]
    assert reply.cost_ticks == 3 * TICKS
    assert ["tools" in body for body in bodies] == [True, True, False]
    assert [m["role"] for m in bodies[2]["messages"]] == [
        *("user", "assistant", "tool", "assistant", "user")
    ]


async def test_a_failure_after_functions_keeps_what_was_paid_for():
    with session(calls(call(1)), refusal(400)) as made:
        with pytest.raises(BadRequest) as caught:
            await made.grok.ask("Hi", tools=[double])
        assert made.column("state") == ["done", "failed"]
    reply = caught.value.reply
    assert [s.result for s in reply.steps] == ["42"]
    assert (reply.state, reply.cost_ticks) == ("failed", TICKS)


async def test_a_stream_that_breaks_after_functions_keeps_all_that_came():
    cut = streamed(sse(chunk(delta(content="It ")), done=False))
    with session(calls_in_pieces(call(1), text="So."), cut) as made:
        reply, error = await made.outcome(tools=[double])
        assert made.column("state") == ["done", "failed"]
    assert isinstance(error, StreamError)
    assert (reply.text, reply.state) == ("So.\n\nIt ", "failed")
    assert [s.result for s in reply.steps] == ["42"]


async def test_functions_are_not_run_again_by_a_retry():
    ran = []

    def once(x: int) -> int:
        ran.append(x)
        return x

    script = (calls(call(1, "once")), refusal(503), said("21."))
    with session(*script) as made:
        reply = await made.grok.ask("Hi", tools=[once])
        assert made.column("state") == ["done", "failed", "done"]
    assert ran == [21]
    assert reply.attempts == 3


@pytest.mark.parametrize("way", WAYS)
async def test_stop_in_a_function_ends_it_and_says_so(way):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(x: int) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return x

    wants, _ = WAYS[way]
    with session(wants(call(1, "hang"), text="Wait.")) as made:
        ends: list[Reply] = []
        core = made.grok
        from grok_nb.api.question import question

        ask = question("Hi", tools=[hang])

        async def follow() -> None:
            async for _ in core.follow(ask, on_end=ends.append):
                pass

        going = follow() if way == "stream" else core.fetch(ask, on_end=ends.append)
        task = asyncio.ensure_future(going)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
        assert made.column("state") == ["done"]
    (reply,) = ends
    assert (reply.state, reply.text, reply.cost_ticks) == ("stopped", "Wait.", TICKS)
    assert [(s.state, s.result) for s in reply.steps] == [
        ("failed", "Error: stopped by the user")
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_function_that_hangs_ends_with_the_time_of_the_question(way):
    async def hang(x: int) -> int:
        await asyncio.Event().wait()
        return x

    def sleeps(x: int) -> int:
        threading.Event().wait(5)
        return x

    wants, _ = WAYS[way]
    for function in (hang, sleeps):
        with session(wants(call(1, function.__name__))) as made:
            with pytest.raises(
                TimedOut, match=rf"ended in {function.__name__}\(\)"
            ) as e:
                await answer(made, way, tools=[function], timeout_s=0.1)
            assert made.column("state") == ["done"]
        reply = e.value.reply
        assert (reply.state, reply.cost_ticks) == ("failed", TICKS)
        assert reply.steps[0].state == "failed"


async def test_all_requests_of_a_question_share_its_time():
    with session(calls(call(1)), Answer(pieces=[STALL])) as made:
        with pytest.raises(TimedOut):
            await made.grok.ask("Hi", tools=[double], timeout_s=0.2)
        assert made.column("state") == ["done", "in_doubt"]


async def test_questions_of_functions_go_only_so_deep():
    with session(calls(call(1, "deeper"))) as made:
        depths = []

        async def deeper(x: int) -> str:
            depths.append(x)
            reply = await made.grok.ask("Hi", tools=[deeper], max_steps=1)
            return reply.text

        await made.grok.ask("Hi", tools=[deeper], max_steps=1)
        assert any(
            "was not run: functions ask questions that call functions, 4 deep" in text
            for body in made.script.bodies
            for text in [m["content"] for m in body["messages"] if m["role"] == "tool"]
        )
    assert len(depths) == 4


def response_with(*items: Any) -> Answer:
    return Answer(pieces=json.dumps({**RESPONSE, "output": list(items)}).encode())


async def test_responses_are_gone_on_with_by_their_own_items():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    sealed = {**reasoning, "id": "rs_2", "encrypted_content": "abc"}
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "numbers"},
    }
    wanted = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "double",
        "arguments": '{"x": 21}',
    }
    text = [{"type": "output_text", "text": "42.", "annotations": []}]
    message = {"type": "message", "id": "m", "role": "assistant", "content": text}
    script = (
        response_with(reasoning, sealed, search, wanted),
        response_with(message),
    )
    with session(*script) as made:
        reply = await made.grok.ask(
            "Hi", tools=[double], search="web", tool_choice="double"
        )
        first, second = made.script.bodies
        assert made.column("endpoint") == ["/responses", "/responses"]
    assert first["store"] is second["store"] is False
    assert [tool["type"] for tool in first["tools"]] == ["web_search", "function"]
    assert first["tool_choice"] == {"type": "function", "name": "double"}
    assert "tool_choice" not in second
    assert second["input"] == [
        {"role": "user", "content": "Hi"},
        sealed,
        search,
        wanted,
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    ]
    assert [(s.kind, s.name) for s in reply.steps] == [
        ("web_search", "search"),
        ("function", "double"),
    ]
    assert reply.text == "42."


async def test_a_tool_of_the_server_can_be_given_as_a_dict():
    secret = "Bearer planted0123456789"
    tool = {
        "type": "mcp",
        "server_url": "https://mcp.example/mcp",
        "authorization": secret,
    }
    with session(response_with()) as made, pytest.raises(ServerFault):
        await made.grok.ask("Hi", tools=[tool, double])
    (body,) = made.script.bodies
    assert [t["type"] for t in body["tools"]] == ["mcp", "function"]
    assert body["tools"][0]["authorization"] == secret


REFUSED = [
    ({"n": 2, "tools": [double]}, "n must be 1 with tools"),
    ({"tool_choice": "auto"}, "tool_choice is about functions that were not given"),
    ({"max_steps": 3}, "max_steps is about functions"),
    ({"tools": [double], "max_steps": 0}, "max_steps must be"),
    ({"tools": "double"}, "tools must be functions"),
    ({"tools": [double], "tool_choice": "triple"}, "tool_choice must be one of"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
async def test_wrong_options_are_refused_before_anything_is_sent(options, said):
    with session(completion()) as made:
        with pytest.raises(BadRequest, match=said):
            await made.grok.ask("Hi", **options)
        assert made.script.requests == []
        assert made.rows == []
