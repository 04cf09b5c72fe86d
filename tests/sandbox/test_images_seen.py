"""Image understanding over the socket: attached pictures are opened and described."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from grok_nb._sandbox.media import fetching
from grok_nb._sandbox.server import Sandbox

from .pictures import Host, encoded, hosting, jpeg, png, sent, stripes, uri

CHAT = "/v1/chat/completions"
MIB = 1024 * 1024
LIMITS = {"2026": 20 * MIB, "2025": 10 * MIB}
MODELS = {"2026": "grok-4.7", "2025": "grok-2-vision-latest"}


@pytest.fixture(scope="module")
def _sandboxes() -> Iterator[dict[str, Sandbox]]:
    with Sandbox() as today, Sandbox(vintage="2025") as then:
        yield {"2026": today, "2025": then}


@pytest.fixture(scope="module")
def clients(_sandboxes: dict[str, Sandbox]) -> Iterator[dict[str, httpx.Client]]:
    found = {
        vintage: httpx.Client(
            base_url=sandbox.root_url,
            headers={"Authorization": f"Bearer {sandbox.key}"},
            timeout=30,
        )
        for vintage, sandbox in _sandboxes.items()
    }
    yield found
    for client in found.values():
        client.close()


@pytest.fixture
def client(clients: dict[str, httpx.Client]) -> httpx.Client:
    clients["2026"].delete("/__sandbox/ledger")
    return clients["2026"]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as found:
        yield found


def image(url: str, detail: str | None = None) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": detail}}


def text(words: str = "What is in this image?") -> dict[str, Any]:
    return {"type": "text", "text": words}


def asked(
    client: httpx.Client, *parts: dict[str, Any], vintage: str = "2026", **more: Any
) -> httpx.Response:
    body = {"model": MODELS[vintage], "messages": [{"role": "user", "content": parts}]}
    return client.post(CHAT, json=body | more)


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error.startswith("Invalid image: ")
    return error


# -- what a picture shows -------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "shows"),
    [
        (png("red"), "png, 60 x 40 pixels; red 100 %; 0 % transparent"),
        (png("red", "blue"), "red 50 %, blue 50 %"),
        (jpeg("white", "black", "white", "white"), "jpeg, 60 x 40 pixels; white 75 %"),
        (png("green", "transparent"), "green 100 %; 50 % transparent"),
        (png("transparent"), "nothing to be seen; 100 % transparent"),
        (png("yellow", size=(1, 1)), "png, 1 x 1 pixels; yellow 100 %"),
        (encoded(Image.new("L", (9, 9), 128)), "grey 100 %"),
        (encoded(Image.new("1", (9, 9), 1)), "white 100 %"),
        (encoded(Image.new("P", (9, 9), 0)), "black 100 %"),
        (encoded(Image.new("I;16", (9, 9), 65_535)), "white 100 %"),
        (encoded(Image.new("I;16", (9, 9), 300)), "black 100 %"),
        (encoded(Image.new("LA", (9, 9), (0, 0))), "100 % transparent"),
        (encoded(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG"), "red 100 %"),
        (encoded(stripes("blue").convert("RGB"), "JPEG", progressive=True), "blue 100"),
    ],
)
def test_a_picture_is_described_as_it_is(
    client: httpx.Client, data: bytes, shows: str
) -> None:
    answer = said(asked(client, image(uri(data)), text()))
    assert answer.startswith("[sandbox] The image: ")
    assert shows in answer


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.sampled_from(
            ["red", "green", "blue", "yellow", "white", "black", "purple", "orange"]
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.tuples(st.integers(8, 900), st.integers(1, 900)),
    st.sampled_from([png, jpeg]),
)
def test_any_stripes_are_named_by_their_shares(
    client: httpx.Client, colours: list[str], size: tuple[int, int], kind: Any
) -> None:
    answer = asked(client, image(uri(kind(*colours, size=size))), text())
    shares = dict(re.findall(r"(\w+) (\d+) %", said(answer).partition(";")[2]))
    assert f"{size[0]} x {size[1]} pixels" in said(answer)
    shares.pop("transparent", None)
    main = {name for name, share in shares.items() if int(share) > 15}
    # A JPEG blends where stripes meet: few pixels in a small picture.
    if kind is png or size[0] > 200:
        assert main == set(colours)
    columns, rows = -(-size[0] // 448), -(-size[1] // 448)
    tokens = answer.json()["usage"]["prompt_tokens_details"]["image_tokens"]
    assert tokens == 256 * (min(columns * rows, 6) + 1)


def test_several_pictures_in_any_order(client: httpx.Client) -> None:
    red, blue = image(uri(png("red"))), image(uri(jpeg("blue")))
    for parts in (
        (text(), red, blue),
        (red, text(), blue),
        (red, blue, text()),
        (red, text("first"), blue, text()),
    ):
        answer = said(asked(client, *parts))
        first, second = answer.removeprefix("[sandbox] ").splitlines()
        assert first.startswith("Image 1: png, 60 x 40")
        assert "red 100 %" in first
        assert second.startswith("Image 2: jpeg, 60 x 40")
        assert "blue 100 %" in second


def test_a_later_question_is_about_the_same_picture(client: httpx.Client) -> None:
    messages = [
        {"role": "user", "content": [image(uri(png("pink"))), text()]},
        {"role": "assistant", "content": "A picture."},
        {"role": "user", "content": "Which colour is it?"},
    ]
    answer = client.post(CHAT, json={"model": "grok-4.7", "messages": messages})
    assert "pink 100 %" in said(answer)


def test_a_stream_describes_it_too(client: httpx.Client) -> None:
    answer = asked(client, image(uri(png("red"))), text(), stream=True)
    lines = [
        line[6:] for line in answer.text.splitlines() if line.startswith("data: {")
    ]
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
    whole = "".join(delta.get("content", "") for delta in deltas)
    assert whole == said(asked(client, image(uri(png("red"))), text()))


def test_a_schema_is_filled_from_the_picture(client: httpx.Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "format": {"type": "string"},
            "width": {"type": "integer"},
            "height": {"type": "integer"},
            "main_colour": {"type": "string"},
        },
        "required": ["format", "width", "height", "main_colour"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    picture = image(uri(jpeg("purple", size=(320, 200))))
    answer = said(asked(client, picture, text("Describe it"), response_format=wanted))
    assert json.loads(answer) == {
        "format": "jpeg",
        "width": 320,
        "height": 200,
        "main_colour": "purple",
    }


def test_pictures_are_billed_by_their_tiles(client: httpx.Client) -> None:
    cases = [
        ((448, 448), None, 512),
        ((449, 448), "auto", 768),
        ((896, 897), "high", 1792),
        ((3000, 2000), "high", 1792),
        ((3000, 2000), "low", 256),
    ]
    for size, detail, tokens in cases:
        answer = asked(client, image(uri(png("red", size=size)), detail), text("Hi"))
        usage = answer.json()["usage"]
        assert usage["prompt_tokens_details"]["image_tokens"] == tokens
        text_tokens = usage["prompt_tokens_details"]["text_tokens"]
        assert usage["prompt_tokens"] == tokens + text_tokens
        details = usage["completion_tokens_details"]
        output = usage["completion_tokens"] + details["reasoning_tokens"]
        # grok-4.7: 2 and 6 USD per million tokens; images cost what text does.
        cost = usage["prompt_tokens"] * 20_000 + output * 60_000
        assert usage["cost_in_usd_ticks"] == cost
    calls = client.get("/__sandbox/ledger").json()["calls"]
    assert [call["cost_in_usd_ticks"] > 0 for call in calls] == [True] * len(cases)


# -- addresses ------------------------------------------------------------------------


def test_an_address_on_this_machine_is_fetched(
    client: httpx.Client, host: Host
) -> None:
    host.visits.clear()
    url = host.put("/a%20b.gif?size=1&x=é", sent(png("orange"), "image/png"))
    assert "orange 100 %" in said(asked(client, image(url), text()))
    ((path, headers),) = host.visits
    assert path == "/a%20b.gif?size=1&x=%C3%A9"
    assert headers["User-Agent"] == "XaiImageApiFetch/1.0"
    assert "Authorization" not in headers


def test_a_name_of_this_machine_is_fetched(client: httpx.Client, host: Host) -> None:
    url = host.put("/c.png", sent(png("red"))).replace("127.0.0.1", "localhost")
    assert "red 100 %" in said(asked(client, image(url), text()))


@pytest.mark.parametrize("vintage", ["2026", "2025"])
def test_an_address_elsewhere_stays_unread(
    clients: dict[str, httpx.Client], vintage: str
) -> None:
    url = "https://science.nasa.gov/wp-content/web-first-images-release.png"
    answer = asked(clients[vintage], image(url), text(), vintage=vintage)
    assert "Images: 1 (unread)" in said(answer)
    details = answer.json()["usage"]["prompt_tokens_details"]
    assert details["image_tokens"] == 512
    both = asked(
        clients[vintage], image(url), image(uri(png("red"))), text(), vintage=vintage
    )
    assert "Images: 2 (unread | png, 60 x 40 pixels; red 100 %" in said(both)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (sent(b"", status=404), "answered 404"),
        (sent(b"", status=302, location="/ok.png"), "answered 302"),
        (sent(b"<html>", "text/html"), "neither a png nor a jpeg"),
        (sent(b"", "image/png"), "it is empty"),
        (sent(png("red"), "image/jpeg"), "claims to be image/jpeg and is a png"),
        (sent(png("red"), "image/webp"), "claims to be image/webp and is a png"),
        (sent(png("red")[:-9], "image/png"), "the png is damaged"),
        (sent(png("red"), content_length="9999"), "cannot be fetched"),
        (sent(bytes(LIMITS["2026"] + 5)), "are more than"),
    ],
)
def test_addresses_that_give_no_picture(
    client: httpx.Client, host: Host, answer: Any, why: str
) -> None:
    url = host.put("/bad.png", answer)
    assert why in refused(asked(client, image(url), text()))
    assert client.get("/__sandbox/ledger").json()["calls"] == []


def test_an_address_where_nobody_listens(client: httpx.Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.png"
        assert "cannot be fetched" in refused(asked(client, image(url), text()))


def test_names_that_cannot_exist_are_refused(client: httpx.Client) -> None:
    url = "https://pictures.invalid/a.png"
    assert "cannot be found" in refused(asked(client, image(url), text()))


def test_a_picture_without_end_is_left(host: Host) -> None:
    left = threading.Event()

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"\x89")
                left.wait(0.01)
        except ConnectionError:
            left.set()

    url = host.put("/drip.png", drip)
    with pytest.raises(ValueError, match="there was more to come"):
        fetching.fetch(url, 10**9, timeout_s=0.2)
    assert left.wait(10)


# -- what is refused ------------------------------------------------------------------


def bomb(width: int, height: int) -> bytes:
    """Make a small file that says to be a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x00\x00\x00\x00"
    rows = zlib.compress(bytes(1_000_000))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (uri(png("red"), "image/jpeg"), "claims to be image/jpeg and is a png"),
        (uri(jpeg("red"), "image/png"), "claims to be image/png and is a jpeg"),
        (uri(b"GIF89a" + bytes(99), "image/png"), "neither a png nor a jpeg"),
        (uri(b"GIF89a" + bytes(99), "image/gif"), "data URI of a png or jpeg"),
        (uri(encoded(stripes("red"), "WEBP"), "image/png"), "neither a png nor"),
        (uri(b"hello", "text/plain"), "data URI of a png or jpeg"),
        (uri(b"", "image/png"), "it is empty"),
        (uri(png("red")[:-20]), "damaged"),
        (uri(jpeg("red")[:-2]), "damaged"),
        (uri(jpeg("red")[:200]), "damaged"),
        (uri(bomb(60_000, 60_000)), "60000 x 60000 pixels are more than"),
        (uri(bomb(2**31 - 1, 2**31 - 1)), "pixels are more than"),
        (uri(bomb(8000, 8000)), "damaged"),
        ("data:image/png;base64,!!!", "no base64"),
        ("nonsense", "data URI"),
        ("", "data URI"),
        ("file:///etc/hostname", "data URI"),
    ],
)
def test_what_is_no_picture_is_refused(
    client: httpx.Client, url: str, why: str
) -> None:
    assert why in refused(asked(client, image(url), text()))
    # The good one next to it does not help.
    assert why in refused(asked(client, image(uri(png("red"))), image(url)))
    assert client.get("/__sandbox/ledger").json()["calls"] == []


