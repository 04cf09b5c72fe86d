"""The client as a whole: which model, which request, how listings are read."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

import grok_nb as gn
from grok_nb import config
from grok_nb.api.question import question
from grok_nb.errors import (
    BadRequest,
    ConfigError,
    GrokError,
    ServerFault,
    Unauthorized,
)
from grok_nb.reply import Origin
from grok_nb.session import AsyncGrok

from ..support import (
    COMPLETION,
    HELLO,
    KEY,
    RECORDED,
    TEXT,
    Answer,
    completion,
    refusal,
    session,
    streamed,
)


def listing(*names: str) -> Answer:
    models = [
        {"id": name, "created": at, "output_modalities": ["text"]}
        for at, name in enumerate(names)
    ]
    return Answer(pieces=json.dumps({"models": models}).encode())


# -- which model -----------------------------------------------------------------------


async def test_the_model_given_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROK_NB_MODEL", "from-environment")
    with session(completion(), model="configured") as s:
        await s.grok.ask("Hi", model="given")
        await s.grok.ask("Hi")
        await s.grok.chat_completion(HELLO)
        names = [body["model"] for body in s.script.bodies]
        assert names == ["given", "configured", "configured"]


async def test_the_environment_s_model_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"GROK_NB_MODEL": "from-environment"}
    assert config.resolve({}, environ=environ).model == "from-environment"
    monkeypatch.setenv("GROK_NB_MODEL", "from-environment")
    with session(completion(), model=None) as s:
        await s.grok.ask("Hi")
        assert s.script.bodies[0]["model"] == "from-environment"


async def test_the_newest_model_of_the_listing_is_asked_for_once() -> None:
    with session(listing("old", "grok-code", "new"), completion(), model=None) as s:
        for _ in range(3):
            await s.grok.ask("Hi")
        paths = [request.url.path for request in s.script.requests]
        assert paths == ["/v1/language-models", *["/v1/chat/completions"] * 3]
        asked = [json.loads(r.content)["model"] for r in s.script.requests[1:]]
        assert asked == ["new"] * 3
        assert len(s.rows) == 3  # the listing is free


@pytest.mark.parametrize(
    "failure",
    [
        refusal(503),
        refusal(404),
        refusal(429),
        refusal(500),
        refusal(403),
        httpx.ConnectError("no"),
        httpx.ReadError("no"),
        Answer(pieces=b"<html>"),
        Answer(pieces=b""),
        Answer(pieces=b'{"models": []}'),
        Answer(pieces=b'{"models": null, "data": 5}'),
        Answer(pieces=b'{"models": [{"id": 5, "output_modalities": 5}, null]}'),
    ],
    ids=range(12),
)
async def test_without_a_listing_the_bundled_default_is_asked(failure: Any) -> None:
    with session(failure, completion(), model=None) as s:
        await s.grok.ask("Hi")
        assert json.loads(s.script.requests[-1].content)["model"] == "grok-4.7"
        assert len(s.script.requests) == 2  # a listing is not worth a wait
        assert s.clock.slept == []


@pytest.mark.parametrize(
    "failure", [refusal(401), refusal(400, "Incorrect API key provided: xa***ey.")]
)
async def test_a_wrong_key_is_told_at_once(failure: Answer) -> None:
    with session(failure, completion(), model=None) as s:
        with pytest.raises(Unauthorized):
            await s.grok.ask("Hi")
        assert len(s.script.requests) == 1
        assert s.rows == []


async def test_without_a_key_nothing_is_sent() -> None:
    for model in ("grok-4.7", None):
        with session(completion(), api_key=None, model=model) as s:
            for call in (s.grok.ask("Hi"), s.collect(), s.grok.models()):
                with pytest.raises(ConfigError, match="No API key"):
                    await call
            assert s.script.requests == []
            assert [row["cost_usd"] for row in s.rows] in ([], [0, 0])
            assert {row["state"] for row in s.rows} <= {"failed"}


# -- the request -----------------------------------------------------------------------


async def test_the_request_has_the_documented_headers_and_no_other() -> None:
    with session(completion()) as s:
        await s.grok.ask("Hi")
        (request,) = s.script.requests
        assert str(request.url) == "http://grok.invalid/v1/chat/completions"
        assert request.method == "POST"
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/json"
        assert {name.lower() for name in request.headers} == {
            *("host", "accept", "accept-encoding", "user-agent"),
            *("authorization", "content-type", "content-length"),
        }


async def test_a_free_request_sends_no_body() -> None:
    with session(Answer(pieces=b'{"data": []}')) as s:
        assert await s.grok.models() == []
        (request,) = s.script.requests
        assert (request.method, request.content) == ("GET", b"")
        assert "content-type" not in request.headers


async def test_redirects_are_not_followed() -> None:
    """The key must not travel to another host."""
    away = Answer(302, b"", {"location": "http://evil.invalid/v1"})
    with session(away) as s:
        with pytest.raises(ServerFault, match="302"):
            await s.grok.ask("Hi")
        assert [r.url.host for r in s.script.requests] == ["grok.invalid"]


async def test_one_transport_serves_all_calls() -> None:
    with session(completion(), listing("a"), streamed(RECORDED)) as s:
        await s.grok.ask("Hi")
        await s.grok.models()
        assert (await s.collect())[1].text == TEXT
        async with s.grok:
            pass
        s.script.load(completion())
        assert (await s.grok.ask("Hi")).text == "42."


async def test_the_response_s_model_and_ids_are_in_reply_and_row() -> None:
    with session(completion(model="grok-4.7-resolved")) as s:
        reply = await s.grok.ask("Hi", model="grok-4.7-latest")
        assert (reply.model, s.row["model"]) == ("grok-4.7-resolved",) * 2
        assert reply.id == s.row["response_id"] == COMPLETION["id"]
        assert reply.fingerprint == s.row["system_fingerprint"] == "fp_0a1b2c3d4e"
        assert reply.request == {
            "path": "/chat/completions",
            "body": {"model": "grok-4.7-latest", "messages": HELLO},
        }


async def test_the_row_says_where_a_call_came_from() -> None:
    origin = Origin("magic", "main", "a.ipynb", "c1", "r1")
    with session(completion()) as s:
        reply = await s.grok.fetch(question("Hi", origin=origin))
        assert reply.thread == "main"
        names = ("source", "thread", "notebook", "cell_id", "run")
        assert [s.row[name] for name in names] == [
            *("magic", "main", "a.ipynb", "c1", "r1")
        ]


async def test_a_streamed_and_a_whole_question_have_the_same_request() -> None:
    with session(completion(), streamed(RECORDED)) as s:
        whole = await s.grok.ask("Hi")
        _, parts = await s.collect()
        assert whole.request == parts.request


# -- money -----------------------------------------------------------------------------


async def test_the_reported_cost_wins_over_the_list() -> None:
    usage = {**COMPLETION["usage"], "cost_in_usd_ticks": 5}
    with session(completion(usage=usage)) as s:
        reply = await s.grok.ask("Hi")
        assert (reply.cost_ticks, reply.cost_source) == (5, "reported")


async def test_without_a_reported_cost_it_is_computed() -> None:
    usage = {k: v for k, v in COMPLETION["usage"].items() if "ticks" not in k}
    with session(completion(usage=usage)) as s:
        reply = await s.grok.ask("Hi")
        assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "computed")
        assert s.row["cost_source"] == "computed"
        s.script.load(completion(usage=usage, service_tier="priority"))
        assert (await s.grok.ask("Hi")).cost_ticks == 92_800_000
        s.script.load(completion(usage=usage, model="grok-99"))
        reply = await s.grok.ask("Hi")  # no list has that id: the asked one's price
        assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "estimated")
        reply = await s.grok.ask("Hi", model="grok-98")
        assert (reply.cost_ticks, reply.cost_source) == (None, "none")
        assert reply.cost_usd is None


async def test_a_500_is_in_doubt_whatever_it_says() -> None:
    text = b'{"code": "unavailable", "error": "The service is currently unavailable"}'
    for status in (500, 502, 504):
        with session(Answer(status=status, pieces=text), completion()) as s:
            assert (await s.grok.ask("Hi")).attempts_in_doubt == 1
            assert s.column("state") == ["in_doubt", "done"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": []}',
        b"{}",
        b'{"hello": "world"}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": "x"}',
    ],
)
async def test_an_answer_without_a_reply_is_never_done(body: bytes) -> None:
    with session(Answer(pieces=body)) as s:
        with pytest.raises(gn.errors.ServerFault, match="holds no reply"):
            await s.grok.ask("Hi")
        assert set(s.column("state")) == {"in_doubt"}


async def test_a_bill_without_a_reply_is_booked_and_not_paid_again() -> None:
    with session(completion(choices=[])) as s:
        with pytest.raises(gn.errors.ServerFault):
            await s.grok.ask("Hi")
        (row,) = s.rows
        assert (row["state"], row["cost_source"]) == ("failed", "reported")


async def test_a_live_price_is_used_once_it_was_read() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 0}
    entry = {
        "id": "grok-4.7",
        "created": 1,
        "output_modalities": ["text"],
        "prompt_text_token_price": 7,
    }
    live = Answer(pieces=json.dumps({"models": [entry]}).encode())
    with session(live, completion(usage=usage), model=None) as s:
        assert (await s.grok.ask("Hi")).cost_ticks == 70
        found = s.grok.exchange.table.find("grok-4.7")
        assert (found.source, found.as_of) == ("live", "2026-10-21")


# -- listings --------------------------------------------------------------------------

ENTRY = {"id": "a", "created": 1, "new_field": {"x": 1}, "aliases": ["b"]}
LISTINGS = {
    "models": "/v1/models",
    "language_models": "/v1/language-models",
    "image_generation_models": "/v1/image-generation-models",
    "embedding_models": "/v1/embedding-models",
}


@pytest.mark.parametrize("name", LISTINGS)
async def test_listings_and_their_forms_by_id(name: str) -> None:
    entry = json.dumps(ENTRY).encode()
    for envelope in (b'{"object":"list","data":[%b,null]}', b'{"models":[%b, 5]}'):
        with session(Answer(pieces=envelope % entry)) as s:
            (found,) = await getattr(s.grok, name)()
            assert (found.id, found.aliases, found.raw) == ("a", ["b"], ENTRY)
            assert s.script.requests[0].url.path == LISTINGS[name]
            assert s.rows == []
    with session(Answer(pieces=entry)) as s:
        found = await getattr(s.grok, name.removesuffix("s"))("a/../b c?d#e%")
        assert found.raw == ENTRY
        raw = s.script.requests[0].url.raw_path.decode()
        assert raw == f"{LISTINGS[name]}/a%2F..%2Fb%20c%3Fd%23e%25"


@pytest.mark.parametrize("name", LISTINGS)
@pytest.mark.parametrize("body", [b'{"models":[]}', b'{"models":null}', b'{"data":[]}'])
async def test_a_listing_may_be_empty(name: str, body: bytes) -> None:
    with session(Answer(pieces=body)) as s:
        assert await getattr(s.grok, name)() == []


async def test_prices_of_pictures_by_quality_are_read_where_they_are_told() -> None:
    # xai-api.md section 9: a client reads them, no listing was seen with them
    prices = [{"quality": "low", "resolution": "1k", "price": 0.02}, 7, {"price": "x"}]
    entry = {"id": "grok-imagine-image", "aliases": ["i"], "image_price": 200_000_000}
    for given in (prices, None, "free"):
        said = json.dumps({"models": [{**entry, "pricing": given}]}).encode()
        with session(Answer(pieces=said)) as s:
            (found,) = await s.grok.image_generation_models()
            assert (found.image_price, found.aliases) == (200_000_000, ["i"])
            assert found.raw["pricing"] == given
            told = [(p.quality, p.resolution, p.price) for p in found.pricing or ()]
            wanted = [("low", "1k", 0.02), (None, None, None)]
            assert told == (wanted if given is prices else [])


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"null", b'{"error": "x"}', b'{"data": ']
)
async def test_a_listing_that_is_none_is_an_error(body: bytes) -> None:
    with session(Answer(pieces=body)) as s:
        with pytest.raises(ServerFault):
            await s.grok.models()
        with pytest.raises(ServerFault):
            await s.grok.model("a")


async def test_prices_are_read_from_all_listings() -> None:
    answers = [
        Answer(pieces=b'{"data":[{"id":"a","context_length":9},{"id":"grok-3"}]}'),
        Answer(pieces=b'{"models":[{"id":"a","prompt_text_token_price":7}, {}]}'),
        Answer(pieces=b'{"models":[{"id":"p","image_price":5}]}'),
    ]
    with session(*answers) as s:
        table = await s.grok.read_prices()
    model = table.find("a")
    assert model is not None
    assert (model.context_window, model.rates.input) == (9, 7)
    picture = table.find("p")
    assert picture is not None
    assert (picture.kind, picture.image_ticks) == ("image", 5)
    assert "None" not in table.names()


# -- an environment that cannot work ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTPS_PROXY", "nonsense://proxy", "nonsense"),
        ("ALL_PROXY", "socks5://127.0.0.1:9", "socks"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "No such file"),
    ],
)
async def test_wrong_proxy_and_certificate_settings_are_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    grok = AsyncGrok(api_key=KEY, model="m", store=":memory:", timeout_s=1)
    try:
        with pytest.raises(ConfigError, match=f"(?i){said}") as caught:
            await grok.ask("Hi")
        assert name in caught.value.hint
    finally:
        grok.store.close()


@pytest.mark.parametrize("base_url", ["http://a b/v1", "http://[x]/", "http://a\x01b"])
async def test_an_address_that_is_none_is_a_config_error(base_url: str) -> None:
    with (
        pytest.raises(ConfigError, match="base_url"),
        session(completion(), base_url=base_url) as s,
    ):
        await s.grok.ask("Hi")


async def test_every_failure_is_a_grok_error_or_a_reply() -> None:
    """All statuses there are, with and without a body."""
    with session(refusal(500)) as s:
        for status in (*range(201, 210), *range(300, 310), *range(400, 432), 451, 599):
            for body in (b"", b"text", b'{"error": "x"}'):
                s.script.load(Answer(status, body))
                with pytest.raises(GrokError):
                    await s.grok.ask("Hi")
        assert "done" not in s.column("state")
        assert {r["cost_source"] for r in s.rows} == {"none"}
        with pytest.raises(BadRequest):
            await s.grok.ask("")
