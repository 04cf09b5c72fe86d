"""Postal addresses: lines and parts of lines as street, city, code and country."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .words import listed, plain
from .words import read as concepts

_COUNTRIES = listed(
    plain(
        "germany|deutschland|allemagne|alemania|france|frankreich|francia|austria"
        "|österreich|switzerland|schweiz|suisse|svizzera|suiza|italy|italia|italien"
        "|italie|spain|españa|spanien|espagne|portugal|netherlands|the netherlands"
        "|nederland|niederlande|pays-bas|belgium|belgien|belgique|belgië|luxembourg"
        "|luxemburg|united kingdom|great britain|england|scotland|wales|ireland|irland"
        "|denmark|danmark|dänemark|sweden|sverige|schweden|norway|norge|norwegen|finland"
        "|suomi|finnland|iceland|poland|polska|polen|pologne|czech republic|czechia"
        "|slovakia|slovenia|hungary|ungarn|romania|bulgaria|croatia|serbia|greece"
        "|griechenland|turkey|türkei|türkiye|russia|ukraine|estonia|latvia|lithuania"
        "|united states|united states of america|usa|us|u.s.a.|u.s.|uk|u.k.|canada|kanada"
        "|mexico|méxico|brazil|brasil|argentina|chile|colombia|peru|australia|australien"
        "|new zealand|china|japan|south korea|korea|india|indien|singapore|hong kong"
        "|taiwan|thailand|vietnam|indonesia|malaysia|philippines|israel|egypt"
        "|south africa|nigeria|kenya|morocco|maroc|united arab emirates|uae"
        "|saudi arabia|liechtenstein|malta|cyprus"
    ),
    "|",
)
_CODE = (
    r"(?P<code>(?:[A-Z]{1,3}-)?(?:\d{5}(?:-\d{3,4})?|\d{4}\s?[A-Z]{2}\b|\d{3} \d{2}"
    r"|\d{2}-\d{3}|\d{4}-\d{3}|\d{4}|\d{6}))"
)
_UK = r"(?P<uk>[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d)"
_CITY = r"(?P<city>[^\W\d_][^\d,;:]{0,60}?)"
_FORMS = (
    re.compile(rf"{_CODE},?\s{{1,3}}{_CITY}(?:\s\((?P<state>[A-Z]{{2}})\))?"),
    re.compile(
        rf"{_CITY},?\s{{1,3}}(?P<state>[A-Z]{{2,3}}),?\s{{1,3}}(?:{_CODE}|{_UK})"
    ),
    re.compile(
        rf"(?P<state>[A-Z]{{2,3}})\s{{1,3}}(?:(?P<code>\d{{5}}(?:-\d{{4}})?|\d{{4}})|{_UK})"
    ),
    re.compile(rf"{_CITY},?\s{{1,3}}{_UK}"),
    re.compile(_UK),
    re.compile(rf"{_CITY},?\s{{1,3}}{_CODE}"),
    re.compile(_CODE),
)
_STREET_WORD = re.compile(
    r"(?:street|road|avenue|ave|lane|drive|blvd|boulevard|way|court|square|strasse|str"
    r"|weg|platz|allee|gasse|rue|via|viale|piazza|calle|avenida|plaza|paseo|rua|straat"
    r"|laan|gatan|vagen|ulica|ul|quai|chemin|place|corso|po box|postfach)\b"
)
_STREET = re.compile(r"[^\W\d_].{0,100}\d|\d.{0,100}[^\W\d_]")
_STATES = listed(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE "
    "NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC ON QC BC "
    "AB NSW VIC QLD"
)
_PART = re.compile(r",\s|;\s|\s\|\s")
_MAX_PARTS = 12
# With these words, a number is no postal code and no house.
_PAPERS = {
    "number", "reference", "order", "invoice", "record", "ticket", "tracking", "total",
    "phone", "policy", "page", "licence",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """
    The parts of an address, each empty if it is not there.

    Parameters
    ----------
    name : str
        What stands before the street: a person or a company.
    """

    name: str = ""
    street: str = ""
    city: str = ""
    postal: str = ""
    state: str = ""
    country: str = ""

    @property
    def whole(self) -> str:
        """The address without the name, on one line."""
        place = " ".join(filter(None, (self.state, self.postal)))
        return ", ".join(filter(None, (self.street, self.city, place, self.country)))


def is_country(text: str) -> bool:
    """Tell whether a text is the name of a country."""
    return plain(text.strip(" .")) in _COUNTRIES or plain(text.strip()) in _COUNTRIES


def is_state(text: str) -> bool:
    """Tell whether a text is the code of a state or province."""
    return text in _STATES


def split(lines: tuple[str, ...]) -> list[str]:
    """Cut the lines of an address at commas."""
    parts = [part.strip() for line in lines for part in _PART.split(line)]
    parts = [part.strip(" ,") for part in parts if part.strip(" ,.")][:_MAX_PARTS]
    return [*parts[:-1], parts[-1].rstrip(".")] if parts else []


def trim(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Take the lines up to the one that completes an address, and the country after it."""
    for number in range(1, len(lines)):
        found = _read(lines[:number])
        if found and found.street and found.postal:
            return lines[: number + is_country(lines[number])]
    return lines


