"""anthropic, unmodified, against the sandbox (sections 8.1 and 13.3 of xai-api.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients_support import SUM, Check, Told, needs_clients, told_by

pytestmark = needs_clients
MESSAGES = "/v1/messages"
THOUGHT = "The question holds the expression 101*3."
# Section 13.3 of xai-api.md: what the package makes of each status.
ERRORS = {
    "400": "BadRequestError",
    "401": "AuthenticationError",
    "403": "PermissionDeniedError",
    "404": "NotFoundError",
    "410": "APIStatusError",
    "422": "UnprocessableEntityError",
    "429": "RateLimitError",
    "500": "InternalServerError",
    "503": "ServiceUnavailableError",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by("with_anthropic.py", tmp_path_factory.mktemp("home"))


def check_sum(message: dict[str, Any], call: dict[str, Any]) -> None:
    assert message["text"] == SUM
    assert message["thinking"].startswith(THOUGHT)
    assert message["kinds"] == ["thinking", "text"]
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)
    assert message["model"] == "grok-4.7"
    check_bill(message, call)


def check_bill(message: dict[str, Any], call: dict[str, Any]) -> None:
    """What the client counts is what the ledger has."""
    assert message["id"] == call["response_id"]
    bill = call["usage"]
    cached = bill["prompt_tokens_details"]["cached_tokens"]
    assert message["usage"] == {
        "input_tokens": bill["prompt_tokens"] - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": bill["total_tokens"] - bill["prompt_tokens"],
    }
    assert call["billed"]
    assert call["cost_in_usd_ticks"] == bill["cost_in_usd_ticks"] > 0


def only_call(check: Check) -> dict[str, Any]:
    (call,) = check.calls
    return call


def test_nothing_else_was_contacted(told: Told) -> None:
    assert told.elsewhere == []


def test_create(told: Told) -> None:
    check = told["create"]
    check_sum(check.saw, only_call(check))
    (request,) = check.requests
    assert (request["method"], request["path"]) == ("POST", MESSAGES)
    # This version's own form of a key.
    assert request["headers"]["authorization"] == "Bearer ***"
    assert "x-api-key" not in request["headers"]
    assert request["body"] == {
        "model": "grok-4.7",
        "max_tokens": 500,
        "system": [
            {
                "type": "text",
                "text": "Be brief.",
                "cache_control": {"type": "ephemeral"},
            }
        ],
        "messages": [{"role": "user", "content": "What is 101*3?"}],
        "metadata": {"user_id": "ann"},
        "temperature": 0.5,
        "top_k": 5,
    }


def test_create_as_in_the_guide_of_2025(told: Told) -> None:
    check = told["create_2025"]
    assert (check.saw["text"], check.saw["model"]) == (SUM, "grok-3")
    check_bill(check.saw, only_call(check))


def test_the_key_can_be_in_the_header_of_older_versions(told: Told) -> None:
    check = told["by_header"]
    check_bill(check.saw, only_call(check))
    (request,) = check.requests
    assert request["headers"]["x-api-key"] == "***"
    assert "authorization" not in request["headers"]


def test_create_and_stream_async(told: Told) -> None:
    check = told["create_async"]
    check_sum(check.saw["whole"], check.calls[0])
    check_sum(check.saw["final"], check.calls[1])
    assert "".join(check.saw["texts"]) == SUM
    assert [call["stream"] for call in check.calls] == [False, True]


def test_a_stream_gives_texts_events_and_the_final_message(told: Told) -> None:
    check = told["stream"]
    texts = check.saw["texts"]
    assert ("".join(texts), len(texts) > 1) == (SUM, True)
    check_sum(check.saw["final"], check.calls[0])
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    raw = check.saw["raw"]
    merged = [kind for n, kind in enumerate(raw) if n == 0 or kind != raw[n - 1]]
    assert merged == ["message_start", *block, *block, "message_delta", "message_stop"]
    # The helper adds events of its own.
    own = [kind for kind in check.saw["events"] if kind not in {"text", "thinking"}]
    assert own == raw


def test_tools_are_used_and_their_results_answered(told: Told) -> None:
    check = told["tools"]
    saw = check.saw
    assert (saw["use"]["name"], saw["use"]["input"]) == (
        "get_weather",
        {"city": "Bern"},
    )
    assert saw["first"]["stop_reason"] == "tool_use"
    called = '[sandbox] get_weather(city="Bern") returned'
    assert saw["second"]["text"] == f'{called} {{"degrees": 7}}'
    assert saw["third"]["text"].startswith(f"{called} Error: no such city")
    for name, call in zip(("first", "second", "third"), check.calls, strict=True):
        check_bill(saw[name], call)
    # The blocks went back as they came.
    said = check.bodies[1]["messages"][1]["content"]
    assert [block["type"] for block in said] == ["thinking", "tool_use"]
    assert said[1]["id"] == saw["use"]["id"]


def test_tools_in_a_stream(told: Told) -> None:
    check = told["tools_in_a_stream"]
    assert check.saw["inputs"] == [['{"city": "Bern"}', {"city": "Bern"}]]
    assert check.saw["first"]["kinds"] == ["thinking", "tool_use"]
    assert check.saw["second"]["text"].endswith('returned {"degrees": 7}')
    check_bill(check.saw["first"], check.calls[0])
    check_bill(check.saw["second"], check.calls[1])


def test_thinking_is_told_streamed_and_turned_off(told: Told) -> None:
    check = told["thinking"]
    assert check.saw["on"]["thinking"] == THOUGHT == "".join(check.saw["thoughts"])
    assert check.saw["off"]["kinds"] == ["text"]
    on, off = (call["usage"]["completion_tokens_details"] for call in check.calls[:2])
    assert (on["reasoning_tokens"] > 0, off["reasoning_tokens"]) == (True, 0)


def test_why_a_message_stops(told: Told) -> None:
    saw = told["stops"].saw
    cut, full = saw["cut"], saw["full"]
    assert (cut["stop_reason"], cut["stop_sequence"]) == ("stop_sequence", "5,")
    assert cut["text"] == "[sandbox] 1, 2, 3, 4, "
    assert (full["stop_reason"], full["stop_sequence"]) == ("max_tokens", None)
    assert full["usage"]["output_tokens"] == 6


def test_who_leaves_a_stream_is_noticed(told: Told) -> None:
    check = told["closed_early"]
    assert check.saw[0] == "message_start"
    call = only_call(check)
    assert (call["closed_early"], call["billed"]) == (True, True)


def test_an_error_in_a_stream_is_raised(told: Told) -> None:
    check = told["broken"]
    assert "APIStatusError" in check.saw["kinds"]
    assert "Overloaded" in check.saw["text"]
    assert only_call(check)["billed"]


@pytest.mark.parametrize(("status", "kind"), ERRORS.items())
def test_errors(told: Told, status: str, kind: str) -> None:
    found = told["errors"].saw[status]
    assert (found["kind"], found["status"]) == (kind, int(status))
    # xAI's shape, which has no type.
    assert "'error': " in found["text"]
    assert "'type'" not in found["text"]


def test_errors_cost_nothing(told: Told) -> None:
    calls = told["errors"].calls
    assert [str(call["status"]) for call in calls] == list(ERRORS)
    assert not any(call["billed"] for call in calls)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("key", "BadRequestError", "Incorrect API key provided"),
        ("model", "BadRequestError", "Model not found: nope"),
        ("system", "BadRequestError", "Invalid message role."),
        ("schema", "UnprocessableEntityError", "tools[0].input_schema.required"),
        ("base_url", "NotFoundError", "/v1/v1/messages"),
    ],
)
def test_what_xai_refuses(told: Told, name: str, kind: str, said: str) -> None:
    found = told["refusals"].saw[name]
    assert found["kind"] == kind
    assert said in found["text"]
    assert "Kq7ZtW" not in found["text"]
    assert told["refusals"].calls == []
