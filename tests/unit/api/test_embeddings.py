"""Texts in, vectors out, on raw bytes."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.errors import BadRequest, InDoubt, NotFound, ServerFault
from grok_nb.pricing import Model, PriceTable, Rates

from ..support import Answer, refusal, session

# xai-api.md section 10
USAGE = {"prompt_tokens": 2, "total_tokens": 2}
EMBEDDING = {"index": 0, "object": "embedding", "embedding": [0.1, 0.2, 0.3]}


def made(*entries: Any, usage: Any = USAGE, **fields: Any) -> Answer:
    body = {"object": "list", "model": "v1", "data": list(entries), "usage": usage}
    return Answer(pieces=json.dumps({**body, **fields}).encode())


def entry(index: object, vector: object) -> dict[str, Any]:
    return {"index": index, "object": "embedding", "embedding": vector}


async def test_a_text_is_embedded_as_documented() -> None:
    with session(made(EMBEDDING)) as s:
        found = await s.grok.embed("Hi there", "v1")
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("POST", "/v1/embeddings")
        assert s.script.bodies == [{"model": "v1", "input": "Hi there"}]
        row = s.row
    assert found.vectors == [[0.1, 0.2, 0.3]]
    assert isinstance(found.array, np.ndarray)
    assert found.array.shape == (1, 3)
    assert found.usage is not None
    assert found.usage.prompt_tokens == 2
    assert found.model == "v1"
    assert (row["endpoint"], row["state"], row["prompt_tokens"]) == (
        "/embeddings",
        "done",
        2,
    )
    # no list has a price for it, and none is made up
    assert (found.cost_usd, found.cost_source) == (None, "none")
    assert repr(found) == "<Embeddings 1 x 3 by v1>"


async def test_what_the_server_says_it_costs_is_booked() -> None:
    usage = {**USAGE, "cost_in_usd_ticks": 40_000}
    with session(made(EMBEDDING, usage=usage)) as s:
        found = await s.grok.embed(["Hi there"], "v1")
        assert (found.cost_ticks, found.cost_source) == (40_000, "reported")
        assert s.row["cost_source"] == "reported"


async def test_a_known_price_is_computed() -> None:
    known = Model(id="v1", kind="embedding", rates=Rates(input=300))
    with session(made(EMBEDDING)) as s:
        s.grok.exchange.table = PriceTable([known])
        found = await s.grok.embed("Hi there", "v1")
        assert (found.cost_ticks, found.cost_source) == (600, "computed")


async def test_every_option_travels_by_its_name() -> None:
    options: dict[str, Any] = {
        "dimensions": 3,
        "encoding_format": "base64",
        "user": "u",
    }
    with session(made(EMBEDDING)) as s:
        await s.grok.embed(("a",), "v1", **options)
        assert s.script.bodies == [{"model": "v1", "input": ["a"], **options}]


floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(
    vectors=st.lists(st.lists(floats, min_size=2, max_size=5), min_size=1, max_size=9),
    order=st.randoms(use_true_random=False),
    packed=st.booleans(),
)
async def test_vectors_come_back_in_the_order_of_the_texts(
    vectors: list[list[float]], order: Any, packed: bool
) -> None:
    def travel(vector: list[float]) -> Any:
        if not packed:
            return vector
        raw = struct.pack(f"<{len(vector)}f", *vector)
        return base64.b64encode(raw).decode()

    entries = [entry(i, travel(v)) for i, v in enumerate(vectors)]
    order.shuffle(entries)
    with session(made(*entries)) as s:
        found = await s.grok.embed(["x"] * len(vectors), "v1")
    assert found.vectors == vectors


@pytest.mark.parametrize("indices", [[None, None], [0, 0], ["1", "0"], [1, 2]])
async def test_without_indices_the_order_of_the_answer_counts(indices: Any) -> None:
    one, two = (entry(i, [n]) for i, n in zip(indices, (1, 2), strict=True))
    with session(made(one, two)) as s:
        assert (await s.grok.embed(["a", "b"], "v1")).vectors == [[1.0], [2.0]]


BAD: list[tuple[Any, dict[str, Any], str]] = [
    ("", {}, "empty"),
    ([], {}, "0 texts"),
    (["a"] * 129, {}, "129 texts"),
    (["a", ""], {}, r"input\[1\]"),
    (["a", 5], {}, r"input\[1\]"),
    (5, {}, "int"),
    (b"a", {}, "bytes"),
    ({"a": 1}, {}, "dict"),
    ("a", {"model": ""}, "model"),
    ("a", {"dimensions": 0}, "dimensions"),
    ("a", {"dimensions": 2.5}, "dimensions"),
    ("a", {"encoding_format": "int8"}, "encoding_format"),
    ("\ud800", {}, "surrogate"),
]


@pytest.mark.parametrize(("given_", "options", "said"), BAD)
async def test_what_cannot_be_right_is_refused_before_it_is_sent(
    given_: Any, options: dict[str, Any], said: str
) -> None:
    with session(made(EMBEDDING)) as s:
        with pytest.raises(BadRequest, match=said):
            await s.grok.embed(given_, **{"model": "v1", **options})
        assert s.script.requests == []
    many = [entry(i, [1]) for i in range(128)]
    with session(made(*many)) as s:
        assert len(await s.grok.embed(["a"] * 128, "v1")) == 128


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [EMBEDDING, EMBEDDING],
        [entry(0, None)],
        [entry(0, [])],
        [entry(0, ["a"])],
        [entry(0, [True])],
        [entry(0, "!!")],
        [entry(0, base64.b64encode(b"12345").decode())],
        [None],
    ],
)
async def test_an_answer_that_was_billed_and_is_of_no_use_is_asked_for_once(
    entries: list[Any],
) -> None:
    with session(made(*entries)) as s:
        with pytest.raises(ServerFault):
            await s.grok.embed("a", "v1")
        assert len(s.script.requests) == 1
        assert s.row["state"] == "failed"
        assert s.row["prompt_tokens"] == 2


async def test_without_a_model_the_newest_listed_one_is_asked() -> None:
    models = [{"id": "v1", "created": 5}, {"id": "v2", "created": 9}, {"id": None}]
    listing = Answer(pieces=json.dumps({"models": models}).encode())
    with session(listing, made(EMBEDDING)) as s:
        await s.grok.embed("a")
        assert s.script.requests[0].url.path == "/v1/embedding-models"
        assert json.loads(s.script.requests[1].content)["model"] == "v2"
    with session(Answer(pieces=b'{"models": []}')) as s:
        with pytest.raises(NotFound, match="no embedding model"):
            await s.grok.embed("a")
        assert s.rows == []


async def test_refusals_and_doubts_are_as_everywhere() -> None:
    with session(refusal(404, "The model v1 does not exist")) as s:
        with pytest.raises(NotFound):
            await s.grok.embed("a", "v1")
        assert (s.row["state"], s.row["cost_usd"]) == ("failed", 0)
    with session(refusal(500), on_doubt="hold") as s:
        with pytest.raises(InDoubt):
            await s.grok.embed("a", "v1")
        assert s.row["state"] == "in_doubt"
