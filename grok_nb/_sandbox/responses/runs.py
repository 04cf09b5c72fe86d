"""Calls of the server's tools, done: what was called, found, counted, and said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """
    A sentence of the answer.

    Parameters
    ----------
    text : str
        The sentence.
    url : str or None
        What it is taken from, to be cited.
    """

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """
    One call of a server's tool.

    Parameters
    ----------
    item : dict
        The finished output item, without its id.
    prefix : str
        What its id begins with.
    spoken : str
        What the model wrote for the call: output tokens.
    found : str
        What came back into the context: input tokens.
    counts : dict of str to int
        Counters of the usage; empty for a call that failed.
    said : tuple of Said
        What the answer tells of it.
    urls : tuple of str
        All addresses that were met.
    thought : str
        What the reasoning tells of it.
    round : int
        The turn it belongs to, from 1.
    image_tokens : int
        Tokens of images and videos that were looked at.
    is_best : bool
        Whether the answer begins with it.
    ticks : int
        What it costs where that is not the same for every call.
    """

    item: dict[str, Any]
    prefix: str
    spoken: str
    found: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    said: tuple[Said, ...] = ()
    urls: tuple[str, ...] = ()
    thought: str = ""
    round: int = 1
    image_tokens: int = 0
    is_best: bool = False
    ticks: int = 0

    @property
    def is_failed(self) -> bool:
        """Whether it came to nothing; such a call is not billed."""
        return bool(self.item["status"] == "failed")


def custom(name: str, written: str, call_id: str, *, is_2025: bool) -> dict[str, Any]:
    """
    Build the item of a search on X, or of looking at something.

    Source: xai-api.md section 6.5; it was called otherwise in 2025.
    """
    if is_2025:
        return {
            "type": "x_search_call",
            "status": "completed",
            "name": name,
            "arguments": written,
        }
    return {
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "input": written,
    }
