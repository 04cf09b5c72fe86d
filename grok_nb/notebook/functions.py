"""``--tool`` of a cell -> what `ask` takes: a function of the notebook."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from .interpolate import object_in
from .options import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping


def functions_in(given: list[str], names: Mapping[str, Any]) -> list[Any]:
    """Return the functions that options name, as they are defined now.

    Parameters
    ----------
    given
        Names, with or without braces; ``model.predict`` is a method.
    names
        Where variables are looked up.

    Raises
    ------
    OptionError
        There is no such function (with a suggestion), or it is none.
    """
    return [_function(text.strip(), names) for text in given]


def _function(text: str, names: Mapping[str, Any]) -> Any:
    name = text.strip("{} ")
    first = name.partition(".")[0]
    if first not in names:
        close = difflib.get_close_matches(first, listed(names), n=1)
        raise OptionError(
            f"--tool: there is no function {name!r}.",
            hint=f"Did you mean {close[0]!r}?"
            if close
            else "Run the cell that defines it.",
        )
    is_name, found = object_in(f"{{{{{name}}}}}", names)
    if not is_name or not (callable(found) or isinstance(found, dict)):
        kind = type(found).__name__ if is_name else "no name"
        raise OptionError(f"--tool: {name} is no function ({kind}).")
    return found


def listed(names: Mapping[str, Any]) -> list[str]:
    """Return the names of the notebook's own functions."""
    return sorted(
        name
        for name, value in names.items()
        if not name.startswith("_")
        and callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", "__main__") == "__main__"
    )
