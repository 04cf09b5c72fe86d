"""What is known of the batches: their requests, and in which state each of them is."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import errors

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

# Source: xai-api.md section 12.1: kept 30 days.
LIVES_S = 30 * 24 * 3600
MAX_KEPT_BYTES = 512 * 1024 * 1024
ENDPOINTS = {
    "chat_get_completion": "/v1/chat/completions",
    "responses": "/v1/responses",
    "image_generation": "/v1/images/generations",
    "image_edit": "/v1/images/edits",
}
PENDING, SUCCEEDED, FAILED, CANCELLED = "pending", "succeeded", "failed", "cancelled"
_COUNTED = {
    PENDING: "num_pending",
    SUCCEEDED: "num_success",
    FAILED: "num_error",
    CANCELLED: "num_cancelled",
}
EXPIRED_TEXT = "The batch expired before all of its requests were processed."


def shown_time(at_s: float) -> str:
    """Write seconds since 1970 as the API writes times."""
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that somebody wants to add."""

    id: str
    kind: str
    body: bytes
    model: str | None


@dataclass(slots=True)
class Request:
    """A request of a batch; times are seconds since 1970."""

    asked: Asked
    created_s: float
    due_s: float
    state: str = PENDING
    finished_s: float | None = None
    # The JSON of what the API calls batch_result.
    result: bytes = b""

    def finish(self, state: str, at_s: float, result: bytes = b"") -> None:
        """Write how it ended."""
        self.state, self.finished_s, self.result = state, at_s, result
        self.asked = replace(self.asked, body=b"")

    def shown(self) -> dict[str, Any]:
        """Give the API's object of it."""
        finished = self.finished_s
        return {
            "batch_request_id": self.asked.id,
            "endpoint": ENDPOINTS[self.asked.kind],
            "model": self.asked.model,
            "state": self.state,
            "create_time": shown_time(self.created_s),
            "finish_time": None if finished is None else shown_time(finished),
        }


@dataclass(slots=True)
class Batch:
    """
    A batch.

    Parameters
    ----------
    id, name : str
        Of the batch.
    number : int
        How many were created before it.
    created_s, expires_s : float
        Seconds since 1970.
    base_url : str
        The server's root as its client knows it, for the addresses of pictures.
    input_file_id : str or None
        Where its requests came from.
    """

    id: str
    name: str
    number: int
    created_s: float
    expires_s: float
    base_url: str
    input_file_id: str | None = None
    requests: dict[str, Request] = field(default_factory=dict)
    # Those with a result, in the order in which they came.
    finished: list[Request] = field(default_factory=list)
    cancelled_s: float | None = None
    cancelled_why: str | None = None
    is_expired: bool = False
    ticks: int = 0

    def cancel(self, now_s: float, why: str | None = None) -> None:
        """Let what is pending never be worked on; the first time counts."""
        if self.cancelled_s is None:
            self.cancelled_s, self.cancelled_why = now_s, why
        for request in self.requests.values():
            if request.state == PENDING:
                request.finish(CANCELLED, now_s)

    def expire(self, now_s: float) -> None:
        """Notice that its time is over: its results are gone."""
        if self.is_expired or now_s < self.expires_s:
            return
        self.is_expired = True
        if any(one.state == PENDING for one in self.requests.values()):
            self.cancel(self.expires_s, EXPIRED_TEXT)
        self.finished.clear()
        for request in self.requests.values():
            request.result = b""

    def shown(self) -> dict[str, Any]:
        """Give the API's object of it."""
        counts = dict.fromkeys(_COUNTED.values(), 0)
        for request in self.requests.values():
            counts[_COUNTED[request.state]] += 1
        cancelled = self.cancelled_s
        return {
            "batch_id": self.id,
            "name": self.name,
            "create_time": shown_time(self.created_s),
            "expire_time": shown_time(self.expires_s),
            "cancel_time": None if cancelled is None else shown_time(cancelled),
            "cancel_by_xai_message": self.cancelled_why,
            "input_file_id": self.input_file_id,
            "cost_breakdown": {"total_cost_usd_ticks": self.ticks},
            "state": {"num_requests": len(self.requests), **counts},
        }


