"""Ask many mixed questions under one budget of the day; run by `test_budgets.py`.

Arguments: base URL, key, folder of the store, seed, how many, the budget, which kinds
(``bounded`` or ``mixed``), ``held`` or ``free`` (a build whose books reserve nothing).
Prints one JSON object: how many were answered, refused, failed.
"""

import collections
import json
import random
import sys
import threading
import warnings

import grok_nb as gn
from grok_nb.store.ledger import Ledger

PLAIN, THINKING = "grok-4.20-non-reasoning", "grok-4.7"
TALKS = (
    "What is 6*7?",
    "Count to 40",
    "Name: Zoë Müller 中文 🦊. Amount: 3 CHF.",
    "x" * 2_000,
    "Wie heisst die Hauptstadt? " * 30,
)


class Forgetful(Ledger):
    """Books that admit everything: what a build without reservation would do."""

    async def intend(self, record, held=()):
        record.reserved_ticks = None
        return await super().intend(record)

    async def reserve(self, record, more, held):
        return None


def bounded(grok: gn.Grok, random: random.Random) -> None:
    talk, most = random.choice(TALKS), random.choice((5, 50, 400))
    kind = random.randrange(6)
    if kind == 0:
        grok.ask(talk, model=PLAIN, max_tokens=most, n=random.choice((1, 3)))
    elif kind == 1:
        list(grok.stream(talk, model=PLAIN, max_tokens=most))
    elif kind == 2:
        with grok.stream(talk, model=PLAIN, max_tokens=most) as stream:
            next(stream, None)  # and leaves
    elif kind == 3:
        grok.respond(talk, THINKING, max_output_tokens=most, store=False)
    elif kind == 4:
        grok.ask("News about xAI?", search="web", max_tokens=most, max_turns=2)
    else:
        grok.generate_images("a fox", n=random.choice((1, 2)))


def unbounded(grok: gn.Grok, random: random.Random) -> None:
    talk, kind = random.choice(TALKS), random.randrange(5)
    if kind == 0:
        grok.ask(talk, model=THINKING)
    elif kind == 1:
        list(grok.stream(talk, model=PLAIN))
    elif kind == 2:
        list(grok.stream("Count to 500", model=PLAIN))
    elif kind == 3:
        grok.ask("News about xAI?", search="web")
    else:
        grok.ask(talk, schema="name", model=THINKING, max_tokens=300)


def main() -> None:
    base_url, key, store, seed, count, usd, kinds, how = sys.argv[1:]
    warnings.simplefilter("ignore")
    gn.configure(base_url=base_url, api_key=key, store=store)
    gn.budget(float(usd), per="day")
    outcomes: collections.Counter[str] = collections.Counter()

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        with gn.Grok() as grok:
            if how == "free":
                grok._core.exchange.books = Forgetful(grok._core.store)
            for _ in range(int(count) // 4):
                ask = bounded
                if kinds == "mixed" and chance.random() < 0.5:
                    ask = unbounded
                try:
                    ask(grok, chance)
                    outcomes["answered"] += 1
                except gn.errors.BudgetExceeded as error:
                    outcomes["cut" if error.reply else "refused"] += 1
                except gn.GrokError as error:
                    outcomes[type(error).__name__] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({**outcomes, "spent_usd": gn.budget(per="day").spent_usd}))


main()
