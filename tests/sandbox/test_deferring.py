"""Deferred completions over a real socket: restarts, kills, and what breaks off."""

import json
import os
import subprocess
import sys

import pytest

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from grok_nb.api.question import question
from tests.sandbox.reconcile import rows_in
from tests.support import ROOT, bills, break_it, requests

RESULTS = "/v1/chat/deferred-completion"


def session(sandbox, folder, clock=None, **options):
    return gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=folder,
        model="grok-4.7",
        clock=clock,
        **options,
    )


@pytest.fixture
def grok(sandbox, tmp_path, quick_clock):
    with session(sandbox, tmp_path, quick_clock) as made:
        yield made


def deliveries(sandbox):
    return [r for r in requests(sandbox) if r["path"].startswith(RESULTS)]


def elsewhere(sandbox, folder, code):
    """Run a script in a new process on the same store; return its exit code and JSON."""
    script = """if True:
    import json, os, sys
    import grok_nb as gn
    grok = gn.Grok(store=os.environ["GROK_NB_STORE"], model="grok-4.7")
    def say(**what): print(json.dumps(what), flush=True)
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XAI_API_KEY": sandbox.key,
        "XAI_BASE_URL": sandbox.base_url,
        "GROK_NB_STORE": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", script + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_result_is_read_once_and_agrees_with_the_bill(grok, sandbox, tmp_path):
    handle = grok.defer("What is 6*7?")
    reply = handle.result()
    assert "42" in reply.text
    assert reply.sandbox
    found = grok.deferred_result(handle.request_id)
    assert found.choices[0].message.content == reply.text
    count = len(deliveries(sandbox))
    assert handle.result().text == reply.text
    assert len(deliveries(sandbox)) == count
    (row,) = rows_in(tmp_path)
    (bill,) = bills(sandbox)
    assert row["request_id"] == bill["request_id"]
    assert row["response_id"] == bill["response_id"]
    assert (row["cost_ticks"], row["cost_source"]) == (
        bill["cost_in_usd_ticks"],
        "reported",
    )
    assert row["completion_tokens"] == bill["usage"]["completion_tokens"]


def test_it_survives_a_kernel_restart_and_is_fetched_once(sandbox, tmp_path):
    code, said = elsewhere(
        sandbox,
        tmp_path,
        """
    handle = grok.defer("What is 6*7?")
    say(id=handle.request_id)
    os._exit(9)  # as a killed kernel: nothing is tidied up
    """,
    )
    assert code == 9
    request_id = said[0]["id"]
    # what a user does next, in a new kernel
    again = """
    table = gn.deferred()
    row = table.iloc[-1]
    before = (row["state"], bool(row["stored"]))
    found = grok.deferred_result(row["request_id"], wait_s=30)
    after = gn.deferred().iloc[-1]
    usage = gn.usage()
    say(
        id=row["request_id"], before=before, after=(after["state"], bool(after["stored"])),
        text=found.choices[0].message.content,
        states=usage["state"].tolist(), costs=usage["cost_source"].tolist(),
    )
    """
    code, (first,) = elsewhere(sandbox, tmp_path, again)
    assert code == 0
    assert first["id"] == request_id
    assert (first["before"], first["after"]) == (["pending", False], ["done", True])
    assert "42" in first["text"]
    assert (first["states"], first["costs"]) == (["done"], ["reported"])
    count = len(deliveries(sandbox))
    code, (second,) = elsewhere(sandbox, tmp_path, again)  # and after another one
    assert second["text"] == first["text"]
    assert second["before"] == ["done", True]
    assert len(deliveries(sandbox)) == count
    (bill,) = bills(sandbox)
    (row,) = rows_in(tmp_path)
    assert row["cost_ticks"] == bill["cost_in_usd_ticks"]


#: A transport that ends the process when the whole result has come, and nothing was done
#: with it; or, by a clock, as soon as it has been stored.
KILLER = """
    import asyncio, httpx
    from grok_nb.clock import SystemClock
    arrived = []

    class Body(httpx.AsyncByteStream):
        def __init__(self, inner): self.inner = inner
        async def __aiter__(self):
            async for piece in self.inner:
                yield piece
            arrived.append(True)
            if WHEN == "before":
                os._exit(9)
        async def aclose(self): await self.inner.aclose()

    class Wire(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            answer = await super().handle_async_request(request)
            if "deferred-completion" in request.url.path and answer.status_code == 200:
                answer.stream = Body(answer.stream)
            return answer

    wire = gn.Grok(store=os.environ["GROK_NB_STORE"], transport=Wire())
    request_id = gn.deferred().iloc[-1]["request_id"]
    if WHEN == "after":
        desk = wire._core.desk
        async def look():
            while await desk._look(request_id) is None:
                await asyncio.sleep(0.01)
            os._exit(9)
        wire._call(look)
    wire.deferred_result(request_id, wait_s=30)
    say(survived=True)
    """


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_between_receiving_and_reading(sandbox, tmp_path, when):
    with session(sandbox, tmp_path) as grok:
        request_id = grok.defer("What is 6*7?").request_id
    code, said = elsewhere(sandbox, tmp_path, f"\n    WHEN = {when!r}\n{KILLER}")
    assert (code, said) == (9, [])
    with session(sandbox, tmp_path) as grok:
        if when == "after":  # it was stored before anything else was done with it
            count = len(deliveries(sandbox))
            found = grok.deferred_result(request_id)
            assert "42" in found.choices[0].message.content
            assert len(deliveries(sandbox)) == count
            state, source = "done", "reported"
        else:  # nobody has it; that is said, and nothing is claimed
            with pytest.raises(gn.errors.NotFound, match="read already") as caught:
                grok.deferred_result(request_id)
            assert "It was asked at" in str(caught.value)
            state, source = "in_doubt", "none"
        grok.ledger.rows()
        (row,) = rows_in(tmp_path)
        assert (row["state"], row["cost_source"]) == (state, source)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("503", "done"),
        ("500", "done"),
        ("reset", "done"),
        ("reset-after-billing", "in_doubt"),  # the sandbox counts it as read
        ("500-after-billing", "in_doubt"),
    ],
)
def test_a_delivery_that_breaks_off_is_lost_or_not_and_says_so(
    grok, sandbox, tmp_path, fault, state
):
    handle = grok.defer("What is 6*7?")
    break_it(sandbox, {"match": f"GET {RESULTS}", "nth": 1, "do": fault})
    if state == "done":
        assert "42" in handle.result().text
    else:
        with pytest.raises(gn.errors.InDoubt, match="may be lost"):
            handle.result()
    grok.ledger.rows()
    (row,), (bill,) = rows_in(tmp_path), bills(sandbox)
    assert row["state"] == state
    assert bill["billed"]
    if state == "done":
        assert row["cost_ticks"] == bill["cost_in_usd_ticks"]
    else:
        assert (row["cost_ticks"], row["cost_source"]) == (None, "none")


def test_ids_that_are_none_are_refused(grok, sandbox):
    with pytest.raises(gn.errors.BadRequest) as caught:
        grok.deferred_result("no id at all")
    assert caught.value.status == 400
    with pytest.raises(gn.errors.NotFound, match="not asked for it"):
        grok.deferred_result("f0000000-0000-4000-8000-000000000001")
    handle = grok.defer("What is 6*7?")
    # somebody else reads it first
    other = gn.Grok(api_key=sandbox.key, base_url=sandbox.base_url, store=":memory:")
    with other:
        assert other.deferred_result(handle.request_id, wait_s=30) is not None
    with pytest.raises(gn.errors.NotFound, match="read already"):
        handle.result()


def test_a_deferred_question_may_have_pictures(grok):
    from grok_nb import attachments
    from tests.sandbox.test_media import plain

    parts = attachments.parts(plain("red"))
    content = [*parts, {"type": "text", "text": "Which colour?"}]
    reply = grok.defer([{"role": "user", "content": content}]).result()
    assert "red" in reply.text.lower()


def test_a_process_that_ends_leaves_its_reply_to_the_next(tmp_path):
    script = """
    from grok_nb.api.question import question
    ask = question("What is 6*7?")
    reply = gn.DeferredReply(grok, ask)
    say(id=reply.request_id, asked=reply.asked, ready=reply.ready())
    """
    with Sandbox(latency_ms=1500) as slow:
        code, (first,) = elsewhere(slow, tmp_path, script)
        assert (code, first["ready"]) == (0, False)
        waits = script + "say(text=reply.result(30).text)"
        code, (second, last) = elsewhere(slow, tmp_path, waits)
        assert (code, second["id"]) == (0, first["id"])
        assert second["asked"] is not None
        assert "42" in last["text"]
        assert len([r for r in requests(slow) if r["method"] == "POST"]) == 1


def test_an_answer_that_cannot_be_used_ends_the_waiting(grok, sandbox, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("in a schema")

    monkeypatch.setattr("grok_nb.deferring.take", fails)
    ask = question("Age: 36", schema="age int")
    ended = []
    reply = gn.DeferredReply(grok, ask, on_end=ended.append)
    with pytest.raises(gn.GrokError, match="ZeroDivisionError: in a schema") as caught:
        reply.result(30)
    assert reply.request_id in caught.value.hint
    assert (reply.state, ended) == ("failed", [reply])
    assert grok.deferred_result(reply.request_id).choices
