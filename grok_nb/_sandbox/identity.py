"""Who asks: the sandbox's one user, one team and whatever key was sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .errors import TEAM

if TYPE_CHECKING:
    from .answers import ApiKey, Me

_USER = "00000000-0000-4000-8000-0000005a9db0"
_SINCE = "2026-01-02T03:04:05.000Z"


def api_key(key: str) -> ApiKey:
    """
    Give the answer of ``GET /v1/api-key``.

    The last four characters shown are not the key's, as the API would do it, but of
    its hash: whoever points a client with a real key here shall not see a part of it.
    """
    mark = hashlib.sha256(key.encode(errors="replace")).hexdigest()
    return {
        "redacted_api_key": f"xai-...{mark[:4]}",
        "user_id": _USER,
        "name": "sandbox of grok_nb",
        "create_time": _SINCE,
        "modify_time": _SINCE,
        "modified_by": _USER,
        "team_id": TEAM,
        "acls": ["api-key:model:*", "api-key:endpoint:*"],
        "api_key_id": f"00000000-0000-4000-8000-{mark[4:16]}",
        "team_blocked": False,
        "api_key_blocked": False,
        "api_key_disabled": False,
    }


def me(key: str) -> Me:
    """Give the answer of ``GET /v1/me``."""
    return {
        "user_id": _USER,
        "team_id": TEAM,
        "team_blocked": False,
        "zdr_status": "disabled",
        "api_key": api_key(key),
    }
