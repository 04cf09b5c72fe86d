"""Completions of a text, as they were before there were chats.

Source of names: xai-api.md sections 8.2 (``/v1/completions``) and 8.3
(``/v1/complete``, in Anthropic's form).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from grok_nb.errors import BadRequest
from grok_nb.reply import Usage

from . import gate
from .chat import check_model
from .exchange import Call, Exchange
from .parameters import (
    FLAG,
    NUMBER,
    OBJECT,
    WHOLE,
    WORD,
    WORDS,
    Rules,
    checked,
    refuse_elsewhere,
)
from .stream import Fold, _joined, _text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grok_nb.wire import AnthropicCompletion, TextCompletion

COMPLETIONS = "/completions"
COMPLETE = "/complete"

#: name -> (what it must be, lowest, highest)
PARAMETERS: Rules = {
    "max_tokens": (WHOLE, 1, math.inf),
    "temperature": (NUMBER, 0, 2),
    "top_p": (NUMBER, 0, 1),
    "n": (WHOLE, 1, 128),
    "best_of": (WHOLE, 1, 128),
    "echo": (FLAG, 0, 0),
    "suffix": (WORD, 0, 0),
    "stop": (WORDS, 0, 0),
    "logprobs": (FLAG, 0, 0),
    "logit_bias": (OBJECT, 0, 0),
    "seed": (WHOLE, -math.inf, math.inf),
    "frequency_penalty": (NUMBER, -2, 2),
    "presence_penalty": (NUMBER, -2, 2),
    "user": (WORD, 0, 0),
}
_ELSEWHERE = {
    "max_completion_tokens": "Write max_tokens= here.",
    "max_output_tokens": "Write max_tokens= here.",
    "max_tokens_to_sample": "Write max_tokens= here.",
    "stop_sequences": "Write stop= here.",
    "stream": "complete_stream() streams.",
    "messages": "chat_completion() takes messages.",
    "system": "ask() and chat_completion() have one.",
}
ANTHROPIC_PARAMETERS: Rules = {
    "max_tokens_to_sample": (WHOLE, 1, math.inf),
    "stop_sequences": (WORDS, 0, 0),
    "temperature": (NUMBER, 0, 2),
    "top_p": (NUMBER, 0, 1),
    "top_k": (WHOLE, 0, math.inf),
    "metadata": (OBJECT, 0, 0),
}


class CompleteOptions(TypedDict, total=False):
    """Parameters of a text completion, by the API's own names.

    Source: xai-api.md section 8.2.
    """

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    n: int | None
    best_of: int | None
    echo: bool | None
    suffix: str | None
    stop: str | Sequence[str] | None
    logprobs: bool | None
    logit_bias: Mapping[str, float] | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    user: str | None


# -- what comes back -------------------------------------------------------------------


class TextFold(Fold):
    """Collects chunks of a text completion, or a whole one; see `Fold`.

    A chunk has the form of the whole; usage is that of chat completions.
    """

    asked_in = ("prompt",)

    def __init__(self, request: Mapping[str, Any], choices: int = 1) -> None:
        prompt = request["body"]["prompt"]
        prompts = 1 if isinstance(prompt, str) else len(prompt)
        super().__init__(request, choices * prompts)

    def as_chunk(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write a whole completion as the one chunk of a stream."""
        return dict(data)

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole completion."""
        choices = data.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and isinstance(choice.get("text"), str):
                self._add_choice(choice, None, position)
        self._add_head(data, data.get("usage"))
        self.marked_done = True
        self.usage_is_final = self.usage is not None
        self.data = data

    def _add_choice(
        self,
        choice: dict[str, Any],
        delta: Any,  # noqa: ARG002 - there is none: the text is the choice's own
        position: int = 0,
    ) -> None:
        super()._add_choice(choice, {"content": choice.get("text")}, position)


class CompletionFold(Fold):
    """Takes a completion in Anthropic's form, which tells no usage; see `Fold`."""

    asked_in = ("prompt",)

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole completion."""
        self.data = data
        for name in ("id", "model"):
            if isinstance(value := data.get(name), str):
                self.head[name] = _joined([value])
        if not isinstance(text := data.get("completion"), str):
            return
        self.has_choice = True
        self.log.append(("text", 0, text))
        if reason := _text(data.get("stop_reason")):
            self._finish[0] = (_joined([reason]), len(self.log))
        # none is documented; whoever sends one has one of two forms
        told = data.get("usage")
        is_chat = isinstance(told, dict) and "prompt_tokens" in told
        self.usage = (Usage.from_chat if is_chat else Usage.from_response)(told)
        self.usage_is_final = self.usage is not None
        self.marked_done = True


# -- the methods -----------------------------------------------------------------------


class LegacyMethods:
    """The methods of `Client` for ``/v1/completions`` and ``/v1/complete``."""

    exchange: Exchange

    async def resolve_model(self, model: str | None) -> str:
        """Return the model to ask; see `Client`."""
        raise NotImplementedError

    def heed(self, model: str | None) -> None:
        """Warn of a retired model; see `Client`."""
        raise NotImplementedError

    async def complete(
        self,
        prompt: str | Sequence[str],
        model: str | None = None,
        **options: Unpack[CompleteOptions],
    ) -> TextCompletion:
        """Continue a text: ``POST /v1/completions``, the legacy endpoint.

        Parameters
        ----------
        prompt
            Text, or a list of texts that are continued each for itself.
        model
            Id or alias of a model that does not reason; default as `Grok` resolves it.
        **options
            Any of `CompleteOptions`; only what is given is sent.

        Returns
        -------
        TextCompletion
            Typed; ``.text`` is that of the first choice, ``.raw`` the JSON as it came.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right or the model is known to
            reason; or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        xAI keeps this endpoint for old programs; `ask` and `chat_completion` take every
        model.
        Source: xai-api.md section 8.2.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     found = grok.complete("What is 6*7?", "grok-4.20-non-reasoning")
        ...     found.object
        'text_completion'
        """
        from grok_nb.wire import TextCompletion

        call = await self._text_call(prompt, model, options)
        async for _ in self.exchange.run(call):
            pass
        return TextCompletion.read(call.fold.data or {})

    async def complete_stream(
        self,
        prompt: str | Sequence[str],
        model: str | None = None,
        **options: Unpack[CompleteOptions],
    ) -> AsyncIterator[TextCompletion]:
        """Continue a text, chunk by chunk; arguments as for `complete`.

        Yields
        ------
        TextCompletion
            What each chunk adds, in the order of the server; the usage comes last.

        Raises
        ------
        StreamError
            The stream ended without finish reason or ``[DONE]``; ``.reply`` holds
            what had arrived.

        Notes
        -----
        Source: xai-api.md section 8.2.
        """
        from grok_nb.wire import TextCompletion

        call = await self._text_call(prompt, model, options, stream=True)
        exchange = self.exchange.run(call)
        try:
            async for chunk in exchange:
                yield TextCompletion.read(chunk)
        finally:
            chunk = {}  # a traceback may show variables, and a server echo the key
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def anthropic_complete(
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
        r"""Continue a text in Anthropic's legacy form: ``POST /v1/complete``.

        Parameters
        ----------
        prompt
            As Anthropic wants it: ``"\n\nHuman: Hello\n\nAssistant:"``. It travels as
            it is.
        model
            Id or alias; default as `Grok` resolves it.
        max_tokens_to_sample
            Tokens that the answer may have; must be given.
        stop_sequences
            Texts that end the answer.
        temperature
            0 to 2.
        top_p
            0 to 1.
        top_k
            From 0.
        metadata
            Travels as it is.

        Returns
        -------
        AnthropicCompletion
            Typed; ``.completion`` is the text, ``.raw`` the JSON as it came.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        The answer tells no usage: the ledger has an estimate. There is no stream.
        Source: xai-api.md section 8.3.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     prompt = "\n\nHuman: What is 6*7?\n\nAssistant:"
        ...     grok.anthropic_complete(prompt, max_tokens_to_sample=50).type
        'completion'
        """
        from grok_nb.wire import AnthropicCompletion

        given = {
            "max_tokens_to_sample": max_tokens_to_sample,
            "stop_sequences": stop_sequences,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "metadata": metadata,
        }
        if model is not None:
            check_model(model)
        _check_text("prompt", prompt)
        found = checked("Completions", ANTHROPIC_PARAMETERS, given)
        if "max_tokens_to_sample" not in found:
            raise BadRequest(
                "This endpoint needs max_tokens_to_sample: how many tokens the answer "
                "may have.",
                hint="For example max_tokens_to_sample=1024.",
            )
        if isinstance(stop := found.get("stop_sequences"), str):
            found["stop_sequences"] = [stop]
        model = await self.resolve_model(model)
        self.heed(model)
        body = {"model": model, "prompt": prompt, **found}
        call = Call(COMPLETE, body, fold=CompletionFold)
        async for _ in self.exchange.run(call):
            pass
        return AnthropicCompletion.read(call.fold.data or {})

    async def _text_call(
        self,
        prompt: object,
        model: str | None,
        options: Mapping[str, Any],
        *,
        stream: bool = False,
    ) -> Call:
        if model is not None:
            check_model(model)
        asked = _checked_prompt(prompt)
        refuse_elsewhere("Completions", _ELSEWHERE, options)
        found = checked("Completions", PARAMETERS, options)
        if found.get("best_of", math.inf) < found.get("n", 1):
            raise BadRequest("best_of must be at least n.")
        model = await self.resolve_model(model)
        table = self.exchange.table
        gate.check_completes(table, model)
        gate.check_parameters(table, model, {name: name for name in found})
        self.heed(model)
        body = {"model": model, "prompt": asked, **found}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return Call(COMPLETIONS, body, fold=TextFold)


def _checked_prompt(prompt: object) -> str | list[str]:
    if isinstance(prompt, str):
        _check_text("prompt", prompt)
        return prompt
    if isinstance(prompt, (bytes, Mapping)) or not isinstance(prompt, Sequence):
        raise BadRequest(
            f"prompt must be text or a list of texts, not {type(prompt).__name__}.",
            hint="str(...) makes text of it.",
        )
    if not prompt:
        raise BadRequest("prompt is empty: there is nothing to continue.")
    for number, text in enumerate(prompt):
        _check_text(f"prompt[{number}]", text)
    return list(prompt)


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise BadRequest(
            f"{name} must be text, not {type(text).__name__}.",
            hint="str(...) makes text of it.",
        )
    if not text:
        raise BadRequest(f"{name} is empty: there is nothing to continue.")
