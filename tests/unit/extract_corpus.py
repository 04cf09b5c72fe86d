"""
Documents made by chance, with the values that they hold.

Two corpora: `seen` is what the rules were developed with, `unseen` has layouts, labels,
languages of dates and formats of its own, and no rule was changed for it.
"""

# Typography of documents: signs that look like others.
# ruff: noqa: RUF001
from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Row = tuple[str, list[str]]


@dataclass
class Case:
    """A text, the schema to fill from it, and what it holds (None: not there)."""

    kind: str
    layout: str
    text: str
    schema: dict[str, Any]
    truth: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
DATE = {"type": "string", "format": "date"}
EMAIL = {"type": "string", "format": "email"}
ADDRESS = strict(
    {"street": TEXT, "city": TEXT, "postal_code": TEXT, "country": nullable(TEXT)}
)
ITEM = strict({"description": TEXT, "quantity": WHOLE, "unit_price": NUMBER})
INVOICE = strict(
    {
        "invoice_number": nullable(TEXT),
        "invoice_date": nullable(DATE),
        "due_date": nullable(DATE),
        "vendor_name": nullable(TEXT),
        "customer_name": nullable(TEXT),
        "customer_address": nullable(ADDRESS),
        "customer_email": nullable(EMAIL),
        "line_items": {"type": "array", "items": ITEM},
        "subtotal": nullable(NUMBER),
        "tax": nullable(NUMBER),
        "total": nullable(NUMBER),
        "currency": nullable({"type": "string", "enum": ["USD", "EUR", "GBP", "CHF"]}),
        "paid": nullable({"type": "boolean"}),
    }
)
ORDER = strict(
    {
        "order_number": nullable(TEXT),
        "order_date": nullable(DATE),
        "delivery_date": nullable(DATE),
        "customer": nullable(
            strict({"name": nullable(TEXT), "email": nullable(EMAIL)})
        ),
        "phone": nullable(TEXT),
        "total_amount": nullable(NUMBER),
        "status": nullable(
            {"type": "string", "enum": ["pending", "shipped", "delivered", "cancelled"]}
        ),
    }
)
MEETING = strict(
    {
        "title": nullable(TEXT),
        "date": nullable(DATE),
        "location": nullable(TEXT),
        "organizer_email": nullable(EMAIL),
        "attendees": {"type": "array", "items": TEXT},
    }
)

MONTHS = {
    "en": "January February March April May June July August September October "
    "November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November "
    "Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre "
    "décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
    "noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre "
    "novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro "
    "novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober "
    "november december",
}


def month(day: datetime.date, language: str) -> str:
    return MONTHS[language].split()[day.month - 1]


Date = Callable[[datetime.date], str]


def _dates(seen: bool) -> dict[str, list[Date]]:
    if seen:
        return {
            "en": [
                lambda d: d.isoformat(),
                lambda d: f"{month(d, 'en')} {d.day}, {d.year}",
                lambda d: f"{d.day} {month(d, 'en')[:3]} {d.year}",
                # 03/04 is in March or in April: nobody can tell.
                lambda d: (
                    f"{d.day:02}/{d.month:02}/{d.year}" if d.day > 12 else d.isoformat()
                ),
            ],
            "de": [
                lambda d: f"{d.day:02}.{d.month:02}.{d.year}",
                lambda d: f"{d.day}. {month(d, 'de')} {d.year}",
            ],
            "fr": [
                lambda d: f"{d.day} {month(d, 'fr')} {d.year}",
                lambda d: f"{d.day:02}/{d.month:02}/{d.year}",
            ],
            "es": [
                lambda d: f"{d.day} de {month(d, 'es')} de {d.year}",
                lambda d: f"{d.day:02}-{d.month:02}-{d.year}",
            ],
        }
    return {
        "en": [
            lambda d: f"{month(d, 'en')[:3]}. {_ordinal(d.day)}, {d.year}",
            lambda d: f"{_ordinal(d.day)} of {month(d, 'en')} {d.year}",
            lambda d: f"{d.day:02}-{month(d, 'en')[:3].upper()}-{d.year}",
            lambda d: f"{d:%A}, {d.day} {month(d, 'en')} {d.year}",
            lambda d: f"{d.year}/{d.month:02}/{d.day:02}",
        ],
        "it": [
            lambda d: f"{d.day} {month(d, 'it')} {d.year}",
            lambda d: f"{d.day}/{d.month}/{d.year}",
        ],
        "pt": [lambda d: f"{d.day} de {month(d, 'pt')} de {d.year}"],
        "nl": [
            lambda d: f"{d.day} {month(d, 'nl')} {d.year}",
            lambda d: f"{d.day}-{d.month}-{d.year}",
        ],
        "de": [lambda d: f"{d.day}. {month(d, 'de')[:3]}. {d.year}"],
    }


def _ordinal(day: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in {11, 12, 13} else 0)
    return f"{day}{ending or 'th'}"


def grouped(value: float, group: str, decimal: str) -> str:
    whole, cents = f"{value:.2f}".split(".")
    parts = []
    while whole:
        parts.insert(0, whole[-3:])
        whole = whole[:-3]
    return group.join(parts) + decimal + cents


SEEN_NUMBERS = {
    "en": [(",", "."), ("", ".")],
    "de": [(".", ","), ("", ",")],
    "fr": [(" ", ","), ("\u202f", ",")],
    "es": [(".", ",")],
}
UNSEEN_NUMBERS = {
    "en": [(",", "."), ("'", ".")],
    "it": [(".", ","), ("’", ",")],
    "pt": [(".", ",")],
    "nl": [(".", ","), ("\u00a0", ",")],
    "de": [("'", "."), (".", ",")],
}
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CHF": "CHF"}

