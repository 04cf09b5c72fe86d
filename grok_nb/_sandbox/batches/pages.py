"""Pages of a listing, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, TypeVar

from grok_nb._sandbox import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

DEFAULT_ENTRIES, MAX_ENTRIES = 100, 1000
_NUMBER_BYTES = 6
_SIGN_BYTES = 12


def page(
    entries: Sequence[T],
    number: Callable[[int, T], int],
    query: Mapping[str, str],
    listing: str,
) -> tuple[Sequence[T], str | None]:
    """
    Give the entries that a query asks for, and the token of the page after.

    Parameters
    ----------
    entries : sequence
        All of them, in order.
    number : callable
        Gives the number of an entry, from its place and itself; it never changes.
    query : mapping of str to str
        ``limit`` (1 to 1000, default 100) and the ``pagination_token`` of the page
        before; an empty one is none.
    listing : str
        Which listing it is: the tokens of others are refused.

    Raises
    ------
    ApiError
        400 for values that make no sense.
    """
    text = query.get("limit", str(DEFAULT_ENTRIES))
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    if not is_number or not 1 <= int(text) <= MAX_ENTRIES:
        raise errors.invalid(f"Invalid value for limit: it must be 1 to {MAX_ENTRIES}.")
    limit, start = int(text), 0
    token = query.get("pagination_token")
    if token:
        numbers = [number(place, entry) for place, entry in enumerate(entries)]
        last = _read(token, listing)
        if last not in numbers:
            raise _wrong()
        start = numbers.index(last) + 1
    shown = entries[start : start + limit]
    if start + limit >= len(entries):
        return shown, None
    place = start + limit - 1
    return shown, _token(number(place, entries[place]), listing)


def _token(number: int, listing: str) -> str:
    raw = number.to_bytes(_NUMBER_BYTES)
    return base64.urlsafe_b64encode(raw + _sign(raw, listing)).decode()


def _sign(raw: bytes, listing: str) -> bytes:
    # No secret: it only has to notice what is no token of this listing.
    whole = listing.encode() + b"\0" + raw
    return hashlib.blake2b(whole, digest_size=_SIGN_BYTES).digest()


def _read(token: str, listing: str) -> int:
    try:
        whole = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except ValueError:
        raise _wrong() from None
    raw, sign = whole[:_NUMBER_BYTES], whole[_NUMBER_BYTES:]
    if sign != _sign(raw, listing):
        raise _wrong()
    return int.from_bytes(raw)


def _wrong() -> errors.ApiError:
    return errors.invalid("Invalid value for pagination_token.")
