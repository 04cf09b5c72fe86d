"""`search_parameters` against the sandbox of 2025, which has them, and today's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from grok_nb.api import live_search
from grok_nb.store.ledger import COLUMNS
from tests.support import bills, requests

NEWS = "Provide me a digest of world news in the last 24 hours."
ASKED = [{"role": "user", "content": NEWS}]
SEARCH = {"mode": "auto", "return_citations": True}


@pytest.fixture(autouse=True)
def nothing_was_told() -> Iterator[None]:
    live_search._told.clear()
    yield
    live_search._told.clear()


@pytest.fixture(params=["2025", "2026"])
def box(request) -> Iterator[Any]:
    with Sandbox(vintage=request.param) as sandbox:
        sandbox.year = request.param  # type: ignore[attr-defined]
        yield sandbox


@pytest.fixture
def grok(box) -> Iterator[gn.Grok]:
    model = "grok-4" if box.year == "2025" else "grok-4.7"
    with (
        warnings.catch_warnings(),
        gn.Grok(
            api_key=box.key, base_url=box.base_url, store=":memory:", model=model
        ) as made,
    ):
        warnings.filterwarnings("ignore", "The model grok-4 is retired")
        warnings.filterwarnings("ignore", "The server takes no search_parameters")
        yield made


def rows(grok: gn.Grok) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]


def paths(box: Any) -> list[str]:
    return [r["path"] for r in requests(box) if r["method"] == "POST"]


def cited(grok: gn.Grok, way: str) -> set[str]:
    """Ask one way; return what it cites."""
    if way == "ask":
        return {c.url for c in grok.ask(NEWS, search_parameters=SEARCH).cited}
    if way == "stream":
        stream = grok.stream(NEWS, search_parameters=SEARCH)
        events = list(stream)
        found = {event.delta for event in events if event.kind == "citation"}
        assert found == {c.url for c in stream.reply.cited}
        text = "".join(event.delta for event in events if event.kind == "text")
        assert text == stream.reply.text
        return found
    if way == "chat_completion":
        whole = grok.chat_completion(ASKED, search_parameters=SEARCH)
        assert whole.object == "chat.completion"
        assert whole.choices
        return set(whole.citations or ())
    chunks = list(grok.chat_completion_stream(ASKED, search_parameters=SEARCH))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert any(chunk.usage for chunk in chunks)
    return {url for chunk in chunks for url in chunk.citations or ()}


@pytest.mark.parametrize("way", ["ask", "stream", "chat_completion", "chunks"])
def test_the_guide_s_question_is_answered_then_and_now(grok, box, way) -> None:
    assert "https://almanac.example/world-news" in cited(grok, way)
    assert cited(grok, way)
    old, new = "/v1/chat/completions", "/v1/responses"
    assert paths(box) == ([old, old] if box.year == "2025" else [old, new, new])
    found, billed = rows(grok), bills(box)
    # a refusal is not billed
    answered = [row for row in found if row["http_status"] == 200]
    assert [round(r["cost_usd"] * 1e10) for r in answered] == [
        bill["cost_in_usd_ticks"] for bill in billed
    ]
    assert all(bill["cost_in_usd_ticks"] > 0 for bill in billed)
    if box.year == "2025":
        used = [bill["usage"]["num_sources_used"] for bill in billed]
        assert [row["sources_used"] for row in found] == used
        assert min(used) > 0
    else:
        assert (found[0]["state"], found[0]["http_status"]) == ("failed", 410)
        assert found[0]["cost_usd"] == 0
        assert [row["state"] for row in found[1:]] == ["done", "done"]


def test_the_guide_s_settings_reach_the_tools(grok, box) -> None:
    sources = [
        {"type": "web", "excluded_websites": ["almanac.example"], "safe_search": True},
        {"type": "x", "x_handles": ["xai_sandbox"]},
    ]
    search = {**SEARCH, "mode": "on", "sources": sources, "from_date": "2020-01-01"}
    reply = grok.ask("What is the current status of xAI?", search_parameters=search)
    last = [r["body"] for r in requests(box) if r["method"] == "POST"][-1]
    if box.year == "2025":
        assert last["search_parameters"] == search
    else:
        assert last["tools"] == [
            {
                "type": "web_search",
                "filters": {"excluded_domains": ["almanac.example"]},
            },
            {
                "type": "x_search",
                "allowed_x_handles": ["xai_sandbox"],
                "from_date": "2020-01-01",
            },
        ]
        assert last["store"] is False
    urls = [c.url for c in reply.cited]
    assert urls
    assert not any("almanac.example" in url for url in urls)


def test_off_is_answered_without_a_search(grok, box) -> None:
    for _ in range(2):
        reply = grok.ask("What is 6*7?", search_parameters={"mode": "off"})
        assert "42" in reply.text
        assert reply.cited == ()
    assert set(paths(box)) == {"/v1/chat/completions"}
    assert len(paths(box)) == (2 if box.year == "2025" else 3)


def test_it_warns_once_where_it_is_gone(box) -> None:
    model = "grok-4" if box.year == "2025" else "grok-4.7"
    with (
        warnings.catch_warnings(record=True) as told,
        gn.Grok(
            api_key=box.key, base_url=box.base_url, store=":memory:", model=model
        ) as grok,
    ):
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        for _ in range(2):
            grok.ask("News about xAI?", search_parameters=SEARCH)
    assert len(told) == (box.year == "2026")
    assert all(warning.filename == __file__ for warning in told)


def test_a_server_that_never_had_it_is_no_reason_to_lose_an_error(grok, box) -> None:
    """What one server lacks is asked of another; what both lack is an error."""
    given = {"search_parameters": SEARCH, "seed": 7}
    if box.year == "2025":
        assert grok.ask(NEWS, **given).cited
        return
    with pytest.raises(gn.errors.BadRequest, match="seed does not go with"):
        grok.ask(NEWS, **given)
    assert paths(box) == ["/v1/chat/completions"]
