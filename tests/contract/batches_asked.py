"""Requests to batches and the management host that together show every field."""

from __future__ import annotations

import json
from typing import Any

from grok_nb._sandbox.errors import TEAM

BATCHES = "/v1/batches"
BILLING = f"/v1/billing/teams/{TEAM}"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
CHAT = {"model": "grok-4.3", "messages": [{"role": "user", "content": "What is 2*3?"}]}
ONE_OF_EACH: list[tuple[str, dict[str, Any]]] = [
    ("chat_get_completion", CHAT),
    ("chat_get_completion", CHAT | {"n": 0}),
    ("responses", {"model": "grok-4.3", "input": "Who?"}),
    ("image_generation", {"prompt": "A star"}),
    ("image_edit", {"prompt": "A star", "image": {"url": PIXEL}}),
]
REQUESTS = {
    "batch_requests": [
        {"batch_request_id": f"r{number}", "batch_request": {kind: body}}
        for number, (kind, body) in enumerate(ONE_OF_EACH)
    ]
}
LINES = b"".join(
    json.dumps(
        {
            "custom_id": f"r{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": CHAT,
        }
    ).encode()
    + b"\n"
    for number in range(3)
)
USAGE: dict[str, Any] = {
    "analyticsRequest": {
        "timeRange": {
            "startTime": "2026-01-01 00:00:00",
            "endTime": "2099-01-01 00:00:00",
            "timezone": "Etc/GMT",
        },
        "timeUnit": "TIME_UNIT_MONTH",
        "values": [{"name": "usd", "aggregation": "AGGREGATION_SUM"}],
        "groupBy": ["description"],
        "filters": [],
    }
}
INFO = {"billingInfo": {"name": "Ada", "address": {"city": "Bern", "postalCode": "1"}}}
# NAME is the batch that is created before; 40 days later there are invoices.
ASKED_BATCHES: list[tuple[str, str, Any]] = [
    ("POST", BATCHES, {"name": "n"}),
    ("POST", f"{BATCHES}/NAME/requests", REQUESTS),
    ("POST", f"{BATCHES}/NAME/requests", REQUESTS),
    ("POST", f"{BATCHES}/NAME/requests", {}),
    ("POST", f"{BATCHES}/NAME/requests", None),
    ("POST", f"{BATCHES}/nope/requests", REQUESTS),
    ("GET", f"{BATCHES}/NAME", None),
    ("GET", BATCHES, None),
    ("GET", f"{BATCHES}?limit=0", None),
    ("GET", f"{BATCHES}/NAME/requests", None),
    ("GET", f"{BATCHES}/NAME/requests?pagination_token=x", None),
    ("GET", f"{BATCHES}/NAME/results?limit=2", None),
    ("GET", f"{BATCHES}/NAME/results", None),
    ("GET", "/__sandbox/ledger", None),
    ("POST", f"{BATCHES}/NAME:cancel", None),
    ("POST", f"{BATCHES}/NAME/requests", REQUESTS),
    ("GET", f"{BATCHES}/nope", None),
    ("GET", f"{BATCHES}/nope/requests", None),
    ("GET", f"{BATCHES}/nope/results", None),
    ("POST", f"{BATCHES}/nope:cancel", None),
    ("POST", BATCHES, {}),
    ("POST", BATCHES, {"name": "n", "input_file_id": "nope"}),
    ("POST", BATCHES, None),
]
ASKED_BILLING: list[tuple[str, str, Any]] = [
    ("GET", f"{BILLING}/billing-info", None),
    ("POST", f"{BILLING}/billing-info", INFO),
    ("POST", f"{BILLING}/billing-info", {}),
    ("GET", f"{BILLING}/payment-method", None),
    (
        "POST",
        f"{BILLING}/payment-method/default",
        {"paymentMethodId": "pm_sandbox_2"},
    ),
    ("POST", f"{BILLING}/payment-method/default", {"paymentMethodId": "nope"}),
    ("GET", f"{BILLING}/postpaid/invoice/preview", None),
    ("GET", f"{BILLING}/postpaid/spending-limits", None),
    (
        "POST",
        f"{BILLING}/postpaid/spending-limits",
        {"desiredSoftSpendingLimit": {"val": "15000"}},
    ),
    ("POST", f"{BILLING}/prepaid/top-up", {"amount": {"val": 500}}),
    ("POST", f"{BILLING}/prepaid/top-up", {"amount": {"val": 0}}),
    ("POST", f"{BILLING}/prepaid/top-up", None),
    ("GET", f"{BILLING}/prepaid/balance", None),
    ("POST", f"{BILLING}/usage", USAGE),
    ("POST", f"{BILLING}/usage", {}),
    ("GET", "/v1/billing/teams/nope/prepaid/balance", None),
    ("POST", "/__sandbox/clock", {"advance_s": 40 * 24 * 3600}),
    ("GET", f"{BILLING}/invoices", None),
    ("GET", f"{BILLING}/invoices?since.year=1&since.month=13", None),
]
REQUIRED = {
    "NewBatch": {"name"},
    "NewRequests": {"batch_requests"},
    "NewRequest": {"batch_request"},
    "AnyRequest": set(),
    "UsageRequest": {"analyticsRequest"},
    "AnalyticsRequest": {"timeRange", "values"},
    "TimeRange": {"startTime", "endTime"},
    "AskedValue": {"name", "aggregation"},
    "TopUpRequest": {"amount"},
    "GivenCents": {"val"},
    "LimitsRequest": {"desiredSoftSpendingLimit"},
    "DefaultMethod": {"paymentMethodId"},
    "BillingInfoRequest": {"billingInfo"},
    "BillingInfo": set(),
    "Address": set(),
}
