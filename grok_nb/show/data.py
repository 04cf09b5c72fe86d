"""What a reply by a schema holds -> a table, or JSON in colour."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any

from grok_nb import exact_json

from .safe_html import escape_text, safe_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.reply import Reply

_MOST_ROWS = 50
_MOST_COLUMNS = 30
_LONGEST_CELL = 200


def data_html(reply: Reply, text: str, *, table: bool = False) -> str:
    """Return what a reply by a schema shows as.

    Parameters
    ----------
    reply
        Also a running one: then its JSON is code, as it comes.
    text
        Its text.
    table
        Whether one record is a table, too, as lists always are.
    """
    if reply.state != "done" or reply.schema is None:
        return f"<pre><code>{escape_text(text)}</code></pre>"
    if table or reply.schema.is_list:
        return _table(reply.records)
    return safe_html(f"```json\n{_pretty(text)}\n```")


def data_plain(reply: Reply) -> str:
    """Return the same as text: JSON, each number as the model wrote it."""
    return _pretty(reply.text) if reply.state == "done" else reply.text


def _pretty(text: str) -> str:
    return exact_json.write(exact_json.read(text), indent=2)


def _table(records: list[dict[str, Any]]) -> str:
    rows = [_flat(record) for record in records[:_MOST_ROWS]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return "<p><em>No records.</em></p>"
    shown = names[:_MOST_COLUMNS]
    head = "".join(f"<th>{escape_text(name)}</th>" for name in shown)
    body = "".join(
        f"<tr>{''.join(_cell(row.get(name)) for name in shown)}</tr>" for row in rows
    )
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    left = [
        f"{count:,} more {what}"
        for count, what in (
            (len(records) - len(rows), "rows"),
            (len(names) - len(shown), "columns"),
        )
        if count
    ]
    return html + (f"<p><em>and {' and '.join(left)}</em></p>" if left else "")


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _cell(value: Any) -> str:
    text = _said(value)
    if len(text) > _LONGEST_CELL:
        text = text[: _LONGEST_CELL - 1] + "…"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    side = "right" if is_number else "left"
    return f'<td style="text-align:{side}">{escape_text(text)}</td>'


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, (dict, list, bool)):
        return json.dumps(value, ensure_ascii=False, default=_said)
    return str(value)
