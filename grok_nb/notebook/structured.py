"""``--schema`` of a cell -> what `ask` takes: a class of the notebook, or the text."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_origin

from .options import OptionError

if TYPE_CHECKING:
    from grok_nb.reply import Reply

_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_LIST = re.compile(r"list\[(?P<inner>.*)\]")
_BRACES = re.compile(r"\{\{\s*(?P<name>[^{}]*?)\s*\}\}")
_BUILTIN = {"str": str, "int": int, "float": float, "bool": bool}


def schema_of(text: str, names: Mapping[str, Any]) -> Any:
    """Return what a schema on the option line stands for.

    Parameters
    ----------
    text
        The name of a class or dict, ``list[Name]``, or what `ask` takes as text.
    names
        Where variables are looked up.

    Raises
    ------
    OptionError
        The name is of something else, or looks like that of a class and is not there.
    """
    text = text.strip()
    if braces := _BRACES.fullmatch(text):
        text = braces["name"]
    if found := _LIST.fullmatch(text):
        inner = schema_of(found["inner"], names)
        if isinstance(inner, (str, Mapping)):
            raise OptionError(
                f"--schema: list[...] needs a class, not {found['inner']!r}.",
                hint="--many asks for a list of any schema.",
            )
        return list[inner]  # type: ignore[valid-type]  # at run time
    if not _PATH.fullmatch(text):
        return text
    first, *steps = text.split(".")
    if first not in names:
        if text in _BUILTIN:
            return _BUILTIN[text]
        return _field(text, names)
    value = names[first]
    for step in steps:
        value = getattr(value, step, None)
    if isinstance(value, (type, Mapping)) or get_origin(value) is not None:
        return value
    if hasattr(value, "validate_json") and not inspect.isroutine(value):
        return value  # a pydantic TypeAdapter
    kind = type(value).__name__
    raise OptionError(
        f"--schema: {text} is a variable ({kind}), and no class or dict.",
        hint=f"For a field of that name write --schema '{steps[-1] if steps else first} str'.",
    )


def check_names(options: Mapping[str, Any]) -> None:
    """Refuse options about data where there is none, or one name for two things.

    Raises
    ------
    OptionError
        Nothing was sent.
    """
    if options.get("schema") is None:
        for name in ("df", "many"):
            if options.get(name):
                raise OptionError(
                    f"--{name} needs a schema.", hint="Add --schema 'name, age int'."
                )
    if options.get("df") and options["df"] == options.get("out"):
        raise OptionError(f"--df and -o have the same name: {options['df']}.")


def bind_frame(options: Mapping[str, Any], reply: Reply, names: Any) -> None:
    """Bind the records of a reply as a DataFrame, where that was asked for."""
    if options.get("df"):
        names[options["df"]] = reply.df


def _field(text: str, names: Mapping[str, Any]) -> str:
    """Return a name that is no variable: that of one field, if not of a class."""
    classes = [n for n, v in names.items() if isinstance(v, type) and n[0] != "_"]
    close = difflib.get_close_matches(text, classes, n=1)
    if close or text[0].isupper() or "." in text:
        raise OptionError(
            f"--schema: there is no class {text}.",
            hint=f"Did you mean {close[0]}? For a field of that name write '{text} str'."
            if close
            else "Run the cell that defines it, or write fields: 'name, age int'.",
        )
    return text
