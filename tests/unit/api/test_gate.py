"""What a model rejects, and retired models: data of the price table."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import grok_nb as gn
from grok_nb.api.gate import check_parameters, retired_hint, warn_if_retired
from grok_nb.errors import BadRequest, NotFound
from grok_nb.pricing import Model, PriceTable, snapshot

from ..response_shapes import response
from ..support import KEY, Script, completion, refusal, session

#: model -> what it rejects; xai-api.md section 3.5
REJECTED = {
    "grok-4.7": {"stop", "presence_penalty", "frequency_penalty"},
    "grok-4.5-latest": {"stop", "presence_penalty", "frequency_penalty"},
    "grok-4.20": {
        *("stop", "presence_penalty", "frequency_penalty"),
        "reasoning_effort",
    },
    "grok-4.20-non-reasoning": {
        *("presence_penalty", "frequency_penalty"),
        "reasoning_effort",
    },
    "grok-build-0.1": {
        *("stop", "presence_penalty", "frequency_penalty"),
        "reasoning_effort",
    },
    # retired: what answers in its place counts
    "grok-3": {"stop", "presence_penalty", "frequency_penalty"},
    "no-such-model": set(),
    "grok-3-mini": set(),
}
GIVEN: dict[str, Any] = {
    "stop": "END",
    "presence_penalty": 0,
    "frequency_penalty": 0.5,
    "reasoning_effort": "low",
    "temperature": 1,
}


@pytest.mark.parametrize("model", REJECTED)
@pytest.mark.filterwarnings("ignore:The model grok-3 is retired")
async def test_what_a_model_rejects_is_refused_by_the_user_s_name(model: str) -> None:
    with session(completion()) as s:
        for name, value in GIVEN.items():
            s.script.requests.clear()
            if name not in REJECTED[model]:
                await s.grok.ask("Hi", model=model, **{name: value})
                assert s.script.bodies[0][name] == value
                continue
            for ask in (s.grok.ask, s.grok.chat_completion, s.grok.defer):
                given: Any = (
                    [{"role": "user", "content": "x"}]
                    if ask == s.grok.chat_completion
                    else "Hi"
                )
                with pytest.raises(
                    BadRequest, match=f"^{name} is not taken by {model}"
                ) as e:
                    await ask(given, model=model, **{name: value})
                assert e.value.status is None
                assert "Leave it out" in e.value.hint
            assert s.script.requests == []


async def test_the_effort_of_a_response_is_refused_by_its_own_name() -> None:
    with session(response()) as s:
        with pytest.raises(BadRequest, match=r"^reasoning is not taken"):
            await s.grok.respond("Hi", "grok-4.20", reasoning={"effort": "low"})
        with pytest.raises(BadRequest, match=r"^reasoning_effort is not taken"):
            await s.grok.ask(
                "Hi", model="grok-4.20", search="web", reasoning_effort="low"
            )
        await s.grok.respond("Hi", "grok-4.20", reasoning={"summary": "auto"})
        assert len(s.script.requests) == 1


def test_the_hint_names_a_model_that_takes_it_if_there_is_one() -> None:
    with pytest.raises(BadRequest) as caught:
        check_parameters(snapshot(), "grok-4.7", {"stop": "stop"})
    assert "grok-4.20-0309-non-reasoning" in caught.value.hint
    with pytest.raises(BadRequest) as caught:
        check_parameters(snapshot(), "grok-4.7", {"presence_penalty": "x"})
    assert caught.value.hint == "Leave it out."


async def test_a_live_listing_that_offers_efforts_wins() -> None:
    entry = {
        "id": "grok-4.20-0309-reasoning",
        "created": 1,
        "output_modalities": ["text"],
    }
    offers = {**entry, "capabilities": {"reasoning_effort": ["low"]}}
    for listed, is_taken in ((entry, False), (offers, True)):
        table = snapshot().with_listing([listed], "2026-10-21")
        name = "grok-4.20-0309-reasoning"
        if is_taken:
            check_parameters(table, name, {"reasoning_effort": "x"})
        else:
            with pytest.raises(BadRequest):
                check_parameters(table, name, {"reasoning_effort": "x"})
        with pytest.raises(BadRequest):
            check_parameters(table, name, {"stop": "stop"})


# -- what the API says -----------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Model M does not support parameter {}.",  # 2026
        "Argument not supported on this model: {}",  # 2025
    ],
)
async def test_a_400_names_the_option_as_the_user_does(said: str) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"presence_penalty": 1}, "presencePenalty", "presence_penalty"),
        ({"reasoning_effort": "low"}, "reasoningEffort", "reasoning_effort"),
        ({"max_tokens": 5}, "maxCompletionTokens", "max_tokens"),
        ({"max_tokens": 5, "search": "web"}, "maxOutputTokens", "max_tokens"),
        (
            {"reasoning_effort": "low", "search": "web"},
            *("reasoningEffort", "reasoning_effort"),
        ),
        ({"stop": "x"}, "stop", "stop"),
        ({}, "presencePenalty", "presencePenalty"),  # it was not sent
    ]
    for options, theirs, ours in cases:
        with session(refusal(400, said.format(theirs)), model="m") as s:
            with pytest.raises(BadRequest) as caught:
                await s.grok.ask("Hi", **options)
            shown = f"xAI refused the request (400): {said.format(ours)}"
            assert str(caught.value) == shown
            assert said.format(theirs) in caught.value.body
            assert caught.value.status == 400
    with session(refusal(400, said.format("reasoningEffort")), model="m") as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.respond("Hi", reasoning={"effort": "low"})
        assert str(caught.value).endswith(said.format("reasoning"))


async def test_other_words_of_a_400_stay() -> None:
    said = "The iPhone and McDonald and userName of grok-4.7 are wrong: topP, user."
    with session(refusal(400, said)) as s:
        with pytest.raises(BadRequest) as caught:
            await s.grok.chat_completion(
                [{"role": "user", "content": "x"}], top_p=1, user="u"
            )
        assert str(caught.value).endswith(said.replace("topP", "top_p"))


# -- retired models --------------------------------------------------------------------

TABLE = PriceTable(
    [
        *snapshot().models,
        Model(id="old-1", status="redirected", redirect="grok-4.3", aliases=("old",)),
        Model(id="old-2", status="redirected", redirect="nowhere"),
    ]
)


async def test_a_retired_model_warns_once_with_what_answers() -> None:
    with session(completion()) as s:
        with pytest.warns(UserWarning) as caught:  # noqa: PT030, PT031 - the text follows
            await s.grok.ask("Hi", model="grok-4-0709")
            await s.grok.ask("Hi", model="grok-4-0709")
        (warning,) = caught
        assert str(warning.message) == (
            "The model grok-4-0709 is retired: grok-4.3 answers in its place with "
            "reasoning effort low, at $1.25 per million tokens in and $2.50 out. Ask for "
            "model='grok-4.3' to choose yourself."
        )
        assert warning.filename == __file__
        assert [body["model"] for body in s.script.bodies] == ["grok-4-0709"] * 2


def test_the_configured_model_warns_too_and_in_every_face() -> None:

    grok = gn.Grok(
        api_key=KEY, store=":memory:", model="grok-4-fast", transport=Script(response())
    )
    with grok:
        with pytest.warns(UserWarning, match="grok-4-fast is retired") as caught:
            grok.respond("Hi")
        grok.respond("Hi")  # a second warning would be an error here
    (warning,) = caught
    assert warning.filename == __file__


def test_current_unknown_and_lost_models_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("grok-4.7", "grok-4.3-latest", "x", None, "", "old-2", "grok-2"):
            warn_if_retired(TABLE, name)
    with pytest.warns(UserWarning, match="The model old is retired: grok-4.3 answers"):
        warn_if_retired(TABLE, "old")


def test_a_model_that_is_listed_live_is_not_retired() -> None:
    live = snapshot().with_listing([{"id": "grok-3"}], "2026-10-21")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_retired(live, "grok-3")


async def test_a_model_retired_for_good_is_told_by_the_404() -> None:
    assert retired_hint(snapshot(), "grok-4.7") == ""
    with session(refusal(404, "The model grok-2-1212 does not exist.")) as s:
        for call in (
            s.grok.ask("Hi", model="grok-2-1212"),
            s.grok.respond("Hi", "grok-2-1212"),
            s.grok.model("grok-2-1212"),
        ):
            with pytest.raises(NotFound) as caught:
                await call
            assert caught.value.hint == (
                "grok-2-1212 was retired; gn.models() lists what there is."
            )


def test_the_table_of_what_is_rejected_names_parameters() -> None:
    from grok_nb.api.chat import PARAMETERS

    rejecting = [m for m in snapshot().models if m.rejects]
    assert len(rejecting) >= 8
    for model in rejecting:
        assert model.status == "current"
        assert set(model.rejects) <= PARAMETERS.keys()
        assert ("reasoning_effort" in model.rejects) == (model.reasoning_effort == ())


async def test_a_redirect_bills_at_what_answered() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1}
    body = {"model": "grok-4.3", "usage": usage}
    with session(completion(**body)) as s:
        with pytest.warns(UserWarning, match="grok-3-latest is retired"):
            reply = await s.grok.ask("Hi", model="grok-3-latest")
        assert reply.cost_ticks == 10 * 12_500 + 25_000


async def test_deferred_requests_and_pictures_warn_of_retired_models(
    recwarn: pytest.WarningsRecorder,
) -> None:
    with session(refusal(400)) as s:
        for make in (
            s.grok.defer("Hi", "grok-4-1-fast-non-reasoning"),
            s.grok.generate_images("a fox", "grok-imagine-image-quality"),
            s.grok.edit_images(
                "a fox", {"file_id": "f"}, model="grok-imagine-image-quality"
            ),
        ):
            with pytest.raises(BadRequest, match="400"):
                await make
    said = [str(warning.message) for warning in recwarn]
    assert len(said) == 2  # once each
    assert "grok-4-1-fast-non-reasoning is retired: grok-4.3" in said[0]
    assert "grok-imagine-image-2.0 answers" in said[1]
