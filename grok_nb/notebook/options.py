"""The options of the magics, declared once: parser, help and completion.

Options come first; what follows them is text, verbatim. Values may stand in single or
double quotes, after a space or ``=``.
"""

from __future__ import annotations

import difflib
import keyword
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from grok_nb.errors import GrokError
from grok_nb.show.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUE = re.compile(
    r"""(?P<double>"(?:[^"\\]|\\.)*")|'(?P<single>[^']*)'|(?P<bare>(?:\{\{.*?\}\}|\S)+)"""
)


class OptionError(GrokError, UsageError):
    """A magic's option line cannot be right. Nothing was sent."""

    def _render_traceback_(self) -> list[str]:
        return [f"OptionError: {self}" + (f" {self.hint}" if self.hint else "")]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a magic.

    Attributes
    ----------
    name
        Key of the parsed value.
    flags
        As typed, e.g. ``("-m", "--model")``.
    metavar
        Name of the value in help; empty for a switch.
    help
        One line.
    kind
        What the value must be: ``str``, ``int`` or ``float``; of a switch, the value
        that it sets.
    is_list
        Whether it can be given several times; its value is a list.
    choices
        What the value must be one of; empty for anything.
    bare
        The value where none follows; ``None`` where one must.
    """

    name: str
    flags: tuple[str, ...]
    metavar: str
    help: str
    kind: Any = str
    is_list: bool = False
    choices: tuple[str, ...] = ()
    bare: str | None = None


#: options whose value becomes a variable
_NAMES = ("out", "df")
ASKING = (
    Option("model", ("-m", "--model"), "ID", "model id or alias"),
    Option(
        "system",
        ("-s", "--system"),
        "TEXT",
        "system prompt; @file reads it; {{name}} works",
    ),
    Option(
        "out", ("-o", "--out"), "NAME", "bind the Reply to NAME (.text, .cost_usd, ...)"
    ),
    Option(
        "attach",
        ("-a", "--attach"),
        "X",
        "picture, PDF or text: path, URL, {{figure}}, {{image}}, {{bytes}}; repeatable",
        is_list=True,
    ),
    Option(
        "context",
        ("-x", "--context"),
        "X",
        "err (last exception), prev:N (last N cells), vars:a,b, file:PATH; repeatable",
        is_list=True,
    ),
    Option("temperature", ("-t", "--temperature"), "X", "0 to 2", float),
    Option("max_tokens", ("--max-tokens",), "N", "limit of visible tokens", int),
    Option("top_p", ("--top-p",), "X", "nucleus sampling, above 0 to 1", float),
    Option("seed", ("--seed",), "N", "best effort at the same answer again", int),
    Option(
        "stop", ("--stop",), "TEXT", "end the answer before TEXT (few models take it)"
    ),
    Option("n", ("-n",), "N", "that many answers", int),
    Option(
        "reasoning_effort", ("-r", "--reasoning"), "EFFORT", "low, medium, high, ..."
    ),
    Option(
        "schema",
        ("--schema",),
        "S",
        "answer as data: a class, a dict, @file.json, or fields (see below)",
    ),
    Option("many", ("--many",), "", "with --schema: a list of records", True),  # noqa: FBT003
    Option("df", ("--df",), "NAME", "with --schema: bind the records as a DataFrame"),
    Option("rows", ("--in",), "NAME", "with --schema: of each row of NAME"),
    Option(
        "column", ("--text",), "COLUMN", "with --in: the column that holds the text"
    ),
    Option(
        "tools",
        ("--tool",),
        "NAME",
        "a function of yours that the model may call; repeatable",
        is_list=True,
    ),
    Option(
        "max_steps",
        ("--max-steps",),
        "N",
        "with --tool: how often calls are served before it has to answer (5)",
        int,
    ),
    Option(
        "tool_choice",
        ("--tool-choice",),
        "X",
        "with --tool: auto (default), none, required, or the NAME to call",
    ),
    Option(
        "search",
        ("--search",),
        "WHERE",
        "let xAI search: web, x (posts), or web,x",
    ),
    Option("domains", ("--domains",), "A,B", "of the web only these (at most 5)"),
    Option("not_domains", ("--not-domains",), "A,B", "of the web all but these"),
    Option("handles", ("--handles",), "A,B", "of X only these accounts (at most 20)"),
    Option("not_handles", ("--not-handles",), "A,B", "of X all but these"),
    Option("since", ("--since",), "DAY", "posts of X from 2026-01-31 on"),
    Option("until", ("--until",), "DAY", "posts of X up to that day"),
    Option("images", ("--images",), "", "look at pictures that are met", True),  # noqa: FBT003
    Option("video", ("--video",), "", "look at videos of X", True),  # noqa: FBT003
    Option("run_code", ("--run-code",), "", "let xAI write and run code", True),  # noqa: FBT003
    Option(
        "raw",
        ("-R", "--raw"),
        "",
        "no interpolation: the text travels byte for byte",
        True,  # noqa: FBT003 - the value that a switch sets
    ),
    Option(
        "max_cost",
        ("--max-cost",),
        "USD",
        "send nothing that could cost more; end a stream that gets there",
        float,
    ),
    Option("timeout_s", ("--timeout",), "S", "seconds for the whole call", float),
    Option("help", ("-h", "--help"), "", "show this help", True),  # noqa: FBT003
)
SHOWING = (
    Option(
        "format",
        ("-f", "--format"),
        "FORM",
        "md (default), text, json (indented), code (the first block), math",
        choices=FORMATS,
    ),
    Option(
        "code",
        ("--code",),
        "",
        "the first code block becomes a new cell; it is never run for you",
        True,  # noqa: FBT003
    ),
    Option("quiet", ("-q", "--quiet"), "", "show nothing", True),  # noqa: FBT003
    Option(
        "stream",
        ("--stream",),
        "",
        "show the answer as it comes (default: if someone looks)",
        "on",
    ),
    Option("stream", ("--no-stream",), "", "one request, one display", "off"),
    Option(
        "defer",
        ("--defer",),
        "",
        "ask in the background; the reply fills in later, also after a restart",
        True,  # noqa: FBT003
    ),
    Option(
        "refresh",
        ("--refresh",),
        "",
        "ask again what is stored already",
        True,  # noqa: FBT003
    ),
    Option("show", ("--show",), "", "print what is sent, then send", True),  # noqa: FBT003
    Option(
        "dry_run",
        ("--dry-run",),
        "",
        "show messages, tokens and price range; send nothing",
        True,  # noqa: FBT003
    ),
    Option(
        "verbose",
        ("-v", "--verbose"),
        "",
        "say below the answer its ids, attempts, tokens and cost",
        True,  # noqa: FBT003
    ),
)
KEEPING = (
    Option(
        "chat",
        ("-c", "--chat"),
        "[NAME]",
        "take part in the thread NAME (main): see the turns before, be kept",
        bare="main",
    ),
    Option("fresh", ("--fresh",), "", "with -c: begin that thread anew here", True),  # noqa: FBT003
)
CELL = (*ASKING[:3], *SHOWING, *KEEPING, *ASKING[3:])
LINE = ASKING
_BY_NAME = {option.name: option for option in CELL}
#: Options as help groups them; what is named nowhere comes last.
_GROUPS = {
    "What is asked": ("model", "system", "raw", "attach", "context"),
    "A conversation": ("chat", "fresh"),
    "An answer as data": ("schema", "many", "df", "rows", "column"),
    "Functions that it may call": ("tools", "max_steps", "tool_choice"),
    "Tools that run at xAI": (
        *("search", "domains", "not_domains", "handles", "not_handles"),
        *("since", "until", "images", "video", "run_code"),
    ),
    "How it is shown and kept": (
        *("out", "format", "code", "quiet", "verbose", "stream", "defer", "refresh"),
    ),
    "Before it is sent": ("dry_run", "show", "max_cost"),
    "How the model answers": (
        *("reasoning_effort", "temperature", "max_tokens", "top_p"),
        *("seed", "stop", "n"),
    ),
}
#: what a picture can be asked for with
PICTURE = (
    Option("n", ("-n",), "N", "that many pictures (1 to 10)", int),
    Option("out", ("-o", "--out"), "NAME", "bind the Images to NAME"),
    Option("image_model", ("-m", "--model"), "ID", "default: grok-imagine-image"),
    Option(
        "attach",
        ("-a", "--attach"),
        "X",
        "a picture to change: path, URL, {{figure}}, {{images}}; repeatable",
        is_list=True,
    ),
    Option("aspect_ratio", ("--aspect",), "W:H", "1:1, 16:9, 3:4, auto, ..."),
    Option("resolution", ("--resolution",), "R", "1k, 1.5k or 2k"),
    Option("quality", ("--quality",), "Q", "low, medium or auto; few models take it"),
    *(_BY_NAME[name] for name in ("quiet", "dry_run", "raw", "timeout_s", "help")),
)
BUDGET = (
    Option(
        "per",
        ("--per",),
        "PERIOD",
        "session (default) or day",
        choices=("session", "day"),
    ),
    _BY_NAME["help"],
)
USAGE = (
    Option(
        "by", ("--by",), "KEYS", "group: model, day, hour, month, thread, cell, ..."
    ),
    Option("since", ("--since",), "DAY", "from that day or time on (UTC)"),
    Option("until", ("--until",), "DAY", "up to that day or time (UTC)"),
    Option("df", ("--df",), "NAME", "bind the rows, or the groups, as a DataFrame"),
    Option("plot", ("--plot",), "", "draw a picture", True),  # noqa: FBT003
    Option(
        "what",
        ("--what",),
        "X",
        "of which: cost (default), tokens or calls",
        choices=("cost", "tokens", "calls"),
    ),
    _BY_NAME["help"],
)
MODELS = (
    Option("df", ("--df",), "NAME", "bind all of it as a DataFrame"),
    _BY_NAME["help"],
)
TOKENS = (_BY_NAME["model"], _BY_NAME["raw"], _BY_NAME["help"])
FIX = tuple(
    _BY_NAME[name]
    for name in (
        *("model", "system", "out", "context", "reasoning_effort", "max_tokens"),
        *("dry_run", "show", "help"),
    )
)


def parse(line: str, options: tuple[Option, ...]) -> tuple[dict[str, Any], str]:
    """Return the options at the start of a line, and the text after them.

    Raises
    ------
    OptionError
        An unknown option (with a suggestion), a missing or wrong value.
    """
    known = {flag: option for option in options for flag in option.flags}
    values: dict[str, Any] = {}
    rest = line.lstrip()
    while rest.startswith("-") and not re.match(r"-[\d.]|-\s|-$", rest):
        if re.match(r"--(\s|$)", rest):  # the end of the options
            return values, rest[2:].removeprefix(" ")
        word = re.match(r"-{1,2}[^\s=]*", rest)
        assert word is not None  # noqa: S101 - rest starts with a dash
        flag, rest = word[0], rest[word.end() :]
        option = known.get(flag)
        if option is None:
            raise _unknown(flag, known)
        if not option.metavar:
            if rest.startswith("="):
                raise OptionError(f"{flag} takes no value.")
            values[option.name] = option.kind
        elif option.bare is not None and re.match(r"\s*(-|$)", rest):
            values[option.name] = option.bare
        else:
            text, rest = _value(flag, option, rest)
            value = _converted(flag, option, text)
            if option.is_list:
                value = [*values.get(option.name, []), value]
            values[option.name] = value
        rest = rest.lstrip()
    return values, rest


def _unknown(flag: str, known: dict[str, Option]) -> OptionError:
    names = [name for name in known if len(name) > 2 and len(flag) > 2]
    close = difflib.get_close_matches(flag, names, n=1, cutoff=0.5)
    if flag[:2] in known:  # -mgrok
        close = [f"{flag[:2]} {flag[2:]}"]
    hint = f"Did you mean {close[0]}?" if close else "-h lists the options."
    return OptionError(f"There is no option {flag}.", hint=hint)


def _value(flag: str, option: Option, rest: str) -> tuple[str, str]:
    rest = rest[1:] if rest.startswith("=") else rest.lstrip()
    found = _VALUE.match(rest)
    if found is None:
        raise OptionError(f"{flag} needs a value: {flag} {option.metavar}.")
    text, after = found["bare"], rest[found.end() :]
    if text is not None:
        if text[0] in "\"'":
            raise OptionError(f"{flag}: the quote is not closed: {rest[:40]}")
        return text, after
    if after and not after[0].isspace():
        raise OptionError(f"{flag}: there is text right after the quote: {after[:40]}")
    if found["double"] is not None:
        # only these two: C:\new and \frac keep their backslash
        return re.sub(r'\\(["\\])', r"\1", found["double"][1:-1]), after
    return found["single"], after


def _converted(flag: str, option: Option, text: str) -> object:
    if option.name in _NAMES and (not text.isidentifier() or keyword.iskeyword(text)):
        raise OptionError(f"{flag} needs the name of a variable, not {text!r}.")
    if option.choices and text not in option.choices:
        close = difflib.get_close_matches(text, option.choices, n=1)
        raise OptionError(
            f"{flag} takes {', '.join(option.choices)}, not {text!r}.",
            hint=f"Did you mean {close[0]}?" if close else "",
        )
    if option.kind is str:
        return text
    try:
        return option.kind(text)
    except ValueError:
        what = "a whole number" if option.kind is int else "a number"
        raise OptionError(f"{flag} needs {what}, not {text!r}.") from None


def help_text(
    usage: str,
    options: tuple[Option, ...],
    after: str = "",
    groups: Mapping[str, tuple[str, ...]] = _GROUPS,
) -> str:
    """Return usage, one line per option in groups, and more text; for docstrings, -h."""
    flags = {
        option: ", ".join(option.flags)
        + (f" {option.metavar}" if option.metavar else "")
        for option in options
    }
    width = max(len(text) for text in flags.values())
    grouped = {name for names in groups.values() for name in names}
    groups = {
        **groups,
        "And" if groups else "Options": tuple(
            dict.fromkeys(o.name for o in options if o.name not in grouped)
        ),
    }
    parts = [usage]
    for title, names in groups.items():
        rows = [
            f"  {flags[option]:<{width}}  {option.help}"
            for name in names
            for option in options
            if option.name == name
        ]
        parts += ["\n".join([title, *rows])] if rows else []
    return "\n\n".join([*parts, after] if after else parts)
