"""What bytes say of a picture, against an imaging library that we do not use for it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grok_nb import pictures


def picture(kind: str, width: int, height: int, mode: str = "RGB", **how: Any) -> bytes:
    noise = np.random.default_rng(width * height).integers(
        0, 256, (height, width, 3), dtype=np.uint8
    )
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, kind, **how)
    return buffer.getvalue()


sides = st.integers(1, 60)
kinds = st.sampled_from(["PNG", "JPEG"])


@settings(deadline=None)
@given(
    kind=kinds, width=sides, height=sides, progressive=st.booleans(), tail=st.binary()
)
def test_whole_pictures_are_read_as_others_read_them(
    kind: str, width: int, height: int, progressive: bool, tail: bytes
) -> None:
    how = {"progressive": progressive, "quality": 95} if kind == "JPEG" else {}
    data = picture(kind, width, height, **how)
    # what follows the end, as cameras and phones write it, is no flaw
    look = pictures.look_at(data + tail)
    assert look == pictures.Look(f"image/{kind.lower()}", width, height)


@settings(deadline=None)
@given(kind=kinds, width=sides, height=sides, data=st.data())
def test_a_picture_cut_anywhere_is_not_whole(
    kind: str, width: int, height: int, data: Any
) -> None:
    whole = picture(kind, width, height)
    cut = data.draw(st.integers(3 if kind == "JPEG" else 8, len(whole) - 1))
    look = pictures.look_at(whole[:cut])
    assert look is not None
    assert look.flaw
    assert pictures.look_at(whole).flaw == ""  # type: ignore[union-attr]


@settings(deadline=None)
@given(width=sides, height=sides, data=st.data())
def test_a_png_with_a_changed_byte_is_not_whole(
    width: int, height: int, data: Any
) -> None:
    whole = picture("PNG", width, height)
    at = data.draw(st.integers(8, len(whole) - 1))
    bad = bytearray(whole)
    bad[at] ^= data.draw(st.integers(1, 255))
    look = pictures.look_at(bytes(bad))
    assert look is not None
    assert look.flaw


@given(st.sampled_from([pictures.PNG, pictures.JPEG]), st.binary(max_size=300))
def test_a_start_alone_makes_no_picture(start: bytes, rest: bytes) -> None:
    look = pictures.look_at(start + rest)
    assert look is not None
    assert look.flaw


@given(st.binary())
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert (pictures.look_at(data) is None) is (
        pictures.mime_type_of(data) not in ("image/png", "image/jpeg")
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO"])
def test_other_pictures_are_known_by_their_start(kind: str) -> None:
    if kind == "ICO":
        data = picture("ICO", 32, 32)
        assert pictures.mime_type_of(data) == "image/x-icon"
    else:
        assert pictures.mime_type_of(picture(kind, 8, 8)) == f"image/{kind.lower()}"


def test_no_text_is_taken_for_a_picture() -> None:
    for text in [b"", b"BMW is a car, a long text", b"RIFFRAFF", b"<svg>", b"II*"]:
        assert pictures.mime_type_of(text) is None


@settings(deadline=None)
@given(width=sides, height=sides, channels=st.sampled_from([1, 3, 4]))
def test_pixels_survive_as_png(width: int, height: int, channels: int) -> None:
    pixels = np.random.default_rng(channels).integers(
        0, 256, (height, width, channels), dtype=np.uint8
    )
    data = pictures.to_png(pixels.tobytes(), width, height, channels)
    assert pictures.look_at(data) == pictures.Look("image/png", width, height)
    back = np.asarray(Image.open(io.BytesIO(data))).reshape(height, width, channels)
    assert (back == pixels).all()


# -- tokens (xai-api.md section 3.2) ---------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "detail", "count"),
    [
        (1, 1, None, 512),
        (448, 448, "high", 512),
        (449, 448, "auto", 768),
        (896, 896, None, 1280),
        (1344, 896, None, 1792),
        (4000, 3000, None, 1792),
        (4000, 3000, "low", 256),
        (0, 0, None, 1792),  # not known: the most
    ],
)
def test_tokens_go_by_tiles(
    width: int, height: int, detail: str | None, count: int
) -> None:
    assert pictures.tokens(width, height, detail) == count


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_tokens_are_within_the_documented_range(width: int, height: int) -> None:
    assert 512 <= pictures.tokens(width, height) <= 1792
    assert pictures.tokens(width, height) == pictures.tokens(height, width)


def test_the_guess_counts_pictures_by_tiles_and_text_by_bytes() -> None:
    url = pictures.to_data_uri("image/png", picture("PNG", 449, 448))
    chat = [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
                {"type": "text", "text": "x" * 400},
            ],
        }
    ]
    total, of_pictures = pictures.estimate(chat)
    assert of_pictures == 768 + 256
    assert 100 <= total - of_pictures <= 130
    responses = [{"type": "input_image", "image_url": url, "detail": "high"}]
    assert pictures.estimate(responses) == (768, 768)
    far = [{"type": "image_url", "image_url": {"url": "https://x.ai/a.png"}}]
    assert pictures.estimate(far) == (1792, 1792)
    for odd in ["data:image/png;base64,!!", "data:,no picture", "", 5, None]:
        part = {"type": "image_url", "image_url": {"url": odd}}
        assert pictures.estimate(part) == (1792, 1792)
    assert pictures.estimate("x" * 9) == (3, 0)


# -- data URIs -------------------------------------------------------------------------


@given(st.binary(), st.sampled_from(["image/png", "text/plain", "a.b/c-d+e"]))
def test_data_uris_carry_bytes_there_and_back(data: bytes, kind: str) -> None:
    assert pictures.split_data_uri(pictures.to_data_uri(kind, data)) == (kind, data)


@given(st.binary(), st.booleans(), st.booleans(), st.integers(1, 80))
def test_base64_is_read_however_it_is_written(
    data: bytes, url_safe: bool, padded: bool, line: int
) -> None:
    import base64

    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    broken = "\n".join(text[at : at + line] for at in range(0, len(text), line))
    assert pictures.from_base64(broken) == data


def test_what_is_no_base64_is_no_bytes() -> None:
    for text in ["a", "####", "aaaa=aaa", "é"]:
        with pytest.raises(ValueError, match="no base64"):
            pictures.from_base64(text)
    assert pictures.split_data_uri("data:text/plain;charset=utf-8,a%20b") == (
        "text/plain",
        b"a b",
    )
    assert pictures.split_data_uri("data: hello") is None
