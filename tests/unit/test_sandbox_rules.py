"""What chat completions refuse, field by field: 422 for types, 400 for the rest."""

from __future__ import annotations

import base64
import io
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from grok_nb._sandbox import catalog, chat_rules
from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.media import opening

NON_REASONING = "grok-4.20-non-reasoning"


def job(vintage: str = "2026", **fields: Any) -> chat_rules.Job:
    body = {"model": "grok-4.7", "messages": [{"role": "user", "content": "Hi"}]}
    raw = json.dumps(body | fields).encode()
    return chat_rules.prepare(raw, catalog.load(vintage), vintage)


def refusal(vintage: str = "2026", **fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        job(vintage, **fields)
    return caught.value


def messages(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content} | more]}


def tool(name: str = "f", parameters: Any = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "parameters": parameters} | more
    return {"type": "function", "function": function}


def structured(schema: Any, **more: Any) -> dict[str, Any]:
    named = {"name": "a", "schema": schema} | more
    return {"response_format": {"type": "json_schema", "json_schema": named}}


# For each field: values of a wrong type, and the path the 422 has to name.
WRONG_TYPES: list[tuple[str, list[Any], str]] = [
    ("model", [None, 1, ["grok-4.7"]], "model"),
    ("messages", [None, "Hi", {}, {"role": "user"}], "messages"),
    ("stream", ["true", 1], "stream"),
    ("stream_options", [True, []], "stream_options"),
    ("stream_options", [{"include_usage": 1}], "stream_options.include_usage"),
    ("max_completion_tokens", ["1", 1.5, True, 2**63], "max_completion_tokens"),
    ("max_tokens", ["1", 1.5, [1]], "max_tokens"),
    ("temperature", ["1", True, [1]], "temperature"),
    ("top_p", ["1", {}], "top_p"),
    ("n", ["1", 1.5, True], "n"),
    ("seed", ["1", 1.5, 2**63, -(2**63) - 1], "seed"),
    ("stop", [1, {}], "stop"),
    ("stop", [["a", 1]], "stop[1]"),
    ("frequency_penalty", ["0"], "frequency_penalty"),
    ("presence_penalty", ["0"], "presence_penalty"),
    ("logit_bias", [[1]], "logit_bias"),
    ("logit_bias", [{"50256": "x"}], "logit_bias.50256"),
    ("logprobs", ["true", 1], "logprobs"),
    ("top_logprobs", ["1", True], "top_logprobs"),
    ("reasoning_effort", [1, ["low"]], "reasoning_effort"),
    ("response_format", ["json_object", {}, {"type": "xml"}], "response_format"),
    ("response_format", [{"type": "json_schema"}], "response_format.json_schema"),
    (
        "response_format",
        [{"type": "json_schema", "json_schema": {"name": "a"}}],
        "response_format.json_schema.schema",
    ),
    (
        "response_format",
        [{"type": "json_schema", "json_schema": {"name": "a", "schema": []}}],
        "response_format.json_schema.schema",
    ),
    ("tools", [{}, "f"], "tools"),
    ("tools", [[{"type": "function"}]], "tools[0].function"),
    ("tools", [[tool(), {"type": "web_search"}]], "tools[1].type"),
    ("tools", [[tool(parameters=[])]], "tools[0].function.parameters"),
    ("tools", [[tool(description=1)]], "tools[0].function.description"),
    ("tools", [[tool(strict="yes")]], "tools[0].function.strict"),
    ("tools", [[{"type": "function", "function": {}}]], "tools[0].function.name"),
    ("tool_choice", ["maybe", 1], "tool_choice"),
    ("tool_choice", [{"type": "function"}], "tool_choice.function"),
    (
        "tool_choice",
        [{"type": "function", "function": {}}],
        "tool_choice.function.name",
    ),
    ("parallel_tool_calls", ["yes", 0], "parallel_tool_calls"),
    ("search_parameters", ["on", 1], "search_parameters"),
    ("web_search_options", ["x"], "web_search_options"),
    ("deferred", ["yes", 1], "deferred"),
    ("service_tier", ["auto", 1], "service_tier"),
    ("prompt_cache_key", [1], "prompt_cache_key"),
    ("user", [1], "user"),
    ("safety_identifier", [1], "safety_identifier"),
]
CASES = [(name, value, path) for name, values, path in WRONG_TYPES for value in values]


