"""JSON bodies: out, in, and the canonical form of a request with its key."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Parts of a body that change how an answer travels, not what is asked.
_TRANSPORT_FIELDS = frozenset({"stream", "stream_options"})


def canonical(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request asks, whichever way its answer travels.

    Parameters
    ----------
    path
        Endpoint below the base URL, e.g. ``"/chat/completions"``.
    body
        The JSON body.

    Returns
    -------
    dict
        ``{"path": ..., "body": ...}`` without ``stream`` and ``stream_options``; host,
        key and headers are no part of it.
    """
    kept = {k: v for k, v in body.items() if k not in _TRANSPORT_FIELDS}
    return {"path": path, "body": kept}


def request_key(path: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the canonical request.

    The order of object keys does not matter, nor does ``1`` against ``1.0``; the order
    of lists and every character of text do.
    """
    text = json.dumps(
        _plain(canonical(path, body)),
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(value: Any) -> Any:
    """Write a value as what `encode` makes of it, but whole floats as integers.

    JSON's grammar knows one kind of number, and names are always text.
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, dict):
        return {_name(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return _plain(_as_json(value))


def _name(name: Any) -> str:
    """Return the name of a field as JSON writes it: ``1`` becomes ``"1"``."""
    return name if isinstance(name, str) else next(iter(json.loads(encode({name: 0}))))


def encode(body: Any) -> bytes:
    """Return the body as compact UTF-8 JSON.

    Raises
    ------
    TypeError, ValueError
        A value is not JSON: NaN, bytes, a lone surrogate, an unknown object.
    """
    return json.dumps(
        body,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
        default=_as_json,
    ).encode("utf-8")


def _as_json(value: Any) -> Any:
    """Take numpy scalars, secrets and read-only mappings for what they mean."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    if callable(reveal := getattr(value, "reveal", None)):
        return reveal()  # a `Secret` is text where it is sent, and nowhere else
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def parse(text: bytes) -> Any:
    """Parse JSON bytes; broken UTF-8 is replaced.

    Raises
    ------
    ValueError
        The text is not JSON.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        return from_json(text)
    except ValueError:
        # halves of a surrogate pair, or broken UTF-8: the standard parser takes both
        try:
            return json.loads(text.decode("utf-8", errors="replace"))
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None


def parse_object(text: bytes) -> dict[str, Any] | None:
    """Parse JSON bytes that should be an object; ``None`` where they are not."""
    try:
        found = parse(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
