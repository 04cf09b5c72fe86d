"""Pictures, embeddings and files over a real socket."""

import io
import math

import numpy as np
import pytest
from PIL import Image

import grok_nb as gn
from grok_nb import pricing
from grok_nb._sandbox.server import Sandbox
from tests.sandbox.reconcile import rows_in
from tests.support import bills, break_it, requests


@pytest.fixture
def grok(sandbox, tmp_path, quick_clock):
    with gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=tmp_path / "store",
        model="grok-4.7",
        clock=quick_clock,
    ) as session:
        yield session


@pytest.fixture
def old(tmp_path):
    """A session with the API of 2025, which had embeddings."""
    with (
        Sandbox(vintage="2025") as sandbox,
        gn.Grok(
            api_key=sandbox.key, base_url=sandbox.base_url, store=tmp_path / "old"
        ) as session,
    ):
        yield session


def agree(grok, sandbox, tmp_path):
    """Compare every row with the bill, to the tick; return the rows by endpoint."""
    grok.ledger.rows()
    rows = rows_in(tmp_path / "store")
    billed = {
        b["request_id"]: b["cost_in_usd_ticks"] for b in bills(sandbox) if b["billed"]
    }
    booked = {r["request_id"]: r["cost_ticks"] for r in rows if r["cost_ticks"]}
    assert booked == billed
    assert billed
    return {row["endpoint"]: row for row in rows}


