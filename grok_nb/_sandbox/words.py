"""Words of labels and field names, in several languages, as concepts to compare."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def listed(text: str, mark: str | None = None) -> frozenset[str]:
    """Give the words of a text, or what stands between marks, as a set."""
    return frozenset(text.split(mark))


_RELATED = """
total balance .85, total amount .7, total price .55, customer recipient .75
vendor sender .75, vendor company .65, sender company .4, customer company .4
customer person .5, number reference .8, number code .65, reference code .6
price amount .7, amount balance .7, unit price .5, description name .65
description title .55, description category .3, delivery shipping .8
shipping recipient .5, delivery recipient .6, name title .4, person name .8
company name .5, place city .8, place address .6, date time .3, issue invoice .6
issue date .3, customer name .2, message note .5, message description .3
shipping fee .4, fee price .6, fee amount .5, tax amount .2, end due .3
event title .7, state region .9, delivery arrival .9, person customer .5
sender person .4, weather temperature .8, account iban .7, description note .3
quote price .6, stock price .2, answer total .3, answer amount .3, region country .4
phone person .3, job title .5, order reference .3, place address .6
count quantity .9, count number .8, value answer .85, value amount .85, server person .5
doctor person .5, patient person .5, patient customer .4, assignee person .5
requester person .5, requester customer .5, requester author .3, requester sender .6
realtor person .4, realtor vendor .6, realtor company .4, landlord vendor .4
employee person .6, employer company .7, organizer person .4, author person .5
author customer .4, instructor person .5, driver person .4, passenger person .6
passenger guest .7, guest person .5, guest customer .7, guest guests .7, holder person .5
holder customer .7, manager person .4, approver person .4, tenant customer .6
chair organizer .3, chair person .3, minutes author .5, airline carrier .7, airline company .4
carrier company .4, carrier vendor .4, sample collection .8, opened issue .4, opened start .4, closed end .6
valid end .6, valid due .5, available start .4, arrival start .5, departure end .5
origin sender .8, origin departure .55, origin place .4, destination recipient .8
destination arrival .55, destination place .5, destination city .3, origin city .3, send date .74, agent assignee .85, agent realtor .85, agent person .5, insured holder .8, rate price .4
doors start .4, signed issue .5, next following .6, admission price .75, admission fee .7
rent price .6, rent amount .5, salary amount .6, salary price .4, deposit amount .4
tip fee .5, tip amount .4, change amount .4, tendered amount .5, tendered payment .4
budget amount .5, employee server .4, receipt invoice .6, receipt number .3, booking reference .6
booking order .75, record reference .5, ticket reference .6, policy reference .5
task description .75, task title .5, task name .4, test name .5, test description .5
assignee name .4, sku reference .4, sku code .6, seats quantity .5, rooms quantity .3
guests quantity .3, parcels quantity .4, nights duration .6, rooms bedrooms .6, area size .7
property category .7, contract category .6, energy category .2, rating answer .2
topics description .3, laboratory company .6, laboratory vendor .5, laboratory sender .4
delivery shipping .8, delivery recipient .6, billing customer .6, rate tax .3
normal reference .5, flag status .5, start departure .4, end arrival .5, discount amount .2
reviewed issue .4, reviewed date .3, built year .7, features description .2, category job .2
doors time .3, message description .5, department assignee .3, due valid .6, year date .2
diagnosis description .3, room place .6, seat seats .5, sentiment rating .2
"""

STOP = listed(
    "the a an of de der die das des du del della di da do dos le la les el los las lo "
    "il l d your our my ihre ihr unser unsere votre notre su tu vostro und and y et e "
    "o or oder ou is are was be this that it its in im for fur pour para per par por "
    "on am by with mit avec con as at dem den ein eine un une una uw van het en s "
    "are needs need should can please which who whose what any all if has have given unique main current "
    "sur zum zur bei au aux e.g eg etc schon bereits already received zzgl plus inkl incl "
    "excl including bitte please will"
)
# Words that say little by themselves: what they belong to decides.
_LIGHT = {
    "number": 0.5, "date": 0.5, "name": 0.35, "amount": 0.35, "address": 0.5,
    "description": 0.5, "invoice": 0.5, "order": 0.6, "code": 0.4, "person": 0.3,
    "company": 0.6, "reference": 0.5, "line": 0.3, "time": 0.5, "full": 0.2,
    "price": 0.6, "unit": 0.6, "count": 0.3, "value": 0.5, "category": 0.7, "event": 0.6, "title": 0.7,
    "list": 0.2, "detail": 0.2, "info": 0.2, "information": 0.2, "field": 0.2,
    "tax": 1.3, "discount": 1.3, "fee": 1.2, "issue": 0.5, "string": 0.2, "format": 0.2, "iso": 0.2, "document": 0.2,
}  # fmt: skip

# Without these words a label is not just shorter but means something else.
CHARGED = listed(
    "due delivery shipping birth start end tax unit subtotal discount fee vendor sender "
    "recipient total balance first last street number payment issue email phone fax "
    "website currency bank account time price amount quantity description name date "
    "age postal city country state status method code address opened closed valid next "
    "sample report available arrival departure signed doors rate line"
)
_GENERIC = 0.46
_KIN = 0.85

_WORD = re.compile(r"[nN]\.?[°º]|[#№]|[^\W_]+")
_ASIDE = re.compile(r"\([^()]{0,60}\)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MAX_PHRASE = 5
_MAX_WORDS = 40

Concepts = tuple[str, ...]


def lexicon(name: str) -> Iterator[tuple[tuple[str, ...], Concepts]]:
    """Give the phrases of a file of the lexicon, as words, with what they stand for."""
    text = (Path(__file__).parent / "lexicon" / f"{name}.txt").read_text("utf-8")
    concepts: Concepts = ()
    for line in text.splitlines():
        if line.startswith("  "):
            for phrase in line.strip().split("|"):
                yield tuple(phrase.split()), concepts
        elif not line.startswith("# "):
            concepts = tuple(line.split())


def _read_concepts() -> dict[tuple[str, ...], Concepts]:
    table: dict[tuple[str, ...], Concepts] = {}
    for phrase, concepts in lexicon("labels"):
        table.setdefault(phrase, concepts)
    return table


def _read_related() -> dict[tuple[str, str], float]:
    table = {}
    for entry in _RELATED.replace("\n", ",").split(","):
        if entry.strip():
            one, other, likeness = entry.split()
            table[one, other] = table[other, one] = float(likeness)
    return table


_PHRASES = _read_concepts()
# Words that count only where they are the whole of a label.
_WHOLE: dict[tuple[str, ...], Concepts] = {
    (phrase[0][:-1],): _PHRASES.pop(phrase)
    for phrase in list(_PHRASES)
    if phrase[-1][-1:] == "!"
}
_LIKENESS = _read_related()
_STARTS = frozenset(phrase[0] for phrase in _PHRASES if len(phrase) > 1)
_KNOWN = frozenset(concept for found in _PHRASES.values() for concept in found)


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Write a text in small letters without accents."""
    text = text.casefold().replace("ø", "o").replace("ł", "l")
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char))


