"""Live search of 2025 where a server has it no more: asked of its tools instead.

A chat completion with ``search_parameters`` is sent as it is. The server that answers
410 to it gets the same question as a Responses request, and is not asked the old way
again. Source: xai-api.md sections 6 and 11.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

from grok_nb.errors import BadRequest, Gone
from grok_nb.portal import is_inside

from .gate import _level_of_user
from .response_fold import ResponseFold
from .responses import RESPONSES, checked_options, items_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .exchange import Call
    from .search_parameters import Searching
    from .stream import Fold

#: What this process was told already.
_told: set[str] = set()
_FIELD = "search_parameters"
#: parameters that have the same name and meaning in both
_SAME = (
    *("temperature", "top_p", "logprobs", "top_logprobs", "parallel_tool_calls"),
    *("service_tier", "prompt_cache_key", "user", "safety_identifier"),
)
_BESIDE = ("model", "messages", "stream", "stream_options", _FIELD)
_OPTION = {"web_search": "web", "x_search": "x"}


class Untold(Gone):
    """Something must be said on the thread that waits before the question goes on.

    Whoever waits calls `tell`, and asks again. Leaves the package only as what it is:
    a 410.
    """

    def tell(self) -> None:
        """Warn, here and now."""
        _tell(f"{self}")


class LiveSearch:
    """What one session knows of its server's live search.

    Attributes
    ----------
    is_gone : bool
        Whether the server has answered 410.
    """

    def __init__(self) -> None:
        self.is_gone = False

    def prepare(self, call: Call) -> None:
        """See that a call is sent on where its search parameters are not taken."""
        if _FIELD not in call.body:
            return
        if self.is_gone:
            _send_on(call)
        else:
            call.otherwise = functools.partial(self._refused, call)

    def _refused(self, call: Call) -> None:
        self.is_gone = True
        call.otherwise = None
        _send_on(call)


def _send_on(call: Call) -> None:
    """Make of a call what the server still takes, and say so once."""
    from .search_parameters import as_tools  # seldom needed

    body = call.body
    searching = as_tools(body[_FIELD])
    if not searching.tools:
        _tell_or_raise(
            "The server takes no search_parameters any more (410): the question was "
            'asked without them, which means the same as mode="off". Leave them out.'
        )
        call.turn_to(
            call.path, {k: v for k, v in body.items() if k != _FIELD}, names=call.names
        )
        return
    options, names = _options_of_response(body, call.names, searching)
    sent = {"model": body["model"], "input": items_of(body["messages"]), **options}
    if body.get("stream"):
        sent["stream"] = True
    _tell_or_raise(_notice(searching))
    call.turn_to(RESPONSES, sent, fold=ResponseFold, names=names)


def _options_of_response(
    body: Mapping[str, Any], own: Mapping[str, str], searching: Searching
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return parameters for `/responses`, and what the user calls them."""
    found: dict[str, Any] = {"tools": list(searching.tools), "store": False}
    names: dict[str, str] = {}
    for name, value in body.items():
        if name in _BESIDE or (name == "n" and value == 1):
            continue
        if name in _SAME:
            found[name] = value
        elif name in ("max_completion_tokens", "max_tokens"):
            found["max_output_tokens"] = value
            names["max_output_tokens"] = own.get(name, name)
            searching.remarks.append(f"{own.get(name, name)} bounds reasoning, too")
        elif name == "reasoning_effort":
            found["reasoning"] = {"effort": value}
        elif name == "response_format":
            found["text"] = {"format": _flat(value, "json_schema")}
        elif name == "tools":
            found["tools"] += [_flat(tool, "function") for tool in value]
        elif name == "tool_choice":
            found[name] = _flat(value, "function")
        else:
            raise BadRequest(
                f"{own.get(name, name)} does not go with search_parameters here: this "
                "server searches with tools only, and the endpoint that has them does "
                "not know it.",
                hint=f"Leave out {own.get(name, name)}, or ask without a search.",
            )
    return checked_options(found), names


def _flat(value: Any, inner: str) -> Any:
    """Write what chat completions have nested as responses have it."""
    nested = value.get(inner) if isinstance(value, dict) else None
    if not isinstance(nested, dict):
        return value
    return {**{k: v for k, v in value.items() if k != inner}, **nested}


# -- saying so -------------------------------------------------------------------------


