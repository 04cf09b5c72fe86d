"""Schemas filled from texts of every kind, and refused where the text has nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grok_nb._sandbox import brain, extract, tasks
from grok_nb._sandbox.schemas import ChatRequest

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer"}
DATE: dict[str, Any] = {"type": "string", "format": "date"}
EMAIL: dict[str, Any] = {"type": "string", "format": "email"}


def many(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": inner}


def maybe(inner: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [inner, {"type": "null"}]}


def thing(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ADDRESS = thing(street=TEXT, city=TEXT, postal_code=TEXT, country=TEXT)
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a paper with an aligned table": (
        (
            "INVOICE #4471\n"
            "Billed to: Nordwind AG, Seestrasse 12, 8002 Zürich, Switzerland\n"
            "Date: 12/31/2026\nDue: 2027-01-30\n\n"
            "Description  Qty  Price  Amount\n"
            "Consulting   3    150.00  450.00\n"
            "Travel       1     80.00   80.00\n\n"
            "Subtotal 530.00\nVAT 8.1% 42.93\nTotal CHF 572.93"
        ),
        thing(
            invoice_number=TEXT,
            customer_name=TEXT,
            customer_address=ADDRESS,
            date=DATE,
            due_date=DATE,
            line_items=many(
                thing(
                    description=TEXT, quantity=WHOLE, unit_price=NUMBER, amount=NUMBER
                )
            ),
            subtotal=NUMBER,
            vat=NUMBER,
            total=NUMBER,
            currency={"enum": ["USD", "CHF"]},
        ),
        {
            "invoice_number": "4471",
            "customer_name": "Nordwind AG",
            "customer_address": {
                "street": "Seestrasse 12",
                "city": "Zürich",
                "postal_code": "8002",
                "country": "Switzerland",
            },
            "date": "2026-12-31",
            "due_date": "2027-01-30",
            "line_items": [
                {
                    "description": "Consulting",
                    "quantity": 3,
                    "unit_price": 150.0,
                    "amount": 450.0,
                },
                {
                    "description": "Travel",
                    "quantity": 1,
                    "unit_price": 80.0,
                    "amount": 80.0,
                },
            ],
            "subtotal": 530.0,
            "vat": 42.93,
            "total": 572.93,
            "currency": "CHF",
        },
    ),
    "German numbers and dates": (
        "Total: EUR 1.234,50\nMwSt 19%: 197,10 EUR\nRechnungsdatum: 3. März 2026",
        thing(total=NUMBER, tax=NUMBER, invoice_date=DATE),
        {"total": 1234.5, "tax": 197.1, "invoice_date": "2026-03-03"},
    ),
    "French sentences": (
        (
            "Facture n° F-2026-17 du 14 juillet 2026. Montant TTC : 1 234,50 €. "
            "À payer avant le 31 août 2026."
        ),
        thing(
            invoice_number=TEXT,
            invoice_date=DATE,
            due_date=DATE,
            total=NUMBER,
            currency={"enum": ["EUR", "USD"]},
        ),
        {
            "invoice_number": "F-2026-17",
            "invoice_date": "2026-07-14",
            "due_date": "2026-08-31",
            "total": 1234.5,
            "currency": "EUR",
        },
    ),
    "who someone is, in a sentence": (
        "Please extract: My name is Jane Doe, I am 34 years old and live in Bern.",
        thing(name=TEXT, age=WHOLE, city=TEXT),
        {"name": "Jane Doe", "age": 34, "city": "Bern"},
    ),
    "when and where, in a sentence": (
        "The meeting is on Tuesday 24 November 2026 at 14:30 in Room 5.",
        thing(date=DATE, time=TEXT, location=TEXT),
        {"date": "2026-11-24", "time": "14:30", "location": "Room 5"},
    ),
    "a letter": (
        (
            "Dear Mr Smith,\n\nthank you for your order of 3 March 2026. It will arrive on "
            "Friday, 6 March 2026.\n\nBest regards,\nAnna Keller"
        ),
        thing(customer=TEXT, order_date=DATE, delivery_date=DATE, sender=TEXT),
        {
            "customer": "Mr Smith",
            "order_date": "2026-03-03",
            "delivery_date": "2026-03-06",
            "sender": "Anna Keller",
        },
    ),
    "a postal address under another label": (
        "Ship to: John Smith, 12 High Street, London SW1A 1AA, United Kingdom",
        thing(address=ADDRESS),
        {
            "address": {
                "street": "12 High Street",
                "city": "London",
                "postal_code": "SW1A 1AA",
                "country": "United Kingdom",
            }
        },
    ),
    "lists in a list": (
        "Teams:\n- Red: Ann, Bob\n- Blue: Cy\n",
        thing(teams=many(thing(name=TEXT, members=many(TEXT)))),
        {
            "teams": [
                {"name": "Red", "members": ["Ann", "Bob"]},
                {"name": "Blue", "members": ["Cy"]},
            ]
        },
    ),
    "items in a sentence": (
        "Order 17 by Ann: 2 x Tea at $3.00, 1 x Cake at $4.50. Total $10.50",
        thing(
            items=many(thing(description=TEXT, quantity=WHOLE, unit_price=NUMBER)),
            total=NUMBER,
        ),
        {
            "items": [
                {"description": "Tea", "quantity": 2, "unit_price": 3.0},
                {"description": "Cake", "quantity": 1, "unit_price": 4.5},
            ],
            "total": 10.5,
        },
    ),
    "numbered people": (
        (
            "Company: Acme\n\nEmployees:\n1. Ann Lee - CTO - ann@acme.com\n"
            "2. Bob Ray - CEO - bob@acme.com"
        ),
        thing(company=TEXT, employees=many(thing(name=TEXT, title=TEXT, email=EMAIL))),
        {
            "company": "Acme",
            "employees": [
                {"name": "Ann Lee", "title": "CTO", "email": "ann@acme.com"},
                {"name": "Bob Ray", "title": "CEO", "email": "bob@acme.com"},
            ],
        },
    ),
    "comma separated values": (
        "name,age,city\nAnn,31,Bern\nBob,42,Rome",
        thing(people=many(thing(name=TEXT, age=WHOLE, city=TEXT))),
        {
            "people": [
                {"name": "Ann", "age": 31, "city": "Bern"},
                {"name": "Bob", "age": 42, "city": "Rome"},
            ]
        },
    ),
    "a Markdown table": (
        "| Name | Qty |\n|---|---|\n| Tea | 2 |\n| Cake | 1 |",
        thing(items=many(thing(name=TEXT, qty=WHOLE))),
        {"items": [{"name": "Tea", "qty": 2}, {"name": "Cake", "qty": 1}]},
    ),
    "options, lists and words of state": (
        "priority: high\nassignee: ann\nlabels: [bug, ui]\nstatus: in progress",
        thing(
            priority={"enum": ["low", "medium", "high"]},
            assignee=TEXT,
            labels=many(TEXT),
            status={"enum": ["todo", "in_progress", "done"]},
        ),
        {
            "priority": "high",
            "assignee": "ann",
            "labels": ["bug", "ui"],
            "status": "in_progress",
        },
    ),
    "what says that there is none": (
        (
            "Patient: Doe, John\nBorn: 04.05.1980\nAllergies: none\n"
            "Medication: aspirin, ibuprofen"
        ),
        thing(
            patient=TEXT, birth_date=DATE, allergies=many(TEXT), medication=many(TEXT)
        ),
        {
            "patient": "Doe, John",
            "birth_date": "1980-05-04",
            "allergies": [],
            "medication": ["aspirin", "ibuprofen"],
        },
    ),
    "values known by their form": (
        "Contact: ann@x.org, +41 44 123 45 67, https://x.org",
        thing(email=EMAIL, phone=TEXT, website=TEXT),
        {"email": "ann@x.org", "phone": "+41 44 123 45 67", "website": "https://x.org"},
    ),
    "JSON in the text": (
        '{"a": {"b": [1, 2, 3]}}',
        thing(a=thing(b=many(WHOLE))),
        {"a": {"b": [1, 2, 3]}},
    ),
    "lines that follow each other": (
        "Agenda\n10:00 Welcome\n10:30 Keynote by Dr. Lee\n12:00 Lunch",
        thing(sessions=many(thing(time=TEXT, title=TEXT))),
        {
            "sessions": [
                {"time": "10:00", "title": "Welcome"},
                {"time": "10:30", "title": "Keynote by Dr. Lee"},
                {"time": "12:00", "title": "Lunch"},
            ]
        },
    ),
    "lines that are no list": (
        "Date: 2026-11-20\nPlace: Bern\n\nHello Ann,\nthanks, and until then\nBob, Cy",
        thing(
            people=many(thing(name=TEXT, role=TEXT)),
            visits=many(thing(day=DATE, room=TEXT)),
        ),
        {"people": [], "visits": []},
    ),
    "nothing there, and null allowed": (
        "Nothing to see here.",
        thing(total=maybe(NUMBER), name=maybe(TEXT), items=many(thing(sku=TEXT))),
        {"total": None, "name": None, "items": []},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_schemas_are_filled_with_what_the_text_says(case: str) -> None:
    text, schema, wanted = CASES[case]
    found = extract.fill(text, json.dumps(schema))
    assert found.missing == ()
    assert json.loads(found.text or "null") == wanted


@pytest.mark.parametrize(
    ("schema", "missing"),
    [
        (thing(total=NUMBER), ("total",)),
        (thing(total=NUMBER, who=maybe(TEXT), due_date=DATE), ("total", "due_date")),
        (
            thing(customer=thing(email=EMAIL, name=maybe(TEXT))),
            ("customer.email",),
        ),
        (thing(state={"enum": ["paid", "open"]}), ("state",)),
    ],
)
def test_what_is_not_there_and_must_not_be_null_is_refused(
    schema: dict[str, Any], missing: tuple[str, ...]
) -> None:
    found = extract.fill("Nothing to see here.", json.dumps(schema))
    assert (found.text, found.missing) == (None, missing)


def reply(text: str, schema: dict[str, Any]) -> brain.Reply:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    messages = [{"role": "user", "content": text}]
    body = {"model": "grok-4.7", "messages": messages, "response_format": wanted}
    task = tasks.of(ChatRequest.model_validate(body))
    return brain.reply(brain.Question(text, task=task))


def test_a_refusal_is_marked_and_names_what_is_missing() -> None:
    refused = reply("Nothing to see here.", thing(total=NUMBER, due_date=DATE))
    assert list(refused.pieces) == []
    assert refused.refusal is not None
    assert refused.refusal.startswith(brain.MARK)
    assert "total, due_date" in refused.refusal


def test_a_filled_schema_is_nothing_but_json() -> None:
    filled = reply("Total: $3.50", thing(total=NUMBER))
    assert filled.refusal is None
    assert json.loads("".join(filled.pieces)) == {"total": 3.5}
