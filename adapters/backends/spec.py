"""What a backend's entry point holds: cheap to import, and the factory behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.settings import Settings
from core.domain.model import ModelRef
from core.ports.driven import ImageBackend


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend that may be configured. Importing the module that holds it must not import torch.

    :ivar unavailable: why it cannot be used here, or None when it can.
    :ivar extra: the extra of this package to install for it, if any.
    :ivar own_models: the only models it draws with; None for those on disk.
    """

    name: str
    create: Callable[[Settings], ImageBackend]
    unavailable: Callable[[], str | None]
    extra: str | None = None
    own_models: tuple[ModelRef, ...] | None = None
