"""The models the sandbox serves: ids, rules, listings and prices."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

FINGERPRINT = "fp_5a9db0c5ed"
_LISTED_PRICES = (
    "prompt_text_token_price",
    "cached_prompt_text_token_price",
    "prompt_image_token_price",
    "completion_text_token_price",
    "long_context_threshold",
    "prompt_text_token_price_long_context",
    "cached_prompt_text_token_price_long_context",
    "completion_text_token_price_long_context",
)
_TOKEN_PRICES = frozenset(_LISTED_PRICES) - {"long_context_threshold"}


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of ``fixtures/models.json``."""

    id: str
    kind: str
    status: str
    aliases: tuple[str, ...] = ()
    created: int = 0
    redirect: dict[str, str] = field(default_factory=dict)
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    context_length: int = 0
    max_prompt_length: int = 0
    served_2025: bool = False
    batch_discount_percent: int = 0
    prices: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)
    capabilities: dict[str, Any] = field(default_factory=dict)

    @property
    def reasons(self) -> bool:
        """Whether replies come with reasoning."""
        return bool(self.capabilities.get("reasoning"))

    @property
    def shows_reasoning(self) -> bool:
        """Whether the text of the reasoning is part of the reply."""
        return bool(self.capabilities.get("shows_reasoning"))

    @property
    def sees(self) -> bool:
        """Whether messages may hold images."""
        return "image" in self.input_modalities

    @property
    def returns_logprobs(self) -> bool:
        """Whether ``logprobs`` is answered; where not, it is ignored."""
        return bool(self.capabilities.get("returns_logprobs"))

    @property
    def efforts(self) -> tuple[str, ...]:
        """Values of ``reasoning_effort`` that are accepted; empty: not even the field."""
        listed = self.capabilities.get("reasoning_effort", ())
        return (*listed, *self.capabilities.get("also_accepted_reasoning_effort", ()))

    @property
    def default_effort(self) -> str | None:
        """What a request without ``reasoning_effort`` gets."""
        return self.capabilities.get("default_reasoning_effort")

    def in_batch(self) -> Model:
        """
        Give the model at its prices in a batch.

        The discount is on every kind of token, and on nothing else: neither on pictures
        nor on the fees of tools and sources. Source: pricing.json, billing rules.
        """
        left = 100 - self.batch_discount_percent
        prices = {
            name: price * left // 100 if name in _TOKEN_PRICES else price
            for name, price in self.prices.items()
        }
        return replace(self, prices=prices)

    def accepts(self, what: str) -> bool:
        """Whether the family takes ``stop``, ``penalties``, ``function_calling`` ..."""
        return bool(
            self.capabilities.get(f"accepts_{what}", self.capabilities.get(what))
        )


@dataclass(frozen=True, slots=True)
class Resolved:
    """A current model, and what a redirect to it sets."""

    model: Model
    effort: str | None = None
    quality: str | None = None


class Catalog:
    """Look-up by id or alias, and the listings."""

    def __init__(self, models: tuple[Model, ...]) -> None:
        self._models = models
        self._by_name = {
            name: model for model in models for name in (model.id, *model.aliases)
        }

    def in_batch(self) -> Catalog:
        """Give the same models at their prices in a batch."""
        return Catalog(tuple(model.in_batch() for model in self._models))

    def resolve(self, name: str) -> Resolved | None:
        """Find the current model an id, alias or redirected id stands for."""
        model = self._by_name.get(name)
        if model is None or model.status == "retired":
            return None
        if model.status != "redirected":
            return Resolved(model)
        target = self._by_name[model.redirect["model"]]
        redirect = model.redirect
        return Resolved(
            target, redirect.get("reasoning_effort"), redirect.get("quality")
        )

    def current(self, *kinds: str) -> list[Model]:
        """List the current models of some kinds, newest first."""
        found = [m for m in self._models if m.status == "current" and m.kind in kinds]
        return sorted(found, key=lambda model: -model.created)

    def find(self, name: str, *kinds: str) -> Model | None:
        """Find one current model of some kinds by id or alias."""
        model = self._by_name.get(name)
        if model is None or model.status != "current" or model.kind not in kinds:
            return None
        return model