@pytest.mark.parametrize(("name", "value", "path"), CASES)
def test_wrong_types_are_422_with_the_path(name: str, value: Any, path: str) -> None:
    error = refusal(**{name: value})
    start = f"Failed to deserialize the JSON body into the target type: {path}: "
    assert (error.status, error.meaning) == (422, None)
    assert error.text.startswith(start)


def test_every_field_has_a_wrong_type_above() -> None:
    from grok_nb._sandbox.schemas import ChatRequest

    assert {name for name, _, _ in WRONG_TYPES} == set(ChatRequest.model_fields)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("Hi", "messages[0]"),
        ({}, "messages[0].role"),
        ({"role": "boss", "content": "a"}, "messages[0].role"),
        ({"role": "user", "content": 1}, "messages[0].content"),
        ({"role": "user", "content": ["Hi"]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"type": "a"}]}, "messages[0].content[0]"),
        (
            {"role": "user", "content": [{"type": "text", "text": 1}]},
            "messages[0].content[0].text",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "a"}]},
            "messages[0].content[0].image_url",
        ),
        (
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "a", "detail": "huge"}}
                ],
            },
            "messages[0].content[0].image_url.detail",
        ),
        ({"role": "user", "content": "a", "name": 1}, "messages[0].name"),
        (
            {"role": "assistant", "content": "a", "reasoning_content": 1},
            "messages[0].reasoning_content",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "1"}]},
            "messages[0].tool_calls[0].function",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}],
            },
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"role": "tool", "content": "a", "tool_call_id": 1}, "messages[0].tool_call"),
    ],
)
def test_wrong_messages_are_422_with_the_path(message: Any, path: str) -> None:
    error = refusal(messages=[message])
    assert error.status == 422
    assert f"target type: {path}" in error.text


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("temperature", [0, 0.5, 2], [-0.01, 2.01]),
        ("top_p", [0.01, 1], [0, -1, 1.01]),
        ("n", [1, 128], [0, -1, 129]),
        ("max_completion_tokens", [1, 10**9], [0, -5]),
        ("max_tokens", [1], [0, -5]),
        ("frequency_penalty", [-2, 2], [-2.1, 2.1]),
        ("presence_penalty", [-2, 2], [-2.1, 2.1]),
        ("seed", [-1, 0, 2**63 - 1], []),
    ],
)
def test_ranges_are_400_and_name_the_field(
    name: str, good: list[float], bad: list[float]
) -> None:
    # The one model that takes all of these.
    model = {"vintage": "2025", "model": "grok-2"}
    for value in good:
        job(**model, **{name: value})
    for value in bad:
        error = refusal(**model, **{name: value})
        assert (error.status, error.meaning) == (400, "argument")
        assert name in error.text


@pytest.mark.parametrize("name", ["temperature", "n", "stop", "logprobs", "tools"])
def test_null_is_as_if_it_were_not_there(name: str) -> None:
    job(**{name: None})


def test_top_logprobs_need_logprobs_and_are_eight_at_most() -> None:
    job(logprobs=True, top_logprobs=8)
    job(logprobs=True, top_logprobs=0)
    for fields in (
        {"top_logprobs": 1},
        {"top_logprobs": 1, "logprobs": False},
        {"top_logprobs": 9, "logprobs": True},
        {"top_logprobs": -1, "logprobs": True},
    ):
        assert refusal(**fields).status == 400


def test_stop_takes_four_sequences() -> None:
    for stop in ("a", list("abcd"), []):
        job(model=NON_REASONING, stop=stop)
    assert refusal(model=NON_REASONING, stop=list("abcde")).status == 400


def test_deferred_and_stream_exclude_each_other() -> None:
    assert "streamed" in refusal(deferred=True, stream=True).text
    job(deferred=False, stream=True)


