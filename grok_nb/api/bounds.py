"""What a call could cost: an upper bound where there is one, else what is likely.

A token has at least one byte, so that the bytes of a prompt bound its tokens. What the
server adds to a prompt is in a margin. A round of the server's searches and of its code
brings so many tokens and fees at most, by all that was seen; what an MCP server or a
file brings, nothing bounds. Source of what bounds what: xai-api.md sections 3.1
(``max_completion_tokens`` leaves out reasoning and calls of functions), 6.1
(``max_output_tokens`` has both).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb import pictures, pricing
from grok_nb.reply import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.pricing import Model, PriceTable

    from .exchange import Call

#: Tokens of an answer of a model of which nothing is known yet.
LIKELY_TOKENS = 1_000
#: Tokens that the server may add to a prompt, and to each message and tool of it.
_MARGIN, _MARGIN_EACH = 256, 24
#: Where the price list tells no context window.
_WIDEST = 2_000_000
#: Of one round of the server's own tools: calls, posts or profiles, tokens that they
#: bring into the prompt. More than the sandbox and the captures show.
_CALLS_A_TURN, _ITEMS_A_TURN, _FOUND_TOKENS = 4, 40, 8_000
#: More of them, where it looks at pictures or videos that it finds.
_SEEN_TOKENS = 8_000
_TOOL_CALLS = {
    "web_search": "web_search_calls",
    "x_search": "x_posts_fetched",
    "code_interpreter": "code_interpreter_calls",
    "code_execution": "code_interpreter_calls",
    "file_search": "file_search_calls",
    "collections_search": "file_search_calls",
}
#: What these bring is bounded by ``max_turns``.
_KNOWN_TOOLS = ("web_search", "x_search", "code_interpreter", "code_execution")
#: Requests whose whole prompt has to fit into the context window.
_WHOLE = ("/chat/completions", "/responses", "/messages")
#: Rounds that are likely where nothing bounds them.
_LIKELY_TURNS = 3
#: Sources of the live search of 2025, where nothing bounds them.
_SOURCES = 30
_ASKED_IN = ("messages", "input", "instructions", "prompt", "system", "suffix")
_DECLARED_IN = ("tools", "response_format", "text", "functions")
LIMITS = (
    *("max_output_tokens", "max_completion_tokens", "max_tokens"),
    "max_tokens_to_sample",
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a call could cost.

    Attributes
    ----------
    ticks
        To be reserved; ``None`` where no list has the model's price.
    is_bounded
        Whether it cannot cost more.
    is_limited
        Whether a bound on its output was given, or it has none.
    prompt_tokens
        At most.
    output_tokens
        What is reserved for output, reasoning included.
    token_ticks
        What a token of output costs, at most.
    calls, call_ticks
        Of the server's tools: what is reserved for, and what one more costs.
    """

    ticks: int | None
    is_bounded: bool
    is_limited: bool = True
    prompt_tokens: int = 0
    output_tokens: int = 0
    token_ticks: int = 0
    calls: int = 0
    call_ticks: int = 0


def needs_history(call: Call, table: PriceTable) -> bool:
    """Whether what the model was seen to need matters: nothing bounds the call."""
    return not _is_bounded(call, table.find(call.body.get("model")))


