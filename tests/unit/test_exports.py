"""What is public, what it costs to import, and that both clients have one face."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import grok_nb
from grok_nb import default
from grok_nb.api.question import AskOptions
from grok_nb.session import AsyncGrok, Grok

PUBLIC = [
    "AsyncGrok",
    "DeferredReply",
    "Event",
    "Extraction",
    "Grok",
    "GrokError",
    "Reply",
    "Thread",
    "Usage",
    "__version__",
    "aask",
    "ask",
    "budget",
    "configure",
    "deferred",
    "doctor",
    "doubts",
    "errors",
    "estimate",
    "extract",
    "load_ipython_extension",
    "models",
    "prices",
    "sandbox",
    "stream",
    "unload_ipython_extension",
    "usage",
]


def test_no_module_hides_a_public_name() -> None:
    """A module that is imported becomes an attribute of its package."""
    import pkgutil

    modules = {module.name for module in pkgutil.iter_modules(grok_nb.__path__)}
    assert modules & {*PUBLIC} == {"errors"}  # which is the module


HEAVY = "pandas IPython httpx aiohttp ipywidgets anywidget pydantic starlette fastapi"


def test_the_public_names_are_these() -> None:
    assert grok_nb.__all__ == PUBLIC
    assert dir(grok_nb) == PUBLIC
    for name in PUBLIC:
        assert getattr(grok_nb, name) is getattr(grok_nb, name)
    with pytest.raises(AttributeError, match="nonsense"):
        grok_nb.nonsense  # noqa: B018


def loaded_after(code: str) -> set[str]:
    code += "; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return {name for name in json.loads(done.stdout) if name in HEAVY.split()}


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_after("import grok_nb") == set()
    assert loaded_after("import grok_nb; grok_nb.GrokError; grok_nb.Reply") == set()
    assert "httpx" in loaded_after("import grok_nb.api.transport")  # it would be seen


def test_making_a_client_loads_no_http_library() -> None:
    code = "import grok_nb; grok_nb.Grok(api_key='xai-000000', store=':memory:')"
    assert loaded_after(code) <= {"pydantic"}


def methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, inspect.isroutine)
        if not name.startswith("_")
    }


#: only where it makes sense: blocking code asks for idle time, closing has its own name
ONLY_ASYNC = {"aclose", "resolve_model", "read_listing", "price", "warn", "heed"}
ONLY_BLOCKING = {"close"}


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    asynchronous, blocking = methods(AsyncGrok), methods(Grok)
    assert asynchronous.keys() - ONLY_ASYNC == blocking.keys() - ONLY_BLOCKING
    for name in asynchronous.keys() & blocking.keys():
        one = dict(asynchronous[name].parameters)
        two = dict(blocking[name].parameters)
        if name == "follow":
            assert two.pop("on_idle").default is None
        assert list(one.items()) == list(two.items()), name
        returns = (
            str(asynchronous[name].return_annotation)
            .replace("AsyncIterator", "Iterator")
            .replace("AsyncReplyStream", "ReplyStream")
            .replace("AsyncDeferred", "Deferred")
        )
        assert returns == str(blocking[name].return_annotation), name


def test_both_clients_are_made_alike() -> None:
    one, two = inspect.signature(AsyncGrok), inspect.signature(Grok)
    assert one.parameters == two.parameters
    assert list(one.parameters) == [
        "api_key",
        "base_url",
        "model",
        "timeout_s",
        "store",
        "on_doubt",
        "keep_text",
        "verify",
        "management_key",
        "management_base_url",
        "transport",
        "clock",
        "jitter",
    ]


def test_module_functions_ask_like_the_methods() -> None:
    for name in ("ask", "stream"):
        method = dict(inspect.signature(getattr(Grok, name)).parameters)
        method.pop("self")
        function: Any = getattr(default, name)
        assert dict(inspect.signature(function).parameters) == method
    assert set(AskOptions.__annotations__) == {
        *("messages", "model", "system", "temperature", "top_p", "max_tokens", "n"),
        *("seed", "stop", "frequency_penalty", "presence_penalty"),
        *("reasoning_effort", "timeout_s", "on_retry", "attach", "detail"),
        *("search", "domains", "not_domains", "handles", "not_handles"),
        *("since", "until", "images", "video", "run_code"),
        "search_parameters",
        *("schema", "many", "repairs", "tools", "tool_choice", "max_steps"),
        *("max_turns", "max_cost"),
    }


def test_every_public_method_is_documented() -> None:
    for kind in (AsyncGrok, Grok):
        for name in methods(kind):
            assert inspect.getdoc(getattr(kind, name)), name


def test_the_package_says_its_version_once() -> None:
    from importlib.metadata import version

    assert grok_nb.__version__ == version("grok-nb")
