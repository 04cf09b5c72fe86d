"""
Each example of the guide on agentic search, with what it has to come to.

Source: docs.x.ai, guide "Agentic search" (2025-12): what is asked and which filter is
set is the guide's; domains and handles of the corpus stand for those that it names,
which the corpus has nothing of, and the guide's own are asked as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.responses_support import Client, events, folded, of_type, text_of

MODEL = "grok-4-1-fast"
NOTHING = "Nothing in the corpus of the sandbox fits"
STATUS = "What is the current status of xAI?"


@dataclass(frozen=True)
class Example:
    """
    One example.

    Parameters
    ----------
    asks : str
        The prompt.
    tool : dict
        The tool with its filter.
    cites : tuple of str
        The ends of the addresses that the answer cites, in their order.
    calls : tuple of str
        What the items are: actions on the web, names on X.
    says : str
        What the answer holds.
    """

    asks: str
    tool: dict[str, Any]
    cites: tuple[str, ...]
    calls: tuple[str, ...]
    says: str


def web(**fields: Any) -> dict[str, Any]:
    return {"type": "web_search"} | fields


def x(**fields: Any) -> dict[str, Any]:
    return {"type": "x_search"} | fields


BROWSED = ("search", "open_page")
THREAD = ("x_keyword_search", "x_thread_fetch")
EXAMPLES = {
    "citations": Example(
        "What is xAI?",
        web(),
        ("encyclopedia.example/xai", "xai-site.example/", "statuspage.example/xai"),
        BROWSED,
        "xAI is the company whose interface this sandbox imitates.",
    ),
    "allowed_domains": Example(
        "What is xAI?",
        web(allowed_domains=["encyclopedia.example"]),
        ("encyclopedia.example/xai",),
        BROWSED,
        "its door opens on Tuesdays",
    ),
    "allowed_domains, in filters": Example(
        "What is xAI?",
        web(filters={"allowed_domains": ["statuspage.example", "xai-site.example"]}),
        ("xai-site.example/", "statuspage.example/xai"),
        BROWSED,
        "a button that says Begin",
    ),
    "allowed_domains, as in the guide": Example(
        "What is xAI?", web(allowed_domains=["wikipedia.org"]), (), ("search",), NOTHING
    ),
    "excluded_domains": Example(
        "What is xAI?",
        web(excluded_domains=["encyclopedia.example"]),
        ("xai-site.example/", "statuspage.example/xai"),
        BROWSED,
        "A made-up front page",
    ),
    "excluded_domains, as in the guide": Example(
        "What is xAI?",
        web(excluded_domains=["wikipedia.org"]),
        ("encyclopedia.example/xai", "xai-site.example/", "statuspage.example/xai"),
        BROWSED,
        "imitates",
    ),
    "web: enable_image_understanding": Example(
        "What is included in the image in xAI's official website?",
        web(enable_image_understanding=True),
        ("xai-site.example/", "xai-site.example/"),
        (*BROWSED, "view_image"),
        "shows: a white letter X on a dark square",
    ),
    "allowed_x_handles": Example(
        STATUS,
        x(allowed_x_handles=["lampkeeper"]),
        ("lampkeeper/status/105", "lampkeeper/status/104"),
        ("x_keyword_search",),
        "lamp number seven",
    ),
    "allowed_x_handles, as in the guide": Example(
        STATUS,
        x(allowed_x_handles=["elonmusk"]),
        (),
        ("x_keyword_search", "x_semantic_search"),
        NOTHING,
    ),
    "excluded_x_handles": Example(
        STATUS,
        x(excluded_x_handles=["@Lampkeeper"]),
        (
            "xai_sandbox/status/101",
            "xai_sandbox/status/102",
            "xai_sandbox/status/103",
        ),
        THREAD,
        "all systems of the imitation are running",
    ),
    "excluded_x_handles, as in the guide": Example(
        STATUS,
        x(excluded_x_handles=["elonmusk"]),
        (
            "xai_sandbox/status/101",
            "lampkeeper/status/105",
            "lampkeeper/status/104",
            "xai_sandbox/status/102",
            "xai_sandbox/status/101",
        ),
        THREAD,
        "Twelve lamps green here, too.",
    ),
    "from_date and to_date": Example(
        STATUS,
        # Both days are in: one post is of the third, one of the tenth.
        x(from_date="2025-10-01", to_date="2025-10-10"),
        (
            "xai_sandbox/status/101",
            "lampkeeper/status/104",
            "xai_sandbox/status/102",
            "xai_sandbox/status/101",
        ),
        THREAD,
        "2025-10-10",
    ),
    "to_date, inclusive": Example(
        STATUS,
        x(to_date="2025-09-28"),
        ("lampkeeper/status/105",),
        ("x_keyword_search",),
        "two short outages",
    ),
    "to_date, a day before": Example(
        STATUS,
        x(to_date="2025-09-27"),
        (),
        ("x_keyword_search", "x_semantic_search"),
        f'{NOTHING} "status xAI" within these filters.',
    ),
    "from_date, inclusive": Example(
        STATUS,
        x(from_date="2025-11-12"),
        ("xai_sandbox/status/103",),
        ("x_keyword_search",),
        "official account",
    ),
    "X: enable_image_understanding": Example(
        "What images are being shared in recent xAI posts?",
        x(enable_image_understanding=True),
        (
            "xai_sandbox/status/103",
            "lampkeeper/status/104",
            "xai_sandbox/status/102",
            "xai_sandbox/status/101",
            "xai_sandbox/status/101",
            "xai_sandbox/status/102",
        ),
        (*THREAD, "view_image"),
        "shows: a terminal with green letters that say hello",
    ),
    "enable_video_understanding": Example(
        "What is the latest video talking about from the xAI official X account?",
        x(enable_video_understanding=True),
        (
            "xai_sandbox/status/103",
            "lampkeeper/status/104",
            "xai_sandbox/status/102",
            "xai_sandbox/status/101",
            "x.example/xai_sandbox",
            "x.example/lampkeeper",
            "xai_sandbox/status/101",
            "xai_sandbox/status/103",
        ),
        ("x_keyword_search", "x_user_search", "x_thread_fetch", "view_x_video"),
        "says: somebody shows how a sandbox answers a question without any model",
    ),
}


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Client]]:
    with Sandbox() as today, Sandbox(vintage="2025") as then:
        yield {"2026": Client(today), "2025": Client(then)}


def calls_of(response: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        item.get("name") or item["action"]["type"]
        for item in response["output"]
        if item["type"].endswith("_call")
    )


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize("vintage", ["2026", "2025"])
def test_the_example(
    clients: dict[str, Client], vintage: str, example: Example
) -> None:
    client = clients[vintage]
    fields = {"model": MODEL, "tools": [example.tool]}
    response = client.ask(example.asks, **fields)
    assert calls_of(response) == example.calls
    (message,) = of_type(response, "message")
    (part,) = message["content"]
    urls = [one["url"] for one in part["annotations"]]
    assert len(urls) == len(example.cites)
    for url, end in zip(urls, example.cites, strict=True):
        assert url.endswith(end)
    assert example.says in part["text"]
    assert response["tools"] == [example.tool]
    check_places(part, has_markers=vintage == "2026")
    check_fees(response, vintage)
    streamed = folded(events(client.stream(example.asks, **fields)))
    assert text_of(streamed) == part["text"]
    assert streamed["usage"] == response["usage"]


def check_places(part: dict[str, Any], *, has_markers: bool) -> None:
    numbers: dict[str, str] = {}
    for one in part["annotations"]:
        assert ("start_index" in one) == has_markers
        if has_markers:
            number = numbers.setdefault(one["url"], str(len(numbers) + 1))
            assert one["title"] == number
            marker = part["text"][one["start_index"] : one["end_index"]]
            assert marker == f"[[{number}]]({one['url']})"


def check_fees(response: dict[str, Any], vintage: str) -> None:
    usage = response["usage"]
    details = usage["server_side_tool_usage_details"]
    names = calls_of(response)
    pages = sum(name in {"search", "open_page"} for name in names)
    posts = sum(name.startswith("x_") for name in names)
    assert (details["web_search_calls"], details["x_search_calls"]) == (pages, posts)
    assert usage["num_server_side_tools_used"] == len(names)
    cached = usage["input_tokens_details"]["cached_tokens"]
    # grok-4.3 and grok-4-1-fast, list prices.
    prices = (12_500, 2_000, 25_000) if vintage == "2026" else (2_000, 500, 5_000)
    tokens = (
        (usage["input_tokens"] - cached) * prices[0]
        + cached * prices[1]
        + usage["output_tokens"] * prices[2]
    )
    fees = 50_000_000 * pages
    if vintage == "2026":
        fees += 50_000_000 * details["x_posts_fetched"]
        fees += 100_000_000 * details["x_users_fetched"]
    else:
        fees += 50_000_000 * posts
    assert usage["cost_in_usd_ticks"] == tokens + fees


def test_citations_of_the_response_are_all_that_was_met(
    clients: dict[str, Client],
) -> None:
    """The guide: not every URL is relevant to the answer."""
    response = clients["2025"].ask("What is xAI?", model=MODEL, tools=[x()])
    assert len(response["citations"]) == 5
    cited = {
        one["url"]
        for one in of_type(response, "message")[0]["content"][0]["annotations"]
    }
    assert cited < set(response["citations"])
    assert "citations" not in clients["2026"].ask("What is xAI?", tools=[x()])


def test_seeing_in_one_tool_is_seeing_in_both(clients: dict[str, Client]) -> None:
    """The guide: enabling it for one search enables it for the other one."""
    for tools in (
        [web(enable_image_understanding=True), x()],
        [web(), x(enable_image_understanding=True)],
    ):
        response = clients["2026"].ask("What is xAI?", tools=tools)
        looks = [
            json.loads(item["input"])["image_url"]
            for item in of_type(response, "custom_tool_call")
            if item["name"] == "view_image"
        ]
        assert looks == [
            "https://encyclopedia.example/xai/tower.png",
            "https://x.example/media/102.png",
        ]
    blind = clients["2026"].ask("What is xAI?", tools=[web(), x()])
    assert "view_image" not in calls_of(blind)


def test_seeing_costs_tokens(clients: dict[str, Client]) -> None:
    """The guide: images are tokens of the context."""
    asks = "What is included in the image in xAI's official website?"
    used = [
        clients["2026"].ask(asks, tools=[web(enable_image_understanding=sees)])["usage"]
        for sees in (False, True)
    ]
    assert used[1]["input_tokens"] - used[0]["input_tokens"] >= 512
    number = [one["num_server_side_tools_used"] for one in used]
    assert number == [2, 3]
