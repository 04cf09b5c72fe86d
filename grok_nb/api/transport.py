"""HTTP: the only file that names the HTTP library.

One client per event loop keeps its connections open between calls. Foreign errors leave
this file as `ConnectionFailed` or `TimedOut`, without the frames and request objects
that could show a key.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import sys
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from grok_nb import __version__
from grok_nb.config import scrub
from grok_nb.errors import BadRequest, ConfigError, ConnectionFailed, TimedOut

from .route import Route, certificate_hint, route_to, ssl_context

# httpx offers a command line, which loads rich and click where they are installed:
# 150 ms of a first call. Without it httpx leaves out nothing but that command.
_COMMAND = "httpx._main"
sys.modules.setdefault(_COMMAND, None)  # type: ignore[arg-type]  # its import fails
import httpx  # noqa: E402

if sys.modules[_COMMAND] is None:
    del sys.modules[_COMMAND]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from grok_nb.config import Secret, Settings

#: Seconds to establish a connection; the rest is under the call's own limit.
CONNECT_S = 10.0
#: Seconds that a stream may take to close after it has said ``[DONE]``.
REST_S = 0.5
#: The request never left: safe to send again.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_MAYBE_BILLED = "The request may have been billed: gn.usage() has its row."
_AGENT = f"grok_nb/{__version__}".encode()


class Limit:
    """One timer for a whole attempt; it interrupts only who waits for the network.

    ``with limit:`` goes around each wait, never around a ``yield``: whoever consumes
    a stream must not be cancelled. `asyncio.timeout` would set up a timer each time,
    a tenth of the cost of a streamed event.

    Parameters
    ----------
    deadline
        In the time of the running event loop.
    """

    def __init__(self, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._timer = self._loop.call_at(deadline, self._expire)
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._expired = False

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel()

    def __enter__(self) -> None:
        if self._expired:
            raise TimeoutError
        self._task = task = asyncio.current_task(self._loop)
        self._cancelling = 0 if task is None else task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task, self._task = self._task, None
        if self._expired and task is not None:
            # if somebody else cancelled, too, that wins
            others = task.uncancel() > self._cancelling
            if kind is asyncio.CancelledError and not others:
                raise TimeoutError

    def tighten(self, deadline: float) -> None:
        """Let it end earlier."""
        if deadline < self._deadline:
            self._deadline = deadline
            self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._expire)

    def close(self) -> None:
        """Stop the timer."""
        self._timer.cancel()


class Answer:
    """An HTTP answer whose body has not been read yet.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in any case.
    """

    def __init__(
        self, response: httpx.Response, limit: Limit, failures: Failures
    ) -> None:
        self._response = response
        self._limit = limit
        self._failures = failures
        self._opened: list[AsyncGenerator[bytes, None]] = []
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """Return the whole body, decompressed."""
        try:
            with self._limit:
                return await self._response.aread()
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            failure = self._failures.translate(error)
        raise failure

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, decompressed."""
        pieces: AsyncIterator[bytes]
        if "content-encoding" in self.headers:
            pieces = self._response.aiter_bytes()
        else:  # nothing to undo: past three layers of the HTTP library
            pieces = aiter(self._response.stream)  # type: ignore[arg-type]  # never the blocking kind
        if isinstance(pieces, AsyncGenerator):
            self._opened.append(pieces)
        failure: ConnectionFailed | None = None
        while failure is None:
            try:
                with self._limit:
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
                failure = self._failures.translate(error)
            else:
                if piece:
                    yield piece
        raise failure

    def hurry(self) -> None:
        """Give the rest of the body little time: all that matters has come.

        It is still read, so that the connection can serve again.
        """
        self._limit.tighten(asyncio.get_running_loop().time() + REST_S)

    async def close(self) -> None:
        """Close; a body that was not read to its end closes the connection."""
        self._limit.close()
        for opened in self._opened:
            await opened.aclose()
        await self._response.aclose()


