"""Ways to set labelled values and a table on a page, and sentences that say them."""

from __future__ import annotations

import csv
import html
import io
import random
import textwrap
from collections.abc import Callable, Sequence

# A fact is (label, text, lines): lines when the text may also stand as a block.
Fact = tuple[str, str, tuple[str, ...]]
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def _colon(facts: list[Fact], r: random.Random) -> str:
    block = r.random() < 0.5
    mark = r.choice([": ", ": ", ":  ", " : "])
    lines = []
    for label, text, parts in facts:
        if block and parts:
            lines += [f"{label}:", *(f"  {part}" for part in parts)]
        else:
            lines.append(f"{label}{mark}{text}")
    return "\n".join(lines)


def _own_line(facts: list[Fact], r: random.Random) -> str:
    mark = r.choice(["", ":"])
    shout = r.random() < 0.3
    return "\n\n".join(
        f"{label.upper() if shout else label}{mark}\n" + "\n".join(parts or (text,))
        for label, text, parts in facts
    )


def _two_columns(facts: list[Fact], r: random.Random) -> str:
    width = max(len(label) for label, _, _ in facts) + r.choice([2, 3, 6])
    return "\n".join(f"{label:<{width}}{text}" for label, text, _ in facts)


def _pairs_side_by_side(facts: list[Fact], r: random.Random) -> str:
    cells = [f"{label}: {text}" for label, text, _ in facts]
    width = max(map(len, cells)) + 4
    rows = [cells[i : i + 2] for i in range(0, len(cells), 2)]
    return "\n".join("".join(f"{c:<{width}}" for c in row).rstrip() for row in rows)


def _markdown_table(facts: list[Fact], r: random.Random) -> str:
    head = r.choice([("Field", "Value"), ("", ""), ("Key", "Details")])
    bold = "**" if r.random() < 0.4 else ""
    lines = [f"| {head[0]} | {head[1]} |", r.choice(["|---|---|", "| :--- | ---: |"])]
    return "\n".join(lines + [f"| {bold}{f[0]}{bold} | {f[1]} |" for f in facts])


def _ascii_table(facts: list[Fact], r: random.Random) -> str:
    return _boxed([[f[0], f[1]] for f in facts])


def _csv_row(facts: list[Fact], r: random.Random) -> str:
    mark = r.choice([",", ";", "\t"])
    return _csv([[f[0] for f in facts], [f[1] for f in facts]], mark)


def _csv_pairs(facts: list[Fact], r: random.Random) -> str:
    return _csv([[f[0], f[1]] for f in facts], r.choice([",", ";", "\t"]))


def _bullets(facts: list[Fact], r: random.Random) -> str:
    mark = r.choice(["- ", "* ", "• "])
    form = r.choice(["{}: {}", "**{}:** {}", "**{}**: {}", "{} \u2013 {}", "_{}_: {}"])
    return "\n".join(mark + form.format(label, text) for label, text, _ in facts)


def _dots(facts: list[Fact], r: random.Random) -> str:
    return "\n".join(
        f"{label} ".ljust(34, r.choice("._")) + f" {text}" for label, text, _ in facts
    )


def _html(facts: list[Fact], r: random.Random) -> str:
    form, frame = r.choice(
        [
            ("<tr><th>{}</th><td>{}</td></tr>", "<table>\n{}\n</table>"),
            ("<dt>{}</dt><dd>{}</dd>", "<dl>\n{}\n</dl>"),
            ("<p><b>{}:</b> {}</p>", "<body>\n{}\n</body>"),
            ("<li><strong>{}</strong>: {}</li>", "<ul>\n{}\n</ul>"),
            ('<div class="row"><span>{}</span> <span>{}</span></div>', "{}"),
        ]
    )
    return frame.format(
        "\n".join(form.format(html.escape(f[0]), html.escape(f[1])) for f in facts)
    )


def _dashes(facts: list[Fact], r: random.Random) -> str:
    mark = r.choice([" - ", " = ", " \u2013 ", " -> ", "="])
    return "\n".join(f"{label}{mark}{text}" for label, text, _ in facts)


def _inline(facts: list[Fact], r: random.Random) -> str:
    return r.choice([" | ", "; ", " / "]).join(f"{f[0]}: {f[1]}" for f in facts)


def _markdown_sections(facts: list[Fact], r: random.Random) -> str:
    return "\n\n".join(
        f"## {label}\n" + "\n".join(parts or (text,)) for label, text, parts in facts
    )


def _yaml(facts: list[Fact], r: random.Random) -> str:
    lines = ["document:"]
    lines += [f'  {label}: "{text}"' for label, text, _ in facts]
    return "\n".join(lines)


