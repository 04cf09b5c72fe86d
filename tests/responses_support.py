"""Responses over plain HTTP, and a strict reader of their streams."""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from grok_nb._sandbox.server import Sandbox

PATH = "/v1/responses"
TRAM = "When was tram line 14 in Bern opened?"

PROMPTS = (
    TRAM,
    "What is 101*3?",
    "Search the web: what does a tram ticket cost, and what is 7*6?",
    "Latest posts about planet Orsa?",
    "Who is @tramfan? Show the account.",
    "Weather in Bern?",
    "zyzzyva",
    "Hello",
    "Draw a tram",
    "Repeat exactly: abc",
    "What is the latest video of xAI?",
)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TOOLS = (
    WEATHER,
    {"type": "web_search"},
    {"type": "web_search", "enable_image_understanding": True},
    {"type": "x_search"},
    {"type": "x_search", "enable_video_understanding": True},
    {"type": "code_interpreter"},
    {"type": "file_search", "vector_store_ids": ["c"]},
    {"type": "mcp", "server_url": "https://mcp.example"},
    {"type": "image_generation"},
)
BODIES = st.fixed_dictionaries(
    {"input": st.sampled_from(PROMPTS)},
    optional={
        "tools": st.lists(st.sampled_from(TOOLS), max_size=4, unique_by=str).filter(
            lambda tools: sum(tool["type"] == "function" for tool in tools) < 2
        ),
        "max_output_tokens": st.integers(1, 200),
        "max_turns": st.integers(1, 3),
        "parallel_tool_calls": st.booleans(),
        "tool_choice": st.sampled_from(["auto", "none"]),
        "model": st.sampled_from(["grok-4.3", "grok-4.20-non-reasoning", "grok-4"]),
        "include": st.lists(
            st.sampled_from(
                [
                    "reasoning.encrypted_content",
                    "web_search_call.action.sources",
                    "code_interpreter_call.outputs",
                    "no_inline_citations",
                ]
            ),
            unique=True,
        ),
        "text": st.sampled_from([{"format": {"type": "json_object"}}, {}]),
    },
)


class Client:
    """Plain HTTP against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.at = sandbox.root_url.removeprefix("http://")
        self.headers = {"Authorization": f"Bearer {sandbox.key}"}

    @contextlib.contextmanager
    def open(
        self, method: str, path: str, body: object = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.at, timeout=20)
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        raw = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, raw, headers)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None):
        with self.open(method, path, body) as response:
            return response.status, response.headers, response.read()

    def json(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self.call(method, path, body)[2])

    def ask(self, given: object = TRAM, **fields: Any) -> dict[str, Any]:
        """Give the response; fail where there is none."""
        status, _, raw = self.call("POST", PATH, request(given, **fields))
        assert status == 200, raw
        return json.loads(raw)

    def refused(self, given: object = TRAM, **fields: Any) -> tuple[int, Any]:
        status, _, raw = self.call("POST", PATH, request(given, **fields))
        return status, json.loads(raw)

    def stream(self, given: object = TRAM, **fields: Any) -> bytes:
        body = request(given, **fields) | {"stream": True}
        status, headers, raw = self.call("POST", PATH, body)
        assert (status, headers.get_content_type()) == (200, "text/event-stream")
        return raw

    def bills(self) -> list[dict[str, Any]]:
        return self.json("GET", "/__sandbox/ledger")["calls"]

    def script(self, *faults: dict[str, Any]) -> None:
        self.json("POST", "/__sandbox/faults", {"faults": list(faults)})


def request(given: object = TRAM, **fields: Any) -> dict[str, Any]:
    return {"model": "grok-4.7", "input": given} | fields


def events(raw: bytes) -> list[dict[str, Any]]:
    """Read a stream that is whole; each event's name is its data's type."""
    blocks = raw.decode().split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    found = []
    for block in blocks[:-2]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def text_of(response: dict[str, Any]) -> str:
    return "".join(
        part.get("text", "")
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def of_type(response: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == kind]


_TOOL_STEPS = {
    "web_search_call": ["in_progress", "searching", "completed"],
    "file_search_call": ["in_progress", "searching", "completed"],
    "code_interpreter_call": ["in_progress", "interpreting", "completed"],
    "mcp_call": ["in_progress", "completed"],
    "image_generation_call": ["in_progress", "generating", "completed"],
}


def folded(found: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Put a response together from its events, and check their order on the way.

    The order is that of section 6.7 of xai-api.md.
    """
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    queue = [{k: v for k, v in e.items() if k != "sequence_number"} for e in found]
    for kind in ("response.created", "response.in_progress"):
        first = queue.pop(0)
        assert first["type"] == kind
        begun = first["response"]
        assert (begun["output"], begun["usage"]) == ([], None)
        assert begun["status"] == "in_progress"
    last = queue.pop()
    assert last["type"] == f"response.{last['response']['status']}"
    is_whole = last["type"] != "response.failed"
    output: list[dict[str, Any]] = []
    while queue:
        event = queue.pop(0)
        assert event["type"] == "response.output_item.added"
        assert event["output_index"] == len(output)
        item = copy.deepcopy(event["item"])
        assert item["status"] == "in_progress"
        output.append(item)
        place = {"item_id": item["id"], "output_index": len(output) - 1}
        if not _is_cut_in(queue, item, place, is_whole=is_whole):
            continue
        break
    assert [_bare(item) for item in output] == [
        _bare(item) for item in last["response"]["output"]
    ]
    return last["response"]


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "status"}


