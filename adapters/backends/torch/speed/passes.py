"""The quickest way to run a pass of a network that is ready by now."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.speed.compiling import Compiling
from adapters.backends.torch.speed.graphs import Graphs
from adapters.backends.torch.speed.plan import SpeedPlan


class Passes:
    """Runs passes as they are, compiled or recorded.

    :param compiling: None: nothing is compiled. :param graphs: None: nothing is recorded.
    :param step_cache: deep blocks are computed at one of so many evaluations.
    """

    def __init__(
        self, compiling: Compiling | None = None, graphs: Graphs | None = None, step_cache: int = 1
    ) -> None:
        self._compiling = compiling
        self._graphs = graphs
        self.step_cache = step_cache

    @classmethod
    def of(cls, plan: SpeedPlan, device: torch.device, cache: Path | None) -> Passes:
        """:param cache: folder for compiled code."""
        compiling = Compiling(cache=cache) if plan.compiled else None
        graphs = Graphs() if plan.graphs and device.type == "cuda" else None
        return cls(compiling, graphs, plan.step_cache)

    def forward(self, network: Any, make: Callable[[Any], Forward], kind: Hashable) -> Forward:
        """The pass ``kind`` of ``network``, which ``make`` makes of it."""
        plain = make(network)
        if self._compiling is None and self._graphs is None:
            return plain

        def run(rows: Rows) -> Tensor:
            chosen = network
            if self._compiling is not None:
                chosen = self._compiling.ready(network, make, kind, rows)
            if chosen is None:  # what is recorded now would keep the compiled form out
                return plain(rows)
            if self._graphs is None:
                return make(chosen)(rows)
            return self._graphs.run(chosen, kind, make(chosen), rows)

        return run

    def settle(self) -> None:
        if self._compiling is not None:
            self._compiling.settle()

    def close(self) -> None:
        if self._compiling is not None:
            self._compiling.close()


PLAIN = Passes()
