"""Anthropic's form and legacy completions: for code that waits; see `blocking.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from grok_nb.wire import (
        AnthropicCompletion,
        AnthropicMessage,
        MessageEvent,
        TextCompletion,
    )

    from .client import Client
    from .legacy import CompleteOptions
    from .messages import MessageOptions

T = TypeVar("T")


class BlockingLegacy:
    """The methods of `Client` for messages and completions of old."""

    _core: Client

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        raise NotImplementedError

    def _iterate(
        self,
        make: Callable[[], AsyncIterator[T]],
        on_idle: Callable[[], object] | None = None,
    ) -> Iterator[T]:
        raise NotImplementedError

    def messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> AnthropicMessage:
        """Ask in Anthropic's form; see `Client.messages`."""
        self._core.heed(model)  # warnings belong to the thread that waits
        return self._call(lambda: self._core.messages(messages, model, **options))

    def messages_stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> Iterator[MessageEvent]:
        """Ask in Anthropic's form, event by event; see `Client.messages_stream`."""
        self._core.heed(model)
        return self._iterate(
            lambda: self._core.messages_stream(messages, model, **options)
        )

    def complete(
        self,
        prompt: str | Sequence[str],
        model: str | None = None,
        **options: Unpack[CompleteOptions],
    ) -> TextCompletion:
        """Continue a text; see `Client.complete`."""
        self._core.heed(model)
        return self._call(lambda: self._core.complete(prompt, model, **options))

    def complete_stream(
        self,
        prompt: str | Sequence[str],
        model: str | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Iterator[TextCompletion]:
        """Continue a text, chunk by chunk; see `Client.complete_stream`."""
        self._core.heed(model)
        return self._iterate(
            lambda: self._core.complete_stream(prompt, model, **options)
        )

    def anthropic_complete(
        self,
        prompt: str,
        model: str | None = None,
        *,
        max_tokens_to_sample: int | None = None,
        stop_sequences: str | Sequence[str] | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AnthropicCompletion:
        """Continue a text in Anthropic's form; see `Client.anthropic_complete`."""
        self._core.heed(model)
        return self._call(
            lambda: self._core.anthropic_complete(
                prompt,
                model,
                max_tokens_to_sample=max_tokens_to_sample,
                stop_sequences=stop_sequences,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                metadata=metadata,
            )
        )
