"""One item: a line like "2 x Tea, $3.00 each", or the cells of a row, as an object."""

# The signs that typography has for dashes, quotes and times are looked for.
# ruff: noqa: RUF001
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import kinds, words
from .lines import strip_bullet
from .source import Field, Found

if TYPE_CHECKING:
    from .conform import Schema, Shape
    from .extract import Filler
    from .source import Source
    from .values import Number

_UNITS = (
    r"(?:units?|pcs?\.?|pieces?|items?|stk\.?|st[üu]ck|x|×|hours?|hrs?|h|days?|licen[cs]es?"
    r"|seats?|boxes|box|packs?|sets?|pairs?|unidades|unités|pi[eè]ces|pezzi|stuks?|kg|lbs?"
    r"|bottles?|copies|copy|months?|nights?|tickets?)"
)
_QUANTITY = re.compile(
    rf"(?:\b(?:qty|quantity|menge|anzahl|quantité|qté|cantidad|quantità|aantal|count)"
    rf"\b\.?\s?[:=]?\s?(?P<named>\d{{1,6}}(?:[.,]\d{{1,3}})?)(?!\d))"
    rf"|(?:(?<![\w.,$€£-])(?P<times>\d{{1,6}}(?:[.,]\d{{1,3}})?)\s?(?:[x×*]\s(?!\d{{1,3}}\s?(?:mm|cm))"
    rf"|{_UNITS}(?![\w])(?:\s(?:of|de)\b)?))"
    rf"|(?:[\[(]?\s?(?<!\w)[x×]\s?(?P<after>\d{{1,6}})(?![\d.,]{{0,20}}\d)\s?[\])]?)",
    re.IGNORECASE,
)
_EACH_BEFORE = re.compile(
    r"(?:@|\bat|\bà|\bje|\ba|\bper unit|\bunit price|\beach|\bprice|\bfor|\bzu|\bvon)"
    r"\s?:?\s?$",
    re.IGNORECASE,
)
_EACH_AFTER = re.compile(
    r"\s?(?:(?:/|per\b|pro\b|je\b|par\b|por\b)\s?(?:(?:unit|pcs?|piece|each|hour|hr|h|item|ea"
    r"|st[üu]ck|stk|unité|pièce)\b)?|each\b|ea\b|apiece\b|p\.?\s?u\b|a piece\b|chacun\b"
    r"|cada\b|l['’]unité|pièce\b)",
    re.IGNORECASE,
)
_TOTAL_BEFORE = re.compile(
    r"(?:=|\btotal|\bamount|\bsum|\bgesamt|\bsumme|→)\s?:?\s?$", re.IGNORECASE
)
_CENTS = re.compile(r"[.,]\d\d$")
_TIMES = {"x", "×", "*"}
_EDGES = " \t,;:-–—|=@*.…·/"
_BRACKETS = {"(": ")", "[": "]"}
_GLUE = re.compile(
    r"(?:\s|[,;:|=@–—(\[]|\s-|\bat\b|\beach\b|\bfor\b|\bà\b|\bje\b|\bqty\b|\btotal\b|\bx\b){1,40}$",
    re.IGNORECASE,
)
_ROLES = ("price", "amount", "quantity", "total")
_WORDS = re.compile(r"[^\W\d_]{2}")
_PIECES = re.compile(r"\s[-–—|]\s|,\s|;\s|\t|\s\(|\),?\s?|:\s")
_LEADING = re.compile(r"(\d{1,4})\s{1,9}(?=[^\W\d_])")
_TELLING = re.compile(r"[^\W\d_]{2}|\w\d")
# What stands that far from a price does not say what kind of price it is.
_BESIDE = 60
_MAX_LINE = 2_000


