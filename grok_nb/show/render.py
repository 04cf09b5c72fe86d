"""A reply -> a mimebundle: safe HTML, and its Markdown source as plain text.

The same code serves cells, transcripts and the end of streams. Colours come from the
front end's theme; nothing here changes from run to run.
"""

from __future__ import annotations

import base64
import json
import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from .data import data_html, data_plain
from .formats import as_html, as_text, without_controls
from .safe_html import escape_text, safe_html, safe_link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grok_nb.reply import Choice, Reply, Step

_DIM = "color:var(--jp-ui-font-color2,#616161);font-size:0.85em;margin-top:0.4em"
_BAD = "color:var(--jp-error-color1,#d32f2f)"
_FOLD = f"margin:0 0 0.6em 0;{_DIM}"
#: Words that are longer than the cell is wide: `anywhere` would squeeze tables.
_WRAP = "overflow-wrap:break-word"
#: Text as it was sent; what is long gets a box to scroll in.
_VERBATIM = (
    "white-space:pre-wrap;overflow-wrap:anywhere;"
    "max-height:30em;overflow-y:auto;margin-bottom:0.8em"
)

#: What the server's own tools are called to a reader.
_TOOLS = {
    "web_search": "web search",
    "x_search": "X search",
    "code_interpreter": "code",
    "file_search": "file search",
    "mcp": "MCP",
}
_LONGEST_STEP = 2_000
_LONGEST_LABEL = 200
_MOST_FOOTNOTES = 50

#: What the finish reason means to a reader, where it means something.
_ENDINGS = {
    "length": "cut at the token limit",
    "content_filter": "withheld by moderation",
    "max_prompt_tokens": "cut: what was found is too long",
    "max_time_limit": "cut at the time limit",
}


