"""That a client which reaches out is noticed: the control of the client tests."""

from __future__ import annotations

from pathlib import Path

from tests.clients_support import needs_clients, told_by


@needs_clients
def test_reaching_out_is_refused_and_told(tmp_path: Path) -> None:
    told = told_by("reaching_out.py", tmp_path)
    for name in ("by_address", "by_name"):
        assert "do not let this reach" in told[name].saw["text"]
    assert told["by_a_client"].saw is True  # it falls back to the list it came with
    assert {"192.0.2.1", "grok.example"} <= set(told.elsewhere)
    assert "raw.githubusercontent.com" in told.elsewhere
