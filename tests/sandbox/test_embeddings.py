"""Embeddings over the socket: near where texts are alike, in both encodings."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_nb._sandbox.media.embedding import vector
from grok_nb._sandbox.server import Sandbox

EMBED = "/v1/embeddings"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vintage="2025") as found:
        yield found


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.root_url, headers=headers) as found:
        found.delete("/__sandbox/ledger")
        yield found


def embedded(client: httpx.Client, texts: str | list[str], **more: Any) -> Any:
    answer = client.post(EMBED, json={"model": "v1", "input": texts} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def vectors(client: httpx.Client, texts: list[str], **more: Any) -> list[list[float]]:
    return [one["embedding"] for one in embedded(client, texts, **more)["data"]]


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_answer_has_the_documented_shape(client: httpx.Client) -> None:
    answer = embedded(client, "Hi there", dimensions=3)
    assert answer == {
        "object": "list",
        "model": "v1",
        "data": [
            {
                "index": 0,
                "object": "embedding",
                "embedding": answer["data"][0]["embedding"],
            }
        ],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    assert len(answer["data"][0]["embedding"]) == 3


TRIPLES = [
    ("The invoice is paid", "invoices that were paid", "A cat sleeps in the sun"),
    ("Wie ist das Wetter in Bern?", "das Wetter in Berne", "quarterly revenue report"),
    ("error in line 12 of main.py", "Error, main.py line 12", "holiday in Portugal"),
    ("reset my password", "I forgot the password, please reset", "large blue ocean"),
]


@pytest.mark.parametrize(("text", "alike", "other"), TRIPLES)
def test_similar_texts_are_near(
    client: httpx.Client, text: str, alike: str, other: str
) -> None:
    first, second, third = vectors(client, [text, alike, other])
    assert likeness(first, second) > likeness(first, third) + 0.2
    assert likeness(first, first) == pytest.approx(1)


def test_a_search_finds_the_right_sentence(client: httpx.Client) -> None:
    shelf = [one for triple in TRIPLES for one in triple[1:]]
    found = vectors(client, [text for text, _, _ in TRIPLES] + shelf)
    for number, (_, alike, _) in enumerate(TRIPLES):
        ranked = sorted(
            range(len(shelf)), key=lambda n: -likeness(found[number], found[4 + n])
        )
        assert shelf[ranked[0]] == alike


def test_the_same_text_has_the_same_vector(client: httpx.Client) -> None:
    first = vectors(client, ["Hello World", "b"])
    second = vectors(client, ["c", "hello world"])
    assert first[0] == second[1]
    assert first[0] != second[0]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(), st.integers(1, 1024))
def test_every_text_has_a_vector_of_length_1(text: str, dimensions: int) -> None:
    found = vector(text, dimensions)
    assert len(found) == dimensions
    assert math.sqrt(likeness(found, found)) == pytest.approx(1)
    assert vector(text, dimensions) == found


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_both_encodings_hold_the_same(client: httpx.Client, texts: list[str]) -> None:
    numbers = vectors(client, texts, dimensions=8)
    packed = embedded(client, texts, dimensions=8, encoding_format="base64")
    for index, one in enumerate(packed["data"]):
        raw = base64.b64decode(one["embedding"], validate=True)
        assert one["index"] == index
        assert list(struct.unpack("<8f", raw)) == pytest.approx(numbers[index])
    assert packed["usage"] == embedded(client, texts)["usage"]


def test_the_openai_client_embeds(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key) as client:
        texts = [f"text {n}" for n in range(128)]
        found = client.embeddings.create(model="v1", input=texts, dimensions=16)
        assert [one.index for one in found.data] == list(range(128))
        for text, one in zip(texts, found.data, strict=True):
            # It asks for base64, and unpacks it.
            assert one.embedding == pytest.approx(vector(text, 16), abs=1e-6)
        assert found.usage.prompt_tokens == found.usage.total_tokens > 128
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="v2", input="a")


def test_it_is_in_the_ledger_at_no_price(client: httpx.Client) -> None:
    usage = embedded(client, ["one two", "three"])["usage"]
    assert usage == {"prompt_tokens": 3, "total_tokens": 3}
    (call,) = client.get("/__sandbox/ledger").json()["calls"]
    assert (call["path"], call["model"]) == (EMBED, "v1")
    assert (call["billed"], call["cost_in_usd_ticks"]) == (True, 0)
    assert call["usage"] == usage


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"model": "nope"}, 404, "nope"),
        ({"model": "grok-3"}, 404, "grok-3"),
        ({"model": None}, 422, "model"),
        ({"input": None}, 422, "input"),
        ({"input": 1}, 422, "input"),
        ({"input": [1, 2]}, 422, "input"),
        ({"input": ""}, 400, "empty"),
        ({"input": ["a", ""]}, 400, "empty"),
        ({"input": []}, 400, "1 to 128"),
        ({"input": ["a"] * 129}, 400, "1 to 128"),
        ({"dimensions": 0}, 400, "1 to 1024"),
        ({"dimensions": 1025}, 400, "1 to 1024"),
        ({"dimensions": 2.5}, 422, "dimensions"),
        ({"encoding_format": "hex"}, 422, "encoding_format"),
    ],
)
def test_what_is_wrong_is_refused(
    client: httpx.Client, fields: dict[str, Any], status: int, why: str
) -> None:
    body = {"model": "v1", "input": "a"} | fields
    answer = client.post(EMBED, json={k: v for k, v in body.items() if v is not None})
    assert answer.status_code == status, answer.text
    # That year's 422 is plain text.
    assert why in answer.text
    assert client.get("/__sandbox/ledger").json()["calls"] == []


def test_methods_types_limits_and_headers(client: httpx.Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert client.request(method, EMBED).status_code == 405
    assert client.post(EMBED).status_code == 415
    assert client.post(EMBED, content=b"{}").status_code == 415
    answer = client.post(EMBED, json={"model": "v1", "input": "a b"})
    assert answer.headers["x-ratelimit-limit-requests"]
    with Sandbox(vintage="2025", tpm=3) as small:
        headers = {"Authorization": f"Bearer {small.key}"}
        url = small.root_url + EMBED
        body = {"model": "v1", "input": "one two"}
        assert httpx.post(url, json=body, headers=headers).status_code == 200
        assert httpx.post(url, json=body, headers=headers).status_code == 429


def test_the_model_is_listed_in_2025_and_not_served_today(client: httpx.Client) -> None:
    (listed,) = client.get("/v1/embedding-models").json()["models"]
    assert listed["id"] == "v1"
    assert listed["output_modalities"] == ["embedding"]
    assert client.get("/v1/embedding-models/v1").json() == listed
    assert client.get("/v1/video-generation-models").status_code == 404
    assert "v1" not in client.get("/v1/models").text.split('"id": "')[1:]
    with Sandbox() as today:
        headers = {"Authorization": f"Bearer {today.key}"}
        url = today.root_url + "/v1/embedding-models"
        assert httpx.get(url, headers=headers).json() == {"models": []}
        body = {"model": "v1", "input": "a"}
        gone = httpx.post(today.root_url + EMBED, json=body, headers=headers)
        assert gone.status_code == 404
        assert gone.json()["code"] == "not-found"
        assert "vintage 2025" in gone.json()["error"]


@pytest.mark.parametrize(
    ("kind", "status", "billed"),
    [
        ("503", 503, False),
        ("500-after-billing", 500, True),
        ("reset", None, False),
        ("reset-after-billing", None, True),
        ("cut-stream", 200, True),
        ("split", 200, True),
    ],
)
def test_faults_break_it(
    client: httpx.Client, kind: str, status: int | None, billed: bool
) -> None:
    fault = {"do": kind, "times": 1, "match": "POST " + EMBED}
    client.post("/__sandbox/faults", json={"faults": [fault]})
    body = {"model": "v1", "input": "a"}
    if status is None:
        with pytest.raises(httpx.TransportError):
            client.post(EMBED, json=body)
    else:
        answer = client.post(EMBED, json=body)
        assert answer.status_code == status
        assert ('"usage"' in answer.text) == (kind == "split")
    (call,) = client.get("/__sandbox/ledger").json()["calls"]
    assert (call["fault"], call["billed"]) == (kind, billed)
    assert embedded(client, "a")["data"]
