"""The torch backend: latent-diffusion models of diffusers, sampled by ``core.sampling``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from adapters.backends.spec import BackendSpec
from adapters.backends.torch.hooks import specs as hookspecs

if TYPE_CHECKING:
    from adapters.backends.spec import ShippedHooks
    from adapters.settings import Settings
    from core.ports.driven import ImageBackend

MIB = 1024 * 1024
PACKAGES = ("torch", "diffusers", "transformers", "safetensors")


def _create(settings: Settings, hooks: ShippedHooks | None = None) -> ImageBackend:
    from adapters.backends.torch.lazy import LazyTorchBackend
    from adapters.backends.torch.places import ModelPlaces

    memory, warm = settings.models.memory_mb, settings.models.warm_mb
    places = ModelPlaces(
        settings.models_dir,
        memory * MIB if memory else None,
        settings.data_dir.absolute() / "cache" / "compiled",
        warm * MIB if warm else None,
    )
    return LazyTorchBackend(settings.backend, places, hooks)


def _unavailable() -> str | None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


spec = BackendSpec(
    name="torch",
    create=_create,
    unavailable=_unavailable,
    extra="torch",
    hookspecs=hookspecs,
    create_hooked=_create,
)
