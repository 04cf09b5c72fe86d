"""``%grok_budget``: what may be spent, and what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from grok_nb.errors import BadRequest, ConfigError

from .asking import brief
from .options import BUDGET, OptionError, help_text, parse

if TYPE_CHECKING:
    from grok_nb.budget import Budget

BUDGET_HELP = help_text(
    """%grok_budget [--per session|day] [USD|off] - limit what may be spent, or say what is.

A call that could go over is refused before it is sent. per session: all that this kernel
has asked; per day: all that the notebooks that share the store have asked today (UTC).""",
    BUDGET,
    "Examples\n  %grok_budget 5\n  %grok_budget --per day 20\n  %grok_budget off",
)


@magics_class
class Money:
    """The magics about money; a part of `GrokMagics`."""

    magics: ClassVar[dict[str, dict[str, str]]]  # IPython's: kind, name, method
    shell: Any

    @line_magic
    def grok_budget(self, line: str) -> Budget | None:  # noqa: D102 - BUDGET_HELP
        with brief():
            words = line.split()
            if words and not words[0].startswith("--"):  # the amount may come first
                line = " ".join([*words[1:], words[0]])
            options, text = parse(line, BUDGET)
            if options.get("help"):
                display({"text/plain": BUDGET_HELP}, raw=True)
                return None
            from grok_nb.budget import budget

            usd: Any = text.strip() or None
            if usd not in (None, "off"):
                try:
                    usd = float(usd.removeprefix("$").removesuffix("USD"))
                except ValueError:
                    raise OptionError(
                        f"%grok_budget takes an amount of USD, or off; not {usd!r}.",
                        hint="%grok_budget 5",
                    ) from None
            try:
                return budget(usd, per=options.get("per", "session"))
            except (BadRequest, ConfigError) as error:
                raise OptionError(f"{error}", hint=error.hint) from None


Money.grok_budget.__doc__ = BUDGET_HELP
