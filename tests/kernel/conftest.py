"""A real ipykernel, driven as a front end does; the newest one, and an old one.

The kernels of the old one run in `.venv-ipykernel6`, an environment with ipykernel 6.31
and the lowest IPython that we claim; `.ci/run` makes it. The tests themselves always run
in this one.
"""

import json
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from grok_nb._sandbox.server import Sandbox
from tests.support import OLD_KERNEL, WITHOUT_OLD_KERNEL

WAIT_S = 30


class Cell:
    """An execute request and what came back for it."""

    def __init__(self, kernel: "Kernel", msg_id: str) -> None:
        self.kernel = kernel
        self.id = msg_id
        self.messages: list[dict[str, Any]] = []
        self.is_idle = False

    def wait(self, until: Callable[["Cell"], bool] | None = None) -> "Cell":
        """Read iopub until the cell is idle, or until a condition holds."""
        end = time.monotonic() + WAIT_S
        while not (until(self) if until else self.is_idle):
            assert time.monotonic() < end, self.messages
            self.kernel.read()
        return self

    @property
    def reply(self) -> dict[str, Any]:
        """The shell reply's content."""
        end = time.monotonic() + WAIT_S
        while True:
            message = self.kernel.client.get_shell_msg(timeout=end - time.monotonic())
            if message["parent_header"].get("msg_id") == self.id:
                return message["content"]

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """The contents of the messages of these types."""
        return [m["content"] for m in self.messages if m["msg_type"] in kinds]

    @property
    def shown(self) -> list[str]:
        """Plain text of each display, in order, repaints included."""
        kinds = ("display_data", "update_display_data", "execute_result")
        return [c["data"]["text/plain"] for c in self.of(*kinds)]

    @property
    def html(self) -> list[str]:
        kinds = ("display_data", "update_display_data", "execute_result")
        return [c["data"].get("text/html", "") for c in self.of(*kinds)]

    @property
    def stdout(self) -> str:
        return "".join(c["text"] for c in self.of("stream"))

    @property
    def error(self) -> dict[str, Any]:
        (error,) = self.of("error")
        return error


class Kernel:
    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client
        self.cells: dict[str, Cell] = {}

    def start(
        self,
        code: str,
        *,
        watched: bool = False,
        cell_id: str | None = None,
        **options: Any,
    ) -> Cell:
        if cell_id is None:
            msg_id = self.client.execute(code, allow_stdin=watched, **options)
        else:  # as JupyterLab and Notebook do
            content = {"code": code, "silent": False, "store_history": True}
            content |= {"allow_stdin": watched, "stop_on_error": True}
            content |= {"user_expressions": {}}
            message = self.client.session.msg(
                "execute_request", content, metadata={"cellId": cell_id}
            )
            self.client.shell_channel.send(message)
            msg_id = message["header"]["msg_id"]
        self.cells[msg_id] = cell = Cell(self, msg_id)
        return cell

    def run(
        self, code: str, *, watched: bool = False, cell_id: str | None = None
    ) -> Cell:
        return self.start(code, watched=watched, cell_id=cell_id).wait()

    def start_all(self, *codes: str, watched: bool = False) -> list[Cell]:
        """Queue cells as Run All does: all are there before the first one fails."""
        self.start("__import__('time').sleep(0.3)")
        return [self.start(code, watched=watched) for code in codes]

    def value(self, expression: str) -> Any:
        """Evaluate something whose repr is a literal."""
        import ast

        cell = self.run(f"print(repr({expression}))")
        assert not cell.of("error"), cell.error["traceback"]
        return ast.literal_eval(cell.stdout)

    def read(self) -> None:
        try:
            message = self.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            return
        cell = self.cells.get(message["parent_header"].get("msg_id"))
        if cell is None:
            return
        cell.messages.append(message)
        if message["msg_type"] == "status":
            cell.is_idle = message["content"]["execution_state"] == "idle"

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(Path(sys.executable), id="newest"),
        pytest.param(
            OLD_KERNEL,
            id="6.31",
            marks=pytest.mark.skipif(
                not OLD_KERNEL.exists(), reason=f"Left out: {WITHOUT_OLD_KERNEL}"
            ),
        ),
    ],
)
def kernel_python(request: pytest.FixtureRequest) -> Path:
    """The Python whose ipykernel is tested."""
    return request.param


def start_kernel(folder: Path, python: Path, **variables: str) -> Kernel:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_NB_"))
    }
    environment |= {
        "GROK_NB_STORE": str(folder / "store"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        **variables,
    }
    spec = folder / "kernels" / "tested" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-m", "ipykernel_launcher", "--log-level=40"]
    command += ["-f", "{connection_file}"]
    spec.write_text(
        json.dumps({"argv": command, "display_name": "tested", "language": "python"})
    )
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
    manager = KernelManager(kernel_name="tested", kernel_spec_manager=specs)
    manager.start_kernel(env=environment, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return Kernel(manager, client)


def stop_kernel(kernel: Kernel) -> None:
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)
    kernel.manager.cleanup_resources()


@pytest.fixture
def new_kernel(tmp_path, kernel_python) -> Iterator[Callable[..., Kernel]]:
    started = []

    def start(**variables: str) -> Kernel:
        started.append(start_kernel(tmp_path, kernel_python, **variables))
        return started[-1]

    yield start
    for kernel in started:
        stop_kernel(kernel)


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory, kernel_python) -> Iterator[Kernel]:
    """One kernel a module: starting one takes longer than most tests."""
    kernel = start_kernel(tmp_path_factory.mktemp("kernel"), kernel_python)
    yield kernel
    stop_kernel(kernel)


@pytest.fixture
def kernel(shared_kernel, sandbox, tmp_path) -> Kernel:
    """A kernel with the extension loaded, a new ledger, and the test's sandbox."""
    settings = {
        "XAI_BASE_URL": sandbox.base_url,
        "XAI_API_KEY": sandbox.key,
        "GROK_NB_STORE": str(tmp_path / "store"),
    }
    assert not shared_kernel.run("%reset -f").of("error")
    shared_kernel.run(f"import os; os.environ.update({settings!r}); del os")
    loaded = shared_kernel.run("%reload_ext grok_nb")
    assert [m["msg_type"] for m in loaded.messages] == [
        "status",
        "execute_input",
        "status",
    ]
    return shared_kernel
