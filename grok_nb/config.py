"""Settings, and the one function that reads environment and files for them."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

from grok_nb.errors import ConfigError, GrokError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

BASE_URL = "https://api.x.ai/v1"
MANAGEMENT_BASE_URL = "https://management-api.x.ai"
#: One limit for a whole call, retries and reasoning included.
#: Source: xai-api.md section 1 (docs of 2025-12 ask for 3600 s for reasoning models).
TIMEOUT_S = 3600.0
LONGEST_TIMEOUT_S = 1e9
#: Less than a ledger can hold, more than anybody has.
_MOST_USD = 1e8
MEMORY = ":memory:"

NO_KEY = "No API key for xAI was found."
KEY_HINT = (
    "Set XAI_API_KEY (environment, .env file, Colab secret, or keyring set grok_nb "
    "XAI_API_KEY), or type it hidden: %grok_key. Without a key everything can be "
    "tried: %grok_sandbox on (in a cell) or gn.sandbox() (in Python)."
)
NO_MANAGEMENT_KEY = "No management key for xAI was found."
MANAGEMENT_KEY_HINT = (
    "Make one at https://console.x.ai (Settings, Management Keys) and set "
    "XAI_MANAGEMENT_KEY, or gn.configure(management_key=...). The API key does not "
    "open this host. It can be tried without: gn.sandbox()."
)
#: setting -> (environment variables, name in [tool.grok_nb])
_PLACES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "api_key": (("XAI_API_KEY",), None),
    "base_url": (("XAI_BASE_URL",), "base_url"),
    "model": (("GROK_NB_MODEL",), "model"),
    "store": (("GROK_NB_STORE",), "store"),
    "stream": (("GROK_NB_STREAM",), "stream"),
    "timeout_s": ((), "timeout_s"),
    "on_doubt": ((), "on_doubt"),
    "verify": (("SSL_CERT_FILE", "SSL_CERT_DIR"), "verify"),
    "keep_text": ((), "keep_text"),
    "budget_usd": (("GROK_NB_BUDGET_USD",), "budget_usd"),
    "management_key": (("XAI_MANAGEMENT_KEY",), None),
    "management_base_url": (("XAI_MANAGEMENT_BASE_URL",), "management_base_url"),
}
_KEYS = ("api_key", "management_key")
#: What `grok_nb.configure` and a running sandbox set for all sessions of the process.
configured: dict[str, object] = {}
#: What ``%config GrokMagics.x`` has set: after arguments, before the environment.
of_magics: dict[str, object] = {}
ENV_FILE = ".env"
_LONGEST_ENV_FILE = 100_000
_ENV_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(XAI_API_KEY|XAI_BASE_URL)[ \t]*=
    (?: [ \t]*'([^'\r\n]*)'[ \t]*(?:\#.*)?$
      | [ \t]*"([^"\r\n]*)"[ \t]*(?:\#.*)?$
      | (?![ \t]*['"])(.*)$ )""",
    re.MULTILINE | re.VERBOSE,
)
# the API's own masked forms of a key ("xa***ey", "xai-...ey") also show a part of it
_KEY_SHAPES = re.compile(
    r"xai-[\w-]*(?:\.{2,}|…|\\u2026)[\w-]*|xai-[A-Za-z0-9_\-]{6,}"
    r"|\b[\w-]{1,8}\*{3,}[\w-]{0,8}"
)


