"""Where in a document the value of a field may stand."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import dates, document, values, words
from .document import GUESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Document, Pair
    from .words import Concepts

# A label that fits less than this is another one.
FIT = 0.44
_MAX_LABELS = 2_000
_MAX_MENTIONS = 200
_FORMS = {"email", "website"}
_NAMELESS = {"name", "company", "person", "full"}
_DOCUMENTS = {"invoice", "order", "tracking"}

_WORD = re.compile(r"[nN]\.?[°º]|[#№]|[^\W_]+")
_LINK = re.compile(
    r"(?P<mark>\s{0,20}[:=#(\"'“«–-]{0,2}\s{0,20})(?P<words>(?:(?:is|are|was|were|will be|be|of|at|on"
    r"|by|to|for|the|a|an|as|in|amounts?|comes?|equals?|totals?|stands?|no\.?|number|nr\.?"
    r"|ist|lautet|beträgt|vom|von|am|est|de|du|le|la|es|del|el|é|è|di|being|set|now|only"
    r"|about|approximately|around|currently|called|named|reads|over|über) ){0,5})[\"'“«„(]?",
    re.IGNORECASE,
)
_CLEAR = re.compile(
    r"[:=\"“«„]|\b(?:is|are|was|were|be|called|named|ist|lautet|est|es|reads|as|é|è)\b",
    re.IGNORECASE,
)
_OF = re.compile(
    r"\s(?:(?:of|de|du|des|der|di|da|do|del|della|van)\s|d['’])", re.IGNORECASE
)
_NEAR = re.compile(
    r"[ \t\-/'’]{0,20}(?:(?:of|the|de|du|des|der|del|la|le)\s{1,9}|d['’]){0,2}"
)


@dataclass(frozen=True, slots=True)
class Field:
    """
    A place in a schema, as the words that describe it.

    Parameters
    ----------
    key : str
        Name of the property.
    names : tuple of tuple of str
        Its concepts by name, then by title.
    about : tuple of str
        The concepts of its description.
    context : tuple of str
        The concepts of the objects that it is in.
    """

    key: str = ""
    names: tuple[Concepts, ...] = ()
    about: Concepts = ()
    context: Concepts = ()

    @property
    def wanted(self) -> Concepts:
        """The concepts of the name."""
        return self.names[0] if self.names else ()

    def has(self, *concepts: str) -> bool:
        """Tell whether a name of the field holds one of some concepts."""
        return any(concept in name for name in self.names for concept in concepts)

    def is_plain(self, *kinds: str) -> bool:
        """Tell whether nothing in the name asks for a special one of its kind."""
        rest = set(self.wanted) - set(kinds)
        return not (rest & words.CHARGED)

    def score(self, label: Concepts, section: Concepts = ()) -> float:
        """Give how well a label fits, 0 to 1."""
        if not label:
            return 0.0
        best = 0.0
        for name in self.names:
            best = max(best, words.score(name, label, self.context, section))
            known_by_form = _FORMS.intersection(name)
            if known_by_form and len(name) > 1:
                # "From: Ann <ann@x.org>" holds the e-mail address of the sender.
                rest = tuple(one for one in name if one not in known_by_form)
                less = words.score(rest, label, self.context, section)
                best = max(best, 0.9 * less)
            # The vendor's name stands after "Vendor", the order's number after "Order".
            bare = _NAMELESS.issuperset(name) or (
                "number" in name and _DOCUMENTS.intersection(self.context)
            )
            if self.context and bare:
                whole = (*self.context, *name)
                best = max(best, words.score(whole, label, (), section))
        if best < FIT and self.about and len(self.about) <= 12:
            described = words.score(self.about, label, self.context, section)
            if all(
                max(words.likeness(one, other) for other in self.about) > 0.7
                for one in label
            ):
                described = max(described, 0.6 if len(label) > 1 else described)
            best = max(best, 0.8 * described)
        return best


@dataclass(frozen=True, slots=True)
class Found:
    """
    A value for a place in a schema.

    Parameters
    ----------
    value : JSON
        The value.
    count : int
        How many values in it come from the text; none for null, [] or a constant.
    """

    value: Any
    count: int = 1


def field_of(key: str, schema: dict[str, Any], outer: Field | None = None) -> Field:
    """Describe a property by its name, title and description."""
    names = [words.read(key)]
    title, about = schema.get("title"), schema.get("description")
    for one in schema.get("anyOf") or schema.get("oneOf") or ():
        # What stands beside null describes the field as well.
        about = about or (one.get("description") if isinstance(one, dict) else None)
    if isinstance(title, str) and title and words.read(title) not in names:
        names.append(words.read(title))
    context: Concepts = ()
    if outer is not None:
        above = outer.names[0] if outer.names else ()
        context = tuple(dict.fromkeys((*outer.context, *above)))[-6:]
    described = words.read(about) if isinstance(about, str) else ()
    known = tuple(name for name in names if name)
    return Field(key, known or (described or ("",),)[:1], described, context)


class Source:
    """
    A document, with its ways of writing numbers and dates.

    Parameters
    ----------
    text : str
        What to read.
    whole : Source, optional
        The document that the text is a part of: it decides how numbers are written.
    """

    def __init__(self, text: str, whole: Source | None = None) -> None:
        self.document: Document = document.read(text)
        self.whole = whole
        self.month_first: bool = (
            whole.month_first if whole else dates.is_month_first(text)
        )
        self.decimal_comma: bool | None = (
            whole.decimal_comma if whole else values.has_decimal_comma(text)
        )

    @property
    def text(self) -> str:
        """The whole text."""
        return self.document.text

    @cached_property
    def _groups(self) -> dict[tuple[Concepts, Concepts], list[Pair]]:
        groups: dict[tuple[Concepts, Concepts], list[Pair]] = {}
        for pair in self.document.pairs:
            key = (words.read(pair.label), words.read(pair.section))
            if key in groups or len(groups) < _MAX_LABELS:
                groups.setdefault(key, []).append(pair)
        return groups

    @property
    def label_count(self) -> int:
        """How many different labels there are."""
        return len(self._groups)

    def labelled(self, field: Field) -> list[tuple[float, Pair]]:
        """Give the pairs whose label fits, the best first."""
        found = [
            (score * pair.strength, pair)
            for (label, section), pairs in self._groups.items()
            if (score := field.score(label, section)) * pairs[0].strength >= FIT
            for pair in pairs[:50]
            if pair.strength > GUESS or score >= 0.54
        ]
        return sorted(found, key=lambda one: (-one[0], one[1].line))[:40]

    @cached_property
    def free(self) -> str:
        """The text without tables and without the lines that a known label claims."""
        taken = set(self.document.tabled)
        for pair in self.document.pairs:
            label = words.read(pair.label)
            if pair.strength >= 0.95 and any(map(words.is_known, label)):
                taken.add(pair.line)
        lines = self.document.lines
        return "\n".join(line for n, line in enumerate(lines) if n not in taken)

    @cached_property
    def _mentions(self) -> list[tuple[Concepts, int, int]]:
        text = self.text
        places = [(m.start(), m.end()) for m in _WORD.finditer(text)]
        written = [words.plain(text[low:high]) for low, high in places]
        mentions: list[tuple[Concepts, int, int]] = []
        place = 0
        while place < len(written):
            size, concepts = words.munch(written, place)
            gap = text[places[place][0] : places[place + size - 1][1]]
            if size > 1 and ("\n" in gap or ". " in gap):
                size, concepts = 1, words.concept(written[place])
            if concepts:
                span = (places[place][0], places[place + size - 1][1])
                mentions.append((concepts, *span))
            place += size
        return mentions

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for number, (concepts, _, _) in enumerate(self._mentions):
            for concept in concepts:
                index.setdefault(concept, []).append(number)
        return index

    def spoken(self, field: Field, fit: float = FIT) -> list[tuple[float, int, int]]:
        """Give where sentences mention a field: how well, from where, to where."""
        found: dict[tuple[int, int], float] = {}
        for name in field.names:
            for concept in dict.fromkeys(n for one in name for n in words.kin(one)):
                for number in self._index.get(concept, ())[:_MAX_MENTIONS]:
                    low, high = self._phrase(number, name, field.context)
                    said = tuple(
                        dict.fromkeys(
                            one
                            for concepts, _, _ in self._mentions[low : high + 1]
                            for one in concepts
                        )
                    )
                    score = field.score(said)
                    if score >= fit:
                        span = (self._mentions[low][1], self._mentions[high][2])
                        found[span] = max(score, found.get(span, 0))
        places = [(score, *span) for span, score in found.items()]
        return sorted(places, key=lambda one: (-one[0], one[1]))[:30]

    def _phrase(
        self, number: int, name: Concepts, context: Concepts
    ) -> tuple[int, int]:
        """Widen a mention by the neighbours that belong to the same phrase."""
        low = high = number
        family = {*name, *context}
        while low and number - low < 3 and self._belongs(low - 1, low, family):
            low -= 1
        last = len(self._mentions) - 1
        while high < last and high - number < 3:
            if not self._belongs(high, high + 1, family, forward=True):
                break
            high += 1
        return low, high

    def _belongs(
        self, one: int, other: int, family: set[str], *, forward: bool = False
    ) -> bool:
        gap = self.text[self._mentions[one][2] : self._mentions[other][1]]
        new = self._mentions[other if forward else one][0]
        close = len(gap) <= 2 and not gap.strip(" -/'’")
        close = close or _OF.fullmatch(gap) is not None
        if any(concept in family for concept in new):
            return len(gap) <= 20 and _NEAR.fullmatch(gap) is not None
        # "Delivery date" is not just a date.
        return close and all(map(words.is_known, new))

    def after(self, end: int) -> tuple[int, bool]:
        """Skip what links a label to its value; tell whether the link is clear."""
        match = _LINK.match(self.text, end)
        if match is None:
            return end, False
        return match.end(), _CLEAR.search(match.group()) is not None

    def days(self, text: str) -> Iterator[dates.Found]:
        """Give the dates of a text, read as this document writes them."""
        return dates.find(text, month_first=self.month_first)

    def moments(self, text: str) -> Iterator[tuple[dates.Found, str]]:
        """Give the dates with times of a text."""
        return dates.moments(text, month_first=self.month_first)

    def numbers(self, text: str) -> Iterator[values.Number]:
        """Give the numbers of a text, read as this document writes them."""
        return values.numbers(text, decimal_comma=self.decimal_comma)
