"""Messages in Anthropic's form: arguments -> a request, and the methods.

Source of names and of what xAI does not take: xai-api.md section 8.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from grok_nb.errors import BadRequest

from .chat import check_model
from .exchange import Call, Exchange
from .message_fold import MessageFold
from .parameters import (
    BLOCKS,
    LIST,
    NUMBER,
    OBJECT,
    WHOLE,
    WORDS,
    Rules,
    checked,
    refuse_elsewhere,
)
from .server_tools import MOST_TOOLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grok_nb.wire import AnthropicMessage, MessageEvent

MESSAGES = "/messages"

#: name -> (what it must be, lowest, highest)
PARAMETERS: Rules = {
    "max_tokens": (WHOLE, 1, math.inf),
    "system": (BLOCKS, 0, 0),
    "stop_sequences": (WORDS, 0, 0),
    "temperature": (NUMBER, 0, 2),
    "top_p": (NUMBER, 0, 1),
    "tools": (LIST, 0, 0),
    "tool_choice": (OBJECT, 0, 0),
    "metadata": (OBJECT, 0, 0),
    "thinking": (OBJECT, 0, 0),
}
#: parameters that have another name here, or none -> what to do
_ELSEWHERE = {
    "max_completion_tokens": "Write max_tokens= here.",
    "max_output_tokens": "Write max_tokens= here.",
    "max_tokens_to_sample": "Write max_tokens= here.",
    "instructions": "Write system= here.",
    "stop": "Write stop_sequences= here.",
    "top_k": "xAI does not support it: use top_p=, or leave it out.",
    "cache_control": "xAI caches prompts by itself: leave it out.",
    "stream": "messages_stream() streams.",
    "reasoning_effort": "chat_completion() and respond() take it.",
    "response_format": "chat_completion() takes it.",
}
_CHOICES = ("auto", "any", "tool", "none")


class MessageOptions(TypedDict, total=False):
    """Parameters of a message, by the API's own names.

    Source: xai-api.md section 8.1.
    """

    max_tokens: Required[int]
    system: str | Sequence[Mapping[str, Any]] | None
    stop_sequences: str | Sequence[str] | None
    temperature: float | None
    top_p: float | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    thinking: Mapping[str, Any] | None


# -- what is asked ---------------------------------------------------------------------


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were set.

    Raises
    ------
    BadRequest
        One is missing or cannot be right. Nothing was sent.
    """
    refuse_elsewhere("Messages", _ELSEWHERE, options)
    if isinstance(choice := options.get("tool_choice"), str):
        shown = choice if choice in _CHOICES else "auto"
        raise BadRequest(
            "tool_choice must be a dict, not text.",
            hint=f'Here it is {{"type": "{shown}"}}.',
        )
    found = checked("Messages", PARAMETERS, options)
    if "max_tokens" not in found:
        raise BadRequest(
            "Messages need max_tokens: how many tokens the answer may have.",
            hint="For example max_tokens=1024.",
        )
    if isinstance(stop := found.get("stop_sequences"), str):
        found["stop_sequences"] = [stop]
    if "system" in found:
        _check_blocks("system", found["system"])
    if "tools" in found:
        found["tools"] = _checked_tools(found["tools"])
    choice = found.get("tool_choice", {"type": "auto"})
    if choice.get("type") not in _CHOICES:
        raise BadRequest(
            f"tool_choice has the type {choice.get('type')!r:.60}.",
            hint="auto, any, none, or tool with a name.",
        )
    if choice["type"] == "tool" and not isinstance(choice.get("name"), str):
        raise BadRequest("tool_choice names no tool.", hint="Add its name.")
    return found


def _checked_tools(tools: Sequence[Any]) -> list[dict[str, Any]]:
    if len(tools) > MOST_TOOLS:
        raise BadRequest(f"tools has {len(tools)} entries; at most {MOST_TOOLS} go.")
    return [_checked_tool(f"tools[{n}]", tool) for n, tool in enumerate(tools)]


def _checked_tool(where: str, tool: object) -> dict[str, Any]:
    example = '{"name": ..., "description": ..., "input_schema": {...}}'
    if not isinstance(tool, Mapping):
        raise BadRequest(
            f"{where} must be a dict, not {type(tool).__name__}.",
            hint=f"For example {example}.",
        )
    if tool.get("type") == "function" or isinstance(tool.get("function"), Mapping):
        raise BadRequest(
            f"{where} has the form of chat completions or responses.",
            hint=f"Here it is {example}.",
        )
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        raise BadRequest(f"{where} has no name.")
    if tool.get("type") not in (None, "custom"):  # one of a server
        return dict(tool)
    schema = tool.get("input_schema")
    if not isinstance(schema, Mapping):
        raise BadRequest(
            f"{where} has no input_schema that is a dict.", hint=f"It is {example}."
        )
    if schema.get("type", "object") != "object":
        raise BadRequest(f'input_schema of {where} must have the type "object".')
    # xAI is stricter than Anthropic; a schema that is completed would not be the user's
    if not isinstance(schema.get("required"), (list, tuple)):
        raise BadRequest(
            f"input_schema of {where} has no list `required`, and xAI answers 400 to "
            "that.",
            hint='List the fields that must be there, or write "required": [].',
        )
    return dict(tool)


