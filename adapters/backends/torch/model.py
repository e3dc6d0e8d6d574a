"""A loaded checkpoint: tokenizers, text encoders, UNet, VAE and its noise schedule."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.families.files import read_file
from adapters.backends.torch.families.flow_kinds import FlowKind
from adapters.backends.torch.families.folders import read_folder
from adapters.backends.torch.families.kinds import FAMILIES, EncoderKind, FamilyKind
from adapters.backends.torch.families.parts import Parts
from adapters.backends.torch.families.state import kept_apart
from adapters.backends.torch.importing import IMPORTING
from adapters.backends.torch.precision import WideCopies
from adapters.backends.torch.speed.decoding import DecodeStream
from adapters.backends.torch.speed.passes import PLAIN, Passes
from adapters.backends.torch.tiling import make_tileable
from core.domain.errors import ModelError
from core.domain.families import SD1
from core.domain.model import ModelRef
from core.sampling.flow import FlowShift
from core.sampling.model_sigmas import TRAINING_STEPS, ModelSigmas, linspace
from core.sampling.scalings import PredictionType
from core.sampling.spacing import Spacing

log = logging.getLogger("serena.torch")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything is in eval mode, on its device, without gradients.

    :ivar unet: what denoises; of a flow model, its transformer.
    :ivar text_encoder: None of a refiner, which has only the second.
    :ivar long: the tokenizer and the network that read long texts; None: it has none.
    :ivar shift: how a flow model's noise levels follow from the size of the picture; None: it is none.
    :ivar wide: its VAE in wider number formats.
    :ivar lane: the VAE is asked through it, beside the step loop, so that runs do not crowd the device.
    :ivar text_lane: the text encoders are asked through it.
    :ivar passes: how its UNet is run. :ivar decode_stream: where its VAE decodes; None: where the UNet runs.
    :ivar pinned: what is made on the host for it goes to its device by way of pinned memory.
    :ivar fp8: the weights of the UNet are quantised, so that nothing can be laid over them.
    """

    ref: ModelRef
    tokenizer: Any
    text_encoder: Any
    unet: Any
    vae: Any
    sigmas: ModelSigmas
    prediction: PredictionType
    device: torch.device
    dtype: torch.dtype
    tokenizer_2: Any = None
    text_encoder_2: Any = None
    family: FamilyKind = FAMILIES[SD1]
    wide: WideCopies = field(default_factory=WideCopies)
    lane: Lane = field(default_factory=lambda: Lane(time.monotonic))
    text_lane: Lane = field(default_factory=lambda: Lane(time.monotonic))
    passes: Passes = PLAIN
    decode_stream: DecodeStream | None = None
    pinned: bool = False
    fp8: bool = False
    long: tuple[Any, Any] | None = None
    shift: FlowShift | None = None

    @property
    def latent_channels(self) -> int:
        return int(self.vae.config.latent_channels)

    @property
    def input_channels(self) -> int:
        """4; 9 of inpainting models, 8 of models that follow instructions. A flow model is shown its latents
        alone."""
        if self.family.flow is not None:
            return self.latent_channels
        return int(self.unet.config.in_channels)

    @property
    def guidance_width(self) -> int | None:
        """Of a UNet that is told the guidance scale: how many numbers say it. It is never asked without a
        prompt then."""
        return getattr(self.unet.config, "time_cond_proj_dim", None)

    @property
    def encoders(self) -> list[tuple[EncoderKind, Any, Any]]:
        """What each text encoder is, its tokenizer and its network."""
        return [(one, getattr(self, one.tokenizer), getattr(self, one.part)) for one in self.family.encoders]

    @property
    def weight_bytes(self) -> int:
        """What its weights take."""
        long = None if self.long is None else self.long[1]
        networks = (self.unet, self.vae, self.text_encoder, self.text_encoder_2, long)
        weights = (x for network in networks if network is not None for x in network.parameters())
        return sum(x.numel() * x.element_size() for x in weights)

    @property
    def vae_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.vae.parameters())

    def table(self, rows: int, columns: int, steps: int) -> ModelSigmas:
        """Its noise levels for latents of that size."""
        if self.shift is None:
            return self.sigmas
        return self.shift.table(-(-rows // 2) * -(-columns // 2), steps)


def load_model(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    """Read a diffusers folder or a single file. Nothing is fetched, no pickle is opened. Raises
    :class:`ModelError`."""
    path = Path(ref.location)
    try:
        quiet_libraries()
        parts = read_folder(path, dtype) if path.is_dir() else read_file(path, ref.prediction, dtype)
        return _assembled(ref, parts, device, dtype)
    except ModelError as error:
        if ref.identity.name in str(error) or path.is_dir():
            raise
        raise ModelError(f"model {ref.identity.name!r} cannot be loaded: {error}") from None
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        # The libraries raise whatever comes to hand for a broken checkpoint; the caller needs one sentence.
        text = " ".join(str(error).split())[:300]
        raise ModelError(
            f"model {ref.identity.name!r} cannot be loaded: {type(error).__name__}: {text}"
        ) from error


def _assembled(ref: ModelRef, parts: Parts, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    networks = {
        name: kept_apart(network, device).eval().requires_grad_(False)
        for name, network in parts.networks.items()
    }
    make_tileable(networks["unet"])
    make_tileable(networks["vae"])
    if (flow := parts.family.flow) is not None:
        return _flow_model(ref, parts, flow, networks, device)
    return LoadedModel(
        ref=ref,
        tokenizer=parts.tokenizers.get("tokenizer"),
        tokenizer_2=parts.tokenizers.get("tokenizer_2"),
        text_encoder=networks.get("text_encoder"),
        text_encoder_2=networks.get("text_encoder_2"),
        unet=networks["unet"],
        vae=networks["vae"],
        sigmas=_sigmas(parts.scheduler),
        prediction=PredictionType(parts.scheduler.get("prediction_type", "epsilon")),
        device=device,
        dtype=dtype,
        family=parts.family,
    )


def _flow_model(
    ref: ModelRef, parts: Parts, flow: FlowKind, networks: Mapping[str, Any], device: torch.device
) -> LoadedModel:
    clips = {one.part: networks[one.part] for one in parts.family.encoders}
    words = {one.tokenizer: parts.tokenizers[one.tokenizer] for one in parts.family.encoders}
    reader = networks.get(flow.long.part)
    shift = FlowShift.of(parts.scheduler, trailing=flow.trailing, by_steps=flow.by_steps)
    return LoadedModel(
        ref=ref,
        tokenizer=words.get("tokenizer"),
        tokenizer_2=words.get("tokenizer_2"),
        text_encoder=clips.get("text_encoder"),
        text_encoder_2=clips.get("text_encoder_2"),
        unet=networks["unet"],
        vae=networks["vae"],
        sigmas=shift.table(shift.most[0], TRAINING_STEPS),
        prediction=PredictionType.FLOW,
        device=device,
        dtype=next(networks["unet"].parameters()).dtype,
        family=parts.family,
        long=None if reader is None else (parts.tokenizers[flow.long.tokenizer], reader),
        shift=shift,
    )


def quiet_libraries() -> None:
    """Their progress bars and hints would mix with ours; errors still come as exceptions."""
    with IMPORTING:
        from diffusers.utils import logging as diffusers_logging
        from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _sigmas(scheduler: Mapping[str, Any]) -> ModelSigmas:
    start, end = float(scheduler.get("beta_start", 0.00085)), float(scheduler.get("beta_end", 0.012))
    count = int(scheduler.get("num_train_timesteps", 1000))
    kind = scheduler.get("beta_schedule", "scaled_linear")
    if kind == "scaled_linear":
        table = ModelSigmas.scaled_linear(start, end, count)
    elif kind == "linear":
        table = ModelSigmas.from_betas(linspace(start, end, count))
    else:
        raise ModelError(f"the beta schedule {kind!r} is not known; scaled_linear and linear are")
    table = replace(table, spacing=_spacing(scheduler))
    return table.zero_terminal_snr() if scheduler.get("rescale_betas_zero_snr") else table


def _spacing(scheduler: Mapping[str, Any]) -> Spacing:
    """Only distilled models have their own: with those of others, pictures would not be the reference's."""
    if scheduler.get("_class_name") == "LCMScheduler":
        return Spacing.CONSISTENCY
    return Spacing.TRAILING if scheduler.get("timestep_spacing") == "trailing" else Spacing.UNIFORM