SEEN_LABELS: dict[str, dict[str, list[str]]] = {
    "en": {
        "invoice_number": ["Invoice Number", "Invoice No.", "Invoice #"],
        "invoice_date": ["Invoice Date", "Date", "Issue date"],
        "due_date": ["Due Date", "Payment due", "Due"],
        "vendor_name": ["Vendor", "Supplier", "Seller"],
        "customer_name": ["Customer", "Bill To", "Client"],
        "customer_email": ["Customer email", "E-mail", "Email"],
        "subtotal": ["Subtotal", "Sub-total", "Net amount"],
        "tax": ["Tax", "VAT", "Sales tax"],
        "total": ["Total", "Amount due", "Grand total", "Total due"],
        "paid": ["Paid"],
        "order_number": ["Order number", "Order no.", "Order ID"],
        "order_date": ["Order date", "Ordered on"],
        "delivery_date": ["Delivery date", "Expected delivery"],
        "phone": ["Phone", "Tel.", "Phone number"],
        "status": ["Status", "Order status"],
        "title": ["Title", "Subject", "Meeting"],
        "location": ["Location", "Place", "Where"],
        "organizer_email": ["Organizer email", "Organizer"],
        "attendees": ["Attendees", "Participants"],
        "date": ["Date"],
    },
    "de": {
        "invoice_number": ["Rechnungsnummer", "Rechnung Nr.", "Rechnungs-Nr."],
        "invoice_date": ["Rechnungsdatum", "Datum"],
        "due_date": ["Fälligkeitsdatum", "Fällig am", "Zahlbar bis"],
        "vendor_name": ["Lieferant", "Verkäufer"],
        "customer_name": ["Kunde", "Rechnung an"],
        "customer_email": ["E-Mail", "E-Mail des Kunden"],
        "subtotal": ["Zwischensumme", "Nettobetrag"],
        "tax": ["MwSt.", "Umsatzsteuer", "USt"],
        "total": ["Gesamtbetrag", "Rechnungsbetrag", "Summe"],
        "paid": ["Bezahlt"],
    },
    "fr": {
        "invoice_number": ["Facture n°", "Numéro de facture", "Facture no"],
        "invoice_date": ["Date de facture", "Date"],
        "due_date": ["Date d'échéance", "Échéance"],
        "vendor_name": ["Fournisseur", "Vendeur"],
        "customer_name": ["Client", "Facturer à"],
        "customer_email": ["E-mail", "Courriel"],
        "subtotal": ["Sous-total", "Total HT"],
        "tax": ["TVA"],
        "total": ["Total TTC", "Net à payer", "Montant total"],
        "paid": ["Payé"],
    },
    "es": {
        "invoice_number": ["Factura n.º", "Número de factura"],
        "invoice_date": ["Fecha de factura", "Fecha"],
        "due_date": ["Fecha de vencimiento", "Vencimiento"],
        "vendor_name": ["Proveedor", "Vendedor"],
        "customer_name": ["Cliente", "Facturado a"],
        "customer_email": ["Correo electrónico", "E-mail"],
        "subtotal": ["Subtotal", "Base imponible"],
        "tax": ["IVA"],
        "total": ["Total", "Importe total", "Total a pagar"],
        "paid": ["Pagado"],
    },
}
UNSEEN_LABELS: dict[str, dict[str, list[str]]] = {
    "en": {
        "invoice_number": ["Inv. No", "Bill number", "Invoice reference", "Invoice ID"],
        "invoice_date": ["Dated", "Date of issue", "Billing date", "Invoice issued"],
        "due_date": ["Pay by", "Payment due date", "Please pay before"],
        "vendor_name": ["Merchant", "Sold by", "Vendor name", "Issued by"],
        "customer_name": ["Billed to", "Buyer", "Customer name", "Sold to"],
        "customer_email": ["Client e-mail", "Contact email", "Mail"],
        "subtotal": ["Net total", "Amount before tax", "Sub total"],
        "tax": ["GST", "VAT 20%", "Taxes", "Tax amount"],
        "total": ["Balance due", "Total amount", "Total payable", "To pay"],
        "paid": ["Already paid", "Payment received"],
        "order_number": ["Your order", "Order ref", "Purchase order", "Booking no"],
        "order_date": ["Placed on", "Date of order", "Date ordered"],
        "delivery_date": ["Arrives on", "Will be delivered", "Estimated delivery date"],
        "phone": ["Mobile", "Call us", "Telephone no."],
        "status": ["State of order", "Current status", "Shipping status"],
        "title": ["Topic", "Event", "Meeting title"],
        "location": ["Venue", "Room", "Meeting place"],
        "organizer_email": ["Organised by", "Contact", "Organizer's mail"],
        "attendees": ["Invited", "People", "Guests"],
        "date": ["Day", "When", "Meeting date"],
    },
    "it": {
        "invoice_number": ["Fattura n.", "Numero fattura", "N. fattura"],
        "invoice_date": ["Data fattura", "Data di emissione"],
        "due_date": ["Scadenza", "Data di scadenza"],
        "vendor_name": ["Fornitore", "Venditore"],
        "customer_name": ["Cliente", "Spett.le"],
        "customer_email": ["Posta elettronica", "E-mail cliente"],
        "subtotal": ["Imponibile", "Totale netto"],
        "tax": ["IVA", "Imposta"],
        "total": ["Totale fattura", "Totale da pagare", "Totale"],
        "paid": ["Pagato", "Saldato"],
    },
    "pt": {
        "invoice_number": ["Fatura n.º", "Número da fatura"],
        "invoice_date": ["Data da fatura", "Data de emissão"],
        "due_date": ["Data de vencimento", "Vencimento"],
        "vendor_name": ["Fornecedor", "Vendedor"],
        "customer_name": ["Cliente", "Comprador"],
        "customer_email": ["E-mail", "Correio eletrónico"],
        "subtotal": ["Subtotal", "Total líquido"],
        "tax": ["IVA", "Imposto"],
        "total": ["Total a pagar", "Valor total", "Total"],
        "paid": ["Pago"],
    },
    "nl": {
        "invoice_number": ["Factuurnummer", "Factuurnr."],
        "invoice_date": ["Factuurdatum", "Datum"],
        "due_date": ["Vervaldatum", "Te betalen voor"],
        "vendor_name": ["Leverancier", "Verkoper"],
        "customer_name": ["Klant", "Klantnaam"],
        "customer_email": ["E-mailadres", "E-mail klant"],
        "subtotal": ["Subtotaal", "Netto bedrag"],
        "tax": ["BTW", "Btw-bedrag"],
        "total": ["Totaalbedrag", "Te betalen", "Totaal"],
        "paid": ["Betaald"],
    },
    "de": {
        "invoice_number": ["Beleg-Nr.", "Rechnungs-ID", "Rg.-Nr."],
        "invoice_date": ["Ausstellungsdatum", "Datum der Rechnung"],
        "due_date": ["Zahlungsziel", "Zu zahlen bis"],
        "vendor_name": ["Anbieter", "Rechnungssteller"],
        "customer_name": ["Kundenname", "Rechnungsempfänger"],
        "customer_email": ["Mailadresse", "Kunden-E-Mail"],
        "subtotal": ["Summe netto", "Netto"],
        "tax": ["Mehrwertsteuer", "zzgl. MwSt."],
        "total": ["Endbetrag", "Bruttobetrag", "Zu zahlender Betrag"],
        "paid": ["Schon bezahlt"],
    },
}
YES = {"en": "yes", "de": "ja", "fr": "oui", "es": "sí", "it": "sì", "pt": "sim"}
YES |= {"nl": "ja"}
NO = {"en": "no", "de": "nein", "fr": "non", "es": "no", "it": "no", "pt": "não"}
NO |= {"nl": "nee"}

