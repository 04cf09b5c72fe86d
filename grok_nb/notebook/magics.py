"""``%%grok``, ``%grok`` and their kin: parse, one call into the session, show."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import context_matcher
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.display import display
from traitlets import Bool, Enum, Float, TraitError, Unicode, observe, validate

from grok_nb import config
from grok_nb.clock import SystemClock
from grok_nb.errors import BadRequest, ConfigError, GrokError
from grok_nb.reply import Origin, Reply
from grok_nb.show.formats import FORMATS, fenced

from .context import context_parts, error_part
from .interpolate import interpolate, object_in
from .options import ASKING, CELL, FIX, LINE, TOKENS, OptionError, help_text, parse
from .verbatim import TRANSFORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from grok_nb.checkup import Checkup
    from grok_nb.reply import Ask
    from grok_nb.session import ReplyStream
    from grok_nb.wire import Tokens

    from .terminal import Terminal

#: The settings that ``%config GrokMagics`` shares with `grok_nb.configure`.
_CONFIGURED = (
    *("model", "base_url", "store", "stream", "timeout_s", "on_doubt", "keep_text"),
)
_FIX_PROMPT = (
    "This notebook cell failed with the error above. Say in one sentence why, then give "
    "the whole corrected cell in one fenced Python block."
)
CELL_HELP = help_text(
    "%%grok [options] - ask Grok; the cell's body is the prompt.\n\n"
    "{{name}}, {{df.shape}}, {{rows[0]}}, {{x|json}} put variables into it.",
    CELL,
)
LINE_HELP = help_text(
    "%grok [options] TEXT - ask Grok one question; returns the Reply.\n\n"
    "Everything after the options is the prompt, verbatim; -- ends the options.",
    LINE,
)
FIX_HELP = help_text(
    "%grok_fix [options] [TEXT] - have the last failed cell corrected.\n\n"
    "Sends the cell and its error; the corrected cell appears below, and is not run.",
    FIX,
)
_CARD = [
    ("Set the environment variable", "XAI_API_KEY"),
    ("or write it into a .env file beside the notebook:", "XAI_API_KEY=..."),
    ("or, in Colab, add a secret (the key on the left) named", "XAI_API_KEY"),
    (
        "or keep it in the system's keyring, from a terminal:",
        "keyring set grok_nb XAI_API_KEY",
    ),
    ("or type a key here, hidden, for this session:", "%grok_key"),
    ("or try everything without a key, on this machine:", "%grok_sandbox on"),
]


@magics_class
class GrokMagics(Magics):
    """The magics of grok_nb; what ``%config GrokMagics`` sets holds for all of them."""

    model = Unicode(None, allow_none=True, help="Default model: an id or alias.").tag(
        config=True
    )
    base_url = Unicode(
        None, allow_none=True, help="Where the API is; ends in /v1."
    ).tag(config=True)
    store = Unicode(None, allow_none=True, help="Folder of the ledger.").tag(
        config=True
    )
    stream = Enum(
        ("auto", "on", "off"),
        None,
        allow_none=True,
        help="Whether answers show as they come: auto (where someone looks), on, off.",
    ).tag(config=True)
    timeout_s = Float(
        None, allow_none=True, help="Seconds for a whole call, retries included."
    ).tag(config=True)
    on_doubt = Enum(
        ("retry", "hold"),
        None,
        allow_none=True,
        help="Whether what was sent and not answered is sent again: retry, hold.",
    ).tag(config=True)
    keep_text = Bool(
        None, allow_none=True, help="Whether texts may be stored on disk."
    ).tag(config=True)
    format = Enum(FORMATS, "md", help="How answers are shown, as -f.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._card_shown = False
        self._last: Reply | None = None
        self._failed: tuple[str, BaseException] | None = None
        self._made: set[str] = set()  # cells whose --code has made a new one
        self.clock = SystemClock()

    @validate(*_CONFIGURED)
    def _checked(self, proposal: Any) -> Any:
        """Refuse what cannot be right; then nothing changes."""
        name, value = proposal["trait"].name, proposal["value"]
        try:
            config.resolve({**config.configured, name: value})
        except ConfigError as error:
            raise TraitError(f"{error} {error.hint}".strip()) from None
        return value

    @observe(*_CONFIGURED)
    def _configured(self, change: Any) -> None:
        """Let a setting of ``%config`` hold from now on."""
        if change["new"] is None:
            config.of_magics.pop(change["name"], None)
        else:
            config.of_magics[change["name"]] = change["new"]

    @no_var_expand
    @cell_magic("grok")
    def grok_cell(self, line: str, cell: str) -> None:  # noqa: D102 - CELL_HELP
        with _brief():
            options, rest = parse(line, CELL)
            if options.pop("help", False):
                display({"text/plain": CELL_HELP}, raw=True)
                return
            if rest:
                raise OptionError(
                    f"Unexpected text on the option line: {rest[:40]!r}.",
                    hint="The prompt is the cell's body, below this line.",
                )
            # IPython ends every cell with a line break; the user did not type it
            self._answer(cell.removesuffix("\n"), options)

    @no_var_expand
    @line_magic("grok")
    def grok_line(self, line: str) -> Reply | None:  # noqa: D102 - LINE_HELP
        with _brief():
            options, text = parse(line, LINE)
            if options.pop("help", False):
                display({"text/plain": LINE_HELP}, raw=True)
                return None
            ask = self._question(text, options)
            self._require_key()
            try:
                reply: Reply = _default().session().fetch(ask)
            except BaseException as error:
                partial = _unfinished(error, Reply(model=ask.model))
                self._bind(options.get("out"), partial)
                raise
            self._bind(options.get("out"), reply)
            return reply

    @line_magic
    def grok_sandbox(self, line: str) -> None:
        """%grok_sandbox on|off|status - a server on this machine that plays xAI's API.

        Needs no key and no network. Its replies are marked, and cost nothing.
        """
        with _brief():
            default, word = _default(), line.strip() or "status"
            if word not in ("on", "off", "status"):
                raise OptionError(
                    f"%grok_sandbox takes on, off or status, not {word!r}."
                )
            if word == "on":
                default.sandbox()
            running = default.running_sandbox()
            if word == "off" and running is not None:
                running.stop()
                running = None
            text = (
                "The sandbox is off."
                if running is None
                else "The sandbox is on: replies come from this machine, not from Grok."
            )
            display({"text/plain": text}, raw=True)

    @line_magic
    def grok_key(self, line: str) -> None:
        """%grok_key - type an API key, hidden, for this session only."""
        with _brief():
            if line.strip():
                raise OptionError(
                    "%grok_key takes nothing: what is typed here is saved in the notebook.",
                    hint="If that was a key, replace it at https://console.x.ai.",
                )
            if _default().running_sandbox() is not None:
                raise ConfigError(
                    "The sandbox is on, and needs no key.",
                    hint="%grok_sandbox off, then %grok_key.",
                )
            from getpass import getpass

            from grok_nb import config

            try:
                typed = config.hidden(getpass("xAI API key: "))
            except (EOFError, NotImplementedError):  # IPython's: no front end to ask
                raise ConfigError(
                    "Nobody can type a key here.", hint=config.KEY_HINT
                ) from None
            key = config.checked_key(typed, "typed")
            if key is None:
                raise ConfigError("No key was typed; nothing has changed.")
            _default().configure(api_key=key)
            display({"text/plain": "The key is set for this session."}, raw=True)

    @line_magic
    def grok_last(self, line: str) -> Reply:
        """%grok_last - the last reply of a magic again: shows and returns it."""
        with _brief():
            if line.strip():
                raise OptionError("%grok_last takes nothing.")
            if self._last is None:
                raise OptionError(
                    "Nothing was asked yet.", hint="%grok TEXT asks a question."
                )
            return self._last

    @no_var_expand
    @line_magic
    def grok_tokens(self, line: str) -> Tokens:
        """%grok_tokens [-m MODEL] [-R] TEXT - a picture of the text's tokens; free.

        {{name}} puts a variable into the text. Returns the tokens: .count, .token_ids.
        A prompt is billed for a few more, which the API adds.
        """
        with _brief():
            options, text = parse(line, TOKENS)
            if not options.get("raw"):
                text = interpolate(text, self.shell.user_ns)
            if not text:
                raise OptionError(
                    "There is no text.", hint="%grok_tokens TEXT, or {{name}}."
                )
            self._require_key()
            tokens: Tokens = _default().session().tokenize(text, options.get("model"))
            return tokens

    @no_var_expand
    @line_magic
    def grok_fix(self, line: str) -> None:  # noqa: D102 - FIX_HELP
        with _brief():
            options, text = parse(line, FIX)
            if options.pop("help", False):
                display({"text/plain": FIX_HELP}, raw=True)
                return
            if self._failed is None:
                raise OptionError("No cell has failed yet, so there is nothing to fix.")
            source, error = self._failed
            notes: list[str] = []
            options |= {"code": True, "raw": True, "parts": [error_part(error, notes)]}
            prompt = f"{_FIX_PROMPT}\n\n{text}".rstrip()
            self._answer(f"{prompt}\n\n{fenced(source, 'python')}", options, notes)

    def note_result(self, result: Any) -> None:
        """Remember a cell that failed, and how; IPython calls this."""
        error = result.error_before_exec or result.error_in_exec
        source = getattr(result.info, "raw_cell", None)
        is_theirs = isinstance(error, Exception) and not isinstance(error, GrokError)
        if is_theirs and isinstance(source, str):
            self._failed = source.rstrip("\n"), error

    @line_magic
    def grok_doctor(self, line: str) -> Checkup:
        """%grok_doctor - what works here, what does not, and what to type next."""
        with _brief():
            if line.strip():
                raise OptionError("%grok_doctor takes nothing.")
            from grok_nb.checkup import doctor

            return doctor()

    # -- one question -------------------------------------------------------------

    def _question(
        self, prompt: str, options: dict[str, Any], notes: list[str] | None = None
    ) -> Ask:
        """Return what is asked; ``notes`` takes what the user should know of it."""
        notes = [] if notes is None else notes
        if not prompt.strip() and not options.get("attach"):
            raise OptionError(
                "There is nothing to ask.", hint="Write the prompt, or -h for help."
            )
        names = self.shell.user_ns
        system = options.get("system")
        if system is not None:
            system = interpolate(_from_file(system), names, notes)
        if not options.get("raw"):
            prompt = interpolate(prompt, names, notes)
        attached = [
            *options.get("parts", []),
            *context_parts(options.get("context", []), self.shell, notes),
            *(_attached(text, names, notes) for text in options.get("attach", [])),
        ]
        sent = {
            name: options.get(name)
            for name in (
                "model",
                "temperature",
                "max_tokens",
                "top_p",
                "seed",
                "stop",
                "n",
                "reasoning_effort",
                "timeout_s",
            )
        }
        from grok_nb.api.question import question

        try:
            return question(
                prompt if prompt.strip() else None,
                system=system,
                attach=attached or None,
                origin=self._origin(),
                **sent,
            )
        except BadRequest as error:
            raise OptionError(_by_flag(str(error)), hint=error.hint) from None

    def _origin(self) -> Origin:
        notebook = os.environ.get("JPY_SESSION_NAME")  # set by Jupyter's server
        return Origin(
            source="magic",
            notebook=Path(notebook).name if notebook else None,
            cell_id=_parent(self.shell).get("metadata", {}).get("cellId"),
        )

    def _answer(
        self, prompt: str, options: dict[str, Any], notes: list[str] | None = None
    ) -> None:
        notes = [] if notes is None else notes
        ask = self._question(prompt, options, notes)
        quiet, out = options.get("quiet", False), options.get("out")
        if options.get("dry_run"):
            from .preview import dry_run_bundle

            display(dry_run_bundle(ask, _default().session(), notes), raw=True)
            return
        self._require_key()
        grok = _default().session()
        mode = options.get("stream") or grok.settings.stream
        show = None if quiet else display
        streams = mode == "on" or (mode == "auto" and _is_watched(self.shell))
        if options.get("show"):
            from .preview import sent_bundle

            display(sent_bundle(grok.request_for(ask, stream=streams)), raw=True)
        if notes and not quiet:
            from grok_nb.show.render import notes_bundle

            display(notes_bundle(notes), raw=True)
        how = options.get("format") or self.format
        self._send(grok, ask, show, out, streams=streams, how=how)
        if options.get("code"):
            self._make_cell(prompt, quiet=quiet)
        if options.get("verbose") and not quiet:
            from .preview import details_bundle

            display(details_bundle(self._last), raw=True)

    def _make_cell(self, prompt: str, *, quiet: bool) -> None:
        """Put the reply's first code block into a new cell; once for each cell."""
        from grok_nb.show.render import notes_bundle
        from grok_nb.show.safe_html import first_code

        found = first_code(self._last.text if self._last else "")
        cell = self._origin().cell_id or prompt
        if found is None:
            note = "The answer has no code block, so there is no new cell."
        elif cell in self._made:
            note = "This cell has made a new one before; the code is in the answer."
        else:
            self._made.add(cell)
            self.shell.set_next_input(found[1].removesuffix("\n"), replace=False)
            return
        if not quiet:
            display(notes_bundle([note]), raw=True)

    def _send(
        self,
        grok: Any,
        ask: Ask,
        show: Any,
        out: str | None,
        *,
        streams: bool,
        how: str,
    ) -> None:
        """Ask and show the reply, as it comes or whole."""
        if not streams:
            try:
                reply = grok.fetch(ask)
            except BaseException as error:
                self._bind(out, _unfinished(error, Reply(model=ask.model)))
                raise
            self._bind(out, reply)
            if show is not None:
                from grok_nb.show.render import reply_bundle

                if _is_terminal(self.shell):
                    _on_terminal(show, how).finish(reply)
                else:
                    show(reply_bundle(reply, how=how), raw=True)
            return
        self._follow(grok, ask, show, out, how)

    def _follow(
        self, grok: Any, ask: Ask, show: Any, out: str | None, how: str
    ) -> None:
        from grok_nb.notebook.live import Live

        live: Live | Terminal
        if _is_terminal(self.shell):
            live = _on_terminal(show, how)
        else:
            live = Live(show, self.clock, how)
        live.begin(Reply(model=ask.model))
        stream: ReplyStream = grok.follow(
            ask, on_retry=live.retrying, on_idle=lambda: live.idle(lambda: stream.reply)
        )
        length = 0
        try:
            for event in stream:
                length += len(event.delta)
                if event.kind != "end":
                    live.update(lambda event=event: event.reply, length)  # type: ignore[misc]  # bound now
        except BaseException as error:
            with _deaf():  # a second Interrupt must not lose what is there
                stream.close()  # the first one may have come while painting
                reply = _unfinished(error, stream.reply)
                self._bind(out, reply)
                live.finish(reply)
            raise
        self._bind(out, stream.reply)
        live.finish(stream.reply)

    def _bind(self, name: str | None, reply: Reply) -> None:
        self._last = reply
        if name:
            self.shell.user_ns[name] = reply

    def _require_key(self) -> None:
        from grok_nb import keys

        settings = _default().settings()
        try:
            keys.required(settings)
        except ConfigError:
            if not self._card_shown:
                from grok_nb.show.render import notice_bundle

                self._card_shown = True
                title = "grok_nb needs an API key of xAI, or its sandbox."
                display(notice_bundle(title, _CARD), raw=True)
            raise


