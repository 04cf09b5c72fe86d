"""instructor on the sandbox."""

from __future__ import annotations

from typing import Any

import instructor
import pydantic
from asked import INVOICE, MODEL, Invoice, Item, asked
from openai import AsyncOpenAI, OpenAI
from telling import BASE, KEY, refused, tell

MODES = {
    "tools": instructor.Mode.TOOLS,
    "json_schema": instructor.Mode.JSON_SCHEMA,
}


def client(mode: instructor.Mode = instructor.Mode.TOOLS) -> Any:
    return instructor.from_openai(OpenAI(base_url=BASE, api_key=KEY), mode=mode)


def create() -> Any:
    found = {}
    for name, mode in MODES.items():
        invoice, reply = client(mode).create_with_completion(
            model=MODEL, messages=asked(INVOICE), response_model=Invoice
        )
        found[name] = {
            "invoice": invoice.model_dump(mode="json"),
            "usage": reply.usage.model_dump(),
        }
    return found


async def create_async() -> Any:
    other = instructor.from_openai(AsyncOpenAI(base_url=BASE, api_key=KEY))
    invoice = await other.create(
        model=MODEL, messages=asked(INVOICE), response_model=Invoice
    )
    return invoice.model_dump(mode="json")


def _picky(times: int) -> type[pydantic.BaseModel]:
    seen = []

    class Picky(pydantic.BaseModel):
        """An amount."""

        total_amount: float

        @pydantic.field_validator("total_amount")
        @classmethod
        def refuse(cls, value: float) -> float:
            seen.append(value)
            if len(seen) <= times:
                raise ValueError("look at it again")
            return value

    return Picky


def retries() -> Any:
    amount, reply = client().create_with_completion(
        model=MODEL,
        messages=asked(INVOICE),
        response_model=_picky(1),
        max_retries=2,
    )
    return {"amount": amount.model_dump(), "usage": reply.usage.model_dump()}


def retries_in_vain() -> Any:
    return refused(
        client().create,
        model=MODEL,
        messages=asked(INVOICE),
        response_model=_picky(9),
        max_retries=2,
    )


def partial() -> Any:
    found = {}
    for name in ("tools", "json_schema"):
        parts = list(
            client(MODES[name]).create_partial(
                model=MODEL, messages=asked(INVOICE), response_model=Invoice
            )
        )
        found[name] = [part.model_dump(mode="json") for part in parts]
    return found


def iterable() -> Any:
    items = client().create_iterable(
        model=MODEL, messages=asked(INVOICE), response_model=Item
    )
    return [item.model_dump(mode="json") for item in items]


if __name__ == "__main__":
    tell(
        ["instructor", "openai"],
        create,
        create_async,
        retries,
        retries_in_vain,
        partial,
        iterable,
    )
