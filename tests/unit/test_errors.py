"""The tree of errors: who is whose kind, and what each one carries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from grok_nb import errors
from grok_nb.errors import (
    ApiError,
    BadRequest,
    ConnectionFailed,
    GrokError,
    MissingExtra,
    StreamError,
    TimedOut,
)

#: PRODUCT.md section 10
DOCUMENTED = [
    "BadRequest",
    "Unauthorized",
    "Forbidden",
    "NoCredit",
    "NotFound",
    "Gone",
    "RateLimited",
    "ServerFault",
    "ConnectionFailed",
    "TimedOut",
    "StreamError",
    "InDoubt",
    "BudgetExceeded",
    "NotRecorded",
    "Truncated",
    "Refused",
    "SchemaMismatch",
    "OptionError",
    "ConfigError",
    "MissingExtra",
]
OF_THE_API = DOCUMENTED[:8]


def test_every_documented_error_is_there_and_in_the_tree() -> None:
    for name in DOCUMENTED:
        kind = getattr(errors, name)
        assert issubclass(kind, GrokError)
        assert issubclass(kind, ApiError) == (name in OF_THE_API)
        assert kind.__doc__
    assert sorted([*DOCUMENTED, "ApiError", "GrokError"]) == errors.__all__
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


def test_kinds_that_others_catch() -> None:
    assert issubclass(errors.OptionError, UsageError)
    assert issubclass(MissingExtra, ImportError)
    assert issubclass(TimedOut, ConnectionFailed)
    assert not issubclass(GrokError, UsageError)
    assert not issubclass(StreamError, ConnectionFailed)


def test_an_unknown_error_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        errors.Nonsense  # noqa: B018


def test_the_hint_is_a_note_and_not_in_the_message() -> None:
    error = GrokError("It broke.", hint="Mend it.")
    assert (str(error), error.hint, error.__notes__) == (
        "It broke.",
        "Mend it.",
        ["Mend it."],
    )
    assert not hasattr(GrokError("It broke."), "__notes__")
    assert error.reply is None


def test_an_api_error_carries_what_came() -> None:
    error = BadRequest(
        "x", status=400, code="invalid-argument", request_id="r", body="b", hint="h"
    )
    assert (error.status, error.code, error.request_id) == (
        400,
        "invalid-argument",
        "r",
    )
    assert (error.body, error.hint) == ("b", "h")
    empty = BadRequest("x")
    assert (empty.status, empty.code, empty.request_id, empty.body) == (None,) * 4


def test_a_connection_error_says_whether_it_was_sent() -> None:
    assert ConnectionFailed("x", sent=False).sent is False
    assert TimedOut("x", sent=True).sent is True


def test_an_option_error_is_one_line_in_a_cell() -> None:
    error = errors.OptionError("No.", hint="Yes.")
    assert error._render_traceback_() == ["OptionError: No. Yes."]


def test_errors_load_without_ipython() -> None:
    code = (
        "import sys, grok_nb.errors as e; e.BadRequest;"
        "assert 'IPython' not in sys.modules; e.OptionError;"
        "assert 'IPython' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_documentation_explains_every_error():
    folder = Path(__file__).parents[2] / "notebooks"
    book = json.loads((folder / "02-when-things-go-wrong.ipynb").read_text("utf-8"))
    table = "".join(book["cells"][-1]["source"])
    rows = re.findall(r"^\| `(\w+)` \| (\S.*) \| (\S.*) \|$", table, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(
        {*errors.__all__} - {"GrokError"}
    )
