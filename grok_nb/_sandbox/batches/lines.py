"""Requests as clients write them: in the body of an add, or as the lines of a file."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import errors, schemas

from .book import ENDPOINTS, Asked
from .shapes import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shapes import NewRequest

_KINDS = {path: kind for kind, path in ENDPOINTS.items()}
_MAX_TOLD = 10


def of_body(entries: Iterable[NewRequest]) -> list[Asked]:
    """
    Read the requests of an add; one without an id gets one.

    Raises
    ------
    ApiError
        400 for an entry that is for no endpoint, or for several.
    """
    found = []
    for place, entry in enumerate(entries):
        given = entry.batch_request.model_dump(exclude_none=True)
        if len(given) != 1:
            raise errors.invalid(
                f"batch_requests[{place}].batch_request must have exactly one of "
                f"{', '.join(ENDPOINTS)}."
            )
        ((kind, body),) = given.items()
        name = entry.batch_request_id
        found.append(_asked(str(uuid.uuid4()) if name is None else name, kind, body))
    return found


def of_file(content: bytes) -> list[Asked]:
    """
    Read the lines of an input file; empty ones do not count.

    Raises
    ------
    ApiError
        400 naming the lines that are wrong, and why; then none is taken.
    """
    found: list[Asked] = []
    wrong: list[str] = []
    for number, line in enumerate(
        content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1
    ):
        if not line.strip():
            continue
        try:
            read = schemas.read(Line, line)
        except errors.ApiError as refusal:
            why = refusal.text.removeprefix(errors.DESERIALIZE_TEXT)
            wrong.append(f"line {number}: {why}")
            continue
        if read.url not in _KINDS:
            wrong.append(f"line {number}: url must be one of {', '.join(_KINDS)}")
            continue
        found.append(_asked(read.custom_id, _KINDS[read.url], read.body))
    if wrong:
        more = f"; and {len(wrong) - _MAX_TOLD} more" if len(wrong) > _MAX_TOLD else ""
        told = "; ".join(wrong[:_MAX_TOLD])
        raise errors.invalid(f"Invalid input file: {told}{more}.")
    if not found:
        raise errors.invalid("Invalid input file: it has no requests.")
    return found


def _asked(name: str, kind: str, body: dict[str, Any]) -> Asked:
    model = body.get("model")
    raw = json.dumps(body, separators=(",", ":")).encode()
    return Asked(name, kind, raw, model if isinstance(model, str) else None)
