"""The models that are installed: checkpoints, upscalers, networks for faces."""

from __future__ import annotations

from adapters.backends.spec import BackendSpec
from adapters.backends.torch.faces import (
    NetworkFaceRestorers,
    face_reader,
    missing_for_faces,
    opencv_finder,
)
from adapters.backends.torch.upscalers import NetworkUpscalers, missing_packages, spandrel_reader
from adapters.images.upscalers import PillowUpscalers
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.face_files import FaceFiles
from adapters.models.upscaler_files import UpscalerFiles
from adapters.settings import Settings
from core.ports.driven import FaceRestorers, ModelCatalog, Upscalers
from core.services.upscaling import UpscalerChain

HASH_CACHE = "cache/hashes.json"


def make_catalog(spec: BackendSpec, settings: Settings) -> ModelCatalog:
    if spec.own_models is not None:
        return FakeModelCatalog(spec.own_models)
    cache = settings.data_dir / HASH_CACHE
    return DiskModelCatalog(settings.models_dir, builtin=settings.models.builtin, cache=cache)


def make_upscalers(settings: Settings) -> Upscalers:
    networks = NetworkUpscalers(
        UpscalerFiles(settings.models_dir),
        spandrel_reader(settings.backend.device),
        missing_packages,
        settings.limits.max_pixels,
    )
    return UpscalerChain(PillowUpscalers(), networks)


def make_faces(settings: Settings) -> FaceRestorers:
    reader = face_reader(settings.backend.device)
    return NetworkFaceRestorers(FaceFiles(settings.models_dir), reader, opencv_finder, missing_for_faces)
