"""What pytest finds wherever grok_nb is installed: the fixture ``grok_sandbox``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grok_nb.default import Sandbox

_MARKER = "grok_sandbox(**options): options of gn.sandbox() for the fixture"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def grok_sandbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Sandbox]:
    """Serve xAI's API on this machine for one test: no key, no network, no cost.

    In the test, ``gn.ask``, new `Grok` objects, the magics of this process, and
    processes that it starts talk to the sandbox: settings and environment
    (``XAI_API_KEY``, ``XAI_BASE_URL``, the same with ``XAI_MANAGEMENT_``, and
    ``GROK_NB_STORE``) say so. The ledger is an
    empty one in ``tmp_path``.

    The marker ``grok_sandbox`` gives the options of `gn.sandbox`, for instance
    ``@pytest.mark.grok_sandbox(vintage="2025", faults=["429#1"])``.

    Yields
    ------
    Sandbox
        ``.base_url`` and ``.key`` for any client, ``.requests()`` and ``.calls()`` for
        what arrived and what it would have cost.

    Examples
    --------
    >>> def test_summary(grok_sandbox):
    ...     assert "6*7" in summarise("What is 6*7?")
    ...     [call] = grok_sandbox.calls()
    """
    from grok_nb.default import sandbox

    options: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers("grok_sandbox"))):
        options |= marker.kwargs
    store = tmp_path / "grok_nb"
    with sandbox(**{"store": store, **options}) as box:  # type: ignore[arg-type]  # of the marker
        monkeypatch.setenv("XAI_API_KEY", box.key)
        monkeypatch.setenv("XAI_BASE_URL", box.base_url)
        monkeypatch.setenv("XAI_MANAGEMENT_KEY", box.management_key)
        monkeypatch.setenv("XAI_MANAGEMENT_BASE_URL", box.management_base_url)
        monkeypatch.setenv("GROK_NB_STORE", str(options.get("store", store)))
        yield box
