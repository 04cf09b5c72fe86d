"""Opening pictures: what is in their bytes, never what their names claim."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grok_nb._sandbox import images
from grok_nb._sandbox.errors import ApiError

from . import colours

if TYPE_CHECKING:
    from PIL import Image

# A decoded pixel takes four bytes; cameras make up to 50 million of them.
MAX_PIXELS = 2**26
_SAMPLES = 96
_OPAQUE = 128
_TOP_COLOURS = 5
# What decoders raise for damaged bytes, besides the errors of reading a file.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError)


def missing_pillow() -> ApiError:
    """Build the answer of a sandbox that can neither open nor draw pictures."""
    return ApiError(
        501,
        "unavailable",
        "The sandbox opens and draws pictures with Pillow, which is not installed "
        'here: pip install "grok-nb[sandbox]"',
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """
    What a picture shows.

    Parameters
    ----------
    size : Size
        Format, width and height.
    colours : tuple of tuple of str and int
        Names and shares in percent, the largest first; of what can be seen.
    transparent : int or None
        Percent of the pixels that cannot be seen; None without an alpha channel.
    """

    size: images.Size
    colours: tuple[tuple[str, int], ...]
    transparent: int | None

    def described(self) -> str:
        """Tell it in a line."""
        shares = ", ".join(f"{name} {share} %" for name, share in self.colours)
        parts = [f"{self.size.format}, {self.size.width} x {self.size.height} pixels"]
        parts.append(shares or "nothing to be seen")
        parts.append(f"{self.transparent or 0} % transparent")
        return "; ".join(parts)

    def labelled(self) -> str:
        """Tell it as labels and values, from which schemas are filled."""
        names = [name for name, _ in self.colours]
        lines = [
            f"Format: {self.size.format}",
            f"Width: {self.size.width}",
            f"Height: {self.size.height}",
            f"Main colour: {names[0] if names else 'none'}",
            f"Colours: {', '.join(names) or 'none'}",
            f"Transparent: {'yes' if self.transparent else 'no'}",
        ]
        return "\n".join(lines)


def load(data: bytes, max_bytes: int) -> tuple[images.Size, Image.Image]:
    """
    Decode a picture.

    Raises
    ------
    ValueError
        Saying why it cannot be used.
    ApiError
        501 without Pillow.
    """
    size = images.checked(data, max_bytes)
    if size.width * size.height > MAX_PIXELS:
        raise ValueError(
            f"{size.width} x {size.height} pixels are more than the {MAX_PIXELS} that "
            "the sandbox decodes"
        )
    try:
        from PIL import Image
    except ImportError:
        raise missing_pillow() from None
    try:
        with warnings.catch_warnings():
            # Its own warning of large sizes is a smaller bound than the one above.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
            if image.size != (size.width, size.height):
                raise ValueError("its headers contradict each other")
            image.load()
    except _DAMAGE as problem:
        raise ValueError(f"the {size.format} is damaged: {problem}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"the {size.format} has too many pixels") from None
    return size, image


def look(data: bytes, max_bytes: int) -> Picture:
    """
    Decode a picture and look at it.

    Raises
    ------
    ValueError
        Saying why it cannot be used.
    ApiError
        501 without Pillow.
    """
    size, image = load(data, max_bytes)
    has_alpha = image.has_transparency_data
    small = _sampled(image)
    counted: Counter[str] = Counter()
    hidden = 0
    for number, pixel in small.getcolors(_SAMPLES * _SAMPLES) or ():
        red, green, blue, alpha = pixel  # type: ignore[misc] # of RGBA
        if alpha < _OPAQUE:
            hidden += number
        else:
            counted[colours.name_of(red, green, blue)] += number
    seen = counted.total()
    shares = [(name, round(100 * n / seen)) for name, n in counted.most_common()]
    main = tuple((name, share) for name, share in shares if share)[:_TOP_COLOURS]
    percent = round(100 * hidden / (small.width * small.height))
    return Picture(size, main, percent if has_alpha else None)


def _sampled(image: Image.Image) -> Image.Image:
    """Take some of the pixels as they are: means would have colours of their own."""
    from PIL import Image

    size = min(image.width, _SAMPLES), min(image.height, _SAMPLES)
    small = image.resize(size, Image.Resampling.NEAREST)
    return visible(small)


def visible(image: Image.Image) -> Image.Image:
    """Give a picture of any kind in eight bits of red, green, blue and alpha."""
    if image.mode.startswith("I"):
        # Sixteen bits of grey would be cut off, not scaled.
        image = image.convert("I").point(lambda level: level / 256).convert("L")
    return image.convert("RGBA")
