"""Arguments -> the body of a chat completion, checked before anything is sent.

Source of names, types and ranges: xai-api.md sections 3.1 and 3.2.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from grok_nb.errors import BadRequest
from grok_nb.reply import Ask, Origin

from .parameters import (
    CHOICE,
    FLAG,
    LIST,
    NUMBER,
    OBJECT,
    WHOLE,
    WORD,
    WORDS,
    Rules,
    checked,
)

#: name -> (what it must be, lowest, highest)
PARAMETERS: Rules = {
    "max_completion_tokens": (WHOLE, 1, math.inf),
    "max_tokens": (WHOLE, 1, math.inf),
    "temperature": (NUMBER, 0, 2),
    "top_p": (NUMBER, 0, 1),
    "n": (WHOLE, 1, 128),
    "seed": (WHOLE, -math.inf, math.inf),
    "stop": (WORDS, 0, 0),
    "frequency_penalty": (NUMBER, -2, 2),
    "presence_penalty": (NUMBER, -2, 2),
    "logit_bias": (OBJECT, 0, 0),
    "logprobs": (FLAG, 0, 0),
    "top_logprobs": (WHOLE, 0, 8),
    "reasoning_effort": (WORD, 0, 0),
    "response_format": (OBJECT, 0, 0),
    "tools": (LIST, 0, 0),
    "tool_choice": (CHOICE, 0, 0),
    "parallel_tool_calls": (FLAG, 0, 0),
    "search_parameters": (OBJECT, 0, 0),
    "web_search_options": (OBJECT, 0, 0),
    "service_tier": (WORD, 0, 0),
    "prompt_cache_key": (WORD, 0, 0),
    "user": (WORD, 0, 0),
    "safety_identifier": (WORD, 0, 0),
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
    found = checked("Chat completions", PARAMETERS, options)
    if "search_parameters" in found:
        from .search_parameters import checked_search  # seldom needed

        found["search_parameters"] = checked_search(found["search_parameters"])
    return Ask(
        messages=tuple(check_messages(messages)),
        model=model,
        options=found,
        origin=origin,
    )


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
