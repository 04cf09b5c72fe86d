"""``--schema``, ``--many`` and ``--df``: what is sent, shown and bound."""

from __future__ import annotations

import json

import pytest

from tests.support import bills, requests

CLASSES = """
import datetime, enum
from decimal import Decimal
from typing import Literal
from pydantic import BaseModel, field_validator

class Kind(enum.Enum):
    open = "open"
    paid = "paid"

class Invoice(BaseModel):
    number: str
    total: Decimal
    date: datetime.date
    status: Kind

class Item(BaseModel):
    item: str
    quantity: int
    price: Decimal

class Strict(BaseModel):
    age: int

    @field_validator("age")
    @classmethod
    def _young(cls, age):
        if age > 20:
            raise ValueError("too old for this. Age: 7")
        return age

class Picky(BaseModel):
    age: int

    @field_validator("age")
    @classmethod
    def _never(cls, age):
        raise ValueError("not that")

class Tree(BaseModel):
    kids: "list[Tree]"

class Plain: pass

as_dict = {"type": "object", "properties": {"name": {"type": "string"},
           "age": {"type": "integer"}}, "required": ["name", "age"]}
word = "Ada"
"""
PAPER = "Number: 7-A\nDate: 2026-12-31\nTotal: 10.50\nStatus: open"
LIST = "| item | quantity | price |\n|---|---|---|\n| tea | 3 | 1.10 |\n| milk | 1 | 2.35 |"
ADA = "Name: Ada\nAge: 36"


@pytest.fixture
def kernel(kernel):
    assert not kernel.run(CLASSES).of("error")
    return kernel


def sent(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def schema_in(body):
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["strict"] is True
    return body["response_format"]["json_schema"]["schema"]


def test_a_class_of_the_notebook(kernel, sandbox):
    cell = kernel.run(f"%%grok --schema Invoice -o r\n{PAPER}")
    assert not cell.of("error")
    (body,) = sent(sandbox)
    schema = schema_in(body)
    assert list(schema["properties"]) == ["number", "total", "date", "status"]
    assert schema["properties"]["total"] == {"type": "number"}
    assert schema["required"] == ["number", "total", "date", "status"]
    assert schema["additionalProperties"] is False
    assert body["messages"] == [{"role": "user", "content": PAPER}]
    assert kernel.value("type(r.parsed) is Invoice")
    assert kernel.value("(str(r.parsed.total), r.parsed.status.name)") == (
        "10.5",
        "open",
    )
    assert json.loads(cell.shown[0]) == json.loads(kernel.value("r.text"))
    assert cell.shown[0].startswith('{\n  "number": "7-A"')
    assert "7-A" in cell.html[0]
    assert "sandbox, not Grok" in cell.html[0]


@pytest.mark.parametrize(
    "schema",
    [
        "as_dict",
        "{{as_dict}}",
        "'name, age int'",
        '"name,age int"',
        "=name,age?int",
        '\'{"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}\'',
    ],
)
def test_a_dict_or_text(kernel, sandbox, schema):
    cell = kernel.run(f"%%grok --schema {schema} -o r\n{ADA}".replace(" =", "="))
    assert not cell.of("error"), cell.error
    (body,) = sent(sandbox)
    assert set(schema_in(body)["properties"]) == {"name", "age"}
    assert kernel.value("r.parsed") == {"name": "Ada", "age": 36}
    assert kernel.value("r.records") == [{"name": "Ada", "age": 36}]


def test_a_file(kernel, sandbox):
    kernel.run("import json; json.dump(as_dict, open('s.json', 'w'))")
    cell = kernel.run(f"%%grok --schema @s.json -o r\n{ADA}")
    assert not cell.of("error"), cell.error
    assert set(schema_in(sent(sandbox)[0])["properties"]) == {"name", "age"}
    assert kernel.value("r.parsed") == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("options", ["--schema Item --many", "--schema list[Item]"])
def test_many_records_are_a_table_and_a_frame(kernel, sandbox, options):
    cell = kernel.run(f"%%grok {options} --df items -o r\n{LIST}")
    assert not cell.of("error"), cell.error
    (body,) = sent(sandbox)
    records = schema_in(body)["properties"]["records"]
    assert records == {"type": "array", "items": {"$ref": "#/$defs/Item"}}
    assert kernel.value("[type(i) is Item for i in r.parsed]") == [True, True]
    assert kernel.value("items.to_dict('list')") == {
        "item": ["tea", "milk"],
        "quantity": [3, 1],
        "price": [1.1, 2.35],
    }
    assert kernel.value("items.dtypes.astype(str).to_dict()") == {
        "item": "string",
        "quantity": "Int64",
        "price": "Float64",
    }
    assert cell.html[0].count("<tr>") == 3
    assert "milk" in cell.html[0]
    assert json.loads(cell.shown[0]) == json.loads(kernel.value("r.text"))


def test_a_frame_of_one_record_is_a_row(kernel):
    cell = kernel.run(f"%%grok --schema Invoice --df f\n{PAPER}")
    assert cell.html[0].count("<tr>") == 2
    assert kernel.value("f.dtypes.astype(str).to_dict()") == {
        "number": "string",
        "total": "Float64",
        "date": "datetime64[us]",
        "status": "category",
    }
    assert kernel.value("list(f['status'].cat.categories)") == ["open", "paid"]
    cell = kernel.run("f2 = None\n%grok --schema int --df f2 What is the value: 42")
    assert not cell.of("error"), cell.error
    assert kernel.value("f2['value'].tolist()") == [42]


@pytest.mark.parametrize(
    "options", ["--schema Invoice", "--schema Invoice --df f", "--schema list[Invoice]"]
)
def test_streamed_or_not_the_saved_output_is_the_same(kernel, sandbox, options):
    live = kernel.run(f"%%grok {options} --stream\n{PAPER}", watched=True)
    once = kernel.run(f"%%grok {options} --no-stream\n{PAPER}")
    assert [("stream" in body) for body in sent(sandbox)] == [True, False]
    assert len(live.html) > 1
    assert (live.html[-1], live.shown[-1]) == (once.html[0], once.shown[0])
    between = [html for html in live.html[:-1] if "<pre><code>" in html]
    assert all("<table>" not in html for html in live.html[:-1])
    assert all("<pre><code>{" in html for html in between)


def test_hostile_values_are_shown_as_text(kernel):
    cell = kernel.run(
        "%%grok --schema 'name, age int' --df f --raw\n"
        "Name: <img src=x onerror=alert(1)>\nAge: 36"
    )
    assert not cell.of("error"), cell.error
    assert "onerror" in kernel.value("f['name'].tolist()")[0]
    assert "<img" not in cell.html[0]


def test_with_a_search_the_flat_form_is_sent(kernel, sandbox):
    kernel.run("import grok_nb as gn")
    code = f"r = gn.ask({ADA!r}, schema='name, age int', search='web')"
    cell = kernel.run(code)
    assert not cell.of("error"), cell.error
    (body,) = sent(sandbox)
    assert body["text"]["format"]["type"] == "json_schema"
    assert "response_format" not in body
    assert kernel.value("r.parsed") == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("watched", [False, True])
def test_a_repair_asks_twice_and_says_so(kernel, sandbox, watched):
    cell = kernel.run(f"%%grok --schema Strict -o r\n{ADA}", watched=watched)
    assert not cell.of("error"), cell.error
    first, second = sent(sandbox)
    assert second["messages"][0] == first["messages"][0]
    assert "age: got 36, too old for this" in second["messages"][-1]["content"]
    assert kernel.value("(r.parsed.age, r.repairs)") == (7, 1)
    assert "asked again once to fit the schema" in cell.html[-1]
    ticks = sum(bill["cost_in_usd_ticks"] for bill in bills(sandbox))
    assert kernel.value("r.cost_ticks") == ticks
    states = "__import__('grok_nb').usage()['state'].tolist()"
    assert kernel.value(states) == ["done", "done"]


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    ("options", "prompt", "kind", "text", "ended", "count"),
    [
        ("--schema Picky", ADA, "SchemaMismatch", "not that", "does not fit", 2),
        ("--schema Invoice --max-tokens 5", PAPER, "Truncated", "limit", "cut at", 1),
        ("--schema Invoice", "Hello!", "Refused", "declined", "declined", 1),
    ],
)
def test_no_such_answer_is_an_error_with_the_reply(
    kernel, sandbox, watched, options, prompt, kind, text, ended, count
):
    cell, following = kernel.start_all(
        f"%%grok {options} -o r --df f\n{prompt}", "print('ran')", watched=watched
    )
    cell.wait()
    assert cell.error["ename"] == kind
    assert text in "".join(cell.error["traceback"])
    assert len(cell.error["traceback"]) <= 2
    assert "pydantic" not in "".join(cell.error["traceback"])
    assert following.reply["status"] == "aborted"
    assert len(sent(sandbox)) == count
    # what was paid for is shown and bound
    assert kernel.value("(r.state, r.parsed)") == ("failed", None)
    assert ended in cell.html[-1]
    assert ended in cell.shown[-1]
    ticks = sum(bill["cost_in_usd_ticks"] for bill in bills(sandbox))
    assert kernel.value("r.cost_ticks") == ticks
    assert kernel.value("'f' in globals()") is False


