"""Functions as tools over a socket: on which thread they run, and how they are stopped."""

import asyncio
import contextvars
import signal
import sqlite3
import threading
import time

import pytest

import grok_nb as gn
from grok_nb.errors import GrokError, TimedOut
from tests.support import bills, requests

WHO = contextvars.ContextVar("who", default="nobody")


@pytest.fixture
def grok(sandbox):
    with gn.Grok(
        api_key=sandbox.key, base_url=sandbox.base_url, store=":memory:"
    ) as made:
        yield made


def states(grok):
    return [row[8] for row in grok.ledger.rows()]


@pytest.mark.parametrize("stream", [False, True])
def test_a_function_sees_what_belongs_to_the_thread_that_waits(grok, sandbox, stream):
    rows = sqlite3.connect(":memory:")
    rows.execute("CREATE TABLE cities (name TEXT, people INTEGER)")
    rows.execute("INSERT INTO cities VALUES ('Bern', 140000)")
    seen = []

    def people_of(city: str) -> list:
        """Say how many people live in a city."""
        seen.append((threading.current_thread(), WHO.get()))
        sql = "SELECT people FROM cities WHERE name = ?"
        return rows.execute(sql, [city]).fetchone()

    WHO.set("me")
    if stream:
        with grok.stream("How many people live in Bern?", tools=[people_of]) as events:
            kinds = [event.kind for event in events]
        reply = events.reply
        assert kinds.count("tool_result") == 1
    else:
        reply = grok.ask("How many people live in Bern?", tools=[people_of])
    rows.close()
    assert seen == [(threading.main_thread(), "me")]
    assert [(s.arguments, s.result) for s in reply.steps] == [
        ('{"city": "Bern"}', "[140000]")
    ]
    assert "[140000]" in reply.text
    assert reply.cost_ticks == sum(b["cost_in_usd_ticks"] for b in bills(sandbox))
    assert states(grok) == ["done", "done"]
    assert [r["path"] for r in requests(sandbox)][-2:] == ["/v1/chat/completions"] * 2


def test_another_thread_that_waits_is_not_blocked_by_a_function(grok):
    """There the time limit holds, too."""
    ended, threads = threading.Event(), []

    def rest_in(city: str) -> str:
        """Rest in a city."""
        threads.append(threading.current_thread())
        ended.wait(20)
        return city

    caught = []

    def work() -> None:
        try:
            grok.ask(
                "Rest in Bern", tools=[rest_in], tool_choice="rest_in", timeout_s=1
            )
        except GrokError as error:
            caught.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(20)
    assert not worker.is_alive()
    ended.set()
    (error,) = caught
    assert isinstance(error, TimedOut)
    assert threads[0] not in (worker, threading.main_thread())
    assert threads[0].daemon


@pytest.mark.parametrize("how", ["sleeps", "computes", "catches"])
def test_the_time_limit_interrupts_a_function_of_the_main_thread(grok, how):
    until = time.monotonic() + 60

    def rest_in(city: str) -> str:
        """Rest in a city."""
        if how == "sleeps":
            time.sleep(60)
        while how == "computes" and time.monotonic() < until:
            pass
        try:
            while time.monotonic() < until:
                pass
        except KeyboardInterrupt:
            return city
        return city

    options = {"tools": [rest_in], "tool_choice": "rest_in", "timeout_s": 1}
    with pytest.raises(TimedOut, match=r"ended in rest_in\(\)") as caught:
        grok.ask("Rest in Bern", **options)
    assert caught.value.reply.steps[0].state == "failed"
    assert states(grok) == ["done"]
    # no Interrupt is left behind
    assert grok.ask("What is 6*7?").state == "done"


