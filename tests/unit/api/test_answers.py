"""An HTTP answer that is no success becomes one typed error, with a next step, no key."""

from __future__ import annotations

import datetime
import json
import logging
import traceback
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.api.answers import error_from, not_an_answer, read_error
from grok_nb.config import Secret
from grok_nb.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    Gone,
    GrokError,
    NoCredit,
    NotFound,
    RateLimited,
    ServerFault,
    Unauthorized,
)

from ..support import (
    CHUNKS,
    KEY,
    STALL,
    Answer,
    refusal,
    session,
    sse,
    streamed,
)

NOW = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)
MASKED = "xa***ey"


def error(status: int, body: Any, **more: Any) -> ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"x-request-id": "req-9"} | more.pop("headers", {})
    return error_from(status, headers, raw, now=NOW, **more)


# -- the table of xai-api.md 13.2 ------------------------------------------------------

CREDIT = (
    "Your team T has either used all available credits or reached its monthly "
    "spending limit. To continue, purchase more credits."
)
LIMIT = (
    "Too many requests for team T and model M. Your team's rate limit is - Requests "
    "per Minute (actual/limit): 2/2."
)
INVALID = "Client specified an invalid argument"
TABLE: list[tuple[int, Any, type[ApiError], str | None, str]] = [
    (
        400,
        {
            "code": INVALID,
            "error": f"Incorrect API key provided: {MASKED}. You can obtain an API "
            "key from https://console.x.ai.",
        },
        Unauthorized,
        INVALID,
        "Incorrect API key provided: [key].",
    ),
    (
        400,
        {"code": "invalid-argument", "error": "Model M does not support stop."},
        BadRequest,
        "invalid-argument",
        "Model M does not support stop.",
    ),
    (
        400,
        {
            "code": "invalid-argument",
            "error": "This model's maximum prompt length is 5 but the request has 6.",
        },
        BadRequest,
        "invalid-argument",
        "maximum prompt length",
    ),
    (
        400,
        {"code": "invalid-argument", "error": "Model not found: X"},
        NotFound,
        "invalid-argument",
        "Model not found: X",
    ),
    (401, b"", Unauthorized, None, "the answer was empty"),
    (401, {"error": "No."}, Unauthorized, None, "No."),
    (
        403,
        {
            "code": "unauthenticated:bad-credentials",
            "error": "The OAuth2 access token could not be validated.",
        },
        Unauthorized,
        "unauthenticated:bad-credentials",
        "OAuth2",
    ),
    (
        403,
        {
            "code": "The caller does not have permission to execute the specified "
            "operation",
            "error": "Content violates usage guidelines.",
        },
        Forbidden,
        "The caller does not have permission to execute the specified operation",
        "Content violates",
    ),
    (
        403,
        {"code": "permission-denied", "error": CREDIT},
        NoCredit,
        "permission-denied",
        "used all available credits",
    ),
    (
        429,
        {"code": "Some resource has been exhausted", "error": CREDIT},
        NoCredit,
        "Some resource has been exhausted",
        "used all available credits",
    ),
    (
        429,
        {"code": "resource-exhausted", "error": LIMIT},
        RateLimited,
        "resource-exhausted",
        "2/2",
    ),
    (
        404,
        {
            "code": "not-found",
            "error": "The model X does not exist or your team T does not have access.",
        },
        NotFound,
        "not-found",
        "The model X does not exist",
    ),
    (404, b"404 page not found", NotFound, None, "404 page not found"),
    (405, b"", BadRequest, None, "the answer was empty"),
    (
        410,
        {"error": "Live search is deprecated."},
        Gone,
        None,
        "Live search is deprecated.",
    ),
    (413, b"too large", BadRequest, None, "too large"),
    (415, b"Expected JSON", BadRequest, None, "Expected JSON"),
    (
        422,
        {"error": "Failed to deserialize the JSON body into the target type"},
        BadRequest,
        None,
        "Failed to deserialize",
    ),
    (
        422,
        b"Failed to deserialize the JSON body into the target type: messages[0]",
        BadRequest,
        None,
        "messages[0]",
    ),
    (
        422,
        {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]},
        BadRequest,
        None,
        "Field required",
    ),
    (498, {"error": "Busy."}, ServerFault, None, "Busy."),
    (500, b"", ServerFault, None, "the answer was empty"),
    (502, b"<html><title>502 Bad\n</title>", ServerFault, None, "titled '502 Bad'"),
    (503, {"code": "unavailable", "error": "x"}, ServerFault, "unavailable", "x"),
    (504, b"upstream timed out", ServerFault, None, "upstream timed out"),
    (302, b"", ServerFault, None, "the answer was empty"),
    (204, b"", ServerFault, None, "the answer was empty"),
]


