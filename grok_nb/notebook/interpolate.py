r"""``{{name}}`` in a prompt -> the text of a variable. Pure.

Only ``{{`` + a name with attributes and indexes + optional filters + ``}}`` is
replaced; nothing is ever called. Single braces, JSON, LaTeX and the like pass through;
``\{{`` stands for ``{{``.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from .options import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BRACES = re.compile(r"(?P<escape>\\?)\{\{(?P<inner>[^{}\n]*)\}\}|\\\{\{")
_INDEX = r"\[\s*(?:-?\d+|'[^'\]]*'|\"[^\"\]]*\")\s*\]"
_PATH = re.compile(rf"\s*(?P<name>[^\W\d]\w*)(?P<steps>(?:\.[^\W\d]\w*|{_INDEX})*)\s*")
_STEP = re.compile(rf"\.([^\W\d]\w*)|({_INDEX})")


def interpolate(text: str, names: Mapping[str, Any]) -> str:
    """Return the text with its ``{{...}}`` filled in.

    Parameters
    ----------
    text
        A prompt.
    names
        Where variables are looked up.

    Raises
    ------
    OptionError
        An unknown name (with a suggestion), attribute, index or filter, or a call.
    """

    def fill(match: re.Match[str]) -> str:
        inner = match["inner"]
        if inner is None:
            return "{{"
        if match["escape"]:
            return match[0][1:]
        path, *filters = inner.split("|")
        found = _PATH.match(path)
        if found is None:
            return match[0]  # not a name: JSON, a template, ...
        if path[found.end() :].startswith("("):
            raise OptionError(
                f"{match[0]} calls something, which a prompt cannot.",
                hint=r"Make a variable of it first, or write \{{ for plain braces.",
            )
        if path[found.end() :]:
            return match[0]
        value = _lookup(found["name"], found["steps"], names)
        return _text(value, [f.strip() for f in filters])

    return _BRACES.sub(fill, text)


def _lookup(name: str, steps: str, names: Mapping[str, Any]) -> Any:
    if name not in names:
        public = [n for n in names if not n.startswith("_")]
        close = difflib.get_close_matches(name, public, n=1)
        raise OptionError(
            f"There is no variable {name!r} for {{{{{name}{steps}}}}}.",
            hint=f"Did you mean {close[0]!r}?"
            if close
            else r"-R sends braces as they are; \{{ does it once.",
        )
    value = names[name]
    for attribute, index in _STEP.findall(steps):
        try:
            if attribute:
                value = getattr(value, attribute)
            else:
                value = value[ast.literal_eval(index.strip()[1:-1].strip())]
        except Exception as error:  # noqa: BLE001 - whatever the user's object raises
            what = f"{type(error).__name__}: {error}"
            raise OptionError(f"{{{{{name}{steps}}}}} failed ({what}).") from None
    return value


def _text(value: Any, filters: list[str]) -> str:
    for spec in filters:
        name, _, argument = spec.partition(":")
        if name not in FILTERS:
            close = difflib.get_close_matches(name, FILTERS, n=1)
            raise OptionError(
                f"There is no filter {name!r}.",
                hint=f"Did you mean {close[0]!r}?"
                if close
                else f"There are: {', '.join(FILTERS)}.",
            )
        try:
            value = FILTERS[name](value, argument)
        except Exception as error:  # noqa: BLE001 - whatever the user's object raises
            what = f"{type(error).__name__}: {error}"
            raise OptionError(f"The filter {spec!r} failed ({what}).") from None
    try:
        return value if isinstance(value, str) else str(value)
    except Exception as error:  # noqa: BLE001 - any variable of the user
        what = f"{type(error).__name__}: {error}"
        kind = type(value).__name__
        raise OptionError(f"A {kind} has no text ({what}).") from None


def _schema(value: Any, _: str) -> str:
    dtypes = getattr(value, "dtypes", None)
    if dtypes is not None and hasattr(dtypes, "items"):
        lines = [f"{name}: {dtype}" for name, dtype in dtypes.items()]
        return "\n".join([f"{len(value)} rows", *lines])
    return type(value).__name__


#: ``{{x|name:argument}}``: (value, argument) -> value.
FILTERS: dict[str, Callable[[Any, str], Any]] = {
    "head": lambda value, rows: value.head(int(rows or 5)),
    "json": lambda value, _: json.dumps(value, ensure_ascii=False, default=str),
    "schema": _schema,
    "trunc": lambda value, length: str(value)[: int(length or 2000)],
}
