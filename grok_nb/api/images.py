"""Pictures: what is asked for, what came, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grok_nb import attachments, pictures, pricing
from grok_nb.errors import BadRequest, GrokError, NotFound, ServerFault
from grok_nb.reply import Origin, Usage

from . import gate
from .chat import check_model
from .exchange import Call
from .parameters import NUMBER, WHOLE, WORD, Rules, checked
from .stream import Fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grok_nb.pricing import Model, PriceTable
    from grok_nb.reply import CostSource

    from .exchange import Exchange

GENERATIONS, EDITS = "/images/generations", "/images/edits"
#: name -> (what it must be, lowest, highest). Source: xai-api.md section 7.1.
PARAMETERS: Rules = {
    "n": (WHOLE, 1, 10),
    "aspect_ratio": (WORD, 0, 0),
    "resolution": (WORD, 0, 0),
    "quality": (WORD, 0, 0),
    "response_format": (WORD, 0, 0),
    "user": (WORD, 0, 0),
}
ASPECT_RATIOS = (
    *("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9"),
    *("9:20", "20:9", "1:2", "2:1", "21:9", "5:2", "auto"),
)
QUALITIES = ("low", "medium", "auto")
FORMATS = ("b64_json", "url")
#: Since 2026-08; three before. Source: xai-api.md section 7.2.
MOST_INPUTS = 5
#: Bytes of a picture that is fetched.
_LARGEST_FETCHED = 50_000_000


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One picture that was made; in a notebook it shows itself.

    Attributes
    ----------
    data : bytes or None
        The file's bytes as they came; ``None`` where only a URL came, or nothing.
    mime_type : str or None
        By content, e.g. ``"image/jpeg"``.
    url : str or None
        Temporary (about an hour). `Grok.download` fetches it.
    revised_prompt : str or None
        Only models of 2025 gave one.
    moderated : bool
        Whether the server says that moderation took it back.
    raw : object
        The entry as it came.
    """

    data: bytes | None = None
    mime_type: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    moderated: bool = False
    raw: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def read(cls, entry: object) -> GeneratedImage:
        """Read one entry of an answer, of any vintage."""
        said = entry if isinstance(entry, Mapping) else {}
        texts = {
            name: value if isinstance(value := said.get(name), str) and value else None
            for name in ("b64_json", "url", "revised_prompt", "mime_type")
        }
        data, url = None, texts["url"]
        for text in (texts["b64_json"], url):
            if data is None and text is not None:
                data = _bytes_in(text, is_url=text is url)
        if url is not None and url[:5].lower() == "data:":
            url = None
        by_content = None if data is None else pictures.mime_type_of(data)
        return cls(
            data=data,
            mime_type=by_content or texts["mime_type"],
            url=url,
            revised_prompt=texts["revised_prompt"],
            moderated=said.get("respect_moderation") is False,
            raw=entry,
        )

    def save(self, path: str | Path) -> Path:
        """Write the bytes to a file, as they came.

        Parameters
        ----------
        path
            A name without a suffix gets the one of its type, ``.jpg`` or ``.png``.

        Returns
        -------
        pathlib.Path
            Of the file.

        Raises
        ------
        GrokError
            There are no bytes: only a URL came, or moderation took the picture back.
        OSError
            The file cannot be written.
        """
        if self.data is None:
            raise GrokError(
                f"There is nothing to save: {self._what()}.",
                hint="grok.download(image).save(...) fetches it." if self.url else "",
            )
        try:
            target = Path(path).expanduser()
        except RuntimeError as error:  # ~ of nobody
            raise GrokError(f"{path} is no place to save to: {error}") from None
        if not target.suffix:
            kind = (self.mime_type or "image/jpeg").rpartition("/")[2]
            target = target.with_suffix("." + {"jpeg": "jpg"}.get(kind, kind))
        target.write_bytes(self.data)
        return target

    def _what(self) -> str:
        if self.data is not None:
            look = pictures.look_at(self.data)
            size = f", {look.width} x {look.height}" if look else ""
            return f"{self.mime_type or 'unknown type'}{size}, {len(self.data):,} bytes"
        if self.url is not None:
            return f"not fetched from {self.url}"
        return "taken back by moderation" if self.moderated else "no picture came"

    def __repr__(self) -> str:
        return f"<GeneratedImage {self._what()}>"

    def _repr_png_(self) -> bytes | None:
        return self.data if self.mime_type == "image/png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.mime_type == "image/jpeg" else None

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import picture_bundle

        return picture_bundle(self.mime_type, self.data, repr(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The pictures of one request; in a notebook they show themselves.

    Attributes
    ----------
    images : tuple of GeneratedImage
        One per entry of the answer, in its order; also those without a picture.
    usage : Usage or None
    cost_usd : float or None
        USD; ``None`` when unknown.
    cost_source : {"reported", "computed", "estimated", "none"}
    model, request_id : str or None
    prompt : str or None
        What they were asked to show.
    attempts, attempts_in_doubt : int
        As of a `Reply`.
    sandbox : bool
        Whether the sandbox drew them, which is no image model.
    raw : dict
        The parsed JSON as it came.

    Notes
    -----
    Source: xai-api.md section 7.
    """

    images: tuple[GeneratedImage, ...] = ()
    usage: Usage | None = None
    cost_ticks: int | None = None
    cost_source: CostSource = "none"
    model: str | None = None
    request_id: str | None = None
    prompt: str | None = None
    attempts: int = 1
    attempts_in_doubt: int = 0
    sandbox: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def cost_usd(self) -> float | None:
        """Cost in USD; ``None`` when unknown."""
        ticks = self.cost_ticks
        return None if ticks is None else ticks / pricing.TICKS_PER_USD

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[GeneratedImage]:
        return iter(self.images)

    def __getitem__(self, position: int) -> GeneratedImage:
        return self.images[position]

    def __repr__(self) -> str:
        marks = ", sandbox, not Grok" if self.sandbox else ""
        return f"<Images {len(self)} by {self.model or 'no model'}{marks}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.render import pictures_bundle

        facts = [self.model or "no model"]
        if self.cost_ticks is not None:
            about = "about " if self.cost_source == "estimated" else ""
            facts.append(f"{about}{_dollars(self.cost_ticks)}")
        if self.sandbox:
            facts.append("sandbox, not Grok")
        shown = [(image.mime_type, image.data, repr(image)) for image in self.images]
        alt = self.prompt or ""
        return pictures_bundle(shown, " · ".join(facts), repr(self), alt)


class ImageFold(Fold):
    """Takes the answer of both endpoints; see `Fold`."""

    def __init__(
        self, request: Mapping[str, Any], choices: int = 1, *, inputs: int = 0
    ) -> None:
        super().__init__(request, choices)
        self.images: tuple[GeneratedImage, ...] = ()
        self._inputs = inputs

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole answer; what has no list of pictures is none."""
        entries = data.get("data")
        if isinstance(entries, list) and entries:
            self.has_choice = True
            self.images = tuple(map(GeneratedImage.read, entries))
        given = Usage.from_chat(data.get("usage"))
        # without ticks the number of pictures is what the price list needs
        self.usage = Usage() if given is None and self.has_choice else given
        self.usage_is_final = self.usage is not None
        if isinstance(model := data.get("model"), str):
            self.head = {"model": model}
        self.marked_done = True
        self.data = data

    def price(
        self,
        table: PriceTable,
        model: str | None,
        usage: Usage,  # noqa: ARG002 - pictures are counted
        base_url: str,  # noqa: ARG002 - they cost the same everywhere
    ) -> int | None:
        """Return what the pictures cost by the list; see `pricing.image_ticks`."""
        found = table.find(model)
        if found is None:
            return None
        came = [image for image in self.images if image.data or image.url]
        count = len(self.images) or self._choices
        # whether one that moderation took back is billed, nobody says
        self.is_exact = len(came) == count
        body = self.request["body"]
        ticks = pricing.image_ticks(
            found,
            count,
            resolution=body.get("resolution"),
            quality=body.get("quality"),
            inputs=self._inputs,
        )
        if ticks is None and found.image_ticks is not None:
            self.is_exact = False
            ticks = count * found.image_ticks
        return ticks

    def result(self) -> Images:
        """Return what came, with its cost."""
        prompt = self.request["body"].get("prompt")
        return Images(images=self.images, prompt=prompt, **self.account())


class ImageMethods:
    """The methods of the client that make pictures."""

    exchange: Exchange

    async def generate_images(
        self,
        prompt: str,
        model: str | None = None,
        *,
        n: int | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
        response_format: str = "b64_json",
        user: str | None = None,
        timeout_s: float | None = None,
        origin: Origin = Origin(),  # noqa: B008 - frozen
    ) -> Images:
        """Draw pictures: ``POST /v1/images/generations``.

        Parameters
        ----------
        prompt
            What they are to show.
        model
            Id or alias; default ``grok-imagine-image``.
        n
            How many, 1 to 10; the API's default is 1.
        aspect_ratio
            ``"1:1"``, ``"16:9"``, ``"auto"``, ...; see `ASPECT_RATIOS`.
        resolution
            ``"1k"``, ``"1.5k"`` or ``"2k"``, as far as the model has it.
        quality
            ``"low"``, ``"medium"`` or ``"auto"``; only of models that have it.
        response_format
            ``"b64_json"`` (default: an embedded picture never expires; the API's own
            default is ``"url"``) or ``"url"``: an address that lives about an hour and
            is fetched by `download` only.
        user
            Your name for who asks.
        timeout_s
            Limit of this call in seconds, retries included; default the session's.
        origin
            Where it comes from, for the ledger.

        Returns
        -------
        Images
            ``.images``, ``.usage``, ``.cost_usd``, ``.cost_source``, ``.raw``.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API. What is
            not known of a model is left to the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 7.1.

        Examples
        --------
        >>> import grok_nb as gn
        >>> with gn.sandbox() as box, gn.Grok(
        ...     api_key=box.key, base_url=box.base_url, store=":memory:"
        ... ) as grok:
        ...     grok.generate_images("a red fox in the snow").images[0].mime_type
        'image/jpeg'
        """
        body = image_body(
            self.exchange.table,
            prompt,
            model,
            n=n,
            aspect_ratio=aspect_ratio,
            resolution=resolution,
            quality=quality,
            response_format=response_format,
            user=user,
        )
        _check_call(timeout_s, origin)
        call = Call(
            GENERATIONS, body, fold=ImageFold, timeout_s=timeout_s, origin=origin
        )
        return await self._pictures(call)

    async def edit_images(
        self,
        prompt: str,
        image: Any = None,
        *,
        images: Sequence[Any] | None = None,
        model: str | None = None,
        n: int | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
        response_format: str = "b64_json",
        user: str | None = None,
        timeout_s: float | None = None,
        origin: Origin = Origin(),  # noqa: B008 - frozen
    ) -> Images:
        """Draw pictures after others: ``POST /v1/images/edits``.

        Parameters
        ----------
        prompt
            What is to be changed.
        image, images
            One picture, or up to five: each anything that `ask` takes as a picture for
            ``attach=``, a `GeneratedImage`, or ``{"file_id": ...}``.
        model, n, aspect_ratio, resolution, quality, response_format, user
        timeout_s, origin
            As for `generate_images`; the API's quality ``"auto"`` is medium here.

        Returns
        -------
        Images

        Raises
        ------
        BadRequest
            Before sending, where an argument or picture cannot be right, or by the API.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 7.2.
        """
        given = sources(image, images)
        body = image_body(
            self.exchange.table,
            prompt,
            model,
            n=n,
            aspect_ratio=aspect_ratio,
            resolution=resolution,
            quality=quality,
            response_format=response_format,
            user=user,
        )
        if images is None:
            body["image"] = given[0]
        else:
            body["images"] = given

        def fold(request: Mapping[str, Any], choices: int) -> ImageFold:
            return ImageFold(request, choices, inputs=len(given))

        _check_call(timeout_s, origin)
        call = Call(EDITS, body, fold=fold, timeout_s=timeout_s, origin=origin)
        return await self._pictures(call)

    async def download(self, image: GeneratedImage | str) -> GeneratedImage:
        """Fetch a picture of which only the URL came; free, and without the key.

        Parameters
        ----------
        image
            The picture, or an http(s) URL. One that has its bytes is returned as it is.

        Returns
        -------
        GeneratedImage
            With ``.data``.

        Raises
        ------
        NotFound
            It has expired: such addresses live for about an hour.
        ServerFault
            What came is no picture, or more than 50 MB.
        """
        if isinstance(image, str):
            image = GeneratedImage(url=image)
        if not isinstance(image, GeneratedImage):
            raise BadRequest(
                f"{type(image).__name__} is no picture of ours, nor a URL."
            )
        if image.data is not None:
            return image
        if image.url is None:
            raise BadRequest(f"There is nothing to fetch: {image!r}.")
        from urllib.parse import urlsplit

        address = urlsplit(attachments.web_address(image.url))
        origin = f"{address.scheme}://{address.netloc}"
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        http = self.exchange.http.at(origin)
        timeout_s = self.exchange.settings.timeout_s
        url = image.url

        async def once(deadline: float) -> bytes:
            answer = await http.send(
                "GET", path, secret=None, timeout_s=timeout_s, deadline=deadline
            )
            parts, size = [], 0
            try:
                if answer.status != 200:
                    raise _not_fetched(url, answer.status)
                async for piece in answer.pieces():
                    parts.append(piece)
                    size += len(piece)
                    if size > _LARGEST_FETCHED:
                        raise _no_picture(url, "more than 50 MB")
            finally:
                await answer.close()
            return b"".join(parts)

        try:
            data = await self.exchange.repeated(once)
        finally:
            await http.close()
        kind = pictures.mime_type_of(data)
        if kind is None:
            raise _no_picture(url, f"{len(data):,} bytes of something else")
        return GeneratedImage(
            data, kind, url, image.revised_prompt, image.moderated, image.raw
        )

    async def _pictures(self, call: Call) -> Images:
        async for _ in self.exchange.run(call):
            pass
        assert isinstance(call.fold, ImageFold)  # noqa: S101 - it was made so above
        return call.fold.result()


def image_body(
    table: PriceTable, prompt: str, model: str | None, **options: Any
) -> dict[str, Any]:
    """Return what is sent, but for the pictures that are to be edited.

    Raises
    ------
    BadRequest
        An argument cannot be right, as far as the price list knows the model.
    """
    asked: object = prompt
    if not isinstance(asked, str) or not asked.strip():
        raise BadRequest("prompt must be text that says what the picture is to show.")
    if model is None:
        model = pricing.snapshot_default("image_model")
    check_model(model)
    gate.warn_if_retired(table, model)
    made = checked("Pictures", PARAMETERS, options)
    _check_values("response_format", made, FORMATS)
    _check_for(table.find(model), model, made)
    return {"model": model, "prompt": prompt, **made}


def _check_for(model: Model | None, name: str, options: Mapping[str, Any]) -> None:
    """Refuse what the price list knows that a model has not; unknown models pass."""
    if model is None or model.kind != "image":
        return
    resolutions = {p["resolution"] for p in model.image_prices if "resolution" in p}
    if not resolutions:  # of 2025, or a listing says too little: the API decides
        return
    if "quality" in options and not any("quality" in p for p in model.image_prices):
        raise BadRequest(
            f"{name} has no quality to choose.",
            hint="Leave it out, or take model='grok-imagine-image-2.0'.",
        )
    _check_values("quality", options, QUALITIES)
    _check_values("aspect_ratio", options, ASPECT_RATIOS)
    if options.get("resolution", "1k") not in resolutions:
        raise BadRequest(
            f"{name} has no resolution {options['resolution']!r}.",
            hint=f"It has {', '.join(sorted(resolutions))}.",
        )


def _check_call(timeout_s: object, origin: object) -> None:
    if timeout_s is not None:
        checked(
            "Pictures", {"timeout_s": (NUMBER, 0.001, 1e9)}, {"timeout_s": timeout_s}
        )
    if not isinstance(origin, Origin):
        raise BadRequest(f"origin must be an Origin, not {type(origin).__name__}.")


def _check_values(name: str, options: Mapping[str, Any], values: Sequence[str]) -> None:
    if name in options and options[name] not in values:
        raise BadRequest(
            f"{name} is {options[name]!r}.", hint=f"One of {', '.join(values)}."
        )


def sources(image: Any, images: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Return the pictures that are to be edited as the API takes them; may read files.

    Raises
    ------
    BadRequest, MissingExtra
        As of `edit_images`.
    """
    if (image is None) is (images is None):
        raise BadRequest("Give one picture as image=, or several as images=[...].")
    if images is None:
        return [_source(image, "image")]
    if isinstance(images, Images):
        images = images.images
    if not isinstance(images, (list, tuple)) or not 1 <= len(images) <= MOST_INPUTS:
        raise BadRequest(f"images must be a list of 1 to {MOST_INPUTS} pictures.")
    return [_source(thing, f"images[{at}]") for at, thing in enumerate(images)]


def _source(thing: Any, what: str) -> dict[str, Any]:
    if isinstance(thing, Mapping):
        named = thing.get("file_id", thing.get("url"))
        if isinstance(named, str) and named:
            return dict(thing)
        raise BadRequest(f"{what} is a dict without file_id or url.")
    if isinstance(thing, Images) and len(thing) == 1:
        thing = thing[0]
    if isinstance(thing, GeneratedImage) and thing.data is None:
        if thing.url is None:
            raise BadRequest(f"{what} is {thing!r}.")
        thing = thing.url
    return {"url": attachments.picture_url(thing, what)}


def _bytes_in(text: str, *, is_url: bool) -> bytes | None:
    """Return what bare base64, or a data URI, holds. Source: xai-api.md section 7.1."""
    try:
        found = pictures.split_data_uri(text)
        if found is not None:
            return found[1] or None
        return None if is_url else (pictures.from_base64(text) or None)
    except ValueError:
        return None


def _not_fetched(url: str, status: int) -> GrokError:
    if status in (403, 404, 410):
        return NotFound(
            f"There is no picture at {url} any more ({status}).",
            status=status,
            hint="Such addresses live for about an hour; "
            'response_format="b64_json" asks for the bytes themselves.',
        )
    return ServerFault(f"{url} answered {status}.", status=status, hint="Try later.")


def _no_picture(url: str, what: str) -> BadRequest:
    return BadRequest(f"What {url} holds is no picture that is fetched: {what}.")


def _dollars(ticks: int) -> str:
    from grok_nb.show.render import dollars

    return dollars(ticks / pricing.TICKS_PER_USD)