def split(text: str) -> list[str]:
    """Give the words of a text, plain; names in one word are split at their humps."""
    found: list[str] = []
    for word in _WORD.findall(text):
        whole = plain(word)
        if (whole,) in _PHRASES or _HUMP.search(word) is None:
            found.append(whole)
        else:
            found += map(plain, _HUMP.sub(" ", word).split())
    return found


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Take the usual English endings off a plain word."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            root = word[: -len(ending)]
            return root[:-1] if root[-1] == root[-2] else root
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":
        return word[:-1]
    return word


@lru_cache(maxsize=20_000)
def concept(word: str) -> Concepts:
    """Give what one plain word stands for; a word in no table stands for its stem."""
    if found := _PHRASES.get((word,)):
        return found
    if word in STOP:
        return ()
    root = stem(word)
    if found := _PHRASES.get((root,)):
        return found
    return _parts(word, 2) or (root,)


def _parts(word: str, depth: int) -> Concepts:
    """Take a compound apart (Rechnungsnummer), if every part is known."""
    if not 7 <= len(word) <= 30 or not depth:
        return ()
    for cut in range(len(word) - 2, 2, -1):
        left, right = word[:cut], word[cut:]
        head = _PHRASES.get((left,))
        for link in ("s", "n", "en", "e", "es"):
            if head is None and left.endswith(link) and len(left) > len(link) + 2:
                head = _PHRASES.get((left.removesuffix(link),))
        if head is None:
            continue
        tail = _PHRASES.get((right,)) or _parts(right, depth - 1)
        if tail:
            return head + tail
    return ()


