"""Deferred completions on raw bytes: the id is kept first, the result is read once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb import default
from grok_nb.api.deferred import Deferred
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    InDoubt,
    NotFound,
    ServerFault,
    TimedOut,
)
from grok_nb.session import Grok
from grok_nb.store import db
from grok_nb.store.deferred import FRAME

from ..support import (
    BASE_URL,
    COMPLETION,
    KEY,
    MODEL,
    STALL,
    Answer,
    ManualClock,
    Script,
    Session,
    completion,
    refusal,
    session,
)
from .test_small_endpoints import whole as everything

# xai-api.md section 5
ID = "f0000000-0000-4000-8000-000000000001"
ASKED = json.dumps({"request_id": ID}).encode()
RAW = json.dumps(COMPLETION, indent=1).encode()  # not as we would write it
PENDING = Answer(202)
GONE = refusal(404, "Deferred completion not found")


def asked() -> Answer:
    return Answer(pieces=ASKED)


def whole() -> Answer:
    return Answer(pieces=[RAW[:99], RAW[99:]])


def kept(s: Session) -> list[dict[str, Any]]:
    rows = s.grok.desk.kept.rows()
    return [dict(zip(FRAME, row, strict=True)) for row in rows]


def in_file(folder: Path, sql: str = "SELECT * FROM deferred") -> list[dict[str, Any]]:
    """Read what has been committed, by a connection of our own."""
    path = folder / "grok_nb.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def gets(s: Session) -> int:
    return sum(request.method == "GET" for request in s.script.requests)


# -- asking ----------------------------------------------------------------------------


async def test_a_request_is_sent_as_documented_and_claims_nothing() -> None:
    with session(asked()) as s:
        handle = await s.grok.defer("Hi", temperature=0.5)
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("POST", "/v1/chat/completions")
        assert s.script.bodies == [
            {
                "model": MODEL,
                "messages": [{"role": "user", "content": "Hi"}],
                "temperature": 0.5,
                "deferred": True,
            }
        ]
        assert handle.request_id == ID
        assert repr(handle) == f"<Deferred {ID} pending>"
        row, (known,) = s.row, kept(s)
        # it may be billed, and nobody knows how much
        assert (row["state"], row["cost_usd"], row["cost_source"]) == (
            "in_doubt",
            None,
            "none",
        )
        assert (row["http_status"], row["request_id"]) == (200, "req-1")
        assert row["error"] is None
        assert (known["state"], known["model"], known["base_url"]) == (
            "pending",
            MODEL,
            BASE_URL,
        )
        assert known["time"] == row["time"]
        assert not known["stored"]


async def test_messages_travel_as_they_are() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    with session(asked()) as s:
        await s.grok.defer(messages, "grok-4.3")
        assert s.script.bodies[0]["messages"] == messages
        assert s.script.bodies[0]["model"] == "grok-4.3"


async def test_what_cannot_be_right_is_refused_before_it_is_sent() -> None:
    with session(asked()) as s:
        wrong: list[tuple[Any, dict[str, Any]]] = [
            ("", {}),
            ([], {}),
            (5, {}),
            ("Hi", {"temperature": 3}),
            ("Hi", {"stream": True}),
            ("Hi", {"model": ""}),
        ]
        for prompt, options in wrong:
            with pytest.raises(BadRequest):
                await s.grok.defer(prompt, **options)
        for request_id in ("", " ", "..", None, 5, "x" * 501):
            with pytest.raises(BadRequest, match=r"request_id must be an id|no id"):
                await s.grok.deferred_result(request_id)
        for wait_s in (-1, "1", True, float("nan")):
            with pytest.raises(BadRequest, match="wait_s"):
                await s.grok.deferred_result(ID, wait_s=wait_s)
        assert s.script.requests == []


async def test_the_id_is_on_disk_before_anybody_has_it(tmp_path: Path) -> None:
    with session(asked(), store=str(tmp_path)) as s:
        handle = await s.grok.defer("Hi")
        (row,) = in_file(tmp_path)
        assert row["request_id"] == handle.request_id
        assert row["state"] == "pending"
    db.forget(str(tmp_path))


@pytest.mark.parametrize("at", ["between its bytes", "at its end", "while closing"])
async def test_an_id_that_came_is_kept_even_if_the_caller_is_stopped(at: str) -> None:
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield ASKED[:9]
            if at == "between its bytes":
                await stop()
            yield ASKED[9:]
            if at == "at its end":
                await stop()

        async def aclose(self) -> None:
            if at == "while closing":
                await stop()

    class Step:
        def response(self) -> httpx.Response:
            return httpx.Response(200, stream=Body())

    async def stop() -> None:
        if not stopped:
            stopped.append(asking.cancel())
        await asyncio.sleep(0)

    stopped: list[bool] = []
    with session(lambda _: Step()) as s:
        asking = asyncio.ensure_future(s.grok.defer("Hi"))
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert stopped == [True]
        (known,) = kept(s)
        assert (known["request_id"], known["state"]) == (ID, "pending")
        assert (s.row["state"], s.row["cost_source"]) == ("in_doubt", "none")


async def test_a_stop_before_the_answer_has_begun_is_a_stop() -> None:
    arrived = asyncio.Event()

    def stall(_: httpx.Request) -> Any:
        arrived.set()
        return STALL

    with session(stall) as s:
        asking = asyncio.ensure_future(s.grok.defer("Hi"))
        await arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert kept(s) == []
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "none")


@pytest.mark.parametrize(
    "data", [{}, {"request_id": None}, {"request_id": ""}, {"request_id": 5}]
)
async def test_an_answer_without_id_is_in_doubt(data: Any) -> None:
    with session(Answer(pieces=json.dumps(data).encode()), on_doubt="hold") as s:
        with pytest.raises(InDoubt):
            await s.grok.defer("Hi")
        assert s.row["state"] == "in_doubt"
        assert kept(s) == []


async def test_refusals_are_plain() -> None:
    with session(refusal(400, "no")) as s:
        with pytest.raises(BadRequest):
            await s.grok.defer("Hi")
        assert (s.row["state"], s.row["cost_usd"]) == ("failed", 0)
        assert kept(s) == []


async def test_a_server_that_answers_at_once_is_paid_once() -> None:
    with session(completion()) as s:
        handle = await s.grok.defer("Hi")
        reply = await handle.result()
        assert reply.text == "42."
        assert reply.cost_ticks == 46_400_000
        assert len(s.script.requests) == 1
        assert (s.row["state"], s.row["cost_source"]) == ("done", "reported")
        assert (await s.grok.deferred_result(handle.request_id)).raw == COMPLETION  # type: ignore[union-attr]


# -- the result ------------------------------------------------------------------------


async def test_the_result_completes_the_same_row_and_is_fetched_once() -> None:
    with session(asked(), PENDING, PENDING, whole(), GONE) as s:
        handle = await s.grok.defer("Hi")
        before = s.row
        reply = await handle.result()
        assert [r.url.path for r in s.script.requests[1:]] == [
            f"/v1/chat/deferred-completion/{ID}"
        ] * 3
        pauses = s.clock.slept
        assert len(pauses) == 2
        assert pauses[0] < pauses[1]  # it asks less and less often
        assert (reply.text, reply.reasoning) == ("42.", "Short sum.")
        assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "reported")
        assert reply.state == "done"
        assert reply.request["body"]["messages"] == [{"role": "user", "content": "Hi"}]
        row = s.row  # still one
        changed = {
            "state": "done",
            "prompt_tokens": 37,
            "cached_prompt_tokens": 8,
            "image_tokens": 0,
            "completion_tokens": 530,
            "reasoning_tokens": 233,
            "billed_output_tokens": 763,
            "sources_used": 0,
            "cost_usd": 0.00464,
            "cost_source": "reported",
            "finish_reason": "stop",
            "response_id": COMPLETION["id"],
            "system_fingerprint": COMPLETION["system_fingerprint"],
        }
        assert row == before | changed
        (known,) = kept(s)
        assert (known["state"], known["stored"]) == ("done", 1)
        assert repr(handle) == f"<Deferred {ID} done>"
        # from now on it comes from the store
        again = await s.grok.deferred_result(ID)
        assert again is not None
        assert again.raw == COMPLETION
        assert await handle.ready()
        assert (await handle.result()).text == "42."
        assert gets(s) == 3
        assert s.row == row


async def test_pending_is_none_and_says_so_in_the_end() -> None:
    with session(asked(), PENDING) as s:
        handle = await s.grok.defer("Hi")
        assert await s.grok.deferred_result(ID) is None
        assert not await handle.ready()
        with pytest.raises(TimedOut, match="still pending") as caught:
            await handle.result(wait_s=100)
        assert ID in caught.value.hint
        assert sum(s.clock.slept) == pytest.approx(100, abs=0.1)
        assert max(s.clock.slept) <= 15
        assert kept(s)[0]["state"] == "pending"
        s.script.load(whole())
        assert (await handle.result(wait_s=0)).text == "42."


async def test_its_bytes_are_stored_as_they_came(tmp_path: Path) -> None:
    with session(asked(), whole(), store=str(tmp_path)) as s:
        handle = await s.grok.defer("Hi")
        assert await handle.ready()
        (row,) = in_file(tmp_path)
        assert row["body"] == RAW
        assert row["state"] == "done"
    db.forget(str(tmp_path))


async def test_what_cannot_be_parsed_is_stored_all_the_same(tmp_path: Path) -> None:
    junk = b'{"choices": [{"message'
    with session(asked(), Answer(pieces=junk), store=str(tmp_path)) as s:
        await s.grok.defer("Hi")
        with pytest.raises(ServerFault) as caught:
            await s.grok.deferred_result(ID)
        assert "is kept" in "".join(caught.value.__notes__)
        (row,) = in_file(tmp_path)
        assert (row["body"], row["state"]) == (junk, "in_doubt")
        assert s.row["state"] == "in_doubt"
        # it was no result, so the server is asked again
        s.script.load(whole())
        assert (await s.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]
        assert in_file(tmp_path)[0]["body"] == RAW
        assert s.row["cost_source"] == "reported"
    db.forget(str(tmp_path))


async def test_another_process_gets_it_from_the_store(tmp_path: Path) -> None:
    with session(asked(), whole(), store=str(tmp_path)) as one:
        await (await one.grok.defer("Hi")).result()
    db.forget(str(tmp_path))
    with session(GONE, store=str(tmp_path)) as two:
        found = await two.grok.deferred_result(ID)
        assert found is not None
        assert found.raw == COMPLETION
        assert two.script.requests == []
        assert two.row["cost_source"] == "reported"
    db.forget(str(tmp_path))


async def test_a_kill_after_storing_loses_nothing(tmp_path: Path) -> None:
    with session(asked(), whole(), store=str(tmp_path)) as one:
        await one.grok.defer("Hi")
        await one.grok.desk._look(ID)  # and killed before it was read
        (row,) = in_file(tmp_path)
        assert (row["state"], row["body"]) == ("received", RAW)
        assert one.row["state"] == "in_doubt"
    db.forget(str(tmp_path))
    with session(GONE, store=str(tmp_path)) as two:
        assert (await two.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]
        assert two.script.requests == []
        # and it is booked now
        assert (two.row["state"], two.row["cost_usd"]) == ("done", 0.00464)
        assert kept(two)[0]["state"] == "done"
    db.forget(str(tmp_path))


async def test_without_usage_the_cost_is_a_guess() -> None:
    answer = json.dumps({**COMPLETION, "usage": None}).encode()
    with session(asked(), Answer(pieces=answer)) as s:
        reply = await (await s.grok.defer("Hi")).result()
        assert reply.cost_source == "estimated"
        assert s.row["cost_source"] == "estimated"


async def test_who_waits_together_asks_once() -> None:
    with session(asked(), whole(), GONE) as s:
        handle = await s.grok.defer("Hi")
        replies = await asyncio.gather(
            handle.result(), s.grok.deferred_result(ID), handle.result()
        )
        assert gets(s) == 1
        assert replies[0].text == replies[2].text == "42."


async def test_a_stop_does_not_stop_the_delivery() -> None:
    gate = asyncio.Event()

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield RAW[:99]
            begun.set()
            await gate.wait()
            yield RAW[99:]

    class Step:
        def response(self) -> httpx.Response:
            return httpx.Response(200, stream=Slow())

    begun = asyncio.Event()
    with session(asked(), lambda _: Step(), GONE) as s:
        handle = await s.grok.defer("Hi")
        waiting = asyncio.create_task(handle.result())
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        assert (await handle.result()).text == "42."
        assert gets(s) == 1


# -- what goes wrong -------------------------------------------------------------------


async def test_gone_says_what_is_known() -> None:
    with session(asked(), GONE) as s:
        await s.grok.defer("Hi")
        with pytest.raises(NotFound, match="read already") as caught:
            await s.grok.deferred_result(ID)
        said = str(caught.value)
        assert "2026-10-21" in said
        assert MODEL in said
        assert caught.value.status == 404
        assert "gn.deferred()" in caught.value.hint
        assert kept(s)[0]["state"] == "gone"
        # it may have been billed all the same
        assert (s.row["state"], s.row["cost_source"]) == ("in_doubt", "none")
        with pytest.raises(NotFound, match="not asked for it"):
            await s.grok.deferred_result("other")
        assert len(kept(s)) == 1  # a wrong id leaves no trace


async def test_an_id_of_another_host_says_which() -> None:
    with session(asked(), GONE) as s:
        await s.grok.defer("Hi")
        s.grok.exchange.settings = dataclasses.replace(
            s.grok.settings, base_url="http://other.invalid/v1"
        )
        with pytest.raises(NotFound, match=r"another host \(http://grok\.invalid/v1\)"):
            await s.grok.deferred_result(ID)


async def test_another_program_s_request_is_read_and_stored_too() -> None:
    with session(whole(), GONE) as s:
        assert (await s.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]
        assert (await s.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]
        assert gets(s) == 1
        assert s.rows == []  # another ledger has the row
        assert kept(s)[0]["state"] == "done"


async def test_a_malformed_id_is_the_server_s_to_refuse() -> None:
    with session(refusal(400, "Invalid request id")) as s:
        with pytest.raises(BadRequest, match="Invalid request id"):
            await s.grok.deferred_result("a/b?")
        assert s.script.requests[0].url.raw_path.endswith(b"/a%2Fb%3F")
        assert len(s.script.requests) == 1


CUT = Answer(200, [RAW[:50], httpx.ReadError("cut")])


@pytest.mark.parametrize(
    "steps",
    [
        [CUT, GONE],
        [httpx.ReadError("reset"), GONE],
        [refusal(500), GONE],
        [CUT],
        [httpx.ReadError("reset")],
    ],
)
async def test_a_delivery_that_breaks_off_is_in_doubt(steps: list[Any]) -> None:
    with session(asked(), *steps) as s:
        await s.grok.defer("Hi")
        with pytest.raises(InDoubt, match="may be lost"):
            await s.grok.deferred_result(ID)
        assert kept(s)[0]["state"] == "in_doubt"
        assert (s.row["state"], s.row["cost_source"]) == ("in_doubt", "none")
        s.script.load(GONE)
        with pytest.raises(InDoubt, match="may be lost"):
            await s.grok.deferred_result(ID)
        assert kept(s)[0]["state"] == "in_doubt"


async def test_a_server_that_still_has_it_gives_it_again() -> None:
    with session(asked(), CUT, PENDING, whole()) as s:
        handle = await s.grok.defer("Hi")
        assert (await handle.result()).text == "42."
        assert s.row["cost_source"] == "reported"


async def test_what_never_arrived_leaves_it_pending() -> None:
    with session(asked(), httpx.ConnectError("no route")) as s:
        await s.grok.defer("Hi")
        with pytest.raises(ConnectionFailed) as caught:
            await s.grok.deferred_result(ID)
        assert not isinstance(caught.value, InDoubt)
        assert kept(s)[0]["state"] == "pending"
        s.script.load(Answer(202, [httpx.ReadError("cut")]), PENDING)
        assert await s.grok.deferred_result(ID) is None
        assert kept(s)[0]["state"] == "pending"


async def test_a_delivery_that_stalls_is_in_doubt() -> None:
    with session(asked(), Answer(200, [RAW[:50], STALL]), timeout_s=0.2) as s:
        await s.grok.defer("Hi")
        with pytest.raises(InDoubt, match="may be lost"):
            await s.grok.deferred_result(ID)
        assert kept(s)[0]["state"] == "in_doubt"


async def test_what_another_process_has_read_meanwhile_is_found(tmp_path: Path) -> None:
    with session(asked(), whole(), store=str(tmp_path)) as one:
        await one.grok.defer("Hi")
        row = await one.grok.desk.kept.find(ID, BASE_URL)
        assert row is not None
        found = dataclasses.replace(row, state="received", body=RAW)

        def meanwhile(_: httpx.Request) -> Answer:
            one.grok.desk.kept.receive(found)
            return GONE

        one.script.load(meanwhile)
        assert (await one.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]
        # and what is said of it later takes nothing away
        one.grok.desk.kept.mark(row, "gone", one.clock.now())
        one.grok.desk.kept.doubt(dataclasses.replace(row, state="in_doubt"))
        assert in_file(tmp_path)[0]["body"] == RAW
        assert kept(one)[0]["state"] == "done"
    db.forget(str(tmp_path))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(["pending", "cut", "reset", "unsent", "busy", "fault", "html"]),
        max_size=6,
    )
)
async def test_a_server_that_gives_it_until_it_was_read_loses_nothing(
    troubles: list[str],
) -> None:
    steps: dict[str, Any] = {
        "pending": PENDING,
        "cut": CUT,
        "reset": httpx.ReadError("reset"),
        "unsent": httpx.ConnectError("no"),
        "busy": refusal(429),
        "fault": refusal(500),
        "html": Answer(200, b"<html></html>"),
    }
    with session(asked(), *(steps[name] for name in troubles), whole(), GONE) as s:
        await s.grok.defer("Hi")
        found = None
        for _ in range(len(troubles) + 1):
            with contextlib.suppress(InDoubt, ConnectionFailed, ServerFault):
                found = await s.grok.deferred_result(ID)
            if found is not None:
                break
        assert found is not None
        assert found.raw == COMPLETION
        assert (s.row["state"], s.row["cost_usd"]) == ("done", 0.00464)
        assert (await s.grok.deferred_result(ID)).raw == COMPLETION  # type: ignore[union-attr]


# -- without text on disk --------------------------------------------------------------

CANARY = "canary-5a9db0c5"


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("keep_text", [False, True])
async def test_nor_of_one_that_came_at_once(keep_text: bool, tmp_path: Path) -> None:
    message = {"role": "assistant", "content": CANARY}
    answer = completion(choices=[{"message": message, "finish_reason": "stop"}])
    with session(answer, store=str(tmp_path), keep_text=keep_text) as s:
        assert (await (await s.grok.defer("Hi")).result()).text == CANARY
        kept(s)
        assert (CANARY.encode() in on_disk(tmp_path)) is keep_text
    db.forget(str(tmp_path))


@pytest.mark.parametrize("keep_text", [False, True])
async def test_without_keep_text_nothing_of_the_result_stays(
    keep_text: bool, tmp_path: Path
) -> None:
    message = {"role": "assistant", "content": CANARY * 500}
    result = json.dumps({**COMPLETION, "choices": [{"message": message}]}).encode()
    with session(
        asked(), Answer(pieces=result), store=str(tmp_path), keep_text=keep_text
    ) as s:
        handle = await s.grok.defer(CANARY)
        reply = await handle.result()
        assert CANARY in reply.text
        assert (await handle.result()).text == reply.text  # the handle has it
        kept(s)
        assert (CANARY.encode() in on_disk(tmp_path)) is keep_text
        if not keep_text:
            with pytest.raises(NotFound, match="keep_text=False"):
                await s.grok.deferred_result(ID)
            assert kept(s)[0]["state"] == "done"
            assert gets(s) == 1
    db.forget(str(tmp_path))
    assert (CANARY.encode() in on_disk(tmp_path)) is keep_text


# -- what is shown ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        refusal(404, f"No such id for {KEY}"),
        refusal(400, f"Wrong: {KEY}"),
        Answer(200, json.dumps({"note": KEY}).encode()),
        Answer(200, KEY.encode()),
        Answer(200, [KEY.encode(), httpx.ReadError(KEY)]),
    ],
)
async def test_no_error_shows_a_key_that_the_server_echoed(step: Any) -> None:
    with session(asked(), step) as s:
        await s.grok.defer("Hi")
        with pytest.raises(GrokError) as caught:
            await s.grok.deferred_result(ID)
        text = everything(caught.value)
    assert ID in text
    assert KEY not in text
    assert KEY[:12] not in text


def test_the_table_has_its_types_also_when_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROK_NB_STORE", str(tmp_path))
    monkeypatch.setenv("XAI_API_KEY", KEY)
    empty = gn.deferred()

    async def fill() -> None:
        with session(asked(), PENDING, store=str(tmp_path)) as s:
            await s.grok.defer("Hi")
            await s.grok.deferred_result(ID)

    asyncio.run(fill())
    db.forget(str(tmp_path))
    gn.configure()
    full = default.Grok(store=tmp_path)._core.desk.kept.rows()
    assert len(full) == 1
    frame = gn.deferred()
    assert list(frame.columns) == [*FRAME, "expires"]
    assert len(empty) == 0
    assert dict(empty.dtypes) == dict(frame.dtypes)
    (row,) = frame.to_dict("records")
    assert (row["request_id"], row["state"], row["stored"]) == (ID, "pending", False)
    assert row["expires"] - row["time"] == datetime.timedelta(days=1)
    assert row["checked"] > row["time"]
    db.forget(str(tmp_path))


# -- the blocking face -----------------------------------------------------------------


def test_the_blocking_handle_does_the_same(tmp_path: Path) -> None:
    script = Script(asked(), PENDING, whole(), GONE)
    with Grok(
        api_key=KEY,
        base_url=BASE_URL,
        model=MODEL,
        store=str(tmp_path),
        transport=script,
        clock=ManualClock(),
    ) as grok:
        handle = grok.defer("Hi")
        assert isinstance(handle, Deferred)
        assert handle.request_id == ID
        assert not handle.ready()
        assert handle.result(wait_s=5).text == "42."
        assert grok.deferred_result(ID).raw == COMPLETION  # type: ignore[union-attr]
        assert repr(handle) == f"<Deferred {ID} done>"
    db.forget(str(tmp_path))
