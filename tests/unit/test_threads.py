"""Threads: what is sent, what stays, and what a file holds, on a scripted server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grok_nb import turns
from grok_nb.errors import ApiError, BadRequest, GrokError, SchemaMismatch
from grok_nb.reply import Choice, Citation, Reply, Step, ToolCall, Usage
from grok_nb.session import Grok
from grok_nb.threads import Asking, Thread

from .support import (
    BASE_URL,
    KEY,
    MODEL,
    STALL,
    Answer,
    ManualClock,
    Script,
    chunk,
    completion,
    delta,
    refusal,
    sse,
    streamed,
)
from .test_pictures import picture

if TYPE_CHECKING:
    from collections.abc import Iterator


def echo(request: Any) -> Answer:
    """Answer with the question."""
    body = json.loads(request.content)
    asked = body["messages"][-1]["content"]
    text = asked if isinstance(asked, str) else "what is attached"
    message = {"role": "assistant", "content": f"re: {text}"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    if not body.get("stream"):
        return completion(choices=choices)
    parts = [chunk(delta(content=f"re: {text}")), chunk(delta(finish="stop"))]
    return streamed(sse(*parts))


def half(request: Any) -> Answer:
    """Answer with a beginning, and then not at all."""
    return streamed([sse(chunk(delta(content="half of ")), done=False), STALL])


def made(script: Script, **options: Any) -> Grok:
    return Grok(
        **{
            "api_key": KEY,
            "base_url": BASE_URL,
            "model": MODEL,
            "store": ":memory:",
            "transport": script,
            "clock": ManualClock(),
            "jitter": random.Random(0),
            **options,
        }
    )


@pytest.fixture
def script() -> Script:
    return Script(echo)


@pytest.fixture
def grok(script: Script) -> Iterator[Grok]:
    with contextlib.closing(made(script)) as made_:
        yield made_
        made_._core.store.close()


@pytest.fixture
def thread(grok: Grok) -> Thread:
    return Thread(grok=grok)


def prompts(thread: Thread) -> list[str]:
    return [turn.prompt for turn in thread.turns]


def questions(script: Script) -> list[list[Any]]:
    return [
        [m["content"] for m in body["messages"] if m["role"] == "user"]
        for body in script.bodies
    ]


# -- asking ----------------------------------------------------------------------------


def test_a_thread_sends_its_turns_and_its_system_prompt(thread, script):
    thread.ask("one", system="Be brief.", temperature=0.5)
    reply = thread.ask("two")
    assert script.bodies[1] == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "re: one"},
            {"role": "user", "content": "two"},
        ],
    }
    assert reply.thread == "main"
    assert thread.messages[-1] == {"role": "assistant", "content": "re: two"}
    assert thread.messages[:4] == script.bodies[1]["messages"]
    kept = thread.turns[1]
    assert (kept.model, kept.state, kept.reply.usage) == (MODEL, "done", reply.usage)
    assert kept.time.tzinfo is not None


def test_at_asks_again_in_the_same_place(thread, script):
    for text in ("one", "two", "three"):
        thread.ask(text, system="S" if text == "two" else None)
    thread.ask("TWO", at=1)
    assert questions(script)[-1] == ["one", "TWO"]
    assert script.bodies[-1]["messages"][0] == {"role": "system", "content": "S"}
    assert [turn.stale for turn in thread.turns] == [False, False, True]
    for _ in thread.stream("THREE", at=-1):
        pass
    assert prompts(thread) == ["one", "TWO", "THREE"]
    assert [turn.stale for turn in thread.turns] == [False, False, False]


def test_a_search_is_asked_with_the_history_as_items(thread, script):
    thread.ask("one", system="Be brief.")
    body = {"id": "r", "object": "response", "status": "completed", "model": MODEL}
    text = {"type": "output_text", "text": "found", "annotations": []}
    message = {"type": "message", "role": "assistant", "content": [text]}
    script.load(Answer(pieces=json.dumps({**body, "output": [message]}).encode()))
    thread.ask("two", search="web")
    (sent,) = script.bodies
    assert sent["store"] is False
    assert [item["content"] for item in sent["input"]] == [
        *("Be brief.", "one", "re: one", "two")
    ]
    script.load(echo)
    thread.ask("three")
    assert questions(script) == [["one", "two", "three"]]
    assert script.bodies[0]["messages"][4]["content"] == "found"


def test_attachments_are_sent_again(thread, script, tmp_path):
    png = picture("PNG", 8, 6)
    thread.ask("What is this?", attach=png)
    thread.ask("And now?")
    assert script.bodies[1]["messages"][0] == script.bodies[0]["messages"][0]
    (part, _) = script.bodies[0]["messages"][0]["content"]
    assert part["type"] == "image_url"
    assert prompts(thread) == ["What is this?", "And now?"]
    plain = thread._repr_mimebundle_()["text/plain"]
    assert "You: What is this?\n[image/png, " in plain
    assert "base64" not in "".join(thread._repr_mimebundle_().values())


def test_a_refusal_is_resent_and_silence_is_not(thread, script):
    said = {"role": "assistant", "content": None, "refusal": "I will not."}
    script.load(completion(choices=[{"index": 0, "message": said}]))
    thread.ask("one")
    script.load(completion(choices=[{"index": 0, "message": {"content": ""}}]))
    thread.ask("two")
    assert [(m["role"], m["content"]) for m in thread.messages] == [
        ("user", "one"),
        ("assistant", "I will not."),
        ("user", "two"),
    ]


async def test_the_awaitable_face_is_the_same(thread, script):
    await thread.aask("one")
    assert (await thread.aask("two", at=0)).text == "re: two"
    assert prompts(thread) == ["two"]


async def test_questions_at_the_same_time_are_all_kept(thread, script):
    texts = [f"{number}" for number in range(20)]
    await asyncio.gather(*(thread.aask(text) for text in texts))
    assert sorted(prompts(thread)) == sorted(texts)
    assert not any(turn.stale for turn in thread.turns)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "its own messages"),
        ({"prompt": None}, "nothing to ask"),
        ({"prompt": " "}, "empty"),
        ({"at": 0}, "has 0 turns"),
        ({"at": True}, "at must be"),
        ({"nonsense": 1}, "no option 'nonsense'"),
        ({"temperature": 9}, "temperature"),
    ],
)
def test_wrong_arguments_send_nothing(thread, script, options, words):
    with pytest.raises(BadRequest, match=words):
        thread.ask(**{"prompt": "hi", **options})
    assert script.requests == []
    assert len(thread) == 0


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, None, 3, "a\0"])
def test_what_can_be_no_name_is_refused(grok, name):
    with pytest.raises(BadRequest, match="name"):
        Thread(name, grok=grok)


def test_a_failure_without_text_leaves_all_as_it_was(thread, script):
    thread.ask("one")
    thread.ask("two")
    script.load(refusal(400))
    for at in (None, 0):
        with pytest.raises(ApiError):
            thread.ask("three", at=at)
    assert prompts(thread) == ["one", "two"]
    assert not any(turn.stale for turn in thread.turns)


def test_a_stopped_stream_stays_with_its_text(thread, script):
    script.load(half)
    for close in (True, False):
        stream = thread.stream("one")
        assert next(stream).kind == "text"
        if close:
            stream.close()
        del stream  # forgotten: it ends all the same
        gc.collect()
    script.load(echo)
    thread.ask("two")
    kept = [m["content"] for m in script.bodies[0]["messages"]]
    assert kept == [*("one", "half of \n\n[stopped]") * 2, "two"]
    assert [turn.state for turn in thread.turns] == ["stopped", "stopped", "done"]
    assert "half of \n\n[stopped]" in thread._repr_mimebundle_()["text/plain"]


class At:
    """Raises KeyboardInterrupt before the n-th line of our own code, as a signal may."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: Any, event: str, _: object) -> Any:
        if "/grok_nb/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self

    def __enter__(self) -> At:
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)


