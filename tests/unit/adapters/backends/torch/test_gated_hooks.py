"""Plugins may call networks of their own in hooks on tensors, so these are called where networks may be."""

from __future__ import annotations

from typing import Any

from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.hooks.gated import GatedHooks


class Plugins:
    """``ShippedHooks``. :ivar called: of each call its name, what it was given, and how many are inside."""

    def __init__(self) -> None:
        self.called: list[tuple[str, dict[str, Any], int]] = []

    def implemented(self, name: str) -> bool:
        return name == "known"

    def call(self, name: str, **arguments: Any) -> None:
        self.called.append((name, arguments, NETWORKS._callers))

    def error(self, name: str, error: Exception) -> Exception:
        return ValueError(f"{name}: {error}")


def test_a_hook_is_called_as_networks_are() -> None:
    plugins = Plugins()
    hooks, before = GatedHooks(plugins), NETWORKS._callers
    hooks.call("known", draft=1)
    assert plugins.called == [("known", {"draft": 1}, before + 1)]
    assert (hooks.implemented("known"), hooks.implemented("other")) == (True, False)
    assert str(hooks.error("known", KeyError(1))) == "known: 1"
