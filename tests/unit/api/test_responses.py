"""Arguments of the Responses API, its methods, and `ask` with the server's tools."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import httpx
import pandas as pd
import pytest

from grok_nb.api.responses import PARAMETERS, ResponseOptions, items_of
from grok_nb.errors import BadRequest, NotFound, ServerFault, StreamError
from grok_nb.wire import Response

from ..response_shapes import (
    EVENTS,
    ID,
    MESSAGE,
    RECORDED,
    RESPONSE,
    TEXT,
    URL,
    response,
)
from ..support import (
    KEY,
    Answer,
    chunk,
    completion,
    delta,
    refusal,
    session,
    sse,
    streamed,
)

#: for each parameter: what it takes, and what it refuses
WHOLE: list[Any] = ["1", [1], {}, True, 1.5, 0, -1]
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "instructions": (["Be brief."], [1, ["x"]]),
    "previous_response_id": ([ID], [1, {}]),
    "store": ([True, False], [0, "no"]),
    "include": ([["reasoning.encrypted_content"], ["new.thing"]], [[1], 5, {}]),
    "max_output_tokens": ([1, 10**6], WHOLE),
    "max_turns": ([1, 50], WHOLE),
    "parallel_tool_calls": ([True, False], [1]),
    "reasoning": ([{"effort": "low", "summary": "auto"}], ["low", 1, []]),
    "text": ([{"format": {"type": "text"}}], ["text", 1]),
    "tools": ([[{"type": "web_search"}], []], [{}, "web", 1]),
    "tool_choice": (["auto", {"type": "function", "name": "f"}], [1, ["auto"]]),
    "temperature": ([0, 2, 0.5], ["1", -0.1, 2.1, True]),
    "top_p": ([0.5, 1], ["1", 1.1]),
    "logprobs": ([True], [1]),
    "top_logprobs": ([0, 8], [9, "1"]),
    "user": (["u"], [1]),
    "prompt_cache_key": (["k"], [1]),
    "service_tier": (["priority"], [1]),
    "safety_identifier": (["s"], [1]),
    "metadata": ([{"a": "b"}], ["x"]),
    "truncation": (["auto"], [1]),
    "context_management": ([{"x": 1}], ["x"]),
}


def test_every_parameter_is_tried_here() -> None:
    assert VALUES.keys() == PARAMETERS.keys() == ResponseOptions.__annotations__.keys()


@pytest.mark.parametrize("name", VALUES)
async def test_a_right_value_is_sent_and_a_wrong_one_is_not(name: str) -> None:
    right, wrong = VALUES[name]
    with session(response()) as s:
        for value in right:
            await s.grok.respond("Hi", **{name: value})
        assert s.script.bodies == [
            {"model": "grok-4.7", "input": "Hi", name: value} for value in right
        ]
        s.script.requests.clear()
        for value in wrong:
            with pytest.raises(BadRequest, match=name):
                await s.grok.respond("Hi", **{name: value})
            with pytest.raises(BadRequest, match=name):
                async for _ in s.grok.respond_stream("Hi", **{name: value}):
                    pass
        assert s.script.requests == []
        assert len(s.rows) == len(right)


async def test_only_what_was_set_is_sent() -> None:
    with session(response(), streamed(RECORDED)) as s:
        await s.grok.respond("Hi", store=None, temperature=None)
        async for _ in s.grok.respond_stream("Hi"):
            pass
        bare = {"model": "grok-4.7", "input": "Hi"}
        assert s.script.bodies == [bare, {**bare, "stream": True}]
        (one, two) = (request.url.path for request in s.script.requests)
        assert one == two == "/v1/responses"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_tokens": 5}, "max_output_tokens="),
        ({"reasoning_effort": "low"}, 'reasoning={"effort"'),
        ({"response_format": {}}, "text="),
        ({"system": "x"}, "instructions="),
        ({"stop": "x"}, "no parameter 'stop'"),
        ({"seed": 1}, "no parameter 'seed'"),
        ({"background": True}, "no parameter 'background'"),
        ({"instructions": "x", "previous_response_id": ID}, "exclude each other"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "flat"),
        ({"text": {"format": {"type": "json_schema", "json_schema": {}}}}, "flat"),
    ],
)
async def test_what_does_not_go_is_refused_with_what_to_do(
    options: dict[str, Any], said: str
) -> None:
    with session(response()) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.respond("Hi", **options)
        assert said in f"{caught.value} {caught.value.hint}"
        assert (s.script.requests, s.rows) == ([], [])


HI = {"role": "user", "content": "Hi"}
INPUTS: list[Any] = [
    *(None, "", b"Hi", 5, [], (), {}, HI, ["Hi"], [None], [{}], {"a"}, iter([HI])),
    [{"content": "Hi"}],
    [{"role": "user"}],
    [{"role": "user", "content": ""}],
    [{"role": "user", "content": 5}],
    [{"role": "", "content": "x"}],
    [{"type": "message", "content": "x"}],
    [HI, {"role": "assistant", "content": []}],
]


@pytest.mark.parametrize("number", range(len(INPUTS)))
async def test_a_wrong_input_is_refused_and_not_sent(number: int) -> None:
    with session(response()) as s:
        with pytest.raises(BadRequest, match="input"):
            await s.grok.respond(INPUTS[number])
        assert (s.script.requests, s.rows) == ([], [])


async def test_items_travel_as_they_are() -> None:
    """Section 6.2: messages, output items verbatim, results of functions."""
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", **HI},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        *RESPONSE["output"],
        {"type": "function_call_output", "call_id": "call_1", "output": "7"},
        {"type": "a_thing_of_tomorrow", "x": None},
    ]
    with session(response()) as s:
        await s.grok.respond(items)
        await s.grok.respond(tuple(items))
        assert [body["input"] for body in s.script.bodies] == [items, items]


# -- results ---------------------------------------------------------------------------


async def test_respond_is_typed_and_keeps_the_json() -> None:
    with session(response()) as s:
        found = await s.grok.respond("Hi")
        assert isinstance(found, Response)
        assert found.raw == RESPONSE
        assert (found.id, found.status, found.text) == (ID, "completed", TEXT)
        assert [item.type for item in found.output or ()] == [
            *("reasoning", "web_search_call", "message")
        ]
        message = (found.output or [])[2]
        (part,) = message.content or ()
        (note,) = part.annotations or ()
        assert (note.url, note.start_index) == (URL, 18)
        assert (s.row["endpoint"], s.row["response_id"]) == ("/responses", ID)
        assert s.row["cost_source"] == "reported"


async def test_a_response_with_fields_of_wrong_types_is_not_lost() -> None:
    odd = {**RESPONSE, "output": [5, {**MESSAGE, "status": 7}], "created_at": "soon"}
    with session(Answer(pieces=json.dumps(odd).encode())) as s:
        found = await s.grok.respond("Hi")
        assert (found.text, found.created_at, found.raw) == (TEXT, None, odd)


async def test_respond_stream_gives_every_event_in_order() -> None:
    with session(streamed(RECORDED)) as s:
        events = [event async for event in s.grok.respond_stream("Hi")]
        assert [event.type for event in events] == [e["type"] for e in EVENTS]
        assert [event.sequence_number for event in events] == list(range(len(EVENTS)))
        assert events[-1].response is not None
        assert events[-1].response.raw == RESPONSE
        deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
        assert "".join(str(delta) for delta in deltas) == TEXT
        assert (s.row["state"], s.row["cost_source"]) == ("done", "reported")


async def test_leaving_respond_stream_closes_it() -> None:
    answer = streamed([RECORDED[:4000]])
    with session(answer) as s:
        stream = s.grok.respond_stream("Hi")
        async for event in stream:
            if event.type == "response.reasoning_summary_text.delta":
                break
        await stream.aclose()  # type: ignore[attr-defined]
        assert answer.body.closed  # type: ignore[union-attr]
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")


async def test_json_in_place_of_a_stream_is_one_event() -> None:
    with session(response()) as s:
        (event,) = [event async for event in s.grok.respond_stream("Hi")]
        assert event.type == "response.completed"
        assert event.response is not None
        assert event.response.raw == RESPONSE


async def test_a_failed_response_is_an_error_for_both() -> None:
    failed = {"status": "failed", "error": {"code": "c", "message": "It broke."}}
    with (
        session(response(**failed)) as s,
        pytest.raises(ServerFault, match="It broke"),
    ):
        await s.grok.respond("Hi")
    raw = RECORDED.replace(b"response.completed", b"response.failed")
    raw = raw.replace(b'"status": "completed", "model"', b'"status": "failed", "model"')
    with session(streamed(raw)) as s:
        with pytest.raises(StreamError, match="failed"):
            async for _ in s.grok.respond_stream("Hi"):
                pass
        assert s.row["state"] == "failed"


async def test_an_incomplete_response_is_no_error() -> None:
    cut = {"incomplete_details": {"reason": "max_output_tokens"}}
    with session(response(status="incomplete", **cut)) as s:
        found = await s.grok.respond("Hi", max_output_tokens=5)
        assert (found.status, found.incomplete_details) == (
            "incomplete",
            {"reason": "max_output_tokens"},
        )
        assert s.row["finish_reason"] == "length"


# -- stored responses ------------------------------------------------------------------


async def test_stored_responses_are_read_and_deleted_for_free() -> None:
    gone = {"id": ID, "object": "response", "deleted": True}
    items = {"object": "list", "data": [{"type": "message", **HI}]}
    answers = [
        Answer(pieces=json.dumps(data).encode()) for data in (RESPONSE, items, gone)
    ]
    with session(*answers) as s:
        found = await s.grok.get_response(ID)
        listed = await s.grok.response_input_items(ID)
        deleted = await s.grok.delete_response(ID)
        assert (found.raw, found.text) == (RESPONSE, TEXT)
        assert (listed.raw, listed.data) == (items, items["data"])
        assert (deleted.raw, deleted.deleted, deleted.id) == (gone, True, ID)
        sent = [(r.method, r.url.path, r.content) for r in s.script.requests]
        assert sent == [
            ("GET", f"/v1/responses/{ID}", b""),
            ("GET", f"/v1/responses/{ID}/input_items", b""),
            ("DELETE", f"/v1/responses/{ID}", b""),
        ]
        assert s.rows == []


STORED = ("get_response", "delete_response", "response_input_items")


@pytest.mark.parametrize("name", STORED)
async def test_an_id_is_quoted_and_never_a_way_elsewhere(name: str) -> None:
    with session(Answer(pieces=json.dumps(RESPONSE).encode())) as s:
        await getattr(s.grok, name)("a/../b c?d#e%")
        path = s.script.requests[0].url.raw_path.decode()
        assert path.startswith("/v1/responses/a%2F..%2Fb%20c%3Fd%23e%25")
        for wrong in ("", " ", ".", "..", None, 5, [ID]):
            with pytest.raises(BadRequest, match="response_id"):
                await getattr(s.grok, name)(wrong)
        assert len(s.script.requests) == 1


@pytest.mark.parametrize("name", STORED)
async def test_an_unknown_id_says_how_long_responses_are_kept(name: str) -> None:
    with session(refusal(404, f"Response with id={ID} not found.")) as s:
        with pytest.raises(NotFound) as caught:
            await getattr(s.grok, name)(ID)
        assert "30 days" in caught.value.hint
    with session(refusal(503), Answer(pieces=json.dumps(RESPONSE).encode())) as s:
        await getattr(s.grok, name)(ID)
        assert len(s.script.requests) == 2


async def test_an_unknown_previous_response_says_so_and_an_unknown_model_too() -> None:
    with session(refusal(404, "No such response.")) as s:
        with pytest.raises(NotFound) as caught:
            await s.grok.respond("Hi", previous_response_id="x")
        assert "30 days" in caught.value.hint
        with pytest.raises(NotFound) as caught:
            await s.grok.respond("Hi")
        assert "30 days" not in caught.value.hint


# -- ask with the server's tools -------------------------------------------------------


async def test_ask_with_search_resends_the_history_and_stores_nothing() -> None:
    earlier = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "1"},
    ]
    with session(response(), streamed(RECORDED)) as s:
        options: dict[str, Any] = {
            "messages": earlier,
            "system": "Be brief.",
            "search": "web",
            "max_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.9,
            "reasoning_effort": "low",
        }
        reply = await s.grok.ask("Hi", **options)
        stream = s.grok.stream("Hi", **options)
        async for _ in stream:
            pass
        body = {
            "model": "grok-4.7",
            "input": [{"role": "system", "content": "Be brief."}, *earlier, HI],
            "tools": [{"type": "web_search"}],
            "store": False,
            "max_output_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.9,
            "reasoning": {"effort": "low"},
        }
        assert s.script.bodies == [body, {**body, "stream": True}]
        assert reply.request == {"path": "/responses", "body": body}
        assert reply.request == stream.reply.request


async def test_without_tools_ask_uses_chat_completions() -> None:
    with session(completion()) as s:
        for options in ({}, {"search": None, "run_code": None}, {"run_code": False}):
            await s.grok.ask("Hi", **options)
        assert {r.url.path for r in s.script.requests} == {"/v1/chat/completions"}
        assert all("tools" not in body for body in s.script.bodies)


SEARCHES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"search": "x"}, [{"type": "x_search"}]),
    ({"search": "web,x"}, [{"type": "web_search"}, {"type": "x_search"}]),
    ({"search": " X , Web "}, [{"type": "x_search"}, {"type": "web_search"}]),
    ({"search": ["web", "web"]}, [{"type": "web_search"}]),
    ({"run_code": True}, [{"type": "code_interpreter"}]),
    (
        {"search": "web", "run_code": True},
        [{"type": "web_search"}, {"type": "code_interpreter"}],
    ),
    (
        {"search": "web", "domains": ["x.ai", "docs.x.ai"], "images": True},
        [
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["x.ai", "docs.x.ai"]},
                "enable_image_understanding": True,
            }
        ],
    ),
    (
        {"search": "web", "not_domains": "a.example, b.example"},
        [
            {
                "type": "web_search",
                "filters": {"excluded_domains": ["a.example", "b.example"]},
            }
        ],
    ),
    (
        {
            "search": "x",
            "handles": "@xai,grok",
            "since": "2026-01-31",
            "until": datetime.date(2026, 2, 1),
            "video": True,
        },
        [
            {
                "type": "x_search",
                "allowed_x_handles": ["xai", "grok"],
                "from_date": "2026-01-31",
                "to_date": "2026-02-01",
                "enable_video_understanding": True,
            }
        ],
    ),
    (
        {
            "search": "x",
            "not_handles": ["a"],
            "since": pd.Timestamp("2026-01-31 12:00"),
            "until": datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.UTC),
        },
        [
            {
                "type": "x_search",
                "excluded_x_handles": ["a"],
                "from_date": "2026-01-31",
                "to_date": "2026-01-31",
            }
        ],
    ),
    (
        {"search": "web,x", "images": True, "video": False, "domains": None},
        [
            {"type": "web_search", "enable_image_understanding": True},
            {"type": "x_search", "enable_image_understanding": True},
        ],
    ),
    (
        {"search": "x", "handles": [f"h{n}" for n in range(20)]},
        [{"type": "x_search", "allowed_x_handles": [f"h{n}" for n in range(20)]}],
    ),
]


@pytest.mark.parametrize("number", range(len(SEARCHES)))
async def test_options_become_tools(number: int) -> None:
    options, tools = SEARCHES[number]
    with session(response()) as s:
        await s.grok.ask("Hi", **options)
        (body,) = s.script.bodies
        assert body["tools"] == tools


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"search": "wep"}, "no search 'wep'.*Did you mean 'web'"),
        ({"search": "twiter"}, "Did you mean 'x'"),
        ({"search": "web_search"}, "Did you mean 'web'"),
        ({"search": "news"}, "web, x, or web,x"),
        ({"search": ""}, "no search ''"),
        ({"search": []}, "search must be"),
        ({"search": True}, "search must be"),
        ({"search": ["web", None]}, "no search None"),
        ({"run_code": "yes"}, "run_code must be True or False"),
        ({"domains": ["x.ai"]}, "domains.*search='web'"),
        ({"search": "x", "domains": ["x.ai"]}, "domains.*search='web'"),
        ({"search": "web", "handles": ["xai"]}, "handles.*search='x'"),
        ({"search": "web", "since": "2026-01-01"}, "since.*search='x'"),
        ({"search": "web", "video": True}, "video.*search='x'"),
        ({"run_code": True, "images": True}, "images.*search='web'"),
        (
            {"search": "web", "domains": "a", "not_domains": "b"},
            "domains and not_domains exclude",
        ),
        (
            {"search": "x", "handles": "a", "not_handles": "b"},
            "handles and not_handles exclude",
        ),
        ({"search": "web", "domains": list("abcdef")}, "domains has 6.*at most 5"),
        ({"search": "x", "handles": ["h"] * 21}, "handles has 21.*at most 20"),
        ({"search": "web", "domains": []}, "domains is empty"),
        ({"search": "web", "domains": [1]}, "domains must be text"),
        ({"search": "web", "domains": {"a": 1}}, "domains must be text"),
        ({"search": "web", "domains": "https://x.ai/a"}, "domains has.*docs.x.ai"),
        ({"search": "x", "handles": "a b"}, "handles has 'a b'"),
        ({"search": "x", "since": "31.1.2026"}, "since must be a date.*2026-01-31"),
        ({"search": "x", "since": "20260131"}, "since must be a date"),
        ({"search": "x", "until": "2026-02-30"}, "until must be a date"),
        ({"search": "x", "until": 5}, "until must be a date"),
        (
            {"search": "x", "since": "2026-02-01", "until": "2026-01-31"},
            "since .2026-02-01. is after until",
        ),
        ({"search": "x", "images": "yes"}, "images must be True or False"),
        ({"search": "web", "stop": "x"}, "stop does not go with search"),
        ({"search": "web", "seed": 1}, "seed does not go with"),
        ({"search": "web", "n": 2}, "n does not go with"),
        ({"run_code": True, "presence_penalty": 0}, "presence_penalty does not go"),
        ({"run_code": True, "frequency_penalty": 1}, "frequency_penalty does not"),
        ({"search": "web", "max_tokens": 0}, "max_tokens must be at least 1"),
        ({"search": "web", "max_tokens": "9"}, "max_tokens must be a whole"),
        ({"search": "web", "temperature": 3}, "temperature must be from 0"),
        ({"search": "web", "reasoning_effort": 3}, "reasoning_effort must be text"),
        ({"search": "web", "model": ""}, "model must be"),
        ({"serach": "web"}, "no option 'serach'.*'search'"),
    ],
)
async def test_a_search_that_cannot_be_right_is_refused(
    options: dict[str, Any], said: str
) -> None:
    with session(response()) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.ask("Hi", **options)
        assert re.search(said, f"{caught.value} {caught.value.hint}")
        with pytest.raises(BadRequest):
            s.grok.stream("Hi", **options)
        assert (s.script.requests, s.rows) == ([], [])


def test_messages_become_items() -> None:
    """Sections 3.2 and 6.2."""
    image = {"url": "data:image/png;base64,AA", "detail": "high"}
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
    messages: list[dict[str, Any]] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": image},
                {"type": "image_url", "image_url": "https://a.example/b.png"},
                {"type": "file", "file": {"file_id": "file_1"}},
                {"type": "file", "file": {"url": "https://a.example/b.pdf"}},
                {"type": "new", "x": 1},
            ],
        },
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
        {"role": "assistant", "content": [{"type": "text", "text": "Seven."}]},
    ]
    assert items_of(messages) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What?"},
                {"type": "input_image", "image_url": image["url"], "detail": "high"},
                {"type": "input_image", "image_url": "https://a.example/b.png"},
                {"type": "input_file", "file_id": "file_1"},
                {"type": "input_file", "file_url": "https://a.example/b.pdf"},
                {"type": "new", "x": 1},
            ],
        },
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "7"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Seven."}]},
    ]


async def test_live_search_of_2025_cites_in_chat_completions() -> None:
    """Section 4.6: on the last chunk, and again on the one with the usage."""
    urls = ["https://a.example/1", "https://a.example/2"]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "num_sources_used": 2}
    raw = sse(
        chunk(delta(content="A")),
        chunk(delta(finish="stop"), citations=urls),
        chunk(usage=usage, citations=urls),
    )
    with session(completion(citations=urls), streamed(raw)) as s:
        one = await s.grok.ask("Hi")
        events, two = await s.collect()
        assert [c.url for c in one.cited] == [c.url for c in two.cited] == urls
        assert [e.delta for e in events if e.kind == "citation"] == urls
        frame = two.citations
        assert frame["position"].tolist() == [1, 2]
        assert frame["domain"].tolist() == ["a.example"] * 2


async def test_the_frame_of_citations_has_its_types_also_when_empty() -> None:
    with session(completion(), response()) as s:
        empty = (await s.grok.ask("Hi")).citations
        found = (await s.grok.ask("Hi", search="web")).citations
    kinds = {
        **dict.fromkeys(("position", "start", "end"), "Int64"),
        **dict.fromkeys(("url", "title", "domain"), "string"),
    }
    for frame in (empty, found):
        assert {name: str(t) for name, t in frame.dtypes.items()} == kinds
    assert len(empty) == 0
    assert found.to_dict("records") == [
        {
            "position": 1,
            "url": URL,
            "title": "1",
            "domain": "x.ai",
            "start": 18,
            "end": 42,
        }
    ]


async def test_a_secret_of_a_tool_is_in_no_message() -> None:
    secret = "mcp-secret-0123456789"
    tool = {"type": "mcp", "server_url": "https://m.example", "authorization": secret}
    echo = refusal(400, f"Authorization {KEY} refused.")
    with session(echo) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.respond("Hi", tools=[{**tool, "authorization": [secret]}])
        assert "authorization" in str(caught.value)
        assert secret not in str(caught.value)
        with pytest.raises(BadRequest) as caught:
            await s.grok.respond("Hi", tools=[tool])
        assert KEY not in str(caught.value)


async def test_the_time_limit_and_connection_errors_are_those_of_every_call() -> None:
    with session(httpx.ConnectError("no"), response()) as s:
        assert (await s.grok.respond("Hi")).text == TEXT
        assert s.column("state") == ["failed", "done"]
        assert s.rows[0]["cost_usd"] == 0
