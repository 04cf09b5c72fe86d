"""`extract`: rows of text in, a typed DataFrame out; what was paid for once stays."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from grok_nb import default
from grok_nb.api.question import question
from grok_nb.bulk import DRAIN_S, Bulk, Outcome, Status
from grok_nb.errors import BadRequest, GrokError
from grok_nb.limits import Purse, ticks_of
from grok_nb.portal import End, portal
from grok_nb.reply import Origin
from grok_nb.schema import Schema, structured
from grok_nb.show.progress import Progress

from .columns import typed
from .usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grok_nb.reply import Ask
    from grok_nb.session import Grok

#: Requests at the same time, where nobody says otherwise.
MAX_IN_FLIGHT = 64
SYSTEM = (
    "Extract the data that the schema asks for from what the user gives. Take each value "
    "from there alone. Where it says nothing of a field, use null."
)
#: Options of `ask` that a run may set for all of its rows.
OPTIONS = (
    *("max_tokens", "temperature", "top_p", "seed", "reasoning_effort", "timeout_s"),
    "detail",
)
_PARAMETERS = (
    *("text", "key", "system", "prompt", "images", "model", "repairs", "budget"),
    *("sample", "max_in_flight", "rpm", "tpm", "run", "progress", "grok"),
)
_PLACE = re.compile(r"\{\{\s*([^{}|]+?)\s*\}\}")
#: What a column of the result tells of its row, and its dtype.
TOLD: dict[str, str] = {
    "_status": "string",
    "_error": "string",
    "_attempts": "Int64",
    "_cached": "boolean",
    "_model": "string",
    "_finish": "string",
    "_fingerprint": "string",
    "_request_id": "string",
    "_latency_s": "Float64",
    "_prompt_tokens": "Int64",
    "_completion_tokens": "Int64",
    "_reasoning_tokens": "Int64",
    "_cost_usd": "Float64",
    "_cost_source": "string",
}
_GOOD = ("ok", "repaired")
_STATUSES: tuple[Status, ...] = get_args(Status)
_HINTS = {
    "truncated": "It was cut: result.retry(where='truncated', max_tokens=...) allows more.",
    "refused": "The model declined: another prompt= or model= asks anew.",
    "invalid": (
        "result.retry(where='invalid', repairs=3) shows the model what is wrong again; a "
        "schema that asks the same of the server reads the stored reply for nothing."
    ),
    "in_doubt": (
        "It may have been billed: gn.doubts(). result.retry(where='in_doubt') asks, and "
        "may pay, again."
    ),
    "skipped_budget": "The same call with a larger budget goes on here.",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """What is kept of an outcome."""

    told: tuple[Any, ...]
    records: tuple[dict[str, Any], ...] | None
    hint: str
    paid_ticks: int


class Extraction:
    """What `extract` returns: one row of ``df`` for each that was given.

    Attributes
    ----------
    df : pandas.DataFrame
        In the order and with the index of what was given. First the columns of the
        schema, typed (nested ones as ``outer.inner``; lists of objects are in
        ``tables``), then ``_status`` (ok, repaired, truncated, refused, invalid, failed,
        in_doubt, skipped_budget; missing where the run was stopped before), ``_error``,
        ``_attempts``, ``_cached``, ``_model``, ``_finish``, ``_fingerprint``,
        ``_request_id``, ``_latency_s``, ``_prompt_tokens``, ``_completion_tokens``,
        ``_reasoning_tokens``, ``_cost_usd`` (what its reply cost when it was paid for)
        and ``_cost_source``.
    tables : dict of str to pandas.DataFrame
        For each list field a frame with ``_row`` (label of the row, or its ``key``),
        ``_pos`` (from 0), and the fields of its items, or ``value``.
    errors : pandas.DataFrame
        The rows without a value: ``_status``, ``_error``, ``hint``, ``_cost_usd``.
    cost_usd : float
        What this run has paid, in USD; replies from the store cost nothing.
    run : str
        The name of the run in the ledger.
    is_partial : bool
        Whether it was stopped before all rows were asked.
    """

    def __init__(
        self, plan: Plan, rows: Mapping[int, _Row], *, is_partial: bool
    ) -> None:
        self._plan = plan
        self._rows = dict(rows)
        self.is_partial = is_partial
        self.run = plan.origin.run or ""
        self.cost_usd = sum(row.paid_ticks for row in rows.values()) / 1e10
        self.tables = self._tables()
        self.df = self._frame()

    def _records(self) -> list[dict[str, Any]]:
        found = []
        for position in range(len(self._plan.frame)):
            row = self._rows.get(position)
            is_one = row is not None and row.records and not self._plan.schema.is_list
            found.append(row.records[0] if is_one else {})  # type: ignore[union-attr,index]  # is_one
        return found

    def _frame(self) -> pd.DataFrame:
        plan, index = self._plan, self._plan.frame.index
        if plan.schema.is_list:
            values = pd.DataFrame(index=range(len(index)))
        else:
            tables = [n for n, items in plan.items.items() if items.get("properties")]
            fields = plan.schema.columns.get("properties", {})
            inner = {
                **plan.schema.columns,
                "properties": {n: f for n, f in fields.items() if n not in tables},
            }
            keep = [
                {k: v for k, v in record.items() if k not in tables}
                for record in self._records()
            ]
            values = typed(keep, inner)
        nothing = (None,) * len(TOLD)
        told = [
            row.told if (row := self._rows.get(position)) is not None else nothing
            for position in range(len(index))
        ]
        facts = pd.DataFrame(told, columns=list(TOLD), dtype="object").astype(TOLD)
        made = pd.concat([values.reset_index(drop=True), facts], axis=1)
        made.index = index
        return made

    def _tables(self) -> dict[str, pd.DataFrame]:
        plan = self._plan
        found: dict[str, pd.DataFrame] = {}
        for name, items in plan.items.items():
            is_object = bool(items.get("properties"))
            rows, labels, places = [], [], []
            for position, label in enumerate(plan.labels):
                row = self._rows.get(position)
                if row is None or row.records is None:
                    continue
                listed: Any = (
                    row.records if plan.schema.is_list else row.records[0].get(name)
                )
                for place, item in enumerate(listed or ()):
                    labels.append(label)
                    places.append(place)
                    rows.append(
                        item
                        if is_object and isinstance(item, dict)
                        else {"value": item}
                    )
            inner = items if is_object else {"properties": {"value": items}}
            frame = typed(rows, inner)
            frame.insert(0, "_row", pd.Series(labels, dtype=plan.labels.dtype))
            frame.insert(1, "_pos", pd.Series(places, dtype="Int64"))
            found[name] = frame
        return found

    @property
    def errors(self) -> pd.DataFrame:
        """The rows without a value, and what to do about each; see the class."""
        status = self.df["_status"]
        bad = (status.notna() & ~status.isin(_GOOD)).to_numpy(dtype=bool)
        found = self.df.loc[bad, ["_status", "_error", "_cost_usd"]].copy()
        hints = [self._rows[n].hint for n, is_bad in enumerate(bad) if is_bad]
        found.insert(2, "hint", pd.Series(hints, found.index, dtype="string"))
        return found

    @property
    def attempts(self) -> pd.DataFrame:
        """The ledger's rows of this run: one per HTTP attempt; see `grok_nb.usage`."""
        return usage_of(self._plan.grok, run=self.run)

    @property
    def usage(self) -> pd.DataFrame:
        """Calls, tokens and cost of this run, by model; see `grok_nb.usage`."""
        return usage_of(self._plan.grok, by="model", run=self.run)

    @property
    def summary(self) -> dict[str, Any]:
        """Rows by status, rows from the store, USD paid by this run.

        Returns
        -------
        dict
            ``rows``, a number for each status that occurs, ``cached``, ``cost_usd``.
        """
        counts = self.df["_status"].value_counts()
        by_status: dict[str, int] = {
            s: int(counts[s]) for s in _STATUSES if counts.get(s)
        }
        return {
            "rows": len(self.df),
            **by_status,
            "cached": int(self.df["_cached"].fillna(value=False).sum()),
            "cost_usd": self.cost_usd,
        }

    def retry(self, where: Any = None, **changes: Any) -> Extraction:
        """Ask rows without a value again; the others stay as they are.

        Parameters
        ----------
        where
            A status or several, or a boolean mask; default all rows without a value.
            A reply that is stored is read again, not asked for: give something that
            asks for more (``repairs=``, ``max_tokens=``) or otherwise (``prompt=``,
            ``model=``).
        **changes
            Options of `extract`.

        Returns
        -------
        Extraction
            Of all rows.
        """
        status = self.df["_status"].reset_index(drop=True)
        if where is None:
            chosen = ~status.isin(_GOOD).fillna(value=False)
        elif isinstance(where, str) or (
            isinstance(where, (list, tuple, set))
            and all(isinstance(w, str) for w in where)
        ):
            names = [where] if isinstance(where, str) else list(where)
            if unknown := [n for n in names if n not in _STATUSES]:
                raise BadRequest(
                    f"There is no status {unknown[0]!r}.",
                    hint=f"There are: {', '.join(_STATUSES)}.",
                )
            chosen = status.isin(names).fillna(value=False)
        else:
            chosen = pd.Series(list(where), dtype=bool)
            if len(chosen) != len(status):
                raise BadRequest(
                    f"where has {len(chosen)} values for {len(status)} rows."
                )
        positions = [n for n, is_chosen in enumerate(chosen) if is_chosen]
        given = {**self._plan.given, **changes}
        part = self._plan.frame.iloc[positions]
        again = extract(part, **{"text": self._plan.text, **given})
        merged = {**self._rows}
        for number, position in enumerate(positions):
            if (row := again._rows.get(number)) is not None:  # noqa: SLF001 - same class
                merged[position] = row
            else:
                merged.pop(position, None)
        whole = Plan(
            self._plan.frame,
            again._plan.schema,  # noqa: SLF001 - same class
            again._plan.origin,  # noqa: SLF001
            given,
            self._plan.text,
        )
        kept = Extraction(whole, merged, is_partial=again.is_partial)
        kept.cost_usd = again.cost_usd
        return kept

    def to_parquet(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``df`` and each table as a Parquet file; needs pyarrow.

        Returns
        -------
        list of pathlib.Path
            ``rows.parquet``, and one per table.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        written = []
        for name, frame in {"rows": self.df, **self.tables}.items():
            path = place / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.parquet"
            frame.to_parquet(path)
            written.append(path)
        return written

    def __len__(self) -> int:
        return len(self.df)

    def __repr__(self) -> str:
        facts = self.summary
        parts = [f"{facts['rows']:,} rows"]
        parts += [f"{facts[s]:,} {s}" for s in _STATUSES if s in facts]
        if facts["cached"]:
            parts.append(f"{facts['cached']:,} from the store")
        stopped = ", stopped" if self.is_partial else ""
        return f"<Extraction {', '.join(parts)}, ${self.cost_usd:.4f}{stopped}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import note_html

        # what is told of each row is in .df; here its status is enough
        shown = [name for name in self.df.columns if name not in TOLD]
        shown += ["_status", "_error"] if len(self.errors) else ["_status"]
        html = self.df[shown].to_html(max_rows=10, border=0)
        said = repr(self)[1:-1]
        if len(self.errors):
            said += ". .errors says what went wrong, and what to do."
        return {"text/html": html + note_html(said), "text/plain": repr(self)}


class Plan:
    """The rows of a run, and how each becomes a question."""

    def __init__(
        self,
        frame: pd.DataFrame,
        schema: Schema,
        origin: Origin,
        given: dict[str, Any],
        text: str | None,
    ) -> None:
        self.grok: Grok = given.get("grok") or default.session()
        self.frame = frame
        self.schema = schema
        self.origin = origin
        self.given = given
        self.text = text
        key = given.get("key")
        labels = frame.index.to_series() if key is None else frame[key]
        self.labels = labels.reset_index(drop=True)
        fields = schema.columns.get("properties", {})
        #: list field -> schema of its items
        self.items: dict[str, dict[str, Any]] = {}
        for name, field in fields.items():
            if (array := _array(field)) is not None:
                of = array.get("items")
                self.items[name] = of if isinstance(of, dict) else {}
        if schema.is_list:
            self.items = {"records": schema.columns}

    def asks(
        self, refuse: Callable[[int, GrokError], None]
    ) -> Iterator[tuple[int, Ask]]:
        """Yield position and question of each row; tell of those that cannot be asked."""
        given = self.given
        options = {name: given.get(name) for name in OPTIONS}
        purse = None
        if given.get("budget") is not None:
            purse = Purse(ticks_of(given["budget"], "budget", least=1e-12))
        system = SYSTEM if given.get("system") is None else given["system"]
        names = list(self.frame.columns)
        for position, values in enumerate(
            self.frame.itertuples(index=False, name=None)
        ):
            row = dict(zip(names, values, strict=True))
            try:
                text = self._text(row)
                image = row.get(given["images"]) if given.get("images") else None
                image = None if _is_missing(image) else image
                if not (text and text.strip()) and image is None:
                    raise BadRequest(
                        "There is no text.", hint="Nothing was sent for this row."
                    )
                ask = question(
                    text or None,
                    system=system,
                    attach=image,
                    schema=self.schema,
                    model=given.get("model"),
                    repairs=given.get("repairs", 1),
                    origin=self.origin,
                    **options,
                )
            except GrokError as error:
                refuse(position, error)
                continue
            if purse is not None:
                ask = dataclasses.replace(ask, purse=purse)
            yield position, ask

    def _text(self, row: Mapping[str, Any]) -> str | None:
        prompt = self.given.get("prompt")
        if prompt is None:
            value = row.get(self.text) if self.text else None
            return None if _is_missing(value) else str(value)
        whole = {**row, "text": row.get(self.text) if self.text else None}

        def put(found: re.Match[str]) -> str:
            value = whole[found[1]]
            return "" if _is_missing(value) else str(value)

        return _PLACE.sub(put, prompt)


def extract(
    data: Any,
    schema: Any,
    *,
    text: str | None = None,
    key: str | None = None,
    system: str | None = None,
    prompt: str | None = None,
    images: str | None = None,
    model: str | None = None,
    repairs: int = 1,
    budget: float | None = None,
    sample: int | None = None,
    max_in_flight: int | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    run: str | None = None,
    progress: Literal["auto", "on", "off"] = "auto",
    grok: Grok | None = None,
    **options: Any,
) -> Extraction:
    """Extract typed data from each row.

    Each different request is paid for once: its reply is in the store before it is used,
    so that the same call goes on where one was stopped or killed, also in another
    notebook, and two that run at the same time share their replies.

    Parameters
    ----------
    data
        A DataFrame, Series, list of str or dict, glob of files (``"mails/*.txt"``), or an
        iterable of DataFrames.
    schema
        What each row holds: a pydantic class, JSON schema, or ``"name, age int"``.
    text
        Column with the text. Default: the only one that holds text, or ``"text"``.
    key
        Column that names rows in ``tables``; default their index.
    system
        Default: to take values from the text alone, and null where it says nothing.
    prompt
        What is asked, with ``{{column}}`` and ``{{text}}``; default the text.
    images
        Column with a picture, PDF file or list of them, as ``attach`` of `ask`.
    model
        Default as for `ask`.
    repairs
        How often a row's answer that does not fit is shown to the model (0-5).
    budget
        USD that this call may cost; what could cost more is ``skipped_budget``.
    sample
        Ask only that many rows, the same each time.
    max_in_flight
        Requests at the same time; default 64.
    rpm, tpm
        Requests and tokens a minute; default what the server says.
    run
        Name of the run in the ledger; default a new one.
    progress
        ``"auto"``: in a notebook or terminal.
    grok
        Who asks; default the session of the magics.
    **options
        ``max_tokens, temperature, top_p, seed, reasoning_effort, timeout_s, detail``.

    Returns
    -------
    Extraction

    Raises
    ------
    BadRequest
        Something cannot be right; nothing was sent.
    GrokError
        No request can succeed (a wrong key, no credit), or the first ones failed alike.
        What came before is stored.

    Notes
    -----
    An Interrupt begins no further row, waits for those under way (a second one does not)
    and returns what there is.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     found = gn.extract(["Name: Ada. Age: 36."], "name, age int")
    ...     found.df[["name", "age", "_status"]].values.tolist()
    [['Ada', 36, 'ok']]
    """
    plan = planned(
        data,
        schema,
        text=text,
        key=key,
        system=system,
        prompt=prompt,
        images=images,
        model=model,
        repairs=repairs,
        budget=budget,
        sample=sample,
        max_in_flight=max_in_flight,
        rpm=rpm,
        tpm=tpm,
        run=run,
        progress=progress,
        grok=grok,
        **options,
    )
    return _run(plan, _progress(progress, len(plan.frame), plan.grok))


def planned(data: Any, schema: Any, **given: Any) -> Plan:
    """Check what `extract` was given, and return its rows and how they are asked."""
    origin = given.pop("origin", None) or Origin()
    if unknown := given.keys() - set(OPTIONS) - set(_PARAMETERS):
        raise _no_option(min(unknown))
    frame, column = _rows(data, given.pop("text", None))
    made = structured(schema)
    if taken := made.columns.get("properties", {}).keys() & TOLD.keys():
        raise BadRequest(
            f"schema: {min(taken)} is the name of a column that each result has.",
            hint="Name the field otherwise.",
        )
    _check(given, frame, column)
    sample = given.pop("sample", None)
    if sample is not None and sample < len(frame):
        chosen = frame.reset_index(drop=True).sample(sample, random_state=0).index
        frame = frame.iloc[sorted(chosen)]
    asked: dict[str, Any] = {
        n: given[n] for n in (*OPTIONS, "model") if given.get(n) is not None
    }
    question("x", schema=made, repairs=given.get("repairs", 1), **asked)  # is it right?
    name = given.get("run") or f"extract-{os.urandom(4).hex()}"
    origin = dataclasses.replace(origin, source="extract", run=name)
    return Plan(frame, made, origin, {**given, "schema": made}, column)


def _check(given: Mapping[str, Any], frame: pd.DataFrame, column: str | None) -> None:
    """Refuse what cannot be right."""
    sample, prompt, images = (given.get(n) for n in ("sample", "prompt", "images"))
    if sample is not None and (not _is_whole(sample) or sample < 1):
        raise BadRequest(f"sample must be a whole number from 1, not {sample!r}.")
    for name in ("key", "images"):
        value = given.get(name)
        if value is not None and value not in frame.columns:
            raise _no_column(name, value, frame)
    if prompt is not None and not isinstance(prompt, str):
        raise BadRequest(f"prompt must be text, not {type(prompt).__name__}.")
    for place in _PLACE.findall(prompt or ""):
        if place not in (*frame.columns, "text"):
            raise _no_column("prompt", place, frame)
    if column is None and images is None and prompt is None and len(frame):
        raise BadRequest(
            "text says which column holds the text; there are: "
            f"{', '.join(map(repr, frame.columns))}.",
            hint="text='body', or prompt='{{subject}}: {{body}}'.",
        )
    width = given.get("max_in_flight")
    if width is not None and (not _is_whole(width) or not 1 <= width <= 10_000):
        raise BadRequest(
            f"max_in_flight must be a whole number from 1 to 10,000, not {width!r}."
        )
    for name in ("rpm", "tpm"):
        limit = given.get(name)
        if limit is not None and not _is_above_0(limit):
            raise BadRequest(f"{name} must be a number above 0, not {limit!r}.")
    if given.get("budget") is not None:
        ticks_of(given["budget"], "budget", least=1e-12)


def _run(plan: Plan, bar: Progress) -> Extraction:
    core, given = plan.grok._core, plan.given  # noqa: SLF001 - the same in two faces
    core.exchange.find_key()
    core.heed(plan.given.get("model"))
    bulk = Bulk(
        core,
        max_in_flight=min(
            given.get("max_in_flight") or MAX_IN_FLIGHT, max(len(plan.frame), 1)
        ),
        rpm=given.get("rpm"),
        tpm=given.get("tpm"),
    )
    positions: list[int] = []
    rows: dict[int, _Row] = {}

    def refuse(position: int, error: GrokError) -> None:
        told = ("failed", f"{error}", 0, False, *[None] * (len(TOLD) - 6), 0.0, "none")
        rows[position] = _Row(told, None, error.hint, 0)

    def asks() -> Iterator[Ask]:
        for position, ask in plan.asks(refuse):
            positions.append(position)
            yield ask

    def take(outcome: Outcome) -> None:
        row = _row_of(outcome, plan.schema)
        rows[positions[outcome.number]] = row
        bar.took(
            failed=outcome.status not in _GOOD,
            stored=outcome.cached,
            cost_usd=row.paid_ticks / 1e10,
        )

    error, is_partial = _drive(bulk, asks(), take, bar)
    bar.finish()
    core.warn()
    result = Extraction(plan, rows, is_partial=is_partial)
    if error is not None:
        if rows:
            error.add_note(
                f"{len(rows):,} of {len(plan.frame):,} rows had ended before; what came "
                "is stored, and the same call goes on from there."
            )
        raise error
    return result


def _drive(
    bulk: Bulk, asks: Iterator[Ask], take: Callable[[Outcome], None], bar: Progress
) -> tuple[GrokError | None, bool]:
    """Run to the end, or until it is stopped; return what ended it, and whether early."""
    job = portal().submit(lambda put: bulk.asked(asks, put))
    end_at: float | None = None
    item: Any = None
    try:
        while True:
            try:
                item = job.next(bar.idle)
                if type(item) is End:
                    break
                take(item)
                bar.idle()
            except KeyboardInterrupt:
                if end_at is not None:
                    raise
                bulk.stop()
                end_at = time.monotonic() + DRAIN_S
            if end_at is not None and time.monotonic() > end_at:
                raise KeyboardInterrupt  # noqa: TRY301 - as a second one would
    except KeyboardInterrupt:
        job.close()
        return None, True
    except BaseException:
        job.close()
        raise
    error = item.error
    if error is not None and not isinstance(error, GrokError):
        raise error
    return error, end_at is not None or error is not None


def _row_of(outcome: Outcome, schema: Schema) -> _Row:
    reply, error = outcome.reply, outcome.error
    usage = None if reply is None else reply.usage
    ticks = None if reply is None else reply.cost_ticks
    told = (
        outcome.status,
        None if error is None else f"{error}",
        0 if reply is None else reply.attempts,
        outcome.cached,
        None if reply is None else reply.model,
        None if reply is None else reply.finish_reason,
        None if reply is None else reply.fingerprint,
        (None if reply is None else reply.request_id) or (error and error.request_id),
        outcome.latency_s,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        None if usage is None else usage.reasoning_tokens,
        None if ticks is None else ticks / 1e10,
        "none" if reply is None else reply.cost_source,
    )
    records = None
    if reply is not None and outcome.status in _GOOD:
        records = tuple(schema.records(reply.parsed))
    hint = "" if error is None else _HINTS.get(outcome.status) or error.hint
    return _Row(told, records, hint, 0 if outcome.cached else ticks or 0)


# -- what was given --------------------------------------------------------------------


def _rows(data: Any, text: str | None) -> tuple[pd.DataFrame, str | None]:
    """Return the rows, and the column with their text."""
    if isinstance(data, pd.Series):
        name = data.name if isinstance(data.name, str) else "text"
        frame = data.to_frame(name)
        return frame, name
    if isinstance(data, str):
        return _files(data), "text"
    if isinstance(data, pd.DataFrame):
        frame = data
    elif isinstance(data, Mapping) or not isinstance(data, Iterable):
        raise _no_data(data)
    else:
        frame, is_text = _listed(list(data))
        if is_text:
            return frame, "text"
    if text is not None:
        if text not in frame.columns:
            raise _no_column("text", text, frame)
        return frame, text
    if "text" in frame.columns:
        return frame, "text"
    texts = [
        name
        for name in frame.columns
        if pd.api.types.is_string_dtype(frame[name].dtype)
        or (
            frame[name].dtype == object
            and frame[name].map(lambda v: isinstance(v, str)).any()
        )
    ]
    return frame, texts[0] if len(texts) == 1 else None


def _listed(items: list[Any]) -> tuple[pd.DataFrame, bool]:
    """Return the rows of a list, and whether it was one of texts."""
    if items and all(isinstance(one, pd.DataFrame) for one in items):
        return pd.concat(items), False
    if items and all(isinstance(one, Mapping) for one in items):
        return pd.DataFrame(items), False
    for one in items:
        if one is not None and not isinstance(one, (str, float)):
            raise _no_data(one)
    return pd.DataFrame({"text": pd.Series(items, dtype="object")}), True


def _files(pattern: str) -> pd.DataFrame:
    found = sorted(glob.glob(os.path.expanduser(pattern), recursive=True))  # noqa: PTH111, PTH207 - a pattern of the user's
    paths = [path for path in found if Path(path).is_file()]
    if not paths:
        raise BadRequest(
            f"No file fits {pattern!r}.",
            hint="A list of texts is [text, ...]; '**' goes into folders.",
        )
    texts = []
    for path in paths:
        try:
            texts.append(Path(path).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise BadRequest(
                f"{path} cannot be read: {reason}.",
                hint="Pictures and PDFs: a column of paths, and images='path'.",
            ) from None
    return pd.DataFrame({"text": texts}, index=pd.Index(paths, name="path"))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_above_0(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 < value < float("inf")  # type: ignore[operator]  # is_number


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    found = pd.isna(value) if pd.api.types.is_scalar(value) else False
    return bool(found)


def _no_data(data: object) -> BadRequest:
    return BadRequest(
        f"extract() takes rows, not a {type(data).__name__}.",
        hint="A DataFrame, Series, list of str or dict, or a glob of files.",
    )


def _no_column(option: str, name: object, frame: pd.DataFrame) -> BadRequest:
    import difflib

    names = [str(column) for column in frame.columns]
    close = difflib.get_close_matches(str(name), names, n=1)
    return BadRequest(
        f"{option}: there is no column {name!r}.",
        hint=f"Did you mean {close[0]!r}?"
        if close
        else f"There are: {', '.join(names)}.",
    )


def _no_option(name: str) -> BadRequest:
    import difflib
    import inspect

    known = [*inspect.signature(extract).parameters, *OPTIONS]
    close = difflib.get_close_matches(name, known, n=1)
    return BadRequest(
        f"extract() has no option {name!r}.",
        hint=f"Did you mean {close[0]!r}?" if close else "",
    )


def _array(field: Any) -> dict[str, Any] | None:
    """Return the schema of a list field, without what says that it may be null."""
    if not isinstance(field, dict):
        return None
    for part in (field, *field.get("anyOf", ()), *field.get("oneOf", ())):
        if isinstance(part, dict) and part.get("type") == "array":
            return part
    return None


def _progress(mode: str, rows: int, grok: Grok) -> Progress:
    if mode not in ("auto", "on", "off"):
        raise BadRequest(f'progress must be "auto", "on" or "off", not {mode!r}.')
    show = None
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if mode != "off" and shell is not None and hasattr(shell, "kernel"):
        from IPython.display import display

        show = display
    core = grok._core  # noqa: SLF001 - the clock of the session
    return Progress(rows, show, core.exchange.clock.monotonic, is_quiet=mode == "off")
