"""Step-level continuous batching: runs in flight share the passes of their denoiser.

Every run samples in its own thread, with its own sampler, steps and guidance. A pass starts when every run
that could take part has asked, so runs of one kind go in step and a new one joins within a pass. A run that
takes long between two questions is waited for once, and not again before it has asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.calls import Call, Question
from adapters.backends.torch.engine.cost import CostMeter
from adapters.backends.torch.engine.heeding import LOOK_FOR_CANCEL
from adapters.backends.torch.engine.merger import Merger, fitting

LEAST_PATIENCE = 0.02
"""Seconds: below this, the threads of a busy machine only lose each other."""

PASSES_OF_PATIENCE = 2.0
"""A run that is late by the time of this many passes of its own size is left behind."""

RECALLED = 4
"""Questions of a run that tell what it may ask next: those of one step may be of two kinds or more."""


class Member:
    """A run that samples. ``ask`` it from one thread.

    :ivar scope: the model and the size; admission is by these.
    :ivar rows: what it will ask for at a time.
    :ivar lately: the companies of its last few questions; empty before the first.
    :ivar behind: others have waited for it in vain. Nobody waits for it until it has asked again.
    """

    def __init__(self, batcher: StepBatcher, scope: Hashable, rows: int, alone: bool) -> None:
        self._batcher = batcher
        self.scope = scope
        self.rows = rows
        self.alone = alone
        self.lately: deque[Hashable] = deque(maxlen=RECALLED)
        self.behind = False

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
        self._last_passes: dict[Hashable, float] = {}

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
        member.lately.append(call.company)
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
        for call in self._oldest():  # first, so that no kind of run starves another
            missing = [] if call.alone else self._missing(call)
            if not missing or self._overdue(call):
                group = fitting(self._of_key(call.key), self._admission.cap(_scope_of(call)))
                self._note_who_is_behind(missing, group)
                return group
        return ()

    def _oldest(self) -> Sequence[Call]:
        """Of each kind the call that waits longest."""
        found: dict[Hashable, Call] = {}
        for call in self._waiting:
            found.setdefault(call.key, call)
        return list(found.values())

    def _note_who_is_behind(self, missing: Sequence[Member], group: Sequence[Call]) -> None:
        for member in missing:
            member.behind = True
        for call in group:
            _member_of(call).behind = False

    def _missing(self, call: Call) -> Sequence[Member]:
        """Who may ask for the same, and has not yet."""
        asking = {id(one.member) for one in self._waiting}
        scope = _scope_of(call)
        return [
            member
            for member in self._members
            if id(member) not in asking
            and not member.behind
            and (
                call.company in member.lately
                or (not member.lately and member.scope == scope and not member.alone)
            )
        ]

    def _overdue(self, call: Call) -> bool:
        return self._seconds() >= self._patient_until(call)

    def _patient_until(self, call: Call) -> float:
        passes = PASSES_OF_PATIENCE * self._last_passes.get(_scope_of(call), 0.0)
        return call.asked + max(self._least_patience, passes)

    def _patience(self) -> float | None:
        if self._busy or not self._waiting:
            return None
        return max(0.001, min(map(self._patient_until, self._oldest())) - self._seconds())

    def _pass(self, group: Sequence[Call], size: int) -> Tensor:
        scope, began = _scope_of(group[0]), self._seconds()
        typical = group[0].question.typical
        stop = self._meter.start(lambda cost: self._admission.record(scope, size, cost, typical))
        answer = super()._pass(group, size)
        stop()
        took = self._last_passes[scope] = self._seconds() - began
        self.counts.seconds += took
        return answer

    def _ran_out_of_memory(self, group: Sequence[Call], rows: int) -> None:
        self._admission.failed(_scope_of(group[0]), rows)


def _member_of(call: Call) -> Member:
    assert isinstance(call.member, Member)
    return call.member


def _scope_of(call: Call) -> Hashable:
    return _member_of(call).scope
