"""Which tools of the server a request uses, and the answer that comes of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import arithmetic, brain, corpus, tasks

from . import file_search, mcp, painting
from .request import (
    DEFAULT_FILE_RESULTS,
    CodeTool,
    FileSearchTool,
    ImageTool,
    McpTool,
    WebSearchTool,
    XSearchTool,
)
from .runs import Run, Said
from .searching import Web, X

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.brain import Question, Reply
    from grok_nb._sandbox.desk import Desk

    from .mcp import Outcome
    from .rules import ResponseJob

# Words that ask for a search, also beside a function that fits.
_CUE = re.compile(
    r"\b(?:search(?:es)?|look(?:ing)? (?:up|for)|find(?: out)?|web|internet|online|news|"
    r"latest|recent|tweets?|posts?|sources?|according to)\b|\bon X\b",
    re.IGNORECASE,
)
# Orders that are carried out as they stand.
_ORDER = re.compile(
    r"\bcount\b.{0,40}\bto\s+\d|\b\d+[ -](?:words?|lines|bullet points)\b",
    re.IGNORECASE,
)
_CONTAINER = "cntr_5a9db0c5"
_INTRODUCTION = (
    "This is the sandbox of grok_nb, no language model. What its tools found:"
)


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in the answer's text that names a source."""

    start: int
    end: int
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is done for a request, before it is drawn.

    Parameters
    ----------
    question : Question
        What is left to be answered once the tools have run.
    runs : tuple of Run
        What the tools did, in order.
    text : str or None
        The answer, where it is told from what was found.
    citations : tuple of Citation
        Where the text names its sources.
    """

    question: Question
    runs: tuple[Run, ...] = ()
    text: str | None = None
    citations: tuple[Citation, ...] = ()

    def reply(self) -> Reply:
        """Begin the reply; it can be begun again."""
        reply = brain.reply(self.question)
        thoughts = dict.fromkeys(run.thought for run in self.runs if run.thought)
        reasoning = reply.reasoning
        if reasoning and thoughts:
            reasoning = " ".join([*thoughts, reasoning])
        if self.text is None or reply.calls:
            return replace(reply, reasoning=reasoning)
        return brain.Reply(reasoning, iter([self.text]))


def wants_tools(job: ResponseJob) -> bool:
    """Whether any tool of the server may run."""
    question = job.question
    if not job.server_tools:
        return False
    is_order = brain.REPEAT in question.text or _ORDER.search(question.text)
    # Once there are results of functions, these are told.
    return job.must_use_tool or not (is_order or question.task.results)


async def consult(job: ResponseJob) -> dict[int, list[Outcome]]:
    """Ask the MCP servers, each under the place of its tool."""
    if not wants_tools(job):
        return {}
    return {
        place: await mcp.consult(
            tool,
            job.question.text,
            must=job.must_use_tool,
            parallel=job.request.parallel_tool_calls is not False,
        )
        for place, tool in enumerate(job.server_tools)
        if isinstance(tool, McpTool)
    }


def plan(job: ResponseJob, outcomes: dict[int, list[Outcome]], desk: Desk) -> Plan:
    """
    Run the tools and put the answer together.

    Call it beside the event loop where pictures are drawn or files searched.
    """
    if not wants_tools(job):
        return Plan(job.question)
    runs = _limited(list(_runs(job, outcomes, desk)), job)
    if not runs:
        return Plan(job.question)
    found = "\n\n".join(run.found for run in runs if run.found)
    task = job.question.task
    question = job.question
    if task.schema is not None or task.wants_json:
        # The values are looked for in what was found first.
        said = "\n".join(one.text for run in runs for one in run.said)
        documents = (said, *task.documents) if found else task.documents
        return Plan(
            replace(question, task=replace(task, documents=documents)), tuple(runs)
        )
    has_markers = job.vintage != "2025" and not job.includes("no_inline_citations")
    text, citations = _written(_sentences(runs), has_markers=has_markers)
    return Plan(question, tuple(runs), text, citations)


def _sentences(runs: list[Run]) -> list[Said]:
    """Put what was read whole before what was only seen in a list."""
    ordered = sorted(runs, key=lambda run: not run.is_best)
    said = dict.fromkeys(one for run in ordered for one in run.said)
    return list(said) or [Said("Nothing, within the turns that were allowed.")]


def _written(
    said: list[Said], *, has_markers: bool
) -> tuple[str, tuple[Citation, ...]]:
    """Write the answer with its markers, and say where they are."""
    text = f"{brain.MARK} {_INTRODUCTION}"
    numbers: dict[str, int] = {}
    citations: list[Citation] = []
    for one in said:
        text += f"\n\n- {one.text}"
        if one.url is None:
            continue
        number = numbers.setdefault(one.url, len(numbers) + 1)
        start = len(text) + 1
        if has_markers:
            text += f" [[{number}]]({one.url})"
        citations.append(Citation(start, len(text), one.url, str(number)))
    return text, tuple(citations)


def _limited(runs: list[Run], job: ResponseJob) -> list[Run]:
    """Leave out what is beyond max_turns."""
    if job.request.parallel_tool_calls is False:
        numbered = [
            (number, run)
            for number, run in enumerate(sorted(runs, key=lambda r: r.round), 1)
        ]
    else:
        numbered = [(run.round, run) for run in runs]
    most = job.request.max_turns
    return [run for number, run in numbered if most is None or number <= most]


def _runs(
    job: ResponseJob, outcomes: dict[int, list[Outcome]], desk: Desk
) -> Iterator[Run]:
    text = job.question.text
    has_cue = _CUE.search(text) is not None
    total = arithmetic.find(text)
    calls = tasks.calls(job.question.task, text, 0).calls
    searches = has_cue or not (calls or total or painting.is_wanted(text))
    searches = searches and bool(corpus.terms(text))
    # Some tool has to be used, and no other is.
    if job.must_use_tool and not calls:
        searches = searches or not (total and _has(job, CodeTool))
    sees = any(
        tool.enable_image_understanding
        for tool in job.server_tools
        if isinstance(tool, WebSearchTool | XSearchTool)
    )
    for place, tool in enumerate(job.server_tools):
        if isinstance(tool, CodeTool):
            yield from _worked_out(job, total, text)
        elif isinstance(tool, ImageTool):
            is_only = job.must_use_tool and len(job.server_tools) == 1
            if is_only or painting.is_wanted(text, tool.action):
                yield painting.painted(job, tool.action, desk)
        elif isinstance(tool, McpTool):
            for outcome in outcomes.get(place, ()):
                yield _of_mcp(outcome)
        elif not searches:
            continue
        elif isinstance(tool, WebSearchTool):
            has_sources = job.includes("web_search_call.action.sources")
            web = Web(tool, text, has_sources=has_sources, sees=sees)
            yield from web.runs()
        elif isinstance(tool, XSearchTool):
            is_2025 = job.vintage == "2025"
            yield from X(tool, text, is_2025=is_2025, sees=sees).runs()
        else:
            yield _in_files(job, tool, text, desk)


def _has(job: ResponseJob, kind: type[Any]) -> bool:
    return any(isinstance(tool, kind) for tool in job.server_tools)


def _worked_out(
    job: ResponseJob, total: arithmetic.Sum | None, text: str
) -> Iterator[Run]:
    if total is None and not (job.must_use_tool and len(job.server_tools) == 1):
        return
    code = f"print({total.expression if total else json.dumps(text[:200])})"
    logs = total.result.removeprefix("= ") if total else text[:200]
    outputs = [{"type": "logs", "logs": logs}]
    told = f"{total.expression} {total.result}" if total else f"The text: {logs}"
    yield Run(
        {
            "type": "code_interpreter_call",
            "status": "completed",
            "code": code,
            "outputs": (
                outputs if job.includes("code_interpreter_call.outputs") else None
            ),
            "container_id": _CONTAINER,
        },
        "ci",
        spoken=code,
        found=logs,
        counts={"code_interpreter_calls": 1},
        said=(Said(f"{told} (worked out by rule; the sandbox runs no code)"),),
        thought="I work it out.",
    )


def _of_mcp(outcome: Outcome) -> Run:
    is_failed = outcome.error is not None
    called = f"{outcome.label}.{outcome.name}"
    if is_failed:
        told = f"{called} failed: {outcome.error}"
    else:
        result = tasks.Result(called, outcome.arguments, outcome.output or "")
        told = tasks.retold((result,))
    return Run(
        {
            "type": "mcp_call",
            "status": "failed" if is_failed else "completed",
            "name": outcome.name,
            "arguments": outcome.arguments,
            "server_label": outcome.label,
            "output": outcome.output,
            "error": outcome.error,
        },
        "mcp",
        spoken=f"{outcome.name} {outcome.arguments}",
        found=outcome.output or outcome.error or "",
        counts={} if is_failed else {"mcp_calls": 1},
        said=(Said(told),),
        thought=f"I call {called}.",
    )


def _in_files(job: ResponseJob, tool: FileSearchTool, text: str, desk: Desk) -> Run:
    query = corpus.wanted(text)
    limit = tool.max_num_results or DEFAULT_FILE_RESULTS
    found = file_search.search(desk, tool.vector_store_ids or (), query, limit)
    results = [
        {
            "file_id": match.file_id,
            "filename": match.filename,
            "score": match.score,
            "text": match.text,
        }
        for match in found
    ]
    said = tuple(Said(f"{match.filename}: {match.text}") for match in found)
    names = ", ".join(tool.vector_store_ids or ())
    nothing = Said(f'Nothing in the files of {names} fits "{query}".')
    return Run(
        {
            "type": "file_search_call",
            "status": "completed",
            "queries": [query],
            "results": results if job.includes("file_search_call.results") else None,
        },
        "fs",
        spoken=query,
        found="\n\n".join(match.text for match in found),
        counts={"file_search_calls": 1},
        said=said or (nothing,),
        thought=f'I search the files for "{query}".',
    )
