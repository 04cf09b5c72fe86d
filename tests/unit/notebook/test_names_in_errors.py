"""Errors about a parameter name the option as it is typed."""

from __future__ import annotations

import pytest

from grok_nb.errors import BadRequest
from grok_nb.notebook.wording import by_flag, option_error


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "temperature must be from 0 to 2, not 3.",
            "--temperature must be from 0 to 2, not 3.",
        ),
        ("stop is not taken by grok-4.7.", "--stop is not taken by grok-4.7."),
        (
            "max_completion_tokens must be at least 1.",
            "--max-tokens must be at least 1.",
        ),
        (
            "xAI refused the request (400): Model M does not support parameter stop.",
            "xAI refused the request (400): Model M does not support parameter --stop.",
        ),
        (
            "refused (400): Argument not supported on this model: reasoning_effort",
            "refused (400): Argument not supported on this model: --reasoning",
        ),
        # words that are no parameter here
        ("There is a model to stop at n.", "There is a model to stop at n."),
        ("Model M has no presence_penalty", "Model M has no presence_penalty"),
    ],
)
def test_an_option_is_named_as_it_is_typed(said: str, shown: str) -> None:
    assert by_flag(said) == shown


@pytest.mark.parametrize(
    ("said", "hint", "shown", "told"),
    [
        (
            "domains and not_domains exclude each other.",
            "Give one of them.",
            "--domains and --not-domains exclude each other.",
            "Give one of them.",
        ),
        (
            "since (2026-02-01) is after until (2026-01-01).",
            "",
            "--since (2026-02-01) is after --until (2026-01-01).",
            "",
        ),
        (
            "domains is about a search that was not asked for.",
            "Add search='web'.",
            "--domains is about a search that was not asked for.",
            "Add --search web.",
        ),
        (
            "tool_choice is about functions that were not given.",
            "Add tools=[function, ...].",
            "--tool-choice is about functions that were not given.",
            "Add --tool NAME.",
        ),
        (
            "seed does not go with search or run_code: it is not known there.",
            "Leave out seed, or ask without search and run_code.",
            "--seed does not go with --search or --run-code: it is not known there.",
            "Leave out --seed, or ask without --search and --run-code.",
        ),
        (
            "There is no search 'wbe'.",
            "Did you mean 'web'? search takes web, x, or web,x.",
            "There is no search 'wbe'.",
            "Did you mean 'web'? --search takes web, x, or web,x.",
        ),
        (
            "many is about an answer as data.",
            'Add schema="name, age int", or a pydantic class.',
            "--many is about an answer as data.",
            "Add --schema 'name, age int', or a pydantic class.",
        ),
        # words, and parameters that no option stands for
        ("user and model of x", "", "user and model of x", ""),
        ("x", 'Write {"type": "web_search"}.', "x", 'Write {"type": "web_search"}.'),
    ],
)
def test_hints_say_what_to_type(said: str, hint: str, shown: str, told: str) -> None:
    error = option_error(BadRequest(said, hint=hint))
    assert (f"{error}", error.hint) == (shown, told)
