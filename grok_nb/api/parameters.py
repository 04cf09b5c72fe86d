"""The rules that arguments are checked by before anything is sent."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from grok_nb import bodies
from grok_nb.errors import BadRequest

NUMBER, WHOLE, FLAG = "a number", "a whole number", "True or False"
WORD, OBJECT, LIST = "text", "a dict", "a list"
WORDS = "text or a list of texts"
CHOICE = "text or a dict"
BLOCKS = "text or a list of blocks"

#: name -> (what it must be, lowest, highest)
Rules = Mapping[str, tuple[str, float, float]]


def checked(what: str, rules: Rules, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters that were set, each as its rule wants it.

    Parameters
    ----------
    what
        Who takes them, for the message: "Chat completions".
    rules
        What each must be.
    given
        ``None`` values count as not given.

    Raises
    ------
    BadRequest
        One cannot be right; the message names it. Nothing was sent.
    """
    return {
        name: _checked(what, rules, name, value)
        for name, value in (given or {}).items()
        if value is not None
    }


def refuse_elsewhere(
    what: str, elsewhere: Mapping[str, str], given: Mapping[str, Any]
) -> None:
    """Raise `BadRequest` for a parameter of other endpoints that was set.

    Parameters
    ----------
    what
        Who does not take it: "Messages".
    elsewhere
        Such parameters -> what to do.
    given
        ``None`` values count as not given.
    """
    for name, value in given.items():
        if value is not None and name in elsewhere:
            raise BadRequest(
                f"{what} have no parameter {name!r}.", hint=elsewhere[name]
            )


def in_path(name: str, value: object, hint: str) -> str:
    """Return an id as one step of an address; whatever it holds, it is no more.

    Raises
    ------
    BadRequest
        It is no text, empty, or made of dots, which mean other places there.
    """
    if not isinstance(value, str) or not value.strip(". "):
        raise BadRequest(f"{name} must be an id, not {reprlib.repr(value)}.", hint=hint)
    return quote(value, safe="", errors="replace")


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return the body as JSON text; what is not JSON is a `BadRequest`."""
    try:
        return bodies.encode(body)
    except UnicodeEncodeError as error:
        reason = f"half of a surrogate pair at character {error.start}"
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise BadRequest(
        f"The request cannot be written as JSON: {reason}.",
        hint="Only text, numbers, booleans, None, lists and dicts can be sent.",
    )


def key_of(path: str, body: Mapping[str, Any]) -> str:
    """Return the key of a request; what cannot have one is a `BadRequest`."""
    try:
        return bodies.request_key(path, body)
    except RecursionError:
        raise BadRequest("The request is nested too deeply.") from None


def _checked(what: str, rules: Rules, name: str, value: Any) -> Any:
    if name not in rules:
        raise BadRequest(f"{what} have no parameter {name!r}.")
    kind, low, high = rules[name]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # a numpy scalar
    if not _fits(kind, value):
        # what is in a dict or list may be a password
        holds = isinstance(value, (Mapping, list, tuple))
        given = type(value).__name__ if holds else reprlib.repr(value)
        raise BadRequest(f"{name} must be {kind}, not {given}.")
    if kind in (NUMBER, WHOLE) and not low <= value <= high:
        span = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise BadRequest(f"{name} must be {span}, not {value!r}.")
    return list(value) if isinstance(value, tuple) else value


def _fits(kind: str, value: object) -> bool:
    if kind == NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == WORD:
        return isinstance(value, str)
    if kind == OBJECT:
        return isinstance(value, Mapping)
    if kind == CHOICE:
        return isinstance(value, (str, Mapping))
    if kind in (WORDS, BLOCKS) and isinstance(value, str):
        return True
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if kind == WORDS:
        return is_list and all(isinstance(v, str) for v in value)  # type: ignore[attr-defined]  # is_list narrows
    return is_list
