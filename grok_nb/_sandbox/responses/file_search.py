"""The files that responses can read, where the sandbox has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from grok_nb._sandbox import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable


class StoredFile(Protocol):
    """A file as it was uploaded."""

    @property
    def id(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class Shelf(Protocol):
    """What knows the uploaded files; the desk may have none."""

    def get(self, name: str, /) -> StoredFile | None:
        """Find a file by its id."""


@dataclass(frozen=True, slots=True)
class Match:
    """A paragraph of a file that fits."""

    file_id: str
    filename: str
    text: str
    score: float


def search(
    shelf: Shelf | None, names: Iterable[str], wanted: str, limit: int
) -> list[Match]:
    """
    Find paragraphs in files.

    Collections are made at another host; what is named here is taken for files' ids.
    """
    asked = set(corpus.terms(wanted))
    found: list[Match] = []
    for name in names if shelf is not None and asked else ():
        stored = shelf.get(name) if shelf is not None else None
        if stored is None:
            continue
        text = stored.data.decode(errors="replace")
        for paragraph in filter(None, map(str.strip, text.split("\n\n"))):
            held = asked & set(corpus.terms(paragraph))
            if held:
                score = round(len(held) / len(asked), 4)
                found.append(Match(stored.id, stored.filename, paragraph, score))
    return sorted(found, key=lambda match: -match.score)[:limit]
