"""What a value means, whatever its language: "beglichen" is paid, "Visa" is a card."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from . import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[^\W_]+|[✓✔☑✅✗✘☐❌✕✖☒%]")
_NEGATION = words.listed(
    "not no isn never non un without nicht kein keine keinen pas sin senza nao niet geen"
)
_MAX_PHRASE = 5
_MAX_WORDS = 5_000

Phrase = tuple[str, ...]
# What a phrase stands for: the names of a sense, the likeliest first.
_SENSES: dict[Phrase, list[Phrase]] = {}
for _phrase, _names in words.lexicon("values"):
    _SENSES.setdefault(_phrase, []).append(_names)
YES, NO = (
    frozenset(p[0] for p, n in _SENSES.items() if len(p) == 1 and (answer,) in n)
    for answer in ("yes", "no")
)


@lru_cache(maxsize=2_000)
def said(text: str) -> tuple[tuple[Phrase, ...], ...]:
    """Give the senses of the phrases of a text, in order, the longest phrases first."""
    spoken = [words.plain(word) for word in _WORD.findall(text)[:_MAX_WORDS]]
    found: list[tuple[Phrase, ...]] = []
    place = 0
    while place < len(spoken):
        size = 1
        for length in range(min(_MAX_PHRASE, len(spoken) - place), 0, -1):
            senses = _SENSES.get(tuple(spoken[place : place + length]))
            if senses:
                size = length
                if not (place and spoken[place - 1] in _NEGATION):
                    found.append(tuple(senses))
                break
        place += size
    return tuple(found)


def _fit(option: str, senses: tuple[Phrase, ...]) -> int | None:
    """Give how well an option names one of the senses of a phrase, 0 the best."""
    flat = "_".join(words.split(option))
    ranks = [names.index(flat) for names in senses if flat in names]
    if ranks:
        return min(ranks)
    own = _SENSES.get(tuple(flat.split("_")), [])
    return 9 if any(names in senses for names in own) else None


def meant(options: list[object], text: str) -> int | None:
    """Give the place of the option that a text means, None if it means none."""
    for senses in said(text):
        ranks = sorted(_ranked(options, senses))
        if ranks:
            return ranks[0][1]
    return None


def _ranked(
    options: list[object], senses: tuple[Phrase, ...]
) -> Iterator[tuple[int, int]]:
    for place, option in enumerate(options):
        rank = _fit(option, senses) if isinstance(option, str) else None
        if rank is not None:
            yield rank, place


def mood(options: list[object], text: str) -> int | None:
    """Give the option for the mood of a text, by its words of praise and complaint."""
    votes = {"positive": 0, "negative": 0, "neutral": 0}
    for senses in said(text):
        for names in senses:
            if names[0] in votes:
                votes[names[0]] += 1
    praise, blame = votes["positive"], votes["negative"]
    if not praise + blame + votes["neutral"]:
        return None
    if praise > blame:
        wanted = "positive"
    elif blame > praise:
        wanted = "negative"
    else:
        wanted = "neutral"
    return meant(options, wanted)
