"""What is wrong below the API, over a real socket: seen, booked, sent, and closed."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request

import pytest

import grok_nb as gn
from grok_nb.store.ledger import COLUMNS
from tests.bad_servers import ASKED, HALF, SERVERS, STREAMED
from tests.raw import SELF_SIGNED, RawServer, certificate

KEY = "xai-planted0123456789abcdefABCDEF"
BODY = (
    b'{"id": "i", "model": "grok-4.7", "choices": [{"index": 0, "finish_reason": '
    b'"stop", "message": {"role": "assistant", "content": "42"}}]}'
)
REPLY = (
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """A proxy would be asked instead of the resolver."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def grok_at(url, **options):
    return gn.Grok(
        api_key=KEY, base_url=url, store=":memory:", model="grok-4.7", **options
    )


def rows_of(grok):
    return [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]


@pytest.mark.parametrize("way", ["ask", "stream"])
@pytest.mark.parametrize("name", SERVERS)
def test_bad_server_is_told_booked_and_left(name, way, quick_clock):
    bad, seen = SERVERS[name], (ASKED if way == "ask" else STREAMED)[name]
    with (
        bad.running() as (url, server),
        grok_at(url, clock=quick_clock, timeout_s=bad.timeout_s) as grok,
    ):
        with pytest.raises(gn.GrokError) as raised:
            grok.ask("hi") if way == "ask" else list(grok.stream("hi"))
        error, rows = raised.value, rows_of(grok)
        if server is not None:
            server.wait_until_left()  # before the session is closed

    assert type(error).__name__ == seen.error
    assert re.fullmatch(seen.message, str(error))
    assert error.hint == seen.hint
    assert KEY not in repr(error) + "".join(error.__notes__)
    assert len(rows) == seen.attempts
    for row in rows:
        assert (row["state"], row["cost_source"], row["http_status"]) == (
            seen.state,
            seen.cost_source,
            seen.status,
        )
        assert (row["cost_usd"] is None) == (seen.state == "in_doubt")
    if isinstance(error, gn.errors.ConnectionFailed):
        # nothing can be billed that was not sent, and only that costs nothing
        assert error.sent == (rows[-1]["state"] == "in_doubt")
    assert (error.reply.text if error.reply else None) == (
        HALF if seen.partial else None
    )

    if server is not None:
        posts = [r for r in server.requests if r.startswith(b"POST /v1/chat/")]
        never_read = bad.scheme == "https" or bad.server.get("is_deaf")
        assert len(posts) == (0 if never_read else seen.attempts)
        # over a connection that is broken nothing more is asked
        assert all(len(c.requests) <= 1 for c in server.connections)
        assert len(server.connections) == seen.attempts


@pytest.mark.parametrize("way", ["ask", "stream"])
def test_last_attempt_to_connect_ends_before_the_call_does(way, quick_clock):
    """Each had its full time to connect; in the last one the call ended first."""
    with (
        RawServer(is_deaf=True) as server,
        grok_at(server.url("https"), clock=quick_clock, timeout_s=4) as grok,
    ):
        with pytest.raises(gn.errors.ConnectionFailed) as raised:
            grok.ask("hi") if way == "ask" else list(grok.stream("hi"))
        server.wait_until_left()
        assert len(server.connections) == len(rows_of(grok)) == 2
        assert raised.value.sent is False
        assert [row["state"] for row in rows_of(grok)] == ["failed"] * 2


def test_self_signed_server_is_a_good_one_but_for_its_certificate():
    """The control: who trusts the certificate gets an answer."""
    with RawServer(b"HTTP/1.1 200 OK\r\n" + REPLY, tls=certificate()) as server:
        request = urllib.request.Request(f"{server.url('https')}/chat", BODY)
        trusting = ssl.create_default_context(cafile=SELF_SIGNED)
        with urllib.request.urlopen(request, timeout=10, context=trusting) as answer:
            assert answer.read() == BODY
        assert len(server.requests) == 1


def test_many_short_headers_are_no_trouble():
    headers = b"x:y\r\n" * 10_000
    with (
        RawServer(b"HTTP/1.1 200 OK\r\n" + headers + REPLY, "next") as server,
        grok_at(server.url()) as grok,
    ):
        assert grok.ask("hi").text == "42"
        assert grok.ask("hi").text == "42"
        assert len(server.connections) == 1


@pytest.mark.parametrize("way", ["ask", "stream"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_told_and_never_followed(status, way, quick_clock):
    with RawServer(b"HTTP/1.1 200 OK\r\n" + REPLY, "next") as other:
        answer = (
            f"HTTP/1.1 {status} Elsewhere\r\nlocation: {other.url()}/chat/completions\r\n"
            "set-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
        ).encode()
        with (
            RawServer(answer, "next") as server,
            grok_at(server.url(), clock=quick_clock) as grok,
        ):
            with pytest.raises(gn.errors.ServerFault) as raised:
                grok.ask("hi") if way == "ask" else list(grok.stream("hi"))
            (row,) = rows_of(grok)
            assert len(server.requests) == 1
        assert other.connections == []
        assert f"it points to {other.url()}" in str(raised.value)
        assert "the key would go with it" in raised.value.hint
        assert (row["state"], row["http_status"], row["cost_usd"]) == (
            "failed",
            status,
            0,
        )
        # the control: the other server does answer who asks it
        with grok_at(other.url()) as grok:
            assert grok.ask("hi").text == "42"
        assert KEY.encode() in other.requests[0]


def test_server_that_asks_for_the_key_in_a_redirect_shows_no_key(quick_clock):
    answer = (
        f"HTTP/1.1 302 X\r\nlocation: http://h/?k={KEY}\r\ncontent-length: 0\r\n\r\n"
    )
    with (
        RawServer(answer.encode(), "next") as server,
        grok_at(server.url(), clock=quick_clock) as grok,
    ):
        with pytest.raises(gn.errors.ServerFault, match="points to") as raised:
            grok.ask("hi")
        (row,) = rows_of(grok)
    assert KEY[4:12] not in str(raised.value) + row["error"]
