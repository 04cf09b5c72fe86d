"""``grok-nb store`` as a user runs it, beside a session that goes on asking."""

import csv
import json
import os
import pty
import subprocess
import sys

import pytest

import grok_nb as gn
from grok_nb.store import db
from tests.support import break_it

CANARY = "canary-5a9db0c5"
COMMAND = [sys.executable, "-m", "grok_nb.cli", "store"]


def tool(*arguments, code=0, **options):
    """Run it without a terminal; return what it said."""
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("XAI_", "GROK_NB_"))
    }
    environment |= options.pop("env", {})
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        **{"stdin": subprocess.DEVNULL, "env": environment, **options},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def on_terminal(answer, *arguments):
    """Run it on a terminal, type an answer; return exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answer)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(30), shown.decode()


def on_disk(folder):
    """Return every byte of the folder, of logs also.

    Read by another process: one that closes a file drops all of its own locks on it,
    those of SQLite, too, and the next purge would not know that somebody is there.
    """
    code = """if True:
    import pathlib, sys
    for path in pathlib.Path(sys.argv[1]).rglob("*"):
        sys.stdout.buffer.write(path.read_bytes() if path.is_file() else b"")
    """
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture
def grok(sandbox, tmp_path):
    folder = tmp_path / "store"
    with gn.Grok(
        api_key=sandbox.key, base_url=sandbox.base_url, store=folder, model="grok-4.7"
    ) as session:
        yield session
    db.forget(str(folder))


def rows(grok):
    return len(grok.ledger.rows())


def test_everything_about_the_store_can_be_done_beside_an_open_session(
    sandbox, grok, tmp_path
):
    folder = tmp_path / "store"
    assert "Nothing is stored" in tool("sizes", "--store", folder)
    break_it(sandbox, {"do": "400", "nth": 2, "message": f"You wrote {CANARY}"})
    grok.ask("What is 6*7?")
    with pytest.raises(gn.GrokError):
        grok.ask(f"Mind the {CANARY}")
    assert rows(grok) == 2
    assert CANARY.encode() in on_disk(folder)

    said = tool("sizes", "--by", "month", env={"GROK_NB_STORE": str(folder)})
    assert ["calls", "2"] in [line.split()[:2] for line in said.splitlines()]
    assert "month" in said

    assert "2 rows" in tool("--store", folder, "export", tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["done", "failed"]
    assert "--force" in tool("export", tmp_path / "a.jsonl", "--store", folder, code=1)
    assert "2 rows" in tool("export", tmp_path / "a.csv", "--store", folder, "--force")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as text:
        assert [row["model"] for row in csv.DictReader(text)] == ["grok-4.7"] * 2

    purge = ("purge", "--store", folder)
    assert "does not know what" in tool(*purge, code=1)
    assert "--all alone" in tool(*purge, "--all", "--run", "x", code=1)
    assert "no age" in tool(*purge, "--older-than", "soon", code=2)
    assert "0 rows" in tool(*purge, "--older-than", "12h", "--yes")
    assert "2 rows" in tool(*purge, "--older-than", "2099-01-01", "--dry-run")
    assert "no terminal" in tool(*purge, "--all", code=1)
    assert rows(grok) == 2
    assert "Deleted: 2 rows" in tool(*purge, "--all", "--yes")
    assert rows(grok) == 0
    assert CANARY.encode() not in on_disk(folder)
    grok.ask("What is 6*7?")
    assert rows(grok) == 1


def test_purge_asks_on_a_terminal(grok, tmp_path):
    grok.ask("hi")
    assert rows(grok) == 1
    purge = ("purge", "--all", "--store", tmp_path / "store")
    for no in (b"\n", b"no\n", b"y\n", b"\x04"):
        code, shown = on_terminal(no, *purge)
        assert code == 1
        assert "Nothing was deleted" in shown
        assert rows(grok) == 1
    code, shown = on_terminal(b"yes\n", *purge)
    assert (code, rows(grok)) == (0, 0)
    assert "To delete" in shown


def test_store_in_memory_has_nothing_to_show(tmp_path):
    assert "memory only" in tool("sizes", "--store", ":memory:", code=1)


def test_text_of_prompts_is_kept_out_of_the_file_when_asked(sandbox, tmp_path):
    def ask_all(folder, **settings):
        with gn.Grok(
            api_key=sandbox.key,
            base_url=sandbox.base_url,
            store=folder,
            model="grok-4.7",
            **settings,
        ) as grok:
            assert CANARY in grok.ask(f"Echo {CANARY}").text
            assert CANARY in "".join(e.delta for e in grok.stream(f"Echo {CANARY}"))
            content = [{"type": CANARY, "text": "x"}]
            with pytest.raises(gn.GrokError, match=CANARY):
                grok.chat_completion([{"role": "user", "content": content}])
            assert rows(grok) == 3
            found = on_disk(folder)
        db.forget(str(folder))
        return found + on_disk(folder)

    without = ask_all(tmp_path / "without", keep_text=False)
    assert CANARY.encode() not in without
    assert b"BadRequest 422" in without
    # the sandbox's 422 quotes what was sent
    assert CANARY.encode() in ask_all(tmp_path / "with")


def test_the_default_session_keeps_text_out_when_configured(sandbox, tmp_path):
    gn.configure(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        store=tmp_path,
        model="grok-4.7",
        keep_text=False,
    )
    try:
        break_it(sandbox, {"do": "400", "message": CANARY})
        with pytest.raises(gn.GrokError, match=CANARY):
            gn.ask(CANARY)
        assert list(gn.usage()["error"]) == ["BadRequest 400 invalid-argument"]
        assert CANARY.encode() not in on_disk(tmp_path)
    finally:
        gn.configure(
            api_key=None, base_url=None, store=None, model=None, keep_text=None
        )
        db.forget(str(tmp_path))
