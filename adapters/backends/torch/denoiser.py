"""The guided model of one pass: prompt parts, negative prompt, guidance, and what the mask keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapters.backends.torch.conditioning import ImageConditioning
from adapters.backends.torch.latents import MaskBlend
from core.ports.driven import RunWatch
from core.sampling.scalings import ModelScaling, Scaling
from core.sampling.types import Prediction

Network = Callable[[Tensor, float, Tensor], Tensor]
"""(rows, channels, height, width), model time, (rows, tokens, width) → what the UNet answers, a row for a
row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Numbers that decide how predictions are combined.

    :param scale: classifier-free guidance scale.
    :param min_sigma: below it the unconditional prediction is left out at odd calls (negative guidance
        minimum
        sigma); 0: never.
    :param skip_early: left out while the share of calls done is at most this; 0: never.
    :param total_calls: model evaluations of the pass.
    """

    scale: float
    min_sigma: float
    min_sigma_all: bool
    skip_early: float
    total_calls: int

    def without_uncond(self, call: int, sigma: float) -> bool:
        if self.skip_early > 0 and call / self.total_calls <= self.skip_early:
            return True
        return self.min_sigma > sigma and (call % 2 == 1 or self.min_sigma_all)

    def early(self, call: int) -> bool:
        return self.skip_early > 0 and call / self.total_calls <= self.skip_early


class GuidedDenoiser:
    """A ``Denoiser`` for one pass of one batch.

    :ivar last: the last x0 that was predicted, for previews and for pictures of an interrupted run.
    """

    def __init__(
        self,
        *,
        network: Network,
        scaling: ModelScaling,
        images: Sequence[ImageConditioning],
        guidance: Guidance,
        watch: RunWatch,
        blend: MaskBlend | None = None,
    ) -> None:
        self._network = network
        self._scaling = scaling
        self._images = images
        self._guidance = guidance
        self._watch = watch
        self._blend = blend
        self._call = 0
        self.last: Tensor | None = None

    def sigma(self, x: Tensor, sigma: float) -> Prediction:
        guided, uncond = self._guided(x, self._scaling.at_sigma(sigma), sigma)
        if self._blend is not None:
            guided = self._blend.keep(guided)
        self.last = guided
        return Prediction(guided, uncond)

    def timestep(self, x: Tensor, t: float) -> Prediction:
        if self._blend is not None:
            x = self._blend.keep(x)
        table = self._scaling.table
        alpha = table.alpha_cumprod_at(t)
        sigma = ((1.0 - alpha) / alpha) ** 0.5
        guided, uncond = self._guided(x, self._scaling.at_time(t), sigma)
        self.last = (x - guided * (1.0 - alpha) ** 0.5) / alpha**0.5
        return Prediction(guided, uncond)

    def _guided(self, x: Tensor, scaling: Scaling, sigma: float) -> tuple[Tensor, Tensor]:
        self._watch.check()
        call, self._call = self._call, self._call + 1
        alone = self._guidance.without_uncond(call, sigma)
        scale = 1.0 if self._guidance.early(call) else self._guidance.scale
        pairs = (
            [
                self._one(x[i : i + 1], image, call, scaling, alone, scale)
                for i, image in enumerate(self._images)
            ]
            if self._mixed_lengths(call)
            else self._together(x, call, scaling, alone, scale)
        )
        return torch.cat([guided for guided, _ in pairs]), torch.cat([uncond for _, uncond in pairs])

    def _mixed_lengths(self, call: int) -> bool:
        """Pictures whose prompts differ in length are evaluated apart, so that none depends on its
        neighbours."""
        return (
            len({(image.conds(call)[0][0].shape[0], image.uncond(call).shape[0]) for image in self._images})
            > 1
        )

    def _one(
        self, x: Tensor, image: ImageConditioning, call: int, scaling: Scaling, alone: bool, scale: float
    ) -> tuple[Tensor, Tensor]:
        conds = image.conds(call)
        rows = torch.stack([cond for cond, _ in conds])
        predicted = self._predict(
            x.expand(len(conds), -1, -1, -1), scaling, rows, None if alone else image.uncond(call)[None], x
        )
        return _combined(predicted[: len(conds)], [w for _, w in conds], predicted[len(conds) :], scale)

    def _together(
        self, x: Tensor, call: int, scaling: Scaling, alone: bool, scale: float
    ) -> list[tuple[Tensor, Tensor]]:
        conds = [image.conds(call) for image in self._images]
        counts = [len(parts) for parts in conds]
        rows = torch.stack([cond for parts in conds for cond, _ in parts])
        repeated = torch.cat([x[i : i + 1].expand(count, -1, -1, -1) for i, count in enumerate(counts)])
        unconds = None if alone else torch.stack([image.uncond(call) for image in self._images])
        predicted = self._predict(repeated, scaling, rows, unconds, x)
        found, at = [], 0
        for i, parts in enumerate(conds):
            own, base = predicted[at : at + counts[i]], predicted[len(rows) + i : len(rows) + i + 1]
            found.append(_combined(own, [weight for _, weight in parts], base, scale))
            at += counts[i]
        return found

    def _predict(
        self, x: Tensor, scaling: Scaling, conds: Tensor, unconds: Tensor | None, plain: Tensor
    ) -> Tensor:
        """x0 (or epsilon) for the rows of all parts, then, unless ``unconds`` is None, of all negatives."""
        if unconds is None:
            return self._run(x, scaling, conds)
        if conds.shape[1] != unconds.shape[1]:
            return torch.cat([self._run(x, scaling, conds), self._run(plain, scaling, unconds)])
        return self._run(torch.cat([x, plain]), scaling, torch.cat([conds, unconds]))

    def _run(self, x: Tensor, scaling: Scaling, context: Tensor) -> Tensor:
        answer = self._network(x * scaling.c_in, scaling.t, context)
        return x * scaling.c_skip + answer * scaling.c_out


def _combined(conds: Tensor, weights: list[float], uncond: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """``u + Σ weight·scale·(c − u)``; without an unconditional prediction the first part stands for it."""
    base = uncond if uncond.shape[0] else conds[:1]
    factor = scale if uncond.shape[0] else 1.0
    guided = base.clone()
    for i, weight in enumerate(weights):
        guided = guided + (conds[i : i + 1] - base) * (weight * factor)
    return (guided if uncond.shape[0] else _alone(conds, weights)), base


def _alone(conds: Tensor, weights: list[float]) -> Tensor:
    first = conds[:1]
    guided = first.clone()
    for i, weight in enumerate(weights):
        guided = guided + (conds[i : i + 1] - first) * weight
    return guided
