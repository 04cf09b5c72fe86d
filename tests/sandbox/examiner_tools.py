"""Questions that want tools: one, two of them at once, or none; and their results.

Each tool has several ways to ask for it, in English, German and French, and says which
arguments a careful reader fills from each. ``tool_cases`` puts the right tools among
others and asks.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from tests.sandbox import examiner_values as values
from tests.sandbox.examiner_toolbox import CITIES, NOTHING_TO_CALL, TOOLS


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that the prompt asks for; an argument of None must be left out or null."""

    name: str
    arguments: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class ToolCase:
    """A question, the tools at hand, and the calls that are right."""

    name: str
    prompt: str
    tools: list[dict[str, Any]]
    calls: tuple[Call, ...]
    results: tuple[dict[str, Any], ...]
    sort: str
    language: str
    choice: str | dict[str, Any] = "auto"


def _draw(r: random.Random) -> dict[str, tuple[str, Any]]:
    """Draw all that a sentence may name: its text and its value."""
    city, town = r.sample(CITIES, 2)
    day, german, french = (values.date(r, lang) for lang in ("en", "de", "fr"))
    hour = f"{r.randrange(8, 21):02}:{r.choice(['00', '15', '30'])}"
    money, loan = round(r.uniform(2, 9000), 2), r.randrange(80, 900) * 1000
    code = f"1Z{r.randrange(10**8, 10**9)}"
    plain = {
        "city": city,
        "town": town,
        "email": values.email(r).text,
        "topic": r.choice(["Roof repair", "Budget 2027", "Team lunch"]),
        "hour": hour,
        "ticker": r.choice(["NVDA", "AAPL", "TSLA", "MSFT"]),
        "tongue": r.choice(["Portuguese", "German", "Japanese", "Dutch"]),
        "code": code,
        "place": r.choice(["Chez Nadia", "The Blue Door", "Trattoria Verdi"]),
        "good": r.choice(["hiking boots", "desk lamps", "wool socks"]),
    }
    numbers = {
        "minutes": r.choice([5, 20, 45, 90]),
        "few": r.randrange(2, 9),
        "warm": r.choice([18, 19.5, 21]),
        "rate": r.choice([3.2, 4.75, 5.1]),
        "term": r.choice([15, 20, 30]),
        "cheap": r.choice([25, 49.99, 80]),
    }
    return (
        {name: (text, text) for name, text in plain.items()}
        | {name: (str(value), value) for name, value in numbers.items()}
        | {
            "date": (day.text.removeprefix("the "), day.value),
            "date-de": (german.text, german.value),
            "date-fr": (french.text, french.value),
            "money": (f"{money:,.2f}", money),
            "money-de": (values.number(money, "de"), money),
            "loan": (f"{loan:,}", loan),
        }
    )


def _say(r: random.Random, name: str, lang: str | None = None) -> tuple[str, str, Call]:
    """Return (language, sentence, call) for a tool."""
    ways = [way for way in TOOLS[name][2] if lang in (None, way[0])]
    language, sentence, arguments = r.choice(ways)
    drawn = _draw(r)
    for key, (text, _) in drawn.items():
        sentence = sentence.replace(f"{{{key}}}", text)
    return language, sentence, Call(name, _filled(arguments, drawn))


def _filled(value: Any, drawn: dict[str, tuple[str, Any]]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, drawn) for key, part in value.items()}
    if isinstance(value, str) and value.startswith("="):
        return drawn[value[1:]][1]
    return value


def _tool(name: str) -> dict[str, Any]:
    description, parameters, _ = TOOLS[name]
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": parameters,
        },
    }


def _result(r: random.Random) -> dict[str, Any]:
    """Return what a tool gives back: values that nobody could guess."""
    return {
        "value": round(r.uniform(100, 999), 1),
        "note": r.choice(["overcast", "confirmed", "on hold", "ready"])
        + f" {r.randrange(100, 999)}",
        "reference": f"REF-{r.randrange(10**5, 10**6)}",
    }


def tool_cases(seed: int, amount: int) -> list[ToolCase]:
    """Return ``amount`` cases; the same for the same seed."""
    r = random.Random(f"tools {seed}")
    return [_case(r, number) for number in range(amount)]


def _case(r: random.Random, number: int) -> ToolCase:
    names = list(TOOLS)
    sort = r.choice(["one"] * 5 + ["two tools", "two tools", "same twice", "none"])
    calls: list[Call] = []
    language = "en"
    choice: str | dict[str, Any] = "auto"
    if sort == "none":
        prompt = r.choice(NOTHING_TO_CALL)
    elif sort == "one":
        language, prompt, call = _say(r, r.choice(names))
        calls.append(call)
        lot = r.random()
        if lot < 0.07:
            choice = "none"
        elif lot < 0.2:
            choice = {"type": "function", "function": {"name": call.name}}
        elif lot < 0.3:
            choice = "required"
    elif sort == "two tools":
        both = [_say(r, name, "en") for name in r.sample(names, 2)]
        calls = [call for _, _, call in both]
        first, second = (sentence for _, sentence, _ in both)
        prompt = first + r.choice([" ", " And then: ", "\n", " Also, "]) + second
    else:
        first, second = r.sample(CITIES, 2)
        prompt = r.choice(
            [
                f"What's the temperature in {first} and in {second}?",
                f"Compare the current temperature of {first} and {second}.",
            ]
        )
        calls = [
            Call("get_current_temperature", {"location": city})
            for city in (first, second)
        ]
    wanted = {call.name for call in calls}
    others = r.sample([n for n in names if n not in wanted], r.randrange(1, 5))
    offered = [*wanted, *others]
    offered.sort(key=names.index)
    r.shuffle(offered)
    return ToolCase(
        f"{number}: {sort}",
        prompt,
        [_tool(name) for name in offered],
        () if choice == "none" else tuple(calls),
        tuple(_result(r) for _ in calls),
        f"choice {choice}" if choice == "none" else sort,
        language,
        choice,
    )
