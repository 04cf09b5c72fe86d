"""The options and magics that users were promised, compared with those there are."""

from __future__ import annotations

from grok_nb.notebook.magics import GrokMagics
from grok_nb.notebook.options import CELL, LINE

#: Promised, and not there yet: the panel, replay.
LATER = {
    "--replay",
    *("%grok_chat", "%grok_replay", "%grok_usage_panel"),
}
#: flags -> whether a value follows; "?" where one may, "*" where several can be given
OPTIONS = {
    "-m/--model": "1",
    "-s/--system": "1",
    "-o/--out": "1",
    "-q/--quiet": "",
    "-f/--format": "1",
    "-c/--chat": "?",
    "--fresh": "",
    "-a/--attach": "*",
    "-x/--context": "*",
    "-t/--temperature": "1",
    "--max-tokens": "1",
    "--top-p": "1",
    "--seed": "1",
    "--stop": "1",
    "-n": "1",
    "-r/--reasoning": "1",
    "--schema": "1",
    "--many": "",
    "--df": "1",
    "--tool": "*",
    "--max-steps": "1",
    "--search": "1",
    "--domains": "1",
    "--not-domains": "1",
    "--handles": "1",
    "--not-handles": "1",
    "--since": "1",
    "--until": "1",
    "--images": "",
    "--video": "",
    "--run-code": "",
    "--in": "1",
    "--text": "1",
    "--defer": "",
    "--max-cost": "1",
    "--dry-run": "",
    "--replay": "1",
    "--refresh": "",
    "--stream": "",
    "--no-stream": "",
    "-R/--raw": "",
    "--show": "",
    "--code": "",
    "--timeout": "1",
    "-v/--verbose": "",
    "-h/--help": "",
}
MAGICS = {
    *("%%grok", "%grok", "%grok_chat", "%grok_threads", "%grok_usage", "%grok_budget"),
    *("%grok_models", "%grok_last", "%grok_fix", "%grok_image", "%grok_tokens"),
    *("%grok_usage_panel", "%grok_replay", "%grok_sandbox", "%grok_key"),
    "%grok_doctor",
}
FORMATS = ("md", "text", "json", "code", "math")


def test_each_promised_option_is_there_and_takes_what_it_should() -> None:
    there = {
        "/".join(option.flags): "*"
        if option.is_list
        else ("" if not option.metavar else "?" if option.bare is not None else "1")
        for option in CELL
    }
    promised = {k: v for k, v in OPTIONS.items() if k not in LATER}
    assert {k: there.get(k) for k in promised} == promised
    # what is beyond the promise is known, too
    assert there.keys() - promised.keys() == {"--tool-choice"}
    (format_,) = [option for option in CELL if option.name == "format"]
    assert format_.choices == FORMATS


def test_each_promised_magic_is_there() -> None:
    there = {f"%{name}" for name in GrokMagics.magics["line"]}
    there |= {f"%%{name}" for name in GrokMagics.magics["cell"]}
    assert there - {"%%grok_image"} == MAGICS - LATER
    for kind in ("line", "cell"):
        for name, method in GrokMagics.magics[kind].items():
            assert getattr(GrokMagics, method).__doc__, name


def test_nothing_is_called_later_that_is_there() -> None:
    flags = {flag for option in CELL for flag in option.flags}
    there = flags | {f"%{name}" for name in GrokMagics.magics["line"]}
    assert not LATER & there


def test_the_line_magic_knows_what_asks() -> None:
    flags = {flag for option in LINE for flag in option.flags}
    assert {"--tool", "--search", "--max-cost", "--schema", "-a", "-x"} <= flags
    assert not {"--code", "-c", "--defer", "-q"} & flags
