"""Batches and the account through the client, over a real socket: the money agrees."""

import datetime
import threading

import pandas as pd
import pytest

import grok_nb as gn
from grok_nb import default
from grok_nb._sandbox.server import Sandbox
from grok_nb.api.bounds import Bound
from grok_nb.limits import Limit
from tests.sandbox.reconcile import rows_in
from tests.sandbox.test_deferring import elsewhere
from tests.support import bills, break_it, eventually, requests, window

QUESTION = {"messages": [{"role": "user", "content": "What is 6*7?"}]}


def session(sandbox, folder, clock=None, **options):
    return gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        management_key=sandbox.management_key,
        management_base_url=sandbox.management_base_url,
        store=folder,
        model="grok-4.3",
        clock=clock,
        **options,
    )


@pytest.fixture
def grok(sandbox, tmp_path, quick_clock):
    with session(sandbox, tmp_path, quick_clock) as made:
        yield made


def finished(grok, batch_id):
    return eventually(
        lambda: found if (found := grok.batch_get(batch_id)).is_done else None, 20
    )


def billed(sandbox):
    return sum(call["cost_in_usd_ticks"] for call in bills(sandbox) if call["billed"])


def booked(folder):
    return sum(row["cost_ticks"] or 0 for row in rows_in(folder))


def three_books(grok, sandbox, folder):
    """Return what the ledger, the account and the sandbox's own window sum up to."""
    grok.ledger.rows()  # all are written
    return booked(folder), grok.account_usage().ticks, billed(sandbox)


def test_a_batch_from_end_to_end_and_three_books_agree(grok, sandbox, tmp_path):
    batch = grok.batch_create("sums")
    grok.batch_add(batch.batch_id, {f"q{n}": QUESTION for n in range(5)})
    grok.batch_add(
        batch.batch_id,
        [
            {
                "batch_request_id": "r",
                "batch_request": {"responses": {"input": "What is 2*4?"}},
            }
        ],
    )
    done = finished(grok, batch.batch_id)
    assert (done.num_requests, done.num_success) == (6, 6)
    results = {
        r.batch_request_id: r for r in grok.batch_results_all(batch.batch_id, limit=2)
    }
    assert len(results) == 6
    assert "42" in results["q0"].reply.text
    assert "8" in results["r"].reply.text
    assert results["r"].reply.sandbox
    grok.ask("What is 6*7?")  # at the whole price
    books = three_books(grok, sandbox, tmp_path)
    assert books[0] > 0
    assert len(set(books)) == 1
    assert done.cost_usd == pytest.approx(
        sum(r.reply.cost_usd for r in results.values())
    )
    rows = rows_in(tmp_path)
    assert {row["state"] for row in rows} == {"done"}
    # the comparison notices a row that is lost
    assert sum(row["cost_ticks"] for row in rows[1:]) != books[2]
    # and what is read again is booked no second time
    list(grok.batch_results_all(batch.batch_id))
    assert three_books(grok, sandbox, tmp_path) == books


def test_a_batch_of_which_half_has_failed(grok, sandbox, tmp_path):
    # what a model refuses only the server knows here
    bad = {**QUESTION, "model": "grok-nope"}
    batch = grok.batch_create("half")
    requests_ = {f"good{n}": QUESTION for n in range(3)}
    requests_ |= {f"bad{n}": bad for n in range(3)}
    grok.batch_add(batch.batch_id, requests_)
    done = finished(grok, batch.batch_id)
    assert (done.num_success, done.num_error) == (3, 3)
    results = list(grok.batch_results_all(batch.batch_id))
    failed = {r.batch_request_id for r in results if r.error is not None}
    assert failed == {"bad0", "bad1", "bad2"}
    assert all(str(r.error) for r in results if r.error is not None)
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1
    states = sorted(row["state"] for row in rows_in(tmp_path))
    assert states == ["done"] * 3 + ["failed"] * 3


@pytest.mark.parametrize(("fault", "count"), [("reset-after-billing", 1), ("reset", 2)])
def test_an_answer_that_is_lost_adds_nothing_twice(
    grok, sandbox, tmp_path, fault, count
):
    batch = grok.batch_create("lost")
    path = f"/v1/batches/{batch.batch_id}/requests"
    break_it(sandbox, {"match": f"POST {path}", "nth": 1, "do": fault})
    grok.batch_add(batch.batch_id, {"a": QUESTION, "b": QUESTION})
    posts = [r for r in requests(sandbox) if (r["method"], r["path"]) == ("POST", path)]
    assert len(posts) == count
    assert finished(grok, batch.batch_id).num_requests == 2
    list(grok.batch_results_all(batch.batch_id))
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1
    assert [row["state"] for row in rows_in(tmp_path)] == ["done", "done"]


