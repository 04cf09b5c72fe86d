"""What a cell would send, what it sends, and what came of it, as small displays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from grok_nb import pricing
from grok_nb.config import scrub
from grok_nb.show.render import dollars, listing_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.reply import Ask, Reply

_DATA_URI = re.compile(r"data:([\w.+/-]*)[^,]{0,100},([A-Za-z0-9+/=_-]{100,})")
#: Characters of one message that a dry run shows.
_LONGEST = 20_000


def dry_run_bundle(ask: Ask, grok: Any, notes: list[str]) -> dict[str, str]:
    """Return what a front end shows of a question that is not sent.

    Parameters
    ----------
    ask
        The question.
    grok
        The session that would send it: its model and prices. Nothing is looked up.
    notes
        What was cut.
    """
    from grok_nb.budgets import estimate_of

    model = ask.model or grok.settings.model or pricing.snapshot_default()
    why = "" if ask.model or grok.settings.model else " (the default, if none is newer)"
    endpoint = f"{grok.settings.base_url.rstrip('/')}{ask.endpoint}"
    facts = [
        ("model", f"{model}{why}"),
        ("sent to", f"POST {endpoint}"),
        *estimate_of(ask, grok).facts(),
        ("stored", "no reply to this is in the store: it would be asked and paid for"),
    ]
    if ask.options:
        shown = json.dumps(dict(ask.options), ensure_ascii=False, default=str)
        facts.insert(2, ("options", readable(shown)))
    if ask.origin.thread:
        facts.insert(2, ("thread", ask.origin.thread))
    texts = [
        (str(m.get("role", "")), _beginning(scrub(_content(m)))) for m in ask.messages
    ]
    return listing_bundle("Dry run: nothing was sent.", facts, texts, notes)


def sent_bundle(request: Mapping[str, Any]) -> dict[str, str]:
    """Return what a front end shows of a request that is being sent."""
    body = json.dumps(request["body"], ensure_ascii=False, indent=2)
    head = f"{request['method']} {request['url']}"
    return listing_bundle(f"Sent: {head}", [], [("", readable(body))], [])


def details_bundle(reply: Reply | None) -> dict[str, str]:
    """Return what a front end shows of how a reply came about."""
    facts: list[tuple[str, str]] = []
    if reply is not None:
        usage = reply.usage
        facts = [
            ("request id", reply.request_id or ""),
            ("response id", reply.id or ""),
            ("fingerprint", reply.fingerprint or ""),
            ("finish reason", reply.finish_reason or ""),
            ("attempts", f"{reply.attempts}, {reply.attempts_in_doubt} in doubt"),
            ("cost", f"{reply.cost_usd} USD, {reply.cost_source}"),
        ]
        if usage is not None:
            facts.append(
                (
                    "tokens",
                    (
                        f"prompt {usage.prompt_tokens:,} "
                        f"(cached {usage.cached_prompt_tokens:,}, "
                        f"images {usage.image_tokens:,}), "
                        f"answer {usage.completion_tokens:,}, "
                        f"reasoning {usage.reasoning_tokens:,}"
                    ),
                )
            )
            uses = tuple((name, n) for name, n in usage.tool_uses if n)
            said = ", ".join(f"{count:,} {_use(name, count)}" for name, count in uses)
            if said:
                fee = pricing.tool_ticks(usage.tool_uses) / pricing.TICKS_PER_USD
                facts.append(("tools", f"{said}: {dollars(fee)} of the cost"))
    return listing_bundle("", [fact for fact in facts if fact[1]], [], [])


def _use(name: str, count: int) -> str:
    """Say what one of the server's own tools is billed by, in words."""
    words = name.removesuffix("_calls").removesuffix("_fetched").replace("_", " ")
    words = words.replace("x ", "X ")
    if words.endswith("search") and count > 1:
        return f"{words}es"
    return words if count == 1 or words.endswith("s") else f"{words}s"


def _content(message: Mapping[str, Any], picture: str | None = None) -> str:
    """Return the text of a message; pictures are told of, not shown."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    lines = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            lines.append(part["text"])
        elif picture is None:
            lines.append(readable(json.dumps(part, ensure_ascii=False, default=str)))
    return "\n\n".join(lines)


def _beginning(text: str) -> str:
    """Cut a text that is too long to look through, and say so."""
    rest = len(text) - _LONGEST
    return text if rest <= 0 else f"{text[:_LONGEST]}… and {rest:,} characters more"


def readable(text: str) -> str:
    """Shorten what nobody reads, and hide what nobody may."""
    text = _DATA_URI.sub(
        lambda found: f"data:{found[1]};base64,[{len(found[2]) * 3 // 4:,} bytes]", text
    )
    return scrub(text)
