"""The tools that run at xAI: checked before anything is sent, and made from options.

Source of names, limits and what excludes what: xai-api.md section 6.3.
"""

from __future__ import annotations

import datetime
import difflib
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from grok_nb.config import Secret, hidden
from grok_nb.errors import BadRequest

MOST_TOOLS = 128
#: Since about 2026-06; 10 before.
MOST_HANDLES = 20
MOST_DOMAINS = 5
MOST_COLLECTIONS = 10
#: Characters; to take out what is shorter would leave other words in pieces.
_SHORTEST_SECRET = 8

#: field -> (what it must be, how many entries at most)
Fields = Mapping[str, tuple[str, int]]
_TEXT, _FLAG, _COUNT, _DATE = "text", "True or False", "a whole number from 1", "a date"
_LIST, _DICT, _ADDRESS, _SECRET = "a list of texts", "a dict", "an address", "secret"

_DOMAINS: Fields = {
    "allowed_domains": (_LIST, MOST_DOMAINS),
    "excluded_domains": (_LIST, MOST_DOMAINS),
}
#: What is not listed here passes through: the API grows.
_FIELDS: dict[str, Fields] = {
    "web_search": {
        "filters": (_DICT, 0),
        **_DOMAINS,
        "enable_image_understanding": (_FLAG, 0),
        "enable_image_search": (_FLAG, 0),
    },
    "x_search": {
        "allowed_x_handles": (_LIST, MOST_HANDLES),
        "excluded_x_handles": (_LIST, MOST_HANDLES),
        "from_date": (_DATE, 0),
        "to_date": (_DATE, 0),
        "enable_image_understanding": (_FLAG, 0),
        "enable_video_understanding": (_FLAG, 0),
    },
    "file_search": {
        "vector_store_ids": (_LIST, MOST_COLLECTIONS),
        "max_num_results": (_COUNT, 0),
    },
    "mcp": {
        "server_url": (_ADDRESS, 0),
        "server_label": (_TEXT, 0),
        "server_description": (_TEXT, 0),
        "allowed_tools": (_LIST, 0),
        "authorization": (_SECRET, 0),
        "headers": (_DICT, 0),
    },
    "function": {
        "name": (_TEXT, 0),
        "description": (_TEXT, 0),
        "parameters": (_DICT, 0),
        "strict": (_FLAG, 0),
    },
}
_REQUIRED = {
    "function": ("name",),
    "file_search": ("vector_store_ids",),
    "mcp": ("server_url",),
}
_EXCLUSIVE = (
    ("allowed_domains", "excluded_domains"),
    ("allowed_x_handles", "excluded_x_handles"),
)


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options whose tools show no password: some tracebacks show variables.

    Parameters
    ----------
    options
        As given; ``tools`` may be anything.
    """
    tools = options.get("tools")
    if isinstance(tools, (list, tuple)):
        tools = [_without_secrets(tool) for tool in tools]
    else:  # one tool is no list, which the message about it need not show
        tools = _without_secrets(tools)
    return {**options, "tools": tools} if "tools" in options else dict(options)


def _without_secrets(tool: Any) -> Any:
    if not isinstance(tool, Mapping):
        return tool
    found = {n: hidden(v) if n == "authorization" else v for n, v in tool.items()}
    if isinstance(headers := found.get("headers"), Mapping):
        found["headers"] = {name: hidden(value) for name, value in headers.items()}
    return found


def secrets_in(body: Mapping[str, Any]) -> list[Secret]:
    """Return what `without_secrets` has hidden, so that no echo of it is shown."""
    tools = body.get("tools")
    found: list[Any] = []
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, Mapping):
            headers = tool.get("headers")
            found += headers.values() if isinstance(headers, Mapping) else ()
            found.append(tool.get("authorization"))
    words = [
        word
        for value in found
        if isinstance(value, Secret)
        for word in value.reveal().split()  # "Bearer ..."
    ]
    return [Secret(word) for word in words if len(word) >= _SHORTEST_SECRET]


def checked_tools(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """Return tools as new dicts.

    Raises
    ------
    BadRequest
        One cannot be right; the message names the field. Unknown types and fields pass.
    """
    if len(tools) > MOST_TOOLS:
        raise BadRequest(f"tools has {len(tools)} entries; at most {MOST_TOOLS} go.")
    return [_checked_tool(f"tools[{n}]", tool) for n, tool in enumerate(tools)]


def _checked_tool(where: str, tool: object) -> dict[str, Any]:
    if not isinstance(tool, Mapping):
        raise BadRequest(
            f"{where} must be a dict, not {type(tool).__name__}.",
            hint='For example {"type": "web_search"}.',
        )
    kind = tool.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadRequest(
            f"{where} has no type.",
            hint="web_search, x_search, code_interpreter, file_search, mcp, function.",
        )
    if kind == "function" and isinstance(tool.get("function"), Mapping):
        raise BadRequest(
            f"{where} has its function nested, as in chat completions.",
            hint='Here it is flat: {"type": "function", "name": ..., "parameters": ...}.',
        )
    for name in _REQUIRED.get(kind, ()):
        if tool.get(name) is None:
            raise BadRequest(f"{where} ({kind}) has no {name}.")
    fields = _FIELDS.get(kind, {})
    _check_fields(where, fields, tool)
    filters = tool.get("filters")
    if kind == "web_search" and isinstance(filters, Mapping):
        _check_fields(f"filters of {where}", _DOMAINS, filters)
        _check_exclusive(where, {**tool, **filters})
    _check_exclusive(where, tool)
    _check_order(where, tool.get("from_date"), tool.get("to_date"))
    parameters = tool.get("parameters")
    if isinstance(parameters, Mapping) and parameters.get("type", "object") != "object":
        raise BadRequest(f'parameters of {where} must have the type "object".')
    return dict(tool)


def _check_fields(where: str, fields: Fields, given: Mapping[str, Any]) -> None:
    for name, (kind, most) in fields.items():
        value = given.get(name)
        if value is None:
            continue
        if kind == _SECRET:
            if not isinstance(value, (str, Secret)):  # and is not shown
                raise BadRequest(f"{name} of {where} must be text.")
            continue
        if not _fits(kind, value):
            raise BadRequest(
                f"{name} of {where} must be {kind}, not {reprlib.repr(value)}."
            )
        if kind == _LIST:
            _check_list(f"{name} of {where}", value, most)
        if kind == _DATE:
            _day(f"{name} of {where}", value)


def _fits(kind: str, value: object) -> bool:
    if kind == _FLAG:
        return isinstance(value, bool)
    if kind == _COUNT:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and value >= 1  # type: ignore[operator]  # is_whole narrows
    if kind == _DICT:
        return isinstance(value, Mapping)
    if kind == _LIST:
        is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        return is_list and all(isinstance(v, str) and v for v in value)  # type: ignore[attr-defined]  # is_list narrows
    if kind == _ADDRESS:
        return isinstance(value, str) and value.startswith(("http://", "https://"))
    return isinstance(value, str) and bool(value)


def _check_list(what: str, entries: Sequence[str], most: int) -> None:
    if not entries:
        raise BadRequest(f"{what} is empty.", hint="Name some, or leave it out.")
    if most and len(entries) > most:
        raise BadRequest(
            f"{what} has {len(entries)} entries; xAI takes at most {most}.",
            hint=f"Keep the {most} that matter most.",
        )


def _check_exclusive(where: str, given: Mapping[str, Any]) -> None:
    for one, other in _EXCLUSIVE:
        if given.get(one) is not None and given.get(other) is not None:
            raise BadRequest(
                f"{one} and {other} of {where} exclude each other.",
                hint="Give one of them.",
            )


def _day(what: str, value: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:  # 20260131 and 2026-W05 are dates, too
        raise BadRequest(
            f"{what} must be a date, not {reprlib.repr(value)}.",
            hint='Write it as "2026-01-31".',
        )
    return day


def _check_order(where: str, first: Any, last: Any) -> None:
    if isinstance(first, str) and isinstance(last, str) and first > last:
        raise BadRequest(
            f"from_date of {where} ({first}) is after its to_date ({last})."
        )


# -- the options of `ask` --------------------------------------------------------------

#: option of `ask` -> (tool that it belongs to, what it is called there)
OPTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "domains": (("web_search", "allowed_domains"),),
    "not_domains": (("web_search", "excluded_domains"),),
    "handles": (("x_search", "allowed_x_handles"),),
    "not_handles": (("x_search", "excluded_x_handles"),),
    "since": (("x_search", "from_date"),),
    "until": (("x_search", "to_date"),),
    "images": (
        ("web_search", "enable_image_understanding"),
        ("x_search", "enable_image_understanding"),
    ),
    "video": (("x_search", "enable_video_understanding"),),
}
_WORDS = {"web_search": "web", "x_search": "x"}
_TOOLS = {word: tool for tool, word in _WORDS.items()}
_PAIRS = (("domains", "not_domains"), ("handles", "not_handles"))


def tools_for(
    search: object = None, *, run_code: object = None, **options: object
) -> list[dict[str, Any]]:
    """Return the tools that options of `ask` stand for; none where none is set.

    Parameters
    ----------
    search
        ``"web"``, ``"x"``, ``"web,x"``, or a list of these.
    run_code
        Whether code may be written and run at xAI.
    **options
        Those of `OPTIONS`; ``None`` is not set.

    Raises
    ------
    BadRequest
        An option cannot be right, or belongs to a search that was not asked for.
    """
    if run_code is not None and not isinstance(run_code, bool):
        raise BadRequest(f"run_code must be True or False, not {run_code!r}.")
    tools: dict[str, dict[str, Any]] = {kind: {} for kind in _searches(search)}
    for one, other in _PAIRS:
        if options.get(one) is not None and options.get(other) is not None:
            raise BadRequest(
                f"{one} and {other} exclude each other.", hint="Give one of them."
            )
    for name, value in options.items():
        places = [place for place in OPTIONS[name] if place[0] in tools]
        if value is None or value is False:
            continue
        if not places:
            word = _WORDS[OPTIONS[name][0][0]]
            raise BadRequest(
                f"{name} is about a search that was not asked for.",
                hint=f"Add search={word!r}.",
            )
        for kind, field in places:
            tools[kind][field] = _value(name, value)
    since, until = (tools.get("x_search", {}).get(f) for f in ("from_date", "to_date"))
    if since and until and since > until:
        raise BadRequest(f"since ({since}) is after until ({until}).")
    made = [_tool(kind, fields) for kind, fields in tools.items()]
    return [*made, {"type": "code_interpreter"}] if run_code else made


def _tool(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    if kind == "web_search":
        filters = {name: fields.pop(name) for name in _DOMAINS if name in fields}
        fields = {"filters": filters, **fields} if filters else fields
    return {"type": kind, **fields}


def _searches(search: object) -> list[str]:
    if search is None:
        return []
    words = search.split(",") if isinstance(search, str) else search
    hint = "search takes web, x, or web,x."
    if not isinstance(words, (list, tuple, set)) or not words:
        raise BadRequest(f"search must be text, not {search!r}.", hint=hint)
    found: list[str] = []
    for word in words:
        named = word.strip().lower() if isinstance(word, str) else None
        if named not in _TOOLS:
            near = {**_TOOLS, "twitter": "x_search", **{t: t for t in _WORDS}}
            close = difflib.get_close_matches(str(named), near, n=1, cutoff=0.5)
            did = f"Did you mean {_WORDS[near[close[0]]]!r}? " if close else ""
            raise BadRequest(f"There is no search {word!r}.", hint=did + hint)
        if _TOOLS[named] not in found:
            found.append(_TOOLS[named])
    return found


def _value(name: str, value: object) -> object:
    """Return what an option says, as the tool's field wants it."""
    if name in ("images", "video"):
        if not isinstance(value, bool):
            raise BadRequest(f"{name} must be True or False, not {value!r}.")
        return value
    if name in ("since", "until"):
        if isinstance(value, datetime.date):  # also a datetime, a pandas.Timestamp
            value = value.isoformat()[:10]  # of a pandas.NaT "NaT"
        if not isinstance(value, str):
            raise BadRequest(
                f"{name} must be a date, not {reprlib.repr(value)}.",
                hint='Write it as "2026-01-31".',
            )
        return _day(name, value).isoformat()
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple, set)) or not all(
        isinstance(entry, str) for entry in entries
    ):
        raise BadRequest(f"{name} must be text or a list of texts, not {value!r}.")
    entries = sorted(entries) if isinstance(entries, set) else entries
    entries = [entry.strip() for entry in entries]
    if name in ("handles", "not_handles"):
        entries, most = [entry.removeprefix("@") for entry in entries], MOST_HANDLES
    else:
        most = MOST_DOMAINS
    for entry in entries:
        if not entry or "/" in entry or any(c.isspace() for c in entry):
            example = '"xai"' if "handles" in name else '"docs.x.ai"'
            raise BadRequest(
                f"{name} has {reprlib.repr(entry)}.", hint=f"Write it as {example}."
            )
    _check_list(name, entries, most)
    return entries
