"""The way to the API, step by step: name, connection, TLS, what the API says."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.metadata
import ipaddress
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from grok_nb import bodies, config
from grok_nb.api.answers import SANDBOX_HEADER
from grok_nb.api.route import certificate_hint, is_loopback, route_to, ssl_context
from grok_nb.errors import ConfigError, Forbidden, GrokError, NotFound
from grok_nb.wire import ApiKey

if TYPE_CHECKING:
    from grok_nb.session import AsyncGrok

_CHECK_NETWORK = "Check the network, XAI_BASE_URL and proxy variables."


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a checkup.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "note", "problem"}
        ``note``: works, but worth knowing.
    what : str
        What was found.
    hint : str
        What to do next; empty where there is nothing to do.
    """

    name: str
    state: Literal["ok", "note", "problem"]
    what: str
    hint: str = ""


class Findings:
    """What was found so far. No key passes.

    Attributes
    ----------
    secret : Secret or None
        The key, to be removed from all texts.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.secret: config.Secret | None = None

    def ok(self, name: str, what: str) -> None:
        """List what is well."""
        self._put(Check(name, "ok", what))

    def note(self, name: str, what: str, hint: str = "") -> None:
        """List what works, but is worth knowing."""
        self._put(Check(name, "note", what, hint))

    def problem(self, name: str, what: object, hint: str = "") -> None:
        """List what does not work; an error brings its own hint."""
        self._put(Check(name, "problem", f"{what}", hint or getattr(what, "hint", "")))

    def _put(self, check: Check) -> None:
        # what servers and libraries say is quoted here: once more, for all of it
        what, hint = (config.scrub(t, self.secret) for t in (check.what, check.hint))
        self.checks.append(dataclasses.replace(check, what=what, hint=hint))


class Reach:
    """The way to the API, step by step; the first that fails is the last."""

    def __init__(
        self, found: Findings, settings: config.Settings, core: AsyncGrok
    ) -> None:
        self.found = found
        self.settings = settings
        self.core = core
        self.step = "network"

    async def go(self, timeout_s: float) -> None:
        """Walk, for at most so many seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.connect()
                if self.settings.api_key is None:
                    self.found.note("API", "not asked: there is no key")
                    return
                await self.ask()
        except TimeoutError:
            self.found.problem(
                self.step,
                f"no answer within {timeout_s:.1f} s",
                f"{_CHECK_NETWORK} Or wait longer: grok-nb doctor --timeout 60.",
            )
        except _Stuck:
            pass  # it is in the list

    async def connect(self) -> None:
        """Find and reach the first machine on the way: the API's, or a proxy."""
        base_url = self.settings.base_url
        try:
            route = route_to(base_url)
        except ConfigError as error:
            raise self.stuck("proxy", error) from None
        if route.proxy:
            password = ", with a password" if route.auth else ""
            self.found.ok("proxy", f"{route.proxy}{password} ({route.place})")
        context = self.certificates(
            is_needed=base_url.startswith("https:") or route.is_tls
        )
        parts = urlsplit(route.proxy or base_url)
        host, is_tls = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        self.step = "name"
        addresses = await self.resolve(host, port)
        self.step = "connection"
        clock, writer = asyncio.get_running_loop().time, None
        begun, reason = clock(), "no address"
        for address in addresses:
            try:
                _, writer = await asyncio.open_connection(address, port)
                break
            except OSError as error:
                # asyncio's own text repeats the address and not the reason
                reason = os.strerror(error.errno) if error.errno else f"{error}"
        if writer is None:
            through = f"Check {route.place}." if route.proxy else _CHECK_NETWORK
            raise self.stuck("connection", f"{host}:{port}: {reason}", through)
        try:
            self.found.ok("connection", f"{host}:{port}, {clock() - begun:.2f} s")
            if is_tls and context is not None:
                await self.handshake(writer, context, host)
        finally:
            writer.close()

    def certificates(self, *, is_needed: bool) -> ssl.SSLContext | None:
        """Say whom this machine trusts."""
        verify, source = self.settings.verify, self.settings.sources["verify"]
        if not is_needed:
            if is_loopback(urlsplit(self.settings.base_url).hostname or ""):
                self.found.ok("certificates", "none needed on this machine")
            else:
                what = "none: with http: the key and all texts travel readably"
                self.found.note("certificates", what, "An address with https:.")
            return None
        try:
            context = ssl_context(verify, source)
        except ConfigError as error:
            raise self.stuck("certificates", error) from None
        if verify is False:
            self.found.note(
                "certificates",
                f"not checked (verify: {source})",
                "Anybody on the way can read the key: verify=FILE with the CA's "
                "certificate instead.",
            )
        elif verify is True:
            version = importlib.metadata.version("certifi")
            self.found.ok("certificates", f"the usual authorities (certifi {version})")
        elif isinstance(verify, str):
            self.found.ok("certificates", f"{verify} ({source})")
        else:
            self.found.ok("certificates", f"an ssl.SSLContext ({source})")
        return context

    async def resolve(self, host: str, port: int) -> list[str]:
        """Look the name up on a daemon thread: it can take longer than anybody waits."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        self.step = "name"
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str] | OSError] = loop.create_future()

        def tell(said: list[str] | OSError) -> None:
            if not answer.done():
                answer.set_result(said)

        def look() -> None:
            said: list[str] | OSError
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                said = [str(info[4][0]) for info in infos]
            except OSError as error:
                said = error
            except UnicodeError:
                said = OSError(0, "it cannot be a name")
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, said)

        begun = loop.time()
        threading.Thread(target=look, name="grok_nb-resolve", daemon=True).start()
        said = await answer
        if isinstance(said, OSError):
            what = f"{host} was not found: {said.strerror or said}"
            raise self.stuck("name", what, _CHECK_NETWORK)
        addresses = list(dict.fromkeys(said))
        took = loop.time() - begun
        self.found.ok("name", f"{host} is {addresses[0]}, {took:.2f} s")
        return addresses

    async def handshake(
        self, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
    ) -> None:
        """Speak TLS with the first machine, as far as to its certificate."""
        self.step = "TLS"
        begun = asyncio.get_running_loop().time()
        try:
            await writer.start_tls(context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            what = f"the certificate of {host} was refused: {error.verify_message}"
            hint = certificate_hint(error.verify_code)
            raise self.stuck("TLS", what, hint) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", "") or f"{error}" or type(error).__name__
            what = f"no TLS with {host}: {reason}"
            raise self.stuck("TLS", what, _CHECK_NETWORK) from None
        took = asyncio.get_running_loop().time() - begun
        version = writer.get_extra_info("ssl_object").version()
        certificate = writer.get_extra_info("peercert") or {}
        until = certificate.get("notAfter")
        issuer = dict(pair for (pair, *_) in certificate.get("issuer", ()))
        by = issuer.get("organizationName") or issuer.get("commonName")
        facts = [f"{version}, {took:.2f} s"]
        facts += [f"certified by {by} until {until}"] if by and until else []
        self.found.ok("TLS", ", ".join(facts))

    async def ask(self) -> None:
        """Ask the API what it thinks of the key, then whether the model is there."""
        self.step = "API"
        begun = asyncio.get_running_loop().time()
        try:
            try:
                data, is_sandbox = await self.get("/api-key")
            except (NotFound, Forbidden):  # a gateway; a key that may not see itself
                data, is_sandbox = await self.get("/models")
        except GrokError as error:
            raise self.stuck("API", error) from None
        took = f"{asyncio.get_running_loop().time() - begun:.2f} s"
        known = ApiKey.read(data)
        blocked = [
            what
            for is_so, what in (
                (known.team_blocked, "the key's team is blocked"),
                (known.api_key_blocked, "the key is blocked"),
                (known.api_key_disabled, "the key is disabled"),
            )
            if is_so
        ]
        if blocked:
            what = f"{' and '.join(blocked)} ({took})"
            raise self.stuck("API", what, "See https://console.x.ai.")
        if not any(
            (known.api_key_id, known.team_id, isinstance(data.get("data"), list))
        ):
            what = "something answers, but not as xAI's API does"
            raise self.stuck("API", what, "base_url must end in /v1; check proxies.")
        if is_sandbox:
            self.found.note("API", f"the sandbox answers, not Grok, {took}")
        else:
            self.found.ok("API", f"answers, the key is right, {took}")
        narrow = [acl for acl in known.acls or () if not acl.endswith(":*")]
        if narrow:
            self.found.note("permissions", f"the key may only: {', '.join(narrow)}")
        await self.model()

    async def get(self, path: str) -> tuple[dict[str, Any], bool]:
        """GET once; return the answer, and whether a sandbox gave it."""
        exchange = self.core.exchange
        deadline = asyncio.get_running_loop().time() + self.settings.timeout_s
        answer = await exchange.send("GET", path, deadline)
        try:
            body = await answer.read()
        finally:
            await answer.close()
        if answer.status != 200:
            raise exchange.refusal(answer, body, None)
        return bodies.parse_object(body) or {}, SANDBOX_HEADER in answer.headers

    async def model(self) -> None:
        """Say which model is asked without another word, and whether it is there."""
        self.step = "model"
        name, source = self.settings.model, self.settings.sources["model"]
        if name is None:
            try:
                chosen = await self.core.resolve_model(None)
            except GrokError as error:
                raise self.stuck("model", error) from None
            self.found.ok("model", f"{chosen} (the newest of the listing)")
            return
        try:
            await self.core.model(name)
        except NotFound:
            what = f"there is no model {name!r} ({source})"
            raise self.stuck(
                "model", what, "gn.models() lists what there is."
            ) from None
        except GrokError as error:
            self.found.note("model", f"{name} ({source}); not looked up: {error}")
        else:
            self.found.ok("model", f"{name} ({source})")

    def stuck(self, name: str, what: object, hint: str = "") -> _Stuck:
        """List a problem; return what ends the walk."""
        self.found.problem(name, what, hint)
        return _Stuck()


class _Stuck(Exception):
    """A step failed; what and why is in the list."""