class Book:
    """All batches, and the requests that wait, in the order of their times."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._waiting: deque[tuple[Batch, Request, int]] = deque()
        self._bytes = 0
        # The one task that works, for all who look.
        self.work: asyncio.Task[None] | None = None

    def create(
        self, name: str, now_s: float, base_url: str, input_file_id: str | None = None
    ) -> Batch:
        """Begin a batch without requests."""
        batch = Batch(
            id=f"batch_{uuid.uuid4()}",
            name=name,
            number=len(self._batches),
            created_s=now_s,
            expires_s=int(now_s) + LIVES_S,
            base_url=base_url,
            input_file_id=input_file_id,
        )
        self._batches[batch.id] = batch
        return batch

    def find(self, name: str) -> Batch:
        """
        Give a batch.

        Raises
        ------
        ApiError
            404 for one that never was.
        """
        batch = self._batches.get(name)
        if batch is None:
            raise errors.ApiError(404, "missing", f"The batch {name} was not found.")
        return batch

    def newest_first(self) -> list[Batch]:
        """Give all batches."""
        return list(self._batches.values())[::-1]

    @staticmethod
    def check_open(batch: Batch, *, may_be_cancelled: bool = False) -> None:
        """
        Check that something can still be done with a batch.

        Raises
        ------
        ApiError
            400 for one that has expired or was cancelled.
        """
        if batch.is_expired:
            raise errors.invalid(f"The batch {batch.id} has expired.")
        if batch.cancelled_s is not None and not may_be_cancelled:
            raise errors.invalid(f"The batch {batch.id} was cancelled.")

    @staticmethod
    def check_kept(batch: Batch) -> None:
        """
        Check that the results of a batch are still there.

        Raises
        ------
        ApiError
            404 for one that has expired.
        """
        if batch.is_expired:
            text = f"The batch {batch.id} has expired: its results are gone."
            raise errors.ApiError(404, "missing", text)

    def check(self, asked: list[Asked], batch: Batch | None = None) -> None:
        """
        Check that requests can be added to a batch, or to a new one.

        Raises
        ------
        ApiError
            400 saying why none of them is added.
        """
        if batch is not None:
            self.check_open(batch)
        if not asked:
            raise errors.invalid("batch_requests is empty.")
        known = set(batch.requests if batch is not None else ())
        for one in asked:
            if not one.id:
                raise errors.invalid("A batch_request_id is empty.")
            if one.id in known:
                raise errors.invalid(f"The batch_request_id {one.id} is not unique.")
            known.add(one.id)
        if self._bytes + sum(len(one.body) for one in asked) > MAX_KEPT_BYTES:
            raise errors.invalid("The sandbox keeps no more requests of batches.")

    def add(
        self, batch: Batch, asked: Iterable[Asked], now_s: float, waits_s: float
    ) -> None:
        """Add requests that were checked; each is due ``waits_s`` seconds from now."""
        for one in asked:
            request = Request(one, now_s, now_s + waits_s)
            batch.requests[one.id] = request
            self._waiting.append((batch, request, len(one.body)))
            self._bytes += len(one.body)

    def due(self, now_s: float) -> tuple[Batch, Request] | None:
        """Give the first request that is to be worked on by now."""
        while self._waiting:
            batch, request, size = self._waiting[0]
            if request.state == PENDING:
                if request.due_s > now_s:
                    return None
                # What would come after its batch is over is never worked on.
                if request.due_s < batch.expires_s:
                    return batch, request
            self._waiting.popleft()
            self._bytes -= size
        return None

    def expire(self, now_s: float) -> None:
        """Notice which batches are over."""
        for batch in self._batches.values():
            batch.expire(now_s)
