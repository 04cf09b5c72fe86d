"""The names of colours: which one a pixel has, and what a word paints with."""

from __future__ import annotations

import functools

RGB = tuple[int, int, int]

# What a colour looks like, in light and dark; the first is what is painted with.
_LOOKS: dict[str, tuple[RGB, ...]] = {
    "black": ((0, 0, 0), (25, 25, 25)),
    "grey": ((128, 128, 128), (75, 75, 75), (170, 170, 170), (205, 205, 205)),
    "white": ((255, 255, 255), (238, 238, 238)),
    "red": ((215, 25, 30), (255, 0, 0), (139, 0, 0), (240, 90, 80)),
    "orange": ((245, 135, 15), (255, 165, 0), (255, 110, 0)),
    "yellow": ((250, 215, 20), (255, 255, 0), (240, 230, 140)),
    "green": ((30, 150, 50), (0, 255, 0), (0, 80, 0), (144, 238, 144), (110, 140, 35)),
    "cyan": ((0, 190, 200), (0, 255, 255), (0, 139, 139), (160, 235, 235)),
    "blue": ((25, 80, 215), (0, 0, 255), (0, 0, 128), (70, 150, 225), (140, 200, 240)),
    "purple": ((125, 40, 160), (75, 0, 130), (165, 45, 230), (160, 120, 220)),
    "pink": ((250, 130, 180), (255, 192, 203), (255, 20, 147), (255, 0, 255)),
    "brown": ((125, 70, 25), (90, 50, 20), (165, 105, 60)),
    "beige": ((225, 205, 165), (245, 235, 215)),
}
PAINT: dict[str, RGB] = {name: looks[0] for name, looks in _LOOKS.items()}
_OTHER_WORDS = {
    "gray": "grey",
    "silver": "grey",
    "crimson": "red",
    "scarlet": "red",
    "gold": "yellow",
    "golden": "yellow",
    "turquoise": "cyan",
    "teal": "cyan",
    "navy": "blue",
    "violet": "purple",
    "magenta": "pink",
    "tan": "beige",
}
_STEP_BITS = 3


def of_word(word: str) -> str | None:
    """Give the colour that a word of a prompt names."""
    name = _OTHER_WORDS.get(word, word)
    return name if name in PAINT else None


def name_of(red: int, green: int, blue: int) -> str:
    """Give the name of a pixel's colour."""
    step = _STEP_BITS
    return _nearest(red >> step << step, green >> step << step, blue >> step << step)


@functools.lru_cache(maxsize=32_768)
def _nearest(red: int, green: int, blue: int) -> str:
    half = 1 << _STEP_BITS >> 1
    mine = _lab(red + half, green + half, blue + half)
    return min(_KNOWN, key=lambda known: _distance(known[1], mine))[0]


def _distance(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _lab(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """Convert sRGB to CIELAB (D65), in which distances are as the eye sees them."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (red / 255, green / 255, blue / 255)
    ]
    r, g, b = linear
    x = _root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
    y = _root(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = _root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(part: float) -> float:
    return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116


_KNOWN = [(name, _lab(*look)) for name, looks in _LOOKS.items() for look in looks]
