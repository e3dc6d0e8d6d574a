"""Compiled forms of networks: made behind passes that go on without them, and taken when they are ready."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.sharing import sharing_copy

log = logging.getLogger("serena.torch")

REGIONS = ("BasicTransformerBlock", "ResnetBlock2D")
"""What a UNet repeats, compiled one by one: that takes seconds where the whole takes minutes."""

FORMS = 256
"""Compiled forms of one block that are kept: widths times sizes times row counts."""

Compile: TypeAlias = Callable[[nn.Module], None]


def form(rows: Rows) -> Hashable:
    """Rows of one form run the same code."""
    return tuple((name, tuple(x.shape), x.dtype) for name, x in rows.items())


_local = threading.local()


def compile_regions(network: nn.Module, backend: str = "inductor") -> None:
    """Compile its repeated blocks at their first call, one at a time, while no network is called. Not those
    that a hook watches: compiled code calls none."""
    for layer in network.modules():
        if type(layer).__name__ in REGIONS and not layer._forward_pre_hooks:
            layer.compile(fullgraph=True, backend=backend)
            compiled = layer._compiled_call_impl
            assert compiled is not None
            layer._compiled_call_impl = gated(compiled, _allow_forms)


def gated(call: Callable[..., Any], before: Callable[[], None] | None = None) -> Callable[..., Any]:
    """Where ``call`` may compile, that is in the thread that warms up, no network is called meanwhile."""

    def run(*args: Any, **kwargs: Any) -> Any:
        if not getattr(_local, "warms_up", False):
            return call(*args, **kwargs)
        with NETWORKS.compiling():
            if before is not None:
                before()
            return call(*args, **kwargs)

    return run


def _allow_forms() -> None:
    """Of this thread alone, as what torch is configured by is."""
    config: Any = import_module("torch._dynamo.config")
    config.recompile_limit = FORMS
    config.accumulated_recompile_limit = 4 * FORMS


class Compiling:
    """The compiled twin of each network. It shares the weights, and serves the forms of rows that it has been
    warmed up for.

    :param by: makes the blocks of a network ready to be compiled.
    :param cache: folder in which compiled code outlives the process.
    """

    def __init__(self, by: Compile = compile_regions, cache: Path | None = None) -> None:
        if cache is not None:
            os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
        self._compile = by
        self._twins: WeakKeyDictionary[nn.Module, _Twin] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ready(self, network: Any, make: Callable[[Any], Forward], kind: Hashable, rows: Rows) -> Any:
        """The network to run ``rows`` with: the twin, if it is ready for their form; None while it is not.

        :param make: gives the pass of a network. :param kind: which of its passes that is.
        """
        with self._lock:
            twin = self._twins.get(network)
            if twin is None:
                twin = self._twins[network] = _Twin(self._twin(network))
            return twin.chosen(network, (kind, form(rows)), lambda: self._later(twin, make, kind, rows))

    def settle(self) -> None:
        """Wait until what has been asked for so far is compiled."""
        done = threading.Event()
        with self._lock:
            if self._thread is None:
                return
            self._work.put(done.set)
        done.wait()

    def close(self) -> None:
        """What is being compiled is finished, nothing else is begun, and all is let go."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._twins.clear()
        if thread is not None:
            while not self._work.empty():
                self._work.get()
            self._work.put(None)
            thread.join()

    def _twin(self, network: nn.Module) -> nn.Module:
        twin = sharing_copy(network)
        for layer in twin.modules():
            # The way to tile pictures asks the thread, which compiled code cannot: who tiles has no twin.
            layer.__dict__.pop("_conv_forward", None)
        self._compile(twin)
        return twin

    def _later(self, twin: _Twin, make: Callable[[Any], Forward], kind: Hashable, rows: Rows) -> None:
        own = {name: x.clone() for name, x in rows.items()}
        self._work.put(lambda: twin.warm_up(make, (kind, form(own)), own))
        if self._thread is None:
            self._thread = threading.Thread(target=self._compile_all, name="serena-compile", daemon=True)
            self._thread.start()

    def _compile_all(self) -> None:
        _local.warms_up = True
        while (job := self._work.get()) is not None:
            job()


class _Twin:
    """One compiled network and the forms of rows that it was asked for."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._ready: set[Hashable] = set()
        self._asked: set[Hashable] = set()
        self._failed = False

    def chosen(self, plain: Any, what: Hashable, warm_up: Callable[[], None]) -> Any:
        if self._failed:
            return plain
        if what in self._ready:
            return self._network
        if what not in self._asked:
            self._asked.add(what)
            warm_up()
        return None

    def warm_up(self, make: Callable[[Any], Forward], what: Hashable, rows: Rows) -> None:
        try:
            with torch.inference_mode():
                make(self._network)(rows)
        except Exception as error:
            # Whatever the compiler does not like: the plain network draws the same.
            self._failed = True
            text = " ".join(str(error).split())[:300]
            log.warning("compiling failed, so the network runs as it is: %s: %s", type(error).__name__, text)
            return
        self._ready.add(what)
