"""What each script here does: try a client on the sandbox, and tell what it saw.

Runs in an environment of the clients' own, so it uses the standard library only.
A script is started with ``XAI_API_KEY``, ``XAI_API_BASE`` and, for the sandbox of
2025, ``XAI_API_BASE_2025``; it prints one JSON object.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable
from importlib import metadata
from typing import Any

HOME = "127.0.0.1"
KEY = os.environ["XAI_API_KEY"]
BASE = os.environ["XAI_API_BASE"]
BASE_2025 = os.environ["XAI_API_BASE_2025"]

#: Whom this process tried to reach elsewhere, by name or address.
elsewhere: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse, and write down, what does not go to this machine."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else address
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    if host not in {HOME, None}:
        elsewhere.append(str(host))
        raise OSError(f"the tests do not let this reach {host}")


sys.addaudithook(_watch)


def window(name: str, method: str = "GET", body: object = None, *, base: str = BASE):
    """Read or change ``/__sandbox/<name>``."""
    request = urllib.request.Request(
        f"{base.removesuffix('/v1')}/__sandbox/{name}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def _calls(base: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for _ in range(200):  # a stream's bill is closed after its last byte
        calls = window("ledger", base=base)["calls"]
        if all(call["done"] for call in calls):
            break
    return calls


def _tried(check: Callable[[], Any]) -> dict[str, Any]:
    base = BASE_2025 if check.__name__.endswith("_2025") else BASE
    for name in ("faults", "ledger", "log"):
        window(name, "DELETE", base=base)
    told: dict[str, Any] = {"saw": None, "trouble": None}
    try:
        saw = check()
        told["saw"] = asyncio.run(saw) if inspect.iscoroutine(saw) else saw
    except Exception:
        told["trouble"] = traceback.format_exc()
    return told | {
        "calls": _calls(base),
        "requests": window("log", base=base)["requests"],
    }


def refusal(error: BaseException) -> dict[str, Any]:
    """Give an exception's kind, text and status."""
    return {
        "kind": type(error).__name__,
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "text": str(error),
        "status": getattr(error, "status_code", None),
    }


def refused(call: Callable[..., Any], *given: Any, **named: Any) -> dict[str, Any]:
    """Give the exception of a call that must fail."""
    try:
        answer = call(*given, **named)
    except Exception as error:
        return refusal(error)
    raise AssertionError(f"it did not fail, but gave {answer!r}")


def tell(packages: list[str], *checks: Callable[[], Any]) -> None:
    """Run the checks, one after the other, and print what was seen."""
    out = os.dup(1)
    os.dup2(2, 1)  # what the clients print is no part of the answer
    told = {
        "versions": {name: metadata.version(name) for name in packages},
        "checks": {check.__name__: _tried(check) for check in checks},
        "elsewhere": elsewhere,
    }
    with os.fdopen(out, "w") as stream:
        json.dump(told, stream)
