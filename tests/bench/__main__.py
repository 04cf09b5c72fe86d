"""Measure grok_nb beside raw httpx and the openai SDK: ``python tests/bench``.

Every measurement runs in a fresh process; candidates take turns, and the median counts.
Figures move from machine to machine and with its load: compare within one run.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
CALLS, ROWS = 1000, 3000
FLOOR = "msgspec" if importlib.util.find_spec("msgspec") else "pydantic_core"


class Bench:
    """Runs jobs against one canned server."""

    def __init__(self, port):
        self.port = port
        self.found = defaultdict(lambda: defaultdict(list))

    def run(self, group, name, *command, path="1000"):
        """Run one job in a new process; keep its figures under group and name."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            environment = {
                **os.environ,
                "XAI_BASE_URL": f"http://127.0.0.1:{self.port}/{path}/v1",
                "XAI_API_KEY": "xai-bench",
                "GROK_NB_STORE": folder,
                "GROK_NB_MODEL": "grok-4.7",
                "GROK_NB_STREAM": "on",
                "IPYTHONDIR": folder,
            }
            job = [sys.executable, str(HERE / "jobs.py"), *map(str, command)]
            done = subprocess.run(
                job, env=environment, cwd=folder, capture_output=True, check=False
            )
        if done.returncode:
            sys.exit(f"{' '.join(job)}\n{done.stderr.decode()}")
        figures = json.loads(done.stdout)
        for figure, value in figures.items():
            self.found[group, name][figure].append(value)

    def started(self, name, code):
        """Measure a whole interpreter, CPU in ms."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = sum(after[:2]) - sum(before[:2])  # user and system time
        self.found["start", name]["ms"].append(used * 1e3)

    def median(self, group, name, figure="us"):
        return statistics.median(self.found[group, name][figure])


def measure(bench, wanted, repeats):
    def turns(group, times, jobs):
        if wanted and group not in wanted:
            return
        begun = time.perf_counter()
        for _ in range(times):
            for job in jobs:
                job()
        passed = time.perf_counter() - begun
        print(f"# {group}: {times} turns, {passed:.0f} s", file=sys.stderr)

    turns(
        "start",
        5 * repeats,
        [
            lambda: bench.started("bare", "pass"),
            lambda: bench.started("grok_nb", "import grok_nb"),
            lambda: bench.started("httpx", "import httpx"),
        ],
    )
    turns("start", 2, [lambda: bench.started("openai", "import openai")])
    turns("load", repeats, [lambda: bench.run("load", "grok_nb", "load_ext")])
    turns(
        "calls",
        repeats,
        [
            lambda n=n: bench.run("calls", n, "calls", n, CALLS)
            for n in (
                "httpx.AsyncClient",
                "httpx.Client",
                "AsyncGrok.chat_completion",
                "AsyncGrok.ask",
                "Grok.ask",
                "openai",
            )
        ],
    )
    clients = ("AsyncGrok.stream", "Grok.stream", f"httpx + {FLOOR}", "httpx + json")
    turns(
        "stream",
        repeats,
        [
            lambda n=n, path=path: bench.run(path, n, "stream", n, path=path)
            for path, names in (
                ("10000", (*clients, "openai")),
                ("2000", clients[:1]),
                ("20000", clients[:1]),
                ("10000/whole", (clients[0], clients[2])),
            )
            for n in names
        ],
    )
    turns(
        "ledger",
        repeats,
        [
            lambda n=n: bench.run("ledger", n, "ledger", n, ROWS)
            for n in ("sqlite3", "one", "64")
        ],
    )
    turns(
        "display",
        repeats,
        [
            lambda n=n: bench.run("display", n, "display", n)
            for n in ("Live", "Markdown at 10 Hz")
        ],
    )


def lines(bench):
    """Yield (what, unit, ours, what it is compared with, that, openai, target, is)."""
    found, median = bench.found, bench.median

    def against(what, unit, ours, name, base, limit, openai=None):
        return (
            what,
            unit,
            ours,
            name,
            base,
            openai,
            f"<= {limit:g}x",
            ours / base <= limit,
        )

    def below(what, unit, ours, limit):
        return what, unit, ours, "", None, None, f"<= {limit:g}", ours <= limit

    if ("start", "bare") in found:
        ours, bare = median("start", "grok_nb", "ms"), median("start", "bare", "ms")
        openai = median("start", "openai", "ms")
        yield against("import grok_nb, CPU", "ms", ours, "bare python", bare, 2, openai)
        yield (
            "import httpx, CPU",
            "ms",
            median("start", "httpx", "ms"),
            "bare python",
            bare,
            None,
            "",
            None,
        )
    if ("load", "grok_nb") in found:
        for what, unit, figure, limit in (
            ("%load_ext, CPU", "ms", "load_ms", 40),
            ("%load_ext, memory", "MB", "load_mb", 8),
            ("first %%grok to the socket, CPU", "ms", "first_ms", 300),
        ):
            yield below(what, unit, median("load", "grok_nb", figure), limit)
    if ("calls", "httpx.AsyncClient") in found:
        raw, openai = median("calls", "httpx.AsyncClient"), median("calls", "openai")
        ours = median("calls", "httpx.Client")
        yield (
            "httpx.Client, CPU a call",
            "us",
            ours,
            "httpx.AsyncClient",
            raw,
            openai,
            "",
            None,
        )
        for name, limit in (
            ("AsyncGrok.chat_completion", 1.5),
            ("AsyncGrok.ask", 1.5),
            ("Grok.ask", 2),
        ):
            ours = median("calls", name)
            yield against(
                f"{name}, CPU a call",
                "us",
                ours,
                "httpx.AsyncClient",
                raw,
                limit,
                openai,
            )
    if ("10000", "openai") in found:
        floor, openai = f"httpx + {FLOOR}", median("10000", "openai")
        base = median("10000", floor)
        for name in ("AsyncGrok.stream", "Grok.stream"):
            ours = median("10000", name)
            yield against(f"{name}, CPU an event", "us", ours, floor, base, 1.5, openai)
        other = median("10000", "httpx + json")
        yield "httpx + json, CPU an event", "us", other, floor, base, openai, "", None
        ours, base = (median("10000/whole", n) for n in ("AsyncGrok.stream", floor))
        yield "- the same, not in chunks", "us", ours, floor, base, None, "", None
        short, long = (median(n, "AsyncGrok.stream") for n in ("2000", "20000"))
        yield against("- in 20,000 events", "us", long, "in 2,000", short, 1.15)
    if ("ledger", "one") in found:
        raw = median("ledger", "sqlite3")
        for name, what in (("one", "one at a time"), ("64", "64 in flight")):
            ours = median("ledger", name)
            yield (
                f"ledger row, {what}, CPU",
                "us",
                ours,
                "sqlite3, 2 commits",
                raw,
                None,
                "",
                None,
            )
            rate, raw_rate = (median("ledger", n, "rows_s") for n in (name, "sqlite3"))
            yield (
                f"ledger rows, {what}",
                "/s",
                rate,
                "sqlite3, 2 commits",
                raw_rate,
                None,
                "",
                None,
            )
    if ("display", "Live") in found:
        peer = "Markdown at 10 Hz"
        for what, figure, unit, limit in (
            ("CPU an event", "us", "us", 3),
            ("bytes", "kb", "kB", 2),
        ):
            ours, base = (median("display", n, figure) for n in ("Live", peer))
            yield against(
                f"2,000 tokens on screen, {what}", unit, ours, peer, base, limit
            )


def table(rows):
    head = ("", "grok_nb", "", "beside", "", "ratio", "openai", "target", "")
    text = [head]
    for what, unit, ours, name, base, openai, target, fits in rows:
        text.append(
            (
                what,
                number(ours),
                unit,
                name,
                number(base),
                "" if base is None else f"{ours / base:.2f}x",
                number(openai),
                target,
                "" if fits is None else "ok" if fits else "OVER",
            )
        )
    widths = [max(len(row[i]) for row in text) for i in range(len(head))]
    left = (0, 2, 3, 7, 8)
    for row in text:
        cells = (
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def main():
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    groups = ("start", "load", "calls", "stream", "ledger", "display")
    parser.add_argument("groups", nargs="*", metavar="|".join(groups))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if unknown := set(options.groups) - set(groups):
        parser.error(f"no group {min(unknown)}")
    with subprocess.Popen(
        [sys.executable, str(HERE / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        try:
            bench = Bench(int(server.stdout.readline()))
            measure(bench, options.groups, options.repeats)
        finally:
            server.stdin.close()
    table(lines(bench))


if __name__ == "__main__":
    main()
