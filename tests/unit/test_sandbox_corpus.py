"""The corpus of the sandbox: what is in it, and how it is searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import corpus


def found(wanted: str, limit: int = 5, **fields: object) -> list[str]:
    def allows(page: corpus.Page) -> bool:
        return all(getattr(page, name) == value for name, value in fields.items())

    return [page.url for page in corpus.search(wanted, allows, limit)]


def test_everything_in_it_is_made_up_and_can_be_told_apart() -> None:
    urls = [page.url for page in corpus.pages()]
    media = [m for p in corpus.pages() for m in (p.image, p.video) if m]
    assert len(urls) == len(set(urls)) >= 40
    for url in [*urls, *(medium.url for medium in media)]:
        assert url.startswith("https://")
        assert url.split("/")[2].endswith(".example")
    hosts = {page.host for page in corpus.pages() if page.kind == "web"}
    handles = {page.handle for page in corpus.pages() if page.kind == "x"}
    assert len(hosts) >= 10
    assert len(handles) >= 6
    kinds = [(page.kind, bool(page.image), bool(page.video)) for page in corpus.pages()]
    assert {("web", True, False), ("x", True, False), ("x", False, True)} < set(kinds)
    # Those who post in the newer part can be looked up.
    assert {profile.handle for profile in corpus.profiles()} <= handles


@pytest.mark.parametrize(
    ("wanted", "best"),
    [
        ("When was tram line 14 in Bern opened?", "tramways.example/bern/line-14"),
        ("planet Orsa moons", "observatory.example/planet-orsa"),
        ("Who won the cheese prize?", "cheese.example/prize-2026"),
        ("How high is Mount Ketter?", "mountain.example/ketter"),
        ("Install the Pebble library", "quick-code.example/pebble/install"),
        ("opening hours of the library", "library.example/opening-hours"),
    ],
)
def test_the_best_page_comes_first(wanted: str, best: str) -> None:
    assert found(wanted, kind="web")[0] == f"https://{best}"


@pytest.mark.parametrize(
    "wanted",
    ["", "?", "the of and", "zyzzyva", "population of Atlantis", "capital of France"],
)
def test_what_is_not_there_is_not_found(wanted: str) -> None:
    assert found(wanted) == []


def test_a_rare_word_says_more_than_a_common_one() -> None:
    # Many pages are about Valdor, two about Ketter.
    assert "ketter" in found("Valdor Ketter", kind="web")[0]
    assert "ketter" not in found("Valdor cheese", kind="web")[0]


@given(st.text(max_size=60), st.integers(1, 8))
def test_every_hit_shares_a_word_and_no_more_come_than_asked(
    wanted: str, limit: int
) -> None:
    terms = set(corpus.terms(wanted))
    hits = corpus.search(wanted, lambda _: True, limit)
    assert len(hits) <= limit
    for page in hits:
        text = f"{page.title} {page.text} {page.handle or ''}"
        assert terms & set(corpus.terms(text))


@given(st.sampled_from(corpus.pages()))
def test_a_page_is_found_by_its_title_and_text(page: corpus.Page) -> None:
    hits = corpus.search(f"{page.title} {page.text}", lambda _: True, 3)
    assert page in hits


@given(st.sampled_from(corpus.pages()), st.text(max_size=30))
def test_the_quoted_sentence_is_the_pages_own(page: corpus.Page, wanted: str) -> None:
    assert corpus.sentence(page, wanted) in page.text


@pytest.mark.parametrize(
    ("host", "sites", "is_of"),
    [
        ("a.example", ["a.example"], True),
        ("b.a.example", ["a.example"], True),
        ("a.example", ["https://www.A.example/page"], True),
        ("ba.example", ["a.example"], False),
        ("a.example", ["b.a.example"], False),
        ("a.example", ["", "/"], False),
        ("a.example", [], False),
    ],
)
def test_sites_are_whole_names(host: str, sites: list[str], *, is_of: bool) -> None:
    assert corpus.is_of(host, sites) is is_of
