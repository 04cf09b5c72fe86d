"""anthropic on the sandbox; its base URL is without /v1."""

from __future__ import annotations

from typing import Any

import anthropic
from asked import ASK_WEATHER, MODEL, SUM, WEATHER, asked
from telling import BASE, BASE_2025, KEY, refused, tell, window

ROOT = BASE.removesuffix("/v1")
OLD_ROOT = BASE_2025.removesuffix("/v1")
PLAIN = "grok-4.20-non-reasoning"
TOOL: Any = {
    "name": WEATHER["function"]["name"],
    "description": WEATHER["function"]["description"],
    "input_schema": WEATHER["function"]["parameters"],
}


def client(**options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        **{"api_key": KEY, "base_url": ROOT, "max_retries": 0} | options
    )


def plain(message: Any) -> dict[str, Any]:
    return {
        "kinds": [block.type for block in message.content],
        "text": "".join(b.text for b in message.content if b.type == "text"),
        "thinking": "".join(
            b.thinking for b in message.content if b.type == "thinking"
        ),
        "stop_reason": message.stop_reason,
        "stop_sequence": message.stop_sequence,
        "model": message.model,
        "id": message.id,
        "usage": message.usage.model_dump(exclude_none=True),
    }


def create() -> Any:
    return plain(
        client().messages.create(
            model=MODEL,
            max_tokens=500,
            system=[
                {
                    "type": "text",
                    "text": "Be brief.",
                    "cache_control": {"type": "ephemeral"},
                }
            ],
            messages=asked(SUM),
            metadata={"user_id": "ann"},
            # What this version has no argument for.
            extra_body={"temperature": 0.5, "top_k": 5},
        )
    )


def create_2025() -> Any:
    """As the migration guide of that year has it."""
    grok = client(base_url=OLD_ROOT)
    return plain(
        grok.messages.create(model="grok-3-latest", max_tokens=500, messages=asked(SUM))
    )


def by_header() -> Any:
    """As the versions of 2024 and 2025 sent a key."""
    headers: Any = {"X-Api-Key": KEY, "Authorization": anthropic.Omit()}
    grok = client(default_headers=headers)
    return plain(grok.messages.create(model=MODEL, max_tokens=9, messages=asked(SUM)))


async def create_async() -> Any:
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=ROOT) as grok:
        whole = await grok.messages.create(
            model=MODEL, max_tokens=500, messages=asked(SUM)
        )
        options: Any = {"model": MODEL, "max_tokens": 500, "messages": asked(SUM)}
        async with grok.messages.stream(**options) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
        return {"whole": plain(whole), "texts": texts, "final": plain(final)}


def stream() -> Any:
    options: Any = {"model": MODEL, "max_tokens": 500, "messages": asked(SUM)}
    with client().messages.stream(**options) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    with client().messages.stream(**options) as stream:
        events = [event.type for event in stream]
    raw = client().messages.create(**options, stream=True)
    return {
        "texts": texts,
        "final": plain(final),
        "events": events,
        "raw": [event.type for event in raw],
    }


def _turns(first: Any, **result: Any) -> Any:
    (use,) = [block for block in first.content if block.type == "tool_use"]
    answer = {"type": "tool_result", "tool_use_id": use.id, **result}
    return [
        *asked(ASK_WEATHER),
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [answer]},
    ]


def tools() -> Any:
    grok = client()
    options: Any = {"model": MODEL, "max_tokens": 500, "tools": [TOOL]}
    first = grok.messages.create(
        **options, messages=asked(ASK_WEATHER), tool_choice={"type": "any"}
    )
    (use,) = [block for block in first.content if block.type == "tool_use"]
    second = grok.messages.create(
        **options, messages=_turns(first, content='{"degrees": 7}')
    )
    blocks = [{"type": "text", "text": "no such city"}]
    third = grok.messages.create(
        **options, messages=_turns(first, content=blocks, is_error=True)
    )
    return {
        "first": plain(first),
        "use": {"id": use.id, "name": use.name, "input": use.input},
        "second": plain(second),
        "third": plain(third),
    }


def tools_in_a_stream() -> Any:
    options: Any = {"model": MODEL, "max_tokens": 500, "tools": [TOOL]}
    inputs = []
    with client().messages.stream(**options, messages=asked(ASK_WEATHER)) as stream:
        for event in stream:
            if event.type == "input_json":
                inputs.append([event.partial_json, event.snapshot])
        first = stream.get_final_message()
    with client().messages.stream(
        **options, messages=_turns(first, content='{"degrees": 7}')
    ) as stream:
        second = stream.get_final_message()
    return {"inputs": inputs, "first": plain(first), "second": plain(second)}


def thinking() -> Any:
    grok = client()
    options: Any = {"model": "grok-4.3", "messages": asked(SUM), "max_tokens": 2000}
    on = grok.messages.create(
        **options, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    off = grok.messages.create(**options, thinking={"type": "disabled"})
    with grok.messages.stream(**options) as stream:
        thoughts = [event.thinking for event in stream if event.type == "thinking"]
    return {"on": plain(on), "off": plain(off), "thoughts": thoughts}


def stops() -> Any:
    options: Any = {"model": PLAIN, "messages": asked("Count to 9")}
    cut = client().messages.create(**options, max_tokens=500, stop_sequences=["5,"])
    full = client().messages.create(**options, max_tokens=6)
    return {"cut": plain(cut), "full": plain(full)}


def closed_early() -> Any:
    options: Any = {"model": MODEL, "max_tokens": 500, "messages": asked(SUM)}
    window("faults", "POST", {"faults": [{"do": "stall", "after": 7}]})
    with client().messages.stream(**options) as stream:
        seen = [event.type for event, _ in zip(stream, range(3), strict=False)]
    window("faults", "DELETE")
    return seen


def broken() -> Any:
    """What is seen of an error within a stream."""
    options: Any = {"model": MODEL, "max_tokens": 500, "messages": asked(SUM)}
    window("faults", "POST", {"faults": ["error-in-stream*1,message=Overloaded"]})
    with client().messages.stream(**options) as stream:
        return refused(stream.get_final_message)


def errors() -> Any:
    options: Any = {"model": MODEL, "max_tokens": 5, "messages": asked(SUM)}
    found = {}
    for status in (400, 401, 403, 404, 410, 422, 429, 500, 503):
        window("faults", "DELETE")
        window("faults", "POST", {"faults": [str(status)]})
        found[status] = refused(client().messages.create, **options)
    window("faults", "DELETE")
    return found


def refusals() -> Any:
    options: Any = {"model": MODEL, "max_tokens": 5, "messages": asked(SUM)}
    bad_key = client(api_key="xai-wrong-Kq7ZtW3m").messages.create
    untyped = TOOL | {"input_schema": {"type": "object", "properties": {}}}
    system = [{"role": "system", "content": "Be brief."}, *asked(SUM)]
    create = client().messages.create
    return {
        "key": refused(bad_key, **options),
        "model": refused(create, **options | {"model": "nope"}),
        "system": refused(create, **options | {"messages": system}),
        "schema": refused(create, **options, tools=[untyped]),
        # With /v1 in its base URL it asks for /v1/v1/messages.
        "base_url": refused(client(base_url=BASE).messages.create, **options),
    }


if __name__ == "__main__":
    tell(
        ["anthropic"],
        create,
        create_2025,
        by_header,
        create_async,
        stream,
        tools,
        tools_in_a_stream,
        thinking,
        stops,
        closed_early,
        broken,
        errors,
        refusals,
    )
