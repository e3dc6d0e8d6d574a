"""Threads that ask a network; one of them runs the pass for all whose rows fit together."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.calls import Call, Question, merged
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.heeding import wait
from adapters.backends.torch.engine.memory import SPARE


@dataclass(slots=True)
class Counts:
    """What a merger did so far.

    :ivar passes: forward passes.
    :ivar rows: rows that were asked for; ``filler``: rows added to fill buckets.
    :ivar merged: questions that shared their pass with others.
    :ivar seconds: by the clock, in passes: the rest of the time the network stood still.
    """

    passes: int = 0
    rows: int = 0
    filler: int = 0
    merged: int = 0
    seconds: float = 0.0


class Merger(ABC):
    """Runs one pass at a time. A question that fails in company is asked again alone, so that it fails
    alone. Who waits hears when its run is to stop, until its question is being answered."""

    def __init__(self, seconds: Callable[[], float], buckets: Buckets) -> None:
        self._seconds = seconds
        self._buckets = buckets
        self._changed = threading.Condition()
        self._waiting: list[Call] = []
        self._busy = False
        self.counts = Counts()

    def _ask(self, call: Call) -> Tensor:
        """Wait for the answer; run passes meanwhile, if this thread finds one that can start."""
        with self._changed:
            self._waiting.append(call)
            try:
                while not call.done:
                    group = () if self._busy else self._next_group()
                    if group:
                        self._serve(group)
                    else:
                        self._wait(call)
            finally:
                self._withdraw(call)
        return call.result()

    def _wait(self, call: Call) -> None:
        if call in self._waiting:
            wait(self._changed, self._patience())
        else:  # it is being answered
            self._changed.wait()

    def _withdraw(self, call: Call) -> None:
        """The thread of ``call`` goes. Holds the lock."""
        if call in self._waiting:
            self._waiting.remove(call)
            self._changed.notify_all()

    @abstractmethod
    def _next_group(self) -> Sequence[Call]:
        """The calls of the next pass, all of one key; empty while it is better to wait. Holds the lock."""

    def _patience(self) -> float | None:
        """Seconds after which a waiting thread looks again. Holds the lock."""
        return None

    @abstractmethod
    def _ran_out_of_memory(self, group: Sequence[Call], rows: int) -> None:
        """A pass was too large for the device; its questions found room one by one. Without the lock."""

    def _serve(self, group: Sequence[Call]) -> None:
        """Holds the lock, and lets go of it while the pass runs. Where this thread ends before everyone has
        an answer, the others wait for the next that serves."""
        self._busy = True
        self._changed.release()
        taken: list[Call] = []
        try:
            with NETWORKS.calling():  # before they are taken: who waits here may still leave
                taken = self._taken(group)
                self._answer(taken)
        finally:
            self._changed.acquire()
            self._waiting = [*(call for call in taken if not call.done), *self._waiting]
            self._busy = False
            self._changed.notify_all()

    def _taken(self, group: Sequence[Call]) -> list[Call]:
        """Those of ``group`` that still wait, which they do no longer."""
        with self._changed:
            taken = [call for call in group if call in self._waiting]
            self._waiting = [call for call in self._waiting if call not in taken]
            return taken

    def _answer(self, group: Sequence[Call]) -> None:
        wrong = self._wrong(group) if group else None
        if wrong is None or len(group) == 1:
            return
        # Here, where the error is gone, and with it what its traceback held of the pass that failed.
        SPARE.give_back()
        alone = [self._wrong([call]) for call in group]
        # Where one finds no memory alone, the company was not to blame.
        if _is_full(wrong) and not any(map(_is_full, alone)):
            self._ran_out_of_memory(group, sum(call.question.count for call in group))

    def _wrong(self, group: Sequence[Call]) -> type[Exception] | None:
        """What kind of error a pass ends with, if any. A call that was asked alone has it for its answer."""
        try:
            self._run(group)
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
            return type(error)
        return None

    def _run(self, group: Sequence[Call]) -> None:
        questions = [call.question for call in group]
        wanted = sum(question.count for question in questions)
        size = self._buckets.size(wanted)
        answer = self._pass(group, size)
        parts = torch.split(answer[:wanted], [question.count for question in questions])
        self._count(len(group), wanted, size)
        for call, part in zip(group, parts, strict=True):
            call.answer = part

    def _pass(self, group: Sequence[Call], size: int) -> Tensor:
        """One forward pass of ``size`` rows. Without the lock, while networks may be called."""
        return group[0].question.forward(merged([call.question for call in group], size))

    def _count(self, questions: int, wanted: int, size: int) -> None:
        self.counts.passes += 1
        self.counts.rows += wanted
        self.counts.filler += size - wanted
        self.counts.merged += questions if questions > 1 else 0

    def _of_key(self, key: Hashable) -> list[Call]:
        return [call for call in self._waiting if call.key == key]


def _is_full(error: type[Exception] | None) -> bool:
    return error is not None and issubclass(error, torch.OutOfMemoryError)


def fitting(calls: Sequence[Call], rows: int) -> list[Call]:
    """The first calls that have at most ``rows`` together; the first one in any case."""
    chosen = list(calls[:1])
    for call in calls[1:]:
        if sum(one.question.count for one in chosen) + call.question.count > rows:
            break
        chosen.append(call)
    return chosen


class Lane(Merger):
    """Answers at once when it is free; what has come meanwhile shares the next pass.

    :param rows: the most rows of a pass; 1: questions stay apart, one after the other.
    :ivar shares: whether it was made for passes that are shared.
    """

    def __init__(self, seconds: Callable[[], float], rows: int = 1) -> None:
        super().__init__(seconds, Buckets())
        self._rows = rows
        self.shares = rows > 1

    def ask(self, question: Question, *, alone: bool = False) -> Tensor:
        """:param alone: it shares no pass."""
        return self._ask(Call(question, None, self._seconds(), alone=alone))

    def _next_group(self) -> Sequence[Call]:
        return fitting(self._of_key(self._waiting[0].key), self._rows) if self._waiting else ()

    def _ran_out_of_memory(self, group: Sequence[Call], rows: int) -> None:
        self._rows = max(1, rows // 2)
