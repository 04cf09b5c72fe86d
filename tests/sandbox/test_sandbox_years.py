"""Small endpoints, the vintage 2025 with its live search, log probabilities, rates."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from grok_nb._sandbox import corpus
from grok_nb._sandbox.books import Limits
from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.server import Sandbox

CHAT = "/v1/chat/completions"
RATES = ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens")


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[httpx.Client]:
    with (
        Sandbox(**settings) as sandbox,
        httpx.Client(
            base_url=sandbox.root_url,
            headers={"Authorization": f"Bearer {sandbox.key}"},
        ) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def today() -> Iterator[httpx.Client]:
    with running() as client:
        yield client


@pytest.fixture(scope="module")
def then() -> Iterator[httpx.Client]:
    with running(vintage="2025") as client:
        yield client


def ask(client: httpx.Client, text: str = "What is 101*3?", **fields: Any):
    messages = [{"role": "user", "content": text}]
    body = {"model": "grok-4.7", "messages": messages} | fields
    return client.post(CHAT, json=body)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "text/event-stream"
    lines = [line[6:] for line in answer.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


# -- tokenize-text, api-key, me -----------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Hi there", "", "Grüße, 1234567!\n", "\U0001f600" * 3]
)
def test_tokens_of_a_text_join_to_it(today: httpx.Client, text: str) -> None:
    body = {"model": "grok-4.7", "text": text, "user": "u"}
    tokens = today.post("/v1/tokenize-text", json=body).json()["token_ids"]
    assert "".join(token["string_token"] for token in tokens) == text
    for token in tokens:
        assert set(token) == {"token_id", "string_token", "token_bytes"}
        assert bytes(token["token_bytes"]).decode() == token["string_token"]
        assert 0 <= token["token_id"] < 2**17


def test_tokens_are_those_a_prompt_is_billed_for(today: httpx.Client) -> None:
    text = "A longer text, with 12345 numbers. " * 20
    body = {"model": "grok-3", "text": text}
    tokens = today.post("/v1/tokenize-text", json=body).json()["token_ids"]
    usage = ask(today, text).json()["usage"]
    # The API's count is a lower bound, too: a message has hidden tokens.
    assert 0 < usage["prompt_tokens"] - len(tokens) < 10


def test_tokenizing_is_free_and_checked(today: httpx.Client) -> None:
    today.delete("/__sandbox/ledger")
    good = today.post("/v1/tokenize-text", json={"model": "grok-4.7", "text": "a"})
    assert not [name for name in good.headers if name.startswith("x-ratelimit")]
    for body, status in [
        ({"model": "nope", "text": "a"}, 404),
        ({"model": "grok-imagine-image", "text": "a"}, 404),
        ({"text": "a"}, 422),
        ({"model": "grok-4.7"}, 422),
        ({"model": "grok-4.7", "text": 1}, 422),
    ]:
        assert today.post("/v1/tokenize-text", json=body).status_code == status
    assert today.post("/v1/tokenize-text", content=b"{}").status_code == 415
    assert today.get("/__sandbox/ledger").json() == {"calls": []}


def test_api_key_tells_about_the_key_but_no_part_of_it() -> None:
    with running(key="xai-secret-0123456789") as client:
        answer = client.get("/v1/api-key")
        found = answer.json()
        assert re.fullmatch(r"xai-\.\.\.[0-9a-f]{4}", found["redacted_api_key"])
        assert not found["redacted_api_key"].endswith("6789")
        assert found["acls"] == ["api-key:model:*", "api-key:endpoint:*"]
        assert not found["team_blocked"]
        assert found["create_time"].endswith("Z")
        me = client.get("/v1/me").json()
        assert me["api_key"] == found
        assert (me["user_id"], me["team_id"]) == (found["user_id"], found["team_id"])
        assert "secret" not in answer.text


def test_me_is_of_2026(then: httpx.Client) -> None:
    assert then.get("/v1/me").status_code == 404
    assert then.get("/v1/api-key").status_code == 200


# -- 2025 ---------------------------------------------------------------------------


def test_2025_lists_without_prices_and_serves_its_models(then: httpx.Client) -> None:
    entries = {entry["id"]: entry for entry in then.get("/v1/models").json()["data"]}
    assert set(entries["grok-3"]) == {"id", "object", "created", "owned_by"}
    full = then.get("/v1/language-models/grok-3-mini").json()
    assert full["prompt_text_token_price"] == 3000
    answer = ask(then, model="grok-3-mini-latest", reasoning_effort="low").json()
    assert answer["model"] == "grok-3-mini"
    message = answer["choices"][0]["message"]
    assert message["reasoning_content"]
    usage = answer["usage"]
    output = usage["completion_tokens"]
    output += usage["completion_tokens_details"]["reasoning_tokens"]
    cost = usage["prompt_tokens"] * 3000 + output * 5000
    assert usage["cost_in_usd_ticks"] == cost


def test_grok_4_of_2025_reasons_in_silence(then: httpx.Client) -> None:
    answer = ask(then, model="grok-4").json()
    assert "reasoning_content" not in answer["choices"][0]["message"]
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    chunks = events(ask(then, model="grok-4", stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert not any("reasoning_content" in delta for delta in deltas)
    last = chunks[-1]["usage"]
    assert last == answer["usage"]


def test_2025_counts_reasoning_at_the_top_level_as_well(
    then: httpx.Client, today: httpx.Client
) -> None:
    usage = ask(then, model="grok-4").json()["usage"]
    details = usage["completion_tokens_details"]["reasoning_tokens"]
    assert usage["reasoning_tokens"] == details > 0
    total = usage["prompt_tokens"] + usage["completion_tokens"] + details
    assert usage["total_tokens"] == total
    assert "reasoning_tokens" not in ask(today).json()["usage"]


def test_2025_has_sentences_for_codes_and_plain_422(then: httpx.Client) -> None:
    assert ask(then, model="nope").json()["code"] == (
        "Some requested entity was not found"
    )
    assert ask(then, n=0).json()["code"] == "Client specified an invalid argument"
    refused = ask(then, search_parameters={"mode": "maybe"})
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("text/plain")
    assert "search_parameters.mode: " in refused.text


def search(client: httpx.Client, text: str = "World news", **wanted: Any):
    return ask(client, text, search_parameters={"mode": "on"} | wanted)


def test_live_search_cites_and_costs_each_source(then: httpx.Client) -> None:
    plain = ask(then, "Any world news today?").json()
    found = search(then, "Any world news today?").json()
    number = found["usage"]["num_sources_used"]
    assert number == len(found["citations"]) > 0
    assert all(
        url in found["choices"][0]["message"]["content"] for url in found["citations"]
    )
    extra = found["usage"]["completion_tokens"] - plain["usage"]["completion_tokens"]
    price = 60_000 * extra
    cost = found["usage"]["cost_in_usd_ticks"] - plain["usage"]["cost_in_usd_ticks"]
    # 0.025 USD each.
    assert cost - price == number * 250_000_000


def test_citations_of_a_stream_come_last(then: httpx.Client) -> None:
    whole = search(then).json()["citations"]
    wanted = {"mode": "on"}
    options = {"include_usage": True}
    chunks = events(
        ask(
            then,
            "World news",
            search_parameters=wanted,
            stream=True,
            stream_options=options,
        )
    )
    assert [chunk.get("citations") for chunk in chunks[-2:]] == [whole, whole]
    assert not any("citations" in chunk for chunk in chunks[:-2])
    assert chunks[0]["usage"]["num_sources_used"] == len(whole)


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("World news", {"mode": "off"}, None),
        ("World news", {"return_citations": False}, None),
        ("World news", {"max_search_results": 1}, 1),
        ("Zyzzyva", {}, 0),
        # With auto one common word is not enough.
        ("Tell me about London", {"mode": "auto"}, 0),
        ("A burger in London", {"mode": "auto"}, 2),
        ("A burger in London", {"sources": [{"type": "web"}]}, 1),
        ("A burger in London", {"sources": [{"type": "web", "safe_search": False}]}, 2),
        ("London burger", {"sources": [{"type": "x", "post_favorite_count": 10}]}, 0),
        ("London burger", {"sources": [{"type": "x", "x_handles": ["grok"]}]}, 0),
        (
            "London burger",
            {"sources": [{"type": "x", "excluded_x_handles": ["grok"]}]},
            1,
        ),
        (
            "London burger",
            {"sources": [{"type": "web", "excluded_websites": ["kitchen.example"]}]},
            0,
        ),
        (
            "shapes of DNA discovered",
            {"sources": [{"type": "web", "allowed_websites": ["lab.example"]}]},
            1,
        ),
        ("Skiing?", {"sources": [{"type": "web", "country": "GB"}]}, 0),
        ("Skiing?", {"sources": [{"type": "web", "country": "CH"}]}, 1),
        ("viral meme of 2022", {"to_date": "2022-12-31"}, 1),
        ("viral meme of 2022", {"to_date": "2022-12-19"}, 0),
        ("viral meme of 2022", {"from_date": "2023-01-01"}, 0),
        ("Bridge news", {"sources": [{"type": "news"}]}, 2),
        (
            "Was a comet seen?",
            {
                "sources": [
                    {"type": "rss", "links": ["https://feeds.example/science.xml"]}
                ]
            },
            1,
        ),
    ],
)
def test_live_search_heeds_its_parameters(
    then: httpx.Client, text: str, wanted: dict[str, Any], found: int | None
) -> None:
    answer = search(then, text, **wanted)
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["citations"]) == found if found is not None else True
    assert ("citations" in body) == (found is not None)


WEB = {"type": "web"}
X = {"type": "x"}


@pytest.mark.parametrize(
    ("wanted", "status", "named"),
    [
        ({"mode": 1}, 422, "search_parameters.mode"),
        ({"return_citations": "yes"}, 422, "search_parameters.return_citations"),
        ({"max_search_results": "5"}, 422, "search_parameters.max_search_results"),
        ({"sources": {}}, 422, "search_parameters.sources"),
        ({"sources": [{"type": "blog"}]}, 422, "search_parameters.sources[0]"),
        ({"sources": [{"type": "rss"}]}, 422, "search_parameters.sources[0].links"),
        (
            {"sources": [WEB, X | {"x_handles": "grok"}]},
            422,
            "search_parameters.sources[1].x_handles",
        ),
        ({"max_search_results": 0}, 400, "max_search_results"),
        ({"max_search_results": 31}, 400, "max_search_results"),
        ({"from_date": "yesterday"}, 400, "from_date"),
        ({"from_date": "20250101"}, 400, "from_date"),
        ({"to_date": "2025-02-30"}, 400, "to_date"),
        ({"from_date": "2025-02-01", "to_date": "2025-01-01"}, 400, "from_date"),
        ({"sources": [WEB | {"country": "ch"}]}, 400, "sources[0].country"),
        (
            {"sources": [WEB | {"excluded_websites": list("abcdef")}]},
            400,
            "sources[0].excluded_websites",
        ),
        (
            {"sources": [WEB | {"allowed_websites": list("abcdef")}]},
            400,
            "sources[0].allowed_websites",
        ),
        (
            {
                "sources": [
                    WEB | {"allowed_websites": ["a"], "excluded_websites": ["b"]}
                ]
            },
            400,
            "sources[0].allowed_websites",
        ),
        (
            {"sources": [X | {"x_handles": ["a"], "excluded_x_handles": ["b"]}]},
            400,
            "sources[0].excluded_x_handles",
        ),
        (
            {"sources": [X | {"x_handles": ["a"], "included_x_handles": ["b"]}]},
            400,
            "sources[0].included_x_handles",
        ),
        (
            {"sources": [X | {"included_x_handles": list("abcdefghijk")}]},
            400,
            "sources[0].included_x_handles",
        ),
        ({"sources": [X | {"post_view_count": -1}]}, 400, "sources[0].post_view_count"),
        ({"sources": [{"type": "rss", "links": []}]}, 400, "sources[0].links"),
        ({"sources": [{"type": "rss", "links": ["a"]}]}, 400, "sources[0].links"),
        (
            {"sources": [{"type": "rss", "links": ["https://a", "https://b"]}]},
            400,
            "sources[0].links",
        ),
    ],
)
def test_live_search_is_checked(
    then: httpx.Client, wanted: dict[str, Any], status: int, named: str
) -> None:
    answer = search(then, **wanted)
    assert answer.status_code == status
    assert named in answer.text


@pytest.mark.parametrize("wanted", [{}, {"mode": "off"}, {"mode": "on"}])
def test_live_search_is_gone_in_2026(today: httpx.Client, wanted: Any) -> None:
    answer = ask(today, search_parameters=wanted)
    assert answer.status_code == 410
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith("Live search is deprecated.")


def test_the_corpus_is_made_up() -> None:
    for page in corpus.pages():
        assert page.url.split("/")[2].endswith(".example")


# -- logprobs -----------------------------------------------------------------------


def test_logprobs_are_there_for_each_token(then: httpx.Client) -> None:
    fields = {"model": "grok-3", "logprobs": True, "top_logprobs": 3}
    answer = ask(then, **fields).json()
    choice = answer["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(e["token"] for e in entries) == choice["message"]["content"]
    assert len(entries) == answer["usage"]["completion_tokens"]
    for entry in entries:
        assert bytes(entry["bytes"]).decode() == entry["token"]
        top = entry["top_logprobs"]
        assert len(top) == 3
        assert top[0]["token"] == entry["token"]
        assert len({one["token"] for one in top}) == 3
        values = [one["logprob"] for one in top]
        assert values == sorted(values, reverse=True)
        assert 0 >= values[0] > values[-1]
        assert sum(map(math.exp, values)) < 2
    assert ask(then, **fields).json()["choices"] == answer["choices"]
    chunks = events(ask(then, **fields, stream=True))
    streamed = [
        entry
        for chunk in chunks
        for entry in chunk["choices"][0].get("logprobs", {"content": []})["content"]
    ]
    assert streamed == entries


def test_logprobs_without_top_have_none(then: httpx.Client) -> None:
    answer = ask(then, model="grok-3", logprobs=True).json()
    entries = answer["choices"][0]["logprobs"]["content"]
    assert all(entry["top_logprobs"] == [] for entry in entries)


def test_logprobs_are_ignored_since_grok_4_20(
    today: httpx.Client, then: httpx.Client
) -> None:
    for client in (today, then):
        for model in ("grok-4.7", "grok-4.20-non-reasoning"):
            answer = ask(client, model=model, logprobs=True, top_logprobs=2)
            assert answer.status_code == 200
            assert "logprobs" not in answer.json()["choices"][0]
    assert "logprobs" not in ask(then, model="grok-3").json()["choices"][0]


# -- rates --------------------------------------------------------------------------


def rates(answer: httpx.Response) -> list[int]:
    return [int(answer.headers[f"x-ratelimit-{name}"]) for name in RATES]


def test_rates_count_down_per_model() -> None:
    with running(rpm=3, tpm=1000) as client:
        first = ask(client)
        used = first.json()["usage"]
        # The answer's own tokens are settled when it has been sent.
        assert rates(first) == [3, 2, 1000, 1000 - used["prompt_tokens"]]
        second = rates(ask(client))
        assert second[:2] == [3, 1]
        assert second[3] == 1000 - used["total_tokens"] - used["prompt_tokens"]
        assert rates(ask(client, model="grok-4.3"))[1] == 2
        # A redirected id shares the limit of its target.
        assert rates(ask(client, model="grok-3"))[1] == 1
        assert rates(ask(client, stream=True))[1] == 0
        refused = ask(client)
        assert refused.status_code == 429
        assert refused.json()["code"] == "resource-exhausted"
        assert re.fullmatch(
            r"Too many requests for team \S+ and model grok-4\.7\. Your team's rate "
            r"limit is - Requests per Minute \(actual/limit\): 3/3\.",
            refused.json()["error"],
        )
        headers = " ".join(refused.headers)
        assert "ratelimit" not in headers
        assert "retry-after" not in headers


def test_tokens_per_minute_are_refused_with_their_text() -> None:
    with running(tpm=100) as client:
        assert ask(client, "Count to 50").status_code == 200
        refused = ask(client)
        assert refused.status_code == 429
        assert re.search(
            r"Tokens per Minute \(actual/limit\): \d+/100\.", refused.json()["error"]
        )
        assert ask(client, model="grok-4.3").status_code == 200


def test_refused_requests_and_listings_do_not_count() -> None:
    with running(rpm=2) as client:
        ask(client)
        client.get("/v1/models")
        ask(client, n=0)
        ask(client, model="nope")
        assert rates(ask(client))[1] == 0
        assert ask(client).status_code == 429


def test_the_window_slides_and_settles() -> None:
    limits = Limits(2, 100)
    first = limits.admit("m", 10, 0.0)
    limits.admit("m", 10, 30.0)
    first.settle(80)
    assert limits.headers("m", 30.0)["x-ratelimit-remaining-tokens"] == "10"
    with pytest.raises(ApiError):
        limits.admit("m", 1, 59.9)
    # What is a minute old is forgotten, with what it was settled to.
    assert limits.headers("m", 60.0)["x-ratelimit-remaining-tokens"] == "90"
    first.settle(5)
    assert limits.headers("m", 60.0)["x-ratelimit-remaining-tokens"] == "90"
    limits.admit("m", 90, 60.0)
    assert limits.headers("m", 60.0)["x-ratelimit-remaining-requests"] == "0"
