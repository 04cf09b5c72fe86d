"""What the user typed, where IPython would make something else of it.

``%grok What is this?`` is a question, not a request for IPython's help: IPython takes a
line that ends in ``?`` for help before it looks for magics. Two transforms take lines
that begin with ``%grok`` first. They work on tokens, as IPython's own do, so that text
in strings stays as it is. The body of a ``%%grok`` cell is as it stands in the front end.

A ``%%grok`` line without a body, which IPython refuses, is a cell, too: with ``-h``, or
with something attached.
"""

from __future__ import annotations

import re
from typing import Any

from IPython.core.inputtransformer2 import (
    EscapedCommand,
    MagicAssign,
    TokenTransformBase,
    TransformerManager,
)


class _Verbatim(TokenTransformBase):
    """Mixin: only lines of a pattern, and before anything else on that line."""

    of: Any
    pattern: str

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)
        self._column = start[1]
        self.start_col = -1  # IPython sorts by this

    def transform(self, lines: list[str]) -> list[str]:
        self.start_col = self._column
        return super().transform(lines)

    @classmethod
    def find(cls, tokens_by_line: Any) -> Any:
        for line in tokens_by_line:
            found = cls.of.find([line])
            text = next((token.line for token in line if token.line.strip()), "")
            if found is not None and re.match(cls.pattern, text):
                return cls((found.start_line + 1, found.start_col))
        return None


class GrokLine(_Verbatim, EscapedCommand):
    """``%grok TEXT?``."""

    of = EscapedCommand
    pattern = r"\s*%grok\s"


class GrokAssign(_Verbatim, MagicAssign):
    """``reply = %grok TEXT?``."""

    of = MagicAssign
    pattern = r"[^=]*=\s*%grok\s"


TRANSFORMS = (GrokLine, GrokAssign)


def with_body(lines: list[str]) -> list[str]:
    """Give a cell that is but its ``%%grok`` line an empty body."""
    if lines and re.match(r"%%grok(\s|$)", lines[0]) and not "".join(lines[1:]):
        return [f"{lines[0].rstrip()}\n", "\n"]
    return lines


#: so that a terminal does not ask it whether the cell goes on: that may be so
with_body.has_side_effects = True  # type: ignore[attr-defined]  # IPython's hook


def typed_body(cell: str, code: str) -> str:
    """Return the body of a ``%%grok`` cell byte for byte.

    Before a magic gets it, IPython takes out what looks like pasted prompts (``>>>``,
    ``In [1]:``) and, in newer versions, the blanks of lines that hold nothing else; and ends
    it with a line break.

    Parameters
    ----------
    cell
        The body as IPython hands it over.
    code
        The cell as the kernel was asked to execute it; empty outside of a kernel.

    Returns
    -------
    str
        As typed, unless more than IPython's own clean-up came between: a transform of
        the user's, a call of the magic from code, a cell pasted with its prompts.
    """
    lines = code.splitlines(keepends=True)
    first = next((i for i, text in enumerate(lines) if not text.isspace()), 0)
    if lines and lines[first].startswith("%%grok"):
        cleaned = [*lines[:-1], lines[-1] + "\n" * (not code.endswith("\n"))]
        for clean in TransformerManager().cleanup_transforms:
            cleaned = clean(cleaned)
        if "".join(cleaned[1:]) == cell:
            return "".join(lines[first + 1 :])
    return cell.removesuffix("\n")
