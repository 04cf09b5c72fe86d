"""Time by hand, a server by script, and a session on both: no sockets, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import random
from typing import TYPE_CHECKING, Any

import httpx

from grok_nb.session import AsyncGrok
from grok_nb.store.ledger import COLUMNS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

KEY = "xai-planted0123456789abcdefABCDEF"
BASE_URL = "http://grok.invalid/v1"
MODEL = "grok-4.7"
#: In a body's pieces: nothing comes any more.
STALL = object()
HELLO = [{"role": "user", "content": "Hi"}]


class ManualClock:
    """Time that passes only when somebody sleeps, and a little with every look."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self.in_sleep: Callable[[], object] | None = None

    def now(self) -> datetime.datetime:
        self.time += 1e-5  # rows are ordered by time
        start = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)
        return start + datetime.timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        if self.in_sleep is not None:
            self.in_sleep()
        await asyncio.sleep(0)


class Body(httpx.AsyncByteStream):
    """A response body: bytes are sent, exceptions raised, `STALL` stays silent."""

    def __init__(self, pieces: Iterable[Any]) -> None:
        self.pieces = list(pieces)
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if piece is STALL:
                await asyncio.Event().wait()
            elif isinstance(piece, BaseException):
                raise piece
            else:
                self.sent += 1
                yield piece

    async def aclose(self) -> None:
        self.closed = True


class Answer:
    """One scripted answer."""

    def __init__(
        self,
        status: int = 200,
        pieces: bytes | Iterable[Any] = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.pieces = [pieces] if isinstance(pieces, bytes) else list(pieces)
        self.headers = {"x-request-id": "req-1"} | (headers or {})
        self.body: Body | None = None

    def response(self) -> httpx.Response:
        self.body = Body(self.pieces)
        return httpx.Response(self.status, headers=self.headers, stream=self.body)


class Script(httpx.AsyncBaseTransport):
    """Answers by script; the last step is repeated. Steps may be exceptions."""

    def __init__(self, *steps: Any) -> None:
        self.requests: list[httpx.Request] = []
        self.load(*steps)

    def load(self, *steps: Any) -> Script:
        self.steps = list(steps)
        self.requests.clear()
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if callable(step):
            step = step(request)
        if step is STALL:
            await asyncio.Event().wait()
        if isinstance(step, BaseException):
            step.__traceback__ = None
            raise step
        return step.response()  # type: ignore[no-any-return]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


class Session:
    """An `AsyncGrok` on a script, with its clock and its rows."""

    def __init__(self, *steps: Any, **settings: Any) -> None:
        self.script = Script(*steps)
        self.clock = ManualClock()
        self.grok = AsyncGrok(
            **{
                "api_key": KEY,
                "base_url": BASE_URL,
                "model": MODEL,
                "store": ":memory:",
                "transport": self.script,
                "clock": self.clock,
                "jitter": random.Random(0),
                **settings,
            }
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [dict(zip(COLUMNS, row, strict=True)) for row in self.grok.ledger.rows()]

    @property
    def row(self) -> dict[str, Any]:
        (row,) = self.rows
        return row

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    async def collect(self, **options: Any) -> tuple[list[Any], Any]:
        """Stream one question; return its events and the reply."""
        stream = self.grok.stream("Hi", **options)
        events = [event async for event in stream]
        return events, stream.reply

    async def outcome(self, **options: Any) -> tuple[Any, BaseException | None]:
        """Stream one question; return the reply and the error it ended in."""
        stream = self.grok.stream("Hi", **options)
        error: BaseException | None = None
        try:
            async for _ in stream:
                pass
        except Exception as raised:
            error = raised
        return stream.reply, error

    def close(self) -> None:
        self.grok.store.close()


@contextlib.contextmanager
def session(*steps: Any, **settings: Any) -> Any:
    made = Session(*steps, **settings)
    try:
        yield made
    finally:
        made.close()


# -- recorded shapes (xai-api.md sections 3.6 and 4) -----------------------------------

USAGE = {
    "prompt_tokens": 37,
    "completion_tokens": 530,
    "total_tokens": 800,
    "prompt_tokens_details": {
        "text_tokens": 37,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 8,
    },
    "completion_tokens_details": {
        "reasoning_tokens": 233,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
    "num_sources_used": 0,
    "cost_in_usd_ticks": 46_400_000,
}
COMPLETION = {
    "id": "2b0f1c9e-0000-4000-8000-000000000001",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "grok-4.7",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "42.",
                "reasoning_content": "Short sum.",
                "refusal": None,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
    "system_fingerprint": "fp_0a1b2c3d4e",
}


def completion(**changes: Any) -> Answer:
    return Answer(pieces=json.dumps({**COMPLETION, **changes}).encode())


def refusal(status: int, error: object = "No.", **headers: str) -> Answer:
    body = json.dumps({"code": "slug", "error": error}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, named)


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "2b0f1c9e-0000-4000-8000-000000000002",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "grok-4.7",
        "choices": list(choices),
        "system_fingerprint": "fp_1",
        **fields,
    }


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"index": index, "delta": fields}
    if finish is not None:
        made["finish_reason"] = finish
    return made


def sse(*events: dict[str, Any] | str, done: bool = True) -> bytes:
    lines = [
        event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        for event in events
    ]
    lines += ["[DONE]"] if done else []
    return "".join(f"data: {line}\n\n" for line in lines).encode()


#: reasoning, text with characters of 1 to 4 bytes, finish, usage, [DONE]
CHUNKS = [
    chunk(delta(role="assistant", reasoning_content="Hm")),
    chunk(delta(reasoning_content=" ok")),
    chunk(delta(content="Zürich ")),
    chunk(delta(content="€ 🦊")),
    chunk(delta(finish="stop")),
    chunk(usage=USAGE),
]
RECORDED = sse(*CHUNKS)
TEXT, REASONING = "Zürich € 🦊", "Hm ok"


def streamed(pieces: bytes | Iterable[Any]) -> Answer:
    return Answer(pieces=pieces, headers={"content-type": "text/event-stream"})
