"""Embeddings: texts in, vectors out."""

from __future__ import annotations

import array
import itertools
import sys
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grok_nb import pictures, pricing
from grok_nb.errors import BadRequest, NotFound
from grok_nb.reply import Usage

from .chat import check_model
from .exchange import Call
from .parameters import WHOLE, WORD, Rules, checked
from .stream import Fold

if TYPE_CHECKING:
    from grok_nb.reply import CostSource
    from grok_nb.wire import ListedModel

    from .exchange import Exchange

EMBEDDINGS = "/embeddings"
#: Source: xai-api.md section 10.
MOST_INPUTS = 128
PARAMETERS: Rules = {
    "dimensions": (WHOLE, 1, 1_000_000),
    "encoding_format": (WORD, 0, 0),
    "user": (WORD, 0, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The vectors of some texts.

    Attributes
    ----------
    vectors : list of list of float
        One per text, in the order of the texts.
    usage : Usage or None
    cost_usd : float or None
        USD; ``None`` when unknown.
    cost_source : {"reported", "computed", "estimated", "none"}
    model, request_id : str or None
    attempts, attempts_in_doubt : int
        As of a `Reply`.
    sandbox : bool
        Whether the sandbox made them.
    raw : dict
        The parsed JSON as it came.

    Notes
    -----
    Source: xai-api.md section 10.
    """

    vectors: list[list[float]] = field(default_factory=list)
    usage: Usage | None = None
    cost_ticks: int | None = None
    cost_source: CostSource = "none"
    model: str | None = None
    request_id: str | None = None
    attempts: int = 1
    attempts_in_doubt: int = 0
    sandbox: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def cost_usd(self) -> float | None:
        """Cost in USD; ``None`` when unknown."""
        ticks = self.cost_ticks
        return None if ticks is None else ticks / pricing.TICKS_PER_USD

    @property
    def array(self) -> Any:
        """The vectors as a numpy array of float64, one row per text."""
        import numpy as np

        return np.array(self.vectors, dtype=np.float64)

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        size = len(self.vectors[0]) if self.vectors else 0
        return f"<Embeddings {len(self)} x {size} by {self.model or 'no model'}>"


class EmbeddingFold(Fold):
    """Takes a whole answer of the endpoint; see `Fold`."""

    def __init__(self, request: Mapping[str, Any], choices: int = 1) -> None:
        super().__init__(request, choices)
        self.vectors: list[list[float]] = []

    def add_whole(self, data: dict[str, Any]) -> None:
        """Take a whole answer; a vector that is missing or unreadable fails it."""
        entries = data.get("data")
        self.usage = Usage.from_chat(data.get("usage"))
        self.usage_is_final = self.usage is not None
        if isinstance(model := data.get("model"), str):
            self.head = {"model": model}
        self.marked_done = True
        self.data = data
        if not isinstance(entries, list) or not entries:
            return
        self.has_choice = True
        asked = self.request["body"]["input"]
        count = 1 if isinstance(asked, str) else len(asked)
        if len(entries) != count:
            self.failure = f"{count} texts got {len(entries)} embeddings"
            return
        vectors = [_vector(entry) for entry in _in_order(entries)]
        self.vectors = [vector for vector in vectors if vector is not None]
        if len(self.vectors) < count:
            self.failure = f"the embedding {vectors.index(None)} cannot be read"

    def result(self) -> Embeddings:
        """Return what came, with its cost."""
        return Embeddings(vectors=self.vectors, **self.account())


class EmbeddingMethods:
    """The method of the client that embeds."""

    exchange: Exchange

    async def embedding_models(self) -> list[ListedModel]:
        """List embedding models; the client's own."""
        raise NotImplementedError

    async def embed(
        self,
        input: str | Sequence[str],  # noqa: A002 - the API's name
        model: str | None = None,
        *,
        dimensions: int | None = None,
        encoding_format: str | None = None,
        user: str | None = None,
    ) -> Embeddings:
        """Turn texts into vectors: ``POST /v1/embeddings``.

        Parameters
        ----------
        input
            A text, or at most 128.
        model
            Id or alias; default the newest of the live listing.
        dimensions
            Length of the vectors, where the model lets one choose.
        encoding_format
            How they travel: ``"float"`` (the API's default) or ``"base64"``, which is
            smaller. The result is the same.
        user
            Your name for who asks.

        Returns
        -------
        Embeddings
            ``.vectors``, in the order of the texts; ``.array`` for numpy.

        Raises
        ------
        BadRequest
            Before sending, where an argument cannot be right, or by the API.
        NotFound
            No such model; in 2026 none is offered publicly.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 10.
        """
        texts = checked_input(input)
        options = checked(
            "Embeddings",
            PARAMETERS,
            {
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "user": user,
            },
        )
        if options.get("encoding_format", "float") not in ("float", "base64"):
            raise BadRequest(
                f"encoding_format is {encoding_format!r}.", hint="float or base64."
            )
        if model is None:
            model = await self._newest_embedding_model()
        check_model(model)
        body = {"model": model, "input": texts, **options}
        call = Call(EMBEDDINGS, body, fold=EmbeddingFold)
        async for _ in self.exchange.run(call):
            pass
        fold = call.fold
        assert isinstance(fold, EmbeddingFold)  # noqa: S101 - it was made so above
        return fold.result()

    async def _newest_embedding_model(self) -> str:
        listed = [found for found in await self.embedding_models() if found.id]
        if not listed:
            raise NotFound(
                "xAI lists no embedding model for this key.",
                hint='If you know of one, name it: embed(..., model="...").',
            )
        return str(max(listed, key=lambda found: found.created or 0).id)


def checked_input(texts: object) -> str | list[str]:
    """Return a text, or a list of texts; may wait for an iterator.

    Raises
    ------
    BadRequest
        It is neither, empty, or too much for one request.
    """
    if hasattr(texts, "columns"):  # it would be read as the list of their names
        raise BadRequest(
            "A DataFrame cannot be embedded.", hint='Take one column: df["text"].'
        )
    if isinstance(texts, str):
        if not texts:
            raise BadRequest("The text to embed is empty.")
        return texts
    # sets have no order, and of a DataFrame one would get the names of its columns
    is_other = isinstance(texts, (bytes, Mapping, set, frozenset))
    if is_other or hasattr(texts, "columns") or not hasattr(texts, "__iter__"):
        raise BadRequest(
            f"input must be a text or a list of texts, not {type(texts).__name__}."
        )
    try:
        found = list(itertools.islice(texts, MOST_INPUTS + 1))
    except Exception as error:  # noqa: BLE001 - anybody's iterator
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        raise BadRequest(f"input cannot be read: {reason}.") from None
    if not 1 <= len(found) <= MOST_INPUTS:
        is_sized = isinstance(texts, Sized)
        some = len(texts) if is_sized else f"more than {MOST_INPUTS}" if found else 0  # type: ignore[arg-type]  # is_sized narrows
        raise BadRequest(
            f"input has {some} texts; one request takes 1 to {MOST_INPUTS}.",
            hint=f"Embed them in parts: texts[:{MOST_INPUTS}], and so on.",
        )
    for at, text in enumerate(found):
        if not isinstance(text, str) or not text:
            raise BadRequest(
                f"input[{at}] must be a text that is not empty, not {text!r:.50}."
            )
    return found


def _in_order(entries: list[Any]) -> list[Any]:
    """Sort by ``index``, where all have one of their own; else as they came."""
    indices = [e.get("index") if isinstance(e, Mapping) else None for e in entries]
    numbers = [i for i in indices if isinstance(i, int) and not isinstance(i, bool)]
    if sorted(numbers) != list(range(len(entries))):
        return entries
    return [
        entry for _, entry in sorted(zip(numbers, entries, strict=True), key=_first)
    ]


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _vector(entry: Any) -> list[float] | None:
    """Read one vector: numbers, or base64 of float32, little-endian."""
    found = entry.get("embedding") if isinstance(entry, Mapping) else None
    if isinstance(found, list) and found:
        is_numeric = all(
            isinstance(x, (int, float)) and not isinstance(x, bool) for x in found
        )
        try:
            return [float(x) for x in found] if is_numeric else None
        except OverflowError:  # a whole number of hundreds of digits
            return None
    if not isinstance(found, str):
        return None
    numbers = array.array("f")
    try:
        numbers.frombytes(pictures.from_base64(found))
    except ValueError:  # no base64, or a part of a number
        return None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist() or None
