"""A server that sends just the bytes it was given, and sees what its clients do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.support import eventually

#: close: no more bytes come. reset: the connection is gone. stay: silence.
#: next: the same again for the next request on this connection.
Then = Literal["close", "reset", "stay", "next"]
SELF_SIGNED = Path(__file__).with_name("self-signed.pem")


@dataclass
class Connection:
    """What was received on one connection.

    Attributes
    ----------
    requests
        Each request as it came, head and body.
    ended
        The client has closed it, too; or, after a reset, there was nothing to close.
    """

    requests: list[bytes] = field(default_factory=list)
    ended: bool = False


class RawServer:
    """Answers every request on every connection with the same bytes.

    Parameters
    ----------
    data
        What is sent after a request has been read; or a function of the request that
        gives it in pieces, and may wait between them.
    then
        What happens next.
    tls
        To speak TLS.
    is_deaf
        Accept connections, but neither read nor write.
    """

    def __init__(
        self,
        data: bytes | Callable[[bytes], Iterable[bytes]] = b"",
        then: Then = "close",
        *,
        tls: ssl.SSLContext | None = None,
        is_deaf: bool = False,
    ) -> None:
        self.data, self.then = data, then
        self._tls, self._is_deaf = tls, is_deaf
        self.connections: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def url(self, scheme: str = "http") -> str:
        """A base URL for clients."""
        return f"{scheme}://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[bytes]:
        """All requests of all connections."""
        return [r for connection in self.connections for r in connection.requests]

    def wait_until_left(self) -> None:
        """Wait until clients have closed every connection that they opened."""
        assert self.connections
        eventually(lambda: all(connection.ended for connection in self.connections))

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed by the test
            while True:
                accepted, _ = self._listener.accept()
                connection = Connection()
                self.connections.append(connection)
                self._open.append(accepted)
                self._start(self._serve, accepted, connection)

    def _serve(self, raw: socket.socket, connection: Connection) -> None:
        line = raw
        with contextlib.suppress(OSError):
            if self._is_deaf:
                while raw.recv(65536):
                    pass
            elif self._tls is not None:
                line = self._tls.wrap_socket(raw, server_side=True)
                self._open.append(line)
                self._talk(line, connection)
            else:
                self._talk(line, connection)
        connection.ended = True
        with contextlib.suppress(OSError):
            line.close()

    def _talk(self, line: socket.socket, connection: Connection) -> None:
        while request := _request(line):
            connection.requests.append(request)
            data = self.data
            for piece in [data] if isinstance(data, bytes) else data(request):
                line.sendall(piece)
            if self.then == "reset":
                hard = struct.pack("ii", 1, 0)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
                return
            if self.then == "close":
                line.shutdown(socket.SHUT_WR)
            if self.then != "next":
                while line.recv(65536):
                    pass
                return

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes who waits in accept or recv, which close does not
        for opened in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in self._threads:
            thread.join(10)


def _request(line: socket.socket) -> bytes:
    """Read one request; empty when the client has left."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = line.recv(65536)
        if not piece:
            return b""
        got += piece
        if not b"POST /v1/".startswith(got[:9]):  # no HTTP, for example TLS
            return got
    head, _, body = got.partition(b"\r\n\r\n")
    length = 0
    for header in head.split(b"\r\n")[1:]:
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def certificate() -> ssl.SSLContext:
    """Return what a server with a self-signed certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    return context


def free_port() -> tuple[int, socket.socket]:
    """A port where nobody listens, held for as long as the socket is open."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held.getsockname()[1], held
