"""Numbers, currencies, yes and no, addresses of the net: single values in a text."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import senses
from .words import listed, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNS = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "AU$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP", "¥": "JPY",
    "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₴": "UAH",
    "zł": "PLN", "Kč": "CZK", "$": "USD", "Fr.": "CHF", "SFr.": "CHF", "Rs.": "INR",
}  # fmt: skip
_CODES = listed(
    "USD EUR GBP CHF JPY CNY INR AUD CAD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB "
    "UAH BRL MXN ARS CLP COP PEN ZAR KRW SGD HKD TWD THB IDR MYR PHP VND ILS AED SAR "
    "EGP NGN KES MAD ISK"
)
_NAMES = {
    "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "bucks": "USD",
    "pound": "GBP", "pounds": "GBP", "sterling": "GBP", "franken": "CHF",
    "francs": "CHF", "franc": "CHF", "yen": "JPY", "rupees": "INR", "dolares": "USD",
    "yuan": "CNY", "zloty": "PLN", "pfund": "GBP", "reais": "BRL", "won": "KRW",
}  # fmt: skip
_SIGN = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_CODE = "|".join(sorted(_CODES))
_MONEY_NAME = "|".join(sorted(_NAMES, key=len, reverse=True))
_MONEY = rf"(?:{_SIGN}|(?<![A-Za-z])(?:{_CODE})(?![A-Za-z]))"
_CURRENCY = re.compile(rf"{_SIGN}|\b(?:{_CODE})\b|\b(?i:{_MONEY_NAME})\b")
_KR = re.compile(r"\bkr\b")

_GROUP = "[ '’.,\u00a0\u202f\u2009]"
_DIGITS = (
    rf"(?:\d{{1,3}}(?P<mark>{_GROUP})\d{{3}}(?:(?P=mark)\d{{3}}){{0,4}}(?!\d)"
    r"(?:[.,]\d{1,6})?|\d{1,15}(?:[.,]\d{1,9})?|[.,]\d{1,9})"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?<!\d[,:/-])(?P<open>\()?"
    rf"(?:(?P<minus>[-−–](?=[\d.]|[^\W\d_]|{_SIGN}))\s?)?"
    rf"(?:(?P<before>{_MONEY})\s{{0,2}})?(?P<late>[-−])?"
    rf"(?P<digits>{_DIGITS})"
    rf"(?P<dash>[.,][-–—]{{1,2}})?"
    r"(?:\s?(?P<scale>million|mio\b\.?|mn\b|millionen|billion|mrd\b\.?|thousand|tsd\b\.?"
    r"|[kKM](?![\w/])))?"
    rf"(?:\s{{0,2}}(?P<after>{_MONEY}|(?i:{_MONEY_NAME})(?![A-Za-z])))?"
    r"(?:\s?(?P<percent>%|percent\b|prozent\b))?"
    r"(?P<trail>[-−](?![\w-]))?(?P<close>\))?(?![\d]|[-/:]\d)",
)
_SCALES = {
    "million": 10**6, "mio": 10**6, "mn": 10**6, "millionen": 10**6, "m": 10**6,
    "billion": 10**9, "mrd": 10**9, "thousand": 10**3, "tsd": 10**3, "k": 10**3,
}  # fmt: skip
_WORDS = {
    word: number
    for number, words in enumerate(
        (
            "zero null none nil",
            "one ein eine eins un une uno",
            "two zwei deux dos due",
            "three drei trois tres tre",
            "four vier quatre cuatro quattro",
            "five funf cinq cinco cinque",
            "six sechs seis sei",
            "seven sieben sept siete sette",
            "eight acht huit ocho otto",
            "nine neun neuf nueve nove",
            "ten zehn dix diez dieci",
            "eleven elf onze once undici",
            "twelve zwolf douze doce dodici dozen",
        )
    )
    for word in words.split()
}
_LETTERS = re.compile(r"[^\W\d_]+")

EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}@[A-Za-z0-9-]{1,63}"
    r"(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24}(?![\w@-])"
)
URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"'`{}|\\^\[\]]+|\bwww\.[^\s<>\"'`{}|\\^]+")
_ANY_URI = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}:[^\s<>\"'`{}|\\^]+")
UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
PHONE = re.compile(r"(?<![\w.,/-])(?:\+|\(?0|\(?\d)[\d ()./\u00a0-]{5,20}\d(?!\w)")
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]{0,40}\d)")
_IP6 = re.compile(r"(?<![\w:])[0-9a-fA-F:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])")

_BLANK = re.compile(r"['’\s]")
_ANSWER = re.compile(r"[^\W_]+|[✓✔☑✅✗✘☐❌✕✖☒]")
_DATE_OR_SUM = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|[\d.]{1,20}\.\d\d")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text, with what stands around it."""

    start: int
    end: int
    digits: str
    value: float | int
    currency: str | None = None
    is_percent: bool = False


def has_decimal_comma(text: str) -> bool | None:
    """Tell how a text writes decimals, by those that can only be meant one way."""
    votes = 0
    for match in _NUMBER.finditer(text):
        digits = match["digits"]
        point, comma = digits.rfind("."), digits.rfind(",")
        if (point >= 0 and comma >= 0) or (
            max(point, comma) >= 0 and len(digits) - max(point, comma) == 3
        ):
            votes += 1 if comma > point else -1
    return None if not votes else votes > 0


