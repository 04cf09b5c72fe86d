"""``%%grok`` in a real kernel: what is sent, shown, bound, and how errors look."""

import pytest

from tests.support import bills, break_it, eventually, requests, window

ERRORS = {
    "%%grok --modle x\nhi": ("OptionError", "Did you mean --model?"),
    "%%grok -t hot\nhi": ("OptionError", "-t needs a number"),
    "%%grok -t 3\nhi": ("OptionError", "--temperature must be from 0 to 2"),
    "%%grok --max-tokens 0\nhi": ("OptionError", "--max-tokens must be at least 1"),
    "%%grok -o 1x\nhi": ("OptionError", "name of a variable"),
    "%%grok hello\nhi": ("OptionError", "Unexpected text"),
    "%%grok\n\n": ("OptionError", "nothing to ask"),
    "%%grok\n{{nowhere}}": ("OptionError", "no variable 'nowhere'"),
    "%%grok -s @nowhere.txt\nhi": ("OptionError", "cannot be read"),
    "%grok": ("OptionError", "nothing to ask"),
    "%grok_sandbox maybe": ("OptionError", "on, off or status"),
}


def test_cell_streams_where_somebody_looks(kernel, sandbox):
    cell = kernel.run("%%grok -o r\nCount to 300", watched=True)
    assert cell.of("display_data")
    assert cell.of("update_display_data")
    assert not cell.of("stream", "error", "execute_result")
    assert cell.shown[-1] == kernel.value("r.text")
    assert "300" in cell.shown[-1]
    (request,) = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert request["body"]["stream"] is True
    assert request["body"]["stream_options"] == {"include_usage": True}


def test_cell_shows_once_where_nobody_looks(kernel, sandbox):
    cell = kernel.run("%%grok -o r\nCount to 300")
    assert [m["msg_type"] for m in cell.messages] == [
        "status",
        "execute_input",
        "display_data",
        "status",
    ]
    assert cell.shown == [kernel.value("r.text")]
    (request,) = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert set(request["body"]) == {"model", "messages"}


def test_stream_options_rule_over_who_looks(kernel, sandbox):
    kernel.run("%%grok --no-stream\nhi", watched=True)
    kernel.run("%%grok --stream\nhi")
    sent = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    assert ["stream" in body for body in sent] == [False, True]


def test_options_are_sent_and_nothing_else(kernel, sandbox):
    kernel.run("name = 'Ada'")
    cell = kernel.run(
        '%%grok -m grok-4.20-non-reasoning -s "Be {{name}}." -t 0.5 --max-tokens=9 '
        "--top-p 0.9 --seed 3 --stop END -n 2\nHi {{name}}, {x} ${y} \\frac{1}{2}"
    )
    assert not cell.of("error")
    (request,) = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert request["body"] == {
        "model": "grok-4.20-non-reasoning",
        "messages": [
            {"role": "system", "content": "Be Ada."},
            {"role": "user", "content": "Hi Ada, {x} ${y} \\frac{1}{2}"},
        ],
        "temperature": 0.5,
        "max_completion_tokens": 9,
        "top_p": 0.9,
        "seed": 3,
        "stop": "END",
        "n": 2,
    }


@pytest.mark.parametrize(
    "body",
    [
        '{"a": {{}}, "b": "{{ x }}"}',
        "f'{x!r:>10}' {% if x %} {{x}} \\{{x}} {{ f(x) }}",
        "\\begin{align} a_{1}^{2} &= \\$5 \\\\ \\end{align}",
        "rm -rf ~; `ls` $(id) > /dev/null && !x ?",
        "emoji 🧪🇨🇭 rtl שלום العربية zero\u200bwidth",
        "trailing spaces  \n\ttabs\n\n\nblank lines",
        "quotes ''' \"\"\" \\' \\\" and a backslash at the end \\",
        "%%grok inside\n%magic\n!ls\n?help",
        "x" * 1_000_000,
    ],
)
def test_raw_body_travels_byte_for_byte(kernel, sandbox, body):
    cell = kernel.run(f"%%grok --raw -q\n{body}")
    assert not cell.of("error"), cell.error
    (request,) = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert request["body"]["messages"][-1]["content"] == body


def test_line_takes_everything_verbatim(kernel, sandbox):
    cell = kernel.run('%grok -m grok-4.3 What\'s "up" with $HOME, {x} and 1 > 0?')
    assert not cell.of("error")
    (request,) = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert request["body"] == {
        "model": "grok-4.3",
        "messages": [
            {"role": "user", "content": 'What\'s "up" with $HOME, {x} and 1 > 0?'}
        ],
    }
    assert [m["msg_type"] for m in cell.messages if m["msg_type"] != "status"] == [
        "execute_input",
        "execute_result",
    ]


def test_line_assigns_its_reply(kernel):
    cell = kernel.run("reply = %grok What is 6*7?")
    assert not cell.of("error", "display_data", "execute_result")
    assert "42" in kernel.value("str(reply)")
    assert kernel.value("reply.state") == "done"


def test_quiet_shows_nothing(kernel):
    cell = kernel.run("%%grok -q -o r\nhi", watched=True)
    assert not cell.of("display_data", "update_display_data", "stream")
    assert kernel.value("r.state") == "done"


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: code.replace("\n", "|"))
def test_wrong_options_send_nothing_and_stop_run_all(kernel, sandbox, code):
    kind, text = ERRORS[code]
    cell, following = kernel.start_all(code, "print('ran')")
    cell.wait()
    assert cell.error["ename"].endswith(kind)
    assert len(cell.error["traceback"]) <= 2
    assert text in "".join(cell.error["traceback"])
    assert following.reply["status"] == "aborted"
    assert requests(sandbox) == []


