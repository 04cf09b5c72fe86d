"""The unmodified openai package, blocking and awaitable, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from typing import Any

import httpx
import openai
import pydantic
import pytest

from grok_nb._sandbox.server import Sandbox

QUESTION: Any = [{"role": "user", "content": "What is 101*3?"}]
ANSWER = "[sandbox] 101*3 = 303"
# Section 13.3 of xai-api.md: what the package makes of each status.
ERRORS = [
    (400, openai.BadRequestError),
    (401, openai.AuthenticationError),
    (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError),
    (410, openai.APIStatusError),
    (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
]


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    _sandbox._gate.desk.faults.clear()
    _sandbox._gate.desk.ledger.clear()
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


def script(sandbox: Sandbox, *faults: Any) -> None:
    sandbox._gate.desk.faults.add(faults)


def check_whole(reply: Any) -> None:
    assert reply.object == "chat.completion"
    assert reply.model == "grok-4.7"
    choice = reply.choices[0]
    assert choice.message.content == ANSWER
    assert choice.message.reasoning_content
    assert choice.finish_reason == "stop"
    usage = reply.usage
    reasoning = usage.completion_tokens_details.reasoning_tokens
    assert usage.total_tokens == (
        usage.prompt_tokens + usage.completion_tokens + reasoning
    )
    assert usage.cost_in_usd_ticks > 0
    assert reply.system_fingerprint.startswith("fp_")


def check_chunks(chunks: list[Any]) -> None:
    *deltas, last = chunks
    text = "".join(chunk.choices[0].delta.content or "" for chunk in deltas)
    assert text == ANSWER
    assert deltas[0].choices[0].delta.role == "assistant"
    assert deltas[0].choices[0].delta.reasoning_content
    assert deltas[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage.total_tokens > 0
    assert last.usage.cost_in_usd_ticks > 0


def test_chat(client: openai.OpenAI) -> None:
    check_whole(client.chat.completions.create(model="grok-4.7", messages=QUESTION))


@pytest.mark.anyio
async def test_chat_async(aclient: openai.AsyncOpenAI) -> None:
    create = aclient.chat.completions.create
    check_whole(await create(model="grok-4.7", messages=QUESTION))


def test_streaming_with_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="grok-4.7",
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )
    check_chunks(list(stream))


@pytest.mark.anyio
async def test_streaming_with_usage_async(aclient: openai.AsyncOpenAI) -> None:
    stream = await aclient.chat.completions.create(
        model="grok-4.7",
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )
    check_chunks([chunk async for chunk in stream])


def test_stream_helper_puts_the_reply_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="grok-4.7", messages=QUESTION) as stream:
        stream.until_done()
        reply = stream.get_final_completion()
    message = reply.choices[0].message
    assert (message.role, message.content) == ("assistant", ANSWER)


def test_leaving_a_stream_ends_it_at_the_sandbox(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    messages: Any = [{"role": "user", "content": "Count to 20000"}]
    with client.chat.completions.create(
        model="grok-4.7", messages=messages, stream=True
    ) as stream:
        next(iter(stream))
    for _ in range(200):
        call = window(sandbox)["calls"][-1]
        if call["done"]:
            break
    assert call["closed_early"]


def window(sandbox: Sandbox) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    answer = httpx.get(f"{sandbox.root_url}/__sandbox/ledger", headers=headers)
    return answer.json()


def test_models(client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert "grok-4.7" in ids
    model = client.models.retrieve("grok-4.3-latest")
    assert (model.id, model.owned_by, model.object) == ("grok-4.3", "xai", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


@pytest.mark.anyio
async def test_models_async(aclient: openai.AsyncOpenAI) -> None:
    ids = [model.id async for model in aclient.models.list()]
    assert "grok-4.7" in ids


def check_error(error: openai.APIStatusError, status: int) -> None:
    assert error.status_code == status
    # The package unwraps `error`, which is a text here: no code is left beside it.
    assert isinstance(error.body, str)
    assert error.code is None
    assert error.request_id
    has_code = status not in {410, 422}
    assert ("code" in error.response.json()) == has_code


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_errors(
    client: openai.OpenAI, sandbox: Sandbox, status: int, kind: Any, *, stream: bool
) -> None:
    script(sandbox, str(status))
    with pytest.raises(kind) as caught:
        client.chat.completions.create(
            model="grok-4.7", messages=QUESTION, stream=stream
        )
    check_error(caught.value, status)


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "kind"), ERRORS)
async def test_errors_async(
    aclient: openai.AsyncOpenAI, sandbox: Sandbox, status: int, kind: Any
) -> None:
    script(sandbox, str(status))
    with pytest.raises(kind) as caught:
        await aclient.chat.completions.create(model="grok-4.7", messages=QUESTION)
    check_error(caught.value, status)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "nope"}, openai.NotFoundError),
        ({"n": 0}, openai.BadRequestError),
        ({"temperature": "hot"}, openai.UnprocessableEntityError),
        ({"presence_penalty": 0}, openai.BadRequestError),
        ({"extra_body": {"search_parameters": {}}}, openai.APIStatusError),
    ],
)
def test_refusals_of_the_sandbox_itself(
    client: openai.OpenAI, fields: dict[str, Any], kind: Any
) -> None:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(
            **{"model": "grok-4.7", "messages": QUESTION} | fields
        )
    check_error(caught.value, caught.value.status_code)


def test_a_wrong_key_is_a_bad_request(sandbox: Sandbox) -> None:
    with (
        openai.OpenAI(base_url=sandbox.base_url, api_key="xai-wrong-key") as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.models.list()
    assert "Incorrect API key provided: xa***ey." in str(caught.value.body)


def test_the_one_right_key_and_the_vintage() -> None:
    with (
        Sandbox(key="xai-mine", vintage="2025") as sandbox,
        openai.OpenAI(base_url=sandbox.base_url, api_key="xai-mine") as client,
    ):
        reply = client.chat.completions.create(
            model="grok-3-mini", messages=QUESTION, reasoning_effort="high"
        )
        assert reply.model == "grok-3-mini"
        found = client.chat.completions.create(
            model="grok-3-latest",
            messages=[{"role": "user", "content": "A digest of world news"}],
            extra_body={"search_parameters": {"mode": "auto"}},
        )
        extra = found.model_extra or {}
        assert extra["citations"]


def test_throttled_requests_are_retried_by_the_package(sandbox: Sandbox) -> None:
    script(sandbox, {"do": "429", "times": 1, "retry_after": 0.01})
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key) as client:
        check_whole(client.chat.completions.create(model="grok-4.7", messages=QUESTION))
    assert [call["status"] for call in window(sandbox)["calls"]] == [429, 200]


def test_a_reset_is_a_connection_error(client: openai.OpenAI, sandbox: Sandbox) -> None:
    script(sandbox, "reset")
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="grok-4.7", messages=QUESTION)


def test_a_stall_is_a_timeout(client: openai.OpenAI, sandbox: Sandbox) -> None:
    script(sandbox, "stall")
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="grok-4.7", messages=QUESTION, timeout=0.2)


# -- tools and structured output ----------------------------------------------------

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ASK_WEATHER: Any = [{"role": "user", "content": "What is the weather in Bern?"}]


def check_call(message: Any) -> Any:
    (call,) = message.tool_calls
    assert call.type == "function"
    assert call.id
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] == "Bern"
    return call


def answered(message: Any, call: Any) -> Any:
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 7}'}
    return [*ASK_WEATHER, message.model_dump(exclude_none=True), result]


def test_tools(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    first = create(model="grok-4.7", messages=ASK_WEATHER, tools=[WEATHER])
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content
    call = check_call(choice.message)
    second = create(
        model="grok-4.7", messages=answered(choice.message, call), tools=[WEATHER]
    )
    assert second.choices[0].finish_reason == "stop"
    assert "7" in (second.choices[0].message.content or "")


@pytest.mark.anyio
async def test_tools_async(aclient: openai.AsyncOpenAI) -> None:
    create = aclient.chat.completions.create
    first = await create(model="grok-4.7", messages=ASK_WEATHER, tools=[WEATHER])
    message = first.choices[0].message
    second = await create(
        model="grok-4.7",
        messages=answered(message, check_call(message)),
        tools=[WEATHER],
    )
    assert "7" in (second.choices[0].message.content or "")


def test_tools_in_a_stream_arrive_whole(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="grok-4.7", messages=ASK_WEATHER, tools=[WEATHER], stream=True
        )
    )
    with_calls = [c for c in chunks if c.choices[0].delta.tool_calls]
    (delta,) = [chunk.choices[0].delta for chunk in with_calls]
    assert delta.tool_calls is not None
    assert delta.tool_calls[0].index == 0
    check_call(delta)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


class Currency(StrEnum):
    EUR = "EUR"
    USD = "USD"


class Item(pydantic.BaseModel):
    description: str
    quantity: int
    unit_price: float


class Invoice(pydantic.BaseModel):
    vendor_name: str
    invoice_number: str
    invoice_date: str
    items: list[Item]
    total_amount: float
    currency: Currency


INVOICE: Any = [
    {"role": "system", "content": "Extract the invoice."},
    {
        "role": "user",
        "content": (
            "Vendor name: Acme Corp\n"
            "Invoice number: INV-2025-001\n"
            "Invoice date: 2025-02-10\n\n"
            "Description | Quantity | Unit price\n"
            "Widget A | 2 | 10.00\n"
            "Widget B | 1 | 15.50\n\n"
            "Total amount: 35.50 USD\n"
            "Currency: USD\n"
        ),
    },
]


def check_invoice(invoice: Invoice | None) -> None:
    assert invoice == Invoice(
        vendor_name="Acme Corp",
        invoice_number="INV-2025-001",
        invoice_date="2025-02-10",
        items=[
            Item(description="Widget A", quantity=2, unit_price=10.0),
            Item(description="Widget B", quantity=1, unit_price=15.5),
        ],
        total_amount=35.5,
        currency=Currency.USD,
    )


def test_parse(client: openai.OpenAI) -> None:
    reply = client.chat.completions.parse(
        model="grok-4.7", messages=INVOICE, response_format=Invoice
    )
    check_invoice(reply.choices[0].message.parsed)


@pytest.mark.anyio
async def test_parse_async(aclient: openai.AsyncOpenAI) -> None:
    reply = await aclient.chat.completions.parse(
        model="grok-4.7", messages=INVOICE, response_format=Invoice
    )
    check_invoice(reply.choices[0].message.parsed)


def test_parse_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="grok-4.7", messages=INVOICE, response_format=Invoice
    ) as stream:
        stream.until_done()
        check_invoice(stream.get_final_completion().choices[0].message.parsed)


def test_json_object(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="grok-4.7", messages=INVOICE, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(reply.choices[0].message.content or ""), dict)
