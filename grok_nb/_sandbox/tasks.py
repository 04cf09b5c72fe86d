"""What a request wants besides text: calls of functions, and JSON of some schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import extract, tools
from .schemas import JsonFormat, NamedChoice, SchemaFormat, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .schemas import ChatRequest, Message
    from .tools import Call, Tool

_MAX_RESULT_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returned: its name and arguments as called, and the content."""

    name: str
    arguments: str
    content: str


@dataclass(frozen=True, slots=True)
class Task:
    """
    The parts of a request that decide the form of the reply.

    Parameters
    ----------
    tools : tuple of Tool
        Functions on offer.
    choice : {"auto", "none", "required"}
        Whether to call any.
    named : str or None
        The one that has to be called.
    parallel : bool
        Whether several calls are allowed.
    results : tuple of Result
        What the functions returned since the last user message.
    schema : str or None
        The JSON schema of the reply, as JSON.
    schema_name : str
        What the schema is called.
    wants_json : bool
        Whether the reply has to be any JSON object.
    documents : tuple of str
        Texts to read values from, the first that helps: what was asked since the last
        reply, then all that the user wrote.
    """

    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    named: str | None = None
    parallel: bool = True
    results: tuple[Result, ...] = ()
    schema: str | None = None
    schema_name: str = ""
    wants_json: bool = False
    documents: tuple[str, ...] = ()


def of(request: ChatRequest, seen: str = "") -> Task:
    """
    Take the task out of a request.

    Parameters
    ----------
    request : ChatRequest
        The request.
    seen : str
        What its pictures show, to be read like what the user wrote.
    """
    choice = request.tool_choice
    wanted = request.response_format
    schema = wanted.json_schema if isinstance(wanted, SchemaFormat) else None
    results = tuple(_results(request.messages))
    return Task(
        tools=tuple(_tools(request)),
        choice=choice if isinstance(choice, str) else "auto",
        named=choice.function.name if isinstance(choice, NamedChoice) else None,
        parallel=request.parallel_tool_calls is not False,
        results=results,
        schema=json.dumps(schema.definition) if schema else None,
        schema_name=(schema.name or "") if schema else "",
        wants_json=isinstance(wanted, JsonFormat),
        documents=_documents(request.messages, results, seen) if wanted else (),
    )


def _tools(request: ChatRequest) -> Iterator[Tool]:
    for one in request.tools or ():
        parameters = one.function.parameters or {"type": "object", "properties": {}}
        yield tools.Tool(
            one.function.name, one.function.description or "", json.dumps(parameters)
        )


def _text_of(message: Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(p.text for p in message.content if isinstance(p, TextPart))


def _results(messages: list[Message]) -> Iterator[Result]:
    asked = [n for n, one in enumerate(messages) if one.role == "user"]
    start = asked[-1] + 1 if asked else 0
    made = {call.id: call.function for one in messages for call in one.tool_calls or ()}
    for message in messages[start:]:
        if message.role not in {"tool", "function"}:
            continue
        call = made.get(message.tool_call_id or "")
        name = call.name if call else message.name or "function"
        yield Result(name, call.arguments if call else "{}", _text_of(message))


def _documents(
    messages: list[Message], results: tuple[Result, ...], seen: str
) -> tuple[str, ...]:
    said = [n for n, m in enumerate(messages) if m.role == "assistant" and m.content]
    start = said[-1] + 1 if said else 0
    asked = [_text_of(one) for one in messages if one.role == "user"]
    recent = [_text_of(one) for one in messages[start:] if one.role == "user"]
    returned = [f"```json\n{one.content}\n```" for one in results]
    pictures = [seen] if seen else []
    texts = ("\n\n".join([*returned, *some, *pictures]) for some in (recent, asked))
    return tuple(dict.fromkeys(texts))


def calls(task: Task, prompt: str, turn: int) -> tools.Picked:
    """
    Decide which functions to call.

    Once there are results, nothing is called again, unless a call is demanded.
    """
    forced = task.named is not None or task.choice == "required"
    if not task.tools or (task.results and not forced):
        return tools.Picked()
    return tools.pick(
        prompt,
        task.tools,
        task.choice,
        named=task.named,
        parallel=task.parallel,
        seed=str(turn),
    )


def structured(task: Task) -> extract.Filled:
    """Fill the schema of a task from the first of its documents that helps."""
    schema = task.schema or "{}"
    first = extract.fill(task.documents[0], schema, task.schema_name)
    if first.count:
        return first
    for document in task.documents[1:]:
        later = extract.fill(document, schema, task.schema_name)
        if later.count:
            return later
    return first


def as_json(task: Task, answer: str) -> str:
    """Give the labelled values of the documents as JSON, else the answer itself."""
    for document in task.documents:
        found = extract.everything(document)
        if found is not None:
            return found
    return json.dumps({"answer": answer}, ensure_ascii=False)


def refusal(missing: tuple[str, ...]) -> str:
    """Say why a schema was not filled."""
    shown = ", ".join(missing[:20]) + (", ..." if len(missing) > 20 else "")
    return (
        "The schema requires values that the sandbox does not find in the text: "
        f"{shown}."
    )


def asking(lacking: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """Ask for the arguments that are missing."""
    parts = [f"{name} needs {', '.join(missing)}" for name, missing in lacking]
    return f"{'; '.join(parts)}: the message does not say. Please give it."


def retold(results: tuple[Result, ...]) -> str:
    """Tell what the functions returned."""
    parts = []
    for one in results:
        content = one.content.strip()
        if len(content) > _MAX_RESULT_CHARACTERS:
            size = len(content)
            content = f"{content[:_MAX_RESULT_CHARACTERS]} ... ({size} characters)"
        parts.append(f"{one.name}({_shown(one.arguments)}) returned {content}")
    return "\n".join(f"{part}." if part[-1:].isalnum() else part for part in parts)


def _shown(arguments: str) -> str:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments[:200]
    if not isinstance(value, dict):
        return arguments[:200]
    shown = ", ".join(f"{key}={json.dumps(one)}" for key, one in value.items())
    return shown[:200]


def names(picked: tuple[Call, ...]) -> str:
    """Give the names of the called functions, each once."""
    return ", ".join(dict.fromkeys(call.name for call in picked))
