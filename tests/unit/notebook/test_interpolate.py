"""``{{name}}`` becomes the variable's text; everything else passes byte for byte."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grok_nb.compact import BUDGET
from grok_nb.notebook.interpolate import FILTERS, interpolate
from grok_nb.notebook.options import OptionError


class Odd:
    """A variable that resists."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    @property
    def broken(self) -> str:
        raise RuntimeError("no value")


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
NAMES: dict[str, Any] = {
    "x": 5,
    "name": "Zürich",
    "größe": 7,
    "text": "{{x}} and \\{{x}}",
    "d": {"k": 1, "two words": 2, 3: "three", "it's": 4},
    "rows": [10, 20, 30],
    "o": SimpleNamespace(a=SimpleNamespace(b=[{"c": "deep"}])),
    "frame": FRAME,
    "none": None,
    "long": "ab" * 3000,
    "odd": Odd(),
    "half": "\ud83e",
}

FILLED: list[tuple[str, str]] = [
    ("{{x}}", "5"),
    ("{{ x }}", "5"),
    ("{{\tx}}", "5"),
    ("a{{x}}b{{name}}c", "a5bZürichc"),
    ("{{größe}}", "7"),
    ("{{none}}", "None"),
    ("{{rows[0]}} {{rows[-1]}} {{rows[ 1 ]}}", "10 30 20"),
    ("{{d['k']}} {{d[\"two words\"]}} {{d[3]}}", "1 2 three"),
    ('{{d["it\'s"]}}', "4"),
    ("{{o.a.b[0]['c']}}", "deep"),
    ("{{frame.shape}}", "(3, 2)"),
    ("{{{x}}}", "{5}"),
    ("{{x}}}}", "5}}"),
    ("{{x}} {{x}}", "5 5"),
    ("{{text}}", "{{x}} and \\{{x}}"),
    (r"\{{x}}", "{{x}}"),
    (r"\{{ anything at all }}", "{{ anything at all }}"),
    (r"\{{x}} {{x}}", "{{x}} 5"),
    (r"\{{ not closed", "{{ not closed"),
    (r"\\{{x}}", r"\{{x}}"),
    ("{{d|json}}", '{"k": 1, "two words": 2, "3": "three", "it\'s": 4}'),
    ("{{name|json}}", '"Zürich"'),
    ("{{long|trunc:5}}", "ababa"),
    ("{{ long | trunc:3 | json }}", '"aba"'),
    ("{{x|trunc}}", "5"),
    ("{{x|schema}}", "int"),
    ("{{half}}", "\ud83e"),
]


@pytest.mark.parametrize("number", range(len(FILLED)))
def test_names_are_filled_in(number: int) -> None:
    text, wanted = FILLED[number]
    assert interpolate(text, NAMES) == wanted


def test_frames_are_shown_compactly_and_in_part() -> None:
    whole = "DataFrame, 3 rows x 2 columns\na: int64, b: str\na,b\n1,x\n2,y\n3,z"
    assert interpolate("{{frame}}", NAMES) == whole
    assert interpolate("{{frame|head}}", NAMES) == whole
    two = "DataFrame, 2 rows x 2 columns\na: int64, b: str\na,b\n1,x\n2,y"
    assert interpolate("{{frame|head:2}}", NAMES) == two
    assert interpolate("{{frame|tail:1}}", NAMES).endswith("\nindex,a,b\n2,3,z")
    assert interpolate("{{frame|csv}}", NAMES) == FRAME.to_csv()
    assert interpolate("{{frame|json}}", NAMES) == FRAME.to_json(orient="records")
    assert interpolate("{{frame.b|json}}", NAMES) == '{"0":"x","1":"y","2":"z"}'
    assert interpolate("{{rows|head:2}} {{rows|tail:1}}", NAMES) == "[10, 20] [30]"
    assert interpolate("{{frame|trunc:9}}", NAMES) == "DataFrame"


def test_what_is_left_out_of_a_frame_is_said() -> None:
    notes: list[str] = []
    names = {"big": pd.DataFrame({"n": range(1_000_000), "text": "word " * 20})}
    text = interpolate("Look: {{big}}", names, notes)
    assert len(text) < BUDGET + 500
    assert text.startswith("Look: DataFrame, 1,000,000 rows x 2 columns\nn: int64")
    assert re.search(r"\(999,9\d\d more rows are not shown\)$", text)
    assert len(notes) == 1
    assert re.match(r"\{\{big\}\} is sent in part: the first \d\d of 1,000,0", notes[0])
    assert "{{big|head:N}} sends N rows, {{big|csv}} all" in notes[0]
    notes.clear()
    chosen = interpolate("{{big|head:1000}}", names, notes)
    assert (chosen.count("\n"), notes) == (1002, [])
    interpolate("{{frame}}", NAMES, notes)
    assert notes == []
    schema = interpolate("{{frame|schema}}", NAMES)
    assert schema.splitlines()[:2] == ["3 rows", "a: int64"]
    assert interpolate("{{long|trunc}}", NAMES) == "ab" * 1000