class Secret:
    """An API key that no ``repr``, log or traceback can show."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<key>"

    def reveal(self) -> str:
        """Return the key itself. For the request only."""
        return self._value

    def is_sendable(self) -> bool:
        """Whether it can stand in a request header."""
        text = self._value
        return text.isascii() and text.isprintable() and " " not in text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a key is never pickled")


def scrub(text: str, secret: Secret | None = None) -> str:
    """Return the text with keys, and what looks like a key, replaced by ``[key]``."""
    if secret is not None:
        text = text.replace(secret.reveal(), "[key]")
    text = _KEY_SHAPES.sub("[key]", text)
    if secret is not None:
        key = secret.reveal()
        if len(key) >= 20:  # a part of a key is no less secret
            text = text.replace(key[:12], "[key]").replace(key[-8:], "[key]")
    return text


def scrub_error(error: GrokError, secrets: Sequence[Secret]) -> None:
    """Take secrets out of all texts of an error, and of those that caused it."""
    link: BaseException | None = error
    while isinstance(link, GrokError):
        for secret in secrets:
            link.args = tuple(
                scrub(said, secret) if isinstance(said, str) else said
                for said in link.args
            )
            for name, value in list(vars(link).items()):
                if isinstance(value, str):
                    setattr(link, name, scrub(value, secret))
            if notes := getattr(link, "__notes__", None):
                notes[:] = [scrub(note, secret) for note in notes]
        link = link.__cause__


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Resolved settings of a session.

    Attributes
    ----------
    api_key : Secret or None
        The key; ``None`` when none was found.
    base_url : str
        Without a slash at the end. Default ``https://api.x.ai/v1``.
    model : str or None
        Model id; ``None`` lets the session choose (xai-api.md, section 9).
    store : str
        Folder of the ledger, or ``":memory:"``.
    stream : {"auto", "on", "off"}
        Whether cells stream.
    timeout_s : float
        Limit of a whole call, in seconds. Default 3600.
    on_doubt : {"retry", "hold"}
        What to do with a request that was sent and not answered. Default "retry".
    keep_text : bool
        Whether text of prompts and replies, and errors that may quote them, may be
        stored on disk. Default True.
    verify : bool, str or ssl.SSLContext
        Whom to trust on the way to the API: ``True`` (default) the usual authorities,
        a path the CA file (PEM) or folder there, ``False`` anybody.
    budget_usd : float or None
        What one process may spend, in USD; see `grok_nb.budgets`.
    management_key : Secret or None
        The key of the management host; sent nowhere else.
    management_base_url : str
        Of that host. Default ``https://management-api.x.ai``.
    sources : dict of str to str
        Where each setting came from: "argument", "%config GrokMagics.x", the
        environment variable's name, ".env", "pyproject.toml" or "default"; the key also "Colab secret" or "keyring",
        once it was needed.
    """

    api_key: Secret | None
    base_url: str
    model: str | None
    store: str
    stream: Literal["auto", "on", "off"]
    timeout_s: float
    on_doubt: Literal["retry", "hold"]
    keep_text: bool
    verify: bool | str | ssl.SSLContext
    budget_usd: float | None
    management_key: Secret | None
    management_base_url: str
    sources: dict[str, str]

    def require_key(self) -> Secret:
        """Return the key, or raise the error that says how to set one."""
        if self.api_key is None:
            raise ConfigError(NO_KEY, hint=KEY_HINT)
        return self.api_key

    def require_management_key(self) -> Secret:
        """Return the management key, or raise the error that says how to set one."""
        if self.management_key is None:
            raise ConfigError(NO_MANAGEMENT_KEY, hint=MANAGEMENT_KEY_HINT)
        return self.management_key


