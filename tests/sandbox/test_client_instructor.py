"""instructor, unmodified, against the sandbox."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.clients_support import CHAT, INVOICE, Told, needs_clients, told_by

pytestmark = needs_clients


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by("with_instructor.py", tmp_path_factory.mktemp("home"))


def test_nothing_else_was_contacted(told: Told) -> None:
    assert told.elsewhere == []


def test_create_in_both_modes(told: Told) -> None:
    check = told["create"]
    assert check.paths == [CHAT, CHAT]
    by_tool, by_schema = check.bodies
    assert by_tool["tool_choice"]["function"]["name"] == "Invoice"
    assert by_schema["response_format"]["type"] == "json_schema"
    for found, call in zip(check.saw.values(), check.calls, strict=True):
        assert found["invoice"] == INVOICE
        usage = found["usage"]
        assert usage["cost_in_usd_ticks"] == call["cost_in_usd_ticks"] > 0
        assert usage["total_tokens"] == call["usage"]["total_tokens"]


def test_create_async(told: Told) -> None:
    assert told["create_async"].saw == INVOICE


def test_a_retry_tells_what_was_wrong_and_is_added_up(told: Told) -> None:
    check = told["retries"]
    assert check.saw["amount"] == {"total_amount": 35.5}
    first, second = check.bodies
    assert second["messages"][: len(first["messages"])] == first["messages"]
    *_, called, result = second["messages"]
    assert result["tool_call_id"] == called["tool_calls"][0]["id"]
    assert "look at it again" in result["content"]
    assert len(check.calls) == 2
    usage = check.saw["usage"]
    assert usage["cost_in_usd_ticks"] == check.ticks > 0
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert usage[name] == sum(call["usage"][name] for call in check.calls)


def test_retries_end(told: Told) -> None:
    check = told["retries_in_vain"]
    assert check.saw["kind"] == "InstructorRetryException"
    assert check.saw["text"].count("<generation number=") == len(check.calls) == 3
    assert all(call["billed"] for call in check.calls)


def test_parts_come_as_they_are_known(told: Told) -> None:
    check = told["partial"]
    assert all(body["stream"] for body in check.bodies)
    for parts in check.saw.values():
        assert parts[-1] == INVOICE
    # Arguments come whole in one delta (section 4), a text piece by piece.
    assert check.saw["tools"] == [INVOICE]
    parts = check.saw["json_schema"]
    assert parts[0] == dict.fromkeys(INVOICE)
    names = [part["vendor_name"] or "" for part in parts]
    assert {"Acme", "Acme Corp"} <= set(names)
    assert all(later.startswith(name) for name, later in pairwise(names))
    lengths = [len(part["items"] or []) for part in parts]
    assert lengths == sorted(lengths)
    assert {1, 2} <= set(lengths)


def test_items_one_by_one(told: Told) -> None:
    assert told["iterable"].saw == INVOICE["items"]