def test_the_time_limit_spares_other_handlers_of_ctrl_c(grok):
    heard = []

    def rest_in(city: str) -> str:
        """Rest in a city."""
        time.sleep(1.5)
        return city

    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with pytest.raises(TimedOut):
            grok.ask(
                "Rest in Bern", tools=[rest_in], tool_choice="rest_in", timeout_s=0.7
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == []


@pytest.mark.parametrize("stream", [False, True])
def test_an_interrupt_in_a_function_ends_the_question(grok, sandbox, stream):
    def rest_in(city: str) -> str:
        """Rest in a city."""
        signal.raise_signal(signal.SIGINT)
        return city

    options = {"tools": [rest_in], "tool_choice": "rest_in"}
    events = grok.stream("Rest in Bern", **options)
    go = (
        (lambda: list(events))
        if stream
        else (lambda: grok.ask("Rest in Bern", **options))
    )
    with pytest.raises(KeyboardInterrupt):
        go()
    if stream:
        assert events.reply.state == "stopped"
        assert events.reply.steps[0].result == "Error: stopped by the user"
    assert states(grok) == ["done"]
    assert len(bills(sandbox)) == 1


def test_a_function_asks_a_question_itself(grok, sandbox):
    def sum_for(city: str) -> str:
        """Do the sum for a city."""
        return grok.ask("What is 6*7?").text

    async def asum_for(city: str) -> str:
        """Do the sum for a city."""
        return (await grok._core.ask("What is 6*7?", tools=[sum_for])).text

    for function in (sum_for, asum_for):
        name = function.__name__
        reply = grok.ask("Do the sum for Bern", tools=[function], tool_choice=name)
        assert "42" in reply.steps[0].result, reply.steps


def test_a_blocking_question_on_the_loop_is_told_to_the_model(grok):
    async def asum_for(city: str) -> str:
        """Do the sum for a city."""
        return grok.ask("What is 6*7?").text

    options = {"tools": [asum_for], "tool_choice": "asum_for"}
    reply = grok.ask("Do the sum for Bern", **options)
    assert "use gn.AsyncGrok" in reply.steps[0].result


async def test_without_a_thread_that_waits_functions_get_their_own(sandbox):
    threads = []

    def rest_in(city: str) -> str:
        """Rest in a city."""
        threads.append(threading.current_thread())
        return city

    grok = gn.AsyncGrok(
        api_key=sandbox.key, base_url=sandbox.base_url, store=":memory:"
    )
    async with grok:
        reply = await grok.ask("Rest in Bern", tools=[rest_in], tool_choice="rest_in")
    assert reply.steps[0].result == "Bern"
    assert threads[0] is not threading.main_thread()


def test_a_thread_remembers_what_functions_said(grok, sandbox, tmp_path):
    def people_of(city: str) -> int:
        """Say how many people live in a city."""
        return 140_000

    thread = gn.Thread("cities", grok=grok)
    thread.ask("How many people live in Bern?", tools=[people_of])
    thread.ask("And now?")
    messages = requests(sandbox)[-1]["body"]["messages"]
    assert [m["role"] for m in messages] == [
        *("user", "assistant", "tool", "assistant", "user")
    ]
    assert messages[1]["tool_calls"][0]["function"]["name"] == "people_of"
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"]
    assert messages[2]["content"] == "140000"
    thread.save(tmp_path / "cities.json")
    again = gn.Thread.load(tmp_path / "cities.json", "again", grok=grok)
    assert again.messages == thread.messages


def test_a_thread_keeps_the_functions_of_a_question_that_was_stopped(grok, sandbox):
    def people_of(city: str) -> int:
        """Say how many people live in a city."""
        return 140_000

    def rest_in(city: str) -> str:
        """Rest in a city."""
        signal.raise_signal(signal.SIGINT)
        return city

    thread = gn.Thread("stopped", grok=grok)
    options = {"tools": [people_of, rest_in]}
    with pytest.raises(KeyboardInterrupt):
        thread.ask("How many people live in Bern? people_of and rest_in", **options)
    (turn,) = thread.turns
    assert turn.state == "stopped"
    assert [(s.name, s.state) for s in turn.reply.steps] == [
        ("people_of", "done"),
        ("rest_in", "failed"),
    ]
    assert thread.messages[-1]["content"] == "Error: stopped by the user"


def test_nothing_is_left_on_the_loop(grok):
    async def meet(city: str) -> str:
        """Meet in a city."""
        await asyncio.sleep(0)
        return city

    grok.ask("Meet in Bern", tools=[meet], tool_choice="meet")
    from grok_nb.portal import portal

    async def others() -> int:
        return len(asyncio.all_tasks()) - 1

    assert portal().call(others) == 0
