"""JSON text that a model wrote: read without losing a digit, written back the same."""

from __future__ import annotations

import json
import re
from typing import Any

#: Deeper than any answer that makes sense, and far from Python's own limit.
DEEPEST = 100
_FENCE = re.compile(r"```[\w-]*[ \t]*\r?\n(?P<inside>.*?)\r?\n?[ \t]*```", re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class Number(float):
    """A number with a point or an exponent, and how it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        """Keep how it was written."""
        made = super().__new__(cls, text)
        made.text = text
        return made


def read(text: str) -> Any:
    """Return what a JSON text says.

    One Markdown fence around the whole is taken for packaging. Whole numbers come as
    int, others as `Number`. Half of a surrogate pair becomes U+FFFD.

    Raises
    ------
    ValueError
        It is no JSON text, or says two things: a repeated name, NaN, text after its
        end, more than 100 levels. The message says where.
    """
    text = text.strip("\ufeff \t\r\n")
    if fence := _FENCE.fullmatch(text):
        text = fence["inside"]
    if not text.strip():
        raise ValueError("it is empty")
    try:
        value = json.loads(
            text,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        near = text[max(error.pos - 10, 0) : error.pos + 10]
        raise ValueError(
            f"{error.msg} at line {error.lineno}, column {error.colno}, near {near!r}"
        ) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _depth(value) > DEEPEST:
        raise ValueError("it is nested too deeply")
    return _without_halves(value) if _HALF.search(text) else value


def write(value: Any, indent: int | None = None, level: int = 0) -> str:
    """Return JSON text of what `read` gave, each number as it was written."""
    if isinstance(value, Number):
        return value.text
    if not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    inner = [
        write(v, indent, level + 1)
        if isinstance(value, list)
        else f"{json.dumps(v, ensure_ascii=False)}: {write(value[v], indent, level + 1)}"
        for v in value
    ]
    start, end = "[]" if isinstance(value, list) else "{}"
    if indent is None:
        return f"{start}{', '.join(inner)}{end}"
    gap = "\n" + " " * indent * (level + 1)
    return f"{start}{gap}{f',{gap}'.join(inner)}\n{' ' * indent * level}{end}"


def plain(value: Any) -> Any:
    """Return the same with Python's own floats."""
    if isinstance(value, Number):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return found


def _depth(value: Any) -> int:
    deepest, open_ = 0, [(value, 1)]
    while open_:
        inner, level = open_.pop()
        deepest = max(deepest, level)
        if isinstance(inner, (dict, list)):
            parts = inner.values() if isinstance(inner, dict) else inner
            open_ += [(part, level + 1) for part in parts]
    return deepest


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_halves(k): _without_halves(v) for k, v in value.items()}
    return [_without_halves(v) for v in value] if isinstance(value, list) else value
