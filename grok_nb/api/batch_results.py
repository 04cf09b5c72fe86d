"""What comes out of a batch: a reply or an error for each request, and its money."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grok_nb.config import scrub

from .batch_requests import CHAT, PATHS
from .exchange import Call
from .response_fold import ResponseFold
from .stream import Fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grok_nb.reply import Reply

    from .exchange import Exchange

#: gRPC's number for what was cancelled. Source: grpc.io, status codes.
_CANCELLED = 1
#: States of a request that was never worked on, and never will be.
ENDED = frozenset({"cancelled", "canceled", "expired"})


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why a request of a batch has no reply.

    Attributes
    ----------
    code : int, str or None
        As the server gave it; numbers are those of gRPC, 3 is a bad argument.
    message : str
    """

    code: int | str | None
    message: str

    @property
    def is_cancelled(self) -> bool:
        """Whether it was never worked on, because the batch was cancelled."""
        return self.code == _CANCELLED or (
            isinstance(self.code, str) and self.code.lower() in ENDED
        )

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one request of a batch: a reply, or an error.

    Attributes
    ----------
    batch_request_id : str
        Its name, as it was added.
    error : BatchError or None
    raw : dict
        The parsed JSON as it came.
    """

    batch_request_id: str
    error: BatchError | None
    raw: dict[str, Any] = field(repr=False)
    _fold: Fold | None = field(default=None, repr=False)
    _money: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def reply(self) -> Reply | None:
        """The reply; ``None`` where there is an error, or a picture or video."""
        if self.error is not None or self._fold is None:
            return None
        return self._fold.reply()

    def booked(self, *, keep_text: bool) -> dict[str, Any] | None:
        """Return column of the ledger -> value; ``None`` where nothing is known."""
        fold, error = self._fold, self.error
        if fold is None:
            return _without_reply(self.raw, error, keep_text=keep_text)
        head, usage = fold.head, self._money.get("usage")
        return {
            **_counts(usage),
            "model": head.get("model"),
            "state": "failed" if error is not None else "done",
            "tool_calls": fold.tool_call_count,
            "cost_ticks": self._money.get("cost_ticks"),
            "cost_source": self._money.get("cost_source", "none"),
            "finish_reason": fold.finish_reason,
            "error": _told(error, keep_text=keep_text),
            "response_id": head.get("id"),
            "system_fingerprint": head.get("system_fingerprint"),
        }

    def __repr__(self) -> str:
        state = "done" if self.error is None else "failed"
        return f"<BatchResult {self.batch_request_id!r} {state}>"


class BatchResults:
    """One page of a batch's results.

    Attributes
    ----------
    results : list of BatchResult
        In the server's order; also the page itself can be iterated over.
    pagination_token : str or None
        For the next page; ``None`` after the last one.
    raw : dict
        The parsed JSON as it came.
    """

    def __init__(
        self,
        results: list[BatchResult],
        pagination_token: str | None,
        raw: dict[str, Any],
    ) -> None:
        self.results = results
        self.pagination_token = pagination_token
        self.raw = raw

    def __iter__(self) -> Iterator[BatchResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        more = "" if self.pagination_token is None else ", more follow"
        return f"<BatchResults: {len(self.results)}{more}>"


def read_result(
    exchange: Exchange, entry: Mapping[str, Any], *, sandbox: bool
) -> BatchResult:
    """Read one entry of a page of results, whatever is in it."""
    name = entry.get("batch_request_id")
    name = name if isinstance(name, str) else ""
    raw = dict(entry)
    outcome = entry.get("batch_result")
    outcome = outcome if isinstance(outcome, dict) else entry
    response = outcome.get("response")
    if not isinstance(response, dict):
        return BatchResult(name, _error_in(exchange, outcome, entry), raw)
    found = next((kind for kind in PATHS if isinstance(response.get(kind), dict)), None)
    if found is None:  # a picture or video, of a file that was given
        return BatchResult(name, None, raw)
    data = response[found]
    choices = data.get("choices")
    body = {"n": len(choices)} if isinstance(choices, list) else {}
    call = Call(PATHS[found], body, fold=Fold if found == CHAT else ResponseFold)
    fold = call.fold
    fold.request = {"path": PATHS[found], "body": {}}  # what was asked is not told
    fold.in_batch = True
    fold.add_whole(data)
    error = None
    if not fold.has_choice:
        error = BatchError(None, "The result holds no reply.")
    elif fold.failure is not None:
        reason = scrub(fold.failure, exchange.settings.api_key)
        error = BatchError(None, f"The reply failed at the server: {reason}.")
    is_known = fold.has_choice or fold.usage is not None
    money = exchange.price(call, final=True) if is_known else {}
    fold.outcome = {
        **money,
        "state": "done" if error is None else "failed",
        "sandbox": sandbox,
    }
    return BatchResult(name, error, raw, fold, money)


def _error_in(
    exchange: Exchange, outcome: Mapping[str, Any], entry: Mapping[str, Any]
) -> BatchError | None:
    error = outcome.get("error") or entry.get("error") or entry.get("error_message")
    code: object = None
    if isinstance(error, dict):
        code, error = error.get("code"), error.get("message") or "no reason given"
    if not isinstance(error, str):
        error = "The result holds neither a reply nor an error."
    text = scrub(error, exchange.settings.api_key)
    if isinstance(code, str):
        code = scrub(code, exchange.settings.api_key)
    is_plain = isinstance(code, (int, str)) and not isinstance(code, bool)
    return BatchError(code if is_plain else None, text)  # type: ignore[arg-type]  # is_plain narrows


def cancelled() -> dict[str, Any]:
    """Return column of the ledger -> value of a request that was never worked on."""
    return {"state": "stopped", "cost_ticks": 0, "cost_source": "none", "tool_calls": 0}


def _without_reply(
    raw: Mapping[str, Any], error: BatchError | None, *, keep_text: bool
) -> dict[str, Any] | None:
    if error is not None:
        outcome = raw.get("batch_result")
        if not (isinstance(outcome, dict) and outcome.get("error")) and not (
            raw.get("error") or raw.get("error_message")
        ):
            return None  # nobody said that it failed
        if error.is_cancelled:
            return cancelled()
        told = _told(error, keep_text=keep_text)
        return {**cancelled(), "state": "failed", "error": told}
    ticks = _ticks_in(raw)
    return {
        "state": "done",
        "tool_calls": 0,
        "cost_ticks": ticks,
        "cost_source": "none" if ticks is None else "reported",
    }


def _ticks_in(raw: Mapping[str, Any]) -> int | None:
    """Return what a result of another endpoint says that it costs."""
    from grok_nb.reply import Usage

    response = (raw.get("batch_result") or raw).get("response") or {}
    for data in response.values():
        if isinstance(data, dict):
            usage = Usage.from_chat(data.get("usage"))
            if usage is not None and usage.cost_ticks is not None:
                return usage.cost_ticks
    return None


def _told(error: BatchError | None, *, keep_text: bool) -> str | None:
    if error is None:
        return None
    code = "" if error.code is None else f" {error.code}"
    if not keep_text:  # a code that is no number may quote anything
        return f"BatchError{code if isinstance(error.code, int) else ''}"
    return f"BatchError{code}: {error.message}"


def _counts(usage: Any) -> dict[str, Any]:
    if usage is None:
        return {}
    counts = dataclasses.asdict(usage)
    return {
        name: counts[name]
        for name in (
            *("prompt_tokens", "cached_prompt_tokens", "image_tokens"),
            *("completion_tokens", "reasoning_tokens", "sources_used"),
        )
    }
