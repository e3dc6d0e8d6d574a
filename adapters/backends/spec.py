"""What a backend's entry point holds: cheap to import, and the factory behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from adapters.settings import Settings
from core.domain.model import ModelRef
from core.ports.driven import ImageBackend


class ShippedHooks(Protocol):
    """The hooks that a backend ships, as it calls them. Safe from several threads."""

    def implemented(self, name: str) -> bool:
        """Whether any plugin implements it. Ask once a run: then a hook that nobody implements costs
        nothing."""
        ...

    def call(self, name: str, **arguments: Any) -> None:
        """Raises ``PluginError``, or an error of Serena's tree that a plugin raised."""
        ...

    def error(self, name: str, error: Exception) -> Exception:
        """A ``PluginError`` for what the plugins left that implement ``name``, to be raised."""
        ...


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend that may be configured. Importing the module that holds it must not import torch.

    :ivar unavailable: why it cannot be used here, or None when it can.
    :ivar extra: the extra of this package to install for it, if any.
    :ivar own_models: the only models it draws with; None for those on disk.
    :ivar hookspecs: hooks that it ships beside those of every run, as a module of functions with
        ``hookspec``. A ``PREFIX`` in it is what all their names begin with.
    :ivar create_hooked: called instead of ``create`` where there are any, with what calls them.
    """

    name: str
    create: Callable[[Settings], ImageBackend]
    unavailable: Callable[[], str | None]
    extra: str | None = None
    own_models: tuple[ModelRef, ...] | None = None
    hookspecs: ModuleType | None = None
    create_hooked: Callable[[Settings, ShippedHooks], ImageBackend] | None = None
