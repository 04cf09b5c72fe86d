"""The reply of a chat completion as it is drawn, token by token, and its usage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import brain, catalog, live_search, logprobs, tasks, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import tools
    from .chat_rules import Job


@dataclass(frozen=True, slots=True)
class Delta:
    """One token of one choice, a whole call with its place, or the end."""

    choice: int
    reasoning: str | None = None
    content: str | None = None
    refusal: str | None = None
    call: tuple[int, tools.Call] | None = None
    finish: str | None = None
    # With the end: the sequence that the reply would have gone on with.
    stop: str | None = None
    logprobs: dict[str, Any] | None = None


class Generation:
    """
    The reply as it is drawn, token by token, and the usage of what was drawn so far.

    Parameters
    ----------
    job : Job
        What is answered.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        seen = job.question.sight.labelled()
        self._question = replace(job.question, task=tasks.of(job.request, seen))
        self.completion_tokens = 0
        self.reasoning_tokens = 0

    def prepare(self) -> None:
        """Do what takes long, once for all choices."""
        brain.reply(self._question)

    def __iter__(self) -> Iterator[Delta]:
        for choice in range(self._job.choices):
            yield from self._choice(choice)

    def _choice(self, choice: int) -> Iterator[Delta]:
        reply = brain.reply(self._question, choice)
        for token in tokens.split(reply.reasoning):
            self.reasoning_tokens += 1
            if self._job.model.shows_reasoning:
                yield Delta(choice, reasoning=token)
        finish = "tool_calls" if reply.calls else "stop"
        # max_completion_tokens is for visible text only.
        for place, call in enumerate(reply.calls):
            self.completion_tokens += tokens.count(call.name + call.arguments)
            yield Delta(choice, call=(place, call))
        for token in tokens.split(reply.refusal or ""):
            self.completion_tokens += 1
            yield Delta(choice, refusal=token)
        content = _BeforeStop(
            (token for piece in reply.pieces for token in tokens.split(piece)),
            self._job.stops,
        )
        for drawn, token in enumerate(content):
            if drawn == self._job.max_tokens:
                finish = "length"
                break
            self.completion_tokens += 1
            yield Delta(choice, content=token, logprobs=self._logprobs(token, drawn))
        yield Delta(
            choice, finish=finish, stop=content.met if finish == "stop" else None
        )

    def _logprobs(self, token: str, position: int) -> dict[str, Any] | None:
        if self._job.top_logprobs is None:
            return None
        return logprobs.entry(token, position, self._job.top_logprobs)

    @property
    def drawn_tokens(self) -> int:
        """All tokens that were drawn."""
        return self.completion_tokens + self.reasoning_tokens

    def usage(self) -> dict[str, Any]:
        """
        Give the usage figure of what was drawn, with its cost.

        Source: xai-api.md section 3.7: the documents of 2025 show the reasoning at the
        top level, too, and their example reads it from the details.
        """
        job = self._job
        completion, reasoning = self.completion_tokens, self.reasoning_tokens
        cached = tokens.cached(job.prompt_text_tokens)
        cost = catalog.cost_in_ticks(
            job.model,
            prompt=job.prompt_tokens,
            image=job.prompt_image_tokens,
            cached=cached,
            output=completion + reasoning,
            priority=job.service_tier == "priority",
        )
        cost += len(job.sources) * live_search.TICKS_PER_SOURCE
        return {
            "prompt_tokens": job.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": job.prompt_tokens + completion + reasoning,
            "prompt_tokens_details": {
                "text_tokens": job.prompt_text_tokens,
                "audio_tokens": 0,
                "image_tokens": job.prompt_image_tokens,
                "cached_tokens": cached,
            },
            "completion_tokens_details": {
                "reasoning_tokens": reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "num_sources_used": len(job.sources),
            "cost_in_usd_ticks": cost,
            **({"reasoning_tokens": reasoning} if job.vintage == "2025" else {}),
        }


class _BeforeStop:
    """Tokens up to the first stop sequence, which may span several."""

    def __init__(self, drawn: Iterator[str], stops: tuple[str, ...]) -> None:
        self._drawn, self._stops = drawn, stops
        self.met: str | None = None

    def __iter__(self) -> Iterator[str]:
        stops = self._stops
        if not stops:
            yield from self._drawn
            return
        longest = max(map(len, stops))
        held: list[str] = []
        for token in self._drawn:
            held.append(token)
            text = "".join(held)
            found = [
                (place + len(stop), place, stop)
                for stop in stops
                if (place := text.find(stop)) >= 0
            ]
            if found:
                # The sequence that is complete first ends the reply.
                _, place, self.met = min(found)
                yield from tokens.split(text[:place])
                return
            # What is further back than a stop sequence is long is no part of one.
            while len(text) - len(held[0]) >= longest - 1:
                text = text[len(held[0]) :]
                yield held.pop(0)
                if not held:
                    break
        yield from held
