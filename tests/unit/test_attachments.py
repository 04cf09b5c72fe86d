"""What is attached -> what is sent; and what is refused before it is."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grok_nb import attachments, pictures
from grok_nb.api.question import question
from grok_nb.errors import BadRequest, GrokError

from .support import STALL, Answer, completion, session
from .test_pictures import picture

PNG = picture("PNG", 8, 6)
JPEG = picture("JPEG", 8, 6)


def sent(thing: Any, **options: Any) -> bytes:
    """Return the bytes of the one picture that is sent."""
    (part,) = attachments.parts(thing, **options)
    assert part["type"] == "image_url"
    kind, data = pictures.split_data_uri(part["image_url"]["url"]) or ("", b"")
    assert kind == pictures.mime_type_of(data)
    return data


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


class Shown:
    def __init__(self, **methods: Any) -> None:
        for name, value in methods.items():
            setattr(self, f"_repr_{name}_", lambda value=value: value)


@pytest.mark.parametrize("data", [PNG, JPEG])
def test_a_picture_travels_byte_for_byte_from_wherever_it_is(
    data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.dat"  # what it is called does not matter
    path.write_bytes(data)
    kind = pictures.mime_type_of(data) or ""
    for thing in [
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        pictures.to_data_uri(kind, data),
        pictures.to_data_uri("image/gif", data),  # the content counts
        Shown(png=data),
        Shown(png=None, jpeg=data),
        Shown(png=(data, {"width": 8})),
        Shown(png=base64.encodebytes(data).decode()),
    ]:
        assert sent(thing) == data


def test_addresses_travel_as_they_are() -> None:
    for url in ["https://x.ai/a.png", "HTTP://x.ai/ä?b=c#d"]:
        assert attachments.parts(url, detail="high") == [
            {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
        ]


def test_text_shows_its_name(tmp_path: Path) -> None:
    for name, raw in [
        ("notes.txt", "Zürich\n".encode()),
        ("table.csv", "\ufeffZürich\n".encode()),
        ("old.txt", "Zürich\n".encode("utf-16")),
    ]:
        (tmp_path / name).write_bytes(raw)
        (part,) = attachments.parts(tmp_path / name)
        assert part == {"type": "text", "text": f"--- {name} ---\nZürich\n"}
    (part,) = attachments.parts(b"a,b")
    assert part["text"].endswith("\na,b")


def test_arrays_are_pictures() -> None:
    colours = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    assert (pixels(sent(colours)) == colours).all()
    assert (pixels(sent(colours[::-1, ::2])) == colours[::-1, ::2]).all()
    assert (pixels(sent(colours[:, :, 0])) == colours[:, :, 0]).all()
    light = colours / 255
    assert (pixels(sent(light)) == colours).all()
    assert pixels(sent(np.zeros((2, 3, 4), np.uint8))).shape == (2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((2,), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros((2, 2, 3), np.int64),
        np.full((2, 2, 3), 1.01),
        np.full((2, 2, 3), np.nan),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array: Any) -> None:
    with pytest.raises(BadRequest, match=r"array|ndarray"):
        attachments.parts(array)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F"])
def test_images_of_any_mode_are_sent_as_png(mode: str) -> None:
    image = Image.new(mode, (7, 5))
    assert Image.open(io.BytesIO(sent(image))).size == (7, 5)


def test_a_figure_is_drawn_once() -> None:
    class Figure:
        drawn = 0

        def savefig(self, target: Any, **how: Any) -> None:
            assert how["format"] == "png"
            self.drawn += 1
            target.write(PNG)

        def _repr_png_(self) -> bytes:
            raise AssertionError

    figure = Figure()
    assert sent(figure) == PNG
    assert figure.drawn == 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF"])
def test_other_pictures_are_converted(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture(kind, 9, 7, "RGBA" if kind == "GIF" else "RGB"))
    assert pictures.look_at(sent(path)) == pictures.Look("image/png", 9, 7)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(BadRequest, match=r"a\.png"):
        attachments.parts(path)


def without_pillow(code: str) -> str:
    code = f"import sys; sys.modules['PIL'] = None\nimport grok_nb as gn\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_without_pillow_an_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(picture("GIF", 9, 7))
    (tmp_path / "b.png").write_bytes(PNG)
    said = without_pillow(
        f"""
from grok_nb import attachments
print(len(attachments.parts({str(tmp_path / "b.png")!r})))
try:
    attachments.parts({str(tmp_path / "a.gif")!r})
except gn.errors.MissingExtra as error:
    print(error, error.hint)
