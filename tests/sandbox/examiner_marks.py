"""Send the cases with the unmodified openai client, and mark the answers.

What counts as the same value: text without regard to case, width, kind of space or
dash, and punctuation around it (a title such as ``Dr.`` may stay); numbers to half a
cent; a phone number by its digits and a leading plus; a URL without regard to a slash
at its end; an address in one string without regard to commas and line ends; a time by
its hour and minute; a date only as ``YYYY-MM-DD``; yes and no only as JSON booleans; a
list by its members in order. What is absent may be null, left out, an empty list, or an
object whose every value is null. A refusal where a value was due loses every mark of
its case; so does an answer that the schema forbids.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import jsonschema
import openai

from tests.sandbox.examiner import Case, Check, document_cases
from tests.sandbox.examiner_tools import Call, ToolCase, tool_cases

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
NUMBER_KINDS = (
    "number",
    "amount",
    "negative",
    "percent",
    "count",
    "quantity",
    "rating",
)
NOTHING = (None, [], "", {})


@dataclasses.dataclass(frozen=True)
class Mark:
    """One mark: right or not, and what it belongs to."""

    right: bool
    category: str
    layout: str = ""
    language: str = ""
    form: str = ""
    style: str = ""
    demand: str = ""
    case: str = ""
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back for a case."""

    text: str
    refusal: str | None

    def value(self) -> Any:
        return None if self.refusal else json.loads(self.text)


def text_of(value: Any) -> str:
    text = unicodedata.normalize("NFKC", str(value)).casefold()
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text).replace("\u2019", "'")
    return re.sub(r"\s+", " ", text).strip(" .,;:!\"'*_`|-()")


def same(kind: str, got: Any, wanted: Any) -> bool:
    """Tell whether ``got`` is ``wanted``, by the rules at the top."""
    if wanted is None:
        return got in NOTHING or (
            isinstance(got, dict) and all(same("", part, None) for part in got.values())
        )
    if kind == "bool":
        return got is wanted
    if kind in NUMBER_KINDS:
        if isinstance(got, bool) or got is None:
            return False
        try:
            return abs(float(got) - float(wanted)) < 0.005
        except (TypeError, ValueError):
            return False
    if kind == "list":
        return isinstance(got, list) and list(map(text_of, got)) == list(
            map(text_of, wanted)
        )
    if not isinstance(got, str):
        return False
    match kind:
        case "date":
            return got == wanted
        case "time":
            return re.sub(r"(?<=^\d\d:\d\d):\d\d(\.0+)?Z?$", "", got) == wanted
        case "phone":
            return re.sub(r"[^\d+]", "", got) == re.sub(r"[^\d+]", "", wanted)
        case "url":
            return text_of(got).rstrip("/") == text_of(wanted).rstrip("/")
        case "address":
            plain = [re.sub(r"[\s,;]+", " ", text_of(text)) for text in (got, wanted)]
            return plain[0] == plain[1]
    return text_of(got) == text_of(wanted)


def look(value: Any, path: Sequence[str]) -> Any:
    """Return what is at ``path``, or None."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def closed(schema: Any) -> Any:
    """Return the schema with its objects closed, as the API closes them."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {key: closed(value) for key, value in schema.items()}
    if isinstance(inside.get("properties"), dict) and inside.get("type") == "object":
        inside.setdefault("additionalProperties", False)
    return inside


def faults(answer: Answer, schema: dict[str, Any]) -> list[str]:
    """Return what the schema forbids of an answer; a refusal is no fault."""
    if answer.refusal:
        return []
    try:
        value = json.loads(answer.text)
    except ValueError as error:
        return [f"no JSON: {error}"]
    validator = jsonschema.Draft202012Validator(closed(schema), format_checker=CHECKER)
    return [error.message for error in validator.iter_errors(value)]


def marks(case: Case, answer: Answer) -> list[Mark]:
    """Mark one answer."""

    def mark(right: bool, category: str, form: str, why: str) -> Mark:
        return Mark(
            right,
            category,
            case.table if category == "items" else case.layout,
            case.language,
            form,
            case.style,
            "required" if case.strict else "nullable",
            case.name,
            why,
        )

    if case.refuse:
        why = "" if answer.refusal else f"{case.missing} made up: {answer.text}"
        return [mark(bool(answer.refusal), "refusals", "", why)]
    bad = bool(answer.refusal or faults(answer, case.schema))
    value = None if bad else answer.value()
    found = []
    for check in case.checks:
        got = look(value, check.path)
        right = not bad and any(same(check.kind, got, one) for one in check.accept)
        why = "" if right else f"{'/'.join(check.path)}: {got!r}, not {check.accept}"
        if bad:
            why += f" (refused: {answer.refusal})"
        found.append(mark(right, check.category, check.form, why))
    if case.strict:
        found.append(mark(not bad, "answered at all", "", answer.refusal or ""))
    return found + [
        mark(False, "items", "", f"a row too many: {'/'.join(path)}")
        for path in _surplus(case.checks, value)
    ]


