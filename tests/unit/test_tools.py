"""Functions as tools: what the model is told of them, what they are called with."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import functools
import json
import math
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from grok_nb.errors import BadRequest, GrokError
from grok_nb.tools import (
    LONGEST_RESULT,
    checked_choice,
    checked_steps,
    checked_tools,
    error_text,
    text_of,
    tool_of,
)


def weather(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> dict:
    """Tell the weather.

    It is measured at noon.

    Parameters
    ----------
    city
        Name of the
        city.
    unit : str
        Of the temperature.
    """
    return {"city": city, "unit": unit}


WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city."},
        "unit": {
            "type": "string",
            "enum": ["celsius", "kelvin"],
            "description": "Of the temperature.",
            "default": "celsius",
        },
    },
    "required": ["city"],
    "additionalProperties": False,
}


def google(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> dict:
    """Tell the weather.

    It is measured at noon.

    Args:
        city (str): Name of the city.
        unit: Of the temperature.
    """


def sphinx(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> dict:
    """Tell the weather.

    It is measured at noon.

    :param city: Name of the city.
    :param unit: Of the temperature.
    """


def annotated(
    city: Annotated[str, Field(description="Name of the city.")],
    unit: Annotated[Literal["celsius", "kelvin"], "Of the temperature."] = "celsius",
) -> dict:
    """Tell the weather.

    It is measured at noon.

    Args:
        city: Not this.
        unit: Nor that.
    """


@pytest.mark.parametrize("function", [weather, google, sphinx, annotated])
def test_annotations_and_docstring_make_the_declaration(function):
    tool = tool_of(function)
    assert tool.parameters == WEATHER
    told = {
        "name": function.__name__,
        "description": "Tell the weather.\n\nIt is measured at noon.",
        "parameters": WEATHER,
    }
    assert tool.declared(flat=True) == {"type": "function", **told}
    assert tool.declared(flat=False) == {"type": "function", "function": told}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    name: str
    height: float | None = None


def everything(
    n: int,
    x: float,
    on: bool,
    when: datetime.date,
    colour: Colour,
    place: Place,
    names: list[str],
    more: dict[str, int],
    price: decimal.Decimal,
    maybe: int | None = None,
    kind="a",
    colour2: Colour = Colour.BLUE,
) -> None:
    pass


def test_each_type_is_declared_and_read():
    tool = tool_of(everything)
    assert tool.description == ""
    kinds = {n: f.get("type") for n, f in tool.parameters["properties"].items()}
    assert {k: v for k, v in kinds.items() if v} == {
        "n": "integer",
        "x": "number",
        "on": "boolean",
        "when": "string",
        "names": "array",
        "more": "object",
        "price": "number",
        "kind": "string",
    }
    assert tool.parameters["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert tool.parameters["$defs"]["Colour"]["enum"] == ["red", "blue"]
    assert tool.parameters["required"] == [
        *("n", "x", "on", "when", "colour", "place", "names", "more", "price")
    ]
    assert tool.parameters["properties"]["kind"]["default"] == "a"
    assert tool.parameters["properties"]["colour2"]["default"] == "blue"
    call = tool.bound(
        json.dumps(
            {
                "n": 1,
                "x": 2,
                "on": True,
                "when": "2026-01-31",
                "colour": "red",
                "place": {"name": "Bern"},
                "names": ["a"],
                "more": {"k": 3},
                "price": 0.1,
            }
        )
    )
    assert call.keywords == {
        "n": 1,
        "x": 2.0,
        "on": True,
        "when": datetime.date(2026, 1, 31),
        "colour": Colour.RED,
        "place": Place(name="Bern"),
        "names": ["a"],
        "more": {"k": 3},
        "price": decimal.Decimal("0.1"),
    }


def test_a_function_of_one_model_takes_the_fields_of_that_model():
    def visit(place: Place) -> str:
        """Visit a place."""
        return f"{type(place).__name__} {place.name}"

    tool = tool_of(visit)
    assert list(tool.parameters["properties"]) == ["name", "height"]
    assert tool.bound('{"name": "Bern", "height": null}')() == "Place Bern"


def test_what_else_can_be_called():
    class Counter:
        """Count things."""

        def __call__(self, things: list[str]) -> int:
            return len(things)

        def method(self, x: int, /, y: int = 2) -> int:
            """Add."""
            return x + y

        @classmethod
        def made(cls, x: int) -> int:
            return x

    assert tool_of(Counter()).bound('{"things": ["a", "b"]}')() == 2
    assert tool_of(Counter()).name == "Counter"
    assert tool_of(Counter().method).bound('{"x": 1}')() == 3
    assert tool_of(Counter().method).bound('{"x": 1, "y": 5}')() == 6
    assert tool_of(Counter.made).bound('{"x": 7}')() == 7

    half = functools.partial(weather, unit="kelvin")
    tool = tool_of(half)
    assert list(tool.parameters["properties"]) == ["city"]
    assert tool.name == "weather"
    assert tool.bound('{"city": "Bern"}')() == {"city": "Bern", "unit": "kelvin"}

    @functools.wraps(weather)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return weather(*args, **kwargs)

    assert tool_of(wrapped).parameters == WEATHER

    def json_(json: str, schema: str, model_config: str, _hidden: int = 0) -> str:
        """Names that a pydantic model has for itself."""
        return json + schema + model_config

    arguments = '{"json": "a", "schema": "b", "model_config": "c"}'
    assert tool_of(json_).bound(arguments)() == "abc"

    def nothing() -> None:
        """Do nothing."""

    tool = tool_of(nothing)
    assert tool.parameters["properties"] == {}
    assert tool.bound("")() is None
    with pytest.raises(GrokError, match="takes no arguments: not 'x'"):
        tool.bound('{"x": 1}')

    async def later(x: int) -> int:
        return x

    assert tool_of(later).is_async
    assert tool_of(functools.partial(later)).is_async
    assert not tool_of(weather).is_async


class NoText:
    pass


def no_type(city) -> str:
    pass


def stars(*cities: str) -> str:
    pass


def words(**cities: str) -> str:
    pass


def odd(place: NoText) -> str:
    pass


def undefined(place: Nowhere) -> str:  # noqa: F821
    pass


def größe(x: int) -> int:  # noqa: PLC2401 - that is the point
    pass


def required(x: int) -> int:
    pass


BAD = [
    (no_type, "city has no annotation"),
    (stars, r"takes \*cities"),
    (words, r"takes \*\*cities"),
    (odd, "place is a NoText, which no model can write"),
    (undefined, "Nowhere in its annotations is not defined"),
    (größe, "a name that xAI does not take"),
    (required, "the API keeps that word"),
    (lambda x: x, "A lambda has no name"),
    (Place, "is a class"),
    ("weather", "must be functions"),
    (3, "must be functions"),
    ([3], r"tools\[0\] must be a function"),
    ([weather, google, weather], "Two tools are called 'weather'"),
    ([{"type": "function", "function": {}}], "has no name"),
    ([{"type": "function", "name": "f", "parameters": {"type": "array"}}], "object"),
]


@pytest.mark.parametrize(("tools", "said"), BAD)
def test_what_cannot_be_a_tool_is_refused(tools, said):
    with pytest.raises(BadRequest, match=said) as caught:
        checked_tools(tools)
    assert caught.value.hint or "object" in said or "JSON" in said


def test_dicts_declare_functions_and_tools_of_the_server():
    nested = {"type": "function", "function": {"name": "f", "parameters": WEATHER}}
    flat = {"type": "function", "name": "g", "description": "G.", "strict": True}
    functions, others = checked_tools([nested, flat, {"type": "web_search"}, weather])
    assert [tool.name for tool in functions] == ["f", "g", "weather"]
    assert [tool.function is None for tool in functions] == [True, True, False]
    assert functions[0].declared(flat=False) == nested
    assert functions[1].declared(flat=True) == {
        **flat,
        "parameters": {
            "type": "object",
            "properties": {},
            "additionalProperties": False,
        },
    }
    assert others == [{"type": "web_search"}]
    assert checked_tools(None) == checked_tools([]) == ([], [])
    assert checked_tools(weather)[0][0].name == "weather"


def test_which_is_called_is_said_in_the_form_of_the_endpoint():
    tools = [tool_of(weather)]
    for word in ("auto", "none", "required"):
        assert checked_choice(word, tools, flat=True) == word
    named = {"type": "function", "name": "weather"}
    nested = {"type": "function", "function": {"name": "weather"}}
    for choice in ("weather", weather, named, nested):
        assert checked_choice(choice, tools, flat=True) == named
        assert checked_choice(choice, tools, flat=False) == nested
    for choice in ("wether", 3, {}, {"name": "x"}):
        with pytest.raises(BadRequest, match="auto, none, required, weather"):
            checked_choice(choice, tools, flat=True)


def test_steps_are_a_small_number():
    assert checked_steps(None) == 5
    assert checked_steps(100) == 100
    for wrong in (0, -1, 101, 2.0, "3", True, math.nan):
        with pytest.raises(BadRequest, match="max_steps must be a whole number"):
            checked_steps(wrong)


WRONG = {
    "not json": "are no JSON|wrong: is no JSON",
    "[1]": "expected",
    "{}": "city: missing",
    '{"city": 3}': "city: got 3, expected a valid string",
    '{"city": "Bern", "unit": "inch"}': "unit: got 'inch'",
    '{"city": "Bern", "day": "today"}': "day: not asked for",
    "": "city: missing",
    "[" * 5000: "weather",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments_are_told_to_the_model(arguments):
    with pytest.raises(GrokError, match=WRONG[arguments]) as caught:
        tool_of(weather).bound(arguments)
    assert "reply" not in error_text(caught.value).lower()
    assert "weather()" in error_text(caught.value)


@given(st.text(max_size=40))
def test_no_text_of_arguments_breaks_anything(arguments):
    try:
        bound = tool_of(weather).bound(arguments)
    except GrokError:
        return
    assert bound.keywords["city"] is not None


@dataclasses.dataclass
class Point:
    x: int
    y: float = math.nan


class Money:
    def __str__(self) -> str:
        return "3 CHF"


GIVEN = [
    ("text", "text"),
    ("", ""),
    (None, "null"),
    (True, "true"),
    (3, "3"),
    (math.nan, "null"),
    (math.inf, "null"),
    ({"ä": [1, None]}, '{"ä":[1,null]}'),
    ((1, 2), "[1,2]"),
    ({1, 2}, "[1,2]"),
    (Point(1), '{"x":1,"y":null}'),
    (Place(name="Bern"), '{"name":"Bern","height":null}'),
    (datetime.date(2026, 1, 31), '"2026-01-31"'),
    (decimal.Decimal("0.10"), '"0.10"'),
    (Colour.RED, '"red"'),
    (np.int64(3), "3"),
    (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
    (np.float32(0.5), "0.5"),
    (Money(), '"3 CHF"'),
    (b"bytes", '"bytes"'),
    ({"a": np.array([1])}, '{"a":[1]}'),
]


@pytest.mark.parametrize(("value", "text"), GIVEN)
def test_results_are_text_or_json(value, text):
    assert text_of(value, "f") == text


def test_a_frame_is_sent_as_its_first_rows():
    frame = pd.DataFrame({"a": range(10_000), "b": "x"})
    for text in (text_of(frame, "f"), json.loads(text_of({"df": frame}, "f"))["df"]):
        assert text.startswith("DataFrame, 10,000 rows x 2 columns\na: int64, b: ")
        assert len(text) < 10_000


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value", [NoText(), {"a": NoText()}, LOOP, object(), (n for n in ()), len, b"\xff"]
)
def test_what_is_neither_text_nor_json_is_an_error(value):
    with pytest.raises(GrokError, match=r"f\(\) returned") as caught:
        text_of(value, "f")
    assert " at 0x" not in f"{caught.value}"


def test_results_are_cut_cleaned_and_hold_no_key():
    long = text_of("x" * (LONGEST_RESULT + 5), "f")
    assert long.endswith("x… [5 more characters]")
    assert text_of("a\ud800b", "f") == "a?b"
    planted = "xai-planted0123456789abcdefABCDEF"
    assert planted not in text_of({"key": planted}, "f")
    assert planted not in error_text(ValueError(planted))


def test_an_error_is_told_by_class_and_message():
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert error_text(ValueError("no")) == "Error: ValueError: no"
    assert error_text(KeyError()) == "Error: KeyError"
    assert error_text(Silent()) == "Error: Silent"
    assert error_text(GrokError("That is wrong.")) == "Error: That is wrong."
    assert len(error_text(ValueError("x" * 10_000))) < 3_000
