"""The routes of /v1/responses, and the bodies and events of one response."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from grok_nb._sandbox import catalog, envelope, errors, exchange
from grok_nb._sandbox.faults import error_of

from . import planning, rules
from .generation import Event, Generation
from .stored import DEFAULT_ITEMS, MAX_ITEMS

if TYPE_CHECKING:
    from fastapi import FastAPI

    from grok_nb._sandbox.delivery import Delivered
    from grok_nb._sandbox.desk import Desk, Incoming
    from grok_nb._sandbox.faults import Fault

    from .planning import Plan
    from .rules import ResponseJob
    from .stored import Stored

PATH = "/v1/responses"
# What may be fetched, searched or drawn, or is known of an earlier response only, is
# not waited for on the event loop: it may come from this very server.
_SLOW = re.compile(
    rb'"(?:input_image|input_file|file_search|collections_search|image_generation'
    rb'|previous_response_id)"'
)
# What a request sends to another server is not shown again.
_SECRETS = frozenset({"authorization", "headers"})


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Serve the endpoints."""
    stored = desk.responses

    @app.post(PATH)
    async def create(request: Request) -> Response:
        return await respond(request.state.incoming, stored)

    @app.get(f"{PATH}/{{name}}")
    async def retrieve(name: str) -> Response:
        return _answered(stored.get(name).body)

    @app.delete(f"{PATH}/{{name}}")
    async def delete(name: str) -> Response:
        stored.delete(name)
        return _answered({"id": name, "object": "response", "deleted": True})

    @app.get(f"{PATH}/{{name}}/input_items")
    async def input_items(name: str, request: Request) -> Response:
        query = request.query_params
        listed = stored.input_items(
            name,
            limit=_limit(query.get("limit")),
            after=query.get("after"),
            is_oldest_first=_order(query.get("order")) == "asc",
        )
        return _answered({"object": "list", "data": listed})


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_ITEMS
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    if not is_number or not 1 <= int(text) <= MAX_ITEMS:
        raise errors.invalid(f"Invalid value for limit: it must be 1 to {MAX_ITEMS}.")
    return int(text)


def _order(text: str | None) -> str:
    if text not in {None, "asc", "desc"}:
        raise errors.invalid("Invalid value for order: expected asc or desc.")
    return text or "desc"


def _answered(content: dict[str, Any]) -> Response:
    return Response(_json(content), media_type="application/json")


def _json(content: dict[str, Any]) -> bytes:
    # ASCII with escapes: an input item may hold what UTF-8 cannot.
    return json.dumps(content, separators=(",", ":")).encode()


