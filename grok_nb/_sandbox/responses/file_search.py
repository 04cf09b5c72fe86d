"""Search of the files that were uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grok_nb._sandbox import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grok_nb._sandbox.desk import Desk


@dataclass(frozen=True, slots=True)
class Match:
    """A paragraph of a file that fits."""

    file_id: str
    filename: str
    text: str
    score: float


def search(desk: Desk, names: Iterable[str], wanted: str, limit: int) -> list[Match]:
    """
    Find paragraphs in files; one that is not there has none.

    Collections are made at another host; what is named here is taken for files' ids.
    """
    asked = set(corpus.terms(wanted))
    found: list[Match] = []
    for name in names if asked else ():
        stored = desk.files.get(name, desk.unix_time())
        if stored is None:
            continue
        text = stored.content.decode("utf-8-sig", errors="replace")
        for paragraph in filter(None, map(str.strip, text.split("\n\n"))):
            held = asked & set(corpus.terms(paragraph))
            if held:
                score = round(len(held) / len(asked), 4)
                found.append(Match(stored.id, stored.filename, paragraph, score))
    return sorted(found, key=lambda match: -match.score)[:limit]
