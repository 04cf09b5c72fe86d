"""The tools of the examination: what they take, and ways to ask for them.

``TOOLS`` is name -> (description, parameters, ways to ask). A way to ask is (language,
sentence, arguments); ``{x}`` in it is drawn, and an argument ``=x`` is what was drawn.
"""

from __future__ import annotations

import datetime
import enum
from typing import Any

import pydantic

CITIES = [
    "Bern",
    "Lisbon",
    "San Francisco",
    "New York",
    "Oslo",
    "Buenos Aires",
    "Kraków",
    "Cape Town",
    "Lyon",
    "Kyoto",
    "Rotterdam",
    "Zürich",
]


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _number(description: str, kind: str = "number", **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **more}


class Room(enum.StrEnum):
    """Kinds of rooms."""

    SINGLE = "single"
    DOUBLE = "double"
    SUITE = "suite"


class Guest(pydantic.BaseModel):
    """Who stays."""

    name: str = pydantic.Field(description="Full name")
    email: str | None = pydantic.Field(default=None, description="E-mail address")


class Stay(pydantic.BaseModel):
    """A room for some nights."""

    city: str = pydantic.Field(description="City of the hotel")
    check_in: datetime.date = pydantic.Field(description="First night")
    nights: int = pydantic.Field(ge=1, description="Number of nights")
    room: Room = Room.SINGLE
    guest: Guest
    breakfast: bool | None = None


