"""JSON bodies, the canonical request, and its key."""

from __future__ import annotations

import json
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb import bodies
from grok_nb.api.parameters import encoded
from grok_nb.bodies import canonical, encode, parse, parse_object, request_key
from grok_nb.errors import BadRequest

from .support import completion, session

PATH = "/chat/completions"
BODY: dict[str, Any] = {
    "model": "grok-4.7",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Zürich? 🦊"},
    ],
    "temperature": 1,
    "seed": 7,
}


def test_the_key_of_a_request_never_changes() -> None:
    """What was recorded once is found by every later version."""
    assert request_key(PATH, BODY) == GOLDEN


GOLDEN = "40e4262d64fa501299c3ac88f6a30299609d2469753b7c9b60661d349acbb3c0"


def test_canonical_is_the_body_without_what_only_travels() -> None:
    streamed = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
    assert canonical(PATH, streamed) == {"path": PATH, "body": BODY}
    assert "stream" in streamed


EQUAL: list[dict[str, Any]] = [
    dict(reversed(BODY.items())),
    {**BODY, "stream": True},
    {**BODY, "stream": False, "stream_options": None},
    {**BODY, "temperature": 1.0},
    {**BODY, "temperature": np.float64(1)},
    {**BODY, "seed": np.int64(7)},
    {**BODY, "messages": tuple(BODY["messages"])},
    {**BODY, "messages": [types.MappingProxyType(m) for m in BODY["messages"]]},
    {**BODY, "messages": [dict(reversed(m.items())) for m in BODY["messages"]]},
]


@pytest.mark.parametrize("number", range(len(EQUAL)))
def test_the_same_question_has_the_same_key(number: int) -> None:
    assert request_key(PATH, EQUAL[number]) == request_key(PATH, BODY)


def with_text(text: str) -> dict[str, Any]:
    return {
        **BODY,
        "messages": [BODY["messages"][0], {"role": "user", "content": text}],
    }


DIFFERENT: list[tuple[str, dict[str, Any]]] = [
    ("/completions", BODY),
    (PATH, {**BODY, "model": "grok-4.6"}),
    (PATH, {**BODY, "temperature": 1.1}),
    (PATH, {**BODY, "temperature": True}),
    (PATH, {**BODY, "temperature": None}),
    (PATH, {k: v for k, v in BODY.items() if k != "temperature"}),
    (PATH, {**BODY, "messages": BODY["messages"][::-1]}),
    (PATH, {**BODY, "messages": BODY["messages"][:1]}),
    (PATH, {**BODY, "messages": [*BODY["messages"], BODY["messages"][0]]}),
    (PATH, with_text("Zürich? 🦊 ")),
    (PATH, with_text("zürich? 🦊")),
    (PATH, with_text("Zu\u0308rich? 🦊")),
    (PATH, with_text("Zürich? \\ud83e\\udd8a")),
    (PATH, {**BODY, "seed": "7"}),
    (PATH, {**BODY, "stop": ["a", "b"]}),
    (PATH, {**BODY, "stop": ["b", "a"]}),
    (PATH, {**BODY, "stop": ["ab"]}),
    (PATH, {**BODY, "stop": "ab"}),
    (PATH, {**BODY, "tools": [{"stream": True}]}),
    (PATH, {**BODY, "tools": [{"stream": False}]}),
]


def test_any_change_of_the_question_changes_the_key() -> None:
    keys = [request_key(PATH, BODY), *(request_key(p, b) for p, b in DIFFERENT)]
    assert len(set(keys)) == len(keys)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=3))
def test_any_other_text_has_another_key(text: str, other: str) -> None:
    same = request_key(PATH, with_text(text)) == request_key(PATH, with_text(other))
    assert same == (text == other)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4).filter(lambda t: t.isascii()), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_a_key_belongs_to_what_is_sent(value: Any) -> None:
    """What travels is what was asked: read back, it has the same key."""
    body = {"messages": [{"role": "user", "content": "x"}], "tools": [{"p": value}]}
    sent = json.loads(encode(body))
    assert sent == body
    assert request_key(PATH, sent) == request_key(PATH, body)


