"""Batches on raw bytes: what is sent, what is read, and where the money goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb import pricing
from grok_nb.api.batch_requests import content_of, drafts, item_of, portions
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    InDoubt,
    NotFound,
    RateLimited,
    ServerFault,
    TimedOut,
)
from grok_nb.store import db
from grok_nb.store.ledger import COLUMNS

from ..support import (
    BASE_URL,
    COMPLETION,
    HELLO,
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

# xai-api.md section 12.1
BATCH = {
    "batch_id": "batch_1",
    "name": "n",
    "create_time": "2026-01-30T00:00:00Z",
    "expire_time": "2026-03-01T00:00:00Z",
    "cancel_time": None,
    "cancel_by_xai_message": None,
    "input_file_id": None,
    "cost_breakdown": {"total_cost_usd_ticks": 0},
    "state": {
        "num_requests": 1,
        "num_pending": 1,
        "num_success": 0,
        "num_error": 0,
        "num_cancelled": 0,
    },
}
BODY = {"messages": HELLO}
FAILED = {"error": {"code": 3, "message": "temperature is out of range"}}
RESPONSE = {
    "id": "r1",
    "object": "response",
    "status": "completed",
    "model": "grok-4.3",
    "output": [
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "42."}],
        }
    ],
    "usage": {
        "input_tokens": 1000,
        "output_tokens": 100,
        "total_tokens": 1100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 40},
    },
}


def said(**fields: Any) -> Answer:
    return Answer(pieces=json.dumps(fields).encode())


def batch(**fields: Any) -> Answer:
    return said(**{**BATCH, **fields})


def state(pending: int = 0, **counts: int) -> dict[str, int]:
    found = {f"num_{name}": count for name, count in counts.items()}
    total = pending + sum(counts.values())
    return {**BATCH["state"], "num_requests": total, "num_pending": pending, **found}  # type: ignore[dict-item]


def results(token: str | None = None, **outcomes: Any) -> Answer:
    entries = [
        {"batch_request_id": name, "batch_result": outcome}
        for name, outcome in outcomes.items()
    ]
    return said(results=entries, pagination_token=token)


def chat(**changes: Any) -> dict[str, Any]:
    return {"response": {"chat_get_completion": {**COMPLETION, **changes}}}


def metadata(token: str | None = None, **states: str) -> Answer:
    entries = [
        {
            "batch_request_id": name,
            "endpoint": "/v1/chat/completions",
            "model": MODEL,
            "state": found,
            "create_time": "2026-01-30T00:00:00Z",
            "finish_time": None,
        }
        for name, found in states.items()
    ]
    return said(batch_request_metadata=entries, pagination_token=token)


class Server:
    """The described endpoints over a set of ids; what goes wrong is said by the test."""

    def __init__(self, *troubles: Any) -> None:
        #: for the next additions: "lost before", "lost after", or an answer
        self.troubles = list(troubles)
        self.known: list[str] = []
        self.adds: list[list[str]] = []

    def __call__(self, request: httpx.Request) -> Any:
        path = request.url.path
        if request.method == "POST" and path.endswith("/requests"):
            return self.add(json.loads(request.content)["batch_requests"])
        if path.endswith("/results"):
            return results(**{name: chat() for name in self.known})
        if path.endswith("/requests"):
            start = int(request.url.params.get("pagination_token", "0"))
            shown = self.known[start : start + 3]
            more = str(start + 3) if start + 3 < len(self.known) else None
            return metadata(more, **dict.fromkeys(shown, "pending"))
        return batch(state=state(len(self.known)))

    def add(self, entries: list[dict[str, Any]]) -> Any:
        names = [entry["batch_request_id"] for entry in entries]
        self.adds.append(names)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "lost before":
            return httpx.ReadError("gone")
        if trouble == "lost within":
            self.known += [name for name in names[::2] if name not in self.known]
            return httpx.ReadError("gone")
        if trouble is not None and trouble != "lost after":
            return trouble
        if set(names) & set(self.known):
            return refusal(400, "Duplicate batch_request_id")
        self.known += names
        return httpx.ReadError("gone") if trouble else Answer(pieces=b"{}")


def paths(s: Session) -> list[str]:
    return [
        f"{r.method} {r.url.raw_path.decode().removeprefix('/v1')}"
        for r in s.script.requests
    ]


def money(s: Session) -> list[tuple[Any, ...]]:
    return [(r["state"], r["cost_usd"], r["cost_source"]) for r in s.rows]


OPEN = ("in_doubt", None, "none")
REFUSED = ("failed", 0, "none")
PAID = ("done", 0.00464, "reported")


# -- what is sent ----------------------------------------------------------------------


async def test_a_batch_is_made_listed_read_and_cancelled_as_documented() -> None:
    with session(batch()) as s:
        made = await s.grok.batch_create("n")
        assert paths(s) == ["POST /batches"]
        assert s.script.bodies == [{"name": "n"}]
        assert (made.batch_id, made.name, made.raw) == ("batch_1", "n", BATCH)
        assert (made.num_requests, made.num_pending, made.num_error) == (1, 1, 0)
        assert (made.num_success, made.num_cancelled, made.cost_usd) == (0, 0, 0)
        assert made.expire_time == "2026-03-01T00:00:00Z"
        assert not made.is_done
        s.script.load(batch(state=state(success=1, error=1)))
        found = await s.grok.batch_get("batch_1")
        assert found.is_done
        assert found.state is not None
        assert found.state.num_success == 1
        s.script.load(batch(state=state(cancelled=2), cancel_time="2026-01-31"))
        assert (await s.grok.batch_cancel("batch/1")).num_cancelled == 2
        assert paths(s) == ["POST /batches/batch%2F1:cancel"]
        s.script.load(said(batches=[BATCH, BATCH], pagination_token="t 2"))
        page = await s.grok.batch_list(limit=2, pagination_token="t&1")
        assert paths(s) == ["GET /batches?limit=2&pagination_token=t%261"]
        assert [b.batch_id for b in page.batches] == ["batch_1"] * 2
        assert page.pagination_token == "t 2"
        s.script.load(metadata(a="pending", b="succeeded"))
        listed = await s.grok.batch_requests("batch_1", limit=5)
        assert paths(s) == ["GET /batches/batch_1/requests?limit=5"]
        assert [r.state for r in listed.batch_request_metadata or ()] == [
            "pending",
            "succeeded",
        ]
        assert s.rows == []  # all of that is free


async def test_an_empty_batch_is_not_done_and_missing_counters_are_zero() -> None:
    with session(batch(state={"num_requests": 2}), batch(state=None)) as s:
        assert (await s.grok.batch_get("b")).is_done
        nothing = await s.grok.batch_get("b")
        assert (nothing.is_done, nothing.num_requests) == (False, 0)


async def test_requests_are_added_as_documented_each_with_a_row() -> None:
    server = Server()
    with session(server) as s:
        made = await s.grok.batch_add(
            "batch_1",
            {"a": {**BODY, "temperature": 0.5}, "b": {**BODY, "model": "grok-4.3"}},
        )
        assert paths(s) == ["POST /batches/batch_1/requests", "GET /batches/batch_1"]
        assert json.loads(s.script.requests[0].content) == {
            "batch_requests": [
                {
                    "batch_request_id": "a",
                    "batch_request": {
                        "chat_get_completion": {
                            "model": MODEL,
                            "messages": HELLO,
                            "temperature": 0.5,
                        }
                    },
                },
                {
                    "batch_request_id": "b",
                    "batch_request": {
                        "chat_get_completion": {"model": "grok-4.3", "messages": HELLO}
                    },
                },
            ]
        }
        assert made.num_requests == 2
        assert money(s) == [OPEN, OPEN]
        assert s.column("endpoint") == ["/batches"] * 2
        assert sorted(s.column("model")) == ["grok-4.3", MODEL]
        assert s.column("http_status") == [200, 200]


async def test_the_api_s_own_entries_are_added() -> None:
    entries = [
        {"batch_request_id": "a", "batch_request": {"chat_get_completion": BODY}},
        {"batch_request_id": "b", "batch_request": {"responses": {"input": "Hi"}}},
    ]
    with session(Server()) as s:
        await s.grok.batch_add("batch_1", entries)
        sent = json.loads(s.script.requests[0].content)["batch_requests"]
        assert sent[1]["batch_request"] == {
            "responses": {"model": MODEL, "input": "Hi"}
        }
        assert [e["batch_request_id"] for e in sent] == ["a", "b"]


WRONG: list[tuple[Any, str]] = [
    ({}, "empty"),
    ([], "empty"),
    ("Hi", "a dict or a list"),
    (None, "a dict or a list"),
    ({1: BODY}, "needs an id that is text"),
    ({"": BODY}, "needs an id"),
    ({"x" * 501: BODY}, "needs an id"),
    ({"\ud800": BODY}, "surrogate"),
    ({"a": "Hi"}, "must be the body"),
    ({"a": {}}, r"requests\['a'\]: messages"),
    ({"a": {"messages": []}}, "nothing to ask"),
    ({"a": {**BODY, "temperature": 3}}, r"requests\['a'\]: temperature"),
    ({"a": {**BODY, "temprature": 1}}, "no parameter 'temprature'"),
    ({"a": {**BODY, "stream": True}}, "no parameter 'stream'"),
    ({"a": {**BODY, "deferred": True}}, "no parameter 'deferred'"),
    ({"a": {**BODY, "model": ""}}, "model must be"),
    ({"a": {**BODY, "seed": float("nan")}}, "seed must be"),
    ({"a": {**BODY, "stop": "x"}}, "stop is not taken by grok-4.7"),
    ({"a": {"messages": [{"role": "user", "content": ["\ud800"]}]}}, "surrogate"),
    ([{"batch_request_id": "a"}], "needs one batch_request"),
    ([{"batch_request_id": "a", "batch_request": {}}], "needs one batch_request"),
    ([{"custom_id": "a", "batch_request": {}}], "no field 'custom_id'"),
    (
        [{"batch_request_id": "a", "batch_request": {"chat_completion": BODY}}],
        "no such endpoint 'chat_completion'",
    ),
    (
        [{"batch_request": {"chat_get_completion": BODY}}],
        "needs an id that is text, not None",
    ),
    (
        [{"batch_request_id": "a", "batch_request": {"responses": {"messages": []}}}],
        "no parameter 'messages'",
    ),
    (
        [{"batch_request_id": "a", "batch_request": {"responses": {"input": ""}}}],
        "input is empty",
    ),
    (
        [{"batch_request_id": "a", "batch_request": {"chat_get_completion": BODY}}] * 2,
        r"requests\[1\] has the id 'a' of an earlier one",
    ),
    ([3], "must be a dict"),
]


@pytest.mark.parametrize(("requests", "says"), WRONG)
async def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    requests: Any, says: str
) -> None:
    good = {f"good-{n}": BODY for n in range(600)}
    with session(Server()) as s:
        with pytest.raises(BadRequest, match=says):
            await s.grok.batch_add("batch_1", requests)
        if isinstance(requests, dict) and requests:
            with pytest.raises(BadRequest, match=says):
                await s.grok.batch_add("batch_1", {**good, **requests})
        assert s.script.requests == []
        assert s.rows == []


async def test_suggestions_are_made() -> None:
    with session(Server()) as s:
        for wrong, hint in (
            ({"a": {**BODY, "temprature": 1}}, "temperature"),
            ([{"batch_requst_id": "a", "batch_request": {}}], "batch_request_id"),
            (
                [{"batch_request_id": "a", "batch_request": {"response": {}}}],
                "responses",
            ),
            ({"a": {"input": "Hi"}}, '"responses"'),
        ):
            with pytest.raises(BadRequest) as caught:
                await s.grok.batch_add("batch_1", wrong)  # type: ignore[arg-type]
            assert hint in caught.value.hint


async def test_other_arguments_that_cannot_be_right_are_refused_too() -> None:
    with session(Server()) as s:
        grok = s.grok
        for batch_id in ("", "..", None, 5):
            for call in (
                lambda i=batch_id: grok.batch_add(i, {"a": BODY}),
                lambda i=batch_id: grok.batch_get(i),
                lambda i=batch_id: grok.batch_cancel(i),
                lambda i=batch_id: grok.batch_results(i),
                lambda i=batch_id: grok.batch_requests(i),
            ):
                with pytest.raises(BadRequest, match="batch_id must be an id"):
                    await call()
        for name in ("", " ", None, 5):
            with pytest.raises(BadRequest, match="name must be text"):
                await grok.batch_create(name)  # type: ignore[arg-type]
        with pytest.raises(BadRequest, match="input_file_id must be text"):
            await grok.batch_create("n", "")
        for wrong in ({"limit": 0}, {"limit": "5"}, {"limit": True}):
            with pytest.raises(BadRequest, match="limit must be"):
                await grok.batch_results("b", **wrong)  # type: ignore[arg-type]
        for token in (5, "\ud800"):
            with pytest.raises(BadRequest, match="pagination_token"):
                await grok.batch_list(pagination_token=token)  # type: ignore[arg-type]
        assert s.script.requests == []


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(0, 4000), min_size=1, max_size=60),
    most=st.integers(1, 9),
    most_bytes=st.integers(200, 9000),
)
def test_portions_are_bounded_and_lose_nothing(
    sizes: list[int], most: int, most_bytes: int
) -> None:
    bodies = {
        f"r{n}": {"messages": [{"role": "user", "content": "x" * size + "y"}]}
        for n, size in enumerate(sizes)
    }
    items = [item_of(draft, MODEL, pricing.snapshot()) for draft in drafts(bodies)]
    found = list(portions(items, most, most_bytes))
    assert [item for portion in found for item in portion] == items
    for portion in found:
        sent = json.loads(content_of(portion))["batch_requests"]
        assert [e["batch_request_id"] for e in sent] == [i.request_id for i in portion]
        assert 1 <= len(portion) <= most
        whole = sum(len(item.content) for item in portion)
        assert whole <= most_bytes or len(portion) == 1


async def test_thousands_of_requests_go_in_portions_and_one_too_large_never() -> None:
    server = Server()
    with session(server) as s:
        await s.grok.batch_add("batch_1", {f"r{n}": BODY for n in range(1201)})
        assert [len(names) for names in server.adds] == [500, 500, 201]
        assert len(s.rows) == 1201
        huge = {"messages": [{"role": "user", "content": "x" * 25_000_000}]}
        with pytest.raises(BadRequest, match="a request can have 25 MB"):
            await s.grok.batch_add("batch_2", {"a": BODY, "b": huge})
        assert len(s.rows) == 1201


# -- adding, when things go wrong ------------------------------------------------------


async def test_rows_are_committed_before_anything_is_sent(tmp_path: Path) -> None:
    from .test_deferred import in_file

    seen: list[Any] = []

    def look(request: httpx.Request) -> Any:
        if request.method == "POST":
            seen.extend(in_file(tmp_path, "SELECT * FROM calls"))
        return batch()

    with session(look, store=str(tmp_path)) as s:
        await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
    assert [(row["state"], row["cost_ticks"]) for row in seen] == [
        ("in_doubt", None)
    ] * 2
    db.forget(str(tmp_path))


async def test_a_refused_addition_costs_nothing_and_says_why() -> None:
    with session(Server(refusal(400, "model is not supported for batch"))) as s:
        with pytest.raises(BadRequest, match="not supported for batch"):
            await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
        assert money(s) == [REFUSED] * 2
        assert s.column("http_status") == [400, 400]
        assert "not supported for batch" in s.rows[0]["error"]
        assert len(s.script.requests) == 1


async def test_a_refusal_after_portions_says_how_far_it_got() -> None:
    server = Server(None, refusal(400))
    with session(server) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.batch_add("batch_1", {f"r{n}": BODY for n in range(700)})
        assert "500 of 700 requests had been added" in caught.value.__notes__[-1]
        assert [money(s).count(kind) for kind in (OPEN, REFUSED)] == [500, 200]


async def test_throttles_and_outages_are_waited_for() -> None:
    server = Server(refusal(429), refusal(503), httpx.ConnectError("no"))
    with session(server) as s:
        await s.grok.batch_add("batch_1", {"a": BODY})
        assert server.adds == [["a"]] * 4
        assert len(s.clock.slept) == 3
        assert money(s) == [OPEN]


async def test_what_was_never_sent_is_not_billed() -> None:
    with session(httpx.ConnectError("no")) as s:
        with pytest.raises(ConnectionFailed):
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert money(s) == [REFUSED]
    with session(refusal(429)) as s:
        with pytest.raises(RateLimited):
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert money(s) == [REFUSED]


@pytest.mark.parametrize("trouble", ["lost after", "lost before"])
async def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(
    trouble: str,
) -> None:
    server = Server(trouble)
    names = [f"r{n}" for n in range(8)]  # on three pages of the list
    with session(server) as s:
        await s.grok.batch_add("batch_1", dict.fromkeys(names, BODY))
        assert server.known == names
        assert server.adds == [names] * (1 if trouble == "lost after" else 2)
        assert paths(s)[1].startswith("GET /batches/batch_1/requests?limit=100")
        assert money(s) == [OPEN] * 8
        assert s.column("http_status") == [200] * 8


async def test_only_what_is_missing_is_sent_again() -> None:
    server = Server("lost before")
    server.known = ["r1"]  # a part has arrived
    with session(server) as s:
        await s.grok.batch_add("batch_1", dict.fromkeys(["r0", "r1", "r2"], BODY))
        assert server.adds == [["r0", "r1", "r2"], ["r0", "r2"]]
        assert money(s) == [OPEN] * 3


async def test_it_is_sent_at_most_twice_more() -> None:
    server = Server(*["lost before"] * 9)
    with session(server) as s:
        with pytest.raises(InDoubt, match="is not known") as caught:
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert len(server.adds) == 3
        assert isinstance(caught.value.__cause__, ConnectionFailed)
        assert money(s) == [OPEN]
        assert s.column("http_status") == [None]
        # the same call again looks first, and sends what is not there
        server.troubles.clear()
        await s.grok.batch_add("batch_1", {"a": BODY})
        assert len(server.adds) == 4
        assert money(s) == [REFUSED, OPEN]


async def test_in_doubt_nothing_is_sent_again_where_that_is_wished() -> None:
    server = Server("lost after")
    with session(server, on_doubt="hold") as s:
        with pytest.raises(InDoubt):
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert paths(s) == ["POST /batches/batch_1/requests"]
        assert money(s) == [OPEN]
        # the user looks: nothing is sent, for it is there
        await s.grok.batch_add("batch_1", {"a": BODY})
        assert server.adds == [["a"]]
        assert s.column("http_status") == [200]


async def test_a_list_that_cannot_be_read_leaves_it_in_doubt() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.method == "POST":
            return refusal(500)
        return refusal(403, "The caller does not have permission")

    with session(answer) as s:
        with pytest.raises(InDoubt) as caught:
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert isinstance(caught.value.__cause__, gn.errors.Forbidden)
        assert money(s) == [OPEN]
        assert [p.split(" ")[0] for p in paths(s)] == ["POST", "GET"]


async def test_the_end_of_time_leaves_it_in_doubt() -> None:
    with session(STALL, timeout_s=0.02) as s:
        with pytest.raises(InDoubt) as caught:
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert isinstance(caught.value.__cause__, TimedOut)
        assert money(s) == [OPEN]


async def test_a_stop_while_it_is_sent_leaves_it_in_doubt_and_is_resumed() -> None:
    arrived = asyncio.Event()
    server = Server()

    def stall(request: httpx.Request) -> Any:
        server(request)
        arrived.set()
        return STALL

    with session(stall) as s:
        task = asyncio.ensure_future(
            s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
        )
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert money(s) == [OPEN] * 2
        s.script.load(server)
        await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY, "c": BODY})
        assert server.adds == [["a", "b"], ["c"]]
        assert money(s) == [OPEN] * 3


async def test_another_request_of_an_id_that_is_there_leaves_its_row() -> None:
    server = Server()
    other = {**BODY, "seed": 1}
    with session(server) as s:
        await s.grok.batch_add("batch_1", {"a": BODY})
        with pytest.raises(BadRequest, match="Duplicate"):
            await s.grok.batch_add("batch_1", {"a": other, "b": BODY})
        assert sorted(money(s)) == sorted([OPEN, REFUSED])
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_1")
        assert sorted(money(s)) == sorted([PAID, REFUSED])
        s.script.load(server)
        with pytest.raises(BadRequest, match="Duplicate"):
            await s.grok.batch_add("batch_1", {"a": BODY})
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_1")
        assert sorted(money(s)) == sorted([PAID, REFUSED])


async def test_the_same_again_sends_only_what_is_not_there() -> None:
    server = Server()
    with session(server) as s:
        await s.grok.batch_add("batch_1", {"a": BODY})
        await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
        assert server.adds == [["a"], ["b"]]
        s.script.load(results(a=chat(), b=FAILED))
        await s.grok.batch_results("batch_1")
        s.script.load(server)
        await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY, "c": BODY})
        assert server.adds == [["a"], ["b"], ["c"]]
        # all of it again is a mistake, and the server says so
        with pytest.raises(BadRequest, match="Duplicate"):
            await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
        # another batch has none of them
        server.known.clear()
        await s.grok.batch_add("batch_2", {"a": BODY, "d": BODY})
        assert server.adds[-1] == ["a", "d"]


@pytest.mark.parametrize("trouble", ["stop", "lost after", "lost before", "refusal"])
async def test_what_ended_between_portions_is_resumed_by_the_same_call(
    trouble: str,
) -> None:
    server = Server()
    arrived = asyncio.Event()

    def answer(request: httpx.Request) -> Any:
        if request.method == "POST" and len(server.adds) == 1 and not arrived.is_set():
            arrived.set()
            if trouble == "refusal":
                return refusal(403)
            if trouble != "lost before":
                server(request)
            return STALL if trouble == "stop" else httpx.ReadError("gone")
        return server(request)

    requests = {f"r{n}": BODY for n in range(1200)}
    with session(answer, on_doubt="hold") as s:
        task = asyncio.ensure_future(s.grok.batch_add("batch_1", requests))
        await arrived.wait()
        if trouble == "stop":
            task.cancel()
        with pytest.raises((asyncio.CancelledError, GrokError)):
            await task
        added = await s.grok.batch_add("batch_1", requests)
        assert added.num_requests == 1200
        assert server.known == list(requests)
        assert [len(names) for names in server.adds] == [500, 500, 200]
        assert money(s).count(OPEN) == 1200


async def test_an_error_under_200_hides_no_later_bill() -> None:
    error = said(code="unavailable", error="The service is currently unavailable")
    with session(*[error] * 7) as s:
        with pytest.raises(ServerFault):
            await s.grok.batch_add("batch_1", {"a": BODY})
        assert money(s) == [REFUSED]
        s.script.load(Server())
        await s.grok.batch_add("batch_1", {"a": BODY})
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_1")
        assert sorted(money(s)) == sorted([PAID, REFUSED])


async def test_a_look_that_fails_afterwards_says_that_all_was_added() -> None:
    server = Server()

    def answer(request: httpx.Request) -> Any:
        return server(request) if request.method == "POST" else refusal(403)

    with session(answer) as s:
        with pytest.raises(gn.errors.Forbidden) as caught:
            await s.grok.batch_add("batch_1", {"a": BODY, "b": BODY})
        assert "All 2 requests were added" in caught.value.__notes__[-1]
        assert server.known == ["a", "b"]


@pytest.mark.parametrize(("file", "hint"), [("f1", "grok.files()"), (None, "")])
async def test_a_batch_that_cannot_be_made_is_not_called_missing(
    file: str | None, hint: str
) -> None:
    with session(refusal(404, "The file f1 was not found.")) as s:
        with pytest.raises(NotFound) as caught:
            await s.grok.batch_create("n", file)
        assert "30 days" not in caught.value.hint
        assert hint in caught.value.hint


async def test_a_result_of_what_was_said_to_be_refused_is_booked() -> None:
    with session(Server(refusal(400))) as s:
        with pytest.raises(BadRequest):
            await s.grok.batch_add("batch_1", {"a": BODY})
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_1")
        assert money(s) == [PAID]


# -- reading ---------------------------------------------------------------------------


async def added(s: Session, *names: str, model: str = MODEL) -> None:
    s.script.load(Server())
    await s.grok.batch_add("batch_1", {n: {**BODY, "model": model} for n in names})


async def test_results_are_replies_or_errors_and_settle_each_row_once() -> None:
    with session() as s:
        await added(s, "a", "b", "c")
        s.script.load(results("t2", a=chat(), b=FAILED))
        for _ in range(2):
            page = await s.grok.batch_results("batch_1", limit=2)
        assert paths(s)[0] == "GET /batches/batch_1/results?limit=2"
        good, bad = page
        assert (len(page), page.pagination_token) == (2, "t2")
        assert good.batch_request_id == "a"
        assert good.error is None
        assert good.reply is not None
        assert (good.reply.text, good.reply.reasoning) == ("42.", "Short sum.")
        assert (good.reply.cost_ticks, good.reply.cost_source) == (
            46_400_000,
            "reported",
        )
        assert good.reply.state == "done"
        assert good.raw["batch_result"] == chat()
        assert page.raw["results"][1]["batch_result"] == FAILED
        assert bad.reply is None
        assert bad.error is not None
        assert (bad.error.code, str(bad.error)) == (3, "temperature is out of range")
        assert money(s) == [PAID, REFUSED, OPEN]
        row = s.rows[0]
        usage = ("prompt_tokens", "cached_prompt_tokens", "completion_tokens")
        assert [row[name] for name in usage] == [37, 8, 530]
        assert (row["reasoning_tokens"], row["finish_reason"]) == (233, "stop")
        assert row["response_id"] == COMPLETION["id"]
        assert row["system_fingerprint"] == "fp_0a1b2c3d4e"
        assert s.rows[1]["error"] == "BatchError 3: temperature is out of range"


async def test_all_results_are_read_a_page_at_a_time_as_needed() -> None:
    with session() as s:
        await added(s, "a", "b")
        s.script.load(results("t2", a=chat()), results(None, b=chat()), batch())
        found = s.grok.batch_results_all("batch_1", limit=1)
        assert (await anext(found)).batch_request_id == "a"
        assert len(s.script.requests) == 1
        assert money(s) == [PAID, OPEN]
        assert [r.batch_request_id async for r in found] == ["b"]
        assert paths(s)[1] == (
            "GET /batches/batch_1/results?limit=1&pagination_token=t2"
        )
        assert money(s) == [PAID, PAID]
        s.script.load(results("t2"))
        with pytest.raises(ServerFault, match="circle"):
            async for _ in s.grok.batch_results_all("batch_1"):
                pass


@pytest.mark.parametrize(
    ("model", "per_mille"),
    [("grok-4.7", 1000), ("grok-4.3", 800), ("grok-4-fast-reasoning", 800)],
)
async def test_a_cost_that_is_not_told_is_computed_at_the_discount(
    model: str, per_mille: int
) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    with session() as s:
        table = s.grok.exchange.table
        found = table.find(model)
        assert found is not None
        assert found.rates.input
        assert found.rates.output
        full = 1000 * found.rates.input + 100 * found.rates.output
        await added(s, "a")
        s.script.load(results(a=chat(usage=usage, model=model)), batch())
        await s.grok.batch_results("batch_1")
        assert money(s) == [("done", full * per_mille / 1000 / 1e10, "computed")]
        # asked at once it costs the whole price
        s.script.load(completion(usage=usage, model=model))
        await s.grok.chat_completion(HELLO)
        assert money(s)[1] == ("done", full / 1e10, "computed")


async def test_results_of_the_responses_api_are_read_by_their_fold() -> None:
    with session() as s:
        await added(s, "a", model="grok-4.3")
        s.script.load(results(a={"response": {"responses": RESPONSE}}), batch())
        (result,) = await s.grok.batch_results("batch_1")
        assert result.reply is not None
        assert result.reply.text == "42."
        row = s.row
        assert (row["completion_tokens"], row["reasoning_tokens"]) == (60, 40)
        rates = s.grok.exchange.table.find("grok-4.3").rates
        ticks = (1000 * rates.input + 100 * rates.output) * 8 // 10
        assert money(s) == [("done", ticks / 1e10, "computed")]


ODD: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "cancelled": (
        {"error": {"code": 1, "message": "cancelled"}},
        ("stopped", 0, "none"),
    ),
    "text": ({"error": "It broke."}, REFUSED),
    "no message": ({"error": {"code": 13}}, REFUSED),
    "nothing": ({}, OPEN),
    "null": (None, OPEN),
    "no choices": (chat(choices=[]), ("failed", 0.00464, "reported")),
    "no usage": (chat(usage=None), ("done", 0.000018, "estimated")),
    "picture": (
        {
            "response": {
                "image_generation": {"usage": {"cost_in_usd_ticks": 200_000_000}}
            }
        },
        ("done", 0.02, "reported"),
    ),
    "failed response": (
        {
            "response": {
                "responses": {
                    **RESPONSE,
                    "status": "failed",
                    "error": {"message": "No."},
                }
            }
        },
        ("failed", None, "computed"),
    ),
}


@pytest.mark.parametrize("name", ODD)
async def test_odd_results_are_handed_out_and_booked_for_what_they_say(
    name: str,
) -> None:
    outcome, expected = ODD[name]
    with session() as s:
        await added(s, "a")
        s.script.load(results("more", a=outcome))
        (result,) = await s.grok.batch_results("batch_1")
        assert result.batch_request_id == "a"
        assert (result.reply is None) == (name != "no usage")
        ((state_, cost, source),) = money(s)
        assert (state_, source) == (expected[0], expected[2])
        if expected[1] is not None:
            assert cost == pytest.approx(expected[1], rel=0.5)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"results": 5}', b'{"error": "x"}']
)
async def test_a_page_that_is_none_books_nothing(body: bytes) -> None:
    with session() as s:
        await added(s, "a")
        s.script.load(Answer(pieces=body))
        with pytest.raises(ServerFault):
            await s.grok.batch_results("batch_1")
        assert money(s) == [OPEN]


async def test_a_page_without_results_is_empty() -> None:
    with session(said(results=None, pagination_token=None)) as s:
        assert len(await s.grok.batch_results("batch_1")) == 0
        s.script.load(said(results=[], pagination_token=""))
        assert (await s.grok.batch_results("batch_1")).pagination_token is None


async def test_requests_of_another_program_are_read_and_not_booked() -> None:
    with session(results(a=chat(), b=FAILED)) as s:
        page = await s.grok.batch_results("batch_1")
        assert [r.error is None for r in page] == [True, False]
        assert s.rows == []
        await added(s, "a")
        # the same ids in another batch are other requests
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_2")
        assert money(s) == [OPEN]


async def test_a_batch_that_is_gone_says_so() -> None:
    with session(refusal(404, "Batch not found")) as s:
        for call in (s.grok.batch_get, s.grok.batch_results, s.grok.batch_cancel):
            with pytest.raises(NotFound) as caught:
                await call("batch_1")
            assert "30 days" in caught.value.hint


@pytest.mark.parametrize("cut", [0, 10, 400])
async def test_a_stop_within_a_page_books_nothing_and_after_it_everything(
    cut: int,
) -> None:
    whole = json.dumps(
        {
            "results": [
                {"batch_request_id": n, "batch_result": chat()} for n in ("a", "b")
            ],
            "pagination_token": None,
        }
    ).encode()

    def begun(step: Any) -> Any:
        def answer(_: httpx.Request) -> Any:
            arrived.set()
            return step

        return answer

    async def stopped_when(*steps: Any) -> None:
        arrived.clear()
        s.script.load(*steps)
        task = asyncio.ensure_future(s.grok.batch_results("batch_1"))
        await arrived.wait()
        for _ in range(9):  # the piece is read
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    arrived = asyncio.Event()
    with session() as s:
        await added(s, "a", "b")
        await stopped_when(begun(Answer(pieces=[whole[:cut], STALL])))
        assert money(s) == [OPEN, OPEN]
        # stopped while it looks for what was cancelled
        await added(s, "c")
        await stopped_when(Answer(pieces=whole), begun(STALL))
        assert money(s) == [PAID, PAID, OPEN]


TROUBLES = st.sampled_from(
    [
        *(None, "lost before", "lost within", "lost after"),
        *(refusal(status) for status in (400, 403, 409, 429, 500, 502, 503)),
    ]
)


@settings(deadline=None, max_examples=60)
@given(
    calls=st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
            st.lists(TROUBLES, max_size=4),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_whatever_goes_wrong_what_is_billed_is_booked_once(
    calls: list[tuple[list[str], list[Any], bool]],
) -> None:
    server = Server()
    with gn.Grok(
        api_key=KEY,
        base_url=BASE_URL,
        model=MODEL,
        store=":memory:",
        transport=Script(server),
        clock=ManualClock(),
    ) as grok:
        for names, troubles, reads in calls:
            server.troubles = list(troubles)
            with contextlib.suppress(GrokError):
                grok.batch_add("batch_1", dict.fromkeys(names, BODY))
            server.troubles.clear()
            if reads:
                list(grok.batch_results_all("batch_1"))
        for _ in range(2):
            list(grok.batch_results_all("batch_1"))
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]
    assert len(server.known) == len(set(server.known))
    done = [row for row in rows if row["state"] == "done"]
    assert len(done) == len(server.known)
    billed = sum(row["cost_usd"] or 0 for row in rows)
    assert billed == pytest.approx(0.00464 * len(server.known))
    # open is only what may still arrive: a row for each request that is not there
    left = [row["cost_usd"] for row in rows if row["state"] == "in_doubt"]
    assert left == [None] * len(left)
    assert len(left) <= len({*"abcdef"} - set(server.known))


# -- what was cancelled ----------------------------------------------------------------


async def test_cancelled_requests_cost_nothing_and_the_rest_what_it_did() -> None:
    with session() as s:
        await added(s, "a", "b", "c")
        s.script.load(
            batch(state=state(success=1, cancelled=2), cancel_time="2026-01-31"),
            batch(state=state(success=1, cancelled=2), cancel_time="2026-01-31"),
            metadata("t2", a="succeeded", b="cancelled"),
            metadata(None, c="CANCELLED"),
        )
        await s.grok.batch_cancel("batch_1")
        stopped = ("stopped", 0, "none")
        assert money(s) == [OPEN, stopped, stopped]
        s.script.load(results(a=chat()))
        await s.grok.batch_results("batch_1")
        assert money(s) == [PAID, stopped, stopped]
        assert len(s.script.requests) == 1  # nothing is open any more


async def test_whoever_reads_the_end_closes_what_was_cancelled_elsewhere() -> None:
    with session() as s:
        await added(s, "a", "b")
        s.script.load(
            results(a=chat()),
            batch(state=state(success=1, cancelled=1), cancel_time="2026-01-31"),
            metadata(a="succeeded", b="cancelled"),
        )
        await s.grok.batch_results("batch_1")
        assert money(s) == [PAID, ("stopped", 0, "none")]
        assert len(s.script.requests) == 3


async def test_a_batch_without_results_any_more_still_tells_what_was_cancelled() -> (
    None
):
    with session() as s:
        await added(s, "a", "b")
        s.script.load(
            refusal(404, "The results have expired"),
            batch(state=state(success=1, cancelled=1)),
            metadata(a="succeeded", b="cancelled"),
        )
        with pytest.raises(NotFound, match="have expired"):
            await s.grok.batch_results("batch_1")
        # what the other one cost nobody can know any more
        assert money(s) == [OPEN, ("stopped", 0, "none")]


async def test_pending_requests_stay_open_and_the_look_costs_one_request() -> None:
    with session() as s:
        await added(s, "a", "b")
        s.script.load(results(a=chat()), batch(state=state(1, success=1)))
        await s.grok.batch_results("batch_1")
        assert money(s) == [PAID, OPEN]
        assert len(s.script.requests) == 2
        # where the look fails the results are handed out all the same
        s.script.load(results(a=chat()), refusal(500))
        assert len(await s.grok.batch_results("batch_1")) == 1
        assert money(s) == [PAID, OPEN]


async def test_the_list_of_requests_closes_what_was_cancelled() -> None:
    with session() as s:
        await added(s, "a", "b")
        s.script.load(metadata(a="pending", b="cancelled"))
        await s.grok.batch_requests("batch_1")
        assert money(s) == [OPEN, ("stopped", 0, "none")]


# -- a batch made of a file ------------------------------------------------------------


async def test_requests_of_a_file_get_their_rows_with_their_results() -> None:
    with session(batch(input_file_id="file_1")) as s:
        await s.grok.batch_create("n", "file_1")
        assert s.script.bodies == [{"name": "n", "input_file_id": "file_1"}]
        assert money(s) == [OPEN]  # it will be billed, nobody knows how much
        s.script.load(results("t", a=chat(), b=FAILED))
        for _ in range(2):
            await s.grok.batch_results("batch_1")
        assert sorted(money(s)) == sorted([("done", 0, "none"), PAID, REFUSED])


async def test_a_batch_that_may_be_there_is_not_made_again() -> None:
    for body in ({}, {"input_file_id": "file_1"}):
        with session(httpx.ReadError("gone")) as s:
            with pytest.raises(InDoubt, match="may be there") as caught:
                await s.grok.batch_create("n", **body)
            assert "batch_list" in caught.value.hint
            assert len(s.script.requests) == 1
            assert money(s) == [OPEN] * len(body)
        with session(refusal(400)) as s:
            with pytest.raises(BadRequest):
                await s.grok.batch_create("n", **body)
            assert money(s) == [REFUSED] * len(body)


# -- what is shown and kept ------------------------------------------------------------


async def test_no_text_is_kept_where_none_is_to_be_kept() -> None:
    echo = f"refused: Hi, {KEY}"
    for keep_text in (True, False):
        with session(Server(refusal(400, echo)), keep_text=keep_text) as s:
            with pytest.raises(BadRequest):
                await s.grok.batch_add("batch_1", {"a": BODY})
            assert ("refused: Hi" in s.row["error"]) == keep_text
        with session(keep_text=keep_text) as s:
            await added(s, "a")
            s.script.load(results("t", a={"error": {"code": 3, "message": echo}}))
            (result,) = await s.grok.batch_results("batch_1")
            assert ("refused: Hi" in s.row["error"]) == keep_text
            assert KEY[-8:] not in repr(s.rows) + str(result.error) + repr(result)


async def test_rows_survive_a_purge_while_their_results_can_be_read(
    tmp_path: Path,
) -> None:
    import datetime

    from grok_nb.store import housekeeping

    with session(Server(), store=str(tmp_path)) as s:
        await s.grok.batch_add("batch_1", {"a": BODY})
        s.grok.ledger.rows()
        later = s.clock.now() + datetime.timedelta(days=29)
        choice = housekeeping.Choice(notebook="")
        kept = housekeeping.purge(str(tmp_path), choice, now=later)
        assert (kept.rows["calls"], kept.in_flight) == (0, 1)
        later += datetime.timedelta(days=2)
        assert housekeeping.purge(str(tmp_path), choice, now=later).rows["calls"] == 1
    db.forget(str(tmp_path))


def test_every_method_waits_with_grok(tmp_path: Path) -> None:
    script = Script(batch())
    with gn.Grok(
        api_key=KEY,
        base_url=BASE_URL,
        model=MODEL,
        store=":memory:",
        transport=script,
        clock=ManualClock(),
    ) as grok:
        assert grok.batch_create("n").batch_id == "batch_1"
        assert grok.batch_get("batch_1").name == "n"
        script.load(Server())
        assert grok.batch_add("batch_1", {"a": BODY}).num_requests == 1
        assert len(grok.batch_requests("batch_1").batch_request_metadata or ()) == 1
        script.load(results("t2", a=chat()), results(b=chat()))
        assert len(grok.batch_results("batch_1")) == 1
        script.load(results("t2", a=chat()), results(b=chat()))
        found = grok.batch_results_all("batch_1")
        assert [r.batch_request_id for r in found] == ["a", "b"]
        script.load(said(batches=[BATCH]))
        assert grok.batch_list().batches[0].batch_id == "batch_1"
        script.load(batch())
        assert grok.batch_cancel("batch_1").num_pending == 1
        with pytest.raises(GrokError):
            grok.batch_add("batch_1", {})
