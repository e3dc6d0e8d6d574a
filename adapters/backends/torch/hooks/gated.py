"""Hooks on tensors, called where networks may be called: plugins bring their own."""

from __future__ import annotations

from typing import Any

from adapters.backends.spec import ShippedHooks
from adapters.backends.torch.engine.gate import NETWORKS


class GatedHooks:
    """``ShippedHooks`` that wait while something is compiled, as every network does, and keep the compiler
    waiting."""

    def __init__(self, hooks: ShippedHooks) -> None:
        self._hooks = hooks

    def implemented(self, name: str) -> bool:
        return self._hooks.implemented(name)

    def call(self, name: str, **arguments: Any) -> None:
        with NETWORKS.calling():
            self._hooks.call(name, **arguments)

    def error(self, name: str, error: Exception) -> Exception:
        return self._hooks.error(name, error)
