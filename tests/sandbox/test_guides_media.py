"""The guides' examples on pictures, deferred completions and embeddings.

The examples are of 2024 and 2025, and so is the sandbox. The second table is of what the
API description has and no guide shows: each endpoint, its source, what it must give.

Source: docs.x.ai of 2024-12-25 (introduction, API reference), 2025-02 (tutorial),
2025-05 (tutorial, image understanding, image generations, deferred chat completions,
models), 2025-12 (tutorial: a client that speaks gRPC, so what it stands for is sent over
REST); xai-api.md of 2026-11-20, by section.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import httpx
import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import window

from .expected import ECHO, UUID, above, has, like, wrong
from .guides import (
    Example,
    by_curl_to,
    by_openai,
    client_of,
    curl,
    picture,
    still,
    today,
)
from .pictures import jpeg, opened, png, uri

NASA = (
    "https://science.nasa.gov/wp-content/uploads/2023/09/web-first-images-release.png"
)


# -- what must be in an answer --------------------------------------------------------


def is_jpeg(value: Any) -> bool:
    """Tell whether it is a picture, in base64 or at an address."""
    if value.startswith("http"):
        got = httpx.get(value)
        return got.headers["content-type"] == "image/jpeg" and _is_jpeg(got.content)
    return _is_jpeg(base64.b64decode(value.rpartition(",")[2], validate=True))


def _is_jpeg(data: bytes) -> bool:
    return opened(data).format == "JPEG"


# -- the ways in which the guides send ------------------------------------------------


def first_chunk(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    with client_of(sandbox) as client:
        return next(client.chat.completions.create(**request)).model_dump()


def images_by_openai(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    with client_of(sandbox) as client:
        return client.images.generate(**request).model_dump()


def embeddings_by_openai(sandbox: Sandbox, request: dict[str, Any]) -> Any:
    with client_of(sandbox) as client:
        return client.embeddings.create(**request).model_dump()


def deferred_loop(_: Sandbox, request: dict[str, Any]) -> Any:
    """Ask, then try again until it is there; the clock goes on instead of sleeping."""
    with Sandbox(vintage="2025", latency_ms=60_000) as sandbox:
        promise = curl(sandbox, "POST", "/chat/completions", request).json()
        at = f"/chat/deferred-completion/{promise['request_id']}"
        statuses: list[int] = []
        while True:
            answer = curl(sandbox, "GET", at)
            statuses.append(answer.status_code)
            if answer.status_code == 200 or len(statuses) > 9:
                break
            assert answer.content == b""
            window(sandbox, "clock", "POST", {"advance_s": 30})
        again = curl(sandbox, "GET", at)
    return {
        "promise": promise,
        "statuses": statuses,
        "result": answer.json(),
        "again": again.status_code,
    }


# -- the table ------------------------------------------------------------------------


def words(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def look(model: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": list(parts)}]
    return {"model": model, "messages": messages, **more}


def seen(model: str, image_tokens: int, *parts: str) -> dict[str, Any]:
    return {
        "id": UUID,
        "object": "chat.completion",
        "model": model,
        "choices.0.message.role": "assistant",
        "choices.0.message.content": has(*parts),
        "choices.0.finish_reason": "stop",
        "usage.prompt_tokens": above(image_tokens),
        "usage.prompt_tokens_details.image_tokens": image_tokens,
    }


def drawn(number: int = 1, where: str = "url") -> dict[str, Any]:
    each = {f"data.{n}.{where}": is_jpeg for n in range(number)}
    prompts = {
        f"data.{n}.revised_prompt": has("A cat in a tree", "1 green tree")
        for n in range(number)
    }
    return {**each, **prompts, "data": lambda data: len(data) == number}


VISION = "grok-2-vision-1212"
UNREAD = ("Images: 1 (unread)", ECHO, "What's in this image?")
CAT = {"model": "grok-2-image", "prompt": "A cat in a tree"}
RED, BLUE = jpeg("red", size=(500, 400)), jpeg("blue", size=(100, 100))
DEFERRED = {
    "messages": [
        {"role": "system", "content": "You are Zaphod Beeblebrox."},
        {"role": "user", "content": "126/3=?"},
    ],
    "model": "grok-3-latest",
    "deferred": True,
}

TABLE = [
    Example(
        "2024-12", "using Grok with image understanding", by_curl_to("/chat/completions"),
        look(
            VISION, picture(NASA), words("What&quots in this image?"),
            stream=False, temperature=0,
        ),
        seen(VISION, 512, "Images: 1 (unread)", "What&quots in this image?"),
    ),
    Example(
        "2024-12", "prompt of models with image input", by_openai,
        look(VISION, picture(uri(RED)), words("What is on this image ?")),
        seen(VISION, 768, "jpeg, 500 x 400 pixels; red 100 %"),
    ),
    Example(
        "2025-02", "tutorial, analyze images", by_openai,
        look(
            "grok-2-vision-latest", picture(NASA), words("What's in this image?"),
            temperature=0.01,
        ),
        seen(VISION, 512, *UNREAD),
    ),
    Example(
        "2025-02", "tutorial, analyze images", by_curl_to("/chat/completions"),
        look(
            "grok-2-vision-latest", picture(NASA), words("Describe this image"),
            stream=False, temperature=0,
        ),
        seen(VISION, 512, "Images: 1 (unread)", "Describe this image"),
    ),
    Example(
        "2025-05", "tutorial, analyze images", by_openai,
        look(
            "grok-2-vision-latest", picture(NASA), words("What's in this image?"),
            temperature=0.01,
        ),
        seen(VISION, 512, *UNREAD),
    ),
    Example(
        "2025-05", "tutorial, analyze images", by_curl_to("/chat/completions"),
        look(
            "grok-2-vision-latest", picture(NASA), words("Describe this image"),
            stream=False, temperature=0,
        ),
        seen(VISION, 512, "Images: 1 (unread)", "Describe this image"),
    ),
    Example(
        "2025-05", "image understanding, message body of chat", by_openai,
        {
            "model": "grok-2-vision-latest",
            "messages": [{"role": "user", "content": "What is in this image ?"}],
        },
        {
            "choices.0.message.content": has(ECHO, "What is in this image ?"),
            "usage.prompt_tokens_details.image_tokens": 0,
        },
    ),
    Example(
        "2025-05", "image understanding, message body with image", by_openai,
        look(
            "grok-2-vision-latest", picture(uri(RED)), words("What is in this image ?"),
        ),
        seen(VISION, 768, "The image: jpeg, 500 x 400 pixels; red 100 %"),
    ),
    Example(
        "2025-05", "image understanding, web URL", by_openai,
        look(
            "grok-2-vision-latest", picture(NASA), words("What's in this image?"),
            temperature=0.01,
        ),
        seen(VISION, 512, *UNREAD),
    ),
    Example(
        "2025-05", "image understanding, base64", by_openai,
        look(
            "grok-2-vision-latest", picture(uri(RED)), words("What's in this image?"),
            temperature=0.01,
        ),
        seen(VISION, 768, "The image: jpeg, 500 x 400 pixels; red 100 %"),
    ),
    Example(
        "2025-05", "image understanding, several images", by_openai,
        look(
            "grok-2-vision-latest", picture(uri(RED)), words("What are in these images?"),
            picture(uri(BLUE)),
        ),
        seen(VISION, 768 + 512, "Image 1: jpeg, 500", "red", "Image 2: jpeg, 100", "blue"),
    ),
    Example(
        "2025-05", "image understanding, image token usage", first_chunk,
        look("grok-2-vision-latest", picture(uri(RED)), words("Hi"), stream=True),
        {"usage.prompt_tokens_details.image_tokens": 768},
    ),
    Example(
        "2025-05", "models, prompt with image input", by_openai,
        look("grok-2-vision", picture(uri(BLUE)), words("Describe what's in this image.")),
        seen(VISION, 512, "jpeg, 100 x 100 pixels; blue 100 %"),
    ),
    Example(
        "2025-05", "image generations, generate image", images_by_openai, CAT, drawn(),
    ),
    Example(
        "2025-05", "image generations, generate image", by_curl_to("/images/generations"),
        CAT, {"status": 200, **drawn()},
    ),
    Example(
        "2025-05", "image generations, base 64", images_by_openai,
        {**CAT, "response_format": "b64_json"},
        {**drawn(1, "b64_json"), "data.0.url": None},
    ),
    Example(
        "2025-05", "image generations, base 64", by_curl_to("/images/generations"),
        {**CAT, "response_format": "b64_json"},
        {**drawn(1, "b64_json"), "data.0.b64_json": like(r"data:image/png;base64,\S+")},
    ),
    Example(
        "2025-05", "image generations, multiple images", images_by_openai,
        {**CAT, "n": 4}, drawn(4),
    ),
    Example(
        "2025-05", "image generations, multiple images", by_curl_to("/images/generations"),
        {**CAT, "n": 4}, drawn(4),
    ),
    Example(
        "2025-05", "models, prompt with image output", by_curl_to("/images/generations"),
        {**CAT, "model": "grok-2-image-latest", "n": 4}, drawn(4),
    ),
    Example(
        "2025-05", "deferred chat completions", deferred_loop, DEFERRED,
        {
            "promise.request_id": UUID,
            "statuses": [202, 202, 200],
            "again": 404,
            "result.id": UUID,
            "result.object": "chat.completion",
            "result.model": "grok-3",
            "result.choices.0.index": 0,
            "result.choices.0.message.role": "assistant",
            "result.choices.0.message.content": "[sandbox] 126/3 = 42",
            "result.choices.0.message.refusal": None,
            "result.choices.0.finish_reason": "stop",
            "result.usage.prompt_tokens": above(10),
            "result.usage.completion_tokens": above(1),
            "result.usage.prompt_tokens_details.text_tokens": above(10),
            "result.created": above(1_700_000_000),
            "result.usage.reasoning_tokens": 0,
            "result.usage.total_tokens": above(11),
            "result.usage.prompt_tokens_details.audio_tokens": 0,
            "result.usage.prompt_tokens_details.image_tokens": 0,
            "result.usage.prompt_tokens_details.cached_tokens": 0,
            "result.system_fingerprint": like("fp_[0-9a-f]{10}"),
        },
    ),
    Example(
        "2024-12", "API reference, create embeddings", by_curl_to("/embeddings"),
        {
            "dimensions": 3, "encoding_format": "float", "input": "Hello world",
            "model": "v1", "preview": False, "user": "me",
        },
        {
            "status": 200,
            "object": "list",
            "model": "v1",
            "data.0.index": 0,
            "data.0.object": "embedding",
            "data.0.embedding": lambda found: len(found) == 3,
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        },
    ),
    Example(
        "2024-12", "API reference, compatible with OpenAI", embeddings_by_openai,
        {"model": "v1", "input": ["Hello world", "Hello there"]},
        {
            "data.0.embedding": lambda found: len(found) == 256,
            "data.1.index": 1,
            "usage.total_tokens": 4,
        },
    ),
    Example(
        "2025-12", "tutorial, analyze images over REST", by_curl_to("/chat/completions"),
        look("grok-4", words("What's in this image?"), picture(NASA)),
        seen("grok-4-0709", 512, *UNREAD),
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.id)
def test_example_of_the_guides_gives_its_values(
    year_2025: Sandbox, example: Example
) -> None:
    answer = example.send(year_2025, example.request)
    assert wrong(answer, example.expected) == []


#: The deferred one asks a slow sandbox of its own, of 2025; of today it is below.
STILL = [one for one in still(TABLE) if one.send is not deferred_loop]


@pytest.mark.parametrize("example", STILL, ids=lambda example: example.id)
def test_example_of_the_guides_runs_today(year_2026: Sandbox, example: Example) -> None:
    answer = example.send(year_2026, example.request)
    assert wrong(answer, today(example.expected)) == []


# -- what the description of 2026 has -------------------------------------------------


class Endpoint(NamedTuple):
    source: str
    method: str
    path: str
    body: Any
    expected: dict[str, Any]


USD = 10_000_000_000
STAR = {"prompt": "a red star", "model": "grok-imagine-image"}
B64 = {"response_format": "b64_json"}
GIVEN = {"url": uri(png("blue"))}
CHAT_2026 = {"model": "grok-4.7", "messages": DEFERRED["messages"], "deferred": True}
ENDPOINTS = [
    Endpoint(
        "3.2", "POST", "/chat/completions",
        look("grok-4.7", words("Which colours?"), picture(uri(RED))),
        {"choices.0.message.content": has("jpeg, 500 x 400 pixels; red 100 %"),
         "usage.prompt_tokens_details.image_tokens": 768},
    ),
    Endpoint(
        "5", "POST", "/chat/completions", CHAT_2026,
        {"request_id": UUID},
    ),
    Endpoint(
        "5", "GET", "/chat/deferred-completion/{request_id}", CHAT_2026,
        {"choices.0.message.content": "[sandbox] 126/3 = 42"},
    ),
    Endpoint(
        "7.1", "POST", "/images/generations", STAR,
        {"data.0.url": is_jpeg, "data.0.mime_type": "image/jpeg",
         "usage.cost_in_usd_ticks": USD // 50},
    ),
    Endpoint(
        "7.1 in base64", "POST", "/images/generations", STAR | B64 | {"n": 2},
        {"data.1.b64_json": lambda found: found.startswith("/9j/") and is_jpeg(found),
         "usage.cost_in_usd_ticks": USD // 25},
    ),
    Endpoint(
        "7.2", "POST", "/images/edits", STAR | {"image": GIVEN},
        {"data.0.url": is_jpeg, "usage.cost_in_usd_ticks": USD * 22 // 1000},
    ),
    Endpoint(
        "7.2 of several", "POST", "/images/edits", STAR | B64 | {"images": [GIVEN] * 5},
        {"data.0.b64_json": is_jpeg, "usage.cost_in_usd_ticks": USD * 30 // 1000},
    ),
    Endpoint(
        "10", "POST", "/embeddings", {"model": "v1", "input": "a"},
        {"code": "not-found", "error": has("v1")},
    ),
    Endpoint("10", "GET", "/embedding-models", None, {"models": []}),
    Endpoint(
        "12.2", "POST", "/files", b"Hello",
        {"object": "file", "bytes": 5, "purpose": "", "expires_at": None},
    ),
    Endpoint("12.2", "GET", "/files", b"Hello", {"data.0.bytes": 5}),
    Endpoint("12.2", "GET", "/files/{id}", b"Hello", {"filename": "upload"}),
    Endpoint("12.2", "GET", "/files/{id}/content", b"Hello", {"content": "Hello"}),
    Endpoint("12.2", "DELETE", "/files/{id}", b"Hello", {"deleted": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda one: f"{one.source}: {one.method} {one.path}"
)
def test_endpoint_of_the_description_gives_its_values(
    year_2026: Sandbox, endpoint: Endpoint
) -> None:
    path, body = endpoint.path, endpoint.body
    key = {"Authorization": f"Bearer {year_2026.key}"}
    if isinstance(body, bytes):
        url = year_2026.base_url + "/files"
        made = httpx.post(url, files={"file": body}, headers=key)
    else:
        made = curl(year_2026, "POST" if body else "GET", path, body)
        if "{" in path:
            made = curl(year_2026, "POST", "/chat/completions", body)
    if "{" in path or (isinstance(body, bytes) and endpoint.method != "POST"):
        path = path.format(**made.json())
        made = httpx.request(endpoint.method, year_2026.base_url + path, headers=key)
    is_text = path.endswith("/content")
    answer = {"content": made.text} if is_text else made.json()
    assert wrong(answer, endpoint.expected) == []


def test_wrong_values_and_missing_fields_are_noticed(year_2025: Sandbox) -> None:
    example = next(one for one in TABLE if "base64" in one.heading)
    answer = example.send(year_2025, example.request)
    assert wrong({**answer, "model": "grok-3"}, example.expected)
    del answer["usage"]
    assert len(wrong(answer, example.expected)) == 2
    assert wrong({"data": [{"url": ""}]}, {"data.1.url": ""}) == ["data.1.url: missing"]
