"""``-x``: the last error, earlier cells, variables and files as parts of a prompt.

Each part is text with a heading; the user sees in ``--dry-run`` what it holds. What
looks like an API key is taken out.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from IPython.core import interactiveshell

from grok_nb.compact import compact, is_frame
from grok_nb.config import scrub
from grok_nb.errors import BadRequest

from .interpolate import suggest
from .options import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KINDS = "err, prev:N, vars:a,b or file:PATH"
#: Characters of one value, one output, one traceback.
_LONGEST_VALUE = 4_000
_LONGEST_OUTPUT = 1_000
_LONGEST_TRACEBACK = 12_000
#: Cells that can be asked for.
_MOST_CELLS = 1_000
_IPYTHON = interactiveshell.__file__
_CELL = "<notebook cell>"


def context_parts(
    wanted: list[str],
    shell: Any,
    notes: list[str],
    *,
    failed: BaseException | None = None,
    unstored: Iterable[tuple[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Return the parts of a message for what ``-x`` names.

    Parameters
    ----------
    wanted
        ``err`` (the last exception), ``prev:N`` (the last N cells and their results),
        ``vars:a,b``, ``file:PATH``; in the order in which they are sent.
    shell
        IPython's.
    notes
        Takes what the user should know: what was cut.
    failed
        What ended the last cell that failed, but for cells that asked.
    unstored
        Source and result of cells that IPython was told not to keep, oldest first.

    Raises
    ------
    OptionError
        Something else, or what is not there. Nothing was sent.
    """
    parts: list[dict[str, Any]] = []
    for spec in wanted:
        kind, _, argument = spec.partition(":")
        if kind == "err":
            parts += _error(argument, failed, shell, notes)
        elif kind == "prev":
            parts += _cells(argument, earlier_cells(shell, unstored), notes)
        elif kind == "vars":
            parts += _variables(argument, shell.user_ns, notes)
        elif kind == "file":
            parts += _file(argument)
        else:
            raise OptionError(f"-x takes {KINDS}, not {spec!r}.")
    return parts


def last_error(failed: BaseException | None) -> BaseException:
    """Return the exception that ended the last failed cell.

    Parameters
    ----------
    failed
        That of the last cell that was seen to fail.

    Raises
    ------
    OptionError
        No cell has failed yet.
    """
    # of a cell before the extension was loaded, it is where Python leaves it
    error = failed or getattr(sys, "last_value", None)
    if not isinstance(error, BaseException):
        raise OptionError(
            "No cell has failed yet.", hint="-x err sends the last exception."
        )
    return error


def earlier_cells(
    shell: Any, unstored: Iterable[tuple[str, Any]]
) -> list[tuple[str, Any]]:
    """Return source and result of the cells before this one, oldest first.

    Who runs this cell without keeping it (nbval) has not kept those before it, either:
    then they are the ``unstored`` ones.
    """
    get_parent = getattr(shell, "get_parent", None)
    request: dict[str, Any] = (get_parent() if get_parent else None) or {}
    if not request.get("content", {}).get("store_history", True):
        return [cell for cell in unstored if cell[0].strip()]
    history = getattr(shell, "history_manager", None)
    sources = getattr(history, "input_hist_raw", None) or []
    results = shell.user_ns.get("_oh", {})
    cells = list(enumerate(sources))[1:-1]  # the last one is this cell
    return [(source, results.get(n)) for n, source in cells if source.strip()]


def _error(
    argument: str, failed: BaseException | None, shell: Any, notes: list[str]
) -> list[dict[str, Any]]:
    if argument:
        raise OptionError(f"-x err takes nothing, not {argument!r}.")
    return [error_part(last_error(failed), shell, notes)]


