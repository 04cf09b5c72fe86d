"""Tokens of a text, and what the API knows of the key."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.errors import BadRequest, NotFound, ServerFault, Unauthorized
from grok_nb.wire import ApiKey, Tokens

from ..support import MODEL, Answer, refusal, session

# xai-api.md section 10
TOKENS = {
    "token_ids": [
        {"token_id": 13347, "string_token": "Hi", "token_bytes": [72, 105]},
        {
            "token_id": 1070,
            "string_token": " there",
            "token_bytes": [32, 116, 104, 101, 114, 101],
        },
    ]
}
LAST = "a1b2"
KNOWN = {
    "redacted_api_key": f"xai-...{LAST}",
    "user_id": "u",
    "name": "nb",
    "create_time": "2026-01-02T03:04:05.000Z",
    "modify_time": "2026-01-02T03:04:05.000Z",
    "modified_by": "u",
    "team_id": "t",
    "acls": ["api-key:model:*", "api-key:endpoint:*"],
    "api_key_id": "k",
    "team_blocked": False,
    "api_key_blocked": False,
    "api_key_disabled": False,
}


def answer(data: object) -> Answer:
    return Answer(pieces=json.dumps(data).encode())


async def test_tokens_are_asked_for_as_documented_and_leave_no_row() -> None:
    with session(answer(TOKENS)) as s:
        found = await s.grok.tokenize("Hi there", "grok-4.6")
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("POST", "/v1/tokenize-text")
        assert request.headers["content-type"] == "application/json"
        assert s.script.bodies == [{"text": "Hi there", "model": "grok-4.6"}]
        assert s.rows == []
        await s.grok.tokenize("Hi there")
        assert s.script.bodies[1]["model"] == MODEL
    assert found.raw == TOKENS
    assert found.count == 2
    assert [t.string_token for t in found.token_ids] == ["Hi", " there"]
    assert bytes(found.token_ids[1].token_bytes or []) == b" there"
    assert repr(found) == str(found) == "<2 tokens>"


async def test_a_text_without_tokens_has_none() -> None:
    with session(answer({"token_ids": []})) as s:
        assert (await s.grok.tokenize("")).count == 0


async def test_what_is_no_text_is_refused_before_it_is_sent() -> None:
    with session(answer(TOKENS)) as s:
        for text, model in [(b"Hi", None), (None, None), ("Hi", ""), ("\ud800", None)]:
            with pytest.raises(BadRequest):
                await s.grok.tokenize(text, model)
        assert s.script.requests == []


async def test_an_unknown_model_gets_a_suggestion() -> None:
    gone = refusal(404, "The model grok-4.77 does not exist.")
    with session(gone) as s:
        with pytest.raises(NotFound) as caught:
            await s.grok.tokenize("Hi", "grok-4.77")
        assert "grok-4.7" in caught.value.hint


async def test_a_busy_server_is_asked_again() -> None:
    with session(refusal(503), answer(TOKENS)) as s:
        assert (await s.grok.tokenize("Hi there")).count == 2
        assert len(s.clock.slept) == 1
        assert s.rows == []


UNUSABLE: list[Any] = [
    {},
    {"token_ids": None},
    {"token_ids": {"a": 1}},
    {"token_ids": [1, 2]},
    {"object": "list"},
]


@pytest.mark.parametrize("data", UNUSABLE)
async def test_an_answer_without_tokens_is_an_error_and_no_count(data: Any) -> None:
    with session(answer(data)) as s:
        with pytest.raises(ServerFault, match="lists no tokens") as caught:
            await s.grok.tokenize("Hi")
        assert "base_url" in caught.value.hint


def test_an_odd_token_still_counts() -> None:
    found = Tokens.read({"token_ids": [{"token_id": "x"}, {"token_bytes": [1, "y"]}]})
    assert found.count == 2
    assert found.token_ids[0].token_id is None
    assert found.token_ids[1].token_bytes == [1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(list(TOKENS["token_ids"][0])), json_values)
    )
)
def test_no_token_is_lost_however_it_looks(entries: list[dict[str, Any]]) -> None:
    assert Tokens.read({"token_ids": entries}).count == len(entries)


# -- the key ---------------------------------------------------------------------------


async def test_the_key_is_described_and_leaves_no_row() -> None:
    with session(answer(KNOWN)) as s:
        found = await s.grok.api_key()
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("GET", "/v1/api-key")
        assert s.rows == []
    assert found.raw == KNOWN
    assert (found.name, found.team_id, found.team_blocked) == ("nb", "t", False)
    assert found.acls == ["api-key:model:*", "api-key:endpoint:*"]


def test_no_part_of_the_key_is_shown() -> None:
    from IPython.core.formatters import DisplayFormatter

    found = ApiKey.read(KNOWN)
    data, _ = DisplayFormatter().format(found)
    shown = f"{found!r} {found} {[found]} {data}"
    assert "'nb'" in shown
    assert LAST not in shown
    assert "xai-" not in shown
    assert LAST in repr(found.raw)  # it would be seen


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KNOWN, json_values)))
def test_an_odd_description_is_read_as_far_as_it_goes(data: dict[str, Any]) -> None:
    found = ApiKey.read({**data, "name": "nb"})
    assert (found.name, found.raw) == ("nb", {**data, "name": "nb"})


@pytest.mark.parametrize("data", [{}, {"object": "list", "data": []}, {"name": 5}])
async def test_an_answer_that_tells_of_no_key_is_an_error(data: Any) -> None:
    said = answer({**data, "redacted_api_key": f"xai-...{LAST}"})
    with (
        session(said) as s,
        pytest.raises(ServerFault, match="tells of no key") as caught,
    ):
        await s.grok.api_key()
    assert LAST not in whole(caught.value)


@pytest.mark.parametrize("form", [f"xai-...{LAST}", f"xai-…{LAST}", f"xai-Qw...{LAST}"])
async def test_no_error_shows_the_masked_key(form: str) -> None:
    for step, kind in [
        (refusal(403, f"The key {form} is blocked."), Exception),
        (refusal(401, f"Wrong key: {form}"), Unauthorized),
        (answer({"error": f"no such key: {form}"}), ServerFault),
        (
            Answer(500, json.dumps({"error": "?", "redacted_api_key": form}).encode()),
            ServerFault,
        ),
    ]:
        with session(step) as s, pytest.raises(kind) as caught:
            await s.grok.api_key()
        text = whole(caught.value)
        assert "[key]" in text
        assert LAST not in text


def whole(error: BaseException) -> str:
    """What tracebacks with variables show of our frames, and the error itself."""
    trace = error.__traceback__
    while trace is not None and "/grok_nb/" not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    found = traceback.TracebackException(type(error), error, trace, capture_locals=True)
    return "".join(found.format()) + repr(vars(error))
