"""Run the sandbox: in a thread for notebooks and tests, in front for the command."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

import uvicorn

from .app import Gate
from .batches.working import catch_up
from .billing.endpoint import KEY_BEGINS
from .desk import Desk, Settings
from .faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from types import FrameType, TracebackType
    from typing import Self

HOST = "127.0.0.1"
START_S = 10.0
# Clients that keep a connection for later must not find it closed at that moment.
KEEP_ALIVE_S = 75
# How long what is still at work when the sandbox ends may take to notice.
END_S = 1.0
# With endless buffers a stream would be generated before its client has read a line.
SEND_BUFFER_BYTES = 64 * 1024


class _Server(uvicorn.Server):
    """Uvicorn that tells when it serves, and that ends with streams still open."""

    def __init__(self, gate: Gate) -> None:
        config = uvicorn.Config(
            gate,
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level="critical",
            backlog=2048,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = asyncio.Event()
        gate.desk.connection = self._connection
        self.on_started: Callable[[], None] = lambda: None
        self.loop: asyncio.AbstractEventLoop | None = None

    def _connection(self, client: tuple[str, int]) -> asyncio.Transport | None:
        for connection in self.server_state.connections:
            if getattr(connection, "client", None) == client:
                return connection.transport
        return None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.on_started()

    def end(self) -> None:
        """End soon, from whichever thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._is_over.set)

    # Uvicorn looks every tenth of a second whether to end, and takes another to do so:
    # long for those who start a sandbox for each of a thousand tests.

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._is_over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            _, late = await asyncio.wait(self.server_state.tasks, timeout=END_S)
            for task in late:
                task.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Unlike uvicorn's, this does not raise the signal again after a clean end.
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            self.end()

        names = ("SIGINT", "SIGTERM", "SIGBREAK")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.signal(number, leave) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(port: int) -> socket.socket:
    # asyncio switches off Nagle's delay (40 ms a reply) only where TCP is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # There the option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind((HOST, port))
    except BaseException:
        listener.close()
        raise
    return listener


def _gate(
    *,
    key: str | None,
    latency_ms: float,
    vintage: str,
    rpm: int | None,
    tpm: int | None,
    faults: Iterable[object],
    tokens_per_s: float | None,
) -> Gate:
    for name, number in (("rpm", rpm), ("tpm", tpm), ("tokens_per_s", tokens_per_s)):
        if number is not None and number <= 0:
            raise ValueError(f"{name} is {number}, not above 0")
    if latency_ms < 0:
        raise ValueError(f"latency_ms is {latency_ms}, not 0 or more")
    settings = Settings(
        key=key,
        latency_s=latency_ms / 1000,
        tokens_per_s=tokens_per_s,
        vintage=vintage,
        rpm=rpm,
        tpm=tpm,
    )
    return Gate(Desk(settings, Faults(faults)))


