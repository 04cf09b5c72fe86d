"""Run a script of tests/clients with the clients' own Python; give what it told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import CLIENTS, ROOT, WITHOUT_CLIENTS

SCRIPTS = ROOT / "tests" / "clients"
needs_clients = pytest.mark.skipif(
    not CLIENTS.exists(), reason=f"Left out: {WITHOUT_CLIENTS}"
)
#: Clients that would load price lists or send reports are told not to.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGSMITH_TRACING": "false",
    "HF_HUB_OFFLINE": "1",
    "GRPC_VERBOSITY": "NONE",
}


@dataclass(frozen=True)
class Check:
    """One check: what the client saw, what the sandbox billed and received."""

    saw: Any
    calls: list[dict[str, Any]]
    requests: list[dict[str, Any]]

    @property
    def bodies(self) -> list[Any]:
        return [request["body"] for request in self.requests]

    @property
    def paths(self) -> list[str]:
        return [request["path"] for request in self.requests]

    @property
    def bill(self) -> dict[str, Any]:
        """The usage of the one call."""
        (call,) = self.calls
        assert call["billed"]
        return call["usage"]

    @property
    def ticks(self) -> int:
        return sum(call["cost_in_usd_ticks"] for call in self.calls)


class Told:
    """What a script told."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.elsewhere: list[str] = told["elsewhere"]
        self._checks = told["checks"]

    def __getitem__(self, name: str) -> Check:
        found = self._checks[name]
        assert found["trouble"] is None, found["trouble"]
        return Check(found["saw"], found["calls"], found["requests"])


def told_by(script: str, home: Path) -> Told:
    """Start a script against a sandbox of each year, in an empty home folder."""
    with Sandbox() as today, Sandbox(vintage="2025", key=today.key) as old:
        environ = QUIET | {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XAI_API_KEY": today.key,
            "XAI_API_BASE": today.base_url,
            "XAI_API_BASE_2025": old.base_url,
        }
        done = subprocess.run(
            [CLIENTS, SCRIPTS / script],
            env=environ,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    wanted = (SCRIPTS / "requirements.txt").read_text()
    pins = re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)$", wanted, re.MULTILINE)
    assert told["versions"].items() <= set(pins), "old .venv-clients: run .ci/run"
    return Told(told)


def chat_tokens(bill: dict[str, Any]) -> tuple[int, int, int]:
    """Give a chat bill as input, output with reasoning, and reasoning tokens."""
    reasoning = bill["completion_tokens_details"]["reasoning_tokens"]
    assert reasoning > 0
    return bill["prompt_tokens"], bill["completion_tokens"] + reasoning, reasoning


def responses_tokens(bill: dict[str, Any]) -> tuple[int, int, int]:
    """Give a responses bill in the same way."""
    reasoning = bill["output_tokens_details"]["reasoning_tokens"]
    assert reasoning > 0
    return bill["input_tokens"], bill["output_tokens"], reasoning


#: What the invoice in tests/clients/asked.py says.
INVOICE = {
    "vendor_name": "Acme Corp",
    "invoice_number": "INV-2025-001",
    "invoice_date": "2025-02-10",
    "items": [
        {"description": "Widget A", "quantity": 2, "unit_price": 10.0},
        {"description": "Widget B", "quantity": 1, "unit_price": 15.5},
    ],
    "total_amount": 35.5,
    "currency": "USD",
}
SUM = "[sandbox] 101*3 = 303"
TRAM_PAGE = "https://tramways.example/bern/line-14"
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
