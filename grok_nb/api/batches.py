"""A method for each endpoint of batches: many requests that are worked on in a day.

Source: xai-api.md section 12.1.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from grok_nb import limits
from grok_nb.errors import BadRequest, GrokError
from grok_nb.reply import Origin

from .batch_desk import BATCHES, entries_in, path_of, query_of, unusable
from .batch_requests import PATHS, drafts, item_of, without_shown
from .exchange import Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from grok_nb.wire import Batch, BatchPage, BatchRequestPage

    from .batch_desk import BatchDesk
    from .batch_requests import Draft, Item
    from .batch_results import BatchResult, BatchResults
    from .exchange import Exchange


class BatchMethods:
    """The methods of the client for batches."""

    exchange: Exchange
    #: Set by who has a store.
    batches: BatchDesk

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask; the client's own."""
        raise NotImplementedError

    def heed(self, model: str | None) -> None:
        """Warn of a retired model; the client's own."""
        raise NotImplementedError

    def warn(self) -> None:
        """Say that the store could not be written; who has a store does."""

    async def batch_create(self, name: str, input_file_id: str | None = None) -> Batch:
        """Make a batch: ``POST /v1/batches``.

        Parameters
        ----------
        name
            What it is called; need not be unique.
        input_file_id
            A file of requests (`file_upload`), one JSON object a line:
            ``{"custom_id", "method": "POST", "url": "/v1/chat/completions", "body"}``.
            To such a batch nothing can be added.

        Returns
        -------
        Batch
            ``.batch_id`` is what the other methods take.

        Raises
        ------
        InDoubt
            It was sent and not answered. It is not sent again, for it may be there.
        BadRequest
            Before sending, where an argument cannot be right, or by the API.

        Notes
        -----
        Source: xai-api.md section 12.1.

        Examples
        --------
        >>> import grok_nb as gn
        >>> question = {"messages": [{"role": "user", "content": "What is 6*7?"}]}
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     batch = grok.batch_create("sums")
        ...     grok.batch_add(batch.batch_id, {"a": question}).num_requests
        1
        """
        for what, given in (("name", name), ("input_file_id", input_file_id)):
            is_left_out = what == "input_file_id" and given is None
            if not is_left_out and not (isinstance(given, str) and given.strip()):
                raise BadRequest(f"{what} must be text, not {given!r}.")
        body = {"name": name}
        if input_file_id is not None:
            body["input_file_id"] = input_file_id
        try:
            return _batch(await self.batches.create(body, Origin()))
        finally:
            self.warn()

    async def batch_add(
        self,
        batch_id: str,
        requests: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]],
    ) -> Batch:
        """Add requests to a batch: ``POST /v1/batches/{id}/requests``.

        They are sent at most 500 requests or 10 MB at a time. Each has a row in the
        ledger before it leaves: ``in_doubt``, without a cost, until its result is read.

        Parameters
        ----------
        batch_id
            Of `batch_create`.
        requests
            Id -> body of a chat completion (``messages``, ``model`` and any of
            `ChatOptions`), or a list of the API's own entries:
            ``{"batch_request_id": id, "batch_request": {"chat_get_completion": body}}``,
            or ``"responses"`` for the Responses API. Ids are unique in a batch; the
            model defaults as `Grok` resolves it. At most 25 MB each.

        Returns
        -------
        Batch
            As it is afterwards.

        Raises
        ------
        BadRequest
            Before sending, where a request cannot be right; or by the API, for instance
            for an id that the batch has.
        BudgetExceeded
            Together they could go over a budget: what is not in the batch yet is not
            added. Batches have no bound on reasoning; see `grok_nb.budget`.
        InDoubt
            Requests were sent and not answered, and the server's list does not tell
            whether it has them. The same call again looks there first.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Where an answer is lost, the list of the batch's requests is read before what is
        missing is sent again, at most twice. After a stop or an error the same call
        goes on: what is there already, and is just like this, is left out.
        Source: xai-api.md section 12.1.
        """
        requests = without_shown(requests)  # some tracebacks show variables
        path_of(batch_id)
        found = drafts(requests)
        try:
            default = None
            if any(draft.model is None for draft in found):
                default = await self.resolve_model(None)
            for model in dict.fromkeys(draft.model or default for draft in found):
                self.heed(model)
            table = self.exchange.table
            items = [item_of(d, d.model or default or "", table) for d in found]
            if limits.active(self.exchange.limit):
                items = await self._reserving(found, items)
            await self.batches.add(batch_id, items)
        finally:
            self.warn()
        try:
            return await self.batch_get(batch_id)
        except GrokError as error:
            error.add_note(f"All {len(items)} requests were added before.")
            raise

    async def _reserving(self, found: list[Draft], items: list[Item]) -> list[Item]:
        """Return the requests with what each could cost."""
        known: dict[str, tuple[int, int] | None] = {}
        priced = []
        for draft, item in zip(found, items, strict=True):
            call = Call(PATHS[draft.kind], {"model": item.model, **draft.body})
            ticks = (await self.exchange.bound(call, known)).ticks
            if ticks is None:
                raise limits.unpriced(item.model)
            priced.append(dataclasses.replace(item, reserved_ticks=ticks))
        return priced

    async def batch_get(self, batch_id: str) -> Batch:
        """Say how far a batch is: ``GET /v1/batches/{id}``; free.

        Returns
        -------
        Batch
            ``.is_done``, its counters ``.num_requests``, ``.num_pending``, ...

        Raises
        ------
        NotFound
            It never was, or is older than 30 days.

        Notes
        -----
        Source: xai-api.md section 12.1.
        """
        return _batch(await self.batches.ask("GET", path_of(batch_id)))

    async def batch_list(
        self, *, limit: int | None = None, pagination_token: str | None = None
    ) -> BatchPage:
        """List batches, a page at a time: ``GET /v1/batches``; free.

        Parameters
        ----------
        limit
            Of a page; default the server's.
        pagination_token
            From the page before.

        Returns
        -------
        BatchPage
            ``.batches`` and ``.pagination_token``.

        Notes
        -----
        Source: xai-api.md section 12.1.
        """
        from grok_nb.wire import BatchPage

        data = await self.batches.ask(
            "GET", BATCHES + query_of(limit, pagination_token)
        )
        if (found := entries_in(data, "batches")) is not None:
            return BatchPage.read({**data, "batches": found})
        del data
        raise unusable("it lists no batches")

    async def batch_requests(
        self,
        batch_id: str,
        *,
        limit: int | None = None,
        pagination_token: str | None = None,
    ) -> BatchRequestPage:
        """List a batch's requests and how far each is: ``GET .../requests``; free.

        Parameters
        ----------
        batch_id
            Of `batch_create`.
        limit, pagination_token
            As for `batch_list`.

        Returns
        -------
        BatchRequestPage
            ``.batch_request_metadata``, each with ``.batch_request_id``, ``.state``
            (pending, succeeded, failed, cancelled), ``.endpoint``, ``.model`` and
            times; ``.pagination_token``.

        Notes
        -----
        Rows of requests that were cancelled are closed, at no cost.
        Source: xai-api.md section 12.1.
        """
        from grok_nb.wire import BatchRequestPage

        try:
            data = await self.batches.requests(batch_id, limit, pagination_token)
        finally:
            self.warn()
        return BatchRequestPage.read(data)

    async def batch_results(
        self,
        batch_id: str,
        *,
        limit: int | None = None,
        pagination_token: str | None = None,
    ) -> BatchResults:
        """Read results of a batch, a page at a time: ``GET .../results``; free.

        The row of each request in the ledger is completed by its result, once, whoever
        reads it and how often. Requests that another program has added have no row.

        Parameters
        ----------
        batch_id
            Of `batch_create`.
        limit, pagination_token
            As for `batch_list`.

        Returns
        -------
        BatchResults
            Iterates over `BatchResult`: ``.batch_request_id``, and ``.reply`` or
            ``.error``; ``.pagination_token`` for the next page.

        Raises
        ------
        NotFound
            It never was, or is older than 30 days.

        Notes
        -----
        What is done can be read while the rest is pending. `batch_results_all` goes on
        from page to page.
        Source: xai-api.md section 12.1.
        """
        try:
            return await self.batches.results(batch_id, limit, pagination_token)
        finally:
            self.warn()

    async def batch_results_all(
        self, batch_id: str, *, limit: int | None = None
    ) -> AsyncIterator[BatchResult]:
        """Read all results of a batch, page after page as they are needed.

        Parameters
        ----------
        batch_id
            Of `batch_create`.
        limit
            Of a page; default the server's.

        Yields
        ------
        BatchResult
            ``.batch_request_id``, and ``.reply`` or ``.error``.

        Notes
        -----
        The rows of a page are completed before its first result is handed out.
        Source: xai-api.md section 12.1.
        """
        token: str | None = None
        seen: set[str] = set()
        while True:
            page = await self.batch_results(
                batch_id, limit=limit, pagination_token=token
            )
            for result in page:
                yield result
            token = page.pagination_token
            if token is None:
                return
            if token in seen:
                raise unusable("its pages go round in a circle")
            seen.add(token)

    async def batch_cancel(self, batch_id: str) -> Batch:
        """Cancel a batch: ``POST /v1/batches/{id}:cancel``.

        What is done stays, and is billed; what is pending is not worked on.

        Returns
        -------
        Batch
            As it is afterwards.

        Raises
        ------
        NotFound
            It never was, or is older than 30 days.

        Notes
        -----
        Source: xai-api.md section 12.1.
        """
        try:
            path = f"{path_of(batch_id)}:cancel"
            batch = _batch(await self.batches.ask("POST", path, b"{}"))
            await self.batches.settle_cancelled(batch_id)
        finally:
            self.warn()
        return batch


def _batch(data: dict[str, Any]) -> Batch:
    from grok_nb.wire import Batch

    found = Batch.read(data)
    if found.batch_id:
        return found
    del data, found  # some tracebacks show variables
    raise unusable("it describes no batch")
