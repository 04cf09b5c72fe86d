"""The arguments of a function, as a request in one or two sentences gives them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import arithmetic, dates, names, prose, values, words
from .extract import Filler
from .names import Names
from .source import Field, Source, field_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conform import Schema, Shape

# What is asked for stands in a few sentences.
MAX_PROMPT = 20_000
_ORIGIN = words.listed("from origin source departure start base")
_TARGET = words.listed("to destination target arrival end dest")
_LANGUAGES = words.listed(
    "english french german spanish italian portuguese dutch russian chinese mandarin "
    "japanese korean arabic hindi turkish polish swedish danish norwegian finnish greek "
    "hebrew thai vietnamese indonesian ukrainian czech romanian hungarian latin"
)
_NO_TICKER = words.listed("I A USD EUR GBP US UK EU OK PM AM ID CEO THE WHAT IS OF AND")
_SAYING = re.compile(
    r"\b(?:saying(?: that)?|that says|which says|with the (?:message|text|body|content)"
    r"|telling (?:him|her|them)(?: that)?|message|text|translate|remember that|note that)"
    r"\s?:?\s{1,3}(.{1,2000})",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT = re.compile(
    r"\b(?:about|regarding|concerning|on the subject of|with (?:the )?subject|on|over)\s?:?\s{1,3}"
    r"(.{1,300}?)(?=[.?!\n]|\s(?:saying|that says|with the|to|from|in|on|at|for)\b|$)",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"\b(?:called|named|titled|entitled|with the (?:name|title))\s?:?\s{1,3}"
    r"(.{1,100}?)(?=[.?!,\n]|\s(?:on|at|for|with|to|from|in)\b|$)",
    re.IGNORECASE,
)
_QUERY = re.compile(
    r"\b(?:search(?: the (?:web|internet|docs|documents|database|knowledge base))?(?: online)?"
    r"|look(?:\s?up)?|find(?: me)?(?: information| documents| articles)?|google|query"
    r"|ask|information|documents|articles|news|results)"
    r"\s{1,3}(?:(?:for|about|on|up)\s{1,3})?(\S.{1,300}?)(?=[?!\n]|\.(?:\s|$)|$)",
    re.IGNORECASE,
)
_SWITCH = re.compile(
    r"\b(?:turn|switch|put)\b.{0,60}?\b(?P<way>on|off)\b"
    r"|\b(?P<verb>enable|activate|disable|deactivate)\b",
    re.IGNORECASE,
)
_ON = words.listed("on enable activate")
_FROM_WORD = re.compile(r"\bfrom\s{1,3}([A-Za-z]+)")
_TO_WORD = re.compile(r"\b(?:to|into)\s{1,3}([A-Za-z]+)")
_LOOSE_ID = re.compile(
    r"(?<![\w.])#?((?=[\w-]{0,40}\d)[A-Za-z0-9][\w-]{2,40})(?![\w.]{0,40}\d)"
)
_QUERIES = words.listed(
    "query question prompt search q input keywords keyword term terms request"
)
_BODIES = words.listed("body message content text contents note notes memo")
_SUBJECTS = words.listed("subject topic title name label task item event summary")
_EXPRESSIONS = words.listed("expression formula equation calculation expr")


def fill(
    prompt: str, schema: Schema, shape: Shape
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """
    Fill the arguments of a function.

    Returns
    -------
    list of dict, tuple of str
        The arguments, once for each thing that the prompt names, and the names of the
        required ones that it does not hold.
    """
    return _Arguments(prompt[:MAX_PROMPT], schema, shape).fill()


def guesses(prompt: str) -> Iterator[Any]:
    """Give what a prompt may mean, where a value has to be given. Any: text or number."""
    prompt = prompt[:MAX_PROMPT]
    source = _read(prompt)
    yield from prose.quoted(prompt)
    for place in Names(prompt, set()).places():
        # The first word of a sentence has a capital anyway.
        if " " in place or not prompt.lstrip().startswith(place):
            yield place
    yield from (
        one.value for one in (*source.numbers(prompt), *values.word_numbers(prompt))
    )
    yield from (one.value.isoformat() for one in source.days(prompt))
    yield prompt.strip(" .!?\n")[:200]


# One prompt is read for all the functions on offer.
_read = lru_cache(maxsize=4)(Source)


class _Arguments:
    def __init__(self, prompt: str, schema: Schema, shape: Shape) -> None:
        self._prompt = prompt
        self._schema = schema
        self._shape = shape
        self._source = _read(prompt)
        self._filler = Filler(self._source, shape)
        known = schema.get("properties")
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._required = [
            one for one in schema.get("required") or [] if one in self._known
        ]
        self._quoted = prose.quoted(prompt)
        self._spoken = set(words.split(prompt))
        options = {
            words.plain(option)
            for one in self._known.values()
            for option in self._shape.resolve(one).get("enum") or []
            if isinstance(option, str)
        }
        self._named = Names(prompt, options)

    def fill(self) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        found: dict[str, list[Any]] = {}
        order = sorted(self._known, key=lambda key: key not in self._required)
        for key in order:
            values_of = [
                value
                for value in self._values(key)
                if self._shape.is_valid(value, self._known[key])
            ]
            if values_of:
                found[key] = list(_unique(values_of))
        self._numbers(found)
        self._whole_prompt(found)
        missing = tuple(key for key in self._required if key not in found)
        spread = next((key for key in self._known if len(found.get(key, ())) > 1), None)
        first = {key: found[key][0] for key in self._known if key in found}
        if spread is None:
            return [first], missing
        return [{**first, spread: value} for value in found[spread]], missing

    def _values(self, key: str) -> list[Any]:
        """Give the values of an argument; more than one asks for several calls."""
        schema = self._shape.resolve(self._known[key])
        schema = self._without_null(schema)
        field = field_of(key, schema)
        if "enum" in schema or "const" in schema:
            return self._generic(schema, field, key, told=True)
        types = self._shape.types(schema)
        if types and "string" not in types:
            if types == ["array"]:
                return self._lists(schema, field, key)
            if types == ["object"] and schema.get("properties"):
                inner, missing = _Arguments(self._prompt, schema, self._shape).fill()
                return [] if missing else inner[:1]
            found = self._generic(schema, field, key)
            return found or (self._switched() if types == ["boolean"] else [])
        if schema.get("format") or "pattern" in schema:
            by_form = self._generic(schema, field, key)
            return by_form or self._special(schema, field, key)
        special = self._special(schema, field, key)
        return special or self._generic(schema, field, key)

    def _without_null(self, schema: Schema) -> Schema:
        options = schema.get("anyOf") or schema.get("oneOf")
        if not isinstance(options, list):
            return schema
        beside = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
        rest = [self._shape.resolve(one) for one in options]
        rest = [one for one in rest if one.get("type") != "null"]
        return {**beside, **rest[0]} if len(rest) == 1 else schema

    def _generic(
        self, schema: Schema, field: Field, key: str, *, told: bool = False
    ) -> list[Any]:
        found = self._filler.value(schema, field, key)
        if found is None or not (found.count or ("const" in schema and told)):
            return []
        return [found.value]

    def _switched(self) -> list[bool]:
        """Tell whether something is to be turned on or off."""
        match = _SWITCH.search(self._prompt)
        if match is None:
            return []
        return [(match["way"] or match["verb"]).lower() in _ON]

    def _special(self, schema: Schema, field: Field, key: str) -> list[Any]:
        """Give the values of a text argument by what its name means."""
        named = set(words.split(key))
        if field.has("email"):
            return values.emails(self._prompt)[:1]
        if field.has("website"):
            return values.urls(self._prompt)[:1]
        if field.has("currency") or self._is_currency(schema, named):
            return self._currency(named)
        if named & _EXPRESSIONS:
            found = arithmetic.find(self._prompt)
            return [found.expression] if found else []
        if field.has("language"):
            return self._language(named)
        if field.has("stock"):
            return self._tickers()
        if self._is_place(field, named):
            return self._places_for(named)
        return self._less_special(schema, field, key, named)

    def _less_special(
        self, schema: Schema, field: Field, key: str, named: set[str]
    ) -> list[Any]:
        emails = values.emails(self._prompt)
        if field.has("recipient", "sender") and emails:
            return emails[:1]
        if field.has("date") or (field.has("start", "end") and not field.has("time")):
            return self._date(schema, field, key)
        if field.has("time"):
            at = dates.find_time(self._prompt)
            if at and {"hh", "mm"}.issubset(field.about):
                return [at[2][:5]]
            return [_time(self._prompt[at[0] : at[1]])] if at else self._relative()
        if field.has("person", "recipient", "guests") or named & {"name", "contact"}:
            person = self._person(named)
            if person:
                return person
        if field.has("number", "reference", "code", "tracking"):
            return self._ids(schema, field, key)
        return self._free_text(schema, field, key, named)

    def _is_currency(self, schema: Schema, named: set[str]) -> bool:
        about = str(schema.get("description", "")).lower()
        return "currency" in about and bool(named & (_ORIGIN | _TARGET))

    def _currency(self, named: set[str]) -> list[str]:
        codes = list(dict.fromkeys(values.currencies(self._prompt)))
        if named & _TARGET and len(codes) > 1:
            return codes[1:2]
        return codes[:1] if not named & _TARGET else []

    def _language(self, named: set[str]) -> list[str]:
        said = words.split(self._prompt)
        found = [word.capitalize() for word in said if word in _LANGUAGES]
        if named & {"source", "from"}:
            match = _FROM_WORD.search(self._prompt)
            is_one = match is not None and match.group(1).lower() in _LANGUAGES
            return [match.group(1).capitalize()] if match and is_one else []
        match = _TO_WORD.search(self._prompt)
        if match and match.group(1).lower() in _LANGUAGES:
            return [match.group(1).capitalize()]
        return found[:1]

    def _tickers(self) -> list[str]:
        found = [
            one for one in names.TICKER.findall(self._prompt) if one not in _NO_TICKER
        ]
        return found or self._named.places()

    def _is_place(self, field: Field, named: set[str]) -> bool:
        if field.has("city", "place", "address", "country", "region", "room"):
            return True
        from_to = bool(named & (_ORIGIN | _TARGET)) and "time" not in named
        return not {"city", "place", "country"}.isdisjoint(field.about) or (
            from_to
            and not values.emails(self._prompt)
            and not field.has("date", "start", "end")
        )

    def _is_told(self, key: str) -> bool:
        """Tell whether an argument is required, or called by its name."""
        return key in self._required or not self._spoken.isdisjoint(words.split(key))

    def _places_for(self, named: set[str]) -> list[str]:
        if "room" in named or "area" in named:
            room = names.ROOM.search(self._prompt)
            if room:
                return [room.group()]
        for words_of, mark in ((_ORIGIN, names.FROM), (_TARGET, names.TO)):
            if named & words_of:
                for match in mark.finditer(self._prompt):
                    place = self._named.proper(match.end())
                    if place:
                        return [place]
                return []
        return self._named.places()

    def _date(self, schema: Schema, field: Field, key: str) -> list[Any]:
        found = self._generic(schema, field, key)
        written = [one.value.isoformat() for one in self._source.days(self._prompt)]
        if found and found[0] in written:
            return found
        if field.has("end", "due") and len(written) > 1:
            return written[1:2]
        return written[:1] or self._relative()

    def _relative(self) -> list[str]:
        found = names.RELATIVE.search(self._prompt)
        return [found.group(1)] if found else []

    def _person(self, named: set[str]) -> list[str]:
        marks = (
            [names.TO, names.WITH]
            if named & {"recipient", "to"}
            else [names.WITH, names.TO]
        )
        called = _CALLED.search(self._prompt)
        if called and named & {"name"}:
            return [called.group(1).strip(" \"'")]
        for mark in (*marks, names.FOR):
            for match in mark.finditer(self._prompt):
                found = self._named.proper(match.end())
                if found:
                    return [found]
        return []

    def _ids(self, schema: Schema, field: Field, key: str) -> list[Any]:
        found = self._generic(schema, field, key)
        if found:
            return found
        loose = _LOOSE_ID.findall(self._prompt)
        return loose if len(loose) == 1 else []

    def _free_text(
        self, schema: Schema, field: Field, key: str, named: set[str]
    ) -> list[Any]:
        told = self._is_told(key)
        if named & _BODIES:
            found = self._body(told=told)
            if found or not told:
                return found
        elif named & _SUBJECTS:
            return self._subject(schema, field, key) if told else []
        elif named & _QUERIES:
            if self._quoted:
                return [self._quoted[0]]
            match = _QUERY.search(self._prompt)
            return [match.group(1).strip() if match else self._prompt.strip()]
        generic = self._generic(schema, field, key)
        if generic or not told:
            return generic
        if self._quoted:
            return [self._quoted[0]]
        thing = names.THING.search(self._prompt) if field.has("description") else None
        return [thing["thing"]] if thing else []

    def _body(self, *, told: bool) -> list[str]:
        match = _SAYING.search(self._prompt)
        if told and self._quoted:
            return [self._quoted[-1]]
        return [match.group(1).strip().strip("\"'“”")] if match else []

    def _subject(self, schema: Schema, field: Field, key: str) -> list[Any]:
        called = _CALLED.search(self._prompt)
        if self._quoted:
            return [self._quoted[0]]
        if called:
            return [called.group(1).strip()]
        about = _ABOUT.search(self._prompt)
        generic = self._generic(schema, field, key)
        return generic if generic or not about else [about.group(1).strip()]

    def _lists(self, schema: Schema, field: Field, key: str) -> list[Any]:
        inner = self._shape.resolve(schema.get("items", {}))
        kinds_of = self._shape.types(inner)
        found = self._generic(schema, field, key)
        if found:
            return found[:1]
        if kinds_of == ["string"] or not kinds_of:
            if field.has("email", "recipient") and values.emails(self._prompt):
                return [values.emails(self._prompt)]
            if field.has("stock"):
                return [self._tickers()] if self._tickers() else []
            if self._is_place(field, set(words.split(key))):
                return [self._named.places()] if self._named.places() else []
            if field.has("guests", "person", "name", "recipient"):
                for match in names.WITH.finditer(self._prompt):
                    first = self._named.proper(match.end())
                    if first:
                        return [self._named.enumerated(first, match.end())]
            if not self._is_told(key):
                return []
            added = names.ADDED.search(self._prompt)
            return [self._quoted] if self._quoted else names.pieces(added)
        if kinds_of in (["number"], ["integer"]):
            loose = [one.value for one in self._source.numbers(self._prompt)]
            return [loose] if loose else []
        return []

    def _numbers(self, found: dict[str, list[Any]]) -> None:
        """Give the numbers that are left to the numeric arguments that are left."""
        open_keys = []
        for key in self._known:
            schema = self._without_null(self._shape.resolve(self._known[key]))
            types = self._shape.types(schema)
            if key not in found and types and set(types) <= {"number", "integer"}:
                open_keys.append(key)
        spans = [(one.start, one.end) for one in self._source.days(self._prompt)]
        at = dates.find_time(self._prompt)
        spans += [at[:2]] if at else []
        used = {v for values_of in found.values() for v in values_of if _is_number(v)}
        loose = [
            one.value
            for one in (
                *self._source.numbers(self._prompt),
                *values.word_numbers(self._prompt),
            )
            if one.value not in used
            and not any(low <= one.start < high for low, high in spans)
        ]
        required = [key for key in open_keys if key in self._required]
        keys = open_keys if len(open_keys) == len(loose) else required
        if len(loose) >= len(keys):
            for key, value in zip(keys, loose, strict=False):
                if self._shape.is_valid(value, self._known[key]):
                    found[key] = [value]

    def _whole_prompt(self, found: dict[str, list[Any]]) -> None:
        """Give the prompt itself to the one text that a function is about."""
        for key in self._required:
            named = set(words.split(key))
            wants = named & (_QUERIES | {"text"})
            if (
                key not in found
                and wants
                and self._shape.is_valid(self._prompt.strip(), self._known[key])
            ):
                found[key] = [self._prompt.strip()]


def _time(text: str) -> str:
    text = text.strip()
    return text if "." in text[:-1] else text.rstrip(".")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unique(values_of: list[Any]) -> Iterator[Any]:
    seen: list[Any] = []
    for value in values_of[:100]:
        if value not in seen:
            seen.append(value)
            yield value
