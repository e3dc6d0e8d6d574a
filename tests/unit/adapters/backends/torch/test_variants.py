"""Variants of the families, drawn as diffusers' own pipelines draw them: models that see a picture, and
distilled ones with the schedules that they were taught."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from adapters.backends.torch.image_input import ImageInput, image_input
from adapters.backends.torch.latents import encode
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.models.catalog_disk import DiskModelCatalog
from core.domain.image import RasterImage
from core.prepared import InitPictures
from core.sampling.passes import plan_sigmas
from tests.unit.adapters.backends.torch.against_diffusers import PROMPT, SCALE, SEED, SIDE, ours, plan
from tests.unit.adapters.backends.torch.rig import CPU, half_mask, reference, smooth_picture, stub_folder
from tests.unit.adapters.backends.torch.test_families import CLOSE, PAGE

PICTURE_SCALE = 1.5
LATENT = (1, 4, SIDE // 8, SIDE // 8)
TRAILING: dict[str, Any] = {"timestep_spacing": "trailing", "prediction_type": "epsilon"}

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Variants in both layouts. Do not change them."""
    out = tmp_path_factory.mktemp("variants")
    for family in ("sd15-inpaint", "sd15-edit", "sd15-lcm"):
        stub_folder(out, family)
    for family, scheduler in (
        ("sd21", "EulerAncestralDiscreteScheduler"),
        ("sdxl", "EulerDiscreteScheduler"),
    ):
        scheduled(stub_folder(out, family), _class_name=scheduler, **TRAILING)
    return out


def scheduled(folder: Path, **changes: Any) -> None:
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def both(stubs: Path, family: str) -> list[LoadedModel]:
    """The folder, and the single file beside it."""
    file = DiskModelCatalog(stubs, builtin=False).find(f"{family}-stub.safetensors")
    assert file is not None
    return [load_model(ref, CPU, torch.float32) for ref in (reference(stubs / f"{family}-stub"), file)]


def pipeline(folder: Path) -> Any:
    """Diffusers', with the scheduler that lies in the folder."""
    import diffusers

    kind = json.loads((folder / "model_index.json").read_text())["_class_name"]
    extra = {"safety_checker": None} if "XL" not in kind else {}
    found: Any = getattr(diffusers, kind).from_pretrained(folder, torch_dtype=torch.float32, **extra)
    found.set_progress_bar_config(disable=True)
    config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    found.scheduler = getattr(diffusers, config["_class_name"]).from_config(config)
    return found


def at_levels(found: Any, levels: list[float]) -> Any:
    """The same through these noise levels, for pipelines that take none."""
    import diffusers

    class AtLevels(diffusers.EulerDiscreteScheduler):
        def set_timesteps(self, *given: Any, **more: Any) -> None:
            super().set_timesteps(sigmas=levels, device="cpu")

    found.scheduler = AtLevels.from_config(found.scheduler.config, timestep_spacing="linspace")
    return found


def drawn(found: Any, steps: int = 2, scale: float = SCALE, **given: Any) -> Tensor:
    """The pipeline's latent from our noise; what it adds on the way comes from the same generator."""
    generator = torch.Generator().manual_seed(SEED)
    latents = torch.randn(LATENT, generator=generator)
    answer = found(
        PROMPT, num_inference_steps=steps, guidance_scale=scale, latents=latents, generator=generator,
        output_type="latent", **given,
    )  # fmt: skip
    latent: Tensor = answer.images
    return latent


def distance(mine: Tensor, other: Tensor) -> float:
    """In spreads of one."""
    return float((mine - other).abs().max() / other.std())


