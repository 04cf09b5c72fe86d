"""pydantic-ai, unmodified, against the sandbox (section 15 of xai-api.md)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.clients_support import (
    CHAT,
    INVOICE,
    RESPONSES,
    SUM,
    Check,
    Told,
    chat_tokens,
    needs_clients,
    responses_tokens,
    told_by,
)

pytestmark = needs_clients
PATHS = {"chat": CHAT, "responses": RESPONSES}
both = pytest.mark.parametrize("kind", PATHS)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by("with_pydantic_ai.py", tmp_path_factory.mktemp("home"))


def check_usage(kind: str, check: Check) -> None:
    """It reports the sums of all requests of a run, as they were billed."""
    usage: dict[str, Any] = check.saw["usage"]
    assert set(check.paths) == {PATHS[kind]}
    count = chat_tokens if kind == "chat" else responses_tokens
    bills = [count(call["usage"]) for call in check.calls]
    prompt, output, reasoning = (sum(column) for column in zip(*bills, strict=True))
    assert usage["requests"] == len(bills)
    assert usage["input_tokens"] == prompt
    # Of chat it reports the output without the reasoning (section 3.7).
    assert usage["output_tokens"] == output - (reasoning if kind == "chat" else 0)
    assert usage["details"]["reasoning_tokens"] == reasoning
    assert usage["details"]["cost_in_usd_ticks"] == check.ticks > 0
    assert check.saw["model"] == "grok-4.7"


def test_nothing_else_was_contacted(told: Told) -> None:
    assert told.elsewhere == []


@both
def test_run(told: Told, kind: str) -> None:
    check = told[f"{kind}_run"]
    assert check.saw["text"] == SUM
    assert check.saw["parts"] == [["thinking", "text"]]
    assert check.saw["finish"] == "stop"
    check_usage(kind, check)
    (body,) = check.bodies
    if kind == "chat":
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    else:
        assert body["instructions"] == "Be brief."


@both
def test_run_stream(told: Told, kind: str) -> None:
    check = told[f"{kind}_stream"]
    texts = check.saw["texts"]
    assert len(texts) > 5
    assert all(later.startswith(text) for text, later in pairwise(texts))
    assert texts[-1] == check.saw["text"] == SUM
    check_usage(kind, check)
    assert check.bodies[0]["stream"] is True


@both
def test_tools(told: Told, kind: str) -> None:
    check = told[f"{kind}_tools"]
    assert check.saw["called"] == ["Bern"]
    assert check.saw["text"] == (
        '[sandbox] get_weather(city="Bern") returned {"degrees":7}'
    )
    assert check.saw["parts"] == [["thinking", "tool-call"], ["thinking", "text"]]
    check_usage(kind, check)
    first, second = check.bodies
    (tool,) = first["tools"]
    if kind == "chat":
        assert tool["function"]["strict"] is True
        *_, called, result = second["messages"]
        assert result["tool_call_id"] == called["tool_calls"][0]["id"]
    else:
        assert tool["strict"] is True
        *_, called, result = second["input"]
        assert (called["type"], result["type"]) == (
            "function_call",
            "function_call_output",
        )
        assert result["call_id"] == called["call_id"]


@both
@pytest.mark.parametrize("how", ["typed", "typed_stream"])
def test_typed_output(told: Told, kind: str, how: str) -> None:
    check = told[f"{kind}_{how}"]
    assert check.saw["output"] == INVOICE
    assert check.saw["parts"] == [["thinking", "tool-call"]]
    check_usage(kind, check)
    (body,) = check.bodies
    assert body["tool_choice"] == "required"
    assert body["stream"] is (how == "typed_stream")


def test_its_own_provider_speaks_grpc_only(told: Told) -> None:
    """It opens HTTP/2, which the sandbox takes for a strange method; no call is made."""
    check = told["xai_provider"]
    assert check.saw["kind"] == "ModelHTTPError"
    assert "StatusCode.UNAVAILABLE" in check.saw["cause"]
    assert {one["method"] for one in check.requests} == {"PRI"}
    assert check.calls == []


@pytest.mark.parametrize("status", [400, 422, 429, 503])
@pytest.mark.parametrize("model", ["OpenAIChatModel", "OpenAIResponsesModel"])
def test_errors_have_the_text_as_body(told: Told, model: str, status: int) -> None:
    found = told["errors"].saw[f"{model} {status}"]
    assert (found["kind"], found["status"]) == ("ModelHTTPError", status)
    assert isinstance(found["body"], str)  # the openai package has unwrapped it
    assert found["body"] in found["text"]