def munch(words: list[str], start: int) -> tuple[int, Concepts]:
    """
    Read the longest known phrase of plain words.

    Returns
    -------
    int, tuple of str
        How many words it takes, and what they stand for.
    """
    if words[start] in _STARTS:
        for size in range(min(_MAX_PHRASE, len(words) - start), 1, -1):
            if found := _PHRASES.get(tuple(words[start : start + size])):
                return size, found
    return 1, concept(words[start])


@lru_cache(maxsize=20_000)
def read(text: str) -> Concepts:
    """Give the concepts of a label or name, each once, in order."""
    words = split(_ASIDE.sub(" ", text[:400]))[:_MAX_WORDS] or split(text[:400])
    # "A" may be a label (a, to), but "a" is a name.
    if (whole := _WHOLE.get(tuple(words))) and not (len(text) == 1 and text.islower()):
        return whole
    found: dict[str, None] = {}
    place = 0
    while place < len(words):
        size, concepts = munch(words, place)
        found.update(dict.fromkeys(concepts))
        place += size
    if "subtotal" in found:
        # A net total is no total.
        found.pop("total", None)
    return tuple(found)


def is_known(word: str) -> bool:
    """Tell whether a concept is one of the tables'."""
    return word in _KNOWN


def weight(word: str) -> float:
    """Give how much a concept says by itself."""
    return _LIGHT.get(word, 0.3 if word.isdigit() else 1.0)


@lru_cache(maxsize=20_000)
def likeness(one: str, other: str) -> float:
    """Give how alike two concepts are, 0 to 1."""
    if one == other:
        return 1.0
    if related := _LIKENESS.get((one, other)):
        return related
    if one in _KNOWN and other in _KNOWN:
        return 0.0
    shorter = min(len(one), len(other))
    if shorter >= 5 and one[: shorter - 1] == other[: shorter - 1]:
        return 0.8
    return 0.0


@lru_cache(maxsize=2_000)
def kin(one: str) -> Concepts:
    """Give a concept and those that are nearly the same."""
    near = (
        other
        for (first, other), alike in _LIKENESS.items()
        if first == one and alike >= _KIN
    )
    return (one, *near)


@lru_cache(maxsize=50_000)
def score(
    wanted: Concepts,
    label: Concepts,
    context: Concepts = (),
    section: Concepts = (),
) -> float:
    """
    Give how well a label fits a field, 0 to 1.

    Parameters
    ----------
    wanted, context : tuple of str
        What the field is called, and what the objects around it are called.
    label, section : tuple of str
        What the label says, and the heading above it.
    """
    outer = tuple(word for word in context if word not in wanted)
    above = tuple(word for word in section if word not in label)
    if not any(likeness(one, other) for one in wanted for other in (*label, *above)):
        return 0.0
    left = [(w, weight(w), weight(w)) for w in wanted]
    left += [(w, weight(w) * 0.5, weight(w) * 0.1) for w in outer]
    right = [(w, weight(w), weight(w)) for w in label]
    right += [(w, weight(w), weight(w) * 0.35) for w in above]
    pairs = sorted(
        (
            (alike, i, j)
            for i, (one, _, _) in enumerate(left)
            for j, (other, _, _) in enumerate(right)
            if (alike := likeness(one, other)) > (0 if i < len(wanted) else 0.99)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    used_left: set[int] = set()
    used_right: set[int] = set()
    shared, union = 0.0, 0.0
    for exact, i, j in pairs:
        if i in used_left or (j in used_right and exact == 1):
            continue
        # One word of the label may stand for two of the field: amount, total amount.
        alike = exact * 0.8 if j in used_right else exact
        used_left.add(i)
        used_right.add(j)
        heavy = left[i][1]
        shared += alike * heavy
        union += heavy
    union += sum(rest for i, (_, _, rest) in enumerate(left) if i not in used_left)
    union += sum(rest for j, (_, _, rest) in enumerate(right) if j not in used_right)
    found = shared / union
    rest = [word for i, word in enumerate(wanted) if i not in used_left]
    if any(weight(word) >= 1 for word in rest):
        # What the field is about is not in the label: "Customer" is no e-mail address.
        found *= 0.8
    is_part = all(j in used_right for j in range(len(label)))
    if is_part and rest and found < _GENERIC and not CHARGED.intersection(rest):
        # "Name" for the name of a customer: less said, nothing else meant.
        return _GENERIC
    return found
