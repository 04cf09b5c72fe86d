"""`DeferredReply`: a reply that fills in later, also after the kernel was restarted."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

from grok_nb.api.structured import take
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    InDoubt,
    RateLimited,
    ServerFault,
    TimedOut,
)
from grok_nb.portal import SLICE_S, portal
from grok_nb.reply import Reply
from grok_nb.store.deferred import KEPT_H

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.api.deferred import AsyncDeferred
    from grok_nb.reply import Ask
    from grok_nb.session import Grok
    from grok_nb.store.deferred import DeferredRow

#: Seconds before the server is asked again after it could not be.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0


class DeferredReply:
    """A reply that fills in later.

    It has all that a `Reply` has, as it is by now: ``.state`` is ``"running"`` until the
    answer is there, then ``"done"`` or ``"failed"``. Asking costs once: the request is
    in the store, and what was asked just like this in this notebook within a day is
    taken up again, also after a restart of the kernel.

    Parameters
    ----------
    grok
        Who asks.
    ask
        The question; of chat completions.
    refresh
        Whether it is asked anew, whatever was asked before.
    on_end
        Called once, on the event loop, with this as it ended; perhaps before this is
        returned.

    Attributes
    ----------
    request_id : str
        Of the server; for `Grok.deferred_result`.
    asked : str or None
        UTC, ISO: when the request that was taken up had been sent.
    note : str
        What the user should know of earlier requests; may be empty.
    reply : Reply
        As it is by now.
    error : GrokError or None
        Why it has failed.

    Raises
    ------
    GrokError
        The request was refused, or could not be sent.

    Notes
    -----
    Source: xai-api.md section 5: a result is kept for a day, and read once.
    """

    def __init__(
        self,
        grok: Grok,
        ask: Ask,
        *,
        refresh: bool = False,
        on_end: Callable[[DeferredReply], object] | None = None,
    ) -> None:
        if ask.endpoint != "/chat/completions" or ask.tools:
            raise BadRequest("Only a question without tools can be deferred.")
        self._grok, self._ask = grok, ask
        self._core = grok._core  # noqa: SLF001 - the same in two faces
        self._on_end = on_end
        self.asked: str | None = None
        self.note = ""
        self.error: GrokError | None = None
        self._done = threading.Event()
        self.reply = Reply(model=ask.model, thread=ask.origin.thread, schema=ask.schema)
        handle, row = grok._call(  # noqa: SLF001
            lambda: self._begin(refresh=refresh)
        )
        self.request_id: str = handle.request_id
        self._job = portal().submit(lambda _: self._fill(handle, row))

    async def _begin(
        self, *, refresh: bool
    ) -> tuple[AsyncDeferred, DeferredRow | None]:
        core, ask = self._core, self._ask
        model = await core.resolve_model(ask.model)
        found = None if refresh else await core.desk.earlier(ask, model)
        if found is not None:
            when = f"{found.time[11:16]} UTC"
            is_there = found.state == "pending" or found.body is not None
            if is_there:
                self.asked = found.time
                self.note = f"This was asked at {when} already; --refresh asks again."
                return core.desk.take_up(found, ask, model), found
            self.note = f"It was asked at {when} before, and that answer " + (
                "may be lost: it is asked again."
                if found.state == "in_doubt"
                else "is not to be had any more: it is asked again."
            )
        core.heed(model)
        return await core.desk.send(ask, model), None

    async def _fill(self, handle: AsyncDeferred, row: DeferredRow | None) -> None:
        ask, reply = self._ask, self.reply
        try:
            fold = await self._awaited(handle)
            fold.schema = ask.schema
            fold.outcome["thread"] = ask.origin.thread
            if row is not None and row.state == "done":
                fold.outcome["cached"] = True
                self._core.desk.book_again(row, fold, ask.origin)
            if ask.schema is not None:
                take(ask, fold, None)
            reply = fold.reply()
        except GrokError as error:
            self.error = error.with_traceback(None)
            found = error.reply if isinstance(error.reply, Reply) else reply
            reply = dataclasses.replace(found, state="failed")
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self.error = GrokError(
                f"The answer could not be used: {type(error).__name__}: {error}",
                hint=f"It is kept for a day: grok.deferred_result({self.request_id!r}).",
            )
            reply = dataclasses.replace(reply, state="failed")
        self.reply = reply
        try:
            if self._on_end is not None:
                self._on_end(self)
        finally:
            self._done.set()

    async def _awaited(self, handle: AsyncDeferred) -> Any:
        """Return what comes, however long the server cannot be reached meanwhile."""
        clock = self._core.exchange.clock
        end, pause = clock.monotonic() + KEPT_H * 3600, _FIRST_PAUSE_S
        while (left := end - clock.monotonic()) > 0:
            try:
                fold = await handle.fold(left)
            except InDoubt:
                raise
            except (ConnectionFailed, RateLimited, ServerFault):
                await clock.sleep(min(pause, max(left, 0)))
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                if fold is not None:
                    return fold
        raise TimedOut(
            f"There was no answer to {handle.request_id} within {KEPT_H} hours.",
            sent=True,
            hint="The server keeps none longer; ask again with --refresh.",
        )

    def ready(self) -> bool:
        """Say whether it has ended, well or not."""
        return self._done.is_set()

    def result(self, wait_s: float | None = None) -> Reply:
        """Wait for the reply.

        Parameters
        ----------
        wait_s
            Seconds; default as long as it takes.

        Raises
        ------
        TimedOut
            It was not there in time; nothing is lost.
        GrokError
            It has failed.
        """
        left = float("inf") if wait_s is None else wait_s
        while not self._done.wait(min(SLICE_S, max(left, 0))):
            left -= SLICE_S
            if left <= 0:
                raise TimedOut(
                    f"The answer to {self.request_id} was not there after {wait_s:g} s.",
                    sent=True,
                    hint="Nothing is lost: call .result() again.",
                )
        if self.error is not None:
            raise self.error
        return self.reply

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "reply":
            raise AttributeError(name)
        return getattr(self.reply, name)

    def __str__(self) -> str:
        return str(self.reply)

    def __repr__(self) -> str:
        return f"<DeferredReply {self.reply.state} {self.request_id}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import reply_bundle

        return reply_bundle(self.reply, note="" if self.ready() else "deferred")
