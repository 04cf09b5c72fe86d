"""The one background event loop that all blocking calls share.

A call crosses to the loop once and back once. The caller waits in short slices, so that
Ctrl-C and the kernel's Interrupt are noticed on every platform, and whatever ends the
wait also cancels the task: otherwise the request would run on, and be billed.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import contextlib
import contextvars
import os
import queue
import signal
import threading
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NoReturn,
    TypeVar,
    cast,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

T = TypeVar("T")

#: Seconds of one wait; a lock wait on Windows ignores Ctrl-C.
SLICE_S = 0.1
#: Seconds that a cancelled task gets to close its connection.
CLOSE_S = 1.0
_LONGEST_BATCH = 256


_NOTHING: Any = object()


class End(Generic[T]):
    """What a job hands up last: an error or else its result."""

    __slots__ = ("error", "result")

    def __init__(self, error: BaseException | None, result: T | None) -> None:
        self.error = error
        self.result = result


class Errand:
    """A function that a task has run on the thread that waits for it.

    Parameters
    ----------
    function
        Run in the context of the task.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self._loop.create_future()
        self._context = contextvars.copy_context()
        self._function = function
        self._guard = threading.Lock()
        self._state: Literal["new", "running", "over", "dropped"] = "new"

    def run(self) -> None:
        """Run it, here; what it raises goes to the task, but for an Interrupt."""
        with self._guard:
            if self._state == "dropped":
                return
            self._state = "running"
        value, error = None, None
        try:
            try:
                value = self._context.run(self._function)
            except KeyboardInterrupt:
                if self._is_dropped():
                    return
                raise
            except BaseException as raised:  # noqa: BLE001 - goes down to the task
                error = raised
            if self._is_dropped():
                _await_interrupt()
                return
        except KeyboardInterrupt:
            if self._is_dropped():  # it came a moment late
                return
            raise
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._settle, value, error)

    def _is_dropped(self) -> bool:
        with self._guard:
            if self._state == "running":
                self._state = "over"
            return self._state == "dropped"

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.result.done():
            return
        if error is None:
            self.result.set_result(value)
        elif isinstance(error, StopIteration):  # which no future takes
            self.result.set_exception(RuntimeError(f"StopIteration: {error}"))
        else:
            self.result.set_exception(error)

    def drop(self) -> None:
        """Leave it: nobody waits for it any more. If it runs, interrupt it."""
        with self._guard:
            is_running = self._state == "running"
            if self._state == "over":
                return
            self._state = "dropped"
            if is_running:
                _interrupt_main()


def _interrupt_main() -> None:
    """Have Python's own KeyboardInterrupt raised in the main thread."""
    main = threading.main_thread().ident
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # somebody else would get it
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # wakes also what sleeps
    else:
        _thread.interrupt_main()


