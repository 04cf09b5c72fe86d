"""Bodies of requests and answers: pictures, embeddings, files, deferred results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.schemas import Body, Whole

if TYPE_CHECKING:
    from pydantic import JsonValue

_closed = with_config(ConfigDict(extra="forbid", strict=True))

MAX_PICTURES = 10
# Source: docs.x.ai release notes (2026-08).
MAX_GIVEN = 5
MAX_INPUTS = 128
MAX_DIMENSIONS = 1024
# Seconds that a file may be kept, where it is not for ever.
FILE_LIVES_S = (3600, 2_592_000)

# Source: docs.x.ai image generation (2026-09); the two last ones since 2026-08.
Ratio = Literal[
    "1:1",
    "3:4",
    "4:3",
    "9:16",
    "16:9",
    "2:3",
    "3:2",
    "9:19.5",
    "19.5:9",
    "9:20",
    "20:9",
    "1:2",
    "2:1",
    "auto",
    "21:9",
    "5:2",
]


def _between(low: int, high: int) -> dict[str, JsonValue]:
    return {"minimum": low, "maximum": high}


class StorageOptions(Body):
    """How a picture is stored as a file. Source: docs.x.ai imagine, files (2026)."""

    filename: str | None = None
    expires_after: Whole | None = Field(
        default=None, json_schema_extra=_between(*FILE_LIVES_S)
    )
    public_url: bool | None = None


class DrawRequest(Body):
    """The body of POST /v1/images/generations. Source: xai-api.md section 7.1."""

    prompt: str = Field(json_schema_extra={"minLength": 1})
    model: str | None = None
    n: Whole | None = Field(default=None, json_schema_extra=_between(1, MAX_PICTURES))
    response_format: Literal["url", "b64_json"] | None = None
    aspect_ratio: Ratio | None = None
    resolution: Literal["1k", "1.5k", "2k"] | None = None
    quality: Literal["low", "medium", "auto"] | None = None
    storage_options: StorageOptions | None = None
    user: str | None = None
    size: str | None = None
    style: str | None = None


class GivenImage(Body):
    """A picture to edit: an address, a data URI, or a file."""

    url: str | None = None
    file_id: str | None = None
    type: str | None = None


class EditRequest(DrawRequest):
    """The body of POST /v1/images/edits. Source: xai-api.md section 7.2."""

    image: GivenImage | None = None
    images: list[GivenImage] | None = Field(
        default=None, json_schema_extra={"minItems": 1, "maxItems": MAX_GIVEN}
    )


@_closed
class FileOutput(TypedDict):
    """The file that a picture was stored as."""

    file_id: str
    filename: str
    expires_at: int | None


@_closed
class DrawnImage(TypedDict):
    """One picture, in place or where it can be fetched for an hour."""

    url: NotRequired[str]
    b64_json: NotRequired[str]
    mime_type: NotRequired[Literal["image/jpeg"]]
    revised_prompt: NotRequired[str]
    file_output: NotRequired[FileOutput]


@_closed
class PictureUsage(TypedDict):
    """What pictures cost."""

    cost_in_usd_ticks: int


@_closed
class DrawnImages(TypedDict):
    """The answer of image generation. Source: xai-api.md section 7.1."""

    data: list[DrawnImage]
    usage: NotRequired[PictureUsage]


class EmbedRequest(Body):
    """The body of POST /v1/embeddings. Source: xai-api.md section 10."""

    model: str
    input: str | list[str] = Field(
        json_schema_extra={"minLength": 1, "minItems": 1, "maxItems": MAX_INPUTS}
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Whole | None = Field(
        default=None, json_schema_extra=_between(1, MAX_DIMENSIONS)
    )
    user: str | None = None
    preview: bool | None = None


@_closed
class Embedding(TypedDict):
    """One vector: numbers, or float32 in base64, the lowest byte first."""

    index: int
    object: Literal["embedding"]
    embedding: list[float] | str


@_closed
class EmbeddingUsage(TypedDict):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


@_closed
class Embeddings(TypedDict):
    """The answer of embeddings, in the order of the texts."""

    object: Literal["list"]
    model: str
    data: list[Embedding]
    usage: EmbeddingUsage


@_closed
class Deferred(TypedDict):
    """The answer of a deferred completion: under which id its result will be."""

    request_id: str


class UploadForm(Body):
    """The form of POST /v1/files; ``expires_after`` stands before ``file``."""

    expires_after: Whole | None = Field(
        default=None, json_schema_extra=_between(*FILE_LIVES_S)
    )
    purpose: str | None = None
    file: Annotated[str, WithJsonSchema({"type": "string", "format": "binary"})]


@_closed
class FileObject(TypedDict):
    """A file. Source: xai-api.md section 12.2."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Literal[""]


@_closed
class FileList(TypedDict):
    """A page of the files, and the token of the next one."""

    data: list[FileObject]
    pagination_token: str | None


@_closed
class FileDeleted(TypedDict):
    """That a file is gone."""

    id: str
    deleted: Literal[True]


@_closed
class Clock(TypedDict):
    """The sandbox's clock: seconds since 1970, and how far it was put forward."""

    now: float
    advanced_s: float


class ClockChange(Body):
    """How far to put the clock forward."""

    advance_s: float = Field(ge=0, le=1e9, json_schema_extra=_between(0, 10**9))
