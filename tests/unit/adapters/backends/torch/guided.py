"""A guided denoiser over a network of a line, for the tests of guidance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from adapters.backends.torch.conditioning import ImageConditioning
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.image_input import ImageInput
from adapters.backends.torch.latents import MaskBlend
from core.sampling.scalings import ModelScaling, PredictionType
from tests.unit.adapters.backends.torch.rig import SD1, LineNetwork, Watch, conditioning, guidance, part

SIGMA = 2.0
RED, BLUE, NOTHING = 3.0, 5.0, 1.0


class Bench:
    """A denoiser over ``LineNetwork`` whose x is nothing: x0 is ``-sigma`` times the guided answer."""

    def __init__(
        self,
        *images: ImageConditioning,
        prediction: PredictionType = PredictionType.EPSILON,
        watch: Watch | None = None,
        blend: MaskBlend | None = None,
        picture: ImageInput | None = None,
        scale: float = 7.0,
        **numbers: Any,
    ) -> None:
        self.network = LineNetwork()
        self.x = torch.zeros(len(images), 4, 2, 2)
        self.denoiser = GuidedDenoiser(
            network=self.network,
            scaling=ModelScaling(SD1, prediction),
            images=images,
            guidance=guidance(scale, **numbers),
            watch=watch or Watch(),
            blend=blend,
            picture=picture,
        )

    def answers(self, sigma: float = SIGMA) -> list[float]:
        """The guided answer for each picture."""
        guided = self.denoiser.sigma(self.x, sigma).guided
        return [float(row.mean()) / -sigma for row in guided]

    def rows_of(self, levels: Sequence[float]) -> list[int]:
        for level in levels:
            self.denoiser.sigma(self.x, level)
        return self.network.rows


def red(**changes: Any) -> ImageConditioning:
    return replace(conditioning(part(RED), negative=part(NOTHING)), **changes)
