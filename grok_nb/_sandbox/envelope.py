"""How a drawn reply is written: as one body, or as the events of a stream."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from . import catalog
from .faults import error_event
from .generation import Generation

if TYPE_CHECKING:
    from . import tools
    from .chat_rules import Job
    from .faults import Fault
    from .generation import Delta

KEEPALIVE_EVERY = 3


class Envelope:
    """One chat completion: how it is drawn and written, and what all bodies share."""

    def __init__(self, job: Job, created: int) -> None:
        self.id = str(uuid.uuid4())
        self.model = job.model
        self.is_stream = job.stream
        self._job = job
        self._created = created

    def generate(self) -> Generation:
        """Begin to draw the reply, the same one each time."""
        return Generation(self._job)

    def writer(self, generation: Generation, fault: str | None) -> EventWriter:
        """Give what writes the events of a stream."""
        return EventWriter(self, generation, self._job, fault)

    def keep(self, generation: Generation) -> None:
        """Store a whole reply; chat completions are not stored."""

    def _fields(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self._created,
            "model": self._job.model.id,
        }

    def _tail(self) -> dict[str, Any]:
        tail: dict[str, Any] = {"system_fingerprint": catalog.FINGERPRINT}
        if self._job.service_tier is not None:
            tail["service_tier"] = self._job.service_tier
        return tail

    def whole(self, generation: Generation) -> bytes:
        """Draw the whole reply and write it as one body."""
        reasoning: list[list[str]] = [[] for _ in range(self._job.choices)]
        content: list[list[str]] = [[] for _ in range(self._job.choices)]
        probable: list[list[dict[str, Any]]] = [[] for _ in range(self._job.choices)]
        finish = [""] * self._job.choices
        refused: list[list[str]] = [[] for _ in range(self._job.choices)]
        calls: list[list[dict[str, Any]]] = [[] for _ in range(self._job.choices)]
        for delta in generation:
            if delta.reasoning is not None:
                reasoning[delta.choice].append(delta.reasoning)
            elif delta.content is not None:
                content[delta.choice].append(delta.content)
                if delta.logprobs is not None:
                    probable[delta.choice].append(delta.logprobs)
            elif delta.refusal is not None:
                refused[delta.choice].append(delta.refusal)
            elif delta.call is not None:
                calls[delta.choice].append(_call(delta.call[1]))
            else:
                finish[delta.choice] = delta.finish or ""
        choices = []
        for index in range(self._job.choices):
            message: dict[str, Any] = {
                "role": "assistant",
                "content": "".join(content[index]),
            }
            if calls[index]:
                message["tool_calls"] = calls[index]
            if reasoning[index]:
                message["reasoning_content"] = "".join(reasoning[index])
            choice: dict[str, Any] = {
                "index": index,
                "message": message | {"refusal": "".join(refused[index]) or None},
                "finish_reason": finish[index],
            }
            if self._job.top_logprobs is not None:
                choice["logprobs"] = {"content": probable[index]}
            choices.append(choice)
        usage = {"choices": choices, "usage": generation.usage()}
        tail = self._tail() | self._citations()
        return _json(self._fields("chat.completion") | usage | tail)

    def _citations(self) -> dict[str, Any]:
        found = self._job.citations
        return {} if found is None else {"citations": list(found)}

    def event(
        self,
        choices: list[dict[str, Any]],
        usage: dict[str, Any] | None = None,
        *,
        is_last: bool,
    ) -> bytes:
        """Write one event of the stream; the last of a choice has the citations."""
        chunk = self._fields("chat.completion.chunk") | {"choices": choices}
        if usage is not None:
            chunk["usage"] = usage
        if is_last:
            chunk |= self._citations()
        return b"data: " + _json(chunk | self._tail()) + b"\n\n"


def _call(call: tools.Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class EventWriter:
    """
    The events of a stream in the shape of one vintage.

    The recorded shape of 2026 has the role on the first delta only and the usage in a
    chunk of its own; the documents of 2025 have both on every chunk, the usage
    cumulative.
    """

    def __init__(
        self,
        envelope: Envelope,
        generation: Generation,
        job: Job,
        fault: str | None,
    ) -> None:
        self._envelope, self._generation = envelope, generation
        self._job = job
        self._is_2025 = job.vintage == "2025"
        self._fault = fault
        self._begun: set[int] = set()
        self._written = 0

    def write(self, delta: Delta) -> bytes:
        """Write the event of a delta."""
        shown: dict[str, Any] = {}
        if self._is_2025 or delta.choice not in self._begun:
            self._begun.add(delta.choice)
            shown["role"] = "assistant"
        if delta.reasoning is not None:
            shown["reasoning_content"] = delta.reasoning
        elif delta.content is not None:
            shown["content"] = delta.content
        elif delta.refusal is not None:
            shown["refusal"] = delta.refusal
        elif delta.call is not None:
            place, call = delta.call
            shown["tool_calls"] = [{"index": place, **_call(call)}]
        choice: dict[str, Any] = {"index": delta.choice, "delta": shown}
        if delta.logprobs is not None:
            choice["logprobs"] = {"content": [delta.logprobs]}
        if delta.finish is not None:
            choice["finish_reason"] = delta.finish
        has_usage = self._is_2025 and self._fault != "no-usage"
        usage = self._generation.usage() if has_usage else None
        is_last = delta.finish is not None
        event = self._envelope.event([choice], usage, is_last=is_last)
        if self._fault == "comments" and self._written % KEEPALIVE_EVERY == 0:
            event = b": keepalive\n\n" + event
        self._written += 1
        return self._ended(event)

    def error(self, fault: Fault) -> bytes:
        """Write the event of an error."""
        return error_event(fault, self._job.vintage)

    def end(self) -> bytes:
        """Write what follows the last choice."""
        tail = b"data: [DONE]\n\n"
        if self._job.include_usage and self._fault != "no-usage":
            usage = self._generation.usage()
            tail = self._envelope.event([], usage, is_last=True) + tail
        return self._ended(tail)

    def _ended(self, event: bytes) -> bytes:
        return event.replace(b"\n", b"\r\n") if self._fault == "crlf" else event