class Failures:
    """Turns the HTTP library's errors into ours."""

    def __init__(
        self,
        host: str,
        timeout_s: float,
        secret: Secret | None,
        route: Route,
        *,
        costs: bool = True,
    ) -> None:
        self._host = host
        self._timeout_s = timeout_s
        self._secret = secret
        self._route = route
        self._warning = _MAYBE_BILLED if costs else ""

    def translate(self, error: Exception) -> ConnectionFailed:
        """Return our error, its cause stripped of frames and requests."""
        cause: BaseException | None = error
        said = ""
        while cause is not None and not said:
            said = str(cause)
            cause = cause.__cause__ or cause.__context__
        said = self._route.scrub(scrub(said, self._secret)) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            said = "no connection in time"  # theirs is about their own inner works
        links = _chain(error)
        for link in links:  # frames of the HTTP library hold the key
            link.__traceback__ = None
        error.__cause__ = error.__context__ = None
        failure: ConnectionFailed
        if isinstance(error, TimeoutError):
            failure = TimedOut(
                f"No whole answer from {self._host} within {self._timeout_s:g} s.",
                sent=True,
                hint=f"More time: gn.configure(timeout_s=...). {self._warning}".strip(),
            )
        elif isinstance(error, _NOT_SENT):
            failure = self._not_sent(said, error, links)
        else:
            failure = ConnectionFailed(
                f"The connection to {self._host} broke before the whole answer was "
                f"there ({said}).",
                sent=True,
                hint=self._warning or "Try again later.",
            )
        failure.__suppress_context__ = True
        return failure

    def _not_sent(
        self, said: str, error: Exception, links: list[BaseException]
    ) -> ConnectionFailed:
        route = self._route
        through = f" through the proxy {route.name}" if route.proxy else ""
        hint = "Check the network, proxy variables and XAI_BASE_URL."
        if isinstance(error, httpx.ProxyError):
            return ConnectionFailed(
                f"The proxy {route.name} did not connect to {self._host} ({said}).",
                sent=False,
                # the library tells the status of a refused CONNECT in its text only
                lasting=said.startswith(("400", "401", "403", "404", "405", "407")),
                hint=_proxy_hint(said, route, self._host),
            )
        for link in links:
            if isinstance(link, ssl.SSLCertVerificationError):
                whose = f"{self._host} or of its proxy" if route.is_tls else self._host
                return ConnectionFailed(
                    f"The certificate of {whose} was refused: "
                    f"{link.verify_message.rstrip('.')}.",
                    sent=False,
                    lasting=True,
                    hint=certificate_hint(link.verify_code),
                )
            if getattr(link, "reason", None) == "WRONG_VERSION_NUMBER":
                hint = (
                    "No TLS is spoken there: check the port, and https:// in base_url."
                )
        return ConnectionFailed(
            f"{self._host} was not reached{through} ({said}).",
            sent=False,
            hint=f"Check {route.place} and the network." if through else hint,
        )


def _proxy_hint(said: str, route: Route, host: str) -> str:
    if not said.startswith("407"):
        return f"Check {route.place}; NO_PROXY={host} goes past the proxy."
    if route.auth is not None:
        return f"It refused the user and password in {route.place}."
    return f"It asks for a password: {route.place}=http://USER:PASSWORD@{route.name}"


def _headers(
    url: httpx.URL, secret: Secret | None, content_type: str | None
) -> list[tuple[bytes, bytes]]:
    """Return the headers; never a local of a frame that a traceback could show."""
    headers = [
        (b"Host", url.netloc),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"gzip, deflate"),
        (b"User-Agent", _AGENT),
    ]
    if secret is not None:
        bearer = b"Bearer " + secret.reveal().encode("ascii")
        headers.append((b"Authorization", bearer))
    if content_type is not None:
        headers.append((b"Content-Type", content_type.encode("ascii")))
    return headers


