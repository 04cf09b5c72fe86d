"""What a request asks for beside its own words, and its parts that ask for one thing each."""

# The signs that typography has for dashes, quotes and times are looked for.
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import values

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is said, and the words of functions that it asks for.
_MEANT = (
    (
        "translate translation",
        (
            r"how (?:do|would|can) (?:you|i|we|one) say|what is .{1,80} in (?:french|german|spanish"
            r"|italian|dutch|portuguese|english|japanese|chinese)\b|wie sagt man|was hei(?:ß|ss)t .{1,80} auf"
            r"|comment dit-on|c[oó]mo se dice|come si dice|hoe zeg je|como se diz|übersetz\w{0,3}|tradui\w{1,3}"
        ),
    ),
    (
        "weather forecast",
        (
            r"how (?:warm|cold|hot|windy|sunny)|\brain(?:ing|y)?\b|\bsnow(?:ing)?\b|umbrella|wie (?:warm|kalt|heiß)"
            r"|regne[tn]|regenschirm|quel temps|fait-il (?:chaud|froid|beau)|pleut|qu[eé] tiempo|hace (?:calor|fr[ií]o)"
            r"|che tempo|fa (?:caldo|freddo)|hoe warm|hoe koud"
        ),
    ),
    (
        "alarm wake timer",
        r"wake me|weck(?:e|er)?\b|réveil\w{0,4}|despert\w{1,5}|svegli\w{1,4}|wekker",
    ),
    (
        "remind reminder",
        r"remind me|erinner\w{0,3} mich|rappelle-moi|recu[eé]rdame|ricordami|herinner me|don.t let me forget",
    ),
    (
        "thermostat temperature heating",
        (
            r"turn .{0,40}\b(?:up|down)\b.{0,30}\bdegrees|(?:set|make|heat|cool) .{0,40}\bdegrees|warmer|cooler"
            r"|\bheizung\b|stelle? .{0,40}\bgrad\b"
        ),
    ),
    (
        "price cost",
        (
            r"how much (?:is|are|does|do|for)|what (?:does|do) .{1,80} cost|(?:was|wie ?viel) kostet|combien co[uû]te"
            r"|cu[aá]nto cuesta|quanto costa|hoeveel kost|quanto custa"
        ),
    ),
    (
        "email mail message",
        r"\bmail (?:to )?\S{1,60}@|schreib\w{0,2} (?:eine )?(?:e-?)?mail|écris .{0,20}mail",
    ),
    ("search find", r"look up|google|suche? nach|cherche|busca\b|cerca\b|zoek\b"),
    (
        "event calendar appointment",
        r"put .{1,80} in (?:my|the) (?:calendar|diary)|termin|rendez-vous|\bcita\b",
    ),
    ("order", r"\bbestell\w{0,3}\b|commande[rz]?\b|\bpedir\b"),
    (
        "book flight",
        r"\bfly (?:me )?(?:from|to)\b|\bbuch\w{0,2} .{0,30}\bflug\b|\bréserve\w{0,2} un vol\b",
    ),
)
_ASKED = tuple(re.compile(said, re.IGNORECASE) for _, said in _MEANT)
_END = re.compile(
    r"(?<=\w\w)[.?!]\s{1,3}(?=[^\W\d_])|[;\n]\s{0,3}|,?\s(?:and|then|und|dann|et|puis|y|luego|e|poi|en|dan|also)"
    r"(?:\s(?:then|also|dann|auch))?\s|,\s(?=(?:then|set|send|book|convert|tell|what|how|show|give)\b)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“„«][^\"“”„«»\n]{1,200}[\"”“»]")
_TICKER = re.compile(r"(?<![\w.-])[A-Z]{3,5}(?![\w.-])")
_MAX_PARTS = 40


def meant(prompt: str) -> Iterator[str]:
    """Give the words of functions that a request asks for in other words."""
    codes = set(values.currencies(prompt))
    has_ticker = any(one not in codes for one in _TICKER.findall(prompt))
    if has_ticker:
        yield from ("stock", "share", "ticker")
    if len(codes) > 1 and next(values.numbers(prompt), None):
        yield from ("convert", "currency", "exchange")
    for (words, _), said in zip(_MEANT, _ASKED, strict=True):
        if said.search(prompt) and not (words == "price cost" and len(codes) > 1):
            yield from words.split()
            if words == "price cost" and not has_ticker:
                yield "product"


def parts(prompt: str) -> list[str]:
    """Cut a request where another one may begin, but not in quoted words."""
    inside = [one.span() for one in _QUOTED.finditer(prompt)]
    cuts = [
        (one.start() + (prompt[one.start()] in ".?!"), one.end())
        for one in _END.finditer(prompt)
        if not any(low < one.start() < high for low, high in inside)
    ][:_MAX_PARTS]
    places = [0, *(high for _, high in cuts)]
    ends = [*(low for low, _ in cuts), len(prompt)]
    return [prompt[low:high] for low, high in zip(places, ends, strict=True)]
