"""What the sandbox keeps for a while: pictures, results, files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    item: T
    size: int
    until_s: float | None


class Shelf(Generic[T]):
    """
    Things under their names, until they are taken or their time is over.

    Parameters
    ----------
    max_bytes : int
        What all of them may have; the oldest make room.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._kept: dict[str, _Kept[T]] = {}

    def put(
        self, name: str, item: T, size: int, now_s: float, lives_s: float | None
    ) -> None:
        """Keep a thing of ``size`` bytes, for ``lives_s`` seconds or for ever."""
        self.take(name, now_s)
        until_s = None if lives_s is None else now_s + lives_s
        self._kept[name] = _Kept(item, size, until_s)
        self.bytes += size
        while self.bytes > self.max_bytes and len(self._kept) > 1:
            self.take(next(iter(self._kept)), now_s)

    def get(self, name: str, now_s: float) -> T | None:
        """Give a thing that is still there."""
        self._clean(now_s)
        kept = self._kept.get(name)
        return None if kept is None else kept.item

    def take(self, name: str, now_s: float) -> T | None:
        """Give a thing that is still there and keep it no longer."""
        self._clean(now_s)
        kept = self._kept.pop(name, None)
        if kept is None:
            return None
        self.bytes -= kept.size
        return kept.item

    def items(self, now_s: float) -> list[T]:
        """Give all things, the oldest first."""
        self._clean(now_s)
        return [kept.item for kept in self._kept.values()]

    def _clean(self, now_s: float) -> None:
        over = [
            name
            for name, kept in self._kept.items()
            if kept.until_s is not None and kept.until_s <= now_s
        ]
        for name in over:
            self.bytes -= self._kept.pop(name).size
