"""Arithmetic found in a text, really computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARACTERS = 500
MAX_DEPTH = 40
MAX_EXPONENT = 10_000
# Below Python's own limit of 4300 digits for turning an integer into text.
MAX_BITS = 13_000
_DECIMALS = 12

# Words and the typographic signs for times, divided by and minus.
_WORDS = (
    (r"\bmultiplied by\b|\btimes\b|[\u00d7\u00b7]", "*"),
    (r"\bdivided by\b|\bover\b|\u00f7", "/"),
    (r"\b(?:raised )?to the power of\b|\^", "**"),
    (r"\bplus\b", "+"),
    (r"\bminus\b|[\u2212\u2013]", "-"),
    (r"\bmodulo\b|\bmod\b", "%"),
)
_CUE = re.compile(
    r"\b(?:what is|what's|whats|how much|calculate|compute|evaluate|solve|work out"
    r"|result of|value of|sum of|product of|answer to|equals?)\b|=",
    re.IGNORECASE,
)
_CANDIDATE = re.compile(r"[-+(\s]*\.?\d[\d.()\s+\-*/%]*")
_SYMBOL = re.compile(r"\s*(\d+\.?\d*|\.\d+|\*\*|//|[-+*/%()])")
_GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")


@dataclass(frozen=True, slots=True)
class Sum:
    """An expression that was found and what it comes to."""

    expression: str
    result: str
    value: Fraction | None


class NoValueError(ValueError):
    """The expression has no value, or one too large to write down."""


class _NoSumError(ValueError):
    """The text is no expression."""


def find(text: str) -> Sum | None:
    """Find the longest expression that a text asks to work out."""
    if len(text) > MAX_CHARACTERS:
        return None
    plain = _GROUPED.sub(lambda match: match.group().replace(",", ""), text)
    for words, sign in _WORDS:
        plain = re.sub(words, sign, plain, flags=re.IGNORECASE)
    asked = _CUE.search(plain) is not None
    candidates = sorted(
        (match.group().strip() for match in _CANDIDATE.finditer(plain)),
        key=len,
        reverse=True,
    )
    for candidate in candidates:
        expression = candidate.rstrip(" .+-*/%(").removesuffix(".")
        if not asked and expression != plain.strip().rstrip("?!. "):
            continue
        try:
            value = evaluate(expression)
        except _NoSumError:
            continue
        except NoValueError as problem:
            return Sum(expression, str(problem), None)
        return Sum(expression, written(value), value)
    return None


def written(value: Fraction) -> str:
    """Write a value as integer, exact decimal, or rounded decimal."""
    if value.denominator == 1:
        return f"= {value.numerator}"
    scaled = value * 10**_DECIMALS
    digits = f"{abs(round(scaled)):0{_DECIMALS + 1}d}"
    sign = "-" if value < 0 else ""
    decimal = f"{sign}{digits[:-_DECIMALS]}.{digits[-_DECIMALS:].rstrip('0') or '0'}"
    return f"{'=' if scaled.denominator == 1 else '≈'} {decimal}"


def evaluate(expression: str) -> Fraction:
    """
    Work out an expression with Python's precedence, exactly.

    Raises
    ------
    ValueError
        If it is none, has no operator, has no value, or is too large.
    """
    parser = _Parser(expression)
    value = parser.sum(0)
    if parser.symbol is not None or not parser.operators:
        raise _NoSumError(expression)
    return value


class _Parser:
    """Recursive descent over the symbols of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.operators = 0
        self.symbol: str | None = None
        self._next()

    def _next(self) -> None:
        if not self._text[self._position :].strip():
            self.symbol = None
            return
        match = _SYMBOL.match(self._text, self._position)
        if match is None:
            raise _NoSumError(self._text)
        self.symbol = match.group(1)
        self._position = match.end()

    def _take(self, *symbols: str) -> str | None:
        taken = self.symbol
        if taken is None or taken not in symbols:
            return None
        self._next()
        return taken

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise _NoSumError(self._text)
        value = self._product(depth)
        while sign := self._take("+", "-"):
            self.operators += 1
            other = self._product(depth)
            value = _bounded(value + other if sign == "+" else value - other)
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while sign := self._take("*", "/", "//", "%"):
            self.operators += 1
            other = self._signed(depth)
            if sign == "*":
                value = _bounded(value * other)
                continue
            if other == 0:
                raise NoValueError("has no value: it divides by zero")
            if sign == "/":
                value = _bounded(value / other)
            elif sign == "//":
                value = Fraction(value // other)
            else:
                value = _bounded(value % other)
        return value

    def _signed(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise _NoSumError(self._text)
        if sign := self._take("+", "-"):
            value = self._signed(depth + 1)
            return -value if sign == "-" else value
        return self._power(depth)

    def _power(self, depth: int) -> Fraction:
        base = self._atom(depth)
        if not self._take("**"):
            return base
        self.operators += 1
        return _power(base, self._signed(depth + 1))

    def _atom(self, depth: int) -> Fraction:
        if self._take("("):
            value = self.sum(depth + 1)
            if not self._take(")"):
                raise _NoSumError(self._text)
            return value
        symbol = self.symbol
        if symbol is None or not (symbol[0].isdigit() or symbol[0] == "."):
            raise _NoSumError(self._text)
        # 2026-09-21 is a date and 0171 a dialling code, not numbers to subtract.
        if len(symbol) > 1 and symbol[0] == "0" and symbol[1].isdigit():
            raise _NoSumError(self._text)
        self._next()
        return Fraction(symbol)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NoValueError("is too large to write down here")
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise NoValueError("has a broken exponent, which is not worked out here")
    if base == 0 and exponent < 0:
        raise NoValueError("has no value: it divides by zero")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and base != 0 and abs(exponent) * (bits - 1) > MAX_BITS:
        raise NoValueError("is too large to write down here")
    if abs(exponent) > MAX_EXPONENT and abs(base) == 1:
        return base if exponent % 2 else Fraction(1)
    if base == 0 and exponent != 0:
        return Fraction(0)
    return _bounded(base ** int(exponent))
