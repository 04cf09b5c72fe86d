"""What /openapi.json says and what the sandbox does: each is held against the other.

`mismatches` and `differences` compare real answers with a description. That the latter
notices a change is tested by changing every field of every answer.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb._sandbox import app, catalog, chat_rules, openapi
from grok_nb._sandbox.desk import Desk, Settings
from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.faults import Faults
from grok_nb._sandbox.legacy import endpoint
from grok_nb._sandbox.responses import rules
from grok_nb._sandbox.responses.stored import Stored
from grok_nb._sandbox.server import Sandbox
from tests.contract import legacy_asked, responses_asked
from tests.responses_support import BODIES

RESPONSES = responses_asked.PATH
MESSAGES = endpoint.MESSAGES
CHAT = "/v1/chat/completions"
VINTAGES = ("2026", "2025")
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


class Client:
    def __init__(self, sandbox: Sandbox) -> None:
        self._at = sandbox.root_url.removeprefix("http://")
        self._key = {"Authorization": f"Bearer {sandbox.key}"}

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self._at, timeout=20)
        sent = dict(self._key if headers is None else headers)
        raw = None
        if isinstance(body, bytes):
            sent["Content-Type"] = "multipart/form-data; boundary=x"
            raw = body
        elif body is not None:
            sent["Content-Type"] = "application/json"
            raw = json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            return (
                response.status,
                response.headers.get_content_type(),
                response.read(),
            )


def question(text: str = "What is 101*3?", **fields: Any) -> dict[str, Any]:
    return {
        "model": "grok-4.7",
        "messages": [{"role": "user", "content": text}],
    } | fields


# The text does not have it and the schema allows no null: a refusal.
MISSING = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "person",
            "schema": {
                "type": "object",
                "properties": {"birthday": {"type": "string", "format": "date"}},
                "required": ["birthday"],
            },
        },
    }
}
UNFILLABLE = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {
            "type": "object",
            "properties": {"birth_date": {"type": "string", "format": "date"}},
            "required": ["birth_date"],
        },
    },
}
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"Hello\r\n--x--\r\n"
)
DRAW = "/v1/images/generations"
EDIT = "/v1/images/edits"
A_STAR = {"prompt": "A star", "response_format": "b64_json"}
OLD_STAR = {"prompt": "A star", "model": "grok-2-image"}
STORED = {"filename": "star.jpeg", "expires_after": 3600}
SEARCH = {"mode": "on", "max_search_results": 3}
ALL_OF_A_FAULT = {
    "do": "html",
    "match": "/nowhere",
    "nth": 1,
    "seed": 1,
    "times": 1,
    "after": 1,
    "delay_ms": 1,
    "bytes": 1,
    "status": 502,
    "location": "/else",
    "retry_after": 1,
    "message": "No.",
}
SCRIPT = {
    "faults": [
        {"do": "503", "match": "GET /v1/models", "times": 1},
        {"do": "503", "match": "/nowhere", "rate": 0.5},
        ALL_OF_A_FAULT,
    ]
}
# Each answer is kept under method, path, status; together they show every field of the
# answers, and every optional one both there and not.
ASKED: dict[str, list[tuple[str, str, Any]]] = {
    "2026": [
        *responses_asked.ASKED_2026,
        *legacy_asked.ASKED_2026,
        ("POST", CHAT, question()),
        ("POST", CHAT, question(service_tier="priority")),
        ("POST", CHAT, question(model="grok-4.20-non-reasoning")),
        ("POST", CHAT, question(stream=True, stream_options={"include_usage": True})),
        ("POST", CHAT, question(stream=True, service_tier="default")),
        ("POST", CHAT, question("Weather in Bern?", tools=[WEATHER], stream=True)),
        ("POST", CHAT, question("Weather in Bern?", tools=[WEATHER])),
        ("POST", CHAT, question("Name: Ada", **MISSING)),
        ("POST", CHAT, question("Name: Ada", **MISSING, stream=True)),
        ("POST", CHAT, question(response_format=UNFILLABLE)),
        ("POST", CHAT, question(response_format=UNFILLABLE, stream=True)),
        ("POST", CHAT, question("Count to 9", max_completion_tokens=2)),
        ("POST", CHAT, question(n=0)),
        ("POST", CHAT, question(n="x")),
        ("POST", CHAT, question(model="nope")),
        ("POST", CHAT, question(search_parameters={})),
        ("POST", CHAT, None),
        ("POST", CHAT, question(deferred=True)),
        ("POST", DRAW, A_STAR),
        ("POST", DRAW, {"prompt": "A star", "storage_options": STORED}),
        ("POST", DRAW, {"prompt": ""}),
        ("POST", DRAW, {"prompt": 1}),
        ("POST", DRAW, {"prompt": "A star", "model": "nope"}),
        ("POST", DRAW, None),
        ("POST", EDIT, A_STAR | {"image": {"url": PIXEL}}),
        ("POST", EDIT, A_STAR | {"image": {"url": "x"}}),
        ("POST", "/v1/embeddings", {"model": "v1", "input": "Hi"}),
        ("POST", "/v1/embeddings", {"model": "v1"}),
        ("POST", "/v1/files", FORM),
        ("POST", "/v1/files", {}),
        ("POST", "/v1/files", FORM[:-8]),
        ("GET", "/v1/files", None),
        ("GET", "/v1/files?limit=0", None),
        ("GET", "/v1/files/nope", None),
        ("DELETE", "/v1/files/nope", None),
        ("GET", "/v1/files/nope/content", None),
        ("GET", "/xai-imgen/nope", None),
        ("GET", "/v1/chat/deferred-completion/nope", None),
        ("GET", "/__sandbox/clock", None),
        ("POST", "/__sandbox/clock", {"advance_s": 1}),
        ("POST", "/__sandbox/clock", {"advance_s": -1}),
        ("POST", "/v1/tokenize-text", {"model": "grok-4.7", "text": "Hi there"}),
        ("GET", "/v1/api-key", None),
        ("GET", "/v1/me", None),
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/grok-4.7", None),
        ("GET", "/v1/models/grok-imagine-image", None),
        ("GET", "/v1/models/nope", None),
        ("GET", "/v1/language-models", None),
        ("GET", "/v1/language-models/grok-4.3", None),
        ("GET", "/v1/image-generation-models", None),
        ("GET", "/v1/image-generation-models/grok-imagine-image", None),
        ("GET", "/v1/embedding-models", None),
        ("GET", "/v1/embedding-models/v1", None),
        ("GET", "/__sandbox/ledger", None),
        ("GET", "/__sandbox/log", None),
        ("POST", "/__sandbox/faults", SCRIPT),
        ("POST", "/__sandbox/faults", {"faults": ["429#2"]}),
        ("POST", "/__sandbox/faults", {"faults": 1}),
        ("GET", "/__sandbox/faults", None),
        ("GET", "/v1/models", None),
        ("DELETE", "/__sandbox/faults", None),
        ("DELETE", "/__sandbox/ledger", None),
        ("DELETE", "/__sandbox/log", None),
    ],
    "2025": [
        *responses_asked.ASKED_2025,
        *legacy_asked.ASKED_2025,
        ("POST", CHAT, question("World news", search_parameters=SEARCH)),
        (
            "POST",
            CHAT,
            question("World news", search_parameters=SEARCH, stream=True),
        ),
        (
            "POST",
            CHAT,
            question(model="grok-3", logprobs=True, top_logprobs=2),
        ),
        (
            "POST",
            CHAT,
            question(model="grok-3", logprobs=True, top_logprobs=2, stream=True),
        ),
        ("POST", CHAT, question(n="x")),
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/grok-3-mini", None),
        ("POST", DRAW, OLD_STAR),
        ("POST", DRAW, OLD_STAR | {"response_format": "b64_json"}),
        ("GET", "/v1/embedding-models", None),
        ("GET", "/v1/embedding-models/v1", None),
        ("POST", "/v1/embeddings", {"model": "v1", "input": "Hi"}),
        (
            "POST",
            "/v1/embeddings",
            {"model": "v1", "input": ["Hi"], "encoding_format": "base64"},
        ),
        ("GET", "/__sandbox/ledger", None),
    ],
}


class Sample:
    """One real answer, or one event of a stream, with its place in the description."""

    def __init__(
        self,
        vintage: str,
        operation: tuple[str, str],
        status: int,
        kind: str,
        body: Any,
    ) -> None:
        self.vintage, self.operation = vintage, operation
        self.status, self.kind, self.body = status, kind, body

    def schema(self, document: dict[str, Any]) -> dict[str, Any] | None:
        method, path = self.operation
        responses = document["paths"][path][method.lower()]["responses"]
        response = responses.get(str(self.status), {})
        described = response.get("content", {}).get(self.kind)
        if described is None:
            return None
        schema = described["schema"]
        if self.kind == "text/event-stream":
            return schema["properties"]["data"]["anyOf"][1]["contentSchema"]
        return schema

    def __repr__(self) -> str:
        return f"{self.vintage} {' '.join(self.operation)} {self.status} {self.kind}"


def operation_of(method: str, path: str) -> tuple[str, str]:
    for operation in openapi.OPERATIONS:
        pattern = re.escape(operation.path).replace(r"\{name\}", "[^/]+")
        fits = re.fullmatch(pattern, path.partition("?")[0])
        if operation.method == method and fits:
            return operation.method, operation.path
    raise AssertionError(f"{method} {path} is not described")


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    found = []
    for vintage, asked in ASKED.items():
        with Sandbox(vintage=vintage) as sandbox:
            responses_asked.shelve(sandbox._gate.desk)
            client = Client(sandbox)
            last_id = ""
            for method, path, body in asked:
                where = operation_of(method, path)
                at = path.replace("LAST", last_id)
                status, kind, raw = client.ask(method, at, body)
                for content in contents(kind, raw):
                    if where == ("POST", RESPONSES) and isinstance(content, dict):
                        last_id = content.get("id", last_id)
                    found.append(Sample(vintage, where, status, kind, content))
            found += kept_samples(client, vintage)
            status, kind, raw = client.ask("GET", "/v1/models", headers={})
            found.append(
                Sample(vintage, ("GET", "/v1/models"), status, kind, json.loads(raw))
            )
    return found


def kept_samples(client: Client, vintage: str) -> Iterator[Sample]:
    """Ask for what only has a name once it was made."""
    promise = json.loads(client.ask("POST", CHAT, question(deferred=True))[2])
    drawn = json.loads(client.ask("POST", DRAW, {"prompt": "A star"})[2])
    stored = json.loads(client.ask("POST", "/v1/files", FORM)[2])
    file = f"/v1/files/{stored['id']}"
    for method, path in (
        ("GET", f"/v1/chat/deferred-completion/{promise['request_id']}"),
        ("GET", "/xai-imgen/" + drawn["data"][0]["url"].rpartition("/")[2]),
        ("GET", file),
        ("GET", file + "/content"),
        ("DELETE", file),
    ):
        status, kind, raw = client.ask(method, path)
        for content in contents(kind, raw):
            yield Sample(vintage, operation_of(method, path), status, kind, content)


def contents(kind: str, raw: bytes) -> Iterator[Any]:
    if kind == "application/json":
        yield json.loads(raw)
    elif kind != "text/event-stream":
        yield raw.decode("latin-1")
    else:
        for line in raw.decode().splitlines():
            if line.startswith("data: ") and line != "data: [DONE]":
                yield json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return {vintage: openapi.describe(vintage) for vintage in VINTAGES}


Seen = dict[str, list[set[str]]]


def walk(document: dict[str, Any], schema: Any, value: Any, seen: Seen) -> None:
    """Note which fields the named schemas have in a value."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if isinstance(value, dict):
            seen.setdefault(name, []).append(set(value))
        walk(document, document["components"]["schemas"][name], value, seen)
        return
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if fits(document, branch, value):
            walk(document, branch, value, seen)
            break
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if key in value:
                walk(document, part, value[key], seen)
    if isinstance(value, list) and "items" in schema:
        for entry in value:
            walk(document, schema["items"], entry, seen)


