"""The examples of xAI's guides on chat, and what each must give.

The guides are of 2024 and 2025, and so is the sandbox here; those that name a model
which is still served run as of 2026, too. The examples of 2025-12 are of a client that
speaks gRPC: what they stand for is sent over REST.

Source: docs.x.ai of 2024-12-25, 2025-02, 2025-05 and 2025-12: tutorial, chat, streaming
responses, reasoning, asynchronous requests, fingerprint, token consumption; a
third-party note of 2025-11-08.
"""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from grok_nb._sandbox.server import Sandbox

from .expected import ECHO, UUID, above, has, like, wrong
from .guides import (
    HELPFUL,
    HITCHHIKER,
    MEANING,
    Example,
    by_curl,
    by_openai,
    chat,
    echo,
    still,
    text,
    today,
    whole,
)


def by_async_openai(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    """Four questions, two at a time."""

    async def ask_all() -> list[Any]:
        passes = asyncio.Semaphore(2)
        async with openai.AsyncOpenAI(
            base_url=sandbox.base_url, api_key=sandbox.key
        ) as client:

            async def ask(text: str) -> Any:
                async with passes:
                    return await client.chat.completions.create(
                        model=request["model"],
                        messages=[{"role": "user", "content": text}],
                    )

            return await asyncio.gather(*map(ask, request["texts"]))

    with asyncio.Runner() as runner:
        return {"replies": [reply.model_dump() for reply in runner.run(ask_all())]}


# -- the table ------------------------------------------------------------------------


STREAM = {
    "text": has(ECHO, MEANING),
    "finish_reason": "stop",
    "chunks.0.id": UUID,
    "chunks.0.object": "chat.completion.chunk",
    "chunks.0.created": above(1_700_000_000),
    "chunks.0.choices.0.index": 0,
    "chunks.0.choices.0.delta.role": "assistant",
    "chunks.0.system_fingerprint": has("fp_"),
    # of that year, each chunk counts the tokens so far
    "chunks.0.usage.prompt_tokens": above(0),
    "chunks.0.usage.completion_tokens": 1,
    "chunks.0.usage.total_tokens": above(1),
    "chunks.0.usage.prompt_tokens_details.text_tokens": above(0),
    "chunks.0.usage.prompt_tokens_details.audio_tokens": 0,
    "chunks.0.usage.prompt_tokens_details.image_tokens": 0,
    "chunks.0.usage.prompt_tokens_details.cached_tokens": above(-1),
    "counts": lambda counts: counts[0] == 1 and sorted(counts) == counts,
}
THOUGHT = {
    "choices.0.message.reasoning_content": has("101*3"),
    "usage.completion_tokens_details.reasoning_tokens": above(0),
}
COUNTS = {
    "usage.prompt_tokens": above(20),
    "usage.completion_tokens": above(20),
    "usage.total_tokens": above(40),
    "usage.prompt_tokens_details.text_tokens": above(20),
    "usage.prompt_tokens_details.audio_tokens": 0,
    "usage.prompt_tokens_details.image_tokens": 0,
    "usage.prompt_tokens_details.cached_tokens": above(-1),
}


def roles(guide: str, model: str, served: str) -> list[Example]:
    """Orders of roles that every guide on chat shows; the contents are ours."""
    systems = [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
    ]
    users = [
        {"role": "user", "content": "Here is a sum."},
        {"role": "user", "content": "What is 6 * 7?"},
    ]
    talk = [
        text("system", "You are a helpful and funny assistant."),
        text("user", "Why don't eggs tell jokes?"),
        text("assistant", "They'd crack up!"),
        text("user", "Can you explain the joke?"),
    ]
    sum_done = whole(served, "[sandbox] 6 * 7 = 42")
    joke = echo(served, "Messages: 4", "Can you explain the joke?")

    def example(heading: str, messages: list[Any], expected: Any) -> Example:
        request = {"model": model, "messages": messages}
        return Example(guide, heading, by_openai, request, expected)

    return [
        example("chat, conversations", talk, joke),
        example("chat, several system messages", systems + users, sum_done),
        example("chat, user messages first", users + systems[:1], sum_done),
    ]


TABLE = [
    Example(
        "2024-12", "making your first request", by_curl,
        chat("grok-2-1212", HITCHHIKER, MEANING, stream=False, temperature=0),
        echo("grok-2-1212", MEANING, HITCHHIKER),
    ),
    Example(
        "2024-12", "making your first request", by_openai,
        chat("grok-2-1212", HITCHHIKER, MEANING),
        echo("grok-2-1212", MEANING, HITCHHIKER),
    ),
    Example(
        "2024-12", "checking token consumption", by_openai,
        chat("grok-2-1212", HITCHHIKER, MEANING),
        COUNTS,
    ),
    Example(
        "2025-02", "tutorial, first request", by_curl,
        chat("grok-2-latest", HITCHHIKER, MEANING, stream=False, temperature=0),
        echo("grok-2-1212", MEANING, HITCHHIKER),
    ),
    Example(
        "2025-02", "tutorial, Python", by_openai,
        chat("grok-2-latest", HITCHHIKER, MEANING),
        echo("grok-2-1212", MEANING),
    ),
    Example(
        "2025-02", "streaming response", by_openai,
        chat("grok-2-latest", HITCHHIKER, MEANING, stream=True),
        {**STREAM, "chunks.0.model": "grok-2-1212"},
    ),
    Example(
        "2025-02", "streaming response", by_curl,
        chat("grok-2-latest", HITCHHIKER, MEANING, stream=True, temperature=0),
        {**STREAM, "chunks.0.model": "grok-2-1212"},
    ),
    Example(
        "2025-02", "chat, basic example", by_openai,
        chat("grok-2-latest", "You are a PhD-level mathematician.", "What is 2 + 2?"),
        whole(
            "grok-2-1212",
            "[sandbox] 2 + 2 = 4",
            **{
                "choices.0.message.audio": None,
                "choices.0.message.function_call": None,
                "choices.0.message.tool_calls": None,
            },
        ),
    ),
    Example(
        "2025-02", "chat, basic example", by_curl,
        chat("grok-2-latest", HITCHHIKER, MEANING, stream=False, temperature=0),
        echo("grok-2-1212", MEANING),
    ),
    Example(
        "2025-05", "tutorial, first request", by_curl,
        chat("grok-3", HELPFUL, MEANING, stream=False, temperature=0),
        echo("grok-3", MEANING, HELPFUL),
    ),
    Example(
        "2025-05", "tutorial, Python", by_openai,
        chat("grok-3", HELPFUL, MEANING),
        echo("grok-3", MEANING),
    ),
    Example(
        "2025-05", "chat, basic example", by_openai,
        chat("grok-3-latest", "You are a PhD-level mathematician.", "What is 2 + 2?"),
        whole("grok-3", "[sandbox] 2 + 2 = 4"),
    ),
    Example(
        "2025-05", "chat, basic example", by_curl,
        chat("grok-3-latest", HITCHHIKER, MEANING, stream=False, temperature=0),
        echo("grok-3", MEANING),
    ),
    Example(
        "2025-05", "checking token consumption", by_openai,
        chat("grok-3-latest", HITCHHIKER, MEANING),
        COUNTS,
    ),
    Example(
        "2025-05", "asynchronous requests", by_async_openai,
        {
            "model": "grok-3-latest",
            "texts": [
                "Tell me a joke",
                "Write a funny haiku",
                "Generate a funny X post",
                "Say something unhinged",
            ],
        },
        {
            "replies.0.choices.0.message.content": has("Tell me a joke"),
            "replies.1.choices.0.message.content": has("Write a funny haiku"),
            "replies.2.choices.0.message.content": has("Generate a funny X post"),
            "replies.3.choices.0.message.content": has("Say something unhinged"),
        },
    ),
    Example(
        "2025-05", "fingerprint", by_curl,
        chat("grok-3-latest", HITCHHIKER, MEANING, stream=False, temperature=0),
        {"system_fingerprint": like("fp_[0-9a-f]{10}")},
    ),
    Example(
        "2025-05", "streaming response", by_openai,
        chat("grok-3-latest", HITCHHIKER, MEANING, stream=True),
        {**STREAM, "chunks.0.model": "grok-3"},
    ),
    Example(
        "2025-05", "streaming response", by_curl,
        chat("grok-3-latest", HITCHHIKER, MEANING, stream=True, temperature=0),
        {**STREAM, "chunks.0.model": "grok-3"},
    ),
    Example(
        "2025-05", "reasoning, usage example", by_openai,
        chat(
            "grok-3-mini", "You are a highly intelligent AI assistant.",
            "What is 101*3?", reasoning_effort="high", temperature=0.7,
        ),
        whole("grok-3-mini", "[sandbox] 101*3 = 303", **THOUGHT),
    ),
    Example(
        "2025-05", "reasoning, usage example", by_curl,
        chat(
            "grok-3-mini-latest", "You are a highly intelligent AI assistant.",
            "What is 101*3?", stream=False, reasoning_effort="high", temperature=0.7,
        ),
        whole("grok-3-mini", "[sandbox] 101*3 = 303", **THOUGHT),
    ),
    Example(
        "2025-11 note", "basic chat completion", by_curl,
        chat("grok-2-1212", None, "What is the capital of France?", max_tokens=100),
        echo("grok-2-1212", "What is the capital of France?"),
    ),
    Example(
        "2025-11 note", "streaming chat", by_curl,
        chat("grok-2-1212", None, "Tell me a story", stream=True),
        {"text": has(ECHO, "Tell me a story"), "finish_reason": "stop"},
    ),
    Example(
        "2025-11 note", "Python with OpenAI SDK", by_openai,
        chat("grok-2-1212", "You are a helpful assistant.", "Hello!"),
        echo("grok-2-1212", "Hello!"),
    ),
    Example(
        "2025-11 note", "Python streaming", by_openai,
        chat("grok-2-1212", None, "Count to 10", stream=True),
        {"text": has("1", "10"), "finish_reason": "stop"},
    ),
    Example(
        "2025-12", "tutorial, first request", by_curl,
        chat("grok-4", HELPFUL, MEANING, stream=False),
        echo("grok-4-0709", MEANING),
    ),
    Example(
        "2025-11 note", "chat completions, request format", by_curl,
        chat(
            "grok-2-1212", "You are a helpful assistant.", "What is 2 + 2?",
            temperature=0.7, max_tokens=1000, stream=False, tools=[],
        ),
        whole("grok-2-1212", "[sandbox] 2 + 2 = 4"),
    ),
    Example(
        "2025-12", "tutorial, Python over REST", by_curl,
        chat("grok-4", HELPFUL, MEANING),
        {
            **echo("grok-4-0709", MEANING, HELPFUL),
            **COUNTS,
            "usage.completion_tokens_details.reasoning_tokens": above(0),
            "usage.completion_tokens_details.audio_tokens": 0,
            "usage.completion_tokens_details.accepted_prediction_tokens": 0,
            "usage.completion_tokens_details.rejected_prediction_tokens": 0,
            "usage.num_sources_used": 0,
        },
    ),
    Example(
        "2025-12", "chat, basic example over REST", by_curl,
        chat("grok-4", "You are a PhD-level mathematician.", "What is 2 + 2?"),
        whole("grok-4-0709", "[sandbox] 2 + 2 = 4"),
    ),
    *roles("2025-02", "grok-2-latest", "grok-2-1212"),
    *roles("2025-05", "grok-3-latest", "grok-3"),
    *roles("2025-12", "grok-4", "grok-4-0709"),
]  # fmt: skip


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.id)
def test_example_of_the_guides_gives_its_values(
    year_2025: Sandbox, example: Example
) -> None:
    answer = example.send(year_2025, example.request)
    assert wrong(answer, example.expected) == []


@pytest.mark.parametrize("example", still(TABLE), ids=lambda example: example.id)
def test_example_of_the_guides_runs_today(year_2026: Sandbox, example: Example) -> None:
    answer = example.send(year_2026, example.request)
    assert wrong(answer, today(example.expected)) == []


@pytest.mark.parametrize("model", ["grok-2-latest", "grok-3-mini"])
def test_model_without_successor_is_gone_today(year_2026: Sandbox, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        by_openai(year_2026, chat(model, None, MEANING))
    assert model in str(caught.value.body)


def test_wrong_values_and_missing_fields_are_noticed(year_2025: Sandbox) -> None:
    example = TABLE[0]
    answer = by_curl(year_2025, example.request)
    assert wrong({**answer, "model": "grok-3"}, example.expected)
    del answer["system_fingerprint"]
    answer["usage"]["total_tokens"] += 1
    assert len(wrong(answer, example.expected)) == 2
