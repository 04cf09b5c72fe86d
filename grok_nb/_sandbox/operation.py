"""One operation of the API as it is described in ``/openapi.json``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import errors

# Below this path the management host is served, which has a key of its own.
MANAGED = "/v1/billing/"


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
    leads_to : dict of str to str
        For names of other operations, where in its answer (a JSON pointer) the name
        for their paths stands.
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
    leads_to: dict[str, str] = field(default_factory=dict)

    @property
    def is_window(self) -> bool:
        """Whether it is the sandbox's own and no part of the API."""
        return self.path.startswith("/__sandbox/")

    @property
    def is_managing(self) -> bool:
        """Whether it takes the management key, and no other."""
        return self.path.startswith(MANAGED)

    @property
    def name(self) -> str:
        """A name that no other operation has."""
        words = self.path.removeprefix("/v1").removeprefix("/__").strip("/")
        words = words.replace("/{name}", "_by_name")
        return re.sub(r"[/:-]", "_", f"{self.method.lower()}_{words}")


def listing(
    path: str,
    what: str,
    answer: Any,
    entry: Any,
    vintages: tuple[str, ...] = errors.VINTAGES,
) -> tuple[Operation, ...]:
    """Describe a listing of models, and its form by id."""
    return (
        Operation("GET", path, f"List {what}", answer, vintages=vintages),
        Operation(
            "GET",
            f"{path}/{{name}}",
            f"One of the {what}",
            entry,
            statuses=(404,),
            vintages=vintages,
        ),
    )
