"""Stop that stops: the request ends at the server, and what came is kept."""

import json
import sqlite3

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, break_it, eventually, requests, window

USAGE = "__import__('grok_nb').usage()"
#: A second signal may come when our code has ended, and hits ipykernel itself, which then
#: loses the cell's answer; or before the first one's handling has begun to ignore it.
MOST_TRIES = 4
FRESH_LEDGER = "import os; os.environ['GROK_NB_STORE'] += '_again'"


@pytest.fixture
def sandbox():
    with Sandbox(tokens_per_s=100) as server:
        yield server


def is_closed_early(sandbox) -> bool:
    try:
        eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    except AssertionError:
        return False
    return True


def shows(text):
    return lambda cell: any(text in shown for shown in cell.shown)


#: moment -> (options, prompt, fault, what is on screen then, the row, the turns)
MOMENTS = {
    "first byte": (
        "",
        "hi",
        {"do": "stall", "after": 0},
        "",
        ["stopped", "estimated"],
        [],
    ),
    "reasoning": (
        "-r xhigh",
        "Count to 2000",
        None,
        "<summary>Reasoning",
        ["stopped", "estimated"],
        [],
    ),
    "text": (
        "",
        "Count to 2000",
        None,
        "12, 13",
        ["stopped", "estimated"],
        ["Count to 2000"],
    ),
    "retry wait": (
        "",
        "hi",
        {"do": "503", "retry_after": 300},
        "Trying again in",
        ["failed", "none"],
        [],
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_moment_leaves_its_row_and_its_turn(kernel, sandbox, moment):
    """In a function and in a server's search: test_functions, test_searching."""
    options, prompt, fault, screen, row, turns = MOMENTS[moment]
    kernel.run("%%grok -c talk -q\nWhat is 6*7?", cell_id="a")
    if fault:
        break_it(sandbox, {"match": "POST /v1/chat", "nth": 1, **fault})
    cell = kernel.start(
        f"%%grok -c talk -o r {options}\n{prompt}", watched=True, cell_id="b"
    )
    eventually(lambda: [r["method"] for r in requests(sandbox)].count("POST") == 2)
    if screen:
        cell.wait(lambda c: any(screen in html for html in c.html))
    kernel.interrupt()
    assert cell.wait().error["ename"] == "KeyboardInterrupt"
    rows = kernel.value(f"{USAGE}[['state', 'cost_source']].values.tolist()")
    assert rows == [["done", "reported"], row]
    asked = "__import__('grok_nb').Thread('talk').turns"
    assert kernel.value(f"[(t.asked['content'], t.state) for t in {asked}]") == [
        ("What is 6*7?", "done"),
        *((asked, "stopped") for asked in turns),
    ]
    assert kernel.value("r.state") == "stopped"  # an attempt failed, the reply did not
    assert not kernel.run("%%grok -c talk\nGo on", cell_id="c").of("error")
    said = [m["content"] for m in requests(sandbox)[-1]["body"]["messages"]]
    text = kernel.value("r.text")
    kept = [prompt, f"{text}\n\n[stopped]"] if turns else []
    assert said[:1] + said[2:] == ["What is 6*7?", *kept, "Go on"]


@pytest.mark.parametrize("signals", [1, 2])
def test_interrupt_ends_a_stream_and_keeps_its_text(kernel, sandbox, signals):
    for _ in range(MOST_TRIES if signals > 1 else 1):
        cell = kernel.start("%%grok -o r\nCount to 2000", watched=True)
        following = kernel.start("print('ran')")
        cell.wait(shows("12, 13"))
        for _ in range(signals):
            kernel.interrupt()
        cell.wait()
        if cell.of("error") and (signals == 1 or is_closed_early(sandbox)):
            break
        window(sandbox, "ledger", "DELETE")
        kernel.run(FRESH_LEDGER)

    assert cell.error["ename"] == "KeyboardInterrupt"
    assert following.reply["status"] == "aborted"
    following.wait()
    assert not following.stdout

    text = kernel.value("r.text")
    assert "12, 13" in text
    assert "2000" not in text
    assert kernel.value("r.state") == "stopped"
    assert cell.shown[-1] == text + "\n\n[stopped]"
    assert "stopped" in cell.html[-1]

    (bill,) = eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert bill["billed"] is True
    # Count to 2000 takes 4000 tokens: it generated only a part
    assert 0 < bill["usage"]["completion_tokens"] < 3000
    columns = "['state', 'cost_source', 'request_id']"
    assert kernel.value(f"{USAGE}[{columns}].values.tolist()") == [
        ["stopped", "estimated", bill["request_id"]]
    ]
    assert kernel.value("r.cost_source") == "estimated"
    assert not kernel.run("%%grok -q\nhi", watched=True).of("error")


def test_interrupt_works_before_the_first_byte(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall", "after": 0})
    cell = kernel.start("%%grok -o r\nhi", watched=True)
    eventually(lambda: [r for r in requests(sandbox) if r["method"] == "POST"])
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    assert kernel.value("(r.state, r.text)") == ("stopped", "")
    assert kernel.value(f"{USAGE}['state'].tolist()") == ["stopped"]
    (bill,) = eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert bill["usage"]["completion_tokens"] == 0


def test_interrupt_works_in_reasoning(kernel, sandbox):
    cell = kernel.start("%%grok -o r -r xhigh\nCount to 2000", watched=True)
    cell.wait(lambda c: any("<summary>Reasoning" in html for html in c.html))
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    assert kernel.value("(r.state, r.text)") == ("stopped", "")
    assert kernel.value("r.reasoning")
    eventually(lambda: bills(sandbox)[0]["closed_early"])


def test_interrupt_works_in_a_retry_wait(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "503", "retry_after": 300})
    cell = kernel.start("%%grok\nhi", watched=True)
    cell.wait(lambda c: any("Trying again in" in html for html in c.html))
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    assert len([r for r in requests(sandbox) if r["method"] == "POST"]) == 1
    columns = "['state', 'http_status', 'cost_usd']"
    assert kernel.value(f"{USAGE}[{columns}].values.tolist()") == [["failed", 503, 0.0]]


@pytest.mark.parametrize(
    "code", ["%grok Count to 2000", "import grok_nb; grok_nb.ask('x')"]
)
def test_interrupt_ends_a_request_without_stream(kernel, sandbox, code):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall"})
    cell = kernel.start(code, watched=True)
    eventually(lambda: [r for r in requests(sandbox) if r["method"] == "POST"])
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert kernel.value(f"{USAGE}['state'].tolist()") == ["stopped"]


@pytest.mark.parametrize(
    "code",
    [
        "%%grok -c -o r --no-stream --schema Picky\nAge: 36",
        "%%grok -c -o r --stream --schema Picky\nAge: 36",
        "%grok -o r --schema Picky Age: 36",
    ],
)
def test_interrupt_of_a_repair_keeps_the_reply_that_was_paid_for(kernel, sandbox, code):
    kernel.run(
        "from pydantic import AfterValidator, BaseModel\n"
        "from typing import Annotated\n"
        "def no(age): raise ValueError('not that')\n"
        "class Picky(BaseModel):\n    age: Annotated[int, AfterValidator(no)]"
    )
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall", "nth": 2})
    cell = kernel.start(code, watched=True)
    eventually(lambda: [r["method"] for r in requests(sandbox)].count("POST") == 2)
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    state, text, source = kernel.value("(r.state, r.text, r.cost_source)")
    assert (state, json.loads(text), source) == ("stopped", {"age": 36}, "reported")
    if "-c" in code:
        turns = "__import__('grok_nb').Thread().turns"
        (turn,) = kernel.value(f"[(t.state, t.reply.text) for t in {turns}]")
        assert turn == ("stopped", text)
        assert text in cell.shown[-1]


@pytest.mark.parametrize("code", ["%%grok -o r --no-stream\nhi", "%grok -o r hi"])
def test_interrupt_without_stream_binds_a_stopped_reply(kernel, sandbox, code):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall"})
    cell = kernel.start(code, watched=True)
    eventually(lambda: [r for r in requests(sandbox) if r["method"] == "POST"])
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    assert kernel.value("(r.state, r.text)") == ("stopped", "")


def test_stop_of_a_python_stream_closes_the_request(kernel, sandbox):
    code = (
        "import grok_nb as gn\n"
        "with gn.stream('Count to 2000') as stream:\n"
        "    for event in stream:\n"
        "        if '12' in event.reply.text:\n"
        "            break\n"
        "print(stream.reply.state)"
    )
    cell = kernel.run(code)
    assert cell.stdout == "stopped\n"
    eventually(lambda: bills(sandbox)[0]["closed_early"])


def test_shutdown_ends_the_request_and_writes_its_row(new_kernel, sandbox, tmp_path):
    kernel = new_kernel(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=sandbox.key)
    kernel.run("%load_ext grok_nb")
    kernel.start("%%grok\nCount to 2000", watched=True).wait(shows("12, 13"))
    kernel.manager.shutdown_kernel()
    (bill,) = eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    connection = sqlite3.connect(tmp_path / "store" / "grok_nb.sqlite")
    rows = connection.execute("SELECT state, cost_source, request_id FROM calls")
    assert rows.fetchall() == [("stopped", "estimated", bill["request_id"])]
    connection.close()


@pytest.mark.parametrize(
    "begin",
    [
        "for event in gn.stream('Count to 2000'):",
        "with gn.stream('Count to 2000') as stream:\n  for event in stream:",
    ],
)
def test_interrupt_in_the_users_own_loop_ends_the_request(kernel, sandbox, begin):
    """Not while waiting for an event, but while the cell works on one."""
    cell = kernel.run(
        f"import signal, grok_nb as gn\n{begin}\n"
        "    if ' 12,' in event.reply.text: signal.raise_signal(signal.SIGINT)"
    )
    assert cell.error["ename"] == "KeyboardInterrupt"
    (bill,) = eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert kernel.value(f"{USAGE}[['state', 'request_id']].values.tolist()") == [
        ["stopped", bill["request_id"]]
    ]
