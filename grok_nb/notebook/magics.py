"""``%%grok``, ``%grok`` and their kin: parse, one call into the session, show."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.display import display

from grok_nb.clock import SystemClock
from grok_nb.errors import BadRequest, ConfigError, GrokError
from grok_nb.reply import Origin, Reply

from .context import context_parts
from .interpolate import interpolate, object_in
from .options import ASKING, CELL, LINE, OptionError, help_text, parse
from .verbatim import TRANSFORMS, typed_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from grok_nb.checkup import Checkup
    from grok_nb.reply import Ask
    from grok_nb.session import ReplyStream

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
    """The magics of grok_nb."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._card_shown = False
        self._last: Reply | None = None
        self.clock = SystemClock()

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
            code = _parent(self.shell).get("content", {}).get("code", "")
            self._answer(typed_body(cell, code), options)

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

    def _answer(self, prompt: str, options: dict[str, Any]) -> None:
        notes: list[str] = []
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
        self._send(grok, ask, show, out, streams=streams)
        if options.get("verbose") and not quiet:
            from .preview import details_bundle

            display(details_bundle(self._last), raw=True)

    def _send(
        self, grok: Any, ask: Ask, show: Any, out: str | None, *, streams: bool
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

                show(reply_bundle(reply), raw=True)
            return
        self._follow(grok, ask, show, out)

    def _follow(self, grok: Any, ask: Ask, show: Any, out: str | None) -> None:
        from grok_nb.notebook.live import Live

        live = Live(show, self.clock)
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


def _is_watched(shell: Any) -> bool:
    """Whether somebody sees outputs as they come: not nbclient, nbval, nbconvert."""
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
    shell.register_magics(GrokMagics(shell))
    shell.input_transformer_manager.token_transformers[:0] = TRANSFORMS


def unload(shell: InteractiveShell) -> None:
    """Take the magics away from a shell."""
    manager = shell.magics_manager
    for kind, names in GrokMagics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    transformers = shell.input_transformer_manager.token_transformers
    transformers[:] = [t for t in transformers if t not in TRANSFORMS]
