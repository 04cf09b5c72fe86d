"""A response as it is drawn, event by event, and what was used until then."""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from base64 import b64encode
from importlib import resources
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import catalog, logprobs, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from grok_nb._sandbox.tools import Call

    from .planning import Citation, Plan
    from .rules import ResponseJob
    from .runs import Run

Event = dict[str, Any]
# Counters that every usage figure has; xai-api.md sections 6.5 and 6.6.
_COUNTERS = (
    "web_search_calls",
    "x_search_calls",
    "code_interpreter_calls",
    "file_search_calls",
    "mcp_calls",
    "document_search_calls",
)
_NEWER_COUNTERS = ("image_generation_calls", "x_posts_fetched", "x_users_fetched")
# Steps of a call between its beginning and its end.
_STEPS = {
    "web_search_call": ("in_progress", "searching"),
    "file_search_call": ("in_progress", "searching"),
    "code_interpreter_call": ("in_progress", "interpreting"),
    "mcp_call": ("in_progress",),
    "image_generation_call": ("in_progress", "generating"),
}


@functools.cache
def _fees(vintage: str) -> dict[str, int]:
    path = resources.files("grok_nb._sandbox").joinpath("fixtures/tools.json")
    fees: dict[str, int] = json.loads(path.read_text())["ticks"][vintage]
    return fees


class _FullError(Exception):
    """Nothing more may be drawn."""


