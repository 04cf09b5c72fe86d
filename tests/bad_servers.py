"""Servers that misbehave below the level of the API, and what the user sees of it.

``ASKED`` is for `gn.ask`, ``STREAMED`` for `gn.stream` and ``%%grok``; the servers are
the same.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.raw import RawServer, certificate, free_port
from tests.troubles import LIMIT_S, Seen

_MAYBE = "The request may have been billed: gn.usage() has its row."
_NETWORK = "Check the network, proxy variables and XAI_BASE_URL."
_PAGE = "Something between here and xAI answered: check base_url and proxies."

_OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: raw-1\r\n"
_CHUNKED = _OK + b"transfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(**delta: str) -> bytes:
    choice = {"index": 0, "delta": delta}
    event = {"id": "i", "model": "grok-4.7", "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


HALF = "half a"
_HALF = _CHUNKED + _chunk(_event(content=HALF))


@dataclass(frozen=True)
class Bad:
    """How a server misbehaves."""

    server: dict[str, Any]
    scheme: str = "http"
    timeout_s: float = 60

    @contextlib.contextmanager
    def running(self) -> Iterator[tuple[str, RawServer | None]]:
        """Serve; yield the base URL, and the server if there is one."""
        if self.server:
            with RawServer(**self.server) as server:
                yield server.url(self.scheme), server
        elif self.scheme == "nowhere":
            # reserved names (RFC 6761): no resolver knows them
            yield "http://grok-nb.invalid/v1", None
        else:
            port, held = free_port()
            with held:
                yield f"http://127.0.0.1:{port}/v1", None


def _unsent(reason: str, hint: str = _NETWORK, **more: Any) -> Seen:
    fields: dict[str, Any] = {"attempts": 4, "status": None} | more
    return Seen("ConnectionFailed", _reason("was not reached", reason), hint, **fields)


def _broken(reason: str, *, status: int | None = None) -> Seen:
    says = _reason("broke before the whole answer was there", reason)
    return Seen(
        "ConnectionFailed", says, _MAYBE, attempts=3, state="in_doubt", status=status
    )


def _reason(what: str, reason: str) -> str:
    # a pattern: numbers and wording of the system and the HTTP library differ
    return rf"(The connection to )?\S+ {what} \({reason}\)\."


_SILENT = Seen(
    "TimedOut",
    f"No whole answer from 127.0.0.1 within {LIMIT_S} s.",
    f"More time: gn.configure(timeout_s=...). {_MAYBE}",
    state="in_doubt",
    status=None,
)


def _cut(says: str) -> Seen:
    return Seen(
        "StreamError",
        says,
        "error.reply holds what had arrived; ask again for the rest.",
        cost_source="estimated",
        partial=True,
    )


SERVERS: dict[str, Bad] = {
    "no such host": Bad({}, "nowhere"),
    "refused": Bad({}),
    "self-signed": Bad({"tls": certificate()}, "https"),
    "plain where TLS is asked": Bad(
        {"data": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "https"
    ),
    # what is left after the first attempt is less than the shortest wait
    "TLS that never begins": Bad({"is_deaf": True}, "https", 1),
    "silent": Bad({"is_deaf": True}, timeout_s=LIMIT_S),
    "no answer": Bad({"data": b""}),
    "half a header, then closed": Bad({"data": b"HTTP/1.1 200 OK\r\ncontent-ty"}),
    "half a header, then reset": Bad(
        {"data": b"HTTP/1.1 200 OK\r\ncontent-ty", "then": "reset"}
    ),
    "half a header, then nothing": Bad(
        {"data": b"HTTP/1.1 200 OK\r\ncontent-ty", "then": "stay"}, timeout_s=LIMIT_S
    ),
    "no HTTP": Bad({"data": b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n"}),
    "a header that is none": Bad({"data": _OK + b"x\0y: 1\r\n\r\n"}),
    "two lengths": Bad(
        {"data": _OK + b"content-length: 5\r\ncontent-length: 7\r\n\r\n{}"}
    ),
    "half a body": Bad({"data": _OK + b'content-length: 5000\r\n\r\n{"id"'}),
    "chunked garbage": Bad({"data": _CHUNKED + b"zz\r\nhello"}),
    "chunked garbage after text": Bad({"data": _HALF + b"zz\r\nhello"}),
    "a chunk of endless length": Bad({"data": _HALF + b"F" * 24 + b"\r\nhello"}),
    "10,000 headers": Bad(
        {
            "data": _OK
            + b"".join(b"x-header-%d: 0123456789\r\n" % n for n in range(10_000))
            + b"content-length: 0\r\n\r\n"
        }
    ),
    "an endless header": Bad({"data": _OK + b"x: " + b"a" * 1_000_000}),
    "a page": Bad(
        {
            "data": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n"
            b"<html><title>Log in to the hotel's network</title></html>"
        }
    ),
    "silent after text": Bad({"data": _HALF, "then": "stay"}, timeout_s=LIMIT_S),
    "reset after text": Bad({"data": _HALF, "then": "reset"}),
}
_RESET = r"\[Errno \d+\] Connection reset by peer"

ASKED: dict[str, Seen] = {
    "no such host": _unsent(r"\[Errno -?\d+\] .*"),
    "refused": _unsent("All connection attempts failed"),
    "self-signed": Seen(
        "ConnectionFailed",
        r"The certificate of \S+ was refused: self-signed certificate\.",
        "A proxy with its own certificates? Point SSL_CERT_FILE, or verify=, at its CA "
        "file (PEM).",
        status=None,
    ),
    "plain where TLS is asked": _unsent(
        ".*WRONG_VERSION_NUMBER.*",
        "No TLS is spoken there: check the port, and https:// in base_url.",
    ),
    "TLS that never begins": _unsent("no connection in time", attempts=1),
    "silent": _SILENT,
    "no answer": _broken("Server disconnected.*"),
    "half a header, then closed": _broken("Server disconnected.*"),
    "half a header, then reset": _broken(_RESET),
    "half a header, then nothing": _SILENT,
    "no HTTP": _broken("illegal status line: .*"),
    "a header that is none": _broken("illegal header line: .*"),
    "two lengths": _broken("conflicting Content-Length headers"),
    "half a body": _broken(r".*\(received 5 bytes, expected 5000\)", status=200),
    "chunked garbage": _broken("illegal chunk header: .*", status=200),
    "chunked garbage after text": _broken("illegal chunk header: .*", status=200),
    "a chunk of endless length": _broken("illegal chunk header: .*", status=200),
    "10,000 headers": _broken("Receive buffer too long"),
    "an endless header": _broken("Receive buffer too long"),
    "a page": Seen(
        "ServerFault",
        'No usable answer (200): an HTML page titled "Log in to the hotel\'s network"'
        ", not an answer of the API",
        _PAGE,
        attempts=3,
        state="in_doubt",
    ),
    "silent after text": Seen(**{**_SILENT.__dict__, "status": 200}),
    "reset after text": _broken(_RESET, status=200),
}
_NOT_WHOLE = {
    "chunked garbage after text": "illegal chunk header: .*",
    "a chunk of endless length": "illegal chunk header: .*",
    "reset after text": _RESET,
}
STREAMED: dict[str, Seen] = (
    ASKED
    | {
        name: _cut(
            r"The reply is not whole\. "
            + _reason("broke before the whole answer was there", reason)
        )
        for name, reason in _NOT_WHOLE.items()
    }
    | {
        "silent after text": _cut(
            f"The reply is not whole. No whole answer from 127.0.0.1 within {LIMIT_S} s."
        )
    }
)
