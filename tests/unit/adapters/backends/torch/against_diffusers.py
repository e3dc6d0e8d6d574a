"""The same drawing twice: with Serena's loop, and with the pipeline of diffusers on the same weights."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.conditioning import Beside, condition
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.batcher import StepBatcher
from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.cost import cost_meter
from adapters.backends.torch.families.sizes import size_numbers
from adapters.backends.torch.image_input import ImageInput
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import unet_network
from adapters.backends.torch.noise import BatchNoise, NoiseSpec
from adapters.backends.torch.ops import TorchOps
from adapters.backends.torch.text import PromptEncoder, TextOptions
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.prompt.emphasis import Emphasis
from core.prompt.schedule import Timeline
from core.sampling.passes import SamplingPlan, plan_sigmas, sample_from_noise
from core.sampling.registry import resolve
from core.sampling.scalings import model_scaling
from tests.unit.adapters.backends.torch.rig import CPU, Watch, guidance

SIDE = 64
STEPS = 2
SCALE = 5.0
SEED = 11
PROMPT = "the red cat"


def plan(sampler: str = "Euler", scheduler: str | None = "Karras", steps: int = STEPS) -> SamplingPlan:
    resolved = resolve(sampler, scheduler)
    return SamplingPlan(resolved.sampler, resolved.scheduler, steps)


def ours(
    model: LoadedModel,
    negative: str,
    *,
    one: SamplingPlan | None = None,
    scale: float = SCALE,
    picture: ImageInput | None = None,
) -> Tensor:
    """The latent of Serena's loop.

    :param picture: what the network sees beside the noise.
    """
    one = one or plan()
    options = OptionRegistry(OPTIONS).values({})
    encoder = PromptEncoder.of(model.encoders, CPU)
    numbers = size_numbers(model.family.sizes, SIDE, SIDE, options)
    images = condition(
        [PROMPT],
        [negative],
        Timeline(one.steps, None, False),
        encoder,
        TextOptions(Emphasis.NONE, 1, 20),
        beside=Beside(numbers, model.family.zero_negative),
    )
    spec = NoiseSpec(
        seeds=(SEED,), subseeds=(0,), subseed_strength=0.0, shape=(4, SIDE // 8, SIDE // 8), source="CPU",
        device=CPU, ensd=0, resize_from=None,
    )  # fmt: skip
    noise = BatchNoise(spec, None)
    batcher = StepBatcher(time.monotonic, Admission(16), Buckets(()), cost_meter(CPU))
    with batcher.join("test", 2, lambda: None, alone=True) as member, torch.inference_mode():
        denoiser = GuidedDenoiser(
            network=unet_network(model, member, scale=scale),
            scaling=model_scaling(one.sampler, model.sigmas, model.prediction),
            images=images,
            guidance=guidance(scale, unguided=model.guidance_width is not None),
            watch=Watch(),
            picture=picture,
        )
        drawn: Tensor = sample_from_noise(
            one, model.sigmas, denoiser, noise.first(), noise, lambda index: None, TorchOps()
        )
    return drawn


def theirs(folder: Path, negative: str | None) -> Tensor:
    """The latent of the pipeline that the folder names."""
    import diffusers

    kind = json.loads((folder / "model_index.json").read_text())["_class_name"]
    extra = {"safety_checker": None} if kind == "StableDiffusionPipeline" else {}
    pipeline: Any = getattr(diffusers, kind).from_pretrained(folder, torch_dtype=torch.float32, **extra)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="linspace"
    )
    table = sigmas_of(folder)
    generator = torch.Generator().manual_seed(SEED)
    latent = {"latents": torch.randn((1, 4, SIDE // 8, SIDE // 8), generator=generator)}
    if "Img2Img" in kind:
        # It draws the noise itself, from the same seed, and lays it over a latent of nothing.
        start = torch.zeros((1, 4, SIDE // 8, SIDE // 8))
        latent = {"image": start, "strength": 1.0, "generator": torch.Generator().manual_seed(SEED)}  # type: ignore[dict-item]
    else:
        latent |= {"height": SIDE, "width": SIDE}  # type: ignore[dict-item]
    answer = pipeline(
        PROMPT, negative_prompt=negative, sigmas=table, guidance_scale=SCALE, output_type="latent", **latent
    )
    found: Tensor = answer.images
    return found


def sigmas_of(folder: Path) -> list[float]:
    from adapters.backends.torch.model import load_model
    from tests.unit.adapters.backends.torch.rig import reference

    model = load_model(reference(folder), CPU, torch.float32)
    return plan_sigmas(plan(), model.sigmas)
