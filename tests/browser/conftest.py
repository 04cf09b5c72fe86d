from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .jupyter import Front, Guard, Server, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the module: while it runs, so does its event loop, and no test's own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server_env() -> dict[str, str]:
    """Environment of servers and kernels; a test module may define its own."""
    return {}


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory, server_env) -> Iterator[Server]:
    root, state = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("state")
    with Server(root, state, "lab", server_env) as server:
        yield server


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory, server_env) -> Iterator[Server]:
    root, state = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("state")
    with Server(root, state, "notebook", server_env) as server:
        yield server


def front(server: Server, browser: Browser) -> Iterator[Front]:
    guard = Guard()
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        guard.watch(context)
        yield Front(server, context.new_page(), guard)
    assert guard.outside == []


@pytest.fixture
def lab(lab_server, browser) -> Iterator[Front]:
    """JupyterLab: one server for the module, a new page for the test."""
    yield from front(lab_server, browser)


@pytest.fixture
def notebook7(notebook_server, browser) -> Iterator[Front]:
    """Notebook 7: one server for the module, a new page for the test."""
    yield from front(notebook_server, browser)
