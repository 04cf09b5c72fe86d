"""Server-sent events -> chunks -> a running reply, and what the ledger says of it."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb import bodies
from grok_nb.api.stream import EventReader, Fold
from grok_nb.errors import (
    ConnectionFailed,
    GrokError,
    ServerFault,
    StreamError,
    TimedOut,
)

from ..support import (
    CHUNKS,
    COMPLETION,
    HELLO,
    REASONING,
    RECORDED,
    STALL,
    TEXT,
    USAGE,
    Answer,
    chunk,
    completion,
    delta,
    session,
    sse,
    streamed,
)

BOM = b"\xef\xbb\xbf"

# -- the reader ------------------------------------------------------------------------


def by_the_book(raw: bytes) -> list[bytes]:
    """Read a whole stream as the specification says, line by line.

    https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6: "lines must
    be separated by either a CRLF pair, a single LF, or a single CR"; "if the file ends
    in the middle of an event, before the final empty line, the incomplete event is not
    dispatched".
    """
    found, buffer = [], b""
    lines = re.split(rb"\r\n|\n|\r", raw.removeprefix(BOM))
    for line in lines[:-1]:
        if line == b"":
            if buffer != b"":
                found.append(buffer[:-1])
            buffer = b""
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            buffer += value.removeprefix(b" ") + b"\n"
    return found


def read(*pieces: bytes) -> list[bytes]:
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)]


EXAMPLES = {
    "spec example 1": (
        (
            b"data: This is the first message.\n\n"
            b"data: This is the second message, it\ndata: has two lines.\n\n"
            b"data: This is the third message.\n\n"
        ),
        [
            b"This is the first message.",
            b"This is the second message, it\nhas two lines.",
            b"This is the third message.",
        ],
    ),
    "spec example 2: stock ticker": (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [b"YHOO\n+2\n10"],
    ),
    "spec example 3: comments, ids, a space too many": (
        (
            b": test stream\n\ndata: first event\nid: 1\n\n"
            b"data:second event\nid\n\ndata:  third event\n"
        ),
        [b"first event", b"second event"],
    ),
    "spec example 4: empty data": (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
    "spec example 5: one optional space": (
        b"data:test\n\ndata: test\n\n",
        [b"test", b"test"],
    ),
    "CR only": (b"data: a\rdata: b\r\rdata: c\r\r", [b"a\nb", b"c"]),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [b"a\nb", b"c"]),
    "mixed ends": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", [b"a", b"b", b"c"]),
    "unknown names": (
        b"event: ping\ndata: {}\nretry: 10\nfoo: bar\nid: 7\n\n",
        [b"{}"],
    ),
    "no field of that name": (b"Data: a\ndata : b\ndatas: c\n data: d\n\n", []),
    "byte order mark": (BOM + b"data: a\n\n" + BOM + b"data: b\n\n", [b"a"]),
    "keep-alive comments": (
        b": keepalive\n\n:\n\ndata: a\n: keepalive\ndata: b\n\n",
        [b"a\nb"],
    ),
    "multi-byte": (
        "data: é€🦊\u2028\x85\n\n".encode(),
        ["é€🦊\u2028\x85".encode()],
    ),
    "no event at all": (b"\n\n\r\r\n\nid: 3\n\n", []),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_reader_reads_the_examples_of_the_specification(name: str) -> None:
    raw, wanted = EXAMPLES[name]
    assert by_the_book(raw) == wanted
    assert read(raw) == wanted


@pytest.mark.parametrize("name", EXAMPLES)
def test_reader_takes_a_cut_at_every_position(name: str) -> None:
    raw, wanted = EXAMPLES[name]
    for first in range(len(raw) + 1):
        assert read(raw[:first], raw[first:]) == wanted
        assert read(raw[:first], b"", raw[first : first + 1], raw[first + 1 :]) == (
            wanted
        )
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == wanted


PARTS = [
    *(b"data:", b"data: ", b"data", b"dat", b"event: x", b"id: 1", b"retry: 1", b":"),
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b" ", b"x", b"\x00", BOM, b"{}"),
    *("é".encode(), "🦊".encode(), "🦊".encode()[:2]),
]
raw_streams = st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join)


@given(raw_streams, st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=250)
def test_reader_agrees_with_a_second_reader(raw: bytes, cuts: list[int]) -> None:
    ends = sorted({0, len(raw), *(min(cut, len(raw)) for cut in cuts)})
    pieces = [raw[a:b] for a, b in itertools.pairwise(ends)]
    reader = EventReader()
    found = [data for piece in pieces for data in reader.feed(piece)]
    assert found == by_the_book(raw)
    rest = reader.rest()
    assert [*found, *([] if rest is None else [rest])] == by_the_book(raw + b"\n\n")


def test_reader_takes_a_huge_line_in_small_pieces() -> None:
    text = b"x" * 3_000_000
    raw = b"data: " + text + b"\n\ndata: b\n\n"
    pieces = [raw[at : at + 1000] for at in range(0, len(raw), 1000)]
    assert read(*pieces) == [text, b"b"]


# -- a stream through the client -------------------------------------------------------


def kinds(events: list[Any]) -> list[tuple[str, str]]:
    return [(event.kind, event.delta) for event in events]


RECORDED_EVENTS = [
    ("reasoning", "Hm"),
    ("reasoning", " ok"),
    ("text", "Zürich "),
    ("text", "€ 🦊"),
    ("usage", ""),
    ("end", ""),
]


async def test_stream_gives_the_recorded_events_and_the_reply() -> None:
    with session(streamed(RECORDED)) as s:
        events, reply = await s.collect()
        assert kinds(events) == RECORDED_EVENTS
        assert (reply.text, reply.reasoning, reply.state) == (TEXT, REASONING, "done")
        assert (reply.finish_reason, reply.model) == ("stop", "grok-4.7")
        assert (reply.fingerprint, reply.request_id) == ("fp_1", "req-1")
        assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "reported")
        assert reply.raw["usage"] == USAGE
        assert events[-1].reply == reply
        (sent,) = s.script.bodies
        assert sent["stream"] is True
        assert sent["stream_options"] == {"include_usage": True}
        row = s.row
        assert (row["state"], row["cost_source"]) == ("done", "reported")
        assert row["cost_usd"] == pytest.approx(0.00464)
        assert (row["prompt_tokens"], row["cached_prompt_tokens"]) == (37, 8)
        assert (row["completion_tokens"], row["reasoning_tokens"]) == (530, 233)
        assert row["billed_output_tokens"] == 763
        assert (row["http_status"], row["request_id"]) == (200, "req-1")
        assert row["response_id"] == CHUNKS[0]["id"]


async def test_stream_takes_every_cut_of_the_bytes_into_two_pieces() -> None:
    with session(streamed(b"")) as s:
        for at in range(len(RECORDED) + 1):
            s.script.load(streamed([RECORDED[:at], RECORDED[at:]]))
            events, reply = await s.collect()
            assert kinds(events) == RECORDED_EVENTS
            assert (reply.text, reply.cost_source) == (TEXT, "reported")
        assert set(s.column("state")) == {"done"}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.booleans())
@settings(max_examples=40, deadline=None)
async def test_stream_takes_pieces_of_any_sizes(sizes: list[int], crlf: bool) -> None:
    raw = RECORDED.replace(b"\n", b"\r\n") if crlf else RECORDED
    pieces, at = [], 0
    while at < len(raw):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(raw[at : at + size])
        at += size
    with session(streamed(pieces)) as s:
        events, reply = await s.collect()
        assert kinds(events) == RECORDED_EVENTS
        assert reply.state == "done"


async def test_event_reply_is_the_reply_right_after_that_event() -> None:
    raw = sse(
        chunk(delta(role="assistant", reasoning_content="Hm")),
        chunk(delta(content="A", tool_calls=[tool(0, "c1", "f", '{"a":')])),
        chunk(delta(tool_calls=[tool(0, None, None, "1}"), tool(1, "c2", "g", "{}")])),
        chunk(delta(finish="tool_calls")),
        chunk(usage=USAGE),
    )
    with session(streamed(raw)) as s:
        stream = s.grok.stream("Hi")
        taken = [(event, event.reply) async for event in stream]
        done = stream.reply
    so_far: dict[str, str] = {"text": "", "reasoning": "", "tool_call": ""}
    for event, then in taken[:-1]:
        if event.delta:
            so_far[event.kind] += event.delta
        for reply in (then, event.reply):  # looked at then, and looked at later
            assert reply.text == so_far["text"]
            assert reply.reasoning == so_far["reasoning"]
            assert (
                "".join(c.arguments for c in reply.tool_calls) == (so_far["tool_call"])
            )
            assert reply.state == "running"
            is_usage = event.kind == "usage"
            assert (reply.usage is not None) == is_usage
            assert reply.finish_reason == ("tool_calls" if is_usage else None)
    assert taken[-1][0].reply == done
    assert done.state == "done"


def tool(index: int | None, id_: Any, name: Any, arguments: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        made["index"] = index
    if id_ is not None:
        made |= {"id": id_, "type": "function"}
        made["function"]["name"] = name
    return made


async def test_tool_calls_arrive_whole_or_split_by_index() -> None:
    whole = chunk(
        delta(content="", tool_calls=[tool(0, "call_1", "f", '{"a":1}')]),
    )
    split = [
        chunk(delta(tool_calls=[tool(0, "call_1", "f", '{"a"')])),
        chunk(delta(tool_calls=[tool(1, "call_2", "g", "")])),
        chunk(delta(tool_calls=[tool(0, None, None, ":1}")])),
        chunk(delta(tool_calls=[tool(1, "call_2", "g", "{}")])),
    ]
    end = [chunk(delta(finish="tool_calls")), chunk(usage=USAGE)]
    with session(streamed(sse(whole, *end)), streamed(sse(*split, *end))) as s:
        _, one = await s.collect()
        _, two = await s.collect()
        assert [(c.id, c.name, c.arguments) for c in one.tool_calls] == [
            ("call_1", "f", '{"a":1}')
        ]
        assert [(c.id, c.name, c.arguments) for c in two.tool_calls] == [
            ("call_1", "f", '{"a":1}'),
            ("call_2", "g", "{}"),
        ]
        assert (one.text, one.finish_reason) == ("", "tool_calls")
        assert s.column("tool_calls") == [1, 2]


async def test_two_choices_are_kept_apart() -> None:
    raw = sse(
        chunk(delta(0, role="assistant", content="A")),
        chunk(delta(1, role="assistant", content="B")),
        chunk(delta(1, content="b"), delta(0, content="a")),
        chunk(delta(1, finish="stop")),
        chunk(delta(0, finish="length")),
        chunk(usage=USAGE),
    )
    with session(streamed(raw)) as s:
        events, reply = await s.collect(n=2)
    assert [c.text for c in reply.choices] == ["Aa", "Bb"]
    assert [c.finish_reason for c in reply.choices] == ["length", "stop"]
    assert reply.text == "Aa"
    assert [e.choice for e in events if e.kind == "text"] == [0, 1, 1, 0]


async def test_a_choice_that_never_finished_makes_the_reply_not_whole() -> None:
    raw = sse(
        chunk(delta(0, content="A", finish="stop")),
        chunk(delta(1, content="B"), usage=USAGE),
        done=False,
    )
    with session(streamed(raw)) as s:
        reply, error = await s.outcome(n=2)
        assert isinstance(error, StreamError)
        assert [c.text for c in reply.choices] == ["A", "B"]
        # the usage so far is not the bill: the second answer was still being written
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")


async def test_the_last_usage_wins_and_is_never_summed() -> None:
    """Docs shape of 2025: role and cumulative usage on each chunk."""

    def grown(completion_tokens: int) -> dict[str, Any]:
        return {
            "prompt_tokens": 37,
            "completion_tokens": completion_tokens,
            "total_tokens": 37 + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 8},
        }

    raw = sse(
        chunk(delta(role="assistant", content="a"), usage=grown(1)),
        chunk(delta(role="assistant", content="b"), usage=grown(2)),
        chunk(delta(role="assistant", content="c", finish="stop"), usage=grown(3)),
    )
    with session(streamed(raw)) as s:
        _, reply = await s.collect()
        assert reply.text == "abc"
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (37, 3)
        ticks = 29 * 20_000 + 8 * 5_000 + 3 * 60_000
        assert (reply.cost_ticks, reply.cost_source) == (ticks, "computed")
        assert s.row["completion_tokens"] == 3


async def test_cumulative_usage_of_a_cut_stream_is_no_reported_cost() -> None:
    usage = {**USAGE, "cost_in_usd_ticks": 5}
    raw = sse(chunk(delta(content="a"), usage=usage), done=False)
    with session(streamed(raw)) as s:
        reply, error = await s.outcome()
        assert isinstance(error, StreamError)
        assert (reply.state, reply.cost_source) == ("failed", "estimated")
        assert s.row["cost_source"] == "estimated"
        assert s.row["cost_usd"] != pytest.approx(5e-10)


async def test_comments_empty_events_and_unknown_names_change_nothing() -> None:
    noise = b": keepalive\n\nevent: ping\ndata:\n\nevent: ping\ndata: {}\n\nid: 3\n\n"
    parts = RECORDED.split(b"\n\n")
    raw = noise + b"".join(part + b"\n\n" + noise for part in parts[:-1])
    with session(streamed(raw)) as s:
        events, reply = await s.collect()
    assert kinds(events) == RECORDED_EVENTS
    assert reply.state == "done"


async def test_nothing_after_done_counts() -> None:
    for after in (
        b"data: no JSON\n\n",
        b'data: {"error": "late"}\n\n',
        sse(chunk(delta(content="more"))),
        b"\xff\xfe",
    ):
        with session(streamed([RECORDED, after])) as s:
            events, reply = await s.collect()
            assert kinds(events) == RECORDED_EVENTS
            assert reply.state == "done"
        with session(streamed([RECORDED + after])) as s:
            assert (await s.collect())[1].text == TEXT


async def test_a_connection_that_breaks_after_done_harms_nothing() -> None:
    broken = httpx.ReadError("reset")
    with session(streamed([RECORDED, broken])) as s:
        _, reply = await s.collect()
        assert (reply.text, reply.state) == (TEXT, "done")
        assert s.row["cost_source"] == "reported"


async def test_without_a_usage_chunk_the_cost_is_estimated() -> None:
    with session(streamed(sse(*CHUNKS[:-1]))) as s:
        _, reply = await s.collect()
        assert (reply.state, reply.cost_source) == ("done", "estimated")
        assert reply.usage.reasoning_tokens == 2  # five bytes
        assert reply.usage.completion_tokens == 4  # 16 bytes
        assert s.row["cost_source"] == "estimated"
        assert s.row["cost_usd"] > 0


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": "many"},
        "free",
        [],
    ],
)
async def test_a_usage_that_says_nothing_is_no_usage(usage: Any) -> None:
    raw = sse(*CHUNKS[:-1], chunk(usage=usage))
    with session(streamed(raw)) as s:
        _, reply = await s.collect()
        assert (reply.state, reply.cost_source) == ("done", "estimated")
        assert reply.cost_ticks > 0


# -- streams that break ----------------------------------------------------------------

ENDS = {
    "closed": [],
    "reset": [httpx.ReadError("reset")],
}


@pytest.mark.parametrize("how", ENDS)
async def test_a_stream_cut_at_any_byte_is_whole_or_an_error(how: str) -> None:
    finished_at = RECORDED.index(b"\n\n", RECORDED.index(b'"finish_reason"'))
    usage_at = RECORDED.index(b"\n\n", RECORDED.index(b"cost_in_usd"))
    shown_at = RECORDED.index(b"\n\n")
    counts = []
    with session(streamed(b"")) as s:
        for at in range(len(RECORDED) + 1):
            s.script.load(streamed([RECORDED[:at], *ENDS[how]]))
            reply, error = await s.outcome()
            counts.append(len(s.script.requests))
            assert TEXT.startswith(reply.text)
            assert REASONING.startswith(reply.reasoning)
            assert (error is None) == (at >= finished_at)
            if error is None:
                assert (reply.state, reply.text) == ("done", TEXT)
            elif at < shown_at:
                assert isinstance(error, (StreamError, ConnectionFailed))
            else:
                assert isinstance(error, StreamError)
                assert error.reply == reply
                assert (reply.state, reply.cost_source) == ("failed", "estimated")
        rows = iter(s.rows)
        for at, count in enumerate(counts):
            of_this = [next(rows) for _ in range(count)]
            row = of_this[-1]
            if at < shown_at:
                assert count == 3
                assert {r["state"] for r in of_this} == {"in_doubt"}
                assert {r["cost_source"] for r in of_this} == {"none"}
                continue
            assert count == 1  # what was shown is never begun again
            assert row["state"] == ("done" if at >= finished_at else "failed")
            reported = at >= usage_at
            assert row["cost_source"] == ("reported" if reported else "estimated")
            assert (row["cost_usd"] == pytest.approx(0.00464)) == reported
        assert next(rows, None) is None


async def test_the_partial_reply_is_in_the_error() -> None:
    with session(streamed(sse(*CHUNKS[:3], done=False))) as s:
        reply, error = await s.outcome()
        assert isinstance(error, StreamError)
        assert error.reply.text == reply.text == "Zürich "
        assert error.reply.reasoning == REASONING
        assert (reply.state, reply.cost_source) == ("failed", "estimated")
        assert "finish reason" in str(error)
        assert "StreamError" in s.row["error"]
        assert s.row["cost_usd"] > 0


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"error": {"message": "Overloaded.", "type": "x"}}, "Overloaded."),
        ({"code": "unavailable", "error": "Try later."}, "unavailable: Try later."),
        ({"error": {"status": 1}}, "status"),
        ({"error": True}, "True"),
        ("upstream went away", "upstream went away"),
    ],
)
@pytest.mark.parametrize("blank", [b"\n\n", b"\n", b""])
async def test_an_error_in_mid_stream_is_told(
    event: Any, said: str, blank: bytes
) -> None:
    bad = sse(event, done=False).removesuffix(b"\n\n") + blank
    with session(streamed(sse(*CHUNKS[:3], done=False) + bad)) as s:
        reply, error = await s.outcome()
        assert isinstance(error, StreamError)
        if blank == b"\n\n" or isinstance(event, dict):
            assert said in str(error)
        assert reply.text == "Zürich "
        assert s.row["state"] == "failed"
        assert len(s.script.requests) == 1


async def test_an_error_after_the_finish_reason_is_no_success() -> None:
    for end in (b"\n\n", b""):
        bad = b'data: {"error": "billing failed"}' + end
        with session(streamed(sse(*CHUNKS[:5], done=False) + bad)) as s:
            reply, error = await s.outcome()
            assert isinstance(error, StreamError)
            assert (reply.state, reply.text) == ("failed", TEXT)


@pytest.mark.parametrize("end", [b"", sse({"error": "x"}), b"data: nonsense\n\n"])
async def test_a_bill_that_came_is_kept_whatever_happens_after_it(end: bytes) -> None:
    raw = sse(*CHUNKS[:4], CHUNKS[5], done=False) + end  # no finish reason
    with session(streamed(raw)) as s:
        reply, error = await s.outcome()
        assert isinstance(error, StreamError)
        assert (reply.state, reply.text) == ("failed", TEXT)
        assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "reported")
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "reported")


async def test_a_long_error_event_is_shortened() -> None:
    bad = sse({"error": "x" * 100_000})
    with session(streamed(sse(*CHUNKS[:3], done=False) + bad)) as s:
        _, error = await s.outcome()
        assert len(str(error)) < 1000


async def test_an_error_body_on_a_200_is_retried_as_unavailable() -> None:
    body = b'{"code":"The service is currently unavailable","error":"Try again"}'
    with session(Answer(pieces=body), streamed(RECORDED)) as s:
        _, reply = await s.collect()
        assert (reply.text, reply.attempts, reply.attempts_in_doubt) == (TEXT, 2, 0)
        assert s.column("state") == ["failed", "done"]
        assert s.column("cost_usd")[0] == 0
        assert "Try again" in s.rows[0]["error"]


async def test_an_error_body_on_a_200_ends_in_a_server_fault() -> None:
    body = b'{"code":"The service is currently unavailable","error":"Try again"}'
    with session(Answer(pieces=[body[:9], body[9:]])) as s:
        reply, error = await s.outcome()
        assert isinstance(error, ServerFault)
        assert error.code == "The service is currently unavailable"
        assert reply.state == "failed"
        assert len(s.rows) == 7


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_json_completion_in_place_of_a_stream_is_taken(size: int) -> None:
    raw = b" \r\n" + json.dumps(COMPLETION).encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    with session(Answer(pieces=pieces)) as s:
        events, reply = await s.collect()
        assert kinds(events) == [
            ("reasoning", "Short sum."),
            ("text", "42."),
            ("usage", ""),
            ("end", ""),
        ]
        assert (reply.state, reply.cost_source) == ("done", "reported")
        chunks = [c async for c in s.grok.chat_completion_stream(HELLO)]
        assert [c.choices[0].delta.content for c in chunks] == ["42."]


async def test_half_a_json_completion_in_place_of_a_stream_is_an_error() -> None:
    raw = json.dumps(COMPLETION).encode()
    with session(Answer(pieces=raw[:-20])) as s:
        reply, error = await s.outcome()
        assert isinstance(error, GrokError)
        assert reply.state == "failed"


async def test_halves_of_a_surrogate_pair_meet_again() -> None:
    raw = (
        b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83e"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"content":"\\udd8a b\\ud83e"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,'
        b'"function":{"name":"f\\ud83e","arguments":"\\ud83e"}}]}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,'
        b'"function":{"arguments":"\\udd8a"}}]}}]}\n\n'
        b'data: {"model":"m\\ud83e","choices":[{"index":0,"finish_reason":"stop\\udd8a",'
        b'"delta":{"refusal":"\\udd8a"}}],"usage":{"prompt_tokens":1}}\n\n'
        b"data: [DONE]\n\n"
    )
    with session(streamed(raw)) as s:
        _, reply = await s.collect()
        assert reply.text == "a🦊 b\ufffd"
        assert reply.tool_calls[0].arguments == "🦊"
        assert s.row["state"] == "done"
    for text in (reply.choices, reply.model, reply.tool_calls):
        assert repr(text).encode("utf-8")
    assert f"{reply}{reply.finish_reason}{reply.choices[0].refusal}".encode()
    assert reply.tool_calls[0].name.encode()


async def test_broken_utf8_in_a_stream_is_replaced() -> None:
    raw = RECORDED.replace("ü".encode(), b"\xfc")
    with session(streamed(raw)) as s:
        _, reply = await s.collect()
    assert reply.text == TEXT.replace("ü", "\ufffd")


# -- bodies of other kinds -------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>x</body></html>"


@pytest.mark.parametrize("status", [200, 302, 403, 502])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_proxys_page_is_told_as_such(status: int, stream: bool) -> None:
    with session(Answer(status, PAGE, {"content-type": "text/html"})) as s:
        if stream:
            _, error = await s.outcome()
        else:
            with pytest.raises(GrokError) as caught:
                await s.grok.ask("Hi")
            error = caught.value
        assert "HTML page titled 'Sign in'" in str(error)
        assert "proxies" in error.hint
        assert "done" not in s.column("state")


async def test_compressed_bodies_are_read() -> None:
    zipped = {"content-encoding": "gzip"}
    whole = gzip.compress(json.dumps(COMPLETION).encode())
    raw = gzip.compress(RECORDED)
    pieces = [raw[at : at + 5] for at in range(0, len(raw), 5)]
    with session(Answer(pieces=whole, headers=zipped)) as s:
        assert (await s.grok.ask("Hi")).text == "42."
        s.script.load(Answer(pieces=pieces, headers=zipped))
        assert (await s.collect())[1].text == TEXT


async def test_broken_compression_is_a_broken_connection() -> None:
    zipped = {"content-encoding": "gzip"}
    broken = bytearray(gzip.compress(RECORDED))
    broken[len(broken) // 2] ^= 0xFF
    for body in (b"no gzip at all", bytes(broken)):
        with session(Answer(pieces=body, headers=zipped)) as s:
            reply, error = await s.outcome()
            assert isinstance(error, (ConnectionFailed, StreamError))
            assert reply.state == "failed"
            with pytest.raises(ConnectionFailed):
                await s.grok.ask("Hi")
            assert "done" not in s.column("state")


async def test_a_compressed_stream_that_is_cut_is_not_whole() -> None:
    raw = gzip.compress(RECORDED)
    with session(streamed(b"")) as s:
        for at in range(0, len(raw), 3):
            s.script.load(Answer(pieces=raw[:at], headers={"content-encoding": "gzip"}))
            reply, error = await s.outcome()
            assert (error is None) == (reply.state == "done")
            assert error is not None or reply.text == TEXT


async def test_an_empty_body_is_no_reply() -> None:
    for pieces in (b"", b"\n\n", BOM, b": keepalive\n\n"):
        with session(Answer(pieces=pieces)) as s:
            reply, error = await s.outcome()
            assert isinstance(error, (StreamError, ServerFault))
            assert reply.state == "failed"
            with pytest.raises(ServerFault):
                await s.grok.ask("Hi")


async def test_a_reply_of_five_megabytes_arrives() -> None:
    text = "0123456789abcde\n" * 327_680
    raw = sse(
        *(
            chunk(delta(content=text[at : at + 4096]))
            for at in range(0, len(text), 4096)
        )
    )
    raw = raw.replace(b"data: [DONE]\n\n", sse(*CHUNKS[4:]))
    with session(
        streamed([raw[at : at + 65_536] for at in range(0, len(raw), 65_536)])
    ) as s:
        stream = s.grok.stream("Hi")
        async for _ in stream:
            pass
        assert stream.reply.text == text
        message = {**COMPLETION["choices"][0]["message"], "content": text}
        choice = {**COMPLETION["choices"][0], "message": message}
        s.script.load(completion(choices=[choice]))
        assert (await s.grok.ask("Hi")).text == text
        # the same in place of a stream, in the small pieces of a slow network
        raw = json.dumps({**COMPLETION, "choices": [choice]}).encode()
        pieces = [raw[at : at + 1000] for at in range(0, len(raw), 1000)]
        s.script.load(Answer(pieces=pieces))
        assert (await s.collect())[1].text == text


async def test_a_stalled_stream_ends_with_the_time_limit() -> None:
    with session(streamed([sse(*CHUNKS[:3], done=False), STALL]), timeout_s=0.2) as s:
        reply, error = await s.outcome()
        assert isinstance(error, StreamError)
        assert isinstance(error.__cause__, TimedOut)
        assert (reply.text, reply.state) == ("Zürich ", "failed")
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")


@pytest.mark.parametrize("step", [STALL, streamed([STALL]), streamed([b"\n", STALL])])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_never_comes_times_out(step: Any, stream: bool) -> None:
    with session(step, timeout_s=0.2) as s:
        with pytest.raises(TimedOut, match=r"0\.2 s") as caught:
            await (s.collect() if stream else s.grok.ask("Hi"))
        assert caught.value.sent
        assert (s.row["state"], s.row["cost_source"]) == ("in_doubt", "none")
        assert len(s.script.requests) == 1


async def test_closing_a_stream_closes_the_response_and_keeps_the_text() -> None:
    answer = streamed([sse(*CHUNKS[:3], done=False), STALL])
    with session(answer) as s:
        async with s.grok.stream("Hi") as stream:
            async for event in stream:
                if event.kind == "text":
                    break
        assert answer.body.closed
        assert (stream.reply.state, stream.reply.text) == ("stopped", "Zürich ")
        assert stream.reply.cost_source == "estimated"
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")
        assert s.row["error"] is None


async def test_a_stream_that_was_never_read_sends_nothing() -> None:
    with session(streamed(RECORDED)) as s:
        stream = s.grok.stream("Hi")
        await stream.aclose()
        assert stream.reply.state == "stopped"
        assert (s.script.requests, s.rows) == ([], [])


@pytest.mark.parametrize(
    ("seen", "state", "source"),
    [(5, "stopped", "estimated"), (6, "done", "reported")],
)
async def test_a_stop_is_done_only_when_the_bill_has_come(
    seen: int, state: str, source: str
) -> None:
    with session(streamed([sse(*CHUNKS[:seen], done=False), STALL])) as s:
        stream = s.grok.chat_completion_stream(HELLO)
        for _ in range(seen):
            await anext(stream)
        await stream.aclose()
        assert (s.row["state"], s.row["cost_source"]) == (state, source)


# -- whatever a server may send --------------------------------------------------------

JUNK = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "text",
    "9" * 5000,
    [],
    {},
    [None],
    [1],
    {"a": 1},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(p for key, v in inner for p in places(v, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and new is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


RICH = {
    **COMPLETION,
    "citations": ["https://a.test"],
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "42.",
                "reasoning_content": "Short sum.",
                "refusal": "no",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a":1}'},
                    },
                    {
                        "index": 1,
                        "id": "c2",
                        "type": "function",
                        "function": {"name": "g", "arguments": "{}"},
                    },
                ],
            },
        },
        {
            "index": 1,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "43."},
        },
    ],
}
#: where text stands that must never be lost
TEXTS = {
    ("choices", 0, "message", "content"): "42.",
    ("choices", 0, "message", "reasoning_content"): "Short sum.",
    ("choices", 0, "message", "tool_calls", 0, "function", "arguments"): '{"a":1}',
    ("choices", 0, "message", "tool_calls", 1, "function", "arguments"): "{}",
    ("choices", 1, "message", "content"): "43.",
}


def all_text(reply: Any) -> str:
    return repr(reply.choices)


def typed_text(completion_: Any) -> str:
    return repr(completion_.choices)


@pytest.mark.parametrize("new", [*JUNK, ...], ids=lambda v: repr(v)[:12])
async def test_one_wrong_field_loses_no_other_text(new: Any) -> None:
    with session(completion()) as s:
        for path in places(RICH)[1:]:
            body = changed(RICH, path, new)
            s.script.load(Answer(pieces=json.dumps(body).encode()))
            kept = [t for p, t in TEXTS.items() if p[: len(path)] != path]
            try:
                reply = await s.grok.ask("Hi", n=2)
                typed = await s.grok.chat_completion(HELLO, n=2)
                _, as_stream = await s.collect(n=2)
            except GrokError:
                assert path == ("choices",)
                continue
            assert typed.raw == body
            assert reply.state == as_stream.state == "done"
            for text in kept:
                assert repr(text)[1:-1] in all_text(reply), path
                assert repr(text)[1:-1] in all_text(as_stream), path
                assert repr(text)[1:-1] in typed_text(typed), path
            if path[-1] == "index" and len(path) == 3 and not isinstance(new, int):
                assert [c.text for c in reply.choices] == ["42.", "43."]
        # what was billed without a usable reply is booked, and not asked for again
        states = set(zip(s.column("state"), s.column("cost_source"), strict=True))
        assert {state for state, _ in states} <= {"done", "in_doubt", "failed"}
        assert {source for state, source in states if state == "failed"} <= {"reported"}


@pytest.mark.parametrize("new", [*JUNK, ...], ids=lambda v: repr(v)[:12])
async def test_one_wrong_field_in_a_chunk_breaks_no_stream(new: Any) -> None:
    first = chunk(
        delta(
            role="assistant",
            content="AA",
            reasoning_content="RR",
            tool_calls=[tool(0, "c1", "f", "{}")],
        ),
        usage=USAGE,
    )
    where = {
        ("choices", 0, "delta", "content"): "AA",
        ("choices", 0, "delta", "reasoning_content"): "RR",
        ("choices", 0, "delta", "tool_calls", 0, "function", "arguments"): "{}",
    }
    rest = [chunk(delta(content="B")), chunk(delta(finish="stop")), chunk(usage=USAGE)]
    with session(streamed(b"")) as s:
        for path in places(first)[1:]:
            raw = sse(changed(first, path, new), *rest)
            s.script.load(streamed(raw))
            _, reply = await s.collect()
            chunks = [c async for c in s.grok.chat_completion_stream(HELLO)]
            typed = repr([c.choices for c in chunks])
            assert reply.state == "done"
            assert (reply.cost_ticks, reply.cost_source) == (46_400_000, "reported")
            for at, text in where.items():
                if at[: len(path)] != path:
                    assert text in all_text(reply), path
                    assert repr(text) in typed, path
            assert "B" in "".join(choice.text for choice in reply.choices)
            assert "'B'" in typed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = [
    *("id", "object", "created", "model", "choices", "usage", "system_fingerprint"),
    *("index", "message", "delta", "finish_reason", "content", "role", "error", "code"),
    *("reasoning_content", "tool_calls", "function", "name", "arguments", "citations"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "cost_in_usd_ticks"),
]


@st.composite
def mangled(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(body)[1:] or [("x",)]))
        what = draw(st.integers(0, 2))
        try:
            if what == 0:
                body = changed(body, path, draw(json_values))
            elif what == 1:
                body = changed(body, path, ...)
            else:
                name = draw(st.sampled_from(NAMES) | st.text())
                body = {**body, name: draw(json_values)}
        except (KeyError, IndexError, TypeError):
            pass
    return body


@given(mangled(RICH))
@settings(max_examples=60, deadline=None)
async def test_no_reply_raises_anything_but_grok_errors(body: dict[str, Any]) -> None:
    with session(Answer(pieces=json.dumps(body).encode())) as s:
        for stream in (False, True):
            try:
                if stream:
                    reply = (await s.collect())[1]
                else:
                    reply = await s.grok.ask("Hi")
                    await s.grok.chat_completion(HELLO)
            except GrokError:
                continue
            assert reply.state == "done"
            shown = f"{reply!r}{reply}{reply.finish_reason}{reply.cost_usd}"
            assert shown.encode("utf-8")
            assert isinstance(reply._repr_mimebundle_(), dict)
        for row in s.rows:
            assert row["state"] != "stopped"
            assert row["cost_usd"] is None or row["cost_usd"] >= 0
        assert s.grok.store.trouble() is None


@given(st.lists(st.sampled_from(CHUNKS).flatmap(mangled), max_size=5), st.booleans())
@settings(max_examples=60, deadline=None)
async def test_no_stream_raises_anything_but_grok_errors(
    chunks: list[dict[str, Any]], done: bool
) -> None:
    raw = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks).encode()
    raw += b"data: [DONE]\n\n" if done else b""
    with session(streamed(raw)) as s:
        reply, error = await s.outcome()
        assert error is None or isinstance(error, GrokError)
        assert reply.state == ("done" if error is None else "failed")
        if error is None:
            assert done or reply.finish_reason or len(reply.choices) > 1
        try:
            async for item in s.grok.chat_completion_stream(HELLO):
                assert item.raw in chunks
        except GrokError:
            pass
        assert "stopped" not in s.column("state")
        assert s.grok.store.trouble() is None


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(PARTS), max_size=20).map(b"".join)
)
@settings(max_examples=60, deadline=None)
async def test_no_bytes_raise_anything_but_grok_errors(raw: bytes) -> None:
    with session(Answer(pieces=raw)) as s:
        _, error = await s.outcome()
        assert error is None or isinstance(error, GrokError)
        with pytest.raises(GrokError):
            await s.grok.ask("Hi")


@pytest.mark.parametrize("depth", [100, 250, 400, 470, 600, 900, 960, 990, 5000])
async def test_deep_nesting_raises_nothing_else(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    head = json.dumps({**RICH, "created": "never"})[:-1]
    for status, body in [
        (200, f'{head}, "new": {deep}}}'),
        (200, f'{{"error": {deep}}}'),
        (400, f'{{"detail": {deep}}}'),
        (400, f'{{"error": {{"message": {deep}}}}}'),
    ]:
        with session(Answer(status, body.encode())) as s:
            for stream in (False, True):
                try:
                    if stream:
                        await s.collect()
                    else:
                        typed = await s.grok.chat_completion(HELLO)
                        assert typed.choices[0].message.content == "42."
                except GrokError:
                    continue
                assert status == 200
            assert "stopped" not in s.column("state")
        with session(streamed(f"data: {body}\n\n".encode())) as s:
            _, error = await s.outcome()
            assert error is None or isinstance(error, GrokError)
            assert "stopped" not in s.column("state")


async def test_huge_numbers_do_not_harm_the_books() -> None:
    big = 2**62
    usage = {"prompt_tokens": big, "completion_tokens": big, "total_tokens": 2 * big}
    with session(completion(usage=usage), completion()) as s:
        assert (await s.grok.ask("Hi")).state == "done"
        await s.grok.ask("Hi")
        assert s.grok.store.trouble() is None
        assert s.column("state") == ["done", "done"]
        assert s.rows[1]["cost_usd"] == pytest.approx(0.00464)


# -- the fold by itself ----------------------------------------------------------------


def test_fold_of_a_whole_completion_equals_the_fold_of_its_stream() -> None:
    request = bodies.canonical("/chat/completions", {"model": "m"})
    whole, parts = Fold(request), Fold(request)
    whole.add_whole(
        {
            **COMPLETION,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"content": TEXT, "reasoning_content": REASONING},
                }
            ],
        }
    )
    for item in CHUNKS:
        parts.add(item)
    assert whole.reply().choices == parts.reply().choices
    assert whole.reply().usage == parts.reply().usage


def test_fold_takes_whole_choices_without_index_in_their_order() -> None:
    fold = Fold({}, 2)
    fold.add_whole(
        {"choices": [{"message": {"content": "A"}}, {"message": {"content": "B"}}]}
    )
    assert [c.text for c in fold.reply().choices] == ["A", "B"]


def test_fold_takes_content_as_a_list_of_parts() -> None:
    fold = Fold({})
    content = [{"type": "text", "text": "a"}, {"type": "image"}, "x", {"text": "b"}]
    fold.add(chunk(delta(content=content)))
    assert fold.reply().text == "ab"
