"""Arguments -> the body of a chat completion, checked before anything is sent.

Source of names, types and ranges: xai-api.md sections 3.1 and 3.2.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from grok_nb import bodies
from grok_nb.errors import BadRequest
from grok_nb.reply import Ask, Origin

_NUMBER, _WHOLE, _FLAG = "a number", "a whole number", "True or False"
_WORD, _OBJECT, _LIST = "text", "a dict", "a list"
_WORDS = "text or a list of texts"
_CHOICE = "text or a dict"

#: name -> (what it must be, lowest, highest)
PARAMETERS: dict[str, tuple[str, float, float]] = {
    "max_completion_tokens": (_WHOLE, 1, math.inf),
    "max_tokens": (_WHOLE, 1, math.inf),
    "temperature": (_NUMBER, 0, 2),
    "top_p": (_NUMBER, 0, 1),
    "n": (_WHOLE, 1, 128),
    "seed": (_WHOLE, -math.inf, math.inf),
    "stop": (_WORDS, 0, 0),
    "frequency_penalty": (_NUMBER, -2, 2),
    "presence_penalty": (_NUMBER, -2, 2),
    "logit_bias": (_OBJECT, 0, 0),
    "logprobs": (_FLAG, 0, 0),
    "top_logprobs": (_WHOLE, 0, 8),
    "reasoning_effort": (_WORD, 0, 0),
    "response_format": (_OBJECT, 0, 0),
    "tools": (_LIST, 0, 0),
    "tool_choice": (_CHOICE, 0, 0),
    "parallel_tool_calls": (_FLAG, 0, 0),
    "search_parameters": (_OBJECT, 0, 0),
    "web_search_options": (_OBJECT, 0, 0),
    "service_tier": (_WORD, 0, 0),
    "prompt_cache_key": (_WORD, 0, 0),
    "user": (_WORD, 0, 0),
    "safety_identifier": (_WORD, 0, 0),
}


class ChatOptions(TypedDict, total=False):
    """Parameters of a chat completion, by the API's own names.

    Source: xai-api.md section 3.1.
    """

    max_completion_tokens: int | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    n: int | None
    seed: int | None
    stop: str | Sequence[str] | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    reasoning_effort: str | None
    response_format: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    search_parameters: Mapping[str, Any] | None
    web_search_options: Mapping[str, Any] | None
    service_tier: str | None
    prompt_cache_key: str | None
    user: str | None
    safety_identifier: str | None


def checked_ask(
    messages: Sequence[Mapping[str, Any]],
    model: str | None = None,
    options: Mapping[str, Any] | None = None,
    origin: Origin = Origin(),  # noqa: B008 - frozen
) -> Ask:
    """Return an `Ask` with just what was set.

    Raises
    ------
    BadRequest
        Something cannot be right; the message names it. Nothing was sent.
    """
    if model is not None:
        check_model(model)
    return Ask(
        messages=tuple(check_messages(messages)),
        model=model,
        options={
            name: _checked(name, value)
            for name, value in (options or {}).items()
            if value is not None
        },
        origin=origin,
    )


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return the body as JSON text; what is not JSON is a `BadRequest`."""
    try:
        return bodies.encode(body)
    except UnicodeEncodeError as error:
        reason = f"half of a surrogate pair at character {error.start}"
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise BadRequest(
        f"The request cannot be written as JSON: {reason}.",
        hint="Only text, numbers, booleans, None, lists and dicts can be sent.",
    )


def key_of(path: str, body: Mapping[str, Any]) -> str:
    """Return the key of a request; what cannot have one is a `BadRequest`."""
    try:
        return bodies.request_key(path, body)
    except RecursionError:
        raise BadRequest("The request is nested too deeply.") from None


def check_model(model: object) -> None:
    """Raise `BadRequest` where this cannot be a model's id."""
    if not isinstance(model, str) or not model.strip():
        raise BadRequest(f"model must be a model id, not {reprlib.repr(model)}.")


def check_messages(messages: object) -> list[dict[str, Any]]:
    """Return the messages as new dicts; any order of roles is fine."""
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(
        messages, Sequence
    ):
        raise BadRequest(
            f"messages must be a list of dicts, not {type(messages).__name__}.",
            hint='For example [{"role": "user", "content": "Hello"}].',
        )
    if not messages:
        raise BadRequest("messages is empty: there is nothing to ask.")
    return [_message(number, message) for number, message in enumerate(messages)]


def _message(number: int, message: object) -> dict[str, Any]:
    where = f"messages[{number}]"
    if not isinstance(message, Mapping):
        raise BadRequest(f"{where} must be a dict, not {type(message).__name__}.")
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not role:
        raise BadRequest(
            f"{where} has no role.", hint="system, user, assistant or tool."
        )
    if content is not None and not isinstance(content, (str, list, tuple)):
        raise BadRequest(
            f"content of {where} must be text or a list of parts, "
            f"not {type(content).__name__}.",
            hint="str(...) makes text of it.",
        )
    if (
        not content
        and not message.get("tool_calls")
        and role not in ("tool", "function")
    ):
        raise BadRequest(f"{where} ({role}) is empty.")
    return dict(message)


def _checked(name: str, value: Any) -> Any:
    if name not in PARAMETERS:
        raise BadRequest(f"Chat completions have no parameter {name!r}.")
    kind, low, high = PARAMETERS[name]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # a numpy scalar
    if not _fits(kind, value):
        raise BadRequest(f"{name} must be {kind}, not {reprlib.repr(value)}.")
    if kind in (_NUMBER, _WHOLE) and not low <= value <= high:
        span = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise BadRequest(f"{name} must be {span}, not {value!r}.")
    return list(value) if isinstance(value, tuple) else value


def _fits(kind: str, value: object) -> bool:
    if kind == _NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == _FLAG:
        return isinstance(value, bool)
    if kind == _WORD:
        return isinstance(value, str)
    if kind == _OBJECT:
        return isinstance(value, Mapping)
    if kind == _CHOICE:
        return isinstance(value, (str, Mapping))
    if kind == _WORDS and isinstance(value, str):
        return True
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if kind == _WORDS:
        return is_list and all(isinstance(v, str) for v in value)  # type: ignore[attr-defined]  # is_list narrows
    return is_list
