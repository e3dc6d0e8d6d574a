"""Gives up a plugin that hangs. Python cannot end a thread, so the thread is what is given up."""

from __future__ import annotations

import contextvars
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from core.domain.errors import Interrupted, PluginError

T = TypeVar("T")


class TookTooLongError(Exception):
    """A call of a plugin has not come back in time. It may still change what it was given."""


@dataclass(slots=True)
class _Run:
    """A run in progress, and the call of a plugin in it.

    :ivar seconds: what one call in it may take.
    :ivar call: plugin, hook, and when the call began; None between calls.
    :ivar given_up: nobody waits for this run any more.
    """

    seconds: float
    call: tuple[str, str, float] | None = None
    given_up: bool = False


_CURRENT: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("serena_guarded_run", default=None)


class RunGuard:
    """Watches runs: each is in a thread of its own, while the thread that asked for it waits. So a call costs
    no more than noting when it began.

    A plugin that hangs costs its thread, and is not called again before that one has come back.

    :param seconds: what one call in a run may take; 0 watches none.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._late: Counter[str] = Counter()
        self._local = threading.local()

    def run(self, work: Callable[[], T], told: Callable[[PluginError], None]) -> T:
        """What ``work`` gives or raises. Raises ``PluginError`` when a call in it is given up, after ``told``
        has heard of it."""
        return self._watched(work, told, self._seconds)

    def alone(self, plugin: str, hook: str, work: Callable[[], object], seconds: float) -> None:
        """A call of a plugin, which may be outside of all runs: then it is watched by itself. Raises
        ``PluginError`` when it is given up, ``TookTooLongError`` for a plugin that still hangs."""

        def noted() -> None:
            with self.call(plugin, hook):
                work()

        if _CURRENT.get() is not None:
            noted()
        else:
            self._watched(noted, lambda error: None, seconds)

    def _watched(self, work: Callable[[], T], told: Callable[[PluginError], None], seconds: float) -> T:
        if not seconds:
            return work()
        helper: _Helper = getattr(self._local, "helper", None) or _Helper()
        self._local.helper = helper
        run = _Run(seconds)
        task = helper.start(work, run)
        while not task.done.wait(self._patience(run)):
            error = self._overdue(run)
            if error is not None:
                self._local.helper = None
                told(error)
                raise error
        return task.outcome()

    @contextmanager
    def call(self, plugin: str, hook: str) -> Iterator[None]:
        """A call of a plugin, within a run or not. Raises ``TookTooLongError`` for one that still hangs."""
        run = _CURRENT.get()
        if run is None:
            yield
            return
        with self._lock:
            if self._late[plugin]:
                raise TookTooLongError("an earlier call of it has not come back yet")
            run.call = (plugin, hook, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                run.call = None
                if run.given_up:
                    self._late[plugin] -= 1
                    # Nobody waits: the run must do nothing more.
                    raise Interrupted

    def _patience(self, run: _Run) -> float:
        call = run.call
        return run.seconds if call is None else max(0.0, call[2] + run.seconds - time.monotonic())

    def _overdue(self, run: _Run) -> PluginError | None:
        with self._lock:
            call = run.call
            if call is None or time.monotonic() < call[2] + run.seconds:
                return None
            plugin, hook, _ = call
            run.given_up = True
            self._late[plugin] += 1
        late = _too_long(run.seconds)
        error = PluginError(plugin, hook, late)
        error.__cause__ = late
        return error


def within(seconds: float, work: Callable[[], T]) -> T:
    """What ``work`` gives or raises, or ``TookTooLongError``: its thread is given up then. 0 sets no
    limit."""
    if not seconds:
        return work()
    task = _Task(work, _Run(seconds))
    threading.Thread(target=task.do, name="serena-plugin", daemon=True).start()
    if not task.done.wait(seconds):
        raise _too_long(seconds)
    return task.outcome()


def _too_long(seconds: float) -> TookTooLongError:
    return TookTooLongError(f"it has not come back within {seconds:g} s")


class _Task(Generic[T]):
    """A piece of work in a helper's hands."""

    def __init__(self, work: Callable[[], T], run: _Run) -> None:
        self.done = threading.Event()
        self._work = work
        self._run = run
        self._context = contextvars.copy_context()
        self._values: list[T] = []
        self._error: BaseException | None = None

    def do(self) -> None:
        try:
            self._values.append(self._context.run(self._within))
        except BaseException as error:
            self._error = error
        self.done.set()

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _within(self) -> T:
        _CURRENT.set(self._run)
        return self._work()


class _Helper:
    """A thread that works for another one, which always has the same: libraries keep things by thread. It
    ends with the last reference to this."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        weakref.finalize(self, self._tasks.put, None)
        threading.Thread(target=_work, args=(self._tasks,), name="serena-guarded", daemon=True).start()

    def start(self, work: Callable[[], T], run: _Run) -> _Task[T]:
        task = _Task(work, run)
        self._tasks.put(task)
        return task


def _work(tasks: SimpleQueue[_Task[Any] | None]) -> None:
    while (task := tasks.get()) is not None:
        task.do()
        del task  # or what it holds would live until the next one
