"""The API references of the guides: what is sent to each endpoint, which fields come back.

The reference of 2024-12 shows each body with empty values; here every field has one that
means something. That of 2025-05 names methods and paths. The guide on errors has no code,
but tells which status means what.

Source: docs.x.ai of 2024-12-25 (REST API), 2025-05 (REST API, debugging, consumption), a
third-party note of 2025-11-08.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from grok_nb._sandbox.server import Sandbox

from .expected import UUID, above, has, like, wrong
from .guides import chat, curl, whole


def many(thing: Any) -> bool:
    return isinstance(thing, list) and bool(thing)


def price(thing: Any) -> bool:
    return type(thing) is int and thing >= 0


class Endpoint(NamedTuple):
    guide: str
    method: str
    path: str
    body: Any
    expected: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.guide}: {self.method} /v1{self.path}"


MODEL = {
    "id": "grok-2-1212",
    "object": "model",
    "created": above(1_700_000_000),
    "owned_by": "xai",
}
LANGUAGE_MODEL = MODEL | {
    "aliases": ["grok-2", "grok-2-latest"],
    "completion_text_token_price": above(0),
    "fingerprint": like("fp_[0-9a-f]{10}"),
    "input_modalities": ["text"],
    "output_modalities": ["text"],
    "prompt_image_token_price": price,
    "prompt_text_token_price": above(0),
    "version": like(r"\d+\.\d+(\.\d+)?"),
}
EMBEDDING_MODEL = MODEL | {
    "id": "v1",
    "aliases": [],
    "fingerprint": like("fp_[0-9a-f]{10}"),
    "input_modalities": ["text"],
    "output_modalities": ["embedding"],
    "prompt_image_token_price": price,
    "prompt_text_token_price": price,
    "version": like(r"\d+\.\d+(\.\d+)?"),
}
IMAGE_MODEL = MODEL | {
    "id": "grok-2-image-1212",
    "input_modalities": ["text"],
    "output_modalities": ["image"],
}
KEY = {
    "acls": many,
    "api_key_blocked": False,
    "api_key_disabled": False,
    "api_key_id": UUID,
    "create_time": like(r"\d{4}-\d\d-\d\dT.*Z"),
    "modified_by": UUID,
    "modify_time": like(r"\d{4}-\d\d-\d\dT.*Z"),
    "name": like(".+"),
    "redacted_api_key": like(r"xai-\.\.\.[^.]{4}"),
    "team_blocked": False,
    "team_id": UUID,
    "user_id": UUID,
}
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
# Every field that the reference names, those with an empty value there with that value.
EVERY_FIELD = chat(
    "grok-2-1212", None, "What is 2 + 2?",
    frequency_penalty=0, logit_bias={}, logprobs=False, max_tokens=100, n=1,
    presence_penalty=0, response_format={"type": "text"}, seed=0, stop=[],
    stream=False, stream_options=None, temperature=0, tool_choice="none",
    tools=[{"type": "function", "function": FUNCTION}], top_logprobs=0, top_p=1,
) | {"user": ""}  # fmt: skip
SUM = whole("grok-2-1212", "[sandbox] 2 + 2 = 4")
ENDPOINTS = [
    Endpoint("2024-12", "POST", "/chat/completions", EVERY_FIELD, SUM),
    Endpoint("2024-12", "GET", "/api-key", None, KEY),
    Endpoint(
        "2024-12", "GET", "/models", None,
        {"object": "list", "data": many, "data.0.object": "model"},
    ),
    Endpoint("2024-12", "GET", "/models/grok-2-1212", None, MODEL),
    Endpoint(
        "2024-12", "GET", "/language-models", None,
        {"models": many, "models.0.output_modalities": ["text"]},
    ),
    Endpoint("2024-12", "GET", "/language-models/grok-2-1212", None, LANGUAGE_MODEL),
    Endpoint(
        "2024-12", "GET", "/embedding-models", None,
        {f"models.0.{name}": value for name, value in EMBEDDING_MODEL.items()},
    ),
    Endpoint("2024-12", "GET", "/embedding-models/v1", None, EMBEDDING_MODEL),
    Endpoint(
        "2025-05", "POST", "/chat/completions",
        chat("grok-3", None, "What is 2 + 2?"), whole("grok-3", "[sandbox] 2 + 2 = 4"),
    ),
    Endpoint(
        "2025-05", "POST", "/images/generations",
        {"model": "grok-2-image", "prompt": "A cat in a tree"},
        {"data.0.url": has("http"), "data.0.revised_prompt": has("A cat in a tree")},
    ),
    Endpoint("2025-05", "GET", "/api-key", None, KEY),
    Endpoint("2025-05", "GET", "/models", None, {"object": "list", "data": many}),
    Endpoint("2025-05", "GET", "/models/grok-3", None, MODEL | {"id": "grok-3"}),
    Endpoint("2025-05", "GET", "/language-models", None, {"models": many}),
    Endpoint(
        "2025-05", "GET", "/language-models/grok-3", None,
        {"id": "grok-3", "completion_text_token_price": 150_000},
    ),
    Endpoint(
        "2025-05", "GET", "/image-generation-models", None,
        {"models": many, "models.0.output_modalities": ["image"]},
    ),
    Endpoint(
        "2025-05", "GET", "/image-generation-models/grok-2-image", None, IMAGE_MODEL
    ),
    Endpoint(
        # The guide counts 5 tokens with xAI's own tokenizer, which is not public.
        "2025-05", "POST", "/tokenize-text",
        {"text": "How is the weather today?", "model": "grok-3"},
        {
            "token_ids.0.token_id": above(0),
            "token_ids.0.string_token": "How",
            "token_ids.0.token_bytes": list(b"How"),
            "token_ids": lambda found: 5 <= len(found) <= 7,
        },
    ),
]  # fmt: skip
#: No successor serves grok-2 and v1, and a listing has no retired id. Source:
#: pricing.json, xai-api.md section 9.
GONE_SINCE = ("grok-2", "v1", "embedding-models", "models/grok-3")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.id)
def test_endpoint_of_the_reference_gives_its_fields(
    year_2025: Sandbox, endpoint: Endpoint
) -> None:
    answer = curl(year_2025, endpoint.method, endpoint.path, endpoint.body)
    assert answer.status_code == 200, answer.text
    assert wrong(answer.json(), endpoint.expected) == []


def test_deferred_completion_is_got_by_its_id(year_2025: Sandbox) -> None:
    """GET /v1/chat/deferred-completion/{request_id}."""
    body = chat("grok-3", None, "126/3=?", deferred=True)
    name = curl(year_2025, "POST", "/chat/completions", body).json()["request_id"]
    answer = curl(year_2025, "GET", f"/chat/deferred-completion/{name}")
    assert wrong(answer.json(), whole("grok-3", "[sandbox] 126/3 = 42")) == []


class Fault(NamedTuple):
    status: int
    why: str
    send: Callable[[Sandbox], httpx.Response]


def bare(sandbox: Sandbox, headers: dict[str, str], content: bytes) -> httpx.Response:
    url = f"{sandbox.base_url}/chat/completions"
    return httpx.post(url, content=content, headers=headers)


def bearer(key: str, kind: str = "application/json") -> dict[str, str]:
    found = {"Authorization": f"Bearer {key}"}
    return found | {"Content-Type": kind} if kind else found


HELLO = b'{"model": "grok-3", "messages": [{"role": "user", "content": "Hi"}]}'
FAULTS = [
    Fault(400, "an argument out of range", lambda box: curl(
        box, "POST", "/chat/completions", chat("grok-3", None, "Hi", temperature=3))),
    Fault(400, "the id is none", lambda box: curl(
        box, "GET", "/chat/deferred-completion/x")),
    Fault(400, "an incorrect key", lambda box: bare(box, bearer("sk-not-it"), HELLO)),
    Fault(401, "no header", lambda box: bare(
        box, {"Content-Type": "application/json"}, HELLO)),
    Fault(401, "no token of this kind", lambda box: bare(
        box, {"Authorization": "Basic eDp5", "Content-Type": "application/json"},
        HELLO)),
    Fault(404, "no such model", lambda box: curl(
        box, "POST", "/chat/completions", chat("grok-none", None, "Hi"))),
    Fault(404, "no such endpoint", lambda box: curl(box, "GET", "/chatter")),
    Fault(405, "POST where only GET is", lambda box: curl(box, "POST", "/models", {})),
    Fault(415, "no body", lambda box: bare(box, bearer(box.key), b"")),
    Fault(415, "no content type", lambda box: bare(box, bearer(box.key, ""), HELLO)),
    Fault(422, "a field of another type", lambda box: curl(
        box, "POST", "/chat/completions", {"model": "grok-3", "messages": "Hi"})),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: f"{one.status}: {one.why}")
def test_status_of_the_guide_on_errors(year_2025: Sandbox, fault: Fault) -> None:
    assert fault.send(year_2025).status_code == fault.status
    assert bare(year_2025, bearer(year_2025.key), HELLO).status_code == 200


def test_error_of_the_note_has_the_shape_that_the_api_gives(
    year_2025: Sandbox, year_2026: Sandbox
) -> None:
    """
    The note shows OpenAI's nested error with 401.

    No report has one from this API: a wrong key is 400, with two strings. Source:
    xai-api.md section 13.1.
    """
    for sandbox in (year_2025, year_2026):
        answer = bare(sandbox, bearer("sk-not-it"), HELLO)
        assert answer.status_code == 400
        assert set(answer.json()) == {"code", "error"}
        assert "Incorrect API key provided" in answer.json()["error"]


@pytest.mark.parametrize(
    "endpoint",
    [one for one in ENDPOINTS if not any(
        name in f"{one.path} {one.body}" for name in GONE_SINCE)],
    ids=lambda one: one.id,
)  # fmt: skip
def test_endpoint_of_the_reference_answers_today(
    year_2026: Sandbox, endpoint: Endpoint
) -> None:
    answer = curl(year_2026, endpoint.method, endpoint.path, endpoint.body)
    assert answer.status_code == 200, answer.text
    fields = {path.split(".")[0] for path in endpoint.expected}
    assert fields <= set(answer.json())
