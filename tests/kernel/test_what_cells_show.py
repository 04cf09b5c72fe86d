"""Each fault of the sandbox, as ``%%grok`` shows it: the exact lines below the cell."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, break_it, eventually, requests, window
from tests.troubles import ASKED, LIMIT_S, PROMPT, STREAMED, WHOLE

CELL = f"%%grok -o r\n{PROMPT}"
#: Longer than any call may take: the call ends at once instead of waiting.
MUCH_LATER_S = 4000
#: Faults of which the server can say when it will be over.
REFUSALS = [k for k, seen in STREAMED.items() if k.isdigit() and seen.attempts > 1]


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture
def sandbox(_server: Sandbox) -> Sandbox:
    for name in ("faults", "ledger", "log"):
        window(_server, name, "DELETE")
    return _server


@pytest.fixture
def rows(kernel):
    columns = "['state', 'cost_source', 'http_status']"
    code = f"__import__('grok_nb').usage()[{columns}].astype(object)"
    return lambda: kernel.value(
        f"{code}.where(lambda f: f.notna(), None).values.tolist()"
    )


@pytest.mark.parametrize("kind", STREAMED)
def test_fault_is_shown_below_the_cell(kernel, sandbox, rows, kind):
    seen = STREAMED[kind]
    fault = {"match": "POST /v1/chat", "do": kind, **seen.fault}
    if kind in REFUSALS:
        fault["retry_after"] = MUCH_LATER_S
    if kind == "stall":
        kernel.run(f"__import__('grok_nb').configure(timeout_s={LIMIT_S})")
    elif kind == "json-error-on-200":  # waits, but not for half a minute
        kernel.run("__import__('grok_nb').configure(timeout_s=8)")
    break_it(sandbox, fault)
    cell = kernel.run(CELL, watched=True)
    kernel.run("__import__('grok_nb').configure(timeout_s=3600)")

    bill = eventually(
        lambda: (all(b["done"] for b in bills(sandbox)) and bills(sandbox)) or None
    )
    assert not cell.of("stream", "execute_result")
    if not seen.error:
        assert not cell.of("error")
        assert cell.shown[-1] == WHOLE
        assert rows() == [["done", seen.cost_source, 200]]
        footer = cell.html[-1].rpartition("<div")[2]
        assert "sandbox, not Grok" in footer
        assert ("about" in footer) == (seen.cost_source == "estimated")
        return

    count, notes = len(bill), [seen.hint]
    if kind in REFUSALS:
        assert count == 1
        notes.append(f"The server asks to wait {MUCH_LATER_S} s.")
    elif kind == "json-error-on-200":
        assert 1 < count <= seen.attempts
    else:
        assert count == seen.attempts
    if count > 1:
        doubt = f", {count} of them in doubt" if seen.in_doubt else ""
        notes.append(f"This was attempt {count}{doubt}.")
    if seen.status is not None:
        notes.append(f"Request id: {bill[-1]['request_id']}")
    first, second = cell.error["traceback"]
    assert re.fullmatch(f"{seen.error}: {seen.message}", first)
    assert second == "  " + " ".join(notes)
    assert cell.error["ename"] == seen.error
    assert re.fullmatch(seen.message, cell.error["evalue"])
    assert rows() == [[seen.state, seen.cost_source, seen.status]] * count

    state, text = kernel.value("(r.state, r.text)")
    assert state == "failed"
    assert bool(text) == seen.partial
    assert WHOLE.startswith(text)
    ending = "[broken off]" if text else "[no answer]"
    assert cell.shown[-1] == f"{text}\n\n{ending}".lstrip()
    assert ending[1:-1] in cell.html[-1]


@pytest.mark.parametrize(
    "code", [f"%%grok -o r --no-stream\n{PROMPT}", "%grok -o r hi"]
)
@pytest.mark.parametrize("kind", ["401", "break-stream"])
def test_fault_of_a_whole_reply_is_shown(kernel, sandbox, rows, kind, code):
    seen = ASKED[kind]
    break_it(sandbox, {"match": "POST /v1/chat", "do": kind})
    cell = kernel.run(code, watched=True)
    first, second = cell.error["traceback"]
    assert re.fullmatch(f"{seen.error}: {seen.message}", first)
    assert second.startswith(f"  {seen.hint}")
    assert f"Request id: {bills(sandbox)[-1]['request_id']}" in second
    assert not cell.shown
    assert rows() == [[seen.state, seen.cost_source, seen.status]] * seen.attempts
    assert kernel.value("(r.state, r.text)") == ("failed", "")


@pytest.mark.parametrize(
    ("kind", "reason", "doubts"),
    [
        ("429", STREAMED["429"].says, 0),
        ("503", STREAMED["503"].says, 0),
        ("json-error-on-200", STREAMED["json-error-on-200"].says, 0),
        ("500", STREAMED["500"].says, 1),
        ("500-after-billing", STREAMED["500"].says, 1),
        ("reset", STREAMED["reset"].says, 1),
        ("reset-after-billing", STREAMED["reset"].says, 1),
        ("html", STREAMED["html"].says, 1),
        ("empty", STREAMED["empty"].says, 1),
        ("garbage", STREAMED["garbage"].says, 1),
    ],
)
def test_fault_that_passes_is_told_and_got_over(
    kernel, sandbox, rows, kind, reason, doubts
):
    seen = STREAMED[kind]
    break_it(sandbox, {"match": "POST /v1/chat", "do": kind, "nth": 1})
    cell = kernel.run(CELL, watched=True)
    assert not cell.of("error")
    assert cell.shown[-1] == WHOLE

    # while it waits, the cell says why; html, for the plain text is the reply so far
    waits = [h for h in cell.html if "Trying again in" in h]
    assert waits
    said = html.unescape(re.sub("<[^>]*>", "", waits[0]))
    reason = re.escape(reason.removesuffix("."))
    assert re.search(reason + r"\. Trying again in 0\.[2-5] s\.", said)
    assert "Trying again" not in cell.html[-1]
    assert ("1 earlier attempt may have cost, too" in cell.html[-1]) == bool(doubts)
    assert kernel.value("(r.attempts, r.attempts_in_doubt)") == (2, doubts)
    assert len([r for r in requests(sandbox) if r["method"] == "POST"]) == 2
    assert rows() == [
        [seen.state, "none", seen.status],
        ["done", "reported", 200],
    ]
