"""Tools that run at xAI are checked before anything is sent. Section 6.3."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.server_tools import checked_tools
from grok_nb.errors import BadRequest

from ..response_shapes import response
from ..support import session

WEB, X = {"type": "web_search"}, {"type": "x_search"}
FILES = {"type": "file_search", "vector_store_ids": ["c"]}
MCP = {"type": "mcp", "server_url": "https://m.example"}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
DOMAINS = [f"d{n}.example" for n in range(6)]
HANDLES = [f"h{n}" for n in range(21)]

RIGHT: list[dict[str, Any]] = [
    WEB,
    {**WEB, "filters": {"allowed_domains": DOMAINS[:5]}},
    {**WEB, "filters": {"excluded_domains": DOMAINS[:1]}},
    {**WEB, "allowed_domains": DOMAINS[:5]},
    {**WEB, "enable_image_understanding": True, "enable_image_search": False},
    # not known to be taken, not known to be refused: the API decides
    {**WEB, "search_context_size": "low", "user_location": {"country": "CH"}},
    {**WEB, "filters": {"a_field_of_tomorrow": 5}},
    {**WEB, "filters": None, "allowed_domains": None},
    X,
    {**X, "allowed_x_handles": HANDLES[:20]},
    {**X, "excluded_x_handles": ["a"], "from_date": "2026-01-31"},
    {**X, "from_date": "2026-01-31", "to_date": "2026-01-31"},
    {**X, "enable_video_understanding": True},
    {"type": "code_interpreter"},
    {"type": "code_execution"},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {**FILES, "vector_store_ids": [f"c{n}" for n in range(10)], "max_num_results": 1},
    {"type": "collections_search", "anything": [1]},
    {**MCP, "server_label": "s", "allowed_tools": ["a"], "headers": {"X": "y"}},
    FUNCTION,
    {**FUNCTION, "description": "d", "strict": True},
    {"type": "function", "name": "f", "parameters": {"properties": {}}},
    {"type": "image_generation", "action": "auto"},
    {"type": "a_tool_of_tomorrow", "filters": 5},
]
WRONG: list[tuple[Any, str]] = [
    ("web_search", r"tools\[0\] must be a dict, not str"),
    (None, r"tools\[0\] must be a dict"),
    ({}, r"tools\[0\] has no type"),
    ({"type": 5}, r"tools\[0\] has no type"),
    (
        {**WEB, "filters": {"allowed_domains": ["a"], "excluded_domains": ["b"]}},
        "allowed_domains and excluded_domains .* exclude each other",
    ),
    (
        {**WEB, "allowed_domains": ["a"], "excluded_domains": ["b"]},
        "exclude each other",
    ),
    (
        {**WEB, "allowed_domains": ["a"], "filters": {"excluded_domains": ["b"]}},
        "exclude each other",
    ),
    (
        {**WEB, "filters": {"allowed_domains": DOMAINS}},
        "allowed_domains of filters .* has 6 entries; xAI takes at most 5",
    ),
    ({**WEB, "excluded_domains": DOMAINS}, "excluded_domains .* at most 5"),
    ({**WEB, "filters": {"allowed_domains": []}}, "allowed_domains .* is empty"),
    ({**WEB, "filters": {"allowed_domains": "x.ai"}}, "must be a list of texts"),
    ({**WEB, "filters": {"allowed_domains": [5]}}, "must be a list of texts"),
    ({**WEB, "filters": {"allowed_domains": [""]}}, "must be a list of texts"),
    ({**WEB, "filters": ["x.ai"]}, "filters .* must be a dict"),
    ({**WEB, "enable_image_search": 1}, "enable_image_search .* True or False"),
    (
        {**X, "allowed_x_handles": ["a"], "excluded_x_handles": ["b"]},
        "allowed_x_handles and excluded_x_handles .* exclude",
    ),
    ({**X, "allowed_x_handles": HANDLES}, "allowed_x_handles .* at most 20"),
    ({**X, "excluded_x_handles": HANDLES}, "excluded_x_handles .* at most 20"),
    ({**X, "from_date": "31.01.2026"}, "from_date .* must be a date"),
    ({**X, "from_date": "2026-1-31"}, "from_date .* must be a date"),
    ({**X, "from_date": "20260131"}, "from_date .* must be a date"),
    ({**X, "from_date": "2026-01-31T00:00:00"}, "from_date .* must be a date"),
    ({**X, "to_date": "2026-02-30"}, "to_date .* must be a date"),
    ({**X, "to_date": 20260131}, "to_date .* must be a date"),
    (
        {**X, "from_date": "2026-02-01", "to_date": "2026-01-31"},
        r"from_date .* \(2026-02-01\) is after its to_date \(2026-01-31\)",
    ),
    ({**X, "enable_video_understanding": "yes"}, "enable_video_understanding"),
    ({"type": "file_search"}, "has no vector_store_ids"),
    (
        {**FILES, "vector_store_ids": [f"c{n}" for n in range(11)]},
        "vector_store_ids .* at most 10",
    ),
    ({**FILES, "max_num_results": 0}, "max_num_results .* a whole number from 1"),
    ({**FILES, "max_num_results": True}, "max_num_results"),
    ({"type": "mcp"}, "has no server_url"),
    ({**MCP, "server_url": "m.example"}, "server_url .* must be an address"),
    ({**MCP, "server_url": 5}, "server_url"),
    ({**MCP, "allowed_tools": "add"}, "allowed_tools .* must be a list"),
    ({**MCP, "authorization": 5}, "authorization .* must be text"),
    ({"type": "function", "name": ""}, "name .* must be text"),
    ({"type": "function"}, "has no name"),
    ({"type": "function", "function": {"name": "f"}}, "nested, as in chat"),
    ({**FUNCTION, "parameters": {"type": "array"}}, 'the type "object"'),
    ({**FUNCTION, "parameters": "x"}, "parameters .* must be a dict"),
    ({**FUNCTION, "strict": 1}, "strict"),
]


@pytest.mark.parametrize("number", range(len(RIGHT)))
async def test_a_right_tool_travels_as_it_is(number: int) -> None:
    with session(response()) as s:
        await s.grok.respond("Hi", tools=[FUNCTION, RIGHT[number]])
        (body,) = s.script.bodies
        assert body["tools"] == [FUNCTION, RIGHT[number]]


@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_a_wrong_tool_is_refused_and_not_sent(number: int) -> None:
    tool, said = WRONG[number]
    with session(response()) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.respond("Hi", tools=[tool])
        assert re.search(said, str(caught.value)), caught.value
        assert (s.script.requests, s.rows) == ([], [])


def test_the_message_says_which_tool_it_is() -> None:
    with pytest.raises(BadRequest, match=r"tools\[1\]"):
        checked_tools([WEB, {**X, "from_date": "x"}])


def test_at_most_128_tools_go() -> None:
    assert len(checked_tools([FUNCTION] * 128)) == 128
    with pytest.raises(BadRequest, match="129 entries; at most 128"):
        checked_tools([FUNCTION] * 129)


@given(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["web_search", "x_search", "mcp", "file_search", "f"]
            )
        },
        optional={
            name: st.none() | st.text(max_size=3) | st.lists(st.text(max_size=3))
            for name in ("filters", "allowed_domains", "from_date", "to_date", "name")
        },
    )
)
def test_any_tool_is_taken_as_it_is_or_refused(tool: dict[str, Any]) -> None:
    try:
        assert checked_tools([tool]) == [tool]
    except BadRequest as error:
        assert "tools[0]" in str(error)