class Sandbox:
    """
    A sandbox that runs in a thread of this process.

    Parameters
    ----------
    port : int, default 0
        Port on 127.0.0.1; 0 takes a free one.
    key : str, optional
        The one right key. Without: any that starts with ``xai-``, except
        ``xai-wrong...`` and ``xai-token-...``. The management host, with any key, takes
        what starts with ``xai-token-``, except ``xai-token-wrong...``.
    latency_ms : float, default 0
        Milliseconds before the first byte of an inference answer.
    vintage : {"2026", "2025"}
        Error codes and stream shape of which year.
    rpm, tpm : int, optional
        Requests and tokens per minute and model.
    faults : iterable of dict or str
        Scripted faults; see `grok_nb._sandbox.faults`.
    tokens_per_s : float, optional
        Pace of streams; default full speed.

    Examples
    --------
    >>> with Sandbox() as sandbox:
    ...     sandbox.base_url.endswith("/v1")
    True
    """

    def __init__(
        self,
        port: int = 0,
        key: str | None = None,
        *,
        latency_ms: float = 0,
        vintage: str = "2026",
        rpm: int | None = None,
        tpm: int | None = None,
        faults: Iterable[object] = (),
        tokens_per_s: float | None = None,
    ) -> None:
        self._gate = _gate(
            key=key,
            latency_ms=latency_ms,
            vintage=vintage,
            rpm=rpm,
            tpm=tpm,
            faults=faults,
            tokens_per_s=tokens_per_s,
        )
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.key = key if key is not None else f"xai-sandbox-{secrets.token_hex(8)}"
        self.management_key = f"{KEY_BEGINS}{secrets.token_hex(8)}"

    @property
    def root_url(self) -> str:
        """The server's root, under which the windows are."""
        return f"http://{HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """The base URL for clients; ends in ``/v1``."""
        return f"{self.root_url}/v1"

    @property
    def management_base_url(self) -> str:
        """The base URL of the management host; its paths begin with ``/v1/billing``."""
        return self.root_url

    @property
    def is_running(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """
        Serve until `stop`; a second call does nothing.

        Raises
        ------
        OSError
            If the port is taken.
        """
        if self.is_running:
            return self
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        server = _Server(self._gate)
        settled = threading.Event()
        server.on_started = settled.set
        failures: list[BaseException] = []

        def run() -> None:
            try:
                server.run(sockets=[listener])
            except BaseException as problem:  # noqa: BLE001 - raised again by start
                failures.append(problem)
            finally:
                listener.close()
                settled.set()

        self._server = server
        self._thread = threading.Thread(target=run, name="grok_nb-sandbox", daemon=True)
        self._thread.start()
        if not settled.wait(START_S) or not server.started:
            self.stop()
            cause = failures[0] if failures else None
            raise RuntimeError("the sandbox did not start") from cause
        return self

    def fail(self, *faults: object) -> None:
        """
        Script what goes wrong from now on, in place of what was scripted.

        Parameters
        ----------
        *faults : dict or str
            See `grok_nb._sandbox.faults`; none: nothing goes wrong any more.

        Raises
        ------
        ValueError
            A fault makes no sense; the script stays as it was.
        """
        self._gate.desk.faults.replace(faults)

    def stop(self) -> None:
        """Stop serving; open streams are dropped. Calling it twice does no harm."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(START_S)
        self._server = self._thread = None

    def calls(self) -> list[dict[str, Any]]:
        """Return what each call would have cost: ``GET /__sandbox/ledger``."""
        loop = self._server.loop if self._server is not None else None
        if self.is_running and loop is not None:
            # What is due of batches belongs to it.
            work = catch_up(self._gate.desk)
            caught_up = asyncio.run_coroutine_threadsafe(work, loop)
            # A server that stops meanwhile works on nothing more.
            while not wait({caught_up}, timeout=0.1).done and self.is_running:
                pass
        return self._gate.desk.ledger.shown()["calls"]  # type: ignore[no-any-return]  # JSON

    def requests(self) -> list[dict[str, Any]]:
        """Return what arrived, keys masked: ``GET /__sandbox/log``."""
        return self._gate.desk.log.shown()["requests"]  # type: ignore[no-any-return]  # JSON

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        """Name the address, never the key."""
        state = "running" if self.is_running else "stopped"
        return f"<Sandbox {self.base_url} {state}>"


def serve(
    on_ready: Callable[[str], None],
    port: int = 0,
    key: str | None = None,
    *,
    latency_ms: float = 0,
    vintage: str = "2026",
    rpm: int | None = None,
    tpm: int | None = None,
    faults: Iterable[object] = (),
    tokens_per_s: float | None = None,
) -> None:
    """
    Serve in this thread until SIGINT or SIGTERM, then return.

    Parameters
    ----------
    on_ready : callable
        Gets the base URL once connections are accepted.
    port, key, latency_ms, vintage, rpm, tpm, faults, tokens_per_s
        As for `Sandbox`.

    Raises
    ------
    OSError
        If the port is taken.
    ValueError
        If a setting or a fault makes no sense.
    """
    gate = _gate(
        key=key,
        latency_ms=latency_ms,
        vintage=vintage,
        rpm=rpm,
        tpm=tpm,
        faults=faults,
        tokens_per_s=tokens_per_s,
    )
    listener = _listen(port)
    server = _Server(gate)
    base_url = f"http://{HOST}:{listener.getsockname()[1]}/v1"
    server.on_started = lambda: on_ready(base_url)
    with contextlib.closing(listener):
        server.run(sockets=[listener])
