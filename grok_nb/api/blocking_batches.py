"""Batches and the account, for code that waits; see `blocking.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from grok_nb.portal import portal

from . import batch_requests as requests_api

if TYPE_CHECKING:
    import datetime
    from collections.abc import (
        AsyncIterator,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from grok_nb.account import AccountUsage, PrepaidBalance
    from grok_nb.wire import Batch, BatchPage, BatchRequestPage

    from .batch_results import BatchResult, BatchResults
    from .client import Client

T = TypeVar("T")


class BlockingBatches:
    """The methods of `Client` for batches and the account."""

    _core: Client

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        raise NotImplementedError

    def _iterate(
        self,
        make: Callable[[], AsyncIterator[T]],
        on_idle: Callable[[], object] | None = None,
    ) -> Iterator[T]:
        raise NotImplementedError

    def batch_create(self, name: str, input_file_id: str | None = None) -> Batch:
        """Make a batch; see `Client.batch_create`."""
        return self._call(lambda: self._core.batch_create(name, input_file_id))

    def batch_add(
        self,
        batch_id: str,
        requests: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]],
    ) -> Batch:
        """Add requests to a batch; see `Client.batch_add`."""
        requests = requests_api.without_shown(requests)
        for model in requests_api.models_in(requests):
            self._core.heed(model)  # warnings belong to the thread that waits
        return self._call(lambda: self._core.batch_add(batch_id, requests))

    def batch_get(self, batch_id: str) -> Batch:
        """Say how far a batch is; see `Client.batch_get`."""
        return self._call(lambda: self._core.batch_get(batch_id))

    def batch_list(
        self, *, limit: int | None = None, pagination_token: str | None = None
    ) -> BatchPage:
        """List batches, a page at a time; see `Client.batch_list`."""
        return self._call(
            lambda: self._core.batch_list(
                limit=limit, pagination_token=pagination_token
            )
        )

    def batch_requests(
        self,
        batch_id: str,
        *,
        limit: int | None = None,
        pagination_token: str | None = None,
    ) -> BatchRequestPage:
        """List a batch's requests; see `Client.batch_requests`."""
        return self._call(
            lambda: self._core.batch_requests(
                batch_id, limit=limit, pagination_token=pagination_token
            )
        )

    def batch_results(
        self,
        batch_id: str,
        *,
        limit: int | None = None,
        pagination_token: str | None = None,
    ) -> BatchResults:
        """Read results of a batch, a page at a time; see `Client.batch_results`."""
        return self._call(
            lambda: self._core.batch_results(
                batch_id, limit=limit, pagination_token=pagination_token
            )
        )

    def batch_results_all(
        self, batch_id: str, *, limit: int | None = None
    ) -> Iterator[BatchResult]:
        """Read all results of a batch; see `Client.batch_results_all`."""
        return self._iterate(
            lambda: self._core.batch_results_all(batch_id, limit=limit)
        )

    def batch_cancel(self, batch_id: str) -> Batch:
        """Cancel a batch; see `Client.batch_cancel`."""
        return self._call(lambda: self._core.batch_cancel(batch_id))

    def account_usage(
        self,
        start: datetime.date | str | None = None,
        end: datetime.date | str | None = None,
        *,
        by: str | Sequence[str] | None = "description",
        unit: str = "day",
        team_id: str | None = None,
    ) -> AccountUsage:
        """Say what the account was billed; see `Client.account_usage`."""
        return self._of_account(
            lambda: self._core.account_usage(
                start, end, by=by, unit=unit, team_id=team_id
            ),
            team_id,
        )

    def prepaid_balance(self, team_id: str | None = None) -> PrepaidBalance:
        """Say what is left of the credit; see `Client.prepaid_balance`."""
        return self._of_account(lambda: self._core.prepaid_balance(team_id), team_id)

    def _of_account(
        self, make: Callable[[], Coroutine[Any, Any, T]], team_id: str | None
    ) -> T:
        __tracebackhide__ = True
        self._core.exchange.settings.require_management_key()
        if team_id is None:
            return self._call(make)
        return portal().call(make)  # needs no API key