def numbers(text: str, *, decimal_comma: bool | None = None) -> Iterator[Number]:
    """
    Give the numbers of a text in order.

    Parameters
    ----------
    decimal_comma : bool, optional
        What 1.234 and 1,234 mean; by default a point before three digits is a
        decimal point unless it is money, and a comma is for thousands.
    """
    for match in _NUMBER.finditer(text):
        money = match["before"] or match["after"]
        value = _value(
            match["digits"], is_money=money is not None, decimal_comma=decimal_comma
        )
        if value is None:
            continue
        scale = (match["scale"] or "").lower().rstrip(".")
        if scale:
            scaled = value * _SCALES[scale]
            value = round(scaled) if scaled == round(scaled) else scaled
        closed = match["open"] and match["close"]
        if (
            match["minus"]
            or match["late"]
            or match["trail"]
            or (closed and money)
            or (closed and isinstance(value, float) and "%" not in match.group())
        ):
            value = -value
        yield Number(
            match.start("before") if match["before"] else match.start("digits"),
            match.end(),
            match["digits"],
            value,
            _code(money) if money else None,
            match["percent"] is not None,
        )


def _value(
    digits: str, *, is_money: bool, decimal_comma: bool | None
) -> float | int | None:
    digits = _BLANK.sub("", digits)
    point, comma = digits.rfind("."), digits.rfind(",")
    last = max(point, comma)
    if last < 0:
        return int(digits)
    mark = digits[last]
    tail = len(digits) - last - 1
    repeated = digits.count(mark) > 1
    both = point >= 0 and comma >= 0
    grouped = repeated or (
        not both
        and tail == 3
        and 1 <= last <= 3
        and digits[0] != "0"
        and _groups(mark, is_money=is_money, decimal_comma=decimal_comma)
    )
    if grouped:
        return int(digits.replace(".", "").replace(",", ""))
    whole = digits[:last].replace(".", "").replace(",", "")
    if (
        both
        and decimal_comma is not None
        and tail == 3
        and (mark == ",") != decimal_comma
    ):
        return int(whole + digits[last + 1 :])
    try:
        return float(f"{whole or '0'}.{digits[last + 1 :]}")
    except ValueError:
        return None


def _groups(mark: str, *, is_money: bool, decimal_comma: bool | None) -> bool:
    """Tell whether a lone mark before three digits is for thousands."""
    if decimal_comma is not None:
        return (mark == ".") == decimal_comma
    return mark == "," or is_money


def word_numbers(text: str) -> Iterator[Number]:
    """Give the small numbers that are written as words."""
    for match in _LETTERS.finditer(text):
        value = _WORDS.get(plain(match.group()))
        if value is not None:
            yield Number(match.start(), match.end(), match.group(), value)


def _code(sign: str) -> str | None:
    return _SIGNS.get(sign) or (sign if sign in _CODES else _NAMES.get(plain(sign)))


def currencies(text: str) -> Iterator[str]:
    """Give the ISO codes of the currencies that a text names."""
    for match in _CURRENCY.finditer(text):
        code = _code(match.group())
        if code:
            yield code
    if _KR.search(text):
        yield from ("SEK", "NOK", "DKK")


def yes_or_no(text: str) -> bool | None:
    """Read the first word that says yes or no."""
    mark = text.strip().casefold()
    if mark in {"[x]", "[ ]", "[]", "☒"}:
        return mark in {"[x]", "☒"}
    words = _ANSWER.findall(plain(text[:80]))
    for position, word in enumerate(words[:4]):
        if word in senses.NO:
            return False
        if word in senses.YES:
            return not (position and words[position - 1] in {"not", "nicht", "pas"})
    if mark in {"1", "0"}:
        return mark == "1"
    return None


def emails(text: str) -> list[str]:
    """Give the e-mail addresses of a text."""
    found = (match.group() for match in EMAIL.finditer(text))
    return [one for one in found if ".." not in one and ".@" not in one]


def urls(text: str, *, any_scheme: bool = False) -> list[str]:
    """Give the web addresses of a text, with their scheme."""
    found = []
    for match in (_ANY_URI if any_scheme else URL).finditer(text):
        url = match.group().rstrip(".,;:!?*_")
        if url.count(")") > url.count("("):
            url = url[: url.rindex(")")]
        found.append(f"https://{url}" if url.startswith("www.") else url)
    return found


def uuids(text: str) -> list[str]:
    """Give the UUIDs of a text."""
    return UUID.findall(text)


def ips(text: str, version: int) -> list[str]:
    """Give the internet addresses of a text, of version 4 or 6."""
    found = []
    for match in (_IP4 if version == 4 else _IP6).finditer(text):
        try:
            ipaddress.ip_address(match.group())
        except ValueError:
            continue
        if version == 4 or match.group().count(":") > 1:
            found.append(match.group())
    return found


def phones(text: str) -> list[str]:
    """Give what looks like a telephone number."""
    found = []
    for match in PHONE.finditer(text):
        number = match.group().strip()
        digits = sum(char.isdigit() for char in number)
        is_date = _DATE_OR_SUM.fullmatch(number)
        if (6 <= digits <= 15 and not is_date and not number.isdigit()) or (
            number.isdigit() and 7 <= digits <= 15
        ):
            found.append(number)
    return found