def read(lines: tuple[str, ...]) -> Address | None:
    """Read the lines of an address, None if they are none."""
    return _read(trim(lines))


def _read(lines: tuple[str, ...]) -> Address | None:
    parts = [part for part in split(lines) if len(part) <= 100]
    country = ""
    if len(parts) > 1 and is_country(parts[-1]):
        country = parts.pop()
    place, found, skipped = _place(parts)
    if found is None:
        return _without_code(parts, country)
    state = found.get("state") or ""
    city, code = found.get("city") or "", found.get("code") or found.get("uk") or ""
    before = parts[: place - skipped]
    if skipped:
        # The city has a part of its own before state and code.
        city = city or parts[place - 1]
        if is_state(city) and len(before) > 1 and not state:
            state, city = city, before.pop()
    after = parts[place + 1 :]
    if not country and after and not _STREET.search(after[0]):
        country = after[0] if len(after[0].split()) <= 4 else ""
    if not city and not before:
        return None
    at = _street(before)
    street = ", ".join(before[at:]) if at is not None else ""
    name = ", ".join(before[:at]) if at is not None else ", ".join(before)
    if not street and not city:
        return None
    return Address(name, street, city, code, state, country)


def _place(parts: list[str]) -> tuple[int, dict[str, str | None] | None, int]:
    """Find the part with the postal code, and whether the city is the one before."""
    for form in _FORMS:
        for place in range(len(parts) - 1, -1, -1):
            match = form.fullmatch(parts[place])
            if match is None:
                continue
            found = match.groupdict()
            has_city = bool(found.get("city"))
            if not _PAPERS.isdisjoint(concepts(found.get("city") or "")):
                continue
            alone = not has_city and not place
            if alone or (has_city and _STREET_WORD.search(plain(found["city"] or ""))):
                continue
            if form is _FORMS[5] and _STREET_WORD.search(plain(parts[place])):
                continue
            return place, found, 0 if has_city else 1
    return 0, None, 0


def _street(parts: list[str]) -> int | None:
    """Find the part where the street begins."""
    parts = ["" if _PAPERS.intersection(concepts(one)) else one for one in parts]
    for place, part in enumerate(parts):
        if _STREET.search(part) and _STREET_WORD.search(plain(part)):
            return place
    for place, part in enumerate(parts):
        if _STREET.search(part) and (place or len(parts) == 1 or part[0].isdigit()):
            return place
    for place, part in enumerate(parts):
        if _STREET.search(part) or _STREET_WORD.search(plain(part)):
            return place
    return None


def _without_code(parts: list[str], country: str) -> Address | None:
    """Read an address that has no postal code: the street tells."""
    if len(parts) == 2 and is_state(parts[1]) and not _STREET.search(parts[0]):
        return Address(city=parts[0], state=parts[1], country=country)
    if len(parts) == 1 and country and not _STREET.search(parts[0]):
        return Address(city=parts[0], country=country)
    at = _street(parts)
    if at is None or not (country or _STREET_WORD.search(plain(parts[at]))):
        return None
    rest = parts[at + 1 :]
    state = rest.pop() if rest and is_state(rest[-1]) else ""
    city = rest[0] if rest and not any(char.isdigit() for char in rest[0]) else ""
    return Address(", ".join(parts[:at]), parts[at], city, "", state, country)