GrokMagics.grok_cell.__doc__ = CELL_HELP
GrokMagics.grok_line.__doc__ = LINE_HELP
GrokMagics.grok_fix.__doc__ = FIX_HELP


@context_matcher()
def complete(context: Any) -> Any:
    """Complete what is typed into a cell of ours; loads the rest when Tab is hit."""
    from .completion import matches

    return matches(context)


def _default() -> Any:
    """Return the module of the default session; a first question pays for loading it."""
    from grok_nb import default

    return default


def _by_flag(message: str) -> str:
    """Name the option as it is typed where a message names the parameter."""
    flags = {option.name: option.flags[-1] for option in ASKING}
    flags["max_completion_tokens"] = flags["max_tokens"]
    # where the messages about parameters have the name; elsewhere it may be a word
    return re.sub(
        r"(^|parameter |model: )([a-z_]+)\b",
        lambda found: found[1] + flags.get(found[2], found[2]),
        message,
    )


def _unfinished(error: BaseException, reply: Reply) -> Reply:
    """Return what there is of a reply that an error or Interrupt ended."""
    found = getattr(error, "reply", None) or reply
    state = "failed" if isinstance(error, GrokError) else "stopped"
    return dataclasses.replace(found, state=state)


def _from_file(system: str) -> str:
    if not system.startswith("@"):
        return system
    path = Path(system[1:]).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise OptionError(
            f"The system prompt {path} cannot be read: {reason}."
        ) from None


