"""The tool mcp: a server on this machine is really called, any other is not."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb._sandbox.responses import mcp
from grok_nb._sandbox.responses.request import McpTool
from grok_nb._sandbox.server import Sandbox
from tests.responses_support import Client, events, folded, of_type, text_of

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "inputSchema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TIDES = {
    "name": "get_tides",
    "description": "High and low tides of a harbour",
    "inputSchema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}},
        "required": ["harbour"],
    },
}
QUESTION = "What is the weather in Bern?"


class Server(ThreadingHTTPServer):
    """An MCP server, as the specification of 2025-06-18 has it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.is_stream = False
        self.answers: dict[str, Any] = {}
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mcp"

    def result(self, message: dict[str, Any]) -> dict[str, Any]:
        method = message["method"]
        if method in self.answers:
            answer = self.answers[method]
            return answer(message) if callable(answer) else answer
        if method == "initialize":
            about = {"name": "test", "version": "1"}
            return {
                "result": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": about,
                }
            }
        if method == "tools/list":
            # Two pages.
            if "cursor" not in message["params"]:
                return {"result": {"tools": [TIDES], "nextCursor": "2"}}
            return {"result": {"tools": [WEATHER]}}
        given = message["params"]["arguments"]
        text = f"7 degrees in {given['city']}"
        return {"result": {"content": [{"type": "text", "text": text}]}}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        message = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((message["method"], headers, message))
        if message["method"] == self.server.answers.get("hang"):
            self.server.released.wait(20)
        if "id" not in message:
            self._send(202, "", b"")
            return
        answer = self.server.result(message)
        if isinstance(answer, bytes):
            self._send(200, "application/json", answer)
            return
        if isinstance(answer, int):
            self._send(answer, "text/plain", b"no")
            return
        body = {"jsonrpc": "2.0", "id": message["id"]} | answer
        if not self.server.is_stream:
            self._send(200, "application/json", json.dumps(body).encode())
            return
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
        written = "".join(
            f": hello\r\nevent: message\r\ndata: {json.dumps(one)}\r\n\r\n"
            for one in (note, body)
        )
        self._send(200, "text/event-stream", written.encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("mcp-session-id", "session-1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Sandbox() as sandbox:
        yield Client(sandbox)


def tool(server: Server, **fields: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_url": server.url, "server_label": "sky"} | fields


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_server_on_this_machine_is_called(
    client: Client, server: Server, *, is_stream: bool
) -> None:
    server.is_stream = is_stream
    given_tool = tool(server, authorization="token-1", headers={"x-more": "2"})
    response = client.ask(QUESTION, tools=[given_tool])
    (call,) = of_type(response, "mcp_call")
    assert {key: call[key] for key in call if key != "id"} == {
        "type": "mcp_call",
        "status": "completed",
        "name": "get_weather",
        "arguments": '{"city": "Bern"}',
        "server_label": "sky",
        "output": "7 degrees in Bern",
        "error": None,
    }
    assert 'sky.get_weather(city="Bern") returned 7 degrees in Bern' in (
        text_of(response)
    )
    usage = response["usage"]
    assert usage["server_side_tool_usage_details"]["mcp_calls"] == 1
    # The call itself is free, its tokens are not.
    tokens = 20_000 * usage["input_tokens"] + 60_000 * usage["output_tokens"]
    assert usage["cost_in_usd_ticks"] == tokens
    assert [method for method, _, _ in server.seen] == [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/list",
        "tools/call",
    ]
    for method, headers, _ in server.seen:
        assert headers["authorization"] == "Bearer token-1"
        assert headers["x-more"] == "2"
        assert headers["accept"] == "application/json, text/event-stream"
        if method != "initialize":
            assert headers["mcp-session-id"] == "session-1"
            assert headers["mcp-protocol-version"] == "2025-06-18"
    assert server.seen[0][2]["params"]["protocolVersion"] == "2025-06-18"
    assert server.seen[3][2]["params"] == {"cursor": "2"}


def test_events_of_a_call(client: Client, server: Server) -> None:
    found = events(client.stream(QUESTION, tools=[tool(server)]))
    last = folded(found)
    assert of_type(last, "mcp_call")[0]["output"] == "7 degrees in Bern"
    (begun,) = [
        event["item"]
        for event in found
        if event["type"] == "response.output_item.added"
        and event["item"]["type"] == "mcp_call"
    ]
    assert begun["output"] is None
    kinds = [event["type"] for event in found]
    place = kinds.index("response.mcp_call.in_progress")
    assert kinds[place + 1] == "response.mcp_call.completed"


@pytest.mark.parametrize(
    "url",
    [
        "https://mcp.example/mcp",
        "http://10.0.0.1/mcp",
        "http://127.0.0.1.mcp.example/mcp",
        "http://[2001:db8::1]/mcp",
        "http://localhost.mcp.example/",
    ],
)
def test_any_other_server_is_a_failed_call(client: Client, url: str) -> None:
    response = client.ask(QUESTION, tools=[{"type": "mcp", "server_url": url}])
    (call,) = of_type(response, "mcp_call")
    assert call["status"] == "failed"
    assert call["output"] is None
    assert "the sandbox has no network" in call["error"]
    assert "the sandbox has no network" in text_of(response)
    usage = response["usage"]
    assert usage["server_side_tool_usage_details"]["mcp_calls"] == 0
    assert usage["num_server_side_tools_used"] == 0
    found = events(client.stream(QUESTION, tools=[{"type": "mcp", "server_url": url}]))
    assert "response.mcp_call.failed" in [event["type"] for event in found]
    assert folded(found)["status"] == "completed"


def test_only_allowed_tools_are_called(client: Client, server: Server) -> None:
    response = client.ask(QUESTION, tools=[tool(server, allowed_tools=["get_tides"])])
    assert of_type(response, "mcp_call") == []
    assert "tools/call" not in [method for method, _, _ in server.seen]
    assert client.ask("Hello", tools=[tool(server)])["status"] == "completed"
    assert "tools/call" not in [method for method, _, _ in server.seen]


BROKEN = {"name": "get_weather", "inputSchema": {"type": "array"}}
TROUBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"initialize": 500}, "tools/list", "the server answered 500"),
    ({"initialize": 307}, "tools/list", "the server answered 307"),
    ({"initialize": b"<html>"}, "tools/list", "no JSON"),
    ({"initialize": b"[]"}, "tools/list", "no object"),
    ({"initialize": b"{}"}, "tools/list", "no answer to initialize"),
    ({"initialize": {"result": 1}}, "tools/list", "has no result"),
    (
        {"tools/list": {"error": {"code": -32601, "message": "never heard of it"}}},
        "tools/list",
        "tools/list: never heard of it",
    ),
    ({"tools/list": {"result": {"tools": [1]}}}, "tools/list", "a tool has no name"),
    ({"tools/list": b"1" * 2_000_000}, "tools/list", "more than"),
    (
        {"tools/call": {"error": {"code": 1, "message": "out of order"}}},
        "get_weather",
        "out of order",
    ),
    (
        {
            "tools/call": {
                "result": {
                    "isError": True,
                    "content": [{"type": "text", "text": "no such city"}],
                }
            }
        },
        "get_weather",
        "no such city",
    ),
]


