"""Papers, tables, letters and requests in seven languages: how much of them is read."""

# Typography of documents: signs that look like others.
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from grok_nb._sandbox import extract, tools
from tests.unit.reading_corpus import (
    ADDRESSES,
    ALL,
    DATE,
    EMAIL,
    EMAILS,
    HOME,
    LABELS,
    LANGUAGES,
    MAIL,
    PAPERS,
    REQUESTS,
    SAID,
    TABLES,
    TEXT,
    TEXTS,
    WHOLE,
    nullable,
    thing,
)


def filled(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        extract.fill(text, json.dumps(schema)).text or "{}"
    )
    return found


Pairs = list[tuple[str, str]]
LINE = "+" + "-" * 36 + "+" + "-" * 34 + "+"
LAYOUTS: dict[str, Callable[[Pairs], str]] = {
    "colon": lambda pairs: "\n".join(f"{a}: {b}" for a, b in pairs),
    "own line": lambda pairs: "\n\n".join(f"{a}\n{b}" for a, b in pairs),
    "dash": lambda pairs: "\n".join(f"{a} - {b}" for a, b in pairs),
    "bullets": lambda pairs: (
        "Details\n" + "\n".join(f"- **{a}:** {b}" for a, b in pairs)
    ),
    "dots": lambda pairs: "\n".join(f"{a} {'.' * (34 - len(a))} {b}" for a, b in pairs),
    "csv": lambda pairs: "\n".join(f'"{a}","{b}"' for a, b in pairs),
    "semicolons": lambda pairs: "\n".join(f"{a};{b}" for a, b in pairs),
    "labels first": lambda pairs: (
        ";".join(a for a, _ in pairs) + "\n" + ";".join(b for _, b in pairs)
    ),
    "html": lambda pairs: (
        "<html><body><h1>Paper</h1><table>"
        + "".join(f"<tr><th>{a}</th><td>{b}</td></tr>" for a, b in pairs)
        + "</table></body></html>"
    ),
    "dl": lambda pairs: (
        "<dl>" + "\n".join(f"<dt>{a}</dt><dd>{b}</dd>" for a, b in pairs) + "</dl>"
    ),
    "markdown": lambda pairs: (
        "| Field | Value |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in pairs)
    ),
    "ascii": lambda pairs: (
        LINE + "\n" + "\n".join(f"| {a:<34} | {b:<32} |\n{LINE}" for a, b in pairs)
    ),
    "one line": lambda pairs: "; ".join(f"{a}: {b}" for a, b in pairs),
    "pipes": lambda pairs: " | ".join(f"{a}: {b}" for a, b in pairs),
    "two columns": lambda pairs: "\n".join(f"{a:<36}{b}" for a, b in pairs),
    "sections": lambda pairs: "\n\n".join(f"## {a}\n\n{b}" for a, b in pairs),
    "footer": lambda pairs: (
        "PAPER\n\n"
        + "\n".join(f"{a}: {b}" for a, b in pairs)
        + "\n\nReg. no. 5512-44 · Ref 99/2211 · page 1 of 1"
    ),
}


def share_of_papers(fill: Callable[[str, dict[str, Any]], dict[str, Any]]) -> float:
    right = number = 0
    for rows in PAPERS.values():
        schema = thing(**{key: nullable(one) for key, one, *_ in rows})
        for place in range(len(LANGUAGES)):
            pairs = [(labels[place], texts[place]) for _, _, labels, texts, _ in rows]
            for layout in LAYOUTS.values():
                found = fill(layout(pairs), schema)
                number += len(rows)
                right += sum(found.get(key) == truth[place] for key, *_, truth in rows)
    return right / number


def test_labels_of_seven_languages_are_read_in_every_layout() -> None:
    """Measured in November 2026: 0.998; the words of the lexicon and these have one author."""
    assert share_of_papers(filled) >= 0.995
    assert share_of_papers(lambda text, schema: {}) == 0


Rows = list[list[Any]]


