"""`ask(schema=)` against the sandbox: it really fills what it is asked for."""

from __future__ import annotations

import datetime
import enum
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from grok_nb.errors import BadRequest
from grok_nb.schema import structured
from tests.support import bills, requests


class Kind(enum.Enum):
    open = "open"
    paid = "paid"


class Address(BaseModel):
    street: str
    city: str
    country: str | None = None


class Line(BaseModel):
    description: str
    quantity: int
    amount: Decimal


class Invoice(BaseModel):
    invoice_number: str
    customer_address: Address
    date: datetime.date
    status: Kind
    line_items: list[Line]
    total: Decimal


PAPER = """INVOICE #4471
Billed to: Nordwind AG, Seestrasse 12, 8002 Zürich
Date: 12/31/2026
Status: open

Description  Quantity  Amount
Consulting   3         450.10
Travel       1          80.00

Total CHF 530.10"""
LINES = [("Consulting", 3, Decimal("450.1")), ("Travel", 1, Decimal(80))]


@pytest.fixture(scope="module")
def box() -> Any:
    with Sandbox() as server:
        yield server


@pytest.fixture
def grok(box: Any) -> Any:
    with gn.Grok(api_key=box.key, base_url=box.base_url, store=":memory:") as made:
        yield made


@pytest.mark.parametrize("search", [None, "web"])
def test_a_paper_becomes_an_instance_and_a_frame(grok: Any, search: str | None) -> None:
    reply = grok.ask(PAPER, schema=Invoice, search=search)
    parsed = reply.parsed
    assert parsed.invoice_number == "4471"
    assert parsed.customer_address == Address(street="Seestrasse 12", city="Zürich")
    assert parsed.date == datetime.date(2026, 12, 31)
    assert parsed.status is Kind.open
    assert [tuple(line.model_dump().values()) for line in parsed.line_items] == LINES
    assert {name: str(dtype) for name, dtype in reply.df.dtypes.items()} == {
        "invoice_number": "string",
        "customer_address.street": "string",
        "customer_address.city": "string",
        "customer_address.country": "string",
        "date": "datetime64[us]",
        "status": "category",
        "line_items": "object",
        "total": "Float64",
    }
    assert reply.df.loc[0, "total"] == 530.1


@pytest.mark.parametrize("search", [None, "web"])
def test_events_end_in_the_same_as_asking(grok: Any, search: str | None) -> None:
    whole = grok.ask(PAPER, schema=list[Line], search=search)
    stream = grok.stream(PAPER, schema=list[Line], search=search)
    with stream:
        kinds = [event.kind for event in stream]
    assert kinds.count("text") > 1
    assert kinds[-1] == "end"
    assert stream.reply.parsed == whole.parsed
    assert [tuple(dict(line).values()) for line in whole.parsed] == LINES


async def test_coroutines_ask_the_same(box: Any) -> None:
    async with gn.AsyncGrok(
        api_key=box.key, base_url=box.base_url, store=":memory:"
    ) as grok:
        reply = await grok.ask(PAPER, schema=Line, many=True)
    assert [tuple(dict(line).values()) for line in reply.parsed] == LINES


class Tags(BaseModel):
    ratio: tuple[int, str]
    by_name: dict[str, int]
    maybe: int | str | None = None
    unique: set[str]
    code: str


#: the sandbox checks what it is sent by the same document, with code of its own
TAKEN: list[Any] = [
    Invoice,
    list[Invoice],
    Tags,
    int,
    Kind,
    Kind | None,
    Line | Address,
    dict[str, int],
    "name, age int?, tags list[str]: topics, kind a|b?, d date, t datetime?, e dict",
    {"type": "object", "properties": {"a": {"maxLength": 4000, "minLength": 3000}}},
    {"type": "array", "maxItems": 1000, "items": {"pattern": "^(?!x)"}},
    {"type": "object", "properties": {"a": True}, "$schema": "x"},
]


@pytest.mark.parametrize("number", range(len(TAKEN)))
@pytest.mark.parametrize("many", [False, True])
def test_what_is_sent_is_taken(grok: Any, box: Any, number: int, many: bool) -> None:
    source = TAKEN[number]
    if many and structured(source).is_list:
        many = False
    before = len(bills(box))
    try:
        grok.ask("There is nothing in this text.", schema=source, many=many, repairs=0)
    except gn.errors.BadRequest:
        raise
    except (gn.errors.Refused, gn.errors.SchemaMismatch):
        pass  # it found nothing to fill in
    assert [bill["status"] for bill in bills(box)[before:]] == [200]


def test_what_we_refuse_the_server_would_refuse(grok: Any, box: Any) -> None:
    for field in (
        {"enum": []},
        {"anyOf": []},
        {"type": "array", "items": [{}]},
        {"type": "array", "items": {}, "minContains": 1},
        {"$ref": "#"},
        {"type": "strin"},
        False,
    ):
        schema = {"type": "object", "properties": {"a": field}}
        count = len(requests(box))
        with pytest.raises(BadRequest, match=r"^schema: ") as raised:
            grok.ask("Hi", schema=schema)
        assert raised.value.status is None
        assert len([r for r in requests(box)[count:] if r["method"] == "POST"]) == 0
        asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        with pytest.raises(BadRequest) as told:
            grok.chat_completion(
                [{"role": "user", "content": "Hi"}], response_format=asked
            )
        assert told.value.status == 400, field
