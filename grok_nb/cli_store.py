"""``grok-nb store``: what is on disk, a copy of it, and how to be rid of it."""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grok_nb import config
from grok_nb.clock import SystemClock
from grok_nb.errors import GrokError
from grok_nb.store import housekeeping, journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.store.housekeeping import Purge, Size

_AGE = re.compile(r"(\d{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subcommands."""
    summary = "what is stored on this machine: sizes, export, purge"
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--store",
        metavar="FOLDER",
        default=argparse.SUPPRESS,
        help="default: GROK_NB_STORE, else the user's data folder",
    )
    store = commands.add_parser(
        "store",
        help=summary,
        parents=[place],
        description="See, copy and delete what grok_nb has stored: the ledger of calls. "
        "It holds prompts and replies of threads, and the results of deferred requests; "
        "an error that it notes may quote a prompt. "
        "gn.configure(keep_text=False), or keep_text = false in [tool.grok_nb] of "
        "pyproject.toml, stores such texts no more.",
    )

    def show_help(_: argparse.Namespace) -> int:
        store.print_help()
        return 2

    store.set_defaults(run=show_help)
    actions = store.add_subparsers(title="commands", metavar="")

    sizes = actions.add_parser("sizes", parents=[place], help="how much there is")
    sizes.add_argument("--by", choices=("notebook", "run", "month"))
    sizes.set_defaults(run=_sizes)

    export = actions.add_parser(
        "export",
        parents=[place],
        help="write all rows to a file",
        description="Write all rows as they are stored: a JSON object a line (.jsonl), "
        "or the ledger as a table (.csv).",
    )
    export.add_argument("file", metavar="FILE", type=Path, help=".jsonl or .csv")
    export.add_argument("--force", action="store_true", help="replace the file")
    export.set_defaults(run=_export)

    purge = actions.add_parser(
        "purge",
        parents=[place],
        help="delete rows, by age, notebook, run, or all",
        description="Delete the rows that meet every condition given, and their traces. "
        "Kernels may go on meanwhile. Rows in doubt that are less than an hour old are "
        "kept: their requests may be in flight; so are deferred requests of the last "
        "day, whose results can still be fetched.",
    )
    add = purge.add_argument
    add(
        "--older-than",
        type=_age_or_date,
        metavar="AGE",
        help="30d, 12h, 8w, or a date such as 2026-01-01 (UTC)",
    )
    add("--notebook", metavar="NAME", help="'' for calls outside of notebooks")
    add("--run", metavar="ID", dest="run_id", help="'' for calls of no run")
    add(
        "--all", action="store_true", help="everything, also files set aside as damaged"
    )
    add("--dry-run", action="store_true", help="only say how much it would be")
    add("--yes", action="store_true", help="do not ask")
    purge.set_defaults(run=_purge)


def _age_or_date(text: str) -> Callable[[datetime.datetime], datetime.datetime]:
    """Return what makes of the present time the time that was meant."""
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        span = datetime.timedelta(hours=int(age[1]) * _HOURS[age[2]])
        return lambda now: now - span
    try:
        date = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no age (30d, 12h, 8w) and no date (2026-01-01)"
        ) from None
    meant = date if date.tzinfo else date.replace(tzinfo=datetime.UTC)
    return lambda _: meant


def _folder(options: argparse.Namespace) -> str:
    folder = config.resolve({"store": getattr(options, "store", None)}).store
    if folder == config.MEMORY:
        raise GrokError("This store is in memory only: nothing of it is on disk.")
    return folder


def _sizes(options: argparse.Namespace) -> int:
    folder = _folder(options)
    found = housekeeping.sizes(folder)
    if found is None:
        print(f"Nothing is stored in {folder}.")
        return 0
    print(f"{found.path}: {_bytes(found.disk_bytes)}")
    if note := journal.network_note(folder):
        print(note)
    _print_sizes("table", list(found.tables))
    for path, size in found.set_aside:
        print(f"Set aside as damaged: {path}, {_bytes(size)}")
    if options.by:
        print()
        _print_sizes(options.by, housekeeping.grouped(folder, options.by))
    return 0


def _print_sizes(title: str, sizes: list[Size]) -> None:
    lines = [(title, "rows", "content", "of it text", "oldest", "newest")]
    lines += [
        (
            size.name or "(none)",
            f"{size.rows:,}",
            _bytes(size.content_bytes),
            _bytes(size.text_bytes),
            (size.oldest or "-")[:16],
            (size.newest or "-")[:16],
        )
        for size in sizes
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if 0 < place < 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _export(options: argparse.Namespace) -> int:
    count = housekeeping.export(_folder(options), options.file, overwrite=options.force)
    print(f"{count:,} rows written to {options.file}.")
    return 0


def _purge(options: argparse.Namespace) -> int:
    folder, now = _folder(options), SystemClock().now()
    older_than = options.older_than(now) if options.older_than else None
    try:
        choice = housekeeping.Choice(
            older_than=older_than,
            notebook=options.notebook,
            run=options.run_id,
            everything=options.all,
        )
    except ValueError:
        raise GrokError(
            "purge needs --older-than, --notebook and --run, or --all alone."
            if options.all
            else "purge does not know what to delete.",
            hint="See grok-nb store purge --help.",
        ) from None
    would = housekeeping.purge(folder, choice, now=now, dry_run=True)
    print(f"To delete in {folder}: {_counted(would)}.")
    if would.in_flight:
        print(
            f"{would.in_flight:,} rows in doubt stay: their requests may be in flight, "
            "or their results still be fetched."
        )
    for path in would.set_aside_kept:
        print(f"{path} stays: it is damaged, and may hold such rows; --all deletes it.")
    is_anything = any(would.rows.values()) or would.set_aside or options.all
    if options.dry_run or not is_anything:
        return 0
    if not options.yes:
        _confirm()
    done = housekeeping.purge(folder, choice, now=now)
    print(f"Deleted: {_counted(done)}; {_bytes(done.freed_bytes)} given back.")
    if not done.is_given_back:
        raise GrokError(
            "The file could not be written anew: another process is busy with it, or "
            "there is no room. The rows are gone, but traces of them may be left.",
            hint="Run the same command again.",
        )
    return 0


def _counted(purge: Purge) -> str:
    parts = [f"{rows:,} rows of {name}" for name, rows in purge.rows.items()]
    parts += [f"{path.name}" for path in purge.set_aside]
    return ", ".join(parts) or "nothing"


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise GrokError(
            "Nothing was deleted: there is no terminal to ask on.",
            hint="--yes deletes without asking, --dry-run only counts.",
        )
    try:
        answer = input('Type "yes" to delete: ')
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise GrokError("Nothing was deleted.")


def _bytes(number: int) -> str:
    if number < 1000:
        return f"{number} B"
    size = float(number)
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"
