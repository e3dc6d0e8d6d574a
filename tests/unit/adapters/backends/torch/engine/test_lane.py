"""The lane beside the step loop: one pass at a time, shared where that is allowed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.engine.merger import Lane

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