TOOLS: dict[str, tuple[str, dict[str, Any], list[tuple[str, str, dict[str, Any]]]]] = {
    "get_current_temperature": (
        "Get the current temperature in a given location",
        _object(
            ["location"],
            location=_text("The city and state, e.g. San Francisco, CA"),
            unit=_text("Temperature unit", enum=["celsius", "fahrenheit"]),
        ),
        [
            ("en", "What's the temperature like in {city}?", {"location": "=city"}),
            (
                "en",
                "How warm is it in {city} right now, in Celsius?",
                {"location": "=city", "unit": "celsius"},
            ),
            (
                "en",
                "Tell me the temperature for {city} in degrees Fahrenheit.",
                {"location": "=city", "unit": "fahrenheit"},
            ),
            ("de", "Wie warm ist es gerade in {city}?", {"location": "=city"}),
            ("fr", "Quelle température fait-il à {city} ?", {"location": "=city"}),
        ],
    ),
    "get_current_ceiling": (
        "Get the current cloud ceiling in a given location",
        _object(["location"], location=_text("The city and state")),
        [
            ("en", "What is the cloud ceiling over {city}?", {"location": "=city"}),
            ("en", "How high are the clouds in {city} now?", {"location": "=city"}),
        ],
    ),
    "send_email": (
        "Send an e-mail message to somebody",
        _object(
            ["to", "subject"],
            to=_text("E-mail address of the recipient", format="email"),
            subject=_text("Subject line"),
            body={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        ),
        [
            (
                "en",
                (
                    'Send an email to {email} with the subject "{topic}" and the body'
                    ' "See you at noon."'
                ),
                {"to": "=email", "subject": "=topic", "body": "See you at noon."},
            ),
            (
                "en",
                "Please mail {email}, subject: {topic}",
                {"to": "=email", "subject": "=topic"},
            ),
            (
                "de",
                'Schicke eine E-Mail an {email} mit dem Betreff "{topic}".',
                {"to": "=email", "subject": "=topic"},
            ),
        ],
    ),
    "create_event": (
        "Put an event or meeting into the calendar",
        _object(
            ["title", "date"],
            title=_text("Title of the event"),
            date=_text("Day of the event, YYYY-MM-DD", format="date"),
            start_time=_text("Start, HH:MM in 24 hours"),
            duration_minutes=_number("Length in minutes", "integer"),
            attendees={
                "type": "array",
                "items": {"type": "string"},
                "description": "Names of those who attend",
            },
        ),
        [
            (
                "en",
                (
                    'Create a calendar event "{topic}" on {date} at {hour} for {minutes}'
                    " minutes."
                ),
                {
                    "title": "=topic",
                    "date": "=date",
                    "start_time": "=hour",
                    "duration_minutes": "=minutes",
                },
            ),
            (
                "en",
                (
                    'Schedule a meeting titled "{topic}" for {date} with Maya, Liam and'
                    " Oskar."
                ),
                {
                    "title": "=topic",
                    "date": "=date",
                    "attendees": ["Maya", "Liam", "Oskar"],
                },
            ),
            (
                "de",
                (
                    'Trage am {date-de} um {hour} Uhr den Termin "{topic}" in den Kalender'
                    " ein."
                ),
                {"title": "=topic", "date": "=date-de", "start_time": "=hour"},
            ),
        ],
    ),
    "convert_currency": (
        "Convert an amount of money from one currency into another",
        _object(
            ["amount", "from_currency", "to_currency"],
            amount=_number("Amount to convert"),
            from_currency=_text("ISO code of the currency", pattern="^[A-Z]{3}$"),
            to_currency=_text("ISO code of the wanted currency", pattern="^[A-Z]{3}$"),
        ),
        [
            (
                "en",
                "Convert {money} USD to EUR.",
                {"amount": "=money", "from_currency": "USD", "to_currency": "EUR"},
            ),
            (
                "en",
                "How much is £{money} in Swiss francs?",
                {"amount": "=money", "from_currency": "GBP", "to_currency": "CHF"},
            ),
            (
                "de",
                "Rechne {money-de} Euro in Dollar um.",
                {"amount": "=money-de", "from_currency": "EUR", "to_currency": "USD"},
            ),
        ],
    ),
    "search_flights": (
        "Search for flights between two cities",
        _object(
            ["origin", "destination", "departure_date"],
            origin=_text("City of departure"),
            destination=_text("City of arrival"),
            departure_date=_text("Day of departure", format="date"),
            passengers=_number("Number of passengers", "integer", minimum=1),
            cabin=_text("Cabin class", enum=["economy", "business", "first"]),
        ),
        [
            (
                "en",
                (
                    "Find flights from {city} to {town} on {date} for {few} passengers in"
                    " business class."
                ),
                {
                    "origin": "=city",
                    "destination": "=town",
                    "departure_date": "=date",
                    "passengers": "=few",
                    "cabin": "business",
                },
            ),
            (
                "en",
                "I want to fly to {town} from {city} on {date}.",
                {
                    "origin": "=city",
                    "destination": "=town",
                    "departure_date": "=date",
                    "cabin": None,
                },
            ),
            (
                "fr",
                "Cherche un vol de {city} à {town} le {date-fr}.",
                {
                    "origin": "=city",
                    "destination": "=town",
                    "departure_date": "=date-fr",
                },
            ),
        ],
    ),
    "get_stock_price": (
        "Look up the latest share price of a listed company",
        _object(["symbol"], symbol=_text("Ticker symbol, e.g. NVDA")),
        [
            ("en", "What is the stock price of {ticker}?", {"symbol": "=ticker"}),
            ("en", "How are {ticker} shares trading today?", {"symbol": "=ticker"}),
        ],
    ),
    "set_thermostat": (
        "Set the target temperature of the heating in a room",
        _object(
            ["room", "temperature"],
            room=_text("Room", enum=["kitchen", "bedroom", "living_room", "bathroom"]),
            temperature=_number("Target in degrees", minimum=5, maximum=30),
        ),
        [
            (
                "en",
                "Set the thermostat in the living room to {warm} degrees.",
                {"room": "living_room", "temperature": "=warm"},
            ),
            (
                "en",
                "Turn the bedroom heating down to {warm}°C.",
                {"room": "bedroom", "temperature": "=warm"},
            ),
            (
                "de",
                "Stelle die Heizung in der Küche auf {warm} Grad.",
                {"room": "kitchen", "temperature": "=warm"},
            ),
        ],
    ),
    "translate_text": (
        "Translate a text into another language",
        _object(
            ["text", "target_language"],
            text=_text("The text to translate"),
            target_language=_text("Wanted language, in English"),
            formal={"type": "boolean", "description": "Whether to be formal"},
        ),
        [
            (
                "en",
                'Translate "Where is the station?" into {tongue}.',
                {
                    "text": "Where is the station?",
                    "target_language": "=tongue",
                    "formal": None,
                },
            ),
            (
                "en",
                "How do you say 'good evening' in {tongue}?",
                {"text": "good evening", "target_language": "=tongue"},
            ),
        ],
    ),
    "order_pizza": (
        "Order a pizza for delivery",
        _object(
            ["size", "toppings", "delivery"],
            size=_text("Size", enum=["small", "medium", "large"]),
            toppings={"type": "array", "items": {"type": "string"}},
            delivery=_object(
                ["street", "city"],
                street=_text("Street and number"),
                city=_text("City"),
                postal_code=_text("Postal code"),
            ),
        ),
        [
            (
                "en",
                (
                    "Order a large pizza with mushrooms, olives and ham to"
                    " 12 Harley Road, Leeds LS1 4DY."
                ),
                {
                    "size": "large",
                    "toppings": ["mushrooms", "olives", "ham"],
                    "delivery": {
                        "street": "12 Harley Road",
                        "city": "Leeds",
                        "postal_code": "LS1 4DY",
                    },
                },
            ),
            (
                "en",
                (
                    "I'd like a small pizza, toppings: salami, onions. Deliver it to"
                    " Lindenstraße 14, 14467 Potsdam."
                ),
                {
                    "size": "small",
                    "toppings": ["salami", "onions"],
                    "delivery": {
                        "street": "Lindenstraße 14",
                        "city": "Potsdam",
                        "postal_code": "14467",
                    },
                },
            ),
        ],
    ),
    "track_package": (
        "Find out where a parcel is",
        _object(["tracking_number"], tracking_number=_text("Tracking number")),
        [
            (
                "en",
                "Where is my package with tracking number {code}?",
                {"tracking_number": "=code"},
            ),
            ("en", "Track parcel {code} please.", {"tracking_number": "=code"}),
            (
                "de",
                "Wo ist mein Paket mit der Sendungsnummer {code}?",
                {"tracking_number": "=code"},
            ),
        ],
    ),
    "book_table": (
        "Reserve a table at a restaurant",
        _object(
            ["restaurant", "party_size", "date"],
            restaurant=_text("Name of the restaurant"),
            party_size=_number("Number of guests", "integer", minimum=1),
            date=_text("Day", format="date"),
            time=_text("Time, HH:MM"),
        ),
        [
            (
                "en",
                "Book a table for {few} at {place} on {date} at {hour}.",
                {
                    "restaurant": "=place",
                    "party_size": "=few",
                    "date": "=date",
                    "time": "=hour",
                },
            ),
            (
                "en",
                "Reserve a table at {place} for {few} people on {date}.",
                {"restaurant": "=place", "party_size": "=few", "date": "=date"},
            ),
        ],
    ),
    "calculate_mortgage": (
        "Compute the monthly payment of a mortgage",
        _object(
            ["principal", "annual_rate", "years"],
            principal=_number("Sum that is lent"),
            annual_rate=_number("Interest rate per year, in percent"),
            years=_number("Term in years", "integer"),
        ),
        [
            (
                "en",
                (
                    "What would I pay each month for a mortgage of ${loan} at {rate}% over"
                    " {term} years?"
                ),
                {"principal": "=loan", "annual_rate": "=rate", "years": "=term"},
            ),
        ],
    ),
    "find_products": (
        "Search the shop's catalogue for products",
        _object(
            ["query"],
            query=_text("What to look for"),
            max_price={"type": ["number", "null"], "description": "Highest price"},
            in_stock={"type": ["boolean", "null"], "description": "Only in stock"},
        ),
        [
            (
                "en",
                "Search the catalogue for {good} under ${cheap}.",
                {"query": "=good", "max_price": "=cheap"},
            ),
            (
                "en",
                'Find products matching "{good}", only those in stock.',
                {"query": "=good", "in_stock": True, "max_price": None},
            ),
        ],
    ),
    "book_hotel": (
        "Book a hotel room for a guest",
        Stay.model_json_schema(),
        [
            (
                "en",
                (
                    "Book a hotel in {city} from {date} for {few} nights, a double room"
                    " with breakfast, for the guest Priya Novak ({email})."
                ),
                {
                    "city": "=city",
                    "check_in": "=date",
                    "nights": "=few",
                    "room": "double",
                    "guest": {"name": "Priya Novak", "email": "=email"},
                    "breakfast": True,
                },
            ),
            (
                "en",
                (
                    "I need a hotel suite in {city}: check-in {date}, {few} nights. Guest"
                    " name: Oskar Byrne."
                ),
                {
                    "city": "=city",
                    "check_in": "=date",
                    "nights": "=few",
                    "room": "suite",
                    "guest": {"name": "Oskar Byrne", "email": None},
                },
            ),
        ],
    ),
    "set_timer": (
        "Start a countdown timer",
        _object(
            ["minutes"],
            minutes=_number("Minutes to count down"),
            label=_text("What the timer is for"),
        ),
        [
            ("en", "Set a timer for {minutes} minutes.", {"minutes": "=minutes"}),
            (
                "de",
                "Stelle einen Timer auf {minutes} Minuten.",
                {"minutes": "=minutes"},
            ),
        ],
    ),
}
NOTHING_TO_CALL = (
    "Tell me a joke about cats.",
    "Thanks, that was very helpful!",
    "Who wrote Faust?",
    "Explain what a monad is.",
    "Write a haiku about autumn leaves.",
    "Hello!",
    "Is a tomato a fruit?",
    "Summarise the plot of Hamlet in one sentence.",
)
