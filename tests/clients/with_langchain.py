"""langchain-xai on the sandbox."""

from __future__ import annotations

from typing import Any

from asked import ASK_WEATHER, INVOICE, MODEL, SUM, TRAM, WEATHER, Invoice, asked
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_xai import ChatXAI
from telling import BASE_2025, refused, tell, window


def model(**more: Any) -> ChatXAI:
    return ChatXAI(**{"model": MODEL, "max_retries": 0} | more)


def whole(message: BaseMessage) -> dict[str, Any]:
    return {
        "text": message.text,
        "content": message.content,
        "extra": message.additional_kwargs,
        "meta": message.response_metadata,
        "usage": getattr(message, "usage_metadata", None),
        "calls": getattr(message, "tool_calls", None),
    }


def invoke() -> Any:
    return whole(model().invoke(SUM))


async def invoke_async() -> Any:
    return whole(await model().ainvoke(SUM))


def default_model() -> Any:
    """The base URL and the key come from the environment here, as everywhere."""
    return whole(ChatXAI().invoke(SUM))


def _added(chunks: list[Any]) -> dict[str, Any]:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return whole(total) | {"texts": [chunk.text for chunk in chunks]}


def stream() -> Any:
    return _added(list(model().stream(SUM)))


async def stream_async() -> Any:
    return _added([chunk async for chunk in model().astream(SUM)])


def stream_2025() -> Any:
    return _added(list(model(model="grok-3-mini", base_url=BASE_2025).stream(SUM)))


def tools() -> Any:
    bound = model().bind_tools([WEATHER])
    first = bound.invoke(ASK_WEATHER)
    (call,) = first.tool_calls
    result = ToolMessage('{"degrees": 7}', tool_call_id=call["id"])
    second = bound.invoke([*asked(ASK_WEATHER), first, result])
    streamed = _added(list(bound.stream(ASK_WEATHER)))
    return {"first": whole(first), "second": whole(second), "streamed": streamed}


def schema() -> Any:
    return {
        method: model()
        .with_structured_output(Invoice, method=method)
        .invoke(INVOICE)
        .model_dump(mode="json")
        for method in ("json_schema", "function_calling")
    }


def web_search() -> Any:
    bound = model().bind_tools([{"type": "web_search"}])
    return {
        "whole": whole(bound.invoke(TRAM)),
        "streamed": _added(list(bound.stream(TRAM))),
    }


def stop() -> Any:
    return {
        "reasoning": whole(model().invoke(SUM, stop=["303"])),
        "plain": whole(
            model(model="grok-4.20-0309-non-reasoning").invoke(SUM, stop=["303"])
        ),
    }


def errors() -> Any:
    found = {}
    for status in (400, 401, 403, 404, 422, 429, 503):
        window("faults", "DELETE")
        window("faults", "POST", {"faults": [str(status)]})
        found[status] = refused(model().invoke, SUM)
    return found


if __name__ == "__main__":
    tell(
        ["langchain-xai", "langchain-openai", "langchain-core", "openai"],
        invoke,
        invoke_async,
        default_model,
        stream,
        stream_async,
        stream_2025,
        tools,
        schema,
        web_search,
        stop,
        errors,
    )
