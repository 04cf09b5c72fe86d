"""Whatever the schema and the text: a valid answer or a refusal, in bounded work."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_nb._sandbox import (
    addresses,
    arguments,
    asking,
    choices,
    columns,
    conform,
    dates,
    document,
    entries,
    extract,
    grid,
    items,
    kinds,
    lines,
    names,
    patterns,
    prose,
    samples,
    senses,
    source,
    telling,
    values,
    words,
)
from grok_nb._sandbox.conform import Shape

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
NAMES = [
    "name", "total", "date", "due_date", "invoice_number", "email", "phone", "address",
    "street", "city", "country", "postal_code", "items", "line_items", "quantity",
    "unit_price", "amount", "tags", "status", "paid", "currency", "vendor", "customer",
    "start_time", "url", "id", "x", "answer", "location", "notes", "9", "a-b",
    "vendorName",
]  # fmt: skip
FORMATS = ["date", "time", "date-time", "email", "uuid", "ipv4", "ipv6", "uri"]
PATTERNS = [
    r"^INV-\d+$",
    r"^[A-Z]{3}$",
    r"\d{4}",
    "^(a|b)+$",
    "^.{2,5}$",
    r"^\+?[\d ]+$",
]


def _described(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    extra = st.fixed_dictionaries(
        {},
        optional={
            "description": st.sampled_from(
                ["The date, ISO", "Total amount due", "Who"]
            ),
            "title": st.sampled_from(["Invoice No.", "Name"]),
        },
    )
    return st.tuples(children, extra).map(lambda both: {**both[0], **both[1]})


def _bounded(low: str, high: str, top: int) -> st.SearchStrategy[dict[str, int]]:
    pair = st.tuples(st.integers(0, top), st.integers(0, top)).map(sorted)
    whole = pair.map(lambda p: {low: p[0], high: p[1]})
    return st.just({}) | whole | whole.map(lambda d: {high: d[high]})


strings = st.one_of(
    st.just({}),
    _bounded("minLength", "maxLength", 40),
    st.sampled_from(FORMATS).map(lambda name: {"format": name}),
    st.sampled_from(PATTERNS).map(lambda source: {"pattern": source}),
).map(lambda more: {"type": "string", **more})
numbers = st.tuples(
    st.sampled_from(["number", "integer"]),
    st.one_of(
        st.just({}),
        _bounded("minimum", "maximum", 100),
        st.integers(-5, 50).map(lambda n: {"exclusiveMinimum": n}),
        st.sampled_from([0.01, 1, 5]).map(lambda n: {"multipleOf": n}),
    ),
).map(lambda both: {"type": both[0], **both[1]})
options = st.lists(
    st.sampled_from(["USD", "EUR", "paid", "open", "in_progress", 1, 2.5, None, True]),
    min_size=1,
    unique_by=repr,
)
leaves = st.one_of(
    strings,
    numbers,
    st.sampled_from(
        [{"type": "boolean"}, {"type": "null"}, {"const": "A"}, {"const": 7}]
    ),
    options.map(lambda listed: {"enum": listed}),
    st.sampled_from(["Address", "Amount", "Maybe"]).map(
        lambda name: {"$ref": f"#/$defs/{name}"}
    ),
)
DEFINITIONS = {
    "Address": {
        "type": "object",
        "properties": {
            "street": {"type": "string"},
            "city": {"type": "string"},
            "postal_code": {"type": "string"},
            "country": {"type": ["string", "null"]},
        },
        "required": ["street", "city"],
        "additionalProperties": False,
    },
    "Amount": {"type": "number", "minimum": 0},
    "Maybe": {"anyOf": [{"$ref": "#/$defs/Amount"}, {"type": "null"}]},
}


def _nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from(NAMES), children, max_size=5)

    @st.composite
    def objects(draw: st.DrawFn) -> dict[str, Any]:
        known = draw(properties)
        required = [name for name in known if draw(st.booleans())]
        schema = {"type": "object", "properties": known, "required": required}
        beyond = draw(st.sampled_from([None, False, True]))
        return schema if beyond is None else {**schema, "additionalProperties": beyond}

    arrays = st.tuples(
        children, _bounded("minItems", "maxItems", 6), st.booleans()
    ).map(
        lambda both: {
            "type": "array",
            "items": both[0],
            **both[1],
            **({"uniqueItems": True} if both[2] else {}),
        }
    )
    several = st.lists(children, min_size=1, max_size=3).map(
        lambda many: {"anyOf": many}
    )
    nullable = children.map(lambda one: {"anyOf": [one, {"type": "null"}]})
    merged = objects().map(lambda one: {"allOf": [one]})
    mapping = children.map(lambda one: {"type": "object", "additionalProperties": one})
    return _described(objects() | arrays | several | nullable | merged | mapping)


schemas = st.recursive(_described(leaves), _nested, max_leaves=8).map(
    lambda schema: {**schema, "$defs": DEFINITIONS}
)
LINES = [
    "Invoice Number: INV-77", "Date: 2026-11-20", "Due 3 May 2026", "Total: $1,234.50",
    "| Item | Qty | Price |", "|---|---|---|", "| Tea | 2 | 3.00 |", "- one", "- two",
    "Email: ann@x.org", "Vendor:", "  Acme Corp", "  5 High Street, London SW1A 1AA",
    "paid: yes", "Status: open", "", "Tags: a, b and c", "1 x Tea @ 3.00", "USD", "7",
    "a,b,c", "1,2,3", "Name - Ann Lee", "{", '"x": [1, 2]', "https://x.org/a", "10:30",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "192.0.2.7", "2001:db8::7", "AAA",
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=15).map("\n".join),
)
relaxed = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def errors(value: Any, schema: dict[str, Any]) -> list[str]:
    # What a schema does not mention is not allowed: section 3.4 of xai-api.md.
    validator = jsonschema.Draft202012Validator(schema, format_checker=CHECKER)
    return [error.message for error in validator.iter_errors(value)]


@relaxed
@given(texts, schemas)
def test_every_schema_is_filled_validly_or_refused(
    text: str, schema: dict[str, Any]
) -> None:
    filled = extract.fill(text, json.dumps(schema))
    if filled.text is None:
        assert filled.missing
    else:
        assert errors(json.loads(filled.text), schema) == []
    assert extract.fill.__wrapped__(text, json.dumps(schema), "") == filled


@relaxed
@given(texts, schemas)
def test_arguments_conform_to_their_parameters(
    text: str, schema: dict[str, Any]
) -> None:
    parameters = {
        "type": "object",
        "properties": {"location": {"type": "string"}, "other": schema},
        "required": ["other"],
        "$defs": DEFINITIONS,
    }
    several, missing = arguments.fill(text, parameters, Shape(parameters))
    for one in several:
        if not missing:
            assert errors(one, parameters) == []


@relaxed
@given(schemas)
def test_samples_conform(schema: dict[str, Any]) -> None:
    try:
        value = samples.sample(schema, Shape(schema))
    except LookupError:
        return
    assert errors(value, schema) == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 99)
    | st.sampled_from([0.5, 2.0, 1234.5, "", "A", "USD", "ann@x.org", "2026-11-20"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)


@relaxed
@given(json_values, schemas)
def test_the_check_is_as_strict_as_a_validator(value: Any, schema: Any) -> None:
    if Shape(schema).is_valid(value, schema):
        assert errors(value, schema) == []


@relaxed
@given(texts)
def test_json_without_a_schema_is_an_object(text: str) -> None:
    found = extract.everything(text)
    assert found is None or isinstance(json.loads(found), dict)


sources = st.recursive(
    st.sampled_from(["a", "b", "1", r"\d", r"\w", ".", "[ab]", "[^a]", r"\.", "-"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map(lambda both: f"({both})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}"])).map(
            lambda both: f"(?:{both[0]}){both[1]}"
        ),
        inner.map(lambda one: f"^{one}$"),
    ),
    max_leaves=6,
)


@given(sources, st.text(alphabet="ab1-.\u00e9", max_size=8))
def test_patterns_agree_with_python(source: str, text: str) -> None:
    pattern = patterns.Pattern(source)
    assert pattern.is_in(text) == (re.search(source, text) is not None)
    example = pattern.example()
    assert example is None or re.search(source, example)


@pytest.mark.parametrize(
    "source", ["(a", "a)", "[a", "*", "a**", r"(?=a)", r"\1", "a{3,1}"]
)
def test_patterns_beyond_the_subset_match_nothing(source: str) -> None:
    assert patterns.compiled(source) is None
    assert not conform.is_string_valid("a", {"pattern": source})


@pytest.mark.parametrize(
    "source", ["^(a+)+$", "(a|a)*b", "(a*)*c", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_patterns_take_the_same_work_for_each_character(source: str) -> None:
    pattern = patterns.Pattern(source)
    short, long = (work(lambda n=n: pattern.is_in("a" * n + "!")) for n in (200, 1_000))
    assert long < 5.1 * short


SCHEMA = {
    "type": "object",
    "properties": {
        name: {"anyOf": [schema, {"type": "null"}]}
        for name, schema in {
            "invoice_number": {"type": "string"},
            "invoice_date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "email": {"type": "string", "format": "email"},
            "vendor_name": {"type": "string"},
            "address": DEFINITIONS["Address"],
            "status": {"enum": ["open", "closed"]},
            "paid": {"type": "boolean"},
            "phone": {"type": "string"},
            "code": {"type": "string", "pattern": r"^(\w+-?)+$"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "line_items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "description": {"type": "string"},
                        "quantity": {"type": "integer"},
                        "unit_price": {"type": "number"},
                    },
                    "required": ["description", "quantity", "unit_price"],
                },
            },
        }.items()
    },
}
PIECES = [
    "a: b\n", "total ", "invoice number ", "- 1 x a @ 2.00\n", "| a | b | c |\n", "a  b  c\n",
    "1", "1 ", "1.", "1,111", "$", "a@", "a.a@a.a ", "www.", "http://", "(", "{", "[", "```\n",
    "\n", "\t", " ", "-", "*", "#", '"', "a:\n", "x\n\n", "1 mai ", "12/12/", "+1 (2", ":", "f:",
    "Dear A", "best\n\n", "item 1: ", "a;b;c\n", "A.", "\u00e9", "due date total amount ", "of ",
    "not paid ", "1 St, Rome 12345\n", "<b>", "<td>", "[a] b ", "a, b: c ", "quantity: 1\n",
    "a```\n", "```\n{}\n```\n", "|---|\n", "a|b\n---\n", "( x ", "2 x a, 1.00 ", "a-", "search ",
    "item a:\n- b\n", "\u6f22", "\U0001f600", "e\u0301", "\xa0", "=", "- ", ", ", "A ", "1-",
    "00:00 ", "kr ", "{\"a\":1}\n", "- a: b\n", "- a - b\n  c\n", "a,b\n1,2\n", "\r", "_", "%",
]  # fmt: skip


def read_everything(text: str) -> None:
    extract.fill.__wrapped__(text, json.dumps(SCHEMA), "invoice")
    extract.everything.__wrapped__(text)
    arguments.fill(text, SCHEMA, Shape(SCHEMA))


def work(task: Callable[[], object]) -> int:
    """Count the calls, of Python and of C, that a task makes."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        task()
    finally:
        sys.setprofile(before)
    return calls


