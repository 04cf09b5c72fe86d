"""Proxy variables are honoured, and never for this machine."""

import http.server
import threading
import urllib.request
from urllib.parse import urlsplit

import pytest

import grok_nb as gn


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


@pytest.fixture
def proxy(sandbox, monkeypatch):
    kind = type("Run", (Proxy,), {"sandbox": sandbox.root_url, "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
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
