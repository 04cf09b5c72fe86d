"""A process that asks in every way at once; started and killed by ``test_soak.py``.

``python soak_client.py ADDRESS KEY FOLDER NAME SEED COUNT``. After every tenth call it
writes how many have ended. What is asked as number n of a name and seed is always the
same; what goes wrong with it depends on the order in which requests arrive.
"""

import asyncio
import contextlib
import itertools
import random
import sys
import threading

import grok_nb as gn
from tests.sandbox.conftest import QuickClock
from tests.sandbox.reconcile import TIMEOUT_S

#: Calls at once on one event loop, and threads that wait for one call each.
TASKS, THREADS = 8, 2
AT_ONCE = TASKS + THREADS
MODELS = ["grok-4.7", "grok-4.3", "grok-4.20-non-reasoning"]


class Work:
    """Hands out numbers of calls, and tells how many have ended."""

    def __init__(self, name, seed, count):
        self._name, self._seed, self._count = name, seed, count
        self._numbers = itertools.count()
        self._ended = itertools.count(1)

    def __iter__(self):
        while (number := next(self._numbers)) < self._count:
            dice = random.Random(f"{self._seed}-{self._name}-{number}")
            yield f"Call {self._name}-{number}. Count to {dice.randint(1, 25)}", dice
            ended = next(self._ended)
            if ended % 10 == 0:
                sys.stdout.write(f"{ended}\n")
                sys.stdout.flush()


def options(dice):
    """Return model and parameters; several choices now and then."""
    chosen = {"model": dice.choice(MODELS)}
    if dice.random() < 0.2:
        chosen["n"] = dice.randint(2, 3)
    if dice.random() < 0.1:
        chosen["max_tokens"] = dice.randint(1, 20)
    return chosen


def messages(prompt, chosen):
    """Return what the endpoints' own methods take."""
    more = dict(chosen)
    if "max_tokens" in more:
        more["max_completion_tokens"] = more.pop("max_tokens")
    return [{"role": "user", "content": prompt}], more.pop("model"), more


def ask_blocking(grok, prompt, dice):
    chosen, way = options(dice), dice.randrange(5)
    if way == 0:
        grok.ask(prompt, **chosen)
    elif way == 1:
        history, model, more = messages(prompt, chosen)
        grok.chat_completion(history, model, **more)
    elif way == 2:
        history, model, more = messages(prompt, chosen)
        for _ in grok.chat_completion_stream(history, model, **more):
            pass
    else:
        events = dice.randint(0, 30) if way == 3 else 10_000
        with grok.stream(prompt, **chosen) as stream:
            for _ in zip(range(events), stream, strict=False):
                pass


async def ask_awaiting(grok, prompt, dice):
    chosen, way = options(dice), dice.randrange(6)
    if way == 0:
        await grok.ask(prompt, **chosen)
    elif way == 1:
        history, model, more = messages(prompt, chosen)
        await grok.chat_completion(history, model, **more)
    elif way == 2:
        history, model, more = messages(prompt, chosen)
        async for _ in grok.chat_completion_stream(history, model, **more):
            pass
    elif way == 3:
        # stopped from outside: before it is sent, in the midst of it, or too late
        task = asyncio.ensure_future(grok.ask(prompt, **chosen))
        await asyncio.wait([task], timeout=dice.uniform(0, 0.2))
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    else:
        left = dice.randint(0, 30) if way == 4 else 10_000
        async with grok.stream(prompt, **chosen) as stream:
            async for _ in stream:
                left -= 1
                if left <= 0:
                    break


def work_blocking(settings, work):
    with gn.Grok(**settings) as grok:
        for prompt, dice in work:
            with contextlib.suppress(gn.GrokError):
                ask_blocking(grok, prompt, dice)


async def work_awaiting(settings, work):
    async def one(grok):
        for prompt, dice in work:
            with contextlib.suppress(gn.GrokError):
                await ask_awaiting(grok, prompt, dice)

    async with gn.AsyncGrok(**settings) as grok, asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(one(grok))


def main(address, key, folder, name, seed, count):
    settings = {
        "api_key": key,
        "base_url": address,
        "store": folder,
        "timeout_s": TIMEOUT_S,
        "clock": QuickClock(),
        "jitter": random.Random(f"{seed}-{name}"),
    }
    work = Work(name, seed, int(count))
    failures = []

    def thread():
        try:
            work_blocking(settings, work)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread) for _ in range(THREADS)]
    for each in threads:
        each.start()
    asyncio.run(work_awaiting(settings, work))
    for each in threads:
        each.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
