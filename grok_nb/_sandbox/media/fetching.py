"""Pictures and files at addresses: those on this machine are fetched, others not.

The sandbox stays on this machine. An address elsewhere is taken for one that the API
could open: its content stays unread, and the answer says so. What is on this machine is
really fetched, in bounded size and time, so that everything that can be wrong with an
address can be tried out.
"""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.parse

TIMEOUT_S = 5.0
# Source: docs of the image understanding in xAI's protocol files (2026-05).
_AGENT = "XaiImageApiFetch/1.0"


def fetch(
    url: str, max_bytes: int, timeout_s: float = TIMEOUT_S
) -> tuple[bytes, str] | None:
    """
    Fetch what is at an address.

    Parameters
    ----------
    url : str
        An http or https address.
    max_bytes : int
        The most that is read; what has more is given a byte longer.
    timeout_s : float, default 5
        How long the other side may be silent, and how long its body may take.

    Returns
    -------
    tuple of bytes and str, or None
        Body and content type; None for an address elsewhere.

    Raises
    ------
    ValueError
        Saying why it cannot be fetched.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise ValueError(f"{url[:100]!r} is no address: {problem}") from None
    if not host:
        raise ValueError(f"{url[:100]!r} names no host")
    if host.endswith(".invalid"):
        # Names under this one exist nowhere (RFC 2606).
        raise ValueError(f"{host} cannot be found")
    if not _is_here(host):
        return None
    if parts.scheme.lower() == "https":
        raise ValueError(f"{host} cannot be fetched over https by the sandbox")
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", target, headers={"User-Agent": _AGENT})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{url[:200]} answered {answer.status}")
        data = _read(answer, max_bytes, timeout_s)
    except (OSError, http.client.HTTPException) as problem:
        reason = str(problem) or type(problem).__name__
        raise ValueError(f"{url[:200]} cannot be fetched: {reason}") from None
    finally:
        connection.close()
    return data, answer.headers.get_content_type()


def _read(answer: http.client.HTTPResponse, max_bytes: int, timeout_s: float) -> bytes:
    """Read a body; one that is too large up to the byte that shows it."""
    end_s = time.monotonic() + timeout_s
    parts: list[bytes] = []
    size = 0
    while size <= max_bytes and (part := answer.read1(max_bytes + 1 - size)):
        parts.append(part)
        size += len(part)
        # Every part is in time, and yet there may be no end of them.
        if time.monotonic() > end_s:
            raise TimeoutError(f"after {timeout_s:g} seconds there was more to come")
    if answer.length and size <= max_bytes:
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(parts)


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