@pytest.mark.parametrize(
    "row",
    TABLE,
    ids=[f"{n}: {row[0]} {row[2].__name__}" for n, row in enumerate(TABLE)],
)
def test_errors_of_the_table_are_typed(row: Any) -> None:
    status, body, kind, code, said = row
    found = error(status, body, model="X", known_models=["X1"])
    assert type(found) is kind
    assert (found.status, found.code, found.request_id) == (status, code, "req-9")
    assert said in str(found)
    assert f"({status})" in str(found)
    assert found.hint or kind is BadRequest
    assert found.hint == "" or found.hint in found.__notes__


SHAPES: list[tuple[Any, str | None, str]] = [
    ({"code": "c", "error": "e"}, "c", "e"),
    ({"error": "e", "message": "m"}, None, "e"),
    ({"error": {"message": "m", "type": "t"}}, "t", "m"),
    ({"error": {"message": "m", "code": "c", "type": "t"}}, "c", "m"),
    ({"code": "top", "error": {"message": "m", "code": "c"}}, "top", "m"),
    ({"error": {"message": None}, "message": "m"}, None, "m"),
    ({"error": {"message": {"a": 1}}}, None, "{'a': 1}"),
    ({"error": ["a", "b"]}, None, "['a', 'b']"),
    ({"error": None, "detail": "d"}, None, "d"),
    ({"message": "m", "detail": "d"}, None, "m"),
    ({"detail": [{"msg": "m"}]}, None, "[{'msg': 'm'}]"),
    ({"code": 7, "error": "e"}, "7", "e"),
    ({"code": {"a": 1}, "error": "e"}, None, "e"),
    ({"code": "", "error": ""}, None, ""),
    ({}, None, ""),
    (["a"], None, '["a"]'),
    ("text", None, '"text"'),
    (b"", None, ""),
    (b"  plain text\n", None, "plain text"),
    (b"\xff\xfe caf\xe9", None, "\ufffd\ufffd caf\ufffd"),
    (b"<?xml version='1.0'?><Error/>", None, "an HTML page, not an answer of the API"),
    (
        b"\n <!DOCTYPE HTML><TITLE lang=de> Anmelden </TITLE>",
        None,
        "an HTML page titled 'Anmelden', not an answer of the API",
    ),
]


@pytest.mark.parametrize(("body", "code", "message"), SHAPES)
def test_bodies_of_all_shapes_are_read(
    body: Any, code: str | None, message: str
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert read_error(raw) == (code, message)


def test_a_huge_body_makes_no_huge_error() -> None:
    for body in ({"error": "x" * 5_000_000}, b"y" * 5_000_000, b"<html>" * 900_000):
        found = error(500, body)
        assert len(str(found)) < 600
        assert len(found.body or "") <= 20_000
        other = not_an_answer(
            body if isinstance(body, bytes) else json.dumps(body).encode(), {}, None
        )
        assert len(str(other)) < 600
        assert len(other.body or "") <= 20_000


@given(
    st.integers(201, 599),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "code", "message", "detail", "a"]), x
            )
        ),
    ).map(lambda v: json.dumps(v).encode()),
)
def test_any_answer_becomes_an_api_error(status: int, body: bytes) -> None:
    found = error(status, body, model="m", known_models=["mm"])
    assert isinstance(found, ApiError)
    assert found.status == status
    assert "\n" not in str(found)
    other = not_an_answer(body, {}, None)
    assert type(other) is ServerFault


