"""Formats, new cells, %grok_fix, %grok_last, %grok_tokens, %config, Tab, help."""

import pytest

from tests.support import requests, window


def sent(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def bodies(sandbox, path):
    return [r["body"] for r in requests(sandbox) if r["path"] == path]


def test_formats_show_the_same_reply_in_other_ways(kernel):
    body = '```json\n{"n": 0.10}\n```'
    shown = {}
    for how in ("md", "text", "json", "code", "math"):
        cell = kernel.run(f"%%grok -f {how} -o r\n{body}")
        assert not cell.of("error")
        shown[how] = (cell.shown[-1], cell.html[-1])
    assert shown["md"][0] == shown["text"][0] == kernel.value("r.text")
    assert "pre-wrap" in shown["text"][1]
    assert shown["code"][0] == '{"n": 0.10}'
    assert shown["json"][0] == '{\n  "n": 0.10\n}'
    assert "sandbox, not Grok" in shown["code"][1]
    wrong = kernel.run("%%grok -f jsn\nhi")
    assert "Did you mean json?" in "".join(wrong.error["traceback"])


def test_a_format_streams_to_the_same_end(kernel):
    body = '```json\n{"n": 1}\n```'
    whole = kernel.run(f"%%grok -f json --no-stream\n{body}").html[-1]
    assert kernel.run(f"%%grok -f json --stream\n{body}").html[-1] == whole


def test_code_makes_a_cell_once_and_runs_nothing(kernel, sandbox):
    cell = kernel.start("%%grok --code\n```python\nran = True\n```")
    reply = cell.reply
    (made,) = [p for p in reply["payload"] if p["source"] == "set_next_input"]
    assert made["replace"] is False
    assert "ran = True" in made["text"]
    assert kernel.value("'ran' in globals()") is False
    again = kernel.start("%%grok --code\n```python\nran = True\n```")
    payload = again.reply["payload"]
    assert [p for p in payload if p["source"] == "set_next_input"] == []
    again.wait()
    assert "made a new one before" in again.shown[-1]


def test_an_answer_without_code_says_so(kernel):
    cell = kernel.run("%%grok --code\nWhat is 6*7?")
    assert "no code block" in cell.shown[-1]


def test_fix_sends_the_cell_and_its_error(kernel, sandbox):
    kernel.run("fine = 1")
    failed = kernel.run("values = [1, 2]\nvalues[7]")
    assert failed.error["ename"] == "IndexError"
    kernel.run("%%grok -t 9\nhi")  # an error of ours is nothing to fix
    cell = kernel.start("%grok_fix -m grok-4.3 Keep it short.")
    reply = cell.reply
    assert reply["status"] == "ok"
    (body,) = sent(sandbox)
    assert body["model"] == "grok-4.3"
    error, prompt = (part["text"] for part in body["messages"][-1]["content"])
    assert "IndexError: list index out of range" in error
    assert prompt.endswith(
        "Keep it short.\n\n```python\nvalues = [1, 2]\nvalues[7]\n```"
    )
    assert [p["source"] for p in reply["payload"]] == ["set_next_input"]


def test_fix_without_an_error_says_so(new_kernel):
    kernel = new_kernel()
    kernel.run("%load_ext grok_nb")
    cell = kernel.run("%grok_fix")
    assert "No cell has failed yet" in "".join(cell.error["traceback"])
    assert "--model" in kernel.run("%grok_fix -h").shown[0]


def test_last_shows_and_returns_the_last_reply(kernel):
    first = kernel.run("%grok_last")
    assert "Nothing was asked yet" in "".join(first.error["traceback"])
    kernel.run("%%grok -q\nWhat is 6*7?")
    cell = kernel.run("last = %grok_last\nlast")
    assert "42" in cell.shown[0]
    assert kernel.value("last.state") == "done"


def test_tokens_are_a_picture_and_free(kernel, sandbox):
    kernel.run("who = 'world'")
    cell = kernel.run("%grok_tokens -m grok-4.3 Hello {{who}}, don't <b>panic</b>?")
    (body,) = bodies(sandbox, "/v1/tokenize-text")
    assert body == {
        "text": "Hello world, don't <b>panic</b>?",
        "model": "grok-4.3",
    }
    (html,) = cell.html
    assert html.count("<span style=") == kernel.value("_.count")
    assert "<b>" not in html
    assert kernel.value("len(__import__('grok_nb').usage())") == 0
    empty = kernel.run("%grok_tokens")
    assert "There is no text" in "".join(empty.error["traceback"])


def test_config_sets_defaults_between_options_and_environment(kernel, sandbox):
    kernel.run("import os; os.environ['GROK_NB_MODEL'] = 'grok-4.5'")
    kernel.run("%%grok -q\na")
    kernel.run("%config GrokMagics.model = 'grok-4.3'")
    kernel.run("%%grok -q\nb")
    kernel.run("%%grok -q -m grok-4.7\nc")
    kernel.run("%reload_ext grok_nb")
    kernel.run("%%grok -q\nb again")
    kernel.run("%config GrokMagics.model = None")
    kernel.run("%%grok -q\nd")
    kernel.run("del os.environ['GROK_NB_MODEL']")
    models = [body["model"] for body in sent(sandbox)]
    assert models == [f"grok-4.{n}" for n in (5, 3, 7, 3, 5)]


def test_config_refuses_what_cannot_be_right(new_kernel, sandbox):
    kernel = new_kernel(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=sandbox.key)
    kernel.run("%load_ext grok_nb")
    for wrong in ("timeout_s = -1", "stream = 'maybe'", "base_url = 'nowhere'"):
        cell = kernel.run(f"%config GrokMagics.{wrong}")
        assert wrong.split()[0] in str(cell.of("error", "stream")), wrong
    listing = kernel.run("%config GrokMagics").stdout
    assert "GrokMagics.model" in listing
    assert "key" not in listing.lower().replace("keep", "")
    kernel.run("%%grok -q\nhi")
    again = kernel.run("%reload_ext grok_nb")  # IPython keeps what was refused
    assert "left out (timeout_s, stream, base_url)" in again.stdout
    kernel.run("%%grok -q\nhi")
    assert len(sent(sandbox)) == 2


def test_a_stream_setting_holds_for_cells(kernel, sandbox):
    kernel.run("%config GrokMagics.stream = 'on'")
    kernel.run("%%grok -q\nhi")
    kernel.run("%config GrokMagics.stream = None")
    kernel.run("%%grok -q\nhi")
    assert ["stream" in body for body in sent(sandbox)] == [True, False]


TABS = {
    "%%grok --mo": ["--model"],
    "%%grok --no": ["--no-stream"],
    "%%grok -m grok-4.2": ["grok-4.20-0309-non-reasoning"],
    "%%grok --model=grok-4.3": ["grok-4.3"],
    "%%grok -r x": ["xhigh"],
    "%%grok -f js": ["json"],
    "%%grok -x v": ["vars:"],
    "%%grok -x vars:table_": ["vars:table_one"],
    "%%grok -q -o table_": ["table_one"],
    "%%grok -a {{table_": ["table_one"],
    "%%grok -c rese": ["research"],
    "%%grok --schema Inv": ["Invoice"],
    "%grok --mo": ["--model"],
    "%%grok -q\nSum up {{table_": ["table_one"],
    "%%grok\nSum up {{table_one|he": ["head"],
}


@pytest.mark.parametrize("typed", TABS, ids=lambda t: t.replace("\n", "|"))
def test_tab_completes(kernel, sandbox, typed):
    kernel.run("table_one = 1\nclass Invoice: ...")
    if "-c" in typed:
        kernel.run("%%grok -q -c research\nhi")
        window(sandbox, "log", "DELETE")
    client = kernel.client
    client.complete(typed, len(typed))
    while (message := client.get_shell_msg(timeout=20))["msg_type"] != "complete_reply":
        pass
    found = message["content"]["matches"]
    for wanted in TABS[typed]:
        assert any(match.endswith(wanted) for match in found), found
    assert len(found) < 40
    assert [r for r in requests(sandbox) if r["method"] == "POST"] == []


def test_a_cell_without_a_body_makes_sense(kernel, sandbox, tmp_path):
    assert "--model" in kernel.run("%%grok -h").shown[0]
    for empty in ("%%grok", "%%grok -q\n", "%%grok -m grok-4.3\n\n"):
        cell = kernel.run(empty)
        assert "There is nothing to ask" in "".join(cell.error["traceback"])
    (tmp_path / "notes.txt").write_text("Name: Ada")
    assert not kernel.run(f"%%grok -q -a {tmp_path}/notes.txt").of("error")
    (body,) = sent(sandbox)
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "--- notes.txt ---\nName: Ada"}
    ]
    kernel.run("%unload_ext grok_nb")
    assert kernel.run("%%grok -h").of("error", "stream")


def test_help_tells_of_every_option(kernel):
    pages = kernel.start("%%grok?").reply["payload"]
    text = pages[0]["data"]["text/plain"]
    flags = kernel.value(
        "[f for o in __import__('grok_nb.notebook.options', fromlist=['CELL']).CELL"
        " for f in o.flags]"
    )
    assert [flag for flag in flags if flag not in text] == []
