"""What kind of value a field wants, and how a labelled text is read as that kind."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import addresses, dates, values, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conform import Schema
    from .source import Field, Source

_FORMATS = {"date", "date-time", "time", "email", "uuid", "ipv4", "ipv6", "uri"}
# Who does or is something: the field wants a name.
ROLES = (
    "server", "doctor", "patient", "assignee", "requester", "realtor", "landlord",
    "tenant", "employee", "employer", "manager", "organizer", "chair", "minutes",
    "author", "approver", "instructor", "driver", "passenger", "guest", "holder",
    "carrier", "airline", "laboratory", "origin", "destination",
)  # fmt: skip
# The first of these that a name holds decides; the order is from special to general.
_BY_NAME = (
    ("email", ("email",)),
    ("phone", ("phone", "fax")),
    ("website", ("website",)),
    ("currency", ("currency",)),
    ("iban", ("iban", "bic")),
    ("date-text", ("date",)),
    ("time-text", ("time",)),
    ("address", ("address", "street")),
    ("identifier", ("number", "reference", "tracking", "code", "postal", "record", "sku")),
    (
        "date-text",
        ("due", "birth", "valid", "sample", "report", "opened", "closed", "available",
         "signed", "next", "arrival", "departure"),
    ),
    (
        "name",
        ("name", "vendor", "customer", "person", "company", "sender", "recipient", "city",
         "country", "state", "place", "brand", "first", "last", *ROLES),
    ),
)  # fmt: skip
_MONEY = (
    "total", "amount", "price", "balance", "subtotal", "tax", "discount", "fee", "rent",
    "deposit", "admission", "salary", "change", "tendered", "tip", "budget", "shipping",
)  # fmt: skip
_RATED = re.compile(
    r"(?<![\d.,/])(\d{1,3}(?:[.,]\d)?)\s?(?:/|von|out of|of|sur|de|su|van|em|sobre|op)\s?"
    r"(?:5|10|100|cinco|five|fünf|cinq|cinque|vijf)(?![\d/])",
    re.IGNORECASE,
)
_STARS = re.compile(r"[★⭐]{1,10}")
_NOTHING = words.listed(
    "n/a na none null - -- --- — – unknown tbd tba nil keine kein entfallt ? ... (none)"
) | {"not available", "not applicable", "not provided", "not given", "not specified"}
_LEGAL = re.compile(
    r",\s(?=(?:Inc|Ltd|LLC|L\.L\.C|Corp|Co|GmbH|AG|S\.?A|S\.?L|S\.?p\.?A|B\.?V|PLC|LLP|Jr"
    r"|Sr|PhD|MD)\b)"
)
_ID = re.compile(
    r"[#№]?\s?((?:[A-Z]{1,6}[ -])?[\w./\\-]{0,60}\d[\w./\\-]{0,60}(?:\s[\dA-Z]{2,20}\b){0,9})"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b")
_BIC = re.compile(r"\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b")
_TAIL = re.compile(r"\s{2,}|\s[-–—|]\s|\s\(|\s<|;|\t")
_MAX_VALUE = 2_000


def kind_of(field: Field, schema: Schema, kinds: list[str]) -> str:
    """
    Name the kind of a scalar.

    Returns
    -------
    str
        A format of JSON schema, "number", "integer", "boolean", or for a string what
        its name or description says, "text" if nothing.
    """
    for kind in ("boolean", "integer", "number"):
        if kind in kinds and "string" not in kinds:
            return kind
    name = schema.get("format")
    if name in _FORMATS:
        return str(name)
    if {"hh", "mm"}.issubset(field.about) and "yyyy" not in field.about:
        return "clock"
    if "yyyy" in field.about and "hh" not in field.about:
        return "date-text"
    for kind, concepts in _BY_NAME:
        if field.has(*concepts):
            return kind
    if "date" in field.about and {"iso", "yyyy", "day"}.intersection(field.about):
        return "date-text"
    if field.about[:1] == ("date",):
        return "date-text"
    if field.about[:1] == ("email",):
        return "email"
    return "text"


def is_money(field: Field) -> bool:
    """Tell whether a number is an amount of money."""
    return field.has(*_MONEY) and not field.has("rate")


def is_nothing(text: str) -> bool:
    """Tell whether a value says that there is none."""
    return words.plain(text.strip(" .")) in _NOTHING or text.strip() in _NOTHING


def readings(
    kind: str,
    text: str,
    field: Field,
    source: Source,
    block: tuple[str, ...] = (),
) -> Iterator[Any]:
    """
    Read the text of a labelled value, the likeliest reading first.

    Any: strings, numbers or truth values, by kind.
    """
    text = text[:_MAX_VALUE].strip()
    if not text or is_nothing(text):
        return
    match kind:
        case "number" | "integer":
            yield from _numbers(text, field, source, kind)
        case "boolean":
            answer = values.yes_or_no(text)
            if answer is not None:
                yield answer
        case "date" | "date-time" | "time" | "date-text" | "time-text" | "clock":
            yield from _moments(kind, text, source)
        case "address":
            yield from _address(text, block)
        case "name" | "identifier" | "text":
            first = next(iter(source.days(text)), None)
            if kind == "text" or first is None or first.start:
                yield from _strings(kind, text, field)
        case _:
            yield from net(kind, text)


def net(kind: str, text: str) -> Iterator[str]:
    """Give the values of a text that are known by their form alone."""
    match kind:
        case "email":
            yield from values.emails(text)
        case "website" | "uri":
            yield from values.urls(text)
            if kind == "uri":
                yield from values.urls(text, any_scheme=True)
        case "phone":
            yield from values.phones(text)
        case "uuid":
            yield from values.uuids(text)
        case "ipv4" | "ipv6":
            yield from values.ips(text, int(kind[-1]))
        case "currency":
            yield from values.currencies(text)
        case "iban":
            yield from (found.group() for found in _IBAN.finditer(text))
            yield from (found.group() for found in _BIC.finditer(text))


def _numbers(
    text: str, field: Field, source: Source, kind: str
) -> Iterator[float | int]:
    if field.has("rating"):
        yield from rated(text, kind)
    skipped = [(one.start, one.end) for one in source.days(text)]
    found = [
        one
        for one in source.numbers(text)
        if not any(low <= one.start < high for low, high in skipped)
    ]
    if is_money(field):
        # Of "19% of $80.00" the money is meant.
        found.sort(key=lambda one: (one.currency is None, one.is_percent))
    elif field.has("rate"):
        found.sort(key=lambda one: not one.is_percent)
    if not found:
        found = list(values.word_numbers(text[:40]))
    for one in found:
        if kind == "integer" and one.value != int(one.value):
            continue
        yield int(one.value) if kind == "integer" else one.value
        if one.is_percent and kind == "number":
            yield one.value / 100


def rated(text: str, kind: str) -> Iterator[float | int]:
    """Give the ratings of a text: "4/5", "4.5 out of 5", stars."""
    for match in _RATED.finditer(text):
        value = float(match.group(1).replace(",", "."))
        if value == int(value) or kind == "number":
            yield int(value) if value == int(value) else value
    for match in _STARS.finditer(text):
        yield len(match.group())


def _moments(kind: str, text: str, source: Source) -> Iterator[str]:
    if kind in {"date", "date-text"}:
        yield from (found.value.isoformat() for found in source.days(text))
        if kind == "date-text" and len(text) <= 40:
            yield text
    elif kind == "date-time":
        yield from (written for _, written in source.moments(text))
    else:
        found = dates.find_time(text)
        if kind == "clock":
            yield from [found[2][:5]] if found else []
        elif kind == "time-text":
            yield text[found[0] : found[1]].strip() if found else text
        elif found:
            yield found[2]


def _address(text: str, block: tuple[str, ...]) -> Iterator[str]:
    lines = addresses.trim(block or (text,))
    parts = addresses.split(lines)
    found = addresses.read(lines)
    if found is not None:
        # As it is written, but without the name before it.
        start = next((n for n, p in enumerate(parts) if found.street.startswith(p)), 0)
        yield ", ".join(parts[start if found.street else 0 :])
    elif any(char.isdigit() for char in text):
        yield text.rstrip(",")


def _strings(kind: str, text: str, field: Field) -> Iterator[str]:
    line = text.splitlines()[0].strip()
    if kind == "name":
        yield name_in(line)
    elif kind == "identifier":
        head = _TAIL.split(line)[0]
        match = _ID.match(head)
        if match and field.has("number", "tracking", "postal"):
            yield match.group(1).rstrip(".,-/")
        elif " " not in head.strip():
            yield head.strip(" .,")
        yield head.strip(" ,")
    yield line.rstrip(" ,;") if kind == "text" else line.rstrip(" .,;")
    if text != line:
        yield text


def name_in(line: str) -> str:
    """Cut a name off from the address, e-mail address or remark behind it."""
    head = _TAIL.split(line)[0]
    found = values.EMAIL.search(head)
    if found:
        head = head[: found.start()]
    whole = _LEGAL.sub("\u0000", head)
    first, comma, rest = whole.partition(",")
    is_place = any(char.isdigit() for char in rest) or addresses.is_country(rest)
    head = first if comma and is_place else whole
    return head.replace("\u0000", ", ").strip(" ,;:<(\"'").removesuffix(" at")
