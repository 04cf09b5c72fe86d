"""Tokens and key through the real socket: what is sent, and that nothing is billed."""

import pytest

import grok_nb as gn

from ..support import bills, break_it, requests


@pytest.fixture
def grok(sandbox, quick_clock):
    with gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=":memory:",
        clock=quick_clock,
    ) as made:
        yield made


TEXT = "Zürich costs 5 €, 🦊 included."


def test_tokens_make_up_the_text_and_cost_nothing(grok, sandbox):
    found = grok.tokenize(TEXT, "grok-4.7")
    raw = b"".join(bytes(token.token_bytes) for token in found.token_ids)
    assert raw.decode() == TEXT
    assert found.count == len(found.raw["token_ids"]) > 5
    (request,) = requests(sandbox)
    assert (request["method"], request["path"]) == ("POST", "/v1/tokenize-text")
    assert request["body"] == {"text": TEXT, "model": "grok-4.7"}
    assert [call for call in bills(sandbox) if call["billed"]] == []
    assert grok.ledger.rows() == []


def test_tokens_by_the_default_model(grok, sandbox):
    assert grok.tokenize("hi").count == 1
    listing, asked = requests(sandbox)
    assert listing["path"] == "/v1/language-models"
    assert asked["body"]["model"].startswith("grok-")


def test_an_unknown_model_is_not_found(grok):
    with pytest.raises(gn.errors.NotFound):
        grok.tokenize("hi", "grok-none")


def test_the_key_is_told_of_without_any_part_of_it(grok, sandbox):
    known = grok.api_key()
    assert known.acls == ["api-key:model:*", "api-key:endpoint:*"]
    assert (known.team_blocked, known.api_key_blocked) == (False, False)
    masked = known.raw["redacted_api_key"]
    assert masked.startswith("xai-")
    assert masked not in f"{known!r}{known}"
    assert sandbox.key[4:] not in f"{known!r}{known}{known.raw}"
    assert [call for call in bills(sandbox) if call["billed"]] == []
    assert grok.ledger.rows() == []


def test_a_wrong_key_is_refused(sandbox):
    wrong = gn.Grok(
        api_key="xai-wrong-0123456789", base_url=sandbox.base_url, store=":memory:"
    )
    with wrong as grok, pytest.raises(gn.errors.Unauthorized) as caught:
        grok.api_key()
    assert "0123456789" not in f"{caught.value!r}{vars(caught.value)}"


def test_what_breaks_is_asked_again(grok, sandbox):
    break_it(sandbox, {"match": "GET /v1/api-key", "nth": 1, "do": "reset"})
    assert grok.api_key().team_blocked is False
    assert len(requests(sandbox)) == 2
