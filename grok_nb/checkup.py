"""What works here and what does not, each with what to type next.

``gn.doctor()`` shows versions, settings, and the way to the API, step by step. It raises
nothing for a network that fails, takes a bounded time, and shows no part of a key.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grok_nb import __version__, config, default, keys
from grok_nb.clock import SystemClock
from grok_nb.errors import ConfigError
from grok_nb.portal import portal
from grok_nb.reach import Findings, Reach
from grok_nb.show.render import checks_bundle, checks_text
from grok_nb.store import file, journal

if TYPE_CHECKING:
    from grok_nb.reach import Check

#: Seconds for all of it.
TIMEOUT_S = 10.0
_PACKAGES = (
    *("httpx", "pydantic", "pandas", "ipython", "ipykernel", "jupyterlab", "notebook"),
    *("nbclient", "ipywidgets", "anywidget", "keyring"),
)


class Checkup:
    """The findings of `doctor`; ``print`` it, or leave it as a cell's last line.

    Attributes
    ----------
    checks : list of Check
        As a DataFrame: ``pd.DataFrame(checkup.checks)``.
    """

    def __init__(self, checks: list[Check]) -> None:
        self.checks = checks

    @property
    def ok(self) -> bool:
        """Whether nothing is a problem."""
        return all(check.state != "problem" for check in self.checks)

    @property
    def _title(self) -> str:
        problems = sum(check.state == "problem" for check in self.checks)
        notes = sum(check.state == "note" for check in self.checks)
        parts = [
            f"{problems} problem{'s' * (problems != 1)}" if problems else "all well"
        ]
        parts += [f"{notes} note{'s' * (notes != 1)}"] if notes else []
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"<grok_nb checkup: {self._title}>"

    def __str__(self) -> str:
        return checks_text(self._title, [dataclasses.astuple(c) for c in self.checks])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return checks_bundle(self._title, [dataclasses.astuple(c) for c in self.checks])

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it: ``ok`` and ``checks``."""
        checks = [dataclasses.asdict(check) for check in self.checks]
        return {"ok": self.ok, "checks": checks}


def doctor(*, timeout_s: float = TIMEOUT_S) -> Checkup:
    """Look at everything that a first question needs, and say what is wrong.

    Versions, front end, key, address, proxy, certificates, the way to the API step by
    step, the API's opinion of the key, default model, and the ledger's folder. Only free
    endpoints are asked.

    Parameters
    ----------
    timeout_s
        Limit in seconds for all of it; default 10.

    Returns
    -------
    Checkup
        ``.ok``, ``.checks``; it shows as a small table.

    Raises
    ------
    ConfigError
        ``timeout_s`` is no number of seconds. What is wrong elsewhere is a line.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     gn.doctor().ok
    True
    """
    given: object = timeout_s
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not timeout_s > 0:
        raise ConfigError(f"timeout_s must be above 0, not {timeout_s!r}.")
    found, clock = Findings(), SystemClock()
    end = clock.monotonic() + timeout_s
    _versions(found)
    _front_end(found)
    try:
        settings = default.settings()
    except ConfigError as error:
        found.problem("settings", error)
        return Checkup(found.checks)
    settings = _key(found, settings, timeout_s / 2)
    found.secret = settings.api_key
    if settings.management_key is not None:
        where = settings.sources["management_key"]
        host = settings.management_base_url
        found.ok("management key", f"found ({where}), for {host}")
    _store(found, settings)
    source = settings.sources["base_url"]
    found.ok("address", f"{settings.base_url} ({source})")
    core = default.session()._core  # noqa: SLF001 - the awaitable half
    rest = max(0.1, end - clock.monotonic())  # of what the keyring left
    portal().call(lambda: Reach(found, settings, core).go(rest))
    return Checkup(found.checks)


def _versions(found: Findings) -> None:
    versions = [f"grok_nb {__version__}"]
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    found.ok("versions", ", ".join(versions))
    python = f"Python {platform.python_version()}, {platform.platform(terse=True)}"
    found.ok("python", f"{python}, {sys.executable}")


def _front_end(found: Findings) -> None:
    """Say who shows what is displayed, by what each is known to set."""
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded is not None else None
    if shell is None:
        found.ok("front end", "Python without IPython: gn.ask(), but no magics")
        return
    if getattr(shell, "kernel", None) is None:
        found.ok("front end", "IPython in a terminal: replies show as text")
        return
    if "google.colab" in sys.modules:
        where = "Colab"
    elif any(name.startswith("VSCODE_") for name in os.environ):
        where = "VS Code"
    elif "JPY_SESSION_NAME" in os.environ:
        where = "JupyterLab or Notebook"
    else:
        where = "a kernel"
    parent = shell.get_parent() or {}
    watched = parent.get("content", {}).get("allow_stdin", False)
    ways = (
        "replies stream" if watched else "nobody is watching: replies show once, whole"
    )
    has_widgets = all(
        importlib.util.find_spec(name) for name in ("ipywidgets", "anywidget")
    )
    widgets = "widgets installed" if has_widgets else "no widgets"
    found.ok("front end", f"{where}; {ways}; {widgets}")


def _key(found: Findings, settings: config.Settings, wait_s: float) -> config.Settings:
    """Say where the key comes from, and never any part of it."""
    try:
        settings, trouble = keys.search(settings, min(wait_s, keys.WAIT_S))
    except ConfigError as error:
        found.problem("key", error)
        return settings
    if settings.api_key is None:
        found.problem("key", f"{config.NO_KEY} {trouble}".strip(), config.KEY_HINT)
        return settings
    source = settings.sources["api_key"]
    if settings.api_key.reveal().startswith("xai-"):
        found.ok("key", f"found ({source}), in the form of xAI's keys")
    else:
        found.note(
            "key",
            f"found ({source}), but it does not begin with xai- as xAI's keys do",
            "Fine for a gateway of your own; otherwise copy it again from "
            "https://console.x.ai, without quotes.",
        )
    return settings


def _store(found: Findings, settings: config.Settings) -> None:
    source = settings.sources["store"]
    hint = "GROK_NB_STORE=FOLDER, or gn.configure(store=FOLDER)."
    if settings.store == file.MEMORY:
        what = f"in memory ({source}): the ledger ends with this process"
        found.note("store", what, hint)
        return
    folder = Path(settings.store)
    where = f"{folder} ({source})"
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.NamedTemporaryFile(dir=there, prefix=".grok_nb-"):
            pass  # the one sure way to know
        files = list(folder.glob(f"{file.FILE}*"))
        size = sum(part.stat().st_size for part in files)
        locked = [part.name for part in files if not os.access(part, os.W_OK)]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        found.problem("store", f"{where} cannot be written: {reason}", hint)
        return
    if locked:
        found.problem("store", f"{where}: {locked[0]} cannot be written", hint)
        return
    what = f"{where}, {size / 1e6:.1f} MB" if files else f"{where}, empty so far"
    if (note := journal.network_note(there)) is not None:
        found.note("store", what, note)
        return
    found.ok("store", what)
