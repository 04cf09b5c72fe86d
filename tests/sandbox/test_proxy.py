"""Proxy variables are honoured, and never for this machine."""

import base64
import contextlib
import http.server
import os
import socket
import threading
import traceback
import urllib.request
from urllib.parse import quote, urlsplit

import pytest
import trustme

import grok_nb as gn
from grok_nb.api.route import route_to

from .tls import TlsServer, Tunnel, context_of, serving


class Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards what it is asked to forward to the sandbox, or answers as firewalls do."""

    protocol_version = "HTTP/1.1"
    sandbox = ""
    seen: list[str]
    blocks = False

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.path)
        if self.blocks:
            page = b"<html><head><title>Blocked by policy</title></head></html>"
            self.answer(200, {"Content-Type": "text/html"}, page)
            return
        headers = {
            k: self.headers[k]
            for k in ("Authorization", "Content-Type")
            if k in self.headers
        }
        request = urllib.request.Request(
            self.sandbox + urlsplit(self.path).path, body, headers
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            self.answer(answer.status, dict(answer.headers), answer.read())

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in (
                "transfer-encoding",
                "connection",
                "content-length",
            ):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def no_proxies_of_the_machine(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy(sandbox, monkeypatch):
    kind = type("Run", (Proxy,), {"sandbox": sandbox.root_url, "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    yield kind
    server.shutdown()
    server.server_close()
    thread.join()


def grok_at(base_url, sandbox, **options):
    return gn.Grok(
        api_key=sandbox.key,
        base_url=base_url,
        store=":memory:",
        model="grok-4.7",
        **options,
    )


def test_other_hosts_are_reached_through_the_proxy(sandbox, proxy):
    with grok_at("http://grok.test/v1", sandbox) as grok:
        assert "42" in grok.ask("What is 6*7?").text
        assert "10" in "".join(e.delta for e in grok.stream("Count to 10"))
    assert proxy.seen == ["http://grok.test/v1/chat/completions"] * 2


def test_this_machine_is_not_reached_through_the_proxy(sandbox, proxy):
    with grok_at(sandbox.base_url, sandbox) as grok:
        assert "42" in grok.ask("What is 6*7?").text
    assert proxy.seen == []


def test_page_of_a_proxy_is_an_error_that_says_so(sandbox, proxy, quick_clock):
    proxy.blocks = True
    with grok_at("http://grok.test/v1", sandbox, clock=quick_clock) as grok:
        with pytest.raises(gn.errors.ServerFault, match="Blocked by policy") as raised:
            grok.ask("hi")
        assert "proxies" in raised.value.hint
        with pytest.raises(gn.GrokError, match="Blocked by policy"):
            list(grok.stream("hi"))


# -- CONNECT: TLS through a proxy ------------------------------------------------------

USER, PASSWORD = "me@corp", "hush/ed#4 word"
KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def far(authority):
    with serving(TlsServer(context_of(authority.issue_cert("grok.test")))) as server:
        yield server


@pytest.fixture
def ca_file(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture
def models(ca_file, quick_clock):
    def ask(**options):
        settings = {"verify": ca_file, "base_url": "https://grok.test/v1", **options}
        with gn.Grok(
            api_key=KEY, store=":memory:", clock=quick_clock, **settings
        ) as grok:
            return [model.id for model in grok.models()]

    return ask


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
)
def test_tls_goes_through_the_proxy_and_is_checked_at_its_end(
    models, far, monkeypatch, name, ca_file
):
    with serving(Tunnel(far.port)) as tunnel:
        monkeypatch.setenv(name, f"127.0.0.1:{tunnel.port}")  # http:// may be left out
        assert models() == ["grok-4.7"]
        assert [lines[0] for lines in tunnel.seen] == ["CONNECT grok.test:443 HTTP/1.1"]
        assert KEY not in str(tunnel.seen)
        with pytest.raises(gn.errors.ConnectionFailed, match=r"of grok\.test was ref"):
            models(verify=None)
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        assert models(verify=None) == ["grok-4.7"]
        assert len(tunnel.seen) == 3
    assert {key for _, key in far.served} == {f"Bearer {KEY}"}


def test_the_proxy_gets_its_user_and_password(models, far, monkeypatch):
    with serving(Tunnel(far.port)) as tunnel:
        address = f"{quote(USER, '')}:{quote(PASSWORD, '')}@127.0.0.1:{tunnel.port}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        assert models() == ["grok-4.7"]
    sent = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {sent}" in tunnel.seen[0]


def test_a_proxy_may_be_reached_by_tls(models, far, authority, monkeypatch):
    context = context_of(authority.issue_cert("localhost"))
    with serving(Tunnel(far.port, context=context)) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{tunnel.port}")
        assert models() == ["grok-4.7"]
        with pytest.raises(gn.errors.ConnectionFailed, match="or of its proxy"):
            models(verify=None)
    assert len(tunnel.seen) == 1


@pytest.mark.parametrize("exempt", ["grok.test", ".test", "a.b, grok.test:443,", "*"])
def test_no_proxy_goes_past_it(monkeypatch, exempt):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    base_url = "https://grok.test:443/v1"
    assert route_to(base_url).name == "127.0.0.1:9"
    for name in ("NO_PROXY", "no_proxy"):
        with monkeypatch.context() as patch:
            patch.setenv(name, exempt)
            assert route_to(base_url).proxy == ""
            assert (route_to("https://other.invalid/v1").proxy == "") == (exempt == "*")


def test_tls_on_this_machine_goes_past_the_proxy(models, authority, monkeypatch):
    certificate = context_of(authority.issue_cert("127.0.0.1"))
    with serving(TlsServer(certificate)) as near, serving(Tunnel(9)) as tunnel:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{tunnel.port}")
        base_url = f"https://127.0.0.1:{near.port}/v1"
        assert models(base_url=base_url) == ["grok-4.7"]
    assert tunnel.seen == []


def everything(error):
    """What is shown of an error, tracebacks with variables and its causes included."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [f for f in whole.format() if "/tests/" not in f]
    return "".join(frames) + repr(vars(error)) + str(error)


