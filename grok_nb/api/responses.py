"""The Responses API: arguments -> a request, and a method per endpoint.

Source of names, types and ranges: xai-api.md sections 6.1, 6.2 and 6.8.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from grok_nb.errors import BadRequest
from grok_nb.reply import Origin

from . import gate
from .chat import check_model
from .exchange import Call, Exchange
from .parameters import (
    CHOICE,
    FLAG,
    LIST,
    NUMBER,
    OBJECT,
    WHOLE,
    WORD,
    WORDS,
    Rules,
    checked,
    in_path,
    refuse_elsewhere,
)
from .response_fold import ResponseFold
from .server_tools import checked_tools, without_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from grok_nb.reply import RetryNotice
    from grok_nb.wire import DeletedResponse, InputItems, Response, ResponseEvent

RESPONSES = "/responses"

#: name -> (what it must be, lowest, highest)
PARAMETERS: Rules = {
    "instructions": (WORD, 0, 0),
    "previous_response_id": (WORD, 0, 0),
    "store": (FLAG, 0, 0),
    "include": (WORDS, 0, 0),
    "max_output_tokens": (WHOLE, 1, math.inf),
    "max_turns": (WHOLE, 1, math.inf),
    "parallel_tool_calls": (FLAG, 0, 0),
    "reasoning": (OBJECT, 0, 0),
    "text": (OBJECT, 0, 0),
    "tools": (LIST, 0, 0),
    "tool_choice": (CHOICE, 0, 0),
    "temperature": (NUMBER, 0, 2),
    "top_p": (NUMBER, 0, 1),
    "logprobs": (FLAG, 0, 0),
    "top_logprobs": (WHOLE, 0, 8),
    "user": (WORD, 0, 0),
    "prompt_cache_key": (WORD, 0, 0),
    "service_tier": (WORD, 0, 0),
    "safety_identifier": (WORD, 0, 0),
    "metadata": (OBJECT, 0, 0),
    "truncation": (WORD, 0, 0),
    "context_management": (OBJECT, 0, 0),
}
#: parameters of chat completions that have another name here -> what to do
_ELSEWHERE = {
    "max_tokens": "Write max_output_tokens= here.",
    "max_completion_tokens": "Write max_output_tokens= here.",
    "reasoning_effort": 'Write reasoning={"effort": ...} here.',
    "response_format": 'Write text={"format": ...} here.',
    "system": "Write instructions= here.",
    "messages": "Write input= here.",
    "search_parameters": 'Write tools=[{"type": "web_search"}] here.',
}
_NOT_FOUND = (
    "A response is stored for 30 days, unless store=False was sent or it was deleted."
)


class ResponseOptions(TypedDict, total=False):
    """Parameters of a response, by the API's own names.

    Source: xai-api.md section 6.1.
    """

    instructions: str | None
    previous_response_id: str | None
    store: bool | None
    include: Sequence[str] | None
    max_output_tokens: int | None
    max_turns: int | None
    parallel_tool_calls: bool | None
    reasoning: Mapping[str, Any] | None
    text: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    temperature: float | None
    top_p: float | None
    logprobs: bool | None
    top_logprobs: int | None
    user: str | None
    prompt_cache_key: str | None
    service_tier: str | None
    safety_identifier: str | None
    metadata: Mapping[str, Any] | None
    truncation: str | None
    context_management: Mapping[str, Any] | None


# -- what is asked ---------------------------------------------------------------------


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were set.

    Raises
    ------
    BadRequest
        One cannot be right, or two do not go together. Nothing was sent.
    """
    check_names(options)
    found = checked("Responses", PARAMETERS, options)
    if "instructions" in found and "previous_response_id" in found:
        raise BadRequest(
            "instructions and previous_response_id exclude each other.",
            hint="Those of the earlier response still hold; leave instructions out.",
        )
    if isinstance(found.get("include"), str):
        found["include"] = [found["include"]]
    if "tools" in found:
        found["tools"] = checked_tools(found["tools"])
    choice = found.get("tool_choice")
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        raise BadRequest(
            "tool_choice has its function nested, as in chat completions.",
            hint='Here it is flat: {"type": "function", "name": ...}.',
        )
    format_ = found.get("text", {}).get("format")
    if isinstance(format_, Mapping) and "json_schema" in format_:
        raise BadRequest(
            "text has its schema nested, as in chat completions.",
            hint='Here it is flat: {"format": {"type": "json_schema", "name": ..., '
            '"schema": ...}}.',
        )
    return found


