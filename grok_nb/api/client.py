"""A method per endpoint, asynchronous: attempts, retries, streams, and what to record.

The client knows neither files nor threads. It awaits ``on_intent`` before a request that
can cost money leaves and calls ``on_done`` after each such attempt, however it ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from grok_nb import bodies, pricing
from grok_nb.clock import SystemClock
from grok_nb.config import scrub
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
from .chat import ChatOptions, chat_body, check_model, encoded, key_of
from .retry import Kind, kind_of, wait_s
from .stream import EventReader, Fold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from grok_nb.clock import Clock
    from grok_nb.config import Settings
    from grok_nb.pricing import PriceTable
    from grok_nb.wire import ChatCompletion, ChatCompletionChunk, ListedModel

    from .transport import Answer, Http

logger = logging.getLogger("grok_nb")

CHAT = "/chat/completions"
#: What a server of ours sends with every answer, so that nobody takes it for Grok.
SANDBOX_HEADER = "x-grok-nb-sandbox"
_LONGEST_REASON = 500


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
        origin: Origin,
        on_retry: Callable[[RetryNotice], None] | None = None,
    ) -> None:
        self.id = os.urandom(16).hex()
        self.path = path
        self.body = body
        self.content = encoded(body)
        self.key = key_of(path, body)
        self.origin = origin
        self.on_retry = on_retry
        self.fold = self.fresh_fold()
        self.attempts = 0
        self.in_doubt = 0
        self.failures: Counter[Kind] = Counter()

    def fresh_fold(self) -> Fold:
        """Return an empty fold for the next attempt."""
        count = self.body.get("n")
        return Fold(
            bodies.canonical(self.path, self.body),
            count if isinstance(count, int) else 1,
        )


class Client:
    """Asynchronous access to the API; `AsyncGrok` adds settings, store and asking.

    Parameters
    ----------
    settings
        Key, base URL, time limit.
    http
        Where requests are sent.
    books
        Where each attempt that can cost money is written down.
    clock, jitter
        Time and randomness.
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
        self._http = http
        self._books = books
        self._clock: Clock = clock or SystemClock()
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads retries
        #: prices and names; replaced when a live listing has been read
        self.table: PriceTable = pricing.snapshot()

    # -- chat ---------------------------------------------------------------------

    async def chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """Complete a chat: ``POST /v1/chat/completions``.

        Parameters
        ----------
        messages
            Dicts with ``role`` and ``content``, in any order of roles.
        model
            Id or alias; default as `Grok` resolves it.
        **options
            Any of `ChatOptions`; only what is given is sent.

        Returns
        -------
        ChatCompletion
            Typed; ``.raw`` is the JSON as it came.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 3.
        """
        from grok_nb.wire import ChatCompletion

        call = await self._chat_call(messages, model, options, Origin())
        async for _ in self._exchange(call):
            pass
        assert call.fold.data is not None
        return ChatCompletion.read(call.fold.data)

    async def chat_completion_stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncIterator[ChatCompletionChunk]:
        """Complete a chat, chunk by chunk; arguments as for `chat_completion`.

        Yields
        ------
        ChatCompletionChunk
            In the order of the server; the usage comes last.

        Raises
        ------
        StreamError
            The stream ended without finish reason or ``[DONE]``; ``.reply`` holds
            what had arrived.

        Notes
        -----
        Source: xai-api.md section 4.
        """
        from grok_nb.wire import ChatCompletionChunk

        call = await self._chat_call(messages, model, options, Origin(), stream=True)
        exchange = self._exchange(call)
        try:
            async for chunk in exchange:
                yield ChatCompletionChunk.read(chunk)
        finally:
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def _chat_call(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None,
        options: Mapping[str, Any],
        origin: Origin,
        *,
        stream: bool = False,
        on_retry: Callable[[RetryNotice], None] | None = None,
    ) -> Call:
        body = chat_body(messages, options)
        if model is not None:
            check_model(model)
        body = {"model": await self.resolve_model(model), **body}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return Call(CHAT, body, origin=origin, on_retry=on_retry)

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask: the one given, or the configured one."""
        return model or self.settings.model or pricing.snapshot_default()

    # -- listings -----------------------------------------------------------------

    async def models(self) -> list[ListedModel]:
        """List all models: ``GET /v1/models``."""
        return await self._listing("/models")

    async def model(self, model_id: str) -> ListedModel:
        """Describe one model by id or alias: ``GET /v1/models/{id}``."""
        return await self._listed("/models", model_id)

    async def language_models(self) -> list[ListedModel]:
        """List text models with prices: ``GET /v1/language-models``."""
        return await self._listing("/language-models")

    async def language_model(self, model_id: str) -> ListedModel:
        """Describe one text model: ``GET /v1/language-models/{id}``."""
        return await self._listed("/language-models", model_id)

    async def image_generation_models(self) -> list[ListedModel]:
        """List image models: ``GET /v1/image-generation-models``."""
        return await self._listing("/image-generation-models")

    async def image_generation_model(self, model_id: str) -> ListedModel:
        """Describe one image model: ``GET /v1/image-generation-models/{id}``."""
        return await self._listed("/image-generation-models", model_id)

    async def embedding_models(self) -> list[ListedModel]:
        """List embedding models, often none: ``GET /v1/embedding-models``."""
        return await self._listing("/embedding-models")

    async def embedding_model(self, model_id: str) -> ListedModel:
        """Describe one embedding model: ``GET /v1/embedding-models/{id}``."""
        return await self._listed("/embedding-models", model_id)

    async def _listing(self, path: str) -> list[ListedModel]:
        from grok_nb.wire import ListedModel

        data = await self._get(path)
        entries = data.get("data", data.get("models"))
        return [
            ListedModel.read(entry)
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict)
        ]

    async def _listed(self, path: str, model_id: str) -> ListedModel:
        from urllib.parse import quote

        from grok_nb.wire import ListedModel

        check_model(model_id)
        quoted = quote(model_id, safe="", errors="replace")
        data = await self._get(f"{path}/{quoted}", model_id)
        return ListedModel.read(data)

    async def _get(
        self, path: str, model: str | None = None, *, retry: bool = True
    ) -> dict[str, Any]:
        """GET a free endpoint; it leaves no row in the ledger."""
        deadline = self._deadline()
        failures: Counter[Kind] = Counter()
        while True:
            try:
                return await self._get_once(path, model, deadline)
            except GrokError as error:
                failure = error.with_traceback(None)
            kind = kind_of(failure, shown=False)
            failures[kind] += 1
            wait = self._wait(failure, kind, failures[kind], deadline)
            if wait is None or not retry:
                raise failure
            await self._clock.sleep(wait)

    async def _get_once(
        self, path: str, model: str | None, deadline: float
    ) -> dict[str, Any]:
        answer = await self._send("GET", path, deadline)
        body = await self._whole(answer)
        if answer.status != 200:
            raise self._refusal(answer, body, model)
        data = bodies.parse_object(body)
        if data is None or ("error" in data and "id" not in data):
            raise not_an_answer(body, answer.headers, self.settings.api_key)
        return data

    # -- attempts -----------------------------------------------------------------

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.settings.timeout_s

    async def _send(
        self, method: str, path: str, deadline: float, body: bytes | None = None
    ) -> Answer:
        return await self._http.send(
            method,
            path,
            secret=self.settings.require_key(),
            timeout_s=self.settings.timeout_s,
            deadline=deadline,
            body=body,
        )

    async def _whole(self, answer: Answer) -> bytes:
        try:
            return await answer.read()
        finally:
            await answer.close()

    def _refusal(self, answer: Answer, body: bytes, model: str | None) -> ApiError:
        return error_from(
            answer.status,
            answer.headers,
            body,
            now=self._clock.now(),
            secret=self.settings.api_key,
            model=model,
            known_models=self.table.names(),
        )

    def _wait(
        self, error: GrokError, kind: Kind, failures: int, deadline: float
    ) -> float | None:
        asked = (
            error.retry_after_s
            if isinstance(error, (RateLimited, ServerFault))
            else None
        )
        remaining = deadline - asyncio.get_running_loop().time()
        return wait_s(kind, failures, asked, remaining, self._jitter)

    async def _exchange(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Send the call until it is answered; yield the chunks of a stream.

        Afterwards ``call.fold`` holds the reply, whole or partial, with its outcome.
        """
        deadline = self._deadline()
        while True:
            attempt = _Attempt(self, call)
            failure: GrokError | None = None
            chunks = attempt.run(deadline)
            try:
                await self._books.intend(attempt.record)
                async for chunk in chunks:
                    yield chunk
            except GrokError as error:
                # frames below hold what the server said, which may hold the key
                failure = error.with_traceback(None)
            finally:
                try:
                    await chunks.aclose()  # type: ignore[attr-defined]  # a generator
                finally:  # also when a second Stop comes while the first one closes
                    attempt.settle(failure)
            if failure is None:
                return
            await self._before_retry(call, attempt, failure, deadline)

    async def _before_retry(
        self, call: Call, attempt: _Attempt, failure: GrokError, deadline: float
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
            raise held from failure
        wait = self._wait(failure, kind, call.failures[kind], deadline)
        if wait is None:
            if call.attempts > 1:
                doubt = f", {call.in_doubt} of them in doubt" if call.in_doubt else ""
                failure.add_note(f"This was attempt {call.attempts}{doubt}.")
            raise failure
        notice = RetryNotice(f"{failure}", wait, call.attempts)
        logger.info("%s", notice)
        if call.on_retry is not None:
            call.on_retry(notice)
        await self._clock.sleep(wait)

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
        ticks = pricing.cost_ticks(
            self.table,
            fold.head.get("model") or call.body.get("model"),
            usage,
            service_tier=fold.head.get("service_tier"),
            base_url=self.settings.base_url,
        )
        known = "computed" if final and fold.usage is not None else "estimated"
        return {
            "usage": usage,
            "cost_ticks": ticks,
            "cost_source": "none" if ticks is None else known,
        }


class _Attempt:
    """One HTTP attempt of a call, and its row."""

    def __init__(self, client: Client, call: Call) -> None:
        call.attempts += 1
        call.fold = call.fresh_fold()
        self._client = client
        self._call = call
        self._started = client._clock.monotonic()
        self._first_output: float | None = None
        self._opened = False
        self._ended = False
        self._sandbox = False
        self.shown = False
        model = call.body.get("model")
        self.record = CallRecord(
            id=os.urandom(16).hex(),
            call=call.id,
            attempt=call.attempts,
            time=client._clock.now(),
            endpoint=call.path,
            model=model if isinstance(model, str) else None,
            origin=call.origin,
            request_key=call.key,
        )

    async def run(self, deadline: float) -> AsyncIterator[dict[str, Any]]:
        """Send, fold what comes, yield chunks. Raises GrokError."""
        client, call = self._client, self._call
        answer = await client._send("POST", call.path, deadline, call.content)
        try:
            self._opened = True
            self._sandbox = SANDBOX_HEADER in answer.headers
            self.record = self.record.ended(
                http_status=answer.status,
                request_id=request_id_of(answer.headers, client.settings.api_key),
            )
            if answer.status != 200:
                body = await answer.read()
                raise client._refusal(answer, body, call.body.get("model"))
            if not call.body.get("stream"):
                self._take_whole(await answer.read(), answer)
            else:
                async for chunk in self._stream(answer):
                    yield chunk
            self._ended = True
        finally:
            await answer.close()

    def _take_whole(self, body: bytes, answer: Answer) -> None:
        data = bodies.parse_object(body)
        choices = None if data is None else data.get("choices")
        if (
            data is None
            or not isinstance(choices, list)
            or (data.get("error") and not choices)
        ):
            secret = self._client.settings.api_key
            raise not_an_answer(body, answer.headers, secret)
        self._call.fold.add_whole(data)

    async def _stream(self, answer: Answer) -> AsyncIterator[dict[str, Any]]:
        """Read events; a JSON body in place of a stream is an error, or the reply."""
        reader, fold = EventReader(), self._call.fold
        broken: ConnectionFailed | None = None
        unread: list[bytes] | None = []  # until the body has shown what it is
        is_stream = None
        try:
            async for piece in answer.pieces():
                if unread is not None:
                    unread.append(piece)
                    if is_stream is None:
                        start = b"".join(unread).lstrip(b"\xef\xbb\xbf \t\r\n")
                        is_stream = start[:1] not in (b"{", b"<") if start else None
                    if not is_stream:
                        continue
                    piece, unread = b"".join(unread), None  # noqa: PLW2901
                for data in reader.feed(piece):
                    if fold.marked_done:
                        break  # nothing after [DONE] counts
                    if chunk := self._chunk(data):
                        yield chunk
                if fold.marked_done:
                    answer.hurry()
        except ConnectionFailed as error:
            broken = error
        if unread:
            if broken is not None:
                raise broken
            self._take_whole(b"".join(unread), answer)
            if fold.data is not None:
                self.shown = True
                yield _as_chunk(fold.data)
            return
        rest = None if fold.marked_done else reader.rest()
        # what was cut in the middle of an event is no JSON
        if (
            rest is not None
            and (rest.strip() == b"[DONE]" or bodies.parse_object(rest) is not None)
            and (last := self._chunk(rest))
        ):
            yield last
        if not fold.is_complete:
            raise self._cut(broken)

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
            text = scrub(text, self._client.settings.api_key)  # before it is cut
            raise self._failed(f"an event is no JSON: {text[:60]!r}")
        if chunk.get("error"):
            raise self._failed(_event_error(chunk))
        before = len(fold.log)
        fold.add(chunk)
        if self._first_output is None and len(fold.log) > before:
            self._first_output = self._client._clock.monotonic()
        self.shown = self.shown or len(fold.log) > before
        return chunk

    def _failed(self, reason: str) -> StreamError:
        reason = scrub(reason, self._client.settings.api_key)
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
            reason = "The stream ended without finish reason or [DONE]."
        error = StreamError(
            f"The reply is not whole. {reason}",
            hint="error.reply holds what had arrived; ask again for the rest.",
        )
        if broken is not None:
            error.__cause__ = broken.with_traceback(None)
        return error

    def settle(self, failure: GrokError | None) -> None:
        """Close the row, and tell the reply how it ended. Without failure: see fold."""
        client, call, fold = self._client, self._call, self._call.fold
        now = client._clock.monotonic()
        # whoever leaves a stream after its text, but before its bill, has stopped it
        done = failure is None and (
            self._ended or (fold.is_complete and fold.usage_is_final)
        )
        if done:
            state, final = "done", True
        elif failure is None:  # cancelled, or not read to its end
            state, final = "stopped", False
        elif self.shown:
            state, final = "failed", False
        else:
            kind = kind_of(failure, shown=False)
            sent = getattr(failure, "sent", None)
            state = "in_doubt" if kind == "doubt" or sent else "failed"
            final = False
        if fold.usage_is_final:
            final = True  # the bill came, whatever happened after it
        money: dict[str, Any] = {}
        if final or fold.log or (state == "stopped" and self._opened):
            money = client.price(call, final=final)
        elif state == "failed":
            money = {"cost_ticks": 0}  # refused, or never sent: not billed
        now_state = {"done": "done", "stopped": "stopped"}.get(state, "failed")
        fold.outcome = {
            **money,
            "state": now_state,
            "request_id": self.record.request_id,
            "attempts": call.attempts,
            "attempts_in_doubt": call.in_doubt,
            "sandbox": self._sandbox,
            "thread": call.origin.thread,
        }
        if failure is not None and fold.log:
            failure.reply = fold.reply()
        self.record = self.record.ended(
            state=state,
            latency_s=now - self._started,
            ttft_s=None
            if self._first_output is None
            else self._first_output - self._started,
            model=fold.head.get("model") or self.record.model,
            tool_calls=fold.tool_call_count,
            finish_reason=fold.finish_reason,
            response_id=fold.head.get("id"),
            system_fingerprint=fold.head.get("system_fingerprint"),
            error=None if failure is None else f"{type(failure).__name__}: {failure}",
            **money,
        )
        client._books.settle(self.record)


def _event_error(chunk: Mapping[str, Any]) -> str:
    error = chunk["error"]
    if isinstance(error, dict):
        error = error.get("message") or error
    code = chunk.get("code")
    return f"{code}: {error}" if code else f"{error}"


def _as_chunk(data: Mapping[str, Any]) -> dict[str, Any]:
    """Write a whole completion as the one chunk of a stream."""
    choices = [
        {**{k: v for k, v in choice.items() if k != "message"}, "delta": message}
        for choice in data["choices"]
        if isinstance(choice, dict) and (message := choice.get("message"))
    ]
    return {**data, "object": "chat.completion.chunk", "choices": choices}


def _guess(call: Call, seen: Usage | None) -> Usage:
    """Guess the tokens of a reply whose usage never came: four bytes a token."""
    if seen is not None:
        return seen
    texts = {"text": 0, "reasoning": 0, "tool_call": 0, "usage": 0}
    for kind, _, text in call.fold.log:
        texts[kind] += len(text.encode("utf-8", "replace"))
    return Usage(
        prompt_tokens=-(-len(bodies.encode(call.body["messages"])) // 4),
        completion_tokens=-(-(texts["text"] + texts["tool_call"]) // 4),
        reasoning_tokens=-(-texts["reasoning"] // 4),
    )
