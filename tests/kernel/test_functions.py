"""``--tool``: functions of the notebook that the model calls, in a real kernel."""

import json

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, eventually, requests

USAGE = "__import__('grok_nb').usage()"
WEATHER = '''
import asyncio, sqlite3, time
rows = sqlite3.connect(":memory:")
WORDS = "words"
def get_weather(city: str, unit: str = "celsius") -> dict:
    """Tell the weather.

    Parameters
    ----------
    city
        Name of the city.
    """
    rows.execute("SELECT 1")
    return {"city": city, "degrees": 7}
async def get_people(city: str) -> int:
    """Say how many people live in a city."""
    return 140_000
def get_trouble(city: str) -> int:
    """Make trouble in a city."""
    raise ValueError("<b>no</b> trouble")
class Trips:
    def book(self, city: str) -> str:
        """Book a trip to a city."""
        return f"booked {city}"
trips = Trips()
'''


def sent(sandbox):
    return [r["body"] for r in requests(sandbox) if r["method"] == "POST"]


@pytest.mark.parametrize("watched", [True, False])
def test_tool_runs_a_function_of_the_notebook(kernel, sandbox, watched):
    kernel.run(WEATHER)
    cell = kernel.run(
        "%%grok --tool get_weather -o r\nWhat is the weather in Bern?", watched=watched
    )
    assert not cell.of("error", "stream")
    first, second = sent(sandbox)
    (tool,) = first["tools"]
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "get_weather"
    assert tool["function"]["description"] == "Tell the weather."
    assert tool["function"]["parameters"]["required"] == ["city"]
    assert "tool_choice" not in first | second
    assert [m["role"] for m in second["messages"]] == ["user", "assistant", "tool"]
    result = '{"city":"Bern","degrees":7}'
    assert second["messages"][2]["content"] == result
    steps = kernel.value("[(s.name, s.result, s.state) for s in r.steps]")
    assert steps == [("get_weather", result, "done")]
    # the answer, and under it the steps, folded
    html = cell.html[-1]
    answer, steps = html.index("grok-nb-text"), html.index("grok-nb-steps")
    assert answer < steps
    assert "<details" in html[answer:steps] or html[steps - 20 : steps].count(
        "<details"
    )
    assert "get_weather(city=&quot;Bern&quot;)" in html[steps:]
    assert "open" not in html[steps : html.index("<summary>", steps)]
    assert cell.shown[-1] == kernel.value("r.text")
    rows = kernel.value(f"{USAGE}[['state', 'source', 'tool_calls']].values.tolist()")
    assert rows == [["done", "magic", 1], ["done", "magic", 0]]
    billed = sum(b["cost_in_usd_ticks"] for b in bills(sandbox))
    assert kernel.value("r.cost_ticks") == billed


def test_tools_of_all_kinds_in_one_cell(kernel, sandbox):
    kernel.run(WEATHER)
    cell = kernel.run(
        "%%grok --tool get_people --tool trips.book --tool {{get_trouble}} -o r\n"
        "How many people live in Bern? Book a trip to Bern. Make trouble in Bern."
    )
    assert not cell.of("error")
    steps = kernel.value("{s.name: (s.state, s.result) for s in r.steps}")
    expected = {
        "get_people": ("done", "140000"),
        "book": ("done", "booked Bern"),
        "get_trouble": ("failed", "Error: ValueError: <b>no</b> trouble"),
    }
    assert steps == {name: expected[name] for name in steps}
    assert len(steps) >= 2
    assert "<b>no" not in cell.html[-1]


def test_line_magic_takes_tools_too(kernel, sandbox):
    kernel.run(WEATHER)
    cell = kernel.run("r = %grok --tool get_weather What is the weather in Bern?")
    assert not cell.of("error")
    assert kernel.value("[s.name for s in r.steps]") == ["get_weather"]


def test_max_steps_and_tool_choice_are_heeded(kernel, sandbox):
    kernel.run(WEATHER)
    cell = kernel.run(
        "%%grok --tool get_weather --tool get_people --tool-choice get_people "
        "--max-steps 1 -o r\nWhat is the weather in Bern?"
    )
    assert not cell.of("error")
    first, second = sent(sandbox)
    forced = {"type": "function", "function": {"name": "get_people"}}
    assert [first["tool_choice"], second["tool_choice"]] == [forced, "none"]
    assert kernel.value("[s.name for s in r.steps]") == ["get_people"]


def test_tools_go_with_search(kernel, sandbox):
    kernel.run(WEATHER)
    cell = kernel.run(
        "import grok_nb as gn\n"
        "r = gn.ask('What is the weather in Bern? Search the web, too.',"
        " tools=[get_weather], search='web')"
    )
    assert not cell.of("error")
    assert kernel.value("[s.kind for s in r.steps]")[-1] == "function"
    first, second = sent(sandbox)
    assert first["store"] is second["store"] is False
    kinds = [item.get("type") for item in second["input"]]
    assert kinds[-2:] == ["function_call", "function_call_output"]
    assert "web_search_call" in kinds