def secrets_in(text):
    sent = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    hidden = [PASSWORD, quote(PASSWORD, ""), sent, KEY[4:], "hush"]
    return [secret for secret in hidden if secret in text]


REFUSALS = [
    (b"407 Proxy Authentication Required", True, 1),
    (b"403 Forbidden by policy", True, 1),
    (b"502 Bad Gateway", False, 4),
    (b"407 not " + PASSWORD.encode(), True, 1),
]


@pytest.mark.parametrize(("answer", "lasting", "tries"), REFUSALS)
@pytest.mark.parametrize("known", [True, False])
def test_a_proxy_that_refuses_is_named_without_its_password(
    models, monkeypatch, answer, lasting, tries, known
):
    with serving(Tunnel(9, answer)) as tunnel:
        place = f"127.0.0.1:{tunnel.port}"
        user = f"{quote(USER, '')}:{quote(PASSWORD, '')}@" if known else ""
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}{place}")
        with pytest.raises(gn.errors.ConnectionFailed) as caught:
            models()
    error = caught.value
    said = answer.decode().replace(PASSWORD, "[password]" if known else PASSWORD)
    assert str(error) == f"The proxy {place} did not connect to grok.test ({said})."
    assert (error.sent, error.lasting) == (False, lasting)
    assert len(tunnel.seen) == tries
    assert "HTTPS_PROXY" in error.hint
    if answer.startswith(b"407"):
        assert ("refused the user" in error.hint) == known
    if known:
        assert secrets_in(everything(error)) == []
        assert secrets_in(f"{everything(error)} {PASSWORD} {KEY}")  # would be found


def test_a_proxy_that_echoes_its_password_in_a_page_is_not_quoted(
    sandbox, proxy, monkeypatch
):
    sent = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def refuse(self):
        assert self.headers["Proxy-Authorization"] == f"Basic {sent}"
        page = f"not {PASSWORD}, nor {sent}".encode()
        self.answer(407, {"x-request-id": PASSWORD}, page)

    proxy.do_POST = proxy.do_GET = refuse
    place = os.environ["http_proxy"].removeprefix("http://")
    monkeypatch.setenv(
        "http_proxy", f"http://{quote(USER, '')}:{quote(PASSWORD, '')}@{place}"
    )
    with grok_at("http://grok.test/v1", sandbox) as grok:
        for ask in (lambda: grok.ask("hi"), grok.files):
            with pytest.raises(gn.errors.BadRequest, match="407") as caught:
                ask()
            assert secrets_in(everything(caught.value)) == []
        assert secrets_in(repr(grok.ledger.rows())) == []


def test_a_proxy_that_is_not_there_is_named(models, monkeypatch):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        address = f"{quote(USER, '')}:{quote(PASSWORD, '')}@{place}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        with pytest.raises(gn.errors.ConnectionFailed) as caught:
            models()
    assert f"grok.test was not reached through the proxy {place}" in str(caught.value)
    assert "HTTPS_PROXY" in caught.value.hint
    assert secrets_in(everything(caught.value)) == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"http://{USER}:{PASSWORD}@127.0.0.1:9", "is not an address"),
        ("http://me:h/ush@127.0.0.1:9", "is not an address"),
        ("http://127.0.0.1:port", "is not an address"),
        ("http://me:hush@", "is not an address"),
        ("ftp://me:hush@127.0.0.1:9", "begins with ftp://"),
        ("socks5://me:hush@127.0.0.1:9", "is a SOCKS one"),
    ],
)
def test_a_proxy_s_address_that_cannot_be_used_is_not_repeated(
    models, monkeypatch, address, said
):
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(gn.errors.ConfigError, match=said) as caught:
        models()
    assert "HTTPS_PROXY" in str(caught.value)
    shown = everything(caught.value)
    assert "ush" not in shown.replace("unpushed", "")
