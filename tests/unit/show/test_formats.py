"""How a text is shown: each format says the same as the text, and runs nothing."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.show.formats import FORMATS, as_html, as_text, fenced, without_controls
from grok_nb.show.render import dollars
from grok_nb.show.safe_html import first_code, safe_html

from .hostile import document
from .strict import violations

#: A style of ours; none of a text gets through.
WRAPPED = '<pre style="white-space:pre-wrap">'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from([None, 1, (",", ":")]), st.booleans())
def test_indented_json_is_the_same_json(value, layout, escaped) -> None:
    how = {"separators": layout} if isinstance(layout, tuple) else {"indent": layout}
    text = json.dumps(value, ensure_ascii=escaped, **how)
    shown = as_text(text, "json")
    assert json.loads(shown) == value
    assert shown == as_text(shown, "json")


def test_numbers_and_names_stay_as_they_were_written() -> None:
    text = '{"a":0.10,"a":1e400,"b":12345678901234567890,"c":[],"d":{}}'
    assert as_text(text, "json") == (
        '{\n  "a": 0.10,\n  "a": 1e400,\n  "b": 12345678901234567890,\n'
        '  "c": [],\n  "d": {}\n}'
    )
    assert as_text(f"Here:\n```json\n{text}\n```\nDone.", "json").startswith('{\n  "a"')


def test_what_is_no_json_is_shown_as_it_is() -> None:
    for text in ("no JSON", '{"a": 1,}', "", '{"cut": "of'):
        assert as_text(text, "json") == text


def test_code_is_the_first_block() -> None:
    text = "Say:\n\n```python\nprint('`')\n```\n\n```js\nno\n```"
    assert as_text(text, "code") == "print('`')"
    html = as_html(text, "code")
    assert "Say" not in html
    assert "highlight" in html
    assert as_text("no block", "code") == "no block"


@given(st.text(alphabet="`~ab\n\\$<"))
def test_any_code_survives_its_fence(code: str) -> None:
    found = first_code(fenced(code, "python"))
    assert found is not None
    assert found[1].removesuffix("\n") == code.removesuffix("\n")


def test_mathematics_is_typeset_as_a_whole() -> None:
    assert as_html("\\frac{1}{2}", "math") == safe_html("$$\n\\frac{1}{2}\n$$")
    assert as_html("so $x$", "math") == safe_html("so $x$")


def test_plain_text_keeps_every_character() -> None:
    html = as_html("**a** <b> $5 \\frac\n  x", "text")
    assert "<strong>" not in html
    assert "&lt;b&gt;" in html
    assert "\n  x" in html


@pytest.mark.parametrize("how", FORMATS)
def test_hostile_text_is_harmless_in_every_format(how: str) -> None:
    for seed in range(120):
        html = as_html(document(seed), how).replace(WRAPPED, "<pre>")
        assert violations(html) == []


@given(st.text())
def test_no_terminal_obeys_a_reply(text: str) -> None:
    shown = without_controls(text)
    assert len(shown) == len(text)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0, "$0.00"),
        (1e-10, "$0.0000000001"),
        (2e-7, "$0.0000002"),
        (0.000012, "$0.000012"),
        (0.0123, "$0.0123"),
        (1234.5, "$1,234.50"),
    ],
)
def test_an_amount_has_as_many_digits_as_it_takes_to_see_it(usd, shown):
    assert dollars(usd) == shown


@given(st.integers(1, 10**12))
def test_no_amount_that_was_paid_is_shown_as_nothing(ticks):
    assert float(dollars(ticks / 1e10).strip("$").replace(",", "")) > 0
