"""Pictures drawn from a prompt: its colours, its shapes and its words."""

from __future__ import annotations

import io
import math
import random
import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import colours, opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image, ImageDraw, ImageFont

    from .colours import RGB

Point = tuple[float, float]

# About a megapixel and its multiples; sides are multiples of 16.
SIDES = {"1k": 1024, "1.5k": 1536, "2k": 2048}
_STEP = 16
MAX_FIGURES = 24
_JPEG_QUALITY = {"low": 80, "medium": 92}

_SHAPES = {
    "circle": "circle ball disc dot sphere sun moon planet apple orange coin",
    "square": "square box cube block tile rectangle window",
    "triangle": "triangle mountain pyramid hill roof",
    "star": "star",
    "heart": "heart",
    "tree": "tree fir pine forest",
    "house": "house home hut barn",
    "cat": "cat kitten",
}
_SHAPE_OF = {word: name for name, text in _SHAPES.items() for word in text.split()}
_USUAL = {
    "sun": "yellow",
    "moon": "beige",
    "apple": "red",
    "orange": "orange",
    "star": "yellow",
    "heart": "red",
    "tree": "green",
    "fir": "green",
    "pine": "green",
    "forest": "green",
    "house": "brown",
    "cat": "grey",
    "kitten": "orange",
    "mountain": "grey",
}
_GROUNDS = frozenset({"background", "sky", "wall", "ground", "sea", "field", "canvas"})
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_COUNTS |= {"eight": 8, "nine": 9, "ten": 10, "dozen": 12}
_WORD = re.compile(r"[^\W\d_]+|\d+")
_PALE: tuple[RGB, ...] = ((226, 232, 240), (240, 234, 220), (222, 238, 226))


@dataclass(frozen=True, slots=True)
class Figure:
    """A shape, its colour, and how often it is there."""

    shape: str
    colour: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What a prompt asks for.

    Parameters
    ----------
    prompt : str
        Its words.
    figures : tuple of Figure
        The shapes it names.
    ground : str or None
        The colour of the background.
    effects : frozenset of str
        ``grey``, ``mirror``: what is done to a picture that is edited.
    """

    prompt: str
    figures: tuple[Figure, ...] = ()
    ground: str | None = None
    effects: frozenset[str] = frozenset()

    def told(self) -> str:
        """Say what is drawn."""
        parts = [f"{one.count} {one.colour} {one.shape}" for one in self.figures]
        ground = f"a {self.ground} background" if self.ground else "a pale background"
        return f"{', '.join(parts) or 'no shapes'} on {ground}"


def plan(prompt: str) -> Plan:
    """Read a prompt."""
    figures: list[Figure] = []
    ground, colour, count = None, None, 1
    loose: list[str] = []
    heard = _WORD.findall(prompt.lower())
    text = " ".join(heard)
    effects = set()
    if "black and white" in text or "greyscale" in text or "grayscale" in text:
        effects.add("grey")
        heard = [word for word in heard if word not in {"black", "white"}]
    if "mirror" in text or "flip" in text:
        effects.add("mirror")
    for position, word in enumerate(heard):
        single = word.removesuffix("s")
        named = colours.of_word(word)
        # "An orange" is a fruit where no noun follows that the colour could be of.
        is_noun = word in _SHAPE_OF and position + 1 == len(heard)
        if named is not None and not is_noun:
            if colour is not None:
                loose.append(colour)
            colour = named
        elif word.isdecimal() or word in _COUNTS:
            count = (
                int(word)
                if word.isdecimal() and len(word) < 3
                else _COUNTS.get(word, 1)
            )
        elif word in _GROUNDS and colour is not None:
            ground, colour = colour, None
        elif (word in _SHAPE_OF or single in _SHAPE_OF) and len(figures) < MAX_FIGURES:
            noun = word if word in _SHAPE_OF else single
            paint = colour or _USUAL.get(noun, "blue")
            figures.append(Figure(_SHAPE_OF[noun], paint, max(1, count)))
            colour, count = None, 1
    loose += [colour] if colour else []
    if ground is None and loose:
        ground = loose.pop(0)
    figures += [Figure("circle", one) for one in loose]
    return Plan(prompt, tuple(figures), ground, frozenset(effects))


def size_of(ratio: str, resolution: str) -> tuple[int, int]:
    """Give width and height in pixels of a ratio such as ``16:9``."""
    width, _, height = ratio.partition(":")
    return fitted(float(width) / float(height), resolution)


def fitted(ratio: float, resolution: str) -> tuple[int, int]:
    """Give width and height in pixels for their quotient."""
    side = SIDES[resolution]
    ratio = min(max(ratio, 0.25), 4.0)
    width = round(side * math.sqrt(ratio) / _STEP) * _STEP
    height = round(side / math.sqrt(ratio) / _STEP) * _STEP
    return width, height


def draw(
    wanted: Plan,
    size: tuple[int, int],
    number: int = 0,
    quality: str = "medium",
    given: tuple[Image.Image, ...] = (),
) -> bytes:
    """
    Draw a JPEG; the same every time.

    Parameters
    ----------
    wanted : Plan
        What is to be seen.
    size : tuple of int
        Width and height in pixels.
    number : int, default 0
        Which of several; the shapes stand elsewhere on each.
    quality : {"low", "medium"}
        Of the compression.
    given : tuple of Image
        Pictures that are drawn on, side by side.

    Raises
    ------
    ApiError
        501 without Pillow.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise opening.missing_pillow() from None
    seed = zlib.crc32(wanted.prompt.encode()) + number
    # Not for secrets: the same prompt has to give the same picture.
    chance = random.Random(seed)  # noqa: S311
    ground = colours.PAINT[wanted.ground] if wanted.ground else _PALE[seed % len(_PALE)]
    canvas = Image.new("RGB", size, ground)
    if given:
        _lay_under(canvas, given, wanted)
    brush = ImageDraw.Draw(canvas)
    for place, figure in _places(wanted, size, chance):
        _DRAWN[figure.shape](brush, *place, colours.PAINT[figure.colour])
    font = ImageFont.load_default(max(14, round(min(size) / 28)))
    if isinstance(font, ImageFont.FreeTypeFont):
        _write(brush, font, canvas, wanted.prompt, is_edit=bool(given))
    written = io.BytesIO()
    canvas.save(written, "JPEG", quality=_JPEG_QUALITY[quality])
    return written.getvalue()


