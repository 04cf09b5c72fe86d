"""Hostile prompts travel byte for byte: real cells, looked at in the sandbox's log."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.support import requests, window

from .hostile_bodies import BODIES, BRACES, LINES, PLAIN, chopped

#: Cells queued at once; more messages than this can hold would be dropped.
BATCH = 60
QUICK = "%%grok --no-stream -q"
#: Characters; longer bodies take the kernel seconds, so they are tried once.
LONG = 50_000
#: What may come between: each changes one kind of byte of the cell, in the kernel.
MEDDLERS = {
    "strips": ("text.replace(' \\n', '\\n')", "a \nb"),
    "strips the end": ("text.replace(' \\n', '\\n')", "a\nb "),
    "composes": ("__import__('unicodedata').normalize('NFC', text)", "e\u0301"),
    "line ends": ("text.replace('\\r\\n', '\\n')", "a\r\nb"),
    "NUL": ("text.replace('\\0', '')", "a\0b"),
    "mark": ("text.lstrip('\\ufeff')", "\ufeffa"),
    "one letter": ("text.replace('é', 'è')", "café"),
}


def received(kernel, sandbox, codes):
    """Run cells; return the requests that they led to."""
    found = []
    for start in range(0, len(codes), BATCH):
        cells = [kernel.start(code) for code in codes[start : start + BATCH]]
        for cell in cells:
            assert not cell.wait().of("error"), cell.error["traceback"]
        found += [r for r in requests(sandbox) if r["method"] == "POST"]
        window(sandbox, "log", "DELETE")
    return found


def changed(bodies, posted):
    """Return what did not arrive as it is: as text, and as bytes on the wire."""
    assert len(posted) == len(bodies)
    wrong = []
    for body, request in zip(bodies, posted, strict=True):
        arrived = request["body"]["messages"][-1]["content"]
        model = request["body"]["model"]
        asked = {"model": model, "messages": [{"role": "user", "content": body}]}
        raw = json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()
        if arrived != body or int(request["headers"]["content-length"]) != len(raw):
            wrong.append((body[:200], arrived[:200]))
    return wrong


def test_corpus_is_large_and_has_no_doubles():
    corpus = [body for family in PLAIN.values() for body in family]
    assert len(corpus) >= 150
    assert len({*corpus, *BRACES}) == len(corpus) + len(BRACES)
    assert len({*LINES}) == len(LINES) >= 60


@pytest.mark.parametrize("raw", ["", " -R"], ids=["interpolated", "raw"])
def test_hostile_bodies_travel_byte_for_byte(kernel, kernel_python, sandbox, raw):
    bodies = [body for family in PLAIN.values() for body in family]
    bodies += list(BRACES) if raw else []
    if not raw or kernel_python != Path(sys.executable):
        bodies = [body for body in bodies if len(body) <= LONG]
    assert len(bodies) >= 150
    posted = received(kernel, sandbox, [f"{QUICK}{raw}\n{body}" for body in bodies])
    assert changed(bodies, posted) == []


def test_pieces_of_the_corpus_travel_byte_for_byte(kernel, sandbox):
    bodies = chopped(120)
    posted = received(kernel, sandbox, [f"{QUICK} -R\n{body}" for body in bodies])
    assert changed(bodies, posted) == []


@seed(6)
@settings(
    max_examples=50,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=BODIES)
def test_generated_bodies_travel_byte_for_byte(kernel, sandbox, body):
    raw = " -R" if "{{" in body else ""
    posted = received(kernel, sandbox, [f"{QUICK}{raw}\n{body}"])
    assert changed([body], posted) == []


@pytest.mark.parametrize("meddler", MEDDLERS)
def test_check_notices_one_changed_byte(kernel, sandbox, meddler):
    change, body = MEDDLERS[meddler]
    code = f"{QUICK} -R\n{body}"
    assert changed([body], received(kernel, sandbox, [code])) == []
    transforms = "get_ipython().input_transformers_cleanup"
    kernel.run(f"{transforms}.append(lambda lines: [{change} for text in lines])")
    try:
        posted = received(kernel, sandbox, [code])
    finally:
        kernel.run(f"del {transforms}[-1]")
    assert [before for before, _ in changed([body], posted)] == [body]


def test_braces_are_filled_in_and_nothing_else(kernel, sandbox):
    kernel.run("x = 'X'")
    good = {body: sent for body, sent in BRACES.items() if sent is not None}
    posted = received(kernel, sandbox, [f"{QUICK}\n{body}" for body in good])
    assert changed(list(good.values()), posted) == []
    for body in BRACES.keys() - good.keys():
        assert kernel.run(f"{QUICK}\n{body}").error["ename"] == "OptionError"
    assert requests(sandbox) == []


def test_lines_travel_byte_for_byte(kernel, sandbox):
    posted = received(kernel, sandbox, [f"%grok -R {line}" for line in LINES])
    assert changed(LINES, posted) == []


def test_assigned_lines_travel_byte_for_byte(kernel, sandbox):
    lines = [line for line in LINES if len(line) < LONG]
    posted = received(kernel, sandbox, [f"_r = %grok -R {line}" for line in lines])
    assert changed(lines, posted) == []


def test_half_a_pair_is_refused_before_it_is_sent(kernel, sandbox):
    """UTF-8 has none. Typed into a cell, it ends in the kernel's own messages."""
    kernel.run(r"halves = ['a\ud800b', '\udfff', '\udc80']")
    for index in range(3):
        for code in (
            f"%%grok -q\n{{{{halves[{index}]}}}}",
            f"%grok {{{{halves[{index}]}}}}",
        ):
            cell = kernel.run(code)
            assert cell.error["ename"] == "BadRequest", cell.error
            assert len(cell.error["traceback"]) <= 2
    assert [r["path"] for r in requests(sandbox) if r["method"] == "POST"] == []


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        ("\n  \n%%grok -q\nhi\n", "hi\n"),
        ("In [1]: %%grok -q\n   ...: hi\n   ...: there", "hi\nthere"),
        ("  %%grok -q\n  hi\n    there", "hi\n  there"),
        ("get_ipython().run_cell_magic('grok', '-q', 'hi\\n')", "hi"),
        ("get_ipython().run_cell('%%grok -q\\nhi')", "hi"),
        ("get_ipython().run_cell('%%grok -q\\n>>> hi')", "hi"),
    ],
)
def test_cells_that_came_another_way_keep_what_ipython_makes_of_them(
    kernel, sandbox, code, sent
):
    (request,) = received(kernel, sandbox, [code])
    assert request["body"]["messages"][-1]["content"] == sent