# -- messages -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        messages(""),
        messages([]),
        messages(None),
        {"messages": [{"role": "system"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": []}]},
    ],
)
def test_a_message_without_content_is_refused_in_the_words_of_the_api(
    fields: dict[str, Any],
) -> None:
    assert refusal(**fields).text == (
        "Invalid request content: Each message must have at least one content element."
    )


def test_a_tool_message_takes_text_only() -> None:
    for content in ("", "a", [{"type": "text", "text": "a"}]):
        job(messages=[{"role": "tool", "tool_call_id": None, "content": content}])
    part = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    error = refusal(messages=[{"role": "tool", "content": [part]}])
    assert "tool message must be text" in error.text


def test_a_file_part_has_one_place() -> None:
    for file in ({"file_id": "file_1"}, {"url": "https://a.example/b.pdf"}):
        job(**messages([{"type": "file", "file": file}]))
    for file in ({}, {"file_id": "a", "url": "b"}):
        assert refusal(**messages([{"type": "file", "file": file}])).status == 400


# -- images -------------------------------------------------------------------------


def png(width: int = 2, height: int = 3, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\x00\x00\x00"
    rows = zlib.compress((b"\x00" + b"\x00\x00\x00" * width) * height)
    chunks = chunk(b"IHDR", head) + chunk(b"tEXt", extra) + chunk(b"IDAT", rows)
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def jpeg() -> bytes:
    """Draw two pixels by three."""
    written = io.BytesIO()
    Image.new("RGB", (2, 3), "blue").save(written, "JPEG")
    return written.getvalue()


JPEG = jpeg()
# A whole file by its markers, in which no decoder finds a picture.
HOLLOW_JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x03\x00\x02\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x12\x34\xff\xd9"
)


def image(url: str, detail: str | None = None) -> dict[str, Any]:
    return messages(
        [{"type": "image_url", "image_url": {"url": url, "detail": detail}}]
    )


def uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    "url",
    [
        uri(png()),
        uri(JPEG, "image/jpeg"),
        uri(JPEG, "image/jpg"),
        uri(png(), "IMAGE/PNG"),
        "https://a.example/b.png",
        "http://a.example/b",
    ],
)
def test_images_that_are_taken(url: str) -> None:
    assert job(**image(url)).prompt_image_tokens == 512
    assert job(**image(url, "low")).prompt_image_tokens == 256


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "data URI"),
        ("b.png", "data URI"),
        ("ftp://a.example/b.png", "data URI"),
        ("file:///etc/passwd", "data URI"),
        ("https://", "names no host"),
        ("http://[::1/a.png", "is no address"),
        ("http://127.0.0.1:99999/a.png", "is no address"),
        ("https://pictures.invalid/a.png", "pictures.invalid cannot be found"),
        ("https://127.0.0.1/a.png", "https"),
        (uri(png(), "image/jpeg"), "claims to be image/jpeg and is a png"),
        (uri(JPEG, "image/png"), "claims to be image/png and is a jpeg"),
        (uri(png(9000, 9000)), "9000 x 9000 pixels are more than"),
        (uri(HOLLOW_JPEG, "image/jpeg"), "the jpeg is damaged"),
        ("data:image/png,abc", "data URI"),
        ("data:text/plain;base64,YQ==", "data URI"),
        (uri(png(), "image/webp"), "data URI"),
        ("data:image/png;base64,", "neither a png nor a jpeg"),
        ("data:image/png;base64,a", "no base64"),
        ("data:image/png;base64,AA*A", "no base64"),
        (uri(b"GIF89a" + bytes(20), "image/png"), "neither a png nor a jpeg"),
        (uri(png(0, 3)), "neither a png nor a jpeg"),
        (uri(png()[:-20]), "the png is damaged"),
        (uri(png().replace(b"IDAT", b"IDAX")), "the png is damaged"),
        (uri(JPEG[:-2], "image/jpeg"), "the jpeg is damaged"),
    ],
)
def test_images_that_are_refused(url: str, said: str) -> None:
    error = refusal(**image(url))
    assert error.status == 400
    assert error.text.startswith("Invalid image: ")
    assert said in error.text


@pytest.mark.parametrize(("vintage", "limit"), [("2025", 10), ("2026", 20)])
def test_images_have_a_size_limit(vintage: str, limit: int) -> None:
    room = limit * 1024 * 1024 - len(png())
    job(vintage, **image(uri(png(extra=bytes(room)))))
    error = refusal(vintage, **image(uri(png(extra=bytes(room + 1)))))
    assert f"{limit * 1024 * 1024 + 1} bytes are more" in error.text


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_opened_or_refused(noise: bytes, at: int) -> None:
    for whole in (png(), JPEG):
        for data in (noise, whole[:at] + noise, whole[:at] + noise + whole[at:]):
            try:
                seen = opening.look(data, 1000)
            except ValueError as problem:
                assert str(problem)
            else:
                assert seen.size.width > 0
                assert seen.size.height > 0
                assert seen.described()


