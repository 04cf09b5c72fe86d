"""What is measured, each in a process of its own: ``python jobs.py NAME [ARG...]``.

A job prints one JSON object. CPU is user and system time of all threads of the process.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import io
import itertools
import json
import os
import socket
import sqlite3
import sys
import time

KEY = "xai-bench"
MODEL = "grok-4.7"
PROMPT = "What is six times seven? Answer in one short sentence, please."
BODY = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
STREAM = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
START = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
HEADERS = {"Authorization": f"Bearer {KEY}"}
URL = os.environ.get("XAI_BASE_URL", "")


def cpu_of(function, *args):
    before = time.process_time()
    function(*args)
    return time.process_time() - before


# -- start-up ---------------------------------------------------------------------


def kernel_shell():
    """Make the shell of a kernel, with its publisher on a socket nobody listens to."""
    import zmq
    from ipykernel.zmqshell import ZMQInteractiveShell
    from jupyter_client.session import Session

    shell = ZMQInteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.display_pub.session = Session(key=b"bench")
    publisher = zmq.Context.instance().socket(zmq.PUB)
    publisher.bind_to_random_port("tcp://127.0.0.1")
    shell.display_pub.pub_socket = publisher
    shell.displayhook.session = shell.display_pub.session
    shell.displayhook.pub_socket = publisher
    shell.run_cell("1 + 1", store_history=False)
    return shell


def load_ext():
    """CPU of %load_ext, memory it takes, and CPU until a cell's request is sent."""
    import psutil

    shell = kernel_shell()
    sent = []
    plain = socket.socket.send

    def send(self, data, *flags):
        if not sent and bytes(data[:20]).startswith(b"POST "):
            sent.append(time.process_time())
        return plain(self, data, *flags)

    socket.socket.send = send
    process = psutil.Process()
    memory, modules = process.memory_info().rss, set(sys.modules)
    start = time.process_time()
    shell.run_line_magic("load_ext", "grok_nb")
    loaded = time.process_time()
    grown = process.memory_info().rss - memory
    new = sorted(set(sys.modules) - modules)
    result = shell.run_cell(f"%%grok\n{PROMPT}", store_history=False)
    result.raise_error()
    if "--modules" in sys.argv:
        print("\n".join(new), file=sys.stderr)
    return {
        "load_ms": (loaded - start) * 1e3,
        "load_mb": grown / 1e6,
        "load_modules": len(new),
        "first_ms": (sent[0] - start) * 1e3,
    }


# -- calls one after another ------------------------------------------------------


async def _cpu_per_call(call, calls):
    for _ in range(100):
        await call()
    before = time.process_time()
    for _ in range(calls):
        await call()
    return time.process_time() - before


async def _httpx_calls(calls):
    import httpx

    async with httpx.AsyncClient(headers=HEADERS) as client:

        async def call():
            answer = await client.post(f"{URL}/chat/completions", json=BODY)
            assert answer.json()["choices"][0]["message"]["content"]

        return await _cpu_per_call(call, calls)


def _httpx_blocking_calls(calls):
    import httpx

    with httpx.Client(headers=HEADERS) as client:

        def call():
            answer = client.post(f"{URL}/chat/completions", json=BODY)
            assert answer.json()["choices"][0]["message"]["content"]

        for _ in range(100):
            call()
        before = time.process_time()
        for _ in range(calls):
            call()
        return time.process_time() - before


async def _openai_calls(calls):
    import openai

    async with openai.AsyncOpenAI(api_key=KEY, base_url=URL) as client:

        async def call():
            answer = await client.chat.completions.create(**BODY)
            assert answer.choices[0].message.content

        return await _cpu_per_call(call, calls)


async def _grok_calls(method, calls):
    from grok_nb import AsyncGrok

    async with AsyncGrok() as grok:

        async def ask():
            assert (await grok.ask(PROMPT)).text

        async def complete():
            answer = await grok.chat_completion(BODY["messages"])
            assert answer.choices[0].message.content

        used = await _cpu_per_call(ask if method == "ask" else complete, calls)
        before = time.process_time()
        grok.store.close()  # what is still queued is part of the price
        return used + time.process_time() - before


def _grok_blocking_calls(calls):
    from grok_nb import Grok

    with Grok() as grok:
        for _ in range(100):
            grok.ask(PROMPT)
        before = time.process_time()
        for _ in range(calls):
            assert grok.ask(PROMPT).text
        grok._core.store.close()
        return time.process_time() - before


def calls(client, count):
    """CPU per call of one client, in microseconds."""
    count = int(count)
    used = {
        "httpx.AsyncClient": lambda: asyncio.run(_httpx_calls(count)),
        "httpx.Client": lambda: _httpx_blocking_calls(count),
        "openai": lambda: asyncio.run(_openai_calls(count)),
        "AsyncGrok.chat_completion": lambda: asyncio.run(_grok_calls("chat", count)),
        "AsyncGrok.ask": lambda: asyncio.run(_grok_calls("ask", count)),
        "Grok.ask": lambda: _grok_blocking_calls(count),
    }[client]()
    return {"us": used / count * 1e6}


