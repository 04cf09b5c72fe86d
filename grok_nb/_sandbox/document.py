"""
What a text holds by its layout: labelled values, tables and lists.

A text is read in its first 300,000 characters, about a hundred pages, and each of its
lines in its first 2,000: no text makes the sandbox think for longer than seconds.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import grid, lines, words
from .lines import Line, clean, is_label

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARACTERS = 300_000
MAX_LINE = 2_000
_MAX_BLOCK = 7
_MAX_NESTING = 30
_MAX_ENTRIES = 2_000
# Labels that stand alone on their line, without a colon, are guesses.
GUESS = 0.9

# Columns of a table of items, which has no labels of the whole.
_ITEMS = ({"quantity", "unit"}, {"description", "sku", "price", "category"})
_FENCE = re.compile(r"```[a-z]{0,10}\n")
_CELL_TAG = re.compile(
    r"</(?:t[dh]|dt)>\s{0,20}<(?:t[dh]|dd)(?:\s[^<>]{0,200})?>", re.IGNORECASE
)
_ROW_TAG = re.compile(
    r"(?:\s{0,20}</?(?:tr|t(?:body|head|foot)|d[ldt])(?:\s[^<>]{0,100})?>\s{0,20}){1,8}",
    re.IGNORECASE,
)
_BLOCK_TAG = re.compile(
    r"</?(?:br|p|div|li|[uo]l|h[1-6]|table|html|body)(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(?:b|i|u|a|span|t[dh]|strong|em|small|head|title)(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """
    A value and its label.

    Parameters
    ----------
    label, value : str
        As written, without marks of layout.
    section : str
        The heading it stands under.
    block : tuple of str
        The value with the lines that go on with it.
    strength : float
        Less than 1 for what may be no label.
    line : int
        Where it is.
    """

    label: str
    value: str
    section: str = ""
    block: tuple[str, ...] = ()
    strength: float = 1.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    section: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines that belong together: bullets, or what follows a label."""

    label: str
    entries: tuple[str, ...]
    bulleted: bool


@dataclass(slots=True)
class Document:
    """A text, and what its layout says."""

    text: str
    pairs: list[Pair] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    # Numbers of the lines that are rows of a table.
    tabled: set[int] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)


def read(text: str) -> Document:
    """Find the labelled values, tables and lists of a text."""
    text = text[:MAX_CHARACTERS]
    document = Document(text)
    rest: list[str] = []
    place = 0
    for low in _json_starts(text):
        try:
            value, high = json.JSONDecoder().raw_decode(text, low)
            _flatten(value, "", document, 0)
        except (ValueError, RecursionError):
            continue
        # What was read as JSON is not read as lines again.
        rest += [text[place:low], "\n" * text.count("\n", low, high)]
        place = high
    text = "".join([*rest, text[place:]])
    if "<" in text:
        text = _without_tags(text)
    _Reader(document, text).read()
    return document


def _without_tags(text: str) -> str:
    """Write tables of HTML with bars, and its blocks as lines."""
    plain = _TAG.sub(
        "", _BLOCK_TAG.sub("\n", _ROW_TAG.sub("\n", _CELL_TAG.sub(" | ", text)))
    )
    return text if plain == text else html.unescape(plain)


def _json_starts(text: str) -> Iterator[int]:
    """Give where JSON may begin: at the start of the text, or in fenced blocks."""
    if text.lstrip()[:1] in {"{", "["}:
        yield len(text) - len(text.lstrip())
        return
    place = 0
    while opening := _FENCE.search(text, place):
        closing = text.find("\n```", opening.end() - 1)
        if closing < 0:
            return
        yield opening.end()
        place = closing + len("\n```")


