"""The small corpus of made-up pages and posts, and a ranking of it."""

from __future__ import annotations

import datetime
import functools
import json
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from . import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The usual constants of BM25: how soon a repeated word stops to count, and how much a
# long text is held against it.
_SATURATION, _LENGTH = 1.2, 0.75
_TITLE_WEIGHT = 2
_MAX_WORDS, _MAX_CHARACTERS = 8, 200
# A text fits when it holds that share of what the words of the query say.
_ENOUGH = 0.4
_WORD = re.compile(r"\w+")
_SMALL = words.listed(
    "a an and any about are as at be been being by can could did do does for from get "
    "give had has have how i if in into is it its itself know let like look make many "
    "me much my need not of on or our out please say says search searching should show "
    "so some tell than that the their them there these they this to up us use using "
    "want was we were what when where which who whom whose why will with would you "
    "your find found web internet online x twitter tweet post account user said "
    "people latest recent recently newest current currently today now official image "
    "picture photo video shared included talking"
)


@dataclass(frozen=True, slots=True)
class Medium:
    """An image or a video: where it is, and what it shows or says."""

    url: str
    content: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page, a post (with a handle) or an entry of a feed."""

    kind: str
    url: str
    title: str
    text: str
    date: datetime.date
    country: str | None = None
    handle: str | None = None
    feed: str | None = None
    favorites: int = 0
    views: int = 0
    is_safe: bool = True
    image: Medium | None = None
    video: Medium | None = None
    replies: tuple[tuple[str, str], ...] = ()

    @property
    def host(self) -> str:
        """The host of its address."""
        return self.url.split("/")[2]


@dataclass(frozen=True, slots=True)
class Profile:
    """Somebody who posts."""

    handle: str
    name: str
    text: str
    followers: int


@functools.cache
def _read() -> dict[str, list[dict[str, object]]]:
    text = resources.files(__package__).joinpath("fixtures/search.json").read_text()
    content: dict[str, list[dict[str, object]]] = json.loads(text)
    return content


@functools.cache
def pages() -> tuple[Page, ...]:
    """Give all pages and posts of ``fixtures/search.json``."""
    return tuple(_page(entry) for entry in _read()["pages"])


@functools.cache
def profiles() -> tuple[Profile, ...]:
    """Give all profiles of ``fixtures/search.json``."""
    return tuple(Profile(**entry) for entry in _read()["profiles"])  # type: ignore[arg-type] # as the file has them


def _page(entry: dict[str, object]) -> Page:
    fields = dict(entry)
    fields["date"] = datetime.date.fromisoformat(str(entry["date"]))
    for key, content in (("image", "shows"), ("video", "says")):
        medium = entry.get(key)
        if isinstance(medium, dict):
            fields[key] = Medium(medium["url"], medium[content])
    replies = entry.get("replies", [])
    if isinstance(replies, list):
        fields["replies"] = tuple((one["handle"], one["text"]) for one in replies)
    return Page(**fields)  # type: ignore[arg-type] # as the file has them


def is_of(host: str, sites: Iterable[str]) -> bool:
    """Whether a host is one of some sites or below one of them."""
    cut = (re.sub(r"^(?:\w+://)?(?:www\.)?|/.*$", "", site.lower()) for site in sites)
    return any(host == site or host.endswith(f".{site}") for site in cut if site)


def wanted(text: str) -> str:
    """Take out of a text what one would search for; at most 200 characters."""
    telling = [word for word in _WORD.findall(text) if _root(word)]
    found = " ".join(list(dict.fromkeys(telling))[:_MAX_WORDS])
    return (found or text.strip())[:_MAX_CHARACTERS]


def _root(word: str) -> str:
    flat = words.plain(word)
    root = words.stem(flat)
    # What is left of "it's" says nothing either.
    is_scrap = len(flat) < 2 and not flat.isdigit()
    return "" if is_scrap or flat in _SMALL or root in _SMALL else root


def terms(text: str) -> list[str]:
    """Give the roots of a text's words, without those that say nothing."""
    return [root for word in _WORD.findall(text) if (root := _root(word))]


@dataclass(frozen=True, slots=True)
class _Indexed:
    page: Page
    counts: dict[str, int]
    length: int


@functools.cache
def _index() -> tuple[tuple[_Indexed, ...], dict[str, int], float]:
    indexed = []
    spread: dict[str, int] = {}
    for page in pages():
        found = terms(page.title) * _TITLE_WEIGHT + terms(page.text)
        found += terms(page.handle or "")
        counts: dict[str, int] = {}
        for term in found:
            counts[term] = counts.get(term, 0) + 1
        for term in counts:
            spread[term] = spread.get(term, 0) + 1
        indexed.append(_Indexed(page, counts, len(found)))
    return tuple(indexed), spread, sum(one.length for one in indexed) / len(indexed)


def search(
    query: str, allows: Callable[[Page], bool], limit: int, enough: float = _ENOUGH
) -> tuple[Page, ...]:
    """
    Rank what fits a query, the best first, by BM25.

    Parameters
    ----------
    query : str
        What to search for; words that say little are left out of account.
    allows : callable
        Which pages may be found.
    limit : int
        How many to give at most.
    enough : float, default 0.4
        The share of the query that a page has to hold, weighed by how rare its words
        are.
    """
    indexed, spread, average = _index()
    asked = {term: _weight(spread.get(term, 0), len(indexed)) for term in terms(query)}
    whole = sum(asked.values())
    ranked: list[tuple[float, Page]] = []
    for one in indexed:
        held = sum(weight for term, weight in asked.items() if term in one.counts)
        if not held or held < enough * whole or not allows(one.page):
            continue
        norm = 1 - _LENGTH + _LENGTH * one.length / average
        score = sum(
            weight * count * (_SATURATION + 1) / (count + _SATURATION * norm)
            for term, weight in asked.items()
            if (count := one.counts.get(term, 0))
        )
        ranked.append((score, one.page))
    ranked.sort(key=lambda entry: (-entry[0], -entry[1].date.toordinal()))
    return tuple(page for _, page in ranked[:limit])


def _weight(number: int, total: int) -> float:
    return math.log(1 + (total - number + 0.5) / (number + 0.5))


def sentence(page: Page, query: str) -> str:
    """Give the sentence of a page that fits a query best."""
    asked = set(terms(query))
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", page.text)
    return max(sentences, key=lambda one: len(asked & set(terms(one))))
