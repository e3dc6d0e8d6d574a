"""The child: draws what the parent sends until the parent goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from adapters.worker.process.channel import Channel, Message
from adapters.worker.process.plain import OUT_OF_MEMORY, error_to_plain, picture_to_plain, ran_out_of_memory
from adapters.worker.process.relay import RunRelay
from core.domain.errors import SerenaError
from core.domain.job import Job
from core.domain.model import ModelRef
from core.domain.result import GenerationResult
from core.domain.serial import from_plain, to_plain

log = logging.getLogger("serena.worker")

CALL_THREADS = 4
"""Questions are answered beside the runs, and beside a model that is being loaded."""


class Backend(Protocol):
    """What of a backend the parent asks for."""

    def describe(self) -> Any: ...

    def load(self, model: ModelRef) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the child is assembled of.

    :ivar process: ``process_images``.
    :ivar learn: told of a job before it runs, and of the models that it names, which are then at hand.
    :ivar saved: tells the plugins of a file that was written.
    :ivar reports: what became of the plugins. :ivar plugin_calls: what each has cost so far.
    :ivar accept_options: for changes of options beside those that stand: as they are ``accepted``, or the
        ``field`` and ``value`` that is wrong and what is ``expected``.
    """

    process: Callable[[Job, RunRelay], GenerationResult]
    backend: Backend
    learn: Callable[[Job, Sequence[ModelRef]], None]
    saved: Callable[[str, str], None]
    reports: Sequence[Any] = ()
    plugin_calls: Callable[[], Sequence[Any]] = tuple
    accept_options: Callable[..., Mapping[str, Any]] = dict


class ChildWorker:
    """Reads messages and answers them."""

    def __init__(self, channel: Channel, parts: Parts) -> None:
        self._channel = channel
        self._parts = parts
        self._relays: dict[int, RunRelay] = {}
        self._info = parts.backend.describe()
        self._calls: Mapping[str, Callable[..., Any]] = {
            "describe": lambda: to_plain(parts.backend.describe()),
            "load": self._load,
            "unload": parts.backend.close,
            "saved": parts.saved,
            "preview": self._preview,
            "plugin_calls": lambda: [to_plain(one) for one in parts.plugin_calls()],
            "accept_options": parts.accept_options,
        }

    def serve(self) -> bool:
        """Until the parent says ``stop`` (True) or has gone (False)."""
        self._channel.send(
            "ready", backend=to_plain(self._info), plugins=[to_plain(r) for r in self._parts.reports]
        )
        runs, calls = ThreadPoolExecutor(self._info.max_runs, "serena-run"), ThreadPoolExecutor(CALL_THREADS)
        for message in self._channel:
            match message["is"]:
                case "run":
                    relay = self._relays[message["run"]] = RunRelay(partial(self._tell, message["run"]))
                    runs.submit(self._run, message, relay)
                case "interrupt" | "skip":
                    self._stop(message)
                case "call":
                    calls.submit(self._answer, message)
                case "stop":
                    runs.shutdown(cancel_futures=True)
                    calls.shutdown(cancel_futures=True)
                    return True
        return False

    def _stop(self, message: Message) -> None:
        # One look: the run may end at any moment.
        relay = self._relays.get(message["run"])
        if relay is not None and message["is"] == "skip":
            relay.skip(message["iteration"])
        elif relay is not None:
            relay.interrupt()

    def _run(self, message: Message, relay: RunRelay) -> None:
        number = message["run"]
        try:
            job = from_plain(Job, message["job"])
            self._parts.learn(job, [from_plain(ModelRef, plain) for plain in message["models"]])
            result = self._parts.process(job, relay)
            kind, fields = "result", {"result": to_plain(result)}
        except (Exception, SystemExit) as error:
            kind, fields = _ending(error)
        del self._relays[number]
        try:
            self._tell(number, kind, **fields)
        except TypeError as error:  # a plugin put something into the result that has no JSON form
            kind, fields = _ending(error)
            self._tell(number, kind, **fields)

    def _tell(self, number: int, kind: str, /, **fields: Any) -> None:
        self._channel.send(kind, run=number, **fields)

    def _answer(self, message: Message) -> None:
        try:
            value = self._calls[message["name"]](**message["arguments"])
        except (Exception, SystemExit) as error:
            if not isinstance(error, SerenaError):
                log.error("the call %s failed unexpectedly", message["name"], exc_info=error)
            self._channel.send("answer", call=message["call"], error=error_to_plain(error))
        else:
            self._channel.send("answer", call=message["call"], value=value)

    def _load(self, model: dict[str, Any]) -> None:
        self._parts.backend.load(from_plain(ModelRef, model))

    def _preview(self, run: int) -> dict[str, Any] | None:
        relay = self._relays.get(run)
        image = relay.preview() if relay is not None else None
        return None if image is None else picture_to_plain(image)


def _ending(error: BaseException) -> tuple[str, dict[str, Any]]:
    """The message of a run that failed."""
    if not isinstance(error, SerenaError):
        log.error("a run failed unexpectedly", exc_info=error)
    if ran_out_of_memory(error):
        return "lost", {"reason": OUT_OF_MEMORY}
    return "error", dict(error_to_plain(error))