# -- streams ----------------------------------------------------------------------


def _decoder(name):
    if name == "json":
        return json.loads
    if name == "pydantic_core":
        from pydantic_core import from_json

        return from_json
    import msgspec

    delta = msgspec.defstruct("Delta", [("content", str, "")])
    choice = msgspec.defstruct("Choice", [("delta", delta)])
    chunk = msgspec.defstruct("Chunk", [("choices", list[choice])])
    return msgspec.json.Decoder(chunk).decode


async def _httpx_stream(name):
    import httpx

    decode = _decoder(name)

    async def run():
        parts = []
        async with client.stream("POST", f"{URL}/chat/completions", json=STREAM) as got:
            async for line in got.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                chunk = decode(line[6:])
                if name == "msgspec":
                    if chunk.choices:
                        parts.append(chunk.choices[0].delta.content)
                elif chunk["choices"]:
                    parts.append(chunk["choices"][0]["delta"].get("content", ""))
        return "".join(parts)

    async with httpx.AsyncClient(headers=HEADERS, timeout=60) as client:
        return await _cpu_of_streams(run)


async def _openai_stream():
    import openai

    async with openai.AsyncOpenAI(api_key=KEY, base_url=URL) as client:

        async def run():
            parts = []
            async for chunk in await client.chat.completions.create(**STREAM):
                if chunk.choices:
                    parts.append(chunk.choices[0].delta.content or "")
            return "".join(parts)

        return await _cpu_of_streams(run)


async def _grok_stream():
    from grok_nb import AsyncGrok

    async with AsyncGrok() as grok:

        async def run():
            parts = []
            stream = grok.stream(PROMPT)
            async for event in stream:
                parts.append(event.delta)
            text = stream.reply.text
            assert text == "".join(parts)
            return text

        return await _cpu_of_streams(run)


async def _cpu_of_streams(run):
    warm = await run()
    assert warm.endswith(f"tok{_events() - 1} "), warm[-20:]
    rounds = _rounds()
    before = time.process_time()
    for _ in range(rounds):
        await run()
    return (time.process_time() - before) / rounds


def _grok_blocking_stream():
    from grok_nb import Grok

    with Grok() as grok:

        def run():
            stream = grok.stream(PROMPT)
            parts = [event.delta for event in stream]
            text = stream.reply.text
            assert text == "".join(parts)

        run()
        rounds = _rounds()
        before = time.process_time()
        for _ in range(rounds):
            run()
        return (time.process_time() - before) / rounds


def _events():
    return int(URL.split("/")[3])