def _lay_under(
    canvas: Image.Image, given: tuple[Image.Image, ...], wanted: Plan
) -> None:
    from PIL import Image, ImageOps

    width = canvas.width // len(given)
    for number, one in enumerate(given):
        part = opening.visible(one)
        if "mirror" in wanted.effects:
            part = ImageOps.mirror(part)
        part = ImageOps.fit(part, (width, canvas.height), Image.Resampling.BILINEAR)
        canvas.paste(part, (number * width, 0), part)
    if "grey" in wanted.effects:
        canvas.paste(ImageOps.grayscale(canvas).convert("RGB"))
    if wanted.ground and not wanted.figures:
        # "Make it red": there is nothing else that the colour could be of.
        tint = Image.new("RGB", canvas.size, colours.PAINT[wanted.ground])
        canvas.paste(Image.blend(canvas, tint, 0.5))


def _places(
    wanted: Plan, size: tuple[int, int], chance: random.Random
) -> list[tuple[tuple[float, float, float], Figure]]:
    """Give each shape a cell of a grid: middle and half of the side."""
    figures = [one for one in wanted.figures for _ in range(one.count)][:MAX_FIGURES]
    if not figures:
        return []
    # The lowest sixth is for the words.
    width, height = size[0], size[1] * 5 / 6
    columns = min(len(figures), max(1, round(math.sqrt(len(figures) * width / height))))
    rows = math.ceil(len(figures) / columns)
    cell_w, cell_h = width / columns, height / rows
    reach = min(cell_w, cell_h) * 0.4
    placed = []
    for number, figure in enumerate(figures):
        x = (number % columns + 0.5) * cell_w + chance.uniform(-0.1, 0.1) * cell_w
        y = (number // columns + 0.5) * cell_h + chance.uniform(-0.05, 0.05) * cell_h
        x = min(max(x, reach), width - reach)
        placed.append(((x, max(y, reach), reach), figure))
    return placed


def _write(
    brush: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    canvas: Image.Image,
    prompt: str,
    *,
    is_edit: bool,
) -> None:
    """Write the words at the bottom, in what can be read there."""
    margin = canvas.width // 40
    lines: list[str] = [""]
    # The font knows no accents.
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", prompt)
        if not unicodedata.combining(sign)
    )
    for word in ["[sandbox]", *plain.split()][:200]:
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > canvas.width - 2 * margin and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    height = round(font.size * 1.3)
    fit = max(1, canvas.height // 6 // height)
    top = canvas.height - min(len(lines), fit) * height - margin
    strip = canvas.crop((0, top, canvas.width, canvas.height)).resize((1, 1))
    if is_edit:
        # What is drawn on has words there, too.
        area = (0, top, canvas.width, canvas.height)
        brush.rectangle(area, fill=strip.getpixel((0, 0)))
    pixel = strip.convert("L").getpixel((0, 0))
    is_dark = isinstance(pixel, int | float) and pixel < 128
    for number, line in enumerate(lines[:fit]):
        brush.text(
            (margin, top + number * height),
            line,
            font=font,
            fill="white" if is_dark else "black",
        )


def _around(
    x: float, y: float, reach: float, turns: list[tuple[float, float]]
) -> list[Point]:
    """Give points by their angle (in turns from the top) and distance."""
    return [
        (
            x + reach * far * math.sin(2 * math.pi * turn),
            y - reach * far * math.cos(2 * math.pi * turn),
        )
        for turn, far in turns
    ]


def _circle(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    brush.ellipse((x - reach, y - reach, x + reach, y + reach), fill=paint)


def _square(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    half = reach * 0.85
    brush.rectangle((x - half, y - half, x + half, y + half), fill=paint)


def _triangle(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    corners = [(x, y - reach), (x + reach, y + reach * 0.8)]
    brush.polygon([*corners, (x - reach, y + reach * 0.8)], fill=paint)


def _star(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    turns = [(tip / 10, 0.4 if tip % 2 else 1.0) for tip in range(10)]
    brush.polygon(_around(x, y, reach, turns), fill=paint)


def _heart(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    half = reach / 2
    for side in (-half, half):
        _circle(brush, x + side * 0.95, y - half * 0.6, half, paint)
    corners = [(x - reach * 0.93, y - half * 0.3), (x + reach * 0.93, y - half * 0.3)]
    brush.polygon([*corners, (x, y + reach)], fill=paint)


def _tree(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    trunk = colours.PAINT["brown"]
    brush.rectangle((x - reach / 8, y, x + reach / 8, y + reach), fill=trunk)
    for high, wide in ((-1.0, 0.5), (-0.6, 0.7), (-0.15, 0.9)):
        foot = y + (high + 0.75) * reach
        corners = [(x - wide * reach, foot), (x + wide * reach, foot)]
        brush.polygon([*corners, (x, y + high * reach)], fill=paint)


def _house(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    brush.rectangle((x - reach * 0.8, y, x + reach * 0.8, y + reach), fill=paint)
    corners = [(x - reach, y), (x + reach, y)]
    brush.polygon([*corners, (x, y - reach * 0.9)], fill=colours.PAINT["red"])


def _cat(
    brush: ImageDraw.ImageDraw, x: float, y: float, reach: float, paint: RGB
) -> None:
    _circle(brush, x, y + reach * 0.2, reach * 0.8, paint)
    for side in (-1, 1):
        ear = [
            (x + side * 0.75 * reach, y - reach),
            (x + side * 0.2 * reach, y - reach / 2),
        ]
        brush.polygon([*ear, (x + side * 0.78 * reach, y)], fill=paint)
        _circle(brush, x + side * 0.3 * reach, y, reach * 0.1, colours.PAINT["black"])


_DRAWN: dict[str, Callable[[ImageDraw.ImageDraw, float, float, float, RGB], None]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "tree": _tree,
    "house": _house,
    "cat": _cat,
}
