"""``%grok_doctor`` in a kernel: what it shows, and what it makes of the front end."""

import json

KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"


def test_the_doctor_shows_a_table_and_returns_it(kernel):
    kernel.run(f"import os; os.environ['XAI_API_KEY'] = {KEY!r}; del os")
    cell = kernel.run("%grok_doctor", watched=True)
    (shown,) = cell.shown
    assert shown.startswith("grok_nb: all well, 1 note\n")
    find = "__import__('importlib.util').util.find_spec('anywidget')"
    has_widgets = kernel.value(f"{find} is not None")
    widgets = "widgets installed" if has_widgets else "no widgets"
    assert f"replies stream; {widgets}" in shown
    assert "the sandbox answers, not Grok" in shown
    assert cell.html[0].count("<tr>") == shown.count("\n") - shown.count("->")
    assert not any(piece in json.dumps(cell.messages, default=str) for piece in parts())
    assert cell.of("stream") == []
    kernel.run("found = %grok_doctor")
    assert kernel.value("found.ok") is True
    kernel.run("import pandas as pd")
    columns = kernel.value("list(pd.DataFrame(found.checks).columns)")
    assert columns == ["name", "state", "what", "hint"]


def parts():
    return [KEY[4:][i : i + 6] for i in range(len(KEY) - 9)]


def test_it_knows_when_nobody_is_watching(kernel):
    shown = kernel.run("%grok_doctor").shown[0]
    assert "nobody is watching" in shown


def test_a_problem_is_no_error_of_the_cell(kernel):
    kernel.run("import os; os.environ['XAI_BASE_URL'] = 'http://127.0.0.1:9/v1'")
    kernel.run("os.environ.pop('XAI_API_KEY', None); del os")
    cell = kernel.run("import grok_nb as gn\ngn.doctor()")
    assert cell.of("error") == []
    assert cell.shown[0].startswith("grok_nb: 2 problems\n")
    assert "problem  connection" in cell.shown[0]
    assert "problem  key" in cell.shown[0]


def test_it_takes_nothing(kernel):
    cell = kernel.run("%grok_doctor please")
    assert cell.error["ename"] == "OptionError"
    assert "takes nothing" in cell.error["evalue"]


def test_front_ends_are_told_apart(kernel):
    marks = {"VSCODE_PID": "VS Code;", "JPY_SESSION_NAME": "JupyterLab or Notebook;"}
    for mark, said in marks.items():
        kernel.run(f"import os; os.environ[{mark!r}] = '/x/y.ipynb'")
        assert said in kernel.run("%grok_doctor").shown[0]
        kernel.run(f"del os.environ[{mark!r}]")
    kernel.run("import sys, types; sys.modules['google.colab'] = types.ModuleType('c')")
    assert "Colab;" in kernel.run("%grok_doctor").shown[0]
    kernel.run("del sys.modules['google.colab']")
