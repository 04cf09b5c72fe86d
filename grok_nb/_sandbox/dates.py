"""Dates and times in many forms and languages, as ISO writes them."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

# From January to December: English, German, French, Spanish, Italian, Portuguese,
# Dutch, Swedish and Polish, without accents, as far as they differ.
_NAMES = """
jan january januar janner janvier janv enero ene gennaio gen janeiro januari styczen
  stycznia
feb february februar fevrier fevr fev febrero febbraio fevereiro februari luty
  lutego
mar march marz mrz mars marzo marco maart mrt marzec marca
apr april avril avr abril abr aprile kwiecien kwietnia
may mai mayo maggio mag maio mei maj maja
jun june juni juin junio giugno giu junho czerwiec czerwca
jul july juli juillet juil julio luglio lug julho lipiec lipca
aug august aout agosto ago augustus augusti sierpien sierpnia
sep sept september septembre septiembre settembre set setembro wrzesien wrzesnia
oct october oktober okt octobre octubre ottobre ott outubro out pazdziernik
  pazdziernika
nov november novembre noviembre novembro listopad listopada
dec december dezember dez decembre diciembre dic dicembre dezembro grudzien grudnia
"""
_MONTHS = {
    name: number
    for number, names in enumerate(_NAMES.strip().replace("\n ", "").splitlines(), 1)
    for name in names.split()
}

_MONTH = r"([^\W\d_]{3,12})\.?"
_OF = r"(?:(?:of|de|del|di)\s{1,2}|d['’]\s?)"
_DAY = r"(\d{1,2})(?:st|nd|rd|th|er|º|°|ª|\.)?"
_YEAR = r"(\d{4}|['’]?\d{2}(?!\d))"
_FORMS = re.compile(
    rf"(?<![\w.,/-])(?:"
    rf"(?P<iso>(\d{{4}})([-/.])(\d{{1,2}})\3(\d{{1,2}})(?!\d))"
    rf"|(?P<cjk>(\d{{4}})年(\d{{1,2}})月(\d{{1,2}})日)"
    rf"|(?P<plain>(\d{{1,2}})\s?([./-])\s?(\d{{1,2}})\s?\12\s?(\d{{4}}|\d{{2}})"
    rf"(?![\d.,/-]{{0,20}}\d))"
    rf"|(?P<day>{_DAY}[\s-]{{1,3}}{_OF}?{_MONTH}"
    rf"[\s,-]{{1,3}}{_OF}?{_YEAR})(?!\w)"
    rf"|(?P<month>{_MONTH}\s{{1,2}}(?:the\s)?(\d{{1,2}})(?:st|nd|rd|th)?,?\s{{1,2}}{_YEAR})(?!\w)"
    rf")",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<![\d:.,/-])(?:(\d{1,2})[:h.](\d{2})(?::(\d{2})(?:\.\d{1,9})?)?"
    r"(?:\s?(a\.?m\b\.?|p\.?m\b\.?))?|(\d{1,2})\s?(a\.?m\b\.?|p\.?m\b\.?))"
    r"(?:\s?(Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}))?(?![\d:])(?!\s?Uhr\d)",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"[T\s,]{0,10}(?:at|um|a|à|às|alle|om|kl\.?|@|-)?\s{0,10}", re.IGNORECASE
)
_MONTH_FIRST = re.compile(r"\$|\bUSD\b|\bZIP\b|\b[A-Z]{2} \d{5}\b")
# Words that stand on papers in languages that begin with the day.
_DAY_FIRST = re.compile(
    r"\b(?:factur\w{0,9}|fattura|fatura|rechnung\w{0,20}|datum|fecha|data|date d\w{0,9}"
    r"|échéance|betrag|montant|importe|bestell\w{0,20}|commande|cliente?|kunde|klant|total ttc|mwst|iva"
    r"|tva|btw|GBP|£|UK|VAT)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A date in a text; `clear` when its order of day and month is certain."""

    start: int
    end: int
    value: datetime.date
    clear: bool = True


