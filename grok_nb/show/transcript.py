"""A thread -> a mimebundle: its turns as the cells have shown them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grok_nb.turns import system_of

from .render import note_html, reply_bundle
from .safe_html import safe_html, safe_link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grok_nb.turns import Turn

_STALE = "stale: a turn before it was asked again since"
_ASKED = (
    "margin:0.8em 0 0.3em 0;padding:0.1em 0.8em;"
    "border-left:3px solid var(--jp-brand-color2,#90a4ae)"
)


def transcript_bundle(title: str, turns: Sequence[Turn]) -> dict[str, str]:
    """Return what a front end shows of a thread.

    Parameters
    ----------
    title
        The line above.
    turns
        In their order.

    Returns
    -------
    dict of str to str
        ``text/html`` (safe: runs and loads nothing) and ``text/plain``.
    """
    html = [f'<div class="grok-nb-transcript">{note_html(title)}']
    plain, before = [title], ""
    for number, turn in enumerate(turns):
        system = system_of(turns[: number + 1]) or ""
        if system != before:
            before = system
            said = f"System: {system}" if system else "No system prompt from here on."
            html.append(note_html(said))
            plain.append(said)
        html.append(f'<div class="grok-nb-asked" style="{_ASKED}">')
        html.append(safe_html(turn.prompt) if turn.prompt else "")
        attached = [_attached(part) for part in turn.attached]
        html += [f"<p>{safe_link(url, label)}</p>" for label, url in attached]
        html.append(note_html(_STALE) if turn.stale else "")
        shown = reply_bundle(turn.reply)
        html += ["</div>", shown["text/html"]]
        asked = [turn.prompt, *(f"[{label}]" for label, _ in attached)]
        mark = f" ({_STALE})" if turn.stale else ""
        plain.append(f"You{mark}: " + "\n".join(text for text in asked if text))
        plain.append(f"Grok: {shown['text/plain']}")
    html.append("</div>")
    return {"text/html": "".join(html), "text/plain": "\n\n".join(plain)}


def title_of(name: str, turns: Sequence[Turn], fleeting: str = "") -> str:
    """Return the line above a transcript, which changes only when the turns do."""
    count = (
        f"{len(turns)} turn{'' if len(turns) == 1 else 's'}" if turns else "no turns"
    )
    stale = sum(turn.stale for turn in turns)
    facts = [f"Thread {name}: {count}", *([f"{stale} stale"] if stale else [])]
    return ", ".join(facts) + (f" (in memory only: {fleeting})" if fleeting else "")


def _attached(part: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is said of an attachment, and its address where it has one."""
    kind = part.get("type")
    if kind == "text":
        return f"text, {len(str(part.get('text'))):,} characters", ""
    found = part.get("image_url" if kind == "image_url" else "file")
    if isinstance(found, dict):
        found = found.get("url") or found.get("filename") or found.get("file_id")
    if not isinstance(found, str):
        return f"{kind}", ""
    if found.startswith("data:"):
        head, _, data = found.partition(",")
        return f"{head[5:].partition(';')[0]}, {len(data) * 3 // 4:,} bytes", ""
    return found, found
