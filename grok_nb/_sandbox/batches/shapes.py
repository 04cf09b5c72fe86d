"""Bodies of requests and answers of batches. Source: xai-api.md section 12.1."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.answers import ChatCompletion  # noqa: TC001 - read by pydantic
from grok_nb._sandbox.media.shapes import DrawnImages  # noqa: TC001
from grok_nb._sandbox.responses.answers import Response  # noqa: TC001
from grok_nb._sandbox.schemas import Body, OpenObject

_closed = with_config(ConfigDict(extra="forbid", strict=True))


class NewBatch(Body):
    """The body of POST /v1/batches."""

    name: str
    input_file_id: str | None = None


class AnyRequest(Body):
    """
    One request, under the name of its endpoint; exactly one is there.

    What is in it is checked when it is worked on, by the endpoint itself.
    """

    chat_get_completion: OpenObject | None = None
    responses: OpenObject | None = None
    image_generation: OpenObject | None = None
    image_edit: OpenObject | None = None


class NewRequest(Body):
    """One request and the name that its result will have."""

    batch_request_id: str | None = None
    batch_request: AnyRequest


class NewRequests(Body):
    """The body of POST /v1/batches/{id}/requests."""

    batch_requests: list[NewRequest] = Field(json_schema_extra={"minItems": 1})


class Line(Body):
    """One line of an input file."""

    custom_id: str
    method: Literal["POST"]
    url: str
    body: OpenObject


@_closed
class BatchState(TypedDict):
    """How far a batch is."""

    num_requests: int
    num_pending: int
    num_success: int
    num_error: int
    num_cancelled: int


@_closed
class CostBreakdown(TypedDict):
    """What a batch has cost so far."""

    total_cost_usd_ticks: int


@_closed
class BatchObject(TypedDict):
    """A batch; it is done when it has requests and none is pending."""

    batch_id: str
    name: str
    create_time: str
    expire_time: str
    cancel_time: str | None
    cancel_by_xai_message: str | None
    input_file_id: str | None
    cost_breakdown: CostBreakdown
    state: BatchState


@_closed
class BatchList(TypedDict):
    """A page of the batches, the newest first."""

    batches: list[BatchObject]
    pagination_token: str | None


@_closed
class RequestMetadata(TypedDict):
    """What is known of one request of a batch."""

    batch_request_id: str
    endpoint: str
    model: str | None
    state: Literal["pending", "succeeded", "failed", "cancelled"]
    create_time: str
    finish_time: str | None


@_closed
class RequestList(TypedDict):
    """A page of the requests, in the order in which they were added."""

    batch_request_metadata: list[RequestMetadata]
    pagination_token: str | None


# That requests were added: what else the API tells then is not recorded.
RequestsAdded = Annotated[
    dict[str, JsonValue], WithJsonSchema({"type": "object", "maxProperties": 0})
]


@_closed
class AnyResponse(TypedDict):
    """One answer, under the name of its endpoint."""

    chat_get_completion: NotRequired[ChatCompletion]
    responses: NotRequired[Response]
    image_generation: NotRequired[DrawnImages]
    image_edit: NotRequired[DrawnImages]


@_closed
class RequestError(TypedDict):
    """Why a request failed; the code is gRPC's number."""

    code: int
    message: str


@_closed
class BatchResult(TypedDict):
    """Either the answer or the error."""

    response: NotRequired[AnyResponse]
    error: NotRequired[RequestError]


@_closed
class Result(TypedDict):
    """What became of one request."""

    batch_request_id: str
    batch_result: BatchResult


@_closed
class ResultList(TypedDict):
    """A page of the results, in the order in which they came."""

    results: list[Result]
    pagination_token: str | None
