"""A canned HTTP/1.1 server on 127.0.0.1, much faster than any client.

``python server.py`` prints its port and serves until its stdin closes. It answers
every POST with one recorded-shape chat completion, or, where the body asks for a
stream, with as many events as the path begins with (``/10000/v1/chat/completions``;
default 1000) at full speed: each in a chunk of its own, as the API sends them, or,
where ``whole`` follows the number (``/10000/whole/v1``), as one body of known length.
"""

import asyncio
import json
import sys

USAGE = {
    "prompt_tokens": 37,
    "completion_tokens": 530,
    "total_tokens": 800,
    "prompt_tokens_details": {
        "text_tokens": 37,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 8,
    },
    "completion_tokens_details": {
        "reasoning_tokens": 233,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
    "num_sources_used": 0,
    "cost_in_usd_ticks": 46400000,
}
HEAD = {"id": "2b0f1c9e-0000-4000-8000-000000000001", "created": 1790000000}
TAIL = {"model": "grok-4.7", "system_fingerprint": "fp_0a1b2c3d4e"}
REPLY = json.dumps(
    {
        **HEAD,
        "object": "chat.completion",
        **TAIL,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "The answer is 42. " * 5,
                    "reasoning_content": "Short sum.",
                    "refusal": None,
                },
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()


def event(delta, **extra):
    choice = {"index": 0, "delta": delta, **extra}
    body = {**HEAD, "object": "chat.completion.chunk", "choices": [choice], **TAIL}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def stream_answer(events, whole):
    last = {**HEAD, "object": "chat.completion.chunk", "choices": [], **TAIL}
    sent = [
        event({"role": "assistant", "content": "tok0 "}),
        *(event({"content": f"tok{i} "}) for i in range(1, events)),
        event({}, finish_reason="stop"),
        b"data: " + json.dumps({**last, "usage": USAGE}).encode() + b"\n\n",
        b"data: [DONE]\n\n",
    ]
    if whole:
        body = b"".join(sent)
        length = b"Content-Length: %d" % len(body)
    else:
        body = b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in (*sent, b""))
        length = b"Transfer-Encoding: chunked"
    return HEADERS % (b"text/event-stream", length) + body


HEADERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n"
    b"x-request-id: 0c0ffee0-0000-4000-8000-000000000001\r\n\r\n"
)
WHOLE = HEADERS % (b"application/json", b"Content-Length: %d" % len(REPLY)) + REPLY
STREAMS = {}


def answer(head, body):
    if b'"stream":true' not in body.replace(b" ", b""):
        return WHOLE
    _, first, second, _ = head.split(b"/", 3)
    key = (int(first) if first.isdigit() else 1000, second == b"whole")
    if key not in STREAMS:
        STREAMS[key] = stream_answer(*key)
    return STREAMS[key]


async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length) if length else b""
            writer.write(answer(head, body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
