"""No secret of a call shows, whatever a server says, at any endpoint."""

from __future__ import annotations

import asyncio
import json
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import grok_nb as gn
from tests.unit.support import BASE_URL, KEY, MODEL, Answer, ManualClock, Script

if TYPE_CHECKING:
    from collections.abc import Callable

#: What an MCP server is logged in at with.
TOKEN = "mcp0123456789abcdefGHIJ"
HEADER = "hdr9876543210zyxwVUTS"
#: In no form that keys are known to have.
MANAGEMENT = "mgm5647382910qponMLKJ"
TOOL = {
    "type": "mcp",
    "server_url": "https://m.example",
    "authorization": f"Bearer {TOKEN}",
    "headers": {"X-Token": HEADER, "X-Version": "2"},
}

#: A batch whose request has them.
ITEMS = [
    {
        "batch_request_id": "a",
        "batch_request": {"responses": {"input": "Hi", "tools": [TOOL]}},
    }
]


def found(text: str) -> list[str]:
    """Return pieces of the secrets that are in a text."""
    return [
        piece
        for secret in (KEY[4:], TOKEN, HEADER, MANAGEMENT)
        for start in range(len(secret) - 7)
        if (piece := secret[start : start + 8]) in text
    ]


def events(*said: dict[str, Any]) -> Answer:
    pieces = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in said)
    return Answer(200, pieces, {"content-type": "text/event-stream"})


SAID: dict[str, Callable[[str], object]] = {
    "400": lambda echo: Answer(
        400,
        json.dumps({"code": f"c:{KEY}", "error": echo}).encode(),
        {"x-request-id": KEY},
    ),
    "410": lambda echo: Answer(410, json.dumps({"error": echo}).encode()),
    "500": lambda echo: Answer(500, json.dumps({"error": echo}).encode()),
    "text": lambda echo: Answer(200, echo.encode()),
    "error": lambda echo: Answer(
        200, json.dumps({"error": {"message": echo}}).encode()
    ),
    "failed": lambda echo: Answer(
        200,
        json.dumps(
            {
                "object": "response",
                "status": "failed",
                "output": [],
                "error": {"message": echo},
                "usage": {"input_tokens": 1, "output_tokens": 1},
            }
        ).encode(),
    ),
    "stream": lambda echo: events(
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "error", "message": echo},
    ),
    "message stream": lambda echo: events(
        {
            "type": "content_block_delta",
            "delta": {"type": "text_delta", "text": "Hello"},
        },
        {"type": "error", "error": {"type": "api_error", "message": echo}},
    ),
    "text stream": lambda echo: events(
        {"choices": [{"text": "Hello"}]}, {"code": "unavailable", "error": echo}
    ),
    "no json": lambda echo: Answer(
        200, b"data: " + echo.encode() + b"\n\n", {"content-type": "text/event-stream"}
    ),
    "of no use": lambda echo: Answer(200, json.dumps({"told": echo}).encode()),
    "broken": httpx.ReadError,
}


def saying(said: str) -> Callable[[httpx.Request], object]:
    """Return what answers with all secrets that a request brought."""

    def answer(request: httpx.Request) -> object:
        brought = [t for t in (TOKEN, HEADER) if t.encode() in request.content]
        key = request.headers["authorization"].removeprefix("Bearer ")
        if key == MANAGEMENT:
            brought.append(key)
        return SAID[said](f"refused: {KEY}, Bearer {', '.join(brought)}")

    return answer


