"""What the sandbox keeps, what it reads out of a prompt, and what pictures cost."""

from __future__ import annotations

import io
import json
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from PIL import Image

from grok_nb._sandbox import catalog
from grok_nb._sandbox.media import attachments, colours, drawing, opening
from grok_nb._sandbox.shelf import Shelf


class Shelves(RuleBasedStateMachine):
    """A shelf against a dictionary of the same things."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf: Shelf[int] = Shelf(100)
        self.known: dict[str, tuple[int, int, float]] = {}
        self.now_s = 0.0
        self.count = 0

    names = st.sampled_from("abcde")

    @rule(name=names, size=st.integers(0, 60), lives_s=st.integers(1, 9) | st.none())
    def put(self, name: str, size: int, lives_s: int | None) -> None:
        self.count += 1
        self.shelf.put(name, self.count, size, self.now_s, lives_s)
        self.clean()
        self.known.pop(name, None)
        until = float("inf") if lives_s is None else self.now_s + lives_s
        self.known[name] = (self.count, size, until)
        while sum(one[1] for one in self.known.values()) > 100 and len(self.known) > 1:
            del self.known[next(iter(self.known))]

    @rule(name=names)
    def take(self, name: str) -> None:
        self.clean()
        expected = self.known.pop(name, (None,))[0]
        assert self.shelf.take(name, self.now_s) == expected
        assert self.shelf.get(name, self.now_s) is None

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @invariant()
    def is_the_same(self) -> None:
        self.clean()
        expected = [one[0] for one in self.known.values()]
        assert self.shelf.items(self.now_s) == expected
        assert self.shelf.bytes == sum(one[1] for one in self.known.values())
        for name, one in self.known.items():
            assert self.shelf.get(name, self.now_s) == one[0]

    def clean(self) -> None:
        self.known = {k: one for k, one in self.known.items() if one[2] > self.now_s}


TestShelves = Shelves.TestCase
TestShelves.settings = settings(max_examples=60, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("a red circle on a blue background", "1 red circle on a blue background"),
        ("Three green squares", "3 green square on a pale background"),
        ("3 stars and 12 hearts", "3 yellow star, 12 red heart on a pale background"),
        ("black sky with a moon", "1 beige circle on a black background"),
        ("A cat in a tree", "1 grey cat, 1 green tree on a pale background"),
        ("an orange", "1 orange circle on a pale background"),
        ("an orange square", "1 orange square on a pale background"),
        ("Navy, crimson and gold", "1 red circle, 1 yellow circle on a blue backgr"),
        ("0 stars", "1 yellow star on a pale background"),
        ("\N{SUPERSCRIPT TWO} stars", "1 yellow star on a pale background"),
        ("Grüezi!", "no shapes on a pale background"),
    ],
)
def test_a_prompt_is_read(prompt: str, told: str) -> None:
    assert drawing.plan(prompt).told().startswith(told)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(["99", "red", "stars", "sky", "tree", "two", "house", "cat"]),
        max_size=40,
    ).map(" ".join),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_prompt_is_drawn(prompt: str, sides: tuple[int, int]) -> None:
    size = sides[0] * 16, sides[1] * 16
    data = drawing.draw(drawing.plan(prompt), size)
    assert opening.look(data, 10**7).size.width == size[0]
    assert drawing.draw(drawing.plan(prompt), size) == data


def test_every_colour_is_painted_and_named_alike() -> None:
    for name, paint in colours.PAINT.items():
        assert colours.name_of(*paint) == name
        assert colours.of_word(name) == name
    assert colours.of_word("gray") == "grey"
    assert colours.of_word("cat") is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "[File a]\n"),
        ("\ufeffGrüezi".encode(), "[File a]\nGrüezi"),
        (b"a\x00b", "[File a: 3 bytes that are no text]"),
        (b"\xff\xfe", "[File a: 2 bytes that are no text]"),
    ],
)
def test_the_content_of_a_file_decides(content: bytes, text: str) -> None:
    part = attachments.as_part("a", content)
    assert part.type == "text"
    assert part.text == text


def test_pictures_cost_what_the_price_list_says() -> None:
    text = resources.files("grok_nb").joinpath("prices.json").read_text()
    listed = {
        one["id"]: {
            " ".join(filter(None, (price.get("quality"), price["resolution"]))): (
                price["ticks"]
            )
            for price in one["images"]
        }
        for one in json.loads(text)["models"]
        if one["kind"] == "image" and one["status"] == "current"
    }
    served = {
        model.id: {
            key: ticks for key, ticks in model.pictures.items() if key != "input"
        }
        for model in catalog.load().current("image")
    }
    assert served == listed
    # What is not in that list; source: pricing.json, input_usd_per_image.
    given = {m.id: m.pictures["input"] for m in catalog.load().current("image")}
    assert given == {
        "grok-imagine-image": 20_000_000,
        "grok-imagine-image-2.0": 100_000_000,
    }


def test_the_words_of_an_edit_do_not_lie_on_older_ones() -> None:
    words = "a fox that runs through the snow at night"
    old = Image.open(io.BytesIO(drawing.draw(drawing.plan(words), (1024, 1024))))
    new = drawing.draw(drawing.plan("a star"), (1024, 1024), given=(old,))
    # where the old words go on, and the new ones have ended
    area = (400, 1024 - 70, 700, 1024 - 20)
    shades = [
        max(high - low for low, high in picture.crop(area).getextrema())
        for picture in (old, Image.open(io.BytesIO(new)))
    ]
    assert shades[0] > 100  # there they are
    assert shades[1] < 10