def plain(colour, kind="PNG", size=(500, 300)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


# -- image understanding ---------------------------------------------------------------


def test_an_attached_picture_is_really_looked_at(grok, sandbox, tmp_path):
    path = tmp_path / "red.png"
    path.write_bytes(plain("red"))
    reply = grok.ask("What is in this picture?", attach=path)
    assert "png" in reply.text.lower()
    assert "500" in reply.text
    assert "red" in reply.text.lower()
    # two tiles of 448 and one more, 256 tokens each
    assert reply.usage.image_tokens == 768
    sent = requests(sandbox)[-1]["body"]["messages"][0]["content"]
    assert [part["type"] for part in sent] == ["image_url", "text"]
    assert agree(grok, sandbox, tmp_path)["/chat/completions"]["image_tokens"] == 768


@pytest.mark.parametrize(
    "thing",
    [
        plain("blue", "JPEG"),
        Image.new("RGB", (50, 30), "blue"),
        np.full((30, 50, 3), (0, 0, 255), dtype=np.uint8),
        np.full((30, 50, 3), (0.0, 0.0, 1.0)),
    ],
    ids=["bytes", "pil", "uint8", "float"],
)
def test_pictures_of_every_kind_arrive(grok, thing):
    assert "blue" in grok.ask("Which colour?", attach=thing).text.lower()


def test_several_pictures_and_a_text_arrive_together(grok, sandbox, tmp_path):
    (tmp_path / "notes.txt").write_text("Invoice total: 12.50 EUR", "utf-8")
    things = [plain("red"), plain("lime", "JPEG"), tmp_path / "notes.txt"]
    with grok.stream("Compare.", attach=things, detail="low") as stream:
        for _ in stream:
            pass
    assert stream.reply.usage.image_tokens == 512  # detail low: 256 each
    sent = requests(sandbox)[-1]["body"]["messages"][0]["content"]
    assert "--- notes.txt ---\nInvoice total" in sent[2]["text"]
    agree(grok, sandbox, tmp_path)


def test_an_address_that_cannot_be_reached_is_the_server_s_to_refuse(grok):
    with pytest.raises(gn.errors.BadRequest) as caught:
        grok.ask("What is this?", attach="http://127.0.0.1:9/none.png")
    assert caught.value.status == 400
    assert caught.value.request_id


# -- image generation ------------------------------------------------------------------


def test_pictures_are_drawn_embedded_and_booked(grok, sandbox, tmp_path):
    found = grok.generate_images("a red fox", n=2, aspect_ratio="16:9")
    assert [image.mime_type for image in found] == ["image/jpeg"] * 2
    assert found.sandbox
    width, height = Image.open(io.BytesIO(found[0].data)).size
    assert width / height == pytest.approx(16 / 9, rel=0.05)
    assert (found.cost_usd, found.cost_source) == (0.04, "reported")
    assert requests(sandbox)[-1]["body"] == {
        "model": "grok-imagine-image",
        "prompt": "a red fox",
        "n": 2,
        "aspect_ratio": "16:9",
        "response_format": "b64_json",
    }
    saved = found[0].save(tmp_path / "fox")
    assert saved.read_bytes() == found[0].data
    edited = grok.edit_images("make it blue", images=[found[0], saved])
    assert edited[0].data != found[0].data
    assert edited.cost_source == "reported"
    rows = agree(grok, sandbox, tmp_path)
    assert rows["/images/edits"]["cost_ticks"] == edited.cost_ticks


def test_a_picture_s_address_is_fetched_without_the_key(grok, sandbox, tmp_path):
    found = grok.generate_images("a red fox", response_format="url")
    assert found[0].data is None
    image = grok.download(found[0])
    assert Image.open(io.BytesIO(image.data)).format == "JPEG"
    same = grok.generate_images("a red fox")
    assert image.data == same[0].data
    with pytest.raises(gn.errors.NotFound, match="any more"):
        grok.download(found[0].url.replace("temp-", "temp-0"))
    agree(grok, sandbox, tmp_path)


@pytest.mark.parametrize(
    ("quality", "resolution"), [("low", "1k"), ("medium", "2k"), (None, "1.5k")]
)
def test_the_list_price_is_what_the_server_bills(grok, quality, resolution):
    model = "grok-imagine-image-2.0"
    made = {"quality": quality, "resolution": resolution}
    found = grok.generate_images("a fox", model, n=2, **made)
    listed = pricing.image_ticks(pricing.snapshot().find(model), 2, **made)
    assert (found.cost_ticks, found.cost_source) == (listed, "reported")


def test_what_moderation_refuses_is_an_error(grok, sandbox):
    break_it(
        sandbox,
        {"do": "403", "message": "Content violates usage guidelines. Failed check: X"},
    )
    with pytest.raises(gn.errors.Forbidden, match="usage guidelines"):
        grok.generate_images("a fox")


# -- embeddings ------------------------------------------------------------------------


def test_similar_texts_are_near(old, tmp_path):
    texts = ["a red fox in the snow", "a red fox in snow", "quarterly tax report"]
    found = old.embed(texts)
    one, two, three = found.array
    assert math.isclose(np.linalg.norm(one), 1, rel_tol=1e-3)
    assert one @ two > one @ three + 0.2
    packed = old.embed(texts, encoding_format="base64")
    assert np.allclose(packed.array, found.array, atol=1e-6)
    assert found.usage.prompt_tokens > 0
    old.ledger.rows()
    assert {r["endpoint"] for r in rows_in(tmp_path / "old")} == {"/embeddings"}


def test_in_2026_no_embedding_model_is_offered(grok):
    with pytest.raises(gn.errors.NotFound, match="lists no embedding model"):
        grok.embed("a")
    with pytest.raises(gn.errors.NotFound):
        grok.embed("a", "v1")


# -- files -----------------------------------------------------------------------------


def test_files_are_kept_listed_read_and_deleted(grok, sandbox, tmp_path):
    content = bytes(range(256)) * 9
    path = tmp_path / "Zürich 1.bin"
    path.write_bytes(content)
    one = grok.file_upload(path, expires_after_s=3600)
    two = grok.file_upload(b"", filename="empty.txt")
    assert (one.bytes, one.filename) == (len(content), path.name)
    assert one.expires_at - one.created_at == 3600
    assert two.expires_at is None
    assert grok.file_content(one.id) == content
    assert grok.file_content(two.id) == b""
    assert grok.file(one.id).filename == path.name
    seen, token = [], None
    for _ in range(5):
        page = grok.files(limit=1, pagination_token=token)
        seen += [file.id for file in page.data]
        token = page.pagination_token
        if token is None:
            break
    assert sorted(seen) == sorted([one.id, two.id])
    assert grok.file_delete(one.id).deleted
    for call in (grok.file, grok.file_content, grok.file_delete):
        with pytest.raises(gn.errors.NotFound, match=one.id):
            call(one.id)
    with pytest.raises(gn.errors.NotFound):
        grok.file("file_never")
    assert bills(sandbox) == []
    assert grok.ledger.rows() == []


def test_an_upload_in_doubt_may_be_there_and_is_not_repeated(grok, sandbox):
    break_it(sandbox, {"match": "POST /v1/files", "do": "reset-after-billing"})
    with pytest.raises(gn.errors.InDoubt, match="may be stored"):
        grok.file_upload(b"x", filename="a.txt")
    posts = [r for r in requests(sandbox) if r["method"] == "POST"]
    assert len([r for r in posts if r["path"] == "/v1/files"]) == 1