COMPANIES = [
    "Acme Corp", "Globex GmbH", "Initech LLC", "Umbrella Handels AG", "Soylent, Inc.",
    "Dunder & Söhne", "Maison Lefèvre", "Talleres Núñez S.L.", "Rossi S.p.A.",
    "Blue Harbour Trading", "Van Dijk B.V.", "Quantum Widgets Ltd",
]  # fmt: skip
PEOPLE = [
    "Ann Lee", "Jürgen Maier", "Chloé Dubois", "José García", "Marta Rossi",
    "Peter van Dam", "Olivia O'Brien", "Wei Zhang", "Anna-Lena Vogt", "Sean Murphy",
]  # fmt: skip
SEEN_ADDRESSES = [
    ("12 High Street", "Leeds", "LS1 4AP", "United Kingdom", "{s}|{c} {p}|{k}"),
    ("123 Main St", "Springfield", "62704", "USA", "{s}|{c}, IL {p}|{k}"),
    ("Hauptstraße 5", "Berlin", "10115", "Germany", "{s}|{p} {c}|{k}"),
    ("8 rue des Lilas", "Lyon", "69003", "France", "{s}|{p} {c}|{k}"),
    ("Bahnhofstrasse 12", "Zürich", "8001", None, "{s}|{p} {c}"),
    ("77 Ocean Ave", "Miami", "33101", None, "{s}|{c}, FL {p}"),
]
UNSEEN_ADDRESSES = [
    ("Via Garibaldi 9", "Torino", "10122", "Italia", "{s}|{p} {c}|{k}"),
    ("Keizersgracht 201", "Amsterdam", "1016 DS", "Netherlands", "{s}|{p} {c}|{k}"),
    ("Rua Augusta 110", "Lisboa", "1100-053", "Portugal", "{s}|{p} {c}|{k}"),
    ("4500 Elm Road, Suite 8", "Austin", "78701-1234", "USA", "{s}|{c}, TX {p}|{k}"),
    ("9 George Street", "Sydney", "2000", "Australia", "{s}|{c} NSW {p}|{k}"),
    ("Lindenweg 3a", "Graz", "8010", "Österreich", "{s}|A-{p} {c}|{k}"),
    ("55 Queen St W", "Toronto", "M5H 2M9", "Canada", "{s}|{c}, ON {p}|{k}"),
    ("221 Baker Street", "London", "NW1 6XE", None, "{s}|{c}|{p}"),
]
SEEN_PRODUCTS = ["Widget A", "Blue paint", "USB cable", "Desk lamp", "Consulting"]
UNSEEN_PRODUCTS = [
    "Oak chair (large)", "A4 paper", "Hosting, yearly", "Schraube M8x40", "Café crème",
    "12V battery", "Travel - Paris", "Wartung",
]  # fmt: skip


# ---- layouts: rows of label and value lines -> text


def _colon(rows: list[Row]) -> str:
    return "\n".join(f"{label}: {_joined(value)}" for label, value in rows)


def _joined(value: list[str]) -> str:
    return ", ".join(value)


def _bold(rows: list[Row]) -> str:
    return "\n".join(f"**{label}**: {_joined(value)}" for label, value in rows)


