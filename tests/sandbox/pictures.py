"""Pictures for tests, and a server on this machine that has them at addresses."""

from __future__ import annotations

import base64
import contextlib
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def stripes(*colours: str, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Paint stripes of equal width from left to right."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    width = size[0] / len(colours)
    for number, colour in enumerate(colours):
        if colour != "transparent":
            box = (round(number * width), 0, round((number + 1) * width), size[1])
            image.paste(Image.new("RGBA", size, colour).crop(box), box)
    return image


def png(*colours: str, size: tuple[int, int] = (60, 40)) -> bytes:
    return encoded(stripes(*colours, size=size))


def jpeg(*colours: str, size: tuple[int, int] = (60, 40)) -> bytes:
    return encoded(stripes(*colours, size=size).convert("RGB"), "JPEG", quality=95)


def uri(data: bytes, kind: str | None = None) -> str:
    kind = kind or ("image/png" if data.startswith(b"\x89PNG") else "image/jpeg")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def sent(
    body: bytes, content_type: str | None = None, status: int = 200, **headers: str
) -> Answer:
    """Make an answer of these parts."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if content_type:
            handler.send_header("Content-Type", content_type)
        headers.setdefault("content_length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(body)

    return answer


class Host:
    """A server on this machine: answers by path, and who came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.visits: list[tuple[str, dict[str, str]]] = []

    def put(self, path: str, answer: Answer) -> str:
        self.answers[path.partition("?")[0]] = answer
        return self.url + path


@contextlib.contextmanager
def hosting() -> Iterator[Host]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.visits.append((self.path, dict(self.headers)))
            answer = host.answers.get(self.path.partition("?")[0])
            (answer or sent(b"", status=404))(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host = Host(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()
