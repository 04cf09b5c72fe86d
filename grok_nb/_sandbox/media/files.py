"""The files of the sandbox: stored, listed, read, deleted, expired.

No call here has a row in the ledger: what files cost is by the day and gibibyte, and no
answer of the API names it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grok_nb._sandbox import errors

from .shapes import FILE_LIVES_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb._sandbox.desk import Desk

    from .shapes import FileDeleted, FileList, FileObject

# Source: docs.x.ai files (2025-11): 50 MB.
MAX_FILE_BYTES = 50_000_000
MAX_STORED_BYTES = 1024**3
MAX_PAGE = 100
ORDERS = ("asc", "desc")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file and what is known of it; times are seconds since 1970."""

    id: str
    filename: str
    content: bytes
    created_at: int
    expires_at: int | None
    order: int

    def shown(self) -> FileObject:
        """Give the API's object of it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": "",
        }


_SORT_KEYS: dict[str, Callable[[StoredFile], int | str]] = {
    "created_at": lambda one: one.created_at,
    "filename": lambda one: one.filename,
    "size": lambda one: len(one.content),
}
SORTS = tuple(_SORT_KEYS)


def check_lives(lives_s: int | None) -> None:
    """
    Check for how long a file is to be kept.

    Raises
    ------
    ApiError
        400 for less than an hour or more than thirty days.
    """
    low, high = FILE_LIVES_S
    if lives_s is not None and not low <= lives_s <= high:
        raise errors.invalid(
            f"Invalid value for expires_after: it must be {low} to {high} seconds."
        )


def store(
    desk: Desk, filename: str, content: bytes, lives_s: int | None = None
) -> StoredFile:
    """
    Keep a file.

    Parameters
    ----------
    desk : Desk
        Whose files.
    filename : str
        What it is called.
    content : bytes
        What is in it.
    lives_s : int, optional
        Seconds until it expires; default never.

    Raises
    ------
    ApiError
        400 or 413 saying why it cannot be kept.
    """
    check_lives(lives_s)
    if len(content) > MAX_FILE_BYTES:
        raise errors.ApiError(
            413,
            "argument",
            f"The file has {len(content)} bytes, more than the {MAX_FILE_BYTES} allowed.",
        )
    if desk.files.bytes + len(content) > desk.files.max_bytes:
        raise errors.invalid("The sandbox keeps no more files: delete some of them.")
    now_s = desk.unix_time()
    created_at = int(now_s)
    stored = StoredFile(
        id=f"file_{uuid.uuid4()}",
        filename=filename,
        content=content,
        created_at=created_at,
        expires_at=None if lives_s is None else created_at + lives_s,
        order=next(desk.file_numbers),
    )
    lives = None if stored.expires_at is None else stored.expires_at - now_s
    desk.files.put(stored.id, stored, len(content), now_s, lives)
    return stored


def find(desk: Desk, name: str) -> StoredFile:
    """
    Give a file.

    Raises
    ------
    ApiError
        404 for one that never was, was deleted or has expired.
    """
    found = desk.files.get(name, desk.unix_time())
    if found is None:
        raise _unknown(name)
    return found


def delete(desk: Desk, name: str) -> FileDeleted:
    """
    Delete a file.

    Raises
    ------
    ApiError
        404 as for `find`.
    """
    if desk.files.take(name, desk.unix_time()) is None:
        raise _unknown(name)
    return {"id": name, "deleted": True}


def page(desk: Desk, query: dict[str, str]) -> FileList:
    """
    List files, a page at a time.

    Parameters
    ----------
    desk : Desk
        Whose files.
    query : dict of str to str
        ``limit`` (1 to 100, default 100), ``order`` (``desc``, the newest first, or
        ``asc``), ``sort_by`` (``created_at``, ``filename`` or ``size``) and the
        ``pagination_token`` of the page before; what else there is, is ignored. Which
        names to sort by the API has is not recorded: these are the sandbox's.

    Raises
    ------
    ApiError
        400 for values that make no sense.
    """
    limit = query.get("limit", str(MAX_PAGE))
    if (
        not limit.isascii()
        or not limit.isdigit()
        or not 1 <= int(limit[:9]) <= MAX_PAGE
    ):
        raise errors.invalid(f"Invalid value for limit: it must be 1 to {MAX_PAGE}.")
    order, sort_by = query.get("order", "desc"), query.get("sort_by", "created_at")
    if order not in ORDERS:
        raise errors.invalid(f"Invalid value for order: {' or '.join(ORDERS)}.")
    if sort_by not in _SORT_KEYS:
        raise errors.invalid(f"Invalid value for sort_by: {', '.join(_SORT_KEYS)}.")
    key = _SORT_KEYS[sort_by]
    found = sorted(
        desk.files.items(desk.unix_time()),
        key=lambda one: (key(one), one.order),
        reverse=order == "desc",
    )
    start = 0
    token = query.get("pagination_token")
    if token:
        names = [one.id for one in found]
        # The token is the last id of the page before it.
        if token not in names:
            raise errors.invalid("Invalid value for pagination_token.")
        start = names.index(token) + 1
    shown = found[start : start + int(limit)]
    has_more = start + int(limit) < len(found)
    return {
        "data": [one.shown() for one in shown],
        "pagination_token": shown[-1].id if has_more else None,
    }


def _unknown(name: str) -> errors.ApiError:
    return errors.ApiError(404, "missing", f"The file {name} was not found.")