@pytest.mark.parametrize("streams", [False, True])
def test_an_interrupt_at_any_line_leaves_the_turn_or_none(thread, streams):
    def ask(text: str) -> None:
        if streams:
            list(thread.stream(text, at=0))
        else:
            thread.ask(text, at=0)

    for text in ("one", "two", "three"):
        thread.ask(text)
    number, outcomes = 1, {True: 0, False: 0}
    while True:
        before = [(t.prompt, t.stale, t.time) for t in thread.turns]
        with At(number) as at, contextlib.suppress(KeyboardInterrupt):
            ask(f"ONE {number}")
        after = [(t.prompt, t.stale, t.time) for t in thread.turns]
        is_there = after[0][0] == f"ONE {number}"
        outcomes[is_there] += 1
        if is_there:
            assert after[1:] == [(*turn[:1], True, turn[2]) for turn in before[1:]]
            thread.ask("two", at=1)
            thread.ask("three", at=2)
        else:
            assert after == before
        if at.left > 0:  # it came to its end
            break
        number += 3
    assert is_there
    assert outcomes[False] > 20
    assert outcomes[True] > 2


# -- as a whole ------------------------------------------------------------------------


def test_undo_clear_and_delete(thread, script, tmp_path):
    with pytest.raises(BadRequest, match="no turns to undo"):
        thread.undo()
    thread.ask("one", system="S")
    thread.ask("two")
    assert thread.undo().prompt == "two"
    assert prompts(thread) == ["one"]
    thread.clear()
    assert (len(thread), thread.messages) == (0, [])
    assert repr(thread) == "<Thread main: no turns (in memory only: so is the store)>"
    thread.ask("three")
    assert questions(script)[-1] == ["three"]
    thread.delete()
    assert len(thread) == 0
    assert thread.log.sizes(thread.place) == []