def test_adding_what_is_there_is_refused_and_costs_nothing(grok, sandbox, tmp_path):
    batch = grok.batch_create("twice")
    grok.batch_add(batch.batch_id, {"a": QUESTION})
    with pytest.raises(gn.errors.ApiError) as caught:
        grok.batch_add(batch.batch_id, {"a": QUESTION})
    assert 400 <= caught.value.status < 500
    finished(grok, batch.batch_id)
    list(grok.batch_results_all(batch.batch_id))
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1
    assert [row["state"] for row in rows_in(tmp_path)] == ["done"]


def test_a_batch_that_was_cancelled_closes_its_rows(tmp_path, quick_clock):
    with (
        Sandbox(latency_ms=300) as sandbox,
        session(sandbox, tmp_path, quick_clock) as grok,
    ):
        batch = grok.batch_create("stop")
        grok.batch_add(batch.batch_id, {f"q{n}": QUESTION for n in range(40)})
        cancelled = grok.batch_cancel(batch.batch_id)
        assert cancelled.cancel_time or cancelled.num_cancelled
        done = finished(grok, batch.batch_id)
        assert done.num_cancelled > 0
        list(grok.batch_results_all(batch.batch_id))
        books = three_books(grok, sandbox, tmp_path)
        assert len(set(books)) == 1
        states = [row["state"] for row in rows_in(tmp_path)]
        assert states.count("stopped") == done.num_cancelled
        assert states.count("done") == done.num_success
        assert "in_doubt" not in states
        with pytest.raises(gn.errors.ApiError):  # nothing is added to it
            grok.batch_add(batch.batch_id, {"late": QUESTION})


def test_a_batch_that_has_expired_keeps_what_was_read(grok, sandbox, tmp_path):
    def pass_time(seconds):
        window(sandbox, "clock", "POST", {"advance_s": seconds})

    batch = grok.batch_create("old")
    grok.batch_add(batch.batch_id, {"a": QUESTION})
    finished(grok, batch.batch_id)
    (read,) = grok.batch_results(batch.batch_id)
    assert read.reply is not None
    pass_time(31 * 86_400)
    with pytest.raises(gn.errors.NotFound) as caught:
        grok.batch_results(batch.batch_id)
    assert "30 days" in caught.value.hint
    with pytest.raises(gn.errors.BadRequest, match="expired"):
        grok.batch_add(batch.batch_id, {"late": QUESTION})
    grok.ledger.rows()
    assert booked(tmp_path) == billed(sandbox)
    states = sorted(row["state"] for row in rows_in(tmp_path))
    assert states == ["done", "failed"]


READ = """
    ids = [r.batch_request_id for r in grok.batch_results_all("{batch_id}", limit=3)]
    say(ids=ids, cost=float(gn.usage()["cost_usd"].sum()))
"""


def test_two_processes_read_the_same_results_and_book_them_once(
    grok, sandbox, tmp_path
):
    batch = grok.batch_create("both")
    grok.batch_add(batch.batch_id, {f"q{n}": QUESTION for n in range(8)})
    finished(grok, batch.batch_id)
    found = grok.batch_results(batch.batch_id, limit=4)  # one has begun
    assert len(found) == 4
    code, (said,) = elsewhere(sandbox, tmp_path, READ.format(batch_id=batch.batch_id))
    assert code == 0
    assert len(set(said["ids"])) == 8
    list(grok.batch_results_all(batch.batch_id))
    books = three_books(grok, sandbox, tmp_path)
    assert len(set(books)) == 1
    assert said["cost"] == pytest.approx(books[2] / 1e10, abs=1e-12)


def test_a_kernel_that_was_killed_after_adding_loses_nothing(grok, sandbox, tmp_path):
    code, (said,) = elsewhere(
        sandbox,
        tmp_path,
        """
    batch = grok.batch_create("killed")
    question = {"messages": [{"role": "user", "content": "What is 6*7?"}]}
    grok.batch_add(batch.batch_id, {"a": question, "b": question})
    say(id=batch.batch_id)
    os._exit(9)  # nothing is tidied up
    """,
    )
    assert code == 9
    assert [row["state"] for row in rows_in(tmp_path)] == ["in_doubt"] * 2
    finished(grok, said["id"])
    list(grok.batch_results_all(said["id"]))
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1
    assert [row["state"] for row in rows_in(tmp_path)] == ["done"] * 2


