"""A reply -> a mimebundle: safe HTML, and its Markdown source as plain text.

The same code serves cells, transcripts and the end of streams. Colours come from the
front end's theme; nothing here changes from run to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .safe_html import escape_text, safe_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.reply import Choice, Reply

_DIM = "color:var(--jp-ui-font-color2,#616161);font-size:0.85em;margin-top:0.4em"
_BAD = "color:var(--jp-error-color1,#d32f2f)"
_FOLD = f"margin:0 0 0.6em 0;{_DIM}"

#: What the finish reason means to a reader, where it means something.
_ENDINGS = {
    "length": "cut at the token limit",
    "content_filter": "withheld by moderation",
}


def reply_bundle(
    reply: Reply,
    *,
    body: Callable[[str], str] = safe_html,
    note: str = "",
) -> dict[str, str]:
    """Return what a front end shows of a reply.

    Parameters
    ----------
    reply
        Also a running, stopped or failed one.
    body
        How its Markdown becomes safe HTML; a stream passes its own, which renders
        finished blocks once.
    note
        A line on what is going on, while the reply is running.

    Returns
    -------
    dict of str to str
        ``text/html`` and ``text/plain`` (the Markdown source).
    """
    many = len(reply.choices) > 1
    parts = ['<div class="grok-nb-reply">']
    for choice in reply.choices:
        if many:
            parts.append(_line(f"{choice.index + 1} of {len(reply.choices)}"))
        parts.append(_choice_html(choice, body))
    parts += [_line(footer(reply, note), bad=reply.state == "failed"), "</div>"]
    return {"text/html": "".join(parts), "text/plain": _plain(reply)}


def footer(reply: Reply, note: str = "") -> str:
    """Return the line below a reply: model, tokens, cost, and how it ended."""
    facts = []
    if reply.model:
        facts.append(reply.model)
    if reply.state != "running" and reply.usage is not None:
        about = "about " if reply.cost_source == "estimated" else ""
        tokens = f"{reply.usage.prompt_tokens:,} + "
        tokens += f"{reply.usage.billed_output_tokens:,} tokens"
        facts.append(about + tokens)
        if reply.cost_usd is not None:
            facts.append(f"{about}{dollars(reply.cost_usd)}")
    if reply.sandbox:
        facts.append("sandbox, not Grok")
    if reply.state in ("stopped", "failed"):
        facts.append(_end(reply))
    elif reply.finish_reason in _ENDINGS:
        facts.append(_ENDINGS[reply.finish_reason or ""])
    if reply.attempts_in_doubt:
        plural = "s" if reply.attempts_in_doubt > 1 else ""
        facts.append(
            f"{reply.attempts_in_doubt} earlier attempt{plural} may have cost, too"
        )
    if note:
        facts.append(note)
    return " · ".join(facts)


def dollars(usd: float) -> str:
    """Return an amount with as many digits as it takes to see it."""
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:.4f}"
    return f"${usd:.6f}".rstrip("0")


def _choice_html(choice: Choice, body: Callable[[str], str]) -> str:
    parts = []
    if choice.reasoning:
        parts.append(
            f'<details class="grok-nb-reasoning" style="{_FOLD}">'
            f"<summary>Reasoning</summary>{safe_html(choice.reasoning)}</details>"
        )
    if choice.text:
        parts.append(f'<div class="grok-nb-text">{body(choice.text)}</div>')
    if choice.refusal:
        parts.append(f"<p><em>{escape_text(choice.refusal)}</em></p>")
    parts += [
        f"<p><code>{escape_text(f'{call.name}({call.arguments})')}</code></p>"
        for call in choice.tool_calls
    ]
    return "".join(parts)


def _line(text: str, *, bad: bool = False) -> str:
    style = f"{_DIM};{_BAD}" if bad else _DIM
    return f'<div class="grok-nb-note" style="{style}">{escape_text(text)}</div>'


def _plain(reply: Reply) -> str:
    texts = [c.text or c.refusal or "" for c in reply.choices]
    text = "\n\n".join(texts)
    if reply.state in ("stopped", "failed"):
        text += f"\n\n[{_end(reply)}]"
    return text.lstrip("\n")


def _end(reply: Reply) -> str:
    """Say how a reply ended that is not whole."""
    if reply.state == "stopped":
        return "stopped"
    return "broken off" if any(c.text for c in reply.choices) else "no answer"


def notice_bundle(title: str, lines: list[tuple[str, str]]) -> dict[str, str]:
    """Return a small card: a title, and lines of what to do with their code."""
    rows = "".join(
        f"<li>{escape_text(text)}"
        + (f" <code>{escape_text(code)}</code>" if code else "")
        + "</li>"
        for text, code in lines
    )
    html = (
        '<div class="grok-nb-card" style="border:1px solid var(--jp-border-color1,#bbb);'
        'border-radius:4px;padding:0.4em 1em;max-width:46em">'
        f"<p><strong>{escape_text(title)}</strong></p><ul>{rows}</ul></div>"
    )
    plain = "\n".join([title, *(f"- {text} {code}".rstrip() for text, code in lines)])
    return {"text/html": html, "text/plain": plain}


def checks_text(title: str, rows: list[tuple[str, str, str, str]]) -> str:
    """Return findings (name, state, what, hint) as lines of text."""
    width = max((len(name) for name, *_ in rows), default=0)
    lines = [f"grok_nb: {title}"]
    for name, state, what, hint in rows:
        lines.append(f"{state:<8} {name:<{width}}  {what}")
        lines += [f"{'':<8} {'':<{width}}  -> {hint}"] if hint else []
    return "\n".join(lines)


def checks_bundle(title: str, rows: list[tuple[str, str, str, str]]) -> dict[str, str]:
    """Return findings (name, state, what, hint) as a small table."""
    cell = "text-align:left;vertical-align:top;white-space:normal"
    head = escape_text(f"grok_nb: {title}")
    html = [f'<div class="grok-nb-card"><p><strong>{head}</strong></p><table>']
    for name, state, what, hint in rows:
        style = f"{cell};{_BAD};font-weight:bold" if state == "problem" else cell
        more = f"<br><em>{escape_text(hint)}</em>" if hint else ""
        html.append(
            f'<tr><td style="{style}">{escape_text(state)}</td>'
            f'<td style="{cell}">{escape_text(name)}</td>'
            f'<td style="{cell}">{escape_text(what)}{more}</td></tr>'
        )
    html.append("</table></div>")
    return {"text/html": "".join(html), "text/plain": checks_text(title, rows)}
