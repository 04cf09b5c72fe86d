"""The option line of the magics: what is an option, what is text, what is wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.errors import GrokError
from grok_nb.notebook.interpolate import FILTERS
from grok_nb.notebook.magics import CELL_HELP, GrokMagics
from grok_nb.notebook.options import CELL, LINE, OptionError, help_text, parse
from grok_nb.show.formats import FORMATS
from grok_nb.terse import TYPES

GOOD: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, ""),
    ("   ", {}, ""),
    ("-m grok-4.7", {"model": "grok-4.7"}, ""),
    ("--model grok-4.7", {"model": "grok-4.7"}, ""),
    ("--model=grok-4.7 -q", {"model": "grok-4.7", "quiet": True}, ""),
    ("-m=grok-4.7", {"model": "grok-4.7"}, ""),
    ("  -q   -R  ", {"quiet": True, "raw": True}, ""),
    ("-t 0.7 --top-p .9", {"temperature": 0.7, "top_p": 0.9}, ""),
    ("-t -1", {"temperature": -1.0}, ""),
    ("--max-tokens 50 -n 2 --seed -7", {"max_tokens": 50, "n": 2, "seed": -7}, ""),
    ("-o reply", {"out": "reply"}, ""),
    ("-o größe", {"out": "größe"}, ""),
    ('-s "Be brief."', {"system": "Be brief."}, ""),
    ("-s 'Be brief.'", {"system": "Be brief."}, ""),
    ('-s="it\'s"', {"system": "it's"}, ""),
    ("-s 'say \"hi\"'", {"system": 'say "hi"'}, ""),
    (r'-s "say \"hi\" \\ now"', {"system": r'say "hi" \ now'}, ""),
    (r'-s "a\nb \frac C:\temp"', {"system": r"a\nb \frac C:\temp"}, ""),
    (r"-s 'a\nb\'", {"system": "a\\nb\\"}, ""),
    ("-s ''", {"system": ""}, ""),
    ('-s "" -q', {"system": "", "quiet": True}, ""),
    ("-s {{ role }}s -q", {"system": "{{ role }}s", "quiet": True}, ""),
    ("-s @persona.md", {"system": "@persona.md"}, ""),
    ("--stop -- -q", {"stop": "--", "quiet": True}, ""),
    ("--stream --no-stream", {"stream": "off"}, ""),
    ("-m a -m b", {"model": "b"}, ""),
    ("-r xhigh", {"reasoning_effort": "xhigh"}, ""),
    ("-h", {"help": True}, ""),
    ("-c", {"chat": "main"}, ""),
    ("-c  ", {"chat": "main"}, ""),
    ("-c -q", {"chat": "main", "quiet": True}, ""),
    ("--chat --fresh", {"chat": "main", "fresh": True}, ""),
    ("-c talk --fresh", {"chat": "talk", "fresh": True}, ""),
    ("--chat=talk -q", {"chat": "talk", "quiet": True}, ""),
    ("-c 'my talk' -q", {"chat": "my talk", "quiet": True}, ""),
    ("-q text", {"quiet": True}, "text"),
]


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_options_of_a_cell_are_read(number: int) -> None:
    line, values, rest = GOOD[number]
    assert parse(line, CELL) == (values, rest)


VERBATIM: list[tuple[str, dict[str, Any], str]] = [
    ("What's up?", {}, "What's up?"),
    ('say "hi', {}, 'say "hi'),
    ("-5 + 3", {}, "-5 + 3"),
    ("-.5 + 3", {}, "-.5 + 3"),
    ("- a list", {}, "- a list"),
    ("-", {}, "-"),
    ("-- -m is an option", {}, "-m is an option"),
    ("--", {}, ""),
    ("--  two spaces", {}, " two spaces"),
    ("-t 0 -- -5 -m x", {"temperature": 0.0}, "-5 -m x"),
    ("-t 0 -5 + 3", {"temperature": 0.0}, "-5 + 3"),
    ("-m x What's -m for? -q --", {"model": "x"}, "What's -m for? -q --"),
    ("a -m b", {}, "a -m b"),
    ("\\alpha {x} $HOME !ls %time", {}, "\\alpha {x} $HOME !ls %time"),
    ("why?  ", {}, "why?  "),
    ("-t 0   why?  ", {"temperature": 0.0}, "why?  "),
    ("\u2014 dash", {}, "\u2014 dash"),
]


@pytest.mark.parametrize("number", range(len(VERBATIM)))
def test_what_follows_the_options_is_verbatim(number: int) -> None:
    line, values, rest = VERBATIM[number]
    assert parse(line, LINE) == (values, rest)


BAD: list[tuple[str, str, str]] = [
    ("--modle x", "--modle", "Did you mean --model?"),
    ("--temprature 1", "--temprature", "--temperature"),
    ("--maxtokens 5", "--maxtokens", "--max-tokens"),
    ("-z", "-z", ""),
    ("-mgrok", "-mgrok", "-m"),
    ("--zzzzzz", "--zzzzzz", "-h lists"),
    ("---m x", "---m", ""),
    ("-m", "-m needs a value", ""),
    ("-m ", "-m needs a value", ""),
    ("--model=", "--model needs a value", ""),
    ("-q=1", "-q takes no value", ""),
    ("--stream=on", "--stream takes no value", ""),
    ("-t hot", "a number, not 'hot'", ""),
    ("-t", "-t needs a value", ""),
    ("--max-tokens 1.5", "a whole number, not '1.5'", ""),
    ("-n two", "a whole number", ""),
    ("--seed 9" + "9" * 5000, "a whole number", ""),
    ("-o 1a", "name of a variable, not '1a'", ""),
    ("-o a.b", "name of a variable", ""),
    ("-o class", "name of a variable", ""),
    ("-o ''", "name of a variable", ""),
    ('-s "never closed', "not closed", ""),
    ("-s 'never closed", "not closed", ""),
    (r'-s "never closed\"', "not closed", ""),
    ('-s "a"b', "after the quote", ""),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_wrong_option_says_what_is_wrong(number: int) -> None:
    line, said, hint = BAD[number]
    with pytest.raises(OptionError) as caught:
        parse(line, CELL)
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert isinstance(caught.value, GrokError)
    assert "\n" not in "".join(caught.value._render_traceback_())


def test_showing_options_are_not_of_the_line_magic() -> None:
    for flag in ("-q", "--stream", "--no-stream"):
        parse(flag, CELL)
        with pytest.raises(OptionError, match=flag):
            parse(flag, LINE)


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    try:
        values, rest = parse(line, LINE)
    except OptionError:
        assert line.lstrip().startswith("-")
        return
    if not values:
        text = line.lstrip()
        assert rest in (text, text[2:].removeprefix(" "))
    assert line.endswith(rest)


@given(
    st.lists(
        st.sampled_from(
            ["-m", "-s", "-t", "--", "-", "=", " ", '"', "'", "\\", "x", "0.5", "{{"]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_option_like_line_is_read_or_refused(line: str) -> None:
    try:
        _, rest = parse(line, LINE)
    except OptionError:
        return
    assert line.endswith(rest)


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\\'))


@given(plain)
def test_a_quoted_value_comes_out_as_it_went_in(text: str) -> None:
    assert parse(f'-s "{text}" rest', LINE) == ({"system": text}, "rest")
    if "'" not in text:
        assert parse(f"-s '{text}' rest", LINE) == ({"system": text}, "rest")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quotes_and_backslashes_can_be_escaped(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'-s "{escaped}"', LINE) == ({"system": text}, "")


def test_help_names_every_option_once() -> None:
    text = help_text("usage", CELL)
    assert text.startswith("usage\n")
    for option in CELL:
        (line,) = [
            row for row in text.splitlines() if ", ".join(option.flags) + " " in row
        ]
        assert option.help in line
    assert {option.name for option in LINE} < {option.name for option in CELL}


def test_examples_of_the_help_are_right() -> None:
    examples = [row for row in CELL_HELP.splitlines() if row.startswith("  %%grok ")]
    assert len(examples) > 5
    for example in examples:
        line = re.split(r"\s{3,}", example.strip().removeprefix("%%grok "))[0]
        values, rest = parse(line, CELL)
        assert values
        assert rest == ""
    assert [name for name in FILTERS if f"|{name}" not in CELL_HELP] == []
    assert [name for name in TYPES if name not in CELL_HELP] == []
    assert [name for name in FORMATS if name not in CELL_HELP] == []
    magics = GrokMagics.magics["line"]
    assert [name for name in magics if f"%{name}" not in CELL_HELP] == []
    assert max(map(len, CELL_HELP.splitlines())) <= 110
