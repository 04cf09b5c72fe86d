"""What several kinds of tests need: the sandbox's windows, and where things are."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
#: The Python of an environment with ipykernel 6.31, for tests/kernel.
OLD_KERNEL = ROOT / ".venv-ipykernel6" / "bin" / "python"
WITHOUT_OLD_KERNEL = (
    "the kernel tests on ipykernel 6.31, for there is no .venv-ipykernel6; "
    "bash .ci/run makes it"
)
#: The Python of an environment with clients of other people, for tests/clients.
CLIENTS = ROOT / ".venv-clients" / "bin" / "python"
WITHOUT_CLIENTS = (
    "anthropic, litellm, langchain-xai, pydantic-ai and instructor on the sandbox, for "
    "there is no .venv-clients; bash .ci/run makes it"
)


def window(sandbox: Any, name: str, method: str = "GET", body: object = None) -> Any:
    """Read or change ``/__sandbox/<name>``."""
    request = urllib.request.Request(
        f"{sandbox.root_url}/__sandbox/{name}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {sandbox.key}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def bills(sandbox: Any) -> list[dict[str, Any]]:
    return window(sandbox, "ledger")["calls"]


def requests(sandbox: Any) -> list[dict[str, Any]]:
    return window(sandbox, "log")["requests"]


def break_it(sandbox: Any, *faults: dict[str, Any]) -> None:
    window(sandbox, "faults", "POST", {"faults": list(faults)})


def eventually(look: Callable[[], T], wait_s: float = 10) -> T:
    """Return the first true value; what is checked happens soon, not at once."""
    end = time.monotonic() + wait_s
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found
