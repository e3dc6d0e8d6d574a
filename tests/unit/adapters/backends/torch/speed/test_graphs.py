"""Recordings of passes: when they are made, what they answer, and what happens where they cannot be made."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.engine.memory import SPARE, SpareMemory
from adapters.backends.torch.speed.graphs import MOST, PASSES_BEFORE, CudaRecording, Graphs
from adapters.backends.torch.speed.passes import Passes

PATIENCE = 30.0


class Taped:
    """Stands in for a CUDA graph: its tensors stay in their places, as those of a graph do.

    :cvar pools: of each that was made, the pool that it was given.
    """

    made = 0
    pools: ClassVar[list[object]]

    def __init__(self, forward: Forward, rows: Rows, pool: object) -> None:
        type(self).made += 1
        type(self).pools.append(pool)
        self.inputs: Rows = {name: x.clone() for name, x in rows.items()}
        self._forward = forward
        self._answer = forward(self.inputs)

    def replay(self) -> Tensor:
        return self._answer.copy_(self._forward(self.inputs))


class Fresh(Taped):
    pools: ClassVar[list[object]] = []


def graphs_of(record: Any) -> Graphs:
    pools = itertools.count()
    return Graphs(record, lambda: next(pools))


def doubled(rows: Rows) -> Tensor:
    return rows["x"] * 2


def rows(value: float, count: int = 2) -> Rows:
    return {"x": torch.full((count, 1), value)}


@pytest.fixture
def record() -> type[Taped]:
    Fresh.made = 0
    Fresh.pools.clear()
    return Fresh


def test_a_form_that_comes_back_is_recorded_once(record: type[Taped]) -> None:
    graphs, network = graphs_of(record), nn.Identity()
    answers = [graphs.run(network, "whole", doubled, rows(i)) for i in range(PASSES_BEFORE + 3)]
    assert [float(one[0]) for one in answers] == [2.0 * i for i in range(PASSES_BEFORE + 3)]
    assert record.made == 1


def test_other_rows_other_passes_and_other_networks_have_their_own(record: type[Taped]) -> None:
    graphs, one, other = graphs_of(record), nn.Identity(), nn.Identity()
    for network, kind, count in [(one, "a", 2), (one, "a", 4), (one, "b", 2), (other, "a", 2)]:
        for _ in range(PASSES_BEFORE + 1):
            graphs.run(network, kind, doubled, rows(1.0, count))
    assert record.made == 4
    assert record.pools == [0, 0, 0, 1]  # those of one network share theirs


def test_the_oldest_goes_when_there_are_too_many(record: type[Taped]) -> None:
    graphs, network = graphs_of(record), nn.Identity()
    for kind in range(MOST + 1):
        for _ in range(PASSES_BEFORE + 1):
            graphs.run(network, kind, doubled, rows(1.0))
    assert record.made == MOST + 1
    graphs.run(network, 0, doubled, rows(1.0))
    assert record.made == MOST + 2


def test_only_fixed_row_counts_are_recorded(record: type[Taped]) -> None:
    graphs, network = graphs_of(record), nn.Identity()
    for _ in range(PASSES_BEFORE + 1):
        assert float(graphs.run(network, "whole", doubled, rows(1.0, 3))[0]) == 2.0
    assert record.made == 0


def test_they_do_not_keep_a_network_alive(record: type[Taped]) -> None:
    graphs, network = graphs_of(record), nn.Identity()
    for _ in range(PASSES_BEFORE + 1):
        graphs.run(network, "whole", doubled, rows(1.0))
    gone = weakref.ref(network)
    del network
    assert gone() is None


def test_where_recording_fails_passes_run_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(forward: Forward, rows: Rows, pool: object) -> Taped:
        raise torch.OutOfMemoryError("no memory left")

    graphs, network = graphs_of(refuse), nn.Identity()
    answers = [float(graphs.run(network, "whole", doubled, rows(3.0))[0]) for _ in range(PASSES_BEFORE + 2)]
    assert set(answers) == {6.0}
    assert caplog.text.count("a CUDA graph could not be recorded") == 1


class Shared:
    """Stands in for CUDA graphs that share one pool: the answer of each lies where the others compute."""

    def __init__(self, forward: Forward, rows: Rows, pool: Tensor) -> None:
        self.inputs: Rows = {name: x.clone() for name, x in rows.items()}
        self._forward = forward
        self._pool = pool

    def replay(self) -> Tensor:
        return self._pool.copy_(self._forward(self.inputs))


def test_an_answer_stays_when_another_recording_takes_its_place() -> None:
    graphs, network = Graphs(Shared, lambda: torch.zeros(2, 1)), nn.Identity()
    for kind in ("a", "b"):
        for _ in range(PASSES_BEFORE + 1):
            graphs.run(network, kind, doubled, rows(1.0))
    first, second = (graphs.run(network, kind, doubled, rows(x)) for kind, x in (("a", 2.0), ("b", 3.0)))
    assert (float(first[0]), float(second[0])) == (4.0, 6.0)


class Device:
    """What of ``torch.cuda`` a recording takes, counting.

    :ivar captured: the pool of each capture. :ivar spare: whether memory was to be had back during it.
    """

    def __init__(self) -> None:
        self.captured: list[tuple[object, str]] = []
        self.spare: list[bool] = []
        self.replays = 0

    class Stream:
        def wait_stream(self, other: object) -> None:
            """Nothing runs beside."""

    def current_stream(self) -> Stream:
        return self.Stream()

    @contextmanager
    def stream(self, stream: object) -> Iterator[None]:
        yield

    def CUDAGraph(self) -> Device:
        return self

    @contextmanager
    def graph(self, graph: object, pool: object, capture_error_mode: str) -> Iterator[None]:
        self.captured.append((pool, capture_error_mode))
        yield
        with ThreadPoolExecutor(1) as threads:
            self.spare.append(threads.submit(_is_spare).result(PATIENCE))

    def replay(self) -> None:
        self.replays += 1


def _is_spare() -> bool:
    free = SPARE._one.acquire(blocking=False)
    if free:
        SPARE._one.release()
    return free


def test_a_recording_is_made_in_its_pool_while_no_memory_is_given_back() -> None:
    device, given = Device(), rows(1.0)
    recording = CudaRecording(doubled, given, "pool", device)
    assert device.captured == [("pool", "thread_local")]
    assert device.spare == [False]
    assert _is_spare()
    assert recording.inputs["x"] is not given["x"]
    assert (float(recording.replay()[0]), device.replays) == (2.0, 1)


def test_memory_is_given_back_when_the_recording_is_made() -> None:
    given, asked = threading.Event(), threading.Event()
    memory = SpareMemory(given.set)

    def give_back() -> None:
        asked.set()
        memory.give_back()

    with ThreadPoolExecutor(1) as pool:
        with memory.kept():
            future = pool.submit(give_back)
            assert asked.wait(PATIENCE)
            assert not given.is_set()
        future.result(PATIENCE)
    assert given.is_set()


def test_passes_of_the_batcher_go_through_them(record: type[Taped]) -> None:
    network = nn.Linear(1, 1)
    forward = Passes(graphs=graphs_of(record)).forward(network, lambda one: lambda r: one(r["x"]), "whole")
    with torch.inference_mode():
        for i in range(PASSES_BEFORE + 2):
            assert torch.equal(forward(rows(float(i))), network(rows(float(i))["x"]))
    assert record.made == 1
