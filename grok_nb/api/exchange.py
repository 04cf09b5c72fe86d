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
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from grok_nb import bodies, keys, limits, pictures, pricing
from grok_nb.clock import SystemClock
from grok_nb.config import scrub_error
from grok_nb.errors import (
    ApiError,
    BudgetExceeded,
    ConnectionFailed,
    Gone,
    GrokError,
    InDoubt,
    RateLimited,
    ServerFault,
)
from grok_nb.reply import CallRecord, Origin, RetryNotice, Usage

from . import bounds
from .answers import error_from, not_an_answer
from .attempt import Attempt
from .gate import retired_hint
from .guard import Guard
from .parameters import encoded, key_of
from .retry import RETRIES, Kind, kind_of, wait_s
from .server_tools import secrets_in
from .stream import Fold

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Mapping,
        Sequence,
    )

    from grok_nb.clock import Clock
    from grok_nb.config import Secret, Settings
    from grok_nb.limits import Limit, Purse, Refusal
    from grok_nb.pricing import PriceTable
    from grok_nb.reply import Reply
    from grok_nb.schema import Schema

    from .pacer import Pacer
    from .transport import Answer, Http

T = TypeVar("T")
logger = logging.getLogger("grok_nb")


class Books(Protocol):
    """Who writes down what is paid for."""

    async def intend(
        self, record: CallRecord, held: Sequence[Limit] = ()
    ) -> Refusal | None:
        """Make the row durable, before its request leaves, or say why it may not."""
        ...

    async def reserve(
        self, record: CallRecord, more: int, held: Sequence[Limit]
    ) -> Refusal | None:
        """Let a call that runs reserve more, or say why it may not."""
        ...

    async def over(self, day: str, held: Sequence[Limit]) -> list[tuple[Limit, int]]:
        """Return the limits that have been passed, and by how many ticks."""
        ...

    def seen(self, model: str) -> tuple[int, int] | None:
        """Return the largest output and reasoning of a model's latest answers."""
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
        timeout_s: float | None = None,
    ) -> None:
        self.schema: Schema | None = None
        #: what came before it for the same question; see `Fold.before`
        self.before: Reply | None = None
        self.id = os.urandom(16).hex()
        self.origin = origin
        self.on_retry = on_retry
        #: what the question may cost; see `grok_nb.limits`
        self.purse: Purse | None = None
        #: takes the body of a whole answer before its row is closed
        self.keep: Callable[[Call, bytes, bool, float | None], None] | None = None
        #: how fast may be asked; else a refusal is waited for, and asked again
        self.pacer: Pacer | None = None
        #: what it may take of the limit on tokens
        self.tokens = 0
        #: of this call alone; else the session's
        self.timeout_s = timeout_s
        #: what to do where the server knows no such thing, besides the model
        self.missing = missing
        #: what makes another request of it where the server answers 410
        self.otherwise: Callable[[], None] | None = None
        self.turn_to(path, body, fold=fold, names=names)
        self.record: CallRecord | None = None  # of the latest attempt
        self.attempts = 0
        #: whether an attempt was within the limits, and may hold a part of them
        self.is_admitted = False
        self.in_doubt = 0
        self.failures: Counter[Kind] = Counter()
        self.failure = ""  # of the latest attempt, in words

    def turn_to(
        self,
        path: str,
        body: dict[str, Any],
        *,
        fold: Callable[[Mapping[str, Any], int], Fold] = Fold,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Ask this from the next attempt on; it stays the same call."""
        self.path = path
        self.body = body
        self.content = encoded(body)
        self.key = key_of(path, body)
        self.request = bodies.canonical(path, body)
        #: the API's names of what was sent -> the user's
        self.names = {**{name: name for name in body}, **(names or {})}
        #: what the tools log in with elsewhere; see `server_tools.without_secrets`
        self.secrets = secrets_in(body)
        self._new_fold = fold
        self.fold = self.fresh_fold()

    def fresh_fold(self) -> Fold:
        """Return an empty fold for the next attempt."""
        count = self.body.get("n")
        fold = self._new_fold(self.request, count if isinstance(count, int) else 1)
        fold.schema, fold.before = self.schema, self.before
        return fold


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
        budget = settings.budget_usd
        #: the limit that is set for all sessions, if one is
        self.limit = (
            None
            if budget is None
            else limits.Limit(limits.ticks_of(budget, "budget_usd"))
        )
        #: says something once, where the user sees it
        self.notice: Callable[[str], object] = logger.warning

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
        deadline = self._deadline(call.timeout_s)
        while True:
            spent = await call.pacer.admit(call.tokens) if call.pacer else []
            guard = await self._guard(call)
            attempt = Attempt(self, call)
            failure: GrokError | None = None
            try:
                await guard.admit(attempt.record)
                call.is_admitted = True
                answer = await attempt.open(deadline)
                if not call.body.get("stream"):
                    await attempt.read_whole(answer)
                else:
                    broken = None
                    try:
                        async for piece in answer.pieces():
                            for chunk in attempt.take(piece):
                                yield chunk
                            await guard.watch(call.fold)
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
                    guard.settle(attempt, failure)
            await self._tell_of(call, guard, failure)
            may_wait = self._paced(call, spent, failure, deadline)
            if failure is None:
                return
            if may_wait:
                continue
            if isinstance(failure, Gone) and call.otherwise is not None:
                call.otherwise()
                continue
            await self._before_retry(call, attempt, failure, deadline)

    def _paced(
        self, call: Call, spent: list[float], failure: GrokError | None, deadline: float
    ) -> bool:
        """Tell the pacer how it went; return whether it is to wait, and ask again."""
        if call.pacer is None:
            return False
        usage = call.fold.usage
        call.pacer.settle(spent, 0 if usage is None else usage.total_tokens)
        if not isinstance(failure, RateLimited):
            return False
        call.pacer.throttled(f"{failure}", failure.retry_after_s)
        if asyncio.get_running_loop().time() >= deadline:
            return False
        call.attempts -= 1  # it was only asked to wait
        return True

    async def _tell_of(
        self, call: Call, guard: Guard, failure: GrokError | None
    ) -> None:
        """Say what went over a limit; raise where one ends the call."""
        await guard.tell()
        if not isinstance(failure, BudgetExceeded):
            return
        if guard.is_refused:
            call.attempts -= 1
            if call.attempts:
                self._end(call, "failed")
                failure.add_note(f"Attempt {call.attempts} failed: {call.failure}")
        raise _with_id(failure)

    async def _guard(self, call: Call) -> Guard:
        """Return what sees to it that an attempt keeps to the limits that hold."""
        held = limits.active(self.limit)
        if not held and call.purse is None:
            return Guard(self, held, None, None)
        found = await self.bound(call)
        return Guard(self, held, call.purse, found, call.body.get("model"))

    async def bound(
        self, call: Call, known: dict[str, tuple[int, int] | None] | None = None
    ) -> bounds.Bound:
        """Return what a call could cost; ``known`` keeps what models were seen to need."""
        seen, known = None, {} if known is None else known
        if bounds.needs_history(call, self.table):
            model = self._named(call.body.get("model"))
            if model not in known:
                known[model] = await asyncio.to_thread(self.books.seen, model)
            seen = known[model]
        return bounds.bound(call, self.table, self.settings.base_url, seen)

    def _named(self, model: object) -> str:
        """Return the id under which the ledger has a model."""
        found = self.table.find(model if isinstance(model, str) else None)
        return f"{model}" if found is None else found.id

    async def _before_retry(
        self, call: Call, attempt: Attempt, failure: GrokError, deadline: float
    ) -> None:
        """Wait for the next attempt, or raise what the call ends in."""
        kind = kind_of(failure, shown=attempt.shown)
        call.failures[kind] += 1
        call.failure = f"{failure}"
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
            self._end(call, "stopped")
            raise

    def _end(self, call: Call, state: str) -> None:
        """Tell a reply without an attempt of its own how the call has ended."""
        call.fold.outcome = {
            "state": state,
            "attempts": call.attempts,
            "attempts_in_doubt": call.in_doubt,
            "thread": call.origin.thread,
        }

    def _deadline(self, timeout_s: float | None = None) -> float:
        timeout_s = self.settings.timeout_s if timeout_s is None else timeout_s
        return asyncio.get_running_loop().time() + timeout_s

    async def send(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        **how: Any,
    ) -> Answer:
        """Send one request; return its answer, not read yet. See `Http.send`."""
        how.setdefault("timeout_s", self.settings.timeout_s)
        return await self.http.send(
            method,
            path,
            secret=await self._secret(),
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
        other = self.settings.management_key
        scrub_error(error, [*self.http.secrets, *([other] if other else [])])
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


def _with_id(error: GrokError) -> GrokError:
    """Note the request id, which support asks for, on an error that is raised."""
    if error.request_id:
        error.add_note(f"Request id: {error.request_id}")
    return error


def _guess(call: Call, seen: Usage | None) -> Usage:
    """Guess the tokens of a reply whose usage never came: four bytes a token of text."""
    if seen is not None:
        return seen
    texts: Counter[str] = Counter()
    for kind, _, text in call.fold.log:
        texts[kind] += len(text.encode("utf-8", "replace"))
    begun = call.fold.begun
    if begun is None:
        asked = [call.body.get(name) for name in call.fold.asked_in]
        prompt_tokens, image_tokens = pictures.estimate(asked)
        begun = Usage(prompt_tokens=prompt_tokens, image_tokens=image_tokens)
    return Usage(
        prompt_tokens=begun.prompt_tokens,
        cached_prompt_tokens=begun.cached_prompt_tokens,
        image_tokens=begun.image_tokens,
        completion_tokens=-(-(texts["text"] + texts["tool_call"]) // 4),
        reasoning_tokens=-(-texts["reasoning"] // 4),
        tool_uses=call.fold.tool_uses(),
    )
