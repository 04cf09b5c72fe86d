"""A known key shows nowhere after a session full of failures; a planted one is found."""

import json
import traceback
from pathlib import Path

import pytest

from tests.support import break_it

KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"
#: Parts of the key count, too; "xai-" alone is no secret.
PIECES = [KEY[4:][i : i + 8] for i in range(len(KEY) - 11)]

FAILURES = [
    {"do": "400", "nth": 1, "message": f"Incorrect API key provided: {KEY}."},
    {"do": "401", "nth": 2, "message": "Incorrect API key: Kq7Z***sD4f"},
    {"do": "403", "nth": 3, "message": f"token {KEY} has no permission"},
    {"do": "404", "nth": 4},
    {"do": "422", "nth": 5, "message": f"header Authorization: Bearer {KEY}"},
    {"do": "429-credit", "nth": 6},
    {"do": "html", "nth": 7, "status": 403},
    {"do": "500", "nth": 8, "message": KEY},
    {"do": "500", "nth": 9, "message": KEY},
    {"do": "500", "nth": 10, "message": KEY},
    {"do": "reset", "nth": 11},
    {"do": "reset", "nth": 12},
    {"do": "reset", "nth": 13},
    {"do": "cut-stream", "nth": 14},
    {"do": "error-in-stream", "nth": 15, "after": 70, "message": f"bad key {KEY}"},
]

LOGGING = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename={log!r})
logging.captureWarnings(True)
import grok_nb as gn
"""
EVERYTHING = """
import inspect, traceback
seen = []
def walk(value, depth=0):
    if id(value) in seen or depth > 6: return
    seen.append(id(value))
    print(repr(value)[:2000], str(value)[:2000])
    fields = getattr(value, '__dict__', None) or {}
    slots = [s for c in type(value).__mro__ for s in getattr(c, '__slots__', ())]
    for name in [*fields, *slots]:
        if name == '_value': continue          # the one place where the key is
        if not str(type(value).__module__).startswith('grok_nb'): continue
        walk(getattr(value, name, None), depth + 1)
g = gn.Grok()
walk(g); walk(g.settings); walk(gn.ask.__globals__.get('_default'))
print(g.settings, [g.settings], f'{g.settings.api_key}', vars(g))
"""


def found(text):
    return [piece for piece in [*PIECES, "Kq7Z***"] if piece in text]


@pytest.fixture
def session(kernel, sandbox, tmp_path):
    """Everything that a session full of failures shows and writes."""
    kernel.run(f"import os; os.environ['XAI_API_KEY'] = {KEY!r}; del os")
    kernel.run(LOGGING.format(log=str(tmp_path / "session.log")))
    break_it(sandbox, *({"match": "POST /v1/chat", **f} for f in FAILURES))
    cells = []
    for mode in ("Verbose", "Context", "Plain", "Minimal"):
        cells.append(kernel.run(f"%xmode {mode}"))
        for code in (
            "%%grok --stream\nCount to 100",
            "%grok hi",
            "gn.ask('hi')",
            "list(gn.stream('Count to 100'))",
        ):
            cells.append(kernel.run(code, watched=True))
    cells.append(kernel.run("%xmode Verbose"))
    away = "gn.Grok(base_url='http://127.0.0.1:9/v1', timeout_s=3)"
    cells.append(kernel.run(f"{away}.ask('hi', model='m')"))
    cells.append(kernel.run(f"{away}.models()"))
    cells.append(
        kernel.run("gn.Grok(api_key=__import__('os').environ['XAI_API_KEY'] + ' x')")
    )
    cells.append(kernel.run("gn.configure(timeout_s='x')"))
    cells.append(kernel.run(EVERYTHING))
    cells.append(kernel.run("gn.usage().to_csv()"))
    cells.append(kernel.run("%xmode Context"))
    failed = [c for c in cells if c.of("error")]
    assert len(failed) >= 12
    return kernel, cells


def everything(kernel, cells, folder: Path):
    texts = {
        f"cell {n}": json.dumps(c.messages, default=str) for n, c in enumerate(cells)
    }
    # what a front end sends in is the user's own doing
    for number, cell in enumerate(cells):
        kept = [m for m in cell.messages if m["msg_type"] != "execute_input"]
        texts[f"cell {number}"] = json.dumps(kept, default=str)
    for path in folder.rglob("*"):
        if path.is_file():
            texts[str(path.name)] = path.read_bytes().decode("utf-8", "replace")
    return {name: found(text) for name, text in texts.items() if found(text)}


def test_key_shows_nowhere(session, tmp_path):
    kernel, cells = session
    kernel.run("import logging; logging.shutdown()")
    assert (tmp_path / "session.log").stat().st_size > 1000
    assert (tmp_path / "store" / "grok_nb.sqlite").exists()
    assert everything(kernel, cells, tmp_path) == {}

    # the same look finds a key where one was planted
    (tmp_path / "planted.txt").write_text(f"prefix {KEY[4:]} suffix")
    shown = kernel.run(f"print('Bearer ' + {KEY!r})")
    found_now = everything(kernel, [*cells, shown], tmp_path)
    assert set(found_now) == {"planted.txt", f"cell {len(cells)}"}


def test_key_is_not_in_pickles_or_tracebacks_with_locals():
    import pickle

    import grok_nb as gn

    grok = gn.Grok(api_key=KEY, base_url="http://127.0.0.1:9/v1", store=":memory:")
    with pytest.raises(TypeError):
        pickle.dumps(grok.settings.api_key)
    try:
        grok.language_models()
    except gn.GrokError as error:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(whole.format())
    assert "language_models" in text  # our frames are in it, with their locals
    assert found(text) == []
    grok.close()
