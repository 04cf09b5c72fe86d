"""Who, with whom and when in sentences that tell of invoices, payments and meetings."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import dates, kinds, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Field, Source

_NAME = r"(?:[^\W\d_a-zà-ÿ]\.|[^\W\d_a-zà-ÿ][\w'’&.-]{0,24}(?<!\.))"
_FULL = rf"{_NAME}(?:\s(?:(?:of|de|von|van|der|da|di|del|&)\s)?{_NAME}){{0,5}}"
_PAPER = (
    r"\b(?:invoice|bill|receipt|bought|purchased?|order(?:ed)?|subscription|quote|rechnung"
    r"|quittung|gekauft|bestell\w{0,6}|facture|acheté|commandé|factura|compr\w{1,4}|fattura"
    r"|acquist\w{1,5}|factuur|gekocht|besteld|fatura|recibo)\b"
)
_PAID = (
    r"\b(?:paid|pay|payment|transferred|sent|bezahlt|gezahlt|überwiesen|payé|versé|viré"
    r"|pagado|pagué|pagato|versato|betaald|overgemaakt|pago|paguei|transferido)\b"
)
_GAP = r"(?:[^.!?\n]|\.(?=\d)){0,60}?"
_FIRM = r"(?:(?:the\s)?(?:company|firm|firma|société|empresa|società|ditta|firmy|bedrijf)\s)?"
_FROM = rf"\b(?:from|by|with|at|von|der|bei|durch|de|de la|du|chez|par|da|dalla|van|bij|pela)\s{_FIRM}"
_TO = rf"\b(?:to|at|an|bei|à|chez|a|al|aan|bij|para)\s{_FIRM}"
_SENT = (
    r"\b(?i:sent|shipped|parcel|package|delivered|dispatched|travel\w{0,5}|versandt|geliefert|paket"
    r"|verschickt|expédié|livré|colis|envoyé|enviado|paquete|spedito|pacco|verzonden|pakket"
    r"|encomenda|deliver|ship|carried)\b"
)
_WITH = r"\b(?:with|via|by|through|mit|per|durch|avec|par|con|por|tramite|met|door|pela|com)\s"
_SAID = (
    re.compile(rf"(?i:{_PAPER}{_GAP}{_FROM})({_FULL})"),
    re.compile(rf"(?i:{_PAID}{_GAP}{_TO})({_FULL})"),
    re.compile(rf"{_SENT}{_GAP}{_WITH}({_FULL})"),
)
# Who that is, each in its pattern.
_WHO = (
    {"vendor", "company", "sender"},
    {"vendor", "recipient", "company"},
    {"carrier"},
)
_JOINT = r"(?:,\s(?:(?:and|und|et|y|e|en)\s)?|\s(?:and|und|et|y|e|en|&)\s)"
_ROLL = re.compile(
    rf"({_NAME}(?:\s{_NAME}){{0,3}}(?:{_JOINT}{_NAME}(?:\s{_NAME}){{0,3}}){{1,9}})"
)
_CUT = re.compile(_JOINT)
_MET = re.compile(
    r"\b(?:attend\w{0,5}|present|participat\w{0,4}|joined|met|invited?|teilgenommen|teilnehm\w{0,5}|anwesend"
    r"|eingeladen|présents?|particip\w{1,6}|assist\w{1,6}|invité\w{0,2}|asisti\w{1,6}|partecip\w{2,6}"
    r"|invitat\w|aanwezig|deelgenomen|nahmen|presentes|convidad\w{1,3}|were there|took part)\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"(?:^|\s)(?:on|am|vom|le|du|el|del|il|op|van|em|de|dated|of)\s$", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?\n]{1,600}")
_ELSE = {
    "due", "valid", "next", "delivery", "arrival", "departure", "birth", "start", "end",
    "closed", "opened", "available", "sample", "report", "signed",
}  # fmt: skip
# Words that say nothing of what a value is about.
_PLAIN = {
    "date",
    "time",
    "number",
    "name",
    "amount",
    "value",
    "count",
    "total",
    "invoice",
}
_CLAUSES = re.compile(
    r"(?<!\d)[.!?]\s|[;\n]|,\s|\s(?:and|und|et|y|e|en|but|aber|mais|pero|ma|maar|mas)\s"
)
_BY = re.compile(rf"\b(?:by|von|par|por|da|dal|door|pelo|pela)\s({_FULL})")
_MAX_CLAUSES = 500
_HEAD = 20_000


def names(field: Field, source: Source) -> Iterator[str]:
    """Give who sold, was paid or carries, for a field that wants it."""
    for wanted, pattern in zip(_WHO, _SAID, strict=True):
        if wanted.intersection(field.wanted):
            for match in pattern.finditer(source.free[:_HEAD]):
                name = match.group(1).rstrip(".")
                if not any(map(words.is_known, words.read(name))):
                    yield name


def people(source: Source) -> list[str]:
    """Give the people that a sentence lists who were or will be somewhere."""
    for sentence in _SENTENCE.finditer(source.free[:_HEAD]):
        found = (
            _ROLL.search(sentence.group()) if _MET.search(sentence.group()) else None
        )
        if found:
            return [one.strip() for one in _CUT.split(found.group(1))]
    return []


def clauses(kind: str, field: Field, source: Source) -> Iterator[float | int | str]:
    """Give the one value of its kind in a clause that speaks of the field."""
    wanted = {near for one in field.wanted for near in words.kin(one)} - _PLAIN
    if not wanted or (kind == "name" and not field.has(*kinds.ROLES)):
        return
    for clause in _CLAUSES.split(source.free[:_HEAD])[:_MAX_CLAUSES]:
        said = {
            one for word in words.split(clause[:400]) for one in words.concept(word)
        }
        if wanted.isdisjoint(said) and wanted.isdisjoint(words.read(clause)):
            continue
        found = list(dict.fromkeys(_values(kind, clause, source)))
        if len(found) == 1:
            yield found[0]


def _values(kind: str, clause: str, source: Source) -> Iterator[float | int | str]:
    if kind in {"date", "date-text"}:
        yield from (one.value.isoformat() for one in source.days(clause))
    elif kind == "clock":
        at = dates.find_time(clause)
        yield from [at[2][:5]] if at else []
    elif kind == "number":
        yield from (one.value for one in source.numbers(clause) if one.currency)
    elif kind == "name":
        yield from (one.group(1).rstrip(".") for one in _BY.finditer(clause))


def day(source: Source) -> Iterator[str]:
    """Give the first date of a text, if "on" is all that is said of it."""
    text = source.free[:_HEAD]
    for one in source.days(text):
        before = text[max(0, one.start - 40) : one.start]
        said = words.read(before.rsplit(".", 1)[-1])
        if _ON.search(before) and _ELSE.isdisjoint(said):
            yield one.value.isoformat()
        return
