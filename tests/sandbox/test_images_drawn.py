"""Image generation and edits over the socket: pictures, addresses, prices, refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_nb._sandbox.media import opening
from grok_nb._sandbox.server import Sandbox

from .pictures import hosting, jpeg, opened, png, sent, uri

DRAW, EDIT = "/v1/images/generations", "/v1/images/edits"
NEW = "grok-imagine-image-2.0"
USD = 10_000_000_000


@pytest.fixture(scope="module")
def _sandboxes() -> Iterator[dict[str, Sandbox]]:
    with Sandbox() as today, Sandbox(vintage="2025") as then:
        yield {"2026": today, "2025": then}


@pytest.fixture
def sandbox(_sandboxes: dict[str, Sandbox]) -> Sandbox:
    return _sandboxes["2026"]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.root_url, headers=headers, timeout=30) as found:
        found.delete("/__sandbox/ledger")
        yield found


@pytest.fixture
def old_client(_sandboxes: dict[str, Sandbox]) -> Iterator[httpx.Client]:
    sandbox = _sandboxes["2025"]
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.root_url, headers=headers, timeout=30) as found:
        found.delete("/__sandbox/ledger")
        yield found


def drawn(client: httpx.Client, path: str = DRAW, **fields: Any) -> dict[str, Any]:
    body = {"prompt": "a red circle on a blue background"} | fields
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def picture(client: httpx.Client, path: str = DRAW, **fields: Any) -> bytes:
    answer = drawn(client, path, response_format="b64_json", **fields)
    (entry,) = answer["data"]
    return base64.b64decode(entry["b64_json"], validate=True)


def colours(data: bytes) -> dict[str, int]:
    return dict(opening.look(data, 10**8).colours)


def bill(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get("/__sandbox/ledger").json()["calls"]


# -- what is drawn --------------------------------------------------------------------


def test_the_answer_has_the_recorded_shape(client: httpx.Client) -> None:
    answer = drawn(client, model="grok-imagine-image")
    assert set(answer) == {"data", "usage"}
    (entry,) = answer["data"]
    assert set(entry) == {"url", "mime_type"}
    assert entry["mime_type"] == "image/jpeg"
    assert answer["usage"] == {"cost_in_usd_ticks": 200_000_000}
    bare = drawn(client, response_format="b64_json")["data"][0]["b64_json"]
    assert bare.startswith("/9j/")
    assert base64.b64decode(bare, validate=True).startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a red circle on a blue background", {"red", "blue"}),
        ("Three green squares on a white background", {"green", "white"}),
        ("five yellow stars, black sky", {"yellow", "black"}),
        ("a pink heart on a gray wall", {"pink", "grey"}),
        ("a purple triangle on an orange background", {"purple", "orange"}),
        ("A cat in a tree", {"grey", "green"}),
        ("brown", {"brown"}),
    ],
)
def test_the_colours_of_the_prompt_are_in_the_picture(
    client: httpx.Client, prompt: str, wanted: set[str]
) -> None:
    found = colours(picture(client, prompt=prompt))
    assert wanted <= {name for name, share in found.items() if share >= 2}, found


def test_more_shapes_cover_more(client: httpx.Client) -> None:
    shares = [
        colours(picture(client, prompt=f"{n} red squares on a white background"))["red"]
        for n in (1, 2, 9)
    ]
    assert len(set(shares)) == 3


def test_the_words_are_written_on_it(client: httpx.Client) -> None:
    one, other = (
        opened(picture(client, prompt=f"a red circle on a blue wall, {word}"))
        for word in ("hello", "goodbye my friend")
    )
    # The circle may stand elsewhere; the letters are in the lowest sixth.
    low = (0, 1024 * 5 // 6 + 1, 1024, 1024)
    for image in (one, other):
        assert min(image.crop(low).convert("L").getextrema()) < 120
        assert max(image.crop(low).convert("L").getextrema()) > 230
    assert one.crop(low).tobytes() != other.crop(low).tobytes()


def test_the_same_request_gives_the_same_pictures(client: httpx.Client) -> None:
    first, second = (
        drawn(client, n=3, response_format="b64_json")["data"] for _ in range(2)
    )
    assert first == second
    assert len({entry["b64_json"] for entry in first}) == 3


RATIOS = {
    "1:1": 1,
    "3:4": 3 / 4,
    "4:3": 4 / 3,
    "9:16": 9 / 16,
    "16:9": 16 / 9,
    "2:3": 2 / 3,
    "3:2": 3 / 2,
    "9:19.5": 9 / 19.5,
    "19.5:9": 19.5 / 9,
    "9:20": 9 / 20,
    "20:9": 20 / 9,
    "1:2": 1 / 2,
    "2:1": 2,
    "21:9": 21 / 9,
    "5:2": 5 / 2,
    "auto": 1,
}


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_ratio_is_kept(client: httpx.Client, ratio: str) -> None:
    image = opened(picture(client, aspect_ratio=ratio))
    assert image.width / image.height == pytest.approx(RATIOS[ratio], rel=0.03)
    assert image.width * image.height == pytest.approx(1024 * 1024, rel=0.03)
    assert image.width % 16 == image.height % 16 == 0


@pytest.mark.parametrize(
    ("resolution", "side"), [("1k", 1024), ("1.5k", 1536), ("2k", 2048)]
)
def test_the_resolution_is_kept(
    client: httpx.Client, resolution: str, side: int
) -> None:
    image = opened(picture(client, model=NEW, resolution=resolution))
    assert image.size == (side, side)


# -- addresses ------------------------------------------------------------------------


def test_addresses_need_no_key_and_work_for_an_hour() -> None:
    with Sandbox() as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        with httpx.Client(base_url=sandbox.root_url, headers=headers) as client:
            urls = [entry["url"] for entry in drawn(client, n=2)["data"]]
            for url in urls:
                assert url.startswith(sandbox.root_url + "/xai-imgen/")
                got = httpx.get(url)
                assert (got.status_code, got.headers["content-type"]) == (
                    200,
                    "image/jpeg",
                )
                assert opened(got.content).format == "JPEG"
            assert len(set(urls)) == 2
            client.post("/__sandbox/clock", json={"advance_s": 3500})
            assert httpx.get(urls[0]).status_code == 200
            client.post("/__sandbox/clock", json={"advance_s": 101})
            gone = httpx.get(urls[0])
            assert gone.status_code == 404
            assert gone.json()["code"] == "not-found"
            log = client.get("/__sandbox/log").json()["requests"]
    visits = [one for one in log if one["path"].startswith("/xai-imgen/")]
    assert len(visits) == 4
    assert not any("authorization" in one["headers"] for one in visits)


def test_an_address_that_never_was_is_404(client: httpx.Client) -> None:
    assert client.get("/xai-imgen/temp-1.jpeg").status_code == 404
    assert client.post("/xai-imgen/temp-1.jpeg").status_code == 405


# -- prices ---------------------------------------------------------------------------

GIVEN = {"image": {"url": uri(png("white"))}}
THREE = {"images": [{"url": uri(png("white"))}] * 3}


@pytest.mark.parametrize(
    ("path", "fields", "usd"),
    [
        (DRAW, {}, 0.02),
        (DRAW, {"n": 10}, 0.20),
        (DRAW, {"resolution": "2k"}, 0.02),
        (DRAW, {"model": NEW}, 0.04),
        (DRAW, {"model": NEW, "quality": "auto"}, 0.04),
        (DRAW, {"model": NEW, "quality": "medium"}, 0.06),
        (DRAW, {"model": NEW, "resolution": "1.5k"}, 0.05),
        (DRAW, {"model": NEW, "resolution": "2k", "quality": "medium", "n": 2}, 0.16),
        # Redirected to the low quality.
        (DRAW, {"model": "grok-imagine-image-quality"}, 0.04),
        (DRAW, {"model": "grok-imagine-image-pro", "quality": "medium"}, 0.06),
        (EDIT, GIVEN, 0.022),
        (EDIT, THREE | {"n": 2}, 0.046),
        (EDIT, GIVEN | {"model": NEW}, 0.07),
        (EDIT, GIVEN | {"model": NEW, "quality": "low"}, 0.05),
        (EDIT, GIVEN | {"model": "grok-imagine-image-quality"}, 0.05),
    ],
)
def test_prices_are_those_of_the_list(
    client: httpx.Client, path: str, fields: dict[str, Any], usd: float
) -> None:
    ticks = drawn(client, path, **fields)["usage"]["cost_in_usd_ticks"]
    assert ticks == round(usd * USD)
    (call,) = bill(client)
    assert call["billed"]
    assert call["cost_in_usd_ticks"] == ticks
    assert call["usage"] == {"cost_in_usd_ticks": ticks}
    assert call["path"] == path
    is_new = "2.0" in str(fields) or "quality" in fields.get("model", "")
    is_new = is_new or fields.get("model") == "grok-imagine-image-pro"
    assert call["model"] == (NEW if is_new else "grok-imagine-image")
    assert (call["status"], call["done"]) == (200, True)


def test_rate_limit_headers_and_limits() -> None:
    with Sandbox(rpm=2) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        with httpx.Client(base_url=sandbox.root_url, headers=headers) as client:
            body = {"prompt": "A star"}
            left = [
                client.post(DRAW, json=body).headers["x-ratelimit-remaining-requests"]
                for _ in range(2)
            ]
            assert left == ["1", "0"]
            third = client.post(DRAW, json=body)
            assert third.status_code == 429
            assert "grok-imagine-image" in third.json()["error"]
            assert "x-ratelimit-remaining-requests" not in third.headers
            assert [call["status"] for call in bill(client)] == [200, 200, 429]
            assert not bill(client)[-1]["billed"]


# -- edits ----------------------------------------------------------------------------


def test_an_edit_draws_on_the_picture(client: httpx.Client) -> None:
    given = {"image": {"url": uri(png("blue", "yellow", size=(640, 320)))}}
    found = picture(client, EDIT, prompt="add a red square", **given)
    image = opened(found)
    assert image.width / image.height == pytest.approx(2, rel=0.02)
    assert {"blue", "yellow", "red"} <= set(colours(found))


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("in black and white", {"black", "grey", "white"}),
        ("make it red", {"red", "orange", "purple", "pink", "brown"}),
    ],
)
def test_an_edit_changes_all_of_it(
    client: httpx.Client, prompt: str, wanted: set[str]
) -> None:
    given = {"image": {"url": uri(png("blue", "yellow", size=(640, 320)))}}
    found = colours(picture(client, EDIT, prompt=prompt, **given))
    main = {name for name, share in found.items() if share > 3}
    assert main
    assert main <= wanted


def test_an_edit_can_mirror(client: httpx.Client) -> None:
    given = {"image": {"url": uri(png("blue", "yellow", size=(640, 320)))}}
    plain = opened(picture(client, EDIT, prompt="keep it", **given))
    flipped = opened(picture(client, EDIT, prompt="mirror it", **given))
    assert plain.getpixel((5, 5)) == pytest.approx((0, 0, 255), abs=8)
    assert flipped.getpixel((5, 5)) == pytest.approx((255, 255, 0), abs=8)


def test_several_pictures_become_one(client: httpx.Client) -> None:
    images = [{"url": uri(jpeg(name))} for name in ("red", "green", "blue")]
    found = colours(picture(client, EDIT, prompt="join", images=images))
    assert {"red", "green", "blue"} <= set(found)


def test_an_edit_takes_addresses_files_and_its_own_pictures(
    client: httpx.Client,
) -> None:
    with hosting() as host:
        url = host.put("/a.png", sent(png("purple"), "image/png"))
        assert "purple" in colours(
            picture(client, EDIT, image={"url": url}, prompt="x")
        )
    stored = client.post("/v1/files", files={"file": ("a.png", png("orange"))}).json()
    for more in ({}, {"type": "image_url"}):
        image = {"file_id": stored["id"]} | more
        assert "orange" in colours(picture(client, EDIT, image=image, prompt="x"))
    own = drawn(client, prompt="a pink heart on a pink wall")["data"][0]["url"]
    image = {"url": own, "type": "image_url"}
    assert "pink" in colours(picture(client, EDIT, image=image, prompt="x"))


def test_a_picture_is_stored_as_a_file(client: httpx.Client) -> None:
    options = {"filename": "star.jpeg", "expires_after": 7200}
    answer = drawn(client, n=2, response_format="b64_json", storage_options=options)
    for entry in answer["data"]:
        stored = entry["file_output"]
        file = client.get(f"/v1/files/{stored['file_id']}").json()
        assert file["filename"] == stored["filename"] == "star.jpeg"
        assert file["expires_at"] == stored["expires_at"] == file["created_at"] + 7200
        content = client.get(f"/v1/files/{stored['file_id']}/content").content
        assert content == base64.b64decode(entry["b64_json"])
    plain = drawn(client, storage_options={})["data"][0]["file_output"]
    assert plain["expires_at"] is None
    assert httpx.get(drawn(client)["data"][0]["url"]).content.startswith(b"\xff\xd8")


# -- refusals -------------------------------------------------------------------------

NO_SIZE = "Argument not supported: size"


@pytest.mark.parametrize(
    ("path", "fields", "status", "why"),
    [
        (DRAW, {"prompt": None}, 422, "prompt"),
        (DRAW, {"prompt": ""}, 400, "empty"),
        (DRAW, {"prompt": " \n"}, 400, "empty"),
        (DRAW, {"prompt": "a" * 8001}, 400, "8001 characters"),
        (DRAW, {"model": "nope"}, 404, "nope"),
        (DRAW, {"model": "grok-2-image"}, 404, "grok-2-image"),
        (DRAW, {"model": "grok-4.7"}, 400, "not served by image generation"),
        (DRAW, {"model": "grok-imagine-video"}, 400, "not served by image generation"),
        (DRAW, {"n": 0}, 400, "1 to 10"),
        (DRAW, {"n": 11}, 400, "1 to 10"),
        (DRAW, {"n": "2"}, 422, "n: "),
        (DRAW, {"response_format": "png"}, 422, "response_format"),
        (DRAW, {"aspect_ratio": "7:5"}, 422, "aspect_ratio"),
        (DRAW, {"resolution": "4k"}, 422, "resolution"),
        (DRAW, {"resolution": "1.5k"}, 400, "resolution 1.5k"),
        (DRAW, {"quality": "low"}, 400, "Argument not supported: quality"),
        (DRAW, {"model": NEW, "quality": "high"}, 422, "quality"),
        (DRAW, {"size": "1024x1024"}, 400, NO_SIZE),
        (DRAW, {"style": "vivid"}, 400, "Argument not supported: style"),
        (DRAW, {"storage_options": {"expires_after": 3599}}, 400, "3600 to 2592000"),
        (DRAW, {"storage_options": {"public_url": True}}, 400, "public URLs"),
        (EDIT, {}, 400, "either image or images"),
        (EDIT, GIVEN | THREE, 400, "either image or images"),
        (EDIT, {"images": []}, 400, "1 to 5"),
        (EDIT, {"images": [{"url": uri(png("red"))}] * 6}, 400, "1 to 5"),
        (EDIT, {"image": {}}, 400, "either url or file_id"),
        (EDIT, {"image": {"url": "a", "file_id": "b"}}, 400, "either url or file_id"),
        (EDIT, {"image": "a"}, 422, "image"),
        (EDIT, {"image": {"file_id": "file_1"}}, 404, "file_1 was not found"),
        (EDIT, {"image": {"url": "https://a.example/b.png"}}, 400, "this machine only"),
        (EDIT, {"image": {"url": uri(png("red")[:-9])}}, 400, "damaged"),
        (EDIT, GIVEN | {"size": "1024x1024"}, 400, NO_SIZE),
        (EDIT, GIVEN | {"prompt": None}, 422, "prompt"),
    ],
)
def test_what_is_wrong_is_refused_and_costs_nothing(
    client: httpx.Client, path: str, fields: dict[str, Any], status: int, why: str
) -> None:
    body = {"prompt": "a star"} | fields
    if body["prompt"] is None:
        del body["prompt"]
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert why in answer.json()["error"]
    assert "x-ratelimit-limit-requests" not in answer.headers
    assert answer.headers["x-request-id"]
    assert bill(client) == []


@pytest.mark.parametrize("path", [DRAW, EDIT])
def test_methods_and_content_types(client: httpx.Client, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
    assert client.post(path).status_code == 415
    assert client.post(path, content=b"{}").status_code == 415
    assert client.post(
        path, files={"image": b"a"}, data={"prompt": "a"}
    ).status_code == (415)
    headers = {"Content-Type": "application/json"}
    assert client.post(path, content=b"{", headers=headers).status_code == 422
    assert httpx.post(client.base_url.join(path)).status_code == 401


FIELDS = st.fixed_dictionaries(
    {"prompt": st.text(max_size=60)},
    optional={
        "model": st.sampled_from(["grok-imagine-image", NEW, "grok-imagine-image-pro"]),
        "n": st.integers(-1, 3),
        "response_format": st.sampled_from(["url", "b64_json", "x"]),
        "aspect_ratio": st.sampled_from([*RATIOS, "1:3"]),
        "resolution": st.sampled_from(["1k", "1.5k", None]),
        "quality": st.sampled_from(["low", "medium", "auto", None]),
        "user": st.text(max_size=5),
    },
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(FIELDS)
def test_any_request_is_drawn_and_billed_or_refused(
    client: httpx.Client, fields: dict[str, Any]
) -> None:
    client.delete("/__sandbox/ledger")
    answer = client.post(DRAW, json=fields)
    calls = bill(client)
    if answer.status_code == 200:
        data = answer.json()["data"]
        assert len(data) == (fields.get("n") or 1)
        cost = answer.json()["usage"]["cost_in_usd_ticks"]
        assert [call["cost_in_usd_ticks"] for call in calls] == [cost]
        assert cost % len(data) == 0
    else:
        assert answer.status_code in {400, 422}
        assert calls == []


# -- 2025, and other people's client --------------------------------------------------


def test_grok_2_image_answers_as_in_2025(old_client: httpx.Client) -> None:
    body = {"prompt": "A cat in a tree", "model": "grok-2-image-latest"}
    answer = drawn(old_client, **body, response_format="b64_json", n=2)
    assert set(answer) == {"data"}
    for entry in answer["data"]:
        assert set(entry) == {"b64_json", "revised_prompt"}
        prefix, _, bare = entry["b64_json"].partition(",")
        assert prefix == "data:image/png;base64"
        image = opened(base64.b64decode(bare))
        assert (image.format, image.size) == ("JPEG", (1024, 768))
        assert entry["revised_prompt"].startswith("A cat in a tree ")
        assert "1 green tree" in entry["revised_prompt"]
    (call,) = bill(old_client)
    assert call["model"] == "grok-2-image-1212"
    assert call["cost_in_usd_ticks"] == round(0.14 * USD)
    assert set(drawn(old_client, **body)["data"][0]) == {"url", "revised_prompt"}


@pytest.mark.parametrize(
    "field",
    [
        {"quality": "low"},
        {"aspect_ratio": "1:1"},
        {"resolution": "1k"},
        {"size": "1024x1024"},
        {"style": "vivid"},
    ],
)
def test_grok_2_image_takes_no_more_than_it_did(
    old_client: httpx.Client, field: dict[str, str]
) -> None:
    body = {"prompt": "A cat", "model": "grok-2-image"} | field
    answer = old_client.post(DRAW, json=body)
    assert answer.status_code == 400
    assert answer.json() == {
        "code": "Client specified an invalid argument",
        "error": f"Argument not supported: {next(iter(field))}",
    }


def test_2025_has_a_short_prompt_and_no_edits(old_client: httpx.Client) -> None:
    body = {"prompt": "a" * 1025, "model": "grok-2-image"}
    assert old_client.post(DRAW, json=body).status_code == 400
    assert old_client.post(EDIT, json=body).status_code == 404
    listed = old_client.get("/v1/image-generation-models").json()["models"]
    old = next(model for model in listed if model["id"] == "grok-2-image-1212")
    assert old["image_price"] == 700_000_000
    assert old["max_prompt_length"] == 1024


def test_the_openai_client_draws(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key) as client:
        found = client.images.generate(
            model="grok-imagine-image", prompt="A star", n=2, response_format="b64_json"
        )
        assert found.data is not None
        for one in found.data:
            assert opened(base64.b64decode(one.b64_json or "")).format == "JPEG"
        assert found.usage is not None
        assert found.usage.model_dump()["cost_in_usd_ticks"] == 400_000_000
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(prompt="A star", size="1024x1024")
        assert caught.value.body == NO_SIZE
        # It sends a form, which the API does not take (xai-api.md section 7.2).
        with pytest.raises(openai.APIStatusError) as refused:
            client.images.edit(image=png("red"), prompt="A star")
        assert refused.value.status_code == 415


def test_the_picture_that_was_drawn_is_described(client: httpx.Client) -> None:
    url = drawn(client, prompt="a red circle on a blue wall")["data"][0]["url"]
    body = {
        "model": "grok-4.7",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": url}}],
            }
        ],
    }
    text = json.dumps(client.post("/v1/chat/completions", json=body).json())
    assert "jpeg, 1024 x 1024 pixels; blue" in text
    assert "red" in text
