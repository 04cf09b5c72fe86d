"""The routes of the endpoints in Anthropic's and in OpenAI's older form."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response  # noqa: TC002 - read at run time

from grok_nb._sandbox import exchange

from . import complete, completions, message_rules
from .message_reply import MessageReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from grok_nb._sandbox.catalog import Catalog
    from grok_nb._sandbox.delivery import Delivered
    from grok_nb._sandbox.desk import Incoming

MESSAGES = "/v1/messages"
COMPLETIONS = "/v1/completions"
COMPLETE = "/v1/complete"
PATHS = frozenset({MESSAGES, COMPLETIONS, COMPLETE})
# Where the key may come as Anthropic's clients of those years sent it; the SDK of 2026
# has it as a bearer token. Source: docs.x.ai (2024-12 and 2025-05), whose example gives
# the SDK the key and no header.
WITH_X_API_KEY = frozenset({MESSAGES, COMPLETE})
_HAS_IMAGE = re.compile(rb'"image"')


def add_routes(app: FastAPI) -> None:
    """Serve the endpoints."""

    @app.post(MESSAGES)
    async def messages(request: Request) -> Response:
        return await _message(request.state.incoming)

    @app.post(COMPLETIONS)
    async def text_completions(request: Request) -> Response:
        return await _texts(request.state.incoming)

    @app.post(COMPLETE)
    async def text_complete(request: Request) -> Response:
        return await _complete(request.state.incoming)


async def _message(incoming: Incoming) -> Delivered:
    job = await _prepared(incoming, message_rules.prepare)
    is_large = _is_large(incoming, job.prompt_text_tokens)
    return exchange.Exchange(
        incoming, MessageReply(job), job.prompt_tokens, is_large=is_large
    ).delivered()


async def _texts(incoming: Incoming) -> Delivered:
    job = await _prepared(incoming, completions.prepare)
    reply = completions.TextReply(job, int(incoming.desk.unix_time()))
    is_large = _is_large(incoming, job.prompt_tokens)
    return exchange.Exchange(
        incoming, reply, job.prompt_tokens, is_large=is_large
    ).delivered()


async def _complete(incoming: Incoming) -> Delivered:
    request, job = await _prepared(incoming, complete.prepare)
    is_large = _is_large(incoming, job.prompt_tokens)
    return exchange.Exchange(
        incoming,
        complete.CompleteReply(request, job),
        job.prompt_tokens,
        is_large=is_large,
    ).delivered()


# Any: each of the three has its own job.
async def _prepared(
    incoming: Incoming, prepare: Callable[[bytes, Catalog, str], Any]
) -> Any:
    incoming.require_json()
    desk = incoming.desk
    arguments = (incoming.body, desk.catalog, desk.settings.vintage)
    # Beside the event loop also what has to be fetched, maybe from this very server.
    if len(incoming.body) > exchange.LARGE_BYTES or _HAS_IMAGE.search(incoming.body):
        return await asyncio.to_thread(prepare, *arguments)
    return prepare(*arguments)


def _is_large(incoming: Incoming, prompt_tokens: int) -> bool:
    is_long = prompt_tokens > exchange.LARGE_TOKENS
    return is_long or len(incoming.body) > exchange.LARGE_BYTES
