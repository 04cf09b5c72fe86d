"""One request, its HTTP attempts, and the row that each of them leaves.

An `Exchange` knows neither files nor threads. It awaits ``books.intend`` before a request
that can cost money leaves, and calls ``books.settle`` after each such attempt, however
it ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from grok_nb import bodies, keys, pictures, pricing
from grok_nb.clock import SystemClock
from grok_nb.config import scrub, scrub_error
from grok_nb.errors import (
    ApiError,
    ConnectionFailed,
    GrokError,
    InDoubt,
    RateLimited,
    ServerFault,
    StreamError,
)
from grok_nb.reply import CallRecord, Origin, RetryNotice, Usage

from .answers import error_from, not_an_answer, request_id_of
from .gate import retired_hint
from .parameters import encoded, key_of
from .retry import RETRIES, Kind, kind_of, wait_s
from .server_tools import secrets_in
from .stream import EventReader, Fold

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Iterator,
        Mapping,
    )

    from grok_nb.clock import Clock
    from grok_nb.config import Secret, Settings
    from grok_nb.pricing import PriceTable

    from .transport import Answer, Http

T = TypeVar("T")
logger = logging.getLogger("grok_nb")

#: What a server of ours sends with every answer, so that nobody takes it for Grok.
SANDBOX_HEADER = "x-grok-nb-sandbox"
_LONGEST_REASON = 500
#: Seconds that an answer which has begun, and must be kept, may go on after Stop.
_REST_S = 0.5
_CODE = re.compile(r"[a-z0-9_:.-]{1,60}")


class Books(Protocol):
    """Who writes down what is paid for."""

    async def intend(self, record: CallRecord) -> None:
        """Make the row durable, before its request leaves."""
        ...

    def settle(self, record: CallRecord) -> None:
        """Take the row as it is after the attempt. Never blocks, never raises."""
        ...


class Call:
    """One request as the client works on it: body, limits, and what came so far."""

    def __init__(
        self,
        path: str,
        body: dict[str, Any],
        *,
        origin: Origin = Origin(),  # noqa: B008 - frozen
        on_retry: Callable[[RetryNotice], None] | None = None,
        fold: Callable[[Mapping[str, Any], int], Fold] = Fold,
        names: Mapping[str, str] | None = None,
        missing: str = "",
    ) -> None:
        self.id = os.urandom(16).hex()
        self.path = path
        self.body = body
        self.content = encoded(body)
        self.key = key_of(path, body)
        self.origin = origin
        self.on_retry = on_retry
        self.request = bodies.canonical(path, body)
        #: the API's names of what was sent -> the user's
        self.names = {**{name: name for name in body}, **(names or {})}
        #: what to do where the server knows no such thing, besides the model
        self.missing = missing
        #: what the tools log in with elsewhere; see `server_tools.without_secrets`
        self.secrets = secrets_in(body)
        self._new_fold = fold
        self.fold = self.fresh_fold()
        self.record: CallRecord | None = None  # of the latest attempt
        self.attempts = 0
        self.in_doubt = 0
        self.failures: Counter[Kind] = Counter()

    def fresh_fold(self) -> Fold:
        """Return an empty fold for the next attempt."""
        count = self.body.get("n")
        return self._new_fold(self.request, count if isinstance(count, int) else 1)


class Exchange:
    """Sends requests until they are answered, or it is time to give up.

    Parameters
    ----------
    settings
        Key, base URL, time limit, what to do in doubt.
    http
        Where requests are sent.
    books
        Where each attempt that can cost money is written down.
    clock, jitter
        Time and randomness.

    Attributes
    ----------
    table : PriceTable
        Prices and names; replaced when a live listing has been read.
    """

    def __init__(
        self,
        settings: Settings,
        http: Http,
        books: Books,
        *,
        clock: Clock | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.http = http
        self.books = books
        self.clock: Clock = clock or SystemClock()
        self.jitter = jitter or random.Random()  # noqa: S311 - spreads retries
        self.table: PriceTable = pricing.snapshot()

    async def free(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        method: str | None = None,
        model: str | None = None,
        missing: str = "",
        retry: bool = True,
    ) -> dict[str, Any]:
        """Ask a free endpoint; it leaves no row in the ledger.

        Parameters
        ----------
        path, body
            What is asked.
        method
            Default: POST with a body, GET without.
        model
            The id in question, for a hint.
        missing
            What to do where the server knows no such thing.
        retry
            Whether to try again.
        """
        method = method or ("GET" if body is None else "POST")
        content = None if body is None else encoded(body)

        async def once(deadline: float) -> dict[str, Any]:
            answer, said = await self.read(
                method, path, deadline, content, model=model, missing=missing
            )
            data = bodies.parse_object(said)
            if data is None or ("error" in data and "id" not in data):
                raise not_an_answer(said, answer.headers, self.settings.api_key)
            return data

        return await self.repeated(once, tuple(RETRIES) if retry else ())

    async def repeated(
        self,
        once: Callable[[float], Awaitable[T]],
        kinds: Collection[Kind] = tuple(RETRIES),
    ) -> T:
        """Do something free until it is done, or it is time to give up.

        Parameters
        ----------
        once
            Takes the deadline of the call, in the time of the running event loop.
        kinds
            Of failures after which it is done again.
        """
        deadline = self._deadline()
        failures: Counter[Kind] = Counter()
        while True:
            try:
                return await once(deadline)
            except GrokError as error:
                # frames below hold what the server said, which may hold the key
                failure = error.with_traceback(None)
            kind = kind_of(failure, shown=False)
            failures[kind] += 1
            wait = self._wait(failure, kind, failures[kind], deadline)
            if wait is None or kind not in kinds:
                raise _with_id(failure)
            await self.clock.sleep(wait)

    async def read(
        self,
        method: str,
        path: str,
        deadline: float,
        content: bytes | None = None,
        *,
        content_type: str = "application/json",
        model: str | None = None,
        missing: str = "",
    ) -> tuple[Answer, bytes]:
        """Send a free request; return its answer and body, if that is a success."""
        answer = await self.send(
            method, path, deadline, content, content_type=content_type, costs=False
        )
        try:
            said = await answer.read()
        finally:
            await answer.close()
        if answer.status != 200:
            raise self.refusal(answer, said, model, missing=missing)
        return answer, said

    async def run(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Send a call until it is answered; yield the chunks of a stream.

        Afterwards ``call.fold`` holds the reply, whole or partial, with its outcome.
        """
        deadline = self._deadline()
        while True:
            attempt = Attempt(self, call)
            failure: GrokError | None = None
            try:
                await self.books.intend(attempt.record)
                answer = await attempt.open(deadline)
                if not call.body.get("stream"):
                    await attempt.read_whole(answer)
                else:
                    broken = None
                    try:
                        async for piece in answer.pieces():
                            for chunk in attempt.take(piece):
                                yield chunk
                    except ConnectionFailed as error:
                        broken = error
                    for chunk in attempt.finish(broken):
                        yield chunk
                attempt.ended = True
            except GrokError as error:
                # frames below hold what the server said, which may hold the key
                failure = error.with_traceback(None)
                scrub_error(failure, call.secrets)
            finally:
                # some tracebacks show variables, and a server may have echoed the key
                piece, chunk = b"", {}
                try:
                    await attempt.close()
                finally:  # also when a second Stop comes while the first one closes
                    attempt.settle(failure)
            if failure is None:
                return
            await self._before_retry(call, attempt, failure, deadline)

    async def _before_retry(
        self, call: Call, attempt: Attempt, failure: GrokError, deadline: float
    ) -> None:
        """Wait for the next attempt, or raise what the call ends in."""
        kind = kind_of(failure, shown=attempt.shown)
        call.failures[kind] += 1
        if attempt.record.state == "in_doubt":
            call.in_doubt += 1
        if kind == "doubt" and self.settings.on_doubt == "hold":
            held = InDoubt(
                f"{failure} It may have been billed and is not sent again.",
                hint="gn.usage() has its row; on_doubt='retry' sends again.",
            )
            held.request_id = failure.request_id
            raise _with_id(held) from failure
        wait = self._wait(failure, kind, call.failures[kind], deadline)
        if wait is None:
            if call.attempts > 1:
                doubt = f", {call.in_doubt} of them in doubt" if call.in_doubt else ""
                failure.add_note(f"This was attempt {call.attempts}{doubt}.")
            raise _with_id(failure)
        notice = RetryNotice(f"{failure}", wait, call.attempts)
        logger.info("%s", notice)
        if call.on_retry is not None:
            call.on_retry(notice)
        call.fold = call.fresh_fold()  # that attempt is over, the call is not
        try:
            await self.clock.sleep(wait)
        except BaseException:
            call.fold.outcome = {
                "state": "stopped",
                "attempts": call.attempts,
                "attempts_in_doubt": call.in_doubt,
                "thread": call.origin.thread,
            }
            raise

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.settings.timeout_s

    async def send(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        **how: Any,
    ) -> Answer:
        """Send one request; return its answer, not read yet. See `Http.send`."""
        return await self.http.send(
            method,
            path,
            secret=await self._secret(),
            timeout_s=self.settings.timeout_s,
            deadline=deadline,
            body=body,
            **how,
        )

    def find_key(self) -> None:
        """Look for the key where somebody may be asked for it, if there is none.

        Blocks for a limited time. For the thread that waits for the call: in Colab only
        the main one can ask.

        Raises
        ------
        ConfigError
            There is no key.
        """
        if self.settings.api_key is None:
            self.settings = keys.required(self.settings)

    async def _secret(self) -> Secret:
        if self.settings.api_key is None:
            if keys.in_colab():
                self.find_key()
            else:
                await asyncio.to_thread(self.find_key)
        return self.settings.require_key()

    def refusal(
        self,
        answer: Answer,
        body: bytes,
        model: str | None,
        *,
        names: Mapping[str, str] | None = None,
        missing: str = "",
    ) -> ApiError:
        """Return the error for an answer that is no success."""
        error = error_from(
            answer.status,
            answer.headers,
            body,
            now=self.clock.now(),
            secret=self.settings.api_key,
            model=model,
            known_models=self.table.names(),
            names=names or {},
            missing=retired_hint(self.table, model) or missing,
        )
        scrub_error(error, self.http.secrets)
        return error

    def _wait(
        self, error: GrokError, kind: Kind, failures: int, deadline: float
    ) -> float | None:
        asked = (
            error.retry_after_s
            if isinstance(error, (RateLimited, ServerFault))
            else None
        )
        remaining = deadline - asyncio.get_running_loop().time()
        return wait_s(kind, failures, asked, remaining, self.jitter)

    def price(self, call: Call, *, final: bool) -> dict[str, Any]:
        """Return usage, cost and where the cost comes from, for a reply or a row."""
        fold = call.fold
        usage = fold.usage
        if usage is None or not final:
            usage = _guess(call, usage)
        if final and fold.usage is not None and usage.cost_ticks is not None:
            return {
                "usage": usage,
                "cost_ticks": usage.cost_ticks,
                "cost_source": "reported",
            }
        # a reply may name an id that no list has; then the asked one's price is a guess
        named, asked = fold.head.get("model"), call.body.get("model")
        is_listed = named is None or self.table.find(named) is not None
        ticks = fold.price(
            self.table,
            named if named and is_listed else asked,
            usage,
            self.settings.base_url,
        )
        is_certain = final and fold.usage is not None and is_listed and fold.is_exact
        known = "computed" if is_certain else "estimated"
        return {
            "usage": usage,
            "cost_ticks": ticks,
            "cost_source": "none" if ticks is None else known,
        }


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
        answer = await exchange.send("POST", call.path, deadline, call.content)
        self._answer = answer
        self._sandbox = SANDBOX_HEADER in answer.headers
        self.record.http_status = answer.status
        self.record.request_id = request_id_of(
            answer.headers, exchange.settings.api_key
        )
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

        if not self._call.fold.keeps:
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
        if self.shown:
            return "failed"
        may_be_billed = isinstance(failure, ConnectionFailed) and failure.sent
        if may_be_billed or kind_of(failure, shown=False) == "doubt":
            return "in_doubt"
        return "failed"

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
        elif state == "failed":
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
            if fold.log:
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
                else _outline(failure, call.content)
            )
        for name, value in money.items():
            setattr(record, name, value)
        exchange.books.settle(self.record)


