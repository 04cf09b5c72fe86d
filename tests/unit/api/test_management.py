"""The management host on raw bytes: its own key, what is asked, what is made of it."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb import config
from grok_nb.account import AccountUsage, PrepaidBalance
from grok_nb.errors import (
    BadRequest,
    ConfigError,
    ConnectionFailed,
    Forbidden,
    NotFound,
    ServerFault,
    Unauthorized,
)

from ..support import (
    BASE_URL,
    KEY,
    MODEL,
    Answer,
    ManualClock,
    Script,
    Session,
    refusal,
    session,
)

MANAGEMENT = "xai-token-management0123456789"
HOST = "https://management-api.x.ai"
TEAM = "11111111-2222-4333-8444-555555555555"
UTC = datetime.UTC
# xai-api.md section 12.3
USAGE = {
    "timeSeries": [
        {
            "group": ["Grok 4.7"],
            "groupLabels": ["Grok 4.7"],
            "dataPoints": [
                {"timestamp": "2026-01-01T00:00:00Z", "values": [0.12]},
                {"timestamp": "2026-01-02T00:00:00Z", "values": [0]},
            ],
        },
        {
            "group": ["web-search"],
            "groupLabels": ["Web search"],
            "dataPoints": [{"timestamp": "2026-01-01T00:00:00Z", "values": ["0.005"]}],
        },
    ],
    "limitReached": False,
}
BALANCE = {
    "changes": [
        {
            "teamId": "t",
            "changeOrigin": "PURCHASE",
            "topupStatus": "SUCCEEDED",
            "amount": {"val": "-2500"},
            "createTime": "2026-01-01T00:00:00Z",
        },
        {
            "teamId": "t",
            "changeOrigin": "SPEND",
            "amount": {"val": 120},
            "spendBpKeyYear": 2026,
            "spendBpKeyMonth": 1,
        },
    ],
    "total": {"val": "-2380"},
}


def said(data: object) -> Answer:
    return Answer(pieces=json.dumps(data).encode())


def account(*steps: Any, **options: Any) -> Any:
    return session(*steps, management_key=MANAGEMENT, **options)


def keys_by_host(s: Session) -> list[tuple[str, str]]:
    return [(r.url.host, r.headers["authorization"]) for r in s.script.requests]


# -- what is asked, and of whom --------------------------------------------------------


async def test_usage_is_asked_for_as_documented() -> None:
    with account(said(USAGE)) as s:
        found = await s.grok.account_usage("2026-01-01", "2026-02-01", team_id=TEAM)
        (request,) = s.script.requests
        assert (request.method, f"{request.url}") == (
            "POST",
            f"{HOST}/v1/billing/teams/{TEAM}/usage",
        )
        assert s.script.bodies == [
            {
                "analyticsRequest": {
                    "timeRange": {
                        "startTime": "2026-01-01 00:00:00",
                        "endTime": "2026-02-01 00:00:00",
                        "timezone": "Etc/GMT",
                    },
                    "timeUnit": "TIME_UNIT_DAY",
                    "values": [{"name": "usd", "aggregation": "AGGREGATION_SUM"}],
                    "groupBy": ["description"],
                    "filters": [],
                }
            }
        ]
        assert found.raw == USAGE
        assert s.rows == []


async def test_the_team_is_that_of_the_api_key_and_each_host_gets_its_own_key() -> None:
    with account(said({"team_id": TEAM}), said(USAGE), said(BALANCE)) as s:
        await s.grok.account_usage()
        await s.grok.prepaid_balance()
        assert [r.url.path for r in s.script.requests] == [
            "/v1/api-key",
            f"/v1/billing/teams/{TEAM}/usage",
            f"/v1/billing/teams/{TEAM}/prepaid/balance",
        ]
        assert keys_by_host(s) == [
            ("grok.invalid", f"Bearer {KEY}"),
            ("management-api.x.ai", f"Bearer {MANAGEMENT}"),
            ("management-api.x.ai", f"Bearer {MANAGEMENT}"),
        ]
        assert s.script.requests[2].method == "GET"


async def test_the_rest_of_the_api_never_gets_the_management_key() -> None:
    with account(refusal(400)) as s:
        for call in (s.grok.models, s.grok.api_key, lambda: s.grok.ask("Hi")):
            with pytest.raises(BadRequest):
                await call()
        assert MANAGEMENT not in repr(
            [(r.headers, r.content) for r in s.script.requests]
        )
        assert {key for _, key in keys_by_host(s)} == {f"Bearer {KEY}"}


async def test_another_host_is_asked_where_one_is_set() -> None:
    for address in ("http://host.invalid:81/p", "http://host.invalid:81/p/v1/"):
        with account(said(BALANCE), management_base_url=address) as s:
            await s.grok.prepaid_balance("a b/c")
            assert f"{s.script.requests[0].url}" == (
                "http://host.invalid:81/p/v1/billing/teams/a%20b%2Fc/prepaid/balance"
            )


async def test_a_missing_key_is_told_before_anything_is_asked() -> None:
    with session(said(BALANCE)) as s:
        for call in (s.grok.account_usage, s.grok.prepaid_balance):
            with pytest.raises(ConfigError, match="No management key") as caught:
                await call()
            assert "XAI_MANAGEMENT_KEY" in caught.value.hint
        assert s.script.requests == []


async def test_an_api_key_without_team_asks_for_one() -> None:
    with account(said({"name": "n"})) as s:
        with pytest.raises(ConfigError, match="names no team") as caught:
            await s.grok.prepaid_balance()
        assert "team_id" in caught.value.hint


def test_no_api_key_is_needed_where_the_team_is_given() -> None:
    for method, answer in (("account_usage", USAGE), ("prepaid_balance", BALANCE)):
        script = Script(said(answer))
        with gn.Grok(
            management_key=MANAGEMENT, store=":memory:", transport=script
        ) as grok:
            getattr(grok, method)(team_id=TEAM)
            assert len(script.requests) == 1
            with pytest.raises(ConfigError, match="No API key"):
                getattr(grok, method)()
    with (
        gn.Grok(api_key=KEY, store=":memory:", transport=script) as grok,
        pytest.raises(ConfigError, match="No management key"),
    ):
        grok.prepaid_balance()


SPANS: list[tuple[Any, Any, str, str]] = [
    ("2026-01-01", "2026-01-02", "2026-01-01 00:00:00", "2026-01-02 00:00:00"),
    (
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1, 5, 6, 7, 800, tzinfo=UTC),
        "2026-01-01 00:00:00",
        "2026-01-01 05:06:08",
    ),
    (
        "2026-01-01T01:00:00.9+02:00",
        "2026-01-01T00:00:00Z",
        "2025-12-31 23:00:00",
        "2026-01-01 00:00:00",
    ),
    (
        pd.Timestamp("2026-01-01", tz="Europe/Zurich"),
        None,
        "2025-12-31 23:00:00",
        "2026-10-22 00:00:00",
    ),
    (None, "2026-01-31", "2026-01-01 00:00:00", "2026-01-31 00:00:00"),
    # the clock says 2026-10-21: today is part of it
    (None, None, "2026-09-22 00:00:00", "2026-10-22 00:00:00"),
]


@pytest.mark.parametrize(("start", "end", "begins", "ends"), SPANS)
async def test_times_travel_in_utc(
    start: Any, end: Any, begins: str, ends: str
) -> None:
    with account(said(USAGE)) as s:
        await s.grok.account_usage(start, end, team_id=TEAM)
        span = s.script.bodies[0]["analyticsRequest"]["timeRange"]
        assert span == {"startTime": begins, "endTime": ends, "timezone": "Etc/GMT"}


NAIVE = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"start": "2026-02-01", "end": "2026-01-01"}, "is not before end"),
    ({"start": "2026-01-01", "end": "2026-01-01"}, "is not before end"),
    ({"start": "2027-01-01"}, "is not before end"),
    ({"start": NAIVE}, "with its zone"),
    ({"end": NAIVE}, "with its zone"),
    ({"start": pd.Timestamp("2026-01-01")}, "with its zone"),
    ({"start": pd.NaT}, "must be a date"),
    ({"start": "2026-01-01T00:00:00"}, "with its zone"),
    ({"start": "yesterday"}, "must be a date"),
    ({"start": "2026-02-30"}, "must be a date"),
    ({"start": 5}, "must be a date"),
    ({"unit": "daily"}, "unit cannot be 'daily'"),
    ({"unit": None}, "unit cannot be None"),
    ({"unit": ["day"]}, "unit cannot be"),
    ({"by": "descripton"}, "by cannot be 'descripton'"),
    ({"by": ["description", "description"]}, "twice"),
    ({"by": 5}, "by must be text"),
    ({"by": [5]}, "by cannot be 5"),
    ({"team_id": ""}, "team_id must be an id"),
    ({"team_id": 5}, "team_id must be an id"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
async def test_what_cannot_be_right_is_refused_before_sending(
    options: dict[str, Any], says: str
) -> None:
    with account(said(USAGE)) as s:
        with pytest.raises(BadRequest, match=says):
            await s.grok.account_usage(**options)
        assert s.script.requests == []


async def test_units_and_sums_are_asked_for_by_the_api_s_names() -> None:
    with account(said(USAGE)) as s:
        for unit, name in (("week", "CALENDAR_WEEK"), ("quarter_hour", "QUARTER_HOUR")):
            await s.grok.account_usage(by=None, unit=unit, team_id=TEAM)
            asked = s.script.bodies[-1]["analyticsRequest"]
            assert asked["timeUnit"] == f"TIME_UNIT_{name}"
            assert asked["groupBy"] == []
        with pytest.raises(BadRequest) as caught:
            await s.grok.account_usage(unit="dya")
        assert "Did you mean 'day'?" in caught.value.hint


# -- when things go wrong --------------------------------------------------------------


async def test_refusals_are_about_the_management_key() -> None:
    for status, error in ((401, Unauthorized), (403, Forbidden)):
        with account(refusal(status, "no")) as s:
            with pytest.raises(error) as caught:
                await s.grok.prepaid_balance(TEAM)
            assert "API key" not in f"{caught.value}"
            assert "XAI_MANAGEMENT_KEY" in caught.value.hint
            assert "XAI_API_KEY" not in repr(caught.value.__notes__)
            assert caught.value.status == status
    with account(refusal(404)) as s:
        with pytest.raises(NotFound) as caught_404:
            await s.grok.prepaid_balance(TEAM)
        assert "team_id" in caught_404.value.hint


async def test_throttles_outages_and_lost_answers_are_tried_again() -> None:
    troubles = [refusal(429), refusal(503), refusal(500), httpx.ReadError("x")]
    with account(*troubles, said(BALANCE)) as s:
        assert (await s.grok.prepaid_balance(TEAM)).balance_usd == 23.8
        assert len(s.script.requests) == 5
    with (
        account(httpx.ConnectError("no")) as s,
        pytest.raises(ConnectionFailed, match=r"management-api\.x\.ai"),
    ):
        await s.grok.account_usage(team_id=TEAM)


async def test_no_redirect_is_followed() -> None:
    with account(Answer(302, headers={"location": "https://elsewhere.invalid"})) as s:
        with pytest.raises(ServerFault, match="not asked"):
            await s.grok.prepaid_balance(TEAM)
        assert {r.url.host for r in s.script.requests} == {"management-api.x.ai"}


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"error": "x"}', b"{}"])
async def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with account(Answer(pieces=body)) as s:
        with pytest.raises(ServerFault):
            await s.grok.prepaid_balance(TEAM)
        if body != b"{}":  # nothing was billed
            with pytest.raises(ServerFault):
                await s.grok.account_usage(team_id=TEAM)


# -- what is made of it ----------------------------------------------------------------


def test_usage_is_a_frame() -> None:
    usage = AccountUsage(USAGE, ["description"], ["usd"])
    frame = usage.df
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "time": "datetime64[us, UTC]",
        "description": "string",
        "usd": "Float64",
    }
    assert frame["description"].tolist() == ["Grok 4.7", "Grok 4.7", "Web search"]
    assert frame["usd"].tolist() == [0.12, 0, 0.005]
    assert frame["time"][1] == pd.Timestamp("2026-01-02", tz="UTC")
    assert (usage.ticks, usage.usd) == (1_250_000_000, 0.125)
    assert repr(usage) == "<AccountUsage: 0.125000 USD, 3 points>"
    assert "Web search" in usage._repr_html_()
    cut = AccountUsage({**USAGE, "limitReached": True}, [], ["usd"])
    assert cut.limit_reached
    assert "not all of it" in repr(cut)
    assert "0.125000 USD, 3 points, not all of it" in cut._repr_html_()
    assert cut.df.columns.tolist() == ["time", "usd"]


def test_usage_and_balance_are_used_like_their_frames() -> None:
    usage = AccountUsage(USAGE, ["description"], ["usd"])
    assert usage["usd"].sum() == usage.usd
    assert list(usage) == list(usage.columns) == ["time", "description", "usd"]
    assert len(usage) == usage.shape[0] == 3
    by_name = usage.groupby("description")["usd"].sum()
    assert by_name["Web search"] == 0.005
    assert usage.head(1).equals(usage.df.head(1))
    balance = PrepaidBalance(BALANCE)
    assert balance.set_index("origin").loc["SPEND", "amount_usd"] == 1.2
    for thing in (usage, balance):
        for name in ("nowhere", "_repr_png_", "__nowhere__"):
            with pytest.raises(AttributeError, match=name):
                getattr(thing, name)
        again = copy.deepcopy(pickle.loads(pickle.dumps(thing)))
        assert again.df.equals(thing.df)


def test_nothing_is_an_empty_frame_of_the_same_kinds() -> None:
    for raw in ({}, {"timeSeries": []}, {"timeSeries": None}):
        frame = AccountUsage(raw, ["description"], ["usd"]).df
        assert [str(kind) for kind in frame.dtypes] == [
            "datetime64[us, UTC]",
            "string",
            "Float64",
        ]
    empty = PrepaidBalance({"changes": []})
    assert (empty.balance_cents, empty.balance_usd) == (None, None)
    assert str(empty.df["time"].dtype) == "datetime64[us, UTC]"
    assert repr(empty) == "<PrepaidBalance: unknown, 0 changes>"


@pytest.mark.parametrize(
    ("total", "cents"),
    [
        ({"val": "-2380"}, 2380),
        ({"val": 2380}, 2380),
        ({}, 0),  # what is zero may be left out
        (None, None),
        ({"val": "x"}, None),
        ({"val": True}, None),
        ({"val": "9" * 40}, None),
    ],
)
def test_the_balance_is_a_magnitude_in_whole_cents(
    total: Any, cents: int | None
) -> None:
    balance = PrepaidBalance({**BALANCE, "total": total})
    assert balance.balance_cents == cents
    assert balance.balance_usd == (None if cents is None else cents / 100)


def test_the_balance_is_a_frame_of_its_changes() -> None:
    balance = PrepaidBalance(BALANCE)
    frame = balance.df
    assert frame["origin"].tolist() == ["PURCHASE", "SPEND"]
    assert frame["status"].isna().tolist() == [False, True]
    assert frame["amount_usd"].tolist() == [-25.0, 1.2]
    assert frame["time"].tolist() == [pd.Timestamp("2026-01-01", tz="UTC")] * 2
    assert repr(balance) == "<PrepaidBalance: 23.80 USD, 2 changes>"
    assert "23.80 USD" in balance._repr_html_()  # what was asked for


def test_hostile_names_are_text_in_what_is_shown() -> None:
    evil = "<img src=x onerror=alert(1)><script>"
    point = {"timestamp": "2026-01-01T00:00:00Z", "values": [1]}
    series = {"group": [evil], "dataPoints": [point]}
    html = AccountUsage(
        {"timeSeries": [series]}, ["description"], ["usd"]
    )._repr_html_()
    html += PrepaidBalance({"changes": [{"changeOrigin": evil}]})._repr_html_()
    assert "<img" not in html
    assert "<script" not in html
    assert html.count("&lt;img") == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("timeSeries", "group", "groupLabels", "dataPoints", "timestamp"),
                    *("values", "changes", "total", "val", "amount", "createTime"),
                    *("changeOrigin", "topupStatus", "spendBpKeyYear"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(["timeSeries", "changes", "total"]), JSON))
def test_any_answer_is_read(raw: dict[str, Any]) -> None:
    usage = AccountUsage(raw, ["description"], ["usd"])
    assert usage.df["usd"].sum() == pytest.approx(usage.usd, abs=1e-6, rel=1e-9)
    balance = PrepaidBalance(raw)
    assert balance.balance_cents is None or balance.balance_cents >= 0
    assert len(balance.df) == len(balance._changes)


# -- settings --------------------------------------------------------------------------


def test_the_settings_come_from_where_settings_come_from(tmp_path: Path) -> None:
    environ = {
        "XAI_MANAGEMENT_KEY": f" {MANAGEMENT} ",
        "XAI_MANAGEMENT_BASE_URL": "http://h.invalid/v1/",
    }
    found = config.resolve(environ=environ, folder=tmp_path)
    assert found.management_key == config.Secret(MANAGEMENT)
    assert found.management_base_url == "http://h.invalid"
    assert found.sources["management_key"] == "XAI_MANAGEMENT_KEY"
    assert MANAGEMENT not in repr(found)
    nothing = config.resolve(environ={}, folder=tmp_path)
    assert (nothing.management_key, nothing.management_base_url) == (None, HOST)
    given = {"management_key": "other", "management_base_url": "http://o.invalid"}
    argument = config.resolve(given, environ=environ, folder=tmp_path)
    assert argument.management_key == config.Secret("other")
    assert argument.management_base_url == "http://o.invalid"
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.grok_nb]\nmanagement_base_url = "http://p.invalid"\n')
    read = config.resolve(environ={}, folder=tmp_path)
    assert read.management_base_url == "http://p.invalid"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"management_key": 5}, r"The management key \(argument\) must be text"),
        ({"management_key": f"{MANAGEMENT} x"}, "management key .* has a space"),
        ({"management_base_url": "ftp://h"}, "management_base_url .* is not an http"),
        ({"management_base_url": "http://u:p@h"}, "has a user or password"),
    ],
)
def test_settings_that_cannot_be_right_name_their_place_and_no_key(
    given: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        config.resolve(given, environ={}, folder=tmp_path)
    assert MANAGEMENT not in f"{caught.value}{caught.value.hint}"


def test_the_key_is_no_setting_of_a_project(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(f'[tool.grok_nb]\nmanagement_key = "{MANAGEMENT}"\n')
    with pytest.raises(ConfigError, match="no setting 'management_key'") as caught:
        config.resolve(environ={}, folder=tmp_path)
    assert "never belongs" in caught.value.hint
    assert MANAGEMENT not in f"{caught.value}{caught.value.hint}"


def test_configure_sets_both_for_the_process_and_takes_them_back() -> None:
    from grok_nb import default

    gn.configure(management_key=MANAGEMENT, management_base_url="http://c.invalid")
    try:
        found = default.settings()
        assert found.management_key == config.Secret(MANAGEMENT)
        assert found.management_base_url == "http://c.invalid"
        assert MANAGEMENT not in repr(config.configured)
        script = Script(said(BALANCE))
        with gn.Grok(
            api_key=KEY,
            base_url=BASE_URL,
            model=MODEL,
            store=":memory:",
            transport=script,
            clock=ManualClock(),
        ) as grok:
            assert grok.prepaid_balance(TEAM).balance_usd == 23.8
        assert script.requests[0].url.host == "c.invalid"
    finally:
        gn.configure(management_key=None, management_base_url=None)
    assert default.settings().management_key is None
