"""xAI's Grok in the notebook: ask, stream, and know what every token cost.

``%load_ext grok_nb`` brings ``%%grok``; ``import grok_nb as gn`` brings the rest. Every
public name is loaded when it is first used, so that importing costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself takes 8 ms to import

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from grok_nb import errors as errors
    from grok_nb.api.stream import Event as Event
    from grok_nb.budgets import budget as budget
    from grok_nb.checkup import doctor as doctor
    from grok_nb.default import aask as aask
    from grok_nb.default import ask as ask
    from grok_nb.default import configure as configure
    from grok_nb.default import sandbox as sandbox
    from grok_nb.default import stream as stream
    from grok_nb.deferring import DeferredReply as DeferredReply
    from grok_nb.errors import GrokError as GrokError
    from grok_nb.frames.estimating import estimate as estimate
    from grok_nb.frames.extract import Extraction as Extraction
    from grok_nb.frames.extract import extract as extract
    from grok_nb.frames.tables import deferred as deferred
    from grok_nb.frames.tables import models as models
    from grok_nb.frames.tables import prices as prices
    from grok_nb.frames.usage import doubts as doubts
    from grok_nb.frames.usage import usage as usage
    from grok_nb.reply import Reply as Reply
    from grok_nb.reply import Usage as Usage
    from grok_nb.session import AsyncGrok as AsyncGrok
    from grok_nb.session import Grok as Grok
    from grok_nb.threads import Thread as Thread

__version__ = "0.1.0"

_PLACES = {
    "AsyncGrok": "grok_nb.session",
    "DeferredReply": "grok_nb.deferring",
    "Event": "grok_nb.api.stream",
    "Extraction": "grok_nb.frames.extract",
    "Grok": "grok_nb.session",
    "GrokError": "grok_nb.errors",
    "Reply": "grok_nb.reply",
    "Thread": "grok_nb.threads",
    "Usage": "grok_nb.reply",
    "aask": "grok_nb.default",
    "ask": "grok_nb.default",
    "budget": "grok_nb.budgets",
    "configure": "grok_nb.default",
    "deferred": "grok_nb.frames.tables",
    "doctor": "grok_nb.checkup",
    "doubts": "grok_nb.frames.usage",
    "errors": "grok_nb.errors",
    "estimate": "grok_nb.frames.estimating",
    "extract": "grok_nb.frames.extract",
    "models": "grok_nb.frames.tables",
    "prices": "grok_nb.frames.tables",
    "sandbox": "grok_nb.default",
    "stream": "grok_nb.default",
    "usage": "grok_nb.frames.usage",
}

__all__ = [
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


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_PLACES[name])
    value = module if name == "errors" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; called by ``%load_ext grok_nb``."""
    from grok_nb.notebook.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away; called by ``%unload_ext grok_nb``."""
    from grok_nb.notebook.magics import unload

    unload(shell)