def _dash(rows: list[Row]) -> str:
    return "\n".join(f"{label} - {_joined(value)}" for label, value in rows)


def _equals(rows: list[Row]) -> str:
    return "\n".join(f"{label} = {_joined(value)}" for label, value in rows)


def _pipes(rows: list[Row]) -> str:
    return "\n".join(f"{label} | {_joined(value)}" for label, value in rows)


def _markdown(rows: list[Row]) -> str:
    head = ["| Field | Value |", "|---|---|"]
    return "\n".join([*head, *(f"| {la} | {_joined(va)} |" for la, va in rows)])


def _aligned(rows: list[Row]) -> str:
    return "\n".join(f"{label:<26}{_joined(value)}" for label, value in rows)


def _stacked(rows: list[Row]) -> str:
    return "\n\n".join(f"{label}\n" + "\n".join(value) for label, value in rows)


def _blocks(rows: list[Row]) -> str:
    return "\n\n".join(f"{label}:\n" + "\n".join(value) for label, value in rows)


def _bullets(rows: list[Row]) -> str:
    return "\n".join(f"- {label}: {_joined(value)}" for label, value in rows)


def _tabs(rows: list[Row]) -> str:
    return "\n".join(f"{label}\t{_joined(value)}" for label, value in rows)


def _dots(rows: list[Row]) -> str:
    return "\n".join(f"{label} ........ {_joined(value)}" for label, value in rows)


def _indented(rows: list[Row]) -> str:
    return "\n".join(f"      {label} : {_joined(value)}" for label, value in rows)


def _arrows(rows: list[Row]) -> str:
    return "\n".join(f"* {label} -> {_joined(value)}" for label, value in rows)


def _semicolons(rows: list[Row]) -> str:
    return "; ".join(f"{label}: {_joined(value)}" for label, value in rows)


def _two_by_two(rows: list[Row]) -> str:
    lines = []
    for start in range(0, len(rows), 2):
        parts = [f"{la}: {_joined(va)}" for la, va in rows[start : start + 2]]
        lines.append(f"{parts[0]:<60}  {parts[1]}" if len(parts) > 1 else parts[0])
    return "\n".join(lines)


def _numbered(rows: list[Row]) -> str:
    return "\n".join(
        f"{n}. {label}: {_joined(value)}" for n, (label, value) in enumerate(rows, 1)
    )


def _quoted(rows: list[Row]) -> str:
    return "\n".join(f'{label}: "{_joined(value)}"' for label, value in rows)


def _shouting(rows: list[Row]) -> str:
    return "\n".join(f"{label.upper()}:   {_joined(value)}" for label, value in rows)


def _bold_inside(rows: list[Row]) -> str:
    return "\n".join(f"- **{label}:** {_joined(value)}" for label, value in rows)


def _csv(rows: list[Row]) -> str:
    return "\n".join(f'"{label}";"{_joined(value)}"' for label, value in rows)


SEEN_LAYOUTS = [
    _colon, _bold, _dash, _equals, _pipes, _markdown, _aligned, _stacked, _blocks,
    _bullets, _tabs,
]  # fmt: skip
UNSEEN_LAYOUTS = [
    _dots, _indented, _arrows, _two_by_two, _numbered, _quoted, _shouting, _bold_inside,
    _semicolons, _csv,
]  # fmt: skip

Item = tuple[str, int, float]
Money = Callable[[float], str]


def _item_lines(pattern: str) -> Callable[[list[Item], Money, Money], str]:
    def write(items: list[Item], bare: Money, money: Money) -> str:
        return "\n".join(
            pattern.format(
                d=what, q=many, u=money(price), a=money(price * many), n=number
            )
            for number, (what, many, price) in enumerate(items, 1)
        )

    return write


def _item_table(columns: str, style: str) -> Callable[[list[Item], Money, Money], str]:
    def write(items: list[Item], bare: Money, money: Money) -> str:
        names = columns.split("|")
        rows = [names] + [
            [what, str(many), bare(price), bare(many * price)][: len(names)]
            for what, many, price in items
        ]
        if style == "markdown":
            lines = ["| " + " | ".join(row) + " |" for row in rows]
            lines.insert(1, "|" + "---|" * len(names))
        elif style == "csv":
            lines = [";".join(row) for row in rows]
        elif style == "tabs":
            lines = ["\t".join(row) for row in rows]
        else:
            lines = [
                row[0].ljust(24) + "".join(cell.rjust(14) for cell in row[1:])
                for row in rows
            ]
        return "\n".join(lines)

    return write


SEEN_ITEMS = [
    _item_lines("- {d}, {q} units, {u} each"),
    _item_lines("- {q} x {d} @ {u}"),
    _item_lines("{n}. {d} (x{q}) - {u} each"),
    _item_table("Description|Quantity|Unit price|Amount", "markdown"),
    _item_table("Item|Qty|Price|Total", "aligned"),
    _item_table("Product|Quantity|Price", "csv"),
]
UNSEEN_ITEMS = [
    _item_lines("* {q} pcs {d} at {u} = {a}"),
    _item_lines("{q}x {d}  {u} per unit"),
    _item_lines("- {d}: {q} × {u}"),
    _item_lines("• {d} — qty {q} — {u}"),
    _item_table("Artikel|Menge|Einzelpreis|Gesamt", "markdown"),
    _item_table("Designation|Qté|Prix unitaire|Montant", "aligned"),
    _item_table("Article|Count|Rate|Sum", "tabs"),
    _item_table("Service|Hours|Rate|Amount", "markdown"),
]
OPENINGS = {
    True: ["", "Please extract the data from this document.\n\n", "Invoice\n\n"],
    False: [
        "",
        "Hi team,\nhere is what we received this morning, can you file it?\n\n",
        "=== DOCUMENT ===\n\n",
        "# Details\n\n",
    ],
}
CLOSINGS = {
    True: ["", "\n\nThank you for your business!"],
    False: [
        "",
        "\n\nTerms: payment by bank transfer only. Page 1 of 1.",
        "\n\nBest regards,\nAccounting",
    ],
}


