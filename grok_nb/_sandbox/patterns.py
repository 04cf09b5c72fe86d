"""Regular expressions of schemas, matched in time that no pattern can stretch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

MAX_PATTERN = 1_000
MAX_STATES = 1_000
MAX_TEXT = 2_048
_MAX_NESTING = 40
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_NAMED = re.compile(r"P?<[A-Za-z_]\w{0,40}>")
_COUNT = re.compile(r"\{(\d{1,4})(,)?(\d{1,4})?\}")


class UnsupportedError(ValueError):
    """The pattern is wrong, or uses more than the subset."""


@dataclass(slots=True)
class _State:
    """One step: what it accepts (None for a jump), and where it leads."""

    accepts: re.Pattern[str] | None = None
    must_be: str = ""
    example: str = ""
    out: list[int] = field(default_factory=list)


class Pattern:
    """
    A pattern of the subset: literals, classes, groups, `|`, `* + ? {m,n}`, `^ $`.

    Raises
    ------
    UnsupportedError
        For anything else.
    """

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN:
            raise UnsupportedError(source[:80])
        self._source = source
        self._place = 0
        self._states: list[_State] = []
        self._depth = 0
        self._start, self._end = self._alternatives()
        if self._place < len(source):
            raise UnsupportedError(source)

    def is_in(self, text: str) -> bool:
        """Tell whether the pattern matches somewhere in a text."""
        text = text[:MAX_TEXT]
        active: set[int] = set()
        for place in range(len(text) + 1):
            active.add(self._start)
            active = self._closure(
                active, at_start=not place, at_end=place == len(text)
            )
            if self._end in active:
                return True
            if place < len(text):
                active = {
                    state.out[0]
                    for number in active
                    if (state := self._states[number]).accepts is not None
                    and state.accepts.fullmatch(text[place])
                }
        return False

    def example(self) -> str | None:
        """Give a shortest text that the pattern matches, None if there is none."""
        reached = {self._start: ""}
        layer = {self._start}
        while layer and self._end not in reached:
            # Jumps first: they add nothing to the text.
            todo = sorted(layer)
            steps: dict[int, str] = {}
            while todo:
                number = todo.pop()
                state = self._states[number]
                so_far = reached[number]
                if state.must_be == "^" and so_far:
                    continue
                for following in state.out:
                    if following in reached:
                        continue
                    if state.accepts is None:
                        reached[following] = so_far
                        todo.append(following)
                    else:
                        steps.setdefault(following, so_far + state.example)
            layer = {number for number in steps if number not in reached}
            reached |= {number: steps[number] for number in layer}
        found = reached.get(self._end)
        return found if found is not None and self.is_in(found) else None

    def _closure(self, active: set[int], *, at_start: bool, at_end: bool) -> set[int]:
        todo = list(active)
        seen = set(active)
        while todo:
            state = self._states[todo.pop()]
            if state.accepts is not None:
                continue
            if (state.must_be == "^" and not at_start) or (
                state.must_be == "$" and not at_end
            ):
                continue
            for number in state.out:
                if number not in seen:
                    seen.add(number)
                    todo.append(number)
        return seen

    def _new(self, must_be: str = "") -> int:
        if len(self._states) >= MAX_STATES:
            raise UnsupportedError(self._source)
        self._states.append(_State(must_be=must_be))
        return len(self._states) - 1

    def _link(self, one: int, other: int) -> None:
        self._states[one].out.append(other)

    def _alternatives(self) -> tuple[int, int]:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise UnsupportedError(self._source)
        start, end = self._new(), self._new()
        while True:
            first, last = self._sequence()
            self._link(start, first)
            self._link(last, end)
            if not self._next("|"):
                break
        self._depth -= 1
        return start, end

    def _sequence(self) -> tuple[int, int]:
        start = last = self._new()
        while self._place < len(self._source) and self._source[self._place] not in "|)":
            begun = self._place
            first, end = self._atom()
            after = self._place
            low, high = self._repeat()
            if (low, high) != (1, 1):
                ends = self._place
                first, end = self._repeated(begun, after, low, high)
                self._place = ends
            self._link(last, first)
            last = end
        return start, last

    def _repeated(
        self, begun: int, after: int, low: int, high: int | None
    ) -> tuple[int, int]:
        """Write a repetition out: the atom is read again for each time."""
        start = last = self._new()
        end = self._new()
        depth = self._depth
        for time in range(low if high is None else high):
            if time >= low:
                self._link(last, end)
            self._place = begun
            first, finish = self._atom()
            self._link(last, first)
            last = finish
        if high is None:
            self._place = begun
            first, finish = self._atom()
            self._link(last, first)
            self._link(finish, first)
            self._link(finish, end)
        self._link(last, end)
        self._depth = depth
        if self._place not in {after, begun} and (high or high is None):
            raise UnsupportedError(self._source)
        return start, end

    def _repeat(self) -> tuple[int, int | None]:
        bounds: tuple[int, int | None] = (1, 1)
        if self._next("*"):
            bounds = (0, None)
        elif self._next("+"):
            bounds = (1, None)
        elif self._next("?"):
            bounds = (0, 1)
        elif match := _COUNT.match(self._source, self._place):
            self._place = match.end()
            low = int(match.group(1))
            high = int(match.group(3)) if match.group(3) else None
            bounds = (low, low if not match.group(2) else high)
            if bounds[1] is not None and bounds[1] < low:
                raise UnsupportedError(self._source)
        else:
            return bounds
        # Whether it takes much or little makes no difference to a match.
        self._next("?")
        if self._place < len(self._source) and self._source[self._place] in "*+":
            raise UnsupportedError(self._source)
        return bounds

    def _next(self, char: str) -> bool:
        if self._source.startswith(char, self._place):
            self._place += len(char)
            return True
        return False

    def _atom(self) -> tuple[int, int]:
        char = self._source[self._place]
        if char == "(":
            return self._group()
        if char in "^$":
            self._place += 1
            start, end = self._new(char), self._new()
            self._link(start, end)
            return start, end
        if char in "*+?":
            raise UnsupportedError(self._source)
        begun = self._place
        if char == "[":
            self._class()
        elif char == "\\":
            self._escape()
        else:
            self._place += 1
        written = self._source[begun : self._place]
        if len(written) == 1 and written != ".":
            written = re.escape(written)
        accepts, example = _one(written)
        start, end = self._new(), self._new()
        state = self._states[start]
        state.accepts, state.example = accepts, example
        self._link(start, end)
        return start, end

    def _group(self) -> tuple[int, int]:
        self._place += 1
        if self._next("?") and not self._next(":"):
            named = _NAMED.match(self._source, self._place)
            if named is None:
                raise UnsupportedError(self._source)
            self._place = named.end()
        inner = self._alternatives()
        if not self._next(")"):
            raise UnsupportedError(self._source)
        return inner

    def _class(self) -> None:
        place = self._place + 1
        if self._source.startswith("^", place):
            place += 1
        first = True
        while place < len(self._source):
            if self._source[place] == "]" and not first:
                self._place = place + 1
                return
            place += 2 if self._source[place] == "\\" else 1
            first = False
        raise UnsupportedError(self._source)

    def _escape(self) -> None:
        following = self._source[self._place + 1 : self._place + 2]
        sizes = {"x": 4, "u": 6}
        if not following or (following.isalnum() and following not in "dDwWsSntrfvxu"):
            raise UnsupportedError(self._source)
        self._place += sizes.get(following, 2)


@lru_cache(maxsize=2_000)
def _one(written: str) -> tuple[re.Pattern[str], str]:
    """Compile what stands for one character, and find one that it accepts."""
    try:
        accepts = re.compile(written)
    except (re.error, OverflowError, FutureWarning):
        raise UnsupportedError(written) from None
    if written[0] == "\\" and written[1:2] in _ESCAPES:
        return accepts, _ESCAPES[written[1]]
    tries = "a1AB2b0- _.,:/@#" + written + "".join(map(chr, range(32, 400)))
    for char in tries:
        if accepts.fullmatch(char):
            return accepts, char
    raise UnsupportedError(written)


@lru_cache(maxsize=200)
def compiled(source: str) -> Pattern | None:
    """Read a pattern once, None for one beyond the subset."""
    try:
        return Pattern(source)
    except UnsupportedError:
        return None
