"""What crosses layers: an `Ask` goes down, a `Reply` comes up, a `CallRecord` stays."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from grok_nb.errors import GrokError
from grok_nb.pricing import TICKS_PER_USD

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    import pandas as pd

    from grok_nb.limits import Purse
    from grok_nb.schema import Schema
    from grok_nb.tools import Tool

State = Literal["running", "done", "stopped", "failed"]
CostSource = Literal["reported", "computed", "estimated", "none"]
#: What a step is about, in the order of telling.
_TELLING = ("query", "queries", "url", "pattern", "username", "post_id", "code")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange, under one arithmetic for all endpoints.

    Attributes
    ----------
    prompt_tokens
        All prompt tokens, cached and image tokens included.
    cached_prompt_tokens
        Part of the prompt that was billed at the cached price.
    image_tokens
        Part of the prompt that pictures took.
    completion_tokens
        Visible output, reasoning **not** included.
    reasoning_tokens
        Billed at the output price, not visible.
    sources_used
        Sources of live search.
    tool_uses
        What the server's own tools did, by the API's counter (``web_search_calls``,
        ``x_posts_fetched``, ...): each is billed.
    cost_ticks
        The server's own figure (``cost_in_usd_ticks``), if it gave one.

    Notes
    -----
    Source: xai-api.md sections 3.7 and 6.6.
    """

    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    image_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    sources_used: int = 0
    cost_ticks: int | None = None
    tool_uses: tuple[tuple[str, int], ...] = ()

    @property
    def billed_output_tokens(self) -> int:
        """Visible and reasoning tokens: what is billed at the output price."""
        return self.completion_tokens + self.reasoning_tokens

    @property
    def total_tokens(self) -> int:
        """Prompt and billed output."""
        return self.prompt_tokens + self.billed_output_tokens

    @classmethod
    def from_chat(cls, data: Mapping[str, Any] | None) -> Usage | None:
        """Read the ``usage`` object of chat completions, of any vintage.

        Nulls, missing parts and numbers as text are taken; what is no number counts
        as absent. ``completion_tokens`` excludes reasoning, unless the total says that
        it was included (as OpenAI-like gateways do).

        Returns
        -------
        Usage or None
            ``None`` where there is nothing to read.
        """
        if not isinstance(data, dict) or not data:
            return None
        prompt_details = _mapping(data.get("prompt_tokens_details"))
        output_details = _mapping(data.get("completion_tokens_details"))
        cost_ticks = _count(data.get("cost_in_usd_ticks"))
        prompt = _count(data.get("prompt_tokens"))
        completion = _count(data.get("completion_tokens"))
        if prompt is None and completion is None and cost_ticks is None:
            return None  # all nulls are no usage of zero
        prompt, completion = prompt or 0, completion or 0
        reasoning = (
            _count(output_details.get("reasoning_tokens"))
            or _count(data.get("reasoning_tokens"))
            or 0
        )
        total = _count(data.get("total_tokens"))
        if reasoning and total == prompt + completion and completion >= reasoning:
            completion -= reasoning
        return cls(
            prompt_tokens=prompt,
            # one capture has more cached than prompt tokens: never bill below zero
            cached_prompt_tokens=min(
                _count(prompt_details.get("cached_tokens")) or 0, prompt
            ),
            image_tokens=min(_count(prompt_details.get("image_tokens")) or 0, prompt),
            completion_tokens=completion,
            reasoning_tokens=reasoning,
            sources_used=_count(data.get("num_sources_used")) or 0,
            cost_ticks=cost_ticks,
        )

    @classmethod
    def from_response(cls, data: Mapping[str, Any] | None) -> Usage | None:
        """Read the ``usage`` object of the Responses API; see `from_chat`.

        There ``output_tokens`` includes reasoning, which is taken out here. (One
        published example adds it on top: its total says so.)

        Returns
        -------
        Usage or None
            ``None`` where there is nothing to read.
        """
        if not isinstance(data, dict) or not data:
            return None
        input_details = _mapping(data.get("input_tokens_details"))
        output_details = _mapping(data.get("output_tokens_details"))
        cost_ticks = _count(data.get("cost_in_usd_ticks"))
        prompt = _count(data.get("input_tokens"))
        output = _count(data.get("output_tokens"))
        if prompt is None and output is None and cost_ticks is None:
            return None
        prompt, output = prompt or 0, output or 0
        reasoning = _count(output_details.get("reasoning_tokens")) or 0
        on_top = _count(data.get("total_tokens")) == prompt + output + reasoning
        uses = _mapping(data.get("server_side_tool_usage_details"))
        return cls(
            prompt_tokens=prompt,
            cached_prompt_tokens=min(
                _count(input_details.get("cached_tokens")) or 0, prompt
            ),
            image_tokens=min(_count(input_details.get("image_tokens")) or 0, prompt),
            completion_tokens=output if on_top else max(output - reasoning, 0),
            reasoning_tokens=reasoning if on_top else min(reasoning, output),
            sources_used=_count(data.get("num_sources_used")) or 0,
            cost_ticks=cost_ticks,
            # a counter of 0 tells that it is the one that is billed
            tool_uses=tuple(
                (name, count)
                for name, value in uses.items()
                if (count := _count(value)) is not None
            ),
        )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    """Return a count that is certain, or ``None``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) < 30 and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call came from; goes into its ledger rows."""

    source: Literal["magic", "panel", "extract", "api"] = "api"
    thread: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question: messages, model and options, ready for an endpoint.

    Attributes
    ----------
    messages
        In the form of chat completions, for every endpoint.
    options
        Parameters by the names that the endpoint has for them.
    names
        What the user calls those that are named otherwise; for messages.
    endpoint
        Where it is sent.
    timeout_s
        Limit of this call in seconds, retries included; ``None``: the session's.
    schema
        What the answer shall hold; part of ``options``, too, in the API's form.
    repairs
        How often the model is shown that its answer does not fit, to try again.
    tools
        Functions that are run where the model calls them; part of ``options``, too, in
        the API's form.
    max_steps
        How often the model's calls are served before it has to answer.
    purse
        What all of its requests together may cost.
    """

    messages: tuple[Mapping[str, Any], ...]
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    endpoint: Literal["/chat/completions", "/responses"] = "/chat/completions"
    origin: Origin = Origin()
    timeout_s: float | None = None
    schema: Schema | None = None
    repairs: int = 1
    tools: tuple[Tool, ...] = ()
    max_steps: int = 5
    purse: Purse | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called.

    Attributes
    ----------
    id, name : str
    arguments : str
        JSON text, as the model wrote it.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that a reply names.

    Attributes
    ----------
    url : str
        As the server gave it.
    title : str or None
        Of the source, or its marker in the text ("1").
    start, end : int or None
        Where its marker is in the reply's text, in characters.
    """

    url: str
    title: str | None = None
    start: int | None = None
    end: int | None = None

    @property
    def domain(self) -> str:
        """Host of the address; empty where it has none."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""


@dataclass(frozen=True, slots=True)
class Step:
    """What a tool did on the way to a reply: a function, or one of the server's own.

    Attributes
    ----------
    kind : str
        ``"function"``, ``"web_search"``, ``"x_search"``, ``"code_interpreter"``,
        ``"file_search"``, ``"mcp"``, or what the API calls a tool that is not known here.
    name : str
        Of the function, or what the tool did: ``"search"``, ``"open_page"``,
        ``"x_keyword_search"``, ...
    arguments : str
        JSON text.
    result : str
        Text or JSON text, where the API gives it; else empty. Of a function what the
        model was told: what it returned, or the error that it raised.
    state : str
        ``"running"``, ``"done"`` or ``"failed"``.
    id : str
        Of a function's call, as the server named it.
    round : int
        Of functions: those that the model called at the same time have the same, from 1.
    """

    kind: str
    name: str = ""
    arguments: str = ""
    result: str = ""
    state: str = "running"
    id: str = ""
    round: int = 0

    @property
    def about(self) -> str:
        """The query, address or code of its arguments; all of them if none is there."""
        try:
            found = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return self.arguments
        for name in _TELLING if isinstance(found, dict) else ():
            value = found.get(name)
            if isinstance(value, list):
                value = ", ".join(v for v in value if isinstance(v, str))
            if isinstance(value, str) and value:
                # JSON can spell half of a surrogate pair
                return value.encode("utf-8", "replace").decode("utf-8")
        return self.arguments


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the ``n`` answers of a reply."""

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What Grok answered, what it cost, and how it ended.

    ``str(reply)`` is the text; in a notebook it shows as rendered Markdown.

    Attributes
    ----------
    text, reasoning : str
        Of the first choice.
    choices : tuple of Choice
    tool_calls : tuple of ToolCall
        Of the first choice.
    cited : tuple of Citation
        The sources that it names, in its order; ``citations`` is the same as a frame.
    steps : tuple of Step
        What tools did: functions, and the server's own.
    parsed
        With a schema: an instance of its class, or the dict or list of a schema without
        class, where dates are text. ``records`` and ``df`` are the same as dicts and as a frame.
    repairs : int
        How often the model had to be shown that its answer did not fit the schema; what
        that cost is in usage and cost.
    usage : Usage or None
        ``None`` while running, and where nothing is known.
    cost_usd : float or None
        USD; ``None`` when unknown.
    cost_source : {"reported", "computed", "estimated", "none"}
        The server's own figure, the price list, or a guess for a reply that ended
        before its usage came.
    state : {"running", "done", "stopped", "failed"}
    finish_reason : str or None
        As the API says: ``"stop"``, ``"length"``, ``"tool_calls"``.
    model, id, fingerprint, request_id : str or None
        As the server named them.
    cached : bool
        Whether it came from the store and cost nothing.
    attempts : int
        HTTP attempts that were made.
    attempts_in_doubt : int
        Earlier attempts of this call that were sent and never answered; each may have
        been billed.
    sandbox : bool
        Whether the sandbox answered, which is no language model.
    thread : str or None
    request : dict
        What was asked, in canonical form (no key, no host).
    raw : dict or None
        The parsed JSON as it came; of a stream, its last chunk with usage.
    """

    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage | None = None
    cost_ticks: int | None = None
    cost_source: CostSource = "none"
    state: State = "running"
    model: str | None = None
    id: str | None = None
    fingerprint: str | None = None
    request_id: str | None = None
    cached: bool = False
    attempts: int = 1
    attempts_in_doubt: int = 0
    sandbox: bool = False
    thread: str | None = None
    cited: tuple[Citation, ...] = ()
    steps: tuple[Step, ...] = ()
    parsed: Any = None
    repairs: int = 0
    schema: Schema | None = field(default=None, repr=False, compare=False)
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """Text of the first choice."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """Reasoning text of the first choice; empty when there is none."""
        return self.choices[0].reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Tool calls of the first choice."""
        return self.choices[0].tool_calls

    @property
    def citations(self) -> pd.DataFrame:
        """The sources that the reply names.

        Returns
        -------
        pandas.DataFrame
            One row per citation: ``position`` (Int64, from 1), ``url``, ``title``,
            ``domain`` (string), ``start`` and ``end`` (Int64: characters of ``text``;
            missing where the API does not say).
        """
        import pandas as pd

        rows = [
            (position, c.url, c.title, c.domain, c.start, c.end)
            for position, c in enumerate(self.cited, 1)
        ]
        kinds = {
            "position": "Int64",
            "url": "string",
            "title": "string",
            "domain": "string",
            "start": "Int64",
            "end": "Int64",
        }
        return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)

    @property
    def records(self) -> list[dict[str, Any]]:
        """What was parsed, as dicts.

        Returns
        -------
        list of dict
            One per record; of a single one, one. A record that is no object is under
            ``"value"``. Empty where the reply was not whole or did not fit.

        Raises
        ------
        GrokError
            The question had no schema.
        """
        if self.schema is None:
            raise GrokError(
                "The reply has no records: it was asked for without a schema.",
                hint='gn.ask(..., schema="name, age int") or %%grok --schema ...',
            )
        return self.schema.records(self.parsed) if self.state == "done" else []

    @property
    def df(self) -> pd.DataFrame:
        """What was parsed, as a typed frame.

        Returns
        -------
        pandas.DataFrame
            One row per record; the schema's fields as columns, nested ones as
            ``outer.inner``: string, Int64, Float64, boolean, datetime64 (a moment in
            UTC), category for choices, object for lists. Without records the columns
            are the same.

        Raises
        ------
        GrokError
            The question had no schema.
        """
        from grok_nb.frames.columns import typed

        records = self.records
        assert self.schema is not None  # noqa: S101 - or there were no records
        return typed(records, self.schema.columns)

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason

    @property
    def cost_usd(self) -> float | None:
        """Cost in USD; ``None`` when unknown."""
        return None if self.cost_ticks is None else self.cost_ticks / TICKS_PER_USD

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"<Reply {self.state} {self.model or 'no model'}: {text!r}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import reply_bundle

        return reply_bundle(self)


@dataclass(slots=True, kw_only=True)
class CallRecord:
    """One HTTP attempt that can cost money: one row of the ledger.

    Written as ``in_doubt`` before the request leaves, and once more when it has ended;
    filled in between by the attempt that it belongs to.
    """

    id: str
    call: str
    attempt: int
    time: datetime.datetime
    endpoint: str
    model: str | None
    origin: Origin
    request_key: str
    state: Literal["in_doubt", "done", "stopped", "failed"] = "in_doubt"
    cached: bool = False
    usage: Usage | None = None
    tool_calls: int = 0
    cost_ticks: int | None = None
    cost_source: CostSource = "none"
    reserved_ticks: int | None = None
    session: str | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    finish_reason: str | None = None
    http_status: int | None = None
    error: str | None = None
    request_id: str | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """Why a call waits before its next attempt.

    Attributes
    ----------
    reason : str
        One sentence.
    wait_s : float
        Seconds until the next attempt.
    attempt : int
        Number of the attempt that failed, from 1.
    """

    reason: str
    wait_s: float
    attempt: int

    def __str__(self) -> str:
        end = "" if self.reason.endswith((".", "!", "?")) else "."
        return f"{self.reason}{end} Trying again in {self.wait_s:.1f} s."
