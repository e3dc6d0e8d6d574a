"""Step-level continuous batching: runs in flight share the passes of their denoiser.

Every run samples in its own thread, with its own sampler, steps and guidance. A pass starts when every run
that could take part has asked, so runs of one kind go in step and a new one joins within a pass. A run that
takes long between two questions is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.calls import Call, Question
from adapters.backends.torch.engine.cost import CostMeter
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.merger import Merger, fitting

LEAST_PATIENCE = 0.02
"""Seconds: below this, the threads of a busy machine only lose each other."""

PASSES_OF_PATIENCE = 2.0
"""A run that is late by the time of this many passes is left behind."""

LOOK_FOR_CANCEL = 0.1


class Member:
    """A run that samples. ``ask`` it from one thread.

    :ivar scope: the model and the size; admission is by these.
    :ivar rows: what it will ask for at a time.
    """

    def __init__(self, batcher: StepBatcher, scope: Hashable, rows: int, alone: bool) -> None:
        self._batcher = batcher
        self.scope = scope
        self.rows = rows
        self.alone = alone
        self.company: Hashable = None
        """Of its last question; None before the first."""

    def ask(self, question: Question) -> Tensor:
        """The answer to the rows of ``question``. Raises what the network raises."""
        return self._batcher.ask(self, question)


class StepBatcher(Merger):
    """Merges the questions of runs in flight.

    :param patience: least seconds that a question waits for company that is expected.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        admission: Admission,
        buckets: Buckets,
        meter: CostMeter,
        patience: float = LEAST_PATIENCE,
    ) -> None:
        super().__init__(seconds, buckets)
        self._least_patience = patience
        self._admission = admission
        self._meter = meter
        self._members: list[Member] = []
        self._at_the_door: list[Member] = []
        self._last_pass = 0.0

    @contextmanager
    def join(
        self, scope: Hashable, rows: int, check: Callable[[], None], *, alone: bool = False
    ) -> Iterator[Member]:
        """Take part inside the block. Waits while the device is full.

        :param check: called now and then while waiting; raises when the run is to stop.
        :param alone: its questions are never merged.
        """
        member = Member(self, scope, rows, alone)
        self._enter(member, check)
        try:
            yield member
        finally:
            with self._changed:
                self._members.remove(member)
                self._changed.notify_all()

    def ask(self, member: Member, question: Question) -> Tensor:
        call = Call(question, member, self._seconds(), alone=member.alone)
        member.company = call.company
        return self._ask(call)

    def _enter(self, member: Member, check: Callable[[], None]) -> None:
        with self._changed:
            self._at_the_door.append(member)
            try:
                while not self._has_room(member):
                    self._changed.wait(LOOK_FOR_CANCEL)
                    check()
                self._members.append(member)
            finally:
                self._at_the_door.remove(member)
                self._changed.notify_all()

    def _has_room(self, member: Member) -> bool:
        first = next(one for one in self._at_the_door if one.scope == member.scope)
        taken = sum(one.rows for one in self._members if one.scope == member.scope)
        return first is member and (not taken or taken + member.rows <= self._admission.cap(member.scope))

    def _next_group(self) -> Sequence[Call]:
        seen: set[Hashable] = set()
        for call in self._waiting:  # the oldest first, so that no kind of run starves another
            if call.key in seen:
                continue
            seen.add(call.key)
            peers = self._of_key(call.key)
            if call.alone or self._complete(call) or self._overdue(call):
                return fitting(peers, self._admission.cap(_scope_of(call)))
        return ()

    def _complete(self, call: Call) -> bool:
        """Whether everyone has asked who may ask for the same."""
        asking = {id(one.member) for one in self._waiting}
        scope = _scope_of(call)
        return all(
            id(member) in asking
            for member in self._members
            if member.company == call.company
            or (member.company is None and member.scope == scope and not member.alone)
        )

    def _overdue(self, call: Call) -> bool:
        return self._seconds() - call.asked >= self._waits()

    def _waits(self) -> float:
        return max(self._least_patience, PASSES_OF_PATIENCE * self._last_pass)

    def _patience(self) -> float | None:
        if self._busy or not self._waiting:
            return None
        return max(0.001, self._waits() - (self._seconds() - self._waiting[0].asked))

    def _pass(self, group: Sequence[Call], size: int) -> Tensor:
        with NETWORKS.calling():  # what is waited for here is no part of the pass
            return self._measured(group, size)

    def _measured(self, group: Sequence[Call], size: int) -> Tensor:
        scope, began = _scope_of(group[0]), self._seconds()
        typical = group[0].question.typical
        stop = self._meter.start(lambda cost: self._admission.record(scope, size, cost, typical))
        answer = super()._pass(group, size)
        stop()
        self._last_pass = self._seconds() - began
        self.counts.seconds += self._last_pass
        return answer

    def _ran_out_of_memory(self, group: Sequence[Call], rows: int) -> None:
        self._admission.failed(_scope_of(group[0]), rows)


def _scope_of(call: Call) -> Hashable:
    assert isinstance(call.member, Member)
    return call.member.scope
