"""
Scripted faults: which request goes wrong, and how.

A fault is a JSON object. ``match`` is a path prefix, optionally with a method before it
(``POST /v1/chat``; default: everything under the API). ``nth`` lets it happen at that
matching request only, counted from 1; ``rate`` with that probability (``seed`` makes
another sequence); neither: always. ``times`` bounds how often. ``do`` is the kind:

========================= ==========================================================
``400`` ... ``599``       that status with the API's body; not billed
``403-credit, 429-credit``  the texts of a team without credit; not billed
``5xx-after-billing``     e.g. ``500-after-billing``: billed in full, then the error
``reset``                 connection reset before any answer; not billed
``reset-after-billing``   billed in full, then the reset
``cut-stream``            ends cleanly after ``after`` events, without finish reason
                          and ``[DONE]``; billed in full
``break-stream``          same place, the connection drops; billed in full
``error-in-stream``       same place, a ``data:`` line with an error; billed so far
``stall``                 nothing more after ``after`` events, until the client leaves
``slow``                  ``delay_ms`` before each event, or before the answer
``comments``              ``: keepalive`` lines between the events
``split``                 the body in pieces of ``bytes``
``crlf``                  CRLF line ends in the stream
``no-usage``              a stream without its usage
``failed``                a response whose status is ``failed`` after ``after``
                          events; billed so far
``json-error-on-200``     an error body under status 200; not billed
``html``                  a proxy's page with ``status``; not billed
``empty``                 200 without a body; not billed
``garbage``               200, called JSON, is none; not billed
``redirect``              307 to ``location``; not billed
========================= ==========================================================

Without ``after`` a stream is interrupted in its middle. On a reply that is no stream,
``cut-stream`` and ``break-stream`` send half of the body, ``error-in-stream`` looks like
``json-error-on-200`` (but is billed) and ``stall`` never answers (billed: the reply was
worked out); ``comments``, ``crlf`` and ``no-usage`` change nothing, as ``failed`` does
on all but responses. On the listings ``stall`` and ``slow`` work, too, and what is about
a reply changes nothing. ``retry_after`` (seconds) adds that header to an error status
and ``message`` replaces its text.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from . import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED_KINDS = (
    "403-credit",
    "429-credit",
    "reset",
    "reset-after-billing",
    "cut-stream",
    "break-stream",
    "error-in-stream",
    "stall",
    "slow",
    "comments",
    "split",
    "crlf",
    "no-usage",
    "failed",
    "json-error-on-200",
    "html",
    "empty",
    "garbage",
    "redirect",
)
_STATUS_KIND = re.compile(r"([45]\d\d)|(5\d\d)-after-billing")
_KIND = rf"^(?:{'|'.join(NAMED_KINDS)}|[45]\d\d|5\d\d-after-billing)$"
_KINDS_TEXT = (
    "a status from 400 to 599, 5xx-after-billing (such as 500-after-billing), "
    + ", ".join(NAMED_KINDS)
)
# What an interrupted answer needs the worked-out reply for.
_SHAPING = frozenset(
    {
        "reset-after-billing",
        "cut-stream",
        "break-stream",
        "error-in-stream",
        "stall",
        "slow",
        "comments",
        "split",
        "crlf",
        "no-usage",
        "failed",
    }
)
DEFAULT_DELAY_MS = 100.0
DEFAULT_PIECE_BYTES = 7
NOWHERE = "http://127.0.0.1:9/v1/moved"

_SPEC = re.compile(
    r"(?P<do>[\w-]+)"
    r"(?:@(?P<match>[^#%*,]+))?"
    r"(?:#(?P<nth>\d+)|%(?P<rate>\d*\.?\d+))?"
    r"(?:\*(?P<times>\d+))?"
    r"(?P<fields>(?:,\w+=[^,]*)*)"
)
SPEC_HELP = (
    "KIND[@[METHOD ]PATH][#NTH or %RATE][*TIMES][,field=value...], for example "
    "429@/v1/chat#2 or 503@/v1/chat%0.1 or slow,delay_ms=50"
)


class Fault(BaseModel):
    """One scripted fault; see the module for what the fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: str = Field(json_schema_extra={"pattern": _KIND})
    match: str = "/"
    nth: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0
    times: int | None = Field(default=None, ge=1)
    after: int | None = Field(default=None, ge=0)
    delay_ms: float = Field(default=DEFAULT_DELAY_MS, ge=0, le=600_000)
    bytes: int = Field(default=DEFAULT_PIECE_BYTES, ge=1)
    status: int = Field(default=502, ge=200, le=599)
    location: str = Field(default=NOWHERE, pattern=r"^[!-~]+$")
    retry_after: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    message: str | None = None

    @field_validator("do", mode="before")
    @classmethod
    def _known_kind(cls, value: object) -> str:
        kind = str(value)
        if kind not in NAMED_KINDS and not _STATUS_KIND.fullmatch(kind):
            raise ValueError(f"unknown kind {kind!r}; known: {_KINDS_TEXT}")
        return kind

    @property
    def status_kind(self) -> int | None:
        """The error status of ``429`` or ``500-after-billing``, else None."""
        found = _STATUS_KIND.fullmatch(self.do)
        return int(found.group(1) or found.group(2)) if found else None

    @property
    def after_billing(self) -> bool:
        """Whether the reply is worked out and billed before things go wrong."""
        return self.do.endswith("-after-billing")

    @property
    def needs_reply(self) -> bool:
        """Whether the fault changes a worked-out reply instead of replacing it."""
        return self.do in _SHAPING or self.after_billing

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is one of those this fault is about."""
        wanted, _, prefix = self.match.rpartition(" ")
        return path.startswith(prefix) and wanted.strip().upper() in {"", method}


def parse(entry: object) -> Fault:
    """
    Read a fault from a JSON object or its short text.

    Parameters
    ----------
    entry : dict or str
        The object, or ``KIND[@[METHOD ]PATH][#NTH|%RATE][*TIMES][,field=value...]``.

    Raises
    ------
    ValueError
        Saying which field is wrong, and what the kinds are.

    Examples
    --------
    >>> parse("429@/v1/chat#2").nth
    2
    """
    fields = _spec_fields(entry) if isinstance(entry, str) else entry
    if not isinstance(fields, dict):
        raise ValueError(f"a fault is an object with at least 'do': {_KINDS_TEXT}")  # noqa: TRY004 - callers catch one type
    if "do" not in fields:
        raise ValueError(f"a fault needs 'do': {_KINDS_TEXT}")
    if fields.get("nth") is not None and fields.get("rate") is not None:
        raise ValueError("a fault has 'nth' or 'rate', not both")
    try:
        return Fault.model_validate(fields)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            text = f"unknown field; known: {', '.join(Fault.model_fields)}"
    raise ValueError(f"fault field {name!r}: {text}")


def _spec_fields(spec: str) -> dict[str, object]:
    found = _SPEC.fullmatch(spec.strip())
    if found is None:
        raise ValueError(f"{spec!r} is no fault; write {SPEC_HELP}")
    groups = found.groupdict()
    extra = groups.pop("fields")
    fields: dict[str, object] = {
        name: value for name, value in groups.items() if value is not None
    }
    for field in extra.split(",")[1:]:
        name, _, value = field.partition("=")
        fields[name] = value
    return fields


class _Rule:
    """A fault and how often it was met."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.fired = 0
        # Not for secrets: a script has to go the same way on every run.
        # The kind is part of the seed: rates of several kinds are drawn apart.
        seed = f"{fault.seed} {fault.do} {fault.match}"
        self._chance = random.Random(seed)  # noqa: S311

    def due(self) -> bool:
        """Count a matching request; whether it goes wrong."""
        self.seen += 1
        # Drawn for every request, so that `times` does not shift the sequence.
        lucky = self._chance.random()
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        if fault.nth is not None:
            return self.seen == fault.nth
        return fault.rate is None or lucky < fault.rate

    def shown(self) -> dict[str, Any]:
        fields = self.fault.model_dump(exclude_unset=True)
        return fields | {"seen": self.seen, "fired": self.fired}


class Faults:
    """The script: every matching rule counts a request, the first one due happens."""

    def __init__(self, entries: Iterable[object] = ()) -> None:
        self._rules: list[_Rule] = []
        self.add(entries)

    def add(self, entries: Iterable[object]) -> None:
        """Append faults; all of them, or none when one is wrong (ValueError)."""
        self._rules += [_Rule(fault) for fault in [parse(entry) for entry in entries]]

    def clear(self) -> None:
        """Forget the script."""
        self.replace(())

    def replace(self, entries: Iterable[object]) -> None:
        """Put another script in place of this one, or raise and keep it (ValueError)."""
        self._rules = [_Rule(fault) for fault in [parse(entry) for entry in entries]]

    def pick(self, method: str, path: str) -> Fault | None:
        """Count a request and say what goes wrong with it."""
        matching = [rule for rule in self._rules if rule.fault.matches(method, path)]
        due = [rule for rule in matching if rule.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].fault

    def shown(self) -> dict[str, Any]:
        """Give the answer of ``GET /__sandbox/faults``."""
        return {"faults": [rule.shown() for rule in self._rules]}


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer that needs no reply."""

    status: int
    headers: dict[str, str]
    body: bytes


_PROXY_PAGE = """<!DOCTYPE html>
<html><head><title>{status}</title></head>
<body><h1>{status}</h1><p>The proxy could not reach the server.</p></body></html>
"""


def canned(fault: Fault, vintage: str) -> Canned:
    """Build the answer of a fault that replaces the reply."""
    if fault.do == "html":
        # These two statuses have no body in HTTP.
        has_page = fault.status not in {204, 304}
        page = _PROXY_PAGE.format(status=fault.status).encode() if has_page else b""
        return Canned(fault.status, {"content-type": "text/html"}, page)
    if fault.do == "empty":
        return Canned(200, {}, b"")
    if fault.do == "garbage":
        return Canned(200, {"content-type": "application/json"}, b'{"id": "5a9d, <<<')
    if fault.do == "redirect":
        return Canned(307, {"location": fault.location}, b"")
    error = error_of(fault)
    content_type, body = error.body(vintage)
    is_hidden = fault.do in {"json-error-on-200", "error-in-stream"}
    status = 200 if is_hidden else error.status
    return Canned(status, {"content-type": content_type} | error.headers, body)


def error_of(fault: Fault) -> errors.ApiError:
    """Build the error a fault shows."""
    if fault.do.endswith("-credit"):
        status = int(fault.do.partition("-")[0])
        meaning = "exhausted" if status == 429 else "permission"
        text = errors.NO_CREDIT_TEXT if fault.message is None else fault.message
        error = errors.ApiError(status, meaning, text)
    else:
        error = errors.scripted(fault.status_kind or 503, fault.message)
    if fault.retry_after is not None:
        error.headers["retry-after"] = f"{fault.retry_after:.10g}"
    return error


def error_event(fault: Fault, vintage: str) -> bytes:
    """Build the line of a stream that reports an error."""
    body = json.loads(errors.scripted(503, fault.message).body(vintage)[1])
    return f"data: {json.dumps(body, separators=(',', ':'))}\n\n".encode()