def padded(size: int) -> bytes:
    """Make a picture of that many bytes."""
    data = png("red")
    room = size - len(data) - 12
    chunk = b"ruBi" + bytes(room)
    extra = room.to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    return data[:33] + extra + data[33:]


@pytest.mark.parametrize("vintage", ["2026", "2025"])
def test_the_limit_of_size_is_that_of_the_year(
    clients: dict[str, httpx.Client], vintage: str
) -> None:
    limit = LIMITS[vintage]
    fits = asked(clients[vintage], image(uri(padded(limit))), text(), vintage=vintage)
    assert "red 100 %" in said(fits)
    url = uri(padded(limit + 1))
    refusal = refused(asked(clients[vintage], image(url), text(), vintage=vintage))
    assert f"{limit + 1} bytes are more than the {limit} allowed" in refusal


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from([png, jpeg]), st.binary(min_size=1, max_size=30), st.floats(0, 1)
)
def test_damaged_pictures_are_described_or_refused(
    client: httpx.Client, kind: Any, noise: bytes, where: float
) -> None:
    data = kind("red", "blue")
    at = int(where * len(data))
    for spoilt in (data[:at] + noise + data[at + len(noise) :], data[:at] + noise):
        answer = asked(client, image(uri(spoilt, "image/png")), text())
        assert answer.status_code in {200, 400}, answer.text
        if answer.status_code == 400:
            assert refused(answer)


