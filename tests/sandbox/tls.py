"""A server that speaks TLS, with certificates of the test's own authority."""

import contextlib
import http.server
import json
import ssl
import threading

ANSWER = {
    "object": "list",
    "data": [{"id": "grok-4.7", "object": "model", "created": 1, "owned_by": "xai"}],
}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.served.append((self.path, self.headers["Authorization"]))
        body = json.dumps(ANSWER).encode()
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
        self.port = self.server_address[1]


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