def test_what_was_deleted_is_nowhere_in_the_file(script, tmp_path):
    grok = made(script, store=tmp_path)
    thread = Thread(grok=grok)

    def found() -> bool:
        return any(b"planted-text" in f.read_bytes() for f in tmp_path.iterdir())

    thread.ask("planted-text")
    thread.clear()
    assert found()
    thread.delete()
    thread.log.flush()
    assert not found()
    grok._core.store.close()
    grok.close()


def test_fork_keeps_marks_and_goes_its_own_way(thread, script):
    for text in ("one", "two", "three"):
        thread.ask(text)
    thread.ask("ONE", at=0)
    other = thread.fork("other", -1)
    assert [(t.prompt, t.stale) for t in other.turns] == [("ONE", False), ("two", True)]
    assert [turn.reply.thread for turn in other.turns] == ["other"] * 2
    other.ask("TWO", at=1)
    assert prompts(thread) == ["ONE", "two", "three"]
    assert not any(turn.stale for turn in other.turns)
    with pytest.raises(BadRequest, match="already, with 2 turns"):
        thread.fork("other")
    with pytest.raises(BadRequest, match="number of turns"):
        thread.fork("new", "1")


def test_a_copy_of_many_turns_is_whole_and_in_order(thread):
    thread.ask("one")
    (turn,) = thread.turns
    many = [dataclasses.replace(turn, slot=f"{i}") for i in range(2_345)]
    thread.log.add(thread.place, "many", many, begins=True)
    assert [t.slot for t in Thread("many", grok=thread.grok).turns] == [
        f"{i}" for i in range(2_345)
    ]


def test_a_turn_that_cannot_be_read_says_so(thread):
    thread.ask("one")
    store = thread.log._store
    store.write("UPDATE turns SET content = '{' WHERE kind = 'turn'", ())
    with pytest.raises(GrokError, match="A turn of the thread 'main' cannot be read"):
        thread.turns  # noqa: B018


def test_the_listing_says_how_much_there_is(thread):
    thread.ask("one")
    thread.ask("two")
    Thread("other", grok=thread.grok).ask("x")
    thread.ask("ONE", at=0)
    first, second = thread.log.sizes(thread.place)
    assert (first.name, first.turns, first.stale) == ("main", 2, 1)
    assert (second.name, second.turns, second.stale) == ("other", 1, 0)
    (one, _) = thread.turns
    assert first.tokens == 2 * one.reply.usage.total_tokens
    assert first.cost_ticks == 2 * one.reply.cost_ticks
    assert first.last > second.last


# -- files -----------------------------------------------------------------------------