async def respond(incoming: Incoming, stored: Stored) -> Delivered:
    """
    Answer a request for a response.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk = incoming.desk
    incoming.require_json()
    arguments = (incoming.body, desk, stored)
    is_large = len(incoming.body) > exchange.LARGE_BYTES
    if is_large or _SLOW.search(incoming.body):
        job = await asyncio.to_thread(rules.prepare, *arguments)
        outcomes = await planning.consult(job)
        plan = await asyncio.to_thread(planning.plan, job, outcomes, desk)
    else:
        job = rules.prepare(*arguments)
        plan = planning.plan(job, await planning.consult(job), desk)
    accepted = exchange.Exchange(
        incoming,
        Replying(job, plan, incoming, stored),
        job.chat.prompt_tokens,
        is_large=is_large or job.chat.prompt_text_tokens > exchange.LARGE_TOKENS,
    )
    return accepted.delivered()


class Replying:
    """
    One response: how it is drawn, written and stored.

    Parameters
    ----------
    job : ResponseJob
        What is answered.
    plan : Plan
        How.
    incoming : Incoming
        The request, and what goes wrong with it.
    stored : Stored
        Where it is kept.
    """

    def __init__(
        self,
        job: ResponseJob,
        plan: Plan,
        incoming: Incoming,
        stored: Stored,
    ) -> None:
        desk, fault = incoming.desk, incoming.fault
        self.id = str(uuid.uuid4())
        self.model = job.model
        self.is_stream = bool(job.request.stream)
        self._job, self._plan, self._stored = job, plan, stored
        self._size = len(incoming.body)
        self._unix_time = desk.unix_time
        self._created_at = int(desk.unix_time())
        self._failure = fault if fault is not None and fault.do == "failed" else None

    def generate(self) -> Generation:
        """Begin to draw the response, the same one each time."""
        fails_after = None
        if self._failure is not None:
            total = sum(1 for _ in self._generation())
            after = self._failure.after
            wanted = total // 2 if after is None else min(after, total)
            # The first two only say that it has begun.
            fails_after = max(wanted, 2)
        return self._generation(fails_after)

    def _generation(self, fails_after: int | None = None) -> Generation:
        return Generation(
            self._job, self._plan, self.id, lambda: self.body(None), fails_after
        )

    def whole(self, generation: Generation) -> bytes:
        """Draw the whole response and write it as one body."""
        for _ in generation:
            pass
        return _json(self.body(generation))

    def writer(self, generation: Generation, fault: str | None) -> EventWriter:
        """Give what writes the events of a stream."""
        return EventWriter(self, generation, fault, self._job.vintage)

    def keep(self, generation: Generation) -> None:
        """Store the response, unless it is not to be stored."""
        if self._job.request.store is not False:
            body = self.body(generation)
            drawn = sum(len(item.get("result") or "") for item in body["output"])
            self._stored.add(body, self._job.items, self._size + drawn)

    def body(self, generation: Generation | None) -> dict[str, Any]:
        """
        Build the response.

        Parameters
        ----------
        generation : Generation or None
            What was drawn; None at the beginning.
        """
        request, chat_job = self._job.request, self._job.chat
        body: dict[str, Any] = {
            "id": self.id,
            "object": "response",
            "created_at": self._created_at,
            "completed_at": None,
            "status": "in_progress",
            "model": self.model.id,
            "store": request.store is not False,
            "previous_response_id": request.previous_response_id,
            "output": [],
            "reasoning": self._reasoning(),
            "text": {"format": self._format()},
            "tool_choice": self._choice(),
            "tools": [_shown(tool) for tool in request.tools or ()],
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "temperature": 1 if request.temperature is None else request.temperature,
            "top_p": 1 if request.top_p is None else request.top_p,
            "top_logprobs": request.top_logprobs or 0,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "max_output_tokens": request.max_output_tokens,
            "max_tool_calls": None,
            "truncation": "disabled",
            "background": False,
            "service_tier": chat_job.service_tier or "default",
            "instructions": request.instructions,
            "user": request.user,
            "prompt_cache_key": request.prompt_cache_key,
            "safety_identifier": request.safety_identifier,
            "incomplete_details": None,
            "error": None,
            "metadata": {"system_fingerprint": catalog.FINGERPRINT},
            "usage": None,
        }
        if self._job.vintage == "2025":
            body["citations"] = []
        if generation is not None:
            body |= self._end(generation)
        return body

    def _end(self, generation: Generation) -> dict[str, Any]:
        end: dict[str, Any] = {
            "completed_at": int(self._unix_time()),
            "status": "completed",
            "output": generation.output,
            "usage": generation.usage(),
        }
        if generation.is_failed and self._failure is not None:
            end["status"] = "failed"
            end["completed_at"] = None
            error = error_of(self._failure)
            end["error"] = {"code": "server_error", "message": error.text}
        elif generation.is_incomplete:
            end["status"] = "incomplete"
            end["incomplete_details"] = {"reason": "max_output_tokens"}
        if self._job.vintage == "2025":
            end["citations"] = list(dict.fromkeys(generation.urls))
        return end

    def _reasoning(self) -> dict[str, Any]:
        options = self._job.request.reasoning
        # A family that always reasons, or never, has no effort to tell of.
        effort = self._job.question.effort or "none"
        return {
            "effort": effort if effort in self.model.efforts else None,
            "summary": (options.summary if options else None) or "detailed",
        }

    def _format(self) -> dict[str, Any]:
        text = self._job.request.text
        if text is None or text.format is None:
            return {"type": "text"}
        return text.format.model_dump(by_alias=True, exclude_unset=True)

    def _choice(self) -> str | dict[str, Any]:
        choice = self._job.request.tool_choice
        if choice is None:
            return "auto"
        return choice if isinstance(choice, str) else choice.model_dump()


def _shown(tool: Any) -> dict[str, Any]:  # Any: one of the tools' types
    shown: dict[str, Any] = tool.model_dump(exclude_unset=True)
    return {key: value for key, value in shown.items() if key not in _SECRETS}


class EventWriter:
    """
    The events of a stream, numbered from 0.

    Both ``event:`` and ``data:`` lines are sent, and ``[DONE]`` at the end.
    Source: xai-api.md section 6.7.
    """

    def __init__(
        self,
        replying: Replying,
        generation: Generation,
        fault: str | None,
        vintage: str,
    ) -> None:
        self._replying, self._generation = replying, generation
        self._fault, self._vintage = fault, vintage
        self._number = 0

    def write(self, event: Event) -> bytes:
        """Write an event."""
        data = {"type": event["type"], "sequence_number": self._number, **event}
        written = b"event: %s\ndata: %s\n\n" % (event["type"].encode(), _json(data))
        if self._fault == "comments" and self._number % envelope.KEEPALIVE_EVERY == 0:
            written = b": keepalive\n\n" + written
        self._number += 1
        return self._ended(written)

    def error(self, fault: Fault) -> bytes:
        """Write the event of a failure that has no response."""
        error = json.loads(error_of(fault).body(self._vintage)[1])
        code = error.get("code", "server_error")
        fields = {"code": code, "message": error["error"], "param": None}
        return self.write({"type": "error", **fields})

    def end(self) -> bytes:
        """Write the whole response, with its usage, and the end."""
        body = self._replying.body(self._generation)
        if self._fault == "no-usage":
            body["usage"] = None
        last = self.write({"type": f"response.{body['status']}", "response": body})
        return last + self._ended(b"data: [DONE]\n\n")

    def _ended(self, written: bytes) -> bytes:
        is_crlf = self._fault == "crlf"
        return written.replace(b"\n", b"\r\n") if is_crlf else written
