"""Values in sentences: after the words of a label, or known by their form alone."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import choices, dates, kinds, patterns, telling, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Field, Source

_REACH = 80
_BEFORE = 40
_MAX_TOKENS = 400
_HEAD = 5_000
_QUOTED = re.compile(
    r"[\"“„«]([^\"“”„«»\n]{1,200})[\"”“»]|(?<!\w)'([^'\n]{1,200})'(?!\w)"
)
_NAME = r"(?:[^\W\d_a-zà-ÿ]\.|[^\W\d_a-zà-ÿ][\w'’&-]{0,40})"
_PROPER = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Herr|Frau|Mme|M|Sr|Sra|St)\.?\s)?"
    rf"{_NAME}(?:(?:\s(?:of|de|von|van|der|den|da|di|del|la|le|and the|&)){{0,2}}"
    rf"[ ]{_NAME}){{0,5}}"
)
_IDENTIFIER = re.compile(
    r"[#№]?(?=[\w./-]{0,40}\d)(?:[A-Z]{1,5} (?=\d))?\w[\w./-]{0,40}"
)
_STOP = re.compile(r"[.;\n]")
_CLOSING = re.compile(r"([^\"“”»\n]{1,80})[\"”»]")
_CLAUSE = re.compile(r"[^.,;:!?\n()]{1,120}")
_DIALLED = re.compile(r"\+|\(?0|\(\d|\d{3}[ -.]\d{3}[ -.]\d{4}$")
_TOKEN = re.compile(r"[^\s,;()<>\"“”]{1,64}")
_SIGNED = re.compile(
    r"(?:regards|sincerely|best|cheers|thanks|thank you|gr[uü](?:ß|ss)e?n?|cordialement"
    r"|saludos|saluti|yours)[ \t]{0,3},?[ \t]{0,3}\n{1,3}[ \t]{0,20}([^\n]{2,60})",
    re.IGNORECASE,
)
_DEAR = re.compile(
    r"\b(?:Dear|Hello|Hi|Liebe[r]?|Hallo|Cher|Chère|Hola)\s([^,\n:!.]{2,50})[,:!\n]"
)
_AT_HOME = re.compile(
    r"\b(?:live[sd]?|living|based|located|resid(?:es?|ing)|wohn(?:e|t|haft)|leb(?:e|t)"
    r"|habite|viv[oe])\s(?:in|à|en)\s",
    re.IGNORECASE,
)
_DATED = re.compile(r"\b(?:vom|du|dated|del|van)\s$")
_ROOM = re.compile(r"\b(?:Room|Raum|Salle|Sala|Hall|Building)\s[\w.-]{1,12}(?<![.-])")
_VENUE = re.compile(
    r"\b(?:held|takes? place|meet(?:s|ing)?|hosted|conference|event|dinner|lunch)\b"
    r"[^.\n]{0,60}?\b(?:in|at)\s(?:the\s)?(?=[^\W\d_a-zà-ÿ])"
)
_I_AM = re.compile(
    r"\b(?:[Mm]y name is|I am|I['’]m|[Tt]his is|[Ii]ch bin|[Ii]ch hei(?:ße|sse)"
    r"|[Jj]e m['’]appelle|[Mm]e llamo|[Mm]i chiamo)\s"
)


def after_label(kind: str, field: Field, source: Source) -> Iterator[Any]:
    """Read what stands next to the words of a field. Any: by kind."""
    if kind == "boolean":
        for _, _, end in source.spoken(field):
            place, clear = source.after(end)
            answer = (
                values.yes_or_no(source.text[place : place + 12]) if clear else None
            )
            if answer is not None:
                yield answer
        said = choices.truth(field, source)
        if said is not None:
            yield said
        return
    for _, start, end in source.spoken(field):
        place, clear = source.after(end)
        near = source.text[place : place + _REACH]
        if kind in {"number", "integer"}:
            yield from _number(kind, source, start, near)
        elif kind in {"date", "date-time", "date-text"}:
            yield from _date(kind, source, near)
        elif kind in {"time", "time-text", "clock"}:
            found = dates.find_time(near[:30])
            if found:
                yield _written(kind, near, found)
        elif kind == "identifier":
            match = _IDENTIFIER.match(near)
            if match and not _is_date_at(source, near):
                yield match.group().strip("#№.,-/ ")
        elif kind in {"name", "text", "address"}:
            yield from _words(kind, near, clear=clear)
        else:
            beside = source.text[end : end + _REACH]
            yield from kinds.net(kind, beside.split("\n")[0])


def _number(kind: str, source: Source, start: int, near: str) -> Iterator[float | int]:
    found = next(source.numbers(near), None)
    if found is None or found.start > 2:
        found = next(values.word_numbers(near[:20]), None)
    if found and found.start <= 2 and not _is_date_at(source, near):
        yield found.value
    low = max(0, start - _BEFORE)
    # From the start of a word, so that no number is cut in two.
    while low and low > start - _BEFORE - 20 and not source.text[low - 1].isspace():
        low -= 1
    before = source.text[low:start]
    for one in (*source.numbers(before), *values.word_numbers(before)):
        gap = before[one.end :]
        if len(gap) <= 2 and not gap.strip(" -\u00a0"):
            yield (
                one.value
                if kind == "number" or one.value != int(one.value)
                else int(one.value)
            )


def _written(kind: str, text: str, found: tuple[int, int, str]) -> str:
    """Write a time as a field wants it: in ISO, as HH:MM, or as it stands."""
    low, high, iso = found
    return {"time": iso, "clock": iso[:5]}.get(kind, text[low:high].strip())


def _is_date_at(source: Source, near: str) -> bool:
    first = next(iter(source.days(near)), None)
    return first is not None and first.start <= 2


def _date(kind: str, source: Source, near: str) -> Iterator[str]:
    for found, written in source.moments(near):
        if found.start <= 32 and not _STOP.search(near[: found.start].strip()):
            yield written if kind == "date-time" else found.value.isoformat()
        return


def _words(kind: str, near: str, *, clear: bool) -> Iterator[str]:
    match = _QUOTED.match(near) or _QUOTED.match(near[1:])
    if match:
        yield match.group(1) or match.group(2)
        return
    # The opening quotation mark may have been taken for a part of the link.
    closing = _CLOSING.match(near)
    if closing and clear:
        yield closing.group(1).strip()
    if kind == "name":
        proper = _PROPER.match(near)
        if proper:
            yield kinds.name_in(proper.group()).rstrip(".")
    elif clear:
        clause = _CLAUSE.match(near)
        if clause and kind == "text":
            yield clause.group().strip()


def by_pattern(pattern: str, source: Source) -> Iterator[str]:
    """Give the words of a text that a schema's pattern describes."""
    compiled = patterns.compiled(pattern)
    if compiled is None or compiled.is_in(""):
        return
    for number, match in enumerate(_TOKEN.finditer(source.text)):
        if number >= _MAX_TOKENS:
            return
        word = match.group().strip(".:!?'*`")
        if any(char.isdigit() or char.isupper() for char in word) and compiled.is_in(
            word
        ):
            yield word


