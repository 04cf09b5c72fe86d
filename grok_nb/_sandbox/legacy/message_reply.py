"""How a drawn reply is written as a message, or as the events of one."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import errors
from grok_nb._sandbox.envelope import KEEPALIVE_EVERY
from grok_nb._sandbox.generation import Generation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox import tools
    from grok_nb._sandbox.chat_rules import Job
    from grok_nb._sandbox.faults import Fault
    from grok_nb._sandbox.generation import Delta

    from .message_answers import MessageUsage

Event = dict[str, Any]
_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def usage_of(usage: dict[str, Any]) -> MessageUsage:
    """
    Tell a chat's usage in the form of messages.

    The input is what was not in the cache, and the output holds the reasoning, as the
    clients of this form have it. Source: xai-api.md section 8.1; that xAI counts in
    the same way is a guess.
    """
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    return {
        "input_tokens": usage["prompt_tokens"] - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage["completion_tokens"] + reasoning,
    }


class MessageGeneration:
    """
    A message as it is drawn, event by event up to the end of its last block.

    Parameters
    ----------
    job : Job
        What is answered.
    start : dict
        The message as it is at the beginning, without its usage.
    """

    def __init__(self, job: Job, start: dict[str, Any]) -> None:
        self._drawn = Generation(job)
        self._start = start
        self.content: list[dict[str, Any]] = []
        self.stop_reason: str | None = None
        self.stop_sequence: str | None = None

    @property
    def drawn_tokens(self) -> int:
        """All tokens that were drawn."""
        return self._drawn.drawn_tokens

    def prepare(self) -> None:
        """Do what takes long."""
        self._drawn.prepare()

    def usage(self) -> dict[str, Any]:
        """Give the usage of what was drawn, as a chat has it: so it is billed."""
        return self._drawn.usage()

    def __iter__(self) -> Iterator[Event]:
        message = self._start | {"usage": usage_of(self.usage())}
        yield {"type": "message_start", "message": message}
        for delta in self._drawn:
            yield from self._events(delta)

    def _events(self, delta: Delta) -> Iterator[Event]:
        if delta.reasoning is not None:
            yield from self._grow("thinking", "thinking", delta.reasoning)
        elif delta.call is not None:
            yield from self._call(delta.call[1])
        elif delta.content is not None:
            yield from self._grow("text", "text", delta.content)
        elif delta.finish is not None:
            yield from self._stop_block()
            self.stop_reason = _REASONS[delta.finish]
            if delta.stop is not None:
                self.stop_reason, self.stop_sequence = "stop_sequence", delta.stop

    def _grow(self, kind: str, field: str, token: str) -> Iterator[Event]:
        if not self.content or self.content[-1]["type"] != kind:
            signed = {"signature": ""} if kind == "thinking" else {}
            yield from self._start_block({"type": kind, field: ""} | signed)
        self.content[-1][field] += token
        yield self._delta({"type": f"{kind}_delta", field: token})

    def _call(self, call: tools.Call) -> Iterator[Event]:
        named = {"type": "tool_use", "id": call.id, "name": call.name}
        yield from self._start_block(named | {"input": {}})
        self.content[-1]["input"] = json.loads(call.arguments)
        yield self._delta({"type": "input_json_delta", "partial_json": call.arguments})

    def _start_block(self, block: dict[str, Any]) -> Iterator[Event]:
        yield from self._stop_block()
        self.content.append(block)
        yield {
            "type": "content_block_start",
            "index": len(self.content) - 1,
            "content_block": dict(block),
        }

    def _delta(self, delta: dict[str, Any]) -> Event:
        index = len(self.content) - 1
        return {"type": "content_block_delta", "index": index, "delta": delta}

    def _stop_block(self) -> Iterator[Event]:
        if self.content:
            yield {"type": "content_block_stop", "index": len(self.content) - 1}


class MessageReply:
    """One message: how it is drawn and written."""

    def __init__(self, job: Job) -> None:
        self.id = str(uuid.uuid4())
        self.model = job.model
        self.is_stream = job.stream
        self._job = job

    def generate(self) -> MessageGeneration:
        """Begin to draw the message, the same one each time."""
        return MessageGeneration(self._job, self._body(None))

    def whole(self, generation: MessageGeneration) -> bytes:
        """Draw the whole message and write it as one body."""
        for _ in generation:
            pass
        usage = usage_of(generation.usage())
        return _json(self._body(generation) | {"usage": usage})

    def _body(self, generation: MessageGeneration | None) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model.id,
            "content": generation.content if generation else [],
            "stop_reason": generation.stop_reason if generation else None,
            "stop_sequence": generation.stop_sequence if generation else None,
        }

    def writer(
        self, generation: MessageGeneration, fault: str | None
    ) -> MessageEventWriter:
        """Give what writes the events of a stream."""
        return MessageEventWriter(generation, fault, self._job.vintage)

    def keep(self, generation: MessageGeneration) -> None:
        """Store a whole reply; messages are not stored."""


class MessageEventWriter:
    """
    The events of a message, each with its name; no ``[DONE]`` follows.

    Source: xai-api.md section 8.1: the sequence is Anthropic's, which the SDK accepts;
    no recording of xAI's own was found.
    """

    def __init__(
        self, generation: MessageGeneration, fault: str | None, vintage: str
    ) -> None:
        self._generation, self._fault, self._vintage = generation, fault, vintage
        self._written = 0

    def write(self, event: Event) -> bytes:
        """Write an event."""
        if self._fault == "no-usage" and event["type"] == "message_start":
            message = {k: v for k, v in event["message"].items() if k != "usage"}
            event = event | {"message": message}
        written = _event(event["type"], event)
        if self._fault == "comments" and self._written % KEEPALIVE_EVERY == 0:
            written = b": keepalive\n\n" + written
        self._written += 1
        return self._ended(written)

    def error(self, fault: Fault) -> bytes:
        """
        Write the event of an error.

        Its body is xAI's. It is named, for without a name the SDK passes over it.
        """
        error = errors.scripted(503, fault.message)
        return self._ended(_event("error", json.loads(error.body(self._vintage)[1])))

    def end(self) -> bytes:
        """Write why the message ends, with its usage, and the end."""
        drawn = self._generation
        delta = {"stop_reason": drawn.stop_reason, "stop_sequence": drawn.stop_sequence}
        last: Event = {"type": "message_delta", "delta": delta}
        if self._fault != "no-usage":
            last["usage"] = usage_of(drawn.usage())
        return self.write(last) + self.write({"type": "message_stop"})

    def _ended(self, written: bytes) -> bytes:
        is_crlf = self._fault == "crlf"
        return written.replace(b"\n", b"\r\n") if is_crlf else written


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _json(data))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
