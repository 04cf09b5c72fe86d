"""``%%grok`` as people see it: streamed, rendered, stopped, saved, reopened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import eventually, requests

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01-quickstart.ipynb"
SETUP = "%load_ext grok_nb"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tokens_per_s=100) as server:
        yield server


@pytest.fixture(scope="module")
def server_env(sandbox, tmp_path_factory) -> dict[str, str]:
    return {
        "XAI_BASE_URL": sandbox.base_url,
        "XAI_API_KEY": sandbox.key,
        "GROK_NB_STORE": str(tmp_path_factory.mktemp("store")),
    }


@pytest.mark.parametrize("front", ["lab", "notebook7"])
def test_quickstart_runs_and_reads_well(front, request, tmp_path):
    front = request.getfixturevalue(front)
    shutil.copy(QUICKSTART, front.root / "quickstart.ipynb")
    notebook = front.open("quickstart.ipynb")
    cells = json.loads(QUICKSTART.read_text())["cells"]
    for index, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            outputs = notebook.run_cell(index)
            failed = [o["ename"] for o in outputs if o["output_type"] == "error"]
            expected = "raises-exception" in cell["metadata"].get("tags", [])
            assert bool(failed) == expected, outputs
    table = next(
        i
        for i, c in enumerate(cells)
        if c["cell_type"] == "code" and "Repeat exactly" in "".join(c["source"])
    )
    shown = notebook.output_area(table)
    shown.locator("td", has_text="grok-4.7").first.wait_for()
    shown.locator("mjx-container").first.wait_for()
    assert shown.locator(".highlight span").count() > 3
    assert "$6.00" in shown.inner_text()
    notebook.screenshot(tmp_path / "quickstart.png", table)
    notebook.shutdown()


def test_stream_grows_stops_and_is_saved(lab, tmp_path):
    notebook = lab.open(
        "stop.ipynb",
        [SETUP, "%%grok -o r\nCount to 2000", "r.state", "print('later')"],
    )
    notebook.run_cell(0)
    notebook.start_cell(1)
    shown = notebook.output_area(1)
    shown.get_by_text("10, 11").wait_for()
    before = shown.inner_text()
    assert "2000" not in before
    shown.get_by_text("25, 26").wait_for()
    eventually(lambda: len(shown.inner_text()) > len(before))
    notebook.screenshot(tmp_path / "streaming.png", 1)
    notebook.interrupt()
    outputs = notebook.wait_cell(1)
    assert [o["output_type"] for o in outputs] == ["display_data", "error"]
    assert outputs[0]["data"]["text/plain"].endswith("[stopped]")
    shown.get_by_text("stopped").first.wait_for()
    notebook.screenshot(tmp_path / "stopped.png", 1)
    assert notebook.run_cell(2)[0]["data"]["text/plain"] == "'stopped'"
    notebook.save()
    notebook.wait_for(
        "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
    )
    saved = json.loads((lab.root / "stop.ipynb").read_text())
    assert "25, 26" in "".join(saved["cells"][1]["outputs"][0]["data"]["text/plain"])
    notebook.shutdown()

    again = lab.open("stop.ipynb")
    again.output_area(1).get_by_text("25, 26").wait_for()
    again.shutdown()


def test_run_all_stops_at_an_error(lab):
    notebook = lab.open("errors.ipynb", [SETUP, "%%grok -m grok-9\nhi", "print('ran')"])
    notebook.run_cell(0)
    notebook.start_cell(1)
    notebook.start_cell(2)
    outputs = notebook.wait_cell(1)
    assert outputs[-1]["ename"] == "NotFound"
    notebook.output_area(1).get_by_text("Did you mean").wait_for()
    notebook.wait_for_idle()
    assert notebook.outputs(2) == []
    notebook.shutdown()


def test_cells_of_a_thread_keep_their_turns(lab, sandbox):
    turns = (
        "import grok_nb as gn\n[(t.prompt, t.stale) for t in gn.Thread('tea').turns]"
    )
    notebook = lab.open(
        "thread.ipynb",
        [
            SETUP,
            "%%grok -c tea -q\nIt costs 12 EUR.",
            "%%grok -c tea -q\nWhat is 12 * 3?",
            turns,
        ],
    )

    def shown() -> str:
        return notebook.run_cell(3)[0]["data"]["text/plain"]

    for index in range(3):
        assert notebook.run_cell(index) == []
    both = "[('It costs 12 EUR.', {}), ('What is 12 * 3?', {})]"
    assert shown() == both.format(False, False)
    notebook.run_cell(1)  # the same cell: its turn is replaced, not added to
    assert shown() == both.format(False, True)
    notebook.run_cell(2)
    assert shown() == both.format(False, False)

    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].model"
        ".sharedModel.setSource('%%grok -c tea -q\\nAnd 5 of them?')"
    )
    notebook.run_cell(2)  # another text, the same cell
    assert shown() == "[('It costs 12 EUR.', False), ('And 5 of them?', False)]"
    last = requests(sandbox)[-1]["body"]["messages"]
    assert [message["role"] for message in last] == ["user", "assistant", "user"]
    assert last[0]["content"] == "It costs 12 EUR."
    notebook.shutdown()
