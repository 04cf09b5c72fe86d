"""litellm on the sandbox."""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm
from asked import ASK_WEATHER, INVOICE, SUM, TRAM, WEATHER, Invoice, asked
from telling import BASE_2025, KEY, refused, tell, window

XAI = "xai/grok-4.7"


def usage(reply: Any) -> dict[str, Any]:
    return reply.usage.model_dump()


def whole(reply: Any) -> dict[str, Any]:
    choice = reply.choices[0]
    return {
        "text": choice.message.content,
        "reasoning": choice.message.reasoning_content,
        "finish": choice.finish_reason,
        "model": reply.model,
        "usage": usage(reply),
        "cost": litellm.completion_cost(reply),
        "reported_cost": reply._hidden_params.get("response_cost"),
    }


def chat() -> Any:
    return whole(
        litellm.completion(
            XAI,
            messages=[
                {"role": "system", "name": "bob", "content": "Be brief."},
                {"role": "user", "name": "ann", "content": SUM},
            ],
            max_completion_tokens=500,
        )
    )


def dear() -> Any:
    """With a price list of its own in which each token costs a dollar."""
    dear = {"input_cost_per_token": 1.0, "output_cost_per_token": 1.0}
    listed = litellm.model_cost[XAI]
    litellm.register_model({XAI: listed | dear})
    try:
        reply = litellm.completion(XAI, messages=asked(SUM))
        by_list = litellm.cost_per_token(XAI, prompt_tokens=9, completion_tokens=57)
    finally:
        litellm.register_model({XAI: listed})
    return whole(reply) | {"by_list": sum(by_list)}


async def chat_async() -> Any:
    return whole(await litellm.acompletion(XAI, messages=asked(SUM)))


def stream() -> Any:
    chunks = list(
        litellm.completion(
            XAI,
            messages=asked(SUM),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    built = litellm.stream_chunk_builder(chunks, messages=asked(SUM))
    return {
        "text": "".join(delta.content or "" for delta in deltas),
        "reasoning": "".join(
            getattr(delta, "reasoning_content", None) or "" for delta in deltas
        ),
        "usages": [usage(chunk) for chunk in chunks if getattr(chunk, "usage", None)],
        "built": whole(built),
    }


def tools() -> Any:
    first = litellm.completion(XAI, messages=asked(ASK_WEATHER), tools=[WEATHER])
    message = first.choices[0].message
    (call,) = message.tool_calls
    second = litellm.completion(
        XAI,
        messages=[
            *asked(ASK_WEATHER),
            message.model_dump(),
            {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 7}'},
        ],
        tools=[WEATHER],
    )
    return {
        "finish": first.choices[0].finish_reason,
        "name": call.function.name,
        "arguments": json.loads(call.function.arguments),
        "usages": [usage(first), usage(second)],
        "text": second.choices[0].message.content,
    }


def web_search_options() -> Any:
    """Not the API's: litellm makes a tool of it, and asks another endpoint."""
    options = {"search_context_size": "low"}
    reply = litellm.completion(XAI, messages=asked(TRAM), web_search_options=options)
    return whole(reply)


def schema() -> Any:
    reply = litellm.completion(XAI, messages=asked(INVOICE), response_format=Invoice)
    text = reply.choices[0].message.content
    return Invoice.model_validate_json(text).model_dump(mode="json")


def pictures() -> Any:
    found = litellm.image_generation(
        "A star", model="xai/grok-imagine-image", n=2, response_format="b64_json"
    )
    return {
        "starts": [one.b64_json[:4] for one in found.data],
        "usage": found.usage.model_dump() if found.usage else None,
        "cost": found._hidden_params.get("response_cost"),
    }


def embedding_2025() -> Any:
    texts = ["red", "blue"]
    saw: dict[str, Any] = {
        "xai": refused(
            litellm.embedding, "xai/v1", input=texts, api_base=BASE_2025, max_retries=0
        )
    }
    found = litellm.embedding("openai/v1", input=texts, api_base=BASE_2025, api_key=KEY)
    return saw | {
        "vectors": [one["embedding"] for one in found.data],
        "usage": usage(found),
    }


def guide_2025() -> Any:
    """Source: docs.x.ai of 2025-05, community integrations."""
    reply = litellm.completion(
        model="xai/grok-3-latest",
        messages=asked("What's the weather like in Boston today in Fahrenheit?"),
        max_tokens=10,
        response_format={"type": "json_object"},
        seed=123,
        stop=["\n\n"],
        temperature=0.2,
        top_p=0.9,
        tool_choice="auto",
        tools=[],
        user="user",
        api_base=BASE_2025,
    )
    choice = reply.choices[0]
    return {
        "model": reply.model,
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "usage": usage(reply),
    }


def responses_without_mcp() -> Any:
    """First of all: litellm looks for the package when it is first needed."""
    hidden = {
        name: sys.modules.pop(name) for name in list(sys.modules) if name[:3] == "mcp"
    }
    sys.modules["mcp"] = None  # what import takes for a package that is not there
    try:
        return refused(litellm.responses, model=XAI, input=SUM)
    finally:
        del sys.modules["mcp"]
        sys.modules.update(hidden)


def responses() -> Any:
    reply = litellm.responses(
        model=XAI, input=TRAM, tools=[{"type": "web_search"}], metadata={"a": "b"}
    )
    stored = litellm.get_responses(reply.id, custom_llm_provider="xai")
    gone = litellm.delete_responses(reply.id, custom_llm_provider="xai")
    return {
        "text": reply.output_text,
        "kinds": [item.type for item in reply.output],
        "usage": reply.usage.model_dump(),
        "cost": reply._hidden_params.get("response_cost"),
        "stored": stored.output_text,
        "deleted": gone.model_dump(),
    }


def responses_stream() -> Any:
    events = list(litellm.responses(model=XAI, input=SUM, stream=True))
    return {
        "text": "".join(
            event.delta
            for event in events
            if event.type == "response.output_text.delta"
        ),
        "kinds": [str(getattr(e.type, "value", e.type)) for e in events],
        "usage": events[-1].response.usage.model_dump(),
    }


def errors() -> Any:
    found = {}
    for status in (400, 401, 403, 404, 410, 422, 429, 503):
        window("faults", "DELETE")
        window("faults", "POST", {"faults": [str(status)]})
        found[status] = refused(
            litellm.completion, XAI, messages=asked(SUM), max_retries=0
        )
    return found


if __name__ == "__main__":
    tell(
        ["litellm", "openai"],
        responses_without_mcp,
        chat,
        dear,
        chat_async,
        stream,
        tools,
        web_search_options,
        schema,
        pictures,
        embedding_2025,
        guide_2025,
        responses,
        responses_stream,
        errors,
    )