def _surplus(checks: Iterable[Check], value: Any) -> list[tuple[str, ...]]:
    """Return the places of values in rows that the text does not have."""
    rows: dict[tuple[str, ...], int] = collections.Counter()
    columns: dict[tuple[str, ...], set[str]] = collections.defaultdict(set)
    for check in checks:
        if check.category == "items":
            table = check.path[:-2]
            rows[table] = max(rows[table], int(check.path[-2]) + 1)
            columns[table].add(check.path[-1])
    return [
        (*table, str(place), column)
        for table, count in rows.items()
        for place in range(count, len(look(value, table) or ()))
        for column in columns[table]
    ]


async def ask(client: openai.AsyncOpenAI, case: Case) -> Answer:
    """Ask for the case's schema."""
    reply = await client.chat.completions.create(
        model="grok-4.7",
        messages=case.messages,  # type: ignore[arg-type]
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "found", "strict": True, "schema": case.schema},
        },
    )
    message = reply.choices[0].message
    return Answer(message.content or "", message.refusal)


async def all_at_once(calls: Iterable[Any], width: int = 8) -> list[Any]:
    """Await the calls, ``width`` at a time, and return their results in order."""
    gate = asyncio.Semaphore(width)

    async def one(call: Any) -> Any:
        async with gate:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


def shares(found: Iterable[Mark], by: str) -> dict[str, tuple[int, int]]:
    """Return how many marks are right, and of how many, by a property of the marks."""
    counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for mark in found:
        name = getattr(mark, by)
        counts[name][0] += mark.right
        counts[name][1] += 1
    return {name: (right, all_) for name, (right, all_) in sorted(counts.items())}


def table(found: Sequence[Mark], *properties: str) -> str:
    """Return the shares as text, one block for each property."""
    lines = []
    for by in properties:
        lines += ["", f"{'by ' + by:<34}{'right':>7}{'of':>7}{'share':>8}"]
        for name, (right, all_) in shares(found, by).items():
            if name:
                lines.append(f"{name:<34}{right:>7}{all_:>7}{right / all_:>8.1%}")
    return "\n".join(lines[1:])


# -- tools ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Called:
    """The calls that came back, and what was said after their results."""

    calls: tuple[tuple[str, str], ...]
    finish_reason: str
    content: str
    answer: str


async def ask_with_tools(client: openai.AsyncOpenAI, case: ToolCase) -> Called:
    """Ask; where tools are called, hand back their results and ask again."""
    messages: list[Any] = [{"role": "user", "content": case.prompt}]
    create = client.chat.completions.create
    first = await create(
        model="grok-4.7",
        messages=messages,
        tools=case.tools,  # type: ignore[arg-type]
        tool_choice=case.choice,  # type: ignore[arg-type]
    )
    message = first.choices[0].message
    calls = message.tool_calls or []
    answer = ""
    if calls and len(calls) == len(case.results):
        results = [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": json.dumps(result),
            }
            for call, result in zip(calls, case.results, strict=True)
        ]
        messages += [message.model_dump(exclude_none=True), *results]
        second = await create(
            model="grok-4.7",
            messages=messages,
            tools=case.tools,  # type: ignore[arg-type]
        )
        answer = second.choices[0].message.content or ""
    return Called(
        tuple((call.function.name, call.function.arguments) for call in calls),
        first.choices[0].finish_reason,
        message.content or "",
        answer,
    )


def tool_faults(called: Called, case: ToolCase) -> list[str]:
    """Return what the tools' own schemas forbid of the arguments."""
    schemas = {t["function"]["name"]: t["function"]["parameters"] for t in case.tools}
    return [
        f"{name}: {fault}"
        for name, arguments in called.calls
        for fault in (
            faults(Answer(arguments, None), schemas[name])
            if name in schemas
            else ["not among the tools"]
        )
    ]


