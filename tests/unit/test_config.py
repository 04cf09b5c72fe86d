"""Settings: who wins, what is refused, and a key that nothing shows."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import ssl
import tempfile
import traceback
from pathlib import Path
from typing import Any

import dotenv
import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_nb import config
from grok_nb.config import BASE_URL, Secret, Settings, resolve, scrub
from grok_nb.errors import ConfigError

from .support import KEY


def resolved(
    arguments: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    folder: Path = Path("/"),
) -> Settings:
    return resolve(arguments, environ=environ or {}, folder=folder)


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_defaults() -> None:
    found = resolved()
    assert (found.api_key, found.model) == (None, None)
    assert found.base_url == "https://api.x.ai/v1"
    assert (found.stream, found.on_doubt, found.timeout_s) == ("auto", "retry", 3600)
    assert found.store == platformdirs.user_data_dir("grok_nb", appauthor=False)
    assert set(found.sources.values()) == {"default"}


PLACES = [
    ("model", "GROK_NB_MODEL", "a", "b", "c"),
    ("base_url", "XAI_BASE_URL", "http://a/v1", "http://b/v1", "http://c/v1"),
    ("store", "GROK_NB_STORE", "/a", "/b", "/c"),
    ("stream", "GROK_NB_STREAM", "on", "off", "auto"),
]


@pytest.mark.parametrize(("name", "variable", "one", "two", "three"), PLACES)
def test_argument_then_environment_then_project_file(
    name: str, variable: str, one: str, two: str, three: str, tmp_path: Path
) -> None:
    folder = project(tmp_path, f"[tool.grok_nb]\n{name} = {three!r}\n")
    for arguments, environ, wanted, source in [
        ({name: one}, {variable: two}, one, "argument"),
        ({name: None}, {variable: f" {two}\n"}, two, variable),
        ({}, {variable: "  "}, three, "pyproject.toml"),
        ({}, {}, three, "pyproject.toml"),
    ]:
        found = resolved(arguments, environ, folder)
        assert getattr(found, name) == wanted
        assert found.sources[name] == source


def test_text_is_kept_unless_argument_or_project_file_says_no(tmp_path: Path) -> None:
    assert resolved().keep_text is True
    folder = project(tmp_path, "[tool.grok_nb]\nkeep_text = false\n")
    assert resolved(folder=folder).keep_text is False
    assert resolved({"keep_text": True}, folder=folder).keep_text is True
    assert resolved({"keep_text": False}).keep_text is False


def test_the_key_comes_from_argument_or_environment(tmp_path: Path) -> None:
    found = resolved({"api_key": KEY}, {"XAI_API_KEY": "xai-other00"})
    assert found.require_key().reveal() == KEY
    found = resolved({}, {"XAI_API_KEY": f" {KEY}\n"})
    assert found.require_key().reveal() == KEY
    assert found.sources["api_key"] == "XAI_API_KEY"
    assert resolved({"api_key": Secret(KEY)}).require_key() == Secret(KEY)
    folder = project(tmp_path, f'[tool.grok_nb]\napi_key = "{KEY}"\n')
    with pytest.raises(ConfigError, match="api_key") as caught:
        resolved(folder=folder)
    assert "never belongs" in caught.value.hint
    assert KEY not in f"{caught.value!r}{caught.value.hint}"


def test_the_nearest_project_file_counts(tmp_path: Path) -> None:
    project(tmp_path, '[tool.grok_nb]\nmodel = "outer"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert resolved(folder=inner).model == "outer"
    project(tmp_path / "a", "[project]\nname = 'x'\n")
    assert resolved(folder=inner).model is None


def test_no_key_says_how_to_set_one() -> None:
    for environ in ({}, {"XAI_API_KEY": ""}, {"XAI_API_KEY": " \n"}):
        with pytest.raises(ConfigError, match="No API key") as caught:
            resolved({}, environ).require_key()
        for way in ("XAI_API_KEY", ".env", "Colab", "keyring", "%grok_key", "sandbox"):
            assert way in caught.value.hint
    assert resolved({"api_key": "  "}).api_key is None


# -- verify ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "environ", "written", "wanted", "source"),
    [
        (None, {}, None, True, "default"),
        (True, {}, None, True, "default"),
        (False, {"SSL_CERT_FILE": "/f"}, None, False, "argument"),
        ("/a", {"SSL_CERT_FILE": "/f"}, "'/p'", "/a", "argument"),
        (Path("/a"), {}, None, "/a", "argument"),
        (None, {"SSL_CERT_FILE": "/f", "SSL_CERT_DIR": "/d"}, "'/p'", "/f", "FILE"),
        (None, {"SSL_CERT_DIR": "/d"}, "false", "/d", "SSL_CERT_DIR"),
        (None, {}, "'/p'", "/p", "pyproject.toml"),
        (None, {}, "false", False, "pyproject.toml"),
        # "check as usual" leaves it to the environment to say whom to trust
        (True, {"SSL_CERT_FILE": "/f"}, "false", "/f", "SSL_CERT_FILE"),
        (True, {}, "false", True, "default"),
        (None, {}, "true", True, "pyproject.toml"),
    ],
)
def test_whom_to_trust(
    argument: Any,
    environ: dict[str, str],
    written: str | None,
    wanted: Any,
    source: str,
    tmp_path: Path,
) -> None:
    if written:
        project(tmp_path, f"[tool.grok_nb]\nverify = {written}\n")
    found = resolved({"verify": argument}, environ, tmp_path)
    assert found.verify == wanted
    assert found.sources["verify"].endswith(source)


def test_a_context_of_one_s_own_is_kept_as_it_is() -> None:
    context = ssl.create_default_context()
    assert resolved({"verify": context}).verify is context


# -- .env ------------------------------------------------------------------------------


def env_file(folder: Path, text: str, **options: Any) -> Path:
    (folder / ".env").write_text(text, encoding="utf-8", **options)
    return folder


def test_the_key_may_lie_in_an_env_file(tmp_path: Path) -> None:
    before = dict(os.environ)
    env_file(tmp_path, f"OTHER=1\nXAI_API_KEY={KEY}\n")
    found = resolved(folder=tmp_path)
    assert found.require_key().reveal() == KEY
    assert found.sources["api_key"] == ".env"
    assert resolved({"api_key": "xai-a"}, folder=tmp_path).sources["api_key"] == (
        "argument"
    )
    other = resolved({}, {"XAI_API_KEY": "xai-b"}, tmp_path)
    assert (other.require_key().reveal(), other.sources["api_key"]) == (
        "xai-b",
        "XAI_API_KEY",
    )
    assert dict(os.environ) == before  # nothing is exported


def test_a_changed_env_file_is_noticed(tmp_path: Path) -> None:
    for key in ("xai-one", "xai-two"):
        env_file(tmp_path, f"XAI_API_KEY={key}")
        assert resolved(folder=tmp_path).require_key().reveal() == key


def test_an_env_file_s_address_counts_with_its_key_only(tmp_path: Path) -> None:
    """A key from elsewhere is never sent where a file says that came with a clone."""
    env_file(tmp_path, f"XAI_BASE_URL=http://theirs/v1\nXAI_API_KEY={KEY}")
    found = resolved(folder=tmp_path)
    assert (found.base_url, found.sources["base_url"]) == ("http://theirs/v1", ".env")
    for arguments, environ in (
        ({"api_key": KEY}, {}),
        ({}, {"XAI_API_KEY": KEY}),
    ):
        assert resolved(arguments, environ, tmp_path).base_url == BASE_URL
    found = resolved({}, {"XAI_BASE_URL": "http://mine/v1"}, tmp_path)
    assert found.base_url == "http://mine/v1"
    env_file(tmp_path, "XAI_BASE_URL=http://theirs/v1\nXAI_API_KEY=\n")
    assert resolved(folder=tmp_path).base_url == BASE_URL


def test_no_other_variable_of_an_env_file_counts(tmp_path: Path) -> None:
    text = f"XAI_API_KEY={KEY}\nGROK_NB_MODEL=m\nGROK_NB_STORE=/x\n"
    found = resolved(folder=env_file(tmp_path, text))
    assert (found.model, found.sources["store"]) == (None, "default")


@pytest.mark.parametrize("mark", [".git", "pyproject.toml", None])
def test_an_env_file_is_looked_for_up_to_the_project_s_folder(
    mark: str | None, tmp_path: Path
) -> None:
    env_file(tmp_path, f"XAI_API_KEY={KEY}")
    inner = tmp_path / "project" / "notebooks"
    inner.mkdir(parents=True)
    if mark:
        (inner.parent / mark).touch()
    assert (resolved(folder=inner).api_key is None) == bool(mark)
    env_file(inner.parent, "XAI_API_KEY=xai-nearest")
    assert resolved(folder=inner).require_key().reveal() == "xai-nearest"


def test_an_env_file_above_the_home_folder_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    env_file(tmp_path, "XAI_API_KEY=xai-planted")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert resolved(folder=home / "work").api_key is None
    env_file(home, f"XAI_API_KEY={KEY}")
    assert resolved(folder=home / "work").require_key().reveal() == KEY


def test_an_env_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00XAI_API_KEY=xai-a")
    assert resolved(folder=tmp_path).api_key is None
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert resolved(folder=tmp_path).api_key is None
    (tmp_path / ".env").rmdir()
    if hasattr(os, "mkfifo"):  # some password managers make one; it would block
        os.mkfifo(tmp_path / ".env")
        assert resolved(folder=tmp_path).api_key is None


@pytest.mark.parametrize(
    ("value", "said"), [("xai-a b", "space"), ("${OTHER}", "another variable")]
)
def test_a_key_of_an_env_file_that_cannot_be_right_is_told_and_not_shown(
    value: str, said: str, tmp_path: Path
) -> None:
    env_file(tmp_path, f"XAI_API_KEY='{value}{KEY}'")
    with pytest.raises(ConfigError, match=said) as caught:
        resolved(folder=tmp_path)
    assert "(.env)" in str(caught.value)
    assert KEY[4:] not in shown(caught.value)


LINES = [
    "XAI_API_KEY=xai-a",
    "  export   XAI_API_KEY = xai-a  # why",
    "XAI_API_KEY='xai-a'",
    'XAI_API_KEY="xai-a"   # why',
    "XAI_API_KEY=xai-a#b",
    "# XAI_API_KEY=xai-a",
    "NOT_XAI_API_KEY=xai-a",
    "XAI_API_KEYS=xai-a",
    "XAI_API_KEY",
    "XAI_API_KEY=",
    "XAI_API_KEY= # nothing",
    "XAI_API_KEY=#nothing",
    "XAI_API_KEY=''",
    "XAI_API_KEY=xai-a\nXAI_API_KEY=xai-b",
    "XAI_API_KEY=xai-a\nXAI_API_KEY=",
    "\ufeffXAI_API_KEY=xai-a",
    "A=1\r\nXAI_API_KEY=xai-a\r\n",
]


def as_dotenv_reads(path: Path) -> str | None:
    found = dotenv.dotenv_values(path, encoding="utf-8-sig", interpolate=False)
    return found.get("XAI_API_KEY") or None


def as_we_read(folder: Path) -> str | None:
    key = resolved(folder=folder).api_key
    return key and key.reveal()


@pytest.mark.parametrize("text", LINES)
def test_an_env_file_is_read_as_python_dotenv_does(text: str, tmp_path: Path) -> None:
    env_file(tmp_path, text, newline="")
    assert as_we_read(tmp_path) == as_dotenv_reads(tmp_path / ".env")


_pieces = st.sampled_from(["xai-", "Kq7", "9_-", "/", ":", "=", ".", "#"])
_blank = st.sampled_from(["", " ", "  ", "\t"])
_value = st.lists(_pieces, max_size=5).map("".join)
_comment = st.sampled_from(["", " # why", "\t#", " #a=b"])
_line = st.one_of(
    st.tuples(
        _blank,
        st.sampled_from(["", "export "]),
        st.sampled_from(["XAI_API_KEY", "XAI_API_KEY_2", "OTHER", "MY_XAI_API_KEY"]),
        _blank,
        st.just("="),
        _blank,
        _value | _value.map("'{}'".format) | _value.map('"{}"'.format),
        _comment,
    ).map("".join),
    st.sampled_from(["", "# a comment", "export OTHER=1", "# XAI_API_KEY=xai-x"]),
)


@settings(max_examples=500)
@given(st.lists(_line, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_any_env_file_is_read_as_python_dotenv_does(
    lines: list[str], newline: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "pyproject.toml").touch()
        env_file(path, newline.join(lines), newline="")
        assert as_we_read(path) == as_dotenv_reads(path / ".env")


WRONG: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"modle": "x"}, {}, "modle"),
    ({"api_key": 5}, {}, "must be text"),
    ({"api_key": "xai-a b"}, {}, "space"),
    ({"api_key": "xai-ä"}, {}, "non-ASCII"),
    ({"api_key": "xai-a\nb"}, {}, "line break"),
    ({}, {"XAI_API_KEY": "xai-a\tb"}, "XAI_API_KEY"),
    ({"base_url": "api.x.ai/v1"}, {}, "api.x.ai/v1"),
    ({"base_url": "ftp://x/v1"}, {}, "ftp"),
    ({"base_url": "https://"}, {}, "address"),
    ({"base_url": "https://x:99999/v1"}, {}, "address"),
    ({"base_url": "https://x y/v1"}, {}, "address"),
    ({"base_url": "https://[::1/v1"}, {}, "address"),
    ({"base_url": "https://x/v1?a=b"}, {}, "address"),
    ({"base_url": "https://x/v1#a"}, {}, "address"),
    ({"base_url": 5}, {}, "must be text"),
    ({}, {"XAI_BASE_URL": "x"}, "XAI_BASE_URL"),
    ({"model": 5}, {}, "model"),
    ({"model": " "}, {}, "model"),
    ({"store": 5}, {}, "store"),
    ({"stream": "yes"}, {}, "stream"),
    ({"stream": True}, {}, "stream"),
    ({}, {"GROK_NB_STREAM": "maybe"}, "GROK_NB_STREAM"),
    ({"on_doubt": "ask"}, {}, "on_doubt"),
    ({"keep_text": "no"}, {}, "keep_text"),
    ({"keep_text": 0}, {}, "keep_text"),
    ({"timeout_s": 0}, {}, "timeout_s"),
    ({"timeout_s": -1}, {}, "timeout_s"),
    ({"timeout_s": float("nan")}, {}, "timeout_s"),
    ({"timeout_s": True}, {}, "timeout_s"),
    ({"timeout_s": "60"}, {}, "timeout_s"),
    ({"verify": 1}, {}, "verify"),
    ({"verify": " "}, {}, "verify"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_wrong_setting_is_named(number: int) -> None:
    arguments, environ, named = WRONG[number]
    with pytest.raises(ConfigError) as caught:
        resolved(arguments, environ)
    assert named in f"{caught.value} {caught.value.hint}"


FILES: list[tuple[str, str]] = [
    ("[tool.grok_nb]\nmodle = 'x'", "modle"),
    ("[tool.grok_nb]\nmodel = 5", "pyproject.toml"),
    ("[tool.grok_nb]\ntimeout_s = '60'", "timeout_s"),
    ("[tool.grok_nb]\nmodel = ", "not valid TOML"),
    ("# tool.grok_nb\n[tool]\ngrok_nb = 5", "tool.grok_nb"),
]


@pytest.mark.parametrize("number", range(len(FILES)))
def test_a_wrong_project_file_is_told(number: int, tmp_path: Path) -> None:
    text, named = FILES[number]
    with pytest.raises(ConfigError) as caught:
        resolved(folder=project(tmp_path, text))
    assert named in f"{caught.value} {caught.value.hint}"


def test_a_project_file_of_others_is_not_ours_to_judge(tmp_path: Path) -> None:
    broken, other = b"= broken", b"[tool.other]\nmodel = 5"
    for raw in (broken, b"\xff\xfe", other, b"# tool.grok_nb\ntool = 5"):
        (tmp_path / "pyproject.toml").write_bytes(raw)
        assert resolved(folder=tmp_path).model is None


def test_values_are_brought_into_form() -> None:
    found = resolved(
        {"base_url": " http://x:1/v1/ ", "store": Path("~/x"), "timeout_s": 5}
    )
    assert found.base_url == "http://x:1/v1"
    assert found.store == str(Path("~/x").expanduser())
    assert found.timeout_s == 5.0
    assert resolved({"store": ":memory:"}).store == ":memory:"
    assert resolved({"base_url": BASE_URL}).base_url == BASE_URL


def test_the_environment_is_the_process_s_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GROK_NB_MODEL", "from-environment")
    assert resolve().model == "from-environment"


# -- the key ---------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """What a traceback with variables shows from our frames, and the error itself."""
    trace = error.__traceback__
    while trace is not None and "/grok_nb/" not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    found = traceback.TracebackException(type(error), error, trace, capture_locals=True)
    return "".join(found.format()) + repr(error) + repr(vars(error))


def test_a_secret_is_shown_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(KEY)
    logging.getLogger("test").warning("%s %r", secret, secret)
    settings = resolved({"api_key": KEY})
    for text in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!s:>40}",
        f"{secret}{[secret]}{ {secret: secret} }",
        repr(settings),
        str(settings),
        repr(settings.sources),
        caplog.text,
    ):
        assert "<key>" in text or text == repr(settings.sources)
        assert KEY[4:] not in text
    assert secret.reveal() == KEY  # what the others are searched for is there
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_neither_pickled_nor_copied() -> None:
    for thing in (Secret(KEY), resolved({"api_key": KEY})):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="never pickled"):
                pickle.dumps(thing, protocol)
        with pytest.raises(TypeError, match="never pickled"):
            copy.deepcopy(thing)


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": f"{KEY} {KEY}"},
        {"api_key": f"{KEY}ä"},
        {"api_key": KEY, "timeout_s": -1},
        {"api_key": KEY, "stream": "x"},
        {"api_key": KEY, "modle": "x"},
    ],
)
def test_a_wrong_setting_never_shows_the_key(arguments: dict[str, Any]) -> None:
    hidden = {**arguments, "api_key": config.hidden(arguments["api_key"])}
    with pytest.raises(ConfigError) as caught:
        resolved(hidden)
    assert KEY[4:] not in shown(caught.value)


def test_a_key_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"x \[key\]"):
        resolved({"base_url": f"x {KEY}"})


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    """The HTTP library would send it in place of the key."""
    with pytest.raises(ConfigError, match="user or password") as caught:
        resolved({"base_url": "https://me:hush@x/v1"})
    assert "hush" not in f"{caught.value!r}{caught.value.hint}"


def test_a_wrong_setting_shows_no_key_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XAI_API_KEY", KEY)
    monkeypatch.setenv("GROK_NB_STREAM", "maybe")
    with pytest.raises(ConfigError) as caught:
        resolve()
    assert KEY[4:] not in shown(caught.value)
    assert "maybe" in shown(caught.value)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"a {KEY} b", "a [key] b"),
        (f"{KEY}{KEY}", "[key][key]"),
        ("xai-abcdef and xai-ABC_d-9", "[key] and [key]"),
        ("Incorrect API key provided: xa***ey.", "Incorrect API key provided: [key]."),
        (f"{KEY[:14]}...{KEY[-6:]}, xai-…a1b2", "[key], [key]"),
        (f"begins {KEY[:12]} and ends {KEY[-8:]}", "begins [key] and ends [key]"),
        ("plain token: hush-hush", "plain token: [key]"),
        ("xai-doc, grok-4.7, 2**3, **bold**", "xai-doc, grok-4.7, 2**3, **bold**"),
    ],
)
def test_scrub_hides_keys_and_nothing_else(text: str, clean: str) -> None:
    secret = Secret("hush-hush") if "hush" in text else Secret(KEY)
    assert scrub(text, secret) == clean


@given(st.text(max_size=40), st.text(max_size=40))
def test_scrub_leaves_no_key_wherever_it_stands(before: str, after: str) -> None:
    assert KEY not in scrub(before + KEY + after, Secret(KEY))
    assert KEY[4:] not in scrub(before + KEY + after)
