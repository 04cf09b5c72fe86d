"""Pictures and embeddings with the unmodified openai package, and what it cannot do."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest

from grok_nb._sandbox.media.embedding import vector
from grok_nb._sandbox.server import Sandbox
from tests.support import bills, requests, window

from .pictures import png

IMAGINE = "grok-imagine-image"


@pytest.fixture(scope="module")
def _sandboxes() -> Iterator[dict[str, Sandbox]]:
    with Sandbox() as today, Sandbox(vintage="2025") as old:
        yield {"2026": today, "2025": old}


@pytest.fixture(params=["2026"])
def sandbox(_sandboxes: dict[str, Sandbox], request: pytest.FixtureRequest) -> Sandbox:
    sandbox = _sandboxes[request.param]
    for name in ("ledger", "log"):
        window(sandbox, name, "DELETE")
    return sandbox


in_2025 = pytest.mark.parametrize("sandbox", ["2025"], indirect=True)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def aclient(sandbox: Sandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0
    ) as client:
        yield client


def check_drawn(found: Any, sandbox: Sandbox) -> None:
    (one,) = found.data
    assert one.b64_json is None
    assert one.model_extra == {"mime_type": "image/jpeg"}
    # The address needs no key.
    assert httpx.get(one.url).content.startswith(b"\xff\xd8\xff")
    (bill,) = bills(sandbox)
    assert bill["path"] == "/v1/images/generations"
    assert bill["model"] == IMAGINE
    assert bill["usage"] == {"cost_in_usd_ticks": found.usage.cost_in_usd_ticks}
    assert bill["cost_in_usd_ticks"] == 200_000_000
    # A field of the other API that is missing here does no harm.
    assert found.created is None
    body = requests(sandbox)[0]["body"]
    assert body == {"model": IMAGINE, "prompt": "A star", "aspect_ratio": "16:9"}


def test_a_picture_by_its_address(client: openai.OpenAI, sandbox: Sandbox) -> None:
    wide = {"aspect_ratio": "16:9"}
    check_drawn(
        client.images.generate(model=IMAGINE, prompt="A star", extra_body=wide), sandbox
    )


@pytest.mark.anyio
async def test_a_picture_async(aclient: openai.AsyncOpenAI, sandbox: Sandbox) -> None:
    wide = {"aspect_ratio": "16:9"}
    generate = aclient.images.generate
    check_drawn(
        await generate(model=IMAGINE, prompt="A star", extra_body=wide), sandbox
    )


def test_edits_come_as_a_form_and_are_refused(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    """Section 7.2 of xai-api.md: the API takes JSON, which its raw calls can send."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.edit(image=png("red"), prompt="A star", model=IMAGINE)
    assert caught.value.status_code == 415
    (sent,) = requests(sandbox)
    assert sent["path"] == "/v1/images/edits"
    assert sent["headers"]["content-type"].startswith("multipart/form-data")
    assert not any(bill["billed"] for bill in bills(sandbox))
    url = f"data:image/png;base64,{base64.b64encode(png('red')).decode()}"
    found = client.post(
        "/images/edits",
        body={"model": IMAGINE, "prompt": "A star", "image": {"url": url}},
        cast_to=openai.types.ImagesResponse,
    )
    assert found.data is not None
    assert httpx.get(found.data[0].url or "").content.startswith(b"\xff\xd8\xff")
    assert bills(sandbox)[-1]["billed"]


def check_embedded(found: Any, sandbox: Sandbox, encoding: str) -> None:
    assert (found.object, found.model) == ("list", "v1")
    assert [one.index for one in found.data] == [0, 1]
    for text, one in zip(("red", "blue"), found.data, strict=True):
        assert one.embedding == pytest.approx(vector(text, 8), abs=1e-6)
    (bill,) = bills(sandbox)
    assert bill["usage"] == found.usage.to_dict()
    assert (bill["cost_in_usd_ticks"], found.usage.prompt_tokens) == (0, 2)
    assert requests(sandbox)[0]["body"] == {
        "model": "v1",
        "input": ["red", "blue"],
        "dimensions": 8,
        "encoding_format": encoding,
    }


@in_2025
def test_embeddings_as_numbers(client: openai.OpenAI, sandbox: Sandbox) -> None:
    found = client.embeddings.create(
        model="v1", input=["red", "blue"], dimensions=8, encoding_format="float"
    )
    check_embedded(found, sandbox, "float")


@in_2025
@pytest.mark.anyio
async def test_embeddings_async(aclient: openai.AsyncOpenAI, sandbox: Sandbox) -> None:
    """It asks for base64 by itself, and unpacks it."""
    create = aclient.embeddings.create
    found = await create(model="v1", input=["red", "blue"], dimensions=8)
    check_embedded(found, sandbox, "base64")


def test_no_embedding_model_is_served_today(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="v1", input="red")


def test_batches_have_another_shape(client: openai.OpenAI, sandbox: Sandbox) -> None:
    """Section 12.1 of xai-api.md: a batch there has a name, but no time window.

    What lacks the name does not deserialize.
    """
    with pytest.raises(openai.UnprocessableEntityError):
        client.batches.create(
            input_file_id="file-1",
            endpoint="/v1/chat/completions",
            completion_window="24h",
        )
    (sent,) = requests(sandbox)
    assert (sent["method"], sent["path"]) == ("POST", "/v1/batches")
    assert set(sent["body"]) == {"input_file_id", "endpoint", "completion_window"}
    assert bills(sandbox) == []
