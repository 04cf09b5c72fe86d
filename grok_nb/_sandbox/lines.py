"""Single lines: bullets, headings, labels and the values after them."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from dataclasses import dataclass

from . import dates

MAX_LABEL = 60
_MAX_LABEL_WORDS = 8

_EMPHASIS = re.compile(r"\*\*|__|`|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")
_HEADING = re.compile(
    r"#{1,6}\s+|={1,6}\s{1,9}(?=\S.{0,200}=$)|\[(?=[^\W\d_][\w ]{0,40}\]$)"
)
_BULLET = re.compile(
    r"(?:[-*•‣·–—+▪◦]|\(?\d{1,3}[.)](?!\d)|\(?[a-z][.)]|[-*]?\s?\[[ xX]?\]|[☐☑✓✗])\s+"
)
_SEGMENTS = re.compile(r"\s{2,}|\t|\s\|\s|;\s")
_NEXT_LABEL = re.compile(
    r"(?:,|(?<=\w\w\w)\.)\s{1,9}(?=[^\W\d_][^\W_]{0,20}(?:[ _/.-]{1,2}[\w#°]{1,20}){0,3}\.?\s?:\s)"
)
_COLON = re.compile(
    r"\s?[:\uff1a]{1,2}(?!//)(?!\d\d\b)\s{0,64}(?=\S|$)|\s={1,9}\s|\s?(?:[-=]>|→|⇒)\s?"
)
_WEAK = re.compile(
    r"\s[-–—]{1,2}\s|(?<=\")[;,](?=\")|\s\|\s|\s?\.{3,200}\s?|\s{2,}|\t+|=(?==)?"
)
_SUM = re.compile(
    r"(?P<label>[^\W\d_][^\n]{0,40}?)(?<!\d)\s{1,9}(?P<value>(?:[A-Z]{2,3}\s|[€$£])?[-−]?"
    r"\d[\d.,'’]{0,14}[.,]\d\d(?:\s?(?:[A-Z]{3}|[€$£]))?)"
)
_BRACKETED = re.compile(r"\[([^\[\]]{1,40})\]:?\s{1,9}(?=\S)")
_ASKED = re.compile(r"(?P<label>[^?:\n]{3,60})\?\s{1,9}(?P<value>[^?\n]{1,60})")
_TICKED = re.compile(
    r"(?P<label>[^:\n]{2,60}?)\s{1,9}(?P<value>\[[ xX]?\]|[☐☑✓✗✔✘✅❌☒])"
)
TICK = re.compile(
    r"\s{0,40}[-*]?\s?(?P<value>\[[ xX]?\]|[☐☑✓✗✔✘✅❌☒])\s{1,9}(?P<label>\S.{0,60})"
)
_SENTENCE = re.compile(r"\w{7}\.\s")
_ABBREVIATED = re.compile(r"(?:(?<!\w)\w{1,6}|n[ro]|num|ref|tel|dat)\.$", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a text.

    Parameters
    ----------
    raw : str
        As it stands.
    text : str
        Without indent, bullet and marks of emphasis.
    """

    raw: str
    text: str
    indent: int
    bullet: bool
    heading: bool
    number: int


def line(raw: str, number: int) -> Line:
    """Look at one line."""
    text = raw.strip().removeprefix("> ").strip()
    wide = raw.expandtabs(4)
    indent = len(wide) - len(wide.lstrip())
    heading = _HEADING.match(text)
    if heading:
        text = text[heading.end() :].strip("#=]\t ")
    text, bullet = strip_bullet(text) if not heading else (text, False)
    bold = text.startswith("**") and text.endswith("**") and text.count("**") == 2
    return Line(raw, clean(text), indent, bullet, bool(heading) or bold, number)


def clean(text: str) -> str:
    """Take marks of emphasis, quotes and layout off a value."""
    text = _EMPHASIS.sub("", text).strip().strip("\u200b").strip()
    text = text.strip("|").strip()
    for opening, closing in ('""', "''", "“”", "„“", "«»", "‘’", "<>"):
        if len(text) > 1 and text[0] == opening and text[-1] == closing:
            text = text[1:-1].strip()
    return text


def is_label(text: str) -> bool:
    """Tell whether a text can be the label of a value."""
    return (
        0 < len(text) <= MAX_LABEL
        and _LETTER.search(text) is not None
        and len(text.split()) <= _MAX_LABEL_WORDS
        and "://" not in text
        and text[-1] not in "!;,("
        and (text[-1] != "." or _ABBREVIATED.search(text) is not None)
        and _SENTENCE.search(text) is None
    )


def strip_bullet(text: str) -> tuple[str, bool]:
    """Take a bullet or number off the start of a line."""
    match = _BULLET.match(text)
    if match is None:
        return text, False
    rest = text[match.end() :]
    first = rest.split(maxsplit=1)[:1]
    if match.group()[0].isdigit() and first and dates.is_month(first[0]):
        return text, False
    return rest, bool(rest)


def split(text: str, *, strong: bool = False) -> list[tuple[str, str, float]]:
    """Take one line apart into labels and values."""
    if not text:
        return []
    segments = [part for part in _SEGMENTS.split(text) if part.strip()]
    if len(segments) < 2 or not all(colon(part) for part in segments[:2]):
        segments = [text]
    bracketed = _BRACKETED.match(text)
    if bracketed and is_label(bracketed.group(1)):
        return [(bracketed.group(1), text[bracketed.end() :], 1.0)]
    asked = _ASKED.fullmatch(text) or _TICKED.fullmatch(text)
    if asked and is_label(asked["label"]):
        return [(asked["label"], asked["value"], 1.0)]
    parts = [p for segment in segments for p in _NEXT_LABEL.split(segment)]
    pairs = [(*pair, 1.0) for part in parts if (pair := colon(part))]
    if pairs or strong:
        return pairs
    match = _WEAK.search(text)
    if match and match.start() and match.end() < len(text):
        label, value = text[: match.start()], text[match.end() :]
        if is_label(label.strip()) and len(label.split()) <= 5:
            return [(label.strip(), value.strip(), 0.95)]
    found = _SUM.fullmatch(text)
    if found and is_label(found["label"]) and len(found["label"].split()) <= 4:
        return [(found["label"], found["value"], 0.95)]
    return []


def colon(text: str) -> tuple[str, str] | None:
    """Cut a text at the colon, or what stands for one, after its label."""
    match = _COLON.search(text[: MAX_LABEL + 4])
    if match is None or not match.start() or match.end() >= len(text):
        return None
    label, value = text[: match.start()].strip(), text[match.end() :].strip()
    label = label.strip("\"'“”*_`|·•- ")
    return (label, value.rstrip(",") or value) if is_label(label) and value else None
