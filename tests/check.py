"""The one gate: lint, format, types, layers, then all tests; stops at the first failure.

``python tests/check.py`` runs everything, the tests in two processes; arguments go to
pytest instead.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from support import (  # of this script's folder
    CLIENTS,
    OLD_KERNEL,
    ROOT,
    WITHOUT_CLIENTS,
    WITHOUT_OLD_KERNEL,
)

BIN = Path(sys.executable).parent

# A file's tests stay together: they share kernels, browsers and the cells of a notebook.
# In the order of `testpaths` what takes longest comes first, and neither ends alone.
IN_TWO = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
STEPS = [
    [sys.executable, "-m", "ruff", "check", "grok_nb", "tests"],
    [sys.executable, "-m", "ruff", "format", "--check", "grok_nb", "tests"],
    [sys.executable, "-m", "mypy"],
    [str(BIN / "lint-imports")],
    [sys.executable, "-m", "pytest", *(sys.argv[1:] or IN_TWO)],
]
# Some 300 tests start Python anew; without this each would compile all our files again.
ENVIRON = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def main() -> int:
    for python, what in ((OLD_KERNEL, WITHOUT_OLD_KERNEL), (CLIENTS, WITHOUT_CLIENTS)):
        if not python.exists():
            print(f"Left out (skipped below): {what}.", flush=True)
    for step in STEPS:
        name = " ".join([Path(step[0]).name, *step[1:]])
        print(f"$ {name}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(step, cwd=ROOT, env=ENVIRON, check=False).returncode
        if code:
            print(f"{name}: failed after {time.monotonic() - begun:.0f} s")
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
