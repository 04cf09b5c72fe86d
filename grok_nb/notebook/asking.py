"""How a cell asks: options and text -> a question; its reply shown, bound, kept."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display

from grok_nb.errors import BadRequest, BudgetExceeded, ConfigError, GrokError

from .options import OptionError
from .structured import bind_frame, check_names, schema_of
from .wording import by_flag, option_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb.clock import Clock
    from grok_nb.reply import Ask, Origin, Reply
    from grok_nb.session import ReplyStream
    from grok_nb.threads import Asking

    from .live import Live
    from .terminal import Terminal

#: Cells that are remembered where IPython does not.
_MOST_CELLS = 1_000
UNTIL = "until this kernel ends"
#: Options that are sent as they are typed.
_SENT = (
    *("model", "temperature", "max_tokens", "top_p", "seed", "stop", "n"),
    *("reasoning_effort", "timeout_s", "many", "max_steps", "tool_choice", "max_cost"),
    *("search", "domains", "not_domains", "handles", "not_handles"),
    *("since", "until", "images", "video", "run_code"),
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


class CellAsking:
    """What the magics share: one question on its way, and what is remembered of it.

    Attributes
    ----------
    last : Reply or None
        The latest reply, whole or partial.
    """

    shell: Any
    clock: Clock
    format: Any  # how answers are shown by default

    def begin_asking(self) -> None:
        """Remember nothing yet."""
        self.last: Reply | None = None
        self._failed: tuple[str, BaseException] | None = None  # a cell, and why
        self._card_shown = self._fleeting_told = False
        self._made: set[str] = set()  # cells whose --code has made a new one
        self._run: str | None = None  # the execute request, and who asked in it
        self._slots: collections.Counter[str] = collections.Counter()
        # source and result of cells that IPython does not keep: under nbval, all
        self._unstored: collections.deque[tuple[str, Any]] = collections.deque(
            maxlen=_MOST_CELLS
        )

    def question(
        self,
        prompt: str,
        options: dict[str, Any],
        notes: list[str] | None = None,
        asking: Asking | None = None,
    ) -> Ask:
        """Return what is asked; ``notes`` takes what the user should know of it."""
        from .context import context_parts
        from .interpolate import interpolate

        notes = [] if notes is None else notes
        if not prompt.strip() and not options.get("attach"):
            raise OptionError(
                "There is nothing to ask.", hint="Write the prompt, or -h for help."
            )
        names = self.shell.user_ns
        check_names(options)
        system = options.get("system")
        if system is not None:
            system = interpolate(_from_file(system), names, notes)
        if not options.get("raw"):
            prompt = interpolate(prompt, names, notes)
        parts = [
            *options.get("parts", []),
            *context_parts(
                options.get("context", []),
                self.shell,
                notes,
                failed=self._failed and self._failed[1],
                unstored=self._unstored,
            ),
            *(attached(text, names, notes) for text in options.get("attach", [])),
        ]
        sent = {name: options.get(name) for name in _SENT}
        if options.get("schema") is not None:
            sent["schema"] = schema_of(options["schema"], names)
        if options.get("tools"):
            from .functions import functions_in

            sent["tools"] = functions_in(options["tools"], names)
        if asking is None:
            from grok_nb.api.question import question
        else:
            question = asking.question
        try:
            return question(
                prompt if prompt.strip() else None,
                system=system,
                attach=parts or None,
                origin=self.origin(),
                **sent,
            )
        except BadRequest as error:
            raise option_error(error) from None

    def origin(self) -> Origin:
        """Return where a question comes from: notebook and cell."""
        from grok_nb.reply import Origin
        from grok_nb.threads import place

        return Origin(
            source="magic",
            notebook=place().notebook,
            cell_id=parent_of(self.shell).get("metadata", {}).get("cellId"),
        )

    def _asking(self, options: dict[str, Any], source: str) -> Asking | None:
        """Return the turn that the cell asks in its thread, if it takes part in one.

        Its identity is the cell's id; where the front end tells none (nbclient), the
        cell's text: the same text again is a re-run. A cell that asks several times,
        in a loop, has as many turns. In a terminal nothing is run again: there each
        input is a new turn.
        """
        if "chat" not in options:
            if options.get("fresh"):
                raise OptionError(
                    "--fresh begins a thread anew, and this cell takes part in none.",
                    hint="-c [NAME] --fresh",
                )
            return None
        from grok_nb.threads import Asking, Thread

        parent, slot = parent_of(self.shell), None
        if cell_id := parent.get("metadata", {}).get("cellId"):
            slot = f"cell:{cell_id}"
        elif parent:
            digest = hashlib.sha256(source.encode("utf-8", "surrogatepass"))
            slot = f"source:{digest.hexdigest()[:32]}"
        if slot is not None:
            run = parent.get("header", {}).get("msg_id")
            if run != self._run:
                self._run, self._slots = run, collections.Counter()
            count = self._slots[slot] + 1
            if not options.get("dry_run"):
                self._slots[slot] = count
            if count > 1:
                slot += f"#{count}"
        try:
            thread = Thread(options["chat"])
        except BadRequest as error:
            raise OptionError(str(error), hint=error.hint) from None
        asking = Asking(thread, slot=slot, begins=options.get("fresh", False))
        if asking.fleeting and not self._fleeting_told and not options.get("quiet"):
            self._fleeting_told = True
            text = f"Threads are in memory only, {UNTIL}: {asking.fleeting}."
            display({"text/plain": text}, raw=True)
        return asking

    def answer(
        self,
        prompt: str,
        options: dict[str, Any],
        source: str,
        notes: list[str] | None = None,
    ) -> None:
        """Ask what the options say, show the reply, and do what is to be done with it.

        ``source`` is the text by which a cell without an id is known.
        """
        notes = [] if notes is None else notes
        if options.get("rows") or options.get("column"):
            from .extracting import extracted

            extracted(self, prompt, options)
            return
        if options.get("defer"):
            from .later import check_deferrable

            check_deferrable(options)
        asking = self._asking(options, source)
        ask = self.question(prompt, options, notes, asking)
        if options.get("dry_run"):
            from .preview import dry_run_bundle

            if options.get("defer"):
                notes.append("It would be deferred: the cell returns at once.")
            display(dry_run_bundle(ask, default().session(), notes), raw=True)
            return
        self.require_key()
        quiet = options.get("quiet", False)
        if options.get("defer"):
            from .later import deferred

            deferred(self, ask, options, notes, asking.end if asking else None)
            return
        with asking or contextlib.nullcontext():
            self._send(ask, options, notes, asking and asking.end)
        if options.get("code"):
            self._make_cell(source, quiet=quiet)
        if options.get("verbose") and not quiet:
            from .preview import details_bundle

            display(details_bundle(self.last), raw=True)

    def _send(
        self, ask: Ask, options: dict[str, Any], notes: list[str], on_end: Any
    ) -> None:
        """Ask, and show the reply: as it comes, or whole."""
        grok = default().session()
        mode = options.get("stream") or grok.settings.stream
        streams = mode == "on" or (mode == "auto" and is_watched(self.shell))
        if options.get("show"):
            from .preview import sent_bundle

            display(sent_bundle(grok.request_for(ask, stream=streams)), raw=True)
        if notes and not options.get("quiet"):
            from grok_nb.show.render import notes_bundle

            display(notes_bundle(notes), raw=True)
        if streams:
            self._follow(grok, ask, options, on_end)
            return
        screen = self._screen(options)
        try:
            reply = self.fetch(grok, ask, options, on_end)
        except BaseException as error:
            came = getattr(error, "reply", None) is not None
            if self.last is not None and (came or self.last.text):
                screen.finish(self.last)  # it was paid for
            raise
        screen.finish(reply)
        bind_frame(options, reply, self.shell.user_ns)

    def fetch(
        self, grok: Any, ask: Ask, options: dict[str, Any], on_end: Any = None
    ) -> Reply:
        """Ask for a whole reply, and bind it, or what there is of it."""
        ended = [_begun(ask)]

        def end(reply: Reply) -> None:
            # an Interrupt of a repair brings no reply, and the first one was paid for
            ended.append(reply)
            if on_end is not None:
                on_end(reply)

        try:
            reply: Reply = grok.fetch(ask, on_end=end)
        except BaseException as error:
            self.bind(options.get("out"), unfinished(error, ended[-1]))
            raise
        self.bind(options.get("out"), reply)
        return reply

    def _follow(
        self, grok: Any, ask: Ask, options: dict[str, Any], on_end: Any
    ) -> None:
        screen, out = self._screen(options), options.get("out")
        screen.begin(_begun(ask))
        stream: ReplyStream = grok.follow(
            ask,
            on_retry=screen.retrying,
            on_end=on_end,
            on_idle=lambda: screen.idle(lambda: stream.reply),
        )
        length = 0
        try:
            for event in stream:
                length += len(event.delta)
                if event.kind != "end":
                    screen.update(lambda event=event: event.reply, length)  # type: ignore[misc]  # bound now
        except BaseException as error:
            with _deaf():  # a second Interrupt must not lose what is there
                stream.close()  # the first one may have come while painting
                reply = unfinished(error, stream.reply)
                self.bind(out, reply)
                screen.finish(reply)
            raise
        self.bind(out, stream.reply)
        screen.finish(stream.reply)
        bind_frame(options, stream.reply, self.shell.user_ns)

    def _screen(self, options: dict[str, Any]) -> Live | Terminal:
        """Return where the reply of a cell is shown."""
        how, quiet = options.get("format") or self.format, options.get("quiet", False)
        if _is_terminal(self.shell):
            from .terminal import Terminal

            return Terminal(how, quiet=quiet)
        from .live import Live

        show = None if quiet else display
        return Live(show, self.clock, how, table=bool(options.get("df")))

    def bind(self, name: str | None, reply: Reply) -> None:
        """Remember a reply, and bind it to a variable if one was named."""
        self.last = reply
        if name:
            self.shell.user_ns[name] = reply

    def _make_cell(self, source: str, *, quiet: bool) -> None:
        """Put the reply's first code block into a new cell; once for each cell."""
        from grok_nb.show.render import notes_bundle
        from grok_nb.show.safe_html import first_code

        found = first_code(self.last.text if self.last else "")
        cell = self.origin().cell_id or source
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

    def require_key(self) -> None:
        """Raise, after a card on how to set one, where there is no key."""
        from grok_nb import keys

        settings = default().settings()
        try:
            keys.required(settings)
        except ConfigError:
            if not self._card_shown:
                from grok_nb.show.render import notice_bundle

                self._card_shown = True
                title = "grok_nb needs an API key of xAI, or its sandbox."
                display(notice_bundle(title, _CARD), raw=True)
            raise


