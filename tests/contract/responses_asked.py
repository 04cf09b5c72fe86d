"""Requests to /v1/responses that together show every field of the answers."""

from __future__ import annotations

from typing import Any

from grok_nb._sandbox.desk import Desk
from grok_nb._sandbox.media.files import StoredFile

PATH = "/v1/responses"
TRAM = "When was tram line 14 in Bern opened?"
BIRTHDAY = {
    "type": "object",
    "properties": {"birth_date": {"type": "string", "format": "date"}},
    "required": ["birth_date"],
}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "strict": True,
}
WEB = {"type": "web_search"}
X = {"type": "x_search"}
CODE = {"type": "code_interpreter"}
FILES: dict[str, Any] = {"type": "file_search", "vector_store_ids": ["file_1"]}
ELSEWHERE = {"type": "mcp", "server_url": "https://mcp.example/mcp"}
PICTURES = {"type": "image_generation"}
SCHEMA_FORMAT = {"type": "json_schema", "name": "person", "schema": BIRTHDAY}
EVERY_INCLUDE = [
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "file_search_call.results",
    "code_interpreter_call.outputs",
]


def shelve(desk: Desk) -> None:
    """Store a file under a name that is known beforehand."""
    text = b"The key to the boat house hangs in the pantry.\n\nMilk, eggs."
    (name,) = FILES["vector_store_ids"]
    note = StoredFile(name, "notes.txt", text, created_at=0, expires_at=None, order=0)
    desk.files.put(name, note, len(text), desk.unix_time(), None)


def asked(given: object = TRAM, **fields: Any) -> dict[str, Any]:
    return {"model": "grok-4.7", "input": given} | fields


def script(kind: str) -> tuple[str, str, Any]:
    fault = {"do": kind, "match": PATH, "times": 1}
    return "POST", "/__sandbox/faults", {"faults": [fault]}