def test_a_kernel_that_was_killed_while_it_added_goes_on(grok, sandbox, tmp_path):
    batch = grok.batch_create("torn")
    path = f"POST /v1/batches/{batch.batch_id}/requests"
    break_it(sandbox, {"match": path, "nth": 1, "do": "reset-after-billing"})
    code, _ = elsewhere(
        sandbox,
        tmp_path,
        f"""
    from grok_nb.errors import InDoubt
    question = {{"messages": [{{"role": "user", "content": "What is 6*7?"}}]}}
    held = gn.Grok(store=os.environ["GROK_NB_STORE"], model="grok-4.3", on_doubt="hold")
    try:
        held.batch_add("{batch.batch_id}", {{"a": question}})
    except InDoubt:
        held.ledger.rows()
        os._exit(9)
    """,
    )
    assert code == 9
    break_it(sandbox)
    grok.batch_add(batch.batch_id, {"a": QUESTION, "b": QUESTION})
    done = finished(grok, batch.batch_id)
    assert done.num_requests == 2
    list(grok.batch_results_all(batch.batch_id))
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1
    assert sum(row["state"] == "done" for row in rows_in(tmp_path)) == 2


def test_a_batch_of_a_file_is_booked_with_its_results(grok, sandbox, tmp_path):
    import json

    lines = [
        {
            "custom_id": f"q{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {**QUESTION, "model": "grok-4.3"},
        }
        for n in range(3)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    uploaded = grok.file_upload(content, filename="q.jsonl")
    batch = grok.batch_create("file", uploaded.id)
    finished(grok, batch.batch_id)
    assert len(list(grok.batch_results_all(batch.batch_id))) == 3
    assert len(set(three_books(grok, sandbox, tmp_path))) == 1


def test_requests_of_another_store_are_read_and_not_booked(grok, sandbox, tmp_path):
    batch = grok.batch_create("theirs")
    grok.batch_add(batch.batch_id, {"a": QUESTION})
    finished(grok, batch.batch_id)
    with session(sandbox, tmp_path / "other") as other:
        (result,) = other.batch_results(batch.batch_id)
        assert "42" in result.reply.text
        other.ledger.rows()
        assert rows_in(tmp_path / "other") == []


def test_wrong_tokens_and_batches_are_refused(grok):
    batch = grok.batch_create("n")
    for call in (
        lambda: grok.batch_list(pagination_token="no such token"),
        lambda: grok.batch_results(batch.batch_id, pagination_token="no such token"),
        lambda: grok.batch_requests(batch.batch_id, pagination_token="no such token"),
    ):
        with pytest.raises(gn.errors.BadRequest):
            call()
    with pytest.raises(gn.errors.NotFound):
        grok.batch_get("batch_nowhere")
    assert batch.batch_id in [b.batch_id for b in grok.batch_list().batches]


# -- the account -----------------------------------------------------------------------


def test_the_account_is_what_was_billed_by_description_and_day(grok, sandbox, tmp_path):
    grok.ask("What is 6*7?")
    grok.ask("What is 6*7?", model="grok-4.7")
    usage = grok.account_usage()
    assert three_books(grok, sandbox, tmp_path)[0] == usage.ticks == billed(sandbox)
    frame = usage.df
    assert len(frame["description"].unique()) >= 2
    today = pd.Timestamp(datetime.datetime.now(datetime.UTC).date(), tz="UTC")
    spent = frame[frame["usd"] > 0]
    assert (spent["time"].isin([today, today - pd.Timedelta(days=1)])).all()
    whole = grok.account_usage(by=None, unit="none")
    assert whole.ticks == usage.ticks
    assert len(whole.df) == 1
    for unit in ("month", "week", "hour"):
        assert grok.account_usage(unit=unit).ticks == usage.ticks
    balance = grok.prepaid_balance()
    assert balance.balance_cents is not None
    assert set(balance.df.columns) == {"time", "origin", "status", "amount_usd"}


def test_the_keys_do_not_open_the_other_host(grok, sandbox, tmp_path):
    with (
        gn.Grok(
            api_key=sandbox.key,
            base_url=sandbox.base_url,
            management_key=sandbox.key,
            management_base_url=sandbox.management_base_url,
            store=":memory:",
        ) as wrong,
        pytest.raises(gn.errors.ApiError, match="management key"),
    ):
        wrong.prepaid_balance()
    with pytest.raises(gn.errors.ApiError):
        grok.account_usage(team_id="no-such-team")


def test_the_default_session_finds_the_account_of_its_sandbox(tmp_path):
    with gn.sandbox(store=tmp_path) as box:
        gn.ask("What is 6*7?")
        assert gn.Grok().account_usage().ticks > 0
        assert default.session().prepaid_balance().balance_usd is not None
        assert default.settings().management_base_url == box.management_base_url
        assert box.management_key not in repr(default.settings()) + repr(box)
    assert default.settings().management_key is None


@pytest.fixture
def budget():
    """Set one; whatever is set ends with the test."""
    yield gn.budget
    for per in ("session", "day"):
        gn.budget("off", per=per)


PLAIN = "grok-4.20-non-reasoning"
SHORT = {**QUESTION, "model": PLAIN, "max_tokens": 1_000}  # at most some 0.26 cents


def spent(grok, per="day"):
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return grok.ledger.spent(Limit(0, per), today) / 1e10


def added(sandbox):
    return [r for r in requests(sandbox) if r["path"].endswith("/requests")]


@pytest.mark.parametrize("per", ["session", "day"])
def test_a_batch_that_could_go_over_a_budget_is_not_added(
    grok, sandbox, tmp_path, budget, per
):
    budget(0.01, per=per)
    batch = grok.batch_create("sums")
    with pytest.raises(gn.errors.BudgetExceeded) as caught:
        grok.batch_add(batch.batch_id, {f"q{n}": SHORT for n in range(20)})
    assert caught.value.would_cost_usd > 0.04
    assert caught.value.per == per
    assert added(sandbox) == []
    grok.ledger.rows()
    assert rows_in(tmp_path) == []
    grok.batch_add(batch.batch_id, {f"q{n}": SHORT for n in range(3)})
    reserved = spent(grok, per)
    assert 0.007 < reserved < 0.01
    with pytest.raises(gn.errors.BudgetExceeded):
        grok.batch_add(batch.batch_id, {"more": SHORT, "and": SHORT})
    assert len(added(sandbox)) == 1
    finished(grok, batch.batch_id)
    assert len(list(grok.batch_results_all(batch.batch_id))) == 3
    assert spent(grok, per) * 1e10 == pytest.approx(billed(sandbox))
    assert spent(grok, per) < reserved / 2
    grok.batch_add(batch.batch_id, {"more": SHORT, "and": SHORT})


def test_batches_of_many_threads_keep_one_budget(sandbox, tmp_path, budget):
    budget(0.06, per="day")
    outcomes = []

    def add(number):
        with session(sandbox, tmp_path) as grok:
            batch = grok.batch_create("sums").batch_id
            try:
                grok.batch_add(batch, {f"q{n}": SHORT for n in range(5)})
                outcomes.append(batch)
            except gn.errors.BudgetExceeded:
                outcomes.append(None)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) >= 5
    kept = [batch for batch in outcomes if batch]
    assert len(kept) >= 2
    assert len(added(sandbox)) == len(kept)
    rows = rows_in(tmp_path)
    reserved = sum(r["reserved_ticks"] for r in rows if r["state"] == "in_doubt")
    assert 0 < reserved <= 0.06e10
    # what another thread got into was taken back, and costs nothing
    refused = [r for r in rows if r["state"] == "failed"]
    assert all(r["cost_ticks"] == 0 for r in refused)
    assert len(rows) - len(refused) == 5 * len(kept)
    with session(sandbox, tmp_path) as grok:
        assert spent(grok) == pytest.approx(reserved / 1e10)


def test_a_file_of_requests_is_refused_under_a_budget(grok, sandbox, budget):
    budget(5)
    with pytest.raises(gn.errors.BudgetExceeded, match="costs is not known"):
        grok.batch_create("sums", input_file_id="file-1")
    assert requests(sandbox) == []


def test_what_a_batch_goes_over_a_budget_is_said(grok, budget, monkeypatch):
    async def little(*_):
        return Bound(1, is_bounded=False)

    monkeypatch.setattr(grok._core.exchange, "bound", little)
    budget(0.00001)
    batch = grok.batch_create("sums").batch_id
    grok.batch_add(batch, {f"q{n}": QUESTION for n in range(3)})
    finished(grok, batch)
    with pytest.warns(RuntimeWarning, match="the batch went over the budget of"):
        grok.batch_results(batch)
