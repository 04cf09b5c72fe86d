"""``%%grok --defer``: the cell returns at once, and its reply fills in later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from grok_nb.errors import BadRequest, GrokError
from grok_nb.show.render import notes_bundle, reply_bundle

from .asking import default, is_watched
from .options import OptionError
from .preview import details_bundle
from .structured import bind_frame
from .wording import by_flag, option_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from grok_nb.deferring import DeferredReply
    from grok_nb.reply import Ask, Reply

    from .asking import CellAsking

#: option -> why it cannot be deferred
_NOT = {
    "search": "what searches is answered by another endpoint",
    "run_code": "what runs code is answered by another endpoint",
    "tools": "nobody is there to run the functions",
    "code": "the next cell may be another one by then",
    "show": "--dry-run shows what would be sent",
}


def check_deferrable(options: dict[str, Any]) -> None:
    """Refuse what cannot be deferred.

    Raises
    ------
    OptionError
        Nothing was sent.
    """
    for name, why in _NOT.items():
        if options.get(name):
            flag = by_flag(name) if name != "code" else "--code"
            flag = "--show" if name == "show" else flag
            raise OptionError(f"{flag} does not go with --defer: {why}.")
    if options.get("stream") == "on":
        raise OptionError(
            "--stream does not go with --defer: the reply comes whole, later."
        )


def deferred(
    cell: CellAsking,
    ask: Ask,
    options: dict[str, Any],
    notes: list[str],
    on_end: Callable[[Reply], None] | None,
) -> None:
    """Ask, bind and show a reply that fills in later."""
    from grok_nb.deferring import DeferredReply

    shell, quiet = cell.shell, options.get("quiet", False)
    how, is_table = options.get("format") or cell.format, bool(options.get("df"))
    shown: list[Callable[[DeferredReply], None]] = []
    ended: list[DeferredReply] = []

    def end(found: DeferredReply) -> None:
        """Run on the event loop: only the displays of this cell are touched."""
        try:
            if on_end is not None:
                on_end(found.reply)
            if options.get("df") and found.reply.state == "done":
                bind_frame(options, found.reply, shell.user_ns)
        except GrokError as error:
            found.error = error
        ended.append(found)
        for show in shown:
            show(found)

    def final(found: DeferredReply) -> dict[str, str]:
        error, note = found.error, ""
        if error is not None:
            note = f"{type(error).__name__}: {error} {error.hint or ''}".strip()
        return reply_bundle(found.reply, note=note, how=how, table=is_table)

    try:
        made = DeferredReply(
            default().session(), ask, refresh=options.get("refresh", False), on_end=end
        )
    except BadRequest as error:
        if error.status is not None:  # the server's word
            raise
        raise option_error(error) from None
    cell.last = made  # type: ignore[assignment]  # it has all that a reply has
    if options.get("out"):
        shell.user_ns[options["out"]] = made
    if quiet:
        return
    said = [*notes, made.note] if made.note else notes
    if said:
        display(notes_bundle(said), raw=True)
    waits = _waits(options)
    bundle = {**reply_bundle(made.reply, note=waits), "text/plain": waits}
    if not is_watched(shell):
        # nobody sees it change, and what is saved is the same at every run
        display(bundle, raw=True)
        return
    shown += _updates(bundle, final)
    if options.get("verbose"):
        waits = "Its details come with it."
        shown += _updates(
            notes_bundle([waits]), lambda found: details_bundle(found.reply)
        )
    for found in ended:  # it came before there was something to update
        for show in shown:
            show(found)


def _updates(
    bundle: dict[str, str], final: Callable[[DeferredReply], dict[str, str]]
) -> list[Callable[[DeferredReply], None]]:
    """Show something, and return what will update it."""
    handle = display(bundle, raw=True, display_id=True)
    return [lambda found: handle.update(final(found), raw=True)]


def _waits(options: dict[str, Any]) -> str:
    name = options.get("out")
    what = f"{name}.result() waits for it" if name else "it will appear here"
    return f"deferred: {what}"
