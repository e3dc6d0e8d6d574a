"""The quickest way to run a pass of a network that is ready by now."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.speed.compiling import Compiling, summary
from adapters.backends.torch.speed.graphs import Graphs
from adapters.backends.torch.speed.plan import SpeedPlan
from adapters.backends.torch.speed.regions import compiling_nothing


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
            if self._compiling is None:
                return self._recorded(network, kind, plain, rows)
            chosen = self._compiling.ready(network, make, kind, rows)
            if chosen is None:  # what is recorded now would keep the compiled form out
                return plain(rows)
            if chosen is network:
                return self._recorded(network, kind, plain, rows)
            answer, why = self._of_twin(chosen, kind, make(chosen), rows)
            if answer is None:
                answer = plain(rows)  # if this fails too, the compiler is not to blame
                self._compiling.refuse(network, kind, rows, why)
            return answer

        return run

    def _of_twin(self, twin: Any, kind: Hashable, forward: Forward, rows: Rows) -> tuple[Tensor | None, str]:
        """The answer of compiled code; or None, and why there is none: then nothing of that pass is left."""
        try:
            with compiling_nothing():
                return self._recorded(twin, kind, forward, rows), ""
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            return None, summary(error)

    def _recorded(self, network: Any, kind: Hashable, forward: Forward, rows: Rows) -> Tensor:
        return forward(rows) if self._graphs is None else self._graphs.run(network, kind, forward, rows)

    def settle(self) -> None:
        if self._compiling is not None:
            self._compiling.settle()

    def close(self) -> None:
        if self._compiling is not None:
            self._compiling.close()


PLAIN = Passes()
