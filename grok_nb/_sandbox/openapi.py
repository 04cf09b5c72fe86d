"""The description of the API, ``/openapi.json``, from the types that it is read with."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from . import answers, errors, faults, live_search, schemas
from .legacy import message_answers, text_answers, text_request
from .legacy.endpoint import COMPLETE, COMPLETIONS, MESSAGES
from .legacy.message_request import MessagesRequest
from .media import files, shapes
from .responses import answers as responses
from .responses import events
from .responses.endpoint import PATH as RESPONSES
from .responses.request import ResponsesRequest
from .responses.stored import MAX_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/openapi.json"
_REFERENCE = "#/components/schemas/{model}"
# Where faults are scripted, any of these can come instead of an answer.
_SCRIPTED = (403, 429, 498, 500, 502, 503, 504)
_ALWAYS = (400, 401, 413)
_MEANINGS = {
    400: "Something in the request makes no sense, or the API key is wrong",
    401: "No API key, or not as a bearer token",
    403: "Blocked, no permission, or no credit",
    404: "There is none of this name, or not for this key",
    410: "Live search is retired",
    413: "The body is too large",
    415: "No body, or one that claims to be of another type",
    422: "The body does not have the form of the request",
    429: "Too many requests or tokens in this minute, or no credit",
    498: "Scripted in the sandbox: no capacity",
    500: "Scripted in the sandbox: the server failed",
    501: "The sandbox has no Pillow, with which it opens and draws pictures",
    502: "Scripted in the sandbox: a gateway got no answer",
    503: "Scripted in the sandbox: not available",
    504: "Scripted in the sandbox: a gateway waited too long",
}
_RATE_HEADERS = (
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One method on one path.

    Parameters
    ----------
    method, path : str
        As routed; a path has at most one parameter, ``name``.
    summary : str
        What it does.
    answer : type
        The body of its 200; None for bytes.
    request : type, optional
        The body it takes.
    statuses : tuple of int
        Error statuses besides those that every operation has.
    chunk : type, optional
        The data of the events, where the answer can be a stream.
    vintages : tuple of str
        The years it exists in.
    named : str
        What the parameter of the path is.
    media_type : str
        Of the answer.
    takes : str
        The media type of the request.
    query : dict of str to dict
        The parameters of the query and their schemas.
    is_billed : bool
        Whether the answer tells the limits of the minute.
    is_late : bool
        Whether it may not be there yet, which a 202 says.
    is_open : bool
        Whether it needs no key.
    has_event_names : bool
        Whether events of the stream have a line with their name.
    takes_x_api_key : bool
        Whether the key may also come in the header ``x-api-key``.
    """

    method: str
    path: str
    summary: str
    answer: Any  # Any: a typing construct, no class
    request: Any = None
    statuses: tuple[int, ...] = ()
    chunk: Any = None
    vintages: tuple[str, ...] = errors.VINTAGES
    named: str = "Id or alias of a model"
    media_type: str = "application/json"
    takes: str = "application/json"
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_billed: bool = False
    is_late: bool = False
    is_open: bool = False
    has_event_names: bool = False
    takes_x_api_key: bool = False

    @property
    def is_window(self) -> bool:
        """Whether it is the sandbox's own and no part of the API."""
        return self.path.startswith("/__sandbox/")

    @property
    def name(self) -> str:
        """A name that no other operation has."""
        words = self.path.removeprefix("/v1").removeprefix("/__").strip("/")
        words = words.replace("/{name}", "_by_name")
        return f"{self.method.lower()}_{words}".replace("/", "_").replace("-", "_")


def _listing(path: str, what: str, answer: Any, entry: Any) -> tuple[Operation, ...]:
    return (
        Operation("GET", path, f"List {what}", answer),
        Operation(
            "GET", f"{path}/{{name}}", f"One of the {what}", entry, statuses=(404,)
        ),
    )


class FaultScript(schemas.Body):
    """Faults to add to the script, as objects or in their short form."""

    faults: list[faults.Fault | str]


_RESPONSE_ID = "Id of a stored response"
_LISTING_QUERY: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_ITEMS},
    "order": {"type": "string", "enum": ["asc", "desc"]},
    "after": {"type": "string"},
}