def test_names_that_are_numbers_are_the_text_that_is_sent() -> None:
    numbers: dict[str, Any] = {"logit_bias": {10: 1, 2: 2.0, "a": 3, True: 4, None: 5}}
    text: dict[str, Any] = {
        "logit_bias": {"10": 1, "2": 2, "a": 3, "true": 4, "null": 5}
    }
    assert json.loads(encode(numbers)) == text
    assert request_key(PATH, numbers) == request_key(PATH, text)


def test_numpy_scalars_are_sent_as_their_values() -> None:
    body = {
        "a": np.int64(3),
        "b": [np.float32(0.5), np.bool_(True), np.str_("x")],
        "c": {"d": np.array(4)},
    }
    assert json.loads(encode(body)) == {"a": 3, "b": [0.5, True, "x"], "c": {"d": 4}}
    plain = {"a": 3, "b": [0.5, True, "x"], "c": {"d": 4}}
    assert request_key(PATH, body) == request_key(PATH, plain)


BAD: dict[str, tuple[Any, str]] = {
    "NaN": (float("nan"), "not JSON compliant"),
    "infinity": (float("-inf"), "not JSON compliant"),
    "numpy NaN": (np.float32("nan"), "not JSON compliant"),
    "bytes": (b"x", "bytes"),
    "a set": ({1}, "set"),
    "an object": (object(), "object"),
    "an array": (np.array([1, 2]), "ndarray"),
    "a complex number": (1j, "complex"),
    "a name that is no text": ({(1, 2): 3}, "keys must be"),
    "half of a pair": ("ab\ud83e", "half of a surrogate pair"),
    "half of a pair as name": ({"\udd8a": 1}, "half of a surrogate pair"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_json_is_refused_with_the_reason(name: str) -> None:
    value, reason = BAD[name]
    with pytest.raises((TypeError, ValueError)):
        encode({"x": [value]})
    with pytest.raises(BadRequest, match=reason) as caught:
        encoded({"x": [value]})
    assert caught.value.status is None
    assert caught.value.hint
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_loop_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadRequest, match="Circular"):
        encoded({"x": loop})


@pytest.mark.parametrize("depth", [100, 300, 450, 600, 900, 960, 980, 5000])
async def test_a_deep_request_is_sent_or_refused(depth: int) -> None:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    with session(completion()) as s:
        try:
            await s.grok.chat_completion([{"role": "user", "content": deep}])
        except BadRequest as error:
            assert depth > 100
            assert "deep" in str(error) or "recursion" in str(error)
            assert s.rows == []
        assert len(s.script.requests) == len(s.rows)


def test_encode_is_compact_utf8() -> None:
    assert encode({"a": ["ü", 1.0, None]}) == '{"a":["ü",1.0,null]}'.encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'  [1, "x"]\n', [1, "x"]),
        (b'{"a": "\\ud83e"}', {"a": "\ud83e"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\xc3"}', {"a": "\ufffd"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"10000000000000000000000", 10**22),
    ],
)
def test_parse_takes_what_servers_send(text: bytes, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"{}{}", b"nope", b"'a'", b"[" * 100_000, b"1" * 5000, b"\x00"],
    ids=lambda text: repr(text[:8]),
)
def test_parse_says_what_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse(text)
    assert parse_object(text) is None


@given(st.binary(max_size=60))
def test_parse_object_takes_any_bytes(text: bytes) -> None:
    found = parse_object(text)
    assert found is None or isinstance(found, dict)


def test_parse_object_wants_an_object() -> None:
    assert parse_object(b"[1]") is None
    assert parse_object(b"null") is None
    assert parse_object(b"{}") == {}
    assert bodies.parse(b"null") is None
