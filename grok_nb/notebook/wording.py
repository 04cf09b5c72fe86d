"""Messages name parameters as Python has them; a cell is told its options as typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .options import ASKING, Option, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.errors import BadRequest

#: Where messages about parameters have the name; elsewhere it may be a word.
_NAME = re.compile(r"(^|parameter |model: )([a-z_]+)\b")
#: Messages of this package may name a second one, and hints show how it is given.
_SECOND = re.compile(r"((?:[.?]|\b(?:after|and|or|out|with|without)) )([a-z_]+)\b=?")
#: not these: there they are words, too
_WORDS = ("model", "system", "context", "images", "video", "stop", "n")
_GIVEN = re.compile(r"\b([a-z_]+)=(\[[^]]*\]|'[^']*'|\"[^\"]*\")")


def by_flag(message: str, options: tuple[Option, ...] = ASKING) -> str:
    """Name the option as it is typed where a message names the parameter."""
    flags = _flags(options)
    return _NAME.sub(lambda found: found[1] + flags.get(found[2], found[2]), message)


def option_error(
    error: BadRequest,
    options: tuple[Option, ...] = ASKING,
    also: Mapping[str, str] | None = None,
) -> OptionError:
    """Return what a cell says where a function of the package says ``error``.

    Parameters
    ----------
    error
        Of this package, before anything was sent.
    options
        Those of the magic.
    also
        Other names of parameters in messages, and the flags they are typed as.
    """
    flags = {**_flags(options), **(also or {})}
    values = {o.flags[-1]: o.metavar for o in options}

    def second(found: re.Match[str]) -> str:
        flag = flags.get(found[2])
        is_word = flag is None or found[2] in _WORDS
        return found[0] if is_word else f"{found[1]}{flag}"

    def given(found: re.Match[str]) -> str:
        flag, value = flags.get(found[1]), found[2]
        if flag is None:
            return found[0]
        value = values.get(flag, "") if value[0] == "[" else value[1:-1]
        value = f"'{value}'" if " " in value else value
        return f"{flag} {value}".rstrip()

    said = _NAME.sub(lambda m: m[1] + flags.get(m[2], m[2]), f"{error}")
    hint = _NAME.sub(
        lambda m: m[1] + flags.get(m[2], m[2]), _GIVEN.sub(given, error.hint)
    )
    return OptionError(_SECOND.sub(second, said), hint=_SECOND.sub(second, hint))


def _flags(options: tuple[Option, ...]) -> dict[str, str]:
    flags = {option.name: option.flags[-1] for option in options}
    if "max_tokens" in flags:
        flags["max_completion_tokens"] = flags["max_tokens"]
    return flags