def by_form(kind: str, field: Field, source: Source, *, alone: bool) -> Iterator[Any]:
    """
    Give values that are known without a label, where nothing else can be meant.

    Parameters
    ----------
    alone : bool
        Whether the field is the only one of its kind in its object. Any: by kind.
    """
    free = source.free
    yield from telling.clauses(kind, field, source)
    if kind in {"date", "date-text", "date-time"}:
        yield from _own_date(kind, field, source, alone=alone)
    elif kind in {"time", "time-text", "clock"}:
        time = dates.find_time(free)
        if time and alone and field.is_plain("time"):
            yield _written(kind, free, time)
    elif kind in {"number", "integer"}:
        if field.has("rating"):
            yield from kinds.rated(source.text, kind)
        whole = field.has("total", "amount", "price", "balance")
        if whole and not field.has("tax", "discount", "fee", "subtotal"):
            money = [one for one in source.numbers(free) if one.currency]
            if len({one.value for one in money}) == 1 and alone:
                yield money[0].value
    elif kind == "currency":
        yield from kinds.net(kind, source.text)
    elif kind == "name":
        yield from telling.names(field, source)
        yield from _names(field, free)
        yield from _places(field, free)
    elif kind in {"email", "phone", "website", "uri", "uuid", "ipv4", "ipv6"}:
        plain = field.is_plain(kind, "email", "phone", "website", "number", "address")
        in_free = list(dict.fromkeys(kinds.net(kind, free)))
        everywhere = list(dict.fromkeys(kinds.net(kind, source.text)))
        if kind == "phone":
            # Without a label, other numbers look the same.
            in_free = [one for one in in_free if _DIALLED.match(one)]
            everywhere = [one for one in everywhere if _DIALLED.match(one)]
        if (plain and alone) or not set(field.wanted) - {"email", "phone", "website"}:
            yield from in_free or everywhere
        elif plain and len(in_free) == 1:
            yield in_free[0]
    elif kind == "iban":
        yield from kinds.net(kind, source.text)


