"""What `ask` was given -> the `Ask` that is sent."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any, TypedDict

from grok_nb import attachments
from grok_nb.errors import BadRequest
from grok_nb.reply import Ask, Origin

from .chat import check_messages, check_model, checked_ask
from .parameters import NUMBER, checked
from .responses import options_of_ask
from .server_tools import OPTIONS, tools_for
from .structured import OPTIONS as STRUCTURED
from .structured import schema_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping, Sequence

    from grok_nb.reply import RetryNotice


class AskOptions(TypedDict, total=False):
    """What can be set besides the prompt."""

    messages: Sequence[Mapping[str, Any]] | None
    model: str | None
    system: str | None
    attach: Any
    detail: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    n: int | None
    seed: int | None
    stop: str | Sequence[str] | None
    frequency_penalty: float | None
    presence_penalty: float | None
    reasoning_effort: str | None
    search: str | Sequence[str] | None
    domains: str | Sequence[str] | None
    not_domains: str | Sequence[str] | None
    handles: str | Sequence[str] | None
    not_handles: str | Sequence[str] | None
    since: str | datetime.date | None
    until: str | datetime.date | None
    images: bool | None
    video: bool | None
    run_code: bool | None
    schema: Any
    many: bool | None
    repairs: int | None
    timeout_s: float | None
    search_parameters: Mapping[str, Any] | None
    on_retry: Callable[[RetryNotice], None] | None


def question(
    prompt: str | None = None,
    *,
    origin: Origin = Origin(),  # noqa: B008 - frozen
    **options: Any,
) -> Ask:
    """Return the `Ask` for a prompt and `AskOptions`.

    Raises
    ------
    BadRequest
        Nothing to ask, or an option that cannot be right.
    """
    if unknown := options.keys() - AskOptions.__annotations__.keys():
        name = min(unknown)
        close = difflib.get_close_matches(name, AskOptions.__annotations__, n=1)
        raise BadRequest(
            f"ask() has no option {name!r}.",
            hint=f"Did you mean {close[0]!r}?" if close else "",
        )
    messages = _messages(prompt, options)
    on_retry = options.get("on_retry")
    if on_retry is not None and not callable(on_retry):
        raise BadRequest(f"on_retry must be a function, not {on_retry!r}.")
    timeout_s = options.get("timeout_s")
    if timeout_s is not None:
        checked("ask()", {"timeout_s": (NUMBER, 0.001, 1e9)}, {"timeout_s": timeout_s})
    beside = (
        *("messages", "system", "model", "attach", "detail"),
        *("timeout_s", "on_retry"),
    )
    schema, repairs = schema_of(options), options.get("repairs")
    structure: dict[str, Any] = {
        "schema": schema,
        "repairs": 1 if repairs is None else repairs,
    }
    tools = tools_for(**{n: options.get(n) for n in ("search", "run_code", *OPTIONS)})
    if tools and options.get("search_parameters") is not None:
        raise BadRequest(
            "search_parameters does not go with search or run_code.",
            hint="search= is what took its place: leave search_parameters out.",
        )
    sent = {
        name: value
        for name, value in options.items()
        if name not in (*beside, "search", "run_code", *OPTIONS, *STRUCTURED)
    }
    model = options.get("model")
    if tools:
        if model is not None:
            check_model(model)
        found = options_of_ask(sent, tools)
        if schema is not None:
            found["text"] = {"format": schema.format}
        return Ask(
            messages=tuple(check_messages(messages)),
            model=model,
            options=found,
            names={"max_output_tokens": "max_tokens", "text": "schema"}
            | {"reasoning_effort": "reasoning_effort"},
            endpoint="/responses",
            origin=origin,
            timeout_s=timeout_s,
            **structure,
        )
    # max_tokens bounds the visible output here (PRODUCT rule; xai-api.md section 3.1)
    names = {"max_tokens": "max_completion_tokens"}
    sent = {names.get(name, name): value for name, value in sent.items()}
    if schema is not None:
        sent["response_format"] = schema.response_format
        names["schema"] = "response_format"
    ask = checked_ask(messages, model, sent, origin)
    names = {there: here for here, there in names.items()}
    return dataclasses.replace(ask, names=names, timeout_s=timeout_s, **structure)


def _messages(
    prompt: str | None, options: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return system prompt, earlier turns, attachments and prompt, in this order."""
    messages: list[Mapping[str, Any]] = []
    for name, value in (("prompt", prompt), ("system", options.get("system"))):
        if value is not None and not isinstance(value, str):
            raise BadRequest(
                f"{name} must be text, not {type(value).__name__}.",
                hint="str(...) makes text of it.",
            )
    if prompt is not None and not prompt.strip() and not options.get("attach"):
        raise BadRequest("The prompt is empty: there is nothing to ask.")
    if options.get("system"):
        messages.append({"role": "system", "content": options["system"]})
    earlier = options.get("messages")
    is_none = isinstance(earlier, list) and not earlier and prompt is not None
    if earlier is not None and not is_none:
        messages += check_messages(earlier)
    attached = attachments.parts(options.get("attach"), detail=options.get("detail"))
    if attached:  # what is asked comes after what it is about
        asked = [{"type": "text", "text": prompt}] if prompt else []
        messages.append({"role": "user", "content": [*attached, *asked]})
    elif prompt is not None:
        messages.append({"role": "user", "content": prompt})
    if prompt is None and not attached and earlier is None:
        raise BadRequest("There is nothing to ask: give a prompt or messages.")
    return messages
