"""The ledger as a frame: groups, times, fingerprints, and pictures."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import grok_nb as gn
from grok_nb.errors import BadRequest, MissingExtra
from grok_nb.frames.usage import UsageFrame

mpl.use("agg")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: Any) -> Iterator[None]:
    with gn.sandbox(store=tmp_path_factory.mktemp("store")):
        for model in ("grok-4.7", "grok-4.3", "grok-4.7"):
            gn.ask("What is 6*7?", model=model)
        gn.Thread("t").ask("What is 6*8?")
        yield


@pytest.fixture
def many(asked: None) -> UsageFrame:
    """600 rows of 20 days; one model changes, some costs are unknown."""
    rows = pd.concat([pd.DataFrame(gn.usage())] * 150, ignore_index=True)
    days = np.random.default_rng(0).random(len(rows)) * 20
    rows["time"] = pd.Timestamp("2026-11-01", tz="UTC") + pd.to_timedelta(days, "D")
    rows.loc[rows.index % 7 == 0, "cost_usd"] = None
    is_new = (rows["model"] == "grok-4.7") & (rows["time"] >= "2026-11-12")
    rows.loc[is_new, "system_fingerprint"] = "fp_new"
    return UsageFrame(rows)


def test_groups_sum_up_to_the_whole(asked: None) -> None:
    whole = gn.usage()
    for by in ("model", "day", "hour", "month", "cell", "thread", ["model", "day"]):
        groups = gn.usage(by=by)
        assert groups["calls"].sum() == len(whole) == 4
        assert groups["cost_usd"].sum() == pytest.approx(whole["cost_usd"].sum())
    assert gn.usage(by="cell").index.name == "cell_id"
    assert list(gn.usage(by=["model", "state"]).index.names) == ["model", "state"]
    assert gn.usage(by="model").loc["grok-4.3", "calls"] == 1


def test_times_choose_rows(asked: None) -> None:
    day = gn.usage()["time"].iloc[0].date()
    later, before = day + datetime.timedelta(1), day - datetime.timedelta(1)
    assert len(gn.usage(since=day)) == len(gn.usage(until=f"{day}")) == 4
    assert len(gn.usage(since=before, until=day)) == 4
    assert len(gn.usage(since=later)) == len(gn.usage(until=before)) == 0
    moment = gn.usage()["time"].iloc[2]
    assert len(gn.usage(since=moment)) == len(gn.usage(until=moment)) == 2
    assert len(gn.usage(since=later, by="model")) == 0
    for wrong in ("yesterday", 3, pd.NaT, "", [day]):
        with pytest.raises(BadRequest, match="since must be a date or time"):
            gn.usage(since=wrong)


@pytest.mark.parametrize("by", ["mdel", ["model", "x"], [], 3, [3]])
def test_wrong_groups_are_told(asked: None, by: Any) -> None:
    with pytest.raises(BadRequest, match=r"grouped by|by must be"):
        gn.usage(by=by)
    with pytest.raises(BadRequest) as caught:
        gn.usage(by="mdel")
    assert "Did you mean 'model'?" in caught.value.hint


def test_what_is_made_of_it_is_plain_pandas(asked: None) -> None:
    frame = gn.usage()
    assert type(frame) is UsageFrame
    assert type(frame.head()) is type(frame[["model"]]) is pd.DataFrame
    assert type(frame["cost_usd"]) is pd.Series
    axes = frame[["cost_usd"]].plot.bar()
    assert axes.containers
    assert gn.usage(by="model").plot.bar(y="cost_usd").containers
    mpl.pyplot.close("all")


def test_a_new_fingerprint_is_visible(many: UsageFrame) -> None:
    found = many.fingerprints
    assert found.columns.tolist() == [
        *("model", "system_fingerprint", "first", "last", "calls")
    ]
    assert found["calls"].sum() == len(many)
    of_one = found[found["model"] == "grok-4.7"]
    assert of_one["system_fingerprint"].tolist()[1:] == ["fp_new"]
    assert of_one["first"].iloc[1] >= pd.Timestamp("2026-11-12", tz="UTC")
    (line,) = many.changes()
    assert line.startswith("grok-4.7 answers with another fingerprint since 2026-11-12")
    assert line.endswith("-> fp_new.")
    assert gn.usage().changes() == []
    assert len(UsageFrame(gn.usage().iloc[:0]).fingerprints) == 0
    with pytest.raises(BadRequest, match="Groups have no fingerprints"):
        _ = gn.usage(by="model").fingerprints


def heights(axes: Any) -> float:
    return sum(bar.get_height() for bars in axes.containers for bar in bars)


@pytest.mark.parametrize("what", ["cost", "tokens", "calls"])
def test_pictures_show_all_that_is_there(many: UsageFrame, what: str) -> None:
    plain = pd.DataFrame(many)
    tokens = plain["prompt_tokens"] + plain["billed_output_tokens"]
    expected = {
        "cost": plain["cost_usd"].sum(),
        "tokens": tokens.sum(),
        "calls": len(plain),
    }[what]
    for frame, options in (
        (many, {}),
        (many, {"by": "state"}),
        (many, {"by": "thread"}),
        (UsageFrame(many.iloc[:1]), {}),
    ):
        axes = frame.plot(what, **options)
        if len(frame) > 1:
            assert heights(axes) == pytest.approx(float(expected))
        assert axes.get_ylabel().startswith(what)
        axes.figure.canvas.draw()
    groups = gn.usage(by=["model", "day"])
    axes = groups.plot(what)
    assert len(axes.patches) == len(groups)
    axes.figure.canvas.draw()
    assert "USD" in many.plot().get_ylabel()
    mpl.pyplot.close("all")


def test_a_change_is_marked_in_the_picture(many: UsageFrame) -> None:
    axes = many.plot()
    assert [line.get_linestyle() for line in axes.lines] == [":"]
    assert "fp_new" in "".join(text.get_text() for text in axes.texts)
    assert len(gn.usage().plot().lines) == 0
    mpl.pyplot.close("all")


def test_nothing_to_draw_is_said(asked: None) -> None:
    for frame in (gn.usage(model="none"), gn.usage(model="none", by="day")):
        axes = frame.plot()
        assert [text.get_text() for text in axes.texts] == ["no calls"]
        axes.figure.canvas.draw()
    with pytest.raises(BadRequest, match="what must be one of cost, tokens, calls"):
        gn.usage().plot("money")
    with pytest.raises(BadRequest, match="no column 'x'"):
        gn.usage().plot(by="x")
    axes = mpl.pyplot.figure().add_subplot()
    assert gn.usage().plot(ax=axes) is axes
    mpl.pyplot.close("all")


def test_many_groups_and_rows_stay_readable(many: UsageFrame) -> None:
    rows = pd.concat([pd.DataFrame(many)] * 20, ignore_index=True)
    rows["model"] = [f"model-{n % 40}" for n in range(len(rows))]
    axes = UsageFrame(rows).plot("calls")
    assert len(axes.containers) == 9  # eight, and the others
    assert heights(axes) == len(rows)
    groups = rows.groupby("model").agg(calls=("time", "size"))
    axes = UsageFrame(groups).plot("calls")
    assert len(axes.patches) == 30
    assert "10 more" in axes.get_xlabel()
    mpl.pyplot.close("all")


def test_without_matplotlib_the_extra_is_named(tmp_path: Any) -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
import grok_nb as gn
frame = gn.usage()
try:
    frame.plot()
except gn.errors.MissingExtra as error:
    print(error, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"GROK_NB_STORE": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "A picture needs matplotlib" in done.stdout
    assert "pip install 'grok-nb[plot]'" in done.stdout
    assert issubclass(MissingExtra, ImportError)
