"""Passes recorded once and replayed: the host then hands over one call where it handed over thousands.

The recordings of a network share one pool of memory, as only one of them is replayed at a time: what one has
for its intermediate results, the next may have for its own, and for its answer. That is right because

* the batcher runs one pass at a time, and all passes are on one stream, so replays follow one another;
* what a recording reads is outside of the pool, and written anew before each replay;
* its answer is copied, on the same stream, before anything else is replayed;
* nothing that it makes lives on in the network: a form is recorded when it has run as it is, so what a
  network makes once and keeps is there by then.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.buckets import FIXED
from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.engine.memory import SPARE
from adapters.backends.torch.speed.compiling import form

log = logging.getLogger("serena.torch")

PASSES_BEFORE = 2
"""Passes of a form that run as they are: a form that does not come back is not worth a recording."""

MOST = 16
"""Recordings of one network; the least recently used goes."""


class Recording(Protocol):
    """A pass that can be run again.

    :ivar inputs: what it reads.
    """

    inputs: Rows

    def replay(self) -> Tensor:
        """Its answer to what ``inputs`` hold now; valid until the next replay of any that shares its
        pool."""
        ...


Record: TypeAlias = Callable[[Forward, Rows, Any], Recording]
"""Makes a recording of a pass over rows, in a pool of memory."""


class Graphs:
    """Recordings for each network and each form of rows. Used by one thread at a time, as the batcher does.

    :param record: makes a recording. :param pool: makes a pool for those of one network.
    """

    def __init__(self, record: Record | None = None, pool: Callable[[], Any] | None = None) -> None:
        self._record = record or CudaRecording
        self._pool = pool or _pool
        self._networks: WeakKeyDictionary[nn.Module, _Recordings] = WeakKeyDictionary()

    def run(self, network: nn.Module, kind: Hashable, forward: Forward, rows: Rows) -> Tensor:
        """The answer of ``forward``, which is the pass ``kind`` of ``network``."""
        if next(iter(rows.values())).shape[0] not in FIXED:
            return forward(rows)
        found = self._networks.get(network)
        if found is None:
            found = self._networks[network] = _Recordings(self._pool)
        recording = found.of((kind, form(rows)), lambda pool: self._record(forward, rows, pool))
        if recording is None:
            return forward(rows)
        for name, x in rows.items():
            recording.inputs[name].copy_(x, non_blocking=True)
        return recording.replay().clone()


class _Recordings:
    """Those of one network. It knows nothing of the network, which so can be let go."""

    def __init__(self, pool: Callable[[], Any]) -> None:
        self._make_pool = pool
        self._pool: Any = None
        self._made: OrderedDict[Hashable, Recording] = OrderedDict()
        self._seen: Counter[Hashable] = Counter()
        self._failed = False

    def of(self, what: Hashable, record: Callable[[Any], Recording]) -> Recording | None:
        """None: run it as it is."""
        if what in self._made:
            self._made.move_to_end(what)
            return self._made[what]
        self._seen[what] += 1
        if self._failed or self._seen[what] <= PASSES_BEFORE:
            return None
        try:
            self._pool = self._make_pool() if self._pool is None else self._pool
            self._made[what] = record(self._pool)
        except Exception as error:  # out of memory included: recordings have memory of their own
            self._failed = True
            self._made.clear()
            text = " ".join(str(error).split())[:300]
            log.warning("a CUDA graph could not be recorded, so passes run without: %s", text)
            return None
        if len(self._made) > MOST:
            self._made.popitem(last=False)
        return self._made[what]


def _pool() -> Any:
    cuda: Any = torch.cuda
    return cuda.graph_pool_handle()


class CudaRecording:
    """A CUDA graph.

    :param cuda: torch's, or what stands in for it.
    """

    def __init__(self, forward: Forward, rows: Rows, pool: Any, cuda: Any = torch.cuda) -> None:
        self.inputs: Rows = {name: x.clone() for name, x in rows.items()}
        # Once beside the main stream, as torch asks for: libraries get their workspaces there.
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            forward(self.inputs)
        cuda.current_stream().wait_stream(side)
        self._graph = cuda.CUDAGraph()
        # Other threads decode meanwhile; only what this one does is recorded.
        with SPARE.kept(), cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._answer = forward(self.inputs)

    def replay(self) -> Tensor:
        self._graph.replay()
        return self._answer
