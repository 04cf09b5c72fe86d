"""Keys that are kept elsewhere: Colab's secrets, the system's keyring.

Both may ask somebody before they give a key. So they are looked at when a request needs
one, and neither argument, environment nor ``.env`` has it; never on import. What was
found is remembered until the process ends.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import threading
from typing import TYPE_CHECKING

from grok_nb import config
from grok_nb.config import Secret
from grok_nb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.config import Settings

#: The secret's name in Colab; in the keyring it is the user's name.
NAME = "XAI_API_KEY"
#: The keyring's service: ``keyring set grok_nb XAI_API_KEY`` asks for the key, hidden.
SERVICE = "grok_nb"
#: Seconds that the keyring may take; somebody may have to unlock it.
WAIT_S = 10.0
_SLICE_S = 0.1

_found: tuple[Secret, str] | None = None
_look: _Look | None = None
_guard = threading.Lock()


def remembered(settings: Settings) -> Settings:
    """Return the settings with the key that an earlier search found, if they need it."""
    if settings.api_key is not None or _found is None:
        return settings
    secret, source = _found
    sources = {**settings.sources, "api_key": source}
    return dataclasses.replace(settings, api_key=secret, sources=sources)


def search(settings: Settings, wait_s: float = WAIT_S) -> tuple[Settings, str]:
    """Look for a key in Colab's secrets, then in the keyring, if there is none.

    Blocks, at most ``wait_s`` seconds for the keyring; Ctrl-C ends it.

    Returns
    -------
    tuple of Settings and str
        With the key, if one was found; and what was in the way, as a sentence.

    Raises
    ------
    ConfigError
        What is kept there cannot be a key.
    """
    global _found  # noqa: PLW0603 - one key per process
    settings = remembered(settings)
    if settings.api_key is not None:
        return settings, ""
    troubles = []
    for source, look in (
        ("Colab secret", _colab),
        ("keyring", lambda: _keyring(wait_s)),
    ):
        value, trouble = look()
        secret = config.checked_key(value, source)
        if secret is not None:
            _found = secret, source
            return remembered(settings), ""
        troubles.append(trouble)
    return settings, " ".join(filter(None, troubles))


def required(settings: Settings) -> Settings:
    """Return the settings with a key; `search` if there is none yet.

    Raises
    ------
    ConfigError
        There is no key; it says how to set one.
    """
    settings, trouble = search(settings)
    if settings.api_key is None and trouble:
        raise ConfigError(f"{config.NO_KEY} {trouble}", hint=config.KEY_HINT)
    settings.require_key()
    return settings


def in_colab() -> bool:
    """Whether this is Colab's kernel, whose secrets only the main thread can ask for.

    The answer comes over the socket that also carries ``input()``, which is no
    other thread's to read.
    """
    return (
        "google.colab" in sys.modules
        and threading.current_thread() is threading.main_thread()
    )


def _colab() -> tuple[Secret | None, str]:
    if not in_colab():
        return None, ""
    try:
        userdata = importlib.import_module("google.colab.userdata")
        return _hidden(userdata.get(NAME)), ""
    except Exception as error:  # noqa: BLE001 - it is one of several places
        # no such secret is the normal case, the rest is worth telling
        if type(error).__name__ == "SecretNotFoundError":
            return None, ""
        return None, (
            f"Colab did not give its secret {NAME} ({type(error).__name__}): allow "
            "this notebook to read it, at the key on the left."
        )


def _keyring(wait_s: float) -> tuple[Secret | None, str]:
    """Ask the keyring on a thread of its own, which may wait for somebody for ever."""
    global _look  # noqa: PLW0603 - a second question would ask somebody twice
    with _guard:
        if _look is None or not _look.is_alive():
            _look = _Look()
            _look.start()
        look = _look
    for _ in range(max(1, round(wait_s / _SLICE_S))):
        look.join(_SLICE_S)  # in slices, or Ctrl-C would not be noticed on Windows
        if not look.is_alive():
            return look.secret, look.trouble
    return None, f"The keyring did not answer within {wait_s:g} s: is it locked?"


class _Look(threading.Thread):
    """One question to the keyring."""

    def __init__(self) -> None:
        super().__init__(name="grok_nb-keyring", daemon=True)
        self.secret: Secret | None = None
        self.trouble = ""

    def run(self) -> None:
        try:
            ask: Callable[[str, str], object]
            ask = importlib.import_module("keyring").get_password
            self.secret = _hidden(ask(SERVICE, NAME))
        except ModuleNotFoundError as error:
            if error.name != "keyring":
                self.trouble = f"The keyring cannot be used: {error.name} is missing."
        except BaseException as error:  # noqa: BLE001 - foreign code of any backend
            # its text may hold anything; no usable backend is the normal case
            if type(error).__name__ not in ("NoKeyringError", "InitError"):
                self.trouble = f"The keyring failed ({type(error).__name__})."


def _hidden(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) else None
