"""The guides' examples of messages as Anthropic has them, and of the older completions.

The guides give the Anthropic client an address and a key and leave the rest open; what it
sends then is sent here as it is on the wire.

Source: docs.x.ai of 2024-12-25 (overview, REST API), 2025-05 (migration, REST API).
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from grok_nb._sandbox.server import Sandbox

from .expected import ECHO, UUID, above, has, wrong
from .guides import HITCHHIKER, MEANING, Example, by_curl_to, still, today


def messages(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    """Send what the client of Anthropic sends: its base URL has no ``/v1``."""
    answer = httpx.post(
        f"{sandbox.root_url}/v1/messages",
        json=request,
        headers={"x-api-key": sandbox.key, "anthropic-version": "2023-06-01"},
    )
    return {"status": answer.status_code, **answer.json()}


def ask(model: str, system: str, user: str) -> dict[str, Any]:
    asked = [{"role": "user", "content": user}]
    return {"model": model, "max_tokens": 128, "system": system, "messages": asked}


def answered(model: str, *parts: str) -> dict[str, Any]:
    return {
        "status": 200,
        "id": UUID,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content.0.type": "text",
        "content.0.text": has(*parts),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage.input_tokens": above(10),
        "usage.output_tokens": above(5),
    }


def completed(model: str) -> dict[str, Any]:
    return {
        "status": 200,
        "id": UUID,
        "object": "text_completion",
        "created": above(1_700_000_000),
        "model": model,
        "choices": lambda choices: len(choices) == 1,
        "choices.0.text": has("2 + 2 = 4"),
        "choices.0.finish_reason": "stop",
        "system_fingerprint": has("fp_"),
        "usage.prompt_tokens": above(0),
        "usage.completion_tokens": above(0),
    }


def finished(model: str) -> dict[str, Any]:
    return {
        "status": 200,
        "id": UUID,
        "type": "completion",
        "completion": has("2 + 2 = 4"),
        "stop_reason": "stop_sequence",
        "model": model,
    }


SUM = "What is 2 + 2?"
TURNS = f"\n\nHuman: {SUM}\n\nAssistant:"
TABLE = [
    Example(
        "2024-12", "migrating, Anthropic SDK", messages,
        ask("grok-2-1212", HITCHHIKER, MEANING),
        answered("grok-2-1212", ECHO, MEANING, HITCHHIKER),
    ),
    Example(
        # Every field that the reference names, its empty values where they say something.
        "2024-12", "API reference, completions", by_curl_to("/completions"),
        {
            "best_of": 1, "echo": False, "frequency_penalty": 0, "logit_bias": {},
            "logprobs": False, "max_tokens": 50, "model": "grok-2-1212", "n": 1,
            "presence_penalty": 0, "prompt": SUM, "seed": 0, "stop": [],
            "stream": False, "stream_options": None, "suffix": "", "temperature": 0,
            "top_p": 1, "user": "",
        },
        completed("grok-2-1212"),
    ),
    Example(
        "2024-12", "API reference, complete", by_curl_to("/complete"),
        {
            "max_tokens_to_sample": 50, "metadata": None, "model": "grok-2-1212",
            "prompt": TURNS, "stop_sequences": [], "stream": False, "temperature": 0,
            "top_k": 1, "top_p": 1,
        },
        finished("grok-2-1212"),
    ),
    Example(
        "2025-05", "migration, Anthropic SDK", messages,
        ask("grok-3-latest", HITCHHIKER, MEANING),
        answered("grok-3", ECHO, MEANING, HITCHHIKER),
    ),
    Example(
        "2025-05", "API reference, messages", by_curl_to("/messages"),
        ask("grok-3", "Be brief.", SUM), answered("grok-3", "2 + 2 = 4"),
    ),
    Example(
        "2025-05", "API reference, completions", by_curl_to("/completions"),
        {"model": "grok-3", "prompt": SUM}, completed("grok-3"),
    ),
    Example(
        "2025-05", "API reference, complete", by_curl_to("/complete"),
        {"model": "grok-3", "prompt": TURNS, "max_tokens_to_sample": 50},
        finished("grok-3"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.id)
def test_example_of_the_guides_gives_its_values(
    year_2025: Sandbox, example: Example
) -> None:
    answer = example.send(year_2025, example.request)
    assert wrong(answer, example.expected) == []


#: The successor of grok-3 reasons, and completions take no model that does. Source:
#: xai-api.md section 8.2.
STILL = [one for one in still(TABLE) if not one.heading.endswith(" completions")]


@pytest.mark.parametrize("example", STILL, ids=lambda example: example.id)
def test_example_of_the_guides_runs_today(year_2026: Sandbox, example: Example) -> None:
    answer = example.send(year_2026, example.request)
    assert wrong(answer, today(example.expected)) == []


def test_completions_take_no_successor_that_reasons(year_2026: Sandbox) -> None:
    answer = by_curl_to("/completions")(year_2026, TABLE[5].request)
    assert answer["status"] == 400
    assert "completions" in answer["error"]
