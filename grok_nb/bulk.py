"""Many questions at once: each paid for once, kept before it is used, in any order.

A fixed number of workers takes questions from an iterator. What the store has is not
asked; what another process is asking is waited for.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from grok_nb import bodies, pictures
from grok_nb.api.pacer import Pacer
from grok_nb.api.retry import may_have_happened
from grok_nb.api.structured import again, take
from grok_nb.errors import (
    BudgetExceeded,
    ConfigError,
    Forbidden,
    GrokError,
    InDoubt,
    NoCredit,
    Refused,
    SchemaMismatch,
    Truncated,
    Unauthorized,
)
from grok_nb.store.replies import PaidReplies, StoredReply
from grok_nb.store.threads import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grok_nb.api.exchange import Call
    from grok_nb.api.stream import Fold
    from grok_nb.reply import Ask, Reply
    from grok_nb.session import AsyncGrok

Status = Literal[
    "ok",
    "repaired",
    "truncated",
    "refused",
    "invalid",
    "failed",
    "in_doubt",
    "skipped_budget",
]
#: Errors after which no other question fares better.
_HOPELESS = (Unauthorized, Forbidden, NoCredit, ConfigError)
#: Questions that have to fail alike, before any has succeeded, to stop a run.
_ALIKE = 10
#: How often the limit of a truncated answer is raised, and by what factor.
_GROWTHS, _GROWTH = 2, 4
#: Seconds between looks at what another process is asking.
_LOOK_S = 0.2
#: Seconds that questions under way get when a run is stopped.
DRAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of one question.

    Attributes
    ----------
    number
        Its position in the run.
    status
        See `Status`.
    reply
        What was paid for, if anything came; of a repair what was paid for all of it.
    error
        Why there is nothing parsed.
    cached
        Whether nothing was paid for it in this run.
    latency_s
        Seconds that its requests took, all together.
    """

    number: int
    status: Status
    reply: Reply | None = None
    error: GrokError | None = None
    cached: bool = False
    latency_s: float | None = None


@dataclass(eq=False, slots=True)
class Run:
    """What a run is doing, for whoever watches it."""

    is_stopping: bool = False
    succeeded: int = 0
    alike: collections.Counter[tuple[str, object]] = field(
        default_factory=collections.Counter
    )
    hopeless: GrokError | None = None


_pacers: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[tuple[str, str], Pacer]
] = weakref.WeakKeyDictionary()