OPERATIONS = (
    Operation(
        "POST",
        "/v1/chat/completions",
        "Answer a chat, or promise to",
        answers.ChatCompletion | shapes.Deferred,
        request=schemas.ChatRequest,
        statuses=(404, 410, 415, 422, 501),
        chunk=answers.ChatCompletionChunk,
        is_billed=True,
    ),
    Operation(
        "GET",
        "/v1/chat/deferred-completion/{name}",
        "What a deferred chat came to; readable once",
        answers.ChatCompletion,
        statuses=(404,),
        named="The request_id of the promise",
        is_late=True,
    ),
    Operation(
        "POST",
        "/v1/embeddings",
        "Turn texts into vectors",
        shapes.Embeddings,
        request=shapes.EmbedRequest,
        statuses=(404, 415, 422),
        is_billed=True,
    ),
    Operation(
        "POST",
        "/v1/images/generations",
        "Draw pictures",
        shapes.DrawnImages,
        request=shapes.DrawRequest,
        statuses=(404, 415, 422, 501),
        is_billed=True,
    ),
    Operation(
        "POST",
        "/v1/images/edits",
        "Draw on pictures",
        shapes.DrawnImages,
        request=shapes.EditRequest,
        statuses=(404, 415, 422, 501),
        is_billed=True,
        vintages=("2026",),
    ),
    Operation(
        "GET",
        "/xai-imgen/{name}",
        "A drawn picture, for an hour",
        None,
        statuses=(404,),
        named="As in its address",
        media_type="image/jpeg",
        is_open=True,
    ),
    Operation(
        "POST",
        "/v1/files",
        "Store a file",
        shapes.FileObject,
        request=shapes.UploadForm,
        statuses=(415,),
        takes="multipart/form-data",
    ),
    Operation(
        "GET",
        "/v1/files",
        "List the files",
        shapes.FileList,
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": files.MAX_PAGE},
            "order": {"type": "string", "enum": list(files.ORDERS)},
            "sort_by": {"type": "string", "enum": list(files.SORTS)},
            "pagination_token": {"type": "string"},
        },
    ),
    *(
        Operation(
            method,
            f"/v1/files/{{name}}{rest}",
            summary,
            answer,
            statuses=(404,),
            named="Id of a file",
            media_type="application/json" if answer else "application/octet-stream",
        )
        for method, rest, summary, answer in (
            ("GET", "", "What is known of a file", shapes.FileObject),
            ("DELETE", "", "Delete a file", shapes.FileDeleted),
            ("GET", "/content", "What is in a file", None),
        )
    ),
    Operation(
        "POST",
        RESPONSES,
        "Answer, with tools of the server",
        responses.Response,
        request=ResponsesRequest,
        statuses=(404, 410, 415, 422, 501),
        chunk=events.StreamEvent,
        has_event_names=True,
        is_billed=True,
    ),
    Operation(
        "GET",
        f"{RESPONSES}/{{name}}",
        "A stored response",
        responses.Response,
        statuses=(404,),
        named=_RESPONSE_ID,
    ),
    Operation(
        "DELETE",
        f"{RESPONSES}/{{name}}",
        "Forget a stored response",
        responses.DeletedResponse,
        statuses=(404,),
        named=_RESPONSE_ID,
    ),
    Operation(
        "GET",
        f"{RESPONSES}/{{name}}/input_items",
        "What a stored response answers",
        responses.InputItemList,
        statuses=(404,),
        named=_RESPONSE_ID,
        query=_LISTING_QUERY,
    ),
    Operation(
        "POST",
        MESSAGES,
        "Answer in Anthropic's form",
        message_answers.MessageAnswer,
        request=MessagesRequest,
        # An unknown model is a 400 here.
        statuses=(415, 422, 501),
        chunk=message_answers.MessageEvent,
        has_event_names=True,
        is_billed=True,
        takes_x_api_key=True,
    ),
    Operation(
        "POST",
        COMPLETIONS,
        "Complete texts, with models that do not reason",
        text_answers.TextCompletion,
        request=text_request.CompletionsRequest,
        statuses=(404, 415, 422),
        chunk=text_answers.TextCompletionChunk,
        is_billed=True,
    ),
    Operation(
        "POST",
        COMPLETE,
        "Go on with turns of Human and Assistant",
        text_answers.CompleteAnswer,
        request=text_request.CompleteRequest,
        statuses=(404, 415, 422),
        is_billed=True,
        takes_x_api_key=True,
    ),
    Operation(
        "POST",
        "/v1/tokenize-text",
        "Cut a text into tokens",
        answers.TokenList,
        request=schemas.TokenizeRequest,
        statuses=(404, 415, 422),
    ),
    Operation("GET", "/v1/api-key", "What is known of the key", answers.ApiKey),
    Operation("GET", "/v1/me", "Whose key it is", answers.Me, vintages=("2026",)),
    *_listing("/v1/models", "models", answers.ModelList, answers.ListedModel),
    *_listing(
        "/v1/language-models",
        "language models",
        answers.LanguageModelList,
        answers.LanguageModel,
    ),
    *_listing(
        "/v1/image-generation-models",
        "image models",
        answers.ImageModelList,
        answers.ImageModel,
    ),
    *_listing(
        "/v1/embedding-models",
        "embedding models",
        answers.EmbeddingModelList,
        answers.EmbeddingModel,
    ),
    Operation("GET", "/__sandbox/ledger", "What was billed", answers.LedgerView),
    Operation("DELETE", "/__sandbox/ledger", "Empty the ledger", answers.LedgerView),
    Operation("GET", "/__sandbox/log", "What was received", answers.LogView),
    Operation("DELETE", "/__sandbox/log", "Empty the log", answers.LogView),
    Operation("GET", "/__sandbox/faults", "The script", answers.FaultsView),
    Operation(
        "POST",
        "/__sandbox/faults",
        "Add to the script",
        answers.FaultsView,
        request=FaultScript,
    ),
    Operation("DELETE", "/__sandbox/faults", "Empty the script", answers.FaultsView),
    Operation("GET", "/__sandbox/clock", "What time it is", shapes.Clock),
    Operation(
        "POST",
        "/__sandbox/clock",
        "Put the clock forward",
        shapes.Clock,
        request=shapes.ClockChange,
    ),
)