@dataclass(frozen=True, slots=True)
class Target:
    """
    The objects of a list that is to be filled.

    Parameters
    ----------
    filler : Filler
        What fills the whole.
    schema, inner : dict
        The schema of an object as it stands, and the branch of it with the properties.
    fields : dict of str to Field
        Its properties.
    path : str
        Where the list is.
    """

    filler: Filler
    schema: Any  # Any: JSON, as everywhere here
    inner: Schema
    fields: dict[str, Field]
    path: str

    @property
    def shape(self) -> Shape:
        """The schema of the whole."""
        return self.filler.shape

    def key(self, *concepts: str) -> str | None:
        """Give the first property that is called by the first concept that is there."""
        for concept in concepts:
            for key, one in self.fields.items():
                if concept in one.wanted:
                    return key
        return None

    def sum_key(self, unit_key: str | None) -> str | None:
        """Give the property for the sum of a line."""
        for key, one in self.fields.items():
            if key != unit_key and one.has("total", "amount", "subtotal"):
                return key
        return None


@dataclass(frozen=True, slots=True)
class _Item:
    description: str
    quantity: float | int | None
    unit_price: float | int | None
    amount: float | int | None


def is_item(line: str, source: Source) -> bool:
    """Tell whether a line gives a quantity and a price of something."""
    text = strip_bullet(line.strip())[0]
    if _QUANTITY.search(text) is None:
        return False
    found = _item(text, source)
    return bool(found.description) and (
        found.unit_price is not None or found.amount is not None
    )


def apart(text: str) -> list[str]:
    """Cut a sentence that names several items into one piece for each."""
    found = [one for one in _QUANTITY.finditer(text) if one["times"] is not None]
    if len(found) < 2:
        return [text]
    starts = [one.start() for one in found]
    return [
        text[low:high] for low, high in zip(starts, [*starts[1:], None], strict=True)
    ]


def line(text: str, target: Target) -> Found | None:
    """Read one line of a list as an object."""
    target.shape.step()
    text = text[:_MAX_LINE].strip()
    if not text or kinds.is_nothing(text):
        return None
    part = target.filler.part(text)
    fields = target.fields
    fitting = [
        pair
        for pair in part.source.document.pairs
        if any(one.score(words.read(pair.label)) >= 0.6 for one in fields.values())
    ]
    if len(fitting) > 1 or (fitting and len(fields) == 1):
        context = next(iter(fields.values())).context
        above = Field("", (context,) if context else ())
        found = part.value(target.schema, above, target.path)
        return found if found and found.count else None
    first = text.splitlines()[0]
    known = _known(_item(first, target.filler.source), target)
    known |= _by_form(first, target, part, known)
    row = build(target, {}, known)
    if row is not None and len(known) >= min(2, len(fields)):
        return Found(row, len(known))
    in_order = _in_order(first, target)
    row = build(target, in_order, {}) if in_order else row
    return Found(row, len(in_order) or len(known)) if row is not None else None


def _item(text: str, source: Source) -> _Item:
    """Take a line apart into what, how many, and for how much."""
    spans: list[tuple[int, int]] = []
    quantity: float | int | None = None
    match = _QUANTITY.search(text)
    if match:
        digits = match["named"] or match["times"] or match["after"]
        is_whole = digits.isdigit()
        quantity = int(digits) if is_whole else float(digits.replace(",", "."))
        spans.append(match.span())
    prices: list[tuple[str, float | int]] = []
    for one in source.numbers(text):
        low = max(0, one.start - _BESIDE)
        before, after = text[low : one.start], text[one.end : one.end + _BESIDE]
        inside = match and one.start < match.end() and one.end > match.start()
        is_marked = quantity is not None and _EACH_BEFORE.search(before)
        if inside or not (_is_price(one, after) or is_marked):
            continue
        # In brackets stands a remark here, not a loss.
        value = abs(one.value) if before.endswith("(") else one.value
        prices.append((_role(before, after), value))
        ending = _EACH_AFTER.match(after)
        end = one.end + (ending.end() if ending else 0)
        spans.append((low + len(_GLUE.sub("", before)), end))
    leading = _LEADING.match(text)
    if quantity is None and prices and leading:
        quantity = int(leading.group(1))
        spans.append(leading.span())
    unit, amount = _prices(prices, quantity)
    return _Item(_rest(text, spans), quantity, unit, amount)


