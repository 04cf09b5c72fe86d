"""``--search``, its filters and ``--run-code``: what is sent, shown, cited and billed."""

import pytest

from grok_nb._sandbox.server import Sandbox
from tests.support import bills, eventually, requests

USAGE = "__import__('grok_nb').usage()"


def sent(sandbox):
    return [r for r in requests(sandbox) if r["method"] == "POST"]


FILTERS = {
    "--search web": [{"type": "web_search"}],
    "--search x": [{"type": "x_search"}],
    "--search web,x": [{"type": "web_search"}, {"type": "x_search"}],
    "--search=web --domains docs.x.ai,x.ai": [
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["docs.x.ai", "x.ai"]},
        }
    ],
    "--search web --not-domains spam.example": [
        {"type": "web_search", "filters": {"excluded_domains": ["spam.example"]}}
    ],
    "--search x --handles @xai,grok": [
        {"type": "x_search", "allowed_x_handles": ["xai", "grok"]}
    ],
    "--search x --not-handles spam": [
        {"type": "x_search", "excluded_x_handles": ["spam"]}
    ],
    "--search x --since 2026-01-01 --until 2026-02-01": [
        {"type": "x_search", "from_date": "2026-01-01", "to_date": "2026-02-01"}
    ],
    "--search web,x --images": [
        {"type": "web_search", "enable_image_understanding": True},
        {"type": "x_search", "enable_image_understanding": True},
    ],
    "--search x --video": [{"type": "x_search", "enable_video_understanding": True}],
    "--run-code": [{"type": "code_interpreter"}],
    "--search web --run-code": [{"type": "web_search"}, {"type": "code_interpreter"}],
}


@pytest.mark.parametrize("options", FILTERS)
def test_options_are_sent_as_tools_of_the_server(kernel, sandbox, options):
    cell = kernel.run(f"%%grok {options} -o r\nWhat is the latest news about xAI?")
    assert not cell.of("error")
    (request,) = sent(sandbox)
    assert request["path"] == "/v1/responses"
    body = request["body"]
    assert body.pop("tools") == FILTERS[options]
    assert body.pop("store") is False
    assert set(body) == {"model", "input"}
    assert kernel.value("r.state") == "done"
    assert cell.shown == [kernel.value("r._repr_mimebundle_()['text/plain']")]


def test_line_magic_searches_too(kernel, sandbox):
    cell = kernel.run("r = %grok --search web --domains x.ai What is new at xAI?")
    assert not cell.of("error")
    (request,) = sent(sandbox)
    (tool,) = request["body"]["tools"]
    assert tool["filters"] == {"allowed_domains": ["x.ai"]}


@pytest.mark.parametrize("watched", [True, False])
def test_sources_are_footnotes_a_frame_and_in_the_bill(kernel, sandbox, watched):
    cell = kernel.run(
        "%%grok --search web -o r -v\nWhat is the latest news about xAI?",
        watched=watched,
    )
    html = cell.html[-2]
    assert '<ol class="grok-nb-sources"' in html
    assert "web search: search" in html
    cited = kernel.value("r.citations[['position', 'url', 'domain']].values.tolist()")
    assert cited
    assert cited[0][0] == 1
    for _, url, domain in cited:
        assert domain in url
        assert f'href="{url}"' in html
    spans = kernel.value("r.citations[['start', 'end']].values.tolist()")
    text = kernel.value("r.text")
    assert all(text[a:b].startswith("[[") for a, b in spans)
    (bill,) = bills(sandbox)
    uses = bill["usage"]["server_side_tool_usage_details"]
    assert uses["web_search_calls"] > 0
    assert kernel.value("r.cost_ticks") == bill["cost_in_usd_ticks"]
    assert f"{uses['web_search_calls']} web search" in cell.shown[-1]  # -v
    rows = kernel.value(f"{USAGE}[['endpoint', 'tool_calls']].values.tolist()")
    assert rows == [["/responses", uses["web_search_calls"]]]


def test_a_search_without_result_says_so(kernel, sandbox):
    cell = kernel.run(
        "%%grok --search web --domains nothing.example -o r\nNews about xAI?"
    )
    assert not cell.of("error")
    assert kernel.value("(len(r.citations), r.state)") == (0, "done")
    assert list(kernel.value("r.citations.columns.tolist()")) == [
        *("position", "url", "title", "domain", "start", "end")
    ]
    assert "grok-nb-sources" not in cell.html[-1]
    assert "Nothing in the corpus" in cell.shown[-1]


