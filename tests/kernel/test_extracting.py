"""Rows in a cell: ``--in``, its progress, and what an Interrupt leaves."""

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, eventually, requests

ROWS = """
import grok_nb as gn, pandas as pd
people = pd.DataFrame({
    "id": range(COUNT), "body": [f"Name: Person{n}. Age: {n % 90}." for n in range(COUNT)]
})
"""


def posts(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def test_a_cell_asks_each_row(kernel, sandbox):
    assert not kernel.run(ROWS.replace("COUNT", "5")).of("error")
    cell = kernel.run(
        "%%grok --in people --text body --schema 'name, age int' --df found -o r\n"
        "Read the card of a person.",
        cell_id="c1",
    )
    assert not cell.of("error"), cell.error
    assert "5 ok" in cell.shown[-1]
    assert kernel.value("found[['name', 'age']].values.tolist()") == [
        [f"Person{n}", n] for n in range(5)
    ]
    assert kernel.value("type(r).__name__") == "Extraction"
    sent = posts(sandbox)
    assert len(sent) == 5
    messages = [body["messages"] for body in sent]
    (system,) = {m[0]["content"] for m in messages}
    assert system.startswith("Extract the data")
    assert system.endswith("\n\nRead the card of a person.")
    assert {m[1]["content"] for m in messages} == set(
        kernel.value("people['body'].tolist()")
    )
    columns = "['source', 'cell_id', 'state']"
    assert kernel.value(f"gn.usage()[{columns}].drop_duplicates().values.tolist()") == [
        ["extract", "c1", "done"]
    ]
    # with places for columns the cell is what is asked of a row
    kernel.run(
        "%%grok --in people -q --schema 'name, age int'\nName: X{{id}}. {{body}}"
    )
    assert posts(sandbox)[-1]["messages"][-1]["content"].startswith("Name: X")
    cell = kernel.run(
        "%%grok --in people --text body --schema name --dry-run --max-cost 1\nRead it."
    )
    assert "5: 5 different, 0 stored" in cell.shown[-1]
    assert len(posts(sandbox)) == 10


ERRORS = {
    "--in peopel --schema name": "there is no variable 'peopel'",
    "--in people": "--in asks for data of each row",
    "--text body --schema name": "--text is about rows",
    "--in people --text bodi --schema name": "--text: there is no column 'bodi'",
    "--in people --text body --schema name -c": "--chat does not go with --in",
    "--in people --text body --schema name --search web": "--search does not go",
    "--in people --text body --schema name --max-tokens 0": "--max-tokens",
}


def test_what_cannot_be_right_is_told_before_anything_is_sent(kernel, sandbox):
    kernel.run(ROWS.replace("COUNT", "5"))
    for options, said in ERRORS.items():
        cell = kernel.run(f"%%grok {options}\nRead it.")
        assert cell.error["ename"] == "OptionError", options
        assert said in "\n".join(cell.error["traceback"]), cell.error["traceback"]
    assert posts(sandbox) == []


class TestSlowly:
    @pytest.fixture
    def sandbox(self):
        with Sandbox(latency_ms=150) as server:
            yield server

    def test_an_interrupt_keeps_what_came_and_the_same_call_goes_on(
        self, kernel, sandbox
    ):
        kernel.run(ROWS.replace("COUNT", "300"))
        code = "r = gn.extract(people, 'name, age int', text='body', max_in_flight=4)"
        cell = kernel.start(f"{code}\nprint(r.is_partial)", watched=True)
        cell.wait(lambda c: any("of 300 rows" in shown for shown in c.shown))
        eventually(lambda: len(bills(sandbox)) > 12)
        kernel.interrupt()
        cell.wait()
        assert not cell.of("error"), cell.error
        assert cell.stdout == "True\n"
        done = kernel.value("int((r.df['_status'] == 'ok').sum())")
        assert 8 < done < 300
        # what was under way was waited for: nothing is in doubt, nothing paid in vain
        assert len(bills(sandbox)) == done
        assert not any(bill["closed_early"] for bill in bills(sandbox))
        assert kernel.value("(len(gn.doubts()), len(r.df))") == (0, 300)
        assert kernel.value("int(r.df['_status'].isna().sum())") == 300 - done
        kernel.run("people = people.iloc[:60]")
        assert not kernel.run(code).of("error")
        assert kernel.value("r.summary['ok']") == 60
        assert len(bills(sandbox)) == max(done, 60)

    def test_a_cell_that_is_interrupted_binds_what_came(self, kernel, sandbox):
        kernel.run(ROWS.replace("COUNT", "300"))
        cell = kernel.start(
            "%%grok --in people --text body --schema 'name, age int' --df found\nRead.",
            watched=True,
        )
        following = kernel.start("print('ran')")
        eventually(lambda: len(bills(sandbox)) > 12)
        kernel.interrupt()
        cell.wait()
        assert cell.error["ename"] == "KeyboardInterrupt"
        assert following.reply["status"] == "aborted"
        assert 0 < kernel.value("int((found['_status'] == 'ok').sum())") < 300