def short_entry(model: Model, vintage: str = "2026") -> dict[str, Any]:
    """Build the entry of ``GET /v1/models``; it has prices since mid-2026."""
    entry: dict[str, Any] = {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "xai",
    }
    if vintage == "2025":
        return entry
    entry["aliases"] = list(model.aliases)
    if model.kind == "language":
        entry["context_length"] = model.context_length
        entry |= {name: model.prices[name] for name in _LISTED_PRICES}
        entry["capabilities"] = {
            "reasoning_effort": list(model.capabilities["reasoning_effort"]),
            "default_reasoning_effort": model.default_effort,
        }
    elif model.kind == "image":
        entry["image_price"] = model.prices["image_price"]
    return entry


def full_entry(model: Model) -> dict[str, Any]:
    """Build the entry of a listing of one kind of models, such as language models."""
    entry: dict[str, Any] = {
        "id": model.id,
        "fingerprint": FINGERPRINT,
        "created": model.created,
        "object": "model",
        "owned_by": "xai",
        "version": "1.0",
        "input_modalities": list(model.input_modalities),
        "output_modalities": list(model.output_modalities),
        "aliases": list(model.aliases),
    }
    if model.kind == "image":
        return entry | {
            "image_price": model.prices["image_price"],
            "max_prompt_length": model.max_prompt_length,
        }
    if model.kind == "embedding":
        return entry | model.prices
    if model.kind == "video":
        return entry
    prices = {name: model.prices[name] for name in _LISTED_PRICES}
    return entry | prices | {"search_price": model.prices["search_price"]}


def cost_in_ticks(
    model: Model,
    *,
    prompt: int,
    image: int,
    cached: int,
    output: int,
    priority: bool,
) -> int:
    """
    Price a request in ticks of 1e-10 USD.

    A prompt that reaches the long-context threshold is billed wholly at the
    long-context prices, where a price of 0 means the standard one. The listing has no
    long-context price for images: they then cost what text costs, as they do below
    the threshold.

    Parameters
    ----------
    model : Model
        The model that answered.
    prompt, image, cached : int
        Tokens of the prompt, and how many of them are of images or from the cache.
    output : int
        Tokens of content and reasoning together.
    priority : bool
        Whether the answer says that it had priority, which costs twice as much.

    Source: docs.x.ai pricing (2026-09-29).
    """
    prices = model.prices
    text_price = prices["prompt_text_token_price"]
    cached_price = prices["cached_prompt_text_token_price"]
    output_price = prices["completion_text_token_price"]
    image_price = prices["prompt_image_token_price"]
    if 0 < prices["long_context_threshold"] <= prompt:
        long = "_long_context"
        text_price = prices["prompt_text_token_price" + long] or text_price
        cached_price = prices["cached_prompt_text_token_price" + long] or cached_price
        output_price = prices["completion_text_token_price" + long] or output_price
        image_price = text_price
    ticks = (
        (prompt - image - cached) * text_price
        + image * image_price
        + cached * cached_price
        + output * output_price
    )
    return ticks * 2 if priority else ticks


@functools.cache
def load(vintage: str = "2026") -> Catalog:
    """
    Read the models from the package.

    Parameters
    ----------
    vintage : {"2026", "2025"}
        With 2025 the ids of that year are served as they were, beside today's.
    """
    text = resources.files(__package__).joinpath("fixtures/models.json").read_text()
    entries = json.loads(text)["models"]
    tuples = ("aliases", "input_modalities", "output_modalities")
    models = [
        Model(**(entry | {key: tuple(entry.get(key, ())) for key in tuples}))
        for entry in entries
    ]
    if vintage == "2025":
        models = [
            replace(model, status="current") if model.served_2025 else model
            for model in models
        ]
    return Catalog(tuple(models))
