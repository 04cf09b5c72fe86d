"""What the tests of batches and of the account share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from grok_nb._sandbox.errors import TEAM
from grok_nb._sandbox.server import Sandbox

BATCHES = "/v1/batches"
DAY_S = 24 * 3600


def chat(text: str = "What is 2*3?", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "grok-4.3", "messages": messages} | fields


def entry(name: str | None, body: object, kind: str = "chat_get_completion") -> Any:
    named = {} if name is None else {"batch_request_id": name}
    return named | {"batch_request": {kind: body}}


def chats(*names: str) -> dict[str, Any]:
    return {"batch_requests": [entry(name, chat(f"{name}: 2*3=?")) for name in names]}


@dataclass
class Box:
    """A sandbox, a client for its API and one for its management host."""

    sandbox: Sandbox
    api: httpx.Client
    account: httpx.Client

    def made(self, *names: str, name: str = "n") -> str:
        """Create a batch with these chats."""
        answer = self.api.post(BATCHES, json={"name": name})
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["batch_id"]
        if names:
            self.add(found, chats(*names))
        return found

    def add(self, batch: str, body: object) -> None:
        answer = self.api.post(f"{BATCHES}/{batch}/requests", json=body)
        assert (answer.status_code, answer.json()) == (200, {}), answer.text

    def get(self, path: str, **query: str) -> Any:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def batch(self, name: str) -> Any:
        return self.get(f"{BATCHES}/{name}")

    def state(self, name: str) -> tuple[int, int, int, int]:
        """Pending, success, error, cancelled; they come to all."""
        state = self.batch(name)["state"]
        parts = ("num_pending", "num_success", "num_error", "num_cancelled")
        found = tuple(state[part] for part in parts)
        assert sum(found) == state["num_requests"]
        return found  # type: ignore[return-value]

    def results(self, name: str) -> dict[str, Any]:
        listed = self.get(f"{BATCHES}/{name}/results")["results"]
        found = {one["batch_request_id"]: one["batch_result"] for one in listed}
        assert len(found) == len(listed)
        return found

    def advance(self, seconds: float) -> None:
        body = {"advance_s": seconds}
        assert self.api.post("/__sandbox/clock", json=body).status_code == 200

    def now(self) -> float:
        return self.get("/__sandbox/clock")["now"]  # type: ignore[no-any-return]

    def bill(self) -> list[dict[str, Any]]:
        return self.get("/__sandbox/ledger")["calls"]  # type: ignore[no-any-return]

    def script(self, *faults: dict[str, Any]) -> None:
        answer = self.api.post("/__sandbox/faults", json={"faults": list(faults)})
        assert answer.status_code == 200, answer.text


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Box]:
    with Sandbox(**options) as sandbox, contextlib.ExitStack() as stack:
        api, account = (
            stack.enter_context(
                httpx.Client(
                    base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30
                )
            )
            for url, key in (
                (sandbox.root_url, sandbox.key),
                (
                    f"{sandbox.management_base_url}/v1/billing/teams/{TEAM}",
                    sandbox.management_key,
                ),
            )
        )
        yield Box(sandbox, api, account)