class Generation:
    """
    The response as it is drawn.

    Parameters
    ----------
    job : ResponseJob
        What is answered.
    plan : Plan
        What the tools did, and how to answer.
    name : str
        The id of the response.
    snapshot : callable
        Gives the response as it is at the beginning.
    fails_after : int, optional
        The number of events after which the response fails.
    """

    def __init__(
        self,
        job: ResponseJob,
        plan: Plan,
        name: str,
        snapshot: Callable[[], dict[str, Any]],
        fails_after: int | None = None,
    ) -> None:
        self._job, self._plan, self._name = job, plan, name
        self._snapshot = snapshot
        self._fails_after = fails_after
        self._left = job.request.max_output_tokens
        self._is_2025 = job.vintage == "2025"
        self.output: list[dict[str, Any]] = []
        self.output_tokens = 0
        self.reasoning_tokens = 0
        self.found_tokens = 0
        self.image_tokens = job.chat.prompt_image_tokens
        self.counts: dict[str, int] = {}
        self.picture_ticks = 0
        self.tools_used = 0
        self.urls: list[str] = []
        self.is_incomplete = False
        self.is_failed = False

    @property
    def drawn_tokens(self) -> int:
        """All tokens that were drawn."""
        return self.output_tokens

    def prepare(self) -> None:
        """Do what takes long."""
        self._plan.reply()

    def __iter__(self) -> Iterator[Event]:
        events = self._events()
        if self._fails_after is None:
            yield from events
            return
        yield from itertools.islice(events, self._fails_after)
        events.close()
        self.is_failed = True
        for item in self.output:
            if item["status"] == "in_progress":
                item["status"] = "incomplete"

    def _events(self) -> Generator[Event, None, None]:
        yield {"type": "response.created", "response": self._snapshot()}
        yield {"type": "response.in_progress", "response": self._snapshot()}
        reply = self._plan.reply()
        try:
            yield from self._reason(reply.reasoning)
            for number, run in enumerate(self._plan.runs, 1):
                yield from self._use(run, number)
            for call in reply.calls:
                yield from self._call(call)
            if reply.refusal is not None:
                yield from self._say(iter([reply.refusal]), "refusal")
            elif not reply.calls:
                yield from self._say(reply.pieces, "text")
        except _FullError:
            self.is_incomplete = True

    def _spend(self, number: int) -> None:
        """Count tokens, or stop where they would be too many."""
        if self._left is not None:
            if number > self._left:
                raise _FullError
            self._left -= number
        self.output_tokens += number

    def _added(self, item: dict[str, Any]) -> tuple[int, Event]:
        self.output.append(item)
        place = len(self.output) - 1
        added = {
            "type": "response.output_item.added",
            "output_index": place,
            "item": _copy(item),
        }
        return place, added

    def _done(self, place: int, status: str | None = "completed") -> Event:
        item = self.output[place]
        if status is not None:
            item["status"] = status
        return {
            "type": "response.output_item.done",
            "output_index": place,
            "item": _copy(item),
        }

    # -- reasoning -----------------------------------------------------------------

    def _reason(self, text: str) -> Iterator[Event]:
        is_shown = self._job.model.shows_reasoning
        is_sealed = self._job.includes("reasoning.encrypted_content")
        if not text:
            return
        if not is_shown and not is_sealed:
            for _ in tokens.split(text):
                self._spend(1)
                self.reasoning_tokens += 1
            return
        item: dict[str, Any] = {
            "type": "reasoning",
            "id": f"rs_{self._name}",
            "status": "in_progress",
            "summary": [],
        }
        if is_sealed:
            item["encrypted_content"] = ""
        place, added = self._added(item)
        yield added
        where = {"item_id": item["id"], "output_index": place, "summary_index": 0}
        part = {"type": "summary_text", "text": ""}
        kind = "response.reasoning_summary"
        if is_shown:
            item["summary"].append(part)
            yield {"type": f"{kind}_part.added", **where, "part": dict(part)}
        try:
            for token in tokens.split(text):
                self._spend(1)
                self.reasoning_tokens += 1
                if is_shown:
                    part["text"] += token
                    yield {"type": f"{kind}_text.delta", **where, "delta": token}
        except _FullError:
            item["status"] = "incomplete"
            raise
        if is_shown:
            yield {"type": f"{kind}_text.done", **where, "text": part["text"]}
            yield {"type": f"{kind}_part.done", **where, "part": dict(part)}
        if is_sealed:
            # Opaque to clients, who send it back as it is.
            sealed = zlib.compress(text.encode(errors="replace"))
            item["encrypted_content"] = b64encode(sealed).decode()
        yield self._done(place)

    # -- tools of the server -------------------------------------------------------

    def _use(self, run: Run, number: int) -> Iterator[Event]:
        self._spend(tokens.count(run.spoken))
        kind = run.item["type"]
        item = run.item | {
            "id": f"{run.prefix}_{self._name}_call_{number}",
            "status": "in_progress",
        }
        # What comes of a call is not known when it begins, nor where it is cut off.
        for key, value in (("input", ""), ("outputs", None), ("results", None)):
            if key in item:
                item[key] = value
        for key in ("output", "error", "result"):
            if key in item:
                item[key] = None
        place, added = self._added(item)
        yield added
        where = {"item_id": item["id"], "output_index": place}
        if kind == "custom_tool_call":
            whole = item["input"] = run.item["input"]
            kind_of_input = "response.custom_tool_call_input"
            yield {"type": f"{kind_of_input}.delta", **where, "delta": whole}
            yield {"type": f"{kind_of_input}.done", **where, "input": whole}
        for step in _STEPS.get(kind, ()):
            yield {"type": f"response.{kind}.{step}", **where}
        self._count(run)
        if kind in _STEPS:
            end = "failed" if run.is_failed else "completed"
            yield {"type": f"response.{kind}.{end}", **where}
        item |= run.item
        yield self._done(place, run.item["status"])

    def _count(self, run: Run) -> None:
        self.found_tokens += tokens.count(run.found)
        self.image_tokens += run.image_tokens
        self.urls += run.urls
        if run.is_failed:
            return
        self.tools_used += 1
        self.picture_ticks += run.ticks
        for name, number in run.counts.items():
            self.counts[name] = self.counts.get(name, 0) + number

    # -- functions -----------------------------------------------------------------

    def _call(self, call: Call) -> Iterator[Event]:
        self._spend(tokens.count(call.name + call.arguments))
        item = {
            "type": "function_call",
            "id": f"fc_{self._name}_{call.id}",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
            "status": "in_progress",
        }
        place, added = self._added(item)
        yield added
        item["arguments"] = call.arguments
        where = {"item_id": item["id"], "output_index": place}
        kind = "response.function_call_arguments"
        yield {"type": f"{kind}.delta", **where, "delta": call.arguments}
        yield {
            "type": f"{kind}.done",
            **where,
            "name": call.name,
            "arguments": call.arguments,
        }
        yield self._done(place)

    # -- the message ---------------------------------------------------------------

    def _say(self, pieces: Iterator[str], kind: str) -> Iterator[Event]:
        item: dict[str, Any] = {
            "type": "message",
            "id": f"msg_{self._name}",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        place, added = self._added(item)
        yield added
        where = {"item_id": item["id"], "output_index": place, "content_index": 0}
        if kind == "refusal":
            part: dict[str, Any] = {"type": "refusal", "refusal": ""}
        else:
            part = {
                "type": "output_text",
                "text": "",
                "logprobs": [],
                "annotations": [],
            }
        item["content"].append(part)
        yield {"type": "response.content_part.added", **where, "part": _part(part)}
        is_cut = False
        drawn: list[str] = []
        text = (token for piece in pieces for token in tokens.split(piece))
        try:
            for position, token in enumerate(text):
                self._spend(1)
                drawn.append(token)
                yield self._delta(part, where, token, position)
        except _FullError:
            is_cut = True
        finally:
            # Also where a failure ends the response in its middle.
            part[kind] = "".join(drawn)
        if kind == "text":
            yield from self._annotate(part, where)
            done = {"text": part["text"], "logprobs": part["logprobs"]}
            yield {"type": "response.output_text.done", **where, **done}
        else:
            refused = part["refusal"]
            yield {"type": "response.refusal.done", **where, "refusal": refused}
        yield {"type": "response.content_part.done", **where, "part": _part(part)}
        yield self._done(place, "incomplete" if is_cut else "completed")
        if is_cut:
            raise _FullError

    def _delta(
        self, part: dict[str, Any], where: dict[str, Any], token: str, position: int
    ) -> Event:
        if part["type"] == "refusal":
            return {"type": "response.refusal.delta", **where, "delta": token}
        entries = []
        if self._job.chat.top_logprobs is not None:
            most = self._job.chat.top_logprobs
            entries = [logprobs.entry(token, position, most)]
            part["logprobs"] += entries
        kind = "response.output_text.delta"
        return {"type": kind, **where, "delta": token, "logprobs": entries}

    def _annotate(self, part: dict[str, Any], where: dict[str, Any]) -> Iterator[Event]:
        # A marker that was cut off cites nothing.
        for citation in self._plan.citations:
            if citation.end > len(part["text"]):
                break
            annotation = self._annotation(citation)
            number = len(part["annotations"])
            part["annotations"].append(annotation)
            yield {
                "type": "response.output_text.annotation.added",
                **where,
                "annotation_index": number,
                "annotation": annotation,
            }

    def _annotation(self, citation: Citation) -> dict[str, Any]:
        found = {"type": "url_citation", "url": citation.url}
        if citation.start >= citation.end:
            # There is no marker to point at; and in 2025 there never was.
            return found
        return found | {
            "title": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        }

    # -- the bill ------------------------------------------------------------------

    def usage(self) -> dict[str, Any]:
        """Give the usage figure of what was drawn, with its cost."""
        chat = self._job.chat
        cached = tokens.cached(chat.prompt_text_tokens)
        prompt = chat.prompt_text_tokens + self.found_tokens + self.image_tokens
        cost = catalog.cost_in_ticks(
            chat.model,
            prompt=prompt,
            image=self.image_tokens,
            cached=cached,
            output=self.output_tokens,
            priority=chat.service_tier == "priority",
        )
        fees = _fees(self._job.vintage)
        cost += self.picture_ticks
        cost += sum(fees.get(name, 0) * n for name, n in self.counts.items())
        counters = _COUNTERS if self._is_2025 else _COUNTERS + _NEWER_COUNTERS
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": prompt + self.output_tokens,
            "num_sources_used": 0,
            "num_server_side_tools_used": self.tools_used,
            "cost_in_usd_ticks": cost,
            "server_side_tool_usage_details": {
                name: self.counts.get(name, 0) for name in counters
            },
        }
        if not self._is_2025:
            usage["context_details"] = {
                "input_tokens": prompt,
                "output_tokens": self.output_tokens,
            }
        return usage


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, list) else value
        for key, value in part.items()
    }


def _copy(item: dict[str, Any]) -> dict[str, Any]:
    """Copy an item, which goes on to change."""
    return {
        key: [_part(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in item.items()
    }
