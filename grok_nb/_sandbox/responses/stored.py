"""Responses that can be read back."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import errors

if TYPE_CHECKING:
    from collections.abc import Callable

# Source: docs.x.ai (2025-12); xai-api.md section 6.8.
KEPT_S = 30 * 24 * 3600
MAX_ENTRIES = 10_000
MAX_BYTES = 256 * 1024 * 1024
DEFAULT_ITEMS, MAX_ITEMS = 20, 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A response as it was answered, and all that was said before it."""

    body: dict[str, Any]
    items: tuple[dict[str, Any], ...]
    size: int


class Stored:
    """
    The newest responses, for 30 days.

    Parameters
    ----------
    unix_time : callable
        Gives the seconds since 1970.
    """

    def __init__(self, unix_time: Callable[[], float]) -> None:
        self._unix_time = unix_time
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0

    def add(
        self, body: dict[str, Any], items: tuple[dict[str, Any], ...], size: int = 0
    ) -> None:
        """
        Keep a response; the oldest ones make room.

        Parameters
        ----------
        body, items
            Of the `Entry`.
        size : int, default 0
            Bytes of the request; what was said before is not kept twice.
        """
        self._entries[body["id"]] = Entry(body, items, size)
        self._bytes += size
        while len(self._entries) > MAX_ENTRIES or (
            self._bytes > MAX_BYTES and len(self._entries) > 1
        ):
            self._forget(next(iter(self._entries)))

    def _forget(self, name: str) -> None:
        self._bytes -= self._entries.pop(name).size

    def get(self, name: str) -> Entry:
        """
        Find a response.

        Raises
        ------
        ApiError
            404 when there is none, or none any more.
        """
        entry = self._entries.get(name)
        if entry is not None and entry.body["created_at"] + KEPT_S < self._unix_time():
            self._forget(name)
            entry = None
        if entry is None:
            raise errors.ApiError(404, "missing", f"The response {name} was not found.")
        return entry

    def delete(self, name: str) -> None:
        """Forget a response; 404 as for `get`."""
        self.get(name)
        self._forget(name)

    def items_after(self, name: str) -> tuple[dict[str, Any], ...]:
        """Give what a response that continues another one starts from."""
        entry = self.get(name)
        return (*entry.items, *entry.body["output"])

    def input_items(
        self, name: str, *, limit: int, after: str | None, is_oldest_first: bool
    ) -> list[dict[str, Any]]:
        """List the input of a response, each item with an id."""
        items = [
            {"id": f"msg_{name}_input_{number}"} | item
            for number, item in enumerate(self.get(name).items)
        ]
        if not is_oldest_first:
            items.reverse()
        if after is not None:
            places = [n for n, item in enumerate(items) if item["id"] == after]
            items = items[places[0] + 1 :] if places else []
        return items[:limit]
