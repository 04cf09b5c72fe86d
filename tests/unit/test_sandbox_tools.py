"""Which functions a prompt calls, with which arguments, and the same in every process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import brain, extract, tasks, tools
from grok_nb._sandbox.schemas import ChatRequest
from tests.unit.extract_corpus import cases, held_out
from tests.unit.test_sandbox_extract_any import work

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def tool(
    name: str,
    description: str = "",
    required: tuple[str, ...] | None = None,
    **properties: Any,
) -> tools.Tool:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
    }
    return tools.Tool(name, description, json.dumps(parameters))


ALL = (
    tool(
        "get_weather",
        "Get the current weather of a city",
        ("city",),
        city=TEXT,
        unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    ),
    tool("get_stock_price", "The price of a stock", ticker=TEXT),
    tool(
        "send_email",
        "Send an e-mail",
        to={"type": "string", "format": "email"},
        subject=TEXT,
        body=TEXT,
    ),
    tool(
        "create_event",
        "Create a calendar event",
        ("title", "date"),
        title=TEXT,
        date={"type": "string", "format": "date"},
        attendees={"type": "array", "items": TEXT},
    ),
    tool(
        "convert_currency",
        "Convert an amount of money",
        amount=NUMBER,
        from_currency=TEXT,
        to_currency=TEXT,
    ),
    tool("add", "Add two numbers", a=NUMBER, b=NUMBER),
    tool("search_web", "Search the web", query=TEXT),
    tool("current_time", "The time now"),
    tool("get_order_status", "Look up the state of an order", order_id=TEXT),
    tool(
        "book_flight",
        "Book a flight",
        ("origin", "destination", "date"),
        origin=TEXT,
        destination=TEXT,
        date=TEXT,
        passengers={"type": "integer"},
    ),
    tool("translate", "Translate a text", text=TEXT, target_language=TEXT),
    tool("set_reminder", "Set a reminder", text=TEXT, time=TEXT),
    tool(
        "set_light",
        "Turn lights on or off",
        ("room", "on"),
        room=TEXT,
        on={"type": "boolean"},
        brightness={"type": "integer", "minimum": 0, "maximum": 100},
    ),
)
CASES: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = [
    ("What's the weather in Zurich?", [("get_weather", {"city": "Zurich"})]),
    ("Wie ist das Wetter in Bern?", [("get_weather", {"city": "Bern"})]),
    ("The temperature in Paris, France?", [("get_weather", {"city": "Paris, France"})]),
    (
        "Weather in Oslo, Rome and Berlin in celsius please",
        [
            ("get_weather", {"city": city, "unit": "celsius"})
            for city in ("Oslo", "Rome", "Berlin")
        ],
    ),
    (
        "What is the price of AAPL and the weather in Rome?",
        [("get_weather", {"city": "Rome"}), ("get_stock_price", {"ticker": "AAPL"})],
    ),
    (
        'Send an email to ann@x.org with subject "Lunch" saying "Meet at noon"',
        [
            (
                "send_email",
                {"to": "ann@x.org", "subject": "Lunch", "body": "Meet at noon"},
            )
        ],
    ),
    (
        "Create an event called Standup on 23 November 2026 with Ann and Bob",
        [
            (
                "create_event",
                {"title": "Standup", "date": "2026-11-23", "attendees": ["Ann", "Bob"]},
            )
        ],
    ),
    (
        "Convert 100 USD to EUR",
        [
            (
                "convert_currency",
                {"amount": 100, "from_currency": "USD", "to_currency": "EUR"},
            )
        ],
    ),
    ("What is 12 + 30?", [("add", {"a": 12, "b": 30})]),
    ("Search the web for solar panels", [("search_web", {"query": "solar panels"})]),
    ("What time is it now?", [("current_time", {})]),
    ("Where is my order A-1234?", [("get_order_status", {"order_id": "A-1234"})]),
    (
        "Book a flight from Zurich to London on 3 May 2026 for 2 people",
        [
            (
                "book_flight",
                {
                    "origin": "Zurich",
                    "destination": "London",
                    "date": "2026-05-03",
                    "passengers": 2,
                },
            )
        ],
    ),
    (
        'Translate "good morning" to French',
        [("translate", {"text": "good morning", "target_language": "French"})],
    ),
    (
        "Remind me to call mum at 5pm",
        [("set_reminder", {"text": "Remind me to call mum at 5pm", "time": "5pm"})],
    ),
    (
        "Turn on the light in the kitchen at 40%",
        [("set_light", {"room": "kitchen", "on": True, "brightness": 40})],
    ),
    ("Hello there", []),
    ("Tell me a joke", []),
]


def calls(picked: tools.Picked) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, json.loads(call.arguments)) for call in picked.calls]


@pytest.mark.parametrize(("prompt", "wanted"), CASES)
def test_functions_are_picked_and_filled_from_the_prompt(
    prompt: str, wanted: list[tuple[str, dict[str, Any]]]
) -> None:
    assert calls(tools.pick(prompt, ALL)) == wanted


def test_the_description_alone_is_enough() -> None:
    hidden = tool("f1", "Give the weather forecast of a city", city=TEXT)
    other = tool("f2", "Sing a song", title=TEXT)
    picked = tools.pick("Weather in Lima?", (other, hidden))
    assert calls(picked) == [("f1", {"city": "Lima"})]


def test_what_the_prompt_lacks_is_asked_for() -> None:
    picked = tools.pick("Weather, please", ALL)
    assert picked.calls == ()
    assert picked.lacking == (("get_weather", ("city",)),)
    asked = tasks.asking(picked.lacking)
    assert "get_weather needs city" in asked


def test_choices_none_named_and_required() -> None:
    weather = "What's the weather in Zurich?"
    assert tools.pick(weather, ALL, "none").calls == ()
    named = tools.pick(weather, ALL, named="add")
    assert [name for name, _ in calls(named)] == ["add"]
    required = tools.pick("Hello there", ALL, "required")
    assert len(required.calls) == 1


def test_parallel_calls_can_be_forbidden() -> None:
    prompt = "Weather in Oslo, Rome and Berlin"
    assert len(tools.pick(prompt, ALL).calls) == 3
    assert len(tools.pick(prompt, ALL, parallel=False).calls) == 1


def test_ids_are_as_recorded_and_differ() -> None:
    prompt = "Weather in Oslo, Rome and Berlin"
    picked = [tools.pick(prompt, ALL, seed=seed) for seed in ("1", "2")]
    ids = [call.id for one in picked for call in one.calls]
    assert len(set(ids)) == 6
    assert all(one.startswith("call_") and len(one) == 13 for one in ids)


def request(*messages: dict[str, Any], **fields: Any) -> tasks.Task:
    body = {"model": "grok-4.7", "messages": list(messages), **fields}
    return tasks.of(ChatRequest.model_validate(body))


def test_results_are_told_and_nothing_is_called_again() -> None:
    declared = [
        {
            "type": "function",
            "function": {
                "name": one.name,
                "description": one.description,
                "parameters": json.loads(one.parameters),
            },
        }
        for one in ALL
    ]
    asked = {"role": "user", "content": "Weather in Oslo and Rome?"}
    first = tasks.calls(request(asked, tools=declared), asked["content"], 1)
    made = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in first.calls
        ],
    }
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f'{{"degrees": {n}}}'}
        for n, call in enumerate(first.calls, 7)
    ]
    task = request(asked, made, *results, tools=declared)
    assert tasks.calls(task, asked["content"], 3).calls == ()
    told = tasks.retold(task.results)
    assert 'get_weather(city="Oslo") returned {"degrees": 7}' in told
    assert 'get_weather(city="Rome") returned {"degrees": 8}' in told
    # The next question is a new one.
    later = {"role": "user", "content": "And the weather in Lima?"}
    again = request(asked, made, *results, later, tools=declared)
    assert calls(tasks.calls(again, later["content"], 4)) == [
        ("get_weather", {"city": "Lima"})
    ]


@given(st.text(max_size=200), st.sampled_from(["auto", "required"]))
def test_any_prompt_is_answered(prompt: str, choice: str) -> None:
    for call in tools.pick(prompt, ALL, choice).calls:
        json.loads(call.arguments)


def test_many_functions_and_choices_multiply_nothing() -> None:
    prompt = "weather price total add number x " * 600
    many = tuple(
        tools.Tool(f"{one.name}_{n}", one.description, one.parameters)
        for n in range(10)
        for one in ALL
    )[:128]

    def pick(number: int, seed: str = "") -> int:
        return work(lambda: tools.pick(prompt, many[:number], "required", seed=seed))

    tools.pick(prompt, ALL)
    assert pick(128) < 10 * pick(16)
    assert pick(128, seed="2") < 1_000


# -- the same in every process ------------------------------------------------------


def digest() -> str:
    """Put the replies to many requests into one number."""
    found: list[Any] = [calls(tools.pick(prompt, ALL)) for prompt, _ in CASES]
    found += [tools.pick(prompt, ALL, "required").calls for prompt, _ in CASES]
    for case in (*cases(40, 5, seen=False), *held_out(20, 5)):
        found.append(extract.fill(case.text, json.dumps(case.schema)))
        found.append(extract.everything(case.text))
    for text in ("Hello", "Write 30 words", "List 5 fruits", "What is 2 ** 9 / 3?"):
        answer = brain.reply(brain.Question(text, effort="high"))
        found.append((answer.reasoning, list(answer.pieces)))
    return hashlib.sha256(repr(found).encode()).hexdigest()


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_replies_are_the_same_in_every_process(seed: str) -> None:
    root = Path(__file__).parents[2]
    code = "from tests.unit.test_sandbox_tools import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest()
