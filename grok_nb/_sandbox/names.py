"""The places, people and things that a request in a sentence or two names."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import addresses, dates, prose, words

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPLIT = re.compile(
    r"\s{0,3},?\s{1,3}(?:and|or|und|et|y|e|&|vs\.?|versus|than)\s{1,3}"
    r"(?:(?:in|for|of)\s{1,3})?|\s{0,3}[,;/]\s{1,3}"
)
_AFTER = re.compile(
    r"\b(?:in|for|of|at|near|around|to|from|between|visit|is|über|für|nach|à|en|de|pour)\s{1,3}"
    r"(?:the\s(?:city|town|region|state)\sof\s|downtown\s|central\s)?",
    re.IGNORECASE,
)
_LOWER_PLACE = re.compile(
    r"\b(?:in|at|for|near|around)\s{1,3}(?:(?:the|my|our)\s)?([a-z][a-z'-]{2,20}(?:\s[a-z][a-z'-]{2,20}){0,2})"
    r"(?=\s{0,3}(?:[?.!,]|$|\s(?:right now|today|tomorrow|now|please|and|in|on|at|this|next)\b))"
)
FROM = re.compile(r"\b(?:from|von|de|depuis|desde|da)\s{1,3}", re.IGNORECASE)
TO = re.compile(r"\b(?:to|into|nach|à|zu|a|in)\s{1,3}", re.IGNORECASE)
WITH = re.compile(
    r"\b(?:with|invite|inviting|between|attendees:?|mit|avec)\s{1,3}", re.IGNORECASE
)
FOR = re.compile(r"\b(?:for|of)\s{1,3}")
TICKER = re.compile(r"(?<![\w$.])\$?([A-Z]{1,5}(?:\.[A-Z]{1,2})?)(?![\w'’])")
RELATIVE = re.compile(
    r"\b(today|tonight|tomorrow|yesterday|now|(?:next|this|last)\s(?:week|month|year"
    r"|weekend|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:on\s)?(?:monday"
    r"|tuesday|wednesday|thursday|friday|saturday|sunday)|heute|morgen|demain|mañana)\b",
    re.IGNORECASE,
)
_REGION = re.compile(r",\s([A-Z]{2}\b|[A-Z][\w.]{1,40}(?:\s[A-Z]\w{1,40}){0,2})")
_CAPITALISED = re.compile(r"(?<!\w)[^\W\d_a-zà-ÿ][\w'’-]+")
ROOM = re.compile(
    r"\b(?:(?:living|dining|bed|bath|guest|laundry|meeting|kids)\s?room|kitchen|bedroom|bathroom|office|hall(?:way)?"
    r"|garage|nursery|study|basement|attic|porch|patio|cellar|küche|schlafzimmer|wohnzimmer|badezimmer|bad|büro"
    r"|flur|keller|kinderzimmer|esszimmer|cuisine|salon|chambre|salle de bains?|bureau|cocina|dormitorio|baño|cucina"
    r"|soggiorno|bagno|keuken|slaapkamer|woonkamer|cozinha|quarto|sala)\b",
    re.IGNORECASE,
)
THING = re.compile(
    r"\b(?:how much (?:is|are|does|do|for)|prices? (?:of|for)|costs? of|what (?:does|do)|order(?: of)?|buy|"
    r"(?:was|wie ?viel) kosten?t?|combien co[uû]tent?|cu[aá]nto cuestan?|quanto costano?|availability of|stock of)"
    r"\s(?:(?:the|a|an|of|our|your|der|die|das|le|la|les|el|il)\s|\d{1,6}\s(?:x\s)?){0,2}"
    r"(?P<thing>[^\n?!.;,]{2,60}?)(?=\s(?:costs?|for|to|from|in|at|today|now|right now|please)\b|[?!.;,\n]|$)",
    re.IGNORECASE,
)
ADDED = re.compile(
    r"\b(?:add|put|buy|get|order|include|append|setze?|f[uü]ge?|ajoute[rz]?|a[nñ]ade|aggiungi|voeg|adicion\w{1,3})"
    r"\s(?P<things>[^\n.?!;]{2,200}?)(?=\s(?:to|on|onto|into|auf|zu[rm]?|à|a|al|alla|aan|from|for)\s|[\n.?!;]|$)",
    re.IGNORECASE,
)
_NO_PLACE = words.listed(
    "i the a an what what's whats how is are can could please tell show give get find "
    "compare which who when where why do does did will would celsius fahrenheit kelvin "
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow now usd eur "
    "english french german spanish also and or but hi hello hey ok thanks metric imperial "
    "send book write create search look check me my my you your it its this that "
    "stock ticker detail details us-dollar order invoice turn switch put set add remind "
    "play call start stop open close translate convert schedule cancel buy delete update "
    "make calculate compute enable disable activate deactivate"
)


def pieces(match: re.Match[str] | None) -> list[list[str]]:
    """Give the things of a request to add some, as one list, or nothing."""
    found = [one.strip() for one in _SPLIT.split(match["things"])] if match else []
    return [[one for one in found if one]] if found else []


class Names:
    """
    What a request names.

    Parameters
    ----------
    text : str
        The request.
    options : set of str
        Words that are no names, such as the options of an argument.
    """

    def __init__(self, text: str, options: set[str]) -> None:
        self._text = text
        self._options = options

    def proper(self, start: int) -> str | None:
        """Give the name that begins somewhere, with the state or country after it."""
        found = prose.proper(self._text, start)
        if not found or self._is_common(found):
            return None
        # "San Francisco, CA" and "Paris, France" are one place.
        rest = _REGION.match(self._text, start + len(found))
        if rest and (
            addresses.is_state(rest.group(1)) or addresses.is_country(rest.group(1))
        ):
            return f"{found}, {rest.group(1)}"
        return found

    def _is_common(self, text: str) -> bool:
        flat = words.plain(text)
        return flat in _NO_PLACE or flat in self._options or dates.is_month(flat)

    def places(self) -> list[str]:
        """Give the places that the request names."""
        found: list[str] = []
        for match in _AFTER.finditer(self._text):
            place = self.proper(match.end())
            if place and place not in found:
                found += self.enumerated(place, match.end())
        # "The price of AAPL and the weather in Rome": AAPL is no place there.
        found = [one for one in found if not TICKER.fullmatch(one)] or found
        if not found:
            found = [
                one for m in _LOWER_PLACE.finditer(self._text) for one in self._lower(m)
            ]
        if not found:
            found = list(self._any_proper())
        return found

    def enumerated(self, first: str, start: int) -> list[str]:
        """Go on from one name to those that follow after commas and "and"."""
        found = [first]
        place = start + len(first)
        while match := _SPLIT.match(self._text, place):
            following = self.proper(match.end())
            if following is None or len(found) > 50:
                break
            found.append(following)
            place = match.end() + len(following)
        return found

    def _lower(self, match: re.Match[str]) -> Iterator[str]:
        said = [
            word
            for word in match.group(1).split()
            if word not in _NO_PLACE and word not in self._options
        ]
        if (
            said
            and said[0] == match.group(1).split()[0]
            and not RELATIVE.search(said[0])
        ):
            yield " ".join(said)

    def _any_proper(self) -> Iterator[str]:
        place = 0
        for match in _CAPITALISED.finditer(self._text):
            if match.start() < place:
                continue
            found = self.proper(match.start())
            known = any(map(words.is_known, words.read(found or "")))
            if found and not known:
                yield found
                place = match.start() + len(found)