def _notice(searching: Searching) -> str:
    tools = []
    for tool in searching.tools:
        inner = {**tool, **tool.get("filters", {})}
        fields = [name for name in inner if name not in ("type", "filters")]
        tools.append(tool["type"] + (f" ({', '.join(fields)})" if fields else ""))
    words = ",".join(_OPTION[tool["type"]] for tool in searching.tools)
    sent_on = (
        "The server takes no search_parameters any more (410): the question was sent "
        f"on as a Responses request with {' and '.join(tools)}, stored nowhere."
    )
    parts = [
        sent_on,
        f"Left out, without a counterpart: {', '.join(searching.left_out)}."
        if searching.left_out
        else "",
        f"Note: {'; '.join(dict.fromkeys(searching.remarks))}."
        if searching.remarks
        else "",
        f'Write ask(..., search="{words}"), or respond(..., tools=[...]), instead.',
    ]
    return " ".join(part for part in parts if part)


def _tell_or_raise(notice: str) -> None:
    """Warn before anything is paid; where nobody would see it, have somebody do it."""
    if notice not in _told and is_inside():
        raise Untold(notice, status=410)
    _tell(notice)


def _tell(notice: str) -> None:
    if notice not in _told:
        _told.add(notice)
        warnings.warn(notice, RuntimeWarning, stacklevel=_level_of_user())


# -- a response as a chat completion ---------------------------------------------------


def completion_of(fold: Fold) -> dict[str, Any]:
    """Write a response as a chat completion. Source: xai-api.md sections 3.6, 6.5."""
    reply, response = fold.reply(), fold.data or {}
    (choice,) = reply.choices
    message = {
        "role": "assistant",
        "content": choice.text,
        "reasoning_content": choice.reasoning or None,
        "refusal": choice.refusal,
        "tool_calls": _tool_calls(fold) or None,
    }
    return {
        **_head(fold, response),
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": message, "finish_reason": choice.finish_reason}
        ],
        "usage": _usage(fold),
        "citations": _citations(fold) or None,
    }


class ChunkWriter:
    """Writes the events of a response as chunks of a chat completion.

    Source: xai-api.md sections 4 and 6.7.
    """

    def __init__(self) -> None:
        self._fold: Fold | None = None
        self._mark = 0
        self._created: Any = None
        self._has_role = self._has_ended = False

    def write(self, fold: Fold, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what an event, which the fold has taken, comes to."""
        if fold is not self._fold:  # another attempt
            self._fold, self._mark = fold, 0
        response = event.get("response")
        if isinstance(response, dict):
            self._created = response.get("created_at") or self._created
        new, self._mark = fold.log[self._mark :], len(fold.log)
        delta: dict[str, Any] = {}
        for kind, _, text in new:
            name = {"text": "content", "reasoning": "reasoning_content"}.get(kind)
            if name:
                delta[name] = delta.get(name, "") + text
        chunks = [self._chunk(delta)] if delta else []
        if fold.marked_done and fold.failure is None and not self._has_ended:
            self._has_ended = True
            if calls := _tool_calls(fold):
                chunks.append(self._chunk({"tool_calls": calls}))
            last = self._chunk({}, fold.finish_reason)
            if citations := _citations(fold):
                last["citations"] = citations
            chunks.append(last)
            if fold.usage is not None:
                chunks.append({**last, "choices": [], "usage": _usage(fold)})
        return chunks

    def _chunk(
        self, delta: dict[str, Any], finish_reason: str | None = None
    ) -> dict[str, Any]:
        if delta and not self._has_role:
            self._has_role, delta = True, {"role": "assistant", **delta}
        choice: dict[str, Any] = {"index": 0, "delta": delta}
        if finish_reason is not None:
            choice["finish_reason"] = finish_reason
        head = _head(self._fold, {"created_at": self._created}) if self._fold else {}
        return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def _head(fold: Fold, response: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": fold.head.get("id"),
        "created": response.get("created_at"),
        "model": fold.head.get("model"),
        "system_fingerprint": fold.head.get("system_fingerprint"),
        "service_tier": fold.head.get("service_tier"),
    }


def _tool_calls(fold: Fold) -> list[dict[str, Any]]:
    return [
        {
            "index": number,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for number, call in enumerate(fold.reply().tool_calls)
    ]


def _citations(fold: Fold) -> list[str]:
    return list(dict.fromkeys(citation.url for citation in fold.reply().cited))


def _usage(fold: Fold) -> dict[str, Any] | None:
    usage = fold.usage
    if usage is None:
        return None
    told: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_prompt_tokens,
            "image_tokens": usage.image_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "num_sources_used": usage.sources_used,
    }
    if usage.cost_ticks is not None:
        told["cost_in_usd_ticks"] = usage.cost_ticks
    return told