@pytest.mark.parametrize(
    ("model", "hint"),
    [("grok-4.77", "Did you mean 'grok-4.7'?"), ("zzz", "gn.models()")],
)
def test_an_unknown_model_gets_a_suggestion(model: str, hint: str) -> None:
    body = {"code": "not-found", "error": f"The model {model} does not exist."}
    found = error(404, body, model=model, known_models=["grok-4.7", "grok-3"])
    assert hint in found.hint
    assert ("Did you mean" in found.hint) == ("Did" in hint)


async def test_an_unknown_model_is_suggested_from_what_is_known() -> None:
    body = "The model grok-4.77 does not exist or your team has no access to it."
    with session(refusal(404, body)) as s:
        with pytest.raises(NotFound) as caught:
            await s.grok.ask("Hi", model="grok-4.77")
        assert "Did you mean 'grok-4.7'?" in caught.value.hint
        with pytest.raises(NotFound) as caught:
            await s.grok.model("grok-4.77")
        assert "Did you mean 'grok-4.7'?" in caught.value.hint


def test_retry_after_is_in_the_errors_that_have_it() -> None:
    for status in (429, 503):
        found = error(status, b"", headers={"retry-after": "3"})
        assert isinstance(found, (RateLimited, ServerFault))
        assert found.retry_after_s == 3
    assert error(429, b"").retry_after_s is None  # type: ignore[attr-defined]


# -- no key in any error ---------------------------------------------------------------

SECRET = Secret(KEY)


def shown(found: BaseException) -> str:
    """Everything that a user, a log or a debugger could show of an error."""
    trace = traceback.TracebackException.from_exception(found, capture_locals=True)
    links = [found]
    while links[-1].__cause__ or links[-1].__context__:
        links.append(links[-1].__cause__ or links[-1].__context__)
    parts = ["".join(trace.format())]
    for link in links:
        parts += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        parts += [repr(link.__class__), *getattr(link, "__notes__", [])]
    return "\n".join(parts)


def has_key(text: str, key: str = KEY) -> bool:
    """Whether the key, or a telling part of it, is in the text."""
    return any(key[at : at + 8] in text for at in range(4, len(key) - 8))


def test_the_search_for_keys_finds_a_planted_one() -> None:
    planted = f"a {KEY} b"
    try:
        local = planted  # noqa: F841 - to be found in the frame
        raise ValueError("nothing here")
    except ValueError as found:
        assert has_key(shown(found))
    for hidden in (
        BadRequest("x", body=planted),
        BadRequest("x", code=planted),
        BadRequest("x", request_id=planted),
        BadRequest("x", hint=planted),
        BadRequest(planted),
    ):
        assert has_key(shown(hidden))
    assert has_key(KEY[:20])
    assert not has_key(shown(BadRequest("x", body="y")))


def planted_bodies(text: str) -> list[bytes]:
    return [
        json.dumps({"code": text, "error": f"bad {text}"}).encode(),
        json.dumps({"error": {"message": text, "code": text}}).encode(),
        json.dumps({"detail": [{"input": text}]}).encode(),
        json.dumps([text]).encode(),
        text.encode(),
        f"<html><title>{text}</title>".encode(),
        (" " * 19_990 + text).encode(),
        ("x" * 485 + text).encode(),
        ("x" * 45 + text).encode(),
        ("x" * 199_990 + text).encode(),
    ]


@pytest.mark.parametrize("key", [KEY, "gateway.token:0123456789/abcdef+ABCDEF="])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422, 429, 500])
def test_no_error_holds_the_key(status: int, key: str) -> None:
    secret = Secret(key)
    for body in planted_bodies(key):
        headers = {"x-request-id": f"req {key}", "retry-after": key}
        if status == 200:
            found: GrokError = not_an_answer(body, headers, secret)
        else:
            found = error_from(status, headers, body, now=NOW, secret=secret, model=key)
        assert not has_key(shown(found), key)


@pytest.mark.parametrize(
    "text",
    [KEY, MASKED, "xai-abcdef", "xai-...", f"Bearer {KEY}", f"'{KEY}'", "ab****yz"],
)
def test_what_looks_like_a_key_is_hidden_too(text: str) -> None:
    found = error(400, {"error": f"Incorrect API key provided: {text}."})
    assert type(found) is Unauthorized
    assert text not in shown(found) or text == "xai-..."


