"""Models, prices, threads and deferred requests as DataFrames."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd

from grok_nb import default, pricing
from grok_nb.errors import GrokError
from grok_nb.store.deferred import FRAME, KEPT_H
from grok_nb.threads import listed

if TYPE_CHECKING:
    from grok_nb.pricing import Model, PriceTable, Rates


def threads() -> pd.DataFrame:
    """Return the threads of this notebook; the one that was used last comes first.

    Returns
    -------
    pandas.DataFrame
        ``name`` (string), ``turns``, ``stale`` and ``tokens`` (Int64), ``cost_usd``
        (Float64) of the turns that each has now, ``last_used`` (datetime64, UTC, to
        the second). What all calls of a thread cost: ``usage(by="thread")``.
    """
    rows = [
        (
            size.name,
            size.turns,
            size.stale,
            size.tokens,
            None
            if size.cost_ticks is None
            else size.cost_ticks / pricing.TICKS_PER_USD,
            size.last,
        )
        for size in listed()
    ]
    counts = dict.fromkeys(("turns", "stale", "tokens"), "Int64")
    columns = ["name", *counts, "cost_usd", "last_used"]
    frame = pd.DataFrame(rows, columns=columns)
    last = pd.to_datetime(frame["last_used"], utc=True, format="ISO8601")
    frame["last_used"] = last.dt.floor("s")  # nobody reads microseconds
    return frame.astype({"name": "string", **counts, "cost_usd": "Float64"})


def deferred() -> pd.DataFrame:
    """Return the deferred requests of this store, oldest first.

    Returns
    -------
    pandas.DataFrame
        ``time`` (asked), ``checked`` (when the server was last asked for the result) and
        ``expires`` (until when the server keeps it): datetime64, UTC; ``stored``
        (whether the result is here): boolean; ``request_id, state, model, base_url,
        thread, notebook, run``: string. ``state`` is pending, received (stored, not
        read yet), done, in_doubt (the connection broke while it was delivered) or gone.

    Notes
    -----
    ``gn.Grok().deferred_result(request_id)`` reads one, also after a restart.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     gn.deferred().columns[:3].tolist()
    ['time', 'request_id', 'state']
    """
    rows = default.session()._core.desk.kept.rows()  # noqa: SLF001 - the same session
    frame = pd.DataFrame(rows, columns=list(FRAME))
    for name in ("time", "checked"):
        times = pd.to_datetime(frame[name], utc=True, format="ISO8601")
        frame[name] = times.dt.as_unit("us")  # also of no rows
    frame["expires"] = frame["time"] + pd.Timedelta(hours=KEPT_H)
    texts = ("request_id", "state", "model", "base_url", "thread", "notebook", "run")
    return frame.astype({**dict.fromkeys(texts, "string"), "stored": "boolean"})


def models() -> pd.DataFrame:
    """Return the models that can be asked: the live listing, else the bundled one.

    Returns
    -------
    pandas.DataFrame
        One row per model. ``id, kind, status, source`` (live, snapshot), ``as_of``
        (date of the source), ``redirect``: string; ``aliases, input_modalities,
        output_modalities, reasoning_effort``: lists; ``context_window,
        long_context_threshold`` (tokens): Int64; ``*_usd_per_mtok`` (USD per million
        tokens) and ``image_usd`` (per picture): Float64; ``reasoning,
        structured_outputs, function_calling``: boolean; ``created``: datetime64, UTC.

    Warns
    -----
    RuntimeWarning
        There is a key, but the listing could not be read; the bundled one is shown.
    """
    return _models_frame(_table())


def prices() -> pd.DataFrame:
    """Return what tokens cost, with the source and date of each price.

    Returns
    -------
    pandas.DataFrame
        One row per text model and tier: ``id``, ``tier`` ("standard", or
        "long_context" where the prompt reaches ``from_prompt_tokens``), prices in USD
        per million tokens (Float64), ``source`` and ``as_of``.
    """
    rows = []
    for model in _table().models:
        if model.kind != "language" or model.status != "current":
            continue
        rows.append(_price_row(model, "standard", 0, model.rates))
        if model.long_rates and model.long_context_threshold:
            threshold = model.long_context_threshold
            rates = pricing.rates_for(model, threshold)
            rows.append(_price_row(model, "long_context", threshold, rates))
    frame = pd.DataFrame(rows, columns=list(_PRICE_DTYPES))
    return frame.astype(_PRICE_DTYPES)


def _table() -> PriceTable:
    grok = default.session()
    if grok.settings.api_key is not None:
        try:
            return grok.read_prices()
        except GrokError as error:
            warnings.warn(
                f"The live listing could not be read ({error}); showing the bundled one.",
                RuntimeWarning,
                stacklevel=3,
            )
    return pricing.snapshot()


_MODEL_DTYPES = {
    "id": "string",
    "kind": "string",
    "status": "string",
    "aliases": "object",
    "input_modalities": "object",
    "output_modalities": "object",
    "context_window": "Int64",
    "input_usd_per_mtok": "Float64",
    "cached_input_usd_per_mtok": "Float64",
    "output_usd_per_mtok": "Float64",
    "image_input_usd_per_mtok": "Float64",
    "long_context_threshold": "Int64",
    "image_usd": "Float64",
    "reasoning": "boolean",
    "reasoning_effort": "object",
    "structured_outputs": "boolean",
    "function_calling": "boolean",
    "created": "object",
    "redirect": "string",
    "source": "string",
    "as_of": "string",
}
_PRICE_DTYPES = {
    "id": "string",
    "tier": "string",
    "from_prompt_tokens": "Int64",
    "input_usd_per_mtok": "Float64",
    "cached_input_usd_per_mtok": "Float64",
    "output_usd_per_mtok": "Float64",
    "image_input_usd_per_mtok": "Float64",
    "source": "string",
    "as_of": "string",
}


def _models_frame(table: PriceTable) -> pd.DataFrame:
    rows = [
        {
            "id": model.id,
            "kind": model.kind,
            "status": model.status,
            "aliases": list(model.aliases),
            "input_modalities": list(model.input_modalities),
            "output_modalities": list(model.output_modalities),
            "context_window": model.context_window,
            **_usd(model.rates),
            "long_context_threshold": model.long_context_threshold,
            "image_usd": None
            if model.image_ticks is None
            else model.image_ticks / pricing.TICKS_PER_USD,
            "reasoning": model.reasoning,
            "reasoning_effort": list(model.reasoning_effort or ()),
            "structured_outputs": model.structured_outputs,
            "function_calling": model.function_calling,
            "created": model.created,
            "redirect": model.redirect,
            "source": model.source,
            "as_of": model.as_of,
        }
        for model in table.models
    ]
    frame = pd.DataFrame(rows, columns=list(_MODEL_DTYPES)).astype(_MODEL_DTYPES)
    seconds = pd.to_numeric(frame["created"])
    frame["created"] = pd.to_datetime(seconds, unit="s", utc=True)
    return frame


def _usd(rates: Rates) -> dict[str, float | None]:
    return {
        f"{name}_usd_per_mtok": None
        if (ticks := getattr(rates, name)) is None
        else ticks / pricing.TICKS_PER_USD_PER_MTOK
        for name in ("input", "cached_input", "output", "image_input")
    }


def _price_row(
    model: Model, tier: str, from_prompt_tokens: int, rates: Rates
) -> dict[str, object]:
    return {
        "id": model.id,
        "tier": tier,
        "from_prompt_tokens": from_prompt_tokens,
        **_usd(rates),
        "source": model.source,
        "as_of": model.as_of,
    }
