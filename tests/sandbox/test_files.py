"""Files over the socket: uploaded, listed, read, expired, deleted, put into a chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_nb._sandbox.media import uploading
from grok_nb._sandbox.server import Sandbox

from .pictures import hosting, png, sent

FILES = "/v1/files"
LIMIT = 50_000_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.root_url, headers=headers, timeout=30) as found:
        for file in found.get(FILES).json()["data"]:
            found.delete(f"{FILES}/{file['id']}")
        found.delete("/__sandbox/ledger")
        yield found


def stored(
    client: httpx.Client, content: bytes, name: str = "a.txt", **form: Any
) -> Any:
    answer = client.post(FILES, files={"file": (name, content)}, data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_has_the_documented_shape(client: httpx.Client) -> None:
    file = stored(client, b"Hello", purpose="assistants")
    assert file == {
        "id": file["id"],
        "object": "file",
        "bytes": 5,
        "created_at": file["created_at"],
        "expires_at": None,
        "filename": "a.txt",
        "purpose": "",
    }
    assert file["id"].startswith("file_")
    assert client.get(f"{FILES}/{file['id']}").json() == file
    content = client.get(f"{FILES}/{file['id']}/content")
    assert content.content == b"Hello"
    assert content.headers["content-type"] == "application/octet-stream"
    gone = client.delete(f"{FILES}/{file['id']}")
    assert gone.json() == {"id": file["id"], "deleted": True}
    for method, rest in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        answer = client.request(method, f"{FILES}/{file['id']}{rest}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
        assert file["id"] in answer.json()["error"]
    assert client.get("/__sandbox/ledger").json()["calls"] == []


def test_an_empty_file_has_a_type(client: httpx.Client) -> None:
    file = stored(client, b"")
    content = client.get(f"{FILES}/{file['id']}/content")
    assert (content.status_code, content.content) == (200, b"")
    assert content.headers["content-type"] == "application/octet-stream"


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary(max_size=300),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
)
def test_any_bytes_come_back(client: httpx.Client, content: bytes, name: str) -> None:
    content += b"\r\n--" + content
    file = stored(client, content, name.replace("\\", "").replace('"', "") or "a")
    assert file["bytes"] == len(content)
    assert client.get(f"{FILES}/{file['id']}/content").content == content


def test_files_expire_by_the_clock(client: httpx.Client) -> None:
    short, long = (
        stored(client, b"a", expires_after=str(seconds))
        for seconds in (3600, 2_592_000)
    )
    for file, seconds in ((short, 3600), (long, 2_592_000)):
        assert file["expires_at"] == file["created_at"] + seconds
    ever = stored(client, b"b")
    left = [3, 2, 1]
    for seconds, number in zip((3500, 200, 2_600_000), left, strict=True):
        client.post("/__sandbox/clock", json={"advance_s": seconds})
        assert len(client.get(FILES).json()["data"]) == number
    assert client.get(f"{FILES}/{short['id']}").status_code == 404
    assert client.get(f"{FILES}/{ever['id']}").status_code == 200


@pytest.mark.parametrize("sort_by", ["created_at", "filename", "size"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_list_everything_once(
    client: httpx.Client, sort_by: str, order: str, limit: int
) -> None:
    for number, name in enumerate(["c.txt", "a.txt", "d.txt", "b.txt", "a.txt"]):
        stored(client, bytes(7 - number), name)
        client.post("/__sandbox/clock", json={"advance_s": 1})
    query = {"sort_by": sort_by, "order": order, "limit": str(limit)}
    found: list[Any] = []
    pages = 0
    while True:
        page = client.get(FILES, params=query).json()
        assert set(page) == {"data", "pagination_token"}
        assert len(page["data"]) <= limit
        found += page["data"]
        pages += 1
        if page["pagination_token"] is None:
            break
        query["pagination_token"] = page["pagination_token"]
    assert pages == -(-5 // limit)
    assert len({file["id"] for file in found}) == len(found) == 5
    key = {"size": "bytes"}.get(sort_by, sort_by)
    values = [file[key] for file in found]
    assert values == sorted(values, reverse=order == "desc")


def test_the_newest_comes_first_and_an_empty_list_is_one(client: httpx.Client) -> None:
    assert client.get(FILES).json() == {"data": [], "pagination_token": None}
    names = [stored(client, b"a")["id"] for _ in range(3)]
    listed = [file["id"] for file in client.get(FILES).json()["data"]]
    assert listed == names[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "9" * 99},
        {"limit": ""},
        {"order": "up"},
        {"sort_by": "colour"},
        {"pagination_token": "file_1"},
    ],
)
def test_wrong_queries_are_400(client: httpx.Client, query: dict[str, str]) -> None:
    answer = client.get(FILES, params=query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["error"]


def form(*parts: tuple[str, bytes], end: bytes = b"--x--\r\n") -> bytes:
    text = b""
    for head, content in parts:
        text += b"--x\r\nContent-Disposition: form-data; " + head.encode()
        text += b"\r\n\r\n" + content + b"\r\n"
    return text + end


FILE = ('name="file"; filename="a.txt"', b"Hello")
LONG = ('name="expires_after"', b"3600")
FORM_TYPE = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "why"),
    [
        (b"", FORM_TYPE, 415, "multipart/form-data"),
        (b"{}", "application/json", 415, "multipart/form-data"),
        (b"file=a", "application/x-www-form-urlencoded", 415, "multipart/form-data"),
        (form(FILE), "multipart/form-data", 400, "no boundary"),
        (form(FILE), "multipart/form-data; boundary=y", 400, "boundary is missing"),
        (form(FILE, end=b""), FORM_TYPE, 400, "boundary is missing"),
        (form(FILE, end=b"--xy--\r\n"), FORM_TYPE, 400, "boundary is missing"),
        (b"hello", FORM_TYPE, 400, "boundary is missing"),
        (b"--x\r\n\r\nhello\r\n--x--", FORM_TYPE, 400, "no Content-Disposition"),
        (b"--x\r\nhello\r\n--x--", FORM_TYPE, 400, "no end of its headers"),
        (form(("filename=a", b"a")), FORM_TYPE, 400, "no name"),
        (form(), FORM_TYPE, 400, "one part with the name file"),
        (form(LONG), FORM_TYPE, 400, "one part with the name file"),
        (form(FILE, FILE), FORM_TYPE, 400, "one part with the name file"),
        (form(FILE, LONG), FORM_TYPE, 400, "must stand before file"),
        (form((LONG[0], b"3599"), FILE), FORM_TYPE, 400, "3600 to 2592000"),
        (form((LONG[0], b"2592001"), FILE), FORM_TYPE, 400, "3600 to 2592000"),
        (form((LONG[0], b"soon"), FILE), FORM_TYPE, 400, "number of seconds"),
        (form((LONG[0], b""), FILE), FORM_TYPE, 400, "number of seconds"),
        (form(*[("name=a", b"a")] * 101), FORM_TYPE, 400, "more than 100 parts"),
    ],
)
def test_wrong_forms_are_refused(
    client: httpx.Client, body: bytes, content_type: str, status: int, why: str
) -> None:
    answer = client.post(FILES, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert why in answer.json()["error"]
    assert client.get(FILES).json()["data"] == []


def test_forms_of_other_writers_are_read(client: httpx.Client) -> None:
    quoted = (
        b"a preamble\r\n--a b\t\r\ncontent-disposition:form-data;name=file;"
        b'filename="a \xc3\xa9.txt"\r\nX: y\r\n\r\nHello\r\n--a b--\r\nan epilogue'
    )
    headers = {"Content-Type": 'Multipart/Form-Data; charset=utf-8; boundary="a b"'}
    file = client.post(FILES, content=quoted, headers=headers).json()
    assert (file["filename"], file["bytes"]) == ("a é.txt", 5)
    starred = form(("name=file; filename*=UTF-8''a%20%C3%A9.txt", b""))
    file = client.post(
        FILES, content=starred, headers={"Content-Type": FORM_TYPE}
    ).json()
    assert (file["filename"], file["bytes"]) == ("a é.txt", 0)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60), st.integers(0, 200), st.booleans())
def test_any_form_is_read_or_refused(noise: bytes, at: int, cut: bool) -> None:
    whole = form(LONG, FILE)
    spoilt = whole[:at] + noise + (b"" if cut else whole[at:])
    try:
        parts = uploading.read(FORM_TYPE, spoilt)
    except ValueError as problem:
        assert str(problem)
    else:
        assert all(isinstance(part.content, bytes) for part in parts)


def test_the_limit_of_size(client: httpx.Client) -> None:
    assert stored(client, bytes(LIMIT))["bytes"] == LIMIT
    files = {"file": ("a.bin", bytes(LIMIT + 1))}
    answer = client.post(FILES, files=files)
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["error"]
    assert len(client.get(FILES).json()["data"]) == 1


def test_methods_and_keys(client: httpx.Client) -> None:
    name = stored(client, b"a")["id"]
    for method, path in (
        ("PUT", FILES),
        ("DELETE", FILES),
        ("POST", f"{FILES}/{name}"),
        ("POST", f"{FILES}/{name}/content"),
        ("DELETE", f"{FILES}/{name}/content"),
    ):
        assert client.request(method, path).status_code == 405
    for path in (FILES, f"{FILES}/{name}", f"{FILES}/{name}/content"):
        assert httpx.get(client.base_url.join(path)).status_code == 401


def test_the_openai_client_stores_files(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key) as client:
        lives: Any = {"anchor": "created_at", "seconds": 7200}
        file = client.files.create(
            file=("a.csv", b"a,b\r\n1,2\r\n"), purpose="assistants", expires_after=lives
        )
        assert file.bytes == 10
        assert file.expires_at == file.created_at + 7200
        assert client.files.retrieve(file.id).filename == "a.csv"
        # One page: it looks for others by a field that the API does not have.
        assert client.files.list().data[0].id == file.id
        assert client.files.content(file.id).read() == b"a,b\r\n1,2\r\n"
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)


# -- files in messages ----------------------------------------------------------------


def chat(client: httpx.Client, *parts: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"model": "grok-4.7", "messages": [{"role": "user", "content": parts}]}
    return client.post("/v1/chat/completions", json=body | more)


def part(**file: str) -> dict[str, Any]:
    return {"type": "file", "file": file}


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_a_text_is_read_from_its_file(client: httpx.Client) -> None:
    name = stored(client, "Total: 80.50 €\nVendor: Acmé".encode(), "bill.md")["id"]
    answer = chat(client, {"type": "text", "text": "Read this."}, part(file_id=name))
    assert "[File bill.md]\nTotal: 80.50 €\nVendor: Acmé" in said(answer)
    bare = chat(client, {"type": "text", "text": "Read this."})
    tokens = [
        one.json()["usage"]["prompt_tokens_details"]["text_tokens"]
        for one in (answer, bare)
    ]
    assert tokens[0] > tokens[1] + 8
    schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}, "vendor": {"type": "string"}},
        "required": ["total", "vendor"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    filled = said(chat(client, part(file_id=name), response_format=wanted))
    assert json.loads(filled) == {"total": 80.5, "vendor": "Acmé"}


def test_other_files_are_named(client: httpx.Client) -> None:
    name = stored(client, b"%PDF-1.7\x00\xff", "a.pdf")["id"]
    assert "[File a.pdf: 10 bytes that are no text]" in said(
        chat(client, part(file_id=name))
    )
    name = stored(client, png("red"), "a.pdf")["id"]
    assert "red 100 %" in said(chat(client, part(file_id=name)))


def test_files_at_addresses(client: httpx.Client) -> None:
    with hosting() as host:
        url = host.put("/notes/a.txt", sent("Grüezi".encode(), "text/plain"))
        assert "[File a.txt]\nGrüezi" in said(chat(client, part(url=url)))
        missing = chat(client, part(url=host.url + "/b.txt"))
        assert missing.status_code == 400
        assert "answered 404" in missing.json()["error"]
    url = "https://a.example/b.txt"
    assert f"[File {url}: unread]" in said(chat(client, part(url=url)))
    assert chat(client, part(url="b.txt")).status_code == 400


def test_files_that_are_not_there(client: httpx.Client) -> None:
    name = stored(client, b"a")["id"]
    client.delete(f"{FILES}/{name}")
    for gone in (name, "file_1", ""):
        answer = chat(client, part(file_id=gone))
        assert answer.status_code == 404
        assert answer.json()["error"] == f"The file {gone} was not found."
    assert chat(client, part()).status_code == 400
    assert chat(client, part(file_id="a", url="b")).status_code == 400
    assert client.get("/__sandbox/ledger").json()["calls"] == []


def test_a_long_file_may_be_too_long_for_the_model(client: httpx.Client) -> None:
    name = stored(client, b"word " * 600_000)["id"]
    answer = chat(client, part(file_id=name))
    assert answer.status_code == 400
    assert "maximum prompt length is 500000" in answer.json()["error"]
