"""The torch backend: latent-diffusion models of diffusers, sampled by ``core.sampling``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from adapters.backends.spec import BackendSpec

if TYPE_CHECKING:
    from adapters.settings import Settings
    from core.ports.driven import ImageBackend

MIB = 1024 * 1024
PACKAGES = ("torch", "diffusers", "transformers", "safetensors")


def _create(settings: Settings) -> ImageBackend:
    from adapters.backends.torch.lazy import LazyTorchBackend
    from adapters.backends.torch.places import ModelPlaces

    memory = settings.models.memory_mb
    places = ModelPlaces(settings.models_dir, settings.embeddings_dir, memory * MIB if memory else None)
    return LazyTorchBackend(settings.backend, places)


def _unavailable() -> str | None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


spec = BackendSpec(name="torch", create=_create, unavailable=_unavailable, extra="torch")
