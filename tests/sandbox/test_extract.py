"""Extraction over a real socket: paid once, whatever happens to whoever asks."""

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Annotated

import pandas as pd
import pytest
from pydantic import AfterValidator, BaseModel

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from tests.sandbox.extractor import texts
from tests.support import bills, break_it, requests, window

EXTRACTOR = Path(__file__).with_name("extractor.py")
FAULTS = [
    {"match": "POST /v1/chat", "rate": 0.03, "do": "503", "retry_after": 0},
    {"match": "POST /v1/chat", "rate": 0.02, "do": "500-after-billing"},
    {"match": "POST /v1/chat", "rate": 0.02, "do": "reset-after-billing"},
    {"match": "POST /v1/chat", "rate": 0.02, "do": "429", "retry_after": 0},
]


@pytest.fixture
def grok(sandbox, tmp_path):
    with gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=str(tmp_path),
        model="grok-4.3",
    ) as made:
        yield made


def posts(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def paid(sandbox):
    """Return how often each prompt was billed."""
    asked = {r["id"]: r["body"] for r in requests(sandbox) if r.get("id")}
    assert not asked  # the log has no ids: prompts are counted by what arrived
    return Counter(body["messages"][-1]["content"] for body in posts(sandbox))


def start(sandbox, store, *, rows, width=16, how="kept"):
    return subprocess.Popen(
        [
            *(sys.executable, str(EXTRACTOR), sandbox.base_url, sandbox.key),
            *(str(store), str(rows), str(width), how),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def billed(sandbox):
    return [bill for bill in bills(sandbox) if bill["billed"]]


def killed_run(sandbox, store, *, rows, width, how, seed):
    """Kill a run five times, then let it end; return what the last one said."""
    chance = random.Random(seed)
    for _ in range(5):
        before = len(bills(sandbox))
        process = start(sandbox, store, rows=rows, width=width, how=how)
        target = before + chance.randrange(rows // 20, rows // 8)
        end = time.monotonic() + 60
        while len(bills(sandbox)) < target and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode in (-signal.SIGKILL, 0)
    last = start(sandbox, store, rows=rows, width=width, how=how)
    said, _ = last.communicate(timeout=100)
    assert last.returncode == 0
    return json.loads(said)


@pytest.mark.parametrize("seed", [1])
def test_five_kills_pay_again_at_most_what_was_in_flight(tmp_path, seed):
    rows, width = 600, 16
    with Sandbox() as sandbox:
        said = killed_run(
            sandbox, tmp_path, rows=rows, width=width, how="kept", seed=seed
        )
        assert said["ok"] == rows
        assert said["ages"] == [n % 90 for n in range(rows)]
        paid_for = len(billed(sandbox))
        assert rows <= paid_for <= rows + 5 * width
        gn.configure(store=str(tmp_path), base_url=sandbox.base_url, api_key="xai-x")
        try:
            doubts = gn.doubts()
        finally:
            gn.configure(store=None, base_url=None, api_key=None)
        # each that may have been paid for twice is listed
        assert paid_for - rows <= len(doubts) <= 5 * width
        assert doubts["paid_again"].sum() >= paid_for - rows


def test_a_build_that_keeps_replies_after_their_use_is_caught(tmp_path):
    rows, width = 400, 16
    with Sandbox() as sandbox:
        said = killed_run(sandbox, tmp_path, rows=rows, width=width, how="late", seed=1)
        assert said["ok"] == rows
        gn.configure(store=str(tmp_path), base_url=sandbox.base_url, api_key="xai-x")
        try:
            doubts = gn.doubts()
        finally:
            gn.configure(store=None, base_url=None, api_key=None)
        # what was paid again is in no list: its row had been closed
        assert len(billed(sandbox)) - rows > len(doubts)


def test_two_processes_pay_once_for_the_same_rows(tmp_path):
    with Sandbox(latency_ms=5) as sandbox:
        both = [start(sandbox, tmp_path, rows=300) for _ in range(2)]
        said = [json.loads(p.communicate(timeout=100)[0]) for p in both]
        assert [one["ok"] for one in said] == [300, 300]
        assert len(billed(sandbox)) == len(posts(sandbox)) == 300
        assert said[0]["cached"] + said[1]["cached"] == 300


def test_faults_lose_and_mix_up_nothing(grok, sandbox):
    break_it(sandbox, *FAULTS)
    result = gn.extract(texts(300), "name, age int", grok=grok, max_in_flight=32)
    assert set(result.df["_status"]) <= {"ok", "in_doubt"}
    good = result.df[result.df["_status"] == "ok"]
    assert len(good) >= 290
    assert good["age"].tolist() == [n % 90 for n in good.index]
    break_it(sandbox, {"match": "POST /none", "do": "503"})
    whole = result.retry()
    assert whole.summary["ok"] == 300
    assert whole.df["age"].tolist() == [n % 90 for n in range(300)]


def test_rows_come_back_as_they_were_given(grok, sandbox):
    body = [*texts(3), None, "  ", float("nan"), texts(1)[0], "Name: Seven. Age: 7."]
    frame = pd.DataFrame(
        {"body": body, "n": range(8)},
        index=list("abcadefg"),
    )
    result = gn.extract(frame, "name, age int?", text="body", grok=grok)
    assert result.df.index.tolist() == frame.index.tolist()
    assert result.df["_status"].tolist()[:3] == ["ok"] * 3, result.errors.to_dict()
    assert result.df["_status"].tolist()[3:6] == ["failed"] * 3
    assert result.df["_error"].iloc[3] == "There is no text."
    assert result.df["age"].tolist()[:3] == [0, 1, 2]
    # the same row again was asked once
    assert bool(result.df["_cached"].iloc[6])
    assert len(posts(sandbox)) == 5 - 1
    spent = sum(b["cost_in_usd_ticks"] for b in bills(sandbox)) / 1e10
    assert result.cost_usd == pytest.approx(spent)
    assert len(result.errors) == 3
    assert result.attempts["source"].eq("extract").all()
    assert len(result.attempts) == 4


@pytest.mark.parametrize("data", [[], pd.DataFrame({"text": []}), pd.Series([])])
def test_no_rows_have_all_columns_and_dtypes(grok, sandbox, data):
    kind = "name, day date, age int, items list[str], open bool"
    result = gn.extract(data, kind, grok=grok)
    whole = gn.extract(["Name: A"], kind, grok=grok)
    assert len(result) == 0
    assert list(result.df.columns) == list(whole.df.columns)
    assert result.df.dtypes.astype(str).tolist() == whole.df.dtypes.astype(str).tolist()
    assert result.tables.keys() == {"items"}
    assert len(posts(sandbox)) == 1


def no(age):
    if age % 10 == 0:
        raise ValueError("not a round one")
    return age


class Picky(BaseModel):
    name: str
    age: Annotated[int, AfterValidator(no)]


def test_poisoned_rows_leave_the_others_and_are_explained(grok, sandbox):
    result = gn.extract(texts(100), Picky, grok=grok, repairs=1)
    bad = [n for n in range(100) if n % 90 % 10 == 0]
    assert result.df.index[result.df["_status"] == "invalid"].tolist() == bad
    assert result.summary["ok"] == 100 - len(bad)
    errors = result.errors
    assert errors["_error"].str.contains("not a round one").all()
    assert errors["hint"].str.contains("repairs=3").all()
    # each was shown what is wrong once
    assert len(posts(sandbox)) == 100 + len(bad)
    assert (result.df.loc[bad, "_attempts"] == 2).all()
    # a schema that asks the same reads what is there
    again = gn.extract(texts(100), "name, age int", grok=grok)
    assert again.summary["ok"] == 100


def test_a_corrected_class_reads_what_was_paid_for(grok, sandbox):
    class Person(BaseModel):
        name: str
        age: Annotated[int, AfterValidator(no)]

    first = gn.extract(texts(20), Person, grok=grok, repairs=0)
    assert first.summary["invalid"] == 2
    count = len(posts(sandbox))

    class Person(BaseModel):
        name: str
        age: int

    second = gn.extract(texts(20), Person, grok=grok, repairs=0)
    assert second.summary == {"rows": 20, "ok": 20, "cached": 20, "cost_usd": 0.0}
    assert len(posts(sandbox)) == count


def test_a_truncated_answer_gets_more_room_and_never_the_same(grok, sandbox):
    result = gn.extract(texts(3), "name, age int", grok=grok, max_tokens=3)
    assert set(result.df["_status"]) == {"ok"}
    asked = Counter(json.dumps(body, sort_keys=True) for body in posts(sandbox))
    assert max(asked.values()) == 1
    limits = {body["max_completion_tokens"] for body in posts(sandbox)}
    assert len(limits) > 1
    spent = sum(b["cost_in_usd_ticks"] for b in bills(sandbox)) / 1e10
    assert result.cost_usd == pytest.approx(spent)


def test_a_limit_is_kept_and_refusals_use_up_no_attempts(tmp_path):
    with Sandbox(rpm=600) as sandbox:
        grok = gn.Grok(
            api_key=sandbox.key,
            base_url=sandbox.base_url,
            store=str(tmp_path),
            model="grok-4.3",
        )
        result = gn.extract(
            texts(20), "name, age int", grok=grok, max_in_flight=64, rpm=600
        )
        assert result.summary["ok"] == 20
        assert [r["status"] for r in bills(sandbox)] == [200] * 20
        break_it(
            sandbox,
            {"match": "POST /v1/chat", "do": "429", "times": 30, "retry_after": 0},
        )
        more = [f"Name: More{n}. Age: {n}." for n in range(20)]
        result = gn.extract(more, "name, age int", grok=grok, max_in_flight=4)
        assert result.summary["ok"] == 20
        assert set(result.df["_attempts"]) == {1}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", "Unauthorized"),
        ("403-credit", "NoCredit"),
        ("429-credit", "NoCredit"),
        ("500", "ServerFault"),
    ],
)
def test_what_cannot_succeed_stops_the_run(grok, sandbox, fault, error):
    done = texts(5)
    gn.extract(done, "name, age int", grok=grok)
    count = len(posts(sandbox))
    break_it(sandbox, {"match": "POST /v1/chat", "do": fault})
    more = [f"Name: More{n}. Age: {n}." for n in range(200)]
    with pytest.raises(gn.GrokError) as caught:
        gn.extract(more, "name, age int", grok=grok, max_in_flight=4)
    assert type(caught.value).__name__ == error
    assert len(posts(sandbox)) - count < 60


def test_a_budget_skips_what_it_has_no_room_for(grok, sandbox):
    options = {"model": "grok-4.20-non-reasoning", "max_tokens": 50}
    result = gn.extract(texts(200), "name, age int", grok=grok, budget=0.02, **options)
    assert 20 < result.summary["ok"] < 200
    assert result.summary["skipped_budget"] == 200 - result.summary["ok"]
    assert sum(b["cost_in_usd_ticks"] for b in bills(sandbox)) <= 0.02e10
    whole = gn.extract(texts(200), "name, age int", grok=grok, budget=1, **options)
    assert whole.summary["ok"] == 200
    assert len(billed(sandbox)) == 200


WRONG = {
    "text": ({"text": "bodi"}, "Did you mean 'body'"),
    "prompt": ({"prompt": "{{subjekt}}"}, "Did you mean 'subject'"),
    "no text": ({}, "text says which column"),
    "option": ({"text": "body", "temprature": 1}, "Did you mean 'temperature'"),
    "repairs": ({"text": "body", "repairs": 9}, "repairs must be"),
    "sample": ({"text": "body", "sample": 0}, "sample must be"),
    "width": ({"text": "body", "max_in_flight": 0}, "max_in_flight must be"),
    "rpm": ({"text": "body", "rpm": -1}, "rpm must be"),
    "budget": ({"text": "body", "budget": -1}, "budget must be"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_right_is_told_before_anything_is_sent(grok, sandbox, case):
    frame = pd.DataFrame({"subject": ["a"], "body": ["b"]})
    options, said = WRONG[case]
    with pytest.raises(gn.GrokError) as caught:
        gn.extract(frame, "name", grok=grok, **options)
    assert said in f"{caught.value} {caught.value.hint}"
    for data in (7, {"a": 1}, "nowhere/*.txt", [[1]]):
        with pytest.raises(gn.GrokError):
            gn.extract(data, "name", grok=grok)
    for wrong in (
        object,
        "_status",
        {"type": "object", "properties": {"a": {}, "_error": {}}},
    ):
        with pytest.raises(gn.GrokError, match="schema"):
            gn.extract(["x"], wrong, grok=grok)
    assert requests(sandbox) == []


def test_prompts_files_and_samples(grok, sandbox, tmp_path):
    folder = tmp_path / "mails"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.txt").write_text(f"Name: File{n}. Age: {n}.")
    result = gn.extract(str(folder / "*.txt"), "name, age int", grok=grok)
    assert result.df["name"].tolist() == ["File0", "File1", "File2"]
    assert result.df.index.name == "path"
    frame = pd.DataFrame({"who": ["Ada", "Bo"], "old": [36, 40]})
    prompt = "Name: {{who}}. Age: {{ old }}."
    result = gn.extract(frame, "name, age int", prompt=prompt, grok=grok)
    assert result.df["age"].tolist() == [36, 40]
    window(sandbox, "log", "DELETE")
    part = gn.extract(texts(50), "name, age int", sample=5, grok=grok)
    same = gn.extract(texts(50), "name, age int", sample=5, grok=grok)
    assert len(posts(sandbox)) == 5
    assert part.df.index.tolist() == same.df.index.tolist()
    with pytest.raises(gn.GrokError, match="no status"):
        part.retry(where="fine")


def test_a_key_that_is_echoed_is_not_kept(grok, sandbox, tmp_path):
    gn.extract([f"Name: {sandbox.key}. Age: 3."], "name, age int", grok=grok)
    grok.ledger.rows()
    with contextlib.closing(sqlite3.connect(tmp_path / "grok_nb.sqlite")) as found:
        ((body,),) = found.execute("SELECT body FROM replies")
    kept = zlib.decompress(body).decode()
    assert "[key]" in kept  # it was echoed
    assert sandbox.key not in kept