def of_vintage(vintage: str) -> list[Operation]:
    """List the operations that a year's API has."""
    return [operation for operation in OPERATIONS if vintage in operation.vintages]


@functools.cache
def describe(vintage: str) -> dict[str, Any]:
    """
    Build the OpenAPI 3.1 description.

    Parameters
    ----------
    vintage : {"2026", "2025"}
        Whose API.
    """
    operations = of_vintage(vintage)
    bodies = {
        "error": answers.ErrorBody,
        "text": answers.ErrorText if vintage != "2025" else None,
        **{f"{op.name} request": _request(op, vintage) for op in operations},
        **{f"{op.name} answer": op.answer for op in operations},
        **{f"{op.name} chunk": op.chunk for op in operations},
    }
    adapters = {key: TypeAdapter(body) for key, body in bodies.items() if body}
    references, extra = TypeAdapter.json_schemas(
        [(key, "validation", adapter) for key, adapter in adapters.items()],
        ref_template=_REFERENCE,
    )
    found = {key: reference for (key, _), reference in references.items()}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        entry = _entry(operation, vintage, found)
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "xAI's API as the sandbox of grok_nb speaks it",
            "version": vintage,
            "description": "A test server on this machine: no language model and no "
            "bill. Statuses that are called scripted come only when asked for.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {
                name: body
                for name, body in extra["$defs"].items()
                # Pydantic's name for anything, which only open objects hold.
                if name != "JsonValue"
            },
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _request(operation: Operation, vintage: str) -> Any:  # Any: as in Operation
    if operation.request is schemas.ChatRequest and vintage == "2025":
        return live_search.SearchingChatRequest
    return operation.request


def _entry(operation: Operation, vintage: str, found: dict[str, Any]) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    answer = found[f"{operation.name} answer"] if operation.answer else binary
    content = {operation.media_type: {"schema": answer}}
    headers = ["x-request-id", "x-grok-nb-sandbox"]
    late = _response("Not yet", {}, headers)
    if operation.chunk is not None:
        event = found[f"{operation.name} chunk"]
        described = _event(event, has_name=operation.has_event_names)
        content["text/event-stream"] = {"schema": described}
    if operation.is_billed:
        headers += _RATE_HEADERS
    statuses = {*_ALWAYS, *operation.statuses}
    if not operation.is_window:
        statuses |= {*_SCRIPTED}
    if vintage == "2025":
        statuses -= {410}
    responses = {"200": _response("As asked", content, headers)}
    if operation.is_late:
        responses["202"] = late
    for status in sorted(statuses):
        responses[str(status)] = _error(status, vintage, found)
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["sandbox" if operation.is_window else "API"],
        "responses": responses,
    }
    if operation.is_open:
        entry["security"] = []
    elif operation.takes_x_api_key:
        entry["security"] = [{"key": []}, {"x-api-key": []}]
    if parameters := list(_parameters(operation)):
        entry["parameters"] = parameters
    if operation.request is not None:
        body = {"schema": found[f"{operation.name} request"]}
        entry["requestBody"] = {"required": True, "content": {operation.takes: body}}
    return entry


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if "{name}" in operation.path:
        yield {
            "name": "name",
            "in": "path",
            "required": True,
            "description": operation.named,
            "schema": {"type": "string", "minLength": 1},
        }
    for name, schema in operation.query.items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _event(chunk: dict[str, Any], *, has_name: bool) -> dict[str, Any]:
    """Describe one event; the last one of a stream has the data ``[DONE]``."""
    json_text = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": chunk,
    }
    data = {"anyOf": [{"const": "[DONE]"}, json_text]}
    properties: dict[str, Any] = {"data": data}
    if has_name:
        # The last one has none.
        properties["event"] = {"type": "string"}
    return {"type": "object", "properties": properties, "required": ["data"]}


def _error(status: int, vintage: str, found: dict[str, Any]) -> dict[str, Any]:
    has_code = errors.BY_STATUS.get(status, ("unavailable",))[0] is not None
    if status == 422 and vintage == "2025":
        content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    else:
        body = found["error" if has_code else "text"]
        content = {"application/json": {"schema": body}}
    return _response(_MEANINGS[status], content, ["x-request-id", "x-grok-nb-sandbox"])


def _response(
    meaning: str, content: dict[str, Any], headers: list[str]
) -> dict[str, Any]:
    described = {
        name: {"required": True, "schema": {"type": "string"}} for name in headers
    }
    return {"description": meaning, "headers": described, "content": content}
