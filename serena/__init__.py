"""Serena: prompts become pictures.

This is all that a script or a plugin imports. Names load on first use, so that ``import serena`` is quick and
needs no torch. Inside the tree nobody imports ``serena``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.backends.torch.hook_drafts import TorchBlendDraft as TorchBlendDraft
    from adapters.backends.torch.hook_drafts import TorchGuidedDraft as TorchGuidedDraft
    from adapters.backends.torch.hook_drafts import TorchMoment as TorchMoment
    from adapters.backends.torch.hook_drafts import TorchNoiseDraft as TorchNoiseDraft
    from adapters.backends.torch.hook_drafts import TorchPass as TorchPass
    from adapters.backends.torch.hook_drafts import TorchPassDraft as TorchPassDraft
    from adapters.backends.torch.hook_drafts import TorchPredictedDraft as TorchPredictedDraft
    from adapters.backends.torch.hook_drafts import TorchResiduals as TorchResiduals
    from adapters.backends.torch.hook_drafts import TorchRowsDraft as TorchRowsDraft
    from adapters.backends.torch.hook_drafts import TorchSampledDraft as TorchSampledDraft
    from adapters.backends.torch.hook_drafts import TorchTextDraft as TorchTextDraft
    from adapters.backends.torch.hook_drafts import TorchWord as TorchWord
    from adapters.settings import Settings as Settings
    from adapters.settings import load_settings as load_settings
    from core.domain.errors import BackendError as BackendError
    from core.domain.errors import ExpiredJob as ExpiredJob
    from core.domain.errors import InitImageMissing as InitImageMissing
    from core.domain.errors import Interrupted as Interrupted
    from core.domain.errors import InvalidImage as InvalidImage
    from core.domain.errors import InvalidRequest as InvalidRequest
    from core.domain.errors import InvalidValue as InvalidValue
    from core.domain.errors import JobConflict as JobConflict
    from core.domain.errors import KeyReused as KeyReused
    from core.domain.errors import LeaseLost as LeaseLost
    from core.domain.errors import MissingWeights as MissingWeights
    from core.domain.errors import ModelError as ModelError
    from core.domain.errors import NotKept as NotKept
    from core.domain.errors import NotReady as NotReady
    from core.domain.errors import NoWorker as NoWorker
    from core.domain.errors import PluginError as PluginError
    from core.domain.errors import QueueFull as QueueFull
    from core.domain.errors import QueueTooLarge as QueueTooLarge
    from core.domain.errors import SerenaError as SerenaError
    from core.domain.errors import SettingsError as SettingsError
    from core.domain.errors import StorageError as StorageError
    from core.domain.errors import UnknownBackend as UnknownBackend
    from core.domain.errors import UnknownJob as UnknownJob
    from core.domain.errors import UnknownModel as UnknownModel
    from core.domain.errors import UnknownOption as UnknownOption
    from core.domain.errors import UnknownSampler as UnknownSampler
    from core.domain.errors import UnknownScheduler as UnknownScheduler
    from core.domain.errors import UnknownScript as UnknownScript
    from core.domain.errors import UnusableName as UnusableName
    from core.domain.errors import WorkerDied as WorkerDied
    from core.domain.image import BlobRef as BlobRef
    from core.domain.image import RasterImage as RasterImage
    from core.domain.request import GenerationRequest as GenerationRequest
    from core.domain.request import HiresParams as HiresParams
    from core.domain.request import InitParams as InitParams
    from core.domain.request import Kind as Kind
    from core.domain.request import MaskedContent as MaskedContent
    from core.domain.request import ResizeMode as ResizeMode
    from core.domain.resources import LoraChoice as LoraChoice
    from core.domain.resources import ScriptArg as ScriptArg
    from core.domain.result import GenerationResult as GenerationResult
    from core.domain.result import Outcome as Outcome
    from core.domain.result import ResultImage as ResultImage
    from core.domain.result import RunReceipt as RunReceipt
    from core.domain.scripts import Script as Script
    from core.domain.styles import Style as Style
    from core.drafts import BatchDraft as BatchDraft
    from core.drafts import Draw as Draw
    from core.drafts import DrawnImage as DrawnImage
    from core.drafts import GridDraft as GridDraft
    from core.drafts import ImageDraft as ImageDraft
    from core.drafts import PicturesDraft as PicturesDraft
    from core.drafts import RequestDraft as RequestDraft
    from core.drafts import ResultDraft as ResultDraft
    from core.drafts import SavedPicture as SavedPicture
    from core.drafts import SaveDraft as SaveDraft
    from core.drafts import ScriptResult as ScriptResult
    from core.drafts import Sheet as Sheet
    from plugins.hookspecs import AppInfo as AppInfo
    from plugins.hookspecs import hookimpl as hookimpl
    from plugins.hookspecs import hookspec as hookspec
    from plugins.scripts import ScriptRegister as ScriptRegister
    from plugins.settings import SettingsRegister as SettingsRegister
    from serena.api import Pictures as Pictures
    from serena.api import Serena as Serena

_ERRORS = "core.domain.errors"
_HOME = {
    "AppInfo": "plugins.hookspecs",
    "BackendError": _ERRORS,
    "BatchDraft": "core.drafts",
    "BlobRef": "core.domain.image",
    "Draw": "core.drafts",
    "DrawnImage": "core.drafts",
    "ExpiredJob": _ERRORS,
    "GenerationRequest": "core.domain.request",
    "GenerationResult": "core.domain.result",
    "GridDraft": "core.drafts",
    "HiresParams": "core.domain.request",
    "ImageDraft": "core.drafts",
    "InitImageMissing": _ERRORS,
    "InitParams": "core.domain.request",
    "Interrupted": _ERRORS,
    "InvalidImage": _ERRORS,
    "InvalidRequest": _ERRORS,
    "InvalidValue": _ERRORS,
    "JobConflict": _ERRORS,
    "KeyReused": _ERRORS,
    "Kind": "core.domain.request",
    "LeaseLost": _ERRORS,
    "LoraChoice": "core.domain.resources",
    "MaskedContent": "core.domain.request",
    "MissingWeights": _ERRORS,
    "ModelError": _ERRORS,
    "NoWorker": _ERRORS,
    "NotKept": _ERRORS,
    "NotReady": _ERRORS,
    "Outcome": "core.domain.result",
    "Pictures": "serena.api",
    "PicturesDraft": "core.drafts",
    "PluginError": _ERRORS,
    "QueueFull": _ERRORS,
    "QueueTooLarge": _ERRORS,
    "RasterImage": "core.domain.image",
    "RequestDraft": "core.drafts",
    "ResizeMode": "core.domain.request",
    "ResultDraft": "core.drafts",
    "ResultImage": "core.domain.result",
    "RunReceipt": "core.domain.result",
    "SaveDraft": "core.drafts",
    "SavedPicture": "core.drafts",
    "Script": "core.domain.scripts",
    "ScriptArg": "core.domain.resources",
    "ScriptRegister": "plugins.scripts",
    "ScriptResult": "core.drafts",
    "Serena": "serena.api",
    "SerenaError": _ERRORS,
    "Settings": "adapters.settings",
    "SettingsError": _ERRORS,
    "SettingsRegister": "plugins.settings",
    "Sheet": "core.drafts",
    "StorageError": _ERRORS,
    "Style": "core.domain.styles",
    "TorchBlendDraft": "adapters.backends.torch.hook_drafts",
    "TorchGuidedDraft": "adapters.backends.torch.hook_drafts",
    "TorchMoment": "adapters.backends.torch.hook_drafts",
    "TorchNoiseDraft": "adapters.backends.torch.hook_drafts",
    "TorchPass": "adapters.backends.torch.hook_drafts",
    "TorchPassDraft": "adapters.backends.torch.hook_drafts",
    "TorchPredictedDraft": "adapters.backends.torch.hook_drafts",
    "TorchResiduals": "adapters.backends.torch.hook_drafts",
    "TorchRowsDraft": "adapters.backends.torch.hook_drafts",
    "TorchSampledDraft": "adapters.backends.torch.hook_drafts",
    "TorchTextDraft": "adapters.backends.torch.hook_drafts",
    "TorchWord": "adapters.backends.torch.hook_drafts",
    "UnknownBackend": _ERRORS,
    "UnknownJob": _ERRORS,
    "UnknownModel": _ERRORS,
    "UnknownOption": _ERRORS,
    "UnknownSampler": _ERRORS,
    "UnknownScheduler": _ERRORS,
    "UnknownScript": _ERRORS,
    "UnusableName": _ERRORS,
    "WorkerDied": _ERRORS,
    "hookimpl": "plugins.hookspecs",
    "hookspec": "plugins.hookspecs",
    "load_settings": "adapters.settings",
}
"""Where each public name lives."""

__all__ = [
    "AppInfo",
    "BackendError",
    "BatchDraft",
    "BlobRef",
    "Draw",
    "DrawnImage",
    "ExpiredJob",
    "GenerationRequest",
    "GenerationResult",
    "GridDraft",
    "HiresParams",
    "ImageDraft",
    "InitImageMissing",
    "InitParams",
    "Interrupted",
    "InvalidImage",
    "InvalidRequest",
    "InvalidValue",
    "JobConflict",
    "KeyReused",
    "Kind",
    "LeaseLost",
    "LoraChoice",
    "MaskedContent",
    "MissingWeights",
    "ModelError",
    "NoWorker",
    "NotKept",
    "NotReady",
    "Outcome",
    "Pictures",
    "PicturesDraft",
    "PluginError",
    "QueueFull",
    "QueueTooLarge",
    "RasterImage",
    "RequestDraft",
    "ResizeMode",
    "ResultDraft",
    "ResultImage",
    "RunReceipt",
    "SaveDraft",
    "SavedPicture",
    "Script",
    "ScriptArg",
    "ScriptRegister",
    "ScriptResult",
    "Serena",
    "SerenaError",
    "Settings",
    "SettingsError",
    "SettingsRegister",
    "Sheet",
    "StorageError",
    "Style",
    "TorchBlendDraft",
    "TorchGuidedDraft",
    "TorchMoment",
    "TorchNoiseDraft",
    "TorchPass",
    "TorchPassDraft",
    "TorchPredictedDraft",
    "TorchResiduals",
    "TorchRowsDraft",
    "TorchSampledDraft",
    "TorchTextDraft",
    "TorchWord",
    "UnknownBackend",
    "UnknownJob",
    "UnknownModel",
    "UnknownOption",
    "UnknownSampler",
    "UnknownScheduler",
    "UnknownScript",
    "UnusableName",
    "WorkerDied",
    "hookimpl",
    "hookspec",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'serena' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
