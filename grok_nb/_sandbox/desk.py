"""What all requests to one sandbox share, and what is known of one request."""

from __future__ import annotations

import copy
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import books, catalog, deferred, delivery, errors
from .batches.book import Book
from .billing.account import Account
from .media import files, pictures
from .responses.stored import Stored
from .shelf import Shelf

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import Scope, Send

    from .faults import Fault, Faults
    from .media.files import StoredFile
    from .media.shapes import Clock

# The sandbox shares no code with the client, so nobody hands it a clock.
_unix_time: Callable[[], float] = time.time  # noqa: TID251


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How a sandbox behaves.

    Parameters
    ----------
    key : str or None
        The one right key; None: any that starts with ``xai-``, except ``xai-wrong...``
        and the keys of the management host.
    latency_s : float
        Seconds before the first byte of an inference answer.
    tokens_per_s : float or None
        Pace of streams; None for full speed.
    vintage : {"2026", "2025"}
        Which year's models, error codes, stream shape and live search.
    rpm, tpm : int or None
        Requests and tokens per minute and model; None for no limit.
    """

    key: str | None = None
    latency_s: float = 0.0
    tokens_per_s: float | None = None
    vintage: str = "2026"
    rpm: int | None = None
    tpm: int | None = None


def _not_connected(client: tuple[str, int]) -> asyncio.Transport | None:  # noqa: ARG001
    return None


class Desk:
    """Settings, models, books and script of one sandbox."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        if settings.vintage not in errors.VINTAGES:
            known = " or ".join(errors.VINTAGES)
            raise ValueError(f"vintage is {settings.vintage!r}, not {known}")
        self.settings = settings
        self.faults = faults
        self.catalog = catalog.load(settings.vintage)
        self.batch_catalog = self.catalog.in_batch()
        self.account = Account(self.catalog, self.batch_catalog)
        self.ledger = books.Ledger(
            lambda call: self.account.book(call, self.unix_time())
        )
        self.log = books.Log()
        self.limits = books.Limits(settings.rpm, settings.tpm)
        self.monotonic = time.monotonic
        # How far the clock of what expires was put forward.
        self.advanced_s = 0.0
        self.pictures: Shelf[bytes] = Shelf(pictures.MAX_KEPT_BYTES)
        self.files: Shelf[StoredFile] = Shelf(files.MAX_STORED_BYTES)
        self.file_numbers = itertools.count(1)
        self.deferred: Shelf[deferred.Result] = Shelf(deferred.MAX_KEPT_BYTES)
        # Looked up each time: the clock may be put forward.
        self.responses = Stored(lambda: self.unix_time())  # noqa: PLW0108
        self.batches = Book()
        # The server that runs the app puts its own look-up here.
        self.connection: delivery.Connection = _not_connected

    def unix_time(self) -> float:
        """Give the seconds since 1970 on the sandbox's clock."""
        return _unix_time() + self.advanced_s

    def of_batch(
        self, batch_id: str, at_s: float, on_bill: Callable[[books.Call], None]
    ) -> Desk:
        """
        Give the same desk for a request of a batch.

        Its prices are those of batches, no limits of the minute count, its ledger
        writes the batch beside each call, and it is ``at_s`` seconds since 1970 there:
        a request is worked on when somebody looks, but as of its own time.
        Source: docs.x.ai batch API (2026), for the limits.
        """
        same = copy.copy(self)
        same.catalog = self.batch_catalog
        same.limits = books.Limits(None, None)
        same.advanced_s = at_s - _unix_time()

        def booked(call: books.Call) -> None:
            same.account.book(call, at_s)
            on_bill(call)

        same.ledger = self.ledger.of_batch(batch_id, booked)
        return same

    def clock(self) -> Clock:
        """Give the answer of ``/__sandbox/clock``."""
        return {"now": self.unix_time(), "advanced_s": self.advanced_s}


@dataclass(slots=True)
class Incoming:
    """One request, read whole."""

    desk: Desk
    request_id: str
    method: str
    path: str
    headers: dict[str, str]
    gone: asyncio.Future[None]
    started_s: float
    body: bytes = b""
    fault: Fault | None = field(default=None)

    def line(self, scope: Scope, send: Send) -> delivery.Line:
        """Open the way back to the client."""
        return delivery.Line(scope, send, self.gone, self.desk.connection)

    def require_json(self) -> None:
        """
        Check that there is a body and that it claims to be JSON.

        Raises
        ------
        ApiError
            415.
        """
        media_type = self.headers.get("content-type", "").partition(";")[0].strip()
        is_json = media_type.lower() == "application/json"
        if not is_json and not media_type.lower().endswith("+json"):
            raise errors.ApiError(415, "argument", errors.JSON_TYPE_TEXT)
        if not self.body:
            raise errors.ApiError(415, "argument", "The request body is empty.")
