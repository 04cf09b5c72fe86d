"""POST /v1/embeddings: vectors that are near where texts are alike.

There is no language model here. What a text shares with another is counted: its words,
and the runs of letters inside them, so that "invoice" is near "invoices" and nothing
knows that a cat is like a dog.

Today no embedding model is offered and the endpoint answers 404 for every name, as the
live one does; with the vintage 2025 the model ``v1`` of the 2024 documents is served.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import math
import re
import struct
import unicodedata
import zlib
from typing import TYPE_CHECKING

from grok_nb._sandbox import errors, exchange, schemas, tokens
from grok_nb._sandbox.books import Call
from grok_nb._sandbox.delivery import Delivered

from .shapes import MAX_DIMENSIONS, MAX_INPUTS, EmbedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.catalog import Catalog, Model
    from grok_nb._sandbox.delivery import Line
    from grok_nb._sandbox.desk import Incoming

    from .shapes import Embeddings

DEFAULT_DIMENSIONS = 256
_NOT_OFFERED = "xAI offers no embedding model in 2026; the sandbox serves v1 with the vintage 2025."
_WORD = re.compile(r"\w+")
_RUN = 3
_LONG_WORD = 6


def vector(text: str, dimensions: int = DEFAULT_DIMENSIONS) -> list[float]:
    """
    Give the vector of a text, of length 1.

    Parameters
    ----------
    text : str
        The text; upper and lower case are the same.
    dimensions : int, default 256
        How many numbers.
    """
    sums = [0.0] * dimensions
    for feature, weight in _features(text):
        mark = zlib.crc32(feature.encode())
        # One bit decides the sign, so that what falls together cancels on average.
        sums[mark % dimensions] += weight if mark >> 31 else -weight
    length = math.sqrt(sum(one * one for one in sums))
    if not length:
        # Nothing in it, or all of it cancelled: a direction of its own.
        sums[zlib.crc32(text.encode()) % dimensions] = length = 1.0
    return [one / length for one in sums]


def _features(text: str) -> Iterator[tuple[str, float]]:
    flat = unicodedata.normalize("NFKC", text).casefold()
    for word in _WORD.findall(flat):
        # Short words are in every text and tell little.
        weight = (min(len(word), _LONG_WORD) / _LONG_WORD) ** 2
        yield word, weight
        bounded = f"<{word}>"
        for start in range(len(bounded) - _RUN + 1):
            yield bounded[start : start + _RUN], weight / 2


def prepare(raw: bytes, catalog: Catalog) -> tuple[Model, EmbedRequest]:
    """
    Read and check the body of a request for embeddings.

    Raises
    ------
    ApiError
        As the API answers it; sections 10 and 13 of xai-api.md.
    """
    request = schemas.read(EmbedRequest, raw)
    model = catalog.find(request.model, "embedding")
    if model is None:
        refusal = errors.unknown_model(request.model)
        refusal.text += f" {_NOT_OFFERED}"
        raise refusal
    texts = _texts(request)
    if not 1 <= len(texts) <= MAX_INPUTS:
        raise errors.invalid(f"input takes 1 to {MAX_INPUTS} texts.")
    if not all(texts):
        raise errors.invalid("input holds an empty text.")
    dimensions = request.dimensions
    if dimensions is not None and not 1 <= dimensions <= MAX_DIMENSIONS:
        raise errors.invalid(
            f"Invalid value for dimensions: it must be 1 to {MAX_DIMENSIONS}."
        )
    return model, request


def _texts(request: EmbedRequest) -> list[str]:
    return [request.input] if isinstance(request.input, str) else request.input


def _embedded(model: Model, request: EmbedRequest, prompt_tokens: int) -> Embeddings:
    dimensions = request.dimensions or DEFAULT_DIMENSIONS
    vectors = [vector(text, dimensions) for text in _texts(request)]
    is_packed = request.encoding_format == "base64"
    return {
        "object": "list",
        "model": model.id,
        "data": [
            {
                "index": index,
                "object": "embedding",
                "embedding": _packed(one) if is_packed else one,
            }
            for index, one in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
    }


def _packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


async def answer(incoming: Incoming) -> Delivered:
    """
    Answer a request for embeddings.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk = incoming.desk
    incoming.require_json()
    model, request = await asyncio.to_thread(prepare, incoming.body, desk.catalog)
    prompt_tokens = sum(map(tokens.count, _texts(request)))
    call = Call(
        request_id=incoming.request_id,
        path=incoming.path,
        model=model.id,
        fault=incoming.fault.do if incoming.fault else None,
    )
    exchange.admit(incoming, call, model.id, prompt_tokens)
    body = await asyncio.to_thread(_embedded, model, request, prompt_tokens)
    call.bill(dict(body["usage"]))

    async def deliver(line: Line) -> None:
        await exchange.deliver(
            line,
            incoming,
            call,
            json.dumps(body).encode(),
            functools.partial(exchange.headers, incoming, model.id),
            latency_s=desk.settings.latency_s,
        )

    return Delivered(deliver)
