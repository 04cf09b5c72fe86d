"""Live search as chat completions had it until January 2026, over the corpus."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from . import corpus, errors
from .schemas import Body, ChatRequest

if TYPE_CHECKING:
    from .corpus import Page

# Source: docs.x.ai (2025): 25 USD per 1,000 sources used; a tick is 1e-10 USD.
TICKS_PER_SOURCE = 250_000_000
# Source: docs.x.ai guide (2025-05); the API description says 15.
DEFAULT_RESULTS = 20
MAX_RESULTS = 30
MAX_WEBSITES = 5
MAX_HANDLES = 10
_AUTO_NEEDS_WORDS = 2
_SMALL_WORDS = frozenset({"about", "from", "have", "that", "this", "what", "with"})


class WebSource(Body):
    """Pages of the web."""

    type: Literal["web"]
    country: str | None = None
    excluded_websites: list[str] | None = None
    allowed_websites: list[str] | None = None
    safe_search: bool | None = None


class XSource(Body):
    """Posts on X."""

    type: Literal["x"]
    x_handles: list[str] | None = None
    included_x_handles: list[str] | None = None
    excluded_x_handles: list[str] | None = None
    post_favorite_count: int | None = None
    post_view_count: int | None = None
    safe_search: bool | None = None


class NewsSource(Body):
    """News."""

    type: Literal["news"]
    country: str | None = None
    excluded_websites: list[str] | None = None
    safe_search: bool | None = None


class RssSource(Body):
    """One feed."""

    type: Literal["rss"]
    links: list[str]


Source = Annotated[
    WebSource | XSource | NewsSource | RssSource, Field(discriminator="type")
]


class SearchParameters(Body):
    """The field ``search_parameters``. Source: xai-api.md section 11."""

    mode: Literal["off", "auto", "on"] | None = None
    return_citations: bool | None = None
    from_date: str | None = None
    to_date: str | None = None
    max_search_results: int | None = None
    sources: list[Source] | None = None


class SearchingChatRequest(ChatRequest):
    """The body of a chat completion while live search existed."""

    # The retired field of the base class is any object.
    search_parameters: SearchParameters | None = None  # type: ignore[assignment]


def check(wanted: SearchParameters) -> None:
    """
    Check ranges and combinations.

    Raises
    ------
    ApiError
        400, naming the field.
    """
    first, last = _day(wanted, "from_date"), _day(wanted, "to_date")
    if first is not None and last is not None and first > last:
        raise _wrong("from_date", "it must not be after to_date")
    results = wanted.max_search_results
    if results is not None and not 1 <= results <= MAX_RESULTS:
        raise _wrong("max_search_results", f"it must be 1 to {MAX_RESULTS}")
    for position, source in enumerate(wanted.sources or []):
        problem = _problem(source)
        if problem is not None:
            name, text = problem
            raise _wrong(f"sources[{position}].{name}", text)


def _day(wanted: SearchParameters, name: str) -> datetime.date | None:
    value: str | None = getattr(wanted, name)
    if value is None:
        return None
    try:
        # A bare fromisoformat would also take 20250101 and 2025-W01-1.
        return datetime.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, no time
    except ValueError:
        raise _wrong(name, "it must be a date as YYYY-MM-DD") from None


def _wrong(name: str, text: str) -> errors.ApiError:
    return errors.invalid(f"Invalid value for search_parameters.{name}: {text}.")


def _problem(source: Source) -> tuple[str, str] | None:
    if isinstance(source, RssSource):
        is_one = len(source.links) == 1 and source.links[0].startswith(
            ("http://", "https://")
        )
        return None if is_one else ("links", "it must be one address")
    if isinstance(source, XSource):
        return _problem_of_x(source)
    if source.country is not None and not re.fullmatch("[A-Z]{2}", source.country):
        return "country", "it must be an ISO alpha-2 code"
    lists = {"excluded_websites": source.excluded_websites}
    if isinstance(source, WebSource):
        lists["allowed_websites"] = source.allowed_websites
    for name, sites in lists.items():
        if len(sites or []) > MAX_WEBSITES:
            return name, f"it takes at most {MAX_WEBSITES} entries"
    if all(lists.values()) and len(lists) > 1:
        return "allowed_websites", "it excludes excluded_websites"
    return None


def _problem_of_x(source: XSource) -> tuple[str, str] | None:
    included = source.included_x_handles or source.x_handles
    if source.included_x_handles and source.x_handles:
        return "included_x_handles", "it is the newer name of x_handles; give one"
    if included and source.excluded_x_handles:
        return "excluded_x_handles", "it excludes included_x_handles"
    for name in ("x_handles", "included_x_handles", "excluded_x_handles"):
        if len(getattr(source, name) or []) > MAX_HANDLES:
            return name, f"it takes at most {MAX_HANDLES} entries"
    for name in ("post_favorite_count", "post_view_count"):
        if (getattr(source, name) or 0) < 0:
            return name, "it must be at least 0"
    return None


def search(wanted: SearchParameters, question: str) -> tuple[Page, ...]:
    """
    Find what the corpus has on a question.

    With mode ``auto`` two words have to fit, with ``on`` one; the rest is ranked by how
    many do.
    """
    mode = wanted.mode or "off"
    if mode == "off":
        return ()
    sources = wanted.sources or [WebSource(type="web"), XSource(type="x")]
    first, last = _day(wanted, "from_date"), _day(wanted, "to_date")
    needed = _AUTO_NEEDS_WORDS if mode == "auto" else 1
    words = _words(question)
    scored = [
        (len(words & _words(f"{page.title} {page.text}")), page)
        for page in corpus.pages()
        if (first is None or page.date >= first)
        and (last is None or page.date <= last)
        and any(_allows(source, page) for source in sources)
    ]
    fitting = sorted((s for s in scored if s[0] >= needed), key=lambda s: -s[0])
    return tuple(
        page for _, page in fitting[: wanted.max_search_results or DEFAULT_RESULTS]
    )


def _words(text: str) -> set[str]:
    words = {word for word in re.findall(r"\w+", text.lower()) if len(word) > 3}
    return words - _SMALL_WORDS


def _allows(source: Source, page: Page) -> bool:
    if source.type != page.kind:
        return False
    if isinstance(source, RssSource):
        return page.feed in source.links
    if not page.is_safe and source.safe_search is not False:
        return False
    if isinstance(source, XSource):
        included = source.included_x_handles or source.x_handles
        return (
            (not included or page.handle in included)
            and page.handle not in (source.excluded_x_handles or [])
            and page.favorites >= (source.post_favorite_count or 0)
            and page.views >= (source.post_view_count or 0)
        )
    if source.country is not None and page.country not in {None, source.country}:
        return False
    if isinstance(source, WebSource) and source.allowed_websites:
        return corpus.is_of(page.host, source.allowed_websites)
    return not corpus.is_of(page.host, source.excluded_websites or [])
