"""Events of the Responses API, or a whole response, -> a running reply.

Everything is taken from wherever it comes first: a delta, the event that closes a part,
the item, or the response at the end. What comes again adds nothing.
Source: xai-api.md sections 6.5 to 6.7.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from grok_nb.reply import Citation, Step, Usage

from .stream import Fold, _joined, _text

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from grok_nb.pricing import PriceTable

    from .stream import EventKind

_ENDS = re.compile(r"response\.(completed|done|incomplete|failed|cancelled)")
_STEP_STATE = re.compile(r"response\.(\w+_call)\.(\w+)")

#: event -> where its piece of text goes, and the field that counts the parts there
_DELTAS: dict[str, tuple[EventKind, str]] = {
    "response.output_text": ("text", "content_index"),
    "response.reasoning_summary_text": ("reasoning", "summary_index"),
    "response.reasoning_text": ("reasoning", "content_index"),
}
#: events with what a tool is called with -> the field that holds all of it at the end
_ARGUMENTS = {
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
}
_STATES = {
    "completed": "done",
    "failed": "failed",
    "incomplete": "failed",
    "cancelled": "failed",
}
_BAD = ("failed", "cancelled", "incomplete")
#: Source: xai-api.md 6.5; `completed` depends on whether functions are called.
_FINISH = {"max_output_tokens": "length"}


class ResponseFold(Fold):
    """Collects the events of a response, or a whole one, into a `Reply`."""

    def __init__(self, request: Mapping[str, Any], choices: int = 1) -> None:  # noqa: ARG002 - a response has one
        super().__init__(request)
        self._slots: dict[Hashable, list[str]] = {}
        self._open: dict[EventKind, tuple[int, ...]] = {}
        self._length = 0
        self._starts: dict[Hashable, int] = {}
        self._outputs: dict[str, int] = {}
        self._latest = -1
        self._names: dict[tuple[int, int], tuple[str, str]] = {}
        self._now: dict[int, Step] = {}

    # -- what the exchange asks --------------------------------------------------------

    def error_in(self, chunk: Mapping[str, Any]) -> str | None:
        """Return what an event says went wrong; a failed response is no such event."""
        kind = chunk.get("type")
        if kind == "error":
            error = chunk.get("error")
            inner = error if isinstance(error, dict) else chunk
            return _failure(
                inner, error if isinstance(error, str) else "no reason given"
            )
        if isinstance(kind, str) and kind.startswith("response."):
            return None
        return None if _is_response(chunk) else super().error_in(chunk)

    def as_chunk(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write a whole response as the last event of a stream."""
        status = data.get("status")
        kind = f"response.{status if isinstance(status, str) else 'completed'}"
        return {"type": kind, "response": dict(data)}

    def tool_uses(self) -> tuple[tuple[str, int], ...]:
        """Return what the server's own tools were seen to do, failures left out."""
        counts: dict[str, int] = {}
        for step in self._now.values():
            if step.state != "failed":
                name = f"{step.kind}_calls"
                counts[name] = counts.get(name, 0) + 1
        return tuple(counts.items())

    def price(
        self, table: PriceTable, model: str | None, usage: Usage, base_url: str
    ) -> int | None:
        """Return the ticks; a usage that tells of no tool has those that were seen."""
        if not usage.tool_uses:
            usage = dataclasses.replace(usage, tool_uses=self.tool_uses())
        return super().price(table, model, usage, base_url)

    @property
    def tool_call_count(self) -> int:
        """How many calls there were: of functions, and of the server's own tools."""
        uses = () if self.usage is None else self.usage.tool_uses
        billed = sum(count for name, count in uses if name.endswith("_calls"))
        return len(self._calls) + max(len(self._now), billed)

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one event. Whatever is null or of a wrong type is skipped."""
        kind, response = chunk.get("type"), chunk.get("response")
        if not isinstance(kind, str):
            if _is_response(chunk):  # nothing but the response itself
                self.add_whole(chunk)
            return
        if isinstance(response, dict):
            self._add_names(response)
        event, _, what = kind.rpartition(".")
        if event in _DELTAS:
            self._add_text_event(event, what, chunk)
        elif event in _ARGUMENTS:
            self._add_input(event, what, chunk)
        elif event == "response.function_call_arguments":
            self._add_arguments(what, chunk)
        elif event == "response.output_item":
            if isinstance(item := chunk.get("item"), dict):
                place = self._output(chunk, item, is_new=what == "added")
                self._add_item(item, place)
        elif event in ("response.content_part", "response.reasoning_summary_part"):
            self._add_part_event(event, chunk)
        elif event == "response.refusal":
            self._add_refusal(chunk.get("delta"))
        elif what == "added" and event.endswith("annotation"):
            part = (self._output(chunk), _index(chunk.get("content_index")) or 0)
            self._annotate(part, chunk.get("annotation_index"), chunk.get("annotation"))
        elif ended := _ENDS.fullmatch(kind):
            self._end(ended[1], response if isinstance(response, dict) else {})
        elif found := _STEP_STATE.fullmatch(kind):
            self._add_step({"type": found[1], "status": what}, self._output(chunk))

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole response."""
        self.data = data
        if not _is_response(data):
            return
        self._add_names(data)
        status = data.get("status")
        self._end(status if isinstance(status, str) else "completed", data)

    # -- the response ------------------------------------------------------------------

    def _add_names(self, response: dict[str, Any]) -> None:
        metadata = response.get("metadata")  # holds the user's own words, too
        for name, place in (
            ("id", response),
            ("model", response),
            ("service_tier", response),
            ("system_fingerprint", response),
            ("system_fingerprint", metadata if isinstance(metadata, dict) else {}),
        ):
            if isinstance(value := place.get(name), str):
                self.head[name] = _joined([value])

    def _end(self, status: str, response: dict[str, Any]) -> None:
        """Take the response as it is at its end; nothing that follows counts."""
        said = response.get("status")
        if isinstance(said, str) and (said in _STATES or status == "done"):
            # an event is sure of the end, the response of how it was
            status = status if status in _BAD else said
        output = response.get("output")
        for position, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                place = self._output({"output_index": position}, item)
                is_over = isinstance(item.get("status"), str)
                self._add_item(item if is_over else {**item, "status": status}, place)
        if not self._citations:  # the list of all that was met, used or not
            self._add_addresses(response.get("citations"))
        details = response.get("incomplete_details")
        error = response.get("error")
        if status in ("failed", "cancelled"):
            self.failure = _failure(error if isinstance(error, dict) else {}, status)
        self.has_choice = self.has_choice or status not in ("completed", "done")
        reason = details.get("reason") if isinstance(details, dict) else None
        if status in ("completed", "done"):
            finish = "tool_calls" if self._calls else "stop"
        elif isinstance(reason, str) and reason:
            finish = _FINISH.get(reason, _joined([reason]))
        else:
            finish = _joined([status])
        self._finish[0] = (finish, len(self.log))
        if response:
            self.data = response
        usage = Usage.from_response(response.get("usage"))
        if usage is not None:
            self.usage, self.usage_is_final = usage, True
            self._usages[len(self.log)] = usage
            self.log.append(("usage", 0, ""))
        self.marked_done = True

    def _output(
        self,
        event: Mapping[str, Any],
        item: Mapping[str, Any] | None = None,
        *,
        is_new: bool = False,
    ) -> int:
        """Return the number of the item that an event is about.

        The id of an item wins over its position: positions may be missing, and those in
        a stream need not be those in the response at the end.
        """
        name = event.get("item_id") if item is None else item.get("id")
        name = name if isinstance(name, str) and name else None
        if name is not None and name in self._outputs:
            return self._outputs[name]
        index = _index(event.get("output_index"))
        if index is None and name is None and not is_new and self._latest >= 0:
            return self._latest
        if index is None or (name is not None and index in self._outputs.values()):
            index = self._latest + 1
        self._latest = max(self._latest, index)
        if name is not None:
            self._outputs[name] = index
        return index

    def _add_item(self, item: dict[str, Any], output: int) -> None:
        self.has_choice = True
        kind = item.get("type")
        content = item.get("content")
        if kind == "message":
            if isinstance(content, str):
                content = [{"type": "output_text", "text": content}]
            for index, part in enumerate(content if isinstance(content, list) else ()):
                self._add_part(part, (output, index))
        elif kind == "reasoning":
            summary = item.get("summary")
            name = "response.reasoning_summary_text"
            if not summary:
                summary, name = content, "response.reasoning_text"
            for index, part in enumerate(summary if isinstance(summary, list) else ()):
                if isinstance(part, dict):
                    self._complete("reasoning", (name, output, index), part.get("text"))
        elif kind == "function_call":
            call_id = _text(item.get("call_id")) or _text(item.get("id"))
            names = (call_id, _text(item.get("name")))
            self._add_call_piece(output, names, item.get("arguments"))
        elif isinstance(kind, str) and kind.endswith("_call"):
            self._add_step(item, output)

    # -- text --------------------------------------------------------------------------

    def _add_text_event(self, event: str, what: str, chunk: dict[str, Any]) -> None:
        kind, counter = _DELTAS[event]
        slot = (event, self._output(chunk), _index(chunk.get(counter)) or 0)
        if what == "delta":
            self._grow(kind, slot, _text(chunk.get("delta")))
        elif what == "done":
            self._complete(kind, slot, chunk.get("text"))

    def _add_part_event(self, event: str, chunk: dict[str, Any]) -> None:
        part, output = chunk.get("part"), self._output(chunk)
        if event == "response.content_part":
            self._add_part(part, (output, _index(chunk.get("content_index")) or 0))
        elif isinstance(part, dict):
            index = _index(chunk.get("summary_index")) or 0
            slot = ("response.reasoning_summary_text", output, index)
            self._complete("reasoning", slot, part.get("text"))

    def _add_part(self, part: Any, place: tuple[int, int]) -> None:
        if not isinstance(part, dict):
            return
        kind = part.get("type")
        if kind == "refusal":
            refusal = _text(part.get("refusal"))
            if not self._refusal.get(0, "").endswith(refusal):
                self._add_refusal(refusal)
        elif kind == "reasoning_text":
            slot = ("response.reasoning_text", *place)
            self._complete("reasoning", slot, part.get("text"))
        else:
            slot = ("response.output_text", *place)
            self._complete("text", slot, part.get("text"))
        notes = part.get("annotations")
        for number, note in enumerate(notes if isinstance(notes, list) else ()):
            self._annotate(place, number, note)

    def _add_refusal(self, text: Any) -> None:
        self.has_choice = True
        if text := _text(text):
            self._refusal[0] = self._refusal.get(0, "") + text

    def _grow(self, kind: EventKind, slot: tuple[str, int, int], text: str) -> None:
        if not text:
            return
        self.has_choice = True
        if slot not in self._slots:
            self._slots[slot] = []
            # parts of one message are one text; messages, and summaries, are apart
            place = slot[1:2] if kind == "text" else slot[1:]
            if self._open.setdefault(kind, place) != place:
                self._open[kind] = place
                self._log(kind, "\n\n")
            self._starts[slot] = self._length
        self._slots[slot].append(text)
        self._log(kind, text)

    def _log(self, kind: EventKind, text: str) -> None:
        if kind == "text":
            self._length += len(text)
        self.log.append((kind, 0, text))

    def _complete(self, kind: EventKind, slot: tuple[str, int, int], text: Any) -> None:
        """Add what is missing of a part that is whole now."""
        text, had = _text(text), "".join(self._slots.get(slot, ()))
        if text.startswith(had):
            self._grow(kind, slot, text[len(had) :])

    def _annotate(self, place: tuple[int, int], number: Any, note: Any) -> None:
        """Take a citation, if it was not taken yet; all but its address may be missing."""
        url = note.get("url") if isinstance(note, dict) else None
        if not isinstance(url, str) or not url:
            return
        offset = self._starts.get(("response.output_text", *place), 0)
        start, end = _index(note.get("start_index")), _index(note.get("end_index"))
        title = _joined([_text(note.get("title"))]) or None
        number = _index(number)
        keys = {(url, start, end)} | (
            {(*place, number)} if number is not None else set()
        )
        is_known = bool(keys & self._cited)
        self._cited |= keys
        if not is_known:
            self._cite(
                Citation(
                    _joined([url]),
                    title,
                    None if start is None else start + offset,
                    None if end is None else end + offset,
                )
            )

    # -- functions and tools -----------------------------------------------------------

    def _add_arguments(self, what: str, chunk: dict[str, Any]) -> None:
        output = self._output(chunk)
        names = ("", _text(chunk.get("name")))
        if what == "delta":
            self._add_call_piece(output, names, None, _text(chunk.get("delta")))
        elif what == "done":
            self._add_call_piece(output, names, chunk.get("arguments"))

    def _add_call_piece(
        self, output: int, names: tuple[str, str], whole: Any, piece: str = ""
    ) -> None:
        """Take more of a function call: its names, a piece of its arguments, or all."""
        self.has_choice = True
        key = (0, output)
        before = self._names.get(key, ("", ""))
        now = (before[0] or names[0], before[1] or names[1])
        slot = self._slots.setdefault(("call", output), [])
        if whole is not None:
            text, had = _as_text(whole), "".join(slot)
            piece = text[len(had) :] if text.startswith(had) else ""
        if key in self._calls and now == before and not piece:
            return
        self._calls.add(key)
        self._names[key] = now
        slot.append(piece)
        self._call_parts[len(self.log)] = (key, *now)
        self.log.append(("tool_call", 0, piece))

    def _add_input(self, event: str, what: str, chunk: dict[str, Any]) -> None:
        """Take what a tool is called with: usually whole in one delta."""
        output, field = self._output(chunk), _ARGUMENTS[event]
        pieces = self._slots.setdefault(("input", output), [])
        if what == "delta":
            pieces.append(_text(chunk.get("delta")))
        whole = _as_text(chunk.get(field)) or "".join(pieces)
        if what == "done" or len(pieces) == 1:
            kind = event.removeprefix("response.").rpartition("_")[0]
            self._add_step({"type": kind, field: whole}, output)

    def _add_step(self, item: dict[str, Any], output: int) -> None:
        """Take what is known of a tool's call by now; what was known before stays."""
        self.has_choice = True
        before = self._now.get(output)
        step = _step(item)
        if before is not None:
            kept = before.kind if step.kind == "custom_tool" else step.kind
            step = Step(
                kept,
                step.name or before.name,
                step.arguments or before.arguments,
                step.result or before.result,
                step.state if "status" in item or item.get("error") else before.state,
            )
        if step == before:
            return
        self._now[output] = step
        self._steps[len(self.log)] = (output, step)
        known = "" if before is None else before.arguments
        about = step.about if step.arguments != known else ""
        self.log.append(("search", 0, about))


