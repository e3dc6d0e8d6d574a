"""Compiled twins: passes go on without them until they are ready, and draw the same with them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.compiling import Compiling
from adapters.backends.torch.speed.graphs import PASSES_BEFORE
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.speed.regions import compile_regions, gated
from adapters.backends.torch.step_cache.deep import watch_depth
from tests.unit.adapters.backends.torch.speed.test_graphs import Fresh, graphs_of

PATIENCE = 30.0


class Marked(nn.Module):
    """Doubles; its twin says so."""

    def __init__(self) -> None:
        super().__init__()
        self.compiled = False
        self.began, self.go_on = Event(), Event()

    def __deepcopy__(self, memo: object) -> Marked:
        twin = Marked()
        twin.began, twin.go_on = self.began, self.go_on
        return twin

    def forward(self, x: Tensor) -> Tensor:
        if self.compiled:
            self.began.set()
            assert self.go_on.wait(PATIENCE)
        return x * 2 + (100 if self.compiled else 0)


def mark(network: nn.Module) -> None:
    network.compiled = True  # type: ignore[assignment]


def make(network: Any) -> Forward:
    return lambda rows: network(rows["x"])


def rows(count: int = 2) -> Rows:
    return {"x": torch.ones(count, 1)}


@pytest.fixture
def marked() -> Marked:
    return Marked()


def test_the_plain_network_serves_until_the_twin_is_ready(marked: Marked) -> None:
    compiling = Compiling(mark)
    forward = Passes(compiling).forward(marked, make, "whole")
    assert float(forward(rows())[0]) == 2
    assert marked.began.wait(PATIENCE)
    assert float(forward(rows())[0]) == 2
    marked.go_on.set()
    compiling.settle()
    assert float(forward(rows())[0]) == 102
    assert float(forward(rows(4))[0]) == 2  # another form: it is warmed up first
    compiling.settle()
    assert float(forward(rows(4))[0]) == 102
    compiling.close()


def test_what_the_compiler_refuses_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(network: nn.Module) -> None:
        network.register_forward_pre_hook(fail)

    def fail(layer: nn.Module, given: object) -> None:
        raise RuntimeError("unsupported")

    compiling, network = Compiling(refuse), nn.Linear(1, 1)
    forward = Passes(compiling).forward(network, make, "whole")
    with torch.inference_mode():
        for _ in range(3):
            assert torch.equal(forward(rows()), network(rows()["x"]))
            compiling.settle()
    assert caplog.text.count("compiling failed, so the network runs as it is: RuntimeError: unsupported") == 1
    compiling.close()


def test_what_cannot_be_made_ready_for_the_compiler_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(network: nn.Module) -> None:
        raise RuntimeError("unsupported")

    compiling, network = Compiling(refuse), nn.Linear(1, 1)
    forward = Passes(compiling).forward(network, make, "whole")
    with torch.inference_mode():
        assert torch.equal(forward(rows()), network(rows()["x"]))
        assert torch.equal(forward(rows()), network(rows()["x"]))
    assert caplog.text.count("compiling failed, so the network runs as it is: RuntimeError: unsupported") == 1


class Fragile(nn.Module):
    """Doubles. Its twin does so as well, until ``fails`` is set to what it then raises."""

    def __init__(self, fails: list[Exception]) -> None:
        super().__init__()
        self.fails, self.compiled, self.calls = fails, False, 0

    def __deepcopy__(self, memo: object) -> Fragile:
        return Fragile(self.fails)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.compiled and self.fails:
            raise self.fails[0]
        if not self.compiled and bool((x < 0).any()):
            raise ValueError("below zero")
        return x * 2


@pytest.mark.parametrize("recorded", [False, True], ids=["as it is", "with graphs"])
def test_a_compiled_pass_that_fails_runs_as_it_is(caplog: pytest.LogCaptureFixture, recorded: bool) -> None:
    fails: list[Exception] = []
    network = Fragile(fails)
    compiling = Compiling(mark)
    forward = Passes(compiling, graphs_of(Fresh) if recorded else None).forward(network, make, "whole")
    for count in (2, 4):
        forward(rows(count))
    compiling.settle()
    plain = network.calls
    assert float(forward(rows())[0]) == 2
    assert network.calls == plain  # that was the twin
    fails.append(RuntimeError("no kernel"))
    for _ in range(3):
        assert float(forward(rows())[0]) == 2
    assert network.calls > plain
    fails.clear()
    again = network.calls
    assert float(forward(rows(4))[0]) == 2  # other forms still go through the twin
    assert network.calls == again
    told = "a compiled pass failed, so passes of its form run as they are: RuntimeError: no kernel"
    assert caplog.text.count(told) == 1
    compiling.close()


@pytest.mark.parametrize(
    ("error", "given", "raised"),
    [
        (torch.OutOfMemoryError("full"), 1.0, torch.OutOfMemoryError),
        (RuntimeError("no kernel"), -1.0, ValueError),
    ],
    ids=["memory", "rows"],
)
def test_what_is_no_fault_of_the_compiler_is_not_laid_to_it(
    caplog: pytest.LogCaptureFixture, error: Exception, given: float, raised: type[Exception]
) -> None:
    fails: list[Exception] = []
    compiling, network = Compiling(mark), Fragile(fails)
    forward = Passes(compiling).forward(network, make, "whole")
    forward(rows())
    compiling.settle()
    fails.append(error)
    with pytest.raises(raised):
        forward({"x": torch.full((2, 1), given)})
    fails.clear()
    plain = network.calls
    assert float(forward(rows())[0]) == 2
    assert (network.calls, caplog.text) == (plain, "")
    compiling.close()


def test_what_failed_when_all_was_let_go_is_not_noted(caplog: pytest.LogCaptureFixture) -> None:
    compiling = Compiling(mark)
    compiling.refuse(nn.Identity(), "whole", rows(), "no kernel")
    assert caplog.text == ""


class ResnetBlock2D(nn.Module):
    """By its name a block that is compiled; ``factor`` is built into the code."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = 2

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def test_in_a_pass_nothing_is_compiled(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[nn.Module] = []

    def by(network: nn.Module) -> None:
        kept.append(network)
        compile_regions(network, backend="eager")

    compiling, network = Compiling(by), nn.Sequential(ResnetBlock2D())
    forward = Passes(compiling).forward(network, make, "whole")
    with torch.inference_mode():
        forward(rows())
        compiling.settle()
        for block in (network[0], *kept[0]):
            block.factor = 3  # type: ignore[assignment]
        for _ in range(2):
            assert float(forward(rows())[0]) == 3
    assert caplog.text.count("a compiled pass failed, so passes of its form run as they are") == 1
    compiling.close()


def test_work_that_comes_while_it_is_closed_has_a_thread_of_its_own(marked: Marked) -> None:
    compiling = Compiling(mark)
    forward = Passes(compiling).forward(marked, make, "whole")
    forward(rows())
    assert marked.began.wait(PATIENCE)
    forward(rows(4))  # it waits behind the first, and is never begun
    with ThreadPoolExecutor(1) as pool:
        closed = pool.submit(compiling.close)
        while compiling._worker is not None:
            time.sleep(0.001)
        forward(rows())
        marked.go_on.set()
        closed.result(PATIENCE)
    compiling.settle()
    assert float(forward(rows())[0]) == 102
    compiling.close()


def test_after_closing_it_begins_anew(marked: Marked) -> None:
    marked.go_on.set()
    compiling = Compiling(mark)
    forward = Passes(compiling).forward(marked, make, "whole")
    for _ in range(2):
        assert float(forward(rows())[0]) == 2
        compiling.settle()
        assert float(forward(rows())[0]) == 102
        compiling.close()
    compiling.close()


def test_only_compiled_passes_are_recorded(marked: Marked) -> None:
    marked.go_on.set()
    Fresh.made = 0
    compiling = Compiling(mark)
    forward = Passes(compiling, graphs_of(Fresh)).forward(marked, make, "whole")
    forward(rows())
    compiling.settle()
    answers = [float(forward(rows())[0]) for _ in range(PASSES_BEFORE + 2)]
    assert set(answers) == {102.0}
    assert Fresh.made == 1
    compiling.close()


def test_no_network_is_called_while_one_is_compiled() -> None:
    held: list[bool] = []

    class Layer(nn.Identity):
        def forward(self, x: Tensor) -> Tensor:
            held.append(NETWORKS._compiling)
            return x

    def by(network: nn.Module) -> None:
        network._compiled_call_impl = gated(network.forward)  # type: ignore[assignment]

    compiling, layer = Compiling(by), Layer()
    forward = Passes(compiling).forward(layer, make, "whole")
    with NETWORKS.calling():  # as every pass does
        forward(rows())
    compiling.settle()
    forward(rows())
    assert held == [False, True, False]
    compiling.close()


def test_a_block_that_is_watched_is_left_as_it_is(stub_model: LoadedModel) -> None:
    unet = sharing_copy(stub_model.unet)
    watch_depth(unet)
    compile_regions(unet, backend="eager")
    resnets = [layer for layer in unet.modules() if type(layer).__name__ == "ResnetBlock2D"]
    assert [one for one in resnets if one._compiled_call_impl is None] == [unet.up_blocks[-1].resnets[-1]]
