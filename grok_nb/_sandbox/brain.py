"""What the sandbox answers: always the same for the same request, always marked."""

from __future__ import annotations

import itertools
import random
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import arithmetic, tasks
from .media.sight import Sight
from .tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tools import Call

MARK = "[sandbox]"
REPEAT = "Repeat exactly:"
MAX_ITEMS = 20_000
MAX_ECHO_CHARACTERS = 4_000
_EXCERPT_CHARACTERS = 80
_ORDER_CHARACTERS = 2_000

_NUMBER = r"(\d{1,3}(?:,\d{3})+|\d{1,9})"
_ADVERBS = r"(?:\s+(?!from\b|to\b)[^\W\d_]+){0,2}"
_COUNT = re.compile(
    rf"\bcount\b{_ADVERBS}(?:\s+from\s+{_NUMBER})?{_ADVERBS}\s+to\s+{_NUMBER}",
    re.IGNORECASE,
)
_WORDS = re.compile(rf"\b{_NUMBER}[ -]words?\b", re.IGNORECASE)
_LIST = re.compile(
    rf"\b(?:list|name|give(?: me)?|write|make|show)\s+(?:me\s+)?(?:a\s+list\s+of\s+)?"
    rf"{_NUMBER}\s+([^\W\d_]+)",
    re.IGNORECASE,
)
_LINES = re.compile(rf"\b{_NUMBER}\s+(?:lines|bullet points)\b", re.IGNORECASE)

_NOUNS = (
    "amber basin candle delta ember fabric garden harbour island journey kernel "
    "lantern meadow needle orchard paper quarry river signal timber umbrella "
    "valley window yellow zenith anchor bridge copper dawn engine forest granite "
    "hollow ivory juniper kettle ladder mirror north ocean pebble quiet ribbon "
    "silver thread under velvet willow "
)
_VOCABULARY = tuple(_NOUNS.split())


@dataclass(frozen=True, slots=True)
class Question:
    """
    What a request asks, without the wire format.

    Parameters
    ----------
    text : str
        The last user message.
    system : str
        The system and developer texts.
    roles : tuple of str
        Role of each message, in order.
    effort : str or None
        How much to reason; None for not at all.
    notes : tuple of str
        Other things that arrived, for the echo.
    task : Task
        Functions that may be called, and the form of the reply.
    sight : Sight
        The pictures of all messages.
    """

    text: str
    system: str = ""
    roles: tuple[str, ...] = ("user",)
    effort: str | None = None
    notes: tuple[str, ...] = ()
    task: Task = field(default_factory=Task)
    sight: Sight = field(default_factory=Sight)


@dataclass(frozen=True, slots=True)
class Reply:
    """
    The answer: reasoning, and the content in pieces that are made as they are drawn.

    A piece ends where a token ends, so the tokens of the pieces are the tokens of the
    whole. In place of content there can be calls of functions, or a refusal.
    """

    reasoning: str
    pieces: Iterator[str]
    calls: tuple[Call, ...] = ()
    refusal: str | None = None


def reply(question: Question, choice: int = 0) -> Reply:
    """Answer a question; choices after the first say their number."""
    task = question.task
    picked = tasks.calls(task, question.text, len(question.roles) + 1000 * choice)
    if picked.calls:
        thought = f"The message asks for {tasks.names(picked.calls)}."
        return Reply(_reasoning(thought, question.effort), iter(()), picked.calls)
    if task.schema is not None:
        return _structured(question)
    if picked.lacking:
        thought = f"The message asks for {picked.lacking[0][0]}."
        pieces = iter([f"{MARK} {tasks.asking(picked.lacking)}"])
    elif task.results and not task.wants_json:
        thought = "The functions have answered."
        pieces = iter([f"{MARK} {tasks.retold(task.results)}"])
    else:
        thought, pieces = _answer(question)
    if task.wants_json:
        pieces = iter([tasks.as_json(task, "".join(pieces))])
        return Reply(_reasoning(thought, question.effort), pieces)
    if choice and REPEAT not in question.text:
        pieces = itertools.chain(pieces, [f"\n\n(choice {choice + 1})"])
    return Reply(_reasoning(thought, question.effort), pieces)


def _structured(question: Question) -> Reply:
    filled = tasks.structured(question.task)
    reasoning = _reasoning(
        "The reply has to conform to a schema; I look for its values in the text.",
        question.effort,
    )
    if filled.text is None:
        refused = f"{MARK} {tasks.refusal(filled.missing)}"
        return Reply(reasoning, iter(()), refusal=refused)
    return Reply(reasoning, iter([filled.text]))


