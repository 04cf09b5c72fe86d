"""The process's default session, and the sandbox that it may talk to.

``gn.ask``, ``gn.usage`` and the magics use the default session. It is made when it is
needed, and made anew when a setting has changed since.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Unpack

from grok_nb import config, keys, pricing
from grok_nb.errors import ConfigError, MissingExtra
from grok_nb.session import AsyncGrok, Grok, ReplyStream
from grok_nb.store import db

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from grok_nb._sandbox.server import Sandbox as SandboxServer
    from grok_nb.api.question import AskOptions
    from grok_nb.pricing import PriceTable
    from grok_nb.reply import Reply

_guard = threading.RLock()
_defaults: dict[str, Any] = config.configured
_default: Grok | None = None


def configure(**settings: Any) -> None:
    """Set defaults for all sessions of this process; ``None`` takes a setting back.

    Parameters
    ----------
    **settings
        ``api_key, base_url, model, store, stream, timeout_s, on_doubt, keep_text,
        verify, budget_usd, management_key, management_base_url``, as in `grok_nb.config.Settings`. They win over environment and files.

    Raises
    ------
    ConfigError
        An unknown setting, or a value that cannot be right; nothing is changed.
    """
    for name in ("api_key", "management_key"):
        settings[name] = config.hidden(settings.get(name, _defaults.get(name)))
    merged = {**_defaults, **settings}
    merged = {name: value for name, value in merged.items() if value is not None}
    config.resolve(merged)
    with _guard:
        _defaults.clear()
        _defaults.update(merged)


def settings() -> config.Settings:
    """Return the settings that the default session has now."""
    return keys.remembered(config.resolve(_defaults))


def session() -> Grok:
    """Return the default session; made anew when its settings have changed."""
    global _default  # noqa: PLW0603 - one per process is the point
    now = settings()
    with _guard:
        if _default is None or _default.settings != now:
            _default = Grok()
        return _default


def known_prices() -> PriceTable:
    """Return the prices that are known without asking anybody."""
    return pricing.snapshot() if _default is None else _default.price_table


def ask(prompt: str | None = None, **options: Unpack[AskOptions]) -> Reply:
    """Ask one question with the default session; see `AsyncGrok.ask`."""
    __tracebackhide__ = True
    return session().ask(prompt, **options)


async def aask(prompt: str | None = None, **options: Unpack[AskOptions]) -> Reply:
    """Ask one question with the default session, awaitable; see `AsyncGrok.ask`."""
    return await session()._core.ask(prompt, **options)  # noqa: SLF001 - the same in two faces


def stream(prompt: str | None = None, **options: Unpack[AskOptions]) -> ReplyStream:
    """Ask one question and iterate over the reply; see `AsyncGrok.stream`."""
    return session().stream(prompt, **options)


ask.__doc__, aask.__doc__ = AsyncGrok.ask.__doc__, AsyncGrok.ask.__doc__
stream.__doc__ = AsyncGrok.stream.__doc__


class Sandbox:
    """A running sandbox that the default session talks to.

    Attributes
    ----------
    base_url : str
        Ends in ``/v1``; for any client.
    key : str
        An API key that it takes.
    management_base_url, management_key : str
        The same for what the management host answers: account usage and credit.
    """

    def __init__(
        self,
        server: SandboxServer,
        folder: tempfile.TemporaryDirectory[str] | None,
        store: str | None,
        before: dict[str, Any],
    ) -> None:
        self._server = server
        self._folder = folder
        self._store = store
        self._before = before
        self.base_url: str = server.base_url
        self.key: str = server.key
        self.management_base_url: str = server.management_base_url
        self.management_key: str = server.management_key
        #: what sessions that talk to it are set to
        self._settings: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": config.Secret(server.key),
            "management_base_url": server.management_base_url,
            "management_key": config.Secret(server.management_key),
        }

    def calls(self) -> list[dict[str, Any]]:
        """Return what each call cost here.

        Returns
        -------
        list of dict
            ``request_id, path, model, status, billed, cost_in_usd_ticks, usage,
            closed_early`` of each request that can cost money, oldest first; also of
            those whose answer never arrived.
        """
        return self._server.calls()

    def requests(self) -> list[dict[str, Any]]:
        """Return what arrived.

        Returns
        -------
        list of dict
            ``method, path, headers, body`` of each request, oldest first; the key is
            masked.
        """
        return self._server.requests()

    def fail(self, *faults: str | dict[str, Any]) -> None:
        """Let requests go wrong from now on, to see what happens then.

        Parameters
        ----------
        *faults
            ``KIND[@[METHOD ]PATH][#NTH or %RATE][*TIMES][,field=value...]``, as for
            ``grok-nb sandbox --fail``, or a dict with the same fields. They replace
            what was scripted before, and count requests from now; without any,
            everything works again.

        Raises
        ------
        ConfigError
            One of them makes no sense; nothing is changed.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box:
        ...     box.fail("503@/v1/chat#1,retry_after=0")
        ...     gn.ask("What is 6*7?").attempts
        2
        """
        try:
            self._server.fail(*faults)
        except ValueError as error:
            raise ConfigError(
                f"The sandbox cannot fail like that: {error}.",
                hint='For example: box.fail("429@/v1/chat#2"), or box.fail() for none.',
            ) from None

    def stop(self) -> None:
        """End the server; the default session is as it was before."""
        global _sandbox  # noqa: PLW0603
        atexit.unregister(self.stop)
        with _guard:
            if _sandbox is not self:
                return
            _sandbox = None
            _defaults.clear()
            _defaults.update(self._before)
        self._server.stop()
        if self._store is not None:
            db.forget(self._store)
        if self._folder is not None:
            self._folder.cleanup()

    def __repr__(self) -> str:
        return f"<grok_nb sandbox at {self.base_url}: no Grok, no cost>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


_sandbox: Sandbox | None = None


def sandbox(*, store: str | os.PathLike[str] | None = None, **options: Any) -> Sandbox:
    """Start the sandbox, or return the running one, and make it the default.

    Replies then come from this machine and are marked so. Unless a store is configured
    or ``GROK_NB_STORE`` is set, its ledger is a temporary one, so that play money never
    mixes with real.

    Parameters
    ----------
    store
        Folder of the ledger while it runs.
    **options
        For the server: ``port, key, vintage, latency_ms, rpm, tpm, tokens_per_s,
        faults``.

    Returns
    -------
    Sandbox
        Also a context manager; ``.fail()`` lets things go wrong, ``.stop()`` ends it.

    Raises
    ------
    ConfigError
        One runs already, and options were given.
    MissingExtra
        The extra ``sandbox`` is not installed.
    """
    global _sandbox  # noqa: PLW0603 - one per process is the point
    with _guard:
        if _sandbox is not None:
            if store is not None or options:
                raise ConfigError(
                    f"A sandbox runs already, at {_sandbox.base_url}.",
                    hint="Stop it first: gn.sandbox().stop() or %grok_sandbox off.",
                )
            _defaults.update(_sandbox._settings)  # noqa: SLF001 - same module
            return _sandbox
        try:
            from grok_nb._sandbox.server import Sandbox as Server
        except ImportError as error:
            raise MissingExtra(
                f"The sandbox needs {error.name}, which is not installed.",
                hint="pip install 'grok-nb[sandbox]'",
            ) from None
        server = Server(**options)
        server.start()
        before = dict(_defaults)
        folder = None
        if store is not None:
            _defaults["store"] = store = os.fspath(store)
        elif "store" not in _defaults and not os.environ.get("GROK_NB_STORE"):
            folder = tempfile.TemporaryDirectory(
                prefix="grok_nb-sandbox-", ignore_cleanup_errors=True
            )
            _defaults["store"] = store = folder.name
        _sandbox = Sandbox(server, folder, store, before)
        _defaults.update(_sandbox._settings)  # noqa: SLF001 - same module
        # before the stores are closed: they would write to a folder that is gone
        atexit.register(_sandbox.stop)
        return _sandbox


def running_sandbox() -> Sandbox | None:
    """Return the sandbox of this process, if one runs."""
    return _sandbox
