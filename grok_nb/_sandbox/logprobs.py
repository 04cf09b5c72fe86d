"""Made-up log probabilities: no model is behind them, but they are always the same."""

from __future__ import annotations

import zlib
from typing import Any

_OTHERS = (" the", " a", " it", " of", " one", ".", ",", " and", " is", " so")


def entry(token: str, position: int, top: int) -> dict[str, Any]:
    """
    Give the entry of one token.

    Parameters
    ----------
    token : str
        What was drawn.
    position : int
        Its place in the content, from 0.
    top : int
        How many likely tokens to list, 0 to 8; the drawn one is the first of them.
    """
    seed = zlib.crc32(f"{position}:{token}".encode(errors="replace"))
    drawn = _fields(token, -(seed % 5000) / 10_000)
    start = seed % len(_OTHERS)
    turned = [*_OTHERS[start:], *_OTHERS[:start]]
    others = [other for other in turned if other != token][: max(top - 1, 0)]
    likely = [drawn] if top else []
    likely += [
        _fields(other, round(drawn["logprob"] - 1.5 * rank, 4))
        for rank, other in enumerate(others, 1)
    ]
    return drawn | {"top_logprobs": likely}


def _fields(token: str, logprob: float) -> dict[str, Any]:
    raw = list(token.encode(errors="replace"))
    return {"token": token, "logprob": logprob, "bytes": raw}
