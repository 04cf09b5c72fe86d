"""Messages in Anthropic's form, whole or as events, -> a running reply.

Source: xai-api.md section 8.1.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grok_nb.reply import Usage, _count

from .stream import Fold, _joined, _text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .stream import EventKind

#: delta -> its field, and what it adds to
_DELTAS: dict[str, tuple[str, EventKind]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "reasoning"),
    "input_json_delta": ("partial_json", "tool_call"),
}


class MessageFold(Fold):
    """Collects the events of a message, or a whole one, into a `Reply`."""

    asked_in = ("messages", "system")

    def __init__(self, request: Mapping[str, Any], choices: int = 1) -> None:  # noqa: ARG002 - a message has one
        super().__init__(request)
        self._counts: dict[str, Any] = {}
        self._names: dict[int, tuple[str, str]] = {}
        #: arguments that came whole as their block began: deltas replace them
        self._inputs: dict[int, Any] = {}
        self._thought_in: int | None = None

    # -- what the exchange asks --------------------------------------------------------

    def error_in(self, chunk: Mapping[str, Any]) -> str | None:
        """Return what an event says went wrong, if it says so."""
        said = super().error_in(chunk)
        if said is None and chunk.get("type") == "error":
            return _text(chunk.get("message")) or "no reason given"
        return said

    def as_chunk(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write a whole message as the event that begins one."""
        return {"type": "message_start", "message": dict(data)}

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one event. Whatever is null or of a wrong type is skipped."""
        kind = chunk.get("type")
        if kind == "message_start":
            self._begin(chunk.get("message"))
        elif kind == "content_block_start":
            self._add_block(self._index(chunk), chunk.get("content_block"))
        elif kind == "content_block_delta":
            self._add_delta(self._index(chunk), chunk.get("delta"))
        elif kind == "content_block_stop":
            self._end_block(self._index(chunk))
        elif kind == "message_delta":
            delta = chunk.get("delta")
            self._end(delta if isinstance(delta, dict) else {}, chunk.get("usage"))
            self.data = chunk
        elif kind == "message_stop":
            self._end_block(None)
            self.marked_done = True

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole message."""
        self.data = data
        content = data.get("content")
        if not isinstance(content, list):
            return
        self._add_names(data)
        self.has_choice = True
        for index, block in enumerate(content):
            self._add_block(index, block)
            self._end_block(index)
        self._end(data, data.get("usage"))
        self.marked_done = True

    # -- the message -------------------------------------------------------------------

    def _add_names(self, message: Mapping[str, Any]) -> None:
        for name in ("id", "model", "system_fingerprint", "service_tier"):
            if isinstance(value := message.get(name), str):
                self.head[name] = _joined([value])

    def _begin(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        self._add_names(message)
        self.has_choice = True
        content = message.get("content")  # empty, unless somebody sends all at once
        for index, block in enumerate(content if isinstance(content, list) else ()):
            self._add_block(index, block)
        self.begun = self._counted(message.get("usage"))

    def _end(self, said: Mapping[str, Any], usage: Any) -> None:
        """Take how the message ended, and its bill."""
        self._end_block(None)
        reason = said.get("stop_reason")
        if isinstance(reason, str) and reason:
            self.has_choice = True
            self._finish[0] = (_joined([reason]), len(self.log))
        found = self._counted(usage)
        if found is not None:  # it counts from the start: the last one wins
            self.usage, self.usage_is_final = found, True
            self._usages[len(self.log)] = found
            self.log.append(("usage", 0, ""))

    def _counted(self, usage: Any) -> Usage | None:
        """Return the usage, with what earlier events told of it.

        Anthropic counts what is read from the cache, or written to it, beside
        ``input_tokens``; the three together are the prompt. Thinking is part of
        ``output_tokens``.
        """
        if not isinstance(usage, dict) or not usage:
            return None
        self._counts |= {k: v for k, v in usage.items() if v is not None}
        counts = self._counts
        parts = [
            _count(counts.get(name))
            for name in (
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
            )
        ]
        known = any(part is not None for part in parts)
        return Usage.from_response(
            {
                **counts,
                "input_tokens": sum(p or 0 for p in parts) if known else None,
                "input_tokens_details": {"cached_tokens": parts[1]},
                "total_tokens": None,
            }
        )

    # -- its blocks --------------------------------------------------------------------

    def _index(self, event: Mapping[str, Any]) -> int:
        index = event.get("index")
        is_index = isinstance(index, int) and not isinstance(index, bool)
        return index if is_index else 0  # type: ignore[return-value]  # is_index narrows

    def _add_block(self, index: int, block: Any) -> None:
        if not isinstance(block, dict):
            return
        self.has_choice = True
        kind = block.get("type")
        if kind == "text":
            self._add_text(index, "text", _text(block.get("text")))
        elif kind == "thinking":
            self._add_text(index, "reasoning", _text(block.get("thinking")))
        elif kind == "tool_use":
            self._names[index] = (_text(block.get("id")), _text(block.get("name")))
            self._inputs[index] = block.get("input")

    def _add_delta(self, index: int, delta: Any) -> None:
        if not isinstance(delta, dict):
            return
        field, kind = _DELTAS.get(_text(delta.get("type")), ("", "text"))
        piece = _text(delta.get(field))
        if kind != "tool_call":
            self._add_text(index, kind, piece)
        elif piece:
            self._inputs.pop(index, None)
            self._add_call_piece(index, piece)

    def _end_block(self, index: int | None) -> None:
        """Take the arguments that no delta brought, of one block or of all."""
        for number in [index] if index is not None else list(self._inputs):
            if number in self._inputs:
                whole = self._inputs.pop(number)
                text = whole if isinstance(whole, str) else json.dumps(whole or {})
                self._add_call_piece(number, text)

    def _add_call_piece(self, index: int, piece: str) -> None:
        self.has_choice = True
        self._calls.add((0, index))
        names = self._names.get(index, ("", ""))
        self._call_parts[len(self.log)] = ((0, index), *names)
        self.log.append(("tool_call", 0, piece))

    def _add_text(self, index: int, kind: EventKind, text: str) -> None:
        if not text:
            return
        self.has_choice = True
        if kind == "reasoning":  # texts go on from block to block, thoughts do not
            if self._thought_in not in (None, index):
                self.log.append((kind, 0, "\n\n"))
            self._thought_in = index
        self.log.append((kind, 0, text))
