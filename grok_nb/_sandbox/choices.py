"""Which of the listed values a text means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import senses, values, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Field, Source

_WORD = re.compile(r"[^\W_]+")
_NEGATION = words.listed(
    "not no isn never non un without nicht kein keine pas sin senza"
)
# An option that is said anywhere counts if it is at least that long.
_TELLING = 4
_WINDOW = 60


def pick(
    options: list[Any], texts: list[str], field: Field, source: Source
) -> int | None:
    """
    Pick an option, None if the text means none.

    Parameters
    ----------
    options : list
        The values of an enum. Any: JSON.
    texts : list of str
        What stands after labels that fit, the best first.

    Returns
    -------
    int or None
        The place of the option in the list.
    """
    if field.has("currency") or _are_currencies(options):
        found = _currency(options, texts, source)
        if found is not None:
            return found
    for text in texts:
        found = _in_label(options, text, source)
        if found is not None:
            return found
    if texts and not field.has("sentiment"):
        # What the label says is none of them, and nothing else in the text is.
        return None
    for _, start, end in source.spoken(field):
        near = source.text[max(0, start - _WINDOW) : end + _WINDOW]
        found = _said(options, near, length=1)
        if found is None:
            found = senses.meant(options, source.text[end : end + _WINDOW])
        if found is not None:
            return found
    found = _said(options, source.free, length=_TELLING)
    if found is None and field.has("sentiment", "payment"):
        by_mood = field.has("sentiment")
        found = (senses.mood if by_mood else senses.meant)(options, source.free)
    return found


def _are_currencies(options: list[Any]) -> bool:
    codes = [one for one in options if isinstance(one, str)]
    return bool(codes) and all(
        len(one) == 3 and one.isupper() and one in set(values.currencies(one))
        for one in codes
    )


def _currency(options: list[Any], texts: list[str], source: Source) -> int | None:
    for text in (*texts, source.text):
        for code in values.currencies(text):
            for place, option in enumerate(options):
                if isinstance(option, str) and option.upper() == code:
                    return place
    return None


def _in_label(options: list[Any], text: str, source: Source) -> int | None:
    flat = words.plain(text.strip(" ."))
    for place, option in enumerate(options):
        if isinstance(option, str) and words.plain(option) == flat:
            return place
    found = _said(options, text, length=1)
    if found is not None:
        return found
    for place, option in enumerate(options):
        if isinstance(option, bool):
            if values.yes_or_no(text) is option:
                return place
        elif isinstance(option, int | float) and any(
            number.value == option for number in source.numbers(text)
        ):
            return place
    found = senses.meant(options, text)
    if found is not None:
        return found
    meant = words.read(text)
    for place, option in enumerate(options):
        if isinstance(option, str) and meant and words.read(option) == meant:
            return place
    for place, option in enumerate(options):
        # A value may be abbreviated, or the option may be.
        if isinstance(option, str) and len(flat) > 1:
            short, long = sorted((words.plain(option), flat), key=len)
            if short and long.startswith(short) and " " not in long:
                return place
    return None


def mentioned(options: list[Any], text: str) -> list[Any]:
    """Give all options that a text says, in the order of the options."""
    said = {rank[2] for rank in _ranks(options, text, _TELLING)}
    return [option for number, option in enumerate(options) if number in said]


def _said(options: list[Any], text: str, length: int) -> int | None:
    """Give the option that is said, if it is one; else the one said first."""
    best = min(_ranks(options, text, length), default=None)
    return best[2] if best else None


def _ranks(
    options: list[Any], text: str, length: int
) -> Iterator[tuple[int, int, int]]:
    """Give where each option that is said is said first, and its number at the end."""
    spoken = [words.plain(word) for word in _WORD.findall(text)]
    places: dict[str, list[int]] = {}
    for place, word in enumerate(spoken):
        places.setdefault(word, []).append(place)
        root = words.stem(word)
        if root != word:
            places.setdefault(root, []).append(place)
    for number, option in enumerate(options):
        if not isinstance(option, str) or len(option) < length:
            continue
        wanted = words.split(option)
        for at in _sequence(wanted, spoken, places) if wanted else ():
            if not (at > 0 and spoken[at - 1] in _NEGATION):
                # The longer option wins: "not paid" before "paid".
                yield at, -len(wanted), number
                break


def _sequence(
    wanted: list[str], spoken: list[str], places: dict[str, list[int]]
) -> Iterator[int]:
    starts = places.get(wanted[0]) or places.get(words.stem(wanted[0])) or []
    for at in starts[:100]:
        said = spoken[at + 1 : at + len(wanted)]
        if said == wanted[1:]:
            yield at


def truth(field: Field, source: Source) -> bool | None:
    """Tell whether a text says of itself what a field is called (is_urgent)."""
    named = words.split(field.key)
    telling = [word for word in named if len(word) > 3 and words.concept(word)]
    if not telling:
        return None
    spoken = [words.plain(word) for word in _WORD.findall(source.text)]
    for place, word in enumerate(spoken):
        for wanted in telling:
            if word in {f"un{wanted}", f"non{wanted}", f"in{wanted}"}:
                return False
            if word == wanted or (
                len(wanted) > 4 and words.stem(word) == words.stem(wanted)
            ):
                before = spoken[max(0, place - 3) : place]
                after = spoken[place + 1 : place + 2]
                if after and after[0] in {"yes", "no", "true", "false"}:
                    return after[0] in {"yes", "true"}
                return not _NEGATION.intersection(before)
    return None
