"""Tab on the option lines of searches and pictures."""

from __future__ import annotations

import pytest

from grok_nb import pricing
from grok_nb.notebook.completion import candidates

NAMES = {"fox": 1, "figure": 2, "_hidden": 3}
PICTURES = [m.id for m in pricing.snapshot().models if m.kind == "image"]
OFFERED: list[tuple[str, list[str]]] = [
    ("%%grok --search ", ["web", "x", "web,x", "x,web"]),
    ("%%grok --search=w", ["web", "web,x"]),
    ("%grok --search web,", ["web,x"]),
    ("%%grok --do", ["--domains"]),
    ("%%grok --search web --not", ["--not-domains", "--not-handles"]),
    (
        "%grok --search x --s",
        ["--system", "--seed", "--stop", "--schema", "--search", "--since"],
    ),
    ("%%grok --images --v", ["--verbose", "--video"]),
    ("%%grok --run", ["--run-code"]),
    ("%%grok --domains ", []),
    ("%grok_image --asp", ["--aspect"]),
    ("%grok_image --aspect 16", ["16:9"]),
    ("%%grok_image --resolution ", ["1k", "1.5k", "2k"]),
    ("%grok_image --quality=", ["low", "medium", "auto"]),
    ("%grok_image -a {{f", ["figure", "fox"]),
    ("%grok_image -o f", ["figure", "fox"]),
    ("%grok_image --dry", ["--dry-run"]),
    ("%grok_image a red {{", ["figure", "fox"]),
    ("%grok_image --search", []),
    ("%%grok_image\na red {{fo", ["fox"]),
]


@pytest.mark.parametrize(("typed", "offered"), OFFERED)
def test_tab_offers_what_may_follow(typed: str, offered: list[str]) -> None:
    assert candidates(typed, typed.count("\n"), NAMES)[1] == offered


def test_only_models_that_draw_are_offered_to_draw() -> None:
    offered = candidates("%grok_image -m ", 0, NAMES)[1]
    assert offered
    assert set(offered) <= set(PICTURES)
    assert set(candidates("%%grok -m ", 0, NAMES)[1]).isdisjoint(PICTURES)