def _flatten(value: Any, path: str, document: Document, depth: int) -> None:
    """Take JSON apart; Any: whatever it holds."""
    if depth > _MAX_NESTING:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict):
                _flatten(inner, f"{path} {key}".strip(), document, depth + 1)
            elif isinstance(inner, list):
                _list_of_json(inner, key, document)
            elif inner is not None:
                shown = inner if isinstance(inner, str) else json.dumps(inner)
                block = tuple(shown.splitlines()[:_MAX_BLOCK])
                document.pairs.append(Pair(key, shown.strip(), path, block))
    elif isinstance(value, list):
        _list_of_json(value, path, document)


def _list_of_json(values: list[Any], label: str, document: Document) -> None:
    objects = [one for one in values if isinstance(one, dict)]
    if objects:
        keys = dict.fromkeys(key for one in objects for key in one)
        header = tuple(keys)[: grid.MAX_COLUMNS]
        rows = tuple(tuple(_cell(one.get(key)) for key in header) for one in objects)
        document.tables.append(Table(header, rows, label))
    elif values:
        document.listings.append(
            Listing(label, tuple(_cell(one) for one in values), bulleted=True)
        )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Reader:
    """One pass over the lines, with a look ahead for blocks."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        document.lines = text.splitlines()
        self._lines = [
            lines.line(raw[:MAX_LINE], n) for n, raw in enumerate(document.lines)
        ]
        self._splits: dict[int, bool] = {}
        self._heading = ""
        self._section = ""
        self._section_indent = -1

    def read(self) -> None:
        place = 0
        while place < len(self._lines):
            place += self._table(place) or self._one(place)

    def _one(self, place: int) -> int:
        line = self._lines[place]
        if not line.text:
            self._close()
            return 1
        if line.heading:
            self._heading = self._section = line.text.rstrip(":")
            self._section_indent = -1
            head, _, rest = line.text.partition(":")
            if rest.strip():
                self._pair(head, rest, place, 1.0)
            else:
                self._label_alone(place, line.text.rstrip(":"), GUESS, heading=True)
            return 1
        if line.indent <= self._section_indent and not line.bullet:
            self._close()
        pairs = lines.split(line.text)
        if pairs and line.bullet and pairs[0][2] < 1:
            return self._bullets(place, self._section)
        if pairs:
            for label, value, strength in pairs:
                self._pair(label, value, place, strength)
            return 1
        if line.text.endswith((":", "\uff1a")):
            label = line.text[:-1].strip()
            if is_label(label):
                return self._label_alone(place, label, 1.0)
            return self._listing(place, label)
        if line.bullet:
            return self._bullets(place, self._section)
        if is_label(line.text) and len(line.text.split()) <= 5:
            self._label_alone(place, line.text, GUESS)
        return 1

    def _close(self) -> None:
        """End the section that a label began: at a blank line, or where it dedents."""
        self._section = self._heading
        self._section_indent = -1

    def _is_pair(self, line: Line) -> bool:
        known = self._splits.get(line.number)
        if known is None:
            known = bool(lines.split(line.text, strong=True))
            self._splits[line.number] = known
        return known

    def _pair(self, label: str, value: str, place: int, strength: float) -> None:
        label, value = clean(label), clean(value)
        if not is_label(label) or not value:
            return
        block = [value]
        here = self._lines[place]
        for line in self._lines[place + 1 : place + _MAX_BLOCK]:
            goes_on = line.text and not line.bullet and not line.heading
            if not goes_on or line.text.endswith(":") or self._is_pair(line):
                break
            if line.indent <= here.indent and strength < 1:
                break
            block.append(line.text)
        self._document.pairs.append(
            Pair(label, value, self._section, tuple(block), strength, place)
        )

    def _label_alone(
        self, place: int, label: str, strength: float, *, heading: bool = False
    ) -> int:
        """Read what follows a label that has its line for itself."""
        here = self._lines[place]
        start = place + 1
        if (
            start < len(self._lines)
            and not self._lines[start].text
            and strength >= GUESS
        ):
            start += 1
        block: list[str] = []
        for line in self._lines[start : start + _MAX_BLOCK]:
            if not line.text or line.bullet or line.heading:
                break
            if line.text.endswith(":") or self._is_pair(line):
                break
            block.append(clean(line.text))
        if block and (start == place + 1 or strength == 1 or heading):
            self._document.pairs.append(
                Pair(
                    label, block[0], self._heading, tuple(block), strength * 0.97, place
                )
            )
        if strength < 1:
            if len(block) > 1:
                listing = Listing(label, tuple(block), bulleted=False)
                self._document.listings.append(listing)
            return 1
        self._section, self._section_indent = label, -1
        following = self._lines[start] if start < len(self._lines) else here
        if following.indent > here.indent:
            self._section_indent = here.indent
        return self._listing(place, label)

    def _listing(self, place: int, label: str) -> int:
        """Read the lines after a label as a list, without taking pairs from them."""
        start = place + 1
        while start < len(self._lines) and not self._lines[start].text:
            start += 1
        if start < len(self._lines) and self._lines[start].bullet:
            self._section_indent = self._lines[place].indent
            self._bullets(start, label)
            entries = self._entries(start)
            # Bullets that are pairs are read as such, too.
            if any(lines.split(entry, strong=True) for entry in entries):
                return start - place
            return start - place + len(entries)
        entries = []
        for line in self._lines[start : start + _MAX_BLOCK * 3]:
            if not line.text or line.heading or line.text.endswith(":"):
                break
            entries.append(line.text)
        if entries:
            self._document.listings.append(
                Listing(label, tuple(entries), bulleted=False)
            )
        return 1

    def _entries(self, place: int) -> list[str]:
        indent = self._lines[place].indent
        entries: list[str] = []
        for line in self._lines[place : place + _MAX_ENTRIES]:
            if line.bullet and line.indent <= indent + 1:
                entries.append(line.text)
            elif line.text and line.indent > indent and entries:
                entries[-1] += "\n" + line.text
            else:
                break
        return entries

    def _bullets(self, place: int, label: str) -> int:
        entries = self._entries(place)
        if entries:
            self._document.listings.append(
                Listing(label, tuple(entries), bulleted=True)
            )
        taken = sum(1 + entry.count("\n") for entry in entries)
        for line in self._lines[place : place + taken]:
            if ticked := lines.TICK.fullmatch(line.raw):
                self._pair(ticked["label"], ticked["value"], line.number, 1.0)
        for number, entry in enumerate(entries[:100]):
            for pair in lines.split(entry):
                if pair[2] < 1:
                    self._pair(
                        pair[0],
                        pair[1],
                        min(place + number, len(self._lines) - 1),
                        pair[2],
                    )
        return max(1, taken)

    def _table(self, place: int) -> int:
        """Read a table that begins here; give the lines it takes."""
        found = grid.read(self._lines, place)
        if found is None:
            return 0
        taken, rows = found
        self._document.tabled.update(range(place, place + taken))
        self._tabulate(rows, place)
        return taken

    def _tabulate(self, rows: list[tuple[str, ...]], place: int) -> None:
        document = self._document
        width = max(map(len, rows))
        header, *body = rows
        if width == 2:
            for row in rows:
                if len(row) == 2:
                    self._table_pair(row[0], row[1], place)
        elif len(body) == 1 and not all(
            one.intersection(c for name in header for c in words.read(name))
            for one in _ITEMS
        ):
            for name, cell in zip(header, body[0], strict=False):
                self._table_pair(name, cell, place)
        whole = []
        for row in body:
            filled = [cell for cell in row if cell]
            if len(filled) == 2 < width and filled[0]:
                self._table_pair(filled[0], filled[1], place)
            if len(filled) > 1:
                whole.append(row)
        document.tables.append(Table(header, tuple(whole), self._section))

    def _table_pair(self, label: str, value: str, place: int) -> None:
        label = label.rstrip(":").strip()
        if is_label(label) and value:
            self._document.pairs.append(
                Pair(label, clean(value), self._section, (value,), 0.98, place)
            )