def told_difference(row: str) -> float:
    """What the page says of it: at most so much."""
    line = next(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| {row}"))
    found = re.search(r"([0-9.]+e-[0-9]+)", line)
    assert found is not None
    return float(found[1])


def raster(image: Image.Image) -> RasterImage:
    return RasterImage(*image.size, image.mode, image.tobytes())  # type: ignore[arg-type]


def seen(model: LoadedModel, mask: Image.Image | None = None) -> ImageInput:
    """What the network sees of a smooth picture, wholly."""
    init = InitPictures(
        images=(raster(smooth_picture()),), denoising_strength=1.0,
        mask=None if mask is None else raster(mask), image_cfg_scale=PICTURE_SCALE,
    )  # fmt: skip
    found = image_input(model, init, 1, SIDE // 8, SIDE // 8, 1.0)
    assert found is not None
    return found


def test_an_inpainting_model(stubs: Path) -> None:
    [model, file] = both(stubs, "sd15-inpaint")
    picture, mask = smooth_picture(), half_mask()
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 127.5 - 1.0
    # As its pipeline hides what is under the mask; that takes a sample of the VAE, where we take the mean.
    pixels = pixels * (torch.from_numpy(np.array(mask)) < 128)
    with torch.inference_mode():
        mean = model.vae.encode(pixels).latent_dist.mean * model.vae.config.scaling_factor
    levels = plan_sigmas(plan(), model.sigmas)
    theirs = drawn(
        at_levels(pipeline(stubs / "sd15-inpaint-stub"), levels),
        image=picture, mask_image=mask, masked_image_latents=mean, strength=1.0, height=SIDE, width=SIDE,
        negative_prompt="blue",
    )  # fmt: skip
    found = [distance(ours(one, "blue", picture=seen(one, mask)), theirs) for one in (model, file)]
    assert max(found) <= min(CLOSE, told_difference("inpainting models"))


def test_a_model_that_follows_instructions(stubs: Path) -> None:
    [model, file] = both(stubs, "sd15-edit")
    levels = plan_sigmas(plan(), model.sigmas)
    theirs = drawn(
        at_levels(pipeline(stubs / "sd15-edit-stub"), levels),
        image=smooth_picture(), image_guidance_scale=PICTURE_SCALE, negative_prompt="blue",
    )  # fmt: skip
    found = [distance(ours(one, "blue", picture=seen(one)), theirs) for one in (model, file)]
    assert max(found) <= min(CLOSE, told_difference("models that follow instructions"))


@pytest.mark.parametrize(
    ("family", "sampler", "row"),
    [("sd21", "Euler a", "Turbo models"), ("sdxl", "Euler", "Lightning models")],
)
def test_a_model_of_few_steps_goes_through_the_levels_that_it_was_taught(
    stubs: Path, family: str, sampler: str, row: str
) -> None:
    theirs = drawn(pipeline(stubs / f"{family}-stub"), 4, 0.0, height=SIDE, width=SIDE)
    steps = plan(sampler, None, 4)
    found = [distance(ours(one, "", one=steps, scale=1.0), theirs) for one in both(stubs, family)]
    assert max(found) <= min(CLOSE, told_difference(row))


def test_a_latent_consistency_model_is_told_the_guidance(stubs: Path) -> None:
    theirs = drawn(pipeline(stubs / "sd15-lcm-stub"), 4, height=SIDE, width=SIDE)
    # Its own pipeline starts from noise of that size.
    steps = replace(plan("LCM", None, 4), sgm_noise_multiplier=True)
    models = both(stubs, "sd15-lcm")
    found = [distance(ours(one, "", one=steps), theirs) for one in models]
    assert max(found) <= min(CLOSE, told_difference("latent consistency models"))
    assert distance(ours(models[0], "", one=steps, scale=1.5), theirs) > CLOSE


def test_an_encoded_picture_is_its_mean(stubs: Path) -> None:
    model = both(stubs, "sd15-edit")[0]
    latent = encode(model, [raster(smooth_picture())])
    shown = seen(model)
    assert shown.guidance == PICTURE_SCALE
    assert torch.allclose(shown.channels * model.vae.config.scaling_factor, latent, atol=1e-5)
