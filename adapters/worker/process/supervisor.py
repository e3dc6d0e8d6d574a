"""Keeps one child alive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from adapters.worker.process.blame import Blame
from adapters.worker.process.channel import Channel
from adapters.worker.process.launching import Child, launch
from adapters.worker.process.link import Link
from core.domain.errors import Interrupted, NoWorker, WorkerDied
from core.ports.driving import ReportOutage

log = logging.getLogger("serena.worker")

POLL_SECONDS = 0.05
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
START_SECONDS = 120.0
"""For imports and plugins; the model is loaded later."""
FAILED_STARTS = 3
"""After so many in a row it is told that nothing can be drawn; others are started all the same."""
STOPPED = "the server stops"


class Supervisor:
    """Starts a child, and another one when it dies: the first at once, the next after longer and longer
    pauses, until one is of use again.

    :param hello: what a child is told first.
    :param patience: seconds that a child may take until it is ready.
    :param blame: where the children mark which plugins they are in; None: they mark nothing.
    :param outage: begins with the last of ``FAILED_STARTS``, and ends when a child is ready.
    :ivar blame: which plugins the children died in.
    :ivar restarts: how often a child was started in the place of one that had died.
    """

    def __init__(
        self,
        hello: Mapping[str, Any],
        start_child: Callable[[], tuple[Child, Channel]] = launch,
        first_pause: float = FIRST_PAUSE,
        patience: float = START_SECONDS,
        *,
        outage: ReportOutage,
        blame: Blame | None = None,
    ) -> None:
        self._outage = outage
        self.blame = blame or Blame()
        self._patience = patience
        self._hello = hello
        self._start_child = start_child
        self._first_pause = first_pause
        self._on_ready: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self._stops = threading.Event()
        self._changed = threading.Condition()
        self._link: Link | None = None
        self._said: Mapping[str, Any] | None = None
        self._failed_starts = 0
        self.restarts = 0

    @property
    def said(self) -> Mapping[str, Any] | None:
        """What the last child that was ready said of itself; None before the first."""
        return self._said

    @property
    def pid(self) -> int | None:
        link = self._link
        return None if link is None else link.pid

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call ``callback``, from a thread of its own, each time that a child is ready."""
        self._on_ready.append(callback)

    def start(self) -> None:
        # One thread for the whole life: on Linux a child also ends with the thread that started it.
        self._thread = threading.Thread(target=self._supervise, name="serena-supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the child. Runs that are still in it are lost."""
        self._stops.set()
        with self._changed:
            link = self._link
            self._changed.notify_all()
        if link is not None:
            link.stop()
        if self._thread is not None:
            self._thread.join()

    def link(self, given_up: Callable[[], bool] = lambda: False) -> Link:
        """The child that takes runs; waits while it starts.

        Raises ``NoWorker`` while it cannot be started, ``WorkerDied`` once the server stops, and
        ``Interrupted`` once ``given_up`` says so.
        """
        with self._changed:
            while True:
                link = self._link
                if link is not None and self._serves(link):
                    return link
                if self._stops.is_set():
                    raise WorkerDied(STOPPED)
                if (reason := self._outage.reason) is not None:
                    raise NoWorker(reason)
                if given_up():
                    raise Interrupted
                self._changed.wait(POLL_SECONDS)

    def _serves(self, link: Link) -> bool:
        """Whether it takes runs, and what it has said is known to all."""
        told = link.ready is not None and link.ready is self._said
        return told and not link.tired and link.reason is None

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Ask the child. With a ``timeout`` it has to be there: nobody waits for one that starts, and
        ``WorkerDied`` says that there is none."""
        try:
            link = self.link(lambda: timeout is not None)
        except Interrupted:
            raise WorkerDied("the worker is being started") from None
        except NoWorker as error:
            if timeout is None:
                raise
            raise WorkerDied(str(error)) from None
        return link.call(name, arguments, timeout)

    def _supervise(self) -> None:
        failures = 0
        while not self._stops.is_set():
            useful = self._one_life()
            failures = 0 if useful else failures + 1
            if self._stops.wait(self.pause(failures)):
                return
            self.restarts += 1

    def _one_life(self) -> bool:
        """Of a child, from its start to its end. True if a run ended in it as it should."""
        self.blame.begin()
        try:
            child, channel = self._start_child()
        except OSError as error:
            self._not_started(str(error))
            return False
        link = Link(child, channel, find=self.blame.find)
        link.send("hello", **self._hello)
        with self._changed:
            self._link = link
        if self._stops.is_set():
            link.kill(STOPPED)
        late = f"the worker was not ready within {self._patience:g} seconds and was ended"
        timer = threading.Timer(self._patience, link.give_up, (late,))
        timer.daemon = True
        timer.start()

        def is_ready() -> None:
            timer.cancel()
            self._is_ready(link)

        link.listen(is_ready)
        timer.cancel()
        if link.ready is None:
            self._not_started(link.reason or "")
        elif not self._stops.is_set():
            log.warning("%s; another one is started", link.reason)
        return link.useful

    def _is_ready(self, link: Link) -> None:
        with self._changed:
            self._said = link.ready
            self._failed_starts = 0
            self._outage.end()
            self._changed.notify_all()
        for callback in self._on_ready:
            threading.Thread(target=callback, name="serena-worker-ready", daemon=True).start()

    def _not_started(self, reason: str) -> None:
        if self._stops.is_set():
            return
        sentence = f"the worker cannot be started: {reason}"
        log.error("%s", sentence)
        self._failed_starts += 1
        if self._failed_starts >= FAILED_STARTS:
            self._outage.begin(sentence)
        with self._changed:
            self._changed.notify_all()

    def pause(self, failures: int) -> float:
        """Seconds before the next start, after so many children in a row that were of no use."""
        if failures <= 1:
            return 0.0
        return min(LONGEST_PAUSE, self._first_pause * 2.0 ** min(failures - 2, 20))
