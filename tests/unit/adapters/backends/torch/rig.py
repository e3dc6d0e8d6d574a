"""What the tests of the torch backend share: pictures as arrays, stub models, a watch, networks of a line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from adapters.backends.torch.conditioning import ImageConditioning, Part
from adapters.backends.torch.denoiser import Guidance
from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelIdentity, ModelRef
from core.prompt.plan import PlanPart, ScheduledText
from core.sampling.model_sigmas import ModelSigmas
from serena import Serena

Pixels = NDArray[np.int16]
CPU = torch.device("cpu")
SD1 = ModelSigmas.scaled_linear()
STUBS = str(Path(__file__).resolve().parents[5] / "scripts" / "dev")
DRAWN: dict[str, Any] = {"width": 64, "height": 64, "steps": 4, "seed": 5}


def stub_folder(out: Path, family: str = "sd15", **changes: Any) -> Path:
    """A diffusers folder with random weights, and the same as a single file beside it.

    ``changes`` go into the configuration of the folder's UNet.
    """
    sys.path.insert(0, STUBS)
    try:
        import create_stub_repos
    finally:
        sys.path.remove(STUBS)
    [folder] = create_stub_repos.create(out, families=(family,))
    if changes:
        from diffusers import UNet2DConditionModel

        config = UNet2DConditionModel.load_config(folder / "unet")
        unet = UNet2DConditionModel.from_config({**config, **changes})
        create_stub_repos.fill(unet, torch.Generator().manual_seed(1))
        unet.save_pretrained(folder / "unet")
    return folder


def reference(folder: Path) -> ModelRef:
    return ModelRef(ModelIdentity(folder.name, "0" * 64), str(folder))


def draw(serena: Serena, prompt: str = "a red circle", **fields: Any) -> list[Pixels]:
    """The pictures of a request, without a grid."""
    options = {"return_grid": False, "grid_save": False, **fields.pop("override_settings", {})}
    answer = serena.txt2img(prompt, **{**DRAWN, **fields}, override_settings=options)
    return [pixels(image) for image in answer.images]


def redraw(serena: Serena, image: Image.Image, mask: Image.Image | None = None, **fields: Any) -> Pixels:
    """The picture that img2img makes of ``image``."""
    answer = serena.img2img("a red circle", image, mask, **{**DRAWN, **fields})
    return pixels(answer.images[0])


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), dtype=np.int16)


def distance(picture: Pixels, other: Pixels) -> int:
    """The largest difference of a channel, of 255."""
    return int(np.abs(picture - other).max())


def smooth_picture(width: int = 64, height: int = 64) -> Image.Image:
    across = np.linspace(40, 200, width)[None, :].repeat(height, axis=0)
    rgb = np.stack([across, 240 - across, across * 0 + 90], axis=2)
    return Image.fromarray(rgb.astype(np.uint8))


def half_mask(width: int = 64, height: int = 64) -> Image.Image:
    """White in the right half."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 2 :] = 255
    return Image.fromarray(mask)


class Watch:
    """A ``RunWatch``. ``stop_after``: interrupts at the model evaluation after that many."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[int] = []
        self._left = stop_after

    def begin_pass(self, steps: int) -> None:
        self.steps = [steps]

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self.steps.append(done)

    def check(self) -> None:
        if self._left is not None:
            if self._left == 0:
                raise Interrupted
            self._left -= 1


class LineNetwork:
    """Answers with the mean of each row's context, plus that of the channels behind the latent, so that
    guidance can be followed by hand.

    :ivar rows: of each call, how many rows it was given. :ivar tokens: how long their context was.
    :ivar times: the model times.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.tokens: list[int] = []
        self.times: list[float] = []

    def __call__(
        self, x: Tensor, t: float, context: Tensor, vector: Tensor | None = None, *_beside: object
    ) -> Tensor:
        self.rows.append(x.shape[0])
        self.tokens.append(context.shape[1])
        self.times.append(t)
        mean = context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)
        seen = x[:, 4:].mean(dim=(1, 2, 3), keepdim=True) if x.shape[1] > 4 else 0.0
        return (mean + seen).expand(-1, 4, *x.shape[2:])


def part(value: float, tokens: int = 77, weight: float = 1.0) -> Part:
    """A prompt part whose encoding is ``value`` everywhere."""
    schedule = ScheduledText(((1000, str(value)),))
    return Part(weight, PlanPart(weight, schedule), (torch.full((tokens, 2), value),))


def conditioning(*parts: Part, negative: Part) -> ImageConditioning:
    return ImageConditioning(parts, negative)


def guidance(scale: float = 7.0, **changes: Any) -> Guidance:
    plain = {"min_sigma": 0.0, "min_sigma_all": False, "skip_early": 0.0, "total_calls": 10}
    return Guidance(scale=scale, **{**plain, **changes})
