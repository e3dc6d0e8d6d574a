"""Recordings of passes: when they are made, what they answer, and what happens where they cannot be made."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.speed.graphs import MOST, PASSES_BEFORE, Graphs
from adapters.backends.torch.speed.passes import Passes


class Taped:
    """Stands in for a CUDA graph: its tensors stay in their places, as those of a graph do."""

    made = 0

    def __init__(self, forward: Forward, rows: Rows) -> None:
        type(self).made += 1
        self.inputs: Rows = {name: x.clone() for name, x in rows.items()}
        self._forward = forward
        self._answer = forward(self.inputs)

    def replay(self) -> Tensor:
        return self._answer.copy_(self._forward(self.inputs))


class Fresh(Taped):
    pass


def doubled(rows: Rows) -> Tensor:
    return rows["x"] * 2


def rows(value: float, count: int = 2) -> Rows:
    return {"x": torch.full((count, 1), value)}


@pytest.fixture
def record() -> type[Taped]:
    Fresh.made = 0
    return Fresh


def test_a_form_that_comes_back_is_recorded_once(record: type[Taped]) -> None:
    graphs, network = Graphs(record), nn.Identity()
    answers = [graphs.run(network, "whole", doubled, rows(i)) for i in range(PASSES_BEFORE + 3)]
    assert [float(one[0]) for one in answers] == [2.0 * i for i in range(PASSES_BEFORE + 3)]
    assert record.made == 1


def test_other_rows_other_passes_and_other_networks_have_their_own(record: type[Taped]) -> None:
    graphs, one, other = Graphs(record), nn.Identity(), nn.Identity()
    for network, kind, count in [(one, "a", 2), (one, "a", 4), (one, "b", 2), (other, "a", 2)]:
        for _ in range(PASSES_BEFORE + 1):
            graphs.run(network, kind, doubled, rows(1.0, count))
    assert record.made == 4


def test_the_oldest_goes_when_there_are_too_many(record: type[Taped]) -> None:
    graphs, network = Graphs(record), nn.Identity()
    for kind in range(MOST + 1):
        for _ in range(PASSES_BEFORE + 1):
            graphs.run(network, kind, doubled, rows(1.0))
    assert record.made == MOST + 1
    graphs.run(network, 0, doubled, rows(1.0))
    assert record.made == MOST + 2


def test_only_fixed_row_counts_are_recorded(record: type[Taped]) -> None:
    graphs, network = Graphs(record), nn.Identity()
    for _ in range(PASSES_BEFORE + 1):
        assert float(graphs.run(network, "whole", doubled, rows(1.0, 3))[0]) == 2.0
    assert record.made == 0


def test_they_do_not_keep_a_network_alive(record: type[Taped]) -> None:
    graphs, network = Graphs(record), nn.Identity()
    for _ in range(PASSES_BEFORE + 1):
        graphs.run(network, "whole", doubled, rows(1.0))
    gone = weakref.ref(network)
    del network
    assert gone() is None


def test_where_recording_fails_passes_run_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(forward: Forward, rows: Rows) -> Taped:
        raise torch.OutOfMemoryError("no memory left")

    graphs, network = Graphs(refuse), nn.Identity()
    answers = [float(graphs.run(network, "whole", doubled, rows(3.0))[0]) for _ in range(PASSES_BEFORE + 2)]
    assert set(answers) == {6.0}
    assert caplog.text.count("a CUDA graph could not be recorded") == 1


def test_passes_of_the_batcher_go_through_them(record: type[Taped]) -> None:
    network = nn.Linear(1, 1)
    forward = Passes(graphs=Graphs(record)).forward(network, lambda one: lambda r: one(r["x"]), "whole")
    with torch.inference_mode():
        for i in range(PASSES_BEFORE + 2):
            assert torch.equal(forward(rows(float(i))), network(rows(float(i))["x"]))
    assert record.made == 1
