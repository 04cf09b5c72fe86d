"""``grok-nb``: the demo, the sandbox, the store, the doctor, the version."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from grok_nb import __version__, cli_store
from grok_nb.errors import GrokError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if "run" not in options:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except (GrokError, ValueError, OverflowError, OSError) as error:
        hint = getattr(error, "hint", "")
        print(f"grok-nb: {error}", *([hint] if hint else []), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grok-nb", description="xAI's Grok in the notebook.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"grok-nb {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="")

    demo = commands.add_parser(
        "demo",
        help="the quickstart on the sandbox: no key, no network",
        description="Open a copy of the quickstart notebook in JupyterLab, with a "
        "sandbox behind it. Needs no key and no network.",
    )
    demo.add_argument(
        "--execute",
        action="store_true",
        help="run it without a browser and print what the cells show",
    )
    demo.add_argument(
        "--no-browser", action="store_true", help="only print the address"
    )
    demo.add_argument("--port", type=int, help="JupyterLab's port")
    demo.set_defaults(run=_demo)

    sandbox = commands.add_parser(
        "sandbox",
        help="a server on this machine that speaks xAI's API",
        description="Serve xAI's API on this machine until Ctrl-C. The first line of "
        "output is the base URL, for any client; without --key every key that starts "
        "with xai- is right. The management host is at the same root, /v1/billing/..., "
        "for keys that start with xai-token-. Replies are marked: no language model is "
        "behind them.",
    )
    add = sandbox.add_argument
    add("--port", type=int, default=0, help="default: a free one")
    add("--key", help="the one right key")
    add(
        "--vintage",
        choices=("2025", "2026"),
        default="2026",
        help="whose API: models, listings, error codes, live search (2025) or its 410, "
        "/v1/me and batches (2026), image size limit, and the shape of streams and usage",
    )
    add("--latency", type=float, default=0, metavar="MS", help="before each answer")
    add("--rpm", type=int, metavar="N", help="requests per minute and model")
    add("--tpm", type=int, metavar="N", help="tokens per minute and model")
    add(
        "--tokens-per-s",
        type=float,
        metavar="N",
        help="pace of streams; default full speed",
    )
    add(
        "--fail",
        action="append",
        default=[],
        metavar="SPEC",
        help="what goes wrong, e.g. 429@/v1/chat#2 (the second request) or "
        "503%%0.1 (one in ten); repeatable",
    )
    sandbox.set_defaults(run=_sandbox)

    cli_store.add_to(commands)
    doctor = commands.add_parser(
        "doctor",
        help="what works here, and what does not",
        description="Print versions, where the key comes from (never any part of it), "
        "the way to the API step by step, and where the ledger lies. Exit code 1 if "
        "something is a problem.",
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument(
        "--timeout", type=float, default=10, metavar="S", help="for all of it; 10"
    )
    doctor.set_defaults(run=_doctor)
    return parser


@contextlib.contextmanager
def _needs(extra: str) -> Iterator[None]:
    """Turn a missing package into the command that installs it."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(
            f"This needs {error.name}, which is not installed.",
            hint=f"pip install 'grok-nb[{extra}]'",
        ) from None


def _sandbox(options: argparse.Namespace) -> int:
    with _needs("sandbox"):
        from grok_nb._sandbox.server import serve

    def ready(base_url: str) -> None:
        print(base_url, flush=True)

    serve(
        ready,
        port=options.port,
        key=options.key,
        latency_ms=options.latency,
        vintage=options.vintage,
        rpm=options.rpm,
        tpm=options.tpm,
        faults=options.fail,
        tokens_per_s=options.tokens_per_s,
    )
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from grok_nb.checkup import doctor

    found = doctor(timeout_s=options.timeout)
    print(json.dumps(found.as_dict(), indent=2) if options.json else found)
    return 0 if found.ok else 1


def _demo(options: argparse.Namespace) -> int:
    with _needs("sandbox"):
        from grok_nb._sandbox.server import Sandbox
    with (
        tempfile.TemporaryDirectory(prefix="grok-nb-demo-") as folder,
        Sandbox() as box,
    ):
        notebook = Path(folder) / "quickstart.ipynb"
        shutil.copy(_quickstart(), notebook)
        environment = {
            **os.environ,
            "XAI_BASE_URL": box.base_url,
            "XAI_API_KEY": box.key,
            "GROK_NB_STORE": str(Path(folder) / "store"),
        }
        if options.execute:
            return _execute(notebook, environment)
        return _open(notebook, environment, options)


def _quickstart() -> Path:
    """Return the notebook: in the wheel, or in a checkout."""
    package = Path(__file__).parent
    for path in (
        package / "_quickstart.ipynb",
        package.parent / "notebooks" / "01-quickstart.ipynb",
    ):
        if path.is_file():
            return path
    raise FileNotFoundError("the quickstart notebook is not in this installation")


def _open(
    notebook: Path, environment: dict[str, str], options: argparse.Namespace
) -> int:
    with _needs("lab"):
        import jupyterlab as _  # noqa: F401 - only whether it is there
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if options.no_browser:
        command.append("--no-browser")
    if options.port:
        command.append(f"--ServerApp.port={options.port}")
    if getattr(os, "geteuid", lambda: 1)() == 0:  # Jupyter asks root to say so
        command.append("--allow-root")
    print("The sandbox answers in Grok's place; the copy of the notebook is temporary.")
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own command
    # ended by a signal, it ends JupyterLab and takes its folder with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        process.terminate()
        process.wait()


def _execute(notebook: Path, environment: dict[str, str]) -> int:
    with _needs("lab"):
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    book = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        book,
        kernel_name="python3",
        timeout=120,
        resources={"metadata": {"path": str(notebook.parent)}},
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],  # no note on unencrypted loopback
    )
    failed = None
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        failed = error
    for cell in book.cells:
        if cell.cell_type == "code":
            _print_cell(cell)
    if failed is not None:
        print("grok-nb: the quickstart stopped at the error above.", file=sys.stderr)
        return 1
    return 0


def _print_cell(cell: object) -> None:
    """Print a cell as it was typed, and what it showed."""
    print("\n".join(f"> {line}" for line in cell.source.splitlines()))  # type: ignore[attr-defined]  # a notebook's node
    for output in cell.outputs:  # type: ignore[attr-defined]  # a notebook's node
        if output.output_type == "stream":
            print(output.text.rstrip("\n"))
        elif output.output_type == "error":
            print("\n".join(output.traceback))
        else:
            print(output.data.get("text/plain", "(no text)").rstrip("\n"))
    print()


if __name__ == "__main__":
    sys.exit(main())