def _is_price(one: Number, after: str) -> bool:
    if one.is_percent:
        return False
    if one.currency:
        return True
    # "12V" is no price, nor is "M8".
    return not after[:1].isalpha() and _CENTS.search(one.digits) is not None


def _role(before: str, after: str) -> str:
    if _TOTAL_BEFORE.search(before):
        return "amount"
    is_each = _EACH_AFTER.match(after) or _EACH_BEFORE.search(before)
    return "unit" if is_each or before.rstrip()[-1:] in _TIMES else ""


def _prices(
    prices: list[tuple[str, float | int]], quantity: float | int | None
) -> tuple[float | int | None, float | int | None]:
    units = [value for role, value in prices if role == "unit"]
    totals = [value for role, value in prices if role == "amount"]
    others = [value for role, value in prices if not role]
    unit = units[0] if units else None
    amount = totals[-1] if totals else None
    if len(units) > 1 and amount is None and not others:
        amount = units[-1]
    if others and unit is None and (len(others) > 1 or amount is not None):
        unit = others.pop(0)
    if others and amount is None:
        amount = others[-1]
    if unit is None and quantity == 1:
        unit = amount
    return unit, amount


def _rest(text: str, spans: list[tuple[int, int]]) -> str:
    pieces: list[str] = []
    place = 0
    for low, high in sorted(spans):
        if low > place:
            pieces.append(_trimmed(text[place:low]))
        place = max(place, high)
    pieces.append(_trimmed(text[place:]))
    whole = [piece for piece in pieces if _TELLING.search(piece)]
    return max(whole, key=len) if whole else ""


def _trimmed(text: str) -> str:
    text = text.strip(_EDGES)
    for opening, closing in _BRACKETS.items():
        if text.count(opening) != text.count(closing):
            text = text.strip(opening + closing + _EDGES)
    return text


def _known(item: _Item, target: Target) -> dict[str, Any]:
    """Give the parts of an item to the fields that want them."""
    unit_key = target.key("unit", "price", "fee")
    sum_key = target.sum_key(unit_key)
    unit, amount = item.unit_price, item.amount
    if unit is None and sum_key is None:
        # Without a column for sums, the price that is there is each one's.
        unit = amount
    if amount is None and unit_key is None:
        amount = unit
    parts = {
        target.key("quantity", "count"): item.quantity,
        unit_key: unit,
        sum_key: amount,
    }
    known: dict[str, Any] = {
        key: value for key, value in parts.items() if key and value is not None
    }
    what = target.key("description", "name", "title")
    if what and item.description and (known or len(target.fields) == 1):
        known[what] = item.description
    return known


def _by_form(
    text: str, target: Target, part: Filler, known: dict[str, Any]
) -> dict[str, Any]:
    """Find dates, e-mail addresses, options and the like in a line."""
    found: dict[str, Any] = {}
    rest = text
    texts: list[str] = []
    for key, field in target.fields.items():
        if key in known:
            continue
        schema = part.shape.resolve(target.inner["properties"][key])
        if "enum" in schema or "const" in schema:
            hit = part.value(schema, field, key)
            if hit is not None and hit.count:
                found[key] = hit.value
            continue
        kind = kinds.kind_of(field, schema, part.shape.types(schema))
        if kind in {"text", "name"}:
            texts.append(key)
        elif kind not in {"number", "integer"} or not field.has(*_ROLES):
            for value in kinds.readings(kind, text, field, part.source):
                if part.shape.is_valid(value, schema) and value != text:
                    found[key] = value
                    rest = rest.replace(str(value), " ")
                    break
    if len(texts) == 1 and found and texts[0] not in known:
        pieces = [piece.strip(_EDGES + "<>") for piece in _PIECES.split(rest)]
        named = [piece for piece in pieces if _WORDS.search(piece)]
        if named:
            found[texts[0]] = named[0]
    return found