def fits(document: dict[str, Any], schema: Any, value: Any) -> bool:
    return checker(document, schema).is_valid(value)


def checker(document: dict[str, Any], schema: Any) -> jsonschema.Draft202012Validator:
    whole = {"components": document["components"]} | {"allOf": [schema]}
    return jsonschema.Draft202012Validator(whole)


def mismatches(
    documents: dict[str, dict[str, Any]], samples: list[Sample]
) -> Iterator[str]:
    """Say which real answers their descriptions do not allow."""
    for sample in samples:
        schema = sample.schema(documents[sample.vintage])
        if schema is None:
            yield f"{sample}: not described"
            continue
        check = checker(documents[sample.vintage], schema)
        for error in check.iter_errors(sample.body):
            yield f"{sample}: {error.message[:200]}"


def seen_in(documents: dict[str, dict[str, Any]], samples: list[Sample]) -> Seen:
    seen: Seen = {}
    for sample in samples:
        document = documents[sample.vintage]
        walk(document, sample.schema(document), sample.body, seen)
    return seen


def differences(schemas: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Say which schemas describe other fields than the answers have."""
    for name, found in seen.items():
        schema = schemas[name]
        required = set(schema.get("required", ()))
        if required != set.intersection(*found):
            yield f"{name}: required {required}, there {set.intersection(*found)}"
        if set(schema["properties"]) != set.union(*found):
            described = set(schema["properties"])
            yield f"{name}: described {described}, there {set.union(*found)}"
        yield from untyped(schema, name)


def answer_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """Give the named schemas that answers use."""
    found: dict[str, Any] = {}

    def add(part: Any) -> None:
        if isinstance(part, list):
            for entry in part:
                add(entry)
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = document["components"]["schemas"][name]
                add(found[name])
            for entry in part.values():
                add(entry)

    for path in document["paths"].values():
        for operation in path.values():
            add(operation["responses"])
    return found


def test_real_answers_are_as_described(
    documents: dict[str, dict[str, Any]], samples: list[Sample]
) -> None:
    assert list(mismatches(documents, samples)) == []
    seen = seen_in(documents, samples)
    schemas = documents["2026"]["components"]["schemas"]
    assert list(differences(schemas, seen)) == []


def test_the_samples_show_every_answer(
    documents: dict[str, dict[str, Any]], samples: list[Sample]
) -> None:
    seen = set(seen_in(documents, samples))
    assert set(answer_schemas(documents["2026"])) - seen == set()
    good = {sample.operation for sample in samples if sample.status == 200}
    described = {(o.method, o.path) for o in openapi.OPERATIONS}
    assert described - good == set()


def changes(schemas: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, schema in schemas.items():
        for field in schema["properties"]:
            is_required = field in schema.get("required", ())
            yield name, field, "optional" if is_required else "required"
            yield name, field, "remove"
            yield name, field, "untyped"


def change(schema: dict[str, Any], field: str, kind: str) -> None:
    required = schema.setdefault("required", [])
    if kind == "required":
        required.append(field)
    elif kind == "untyped":
        schema["properties"][field] = {"title": field}
    elif field in required:
        required.remove(field)
    if kind == "remove":
        del schema["properties"][field]


def test_any_change_of_an_answer_is_noticed(
    documents: dict[str, dict[str, Any]], samples: list[Sample]
) -> None:
    seen = seen_in(documents, samples)
    schemas = documents["2026"]["components"]["schemas"]
    shown = {name: schemas[name] for name in seen}
    unnoticed = []
    for name, field, kind in changes(shown):
        spoilt = schemas | {name: copy.deepcopy(schemas[name])}
        change(spoilt[name], field, kind)
        if not list(differences(spoilt, {name: seen[name]})):
            unnoticed.append((name, field, kind))
    assert unnoticed == []
    assert len(list(changes(shown))) > 400


def untyped(part: Any, place: str) -> Iterator[str]:
    """Find the schemas inside a schema that say nothing."""
    says = {"type", "$ref", "anyOf", "oneOf", "enum", "const"}
    if not says & set(part):
        yield place
    for key, child in part.get("properties", {}).items():
        yield from untyped(child, f"{place}.{key}")
    for number, child in enumerate([*part.get("anyOf", ()), *part.get("oneOf", ())]):
        yield from untyped(child, f"{place}/{number}")
    if part.get("type") == "array":
        yield from untyped(part.get("items", {}), f"{place}[]")


@pytest.mark.parametrize("vintage", VINTAGES)
def test_every_schema_has_types_and_required_fields(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    schemas = documents[vintage]["components"]["schemas"]
    # Of these every field may be missing.
    loose = {"Delta", "FileRef", "StreamOptions", "SearchParameters"}
    loose |= {"DrawnImage"} | {name for name, fields in REQUIRED.items() if not fields}
    for name, schema in schemas.items():
        assert schema["type"] == "object", name
        assert schema["description"], name
        assert schema["properties"], name
        assert bool(schema.get("required")) == (name not in loose), name
        assert set(schema.get("required", ())) <= set(schema["properties"]), name
        assert list(untyped(schema, name)) == []
    text = json.dumps(documents[vintage])
    assert [name for name in schemas if f'schemas/{name}"' not in text] == []


@pytest.mark.parametrize("vintage", VINTAGES)
def test_every_route_is_described_and_every_description_is_a_route(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    gate = app.Gate(Desk(Settings(vintage=vintage), Faults()))
    routed = {
        (method.lower(), route.path)
        for route in gate._routes.routes
        for method in route.methods
        if route.path != openapi.PATH
    }
    described = {
        (method, path)
        for path, entry in documents[vintage]["paths"].items()
        for method in entry
    }
    assert routed == described


@pytest.mark.parametrize("vintage", VINTAGES)
def test_errors_and_security_are_described(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    document = documents[vintage]
    (name,) = document["security"][0]
    assert document["components"]["securitySchemes"][name]["scheme"] == "bearer"
    described = openapi.of_vintage(vintage)
    for operation in described:
        path, method = operation.path, operation.method.lower()
        entry = document["paths"][path][method]
        wanted = {"200", "400", "401", "413"}
        if not operation.is_window:
            wanted |= {"403", "429", "500", "502", "503", "504", "498"}
        if method == "post" and path == "/v1/files":
            wanted |= {"415"}
        elif method == "post" and path.startswith("/v1/"):
            wanted |= {"404", "415", "422"}
        if path == MESSAGES:  # an unknown model is a 400 there
            wanted -= {"404"}
        if method == "post" and path in {CHAT, DRAW, EDIT, RESPONSES, MESSAGES}:
            wanted |= {"501"}
        if "{name}" in path:
            wanted |= {"404"}
        if "deferred" in path:
            wanted |= {"202"}
        if path in {CHAT, RESPONSES} and method == "post" and vintage == "2026":
            wanted |= {"410"}
        assert set(entry["responses"]) == wanted, path
        own = {"security": []} if path.startswith("/xai-imgen/") else {}
        if path in endpoint.WITH_X_API_KEY:
            own = {"security": [{name: []}, {"x-api-key": []}]}
        assert {key: entry[key] for key in entry if key == "security"} == own
    names = [op["operationId"] for e in document["paths"].values() for op in e.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("vintage", VINTAGES)
def test_it_is_served_without_a_key_and_unlogged(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    with Sandbox(vintage=vintage, faults=["503"]) as sandbox:
        client = Client(sandbox)
        status, kind, raw = client.ask("GET", openapi.PATH, headers={})
        assert (status, kind) == (200, "application/json")
        assert json.loads(raw) == documents[vintage]
        log = json.loads(client.ask("GET", "/__sandbox/log")[2])
        assert log == {"requests": []}


# -- requests -----------------------------------------------------------------------

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Bern"}'},
}
PARTS = [
    {"type": "text", "text": "Hi"},
    {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    {"type": "file", "file": {"file_id": "file_1"}},
    {"type": "text_file", "text_file": {}},
]
FULL: dict[str, Any] = {
    "model": "grok-4.7",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": PARTS, "name": "Ada"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "Hm",
            "tool_calls": [CALL],
        },
        {"role": "tool", "content": "{}", "tool_call_id": "call_1"},
        {"role": "user", "content": "Go on"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_completion_tokens": 100,
    "max_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.5,
    "n": 1,
    "seed": 1,
    "logit_bias": {"1": 1.5},
    "logprobs": True,
    "top_logprobs": 2,
    "reasoning_effort": "low",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
    },
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "parallel_tool_calls": True,
    "web_search_options": {},
    "deferred": False,
    "service_tier": "default",
    "prompt_cache_key": "a",
    "user": "b",
    "safety_identifier": "c",
}
SOURCES = [
    {"type": "web", "country": "CH", "excluded_websites": ["a.example"]},
    {"type": "x", "x_handles": ["grok"], "post_view_count": 1},
    {"type": "news", "safe_search": True},
    {"type": "rss", "links": ["https://feeds.example/science.xml"]},
]
FULL_2025 = FULL | {"search_parameters": {"mode": "on", "sources": SOURCES}}
OTHERS = [
    {"response_format": {"type": "text"}},
    {"response_format": {"type": "json_object"}},
]


# Written down here, and not read from the description: both come from one model, so
# that a field which became optional would be missing from both.
REQUIRED = {
    "ChatRequest": {"model", "messages"},
    "SearchingChatRequest": {"model", "messages"},
    "Message": {"role"},
    "TextPart": {"type", "text"},
    "ImagePart": {"type", "image_url"},
    "ImageUrl": {"url"},
    "FilePart": {"type", "file"},
    "FileRef": set(),
    "TextFilePart": {"type"},
    "ToolCall": {"id", "function"},
    "CalledFunction": {"name", "arguments"},
    "StreamOptions": set(),
    "TextFormat": {"type"},
    "JsonFormat": {"type"},
    "SchemaFormat": {"type", "json_schema"},
    "NamedSchema": {"schema"},
    "Tool": {"type", "function"},
    "Function": {"name"},
    "NamedChoice": {"type", "function"},
    "FunctionName": {"name"},
    "SearchParameters": set(),
    "WebSource": {"type"},
    "XSource": {"type"},
    "NewsSource": {"type"},
    "RssSource": {"type", "links"},
    "TokenizeRequest": {"model", "text"},
    "FaultScript": {"faults"},
    "Fault": {"do"},
    "DrawRequest": {"prompt"},
    "EditRequest": {"prompt"},
    "GivenImage": set(),
    "StorageOptions": set(),
    "EmbedRequest": {"model", "input"},
    "UploadForm": {"file"},
    "ClockChange": {"advance_s"},
    **legacy_asked.REQUIRED,
} | responses_asked.REQUIRED


@pytest.mark.parametrize("vintage", VINTAGES)
def test_requests_describe_what_they_require(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    schemas = documents[vintage]["components"]["schemas"]
    of_requests = set(schemas) - set(answer_schemas(documents[vintage]))
    found = {name: set(schemas[name].get("required", ())) for name in of_requests}
    assert found == {name: REQUIRED[name] for name in of_requests}


def named_parts(
    document: dict[str, Any], schema: Any, value: Any, place: tuple[Any, ...] = ()
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Find the objects in a value that a named schema describes, and where they are."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if isinstance(value, dict):
            yield name, place
        yield from named_parts(
            document, document["components"]["schemas"][name], value, place
        )
        return
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if fits(document, branch, value):
            yield from named_parts(document, branch, value, place)
            break
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if key in value:
                yield from named_parts(document, part, value[key], (*place, key))
    if isinstance(value, list) and "items" in schema:
        for number, entry in enumerate(value):
            yield from named_parts(document, schema["items"], entry, (*place, number))


def status_of(path: str, body: Any, vintage: str) -> int:
    raw = json.dumps(body).encode()
    try:
        if path == CHAT:
            chat_rules.prepare(raw, catalog.load(vintage), vintage)
        elif path in legacy_asked.FULL:
            legacy_asked.prepare(path, raw, vintage)
        else:
            desk = Desk(Settings(vintage=vintage), Faults())
            rules.prepare(raw, desk, Stored(lambda: 0))
    except ApiError as refusal:
        return refusal.status
    return 200


def without(body: Any, place: tuple[Any, ...], key: str) -> Any:
    body = copy.deepcopy(body)
    part = body
    for step in place:
        part = part[step]
    part.pop(key, None)
    return body


FULL_BODIES = [
    ("2026", CHAT, FULL, OTHERS),
    ("2025", CHAT, FULL_2025, OTHERS),
    ("2026", RESPONSES, responses_asked.FULL, responses_asked.OTHERS),
    ("2025", RESPONSES, responses_asked.FULL, responses_asked.OTHERS),
    *legacy_asked.FULL_BODIES,
]
# Refused by every model that reasons, or beside another field, or retired.
LEFT_OUT = {
    ("2026", CHAT): {
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "search_parameters",
    },
    ("2025", CHAT): {"stop", "presence_penalty", "frequency_penalty"},
    ("2026", RESPONSES): {"previous_response_id", "search_parameters"},
    ("2025", RESPONSES): {"previous_response_id", "search_parameters"},
    **legacy_asked.LEFT_OUT,
}


def request_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    return content["application/json"]["schema"]


@pytest.mark.parametrize(
    ("vintage", "path", "body"),
    [
        (vintage, path, body | other)
        for vintage, path, body, others in FULL_BODIES
        for other in ({}, *(others if vintage == "2026" else ()))
    ],
)
def test_what_is_required_is_what_cannot_be_left_out(
    documents: dict[str, dict[str, Any]], vintage: str, path: str, body: dict[str, Any]
) -> None:
    document = documents[vintage]
    schema = request_schema(document, path)
    assert status_of(path, body, vintage) == 200
    checker(document, schema).validate(body)
    parts = list(named_parts(document, schema, body))
    for name, place in parts:
        for key in document["components"]["schemas"][name]["properties"]:
            status = status_of(path, without(body, place, key), vintage)
            assert (status == 422) == (key in REQUIRED[name]), (name, key, status)


@pytest.mark.parametrize("vintage", VINTAGES)
def test_the_full_requests_have_every_field_and_part(
    documents: dict[str, dict[str, Any]], vintage: str
) -> None:
    document = documents[vintage]
    names = set()
    for of_vintage, path, body, others in FULL_BODIES:
        if of_vintage != vintage:
            continue
        schema = request_schema(document, path)
        for other in ({}, *others):
            names |= {n for n, _ in named_parts(document, schema, body | other)}
        name = schema["$ref"].rpartition("/")[2]
        fields = set(document["components"]["schemas"][name]["properties"])
        assert fields - set(body) == LEFT_OUT[vintage, path]
    of_answers = set(answer_schemas(document))
    own = {"TokenizeRequest", "FaultScript", "Fault", "ClockChange", "UploadForm"}
    own |= {"DrawRequest", "EditRequest", "GivenImage", "StorageOptions"}
    own |= {"EmbedRequest"}
    assert set(document["components"]["schemas"]) - of_answers - own == names


# -- many accepted requests ---------------------------------------------------------

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["What is 101*3?", "Count to 9", "List 3 words", "A burger in London"]
)
MESSAGE = st.builds(
    lambda role, text, as_parts: {
        "role": role,
        "content": [{"type": "text", "text": text}] if as_parts else text or "a",
    },
    st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
    TEXTS,
    st.booleans(),
)
COMMON = {
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0.01, 1),
    "n": st.integers(1, 4),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "max_completion_tokens": st.integers(1, 50),
    "max_tokens": st.integers(1, 50),
    "logit_bias": st.dictionaries(st.text(max_size=3), st.integers(-5, 5), max_size=2),
    "logprobs": st.just(True),
    "parallel_tool_calls": st.booleans(),
    "web_search_options": st.just({}),
    "deferred": st.just(False),
    "service_tier": st.sampled_from(["default", "priority"]),
    "prompt_cache_key": st.text(max_size=5),
    "user": st.text(max_size=5),
    "safety_identifier": st.text(max_size=5),
    "stream_options": st.fixed_dictionaries({"include_usage": st.booleans()}),
    "response_format": st.sampled_from([{"type": "text"}, None]),
}
SEARCHES = st.fixed_dictionaries(
    {"mode": st.sampled_from(["off", "auto", "on"])},
    optional={
        "return_citations": st.booleans(),
        "max_search_results": st.integers(1, 30),
        "from_date": st.dates().map(str),
        "sources": st.lists(st.sampled_from(SOURCES), max_size=4),
    },
)
# Vintage, model, and what this family takes besides the common fields.
FAMILIES = [
    ("2026", "grok-4.7", {"reasoning_effort": st.sampled_from(["low", "xhigh"])}),
    ("2026", "grok-4.3", {"reasoning_effort": st.sampled_from(["none", "high"])}),
    ("2026", "grok-4.20-non-reasoning", {"stop": st.lists(TEXTS, max_size=4)}),
    ("2026", "grok-3", {"reasoning_effort": st.just("low")}),
    ("2025", "grok-3-mini", {"reasoning_effort": st.just("high")}),
    ("2025", "grok-4", {"search_parameters": SEARCHES}),
    (
        "2025",
        "grok-2",
        {
            "stop": st.lists(TEXTS, max_size=4),
            "presence_penalty": st.floats(-2, 2),
            "frequency_penalty": st.floats(-2, 2),
            "search_parameters": SEARCHES,
            "top_logprobs": st.integers(0, 8),
        },
    ),
]


@st.composite
def accepted(draw: st.DrawFn, vintage: str, model: str, own: Any) -> dict[str, Any]:
    fields = st.fixed_dictionaries({}, optional=COMMON | own)
    messages = draw(st.lists(MESSAGE, min_size=1, max_size=4))
    body = {"model": model, "messages": messages} | draw(fields)
    if "top_logprobs" in body:
        body["logprobs"] = True
    return body


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Client]]:
    with Sandbox() as today, Sandbox(vintage="2025") as then:
        yield {"2026": Client(today), "2025": Client(then)}


@pytest.mark.parametrize(("vintage", "model", "own"), FAMILIES)
def test_accepted_requests_are_answered_as_described(
    documents: dict[str, dict[str, Any]],
    clients: dict[str, Client],
    vintage: str,
    model: str,
    own: dict[str, Any],
) -> None:
    document = documents[vintage]
    described = document["paths"][CHAT]["post"]["requestBody"]["content"]
    taken = checker(document, described["application/json"]["schema"])

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(accepted(vintage, model, own))
    def run(body: dict[str, Any]) -> None:
        taken.validate(body)
        texts = []
        for stream in (False, True):
            sent = body | {"stream": stream}
            status, kind, raw = clients[vintage].ask("POST", CHAT, sent)
            assert status == 200, raw
            assert kind == ("text/event-stream" if stream else "application/json")
            found = [
                Sample(vintage, ("POST", CHAT), status, kind, content)
                for content in contents(kind, raw)
            ]
            assert list(mismatches({vintage: document}, found)) == []
            texts.append(texts_of([sample.body for sample in found]))
        assert texts[0] == texts[1]

    run()


@pytest.mark.parametrize("vintage", VINTAGES)
def test_accepted_requests_for_responses_are_answered_as_described(
    documents: dict[str, dict[str, Any]], clients: dict[str, Client], vintage: str
) -> None:
    document = documents[vintage]
    taken = checker(document, request_schema(document, RESPONSES))

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(BODIES)
    def run(fields: dict[str, Any]) -> None:
        body = responses_asked.asked() | fields
        taken.validate(body)
        for stream in (False, True):
            sent = body | {"stream": stream}
            status, kind, raw = clients[vintage].ask("POST", RESPONSES, sent)
            assert status == 200, raw
            found = [
                Sample(vintage, ("POST", RESPONSES), status, kind, content)
                for content in contents(kind, raw)
            ]
            assert found
            assert list(mismatches({vintage: document}, found)) == []

    run()


def texts_of(bodies: list[Any]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for choice in (choice for body in bodies for choice in body["choices"]):
        part = choice.get("message") or choice["delta"]
        text = texts.get(choice["index"], "") + (part.get("content") or "")
        texts[choice["index"]] = text
    return texts
