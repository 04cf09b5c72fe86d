"""Deferred completions: ask now, read the answer later, once.

A result can be read from the server only once. So its id is on disk before anybody has
it, and its bytes are queued for the disk in the moment in which the last one arrives,
before they are looked at; from then on they are served from there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import math
import os
import reprlib
from typing import TYPE_CHECKING, Any, Unpack

from grok_nb import bodies
from grok_nb.config import LONGEST_TIMEOUT_S
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    InDoubt,
    NotFound,
    TimedOut,
)
from grok_nb.reply import CallRecord
from grok_nb.store.deferred import KEPT_H, DeferredRow, iso

from . import gate
from .answers import SANDBOX_HEADER, not_an_answer
from .chat import checked_ask
from .exchange import Call
from .parameters import NUMBER, Rules, checked, in_path, key_of
from .retry import kind_of
from .stream import Fold

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import TypeVar

    from grok_nb.reply import Ask, Origin, Reply
    from grok_nb.store.deferred import DeferredRequests
    from grok_nb.wire import ChatCompletion

    from .chat import ChatOptions
    from .exchange import Exchange

    T = TypeVar("T")

CHAT = "/chat/completions"
RESULTS = "/chat/deferred-completion"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
#: After a 404: another process may be writing down what it has just read.
_LOOKS_S = (0.0, 0.2, 0.5, 1.0)
_LONGEST_ID = 500
_LISTED = "gn.deferred() lists what this store has asked for."
WAITING: Rules = {"wait_s": (NUMBER, 0, math.inf)}


class DeferFold(Fold):
    """Takes the answer to a deferred request: an id. See `Fold`."""

    def __init__(
        self, request: Mapping[str, Any], choices: int, keep: Callable[[str], object]
    ) -> None:
        super().__init__(request, choices)
        self.request_id = ""
        self.keeps = True
        self._keep = keep

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take the id, and have it kept before anything else happens."""
        found = data.get("request_id")
        if isinstance(found, str) and found.strip():
            self.request_id = found
            self._keep(found)
            self.has_choice = self.is_pending = True
            self.marked_done = True
            self.data = data
        else:  # a server that does not defer may have answered at once
            super().add_whole(data)