def _in_order(text: str, target: Target) -> dict[str, str]:
    """
    Give the pieces of a line to the fields in order, if there are as many.

    A list at the end takes all that is left: "Red: Ann, Bob".
    """
    fields = target.fields
    last = target.shape.resolve(target.inner["properties"][list(fields)[-1]])
    is_list = len(fields) > 1 and target.shape.types(last) == ["array"]
    split = _PIECES.split(text, maxsplit=len(fields) - 1 if is_list else 0)
    pieces = [piece.strip(" ()") for piece in split if piece.strip(" ()")]
    if len(pieces) == len(fields):
        return dict(zip(fields, pieces, strict=True))
    return {}


def build(target: Target, texts: dict[str, str], known: dict[str, Any]) -> Any:
    """
    Make an object of what is known and of texts by field.

    A sum or a price that is missing is worked out from the other two.

    Returns
    -------
    dict or None
        None if it would not conform.
    """
    result: dict[str, Any] = {}
    for key, field in target.fields.items():
        target.shape.step()
        place = target.inner["properties"][key]
        value = known.get(key)
        if key in texts:
            value = cell(texts[key], field, target, place)
        if isinstance(value, float) and not target.shape.is_valid(value, place):
            value = round(value) if value == round(value) else None
        if value is not None and target.shape.is_valid(value, place):
            result[key] = value
    _work_out(result, target)
    for key in target.inner.get("required") or []:
        if key in target.fields and key not in result:
            result |= _stand_in(key, target)
    ordered = {key: result[key] for key in target.fields if key in result}
    is_empty = not any(value not in (None, []) for value in ordered.values())
    if is_empty or not target.shape.is_valid(ordered, target.schema):
        return None
    return ordered


def _stand_in(key: str, target: Target) -> dict[str, Any]:
    """Give what stands for a value that is not there: null, a default, nothing."""
    place = target.inner["properties"][key]
    resolved = target.shape.resolve(place)
    if "const" in resolved:
        return {key: resolved["const"]}
    if target.shape.allows_null(place):
        return {key: None}
    if "default" in resolved:
        return {key: resolved["default"]}
    return {key: []} if target.shape.is_valid([], place) else {}


def cell(text: str, field: Field, target: Target, place: Any) -> Any:
    """Read a cell as a value of a field, None if it holds none. Any: by kind."""
    filler, shape = target.filler, target.shape
    resolved = shape.resolve(place)
    options = resolved.get("anyOf") or resolved.get("oneOf") or [resolved]
    for option in options:
        one = shape.resolve(option)
        names = shape.types(one)
        if "enum" in one or "object" in names or "array" in names:
            label = field.key.replace("_", " ") or "x"
            found = filler.part(f"{label}: {text}").value(one, field, field.key)
            if found is not None and found.count:
                return found.value
            continue
        kind = kinds.kind_of(field, one, names)
        is_text = kind in {"text", "name"} and not kinds.is_nothing(text)
        readings = kinds.readings(kind, text, field, filler.source)
        for value in [text] if is_text else readings:
            if shape.is_valid(value, one):
                return value
    return None


def _work_out(result: dict[str, Any], target: Target) -> None:
    unit, quantity = target.key("unit", "price"), target.key("quantity", "count")
    amount = target.sum_key(unit)
    number = result.get(quantity or "")
    if not unit or not amount or not isinstance(number, int | float) or not number:
        return
    if amount not in result and isinstance(result.get(unit), int | float):
        value, key = round(result[unit] * number, 2), amount
    elif unit not in result and isinstance(result.get(amount), int | float):
        value, key = round(result[amount] / number, 2), unit
    else:
        return
    if target.shape.is_valid(value, target.inner["properties"][key]):
        result[key] = value
