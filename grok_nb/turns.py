"""A turn of a thread, what of it is sent again, and which turns a thread's log leaves.

A thread is a log that only grows: an entry for each turn that was asked, asked again or
undone, and for each new beginning. `live` says what the thread is now. So two kernels
that write at the same time lose nothing, and what was replaced is kept.
"""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, get_args

from grok_nb.reply import (
    Choice,
    Citation,
    CostSource,
    Reply,
    State,
    Step,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: What follows the text of a reply that is not whole, on screen and when it is resent.
ENDINGS: Final = {"stopped": "[stopped]", "failed": "[broken off]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question in a thread, and its reply.

    Attributes
    ----------
    asked : dict
        The user's message as it was sent, attachments included.
    reply : Reply
        As it was; without ``.request`` and ``.raw``.
    time : datetime.datetime
        When it was asked, UTC.
    system : str or None
        The system prompt that was given with it, which holds from here on; ``""`` takes
        it away, ``None`` leaves it as it was.
    slot : str
        Its identity in the thread: ``cell:`` and the cell's id, ``source:`` and the
        hash of the cell's text, or unique.
    stale : bool
        Whether a turn before it was asked again since.
    """

    asked: Mapping[str, Any]
    reply: Reply
    time: datetime.datetime
    slot: str
    system: str | None = None
    stale: bool = False

    @property
    def prompt(self) -> str:
        """The text of the question."""
        content = self.asked.get("content")
        if isinstance(content, str):
            return content
        last = content[-1] if content else {}  # what is asked follows what is attached
        text = last.get("text") if last.get("type") == "text" else ""
        return text if isinstance(text, str) else ""

    @property
    def attached(self) -> list[Mapping[str, Any]]:
        """The parts of the question that are not its text."""
        content = self.asked.get("content")
        if isinstance(content, str) or not content:
            return []
        return list(content[:-1] if self.prompt else content)

    @property
    def state(self) -> str:
        """How the reply ended: ``"done"``, ``"stopped"`` or ``"failed"``."""
        return self.reply.state

    @property
    def model(self) -> str | None:
        """The model that answered."""
        return self.reply.model

    def __repr__(self) -> str:
        prompt = self.prompt if len(self.prompt) <= 50 else self.prompt[:47] + "..."
        marks = "".join(
            f", {mark}"
            for mark, holds in (
                (self.state, self.state != "done"),
                ("stale", self.stale),
            )
            if holds
        )
        return f"<Turn {prompt!r}{marks}>"


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return what is sent of earlier turns, after the system prompt that holds.

    Stale turns are sent, too: the thread is what its transcript shows, and asking its
    first cell again must not make the model forget all that was said since.
    """
    found: list[dict[str, Any]] = []
    for turn in turns:
        found.append(dict(turn.asked))
        text = turn.reply.text or turn.reply.choices[0].refusal or ""
        # one that the server ended is whole, even if it does not fit its schema
        if text and turn.state in ENDINGS and turn.reply.finish_reason is None:
            text += f"\n\n{ENDINGS[turn.state]}"
        found += exchanged(turn.reply.steps)
        if text:  # a message may not be empty
            found.append({"role": "assistant", "content": text})
    return found


def exchanged(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return the messages that calls of functions, and their results, make.

    Of each round the calls, then their results; what the server's own tools did is in
    the answer. Source: xai-api.md section 3.2.
    """
    rounds: dict[int, list[Step]] = {}
    for step in steps:
        if step.kind == "function":
            rounds.setdefault(step.round, []).append(step)
    found: list[dict[str, Any]] = []
    for served in rounds.values():
        calls = [
            {
                "id": step.id,
                "type": "function",
                "function": {"name": step.name, "arguments": step.arguments},
            }
            for step in served
        ]
        found.append({"role": "assistant", "content": "", "tool_calls": calls})
        found += [
            {"role": "tool", "tool_call_id": step.id, "content": step.result}
            for step in served
        ]
    return found


def system_of(turns: Sequence[Turn]) -> str | None:
    """Return the system prompt that holds after these turns."""
    given = [turn.system for turn in turns if turn.system is not None]
    return given[-1] if given else None


class Entry(Protocol):
    """What `live` needs to know of an entry."""

    @property
    def seq(self) -> int:
        """Its place in the log."""

    @property
    def kind(self) -> Literal["turn", "undo", "clear"]:
        """What happened."""

    @property
    def slot(self) -> str:
        """The turn that it is about."""

    @property
    def begins(self) -> bool:
        """Whether the thread begins anew before it."""

    @property
    def stale(self) -> bool:
        """Whether the turn was stale already when it was copied here."""


E = TypeVar("E", bound=Entry)


def live(log: Iterable[E]) -> list[tuple[E, bool]]:
    """Return the entries of the turns that the thread has now, and which are stale.

    A turn that is asked again keeps its place. It is stale when one before it was asked
    later than itself.

    Parameters
    ----------
    log
        In the order of ``seq``; parts of it may have been purged.
    """
    places: dict[str, E] = {}  # a key that is set again keeps its place
    for entry in log:
        if entry.begins:
            places.clear()
        if entry.kind == "undo":
            places.pop(entry.slot, None)
        elif entry.kind == "turn":
            places[entry.slot] = entry
    newest, found = 0, []
    for entry in places.values():
        found.append((entry, bool(entry.stale) or entry.seq < newest))
        newest = max(newest, entry.seq)
    return found


# -- as JSON ---------------------------------------------------------------------------

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "bool": (bool,),
}
#: what such a text may be
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "State": get_args(State),
    "CostSource": get_args(CostSource),
}
_PARTS: Final[dict[str, type]] = {
    "tuple[Choice, ...]": Choice,
    "tuple[ToolCall, ...]": ToolCall,
    "tuple[Citation, ...]": Citation,
    "tuple[Step, ...]": Step,
}
_PAIRS: Final = "tuple[tuple[str, int], ...]"
_USAGE: Final = "Usage | None"
#: A value of any other kind (what was asked, what came) is not kept.
_KEPT: Final = {*_KINDS, *_WORDS, *_PARTS, _PAIRS, _USAGE}
#: The store takes no larger number.
_LARGEST: Final = 2**63 - 1


def written(turn: Turn) -> dict[str, Any]:
    """Return a turn as JSON has it."""
    return {
        "slot": turn.slot,
        "time": turn.time.isoformat(timespec="microseconds"),
        "stale": turn.stale,
        "system": turn.system,
        "asked": dict(turn.asked),
        "reply": _written(turn.reply, but=("thread",)),
    }


def read(data: Any, thread: str) -> Turn:
    """Read what `written` wrote; unknown fields are left out.

    Raises
    ------
    ValueError
        It is no such thing.
    """
    if not isinstance(data, dict):
        raise ValueError("a turn is no object")  # noqa: TRY004 - of a file, not a call
    asked, system, slot = data.get("asked"), data.get("system"), data.get("slot")
    if not isinstance(asked, dict) or not _is_question(asked):
        raise ValueError("a turn has no question")
    if not isinstance(slot, str) or not slot:
        raise ValueError("a turn has no slot")
    if not (system is None or isinstance(system, str)):
        raise ValueError("the system prompt of a turn is no text")
    moment = data.get("time")
    time = datetime.datetime.fromisoformat(moment if isinstance(moment, str) else "")
    if time.tzinfo is None:
        raise ValueError("the time of a turn has no time zone")
    reply = _read_as(Reply, data.get("reply"))
    return Turn(
        asked=asked,
        reply=dataclasses.replace(reply, thread=thread),
        time=time,
        slot=slot,
        system=system,
        stale=data.get("stale") is True,
    )


def _is_question(asked: Mapping[str, Any]) -> bool:
    content = asked.get("content")
    is_parts = isinstance(content, list) and all(isinstance(p, dict) for p in content)
    return (
        asked.get("role") == "user"
        and bool(content)
        and (isinstance(content, str) or is_parts)
    )


def _written(value: Any, *, but: tuple[str, ...] = ()) -> Any:
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    return {
        field.name: _written(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if field.type in _KEPT and field.name not in but
    }


def _read_as(cls: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"a {cls.__name__} is no object")  # noqa: TRY004 - of a file
    found = {}
    for field in dataclasses.fields(cls):
        kind, name = str(field.type), field.name
        if kind in _KEPT and name in data:
            found[name] = _value(kind, name, data[name])
    if cls is Reply and not found.get("choices"):
        raise ValueError("a reply has no choices")
    try:
        return cls(**found)
    except TypeError as error:
        raise ValueError(f"a {cls.__name__} is incomplete") from error


def _value(kind: str, name: str, value: Any) -> Any:
    if kind == _USAGE:
        return None if value is None else _read_as(Usage, value)
    if kind in _KINDS:
        is_right = isinstance(value, _KINDS[kind])
        if not is_right or (isinstance(value, bool) and kind != "bool"):
            raise ValueError(f"{name} is not {kind}")
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise ValueError(f"{name} is too large")
        return value
    if kind in _WORDS:
        if value not in _WORDS[kind]:
            raise ValueError(f"{name} is none of {', '.join(_WORDS[kind])}")
        return value
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 - of a file
    if kind in _PARTS:
        return tuple(_read_as(_PARTS[kind], item) for item in value)
    for pair in value:
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and isinstance(pair[0], str)
            and isinstance(pair[1], int)
        ):
            raise ValueError(f"{name} holds something that is no name with a count")
    return tuple((pair[0], pair[1]) for pair in value)
