"""langchain-xai, unmodified, against the sandbox (section 15 of xai-api.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients_support import (
    CHAT,
    INVOICE,
    RESPONSES,
    SUM,
    TRAM_PAGE,
    Check,
    Told,
    chat_tokens,
    needs_clients,
    responses_tokens,
    told_by,
)

pytestmark = needs_clients
# Section 13.3 of xai-api.md: subclasses of the openai package's errors.
ERRORS = {
    "400": "BadRequestError",
    "401": "AuthenticationError",
    "403": "PermissionDeniedError",
    "404": "NotFoundError",
    "422": "UnprocessableEntityError",
    "429": "RateLimitError",
    "503": "InternalServerError",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by("with_langchain.py", tmp_path_factory.mktemp("home"))


def tokens(usage: dict[str, Any]) -> tuple[int, int, int]:
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    return (
        usage["input_tokens"],
        usage["output_tokens"],
        usage["output_token_details"]["reasoning"],
    )


def check_sum(saw: dict[str, Any], check: Check) -> None:
    assert saw["text"] == SUM
    reasoning = saw["extra"]["reasoning_content"]
    assert reasoning.startswith("The question holds the expression 101*3.")
    assert saw["meta"]["finish_reason"] == "stop"
    # It adds the reasoning to the output.
    assert tokens(saw["usage"]) == chat_tokens(check.bill)
    assert check.paths == [CHAT]


def test_nothing_else_was_contacted(told: Told) -> None:
    assert told.elsewhere == []


@pytest.mark.parametrize("name", ["invoke", "invoke_async"])
def test_invoke(told: Told, name: str) -> None:
    check = told[name]
    check_sum(check.saw, check)
    meta = check.saw["meta"]
    assert meta["model_name"] == "grok-4.7"
    assert meta["token_usage"]["cost_in_usd_ticks"] == check.ticks > 0
    assert meta["id"] == check.calls[0]["response_id"]
    assert check.bodies == [
        {
            "model": "grok-4.7",
            "messages": [{"role": "user", "content": "What is 101*3?"}],
            "stream": False,
        }
    ]


def test_its_default_model_is_led_to_the_successor(told: Told) -> None:
    check = told["default_model"]
    assert check.bodies[0]["model"] == "grok-4"
    check_sum(check.saw, check)
    assert check.saw["meta"]["model_name"] == check.calls[0]["model"] == "grok-4.3"


@pytest.mark.parametrize("name", ["stream", "stream_async"])
def test_a_stream_is_counted_once(told: Told, name: str) -> None:
    check = told[name]
    assert "".join(check.saw["texts"]) == SUM
    check_sum(check.saw, check)
    assert check.bodies[0]["stream_options"] == {"include_usage": True}


def test_usage_on_every_chunk_is_added_up(told: Told) -> None:
    """Section 4: what it makes of the shape of the older documents."""
    check = told["stream_2025"]
    assert check.saw["text"] == SUM
    prompt, output, _ = chat_tokens(check.bill)
    said = check.saw["usage"]
    # Every chunk had the whole prompt: it counts as many prompts as chunks.
    chunks, rest = divmod(said["input_tokens"], prompt)
    assert rest == 0
    assert len(check.saw["texts"]) - 1 <= chunks <= len(check.saw["texts"])
    assert said["output_tokens"] > output


def test_tools(told: Told) -> None:
    check = told["tools"]
    saw = check.saw
    for first in (saw["first"], saw["streamed"]):
        (call,) = first["calls"]
        assert (call["name"], call["args"]) == ("get_weather", {"city": "Bern"})
        assert first["meta"]["finish_reason"] == "tool_calls"
        assert first["text"] == ""
    assert saw["second"]["text"] == (
        '[sandbox] get_weather(city="Bern") returned {"degrees": 7}'
    )
    said = [tokens(saw[name]["usage"]) for name in ("first", "second", "streamed")]
    assert said == [chat_tokens(call["usage"]) for call in check.calls]
    for body in check.bodies:
        (tool,) = body["tools"]
        assert tool["function"]["strict"] is True
    *_, called, result = check.bodies[1]["messages"]
    assert result["tool_call_id"] == called["tool_calls"][0]["id"]


def test_schemas_by_both_methods(told: Told) -> None:
    check = told["schema"]
    assert check.saw == {"json_schema": INVOICE, "function_calling": INVOICE}
    by_schema, by_function = check.bodies
    assert by_schema["response_format"]["json_schema"]["name"] == "Invoice"
    assert by_function["tool_choice"]["function"]["name"] == "Invoice"


def test_a_search_goes_to_responses(told: Told) -> None:
    check = told["web_search"]
    assert check.paths == [RESPONSES, RESPONSES]
    for name, call, body in zip(
        ("whole", "streamed"), check.calls, check.bodies, strict=True
    ):
        assert body["tools"] == [{"type": "web_search"}]
        found = check.saw[name]
        assert tokens(found["usage"]) == responses_tokens(call["usage"])
        *_, text = found["content"]
        assert [part["type"] for part in found["content"]] == [
            "reasoning",
            "web_search_call",
            "web_search_call",
            "text",
        ]
        first = text["annotations"][0]
        assert first["url"] == TRAM_PAGE
        cited = text["text"][first["start_index"] : first["end_index"]]
        assert cited == f"[[1]]({TRAM_PAGE})"


def test_stop_is_dropped_where_it_is_refused(told: Told) -> None:
    check = told["stop"]
    reasoning, plain = check.bodies
    assert "stop" not in reasoning
    assert check.saw["reasoning"]["text"] == SUM
    assert plain["stop"] == ["303"]
    assert check.saw["plain"]["text"] == "[sandbox] 101*3 = "


@pytest.mark.parametrize(("status", "kind"), ERRORS.items())
def test_errors(told: Told, status: str, kind: str) -> None:
    found = told["errors"].saw[status]
    assert found["status"] == int(status)
    assert {kind, "OpenAIError"} <= set(found["kinds"])
