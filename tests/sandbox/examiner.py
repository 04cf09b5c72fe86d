"""Documents and questions that the sandbox's rules never saw, and what is right.

``document_cases(seed, count)`` draws documents (thirteen kinds, seven languages, about
twenty layouts), a JSON schema that asks for some of what they say and some of what they
do not, and the values that a careful reader takes from them. The words are in
``examiner_words``, the ways of writing a value in ``examiner_values``, the pages in
``examiner_layouts``, the questions for tools in ``examiner_tools``, the marking in
``examiner_marks``. None of it was written with the rules at hand.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
from typing import Any

from tests.sandbox import examiner_layouts as pages
from tests.sandbox import examiner_values as values
from tests.sandbox.examiner_draw import draw
from tests.sandbox.examiner_schemas import Asked, hand_written, pydantic_made
from tests.sandbox.examiner_values import Said
from tests.sandbox.examiner_words import (
    FIELDS,
    HEADINGS,
    ITEM_LINES_WORDS,
    KINDS,
    MAIL,
    NOISE,
    OPINIONS,
    POOLS,
    TABLES,
    TASKS,
    TESTS,
    Field,
)


@dataclasses.dataclass(frozen=True)
class Check:
    """One value of the answer: where it is, its category, what is right."""

    path: tuple[str, ...]
    category: str
    kind: str
    accept: tuple[Any, ...]
    form: str = ""


@dataclasses.dataclass(frozen=True)
class Case:
    """A document, what is asked of it, and the marks to give."""

    name: str
    messages: list[dict[str, Any]]
    schema: dict[str, Any]
    checks: tuple[Check, ...]
    layout: str
    table: str
    language: str
    style: str
    strict: bool = False
    refuse: bool = False
    missing: str = ""


CATEGORIES = {
    "id": "labelled values",
    "firm": "labelled values",
    "person": "labelled values",
    "pool": "labelled values",
    "email": "contacts",
    "phone": "contacts",
    "url": "contacts",
    "amount": "amounts",
    "negative": "amounts",
    "percent": "other numbers",
    "count": "other numbers",
    "quantity": "other numbers",
    "rating": "other numbers",
    "date": "dates",
    "time": "times",
    "bool": "booleans",
    "enum": "enums",
    "list": "lists",
    "address": "addresses",
}
# What may be asked of any document in vain: nothing else could be meant by it.
FAR_TEXT = """
invoice_number due_date po_number tracking_number discount tax_rate birth_date
next_meeting capacity salary bedrooms rating closing_date driving_licence
pets_allowed fasting weight_kg spoken_languages cashier carrier property_type
priority ticket_price nationality
"""
FAR = FAR_TEXT.split()
# Too general to say that a text does not have it.
VAGUE_TEXT = """
purchase_date event_date meeting_date full_name location meeting_title
event_name product agent employer job_title total_amount subtotal tax_amount
features requirements email phone website vendor_address home_address address
ship_to paid issue_subject skills vendor_name customer_name start_time
purchase_time opened_on reported_on shipment_status ticket_status attendees
recipient requester
"""
VAGUE = VAGUE_TEXT.split()


@dataclasses.dataclass
class Draft:
    """What is put together of a case on the way."""

    r: random.Random
    kind: str
    lang: str
    currency: str
    strict: bool  # the schema forbids null where the text has a value
    refuse: bool  # it also forbids it where the text has none
    facts: dict[str, Said] = dataclasses.field(default_factory=dict)
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    asked: list[Asked] = dataclasses.field(default_factory=list)
    checks: list[Check] = dataclasses.field(default_factory=list)

    def has(self, *kinds: str) -> bool:
        return any(FIELDS[name].kind in kinds for name in self.facts)

    def name_of(self, field: Field, *, plain: bool = False) -> str:
        taken = {asked.name for asked in self.asked}
        free = [name for name in field.names if name not in taken]
        if not free:
            return ""
        return free[0] if plain or self.r.random() < 0.6 else self.r.choice(free)

    def add(self, name: str, kind: str, form: str = "", **more: Any) -> None:
        """Ask for something that is no field of its own."""
        nullable = kind != "const" and (not self.strict or self.r.random() < 0.2)
        self.asked.append(Asked(name, kind, form, nullable, "", None, (), **more))

    def ask(self, field: Field, said: Said | None, *, nullable: bool) -> str:
        """Ask for a field that the text has (``said``) or has not (None)."""
        name = self.name_of(field, plain=said is None)
        if not name:
            return ""
        r, kind = self.r, field.kind
        form = ""
        if kind in ("amount", "negative"):
            form = r.choice(["number"] * 6 + ["decimal", "money"])
        elif kind == "address":
            form = r.choice(["object", "object", "object", "string"])
        elif kind in ("date", "email", "url", "enum"):
            form = r.choice(["plain", "format", "format"])
        if said is not None and form == "money" and self.kind == "lab report":
            form = "number"
        parts: tuple[str, ...] = ()
        if kind == "address" and said is not None and form == "object":
            parts = tuple(said.value)
        described = r.random() < 0.5 or kind in ("time", "date")
        text = field.description
        if kind == "date" and form == "plain":
            text += ", as YYYY-MM-DD"
        self.asked.append(
            Asked(name, kind, form, nullable, text if described else "", field, parts)
        )
        if said is None:
            self.checks.append(Check((name,), "absent fields", kind, (None,)))
        else:
            self.checks += list(self._marks(name, field, said, form))
        return name

    def _marks(self, name: str, field: Field, said: Said, form: str):
        kind, category = field.kind, CATEGORIES[field.kind]
        if kind == "address" and form == "object":
            for part, value in said.value.items():
                accept = (value,)
                if part == "country":
                    accept = tuple(
                        next(c for c in values.COUNTRIES if value.lower() in c)
                    )
                yield Check((name, part), category, "text", accept, said.form)
        elif form == "money":
            yield Check((name, "amount"), category, "number", (said.value,), said.form)
            yield Check((name, "currency"), "enums", "text", (self.currency,), "code")
        elif kind == "address":
            yield Check((name,), category, "address", (said.text,), said.form)
        elif kind == "person":
            yield Check((name,), category, "text", (said.value, said.text))
        else:
            yield Check((name,), category, kind, (said.value,), said.form)


def document_cases(seed: int, amount: int) -> list[Case]:
    """Return ``amount`` cases; the same for the same seed."""
    r = random.Random(f"documents {seed}")
    return [_case(r, number) for number in range(amount)]


def _case(r: random.Random, number: int) -> Case:
    sort = r.random()
    if sort < 0.05:
        return _mail(r, number)
    if sort < 0.17:
        return _free_prose(r, number)
    kind = r.choice(list(KINDS))
    draft = _start(r, kind, r.choice(["en", "en", "en", *values.LANGUAGES]))
    names = [name for name in KINDS[kind] if not name.startswith("+")]
    with_table = KINDS[kind][-1][1:] if KINDS[kind][-1].startswith("+") else ""
    used: set[str] = set()
    for name in r.sample(names, r.randrange(4, min(9, len(names)) + 1)):
        free = [w for w in FIELDS[name].labels.get(draft.lang, ()) if w not in used]
        if free:
            draft.labels[name] = r.choice(free)
            used.add(draft.labels[name])
            draft.facts[name] = draw(
                FIELDS[name], r, draft.lang, draft.currency, plain=False
            )
    in_order = {name: draft.facts[name] for name in names if name in draft.facts}
    draft.facts = in_order
    layout = r.choice([*pages.LAYOUTS, "label: value", "sentences"])
    facts: list[pages.Fact] = [
        (draft.labels[name], said.text, said.lines)
        for name, said in draft.facts.items()
    ]
    body = (
        pages.sentences(facts, draft.lang, r)
        if layout == "sentences"
        else pages.LAYOUTS[layout](facts, r)
    )
    _ask_for_facts(draft)
    if with_table and not draft.refuse and r.random() < 0.7:
        shape, table = _table(draft, with_table)
        layout_of_table = f"items: {shape}"
        body = f"{body}\n\n{table}"
    else:
        layout_of_table = ""
    stars = draft.facts.get("rating", Said("", 0)).value
    mixed = stars == 3 or "would_recommend" in draft.facts
    if kind == "review" and draft.lang in OPINIONS and not mixed:
        body += f"\n\n{_opinion(draft)}"
    if kind in MAIL["kinds"] and layout_of_table == "" and r.random() < 0.12:
        layout = "inside an e-mail"
        body = _letter(draft, body)
    body = _noise(draft, body)
    missing = _ask_in_vain(draft)
    return _finish(draft, number, body, layout, layout_of_table, missing)


def _start(r: random.Random, kind: str, lang: str) -> Draft:
    homes = {"en": ("USD", "GBP", "EUR"), "de": ("EUR", "CHF"), "fr": ("EUR", "CHF")}
    refuse = r.random() < 0.12
    strict = refuse or r.random() < 0.3
    return Draft(r, kind, lang, r.choice(homes.get(lang, ("EUR",))), strict, refuse)


def _ask_for_facts(draft: Draft) -> None:
    r, names = draft.r, list(draft.facts)
    for name in r.sample(names, max(2, round(len(names) * r.uniform(0.5, 1)))):
        nullable = not draft.strict or (not draft.refuse and r.random() < 0.2)
        draft.ask(FIELDS[name], draft.facts[name], nullable=nullable)
    money = draft.has("amount", "negative")
    if money and r.random() < 0.4:
        draft.add("currency", "currency")
        draft.checks.append(
            Check(("currency",), "enums", "text", (draft.currency,), "code")
        )
    if r.random() < 0.1:
        value = draft.kind.replace(" ", "_")
        draft.add("document_type", "const", value)
        draft.checks.append(Check(("document_type",), "enums", "text", (value,)))


def _ask_in_vain(draft: Draft) -> str:
    r, refuse = draft.r, draft.refuse
    own = [name for name in KINDS[draft.kind] if name in FIELDS and name not in VAGUE]
    words = {label.casefold() for label in draft.labels.values()}
    pool = []
    for name in dict.fromkeys([*own, *FAR]):
        field = FIELDS[name]
        labels = {w.casefold() for ws in field.labels.values() for w in ws}
        labels.add(name.replace("_", " "))
        if name in draft.facts or name in draft.labels or labels & words:
            continue
        if refuse and field.kind == "list":
            continue
        if name in ("due_date", "closing_date") and draft.kind == "meeting notes":
            continue  # its table of tasks has a column of that name
        pool.append(name)
    if refuse:
        return draft.ask(FIELDS[r.choice(pool)], None, nullable=False)
    for name in r.sample(pool, min(len(pool), r.choice([0, 1, 1, 2, 3]))):
        draft.ask(FIELDS[name], None, nullable=True)
    return ""


def _finish(
    draft: Draft,
    number: int,
    body: str,
    layout: str,
    table: str,
    missing: str,
) -> Case:
    r = draft.r
    asked = draft.asked
    r.shuffle(asked)
    group: tuple[str, ...] = ()
    plain = [a.name for a in asked if a.kind not in ("items", "tasks", "tests")]
    if r.random() < 0.15 and len(plain) > 3 and not missing:
        group = tuple(r.sample(plain, 3))
    inside = r.choice(["details", "header", draft.kind.replace(" ", "_")])
    style = r.choice(["pydantic", "hand-written"])
    make = pydantic_made if style == "pydantic" else hand_written
    checks = [
        dataclasses.replace(c, path=(inside, *c.path)) if c.path[0] in group else c
        for c in draft.checks
    ]
    title = "".join(word.title() for word in draft.kind.split())
    return Case(
        f"{number}: {draft.kind}",
        _messages(r, draft.kind, body),
        make(title, asked, inside, group, r),
        () if missing else tuple(checks),
        layout,
        table,
        draft.lang,
        style,
        draft.strict,
        bool(missing),
        missing,
    )


def _messages(r: random.Random, kind: str, body: str) -> list[dict[str, Any]]:
    """Ask as people do: with a system message, in front, behind, fenced, indented."""
    system = {
        "role": "system",
        "content": f"Given a raw {kind}, carefully analyze the text and extract the"
        " relevant data into JSON format.",
    }
    indented = "\n" + "\n".join(" " * 12 + line for line in body.splitlines()) + "\n"
    form = r.randrange(7)
    text = {
        2: f"Extract the data from this {kind}:\n\n{body}",
        3: f"Extract the fields of the schema.\n\n```\n{body}\n```",
        4: f"{body}\n\nRead the {kind} above and fill in the schema.",
        5: f"<document>\n{body}\n</document>\n\nExtract the {kind} as JSON.",
        6: indented,
    }.get(form, body)
    user = {"role": "user", "content": text}
    return [system, user] if form in (0, 1, 6) else [user]


def _noise(draft: Draft, body: str) -> str:
    r = draft.r
    if r.random() < 0.4:
        body = f"{draft.kind.upper()}\n\n{body}"
    for line in NOISE:
        if r.random() < 0.12:
            body = f"{body}\n\n{line}"
    return body


def _letter(draft: Draft, body: str) -> str:
    who = values.person(draft.r).value
    sender = values.email(draft.r, who).text
    draft.facts["email"] = draft.facts.get("email", Said("", ""))
    return (
        f"From: {who} <{sender}>\nTo: office@example.org\nSubject: Your papers\n"
        f"Date: Thu, 12 Mar 2026 09:30:00 +0100\n\nHello,\n\n{body}\n\nBest, {who}"
    )


def _free_prose(r: random.Random, number: int) -> Case:
    kind = r.choice(list(pages.PROSE))
    lang, text = r.choice(pages.PROSE[kind])
    draft = _start(r, kind, lang)
    for name in KINDS[kind]:
        if f"{{{name}}}" in text:
            draft.facts[name] = draw(FIELDS[name], r, lang, draft.currency, plain=True)
    spoken = {
        name: _and(said.value) if FIELDS[name].kind == "list" else said.text
        for name, said in draft.facts.items()
    }
    _ask_for_facts(draft)
    missing = _ask_in_vain(draft)
    body = text.format(**spoken)
    return _finish(draft, number, body, "free prose", "", missing)


def _and(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]


def _opinion(draft: Draft) -> str:
    """Say how the product was, as the stars say, if there are stars."""
    value = draft.r.choice(list(OPINIONS[draft.lang]))
    if "rating" in draft.facts:
        value = "positive" if draft.facts["rating"].value > 3 else "negative"
    draft.add("sentiment", "sentiment")
    draft.checks.append(Check(("sentiment",), "enums", "text", (value,), "sentiment"))
    return draft.r.choice(OPINIONS[draft.lang][value])


def _mail(r: random.Random, number: int) -> Case:
    """Draw an e-mail as a mail program shows it."""
    lang = r.choice(list(MAIL["labels"]))
    draft = Draft(r, "e-mail", lang, "EUR", r.random() < 0.3, refuse=False)
    sender, subject = values.person(r).value, r.choice(POOLS["topic"].split("|"))
    address = values.email(r, sender).text
    to = [values.email(r).text for _ in range(r.randrange(1, 4))]
    day = datetime.date(2025, 1, 1) + datetime.timedelta(days=r.randrange(700))
    name = day.strftime("%a, %d %b %Y")
    files = r.sample(["offer.pdf", "plan.xlsx", "photo.jpg"], r.randrange(1, 3))
    labels = MAIL["labels"][lang]
    lines = [
        f"{labels[0]}: {sender} <{address}>",
        f"{labels[1]}: {', '.join(to)}",
        f"{labels[2]}: {subject}",
        f"{labels[3]}: " + r.choice([f"{name} 14:05:00 +0000", day.isoformat()]),
        f"{labels[4]}: {', '.join(files)}",
    ]
    phone = values.phone(r)
    body = "\n".join(lines) + f"\n\n{labels[5]}\n\n{sender}\nTel. {phone.text}"
    wanted = (
        ("sender_name", "person", "labelled values", "text", sender),
        ("sender_email", "email", "contacts", "email", address),
        ("recipients", "list", "lists", "list", to),
        ("subject", "pool", "labelled values", "text", subject),
        ("sent_on", "date", "dates", "date", day.isoformat()),
        ("attachments", "list", "lists", "list", files),
        ("phone", "phone", "contacts", "phone", phone.text),
    )
    for field, kind, category, mark, value in r.sample(wanted, 5):
        form = "format" if kind in ("date", "email") else ""
        draft.add(field, kind, form)
        draft.checks.append(Check((field,), category, mark, (value,)))
    return _finish(draft, number, body, "e-mail headers", "", "")


# -- tables --------------------------------------------------------------------------


def _table(draft: Draft, which: str) -> tuple[str, str]:
    """Draw the rows of a table; return the name of its layout and its text."""
    r, lang = draft.r, draft.lang
    names, columns = TABLES[which]
    rows, right = [], []
    style = r.choice(values.STYLES[lang])
    mark = r.choice(["", "", draft.currency, values.SIGNS[draft.currency]])
    extra = which == "items" and r.random() < 0.5
    lines = which == "items" and lang in ITEM_LINES_WORDS and r.random() < 0.25
    goods = r.sample(
        {"items": list(values.GOODS), "tasks": list(TASKS), "tests": list(TESTS)}[
            which
        ],
        r.randrange(1, 6),
    )
    for good in goods:
        if which == "items":
            count, price = r.randrange(1, 40), round(r.uniform(1, 2500), 2)
            money = [values.number(v, style) for v in (price, price * count)]
            money = [_with_mark(text, mark or lines * "EUR") for text in money]
            rows.append([good, str(count), *money[: 1 + extra]])
            right.append((good, count, price))
        elif which == "tasks":
            who, day = values.person(r).value, values.date(r, lang)
            rows.append([good, who, day.text])
            right.append((good, who, day.value))
        else:
            test, unit, low, high = good
            value = round(r.uniform(low, high), 1)
            point = "en" if lang == "en" else "de"
            rows.append([test, values.number(value, point, 1), unit])
            right.append((test, value, unit))
    renamed = {
        "description": r.choice(["description", "description", "name", "item"]),
        "quantity": r.choice(["quantity", "quantity", "qty"]),
        "unit_price": r.choice(["unit_price", "unit_price", "price"]),
    }
    kept = [(renamed.get(name, name), kind) for name, kind in columns]
    heads = [name for name, _ in columns] + ["line_total"] * extra
    headings = [r.choice(HEADINGS[head][lang]) for head in heads]
    title = r.choice(names)
    draft.add(title, which, columns=tuple(kept))
    for place, row in enumerate(right):
        for (name, kind), value in zip(kept, row, strict=True):
            path = (title, str(place), name)
            draft.checks.append(
                Check(path, "items", ROW_KINDS.get(kind, "text"), (value,))
            )
    if lines:
        shape = r.choice(list(pages.ITEM_LINES))
        form = pages.ITEM_LINES[shape]
        said = [form.format(*row, n=n + 1) for n, row in enumerate(rows)]
        return shape, "\n".join([ITEM_LINES_WORDS[lang], *said])
    shape = r.choice(list(pages.TABLE_LAYOUTS))
    return shape, pages.TABLE_LAYOUTS[shape]((headings, rows), r)


ROW_KINDS = {"count": "number", "money": "number", "number": "number", "date": "date"}


def _with_mark(text: str, mark: str) -> str:
    if mark in ("$", "£"):
        return mark + text
    return f"{text} {mark}".rstrip()
