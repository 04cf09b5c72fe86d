"""How a reply's text is shown: as Markdown, plain text, JSON, code or mathematics."""

from __future__ import annotations

import json
import re

FORMATS = ("md", "text", "json", "code", "math")
#: Strings, punctuation and the rest of valid JSON text.
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_LONGEST_JSON = 1_000_000
_TEX = re.compile(r"\$|\\\(|\\\[|\\begin\{")
#: What moves a terminal's cursor, changes its title or fills its clipboard.
_CONTROLS = {
    code: "\ufffd"
    for code in (*range(32), *range(127, 160))
    if chr(code) not in "\n\t\r"
}


def as_html(text: str, how: str) -> str:
    """Return safe HTML of a text.

    Parameters
    ----------
    text
        The model's.
    how
        One of `FORMATS`: ``md``, ``text`` (as it is), ``json`` (indented and
        coloured), ``code`` (the first fenced block), ``math`` (typeset as a whole).
        What does not fit is shown as it is.
    """
    from .safe_html import escape_text, first_code, safe_html

    if how == "text":
        return f'<pre style="white-space:pre-wrap">{escape_text(text)}</pre>'
    if how == "json":
        return safe_html(fenced(as_text(text, how), "json"))
    if how == "code":
        language, code = first_code(text) or ("", text)
        return safe_html(fenced(code, language))
    if how == "math" and not _TEX.search(text):
        return safe_html(f"$$\n{text.strip()}\n$$")
    return safe_html(text)


def as_text(text: str, how: str) -> str:
    """Return the plain text that stands for `as_html` where HTML is not shown."""
    if how not in ("json", "code"):
        return text
    from .safe_html import first_code

    found = first_code(text)
    block = found[1].removesuffix("\n") if found else text
    if how == "code":
        return block
    for candidate in (text, block):
        if (indented := _indented(candidate)) is not None:
            return indented
    return text


def without_controls(text: str) -> str:
    """Return the text without what a terminal would obey."""
    return text.translate(_CONTROLS)


def _indented(text: str) -> str | None:
    """Return JSON text with line breaks; numbers and names stay as they were written."""
    if len(text) > _LONGEST_JSON:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    marks, depth = _JSON.findall(text), 0
    for position, mark in enumerate(marks):
        following = marks[position + 1] if position + 1 < len(marks) else ""
        if mark in "]}":
            depth -= 1
            if marks[position - 1] not in "[{":
                parts.append("\n" + "  " * depth)
        parts.append(mark)
        if mark in "[{":
            depth += 1
            if following not in "]}":
                parts.append("\n" + "  " * depth)
        elif mark == ",":
            parts.append("\n" + "  " * depth)
        elif mark == ":":
            parts.append(" ")
    return "".join(parts)


def fenced(code: str, language: str) -> str:
    """Return code as a fenced block of Markdown, whatever it holds."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code.removesuffix(chr(10))}\n{fence}"
