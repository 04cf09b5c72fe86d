"""What the Responses API sends, as xai-api.md sections 6.5 to 6.7 describe it."""

from __future__ import annotations

import json
from typing import Any

from .support import Answer, streamed

ID = "0c000000-0000-4000-8000-000000000001"
TEXT = "Zürich: it rained [[1]](https://x.ai/news) 🦊."
SUMMARY = "Look it up."
QUERY = "xai news"
URL = "https://x.ai/news"
NOTE = {
    "type": "url_citation",
    "url": URL,
    "title": "1",
    "start_index": 18,
    "end_index": 42,
}
#: 46,400,000 for tokens + 50,000,000 for one web search (section 6.6)
USAGE = {
    "input_tokens": 37,
    "input_tokens_details": {"cached_tokens": 8},
    "output_tokens": 763,
    "output_tokens_details": {"reasoning_tokens": 233},
    "total_tokens": 800,
    "num_sources_used": 0,
    "num_server_side_tools_used": 1,
    "cost_in_usd_ticks": 96_400_000,
    "server_side_tool_usage_details": {
        "web_search_calls": 1,
        "x_search_calls": 0,
        "code_interpreter_calls": 0,
        "file_search_calls": 0,
        "mcp_calls": 0,
        "document_search_calls": 0,
    },
}
REASONING = {
    "type": "reasoning",
    "id": f"rs_{ID}",
    "status": "completed",
    "summary": [{"type": "summary_text", "text": SUMMARY}],
}
SEARCH = {
    "type": "web_search_call",
    "id": f"ws_{ID}_call_1",
    "status": "completed",
    "action": {"type": "search", "query": QUERY, "sources": []},
}
PART = {"type": "output_text", "text": TEXT, "logprobs": [], "annotations": [NOTE]}
MESSAGE = {
    "type": "message",
    "id": f"msg_{ID}",
    "role": "assistant",
    "status": "completed",
    "content": [PART],
}
RESPONSE: dict[str, Any] = {
    "id": ID,
    "object": "response",
    "created_at": 1_790_000_000,
    "completed_at": 1_790_000_003,
    "status": "completed",
    "model": "grok-4.7",
    "store": True,
    "previous_response_id": None,
    "output": [REASONING, SEARCH, MESSAGE],
    "reasoning": {"effort": "high", "summary": "detailed"},
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "service_tier": "default",
    "incomplete_details": None,
    "error": None,
    "metadata": {"system_fingerprint": "fp_0a1b2c3d4e"},
    "usage": USAGE,
}
BEGUN = {
    **RESPONSE,
    "status": "in_progress",
    "completed_at": None,
    "output": [],
    "usage": None,
}


def response(**changes: Any) -> Answer:
    return Answer(pieces=json.dumps({**RESPONSE, **changes}).encode())


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def of_reasoning(output: int = 0, item: dict[str, Any] = REASONING) -> list[Any]:
    at = {"item_id": item["id"], "output_index": output, "summary_index": 0}
    (part,) = item["summary"]
    begun = {**item, "status": "in_progress", "summary": []}
    return [
        event("output_item.added", output_index=output, item=begun),
        event("reasoning_summary_part.added", **at, part={**part, "text": ""}),
        *(
            event("reasoning_summary_text.delta", **at, delta=delta)
            for delta in halves(part["text"])
        ),
        event("reasoning_summary_text.done", **at, text=part["text"]),
        event("reasoning_summary_part.done", **at, part=part),
        event("output_item.done", output_index=output, item=item),
    ]


def of_search(output: int = 1, item: dict[str, Any] = SEARCH) -> list[Any]:
    at = {"item_id": item["id"], "output_index": output}
    begun = {**item, "status": "in_progress"}
    return [
        event("output_item.added", output_index=output, item=begun),
        event("web_search_call.in_progress", **at),
        event("web_search_call.searching", **at),
        event("web_search_call.completed", **at),
        event("output_item.done", output_index=output, item=item),
    ]


def of_message(output: int = 2, item: dict[str, Any] = MESSAGE) -> list[Any]:
    (part,) = item["content"]
    at = {"item_id": item["id"], "output_index": output, "content_index": 0}
    begun = {**item, "status": "in_progress", "content": []}
    empty = {**part, "text": "", "annotations": []}
    return [
        event("output_item.added", output_index=output, item=begun),
        event("content_part.added", **at, part=empty),
        *(
            event("output_text.delta", **at, delta=delta, logprobs=[])
            for delta in halves(part["text"])
        ),
        *(
            event(
                "output_text.annotation.added", **at, annotation_index=n, annotation=a
            )
            for n, a in enumerate(part["annotations"])
        ),
        event("output_text.done", **at, text=part["text"]),
        event("content_part.done", **at, part=part),
        event("output_item.done", output_index=output, item=item),
    ]


BEGIN = [event("created", response=BEGUN), event("in_progress", response=BEGUN)]
END = event("completed", response=RESPONSE)
EVENTS = [*BEGIN, *of_reasoning(), *of_search(), *of_message(), END]


def wire(*events: Any, names: bool = True, done: bool = True) -> bytes:
    """Write events as a stream: with ``event:`` lines and ``[DONE]``, or without."""
    lines = []
    for number, made in enumerate(events):
        body = {**made, "sequence_number": number}
        name = f"event: {made.get('type')}\n" if names else ""
        lines.append(f"{name}data: {json.dumps(body, ensure_ascii=False)}\n\n")
    lines += ["data: [DONE]\n\n"] if done else []
    return "".join(lines).encode()


RECORDED = wire(*EVENTS)

#: the same reply in few bytes, to be cut at each of them
_BRIEF = {"id": ID, "status": "completed", "usage": USAGE, "output": []}
SHORT = wire(
    *(e for e in EVENTS if e["type"].endswith((".delta", "annotation.added"))),
    event("output_item.done", output_index=1, item=SEARCH),
    event("completed", response=_BRIEF),
    names=False,
    done=False,
)


def sent(*events: Any, **how: bool) -> Answer:
    return streamed(wire(*events, **how))
