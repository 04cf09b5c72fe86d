"""Sources as footnotes, steps folded: safe, and the same at every run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb.reply import Choice, Citation, Reply, Step
from grok_nb.show.render import reply_bundle
from grok_nb.show.safe_html import safe_link

from . import strict
from .hostile import document

URL = "https://x.ai/news"


def shown(
    *cited: Citation, steps: tuple[Step, ...] = (), text: str = "T"
) -> dict[str, str]:
    return reply_bundle(
        Reply(choices=(Choice(text=text),), cited=cited, steps=steps, state="done")
    )


def violations(html: str) -> list[str]:
    """Judge what is left when our own frame is gone: hostile text cannot hold it raw."""
    html = re.sub(r' class="grok-nb-[a-z]+"(?: style="[^"<>]*")?', "", html)
    html = re.sub(r'<li value="\d+">', "<li>", html)
    return strict.violations(re.sub(r"<(/?)(?:details|summary)>", r"<\1div>", html))


def test_sources_are_numbered_by_their_markers_in_the_text() -> None:
    bundle = shown(
        Citation(URL, "3"), Citation("https://b.example", "1"), Citation(URL, "3")
    )
    assert re.findall(r'<li value="(\d+)"><a href="([^"]+)"', bundle["text/html"]) == [
        ("3", URL),
        ("1", "https://b.example"),
    ]
    assert bundle["text/plain"] == f"T\n\n[3] {URL}\n[1] https://b.example"


def test_sources_without_markers_are_counted_and_titled() -> None:
    bundle = shown(
        Citation(URL, "All\n the <b>news</b>"), Citation("https://b.example")
    )
    assert f'<li value="1"><a href="{URL}"' in bundle["text/html"]
    assert "All the &lt;b&gt;news&lt;/b&gt;</a>" in bundle["text/html"]
    assert bundle["text/plain"] == (
        f"T\n\n[1] All the <b>news</b> {URL}\n[2] https://b.example"
    )


def test_without_sources_and_steps_nothing_is_added() -> None:
    bundle = shown()
    assert bundle["text/plain"] == "T"
    assert "<ol" not in bundle["text/html"]
    assert "<details" not in bundle["text/html"]


def test_a_link_is_safe_or_no_link() -> None:
    link = shown(Citation(URL))["text/html"]
    assert 'rel="noopener noreferrer nofollow"' in link
    assert 'target="_blank"' in link
    for address in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//x.ai",
        "x.ai",
        "file:/a",
    ):
        html = shown(Citation(address))["text/html"]
        assert "<a" not in html
        assert address in html
    assert safe_link('https://x.ai/"><script>', "a").count("<") == 2


def test_many_sources_are_not_all_shown() -> None:
    bundle = shown(*(Citation(f"{URL}/{n}") for n in range(60)))
    assert bundle["text/html"].count("<li") == 50
    for text in bundle.values():
        assert "and 10 more: reply.citations" in text


def test_steps_are_folded_with_what_they_did() -> None:
    steps = (
        Step("web_search", "search", '{"query": "xai <news>"}', '["found"]', "done"),
        Step("x_search", "x_keyword_search", '{"query": "$5"}', "", "failed"),
        Step(
            "code_interpreter", "code_execution", '{"code": "print(6*7)"}', "42", "done"
        ),
        Step("moon", "fly", "", "", "running"),
    )
    html = shown(steps=steps)["text/html"]
    assert '<details class="grok-nb-steps"' in html
    assert "<summary>4 steps</summary>" in html
    assert "web search: search <code>xai &lt;news&gt;</code>" in html
    assert "X search: x_keyword_search (failed) <code><span>$</span>5</code>" in html
    assert "code <code>print(6*7)</code><pre>42</pre>" in html
    assert "moon: fly (running)" in html
    assert "found" not in html  # what matters of it is cited
    assert html.index("<details") > html.index("grok-nb-text")
    running = reply_bundle(Reply(steps=steps, choices=(Choice(text="T"),)))["text/html"]
    assert running.index("<details") < running.index("grok-nb-text")
    assert '<details class="grok-nb-steps"' in html
    assert " open><summary>" in running
    assert " open><summary>" not in html
    assert "<summary>1 step</summary>" in shown(steps=steps[:1])["text/html"]


@pytest.mark.parametrize("number", range(40))
def test_hostile_titles_addresses_and_steps_run_nothing(number: int) -> None:
    bad = document(number)
    cited = (Citation(bad, bad), Citation(f"https://x.ai/{bad}", bad))
    steps = (
        Step(bad, bad, bad, bad, bad),
        Step("code_interpreter", "", bad, bad, "done"),
    )
    assert violations(shown(*cited, steps=steps)["text/html"]) == []


@given(st.text(), st.text())
def test_any_title_and_address_are_shown_safely(title: str, address: str) -> None:
    for url in (address, f"https://{address}"):
        html = shown(Citation(url, title), steps=(Step(title, address),))["text/html"]
        assert violations(html) == []


def test_the_same_reply_looks_the_same_at_every_run() -> None:
    made = [shown(Citation(URL, "1"), steps=(Step("web_search"),)) for _ in range(2)]
    assert made[0] == made[1]