ASKED = [{"role": "user", "content": "Hi"}]
CALLS: dict[str, Callable[[gn.Grok], object]] = {
    "chat_completion_stream": lambda g: list(g.chat_completion_stream(ASKED)),
    "respond": lambda g: g.respond("Hi", tools=[TOOL]),
    "respond_stream": lambda g: list(g.respond_stream("Hi", tools=[TOOL])),
    "respond, no list": lambda g: g.respond("Hi", tools=TOOL),  # type: ignore[arg-type]
    "respond, bad tool": lambda g: g.respond("Hi", tools=[TOOL, 3]),  # type: ignore[list-item]
    "respond, bad option": lambda g: g.respond("Hi", tools=[TOOL], temperature=7),
    "messages": lambda g: g.messages(ASKED, max_tokens=9),
    "messages_stream": lambda g: list(g.messages_stream(ASKED, max_tokens=9)),
    "complete": lambda g: g.complete("Hi", "m"),
    "complete_stream": lambda g: list(g.complete_stream("Hi", "m")),
    "anthropic_complete": lambda g: g.anthropic_complete("Hi", max_tokens_to_sample=9),
    "search_parameters": lambda g: g.ask("Hi", search_parameters={}),
    "search_parameters, stream": lambda g: list(
        g.chat_completion_stream(ASKED, search_parameters={})
    ),
    "search": lambda g: g.ask("Hi", search="web"),
    "delete_response": lambda g: g.delete_response("r"),
    "generate_images": lambda g: g.generate_images("a fox"),
    "edit_images": lambda g: g.edit_images("a fox", {"file_id": "f"}),
    "embed": lambda g: g.embed("Hi", "m"),
    "embed, listing": lambda g: g.embed("Hi"),
    "file_upload": lambda g: g.file_upload(b"x", filename="x"),
    "files": lambda g: g.files(),
    "file": lambda g: g.file("f"),
    "file_delete": lambda g: g.file_delete("f"),
    "defer": lambda g: g.defer("Hi"),
    "deferred_result": lambda g: g.deferred_result("d"),
    "batch_create": lambda g: g.batch_create("n"),
    "batch_create, file": lambda g: g.batch_create("n", "f"),
    "batch_add": lambda g: g.batch_add("b", ITEMS),
    "batch_add, bad": lambda g: g.batch_add("b", [*ITEMS, 3]),  # type: ignore[list-item]
    "batch_get": lambda g: g.batch_get("b"),
    "batch_list": lambda g: g.batch_list(),
    "batch_requests": lambda g: g.batch_requests("b"),
    "batch_results": lambda g: g.batch_results("b"),
    "batch_cancel": lambda g: g.batch_cancel("b"),
    "tokenize": lambda g: g.tokenize("Hi"),
    "api_key": lambda g: g.api_key(),
    "account_usage": lambda g: g.account_usage(),
    "account_usage, team": lambda g: g.account_usage(team_id="t"),
    "prepaid_balance": lambda g: g.prepaid_balance("t"),
}


class Awaiting:
    """Calls `AsyncGrok` like `Grok`: what it raises has the frames of what it awaits."""

    def __init__(self, **how: Any) -> None:
        self.grok = gn.AsyncGrok(**how)
        self.ledger = self.grok.ledger

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*args: Any, **options: Any) -> object:
            async def run() -> object:
                made = getattr(self.grok, name)(*args, **options)
                if hasattr(made, "__aiter__"):
                    return [event async for event in made]
                return await made

            return asyncio.run(run())

        return call

    def close(self) -> None:
        asyncio.run(self.grok.aclose())


def shown(
    call: Callable[[gn.Grok], object], said: object, made: Any = gn.Grok
) -> tuple[str, str]:
    """Return all that a call shows, errors with the variables of our frames; its rows."""
    grok = made(
        api_key=KEY,
        base_url=BASE_URL,
        management_key=MANAGEMENT,
        model=MODEL,
        store=":memory:",
        transport=Script(said),
        clock=ManualClock(),
    )
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            text = repr(call(grok))
        text += "".join(str(warning.message) for warning in told)
    except gn.GrokError as error:
        text = _ours(error) + repr(vars(error)) + repr(error.reply)
    rows = repr(grok.ledger.rows())
    grok.close()
    return text, rows


def _ours(error: BaseException | None) -> str:
    """Return a traceback with variables, of our own frames only."""
    texts = []
    while error is not None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts += [*told.format_exception_only()]
        texts += [
            f"{frame.name}: {frame.locals}"
            for frame in told.stack
            if "/grok_nb/" in frame.filename
        ]
        error = error.__cause__
    return "\n".join(texts)


@pytest.mark.parametrize("made", [gn.Grok, Awaiting])
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("name", CALLS)
def test_no_secret_shows(name: str, said: str, made: Any) -> None:
    text, rows = shown(CALLS[name], saying(said), made)
    assert found(text) == []
    assert found(rows) == []


def test_the_same_look_finds_a_secret_that_shows() -> None:
    def careless(_: gn.Grok) -> object:
        raise gn.GrokError(f"No {TOKEN}.")

    assert found(shown(careless, saying("400"))[0])
    # what the tools need is sent all the same
    script = Script(saying("400"))
    with gn.Grok(
        api_key=KEY, base_url=BASE_URL, model=MODEL, store=":memory:", transport=script
    ) as grok:
        with pytest.raises(gn.errors.BadRequest, match=r"refused: \[key\]"):
            grok.respond("Hi", tools=[TOOL])
        assert script.bodies[0]["tools"] == [TOOL]


def test_the_management_key_is_looked_for_where_it_could_show() -> None:
    def careless(grok: gn.Grok) -> object:
        raise gn.GrokError(grok.settings.require_management_key().reveal())

    assert found(shown(careless, saying("400"))[0])
    # the host did echo it, and the error has all but that
    with gn.Grok(
        api_key=KEY,
        management_key=MANAGEMENT,
        store=":memory:",
        transport=Script(saying("400")),
    ) as grok:
        with pytest.raises(gn.errors.BadRequest, match=r"Bearer \[key\]"):
            grok.prepaid_balance("t")
        assert found(repr(grok.settings)) == []