print([m for m in ("numpy", "PIL.Image", "matplotlib") if m in sys.modules])
"""
    )
    first, second, third = said.splitlines()
    assert first == "1"
    assert "a.gif is image/gif" in second
    assert "pip install pillow" in second
    assert third == "[]"


def bad_files(folder: Path) -> dict[str, bytes]:
    return {
        "cut.png": PNG[:-9],
        "cut.jpg": JPEG[: len(JPEG) // 2],
        "page.png": b"<!doctype html><title>404</title>",
        "empty.jpeg": b"",
        "empty.txt": b"  \n",
        "tool.exe": b"MZ\x90\x00\x03\x00\xff",
        "latin.txt": "Zürich".encode("latin-1"),
        "paper.pdf": b"%PDF-1.7 ...",
        "large.png": PNG + bytes(20 * 1024 * 1024),
        "large.txt": b"x" * (20 * 1024 * 1024 + 1),
    }


async def test_bad_files_are_named_and_nothing_is_sent(tmp_path: Path) -> None:
    with session(completion()) as s:
        for name, data in bad_files(tmp_path).items():
            (tmp_path / name).write_bytes(data)
            with pytest.raises(BadRequest, match=name) as caught:
                await s.grok.ask("What is this?", attach=[PNG, tmp_path / name])
            assert (
                caught.value.hint
                or "called a picture" in str(caught.value)
                or ("empty" in str(caught.value))
            )
        for thing, said in [
            (tmp_path / "none.png", "no file"),
            (tmp_path, "folder"),
            ("", "no path"),
            ("a\nb", "no path"),
            ("x" * 5000, "no path"),
            ("data:image/png;base64,###", "no base64"),
            ("data:nothing", "no data URI"),
            ("http://", "no address"),
            ("https://[x/a.png", "no address"),
            ("https://x.ai/a b.png", "no address"),
            (5, "int cannot be attached"),
            (None, "NoneType cannot be attached"),
            (Shown, "cannot be attached"),
            ({"a": 1}, "dict cannot be attached"),
        ]:
            with pytest.raises(BadRequest, match=said):
                await s.grok.ask("What is this?", attach=[thing])
        with pytest.raises(BadRequest, match="detail"):
            await s.grok.ask("What is this?", attach=PNG, detail="medium")
        assert s.script.requests == []
        assert s.rows == []


async def test_pictures_come_before_the_question_and_are_booked() -> None:
    usage = {
        "prompt_tokens": 600,
        "completion_tokens": 5,
        "total_tokens": 605,
        "prompt_tokens_details": {"image_tokens": 512, "text_tokens": 88},
    }
    with session(completion(usage=usage)) as s:
        reply = await s.grok.ask(
            "What is this?", attach=[PNG, "https://x.ai/b.jpg"], system="Be brief."
        )
        system, user = s.script.bodies[0]["messages"]
        assert system == {"role": "system", "content": "Be brief."}
        assert user["content"] == [
            *attachments.parts([PNG, "https://x.ai/b.jpg"]),
            {"type": "text", "text": "What is this?"},
        ]
        assert s.row["image_tokens"] == 512
        assert reply.usage is not None
        assert reply.usage.image_tokens == 512
    # grok-4.7: 600 x 20000 + 5 x 60000, as pictures cost what text costs
    assert (reply.cost_ticks, reply.cost_source) == (12_300_000, "computed")


async def test_a_reply_without_usage_is_estimated_by_tiles() -> None:
    large = picture("PNG", 500, 900)  # 2 x 3 tiles
    begun = b'data: {"id":"r","choices":[{"index":0,"delta":{"content":"A"}}]}\n\n'
    with session(Answer(pieces=[begun, STALL]), timeout_s=0.2) as s:
        stream = s.grok.stream("What is this?", attach=large)
        with pytest.raises(GrokError):
            async for _ in stream:
                pass
        assert s.row["image_tokens"] == 1792
        assert 1792 < s.row["prompt_tokens"] < 1900  # not the bytes of the data URI
        assert s.row["cost_source"] == "estimated"


def test_what_is_attached_can_be_the_whole_question() -> None:
    ask = question(attach=b"What is 6*7?")
    (message,) = ask.messages
    assert [part["type"] for part in message["content"]] == ["text"]
    assert question("", attach=PNG).messages[0]["content"] == attachments.parts(PNG)
    part = {"type": "file", "file": {"file_id": "file_1"}}
    assert question("Sum it up", attach=part).messages[0]["content"][0] == part
    assert question("Hi", attach=[]).messages[0]["content"] == "Hi"
    json.dumps(ask.messages)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_anything_is_sent_or_refused_and_never_fails_otherwise(thing: Any) -> None:
    try:
        (part,) = attachments.parts([thing])
    except GrokError:
        return
    json.dumps(part).encode()
    assert part["type"] in ("text", "image_url")


def test_an_open_file_is_read() -> None:
    (part,) = attachments.parts(io.BytesIO(b"seven lamps"))
    assert "seven lamps" in part["text"]
    (part,) = attachments.parts(io.StringIO("sieben L\u00e4mpchen"))
    assert "sieben L\u00e4mpchen" in part["text"]


def test_what_to_attach_in_place_of_a_frame_is_said() -> None:
    import pandas as pd

    with pytest.raises(BadRequest) as caught:
        attachments.parts(pd.DataFrame({"a": [1]}))
    assert "to_csv" in caught.value.hint
