"""What a pass costs its device, whoever else uses the machine and without waiting for the device."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import torch

Report: TypeAlias = Callable[[float], None]


class CostMeter(Protocol):
    """Measures passes."""

    def start(self, report: Report) -> Callable[[], None]:
        """A pass begins in this thread; call what is returned when its work was handed over. ``report`` gets
        the seconds, then or later, in some thread."""
        ...


class ThreadCost:
    """For the CPU: the processor time of the thread that runs the pass. On a busy machine the wall clock
    tells more of the others than of the pass."""

    def start(self, report: Report) -> Callable[[], None]:
        began = time.thread_time()
        return lambda: report(time.thread_time() - began)


class CudaCost:
    """For CUDA: events on the stream. They are read when a later pass starts. Nothing waits for them, but for
    those of the pass that is too far back.

    Used by one thread at a time.

    :param ahead: passes that the host may be ahead of the device; 0: as many as it likes.
    :param event: makes an event.
    """

    def __init__(self, ahead: int = 0, event: Callable[[], Any] | None = None) -> None:
        self._ahead = ahead
        self._event = event or _event
        self._open: deque[tuple[Any, Any, Report]] = deque()

    def start(self, report: Report) -> Callable[[], None]:
        if self._ahead and len(self._open) >= self._ahead:
            self._open[-self._ahead][1].synchronize()
        self._read()
        before, after = self._event(), self._event()
        before.record()

        def stop() -> None:
            after.record()
            self._open.append((before, after, report))

        return stop

    def _read(self) -> None:
        while self._open and self._open[0][1].query():
            before, after, report = self._open.popleft()
            report(before.elapsed_time(after) / 1000.0)


def _event() -> Any:
    # Its stubs have no types.
    event: Any = torch.cuda.Event
    return event(enable_timing=True, blocking=True)


def cost_meter(device: torch.device, ahead: int = 0) -> CostMeter:
    """``ahead``: as :class:`CudaCost`; other devices are never behind."""
    return CudaCost(ahead) if device.type == "cuda" else ThreadCost()
