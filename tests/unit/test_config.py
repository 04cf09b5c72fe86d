"""Settings: who wins, what is refused, and a key that nothing shows."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from hypothesis import given
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


def test_the_key_comes_from_argument_or_environment_only(tmp_path: Path) -> None:
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
        assert "XAI_API_KEY" in caught.value.hint
        assert "sandbox" in caught.value.hint
    assert resolved({"api_key": "  "}).api_key is None


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
    ({"timeout_s": 0}, {}, "timeout_s"),
    ({"timeout_s": -1}, {}, "timeout_s"),
    ({"timeout_s": float("nan")}, {}, "timeout_s"),
    ({"timeout_s": True}, {}, "timeout_s"),
    ({"timeout_s": "60"}, {}, "timeout_s"),
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
