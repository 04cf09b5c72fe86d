"""The client's methods for code that waits: one line each, through the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from grok_nb.errors import GrokError
from grok_nb.portal import portal

from .blocking_batches import BlockingBatches
from .blocking_legacy import BlockingLegacy
from .blocking_media import BlockingMedia
from .live_search import Untold
from .server_tools import without_secrets

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from grok_nb.config import Settings
    from grok_nb.wire import (
        ApiKey,
        ChatCompletion,
        ChatCompletionChunk,
        DeletedResponse,
        InputItems,
        ListedModel,
        Response,
        ResponseEvent,
        Tokens,
    )

    from .chat import ChatOptions
    from .client import Client
    from .responses import ResponseOptions

T = TypeVar("T")


class BlockingClient(BlockingLegacy, BlockingMedia, BlockingBatches):
    """Blocking access to the API: the methods of `Client`, which it drives.

    Safe to use from several threads; refuses calls from the background loop itself.
    """

    _core: Client

    @property
    def settings(self) -> Settings:
        """The resolved settings."""
        return self._core.settings

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        __tracebackhide__ = True
        self._core.exchange.find_key()
        try:
            try:
                return portal().call(make)
            except Untold as untold:
                held = untold.with_traceback(None)
            held.tell()
            return portal().call(make)
        except GrokError as error:
            # whose cell it is counts, not where in here it was noticed
            raise error.with_traceback(None)  # noqa: B904 - the same error

    def _iterate(
        self,
        make: Callable[[], AsyncIterator[T]],
        on_idle: Callable[[], object] | None = None,
    ) -> Iterator[T]:
        __tracebackhide__ = True
        self._core.exchange.find_key()
        return self._told(make, on_idle)

    def _told(
        self,
        make: Callable[[], AsyncIterator[T]],
        on_idle: Callable[[], object] | None,
    ) -> Iterator[T]:
        __tracebackhide__ = True
        held = None
        try:
            yield from portal().iterate(make, on_idle)
        except Untold as untold:
            held = untold.with_traceback(None)
        if held is not None:
            held.tell()
            yield from portal().iterate(make, on_idle)

    def chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """Complete a chat; see `Client.chat_completion`."""
        self._core.heed(model)  # warnings belong to the thread that waits
        return self._call(
            lambda: self._core.chat_completion(messages, model, **options)
        )

    def chat_completion_stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> Iterator[ChatCompletionChunk]:
        """Complete a chat, chunk by chunk; see `Client.chat_completion_stream`."""
        self._core.heed(model)
        return self._iterate(
            lambda: self._core.chat_completion_stream(messages, model, **options)
        )

    def respond(
        self,
        input: str | Sequence[Mapping[str, Any]],  # noqa: A002 - the API's name
        model: str | None = None,
        **options: Unpack[ResponseOptions],
    ) -> Response:
        """Ask, with tools that run at the server; see `Client.respond`."""
        options = without_secrets(options)  # type: ignore[assignment]  # as it was
        self._core.heed(model)
        return self._call(lambda: self._core.respond(input, model, **options))

    def respond_stream(
        self,
        input: str | Sequence[Mapping[str, Any]],  # noqa: A002 - the API's name
        model: str | None = None,
        **options: Unpack[ResponseOptions],
    ) -> Iterator[ResponseEvent]:
        """Ask, event by event; see `Client.respond_stream`."""
        options = without_secrets(options)  # type: ignore[assignment]  # as it was
        self._core.heed(model)
        return self._iterate(lambda: self._core.respond_stream(input, model, **options))

    def get_response(self, response_id: str) -> Response:
        """Read a stored response, free of charge; see `Client.get_response`."""
        return self._call(lambda: self._core.get_response(response_id))

    def delete_response(self, response_id: str) -> DeletedResponse:
        """Delete a stored response; see `Client.delete_response`."""
        return self._call(lambda: self._core.delete_response(response_id))

    def response_input_items(self, response_id: str) -> InputItems:
        """List what a response was asked; see `Client.response_input_items`."""
        return self._call(lambda: self._core.response_input_items(response_id))

    def models(self) -> list[ListedModel]:
        """List all models: ``GET /v1/models``."""
        return self._call(self._core.models)

    def model(self, model_id: str) -> ListedModel:
        """Describe one model by id or alias: ``GET /v1/models/{id}``."""
        return self._call(lambda: self._core.model(model_id))

    def language_models(self) -> list[ListedModel]:
        """List text models with prices: ``GET /v1/language-models``."""
        return self._call(self._core.language_models)

    def language_model(self, model_id: str) -> ListedModel:
        """Describe one text model: ``GET /v1/language-models/{id}``."""
        return self._call(lambda: self._core.language_model(model_id))

    def image_generation_models(self) -> list[ListedModel]:
        """List image models: ``GET /v1/image-generation-models``."""
        return self._call(self._core.image_generation_models)

    def image_generation_model(self, model_id: str) -> ListedModel:
        """Describe one image model: ``GET /v1/image-generation-models/{id}``."""
        return self._call(lambda: self._core.image_generation_model(model_id))

    def embedding_models(self) -> list[ListedModel]:
        """List embedding models, often none: ``GET /v1/embedding-models``."""
        return self._call(self._core.embedding_models)

    def embedding_model(self, model_id: str) -> ListedModel:
        """Describe one embedding model: ``GET /v1/embedding-models/{id}``."""
        return self._call(lambda: self._core.embedding_model(model_id))

    def tokenize(self, text: str, model: str | None = None) -> Tokens:
        """Split a text into tokens, free of charge; see `Client.tokenize`."""
        return self._call(lambda: self._core.tokenize(text, model))

    def api_key(self) -> ApiKey:
        """Say what the API knows of the key; see `Client.api_key`."""
        return self._call(self._core.api_key)