class DeferredDesk:
    """Sends deferred requests, and fetches each result once.

    Parameters
    ----------
    exchange
        Where requests go.
    kept
        Where ids and results are kept.
    """

    def __init__(self, exchange: Exchange, kept: DeferredRequests) -> None:
        self._exchange = exchange
        self.kept = kept
        # a delivery goes on when who waited for it has gone
        self._deliveries: dict[tuple[int, str], asyncio.Task[DeferredRow | None]] = {}

    async def send(self, ask: Ask, model: str) -> AsyncDeferred:
        """Send a request; return when its id is on disk."""
        exchange, kept = self._exchange, self.kept
        names = {name: ask.names.get(name, name) for name in ask.options}
        gate.check_parameters(exchange.table, model, names)
        body = _body(ask, model)

        def keep(request_id: str) -> None:
            kept.add(self._row(call, request_id))

        call = Call(
            CHAT,
            body,
            origin=ask.origin,
            fold=lambda request, choices: DeferFold(request, choices, keep),
            names=ask.names,
            timeout_s=ask.timeout_s,
        )
        call.purse = ask.purse
        async for _ in exchange.run(call):
            pass
        fold = call.fold
        request_id = getattr(fold, "request_id", "")
        if not request_id:
            # it was answered at once, and has been booked: that is the result
            request_id = f"{fold.head.get('id') or call.id}"
            row = dataclasses.replace(
                self._row(call, request_id),
                state="done",
                body=bodies.encode(fold.data) if exchange.settings.keep_text else None,
                sandbox=bool(fold.outcome.get("sandbox")),
            )
            kept.add(row)
            await kept.flush()
            return AsyncDeferred(request_id, self, call.request, fold)
        await kept.flush()
        return AsyncDeferred(request_id, self, call.request)

    async def earlier(self, ask: Ask, model: str) -> DeferredRow | None:
        """Return the latest request of this notebook that was just like this one.

        Of the time for which the server keeps results. Its state says what became of it.
        """
        exchange = self._exchange
        after = exchange.clock.now() - datetime.timedelta(hours=KEPT_H)
        return await self.kept.latest(
            key_of(CHAT, _body(ask, model)),
            exchange.settings.base_url,
            ask.origin.notebook,
            iso(after),
        )

    def take_up(self, row: DeferredRow, ask: Ask, model: str) -> AsyncDeferred:
        """Return the handle of a request that was sent before."""
        return AsyncDeferred(
            row.request_id, self, bodies.canonical(CHAT, _body(ask, model))
        )

    def book_again(self, row: DeferredRow, fold: Fold, origin: Origin) -> None:
        """Take down that a result was served from the store, at no cost."""
        head, now = fold.head, self._exchange.clock.now()
        name = os.urandom(16).hex()
        self._exchange.books.settle(
            CallRecord(
                id=name,
                call=name,
                attempt=1,
                time=now,
                endpoint=CHAT,
                model=head.get("model") or row.model,
                origin=origin,
                request_key=row.request_key or "",
                state="done",
                cached=True,
                usage=fold.outcome.get("usage"),
                cost_ticks=0,
                finish_reason=fold.finish_reason,
                response_id=head.get("id"),
                system_fingerprint=head.get("system_fingerprint"),
            )
        )

    def _row(self, call: Call, request_id: str) -> DeferredRow:
        record = call.record
        now = self._exchange.clock.now()
        origin = call.origin
        return DeferredRow(
            id=os.urandom(16).hex() if record is None else record.id,
            time=iso(now if record is None else record.time),
            request_id=request_id,
            base_url=self._exchange.settings.base_url,
            model=str(call.body.get("model")),
            request_key=call.key,
            thread=origin.thread,
            notebook=origin.notebook,
            run=origin.run,
        )

    async def wait(self, request_id: str, wait_s: float) -> Fold | None:
        """Return the result, or ``None`` if there is none within the time."""
        if len(in_path("request_id", request_id, _LISTED)) > _LONGEST_ID:
            raise BadRequest(f"{reprlib.repr(request_id)} is no id.", hint=_LISTED)
        given = checked("Deferred requests", WAITING, {"wait_s": wait_s})
        if not given:
            raise BadRequest("wait_s must be a number of seconds, not None.")
        wait_s = min(given["wait_s"], LONGEST_TIMEOUT_S)
        clock = self._exchange.clock
        end, pause = clock.monotonic() + wait_s, _FIRST_PAUSE_S
        while True:
            row = await self._look(request_id)
            if row is not None:
                return await self._read(row)
            left = end - clock.monotonic()
            if left <= 0:
                return None
            await clock.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    async def _look(self, request_id: str) -> DeferredRow | None:
        """Return the request with its result, or ``None`` while it is pending."""
        place = (id(asyncio.get_running_loop()), request_id)
        task = self._deliveries.get(place)
        if task is None:
            task = asyncio.create_task(self._find(request_id))
            self._deliveries[place] = task
            task.add_done_callback(lambda done: self._delivered(place, done))
        # who stops waiting does not stop a result that can be read only once
        return await asyncio.shield(task)

    async def _find(self, request_id: str) -> DeferredRow | None:
        """Look in the store, then at the server; one at a time for each request."""
        base_url = self._exchange.settings.base_url
        row = await self.kept.find(request_id, base_url)
        if row is not None and row.state in ("received", "done"):
            return row
        if row is None:  # another program's
            row = DeferredRow(
                id=f"{base_url} {request_id}",
                time=iso(self._exchange.clock.now()),
                request_id=request_id,
                base_url=base_url,
            )
        return await self._deliver(row)

    def _delivered(
        self, place: tuple[int, str], task: asyncio.Task[DeferredRow | None]
    ) -> None:
        self._deliveries.pop(place, None)
        if not task.cancelled():
            task.exception()  # whoever still waits is told; nobody else has to be

    async def _deliver(self, row: DeferredRow) -> DeferredRow | None:
        broken: list[GrokError] = []

        async def once(deadline: float) -> DeferredRow | None:
            return await self._ask(row, deadline, broken)

        try:
            return await self._exchange.repeated(once)
        except NotFound as error:
            missing = error
        except ConnectionFailed as error:
            if not broken:
                raise
            raise self._lost(row, error) from error
        for pause in _LOOKS_S if row.request_key else _LOOKS_S[:1]:
            if pause:
                await self._exchange.clock.sleep(pause)
            found = await self.kept.find(row.request_id, row.base_url)
            if found is not None and found.state in ("received", "done"):
                return found  # another process was first
        if broken or row.state == "in_doubt":
            raise self._lost(row, missing)
        self.kept.mark(row, "gone", self._exchange.clock.now())
        raise self._gone(row, missing)

    async def _ask(
        self, row: DeferredRow, deadline: float, broken: list[GrokError]
    ) -> DeferredRow | None:
        exchange = self._exchange
        path = f"{RESULTS}/{in_path('request_id', row.request_id, _LISTED)}"
        found = dataclasses.replace(
            row, checked=iso(exchange.clock.now()), state="in_doubt"
        )
        answer, is_whole = None, False
        try:
            answer = await exchange.send("GET", path, deadline, costs=False)
            found = dataclasses.replace(
                found, state="received", sandbox=SANDBOX_HEADER in answer.headers
            )
            body = await answer.read()
            if answer.status == 200:
                # nothing may come between these two lines
                self.kept.receive(dataclasses.replace(found, body=body))
            is_whole = True
        except ConnectionFailed as error:
            if error.sent and (answer is None or answer.status == 200):
                broken.append(error)
            raise
        finally:
            # also where the process ends: the server counts it as read
            is_delivery = answer is not None and answer.status == 200
            if broken or (is_delivery and not is_whole):
                self.kept.doubt(dataclasses.replace(found, state="in_doubt"))
            if answer is not None:
                await answer.close()
        if answer.status == 202:
            self.kept.mark(row, "pending", exchange.clock.now())
            return None
        if answer.status != 200:
            refused = exchange.refusal(answer, body, row.model)
            if kind_of(refused, shown=False) == "doubt":  # it may count as read now
                broken.append(refused)
                self.kept.doubt(dataclasses.replace(found, state="in_doubt"))
            raise refused
        await self.kept.flush()
        return dataclasses.replace(found, body=body)

    async def _read(self, row: DeferredRow) -> Fold:
        """Parse a result that is on disk, and book it if that has not been done."""
        exchange, kept = self._exchange, self.kept
        if row.body is None:
            raise NotFound(
                f"The result of {row.request_id} was handed out at {row.checked}; "
                "its text was not kept (keep_text=False).",
                hint="With keep_text=True results stay in the store.",
            )
        call = Call(CHAT, {"model": row.model, "deferred": True})
        fold, data = call.fold, bodies.parse_object(row.body)
        if data is not None:
            fold.add_whole(data)
        if data is None or not fold.has_choice:
            kept.reopen(row)
            await kept.flush()
            error = not_an_answer(row.body, {}, exchange.settings.api_key)
            fold, data = call.fresh_fold(), None  # some tracebacks show variables
            error.add_note(f"What came for {row.request_id} is kept; ask again later.")
            raise error
        money = exchange.price(call, final=True)
        fold.outcome = {
            **money,
            "state": "done",
            "sandbox": row.sandbox,
            "thread": row.thread,
        }
        if row.state == "received":
            usage = money["usage"]
            head = fold.head
            kept.book(
                row,
                {
                    "model": head.get("model") or row.model,
                    "state": "done",
                    "prompt_tokens": usage.prompt_tokens,
                    "cached_prompt_tokens": usage.cached_prompt_tokens,
                    "image_tokens": usage.image_tokens,
                    "completion_tokens": usage.completion_tokens,
                    "reasoning_tokens": usage.reasoning_tokens,
                    "sources_used": usage.sources_used,
                    "tool_calls": fold.tool_call_count,
                    "cost_ticks": money["cost_ticks"],
                    "cost_source": money["cost_source"],
                    "finish_reason": fold.finish_reason,
                    "response_id": head.get("id"),
                    "system_fingerprint": head.get("system_fingerprint"),
                },
            )
            if not exchange.settings.keep_text:
                await kept.forget(row)
            await kept.flush()
        return fold

    def _lost(self, row: DeferredRow, error: GrokError) -> InDoubt:
        lost = InDoubt(
            f"The result of {row.request_id} was on its way when the connection broke, "
            "or the server failed. It can be read only once, so it may be lost; "
            f"it may have been billed. {self._known(row)}",
            hint="grok.deferred_result(...) asks once more; gn.usage() has its row.",
        )
        lost.request_id = error.request_id
        lost.__cause__ = error.with_traceback(None)
        return lost

    def _gone(self, row: DeferredRow, error: NotFound) -> NotFound:
        return NotFound(
            f"There is no result of {row.request_id} (404): it was read already, is "
            f"older than {KEPT_H} hours, or was never asked for here. {self._known(row)}",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            body=error.body,
            hint=_LISTED,
        )

    def _known(self, row: DeferredRow) -> str:
        if row.request_key is None:
            return "This store has not asked for it."
        asked = f"It was asked at {row.time[:19]} UTC of {row.model}"
        if row.base_url != self._exchange.settings.base_url:
            asked += f", of another host ({row.base_url})"
        return f"{asked}."