def test_schema_and_thread_go_with_a_search(kernel, sandbox):
    kernel.run("%%grok -c news --search web\nWhat is the latest news about xAI?")
    cell = kernel.run(
        "%%grok -c news --search web --schema 'title' -o r\nTitle: Grok. Search for xAI."
    )
    assert not cell.of("error")
    body = sent(sandbox)[-1]["body"]
    assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]
    assert body["text"]["format"]["type"] == "json_schema"
    assert kernel.value("r.parsed")


ERRORS = {
    "--search wbe": "Did you mean 'web'? --search takes web, x, or web,x.",
    "--search": "--search needs a value",
    "--search ''": "There is no search ''",
    "--domains x.ai": "not asked for. Add --search web.",
    "--not-domains x.ai": "--not-domains is about a search",
    "--handles xai": "not asked for. Add --search x.",
    "--not-handles xai": "--not-handles is about a search",
    "--since 2026-01-01": "--since is about a search",
    "--until 2026-01-01": "--until is about a search",
    "--images": "--images is about a search that was not asked for. Add --search web.",
    "--video": "--video is about a search that was not asked for. Add --search x.",
    "--run-code --domains x.ai": "--domains is about a search",
    "--search x --domains x.ai": "--domains is about a search",
    "--search web --handles xai": "--handles is about a search",
    "--search web --video": "--video is about a search",
    "--search web --domains a.b --not-domains c.d": (
        "--domains and --not-domains exclude each other"
    ),
    "--search x --handles a --not-handles b": (
        "--handles and --not-handles exclude each other"
    ),
    "--search web --domains a,b,c,d,e,f": "--domains has 6 entries; xAI takes at most 5",
    "--search x --handles " + ",".join("abcdefghijklmnopqrstu"): "at most 20",
    "--search web --domains https://x.ai/": "--domains has 'https://x.ai/'",
    "--search web --domains a,,b": "--domains has ''",
    "--search x --since yesterday": "--since must be a date",
    "--search x --until 2026-13-01": "--until must be a date",
    "--search x --since 2026-02-01 --until 2026-01-01": (
        "--since (2026-02-01) is after --until (2026-01-01)"
    ),
    "--search web -n 2": "-n does not go with --search or --run-code",
    "--search web --seed 2": "Leave out --seed, or ask without --search",
    "--run-code=yes": "--run-code takes no value",
    "--images=yes": "--images takes no value",
    "--video yes": "Unexpected text on the option line: 'yes'",
}


def test_wrong_searches_are_told_before_anything_is_sent(kernel, sandbox):
    for options, said in ERRORS.items():
        cell = kernel.run(f"%%grok {options}\nhi")
        assert cell.error["ename"] == "OptionError", options
        assert len(cell.error["traceback"]) == 1, options
        assert said in "\n".join(cell.error["traceback"]), cell.error["traceback"]
    assert sent(sandbox) == []


class TestSlowly:
    @pytest.fixture
    def sandbox(self):
        with Sandbox(tokens_per_s=40) as server:
            yield server

    def test_searches_are_on_screen_while_they_run_and_can_be_stopped(
        self, kernel, sandbox
    ):
        cell = kernel.start(
            "%%grok -c news -o r --search web\nWhat is the latest news about xAI?",
            watched=True,
        )
        cell.wait(lambda c: any("web search: search" in html for html in c.html))
        live = next(html for html in cell.html if "web search: search" in html)
        assert '" open><summary>' in live
        kernel.interrupt()
        cell.wait()
        assert cell.error["ename"] == "KeyboardInterrupt"
        state, text, kinds = kernel.value(
            "(r.state, r.text, [s.kind for s in r.steps])"
        )
        assert (state, text) == ("stopped", "")
        assert kinds[0] == "web_search"
        (bill,) = eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
        columns = "['state', 'cost_source', 'request_id']"
        assert kernel.value(f"{USAGE}[{columns}].values.tolist()") == [
            ["stopped", "estimated", bill["request_id"]]
        ]
        turns = "__import__('grok_nb').Thread('news').turns"
        assert kernel.value(f"len({turns})") == 0
