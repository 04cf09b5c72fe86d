"""POST /v1/images/generations and /v1/images/edits, and the pictures they leave."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import errors, exchange, schemas
from grok_nb._sandbox.books import Call
from grok_nb._sandbox.delivery import Delivered

from . import drawing, files, opening, shapes, sight

if TYPE_CHECKING:
    from PIL import Image
    from starlette.responses import Response

    from grok_nb._sandbox.catalog import Model
    from grok_nb._sandbox.delivery import Line
    from grok_nb._sandbox.desk import Desk, Incoming

    from .drawing import Plan
    from .shapes import DrawRequest, EditRequest, GivenImage

DEFAULT_MODEL = "grok-imagine-image"
# Where the pictures are, beside the API. Source: xai-api.md section 7.1.
SHOWN_AT = "/xai-imgen/"
# How long an address works; the batch documents say an hour.
LIVES_S = 3600.0
MAX_KEPT_BYTES = 256 * 1024 * 1024
# The pictures of grok-2-image had one size.
_SIZE_2025 = (1024, 768)
_PREFIX_2025 = "data:image/png;base64,"


@dataclass(frozen=True, slots=True)
class Job:
    """A valid request."""

    model: Model
    request: DrawRequest
    plan: Plan
    size: tuple[int, int]
    quality: str
    given: tuple[Image.Image, ...]
    ticks: int

    @property
    def is_of_2025(self) -> bool:
        """Whether the answer has the form of grok-2-image."""
        return _is_old(self.model)

    @property
    def number(self) -> int:
        """How many pictures are drawn."""
        return self.request.n or 1


def _is_old(model: Model) -> bool:
    return "image" not in model.input_modalities


def prepare(raw: bytes, desk: Desk, *, is_edit: bool) -> Job:
    """
    Read and check the body of a request for pictures, and open what is to be edited.

    Raises
    ------
    ApiError
        As the API answers it; sections 7 and 13 of xai-api.md.
    """
    kind = shapes.EditRequest if is_edit else shapes.DrawRequest
    return settle(schemas.read(kind, raw), desk)


def settle(request: DrawRequest, desk: Desk) -> Job:
    """
    Check a request that was read, and open what is to be edited.

    Raises
    ------
    ApiError
        As for `prepare`.
    """
    is_edit = isinstance(request, shapes.EditRequest)
    name = request.model or DEFAULT_MODEL
    resolved = desk.catalog.resolve(name)
    if resolved is None:
        raise errors.unknown_model(name)
    model = resolved.model
    if model.kind != "image" or (is_edit and _is_old(model)):
        what = "edits" if is_edit else "generation"
        raise errors.invalid(f"Model {model.id} is not served by image {what}.")
    _check(request, model)
    asked = request.quality or resolved.quality
    # Source: pricing.json: "auto is served as low for generation, medium for edits".
    auto = "medium" if is_edit else "low"
    quality = auto if asked in {None, "auto"} else asked
    has_qualities = any(key.startswith("low ") for key in model.pictures)
    price_of: str = request.resolution or "1k"
    if has_qualities:
        price_of = f"{quality} {price_of}"
    if price_of not in model.pictures:
        raise errors.invalid(
            f"Model {model.id} does not support the resolution {request.resolution}."
        )
    given: tuple[Image.Image, ...] = ()
    if isinstance(request, shapes.EditRequest):
        given = _opened(request, desk)
    return Job(
        model=model,
        request=request,
        plan=drawing.plan(request.prompt),
        size=_size(request, model, given),
        quality=quality or "medium",
        given=given,
        ticks=model.pictures[price_of] * (request.n or 1)
        + model.pictures.get("input", 0) * len(given),
    )


def _check(request: DrawRequest, model: Model) -> None:
    refused = {"size": request.size, "style": request.style}
    if not any(key.startswith("low ") for key in model.pictures):
        refused["quality"] = request.quality
    if _is_old(model):
        refused |= {
            "aspect_ratio": request.aspect_ratio,
            "resolution": request.resolution,
        }
    for parameter, value in refused.items():
        if value is not None:
            # Source: issues of 2025 and 2026 (rikkahub 1602, obot 2995).
            raise errors.invalid(f"Argument not supported: {parameter}")
    if request.n is not None and not 1 <= request.n <= shapes.MAX_PICTURES:
        raise errors.invalid(
            f"Invalid value for n: it must be 1 to {shapes.MAX_PICTURES}."
        )
    if not request.prompt.strip():
        raise errors.invalid("The prompt is empty.")
    if len(request.prompt) > model.max_prompt_length:
        raise errors.invalid(
            f"The prompt has {len(request.prompt)} characters, the model "
            f"{model.id} takes {model.max_prompt_length}."
        )
    if request.storage_options is not None:
        if request.storage_options.public_url:
            raise errors.invalid("The sandbox serves no public URLs of files.")
        files.check_lives(request.storage_options.expires_after)


def _size(
    request: DrawRequest, model: Model, given: tuple[Image.Image, ...]
) -> tuple[int, int]:
    if _is_old(model):
        return _SIZE_2025
    ratio, resolution = request.aspect_ratio or "auto", request.resolution or "1k"
    if ratio != "auto":
        return drawing.size_of(ratio, resolution)
    if given:
        return drawing.fitted(given[0].width / given[0].height, resolution)
    return drawing.size_of("1:1", resolution)


def _opened(request: EditRequest, desk: Desk) -> tuple[Image.Image, ...]:
    if (request.image is None) == (request.images is None):
        raise errors.invalid("An edit needs either image or images.")
    wanted = request.images if request.image is None else [request.image]
    if not wanted or len(wanted) > shapes.MAX_GIVEN:
        raise errors.invalid(f"images takes 1 to {shapes.MAX_GIVEN} entries.")
    return tuple(_open(one, desk) for one in wanted)


def _open(one: GivenImage, desk: Desk) -> Image.Image:
    max_bytes = sight.MAX_IMAGE_BYTES[desk.settings.vintage]
    if (one.url is None) == (one.file_id is None):
        raise errors.invalid("An image needs either url or file_id.")
    try:
        return opening.load(_bytes_of(one, desk, max_bytes), max_bytes)[1]
    except ValueError as problem:
        raise errors.invalid(f"Invalid image: {problem}.") from None


def _bytes_of(one: GivenImage, desk: Desk, max_bytes: int) -> bytes:
    if one.file_id is not None:
        return files.find(desk, one.file_id).content
    data = sight.fetched(one.url or "", max_bytes)
    if data is None:
        raise ValueError(
            "the sandbox fetches from this machine only; send it as a data URI"
        )
    return data


async def answer(incoming: Incoming, base_url: str, *, is_edit: bool) -> Delivered:
    """
    Draw what a request asks for.

    Parameters
    ----------
    incoming : Incoming
        The request.
    base_url : str
        The server's root as the client knows it, for the pictures' addresses.
    is_edit : bool
        Whether pictures are given.

    Raises
    ------
    ApiError
        For a request that is refused; it is not in the ledger, but for a throttled one.
    """
    desk = incoming.desk
    incoming.require_json()
    prepared = functools.partial(prepare, incoming.body, desk, is_edit=is_edit)
    # Beside the event loop: pictures may have to be fetched, maybe from this server.
    job = await asyncio.to_thread(prepared)
    call = Call(
        request_id=incoming.request_id,
        path=incoming.path,
        model=job.model.id,
        fault=incoming.fault.do if incoming.fault else None,
    )
    exchange.admit(incoming, call, job.model.id, 0)
    pictures = await asyncio.to_thread(drawn, job)
    call.bill({"cost_in_usd_ticks": job.ticks})
    body: dict[str, Any] = {
        "data": [_entry(job, one, desk, base_url) for one in pictures]
    }
    if not job.is_of_2025:
        body["usage"] = call.usage

    async def deliver(line: Line) -> None:
        await exchange.deliver(
            line,
            incoming,
            call,
            json.dumps(body).encode(),
            functools.partial(exchange.headers, incoming, job.model.id),
            latency_s=desk.settings.latency_s,
        )

    return Delivered(deliver)


def drawn(job: Job) -> list[bytes]:
    """Draw the pictures, each a JPEG."""
    return [
        drawing.draw(job.plan, job.size, number, job.quality, job.given)
        for number in range(job.number)
    ]


def _entry(job: Job, picture: bytes, desk: Desk, base_url: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if job.request.response_format == "b64_json":
        text = base64.b64encode(picture).decode()
        # It says png and is a JPEG, as that year's documents had it.
        entry["b64_json"] = _PREFIX_2025 + text if job.is_of_2025 else text
    else:
        name = f"temp-{uuid.uuid4()}.jpeg"
        desk.pictures.put(name, picture, len(picture), desk.unix_time(), LIVES_S)
        entry["url"] = base_url.rstrip("/") + SHOWN_AT + name
    if job.is_of_2025:
        entry["revised_prompt"] = (
            f"{job.request.prompt} The sandbox draws {job.plan.told()}."
        )
    else:
        entry["mime_type"] = "image/jpeg"
    options = job.request.storage_options
    if options is not None:
        stored = files.store(
            desk, options.filename or "image.jpeg", picture, options.expires_after
        )
        entry["file_output"] = {
            "file_id": stored.id,
            "filename": stored.filename,
            "expires_at": stored.expires_at,
        }
    return entry


def shown(incoming: Incoming, name: str) -> Response:
    """
    Serve a picture for which an address was given.

    Raises
    ------
    ApiError
        404 an hour later.
    """
    desk = incoming.desk
    picture = desk.pictures.get(name, desk.unix_time())
    if picture is None:
        raise errors.ApiError(404, "missing", "There is no such picture any more.")
    return exchange.free(incoming, picture, "image/jpeg")
