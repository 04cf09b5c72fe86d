"""Schemathesis asks the sandbox, over its socket, what /openapi.json says it takes."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from grok_nb._sandbox import openapi
from grok_nb._sandbox.media import files
from grok_nb._sandbox.operation import MANAGED
from grok_nb._sandbox.server import Sandbox
from tests.contract import batches_asked, responses_asked

RESPONSES = responses_asked.PATH
CHAT = "/v1/chat/completions"
GOOD = {"model": "grok-4.7", "messages": [{"role": "user", "content": "Hi"}]}
# Schemathesis looks at the first events of a stream only.
SHORT = responses_asked.asked("Hi", model="grok-4.20-non-reasoning", stream=True)
NOTHING = contextlib.nullcontext()
# Without certificates, which take longer to read than a request takes.
post = functools.partial(httpx.post, verify=False)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
]
# Names that lead further than the 404 which nearly every text gets.
MODELS = {
    "2026": ["grok-4.7", "grok-4.3", "grok-4.20-non-reasoning", "grok-3"],
    "2025": ["grok-4.7", "grok-3-mini", "grok-2-vision", "grok-beta"],
}
OTHERS = {
    "2026": {
        "images": ["grok-imagine-image", "grok-imagine-image-2.0", "grok-4.7"],
        "embeddings": ["v1"],
    },
    "2025": {"images": ["grok-2-image", "grok-imagine-image"], "embedding": ["v1"]},
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
SETTINGS = hypothesis.settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    with contextlib.ExitStack() as stack:
        yield {
            vintage: stack.enter_context(Sandbox(vintage=vintage))
            for vintage in ("2026", "2025")
        }


def described(vintage: str) -> schemathesis.BaseSchema:
    config = schemathesis.Config(seed=20261120)
    return schemathesis.openapi.from_dict(openapi.describe(vintage), config=config)


def lead_further(case: schemathesis.Case, vintage: str, sandbox: Sandbox) -> None:
    """Put names and messages into most cases that would else end at their checks."""
    path, body = case.operation.path, case.body
    names = next(
        (OTHERS[vintage][part] for part in OTHERS[vintage] if part in path),
        MODELS[vintage],
    )
    if "name" in case.path_parameters and len(case.path_parameters["name"]) % 2:
        case.path_parameters["name"] = made(path, sandbox) or names[0]
    if not isinstance(body, dict):
        return
    if "batch_requests" in body and not body["batch_requests"]:
        case.body = batches_asked.REQUESTS
    if isinstance(body.get("analyticsRequest"), dict) and len(str(body)) % 3:
        spans = batches_asked.USAGE["analyticsRequest"]["timeRange"]
        body["analyticsRequest"]["timeRange"] = spans
    pick = zlib.crc32(json.dumps(body, default=str).encode())
    if "images" in path and pick % 4:
        # What else is refused is tried by the other quarter.
        body = {key: body[key] for key in body if key not in {"size", "style"}}
        body["image"] = {"url": PIXEL}
        body.pop("images", None)
        case.body = body
    if isinstance(body.get("model"), str) and pick % 8:
        body["model"] = names[pick % len(names)]
    if body.get("messages") and isinstance(body["messages"], list) and pick % 3:
        body["messages"] = [{"role": "user", "content": "What is 101*3?"}]
    if "max_tokens_to_sample" in body and pick % 3:
        body["prompt"] = "\n\nHuman: What is 101*3?\n\nAssistant:"
    if body.get("input") and isinstance(body["input"], list | str) and pick % 3:
        body["input"] = responses_asked.TRAM if pick % 2 else "What is 101*3?"
        for key in ("previous_response_id", "background"):
            body.pop(key, None)
    if isinstance(body.get("stream", False), bool) and pick % 2:
        body["stream"] = True


def made(path: str, sandbox: Sandbox) -> str | None:
    """Make what the path is about, and give its name."""
    if "files" in path:
        return files.store(sandbox._gate.desk, "a.txt", b"Hello").id
    if path.startswith(MANAGED):
        return batches_asked.BILLING.rpartition("/")[2]
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    if path.startswith(batches_asked.BATCHES):
        url = sandbox.root_url + batches_asked.BATCHES
        answer = httpx.post(url, json={"name": "n"}, headers=headers)
        name: str = answer.json()["batch_id"]
        if "requests" not in path:
            url += f"/{name}/requests"
            httpx.post(url, json=batches_asked.REQUESTS, headers=headers)
        return name
    if path.startswith(RESPONSES):
        stored = {"model": "grok-4.7", "input": "Hi"}
        answer = post(sandbox.root_url + RESPONSES, json=stored, headers=headers)
        return answer.json()["id"]
    if "deferred" in path:
        promised = GOOD | {"deferred": True}
        answer = post(sandbox.root_url + CHAT, json=promised, headers=headers)
        return answer.json()["request_id"]
    if "xai-imgen" in path:
        url = sandbox.base_url + "/images/generations"
        answer = post(url, json={"prompt": "A star"}, headers=headers)
        return answer.json()["data"][0]["url"].rpartition("/")[2]
    return None


def ask(sandbox: Sandbox, case: schemathesis.Case) -> None:
    is_managing = case.operation.path.startswith(MANAGED)
    key = sandbox.management_key if is_managing else sandbox.key
    try:
        case.call_and_validate(
            base_url=sandbox.root_url,
            headers={"Authorization": f"Bearer {key}"},
            checks=CHECKS,
        )
    finally:
        # A scripted fault would be no mistake of the next request.
        sandbox._gate.desk.faults.clear()


@described("2026").parametrize()
@SETTINGS
def test_answers_of_2026_are_as_described(
    case: schemathesis.Case, sandboxes: dict[str, Sandbox]
) -> None:
    lead_further(case, "2026", sandboxes["2026"])
    ask(sandboxes["2026"], case)


@(
    described("2025")
    .include(
        path_regex="/v1/(chat|responses|messages|complet|tokenize|models|images"
        "|embedding|billing)"
    )
    .parametrize()
)
@SETTINGS
def test_answers_of_2025_are_as_described(
    case: schemathesis.Case, sandboxes: dict[str, Sandbox]
) -> None:
    lead_further(case, "2025", sandboxes["2025"])
    ask(sandboxes["2025"], case)


def without_422(document: dict[str, Any]) -> None:
    for path in (CHAT, RESPONSES):
        del document["paths"][path]["post"]["responses"]["422"]


def without_usage(document: dict[str, Any]) -> None:
    for name in ("ChatCompletion", "Response"):
        schema = document["components"]["schemas"][name]
        del schema["properties"]["usage"]
        schema["required"].remove("usage")


def without_delta(document: dict[str, Any]) -> None:
    for name in ("ChunkChoice", "TextDeltaEvent"):
        schema = document["components"]["schemas"][name]
        del schema["properties"]["delta"]
        schema["required"].remove("delta")


def without_json(document: dict[str, Any]) -> None:
    for path in (CHAT, RESPONSES):
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        del content["application/json"]


@pytest.mark.parametrize(
    ("spoil", "path", "body"),
    [
        (without_422, CHAT, {"model": 1, "messages": []}),
        (without_usage, CHAT, GOOD),
        (without_delta, CHAT, GOOD | {"stream": True}),
        (without_json, CHAT, GOOD),
        (without_422, RESPONSES, {"model": 1, "input": []}),
        (without_usage, RESPONSES, responses_asked.asked()),
        (without_delta, RESPONSES, SHORT),
        (without_json, RESPONSES, responses_asked.asked()),
    ],
)
def test_a_wrong_description_would_be_noticed(
    sandboxes: dict[str, Sandbox],
    spoil: Callable[[dict[str, Any]], None],
    path: str,
    body: dict[str, Any],
) -> None:
    document = copy.deepcopy(openapi.describe("2026"))
    for is_spoilt in (False, True):
        if is_spoilt:
            spoil(document)
        schema = schemathesis.openapi.from_dict(copy.deepcopy(document))
        case = schema[path]["POST"].Case(body=body, media_type="application/json")
        expected = pytest.raises(FailureGroup) if is_spoilt else NOTHING
        with expected:
            ask(sandboxes["2026"], case)
