"""What the account comes to: credit, invoices, limits. Times are UTC."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox.batches.book import shown_time
from grok_nb._sandbox.errors import TEAM

from .account import FIRST_PURCHASE_AT, FIRST_PURCHASE_CENTS, in_cents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .account import Account, Entry, Month, TopUp

# A tick is 1e-10 USD, a unit price a millionth of a cent.
_TICKS_PER_UNIT_PRICE = 100
# The hard limit is half as much again as the soft one; a guess.
_HARD_OF_SOFT = (3, 2)


def cents(number: int) -> dict[str, str]:
    """Write money as the API does: an int64, which JSON holds as text."""
    return {"val": str(number)}


def purchase(number: int, at: str) -> dict[str, Any]:
    """Give the change that a purchase is."""
    return {
        "teamId": TEAM,
        "changeOrigin": "PURCHASE",
        "topupStatus": "SUCCEEDED",
        "amount": cents(-number),
        "createTime": at,
    }


def of_top_up(one: TopUp) -> dict[str, Any]:
    """Give the change that a top-up is."""
    return purchase(one.cents, shown_time(one.at_s))


def balance(account: Account) -> dict[str, Any]:
    """
    Give the prepaid credit and how it came about: purchases, and each month's spending.

    All that is billed is taken from the credit, also what goes beyond it: the total is
    negative while there is credit.
    """
    changes = [purchase(FIRST_PURCHASE_CENTS, FIRST_PURCHASE_AT)]
    changes += [of_top_up(one) for one in account.top_ups]
    changes += [
        {
            "teamId": TEAM,
            "changeOrigin": "SPEND",
            "amount": cents(in_cents(ticks)),
            "spendBpKeyYear": year,
            "spendBpKeyMonth": month,
        }
        for (year, month), ticks in account.ticks_by_month().items()
    ]
    total = sum(int(change["amount"]["val"]) for change in changes)
    return {"changes": changes, "total": cents(total)}


def core_invoice(account: Account, month: Month) -> dict[str, Any]:
    """Give the invoice of a month, without VAT; the prepaid credit pays it."""
    entries = account.of_month(month)
    whole = in_cents(sum(entry.ticks for entry in entries))
    spent_before = sum(
        in_cents(ticks)
        for one, ticks in account.ticks_by_month().items()
        if one < month
    )
    bought = FIRST_PURCHASE_CENTS + sum(one.cents for one in account.top_ups)
    return {
        "lines": list(_lines(entries)),
        "amountBeforeVat": str(whole),
        "vatCost": "0",
        "amountAfterVat": str(whole),
        "prepaidCredits": cents(spent_before - bought),
        "prepaidCreditsUsed": cents(-whole),
        "totalWithCorr": cents(0),
    }


def _lines(entries: Iterable[Entry]) -> Iterable[dict[str, str]]:
    """
    Write a line for each model, kind of unit and price.

    What has no price of its own (pictures, fees) is one unit at all that it cost. The
    amounts are rounded so that they come to the whole.
    """
    units: dict[tuple[str, str, int | None], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        for part in entry.parts:
            has_price = part.kind.endswith("tokens")
            key = (entry.description, part.kind, part.price if has_price else None)
            units[key][0] += part.number
            units[key][1] += part.number * part.price
    so_far = 0
    ordered = sorted(units.items(), key=lambda one: (*one[0][:2], one[0][2] or 0))
    for (name, kind, price), (number, ticks) in ordered:
        unit_ticks = ticks if price is None else price
        before, so_far = in_cents(so_far), so_far + ticks
        yield {
            "description": name,
            "unitType": kind,
            "unitPrice": str(unit_ticks // _TICKS_PER_UNIT_PRICE),
            "numUnits": str(1 if price is None else number),
            "amount": str(in_cents(so_far) - before),
        }


def cycle(month: Month) -> dict[str, int]:
    """Write a month as the API does."""
    return {"year": month[0], "month": month[1]}


def preview(account: Account, month: Month) -> dict[str, Any]:
    """Give the invoice as it would be now."""
    return {
        "coreInvoice": core_invoice(account, month),
        "effectiveSpendingLimit": str(account.preferences.soft_limit_cents),
        "defaultCredits": "0",
        "billingCycle": cycle(month),
    }


def invoices(account: Account, now: Month, since: Month | None) -> dict[str, Any]:
    """Give the invoices of the months that are over, the newest first."""
    months = [
        month
        for month in account.ticks_by_month()
        if month < now and (since is None or month >= since)
    ]
    return {
        "invoices": [
            {
                "invoiceId": f"in_{year:04}_{month:02}",
                "coreInvoice": core_invoice(account, (year, month)),
                "billingCycle": cycle((year, month)),
            }
            for year, month in reversed(months)
        ]
    }


def limits(account: Account) -> dict[str, Any]:
    """Give how much a month may cost; the sandbox refuses nothing for it."""
    soft = account.preferences.soft_limit_cents
    above, below = _HARD_OF_SOFT
    hard = cents(soft * above // below)
    return {
        "spendingLimits": {
            "hardSlAuto": hard,
            "effectiveHardSl": hard,
            "softSl": cents(soft),
            "effectiveSl": cents(soft),
        }
    }