SAYINGS = {
    "en": ("The {0} is {1}.", "{0}: {1}.", "Our {0} is {1}.", "The {0} was {1}."),
    "de": ("{0} ist {1}.", "Die Angabe {0} lautet {1}.", "{0}: {1}."),
    "fr": ("{0} : {1}.", "{0} est {1}."),
    "es": ("{0}: {1}.", "{0} es {1}."),
    "it": ("{0}: {1}.", "{0} è {1}."),
    "nl": ("{0} is {1}.", "{0}: {1}."),
    "pt": ("{0}: {1}.", "{0} é {1}."),
}


def sentences(facts: list[Fact], lang: str, r: random.Random) -> str:
    """Say each fact in a sentence of its own."""
    said = []
    for label, text, _ in facts:
        form = r.choice(SAYINGS[lang])
        lower = label[0].lower() + label[1:] if lang == "en" else label
        word = lower if form.startswith(("The", "Our")) else label
        said.append(form.format(word.rstrip("?."), text.rstrip(".")))
    return textwrap.fill(" ".join(said), r.choice([72, 200, 10000]))


LAYOUTS: dict[str, Callable[[list[Fact], random.Random], str]] = {
    "label: value": _colon,
    "label on its own line": _own_line,
    "two columns": _two_columns,
    "pairs side by side": _pairs_side_by_side,
    "markdown table": _markdown_table,
    "ascii table": _ascii_table,
    "csv, labels first": _csv_row,
    "csv, pairs": _csv_pairs,
    "bullets": _bullets,
    "dotted form": _dots,
    "html": _html,
    "dashes": _dashes,
    "one line": _inline,
    "markdown sections": _markdown_sections,
    "yaml": _yaml,
}


# -- tables --------------------------------------------------------------------------


def _boxed(rows: list[list[str]], *, head: bool = False) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([rule, lines[0], *([rule] if head else []), *lines[1:], rule])


def _csv(rows: list[list[str]], mark: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="\n").writerows(rows)
    return out.getvalue().rstrip("\n")


def _t_markdown(table: Table, r: random.Random) -> str:
    rows = [list(table[0]), ["---"] * len(table[0]), *map(list, table[1])]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _t_boxed(table: Table, r: random.Random) -> str:
    return _boxed([list(table[0]), *map(list, table[1])], head=True)


def _t_csv(table: Table, r: random.Random) -> str:
    return _csv([list(table[0]), *map(list, table[1])], r.choice([",", ";", "\t"]))