# -- tools --------------------------------------------------------------------------


def test_tools_are_128_at_most() -> None:
    tools = [tool(f"f{number}") for number in range(129)]
    job(tools=tools[:128])
    assert "at most 128" in refusal(tools=tools).text


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([tool("tool_search")], "reserved"),
        ([tool("")], "reserved"),
        ([tool("f"), tool("g"), tool("f")], "Two tools have the name 'f'"),
        ([tool(parameters={"type": "string"})], "must be an object"),
        ([tool(parameters={"type": ["object", "null"]})], "must be an object"),
        ([tool(parameters={"anyOf": [{"type": "object"}]})], "must be an object"),
        (
            [tool(parameters={"type": "object", "properties": {"a": True}})],
            "boolean is no schema",
        ),
    ],
)
def test_wrong_tools_are_400(tools: list[Any], said: str) -> None:
    error = refusal(tools=tools)
    assert error.status == 400
    assert said in error.text


def test_right_tools_and_choices_are_taken() -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = [tool("f", parameters, strict=True), tool("g", {}), tool("h", None)]
    named = {"type": "function", "function": {"name": "g"}}
    for choice in ("none", "auto", "required", named, None):
        job(tools=tools, tool_choice=choice)
    job(tools=[], tool_choice="none")
    assert refusal(tools=[], tool_choice="required").status == 400
    named["function"]["name"] = "k"
    assert "k" in refusal(tools=tools, tool_choice=named).text


# -- families -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vintage", "model", "fields", "text"),
    [
        (
            "2026",
            "grok-4.7",
            {"stop": []},
            "Model grok-4.7 does not support parameter ",
        ),
        ("2025", "grok-4", {"stop": "a"}, "Argument not supported on this model: stop"),
        (
            "2025",
            "grok-3",
            {"presence_penalty": 0},
            "Argument not supported on this model: presencePenalty",
        ),
        (
            "2025",
            "grok-3",
            {"reasoning_effort": "low"},
            "Argument not supported on this model: reasoningEffort",
        ),
        ("2025", "grok-3-mini", {"reasoning_effort": "medium"}, "Invalid reasoning ef"),
        (
            "2025",
            "grok-3",
            image("https://a.example/b.png"),
            "Model grok-3 does not support image input.",
        ),
    ],
)
def test_families_have_their_rules(
    vintage: str, model: str, fields: dict[str, Any], text: str
) -> None:
    error = refusal(vintage, model=model, **fields)
    assert error.status == 400
    assert error.text.startswith(text)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("grok-2", {"presence_penalty": 1, "frequency_penalty": 1, "stop": "a"}),
        ("grok-beta", {"presence_penalty": 0}),
        ("grok-3", {"stop": ["a"]}),
        ("grok-3-mini", {"reasoning_effort": "high"}),
        ("grok-2-vision", image("https://a.example/b.png")),
    ],
)
def test_families_of_2025_take_what_they_took(
    model: str, fields: dict[str, Any]
) -> None:
    assert job("2025", model=model, **fields).model.id.startswith(model)


@pytest.mark.parametrize(
    ("name", "target", "effort"),
    [
        ("grok-3", "grok-4.3", None),
        ("grok-4", "grok-4.3", "low"),
        ("grok-4-fast", "grok-4.3", "low"),
        ("grok-4-1-fast-non-reasoning", "grok-4.3", None),
        ("grok-code-fast-1", "grok-build-0.1", "medium"),
    ],
)
def test_retired_ids_are_redirected(name: str, target: str, effort: str | None) -> None:
    found = job(model=name)
    assert (found.model.id, found.question.effort) == (target, effort)


def test_2025_serves_the_ids_of_that_year_at_their_price() -> None:
    mini = job("2025", model="grok-3-mini").model
    assert mini.prices["prompt_text_token_price"] == 3000
    assert job("2025", model="grok-4").model.id == "grok-4-0709"
    assert refusal(model="grok-3-mini").status == 404
    listed = {model.id for model in catalog.load("2025").current("language")}
    assert {"grok-3", "grok-3-mini", "grok-2-1212", "grok-beta"} <= listed


def test_unknown_fields_are_ignored() -> None:
    job(parallel_function_calling=True, guidelines={"nsfw": "decline"}, brand_new=[1])