def bound(
    call: Call,
    table: PriceTable,
    base_url: str,
    seen: tuple[int, int] | None = None,
) -> Bound:
    """Return what a call could cost.

    Parameters
    ----------
    call
        Ready to be sent.
    table
        Prices.
    base_url
        Where it is sent.
    seen
        The largest output (with reasoning), and the largest reasoning, of the model's
        latest answers; ``None`` where there is none.
    """
    body = call.body
    name = body.get("model")
    if call.path.startswith("/images/"):
        ticks = call.fresh_fold().price(table, name, Usage(), base_url)
        return Bound(ticks, is_bounded=True)
    model = table.find(name)
    if model is None:
        return Bound(None, is_bounded=False)
    is_bounded = _is_bounded(call, model)
    output, reasoning = seen or (LIKELY_TOKENS, LIKELY_TOKENS)
    choices = max(
        [1, *(v for n in ("n", "best_of") if isinstance(v := body.get(n), int))]
    )
    given = [body[name] for name in LIMITS if isinstance(body.get(name), int)]
    if call.path == "/embeddings":
        tokens = 0
    elif given:
        tokens = max(given) * choices
        if not _bounds_all(call, model):
            tokens += reasoning * choices
    else:
        tokens = output * choices
    prompt, of_pictures = _prompt(call, model)
    kinds = _server_tools(body)
    turns = (body.get("max_turns") or _LIKELY_TURNS) if kinds else 0
    found_tokens = _FOUND_TOKENS + (_SEEN_TOKENS if _looks(body) else 0)
    searched = body.get("search_parameters")
    sources = 0
    if isinstance(searched, dict) and searched.get("mode") != "off":
        most = searched.get("max_search_results")
        sources = most if isinstance(most, int) else _SOURCES

    def read_in(turns: int) -> int:
        # each round reads the prompt again, with what was found before
        return (turns + 1) * prompt + found_tokens * turns * (turns + 1) // 2

    def cost(output_tokens: int, turns: int) -> int | None:
        ticks = pricing.cost_ticks(
            table,
            name,
            Usage(
                prompt_tokens=read_in(turns),
                image_tokens=(turns + 1) * of_pictures,
                completion_tokens=output_tokens,
                sources_used=sources,
                tool_uses=_uses(kinds, turns),
            ),
            service_tier=body.get("service_tier"),
            base_url=base_url,
        )
        if ticks is not None and "image_generation" in kinds:
            ticks += turns * max((m.image_ticks or 0 for m in table.models), default=0)
        return ticks

    ticks, without, a_thousand = cost(tokens, turns), cost(0, turns), cost(1_000, turns)
    if ticks is None or without is None or a_thousand is None:
        return Bound(None, is_bounded=False)
    one_more = cost(tokens, turns + 1) if kinds else None
    return Bound(
        ticks,
        is_bounded=is_bounded,
        is_limited=bool(given) or call.path == "/embeddings",
        prompt_tokens=read_in(turns),
        output_tokens=tokens,
        token_ticks=-((without - a_thousand) // 1_000),
        calls=turns * _CALLS_A_TURN,
        call_ticks=0 if one_more is None else -((ticks - one_more) // _CALLS_A_TURN),
    )


def _is_bounded(call: Call, model: Model | None) -> bool:
    body = call.body
    if call.path.startswith("/images/") or call.path == "/embeddings":
        return True
    if model is None or not any(isinstance(body.get(n), int) for n in LIMITS):
        return False
    if not _bounds_all(call, model):
        return False
    kinds = _server_tools(body) if call.path == "/responses" else []
    is_known = all(kind in _KNOWN_TOOLS for kind in kinds)
    return not kinds or (is_known and isinstance(body.get("max_turns"), int))


def _bounds_all(call: Call, model: Model) -> bool:
    """Whether a bound on output counts all of it, if one is given."""
    if call.path == "/responses":
        return True
    body = call.body
    may_call = any(body.get(name) for name in ("tools", "functions"))
    return not _reasons(call, model) and (
        not may_call or body.get("tool_choice") == "none"
    )


def _reasons(call: Call, model: Model) -> bool:
    """Whether a model may think, which nothing but the Responses API bounds."""
    effort = call.body.get("reasoning_effort")
    return model.reasoning is not False and effort != "none"


def _server_tools(body: Mapping[str, Any]) -> list[str]:
    tools = body.get("tools")
    found = [t.get("type") for t in tools or () if isinstance(t, dict)]
    return [kind for kind in found if isinstance(kind, str) and kind != "function"]


def _uses(kinds: list[str], turns: int) -> tuple[tuple[str, int], ...]:
    """Return what the server's tools do at most; see `Usage`."""
    return tuple(
        (n, turns * (_ITEMS_A_TURN if n.endswith("_fetched") else _CALLS_A_TURN))
        for n in {_TOOL_CALLS[kind] for kind in kinds if kind in _TOOL_CALLS}
    )


def _looks(body: Mapping[str, Any]) -> bool:
    """Whether a search looks at pictures or videos, too."""
    names = ("enable_image_understanding", "enable_video_understanding")
    tools = body.get("tools") or ()
    return any(t.get(name) for t in tools if isinstance(t, dict) for name in names)


def _prompt(call: Call, model: Model) -> tuple[int, int]:
    """Return the tokens that a prompt has at most, and how many are of pictures."""
    body = call.body
    window = model.context_window or _WIDEST
    asked = [body[name] for name in _ASKED_IN if name in body]
    if body.get("previous_response_id") or _is_unknown(asked):
        return window, 0
    size, of_pictures = pictures.measure(asked)
    parts = sum(len(part) if isinstance(part, list) else 1 for part in asked)
    for name in _DECLARED_IN:
        if body.get(name):
            # a server may read what is declared as JSON, with its escapes
            size += len(json.dumps(body[name], default=str))
            parts += len(body[name]) if isinstance(body[name], list) else 1
    most = size + of_pictures + _MARGIN + _MARGIN_EACH * parts
    if call.path in _WHOLE:
        most = min(most, window + of_pictures)
    return most, of_pictures


def _is_unknown(part: Any) -> bool:
    """Whether it names something that only the server can read: a file."""
    if isinstance(part, dict):
        if part.get("type") in ("file", "input_file", "text_file", "document"):
            return True
        return any(map(_is_unknown, part.values()))
    return isinstance(part, (list, tuple)) and any(map(_is_unknown, part))
