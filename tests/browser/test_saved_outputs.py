"""What is saved after a live stream is what a run without anyone looking leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat
import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import requests, window

from .jupyter import Notebook

SETUP = "%load_ext grok_nb"
RICH = """Repeat exactly:
# Head & <b>shoulders</b>

| model | price |
|---|---:|
| grok-4.7 | $6.00 |
| grok-4.3 | $2.50 |

The mean is $\\bar{p} = \\frac{1}{2}(6 + 2.5)$, \\(a_1\\), and

\\[ \\int_0^1 x\\,dx \\]

```python
sum([6.00, 2.50]) / 2  # <&>
```

1. one
2. two

> quoted [link](https://x.example) ![picture](https://x.example/p.png) 👩‍👩‍👧‍👦

$$
E = mc^2
$$"""
LOOSE = """Repeat exactly:
A table that ends with the text

| a | b |
|---|---|
| 1 | 2 |
[r]: https://x.example 'title'
[r] and an open **bold, `code, $x

~~~
a fence that never ends

   \n\ttab"""
#: Long enough to be painted several times before its last line changes its first.
LATE = f"""Repeat exactly:
See [the page][p].

{chr(10).join(["and so on"] * 150)}

[p]: https://x.example"""
#: Until `--search` is there: a stream with sources in a cell, shown as the magic does.
CITED = """import grok_nb as gn
from IPython.display import display
from grok_nb.clock import SystemClock
from grok_nb.notebook.live import Live
from grok_nb.show.render import reply_bundle
question = "Where is the best place to go skiing this year?"
if get_ipython().get_parent()["content"]["allow_stdin"]:
    live = Live(display, SystemClock())
    for event in gn.stream(question, search="web"):
        live.update(lambda: event.reply, len(event.reply.text))
    live.finish(event.reply)
else:
    display(reply_bundle(gn.ask(question, search="web")), raw=True)"""
#: What a footer says while there is more to come.
RUNNING = ("asking…", "answering…", "waiting,")
CELLS = {
    "rich": f"%%grok\n{RICH}",
    "loose": f"%%grok -R\n{LOOSE}",
    "late": f"%%grok\n{LATE}",
    "reasoning": "%%grok -m grok-4.7 -r high\nWhat is 6*7?",
    "cited": CITED,
    "choices": "%%grok -n 2\nCount to 30",
    "cut": "%%grok --max-tokens 20\nCount to 300",
    "frame": "import pandas as pd\nframe = pd.DataFrame({'a': range(9999)})",
    "notes": "%%grok\nHow many rows? {{frame}}",
    "quiet": "%%grok -q -o r\nhi",
    "code points": "%%grok -R\nRepeat exactly:\na\u2028b\x0cc\x85d\x1ce \ufeff\x1b[0m\r\nf",
    "streams anyway": "%%grok --stream\nCount to 100",
    "never streams": "%%grok --no-stream\nCount to 100",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tokens_per_s=400) as server:
        yield server


@pytest.fixture(scope="module")
def server_env(sandbox, tmp_path_factory) -> dict[str, str]:
    return {
        "XAI_BASE_URL": sandbox.base_url,
        "XAI_API_KEY": sandbox.key,
        "GROK_NB_STORE": str(tmp_path_factory.mktemp("store")),
    }


def executed(path: Path, environment: dict[str, str]) -> nbformat.NotebookNode:
    """Run a notebook with nobody looking."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.outputs = []
    client = nbclient.NotebookClient(notebook, timeout=60)
    return client.execute(env={**os.environ, **environment}, cwd=str(path.parent))


def posted(sandbox: Sandbox) -> list[bool]:
    """Return whether each question streamed, and forget them."""
    found = [r["body"] for r in requests(sandbox) if r["method"] == "POST"]
    window(sandbox, "log", "DELETE")
    return [bool(body.get("stream")) for body in found]


def saved(notebook: Notebook, path: Path) -> nbformat.NotebookNode:
    notebook.save()
    notebook.wait_for("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    return nbformat.read(path, as_version=4)


def test_streamed_cells_are_saved_as_cells_that_nobody_watched(
    lab, sandbox, server_env, tmp_path
):
    notebook = lab.open("saved.ipynb", [SETUP, *CELLS.values()])
    posted(sandbox)
    for index in range(len(CELLS) + 1):
        notebook.run_cell(index)
    asking = [name for name, code in CELLS.items() if name != "frame"]
    assert posted(sandbox) == [name != "never streams" for name in asking]
    path = lab.root / "saved.ipynb"
    watched = dict(zip(CELLS, saved(notebook, path).cells[1:], strict=True))
    notebook.shutdown()

    environment = {**server_env, "GROK_NB_STORE": str(tmp_path / "store")}
    nobody = executed(path, environment)
    assert posted(sandbox) == [name == "streams anyway" for name in asking]
    unwatched = dict(zip(CELLS, nobody.cells[1:], strict=True))

    for name in CELLS:
        outputs = watched[name].outputs
        assert outputs == unwatched[name].outputs, name
        shown = {"frame": 0, "quiet": 0, "notes": 2}.get(name, 1)
        assert [set(o["data"]) for o in outputs] == [
            {"text/html", "text/plain"}
        ] * shown
    html = {
        name: cell.outputs[0].data["text/html"]
        for name, cell in watched.items()
        if cell.outputs
    }
    assert "</table>" in html["rich"]
    assert 'href="https://x.example' in html["late"]  # only the whole text tells
    assert "grok-nb-reasoning" in html["reasoning"]
    assert "grok-nb-sources" in html["cited"]
    assert "2 of 2" in html["choices"]
    assert "cut at the token limit" in html["cut"]
    assert "is sent in part" in html["notes"]
    assert not any(note in text for text in html.values() for note in RUNNING)


def test_what_is_saved_of_a_stopped_stream_is_the_reply(lab, sandbox):
    """While it runs there is more: the check of the other test can see that."""
    cells = [
        SETUP,
        "%%grok -o r\nCount to 2000",
        "from IPython.display import display\ndisplay(r._repr_mimebundle_(), raw=True)",
    ]
    notebook = lab.open("stopped.ipynb", cells)
    notebook.run_cell(0)
    notebook.start_cell(1)
    shown = notebook.output_area(1)
    shown.get_by_text("10, 11").wait_for()
    shown.get_by_text("answering…").wait_for()
    (running,) = notebook.outputs(1)
    notebook.interrupt()
    notebook.wait_cell(1)
    notebook.run_cell(2)
    _, stopped, again = saved(notebook, lab.root / "stopped.ipynb").cells
    notebook.shutdown()
    display, error = stopped.outputs
    assert error["ename"] == "KeyboardInterrupt"
    assert [display] == again.outputs
    assert display["data"] != running["data"]
    assert not any(note in display["data"]["text/html"] for note in RUNNING)
