"""One HTTP attempt of a call, and its row in the ledger."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, Literal

from grok_nb import bodies
from grok_nb.config import scrub
from grok_nb.errors import (
    ApiError,
    BudgetExceeded,
    ConnectionFailed,
    GrokError,
    ServerFault,
    StreamError,
)
from grok_nb.reply import CallRecord

from .answers import SANDBOX_HEADER, not_an_answer, request_id_of
from .retry import may_have_happened
from .stream import EventReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .exchange import Call, Exchange
    from .transport import Answer

_LONGEST_REASON = 500
#: Seconds that an answer which has begun, and must be kept, may go on after Stop.
_REST_S = 0.5
_CODE = re.compile(r"[a-z0-9_:.-]{1,60}")


class Attempt:
    """One HTTP attempt of a call, and its row.

    Attributes
    ----------
    record : CallRecord
        The row as it is now.
    shown : bool
        Whether output has been handed on; then the call is never sent again.
    ended : bool
        Whether the answer was read to its end.
    begun : bool
        Whether anything may have been sent.
    """

    def __init__(self, exchange: Exchange, call: Call) -> None:
        call.attempts += 1
        call.fold = call.fresh_fold()
        self._exchange = exchange
        self._call = call
        self._clock = exchange.clock
        self._started = self._clock.monotonic()
        self._first_output: float | None = None
        self._answer: Answer | None = None
        self._sandbox = False
        self._reader = EventReader()
        self._is_stream: bool | None = None
        self._unread: list[bytes] = []  # until the body has shown what it is
        self.shown = False
        self.ended = False
        self.begun = False
        model = call.body.get("model")
        self.record = CallRecord(
            id=os.urandom(16).hex(),
            call=call.id,
            attempt=call.attempts,
            time=self._clock.now(),
            endpoint=call.path,
            model=model if isinstance(model, str) else None,
            origin=call.origin,
            request_key=call.key,
        )
        call.record = self.record

    async def open(self, deadline: float) -> Answer:
        """Send the request; return its answer, if that is a success."""
        exchange, call = self._exchange, self._call
        self.begun = True
        how = {} if call.timeout_s is None else {"timeout_s": call.timeout_s}
        answer = await exchange.send("POST", call.path, deadline, call.content, **how)
        self._answer = answer
        self._sandbox = SANDBOX_HEADER in answer.headers
        self.record.http_status = answer.status
        self.record.request_id = request_id_of(
            answer.headers, exchange.settings.api_key
        )
        if call.pacer is not None and answer.status == 200:
            call.pacer.learn(answer.headers)
        if answer.status != 200:
            body = await answer.read()
            error = exchange.refusal(
                answer,
                body,
                call.body.get("model"),
                names=call.names,
                missing=call.missing,
            )
            self.record.request_id = error.request_id  # a proxy may echo there, too
            raise error
        return answer

    async def close(self) -> None:
        """Close the answer; what was not read of it ends at the server."""
        if self._answer is not None:
            await self._answer.close()

    async def read_whole(self, answer: Answer) -> None:
        """Read and fold a whole answer; what must be kept is, also if this is stopped."""

        async def read() -> None:
            self.take_whole(await answer.read())

        if not self._call.fold.keeps and self._call.keep is None:
            await read()
            return
        task = asyncio.ensure_future(read())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=_REST_S)
            task.cancel()
            raise

    def take_whole(self, body: bytes) -> None:
        """Fold a whole completion."""
        fold, data = self._call.fold, bodies.parse_object(body)
        if data is not None:
            fold.add_whole(data)
        if data is None or not fold.has_choice:
            # what was billed is not asked for again, however useless it is
            self.shown = fold.usage_is_final
            fold.marked_done = False
            headers = {} if self._answer is None else self._answer.headers
            raise not_an_answer(body, headers, self._exchange.settings.api_key)
        if self._call.keep is not None:
            took = self._span(self._clock.monotonic())
            self._call.keep(self._call, body, self._sandbox, took)
        if fold.failure is not None:
            self.shown = True  # it was worked on, and billed
            reason = scrub(fold.failure, self._exchange.settings.api_key)
            raise ServerFault(
                f"The reply failed at the server: {reason}.",
                status=200,
                hint="gn.usage() has its row; ask again.",
            )

    def take(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """Fold the events that a piece of the stream completes; yield their chunks.

        A JSON body in place of a stream is kept for `finish`.
        """
        fold = self._call.fold
        if fold.marked_done:  # nothing after [DONE] counts
            return
        if not self._is_stream:
            self._unread.append(piece)
            if self._is_stream is None:
                start = b"".join(self._unread).lstrip(b"\xef\xbb\xbf \t\r\n")
                self._is_stream = start[:1] not in (b"{", b"<") if start else None
            if not self._is_stream:
                return
            piece = b"".join(self._unread)
            self._unread.clear()
        for data in self._reader.feed(piece):
            chunk = self._chunk(data)
            if chunk is not None:
                yield chunk
        if fold.is_settled and self._answer is not None:
            self._answer.hurry()

    def finish(self, broken: ConnectionFailed | None) -> Iterator[dict[str, Any]]:
        """Take the end of the stream: fold what is left, and see that it was whole."""
        fold = self._call.fold
        if self._unread:
            if broken is not None:
                raise broken
            self.take_whole(b"".join(self._unread))
            if fold.data is not None:
                self.shown = True
                yield fold.as_chunk(fold.data)
            return
        rest = None if fold.marked_done else self._reader.rest()
        # what was cut in the middle of an event is no JSON
        if (
            rest is not None
            and (rest.strip() == b"[DONE]" or bodies.parse_object(rest) is not None)
            and (last := self._chunk(rest))
        ):
            yield last
        if not fold.is_complete or not fold.has_choice:
            raise self._cut(broken)
        if fold.failure is not None:
            self.shown = True
            raise self._failed(fold.failure)

    def _chunk(self, data: bytes) -> dict[str, Any] | None:
        """Fold one event; return its chunk, if it is one."""
        fold = self._call.fold
        said = data.strip()
        if said == b"[DONE]":
            fold.marked_done = True
        if not said or fold.marked_done:  # some servers keep alive with empty events
            return None
        chunk = bodies.parse_object(data)
        if chunk is None:
            text = data[:10_000].decode("utf-8", "replace")
            text = scrub(text, self._exchange.settings.api_key)  # before it is cut
            raise self._failed(f"an event is no JSON: {text[:60]!r}")
        if (said_wrong := fold.error_in(chunk)) is not None:
            if not self.shown and self._answer is not None:  # the same as on a 200
                secret = self._exchange.settings.api_key
                raise not_an_answer(data, self._answer.headers, secret)
            raise self._failed(said_wrong)
        before = len(fold.log)
        fold.add(chunk)
        if self._first_output is None and len(fold.log) > before:
            self._first_output = self._clock.monotonic()
        self.shown = self.shown or len(fold.log) > before
        return chunk

    def _failed(self, reason: str) -> StreamError:
        reason = scrub(reason, self._exchange.settings.api_key)
        if len(reason) > _LONGEST_REASON:
            reason = reason[: _LONGEST_REASON - 3] + "..."
        return StreamError(
            f"The stream failed: {reason}.",
            hint="error.reply holds what had arrived; ask again for the rest.",
        )

    def _cut(self, broken: ConnectionFailed | None) -> GrokError:
        if broken is not None and not self.shown:
            return broken
        if broken is not None:
            reason = f"{broken}"
        else:
            reason = (
                "The stream held no reply."
                if self._call.fold.marked_done
                else "The stream ended without finish reason or [DONE]."
            )
        error = StreamError(
            f"The reply is not whole. {reason}",
            hint="error.reply holds what had arrived; ask again for the rest."
            if self.shown
            else "Nothing had arrived; ask again.",
        )
        if broken is not None:
            error.__cause__ = broken.with_traceback(None)
        return error

    def _state(
        self, failure: GrokError | None
    ) -> Literal["done", "stopped", "failed", "in_doubt"]:
        fold = self._call.fold
        if failure is None and fold.is_pending:
            return "in_doubt"
        if failure is None:
            # whoever leaves a stream after its text, but before its bill, stopped it
            is_whole = fold.is_complete and fold.usage_is_final
            return "done" if self.ended or is_whole else "stopped"
        if isinstance(failure, BudgetExceeded):
            return "stopped"
        if self.shown:
            return "failed"
        return "in_doubt" if may_have_happened(failure) else "failed"

    def _span(self, until: float) -> float | None:
        """Return seconds since the start; None where the clock went back."""
        seconds = until - self._started
        return seconds if seconds >= 0 else None

    def settle(self, failure: GrokError | None) -> None:
        """Close the row, and tell the reply how it ended. Without failure: see fold."""
        exchange, call, fold = self._exchange, self._call, self._call.fold
        now = self._clock.monotonic()
        state = self._state(failure)
        # a bill that came is the bill, whatever happened after it
        final = state == "done" or fold.usage_is_final
        money: dict[str, Any] = {}
        is_worked_on = bool(fold.log) or fold.failure is not None
        if final or is_worked_on or (state == "stopped" and self._answer is not None):
            money = exchange.price(call, final=final)
        elif state == "failed" or not self.begun:
            money = {"cost_ticks": 0}  # refused, or never sent: not billed
        fold.outcome = {
            **money,
            "state": state if state in ("done", "stopped") else "failed",
            "request_id": self.record.request_id,
            "attempts": call.attempts,
            "attempts_in_doubt": call.in_doubt,
            "sandbox": self._sandbox,
            "thread": call.origin.thread,
        }
        if failure is not None:
            failure.request_id = failure.request_id or self.record.request_id
            if fold.log or fold.before is not None:
                failure.reply = fold.reply()
        record, head = self.record, fold.head
        record.state = state
        record.latency_s = self._span(now)
        if self._first_output is not None:
            record.ttft_s = self._span(self._first_output)
        record.model = head.get("model") or record.model
        record.tool_calls = fold.tool_call_count
        record.finish_reason = fold.finish_reason
        record.response_id = head.get("id")
        record.system_fingerprint = head.get("system_fingerprint")
        if failure is not None:
            keep_text = exchange.settings.keep_text
            record.error = (
                f"{type(failure).__name__}: {failure}"
                if keep_text
                else outline(failure, call.content)
            )
        for name, value in money.items():
            setattr(record, name, value)
        exchange.books.settle(self.record)


def outline(error: GrokError, sent: bytes) -> str:
    """Return class, status and code of an error: nothing that could quote a prompt."""
    parts = [type(error).__name__]
    if isinstance(error, ApiError):
        parts.append(f"{error.status}")
        code = error.code or ""
        # a code is one word, and none that the server may have from the request
        if _CODE.fullmatch(code) and code.encode() not in sent:
            parts.append(code)
    return " ".join(parts)