def test_without_pillow_it_says_what_to_install() -> None:
    code = f"""
import sys
sys.modules["PIL"] = None
import json, urllib.request, urllib.error
from grok_nb._sandbox.server import Sandbox
picture = {{"type": "image_url", "image_url": {{"url": "{uri(png("red"))}"}}}}
far = {{"type": "image_url", "image_url": {{"url": "https://a.example/b.png"}}}}
def chat(part):
    return {{"model": "grok-4.7", "messages": [{{"role": "user", "content": [part]}}]}}
with Sandbox() as sandbox:
    for path, body in [("/chat/completions", chat(picture)),
                       ("/images/generations", {{"prompt": "A star"}}),
                       ("/chat/completions", chat(far))]:
        request = urllib.request.Request(
            sandbox.base_url + path, json.dumps(body).encode(),
            {{"Authorization": "Bearer " + sandbox.key,
              "Content-Type": "application/json"}})
        try:
            with urllib.request.urlopen(request) as answer:
                print(answer.status)
        except urllib.error.HTTPError as error:
            print(error.status, json.loads(error.read())["error"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    first, second, third = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith("501 ")
        assert 'pip install "grok-nb[sandbox]"' in line
    assert third == "200"


def test_many_pictures_at_once(client: httpx.Client) -> None:
    parts = [image(uri(png("red", size=(9, 9)), None), "low") for _ in range(60)]
    answer = asked(client, *parts, text())
    assert said(answer).count("red 100 %") == 60
    tokens = answer.json()["usage"]["prompt_tokens_details"]["image_tokens"]
    assert tokens == 60 * 256


def test_a_picture_may_be_in_a_stored_file(client: httpx.Client) -> None:
    stored = client.post("/v1/files", files={"file": ("a.txt", png("cyan"))}).json()
    part = {"type": "file", "file": {"file_id": stored["id"]}}
    answer = asked(client, part, text())
    assert "cyan 100 %" in said(answer)
    assert base64.b64encode(png("cyan")).decode() not in answer.text
