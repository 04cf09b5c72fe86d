"""`Grok` and `AsyncGrok`: the client with settings and store, and how to ask."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Unpack

from grok_nb import config, keys, pricing
from grok_nb.api.batch_desk import BatchDesk
from grok_nb.api.blocking import BlockingClient
from grok_nb.api.client import Client
from grok_nb.api.deferred import DeferredDesk
from grok_nb.api.dialogue import Dialogue
from grok_nb.api.question import question
from grok_nb.errors import (
    ConfigError,
    GrokError,
    Unauthorized,
)
from grok_nb.portal import portal
from grok_nb.reply import Ask, Reply, RetryNotice
from grok_nb.store import db
from grok_nb.store.batches import BatchRows
from grok_nb.store.deferred import DeferredRequests
from grok_nb.store.file import MEMORY
from grok_nb.store.ledger import Ledger
from grok_nb.store.threads import ThreadLog, beside

if TYPE_CHECKING:
    import os
    import random
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Self

    import httpx

    from grok_nb.api.question import AskOptions
    from grok_nb.api.stream import Event
    from grok_nb.api.transport import Http
    from grok_nb.clock import Clock
    from grok_nb.pricing import PriceTable

#: Seconds for the one listing that chooses a default model.
_LISTING_S = 10.0


class AsyncReplyStream:
    """Events of one reply as they come; ``.reply`` is the reply so far, then whole."""

    def __init__(
        self, events: AsyncIterator[Event], reply: Callable[[], Reply]
    ) -> None:
        self._events = events
        self._reply = reply

    @property
    def reply(self) -> Reply:
        """The reply as far as it has arrived; at the end with usage and cost."""
        return self._reply()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def aclose(self) -> None:
        """Stop: the request ends at the server."""
        await self._events.aclose()  # type: ignore[attr-defined]  # a generator

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class ReplyStream:
    """Events of one reply as they come; ``.reply`` is the reply so far, then whole.

    ``with`` ends the request where its loop is left. Without, a stream that was given a
    name goes on at the server, and costs, until it is closed, read or forgotten.
    """

    def __init__(self, events: Iterator[Event], reply: Callable[[], Reply]) -> None:
        self._events = events
        self._reply = reply

    @property
    def reply(self) -> Reply:
        """The reply as far as it has arrived; at the end with usage and cost."""
        return self._reply()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """Stop: the request ends at the server."""
        self._events.close()  # type: ignore[attr-defined]  # a generator

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncGrok(Client):
    """xAI's API for coroutines; same methods as `Grok`, awaitable.

    Parameters
    ----------
    api_key
        Default: environment variable ``XAI_API_KEY``, else a ``.env`` file, else, when
        the first request needs it, Colab's secret ``XAI_API_KEY`` or the keyring's
        (service ``grok_nb``).
    base_url
        Default ``XAI_BASE_URL``, else ``https://api.x.ai/v1``.
    model
        Default model; see `grok_nb.config.Settings`.
    timeout_s
        Limit of a whole call in seconds, retries included; default 3600.
    store
        Folder of the ledger, or ``":memory:"``; default ``GROK_NB_STORE``, else the
        user's data folder.
    on_doubt
        ``"retry"`` (default) sends a request that got no answer at most twice more;
        ``"hold"`` raises `InDoubt` instead.
    keep_text
        ``False`` stores no text of prompts and replies, nor of errors that may quote
        them. Default True.
    verify
        Path of a CA file (PEM) or folder, an ``ssl.SSLContext``, or ``False`` to check
        no certificate at all; default ``SSL_CERT_FILE``, else ``SSL_CERT_DIR``, else
        the usual authorities.
    management_key
        For `account_usage` and `prepaid_balance`; default ``XAI_MANAGEMENT_KEY``.
    management_base_url
        Default ``XAI_MANAGEMENT_BASE_URL``, else ``https://management-api.x.ai``.
    transport
        An ``httpx.AsyncBaseTransport`` instead of the network.
    clock, jitter
        Sources of time and randomness.

    Raises
    ------
    ConfigError
        A setting cannot be right. A missing key is noticed by the first request.
    """

    def __init__(
        self,
        *,
        api_key: str | config.Secret | None = None,
        base_url: str | None = None,
        model: str | None = None,
        timeout_s: float | None = None,
        store: str | os.PathLike[str] | None = None,
        on_doubt: str | None = None,
        keep_text: bool | None = None,
        verify: bool | str | os.PathLike[str] | ssl.SSLContext | None = None,
        management_key: str | config.Secret | None = None,
        management_base_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        api_key = config.hidden(api_key)  # type: ignore[assignment]  # text or not
        management_key = config.hidden(management_key)  # type: ignore[assignment]  # same
        given = {
            "api_key": api_key,
            "base_url": base_url,
            "model": model,
            "timeout_s": timeout_s,
            "store": store,
            "on_doubt": on_doubt,
            "keep_text": keep_text,
            "verify": verify,
            "management_key": management_key,
            "management_base_url": management_base_url,
        }
        given = {name: value for name, value in given.items() if value is not None}
        settings = config.resolve({**config.configured, **given})
        settings = keys.remembered(settings)
        if settings.verify is False and settings.base_url.startswith("https:"):
            warnings.warn(
                f"No certificate is checked (verify: {settings.sources['verify']}): "
                "anybody on the way to the API can read the key and what is asked.",
                RuntimeWarning,
                stacklevel=2,  # of a Grok that is one place: once in a process
            )
        self.store = db.shared(settings.store)
        self.ledger = Ledger(self.store)
        super().__init__(
            settings,
            _LazyHttp(settings, transport),  # type: ignore[arg-type]  # same face
            self.ledger,
            clock=clock,
            jitter=jitter,
        )
        self.exchange.notice = self.store.notice
        self.desk = DeferredDesk(self.exchange, DeferredRequests(self.store))
        self.threads = self._threads()
        rows = BatchRows(self.store, settings.base_url)
        self.batches = BatchDesk(self.exchange, rows)
        self._default_model: str | None = None
        self._listing_locks: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, asyncio.Lock
        ] = weakref.WeakKeyDictionary()

    def _threads(self) -> ThreadLog:
        now = self.exchange.clock.now
        if not self.settings.keep_text:
            return ThreadLog(beside(self.store), now, fleeting="keep_text is off")
        fleeting = "so is the store" if self.settings.store == MEMORY else ""
        return ThreadLog(self.store, now, fleeting=fleeting)

    async def ask(
        self, prompt: str | None = None, **options: Unpack[AskOptions]
    ) -> Reply:
        """Ask one question and wait for the whole reply.

        Parameters
        ----------
        prompt
            The user's text. It travels as it is.
        **options
            ``messages`` (earlier turns), ``model``, ``system``, ``attach`` (one or a
            list of: path, URL, data URI, bytes, PIL image, matplotlib figure, numpy
            array; pictures and text, at most 20 MiB each), ``detail`` (of pictures:
            ``"auto"``, ``"low"``, ``"high"``), ``temperature`` (0-2),
            ``top_p``, ``max_tokens`` (visible ones), ``n``, ``seed``, ``stop``,
            ``frequency_penalty``, ``presence_penalty``, ``reasoning_effort``,
            ``timeout_s`` (of this call, retries included), ``on_retry`` (called with a
            `RetryNotice` before each wait).

            With ``search`` (``"web"``, ``"x"`` or ``"web,x"``) or ``run_code=True``
            tools of the server help: the question goes to the Responses API, nothing
            of it is kept there, ``max_tokens`` bounds reasoning, too, and ``n``,
            ``seed``, ``stop`` and the penalties cannot be used. Of the web:
            ``domains`` or ``not_domains`` (at most 5). Of X: ``handles`` or
            ``not_handles`` (at most 20), ``since`` and ``until`` (days, inclusive),
            ``video``. ``images`` has pictures that are met looked at, ``max_turns``
            bounds how often the server goes and looks.

            ``search_parameters`` is the live search of 2025, as `chat_completion`
            takes it: where the server has it no more, its tools answer, and a
            RuntimeWarning says what became of the parameters.

            ``tools`` are functions that the model may call (one or a list): their
            annotations and docstrings tell it what they take, and they run here, in
            the thread that waits; those that are ``async`` run at the same time. An
            exception in one is what the model is told. Its calls are served
            ``max_steps`` times (1-100, default 5), then it has to answer;
            ``tool_choice`` is ``"auto"``, ``"none"``, ``"required"`` or a name. A dict
            declares a function without running it (its calls are in ``.tool_calls``),
            or one of the server's tools.

            ``max_cost`` is what the question may cost in USD, over all of its requests:
            it is not sent if it could cost more, and a stream that nothing bounds is
            ended where it gets there.

            With ``schema`` the answer is data: a pydantic model (also a dataclass,
            TypedDict, Enum, ``list[Model]``), a dict with a JSON schema,
            ``"@file.json"``, or terse text: ``"name, age int?, tags list[str]:
            topics"``. ``many=True`` asks for a list of such. What does not fit is shown
            to the model ``repairs`` times (0-5, default 1), which costs again.

        Returns
        -------
        Reply
            What was searched, and which functions ran, is in ``.steps``, what is cited
            in ``.citations``, what a schema asked for in ``.parsed``, ``.records`` and
            ``.df``.

        Raises
        ------
        BadRequest
            An option or the schema cannot be right; nothing was sent.
        Truncated, Refused, SchemaMismatch
            There is no answer by the schema; ``.reply`` has what was paid for.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md sections 3, 3.4 and 6.3.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox():
        ...     print(gn.ask("What is 6*7?").state)
        ...     print(gn.ask("Name: Ada. Age: 36.", schema="name, age int").parsed)
        done
        {'name': 'Ada', 'age': 36}
        """
        try:
            return await self.fetch(
                question(prompt, **options), on_retry=options.get("on_retry")
            )
        finally:
            self.warn()

    def stream(
        self, prompt: str | None = None, **options: Unpack[AskOptions]
    ) -> AsyncReplyStream:
        """Ask one question and iterate over the reply's events; see `ask`.

        Returns
        -------
        AsyncReplyStream
            Yields `Event`: ``.kind``, ``.delta``, ``.reply`` (so far).

        Raises
        ------
        StreamError
            While iterating: the reply broke off; ``.reply`` holds what had arrived.
        """
        return self.follow(
            question(prompt, **options), on_retry=options.get("on_retry")
        )

    async def fetch(
        self,
        ask: Ask,
        *,
        on_retry: Callable[[RetryNotice], None] | None = None,
        on_end: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """Send an `Ask`; return the whole reply.

        ``on_end`` is called on the event loop with the reply as it ended, also when it
        was stopped or failed.
        """
        dialogue = Dialogue(self, ask, stream=False, on_retry=on_retry, on_end=on_end)
        async for _ in dialogue.events():
            pass
        return dialogue.reply()

    def follow(
        self,
        ask: Ask,
        *,
        on_retry: Callable[[RetryNotice], None] | None = None,
        on_end: Callable[[Reply], None] | None = None,
    ) -> AsyncReplyStream:
        """Send an `Ask`; return the stream of its events. ``on_end``: see `fetch`."""
        dialogue = Dialogue(self, ask, stream=True, on_retry=on_retry, on_end=on_end)
        return AsyncReplyStream(dialogue.events(), dialogue.reply)

    async def request_for(self, ask: Ask, *, stream: bool = False) -> dict[str, Any]:
        """Return the request that an `Ask` becomes: ``method``, ``url``, ``body``.

        Nothing is sent but, where no model is chosen, the listing that chooses one.
        """
        call = await self._call_for(ask, stream=stream)
        url = f"{self.settings.base_url.rstrip('/')}{call.path}"
        return {"method": "POST", "url": url, "body": call.body}

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask.

        The one given, else the configured one, else the newest chat model of the live
        listing (read once), else the bundled default.
        Source: xai-api.md section 9.
        """
        chosen = model or self.settings.model or self._default_model
        if chosen:
            return chosen
        loop = asyncio.get_running_loop()
        lock = self._listing_locks.setdefault(loop, asyncio.Lock())
        async with lock:
            if self._default_model is None:
                self._default_model = await self._newest_model()
            return self._default_model

    async def _newest_model(self) -> str:
        try:
            async with asyncio.timeout(_LISTING_S):
                entries = await self.read_listing()
        except (ConfigError, Unauthorized):
            raise
        except (GrokError, TimeoutError):
            # the question itself will tell, with retries, what is wrong
            return pricing.snapshot_default()
        return pricing.default_chat_model(entries) or pricing.snapshot_default()

    async def read_listing(self) -> list[dict[str, Any]]:
        """Read the live listing of text models; from now on its prices are used."""
        entries = _entries(await self.exchange.free("/language-models", retry=False))
        self.exchange.table = pricing.snapshot().with_listing(entries, self._today())
        return entries

    async def read_prices(self) -> PriceTable:
        """Read all live listings; from now on their prices are used.

        Source: xai-api.md section 9: only ``/models`` has the context length, only the
        others have the modalities.
        """
        merged: dict[str, dict[str, Any]] = {}
        for path in ("/models", "/language-models", "/image-generation-models"):
            for entry in _entries(await self.exchange.free(path)):
                merged.setdefault(str(entry.get("id")), {}).update(entry)
        self.exchange.table = pricing.snapshot().with_listing(
            merged.values(), self._today()
        )
        return self.exchange.table

    def _today(self) -> str:
        return self.exchange.clock.now().date().isoformat()

    def warn(self) -> None:
        """Say, once, that the ledger could not be written."""
        trouble = self.store.trouble()
        if trouble:
            warnings.warn(trouble, RuntimeWarning, stacklevel=3)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self.exchange.http.close()
        await self._close_management()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Grok(BlockingClient):
    """xAI's API for code that waits.

    One background event loop serves all `Grok` objects of the process; waiting can be
    interrupted at any time, which ends the request at the server.

    Parameters
    ----------
    api_key, base_url, model, timeout_s, store, on_doubt, keep_text, verify
    management_key, management_base_url, transport, clock, jitter
        As for `AsyncGrok`.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox() as sandbox:
    ...     grok = gn.Grok(api_key=sandbox.key, base_url=sandbox.base_url,
    ...                    store=":memory:")
    ...     grok.ask("What is 6*7?").finish_reason
    'stop'
    """

    _core: AsyncGrok

    def __init__(
        self,
        *,
        api_key: str | config.Secret | None = None,
        base_url: str | None = None,
        model: str | None = None,
        timeout_s: float | None = None,
        store: str | os.PathLike[str] | None = None,
        on_doubt: str | None = None,
        keep_text: bool | None = None,
        verify: bool | str | os.PathLike[str] | ssl.SSLContext | None = None,
        management_key: str | config.Secret | None = None,
        management_base_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        api_key = config.hidden(api_key)  # type: ignore[assignment]  # text or not
        management_key = config.hidden(management_key)  # type: ignore[assignment]  # same
        self._core = AsyncGrok(
            api_key=api_key,
            base_url=base_url,
            model=model,
            timeout_s=timeout_s,
            store=store,
            on_doubt=on_doubt,
            keep_text=keep_text,
            verify=verify,
            management_key=management_key,
            management_base_url=management_base_url,
            transport=transport,
            clock=clock,
            jitter=jitter,
        )
        # a session that is dropped, not closed, leaves no connection open
        weakref.finalize(self, _close_later, self._core).atexit = False

    @property
    def ledger(self) -> Ledger:
        """The rows of what was asked."""
        return self._core.ledger

    @property
    def price_table(self) -> PriceTable:
        """The prices that are known: of a live listing that was read, else bundled."""
        return self._core.exchange.table

    @property
    def threads(self) -> ThreadLog:
        """The threads of what was asked; see `grok_nb.threads.Thread`."""
        return self._core.threads

    def ask(self, prompt: str | None = None, **options: Unpack[AskOptions]) -> Reply:
        """Ask one question and wait for the whole reply; see `AsyncGrok.ask`."""
        __tracebackhide__ = True
        return self.fetch(question(prompt, **options), on_retry=options.get("on_retry"))

    def stream(
        self, prompt: str | None = None, **options: Unpack[AskOptions]
    ) -> ReplyStream:
        """Ask one question and iterate over the reply; see `AsyncGrok.stream`."""
        return self.follow(
            question(prompt, **options), on_retry=options.get("on_retry")
        )

    def fetch(
        self,
        ask: Ask,
        *,
        on_retry: Callable[[RetryNotice], None] | None = None,
        on_end: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """Send an `Ask`; return the whole reply. ``on_end``: see `AsyncGrok.fetch`."""
        __tracebackhide__ = True
        self._core.heed(ask.model)  # warnings belong to the thread that waits
        try:
            return self._call(
                lambda: self._core.fetch(ask, on_retry=on_retry, on_end=on_end)
            )
        finally:
            self._core.warn()

    def follow(
        self,
        ask: Ask,
        *,
        on_retry: Callable[[RetryNotice], None] | None = None,
        on_end: Callable[[Reply], None] | None = None,
        on_idle: Callable[[], object] | None = None,
    ) -> ReplyStream:
        """Send an `Ask`; return the stream of its events.

        ``on_idle`` is called on the waiting thread, every 0.1 s without an event.
        """
        self._core.heed(ask.model)
        streams: list[AsyncReplyStream] = []

        def begin() -> AsyncIterator[Event]:
            streams.append(self._core.follow(ask, on_retry=on_retry, on_end=on_end))
            return aiter(streams[-1])

        def reply() -> Reply:
            if streams:
                return streams[-1].reply
            return Reply(state="stopped", thread=ask.origin.thread)

        def events() -> Iterator[Event]:
            __tracebackhide__ = True
            try:
                yield from self._iterate(begin, on_idle)
            finally:
                self._core.warn()

        return ReplyStream(events(), reply)

    def request_for(self, ask: Ask, *, stream: bool = False) -> dict[str, Any]:
        """Return the request that an `Ask` becomes; see `AsyncGrok.request_for`."""
        __tracebackhide__ = True
        return self._call(lambda: self._core.request_for(ask, stream=stream))

    def read_prices(self) -> PriceTable:
        """Read all live listings; from now on their prices are used."""
        return self._call(self._core.read_prices)

    def close(self) -> None:
        """Close the connections."""
        portal().call(self._core.aclose)  # needs no key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _share_docs() -> None:
    """Give each blocking method the whole text of its awaitable twin."""
    for name in dir(Grok):
        method, twin = getattr(Grok, name), getattr(AsyncGrok, name, None)
        text = getattr(twin, "__doc__", None)
        if not name.startswith("_") and text and "see `" in (method.__doc__ or ""):
            method.__doc__ = text


_share_docs()


def _entries(listing: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = listing.get("models", listing.get("data"))
    if not isinstance(found, list):
        return []
    return [entry for entry in found if isinstance(entry, dict)]


def _close_later(core: AsyncGrok) -> None:
    portal().submit(lambda _: core.aclose())


class _LazyHttp:
    """An `Http` that loads the HTTP library with the first request."""

    def __init__(
        self, settings: config.Settings, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._arguments = (settings, transport)
        self._http: Http | None = None

    def _loaded(self) -> Http:
        if self._http is None:
            from grok_nb.api.transport import Http

            self._http = Http(*self._arguments)
            self.send = self._http.send  # type: ignore[method-assign]  # no detour later
        return self._http

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        return await self._loaded().send(*args, **kwargs)

    @property
    def secrets(self) -> list[config.Secret]:
        return self._loaded().secrets

    def at(self, base_url: str) -> Http:
        return self._loaded().at(base_url)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