def _with_id(error: GrokError) -> GrokError:
    """Note the request id, which support asks for, on an error that is raised."""
    if error.request_id:
        error.add_note(f"Request id: {error.request_id}")
    return error


def _outline(error: GrokError, sent: bytes) -> str:
    """Return class, status and code of an error: nothing that could quote a prompt."""
    parts = [type(error).__name__]
    if isinstance(error, ApiError):
        parts.append(f"{error.status}")
        code = error.code or ""
        # a code is one word, and none that the server may have from the request
        if _CODE.fullmatch(code) and code.encode() not in sent:
            parts.append(code)
    return " ".join(parts)


def _guess(call: Call, seen: Usage | None) -> Usage:
    """Guess the tokens of a reply whose usage never came: four bytes a token of text."""
    if seen is not None:
        return seen
    texts: Counter[str] = Counter()
    for kind, _, text in call.fold.log:
        texts[kind] += len(text.encode("utf-8", "replace"))
    asked = call.body.get("messages", call.body.get("input", ""))
    prompt_tokens, image_tokens = pictures.estimate(asked)
    return Usage(
        prompt_tokens=prompt_tokens,
        image_tokens=image_tokens,
        completion_tokens=-(-(texts["text"] + texts["tool_call"]) // 4),
        reasoning_tokens=-(-texts["reasoning"] // 4),
        tool_uses=call.fold.tool_uses(),
    )