async def failures(key: str) -> list[BaseException]:
    """Every way in which a request can fail, each telling the key."""
    found: list[BaseException] = []
    steps: list[Any] = [
        *(Answer(400, body, {"x-request-id": key}) for body in planted_bodies(key)),
        *(Answer(500, body, {"retry-after": key}) for body in planted_bodies(key)),
        *(Answer(200, body, {"x-echo": key}) for body in planted_bodies(key)),
        *(refusal(status, key) for status in (401, 403, 404, 410, 422, 429, 503)),
        httpx.ConnectError(f"refused for {key}"),
        httpx.ConnectTimeout(key),
        httpx.ProxyError(f"407 {key}"),
        httpx.ReadError(key),
        httpx.RemoteProtocolError(f"illegal header {key!r}"),
        httpx.LocalProtocolError(f"illegal header {key!r}"),
        STALL,
        streamed([sse(*CHUNKS[:2], done=False), httpx.ReadError(key)]),
        streamed(sse(*CHUNKS[:2], {"error": f"no {key}"})),
        streamed(sse(*CHUNKS[:2], {"error": {"message": f"{'x' * 480}{key}"}})),
        streamed(sse(*CHUNKS[:2], {"code": key, "error": "x"})),
        streamed(sse(*CHUNKS[:2], f"no JSON {key}")),
        streamed(sse(*CHUNKS[:2], f"{'x' * 40}{key}")),
        streamed([sse(*CHUNKS[:2], done=False), STALL]),
        Answer(200, key.encode(), {"content-encoding": "gzip"}),
    ]
    for number, step in enumerate(steps):
        limit = 0.1 if step is STALL or STALL in getattr(step, "pieces", []) else 60.0
        for hold in ("hold", "retry")[number % 2 :]:
            with session(step, api_key=key, timeout_s=limit, on_doubt=hold) as s:
                for call in (s.collect, lambda s=s: s.grok.ask("Hi")):
                    try:
                        await call()
                    except GrokError as raised:
                        found.append(raised)
                try:
                    await s.grok.models()
                except GrokError as raised:
                    found.append(raised)
                assert not has_key(repr(s.rows), key)
                assert not has_key(repr(vars(s.grok)), key)
    return found


@pytest.mark.parametrize("key", [KEY, "gateway.token:0123456789/abcdef+ABCDEF="])
async def test_no_failed_call_shows_the_key(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = await failures(key)
    assert len(found) > 150
    for raised in found:
        assert not has_key(shown_of_package(raised), key)
        # the frames of the HTTP library hold the request's headers
        assert "httpx" not in frames(raised)
    assert "Trying again" in caplog.text
    assert not has_key(caplog.text, key)


def frames(found: BaseException) -> str:
    links: list[BaseException | None] = [found]
    names: list[str] = []
    while links:
        link = links.pop()
        if link is None:
            continue
        names += [
            f.f_code.co_filename for f, _ in traceback.walk_tb(link.__traceback__)
        ]
        links += [link.__cause__, link.__context__]
    return "\n".join(name.replace("/grok_nb/api/transport.py", "") for name in names)


def shown_of_package(found: BaseException) -> str:
    """As `shown`, without the frames of this test, which know the key."""
    link: BaseException | None = found
    while link is not None:
        trace = link.__traceback__
        while (
            trace is not None and "/grok_nb/" not in trace.tb_frame.f_code.co_filename
        ):
            trace = trace.tb_next
        link.__traceback__ = trace
        link = link.__cause__ or link.__context__
    return shown(found)


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from([200, 400, 500]))
@settings(max_examples=60)
def test_a_key_anywhere_in_a_body_is_hidden(
    before: bytes, after: bytes, status: int
) -> None:
    body = before + KEY.encode() + after
    if status == 200:
        found: GrokError = not_an_answer(body, {}, SECRET)
    else:
        found = error_from(status, {}, body, now=NOW, secret=SECRET)
    assert not has_key(shown(found))
