"""Errors about a parameter name the option as it is typed."""

from __future__ import annotations

import pytest

from grok_nb.notebook.asking import by_flag


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
