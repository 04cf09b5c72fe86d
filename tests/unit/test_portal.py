import asyncio
import contextvars
import subprocess
import sys
import textwrap
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from grok_nb.portal import portal

OURS = portal.__code__.co_filename


async def forever(ended):
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)  # clean-up takes a turn of the loop
        ended.set()


async def count(upto, ended=None):
    try:
        for number in range(upto):
            yield number
            await asyncio.sleep(0)
    finally:
        await asyncio.sleep(0)
        if ended is not None:
            ended.set()


def run(code, *, quiet=True):
    """Run a script in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (quiet and done.stderr)
    return done.stdout.split()


PRELUDE = """
import _thread, asyncio, os, signal, sys, threading
from grok_nb.portal import portal

def say(*words):
    print(*words, flush=True)

async def interrupted(times=1):
    # Ctrl-C while the caller waits; the clean-up takes several turns
    try:
        _thread.interrupt_main()
        await asyncio.Event().wait()
    finally:
        for _ in range(times - 1):
            _thread.interrupt_main()
            await asyncio.sleep(0.02)
        say("cleaned")
"""


def test_call_returns_the_result():
    async def double(number):
        await asyncio.sleep(0)
        return 2 * number

    assert portal().call(lambda: double(21)) == 42


def test_call_raises_the_tasks_own_exception_with_its_frames():
    class Peculiar(Exception):
        pass

    async def fail():
        await asyncio.sleep(0)
        raise Peculiar("here")

    with pytest.raises(Peculiar, match="here") as caught:
        portal().call(fail)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    frames = list(traceback.walk_tb(caught.value.__traceback__))
    assert frames[-1][0].f_code is fail.__code__
    ours = [f for f, _ in frames if f.f_code.co_filename == OURS]
    assert ours
    assert all(frame.f_locals.get("__tracebackhide__") for frame in ours)


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError, GeneratorExit])
def test_exceptions_that_end_tasks_reach_the_caller_and_not_the_loop(kind):
    async def fail():
        raise kind

    with pytest.raises(kind):
        portal().call(fail)
    assert portal().call(lambda: asyncio.sleep(0, "alive")) == "alive"


def test_make_itself_may_raise():
    with pytest.raises(ZeroDivisionError):
        portal().call(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(portal().iterate(lambda: 1 / 0))


def test_calls_of_twenty_threads_at_once_are_not_mixed_up():
    async def echo(number):
        for _ in range(number % 5):
            await asyncio.sleep(0)
        return number

    def thread(start):
        calls = [portal().call(lambda n=n: echo(n)) for n in range(start, start + 50)]
        items = list(portal().iterate(lambda: count(start)))
        return calls == list(range(start, start + 50)) and items == list(range(start))

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(thread, range(20)))
    assert sum(t.name == "grok_nb-loop" for t in threading.enumerate()) == 1


def test_call_runs_in_the_callers_context():
    name = contextvars.ContextVar("name", default="nobody")

    async def look():
        found = name.get()
        name.set("changed on the loop")
        return found

    async def looks():
        yield name.get()

    def as_somebody(who):
        name.set(who)
        seen = portal().call(look), *portal().iterate(looks)
        return (*seen, name.get())

    for who in ("a", "b"):
        context = contextvars.copy_context()
        assert context.run(as_somebody, who) == (who, who, who)
    assert name.get() == "nobody"


def test_call_from_the_loops_own_thread_is_refused():
    async def nested():
        return portal().call(lambda: asyncio.sleep(0))

    async def nested_iteration():
        return list(portal().iterate(lambda: count(3)))

    for nest in (nested, nested_iteration):
        with pytest.raises(RuntimeError, match="own loop"):
            portal().call(nest)


# -- iterate ----------------------------------------------------------------------


def test_iterate_yields_the_items_in_order():
    assert list(portal().iterate(lambda: count(1000))) == list(range(1000))
    assert list(portal().iterate(lambda: count(0))) == []


def test_iterate_raises_after_the_items():
    async def two_and_fail():
        yield 1
        yield 2
        raise LookupError("after two")

    items = portal().iterate(two_and_fail)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(LookupError, match="after two") as caught:
        next(items)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [f for f in frames if f.f_code.co_filename == OURS]
    assert all(frame.f_locals.get("__tracebackhide__") for frame in ours)


def test_an_error_after_items_holds_none_of_them_in_its_frames():
    async def tell_and_fail():
        yield "xai-told"  # a server may echo a key
        raise LookupError("after it")

    items = portal().iterate(tell_and_fail)
    assert next(items) == "xai-told"
    with pytest.raises(LookupError) as caught:
        next(items)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [f for f in frames if f.f_code.co_filename == OURS]
    assert len(ours) > 2  # also those of the loop's thread
    assert "xai-told" not in repr([frame.f_locals for frame in ours])


def test_iterate_that_is_left_early_cancels_and_waits_for_the_clean_up():
    ended = threading.Event()

    async def one_and_wait():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ended.set()

    items = portal().iterate(one_and_wait)
    assert next(items) == 1
    items.close()
    assert ended.is_set()


def test_iterate_that_nobody_begins_starts_nothing():
    begun = []

    async def begin():
        begun.append(1)
        yield 1

    portal().iterate(begin).close()
    portal().call(lambda: asyncio.sleep(0))
    assert begun == []


def test_exception_of_the_consumer_ends_the_iteration():
    ended = threading.Event()

    def consume():
        items = portal().iterate(lambda: count(10**9, ended))
        try:
            for item in items:
                if item == 10:
                    raise LookupError
        finally:
            items.close()

    with pytest.raises(LookupError):
        consume()
    assert ended.is_set()


def test_on_idle_is_called_by_the_waiting_thread_while_nothing_comes():
    callers = []
    waiting = portal()
    go_on = asyncio.Event()

    async def slow():
        yield "first"
        await go_on.wait()
        yield "second"

    def on_idle():
        callers.append(threading.current_thread())
        if len(callers) == 2:
            waiting.post(go_on.set)

    assert list(waiting.iterate(slow, on_idle)) == ["first", "second"]
    assert set(callers) == {threading.current_thread()}


def test_exception_of_on_idle_cancels_the_task():
    ended = threading.Event()

    async def silent():
        await forever(ended)
        yield

    def on_idle():
        raise LookupError

    with pytest.raises(LookupError):
        next(portal().iterate(silent, on_idle))
    assert ended.is_set()


# -- jobs -------------------------------------------------------------------------


def test_job_hands_up_items_and_its_end():
    async def work(put):
        put("a")
        put("b")
        return "c"

    job = portal().submit(work)
    assert [job.next(), job.next()] == ["a", "b"]
    end = job.next()
    assert (end.error, end.result) == (None, "c")
    job.close()


def test_cancelled_job_ends_once():
    ended = threading.Event()
    job = portal().submit(lambda _: forever(ended))
    for _ in range(5):  # more than once must not break into the clean-up
        job.cancel()
    assert isinstance(job.next().error, asyncio.CancelledError)
    assert ended.is_set()


def test_job_that_does_not_end_is_left_after_a_while():
    stubborn = asyncio.Event()

    async def ignore_cancel(_):
        while not stubborn.is_set():
            try:
                await stubborn.wait()
            except asyncio.CancelledError:
                continue
        return "ended"

    job = portal().submit(ignore_cancel)
    job.close()
    portal().post(stubborn.set)
    assert job.next().result == "ended"


# -- interrupt, fork, exit: in processes of their own -----------------------------


def test_interrupt_during_a_call_cancels_the_task_and_waits_for_its_clean_up():
    said = run("""
    try:
        portal().call(interrupted)
    except KeyboardInterrupt as stop:
        say("stopped", stop.__context__)
    say(portal().call(lambda: asyncio.sleep(0, "alive")))
    """)
    assert said == ["cleaned", "stopped", "None", "alive"]


def test_interrupt_by_a_signal_during_iterate():
    said = run("""
    shown = asyncio.Event()
    async def items():
        try:
            yield "item"
            await shown.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            say("cleaned")
    try:
        for item in portal().iterate(items):
            say(item)
            portal().post(shown.set)
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert said == ["item", "cleaned", "stopped"]


