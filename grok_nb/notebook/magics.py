"""``%%grok``, ``%grok`` and their kin: parse, one call into the session, show."""

from __future__ import annotations

import warnings
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
from grok_nb.errors import ConfigError
from grok_nb.show.formats import FORMATS, fenced

from .asking import UNTIL, CellAsking, brief, default, is_brief, parent_of
from .money import Money
from .options import CELL, FIX, LINE, TOKENS, OptionError, help_text, parse
from .picturing import Picturing
from .structured import bind_frame
from .verbatim import TRANSFORMS, typed_body, with_body

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from grok_nb.checkup import Checkup
    from grok_nb.reply import Reply
    from grok_nb.wire import Tokens


#: The settings that ``%config GrokMagics`` shares with `grok_nb.configure`.
_CONFIGURED = (
    *("model", "base_url", "store", "stream", "timeout_s", "on_doubt", "keep_text"),
    "budget_usd",
)
_FIX_PROMPT = (
    "This notebook cell failed with the error above. Say in one sentence why, then give "
    "the whole corrected cell in one fenced Python block."
)
_BRACES_HELP = r"""{{name}}, {{df.shape}}, {{rows[0]["id"]}} put variables into the prompt; nothing is
called. Filters: {{df|head:5}} {{df|tail:5}} {{df|csv}} {{df|schema}} (columns only)
{{x|json}} {{text|trunc:2000}} (characters). A DataFrame is sent as shape, dtypes and
first rows. { }, $ and \ travel as they are; \{{ stands for {{; -R replaces nothing."""
_FIELDS_HELP = """Fields of --schema, in quotes: 'name, age int?, kind a|b, tags list[str]: topics'.
Types are str (default), int, float, bool, date, datetime, dict, list[...] and choices;
? allows none, a note for the model follows a colon."""
CELL_HELP = help_text(
    f"""%%grok [options] - ask Grok; the cell's body is the prompt.

{_BRACES_HELP}""",
    CELL,
    f"""{_FIELDS_HELP}
Cells of a thread see its turns before their own; -s holds for those after it, too. A
cell that runs again replaces its turn; later ones are stale (marked, still sent) until
they run.
Interrupt ends the request; what had come is shown, bound and booked.

Examples
  %%grok -s "Answer in one sentence." -o reply
  %%grok -s @reviewer.md -x vars:df,model -x file:notes.txt
  %%grok -a {{{{fig}}}} -a plot.png -a https://example.com/a.jpg
  %%grok --schema 'item, quantity int, price float' --many --df items
  %%grok --schema Invoice -o reply         reply.parsed is an Invoice
  %%grok -c plan                           continue the thread "plan"
  %%grok --tool get_prices --tool plot     functions of yours
  %%grok --search web --domains docs.x.ai     its sources: reply.citations
  %%grok --dry-run --max-tokens 500        the price, and what would be sent

Beside it
  %grok TEXT                  ask in one line; returns the Reply
  %grok_fix                   have the cell that failed last corrected
  %grok_last                  the last reply again
  %grok_image TEXT            draw pictures, or change some
  %grok_tokens TEXT           how the model splits a text
  %grok_threads               the threads here; gn.Thread("plan") has .turns, .ask(),
                              .undo(), .fork(), .save(), .load(), .clear(), .delete()
  %grok_budget 5              spend at most 5 USD in this session (--per day: today)
  %grok_usage, %grok_models   what was asked and cost; models and prices
  %config GrokMagics          defaults: %config GrokMagics.model = "grok-4.3"
  %grok_key, %grok_doctor     set a key, hidden; find out what does not work
  %grok_sandbox on            replies from this machine, without a key
(gn: import grok_nb as gn)""",
)
LINE_HELP = help_text(
    f"""%grok [options] TEXT - ask Grok one question; returns the Reply.

Everything after the options is the prompt, verbatim; -- ends the options.
{_BRACES_HELP}""",
    LINE,
    f"{_FIELDS_HELP}\n%%grok? has more, and examples.",
)
FIX_HELP = help_text(
    "%grok_fix [options] [TEXT] - have the last failed cell corrected.\n\n"
    "Sends the cell and its error; the corrected cell appears below, and is not run.",
    FIX,
)
TOKENS_HELP = help_text(
    "%grok_tokens [options] TEXT - a picture of the text's tokens; free.\n\n"
    "{{name}} puts a variable into the text. Returns the tokens: .count, .token_ids.\n"
    "A prompt is billed for a few more, which the API adds.",
    TOKENS,
)