def check_names(options: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for a parameter of chat completions with another name here."""
    refuse_elsewhere("Responses", _ELSEWHERE, options)


def checked_input(given: object) -> str | list[dict[str, Any]]:
    """Return text, or items as new dicts; an item of a response is taken as it came."""
    if isinstance(given, str):
        if not given:
            raise BadRequest("input is empty: there is nothing to ask.")
        return given
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Sequence):
        raise BadRequest(
            f"input must be text or a list of items, not {type(given).__name__}.",
            hint='For example [{"role": "user", "content": "Hello"}].',
        )
    if not given:
        raise BadRequest("input is empty: there is nothing to ask.")
    return [_item(f"input[{number}]", item) for number, item in enumerate(given)]


def _item(where: str, item: object) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise BadRequest(
            f"{where} must be a dict, not {type(item).__name__}.",
            hint="Of a response, resend response.raw['output'].",
        )
    kind, role, content = item.get("type"), item.get("role"), item.get("content")
    if not isinstance(role, str) and not isinstance(kind, str):
        raise BadRequest(
            f"{where} has neither role nor type.",
            hint='{"role": "user", "content": ...} or {"type": ..., ...}.',
        )
    if kind not in (None, "message"):
        return dict(item)
    if not isinstance(role, str) or not role:
        raise BadRequest(
            f"{where} has no role.", hint="user, assistant, system or developer."
        )
    if not isinstance(content, (str, list, tuple)):
        raise BadRequest(
            f"content of {where} must be text or a list of parts, "
            f"not {type(content).__name__}.",
            hint="str(...) makes text of it.",
        )
    if not content:
        raise BadRequest(f"{where} ({role}) is empty.")
    return dict(item)


def items_of(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write messages of chat completions as input items; items stay as they are.

    Source: xai-api.md sections 3.2 and 6.2.
    """
    items: list[dict[str, Any]] = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role is None:  # an item of a response, as it came
            items.append(dict(message))
            continue
        if role in ("tool", "function"):
            items.append(
                {
                    "type": "function_call_output",
                    "call_id": message.get("tool_call_id"),
                    "output": content,
                }
            )
            continue
        if content:
            if not isinstance(content, str):
                content = [_part(role, part) for part in content]
            items.append({"role": role, "content": content})
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            items.append(
                {
                    "type": "function_call",
                    "call_id": call.get("id"),
                    "name": function.get("name"),
                    "arguments": function.get("arguments"),
                }
            )
    return items


def _part(role: object, part: Any) -> Any:
    """Write a part of a message as one of an item; what is not known stays."""
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    if kind == "text":
        name = "output_text" if role == "assistant" else "input_text"
        return {**part, "type": name}
    image, file = part.get("image_url"), part.get("file")
    if kind == "image_url" and isinstance(image, Mapping):
        rest = {k: v for k, v in image.items() if k != "url"}
        return {"type": "input_image", "image_url": image.get("url"), **rest}
    if kind == "image_url":
        return {**part, "type": "input_image"}
    if kind == "file" and isinstance(file, Mapping):
        named = {"file_url" if k == "url" else k: v for k, v in file.items()}
        return {"type": "input_file", **named}
    return part


#: option of `ask` -> what it is called here; what is missing cannot be asked for
_OF_ASK = {
    "max_tokens": "max_output_tokens",
    "max_turns": "max_turns",
    "temperature": "temperature",
    "top_p": "top_p",
    "reasoning_effort": "reasoning",
}


def options_of_ask(
    options: Mapping[str, Any], tools: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the parameters for a question that the server's tools help to answer.

    Parameters
    ----------
    options
        Of `ask`, by its names; ``None`` is not set.
    tools
        At least one.

    Raises
    ------
    BadRequest
        An option that this endpoint does not have, or one that cannot be right.

    Notes
    -----
    Nothing is kept at the server: the history travels with each question.
    """
    found: dict[str, Any] = {"tools": tools, "store": False}
    for name, value in options.items():
        if value is None:
            continue
        if name not in _OF_ASK:
            raise BadRequest(
                f"{name} does not go with search or run_code: the endpoint that has "
                "them does not know it.",
                hint=f"Leave out {name}, or ask without search and run_code.",
            )
        if name in ("max_tokens", "max_turns"):
            (value,) = checked(  # noqa: PLW2901 - under the user's own name
                "", {name: PARAMETERS[_OF_ASK[name]]}, {name: value}
            ).values()
        if name == "reasoning_effort":
            if not isinstance(value, str):
                raise BadRequest(f"{name} must be text, not {reprlib.repr(value)}.")
            value = {"effort": value}  # noqa: PLW2901
        found[_OF_ASK[name]] = value
    return checked_options(found)


# -- the methods -----------------------------------------------------------------------


class ResponseMethods:
    """The methods of `Client` for ``/v1/responses``."""

    exchange: Exchange

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask; see `Client`."""
        raise NotImplementedError

    def heed(self, model: str | None) -> None:
        """Warn of a retired model; see `Client`."""
        raise NotImplementedError

    async def respond(
        self,
        input: str | Sequence[Mapping[str, Any]],  # noqa: A002 - the API's name
        model: str | None = None,
        **options: Unpack[ResponseOptions],
    ) -> Response:
        """Ask, with tools that run at the server: ``POST /v1/responses``.

        Parameters
        ----------
        input
            Text, or items: messages, results of functions, and the output of earlier
            responses as it came (``response.raw["output"]``).
        model
            Id or alias; default as `Grok` resolves it.
        **options
            Any of `ResponseOptions`; only what is given is sent. A response is stored
            at xAI for 30 days, unless ``store=False``. ``max_output_tokens`` bounds
            reasoning, too.

        Returns
        -------
        Response
            Typed; ``.raw`` is the JSON as it came.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        ServerFault
            Among others: the response has failed at the server.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 6.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     grok.respond("What is 6*7?", store=False).status
        'completed'
        """
        from grok_nb.wire import Response

        options = without_secrets(options)  # type: ignore[assignment]  # as it was
        call = await self._checked_call(input, model, options)
        async for _ in self.exchange.run(call):
            pass
        return Response.read(call.fold.data or {})

    async def respond_stream(
        self,
        input: str | Sequence[Mapping[str, Any]],  # noqa: A002 - the API's name
        model: str | None = None,
        **options: Unpack[ResponseOptions],
    ) -> AsyncIterator[ResponseEvent]:
        """Ask, event by event; arguments as for `respond`.

        Yields
        ------
        ResponseEvent
            In the order of the server; the last one has ``.response``, with the usage.

        Raises
        ------
        StreamError
            The stream ended before the response did, or it failed; ``.reply`` holds
            what had arrived.

        Notes
        -----
        Source: xai-api.md section 6.7.
        """
        from grok_nb.wire import ResponseEvent

        options = without_secrets(options)  # type: ignore[assignment]  # as it was
        call = await self._checked_call(input, model, options, stream=True)
        exchange = self.exchange.run(call)
        try:
            async for event in exchange:
                yield ResponseEvent.read(event)
        finally:
            event = {}  # a traceback may show variables, and a server echo the key
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def get_response(self, response_id: str) -> Response:
        """Read a stored response, free of charge: ``GET /v1/responses/{id}``.

        Raises
        ------
        NotFound
            It never was, was deleted, was not stored, or is older than 30 days.

        Notes
        -----
        Source: xai-api.md section 6.8.
        """
        from grok_nb.wire import Response

        path = _path(response_id)
        return Response.read(await self.exchange.free(path, missing=_NOT_FOUND))

    async def delete_response(self, response_id: str) -> DeletedResponse:
        """Delete a stored response: ``DELETE /v1/responses/{id}``; free.

        Raises
        ------
        NotFound
            As for `get_response`; also where an earlier attempt of the same call, whose
            answer was lost, has deleted it.

        Notes
        -----
        Source: xai-api.md section 6.8.
        """
        from grok_nb.wire import DeletedResponse

        path = _path(response_id)
        return DeletedResponse.read(
            await self.exchange.free(path, method="DELETE", missing=_NOT_FOUND)
        )

    async def response_input_items(self, response_id: str) -> InputItems:
        """List what a stored response was asked, free of charge.

        ``GET /v1/responses/{id}/input_items``.

        Raises
        ------
        NotFound
            As for `get_response`.

        Notes
        -----
        Source: xai-api.md section 6.8.
        """
        from grok_nb.wire import InputItems

        path = f"{_path(response_id)}/input_items"
        return InputItems.read(await self.exchange.free(path, missing=_NOT_FOUND))

    async def _checked_call(
        self,
        given: object,
        model: str | None,
        options: Mapping[str, Any],
        *,
        stream: bool = False,
    ) -> Call:
        if model is not None:
            check_model(model)
        asked, options = checked_input(given), checked_options(options)
        return await self._response_call(asked, model, options, stream=stream)

    async def _response_call(
        self,
        asked: str | list[dict[str, Any]],
        model: str | None,
        options: Mapping[str, Any],
        *,
        stream: bool = False,
        names: Mapping[str, str] | None = None,
        origin: Origin = Origin(),  # noqa: B008 - frozen
        on_retry: Callable[[RetryNotice], None] | None = None,
        timeout_s: float | None = None,
    ) -> Call:
        """Return the call for an input and options that were checked.

        ``names`` has what the user calls parameters that are named otherwise.
        """
        model = await self.resolve_model(model)
        names = names or {"reasoning_effort": "reasoning"}
        given = {name: name for name in options}
        if "effort" in options.get("reasoning", {}):
            given["reasoning_effort"] = names["reasoning_effort"]
        gate.check_parameters(self.exchange.table, model, given)
        self.heed(model)
        body = {"model": model, "input": asked, **options}
        if stream:
            body["stream"] = True
        return Call(
            RESPONSES,
            body,
            origin=origin,
            on_retry=on_retry,
            fold=ResponseFold,
            names=names,
            missing=_NOT_FOUND if "previous_response_id" in options else "",
            timeout_s=timeout_s,
        )


def _path(response_id: object) -> str:
    return f"{RESPONSES}/{in_path('response_id', response_id, 'It is in response.id.')}"
