"""The operations of batches for ``/openapi.json``."""

from __future__ import annotations

from typing import Any

from grok_nb._sandbox.operation import Operation

from . import shapes
from .endpoint import PATH
from .pages import MAX_ENTRIES

_ONE = PATH + "/{name}"
_NAMED = "Id of a batch"
_ID = "/batch_id"
_YEARS = ("2026",)
_PAGES: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_ENTRIES},
    "pagination_token": {"type": "string"},
}

OPERATIONS = (
    Operation(
        "POST",
        PATH,
        "Begin a batch",
        shapes.BatchObject,
        request=shapes.NewBatch,
        statuses=(404, 415, 422),
        vintages=_YEARS,
        leads_to=dict.fromkeys(
            (
                "get_batches_by_name",
                "get_batches_by_name_requests",
                "post_batches_by_name_requests",
                "get_batches_by_name_results",
                "post_batches_by_name_cancel",
            ),
            _ID,
        ),
    ),
    Operation(
        "GET",
        PATH,
        "List the batches",
        shapes.BatchList,
        vintages=_YEARS,
        query=_PAGES,
    ),
    Operation(
        "GET",
        _ONE,
        "How far a batch is",
        shapes.BatchObject,
        statuses=(404,),
        vintages=_YEARS,
        named=_NAMED,
    ),
    Operation(
        "POST",
        _ONE + ":cancel",
        "Work on nothing more of a batch",
        shapes.BatchObject,
        statuses=(404,),
        vintages=_YEARS,
        named=_NAMED,
    ),
    Operation(
        "POST",
        _ONE + "/requests",
        "Add requests to a batch",
        shapes.RequestsAdded,
        request=shapes.NewRequests,
        statuses=(404, 415, 422),
        vintages=_YEARS,
        named=_NAMED,
    ),
    Operation(
        "GET",
        _ONE + "/requests",
        "List the requests of a batch",
        shapes.RequestList,
        statuses=(404,),
        vintages=_YEARS,
        named=_NAMED,
        query=_PAGES,
    ),
    Operation(
        "GET",
        _ONE + "/results",
        "List the results of a batch",
        shapes.ResultList,
        statuses=(404,),
        vintages=_YEARS,
        named=_NAMED,
        query=_PAGES,
    ),
)