def _begun(ask: Ask) -> Reply:
    """Return the reply of which nothing has come."""
    from grok_nb.reply import Reply

    return Reply(model=ask.model, thread=ask.origin.thread, schema=ask.schema)


def default() -> Any:
    """Return the module of the default session; a first question pays for loading it."""
    from grok_nb import default

    return default


def unfinished(error: BaseException, reply: Reply) -> Reply:
    """Return what there is of a reply that an error or Interrupt ended."""
    found = getattr(error, "reply", None) or reply
    is_cut = isinstance(error, BudgetExceeded) and error.reply is not None
    state = "failed" if isinstance(error, GrokError) and not is_cut else "stopped"
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


def attached(text: str, names: dict[str, Any], notes: list[str]) -> Any:
    """Return what ``-a`` names: an object, or a path or URL."""
    from .interpolate import interpolate, object_in

    is_object, found = object_in(text, names)
    return found if is_object else interpolate(text, names, notes)


def parent_of(shell: Any) -> dict[str, Any]:
    """Return the execute request that runs now; empty outside of a kernel."""
    get_parent = getattr(shell, "get_parent", None)
    return (get_parent() if get_parent else None) or {}


def _is_terminal(shell: Any) -> bool:
    """Whether this is IPython in a terminal: no kernel, no front end."""
    return getattr(shell, "kernel", None) is None


