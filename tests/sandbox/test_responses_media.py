"""Pictures and files in responses: seen, read, searched, drawn, drawn on, billed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from grok_nb._sandbox.server import Sandbox
from tests.responses_support import Client, events, folded, of_type, text_of

from .pictures import opened, png, uri

DRAW = {"type": "image_generation"}
RED = uri(png("red", size=(600, 500)))
# Source: pricing.json: a picture of grok-imagine-image, and one that it is given.
PICTURE_TICKS, GIVEN_TICKS = 200_000_000, 20_000_000


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


def text(words: str) -> dict[str, Any]:
    return {"type": "input_text", "text": words}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, **more}


def content(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def stored(sandbox: Sandbox, name: str, data: bytes) -> str:
    answer = httpx.post(
        sandbox.base_url + "/files",
        headers={"Authorization": f"Bearer {sandbox.key}"},
        files={"file": (name, data)},
    )
    return answer.json()["id"]


# -- pictures that are given ----------------------------------------------------------


def test_a_picture_is_described_and_counted(client: Client) -> None:
    plain = client.ask(content(text("What is this?")))
    seen = client.ask(content(text("What is this?"), image(RED, detail="high")))
    told = "The image: png, 600 x 500 pixels; red 100 %; 0 % transparent."
    assert told in text_of(seen)
    more = seen["usage"]["input_tokens"] - plain["usage"]["input_tokens"]
    # Four tiles of 448 pixels and one for the whole, of 256 tokens each.
    assert more == 5 * 256


def test_a_picture_fills_a_schema_and_stays_seen(client: Client) -> None:
    schema = {
        "type": "object",
        "properties": {"width": {"type": "integer"}, "main_colour": {"type": "string"}},
        "required": ["width", "main_colour"],
    }
    wanted = {"format": {"type": "json_schema", "name": "look", "schema": schema}}
    first = client.ask(content(image(RED)), text=wanted)
    assert json.loads(text_of(first)) == {"width": 600, "main_colour": "red"}
    then = client.ask("What is it?", previous_response_id=first["id"])
    assert "red 100 %" in text_of(then)


def test_a_stored_picture_is_seen_with_its_detail(
    sandbox: Sandbox, client: Client
) -> None:
    name = stored(sandbox, "a.txt", png("red", size=(600, 500)))
    used = []
    for detail in ("low", "high"):
        part = {"type": "input_image", "file_id": name, "detail": detail}
        seen = client.ask(content(part))
        assert "600 x 500 pixels; red 100 %" in text_of(seen)
        used.append(seen["usage"]["input_tokens"])
    by_file = client.ask(content({"type": "input_file", "file_id": name}))
    assert "600 x 500 pixels; red 100 %" in text_of(by_file)
    assert used[1] - used[0] == 4 * 256


@pytest.mark.parametrize("stored_name", [True, False])
def test_what_is_no_picture_is_refused(
    sandbox: Sandbox, client: Client, *, stored_name: bool
) -> None:
    name = stored(sandbox, "a.png", b"Hello") if stored_name else "file_2"
    status, error = client.refused(content({"type": "input_image", "file_id": name}))
    assert status == (400 if stored_name else 404)
    assert name in error["error"]
    assert client.bills() == []


def test_a_picture_of_this_sandbox_is_fetched(sandbox: Sandbox, client: Client) -> None:
    """The event loop that serves it must not be the one that waits for it."""
    drawn = client.json("POST", "/v1/images/generations", {"prompt": "A red star"})
    first = client.ask(content(image(drawn["data"][0]["url"])))
    then = client.ask("And again?", previous_response_id=first["id"])
    for response in (first, then):
        assert "The image: jpeg, 1024 x 1024 pixels" in text_of(response)


# -- files ----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "data:text/plain;base64,"])
def test_files_in_the_request_are_read(client: Client, prefix: str) -> None:
    schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}},
        "required": ["total"],
    }
    wanted = {"format": {"type": "json_schema", "name": "sum", "schema": schema}}
    data = prefix + base64.b64encode(b"Total: 42").decode()
    file = {"type": "input_file", "file_data": data, "filename": "a.txt"}
    response = client.ask(content(file), text=wanted)
    assert json.loads(text_of(response)) == {"total": 42}
    assert response["text"] == wanted


def test_files_that_cannot_be_read_are_told(client: Client) -> None:
    data = base64.b64encode(b"\xff\xd8\xff").decode()
    unread = {"type": "input_file", "file_data": data, "filename": "b.bin"}
    response = client.ask(content(text("Hi"), unread))
    assert "b.bin: 3 bytes that are no text" in text_of(response)
    far = {"type": "input_file", "file_url": "https://files.example/c.txt"}
    response = client.ask(content(text("Hi"), far))
    assert "[File https://files.example/c.txt: unread]" in text_of(response)


def test_stored_files_are_read_and_searched(sandbox: Sandbox, client: Client) -> None:
    boat = b"The key hangs in the pantry.\n\nThe boat is green and leaks a little."
    name = stored(sandbox, "boat.txt", boat)
    fields = {
        "tools": [{"type": "file_search", "vector_store_ids": ["file_2", name]}],
        "include": ["file_search_call.results"],
    }
    response = client.ask("What colour is the boat?", **fields)
    (call,) = of_type(response, "file_search_call")
    assert call["queries"] == ["colour boat"]
    assert call["results"] == [
        {
            "file_id": name,
            "filename": "boat.txt",
            "score": 0.5,
            "text": "The boat is green and leaks a little.",
        }
    ]
    assert "green" in text_of(response)
    counters = response["usage"]["server_side_tool_usage_details"]
    assert counters["file_search_calls"] == 1
    part = {"type": "input_file", "file_id": name}
    assert "pantry" in text_of(client.ask(content(part)))
    client.json("DELETE", f"/v1/files/{name}")
    assert client.refused(content(part))[0] == 404
    response = client.ask("What colour is the boat?", **fields)
    assert of_type(response, "file_search_call")[0]["results"] == []
    assert f"Nothing in the files of file_2, {name}" in text_of(response)


# -- pictures that are drawn ----------------------------------------------------------


def drawn_in(response: dict[str, Any]):
    (call,) = of_type(response, "image_generation_call")
    assert call["status"] == "completed"
    return opened(base64.b64decode(call["result"], validate=True))


def fees_of(client: Client, response: dict[str, Any]) -> int:
    """Give what was billed besides the tokens, which cost as without the tool."""
    usage = response["usage"]
    (model,) = [
        one
        for one in client.json("GET", "/v1/language-models")["models"]
        if one["id"] == response["model"]
    ]
    cached = usage["input_tokens_details"]["cached_tokens"]
    assert client.bills()[-1]["cost_in_usd_ticks"] == usage["cost_in_usd_ticks"]
    return usage["cost_in_usd_ticks"] - (
        (usage["input_tokens"] - cached) * model["prompt_text_token_price"]
        + cached * model["cached_prompt_text_token_price"]
        + usage["output_tokens"] * model["completion_text_token_price"]
    )


def share(picture, colour: tuple[bool, bool, bool]) -> float:
    """Give the share of pixels with these of red, green and blue bright."""
    counted = picture.convert("RGB").resize((64, 64)).getcolors(64 * 64)
    return sum(
        number / 64**2
        for number, pixel in counted
        if tuple(part > 127 for part in pixel) == colour
    )


def test_a_picture_is_drawn_and_billed(client: Client) -> None:
    asked = "Draw a red circle on a blue background"
    response = client.ask(asked, tools=[DRAW])
    picture = drawn_in(response)
    assert (picture.format, picture.size) == ("JPEG", (1024, 1024))
    assert share(picture, (True, False, False)) > 0.1
    assert share(picture, (False, False, True)) > 0.3
    assert of_type(response, "image_generation_call")[0]["prompt"] == asked
    assert "1 red circle on a blue background" in text_of(response)
    usage = response["usage"]
    assert usage["server_side_tool_usage_details"]["image_generation_calls"] == 1
    assert usage["num_server_side_tools_used"] == 1
    assert fees_of(client, response) == PICTURE_TICKS


def test_a_streamed_picture_is_the_same(client: Client) -> None:
    whole = client.ask("Draw a cat", tools=[DRAW])
    found = events(client.stream("Draw a cat", tools=[DRAW]))
    last = folded(found)
    results = [
        of_type(response, "image_generation_call")[0]["result"]
        for response in (whole, last)
    ]
    assert results[0] == results[1]
    assert fees_of(client, last) == PICTURE_TICKS
    begun = [e["item"] for e in found if e["type"] == "response.output_item.added"]
    (item,) = [one for one in begun if one["type"] == "image_generation_call"]
    assert item["result"] is None


def test_an_attached_picture_is_drawn_on(client: Client) -> None:
    asked = content(text("Draw a circle"), image(RED))
    edited = client.ask(asked, tools=[DRAW])
    picture = drawn_in(edited)
    edited_fees = fees_of(client, edited)
    # It keeps the form of what was given.
    assert 1.15 < picture.width / picture.height < 1.25
    assert share(picture, (True, False, False)) > 0.4
    new = client.ask(asked, tools=[DRAW | {"action": "generate"}])
    assert share(drawn_in(new), (True, False, False)) < 0.1
    # What is seen costs the same both times.
    assert edited_fees - fees_of(client, new) == GIVEN_TICKS


def test_a_picture_that_was_drawn_is_drawn_on(client: Client) -> None:
    first = client.ask("Draw a red background", tools=[DRAW])
    assert share(drawn_in(first), (True, False, False)) > 0.7
    edit = DRAW | {"action": "edit"}
    then = client.ask("Mirror it", tools=[edit], previous_response_id=first["id"])
    assert share(drawn_in(then), (True, False, False)) > 0.7
    assert fees_of(client, then) == PICTURE_TICKS + GIVEN_TICKS
    # Base64 is no text that the model reads.
    assert then["usage"]["input_tokens"] < 1000


@pytest.mark.parametrize(
    ("given", "action", "why"),
    [
        ("Make it red", "edit", "There is no picture to edit."),
        ("Draw a cat" + "." * 8000, "auto", "characters, the model"),
        (
            content(text("Draw a hat"), image("https://elsewhere.example/a.png")),
            "edit",
            "fetches from this machine only",
        ),
    ],
)
def test_what_cannot_be_drawn_is_not_billed(
    client: Client, given: object, action: str, why: str
) -> None:
    tools = [DRAW | {"action": action}]
    for response in (
        client.ask(given, tools=tools),
        folded(events(client.stream(given, tools=tools))),
    ):
        (call,) = of_type(response, "image_generation_call")
        assert (call["status"], call["result"]) == ("failed", None)
        assert why in text_of(response)
        usage = response["usage"]
        assert usage["num_server_side_tools_used"] == 0
        assert usage["server_side_tool_usage_details"]["image_generation_calls"] == 0


def test_a_required_tool_draws_whatever_is_said(client: Client) -> None:
    assert of_type(client.ask("A cat", tools=[DRAW]), "image_generation_call") == []
    drawn_in(client.ask("A cat", tools=[DRAW], tool_choice="required"))
