"""Batches over the socket: their forms, their time, their bills, what goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb._sandbox.batches import pages
from grok_nb._sandbox.errors import ApiError

from .batching import BATCHES, DAY_S, Box, chat, chats, entry, running

LATENCY_MS = 60_000
CHAT = "/v1/chat/completions"


@pytest.fixture
def box() -> Iterator[Box]:
    """Requests take a minute."""
    with running(latency_ms=LATENCY_MS) as found:
        yield found


@pytest.fixture
def quick() -> Iterator[Box]:
    """Requests take no time."""
    with running() as found:
        yield found


# -- forms ----------------------------------------------------------------------------


def test_a_batch_has_the_documented_form(box: Box) -> None:
    batch = box.api.post(BATCHES, json={"name": "n"}).json()
    assert batch == {
        "batch_id": batch["batch_id"],
        "name": "n",
        "create_time": batch["create_time"],
        "expire_time": batch["expire_time"],
        "cancel_time": None,
        "cancel_by_xai_message": None,
        "input_file_id": None,
        "cost_breakdown": {"total_cost_usd_ticks": 0},
        "state": {
            "num_requests": 0,
            "num_pending": 0,
            "num_success": 0,
            "num_error": 0,
            "num_cancelled": 0,
        },
    }
    assert batch["batch_id"].startswith("batch_")
    for name in ("create_time", "expire_time"):
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", batch[name])
    assert box.batch(batch["batch_id"]) == batch
    assert box.get(BATCHES) == {"batches": [batch], "pagination_token": None}


def test_requests_are_pending_and_then_done(box: Box) -> None:
    name = box.made("a", "b")
    assert box.state(name) == (2, 0, 0, 0)
    assert box.results(name) == {}
    pending = box.get(f"{BATCHES}/{name}/requests")
    assert pending["pagination_token"] is None
    for number, one in enumerate(pending["batch_request_metadata"]):
        assert one == {
            "batch_request_id": "ab"[number],
            "endpoint": CHAT,
            "model": "grok-4.3",
            "state": "pending",
            "create_time": one["create_time"],
            "finish_time": None,
        }
    assert box.bill() == []
    box.advance(50)
    assert box.state(name) == (2, 0, 0, 0)
    box.advance(11)
    assert box.state(name) == (0, 2, 0, 0)
    done = box.get(f"{BATCHES}/{name}/requests")["batch_request_metadata"]
    assert [one["state"] for one in done] == ["succeeded"] * 2
    assert all(one["finish_time"] > one["create_time"] for one in done)


def test_an_answer_is_that_of_the_endpoint(quick: Box) -> None:
    bodies = {
        "chat_get_completion": (CHAT, chat()),
        "responses": ("/v1/responses", {"model": "grok-4.7", "input": "2*3=?"}),
        "image_generation": (
            "/v1/images/generations",
            {"prompt": "A star", "response_format": "b64_json"},
        ),
    }
    name = quick.made()
    asked = [entry(kind, body, kind) for kind, (_, body) in bodies.items()]
    quick.add(name, {"batch_requests": asked})
    found = quick.results(name)
    assert list(found) == list(bodies)
    for kind, (path, body) in bodies.items():
        live = quick.api.post(path, json=body).json()
        ((got_kind, got),) = found[kind]["response"].items()
        assert got_kind == kind
        own = {"id", "created", "created_at", "completed_at", "usage", "output"}
        for key in live.keys() - own:
            assert got[key] == live[key]
        assert got.keys() == live.keys()
    listed = quick.get(f"{BATCHES}/{name}/requests")["batch_request_metadata"]
    assert [one["endpoint"] for one in listed] == [path for path, _ in bodies.values()]


def test_edits_and_the_addresses_of_pictures_work(quick: Box) -> None:
    name = quick.made()
    star = {"prompt": "A star"}
    quick.add(name, {"batch_requests": [entry("a", star, "image_generation")]})
    url = quick.results(name)["a"]["response"]["image_generation"]["data"][0]["url"]
    assert httpx.get(url).content.startswith(b"\xff\xd8")
    file = {"file": ("a.jpeg", httpx.get(url).content)}
    stored = quick.api.post("/v1/files", files=file).json()["id"]
    edit = star | {"image": {"file_id": stored}, "response_format": "b64_json"}
    quick.add(name, {"batch_requests": [entry("b", edit, "image_edit")]})
    assert quick.results(name)["b"]["response"]["image_edit"]["data"]
    quick.advance(3700)
    assert httpx.get(url).status_code == 404


def test_a_stored_response_of_a_batch_is_there(quick: Box) -> None:
    name = quick.made()
    body = {"model": "grok-4.3", "input": "Hi"}
    quick.add(name, {"batch_requests": [entry("a", body, "responses")]})
    found = quick.results(name)["a"]["response"]["responses"]
    assert quick.get(f"/v1/responses/{found['id']}") == found


def test_a_request_without_a_name_gets_one(quick: Box) -> None:
    name = quick.made()
    quick.add(name, {"batch_requests": [entry(None, chat()), entry(None, chat())]})
    first, second = quick.results(name)
    assert first != second


def test_limits_of_the_minute_do_not_count() -> None:
    with running(rpm=1) as box:
        name = box.made("a", "b", "c")
        assert box.state(name) == (0, 3, 0, 0)
        assert box.api.post(CHAT, json=chat()).status_code == 200
        assert box.api.post(CHAT, json=chat()).status_code == 429


def test_there_were_none_in_2025() -> None:
    with running(vintage="2025") as box:
        for method, path in (
            ("POST", BATCHES),
            ("GET", BATCHES),
            ("GET", f"{BATCHES}/a"),
            ("POST", f"{BATCHES}/a:cancel"),
            ("GET", f"{BATCHES}/a/results"),
        ):
            answer = box.api.request(method, path, json={"name": "n"})
            assert answer.status_code == 404
        paths = box.get("/openapi.json")["paths"]
        assert not [path for path in paths if "batches" in path]


# -- pages ----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("what", ["requests", "results", ""])
def test_pages_list_everything_once(quick: Box, limit: int, what: str) -> None:
    names = [f"r{number}" for number in range(5)]
    batch = quick.made(*names)
    if what:
        path, id_of = f"{BATCHES}/{batch}/{what}", "batch_request_id"
    else:
        names = [batch] + [quick.made() for _ in range(4)]
        path, id_of = BATCHES, "batch_id"
    query = {"limit": str(limit)}
    found: list[str] = []
    pages_seen = 0
    while True:
        page = quick.get(path, **query)
        (entries,) = [value for value in page.values() if isinstance(value, list)]
        found += [one[id_of] for one in entries]
        pages_seen += 1
        assert len(entries) <= limit
        if page["pagination_token"] is None:
            break
        query["pagination_token"] = page["pagination_token"]
        if not what and pages_seen == 1:
            quick.made()  # what is new is no part of the pages that come
    assert found == (names if what else names[::-1])
    assert pages_seen == -(-5 // limit)


@pytest.mark.parametrize("path", ["", "/NAME/requests", "/NAME/results"])
@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": ""},
        {"limit": "9" * 99},
        {"pagination_token": "x"},
        {"pagination_token": "AAAA"},
        {"pagination_token": "é"},
        {"pagination_token": "AAAAAAAB" * 3},
    ],
)
def test_wrong_queries_are_400(quick: Box, path: str, query: dict[str, str]) -> None:
    name = quick.made("a", "b")
    answer = quick.api.get(BATCHES + path.replace("NAME", name), params=query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["error"]
    assert answer.json()["code"] == "invalid-argument"


def test_tokens_of_other_listings_are_400(quick: Box) -> None:
    first, second = quick.made("a", "b", "c"), quick.made("a", "b", "c")
    at = [
        f"{BATCHES}/{first}/requests",
        f"{BATCHES}/{first}/results",
        f"{BATCHES}/{second}/requests",
        BATCHES,
    ]
    tokens = [quick.get(path, limit="1")["pagination_token"] for path in at]
    assert len(set(tokens)) == len(at)
    for path in at:
        for owner, token in zip(at, tokens, strict=True):
            answer = quick.api.get(path, params={"pagination_token": token})
            assert answer.status_code == (200 if owner == path else 400)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 40), st.integers(1, 12), st.text(max_size=40))
def test_any_token_is_of_a_page_or_refused(total: int, limit: int, noise: str) -> None:
    entries = list(range(total))
    query = {"limit": str(limit)}
    found: list[int] = []
    while True:
        shown, token = pages.page(entries, lambda place, _: place, query, "a")
        found += shown
        if token is None:
            break
        query["pagination_token"] = token
    assert found == entries
    for spoilt in (noise, query.get("pagination_token", "") + noise):
        if spoilt in {"", query.get("pagination_token")}:
            continue
        with pytest.raises(ApiError):
            pages.page(
                entries, lambda place, _: place, {"pagination_token": spoilt}, "a"
            )


# -- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("PUT", ""),
        ("DELETE", "/NAME"),
        ("POST", "/NAME"),
        ("PATCH", "/NAME"),
        ("DELETE", "/NAME/requests"),
        ("POST", "/NAME/results"),
        ("GET", "/NAME/nothing"),
        ("DELETE", "/NAME:cancel"),
    ],
)
def test_wrong_methods(quick: Box, method: str, path: str) -> None:
    name = quick.made()
    answer = quick.api.request(method, BATCHES + path.replace("NAME", name))
    assert answer.status_code == (404 if "nothing" in path else 405)
    assert answer.json()["code"]
    assert quick.batch(name)["cancel_time"] is None


@pytest.mark.parametrize("path", ["", "/requests", "/results", ":cancel"])
@pytest.mark.parametrize("name", ["nope", "batch_1", "%00", "a:b"])
def test_batches_that_never_were(quick: Box, name: str, path: str) -> None:
    method = "POST" if path == ":cancel" else "GET"
    answer = quick.api.request(method, f"{BATCHES}/{name}{path}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


def test_keys(quick: Box) -> None:
    name = quick.made()
    for key, status in (("", 401), ("xai-wrong", 400), ("xai-token-a", 400)):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        for path in ("", f"/{name}", f"/{name}/results"):
            answer = httpx.get(quick.sandbox.root_url + BATCHES + path, headers=headers)
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (None, 415, "Content-Type"),
        (b"name=n", 415, "Content-Type"),
        (b"{", 422, "deserialize"),
        ([], 422, "object"),
        ({}, 422, "name"),
        ({"name": 1}, 422, "name"),
        ({"name": None}, 422, "name"),
        ({"name": "n", "input_file_id": 1}, 422, "input_file_id"),
        ({"name": "n", "input_file_id": "file_1"}, 404, "file_1"),
    ],
)
def test_wrong_batches_are_refused(
    quick: Box, body: Any, status: int, why: str
) -> None:
    answer = post(quick, BATCHES, body)
    assert answer.status_code == status, answer.text
    assert why in answer.json()["error"]
    assert quick.get(BATCHES)["batches"] == []


def post(box: Box, path: str, body: Any) -> httpx.Response:
    if isinstance(body, bytes):
        kind = "application/json" if body == b"{" else "text/plain"
        return box.api.post(path, content=body, headers={"Content-Type": kind})
    return box.api.post(path) if body is None else box.api.post(path, json=body)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (None, 415, "Content-Type"),
        (b"[]", 415, "Content-Type"),
        (b"{", 422, "deserialize"),
        ({}, 422, "batch_requests"),
        ({"batch_requests": {}}, 422, "batch_requests"),
        ({"batch_requests": []}, 400, "empty"),
        ({"batch_requests": [1]}, 422, "batch_requests[0]"),
        ({"batch_requests": [{}]}, 422, "batch_requests[0].batch_request"),
        ({"batch_requests": [{"batch_request": 1}]}, 422, "batch_request"),
        ({"batch_requests": [{"batch_request": {}}]}, 400, "exactly one"),
        ({"batch_requests": [{"batch_request": {"x": {}}}]}, 400, "exactly one"),
        (
            {"batch_requests": [{"batch_request": {"responses": 1}}]},
            422,
            "batch_request.responses",
        ),
        (
            {
                "batch_requests": [
                    {"batch_request": {"responses": {}, "chat_get_completion": {}}}
                ]
            },
            400,
            "exactly one",
        ),
        ({"batch_requests": [entry("", chat())]}, 400, "empty"),
        ({"batch_requests": [entry(1, chat())]}, 422, "batch_request_id"),  # type: ignore[arg-type]
        (chats("b", "c", "b"), 400, "b is not unique"),
        (chats("b", "a"), 400, "a is not unique"),
    ],
)
def test_wrong_adds_add_nothing(quick: Box, body: Any, status: int, why: str) -> None:
    name = quick.made("a")
    answer = post(quick, f"{BATCHES}/{name}/requests", body)
    assert answer.status_code == status, answer.text
    assert why in answer.json()["error"]
    assert quick.state(name) == (0, 1, 0, 0)
    assert len(quick.bill()) == 1


# What the live endpoint refuses, its status, and gRPC's number of it.
REFUSED = [
    ("chat_get_completion", CHAT, chat(stop="a"), 400, 3),
    ("chat_get_completion", CHAT, chat(n=0), 400, 3),
    ("chat_get_completion", CHAT, chat(model="nope"), 404, 5),
    ("chat_get_completion", CHAT, chat(n="x"), 422, 3),
    ("chat_get_completion", CHAT, {}, 422, 3),
    ("responses", "/v1/responses", {"model": "grok-4.3"}, 422, 3),
    ("responses", "/v1/responses", {"model": "x", "input": "a"}, 404, 5),
    ("image_generation", "/v1/images/generations", {"prompt": ""}, 400, 3),
    ("image_edit", "/v1/images/edits", {"prompt": "a"}, 400, 3),
]


@pytest.mark.parametrize(("kind", "path", "body", "status", "code"), REFUSED)
def test_what_the_endpoint_refuses_is_an_error_in_its_words(
    quick: Box, kind: str, path: str, body: Any, status: int, code: int
) -> None:
    live = quick.api.post(path, json=body)
    assert live.status_code == status
    name = quick.made("good")
    quick.add(name, {"batch_requests": [entry("bad", body, kind)]})
    found = quick.results(name)
    assert found["bad"] == {"error": {"code": code, "message": live.json()["error"]}}
    assert found["good"].keys() == {"response"}
    assert quick.state(name) == (0, 1, 1, 0)
    assert [call["path"] for call in quick.bill()] == [CHAT]


@pytest.mark.parametrize("field", ["stream", "deferred"])
def test_nothing_is_streamed_or_deferred_in_a_batch(quick: Box, field: str) -> None:
    name = quick.made()
    quick.add(name, {"batch_requests": [entry("a", chat(**{field: True}))]})
    error = quick.results(name)["a"]["error"]
    assert error["code"] == 3
    assert field in error["message"]
    assert quick.bill() == []


# -- cancelled and expired ------------------------------------------------------------


def test_a_cancelled_batch_keeps_what_is_done(box: Box) -> None:
    name = box.made("a", "b")
    box.advance(61)
    box.add(name, chats("c"))
    cancelled = box.api.post(f"{BATCHES}/{name}:cancel").json()
    assert cancelled["cancel_time"] is not None
    assert cancelled["cancel_by_xai_message"] is None
    assert cancelled["state"]["num_cancelled"] == 1
    box.advance(100)
    assert box.state(name) == (0, 2, 0, 1)
    assert list(box.results(name)) == ["a", "b"]
    listed = box.get(f"{BATCHES}/{name}/requests")["batch_request_metadata"]
    assert [one["state"] for one in listed] == ["succeeded", "succeeded", "cancelled"]
    assert len(box.bill()) == 2
    answer = box.api.post(f"{BATCHES}/{name}/requests", json=chats("d"))
    assert answer.status_code == 400
    assert "cancelled" in answer.json()["error"]
    again = box.api.post(f"{BATCHES}/{name}:cancel").json()
    assert again == box.batch(name)
    assert again["cancel_time"] == cancelled["cancel_time"]


def test_an_expired_batch_has_no_results(box: Box) -> None:
    name = box.made("a")
    box.advance(30 * DAY_S - 30)
    assert box.state(name) == (0, 1, 0, 0)
    box.add(name, chats("late"))  # would be ready half a minute after the end
    assert list(box.results(name)) == ["a"]
    box.advance(31)
    batch = box.batch(name)
    assert box.state(name) == (0, 1, 0, 1)
    assert batch["cancel_time"] == batch["expire_time"]
    assert "expired" in batch["cancel_by_xai_message"]
    gone = box.api.get(f"{BATCHES}/{name}/results")
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
    for path, body in (("/requests", chats("b")), (":cancel", None)):
        answer = post(box, f"{BATCHES}/{name}{path}", body)
        assert answer.status_code == 400
        assert "expired" in answer.json()["error"]
    box.advance(1000)
    assert len(box.bill()) == 1


def test_what_was_due_in_time_is_billed_though_nobody_looked(box: Box) -> None:
    name = box.made("a", "b")
    box.sandbox._gate.desk.advanced_s += 31 * DAY_S
    assert box.state(name) == (0, 2, 0, 0)
    assert box.batch(name)["cancel_time"] is None
    assert box.api.get(f"{BATCHES}/{name}/results").status_code == 404
    assert len(box.bill()) == 2


# -- files ----------------------------------------------------------------------------


def line(name: str, body: Any, url: str = CHAT, **fields: Any) -> bytes:
    whole = {"custom_id": name, "method": "POST", "url": url, "body": body} | fields
    return json.dumps(whole).encode()


def upload(box: Box, *lines: bytes, end: bytes = b"\n") -> str:
    files = {"file": ("a.jsonl", end.join(lines) + end)}
    return box.api.post("/v1/files", files=files).json()["id"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n"])
def test_a_batch_is_filled_from_a_file(quick: Box, end: bytes) -> None:
    file = upload(
        quick,
        b"\xef\xbb\xbf" + line("a", chat()),
        line("b", {"model": "grok-4.3", "input": "Hi"}, "/v1/responses"),
        line("c", {"prompt": "A star"}, "/v1/images/generations"),
        line("d", chat(n=0)),
        end=end,
    )
    body = {"name": "n", "input_file_id": file}
    batch = quick.api.post(BATCHES, json=body).json()
    assert batch["input_file_id"] == file
    assert batch["state"]["num_requests"] == 4
    found = quick.results(batch["batch_id"])
    assert list(found) == ["a", "b", "c", "d"]
    assert "responses" in found["b"]["response"]
    assert found["d"]["error"]["code"] == 3
    quick.add(batch["batch_id"], chats("e"))
    assert quick.state(batch["batch_id"]) == (0, 4, 1, 0)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"{", "line 2: "),
        (b"\xff", "line 2: "),
        (b"[]", "line 2: Input should be an object"),
        (b"{}", "line 2: custom_id"),
        (line("b", 1), "line 2: body"),
        (line("b", chat(), method="GET"), "line 2: method"),
        (line("b", chat(), "/v1/embeddings"), "line 2: url"),
        (line("b", chat(), "https://api.x.ai/v1/chat/completions"), "line 2: url"),
        (line("a", chat()), "a is not unique"),
        (line("", chat()), "empty"),
    ],
)
def test_a_file_with_a_bad_line_makes_no_batch(
    quick: Box, bad: bytes, why: str
) -> None:
    file = upload(quick, line("a", chat()), bad)
    answer = quick.api.post(BATCHES, json={"name": "n", "input_file_id": file})
    assert answer.status_code == 400
    assert why in answer.json()["error"]
    assert quick.get(BATCHES)["batches"] == []
    assert quick.bill() == []


def test_all_bad_lines_are_told_but_not_endlessly(quick: Box) -> None:
    file = upload(quick, *[b"{}"] * 12)
    answer = quick.api.post(BATCHES, json={"name": "n", "input_file_id": file})
    told = answer.json()["error"]
    assert told.count("custom_id") == 10
    assert "and 2 more" in told
    empty = upload(quick, b"", b"  ")
    answer = quick.api.post(BATCHES, json={"name": "n", "input_file_id": empty})
    assert (answer.status_code, "no requests" in answer.text) == (400, True)


# -- what goes wrong ------------------------------------------------------------------


def test_half_of_a_batch_fails(quick: Box) -> None:
    quick.script({"do": "503", "match": "POST " + CHAT, "times": 2})
    name = quick.made("a", "b", "c", "d")
    found = quick.results(name)
    assert [one.keys() for one in found.values()] == [{"error"}] * 2 + [
        {"response"}
    ] * 2
    assert found["a"]["error"]["code"] == 14
    assert quick.state(name) == (0, 2, 2, 0)
    assert [call["billed"] for call in quick.bill()] == [False, False, True, True]
    # one in the middle
    quick.script({"do": "500", "match": "POST " + CHAT, "nth": 2})
    name = quick.made("a", "b", "c")
    assert [*quick.results(name)["b"]] == ["error"]
    assert quick.state(name) == (0, 2, 1, 0)


@pytest.mark.parametrize(
    ("kind", "code", "is_billed"),
    [
        ("400", 3, False),
        ("403-credit", 7, False),
        ("429", 8, False),
        ("498", 14, False),
        ("500", 13, False),
        ("504", 4, False),
        ("500-after-billing", 13, True),
        ("reset", 14, False),
        ("reset-after-billing", 14, True),
        ("cut-stream", 13, True),
        ("break-stream", 14, True),
        ("error-in-stream", 14, True),
        ("stall", 14, True),
        ("json-error-on-200", 14, False),
        ("html", 14, False),
        ("empty", 13, False),
        ("garbage", 13, False),
        ("redirect", 3, False),
        ("slow", None, True),
        ("split", None, True),
        ("comments", None, True),
    ],
)
def test_each_fault_inside_a_batch(
    quick: Box, kind: str, code: int | None, is_billed: bool
) -> None:
    quick.script({"do": kind, "match": "POST " + CHAT, "times": 1, "delay_ms": 60_000})
    name = quick.made("a", "b")
    found = quick.results(name)
    assert found["a"].get("error", {}).get("code") == code
    assert found["b"].keys() == {"response"}
    first, second = quick.bill()
    assert (first["billed"], second["billed"]) == (is_billed, True)
    assert first["fault"] == kind
    assert all(call["done"] for call in (first, second))
    cost = quick.batch(name)["cost_breakdown"]["total_cost_usd_ticks"]
    assert cost == first["cost_in_usd_ticks"] + second["cost_in_usd_ticks"]


@pytest.mark.parametrize("kind", ["reset", "503", "html", "empty", "redirect"])
def test_a_create_that_fails_before_makes_none(quick: Box, kind: str) -> None:
    quick.script({"do": kind, "match": "POST " + BATCHES, "times": 1})
    assert failed(quick, BATCHES, {"name": "n"})
    assert quick.get(BATCHES)["batches"] == []


@pytest.mark.parametrize(
    "kind", ["reset-after-billing", "503-after-billing", "cut-stream", "break-stream"]
)
def test_an_answer_that_is_lost_was_done(quick: Box, kind: str) -> None:
    fault = {"do": kind, "match": "POST " + BATCHES, "times": 2}
    quick.script(fault)
    assert failed(quick, BATCHES, {"name": "n"})
    (batch,) = quick.get(BATCHES)["batches"]
    path = f"{BATCHES}/{batch['batch_id']}/requests"
    quick.api.delete("/__sandbox/faults")
    quick.script(fault | {"times": 1})
    assert kind == "cut-stream" or failed(quick, path, chats("a"))
    if kind == "cut-stream":  # half of "{}" ends cleanly
        quick.api.post(path, json=chats("a"))
    assert quick.state(batch["batch_id"]) == (0, 1, 0, 0)
    for rest in ("", "/requests", "/results"):
        quick.api.delete("/__sandbox/faults")
        quick.script({"do": kind, "match": "GET " + BATCHES, "times": 1})
        assert failed(quick, f"{BATCHES}/{batch['batch_id']}{rest}", None)
        quick.get(f"{BATCHES}/{batch['batch_id']}{rest}")


def failed(box: Box, path: str, body: Any) -> bool:
    try:
        answer = box.api.get(path) if body is None else box.api.post(path, json=body)
        answer.raise_for_status()
        answer.json()
    except (httpx.HTTPError, ValueError):
        return True
    return False


# -- bills ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chat_get_completion", "responses"])
@pytest.mark.parametrize(
    ("model", "percent"),
    [("grok-4.3", 20), ("grok-4.20-non-reasoning", 20), ("grok-4.7", 0)],
)
def test_a_batch_costs_less_by_the_discount_on_tokens(
    quick: Box, kind: str, model: str, percent: int
) -> None:
    is_chat = kind == "chat_get_completion"
    body = chat("Hi " * 300) if is_chat else {"input": "Hi " * 300}
    body |= {"model": model}
    live = quick.api.post(CHAT if is_chat else "/v1/responses", json=body).json()
    name = quick.made()
    quick.add(name, {"batch_requests": [entry("a", body, kind)]})
    usage = quick.results(name)["a"]["response"][kind]["usage"]
    full, cost = live["usage"]["cost_in_usd_ticks"], usage["cost_in_usd_ticks"]
    assert cost * 100 == full * (100 - percent)
    assert usage == live["usage"] | {"cost_in_usd_ticks": cost}
    alone, inside = quick.bill()
    assert (alone["batch_id"], inside["batch_id"]) == (None, name)
    assert inside["usage"] == usage
    assert inside["cost_in_usd_ticks"] == cost
    assert inside["path"] == alone["path"]
    assert inside.keys() == alone.keys()
    total = quick.batch(name)["cost_breakdown"]
    assert total == {"total_cost_usd_ticks": cost}


def test_tools_and_pictures_have_no_discount(quick: Box) -> None:
    search = {
        "model": "grok-4.3",
        "input": "When was tram line 14 in Bern opened?",
        "tools": [{"type": "web_search"}],
    }
    live = quick.api.post("/v1/responses", json=search).json()["usage"]
    assert live["num_server_side_tools_used"] > 0
    star = {"prompt": "A star"}
    picture = quick.api.post("/v1/images/generations", json=star).json()["usage"]
    name = quick.made()
    asked = [entry("a", search, "responses"), entry("b", star, "image_generation")]
    quick.add(name, {"batch_requests": asked})
    found = quick.results(name)
    usage = found["a"]["response"]["responses"]["usage"]
    tokens = live["input_tokens"] - live["input_tokens_details"]["cached_tokens"]
    full = tokens * 12500 + live["output_tokens"] * 25000
    full += live["input_tokens_details"]["cached_tokens"] * 2000
    fees = live["cost_in_usd_ticks"] - full
    assert fees > 0
    assert usage["cost_in_usd_ticks"] == fees + full * 80 // 100
    assert found["b"]["response"]["image_generation"]["usage"] == picture


def test_the_ledger_has_a_batch_also_for_who_looks_there_first(quick: Box) -> None:
    quick.made("a", "b")
    assert len(quick.sandbox.calls()) == 2
    quick.made("c")
    quick.api.delete("/__sandbox/ledger")
    assert quick.sandbox.calls() == []
    assert [one["path"] for one in quick.sandbox.requests()] == [
        BATCHES,
        quick.sandbox.requests()[1]["path"],
        BATCHES,
        quick.sandbox.requests()[3]["path"],
    ]


def test_others_are_answered_while_a_batch_is_worked_on(box: Box) -> None:
    name = box.made(*(f"r{number}" for number in range(1500)))
    path = f"{BATCHES}/{name}"
    box.sandbox._gate.desk.advanced_s += 61
    headers = {"Authorization": f"Bearer {box.sandbox.key}"}
    with ThreadPoolExecutor() as pool:
        url = box.sandbox.root_url + path
        looks = [
            pool.submit(httpx.get, url, headers=headers, timeout=120) for _ in range(3)
        ]
        while not any(
            one["path"] == path for one in box.get("/__sandbox/log")["requests"]
        ):
            pass
        assert box.get("/v1/models")["data"]
        assert not any(look.done() for look in looks)
        states = [look.result().json()["state"] for look in looks]
    assert [state["num_success"] for state in states] == [1500] * 3
    assert len(box.bill()) == 1500


def test_a_sandbox_that_was_started_again_works_on(box: Box) -> None:
    name = box.made("a")
    box.advance(61)
    assert box.state(name) == (0, 1, 0, 0)
    box.add(name, chats("b"))
    box.sandbox.stop()
    box.sandbox.start()
    box.advance(61)
    assert box.state(name) == (0, 2, 0, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("bad"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("twice"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 1), st.just(0)),
        st.tuples(
            st.just("advance"),
            st.just(0),
            st.sampled_from([10, 61, 61, 15 * DAY_S, 31 * DAY_S]),
        ),
        st.tuples(st.just("fail"), st.just(0), st.integers(1, 2)),
    ),
    min_size=6,
    max_size=16,
)


def test_counters_and_bills_agree_whatever_is_done() -> None:
    met = set()

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(STEPS)
    def run(steps: list[tuple[str, int, int]]) -> None:
        for window in ("faults", "ledger"):
            box.api.delete(f"/__sandbox/{window}")
        names, made_at = [box.made(), box.made()], box.now()
        added: list[set[str]] = [set(), set()]
        for number, (what, which, amount) in enumerate(steps):
            batch = box.batch(names[which])
            is_open = (
                batch["cancel_time"] is None and box.now() < made_at + 30 * DAY_S - 60
            )
            if what == "advance":
                box.advance(amount)
            elif what == "fail":
                box.script({"do": "500-after-billing", "match": CHAT, "times": amount})
            elif what == "cancel":
                box.api.post(f"{BATCHES}/{names[which]}:cancel")
            else:
                new = {f"{number}-{one}" for one in range(amount)}
                body = chats(*sorted(new))
                if what == "bad":
                    new = {f"bad{number}"}
                    body = {"batch_requests": [entry(*new, chat(n=0))]}
                if what == "twice":
                    body = chats(*(sorted(added[which])[:1] or ["a", "a"]))
                path = f"{BATCHES}/{names[which]}/requests"
                status = box.api.post(path, json=body).status_code
                if what == "twice":
                    assert status == 400
                elif status == 200:
                    added[which] |= new
                else:
                    assert (status, is_open) == (400, False)
            for name, all_of_it in zip(names, added, strict=True):
                check(name, all_of_it)

    def check(name: str, added: set[str]) -> None:
        pending, success, error, cancelled = box.state(name)
        assert pending + success + error + cancelled == len(added)
        batch = box.batch(name)
        listed = box.get(f"{BATCHES}/{name}/requests")["batch_request_metadata"]
        assert {one["batch_request_id"] for one in listed} == added
        states = [one["state"] for one in listed]
        counted = [
            states.count(one) for one in ("pending", "succeeded", "failed", "cancelled")
        ]
        assert counted == [pending, success, error, cancelled]
        calls = [call for call in box.bill() if call["batch_id"] == name]
        cost = sum(call["cost_in_usd_ticks"] for call in calls)
        assert batch["cost_breakdown"] == {"total_cost_usd_ticks": cost}
        met.update(state for state in states if listed)
        answer = box.api.get(f"{BATCHES}/{name}/results")
        if answer.status_code == 404:
            met.add("expired")
            return
        results = answer.json()["results"]
        assert len(results) == success + error
        told = sum(
            one["batch_result"]["response"]["chat_get_completion"]["usage"][
                "cost_in_usd_ticks"
            ]
            for one in results
            if "response" in one["batch_result"]
        )
        lost = [call for call in calls if call["status"] == 500]
        assert told + sum(call["cost_in_usd_ticks"] for call in lost) == cost
        met.update(["lost"] if lost else [])

    with running(latency_ms=LATENCY_MS) as box:
        run()
    assert met >= {"pending", "succeeded", "failed", "cancelled", "expired", "lost"}