def _address(text: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadRequest(
            f"What was given makes no address: {scrub(str(error))}.",
            hint="Ids and tokens are short texts that the API gave.",
        ) from None


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    rest: list[BaseException | None] = [error]
    while rest:
        link = rest.pop()
        if link is not None and link not in links:
            links.append(link)
            rest += [link.__cause__, link.__context__]
    return links


class Http:
    """Sends requests to one base URL.

    Parameters
    ----------
    settings
        Base URL, and whom to trust.
    transport
        An ``httpx.AsyncBaseTransport`` instead of the network; for tests.
    """

    def __init__(
        self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.base_url = settings.base_url
        self._settings = settings
        self._is_borrowed = False
        self._verify = settings.verify, settings.sources["verify"]
        try:
            self.url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            raise ConfigError(
                f"base_url is not an address: {scrub(str(error))}",
                hint="Check base_url, or the environment variable XAI_BASE_URL.",
            ) from None
        self.host = self.url.host
        self._transport = transport
        self._route = Route()
        self._urls: dict[str, httpx.URL] = {}
        self._clients: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, httpx.AsyncBaseTransport
        ] = weakref.WeakKeyDictionary()

    @property
    def secrets(self) -> list[Secret]:
        """What a proxy on the way is sent, and may echo."""
        return self._route.secrets

    def at(self, base_url: str) -> Http:
        """Return one for another host, with the same trust and transport."""
        settings = dataclasses.replace(self._settings, base_url=base_url)
        other = Http(settings, self._transport)
        other._is_borrowed = self._transport is not None
        return other

    def _client(self, loop: asyncio.AbstractEventLoop) -> httpx.AsyncBaseTransport:
        client = self._clients.get(loop)
        if client is None:
            client = self._transport or self._new_transport()
            self._clients[loop] = client
        return client

    def _new_transport(self) -> httpx.AsyncBaseTransport:
        self._route = route = route_to(self.base_url)
        context = None
        if "https:" in (
            f"{self.url.scheme}:",
            route.proxy[:6],
        ):  # else 30 ms for nothing
            context = ssl_context(*self._verify)
        proxy = None
        if route.proxy:
            proxy = httpx.Proxy(
                route.proxy,
                auth=route.auth,
                ssl_context=context if route.is_tls else None,
            )
        try:
            # the library's client on top would cost a third of a call: cookies,
            # redirects and hooks, which nobody needs here
            return httpx.AsyncHTTPTransport(
                verify=context or False, trust_env=False, proxy=proxy
            )
        except ImportError:
            raise ConfigError(
                f"The proxy in {route.place} is a SOCKS one, which needs a package.",
                hint=f"pip install 'httpx[socks]', or {route.place}=http://HOST:PORT.",
            ) from None

    async def send(
        self,
        method: str,
        path: str,
        *,
        secret: Secret | None,
        timeout_s: float,
        deadline: float,
        body: bytes | None = None,
        content_type: str = "application/json",
        costs: bool | None = None,
    ) -> Answer:
        """Send a request; return when the answer's headers are there.

        Parameters
        ----------
        method, path
            The path begins with a slash and is below the base URL.
        secret
            Key for the ``Authorization`` header; ``None`` sends none.
        timeout_s, deadline
            The call's limit in seconds (for messages), and when it ends, in the time
            of the running event loop.
        body, content_type
            What is sent, by default JSON text.
        costs
            Whether errors are to say that it may have been billed; default: whether it
            has a body.

        Raises
        ------
        ConnectionFailed
            ``sent`` says whether the request may have arrived.
        TimedOut
        """
        loop = asyncio.get_running_loop()
        url = self._urls.get(path)
        if url is None:
            url = _address(self.base_url + path)
            if len(self._urls) < 1000:
                self._urls[path] = url
        client = self._client(loop)
        limits: dict[str, Any] = dict.fromkeys(("read", "write", "pool"))
        # below what is left: a request that never left is not to end in doubt
        limits["connect"] = min(CONNECT_S, 0.8 * max(0.0, deadline - loop.time()))
        request = httpx.Request(
            method,
            url,
            headers=_headers(url, secret, None if body is None else content_type),
            content=body,
            extensions={"timeout": limits},
        )
        if costs is None:
            costs = body is not None
        failures = Failures(self.host, timeout_s, secret, self._route, costs=costs)
        limit = Limit(deadline)
        try:
            with limit:
                response = await client.handle_async_request(request)
            answer = Answer(response, limit, failures)
        except httpx.LocalProtocolError:
            failure: Exception = ConfigError(
                "The request's headers cannot be sent.",
                hint="Check the API key for stray characters.",
            )
        except (httpx.HTTPError, TimeoutError) as error:
            failure = failures.translate(error)
        except BaseException:
            limit.close()
            raise
        else:
            return answer
        limit.close()
        raise failure

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None and not self._is_borrowed:
            await client.aclose()
