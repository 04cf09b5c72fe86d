"""The `search_parameters` of 2025: checked, and written as tools of the server.

Source of names and limits: xai-api.md section 11; of the tools: section 6.3.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grok_nb.errors import BadRequest

from .server_tools import (
    _COUNT,
    _DATE,
    _FLAG,
    _LIST,
    _TEXT,
    MOST_DOMAINS,
    MOST_HANDLES,
    Fields,
    _check_fields,
    _check_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MODES = ("off", "auto", "on")
MOST_RESULTS = 30
MOST_WEBSITES = 5

_FIELDS: Fields = {
    "mode": (_TEXT, 0),
    "return_citations": (_FLAG, 0),
    "from_date": (_DATE, 0),
    "to_date": (_DATE, 0),
    "max_search_results": (_COUNT, 0),
    "sources": ("", 0),  # looked at one by one
}
_COUNTRY: Fields = {"country": (_TEXT, 0), "safe_search": (_FLAG, 0)}
_EXCLUDED: Fields = {"excluded_websites": (_LIST, MOST_WEBSITES)}
_SOURCES: dict[str, Fields] = {
    "web": {**_COUNTRY, **_EXCLUDED, "allowed_websites": (_LIST, MOST_WEBSITES)},
    "x": {
        "x_handles": (_LIST, 0),
        "included_x_handles": (_LIST, 0),
        "excluded_x_handles": (_LIST, 0),
        "post_favorite_count": ("", 0),  # may be 0
        "post_view_count": ("", 0),
        "safe_search": (_FLAG, 0),
    },
    "news": {**_COUNTRY, **_EXCLUDED},
    "rss": {"links": (_LIST, 0)},
}
#: two that exclude each other; the first pair is one thing in two spellings
_EXCLUSIVE = (
    ("x_handles", "included_x_handles"),
    ("allowed_websites", "excluded_websites"),
    ("included_x_handles", "excluded_x_handles"),
    ("x_handles", "excluded_x_handles"),
)
_FLOORS = ("post_favorite_count", "post_view_count")
_DEFAULT_SOURCES: list[Any] = [{"type": "web"}, {"type": "x"}]


def checked_search(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return search parameters as a new dict, to be sent as they are.

    Raises
    ------
    BadRequest
        One cannot be right; the message names it. Nothing was sent.
    """
    where = "search_parameters"
    _refuse_unknown(where, _FIELDS, given)
    rules = {name: rule for name, rule in _FIELDS.items() if rule[0]}
    _check_fields(where, rules, given)
    _check_order(where, given.get("from_date"), given.get("to_date"))
    mode = given.get("mode")
    if mode is not None and mode not in MODES:
        raise BadRequest(f"mode of {where} is {mode!r:.60}.", hint="off, auto or on.")
    most = given.get("max_search_results")
    if most is not None and most > MOST_RESULTS:
        raise BadRequest(
            f"max_search_results of {where} must be from 1 to {MOST_RESULTS}, "
            f"not {most}."
        )
    found, sources = dict(given), given.get("sources")
    if sources is None:
        return found
    if not isinstance(sources, (list, tuple)) or not sources:
        raise BadRequest(
            f"sources of {where} must be a list with a dict for each.",
            hint='For example [{"type": "web"}, {"type": "x"}], which is the default.',
        )
    found["sources"] = [
        _checked_source(f"{where}.sources[{number}]", source)
        for number, source in enumerate(sources)
    ]
    return found


def _checked_source(where: str, source: object) -> dict[str, Any]:
    kind = source.get("type") if isinstance(source, Mapping) else None
    fields = _SOURCES.get(kind) if isinstance(kind, str) else None
    if not isinstance(source, Mapping) or fields is None:
        raise BadRequest(
            f"{where} has no type that is known.",
            hint='{"type": "web"}; or x, news, rss.',
        )
    _refuse_unknown(where, {"type": (_TEXT, 0), **fields}, source)
    _check_fields(where, {n: rule for n, rule in fields.items() if rule[0]}, source)
    for name in _FLOORS:
        value = source.get(name)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and value >= 0):
            raise BadRequest(f"{name} of {where} must be a whole number from 0.")
    country = source.get("country")
    if country is not None and not (
        len(country) == 2 and country.isascii() and country.isalpha()
    ):
        raise BadRequest(
            f"country of {where} is {country!r:.60}.", hint='Two letters: "CH".'
        )
    for one, other in _EXCLUSIVE:
        if source.get(one) is not None and source.get(other) is not None:
            raise BadRequest(
                f"{one} and {other} of {where} exclude each other.",
                hint="Give one of them.",
            )
    if kind == "rss":
        _check_link(where, source.get("links"))
    return dict(source)


