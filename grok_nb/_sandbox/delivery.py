"""One answer on its way to one client: waiting, sending, and ways to break off."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    Connection = Callable[[tuple[str, int]], asyncio.Transport | None]


class Line:
    """
    The way back to the client of one request.

    Parameters
    ----------
    scope, send
        Of the ASGI request.
    gone : asyncio.Future
        Done as soon as the client has left (or the server stops).
    connection : callable
        Finds the transport of a client's address.
    """

    def __init__(
        self,
        scope: Scope,
        send: Send,
        gone: asyncio.Future[None],
        connection: Connection,
    ) -> None:
        self._scope, self._send, self._gone = scope, send, gone
        self._connection = connection
        self.piece_bytes: int | None = None

    async def wait(self, seconds: float) -> bool:
        """Wait, but not for a client that leaves; whether it has left."""
        if seconds > 0 and not self._gone.done():
            await asyncio.wait({self._gone}, timeout=seconds)
        return self._gone.done()

    async def breathe(self) -> bool:
        """Let the event loop look at its sockets once; whether the client has left."""
        await asyncio.wait({self._gone}, timeout=0)
        return self._gone.done()

    async def start(self, status: int, headers: dict[str, str]) -> None:
        """Send status line and headers."""
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        await self._send(
            {"type": "http.response.start", "status": status, "headers": raw}
        )

    async def send(self, data: bytes, *, last: bool = False) -> None:
        """Send a part of the body."""
        size = self.piece_bytes
        if size is not None:
            while len(data) > size and not self._gone.done():
                await self._send_part(data[:size], more=True)
                # Each piece is to travel on its own, not joined with the next.
                await self.breathe()
                data = data[size:]
        await self._send_part(data, more=not last)

    async def _send_part(self, data: bytes, *, more: bool) -> None:
        await self._send(
            {"type": "http.response.body", "body": data, "more_body": more}
        )

    async def whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send a whole answer."""
        length = {"content-length": str(len(body))}
        await self.start(status, headers | length)
        await self.send(body, last=True)

    async def drop(self) -> None:
        """Close the connection after what was sent, in the middle of the answer."""
        await self._hang_up(reset=False)

    async def reset(self) -> None:
        """Reset the connection."""
        await self._hang_up(reset=True)

    async def _hang_up(self, *, reset: bool) -> None:
        transport = self._connection(self._scope["client"])
        if transport is not None and reset:
            handle = transport.get_extra_info("socket")
            # Lingering for zero seconds turns the close into an RST.
            layout = "hh" if sys.platform == "win32" else "ii"
            linger = struct.pack(layout, 1, 0)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        elif transport is not None:
            transport.close()
        # Returning before the loss is known would make the server answer 500.
        await self.wait(5.0)


class Delivered(Response):
    """A response that a coroutine delivers over a Line."""

    def __init__(self, deliver: Callable[[Line], Awaitable[None]]) -> None:
        self.deliver = deliver
        self.background = None

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,  # noqa: ARG002 - ASGI's signature
        send: Send,
    ) -> None:
        """Deliver."""
        request: Any = scope["state"]["incoming"]
        await self.deliver(request.line(scope, send))
