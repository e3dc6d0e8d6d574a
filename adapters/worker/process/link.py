"""One child, from its start to its end, as the parent sees it."""

from __future__ import annotations

import itertools
import logging
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from adapters.worker.process.channel import Channel, Message
from adapters.worker.process.launching import Child, cause_of_death
from adapters.worker.process.plain import OUT_OF_MEMORY, picture_from_plain
from adapters.worker.process.run import RemoteRun, WatchedRun
from core.domain.errors import WorkerDied, revive
from core.domain.image import RasterImage

log = logging.getLogger("serena.worker")

PREVIEW_SECONDS = 2.0
"""A preview that takes longer is not shown: whoever asks for progress does not wait for a run that hangs."""
STOP_SECONDS = 10.0


class Link:
    """Made for a child that was started; :meth:`listen` runs until that has ended.

    :param patience: seconds that a child may take to end when it was asked to.
    :param find: called when the child has died of itself, or hung: says what it was in, or nothing.
    :ivar ready: what the child said of itself, once it has.
    :ivar reason: what it died of, once it has.
    :ivar useful: whether a run ended in it as it should.
    :ivar tired: it takes no more runs, and ends with the last of those it has.
    """

    def __init__(
        self,
        child: Child,
        channel: Channel,
        patience: float = STOP_SECONDS,
        find: Callable[[], str] = str,
    ) -> None:
        self._child = child
        self._patience = patience
        self._find = find
        self._channel = channel
        self._numbers = itertools.count()
        self._runs: dict[int, RemoteRun] = {}
        self._calls: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._killed_for = ""
        self._hangs = self._asked = False
        self.ready: Message | None = None
        self.reason: str | None = None
        self.useful = False
        self.tired = False

    @property
    def pid(self) -> int:
        return self._child.pid

    def listen(self, on_ready: Callable[[], None]) -> None:
        """Until the child has ended; then every run and call in it is lost."""
        refused = ""
        for message in self._channel:
            if message["is"] == "ready":
                self.ready = message
                on_ready()
            elif message["is"] == "refused":
                refused = message["reason"]
            elif message["is"] == "answer":
                self._answered(message)
            elif (run := self._runs.get(message.get("run", -1))) is not None:
                self._heard(run, message)
        self._end(refused)

    @contextmanager
    def run(self, watched: WatchedRun) -> Iterator[tuple[int, RemoteRun]]:
        """A number for a run in this child, and the run, which hears what is said under that number.

        Raises ``WorkerDied`` when the child is gone.
        """
        number = next(self._numbers)
        run = RemoteRun(watched, partial(self.send, run=number), self._asking(number))
        with self._lock:
            if self.reason is not None:
                raise WorkerDied(self.reason)
            self._runs[number] = run
        try:
            yield number, run
        finally:
            with self._lock:
                self._runs.pop(number, None)
                last = not self._runs
            if self.tired and last:
                self.kill(OUT_OF_MEMORY)

    def send(self, kind: str, /, **fields: Any) -> None:
        """A child that is gone does not matter here: whoever waits for it is told by :meth:`listen`."""
        with suppress(OSError):
            self._channel.send(kind, **fields)

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Ask the child. Raises its error, ``WorkerDied``, or ``TimeoutError``."""
        future: Future[Any] = Future()
        number = next(self._numbers)
        with self._lock:
            if self.reason is not None:
                raise WorkerDied(self.reason)
            self._calls[number] = future
        try:
            self.send("call", call=number, name=name, arguments=arguments)
            return future.result(timeout)
        finally:
            with self._lock:
                self._calls.pop(number, None)

    def kill(self, reason: str) -> None:
        """End the child at once; ``reason`` is told to those who lose their runs."""
        self._killed_for = self._killed_for or reason
        self._child.kill()

    def give_up(self, reason: str) -> None:
        """End a child that hangs."""
        self._hangs = True
        self.kill(reason)

    def stop(self) -> None:
        """Ask the child to end, and wait for a while."""
        self._asked = True
        self.send("stop")
        try:
            self._child.wait(self._patience)
        except subprocess.TimeoutExpired:
            self.kill("the server stops")

    def _asking(self, number: int) -> Callable[[], RasterImage | None]:
        def preview() -> RasterImage | None:
            with suppress(TimeoutError, WorkerDied):
                plain = self.call("preview", {"run": number}, PREVIEW_SECONDS)
                return None if plain is None else picture_from_plain(plain)
            return None

        return preview

    def _heard(self, run: RemoteRun, message: Message) -> None:
        self.useful |= message["is"] in ("result", "error")
        self.tired |= message["is"] == "lost"
        try:
            run.hear(message)
        except Exception:
            # This thread must not end: nobody else would hear of the other runs, nor of the child's death.
            log.exception("what the worker said of a run was not understood")
            run.lose("what the worker said was not understood; the log of the server says more")

    def _answered(self, message: Message) -> None:
        with self._lock:
            future = self._calls.get(message["call"])
        if future is None:
            return
        if (error := message.get("error")) is not None:
            future.set_exception(revive(error["kind"], error["message"]))
        else:
            future.set_result(message["value"])

    def _end(self, refused: str) -> None:
        """The channel has ended, so the child has, or is of no use."""
        try:
            code = self._child.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        self._channel.close()
        reason = refused or self._cause(code)
        with self._lock:
            self.reason = reason
            runs, calls = list(self._runs.values()), list(self._calls.values())
        for run in runs:
            run.lose(reason)
        for future in calls:
            if not future.done():
                future.set_exception(WorkerDied(reason))

    def _cause(self, code: int) -> str:
        # What it was in when it was ended for another reason has nothing to do with that.
        of_itself = self._hangs or not (self._asked or self._killed_for)
        where = self._find() if of_itself else ""
        return f"{self._killed_for}{where}" if self._killed_for else cause_of_death(code, where)