class Maker:
    """Makes the cases of one corpus."""

    def __init__(self, chance: random.Random, *, seen: bool) -> None:
        self.chance, self.seen = chance, seen
        self.labels = SEEN_LABELS if seen else UNSEEN_LABELS
        self.numbers = SEEN_NUMBERS if seen else UNSEEN_NUMBERS
        self.dates = _dates(seen)
        self.layouts = SEEN_LAYOUTS if seen else UNSEEN_LAYOUTS

    def pick(self, options: Any) -> Any:
        return self.chance.choice(list(options))

    def day(self) -> datetime.date:
        return datetime.date(2024, 1, 1) + datetime.timedelta(
            self.chance.randrange(900)
        )

    def number(self) -> str:
        forms = (
            ["INV-####", "####", "R-20##-###", "A####"]
            if self.seen
            else ["20##/#####", "AB##-###-X", "No#####", "F.##.####"]
        )
        return "".join(
            self.pick("0123456789") if char == "#" else char
            for char in self.pick(forms)
        )

    def money(self, language: str, currency: str) -> tuple[Money, Money]:
        group, decimal = self.pick(self.numbers[language])
        form = self.pick(["{s}{v}", "{v} {c}", "{c} {v}", "{v} {s}"])
        if currency == "CHF":
            form = "CHF {v}"

        def bare(value: float) -> str:
            return grouped(value, group, decimal)

        def with_currency(value: float) -> str:
            return form.format(v=bare(value), s=SIGNS[currency], c=currency)

        return bare, with_currency

    def rows(
        self, language: str, values: dict[str, list[str]], drop: float
    ) -> tuple[list[Row], set[str]]:
        rows, kept = [], set()
        for name, value in values.items():
            if name != "total" and self.chance.random() < drop:
                continue
            kept.add(name)
            rows.append((self.pick(self.labels[language][name]), value))
        return rows, kept

    def invoice(self) -> Case:
        language = self.pick(self.labels)
        currency = self.pick(SIGNS)
        bare, money = self.money(language, currency)
        date = self.pick(self.dates[language])
        issued = self.day()
        due = issued + datetime.timedelta(self.chance.randrange(10, 60))
        person = self.pick(PEOPLE)
        street, city, postal, country, form = self.pick(
            SEEN_ADDRESSES if self.seen else UNSEEN_ADDRESSES
        )
        products = SEEN_PRODUCTS if self.seen else UNSEEN_PRODUCTS
        items = [
            (
                what,
                self.chance.randrange(1, 30),
                self.chance.randrange(100, 250000) / 100,
            )
            for what in self.chance.sample(products, self.chance.randrange(1, 4))
        ]
        subtotal = round(sum(many * price for _, many, price in items), 2)
        tax = round(subtotal * self.pick([0.07, 0.19, 0.2]), 2)
        number, vendor = self.number(), self.pick(COMPANIES)
        email = f"{self.pick('abcdef')}.{self.pick(['kim', 'ng', 'roy'])}@example.org"
        address = form.format(s=street, c=city, p=postal, k=country).split("|")
        is_paid = self.pick([True, False])
        values = {
            "invoice_number": [number],
            "invoice_date": [date(issued)],
            "due_date": [date(due)],
            "vendor_name": [vendor],
            "customer_name": [person, *address],
            "customer_email": [email],
            "subtotal": [money(subtotal)],
            "tax": [money(tax)],
            "total": [money(subtotal + tax)],
            "paid": [(YES if is_paid else NO)[language]],
        }
        rows, kept = self.rows(language, values, drop=0.15)
        layout = self.pick(self.layouts)
        split = next((n for n, row in enumerate(rows) if row[1] == values["tax"]), 0)
        split = split or len(rows) - 1
        has_items = self.chance.random() < 0.8
        block = self.pick(SEEN_ITEMS if self.seen else UNSEEN_ITEMS)
        between = f"\n\n{block(items, bare, money)}\n\n" if has_items else "\n"
        text = (
            self.pick(OPENINGS[self.seen])
            + layout(rows[:split])
            + between
            + layout(rows[split:])
            + self.pick(CLOSINGS[self.seen])
        )
        truth: dict[str, Any] = {
            "invoice_number": number,
            "invoice_date": issued.isoformat(),
            "due_date": due.isoformat(),
            "vendor_name": vendor,
            "customer_name": person,
            "customer_email": email,
            "subtotal": subtotal,
            "tax": tax,
            "total": round(subtotal + tax, 2),
            "paid": is_paid,
        }
        truth = {name: truth[name] if name in kept else None for name in truth}
        truth["currency"] = currency
        truth["customer_address"] = (
            {"street": street, "city": city, "postal_code": postal, "country": country}
            if "customer_name" in kept
            else None
        )
        truth["line_items"] = [
            {"description": what, "quantity": many, "unit_price": price}
            for what, many, price in items
            if has_items
        ]
        return Case("invoice", layout.__name__, text, INVOICE, truth)

    def order(self) -> Case:
        """A mail in sentences."""
        _, money = self.money("en", self.pick(["USD", "EUR", "GBP"]))
        date = self.pick(self.dates["en"])
        placed = self.day()
        arrives = placed + datetime.timedelta(self.chance.randrange(2, 20))
        person, number = self.pick(PEOPLE), self.number()
        email = f"{self.pick(['info', 'sales', 'me'])}@{self.pick('xyz')}-shop.example"
        phone = self.pick(["+1 555 0100", "(030) 123 4567", "+49 170 5550199"])
        total = self.chance.randrange(500, 900000) / 100
        status = self.pick(["pending", "shipped", "delivered", "cancelled"])
        seen = [
            ("order_number", f"my order number is {number}."),
            ("order_date", f"The order date was {date(placed)}."),
            ("delivery_date", f"The delivery date is {date(arrives)}."),
            ("name", f"My name is {person}."),
            ("email", f"My email address is {email}."),
            ("phone", f"You can call my phone: {phone}."),
            ("total_amount", f"The total amount is {money(total)}."),
            ("status", f"The status says {status}."),
        ]
        unseen = [
            ("order_number", f"this is about order {number}."),
            ("order_date", f"I ordered on {date(placed)}."),
            ("delivery_date", f"Delivery is planned for {date(arrives)}."),
            ("name", f"I am {person}."),
            ("email", f"Write to {email} if anything is unclear."),
            ("phone", f"My mobile is {phone}."),
            ("total_amount", f"I paid a total of {money(total)}."),
            ("status", f"Your site shows it as {status}."),
        ]
        chosen = [
            one
            for one in (seen if self.seen else unseen)
            if self.chance.random() > 0.15
        ]
        kept = {name for name, _ in chosen}
        text = "Hello, " + " ".join(sentence for _, sentence in chosen) + " Thanks!"
        truth: dict[str, Any] = {
            "order_number": number if "order_number" in kept else None,
            "order_date": placed.isoformat() if "order_date" in kept else None,
            "delivery_date": arrives.isoformat() if "delivery_date" in kept else None,
            "customer": {
                "name": person if "name" in kept else None,
                "email": email if "email" in kept else None,
            }
            if kept & {"name", "email"}
            else None,
            "phone": phone if "phone" in kept else None,
            "total_amount": total if "total_amount" in kept else None,
            "status": status if "status" in kept else None,
        }
        return Case("order", "sentences", text, ORDER, truth)

    def shipment(self) -> Case:
        """An order as labelled lines."""
        _, money = self.money("en", self.pick(["USD", "EUR", "GBP"]))
        date = self.pick(self.dates["en"])
        placed = self.day()
        arrives = placed + datetime.timedelta(self.chance.randrange(2, 20))
        number = self.number()
        phone = self.pick(["+1 555 0100", "(030) 123-4567", "+49 170 5550199"])
        total = self.chance.randrange(500, 900000) / 100
        status = self.pick(["pending", "shipped", "delivered", "cancelled"])
        values = {
            "order_number": [number],
            "order_date": [date(placed)],
            "delivery_date": [date(arrives)],
            "phone": [phone],
            "total": [money(total)],
            "status": [status.capitalize()],
        }
        rows, kept = self.rows("en", values, drop=0.2)
        self.chance.shuffle(rows)
        layout = self.pick(self.layouts)
        text = self.pick(OPENINGS[self.seen]) + layout(rows)
        truth: dict[str, Any] = {
            "order_number": number,
            "order_date": placed.isoformat(),
            "delivery_date": arrives.isoformat(),
            "phone": phone,
            "status": status,
        }
        truth = {name: truth[name] if name in kept else None for name in truth}
        truth |= {"total_amount": total, "customer": None}
        return Case("shipment", layout.__name__, text, ORDER, truth)

    def meeting(self) -> Case:
        date = self.pick(self.dates["en"])
        day = self.day()
        guests = self.chance.sample(PEOPLE, self.chance.randrange(2, 4))
        place = self.pick(["Room 4B", "Grand Hotel, Vienna", "Café Central", "Online"])
        title = self.pick(["Budget review", "Kick-off", "Team lunch", "Q3 planning"])
        email = f"{self.pick(['office', 'anna'])}@example.net"
        values = {
            "title": [title],
            "date": [date(day)],
            "location": [place],
            "organizer_email": [email],
            "attendees": guests,
        }
        rows, kept = self.rows("en", values, drop=0.15)
        layout = self.pick(self.layouts)
        text = self.pick(OPENINGS[self.seen]) + layout(rows)
        truth: dict[str, Any] = {
            "title": title if "title" in kept else None,
            "date": day.isoformat() if "date" in kept else None,
            "location": place if "location" in kept else None,
            "organizer_email": email if "organizer_email" in kept else None,
            "attendees": guests if "attendees" in kept else [],
        }
        return Case("meeting", layout.__name__, text, MEETING, truth)