def is_watched(shell: Any) -> bool:
    """Whether somebody sees outputs as they come: not nbclient, nbval, nbconvert."""
    if _is_terminal(shell):
        return sys.stdout.isatty()
    return bool(parent_of(shell).get("content", {}).get("allow_stdin", False))


@contextlib.contextmanager
def brief() -> Iterator[None]:
    """Show errors in a line or two, without the frames that lead to them."""
    try:
        yield
    except OptionError:
        raise
    except GrokError as error:
        shown = by_flag(f"{error}") if isinstance(error, BadRequest) else f"{error}"
        lines = [f"{type(error).__name__}: {shown}"]
        # the hint, how often it was tried and with how much doubt, the request id
        if notes := getattr(error, "__notes__", None):
            lines.append("  " + " ".join(notes))
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  # IPython's hook
        raise
    except KeyboardInterrupt as stop:
        stop._render_traceback_ = lambda: ["KeyboardInterrupt: stopped"]  # type: ignore[attr-defined]  # IPython's hook
        raise


def is_brief(error: BaseException) -> bool:
    """Whether a magic of ours ended with that error: it was shown in a line or two."""
    return isinstance(error, OptionError) or (
        isinstance(error, (GrokError, KeyboardInterrupt))
        and "_render_traceback_" in vars(error)
    )


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