def _await_interrupt() -> None:
    """Let an Interrupt that is on its way come here, and nowhere else."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        threading.Event().wait(CLOSE_S)


#: the job whose task this is, or whose task has begun this one
_job: contextvars.ContextVar[Job[Any] | None] = contextvars.ContextVar(
    "job", default=None
)


async def above(function: Callable[[], T]) -> T:
    """Run a function that blocks on the thread that waits for this task.

    There it sees what belongs to a thread (a SQLite connection, matplotlib), and an
    Interrupt reaches it. Where no main thread waits, it gets a thread of its own, which
    goes on by itself when the task is cancelled.
    """
    loop, job = asyncio.get_running_loop(), _job.get()
    errand = Errand(function)
    if job is not None and job.is_awaited_by_main and job.loop is loop:
        # what was handed up before it arrives before it
        loop.call_soon(job.hand_up, errand)
        try:
            return await errand.result  # type: ignore[no-any-return]  # of the function
        except asyncio.CancelledError:
            errand.drop()
            raise
    threading.Thread(target=errand.run, name="grok_nb-function", daemon=True).start()
    return await errand.result  # type: ignore[no-any-return]  # of the function


class Job(Generic[T]):
    """A task on the background loop, as seen from other threads.

    What it hands up, and its end, arrive through one queue.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._task: asyncio.Task[Any] | None = None
        self._posted = self._cancelled = False
        self._ended = threading.Event()
        #: whether it is the main thread that waits in `next`
        self.is_awaited_by_main = threading.current_thread() is threading.main_thread()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the task runs."""
        return self._portal.loop

    def hand_up(self, item: Any) -> None:
        """Have `next` return an item, or run an `Errand`."""
        self._items.put(item)

    def start(
        self, run: Callable[[Callable[[Any], None]], Coroutine[Any, Any, T]]
    ) -> None:
        """Run a coroutine function on the loop, in the caller's context."""
        self._posted = True
        self._portal.post(self._start, run)

    def _start(
        self, run: Callable[[Callable[[Any], None]], Coroutine[Any, Any, T]]
    ) -> None:
        """Run on the loop thread."""
        if self._cancelled:
            self._finish(asyncio.CancelledError(), None)
            return
        self._task = self._portal.loop.create_task(self._main(run))

    async def _main(
        self, run: Callable[[Callable[[Any], None]], Coroutine[Any, Any, T]]
    ) -> None:
        __tracebackhide__ = True
        result, error = None, None
        _job.set(self)
        try:
            result = await run(self._items.put)
        except BaseException as raised:  # noqa: BLE001 - goes up to the caller
            error = raised
        self._finish(error, result)

    def _finish(self, error: BaseException | None, result: T | None) -> None:
        # At exit only daemon threads still wait. They are about to vanish; an error
        # would just have them print a traceback into the end of the program.
        if not self._portal.is_ending:
            self._items.put(End(error, result))
        self._ended.set()

    def next(self, on_idle: Callable[[], object] | None = None) -> Any:
        """Wait for the next item or the `End`; interruptible.

        Parameters
        ----------
        on_idle
            Called here, on the waiting thread, after each slice without an item.
        """
        while True:
            try:
                item = self._items.get(True, SLICE_S)
            except queue.Empty:
                item = _NOTHING
            if type(item) is Errand:
                if on_idle is not None:
                    on_idle()  # what is on its way is shown while this takes its time
                item.run()
                continue
            if item is not _NOTHING:
                return item
            if self._portal.is_ending:
                continue
            if not self._portal.is_alive():
                raise RuntimeError("grok_nb's background loop has ended")
            if on_idle is not None:
                on_idle()

    def cancel(self) -> None:
        """Ask the task to stop; returns at once."""
        self._portal.post(self._cancel)

    def _cancel(self) -> None:
        if not self._cancelled:  # a second time would break into the task's clean-up
            self._cancelled = True
            if self._task is not None:
                # soon, not now: a task that never began could not tell its end
                self._portal.loop.call_soon(self._task.cancel)

    def close(self) -> None:
        """Cancel and wait, at most a second, for the task to have closed up.

        A Ctrl-C meanwhile does not cut this short; it is raised afterwards.
        """
        interrupt: KeyboardInterrupt | None = None
        for _ in range(round(CLOSE_S / SLICE_S) if self._posted else 0):
            try:
                self.cancel()
                if self._ended.wait(SLICE_S):
                    break
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt


class Portal:
    """An event loop on a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.is_ending = False
        self._thread = threading.Thread(
            target=self._main, name="grok_nb-loop", daemon=True
        )
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def is_alive(self) -> bool:
        """Whether the loop can still take work."""
        return self._thread.is_alive()

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Run a plain function on the loop thread, in the caller's context."""
        context = contextvars.copy_context()
        try:
            self.loop.call_soon_threadsafe(function, *args, context=context)
        except RuntimeError:  # the loop was closed: there is nothing left to do it
            if self.is_alive():
                raise

    def submit(
        self, run: Callable[[Callable[[Any], None]], Coroutine[Any, Any, T]]
    ) -> Job[T]:
        """Start a coroutine function on the loop; it gets a function to hand up items."""
        job: Job[T] = Job(self)
        job.start(run)
        return job

    def call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop and return its result.

        Raises
        ------
        RuntimeError
            Called on the loop's own thread: it would wait for itself.
        """
        __tracebackhide__ = True
        self._refuse_own_thread()
        job: Job[T] = Job(self)
        try:
            job.start(lambda _: make())
            end: End[T] = job.next()
        except BaseException:
            job.close()
            raise
        if end.error is not None:
            _raise(end.error)
        return cast("T", end.result)

    def iterate(
        self,
        make: Callable[[], AsyncIterator[T]],
        on_idle: Callable[[], object] | None = None,
    ) -> Iterator[T]:
        """Consume an async iterator on the loop, and yield its items here."""
        __tracebackhide__ = True
        self._refuse_own_thread()

        async def pump(put: Callable[[Any], None]) -> None:
            __tracebackhide__ = True
            items = make()
            batch: list[T] = []

            def hand_up() -> None:
                if batch:
                    put(batch.copy())
                    batch.clear()

            try:
                async for item in items:
                    # what is there without waiting goes up together: to wake the
                    # other thread for each item costs more than the item
                    if not batch:
                        self.loop.call_soon(hand_up)
                    batch.append(item)
                    if len(batch) >= _LONGEST_BATCH:
                        hand_up()
            finally:
                # a traceback may show variables, and a server echo the key
                item = None  # type: ignore[assignment]  # nobody reads it any more
                hand_up()
                await items.aclose()  # type: ignore[attr-defined]  # a generator

        job: Job[None] = Job(self)
        try:
            job.start(pump)
            while True:
                item = job.next(on_idle)
                if type(item) is End:
                    break
                yield from item
        except BaseException:
            job.close()
            raise
        if item.error is not None:
            _raise(item.error)

    def is_own_thread(self) -> bool:
        """Whether the caller runs on the loop."""
        return threading.current_thread() is self._thread

    def _refuse_own_thread(self) -> None:
        if self.is_own_thread():
            raise RuntimeError(
                "A blocking call on grok_nb's own loop would wait for itself: "
                "use gn.AsyncGrok or gn.aask there."
            )

    def stop(self) -> None:
        """At exit: cancel what runs, let it close within a second, end the thread."""
        if not self.is_alive():
            return
        self.is_ending = True

        def cancel_all() -> None:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            closing = self.loop.create_task(_settle(tasks, self.loop))
            self._closing = closing  # keeps it from being collected

        self.loop.call_soon_threadsafe(cancel_all)
        self._thread.join(CLOSE_S + 0.5)


async def _settle(
    tasks: set[asyncio.Task[Any]], loop: asyncio.AbstractEventLoop
) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_S)
    loop.stop()


def _raise(error: BaseException) -> NoReturn:
    """Raise it without keeping the frames it passes, and what they hold, alive."""
    __tracebackhide__ = True
    try:
        raise error
    finally:
        del error


_lock = threading.Lock()
_portal: Portal | None = None
_parents_portal: Portal | None = None


def portal() -> Portal:
    """Return the process's portal; it starts on first use."""
    global _portal  # noqa: PLW0603 - one per process is the point
    running = _portal
    if running is not None and running.is_alive():
        return running  # without the lock, which an Interrupt might leave closed
    with _lock:
        if _portal is None or not _portal.is_alive():
            _portal = Portal()
            # what is registered last runs first: what the tasks write down when they
            # are cancelled comes before the stores are closed
            atexit.unregister(_stop_at_exit)
            atexit.register(_stop_at_exit)
        return _portal


def is_inside() -> bool:
    """Whether this is the background loop's thread, whose warnings nobody sees."""
    return _portal is not None and _portal.is_own_thread()


def _forget() -> None:
    """In a forked child the thread is gone: start anew when needed."""
    global _portal, _lock, _parents_portal  # noqa: PLW0603
    # kept: closing a loop whose selector is the parent's, too, would disturb it
    _parents_portal = _portal
    _portal, _lock = None, threading.Lock()


def _stop_at_exit() -> None:
    if _portal is not None:
        _portal.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