def _is_response(data: Mapping[str, Any]) -> bool:
    return data.get("object") == "response" or isinstance(data.get("output"), list)


def _index(value: Any) -> int | None:
    is_index = isinstance(value, int) and not isinstance(value, bool)
    return value if is_index and 0 <= value < 2**53 else None


def _failure(error: Mapping[str, Any], otherwise: str) -> str:
    message = _text(error.get("message")) or otherwise
    code = error.get("code")
    return f"{code}: {message}" if isinstance(code, (str, int)) and code else message


def _as_text(value: Any) -> str:
    """Return text, or what else there is as JSON text."""
    if isinstance(value, str):
        return _joined([value])
    if value is None or value in ([], {}):
        return ""
    return _joined([json.dumps(value, ensure_ascii=False)])


def _step(item: Mapping[str, Any]) -> Step:
    """Read an item of any vintage.

    Source: xai-api.md section 6.5: X searches are ``custom_tool_call`` (since 2025-12)
    or ``x_search_call``; calls of 2025 have ``name`` and ``arguments`` in place of
    ``action`` or ``code``.
    """
    name = _joined([_text(item.get("name"))])
    kind = _joined([_text(item.get("type")).removesuffix("_call")])
    if kind == "custom_tool":
        if name.startswith("x_") or name == "view_x_video":
            kind = "x_search"
        elif name in ("web_search", "code_execution"):
            kind = name
    if kind == "code_execution":
        kind = "code_interpreter"
    arguments = _as_text(item.get("arguments")) or _as_text(item.get("input"))
    result = _as_text(item.get("results")) or _as_text(item.get("output"))
    action = item.get("action")
    if isinstance(action, dict):
        name = name or _joined([_text(action.get("type"))])
        rest = {k: v for k, v in action.items() if k not in ("type", "sources")}
        arguments = arguments or _as_text({k: v for k, v in rest.items() if v})
        result = result or _as_text(action.get("sources"))
    for field in ("code", "queries", "prompt"):
        if not arguments and (value := item.get(field)):
            arguments = _as_text({field: value})
    outputs = item.get("outputs")
    if isinstance(outputs, list):
        logs = [_text(o.get("logs")) for o in outputs if isinstance(o, dict)]
        result = result or _joined(logs) or _as_text(outputs)
    status, error = item.get("status"), item.get("error")
    state = _STATES.get(status, "running") if isinstance(status, str) else "running"
    if error:
        state, result = "failed", result or _as_text(error)
    return Step(kind, name, arguments, result, state)
