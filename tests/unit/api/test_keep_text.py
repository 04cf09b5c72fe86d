"""With ``keep_text=False`` no byte on disk is of a prompt, a reply, or quotes one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb.errors import GrokError
from grok_nb.store import db
from grok_nb.store.ledger import COLUMNS, Ledger

from ..support import Answer, Session

CANARY = "canary-5a9db0c5"


def on_disk(folder: Path) -> bytes:
    """Return every byte of the folder, of logs also."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def ask_once(folder: Path, answer: Any, *, keep_text: bool, stream: bool) -> bytes:
    """Ask about the canary; return what is on disk afterwards, in every file."""

    async def run() -> None:
        session = Session(
            answer, store=str(folder), keep_text=keep_text, on_doubt="hold", timeout_s=1
        )
        with contextlib.suppress(GrokError):
            if stream:
                async for _ in session.grok.stream(f"{CANARY}?", system=CANARY):
                    pass
            else:
                await session.grok.ask(f"{CANARY}?", system=CANARY)
        Ledger(session.grok.store).rows()  # after all writes

    asyncio.run(run())
    with_log = on_disk(folder)
    db.forget(str(folder))
    return with_log + on_disk(folder)


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r", "choices": [choice]}).encode() + b"\n\n"


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


#: Name -> (answer, whether a stream is asked for, whether its error quotes the text).
ANSWERS: dict[str, tuple[Any, bool, bool]] = {
    "reply": (
        Answer(200, body(id="r", choices=[{"message": {"content": CANARY}}])),
        False,
        False,
    ),
    "stream": (
        Answer(200, [chunk(CANARY), chunk("", "stop"), b"data: [DONE]\n\n"]),
        True,
        False,
    ),
    "refused": (Answer(400, body(code="x", error=f"no {CANARY}")), False, True),
    "nested": (Answer(422, body(error={"message": CANARY})), False, True),
    "detail": (Answer(422, body(detail=[{"input": CANARY}])), False, True),
    "plain text": (Answer(500, f"broke at {CANARY}".encode()), False, True),
    "page": (Answer(502, f"<html><title>{CANARY}</title>".encode()), False, True),
    "no JSON": (Answer(200, CANARY.encode()), False, True),
    "error on 200": (Answer(200, body(error=CANARY)), False, True),
    "throttled": (Answer(429, body(code="x", error=CANARY)), False, True),
    "broken event": (
        Answer(200, [chunk(CANARY), f"data: {CANARY} <<\n\n".encode()]),
        True,
        True,
    ),
    "error event": (
        Answer(200, [chunk("a"), b"data: " + body(error=CANARY) + b"\n\n"]),
        True,
        True,
    ),
    "cut": (Answer(200, [chunk(CANARY)]), True, False),
    "reset": (httpx.ReadError(f"reset at {CANARY}"), False, True),
    "unsent": (httpx.ConnectError(CANARY), False, True),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_of_prompt_or_reply_is_on_disk(name: str, tmp_path: Path) -> None:
    answer, stream, quotes = ANSWERS[name]
    found = ask_once(tmp_path / "without", answer, keep_text=False, stream=stream)
    assert CANARY.encode() not in found
    assert b"/chat/completions" in found  # the row is there
    # and the search would have found it
    found = ask_once(tmp_path / "with", answer, keep_text=True, stream=stream)
    assert (CANARY.encode() in found) is quotes


places = st.sampled_from(
    ["code", "error", "message", "detail", "type", "param", "text"]
)
shapes = st.recursive(
    st.just(CANARY) | st.just(f"it said: {CANARY}") | st.none() | st.just(7),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(places, inner),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from([200, 400, 401, 403, 404, 422, 429, 500, 503]),
    shape=shapes,
    stream=st.booleans(),
)
def test_no_server_gets_the_prompt_into_the_file(
    status: int, shape: Any, stream: bool
) -> None:
    said = json.dumps(shape).encode()
    with tempfile.TemporaryDirectory() as folder:
        answer = Answer(status, b"data: " + said + b"\n\n" if stream else said)
        found = ask_once(Path(folder), answer, keep_text=False, stream=stream)
    assert CANARY.encode() not in found


@pytest.mark.parametrize(
    ("answer", "noted"),
    [
        (
            Answer(400, body(code="invalid-argument", error=CANARY)),
            "BadRequest 400 invalid-argument",
        ),
        (Answer(400, body(code="a code of words", error="x")), "BadRequest 400"),
        (Answer(400, body(code=CANARY, error="x")), "BadRequest 400"),
        (httpx.ReadError(CANARY), "ConnectionFailed"),
    ],
)
async def test_what_went_wrong_is_noted_all_the_same(answer: Any, noted: str) -> None:
    session = Session(answer, keep_text=False, on_doubt="hold")
    with pytest.raises(GrokError):
        await session.grok.ask(CANARY)
    (row,) = session.grok.ledger.rows()
    assert row[list(COLUMNS).index("error")] == noted


async def test_the_error_that_is_raised_still_says_everything() -> None:
    session = Session(Answer(400, body(error=f"no {CANARY}")), keep_text=False)
    with pytest.raises(GrokError, match=CANARY):
        await session.grok.ask(CANARY)