def reply_bundle(
    reply: Reply,
    *,
    body: Callable[[str], str] = safe_html,
    note: str = "",
    how: str = "md",
    table: bool = False,
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
    how
        One of `grok_nb.show.formats.FORMATS`.
    table
        Of a reply by a schema: whether a single record is a table, too.

    Returns
    -------
    dict of str to str
        ``text/html`` and ``text/plain`` (the Markdown source).
    """
    if reply.schema is not None and how == "md":
        body = partial(data_html, reply, table=table)
    elif how != "md":
        body = partial(as_html, how=how)
    many = len(reply.choices) > 1
    parts = [f'<div class="grok-nb-reply" style="{_WRAP}">']
    if reply.state == "running":  # what is going on comes first, and is seen
        parts.append(_steps_html(reply.steps, is_open=True))
    for choice in reply.choices:
        if many:
            parts.append(note_html(f"{choice.index + 1} of {len(reply.choices)}"))
        parts.append(_choice_html(choice, body))
    parts.append(_footnotes_html(reply))
    if reply.state != "running":
        parts.append(_steps_html(reply.steps))
    parts += [note_html(footer(reply, note), bad=reply.state == "failed"), "</div>"]
    return {"text/html": "".join(parts), "text/plain": plain_text(reply, how)}


def footer(reply: Reply, note: str = "") -> str:
    """Return the line below a reply: model, tokens, cost, and how it ended."""
    facts = []
    if reply.model:
        facts.append(reply.model)
    if reply.state != "running" and reply.usage is not None:
        about = "about " if reply.cost_source == "estimated" else ""
        tokens = f"{reply.usage.prompt_tokens:,} + "
        tokens += f"{reply.usage.billed_output_tokens:,} tokens"
        if reply.usage.reasoning_tokens:
            tokens += f" ({reply.usage.reasoning_tokens:,} reasoning)"
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
    if reply.repairs:
        times = "once" if reply.repairs == 1 else f"{reply.repairs} times"
        facts.append(f"asked again {times} to fit the schema")
    if note:
        facts.append(note)
    return " · ".join(facts)


def dollars(usd: float) -> str:
    """Return an amount with as many digits as it takes to see it."""
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:.4f}"
    # an embedding can cost less than a millionth
    return f"${usd:.{6 if usd >= 1e-6 else 10}f}".rstrip("0")


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
        f"<p><code>{escape_text(call_text(call.name, call.arguments))}</code></p>"
        for call in choice.tool_calls
    ]
    return "".join(parts)


def _steps_html(steps: tuple[Step, ...], *, is_open: bool = False) -> str:
    if not steps:
        return ""
    rows = "".join(f"<li>{_step_html(step)}</li>" for step in steps)
    plural = "s" if len(steps) > 1 else ""
    return (
        f'<details class="grok-nb-steps" style="{_FOLD}"{" open" if is_open else ""}>'
        f"<summary>{len(steps)} step{plural}</summary><ul>{rows}</ul></details>"
    )


def call_text(name: str, arguments: str) -> str:
    """Return a call of a function as a reader writes it: ``f(city="Bern")``."""
    try:
        given = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict):
        parts = (f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in given.items())
        arguments = ", ".join(parts)
    arguments = arguments.encode("utf-8", "replace").decode("utf-8")
    return f"{name}({_cut(arguments, _LONGEST_STEP)})"


def doing(steps: tuple[Step, ...]) -> str:
    """Say what tools are doing now; empty where they do nothing."""
    said = []
    for step in steps:
        if step.state != "running":
            continue
        if step.kind == "function":
            said.append(f"running {step.name}")
        elif step.name == "open_page":
            said.append(f"opening {step.about}")
        elif step.kind == "code_interpreter":
            said.append("running code")
        else:
            what = _TOOLS.get(step.kind, step.kind)
            said.append(f"{what}: {step.about}" if step.about else what)
    return _cut(" · ".join(said), _LONGEST_LABEL)


def _step_html(step: Step) -> str:
    if step.kind == "function":
        html = f"<code>{escape_text(call_text(step.name, step.arguments))}</code>"
        if step.state != "done":
            style = f' style="{_BAD}"' if step.state == "failed" else ""
            html += f" <span{style}>({step.state})</span>"
        if step.result:
            html += f"<pre>{escape_text(_cut(step.result, _LONGEST_STEP))}</pre>"
        return html
    words = _TOOLS.get(step.kind, step.kind)
    if step.name and step.name not in (step.kind, "code_execution"):
        words += f": {step.name}"
    if step.state != "done":
        words += f" ({step.state})"
    html = escape_text(words)
    if step.about:
        html += f" <code>{escape_text(_cut(step.about, _LONGEST_STEP))}</code>"
    # what a search found is cited where it matters
    if step.result and not step.kind.endswith("_search"):
        html += f"<pre>{escape_text(_cut(step.result, _LONGEST_STEP))}</pre>"
    return html


def _footnotes(reply: Reply) -> list[tuple[int, str, str]]:
    """Return number, address and label of each source, in the reply's order."""
    titles: dict[str, str] = {}
    for citation in reply.cited:
        titles.setdefault(citation.url, " ".join((citation.title or "").split()))
    # a title may be the marker in the text: "1" of [[1]](https://...)
    markers = [int(t) for t in titles.values() if t.isdecimal() and len(t) < 5]
    if len({*markers}) < len(titles):
        markers = list(range(1, len(titles) + 1))
    return [
        (marker, url, "" if title.isdecimal() else _cut(title, _LONGEST_LABEL))
        for marker, (url, title) in zip(markers, titles.items(), strict=True)
    ]


def _footnotes_html(reply: Reply) -> str:
    notes = _footnotes(reply)
    if not notes:
        return ""
    rows = "".join(
        f'<li value="{number}">{safe_link(url, label or _cut(url, _LONGEST_LABEL))}</li>'
        for number, url, label in notes[:_MOST_FOOTNOTES]
    )
    more = note_html(_more(notes)) if len(notes) > _MOST_FOOTNOTES else ""
    return f'<ol class="grok-nb-sources" style="{_DIM}">{rows}</ol>{more}'


def _more(notes: list[tuple[int, str, str]]) -> str:
    return f"and {len(notes) - _MOST_FOOTNOTES} more: reply.citations"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def note_html(text: str, *, bad: bool = False) -> str:
    """Return a small line of any text."""
    style = f"{_DIM};{_BAD}" if bad else _DIM
    return f'<div class="grok-nb-note" style="{style}">{escape_text(text)}</div>'


def plain_text(reply: Reply, how: str = "md") -> str:
    """Return what is shown of a reply where HTML is not."""
    texts = [as_text(c.text, how) or c.refusal or "" for c in reply.choices]
    if reply.schema is not None and reply.text and how == "md":
        texts[0] = data_plain(reply)
    text = "\n\n".join(texts)
    if notes := _footnotes(reply):
        lines = [
            f"[{number}] {label} {url}" if label else f"[{number}] {url}"
            for number, url, label in notes[:_MOST_FOOTNOTES]
        ]
        if len(notes) > _MOST_FOOTNOTES:
            lines.append(_more(notes))
        text += "\n\n" + "\n".join(lines)
    if reply.state in ("stopped", "failed"):
        text += f"\n\n[{_end(reply)}]"
    return without_controls(text.lstrip("\n"))


def _end(reply: Reply) -> str:
    """Say how a reply ended that is not whole."""
    if reply.state == "stopped":
        return "stopped"
    if reply.finish_reason is not None:
        if reply.choices[0].refusal:
            return "declined"
        misfit = "failed" if reply.schema is None else "does not fit the schema"
        return _ENDINGS.get(reply.finish_reason, misfit)
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


def notes_bundle(notes: Sequence[str]) -> dict[str, str]:
    """Return what a front end shows above a reply: what the user should know."""
    html = "".join(note_html(note) for note in notes)
    return {
        "text/html": f'<div class="grok-nb-notes">{html}</div>',
        "text/plain": "\n".join(notes),
    }


def listing_bundle(
    title: str,
    facts: Sequence[tuple[str, str]],
    texts: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> dict[str, str]:
    """Return a title, named facts, texts as they are, and notes.

    Parameters
    ----------
    title
        One line; may be empty.
    facts
        Name and value.
    texts
        Heading (may be empty) and text, shown verbatim.
    notes
        Lines below.
    """
    html, plain = ['<div class="grok-nb-card">'], []
    if title:
        html.append(f"<p><strong>{escape_text(title)}</strong></p>")
        plain.append(title)
    if facts:
        cell = f"text-align:left;vertical-align:top;white-space:pre-wrap;{_WRAP}"
        rows = "".join(
            f'<tr><td style="{cell}">{escape_text(name)}</td>'
            f'<td style="{cell}">{escape_text(value)}</td></tr>'
            for name, value in facts
        )
        html.append(f"<table>{rows}</table>")
        width = max(len(name) for name, _ in facts)
        plain += [f"{name:<{width}}  {value}" for name, value in facts]
    for heading, text in texts:
        if heading:
            html.append(f"<p><em>{escape_text(heading)}</em></p>")
            plain.append(f"--- {heading} ---")
        html.append(f'<pre style="{_VERBATIM}">{escape_text(text)}</pre>')
        plain.append(text)
    html += [note_html(note) for note in notes]
    plain += notes
    return {"text/html": "".join([*html, "</div>"]), "text/plain": "\n".join(plain)}


def table_bundle(
    head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]
) -> dict[str, str]:
    """Return a table of texts, with notes below; numbers stand on the right."""

    def is_number(column: int) -> bool:
        cells = [row[column] for row in rows if row[column]]
        return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)

    right = [is_number(n) for n in range(len(head))]
    sides = ["text-align:right" if side else "text-align:left" for side in right]
    html = ['<div class="grok-nb-card"><table><thead><tr>']
    html += [
        f'<th style="{side}">{escape_text(name)}</th>'
        for name, side in zip(head, sides, strict=True)
    ]
    html.append("</tr></thead><tbody>")
    for row in rows:
        cells = "".join(
            f'<td style="{side}">{escape_text(cell)}</td>'
            for cell, side in zip(row, sides, strict=True)
        )
        html.append(f"<tr>{cells}</tr>")
    html.append("</tbody></table>")
    html += [note_html(note) for note in notes]
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    plain = [
        "  ".join(
            cell.rjust(width) if side else cell.ljust(width)
            for cell, width, side in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
    return {
        "text/html": "".join([*html, "</div>"]),
        "text/plain": without_controls("\n".join([*plain, *notes])),
    }


_NUMBER = re.compile(r"\$?-?[\d,]+(?:\.\d+)?(?:e[+-]?\d+)?")
_TOKEN_COLOURS = ("rgba(33,150,243,0.22)", "rgba(255,152,0,0.22)")
_MOST_TOKENS = 5_000


def tokens_bundle(pieces: Sequence[str]) -> dict[str, str]:
    """Return what a front end shows of a text that was split into tokens."""
    count = f"{len(pieces):,} token{'' if len(pieces) == 1 else 's'}"
    if len(pieces) > _MOST_TOKENS:
        count += f", the first {_MOST_TOKENS:,} are shown"
    shown = pieces[:_MOST_TOKENS]
    spans = "".join(
        f'<span style="background:{_TOKEN_COLOURS[n % 2]};border-radius:2px">'
        f"{escape_text(piece)}</span>"
        for n, piece in enumerate(shown)
    )
    html = (
        '<div class="grok-nb-tokens"><div style="white-space:pre-wrap;line-height:1.7;'
        f'font-family:var(--jp-code-font-family,monospace)">{spans}</div>'
        f"{note_html(count)}</div>"
    )
    plain = f"{count}: " + without_controls("|".join(shown))
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


#: pictures -> how many of them beside each other, where there is room
_COLUMNS = {2: 2, 4: 2, 7: 4, 8: 4, 10: 5}
_GAP_PX = 10
_WIDEST_EM, _LEAST_EM, _TALLEST_EM = 22, 9, 36
_PICTURE = (
    f"display:block;height:auto;max-height:{_TALLEST_EM}em;border-radius:6px;"
    "outline:1px solid rgba(128,128,128,0.35);outline-offset:-1px"
)
_LONGEST_ALT = 300
#: Types that browsers draw and that cannot hold a script.
_DRAWN = ("image/jpeg", "image/png", "image/webp", "image/gif")


def picture_bundle(
    mime_type: str | None, data: bytes | None, said: str
) -> dict[str, str]:
    """Return what a front end shows of one picture: itself, or what is said of it."""
    bundle = {"text/plain": said}
    if data is not None and mime_type in _DRAWN:
        bundle[mime_type] = base64.b64encode(data).decode("ascii")
    return bundle


def pictures_bundle(
    images: Sequence[tuple[str | None, bytes | None, str]],
    note: str,
    title: str,
    alt: str = "",
) -> dict[str, str]:
    """Return what a front end shows of several pictures.

    Parameters
    ----------
    images
        Type, bytes, and what is said of each; nothing is loaded from elsewhere.
    note
        The line below them.
    title
        What is said of all, as text.
    alt
        What they are to show, for those who do not see them.
    """
    many = len(images) > 1
    parts = [f'<div class="grok-nb-images"{_grid_style(len(images))}>']
    for position, (mime_type, data, said) in enumerate(images):
        shown = note_html(said)
        if data is not None and mime_type in _DRAWN:
            where = f" ({position + 1} of {len(images)})" if many else ""
            words = _cut(" ".join(without_controls(alt).split()), _LONGEST_ALT)
            source = base64.b64encode(data).decode("ascii")
            widest = "100%" if many else f"min(100%,{_TALLEST_EM}em)"
            shown = (
                f'<img alt="{escape(words + where if words else said)}" '
                f'style="max-width:{widest};{_PICTURE}" '
                f'src="data:{mime_type};base64,{source}">'
            )
        # where it is in the list: foxes[2] is the third
        parts.append(
            f"<div>{shown}{note_html(f'[{position}]')}</div>" if many else shown
        )
    parts += ["</div>", note_html(note)]
    plain = "\n".join([title, *(said for *_, said in images)])
    return {"text/html": "".join(parts), "text/plain": plain}


def _grid_style(count: int) -> str:
    """Return the style of a grid: even rows, and fewer columns where it is narrow."""
    if count < 2:
        return ""
    columns = _COLUMNS.get(count, 3)
    # a pixel less than its share, for what rounding adds
    share = f"(100% - {(columns - 1) * _GAP_PX + 1}px)/{columns}"
    return (
        ' style="display:grid;grid-template-columns:'
        f"repeat(auto-fill,minmax(max({_LEAST_EM}em,{share}),1fr));"
        f'gap:{_GAP_PX}px;max-width:{min(3, columns) * _WIDEST_EM}em;align-items:start"'
    )
