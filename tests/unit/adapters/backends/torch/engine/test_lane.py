"""The lane beside the step loop: one pass at a time, shared where that is allowed."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from weakref import ref

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.engine.heeding import heeding
from adapters.backends.torch.engine.merger import Lane
from core.domain.errors import Interrupted

PATIENCE = 30.0


class Slow:
    """A network whose first pass waits until it is let go."""

    def __init__(self) -> None:
        self.passes: list[int] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, rows: Rows) -> Tensor:
        self.passes.append(rows["x"].shape[0])
        self.began.set()
        self.go_on.wait(PATIENCE)
        if self.passes[-1] > 2:
            raise torch.OutOfMemoryError
        return rows["x"] + 1


def run(lane: Lane, count: int) -> tuple[Slow, list[float]]:
    """One question, and while it is answered ``count`` more."""
    network = Slow()

    def ask(value: int) -> float:
        return lane.ask(Question("vae", network, {"x": torch.tensor([[float(value)]])})).item()

    with ThreadPoolExecutor(count + 1) as pool:
        first = pool.submit(ask, 0)
        assert network.began.wait(PATIENCE)
        others = [pool.submit(ask, i) for i in range(1, count + 1)]
        while len(lane._waiting) < count:
            time.sleep(0.001)
        network.go_on.set()
        return network, [future.result(PATIENCE) for future in (first, *others)]


@pytest.mark.parametrize(("rows", "passes"), [(1, [1, 1, 1, 1, 1]), (2, [1, 2, 2])], ids=["apart", "shared"])
def test_what_came_meanwhile(rows: int, passes: list[int]) -> None:
    network, answers = run(Lane(time.monotonic, rows), 4)
    assert answers == [1, 2, 3, 4, 5]
    assert network.passes == passes


def test_memory_that_runs_out_makes_the_passes_smaller() -> None:
    lane = Lane(time.monotonic, 4)
    network, answers = run(lane, 4)
    assert answers == [1, 2, 3, 4, 5]
    assert network.passes == [1, 4, 1, 1, 1, 1]
    network, _ = run(lane, 4)
    assert network.passes == [1, 2, 2]


class Filling:
    """A network that fails for company, and for one, with something large in its hands.

    :ivar held: for each pass, how much of what earlier ones made was still there when it began.
    """

    def __init__(self) -> None:
        self.made: list[ref[Tensor]] = []
        self.held: list[int] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, rows: Rows) -> Tensor:
        self.held.append(self.left)
        self.began.set()
        self.go_on.wait(PATIENCE)
        large = rows["x"] + 1
        self.made.append(ref(large))
        if len(self.made) > 1:
            raise torch.OutOfMemoryError
        return large

    @property
    def left(self) -> int:
        return sum(one() is not None for one in self.made[1:])


def test_what_a_failed_pass_had_made_is_gone_before_the_next() -> None:
    lane, network = Lane(time.monotonic, 4), Filling()

    def ask() -> type[BaseException] | None:
        try:
            lane.ask(Question("vae", network, {"x": torch.zeros(1, 1)}))
        except torch.OutOfMemoryError as error:
            return type(error)
        return None

    gc.disable()
    try:
        with ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(ask)]
            assert network.began.wait(PATIENCE)
            futures += [pool.submit(ask) for _ in range(2)]
            while len(lane._waiting) < 2:
                time.sleep(0.001)
            network.go_on.set()
            found = [future.result(PATIENCE) for future in futures]
        left = network.left
    finally:
        gc.enable()
    assert found == [None, torch.OutOfMemoryError, torch.OutOfMemoryError]
    assert network.held[:3] == [0, 0, 0]
    assert left == 0


@pytest.mark.parametrize("alone", [False, True])
def test_what_was_asked_and_answered_is_let_go_at_once(alone: bool) -> None:
    lane, asked = Lane(time.monotonic), torch.zeros(1, 1)
    kept = ref(asked)
    gc.disable()
    try:
        lane.ask(Question("vae", lambda rows: rows["x"] + 1, {"x": asked}), alone=alone)
        del asked
        left = kept()
    finally:
        gc.enable()
    assert left is None


def test_a_run_may_be_stopped_while_it_waits_and_its_company_is_answered() -> None:
    lane, network, cancelled = Lane(time.monotonic, 2), Slow(), threading.Event()

    def check() -> None:
        if cancelled.is_set():
            raise Interrupted

    def ask(value: float) -> float:
        return lane.ask(Question("vae", network, {"x": torch.tensor([[value]])})).item()

    def ask_until_cancelled(value: float) -> float:
        with heeding(check):
            return ask(value)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, 0)
        assert network.began.wait(PATIENCE)
        others = [pool.submit(ask_until_cancelled, 1), *(pool.submit(ask, i) for i in (2, 3))]
        while len(lane._waiting) < 3:
            time.sleep(0.001)
        cancelled.set()
        assert isinstance(others[0].exception(PATIENCE), Interrupted)
        network.go_on.set()
        answers = [one.result(PATIENCE) for one in (first, *others[1:])]
    assert answers == [1, 3, 4]
    assert network.passes == [1, 2]
