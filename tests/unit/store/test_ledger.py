import asyncio
import dataclasses
import datetime
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.reply import Usage
from grok_nb.store.db import Store
from grok_nb.store.ledger import COLUMNS, Ledger

from .books import (
    START,
    book,
    book_all,
    column,
    done,
    in_file,
    names,
    open_ledger,
    record,
    run,
    start,
    states,
)


@pytest.fixture
def ledger():
    store = Store(":memory:")
    yield Ledger(store)
    store.close()


async def test_intent_is_in_doubt_until_it_is_settled(ledger):
    row = record("a")
    await ledger.intend(row)
    assert states(ledger) == {"a": "in_doubt"}
    ledger.settle(done(row))
    assert states(ledger) == {"a": "done"}


async def test_intent_is_in_the_file_when_it_returns(tmp_path):
    store, ledger = open_ledger(tmp_path / "new" / "folder")
    await ledger.intend(record("a"))
    assert in_file(tmp_path / "new" / "folder") == {"a": "in_doubt"}
    store.close()


async def test_rows_have_every_column_of_usage(ledger):
    row = record("r", origin={"source": "magic", "thread": "t", "cell_id": "c"})
    await ledger.intend(row)
    ledger.settle(
        dataclasses.replace(
            row,
            state="failed",
            model="grok-4",
            usage=Usage(37, 8, 3, 297, 233, 2, 5),
            tool_calls=1,
            cost_ticks=46_400_000,
            cost_source="reported",
            latency_s=1.5,
            ttft_s=0.25,
            finish_reason="length",
            http_status=200,
            error="E",
            request_id="q",
            response_id="p",
            system_fingerprint="f",
        )
    )
    (found,) = ledger.rows()
    time = datetime.datetime.fromisoformat(found[0])
    assert time == row.time
    assert dict(list(zip(COLUMNS, found, strict=True))[1:]) == {
        "model": "grok-4",
        "endpoint": "/chat/completions",
        "source": "magic",
        "thread": "t",
        "notebook": None,
        "cell_id": "c",
        "run": "r",
        "state": "failed",
        "cached": 0,
        "prompt_tokens": 37,
        "cached_prompt_tokens": 8,
        "image_tokens": 3,
        "completion_tokens": 297,
        "reasoning_tokens": 233,
        "billed_output_tokens": 530,
        "sources_used": 2,
        "tool_calls": 1,
        "cost_usd": 0.00464,
        "cost_source": "reported",
        "latency_s": 1.5,
        "ttft_s": 0.25,
        "finish_reason": "length",
        "http_status": 200,
        "error": "E",
        "request_id": "q",
        "response_id": "p",
        "system_fingerprint": "f",
    }


async def test_where_keeps_rows_by_value_or_list_of_values(ledger):
    for name, model in (("a", "grok-4"), ("b", "grok-4"), ("c", "grok-3")):
        row = record(name, model=model)
        await ledger.intend(row)
        if name != "b":
            ledger.settle(done(row))
    assert column(ledger, "run", {"model": "grok-4"}) == ["a", "b"]
    assert column(ledger, "run", {"model": "grok-4", "state": "done"}) == ["a"]
    assert column(ledger, "run", {"run": ["c", "a", "x"]}) == ["a", "c"]
    assert column(ledger, "run", {"run": ("b",), "state": {"in_doubt"}}) == ["b"]
    assert column(ledger, "run", {"billed_output_tokens": 530}) == ["a", "c"]
    assert column(ledger, "run", {"run": []}) == []
    assert column(ledger, "run", {"run": "a' OR 1=1 --"}) == []


async def test_settled_row_stays_settled_when_its_intent_was_cancelled(ledger):
    for number in range(50):
        row = record(f"{number}")
        intent = asyncio.ensure_future(ledger.intend(row))
        await asyncio.sleep(0)
        intent.cancel()
        ledger.settle(dataclasses.replace(row, state="stopped"))
        with pytest.raises(asyncio.CancelledError):
            await intent
    assert column(ledger, "state") == ["stopped"] * 50


@given(
    text=st.text(st.characters() | st.sampled_from("\0\ud83d\udc00é🦊'\"%\n")),
    where=st.sampled_from(["error", "model", "request_id", "cell_id", "run", "thread"]),
)
def test_any_text_is_stored(text, where):
    store = Store(":memory:")
    ledger = Ledger(store)
    of_origin = where in ("cell_id", "thread")
    row = record(
        text if where == "run" else "", origin={where: text} if of_origin else {}
    )
    if where not in ("run", "cell_id", "thread"):
        row = dataclasses.replace(row, **{where: text})
    ledger.settle(row)
    kept = text.encode("utf-8", "replace").decode()
    assert column(ledger, where) == [kept]
    assert column(ledger, "state", {where: kept}) == ["in_doubt"]
    store.close()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 3),
            st.sampled_from(["in_doubt", "done", "stopped", "failed"]),
        )
    )
)
def test_last_word_on_each_row_counts_in_the_order_of_time(steps):
    store = Store(":memory:")
    ledger = Ledger(store)
    expected = {}
    for number, second, state in steps:
        time = START + datetime.timedelta(seconds=second)
        name = f"{second}-{number}"
        row = record(name, id=name, time=time, attempt=number)
        ledger.settle(dataclasses.replace(row, state=state))
        expected[second, number] = (name, state)
    assert list(states(ledger).items()) == [expected[key] for key in sorted(expected)]
    store.close()