def checked_messages(messages: object) -> list[dict[str, Any]]:
    """Return the messages as new dicts.

    Raises
    ------
    BadRequest
        They cannot be right; the message names which.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(
        messages, Sequence
    ):
        raise BadRequest(
            f"messages must be a list of dicts, not {type(messages).__name__}.",
            hint='For example [{"role": "user", "content": "Hello"}].',
        )
    if not messages:
        raise BadRequest("messages is empty: there is nothing to ask.")
    return [_checked_message(f"messages[{n}]", m) for n, m in enumerate(messages)]


_ROLES = {
    "system": "Give its text as system=.",
    "developer": "Give its text as system=.",
    "tool": 'Results are user content: {"type": "tool_result", "tool_use_id": ..., '
    '"content": ...}.',
}


def _checked_message(where: str, message: object) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise BadRequest(f"{where} must be a dict, not {type(message).__name__}.")
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        raise BadRequest(
            f"{where} has the role {role!r:.60}; here it is user or assistant."
            if role
            else f"{where} has no role.",
            hint=_ROLES.get(role, "user or assistant.")
            if isinstance(role, str)
            else "user or assistant.",
        )
    if message.get("tool_calls"):
        raise BadRequest(
            f"{where} has tool_calls, as in chat completions.",
            hint='Here they are content: {"type": "tool_use", "id": ..., "name": ..., '
            '"input": {...}}.',
        )
    _check_blocks(f"content of {where}", content)
    return dict(message)


def _check_blocks(what: str, content: object) -> None:
    """Raise `BadRequest` where this is neither text nor a list of blocks."""
    if not isinstance(content, (str, list, tuple)):
        raise BadRequest(
            f"{what} must be text or a list of blocks, not {type(content).__name__}.",
            hint="str(...) makes text of it.",
        )
    if not content:
        raise BadRequest(f"{what} is empty.")
    for number, block in enumerate(() if isinstance(content, str) else content):
        kind = block.get("type") if isinstance(block, Mapping) else None
        if not isinstance(kind, str):
            raise BadRequest(
                f"Block {number} of {what} is no dict with a type.",
                hint='{"type": "text", "text": ...}.',
            )
        if kind in ("image_url", "input_image"):
            raise BadRequest(
                f"Block {number} of {what} has the form of another endpoint.",
                hint='Here it is {"type": "image", "source": {"type": "base64", '
                '"media_type": "image/png", "data": ...}}.',
            )


# -- the methods -----------------------------------------------------------------------


class MessageMethods:
    """The methods of `Client` for ``/v1/messages``."""

    exchange: Exchange

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask; see `Client`."""
        raise NotImplementedError

    def heed(self, model: str | None) -> None:
        """Warn of a retired model; see `Client`."""
        raise NotImplementedError

    async def messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> AnthropicMessage:
        """Ask in Anthropic's form: ``POST /v1/messages``.

        Parameters
        ----------
        messages
            Dicts with ``role`` (user or assistant) and ``content``: text, or a list of
            blocks as Anthropic writes them.
        model
            Id or alias; default as `Grok` resolves it.
        **options
            Any of `MessageOptions`; only what is given is sent. ``max_tokens`` must be
            given. xAI wants a list ``required`` in the ``input_schema`` of each tool
            (``[]`` will do); ``cache_control`` in a block has no effect there.

        Returns
        -------
        AnthropicMessage
            Typed; ``.raw`` is the JSON as it came.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        The ledger counts as Anthropic does: the prompt is ``input_tokens`` and, beside
        them, those read from the cache or written to it. Thinking is counted as
        completion, for the API does not tell it apart. xAI calls this endpoint
        deprecated.
        Source: xai-api.md section 8.1.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     question = [{"role": "user", "content": "What is 6*7?"}]
        ...     grok.messages(question, max_tokens=100).stop_reason
        'end_turn'
        """
        from grok_nb.wire import AnthropicMessage

        call = await self._message_call(messages, model, options)
        async for _ in self.exchange.run(call):
            pass
        return AnthropicMessage.read(call.fold.data or {})

    async def messages_stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> AsyncIterator[MessageEvent]:
        """Ask in Anthropic's form, event by event; arguments as for `messages`.

        Yields
        ------
        MessageEvent
            In the order of the server. Where it answers with a whole message in place
            of a stream, that is the ``.message`` of the only event.

        Raises
        ------
        StreamError
            The stream ended before the message did, or it failed; ``.reply`` holds
            what had arrived.

        Notes
        -----
        Source: xai-api.md section 8.1.
        """
        from grok_nb.wire import MessageEvent

        call = await self._message_call(messages, model, options, stream=True)
        exchange = self.exchange.run(call)
        try:
            async for event in exchange:
                yield MessageEvent.read(event)
        finally:
            event = {}  # a traceback may show variables, and a server echo the key
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def _message_call(
        self,
        messages: object,
        model: str | None,
        options: Mapping[str, Any],
        *,
        stream: bool = False,
    ) -> Call:
        if model is not None:
            check_model(model)
        asked, options = checked_messages(messages), checked_options(options)
        model = await self.resolve_model(model)
        self.heed(model)
        body = {"model": model, "messages": asked, **options}
        if stream:
            body["stream"] = True
        return Call(MESSAGES, body, fold=MessageFold)
