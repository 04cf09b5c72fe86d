"""What must be noticed: a client that loads its price list from elsewhere, and more."""

from __future__ import annotations

import os
import socket
from typing import Any

from telling import refused, tell

del os.environ["LITELLM_LOCAL_MODEL_COST_MAP"]


def by_address() -> Any:
    return refused(socket.create_connection, ("192.0.2.1", 80), 1)


def by_name() -> Any:
    return refused(socket.create_connection, ("grok.example", 80), 1)


def by_a_client() -> Any:
    import litellm

    return "xai/grok-4.7" in litellm.model_cost


if __name__ == "__main__":
    tell(["litellm"], by_address, by_name, by_a_client)
