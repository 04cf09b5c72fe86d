"""
The routes of the management host, which the sandbox serves at its own root.

The sandbox's rule for its keys: a management key is what begins with ``xai-token-``, but
for ``xai-token-wrong...``. The API takes no such key, and this host no other. There is
one team, the one that ``GET /v1/api-key`` names.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response  # noqa: TC002 - read by FastAPI

from grok_nb._sandbox import errors, exchange, schemas
from grok_nb._sandbox.batches.working import catch_up
from grok_nb._sandbox.operation import MANAGED

from . import shapes, statements, usage
from .account import TopUp, month_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from fastapi import FastAPI

    from grok_nb._sandbox.desk import Desk, Incoming

    from .account import Account, Month
    from .shapes import GivenCents

    BodyT = TypeVar("BodyT", bound=schemas.Body)

PATH = MANAGED + "teams/{name}"
KEY_BEGINS = "xai-token-"
_WRONG_KEYS = "xai-token-wrong"
# A limit of the sandbox: what is bought at once.
_MAX_CENTS = 100_000_000


def refused_key(key: str, api_key: str | None) -> errors.ApiError | None:
    """
    Say why a key is refused here, None where it is not.

    Parameters
    ----------
    key : str
        What was sent.
    api_key : str or None
        The one right key of the API, where there is only one.
    """
    if key and (key == api_key or not key.startswith(KEY_BEGINS)):
        text = "This is no management key."
        if key == api_key or key.startswith("xai-"):
            return errors.ApiError(403, "permission", text)
        return errors.ApiError(401, "credentials", text)
    if not key or key.startswith(_WRONG_KEYS):
        return errors.ApiError(401, *errors.BY_STATUS[401])
    return None


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Serve the endpoints."""
    account = desk.account

    async def seen(name: str) -> Account:
        _check_team(name)
        # What came by a batch is billed as of its own time.
        await catch_up(desk)
        return account

    def now() -> Month:
        return month_of(desk.unix_time())

    @app.get(PATH + "/billing-info")
    async def billing_info(request: Request, name: str) -> Response:
        _check_team(name)
        return _answered(request, _shown_info(account))

    @app.post(PATH + "/billing-info")
    async def set_billing_info(request: Request, name: str) -> Response:
        _check_team(name)
        wanted = _read(request, shapes.BillingInfoRequest).billing_info
        account.preferences.billing_info = wanted.model_dump(by_alias=True)
        return _answered(request, _shown_info(account))

    @app.get(PATH + "/payment-method")
    async def payment_method(request: Request, name: str) -> Response:
        _check_team(name)
        return _answered(request, _methods(account))

    @app.post(PATH + "/payment-method/default")
    async def set_payment_method(request: Request, name: str) -> Response:
        _check_team(name)
        wanted = _read(request, shapes.DefaultMethod).payment_method_id
        if wanted not in _CARDS:
            text = f"The payment method {wanted} was not found."
            raise errors.ApiError(404, "missing", text)
        account.preferences.payment_method = wanted
        return _answered(request, _methods(account))

    @app.get(PATH + "/invoices")
    async def invoices(request: Request, name: str) -> Response:
        since = _since(request.query_params)
        return _answered(request, statements.invoices(await seen(name), now(), since))

    @app.get(PATH + "/postpaid/invoice/preview")
    async def preview(request: Request, name: str) -> Response:
        return _answered(request, statements.preview(await seen(name), now()))

    @app.get(PATH + "/postpaid/spending-limits")
    async def limits(request: Request, name: str) -> Response:
        _check_team(name)
        return _answered(request, statements.limits(account))

    @app.post(PATH + "/postpaid/spending-limits")
    async def set_limits(request: Request, name: str) -> Response:
        _check_team(name)
        wanted = _read(request, shapes.LimitsRequest).desired_soft_spending_limit
        account.preferences.soft_limit_cents = _cents(wanted, 0)
        return _answered(request, statements.limits(account))

    @app.get(PATH + "/prepaid/balance")
    async def balance(request: Request, name: str) -> Response:
        return _answered(request, statements.balance(await seen(name)))

    @app.post(PATH + "/prepaid/top-up")
    async def top_up(request: Request, name: str) -> Response:
        _check_team(name)
        number = _cents(_read(request, shapes.TopUpRequest).amount, 1)
        bought = TopUp(number, desk.unix_time())
        account.top_ups.append(bought)
        return _answered(request, {"change": statements.of_top_up(bought)})

    @app.post(PATH + "/usage")
    async def used(request: Request, name: str) -> Response:
        _check_team(name)
        wanted = _read(request, shapes.UsageRequest).analytics_request
        entries = (await seen(name)).entries()
        # Beside the event loop: there may be many.
        found = await asyncio.to_thread(usage.answer, wanted, entries)
        return _answered(request, found)


# The cards that the team has; no number of a card is real.
_CARDS = {
    "pm_sandbox_1": {"brand": "sandbox", "last4": "0001"},
    "pm_sandbox_2": {"brand": "sandbox", "last4": "0002"},
}


def _methods(account: Account) -> dict[str, Any]:
    usual = account.preferences.payment_method
    return {
        "paymentMethods": [
            {"id": name} | card | {"isDefault": name == usual}
            for name, card in _CARDS.items()
        ]
    }


def _shown_info(account: Account) -> dict[str, Any]:
    nothing = shapes.BillingInfo().model_dump(by_alias=True)
    return {"billingInfo": nothing | account.preferences.billing_info}


def _check_team(name: str) -> None:
    if name != errors.TEAM:
        text = f"The team {name} does not exist, or is not that of this key."
        raise errors.ApiError(404, "missing", text)


def _read(request: Request, kind: type[BodyT]) -> BodyT:
    incoming: Incoming = request.state.incoming
    incoming.require_json()
    return schemas.read(kind, incoming.body)


def _cents(given: GivenCents, least: int) -> int:
    number = given.val
    if isinstance(number, str):
        is_number = number.isascii() and number.isdecimal() and len(number) < 12
        number = int(number) if is_number else -1
    if not least <= number <= _MAX_CENTS:
        raise errors.invalid(
            f"Invalid value for val: it must be {least} to {_MAX_CENTS} (cents)."
        )
    return number


def _since(query: Mapping[str, str]) -> Month | None:
    texts = [query.get(f"since.{part}") for part in ("year", "month")]
    if texts == [None, None]:
        return None
    numbers = [
        int(text)
        if text and text.isascii() and text.isdecimal() and len(text) < 5
        else 0
        for text in (texts[0], texts[1] or "1")
    ]
    if not numbers[0] or not 1 <= numbers[1] <= 12:
        raise errors.invalid("Invalid value for since: expected a year and a month.")
    return numbers[0], numbers[1]


def _answered(request: Request, content: Mapping[str, Any]) -> Response:
    body = json.dumps(content).encode()
    return exchange.free(request.state.incoming, body, "application/json")
