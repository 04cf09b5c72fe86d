"""Responses over plain HTTP: bytes, refusals, limits, faults, years."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from grok_nb._sandbox.exchange import LARGE_BYTES
from grok_nb._sandbox.faults import NAMED_KINDS
from grok_nb._sandbox.server import Sandbox
from tests.responses_support import (
    PATH,
    TRAM,
    Client,
    events,
    folded,
    of_type,
    request,
    text_of,
)
from tests.support import eventually

WEB = {"type": "web_search"}
X = {"type": "x_search"}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(_sandbox: Sandbox) -> Client:
    _sandbox._gate.desk.faults.clear()
    _sandbox._gate.desk.ledger.clear()
    return Client(_sandbox)


@pytest.fixture(scope="module")
def then() -> Iterator[Client]:
    with Sandbox(vintage="2025") as sandbox:
        yield Client(sandbox)


# -- the shape ------------------------------------------------------------------------


def test_a_response_has_the_documented_fields(client: Client) -> None:
    """Source: xai-api.md section 6.5."""
    status, headers, raw = client.call("POST", PATH, request("What is 101*3?"))
    body = json.loads(raw)
    assert status == 200
    name = body["id"]
    assert len(name) == 36
    assert [item["id"] for item in body["output"]] == [f"rs_{name}", f"msg_{name}"]
    fixed = {
        "object": "response",
        "status": "completed",
        "model": "grok-4.7",
        "store": True,
        "previous_response_id": None,
        "reasoning": {"effort": "high", "summary": "detailed"},
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "parallel_tool_calls": True,
        "temperature": 1,
        "top_p": 1,
        "top_logprobs": 0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "truncation": "disabled",
        "background": False,
        "service_tier": "default",
        "instructions": None,
        "user": None,
        "prompt_cache_key": None,
        "safety_identifier": None,
        "incomplete_details": None,
        "error": None,
    }
    assert {key: body[key] for key in fixed} == fixed
    assert set(body) - set(fixed) == {
        "id",
        "created_at",
        "completed_at",
        "output",
        "metadata",
        "usage",
    }
    assert body["completed_at"] >= body["created_at"]
    assert body["metadata"]["system_fingerprint"].startswith("fp_")
    assert body["output"][1] == {
        "type": "message",
        "id": f"msg_{name}",
        "role": "assistant",
        "status": "completed",
        "content": [
            {
                "type": "output_text",
                "text": "[sandbox] 101*3 = 303",
                "logprobs": [],
                "annotations": [],
            }
        ],
    }
    for header in ("limit-requests", "remaining-requests", "limit-tokens"):
        assert int(headers[f"x-ratelimit-{header}"]) > 0
    assert headers["x-request-id"] == client.bills()[-1]["request_id"]
    assert headers["x-metrics-ttft-ms"]


def test_the_stream_is_as_recorded(client: Client) -> None:
    """Source: xai-api.md section 6.7, the order for plain text with reasoning."""
    found = events(client.stream("What is 101*3?", reasoning={"effort": "low"}))
    kinds = [event["type"].removeprefix("response.") for event in found]
    merged = [k for n, k in enumerate(kinds) if n == 0 or k != kinds[n - 1]]
    assert merged == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert folded(found)["usage"]["total_tokens"] > 0


def test_events_of_tools_come_in_their_order(client: Client) -> None:
    tools = [WEB, X, {"type": "code_interpreter"}]
    raw = client.stream(f"Search: {TRAM} And what is 7*6?", tools=tools)
    found = events(raw)
    last = folded(found)
    assert text_of(last).count("[[1]](https://tramways.example/bern/line-14)") == 1
    kinds = [event["type"].removeprefix("response.") for event in found]
    for name, steps in (
        ("web_search_call", ["in_progress", "searching", "completed"]),
        ("custom_tool_call_input", ["delta", "done"]),
        ("code_interpreter_call", ["in_progress", "interpreting", "completed"]),
    ):
        first = kinds.index(f"{name}.{steps[0]}")
        whole = ["output_item.added", *[f"{name}.{s}" for s in steps]]
        assert kinds[first - 1 : first + len(steps) + 1] == [*whole, "output_item.done"]
    place = kinds.index("output_text.annotation.added")
    assert kinds[place - 1] == "output_text.delta"
    annotations = kinds.count("output_text.annotation.added")
    assert kinds[place + annotations] == "output_text.done"


def test_the_same_request_gets_the_same_response(client: Client) -> None:
    tools = [WEB, X]
    one, two = (json.dumps(client.ask(tools=tools)["output"]) for _ in range(2))
    ids = [json.loads(text)[0]["id"].removeprefix("rs_") for text in (one, two)]
    assert one.replace(ids[0], "ID") == two.replace(ids[1], "ID")


# -- sources --------------------------------------------------------------------------


def test_sources_are_listed_only_when_included(client: Client) -> None:
    for include, number in (([], 0), (["web_search_call.action.sources"], 2)):
        response = client.ask(tools=[WEB], include=include)
        search, opened = of_type(response, "web_search_call")
        assert search["action"]["query"] == "tram line 14 Bern opened"
        assert len(search["action"]["sources"]) == number
        assert opened["action"] == {
            "type": "open_page",
            "url": "https://tramways.example/bern/line-14",
        }


def test_outputs_of_code_are_listed_only_when_included(client: Client) -> None:
    outputs = [{"type": "logs", "logs": "42"}]
    for include, wanted in (([], None), (["code_interpreter_call.outputs"], outputs)):
        tools = [{"type": "code_interpreter"}]
        response = client.ask("What is 7*6?", tools=tools, include=include)
        (call,) = of_type(response, "code_interpreter_call")
        assert (call["code"], call["outputs"]) == ("print(7*6)", wanted)
        assert "7*6 = 42" in text_of(response)


def test_citations_without_markers(client: Client) -> None:
    marked = client.ask(tools=[WEB])
    bare = client.ask(tools=[WEB], include=["no_inline_citations"])
    assert "[[1]](" in text_of(marked)
    assert "[[" not in text_of(bare)
    (part,) = of_type(bare, "message")[0]["content"]
    assert part["annotations"][0] == {
        "type": "url_citation",
        "url": "https://tramways.example/bern/line-14",
    }


def content(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def test_long_inputs_are_read_beside_the_event_loop(client: Client) -> None:
    filler = "Nothing to see here. " * 15_000
    text = f"Total: 42\n{filler}\nWhat is 7*6?"
    assert len(text) > LARGE_BYTES
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}}
    wanted = {"format": {"type": "json_schema", "name": "sum", "schema": schema}}
    for response in (
        client.ask(text, text=wanted, tools=[WEB]),
        folded(events(client.stream(text, text=wanted, tools=[WEB]))),
    ):
        assert json.loads(text_of(response)) == {"total": 42}
        usage = response["usage"]
        assert usage["input_tokens"] > 60_000
        assert usage["input_tokens_details"]["cached_tokens"] > 0


# -- refusals -------------------------------------------------------------------------

DEEP: Any = {"type": "object", "properties": {"a": True}}
SECRET = "mcp-secret-0123456789"
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"model": "grok-9"}, 404, "The model grok-9 does not exist"),
    ({"model": "grok-imagine-image"}, 400, "not served by responses"),
    ({"model": 1}, 422, "model: "),
    ({"input": 1}, 422, "input: "),
    ({"input": []}, 400, "at least one content element"),
    ({"input": ""}, 400, "at least one content element"),
    ({"input": content()}, 400, "at least one content element"),
    ({"input": [{"role": "robot", "content": "Hi"}]}, 422, "input[0].role"),
    ({"input": [{"type": "nonsense"}]}, 422, "input[0]: unknown type of input item"),
    ({"input": [{"type": "function_call", "name": "f"}]}, 422, "input[0].call_id"),
    (
        {"input": [{"type": "reasoning", "summary": [], "content": None}]},
        422,
        "input[0].content",
    ),
    ({"input": content({"type": "text", "text": "Hi"})}, 422, "input[0].content[0]"),
    ({"input": content({"type": "input_image"})}, 400, "image_url or file_id"),
    (
        {"input": content({"type": "input_image", "image_url": {"url": PIXEL}})},
        422,
        "input[0].content[0].image_url",
    ),
    (
        {"input": content({"type": "input_image", "image_url": "data:image/gif;,"})},
        400,
        "Invalid image",
    ),
    ({"input": content({"type": "input_file"})}, 400, "one of file_id, file_data"),
    (
        {"input": content({"type": "input_file", "file_data": "?"})},
        400,
        "file_data is no base64",
    ),
    ({"instructions": "a", "previous_response_id": "b"}, 400, "cannot be combined"),
    ({"previous_response_id": "b"}, 404, "The response b was not found."),
    ({"include": ["everything"]}, 400, "include[0]"),
    ({"max_output_tokens": 0}, 400, "max_output_tokens: it must be at least 1"),
    ({"max_output_tokens": "5"}, 422, "max_output_tokens"),
    (
        {"model": "grok-4.20-multi-agent", "max_output_tokens": 5},
        400,
        "does not support parameter maxOutputTokens",
    ),
    ({"max_turns": 0}, 400, "max_turns: it must be at least 1"),
    ({"temperature": 2.1}, 400, "temperature"),
    ({"top_p": 0}, 400, "top_p"),
    ({"top_logprobs": 3}, 400, "top_logprobs needs logprobs"),
    ({"background": True}, 400, "background is not supported"),
    ({"search_parameters": {"mode": "off"}}, 410, "Live search is deprecated"),
    ({"service_tier": "gold"}, 422, "service_tier"),
    ({"reasoning": {"effort": "extreme"}}, 400, "Invalid reasoning effort"),
    ({"reasoning": {"effort": "none"}, "model": "grok-4.5"}, 400, "reasoning effort"),
    (
        {"reasoning": {"effort": "low"}, "model": "grok-4.20"},
        400,
        "does not support parameter reasoningEffort.",
    ),
    ({"reasoning": {"summary": "long"}}, 422, "reasoning.summary"),
    ({"text": {"format": {"type": "xml"}}}, 422, "text.format"),
    ({"text": {"format": {"type": "json_schema"}}}, 422, "text.format.schema"),
    (
        {"text": {"format": {"type": "json_schema", "schema": DEEP}}},
        400,
        "Invalid schema of text.format",
    ),
    ({"tools": [{"type": "telepathy"}]}, 422, "tools[0]"),
    ({"tools": [{"type": "function"}]}, 422, "tools[0].name"),
    ({"tools": [{"type": "function", "name": "tool_search"}]}, 400, "reserved"),
    (
        {"tools": [{"type": "function", "name": "f", "parameters": {"type": "array"}}]},
        400,
        "must be an object",
    ),
    ({"tools": [{"type": "function", "name": "f"}] * 2}, 400, "Two tools"),
    ({"tools": [{"type": "x_search"}] * 129}, 400, "tools takes at most 128"),
    ({"tools": [WEB], "model": "grok-build-0.1"}, 400, "server-side tool web_search"),
    (
        {
            "tools": [{"type": "function", "name": "f"}],
            "model": "grok-4.20-multi-agent",
        },
        400,
        "does not support parameter tools.",
    ),
    ({"tool_choice": "maybe"}, 422, "tool_choice"),
    ({"tool_choice": "required"}, 400, "there are no tools"),
    ({"tool_choice": {"type": "function", "name": "g"}}, 400, "names no tool: g"),
    (
        {"tools": [WEB | {"filters": {"allowed_domains": list("abcdef")}}]},
        400,
        "tools[0].filters.allowed_domains: it takes at most 5",
    ),
    (
        {"tools": [X, WEB | {"excluded_domains": list("abcdef")}]},
        400,
        "tools[1].excluded_domains: it takes at most 5",
    ),
    (
        {"tools": [WEB | {"allowed_domains": ["a"], "excluded_domains": ["b"]}]},
        400,
        "allowed_domains: it excludes excluded_domains",
    ),
    (
        {
            "tools": [
                WEB | {"filters": {"allowed_domains": ["a"], "excluded_domains": ["b"]}}
            ]
        },
        400,
        "allowed_domains: it excludes excluded_domains",
    ),
    ({"tools": [WEB | {"allowed_domains": "a"}]}, 422, "tools[0].allowed_domains"),
    ({"tools": [WEB | {"external_web_access": True}]}, 400, "external_web_access"),
    (
        {"tools": [X | {"allowed_x_handles": [str(n) for n in range(21)]}]},
        400,
        "tools[0].allowed_x_handles: it takes at most 20",
    ),
    (
        {"tools": [X | {"excluded_x_handles": [str(n) for n in range(21)]}]},
        400,
        "tools[0].excluded_x_handles: it takes at most 20",
    ),
    (
        {"tools": [X | {"allowed_x_handles": ["a"], "excluded_x_handles": ["b"]}]},
        400,
        "allowed_x_handles: it excludes excluded_x_handles",
    ),
    ({"tools": [X | {"from_date": "2025-02-30"}]}, 400, "tools[0].from_date"),
    ({"tools": [X | {"from_date": ""}]}, 400, "tools[0].from_date"),
    ({"tools": [X | {"to_date": "20250101"}]}, 400, "tools[0].to_date"),
    (
        {"tools": [X | {"from_date": "2025-02-02", "to_date": "2025-02-01"}]},
        400,
        "from_date: it must not be after to_date",
    ),
    ({"tools": [{"type": "file_search"}]}, 400, "vector_store_ids"),
    (
        {"tools": [{"type": "file_search", "vector_store_ids": list("abcdefghijk")}]},
        400,
        "vector_store_ids: it takes at most 10",
    ),
    (
        {
            "tools": [
                {"type": "file_search", "vector_store_ids": ["a"], "max_num_results": 0}
            ]
        },
        400,
        "max_num_results",
    ),
    ({"tools": [{"type": "mcp"}]}, 422, "tools[0].server_url"),
    ({"tools": [{"type": "mcp", "server_url": "ftp://a"}]}, 400, "server_url"),
    ({"tools": [{"type": "mcp", "server_url": "http://a:b"}]}, 400, "server_url"),
]


@pytest.mark.parametrize(("fields", "status", "text"), REFUSED)
def test_what_makes_no_sense_is_refused(
    client: Client, fields: dict[str, Any], status: int, text: str
) -> None:
    body = request() | fields
    got, headers, raw = client.call("POST", PATH, body)
    refusal = json.loads(raw)
    assert (got, text in refusal["error"]) == (status, True), refusal
    codes = {400: "invalid-argument", 404: "not-found"}
    assert refusal.get("code") == codes.get(status)
    assert not [name for name in headers if "ratelimit" in name]
    assert client.bills() == []


ALLOWED: list[dict[str, Any]] = [
    {"tools": [WEB | {"allowed_domains": list("abcde")}]},
    {"tools": [X | {"allowed_x_handles": [str(n) for n in range(20)]}]},
    {"tools": [X | {"from_date": "2025-02-01", "to_date": "2025-02-01"}]},
    {"tools": [WEB | {"search_context_size": "low", "user_location": {}}]},
    {"tools": [{"type": "x_search"}] * 128},
    {"model": "grok-4.20-multi-agent", "reasoning": {"effort": "xhigh"}},
    {"model": "grok-build-0.1"},
    {"metadata": {"a": "b"}, "truncation": "auto", "nonsense": 1},
    {"background": False},
    {"instructions": "Be brief."},
    {"stream": False, "store": False},
]


@pytest.mark.parametrize("fields", ALLOWED)
def test_what_is_just_allowed_is_answered(
    client: Client, fields: dict[str, Any]
) -> None:
    assert client.ask("What is 101*3?", **fields)["status"] == "completed"


def test_bodies_that_are_no_json(client: Client) -> None:
    assert client.call("POST", PATH)[0] == 415
    with client.open("PUT", PATH, {}) as answer:
        assert answer.status == 405
    with client.open("POST", f"{PATH}/a", {}) as answer:
        assert answer.status == 405


def test_retired_models_are_redirected(client: Client) -> None:
    response = client.ask("What is 101*3?", model="grok-4")
    assert (response["model"], response["reasoning"]["effort"]) == ("grok-4.3", "low")
    response = client.ask("What is 101*3?", model="grok-3")
    assert response["reasoning"]["effort"] == "none"
    assert of_type(response, "reasoning") == []
    assert [bill["model"] for bill in client.bills()] == ["grok-4.3"] * 2


@pytest.mark.parametrize(
    ("model", "asked", "told"),
    [
        ("grok-4.7", None, "high"),
        ("grok-4.7", "xhigh", "xhigh"),
        ("grok-4.3", None, "low"),
        ("grok-4.3", "none", "none"),
        ("grok-4.20", None, None),
        ("grok-4.20-non-reasoning", None, None),
        ("grok-4.20-multi-agent", "high", "high"),
    ],
)
def test_the_effort_is_told(
    client: Client, model: str, asked: str | None, told: str | None
) -> None:
    fields = {} if asked is None else {"reasoning": {"effort": asked}}
    response = client.ask("What is 101*3?", model=model, **fields)
    assert response["reasoning"]["effort"] == told
    reasons = told != "none" and "non-reasoning" not in model
    assert bool(of_type(response, "reasoning")) == reasons


def test_a_query_is_never_long(client: Client) -> None:
    for text in ("word" * 5_000, "? " * 5_000):
        tools = [WEB, X]
        response = client.ask(text, tools=tools, tool_choice="required")
        queries = [
            item["action"]["query"] for item in of_type(response, "web_search_call")
        ] + [
            json.loads(item["input"])["query"]
            for item in of_type(response, "custom_tool_call")
        ]
        assert len(queries) == 3
        assert max(map(len, queries)) <= 200


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up"])
def test_listings_of_input_check_their_query(client: Client, query: str) -> None:
    name = client.ask("What is 101*3?")["id"]
    assert client.call("GET", f"{PATH}/{name}/input_items?{query}")[0] == 400
    good = client.json("GET", f"{PATH}/{name}/input_items?limit=100&order=asc")
    assert good["object"] == "list"
    assert len(good["data"]) == 1


def test_expired_responses_are_gone() -> None:
    with Sandbox() as sandbox:
        client = Client(sandbox)
        name = client.ask("What is 101*3?")["id"]
        now = sandbox._gate.desk.unix_time()
        sandbox._gate.desk.unix_time = lambda: now + 29 * 24 * 3600
        assert client.call("GET", f"{PATH}/{name}")[0] == 200
        sandbox._gate.desk.unix_time = lambda: now + 30 * 24 * 3600 + 2
        assert client.call("GET", f"{PATH}/{name}")[0] == 404


# -- limits ---------------------------------------------------------------------------


def test_rates_are_limited_and_counted() -> None:
    with Sandbox(rpm=2) as sandbox:
        client = Client(sandbox)
        left = []
        for _ in range(2):
            _, headers, _ = client.call("POST", PATH, request("Hi"))
            left.append(headers["x-ratelimit-remaining-requests"])
        assert left == ["1", "0"]
        status, body = client.refused("Hi")
        assert (status, body["code"]) == (429, "resource-exhausted")
        assert "Requests per Minute (actual/limit): 2/2" in body["error"]
        statuses = [(b["status"], b["billed"]) for b in client.bills()]
        assert statuses == [(200, True), (200, True), (429, False)]


def test_tokens_are_limited_by_what_was_used() -> None:
    with Sandbox(tpm=400) as sandbox:
        client = Client(sandbox)
        used = client.ask(tools=[WEB, X])["usage"]["total_tokens"]
        assert used > 400
        assert client.refused("Hi")[0] == 429


# -- faults ---------------------------------------------------------------------------

BILLED = {
    "reset-after-billing",
    "cut-stream",
    "break-stream",
    "error-in-stream",
    "slow",
    "comments",
    "split",
    "crlf",
    "no-usage",
    "failed",
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    "kind", [*sorted({*NAMED_KINDS} - {"stall"}), "500-after-billing", "503"]
)
def test_each_fault_happens_once_and_is_billed_as_it_says(
    client: Client, kind: str, *, is_stream: bool
) -> None:
    body = request("What is 101*3?") | {"stream": is_stream}
    usual = json.loads(client.call("POST", PATH, body | {"stream": False})[2])
    whole_cost = usual["usage"]["cost_in_usd_ticks"]
    fault = {"do": kind, "match": f"POST {PATH}", "times": 1, "delay_ms": 1}
    client.script(fault)
    raw, error, status = b"", None, None
    try:
        with client.open("POST", PATH, body) as answer:
            status = answer.status
            raw = answer.read()
    except (OSError, http.client.HTTPException) as problem:
        error = problem
    bill = client.bills()[-1]
    is_billed = kind in BILLED or kind.endswith("-after-billing")
    assert (bill["fault"], bill["billed"]) == (kind, is_billed)
    if kind in {"error-in-stream", "failed"} and (is_stream or kind == "failed"):
        assert 0 < bill["cost_in_usd_ticks"] < whole_cost
    else:
        assert bill["cost_in_usd_ticks"] == (whole_cost if is_billed else 0)
    if kind in {"reset", "reset-after-billing", "break-stream"}:
        assert error is not None
    if kind in {"comments", "crlf", "split", "slow", "no-usage"} and is_stream:
        lines = raw.decode().replace("\r\n", "\n").split("\n\n")
        kept = [part for part in lines if not part.startswith(":")]
        last = folded(events("\n\n".join(kept).encode()))
        assert (last["usage"] is None) == (kind == "no-usage")
        assert (b": keepalive" in raw) == (kind == "comments")
        assert (b"\r\n" in raw) == (kind == "crlf")
    if kind == "cut-stream" and is_stream:
        assert (status, error) == (200, None)
        assert b"response.completed" not in raw
        assert b"[DONE]" not in raw
        # What was billed can still be had.
        name = bill["response_id"]
        assert name.encode() in raw
        stored = client.json("GET", f"{PATH}/{name}")
        assert text_of(stored) == "[sandbox] 101*3 = 303"
        assert stored["usage"] == bill["usage"]
    assert client.ask("What is 101*3?")["status"] == "completed"


def test_a_stall_lasts_until_the_client_leaves(client: Client) -> None:
    client.script({"do": "stall", "match": PATH, "after": 7})
    with client.open("POST", PATH, request() | {"stream": True}) as answer:
        seen = b""
        while seen.count(b"\n\n") < 7:
            seen += answer.read1()
    bill = eventually(lambda: [b for b in client.bills() if b["done"]])[0]
    assert (bill["closed_early"], bill["billed"]) == (True, True)
    # Two events tell of the response, two begin the reasoning; three tokens came.
    assert bill["usage"]["output_tokens"] == 3


def test_a_reset_keeps_what_was_worked_out(client: Client) -> None:
    client.script({"do": "500-after-billing", "match": PATH, "times": 1})
    assert client.refused()[0] == 500
    name = client.bills()[-1]["response_id"]
    assert client.json("GET", f"{PATH}/{name}")["status"] == "completed"


def test_faults_can_be_for_reading_back(client: Client) -> None:
    name = client.ask("What is 101*3?")["id"]
    client.script({"do": "503", "match": f"GET {PATH}", "times": 1})
    assert client.call("GET", f"{PATH}/{name}")[0] == 503
    assert client.call("GET", f"{PATH}/{name}")[0] == 200
    assert len(client.bills()) == 1


# -- the year before ------------------------------------------------------------------


def test_2025_has_other_names_and_prices(then: Client) -> None:
    """Source: xai-api.md sections 6.3, 6.5; pricing.json, tools_history."""
    response = then.ask(model="grok-4", tools=[WEB, X])
    assert response["model"] == "grok-4-0709"
    assert of_type(response, "custom_tool_call") == []
    keyword, thread = of_type(response, "x_search_call")
    assert keyword["name"] == "x_keyword_search"
    assert json.loads(keyword["arguments"])["query"] == "tram line 14 Bern opened"
    assert thread["name"] == "x_thread_fetch"
    (part,) = of_type(response, "message")[0]["content"]
    assert "[[1]]" not in part["text"]
    assert {frozenset(one) for one in part["annotations"]} == {
        frozenset({"type", "url"})
    }
    assert response["citations"][0] == "https://tramways.example/bern/line-14"
    usage = response["usage"]
    details = usage["server_side_tool_usage_details"]
    assert "x_posts_fetched" not in details
    assert (details["web_search_calls"], details["x_search_calls"]) == (2, 2)
    tokens = 30_000 * usage["input_tokens"] + 150_000 * usage["output_tokens"]
    assert usage["cost_in_usd_ticks"] == tokens + 4 * 50_000_000


def test_2025_takes_ten_handles_and_ignores_live_search(then: Client) -> None:
    handles = [str(n) for n in range(11)]
    tool = X | {"allowed_x_handles": handles}
    status, _, raw = then.call("POST", PATH, request(model="grok-4", tools=[tool]))
    assert (status, b"at most 10" in raw) == (400, True)
    assert then.ask("Hi", model="grok-4", search_parameters={})["status"]
    refused = then.call("POST", PATH, request(model="grok-3", tools=[WEB]))
    assert refused[0] == 400


# -- secrets --------------------------------------------------------------------------


def test_what_is_for_another_server_is_not_shown_again(client: Client) -> None:
    tool = {
        "type": "mcp",
        "server_url": "https://mcp.example/mcp",
        "authorization": SECRET,
        "headers": {"x-more": SECRET},
    }
    response = client.ask("Ask it", tools=[tool])
    shown = response["tools"]
    assert shown == [{"type": "mcp", "server_url": "https://mcp.example/mcp"}]
    raw = client.stream("Ask it", tools=[tool])
    assert SECRET not in json.dumps(response) + raw.decode()