def _check_link(where: str, links: Sequence[str] | None) -> None:
    if links is None or len(links) != 1:
        raise BadRequest(f"links of {where} must have one address.")
    if not links[0].startswith(("http://", "https://")) or not _host(links[0]):
        raise BadRequest(
            f"links of {where} has {links[0]!r:.80}, which is no address.",
            hint="It begins with https://.",
        )


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""


def _refuse_unknown(where: str, fields: Fields, given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in fields]
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), list(fields), n=1)
        raise BadRequest(
            f"{where} has no field {unknown[0]!r:.60}.",
            hint=f"Did you mean {close[0]!r}?" if close else "",
        )


# -- as tools --------------------------------------------------------------------------


class Searching:
    """What search parameters come to in a Responses request.

    Attributes
    ----------
    tools
        None of them where nothing is searched.
    left_out
        Settings that have no counterpart.
    remarks
        What means something else now.
    """

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = []
        self.left_out: list[str] = []
        self.remarks: list[str] = []


def as_tools(search: Mapping[str, Any]) -> Searching:
    """Write checked search parameters as tools.

    Without a mode, it is ``auto``: the default of the latest API description.

    Raises
    ------
    BadRequest
        No tool can do just that; the message names what.
    """
    if search.get("mode") == "off":
        return Searching()
    sources = search.get("sources") or _DEFAULT_SOURCES
    found = Searching()
    pages = [source for source in sources if source["type"] != "x"]
    posts = [source for source in sources if source["type"] == "x"]
    if pages:
        _add_web(found, pages)
    dates = {n: search[n] for n in ("from_date", "to_date") if search.get(n)}
    if posts:
        _add_x(found, posts, dates)
    if dates and not posts:
        found.left_out.extend(dates)
    elif dates and pages:
        found.left_out.append(f"{' and '.join(dates)} on the web")
    given = [name for source in sources for name in source if source[name] is not None]
    if search.get("mode") == "on":
        found.left_out.append('mode="on" (the model decides whether it searches)')
    if search.get("return_citations") is False:
        found.left_out.append("return_citations=False")
    if search.get("max_search_results") is not None:
        found.left_out.append("max_search_results")
    found.left_out.extend(
        name for name in ("country", "safe_search", *_FLOORS) if name in given
    )
    return found


def _add_web(found: Searching, sources: list[Mapping[str, Any]]) -> None:
    filters = [
        (
            [_host(link) for link in source["links"]]
            if source["type"] == "rss"
            else source.get("allowed_websites"),
            source.get("excluded_websites"),
        )
        for source in sources
    ]
    allowed, excluded = _merged(filters, "websites", "domains", MOST_DOMAINS)
    tool: dict[str, Any] = {"type": "web_search"}
    if allowed:
        tool["filters"] = {"allowed_domains": allowed}
    if excluded:
        tool["filters"] = {"excluded_domains": excluded}
    found.tools.append(tool)
    kinds = {source["type"] for source in sources}
    if "news" in kinds:
        found.remarks.append("news is searched as the web")
    if "rss" in kinds:
        found.remarks.append("of an rss link, its site is searched")


def _add_x(
    found: Searching, sources: list[Mapping[str, Any]], dates: Mapping[str, str]
) -> None:
    filters = [
        (s.get("included_x_handles") or s.get("x_handles"), s.get("excluded_x_handles"))
        for s in sources
    ]
    allowed, excluded = _merged(filters, "X handles", "handles", MOST_HANDLES)
    tool: dict[str, Any] = {"type": "x_search"}
    if allowed:
        tool["allowed_x_handles"] = allowed
    if excluded:
        tool["excluded_x_handles"] = excluded
    found.tools.append({**tool, **dates})


def _merged(
    filters: Iterable[tuple[Sequence[str] | None, Sequence[str] | None]],
    what: str,
    entries: str,
    most: int,
) -> tuple[list[str], list[str]]:
    """Return what is allowed and what is excluded for all sources of one tool.

    Of a source that is not limited, what others are limited to is a part.
    """
    pairs = [
        (list(allowed or ()), list(excluded or ())) for allowed, excluded in filters
    ]
    limited = list(dict.fromkeys(name for allowed, _ in pairs for name in allowed))
    excluding = [set(excluded) for allowed, excluded in pairs if not allowed]
    if excluding and (
        any(names != excluding[0] for names in excluding)
        or excluding[0].intersection(limited)
    ):
        raise BadRequest(
            f"The sources of search_parameters have different {what}, and the server's "
            "tool that searches now has one list for all of them.",
            hint="Give each source the same ones, or ask once for each.",
        )
    excluded = sorted(excluding[0]) if excluding else []
    allowed = [] if excluding else limited
    for names in (allowed, excluded):
        if len(names) > most:
            raise BadRequest(
                f"The sources of search_parameters name {len(names)} {what}; the "
                f"server's tool that searches now takes at most {most} {entries}.",
                hint=f"Keep the {most} that matter most.",
            )
    return allowed, excluded