WRONG: list[tuple[str, str, str]] = [
    ("{{nam}}", "no variable 'nam'", "Did you mean 'name'?"),
    ("{{zzz}}", "no variable 'zzz'", r"\{{"),
    ("{{zzz.a[0]}}", "no variable 'zzz'", ""),
    ("{{x()}}", "calls something", "variable"),
    ("{{o.a()}}", "calls something", ""),
    ("{{__import__('os')}}", "calls something", ""),
    ("{{o.zzz}}", "AttributeError", ""),
    ("{{rows[9]}}", "IndexError", ""),
    ("{{d['zzz']}}", "KeyError", ""),
    ("{{x[0]}}", "TypeError", ""),
    ("{{odd.broken}}", "no value", ""),
    ("{{odd}}", "no text", ""),
    ("{{odd|trunc:3}}", "no text", ""),
    ("{{x|jsn}}", "no filter 'jsn'", "Did you mean 'json'?"),
    ("{{x|zzz}}", "no filter 'zzz'", "head, tail"),
    ("{{x|}}", "no filter ''", ""),
    ("{{x||json}}", "no filter ''", ""),
    ("{{x|head:2}}", "'head:2' failed", ""),
    ("{{long|trunc:many}}", "'trunc:many' failed", ""),
    ("{{frame|head:x}}", "'head:x' failed", ""),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_cannot_be_filled_in_is_an_error(number: int) -> None:
    text, said, hint = WRONG[number]
    with pytest.raises(OptionError) as caught:
        interpolate(f"Before {text} after", NAMES)
    assert said in str(caught.value)
    assert hint in caught.value.hint


UNTOUCHED = [
    "",
    "plain",
    '{"a": {"b": [1, 2]}, "c": "}}"}',
    '{{"a": 1}}',
    "{{'a'}}",
    "{{}}",
    "{{ }}",
    "{{1}}",
    "{{-x}}",
    "{{x + 1}}",
    "{{x:.2f}}",
    "{{x!r}}",
    "{{x, name}}",
    "{{x\n}}",
    "{{x",
    "x}}",
    "{x} {name!r:>{x}} ${x} $x %(x)s %s",
    "f'{x}' f\"{d['k']}\"",
    "{% if x %}{# comment #}{% endif %}",
    r"\frac{a}{b} \left\{x\right\} $\{x\}$ \[ \] \\ \n",
    r"C:\new\{x}\temp",
    "🦊👩‍👩‍👧 \u202eRTL\u202c مرحبا بالعالم \u2028\u2029\u0085",
    "NUL \x00 bell \x07 escape \x1b[31m carriage \r\n tab \t",
    "\ufeffbyte order mark \ufffe",
    "`code` ```{python}\n#| echo: false\n```",
    "<script>alert(1)</script> <!-- {x} -->",
    "In [1]: x\n>>> y\n... z",
    "!ls $HOME %time ?x x?",
]


@pytest.mark.parametrize("number", range(len(UNTOUCHED)))
def test_everything_else_passes_untouched(number: int) -> None:
    assert interpolate(UNTOUCHED[number], NAMES) == UNTOUCHED[number]


@given(st.text().filter(lambda text: "{{" not in text))
@example("\\{ \\}} } {")
def test_text_without_double_braces_never_changes(text: str) -> None:
    assert interpolate(text, NAMES) == text


@given(
    st.lists(
        st.sampled_from(
            ["{{", "}}", "{", "}", "\\", "x", "name", "zz", "|", ".", "[0]", " ", "\n"]
        ),
        max_size=14,
    ).map("".join)
)
def test_any_braces_are_filled_or_refused(text: str) -> None:
    try:
        found = interpolate(text, NAMES)
    except OptionError:
        assert "{{" in text
        return
    if "{{" not in text:
        assert found == text


@given(st.text(), st.text(), st.text())
def test_a_value_is_put_in_as_it_is(before: str, value: str, after: str) -> None:
    before = before.replace("{", "(").rstrip("\\")
    after = after.replace("{", "(")
    text = f"{before}{{{{v}}}}{after}"
    assert interpolate(text, {"v": value}) == before + value + after


@given(st.text())
def test_escaped_braces_bring_any_text_through(text: str) -> None:
    text = text.replace("\\{{", "{{")
    while "{{{" in text:
        text = text.replace("{{{", "{{")
    text = text.replace("\\{{", "{{")
    assert interpolate(text.replace("{{", "\\{{"), {}) == text


def test_nothing_is_called() -> None:
    called = []
    names = {"f": lambda: called.append(1), "d": {"k": called.append}}
    for text in ("{{f()}}", "{{d['k'](1)}}", "{{f() | json}}"):
        with pytest.raises(OptionError):
            interpolate(text, names)
    assert "function" in interpolate("{{f}}", names)
    assert called == []


def test_the_filters_are_these() -> None:
    assert sorted(FILTERS) == ["csv", "head", "json", "schema", "tail", "trunc"]


def test_private_names_are_not_suggested() -> None:
    with pytest.raises(OptionError) as caught:
        interpolate("{{secre}}", {"_secret": 1})
    assert "_secret" not in caught.value.hint
