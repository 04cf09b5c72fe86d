"""`Thread`: a conversation that is kept; what ``%%grok -c NAME`` and Python share.

A thread belongs to its notebook, where the front end tells which one that is, else to
the working folder: that in which the process first used a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack
from uuid import uuid4

from grok_nb import default, turns
from grok_nb.api.chat import check_messages
from grok_nb.api.question import question
from grok_nb.errors import BadRequest
from grok_nb.reply import Origin
from grok_nb.store import file
from grok_nb.store.threads import Place, ThreadLog, ThreadSize
from grok_nb.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from grok_nb.api.question import AskOptions
    from grok_nb.reply import Ask, Reply
    from grok_nb.session import Grok, ReplyStream

MAIN: Final = "main"
_FORMAT, _VERSION = "grok_nb thread", 1
_LONGEST_NAME = 200


class Thread:
    """A conversation that is kept: each question is sent with the turns before it.

    The same thread as ``%%grok -c NAME`` in this notebook. It is in the store, and
    survives a restart of the kernel; with ``keep_text=False`` it is in memory only.

    Parameters
    ----------
    name
        1 to 200 characters. Default ``"main"``.
    notebook
        Path of another notebook whose thread it is. Default this one; where the front
        end does not tell, the working folder.
    grok
        Who asks. Default the session of `grok_nb.ask`.

    Raises
    ------
    BadRequest
        That can be no name.

    Examples
    --------
    >>> import grok_nb as gn
    >>> with gn.sandbox():
    ...     thread = gn.Thread("sums")
    ...     _ = thread.ask("What is 6*7?")
    ...     _ = thread.ask("And 6*8?")
    ...     len(thread)
    2
    """

    def __init__(
        self,
        name: str = MAIN,
        *,
        notebook: str | os.PathLike[str] | None = None,
        grok: Grok | None = None,
    ) -> None:
        self.name = _checked_name(name)
        self.place = place(notebook)
        self._grok = grok

    @property
    def grok(self) -> Grok:
        """Who asks."""
        return self._grok or default.session()

    @property
    def log(self) -> ThreadLog:
        """Where it is kept."""
        return self.grok.threads

    @property
    def turns(self) -> list[Turn]:
        """The turns, in their order: ``.prompt``, ``.reply``, ``.stale``, ...

        A turn is stale when one before it was asked again since. It is resent all the
        same: the thread is what its transcript shows. Asking it again (running its
        cell, or ``ask(..., at=)``) makes it fresh.
        """
        return self.log.turns(self.place, self.name)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What would be sent before the next question.

        Of a reply that was stopped or broke off its text is sent, with a mark.
        """
        found = self.turns
        system = turns.system_of(found)
        first = [{"role": "system", "content": system}] if system else []
        return [*first, *turns.messages(found)]

    def ask(
        self,
        prompt: str | None = None,
        *,
        at: int | None = None,
        **options: Unpack[AskOptions],
    ) -> Reply:
        """Ask the next question, or one again, and wait for the whole reply.

        A reply that fails without text leaves no turn; of one that is stopped or breaks
        off, its text stays.

        Parameters
        ----------
        prompt
            The user's text. It travels as it is.
        at
            Number of the turn (from 0; -1 is the last) whose place it takes: sent are
            the turns before it, those after it become stale, and the system prompt
            that was given with it stays. Default: a new turn.
        **options
            Those of `grok_nb.ask` but ``messages``. ``system`` holds from here on;
            ``system=""`` takes it away.

        Returns
        -------
        Reply

        Raises
        ------
        GrokError
            One of the tree in `grok_nb.errors`.
        """
        __tracebackhide__ = True
        asking = Asking(self, at=at)
        ask = asking.question(prompt, **options)
        with asking:
            return asking.grok.fetch(
                ask, on_retry=options.get("on_retry"), on_end=asking.end
            )

    async def aask(
        self,
        prompt: str | None = None,
        *,
        at: int | None = None,
        **options: Unpack[AskOptions],
    ) -> Reply:
        """Ask the next question, awaitable; see `ask`."""
        asking = await asyncio.to_thread(Asking, self, at=at)
        ask = asking.question(prompt, **options)
        core = asking.grok._core  # noqa: SLF001 - the same in two faces
        try:
            return await core.fetch(
                ask, on_retry=options.get("on_retry"), on_end=asking.end
            )
        finally:
            await asyncio.to_thread(asking.flush)
            core.warn()

    def stream(
        self,
        prompt: str | None = None,
        *,
        at: int | None = None,
        **options: Unpack[AskOptions],
    ) -> ReplyStream:
        """Ask the next question and iterate over the reply; see `ask`."""
        asking = Asking(self, at=at)
        ask = asking.question(prompt, **options)
        return asking.grok.follow(
            ask, on_retry=options.get("on_retry"), on_end=asking.end
        )

    def undo(self) -> Turn:
        """Take the last turn out of the thread, and return it.

        Raises
        ------
        BadRequest
            There is none.
        """
        found = self.turns
        if not found:
            raise BadRequest(f"The thread {self.name!r} has no turns to undo.")
        self.log.undo(self.place, self.name, found[-1].slot)
        return found[-1]

    def clear(self) -> None:
        """Let the thread begin anew; what it held stays in the store until a purge."""
        self.log.add(self.place, self.name, [], begins=True)

    def delete(self) -> None:
        """Delete the thread from the store, with all that it ever held."""
        self.log.delete(self.place, self.name)

    def fork(self, name: str, at: int | None = None) -> Thread:
        """Copy the thread to a new one, which goes its own way.

        Parameters
        ----------
        name
            Of the new one.
        at
            How many turns are copied, from the first; negative: all but so many.
            Default all.

        Raises
        ------
        BadRequest
            A thread of that name has turns already.
        """
        if at is not None and (isinstance(at, bool) or not isinstance(at, int)):
            raise BadRequest(f"at must be a number of turns, not {at!r}.")
        other = self._beside(name)
        if count := len(other):
            raise BadRequest(
                f"There is a thread {other.name!r} already, with {count} turns.",
                hint=f"Take another name, or Thread({other.name!r}).clear().",
            )
        self.log.add(other.place, other.name, self.turns[:at])
        return other

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the thread to a file: JSON, with the attachments.

        The file is whole at any time, also when two kernels write it. It replaces a
        saved thread, and nothing else.

        Parameters
        ----------
        path
            Its folder exists.

        Raises
        ------
        BadRequest
            The path is that of something else, or cannot be written.
        """
        target = Path(path).expanduser().resolve()
        part = target.with_name(f".{target.name}.{uuid4().hex}.part")
        try:
            # who writes last has seen the turns of who wrote before
            with file.alone_in(str(target.parent)):
                if target.exists():
                    _read_file(target, "is there already, and stays as it is")
                data = {"format": _FORMAT, "version": _VERSION, "name": self.name}
                data |= {"turns": [turns.written(turn) for turn in self.turns]}
                text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
                try:
                    with part.open("wb") as opened:
                        opened.write(text.encode("utf-8", "replace"))
                        opened.flush()
                        os.fsync(opened.fileno())
                    part.replace(target)
                finally:
                    with contextlib.suppress(OSError):
                        part.unlink(missing_ok=True)
        except OSError as error:
            raise BadRequest(
                f"{target} cannot be written: {error.strerror or error}."
            ) from error

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        notebook: str | os.PathLike[str] | None = None,
        grok: Grok | None = None,
    ) -> Self:
        """Return the thread that a file holds, as it was when it was saved.

        Parameters
        ----------
        path
            What `save` wrote.
        name
            What it is called here. Default as in the file.
        notebook, grok
            As for `Thread`.

        Raises
        ------
        BadRequest
            The file cannot be read, or holds something else; or a thread of that name
            has turns that are no part of this conversation. Nothing is changed.
        """
        source = Path(path).expanduser()
        saved, found = _read_file(source, "is no thread that was saved")
        thread = cls(saved if name is None else name, notebook=notebook, grok=grok)
        found = [dataclasses.replace(turn, reply=_of(turn, thread)) for turn in found]
        there = thread.turns
        if there and {t.slot for t in there}.isdisjoint(t.slot for t in found):
            raise BadRequest(
                f"There is another thread {thread.name!r}, with {len(there)} turns.",
                hint=f"Load it by another name=, or Thread({thread.name!r}).clear().",
            )
        if there or found:
            thread.log.add(thread.place, thread.name, found, begins=True)
        return thread

    def _beside(self, name: str) -> Thread:
        other = Thread(name, grok=self._grok)
        other.place = self.place
        return other

    def __len__(self) -> int:
        return len(self.turns)

    def __bool__(self) -> bool:
        return True  # also without turns

    def __repr__(self) -> str:
        return f"<{_title(self, self.turns)}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from grok_nb.show.transcript import transcript_bundle

        found = self.turns
        return transcript_bundle(_title(self, found), found)


class Asking:
    """One question in a thread, until its turn is written down.

    Parameters
    ----------
    thread
        The thread.
    slot
        Identity of the turn; a turn that has it is asked again. Default a new one.
    at
        Number of the turn that is asked again.
    begins
        Whether the thread begins anew with this turn, if there will be one.

    Raises
    ------
    BadRequest
        There is no turn ``at``.
    """

    def __init__(
        self,
        thread: Thread,
        *,
        slot: str | None = None,
        at: int | None = None,
        begins: bool = False,
    ) -> None:
        self.thread = thread
        self.grok = thread.grok
        self._log = self.grok.threads
        self._time = self._log.now()
        self._begins = begins
        found = [] if begins else self._log.turns(thread.place, thread.name)
        self._system: str | None = None
        if at is not None:
            again = _turn_at(found, at, thread.name)
            slot, self._system = again.slot, again.system
        slots = [turn.slot for turn in found]
        self.history = found[: slots.index(slot)] if slot in slots else found
        self._slot = slot or uuid4().hex
        self._ask: Ask | None = None

    @property
    def fleeting(self) -> str:
        """Why the thread ends with this process; empty where it does not."""
        return self._log.fleeting

    def question(
        self,
        prompt: str | None = None,
        *,
        origin: Origin = Origin(),  # noqa: B008 - frozen
        **options: Any,
    ) -> Ask:
        """Return the `Ask`: the turns before, and the question.

        Raises
        ------
        BadRequest
            Nothing to ask, or an option that cannot be right.
        """
        if options.get("messages") is not None:
            raise BadRequest(
                "A thread has its own messages.", hint="gn.ask(messages=...) has none."
            )
        if prompt is None and options.get("attach") is None:
            raise BadRequest("There is nothing to ask: give a prompt.")
        if options.get("system") is not None:
            self._system = options["system"]
        holds = turns.system_of(self.history)
        options["system"] = holds if self._system is None else self._system
        options["messages"] = turns.messages(self.history) or None
        place = self.thread.place
        origin = dataclasses.replace(
            origin, thread=self.thread.name, notebook=place.notebook
        )
        self._ask = question(prompt, origin=origin, **options)
        return self._ask

    def end(self, reply: Reply) -> None:
        """Take the turn down, if there is one; called by the loop that asked.

        Interrupts do not reach that thread: the turn is written down as it ended, or
        there was no turn.
        """
        if reply.state == "running":  # it ended before it began
            reply = dataclasses.replace(reply, state="stopped")
        has_run = any(step.kind == "function" for step in reply.steps)
        if self._ask is None or not (reply.state == "done" or reply.text or has_run):
            return
        turn = Turn(
            asked=self._ask.messages[-1],
            reply=reply,
            time=self._time,
            slot=self._slot,
            system=self._system,
        )
        self._log.add(self.thread.place, self.thread.name, [turn], begins=self._begins)

    def flush(self) -> None:
        """Wait until the turn has been committed, or cannot be now."""
        self._log.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()


def place(notebook: str | os.PathLike[str] | None = None) -> Place:
    """Return where threads belong to: a notebook, by default this one."""
    if notebook is not None:
        return _place_of(os.path.abspath(Path(notebook).expanduser()))  # noqa: PTH100
    return _here(os.environ.get("JPY_SESSION_NAME"))  # set by Jupyter's server


@functools.cache  # `%cd` in a notebook must not change its threads
def _here(notebook: str | None) -> Place:
    if notebook:
        return _place_of(os.path.abspath(notebook))  # noqa: PTH100
    try:
        return Place(f"folder:{Path.cwd()}")
    except OSError:  # it was deleted
        return Place("folder:")


def _place_of(path: str) -> Place:
    return Place(f"notebook:{path}", Path(path).name)


def listed() -> list[ThreadSize]:
    """Return the threads of this notebook; the one that was used last comes first."""
    return default.session().threads.sizes(place())


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise BadRequest(f"The name of a thread must be text, not {name!r}.")
    is_right = name.isprintable() and name.strip() and len(name) <= _LONGEST_NAME
    if not is_right:
        raise BadRequest(
            f"{name[:40]!r} can be no name of a thread.",
            hint=f"1 to {_LONGEST_NAME} characters, in one line.",
        )
    return name


def _title(thread: Thread, found: Sequence[Turn]) -> str:
    from grok_nb.show.transcript import title_of

    return title_of(thread.name, found, thread.log.fleeting)


def _turn_at(found: Sequence[Turn], at: object, name: str) -> Turn:
    if isinstance(at, bool) or not isinstance(at, int):
        raise BadRequest(f"at must be the number of a turn, not {at!r}.")
    try:
        return found[at]
    except IndexError:
        raise BadRequest(
            f"The thread {name!r} has {len(found)} turns, and none at {at}.",
            hint="They are counted from 0; -1 is the last.",
        ) from None


def _of(turn: Turn, thread: Thread) -> Reply:
    return dataclasses.replace(turn.reply, thread=thread.name)


def _read_file(path: Path, otherwise: str) -> tuple[str, list[Turn]]:
    """Return the name and the turns that a file holds.

    Parameters
    ----------
    path
    otherwise
        What is to be said of a file that holds something else.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise BadRequest(
            f"{path} cannot be read: {error.strerror or error}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _unread(path, otherwise, f"it is no whole JSON text ({error})") from None
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise _unread(path, otherwise, "it does not hold a thread")
    if data.get("version") != _VERSION:
        raise _unread(path, otherwise, "a newer grok_nb has written it: upgrade")
    try:
        name = _checked_name(data.get("name"))
        entries = data.get("turns")
        if not isinstance(entries, list):
            raise ValueError("it has no list of turns")  # noqa: TRY004, TRY301
        found = [turns.read(entry, name) for entry in entries]
        if len({turn.slot for turn in found}) < len(found):
            raise ValueError("two turns have one slot")  # noqa: TRY301
        if found:
            check_messages(turns.messages(found))
    except (ValueError, BadRequest) as error:
        raise _unread(path, otherwise, f"{error}".rstrip(".")) from None
    return name, found


def _unread(path: Path, otherwise: str, why: str) -> BadRequest:
    return BadRequest(
        f"{path} {otherwise}: {why}.",
        hint="A file that Thread.save() wrote is needed, unchanged.",
    )
