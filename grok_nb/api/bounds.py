"""What a call could cost: an upper bound where there is one, else what is likely.

A token has at least one byte, so that the bytes of a prompt bound its tokens. What the
server adds to a prompt is in a margin. Source of what bounds what: xai-api.md sections
3.1 (``max_completion_tokens`` leaves reasoning out), 6.1 (``max_output_tokens`` has it).
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
_TOOL_CALLS = {
    "web_search": "web_search_calls",
    "x_search": "x_posts_fetched",
    "code_interpreter": "code_interpreter_calls",
    "code_execution": "code_interpreter_calls",
    "file_search": "file_search_calls",
    "collections_search": "file_search_calls",
    "mcp": "mcp_calls",
    "image_generation": "image_generation_calls",
}
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
    prompt_tokens
        At most.
    output_tokens
        What is reserved for output, reasoning included.
    token_ticks
        What a token of output costs, at most.
    """

    ticks: int | None
    is_bounded: bool
    prompt_tokens: int = 0
    output_tokens: int = 0
    token_ticks: int = 0


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
        if call.path != "/responses" and _reasons(call, model):
            tokens += reasoning * choices
    else:
        tokens = output * choices
    prompt, of_pictures = _prompt(body, model)
    uses: tuple[tuple[str, int], ...] = ()
    if kinds := _server_tools(body):
        turns = body.get("max_turns") or _LIKELY_TURNS
        # each round reads the prompt again, with what was found before
        prompt = (turns + 1) * prompt + _FOUND_TOKENS * turns * (turns + 1) // 2
        uses = tuple(
            (n, turns * (_ITEMS_A_TURN if n.endswith("_fetched") else _CALLS_A_TURN))
            for n in {_TOOL_CALLS[kind] for kind in kinds if kind in _TOOL_CALLS}
        )
    searched = body.get("search_parameters")
    sources = 0
    if isinstance(searched, dict) and searched.get("mode") != "off":
        most = searched.get("max_search_results")
        sources = most if isinstance(most, int) else _SOURCES

    def cost(output_tokens: int) -> int | None:
        return pricing.cost_ticks(
            table,
            name,
            Usage(
                prompt_tokens=prompt,
                image_tokens=of_pictures,
                completion_tokens=output_tokens,
                sources_used=sources,
                tool_uses=uses,
            ),
            service_tier=body.get("service_tier"),
            base_url=base_url,
        )

    ticks, without = cost(tokens), cost(0)
    a_thousand = cost(1_000)
    return Bound(
        ticks,
        is_bounded=is_bounded,
        prompt_tokens=prompt,
        output_tokens=tokens,
        token_ticks=0
        if a_thousand is None or without is None
        else -((without - a_thousand) // 1_000),
    )


def _is_bounded(call: Call, model: Model | None) -> bool:
    body = call.body
    if call.path.startswith("/images/") or call.path == "/embeddings":
        return True
    if model is None or not any(isinstance(body.get(n), int) for n in LIMITS):
        return False
    if call.path == "/responses":
        return not _server_tools(body) or isinstance(body.get("max_turns"), int)
    return not _reasons(call, model)


def _reasons(call: Call, model: Model) -> bool:
    """Whether a model may think, which nothing but the Responses API bounds."""
    effort = call.body.get("reasoning_effort")
    return model.reasoning is not False and effort != "none"


def _server_tools(body: Mapping[str, Any]) -> list[str]:
    tools = body.get("tools")
    found = [t.get("type") for t in tools or () if isinstance(t, dict)]
    return [kind for kind in found if isinstance(kind, str) and kind != "function"]


def _prompt(body: Mapping[str, Any], model: Model) -> tuple[int, int]:
    """Return the tokens that a prompt has at most, and how many are of pictures."""
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
    return min(most, window + of_pictures), of_pictures


def _is_unknown(part: Any) -> bool:
    """Whether it names something that only the server can read: a file."""
    if isinstance(part, dict):
        if part.get("type") in ("file", "input_file", "text_file", "document"):
            return True
        return any(map(_is_unknown, part.values()))
    return isinstance(part, (list, tuple)) and any(map(_is_unknown, part))
