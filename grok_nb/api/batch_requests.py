"""What is put into a batch: requests, checked like those that are asked at once.

Source of names: xai-api.md section 12.1.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grok_nb import bodies
from grok_nb.errors import BadRequest

from . import chat, gate, responses
from .parameters import checked, encoded, key_of
from .server_tools import secrets_in, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grok_nb.config import Secret
    from grok_nb.pricing import PriceTable

#: Requests and bytes that are added by one POST, so that a refusal or a doubt is about
#: few of them. The API names a limit for one request only.
MOST_AT_ONCE = 500
MOST_BYTES_AT_ONCE = 10_000_000
#: Source: docs.x.ai, batch API, 2026.
LARGEST = 25_000_000
_LONGEST_ID = 500

CHAT, RESPONSE = "chat_get_completion", "responses"
PATHS = {CHAT: "/chat/completions", RESPONSE: "/responses"}
_ITEM_HINT = (
    'For example {"batch_request_id": "a", "batch_request": {"chat_get_completion": '
    '{"messages": [...]}}}.'
)


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch, ready to be sent.

    Attributes
    ----------
    request_id
        The user's name for it.
    key
        Of the request as it would be asked at once.
    content
        JSON text of its entry.
    secrets
        What its tools log in with elsewhere.
    reserved_ticks
        What it could cost, where a limit holds.
    """

    request_id: str
    model: str
    key: str
    content: bytes = field(repr=False)
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    reserved_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One request that was checked; its model may still have to be chosen."""

    where: str
    request_id: str
    kind: str
    model: str | None
    body: Mapping[str, Any]


def without_shown(requests: Any) -> Any:
    """Return the requests with the passwords of their tools hidden from tracebacks."""
    if isinstance(requests, Mapping):
        return {name: _hidden(body) for name, body in requests.items()}
    if not isinstance(requests, (list, tuple)):
        return requests
    return [
        {
            **item,
            "batch_request": {k: _hidden(b) for k, b in item["batch_request"].items()},
        }
        if isinstance(item, Mapping) and isinstance(item.get("batch_request"), Mapping)
        else item
        for item in requests
    ]


def _hidden(body: Any) -> Any:
    return without_secrets(body) if isinstance(body, Mapping) else body


def drafts(requests: object) -> list[Draft]:
    """Check requests; nothing is sent.

    Parameters
    ----------
    requests
        Id -> body of a chat completion, or a list of the API's own entries.

    Raises
    ------
    BadRequest
        One cannot be right; the message names it.
    """
    if isinstance(requests, Mapping):
        found = [
            _draft(f"requests[{reprlib.repr(name)}]", name, CHAT, body)
            for name, body in requests.items()
        ]
    elif isinstance(requests, Sequence) and not isinstance(requests, (str, bytes)):
        found = [_from_item(f"requests[{n}]", item) for n, item in enumerate(requests)]
    else:
        raise BadRequest(
            f"requests must be a dict or a list, not {type(requests).__name__}.",
            hint='For example {"a": {"messages": [{"role": "user", "content": "Hi"}]}}.',
        )
    if not found:
        raise BadRequest("requests is empty: there is nothing to add.")
    seen: set[str] = set()
    for draft in found:
        if draft.request_id in seen:
            raise BadRequest(
                f"{draft.where} has the id {reprlib.repr(draft.request_id)} of an "
                "earlier one.",
                hint="A result is told by its id: give each request its own.",
            )
        seen.add(draft.request_id)
    return found


def _from_item(where: str, item: object) -> Draft:
    if not isinstance(item, Mapping):
        raise BadRequest(
            f"{where} must be a dict, not {type(item).__name__}.", hint=_ITEM_HINT
        )
    known = ("batch_request_id", "batch_request")
    if unknown := item.keys() - set(known):
        raise _unknown(f"{where} has", unknown, known, _ITEM_HINT)
    request = item.get("batch_request")
    if not isinstance(request, Mapping) or len(request) != 1:
        raise BadRequest(f"{where} needs one batch_request.", hint=_ITEM_HINT)
    ((kind, body),) = request.items()
    if kind not in PATHS:
        raise _unknown(f"{where} is for", {kind}, tuple(PATHS), what="endpoint")
    return _draft(where, item.get("batch_request_id"), kind, body)


def _draft(where: str, name: object, kind: str, body: object) -> Draft:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_ID:
        raise BadRequest(
            f"{where} needs an id that is text, not {reprlib.repr(name)}.",
            hint="str(...) makes text of a number.",
        )
    if not isinstance(body, Mapping):
        raise BadRequest(
            f"{where} must be the body of a request, not {type(body).__name__}.",
            hint='For example {"messages": [{"role": "user", "content": "Hi"}]}.',
        )
    try:
        model, checked_body = (_chat if kind == CHAT else _response)(body)
    except BadRequest as error:
        wrong = BadRequest(f"{where}: {error}", hint=error.hint)
    else:
        return Draft(where, name, kind, model, checked_body)
    raise wrong


def _chat(body: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    known = ("model", "messages", *chat.PARAMETERS)
    if unknown := body.keys() - set(known):
        hint = ""
        if "input" in unknown:
            hint = 'For the Responses API: {"batch_request": {"responses": {...}}}.'
        raise _unknown("Chat completions have", unknown, known, hint, "parameter")
    messages = chat.check_messages(body.get("messages", ()))
    options = {k: v for k, v in body.items() if k in chat.PARAMETERS}
    options = checked("Chat completions", chat.PARAMETERS, options)
    return _model(body), {"messages": messages, **options}


def _response(body: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    known = ("model", "input", *responses.PARAMETERS)
    options = {k: v for k, v in body.items() if k not in ("model", "input")}
    responses.check_names(options)  # those of chat completions have their own hints
    if unknown := options.keys() - set(known):
        raise _unknown("Responses have", unknown, known, "", "parameter")
    found = responses.checked_options(options)
    return _model(body), {"input": responses.checked_input(body.get("input")), **found}


def _model(body: Mapping[str, Any]) -> str | None:
    model = body.get("model")
    if model is not None:
        chat.check_model(model)
    return model


def _unknown(
    start: str,
    unknown: Iterable[object],
    known: Sequence[str],
    hint: str = "",
    what: str = "field",
) -> BadRequest:
    name = min(map(str, unknown))
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        hint = f"Did you mean {close[0]!r}? {hint}".strip()
    elif not hint:
        hint = f"It can be: {', '.join(known)}."
    no = "no such" if what == "endpoint" else "no"
    return BadRequest(f"{start} {no} {what} {reprlib.repr(name)}.", hint=hint)


def item_of(draft: Draft, model: str, table: PriceTable) -> Item:
    """Return a request as it is sent.

    Raises
    ------
    BadRequest
        The model is known to refuse a parameter; or it is too large, or no JSON.
    """
    body = {"model": model, **draft.body}
    names = {name: name for name in draft.body}
    if "effort" in (draft.body.get("reasoning") or {}):
        names["reasoning_effort"] = "reasoning"
    path = PATHS[draft.kind]
    try:
        gate.check_parameters(table, model, names)
        head = bodies.encode({"batch_request_id": draft.request_id})[:-1]
        content = b'%b,"batch_request":{"%b":%b}}' % (
            head,
            draft.kind.encode(),
            encoded(body),
        )
        key = key_of(path, body)
    except BadRequest as error:
        wrong = BadRequest(f"{draft.where}: {error}", hint=error.hint)
    except UnicodeEncodeError:
        wrong = BadRequest(f"{draft.where}: its id has half of a surrogate pair.")
    else:
        if len(content) <= LARGEST:
            secrets = tuple(secrets_in(body))
            return Item(draft.request_id, model, key, content, secrets)
        size = f"{len(content) / 1e6:.1f} MB"
        wrong = BadRequest(f"{draft.where} has {size}; a request can have 25 MB.")
    raise wrong


def portions(
    items: Sequence[Item],
    most: int = MOST_AT_ONCE,
    most_bytes: int = MOST_BYTES_AT_ONCE,
) -> Iterator[list[Item]]:
    """Split requests into what is added by one POST each."""
    portion: list[Item] = []
    size = 0
    for item in items:
        is_full = len(portion) == most or size + len(item.content) > most_bytes
        if portion and is_full:
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += len(item.content)
    if portion:
        yield portion


def content_of(items: Sequence[Item]) -> bytes:
    """Return the body that adds requests."""
    return b'{"batch_requests":[' + b",".join(item.content for item in items) + b"]}"


def models_in(requests: object) -> list[str | None]:
    """Return the models that requests name, each once; whatever the requests are."""
    found: dict[str | None, None] = {}
    if isinstance(requests, Mapping):
        bodies_: list[object] = list(requests.values())
    else:
        entries = requests if isinstance(requests, (list, tuple)) else []
        given = [e.get("batch_request") for e in entries if isinstance(e, Mapping)]
        bodies_ = [b for g in given if isinstance(g, Mapping) for b in g.values()]
    for body in bodies_:
        model = body.get("model") if isinstance(body, Mapping) else None
        if model is None or isinstance(model, str):
            found[model or None] = None
    return list(found)