def cases(number: int, seed: int, *, seen: bool) -> Iterator[Case]:
    """Make cases: half of them invoices."""
    maker = Maker(random.Random(seed), seen=seen)
    makers = [maker.invoice, maker.order, maker.invoice, maker.shipment]
    makers += [maker.invoice, maker.meeting]
    for place in range(number):
        yield makers[place % len(makers)]()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the single values of a truth by path; the rows of a list together."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


# ---- the third corpus: other papers, written when the rules were finished

CARD = strict(
    {
        "full_name": nullable(TEXT),
        "job_title": nullable(TEXT),
        "company": nullable(TEXT),
        "email": nullable(EMAIL),
        "phone": nullable(TEXT),
        "website": nullable({"type": "string", "format": "uri"}),
        "birth_date": nullable(DATE),
        "skills": {"type": "array", "items": TEXT},
    }
)
RECEIPT = strict(
    {
        "store": nullable(TEXT),
        "purchase_date": nullable(DATE),
        "items": {"type": "array", "items": strict({"name": TEXT, "price": NUMBER})},
        "tip": nullable(NUMBER),
        "total": nullable(NUMBER),
        "payment_method": nullable({"enum": ["cash", "credit_card", "voucher"]}),
    }
)
PRODUCT = strict(
    {
        "product_name": nullable(TEXT),
        "brand": nullable(TEXT),
        "price": nullable(NUMBER),
        "in_stock": nullable({"type": "boolean"}),
        "color": nullable({"enum": ["red", "green", "blue", "black"]}),
        "weight_kg": nullable(NUMBER),
        "warranty_months": nullable(WHOLE),
    }
)
TRIP = strict(
    {
        "passenger": nullable(TEXT),
        "booking_reference": nullable(TEXT),
        "departure_date": nullable(DATE),
        "fare": nullable(NUMBER),
        "number_of_bags": nullable(WHOLE),
    }
)
LETTER = strict(
    {
        "sender_email": nullable(EMAIL),
        "recipient_email": nullable(EMAIL),
        "subject": nullable(TEXT),
        "sent_date": nullable(DATE),
    }
)


