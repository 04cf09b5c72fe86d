"""`ask(schema=)`: the bytes that are sent, one repair, and replies that are none."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from grok_nb.errors import (
    BadRequest,
    GrokError,
    Refused,
    SchemaMismatch,
    ServerFault,
    Truncated,
)
from grok_nb.reply import Reply
from grok_nb.show.render import reply_bundle

from ..response_shapes import RESPONSE
from ..support import (
    CHUNKS,
    HELLO,
    STALL,
    USAGE,
    Answer,
    chunk,
    completion,
    delta,
    refusal,
    session,
    sse,
    streamed,
)

TERSE = "name, age int"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD, BAD = '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": "old"}'
ADA = {"name": "Ada", "age": 36}
TOLD = (
    "The reply does not fit the schema: age: got 'old', expected a whole number. "
    "Answer again, with the whole JSON and nothing else."
)


def said(text: str, finish: str = "stop", **message: Any) -> Answer:
    made = {"role": "assistant", "content": text, "refusal": None, **message}
    return completion(choices=[{"index": 0, "message": made, "finish_reason": finish}])


def said_in_pieces(text: str, finish: str = "stop", **last: Any) -> Answer:
    events = [chunk(delta(content=text[:5])), chunk(delta(content=text[5:], **last))]
    return streamed(sse(*events, chunk(delta(finish=finish)), chunk(usage=USAGE)))


def response_of(text: str) -> Answer:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "m", "role": "assistant", "content": content}
    return Answer(pieces=json.dumps({**RESPONSE, "output": [message]}).encode())


async def answer(made: Any, way: str, **options: Any) -> Reply:
    if way == "ask":
        reply: Reply = await made.grok.ask("Hi", **options)
        return reply
    _, reply = await made.collect(**options)
    return reply


WAYS = {"ask": said, "stream": said_in_pieces}


@pytest.mark.parametrize("way", WAYS)
async def test_the_schema_is_sent_and_the_reply_read(way: str) -> None:
    with session(WAYS[way](GOOD)) as made:
        reply = await answer(made, way, schema=TERSE)
        assert (reply.parsed, reply.state, reply.repairs) == (ADA, "done", 0)
        assert reply.text == GOOD
        (body,) = made.script.bodies
        assert made.row["state"] == "done"
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    assert body == {
        "model": "grok-4.7",
        "messages": HELLO,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
        },
        **(streaming if way == "stream" else {}),
    }


async def test_with_a_search_the_flat_form_goes_to_the_responses_api() -> None:
    with session(response_of(BAD), response_of(GOOD)) as made:
        reply = await made.grok.ask("Hi", schema=TERSE, search="web", max_tokens=99)
        assert (reply.parsed, reply.repairs) == (ADA, 1)
        first, second = made.script.bodies
        assert {str(r.url.path) for r in made.script.requests} == {"/v1/responses"}
    assert first == {
        "model": "grok-4.7",
        "input": HELLO,
        "tools": [{"type": "web_search"}],
        "store": False,
        "max_output_tokens": 99,
        "text": {
            "format": {
                "type": "json_schema",
                "name": "reply",
                "strict": True,
                "schema": SCHEMA,
            }
        },
    }
    told = [{"role": "assistant", "content": BAD}, {"role": "user", "content": TOLD}]
    del first["tools"]  # what was found is in the answer already
    assert second == {**first, "input": [*HELLO, *told]}


@pytest.mark.parametrize("way", WAYS)
async def test_what_does_not_fit_is_shown_to_the_model_once(way: str) -> None:
    with session(WAYS[way](BAD), said(GOOD)) as made:
        notices: list[str] = []
        reply = await answer(
            made,
            way,
            schema=TERSE,
            temperature=0,
            on_retry=lambda n: notices.append(f"{n}"),
        )
        first, second = made.script.bodies
        rows = made.rows
    assert (reply.parsed, reply.text, reply.repairs, reply.state) == (
        ADA,
        GOOD,
        1,
        "done",
    )
    told = [{"role": "assistant", "content": BAD}, {"role": "user", "content": TOLD}]
    first.pop("stream", None), first.pop("stream_options", None)
    assert second == {**first, "messages": [*HELLO, *told]}
    # both were paid for, and each has its row
    assert [row["state"] for row in rows] == ["done", "done"]
    assert sum(row["cost_usd"] for row in rows) == pytest.approx(reply.cost_usd)
    assert reply.cost_ticks == 2 * USAGE["cost_in_usd_ticks"]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 2 * USAGE["prompt_tokens"]
    assert reply.usage.reasoning_tokens == 2 * 233
    assert (reply.cost_source, reply.attempts) == ("reported", 2)
    assert len(notices) == 1
    assert "age: got 'old'" in notices[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("repairs", "sent"), [(0, 1), (1, 2), (3, 4)])
async def test_after_the_repairs_it_is_an_error_with_the_reply(
    way: str, repairs: int, sent: int
) -> None:
    steps = [WAYS[way](BAD), *[said(BAD) for _ in range(repairs)], said("unexpected")]
    with session(*steps) as made:
        with pytest.raises(SchemaMismatch, match="age: got 'old'") as raised:
            await answer(made, way, schema=TERSE, repairs=repairs)
        assert len(made.script.requests) == sent
        assert made.column("state") == ["done"] * sent
    reply: Any = raised.value.reply
    assert (reply.text, reply.state, reply.parsed) == (BAD, "failed", None)
    assert reply.cost_ticks == sent * USAGE["cost_in_usd_ticks"]
    assert reply.repairs == repairs
    assert raised.value.request_id == "req-1"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        # both hold JSON that would fit: it is not looked at
        ((GOOD, "length"), Truncated, "hit its token limit and is not whole"),
        ((GOOD, "content_filter"), Refused, "declined to answer"),
        ((GOOD, "stop", "I must not."), Refused, "declined to answer: I must not"),
    ],
)
async def test_cut_and_declined_replies_are_told_apart_before_reading(
    way: str, step: tuple[str, ...], kind: type[GrokError], message: str
) -> None:
    text, finish, *no = step
    made_answer = WAYS[way](text, finish, **({"refusal": no[0]} if no else {}))
    with session(made_answer, said(GOOD)) as made:
        with pytest.raises(kind, match=message) as raised:
            await answer(made, way, schema=TERSE)
        assert len(made.script.requests) == 1  # no repair helps there
        assert made.row["state"] == "done"
        assert made.row["cost_usd"] is not None
    reply: Any = raised.value.reply
    assert (reply.text, reply.state, reply.parsed) == (GOOD, "failed", None)
    assert reply.cost_ticks == USAGE["cost_in_usd_ticks"]
    assert raised.value.hint


async def test_an_incomplete_response_is_truncated() -> None:
    cut = {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    }
    body = json.loads(response_of(GOOD).pieces[0])
    with (
        session(Answer(pieces=json.dumps({**body, **cut}).encode())) as made,
        pytest.raises(Truncated, match="token limit"),
    ):
        await made.grok.ask("Hi", schema=TERSE, search="web")


async def test_an_empty_reply_is_repaired_without_an_empty_message() -> None:
    with session(said(""), said(GOOD)) as made:
        assert (await made.grok.ask("Hi", schema=TERSE)).parsed == ADA
        told = made.script.bodies[1]["messages"]
    assert [m["role"] for m in told] == ["user", "user"]
    assert "it is empty" in told[1]["content"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_repair_that_fails_keeps_the_reply_that_was_paid(way: str) -> None:
    with session(WAYS[way](BAD), refusal(400, "No.")) as made:
        with pytest.raises(BadRequest) as raised:
            await answer(made, way, schema=TERSE)
        assert made.column("state") == ["done", "failed"]
    reply: Any = raised.value.reply
    assert (reply.text, reply.cost_ticks) == (BAD, USAGE["cost_in_usd_ticks"])
    with (
        session(WAYS[way](BAD), said(GOOD, "length")) as made,
        pytest.raises(Truncated) as cut,
    ):
        await answer(made, way, schema=TERSE)
    reply = cut.value.reply
    assert (reply.text, reply.cost_ticks) == (GOOD, 2 * USAGE["cost_in_usd_ticks"])


async def test_a_validator_that_breaks_is_not_the_models_fault() -> None:
    class Odd(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def _look(cls, value: int) -> float:
            return 1 / value

    with session(said('{"a": 0}')) as made:
        with pytest.raises(SchemaMismatch, match="ZeroDivisionError") as raised:
            await made.grok.ask("Hi", schema=Odd)
        assert len(made.script.requests) == 1
    assert str(raised.value.reply) == '{"a": 0}'


@pytest.mark.parametrize("way", WAYS)
async def test_numbers_come_as_they_were_written(way: str) -> None:
    class Paid(BaseModel):
        total: Decimal
        number: int

    text = '{"total": 0.10000000000000000001, "number": 123456789012345678901234567890}'
    with session(WAYS[way](text)) as made:
        parsed = (await answer(made, way, schema=Paid)).parsed
    assert str(parsed.total) == "0.10000000000000000001"
    assert parsed.number == 123456789012345678901234567890


async def test_while_it_streams_nothing_is_parsed() -> None:
    with session(said_in_pieces(GOOD)) as made:
        events, reply = await made.collect(schema=TERSE)
    assert [e.kind for e in events] == ["text", "text", "usage", "end"]
    assert [e.reply.parsed for e in events] == [None, None, None, ADA]
    assert all(e.reply.schema is reply.schema for e in events)


async def test_while_it_is_mended_the_reply_is_not_done() -> None:
    seen: list[Reply] = []

    def look(_: Any) -> Answer:
        seen.append(stream.reply)
        return said(GOOD)

    with session(said_in_pieces("I would rather not."), look) as made:
        stream = made.grok.stream("Hi", schema=TERSE)
        async for _ in stream:
            pass
    (reply,) = seen
    assert (reply.state, reply.parsed, reply.records) == ("running", None, [])
    bundle = reply_bundle(reply, note="waiting, 3 s")
    assert "<code>I would rather not.</code>" in bundle["text/html"]
    assert bundle["text/plain"] == "I would rather not."
    assert (stream.reply.state, stream.reply.parsed) == ("done", ADA)


async def test_stopped_while_it_is_mended_the_reply_is_kept() -> None:
    asked = asyncio.Event()

    def stall(_: Any) -> Any:
        asked.set()
        return STALL

    with session(said_in_pieces(BAD), stall) as made:
        stream = made.grok.stream("Hi", schema=TERSE)

        async def read() -> None:
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (stream.reply.text, stream.reply.parsed) == (BAD, None)
        assert made.column("state")[0] == "done"
        assert made.column("state")[1] != "done"


async def test_a_stream_that_ends_in_no_answer_has_failed() -> None:
    with session(said_in_pieces(BAD), said(BAD)) as made:
        reply, error = await made.outcome(schema=TERSE)
    assert isinstance(error, SchemaMismatch)
    assert (reply.state, reply.text, reply.records) == ("failed", BAD, [])


async def test_a_failed_attempt_before_it_changes_nothing() -> None:
    with session(refusal(503), said(GOOD)) as made:
        reply = await made.grok.ask("Hi", schema=TERSE)
    assert (reply.parsed, reply.attempts, reply.repairs) == (ADA, 2, 0)
    assert reply.schema is not None
    with session(refusal(500)) as made, pytest.raises(ServerFault) as raised:
        await made.grok.ask("Hi", schema=TERSE)
    assert raised.value.reply is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"many": True}, "many is about a schema that was not asked for"),
    ({"repairs": 2}, "repairs is about a schema"),
    ({"schema": TERSE, "many": "yes"}, "many must be True or False"),
    ({"schema": TERSE, "repairs": -1}, "repairs must be a whole number from 0 to 5"),
    ({"schema": TERSE, "repairs": 6}, "repairs must be"),
    ({"schema": TERSE, "repairs": True}, "repairs must be"),
    ({"schema": TERSE, "n": 2}, "n must be 1 with a schema"),
    ({"schema": "name, age itn"}, "field 2, 'age itn'"),
    ({"schema": 3}, "3 is no model"),
    ({"schema": list[int], "many": True}, "is a list already"),
    ({"shema": TERSE}, "ask\\(\\) has no option 'shema'"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_what_cannot_be_right_is_not_sent(number: int) -> None:
    options, message = WRONG[number]
    with session(said(GOOD)) as made:
        with pytest.raises(BadRequest, match=message):
            await made.grok.ask("Hi", **options)
        assert made.script.requests == []
        await made.grok.ask("Hi", schema=TERSE)
        assert len(made.script.requests) == 1  # it would be seen


async def test_without_a_schema_text_stays_text() -> None:
    with session(streamed(sse(*CHUNKS))) as made:
        _, reply = await made.collect()
    assert (reply.parsed, reply.schema, reply.state) == (None, None, "done")