WRONG = {
    "--schema": "--schema needs a value: --schema S",
    "--df f": "--df needs a schema",
    "--many": "--many needs a schema",
    "--schema name --df 1x": "--df needs the name of a variable, not '1x'",
    "--schema name --df class": "--df needs the name of a variable",
    "--schema name --df x.y": "--df needs the name of a variable",
    "--schema name --df f -o f": "--df and -o have the same name: f",
    "--schema Invoise": "no class Invoise. Did you mean Invoice?",
    "--schema Unheard": "there is no class Unheard.",
    "--schema list[Invoise]": "Did you mean Invoice?",
    "--schema 'list[name, age int]'": "needs a class, not 'name, age int'. --many asks",
    "--schema list[as_dict]": "list[...] needs a class",
    "--schema item": "Did you mean Item? For a field of that name write 'item str'.",
    "--schema word": "word is a variable (str), and no class or dict. For a field",
    "--schema 'name, age itn'": "field 2, 'age itn': there is no type 'itn'.",
    "--schema name, age int": "A schema with spaces needs quotes",
    "--schema Plain": "--schema: Plain is no model. Derive it from pydantic",
    "--schema Tree": "Tree holds itself",
    "--schema @nowhere.json": "--schema: nowhere.json cannot be read",
    "--schema '{broken'": "--schema: it is no JSON",
    "--schema list[Item] --many": "is a list already",
    "--schema name -n 2": "-n must be 1 with a schema",
    "--shema name": "Did you mean --schema?",
    "--schema name --mny": "Did you mean --many?",
}


@pytest.mark.parametrize("options", WRONG)
def test_wrong_options_send_nothing(kernel, sandbox, options):
    cell = kernel.run(f"%%grok {options}\n{ADA}")
    assert cell.error["ename"].endswith("OptionError")
    (line,) = cell.error["traceback"]
    assert WRONG[options] in line
    assert requests(sandbox) == []
    assert not kernel.run(f"%%grok --schema name\n{ADA}").of("error")
    assert len(sent(sandbox)) == 1  # it would be seen