def is_month(word: str) -> bool:
    """Tell whether a word names a month."""
    return plain(word.rstrip(".")) in _MONTHS


def is_month_first(text: str) -> bool:
    """Tell whether 03/04/2026 is in March here: by other dates, else by the country."""
    votes = 0
    for match in _FORMS.finditer(text):
        if match["plain"] is not None and match.group(12) == "/":
            first, second = int(match.group(11)), int(match.group(13))
            votes += (second > 12) - (first > 12)
        elif match["month"] is not None:
            votes += _month_number(match, "month") is not None
    if votes:
        return votes > 0
    return bool(_MONTH_FIRST.search(text)) and not _DAY_FIRST.search(text)


def find(text: str, *, month_first: bool = False) -> Iterator[Found]:
    """Give the dates of a text in order."""
    for match in _FORMS.finditer(text):
        parts = _parts(match, month_first=month_first)
        if parts is None:
            continue
        year, month, day, clear = parts
        try:
            value = datetime.date(year, month, day)
        except ValueError:
            continue
        yield Found(match.start(), match.end(), value, clear)


def _parts(
    match: re.Match[str], *, month_first: bool
) -> tuple[int, int, int, bool] | None:
    if match["iso"] is not None:
        year, month, day = (int(match.group(n)) for n in (2, 4, 5))
        return year, month, day, True
    if match["cjk"] is not None:
        year, month, day = (int(match.group(n)) for n in (7, 8, 9))
        return year, month, day, True
    if match["plain"] is not None:
        first, second = int(match.group(11)), int(match.group(13))
        year = _year(match.group(14))
        # But with slashes, it is the day that comes first, everywhere.
        swap = month_first and match.group(12) == "/"
        if first > 12 or (second <= 12 and not swap):
            return year, second, first, first > 12
        return year, first, second, second > 12
    kind = "day" if match["day"] is not None else "month"
    number = _month_number(match, kind)
    if number is None:
        return None
    day, year = (16, 18) if kind == "day" else (21, 22)
    return _year(match.group(year)), number, int(match.group(day)), True


def _month_number(match: re.Match[str], kind: str) -> int | None:
    return _MONTHS.get(plain(match.group(17 if kind == "day" else 20)))


def _year(digits: str) -> int:
    digits = digits.lstrip("'’")
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (2000 if int(digits) < 70 else 1900)


def find_time(text: str, start: int = 0) -> tuple[int, int, str] | None:
    """
    Give the first time of a text: where it is, and it in ISO.

    ISO wants a zone; a time without one is taken for UTC.
    """
    for match in _TIME.finditer(text, start):
        hour = int(match.group(1) or match.group(5))
        minute, second = int(match.group(2) or 0), int(match.group(3) or 0)
        half = (match.group(4) or match.group(6) or "").lower()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half[0] == "p" else 0)
        if hour > 23 or minute > 59 or second > 59:
            continue
        zone = _zone(match.group(7))
        if zone is not None:
            written = f"{hour:02}:{minute:02}:{second:02}{zone}"
            return match.start(), match.end(), written
    return None


def _zone(text: str | None) -> str | None:
    if text is None or text.upper() in {"Z", "UTC", "GMT"}:
        return "Z"
    digits = text[1:].replace(":", "")
    if int(digits[:2]) > 23 or int(digits[2:]) > 59:
        return None
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def moments(text: str, *, month_first: bool = False) -> Iterator[tuple[Found, str]]:
    """Give each date with the time beside it (midnight without one), in ISO."""
    for found in find(text, month_first=month_first):
        joint = _JOINT.match(text, found.end)
        place = joint.end() if joint else found.end
        # The sign before the time is part of the joint, not of the number.
        time = find_time(" " * 2 + text[place : place + 40])
        at = time[2] if time is not None and time[0] <= 3 else None
        yield found, f"{found.value.isoformat()}T{at or '00:00:00Z'}"