def _t_aligned(table: Table, r: random.Random) -> str:
    rows = [list(table[0]), *map(list, table[1])]
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    lines = [
        "".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if r.random() < 0.5:
        lines.insert(1, "-" * sum(widths))
    return "\n".join(lines)


def _t_bare_pipes(table: Table, r: random.Random) -> str:
    return "\n".join(" | ".join(row) for row in [table[0], *table[1]])


def _t_html(table: Table, r: random.Random) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    rows = [row(table[0], "th"), *(row(cells, "td") for cells in table[1])]
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _t_records(table: Table, r: random.Random) -> str:
    return "\n\n".join(
        "\n".join(f"{h}: {c}" for h, c in zip(table[0], row, strict=True))
        for row in table[1]
    )


TABLE_LAYOUTS: dict[str, Callable[[Table, random.Random], str]] = {
    "markdown": _t_markdown,
    "ascii": _t_boxed,
    "csv": _t_csv,
    "aligned": _t_aligned,
    "bare pipes": _t_bare_pipes,
    "html": _t_html,
    "records": _t_records,
}

# Item lines without headings: (goods, quantity, price) in a sentence-like line.
ITEM_LINES = {
    "units": "- {0}, {1} units, {2} each",
    "times": "{1} x {0} @ {2}",
    "times sign": "* {1} \u00d7 {0} ({2} each)",
    "trailing price": "{1}  {0}  {2}",
    "numbered": "{n}. {0} - qty {1} - {2}",
}

# Written by hand: what a person would write, with no labels that repeat the schema.
PROSE: dict[str, list[tuple[str, str]]] = {
    "invoice": [
        (
            "en",
            (
                "Dear {customer_name},\n\nplease find attached invoice {invoice_number}"
                " dated {invoice_date}. The total comes to {total_amount}, payable by"
                " {due_date}. Questions? Write to {email} or call {phone}.\n\nKind"
                " regards,\n{vendor_name}"
            ),
        ),
        (
            "de",
            (
                "Sehr geehrte Damen und Herren,\n\nanbei die Rechnung {invoice_number} vom"
                " {invoice_date} über {total_amount}. Bitte überweisen Sie den Betrag bis"
                " zum {due_date}. Bei Fragen: {email}.\n\nMit freundlichen Grüßen\n"
                "{vendor_name}"
            ),
        ),
        (
            "fr",
            (
                "Bonjour,\n\nveuillez trouver ci-joint la facture {invoice_number} du"
                " {invoice_date} d'un montant de {total_amount}, à régler avant le"
                " {due_date}. Contact : {email}.\n\nCordialement,\n{vendor_name}"
            ),
        ),
    ],
    "purchase order": [
        (
            "en",
            (
                "Hi,\n\nwe would like to place purchase order {po_number} with"
                " {vendor_name}. Please deliver no later than {delivery_date} to {ship_to}."
                " The order is worth {total_amount}.\n\nThanks,\n{buyer}"
            ),
        ),
    ],
    "curriculum vitae": [
        (
            "en",
            (
                "My name is {full_name} and I was born on {birth_date}. I work as a"
                " {job_title} at {employer} and have {years_of_experience} years of"
                " experience. You can reach me at {email} or {phone}."
            ),
        ),
        (
            "es",
            (
                "Me llamo {full_name}, nací el {birth_date} y trabajo como {job_title} en"
                " {employer}. Tengo {years_of_experience} años de experiencia. Mi correo"
                " es {email}."
            ),
        ),
    ],
    "review": [
        (
            "en",
            "{reviewer} gave the {product} {rating} out of 5 stars on {review_date}.",
        ),
        (
            "en",
            (
                "I bought the {product} last month and would give it {rating} stars."
                " - {reviewer}, {review_date}"
            ),
        ),
    ],
    "meeting notes": [
        (
            "en",
            (
                "We met on {meeting_date} at {start_time} in {location}; {chair} chaired."
                " Present were {attendees}. The next meeting will be on {next_meeting}."
            ),
        ),
        (
            "de",
            (
                "Die Sitzung fand am {meeting_date} um {start_time} statt, Ort: {location}."
                " Den Vorsitz hatte {chair}. Die nächste Sitzung ist am {next_meeting}."
            ),
        ),
    ],
    "shipping notice": [
        (
            "en",
            (
                "Good news! Your parcel with tracking number {tracking_number} was shipped"
                " with {carrier} on {ship_date} and should arrive by {estimated_arrival}."
                " It weighs {weight_kg}. Follow it on {website}."
            ),
        ),
        (
            "it",
            (
                "Buone notizie! Il pacco {tracking_number} è stato spedito con {carrier} il"
                " {ship_date} e arriverà entro il {estimated_arrival}. Peso: {weight_kg}."
            ),
        ),
    ],
    "event announcement": [
        (
            "en",
            (
                "Join us for {event_name} at {location} on {event_date}, starting at"
                " {start_time}. Tickets cost {ticket_price}. Sign up at {website} - there"
                " is room for {capacity} people."
            ),
        ),
    ],
    "lab report": [
        (
            "en",
            (
                "Patient {patient_name} (ID {patient_id}), born {birth_date}, was seen by"
                " {physician}. The sample was collected on {collected_on} and reported on"
                " {reported_on}."
            ),
        ),
    ],
    "support ticket": [
        (
            "en",
            (
                "Ticket {ticket_id} was opened on {opened_on} by {requester} and assigned to"
                " {assignee}. Priority is {priority}; it concerns the {product}."
            ),
        ),
    ],
    "job advert": [
        (
            "en",
            (
                "{employer} is looking for a {job_title}. We offer {salary} a year. At least"
                " {years_of_experience} years of experience are needed. Apply by"
                " {closing_date} to {email}."
            ),
        ),
        (
            "nl",
            (
                "{employer} zoekt een {job_title}. Salaris: {salary} per jaar. Reageer vóór"
                " {closing_date} via {email}."
            ),
        ),
    ],
    "property listing": [
        (
            "en",
            (
                "Lovely {property_type} with {bedrooms} bedrooms and {area_sqm} of living"
                " space at {address}, on the market for {asking_price}. Available from"
                " {available_from}; call {agent} on {phone}."
            ),
        ),
        (
            "pt",
            (
                "Vende-se {property_type} com {bedrooms} quartos e {area_sqm} em {address}"
                " por {asking_price}. Disponível a partir de {available_from}."
            ),
        ),
    ],
    "receipt": [
        (
            "en",
            (
                "On {purchase_date} at {purchase_time} you spent {total_amount} at"
                " {store_name}. You were served by {cashier}."
            ),
        ),
    ],
}
