"""Requests in Anthropic's and OpenAI's older forms, which show every field."""

from __future__ import annotations

from typing import Any

from grok_nb._sandbox import catalog
from grok_nb._sandbox.legacy import complete, completions, message_rules
from grok_nb._sandbox.legacy.endpoint import COMPLETE, COMPLETIONS, MESSAGES

PREPARE = {
    MESSAGES: message_rules.prepare,
    COMPLETIONS: completions.prepare,
    COMPLETE: complete.prepare,
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
PLAIN = {"2026": "grok-4.20-non-reasoning", "2025": "grok-2"}
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def prepare(path: str, raw: bytes, vintage: str) -> Any:
    return PREPARE[path](raw, catalog.load(vintage), vintage)


def message(given: Any = "What is 101*3?", **fields: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": given}]
    return {"model": "grok-4.7", "max_tokens": 500, "messages": said} | fields


def texts(prompt: Any = "What is 101*3?", **fields: Any) -> dict[str, Any]:
    return {"model": PLAIN["2026"], "prompt": prompt} | fields


def turns(asked: str = "What is 101*3?", **fields: Any) -> dict[str, Any]:
    prompt = f"\n\nHuman: {asked}\n\nAssistant:"
    return {
        "model": "grok-4.7",
        "prompt": prompt,
        "max_tokens_to_sample": 500,
    } | fields


_OLD = {"model": PLAIN["2025"]}
_REFUSED = [
    ("POST", MESSAGES, message(max_tokens=0)),
    ("POST", MESSAGES, message(max_tokens="1")),
    ("POST", MESSAGES, None),
    ("POST", COMPLETIONS, texts(n=0)),
    ("POST", COMPLETIONS, texts(n="1")),
    ("POST", COMPLETIONS, texts(model="nope")),
    ("POST", COMPLETIONS, None),
    ("POST", COMPLETE, turns(stream=True)),
    ("POST", COMPLETE, turns(prompt=1)),
    ("POST", COMPLETE, turns(model="nope")),
    ("POST", COMPLETE, None),
]
_ANSWERED = [
    message(),
    message("Weather in Bern?", tools=[WEATHER]),
    message("Count to 9", max_tokens=2),
    message("Count to 9", model=PLAIN["2026"], stop_sequences=["5"]),
]
ASKED_2026: list[tuple[str, str, Any]] = [
    *[("POST", MESSAGES, body) for body in _ANSWERED],
    *[("POST", MESSAGES, body | {"stream": True}) for body in _ANSWERED],
    ("POST", COMPLETIONS, texts()),
    ("POST", COMPLETIONS, texts(stream=True)),
    ("POST", COMPLETIONS, texts(stream=True, stream_options={"include_usage": True})),
    ("POST", COMPLETE, turns()),
    ("POST", COMPLETE, turns("Count to 9", max_tokens_to_sample=2)),
    *_REFUSED,
]
ASKED_2025: list[tuple[str, str, Any]] = [
    ("POST", MESSAGES, message(model="grok-3-mini")),
    ("POST", COMPLETIONS, texts(**_OLD, logprobs=2)),
    ("POST", COMPLETIONS, texts(**_OLD, logprobs=True)),
    ("POST", COMPLETIONS, texts(**_OLD, logprobs=2, stream=True, echo=True)),
    ("POST", COMPLETE, turns(**_OLD)),
    *[one for one in _REFUSED if one[2] is None or one[2].get("model") == "nope"],
]

_KEPT = {"cache_control": {"type": "ephemeral"}}
_TEXT = {"type": "text", "text": "Hi"} | _KEPT
_IMAGES = [
    {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
    }
    | _KEPT,
    {"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}},
]
_USER = {"user_id": "a"}
FULL: dict[str, dict[str, Any]] = {
    MESSAGES: {
        "model": "grok-4.7",
        "max_tokens": 500,
        "system": [_TEXT],
        "messages": [
            {"role": "user", "content": [_TEXT, *_IMAGES]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "a"},
                    {"type": "redacted_thinking", "data": "b"},
                    _TEXT,
                    {
                        "type": "tool_use",
                        "id": "call_1",
                        "name": "get_weather",
                        "input": {"city": "Bern"},
                    }
                    | _KEPT,
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "call_1",
                        "content": [_TEXT, *_IMAGES],
                        "is_error": True,
                    }
                    | _KEPT
                ],
            },
        ],
        "stop_sequences": [],
        "stream": False,
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 5,
        "tools": [WEATHER | _KEPT],
        "tool_choice": {
            "type": "tool",
            "name": "get_weather",
            "disable_parallel_tool_use": True,
        },
        "metadata": _USER,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    COMPLETIONS: {
        "prompt": ["Hi", "Ho"],
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.5,
        "n": 2,
        "best_of": 2,
        "echo": True,
        "suffix": "a",
        "stop": ["b"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": 2,
        "logit_bias": {"1": 1.5},
        "seed": 1,
        "user": "c",
    },
    COMPLETE: {
        "prompt": "Be brief.\n\nHuman: Hi\n\nAssistant: Ho",
        "max_tokens_to_sample": 5,
        "stop_sequences": ["a"],
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 5,
        "stream": False,
        "metadata": _USER,
    },
}
OTHERS: dict[str, list[dict[str, Any]]] = {
    MESSAGES: [
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tool_choice": {"type": "none"}},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "adaptive"}},
    ],
    COMPLETIONS: [],
    COMPLETE: [],
}
FULL_BODIES = [
    (vintage, path, {"model": PLAIN[vintage]} | body, OTHERS[path])
    for vintage in PLAIN
    for path, body in FULL.items()
]
# Refused by the newer models that take stops.
LEFT_OUT = {(vintage, path): set() for vintage in PLAIN for path in FULL} | {
    (vintage, COMPLETIONS): {"frequency_penalty", "presence_penalty"}
    for vintage in PLAIN
}
REQUIRED = {
    "MessagesRequest": {"model", "max_tokens", "messages"},
    "GivenMessage": {"role", "content"},
    "TextBlock": {"type", "text"},
    "ImageBlock": {"type", "source"},
    "Base64Source": {"type", "media_type", "data"},
    "UrlSource": {"type", "url"},
    "ToolUseBlock": {"type", "id", "name", "input"},
    "ToolResultBlock": {"type", "tool_use_id"},
    "ThinkingBlock": {"type", "thinking"},
    "RedactedThinkingBlock": {"type", "data"},
    "MessageTool": {"name", "input_schema"},
    "InputSchema": {"type", "required"},
    "AutoChoice": {"type"},
    "AnyChoice": {"type"},
    "ToolChoice": {"type", "name"},
    "NoChoice": {"type"},
    "Metadata": set(),
    "ThinkingOn": {"type", "budget_tokens"},
    "ThinkingAdaptive": {"type"},
    "ThinkingOff": {"type"},
    "CompletionsRequest": {"model", "prompt"},
    "CompleteRequest": {"model", "prompt", "max_tokens_to_sample"},
}
