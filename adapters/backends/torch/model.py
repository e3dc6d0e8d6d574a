"""A loaded checkpoint of the SD1.x shape: tokenizer, text encoder, UNet, VAE and its noise schedule."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adapters.backends.torch.tiling import make_tileable
from core.domain.errors import ModelError
from core.domain.model import ModelRef
from core.sampling.model_sigmas import ModelSigmas, linspace
from core.sampling.scalings import PredictionType

log = logging.getLogger("serena.torch")

INPAINT_CHANNELS = 9
EDIT_CHANNELS = 8
PIPELINES = {
    "StableDiffusionPipeline": (4,),
    "StableDiffusionInpaintPipeline": (4, INPAINT_CHANNELS),
    "StableDiffusionInstructPix2PixPipeline": (EDIT_CHANNELS,),
}
"""The kinds of folders that are read, and the input channels of their UNets."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything is in eval mode, on its device, without gradients."""

    ref: ModelRef
    tokenizer: Any
    text_encoder: Any
    unet: Any
    vae: Any
    sigmas: ModelSigmas
    prediction: PredictionType
    device: torch.device
    dtype: torch.dtype

    @property
    def latent_channels(self) -> int:
        return int(self.vae.config.latent_channels)

    @property
    def input_channels(self) -> int:
        """4; 9 of inpainting models, 8 of models that follow instructions."""
        return int(self.unet.config.in_channels)

    @property
    def vae_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.vae.parameters())


def load_model(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    """Read a diffusers folder. Nothing is fetched, no pickle is opened. Raises :class:`ModelError`."""
    folder = Path(ref.location)
    try:
        return _load(ref, folder, device, dtype)
    except ModelError:
        raise
    except Exception as error:
        # The libraries raise whatever comes to hand for a broken folder; the caller needs one sentence.
        text = " ".join(str(error).split())[:300]
        raise ModelError(
            f"model {ref.identity.name!r} cannot be loaded: {type(error).__name__}: {text}"
        ) from error


def _load(ref: ModelRef, folder: Path, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    quiet_libraries()
    kind = _pipeline(folder)
    parts = {
        name: cls.from_pretrained(
            folder / name, torch_dtype=dtype, local_files_only=True, use_safetensors=True
        )
        .to(device)
        .eval()
        .requires_grad_(False)
        for name, cls in (
            ("unet", UNet2DConditionModel),
            ("vae", AutoencoderKL),
            ("text_encoder", CLIPTextModel),
        )
    }
    channels = int(parts["unet"].config.in_channels)
    if channels not in PIPELINES[kind]:
        raise ModelError(f"{folder.name}/unet has {channels} input channels; a {kind} has {PIPELINES[kind]}")
    make_tileable(parts["unet"])
    make_tileable(parts["vae"])
    scheduler = _read_json(folder / "scheduler" / "scheduler_config.json")
    return LoadedModel(
        ref=ref,
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        sigmas=_sigmas(scheduler),
        prediction=PredictionType(scheduler.get("prediction_type", "epsilon")),
        device=device,
        dtype=dtype,
        **parts,
    )


def quiet_libraries() -> None:
    """Their progress bars and hints would mix with ours; errors still come as exceptions."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _pipeline(folder: Path) -> str:
    kind = str(_read_json(folder / "model_index.json").get("_class_name"))
    if kind not in PIPELINES:
        raise ModelError(f"{folder.name} is a {kind}; this backend draws with {', '.join(PIPELINES)} folders")
    return kind


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent.name}/{path.name} is missing") from None
    except ValueError:
        raise ModelError(f"{path.parent.name}/{path.name} is no JSON") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path.parent.name}/{path.name} is no JSON object")
    return value


def _sigmas(scheduler: dict[str, Any]) -> ModelSigmas:
    start, end = float(scheduler.get("beta_start", 0.00085)), float(scheduler.get("beta_end", 0.012))
    count = int(scheduler.get("num_train_timesteps", 1000))
    kind = scheduler.get("beta_schedule", "scaled_linear")
    if kind == "scaled_linear":
        return ModelSigmas.scaled_linear(start, end, count)
    if kind == "linear":
        return ModelSigmas.from_betas(linspace(start, end, count))
    raise ModelError(f"the beta schedule {kind!r} is not known; scaled_linear and linear are")