def error_part(error: BaseException, shell: Any, notes: list[str]) -> dict[str, Any]:
    """Return an exception with its traceback as a part; ``notes`` says what was cut.

    It begins where the user's code does, and cells have no file: the name that IPython
    gives them is another in each run.
    """
    described = traceback.TracebackException.from_exception(error)
    seen: list[traceback.TracebackException | None] = [described]
    for one in seen:  # grows as it goes
        if one is None:
            continue
        inner = getattr(one, "exceptions", None) or []  # of a group
        seen += [one.__cause__, one.__context__, *inner]
        frames = list(one.stack)
        while frames and frames[0].filename == _IPYTHON:
            del frames[0]
        for frame in frames:
            if shell.compile.format_code_name(frame.filename):
                frame.filename = _CELL
        one.stack[:] = frames
    lines = "".join(described.format()).rstrip()
    if len(lines) > _LONGEST_TRACEBACK:
        # where it began and where it failed say most
        half = _LONGEST_TRACEBACK // 2
        lines = f"{lines[:half]}\n[...]\n{lines[-half:]}"
        notes.append("The traceback is sent in part: its beginning and its end.")
    return _part(f"The last error: {type(error).__name__}", lines)


def _cells(
    argument: str, cells: list[tuple[str, Any]], notes: list[str]
) -> list[dict[str, Any]]:
    try:
        count = int(argument or 1)
    except ValueError:
        count = 0
    if not 1 <= count <= _MOST_CELLS:
        raise OptionError(
            f"-x prev:N needs a number of cells, 1 to {_MOST_CELLS}, not {argument!r}."
        )
    if not cells:
        raise OptionError("No cell ran before this one.")
    if len(cells) < count:
        notes.append(f"Only {len(cells)} cells ran before this one; all are sent.")
    chosen = cells[-count:]
    parts = []
    for left, (source, result) in zip(range(len(chosen), 0, -1), chosen, strict=True):
        text = source.rstrip("\n")
        if result is not None:
            text += f"\n\n--- its result ---\n{_shown(result, _LONGEST_OUTPUT)}"
        # not by IPython's number, which is another when it is run again
        where = "The cell before this one" if left == 1 else f"{left} cells before"
        parts.append(_part(where, text))
    return parts


def _variables(
    argument: str, names: Mapping[str, Any], notes: list[str]
) -> list[dict[str, Any]]:
    wanted = [name.strip() for name in argument.split(",") if name.strip()]
    if not wanted:
        raise OptionError("-x vars: needs names of variables: vars:a,b.")
    parts = []
    for name in wanted:
        if name not in names:
            raise OptionError(
                f"There is no variable {name!r} for -x.", hint=suggest(name, names)
            )
        value = names[name]
        heading = f"The variable {name} ({type(value).__name__})"
        if is_frame(value):
            found = compact(value)
            if found.note:
                notes.append(f"{name} is sent in part: {found.note}.")
            parts.append(_part(heading, found.text))
            continue
        text = _shown(value, None)
        if len(text) > _LONGEST_VALUE:
            notes.append(
                f"{name} is sent in part: {_LONGEST_VALUE:,} of {len(text):,} "
                f"characters. {{{{{name}}}}} in the prompt sends all."
            )
            text = f"{text[:_LONGEST_VALUE]}…"
        parts.append(_part(heading, text))
    return parts


def _file(argument: str) -> list[dict[str, Any]]:
    if not argument.strip():
        raise OptionError("-x file: needs a path: file:notes.txt.")
    from grok_nb import attachments

    try:
        found = attachments.parts(argument.strip())
    except BadRequest as error:
        raise OptionError(str(error), hint=error.hint) from None
    return [
        {**part, "text": scrub(part["text"])} if part["type"] == "text" else part
        for part in found
    ]


def _shown(value: Any, longest: int | None) -> str:
    if is_frame(value):
        return compact(value, longest or _LONGEST_VALUE).text
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as error:  # noqa: BLE001 - any variable of the user
        text = f"[it has no text: {type(error).__name__}]"
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}…"
    return text


def _part(heading: str, text: str) -> dict[str, Any]:
    return {"type": "text", "text": f"--- {heading} ---\n{scrub(text)}"}
