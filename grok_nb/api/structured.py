"""Answers by a schema: what is asked, what came, and how to ask once more."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from grok_nb.errors import BadRequest, GrokError, Refused, SchemaMismatch, Truncated
from grok_nb.reply import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.reply import Ask, Reply
    from grok_nb.schema import Schema

    from .stream import Fold

MOST_REPAIRS = 5
#: options of `ask` that are about a schema
OPTIONS = ("schema", "many", "repairs")
_NOT_AGAIN = ("tools", "tool_choice", "max_turns")
#: finish reasons of an answer that is not whole
_CUT = {
    "length": "its token limit",
    "max_prompt_tokens": "the limit of what was found",
    "max_time_limit": "the server's time limit",
}
#: the best first; together they are as good as the worst
_SOURCES = ("reported", "computed", "estimated", "none")


def schema_of(options: Mapping[str, Any]) -> Schema | None:
    """Return the schema that options of `ask` stand for.

    Raises
    ------
    BadRequest
        It cannot be right, or an option is about a schema and there is none.
    """
    many, repairs = options.get("many"), options.get("repairs")
    if many is not None and not isinstance(many, bool):
        raise BadRequest(f"many must be True or False, not {many!r}.")
    if repairs is not None and (
        not isinstance(repairs, int)
        or isinstance(repairs, bool)
        or not 0 <= repairs <= MOST_REPAIRS
    ):
        raise BadRequest(
            f"repairs must be a whole number from 0 to {MOST_REPAIRS}, not {repairs!r}."
        )
    if options.get("schema") is None:
        for name in ("many", "repairs"):
            if options.get(name):
                raise BadRequest(
                    f"{name} is about a schema that was not asked for.",
                    hint='Add schema="name, age int", or a pydantic class.',
                )
        return None
    if (options.get("n") or 1) != 1:
        raise BadRequest("n must be 1 with a schema: one answer is read.")
    from grok_nb.schema import structured  # pydantic, for those who need it

    return structured(options["schema"], many=bool(many))


def take(ask: Ask, fold: Fold, earlier: Fold | None) -> None:
    """Settle what a call's reply holds by the schema of its question.

    Parameters
    ----------
    ask
        The question.
    fold
        With the whole reply; its outcome gets ``parsed``.
    earlier
        Of the call that this one repairs: what it cost is added.

    Raises
    ------
    Truncated, Refused, SchemaMismatch
        There is no such answer; ``.reply`` is what was paid for.
    """
    if earlier is not None:
        fold.outcome.update(_together(earlier.reply(), fold.reply()))
    reply = fold.reply()
    assert ask.schema is not None  # noqa: S101 - for questions with a schema
    try:
        _check_whole(reply)
        fold.outcome["parsed"] = ask.schema.read(fold.text)
    except GrokError as error:
        error.reply = dataclasses.replace(reply, state="failed")
        error.request_id = reply.request_id
        raise


def spoiled(failure: GrokError, fold: Fold) -> GrokError:
    """Give what ended a repair the reply that was to be repaired: it was paid for."""
    if failure.reply is None:
        failure.reply = dataclasses.replace(fold.reply(), state="failed")
    return failure


def again(ask: Ask, error: SchemaMismatch) -> Ask:
    """Return the question that shows the model its answer and what is wrong with it.

    What the server's own tools found is in that answer: they are not asked again.
    """
    answered: list[dict[str, Any]] = []
    if error.reply is not None and str(error.reply):
        answered = [{"role": "assistant", "content": str(error.reply)}]
    told = f"{error} Answer again, with the whole JSON and nothing else."
    return dataclasses.replace(
        ask,
        messages=(*ask.messages, *answered, {"role": "user", "content": told}),
        options={n: v for n, v in ask.options.items() if n not in _NOT_AGAIN},
        tools=(),
    )


def _check_whole(reply: Reply) -> None:
    refusal = reply.choices[0].refusal
    if refusal or reply.finish_reason == "content_filter":
        said = f": {_cut(refusal)}" if refusal else "."
        raise Refused(
            f"The model declined to answer{said}",
            hint="error.reply has the whole reply; ask in another way.",
        )
    if reply.finish_reason in _CUT:
        raise Truncated(
            f"The reply hit {_CUT[reply.finish_reason]} and is not whole.",
            hint="Allow more with max_tokens, or ask for less; error.reply holds what came.",
        )


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def continued(first: Reply, second: Reply) -> Reply:
    """Return one reply of what came before functions were run, and after.

    Nothing that was paid for is left out: texts and reasoning follow each other, where
    there was any before.
    """
    one, two = first.choices[0], second.choices[0]
    text = one.text + "\n\n" if one.text and two.text else one.text
    offset = len(text)
    cited = [
        dataclasses.replace(
            c,
            start=None if c.start is None else c.start + offset,
            end=None if c.end is None else c.end + offset,
        )
        for c in second.cited
    ]
    choice = dataclasses.replace(
        two,
        text=text + two.text,
        reasoning="\n\n".join(part for part in (one.reasoning, two.reasoning) if part),
    )
    return dataclasses.replace(
        second,
        **{
            **_together(first, second),
            "repairs": second.repairs,
            "cited": (*first.cited, *cited),
        },
        choices=(choice, *second.choices[1:]),
        model=second.model or first.model,
        sandbox=second.sandbox or first.sandbox,
        thread=second.thread or first.thread,
    )


def _together(first: Reply, second: Reply) -> dict[str, Any]:
    """Return what two replies to one question cost together."""
    ticks = (first.cost_ticks, second.cost_ticks)
    return {
        "usage": _added(first.usage, second.usage),
        "cost_ticks": None if None in ticks else sum(t or 0 for t in ticks),
        "cost_source": max(first.cost_source, second.cost_source, key=_SOURCES.index),
        "attempts": first.attempts + second.attempts,
        "attempts_in_doubt": first.attempts_in_doubt + second.attempts_in_doubt,
        "repairs": first.repairs + 1,
        "steps": (*first.steps, *second.steps),
        "cited": second.cited or first.cited,
    }


def _added(one: Usage | None, two: Usage | None) -> Usage | None:
    if one is None or two is None:
        return one or two
    uses = dict(one.tool_uses)
    for name, count in two.tool_uses:
        uses[name] = uses.get(name, 0) + count
    ticks = (one.cost_ticks, two.cost_ticks)
    sums = {
        field.name: getattr(one, field.name) + getattr(two, field.name)
        for field in dataclasses.fields(Usage)
        if field.name not in ("cost_ticks", "tool_uses")
    }
    return Usage(
        **sums,
        cost_ticks=None if None in ticks else sum(t or 0 for t in ticks),
        tool_uses=tuple(uses.items()),
    )
