"""litellm, unmodified, against the sandbox (section 15 of xai-api.md)."""

from __future__ import annotations

from typing import Any

import pytest

from grok_nb._sandbox.media.embedding import vector
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
# Section 13.3 of xai-api.md: what the package makes of each status.
ERRORS = {
    "400": "BadRequestError",
    "401": "AuthenticationError",
    "403": "APIError",
    "404": "NotFoundError",
    "410": "APIError",
    "422": "BadRequestError",
    "429": "RateLimitError",
    "503": "ServiceUnavailableError",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by("with_litellm.py", tmp_path_factory.mktemp("home"))


def tokens(usage: dict[str, Any]) -> tuple[int, int, int]:
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    return (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["completion_tokens_details"]["reasoning_tokens"],
    )


def check_sum(check: Check) -> None:
    saw = check.saw
    assert saw["text"] == SUM
    assert saw["reasoning"].startswith("The question holds the expression 101*3.")
    assert (saw["finish"], saw["model"]) == ("stop", "grok-4.7")
    # It adds the reasoning to the output.
    assert tokens(saw["usage"]) == chat_tokens(check.bill)
    assert saw["usage"]["cost_in_usd_ticks"] == check.ticks > 0
    assert saw["cost"] == saw["reported_cost"] == pytest.approx(check.ticks / 1e10)
    assert check.paths == [CHAT]


def test_nothing_else_was_contacted(told: Told) -> None:
    assert told.elsewhere == []


def test_chat_renames_the_limit_and_drops_names(told: Told) -> None:
    check = told["chat"]
    check_sum(check)
    assert check.bodies == [
        {
            "model": "grok-4.7",
            "messages": [
                {"role": "system", "content": "Be brief."},  # it had a name
                {"role": "user", "name": "ann", "content": "What is 101*3?"},
            ],
            "max_tokens": 500,
        }
    ]


def test_chat_async(told: Told) -> None:
    check_sum(told["chat_async"])


def test_the_cost_is_the_reported_one(told: Told) -> None:
    check = told["dear"]
    check_sum(check)
    assert check.saw["by_list"] == 66


def test_a_stream_ends_with_its_usage(told: Told) -> None:
    check = told["stream"]
    assert check.saw["text"] == SUM
    assert check.saw["reasoning"].startswith("The question holds")
    (usage,) = check.saw["usages"]
    assert tokens(usage) == chat_tokens(check.bill)
    assert check.bodies[0]["stream_options"] == {"include_usage": True}
    built = check.saw["built"]
    assert (built["text"], built["finish"]) == (SUM, "stop")
    assert tokens(built["usage"]) == chat_tokens(check.bill)
    assert built["cost"] == pytest.approx(check.ticks / 1e10)


def test_tools_lose_strict_and_come_back(told: Told) -> None:
    check = told["tools"]
    saw = check.saw
    assert saw["finish"] == "tool_calls"
    assert (saw["name"], saw["arguments"]) == ("get_weather", {"city": "Bern"})
    assert saw["text"] == '[sandbox] get_weather(city="Bern") returned {"degrees": 7}'
    bills = [chat_tokens(call["usage"]) for call in check.calls]
    assert [tokens(usage) for usage in saw["usages"]] == bills
    for body in check.bodies:
        (tool,) = body["tools"]
        assert "strict" not in tool["function"]
        assert tool["function"]["parameters"]["required"] == ["city"]
    result = check.bodies[1]["messages"][-1]
    called = check.bodies[1]["messages"][-2]["tool_calls"][0]
    assert (result["role"], result["tool_call_id"]) == ("tool", called["id"])


def test_web_search_options_become_a_tool_of_responses(told: Told) -> None:
    """Chat never sees the field: the call goes to the endpoint that can search."""
    check = told["web_search_options"]
    assert check.paths == [RESPONSES]
    assert check.bodies[0]["tools"] == [{"type": "web_search"}]
    assert "web_search_options" not in check.bodies[0]
    assert TRAM_PAGE in check.saw["text"]
    assert tokens(check.saw["usage"]) == responses_tokens(check.bill)
    assert check.saw["cost"] == pytest.approx(check.ticks / 1e10)
    fees = check.bill["server_side_tool_usage_details"]["web_search_calls"]
    assert fees == 2


def test_a_schema_is_filled(told: Told) -> None:
    check = told["schema"]
    assert check.saw == INVOICE
    assert check.bodies[0]["response_format"]["type"] == "json_schema"


def test_pictures(told: Told) -> None:
    check = told["pictures"]
    assert check.paths == ["/v1/images/generations"]
    assert check.saw["starts"] == ["/9j/", "/9j/"]  # bare base64 of JPEGs
    assert check.saw["usage"]["cost_in_usd_ticks"] == check.ticks == 400_000_000
    # It reads the cost of texts only.
    assert check.saw["cost"] is None


def test_embeddings_only_as_those_of_openai(told: Told) -> None:
    check = told["embedding_2025"]
    assert check.saw["xai"]["kind"] == "LiteLLMUnknownProvider"
    assert check.paths == ["/v1/embeddings"]
    for text, found in zip(("red", "blue"), check.saw["vectors"], strict=True):
        assert found == pytest.approx(vector(text, len(found)), abs=1e-6)
    assert check.saw["usage"]["prompt_tokens"] == check.bill["prompt_tokens"] == 2


def test_the_example_of_the_guide(told: Told) -> None:
    """Its ten tokens do not hold the whole object. Source: docs.x.ai of 2025-05."""
    check = told["guide_2025"]
    assert check.paths == [CHAT]
    assert (check.saw["finish"], check.saw["model"]) == ("length", "grok-3")
    assert check.saw["text"].startswith("{")
    spent = (check.bill["prompt_tokens"], 10, 0)  # grok-3 does not reason
    assert tokens(check.saw["usage"]) == spent
    (body,) = check.bodies
    assert body["response_format"] == {"type": "json_object"}
    assert (body["seed"], body["temperature"], body["top_p"]) == (123, 0.2, 0.9)
    assert (body["user"], body["stop"]) == ("user", ["\n\n"])


def test_responses_need_the_mcp_package(told: Told) -> None:
    check = told["responses_without_mcp"]
    assert "No module named 'mcp" in check.saw["text"]
    assert check.requests == []


def test_responses(told: Told) -> None:
    check = told["responses"]
    saw = check.saw
    assert saw["kinds"] == [
        "reasoning",
        "web_search_call",
        "web_search_call",
        "message",
    ]
    assert TRAM_PAGE in saw["text"]
    assert saw["usage"]["output_tokens"] == check.bill["output_tokens"]
    assert saw["usage"]["input_tokens"] == check.bill["input_tokens"]
    assert saw["usage"]["cost_in_usd_ticks"] == check.ticks
    assert saw["cost"] == pytest.approx(check.ticks / 1e10)
    # Read back, and deleted.
    assert saw["stored"] == saw["text"]
    assert saw["deleted"]["deleted"] is True
    stored_at = f"{RESPONSES}/{saw['deleted']['id']}"
    assert [(one["method"], one["path"]) for one in check.requests] == [
        ("POST", RESPONSES),
        ("GET", stored_at),
        ("DELETE", stored_at),
    ]
    assert "metadata" not in check.bodies[0]  # the script gave one


def test_responses_in_a_stream(told: Told) -> None:
    check = told["responses_stream"]
    assert check.saw["text"] == SUM
    kinds = check.saw["kinds"]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_item.done") == 2
    assert check.saw["usage"]["output_tokens"] == check.bill["output_tokens"]
    assert check.saw["usage"]["cost_in_usd_ticks"] == check.ticks


@pytest.mark.parametrize(("status", "kind"), ERRORS.items())
def test_errors(told: Told, status: str, kind: str) -> None:
    found = told["errors"].saw[status]
    assert (found["kind"], found["status"]) == (kind, int(status))


def test_errors_cost_nothing(told: Told) -> None:
    calls = told["errors"].calls
    assert [str(call["status"]) for call in calls] == list(ERRORS)
    assert not any(call["billed"] for call in calls)
