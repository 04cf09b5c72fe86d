r"""``{{name}}`` in a prompt -> the text of a variable. Pure.

Only ``{{`` + a name with attributes and indexes + optional filters + ``}}`` is
replaced; nothing is ever called. Single braces, JSON, LaTeX and the like pass through;
``\{{`` stands for ``{{``. A DataFrame is written as shape, dtypes and first rows.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from grok_nb.compact import compact, is_frame

from .options import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BRACES = re.compile(r"(?P<escape>\\?)\{\{(?P<inner>[^{}\n]*)\}\}|\\\{\{")
_INDEX = r"\[\s*(?:-?\d+|'[^'\]]*'|\"[^\"\]]*\")\s*\]"
_PATH = re.compile(rf"\s*(?P<name>[^\W\d]\w*)(?P<steps>(?:\.[^\W\d]\w*|{_INDEX})*)\s*")
_STEP = re.compile(rf"\.([^\W\d]\w*)|({_INDEX})")


def interpolate(
    text: str, names: Mapping[str, Any], notes: list[str] | None = None
) -> str:
    """Return the text with its ``{{...}}`` filled in.

    Parameters
    ----------
    text
        A prompt.
    names
        Where variables are looked up.
    notes
        Takes what the user should know of what was filled in: a frame that was cut.

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
        filled, note = _text(value, [f.strip() for f in filters])
        if note and notes is not None:
            name = f"{found['name']}{found['steps']}"
            notes.append(
                f"{{{{{name}}}}} is sent in part: {note}. "
                f"{{{{{name}|head:N}}}} sends N rows, {{{{{name}|csv}}}} all."
            )
        return filled

    return _BRACES.sub(fill, text)


def _lookup(name: str, steps: str, names: Mapping[str, Any]) -> Any:
    if name not in names:
        raise OptionError(
            f"There is no variable {name!r} for {{{{{name}{steps}}}}}.",
            hint=suggest(name, names)
            or r"-R sends braces as they are; \{{ does it once.",
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
            keyed = f'{{{{{name}["{attribute}"]}}}}'
            raise OptionError(
                f"{{{{{name}{steps}}}}} failed ({what}).",
                hint=f"Did you mean {keyed}?" if _has_key(value, attribute) else "",
            ) from None
    return value


def object_in(text: str, names: Mapping[str, Any]) -> tuple[bool, Any]:
    """Return whether the text is one ``{{name}}`` and nothing else, and what it names.

    Raises
    ------
    OptionError
        As `interpolate`.
    """
    whole = _BRACES.fullmatch(text.strip())
    if whole is None or whole["inner"] is None or whole["escape"]:
        return False, None
    found = _PATH.fullmatch(whole["inner"])
    if found is None:
        return False, None
    return True, _lookup(found["name"], found["steps"], names)


def suggest(name: str, names: Mapping[str, Any]) -> str:
    """Return ``Did you mean 'other'?``, or nothing where no variable is close."""
    public = [n for n in names if not n.startswith("_")]
    close = difflib.get_close_matches(name, public, n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def _has_key(value: Any, key: str) -> bool:
    try:
        return bool(key) and not isinstance(value, str) and key in value
    except Exception:  # noqa: BLE001 - whatever the user's object raises
        return False


def _text(value: Any, filters: list[str]) -> tuple[str, str]:
    """Return the text of a value, and what was left out of it."""
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
    chosen = any(spec.partition(":")[0] in ("head", "tail") for spec in filters)
    try:
        if is_frame(value):  # whose rows the user has chosen is sent whole
            found = compact(value, None) if chosen else compact(value)
            return found.text, found.note
        return value if isinstance(value, str) else str(value), ""
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


def _json(value: Any, _: str) -> str:
    if is_frame(value):
        orient = "records" if value.ndim == 2 else "index"
        return str(value.to_json(orient=orient, force_ascii=False, date_format="iso"))
    return json.dumps(value, ensure_ascii=False, default=str)


def _head(value: Any, count: str) -> Any:
    number = int(count or 5)
    return value[:number] if isinstance(value, (list, tuple)) else value.head(number)


def _tail(value: Any, count: str) -> Any:
    number = int(count or 5)
    if isinstance(value, (list, tuple)):
        return value[max(len(value) - number, 0) :]
    return value.tail(number)


def _trunc(value: Any, length: str) -> str:
    text = compact(value).text if is_frame(value) else str(value)
    return text[: int(length or 2000)]


#: ``{{x|name:argument}}``: (value, argument) -> value.
FILTERS: dict[str, Callable[[Any, str], Any]] = {
    "head": _head,
    "tail": _tail,
    "csv": lambda value, _: str(value.to_csv()),
    "json": _json,
    "schema": _schema,
    "trunc": _trunc,
}
