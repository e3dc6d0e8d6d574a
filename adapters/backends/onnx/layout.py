"""Where exported networks lie, and the file that says what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.errors import InvalidValue, ModelError
from core.domain.model import ModelRef
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.scalings import PredictionType

FORMAT = 1
FOLDER = "ONNX"
DESCRIPTION = "export.json"
NETWORKS = ("text_encoder", "unet", "vae_encoder", "vae_decoder")


@dataclass(frozen=True, slots=True)
class Export:
    """What ``export.json`` says.

    :ivar latent_scale: a latent is the encoder's answer, less ``latent_shift``, times this.
    """

    folder: Path
    sigmas: ModelSigmas
    prediction: PredictionType
    latent_channels: int
    latent_scale: float
    latent_shift: float
    bos: int
    eos: int
    comma: int | None


def folder_of(models: Path, ref: ModelRef) -> Path:
    """By the checkpoint's content: another file of the same name is another export."""
    return models / FOLDER / ref.identity.short_hash


def read_export(models: Path, ref: ModelRef) -> Export:
    """Raises ``ModelError`` where there is none, or one that does not belong to the checkpoint."""
    folder = folder_of(models, ref)
    try:
        told = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        missing = [name for name in NETWORKS if not (folder / f"{name}.onnx").is_file()]
    except FileNotFoundError:
        raise ModelError(
            f"{ref.identity.title} is not exported for the ONNX backend: there is no {folder / DESCRIPTION}; "
            f"make it with scripts/dev/export_onnx.py --models-dir {models} '{ref.identity.name}'"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / DESCRIPTION} cannot be read: {error}") from error
    if missing:
        raise ModelError(f"{folder} has no {missing[0]}.onnx; export the checkpoint anew")
    return _checked(folder, told, ref)


def _checked(folder: Path, told: Any, ref: ModelRef) -> Export:
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ModelError(f"{folder / DESCRIPTION} is not of format {FORMAT}; export the checkpoint anew")
    if told.get("sha256") != ref.identity.sha256:
        raise ModelError(f"{folder} is the export of another checkpoint than {ref.identity.title}")
    try:
        return Export(
            folder=folder,
            sigmas=ModelSigmas.from_alphas_cumprod(told["alphas_cumprod"]),
            prediction=PredictionType(told["prediction"]),
            comma=told["comma"],
            **{name: kind(told[name]) for name, kind in _NUMBERS.items()},
        )
    except (KeyError, TypeError, ValueError, InvalidValue) as error:
        raise ModelError(
            f"{folder / DESCRIPTION} is broken: {type(error).__name__}: {error}; export the checkpoint anew"
        ) from error


_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "latent_channels": int,
    "latent_scale": float,
    "latent_shift": float,
    "bos": int,
    "eos": int,
}