def _is_cut_in(queue, item, place, *, is_whole: bool) -> bool:
    """Read one item; whether the stream ends in it."""
    steps = {
        "reasoning": _read_reasoning,
        "message": _read_message,
        "function_call": _read_function,
        "custom_tool_call": _read_custom,
    }.get(item["type"], _read_tool)
    try:
        steps(queue, item, place)
        done = queue.pop(0)
    except IndexError:
        # Only where the response failed, or was full, is an item left open.
        assert not is_whole or item["type"] == "reasoning"
        return True
    assert done["type"] == "response.output_item.done"
    assert done["output_index"] == place["output_index"]
    if item["type"] in _TOOL_STEPS:
        item.update(done["item"])
    assert _bare(done["item"]) == _bare(item)
    assert done["item"]["status"] in {"completed", "incomplete", "failed"}
    return False


def _next(queue, kind: str, place: dict[str, Any]) -> dict[str, Any]:
    event = queue.pop(0)
    assert event["type"] == kind
    assert event == event | place
    return event


def _read_reasoning(queue, item, place) -> None:
    place = place | {"summary_index": 0}
    kind = "response.reasoning_summary"
    if "encrypted_content" in item and queue[0]["type"].endswith("item.done"):
        # A model that does not show its reasoning.
        item["encrypted_content"] = queue[0]["item"]["encrypted_content"]
        return
    part = _next(queue, f"{kind}_part.added", place)["part"]
    item["summary"].append(part)
    while queue[0]["type"] == f"{kind}_text.delta":
        part["text"] += _next(queue, f"{kind}_text.delta", place)["delta"]
    assert _next(queue, f"{kind}_text.done", place)["text"] == part["text"]
    assert _next(queue, f"{kind}_part.done", place)["part"] == part
    if "encrypted_content" in item:
        item["encrypted_content"] = queue[0]["item"]["encrypted_content"]


def _read_message(queue, item, place) -> None:
    place = place | {"content_index": 0}
    part = copy.deepcopy(_next(queue, "response.content_part.added", place)["part"])
    item["content"].append(part)
    if part["type"] == "refusal":
        kind, field = "response.refusal", "refusal"
    else:
        kind, field = "response.output_text", "text"
    while queue[0]["type"] == f"{kind}.delta":
        event = _next(queue, f"{kind}.delta", place)
        part[field] += event["delta"]
        part.get("logprobs", []).extend(event.get("logprobs", []))
    while queue[0]["type"] == "response.output_text.annotation.added":
        event = _next(queue, "response.output_text.annotation.added", place)
        assert event["annotation_index"] == len(part["annotations"])
        part["annotations"].append(event["annotation"])
    assert _next(queue, f"{kind}.done", place)[field] == part[field]
    assert _next(queue, "response.content_part.done", place)["part"] == part


def _read_function(queue, item, place) -> None:
    kind = "response.function_call_arguments"
    assert item["arguments"] == ""
    item["arguments"] = _next(queue, f"{kind}.delta", place)["delta"]
    assert _next(queue, f"{kind}.done", place)["arguments"] == item["arguments"]


def _read_custom(queue, item, place) -> None:
    kind = "response.custom_tool_call_input"
    assert item["input"] == ""
    item["input"] = _next(queue, f"{kind}.delta", place)["delta"]
    assert _next(queue, f"{kind}.done", place)["input"] == item["input"]


def _read_tool(queue, item, place) -> None:
    kind = f"response.{item['type']}"
    if item["type"] == "x_search_call":
        # As it was in 2025: it begins and ends.
        return
    *steps, end = _TOOL_STEPS[item["type"]]
    for step in steps:
        _next(queue, f"{kind}.{step}", place)
    is_failed = queue[0]["type"] == f"{kind}.failed"
    _next(queue, f"{kind}.{'failed' if is_failed else end}", place)
