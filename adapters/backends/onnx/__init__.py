"""The ONNX backend: exported latent-diffusion models, sampled by ``core.sampling`` on numpy arrays."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from adapters.backends.spec import BackendSpec

if TYPE_CHECKING:
    from adapters.settings import Settings
    from core.ports.driven import ImageBackend

PACKAGES = ("onnxruntime", "tokenizers")


def _create(settings: Settings) -> ImageBackend:
    from adapters.backends.onnx.backend import OnnxBackend

    return OnnxBackend(settings.backend, settings.models_dir)


def _unavailable() -> str | None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


spec = BackendSpec(name="onnx", create=_create, unavailable=_unavailable, extra="onnx")