def _double_colon(rows: list[Row]) -> str:
    return "\n".join(f"{label} :: {_joined(value)}" for label, value in rows)


def _bracketed(rows: list[Row]) -> str:
    return "\n".join(f"[{label}] {_joined(value)}" for label, value in rows)


def _yaml(rows: list[Row]) -> str:
    lines = [f"{la.lower().replace(' ', '_')}: '{_joined(va)}'" for la, va in rows]
    return "\n".join(["---", *lines, "---"])


def _json(rows: list[Row]) -> str:
    lines = [f'  "{la}": "{_joined(va)}"' for la, va in rows]
    return "{\n" + ",\n".join(lines) + "\n}"


def _dashes(rows: list[Row]) -> str:
    return "\n".join(f"{label} -- {_joined(value)}" for label, value in rows)


def _below(rows: list[Row]) -> str:
    return "\n".join(f"{label}:\n    {_joined(value)}" for label, value in rows)


def _html(rows: list[Row]) -> str:
    return "\n".join(f"<b>{la}</b>: {_joined(va)}<br>" for la, va in rows)


def _bars(rows: list[Row]) -> str:
    return " | ".join(f"{label}: {_joined(value)}" for label, value in rows)


HELD_OUT_LAYOUTS = [
    _double_colon, _bracketed, _yaml, _json, _dashes, _below, _html, _bars, _colon,
]  # fmt: skip


def _months(names: str) -> list[str]:
    return names.split()


SWEDISH = _months(
    "januari februari mars april maj juni juli augusti september oktober november "
    "december"
)
POLISH = _months(
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
    "listopada grudnia"
)
HELD_OUT_DATES: list[Date] = [
    lambda d: f"{d.day} {SWEDISH[d.month - 1]} {d.year}",
    lambda d: f"{d.day} {POLISH[d.month - 1]} {d.year}",
    lambda d: f"{d.year}.{d.month:02}.{d.day:02}",
    lambda d: f"{d:%a}, {d.day:02} {month(d, 'en')[:3]} {d.year} 14:05:00 +0100",
    lambda d: f"{month(d, 'en')} the {_ordinal(d.day)}, {d.year}",
    lambda d: f"{d.year}年{d.month}月{d.day}日",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.isoformat()}T09:30:00Z",
]