def resolve(
    arguments: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Resolve all settings; the first place that has one wins.

    Parameters
    ----------
    arguments
        What the caller gave; ``None`` values count as not given.
    environ
        Default ``os.environ``.
    folder
        Where the search for ``pyproject.toml`` and ``.env`` starts; default the
        working folder.

    Raises
    ------
    ConfigError
        A value cannot be right; the message names the place that it came from.

    Notes
    -----
    Of a ``.env`` file only ``XAI_API_KEY`` counts and, with that key, ``XAI_BASE_URL``:
    a key from elsewhere is not sent where such a file says. It is looked for from the
    folder upwards, to the first folder with a ``.git`` or ``pyproject.toml`` or to the
    home folder, and read anew each time. Nothing of it enters ``os.environ``.
    """
    given = {k: v for k, v in (arguments or {}).items() if v is not None}
    project = _project_table(folder)
    if given.get("verify") is True:  # "as usual", which the environment says
        del given["verify"]
        project.pop("verify", None)
    if unknown := given.keys() - _PLACES.keys():
        raise ConfigError(
            f"There is no setting {min(unknown)!r}.",
            hint=f"Settings are: {', '.join(_PLACES)}.",
        )
    has_key = "api_key" in given or bool(_variable(environ, "XAI_API_KEY").strip())
    kept = {} if has_key else _env_file(folder)
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for name, (variables, key) in _PLACES.items():
        variable = next((v for v in variables if _variable(environ, v).strip()), "")
        # no variable of this frame ever holds the key, nor the environment: some
        # tracebacks show variables
        if name in given:
            values[name], sources[name] = given[name], "argument"
        elif name in of_magics:
            values[name] = of_magics[name]
            sources[name] = f"%config GrokMagics.{name}"
        elif variable:
            values[name] = _variable(environ, variable).strip()
            sources[name] = variable
        elif variables and variables[0] in kept:
            values[name], sources[name] = kept[variables[0]], ENV_FILE
        elif key and key in project:
            values[name], sources[name] = project[key], "pyproject.toml"
        else:
            values[name], sources[name] = None, "default"
        if name in _KEYS:
            values[name] = hidden(values[name])
    return Settings(
        api_key=checked_key(values["api_key"], sources["api_key"]),
        base_url=_base_url("base_url", values, sources, BASE_URL),
        model=_text("model", values["model"], sources["model"]),
        store=_store(values["store"], sources["store"]),
        stream=cast(
            'Literal["auto", "on", "off"]',
            _choice("stream", values, sources, ("auto", "on", "off")),
        ),
        timeout_s=_seconds(values["timeout_s"], sources["timeout_s"]),
        on_doubt=cast(
            'Literal["retry", "hold"]',
            _choice("on_doubt", values, sources, ("retry", "hold")),
        ),
        keep_text=_yes_or_no("keep_text", values["keep_text"], sources["keep_text"]),
        verify=_verify(values["verify"], sources["verify"]),
        budget_usd=_usd(values["budget_usd"], sources["budget_usd"]),
        management_key=checked_key(
            values["management_key"], sources["management_key"], "management key"
        ),
        # as the API's own clients have it; the paths begin with /v1
        management_base_url=_base_url(
            "management_base_url", values, sources, MANAGEMENT_BASE_URL
        ).removesuffix("/v1"),
        sources=sources,
    )


def _project_table(folder: Path | None) -> dict[str, object]:
    """Return ``[tool.grok_nb]`` of the nearest pyproject.toml upwards."""
    try:
        start = (folder or Path.cwd()).resolve()
    except OSError:  # the working folder was deleted
        return {}
    for parent in (start, *start.parents):
        path = parent / "pyproject.toml"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if "tool.grok_nb" not in text:
            return {}
        import tomllib

        try:
            tool = tomllib.loads(text).get("tool")
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path.name} is not valid TOML: {error}") from None
        table = tool.get("grok_nb", {}) if isinstance(tool, dict) else {}
        if not isinstance(table, dict):
            raise ConfigError(f"tool.grok_nb in {path.name} is not a table.")
        known = {key for _, key in _PLACES.values() if key}
        for name in table:
            if name not in known:
                raise ConfigError(
                    f"[tool.grok_nb] in {path.name} has no setting {name!r}.",
                    hint="A key never belongs in a file that is shared."
                    if "key" in name
                    else f"It knows: {', '.join(sorted(known))}.",
                )
        return dict(table)
    return {}


def _env_file(folder: Path | None) -> dict[str, object]:
    """Return what the nearest ``.env`` upwards holds for us: nothing without a key."""
    try:
        start = (folder or Path.cwd()).resolve()
        home = Path.home()
    except (OSError, RuntimeError):
        return {}
    for parent in (start, *start.parents):
        path = parent / ENV_FILE
        try:
            if path.is_file():  # a pipe, as some password managers make, would block
                return _kept_in(path)
        except (OSError, UnicodeDecodeError):
            return {}
        if parent == home or any(
            (parent / mark).exists() for mark in (".git", "pyproject.toml")
        ):
            break
    return {}


def _kept_in(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    with path.open(encoding="utf-8-sig") as file:
        for match in _ENV_LINE.finditer(file.read(_LONGEST_ENV_FILE)):
            name, single, double, bare = match.groups()
            if bare is not None:
                bare = re.sub(r"\s+#.*", "", bare).strip()
            value = next(v for v in (single, double, bare) if v is not None)
            found[name] = hidden(value) if name == "XAI_API_KEY" else value
    key = found.get("XAI_API_KEY")
    if not isinstance(key, Secret) or not key.reveal().strip():
        return {}
    return {name: value for name, value in found.items() if value}


def _variable(environ: Mapping[str, str] | None, name: str) -> str:
    return (os.environ if environ is None else environ).get(name, "")


def hidden(key: object) -> object:
    """Wrap a key that is still text, so that no traceback shows it."""
    return Secret(key) if isinstance(key, str) else key


def checked_key(value: object, source: str, what: str = "API key") -> Secret | None:
    """Return a key without space around it; ``None`` for an empty one.

    Raises
    ------
    ConfigError
        It cannot be a key; the message names the place, never the value.
    """
    if value is None:
        return None
    if not isinstance(value, Secret):
        raise ConfigError(f"The {what} ({source}) must be text.")
    value = Secret(value.reveal().strip())
    if not value.reveal():
        return None
    if not value.is_sendable():
        raise ConfigError(
            f"The {what} ({source}) has a space, line break or non-ASCII character.",
            hint="Copy it again from https://console.x.ai.",
        )
    if "${" in value.reveal():
        raise ConfigError(
            f"The {what} ({source}) names another variable.",
            hint="Values are taken as they stand: write the key itself.",
        )
    return value


def _base_url(
    name: str, values: Mapping[str, object], sources: Mapping[str, str], default: str
) -> str:
    source = sources[name]
    text = _text(name, values[name], source) or default
    if not _is_base_url(text):
        raise ConfigError(
            f"{name} ({source}) is not an http(s) address: {scrub(text)!r}.",
            hint=f"The default is {default}.",
        )
    if "@" in urlsplit(text).netloc:  # they would be sent in place of the key
        raise ConfigError(
            f"{name} ({source}) has a user or password in it.",
            hint="Only the key is sent; take them out.",
        )
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
    is_http = is_http and " " not in text
    return is_http and port_fits and not parts.query and not parts.fragment


def _text(name: str, value: object, source: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} ({source}) must be text, not {value!r}.")
    return value.strip()


def _store(value: object, source: str) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    text = _text("store", value, source)
    if text == MEMORY:
        return MEMORY
    if text is None:
        import platformdirs

        return platformdirs.user_data_dir("grok_nb", appauthor=False)
    return _expanded("store", text, source)


def _expanded(name: str, text: str, source: str) -> str:
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:  # ~ of nobody
        raise ConfigError(f"{name} ({source}) is {text!r}: {error}") from None


def _verify(value: object, source: str) -> bool | str | ssl.SSLContext:
    if value is None or isinstance(value, bool):
        return value is not False
    if isinstance(value, (str, os.PathLike)):
        text = _text("verify", os.fspath(value), source) or ""
        return _expanded("verify", text, source)
    import ssl  # for who has made a context of it, it is loaded

    if isinstance(value, ssl.SSLContext):
        return value
    raise ConfigError(
        f"verify ({source}) is {value!r}.",
        hint="True, False, the path of a CA file or folder, or an ssl.SSLContext.",
    )


def _choice(
    name: str,
    values: Mapping[str, object],
    sources: Mapping[str, str],
    choices: tuple[str, ...],
) -> str:
    value = values[name]
    if value is None:
        return choices[0]
    if value not in choices:
        raise ConfigError(
            f"{name} ({sources[name]}) is {value!r}.", hint=f"One of {choices}."
        )
    return value


def _yes_or_no(name: str, value: object, source: str) -> bool:
    if value is None:
        return True
    if not isinstance(value, bool):
        raise ConfigError(f"{name} ({source}) must be true or false, not {value!r}.")
    return value


def _usd(value: object, source: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):  # of the environment
        with contextlib.suppress(ValueError):
            value = float(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value <= _MOST_USD
    ):
        raise ConfigError(
            f"budget_usd ({source}) must be an amount of USD from 0 on, not {value!r}."
        )
    return float(value)


def _seconds(value: object, source: str) -> float:
    if value is None:
        return TIMEOUT_S
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigError(
            f"timeout_s ({source}) must be a number of seconds above 0, not {value!r}."
        )
    return float(min(value, LONGEST_TIMEOUT_S))
