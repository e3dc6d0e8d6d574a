"""What a run asks of a network: rows, and the key that says with whose rows they may share a pass."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

Rows: TypeAlias = Mapping[str, Tensor]
"""Tensors by name. All have the same first dimension: one entry for each row."""

Forward: TypeAlias = Callable[[Rows], Tensor]
"""Evaluates rows; the answer has a row for each. No row may depend on its neighbours."""


@dataclass(frozen=True, slots=True)
class Question:
    """One evaluation.

    :ivar network: equal for questions that the same ``forward`` may answer together: the weights, and all
        that changes what it computes.
    :ivar company: equal for questions whose runs go in step, though they may ask for different passes now;
        None: those of one key.
    :ivar typical: whether its cost tells what a pass of its size costs.
    """

    network: Hashable
    forward: Forward
    rows: Rows
    company: Hashable = None
    typical: bool = True

    @property
    def count(self) -> int:
        return int(next(iter(self.rows.values())).shape[0])

    @property
    def key(self) -> Hashable:
        """Questions of one key may be merged: same network, names, sizes and number formats."""
        return self.network, tuple((name, x.shape[1:], x.dtype) for name, x in self.rows.items())


@dataclass(eq=False, slots=True)
class Call:
    """A question that waits for its answer.

    :ivar member: who asks; None where nobody is waited for.
    :ivar asked: when, by the clock of durations.
    """

    question: Question
    member: object
    asked: float
    alone: bool = False
    key: Hashable = field(init=False)
    company: Hashable = field(init=False)
    answer: Tensor | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        # Computed once: it is compared at every look at the queue.
        # Of its own, one that is alone: with itself for a key it would stay until Python looks for circles.
        self.key = (object(), None) if self.alone else (None, self.question.key)
        self.company = self.key if self.question.company is None else self.question.company

    @property
    def done(self) -> bool:
        return self.answer is not None or self.error is not None

    def result(self) -> Tensor:
        if self.error is not None:
            # Once only: its traceback holds what the pass had made, and this call would hold its traceback.
            error, self.error = self.error, None
            try:
                raise error
            finally:
                del error
        assert self.answer is not None
        return self.answer


def merged(questions: Sequence[Question], size: int) -> Rows:
    """The rows of all, in order, filled up to ``size`` with copies of the last row."""
    first = questions[0].rows
    joined = {name: _joined([question.rows[name] for question in questions]) for name in first}
    missing = size - sum(question.count for question in questions)
    return joined if missing <= 0 else {name: _filled(x, missing) for name, x in joined.items()}


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _filled(x: Tensor, missing: int) -> Tensor:
    return torch.cat([x, x[-1:].expand(missing, *x.shape[1:])])