def test_a_function_that_was_defined_anew_is_the_new_one(kernel, sandbox):
    kernel.run(WEATHER)
    kernel.run("%%grok --tool get_weather\nWhat is the weather in Bern?")
    kernel.run("def get_weather(place: str) -> str:\n    'Tell it.'\n    return 'rain'")
    kernel.run("%%grok --tool get_weather -o r\nWhat is the weather at place Bern?")
    last = sent(sandbox)[-1]
    assert list(last["tools"][0]["function"]["parameters"]["properties"]) == ["place"]
    assert kernel.value("[s.result for s in r.steps]") == ["rain"]


def test_a_dry_run_shows_the_tools_and_runs_nothing(kernel, sandbox):
    kernel.run(WEATHER + "calls = []\n")
    cell = kernel.run("%%grok --tool get_weather --dry-run\nWeather in Bern?")
    assert "get_weather" in cell.shown[-1]
    assert sent(sandbox) == []


def test_a_threads_later_cell_sees_what_functions_said(kernel, sandbox):
    kernel.run(WEATHER)
    kernel.run("%%grok -c trip --tool get_weather\nWhat is the weather in Bern?")
    kernel.run("%%grok -c trip\nAnd what did you use?")
    messages = sent(sandbox)[-1]["messages"]
    assert [m["role"] for m in messages] == [
        *("user", "assistant", "tool", "assistant", "user")
    ]


ERRORS = {
    "%%grok --tool get_wether\nhi": "Did you mean 'get_weather'?",
    "%%grok --tool nothing_like_it\nhi": "Run the cell that defines it.",
    "%%grok --tool rows\nhi": "The function Connection does not say what it takes.",
    "%%grok --tool WORDS\nhi": "--tool: WORDS is no function (str).",
    "%%grok --tool get_weather --max-steps 0\nhi": "--max-steps must be a whole number",
    "%%grok --tool get_weather --max-steps x\nhi": "--max-steps needs a whole number",
    "%%grok --max-steps 3\nhi": "--max-steps is about functions",
    "%%grok --tool get_weather --tool-choice x\nhi": "--tool-choice must be one of",
    "%%grok --tool get_weather -n 2\nhi": "n must be 1 with --tool",
    "%%grok --tool\nhi": "--tool needs a value: --tool NAME.",
    "f = lambda x: x": "",
    "%%grok --tool f\nhi": "A lambda has no name",
}


def test_wrong_tools_are_told_before_anything_is_sent(kernel, sandbox):
    kernel.run(WEATHER)
    for code, said in ERRORS.items():
        cell = kernel.run(code)
        if said:
            assert cell.error["ename"] == "OptionError", code
            assert said in "\n".join(cell.error["traceback"]), code
            assert len(cell.error["traceback"]) == 1
    assert sent(sandbox) == []


class TestInterrupt:
    @pytest.fixture
    def sandbox(self):
        with Sandbox(tokens_per_s=500) as server:
            yield server

    @pytest.mark.parametrize("kind", ["def", "async def"])
    @pytest.mark.parametrize("watched", [True, False])
    def test_it_ends_a_function(self, kernel, sandbox, tmp_path, kind, watched):
        wait = "time.sleep(60)" if kind == "def" else "await asyncio.sleep(60)"
        kernel.run(
            f"import asyncio, pathlib, time\n{kind} rest(city: str) -> str:\n"
            f"    'Rest in a city.'\n"
            f"    pathlib.Path({str(tmp_path)!r}, 'begun').touch()\n    {wait}"
        )
        cell = kernel.start(
            "%%grok -c rests --tool rest --tool-choice rest -o r\nRest in Bern.",
            watched=watched,
        )
        if watched:  # it is on screen while it runs
            cell.wait(lambda c: any("running rest" in html for html in c.html))
        eventually((tmp_path / "begun").exists)
        kernel.interrupt()
        cell.wait()
        assert cell.error["ename"] == "KeyboardInterrupt"
        assert kernel.value("r.state") == "stopped"
        assert kernel.value("[(s.state, s.result) for s in r.steps]") == [
            ("failed", "Error: stopped by the user")
        ]
        if watched:
            assert "rest(city=" in cell.html[-1]
        assert kernel.value(f"{USAGE}['state'].tolist()") == ["done"]
        (bill,) = bills(sandbox)
        assert kernel.value("r.cost_ticks") == bill["cost_in_usd_ticks"]
        turns = "__import__('grok_nb').Thread('rests').turns"
        assert kernel.value(f"[t.state for t in {turns}]") == ["stopped"]
        # and the thread can be gone on with
        assert not kernel.run("%%grok -c rests\nGo on").of("error")
        messages = sent(sandbox)[-1]["messages"]
        assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])
        assert messages[2]["content"] == "Error: stopped by the user"
