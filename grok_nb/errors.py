"""Everything that grok_nb raises.

::

    GrokError
    ├── ConfigError             a setting is missing or cannot be right; nothing was sent
    ├── MissingExtra            an optional part is not installed (also an ImportError)
    ├── OptionError             a magic's option line (also IPython's UsageError)
    ├── ConnectionFailed        the server was not reached, or did not answer
    │   └── TimedOut            the call's time limit ended first
    ├── StreamError             a stream broke off; .reply holds what had arrived
    ├── InDoubt                 sent, never answered, and not to be sent again
    ├── BudgetExceeded          refused before sending, or cut: it could cost too much
    ├── NotRecorded             replay "only": this request is not in the recording
    ├── Truncated               the reply hit its length limit
    ├── Refused                 the model declined
    ├── SchemaMismatch          the reply does not fit the schema that was asked for
    └── ApiError                the server (or we, before sending) said no
        ├── BadRequest          400, 405, 413, 415, 422
        ├── Unauthorized        401, and the 400 that means a wrong key
        ├── Forbidden           403
        ├── NoCredit            403 or 429 for used-up credit
        ├── NotFound            404
        ├── Gone                410
        ├── RateLimited         429
        └── ServerFault         408, 409, 498, 5xx, and what is no answer of the API

``str(error)`` says what happened; ``error.hint`` (also a note on the exception) says
what to type next.
"""

from __future__ import annotations

__all__ = [
    "ApiError",
    "BadRequest",
    "BudgetExceeded",
    "ConfigError",
    "ConnectionFailed",
    "Forbidden",
    "Gone",
    "GrokError",
    "InDoubt",
    "MissingExtra",
    "NoCredit",
    "NotFound",
    "NotRecorded",
    "OptionError",  # noqa: F822 - made when asked for, see below
    "RateLimited",
    "Refused",
    "SchemaMismatch",
    "ServerFault",
    "StreamError",
    "TimedOut",
    "Truncated",
    "Unauthorized",
]


class GrokError(Exception):
    """Base of all errors of grok_nb.

    Parameters
    ----------
    message
        What happened, with the value that caused it.
    hint
        What to do next; empty when there is nothing to say.

    Attributes
    ----------
    reply : Reply or None
        What had arrived before the failure, if anything had.
    request_id : str or None
        ``x-request-id`` of the answer, if there was one, to be quoted to support.
    """

    reply: object | None = None
    request_id: str | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)

    def __reduce__(self) -> tuple[object, ...]:
        # the constructors take keywords, which the default would leave out
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    kind: type[GrokError], args: tuple[object, ...], state: dict[str, object]
) -> GrokError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(GrokError):
    """A setting is missing or cannot be right. Nothing was sent."""


class MissingExtra(GrokError, ImportError):
    """An optional part of grok_nb is not installed."""


class ConnectionFailed(GrokError):
    """The server was not reached, or the connection broke before it answered.

    Attributes
    ----------
    sent : bool
        Whether the request may have reached the server. Only then can it have been
        billed.
    lasting : bool
        Whether trying again cannot help, as with a certificate that does not fit.
    """

    def __init__(
        self, message: str, *, sent: bool, lasting: bool = False, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.lasting = lasting


class TimedOut(ConnectionFailed):
    """The time limit of the call (``timeout_s``) ended before the answer did."""


class StreamError(GrokError):
    """A stream broke off before its end; ``.reply`` holds what had arrived."""


class InDoubt(GrokError):
    """A request was sent, got no answer, and was not sent again.

    It may have been billed. Raised where ``on_doubt="hold"``.
    """


class BudgetExceeded(GrokError):
    """A call was refused before it was sent, or ended: it could cost too much.

    Attributes
    ----------
    limit_usd, spent_usd, would_cost_usd : float or None
        The limit, what is spent or reserved of it, and what the call wanted; USD.
    per : str
        ``"session"``, ``"day"``, ``"question"``.
    """

    limit_usd: float | None = None
    spent_usd: float | None = None
    would_cost_usd: float | None = None
    per: str = ""


class NotRecorded(GrokError):
    """Replay in mode ``only`` met a request that its recording does not have."""


class Truncated(GrokError):
    """A reply that had to be whole hit its length limit."""


class Refused(GrokError):
    """The model declined to answer."""


class SchemaMismatch(GrokError):
    """A reply does not fit the schema that was asked for.

    Attributes
    ----------
    repairable : bool
        Whether the model can mend it; not where a validator of the user's failed.
    """

    repairable: bool = True


class ApiError(GrokError):
    """The API refused a request or could not serve it.

    Parameters
    ----------
    message
        What happened.
    status
        HTTP status; ``None`` where grok_nb refused before sending.
    code
        The API's ``code``, e.g. ``"invalid-argument"``; ``None`` if it gave none.
    request_id
        ``x-request-id`` of the answer, to be quoted to support.
    body
        The answer's body as text, without any key.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        body: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.body = body


class BadRequest(ApiError):
    """The request cannot be right; sending it again will not help."""


class Unauthorized(ApiError):
    """The API key is missing, malformed or wrong."""


class Forbidden(ApiError):
    """The key may not do this, or the content was refused by moderation."""


class NoCredit(ApiError):
    """The team's credit or monthly spending limit is used up."""


class NotFound(ApiError):
    """The model, the stored object or the path does not exist."""


class Gone(ApiError):
    """The API has dropped this feature."""


class RateLimited(ApiError):
    """Too many requests or tokens per minute.

    Attributes
    ----------
    retry_after_s : float or None
        Seconds that the server asked to wait, if it said so.
    """

    retry_after_s: float | None = None


class ServerFault(ApiError):
    """The server, or something between it and us, failed.

    Attributes
    ----------
    retry_after_s : float or None
        Seconds that the server asked to wait, if it said so.
    """

    retry_after_s: float | None = None


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    # OptionError is also IPython's UsageError, and IPython is not to be loaded by
    # `import grok_nb`.
    if name == "OptionError":
        from grok_nb.notebook.options import OptionError

        return OptionError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
