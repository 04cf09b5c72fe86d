"""One question on its way: its calls, the functions that run in between, and repairs."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, Any

from grok_nb import turns
from grok_nb.errors import GrokError, SchemaMismatch, TimedOut
from grok_nb.portal import above, is_inside
from grok_nb.reply import Reply, RetryNotice, Step

from .structured import again, spoiled, take

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from grok_nb.reply import Ask, ToolCall
    from grok_nb.tools import Tool

    from .client import Client
    from .exchange import Call
    from .stream import Event, Fold

#: Finish reasons of a reply that asks for functions. Source: xai-api.md section 3.3:
#: older builds said "".
_WANTS_CALLS = ("tool_calls", "", None)
_STOPPED = "Error: stopped by the user"
#: A function may ask a question with functions that ask ...; each of them costs.
_DEEPEST = 4
#: Seconds that functions which are awaited get to end when the question does.
_CLOSE_S = 0.5
_depth: contextvars.ContextVar[int] = contextvars.ContextVar("depth", default=0)


class Dialogue:
    """One question, until its answer is there.

    Parameters
    ----------
    client
        Who sends.
    ask
        The question.
    stream
        Whether its replies are streamed.
    on_retry
        Called before each wait and each repair.
    on_end
        Called on the event loop with the reply as it ended, also when it was stopped
        or failed.
    """

    def __init__(
        self,
        client: Client,
        ask: Ask,
        *,
        stream: bool,
        on_retry: Callable[[RetryNotice], None] | None = None,
        on_end: Callable[[Reply], None] | None = None,
    ) -> None:
        self._client = client
        self._ask = ask
        self._stream = stream
        self._on_retry = on_retry
        self._on_end = on_end
        self._call: Call | None = None
        self._ended: Reply | None = None
        self._deadline: float | None = None

    def reply(self) -> Reply:
        """Return the reply as far as it has arrived; at the end with usage and cost."""
        if self._ended is not None:
            return self._ended
        if self._call is not None:
            return self._call.fold.reply()
        return Reply(state="stopped", thread=self._ask.origin.thread)

    async def events(self) -> AsyncIterator[Event]:
        """Ask, and yield what comes; of a reply that is not streamed only its end."""
        ask, number = self._ask, 0
        try:
            await self._send(ask, None)
            async with aclosing(self._events()) as events:
                async for event in events:
                    yield event
            while calls := self._wanted(ask):
                number += 1
                async with aclosing(self._serve(calls, number)) as events:
                    async for event in events:
                        yield event
                ask = self._next(ask, number)
                await self._send(ask, self._fold.reply())
                async with aclosing(self._events()) as events:
                    async for event in events:
                        yield event
            await self._mend(ask)
        except GrokError as error:
            if error.reply is None and number:  # those before were paid for
                error.reply = dataclasses.replace(self._so_far(), state="failed")
            if isinstance(error.reply, Reply):
                self._ended = error.reply
            raise
        finally:
            is_served = self._call is not None and self._fold.served_at is not None
            if is_served and self._ended is None:
                self._ended = dataclasses.replace(self._so_far(), state="stopped")
            if self._on_end is not None:
                self._on_end(self.reply())
        yield self._fold.end()

    @property
    def _fold(self) -> Fold:
        assert self._call is not None  # noqa: S101 - something has been asked
        return self._call.fold

    def _so_far(self) -> Reply:
        """Return what there is of a reply whose functions will not go on."""
        fold = self._fold
        is_unsent = not fold.outcome and not fold.log
        before = fold.before if is_unsent else None
        reply = fold.reply() if before is None else before
        steps = (
            dataclasses.replace(step, state="failed", result=_STOPPED)
            if step.kind == "function" and step.state == "running"
            else step
            for step in reply.steps
        )
        return dataclasses.replace(reply, steps=tuple(steps))

    # -- requests ----------------------------------------------------------------------

    async def _send(self, ask: Ask, before: Reply | None) -> None:
        """Make the next call; all calls of a question share its time."""
        left = ask.timeout_s
        now = asyncio.get_running_loop().time()
        if before is not None:
            assert self._deadline is not None  # noqa: S101 - of the first call
            left = max(self._deadline - now, 0.001)
        elif ask.tools:
            limit = self._client.settings.timeout_s if left is None else left
            self._deadline = now + limit
        if left is not ask.timeout_s:
            ask = dataclasses.replace(ask, timeout_s=left)
        self._call = await self._client._call_for(  # noqa: SLF001 - same package
            ask, stream=self._stream, on_retry=self._on_retry, before=before
        )

    async def _events(self) -> AsyncGenerator[Event, None]:
        call = self._call
        assert call is not None  # noqa: S101 - it was just made
        exchange, mark = self._client.exchange.run(call), 0
        try:
            async for _ in exchange:
                for event in call.fold.events_since(mark):
                    yield event
                mark = len(call.fold.log)
        finally:
            await exchange.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def _mend(self, ask: Ask) -> None:
        """Have an answer mended that does not fit the schema of its question."""
        call = self._call
        assert call is not None  # noqa: S101 - it has been answered
        if ask.schema is None:
            return
        if self._calls():  # which the caller answers: there is nothing to read yet
            call.fold.outcome["parsed"] = None
            return
        earlier = None
        for left in range(ask.repairs, -1, -1):
            try:
                take(ask, call.fold, earlier)
            except SchemaMismatch as error:
                if not left or not error.repairable:
                    raise
                mended = again(ask, error)
                notice = RetryNotice(f"{error}", 0.0, call.attempts)
            else:
                break
            if self._on_retry is not None:
                self._on_retry(notice)
            earlier = call.fold
            try:
                call = await self._client._call_for(  # noqa: SLF001 - same package
                    mended, on_retry=self._on_retry
                )
                async for _ in self._client.exchange.run(call):
                    pass
            except GrokError as failure:
                raise spoiled(failure, earlier)  # noqa: B904 - it is that error
        self._call = call

    # -- functions ---------------------------------------------------------------------

    def _calls(self) -> tuple[ToolCall, ...]:
        """Return the calls of functions that the reply ends with."""
        reply = self._fold.reply()
        is_end = reply.finish_reason in _WANTS_CALLS
        return reply.tool_calls if is_end else ()

    def _wanted(self, ask: Ask) -> tuple[ToolCall, ...]:
        """Return the calls that are to be served here; none ends the dialogue."""
        if not ask.tools or ask.options.get("tool_choice") == "none":
            return ()
        calls = self._calls()
        ours = {tool.name: tool for tool in ask.tools}
        declared = (ours[c.name].function is None for c in calls if c.name in ours)
        return () if any(declared) else calls  # those are the caller's to answer

    async def _serve(
        self, calls: tuple[ToolCall, ...], number: int
    ) -> AsyncGenerator[Event, None]:
        """Run the functions; yield an event as each ends.

        Those that are awaited run at the same time, the others one after the other.
        """
        fold, mark = self._fold, len(self._fold.log)
        tools = {tool.name: tool for tool in self._ask.tools}
        one_by_one = asyncio.Lock()

        async def run(place: int, step: Step, tool: Tool | None) -> None:
            _depth.set(_depth.get() + 1)  # of this task
            async with nullcontext() if tool and tool.is_async else one_by_one:
                result = await self._run(step, tool)
            fold.note_step(place, result, result.result)

        tasks = set()
        for place, call in enumerate(calls):
            step = Step(
                kind="function",
                name=call.name,
                arguments=call.arguments,
                id=call.id or f"call_{number}_{place}",
                round=number,
            )
            fold.note_step(place, step)
            tasks.add(asyncio.ensure_future(run(place, step, tools.get(call.name))))
        waiting = tasks
        try:
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                for event in fold.events_since(mark):
                    yield event
                mark = len(fold.log)
        finally:
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.wait(waiting, timeout=_CLOSE_S)

    async def _run(self, step: Step, tool: Tool | None) -> Step:
        """Run one function; whatever goes wrong in it is what the model is told."""
        from grok_nb.tools import error_text, text_of

        state = "failed"
        try:
            if tool is None:
                names = ", ".join(tool.name for tool in self._ask.tools)
                raise GrokError(  # noqa: TRY301 - as the function's own
                    f"There is no function {step.name!r}; there are: {names}."
                )
            if _depth.get() > _DEEPEST:
                raise GrokError(  # noqa: TRY301
                    f"{step.name}() was not run: functions ask questions that call "
                    f"functions, {_DEEPEST} deep by now."
                )
            value = await self._value(tool, tool.bound(step.arguments))
            result, state = text_of(value, step.name), "done"
        except _OutOfTime:
            raise TimedOut(
                f"The time of the question ended in {step.name}().",
                sent=True,
                hint="timeout_s= (--timeout) allows more; error.reply has what came.",
            ) from None
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            result = error_text(error)  # the function's own
        except KeyboardInterrupt as error:
            if not is_inside():
                raise
            result = error_text(error)  # Ctrl-C does not come here
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a function, too
            result = error_text(error)
        return dataclasses.replace(step, state=state, result=result)

    async def _value(self, tool: Tool, function: Callable[[], Any]) -> Any:
        """Return what the function returns, within the time of the question."""
        assert self._deadline is not None  # noqa: S101 - there are tools
        limit = asyncio.timeout_at(self._deadline)
        try:
            async with limit:
                if tool.is_async:
                    return await function()
                value = await above(function)
                # a function may return what is to be awaited
                return await value if asyncio.iscoroutine(value) else value
        except TimeoutError:
            if not limit.expired():
                raise  # its own
        raise _OutOfTime(tool.name)

    def _next(self, ask: Ask, number: int) -> Ask:
        """Return the question with what the functions have told."""
        fold = self._fold
        of_round = [s for s in fold.reply().steps if s.round == number]
        told = turns.exchanged(of_round)
        output = (fold.data or {}).get("output")
        if ask.endpoint == "/responses" and isinstance(output, list):
            told = [*_resent(output), *told[1:]]
        options = dict(ask.options)
        if number >= ask.max_steps:
            options["tool_choice"] = "none"  # now it has to answer
        elif options.get("tool_choice") != "auto":
            options.pop("tool_choice", None)  # what was forced, was done
        return dataclasses.replace(
            ask, messages=(*ask.messages, *told), options=options
        )


class _OutOfTime(Exception):
    """The time of the question ended in a function; no error for the model."""


def _resent(output: list[Any]) -> list[dict[str, Any]]:
    """Return the items of a response that are sent again, as they came.

    Not its reasoning, unless it is encrypted: nothing of it is kept at the server.
    Source: xai-api.md sections 6.2 and 6.4.
    """
    return [
        item
        for item in output
        if isinstance(item, dict)
        and (item.get("type") != "reasoning" or item.get("encrypted_content"))
    ]