def _own_date(kind: str, field: Field, source: Source, *, alone: bool) -> Iterator[str]:
    """Give the date of the whole: "Rechnung 17 vom 3. März", or the only one."""
    if not field.is_plain("date", "time", "issue"):
        return
    head = source.text[:_HEAD]
    own = [
        one
        for one in source.moments(head)
        if _DATED.search(head[max(0, one[0].start - 9) : one[0].start])
    ]
    only = list({one[0].value: one for one in source.moments(source.free)}.values())
    if alone and len(only) == 1:
        own += only
    for day, written in own[:1]:
        yield written if kind == "date-time" else day.value.isoformat()
    if not own and kind != "date-time" and field.wanted == ("date",):
        yield from telling.day(source)


def _greeted(free: str) -> Iterator[str]:
    return (match.group(1).strip() for match in _DEAR.finditer(free[:_HEAD]))


def _names(field: Field, free: str) -> Iterator[str]:
    if field.has("recipient"):
        yield from _greeted(free)
        return
    if field.has("vendor", "company", "city", "country", "state", "place", "brand"):
        return
    if not field.has("name", "sender", "person", "customer"):
        return
    if set(field.wanted) - {"name", "full", "sender", "person", "customer", "user"}:
        return
    for match in _I_AM.finditer(free[:20_000]):
        proper = _PROPER.match(free, match.end())
        if proper:
            yield proper.group().rstrip(".")
    if field.has("customer"):
        yield from _greeted(free)
        return
    for match in _SIGNED.finditer(free[-20_000:]):
        proper = _PROPER.fullmatch(match.group(1).strip(" .,"))
        if proper:
            yield proper.group()


def _places(field: Field, free: str) -> Iterator[str]:
    """Give where someone lives, for a city, or where people meet, for a place."""
    if set(field.wanted) == {"place"}:
        yield from (match.group() for match in _ROOM.finditer(free))
    for wanted, mark in (("city", _AT_HOME), ("place", _VENUE)):
        for match in mark.finditer(free) if set(field.wanted) == {wanted} else ():
            found = _PROPER.match(free, match.end())
            if found and not dates.is_month(found.group().split()[0]):
                yield found.group().rstrip(".")


def quoted(text: str) -> list[str]:
    """Give what stands in quotation marks."""
    return [m.group(1) or m.group(2) for m in _QUOTED.finditer(text)]


def proper(text: str, place: int) -> str | None:
    """Give the run of capitalised words that begins somewhere."""
    match = _PROPER.match(text, place)
    return match.group().rstrip(".") if match else None
