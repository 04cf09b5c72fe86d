"""Whatever a method is given: an answer, or a `GrokError` that says what is wrong."""

from __future__ import annotations

import datetime
import decimal
import inspect
import io
import itertools
import os
import pathlib
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import grok_nb as gn
from grok_nb.api.chat import ChatOptions
from grok_nb.api.legacy import CompleteOptions
from grok_nb.api.messages import MessageOptions
from grok_nb.api.question import AskOptions
from grok_nb.api.responses import ResponseOptions
from grok_nb.errors import BadRequest, ConfigError
from tests.unit.support import BASE_URL, KEY, MODEL, ManualClock, Script, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Figure:
    """Draws itself, or fails to."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def savefig(self, _: Any, **__: Any) -> None:
        self.threads.append(threading.current_thread())
        raise RuntimeError("no canvas")


class File:
    """Is read, or fails to be."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.threads: list[threading.Thread] = []

    def read(self, _: int = -1) -> bytes:
        self.threads.append(threading.current_thread())
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


class BytesPath(os.PathLike):  # type: ignore[type-arg]  # of bytes, as some are
    def __fspath__(self) -> bytes:
        return b"nowhere"


def closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


def odd() -> list[Any]:
    """Return what people may give where it does not belong."""
    return [
        *(None, 0, -1, 1.5, float("nan"), float("inf"), True, 10**400),
        *(
            "",
            " ",
            ".",
            "..",
            "a/../b",
            "x\0y",
            "\ud800",
            "~nobody-here/x",
            "a" * 70_000,
        ),
        *(b"", b"x", [], [1], [None], ["\ud800"], {}, {"type": 1}, {"a": float("nan")}),
        *(set(), {1, 2}, object(), range(3), iter([1]), print, Exception("x"), Figure),
        [{"role": "user", "content": [1]}],
        [{"role": "assistant", "tool_calls": 3}],
        [{"role": "assistant", "tool_calls": [{"function": 3}]}],
        *(Figure(), File(OSError("gone")), closed(), io.StringIO("x"), BytesPath()),
        *(np.array([1, 2]), np.zeros((4, 4, 3)), np.float64(3), pd.NaT, pd.NA),
        *(pd.DataFrame({"a": ["x"]}), pd.Series(["x"]), decimal.Decimal(1)),
        *(datetime.date(2026, 1, 1), datetime.datetime.now(datetime.UTC)),
        *(pathlib.Path(os.devnull), pathlib.Path("nowhere"), pathlib.Path()),
        *("http://[", "http://a b", "http://h:999999/x", "http://h/" + "x" * 70_000),
        *("data:,", "data:image/png;base64,AAAA", "javascript:alert(1)", "2026-02-31"),
    ]


METHODS: dict[str, Any] = {
    **dict.fromkeys(("ask", "defer", "respond", "generate_images", "embed"), "Hi"),
    "chat_completion": [{"role": "user", "content": "Hi"}],
    "edit_images": "Hi",
    "messages": [{"role": "user", "content": "Hi"}],
    "complete": "Hi",
    "anthropic_complete": "Hi",
    **dict.fromkeys(("get_response", "delete_response", "response_input_items"), "r"),
    **dict.fromkeys(("model", "language_model", "image_generation_model"), "m"),
    **dict.fromkeys(("file", "file_content", "file_delete", "deferred_result"), "f"),
    **dict.fromkeys(("embedding_model", "tokenize"), "m"),
    "download": "http://h/x",
    "file_upload": b"x",
    "files": None,
    "batch_create": "n",
    **dict.fromkeys(("batch_add", "batch_get", "batch_requests"), "b"),
    **dict.fromkeys(("batch_results", "batch_cancel"), "b"),
    "batch_list": None,
    "account_usage": None,
    "prepaid_balance": "t",
}
OPTIONS: dict[str, Any] = {
    "ask": AskOptions.__annotations__,
    "defer": ChatOptions.__annotations__,
    "chat_completion": ChatOptions.__annotations__,
    "respond": ResponseOptions.__annotations__,
    "messages": MessageOptions.__annotations__,
    "complete": CompleteOptions.__annotations__,
}


@pytest.fixture
def grok() -> Iterator[gn.Grok]:
    with gn.Grok(
        api_key=KEY,
        base_url=BASE_URL,
        management_key="m",
        model=MODEL,
        store=":memory:",
        transport=Script(refusal(400)),
        clock=ManualClock(),
    ) as grok:
        yield grok