def _answer(question: Question) -> tuple[str, Iterator[str]]:
    text = question.text
    if REPEAT in text:
        wanted = text.partition(REPEAT)[2]
        # The separator after the colon is not part of what is to be repeated.
        wanted = wanted[1:] if wanted[:1] in {" ", "\n"} else wanted
        return "The message asks for its own text back.", iter([wanted])
    # An order stands before or after a long document, not in the middle of it.
    long = len(text) > 2 * _ORDER_CHARACTERS
    order = f"{text[:_ORDER_CHARACTERS]}\n{text[-_ORDER_CHARACTERS:]}" if long else text
    if match := _COUNT.search(order):
        first = _items(match.group(1)) if match.group(1) else 1
        last = min(_items(match.group(2), bound=None), first + MAX_ITEMS - 1)
        return f"I count from {first} to {last}.", _counted(first, last)
    if match := _WORDS.search(order):
        number = _items(match.group(1))
        return f"The message asks for {number} words.", _wordy(number, text)
    if found := arithmetic.find(text):
        answer = f"{MARK} {found.expression} {found.result}"
        if found.value is None:
            answer += "."
        return f"The question holds the expression {found.expression}.", iter([answer])
    if match := _LIST.search(order) or _LINES.search(order):
        number = _items(match.group(1))
        noun = match.group(2) if match.lastindex == 2 else "line"
        return f"The message asks for {number} lines.", _listed(number, noun, text)
    if (seen := question.sight.told()) is not None:
        return "I look at what was attached.", iter([f"{MARK} {seen}"])
    excerpt = " ".join(order.split())[:_EXCERPT_CHARACTERS]
    return f'The last message says: "{excerpt}".', iter([_echo(question)])


def _items(digits: str, bound: int | None = MAX_ITEMS) -> int:
    number = int(digits.replace(",", ""))
    return number if bound is None else min(number, bound)


def _counted(first: int, last: int) -> Iterator[str]:
    yield f"{MARK} {first}"
    for number in range(first + 1, last + 1):
        yield f", {number}"


def _shuffled(seed: str) -> Iterator[str]:
    # Not for secrets: the same prompt has to give the same words on every machine.
    chance = random.Random(zlib.crc32(seed.encode(errors="replace")))  # noqa: S311
    while True:
        yield chance.choice(_VOCABULARY)


def _wordy(number: int, seed: str) -> Iterator[str]:
    yield MARK
    for position, word in enumerate(itertools.islice(_shuffled(seed), number), 1):
        # A full stop after every twelfth word, so that it reads as sentences.
        yield f" {word}." if position % 12 == 0 or position == number else f" {word}"


def _listed(number: int, noun: str, seed: str) -> Iterator[str]:
    words = _shuffled(seed)
    yield f"{MARK} {number} {noun}:"
    for position in range(1, number + 1):
        breaks = "\n\n" if position == 1 else "\n"
        yield f"{breaks}{position}. {next(words)} {next(words)}"


def _echo(question: Question) -> str:
    parts = [
        f"{MARK} This is the sandbox of grok_nb, no language model. What arrived:",
        f"Messages: {len(question.roles)} ({', '.join(question.roles[:20])})",
    ]
    parts += question.notes
    if question.system:
        parts.append(f"System text: {_clipped(question.system)}")
    parts.append(f"Last user message:\n\n{_clipped(question.text)}")
    return "\n\n".join(parts)


def _clipped(text: str) -> str:
    if len(text) <= MAX_ECHO_CHARACTERS:
        return text
    return f"{text[:MAX_ECHO_CHARACTERS]} ... ({len(text)} characters in all)"


_STEPS = (
    "I look at what the message holds.",
    "There is no language model here, only rules.",
    "I go through the rules one by one and take the first that fits.",
    "I check the result once more.",
    "Nothing in it depends on chance or on the time.",
    "So the same request gets the same answer.",
)
_STEP_COUNT = {"low": 0, "medium": 1, "high": 3, "xhigh": 6}


def _reasoning(thought: str, effort: str | None) -> str:
    if effort is None or effort == "none":
        return ""
    return " ".join([thought, *_STEPS[: _STEP_COUNT.get(effort, 1)]])
