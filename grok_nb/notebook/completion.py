"""Tab on the option line of ``%%grok`` and inside ``{{``: options, values, variables."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from grok_nb.errors import GrokError
from grok_nb.show.formats import FORMATS

from .interpolate import FILTERS
from .options import (
    BUDGET,
    CELL,
    FIX,
    LINE,
    MODELS,
    PICTURE,
    TOKENS,
    USAGE,
    Option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MOST_PATHS = 200
_MAGIC = re.compile(r"\s*(%%?)(grok(?:_\w+)?)\s")
_BRACES = re.compile(r"\{\{\s*([^{}|\n]*)$")
_FILTER = re.compile(r"\{\{[^{}\n]*\|\s*(\w*)$")
#: magics with options of their own
_OF_MAGIC = {
    "grok_budget": BUDGET,
    "grok_fix": FIX,
    "grok_image": PICTURE,
    "grok_models": MODELS,
    "grok_tokens": TOKENS,
    "grok_usage": USAGE,
}
_LAST_WORD = re.compile(r"(?:^|\s)(\S*)$")


def candidates(
    text: str, line_number: int, names: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Return what Tab offers at the end of a text.

    Parameters
    ----------
    text
        A cell up to the cursor.
    line_number
        Which line the cursor is on, from 0.
    names
        The variables of the notebook.

    Returns
    -------
    tuple of str and list of str
        What is being typed, and what may stand in its place.
    """
    magic = _MAGIC.match(text)
    line = text.rsplit("\n", 1)[-1]
    if magic is None and not (magic := _MAGIC.match(line)):
        return "", []
    is_cell = magic[1] == "%%"
    if found := _FILTER.search(line):
        return found[1], _starting(found[1], FILTERS)
    if found := _BRACES.search(line):
        return found[1], _starting(found[1], _public(names))
    if is_cell and line_number > 0:
        return "", []
    options = _OF_MAGIC.get(magic[2], CELL if is_cell else LINE)
    return _on_the_line(line, options, names)


def _on_the_line(
    line: str, options: tuple[Option, ...], names: Mapping[str, Any]
) -> tuple[str, list[str]]:
    known = {flag: option for option in options for flag in option.flags}
    last = _LAST_WORD.search(line)
    typed = last[1] if last else ""
    before = line[: len(line) - len(typed)].split()
    if "=" in typed and (option := known.get(typed.partition("=")[0])):
        typed = typed.partition("=")[2]
    elif before and (option := known.get(before[-1])) and option.metavar:
        pass
    elif typed.startswith("-") or not typed:
        return typed, _starting(typed, known)
    else:
        return "", []
    return typed, _starting(typed, _values(option, typed, names))


def _values(option: Option, typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    """Return what may follow an option."""
    make = _VALUES.get(option.name)
    return make(typed, names) if make else ()


def _models(
    typed: str, names: Mapping[str, Any], kind: str = "language"
) -> Iterable[str]:
    del typed, names
    from grok_nb import pricing

    loaded: Any = sys.modules.get("grok_nb.default")
    table = loaded.known_prices() if loaded else pricing.snapshot()
    return [m.id for m in table.models if m.kind == kind and not m.redirect]


def _aspects(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    del typed, names
    from grok_nb.api.images import ASPECT_RATIOS

    return ASPECT_RATIOS


def _context(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    if typed.startswith("vars:"):
        done, comma, _ = typed.rpartition(",")
        start = f"{done}{comma}" if comma else "vars:"
        return [f"{start}{name}" for name in _public(names)]
    if typed.startswith("file:"):
        return [f"file:{path}" for path in _paths(typed[5:], names)]
    return ("err", "prev:", "vars:", "file:")


def _paths(typed: str, names: Mapping[str, Any]) -> list[str]:
    del names
    folder, slash, start = typed.rpartition("/")
    where = Path(f"{folder}{slash}" or ".").expanduser()
    try:
        found = [
            f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
            for entry in where.iterdir()
            if entry.name.startswith(start) and " " not in entry.name
        ]
    except OSError:
        return []
    return sorted(found)[:_MOST_PATHS]


def _files(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    if typed.startswith("@"):
        return [f"@{path}" for path in _paths(typed[1:], names)]
    return ("@",)


def _attachments(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    if typed.startswith("{"):
        return [f"{{{{{name}}}}}" for name in _public(names)]
    return _paths(typed, names)


def _threads(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    del typed, names
    from grok_nb.threads import listed

    return [str(row.name) for row in listed()]


def _schemas(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    if typed.startswith("@"):
        return _files(typed, names)
    return [
        name
        for name in _public(names)
        if isinstance(names[name], (type, dict))
        or hasattr(names[name], "validate_json")
    ]


def _functions(typed: str, names: Mapping[str, Any]) -> Iterable[str]:
    del typed
    from .functions import listed

    return listed(names)


def _public(names: Mapping[str, Any]) -> list[str]:
    hidden = ("In", "Out", "exit", "quit", "get_ipython", "open")
    return sorted(n for n in names if not n.startswith("_") and n not in hidden)


def _starting(typed: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


_VALUES: dict[str, Callable[[str, Mapping[str, Any]], Iterable[str]]] = {
    "model": _models,
    "image_model": lambda typed, names: _models(typed, names, "image"),
    "aspect_ratio": _aspects,
    "resolution": lambda *_: ("1k", "1.5k", "2k"),
    "quality": lambda *_: ("low", "medium", "auto"),
    "reasoning_effort": lambda *_: ("none", "low", "medium", "high", "xhigh"),
    "format": lambda *_: FORMATS,
    "context": _context,
    "attach": _attachments,
    "system": _files,
    "chat": _threads,
    "schema": _schemas,
    "by": lambda *_: ("model", "day", "hour", "month", "thread", "cell", "state"),
    "what": lambda *_: ("cost", "tokens", "calls"),
    "per": lambda *_: ("session", "day"),
    "tools": _functions,
    "search": lambda *_: ("web", "x", "web,x", "x,web"),
    "tool_choice": lambda typed, names: (
        *("auto", "none", "required"),
        *_functions(typed, names),
    ),
    "df": lambda _, names: _public(names),
    "out": lambda _, names: _public(names),
}


def matches(context: Any) -> dict[str, Any]:
    """Offer what `candidates` finds, in IPython's form."""
    from IPython import get_ipython

    lines = context.full_text.split("\n")[: context.cursor_line + 1]
    lines[-1] = context.line_with_cursor[: context.cursor_position]
    shell: Any = get_ipython()
    try:
        typed, words = candidates("\n".join(lines), context.cursor_line, shell.user_ns)
    except GrokError:  # a wrong setting; the cell itself will say so
        typed, words = "", []
    return {
        "completions": [SimpleCompletion(text=word, type="grok") for word in words],
        "matched_fragment": typed,
        "suppress": bool(words),
    }
