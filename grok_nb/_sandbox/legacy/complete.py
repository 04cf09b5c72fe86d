"""POST /v1/complete: what the assistant says next in a text of turns."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from grok_nb._sandbox import chat_rules, errors, schemas
from grok_nb._sandbox.generation import Generation

from .text_request import CompleteRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grok_nb._sandbox.catalog import Catalog
    from grok_nb._sandbox.chat_rules import Job
    from grok_nb._sandbox.exchange import Writer

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES: dict[str, Any] = {"Human": "user", "Assistant": "assistant"}
FORM_TEXT = (
    "Invalid value for prompt: it must have the form "
    '"\\n\\nHuman: ...\\n\\nAssistant:", with turns of Human and Assistant.'
)
# The end of a turn is the beginning of the other's, which is a sequence, too.
_REASONS = {"stop": "stop_sequence", "length": "max_tokens"}


def prepare(raw: bytes, catalog: Catalog, vintage: str) -> tuple[CompleteRequest, Job]:
    """
    Read, check and measure the body of a request.

    Raises
    ------
    ApiError
        400 also for a prompt without turns, and for a stream, which is unsupported.
        Source: xai-api.md section 8.3.
    """
    request = schemas.read(CompleteRequest, raw)
    resolved = catalog.resolve(request.model)
    if resolved is None:
        raise errors.unknown_model(request.model)
    model = resolved.model
    if model.kind != "language" or not model.accepts("chat_completions"):
        raise errors.invalid(f"Model {model.id} is not served by complete.")
    if request.stream:
        raise errors.invalid("stream is not supported: this endpoint has no streams.")
    stops = request.stop_sequences or None
    if len(stops or ()) > schemas.MAX_STOPS:
        raise errors.invalid(
            f"stop_sequences takes at most {schemas.MAX_STOPS} sequences."
        )
    if stops and not model.accepts("stop"):
        raise errors.unsupported(model.id, "stopSequences", vintage)
    if request.max_tokens_to_sample < 1:
        raise errors.invalid(
            "Invalid value for max_tokens_to_sample: it must be at least 1."
        )
    asked = schemas.ChatRequest(
        model=request.model,
        messages=list(turns(request.prompt)),
        max_tokens=request.max_tokens_to_sample,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=stops,
        user=request.metadata.user_id if request.metadata else None,
    )
    return request, chat_rules.settle(asked, resolved, vintage)


def turns(prompt: str) -> Iterator[schemas.Message]:
    """
    Cut a prompt into messages; what stands before the first turn is the system text.

    The last turn is the assistant's, and may have begun already.

    Raises
    ------
    ApiError
        400 for a prompt of another form.
    """
    head, *rest = _TURN.split(prompt)
    said = list(zip(rest[::2], (text.strip() for text in rest[1::2]), strict=True))
    if not said or said[0][0] != "Human" or said[-1][0] != "Assistant":
        raise errors.invalid(FORM_TEXT)
    if not all(text for _, text in said[:-1]):
        raise errors.invalid(chat_rules.EMPTY_TEXT)
    if head.strip():
        yield schemas.Message(role="system", content=head.strip())
    for who, text in said:
        if text:
            yield schemas.Message(role=_ROLES[who], content=text)


class CompleteReply:
    """One completion: how it is drawn and written."""

    is_stream = False

    def __init__(self, request: CompleteRequest, job: Job) -> None:
        self.id = str(uuid.uuid4())
        self.model = job.model
        self._job = job
        # The text goes on where the prompt ends: with a space after the colon.
        self._gap = " " if request.prompt.endswith(":") else ""

    def generate(self) -> Generation:
        """Begin to draw the text, the same one each time."""
        return Generation(self._job)

    def whole(self, generation: Generation) -> bytes:
        """Draw the text and write it."""
        text, reason = [self._gap], ""
        for delta in generation:
            if delta.finish is not None:
                reason = _REASONS[delta.finish]
            else:
                text.append(delta.content or "")
        body = {
            "type": "completion",
            "id": self.id,
            "completion": "".join(text),
            "stop_reason": reason,
            "model": self.model.id,
        }
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def writer(self, generation: Generation, fault: str | None) -> Writer:
        """Give what writes events: never asked for, as a stream was refused."""
        raise NotImplementedError

    def keep(self, generation: Generation) -> None:
        """Store a whole reply; completions are not stored."""
