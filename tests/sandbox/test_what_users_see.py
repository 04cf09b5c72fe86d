"""Each fault of the sandbox, as `gn.ask` and `gn.stream` show it; and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import grok_nb as gn
from grok_nb._sandbox import errors as sandbox_errors
from grok_nb._sandbox.faults import NAMED_KINDS
from grok_nb._sandbox.server import Sandbox
from grok_nb.store.ledger import COLUMNS
from tests.support import bills, break_it, eventually, window
from tests.troubles import ASKED, LIMIT_S, PROMPT, STREAMED, WHOLE


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture
def sandbox(_server: Sandbox) -> Sandbox:
    for name in ("faults", "ledger", "log"):
        window(_server, name, "DELETE")
    return _server


def test_the_table_has_every_kind_of_fault() -> None:
    kinds = {*NAMED_KINDS, *map(str, sandbox_errors.BY_STATUS), "500-after-billing"}
    assert kinds <= set(STREAMED)
    assert set(STREAMED) == set(ASKED)


@pytest.mark.parametrize("way", ["ask", "stream"])
@pytest.mark.parametrize("kind", STREAMED)
def test_fault_is_seen_and_booked(sandbox, quick_clock, kind, way) -> None:
    seen = (ASKED if way == "ask" else STREAMED)[kind]
    break_it(sandbox, {"match": "POST /v1/chat", "do": kind, **seen.fault})
    grok = gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=":memory:",
        model="grok-4.7",
        clock=quick_clock,
        timeout_s=LIMIT_S if kind == "stall" else 60,
    )
    reply = error = None
    with grok:
        try:
            if way == "ask":
                reply = grok.ask(PROMPT)
            else:
                for event in grok.stream(PROMPT):
                    reply = event.reply
        except gn.GrokError as raised:
            error = raised
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]
        bill = eventually(
            lambda: (all(b["done"] for b in bills(sandbox)) and bills(sandbox)) or None
        )

    assert len(bill) == len(rows) == seen.attempts
    assert {b["billed"] for b in bill} == {seen.billed}
    for row in rows:
        assert (row["state"], row["cost_source"], row["http_status"]) == (
            seen.state,
            seen.cost_source,
            seen.status,
        )
        assert (row["error"] is None) == (not seen.error)
        # what may have been billed is never booked as free
        assert (row["cost_usd"] is None) == (seen.state == "in_doubt")
    if not seen.error:
        assert error is None
        assert (reply.text, reply.state) == (WHOLE, "done")
        return

    assert type(error).__name__ == seen.error
    assert re.fullmatch(seen.message, str(error))
    assert error.hint == seen.hint
    assert error.__notes__[0] == seen.hint
    assert isinstance(error, getattr(gn.errors, seen.error))
    last = rows[-1]
    assert last["error"] == f"{seen.error}: {error}"
    assert error.request_id == last["request_id"]
    assert (f"Request id: {error.request_id}" in error.__notes__) == (
        seen.status is not None
    )
    if seen.attempts > 1:
        doubt = f", {seen.in_doubt} of them in doubt" if seen.in_doubt else ""
        assert f"This was attempt {seen.attempts}{doubt}." in error.__notes__
    if seen.partial:
        assert WHOLE.startswith(error.reply.text)
        assert "[sandbox] 1, 2" in error.reply.text
        assert error.reply.text != WHOLE
        assert error.reply.state == "failed"
    else:
        assert error.reply is None
