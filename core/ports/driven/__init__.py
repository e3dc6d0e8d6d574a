"""What the core calls. Adapters need not import this to conform; both type checkers compare by structure."""

from core.ports.driven.backend import BackendInfo, ImageBackend, ModelHost, RunWatch
from core.ports.driven.catalog import ModelCatalog
from core.ports.driven.clock import Clock
from core.ports.driven.files import OptionStore, ResourceFiles, StyleLibrary
from core.ports.driven.hooks import RunHooks, RunScript
from core.ports.driven.images import NO_TEXTS, BlobStore, ImageCodec, ImageStore, StoredImage
from core.ports.driven.jobs import NO_LIMITS, JobStore, Processes, QueueLimits, Retention, Webhooks
from core.ports.driven.pictures import FaceRestorers, ImageEditor, Interrogators, Upscalers

__all__ = [
    "NO_LIMITS",
    "NO_TEXTS",
    "BackendInfo",
    "BlobStore",
    "Clock",
    "FaceRestorers",
    "ImageBackend",
    "ImageCodec",
    "ImageEditor",
    "ImageStore",
    "Interrogators",
    "JobStore",
    "ModelCatalog",
    "ModelHost",
    "OptionStore",
    "Processes",
    "QueueLimits",
    "ResourceFiles",
    "Retention",
    "RunHooks",
    "RunScript",
    "RunWatch",
    "StoredImage",
    "StyleLibrary",
    "Upscalers",
    "Webhooks",
]
