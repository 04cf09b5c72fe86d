"""The examples of the guide on live search, which chat completions had until 2026.

Source: docs.x.ai of 2025-05, guide "Live Search"; what the sandbox finds is made up.
"""

from __future__ import annotations

from typing import Any

import pytest

from grok_nb._sandbox.server import Sandbox

from .expected import has, wrong
from .guides import Example, by_curl, by_curl_to, whole

NEWS = "Provide me a digest of world news in the last 24 hours."
BURGERS = "Can you recommend the top 10 burger place in London?"
DNA = "What are some recently discovered alternative DNA shapes?"
GROK = "What are the latest updates on Grok?"
SNOW = "Where is the best place to go skiing this year?"


def search(heading: str, asks: str, *cites: str, **parameters: Any) -> Example:
    """Give one example, whose answer cites these addresses and quotes each."""
    return Example(
        "2025-05",
        f"live search, {heading}",
        by_curl,
        {
            "messages": [{"role": "user", "content": asks}],
            "search_parameters": {"mode": "auto", **parameters},
            "model": "grok-3-latest",
        },
        {
            **whole("grok-3", has(asks, *cites)),
            "citations": list(cites),
            "usage.num_sources_used": len(cites),
        },
    )


TABLE = [
    search("enabling search", NEWS, "https://almanac.example/world-news"),
    search(
        "returning citations", NEWS, "https://almanac.example/world-news",
        return_citations=True,
    ),
    search(
        "date range", "What is the most viral meme in 2022?",
        "https://pictures.example/memes-2022",
        from_date="2022-01-01", to_date="2022-12-31",
    ),
    search(
        "maximum amount of sources", BURGERS,
        "https://kitchen.example/london-burgers",
        "https://x.example/burgerfan/status/3",
        max_search_results=10,
    ),
    search(
        "data sources", NEWS,
        "https://daily.example/world/digest",
        "https://almanac.example/world-news",
        sources=[{"type": "web"}, {"type": "x"}, {"type": "news"}],
    ),
    search(
        "web", DNA,
        "https://encyclopedia.example/dna-shapes",
        "https://lab.example/dna-i-motif",
        sources=[{"type": "web", "excluded_websites": ["wikipedia.org"]}],
    ),
    search(
        "X", GROK, "https://x.example/grok/status/1",
        sources=[{"type": "x", "x_handles": ["grok"]}],
    ),
    search(
        "country", SNOW, "https://snow.example/switzerland",
        sources=[{"type": "web", "country": "CH"}],
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.id)
def test_example_of_the_guides_gives_its_values(
    year_2025: Sandbox, example: Example
) -> None:
    answer = example.send(year_2025, example.request)
    assert wrong(answer, example.expected) == []


def test_stream_has_its_citations_in_the_last_chunk_only(year_2025: Sandbox) -> None:
    """The guide says so under "Streaming behavior with citations"."""
    answer = by_curl(year_2025, {**TABLE[1].request, "stream": True})
    *earlier, last = answer["chunks"]
    assert last["citations"] == TABLE[1].expected["citations"]
    assert len(earlier) > 10
    assert not any("citations" in chunk for chunk in earlier)


def test_without_search_nothing_is_cited(year_2025: Sandbox) -> None:
    """What the examples show comes from the search."""
    request = {**TABLE[0].request, "search_parameters": {"mode": "off"}}
    answer = by_curl(year_2025, request)
    assert not answer.get("citations")
    assert wrong(answer, {"usage.num_sources_used": 0}) == []


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.id)
def test_live_search_is_gone_today(year_2026: Sandbox, example: Example) -> None:
    answer = by_curl_to("/chat/completions")(year_2026, example.request)
    assert answer["status"] == 410
    assert "Live search is deprecated" in answer["error"]
