"""What the Anthropic-form endpoint sends, as xai-api.md section 8.1 describes it."""

from __future__ import annotations

import json
from typing import Any

from .support import Answer, streamed

ID = "5d000000-0000-4000-8000-000000000001"
TEXT = "Zürich € 🦊."
THOUGHT = "Look it up."
ARGUMENTS = '{"city": "Zürich"}'
#: 12 new tokens and 4 from the cache make a prompt of 16
USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 4,
    "output_tokens": 9,
}
#: at grok-4.7's list price: 12 x 20000 + 4 x 5000 + 9 x 60000
TICKS = 800_000
THINKING = {"type": "thinking", "thinking": THOUGHT, "signature": ""}
SAID = {"type": "text", "text": TEXT}
CALL = {
    "type": "tool_use",
    "id": "call_1",
    "name": "get_weather",
    "input": {"city": "Zürich"},
}
MESSAGE: dict[str, Any] = {
    "id": ID,
    "type": "message",
    "role": "assistant",
    "model": "grok-4.7",
    "content": [THINKING, SAID, CALL],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}


def message(**changes: Any) -> Answer:
    return Answer(pieces=json.dumps({**MESSAGE, **changes}).encode())


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def block(index: int, begun: dict[str, Any], kind: str, field: str, text: str) -> Any:
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *(
            {
                "type": "content_block_delta",
                "index": index,
                "delta": {"type": kind, field: part},
            }
            for part in halves(text)
        ),
        {"type": "content_block_stop", "index": index},
    ]


BEGIN = {
    "type": "message_start",
    "message": {
        **MESSAGE,
        "content": [],
        "stop_reason": None,
        "usage": {**USAGE, "output_tokens": 1},
    },
}
OF_THINKING = block(
    *(0, {**THINKING, "thinking": ""}, "thinking_delta", "thinking", THOUGHT)
)
OF_TEXT = block(1, {**SAID, "text": ""}, "text_delta", "text", TEXT)
OF_CALL = block(
    *(2, {**CALL, "input": {}}, "input_json_delta", "partial_json", ARGUMENTS)
)
END = {
    "type": "message_delta",
    "delta": {"stop_reason": "tool_use", "stop_sequence": None},
    "usage": {"output_tokens": 9},
}
STOP = {"type": "message_stop"}
EVENTS = [BEGIN, {"type": "ping"}, *OF_THINKING, *OF_TEXT, *OF_CALL, END, STOP]


def wire(*events: Any, names: bool = True, done: bool = False) -> bytes:
    lines = [
        (f"event: {event['type']}\n" if names else "")
        + f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        for event in events
    ]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


RECORDED = wire(*EVENTS)


def sent(*events: Any, **how: bool) -> Answer:
    return streamed(wire(*events, **how))
