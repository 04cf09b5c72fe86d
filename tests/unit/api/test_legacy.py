"""Legacy completions, of OpenAI's form and of Anthropic's: arguments, results, rows."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grok_nb as gn
from grok_nb.api.gate import check_completes
from grok_nb.api.legacy import (
    ANTHROPIC_PARAMETERS,
    PARAMETERS,
    CompleteOptions,
    TextFold,
)
from grok_nb.errors import BadRequest, GrokError, ServerFault, StreamError
from grok_nb.pricing import snapshot
from grok_nb.wire import AnthropicCompletion, TextCompletion

from ..support import (
    BASE_URL,
    KEY,
    STALL,
    USAGE,
    Answer,
    Script,
    refusal,
    session,
    sse,
    streamed,
)

#: takes completions, by the price table
MODEL = "grok-4.20-0309-non-reasoning"
ID = "7f000000-0000-4000-8000-000000000001"
TEXT = "Zürich € 🦊"
PROMPT = "\n\nHuman: Hi\n\nAssistant:"


def whole(*texts: str, **changes: Any) -> dict[str, Any]:
    """Return a completion as xai-api.md section 8.2 describes it."""
    return {
        "id": ID,
        "object": "text_completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [
            {"index": n, "text": text, "finish_reason": "stop", "logprobs": None}
            for n, text in enumerate(texts or (TEXT,))
        ],
        "usage": USAGE,
        "system_fingerprint": "fp_1",
        **changes,
    }


def answered(data: Any) -> Answer:
    return Answer(pieces=json.dumps(data).encode())


def piece(text: str = "", finish: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "text": text, "finish_reason": finish, "logprobs": None}
    return whole(choices=[choice], usage=None)


CHUNKS = [
    piece("Zürich "),
    piece("€ 🦊"),
    piece(finish="stop"),
    whole(choices=[]),
]
RECORDED = sse(*CHUNKS)
#: as xai-api.md section 8.3 has it
ANTHROPIC = {
    "type": "completion",
    "id": "6e000000-0000-4000-8000-000000000001",
    "completion": " Hi.",
    "stop_reason": "stop_sequence",
    "model": "grok-4.7",
}


async def streamed_to_end(s: Any, **options: Any) -> tuple[list[Any], Any]:
    chunks, error = [], None
    try:
        async for chunk in s.grok.complete_stream("Hi", MODEL, **options):
            chunks.append(chunk)
    except GrokError as raised:
        error = raised
    return chunks, error


# -- arguments -------------------------------------------------------------------------

VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "max_tokens": ([1, 10**6], ["1", [1], {}, True, 1.5, 0, -1]),
    "temperature": ([0, 2, 0.5], ["1", -0.1, 2.1, True]),
    "top_p": ([0.5, 1], ["1", 1.1]),
    "n": ([1, 128], [0, 129, "1"]),
    "best_of": ([1, 5], [0, 129, "1"]),
    "echo": ([True, False], [1, "no"]),
    "suffix": (["end"], [1]),
    "stop": (["x", ["x", "y"]], [1, [1]]),
    "logprobs": ([True], [1]),
    "logit_bias": ([{"5": 1}], ["x"]),
    "seed": ([-1, 0, 7], ["7", 1.5]),
    "user": (["u"], [1]),
}
#: the model that takes completions does not take these
NOT_BY_THIS_MODEL = {"frequency_penalty", "presence_penalty"}


def test_every_parameter_is_tried_here() -> None:
    assert VALUES.keys() | NOT_BY_THIS_MODEL == PARAMETERS.keys()
    assert PARAMETERS.keys() == CompleteOptions.__annotations__.keys()


@pytest.mark.parametrize("name", VALUES)
async def test_a_right_value_is_sent_and_a_wrong_one_is_not(name: str) -> None:
    right, wrong = VALUES[name]
    with session(answered(whole())) as s:
        for value in right:
            await s.grok.complete("Hi", MODEL, **{name: value})
        assert s.script.bodies == [
            {"model": MODEL, "prompt": "Hi", name: value} for value in right
        ]
        s.script.requests.clear()
        for value in wrong:
            with pytest.raises(BadRequest, match=name):
                await s.grok.complete("Hi", MODEL, **{name: value})
            assert name in str((await streamed_to_end(s, **{name: value}))[1])
        assert s.script.requests == []
        assert len(s.rows) == len(right)


async def test_only_what_was_set_is_sent() -> None:
    with session(answered(whole()), streamed(RECORDED)) as s:
        await s.grok.complete("Hi", MODEL, stop=None)
        await streamed_to_end(s, seed=1)
        bare = {"model": MODEL, "prompt": "Hi"}
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        assert s.script.bodies == [bare, {**bare, "seed": 1, **streaming}]
        paths = [request.url.path for request in s.script.requests]
        assert paths == ["/v1/completions", "/v1/completions"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_completion_tokens": 5}, "Write max_tokens="),
        ({"stop_sequences": ["x"]}, "Write stop="),
        ({"stream": True}, "complete_stream()"),
        ({"messages": []}, "chat_completion()"),
        ({"system": "x"}, "ask()"),
        ({"tools": []}, "no parameter 'tools'"),
        ({"n": 3, "best_of": 2}, "best_of must be at least n"),
        ({"frequency_penalty": 0}, "is not taken by"),
    ],
)
async def test_what_does_not_go_is_refused_with_what_to_do(
    options: dict[str, Any], said: str
) -> None:
    with session(answered(whole())) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.complete("Hi", MODEL, **options)
        assert said in f"{caught.value} {caught.value.hint}"
        assert (s.script.requests, s.rows) == ([], [])


PROMPTS: list[Any] = [
    None,
    "",
    b"Hi",
    5,
    [],
    (),
    {},
    ["Hi", 5],
    [""],
    [1, 2],
    iter("a"),
]


@pytest.mark.parametrize("number", range(len(PROMPTS)))
async def test_a_wrong_prompt_is_refused_and_not_sent(number: int) -> None:
    with session(answered(whole())) as s:
        with pytest.raises(BadRequest, match="prompt"):
            await s.grok.complete(PROMPTS[number], MODEL)
        with pytest.raises(BadRequest, match="prompt"):
            await s.grok.anthropic_complete(PROMPTS[number], max_tokens_to_sample=5)
        assert (s.script.requests, s.rows) == ([], [])


#: model -> whether it is refused before anything is sent
GATED = {
    "grok-4.7": True,
    "grok-4.20": True,
    "grok-4": True,  # another answers for it, but this is what was asked for
    "grok-4.20-non-reasoning": False,
    "grok-3": False,  # answered without reasoning in its place
    "grok-4-fast-non-reasoning": False,
    "grok-beta": False,  # the API's 404 will tell
    "grok-3-mini": False,
    "no-such-model": False,
}


@pytest.mark.parametrize("model", GATED)
@pytest.mark.filterwarnings("ignore:The model .* is retired")
async def test_models_that_reason_are_refused(model: str) -> None:
    with session(answered(whole())) as s:
        if not GATED[model]:
            await s.grok.complete("Hi", model)
            assert s.script.bodies[0]["model"] == model
            return
        with pytest.raises(BadRequest, match="it reasons") as caught:
            await s.grok.complete("Hi", model)
        assert f"{MODEL!r}" in caught.value.hint
        with pytest.raises(BadRequest, match=r"grok-4\.7 does not complete"):
            await s.grok.complete("Hi")  # the default one
        assert (s.script.requests, s.rows) == ([], [])


def test_a_table_without_another_model_says_what_to_do() -> None:
    from grok_nb.pricing import PriceTable

    table = PriceTable(m for m in snapshot().models if m.id == "grok-4.7")
    with pytest.raises(BadRequest) as caught:
        check_completes(table, "grok-4.7")
    assert caught.value.hint.startswith("Ask with chat_completion()")


# -- results ---------------------------------------------------------------------------


async def test_a_completion_is_typed_booked_and_keeps_its_json() -> None:
    with session(answered(whole())) as s:
        found = await s.grok.complete("Hi", MODEL)
        assert isinstance(found, TextCompletion)
        assert (found.raw, found.text, found.id) == (whole(), TEXT, ID)
        assert found.object == "text_completion"
        row = s.row
        assert (row["endpoint"], row["state"]) == ("/completions", "done")
        assert (row["prompt_tokens"], row["completion_tokens"]) == (37, 530)
        assert (row["cost_usd"], row["cost_source"]) == (0.00464, "reported")
        assert (row["finish_reason"], row["response_id"]) == ("stop", ID)


async def test_the_price_list_counts_where_no_figure_came() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    with session(answered(whole(usage=usage))) as s:
        await s.grok.complete("Hi", MODEL)
        assert s.row["cost_source"] == "computed"
        assert s.row["cost_usd"] == pytest.approx((10 * 12500 + 4 * 25000) / 1e10)


async def test_the_recorded_stream_gives_its_chunks_and_the_same_row() -> None:
    with session(answered(whole()), streamed(RECORDED)) as s:
        await s.grok.complete("Hi", MODEL)
        chunks, error = await streamed_to_end(s)
        assert error is None
        assert [chunk.raw for chunk in chunks] == CHUNKS
        assert "".join(chunk.text for chunk in chunks) == TEXT
        one, two = s.rows
        varying = {"time", "latency_s", "ttft_s", "id", "call"}
        for name in one.keys() - varying:
            assert one[name] == two[name], name


async def test_the_bytes_may_be_cut_into_two_pieces_anywhere() -> None:
    with session(streamed(b"")) as s:
        for at in range(len(RECORDED) + 1):
            s.script.load(streamed([RECORDED[:at], RECORDED[at:]]))
            chunks, error = await streamed_to_end(s)
            assert ("".join(c.text for c in chunks), error) == (TEXT, None)
        assert set(s.column("cost_source")) == {"reported"}


async def test_a_whole_completion_in_place_of_a_stream_is_one_chunk() -> None:
    with session(answered(whole())) as s:
        (chunk,), error = await streamed_to_end(s)
        assert (chunk.text, error) == (TEXT, None)
        assert s.row["state"] == "done"


async def test_a_stream_is_whole_when_all_its_texts_are() -> None:
    """Two prompts with two answers each: four choices."""
    pieces = [piece(f"{n}", "stop", n) for n in range(4)]
    for count in range(5):
        raw = sse(*pieces[:count], done=False)
        with session(streamed(raw), on_doubt="hold") as s:
            seen, error = [], None
            try:
                async for chunk in s.grok.complete_stream(["a", "b"], MODEL, n=2):
                    seen.append(chunk)
            except GrokError as raised:
                error = raised
            assert len(seen) == count
            assert (error is None) == (count == 4)
            if isinstance(error, StreamError) and count:
                assert error.reply is not None
                said = [choice.text for choice in error.reply.choices]
                assert said == [str(n) for n in range(count)]


@pytest.mark.parametrize("count", range(len(CHUNKS)))
@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_stream_that_breaks_off_keeps_its_text(count: int, how: str) -> None:
    pieces: list[Any] = [sse(chunk, done=False) for chunk in CHUNKS[:count]]
    pieces += [httpx.ReadError("reset")] if how == "reset" else []
    with session(streamed(pieces), on_doubt="hold") as s:
        chunks, error = await streamed_to_end(s)
        assert len(chunks) == count
        if count == 3:  # all of the text came, and the bill is a guess
            assert error is None
            assert (s.row["state"], s.row["cost_source"]) == ("done", "estimated")
        elif count:
            assert isinstance(error, StreamError)
            assert error.reply.text == "".join(c.text for c in chunks)
            assert (s.row["state"], s.row["cost_source"]) == ("failed", "estimated")
        else:
            assert s.row["state"] == "in_doubt"
        if count:
            assert s.row["prompt_tokens"] == 1  # "Hi", by its length


async def test_an_error_in_the_stream_ends_it() -> None:
    said = {"code": "unavailable", "error": "Busy"}
    with session(streamed(sse(CHUNKS[0], said))) as s:
        _, error = await streamed_to_end(s)
        assert isinstance(error, StreamError)
        assert "Busy" in str(error)
        assert error.reply is not None
        assert error.reply.text == "Zürich "


async def test_a_stream_that_is_left_is_closed_and_booked() -> None:
    answer = streamed([sse(CHUNKS[0], done=False), STALL])
    with session(answer) as s:
        stream = s.grok.complete_stream("Hi", MODEL)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        assert answer.body is not None
        assert answer.body.closed
        assert (s.row["state"], s.row["cost_source"]) == ("stopped", "estimated")


async def test_a_refusal_costs_nothing_and_throttles_are_waited_for() -> None:
    with session(refusal(429), refusal(503), answered(whole())) as s:
        assert (await s.grok.complete("Hi", MODEL)).text == TEXT
        assert s.column("state") == ["failed", "failed", "done"]
        assert s.column("cost_usd") == [0, 0, 0.00464]
        assert len(s.clock.slept) == 2


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"choices": [5]}'])
async def test_what_is_no_completion_is_a_fault(body: bytes) -> None:
    with session(Answer(pieces=body), on_doubt="hold") as s:
        with pytest.raises(GrokError) as caught:
            await s.grok.complete("Hi", MODEL)
        assert isinstance(caught.value.__cause__, ServerFault)
        with pytest.raises(GrokError) as caught:
            await s.grok.anthropic_complete(PROMPT, max_tokens_to_sample=5)
        assert isinstance(caught.value.__cause__, ServerFault)
        assert s.column("state") == ["in_doubt"] * 2


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            piece,
            st.text(max_size=3),
            st.sampled_from([None, "stop", "length"]),
            st.integers(0, 2),
        ),
        max_size=8,
    )
)
def test_texts_are_put_together_by_their_index(chunks: list[Any]) -> None:
    fold = TextFold({"body": {"prompt": ["a", "b", "c"]}})
    texts = {0: ""}
    for chunk in chunks:
        (choice,) = chunk["choices"]
        if choice["text"] or choice["finish_reason"]:
            texts.setdefault(choice["index"], "")
        if choice["text"]:
            texts[choice["index"]] += choice["text"]
        fold.add(chunk)
    reply = fold.reply()
    assert {choice.index: choice.text for choice in reply.choices} == texts


# -- Anthropic's form ------------------------------------------------------------------


async def test_anthropic_s_form_is_sent_read_and_booked() -> None:
    with session(answered(ANTHROPIC)) as s:
        found = await s.grok.anthropic_complete(
            PROMPT, max_tokens_to_sample=5, stop_sequences="END", top_k=3
        )
        assert isinstance(found, AnthropicCompletion)
        assert (found.raw, found.completion) == (ANTHROPIC, " Hi.")
        assert found.stop_reason == "stop_sequence"
        assert s.script.bodies == [
            {
                "model": "grok-4.7",
                "prompt": PROMPT,
                "max_tokens_to_sample": 5,
                "stop_sequences": ["END"],
                "top_k": 3,
            }
        ]
        (request,) = s.script.requests
        assert request.url.path == "/v1/complete"
        row = s.row
        assert (row["endpoint"], row["state"]) == ("/complete", "done")
        # no usage is told: four bytes a token
        assert (row["prompt_tokens"], row["completion_tokens"]) == (6, 1)
        assert row["cost_source"] == "estimated"
        assert row["finish_reason"] == "stop_sequence"


async def test_a_usage_that_comes_all_the_same_is_the_bill() -> None:
    for usage in (
        {"input_tokens": 12, "output_tokens": 3, "cost_in_usd_ticks": 5},
        {"prompt_tokens": 12, "completion_tokens": 3, "cost_in_usd_ticks": 5},
    ):
        with session(answered({**ANTHROPIC, "usage": usage})) as s:
            await s.grok.anthropic_complete(PROMPT, max_tokens_to_sample=5)
            assert (s.row["prompt_tokens"], s.row["completion_tokens"]) == (12, 3)
            assert (s.row["cost_usd"], s.row["cost_source"]) == (5e-10, "reported")


WRONG: dict[str, list[Any]] = {
    "max_tokens_to_sample": [None, "1", 0, True, 1.5],
    "stop_sequences": [1, {}, [1]],
    "temperature": ["1", 2.1],
    "top_p": ["1", 1.1],
    "top_k": ["1", -1, 1.5],
    "metadata": ["x"],
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_argument_of_anthropic_s_form_is_not_sent(name: str) -> None:
    assert WRONG.keys() == ANTHROPIC_PARAMETERS.keys()
    with session(answered(ANTHROPIC)) as s:
        for value in WRONG[name]:
            with pytest.raises(BadRequest, match=name):
                await s.grok.anthropic_complete(
                    PROMPT, **{"max_tokens_to_sample": 5, name: value}
                )
        assert (s.script.requests, s.rows) == ([], [])


def test_the_methods_that_block_do_the_same() -> None:
    script = Script(answered(whole()), streamed(RECORDED), answered(ANTHROPIC))
    with gn.Grok(
        api_key=KEY, base_url=BASE_URL, store=":memory:", transport=script, model="m"
    ) as grok:
        assert grok.complete("Hi", MODEL).text == TEXT
        chunks = list(grok.complete_stream("Hi", MODEL))
        assert "".join(chunk.text for chunk in chunks) == TEXT
        assert grok.anthropic_complete("x", max_tokens_to_sample=5).completion == " Hi."
        assert len(grok.ledger.rows()) == 3
        assert re.match("Continue a text: ", gn.Grok.complete.__doc__ or "")