def markdown(header: list[str], rows: Rows) -> str:
    body = ["| " + " | ".join(map(str, one)) + " |" for one in [header, *rows]]
    return "\n".join([body[0], "|" + "---|" * len(header), *body[1:]])


def boxed(header: list[str], rows: Rows) -> str:
    wide = [
        max(len(str(one)) for one in column) + 2
        for column in zip(header, *rows, strict=True)
    ]
    rule = "+" + "+".join("-" * one for one in wide) + "+"
    body = [
        "|"
        + "|".join(f" {one}".ljust(size) for one, size in zip(cells, wide, strict=True))
        + "|"
        for cells in [header, *rows]
    ]
    return "\n".join([rule, body[0], rule, *body[1:], rule])


def aligned(header: list[str], rows: Rows) -> str:
    wide = [
        max(len(str(one)) for one in column) + 3
        for column in zip(header, *rows, strict=True)
    ]
    return "\n".join(
        "".join(
            str(one).ljust(size) for one, size in zip(cells, wide, strict=True)
        ).rstrip()
        for cells in [header, *rows]
    )


def html(header: list[str], rows: Rows) -> str:
    head = "".join(f"<th>{one}</th>" for one in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{one}</td>" for one in cells) + "</tr>" for cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def grouped(join: str, before: str, between: str) -> Callable[[list[str], Rows], str]:
    """Labels again and again, as records, YAML or lines."""
    return lambda header, rows: between.join(
        before + join.join(f"{a}: {b}" for a, b in zip(header, cells, strict=True))
        for cells in rows
    )


def separated(mark: str) -> Callable[[list[str], Rows], str]:
    return lambda header, rows: "\n".join(
        mark.join(map(str, cells)) for cells in [header, *rows]
    )


FORMS: dict[str, Callable[[list[str], Rows], str]] = {
    "markdown": markdown,
    "box": boxed,
    "aligned": aligned,
    "html": html,
    "records": grouped("\n", "", "\n\n"),
    "yaml": grouped("\n  ", "- ", "\n"),
    "lines": grouped(", ", "- ", "\n"),
    "csv": separated(","),
    "semicolons": separated(";"),
    "tabs": separated("\t"),
    "pipes": separated(" | "),
}
BEFORE = (
    "",
    "Date: 2026-04-28\nPlace: Basel\nReference: X-99812\n\n",
    "Dear all, here is what came out of it. Please have a look.\n\n",
    "Date: 2026-04-28 | Place: Basel | Ref: X-99812\n\n",
)


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_any_objects_are_read_in_every_form(name: str) -> None:
    key, properties, headers, rows = TABLES[name]
    wanted = [dict(zip(properties, cells, strict=False)) for cells in rows]
    schema = thing(
        date=nullable(DATE), **{key: {"type": "array", "items": thing(**properties)}}
    )
    wrong = [
        (language, form, before)
        for language in LANGUAGES
        for form, write in FORMS.items()
        for before in BEFORE
        if filled(
            before + write(headers[language].split("|"), rows) + "\n", schema
        ).get(key)
        != wanted
    ]
    # One header of one language may be too little to go by.
    assert len(wrong) <= 4


def test_a_table_of_other_things_gives_no_rows() -> None:
    schema = thing(
        items={"type": "array", "items": thing(task=TEXT, owner=TEXT, due=DATE)}
    )
    assert filled(
        "| Country | Population |\n|---|---|\n| Chad | 18 |\n| Peru | 34 |", schema
    ) == {"items": []}


PLACES: dict[str, Callable[[str, str], str]] = {
    "line": lambda label, one: f"Order 7712\n{label}: {one}\nLicence no. 55120\n",
    "block": lambda label, one: (
        f"Order 7712\n\n{label}:\nOskar Bau\n"
        + one.replace(", ", "\n")
        + "\n\nLicence no. 55120\n"
    ),
    "csv": lambda label, one: f'"Order","7712"\n"{label}","{one}"\n"Total","5.00"\n',
    "html": lambda label, one: (
        f"<table><tr><th>Order</th><td>7712</td></tr><tr><th>{label}</th><td>{one}</td></tr></table>"
    ),
    "beside the seller's": lambda label, one: (
        f"Seller: Nord AG\nSeller address: Ring 1, 10115 Berlin\n{label}: {one}\n"
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("one", "wanted"), ADDRESSES)
def test_where_to_deliver_is_read_as_parts_and_as_a_whole(
    one: str, wanted: dict[str, str | None], place: str
) -> None:
    for label in LABELS:
        text = PLACES[place](label, one)
        assert filled(text, thing(delivery_address=nullable(HOME))) == {
            "delivery_address": wanted
        }
        if place != "block":
            found = filled(text, thing(shipping_address=nullable(TEXT)))
            assert found == {"shipping_address": one}


@pytest.mark.parametrize("language", LANGUAGES)
def test_headers_of_mail_are_read(language: str) -> None:
    sender, to, copy, day, subject, files = MAIL[language].split("|")
    text = (
        f"{sender}: Nora Falk <nora@falk.example>\n"
        f"{to}: Tim Aro <tim@aro.example>, ida@aro.example\n"
        f"{copy}: Kay Lund <kay@lund.example>\n{day}: Tue, 3 Mar 2026 09:15:00 +0100\n"
        f"{subject}: Your offer of last week\n{files}: offer.pdf, terms.pdf\n\n"
        "Dear Tim,\n\nplease find the offer attached.\n\nNora\n"
    )
    schema = thing(
        sender_name=nullable(TEXT), sender_email=nullable(EMAIL), recipients=EMAILS,
        date=nullable(DATE), subject=nullable(TEXT), cc=EMAILS, attachments=TEXTS,
    )  # fmt: skip
    assert filled(text, schema) == {
        "sender_name": "Nora Falk",
        "sender_email": "nora@falk.example",
        "recipients": ["tim@aro.example", "ida@aro.example"],
        "date": "2026-03-03",
        "subject": "Your offer of last week",
        "cc": ["kay@lund.example"],
        "attachments": ["offer.pdf", "terms.pdf"],
    }


@pytest.mark.parametrize(("text", "properties", "wanted"), SAID)
def test_what_a_text_says_is_read_and_nothing_else(
    text: str, properties: dict[str, Any], wanted: dict[str, Any]
) -> None:
    schema = thing(**{key: nullable(one) for key, one in properties.items()})
    found = filled(text, schema)
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize(("prompt", "wanted"), REQUESTS)
def test_requests_call_what_they_ask_for(
    prompt: str, wanted: list[tuple[str, dict[str, Any]]]
) -> None:
    made = tools.pick(prompt, ALL).calls
    found = [(one.name, json.loads(one.arguments)) for one in made]
    assert sorted(found, key=str) == sorted(wanted, key=str) or (
        len(found) == len(wanted) and all(one in found for one in wanted)
    )


def test_arguments_in_an_argument_are_filled() -> None:
    order = {
        "type": "object",
        "properties": {"product": TEXT, "quantity": WHOLE, "customer_email": TEXT},
        "required": ["product", "quantity", "customer_email"],
    }
    schema = {
        "type": "object",
        "properties": {"order": {"$ref": "#/$defs/Order"}},
        "required": ["order"],
        "$defs": {"Order": order},
    }
    place = tools.Tool("create_order", "Place an order", json.dumps(schema))
    made = tools.pick(
        "Place an order of 3 desk lamps for ann@x.example.", (place,)
    ).calls
    assert [json.loads(one.arguments) for one in made] == [
        {
            "order": {
                "product": "desk lamps",
                "quantity": 3,
                "customer_email": "ann@x.example",
            }
        }
    ]


@pytest.mark.parametrize("name", ["get_product_price", "get_weather"])
def test_a_forced_call_takes_words_of_the_request(name: str) -> None:
    prompt = "please take the blue one"
    (made,) = tools.pick(prompt, ALL, named=name).calls
    assert all(value in prompt for value in json.loads(made.arguments).values())