@pytest.mark.parametrize("name", METHODS)
def test_every_argument_of_every_method(name: str, grok: gn.Grok) -> None:
    method, first = getattr(grok, name), METHODS[name]
    names = [n for n in inspect.signature(method).parameters if n != "options"]
    positional = [] if first is None else [first]
    given = {"filename": "x"} if name == "file_upload" else {}
    if name == "messages":
        given = {"max_tokens": 9}
    if name == "anthropic_complete":
        given = {"max_tokens_to_sample": 9}
    if name == "complete":
        given = {"model": "m"}
    if name == "batch_add":
        given = {"requests": {"a": {"messages": [{"role": "user", "content": "Hi"}]}}}
    if name == "edit_images":
        given = {"image": {"file_id": "f"}}
    calls = [((thing,), given) for thing in odd()] if positional else []
    for option in (*names[len(positional) :], *OPTIONS.get(name, ())):
        calls += [(tuple(positional), {**given, option: thing}) for thing in odd()]
    refused = 0
    for arguments, keywords in calls:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                method(*arguments, **keywords)
            except gn.GrokError:
                refused += 1
            except Exception as error:
                error.add_note(f"{name}(*{arguments!r:.200}, **{keywords!r:.200})")
                raise
    assert refused > len(calls) / 3


@pytest.mark.parametrize("name", ["verify", "store", "timeout_s", "base_url", "model"])
def test_every_setting(name: str) -> None:
    for thing in odd():
        try:
            gn.configure(**{name: thing})
        except ConfigError:
            pass
        finally:
            gn.configure(**{name: None})


@pytest.mark.parametrize("limit", ["5", True, np.array([1, 2]), 0, float("nan")])
def test_the_doctor_says_that_a_limit_is_none(limit: Any) -> None:
    with pytest.raises(ConfigError, match="timeout_s"):
        gn.doctor(timeout_s=limit)


# -- the background loop belongs to all calls: what may take its time is not its to do --


def test_files_and_figures_are_read_by_who_asks(grok: gn.Grok) -> None:
    file, figure = File(b"x"), Figure()
    with pytest.raises(BadRequest, match="400"):
        grok.file_upload(file, filename="x")  # type: ignore[arg-type]  # reads as one
    for ask in (
        lambda: grok.edit_images("Hi", figure),
        lambda: grok.edit_images("Hi", images=[figure]),
        lambda: grok.ask("Hi", attach=figure),
    ):
        with pytest.raises(BadRequest, match="RuntimeError: no canvas"):
            ask()
    assert {*file.threads, *figure.threads} == {threading.current_thread()}


def test_an_iterator_of_texts_is_read_by_who_asks_and_not_to_its_end(
    grok: gn.Grok,
) -> None:
    threads = set()

    def texts() -> Iterator[str]:
        for number in itertools.count():
            threads.add(threading.current_thread())
            yield f"text {number}"

    with pytest.raises(BadRequest, match="more than 128"):
        grok.embed(texts(), "m")  # type: ignore[arg-type]  # no sequence
    assert threads == {threading.current_thread()}


def test_what_has_no_texts_in_an_order_is_not_embedded(grok: gn.Grok) -> None:
    for texts in (pd.DataFrame({"a": ["x"]}), {"a", "b"}, {"a": "b"}):
        with pytest.raises(BadRequest, match=r"a list of texts|DataFrame"):
            grok.embed(texts, "m")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="400"):  # asked, and refused by the server
        grok.embed(pd.Series(["a", "b"]), "m")


@pytest.mark.parametrize("dots", [".", "..", " . "])
@pytest.mark.parametrize(
    "name", ["file_delete", "file", "file_content", "model", "deferred_result"]
)
def test_an_id_is_no_way_to_another_place(name: str, dots: str, grok: gn.Grok) -> None:
    with pytest.raises(BadRequest, match="must be an id"):
        getattr(grok, name)(dots)
    assert grok._core.exchange.http._loaded()._transport.requests == []


def test_a_picture_is_downloaded_without_a_key() -> None:
    with (
        gn.Grok(
            base_url=BASE_URL,
            store=":memory:",
            transport=Script(refusal(404)),
        ) as grok,
        pytest.raises(gn.errors.NotFound, match="no picture at http://h/x any more"),
    ):
        grok.download("http://h/x")