def test_save_and_load_are_the_same_thread(thread, script, tmp_path):
    path = tmp_path / "talk.json"
    thread.ask("one: Zürich 🦊", system="S")
    thread.ask("two")
    thread.ask("ONE", at=0)
    thread.save(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n  "format": "grok_nb thread",\n  "version": 1,\n')
    again = Thread.load(path, "again", grok=thread.grok)
    assert [dataclasses.replace(t, reply=Reply()) for t in again.turns] == [
        dataclasses.replace(t, reply=Reply()) for t in thread.turns
    ]
    assert again.messages == thread.messages
    again.save(path)  # it replaces a thread
    assert path.read_text(encoding="utf-8") == text.replace('"main"', '"again"')
    assert [found.name for found in tmp_path.iterdir()] == ["talk.json"]


def test_load_goes_back_to_what_was_saved(thread, tmp_path):
    thread.ask("one")
    thread.save(tmp_path / "t.json")
    thread.ask("two")
    thread.ask("ONE", at=0)
    loaded = Thread.load(tmp_path / "t.json", grok=thread.grok)
    assert prompts(loaded) == ["one"]


def test_load_does_not_replace_another_conversation(thread, tmp_path):
    thread.ask("one")
    thread.save(tmp_path / "t.json")
    other = Thread("other", grok=thread.grok)
    other.ask("precious")
    with pytest.raises(BadRequest, match="another thread 'other', with 1 turns"):
        Thread.load(tmp_path / "t.json", "other", grok=thread.grok)
    assert prompts(other) == ["precious"]


FOREIGN = {
    "nothing": b"",
    "no JSON": b"\x89PNG\r\n",
    "half": b'{"format": "grok_nb thread", "version": 1, "name": "ma',
    "list": b"[1, 2]",
    "other": b'{"cells": [], "nbformat": 4}',
    "newer": b'{"format": "grok_nb thread", "version": 2, "name": "x", "turns": []}',
    "no turns": b'{"format": "grok_nb thread", "version": 1, "name": "x"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_an_error_and_stays(thread, tmp_path, kind):
    path = tmp_path / "t.json"
    path.write_bytes(FOREIGN[kind])
    thread.ask("one")
    with pytest.raises(BadRequest, match="is no thread that was saved"):
        Thread.load(path, grok=thread.grok)
    with pytest.raises(BadRequest, match="is there already, and stays as it is"):
        thread.save(path)
    assert path.read_bytes() == FOREIGN[kind]
    assert prompts(thread) == ["one"]


def test_paths_that_cannot_be_are_errors(thread, tmp_path):
    for path in (tmp_path / "nowhere" / "t.json", tmp_path):
        with pytest.raises(BadRequest, match="cannot be"):
            thread.save(path)
        with pytest.raises(BadRequest, match="cannot be read"):
            Thread.load(path, grok=thread.grok)


SAVED = json.dumps(
    {
        "format": "grok_nb thread",
        "version": 1,
        "name": "t",
        "turns": [
            {
                "slot": "a",
                "time": "2026-10-21T07:28:00+00:00",
                "stale": False,
                "system": None,
                "asked": {"role": "user", "content": [{"type": "text", "text": "x"}]},
                "reply": {
                    "choices": [{"index": 0, "text": "y", "tool_calls": []}],
                    "usage": {"prompt_tokens": 3, "tool_uses": [["a", 1]]},
                    "state": "done",
                    "cited": [{"url": "http://a.invalid"}],
                    "steps": [],
                },
            }
        ],
    }
)
_PLACES = json.loads(SAVED)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key in (
        value
        if isinstance(value, dict)
        else range(len(value or ()))
        if (isinstance(value, list))
        else ()
    ):
        yield from _paths(value[key], (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def shared_grok() -> Iterator[Grok]:
    with contextlib.closing(made(Script(echo))) as found:
        yield found
        found._core.store.close()


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(sorted(_paths(_PLACES), key=repr)), value=JSON)
def test_any_value_anywhere_loads_or_is_an_error(
    shared_grok, tmp_path_factory, path, value
):
    data = json.loads(SAVED)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    file = tmp_path_factory.getbasetemp() / "changed.json"
    file.write_text(json.dumps(data))
    try:
        thread = Thread.load(file, "other", grok=shared_grok)
    except BadRequest:
        return
    assert len(thread) == len(data["turns"])
    thread._repr_mimebundle_()  # whatever was taken can be shown, and sent
    json.dumps(thread.messages)
    thread.ask("two")
    thread.clear()


@settings(max_examples=200, deadline=None)
@given(
    at=st.integers(0, len(SAVED.encode()) - 1), kind=st.sampled_from(["cut", "flip"])
)
def test_damaged_bytes_load_or_are_an_error(shared_grok, tmp_path_factory, at, kind):
    data = SAVED.encode()
    flipped = data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :]
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_bytes(data[:at] if kind == "cut" else flipped)
    thread = Thread("damaged", grok=shared_grok)
    thread.clear()
    if kind == "cut":
        with pytest.raises(BadRequest):
            Thread.load(file, "damaged", grok=shared_grok)
    else:
        with contextlib.suppress(BadRequest):
            Thread.load(file, "damaged", grok=shared_grok)._repr_mimebundle_()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**60)
REPLIES = st.builds(
    Reply,
    choices=st.lists(
        st.builds(
            Choice,
            index=COUNT,
            text=TEXT,
            reasoning=TEXT,
            tool_calls=st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(
                tuple
            ),
            finish_reason=st.none() | TEXT,
            refusal=st.none() | TEXT,
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    usage=st.none()
    | st.builds(
        Usage,
        *[COUNT] * 6,
        cost_ticks=st.none() | COUNT,
        tool_uses=st.lists(st.tuples(TEXT, COUNT), max_size=2).map(tuple),
    ),
    cost_ticks=st.none() | COUNT,
    state=st.sampled_from(["done", "stopped", "failed"]),
    model=st.none() | TEXT,
    cached=st.booleans(),
    cited=st.lists(
        st.builds(Citation, TEXT, st.none() | TEXT, st.none() | COUNT), max_size=2
    ).map(tuple),
    steps=st.lists(st.builds(Step, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple),
)


@settings(max_examples=200, deadline=None)
@given(reply=REPLIES, prompt=TEXT.filter(bool), system=st.none() | TEXT)
def test_a_turn_is_the_same_after_writing_and_reading(reply, prompt, system):
    turn = turns.Turn(
        asked={"role": "user", "content": prompt},
        reply=dataclasses.replace(reply, thread="t"),
        time=ManualClock().now(),
        slot="s",
        system=system,
    )
    assert turns.read(json.loads(json.dumps(turns.written(turn))), "t") == turn


# -- a plain model ---------------------------------------------------------------------


class Threads(RuleBasedStateMachine):
    """Cells and calls in any order, against lists with explicit marks."""

    def __init__(self) -> None:
        super().__init__()
        self.script = Script(echo)
        self.grok = made(self.script)
        #: name -> turns: [slot, prompt, state, stale]
        self.model: dict[str, list[list[Any]]] = {"main": []}
        self.name = "main"
        self.asked = 0

    def teardown(self) -> None:
        self.grok.close()
        self.grok._core.store.close()

    @property
    def turns(self) -> list[list[Any]]:
        return self.model[self.name]

    @property
    def thread(self) -> Thread:
        return Thread(self.name, grok=self.grok)

    def ask(self, end: str, **how: Any) -> None:
        self.asked += 1
        prompt = f"{how.get('slot')} {self.asked}"
        asking = Asking(self.thread, **how)
        self.script.load({"stop": half, "fail": refusal(400)}.get(end, echo))
        with (
            asking,
            self.grok.follow(asking.question(prompt), on_end=asking.end) as stream,
        ):
            if end == "stop":
                next(stream)
            else:
                with contextlib.suppress(ApiError):
                    list(stream)
        turns = [] if how.get("begins") else self.turns
        at = how.get("at")
        if at is None:
            slots = [turn[0] for turn in turns]
            slot = how.get("slot")
            at = slots.index(slot) if slot in slots else len(turns)
        (sent,) = questions(self.script)
        assert sent == [turn[1] for turn in turns[:at]] + [prompt]
        if end == "fail":
            return
        state = "stopped" if end == "stop" else "done"
        if how.get("begins"):
            self.model[self.name] = turns = []
        slot = turns[at][0] if at < len(turns) else how.get("slot") or f"#{self.asked}"
        turns[at : at + 1] = [[slot, prompt, state, False]]
        for later in turns[at + 1 :]:
            later[3] = True

    @rule(
        cell=st.sampled_from("abcd"),
        begins=st.sampled_from([False, False, False, True]),
        end=st.sampled_from(["done", "done", "stop", "fail"]),
    )
    def run_cell(self, cell: str, begins: bool, end: str) -> None:
        self.ask(end, slot=f"cell:{cell}", begins=begins)

    @rule(end=st.sampled_from(["done", "stop", "fail"]))
    def ask_more(self, end: str) -> None:
        self.ask(end)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), end=st.sampled_from(["done", "fail"]))
    def ask_again(self, data: st.DataObject, end: str) -> None:
        self.ask(end, at=data.draw(st.integers(0, len(self.turns) - 1)))

    @precondition(lambda self: self.turns)
    @rule()
    def undo(self) -> None:
        assert self.thread.undo().prompt == self.turns.pop()[1]

    @rule()
    def clear(self) -> None:
        self.thread.clear()
        self.turns.clear()

    @rule()
    def delete(self) -> None:
        self.thread.delete()
        self.turns.clear()

    @rule(name=st.sampled_from(["x", "y"]), at=st.none() | st.integers(-2, 3))
    def fork(self, name: str, at: int | None) -> None:
        if name == self.name:
            return
        if self.model.get(name):
            with pytest.raises(BadRequest, match="already"):
                self.thread.fork(name, at)
        else:
            self.thread.fork(name, at)
            self.model[name] = [list(turn) for turn in self.turns[:at]]

    @rule(name=st.sampled_from(["main", "x", "y"]))
    def turn_to(self, name: str) -> None:
        self.name = name
        self.model.setdefault(name, [])

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        for name, wanted in self.model.items():
            thread = Thread(name, grok=self.grok)
            assert [[t.prompt, t.state, t.stale] for t in thread.turns] == [
                turn[1:] for turn in wanted
            ]


Threads.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
TestThreads = Threads.TestCase


def misfits() -> Answer:
    message = {"role": "assistant", "content": '{"age": "x"}'}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return completion(choices=[choice])


@pytest.mark.parametrize("streams", [False, True])
def test_a_turn_that_never_fits_has_what_both_replies_cost(script, grok, streams):
    parts = chunk(delta(content='{"age": "x"}')), chunk(delta(finish="stop"))
    script.load(streamed(sse(*parts)) if streams else misfits(), misfits())
    thread = Thread("t", grok=grok)
    stream = thread.stream("Ada", schema="age int") if streams else None
    with pytest.raises(SchemaMismatch) as caught:
        list(stream) if stream else thread.ask("Ada", schema="age int")
    (turn,) = thread.turns
    assert (turn.state, turn.reply.repairs) == ("failed", 1)
    assert turn.reply.usage == caught.value.reply.usage
    if stream:
        assert stream.reply == caught.value.reply


def test_a_reply_that_the_server_ended_is_resent_without_a_mark(script, grok):
    script.load(misfits())
    thread = Thread("t", grok=grok)
    with pytest.raises(SchemaMismatch):
        thread.ask("Ada", schema="age int")
    assert thread.messages[-1] == {"role": "assistant", "content": '{"age": "x"}'}
    assert "does not fit" not in thread._repr_mimebundle_()["text/plain"]
    assert "broken off" not in thread._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cost_ticks", 10**30, "cost_ticks is too large"),
        ("state", "weird", "state is none of running, done"),
        ("cost_source", "guess", "cost_source is none of"),
    ],
)
def test_a_file_with_a_value_that_cannot_be_is_refused(
    grok, tmp_path, name, value, words
):
    thread = Thread("t", grok=grok)
    thread.ask("one")
    thread.save(tmp_path / "t.json")
    data = json.loads((tmp_path / "t.json").read_text())
    data["turns"][0]["reply"][name] = value
    (tmp_path / "t.json").write_text(json.dumps(data))
    with pytest.raises(BadRequest, match=words):
        Thread.load(tmp_path / "t.json", "other", grok=grok)
