"""What all clients are asked here."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

MODEL = "grok-4.7"
SUM = "What is 101*3?"
TRAM = "When was tram line 14 in Bern opened?"
ASK_WEATHER = "What is the weather in Bern?"
INVOICE = """Extract the invoice.
Vendor name: Acme Corp
Invoice number: INV-2025-001
Invoice date: 2025-02-10

Description | Quantity | Unit price
Widget A | 2 | 10.00
Widget B | 1 | 15.50

Total amount: 35.50 USD
Currency: USD
"""


class Item(pydantic.BaseModel):
    description: str
    quantity: int
    unit_price: float


class Invoice(pydantic.BaseModel):
    """An invoice."""

    vendor_name: str
    invoice_number: str
    invoice_date: str
    items: list[Item]
    total_amount: float
    currency: Literal["EUR", "USD"]


WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def asked(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]