def growth(task: Callable[[str], object], piece: str) -> float:
    """How much more work a text of five times the length makes: 5 if it is linear."""
    small, large = (piece * (length // len(piece)) for length in (600, 3_000))
    task(small)  # What is read once and kept is no work of the text.
    task(large)
    return work(lambda: task(large)) / (work(lambda: task(small)) + 2_000)


@pytest.mark.parametrize("piece", PIECES)
def test_work_grows_no_faster_than_the_text(piece: str) -> None:
    assert growth(read_everything, piece) < 5.4


def test_a_scan_of_the_whole_for_each_line_would_be_noticed() -> None:
    def scan(text: str) -> None:
        lines = text.splitlines()
        for _ in lines:
            for line in lines:
                line.strip()

    assert growth(scan, "a: b\n") > 5.4


def farthest(items: Iterable[Any], *, last: bool = True) -> float:
    """
    How many characters a parsed pattern can look at from where it begins.

    One class of characters that repeats at the very end does not count: it never fails.
    """
    total = 0.0
    items = list(items)
    for place, (code, argument) in enumerate(items):
        ends = last and place == len(items) - 1
        match str(code):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                _, high, inner = argument
                is_class = len(inner) == 1 and str(inner[0][0]) in {"IN", "LITERAL"}
                if str(high) == "MAXREPEAT":
                    total += 1 if ends and is_class else float("inf")
                else:
                    total += int(high) * farthest(inner, last=False)
            case "SUBPATTERN":
                total += farthest(argument[3], last=ends)
            case "BRANCH":
                total += max(farthest(one, last=ends) for one in argument[1])
            case "ASSERT" | "ASSERT_NOT":
                total += farthest(argument[1], last=False)
            case "ATOMIC_GROUP":
                total += farthest(argument, last=False)
            case _:
                total += 1
    return total


def reach(pattern: re.Pattern[str]) -> float:
    return farthest(re._parser.parse(pattern.pattern, pattern.flags))


READING = [
    addresses, arguments, asking, choices, columns, conform, dates, document, entries, extract, grid, items,
    kinds, lines, names, patterns, prose, senses, source, telling, values, words,
]  # fmt: skip


def test_no_pattern_looks_further_than_its_neighbourhood() -> None:
    found = {
        f"{module.__name__}.{name}": reach(one)
        for module in READING
        for name, value in vars(module).items()
        for one in (value if isinstance(value, tuple) else (value,))
        if isinstance(one, re.Pattern)
    }
    assert len(found) > 60
    assert {name: far for name, far in found.items() if far > 2_100} == {}


def test_patterns_stand_where_their_reach_is_tested() -> None:
    """Not in functions: where a pattern is hidden, its reach is not looked at."""
    hidden = [
        f"{module.__name__}:{call.lineno}"
        for module in READING
        for function in ast.walk(ast.parse(Path(module.__file__ or "").read_text()))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).startswith("re.")
        # A pattern of one character, and what is no pattern.
        and ast.unparse(call) not in {"re.compile(written)", "re.escape(written)"}
    ]
    assert hidden == []


@pytest.mark.parametrize(
    "slow", [r"\s*,", r"(?:a|b)+$", r"a(?=\w*\d)", r".*?x", r"(a+)b"]
)
def test_a_pattern_that_looks_far_would_be_noticed(slow: str) -> None:
    assert reach(re.compile(slow)) == float("inf")


@pytest.mark.parametrize("piece", ["a: b\n", "1 "])
def test_a_megabyte_is_read_in_its_first_part(piece: str) -> None:
    number = 1_000_000 // len(piece)
    text = f"Invoice Number: A-1\n{piece * number}\nEmail: ann@x.org\n"
    found = json.loads(extract.fill(text, json.dumps(SCHEMA)).text or "")
    # What stands behind the bound is not there.
    assert found.get("email") is None
    assert found["invoice_number"] == "A-1"


@pytest.mark.parametrize(("fields", "is_filled"), [(30, True), (2_000, False)])
def test_many_labels_for_many_fields_are_bounded(
    fields: int, *, is_filled: bool
) -> None:
    text = "\n".join(f"label {n} {n % 7} x: {n}" for n in range(20_000))
    properties = {f"field_{n}_{n % 11}": {"type": "string"} for n in range(fields)}
    schema = {"type": "object", "properties": properties}
    found = extract.fill(text, json.dumps(schema))
    assert (found.text is not None) == is_filled
    assert is_filled or found.missing == (extract.TOO_LARGE,)


def test_a_schema_that_unfolds_without_end_is_refused() -> None:
    names = [f"d{n}" for n in range(12)]
    definitions: dict[str, Any] = {
        name: {
            "type": "object",
            "properties": {f"p{k}": {"$ref": f"#/$defs/{after}"} for k in range(10)},
        }
        for name, after in zip(names, [*names[1:], "end"], strict=True)
    }
    definitions["end"] = {"type": "string"}
    definitions["loop"] = {"$ref": "#/$defs/loop"}
    for start in ("d0", "loop"):
        schema = {"$ref": f"#/$defs/{start}", "$defs": definitions}
        assert extract.fill("p1: x", json.dumps(schema)).text is None
    tree = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#"}},
        },
        "required": ["name", "children"],
    }
    assert json.loads(extract.fill("Name: Ann", json.dumps(tree)).text or "") == {
        "name": "Ann",
        "children": [],
    }


def test_deep_json_in_a_text_is_no_trouble() -> None:
    for text in ("[" * 100_000, '{"a":' * 50_000, "{" * 1_000_000):
        assert document.read(text).pairs is not None
