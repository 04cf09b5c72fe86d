"""Draw a value for a field of a document."""

from __future__ import annotations

import random

from tests.sandbox import examiner_values as values
from tests.sandbox.examiner_values import Said
from tests.sandbox.examiner_words import ENUMS, POOLS, YES_NO, Field


def draw(
    field: Field, r: random.Random, lang: str, currency: str, *, plain: bool
) -> Said:
    """Draw a value for a field; ``plain`` for one that stands in a sentence."""
    option = field.options
    match field.kind:
        case "id":
            return values.code(r, option[0])
        case "firm":
            return values.firm(r, lang)
        case "person":
            return values.person(r)
        case "amount":
            return values.amount(r, lang, currency)
        case "negative":
            return values.amount(r, lang, currency, top=990, sign=-1)
        case "date":
            return values.date(r, lang)
        case "percent":
            return values.percent(r, lang)
        case "quantity":
            return values.quantity(r, lang, option[0], int(option[1]), int(option[2]))
        case "count":
            return values.count(r, int(option[0]), int(option[1]))
        case "email":
            return values.email(r)
        case "phone":
            return values.phone(r)
        case "url":
            return values.url(r)
        case "time":
            return values.clock(r, lang)
        case "address":
            return values.address(r, lang)
        case "bool":
            value = r.random() < 0.5
            text = YES_NO[lang][not value]
            odd = r.choice(["✓", "[x]", "true"] if value else ["✗", "[ ]", "false"])
            return Said(odd if r.random() < 0.15 else text, value, "bool")
        case "rating":
            value = r.randrange(1, 6)
            stars = "★" * value + "☆" * (5 - value)
            forms = [f"{value}", f"{value}/5", f"{value} / 5", stars]
            return Said(f"{value}" if plain else r.choice(forms), value, "rating")
        case "enum":
            value = r.choice(list(ENUMS[option[0]]))
            said = ENUMS[option[0]][value]
            text = r.choice(said.get(lang, ()) + said.get("", ()))
            if plain and lang == "en":
                text = text.lower()
            return Said(text, value, "enum")
        case "list":
            if option[0] == "people":
                names = {values.person(r).value for _ in range(r.randrange(2, 5))}
            else:
                names = set(r.sample(POOLS[option[0]].split("|"), r.randrange(2, 5)))
            chosen = sorted(names, key=lambda name: (len(name) * 7 % 5, name))
            mark = r.choice([", ", ", ", " · ", "; "])
            lines = tuple(f"- {name}" for name in chosen)
            return Said(mark.join(chosen), chosen, "list", lines)
        case _:
            text = r.choice(POOLS[option[0]].split("|"))
            return Said(text, text)
