"""pydantic-ai on the sandbox."""

from __future__ import annotations

import dataclasses
from typing import Any

from asked import ASK_WEATHER, INVOICE, MODEL, SUM, Invoice
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.models.xai import XaiModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.xai import XaiProvider
from telling import BASE, KEY, refusal, tell, window
from xai_sdk import AsyncClient


def model(kind: type[Any]) -> Any:
    return kind(MODEL, provider=OpenAIProvider(base_url=BASE, api_key=KEY))


def whole(run: Any) -> dict[str, Any]:
    answers = [one for one in run.all_messages() if isinstance(one, ModelResponse)]
    return {
        "usage": dataclasses.asdict(run.usage),
        "parts": [[part.part_kind for part in one.parts] for one in answers],
        "model": answers[-1].model_name,
        "finish": answers[-1].finish_reason,
    }


def _run(kind: type[Any]) -> Any:
    run = Agent(model(kind), instructions="Be brief.").run_sync(SUM)
    return whole(run) | {"text": run.output}


async def _stream(kind: type[Any]) -> Any:
    async with Agent(model(kind)).run_stream(SUM) as run:
        texts = [text async for text in run.stream_text(debounce_by=None)]
        return whole(run) | {"texts": texts, "text": await run.get_output()}


def _tools(kind: type[Any]) -> Any:
    agent = Agent(model(kind))
    called = []

    @agent.tool_plain
    def get_weather(city: str) -> dict[str, int]:
        """Get the current weather in a city."""
        called.append(city)
        return {"degrees": 7}

    run = agent.run_sync(ASK_WEATHER)
    return whole(run) | {"text": run.output, "called": called}


def _typed(kind: type[Any]) -> Any:
    run = Agent(model(kind), output_type=Invoice).run_sync(INVOICE)
    return whole(run) | {"output": run.output.model_dump(mode="json")}


async def _typed_stream(kind: type[Any]) -> Any:
    async with Agent(model(kind), output_type=Invoice).run_stream(INVOICE) as run:
        seen = [one async for one in run.stream_output(debounce_by=None)]
        return whole(run) | {"output": seen[-1].model_dump(mode="json")}


def chat_run() -> Any:
    return _run(OpenAIChatModel)


def chat_stream() -> Any:
    return _stream(OpenAIChatModel)


def chat_tools() -> Any:
    return _tools(OpenAIChatModel)


def chat_typed() -> Any:
    return _typed(OpenAIChatModel)


def chat_typed_stream() -> Any:
    return _typed_stream(OpenAIChatModel)


def responses_run() -> Any:
    return _run(OpenAIResponsesModel)


def responses_stream() -> Any:
    return _stream(OpenAIResponsesModel)


def responses_tools() -> Any:
    return _tools(OpenAIResponsesModel)


def responses_typed() -> Any:
    return _typed(OpenAIResponsesModel)


def responses_typed_stream() -> Any:
    return _typed_stream(OpenAIResponsesModel)


async def xai_provider() -> Any:
    """The other way of pydantic-ai to xAI, pointed at this machine."""
    host = BASE.removeprefix("http://").removesuffix("/v1")
    client = AsyncClient(
        api_key=KEY, api_host=host, use_insecure_channel=True, timeout=20
    )
    agent = Agent(XaiModel(MODEL, provider=XaiProvider(xai_client=client)))
    try:
        return await agent.run(SUM)
    except Exception as error:
        return refusal(error) | {"cause": repr(error.__cause__)}
    finally:
        await client.close()


async def errors() -> Any:
    found = {}
    once = AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0)
    for kind in (OpenAIChatModel, OpenAIResponsesModel):
        agent = Agent(kind(MODEL, provider=OpenAIProvider(openai_client=once)))
        for status in (400, 422, 429, 503):
            window("faults", "DELETE")
            window("faults", "POST", {"faults": [str(status)]})
            try:
                await agent.run(SUM)
            except Exception as error:
                found[f"{kind.__name__} {status}"] = refusal(error) | {
                    "body": getattr(error, "body", None)
                }
    return found


if __name__ == "__main__":
    tell(
        ["pydantic-ai-slim", "openai", "xai-sdk"],
        chat_run,
        chat_stream,
        chat_tools,
        chat_typed,
        chat_typed_stream,
        responses_run,
        responses_stream,
        responses_tools,
        responses_typed,
        responses_typed_stream,
        xai_provider,
        errors,
    )