def test_second_interrupt_does_not_cut_the_clean_up_short():
    said = run("""
    try:
        portal().call(lambda: interrupted(times=4))
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert said == ["cleaned", "stopped"]


def test_interrupt_while_an_iteration_is_left_early_is_not_lost():
    said = run("""
    async def items():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            _thread.interrupt_main()
            await asyncio.sleep(0.05)
            say("cleaned")
    iterator = portal().iterate(items)
    next(iterator)
    try:
        iterator.close()
        say("not", "reached")
    except KeyboardInterrupt:
        say("stopped")
    """)
    assert said == ["cleaned", "stopped"]


def test_forked_child_gets_a_loop_of_its_own():
    said = run(
        """
    async def where():
        return os.getpid(), threading.current_thread().name

    waiting = threading.Event()
    async def wait(put):
        waiting.set()
        await asyncio.sleep(0.2)
        return "whole"

    parent = portal()
    assert parent.call(where) == (os.getpid(), "grok_nb-loop")
    job = parent.submit(wait)
    waiting.wait()
    if (child := os.fork()) == 0:
        assert portal() is not parent
        assert portal().call(where) == (os.getpid(), "grok_nb-loop")
        assert list(portal().iterate(lambda: aiter_of("ab"))) == ["a", "b"]
        sys.exit()
    """.replace(
            "    async def where",
            "    async def aiter_of(items):\n"
            "        for item in items:\n            yield item\n\n    async def where",
            1,
        )
        + """
    assert os.waitpid(child, 0)[1] == 0
    assert job.next().result == "whole"
    assert parent.call(where) == (os.getpid(), "grok_nb-loop")
    say("both")
    """
    )
    assert said == ["both"]


@pytest.mark.parametrize("end", ["", "sys.exit()", "del portal"])
def test_exit_while_a_task_runs_cleans_up(end):
    said = run(f"""
    running = threading.Event()
    async def work(put):
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            say("cleaned")
    job = portal().submit(work)
    running.wait()
    {end}
    """)
    assert said == ["cleaned"]


def test_exit_does_not_wait_for_a_task_that_will_not_end():
    said = run(
        """
    running = threading.Event()
    async def work(put):
        running.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                say("no")
    job = portal().submit(work)
    running.wait()
    """,
        quiet=False,
    )
    assert said == ["no"]


def test_what_a_task_writes_down_at_exit_is_in_the_ledger(tmp_path):
    """The stores are closed after the loop, whatever was imported first."""
    run(f"""
    import httpx
    from grok_nb.session import Grok

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b'data: {{"choices": [{{"delta": {{"content": "Hi"}}}}]}}' + 2 * b"\\n"
            await asyncio.Event().wait()

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            return httpx.Response(200, stream=Body())

    grok = Grok(
        api_key="xai-0", base_url="http://grok.invalid/v1", model="grok-4.7",
        store={str(tmp_path)!r}, transport=Transport(),
    )
    events = iter(grok.stream("Hello"))
    assert next(events).delta == "Hi"
    """)
    import sqlite3

    connection = sqlite3.connect(tmp_path / "grok_nb.sqlite")
    states = connection.execute("SELECT state FROM calls").fetchall()
    connection.close()
    assert states == [("stopped",)]
