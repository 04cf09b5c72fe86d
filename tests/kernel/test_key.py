"""``%grok_key``, and what a cell without a key shows; the key itself shows nowhere."""

import json
import re

import pytest

from tests.support import requests

KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"
KEYLESS = "import os; os.environ.pop('XAI_API_KEY', None); del os"


def type_key(kernel, text):
    """Run ``%grok_key`` and type what it asks for; return its cell and the question."""
    cell = kernel.start("%grok_key", watched=True)
    question = kernel.client.get_stdin_msg(timeout=30)["content"]
    kernel.client.input(text)
    return cell.wait(), question


@pytest.fixture
def keyless(kernel):
    kernel.run(KEYLESS)
    yield kernel
    kernel.run("import grok_nb as gn; gn.configure(api_key=None)")


def test_a_typed_key_is_used_and_never_shown(keyless, sandbox):
    cell, question = type_key(keyless, f" {KEY} ")
    assert question == {"prompt": "xAI API key: ", "password": True}
    assert cell.shown == ["The key is set for this session."]
    asked = keyless.run("%%grok -q\nWhat is 6*7?")
    assert not asked.of("error")
    where = keyless.run(
        "from grok_nb import default; print(default.settings().sources['api_key'])"
    )
    assert where.stdout == "argument\n"
    assert requests(sandbox)[-1]["path"] == "/v1/chat/completions"
    sent = [m for m in cell.messages if m["msg_type"] != "execute_input"]
    shown = json.dumps([sent, asked.messages, where.messages], default=str)
    assert KEY[4:] not in shown
    planted = keyless.run(f"print({KEY!r})")
    assert KEY[4:] in json.dumps(planted.messages, default=str)


@pytest.mark.parametrize(
    ("typed", "said"), [("", "No key was typed"), (f"{KEY} {KEY}", "has a space")]
)
def test_what_is_no_key_changes_nothing(keyless, typed, said):
    type_key(keyless, "xai-before")
    cell, _ = type_key(keyless, typed)
    assert said in cell.error["evalue"]
    assert cell.shown == []
    assert KEY[4:] not in json.dumps(cell.messages, default=str)
    kept = "default.settings().api_key == default.config.Secret('xai-before')"
    keyless.run("from grok_nb import default")
    assert keyless.value(kept) is True


def test_where_nobody_can_type_it_says_so(keyless):
    cell = keyless.run("%grok_key")
    assert cell.error["ename"] == "ConfigError"
    assert "Nobody can type a key here" in cell.error["traceback"][0]
    assert "XAI_API_KEY" in cell.error["traceback"][1]


def test_a_key_is_not_typed_into_the_sandbox(keyless):
    keyless.run("%grok_sandbox on")
    cell = keyless.run("%grok_key")
    assert "%grok_sandbox off" in cell.error["traceback"][1]
    assert keyless.run("%grok_sandbox off").shown == ["The sandbox is off."]


def test_the_card_names_every_way_and_shows_once(keyless):
    first, second = (keyless.run("%%grok\nhi") for _ in range(2))
    (card,) = first.shown
    html = re.sub("<[^>]+>", "", first.html[0])
    ways = [".env", "Colab", "keyring set grok_nb XAI_API_KEY", "%grok_key"]
    for way in ["environment variable XAI_API_KEY", *ways, "%grok_sandbox on"]:
        assert way in card
        assert way in html
    assert second.shown == []
    for cell in (first, second):
        assert cell.error["ename"] == "ConfigError"
        assert "No API key" in cell.error["evalue"]
