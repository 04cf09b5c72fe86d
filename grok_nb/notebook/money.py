"""``%grok_budget``, ``%grok_usage``, ``%grok_models``: what may be spent, and what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from grok_nb.errors import BadRequest, ConfigError

from .asking import brief, default
from .options import BUDGET, MODELS, USAGE, OptionError, help_text, parse
from .wording import option_error

if TYPE_CHECKING:
    from grok_nb.budgets import Budget

BUDGET_HELP = help_text(
    """%grok_budget [--per session|day] [USD|off] - limit what may be spent, or say what is.

A call that could go over is refused before it is sent. per session: all that this kernel
has asked; per day: all that the notebooks that share the store have asked today (UTC).""",
    BUDGET,
    after="Examples\n  %grok_budget 5\n  %grok_budget --per day 20\n  %grok_budget off",
)


USAGE_HELP = help_text(
    """%grok_usage [options] - what was asked and cost, from the ledger.

Without options: sums of this session, today and all, and a line per model.""",
    USAGE,
    after="""Examples
  %grok_usage --by day --plot
  %grok_usage --by model,state --since 2026-01-31 --df spent
gn.usage(...) in Python has all rows, filters by any column, and .plot().""",
    groups={},
)
MODELS_HELP = help_text(
    """%grok_models [--df NAME] - the models that can be asked, and their prices.

The live listing where there is a key, else the bundled one.""",
    MODELS,
    groups={},
)
#: of the many sums of groups those that are shown
_COLUMNS = {
    "calls": "calls",
    "prompt_tokens": "prompt",
    "billed_output_tokens": "output",
    "cost_usd": "cost",
}
_SHOWN = {
    "id": "id",
    "kind": "kind",
    "input": "input_usd_per_mtok",
    "cached": "cached_input_usd_per_mtok",
    "output": "output_usd_per_mtok",
    "image": "image_usd",
    "context": "context_window",
    "reasoning": "reasoning",
    "source": "source",
}


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
            from grok_nb.budgets import budget

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

    @line_magic
    def grok_usage(self, line: str) -> None:  # noqa: D102 - USAGE_HELP
        with brief():
            options = self._options(line, USAGE, USAGE_HELP)
            if options is None:
                return
            from grok_nb.frames.usage import usage

            when = {name: options.get(name) for name in ("since", "until")}
            by = options.get("by")
            keys = [word.strip() for word in by.split(",")] if by else None
            try:
                rows = usage(**when)
                frame = rows if keys is None else usage(by=keys, **when)
            except BadRequest as error:
                raise option_error(error, USAGE) from None
            shown = usage(by="model", **when) if keys is None else frame
            if options.get("df"):
                self.shell.user_ns[options["df"]] = frame
            display(_usage_bundle(rows, shown), raw=True)
            if options.get("plot"):
                axes = frame.plot(options.get("what", "cost"))
                _show_figure(axes.figure)

    @line_magic
    def grok_models(self, line: str) -> None:  # noqa: D102 - MODELS_HELP
        with brief():
            options = self._options(line, MODELS, MODELS_HELP)
            if options is None:
                return
            from grok_nb.frames.tables import models

            frame = models()
            if options.get("df"):
                self.shell.user_ns[options["df"]] = frame
            current = frame[frame["status"] == "current"]
            shown = current[list(_SHOWN.values())]
            shown.columns = list(_SHOWN)
            source = ", ".join(sorted(set(current["source"])))
            text = f"USD per million tokens, images USD each ({source})."
            if len(current) < len(frame):
                text += f" {len(frame) - len(current)} retired ones: gn.models()."
            display(_frame_bundle(shown, [text], index=False), raw=True)

    def _options(self, line: str, known: Any, text: str) -> dict[str, Any] | None:
        """Return the options of a magic that takes nothing else; show its help."""
        options, rest = parse(line, known)
        if options.get("help"):
            display({"text/plain": text}, raw=True)
            return None
        if rest:
            raise OptionError(f"Unexpected text: {rest[:40]!r}.", hint="-h shows help.")
        return options


def _usage_bundle(rows: Any, shown: Any) -> dict[str, str]:
    from grok_nb import limits
    from grok_nb.show.render import dollars

    now = _now()
    today = rows[rows["time"] >= now.normalize()]
    spent = _session_spent()
    notes = [
        f"All: {_sums(rows)}.",
        f"Today (UTC): {_sums(today)}. This session: {dollars(spent)}.",
    ]
    unknown = int(rows["cost_usd"].isna().sum())
    if unknown:
        plural = "s" if unknown > 1 else ""
        notes.append(f"Of {unknown:,} call{plural} the cost is not known.")
    held = limits.active(_setting())
    notes += [f"Set: {limit}." for limit in held]
    notes += rows.changes()
    keys = [name for name in shown.index.names if name]
    narrow = shown[list(_COLUMNS)].rename(columns=_COLUMNS)
    narrow.index = narrow.index.set_names(keys)
    return _frame_bundle(narrow, notes)


def _sums(rows: Any) -> str:
    from grok_nb.show.render import dollars

    calls = f"{len(rows):,} call{'' if len(rows) == 1 else 's'}"
    tokens = int(rows["prompt_tokens"].sum() + rows["billed_output_tokens"].sum())
    cost = dollars(float(rows["cost_usd"].sum()))
    return f"{calls}, {tokens:,} tokens, {cost}"


def _now() -> Any:
    import pandas as pd

    core = default().session()._core  # noqa: SLF001 - the clock of the session
    return pd.Timestamp(core.exchange.clock.now())


def _setting() -> Any:
    return default().session()._core.exchange.limit  # noqa: SLF001 - that of the session


def _session_spent() -> float:
    from grok_nb.budgets import budget

    return budget().spent_usd


def _frame_bundle(
    frame: Any, notes: list[str], *, index: bool = True
) -> dict[str, str]:
    """Return a frame as a table, with money in as many digits as it takes."""
    import pandas as pd

    from grok_nb.show.render import dollars, table_bundle

    frame, types = frame.reset_index() if index else frame, pd.api.types
    head = [str(name) for name in frame.columns]
    rows = []
    for values in frame.itertuples(index=False, name=None):
        cells = []
        for name, value in zip(head, values, strict=True):
            if pd.isna(value):
                cells.append("")
            elif name == "cost":
                cells.append(dollars(float(value)))
            elif types.is_bool(value):
                cells.append("yes" if value else "no")
            elif types.is_float(value):
                cells.append(f"{value:g}")
            elif types.is_integer(value):
                cells.append(f"{value:,}")
            else:
                cells.append(f"{value}")
        rows.append(cells)
    return table_bundle(head, rows, notes)


def _show_figure(figure: Any) -> None:
    """Show a picture once, and keep the inline backend from showing it again."""
    display(figure)
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)


Money.grok_budget.__doc__ = BUDGET_HELP
Money.grok_usage.__doc__ = USAGE_HELP
Money.grok_models.__doc__ = MODELS_HELP
