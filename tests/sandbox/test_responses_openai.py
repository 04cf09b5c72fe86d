"""Responses with the unmodified openai package, blocking and awaitable."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pydantic
import pytest

from grok_nb._sandbox.server import Sandbox
from tests.responses_support import TRAM
from tests.support import bills, break_it, eventually, window

WEB: Any = {"type": "web_search"}
X: Any = {"type": "x_search"}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    for name in ("faults", "ledger", "log"):
        window(_sandbox, name, "DELETE")
    return _sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def aclient(sandbox: Sandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0
    ) as client:
        yield client


def ask(client: openai.OpenAI, given: Any = "What is 101*3?", **fields: Any) -> Any:
    return client.responses.create(model="grok-4.7", input=given, **fields)


def check_sum(reply: Any, sandbox: Sandbox) -> None:
    assert (reply.object, reply.status, reply.model) == (
        "response",
        "completed",
        "grok-4.7",
    )
    assert reply.output_text == "[sandbox] 101*3 = 303"
    assert [item.type for item in reply.output] == ["reasoning", "message"]
    usage = reply.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.output_tokens > usage.output_tokens_details.reasoning_tokens > 0
    (bill,) = bills(sandbox)
    assert bill["path"] == "/v1/responses"
    assert bill["response_id"] == reply.id
    assert bill["usage"] == usage.to_dict()
    assert bill["cost_in_usd_ticks"] == usage.cost_in_usd_ticks > 0


def test_create(client: openai.OpenAI, sandbox: Sandbox) -> None:
    check_sum(ask(client), sandbox)


@pytest.mark.anyio
async def test_create_async(aclient: openai.AsyncOpenAI, sandbox: Sandbox) -> None:
    create = aclient.responses.create
    check_sum(await create(model="grok-4.7", input="What is 101*3?"), sandbox)


def test_events_of_a_stream_have_their_types(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    events = list(ask(client, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert all(event.type.startswith("response.") for event in events)
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert "".join(deltas) == "[sandbox] 101*3 = 303"
    assert [e.type for e in events if getattr(e, "response", None) is not None] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    usages = [e.response.usage for e in (events[0], events[1])]
    assert usages == [None, None]
    check_sum(events[-1].response, sandbox)


@pytest.mark.anyio
async def test_a_stream_async(aclient: openai.AsyncOpenAI, sandbox: Sandbox) -> None:
    stream = await aclient.responses.create(
        model="grok-4.7", input="What is 101*3?", stream=True
    )
    events = [event async for event in stream]
    check_sum(events[-1].response, sandbox)


def test_the_stream_helper_puts_everything_together(client: openai.OpenAI) -> None:
    tools: Any = [WEB, {"type": "code_interpreter", "container": {"type": "auto"}}]
    with client.responses.stream(
        model="grok-4.7", input=f"Search: {TRAM} And what is 7*6?", tools=tools
    ) as stream:
        texts = [e.snapshot for e in stream if e.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert final.output_text.startswith("[sandbox]")
    # The snapshot is without the last token, or with it, but never something else.
    assert final.output_text.startswith(texts[-1])
    kinds = [item.type for item in final.output]
    assert kinds[0] == "reasoning"
    assert kinds[-1] == "message"
    assert {"web_search_call", "code_interpreter_call"} <= set(kinds)
    stored = client.responses.retrieve(final.id)
    assert stored.output_text == final.output_text
    assert [item.id for item in stored.output] == [item.id for item in final.output]


def test_the_stream_helper_does_not_know_x_search(client: openai.OpenAI) -> None:
    """The package warns of the tool's type, which it knows not, and reads on."""
    with (
        pytest.warns(UserWarning, match="Pydantic serializer"),
        client.responses.stream(model="grok-4.7", input=TRAM, tools=[X]) as stream,
    ):
        final = stream.get_final_response()
    assert [item.type for item in final.output].count("custom_tool_call") == 2