def _rounds():
    return max(1, 20_000 // _events())


def stream(client):
    """CPU per event of one client, in microseconds; the URL tells how many events."""
    used = {
        "httpx + msgspec": lambda: asyncio.run(_httpx_stream("msgspec")),
        "httpx + pydantic_core": lambda: asyncio.run(_httpx_stream("pydantic_core")),
        "httpx + json": lambda: asyncio.run(_httpx_stream("json")),
        "openai": lambda: asyncio.run(_openai_stream()),
        "AsyncGrok.stream": lambda: asyncio.run(_grok_stream()),
        "Grok.stream": _grok_blocking_stream,
    }[client]()
    return {"us": used / _events() * 1e6}


# -- ledger -----------------------------------------------------------------------


def _records(count):
    from grok_nb.reply import CallRecord, Origin, Usage

    usage = Usage(prompt_tokens=37, completion_tokens=297, reasoning_tokens=233)
    for number in range(count):
        begun = CallRecord(
            id=f"{number:032x}",
            call=f"{number:032x}",
            attempt=1,
            time=START + datetime.timedelta(milliseconds=number),
            endpoint="/chat/completions",
            model=MODEL,
            origin=Origin(),
            request_key="0" * 64,
        )
        yield (
            begun,
            dataclasses.replace(
                begun,
                state="done",
                usage=usage,
                cost_ticks=46_400_000,
                cost_source="reported",
                latency_s=1.5,
                finish_reason="stop",
                http_status=200,
                request_id="0c0ffee0-0000-4000-8000-000000000001",
                response_id="2b0f1c9e-0000-4000-8000-000000000001",
                system_fingerprint="fp_0a1b2c3d4e",
            ),
        )


async def _ledger_rows(rows, lanes):
    from grok_nb.store.db import Store
    from grok_nb.store.ledger import Ledger

    store = Store(os.environ["GROK_NB_STORE"])
    ledger = Ledger(store)
    waiting = iter(rows)

    async def lane():
        for begun, ended in waiting:
            await ledger.intend(begun)
            ledger.settle(ended)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    store.close()
    return store.path


def _sqlite_rows(rows):
    from grok_nb.store import db, ledger  # all tables are known to who opens a file

    path = os.environ["GROK_NB_STORE"] + "/raw.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    for migrate in db.file.MIGRATIONS:
        migrate(connection)
    for pair in rows:
        for record in pair:
            connection.execute(ledger._WRITE, ledger._row(record))
    connection.close()
    return path


def ledger(client, count):
    """Rows (an intent and its end) per second, and CPU per row in microseconds."""
    rows = list(_records(int(count)))
    begin, wall = time.process_time(), time.perf_counter()
    if client == "sqlite3":
        path = _sqlite_rows(rows)
    else:
        path = asyncio.run(_ledger_rows(rows, {"one": 1, "64": 64}[client]))
    used, passed = time.process_time() - begin, time.perf_counter() - wall
    with contextlib.closing(sqlite3.connect(path)) as connection:
        done = "SELECT count(*) FROM calls WHERE state = 'done'"
        assert connection.execute(done).fetchone() == (len(rows),)
    return {"us": used / len(rows) * 1e6, "rows_s": len(rows) / passed}


# -- display ----------------------------------------------------------------------

PARAGRAPH = (
    "The *mean* of a sample is its sum divided by its size, and the **variance** is "
    "the mean of the squared distances from it. For small samples one divides by "
    "`n - 1` instead of `n`, which makes the estimate unbiased.\n\n"
)
SECTION = (
    "## Step {0}\n\n" + PARAGRAPH + "- first, read the table\n- then group by month\n"
    "- finally plot the result\n\n" + PARAGRAPH + "```python\n"
    "frame = frame.groupby('month').sum()\nprint(frame.head({0}))\n```\n\n"
    "| month | total |\n|---|---|\n| May | 1{0}.50 |\n| June | 2{0}.25 |\n\n"
)
TOKENS = 2000
PER_S = 200


def reply_tokens():
    """Return 2,000 pieces of Markdown, 10.6 kB in all."""
    text = "".join(SECTION.format(i) for i in itertools.islice(itertools.count(), 20))
    text = text[:10_600]
    size = len(text) / TOKENS
    return [text[round(i * size) : round((i + 1) * size)] for i in range(TOKENS)]


class FakeClock:
    """A clock that stands still until it is told the time."""

    def __init__(self):
        self.time_s = 0.0

    def monotonic(self):
        return self.time_s


def display(what):
    """CPU per event and bytes of the bundles of a reply that streams."""
    shell = kernel_shell()
    publisher = shell.display_pub
    sizes = []
    publish = publisher.publish

    def counted(data, *args, **kwargs):
        sizes.append(data)
        publish(data, *args, **kwargs)

    publisher.publish = counted
    tokens = reply_tokens()
    run = {"Live": _live, "Markdown at 10 Hz": _markdown}[what]
    prepared = _events_of(tokens) if run is _live else tokens
    first = cpu_of(run, prepared)  # loads parser, lexers, ...
    sizes.clear()
    used = cpu_of(run, prepared)
    return {
        "us": used / TOKENS * 1e6,
        "first_us": first / TOKENS * 1e6,
        "kb": sum(len(json.dumps(data).encode()) for data in sizes) / 1e3,
        "messages": len(sizes),
    }


def _events_of(tokens):
    from grok_nb.api.stream import Fold

    fold = Fold({})
    for token in tokens:
        chunk = {"index": 0, "delta": {"content": token}}
        fold.add({"id": "1", "model": MODEL, "choices": [chunk]})
    return [fold, *fold.events_since(0)]


def _live(prepared):
    from IPython.display import display as show

    from grok_nb.notebook.live import Live
    from grok_nb.reply import Reply

    fold, *events = prepared
    clock, length = FakeClock(), 0
    fold.outcome = {"state": "running"}
    live = Live(show, clock)
    live.begin(Reply(model=MODEL))
    for number, event in enumerate(events, 1):
        clock.time_s = number / PER_S
        length += len(event.delta)
        live.update(lambda event=event: event.reply, length)
    fold.outcome = {"state": "done"}
    live.finish(fold.reply())


def _markdown(tokens):
    from IPython.display import Markdown
    from IPython.display import display as show

    handle = show(Markdown(""), display_id=True)
    parts, painted = [], 0.0
    for number, token in enumerate(tokens, 1):
        now = number / PER_S
        parts.append(token)
        if now - painted >= 0.1:
            painted = now
            handle.update(Markdown("".join(parts)))
    handle.update(Markdown("".join(parts)))


if __name__ == "__main__":
    job, *arguments = (a for a in sys.argv[1:] if not a.startswith("--"))
    output = sys.stdout
    with contextlib.redirect_stdout(io.StringIO()):
        figures = globals()[job](*arguments)
    print(json.dumps(figures), file=output, flush=True)
