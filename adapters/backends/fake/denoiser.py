"""The analytic model of one pass, guided, with prompt editing, AND and masks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapters.backends.fake import world
from adapters.backends.fake.world import Latent
from core.ports.driven import RunWatch
from core.prompt.plan import PromptPlan
from core.prompt.schedule import Timeline
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.types import Prediction

GUIDANCE_SHARE = 0.15
"""How much of the guidance scale acts: the analytic model needs little, and clients send 7."""


class Blend:
    """Keeps the unmasked part of the init latent."""

    def __init__(self, original: Latent, mask: Latent | None) -> None:
        self._original = original
        self._mask = mask

    def keep(self, x: Latent) -> Latent:
        return x if self._mask is None else x * self._mask + self._original * (1.0 - self._mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassTexts:
    """What one pass draws. ``scale`` is the guidance scale as asked for."""

    prompts: Sequence[str]
    negatives: Sequence[str]
    timeline: Timeline
    scale: float


class AnalyticDenoiser:
    """A ``Denoiser``. ``last`` is the last x0 that was predicted."""

    def __init__(
        self, texts: PassTexts, watch: RunWatch, sigmas: ModelSigmas, step_seconds: float, blend: Blend | None
    ) -> None:
        self._prompts = [PromptPlan.positive(text, texts.timeline) for text in texts.prompts]
        self._negatives = [PromptPlan.negative(text, texts.timeline) for text in texts.negatives]
        self._scale = 1.0 + (texts.scale - 1.0) * GUIDANCE_SHARE
        self._watch = watch
        self._sigmas = sigmas
        self._step_seconds = step_seconds
        self._blend = blend
        self._calls = 0
        self.last: Latent | None = None

    def sigma(self, x: Latent, sigma: float) -> Prediction:
        guided, uncond = self._x0(x, sigma)
        return Prediction(guided, uncond)

    def timestep(self, x: Latent, t: float) -> Prediction:
        alpha = self._sigmas.alpha_cumprod_at(t)
        sigma = float(np.sqrt((1.0 - alpha) / alpha))
        exploding = x / np.sqrt(alpha)
        guided, uncond = self._x0(exploding, sigma)
        return Prediction((exploding - guided) / sigma, (exploding - uncond) / sigma)

    def _x0(self, x: Latent, sigma: float) -> tuple[Latent, Latent]:
        self._watch.check()
        if self._step_seconds:
            time.sleep(self._step_seconds)
        uncond = world.predict(x, sigma, self._means(self._negatives, x))
        cond = world.predict(x, sigma, self._means(self._prompts, x))
        guided = uncond + self._scale * (cond - uncond)
        if self._blend is not None:
            guided = self._blend.keep(guided)
        self._calls += 1
        self.last = guided
        return guided, uncond

    def _means(self, plans: Sequence[PromptPlan], x: Latent) -> Latent:
        height, width = x.shape[-2:]
        return np.concatenate([_mean(plan, self._calls, height, width) for plan in plans])


def _mean(plan: PromptPlan, call: int, height: int, width: int) -> Latent:
    """The parts of a prompt mixed by their weights."""
    parts = plan.at(call)
    total = sum(weight for _, weight in parts) or 1.0
    return np.asarray(
        sum(world.mean_latent(text, height, width) * (weight / total) for text, weight in parts)
    )