def test_what_is_stored_can_be_read_and_deleted(client: openai.OpenAI) -> None:
    first = ask(client, instructions="Be brief.")
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()
    (item,) = list(client.responses.input_items.list(first.id))
    assert item.role == "user"
    assert item.content[0].text == "What is 101*3?"
    client.responses.delete(first.id)
    for call in (
        client.responses.retrieve,
        client.responses.delete,
        client.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call(first.id)
        assert caught.value.response.json()["code"] == "not-found"


@pytest.mark.anyio
async def test_what_is_stored_async(
    aclient: openai.AsyncOpenAI, sandbox: Sandbox
) -> None:
    stored = aclient.responses
    first = await stored.create(model="grok-4.7", input="What is 101*3?")
    assert (await stored.retrieve(first.id)).to_dict() == first.to_dict()
    items: Any = [item async for item in stored.input_items.list(first.id)]
    assert [item.content[0].text for item in items] == ["What is 101*3?"]
    await stored.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await stored.retrieve(first.id)
    paths = [(one["method"], one["path"]) for one in window(sandbox, "log")["requests"]]
    at = f"/v1/responses/{first.id}"
    assert paths == [
        ("POST", "/v1/responses"),
        ("GET", at),
        ("GET", f"{at}/input_items"),
        ("GET", f"{at}/input_items"),  # it asks on until a page is empty
        ("DELETE", at),
        ("GET", at),
    ]
    assert len(bills(sandbox)) == 1


def test_store_false_is_not_stored(client: openai.OpenAI) -> None:
    reply = ask(client, store=False, include=["reasoning.encrypted_content"])
    assert reply.store is False
    assert reply.output[0].encrypted_content
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(reply.id)
    with pytest.raises(openai.NotFoundError):
        ask(client, previous_response_id=reply.id)


def test_a_conversation_goes_on_and_is_billed_again(client: openai.OpenAI) -> None:
    first = ask(client, TRAM, tools=[WEB])
    second = ask(client, "What is 7*6?", previous_response_id=first.id)
    third = ask(client, "What is 6*6?", previous_response_id=second.id)
    assert third.previous_response_id == second.id
    inputs = [reply.usage.input_tokens for reply in (first, second, third)]
    # All that was said so far is input again.
    assert inputs[1] > first.usage.output_tokens - 100
    assert inputs[2] > inputs[1]
    items = list(client.responses.input_items.list(third.id, order="asc", limit=2))
    texts = [i.content[0].text for i in items if getattr(i, "role", "") == "user"]
    assert texts == [TRAM, "What is 7*6?", "What is 6*6?"]
    kinds = [item.type for item in items]
    assert kinds.count("web_search_call") == 2
    # The same by hand, with the items as they came.
    by_hand = ask(
        client,
        [
            {"role": "user", "content": TRAM},
            *[item.to_dict() for item in first.output],
            {"role": "user", "content": "What is 7*6?"},
        ],
    )
    assert by_hand.output_text == second.output_text == "[sandbox] 7*6 = 42"
    assert by_hand.usage.input_tokens == second.usage.input_tokens


def test_a_function_is_called_and_its_result_told(client: openai.OpenAI) -> None:
    first = ask(client, "What is the weather in Bern?", tools=[WEATHER, WEB])
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Bern"})
    assert first.output[-1].type == "function_call"
    assert "web_search_call" not in [item.type for item in first.output]
    result: Any = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": '{"c": 7}',
    }
    by_id = ask(client, [result], tools=[WEATHER, WEB], previous_response_id=first.id)
    by_hand = ask(
        client,
        [
            {"role": "user", "content": "What is the weather in Bern?"},
            *[item.to_dict() for item in first.output],
            result,
        ],
        tools=[WEATHER, WEB],
    )
    for reply in (by_id, by_hand):
        assert reply.output_text == (
            '[sandbox] get_weather(city="Bern") returned {"c": 7}'
        )


def test_searches_come_before_the_functions(client: openai.OpenAI) -> None:
    text = "Search the web for planet Orsa, then give me the weather in Bern."
    reply = ask(client, text, tools=[WEATHER, WEB])
    kinds = [item.type for item in reply.output]
    assert kinds == [
        "reasoning",
        "web_search_call",
        "web_search_call",
        "function_call",
    ]


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        ("none", ["message"]),
        ("required", ["web_search_call", "web_search_call", "message"]),
        ("auto", ["message"]),
        ({"type": "function", "name": "get_weather"}, ["function_call"]),
    ],
)
def test_a_choice_of_tools_is_kept(
    client: openai.OpenAI, choice: Any, kinds: list[str]
) -> None:
    reply = ask(client, "What is 7*6?", tools=[WEATHER, WEB], tool_choice=choice)
    assert [item.type for item in reply.output][1:] == kinds
    echoed = reply.to_dict()["tool_choice"]
    assert echoed == choice


class Sum(pydantic.BaseModel):
    total: int


