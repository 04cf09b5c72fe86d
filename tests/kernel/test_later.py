"""``--defer``: bound at once, filled in later, asked once also after a restart."""

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, break_it, eventually, requests

USAGE = "__import__('grok_nb').usage()"
FETCH = "GET /v1/chat/deferred-completion"


@pytest.fixture
def slow():
    """Results are there 1.5 s after they were asked for, at the earliest."""
    with Sandbox(latency_ms=1500) as server:
        yield server


@pytest.fixture
def sandbox(request):
    if "slow" in request.fixturenames:
        yield request.getfixturevalue("slow")
    else:
        with Sandbox() as server:
            yield server


def posts(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def gets(sandbox):
    return [r for r in requests(sandbox) if "/deferred-completion/" in r["path"]]


def filled(kernel, cell, text, which=0):
    """Wait until the display of a cell is updated; return its last content.

    Front ends find it by its id; an old ipykernel names the latest cell as its parent.
    """
    shown = [c for c in cell.of("display_data") if c["transient"].get("display_id")]
    name = shown[which]["transient"]["display_id"]

    def updates(_):
        return [
            content["data"]
            for other in kernel.cells.values()
            for content in other.of("update_display_data")
            if content["transient"]["display_id"] == name
            and text in content["data"]["text/html"]
        ]

    cell.wait(updates)
    return updates(cell)[-1]


def test_it_is_bound_at_once_and_fills_in_later(kernel, sandbox, slow):
    cell = kernel.start("%%grok --defer -o r\nWhat is 6*7?", watched=True, cell_id="c1")
    cell.wait()
    assert not cell.of("error")
    assert "deferred: r.result() waits for it" in cell.html[-1]
    other = kernel.run("import time; print(type(r).__name__, r.text == '')")
    assert other.stdout == "DeferredReply True\n"
    assert kernel.value("r.result(30).text") == kernel.value("r.text")
    assert "42" in kernel.value("r.text")
    assert kernel.value("(r.state, r.ready(), r.cached)") == ("done", True, False)
    # in its own cell, which had ended long before
    assert "deferred" not in filled(kernel, cell, "42")["text/html"]
    assert not other.of("display_data")
    (body,) = posts(sandbox)
    assert body["deferred"] is True
    (bill,) = bills(sandbox)
    assert kernel.value("r.cost_ticks") == bill["cost_in_usd_ticks"]
    columns = "['state', 'source', 'cell_id', 'cost_source']"
    assert kernel.value(f"{USAGE}[{columns}].values.tolist()") == [
        ["done", "magic", "c1", "reported"]
    ]
    assert kernel.value("str(r)") == kernel.value("r.text")
    assert kernel.value("r.usage.prompt_tokens") > 0


def test_where_nobody_looks_there_is_one_display(kernel, sandbox):
    cell = kernel.run("%%grok --defer -o r\nWhat is 6*7?")
    kernel.value("r.result(30).state")
    kernel.run("pass")
    kinds = [m["msg_type"] for m in cell.messages]
    assert kinds.count("display_data") == 1
    assert "update_display_data" not in kinds


def test_the_same_cell_after_a_restart_takes_it_up(new_kernel, sandbox, slow):
    settings = {"XAI_BASE_URL": sandbox.base_url, "XAI_API_KEY": sandbox.key}
    code = "%%grok --defer -o r\nWhat is 6*7?"
    first = new_kernel(**settings)
    first.run("%load_ext grok_nb")
    assert not first.run(code, cell_id="c1").of("error")
    eventually(lambda: gets(sandbox))
    first.manager.shutdown_kernel(now=True)
    second = new_kernel(**settings)
    second.run("%load_ext grok_nb")
    cell = second.run(code, cell_id="c1")
    assert "asked at" in cell.shown[0]
    assert "--refresh asks again" in cell.shown[0]
    assert "42" in second.value("r.result(30).text")
    assert len(posts(sandbox)) == 1
    (bill,) = bills(sandbox)
    assert bill["billed"]
    ticks = bill["cost_in_usd_ticks"]
    assert second.value(f"{USAGE}[['state', 'cached']].values.tolist()") == [
        ["done", False]
    ]
    # once more: from the store, a row of no cost
    second.run(code, cell_id="c1")
    assert second.value("(r.result(30).cached, r.cost_ticks)") == (True, ticks)
    rows = second.value(f"{USAGE}[['state', 'cached', 'cost_usd']].values.tolist()")
    assert rows[1] == ["done", True, 0.0]
    # and --refresh pays again
    cell = second.run("%%grok --defer --refresh -o r\nWhat is 6*7?", cell_id="c1")
    assert not any("asked at" in shown for shown in cell.shown)
    second.value("r.result(30).state")
    assert len(posts(sandbox)) == len(bills(sandbox)) == 2


def test_data_and_a_thread_come_when_they_are_there(kernel, sandbox):
    kernel.run(
        "%%grok --defer -c plan --schema 'name, age int' --df people -o r\n"
        "Name: Ada. Age: 36."
    )
    assert kernel.value("r.result(30).parsed") == {"name": "Ada", "age": 36}
    assert kernel.value("people.values.tolist()") == [["Ada", 36]]
    turns = "__import__('grok_nb').Thread('plan').turns"
    assert kernel.value(f"[t.state for t in {turns}]") == ["done"]
    kernel.run("%%grok -c plan\nAnd?")
    assert [m["role"] for m in posts(sandbox)[-1]["messages"]] == [
        *("user", "assistant", "user")
    ]


PICKY = """
from pydantic import AfterValidator, BaseModel
from typing import Annotated
def no(age): raise ValueError('not that')
class Picky(BaseModel):
    age: Annotated[int, AfterValidator(no)]
"""


def test_what_does_not_fit_has_failed_and_says_so(kernel, sandbox):
    kernel.run(PICKY)
    cell = kernel.start(
        "%%grok --defer --schema Picky -o r\nAge: 36", watched=True, cell_id="c1"
    ).wait()
    failed = kernel.run("r.result(30)")
    assert failed.error["ename"] == "SchemaMismatch"
    assert kernel.value("(r.state, r.cost_source)") == ("failed", "reported")
    assert "does not fit the schema" in filled(kernel, cell, "Mismatch")["text/plain"]


@pytest.mark.parametrize("fault", ["503", "reset", "500"])
def test_a_server_that_cannot_be_reached_is_asked_again(kernel, sandbox, fault):
    break_it(sandbox, {"match": FETCH, "do": fault, "nth": 1, "retry_after": 0})
    kernel.run("%%grok --defer -o r\nWhat is 6*7?")
    cell = kernel.run("print(r.result(60).state)")
    if cell.of("error"):  # it may have been read by whoever broke off
        assert cell.error["ename"] == "InDoubt"
        assert kernel.value("r.state") == "failed"
    else:
        assert cell.stdout == "done\n"


def test_what_the_server_has_no_more_has_failed(kernel, sandbox):
    break_it(sandbox, {"match": FETCH, "do": "404", "nth": 1})
    cell = kernel.start("%%grok --defer -o r\nhi", watched=True, cell_id="c1").wait()
    assert kernel.run("r.result(30)").error["ename"] == "NotFound"
    assert "no answer" in filled(kernel, cell, "NotFound")["text/plain"]
    # asked anew, for it is not to be had any more
    again = kernel.run("%%grok --defer -o r\nhi", cell_id="c1")
    assert "it is asked again" in again.shown[0]
    assert kernel.value("r.result(30).state") == "done"
    assert len(posts(sandbox)) == 2


def test_an_interrupt_ends_the_waiting_and_not_the_reply(kernel, sandbox, slow):
    kernel.run("%%grok --defer -o r\nWhat is 6*7?")
    waiting = kernel.start("print('waits', flush=True)\nr.result()")
    waiting.wait(lambda cell: "waits" in cell.stdout)
    kernel.interrupt()
    waiting.wait()
    assert waiting.error["ename"] == "KeyboardInterrupt"
    assert kernel.value("r.result(30).state") == "done"
    assert kernel.run("r.result(0)").of("execute_result")


def test_a_reply_that_is_not_there_in_time_is_not_lost(kernel, sandbox, slow):
    kernel.run("%%grok --defer -o r\nWhat is 6*7?")
    assert kernel.run("r.result(0.2)").error["ename"] == "TimedOut"
    assert kernel.value("r.result(60).state") == "done"


REFUSED = {
    "--stream": "--stream does not go with --defer",
    "--search web": "--search does not go with --defer",
    "--run-code": "--run-code does not go with --defer",
    "--tool len": "--tool does not go with --defer",
    "--code": "--code does not go with --defer",
    "--show": "--show does not go with --defer",
}


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_deferred_is_refused(kernel, sandbox, options):
    cell = kernel.run(f"%%grok --defer {options}\nhi")
    assert cell.error["ename"] == "OptionError"
    assert REFUSED[options] in "\n".join(cell.error["traceback"])
    assert posts(sandbox) == []


def test_other_options_hold_and_quiet_shows_nothing(kernel, sandbox):
    cell = kernel.run(
        "%%grok --defer -q -o r -s 'Be brief.' -t 0.5 --max-tokens 9 -m grok-4.3\nhi"
    )
    assert not cell.of("display_data", "error")
    kernel.value("r.result(30).state")
    (body,) = posts(sandbox)
    assert body["model"] == "grok-4.3"
    assert (body["temperature"], body["max_completion_tokens"]) == (0.5, 9)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    cell = kernel.run("%%grok --defer --dry-run\nhi")
    assert "It would be deferred" in cell.shown[-1]
    assert len(posts(sandbox)) == 1
    cell = kernel.run("%%grok --defer -t 3\nhi")
    assert cell.error["ename"] == "OptionError"
    break_it(sandbox, {"match": "POST /v1/chat", "do": "400"})
    assert kernel.run("%%grok --defer\nho").error["ename"] == "BadRequest"


def test_its_details_come_with_it(kernel, sandbox, slow):
    cell = kernel.start("%%grok --defer -v\nWhat is 6*7?", watched=True, cell_id="c1")
    cell.wait()
    assert "details come with it" in cell.shown[-1]
    details = filled(kernel, cell, "response id", which=1)["text/plain"]
    (bill,) = bills(sandbox)
    assert bill["response_id"] in details
    assert "42" in filled(kernel, cell, "42")["text/html"]


#: The portal of those who run what they are given to its end before they return.
AT_ONCE = """
import grok_nb.deferring as deferring
from grok_nb.portal import portal
class AtOnce:
    def submit(self, make):
        return portal().call(lambda: make(None))
deferring.portal = AtOnce
"""


def test_an_answer_before_anything_was_shown_is_shown(kernel, sandbox):
    assert not kernel.run(AT_ONCE).of("error")
    cell = kernel.start("%%grok --defer -v\nWhat is 6*7?", watched=True, cell_id="c1")
    cell.wait()
    assert not cell.of("error"), cell.error
    assert "42" in filled(kernel, cell, "42")["text/html"]
    assert filled(kernel, cell, "response id", which=1)
    kernel.run(PICKY)
    failing = "%%grok --defer --schema Picky\nAge: 36"
    cell = kernel.start(failing, watched=True, cell_id="c2").wait()
    assert not cell.of("error"), cell.error
    assert filled(kernel, cell, "SchemaMismatch")


def test_two_kernels_wait_for_one_answer(new_kernel, sandbox, slow):
    settings = {"XAI_BASE_URL": sandbox.base_url, "XAI_API_KEY": sandbox.key}
    code = "%%grok --defer -o r\nWhat is 6*7?"
    both = [new_kernel(**settings), new_kernel(**settings)]
    for kernel in both:
        kernel.run("%load_ext grok_nb")
        assert not kernel.run(code, cell_id="c1").of("error")
    texts = [kernel.value("r.result(60).text") for kernel in both]
    assert "42" in texts[0]
    assert texts[0] == texts[1]
    assert len(posts(sandbox)) == len(bills(sandbox)) == 1
    states = both[0].value(f"{USAGE}[['state', 'cached']].values.tolist()")
    assert states[0] == ["done", False]
    assert all(cached for _, cached in states[1:])


def test_without_a_key_nothing_is_deferred(new_kernel, sandbox):
    bare = new_kernel(XAI_BASE_URL=sandbox.base_url)
    bare.run("%load_ext grok_nb")
    cell = bare.run("%%grok --defer -o r\nhi")
    assert cell.error["ename"] == "ConfigError"
    assert "%grok_key" in "".join(cell.error["traceback"])
    assert requests(sandbox) == []
    assert bare.run("r").error["ename"] == "NameError"
