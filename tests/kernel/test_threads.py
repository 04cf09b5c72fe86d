"""Threads in a real kernel: what cells send of earlier turns, and what is kept."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, break_it, eventually, requests

GN = "__import__('grok_nb')"
STATES = "[(t.prompt, t.state, t.stale) for t in {thread}.turns]"


@pytest.fixture
def sandbox():
    with Sandbox(tokens_per_s=400) as server:
        yield server


def sent(sandbox):
    """The user's and system's texts of each question, in order."""
    return [
        [m["content"] for m in r["body"]["messages"] if m["role"] != "assistant"]
        for r in requests(sandbox)
        if r["method"] == "POST"
    ]


def ask(kernel, text, options="-c", *, cell_id=None, watched=False):
    cell = kernel.run(f"%%grok {options}\n{text}", cell_id=cell_id, watched=watched)
    assert not cell.of("error"), cell.error["traceback"]
    return cell


def thread(kernel, name="main"):
    return kernel.value(STATES.format(thread=f"{GN}.Thread({name!r})"))


@pytest.mark.parametrize("watched", [True, False])
def test_cells_of_a_thread_send_what_was_said_before(kernel, sandbox, watched):
    first = ask(kernel, "What is 6*7?", cell_id="a", watched=watched)
    ask(kernel, "And 6*8?", "--chat -o r", cell_id="b", watched=watched)
    ask(kernel, "Alone", "", cell_id="c", watched=watched)
    last, alone = [r["body"] for r in requests(sandbox) if r["method"] == "POST"][1:]
    assert last["messages"] == [
        {"role": "user", "content": "What is 6*7?"},
        {"role": "assistant", "content": first.shown[-1]},
        {"role": "user", "content": "And 6*8?"},
    ]
    assert alone["messages"] == [{"role": "user", "content": "Alone"}]
    assert kernel.value("r.thread") == "main"
    rows = kernel.value(f"{GN}.usage()[['thread', 'cell_id']].values.tolist()[:2]")
    assert rows == [["main", "a"], ["main", "b"]]
    assert kernel.value(f"{GN}.usage()['thread'].isna().tolist()") == [0, 0, 1]


def test_named_threads_do_not_mix(kernel, sandbox):
    for options, text in (
        ("-c one", "a"),
        ("--chat=two", "b"),
        ('-c "one"', "c"),
        ("-c -t 0.5", "d"),
    ):
        ask(kernel, text, options)
    assert sent(sandbox) == [["a"], ["b"], ["a", "c"], ["d"]]


def test_a_cell_that_runs_again_replaces_its_turn(kernel, sandbox):
    for text in ("one", "two", "three"):
        ask(kernel, text, cell_id=text)
    ask(kernel, "ONE", cell_id="one")
    assert sent(sandbox)[-1] == ["ONE"]
    assert thread(kernel) == [
        ("ONE", "done", False),
        ("two", "done", True),
        ("three", "done", True),
    ]
    ask(kernel, "two", cell_id="two")
    assert sent(sandbox)[-1] == ["ONE", "two"]
    assert [stale for *_, stale in thread(kernel)] == [False, False, True]
    ask(kernel, "four", cell_id="four")  # what the transcript shows is what is sent
    assert sent(sandbox)[-1] == ["ONE", "two", "three", "four"]
    ask(kernel, "three", cell_id="three")
    assert sent(sandbox)[-1] == ["ONE", "two", "three"]
    assert [stale for *_, stale in thread(kernel)] == [False, False, False, True]
    shown = kernel.run(f"{GN}.Thread()").shown[-1]
    assert "Thread main: 4 turns, 1 stale" in shown
    assert shown.index("You: ONE") < shown.index("You (stale: a turn before")


def test_without_cell_ids_the_text_is_the_identity(kernel, sandbox):
    for text in ("one", "two", "one"):
        ask(kernel, text)
    assert sent(sandbox) == [["one"], ["one", "two"], ["one"]]
    assert thread(kernel) == [("one", "done", False), ("two", "done", True)]


def test_a_cell_that_asks_in_a_loop_has_as_many_turns(kernel, sandbox):
    code = (
        "for text in ('one', 'two', 'three'):\n"
        "    get_ipython().run_cell_magic('grok', '-c', text)"
    )
    for _ in range(2):
        assert not kernel.run(code, cell_id="a").of("error")
        assert sent(sandbox)[-1] == ["one", "two", "three"]
        assert [stale for *_, stale in thread(kernel)] == [False] * 3


def test_in_a_terminal_each_input_is_a_new_turn(sandbox, tmp_path):
    code = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell\n"
        "shell = TerminalInteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'grok_nb')\n"
        "for _ in range(3):\n"
        "    shell.run_cell('%%grok -c\\nGo on').raise_error()"
    )
    where = {"XAI_BASE_URL": sandbox.base_url, "XAI_API_KEY": sandbox.key}
    where |= {"GROK_NB_STORE": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    subprocess.run([sys.executable, "-c", code], env=os.environ | where, check=True)
    assert sent(sandbox) == [["Go on"], ["Go on"] * 2, ["Go on"] * 3]


def test_fresh_begins_the_thread_anew(kernel, sandbox):
    ask(kernel, "one", cell_id="a")
    ask(kernel, "two", "-c --fresh", cell_id="b")
    ask(kernel, "three", cell_id="c")
    assert sent(sandbox) == [["one"], ["two"], ["two", "three"]]
    ask(kernel, "two", "-c --fresh", cell_id="b")
    assert sent(sandbox)[-1] == ["two"]
    assert thread(kernel) == [("two", "done", False)]


def test_fresh_that_fails_leaves_the_thread_as_it_was(kernel, sandbox):
    ask(kernel, "one", cell_id="a")
    break_it(sandbox, {"match": "POST /v1/chat", "do": "400"})
    assert kernel.run("%%grok -c --fresh\ntwo", cell_id="b").of("error")
    assert thread(kernel) == [("one", "done", False)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--fresh", "-c [NAME] --fresh"),
        ("-c ''", "no name of a thread"),
        ("-c a b", "Unexpected text"),
        ("--chatt a", "Did you mean --chat?"),
    ],
)
def test_wrong_options_send_nothing(kernel, sandbox, options, words):
    cell = kernel.run(f"%%grok {options}\nhi")
    assert cell.error["ename"].endswith("OptionError")
    assert words in "".join(cell.error["traceback"])
    assert requests(sandbox) == []


def test_the_system_prompt_holds_from_where_it_is_given(kernel, sandbox):
    ask(kernel, "one", "-c -s Short.", cell_id="a")
    ask(kernel, "two", cell_id="b")
    ask(kernel, "three", "-c -s Long.", cell_id="c")
    ask(kernel, "four", cell_id="d")
    ask(kernel, "five", "-c -s ''", cell_id="e")
    ask(kernel, "six", cell_id="f")
    ask(kernel, "two", cell_id="b")
    assert sent(sandbox) == [
        ["Short.", "one"],
        ["Short.", "one", "two"],
        ["Long.", "one", "two", "three"],
        ["Long.", "one", "two", "three", "four"],
        ["one", "two", "three", "four", "five"],
        ["one", "two", "three", "four", "five", "six"],
        ["Short.", "one", "two"],
    ]


def test_python_takes_part_in_the_same_thread(kernel, sandbox):
    ask(kernel, "one", "-c talk", cell_id="a")
    kernel.run(f"t = {GN}.Thread('talk'); r = t.ask('two')", cell_id="b")
    ask(kernel, "three", "-c talk", cell_id="c")
    assert sent(sandbox)[-1] == ["one", "two", "three"]
    assert kernel.value("r.thread") == "talk"
    kernel.run("async_reply = await t.aask('four')")
    kernel.run("for event in t.stream('five'): pass")
    assert sent(sandbox)[-1] == ["one", "two", "three", "four", "five"]
    assert kernel.value("repr(t)") == "<Thread talk: 5 turns>"
    rows = kernel.value(f"{GN}.usage()[['thread', 'source']].values.tolist()")
    assert rows == [
        ["talk", source] for source in ["magic", "api", "magic", "api", "api"]
    ]


def test_fork_undo_save_and_load(kernel, sandbox, tmp_path):
    for text in ("one", "two", "three"):
        ask(kernel, text, cell_id=text)
    kernel.run(f"t = {GN}.Thread(); other = t.fork('other', 2); t.save('t.json')")
    ask(kernel, "four", "-c other", cell_id="four")
    assert sent(sandbox)[-1] == ["one", "two", "four"]
    ask(kernel, "TWO", "-c other", cell_id="two")  # the copy keeps who asked what
    assert sent(sandbox)[-1] == ["one", "TWO"]
    assert thread(kernel)[1] == ("two", "done", False)
    kernel.run("gone = t.undo()")
    assert kernel.value("gone.prompt") == "three"
    ask(kernel, "five", cell_id="five")
    assert sent(sandbox)[-1] == ["one", "two", "five"]
    kernel.run(f"back = {GN}.Thread.load('t.json', name='back')")
    ask(kernel, "six", "-c back", cell_id="six")
    assert sent(sandbox)[-1] == ["one", "two", "three", "six"]


def test_a_thread_survives_a_restart(new_kernel, sandbox, tmp_path):
    where = {"XAI_BASE_URL": sandbox.base_url, "XAI_API_KEY": sandbox.key}
    kernel = new_kernel(**where)
    kernel.run("%load_ext grok_nb")
    ask(kernel, "one", "-c -s Short.", cell_id="a")
    ask(kernel, "two", cell_id="b")
    kernel.manager.shutdown_kernel(now=True)
    kernel = new_kernel(**where)
    kernel.run("%load_ext grok_nb")
    ask(kernel, "two", cell_id="b")
    ask(kernel, "three", cell_id="c")
    assert sent(sandbox)[2] == ["Short.", "one", "two"]
    assert sent(sandbox)[3] == ["Short.", "one", "two", "three"]
    assert len(thread(kernel)) == 3


def test_notebooks_do_not_share_threads(new_kernel, sandbox, tmp_path):
    where = {"XAI_BASE_URL": sandbox.base_url, "XAI_API_KEY": sandbox.key}
    one, two = (
        new_kernel(**where, JPY_SESSION_NAME=str(tmp_path / folder / "talk.ipynb"))
        for folder in ("a", "b")
    )
    for kernel in (one, two):
        kernel.run("%load_ext grok_nb")
    ask(one, "one", cell_id="a")
    ask(two, "two", cell_id="a")
    assert sent(sandbox) == [["one"], ["two"]]
    assert thread(one) == [("one", "done", False)]
    elsewhere = f"{GN}.Thread(notebook='a/talk.ipynb')"
    assert two.value(STATES.format(thread=elsewhere)) == [("one", "done", False)]
    assert two.value(f"{GN}.usage()['notebook'].tolist()") == ["talk.ipynb"] * 2
    one.run("%cd /")
    assert thread(one) == [("one", "done", False)]


@pytest.mark.parametrize("options", ["", "--no-stream"])
def test_interrupt_without_text_leaves_no_turn(kernel, sandbox, options):
    ask(kernel, "one", cell_id="a")
    ask(kernel, "two", cell_id="b")
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall", "after": 0})
    cell = kernel.start(f"%%grok -c {options}\nONE", cell_id="a", watched=True)
    eventually(lambda: len(sent(sandbox)) == 3)
    kernel.interrupt()
    assert cell.wait().error["ename"] == "KeyboardInterrupt"
    assert thread(kernel) == [("one", "done", False), ("two", "done", False)]


@pytest.mark.parametrize("signals", [1, 2])
def test_interrupt_keeps_the_text_as_a_turn(kernel, sandbox, tmp_path, signals):
    ask(kernel, "one", cell_id="a")
    cell = kernel.start("%%grok -c -o r\nCount to 2000", cell_id="b", watched=True)
    cell.wait(lambda c: any("12, 13" in shown for shown in c.shown))
    for _ in range(signals):
        kernel.interrupt()
    assert cell.wait().error["ename"] == "KeyboardInterrupt"
    eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert kernel.value("(r.state, r.thread)") == ("stopped", "main")
    assert thread(kernel)[1] == ("Count to 2000", "stopped", False)
    ask(kernel, "Go on", cell_id="c")
    (*_, last) = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    kept = last["messages"][3]
    assert kept == {
        "role": "assistant",
        "content": kernel.value("r.text") + "\n\n[stopped]",
    }
    assert last["messages"][4] == {"role": "user", "content": "Go on"}


def test_turn_is_in_the_file_when_the_cell_has_ended(kernel, sandbox, tmp_path):
    ask(kernel, "one", cell_id="a")
    path = tmp_path / "store" / "grok_nb.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        ((content,),) = connection.execute("SELECT content FROM turns")
    connection.close()
    assert json.loads(content)["asked"] == {"role": "user", "content": "one"}


def test_a_broken_stream_keeps_its_text_marked(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "nth": 1, "do": "cut-stream"})
    cell = kernel.run("%%grok -c\nCount to 300", cell_id="a", watched=True)
    assert cell.error["ename"] == "StreamError"
    assert thread(kernel) == [("Count to 300", "failed", False)]
    ask(kernel, "two", cell_id="b")
    (*_, last) = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    assert last["messages"][1]["content"] == cell.shown[-1]
    assert cell.shown[-1].endswith("[broken off]")


def test_threads_are_listed(kernel, sandbox):
    assert kernel.run("found = %grok_threads\nlen(found)").shown[-1] == "0"
    ask(kernel, "one", cell_id="a")
    ask(kernel, "two", "-c other", cell_id="b")
    ask(kernel, "three", cell_id="c")
    ask(kernel, "one", cell_id="a")
    cell = kernel.run("found = %grok_threads\nfound")
    assert "gn.Thread(NAME).delete() deletes it" in cell.shown[0]
    assert list(kernel.value("dict(found.dtypes.astype(str))")) == [
        *("name", "turns", "stale", "tokens", "cost_usd", "last_used")
    ]
    rows = kernel.value("found[['name', 'turns', 'stale']].values.tolist()")
    assert rows == [["main", 2, 1], ["other", 1, 0]]
    assert kernel.value("bool((found.tokens > 0).all() and (found.cost_usd > 0).all())")
    kernel.run(f"{GN}.Thread('other').delete()")
    assert kernel.value("get_ipython().run_line_magic('grok_threads', '').name[0]")
    assert len(kernel.value(f"{GN}.frames.tables.threads().name.tolist()")) == 1


def test_threads_that_are_not_kept_say_so(new_kernel, sandbox, tmp_path):
    kernel = new_kernel(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=sandbox.key)
    kernel.run(f"%load_ext grok_nb\n{GN}.configure(keep_text=False)")
    said = "in memory only, until this kernel ends: keep_text is off"
    assert said in ask(kernel, "one", cell_id="a").shown[0]
    assert len(ask(kernel, "planted-secret", cell_id="b").shown) == 1
    kernel.run(f"{GN}.configure(model='grok-4.3')")  # another session, the same threads
    ask(kernel, "three", cell_id="c")
    assert sent(sandbox)[-1] == ["one", "planted-secret", "three"]
    assert "in memory only: keep_text is off" in kernel.value(f"repr({GN}.Thread())")
    assert said in kernel.run("%grok_threads").shown[0]
    assert kernel.value(f"{GN}.usage()['thread'].tolist()") == ["main"] * 3
    for path in (tmp_path / "store").iterdir():
        assert b"planted-secret" not in path.read_bytes()


def test_prompts_are_safe_in_the_transcript(kernel, sandbox):
    ask(kernel, "<script>alert(1)</script> ![](http://evil.invalid/x.png)", "-R -c")
    (html,) = kernel.run(f"{GN}.Thread()").html
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_dry_run_takes_no_turn(kernel, sandbox):
    code = (
        "for options in ('-c --dry-run', '-c'):\n"
        "    get_ipython().run_cell_magic('grok', options, 'one')"
    )
    kernel.run(code, cell_id="a")
    assert not kernel.run("%%grok -c\ntwo", cell_id="a").of("error")
    # the same cell's first question again
    assert sent(sandbox) == [["one"], ["two"]]
