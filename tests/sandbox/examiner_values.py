"""Values and the many ways in which people write them: dates, amounts, addresses.

Each function draws a value and returns a :class:`Said`: what stands in the text, and
what a careful reader takes from it.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
CODES = ("EUR", "USD", "GBP", "CHF")
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "Fr."}
MONTHS = {
    "en": "January February March April May June July August September October"
    " November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November"
    " Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre"
    " novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre"
    " noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre"
    " ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober"
    " november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro"
    " novembro dezembro",
}
# Where the first three letters are not what people write.
SHORT = {
    ("fr", "janvier"): "janv.",
    ("fr", "février"): "févr.",
    ("fr", "juillet"): "juil.",
    ("fr", "septembre"): "sept.",
    ("nl", "maart"): "mrt",
    ("en", "September"): "Sept",
}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FIRST = [
    "Maya",
    "Jonas",
    "Aïcha",
    "Liam",
    "Chloé",
    "Matteo",
    "Ingrid",
    "Pablo",
    "Zoë",
    "Hannah",
    "Rafael",
    "Sofie",
    "Noor",
    "Elif",
    "Björn",
    "Teresa",
    "Oskar",
    "Priya",
    "Kenji",
    "Amara",
]
LAST = [
    "Keller",
    "Okafor",
    "Dubois",
    "Novak",
    "Lindqvist",
    "Moretti",
    "Vermeulen",
    "Almeida",
    "Harper",
    "Schäfer",
    "Castillo",
    "Nakamura",
    "Byrne",
    "Wójcik",
    "Rossi",
    "O'Neill",
    "Fontaine",
    "Haddad",
    "Steiner",
    "Visser",
]
FIRMS = [
    "Northwind",
    "Blue Heron",
    "Kestrel",
    "Alpenblick",
    "Marchetti",
    "Copper Kettle",
    "Vandenberg",
    "Lumière",
    "Sol y Mar",
    "Quarry Lane",
    "Bright Harbour",
    "Tannhof",
    "Redwood Valley",
    "Pico Alto",
]
FORMS = {
    "en": ("Ltd", "Inc.", "LLC", "& Sons"),
    "de": ("GmbH", "AG", "KG"),
    "fr": ("SARL", "SAS", "SA"),
    "es": ("S.L.", "S.A."),
    "it": ("S.r.l.", "S.p.A."),
    "nl": ("B.V.", "N.V."),
    "pt": ("Lda.", "S.A."),
}
GOODS = [
    "Desk lamp",
    "Oak shelf",
    "USB-C cable",
    "Ceramic mug",
    "Filter cartridge",
    "Steel bracket",
    "Garden hose",
    "Notebook A5",
    "Wool blanket",
    "Brake pad set",
    "Ink, black",
    "Copper pipe 15 mm",
    "Travel adapter",
    "Linen shirt",
    "LED panel 60x60",
    "Espresso beans",
    "Screwdriver kit",
    "Consulting",
    "Site visit",
    "Annual licence",
]
# (street, city, postal code, state, country as written)
PLACES = {
    "us": (
        ("742 Maple Ave", "Portland", "97205", "OR", "USA"),
        ("1600 Pine St, Suite 400", "Denver", "80203", "CO", "United States"),
        ("88 Lakeshore Dr", "Madison", "53703", "WI", "USA"),
        ("19 Elm Court", "Burlington", "05401", "VT", "USA"),
    ),
    "uk": (
        ("12 Harley Road", "Leeds", "LS1 4DY", None, "United Kingdom"),
        ("7 Castle Terrace", "Edinburgh", "EH1 2DP", None, "UK"),
        ("45 Station Approach", "Bristol", "BS1 6QF", None, "England"),
    ),
    "de": (
        ("Lindenstraße 14", "Potsdam", "14467", None, "Deutschland"),
        ("Am Kirchberg 3a", "Freiburg", "79098", None, "Germany"),
        ("Müllerweg 27", "Bad Homburg", "61348", None, "Deutschland"),
    ),
    "fr": (
        ("18 rue des Tanneurs", "Lyon", "69002", None, "France"),
        ("4 bis, avenue Foch", "Nancy", "54000", None, "France"),
        ("27 boulevard Carnot", "Aix-en-Provence", "13100", None, "France"),
    ),
    "ch": (
        ("Seestrasse 41", "Luzern", "6005", None, "Schweiz"),
        ("Rue du Lac 9", "Lausanne", "1003", None, "Suisse"),
        ("Marktgasse 2", "St. Gallen", "9000", None, "Switzerland"),
    ),
}
COUNTRIES = (
    {"usa", "united states", "us", "united states of america"},
    {"uk", "united kingdom", "gb", "great britain", "england"},
    {"deutschland", "germany", "de"},
    {"france", "fr"},
    {"schweiz", "suisse", "switzerland", "ch"},
)


EN_DASH = "\u2013"


@dataclasses.dataclass(frozen=True)
class Said:
    """A value as it is written and as it is to be read."""

    text: str
    value: Any
    form: str = ""
    lines: tuple[str, ...] = ()  # an address as a block


def person(r: random.Random) -> Said:
    name = f"{r.choice(FIRST)} {r.choice(LAST)}"
    return Said(r.choice([name] * 4 + [f"{r.choice(['Dr.', 'Ms'])} {name}"]), name)


def firm(r: random.Random, lang: str) -> Said:
    name = f"{r.choice(FIRMS)} {r.choice(FORMS[lang])}"
    return Said(name, name)


def code(r: random.Random, prefix: str) -> Said:
    digits = r.randrange(1000, 99999)
    year = r.randrange(2024, 2028)
    text = r.choice(
        [
            f"{prefix}-{year}-{digits}",
            f"{prefix}{digits}",
            f"{digits}",
            f"{year}/{digits}",
            f"{prefix}-{digits}-{r.choice('ABCDEFGH')}",
        ]
    )
    return Said(text, text)


def date(r: random.Random, lang: str) -> Said:
    day = datetime.date(2024, 1, 1) + datetime.timedelta(days=r.randrange(1200))
    form = r.choice(DATE_FORMS[lang])
    if form in ("slash", "us-slash", "us-short"):
        day = day.replace(day=r.randrange(13, 29))  # only one reading is possible
    return Said(write_date(day, form, lang, r), day.isoformat(), f"date:{form}")


DATE_FORMS = {
    lang: (
        "iso iso-slash dots dots-short slash long long long abbreviated"
        + (" us-long us-long ordinal us-slash us-short weekday" if lang == "en" else "")
        + (" cjk" if lang == "en" else "")
        + (" of of" if lang in ("es", "pt") else "")
    ).split()
    for lang in LANGUAGES
}


def write_date(day: datetime.date, form: str, lang: str, r: random.Random) -> str:
    month = MONTHS[lang].split()[day.month - 1]
    short = month if len(month) <= 4 else month[:3] + ("" if lang == "en" else ".")
    short = SHORT.get((lang, month), short)
    y, m, d = day.year, day.month, day.day
    suffix = "th" if d in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(d % 10)
    dot = "." if lang == "de" else ""
    return {
        "iso": f"{y}-{m:02}-{d:02}",
        "iso-slash": f"{y}/{m:02}/{d:02}",
        "dots": f"{d:02}.{m:02}.{y}",
        "dots-short": f"{d}.{m}.{y}",
        "slash": f"{d:02}/{m:02}/{y}",
        "us-slash": f"{m:02}/{d:02}/{y}",
        "us-short": f"{m}/{d}/{y % 100:02}",
        "long": f"{d}{dot} {month} {y}",
        "of": f"{d} de {month} de {y}",
        "abbreviated": r.choice([f"{d}{dot} {short} {y}", f"{d:02}-{month[:3]}-{y}"])
        if lang == "en"
        else f"{d}{dot} {short} {y}",
        "us-long": r.choice([f"{month} {d}, {y}", f"{short} {d}, {y}"]),
        "ordinal": r.choice(
            [
                f"{short} {d}{suffix or 'th'}, {y}",
                f"{d}{suffix or 'th'} {month} {y}",
                f"the {d}{suffix or 'th'} of {month} {y}",
            ]
        ),
        "weekday": f"{DAYS[day.weekday()]}, {month} {d}, {y}",
        "cjk": f"{y}年{m}月{d}日",
    }[form]


def number(value: float, style: str, places: int = 2) -> str:
    """Write a number with the thousands and decimal marks of ``style``."""
    text = f"{value:,.{places}f}"
    thousands, point = {
        "en": (",", "."),
        "de": (".", ","),
        "fr": ("\u202f", ","),
        "fr-nbsp": ("\u00a0", ","),
        "fr-space": (" ", ","),
        "ch": ("'", "."),
        "ch-curly": ("\u2019", "."),
        "bare": ("", "."),
        "bare-comma": ("", ","),
    }[style]
    return text.replace(",", "\0").replace(".", point).replace("\0", thousands)


STYLES = {
    "en": ("en", "en", "en", "bare"),
    "de": ("de", "de", "bare-comma", "ch"),
    "fr": ("fr", "fr-nbsp", "fr-space", "bare-comma"),
    "es": ("de", "bare-comma"),
    "it": ("de", "bare-comma"),
    "nl": ("de", "bare-comma"),
    "pt": ("de", "fr-space"),
}


def amount(
    r: random.Random, lang: str, currency: str, top: float = 20000, sign: int = 1
) -> Said:
    """Draw an amount of money with its currency by sign or by code."""
    style = r.choice(STYLES[lang])
    if currency == "CHF" and r.random() < 0.5:
        style = r.choice(["ch", "ch-curly"])
    value = round(r.uniform(3, 900) if r.random() < 0.4 else r.uniform(900, top), 2)
    text, form = number(value, style), f"amount:{style}"
    if currency == "CHF" and r.random() < 0.3:
        value = float(r.randrange(5, 900))
        text, form = f"{value:.0f}.{r.choice(EN_DASH + '-')}", "amount:dash"
    elif r.random() < 0.1:
        value = float(round(value))
        text, form = number(value, style, 0), "amount:whole"
    mark = currency if r.random() < 0.5 else SIGNS[currency]
    if mark == "$" or mark == "£" or mark == "Fr." or form == "amount:dash":
        text = f"{mark} {text}" if len(mark) > 1 else f"{mark}{text}"
    elif lang == "en":
        text = r.choice([f"{mark}{'' if mark == '€' else ' '}{text}", f"{text} {mark}"])
    else:
        text = r.choice([f"{text} {mark}", f"{text} {mark}", f"{mark} {text}"])
    if sign < 0:
        form = r.choice(["amount:brackets", "amount:minus", "amount:true-minus"])
        text = {
            "amount:brackets": f"({text})",
            "amount:minus": f"-{text}",
            "amount:true-minus": f"\u2212{text}",
        }[form]
    return Said(text, sign * value, form)


def percent(r: random.Random, lang: str) -> Said:
    value = r.choice([5.0, 7.0, 7.7, 8.1, 10.0, 19.0, 20.0, 21.0, 22.0, 5.5, 2.6])
    style = "en" if lang == "en" else "de"
    text = number(value, style, 0 if value.is_integer() else 1)
    return Said(text + r.choice(["%", " %"]), value, "percent")


def quantity(r: random.Random, lang: str, unit: str, low: int, high: int) -> Said:
    """Draw a measure: a number with at most one decimal and its unit."""
    whole = r.random() < 0.5
    value = float(r.randrange(low, high)) if whole else round(r.uniform(low, high), 1)
    style = "en" if lang == "en" else "de"
    return Said(
        f"{number(value, style, 0 if value.is_integer() else 1)} {unit}", value, "unit"
    )


def count(r: random.Random, low: int, high: int) -> Said:
    value = r.randrange(low, high)
    return Said(str(value), value)


def email(r: random.Random, owner: str = "") -> Said:
    name = "".join(c for c in (owner or person(r).value).lower() if c.isascii())
    name = name.replace(" ", r.choice([".", "_", ""])).replace("'", "")
    host = f"{r.choice(FIRMS).split()[0].lower()}.{r.choice(['com', 'de', 'co.uk'])}"
    host = host.replace("è", "e")
    return Said(f"{name}@{host}", f"{name}@{host}")


def phone(r: random.Random) -> Said:
    n = f"{r.randrange(10**8):08}"
    text = r.choice(
        [
            f"+49 30 {n[:4]} {n[4:]}",
            f"+1 (555) 0{n[1:3]}-{n[3:7]}",
            f"(415) 555-{n[:4]}",
            f"+33 1 {n[:2]} {n[2:4]} {n[4:6]} {n[6:]}",
            f"020 7{n[:3]} {n[3:7]}",
            f"+41 44 {n[:3]} {n[3:5]} {n[5:7]}",
        ]
    )
    return Said(text, text, "phone")


def url(r: random.Random) -> Said:
    text = f"https://www.{r.choice(FIRMS).split()[0].lower().replace('è', 'e')}.com" + (
        r.choice(["", "/events", "/p/4711", "/apply?ref=nb"])
    )
    return Said(text, text)


def clock(r: random.Random, lang: str) -> Said:
    hour, minute = r.randrange(7, 22), r.choice([0, 15, 30, 45])
    value = f"{hour:02}:{minute:02}"
    if lang == "en" and r.random() < 0.5:
        half = "am" if hour < 12 else "pm"
        text = f"{(hour - 1) % 12 + 1}:{minute:02} {half}"
    else:
        text = value + (" Uhr" if lang == "de" and r.random() < 0.5 else "")
    return Said(text, value, "time")


def address(r: random.Random, lang: str) -> Said:
    """Draw a postal address; ``value`` has its parts, ``country`` only if written."""
    land = {"de": r.choice(["de", "ch"]), "fr": r.choice(["fr", "ch"])}.get(
        lang, r.choice(["us", "uk", "us", "de", "fr", "ch"])
    )
    street, city, postal, state, country = r.choice(PLACES[land])
    town = {
        "us": f"{city}, {state} {postal}",
        "uk": f"{city} {postal}" if r.random() < 0.5 else f"{city}, {postal}",
    }.get(land, f"{postal} {city}")
    lines = [street, town] + ([country] if r.random() < 0.5 else [])
    value = {"street": street, "city": city, "postal_code": postal}
    if state:
        value["state"] = state
    if len(lines) == 3:
        value["country"] = country
    return Said(", ".join(lines), value, f"address:{land}", tuple(lines))
