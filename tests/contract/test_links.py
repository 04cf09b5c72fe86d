"""Schemathesis walks along the links of /openapi.json: what was made is found there."""

from __future__ import annotations

import copy
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from grok_nb._sandbox import openapi
from grok_nb._sandbox.server import Sandbox
from tests.contract.test_schemathesis import CHECKS, GOOD, SETTINGS

#: What is surely taken, beside what is generated.
SURE: dict[str, dict[str, Any]] = {
    "post_chat_completions": GOOD | {"deferred": True},
    "post_responses": {"model": "grok-4.7", "input": "Hi"},
    "post_batches_by_name_requests": {
        "batch_requests": [
            {
                "batch_request_id": "r1",
                "batch_request": {"chat_get_completion": GOOD},
            }
        ]
    },
}
WALKS = hypothesis.settings(
    SETTINGS, stateful_step_count=12, phases=[hypothesis.Phase.generate]
)
#: The operation that made something, and the operation that a link leads to.
Link = tuple[str, str]


@pytest.fixture(scope="module", params=["2026", "2025"])
def vintage(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def sandbox(vintage: str) -> Iterator[Sandbox]:
    with Sandbox(vintage=vintage) as server:
        yield server


@pytest.fixture
def document(vintage: str) -> dict[str, Any]:
    """Whoever spoils it has a copy."""
    return copy.deepcopy(openapi.describe(vintage))


def described(document: dict[str, Any]) -> dict[Link, dict[str, Any]]:
    return {
        (operation["operationId"], link["operationId"]): link
        for operations in document["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    }


def walks(
    document: dict[str, Any],
    sandbox: Sandbox,
    elsewhere: Sandbox | None = None,
    *,
    number: int = 3,
) -> dict[Link, Counter[int]]:
    """Make things, look for them where links lead to, and count the statuses there.

    What was deleted or is given once may be missing, and is not counted any more.
    With another sandbox, things are looked for there.
    """
    links = described(document)
    targets = {target for _, target in links}
    seen: dict[Link, Counter[int]] = {}
    # One maker after the other, then each link that was passed by: what is chosen
    # depends on which modules are loaded, for hypothesis looks for constants there.
    for maker in {maker for maker, _ in links if maker not in targets}:
        walk(document, {maker, *targets}, seen, sandbox, elsewhere or sandbox, number)
    for link in links:
        if not (is_there(seen.get(link)) or is_missing(seen.get(link))):
            walk(document, {*link}, seen, sandbox, elsewhere or sandbox, 10)
    return seen


def walk(
    document: dict[str, Any],
    names: set[str],
    seen: dict[Link, Counter[int]],
    sandbox: Sandbox,
    elsewhere: Sandbox,
    number: int,
) -> None:
    """Walk along the links between these operations, as schemathesis chooses."""
    config = schemathesis.Config.from_dict(
        {
            "seed": 20261120,
            "generation": {"mode": "positive"},
            "headers": {"Authorization": f"Bearer {sandbox.key}"},
            # No links but those that are described; else it puts its guesses there.
            "phases": {"stateful": {"inference": {"algorithms": []}}},
        }
    )
    whole = schemathesis.openapi.from_dict(copy.deepcopy(document), config=config)
    schema = whole.include(operation_id=[*names])
    gone: set[str] = set()

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        def step(self, input: Any) -> Any:  # noqa: A002 - their name for it
            case, transition = input.case, input.transition
            sure = SURE.get(operation_id(case.operation), case.body)
            if transition is None:
                self.at = sandbox
                if zlib.crc32(json.dumps(case.body, default=str).encode()) % 4:
                    case.body = sure
                return super().step(input)

            case.body = sure  # or a 404 could speak of a model
            self.at = elsewhere
            ((name, found),) = transition.parameters["path_parameters"].items()
            if not isinstance(found.value, Ok) or not isinstance(found.value.ok(), str):
                return None  # this answer promises nothing
            # Schemathesis puts another value in now and then.
            thing = case.path_parameters[name] = found.value.ok()
            output = super().step(input)
            if thing not in gone:
                maker = self.recorder.cases[transition.parent_id].value.operation
                link = (operation_id(maker), operation_id(case.operation))
                seen.setdefault(link, Counter())[output.response.status_code] += 1
            if case.method == "DELETE" or "deferred" in case.operation.path:
                gone.add(thing)
            return output

        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            return {"base_url": self.at.root_url}

        def validate_response(self, response: Any, case: Any, **options: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Walk.run(settings=hypothesis.settings(WALKS, max_examples=number))


def operation_id(operation: Any) -> str:
    return operation.definition.raw["operationId"]


def is_there(statuses: Counter[int] | None) -> bool:
    return any(200 <= status < 300 for status in statuses or ())


def is_missing(statuses: Counter[int] | None) -> bool:
    return not {404, 410}.isdisjoint(statuses or ())


def complaints(
    document: dict[str, Any], seen: dict[Link, Counter[int]]
) -> dict[Link, str]:
    """Say which links were not followed, and which led to nothing."""
    found = {}
    for link in described(document):
        statuses = seen.get(link)
        if is_missing(statuses):
            found[link] = f"what was made is not there: {statuses}"
        elif not is_there(statuses):
            found[link] = f"never followed to an answer: {statuses}"
    return found


def test_links_lead_to_what_was_made(
    document: dict[str, Any], sandbox: Sandbox
) -> None:
    assert described(document)
    assert complaints(document, walks(document, sandbox, number=8)) == {}


def test_a_server_that_forgets_would_be_noticed(
    document: dict[str, Any], sandbox: Sandbox, vintage: str
) -> None:
    with Sandbox(vintage=vintage, key=sandbox.key) as forgetful:
        seen = walks(document, sandbox, elsewhere=forgetful)
    found = complaints(document, seen)
    assert set(found) == set(described(document))
    assert all("not there" in complaint for complaint in found.values())


def test_a_link_that_leads_nowhere_would_be_noticed(
    document: dict[str, Any], sandbox: Sandbox
) -> None:
    whole = described(document)
    spoilt, link = next(iter(whole.items()))
    link["parameters"] = dict.fromkeys(link["parameters"], "$response.body#/nothing")
    found = complaints(document, walks(document, sandbox))
    assert set(found) == {spoilt}
    assert "never followed" in found[spoilt]


def test_an_answer_that_is_not_described_would_be_noticed(
    document: dict[str, Any], sandbox: Sandbox
) -> None:
    looked_for = {target for _, target in described(document)}
    for operations in document["paths"].values():
        for operation in operations.values():
            if operation["operationId"] in looked_for:
                operation["responses"].pop("200")
    with pytest.raises(FailureGroup):
        walks(document, sandbox)
