"""The operations of the management host for ``/openapi.json``."""

from __future__ import annotations

from grok_nb._sandbox.operation import Operation

from . import shapes
from .endpoint import PATH

_TEAM = "Id of the team of the key"
_SINCE = {
    "since.year": {"type": "integer", "minimum": 2020, "maximum": 9999},
    "since.month": {"type": "integer", "minimum": 1, "maximum": 12},
}
_READ = (
    ("billing-info", "Who pays", shapes.BillingInfoAnswer),
    ("payment-method", "Which cards there are", shapes.PaymentMethods),
    ("postpaid/invoice/preview", "What this month costs", shapes.InvoicePreview),
    ("postpaid/spending-limits", "What a month may cost", shapes.SpendingLimits),
    ("prepaid/balance", "What credit there is", shapes.Balance),
)
_WRITTEN = (
    (
        "billing-info",
        "Say who pays",
        shapes.BillingInfoAnswer,
        shapes.BillingInfoRequest,
    ),
    (
        "payment-method/default",
        "Choose a card",
        shapes.PaymentMethods,
        shapes.DefaultMethod,
    ),
    (
        "postpaid/spending-limits",
        "Say what a month may cost",
        shapes.SpendingLimits,
        shapes.LimitsRequest,
    ),
    ("prepaid/top-up", "Buy credit", shapes.TopUpAnswer, shapes.TopUpRequest),
    ("usage", "What was used, as series in time", shapes.Usage, shapes.UsageRequest),
)
OPERATIONS = (
    *(
        Operation(
            "GET", f"{PATH}/{rest}", summary, answer, statuses=(404,), named=_TEAM
        )
        for rest, summary, answer in _READ
    ),
    Operation(
        "GET",
        f"{PATH}/invoices",
        "The invoices of earlier months",
        shapes.InvoiceList,
        statuses=(404,),
        named=_TEAM,
        query=_SINCE,
    ),
    *(
        Operation(
            "POST",
            f"{PATH}/{rest}",
            summary,
            answer,
            request=request,
            statuses=(404, 415, 422),
            named=_TEAM,
        )
        for rest, summary, answer, request in _WRITTEN
    ),
)
