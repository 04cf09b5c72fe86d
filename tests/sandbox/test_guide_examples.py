"""Every example of xAI's guides has a test, or a reason why it cannot run.

`guide_examples.csv` has one line per example: guide, page and heading, kind, which one of
this kind under the heading, at how many places it is (the crawl of 2024-12 repeats its
pages), the test that runs it with its fields and values, and a note: why it cannot run,
or what is changed besides base URL, key and client. The body of an answer belongs to the
request that it answers. Pages without any example are listed, too.

The guides: docs.x.ai as of 2024-12-25, 2025-02, 2025-05 and 2025-12, and a third party's
note of 2025-11-08.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.support import ROOT

HERE = Path(__file__).parent
TABLE = HERE / "guide_examples.csv"

CANNOT_RUN = {
    "JavaScript": "for a client in JavaScript; its request has lines of other kinds",
    "console": "of accounts, bills and pages of the console; no request",
    "editor": "the configuration of an editor",
    "key": "sets a variable to a placeholder of a key",
    "prose": "a page of text that shows no request",
    "tab": "a tab that the guide names, whose text it does not hold",
}
CHANGED = {
    "comma": "no valid code or JSON: a comma is missing, or one too many",
    "empty": "a body with empty values; each field gets one that means something",
    "fragment": "a part; the rest of the request is from the page, or ours",
    "gRPC": "xai_sdk speaks gRPC; the same request is sent over REST",
    "id": "the note has an id with a prefix; the API's is bare",
    "never": "an answer that no report of the API has; it gives another",
    "path": "method and path only; the body is ours",
    "picture": "the guide leaves the picture open; it is ours",
    "pseudocode": "in no language; run as the Python that follows it",
    "shell": "no valid shell as it is printed: line ends, a doubled option or the key",
    "tokens": "counted with a tokenizer that is not public",
    "words": "the words of a model; the sandbox has its own",
}
KINDS = {
    "answer", "curl", "javascript", "json", "page", "prose", "python anthropic",
    "python litellm", "python openai", "python requests", "python xai_sdk", "request",
    "shell", "tab javascript", "tab other", "text",
}  # fmt: skip
#: Number of lines and of places in each guide, counted in the guides themselves.
GUIDES = {
    "2024-12": (34, 256),
    "2025-02": (24, 24),
    "2025-05": (128, 128),
    "2025-11": (15, 15),
    "2025-12": (37, 37),
}

Line = dict[str, str]


def lines() -> list[Line]:
    with TABLE.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def problems(table: list[Line], tests: set[str]) -> list[str]:
    """Return what is open or wrong in a table."""
    found = []
    seen: Counter[tuple[str, ...]] = Counter()
    for line in table:
        names = ("guide", "page", "heading", "kind", "nth")
        where = tuple(line[name] for name in names)
        name = " | ".join(where)
        seen[where] += 1
        if seen[where] > 1:
            found.append(f"{name}: is there twice")
        if line["guide"] not in GUIDES or line["kind"] not in KINDS:
            found.append(f"{name}: of no guide or kind")
        if line["test"]:
            if line["note"] not in {"", *CHANGED}:
                found.append(f"{name}: changed for no known reason: {line['note']}")
            if line["test"] not in tests:
                found.append(f"{name}: there is no test {line['test']}")
        elif line["note"] not in CANNOT_RUN:
            found.append(f"{name}: neither a test nor a reason: {line['note']}")
        elif line["kind"].startswith(("python", "curl")):
            found.append(f"{name}: Python and curl can run")
    return found


class Collected:
    """A plugin that keeps the names of what is collected."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            name = item.nodeid.removeprefix("tests/sandbox/")
            self.names |= {name, name.partition("[")[0]}


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The tests of the modules that the table names, as pytest collects them."""
    modules = {line["test"].partition("::")[0] for line in lines()} - {""}
    paths = [str(HERE / name) for name in sorted(modules)]
    found = Collected()
    # In this process: another one would take seconds to load the plugins.
    code = pytest.main(
        ["--collect-only", "-qq", "-p", "no:cacheprovider", "-p", "no:faulthandler",
         f"--rootdir={ROOT}", *paths],
        plugins=[found],
    )  # fmt: skip
    assert code == 0
    return found.names


def test_no_line_is_open(tests: set[str]) -> None:
    assert problems(lines(), tests) == []


def test_every_example_is_listed() -> None:
    """The guides are not here: this holds the numbers counted in them."""
    table = lines()
    counted = {
        guide: (len(own), sum(int(line["places"]) for line in own))
        for guide in GUIDES
        for own in [[line for line in table if line["guide"] == guide]]
    }
    assert counted == GUIDES
    used = {line["note"] for line in table} - {""}
    assert used == {*CANNOT_RUN, *CHANGED}
    assert {line["kind"] for line in table} == KINDS


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"test": "", "note": ""}, "neither a test nor a reason"),
        ({"test": "", "note": "no time"}, "neither a test nor a reason"),
        ({"test": "", "note": "key"}, "Python and curl can run"),
        ({"test": "test_guides.py::test_none"}, "there is no test"),
        ({"note": "more"}, "changed for no known reason"),
        ({"kind": "fortran"}, "of no guide or kind"),
    ],
    ids=lambda value: ",".join(value.values()) if isinstance(value, dict) else None,
)
def test_a_planted_line_is_noticed(
    tests: set[str], change: dict[str, str], problem: str
) -> None:
    table = lines()
    place = next(i for i, line in enumerate(table) if line["kind"] == "curl")
    table[place] |= change
    (found,) = problems(table, tests)
    assert problem in found


def test_a_line_that_is_there_twice_is_noticed(tests: set[str]) -> None:
    table = lines()
    (found,) = problems([*table, table[0]], tests)
    assert "is there twice" in found
