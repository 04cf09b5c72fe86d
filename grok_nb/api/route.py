"""The way to the API: straight or through a proxy, and whose certificates are believed."""

from __future__ import annotations

import base64
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from grok_nb.config import Secret
from grok_nb.errors import ConfigError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
#: How OpenSSL wants certificates to be named in a folder.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_UNKNOWN_AUTHORITY = (
    "A proxy with its own certificates? Point SSL_CERT_FILE, or verify=, at its CA "
    "file (PEM)."
)
_CLOCK = "Is this machine's clock right? Otherwise the certificate has to be renewed."
_OTHER_NAME = (
    "It is for another name: check base_url and XAI_BASE_URL. An ssl.SSLContext of "
    "your own (verify=) can say which names to take."
)
#: By OpenSSL's X509_V_ERR_...: not yet valid, expired, other host name, other address.
_CERTIFICATE_HINTS = {9: _CLOCK, 10: _CLOCK, 62: _OTHER_NAME, 64: _OTHER_NAME}


@dataclass(frozen=True, slots=True)
class Route:
    """How requests get to the API; empty, straight.

    Attributes
    ----------
    proxy : str
        The proxy's address, without user and password.
    auth : tuple of str, or None
        Its user and password; shown by nothing.
    place : str
        What says so: the environment variable, or the system's settings.
    """

    proxy: str = ""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    place: str = ""

    @property
    def name(self) -> str:
        """The proxy's host and port."""
        return urlsplit(self.proxy).netloc

    @property
    def is_tls(self) -> bool:
        """Whether the proxy itself is reached by TLS."""
        return self.proxy.startswith("https:")

    @property
    def secrets(self) -> list[Secret]:
        """The proxy's password, as it is and as it is sent; some proxies echo it."""
        if self.auth is None:
            return []
        sent = base64.b64encode(":".join(self.auth).encode()).decode()
        return [Secret(hidden) for hidden in (sent, self.auth[1]) if hidden]

    def scrub(self, text: str) -> str:
        """Return the text without the proxy's password."""
        for secret in self.secrets:
            text = text.replace(secret.reveal(), "[password]")
        return text


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, which is never reached through a proxy."""
    return host in _LOOPBACK


def route_to(base_url: str) -> Route:
    """Return how to get to an address: straight, or through the environment's proxy.

    ``HTTPS_PROXY`` or ``HTTP_PROXY``, by the address, then ``ALL_PROXY``; ``NO_PROXY``
    lists exceptions. Small letters will do, and win.

    Raises
    ------
    ConfigError
        The proxy's address cannot be used; its text, which may hold a password, is not
        repeated.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    if is_loopback(parts.hostname or ""):
        return Route()
    found = {name: value for name, value in getproxies().items() if value}
    scheme = parts.scheme if parts.scheme in found else "all"
    exempt = [name.strip() for name in found.get("no", "").split(",")]
    if scheme not in found or "*" in exempt or proxy_bypass(parts.netloc):
        found.clear()  # it holds passwords, and a traceback may show variables
        return Route()
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    place = next((n for n in names if os.environ.get(n)), "the system's proxy settings")
    route, problem = _read_proxy(found.pop(scheme), place)
    found.clear()
    if problem:
        raise ConfigError(
            f"The proxy in {place} {problem}.",
            hint=f"{place}=http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with "
            "special characters written as %XX.",
        )
    return route


def _read_proxy(text: str, place: str) -> tuple[Route, str]:
    """Return the route, and what is wrong with the address."""
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return Route(), "is not an address"
    if parts.scheme not in _PORTS:
        return Route(), f"begins with {parts.scheme}://"
    if not parts.hostname or any(c.isspace() for c in text):
        return Route(), "is not an address"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Route(f"{parts.scheme}://{host}:{port}", _auth_in(parts), place), ""


def _auth_in(parts: SplitResult) -> tuple[str, str] | None:
    if not parts.username:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def ssl_context(verify: object, source: str) -> ssl.SSLContext:
    """Return what checks certificates; reading the usual ones takes 30 ms.

    Parameters
    ----------
    verify, source
        The setting, and where it comes from.

    Raises
    ------
    ConfigError
        The CA file or folder cannot be used.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if verify is True:
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    path = Path(str(verify))
    try:
        if not path.is_dir():
            return ssl.create_default_context(cafile=path)
        if any(_HASHED.fullmatch(entry.name) for entry in path.iterdir()):
            return ssl.create_default_context(capath=path)
        reason = f"it has no certificates by hash (openssl rehash {path})"
    except ssl.SSLError:  # before OSError, which it is one of
        reason = "it holds no certificate in PEM form"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ConfigError(
        f"The CA certificates at {path} ({source}) cannot be used: {reason}.",
        hint="Point verify= or SSL_CERT_FILE at a file that begins with -----BEGIN "
        "CERTIFICATE-----, or unset it for the usual authorities.",
    )


def certificate_hint(code: int) -> str:
    """Return what to do about a certificate that OpenSSL refused with this code."""
    return _CERTIFICATE_HINTS.get(code, _UNKNOWN_AUTHORITY)