@pytest.mark.parametrize(("answers", "name", "error"), TROUBLE)
def test_a_server_in_trouble_is_a_failed_call(
    client: Client, server: Server, answers: dict[str, Any], name: str, error: str
) -> None:
    server.answers = answers
    response = client.ask(QUESTION, tools=[tool(server)])
    (call,) = of_type(response, "mcp_call")
    assert (call["status"], call["name"]) == ("failed", name)
    assert error in call["error"]
    assert response["status"] == "completed"


def test_nobody_there_is_a_failed_call(client: Client, server: Server) -> None:
    url = server.url
    server.server_close()
    response = client.ask(QUESTION, tools=[{"type": "mcp", "server_url": url}])
    (call,) = of_type(response, "mcp_call")
    assert call["status"] == "failed"
    assert call["error"]


def test_tools_that_cannot_be_filled_are_passed_over(
    client: Client, server: Server
) -> None:
    server.answers = {"tools/list": {"result": {"tools": [BROKEN]}}}
    response = client.ask(QUESTION, tools=[tool(server)])
    assert of_type(response, "mcp_call") == []


def test_structured_content_is_taken_where_there_is_no_text(
    client: Client, server: Server
) -> None:
    result = {"content": [], "structuredContent": {"c": 7}}
    server.answers = {"tools/call": {"result": result}}
    response = client.ask(QUESTION, tools=[tool(server)])
    assert of_type(response, "mcp_call")[0]["output"] == '{"c": 7}'


@pytest.mark.parametrize("method", ["initialize", "tools/list", "tools/call"])
def test_the_time_for_a_server_is_bounded(server: Server, method: str) -> None:
    server.answers = {"hang": method}
    wanted = McpTool(type="mcp", server_url=server.url, server_label="sky")
    calling = mcp.consult(wanted, QUESTION, must=False, parallel=True, total_s=1)
    (outcome,) = asyncio.run(calling)
    name = "get_weather" if method == "tools/call" else "tools/list"
    assert (outcome.name, outcome.output) == (name, None)
    assert outcome.error == "no answer within 1 s"


def test_headers_that_cannot_be_sent_are_a_failed_call(
    client: Client, server: Server
) -> None:
    for headers in ({"x-a": "b\r\nc: d"}, {"x-\u00e9\u4e00": "b"}):
        response = client.ask(QUESTION, tools=[tool(server, headers=headers)])
        assert of_type(response, "mcp_call")[0]["status"] == "failed"
    assert server.seen == []


@settings(max_examples=25, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["tools", "name", "inputSchema", "content", "type", "a"]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_whatever_a_server_says_the_response_is_whole(result: Any) -> None:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            wanted = McpTool(type="mcp", server_url=server.url)
            for method in ("initialize", "tools/list", "tools/call"):
                server.answers = {method: {"result": result}}
                outcomes = asyncio.run(
                    mcp.consult(wanted, QUESTION, must=False, parallel=True)
                )
                for outcome in outcomes:
                    assert (outcome.error is None) != (outcome.output is None)
        finally:
            server.shutdown()
            thread.join()
