"""What `ask` was given -> the `Ask` that is sent."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any, TypedDict

from grok_nb import attachments
from grok_nb.errors import BadRequest, ConfigError
from grok_nb.reply import Ask, Origin

from .chat import check_messages, check_model, checked_ask
from .parameters import NUMBER, checked
from .responses import options_of_ask
from .server_tools import OPTIONS, tools_for, without_secrets
from .structured import OPTIONS as STRUCTURED
from .structured import schema_of

#: options of `ask` that are about functions
TOOLS = ("tools", "tool_choice", "max_steps")

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping, Sequence

    from grok_nb.limits import Purse
    from grok_nb.reply import RetryNotice
    from grok_nb.tools import Tool


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
    max_turns: int | None
    tools: Any
    tool_choice: Any
    max_steps: int | None
    schema: Any
    many: bool | None
    repairs: int | None
    max_cost: float | None
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
    options = without_secrets(options)
    messages = _messages(prompt, options)
    on_retry = options.get("on_retry")
    if on_retry is not None and not callable(on_retry):
        raise BadRequest(f"on_retry must be a function, not {on_retry!r}.")
    timeout_s = options.get("timeout_s")
    if timeout_s is not None:
        checked("ask()", {"timeout_s": (NUMBER, 0.001, 1e9)}, {"timeout_s": timeout_s})
    beside = (
        *("messages", "system", "model", "attach", "detail"),
        *("timeout_s", "on_retry", "max_cost"),
    )
    schema, repairs = schema_of(options), options.get("repairs")
    structure: dict[str, Any] = {
        "schema": schema,
        "repairs": 1 if repairs is None else repairs,
    }
    if options.get("max_cost") is not None:
        structure["purse"] = _purse(options["max_cost"])
    searching = {n: options.get(n) for n in ("search", "run_code", *OPTIONS)}
    functions, others = _tools(options)
    tools = [*tools_for(**searching), *others]
    structure |= {"tools": tuple(functions)}
    if functions:
        from grok_nb.tools import checked_steps

        structure["max_steps"] = checked_steps(options.get("max_steps"))
    if tools and options.get("search_parameters") is not None:
        raise BadRequest(
            "search_parameters does not go with search or run_code.",
            hint="search= is what took its place: leave search_parameters out.",
        )
    sent = {
        name: value
        for name, value in options.items()
        if name not in (*beside, *searching, *STRUCTURED, *TOOLS)
    }
    model = options.get("model")
    if tools:
        if model is not None:
            check_model(model)
        tools += [tool.declared(flat=True) for tool in functions]
        found = options_of_ask(sent, tools) | _choice(options, functions, flat=True)
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
    if functions:
        sent["tools"] = [tool.declared(flat=False) for tool in functions]
        sent |= _choice(options, functions, flat=False)
    # max_tokens bounds the visible output here (PRODUCT rule; xai-api.md section 3.1)
    names = {"max_tokens": "max_completion_tokens"}
    sent = {names.get(name, name): value for name, value in sent.items()}
    if schema is not None:
        sent["response_format"] = schema.response_format
        names["schema"] = "response_format"
    ask = checked_ask(messages, model, sent, origin)
    names = {there: here for here, there in names.items()}
    return dataclasses.replace(ask, names=names, timeout_s=timeout_s, **structure)


def _purse(usd: object) -> Purse:
    from grok_nb.limits import Purse, ticks_of

    try:
        return Purse(ticks_of(usd, "max_cost", least=1e-12))
    except ConfigError as error:
        raise BadRequest(f"{error}") from None


def _tools(options: Mapping[str, Any]) -> tuple[list[Tool], list[dict[str, Any]]]:
    """Return the functions, and the server's own tools, that options of `ask` name."""
    if options.get("tools") is None:
        for name in ("tool_choice", "max_steps"):
            if options.get(name) is not None:
                raise BadRequest(
                    f"{name} is about functions that were not given.",
                    hint="Add tools=[function, ...].",
                )
        return [], []
    from grok_nb.tools import checked_tools

    functions, others = checked_tools(options["tools"])
    if functions and (options.get("n") or 1) != 1:
        raise BadRequest("n must be 1 with tools: one answer is gone on with.")
    return functions, others


def _choice(
    options: Mapping[str, Any], functions: list[Tool], *, flat: bool
) -> dict[str, Any]:
    """Return what a request says of which tool is to be called, if anything."""
    if options.get("tool_choice") is None:
        return {}
    from grok_nb.tools import checked_choice

    choice = checked_choice(options["tool_choice"], functions, flat=flat)
    return {"tool_choice": choice}


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