def test_a_schema_is_filled_from_the_prompt(client: openai.OpenAI) -> None:
    reply = client.responses.parse(
        model="grok-4.7", input="Total: 42", text_format=Sum, max_output_tokens=500
    )
    assert reply.output_parsed == Sum(total=42)
    assert reply.to_dict()["text"]["format"]["type"] == "json_schema"


def test_a_schema_is_filled_from_what_was_found(client: openai.OpenAI) -> None:
    class Found(pydantic.BaseModel):
        url: str | None
        price: float | None

    reply = client.responses.parse(
        model="grok-4.7",
        input="What does the ferry to Gull Island cost? Search the web.",
        tools=[WEB],
        text_format=Found,
    )
    assert reply.output_parsed is not None
    assert reply.output_parsed.price == 6.5
    content: Any = reply.output[-1]
    assert content.content[0].annotations == []


def test_json_objects(client: openai.OpenAI) -> None:
    reply = ask(client, "What is 7*6?", text={"format": {"type": "json_object"}})
    assert json.loads(reply.output_text)


def test_what_cannot_be_filled_is_refused(client: openai.OpenAI) -> None:
    class Person(pydantic.BaseModel):
        birth_date: str = pydantic.Field(json_schema_extra={"format": "date"})

    events = list(
        client.responses.create(
            model="grok-4.7",
            input="Hi",
            stream=True,
            text={
                "format": {
                    "type": "json_schema",
                    "name": "person",
                    "schema": Person.model_json_schema(),
                }
            },
        )
    )
    final: Any = events[-1]
    (part,) = final.response.output[-1].content
    assert part.type == "refusal"
    assert "birth_date" in part.refusal
    deltas = [e.delta for e in events if e.type == "response.refusal.delta"]
    assert "".join(deltas) == part.refusal


def test_a_limit_makes_it_incomplete(client: openai.OpenAI) -> None:
    reply = ask(client, max_output_tokens=4)
    assert reply.status == "incomplete"
    assert reply.incomplete_details.reason == "max_output_tokens"
    assert reply.usage.output_tokens == 4
    *_, last = ask(client, max_output_tokens=4, stream=True)
    assert last.type == "response.incomplete"
    assert last.response.usage.output_tokens == 4


def test_a_failed_response(client: openai.OpenAI, sandbox: Sandbox) -> None:
    fault = {"do": "failed", "match": "/v1/responses", "message": "Out of order."}
    break_it(sandbox, fault)
    reply = ask(client)
    *_, last = ask(client, stream=True)
    assert last.type == "response.failed"
    for one in (reply, last.response):
        assert one.status == "failed"
        assert (one.error.code, one.error.message) == ("server_error", "Out of order.")
        assert client.responses.retrieve(one.id).status == "failed"
    assert [bill["billed"] for bill in bills(sandbox)] == [True, True]


def test_leaving_a_stream_ends_it_at_the_sandbox(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    with ask(client, "Count to 20000", stream=True) as stream:
        next(iter(stream))

    def ended() -> Any:
        (bill,) = bills(sandbox)
        return bill if bill["done"] else None

    bill = eventually(ended)
    assert bill["closed_early"]
    assert bill["billed"]
    whole = ask(client, "Count to 20000")
    drawn = bill["usage"]["output_tokens"]
    assert 0 < drawn < whole.usage.output_tokens
    usage = bill["usage"]
    assert (
        bill["cost_in_usd_ticks"]
        == usage["cost_in_usd_ticks"]
        == (20_000 * usage["input_tokens"] + 60_000 * drawn)
    )
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(bill["response_id"])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_scripted_errors(
    client: openai.OpenAI, sandbox: Sandbox, status: int, error: type[Exception]
) -> None:
    break_it(sandbox, {"do": str(status), "match": "/v1/responses"})
    with pytest.raises(error):
        ask(client)
    (bill,) = bills(sandbox)
    assert (bill["status"], bill["billed"]) == (status, False)


def test_an_error_in_the_stream_is_an_error(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    break_it(sandbox, {"do": "error-in-stream", "match": "/v1/responses", "after": 6})
    *_, before, last = ask(client, stream=True)
    assert before.sequence_number == last.sequence_number - 1 == 5
    assert (last.type, last.code) == ("error", "unavailable")
    assert last.message == "The service is currently unavailable"
    (bill,) = bills(sandbox)
    assert bill["billed"]
