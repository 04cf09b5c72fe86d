"""A real JupyterLab or Notebook 7 in a real browser, driven from tests.

The browser is the system's Chromium (`GROK_NB_CHROMIUM` names another); nothing is
downloaded. All state of the server lies in a folder of its own, so neither the
settings of whoever runs the tests nor an earlier run have any influence.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Route,
    sync_playwright,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CHROMIUM = os.environ.get("GROK_NB_CHROMIUM", "/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
]
# The question whether to show news covers the page; only a default setting stops it.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}
START_S = 60
PANEL = "window.jupyterapp.shell.currentWidget"


class Server:
    """`jupyter lab` or `jupyter notebook`, stopped by `stop` or at the end of a `with`.

    Parameters
    ----------
    root
        Folder of the notebooks. Kernels start in it.
    state
        Folder for configuration, settings, runtime files and the log; new and empty.
    flavor
        "lab" or "notebook".
    env
        Environment variables on top of this process's, for the server and its kernels.
    """

    def __init__(
        self,
        root: Path,
        state: Path,
        flavor: str = "lab",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.root, self.flavor = root, flavor
        self.log_path = state / "server.log"
        self._runtime = state / "runtime"
        self._token = secrets.token_hex(16)
        overrides = state / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        overrides.write_text(json.dumps(LAB_SETTINGS))
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter", flavor),
                    *("--no-browser", "--allow-root", "--expose-app-in-browser"),
                    "--ServerApp.ip=127.0.0.1",
                    "--ServerApp.port=0",  # a port chosen beforehand can be gone by now
                    f"--ServerApp.root_dir={root}",
                    f"--IdentityProvider.token={self._token}",
                ],
                env={
                    **os.environ,
                    "JUPYTER_CONFIG_DIR": str(state / "config"),
                    "JUPYTER_DATA_DIR": str(state / "data"),
                    "JUPYTER_RUNTIME_DIR": str(self._runtime),
                    "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
                    "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
                    "IPYTHONDIR": str(state / "ipython"),
                    **(env or {}),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._base = self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self) -> str:
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up and self._process.poll() is None:
            for written in self._runtime.glob("jpserver-*.json"):
                with suppress(OSError, ValueError, KeyError):
                    base = f"http://127.0.0.1:{json.loads(written.read_text())['port']}"
                    status = f"{base}/api/status?token={self._token}"
                    urllib.request.urlopen(status, timeout=5).close()
                    return base
            time.sleep(0.05)
        raise RuntimeError(f"no server after {START_S} s:\n{self.log_path.read_text()}")

    def url(self, notebook: str) -> str:
        if self.flavor == "lab":  # an empty workspace: no other notebook is open
            return f"{self._base}/lab/tree/{notebook}?token={self._token}&reset"
        return f"{self._base}/notebooks/{notebook}?token={self._token}"

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()  # it ends its kernels first
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=CHROMIUM_FLAGS
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Guard:
    """Keeps a browser on this machine, and the addresses it wanted elsewhere."""

    outside: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.route("**/*", self._decide)
        context.on("page", lambda page: page.on("websocket", self._note_socket))

    def _decide(self, route: Route) -> None:
        if self._note(route.request.url):
            route.abort()
        else:
            route.continue_()

    def _note_socket(self, socket: Any) -> None:
        self._note(socket.url)

    def _note(self, url: str) -> bool:
        address = urlsplit(url)
        away = address.scheme not in {"data", "blob", "about"} and (
            address.hostname != "127.0.0.1"
        )
        if away:
            self.outside.append(url)
        return away


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook of code cells for the default kernel."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, path)


class Notebook:
    """One open notebook with an idle kernel.

    Every wait has a time-out: a promise awaited inside `page.evaluate` has none, so
    the page only sets a flag and the flag is polled.
    """

    def __init__(self, page: Page, server: Server, name: str) -> None:
        self.page = page
        page.goto(server.url(name))
        self.wait_for("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
        self.wait_for_idle()

    def wait_for(self, condition: str, timeout_s: float = START_S) -> None:
        """Wait until a JavaScript expression is true."""
        self.page.wait_for_function(f"() => !!({condition})", timeout=timeout_s * 1000)

    def wait_for_idle(self, timeout_s: float = START_S) -> None:
        status = f"{PANEL}.sessionContext.session?.kernel?.status"
        self.wait_for(f"{status} === 'idle'", timeout_s)

    def start_cell(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(
            """index => {
                window.ended = window.ended || {};
                window.ended[index] = false;
                window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
                window.jupyterapp.commands.execute('notebook:run-cell')
                    .finally(() => { window.ended[index] = true; });
            }""",
            index,
        )

    def wait_cell(self, index: int, timeout_s: float = START_S) -> list[dict[str, Any]]:
        """Wait for the end of a started cell, return its outputs."""
        self.wait_for(f"window.ended[{index}]", timeout_s)
        return self.outputs(index)

    def run_cell(self, index: int, timeout_s: float = START_S) -> list[dict[str, Any]]:
        """Run a cell to its end, return its outputs."""
        self.start_cell(index)
        return self.wait_cell(index, timeout_s)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell as they would be saved."""
        cell = f"{PANEL}.content.widgets[{index}].model.toJSON().outputs"
        outputs: list[dict[str, Any]] = self.page.evaluate(f"() => {cell}")
        return outputs

    def output_area(self, index: int) -> Locator:
        """Find what is seen below a cell; its source has the same words in it."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(index)
        return cell.locator(".jp-OutputArea")

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a command of the front end and wait for its end."""
        self.page.evaluate(
            """([name, given]) => {
                window.commandEnded = false;
                window.jupyterapp.commands.execute(name, given)
                    .finally(() => { window.commandEnded = true; });
            }""",
            [name, arguments],
        )
        self.wait_for("window.commandEnded")

    def interrupt(self) -> None:
        self.page.evaluate(
            f"() => {{ {PANEL}.sessionContext.session.kernel.interrupt(); }}"
        )

    def save(self) -> None:
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """Change the colours, for example to "JupyterLab Dark"."""
        self.command("apputils:change-theme", theme=name)
        self.wait_for(f"document.body.dataset.jpThemeName === {json.dumps(name)}")

    def screenshot(self, path: Path, index: int | None = None) -> None:
        """Take a picture of the outputs of a cell, or of the page."""
        target = self.page if index is None else self.output_area(index)
        target.screenshot(path=path)

    def shutdown(self) -> None:
        """End the kernel."""
        self.page.evaluate(
            f"""() => {{
                window.kernelEnded = false;
                {PANEL}.sessionContext.shutdown()
                    .finally(() => {{ window.kernelEnded = true; }});
            }}"""
        )
        self.wait_for("window.kernelEnded")


@dataclass
class Front:
    """A server, and a page that is new in each test.

    `guard.outside` lists what the page wanted from elsewhere; a test passes only if
    it is empty in the end.
    """

    server: Server
    page: Page
    guard: Guard

    @property
    def root(self) -> Path:
        """Folder of the notebooks; modules put there can be imported by their cells."""
        return self.server.root

    def open(self, name: str, cells: Sequence[str] | None = None) -> Notebook:
        """Open a notebook, written from the sources of its cells if they are given."""
        if cells is not None:
            write_notebook(self.root / name, cells)
        return Notebook(self.page, self.server, name)
