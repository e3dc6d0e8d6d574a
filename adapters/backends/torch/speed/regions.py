"""The blocks that a UNet repeats, compiled one by one, and where that may happen."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from torch import nn

from adapters.backends.torch.engine.gate import NETWORKS

REGIONS = ("BasicTransformerBlock", "ResnetBlock2D")
"""What a UNet repeats, compiled one by one: that takes seconds where the whole takes minutes."""

FORMS = 256
"""Compiled forms of one block that are kept: widths times sizes times row counts."""

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


def compile_here() -> None:
    """What this thread calls from now on may be compiled."""
    _local.warms_up = True


def _allow_forms() -> None:
    """Of this thread alone, as what torch is configured by is."""
    config: Any = import_module("torch._dynamo.config")
    config.recompile_limit = FORMS
    config.accumulated_recompile_limit = 4 * FORMS


@contextmanager
def compiling_nothing() -> Iterator[None]:
    """In this thread compiled code is called as it is; a call that it does not fit raises. Else it would be
    compiled anew here and now, while other threads call networks."""
    config: Any = sys.modules.get("torch._dynamo.config")
    if config is None:  # so nothing is compiled yet
        yield
        return
    with config.patch(recompile_limit=0):
        yield
