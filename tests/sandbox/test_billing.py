"""The management host over the socket: keys, credit, invoices, usage, to the tick."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb._sandbox.billing import shapes, usage
from grok_nb._sandbox.billing.account import Entry
from grok_nb._sandbox.errors import TEAM
from grok_nb._sandbox.server import Sandbox

from .batching import DAY_S, Box, chat, entry, running

CHAT = "/v1/chat/completions"
TICKS = 10**10
READS = [
    "/billing-info",
    "/payment-method",
    "/invoices",
    "/postpaid/invoice/preview",
    "/postpaid/spending-limits",
    "/prepaid/balance",
]


@pytest.fixture
def box() -> Iterator[Box]:
    with running() as found:
        yield found


def asked(**fields: Any) -> dict[str, Any]:
    """The request of the documents, over all times."""
    whole: dict[str, Any] = {
        "timeRange": {
            "startTime": "2020-01-01 00:00:00",
            "endTime": "2100-01-01 00:00:00",
            "timezone": "Etc/GMT",
        },
        "timeUnit": "TIME_UNIT_NONE",
        "values": [{"name": "usd", "aggregation": "AGGREGATION_SUM"}],
        "groupBy": ["description"],
        "filters": [],
    }
    return {"analyticsRequest": whole | fields}


def used(box: Box, **fields: Any) -> Any:
    answer = box.account.post("/usage", json=asked(**fields))
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(box: Box, path: str) -> Any:
    answer = box.account.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def spend(box: Box, number: int, seed: int = 1) -> None:
    """Ask in several ways, some of them by a batch, some of them in vain."""
    dice = random.Random(seed)
    batch = box.made()
    for place in range(number):
        text = "word " * dice.randint(1, 400)
        model = dice.choice(["grok-4.7", "grok-4.3", "grok-4.20-non-reasoning"])
        way = dice.randrange(5)
        if way == 0:
            box.api.post(CHAT, json=chat(text, model=model, n=dice.choice([0, 1])))
        elif way == 1:
            box.api.post(CHAT, json=chat(text, model=model, stream=True))
        elif way == 2:
            box.api.post("/v1/responses", json={"model": model, "input": text})
        elif way == 3:
            box.api.post("/v1/images/generations", json={"prompt": "A star"})
        else:
            asked = [entry(f"{seed}-{place}", chat(text, model=model))]
            box.add(batch, {"batch_requests": asked})


def ticks_of(calls: list[dict[str, Any]]) -> int:
    return sum(call["cost_in_usd_ticks"] for call in calls)


# -- keys and teams -------------------------------------------------------------------


def call(box: Box, path: str, key: str | None, team: str = TEAM) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    url = f"{box.sandbox.management_base_url}/v1/billing/teams/{team}{path}"
    return httpx.get(url, headers=headers)


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (None, 401, "unauthenticated:bad-credentials"),
        ("nonsense", 401, "unauthenticated:bad-credentials"),
        ("xai-token-wrong-1", 401, "unauthenticated:bad-credentials"),
        ("xai-anything", 403, "permission-denied"),
        ("OWN", 403, "permission-denied"),
    ],
)
@pytest.mark.parametrize("path", READS)
def test_other_keys_are_refused(
    box: Box, path: str, key: str | None, status: int, code: str
) -> None:
    answer = call(box, path, box.sandbox.key if key == "OWN" else key)
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.json().keys() == {"code", "error"}


def test_the_management_key_is_no_api_key(box: Box) -> None:
    headers = {"Authorization": f"Bearer {box.sandbox.management_key}"}
    for path in ("/v1/models", "/v1/api-key", "/__sandbox/ledger"):
        assert (
            httpx.get(box.sandbox.root_url + path, headers=headers).status_code == 400
        )
    assert box.sandbox.management_key.startswith("xai-token-")
    assert box.sandbox.management_key not in repr(box.sandbox)
    box.account.get("/invoices")
    assert box.sandbox.management_key not in str(box.sandbox.requests())
    assert any("/v1/billing/" in one["path"] for one in box.sandbox.requests())


@pytest.mark.parametrize("key", ["K", "xai-token-mine"])
def test_with_a_key_of_its_own_the_rule_holds(key: str) -> None:
    with Sandbox(key=key) as sandbox, running() as other:
        other.sandbox = sandbox
        assert call(other, "/invoices", sandbox.management_key).status_code == 200
        assert call(other, "/invoices", "xai-token-any").status_code == 200
        assert call(other, "/invoices", key).status_code == 403


def test_the_sandbox_of_a_notebook_tells_where_and_with_which_key() -> None:
    with gn.sandbox() as box:
        headers = {"Authorization": f"Bearer {box.management_key}"}
        url = f"{box.management_base_url}/v1/billing/teams/{TEAM}/prepaid/balance"
        assert httpx.get(url, headers=headers).json()["total"] == {"val": "-10000"}
        assert box.management_key not in repr(box)


def test_there_is_one_team(box: Box) -> None:
    team = box.get("/v1/api-key")["team_id"]
    assert call(box, "/invoices", box.sandbox.management_key, team).status_code == 200
    for path in READS:
        answer = call(box, path, box.sandbox.management_key, "other")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_the_host_is_that_of_both_years() -> None:
    with running(vintage="2025") as box:
        box.api.post(CHAT, json=chat(model="grok-3"))
        (series,) = used(box)["timeSeries"]
        assert series["group"] == ["Grok 3"]
        answer = call(box, "/invoices", "xai-x")
        assert answer.json()["code"].startswith("The caller does not have permission")


# -- usage ----------------------------------------------------------------------------


def test_usage_has_the_documented_form(box: Box) -> None:
    box.api.post(CHAT, json=chat(model="grok-4.7"))
    today = datetime.fromtimestamp(box.now(), UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    span = {
        "startTime": f"{today - timedelta(days=2):%Y-%m-%d %H:%M:%S}",
        "endTime": f"{today + timedelta(days=1):%Y-%m-%d %H:%M:%S}",
        "timezone": "Etc/GMT",
    }
    cost = ticks_of(box.bill()) / TICKS
    assert cost > 0
    assert used(box, timeRange=span, timeUnit="TIME_UNIT_DAY") == {
        "timeSeries": [
            {
                "group": ["Grok 4.7"],
                "groupLabels": ["Grok 4.7"],
                "dataPoints": [
                    {
                        "timestamp": f"{today - timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}",
                        "values": [0 if n else cost],
                    }
                    for n in (2, 1, 0)
                ],
            }
        ],
        "limitReached": False,
    }
    # The end is outside.
    span["endTime"] = f"{today:%Y-%m-%d %H:%M:%S}"
    assert used(box, timeRange=span)["timeSeries"] == []


def test_the_account_is_the_ledger_to_the_tick(box: Box) -> None:
    spend(box, 60)
    calls = box.bill()
    assert any(one["batch_id"] for one in calls)
    assert len({one["model"] for one in calls}) == 4
    found = used(box, groupBy=["model", "endpoint"])["timeSeries"]
    for series in found:
        model, endpoint = series["group"]
        ((ticks,),) = [
            [round(v * TICKS) for v in p["values"]] for p in series["dataPoints"]
        ]
        same = [
            one for one in calls if (one["model"], one["path"]) == (model, endpoint)
        ]
        assert ticks == ticks_of(same)
    (whole,) = used(box, groupBy=[])["timeSeries"]
    assert whole["group"] == []
    assert round(whole["dataPoints"][0]["values"][0] * TICKS) == ticks_of(calls)
    # a free or refused call is none of them
    counts = used(
        box, groupBy=None, values=[{"name": "usd", "aggregation": "AGGREGATION_COUNT"}]
    )
    billed = [one for one in calls if one["billed"]]
    assert counts["timeSeries"][0]["dataPoints"][0]["values"] == [len(billed)]


def test_the_account_forgets_nothing(box: Box) -> None:
    spend(box, 12)
    before, credit = used(box), shown(box, "/prepaid/balance")
    assert ticks_of(box.bill()) > 0
    box.api.delete("/__sandbox/ledger")
    assert box.bill() == []
    assert used(box) == before
    assert shown(box, "/prepaid/balance") == credit


def test_calls_are_counted_though_the_window_is_full(box: Box) -> None:
    desk = box.sandbox._gate.desk
    for _ in range(10_050):
        call = desk.ledger.open(_free_call())
        call.bill({"prompt_tokens": 3, "cost_in_usd_ticks": 7})
    assert len(box.bill()) == 10_000
    (series,) = used(
        box,
        values=[
            {"name": "usd", "aggregation": "AGGREGATION_SUM"},
            {"name": "input_tokens", "aggregation": "AGGREGATION_SUM"},
        ],
    )["timeSeries"]
    assert series["dataPoints"][0]["values"] == [70_350 / TICKS, 30_150]


def _free_call() -> Any:
    from grok_nb._sandbox.books import Call

    return Call("r", CHAT, "grok-4.7")


def test_values_and_aggregations(box: Box) -> None:
    for words in (1, 50, 200):
        box.api.post(CHAT, json=chat("word " * words))
    costs = sorted(one["cost_in_usd_ticks"] for one in box.bill())
    names = ("SUM", "AVG", "MIN", "MAX", "P50", "P90", "COUNT", "COUNT_DISTINCT")
    values = [{"name": "usd", "aggregation": f"AGGREGATION_{name}"} for name in names]
    (series,) = used(box, values=values)["timeSeries"]
    found = dict(zip(names, series["dataPoints"][0]["values"], strict=True))
    assert found == {
        "SUM": sum(costs) / TICKS,
        "AVG": pytest.approx(sum(costs) / 3 / TICKS),
        "MIN": costs[0] / TICKS,
        "MAX": costs[2] / TICKS,
        "P50": costs[1] / TICKS,
        "P90": costs[2] / TICKS,
        "COUNT": 3,
        "COUNT_DISTINCT": 3,
    }
    tokens = [
        {"name": name, "aggregation": "AGGREGATION_SUM"}
        for name in ("input_tokens", "output_tokens")
    ]
    (series,) = used(box, values=tokens)["timeSeries"]
    usages = [one["usage"] for one in box.bill()]
    assert series["dataPoints"][0]["values"] == [
        sum(one["prompt_tokens"] for one in usages),
        sum(one["total_tokens"] - one["prompt_tokens"] for one in usages),
    ]


def test_filters_leave_out(box: Box) -> None:
    for model in ("grok-4.7", "grok-4.3"):
        box.api.post(CHAT, json=chat(model=model))
    for text, groups in (
        ("description:Grok 4.3", ["Grok 4.3"]),
        ("model:grok-4.7", ["Grok 4.7"]),
        (f"endpoint:{CHAT}", ["Grok 4.3", "Grok 4.7"]),
        ("model:nope", []),
    ):
        found = used(box, filters=[text])["timeSeries"]
        assert [series["group"][0] for series in found] == groups


def test_too_many_points_are_cut_and_that_is_said(box: Box) -> None:
    found = used(box, timeUnit="TIME_UNIT_SECOND", groupBy=[])
    assert found["limitReached"] is True
    points = found["timeSeries"][0]["dataPoints"]
    assert len(points) == 10_000
    assert points[0]["timestamp"] == "2020-01-01T00:00:00Z"


SPAN = asked()["analyticsRequest"]["timeRange"]


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"timeRange": None}, 422, "timeRange"),
        ({"timeRange": SPAN | {"startTime": "x"}}, 400, "startTime"),
        ({"timeRange": SPAN | {"startTime": "2026-01-01T00:00:00Z"}}, 400, "startTime"),
        ({"timeRange": SPAN | {"startTime": "2026-02-30 00:00:00"}}, 400, "startTime"),
        ({"timeRange": SPAN | {"startTime": "0001-01-01 00:00:00"}}, 400, "startTime"),
        ({"timeRange": SPAN | {"endTime": "9999-12-31 23:59:59"}}, 400, "endTime"),
        ({"timeRange": SPAN | {"endTime": "2019-01-01 00:00:00"}}, 400, "endTime"),
        ({"timeRange": SPAN | {"endTime": SPAN["startTime"]}}, 400, "endTime"),
        ({"timeRange": SPAN | {"timezone": "Mars/Olympus"}}, 400, "timezone"),
        ({"timeRange": SPAN | {"timezone": "../etc/passwd"}}, 400, "timezone"),
        ({"timeRange": SPAN | {"timezone": ""}}, 400, "timezone"),
        ({"timeUnit": "TIME_UNIT_YEAR"}, 422, "timeUnit"),
        ({"timeUnit": "DAY"}, 422, "timeUnit"),
        ({"values": []}, 400, "values"),
        ({"values": [{"name": "usd"}]}, 422, "values[0].aggregation"),
        (
            {"values": [{"name": "eur", "aggregation": "AGGREGATION_SUM"}]},
            400,
            "eur",
        ),
        ({"values": [{"name": "usd", "aggregation": "SUM"}]}, 422, "aggregation"),
        ({"groupBy": ["colour"]}, 400, "colour"),
        ({"groupBy": "description"}, 422, "groupBy"),
        ({"filters": ["colour:red"]}, 400, "colour"),
        ({"filters": [1]}, 422, "filters"),
    ],
)
def test_wrong_requests_for_usage(
    box: Box, fields: dict[str, Any], status: int, why: str
) -> None:
    answer = box.account.post("/usage", json=asked(**fields))
    assert answer.status_code == status, answer.text
    assert why in answer.json()["error"]


UNITS = {
    "TIME_UNIT_MONTH": 31,
    "TIME_UNIT_CALENDAR_WEEK": 7,
    "TIME_UNIT_DAY": 1,
    "TIME_UNIT_HOUR": 1 / 24,
    "TIME_UNIT_QUARTER_HOUR": 1 / 96,
}


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from([*UNITS, "TIME_UNIT_NONE"]),
    st.datetimes(datetime(2025, 3, 1), datetime(2026, 11, 30)),  # noqa: DTZ001
    st.integers(1, 60 * DAY_S),
    st.sampled_from(["Etc/GMT", "Europe/Zurich", "America/New_York", "Asia/Kolkata"]),
    st.lists(st.integers(0, 70 * DAY_S), max_size=8),
)
def test_points_are_dense_and_hold_everything_once(
    unit: str, start: datetime, length_s: int, zone: str, places: list[int]
) -> None:
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=length_s)
    first, last = (
        one.replace(tzinfo=ZoneInfo(zone)).timestamp() for one in (start, end)
    )
    if last <= first:  # an hour that comes twice
        return
    entries = [
        Entry(first - 5 * DAY_S + place, "grok-4.7", CHAT, 3, 1, 1, ())
        for place in places
    ]
    form = "%Y-%m-%d %H:%M:%S"
    whole = asked(
        timeRange={
            "startTime": start.strftime(form),
            "endTime": end.strftime(form),
            "timezone": zone,
        },
        timeUnit=unit,
        groupBy=[],
        values=[{"name": "usd", "aggregation": "AGGREGATION_COUNT"}],
    )
    request = shapes.UsageRequest.model_validate(whole).analytics_request
    found = usage.answer(request, entries)
    points = found["timeSeries"][0]["dataPoints"]
    moments = [
        datetime.strptime(one["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
        .replace(tzinfo=UTC)
        .timestamp()
        for one in points
    ]
    assert found["limitReached"] is False
    assert moments[0] <= first < last
    assert moments[-1] < last
    steps = [b - a for a, b in itertools.pairwise(moments)]
    for step in steps:
        assert 0 < step <= UNITS[unit] * DAY_S + 3600
    inside = [one for one in entries if first <= one.at_s < last]
    assert sum(one["values"][0] for one in points) == len(inside)
    for moment, following, point in zip(
        moments, [*moments[1:], last], points, strict=True
    ):
        among = [one for one in inside if moment <= one.at_s < following]
        assert point["values"] == [len(among)]


# -- credit and invoices --------------------------------------------------------------


def in_cents(ticks: int) -> int:
    return (ticks + 50_000_000) // 100_000_000


def test_the_credit_goes_down_with_the_bill(box: Box) -> None:
    assert shown(box, "/prepaid/balance") == {
        "changes": [
            {
                "teamId": TEAM,
                "changeOrigin": "PURCHASE",
                "topupStatus": "SUCCEEDED",
                "amount": {"val": "-10000"},
                "createTime": "2025-01-01T00:00:00Z",
            }
        ],
        "total": {"val": "-10000"},
    }
    for _ in range(3):
        box.api.post("/v1/images/generations", json={"prompt": "A star"})
    first = in_cents(ticks_of(box.bill()))
    assert first == 6
    moment = datetime.fromtimestamp(box.now(), UTC)
    balance = shown(box, "/prepaid/balance")
    assert balance["changes"][1:] == [
        {
            "teamId": TEAM,
            "changeOrigin": "SPEND",
            "amount": {"val": "6"},
            "spendBpKeyYear": moment.year,
            "spendBpKeyMonth": moment.month,
        }
    ]
    assert balance["total"] == {"val": "-9994"}
    # another month has its own change
    box.advance(32 * DAY_S)
    box.api.post("/v1/images/generations", json={"prompt": "A star"})
    balance = shown(box, "/prepaid/balance")
    assert [one["amount"]["val"] for one in balance["changes"]] == ["-10000", "6", "2"]
    assert balance["total"] == {"val": "-9992"}
    (invoice,) = shown(box, "/invoices")["invoices"]
    assert invoice["billingCycle"] == {"year": moment.year, "month": moment.month}
    assert invoice["coreInvoice"]["amountAfterVat"] == "6"
    query = {"since.year": str(moment.year + 1), "since.month": "2"}
    later = box.account.get("/invoices", params=query).json()
    assert later == {"invoices": []}
    wrong = box.account.get("/invoices", params={"since.year": "x"})
    assert wrong.status_code == 400


@pytest.mark.parametrize("value", [500, "500"], ids=["number", "text"])
def test_a_top_up_adds_a_change(box: Box, value: object) -> None:
    answer = box.account.post("/prepaid/top-up", json={"amount": {"val": value}})
    change = answer.json()["change"]
    assert change == {
        "teamId": TEAM,
        "changeOrigin": "PURCHASE",
        "topupStatus": "SUCCEEDED",
        "amount": {"val": "-500"},
        "createTime": change["createTime"],
    }
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", change["createTime"])
    balance = shown(box, "/prepaid/balance")
    assert balance["changes"][1] == change
    assert balance["total"] == {"val": "-10500"}


def test_the_invoice_adds_up(box: Box) -> None:
    spend(box, 50, seed=3)
    invoice = shown(box, "/postpaid/invoice/preview")
    core = invoice["coreInvoice"]
    whole = in_cents(ticks_of(box.bill()))
    assert core["amountBeforeVat"] == core["amountAfterVat"] == str(whole)
    assert sum(int(line["amount"]) for line in core["lines"]) == whole > 0
    # A unit price is a millionth of a cent: 100 ticks.
    ticks = sum(
        int(line["unitPrice"]) * int(line["numUnits"]) * 100 for line in core["lines"]
    )
    assert ticks == ticks_of(box.bill())
    assert core["prepaidCreditsUsed"] == {"val": str(-whole)}
    moment = datetime.fromtimestamp(box.now(), UTC)
    assert invoice["billingCycle"] == {"year": moment.year, "month": moment.month}
    kinds = {line["unitType"] for line in core["lines"]}
    assert {"Prompt text tokens", "Completion text tokens", "Images"} <= kinds
    prices = {
        line["unitPrice"]
        for line in core["lines"]
        if (line["description"], line["unitType"]) == ("Grok 4.3", "Prompt text tokens")
    }
    # Live, and by a batch.
    assert prices == {"125", "100"}


def test_what_a_team_sets_itself_is_kept(box: Box) -> None:
    info = {"name": "Ada", "address": {"city": "Bern"}}
    kept = box.account.post("/billing-info", json={"billingInfo": info}).json()
    assert kept["billingInfo"]["name"] == "Ada"
    assert kept["billingInfo"]["address"]["city"] == "Bern"
    assert kept["billingInfo"]["email"] is None
    assert shown(box, "/billing-info") == kept
    limit = {"desiredSoftSpendingLimit": {"val": "15000"}}
    limits = box.account.post("/postpaid/spending-limits", json=limit).json()
    assert limits["spendingLimits"]["softSl"] == {"val": "15000"}
    assert shown(box, "/postpaid/spending-limits") == limits
    assert shown(box, "/postpaid/invoice/preview")["effectiveSpendingLimit"] == "15000"
    first, second = shown(box, "/payment-method")["paymentMethods"]
    assert (first["isDefault"], second["isDefault"]) == (True, False)
    chosen = {"paymentMethodId": second["id"]}
    assert box.account.post("/payment-method/default", json=chosen).status_code == 200
    first, second = shown(box, "/payment-method")["paymentMethods"]
    assert (first["isDefault"], second["isDefault"]) == (False, True)


WRITES = [
    ("/billing-info", {"billingInfo": 1}, 422),
    ("/billing-info", {"billingInfo": {"name": 1}}, 422),
    ("/payment-method/default", {"paymentMethodId": "nope"}, 404),
    ("/payment-method/default", {"paymentMethodId": 1}, 422),
    ("/postpaid/spending-limits", {"desiredSoftSpendingLimit": 5}, 422),
    ("/postpaid/spending-limits", {"desiredSoftSpendingLimit": {"val": -1}}, 400),
    ("/prepaid/top-up", {"amount": {"val": 0}}, 400),
    ("/prepaid/top-up", {"amount": {"val": -5}}, 400),
    ("/prepaid/top-up", {"amount": {"val": "5.5"}}, 400),
    ("/prepaid/top-up", {"amount": {"val": "9" * 99}}, 400),
    ("/prepaid/top-up", {"amount": {"val": 10**9}}, 400),
    ("/prepaid/top-up", {"amount": {"val": None}}, 422),
    ("/prepaid/top-up", {"amount": "5"}, 422),
    ("/usage", {"analyticsRequest": None}, 422),
]


@pytest.mark.parametrize(
    ("path", "body", "status"), WRITES, ids=[str(n) for n in range(len(WRITES))]
)
def test_wrong_bodies(box: Box, path: str, body: Any, status: int) -> None:
    before = [shown(box, one) for one in READS]
    assert box.account.post(path, json=body).status_code == status
    assert box.account.post(path, json={}).status_code == 422
    assert box.account.post(path, json=[]).status_code == 422
    assert box.account.post(path).status_code == 415
    headers = {"Content-Type": "text/plain"}
    assert box.account.post(path, content=b"{}", headers=headers).status_code == 415
    assert [shown(box, one) for one in READS] == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("DELETE", path) for path in READS],
        ("POST", "/invoices"),
        ("POST", "/prepaid/balance"),
        ("POST", "/postpaid/invoice/preview"),
        ("GET", "/prepaid/top-up"),
        ("GET", "/usage"),
        ("GET", "/payment-method/default"),
    ],
)
def test_wrong_methods(box: Box, method: str, path: str) -> None:
    answer = box.account.request(method, path)
    assert answer.status_code == 405
    assert answer.json()["code"] == "invalid-argument"


@pytest.mark.parametrize(
    "kind", ["reset", "503", "429", "cut-stream", "html", "garbage", "empty"]
)
@pytest.mark.parametrize("path", ["/prepaid/balance", "/usage"])
def test_scripted_faults(box: Box, kind: str, path: str) -> None:
    box.script({"do": kind, "match": "/v1/billing/", "times": 1})

    def ask() -> Any:
        post = path == "/usage"
        answer = box.account.post(path, json=asked()) if post else box.account.get(path)
        answer.raise_for_status()
        return answer.json()

    with pytest.raises((httpx.HTTPError, ValueError)):
        ask()
    assert ask()
