"""Server-sent events -> chunks -> a running reply."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grok_nb import pricing
from grok_nb.reply import Choice, Citation, Reply, Step, ToolCall, Usage

from .structured import continued

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.pricing import PriceTable
    from grok_nb.schema import Schema

EventKind = Literal[
    "reasoning",
    "text",
    "tool_call",
    "tool_result",
    "search",
    "citation",
    "usage",
    "end",
]


class EventReader:
    r"""Read a ``text/event-stream`` from pieces of any size.

    ``feed`` returns the data of the events that have become complete. Lines may end in
    LF, CR or CRLF, also across pieces; comments, ids, retry times and event names are
    passed over.
    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section
    9.2.6 "Interpreting an event stream".

    Examples
    --------
    >>> reader = EventReader()
    >>> reader.feed(b'data: {"a"')
    []
    >>> reader.feed(b': 1}\n\n')
    [b'{"a": 1}']
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of a line that has not ended
        self._data: list[bytes] = []  # data lines of an event that has not ended
        self._after_cr = False
        self._at_start = True

    def feed(self, piece: bytes) -> list[bytes]:
        """Take more bytes; return the data of each event that they complete."""
        if (
            piece[:6] == b"data: "
            and piece[-2:] == b"\n\n"
            and piece.count(b"\n") == 2
            and not (self._line or self._data or self._after_cr)
            and b"\r" not in piece
        ):  # most pieces are one event
            self._at_start = False
            return [piece[6:-2]]
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = piece.split(b"\n")
        if len(lines) == 1:
            self._line.append(piece)
            return []
        if self._line:
            self._line.append(lines[0])
            lines[0] = b"".join(self._line)
        rest = lines.pop()
        self._line = [rest] if rest else []
        if self._at_start:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        complete = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    complete.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line.startswith(b"data:"):
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line == b"data":
                data.append(b"")
        return complete

    def rest(self) -> bytes | None:
        """Return the data of an event that the end of the stream left open.

        The specification drops it; some servers leave out the last blank line.
        """
        found = self.feed(b"\n\n")
        return found[0] if found else None


@dataclass(slots=True)  # not frozen: that would cost 1 us an event
class Event:
    """One step of a stream.

    Attributes
    ----------
    kind : str
        ``"reasoning"``, ``"text"``, ``"tool_call"``, ``"search"`` (one of the server's
        own tools: it begins, says what it looks for, ends), ``"tool_result"`` (a
        function has ended), ``"citation"``, ``"usage"`` or ``"end"``.
    delta : str
        What this step adds: text, arguments, what is searched for, what a function
        returned, the cited address; empty for ``"usage"`` and ``"end"``.
    choice : int
        Which of the ``n`` answers it belongs to.
    """

    kind: EventKind
    delta: str
    choice: int
    _fold: Fold
    _mark: int

    @property
    def reply(self) -> Reply:
        """The reply as it was right after this step; made when asked for."""
        return self._fold.reply(None if self.kind == "end" else self._mark)


