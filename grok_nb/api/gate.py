"""What is known of a model before it is asked: what it rejects, and if it is retired.

Both are data of the price table (`grok_nb.pricing.Model`); a model that the table does
not know is asked whatever the user likes.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING

from grok_nb.errors import BadRequest
from grok_nb.pricing import TICKS_PER_USD_PER_MTOK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grok_nb.pricing import PriceTable

#: Names of retired models that this process has warned of.
_warned: set[str] = set()


def check_parameters(table: PriceTable, model: str, given: Mapping[str, str]) -> None:
    """Raise `BadRequest` for a parameter that the model is known to reject.

    Parameters
    ----------
    table
        What is known of models.
    model
        Id or alias; of a retired one, its redirect counts.
    given
        Parameters that were set, by their names in a chat completion -> what the user
        calls them.

    Notes
    -----
    A literal 0 or the default is rejected, too. Source: xai-api.md sections 3.1, 3.5.
    """
    known = table.find(model)
    if known is None or known.status != "current":
        return
    for name, own_name in given.items():
        if name in known.rejects:
            raise BadRequest(
                f"{own_name} is not taken by {model}: xAI answers 400 to it.",
                hint=_other(table, name),
            )


def check_completes(table: PriceTable, model: str) -> None:
    """Raise `BadRequest` for a model that is known not to complete plain texts.

    Models that reason do not. Of one that another answers for, its own name counts;
    one that was retired for good is left to the API's 404.
    Source: xai-api.md section 8.2.
    """
    known = table.named(model)
    if known is None or known.status == "retired" or not known.reasoning:
        return
    found = [
        m.id
        for m in table.models
        if m.kind == "language" and m.status == "current" and m.reasoning is False
    ]
    raise BadRequest(
        f"{model} does not complete plain texts: it reasons, and xAI answers 400.",
        hint=(f"Take {found[0]!r}, or ask" if found else "Ask")
        + " with chat_completion(), which takes every model.",
    )


def _other(table: PriceTable, name: str) -> str:
    found = [
        m.id
        for m in table.models
        if m.kind == "language" and m.status == "current" and name not in m.rejects
    ]
    # what no listed model takes is not worth a search through them
    other = f", or take {found[0]!r}" if found else ""
    return f"Leave it out{other}."


def warn_if_retired(table: PriceTable, model: str | None) -> None:
    """Warn, once in a process, that another model answers to this name.

    Parameters
    ----------
    table
        What is known of models.
    model
        Id or alias; a retired one without redirect is left to the API's 404.
    """
    found = table.named(model)
    if model is None or model in _warned or found is None or not found.redirect:
        return
    target = table.named(found.redirect)
    if target is None:
        return
    _warned.add(model)
    effort = found.redirect_effort
    price = (
        f", at ${_per_mtok(target.rates.input)} per million tokens in and "
        f"${_per_mtok(target.rates.output)} out"
        if target.rates.input is not None and target.rates.output is not None
        else ""
    )
    warnings.warn(
        f"The model {model} is retired: {target.id} answers in its place"
        + (f" with reasoning effort {effort}" if effort else "")
        + f"{price}. Ask for model={target.id!r} to choose yourself.",
        stacklevel=_level_of_user(),
    )


def retired_hint(table: PriceTable, model: str | None) -> str:
    """Return what to take instead of a model that was retired for good; else empty."""
    found = table.named(model)
    if found is None or found.status != "retired":
        return ""
    return f"{model} was retired; gn.models() lists what there is."


def _per_mtok(ticks: int) -> str:
    return f"{ticks / TICKS_PER_USD_PER_MTOK:.2f}"


def _level_of_user() -> int:
    """Return how far up the code is that is not ours: a warning points there."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith(
        "grok_nb."
    ):
        frame, level = frame.f_back, level + 1
    return level
