"""What messages accept, and the same question as chat completions would have it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import chat_rules, errors, schemas

from .message_request import (
    ROLES,
    AnyChoice,
    Base64Source,
    ImageBlock,
    MessagesRequest,
    NoChoice,
    TextBlock,
    ThinkingBlock,
    ThinkingOff,
    ToolChoice,
    ToolResultBlock,
    ToolUseBlock,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.catalog import Catalog, Resolved
    from grok_nb._sandbox.chat_rules import Job

    from .message_request import Block, GivenMessage, MessageTool

ROLE_TEXT = "Invalid message role."
# Who may say what, as the clients of this form have it.
_OF_USERS = frozenset({"image", "tool_result"})
_OF_ASSISTANTS = frozenset({"tool_use", "thinking", "redacted_thinking"})


def prepare(raw: bytes, catalog: Catalog, vintage: str) -> Job:
    """
    Read, check and measure the body of a request for a message.

    Parameters
    ----------
    raw : bytes
        The body.
    catalog : Catalog
        The models.
    vintage : {"2026", "2025"}
        Whose rules.

    Raises
    ------
    ApiError
        As the API answers it: 422 for what has another form, 400 for the rest, also
        for an unknown model. Source: xai-api.md sections 8.1 and 13.
    """
    request = schemas.read(MessagesRequest, raw)
    resolved = _serving(request.model, catalog)
    _check(request)
    if request.stop_sequences and not resolved.model.accepts("stop"):
        raise errors.unsupported(resolved.model.id, "stopSequences", vintage)
    if isinstance(request.thinking, ThinkingOff) and "none" in resolved.model.efforts:
        resolved = replace(resolved, effort="none")
    return chat_rules.settle(as_chat(request), resolved, vintage)


def _serving(name: str, catalog: Catalog) -> Resolved:
    resolved = catalog.resolve(name)
    if resolved is None:
        # No 404 here. Source: an issue of 2026-07, xai-api.md section 8.1.
        raise errors.invalid(f"Model not found: {name}")
    model = resolved.model
    if model.kind != "language" or not model.accepts("chat_completions"):
        raise errors.invalid(f"Model {model.id} is not served by messages.")
    return resolved


def _check(request: MessagesRequest) -> None:
    if not request.messages:
        raise errors.invalid(chat_rules.EMPTY_TEXT)
    for place, message in enumerate(request.messages):
        if message.role not in ROLES:
            raise errors.invalid(ROLE_TEXT)
        if not message.content:
            raise errors.invalid(chat_rules.EMPTY_TEXT)
        wrong = _OF_ASSISTANTS if message.role == "user" else _OF_USERS
        for block in message.content:
            if not isinstance(block, str) and block.type in wrong:
                raise errors.invalid(
                    f"Invalid request content: messages[{place}] of the role "
                    f"{message.role} cannot have a {block.type} block."
                )
    if len(request.stop_sequences or ()) > schemas.MAX_STOPS:
        raise errors.invalid(
            f"stop_sequences takes at most {schemas.MAX_STOPS} sequences."
        )
    if isinstance(request.tool_choice, AnyChoice) and not request.tools:
        raise errors.invalid("tool_choice is any but there are no tools.")


def as_chat(request: MessagesRequest) -> schemas.ChatRequest:
    """Translate a request that was checked."""
    choice = request.tool_choice
    alone = getattr(choice, "disable_parallel_tool_use", None)
    return schemas.ChatRequest(
        model=request.model,
        messages=[*_system(request), *_messages(request.messages)],
        stream=request.stream,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        # An empty list asks for nothing that a model could refuse.
        stop=request.stop_sequences or None,
        tools=[_tool(tool) for tool in request.tools or ()] or None,
        tool_choice=_choice(choice),
        parallel_tool_calls=not alone,
        user=request.metadata.user_id if request.metadata else None,
    )


def _choice(choice: Any) -> Any:  # Any: one of the choices' types
    if isinstance(choice, ToolChoice):
        named = schemas.FunctionName(name=choice.name)
        return schemas.NamedChoice(type="function", function=named)
    if isinstance(choice, AnyChoice):
        return "required"
    return "none" if isinstance(choice, NoChoice) else None


def _tool(tool: MessageTool) -> schemas.Tool:
    function = schemas.Function(
        name=tool.name,
        description=tool.description,
        parameters=tool.input_schema.model_dump(exclude_unset=True),
    )
    return schemas.Tool(type="function", function=function)


def _system(request: MessagesRequest) -> Iterator[schemas.Message]:
    given = request.system
    if isinstance(given, list):
        given = "\n".join(block.text for block in given)
    if given:
        yield schemas.Message(role="system", content=given)


def _messages(messages: list[GivenMessage]) -> Iterator[schemas.Message]:
    for message in messages:
        if isinstance(message.content, str):
            role: Any = message.role
            yield schemas.Message(role=role, content=message.content)
        elif message.role == "assistant":
            yield from _said(message.content)
        else:
            yield from _asked(message.content)


def _said(blocks: list[Block]) -> Iterator[schemas.Message]:
    texts = [one.text for one in blocks if isinstance(one, TextBlock)]
    thoughts = [one.thinking for one in blocks if isinstance(one, ThinkingBlock)]
    calls = [
        schemas.ToolCall(
            id=one.id,
            function=schemas.CalledFunction(
                name=one.name, arguments=json.dumps(one.input, ensure_ascii=False)
            ),
        )
        for one in blocks
        if isinstance(one, ToolUseBlock)
    ]
    if any(texts) or calls:
        yield schemas.Message(
            role="assistant",
            content="\n".join(texts),
            reasoning_content="\n".join(thoughts) or None,
            tool_calls=calls or None,
        )


def _asked(blocks: list[Block]) -> Iterator[schemas.Message]:
    """
    Give what the user says, and then what the tools returned.

    In this form both are one turn, so that the results come after the last question.
    """
    parts: list[schemas.Part] = []
    results: list[schemas.Message] = []
    for block in blocks:
        if isinstance(block, ToolResultBlock):
            given = block.content or ""
            returned = [] if isinstance(given, str) else given
            texts = [given] if isinstance(given, str) else _texts(returned)
            # The pictures of a result: a tool of chat completions returns text only.
            parts += [_image(one) for one in returned if isinstance(one, ImageBlock)]
            text = "\n".join(texts)
            results.append(
                schemas.Message(
                    role="tool",
                    tool_call_id=block.tool_use_id,
                    content=f"Error: {text}" if block.is_error else text,
                )
            )
        elif isinstance(block, ImageBlock):
            parts.append(_image(block))
        elif isinstance(block, TextBlock):
            parts.append(schemas.TextPart(type="text", text=block.text))
    if parts:
        yield schemas.Message(role="user", content=parts)
    yield from results


def _texts(blocks: list[TextBlock | ImageBlock]) -> list[str]:
    return [block.text for block in blocks if isinstance(block, TextBlock)]


def _image(block: ImageBlock) -> schemas.ImagePart:
    source = block.source
    if isinstance(source, Base64Source):
        url = f"data:{source.media_type};base64,{source.data}"
    else:
        url = source.url
    return schemas.ImagePart(type="image_url", image_url=schemas.ImageUrl(url=url))
