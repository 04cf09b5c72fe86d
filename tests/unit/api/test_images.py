"""Pictures on raw bytes: what is sent, what came, what it cost."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.images import GeneratedImage, Images
from grok_nb.errors import BadRequest, GrokError, InDoubt, NotFound, ServerFault

from ..support import KEY, Answer, refusal, session
from ..test_pictures import picture

JPEG = picture("JPEG", 9, 7)
PNG = picture("PNG", 9, 7)
BARE = base64.b64encode(JPEG).decode()
PICTURE = "grok-imagine-image"
PICTURE_2 = "grok-imagine-image-2.0"
URL = "https://imgen.x.ai/xai-imgen/temp-1.jpeg?a=b%20c"


def made(*entries: Any, ticks: int | None = 200_000_000, **fields: Any) -> Answer:
    usage = {} if ticks is None else {"usage": {"cost_in_usd_ticks": ticks}}
    return Answer(pieces=json.dumps({"data": entries, **usage, **fields}).encode())


async def test_a_picture_is_asked_for_as_documented() -> None:
    with session(made({"b64_json": BARE, "mime_type": "image/jpeg"})) as s:
        found = await s.grok.generate_images("a red fox")
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("POST", "/v1/images/generations")
        # nothing but what was set, and that the picture be embedded
        assert s.script.bodies == [
            {"model": PICTURE, "prompt": "a red fox", "response_format": "b64_json"}
        ]
        row = s.row
    assert isinstance(found, Images)
    (image,) = found
    assert (image.data, image.mime_type, image.url) == (JPEG, "image/jpeg", None)
    assert found.usage is not None
    assert (found.cost_usd, found.cost_source) == (0.02, "reported")
    assert (row["state"], row["cost_usd"], row["cost_source"]) == (
        "done",
        0.02,
        "reported",
    )
    assert (row["endpoint"], row["model"]) == ("/images/generations", PICTURE)
    assert row["request_id"] == found.request_id == "req-1"


async def test_every_option_travels_by_its_name() -> None:
    options: dict[str, Any] = {
        "n": 3,
        "aspect_ratio": "19.5:9",
        "resolution": "1.5k",
        "quality": "medium",
        "response_format": "url",
        "user": "u",
    }
    with session(made({"url": URL})) as s:
        found = await s.grok.generate_images("a fox", PICTURE_2, **options)
        assert s.script.bodies == [{"model": PICTURE_2, "prompt": "a fox", **options}]
        assert len(s.script.requests) == 1  # nothing is fetched unasked
    assert (found[0].url, found[0].data, found[0].mime_type) == (URL, None, None)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ""}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": b"x"}, "prompt"),
    ({"model": ""}, "model"),
    ({"n": 0}, "from 1 to 10"),
    ({"n": 11}, "from 1 to 10"),
    ({"n": 1.5}, "whole number"),
    ({"n": True}, "whole number"),
    ({"response_format": "png"}, "response_format"),
    ({"aspect_ratio": "7:5"}, "aspect_ratio"),
    ({"aspect_ratio": 1}, "aspect_ratio"),
    ({"resolution": "4k"}, "no resolution '4k'"),
    ({"resolution": "1.5k"}, "no resolution '1.5k'"),
    ({"quality": "low"}, "no quality"),
    ({"quality": "high", "model": PICTURE_2}, "quality is 'high'"),
    ({"user": 5}, "user"),
]


@pytest.mark.parametrize(("options", "said"), BAD)
async def test_what_cannot_be_right_is_refused_before_it_is_sent(
    options: dict[str, Any], said: str
) -> None:
    with session(made({"b64_json": BARE})) as s:
        with pytest.raises(BadRequest, match=said):
            await s.grok.generate_images(**{"prompt": "a fox", **options})
        with pytest.raises(BadRequest, match=said):
            await s.grok.edit_images(image=PNG, **{"prompt": "a fox", **options})
        assert s.script.requests == []
        assert s.rows == []


async def test_what_is_not_known_of_a_model_is_the_servers_to_say() -> None:
    with session(made({"b64_json": BARE}, ticks=None)) as s:
        options = {"resolution": "8k", "quality": "best", "aspect_ratio": "7:5"}
        found = await s.grok.generate_images("a fox", "grok-imagine-9", **options)
        assert s.script.bodies[0].items() >= options.items()
        assert (found.cost_usd, found.cost_source) == (None, "none")


# -- prices (xai-api.md section 7.1, price page of 2026-09-29) -------------------------


@pytest.mark.parametrize(
    ("entries", "asked", "ticks", "source"),
    [
        (3, {}, 3 * 200_000_000, "computed"),
        (1, {"resolution": "2k"}, 200_000_000, "computed"),
        (1, {"model": PICTURE_2}, 400_000_000, "computed"),
        (2, {"model": PICTURE_2, "quality": "medium"}, 1_200_000_000, "computed"),
        (1, {"model": PICTURE_2, "resolution": "1.5k"}, 500_000_000, "computed"),
        (1, {"model": "grok-imagine-image-pro"}, 400_000_000, "computed"),
        (1, {"model": "grok-imagine-9"}, None, "none"),
    ],
)
@pytest.mark.filterwarnings("ignore:The model grok-imagine-image-pro is retired")
async def test_without_ticks_the_price_list_tells(
    entries: int, asked: dict[str, Any], ticks: int | None, source: str
) -> None:
    with session(made(*[{"b64_json": BARE}] * entries, ticks=None)) as s:
        found = await s.grok.generate_images("a fox", **asked)
        assert (found.cost_ticks, found.cost_source) == (ticks, source)
        assert s.row["cost_source"] == source


async def test_an_edit_also_pays_for_what_it_looks_at() -> None:
    with session(made({"b64_json": BARE}, ticks=None)) as s:
        found = await s.grok.edit_images("bluer", images=[PNG, PNG], model=PICTURE_2)
    # one picture of medium quality, two inputs
    assert (found.cost_ticks, found.cost_source) == (
        600_000_000 + 2 * 100_000_000,
        "computed",
    )


async def test_a_listing_s_price_is_a_guess_for_what_it_does_not_name() -> None:
    entry = {"id": "grok-imagine-9", "image_price": 70, "output_modalities": ["image"]}
    with session(made({"b64_json": BARE}, None, ticks=None)) as s:
        s.grok.exchange.table = s.grok.exchange.table.with_listing(
            [entry], "2026-11-20"
        )
        found = await s.grok.generate_images("a fox", "grok-imagine-9")
        assert (found.cost_ticks, found.cost_source) == (140, "estimated")


async def test_whether_a_moderated_picture_is_billed_is_not_certain() -> None:
    gone = {"respect_moderation": False}
    with session(made({"b64_json": BARE}, gone, ticks=None)) as s:
        found = await s.grok.generate_images("a fox", n=2)
    assert (found.cost_ticks, found.cost_source) == (400_000_000, "estimated")
    assert [image.moderated for image in found] == [False, True]
    with pytest.raises(GrokError, match="moderation"):
        found[1].save("x")


# -- what came -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f"data:image/png;base64,{BARE}",  # S0, and it lies
        base64.encodebytes(JPEG).decode(),
        BARE.rstrip("="),
    ],
)
def test_embedded_pictures_are_read_as_they_come(text: str) -> None:
    image = GeneratedImage.read({"b64_json": text, "mime_type": "image/png"})
    assert (image.data, image.mime_type) == (JPEG, "image/jpeg")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just(BARE),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=6,
)
entries = json_values | st.fixed_dictionaries(
    {},
    optional={
        "b64_json": json_values,
        "url": json_values,
        "revised_prompt": json_values,
        "mime_type": json_values,
        "respect_moderation": json_values,
    },
)


@given(st.lists(entries, min_size=1, max_size=4))
async def test_no_picture_is_lost_whatever_else_came(others: list[Any]) -> None:
    good = {"b64_json": BARE, "revised_prompt": "A fox."}
    with session(made(*others, good)) as s:
        found = await s.grok.generate_images("a fox")
        assert len(s.script.requests) == 1
    assert len(found) == len(others) + 1
    assert found[-1].data == JPEG
    assert found[-1].revised_prompt == "A fox."
    assert found.cost_ticks == 200_000_000
    assert found.raw["data"] == [*others, good]
    for image in found:
        repr(image)
        assert "text/plain" in image._repr_mimebundle_()
    assert BARE in found._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("data", [{}, {"data": []}, {"data": None}, {"data": "x"}])
async def test_what_holds_no_picture_is_no_success(data: Any) -> None:
    body = json.dumps(data).encode()
    with session(Answer(pieces=body), on_doubt="hold") as s:
        with pytest.raises(InDoubt):
            await s.grok.generate_images("a fox")
        assert s.row["state"] == "in_doubt"
    billed = json.dumps({**data, "usage": {"cost_in_usd_ticks": 7}}).encode()
    with session(Answer(pieces=billed)) as s:
        with pytest.raises(ServerFault):
            await s.grok.generate_images("a fox")
        assert len(s.script.requests) == 1  # what was billed is not asked for again
        assert (s.row["state"], s.row["cost_source"]) == ("failed", "reported")


async def test_refusals_are_typed_and_cost_nothing() -> None:
    with session(refusal(400, "Model does not support parameter aspectRatio.")) as s:
        with pytest.raises(BadRequest, match="aspectRatio"):
            await s.grok.generate_images("a fox")
        assert (s.row["state"], s.row["cost_usd"]) == ("failed", 0)
    with session(refusal(503), made({"b64_json": BARE})) as s:
        await s.grok.generate_images("a fox")
        assert s.column("state") == ["failed", "done"]
    with session(httpx.ReadError("reset"), made({"b64_json": BARE})) as s:
        found = await s.grok.generate_images("a fox")
        assert (found.attempts, found.attempts_in_doubt) == (2, 1)
        assert s.column("state") == ["in_doubt", "done"]


# -- edits -----------------------------------------------------------------------------


async def test_edits_are_json_with_one_picture_or_several(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    uri = f"data:image/jpeg;base64,{BARE}"
    with session(made({"b64_json": BARE})) as s:
        await s.grok.edit_images("bluer", path)
        await s.grok.edit_images(
            "both",
            images=[URL, {"file_id": "file_1"}, GeneratedImage(JPEG, "image/jpeg")],
        )
        await s.grok.edit_images("again", GeneratedImage(url=URL))
        one, several, again = s.script.bodies
        assert {r.url.path for r in s.script.requests} == {"/v1/images/edits"}
        assert set(s.column("endpoint")) == {"/images/edits"}
    assert one["image"] == {"url": uri}
    assert "images" not in one
    assert several["images"] == [{"url": URL}, {"file_id": "file_1"}, {"url": uri}]
    assert "image" not in several
    assert again["image"] == {"url": URL}


async def test_edits_need_pictures(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(PNG[:-5])
    bad: list[dict[str, Any]] = [
        {},
        {"image": PNG, "images": [PNG]},
        {"images": []},
        {"images": [PNG] * 6},
        {"images": PNG},
        {"image": tmp_path / "cut.png"},
        {"image": b"text"},
        {"image": {"a": 1}},
        {"image": GeneratedImage(moderated=True)},
        {"image": 5},
    ]
    with session(made({"b64_json": BARE})) as s:
        for arguments in bad:
            with pytest.raises(BadRequest):
                await s.grok.edit_images("bluer", **arguments)
        assert s.script.requests == []


# -- fetching, saving, showing ---------------------------------------------------------


async def test_a_picture_is_fetched_when_asked_to_and_without_the_key() -> None:
    with session(made({"url": URL, "revised_prompt": "A fox."})) as s:
        found = await s.grok.generate_images("a fox", response_format="url")
        s.script.load(Answer(pieces=[JPEG[:50], JPEG[50:]]))
        image = await s.grok.download(found[0])
        (request,) = s.script.requests
        assert (request.method, str(request.url)) == ("GET", URL)
        assert "authorization" not in request.headers
        assert KEY not in str(request.headers.raw)
        assert len(s.rows) == 1  # it is free
        assert (image.data, image.mime_type) == (JPEG, "image/jpeg")
        assert (image.url, image.revised_prompt) == (URL, "A fox.")
        assert await s.grok.download(image) is image
        assert len(s.script.requests) == 1
        # and where the key belongs, it is: the check would see it
        s.script.load(made({"url": URL}))
        await s.grok.generate_images("a fox")
        assert KEY in str(s.script.requests[0].headers.raw)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(404), NotFound, "any more"),
        (Answer(403), NotFound, "any more"),
        (Answer(302, headers={"location": "http://x"}), ServerFault, "302"),
        (Answer(200, b"<html>"), BadRequest, "no picture"),
        (Answer(200, b""), BadRequest, "no picture"),
        (Answer(200, [JPEG, *[bytes(10**6)] * 50]), BadRequest, "50 MB"),
        (httpx.ConnectError("no route"), GrokError, "not reached"),
    ],
)
async def test_what_cannot_be_fetched_says_why(
    answer: Any, kind: type[GrokError], said: str
) -> None:
    with session(answer) as s, pytest.raises(kind, match=said):
        await s.grok.download(URL)


async def test_only_addresses_of_the_web_are_fetched(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    with session(Answer(200, JPEG)) as s:
        for address in [f"file://{path}", str(path), "ftp://x.ai/a", "http://", ""]:
            with pytest.raises(BadRequest):
                await s.grok.download(GeneratedImage(url=address))
        for thing in [GeneratedImage(), 5, None]:
            with pytest.raises(BadRequest):
                await s.grok.download(thing)
        assert s.script.requests == []
        assert (await s.grok.download(URL)).data == JPEG


def test_saving_writes_the_bytes(tmp_path: Path) -> None:
    assert GeneratedImage(JPEG, "image/jpeg").save(tmp_path / "a").name == "a.jpg"
    assert GeneratedImage(PNG, "image/png").save(str(tmp_path / "b")).name == "b.png"
    saved = GeneratedImage(JPEG, "image/jpeg").save(tmp_path / "c.jpeg")
    assert saved.read_bytes() == JPEG
    with pytest.raises(GrokError) as caught:
        GeneratedImage(url=URL).save(tmp_path / "d")
    assert "download" in caught.value.hint


def test_pictures_show_themselves_and_load_nothing() -> None:
    from IPython.core.formatters import DisplayFormatter

    one = GeneratedImage(JPEG, "image/jpeg")
    data, _ = DisplayFormatter().format(one)
    assert data["image/jpeg"] in (BARE, JPEG)
    assert "9 x 7" in data["text/plain"]
    hostile = GeneratedImage(url='https://x.ai/"><script>alert(1)</script>')
    found = Images(
        images=(one, hostile, GeneratedImage(b"<svg onload=x>", "image/svg+xml")),
        model="<b>",
        cost_ticks=200_000_000,
        cost_source="reported",
        sandbox=True,
    )
    data, _ = DisplayFormatter().format(found)
    html = data["text/html"]
    assert html.count("<img") == 1
    assert f"data:image/jpeg;base64,{BARE}" in html
    for bad in ("<script", "<svg", "<b>", 'src="http'):
        assert bad not in html
    assert "0.0200" in html
    assert "sandbox, not Grok" in html
    assert BARE not in repr(found)
    assert "sandbox" in repr(found)