def _body(ask: Ask, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "messages": list(ask.messages),
        **ask.options,
        "deferred": True,
    }


class AsyncDeferred:
    """A request whose answer comes later; its id is in the store.

    Attributes
    ----------
    request_id : str
        For `AsyncGrok.deferred_result`, also in another process.
    """

    def __init__(
        self,
        request_id: str,
        desk: DeferredDesk,
        request: Mapping[str, Any],
        fold: Fold | None = None,
    ) -> None:
        self.request_id = request_id
        self._desk = desk
        self._request = request
        self._fold = fold

    async def result(self, wait_s: float | None = None) -> Reply:
        """Return the reply, asking for it at growing intervals.

        Parameters
        ----------
        wait_s
            Seconds to wait at most; default the ``timeout_s`` of the session.

        Raises
        ------
        TimedOut
            It is still pending; ask again whenever you like, within a day.
        NotFound
            The server has it no more.
        InDoubt
            The connection broke while it was delivered; it may be lost.
        """
        if wait_s is None:
            wait_s = self._desk._exchange.settings.timeout_s  # noqa: SLF001 - same module
        if not await self._has_come(wait_s) or self._fold is None:
            raise TimedOut(
                f"The result of {self.request_id} was still pending after {wait_s:g} s.",
                sent=True,
                hint="Nothing is lost: call .result() again, or, also in another "
                f"process, grok.deferred_result({self.request_id!r}).",
            )
        return self._fold.reply()

    async def ready(self) -> bool:
        """Say whether the result is there; if so, it is in the store now."""
        return await self._has_come(0)

    async def fold(self, wait_s: float) -> Fold | None:
        """Return what has come, or ``None`` if nothing has within the time."""
        await self._has_come(wait_s)
        return self._fold

    async def _has_come(self, wait_s: float) -> bool:
        if self._fold is None:
            self._fold = await self._desk.wait(self.request_id, wait_s)
            if self._fold is not None:
                self._fold.request = self._request
        return self._fold is not None

    def __repr__(self) -> str:
        state = "pending" if self._fold is None else "done"
        return f"<Deferred {self.request_id} {state}>"


