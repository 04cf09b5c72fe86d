"""A method per endpoint, asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from grok_nb import pricing
from grok_nb.errors import BadRequest, ServerFault

from . import gate
from .batches import BatchMethods
from .chat import ChatOptions, check_model, checked_ask
from .deferred import DeferredMethods
from .embeddings import EmbeddingMethods
from .exchange import Books, Call, Exchange
from .files import FileMethods
from .images import ImageMethods
from .legacy import LegacyMethods
from .live_search import ChunkWriter, LiveSearch, completion_of
from .management import AccountMethods
from .messages import MessageMethods
from .parameters import in_path
from .responses import RESPONSES, ResponseMethods, items_of

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from grok_nb.clock import Clock
    from grok_nb.config import Settings
    from grok_nb.reply import Ask, Reply, RetryNotice
    from grok_nb.wire import (
        ApiKey,
        ChatCompletion,
        ChatCompletionChunk,
        ListedModel,
        Tokens,
    )

    from .transport import Http

CHAT = "/chat/completions"


class Client(
    ResponseMethods,
    MessageMethods,
    LegacyMethods,
    ImageMethods,
    EmbeddingMethods,
    FileMethods,
    DeferredMethods,
    BatchMethods,
    AccountMethods,
):
    """Asynchronous access to the API; `AsyncGrok` adds settings, store and asking.

    Parameters
    ----------
    settings
        Key, base URL, time limit.
    http
        Where requests are sent.
    books
        Where each attempt that can cost money is written down.
    clock, jitter
        Time and randomness.
    """

    def __init__(
        self,
        settings: Settings,
        http: Http,
        books: Books,
        *,
        clock: Clock | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self.exchange = Exchange(settings, http, books, clock=clock, jitter=jitter)
        self.live_search = LiveSearch()

    @property
    def settings(self) -> Settings:
        """The resolved settings."""
        return self.exchange.settings

    # -- chat ---------------------------------------------------------------------

    async def chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """Complete a chat: ``POST /v1/chat/completions``.

        Parameters
        ----------
        messages
            Dicts with ``role`` and ``content``, in any order of roles.
        model
            Id or alias; default as `Grok` resolves it.
        **options
            Any of `ChatOptions`; only what is given is sent. ``search_parameters``
            (the live search of 2025) are sent on as a Responses request with the
            server's own tools where the server answers 410 to them; a RuntimeWarning
            says what became of them.

        Returns
        -------
        ChatCompletion
            Typed; ``.raw`` is the JSON as it came. Of a question that was sent on it is
            the response's; the completion was made from that.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 3.
        """
        from grok_nb.wire import ChatCompletion

        call = await self._chat_call(checked_ask(messages, model, options))
        async for _ in self.exchange.run(call):
            pass
        data = call.fold.data or {}
        is_response = call.path == RESPONSES
        return ChatCompletion.read(
            completion_of(call.fold) if is_response else data, data
        )

    async def chat_completion_stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncIterator[ChatCompletionChunk]:
        """Complete a chat, chunk by chunk; arguments as for `chat_completion`.

        Yields
        ------
        ChatCompletionChunk
            In the order of the server; the usage comes last. Of a question that was
            sent on, as `chat_completion` says, ``.raw`` is the response's event.

        Raises
        ------
        StreamError
            The stream ended without finish reason or ``[DONE]``; ``.reply`` holds
            what had arrived.

        Notes
        -----
        Source: xai-api.md section 4.
        """
        from grok_nb.wire import ChatCompletionChunk

        call = await self._chat_call(checked_ask(messages, model, options), stream=True)
        exchange = self.exchange.run(call)
        writer = ChunkWriter()
        try:
            async for chunk in exchange:
                if call.path != RESPONSES:
                    yield ChatCompletionChunk.read(chunk)
                    continue
                for made in writer.write(call.fold, chunk):
                    yield ChatCompletionChunk.read(made, chunk)
        finally:
            chunk = {}  # a traceback may show variables, and a server echo the key
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def _chat_call(
        self,
        ask: Ask,
        *,
        stream: bool = False,
        on_retry: Callable[[RetryNotice], None] | None = None,
    ) -> Call:
        """Return the call that sends an `Ask` to chat completions."""
        model = await self.resolve_model(ask.model)
        names = {name: ask.names.get(name, name) for name in ask.options}
        gate.check_parameters(self.exchange.table, model, names)
        self.heed(model)
        body = {"model": model, "messages": list(ask.messages), **ask.options}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        call = Call(
            CHAT,
            body,
            origin=ask.origin,
            on_retry=on_retry,
            names=ask.names,
            timeout_s=ask.timeout_s,
        )
        self.live_search.prepare(call)
        return call

    async def _call_for(
        self,
        ask: Ask,
        *,
        stream: bool = False,
        on_retry: Callable[[RetryNotice], None] | None = None,
        before: Reply | None = None,
    ) -> Call:
        """Return the call that sends an `Ask` to the endpoint that it names.

        ``before`` is what came for the same question, before functions were run.
        """
        if ask.endpoint != RESPONSES:
            call = await self._chat_call(ask, stream=stream, on_retry=on_retry)
        else:
            call = await self._response_call(
                items_of(ask.messages),
                ask.model,
                ask.options,
                stream=stream,
                names=ask.names,
                origin=ask.origin,
                on_retry=on_retry,
                timeout_s=ask.timeout_s,
            )
        call.schema = call.fold.schema = ask.schema
        call.before = call.fold.before = before
        call.purse = ask.purse
        return call

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask: the one given, or the configured one."""
        return model or self.settings.model or pricing.snapshot_default()

    def heed(self, model: str | None) -> None:
        """Warn, once in a process, if this or the configured model is retired."""
        if model is not None:
            check_model(model)
        gate.warn_if_retired(self.exchange.table, model or self.settings.model)

    # -- listings -----------------------------------------------------------------

    async def models(self) -> list[ListedModel]:
        """List all models: ``GET /v1/models``."""
        return await self._listing("/models")

    async def model(self, model_id: str) -> ListedModel:
        """Describe one model by id or alias: ``GET /v1/models/{id}``."""
        return await self._listed("/models", model_id)

    async def language_models(self) -> list[ListedModel]:
        """List text models with prices: ``GET /v1/language-models``."""
        return await self._listing("/language-models")

    async def language_model(self, model_id: str) -> ListedModel:
        """Describe one text model: ``GET /v1/language-models/{id}``."""
        return await self._listed("/language-models", model_id)

    async def image_generation_models(self) -> list[ListedModel]:
        """List image models: ``GET /v1/image-generation-models``."""
        return await self._listing("/image-generation-models")

    async def image_generation_model(self, model_id: str) -> ListedModel:
        """Describe one image model: ``GET /v1/image-generation-models/{id}``."""
        return await self._listed("/image-generation-models", model_id)

    async def embedding_models(self) -> list[ListedModel]:
        """List embedding models, often none: ``GET /v1/embedding-models``."""
        return await self._listing("/embedding-models")

    async def embedding_model(self, model_id: str) -> ListedModel:
        """Describe one embedding model: ``GET /v1/embedding-models/{id}``."""
        return await self._listed("/embedding-models", model_id)

    async def _listing(self, path: str) -> list[ListedModel]:
        from grok_nb.wire import ListedModel

        # what a server said is in no variable here when an error is raised
        found = _models_in(await self.exchange.free(path))
        if found is None:
            raise _no_use(f"{path} holds no model")
        return [ListedModel.read(entry) for entry in found]

    async def _listed(self, path: str, model_id: str) -> ListedModel:
        from grok_nb.wire import ListedModel

        check_model(model_id)
        quoted = in_path("model_id", model_id, "gn.models() lists what there is.")
        listed = ListedModel.read(
            await self.exchange.free(f"{path}/{quoted}", model=model_id)
        )
        if listed.id:
            return listed
        del listed
        raise _no_use(f"{path} holds no model")

    # -- small endpoints ----------------------------------------------------------

    async def tokenize(self, text: str, model: str | None = None) -> Tokens:
        """Split a text into tokens, free of charge: ``POST /v1/tokenize-text``.

        Parameters
        ----------
        text
            Travels as it is.
        model
            Id or alias, for its tokenizer; default as `Grok` resolves it.

        Returns
        -------
        Tokens
            ``.count`` and ``.token_ids``; ``.raw`` is the JSON as it came.

        Raises
        ------
        BadRequest
            ``text`` is no text, or the API refused it.
        NotFound
            No such model.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 10.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     "".join(token.string_token for token in grok.tokenize("Hi!").token_ids)
        'Hi!'
        """
        from grok_nb.wire import Tokens

        if not isinstance(text, str):
            raise BadRequest(f"text must be text, not {type(text).__name__}.")
        if model is not None:
            check_model(model)
        model = await self.resolve_model(model)
        path = "/tokenize-text"
        data = await self.exchange.free(
            path, {"text": text, "model": model}, model=model
        )
        entries = data.get("token_ids")
        if isinstance(entries, list) and all(isinstance(e, dict) for e in entries):
            return Tokens.read(data)
        del data, entries
        raise _no_use(f"{path} lists no tokens")

    async def api_key(self) -> ApiKey:
        """Say what the API knows of the key: ``GET /v1/api-key``.

        Returns
        -------
        ApiKey
            Name, team, permissions (``acls``), and whether key or team are blocked.
            Its ``repr`` leaves out ``redacted_api_key``, which shows the key's end.
            ``.raw`` is the JSON as it came, with it: do not leave that in a notebook.

        Raises
        ------
        Unauthorized
            The key is wrong.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 10.
        """
        from grok_nb.wire import ApiKey

        path = "/api-key"
        known = ApiKey.read(await self.exchange.free(path))
        if known.api_key_id or known.name or known.team_id or known.user_id:
            return known
        del known
        raise _no_use(f"{path} tells of no key")


def _models_in(data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    names = [name for name in ("data", "models") if name in data]
    entries = data[names[0]] if names else None
    if names and entries is None:
        return []  # there is no embedding model, for instance
    if not isinstance(entries, list):
        return None
    return [entry for entry in entries if isinstance(entry, dict)]


def _no_use(why: str) -> ServerFault:
    return ServerFault(
        f"No usable answer (200): {why}.",
        status=200,
        hint="Something between here and xAI answered: check base_url and proxies.",
    )
