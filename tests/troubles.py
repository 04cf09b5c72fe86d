"""What the user sees of each fault of the sandbox: one table for Python and for cells.

A fault happens to every request of a call here, so that the call ends in it; what a
fault costs that happens once is in tests/kernel/test_what_cells_show.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

#: Seconds of a call that ends with its time limit: a busy machine must still get that far.
LIMIT_S = 3
#: What is asked; the sandbox counts.
PROMPT = "Count to 30"
WHOLE = "[sandbox] " + ", ".join(str(n) for n in range(1, 31))

_LATER = "Try again later; https://status.x.ai tells about outages."
_CREDIT = "Add credit or raise the spending limit at https://console.x.ai."
_NAMED = "Change what the message names; the body is in error.body."
_REST = "error.reply holds what had arrived; ask again for the rest."
_MAYBE = "The request may have been billed: gn.usage() has its row."
_TEAM = "00000000-0000-4000-8000-00005a9db0c5"
_BROKE = "The connection to 127.0.0.1 broke before the whole answer was there"
_UNAVAILABLE = "The service is currently unavailable"
_NO_CREDIT = (
    f"Your team {_TEAM} has either used all available credits or reached its monthly "
    "spending limit. To continue making API requests, please purchase more credits or "
    "raise your spending limit."
)
_INCOMPLETE = (
    "(peer closed connection without sending complete message body "
    "(incomplete chunked read))"
)


@dataclass(frozen=True)
class Seen:
    """What is seen, sent and booked when a fault happens to every request of a call.

    Attributes
    ----------
    error, says, hint
        Class, message (a pattern where the sandbox's ids are in it) and hint; no error
        means that the whole reply is there.
    attempts
        Requests of the call.
    state, cost_source, status
        Of each row in the ledger.
    billed
        Whether the sandbox billed each request.
    partial
        Whether a part of the text had arrived, and is kept.
    fault
        More fields of the fault.
    """

    error: str = ""
    says: str = ""
    hint: str = ""
    attempts: int = 1
    state: str = "failed"
    cost_source: str = "none"
    status: int | None = 200
    billed: bool = False
    partial: bool = False
    fault: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The message as a pattern."""
        return self.says if "\\" in self.says else re.escape(self.says)

    @property
    def in_doubt(self) -> int:
        """Attempts that may have been billed, as far as the client can know."""
        return self.attempts if self.state == "in_doubt" else 0


def _refused(status: int, error: str, says: str, hint: str, **more: Any) -> Seen:
    return Seen(error, says, hint, status=status, **more)


def _doubtful(
    error: str, says: str, hint: str, status: int | None, **more: Any
) -> Seen:
    # once, and two times again
    fields = {"state": "in_doubt", "attempts": 3} | more
    return Seen(error, says, hint, status=status, **fields)


def _fault(status: int) -> str:
    return f"the server failed ({status}): {_UNAVAILABLE}"


_FINE = Seen(state="done", cost_source="reported", billed=True)
_BROKEN = Seen(
    "StreamError", hint=_REST, cost_source="estimated", billed=True, partial=True
)


def _broken(says: str) -> Seen:
    return Seen(**{**_BROKEN.__dict__, "says": says})


#: What a cell and `gn.stream` show.
STREAMED: dict[str, Seen] = {
    "400": _refused(
        400,
        "BadRequest",
        "xAI refused the request (400): Invalid request content: the sandbox was told "
        "to refuse it.",
        _NAMED,
    ),
    "401": _refused(
        401,
        "Unauthorized",
        "xAI refused the API key (401): No API key was given, or the header has the "
        "wrong form.",
        "Check the key at https://console.x.ai, then set XAI_API_KEY.",
    ),
    "403": _refused(
        403,
        "Forbidden",
        "xAI does not allow this (403): The API key or its team is blocked.",
        "The key may lack the permission, or the content was refused; "
        "see https://console.x.ai.",
    ),
    "403-credit": _refused(
        403, "NoCredit", f"no credit left (403): {_NO_CREDIT}", _CREDIT
    ),
    "404": _refused(
        404,
        "NotFound",
        "not found (404): The requested resource was not found.",
        "gn.models() lists what there is; base_url must end in /v1.",
    ),
    "405": _refused(
        405,
        "BadRequest",
        "xAI refused the request (405): The method is not allowed on this path.",
        _NAMED,
    ),
    "409": _refused(
        409,
        "ServerFault",
        "the server failed (409): The sandbox was told to answer 409.",
        _LATER,
        attempts=7,
    ),
    "410": _refused(
        410,
        "Gone",
        "no longer offered (410): Live search is deprecated. Please switch to the "
        "Agent Tools API: https://docs.x.ai/docs/guides/tools/overview",
        "This feature was removed from the API.",
    ),
    "413": _refused(
        413,
        "BadRequest",
        "xAI refused the request (413): The request body is too large.",
        "Shorten the prompt, or send it in parts.",
    ),
    "415": _refused(
        415,
        "BadRequest",
        "xAI refused the request (415): Expected a request body with `Content-Type: "
        "application/json`.",
        _NAMED,
    ),
    "422": _refused(
        422,
        "BadRequest",
        "xAI refused the request (422): Failed to deserialize the JSON body into the "
        "target type: the sandbox was told to refuse it",
        _NAMED,
    ),
    "429": _refused(
        429,
        "RateLimited",
        f"too many requests (429): Too many requests for team {_TEAM}. Your team's "
        "rate limit is - Requests per Minute (actual/limit): 2/2.",
        "Ask less often, or raise the limit at https://console.x.ai.",
        attempts=11,
    ),
    "429-credit": _refused(
        429, "NoCredit", f"no credit left (429): {_NO_CREDIT}", _CREDIT
    ),
    "498": _refused(498, "ServerFault", _fault(498), _LATER, attempts=7),
    "500": _doubtful("ServerFault", _fault(500), _LATER, 500),
    "503": _refused(503, "ServerFault", _fault(503), _LATER, attempts=7),
    "504": _doubtful("ServerFault", _fault(504), _LATER, 504),
    "500-after-billing": _doubtful(
        "ServerFault", _fault(500), _LATER, 500, billed=True
    ),
    "reset": _doubtful(
        "ConnectionFailed",
        f"{_BROKE} ([Errno 104] Connection reset by peer).",
        _MAYBE,
        None,
    ),
    "reset-after-billing": _doubtful(
        "ConnectionFailed",
        f"{_BROKE} ([Errno 104] Connection reset by peer).",
        _MAYBE,
        None,
        billed=True,
    ),
    "cut-stream": _broken(
        "The reply is not whole. The stream ended without finish reason or [DONE]."
    ),
    "break-stream": _broken(f"The reply is not whole. {_BROKE} {_INCOMPLETE}."),
    "error-in-stream": _broken(f"The stream failed: unavailable: {_UNAVAILABLE}."),
    "stall": _broken(
        f"The reply is not whole. No whole answer from 127.0.0.1 within {LIMIT_S} s."
    ),
    "slow": Seen(**{**_FINE.__dict__, "fault": {"delay_ms": 1}}),
    "comments": _FINE,
    "split": _FINE,
    "crlf": _FINE,
    "failed": _FINE,  # of responses only: tests/sandbox/test_respond.py
    "no-usage": Seen(state="done", cost_source="estimated", billed=True),
    "json-error-on-200": Seen(
        "ServerFault", f"No usable answer (200): {_UNAVAILABLE}", _LATER, attempts=7
    ),
    "html": _doubtful(
        "ServerFault",
        "the server failed (502): an HTML page titled '502', not an answer of the API",
        "Something between here and xAI answered: check base_url and proxies.",
        502,
    ),
    "empty": _doubtful(
        "StreamError",
        "The reply is not whole. The stream ended without finish reason or [DONE].",
        "Nothing had arrived; ask again.",
        200,
    ),
    "garbage": _doubtful(
        "ServerFault",
        "No usable answer (200): the answer is not JSON, it starts with "
        '\'{"id": "5a9d, <<<\'',
        _LATER,
        200,
    ),
    "redirect": _refused(
        307,
        "ServerFault",
        "the server failed (307): it points to http://127.0.0.1:9/v1/moved, which was "
        "not asked",
        "No redirect is followed, for the key would go with it: "
        "check base_url and proxies.",
    ),
}

#: What `gn.ask` shows; where the reply comes in one piece, some faults look different.
ASKED: dict[str, Seen] = STREAMED | {
    "cut-stream": _doubtful(
        "ServerFault",
        r"No\ usable\ answer\ \(200\):\ the\ answer\ is\ not\ JSON,\ it\ starts\ with\ "
        r"'{\"id\":\"[-0-9a-f]{36}\",\"object\":\"chat.'",
        _LATER,
        200,
        billed=True,
    ),
    "break-stream": _doubtful(
        "ConnectionFailed", f"{_BROKE} {_INCOMPLETE}.", _MAYBE, 200, billed=True
    ),
    # the sandbox bills it, and says what the API says of work that was not done
    "error-in-stream": Seen(
        **{**STREAMED["json-error-on-200"].__dict__, "billed": True}
    ),
    "stall": _doubtful(
        "TimedOut",
        f"No whole answer from 127.0.0.1 within {LIMIT_S} s.",
        f"More time: gn.configure(timeout_s=...). {_MAYBE}",
        None,
        attempts=1,
        billed=True,
    ),
    "no-usage": _FINE,
    "empty": _doubtful(
        "ServerFault", "No usable answer (200): the answer was empty", _LATER, 200
    ),
}
