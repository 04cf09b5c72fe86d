"""
A client of MCP servers on this machine, over streamable HTTP.

Source: the specification of the Model Context Protocol, 2025-06-18, "Transports".
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from grok_nb._sandbox import errors, schema_rules, schemas, tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .request import McpTool

PROTOCOL = "2025-06-18"
# For all that is asked of one server.
TOTAL_S = 10.0
MAX_BYTES = 1024 * 1024
MAX_PAGES = 10
NO_NETWORK = "the sandbox has no network; it calls servers on this machine only"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call of a server's tool: what it gave, or why it gave nothing."""

    label: str
    name: str
    arguments: str
    output: str | None = None
    error: str | None = None


class _McpError(Exception):
    """Why a server could not be used."""


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def label_of(tool: McpTool) -> str:
    """Give the name of a server."""
    return tool.server_label or urlsplit(tool.server_url).hostname or "mcp"


async def consult(
    tool: McpTool, text: str, *, must: bool, parallel: bool, total_s: float = TOTAL_S
) -> list[Outcome]:
    """
    Call those tools of a server that a text asks for.

    Nothing is raised: a server that cannot be used is a failed call.

    Parameters
    ----------
    tool : McpTool
        Whose tools.
    text : str
        What is asked.
    must : bool
        Whether one has to be called.
    parallel : bool
        Whether several may be.
    total_s : float, default 10
        Seconds for all that is asked of the server.
    """
    label = label_of(tool)
    done: list[Outcome] = []
    if not is_loopback(tool.server_url):
        return [Outcome(label, "tools/list", "{}", error=NO_NETWORK)]
    open_call = tools.Call("", "tools/list", "{}")
    try:
        async with asyncio.timeout(total_s), _Session(tool) as session:
            offered = await session.list_tools()
            picked = tools.pick(
                text,
                offered,
                "required" if must and offered else "auto",
                parallel=parallel,
            )
            for call in picked.calls:
                open_call = call
                done.append(await session.call(label, call))
    except TimeoutError:
        error = f"no answer within {total_s:g} s"
    except (_McpError, httpx.HTTPError, httpx.InvalidURL) as problem:
        error = str(problem) or type(problem).__name__
    else:
        return done
    return [*done, Outcome(label, open_call.name, open_call.arguments, error=error)]


class _Session:
    """One session with a server."""

    def __init__(self, tool: McpTool) -> None:
        self._tool = tool
        headers = dict(tool.headers or {})
        if tool.authorization is not None:
            token = tool.authorization
            headers["authorization"] = token if " " in token else f"Bearer {token}"
        headers |= {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        try:
            # No proxy: the server is on this machine. Loading certificates takes long
            # and is for https only.
            self._client = httpx.AsyncClient(
                headers=headers,
                timeout=TOTAL_S,
                trust_env=False,
                verify=urlsplit(tool.server_url).scheme == "https",
            )
        except (ValueError, TypeError):
            raise _McpError("the headers cannot be sent") from None
        self._number = 0

    async def __aenter__(self) -> _Session:
        try:
            await self._begin()
        except BaseException:
            await self._client.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def _begin(self) -> None:
        about = {"name": "grok_nb sandbox", "version": "1"}
        params = {
            "protocolVersion": PROTOCOL,
            "capabilities": {},
            "clientInfo": about,
        }
        result = await self._ask("initialize", params)
        version = result.get("protocolVersion")
        self._client.headers["mcp-protocol-version"] = (
            version if isinstance(version, str) else PROTOCOL
        )
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def list_tools(self) -> tuple[tools.Tool, ...]:
        """Give the tools that may be called and that the sandbox can fill."""
        found: list[tools.Tool] = []
        cursor: object = None
        for _ in range(MAX_PAGES):
            params = {} if cursor is None else {"cursor": cursor}
            result = await self._ask("tools/list", params)
            listed = result.get("tools")
            found += map(_tool, listed if isinstance(listed, list) else [])
            cursor = result.get("nextCursor")
            if cursor is None:
                break
        allowed = self._tool.allowed_tools
        return tuple(
            tool
            for tool in found
            if _is_good(tool) and (allowed is None or tool.name in allowed)
        )

    async def call(self, label: str, call: tools.Call) -> Outcome:
        """Call a tool."""
        arguments = json.loads(call.arguments)
        result = await self._ask(
            "tools/call", {"name": call.name, "arguments": arguments}
        )
        content = result.get("content")
        texts = [
            str(part.get("text", ""))
            for part in (content if isinstance(content, list) else [])
            if isinstance(part, dict) and part.get("type") == "text"
        ]
        text = "\n".join(texts)
        if not texts and "structuredContent" in result:
            text = json.dumps(result["structuredContent"], ensure_ascii=False)
        if result.get("isError"):
            return Outcome(label, call.name, call.arguments, error=text or "failed")
        return Outcome(label, call.name, call.arguments, output=text)

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        number = self._number
        answer = await self._post(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params},
            number,
        )
        if isinstance(answer.get("error"), dict):
            raise _McpError(f"{method}: {answer['error'].get('message', 'failed')}")
        result = answer.get("result")
        if not isinstance(result, dict):
            raise _McpError(f"{method}: the answer has no result")
        return result

    async def _post(
        self, message: dict[str, Any], number: int | None = None
    ) -> dict[str, Any]:
        url = self._tool.server_url
        async with self._client.stream("POST", url, json=message) as response:
            if response.is_error or response.is_redirect:
                raise _McpError(f"the server answered {response.status_code}")
            session = response.headers.get("mcp-session-id")
            if session is not None:
                self._client.headers["mcp-session-id"] = session
            if number is None:
                return {}
            media_type = response.headers.get("content-type", "")
            is_stream = media_type.startswith("text/event-stream")
            async for data in _messages(response, is_stream=is_stream):
                answer = _parsed(data)
                if answer.get("id") == number:
                    return answer
        raise _McpError(f"no answer to {message['method']}")


async def _messages(
    response: httpx.Response, *, is_stream: bool
) -> AsyncIterator[bytes]:
    """Give the JSON texts of an answer, which is one or a stream of them."""
    held = b""
    async for piece in response.aiter_bytes():
        held += piece
        if is_stream:
            held = held.replace(b"\r\n", b"\n")
        if len(held) > MAX_BYTES:
            raise _McpError(f"more than {MAX_BYTES} bytes")
        while is_stream and b"\n\n" in held:
            event, _, held = held.partition(b"\n\n")
            lines = [line[5:] for line in event.split(b"\n") if line[:5] == b"data:"]
            if lines:
                yield b"\n".join(lines)
    if not is_stream:
        yield held


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        answer = schemas.parse_json(data)
    except ValueError:
        raise _McpError("the answer is no JSON") from None
    if not isinstance(answer, dict):
        raise _McpError("the answer is no object")
    return answer


def _tool(entry: Any) -> tools.Tool:  # Any: whatever the server sent
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise _McpError("a tool has no name")
    schema = entry.get("inputSchema")
    parameters = schema if isinstance(schema, dict) else {"type": "object"}
    description = entry.get("description")
    return tools.Tool(
        entry["name"],
        description if isinstance(description, str) else "",
        json.dumps({"properties": {}} | parameters),
    )


def _is_good(tool: tools.Tool) -> bool:
    schema = json.loads(tool.parameters)
    try:
        schema_rules.check(schema, tool.name)
    except errors.ApiError:
        return False
    return schema_rules.has_object_root(schema)