def test_failed_call_stops_run_all(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "cut-stream", "after": 60})
    cell, following = kernel.start_all(
        "%%grok --stream\nCount to 100", "print('ran')", watched=True
    )
    cell.wait()
    assert cell.error["ename"] == "StreamError"
    assert following.reply["status"] == "aborted"


def test_partial_reply_of_a_broken_stream_is_kept(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "cut-stream"})
    cell = kernel.run("%%grok -o r\nCount to 300", watched=True)
    assert cell.error["ename"] == "StreamError"
    assert kernel.value("r.state") == "failed"
    assert "100" in kernel.value("r.text")
    assert cell.shown[-1] == kernel.value("r.text") + "\n\n[broken off]"
    row = kernel.value(
        "__import__('grok_nb').usage()[['state', 'cost_source']].values.tolist()"
    )
    assert row == [["failed", "estimated"]]


def test_no_key_shows_the_card_once_and_stops(new_kernel):
    kernel = new_kernel()
    kernel.run("%load_ext grok_nb")
    first, second = kernel.run("%%grok\nhi"), kernel.run("%%grok\nhi")
    assert "XAI_API_KEY" in first.shown[0]
    assert "%grok_sandbox on" in first.shown[0]
    assert second.shown == []
    assert [c.error["ename"] for c in (first, second)] == ["ConfigError"] * 2


def test_magics_turn_the_sandbox_on_and_off(new_kernel):
    kernel = new_kernel()
    kernel.run("%load_ext grok_nb")
    assert "is off" in kernel.run("%grok_sandbox").shown[0]
    assert "is on" in kernel.run("%grok_sandbox on").shown[0]
    cell = kernel.run("%%grok -o r\nWhat is 6*7?")
    assert "42" in cell.shown[0]
    assert "sandbox, not Grok" in cell.html[0]
    assert kernel.value("r.sandbox") is True
    assert "is off" in kernel.run("%grok_sandbox off").shown[0]
    assert kernel.run("%%grok\nhi").error["ename"] == "ConfigError"


def test_retry_is_visible(kernel, sandbox):
    break_it(
        sandbox, {"match": "POST /v1/chat", "nth": 1, "do": "503", "retry_after": 1}
    )
    cell = kernel.run("%%grok\nhi", watched=True)
    assert any("Trying again in" in html for html in cell.html)
    assert "Trying again" not in cell.html[-1]
    assert not cell.of("error")
    assert [b["status"] for b in bills(sandbox)] == [503, 200]


def test_reasoning_effort_is_sent_and_reasoning_is_folded(kernel, sandbox):
    for option in ("-r low", "--reasoning=xhigh"):
        cell = kernel.run(f"%%grok -m grok-4.7 -o r {option}\nWhat is 6*7?")
        assert not cell.of("error")
    sent = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    assert [body["reasoning_effort"] for body in sent] == ["low", "xhigh"]
    assert '<details class="grok-nb-reasoning"' in cell.html[-1]
    assert kernel.value("r.reasoning") not in cell.shown[-1]
    tokens = kernel.value("r.usage.reasoning_tokens")
    assert f"({tokens} reasoning)" in cell.html[-1]
    none = kernel.run("%%grok -m grok-4.20-0309-non-reasoning -r low\nhi")
    assert "-r" in "".join(none.error["traceback"]).replace("--reasoning", "-r")
    assert len(requests(sandbox)) == 2


def test_unload_takes_the_magics_away(kernel):
    kernel.run("%unload_ext grok_nb")
    cell = kernel.run("%grok hi")
    assert "`%grok` not found" in cell.stdout or cell.of("error")
    kernel.run("%load_ext grok_nb")
    assert not kernel.run("%grok hi").of("error")


def test_help_is_complete(kernel):
    shown = kernel.run("%%grok -h\nhi").shown[0]
    for option in ("--model", "--system", "--out", "--quiet", "--raw", "--no-stream"):
        assert option in shown
    pages = kernel.start("%grok?").reply["payload"]
    assert "--model" in pages[0]["data"]["text/plain"]


def test_a_cell_without_a_body_is_ours(kernel, sandbox, tmp_path):
    for line in ("%%grok -h", "\n%%grok  --help"):
        assert "What is asked" in kernel.run(line).shown[0]
    assert "--raw" in kernel.run("%grok_tokens -h").shown[0]
    cell = kernel.run("%%grok")
    assert "There is nothing to ask." in cell.error["evalue"]
    assert requests(sandbox) == []
    (tmp_path / "a.txt").write_text("only this")
    assert not kernel.run(f"%%grok -a {tmp_path}/a.txt").of("error")
    (body,) = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    (part,) = body["messages"][0]["content"]
    assert "only this" in part["text"]
    # IPython's own are left alone
    assert "cell body is empty" in kernel.run("%%time").stdout
    kernel.run("%unload_ext grok_nb")
    count = "len(get_ipython().input_transformers_cleanup)"
    without = kernel.value(count)
    kernel.run("%load_ext grok_nb")
    kernel.run("%reload_ext grok_nb")
    assert kernel.value(count) == without + 1


def test_ledger_row_names_source_and_cell(kernel, sandbox):
    kernel.run("%%grok -q\nhi")
    kernel.run("import grok_nb as gn; _ = gn.ask('hi')")
    assert kernel.value("gn.usage()['source'].tolist()") == ["magic", "api"]
    eventually(lambda: len(bills(sandbox)) == 2)
    window(sandbox, "ledger", "DELETE")
    assert bills(sandbox) == []
