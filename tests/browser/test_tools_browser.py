"""Tools, searches, pictures, deferred replies and money, as people see them in a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grok_nb._sandbox.server import Sandbox

SETUP = '''%load_ext grok_nb
import os, pathlib, time
def people_of(city: str) -> int:
    """Say how many people live in a city."""
    while not pathlib.Path(os.environ["GROK_NB_STORE"], "go").exists():
        time.sleep(0.05)
    return 140_000'''


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tokens_per_s=60) as server:
        yield server


@pytest.fixture(scope="module")
def server_env(sandbox, tmp_path_factory) -> dict[str, str]:
    return {
        "XAI_BASE_URL": sandbox.base_url,
        "XAI_API_KEY": sandbox.key,
        "GROK_NB_STORE": str(tmp_path_factory.mktemp("store")),
    }


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Where screenshots are written: GROK_NB_SCREENSHOTS, else a folder of the test."""
    folder = Path(os.environ.get("GROK_NB_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_function_is_seen_while_it_runs_and_folds_away(lab, pictures, server_env):
    code = "%%grok --tool people_of -o r\nHow many people live in Bern?"
    notebook = lab.open("tools.ipynb", [SETUP, code])
    notebook.run_cell(0)
    notebook.start_cell(1)
    shown = notebook.output_area(1)
    shown.get_by_text("running people_of").wait_for()
    assert shown.locator("details.grok-nb-steps").get_attribute("open") is not None
    assert "people_of(city=" in shown.inner_text()
    notebook.screenshot(pictures / "tool-running.png", 1)
    Path(server_env["GROK_NB_STORE"], "go").touch()
    outputs = notebook.wait_cell(1)
    assert [o["output_type"] for o in outputs] == ["display_data"]
    steps = shown.locator("details.grok-nb-steps")
    assert steps.get_attribute("open") is None
    assert not shown.get_by_text("140000", exact=True).is_visible()
    text, below = shown.locator(".grok-nb-text"), steps
    assert text.bounding_box()["y"] < below.bounding_box()["y"]
    steps.locator("summary").click()
    shown.locator("pre", has_text="140000").wait_for()
    notebook.screenshot(pictures / "tool-done.png", 1)
    notebook.shutdown()


def test_a_search_is_seen_while_it_runs_and_cites_its_sources(lab, pictures):
    code = "%%grok --search web -o r\nWhat is the latest news about xAI?"
    notebook = lab.open("search.ipynb", [SETUP, code])
    notebook.run_cell(0)
    notebook.start_cell(1)
    shown = notebook.output_area(1)
    shown.get_by_text("web search: search").first.wait_for()
    assert shown.locator("details.grok-nb-steps").get_attribute("open") is not None
    notebook.screenshot(pictures / "search-running.png", 1)
    notebook.wait_cell(1)
    shown.locator("ol.grok-nb-sources a").first.wait_for()
    assert shown.locator("details.grok-nb-steps").get_attribute("open") is None
    notebook.screenshot(pictures / "search-done.png", 1)
    notebook.shutdown()


def test_pictures_make_a_grid_and_stay_in_the_notebook(lab, pictures):
    cells = [SETUP, "%grok_image -n 3 -o foxes a red fox", "%grok_image a red fox"]
    notebook = lab.open("pictures.ipynb", cells)
    notebook.run_cell(0)
    notebook.run_cell(1)
    images = notebook.output_area(1).locator(".grok-nb-images img")
    assert images.count() == 3
    boxes = [images.nth(n).bounding_box() for n in range(3)]
    assert len({round(box["y"]) for box in boxes}) == 1  # side by side
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert all(i.evaluate("i => i.naturalWidth") > 0 for i in images.all())
    notebook.screenshot(pictures / "pictures.png", 1)
    notebook.run_cell(2)
    notebook.screenshot(pictures / "picture.png", 2)
    notebook.shutdown()


def test_a_deferred_reply_fills_in_while_other_cells_run(lab, pictures):
    cells = [SETUP, "%%grok --defer -o r\nWhat is 6*7?", "r.result().text"]
    notebook = lab.open("later.ipynb", cells)
    notebook.run_cell(0)
    notebook.run_cell(1)
    shown = notebook.output_area(1)
    notebook.screenshot(pictures / "deferred.png", 1)
    (output,) = notebook.run_cell(2)
    assert "42" in output["data"]["text/plain"]
    shown.get_by_text("[sandbox] 6*7 = 42").first.wait_for()
    (saved,) = notebook.outputs(1)
    assert "42" in saved["data"]["text/plain"]
    notebook.screenshot(pictures / "deferred-filled.png", 1)
    notebook.shutdown()


def test_money_reads_well(lab, pictures):
    cells = [
        SETUP,
        "%grok -m grok-4.3 hi",
        "%grok_budget 5",
        "%grok_usage --plot",
        "%%grok --max-cost 0.00001\nhi",
        "%grok_models",
    ]
    notebook = lab.open("money.ipynb", cells)
    for index in range(len(cells)):
        notebook.run_cell(index)
    assert "Budget: $5.00 per session." in notebook.output_area(2).inner_text()
    assert notebook.output_area(3).locator("img").count() == 1
    for index, name in ((2, "budget"), (3, "usage"), (4, "refused"), (5, "models")):
        notebook.screenshot(pictures / f"{name}.png", index)
    notebook.shutdown()