@magics_class
class GrokMagics(CellAsking, Picturing, Money, Magics):
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
    budget_usd = Float(
        None, allow_none=True, help="What this session may spend, in USD."
    ).tag(config=True)
    format = Enum(FORMATS, "md", help="How answers are shown, as -f.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.begin_asking()
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
        with brief():
            options, rest = parse(line, CELL)
            if options.pop("help", False):
                display({"text/plain": CELL_HELP}, raw=True)
                return
            if rest:
                raise OptionError(
                    f"Unexpected text on the option line: {rest[:40]!r}.",
                    hint="The prompt is the cell's body, below this line."
                    if "schema" not in options
                    else "A schema with spaces needs quotes: --schema 'name, age int'.",
                )
            code = parent_of(self.shell).get("content", {}).get("code", "")
            self.answer(typed_body(cell, code), options, f"{line}\n{cell}")

    @no_var_expand
    @line_magic("grok")
    def grok_line(self, line: str) -> Reply | None:  # noqa: D102 - LINE_HELP
        with brief():
            options, text = parse(line, LINE)
            if options.pop("help", False):
                display({"text/plain": LINE_HELP}, raw=True)
                return None
            ask = self.question(text, options)
            self.require_key()
            reply = self.fetch(default().session(), ask, options)
            bind_frame(options, reply, self.shell.user_ns)
            return reply

    @line_magic
    def grok_sandbox(self, line: str) -> None:
        """%grok_sandbox on|off|status - a server on this machine that plays xAI's API.

        Needs no key and no network. Its replies are marked, and cost nothing.
        """
        with brief():
            module, word = default(), line.strip() or "status"
            if word not in ("on", "off", "status"):
                raise OptionError(
                    f"%grok_sandbox takes on, off or status, not {word!r}."
                )
            if word == "on":
                module.sandbox()
            running = module.running_sandbox()
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
        with brief():
            if line.strip():
                raise OptionError(
                    "%grok_key takes nothing: what is typed here is saved in the notebook.",
                    hint="If that was a key, replace it at https://console.x.ai.",
                )
            if default().running_sandbox() is not None:
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
            default().configure(api_key=key)
            display({"text/plain": "The key is set for this session."}, raw=True)

    @line_magic
    def grok_last(self, line: str) -> Reply:
        """%grok_last - the last reply of a magic again: shows and returns it."""
        with brief():
            if line.strip():
                raise OptionError("%grok_last takes nothing.")
            if self.last is None:
                raise OptionError(
                    "Nothing was asked yet.", hint="%grok TEXT asks a question."
                )
            return self.last

    @no_var_expand
    @line_magic
    def grok_tokens(self, line: str) -> Tokens | None:  # noqa: D102 - TOKENS_HELP
        with brief():
            options, text = parse(line, TOKENS)
            if options.pop("help", False):
                display({"text/plain": TOKENS_HELP}, raw=True)
                return None
            if not options.get("raw"):
                from .interpolate import interpolate

                text = interpolate(text, self.shell.user_ns)
            if not text:
                raise OptionError(
                    "There is no text.", hint="%grok_tokens TEXT, or {{name}}."
                )
            self.require_key()
            tokens: Tokens = default().session().tokenize(text, options.get("model"))
            return tokens

    @no_var_expand
    @line_magic
    def grok_fix(self, line: str) -> None:  # noqa: D102 - FIX_HELP
        with brief():
            options, text = parse(line, FIX)
            if options.pop("help", False):
                display({"text/plain": FIX_HELP}, raw=True)
                return
            if self._failed is None:
                raise OptionError("No cell has failed yet, so there is nothing to fix.")
            from .context import error_part

            source, error = self._failed
            notes: list[str] = []
            options |= {
                "code": True,
                "raw": True,
                "parts": [error_part(error, self.shell, notes)],
            }
            prompt = f"{_FIX_PROMPT}\n\n{text}".rstrip()
            self.answer(
                f"{prompt}\n\n{fenced(source, 'python')}", options, source, notes
            )

    def note_result(self, result: Any) -> None:
        """Remember a cell that failed, or is kept nowhere else; IPython calls this.

        Not one that failed to ask: what it asked about is asked about again.
        """
        error = result.error_before_exec or result.error_in_exec
        source = getattr(result.info, "raw_cell", None)
        if isinstance(source, str) and not result.info.store_history:
            self._unstored.append((source, result.result))
        if error is not None and not is_brief(error) and isinstance(source, str):
            self._failed = source.rstrip("\n"), error

    @line_magic
    def grok_doctor(self, line: str) -> Checkup:
        """%grok_doctor - what works here, what does not, and what to type next."""
        with brief():
            if line.strip():
                raise OptionError("%grok_doctor takes nothing.")
            from grok_nb.checkup import doctor

            return doctor()

    @line_magic
    def grok_threads(self, line: str) -> pd.DataFrame:
        """%grok_threads - the threads of this notebook; the latest one comes first.

        gn.Thread(NAME) shows one; gn.Thread(NAME).delete() deletes it.
        """
        with brief():
            if line.strip():
                raise OptionError(
                    "%grok_threads takes nothing.", hint="gn.Thread(NAME) shows one."
                )
            from grok_nb.frames.tables import threads

            found, fleeting = threads(), default().session().threads.fleeting
            text = (
                "gn.Thread(NAME) shows a thread, gn.Thread(NAME).delete() deletes it."
            )
            if fleeting:
                text += f" They are in memory only, {UNTIL}: {fleeting}."
            display({"text/plain": text}, raw=True)
            return found


for _part in (Picturing, Money):
    for _kind, _found in _part.magics.items():
        GrokMagics.magics[_kind].update(_found)
GrokMagics.grok_cell.__doc__ = CELL_HELP
GrokMagics.grok_line.__doc__ = LINE_HELP
GrokMagics.grok_fix.__doc__ = FIX_HELP
GrokMagics.grok_tokens.__doc__ = TOKENS_HELP


@context_matcher()
def complete(context: Any) -> Any:
    """Complete what is typed into a cell of ours; loads the rest when Tab is hit."""
    from .completion import matches

    return matches(context)


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
    inputs = shell.input_transformer_manager
    inputs.token_transformers[:0] = TRANSFORMS
    inputs.cleanup_transforms.append(with_body)


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
    inputs = shell.input_transformer_manager
    for transforms in (inputs.token_transformers, inputs.cleanup_transforms):
        transforms[:] = [t for t in transforms if t not in (*TRANSFORMS, with_body)]
