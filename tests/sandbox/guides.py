"""What the tests of the guides' examples share: how they ask, what must come back.

One line of a table of such a test is one example: the guide (by its year and month) and
heading, the request as it is there, the client that it uses, and the fields and values of
the answer. Only base URL, key and file names differ. `guide_examples.csv` lists every
example of every guide with the test that runs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import openai

from grok_nb._sandbox.server import Sandbox

from .expected import ECHO, UUID, above, has, like

HITCHHIKER = "You are Grok, a chatbot inspired by the Hitchhikers Guide to the Galaxy."
HELPFUL = "You are Grok, a highly intelligent, helpful AI assistant."
MEANING = "What is the meaning of life, the universe, and everything?"


class Example(NamedTuple):
    """One example, how it is sent and what must come back."""

    guide: str
    heading: str
    send: Callable[[Sandbox, dict[str, Any]], Any]
    request: dict[str, Any]
    expected: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.guide}: {self.heading} ({self.send.__name__})"


# -- what is sent ---------------------------------------------------------------------


def chat(model: str, system: str | None, user: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    return {
        "model": model,
        "messages": [*messages, {"role": "user", "content": user}],
        **more,
    }


def text(role: str, words: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": words}]}


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


# -- what must be in an answer --------------------------------------------------------


def whole(model: str, content: Any, **more: Any) -> dict[str, Any]:
    """Fields of every chat completion, and the values of this one."""
    return {
        "id": UUID,
        "object": "chat.completion",
        "created": above(1_700_000_000),
        "model": model,
        "choices.0.index": 0,
        "choices.0.message.role": "assistant",
        "choices.0.message.content": content,
        "choices.0.message.refusal": None,
        "choices.0.finish_reason": "stop",
        "usage.prompt_tokens": above(0),
        "usage.completion_tokens": above(0),
        "usage.total_tokens": above(1),
        "usage.prompt_tokens_details.text_tokens": above(0),
        "usage.prompt_tokens_details.audio_tokens": 0,
        "usage.prompt_tokens_details.image_tokens": 0,
        "usage.prompt_tokens_details.cached_tokens": above(-1),
        "system_fingerprint": like("fp_[0-9a-f]{10}"),
        **more,
    }


def echo(model: str, *parts: str, **more: Any) -> dict[str, Any]:
    return whole(model, has(ECHO, *parts), **more)


# -- the ways in which the guides send ------------------------------------------------


def curl(sandbox: Sandbox, method: str, path: str, body: Any = None) -> httpx.Response:
    """Send what curl sends."""
    return httpx.request(
        method,
        sandbox.base_url + path,
        content=None if body is None else json.dumps(body, indent=4),
        headers={
            "accept": "application/json",
            "Authorization": f"Bearer {sandbox.key}",
            "Content-Type": "application/json",
        },
    )


def by_curl(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    answer = curl(sandbox, "POST", "/chat/completions", request)
    assert answer.status_code == 200, answer.text
    if not request.get("stream"):
        assert answer.headers["content-type"] == "application/json"
        return answer.json()
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    return as_one([json.loads(line[6:]) for line in lines[:-1]])


def as_one(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    return {
        "chunks": chunks,
        "text": "".join(text or "" for text in texts),
        "finish_reason": chunks[-1]["choices"][0].get("finish_reason"),
        "counts": [
            (chunk.get("usage") or {}).get("completion_tokens") for chunk in chunks
        ],
    }


def by_curl_to(path: str) -> Callable[[Sandbox, dict[str, Any]], Any]:
    def send(sandbox: Sandbox, request: dict[str, Any]) -> Any:
        answer = curl(sandbox, "POST", path, request)
        return {"status": answer.status_code, **answer.json()}

    send.__name__ = f"curl {path}"
    return send


def client_of(sandbox: Sandbox) -> openai.OpenAI:
    return openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0)


def by_openai(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    with client_of(sandbox) as client:
        if not request.get("stream"):
            return client.chat.completions.create(**request).model_dump()
        stream = client.chat.completions.create(**request)
        return as_one([chunk.model_dump() for chunk in stream])


# -- what has changed since -----------------------------------------------------------

#: Retired without a redirect: 404 since 2026. Source: pricing.json.
GONE = ("grok-2", "grok-3-mini", "v1")
#: What is otherwise in 2026: a retired id answers as its successor, and only the last
#: chunk has usage, when it is asked for. Source: xai-api.md sections 4 and 9.
OTHERWISE = ("model", "chunks.0.usage", "counts", "reasoning_content")


def still(table: list[Example]) -> list[Example]:
    """Give the examples whose model is still served, if by a successor."""
    return [one for one in table if not one.request["model"].startswith(GONE)]


def today(expected: dict[str, Any]) -> dict[str, Any]:
    """Give what is as it was."""
    same = {
        path: value
        for path, value in expected.items()
        if not any(part in path for part in OTHERWISE)
    }
    assert same
    return same