def tool_marks(case: ToolCase, called: Called) -> list[Mark]:
    """Mark the choice of tools, each argument, and the answer with the results."""

    def mark(right: bool, category: str, why: str) -> Mark:
        return Mark(right, category, case.sort, case.language, case=case.name, why=why)

    names = collections.Counter(name for name, _ in called.calls)
    wanted = collections.Counter(call.name for call in case.calls)
    end = "tool_calls" if wanted else "stop"
    chosen = names == wanted and called.finish_reason == end
    found = [mark(chosen, "tool choice", f"{dict(names)}, not {dict(wanted)}")]
    left = [(name, json.loads(arguments)) for name, arguments in called.calls]
    for call in case.calls:
        theirs = [one for one in left if one[0] == call.name]
        # Two calls of one tool may come in any order: take the one that fits better.
        best = max(theirs, key=lambda one: _fit(call, one[1]), default=None)
        if best:
            left.remove(best)
        for key, value in _flat(call.arguments):
            got = look(best[1], key) if best else "no call"
            right = best is not None and same(_kind(key, value), got, value)
            category = "arguments" if value is not None else "arguments left out"
            why = (
                "" if right else f"{call.name} {'/'.join(key)}: {got!r}, not {value!r}"
            )
            found.append(mark(right, category, why))
        for key in _unsaid(case, call):
            got = look(best[1], (key,)) if best else None
            why = f"{call.name} {key}: {got!r}, not asked for"
            found.append(mark(same("", got, None), "arguments left out", why))
    again = len(called.calls) == len(case.results) and case.calls
    for result in case.results if again else ():
        for value in result.values():
            right = str(value) in called.answer
            found.append(mark(right, "answers", f"{value} not in {called.answer!r}"))
    return found


def _unsaid(case: ToolCase, call: Call) -> list[str]:
    """Return the arguments that the prompt says nothing about.

    One of a few fixed values (an enum, a default) may be chosen freely.
    """
    (tool,) = (t for t in case.tools if t["function"]["name"] == call.name)
    properties = tool["function"]["parameters"]["properties"]
    return [
        key
        for key, schema in properties.items()
        if key not in call.arguments
        and "enum" not in schema
        and ("default" not in schema or schema["default"] is None)
    ]


def _fit(call: Call, arguments: Any) -> int:
    return sum(
        same(_kind(key, value), look(arguments, key), value)
        for key, value in _flat(call.arguments)
    )


def _flat(
    arguments: dict[str, Any], before: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in arguments.items():
        if isinstance(value, dict):
            found += _flat(value, (*before, key))
        else:
            found.append(((*before, key), value))
    return found


def _kind(key: tuple[str, ...], value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    name = key[-1]
    if name == "check_in":
        return "date"
    return "date" if "date" in name else "time" if "time" in name else "text"


# -- a whole sitting -----------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The marks of a sitting, and what broke a schema."""

    marks: tuple[Mark, ...]
    tool_marks: tuple[Mark, ...]
    faults: tuple[str, ...]

    def __add__(self, other: Sheet) -> Sheet:
        return Sheet(
            self.marks + other.marks,
            self.tool_marks + other.tool_marks,
            self.faults + other.faults,
        )

    def share(self, category: str, demand: str) -> float:
        """Return the share of right marks in a category of one kind of schema."""
        of = [
            mark.right
            for mark in (*self.marks, *self.tool_marks)
            if mark.category == category and mark.demand in (demand, "")
        ]
        return sum(of) / len(of)

    def __str__(self) -> str:
        free = [mark for mark in self.marks if mark.demand == "nullable"]
        bound = [mark for mark in self.marks if mark.demand == "required"]
        return "\n\n".join(
            [
                "documents, null allowed\n"
                + table(free, "category", "layout", "language", "form", "style"),
                "documents, values required\n" + table(bound, "category"),
                "tools\n" + table(self.tool_marks, "category", "layout", "language"),
            ]
        )


async def sit(base_url: str, key: str, seed: int, documents: int, tools: int) -> Sheet:
    """Ask all cases of a seed and mark the answers."""
    cases, questions = document_cases(seed, documents), tool_cases(seed, tools)
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key=key, max_retries=0
    ) as client:
        answers = await all_at_once(ask(client, case) for case in cases)
        called = await all_at_once(ask_with_tools(client, case) for case in questions)
    return Sheet(
        tuple(m for c, a in zip(cases, answers, strict=True) for m in marks(c, a)),
        tuple(
            m for c, a in zip(questions, called, strict=True) for m in tool_marks(c, a)
        ),
        tuple(
            [
                f"{case.name}: {fault}"
                for case, answer in zip(cases, answers, strict=True)
                for fault in faults(answer, case.schema)
            ]
            + [
                f"{case.name}: {fault}"
                for case, answer in zip(questions, called, strict=True)
                for fault in tool_faults(answer, case)
            ]
        ),
    )


if __name__ == "__main__":  # python -m tests.sandbox.examiner_marks SEED
    from grok_nb._sandbox.server import Sandbox

    with Sandbox() as server:
        print(asyncio.run(sit(server.base_url, server.key, int(sys.argv[1]), 400, 150)))
