"""A thread as it is shown: whatever was said in it, nothing runs and nothing is loaded."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from grok_nb.reply import Choice, Reply
from grok_nb.show.transcript import title_of, transcript_bundle
from grok_nb.turns import Turn

from . import strict
from .hostile import document
from .test_sources import violations


def turn(content: Any, text: str = "T", **changes: Any) -> Turn:
    return Turn(
        asked={"role": "user", "content": content},
        reply=Reply(choices=(Choice(text=text),), state="done"),
        time=datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC),
        slot="s",
        **changes,
    )


@pytest.mark.parametrize("seed", range(60))
def test_hostile_threads_are_shown_safely(seed: int) -> None:
    text = document(seed)
    parts = [
        {"type": "image_url", "image_url": {"url": text}},
        {"type": "image_url", "image_url": f"data:{text}"},
        {"type": "file", "file": {"filename": text}},
        {"type": text, text: text},
        {"type": "text", "text": text},
    ]
    found = [turn(text, text, system=text), turn(parts, text, stale=True)]
    bundle = transcript_bundle(title_of(text[:200], found, text), found)
    assert violations(bundle["text/html"]) == []
    assert text in bundle["text/plain"]


def test_the_check_sees_what_a_careless_transcript_would_show() -> None:
    text = document(3)
    html = transcript_bundle("T", [turn("PLACE")])["text/html"]
    assert strict.violations(html.replace("PLACE", f"<img src=x>{text}")) != []


def test_a_transcript_reads_like_the_talk() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    found = [
        turn("one", "first", system="Be brief."),
        turn([picture, {"type": "text", "text": "two"}], "second", stale=True),
        turn("three", "third", system=""),
    ]
    assert transcript_bundle(title_of("t", found), found)["text/plain"] == (
        "Thread t: 3 turns, 1 stale\n\nSystem: Be brief.\n\nYou: one\n\nGrok: first\n\n"
        "You (stale: a turn before it was asked again since): two\n"
        "[image/png, 3 bytes]\n\nGrok: second\n\n"
        "No system prompt from here on.\n\nYou: three\n\nGrok: third"
    )
