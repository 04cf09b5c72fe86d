"""Usage and cost of the sandbox's replies, and the rules of the model families."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import books, catalog, chat_rules, generation, schemas, tokens
from grok_nb._sandbox.books import Limits, masked
from grok_nb._sandbox.errors import ApiError

CATALOG = catalog.load()


def job(text: str = "What is 101*3?", vintage: str = "2026", **fields: Any):
    body = {"model": "grok-4.7", "messages": [{"role": "user", "content": text}]}
    return chat_rules.prepare(json.dumps(body | fields).encode(), CATALOG, vintage)


def drawn(**fields: Any) -> tuple[list[generation.Delta], dict[str, Any]]:
    drawing = generation.Generation(job(**fields))
    deltas = list(drawing)
    return deltas, drawing.usage()


def content(deltas: list[generation.Delta], choice: int = 0) -> str:
    return "".join(d.content or "" for d in deltas if d.choice == choice)


def refusal(**fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        job(**fields)
    return caught.value


@given(
    st.text(min_size=1),
    st.sampled_from(["low", "high", "xhigh"]),
    st.integers(1, 3),
    st.integers(1, 40) | st.none(),
)
def test_usage_adds_up(text: str, effort: str, n: int, limit: int | None) -> None:
    deltas, usage = drawn(
        text=text, reasoning_effort=effort, n=n, max_completion_tokens=limit
    )
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    details = usage["prompt_tokens_details"]
    assert usage["completion_tokens"] == sum(d.content is not None for d in deltas)
    assert reasoning == sum(d.reasoning is not None for d in deltas)
    assert usage["total_tokens"] == (
        usage["prompt_tokens"] + usage["completion_tokens"] + reasoning
    )
    assert usage["prompt_tokens"] == details["text_tokens"] + details["image_tokens"]
    assert usage["cost_in_usd_ticks"] == (
        (usage["prompt_tokens"] - details["cached_tokens"]) * 20000
        + details["cached_tokens"] * 5000
        + (usage["completion_tokens"] + reasoning) * 60000
    )


def test_the_documented_example_costs_what_it_says() -> None:
    model = CATALOG.find("grok-4.7", "language")
    cost = {"prompt": 37, "image": 0, "cached": 8, "output": 763}
    assert catalog.cost_in_ticks(model, **cost, priority=False) == 46_400_000
    assert catalog.cost_in_ticks(model, **cost, priority=True) == 92_800_000


def test_the_threshold_makes_all_tokens_dearer() -> None:
    model = CATALOG.find("grok-4.7", "language")
    cost = {"image": 512, "cached": 1280, "output": 10, "priority": False}
    below = catalog.cost_in_ticks(model, prompt=199_999, **cost)
    reached = catalog.cost_in_ticks(model, prompt=200_000, **cost)
    assert reached == 2 * (below + 20_000)


def test_completion_limit_cuts_with_finish_length() -> None:
    deltas, usage = drawn(text="Count to 50", max_completion_tokens=5)
    assert usage["completion_tokens"] == 5
    assert deltas[-1].finish == "length"
    whole = content(drawn(text="Count to 50")[0])
    assert whole.startswith(content(deltas))
    exact = tokens.count(whole)
    assert drawn(text="Count to 50", max_tokens=exact)[0][-1].finish == "stop"


@pytest.mark.parametrize("stop", ["7", "5, 6", ["zzz", ", 1"], "[sand", "0, 11, 12"])
def test_stop_cuts_before_the_sequence(stop: str | list[str]) -> None:
    fields = {"text": "Count to 30", "model": "grok-4.20-non-reasoning"}
    whole = content(drawn(**fields)[0])
    deltas, _ = drawn(**fields, stop=stop)
    stops = [stop] if isinstance(stop, str) else stop
    ends = [whole.find(one) for one in stops if one in whole]
    assert content(deltas) == whole[: min(ends)]
    assert deltas[-1].finish == "stop"


@given(st.text(alphabet="ab ,1"), st.lists(st.text("ab ,1", min_size=1), max_size=3))
def test_stop_passes_everything_else(text: str, stops: list[str]) -> None:
    passed = "".join(generation._BeforeStop(tokens.split(text), tuple(stops)))
    found = [(text.find(s) + len(s), text.find(s)) for s in stops if s in text]
    # The sequence that is complete first ends the reply.
    assert passed == text[: min(found, default=(0, len(text)))[1]]


@pytest.mark.parametrize(
    ("model", "fields", "parameter"),
    [
        ("grok-4.7", {"presence_penalty": 0}, "presencePenalty"),
        ("grok-4.3", {"frequency_penalty": 0.5}, "frequencyPenalty"),
        ("grok-4.20-non-reasoning", {"presence_penalty": 1}, "presencePenalty"),
        ("grok-3", {"presence_penalty": 1}, "presencePenalty"),
        ("grok-4.7", {"stop": ["x"]}, "stop"),
        ("grok-build-0.1", {"reasoning_effort": "low"}, "reasoningEffort"),
        ("grok-4.20", {"reasoning_effort": "low"}, "reasoningEffort"),
    ],
)
def test_families_refuse_parameters(
    model: str, fields: dict[str, Any], parameter: str
) -> None:
    error = refusal(model=model, **fields)
    resolved = CATALOG.resolve(model).model.id
    assert error.status == 400
    wanted = f"Model {resolved} does not support parameter {parameter}."
    assert error.text == wanted
    old = refusal(model=model, vintage="2025", **fields)
    assert old.text == f"Argument not supported on this model: {parameter}"


@pytest.mark.parametrize(
    ("model", "effort", "accepted"),
    [
        ("grok-4.7", "xhigh", True),
        ("grok-4.7", "none", False),
        ("grok-4.5", "xhigh", True),
        ("grok-4.5", "none", False),
        ("grok-4.3", "none", True),
        ("grok-4.3", "extreme", False),
    ],
)
def test_efforts_are_those_of_the_family(
    model: str, effort: str, *, accepted: bool
) -> None:
    if accepted:
        job(model=model, reasoning_effort=effort)
    else:
        assert refusal(model=model, reasoning_effort=effort).status == 400


def test_redirects_resolve_and_bring_their_effort() -> None:
    plain, old = job(model="grok-4.3"), job(model="grok-3-latest")
    assert old.model is plain.model
    assert (plain.question.effort, old.question.effort) == ("low", None)
    assert job(model="grok-4", reasoning_effort="high").question.effort == "high"


@pytest.mark.parametrize("model", ["grok-3-mini", "grok-beta", "nope", ""])
def test_unknown_and_retired_models_are_404(model: str) -> None:
    error = refusal(model=model)
    assert error.status == 404
    assert error.text.startswith(f"The model {model} does not exist or your team ")


def test_a_prompt_beyond_the_window_is_refused_with_both_numbers() -> None:
    error = refusal(text="a " * 500_001)
    assert error.status == 400
    assert error.text == (
        "This model's maximum prompt length is 500000 but the request contains "
        "500005 tokens."
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 0},
        {"n": 129},
        {"temperature": 2.1},
        {"temperature": -0.1},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_tokens": 0},
        {"top_logprobs": 3},
        {"top_logprobs": 9, "logprobs": True},
        {"stop": list("abcde"), "model": "grok-4.20-non-reasoning"},
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": []}]},
        {"tools": [{"type": "function", "function": {"name": "tool_search"}}]},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"model": "grok-4.20-multi-agent"},
        {"model": "grok-imagine-image"},
    ],
)
def test_semantic_mistakes_are_400(fields: dict[str, Any]) -> None:
    assert refusal(**fields).status == 400


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 1.0}, "n"),
        ({"stream": 1}, "stream"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"stream_options": {"include_usage": "y"}}, "stream_options.include_usage"),
    ],
)
def test_wrong_types_are_422_and_name_the_place(
    fields: dict[str, Any], path: str
) -> None:
    error = refusal(**fields)
    assert (error.status, error.meaning) == (422, None)
    assert error.text.startswith(
        f"Failed to deserialize the JSON body into the target type: {path}: "
    )


def test_every_role_order_and_unknown_fields_are_accepted() -> None:
    messages = [
        {"role": "tool", "tool_call_id": None, "content": ""},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                }
            ],
        },
        {"role": "developer", "content": "d"},
        {"role": "system", "content": "s", "name": "x"},
        {"role": "system", "content": [{"type": "text", "text": "t"}]},
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "a", "reasoning_content": "r"},
    ]
    found = job(messages=messages, parallel_function_calling=True, brand_new={"a": 1})
    assert found.question.text == "two"
    assert found.question.system == "d\ns\nt"
    assert len(found.question.roles) == 8


def test_live_search_is_gone_but_for_2025() -> None:
    assert refusal(search_parameters={"mode": "off"}).status == 410
    job(vintage="2025", search_parameters={"mode": "off"})


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[" * 200 + b"]" * 200,
        b"[" * 100_000,
        b"NaN",
        b"1e999",
        b"9" * 5000,
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xff",
        b'{"a":Infinity}',
    ],
)
def test_json_is_read_strictly(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        schemas.parse_json(raw)


def test_json_with_a_surrogate_pair_is_one_character() -> None:
    assert schemas.parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_limits_slide_over_a_minute() -> None:
    limits = Limits(2, None)
    limits.admit("m", 5, 0.0)
    limits.admit("m", 5, 1.0)
    with pytest.raises(ApiError) as caught:
        limits.admit("m", 5, 59.0)
    assert caught.value.status == 429
    assert "Requests per Minute (actual/limit): 2/2." in caught.value.text
    limits.admit("other", 5, 59.0)
    limits.admit("m", 5, 60.0)
    assert limits.headers("m", 60.0)["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(ApiError, match="Tokens per Minute"):
        Limits(None, 10).admit("m", 11, 0.0)


def test_keys_are_masked_wholly() -> None:
    headers = {"authorization": "bearer xai-secret", "x-api-key": "xai-secret"}
    assert masked(headers) == {"authorization": "Bearer ***", "x-api-key": "***"}
    assert masked({"authorization": "xai-secret"}) == {"authorization": "***"}


def test_the_newest_text_model_is_the_flagship() -> None:
    assert CATALOG.current("language")[0].id == "grok-4.7"
    assert all(model.created for model in CATALOG.current("language", "image"))


def test_books_are_bounded() -> None:
    ledger, log = books.Ledger(), books.Log()
    for number in range(books.MAX_ENTRIES + 5):
        ledger.open(books.Call(str(number), "/"))
        log.add(books.Received("GET", f"/{number}", "", {}, b""))
    calls, requests = ledger.shown()["calls"], log.shown()["requests"]
    assert len(calls) == len(requests) == books.MAX_ENTRIES
    assert (calls[0]["request_id"], requests[0]["path"]) == ("5", "/5")
    large = bytes(books.MAX_LOG_BYTES // 2 + 1)
    for path in ("/a", "/b"):
        log.add(books.Received("POST", path, "", {}, large))
    assert [one.path for one in log._requests] == ["/b"]


@given(st.uuids(), st.uuids(), st.text())
def test_ids_made_up_at_random_count_the_same(one: UUID, other: UUID, text: str):
    said = [{"id": f"ws_{id_}_0", "text": text} for id_ in (one, other)]
    assert tokens.count_json(said[0]) == tokens.count_json(said[1])
    assert tokens.count_json(said[0] | {"text": f"{text} and"}) > tokens.count_json(
        said[0]
    )
