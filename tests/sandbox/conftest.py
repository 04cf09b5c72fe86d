"""The client against the sandbox, over a real socket."""

import asyncio
from collections.abc import Iterator

import pytest

from grok_nb._sandbox.server import Sandbox
from grok_nb.clock import SystemClock


class QuickClock(SystemClock):
    """Real time, but the waits between attempts take none."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture(scope="module")
def year_2025() -> Iterator[Sandbox]:
    with Sandbox(vintage="2025") as server:
        yield server


@pytest.fixture(scope="module")
def year_2026() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture
def quick_clock() -> QuickClock:
    return QuickClock()
