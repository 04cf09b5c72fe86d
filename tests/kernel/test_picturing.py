"""``%grok_image``: what is sent, what is shown and kept, and how errors look."""

import base64
import re

import pytest

from tests.support import bills, break_it, eventually, requests

USAGE = "__import__('grok_nb').usage()"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def sent(sandbox):
    return [r for r in requests(sandbox) if r["method"] == "POST"]


@pytest.mark.parametrize("code", ["%grok_image{}a fox", "%%grok_image{}\na fox"])
def test_options_are_sent_and_pictures_embedded(kernel, sandbox, code):
    options = " -n 2 -o foxes --aspect 16:9 --resolution 1k -m grok-imagine-image "
    cell = kernel.run(code.format(options), cell_id="c1")
    assert not cell.of("error", "stream")
    (request,) = sent(sandbox)
    assert request["path"] == "/v1/images/generations"
    assert request["body"] == {
        "model": "grok-imagine-image",
        "prompt": "a fox",
        "n": 2,
        "aspect_ratio": "16:9",
        "resolution": "1k",
        "response_format": "b64_json",
    }
    (html,) = cell.html
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(pictures) == 2
    assert base64.b64decode(pictures[0])[:3] == b"\xff\xd8\xff"
    assert "display:grid" in html
    assert "http" not in html
    assert "sandbox, not Grok" in html
    assert kernel.value("(len(foxes), foxes[0].data[:3])") == (2, b"\xff\xd8\xff")
    (bill,) = bills(sandbox)
    assert kernel.value("foxes.cost_ticks") == bill["cost_in_usd_ticks"]
    columns = "['endpoint', 'source', 'cell_id', 'state']"
    assert kernel.value(f"{USAGE}[{columns}].values.tolist()") == [
        ["/images/generations", "magic", "c1", "done"]
    ]


def test_what_follows_the_options_is_the_prompt(kernel, sandbox):
    kernel.run("animal = 'fox'")
    kernel.run("%grok_image a {{animal}}, 'red' -n 2 {x} $5?")
    kernel.run("%grok_image -R a {{animal}}")
    prompts = [r["body"]["prompt"] for r in sent(sandbox)]
    assert prompts == ["a fox, 'red' -n 2 {x} $5?", "a {{animal}}"]


def test_pictures_are_changed(kernel, sandbox, tmp_path):
    (tmp_path / "dot.png").write_bytes(base64.b64decode(PNG))
    kernel.run("%grok_image -q -n 2 -o foxes a fox")
    kernel.run(f"import base64\ndot = base64.b64decode({PNG!r})")
    for attached in ("{{foxes}}", "{{foxes[1]}}", "{{dot}}", str(tmp_path / "dot.png")):
        cell = kernel.run(f"%grok_image -a {attached} -o night at night")
        assert not cell.of("error")
        request = sent(sandbox)[-1]
        assert request["path"] == "/v1/images/edits"
        count = 2 if attached == "{{foxes}}" else 1
        urls = [image["url"] for image in request["body"]["images"]]
        assert len(urls) == count
        assert all(url.startswith("data:image/") for url in urls)
        assert cell.html[-1].count("<img") == kernel.value("len(night)") == 1


def test_quiet_shows_nothing_and_timeout_holds(kernel, sandbox):
    cell = kernel.run("%grok_image -q -o r a fox")
    assert not cell.of("display_data", "execute_result", "stream")
    assert kernel.value("len(r)") == 1
    break_it(sandbox, {"match": "POST /v1/images", "do": "stall"})
    cell = kernel.run("%grok_image --timeout 0.5 a fox")
    assert cell.error["ename"] == "TimedOut"


def test_quality_is_sent_to_models_that_have_it(kernel, sandbox):
    kernel.run("%grok_image -m grok-imagine-image-2.0 --quality medium a fox")
    assert sent(sandbox)[-1]["body"]["quality"] == "medium"
    cell = kernel.run("%grok_image --quality medium a fox")
    assert "has no quality to choose" in "\n".join(cell.error["traceback"])


def test_a_dry_run_sends_nothing(kernel, sandbox):
    cell = kernel.run("%grok_image --dry-run -n 3 a fox")
    assert "price    $0.0600" in cell.shown[-1]
    assert "a fox" in cell.shown[-1]
    assert sent(sandbox) == []


def test_help_is_complete(kernel):
    said = {"-h": "".join(kernel.run("%grok_image -h").shown)}
    for code in ("%grok_image?", "%%grok_image?"):
        (page,) = kernel.run(code).reply["payload"]
        said[code] = page["data"]["text/plain"]
    for text in said.values():
        for flag in ("-n N", "--attach", "--aspect", "--quality", "--dry-run"):
            assert flag in text


ERRORS = {
    "%grok_image": "nothing to draw",
    "%grok_image -n 11 a fox": "-n must be",
    "%grok_image -n x a fox": "-n needs a whole number",
    "%grok_image --aspect 7:1 a fox": "--aspect is '7:1'",
    "%grok_image --resolution 9k a fox": "has no resolution '9k'",
    "%grok_image --wide a fox": "There is no option --wide",
    "%grok_image -a nowhere.png a fox": "nowhere.png",
    "%grok_image -a {{nothing}} a fox": "no variable 'nothing'",
    "%grok_image a {{nothing}}": "no variable 'nothing'",
    "%grok_image -o 1x a fox": "name of a variable",
    "%%grok_image a fox\nin the snow": "Unexpected text",
}


def test_wrong_options_are_told_before_anything_is_sent(kernel, sandbox):
    for code, said in ERRORS.items():
        cell = kernel.run(code)
        assert cell.error["ename"] == "OptionError", code
        assert said in "\n".join(cell.error["traceback"]), code
    assert sent(sandbox) == []


def test_a_refusal_of_the_server_is_one_line(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/images", "do": "400"})
    cell = kernel.run("%grok_image a fox")
    assert cell.error["ename"] == "BadRequest"
    assert len(cell.error["traceback"]) <= 2
    assert kernel.value(f"{USAGE}['state'].tolist()") == ["failed"]


def test_interrupt_ends_the_request(kernel, sandbox):
    break_it(sandbox, {"match": "POST /v1/images", "do": "stall"})
    cell = kernel.start("%grok_image a fox", watched=True)
    eventually(lambda: sent(sandbox))
    kernel.interrupt()
    cell.wait()
    assert cell.error["ename"] == "KeyboardInterrupt"
    eventually(lambda: [b for b in bills(sandbox) if b["closed_early"]])
    assert kernel.value(f"{USAGE}['state'].tolist()") == ["stopped"]


def test_without_a_key_there_is_the_card(new_kernel):
    kernel = new_kernel()
    kernel.run("%load_ext grok_nb")
    cell = kernel.run("%grok_image a fox")
    assert cell.error["ename"] == "ConfigError"
    assert "XAI_API_KEY" in cell.shown[0]
