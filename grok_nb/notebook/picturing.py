"""``%grok_image`` and ``%%grok_image``: pictures, drawn or changed, in the notebook."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from IPython.core.magic import cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from grok_nb.errors import BadRequest, GrokError

from .asking import attached, brief, default, parent_of
from .options import PICTURE, OptionError, help_text, parse
from .verbatim import typed_body
from .wording import option_error

if TYPE_CHECKING:
    from grok_nb.api.images import Images

IMAGE_HELP = help_text(
    """%grok_image [options] PROMPT - draw pictures, or change those of -a.

Everything after the options is the prompt, verbatim; %%grok_image takes the cell's body.
The pictures are kept in the notebook. {{name}} puts a variable into the prompt.""",
    PICTURE,
    """Examples
  %grok_image -n 4 -o foxes a red fox in the snow
  %grok_image -a {{foxes[0]}} the same fox at night
  %grok_image -a photo.jpg -a {{fig}} the photo in the style of the plot
foxes[0].save("fox") writes a file.""",
)
#: what messages call options otherwise
_ALSO = {"images": "--attach", "model": "--model"}
_DRAWN = ("n", "aspect_ratio", "resolution", "quality")


@magics_class
class Picturing:
    """The magics that draw; a part of `GrokMagics`."""

    magics: ClassVar[dict[str, dict[str, str]]]  # IPython's: kind, name, method
    shell: Any
    origin: Any
    require_key: Any

    @no_var_expand
    @line_magic
    def grok_image(self, line: str) -> None:  # noqa: D102 - IMAGE_HELP
        with brief():
            options, prompt = parse(line, PICTURE)
            self._drawn(prompt, options)

    @no_var_expand
    @cell_magic("grok_image")
    def grok_image_cell(self, line: str, cell: str) -> None:  # noqa: D102 - IMAGE_HELP
        with brief():
            options, rest = parse(line, PICTURE)
            if rest:
                raise OptionError(
                    f"Unexpected text on the option line: {rest[:40]!r}.",
                    hint="The prompt is the cell's body, below this line.",
                )
            code = parent_of(self.shell).get("content", {}).get("code", "")
            self._drawn(typed_body(cell, code), options)

    def _drawn(self, prompt: str, options: dict[str, Any]) -> None:
        from grok_nb.api import images as api

        from .interpolate import interpolate

        if options.get("help"):
            display({"text/plain": IMAGE_HELP}, raw=True)
            return
        names, notes = self.shell.user_ns, []  # type: ignore[var-annotated]  # of text
        if not options.get("raw"):
            prompt = interpolate(prompt, names, notes)
        if not prompt.strip():
            raise OptionError(
                "There is nothing to draw.", hint="%grok_image a red fox in the snow"
            )
        given = [attached(text, names, notes) for text in options.get("attach", [])]
        given = [one for thing in given for one in _pictures_in(thing)]
        grok, model = default().session(), options.get("image_model")
        asked = {name: options.get(name) for name in _DRAWN}
        try:
            body = api.image_body(grok.price_table, prompt, model, **asked)
            if given:
                body["images"] = api.sources(None, given)
        except BadRequest as error:
            raise option_error(error, PICTURE, _ALSO) from None
        if options.get("dry_run"):
            _show_dry_run(body, grok, notes)
            return
        self.require_key()
        how = {"timeout_s": options.get("timeout_s"), "origin": self.origin()}
        if given:
            sources = body["images"]
            images = grok.edit_images(
                prompt, images=sources, model=model, **asked, **how
            )
        else:
            images = grok.generate_images(prompt, model, **asked, **how)
        if options.get("out"):
            names[options["out"]] = images  # paid for, whatever becomes of the rest
        images, missing = _embedded(images, grok)
        if options.get("out"):
            names[options["out"]] = images
        if not options.get("quiet"):
            if notes + missing:
                from grok_nb.show.render import notes_bundle

                display(notes_bundle(notes + missing), raw=True)
            display(images)


def _pictures_in(thing: Any) -> list[Any]:
    from grok_nb.api.images import Images

    return list(thing) if isinstance(thing, (Images, list, tuple)) else [thing]


def _embedded(images: Images, grok: Any) -> tuple[Images, list[str]]:
    """Fetch pictures of which only an address came: it would expire."""
    found, missing = [], []
    for image in images:
        if image.data is None and image.url is not None:
            try:
                image = grok.download(image)  # noqa: PLW2901 - the same, with its bytes
            except GrokError as error:
                missing.append(
                    f"A picture came as an address only and could not be fetched, so "
                    f"it is not in the notebook: {error} {error.hint}".rstrip()
                )
        found.append(image)
    return dataclasses.replace(images, images=tuple(found)), missing


def _show_dry_run(body: dict[str, Any], grok: Any, notes: list[str]) -> None:
    from grok_nb import pricing
    from grok_nb.show.render import dollars, listing_bundle

    from .preview import readable

    inputs = body.get("images", [])
    model = grok.price_table.find(body["model"])
    ticks = model and pricing.image_ticks(
        model,
        body.get("n", 1),
        resolution=body.get("resolution"),
        quality=body.get("quality"),
        inputs=len(inputs),
    )
    path = "/images/edits" if inputs else "/images/generations"
    facts = [
        ("model", body["model"]),
        ("sent to", f"POST {grok.settings.base_url.rstrip('/')}{path}"),
        *((name, str(body[name])) for name in _DRAWN if name in body),
        *(("to be changed", readable(str(one.get("url", one)))) for one in inputs),
        (
            "price",
            f"unknown: no price list has {body['model']}"
            if ticks is None
            else dollars(ticks / pricing.TICKS_PER_USD),
        ),
    ]
    texts = [("prompt", body["prompt"])]
    display(listing_bundle("Dry run: nothing was sent.", facts, texts, notes), raw=True)


for _magic in (Picturing.grok_image, Picturing.grok_image_cell):
    _magic.__doc__ = IMAGE_HELP
