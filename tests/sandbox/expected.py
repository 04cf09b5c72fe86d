"""What must be in an answer: values, or checks of values, under their paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

ECHO = "This is the sandbox of grok_nb, no language model."
MISSING = object()


def has(*parts: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and all(part in value for part in parts)


def above(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value > least


def like(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


UUID = like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def found(answer: Any, path: str) -> Any:
    """Give what is at a path such as ``choices.0.index``."""
    for part in path.split("."):
        try:
            answer = answer[int(part) if isinstance(answer, list) else part]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return answer


def wrong(answer: Any, expected: dict[str, Any]) -> list[str]:
    """Return which fields are not as expected."""
    problems = []
    for path, value in expected.items():
        got = found(answer, path)
        if got is MISSING or not (value(got) if callable(value) else got == value):
            problems.append(f"{path}: {'missing' if got is MISSING else repr(got)}")
    usage = found(answer, "usage")
    if isinstance(usage, dict) and "completion_tokens" in usage:
        details = usage.get("completion_tokens_details") or {}
        parts = usage["prompt_tokens"] + usage["completion_tokens"]
        if parts + details.get("reasoning_tokens", 0) != usage["total_tokens"]:
            problems.append(f"usage does not add up: {usage}")
    return problems
