"""Which functions a prompt asks for, and with which arguments."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import arguments, arithmetic, asking, extract, words
from .conform import Shape, TooLargeError
from .samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CALLS = 32
_ENOUGH = 2.0
_LIKE = 0.78
_SHORT = 200
_LONG = 2_000
_GENERIC = words.listed(
    "get fetch retrieve return current currently given place city address location "
    "function tool api call use used user information info data value values specific "
    "specified provide detail details return returns name number id find new make do "
    "perform run execute from sender recipient list show tell let allow get's based "
    "request requested result answer such not about into one time date country state "
    "you me i we us they how many much like now there here than then "
    "description line amount type category unit can could would"
) | (words.STOP | words.listed("to from at on by with"))
# But in the name of a function they say what it is about.
_TELLING = words.listed("time date")
_OPERATIONS = {
    "+": ("add", "sum", "plus", "addition"),
    "-": ("subtract", "minus", "difference"),
    "*": ("multiply", "product", "times", "multiplication"),
    "/": ("divide", "quotient", "division"),
    "**": ("power", "exponent", "exponentiate"),
}
_MATHS = (
    "calculate",
    "calculator",
    "math",
    "maths",
    "evaluate",
    "compute",
    "arithmetic",
)


@dataclass(frozen=True, slots=True)
class Tool:
    """
    A function that may be called.

    Parameters
    ----------
    name, description : str
        As declared.
    parameters : str
        The JSON schema of its arguments, as JSON.
    """

    name: str
    description: str = ""
    parameters: str = '{"type": "object", "properties": {}}'


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its id, the function's name, and its arguments as JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Picked:
    """
    The calls that a prompt asks for.

    Parameters
    ----------
    calls : tuple of Call
        In the order of their mention by rank.
    lacking : tuple of (str, tuple of str)
        Functions that fit, but whose required arguments the prompt does not hold.
    """

    calls: tuple[Call, ...] = ()
    lacking: tuple[tuple[str, tuple[str, ...]], ...] = ()


def pick(
    prompt: str,
    tools: tuple[Tool, ...],
    choice: str = "auto",
    *,
    named: str | None = None,
    parallel: bool = True,
    seed: str = "",
) -> Picked:
    """
    Decide what to call.

    Parameters
    ----------
    choice : {"auto", "none", "required"}
        Whether functions may or have to be called.
    named : str, optional
        The one function that has to be called.
    parallel : bool, default True
        Whether several calls are allowed.
    seed : str, optional
        What tells the ids of this turn's calls from those of another.
    """
    if choice == "none" and named is None:
        return Picked()
    must = named is not None or choice == "required"
    made, lacking = _made(prompt, tools, named, must=must)
    numbered = _numbered(made[: MAX_CALLS if parallel else 1], f"{seed}\n{prompt}")
    return Picked(tuple(numbered), lacking)


# The choices of a reply differ in the ids of their calls only.
@lru_cache(maxsize=8)
def _made(
    prompt: str, tools: tuple[Tool, ...], named: str | None, *, must: bool
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Give names and arguments of the calls, and what is lacking for others."""
    chosen = [tool for tool in tools if tool.name == named][:1]
    if named is None:
        chosen = _fitting(prompt, tools)
        if not chosen and must:
            chosen = _closest(prompt, tools)
    made: list[tuple[str, str]] = []
    lacking: list[tuple[str, tuple[str, ...]]] = []
    asked = _apart(prompt, tools) if named is None else []
    for tool, text in asked or [(one, prompt) for one in chosen]:
        several, missing = _filled(tool, text)
        if missing:
            lacking.append((tool.name, missing))
        made += [(tool.name, one) for one in several]
    if not made and must:
        made = [
            (tool.name, invented)
            for tool in (*chosen, *tools)
            if named in {None, tool.name} and (invented := _invented(tool, prompt))
        ][:1]
    return tuple(made), tuple(lacking)


def _numbered(made: tuple[tuple[str, str], ...], seed: str) -> Iterator[Call]:
    used: set[int] = set()
    for place, (name, filled) in enumerate(made):
        text = f"{seed}\n{place}\n{name}\n{filled}"
        number = zlib.crc32(text.encode(errors="replace")) % 10**8
        while number in used:
            number = (number + 1) % 10**8
        used.add(number)
        yield Call(f"call_{number:08}", name, filled)