def _attached(text: str, names: dict[str, Any], notes: list[str]) -> Any:
    """Return what ``-a`` names: an object, or a path or URL."""
    is_object, found = object_in(text, names)
    return found if is_object else interpolate(text, names, notes)


def _parent(shell: Any) -> dict[str, Any]:
    """Return the execute request that runs now; empty outside of a kernel."""
    get_parent = getattr(shell, "get_parent", None)
    return (get_parent() if get_parent else None) or {}


def _is_terminal(shell: Any) -> bool:
    """Whether this is IPython in a terminal: no kernel, no front end."""
    return getattr(shell, "kernel", None) is None


def _on_terminal(show: Any, how: str) -> Terminal:
    from .terminal import Terminal

    return Terminal(how, quiet=show is None)


def _is_watched(shell: Any) -> bool:
    """Whether somebody sees outputs as they come: not nbclient, nbval, nbconvert."""
    if _is_terminal(shell):
        return sys.stdout.isatty()
    return bool(_parent(shell).get("content", {}).get("allow_stdin", False))


@contextlib.contextmanager
def _brief() -> Iterator[None]:
    """Show errors in a line or two, without the frames that lead to them."""
    try:
        yield
    except OptionError:
        raise
    except GrokError as error:
        shown = _by_flag(f"{error}") if isinstance(error, BadRequest) else f"{error}"
        lines = [f"{type(error).__name__}: {shown}"]
        # the hint, how often it was tried and with how much doubt, the request id
        if notes := getattr(error, "__notes__", None):
            lines.append("  " + " ".join(notes))
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  # IPython's hook
        raise
    except KeyboardInterrupt as stop:
        stop._render_traceback_ = lambda: ["KeyboardInterrupt: stopped"]  # type: ignore[attr-defined]  # IPython's hook
        raise


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; only the main thread can, and only it gets it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell."""
    unload(shell)
    try:
        magics = GrokMagics(shell)
    except TraitError as error:
        # IPython keeps also what was refused
        refused = shell.config.pop("GrokMagics", {})
        config.of_magics.clear()
        warnings.warn(
            f"Settings of GrokMagics are left out ({', '.join(refused)}): {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        magics = GrokMagics(shell)
    shell.register_magics(magics)
    if magics not in shell.configurables:  # for %config
        shell.configurables.append(magics)
    shell.events.register("post_run_cell", magics.note_result)
    if (completer := getattr(shell, "Completer", None)) is not None:
        completer.custom_matchers.append(complete)
    shell.input_transformer_manager.token_transformers[:0] = TRANSFORMS


def unload(shell: InteractiveShell) -> None:
    """Take the magics away from a shell."""
    manager = shell.magics_manager
    for kind, names in GrokMagics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    ours = [m for m in shell.configurables if isinstance(m, GrokMagics)]
    shell.configurables[:] = [m for m in shell.configurables if m not in ours]
    for magics in ours:
        shell.events.unregister("post_run_cell", magics.note_result)
    if (completer := getattr(shell, "Completer", None)) is not None:
        matchers = completer.custom_matchers
        matchers[:] = [m for m in matchers if m is not complete]
    config.of_magics.clear()
    transformers = shell.input_transformer_manager.token_transformers
    transformers[:] = [t for t in transformers if t not in TRANSFORMS]
