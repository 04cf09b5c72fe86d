"""``%%grok --in NAME --schema S``: the cell is asked of each row; see `gn.extract`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.display import display

from grok_nb.errors import BadRequest

from .options import CELL, OptionError
from .structured import schema_of
from .wording import option_error

if TYPE_CHECKING:
    from .asking import CellAsking

#: What a run over rows can be told by options of the cell.
_TAKEN = (
    *("model", "system", "out", "schema", "df", "rows", "column", "quiet", "max_cost"),
    *("max_tokens", "temperature", "top_p", "seed", "reasoning_effort", "timeout_s"),
    *("dry_run", "help"),
)
_PASSED = (
    "max_tokens",
    "temperature",
    "top_p",
    "seed",
    "reasoning_effort",
    "timeout_s",
)
_PLACE = re.compile(r"\{\{.*?\}\}")
#: options as messages of `extract` call them
_ALSO = {"text": "--text", "budget": "--max-cost"}


def extracted(cell: CellAsking, body: str, options: dict[str, Any]) -> None:
    """Extract from each row, bind and show what came.

    With ``{{column}}`` in it the cell's body is what is asked of a row; without, it says
    how to read the rows' text.
    """
    names = cell.shell.user_ns
    data = _data(options, names)
    schema = schema_of(options["schema"], names)
    said = body.strip() or None
    is_template = said is not None and _PLACE.search(said) is not None
    from grok_nb.frames.estimating import estimate_rows
    from grok_nb.frames.extract import SYSTEM, extract

    system = options.get("system")
    if said and not is_template:
        system = f"{SYSTEM if system is None else system}\n\n{said}"

    run: Any = estimate_rows if options.get("dry_run") else extract
    if not options.get("dry_run"):
        cell.require_key()
    try:
        result: Any = run(
            data,
            schema,
            text=options.get("column"),
            system=system,
            prompt=said if is_template else None,
            model=options.get("model"),
            budget=options.get("max_cost"),
            origin=cell.origin(),
            **{name: options.get(name) for name in _PASSED if name in options},
        )
    except BadRequest as error:
        if error.status is not None:  # the server's word
            raise
        raise option_error(error, CELL, _ALSO) from None
    if options.get("dry_run"):
        display(result)
        return
    if options.get("df"):
        names[options["df"]] = result.df
    if options.get("out"):
        names[options["out"]] = result
    if not options.get("quiet"):
        display(result)
    if result.is_partial:
        raise KeyboardInterrupt  # Run All stops; what there is, is bound


def _data(options: dict[str, Any], names: dict[str, Any]) -> Any:
    """Return the rows that ``--in`` names; refuse what does not go with them."""
    name = options.get("rows")
    if name is None:
        raise OptionError("--text is about rows.", hint="--in NAME names them.")
    if options.get("schema") is None:
        raise OptionError(
            "--in asks for data of each row.", hint='--schema "name, age int"'
        )
    flags = {option.name: option.flags[-1] for option in CELL}
    for other in options:
        if other not in _TAKEN:
            raise OptionError(f"{flags.get(other, other)} does not go with --in.")
    found = re.fullmatch(r"(?:\{\{\s*)?(\w+)(?:\s*\}\})?", name.strip())
    if found is None or found[1] not in names:
        raise OptionError(
            f"--in: there is no variable {name.strip()!r}.",
            hint="It names a DataFrame, a Series, or a list of texts or dicts.",
        )
    return names[found[1]]
