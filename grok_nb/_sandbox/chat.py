"""POST /v1/chat/completions: what is asked, and how its answer comes."""

from __future__ import annotations

import asyncio
import functools
import re
from typing import TYPE_CHECKING

from . import chat_rules, deferred, exchange
from .envelope import Envelope
from .media import files

if TYPE_CHECKING:
    from .delivery import Delivered
    from .desk import Incoming

_ATTACHES = re.compile(rb'"(?:image_url|file)"')


async def complete(incoming: Incoming) -> Delivered:
    """
    Answer a chat completion.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk = incoming.desk
    incoming.require_json()
    find_file = functools.partial(files.find, desk)
    arguments = (incoming.body, desk.catalog, desk.settings.vintage, find_file)
    is_large = len(incoming.body) > exchange.LARGE_BYTES
    # Beside the event loop also what has to be fetched, maybe from this very server.
    if is_large or _ATTACHES.search(incoming.body):
        job = await asyncio.to_thread(chat_rules.prepare, *arguments)
    else:
        job = chat_rules.prepare(*arguments)
    accepted = exchange.Exchange(
        incoming,
        Envelope(job, int(desk.unix_time())),
        job.prompt_tokens,
        # A short body may name a long file.
        is_large=is_large or job.prompt_text_tokens > exchange.LARGE_TOKENS,
    )
    if not job.request.deferred:
        return accepted.delivered()
    body = await accepted.work_out()
    accepted.settle()
    return deferred.promise(incoming, accepted.call, job.model.id, body)
