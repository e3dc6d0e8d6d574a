"""A flow model's drawing twice: with Serena's loop, and with diffusers' pipeline on the same weights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.conditioning import Beside, Padding, condition
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.batcher import Member, StepBatcher
from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.cost import cost_meter
from adapters.backends.torch.families.sizes import size_numbers
from adapters.backends.torch.flow.prompts import prompts_of
from adapters.backends.torch.flow.transformers import packed, unpacked
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import unet_network
from adapters.backends.torch.noise import BatchNoise, NoiseSpec
from adapters.backends.torch.ops import TorchOps
from adapters.backends.torch.text import TextOptions
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.prompt.emphasis import Emphasis
from core.prompt.schedule import Timeline
from core.sampling.passes import SamplingPlan, plan_sigmas, sample_from_noise
from core.sampling.registry import resolve
from core.sampling.scalings import model_scaling
from tests.unit.adapters.backends.torch.rig import CPU, Watch, guidance

SIDE = 64
CELLS = SIDE // 8
STEPS = 2
SCALE = 5.0
TOLD_GUIDANCE = 3.5
SEED = 11
PROMPT = "the red cat"


def plan() -> SamplingPlan:
    resolved = resolve("Euler", "Automatic")
    return SamplingPlan(resolved.sampler, resolved.scheduler, STEPS)


@contextmanager
def asking() -> Iterator[Member]:
    """A run that takes part alone."""
    batcher = StepBatcher(time.monotonic, Admission(16), Buckets(()), cost_meter(CPU))
    with batcher.join("test", 2, lambda: None, alone=True) as member:
        yield member


def noise(model: LoadedModel) -> BatchNoise:
    spec = NoiseSpec(
        seeds=(SEED,),
        subseeds=(0,),
        subseed_strength=0.0,
        shape=(model.latent_channels, CELLS, CELLS),
        source="CPU",
        device=CPU,
    )
    return BatchNoise(spec, None)


def ours(model: LoadedModel, negative: str, prompt: str = PROMPT, t5: bool = True) -> Tensor:
    """The latent of Serena's loop, guided by a negative prompt unless that is empty."""
    options, family = OptionRegistry(OPTIONS).values({}), model.family
    images = condition(
        [prompt],
        [negative],
        Timeline(STEPS, None, False),
        prompts_of(model),
        TextOptions(Emphasis.NONE, 1, 20, t5=t5),
        Padding.NONE,
        Beside(size_numbers(family.sizes, SIDE, SIDE, options), counted=family.counts_tokens),
    )
    assert family.flow is not None
    told = guidance(SCALE, unguided=not negative, renormed=family.flow.renormed)
    table, drawn_from = model.table(CELLS, CELLS, STEPS), noise(model)
    with asking() as member, torch.inference_mode():
        denoiser = GuidedDenoiser(
            network=unet_network(model, member),
            scaling=model_scaling(plan().sampler, table, model.prediction),
            images=images,
            guidance=told,
            watch=Watch(),
        )
        drawn: Tensor = sample_from_noise(
            plan(), table, denoiser, drawn_from.first(), drawn_from, lambda index: None, TorchOps()
        )
    return drawn


def theirs(model: LoadedModel, folder: Path, negative: str, t5: bool = True) -> Tensor:
    """The latent of the pipeline that the folder names."""
    import diffusers

    kind = json.loads((folder / "model_index.json").read_text())["_class_name"]
    more: dict[str, Any] = {} if t5 else {"text_encoder_3": None, "tokenizer_3": None}
    pipeline: Any = getattr(diffusers, kind).from_pretrained(folder, torch_dtype=torch.float32, **more)
    pipeline.set_progress_bar_config(disable=True)
    given = noise(model).first()
    asked = {
        "StableDiffusion3Pipeline": _sd3,
        "FluxPipeline": _flux,
        "QwenImagePipeline": _true_guidance,
        "ZImagePipeline": _z_image,
        "Flux2KleinPipeline": _klein,
    }[kind](pipeline, model, negative)
    if kind == "StableDiffusion3Pipeline" and not t5:
        asked["max_sequence_length"] = 77
    packs = kind in ("FluxPipeline", "QwenImagePipeline")
    if kind == "Flux2KleinPipeline":
        patches = packed(given).permute(0, 2, 1).reshape(1, -1, CELLS // 2, CELLS // 2)
        raw: Tensor = pipeline(
            prompt=PROMPT, height=SIDE, width=SIDE, num_inference_steps=STEPS, output_type="latent",
            latents=patches, **asked,
        ).images  # fmt: skip
        normal: Tensor = model.vae.normal(raw)
        return normal
    answer = pipeline(
        PROMPT, height=SIDE, width=SIDE, num_inference_steps=STEPS, output_type="latent",
        latents=packed(given) if packs else given, **asked,
    )  # fmt: skip
    found: Tensor = answer.images
    return unpacked(found, CELLS, CELLS) if packs else found


def _sd3(pipeline: Any, model: LoadedModel, negative: str) -> dict[str, Any]:
    """The levels are the reference's, and not those that diffusers would make of its configuration."""
    pipeline.scheduler = type(pipeline.scheduler)(shift=1.0)
    levels = plan_sigmas(plan(), model.table(CELLS, CELLS, STEPS))[:-1]
    scale = SCALE if negative else 1.0
    return {"guidance_scale": scale, "negative_prompt": negative or None, "sigmas": levels}


def _flux(pipeline: Any, model: LoadedModel, negative: str) -> dict[str, Any]:
    assert model.family.flow is not None
    own = {"guidance_scale": TOLD_GUIDANCE, "max_sequence_length": model.family.flow.long.tokens}
    return own | _true_guidance(pipeline, model, negative)


def _true_guidance(pipeline: Any, model: LoadedModel, negative: str) -> dict[str, Any]:
    return {"true_cfg_scale": SCALE, "negative_prompt": negative} if negative else {}


def _klein(pipeline: Any, model: LoadedModel, negative: str) -> dict[str, Any]:
    """It knows no negative prompt but the empty one, and takes its encoding."""
    if not negative:
        return {"guidance_scale": 1.0}
    encoded, _ = pipeline.encode_prompt(negative)
    return {"guidance_scale": SCALE, "negative_prompt_embeds": encoded}


def _z_image(pipeline: Any, model: LoadedModel, negative: str) -> dict[str, Any]:
    """Its scale counts from the guided prediction."""
    return {"guidance_scale": SCALE - 1.0 if negative else 0.0, "negative_prompt": negative or None}
