"""Tokens of the sandbox: not xAI's, but always the same for the same text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A word breaks into pieces of six letters, a number into groups of three digits; a
# single space belongs to what follows it. Every character matches one alternative, so
# that the tokens of a text, joined, are the text.
_TOKEN = re.compile(r" ?[^\W\d_]{1,6}| ?\d{1,3}|\s{1,16}| ?.", re.DOTALL)

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANY_ID = "00000000-0000-0000-0000-000000000000"

BLOCK_TOKENS = 128


def split(text: str) -> Iterator[str]:
    """Cut a text into its tokens."""
    return (match.group() for match in _TOKEN.finditer(text))


def count(text: str) -> int:
    """Count the tokens of a text."""
    return sum(1 for _ in _TOKEN.finditer(text))


def count_json(value: object) -> int:
    """
    Count the tokens of a value that is read as JSON.

    Ids are made up at random; each counts the same, so that costs are the same on every
    run.
    """
    return count(_ID.sub(_ANY_ID, json.dumps(value, default=str)))


def cached(prompt_tokens: int) -> int:
    """
    Say how much of a prompt counts as served from the prompt cache.

    The rule is made up, so that costs are the same on every run: prompts of at least
    256 tokens find half of themselves in the cache, in whole blocks of 128.
    """
    if prompt_tokens < 2 * BLOCK_TOKENS:
        return 0
    return prompt_tokens // 2 // BLOCK_TOKENS * BLOCK_TOKENS
