"""What goes with the prompt, in a real kernel: -x, -a, --show, --dry-run, --timeout."""

import ast
import base64
import json
import re

import pytest

from tests.support import break_it, requests

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def sent(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def texts(body):
    content = body["messages"][-1]["content"]
    return [part["text"] for part in content if part["type"] == "text"]


def test_the_last_error_goes_with_the_question(kernel, sandbox):
    failed = kernel.run("def half(x):\n    return x / 0\n\nhalf(8)")
    assert failed.error["ename"] == "ZeroDivisionError"
    cell = kernel.run("%%grok -x err\nWhat went wrong?")
    assert not cell.of("error")
    (body,) = sent(sandbox)
    error, prompt = texts(body)
    assert prompt == "What went wrong?"
    assert error.startswith("--- The last error: ZeroDivisionError ---\nTraceback")
    assert "return x / 0" in error
    assert "half(8)" in error


def test_earlier_cells_and_their_results_go_with_the_question(kernel, sandbox):
    kernel.run("a = 1")
    kernel.run("# second\na + 41")
    cell = kernel.run("%%grok -x prev:2 -q\nExplain.")
    assert not cell.of("error")
    first, second, prompt = texts(sent(sandbox)[0])
    assert first.endswith("---\na = 1")
    assert "# second\na + 41\n\n--- its result ---\n42" in second
    assert prompt == "Explain."


def test_variables_and_files_go_with_the_question(kernel, sandbox, tmp_path):
    (tmp_path / "notes.txt").write_text("Grüße aus {{Bern}}", encoding="utf-8")
    kernel.run(
        "import pandas as pd\nrates = {'CHF': 0.91}\n"
        "df = pd.DataFrame({'n': range(100000), 't': 'word'})"
    )
    cell = kernel.run(
        f"%%grok -x vars:rates,df -x file:{tmp_path}/notes.txt\nAnd {{{{rates}}}}?"
    )
    rates, frame, notes, prompt = texts(sent(sandbox)[0])
    assert rates == "--- The variable rates (dict) ---\n{'CHF': 0.91}"
    assert "DataFrame, 100,000 rows x 2 columns" in frame
    assert len(frame) < 9_000
    assert notes == "--- notes.txt ---\nGrüße aus {{Bern}}"
    assert prompt == "And {'CHF': 0.91}?"
    assert "df is sent in part: the first" in cell.shown[0]


def test_what_was_cut_is_said_above_the_answer(kernel, sandbox):
    kernel.run("import pandas as pd; df = pd.DataFrame({'n': range(10_000_000)})")
    cell = kernel.run("%%grok\nSum up {{df}}")
    assert cell.shown[0].startswith("{{df}} is sent in part: the first ")
    assert "of 10,000,000 rows" in cell.shown[0]
    assert "10,000,000 rows x 1 column" in sent(sandbox)[0]["messages"][0]["content"]
    quiet = kernel.run("%%grok -q\nSum up {{df}}")
    assert not quiet.of("display_data")


ATTACHED = {
    "path": ("-a {folder}/dot.png", "data:image/png;base64,"),
    "quoted path with a space": ('-a "{folder}/a dot.png"', "data:image/png;base64,"),
    "path by variable": ("-a {{{{where}}}}", "data:image/png;base64,"),
    "URL": ("-a https://example.com/x.jpg", "https://example.com/x.jpg"),
    "bytes": ("-a {{{{data}}}}", "data:image/png;base64,"),
    "PIL image": ("-a {{{{image}}}}", "data:image/png;base64,"),
    "numpy array": ("-a {{{{array}}}}", "data:image/png;base64,"),
    "figure": ("-a {{{{figure}}}}", "data:image/png;base64,"),
    "closed figure": ("-a {{{{closed}}}}", "data:image/png;base64,"),
}
MAKE = """
import io, numpy, PIL.Image
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
where = {folder!r} + "/dot.png"
data = open(where, "rb").read()
image = PIL.Image.open(io.BytesIO(data))
array = numpy.zeros((4, 6, 3), dtype="uint8")
figure, axes = plt.subplots(); axes.plot([1, 2])
closed, axes = plt.subplots(); axes.plot([2, 1]); plt.close(closed)
"""


def test_attachments_of_all_kinds_are_sent(kernel, sandbox, tmp_path):
    for name in ("dot.png", "a dot.png"):
        (tmp_path / name).write_bytes(PNG)
    made = kernel.run(MAKE.format(folder=str(tmp_path)))
    if made.of("error") and "No module named" in made.error["evalue"]:
        pytest.skip("the second environment has no plotting library")
    assert not made.of("error"), made.error
    for what, (option, url) in ATTACHED.items():
        typed = option.format(folder=tmp_path)
        cell = kernel.run(f"%%grok -q {typed}\nWhat is this?")
        if what != "URL":  # nobody is there to fetch it
            assert not cell.of("error"), (what, cell.error)
        picture, prompt = sent(sandbox)[-1]["messages"][0]["content"]
        assert picture["type"] == "image_url", what
        assert picture["image_url"]["url"].startswith(url), what
        assert prompt == {"type": "text", "text": "What is this?"}


def test_several_attachments_keep_their_order(kernel, sandbox, tmp_path):
    (tmp_path / "dot.png").write_bytes(PNG)
    (tmp_path / "a.txt").write_text("first")
    kernel.run(f"%%grok -q -a {tmp_path}/a.txt -a {tmp_path}/dot.png\nBoth?")
    content = sent(sandbox)[0]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert content[0]["text"] == "--- a.txt ---\nfirst"


WRONG = {
    "%%grok -x everything\nhi": "-x takes err, prev:N, vars:a,b or file:PATH",
    "%%grok -x prev:many\nhi": "-x prev:N needs a number of cells",
    "%%grok -x prev:0\nhi": "-x prev:N needs a number of cells",
    "%%grok -x vars:nowhere\nhi": "no variable 'nowhere'",
    "%%grok -x vars:\nhi": "needs names of variables",
    "%%grok -x file:nowhere.txt\nhi": "no file nowhere.txt",
    "%%grok -a nowhere.png\nhi": "no file nowhere.png",
    "%%grok -a {{nowhere}}\nhi": "no variable 'nowhere'",
    "%%grok -a {{object}}\nhi": "object cannot be attached",
    "%%grok --timeout soon\nhi": "--timeout needs a number",
    "%%grok --timeout 0\nhi": "--timeout must be from",
    "%%grok -v=1\nhi": "-v takes no value",
}


@pytest.mark.parametrize("code", WRONG, ids=lambda code: code.split("\n")[0])
def test_what_is_not_there_sends_nothing(kernel, sandbox, code):
    kernel.run("object = object()")
    cell = kernel.run(code)
    assert cell.error["ename"].endswith("OptionError")
    assert WRONG[code] in "".join(cell.error["traceback"])
    assert requests(sandbox) == []


def test_no_error_yet_is_said(new_kernel):
    kernel = new_kernel()
    kernel.run("%load_ext grok_nb")
    cell = kernel.run("%%grok -x err\nhi")
    assert "No cell has failed yet" in "".join(cell.error["traceback"])


def test_show_prints_what_is_sent_and_hides_the_key(kernel, sandbox):
    key = kernel.value("__import__('os').environ['XAI_API_KEY']")
    kernel.run(f"leak = {key!r}")
    cell = kernel.run("%%grok --show -m grok-4.3 -t 0.5\nMy key is {{leak}}, \\frac")
    shown = cell.shown[0]
    head, body = shown.split("\n", 1)
    assert head.endswith("/v1/chat/completions")
    assert head.startswith("Sent: POST http://127.0.0.1")
    (really,) = sent(sandbox)
    really["messages"][0]["content"] = really["messages"][0]["content"].replace(
        key, "[key]"
    )
    assert json.loads(body) == really
    assert key not in shown
    assert key not in cell.html[0]
    assert len(cell.shown) == 2


def test_dry_run_sends_nothing_and_needs_no_key(kernel, sandbox, new_kernel):
    cell = kernel.run(
        "%%grok --dry-run -m grok-4.3 --max-tokens 100 -s Brief.\nWhat is 6*7?"
    )
    (shown,) = cell.shown
    assert "nothing was sent" in shown
    for said in ("grok-4.3", "--- system ---\nBrief.", "--- user ---\nWhat is 6*7?"):
        assert said in shown
    assert "at most 100 of output" in shown
    assert "$" in shown
    assert requests(sandbox) == []
    bare = new_kernel()
    bare.run("%load_ext grok_nb")
    cell = bare.run("%%grok --dry-run\nWhat is 6*7?")
    assert "nothing was sent" in cell.shown[0]
    assert not cell.of("error")


@pytest.mark.parametrize("option", ["-x file:{path}", "-a {path}", "-x vars:key"])
def test_a_dry_run_shows_no_key(kernel, sandbox, tmp_path, option):
    key = "xai-" + "k3y" * 20
    path = tmp_path / "settings.env"
    path.write_text(f"# settings\nXAI_API_KEY={key}\n")
    kernel.run(f"key = {key!r}")
    option = option.format(path=path)
    for flag in ("--dry-run", "--show"):
        cell = kernel.run(f"%%grok {flag} {option}\nWhat is this?")
        assert not cell.of("error")
        assert key not in json.dumps(cell.of("display_data")[0])
    (body,) = sent(sandbox)
    assert (key in json.dumps(body)) is ("-a" in option)  # which is what was asked for


def test_what_a_dry_run_bounds_holds_with_a_schema(kernel, sandbox):
    names = ", ".join(f"a_rather_long_name_of_a_field_{n} int?" for n in range(60))
    cell = f"-m grok-4.3 --schema '{names}'\nhi"
    (shown,) = kernel.run(f"%%grok --dry-run {cell}").shown
    (bound,) = re.findall(r"of prompt, at most ([\d,]+);", shown)
    # every byte of a schema can be a token
    assert int(bound.replace(",", "")) > len(names)
    kernel.run(f"%%grok -q -o r {cell}")
    used = kernel.value("r.usage.prompt_tokens")
    assert used <= int(bound.replace(",", ""))


def test_a_call_can_have_a_limit_of_its_own(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/chat", "do": "stall"})
    cell = kernel.run("%%grok --timeout 0.5\nhi")
    assert cell.error["ename"] == "TimedOut"
    assert "0.5 s" in "".join(cell.error["traceback"])


def test_verbose_tells_ids_and_tokens(kernel, sandbox):
    cell = kernel.run("%%grok -v -o r\nWhat is 6*7?")
    assert kernel.value("r.request_id") in cell.shown[-1]
    assert kernel.value("r.fingerprint") in cell.shown[-1]
    assert "attempts" in cell.shown[-1]


def test_dry_run_shows_the_beginning_of_a_long_message(kernel, sandbox):
    cell = kernel.run("%%grok --dry-run -R\n" + "x" * 20_000 + "y" * 1_234)
    assert "x… and 1,234 characters more" in cell.shown[0]
    assert "y" * 10 not in cell.shown[0]
    assert "y" * 10 not in cell.html[0]
    assert requests(sandbox) == []


@pytest.mark.parametrize(
    "between",
    ["%%grok -x er\nWhy?", "%%grok -m nosuch -x err\nWhy?", "%grok -m nosuch hi"],
)
def test_the_last_error_is_none_of_a_cell_that_asked(kernel, sandbox, between):
    kernel.run("1/0")
    assert kernel.run(between).of("error")
    assert not kernel.run("%%grok -x err\nWhy?").of("error")
    part, _ = sent(sandbox)[-1]["messages"][0]["content"]
    assert part["text"].startswith("--- The last error: ZeroDivisionError ---")


def test_an_error_of_python_is_the_last_one_also_if_it_is_ours(kernel, sandbox):
    kernel.run("1/0")
    assert kernel.run("import grok_nb; grok_nb.ask('x', temprature=1)").of("error")
    kernel.run("%%grok -x err\nWhy?")
    part, _ = sent(sandbox)[-1]["messages"][0]["content"]
    assert "temprature" in part["text"]


def test_loading_the_extension_loads_no_more_than_it_needs(new_kernel):
    code = "import sys; before = set(sys.modules)\n%load_ext grok_nb\n"
    cell = new_kernel().run(f"{code}print(repr(sorted(set(sys.modules) - before)))")
    loaded = ast.literal_eval(cell.stdout)
    assert "grok_nb.notebook.magics" in loaded
    of_questions = ("reply", "pricing", "attachments", "pictures", "session", "schema")
    unneeded = {"tomllib", "httpx", "pandas", *(f"grok_nb.{n}" for n in of_questions)}
    assert not unneeded.intersection(loaded)


def test_earlier_cells_are_the_same_where_ipython_keeps_none(kernel, sandbox):
    """nbval runs cells without history; then `prev` has to find the same text."""
    for store in (True, False):
        for code in ("a = 1", "a + 41", "1 / 0", "b = 2"):
            kernel.start(code, store_history=store).wait()
        asked = kernel.start("%%grok -x prev:4 -q\nExplain.", store_history=store)
        assert not asked.wait().of("error")
    stored, unstored = (texts(body) for body in sent(sandbox))
    assert stored == unstored
    assert stored == [
        "--- 4 cells before ---\na = 1",
        "--- 3 cells before ---\na + 41\n\n--- its result ---\n42",
        "--- 2 cells before ---\n1 / 0",
        "--- The cell before this one ---\nb = 2",
        "Explain.",
    ]


def test_a_traceback_is_the_same_in_each_run(kernel, sandbox, new_kernel):
    """What is sent of an error has neither frames of IPython nor names of its files."""
    code = """
def outer():
    try:
        import json
        json.loads("{")
    except ValueError as error:
        raise KeyError("no total") from error

outer()"""
    other = new_kernel(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=sandbox.key)
    other.run("%load_ext grok_nb")
    for one in (kernel, other):
        assert one.run(code).error["ename"] == "KeyError"
        assert not one.run("%%grok -x err -q\nWhy?").of("error")
    first, second = (texts(body)[0] for body in sent(sandbox))
    assert first == second
    assert "interactiveshell" not in first
    assert "ipykernel" not in first
    assert first.count('File "<notebook cell>"') == 3
    assert "json.decoder.JSONDecodeError" in first  # what caused it stays
    assert "decoder.py" in first
    assert 'raise KeyError("no total") from error' in first
