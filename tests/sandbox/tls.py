"""A server that speaks TLS with a certificate of the test's own, and a CONNECT proxy."""

import contextlib
import http.server
import json
import select
import socket
import socketserver
import ssl
import threading

ANSWER = {
    "object": "list",
    "data": [{"id": "grok-4.7", "object": "model", "created": 1, "owned_by": "xai"}],
}


KNOWN = {
    "redacted_api_key": "xai-...zz9q",
    "name": "nb",
    "team_id": "t",
    "acls": ["api-key:model:*", "api-key:endpoint:*"],
    "api_key_id": "k",
    "team_blocked": False,
    "api_key_blocked": False,
    "api_key_disabled": False,
}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.served.append((self.path, self.headers["Authorization"]))
        known = self.path.endswith("/api-key")
        body = json.dumps(self.server.known if known else ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Tls:
    """Counts connections; ``context`` is the server's certificate, or none: no TLS."""

    context = None
    connections = 0

    def get_request(self):
        connection, address = super().get_request()
        self.connections += 1
        connection.settimeout(10)
        if self.context is not None:
            try:
                connection = self.context.wrap_socket(connection, server_side=True)
            except (OSError, ssl.SSLError) as error:  # the client refused us
                connection.close()
                raise OSError from error
        return connection, address


class TlsServer(Tls, http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.context = context
        self.served = []
        self.known = KNOWN
        self.port = self.server_address[1]


class Tunnel(Tls, socketserver.ThreadingTCPServer):
    """A proxy that connects whatever is asked for to one server, or refuses to."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target, answer=b"200 Connection established", context=None):
        super().__init__(("127.0.0.1", 0), Connection)
        self.target, self.answer, self.context = target, answer, context
        self.seen = []
        self.port = self.server_address[1]


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        lines = []
        while (line := self.rfile.readline().strip()) != b"":
            lines.append(line.decode())
        self.server.seen.append(lines)
        self.wfile.write(b"HTTP/1.1 " + self.server.answer + b"\r\n\r\n")
        if not self.server.answer.startswith(b"200"):
            return
        with socket.create_connection(("127.0.0.1", self.server.target)) as other:
            ends = {self.request: other, other: self.request}
            while True:
                if not (
                    isinstance(self.request, ssl.SSLSocket) and self.request.pending()
                ):
                    ready = select.select(list(ends), [], [], 10)[0]
                else:
                    ready = [self.request]
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def context_of(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