async def test_a_row_that_cannot_be_stored_takes_no_other_with_it(tmp_path):
    store, ledger = open_ledger(tmp_path)
    rows = [record(f"{number}") for number in range(3)]
    ledger.settle(done(rows[0]))
    ledger.settle(dataclasses.replace(rows[1], http_status=2**70))
    ledger.settle(done(rows[2], cost_ticks=2**70))  # billed by a hostile server
    assert states(ledger) == {"0": "done", "2": "done"}
    assert "refused" in store.trouble()
    assert store.trouble() is None
    await ledger.intend(record("next"))
    assert in_file(tmp_path) == {"0": "done", "2": "done", "next": "in_doubt"}
    store.close()


def test_memory_of_two_stores_is_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stores = [Store(":memory:") for _ in range(2)]
    book_all(Ledger(stores[0]), "a")
    assert states(Ledger(stores[0])) == {"a": "done"}
    assert states(Ledger(stores[1])) == {}
    assert list(tmp_path.iterdir()) == []
    for store in stores:
        store.close()


def test_store_can_be_used_again_after_close(tmp_path):
    store, ledger = open_ledger(tmp_path)
    for name in "abc":
        book_all(ledger, name)
        store.close()
        assert in_file(tmp_path)[name] == "done"
    assert states(ledger) == dict.fromkeys("abc", "done")
    store.close()


def test_error_of_a_read_reaches_who_reads(ledger):
    with pytest.raises(KeyError):
        ledger.rows({"no such column": 1})
    store = Store(":memory:")
    with pytest.raises(ZeroDivisionError):
        store.read(lambda _: 1 / 0)
    assert store.read(lambda _: 1) == 1
    store.close()


def test_rows_of_many_threads_are_all_there(tmp_path):
    store, ledger = open_ledger(tmp_path)
    threads = [
        threading.Thread(target=book_all, args=(ledger, *names(letter, 50)))
        for letter in "abcdefgh"
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.close()  # comes in between, and loses nothing
        ledger.rows()
    for thread in threads:
        thread.join()
    store.close()
    expected = {name for letter in "abcdefgh" for name in names(letter, 50)}
    assert in_file(tmp_path) == dict.fromkeys(expected, "done")
    assert store.trouble() is None


def test_many_calls_at_once_on_one_loop(tmp_path):
    store, ledger = open_ledger(tmp_path)

    async def all_at_once():
        await asyncio.gather(*(book(ledger, *names(n, 20)) for n in range(64)))

    asyncio.run(all_at_once())
    assert set(states(ledger).values()) == {"done"}
    assert len(states(ledger)) == 64 * 20
    store.close()


def test_rows_of_several_processes_are_all_there(tmp_path):
    script = """
    import sys, threading
    store, ledger = books.open_ledger(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    threads = [
        threading.Thread(
            target=books.book_all, args=(ledger, *books.names(sys.argv[2] + letter, 50))
        )
        for letter in "xy"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.trouble() is None
    """
    processes = [start(script, tmp_path, letter) for letter in "abcd"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.wait(60) == 0, process.communicate()[1]
        process.communicate()
    expected = {n for a in "abcd" for b in "xy" for n in names(a + b, 50)}
    assert in_file(tmp_path) == dict.fromkeys(expected, "done")


def test_row_of_a_killed_process_stays_in_doubt(tmp_path):
    script = """
    import asyncio, os, signal, sys
    store, ledger = books.open_ledger(sys.argv[1])
    async def main():
        await books.book(ledger, "before")
        await ledger.intend(books.record("paid?"))
        os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(main())
    """
    run(script, tmp_path, code_expected=-9)
    assert in_file(tmp_path) == {"before": "done", "paid?": "in_doubt"}


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "1 / 0"])
def test_row_is_written_when_the_process_ends_right_after_it(tmp_path, end):
    script = f"""
    import sys
    store, ledger = books.open_ledger(sys.argv[1])
    books.book_all(ledger, *books.names("n", 20))
    {end}
    """
    code = {"pass": 0, "sys.exit(3)": 3, "1 / 0": 1}[end]
    run(script, tmp_path, code_expected=code)
    assert in_file(tmp_path) == dict.fromkeys(names("n", 20), "done")


def test_forked_child_and_parent_both_write(tmp_path):
    script = """
    import os, sys, threading
    store, ledger = books.open_ledger(sys.argv[1])
    books.book_all(ledger, "before")
    child = os.fork()
    books.book_all(ledger, *books.names("parent" if child else "child", 50))
    assert "before" in books.states(ledger)
    if child:
        assert os.waitpid(child, 0)[1] == 0
        assert len(books.states(ledger)) == 101, books.states(ledger)
    assert store.trouble() is None
    """
    run(script, tmp_path)
    everything = ["before", *names("parent", 50), *names("child", 50)]
    assert in_file(tmp_path) == dict.fromkeys(everything, "done")


def test_fork_in_the_midst_of_writing_loses_and_doubles_nothing(tmp_path):
    script = """
    import os, sys, threading
    store, ledger = books.open_ledger(sys.argv[1])
    memory, in_memory = books.open_ledger(":memory:")
    books.book_all(in_memory, "m")
    writer = threading.Thread(
        target=books.book_all, args=(ledger, *books.names("parent", 400))
    )
    writer.start()
    for number in range(20):
        if (child := os.fork()) == 0:
            books.book_all(ledger, f"child-{number}")
            books.book_all(in_memory, "n")
            ok = books.states(in_memory) == {"m": "done", "n": "done"}
            store.close()
            os._exit(0 if ok and store.trouble() is None else 1)
        assert os.waitpid(child, 0)[1] == 0
    writer.join()
    assert books.states(in_memory) == {"m": "done"}
    """
    run(script, tmp_path)
    everything = [*names("parent", 400), *names("child", 20)]
    assert in_file(tmp_path) == dict.fromkeys(everything, "done")
