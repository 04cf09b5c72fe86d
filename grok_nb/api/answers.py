"""An HTTP answer that is no success -> one typed error with a next step.

Source: xai-api.md section 13.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from grok_nb import bodies, config, errors

from .retry import retry_after_s

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping

#: What a server of ours sends with every answer, so that nobody takes it for Grok.
SANDBOX_HEADER = "x-grok-nb-sandbox"
_LONGEST_MESSAGE = 500
_LONGEST_BODY = 20_000

_HINTS: dict[type[errors.ApiError], str] = {
    errors.Unauthorized: "Check the key at https://console.x.ai, then set XAI_API_KEY.",
    errors.NoCredit: "Add credit or raise the spending limit at https://console.x.ai.",
    errors.BadRequest: "Change what the message names; the body is in error.body.",
    errors.Forbidden: "The key may lack the permission, or the content was refused; "
    "see https://console.x.ai.",
    errors.NotFound: "gn.models() lists what there is; base_url must end in /v1.",
    errors.Gone: "This feature was removed from the API.",
    errors.RateLimited: "Ask less often, or raise the limit at https://console.x.ai.",
    errors.ServerFault: "Try again later; https://status.x.ai tells about outages.",
}


def read_error(body: bytes) -> tuple[str | None, str]:
    """Return ``(code, message)`` of an error body of any known shape.

    In order: ``{"code", "error": "..."}``, ``{"error": {"message"}}``, ``message`` or
    ``detail``, an HTML page's title, plain text, nothing (an empty message).
    """
    data = bodies.parse_object(body)
    if data is not None:
        return _read_object(data)
    text = body.decode("utf-8", errors="replace").strip()
    if text[:200].lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        title = re.search(r"<title[^>]*>([^<]{1,200})", text[:20_000], re.IGNORECASE)
        inner = f" titled {title[1].strip()!r}" if title else ""
        return None, f"an HTML page{inner}, not an answer of the API"
    return None, text


def _read_object(data: Mapping[str, Any]) -> tuple[str | None, str]:
    code = data.get("code")
    error = data.get("error")
    if isinstance(error, dict):
        code = code or error.get("code") or error.get("type")
        error = error.get("message")
    for found in (error, data.get("message"), data.get("detail")):
        if isinstance(found, str) and found:
            return _code(code), found
        if found and not isinstance(found, str):
            return _code(code), str(found)
    return _code(code), ""


def request_id_of(
    headers: Mapping[str, str], secret: config.Secret | None
) -> str | None:
    """Return ``x-request-id``, if there is one, for quoting to support."""
    found = headers.get("x-request-id")
    if found is None or secret is None:
        return found
    return found.replace(secret.reveal(), "[key]")


def _shown(body: bytes, secret: config.Secret | None) -> str:
    """Return the start of a body; keys go before it is cut, lest half of one stays."""
    text = body[: 10 * _LONGEST_BODY].decode("utf-8", "replace")
    return config.scrub(text, secret)[:_LONGEST_BODY]


def _code(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int)) and value != "" else None


def error_from(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime.datetime,
    secret: config.Secret | None = None,
    model: str | None = None,
    known_models: Iterable[str] = (),
    names: Mapping[str, str] | None = None,
    missing: str = "",
) -> errors.ApiError:
    """Return the typed error for an answer.

    Parameters
    ----------
    status, headers, body
        As they came; header names in lower case.
    now
        For a Retry-After that is a date.
    secret
        The key, to be removed from all texts.
    model, known_models
        The id that was asked for and those that exist, for a suggestion.
    names
        The API's names of parameters that were sent -> the user's.
    missing
        What to do if this is a 404.
    """
    code, message = read_error(body)
    kind = _class_of(status, code, message)
    hint = _hint(kind, status, message, model, known_models)
    if kind is errors.NotFound and missing:
        hint = missing
    if kind is errors.BadRequest:
        message = _with_own_names(message, names or {})
    if 300 <= status < 400 and (target := headers.get("location")):
        message = f"it points to {target}, which was not asked"
    shown = config.scrub(" ".join(message.split()), secret)
    if len(shown) > _LONGEST_MESSAGE:
        shown = shown[: _LONGEST_MESSAGE - 3] + "..."
    error = kind(
        f"{_title(kind, status)}: {shown or 'the answer was empty'}",
        status=status,
        code=code and config.scrub(code, secret),
        request_id=request_id_of(headers, secret),
        body=_shown(body, secret),
        hint=hint,
    )
    if isinstance(error, (errors.RateLimited, errors.ServerFault)):
        error.retry_after_s = asked = retry_after_s(headers, now)
        if asked:
            error.add_note(f"The server asks to wait {asked:g} s.")
    return error


def _with_own_names(message: str, names: Mapping[str, str]) -> str:
    """Name parameters as the user did: the API writes ``presencePenalty``."""

    def own(found: re.Match[str]) -> str:
        snake = re.sub(r"[A-Z]", lambda upper: "_" + upper[0].lower(), found[0])
        return names.get(snake, found[0])

    return re.sub(r"\b[a-z]{1,30}(?:[A-Z][a-z]{0,30}){1,5}\b", own, message)


def _class_of(status: int, code: str | None, message: str) -> type[errors.ApiError]:
    # the API sends some of these under one status and code; only its text tells them
    # apart (xai-api.md 13.2: wrong key is 400, used-up credit was 429 and is 403)
    text, slug = message.lower(), (code or "").lower()
    if status == 401 or (status == 400 and "api key" in text):
        return errors.Unauthorized
    if status in (402, 403, 429) and ("credits" in text or "spending limit" in text):
        return errors.NoCredit
    if status == 429 and slug.startswith("subscription:"):  # used up, not too fast
        return errors.NoCredit
    if status == 403 and slug.startswith("unauthenticated"):
        return errors.Unauthorized
    if status == 400 and text.startswith("model not found"):
        return errors.NotFound
    exact: dict[int, type[errors.ApiError]] = {
        403: errors.Forbidden,
        404: errors.NotFound,
        408: errors.ServerFault,  # "later", not "never": the request was right
        409: errors.ServerFault,
        410: errors.Gone,
        429: errors.RateLimited,
        498: errors.ServerFault,
    }
    if status in exact:
        return exact[status]
    return errors.BadRequest if 400 <= status < 500 else errors.ServerFault


def _title(kind: type[errors.ApiError], status: int) -> str:
    what = {
        errors.BadRequest: "xAI refused the request",
        errors.Unauthorized: "xAI refused the API key",
        errors.Forbidden: "xAI does not allow this",
        errors.NoCredit: "no credit left",
        errors.NotFound: "not found",
        errors.Gone: "no longer offered",
        errors.RateLimited: "too many requests",
        errors.ServerFault: "the server failed",
    }[kind]
    return f"{what} ({status})"


def _hint(
    kind: type[errors.ApiError],
    status: int,
    message: str,
    model: str | None,
    known_models: Iterable[str],
) -> str:
    if kind is errors.NotFound and model and model in message:
        close = difflib.get_close_matches(model, list(known_models), n=1, cutoff=0.5)
        asked = f"Did you mean {close[0]!r}? " if close else ""
        return asked + "gn.models() lists what there is."
    if "maximum prompt length" in message:
        return "Shorten the prompt, or take a model with a longer context: gn.models()."
    if 300 <= status < 400:
        return (
            "No redirect is followed, for the key would go with it: "
            "check base_url and proxies."
        )
    if "HTML page" in message:
        return "Something between here and xAI answered: check base_url and proxies."
    if status == 407:
        return "A proxy asks for a password: check HTTPS_PROXY."
    if status == 413:
        return "Shorten the prompt, or send it in parts."
    if "support" in message:
        return "Leave that out, or take another model: gn.models()."
    return _HINTS.get(kind, "")


def not_an_answer(
    body: bytes, headers: Mapping[str, str], secret: config.Secret | None
) -> errors.ServerFault:
    """Return the error for a 200 whose body is no reply."""
    code, message = read_error(body)
    message = config.scrub(message, secret)  # before anything is cut
    if not body:
        message = "the answer was empty"
    elif not message:
        message = "it holds no reply"
    elif bodies.parse_object(body) is None and "HTML page" not in message:
        message = f"the answer is not JSON, it starts with {message[:60]!r}"
    return errors.ServerFault(
        f"No usable answer (200): {message[:_LONGEST_MESSAGE]}",
        status=200,
        code=code and config.scrub(code, secret),
        request_id=request_id_of(headers, secret),
        body=_shown(body, secret),
        hint="Something between here and xAI answered: check base_url and proxies."
        if "HTML page" in message
        else _HINTS[errors.ServerFault],
    )
