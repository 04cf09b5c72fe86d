"""The tools web_search and x_search, over the corpus."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import corpus, images

from .rules import day, domains_of
from .runs import Run, Said, custom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.corpus import Page

    from .request import WebSearchTool, XSearchTool

WEB_RESULTS = 5
X_RESULTS = 10
PROFILES = 3
MAX_TOLD = 4
# Keywords have to be there; what is only near is found by a second search.
_NEAR = 0.2
_NEWEST_FIRST = re.compile(r"\b(?:latest|newest|most recent|recent)\b", re.IGNORECASE)
_PEOPLE = re.compile(
    r"@\w|\b(?:accounts?|users?|profiles?|handles?|follow(?:ers)?|who (?:is|posts))\b",
    re.IGNORECASE,
)


class Web:
    """
    One web search: the query, then the best page is opened.

    Parameters
    ----------
    tool : WebSearchTool
        With its filters.
    text : str
        What is asked.
    has_sources : bool
        Whether the items list what was found.
    sees : bool
        Whether images are looked at.
    """

    def __init__(
        self, tool: WebSearchTool, text: str, *, has_sources: bool, sees: bool
    ) -> None:
        self._allowed, self._excluded = domains_of(tool)
        self._text = text
        self._query = corpus.wanted(text)
        self._has_sources = has_sources
        self._sees = sees

    def _allows(self, page: Page) -> bool:
        if page.kind not in {"web", "news"} or not page.is_safe:
            return False
        if self._allowed:
            return corpus.is_of(page.host, self._allowed)
        return not corpus.is_of(page.host, self._excluded)

    def runs(self) -> Iterator[Run]:
        """Search."""
        found = corpus.search(self._query, self._allows, WEB_RESULTS)
        found = _ordered(found, self._text)
        action: dict[str, Any] = {"type": "search", "query": self._query}
        urls = tuple(page.url for page in found)
        listed = urls if self._has_sources else ()
        action["sources"] = [{"type": "url", "url": url} for url in listed]
        is_filtered = bool(self._allowed or self._excluded)
        said = [
            Said(f"{page.title}: {corpus.sentence(page, self._query)}", page.url)
            for page in found[1:MAX_TOLD]
        ]
        yield _web_run(
            action,
            spoken=self._query,
            found="\n".join(f"{p.title} {p.url} {p.text[:80]}" for p in found),
            said=tuple(said) if found else (_nothing(self._query, is_filtered),),
            urls=urls,
            thought=f'I search the web for "{self._query}".',
        )
        if not found:
            return
        best = found[0]
        yield _web_run(
            {"type": "open_page", "url": best.url},
            spoken=best.url,
            found=best.text,
            said=(Said(f"{best.title}: {best.text}", best.url),),
            thought=f"I open {best.url}.",
            number=2,
            is_best=True,
        )
        if self._sees:
            yield from _looks(found, "view_image", is_2025=False)


def _web_run(action: dict[str, Any], *, number: int = 1, **fields: Any) -> Run:
    return Run(
        {"type": "web_search_call", "status": "completed", "action": action},
        "ws",
        counts={"web_search_calls": 1},
        round=number,
        **fields,
    )


def _nothing(query: str, is_filtered: bool) -> Said:  # noqa: FBT001 - a private helper
    limits = " within these filters" if is_filtered else ""
    return Said(f'Nothing in the corpus of the sandbox fits "{query}"{limits}.')


def _ordered(found: tuple[Page, ...], text: str) -> tuple[Page, ...]:
    if not _NEWEST_FIRST.search(text):
        return found
    return tuple(sorted(found, key=lambda page: page.date, reverse=True))


class X:
    """
    Searches on X: posts by keyword, else by likeness; people; the thread of the best.

    Parameters
    ----------
    tool : XSearchTool
        With its filters.
    text : str
        What is asked.
    is_2025 : bool
        Whether items and counters are those of that year.
    sees : bool
        Whether images are looked at.
    """

    def __init__(
        self, tool: XSearchTool, text: str, *, is_2025: bool, sees: bool
    ) -> None:
        self._tool = tool
        self._text = text
        self._query = corpus.wanted(text)
        self._is_2025, self._sees = is_2025, sees
        self._allowed = set(map(_handle, tool.allowed_x_handles or ()))
        self._excluded = set(map(_handle, tool.excluded_x_handles or ()))
        self._first, self._last = day(tool.from_date), day(tool.to_date)

    def _permits(self, handle: str) -> bool:
        name = _handle(handle)
        return name in self._allowed if self._allowed else name not in self._excluded

    def _allows(self, page: Page) -> bool:
        if page.kind != "x" or page.handle is None or not self._permits(page.handle):
            return False
        is_late = self._first is None or page.date >= self._first
        return is_late and (self._last is None or page.date <= self._last)

    def runs(self) -> Iterator[Run]:
        """Search."""
        found = corpus.search(self._query, self._allows, X_RESULTS)
        yield self._posts("x_keyword_search", found)
        if not found:
            found = corpus.search(self._query, self._allows, X_RESULTS, _NEAR)
            yield self._posts("x_semantic_search", found, number=2)
        if _PEOPLE.search(self._text):
            yield self._people()
        found = _ordered(found, self._text)
        threads = [page for page in found[:MAX_TOLD] if page.replies]
        if threads:
            yield self._thread(threads[0])
        if self._sees:
            yield from _looks(found, "view_image", is_2025=self._is_2025)
        if self._tool.enable_video_understanding:
            yield from _looks(found, "view_x_video", is_2025=self._is_2025)

    def _posts(self, name: str, found: tuple[Page, ...], *, number: int = 1) -> Run:
        is_filtered = bool(self._allowed or self._excluded or self._first or self._last)
        said = tuple(_told(page) for page in _ordered(found, self._text)[:MAX_TOLD])
        if not found and number > 1:
            said = (_nothing(self._query, is_filtered),)
        return self._run(
            name,
            {"query": self._query, "limit": X_RESULTS},
            {"x_posts_fetched": len(found)},
            number=number,
            found="\n".join(f"@{p.handle} {p.date} {p.url} {p.text}" for p in found),
            said=said,
            urls=tuple(page.url for page in found),
            thought=f'I search X for "{self._query}".',
        )

    def _people(self) -> Run:
        asked = set(corpus.terms(self._query)) | {
            _handle(name) for name in re.findall(r"@\w+", self._text)
        }
        ranked = [
            # A name says more than what is said of it.
            (
                2 * len(asked & {*corpus.terms(one.name), one.handle})
                + len(asked & set(corpus.terms(one.text))),
                one,
            )
            for one in corpus.profiles()
            if self._permits(one.handle)
        ]
        ranked.sort(key=lambda entry: (-entry[0], entry[1].handle))
        found = [profile for score, profile in ranked if score][:PROFILES]
        return self._run(
            "x_user_search",
            {"query": self._query, "count": PROFILES},
            {"x_users_fetched": len(found)},
            found="\n".join(f"@{one.handle} {one.name} {one.text}" for one in found),
            said=tuple(
                Said(
                    f"@{one.handle} ({one.name}, {one.followers} followers): {one.text}",
                    f"https://x.example/{one.handle}",
                )
                for one in found
            ),
            urls=tuple(f"https://x.example/{one.handle}" for one in found),
            thought="I look for people on X.",
        )

    def _thread(self, page: Page) -> Run:
        said = tuple(
            Said(f"@{handle} replied: {text}", page.url)
            for handle, text in page.replies
            if self._permits(handle)
        )
        return self._run(
            "x_thread_fetch",
            {"post_id": page.url.rpartition("/")[2]},
            # The post itself counts as well.
            {"x_posts_fetched": 1 + len(said)},
            found="\n".join(one.text for one in said),
            said=said,
            thought="I read the thread.",
            number=2,
        )

    def _run(
        self,
        name: str,
        given: dict[str, Any],
        counts: dict[str, int],
        *,
        number: int = 1,
        **fields: Any,
    ) -> Run:
        written = json.dumps(given, ensure_ascii=False)
        fetched = {} if self._is_2025 else counts
        return Run(
            custom(name, written, call_id(name, written), is_2025=self._is_2025),
            "ctc",
            spoken=f"{name} {written}",
            counts={"x_search_calls": 1} | fetched,
            round=number,
            **fields,
        )


def _handle(text: str) -> str:
    return text.lstrip("@").lower()


def _told(page: Page) -> Said:
    return Said(f"@{page.handle}, {page.date}: {page.text}", page.url)


def call_id(name: str, written: str) -> str:
    """Give a call's id, the same for the same call."""
    return f"xs_call_{zlib.crc32(f'{name} {written}'.encode()) % 10**8:08}"


def _looks(found: tuple[Page, ...], name: str, *, is_2025: bool) -> Iterator[Run]:
    """Look at the first image, or watch the first video, that was met."""
    is_image = name == "view_image"
    field, verb = ("image_url", "shows") if is_image else ("video_url", "says")
    for page in found:
        medium = page.image if is_image else page.video
        if medium is None:
            continue
        written = json.dumps({field: medium.url})
        yield Run(
            custom(name, written, call_id(name, written), is_2025=is_2025),
            "ctc",
            spoken=f"{name} {written}",
            found=medium.content,
            # Free, but for its tokens.
            counts={name: 1},
            said=(Said(f"{medium.url} {verb}: {medium.content}.", page.url),),
            urls=(medium.url,),
            thought=f"I look at {medium.url}.",
            round=2,
            image_tokens=images.UNKNOWN_TOKENS,
        )
        return
