"""``--max-cost`` and ``%grok_budget``: what is refused, cut, shown and booked."""

import pytest

from tests.support import bills, requests

USAGE = "__import__('grok_nb').usage()"


@pytest.fixture(autouse=True)
def _no_budget(kernel):
    yield
    kernel.run("%grok_budget off")
    kernel.run("%grok_budget --per day off")
    kernel.run("%config GrokMagics.budget_usd = None")


def sent(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


def test_max_cost_refuses_before_anything_is_sent(kernel, sandbox):
    cell = kernel.run("%%grok --max-cost 0.0001\nWhat is 6*7?")
    assert cell.error["ename"] == "BudgetExceeded"
    (*_, line) = said = cell.error["traceback"]
    assert len(said) <= 2
    assert "may well cost $0.00" in said[0]
    assert "--max-cost" in line
    assert sent(sandbox) == []
    assert kernel.value(f"len({USAGE})") == 0
    cell = kernel.run("%%grok --max-cost 0.5\nWhat is 6*7?")
    assert not cell.of("error")
    assert "max_cost" not in sent(sandbox)[0]


@pytest.mark.parametrize("watched", [True, False])
def test_max_cost_cuts_a_stream_and_keeps_its_text(kernel, sandbox, watched):
    cell = kernel.run(
        "%%grok -m grok-4.20-non-reasoning --max-cost 0.006 --stream -o r\n"
        "Count to 5000",
        watched=watched,
    )
    assert cell.error["ename"] == "BudgetExceeded"
    assert "The answer was ended" in "\n".join(cell.error["traceback"])
    state, text = kernel.value("(r.state, r.text)")
    assert state == "stopped"
    assert "100, 101" in text
    assert "5000" not in text
    assert cell.shown[-1] == text + "\n\n[stopped]"
    (bill,) = bills(sandbox)
    assert bill["closed_early"]
    assert kernel.value(f"{USAGE}['state'].tolist()") == ["stopped"]


def test_budget_is_set_shown_and_taken_back(kernel, sandbox):
    assert "No budget is set." in kernel.run("%grok_budget").shown[-1]
    assert "Budget: $5.00 per session." in kernel.run("%grok_budget 5").shown[-1]
    assert "per day" in kernel.run("%grok_budget 0.02 --per day").shown[-1]
    assert "per day" in kernel.run("%grok_budget --per day 0.00001").shown[-1]
    cell = kernel.run("%%grok\nWhat is 6*7?")
    assert cell.error["ename"] == "BudgetExceeded"
    assert "the budget of $0.00001 for the day" in "\n".join(cell.error["traceback"])
    assert sent(sandbox) == []
    kernel.run("%grok_budget --per day off")
    assert not kernel.run("%%grok -o r\nWhat is 6*7?").of("error")
    spent = kernel.value("r.cost_usd")
    cell = kernel.run("%grok_budget")
    assert f"Spent in this session: ${spent:.6f}".rstrip("0") in cell.shown[-1]
    assert "grok-nb-card" in cell.html[-1]
    kernel.run("%grok_budget 0")
    kernel.run("%grok_image a fox")
    assert len(sent(sandbox)) == 1


def test_config_sets_a_budget(kernel, sandbox):
    kernel.run("%config GrokMagics.budget_usd = 0.00001")
    assert kernel.run("%%grok\nhi").error["ename"] == "BudgetExceeded"
    kernel.run("%config GrokMagics.budget_usd = -1")
    assert kernel.run("%%grok\nhi").error["ename"] == "BudgetExceeded"
    kernel.run("%config GrokMagics.budget_usd = 5.0")
    assert not kernel.run("%%grok\nhi").of("error")


def test_a_dry_run_tells_the_price_and_the_budget(kernel, sandbox):
    kernel.run("%grok_budget 0.00001")
    cell = kernel.run("%%grok --dry-run --max-tokens 50\nhi")
    assert "budget" in cell.shown[-1]
    assert "it would be refused" in cell.shown[-1]
    assert sent(sandbox) == []


def test_two_kernels_share_the_budget_of_a_day(kernel, new_kernel, sandbox, tmp_path):
    other = new_kernel(
        XAI_BASE_URL=sandbox.base_url,
        XAI_API_KEY=sandbox.key,
        GROK_NB_STORE=str(tmp_path / "store"),
    )
    other.run("%load_ext grok_nb")
    assert not other.run("%%grok -o r\nWhat is 6*7?").of("error")
    spent = other.value("r.cost_usd")
    kernel.run(f"%grok_budget --per day {spent * 1.5}")
    assert kernel.run("%%grok\nWhat is 6*7?").error["ename"] == "BudgetExceeded"
    cell = kernel.run("%grok_budget --per day")
    assert "by all notebooks of this store" in cell.shown[-1]
    assert len(sent(sandbox)) == 1


ERRORS = {
    "%%grok --max-cost 0\nhi": "--max-cost must be above 0",
    "%%grok --max-cost -1\nhi": "--max-cost must be an amount",
    "%%grok --max-cost cheap\nhi": "--max-cost needs a number",
    "%%grok --max-cost nan\nhi": "--max-cost must be an amount",
    "%grok_budget -5": "must be an amount of USD",
    "%grok_budget cheap": "takes an amount of USD, or off",
    "%grok_budget 5 6": "takes an amount of USD, or off",
    "%grok_budget 5 --per week": "--per takes session, day",
    "%grok_budget nan": "must be an amount of USD",
}


def test_wrong_amounts_are_told(kernel, sandbox):
    for code, said in ERRORS.items():
        cell = kernel.run(code)
        assert cell.error["ename"] == "OptionError", code
        assert said in "\n".join(cell.error["traceback"]), cell.error["traceback"]
    assert "No budget is set." in kernel.run("%grok_budget").shown[-1]
    assert sent(sandbox) == []
    assert "--per" in kernel.run("%grok_budget -h").shown[-1]


def test_usage_is_told_grouped_bound_and_drawn(kernel, sandbox):
    assert "0 calls" in kernel.run("%grok_usage").shown[-1]
    kernel.run("%%grok -m grok-4.7 -o r\nWhat is 6*7?", cell_id="c1")
    kernel.run("%%grok -m grok-4.3\nWhat is 6*7?", cell_id="c2")
    cell = kernel.run("%grok_usage")
    assert not cell.of("error", "execute_result")
    assert "All: 2 calls" in cell.shown[-1]
    assert "grok-4.3" in cell.shown[-1]
    assert "<table>" in cell.html[-1]
    cell = kernel.run("%grok_usage --by model,state --df spent")
    assert kernel.value("list(spent.index.names)") == ["model", "state"]
    assert kernel.value("spent['calls'].tolist()") == [1, 1]
    kernel.run("%grok_usage --by cell --df cells")
    assert kernel.value("cells.index.tolist()") == ["c1", "c2"]
    kernel.run("%grok_usage --since 2099-01-01 --df later")
    assert kernel.value("len(later)") == 0
    kernel.run("%grok_usage --until 2099-01-01 --df earlier")
    assert kernel.value("len(earlier)") == 2
    for code in ("%grok_usage --plot", "%grok_usage --by model --plot --what tokens"):
        cell = kernel.run(code)
        assert not cell.of("error"), cell.error["traceback"]
        pictures = [c for c in cell.of("display_data") if "image/png" in c["data"]]
        assert len(pictures) == 1


def test_models_are_shown_and_bound(kernel):
    cell = kernel.run("%grok_models --df m")
    assert not cell.of("error", "execute_result")
    assert "grok-4.7" in cell.shown[-1]
    assert "USD per million tokens" in cell.shown[-1]
    assert "<table>" in cell.html[-1]
    assert kernel.value("list(m.columns)[:3]") == ["id", "kind", "status"]


def test_wrong_questions_about_usage_are_told(kernel):
    errors = {
        "%grok_usage --by mdel": "Did you mean 'model'?",
        "%grok_usage --since soon": "--since must be a date or time",
        "%grok_usage --what money": "--what takes cost, tokens, calls",
        "%grok_usage all": "Unexpected text",
        "%grok_usage --df 1x": "name of a variable",
        "%grok_models cheap": "Unexpected text",
    }
    for code, said in errors.items():
        cell = kernel.run(code)
        assert cell.error["ename"] == "OptionError", code
        assert said in "\n".join(cell.error["traceback"]), cell.error["traceback"]
    assert "--by KEYS" in kernel.run("%grok_usage -h").shown[-1]
    assert "--df NAME" in kernel.run("%grok_models -h").shown[-1]