def _fitting(prompt: str, tools: tuple[Tool, ...]) -> list[Tool]:
    """Take the functions whose words the prompt holds, each for words of its own."""
    said = _Said(prompt)
    operations = _operations(prompt)
    weights = [_weights(tool, operations) for tool in tools]
    counts = Counter(word for each in weights for word in each)
    common = {word for word in counts if counts[word] > max(1, len(tools) // 2)}
    ranked: list[tuple[float, int, dict[str, float]]] = []
    for place, each in enumerate(weights):
        hits = _hits(each, said, common)
        ranked.append((sum(hits.values()), place, hits))
    ranked.sort(key=lambda one: (-one[0], one[1]))
    explained: set[str] = set()
    chosen: list[int] = []
    for _, place, hits in ranked:
        new = {word: value for word, value in hits.items() if word not in explained}
        if sum(new.values()) >= _ENOUGH:
            chosen.append(place)
            explained |= hits.keys()
    if not chosen and ranked and len(prompt) <= _SHORT:
        # One word of a description is enough where the prompt holds the arguments.
        score, place, _ = ranked[0]
        is_best = score >= 1 and all(other < score for other, _, _ in ranked[1:])
        if is_best and _schema(tools[place]).get("required"):
            chosen = [place] if _filled(tools[place], prompt)[0] else []
    return [tools[place] for place in chosen]


def _apart(prompt: str, tools: tuple[Tool, ...]) -> list[tuple[Tool, str]]:
    """Give the functions that the parts of a prompt ask for, with their parts, if several."""
    if len(prompt) > _LONG:
        return []
    asked: list[tuple[Tool | None, list[str]]] = []
    for part in asking.parts(prompt):
        found = _fitting(part, tools)
        tool = found[0] if len(found) == 1 or (found and not asked) else None
        if asked and (tool is None or tool is asked[-1][0] or asked[-1][0] is None):
            asked[-1] = (asked[-1][0] or tool, [*asked[-1][1], part])
        else:
            asked.append((tool, [part]))
    whole = [(tool, " and ".join(texts)) for tool, texts in asked if tool]
    if len({tool.name for tool, _ in whole}) < 2 or any(
        _filled(tool, text)[1] for tool, text in whole
    ):
        return []
    return sorted(whole, key=lambda one: tools.index(one[0]))


def _closest(prompt: str, tools: tuple[Tool, ...]) -> list[Tool]:
    """Take the one function that fits best, though it fits little."""
    said = _Said(prompt)
    scores = [sum(_hits(_weights(tool, ()), said, set()).values()) for tool in tools]
    fillable = [not _filled(tool, prompt)[1] for tool in tools]
    best = max(range(len(tools)), key=lambda n: (scores[n], fillable[n], -n))
    return [tools[best]]


class _Said:
    """The words of a prompt, and which of them are like a word of a function."""

    def __init__(self, prompt: str) -> None:
        found: dict[str, None] = {}
        for word in words.split(prompt[: arguments.MAX_PROMPT]):
            found.update(dict.fromkeys((words.stem(word), *words.concept(word))))
        found.update(dict.fromkeys(map(words.stem, asking.meant(prompt[:_LONG]))))
        self._words = found
        self._nearest: dict[str, tuple[float, str]] = {}

    def nearest(self, word: str) -> tuple[float, str]:
        """Give how alike the likest word is, 0 for none, and the word."""
        if word in self._words:
            return 1.0, word
        if word not in self._nearest:
            alike = [(words.likeness(word, one), one) for one in self._words]
            best = max(alike, default=(0.0, word), key=lambda one: one[0])
            self._nearest[word] = best if best[0] >= _LIKE else (0.0, word)
        return self._nearest[word]


def _operations(prompt: str) -> tuple[str, ...]:
    found = arithmetic.find(prompt)
    if found is None:
        return ()
    named = [
        name
        for sign, names in _OPERATIONS.items()
        if found.expression.count(sign)
        - (sign == "*") * 2 * found.expression.count("**")
        for name in names
    ]
    return (*named, *_MATHS)


def _weights(tool: Tool, operations: tuple[str, ...]) -> dict[str, float]:
    """Give the telling words of a function, and how much each says."""
    weights: dict[str, float] = {}
    for text, weight in ((tool.description[:2_000], 1.0), (tool.name, 2.0)):
        for word in words.split(text):
            for one in (words.stem(word), *words.concept(word)):
                is_generic = not _GENERIC.isdisjoint({one, word})
                is_telling = text is tool.name and one in _TELLING
                if (is_telling or not is_generic) and len(one) > 1:
                    weights[one] = max(weight, weights.get(one, 0.0))
    named = words.split(tool.name)
    if any(word in operations for word in named):
        # The prompt holds a sum of this kind.
        weights["\u03a3"] = 3.0
    return weights


def _hits(weights: dict[str, float], said: _Said, common: set[str]) -> dict[str, float]:
    hits: dict[str, float] = {}
    for word, weight in weights.items():
        if word == "\u03a3":
            hits[word] = weight
            continue
        alike, by = said.nearest(word)
        if alike:
            # One word of the prompt counts once, whatever it is like.
            value = weight * (0.5 if word in common else 1.0)
            hits[by] = max(value, hits.get(by, 0.0))
    stems = {words.stem(word): word for word in hits}
    return {word: hits[word] for word in stems.values()}


def _filled(tool: Tool, prompt: str) -> tuple[list[str], tuple[str, ...]]:
    """Fill the arguments; several times if the prompt names several of a thing."""
    schema = _schema(tool)
    shape = Shape(schema)
    try:
        several, missing = arguments.fill(prompt, schema, shape)
        good = [one for one in several if Shape(schema).is_valid(one, schema)]
    except (TooLargeError, RecursionError):
        return [], (extract.TOO_LARGE,)
    if not good and not missing:
        missing = ("(values that fit)",)
    written = [json.dumps(one, ensure_ascii=False) for one in good]
    return ([] if missing else list(dict.fromkeys(written))), missing


def _invented(tool: Tool, prompt: str) -> str | None:
    """Fill what the prompt holds, and put meaningless values in the other places."""
    schema = _schema(tool)
    shape = Shape(schema)
    try:
        several, _ = arguments.fill(prompt, schema, shape)
        known = schema.get("properties")
        value = dict(several[0]) if several else {}
        for key in schema.get("required") or []:
            if key not in value and isinstance(known, dict):
                value[key] = _cautious(known.get(key, {}), prompt, shape)
        if not shape.is_valid(value, schema):
            value = sample(schema, shape)
    except (TooLargeError, RecursionError, LookupError):
        return None
    return json.dumps(value, ensure_ascii=False)


def _cautious(schema: Any, prompt: str, shape: Shape) -> Any:
    """Take words or a number of the prompt, before a value that means nothing."""
    resolved = shape.resolve(schema)
    if "default" not in resolved and "enum" not in resolved:
        for value in arguments.guesses(prompt):
            if shape.is_valid(value, schema):
                return value
    return sample(schema, shape)


def _schema(tool: Tool) -> dict[str, Any]:
    schema: Any = json.loads(tool.parameters)
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    return {"type": "object", **schema}