class HeldOut(Maker):
    """Makes the cases of the third corpus."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance, seen=False)

    def paper(
        self,
        kind: str,
        schema: dict[str, Any],
        values: dict[str, tuple[list[str], list[str], Any]],
        after: str = "",
        drop: float = 0.2,
    ) -> Case:
        rows: list[Row] = []
        truth: dict[str, Any] = {}
        for name, (labels, shown, value) in values.items():
            kept = self.chance.random() >= drop
            truth[name] = value if kept else ([] if isinstance(value, list) else None)
            if kept:
                rows.append((self.pick(labels), shown))
        layout = self.pick(HELD_OUT_LAYOUTS)
        return Case(kind, layout.__name__, layout(rows) + after, schema, truth)

    def day_written(self) -> tuple[list[str], str]:
        day = self.day()
        return [self.pick(HELD_OUT_DATES)(day)], day.isoformat()

    def price_written(self, high: int) -> tuple[list[str], float]:
        value = self.chance.randrange(100, high * 100) / 100
        group, decimal, form = self.pick(
            [
                (",", ".", "US$ {}"),
                (" ", ",", "{} EUR"),
                ("", ".", "{}"),
                (".", ",", "€ {}"),
                ("'", ".", "Fr. {}"),
                (",", ".", "{} dollars"),
            ]
        )
        return [form.format(grouped(value, group, decimal))], value

    def card(self) -> Case:
        name, company = self.pick(PEOPLE), self.pick(COMPANIES)
        email = (
            f"{self.pick(['hr', 'x.y', 'jobs'])}@{self.pick(['corp', 'firm'])}.example"
        )
        site = self.pick(["https://www.firm.example/about", "http://corp.example"])
        phone = self.pick(["+44 20 7946 0958", "(212) 555-0147", "0711 / 123456"])
        job = self.pick(["Data engineer", "Head of sales", "Nurse", "CTO"])
        skills = self.chance.sample(["Python", "SQL", "Go", "welding", "first aid"], 3)
        born, born_iso = self.day_written()
        return self.paper(
            "card",
            CARD,
            {
                "full_name": (["Name", "Full name", "Candidate"], [name], name),
                "job_title": (["Position", "Role", "Current job title"], [job], job),
                "company": (["Company", "Employer", "Works at"], [company], company),
                "email": (["E-Mail address", "Email", "Mail to"], [email], email),
                "phone": (["Tel", "Cell phone", "Phone (work)"], [phone], phone),
                "website": (["Homepage", "Web", "URL"], [site], site),
                "birth_date": (["Born", "Date of birth", "Birthday"], born, born_iso),
                "skills": (["Skills", "Key skills"], skills, skills),
            },
        )

    def receipt(self) -> Case:
        store = self.pick(["Corner Bakery", "Café Mozart", "Tienda Sol", "7 Eleven"])
        bought, bought_iso = self.day_written()
        items = [
            (what, self.chance.randrange(100, 3000) / 100)
            for what in self.chance.sample(["Bread", "Milk 1L", "Green tea", "Soap"], 2)
        ]
        style = self.pick(["- {d}: ${p:.2f}", "{d}   {p:.2f} EUR", "* {d} ({p:.2f} €)"])
        lines = "\n".join(style.format(d=what, p=price) for what, price in items)
        tip, tip_value = self.price_written(20)
        total, total_value = self.price_written(900)
        paid = self.pick(["cash", "credit_card", "voucher"])
        case = self.paper(
            "receipt",
            RECEIPT,
            {
                "store": (["Store", "Shop", "Merchant name"], [store], store),
                "purchase_date": (
                    ["Date of purchase", "Bought on"],
                    bought,
                    bought_iso,
                ),
                "tip": (["Tip", "Gratuity"], tip, tip_value),
                "total": (["TOTAL", "Sum total", "Total paid"], total, total_value),
                "payment_method": (
                    ["Payment method", "Paid with", "Method of payment"],
                    [paid.replace("_", " ")],
                    paid,
                ),
            },
            after=f"\n\nItems:\n{lines}\n",
        )
        case.truth["items"] = [{"name": what, "price": price} for what, price in items]
        return case

    def product(self) -> Case:
        name = self.pick(["Kettle K-200", "Trail shoe", "Mono lamp", "Smart mug 2"])
        brand = self.pick(["Norda", "Blix", "Zenko"])
        price, price_value = self.price_written(2000)
        stock = self.pick([True, False])
        color = self.pick(["red", "green", "blue", "black"])
        weight = self.chance.randrange(1, 400) / 10
        months = self.pick([6, 12, 24, 36])
        return self.paper(
            "product",
            PRODUCT,
            {
                "product_name": (["Product name", "Product", "Item"], [name], name),
                "brand": (["Brand", "Manufacturer", "Make"], [brand], brand),
                "price": (["Price", "Our price", "Retail price"], price, price_value),
                "in_stock": (["In stock", "Stock"], ["yes" if stock else "no"], stock),
                "color": (["Colour", "Color"], [color.capitalize()], color),
                "weight_kg": (["Weight", "Net weight"], [f"{weight} kg"], weight),
                "warranty_months": (["Warranty"], [f"{months} months"], months),
            },
        )

    def trip(self) -> Case:
        name, code = self.pick(PEOPLE), self.pick(["XK9P2L", "7GHT42", "QW3RTY"])
        flies, flies_iso = self.day_written()
        fare, fare_value = self.price_written(3000)
        bags = self.chance.randrange(1, 5)
        said = {
            "passenger": (
                ["The passenger is {}.", "Passenger {} is travelling alone."],
                name,
                name,
            ),
            "booking_reference": (
                ["Booking reference {}.", "Our booking code is {}."],
                code,
                code,
            ),
            "departure_date": (
                ["The departure is on {}.", "We depart on {}."],
                flies[0],
                flies_iso,
            ),
            "fare": (["The fare was {}.", "It cost {} in all."], fare[0], fare_value),
            "number_of_bags": (
                ["{} bags are checked in.", "Number of bags: {}."],
                str(bags),
                bags,
            ),
        }
        text, truth = [], {}
        for key, (forms, shown, value) in said.items():
            kept = self.chance.random() > 0.2
            truth[key] = value if kept else None
            if kept:
                text.append(self.pick(forms).format(shown))
        self.chance.shuffle(text)
        return Case("trip", "sentences", " ".join(text), TRIP, truth)

    def letter(self) -> Case:
        sender = f"{self.pick(['ann', 'ops', 'j.roe'])}@north.example"
        target = f"{self.pick(['bob', 'help', 'k.li'])}@south.example"
        subject = self.pick(["Minutes of Monday", "Re: offer 12", "Lunch?"])
        sent, sent_iso = self.day_written()
        person = self.pick(PEOPLE)
        return self.paper(
            "letter",
            LETTER,
            {
                "sender_email": (["From"], [f"{person} <{sender}>"], sender),
                "recipient_email": (["To"], [f"<{target}>"], target),
                "subject": (["Subject"], [subject], subject),
                "sent_date": (["Date", "Sent", "Sent on"], sent, sent_iso),
            },
            after=f"\n\nHi,\nplease have a look at this.\n\nBest,\n{person}",
        )


def held_out(number: int, seed: int) -> Iterator[Case]:
    """Make cases of the third corpus."""
    maker = HeldOut(random.Random(seed))
    makers = [maker.card, maker.receipt, maker.product, maker.trip, maker.letter]
    for place in range(number):
        yield makers[place % len(makers)]()
