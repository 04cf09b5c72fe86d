"""Batches: many requests that are worked on within a day, some models at less a token.

Every request has a row in the ledger before it is added. Adding is repeated only after
the server's own list was read. A row is completed by the request's result, once,
whichever process reads it; results stay at the server and can be read again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from grok_nb import bodies, limits
from grok_nb.config import scrub_error
from grok_nb.errors import (
    ApiError,
    BadRequest,
    GrokError,
    InDoubt,
    NotFound,
    ServerFault,
    TimedOut,
)
from grok_nb.limits import dollars
from grok_nb.reply import Origin
from grok_nb.store.batches import Intent
from grok_nb.store.deferred import iso

from .answers import SANDBOX_HEADER, not_an_answer
from .attempt import outline
from .batch_requests import content_of, portions
from .batch_results import ENDED, BatchResults, cancelled, read_result
from .parameters import WHOLE, WORD, Rules, checked, encoded, in_path, key_of
from .retry import RETRIES, may_have_happened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from grok_nb.limits import Limit
    from grok_nb.store.batches import BatchRows

    from .batch_requests import Item
    from .exchange import Exchange
    from .retry import Kind

BATCHES = "/batches"
LISTING: Rules = {"limit": (WHOLE, 1, 1_000_000), "pagination_token": (WORD, 0, 0)}
#: Failures after which nothing can have happened at the server.
_SAFE: tuple[Kind, ...] = ("throttle", "unavailable", "unsent")
_PAGE = 100
_FIRST_WAIT_S = 0.5
_LISTED = "grok.batch_list() lists them."
_MISSING = "A batch is kept for 30 days; grok.batch_list() lists them."


class BatchDesk:
    """Adds requests to batches, reads their results, and keeps their rows.

    Parameters
    ----------
    exchange
        Where requests go.
    rows
        The ledger's rows of batches.
    """

    def __init__(self, exchange: Exchange, rows: BatchRows) -> None:
        self._exchange = exchange
        self._rows = rows

    # -- making ------------------------------------------------------------------------

    async def create(self, body: dict[str, Any], origin: Origin) -> dict[str, Any]:
        """Make a batch; one of a file has a row, for its requests will be billed."""
        call = missing = ""
        if "input_file_id" in body:
            if limits.active(self._exchange.limit):
                raise limits.unpriced("a file of requests")
            missing = "grok.files() lists the files."
            key, now = key_of(BATCHES, body), iso(self._exchange.clock.now())
            call = await self._rows.intend_file(key, now, origin)
        try:
            data = await self.ask(
                "POST", BATCHES, encoded(body), kinds=_SAFE, missing=missing
            )
        except GrokError as error:
            if may_have_happened(error):
                doubt = InDoubt(
                    f"{error} The batch may be there, so it is not made again.",
                    hint="grok.batch_list() shows whether it is.",
                )
                doubt.request_id = error.request_id
                raise doubt from error
            if call:
                status = getattr(error, "status", None)
                self._rows.refused_file(call, status, self._told(error, b""))
            raise
        batch_id = data.get("batch_id")
        if call and isinstance(batch_id, str):
            self._rows.name_file(call, batch_id)
        return data

    async def add(
        self,
        batch_id: str,
        items: Sequence[Item],
        origin: Origin = Origin(),  # noqa: B008 - frozen
    ) -> None:
        """Add requests, a portion at a time; return when the server has all of them."""
        path = f"{path_of(batch_id)}/requests"
        there, was_in_doubt = await self._there(batch_id, items)
        done = 0
        # all again is no stopped call that goes on: the server refuses it
        if was_in_doubt or len(there) < len(items):
            items = [item for item in items if item.request_id not in there]
        for portion in portions(items):
            try:
                await self._add(batch_id, path, portion, origin)
            except GrokError as error:
                if done:
                    error.add_note(
                        f"{done} of {len(items)} requests had been added before; "
                        "the same call again goes on from there."
                    )
                raise
            done += len(portion)

    async def _there(
        self, batch_id: str, items: Sequence[Item]
    ) -> tuple[set[str], bool]:
        """Return what an earlier call has added, and whether any of it was in doubt.

        That call was stopped or failed, or its process was killed.
        """
        rows = self._rows
        intents = [Intent(i.request_id, i.key, i.model) for i in items]
        there, unanswered = await rows.sent(batch_id, intents)
        if unanswered:
            found = await self._found(batch_id, unanswered)
            rows.answered(batch_id, found)
            gone = unanswered - found
            rows.refused(batch_id, gone, "", None, "It never got into the batch.")
            await rows.flush()
            there |= found
        return there, bool(unanswered)

    async def _add(
        self, batch_id: str, path: str, items: Sequence[Item], origin: Origin
    ) -> None:
        rows = self._rows
        waiting = {item.request_id: item for item in items}
        intents = [
            Intent(i.request_id, i.key, i.model, i.reserved_ticks) for i in items
        ]
        time = iso(self._exchange.clock.now())
        held = limits.active(self._exchange.limit)
        start, refused = await rows.intend(batch_id, intents, time, origin, held)
        if refused is not None:
            raise refused.error(bounded=False, limited=True)
        doubts = 0
        while waiting:
            failure = await self._post(path, list(waiting.values()))
            if failure is None:
                break
            is_doubt = may_have_happened(failure)
            doubts += is_doubt
            if doubts:
                there = await self._after_doubt(
                    batch_id, failure, list(waiting), doubts
                )
                rows.answered(batch_id, there)
                waiting = {n: item for n, item in waiting.items() if n not in there}
            if waiting and not is_doubt:
                status = failure.status if isinstance(failure, ApiError) else None
                if status == 200:  # an error all the same; in a row it means taken
                    status = None
                told = self._told(failure, content_of(list(waiting.values())))
                rows.refused(batch_id, waiting, start, status, told)
                await rows.flush()
                raise failure
        rows.answered(batch_id, waiting)
        await rows.flush()

    async def _post(self, path: str, items: list[Item]) -> GrokError | None:
        """Send requests; return what is in the way."""
        try:
            # whatever a 200 says: the docs tell of no body
            await self.ask("POST", path, content_of(items), kinds=_SAFE, bare=True)
        except GrokError as error:
            failure = error.with_traceback(None)
        else:
            return None
        scrub_error(failure, [secret for item in items for secret in item.secrets])
        return failure

    async def _after_doubt(
        self, batch_id: str, failure: GrokError, names: list[str], doubts: int
    ) -> set[str]:
        """Return which requests are there; raise where they are not to be sent again."""
        exchange, there = self._exchange, set[str]()
        cause: GrokError = failure
        is_final = exchange.settings.on_doubt == "hold" or isinstance(failure, TimedOut)
        if not is_final:
            try:
                there = await self._found(batch_id, names)
            except GrokError as error:
                cause, is_final = error.with_traceback(None), True
            else:
                if len(there) == len(names) or not may_have_happened(failure):
                    return there
                is_final = doubts > RETRIES["doubt"]
        if not is_final:
            wait_s = _FIRST_WAIT_S * 2 ** (doubts - 1) * exchange.jitter.uniform(0.5, 1)
            await exchange.clock.sleep(wait_s)
            return there
        self._rows.answered(batch_id, there)
        await self._rows.flush()
        doubt = InDoubt(
            f"{cause} Whether {len(names) - len(there)} requests are in the batch is not "
            "known, so they are not sent again.",
            hint="The same grok.batch_add(...) again first reads what is there.",
        )
        doubt.request_id = failure.request_id
        raise doubt from cause

    async def _found(self, batch_id: str, names: Collection[str]) -> set[str]:
        """Return which of the requests the server has, by its own list."""
        missing = set(names)
        async for page in self._pages(f"{path_of(batch_id)}/requests"):
            missing -= {name for name, _ in _states(page)}
            if not missing:
                break
        return set(names) - missing

    def _told(self, error: GrokError, sent: bytes) -> str:
        if self._exchange.settings.keep_text:
            return f"{type(error).__name__}: {error}"
        return outline(error, sent)

    # -- reading -----------------------------------------------------------------------

    async def results(
        self, batch_id: str, limit: int | None, token: str | None
    ) -> BatchResults:
        """Read one page of results, and complete the rows of its requests."""
        path = f"{path_of(batch_id)}/results" + query_of(limit, token)
        over = await self._over()
        try:
            answered = await self._whole("GET", path)
        except NotFound:  # its list of requests may outlive its results
            await self.settle_cancelled(batch_id)
            raise
        sandbox, data = answered
        # no wait from here to the last row: a stop books all of the page, or nothing
        found = entries_in(data, "results")
        if found is None:
            del data, answered  # some tracebacks show variables
            raise unusable("it lists no results")
        results = [read_result(self._exchange, e, sandbox=sandbox) for e in found]
        keep_text = self._exchange.settings.keep_text
        self._rows.book(
            batch_id,
            [
                (result.batch_request_id, booked)
                for result in results
                if (booked := result.booked(keep_text=keep_text)) is not None
            ],
        )
        page = BatchResults(results, _token_of(data), data)
        await self._rows.flush()
        for passed, ticks in (await self._over()).items():
            if passed not in over:
                self._exchange.notice(
                    f"Answers of the batch went over {passed} by {dollars(ticks)}."
                )
        if page.pagination_token is None:
            await self.settle_cancelled(batch_id)
        return page

    async def _over(self) -> dict[Limit, int]:
        """Return the limits that have been passed by now, and by how many ticks."""
        exchange = self._exchange
        held = limits.active(exchange.limit)
        if not held:
            return {}
        return dict(await exchange.books.over(iso(exchange.clock.now())[:10], held))

    async def requests(
        self, batch_id: str, limit: int | None, token: str | None
    ) -> dict[str, Any]:
        """List requests of a batch; close the rows of those that were cancelled."""
        path = f"{path_of(batch_id)}/requests" + query_of(limit, token)
        data = await self.ask("GET", path)
        if entries_in(data, "batch_request_metadata") is None:
            del data
            raise unusable("it lists no requests")
        self._close_cancelled(batch_id, data)
        await self._rows.flush()
        return data

    def _close_cancelled(self, batch_id: str, page: Mapping[str, Any]) -> None:
        ended = [name for name, state in _states(page) if state in ENDED]
        self._rows.book(batch_id, [(name, cancelled()) for name in ended])

    async def settle_cancelled(self, batch_id: str) -> None:
        """Close the rows of requests that were cancelled, if there can be any.

        Results do not tell of them. Where this fails the rows stay in doubt, until
        results are read again.
        """
        if not await self._rows.has_open(batch_id):
            return
        from grok_nb.wire import Batch

        with contextlib.suppress(GrokError):
            batch = Batch.read(await self.ask("GET", path_of(batch_id), kinds=()))
            if not (batch.num_cancelled or batch.cancel_time):
                return
            async for page in self._pages(f"{path_of(batch_id)}/requests", kinds=()):
                self._close_cancelled(batch_id, page)
            await self._rows.flush()

    async def _pages(
        self, path: str, kinds: Collection[Kind] = tuple(RETRIES)
    ) -> AsyncIterator[dict[str, Any]]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            data = await self.ask("GET", path + query_of(_PAGE, token), kinds=kinds)
            if entries_in(data, "batch_request_metadata") is None:
                del data
                raise unusable("it lists no requests")
            yield data
            token = _token_of(data)
            if token is None or token in seen:
                return
            seen.add(token)

    # -- asking ------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        kinds: Collection[Kind] = tuple(RETRIES),
        bare: bool = False,
        missing: str = _MISSING,
    ) -> dict[str, Any]:
        """Return the JSON that answers; with ``bare`` also of an answer that has none."""
        _, data = await self._whole(
            method, path, content, kinds=kinds, bare=bare, missing=missing
        )
        return data

    async def _whole(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        kinds: Collection[Kind] = tuple(RETRIES),
        bare: bool = False,
        missing: str = _MISSING,
    ) -> tuple[bool, dict[str, Any]]:
        async def once(deadline: float) -> tuple[bool, dict[str, Any]]:
            answer, said = await self._exchange.read(
                method, path, deadline, content, missing=missing
            )
            data = bodies.parse_object(said)
            if data is None and bare and not said.strip():
                data = {}
            if data is None or data.get("error"):
                secret = self._exchange.settings.api_key
                raise not_an_answer(said, answer.headers, secret)
            return SANDBOX_HEADER in answer.headers, data

        return await self._exchange.repeated(once, kinds)


def path_of(batch_id: object) -> str:
    """Return where a batch is; what cannot be an id is a `BadRequest`."""
    return f"{BATCHES}/{in_path('batch_id', batch_id, _LISTED)}"


def query_of(limit: int | None, token: str | None) -> str:
    """Return how a page is asked for; what cannot be right is a `BadRequest`."""
    given = {"limit": limit, "pagination_token": token}
    options = checked("Listings of batches", LISTING, given)
    try:
        return f"?{urlencode(options)}" if options else ""
    except UnicodeEncodeError:
        raise BadRequest("pagination_token has half of a surrogate pair.") from None


def entries_in(data: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """Return the entries of a page; a null, or none but a token, is an empty one."""
    found = data.get(name)
    if found is None:
        return [] if name in data or "pagination_token" in data else None
    if not isinstance(found, list):
        return None
    return [entry for entry in found if isinstance(entry, dict)]


def _token_of(data: Mapping[str, Any]) -> str | None:
    token = data.get("pagination_token")
    return token if isinstance(token, str) and token else None


def _states(page: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, state.lower() if isinstance(state := entry.get("state"), str) else "")
        for entry in entries_in(page, "batch_request_metadata") or ()
        if isinstance(name := entry.get("batch_request_id"), str)
    ]


def unusable(why: str) -> ServerFault:
    """Return the error for a success that holds nothing of use."""
    return ServerFault(
        f"No usable answer (200): {why}.",
        status=200,
        hint="Something between here and xAI answered: check base_url and proxies.",
    )
