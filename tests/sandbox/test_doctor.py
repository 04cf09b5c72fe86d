"""What ``gn.doctor()`` and ``grok-nb doctor`` find, each over real sockets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

import grok_nb as gn
from grok_nb.show.render import checks_bundle

from ..support import bills, break_it, requests
from .tls import KNOWN, TlsServer, Tunnel, context_of, serving

ROOT = Path(__file__).parent.parent.parent
KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"
PIECES = [KEY[4:][i : i + 6] for i in range(len(KEY) - 9)]
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def key_in(text):
    return [piece for piece in [*PIECES, "zz9q"] if piece in text]


@pytest.fixture
def look(monkeypatch, tmp_path):
    """Run the doctor with these variables; return its checks by name."""
    for name in list(os.environ):
        is_ours = name.startswith(("XAI_", "GROK_NB_", "SSL_CERT"))
        if is_ours or name.upper() in NETWORK:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROK_NB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XAI_API_KEY", KEY)

    def doctor(timeout_s=10, **variables):
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name)
            else:
                monkeypatch.setenv(name, str(value))
        found = gn.doctor(timeout_s=timeout_s)
        shown = [repr(found), str(found), json.dumps(found.as_dict())]
        shown += found._repr_mimebundle_().values()
        assert key_in("".join(shown)) == []
        assert key_in(f"{shown} {KEY[9:]}")  # one that was planted is found
        names = [check.name for check in found.checks]
        assert len(names) == len(set(names))
        assert found.ok == all(c.state != "problem" for c in found.checks)
        for check in found.checks:
            assert check.hint or check.state != "problem", check
        return {check.name: check for check in found.checks}

    yield doctor
    monkeypatch.undo()
    gn.configure(verify=None)


def problems(checks):
    return [name for name, check in checks.items() if check.state == "problem"]


def test_all_is_well_with_the_sandbox(look, sandbox, tmp_path):
    checks = look(XAI_BASE_URL=sandbox.base_url)
    assert list(checks) == [
        *("versions", "python", "front end", "key", "store", "address"),
        *("certificates", "connection", "API", "model"),
    ]
    assert problems(checks) == []
    assert f"grok_nb {gn.__version__}, httpx 0" in checks["versions"].what
    assert checks["key"].what == "found (XAI_API_KEY), in the form of xAI's keys"
    assert checks["address"].what == f"{sandbox.base_url} (XAI_BASE_URL)"
    assert checks["API"].state == "note"  # nothing ever pretends to be Grok
    assert "the sandbox answers, not Grok" in checks["API"].what
    assert checks["model"].what.startswith("grok-")
    assert f"{tmp_path / 'store'} (GROK_NB_STORE), empty" in checks["store"].what
    paths = [request["path"] for request in requests(sandbox)]
    assert paths == ["/v1/api-key", "/v1/language-models"]
    assert [call for call in bills(sandbox) if call["billed"]] == []


def test_a_management_key_is_a_line_and_never_shown(look, sandbox):
    planted = "planted0123456789management"
    checks = look(XAI_BASE_URL=sandbox.base_url, XAI_MANAGEMENT_KEY=planted)
    line = checks["management key"]
    assert (line.state, line.what) == (
        "ok",
        "found (XAI_MANAGEMENT_KEY), for https://management-api.x.ai",
    )
    assert planted[:8] not in repr(checks)
    # nobody asks there: that the key is right is not what doctor tells
    assert planted not in repr(requests(sandbox))


def test_the_ledger_s_size_is_told(look, sandbox):
    look(XAI_BASE_URL=sandbox.base_url)
    gn.ask("hi")
    gn.usage()
    assert "MB" in look()["store"].what


def test_it_shows_as_text_and_as_a_table(look, sandbox):
    look(XAI_BASE_URL=sandbox.base_url)
    found = gn.doctor()
    assert repr(found) == "<grok_nb checkup: all well, 1 note>"
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == str(found)
    assert str(found).startswith("grok_nb: all well, 1 note\nok       versions")
    assert bundle["text/html"].count("<tr>") == len(found.checks)


def test_html_of_what_others_say_is_escaped(look, sandbox):
    hostile = "<script>alert(1)</script><img src=x onerror=y>"
    fault = {"match": "GET /v1/api-key", "rate": 1, "do": "400", "message": hostile}
    break_it(sandbox, fault)
    look(XAI_BASE_URL=sandbox.base_url)
    html = gn.doctor()._repr_mimebundle_()["text/html"]
    assert "alert(1)" in html
    assert "<script" not in html
    assert "<img" not in html
    rows = [tuple(f"<b>{i}&" for i in range(4))]
    assert "<b>" not in checks_bundle("<b>", rows)["text/html"]


def test_a_wrong_key_is_a_problem_and_no_part_of_it_shows(look, sandbox):
    wrong = f"xai-wrong{KEY[4:]}"
    checks = look(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=wrong)
    assert problems(checks) == ["API"]
    assert "xAI refused the API key" in checks["API"].what
    assert "XAI_API_KEY" in checks["API"].hint


def test_a_server_that_repeats_the_key_is_not_quoted(look, sandbox):
    said = f"Incorrect API key {KEY}, or {KEY[:14]}...{KEY[-6:]}"
    fault = {"match": "GET /v1/api-key", "rate": 1, "do": "401", "message": said}
    break_it(sandbox, fault)
    checks = look(XAI_BASE_URL=sandbox.base_url)
    assert problems(checks) == ["API"]
    assert "[key]" in checks["API"].what


def test_without_a_key_the_way_is_still_walked(look, sandbox):
    checks = look(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=None)
    assert problems(checks) == ["key"]
    for way in (".env", "Colab", "keyring", "%grok_key"):
        assert way in checks["key"].hint
    assert checks["connection"].state == "ok"
    assert checks["API"].what == "not asked: there is no key"
    assert requests(sandbox) == []


@pytest.mark.parametrize(
    ("key", "state", "said"),
    [
        (f"gateway-{KEY[4:]}", "note", "does not begin with xai-"),
        (f"'{KEY}'", "note", "does not begin with xai-"),
        (f"{KEY} {KEY}", "problem", "has a space"),
    ],
)
def test_a_key_s_form_is_looked_at(look, sandbox, key, state, said):
    checks = look(XAI_BASE_URL=sandbox.base_url, XAI_API_KEY=key)
    name = "key" if state == "note" else "settings"
    assert checks[name].state == state
    assert said in checks[name].what


def test_wrong_settings_are_a_line_and_no_exception(look):
    checks = look(GROK_NB_STREAM="maybe")
    assert problems(checks) == ["settings"]
    assert "GROK_NB_STREAM" in checks["settings"].what


def test_nothing_listens(look, sandbox):
    sandbox.stop()
    checks = look(XAI_BASE_URL=sandbox.base_url)
    assert problems(checks) == ["connection"]
    place = sandbox.base_url.split("/")[2]
    assert checks["connection"].what == f"{place}: Connection refused"
    assert "XAI_BASE_URL" in checks["connection"].hint
    assert "API" not in checks


def test_a_name_that_does_not_exist(look):
    checks = look(XAI_BASE_URL="https://nosuch.invalid/v1")
    assert problems(checks) == ["name"]
    assert checks["name"].what.startswith("nosuch.invalid was not found: ")
    assert "network" in checks["name"].hint


def test_a_server_that_never_answers_ends_the_walk(look, sandbox):
    break_it(sandbox, {"match": "GET /v1/api-key", "rate": 1, "do": "stall"})
    checks = look(XAI_BASE_URL=sandbox.base_url, timeout_s=1)
    assert problems(checks) == ["API"]
    assert "no answer within" in checks["API"].what
    assert "--timeout" in checks["API"].hint


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"do": "500"}, "the server failed (500)"),
        ({"do": "html", "status": 200}, "not as xAI's API does"),
        ({"do": "reset"}, "broke before the whole answer"),
        ({"do": "429-credit"}, "no credit"),
    ],
)
def test_what_the_api_says_instead_is_told(look, sandbox, fault, said):
    break_it(sandbox, {"match": "GET /v1/api-key", "rate": 1, **fault})
    checks = look(XAI_BASE_URL=sandbox.base_url)
    assert problems(checks) == ["API"]
    assert said in checks["API"].what


@pytest.mark.parametrize("status", ["404", "403"])
def test_where_the_key_cannot_be_looked_up_the_models_will_do(look, sandbox, status):
    break_it(sandbox, {"match": "GET /v1/api-key", "rate": 1, "do": status})
    assert problems(look(XAI_BASE_URL=sandbox.base_url)) == []


def test_a_model_that_does_not_exist(look, sandbox):
    checks = look(XAI_BASE_URL=sandbox.base_url, GROK_NB_MODEL="grok-none")
    assert problems(checks) == ["model"]
    assert "'grok-none' (GROK_NB_MODEL)" in checks["model"].what
    checks = look(GROK_NB_MODEL="grok-4.7")
    assert checks["model"].what == "grok-4.7 (GROK_NB_MODEL)"


@pytest.mark.parametrize("do", ["reset", "401", "html", "500"])
def test_a_model_that_cannot_be_looked_up_ends_nothing(look, sandbox, do):
    break_it(sandbox, {"match": "GET /v1/models", "rate": 1, "do": do, "status": 200})
    checks = look(XAI_BASE_URL=sandbox.base_url, GROK_NB_MODEL="grok-4.7")
    assert problems(checks) == []
    assert "not looked up" in checks["model"].what


def test_a_listing_that_the_key_may_not_read_is_a_problem(look, sandbox):
    break_it(sandbox, {"match": "GET /v1/language-models", "rate": 1, "do": "401"})
    checks = look(XAI_BASE_URL=sandbox.base_url)
    assert problems(checks) == ["model"]
    assert "refused the API key (401)" in checks["model"].what


# -- blocked, and what a key may do ----------------------------------------------------


@pytest.fixture
def plain():
    with serving(TlsServer(None)) as server:
        yield server


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"team_blocked": True}, "the key's team is blocked"),
        ({"api_key_blocked": True}, "the key is blocked"),
        ({"api_key_disabled": True, "api_key_blocked": True}, "is blocked and the key"),
    ],
)
def test_a_blocked_key_or_team(look, plain, changes, said):
    plain.known = {**KNOWN, **changes}
    checks = look(XAI_BASE_URL=f"http://127.0.0.1:{plain.port}/v1")
    assert problems(checks) == ["API"]
    assert said in checks["API"].what


def test_a_key_with_few_permissions(look, plain):
    plain.known = {**KNOWN, "acls": ["api-key:model:grok-4.7", "api-key:endpoint:*"]}
    checks = look(XAI_BASE_URL=f"http://127.0.0.1:{plain.port}/v1")
    assert problems(checks) == []
    assert checks["API"].state == "ok"
    assert checks["API"].what.startswith("answers, the key is right")
    assert checks["permissions"].what == "the key may only: api-key:model:grok-4.7"


# -- certificates and proxies ----------------------------------------------------------


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def test_certificates(look, authority, ca_file):
    context = context_of(authority.issue_cert("localhost"))
    with serving(TlsServer(context)) as server:
        base_url = f"https://localhost:{server.port}/v1"
        checks = look(XAI_BASE_URL=base_url)
        assert problems(checks) == ["TLS"]
        assert "the certificate of localhost was refused" in checks["TLS"].what
        assert "SSL_CERT_FILE" in checks["TLS"].hint
        assert "usual authorities (certifi 20" in checks["certificates"].what

        checks = look(SSL_CERT_FILE=ca_file)
        assert problems(checks) == []
        assert checks["certificates"].what == f"{ca_file} (SSL_CERT_FILE)"
        assert checks["TLS"].what.startswith("TLSv1.3, ")
        assert "certified by trustme" in checks["TLS"].what
        assert "localhost is " in checks["name"].what

        checks = look(XAI_BASE_URL=base_url.replace("localhost", "127.0.0.1"))
        assert problems(checks) == ["TLS"]
        assert "another name" in checks["TLS"].hint

        checks = look(SSL_CERT_FILE="/no/such/file.pem")
        assert problems(checks) == ["certificates"]
        assert "/no/such/file.pem (SSL_CERT_FILE)" in checks["certificates"].what

        gn.configure(verify=False)
        with pytest.warns(RuntimeWarning, match="No certificate is checked"):
            checks = look()
        assert problems(checks) == []
        assert checks["certificates"].state == "note"


def test_no_tls_where_it_is_expected(look, plain):
    checks = look(XAI_BASE_URL=f"https://127.0.0.1:{plain.port}/v1")
    assert problems(checks) == ["TLS"]
    assert "WRONG_VERSION_NUMBER" in checks["TLS"].what


def test_through_a_proxy(look, authority, ca_file):
    far = TlsServer(context_of(authority.issue_cert("grok.test")))
    with serving(far), serving(Tunnel(far.port)) as tunnel:
        place = f"127.0.0.1:{tunnel.port}"
        checks = look(
            XAI_BASE_URL="https://grok.test/v1",
            HTTPS_PROXY=f"http://me:hush-hush@{place}",
            SSL_CERT_FILE=ca_file,
        )
        shown = str(gn.doctor())
    assert problems(checks) == []
    assert checks["proxy"].what == f"http://{place}, with a password (HTTPS_PROXY)"
    assert checks["connection"].what.startswith(f"{place}, ")
    assert checks["API"].state == "ok"
    assert "hush" not in shown
    assert tunnel.seen[0] == []  # whether the proxy is there
    assert tunnel.seen[1][0] == "CONNECT grok.test:443 HTTP/1.1"


def test_a_proxy_that_refuses(look):
    with serving(Tunnel(9, b"407 Proxy Authentication Required")) as tunnel:
        checks = look(
            XAI_BASE_URL="https://grok.test/v1",
            HTTPS_PROXY=f"http://me:hush-hush@127.0.0.1:{tunnel.port}",
        )
    assert problems(checks) == ["API"]
    assert "did not connect to grok.test (407" in checks["API"].what
    assert "HTTPS_PROXY" in checks["API"].hint
    checks = look(HTTPS_PROXY="http://me:h/ush@x:1")
    assert problems(checks) == ["proxy"]
    assert "ush" not in checks["proxy"].what + checks["proxy"].hint


def test_a_key_sent_without_tls_is_noted(look):
    with serving(Tunnel(9, b"502 Bad Gateway")) as tunnel:
        checks = look(
            XAI_BASE_URL="http://grok.test/v1",
            HTTP_PROXY=f"http://127.0.0.1:{tunnel.port}",
        )
    assert checks["certificates"].state == "note"
    assert "readably" in checks["certificates"].what


# -- the store -------------------------------------------------------------------------


def test_a_store_that_cannot_be_written(look, sandbox, tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        checks = look(XAI_BASE_URL=sandbox.base_url, GROK_NB_STORE=folder)
        assert problems(checks) == ["store"]
        assert "cannot be written: Not a directory" in checks["store"].what
        assert "GROK_NB_STORE=FOLDER" in checks["store"].hint
        assert checks["API"].state == "note"  # the rest was looked at
    assert list(tmp_path.glob("**/.grok_nb-*")) == []


def test_a_store_in_memory_is_noted(look, sandbox):
    checks = look(XAI_BASE_URL=sandbox.base_url, GROK_NB_STORE=":memory:")
    assert checks["store"].state == "note"
    assert "ends with this process" in checks["store"].what


@pytest.mark.skipif(sys.platform != "linux", reason="read from Linux's mount table")

# -- the command line ------------------------------------------------------------------


def command(*arguments, **variables):
    environment = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("XAI_", "GROK_NB_")) and k.upper() not in NETWORK
    }
    done = subprocess.run(
        [sys.executable, "-m", "grok_nb.cli", "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**environment, "PYTHONPATH": str(ROOT), **variables},
    )
    assert key_in(done.stdout + done.stderr) == []
    return done


def test_the_command_s_exit_code_tells(sandbox, tmp_path):
    places = {"XAI_BASE_URL": sandbox.base_url, "GROK_NB_STORE": str(tmp_path)}
    done = command("--json", XAI_API_KEY=KEY, **places)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["ok"] is True
    assert {"name", "state", "what", "hint"} == set(said["checks"][0])
    done = command(**places)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("grok_nb: 1 problem, 1 note\n")
    assert "problem  key" in done.stdout
    assert "-> Set XAI_API_KEY" in done.stdout


def test_a_time_that_cannot_be_is_told():
    for wrong in ("0", "-1", "nan"):
        done = command("--timeout", wrong)
        assert done.returncode == 1
        assert "timeout_s must be above 0" in done.stderr
        assert "Traceback" not in done.stderr


def test_versions_are_read_without_loading_what_has_them(sandbox, tmp_path):
    code = (
        "import sys; from grok_nb.cli import main; main(['doctor'])\n"
        "print([n for n in ('pandas', 'IPython', 'ipywidgets', 'jupyterlab')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XAI_API_KEY": KEY,
            "XAI_BASE_URL": sandbox.base_url,
            "GROK_NB_STORE": str(tmp_path),
        },
    )
    assert done.stdout.endswith("\n[]\n")
    assert "pandas " in done.stdout