_BOTH_WAYS = [
    asked("What is 101*3?"),
    asked(tools=[WEB, X], include=EVERY_INCLUDE),
    asked("Who is @tramfan? Show the account.", tools=[X]),
    asked("Weather in Bern?", tools=[WEATHER], tool_choice="required"),
    asked("What is 7*6?", tools=[CODE], include=EVERY_INCLUDE),
    asked("Where is the key to the boat house?", tools=[FILES], include=EVERY_INCLUDE),
    asked("Ask the server for the weather", tools=[ELSEWHERE]),
    asked("Draw a cat", tools=[PICTURES]),
    asked("Mirror it", tools=[PICTURES | {"action": "edit"}]),
    asked("Name: Ada", text={"format": SCHEMA_FORMAT}),
    asked("Name: Ada", text={"format": {"type": "json_object"}}),
    asked("Count to 9", max_output_tokens=5, service_tier="priority"),
    asked(TRAM, tools=[WEB], include=["no_inline_citations"]),
    asked(
        "Hi", tool_choice={"type": "function", "name": "get_weather"}, tools=[WEATHER]
    ),
    asked("Hi", model="grok-4.20-non-reasoning"),
]
ASKED_2026: list[tuple[str, str, Any]] = [
    *[("POST", PATH, body) for body in _BOTH_WAYS],
    *[("POST", PATH, body | {"stream": True}) for body in _BOTH_WAYS],
    script("failed"),
    ("POST", PATH, asked()),
    script("failed"),
    ("POST", PATH, asked(stream=True)),
    ("DELETE", "/__sandbox/faults", None),
    ("POST", PATH, asked("Hi", max_output_tokens=0)),
    ("POST", PATH, asked(5)),
    ("POST", PATH, asked(model="nope")),
    ("POST", PATH, asked(search_parameters={})),
    ("POST", PATH, None),
    ("POST", PATH, asked("What is 101*3?")),
    ("GET", f"{PATH}/LAST", None),
    ("GET", f"{PATH}/LAST/input_items", None),
    ("GET", f"{PATH}/LAST/input_items?limit=0", None),
    ("DELETE", f"{PATH}/LAST", None),
    ("GET", f"{PATH}/LAST", None),
    ("DELETE", f"{PATH}/LAST", None),
    ("GET", f"{PATH}/LAST/input_items", None),
]
_LIKELY = asked("Hi", model="grok-3", logprobs=True, top_logprobs=2)
ASKED_2025: list[tuple[str, str, Any]] = [
    ("POST", PATH, asked(model="grok-4", tools=[WEB, X])),
    ("POST", PATH, asked(model="grok-4", tools=[WEB, X], stream=True)),
    ("POST", PATH, _LIKELY),
    ("POST", PATH, _LIKELY | {"stream": True}),
    ("POST", PATH, asked(n=1, model=1)),
]

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgA"
    "AAABQABpfZFQAAAAABJRU5ErkJggg=="
)
PARTS = [
    {"type": "input_text", "text": "Hi"},
    {"type": "input_image", "image_url": PIXEL, "detail": "low"},
    {"type": "input_file", "file_data": "SGk=", "filename": "a.txt"},
]
# Each field and part of a request, but for what excludes something else.
FULL: dict[str, Any] = {
    "model": "grok-4.7",
    "input": [
        {"type": "message", "role": "developer", "content": "Be brief."},
        {"role": "user", "content": PARTS, "id": "msg_0", "status": "completed"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "content": [],
            "encrypted_content": "aGk=",
            "status": "completed",
        },
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
        {
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hi", "annotations": []},
                {"type": "refusal", "refusal": "No"},
            ],
        },
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": '{"city": "Bern"}',
            "id": "fc_1",
            "status": "completed",
        },
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": "{}",
            "id": "fo_1",
            "status": "completed",
        },
        {"role": "user", "content": "Go on"},
    ],
    "instructions": "Be kind.",
    "store": False,
    "include": EVERY_INCLUDE,
    "max_output_tokens": 100,
    "max_turns": 2,
    "parallel_tool_calls": True,
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": SCHEMA_FORMAT | {"strict": True}},
    "tools": [
        WEATHER,
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["a.example"]},
            "enable_image_understanding": True,
            "enable_image_search": True,
            "search_context_size": "low",
            "user_location": {},
        },
        {
            "type": "x_search",
            "allowed_x_handles": ["tramfan"],
            "from_date": "2026-01-01",
            "to_date": "2026-02-01",
            "enable_image_understanding": True,
            "enable_video_understanding": True,
        },
        CODE,
        FILES | {"max_num_results": 3},
        ELSEWHERE
        | {
            "server_label": "a",
            "server_description": "b",
            "allowed_tools": ["c"],
            "authorization": "d",
            "headers": {"e": "f"},
        },
        PICTURES | {"action": "auto"},
    ],
    "tool_choice": {"type": "function", "name": "get_weather"},
    "stream": False,
    "temperature": 0.5,
    "top_p": 0.5,
    "logprobs": True,
    "top_logprobs": 2,
    "background": False,
    "service_tier": "default",
    "prompt_cache_key": "a",
    "user": "b",
    "safety_identifier": "c",
}
OTHERS = [
    {"text": {"format": {"type": "text"}}},
    {"text": {"format": {"type": "json_object"}}},
]
REQUIRED = {
    "ResponsesRequest": {"model", "input"},
    "InputMessage": {"role", "content"},
    "InputText": {"type", "text"},
    "InputImage": {"type"},
    "InputFile": {"type"},
    "InputRefusal": {"type", "refusal"},
    "FunctionCallItem": {"type", "call_id", "name", "arguments"},
    "FunctionOutputItem": {"type", "call_id", "output"},
    "ReasoningItem": {"type", "summary"},
    "SummaryPart": {"type", "text"},
    "ServerItem": {"type"},
    "FunctionTool": {"type", "name"},
    "WebSearchTool": {"type"},
    "DomainFilters": set(),
    "XSearchTool": {"type"},
    "CodeTool": {"type"},
    "FileSearchTool": {"type"},
    "McpTool": {"type", "server_url"},
    "ImageTool": {"type"},
    "FunctionChoice": {"type", "name"},
    "FlatSchemaFormat": {"type", "schema"},
    "TextOptions": set(),
    "ReasoningOptions": set(),
}