class Deferred:
    """A request whose answer comes later; its id is in the store.

    Attributes
    ----------
    request_id : str
        For `Grok.deferred_result`, also in another process.
    """

    def __init__(
        self,
        handle: AsyncDeferred,
        call: Callable[[Callable[[], Coroutine[Any, Any, T]]], T],
    ) -> None:
        self.request_id = handle.request_id
        self._handle = handle
        self._call: Any = call

    def result(self, wait_s: float | None = None) -> Reply:
        """Return the reply; see `AsyncDeferred.result`."""
        reply: Reply = self._call(lambda: self._handle.result(wait_s))
        return reply

    def ready(self) -> bool:
        """Say whether the result is there; if so, it is in the store now."""
        is_ready: bool = self._call(self._handle.ready)
        return is_ready

    def __repr__(self) -> str:
        return repr(self._handle)


class DeferredMethods:
    """The methods of the client for deferred completions."""

    #: Set by who has a store.
    desk: DeferredDesk

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask; the client's own."""
        raise NotImplementedError

    def heed(self, model: str | None) -> None:
        """Warn of a retired model; the client's own."""
        raise NotImplementedError

    def warn(self) -> None:
        """Say that the store could not be written; who has a store does."""

    async def defer(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncDeferred:
        """Ask now, and read the answer later: a deferred completion.

        The request id is in the store before this returns. What it costs is known with
        the result: until then its row in the ledger is ``in_doubt``, without a cost.

        Parameters
        ----------
        prompt
            The user's text, or messages as for `chat_completion`.
        model
            Id or alias; default as `Grok` resolves it.
        **options
            Any of `ChatOptions`.

        Returns
        -------
        AsyncDeferred
            ``.request_id``, ``.result(wait_s=None)``, ``.ready()``; of `Grok` a
            `Deferred`, whose methods block.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        A result can be read once, within a day. grok_nb keeps its bytes in the store
        before it looks at them, and serves it from there ever after, also in another
        process; ``gn.deferred()`` lists all. With ``keep_text=False`` the bytes are
        deleted once they were handed out.
        Source: xai-api.md section 5.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     grok.defer("What is 6*7?").result().finish_reason
        'stop'
        """
        messages = (
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        )
        ask = checked_ask(messages, model, options)
        try:
            model = await self.resolve_model(ask.model)
            self.heed(model)
            return await self.desk.send(ask, model)
        finally:
            self.warn()

    async def deferred_result(
        self, request_id: str, *, wait_s: float = 0
    ) -> ChatCompletion | None:
        """Read a deferred completion: ``GET /v1/chat/deferred-completion/{id}``.

        The server gives a result once. It is kept in the store, and served from there
        on every later call, also in another process.

        Parameters
        ----------
        request_id
            Of `Deferred.request_id`, or ``gn.deferred()``.
        wait_s
            Seconds to wait for it, asking at growing intervals. Default 0: look once.

        Returns
        -------
        ChatCompletion or None
            ``None`` while it is pending.

        Raises
        ------
        NotFound
            It was read already by somebody else, is older than a day, or never was.
        InDoubt
            The connection broke while it was delivered; it may be lost.
        BadRequest
            That is no request id.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 5.
        """
        from grok_nb.wire import ChatCompletion

        try:
            fold = await self.desk.wait(request_id, wait_s)
        finally:
            self.warn()
        return None if fold is None else ChatCompletion.read(fold.data or {})