class Bulk:
    """Asks many questions.

    Parameters
    ----------
    core
        Who asks.
    max_in_flight
        Requests at the same time.
    rpm, tpm
        Requests and tokens a minute; ``None``: what the server says.
    """

    def __init__(
        self,
        core: AsyncGrok,
        *,
        max_in_flight: int,
        rpm: float | None = None,
        tpm: float | None = None,
    ) -> None:
        self._core = core
        self._width = max_in_flight
        self._limits = rpm, tpm
        store = core.store if core.settings.keep_text else beside(core.store)
        self.replies = PaidReplies(store, core.settings.base_url)
        self.run = Run()
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._sending: set[Call] = set()
        #: those whom a budget refused while others had reserved some of it
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    async def asked(self, asks: Iterator[Ask], put: Callable[[Outcome], None]) -> None:
        """Ask all of it; hand up each outcome as it is known.

        Raises
        ------
        GrokError
            Nothing more would succeed. What was under way has ended, and is kept.
        """
        numbered = enumerate(asks)
        workers = [
            asyncio.ensure_future(self._work(numbered, put)) for _ in range(self._width)
        ]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        if self.run.hopeless is not None:
            raise self.run.hopeless

    def stop(self) -> None:
        """Begin no further question."""
        self.run.is_stopping = True

    async def _work(
        self, numbered: Iterator[tuple[int, Ask]], put: Callable[[Outcome], None]
    ) -> None:
        run = self.run
        for number, ask in numbered:
            if run.is_stopping:
                return
            try:
                outcome = await self._outcome(number, ask)
            except _HOPELESS as error:
                if isinstance(error, Forbidden) and run.succeeded:
                    outcome = Outcome(number, "failed", error=error)
                else:
                    self._give_up(error)
                    return
            put(outcome)
            self._judge(outcome)

    def _judge(self, outcome: Outcome) -> None:
        """Stop where the first questions all fail in the same way."""
        run, error = self.run, outcome.error
        if error is None or outcome.status not in ("failed", "in_doubt"):
            run.succeeded += outcome.status != "skipped_budget"
            return
        alike = type(error).__name__, getattr(error, "status", None)
        run.alike[alike] += 1
        if not run.succeeded and run.alike[alike] >= _ALIKE:
            error.add_note(
                f"The first {_ALIKE} requests all failed like this, so the rest was not "
                "sent."
            )
            self._give_up(error)

    def _give_up(self, error: GrokError) -> None:
        if self.run.hopeless is None:
            self.run.hopeless = error
        self.stop()

    async def _outcome(self, number: int, ask: Ask) -> Outcome:
        """Ask one question, with what mends its answer."""
        earlier: Fold | None = None
        is_cached, growths, repairs = True, 0, ask.repairs
        took = 0.0
        while True:
            try:
                fold, was_stored, latency_s = await self._fold(ask)
            except BudgetExceeded as error:
                return self._ended(number, "skipped_budget", error, earlier)
            except _HOPELESS:
                raise
            except GrokError as error:
                is_doubt = isinstance(error, InDoubt) or may_have_happened(error)
                status: Status = "in_doubt" if is_doubt else "failed"
                return self._ended(number, status, error, earlier)
            is_cached = is_cached and was_stored
            took += latency_s or 0.0
            try:
                take(ask, fold, earlier)
            except Truncated as error:
                grown = _grown(ask) if growths < _GROWTHS else None
                if grown is None:
                    return self._ended(number, "truncated", error, None, is_cached)
                ask, growths, earlier = grown, growths + 1, fold
            except Refused as error:
                return self._ended(number, "refused", error, None, is_cached)
            except SchemaMismatch as error:
                if not repairs or not error.repairable:
                    return self._ended(number, "invalid", error, None, is_cached)
                ask, repairs, earlier = again(ask, error), repairs - 1, fold
            else:
                reply = fold.reply()
                status = "repaired" if reply.repairs > growths else "ok"
                return Outcome(
                    number,
                    status,
                    reply,
                    cached=is_cached,
                    latency_s=took,
                )

    @staticmethod
    def _ended(
        number: int,
        status: Status,
        error: GrokError,
        earlier: Fold | None,
        cached: bool = False,  # noqa: FBT001, FBT002 - of this class alone
    ) -> Outcome:
        reply = error.reply
        if reply is None and earlier is not None:
            reply = dataclasses.replace(earlier.reply(), state="failed")
        return Outcome(
            number,
            status,
            reply,  # type: ignore[arg-type]  # errors know no Reply
            error=error.with_traceback(None),
            cached=cached,
        )

    async def _fold(self, ask: Ask) -> tuple[Fold, bool, float | None]:
        """Return the answer to a question, whether it was there, and seconds it took."""
        call = await self._core._call_for(ask)  # noqa: SLF001 - the same session
        key = call.key
        while (under_way := self._asked.get(key)) is not None:
            await asyncio.shield(under_way)  # the same row again: asked once
        self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            while True:
                now = self._core.exchange.clock.now().isoformat(timespec="microseconds")
                found = await self.replies.begin(key, now)
                if isinstance(found, StoredReply):
                    return self._read(call, found), True, found.latency_s
                if found == "ours":
                    break
                await self._core.exchange.clock.sleep(_LOOK_S)
            try:
                await self._send(call)
            except BaseException:
                self.replies.let_go(key)
                raise
            await self.replies.release(key)  # what was kept is on disk
            took = None if call.record is None else call.record.latency_s
            return call.fold, False, took
        finally:
            self._asked.pop(key).set_result(None)

    async def _send(self, call: Call) -> None:
        """Ask; where a budget has no room, wait for what others have reserved."""
        call.keep = self._keep
        call.pacer = self._pacer(f"{call.body.get('model')}")
        call.tokens = pictures.estimate([call.body.get("messages")])[0]
        while True:
            self._sending.add(call)
            try:
                async for _ in self._core.exchange.run(call):
                    pass
            except BudgetExceeded:
                if call.attempts or not any(c.is_admitted for c in self._sending):
                    raise
            else:
                return
            finally:
                self._sending.discard(call)
                self._wake_one()
            waits = asyncio.get_running_loop().create_future()
            self._waiting.append(waits)
            await waits

    def _wake_one(self) -> None:
        while self._waiting:
            waits = self._waiting.popleft()
            if not waits.done():
                waits.set_result(None)
                return

    def _keep(
        self,
        call: Call,
        body: bytes,
        sandbox: bool,  # noqa: FBT001 - of one caller
        latency_s: float | None,
    ) -> None:
        assert call.record is not None  # noqa: S101 - it was sent
        secret = self._core.exchange.settings.api_key
        if secret is not None:  # a server may echo it
            body = body.replace(secret.reveal().encode(), b"[key]")
        if call.fold.failure is None:
            self.replies.keep(call.record, body, sandbox=sandbox, latency_s=latency_s)

    def _pacer(self, model: str) -> Pacer:
        loop, exchange = asyncio.get_running_loop(), self._core.exchange
        known = _pacers.setdefault(loop, {})
        where = exchange.settings.base_url, model
        if where not in known:
            known[where] = Pacer(exchange.clock)
        known[where].limit(*self._limits)
        return known[where]

    def _read(self, call: Call, stored: StoredReply) -> Fold:
        """Return what a stored reply was."""
        fold = call.fold = call.fresh_fold()
        data = bodies.parse_object(stored.body)
        if data is not None:
            fold.add_whole(data)
        fold.outcome = {
            **self._core.exchange.price(call, final=True),
            "state": "done",
            "cached": True,
            "request_id": stored.request_id,
            "sandbox": stored.sandbox,
        }
        return fold


def _grown(ask: Ask) -> Ask | None:
    """Return the question with room for a longer answer; None where nothing limits it."""
    for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        limit = ask.options.get(name)
        if isinstance(limit, int):
            return dataclasses.replace(
                ask, options={**ask.options, name: limit * _GROWTH}
            )
    return None