class Fold:
    """Collects chunks, or a whole completion, into a `Reply`.

    Every addition is one entry in a log; a reply is made from the log only when
    somebody looks, so that a long stream costs no more per event than a short one.
    """

    #: fields of the request that make up its prompt
    asked_in: tuple[str, ...] = ("messages", "input")

    def __init__(self, request: Mapping[str, Any], choices: int = 1) -> None:
        self.request = request
        self.log: list[tuple[EventKind, int, str]] = []
        self.data: dict[str, Any] | None = None
        #: what the reply is read by, if it is
        self.schema: Schema | None = None
        #: what came for the same question before this was asked: calls of functions
        self.before: Reply | None = None
        #: how long the log was when the calls that it asks for began to be served:
        #: from there on it is not the whole reply
        self.served_at: int | None = None
        self.usage: Usage | None = None
        #: what a stream told of the prompt as it began; the rest is not known yet
        self.begun: Usage | None = None
        #: the usage came with or after the finish reason: it is the whole bill
        self.usage_is_final = False
        self.marked_done = False
        #: a choice has come, even if an empty one
        self.has_choice = False
        #: what the server says went wrong with a reply that it billed all the same
        self.failure: str | None = None
        #: what it takes is kept at once, elsewhere
        self.keeps = False
        #: the answer says only that there will be one: what it costs comes with that
        self.is_pending = False
        #: it was asked in a batch, at its price
        self.in_batch = False
        #: whether `price` is what the list says, and no guess
        self.is_exact = True
        #: what the client settles at the end (state, cost, ...)
        self.outcome: dict[str, Any] = {}
        self.head: dict[str, Any] = {}
        self._choices = choices
        self._calls: set[tuple[int, int]] = set()
        # what a log entry brought besides its text, by its position in the log
        self._call_parts: dict[int, tuple[tuple[int, int], str, str]] = {}
        self._usages: dict[int, Usage] = {}
        self._citations: dict[int, Citation] = {}
        self._steps: dict[int, tuple[object, Step]] = {}
        self._cited: set[object] = set()
        #: choice -> finish reason, and how long the log was when it came
        self._finish: dict[int, tuple[str, int]] = {}
        self._refusal: dict[int, str] = {}

    def error_in(self, chunk: Mapping[str, Any]) -> str | None:
        """Return what a chunk says went wrong, if it says so."""
        error = chunk.get("error")
        if not error:
            return None
        if isinstance(error, dict):
            error = error.get("message") or error
        code = chunk.get("code")
        return f"{code}: {error}" if code else f"{error}"

    def as_chunk(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write a whole completion as the one chunk of a stream."""
        choices = [
            {**{k: v for k, v in choice.items() if k != "message"}, "delta": message}
            for choice in data["choices"]
            if isinstance(choice, dict) and (message := choice.get("message"))
        ]
        return {**data, "object": "chat.completion.chunk", "choices": choices}

    def price(
        self, table: PriceTable, model: str | None, usage: Usage, base_url: str
    ) -> int | None:
        """Return the ticks that the reply costs by the price list."""
        return pricing.cost_ticks(
            table,
            model,
            usage,
            service_tier=self.head.get("service_tier"),
            base_url=base_url,
            in_batch=self.in_batch,
        )

    def account(self) -> dict[str, Any]:
        """Return what the result of any endpoint tells of its call."""
        outcome = self.outcome
        return {
            "usage": outcome.get("usage"),
            "cost_ticks": outcome.get("cost_ticks"),
            "cost_source": outcome.get("cost_source", "none"),
            "model": self.head.get("model") or self.request["body"].get("model"),
            "request_id": outcome.get("request_id"),
            "attempts": outcome.get("attempts", 1),
            "attempts_in_doubt": outcome.get("attempts_in_doubt", 0),
            "sandbox": outcome.get("sandbox", False),
            "raw": self.data or {},
        }

    def tool_uses(self) -> tuple[tuple[str, int], ...]:
        """Return what the server's own tools were seen to do; see `Usage`."""
        return ()

    @property
    def finish_reason(self) -> str | None:
        """Finish reason of the first choice."""
        return self._finish.get(0, (None, 0))[0]

    @property
    def text(self) -> str:
        """Text of the first choice: of this reply alone, without what came before it."""
        return _joined([d for kind, n, d in self.log if kind == "text" and n == 0])

    @property
    def tool_call_count(self) -> int:
        """How many function calls the model has asked for."""
        return len(self._calls)

    @property
    def is_complete(self) -> bool:
        """Whether the stream said that it is over: by ``[DONE]`` or by its choices."""
        return self.marked_done or len(self._finish) >= self._choices

    @property
    def is_settled(self) -> bool:
        """Whether nothing that matters can follow."""
        return self.marked_done or (self.usage_is_final and self.is_complete)

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one chunk of a stream. Whatever is null or of a wrong type is skipped."""
        choices = chunk.get("choices")
        if isinstance(choices, list):
            for choice in choices:
                if isinstance(choice, dict):
                    self._add_choice(choice, choice.get("delta"))
        if citations := chunk.get("citations"):
            self._add_addresses(citations)
        usage = chunk.get("usage")
        if usage is not None or not self.head:
            self._add_head(chunk, usage)

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole chat completion."""
        choices = data.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
                self._add_choice(choice, choice.get("message"), position)
        self._add_addresses(data.get("citations"))
        self._add_head(data, data.get("usage"))
        self.marked_done = True
        self.usage_is_final = self.usage is not None
        self.data = data

    def _add_head(self, chunk: dict[str, Any], usage: Any) -> None:
        self.head = {
            name: _joined([value])
            for name in ("id", "model", "system_fingerprint", "service_tier")
            if isinstance(value := chunk.get(name), str)
            or (value := self.head.get(name))
        }
        found = Usage.from_chat(usage)
        if found is not None:  # the last one wins; vintages of 2025 repeat it
            self.usage = found
            self.data = chunk
            self.usage_is_final = len(self._finish) >= self._choices or not chunk.get(
                "choices"
            )
            self._usages[len(self.log)] = found
            self.log.append(("usage", 0, ""))

    def _add_choice(
        self, choice: dict[str, Any], delta: Any, position: int = 0
    ) -> None:
        self.has_choice = True
        index = choice.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            index = position
        if isinstance(delta, dict):
            if (reasoning := delta.get("reasoning_content")) and (
                reasoning := _text(reasoning)
            ):
                self.log.append(("reasoning", index, reasoning))
            if (content := delta.get("content")) and (content := _text(content)):
                self.log.append(("text", index, content))
            calls = delta.get("tool_calls")
            if isinstance(calls, list):
                for number, call in enumerate(calls):
                    if isinstance(call, dict):
                        self._add_call(index, number, call)
            if (refusal := delta.get("refusal")) and (refusal := _text(refusal)):
                self._refusal[index] = self._refusal.get(index, "") + refusal
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self._finish[index] = (_joined([finish]), len(self.log))

    def _add_call(self, choice: int, position: int, call: dict[str, Any]) -> None:
        """Merge pieces of one call by their index. Source: xai-api.md section 4.3."""
        number = call.get("index")
        key = (choice, number if isinstance(number, int) else position)
        self._calls.add(key)
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        names = (_text(call.get("id")), _text(function.get("name")))
        self._call_parts[len(self.log)] = (key, *names)
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some gateways send them parsed
            arguments = json.dumps(arguments, ensure_ascii=False)
        self.log.append(("tool_call", choice, _text(arguments)))

    def _add_addresses(self, urls: Any) -> None:
        """Take a list of sources: only their addresses, repeated on later chunks.

        Source: xai-api.md sections 3.6, 4.6.
        """
        for url in urls if isinstance(urls, list) else ():
            if isinstance(url, str) and url and url not in self._cited:
                self._cited.add(url)
                self._cite(Citation(_joined([url])))

    def _cite(self, citation: Citation) -> None:
        self._citations[len(self.log)] = citation
        self.log.append(("citation", 0, citation.url))

    def text_length(self) -> int:
        """Return how many characters of output have arrived, of all kinds."""
        return sum(len(text) for _, _, text in self.log)

    def events_since(self, mark: int) -> list[Event]:
        """Return the events that the log holds from ``mark`` on."""
        return [
            Event(kind, delta, choice, self, mark + offset)
            for offset, (kind, choice, delta) in enumerate(self.log[mark:], 1)
            if delta or kind != "tool_result"  # which only begins
        ]

    def note_step(self, number: int, step: Step, delta: str = "") -> None:
        """Take how the call of a function goes: it begins, or has a result."""
        if self.served_at is None:
            self.served_at = len(self.log)
        self._steps[len(self.log)] = (("function", number), step)
        self.log.append(("tool_result", 0, delta))

    def end(self) -> Event:
        """Return the event that closes a stream."""
        return Event("end", "", 0, self, len(self.log))

    def reply(self, mark: int | None = None) -> Reply:
        """Make the reply, as of the first ``mark`` log entries or as it is now."""
        # lists are copied in one step each: chunks may be added on another thread
        log = self.log[:mark]
        finish = {
            index: reason
            for index, (reason, length) in list(self._finish.items())
            if mark is None or length < mark
        }
        usages = [u for at, u in list(self._usages.items()) if at < len(log)]
        steps = {n: s for at, (n, s) in list(self._steps.items()) if at < len(log)}

        def text(of_kind: EventKind, of: int) -> str:
            return _joined([d for kind, n, d in log if n == of and kind == of_kind])

        calls = self._tool_calls(log) if self._calls else []
        indices = sorted({choice for _, choice, _ in log} | finish.keys() | {0})
        head = self.head
        outcome = self.outcome if mark is None else {}
        is_read = self.schema is None or "parsed" in outcome
        is_served = self.served_at is not None and len(log) > self.served_at
        if outcome.get("state") == "done" and (is_served or not is_read):
            outcome = {**outcome, "state": "running"}  # it is to be gone on with
        if is_served:  # calls are steps by now
            calls = []
        made = Reply(
            choices=tuple(
                Choice(
                    index=index,
                    text=text("text", index),
                    reasoning=text("reasoning", index),
                    tool_calls=tuple(call for of, call in calls if of == index),
                    finish_reason=finish.get(index),
                    refusal=_joined([self._refusal[index]])
                    if index in self._refusal
                    else None,
                )
                for index in indices
            ),
            **{
                "usage": usages[-1] if usages else None,
                "model": head.get("model"),
                "id": head.get("id"),
                "fingerprint": head.get("system_fingerprint"),
                "cited": tuple(
                    c for at, c in list(self._citations.items()) if at < len(log)
                ),
                "steps": tuple(steps.values()),
                "schema": self.schema,
                "request": self.request,
                "raw": self.data,
                **outcome,
            },
        )
        return made if self.before is None else continued(self.before, made)

    def _tool_calls(
        self, log: list[tuple[EventKind, int, str]]
    ) -> list[tuple[int, ToolCall]]:
        """Return the calls that the log holds, each with its choice, in their order."""
        ids: dict[tuple[int, int], str] = {}
        names: dict[tuple[int, int], str] = {}
        arguments: dict[tuple[int, int], list[str]] = {}
        for at, (kind, _, delta) in enumerate(log):
            if kind == "tool_call":
                key, id_, name = self._call_parts[at]
                ids[key] = ids.get(key) or id_
                names[key] = names.get(key) or name
                arguments.setdefault(key, []).append(delta)
        return [
            (
                key[0],
                ToolCall(
                    _joined([ids[key]]), _joined([names[key]]), _joined(arguments[key])
                ),
            )
            for key in sorted(ids)
        ]


def _text(value: Any) -> str:
    """Return text, also of a list of text parts; anything else is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(p.get("text")) for p in value if isinstance(p, dict))
    return ""


def _joined(parts: list[str] | None) -> str:
    text = "".join(parts or ())
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # halves of a surrogate pair that came in two chunks belong together
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
