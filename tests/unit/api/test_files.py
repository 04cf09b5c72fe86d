"""Files that are kept at xAI, on raw bytes."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.api.files import multipart
from grok_nb.errors import (
    BadRequest,
    ConnectionFailed,
    GrokError,
    InDoubt,
    NotFound,
    RateLimited,
    ServerFault,
)

from ..support import KEY, STALL, Answer, refusal, session
from .test_small_endpoints import whole

# xai-api.md section 12.2
FILE = {
    "id": "file_1",
    "object": "file",
    "bytes": 5,
    "created_at": 1,
    "expires_at": None,
    "filename": "a.txt",
    "purpose": "",
}


def answer(data: object) -> Answer:
    return Answer(pieces=json.dumps(data).encode())


def fields(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Read a form with the standard library's parser of MIME."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(head + body)
    assert message.is_multipart()
    found = []
    for part in message.iter_parts():  # type: ignore[attr-defined]
        named = dict(part["content-disposition"].params)
        found.append((named, part.get_payload(decode=True)))
    return found


async def test_a_file_is_uploaded_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    with session(answer(FILE)) as s:
        found = await s.grok.file_upload(path, expires_after_s=3600)
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("POST", "/v1/files")
        assert request.headers["content-length"] == str(len(request.content))
        parts = fields(request.headers["content-type"], request.content)
        assert parts == [
            ({"name": "expires_after"}, b"3600"),  # before the file
            ({"name": "file", "filename": "a.txt"}, b"hello"),
        ]
        assert s.rows == []  # it is free
        await s.grok.file_upload(str(path))
        await s.grok.file_upload(b"hello", filename="b.txt")
        named = [
            [n for n, _ in fields(r.headers["content-type"], r.content)]
            for r in s.script.requests[1:]
        ]
        assert named == [
            [{"name": "file", "filename": "a.txt"}],
            [{"name": "file", "filename": "b.txt"}],
        ]
    assert found.raw == FILE
    assert (found.id, found.bytes, found.filename) == ("file_1", 5, "a.txt")
    assert found.expires_at is None


names = st.text(
    st.characters(codec="ascii", exclude_characters='\\"\r\n', min_codepoint=32),
    min_size=1,
)


@given(st.binary(), names, st.none() | st.integers(3600, 2_592_000))
def test_any_bytes_survive_the_form(data: bytes, name: str, expires: Any) -> None:
    content_type, body = multipart(name, data, expires)
    boundary = content_type.partition("boundary=")[2].encode()
    # nothing but the three (or two) separators is one
    assert body.count(b"--" + boundary) == (2 if expires is None else 3)
    head, _, rest = body.rpartition(b'"; filename="')[0:3]
    assert (
        rest.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--" + boundary + b"--\r\n")
        == data
    )
    assert (b"expires_after" in head) is (expires is not None)


def test_a_name_cannot_end_its_header() -> None:
    _, body = multipart('a"; x="\r\nEvil: 1\r\n\r\nZürich.txt', b"", None)
    header = body.split(b"\r\n")[1]
    assert header.endswith(
        'filename="a%22; x=%22%0D%0AEvil: 1%0D%0A%0D%0AZürich.txt"'.encode()
    )


async def test_limits_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(b"")
    with (tmp_path / "big.bin").open("r+b") as sparse:
        sparse.truncate(50_000_001)
    with session(answer(FILE)) as s:
        for options, said in [
            ({"file": b"x"}, "no name"),
            ({"file": b"x", "filename": " "}, "filename"),
            ({"file": b"x", "filename": "a", "expires_after_s": 3599}, "3600"),
            ({"file": b"x", "filename": "a", "expires_after_s": 2_592_001}, "expires"),
            ({"file": b"x", "filename": "a", "expires_after_s": 1e4}, "expires"),
            ({"file": bytes(50_000_001), "filename": "a"}, "50 MB"),
            ({"file": tmp_path / "big.bin"}, "big.bin has 50.0 MB"),
            ({"file": tmp_path / "none"}, "not there"),
            ({"file": tmp_path}, "folder"),
            ({"file": 5}, "int"),
            ({"file": io.BytesIO(b"x")}, "no name"),
            ({"file": io.StringIO("x"), "filename": "a"}, "open for bytes"),
            ({"file": "a\0b"}, r"cannot be read|not there"),
        ]:
            with pytest.raises(BadRequest, match=said):
                await s.grok.file_upload(**options)
        for wrong, said in [
            ({"limit": 0}, "limit"),
            ({"limit": 101}, "limit"),
            ({"order": "up"}, "order"),
            ({"sort_by": 5}, "sort_by"),
        ]:
            with pytest.raises(BadRequest, match=said):
                await s.grok.files(**wrong)
        for call in (s.grok.file, s.grok.file_content, s.grok.file_delete):
            for file_id in ("", " ", None, 5):
                with pytest.raises(BadRequest, match="id"):
                    await call(file_id)
        assert s.script.requests == []
        await s.grok.file_upload(bytes(50_000_000), filename="a")
        await s.grok.file_upload(b"", filename="a", expires_after_s=2_592_000)
        assert len(s.script.requests) == 2


async def test_an_open_file_is_read_and_its_name_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"seven")
    with session(answer(FILE)) as s:
        with (tmp_path / "notes.txt").open("rb") as file:
            await s.grok.file_upload(file)
        (request,) = s.script.requests
    assert b'filename="notes.txt"' in request.content
    assert b"seven" in request.content


# -- an upload that was sent and not answered may be there -----------------------------


@pytest.mark.parametrize(
    "step",
    [
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("gone"),
        refusal(500),
        refusal(502),
        refusal(504),
        Answer(200, b"<html>"),
        Answer(200, [b'{"id"', httpx.ReadError("cut")]),
    ],
)
async def test_an_upload_in_doubt_is_never_repeated(step: Any) -> None:
    with session(step, answer(FILE)) as s:
        with pytest.raises(InDoubt, match="may be stored") as caught:
            await s.grok.file_upload(b"x", filename="a.txt")
        assert len(s.script.requests) == 1
        assert "files()" in caught.value.hint
        assert s.rows == []


async def test_an_upload_that_runs_out_of_time_is_in_doubt() -> None:
    with session(STALL, timeout_s=0.05) as s:
        with pytest.raises(InDoubt, match="may be stored"):
            await s.grok.file_upload(b"x", filename="a.txt")
        assert len(s.script.requests) == 1


@pytest.mark.parametrize(
    "step", [httpx.ConnectError("no route"), refusal(429), refusal(503)]
)
async def test_an_upload_that_cannot_be_there_is_repeated(step: Any) -> None:
    with session(step, answer(FILE)) as s:
        assert (await s.grok.file_upload(b"x", filename="a.txt")).id == "file_1"
        one, two = s.script.requests
        assert one.content == two.content


async def test_refusals_of_an_upload_are_plain() -> None:
    for step, kind in [
        (refusal(400), BadRequest),
        (refusal(413), BadRequest),
        (refusal(429), RateLimited),
        (httpx.ConnectError("no route"), ConnectionFailed),
    ]:
        with session(step) as s:
            with pytest.raises(kind) as caught:
                await s.grok.file_upload(b"x", filename="a.txt")
            assert not isinstance(caught.value, InDoubt)


# -- the rest --------------------------------------------------------------------------


async def test_listings_come_in_pages() -> None:
    page = {"data": [FILE, {**FILE, "id": "file_2"}], "pagination_token": "t 1"}
    with session(answer(page)) as s:
        found = await s.grok.files()
        await s.grok.files(
            limit=100, order="desc", sort_by="created_at", pagination_token="t 1&"
        )
        one, two = s.script.requests
        assert (one.method, one.url.raw_path) == ("GET", b"/v1/files")
        assert dict(two.url.params) == {
            "limit": "100",
            "order": "desc",
            "sort_by": "created_at",
            "pagination_token": "t 1&",
        }
        assert s.rows == []
    assert [f.id for f in found.data] == ["file_1", "file_2"]
    assert found.pagination_token == "t 1"
    assert found.raw == page


async def test_files_are_described_read_and_deleted() -> None:
    content = bytes(range(256))
    with session(answer(FILE)) as s:
        assert (await s.grok.file("file_1")).created_at == 1
        s.script.load(Answer(pieces=[content[:9], content[9:]]))
        assert await s.grok.file_content("a/../b?") == content
        assert s.script.requests[0].url.raw_path == b"/v1/files/a%2F..%2Fb%3F/content"
        s.script.load(answer({"id": "file_1", "deleted": True}))
        gone = await s.grok.file_delete("file_1")
        assert (gone.id, gone.deleted) == ("file_1", True)
        (request,) = s.script.requests
        assert (request.method, request.url.path) == ("DELETE", "/v1/files/file_1")
        assert s.rows == []


async def test_a_file_that_is_not_there_says_so() -> None:
    for name in ("file", "file_content", "file_delete"):
        with session(refusal(404, "No such file")) as s:
            with pytest.raises(NotFound, match="no file file_9") as caught:
                await getattr(s.grok, name)("file_9")
            assert "files()" in caught.value.hint
            assert caught.value.status == 404
            assert len(s.script.requests) == 1


async def test_reading_is_repeated_and_deleting_is_not() -> None:
    cut = Answer(200, [b"ab", httpx.ReadError("cut")])
    with session(cut, Answer(200, b"abc")) as s:
        assert await s.grok.file_content("file_1") == b"abc"
    with session(httpx.ReadError("reset"), answer({"deleted": True})) as s:
        with pytest.raises(ConnectionFailed):
            await s.grok.file_delete("file_1")
        assert len(s.script.requests) == 1


@pytest.mark.parametrize("data", [{"x": KEY}, [KEY], KEY, {"error": KEY}])
async def test_no_error_shows_a_key_that_the_server_echoed(data: Any) -> None:
    with session(answer(data)) as s:
        for call in (
            s.grok.files(),
            s.grok.file("file_1"),
            s.grok.file_upload(b"x", filename="a"),
        ):
            with pytest.raises(GrokError) as caught:
                await call
            assert KEY not in whole(caught.value)
            assert KEY[:12] not in whole(caught.value)


@pytest.mark.parametrize("data", [{}, [], {"data": None}, {"data": 5}, "x"])
async def test_what_is_no_answer_is_an_error(data: Any) -> None:
    with session(answer(data)) as s:
        for call in (s.grok.files(), s.grok.file("file_1")):
            with pytest.raises(ServerFault):
                await call


@given(
    st.dictionaries(st.sampled_from(list(FILE)), st.integers() | st.text() | st.none())
)
async def test_odd_files_are_read_as_far_as_they_go(odd: dict[str, Any]) -> None:
    with session(answer({**odd, "id": "file_1"})) as s:
        try:
            found = await s.grok.file("file_1")
        except GrokError:
            pytest.fail("an odd field is no error")
    assert found.id == "file_1"
    assert found.raw == {**odd, "id": "file_1"}
