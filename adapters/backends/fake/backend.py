"""Pictures that are a pure function of (prompt, seed, size, sampler, steps, …), drawn without torch.

Everything that a request sets acts: steps, sampler, schedule, seeds, guidance, prompt editing, init
images, masks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from adapters.backends.fake import world
from adapters.backends.fake.noise import SeededNoise, first_draw
from adapters.backends.fake.world import CELL, Latent
from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.domain.request import MaskedContent
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, InitPictures, PreparedRun
from core.prompt.plan import PromptPlan
from core.prompt.schedule import Timeline
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.passes import LatentStart, executed_steps, sample_from_latent, sample_from_noise
from core.sampling.types import Prediction

GUIDANCE_SHARE = 0.15
"""How much of the guidance scale acts: the analytic model needs little, and clients send 7."""


class FakeBackend:
    """An ``ImageBackend``.

    :param step_seconds: what a model evaluation takes beside its arithmetic, for tests of progress and
        cancel.
    :param zero_cost: skip the loop; for measuring what a job costs around it.
    """

    def __init__(self, *, max_runs: int = 1, step_seconds: float = 0.0, zero_cost: bool = False) -> None:
        self._max_runs = max_runs
        self._step_seconds = step_seconds
        self._zero_cost = zero_cost
        self._sigmas = ModelSigmas.scaled_linear()

    def describe(self) -> BackendInfo:
        return BackendInfo(name="fake", device="cpu", max_runs=self._max_runs, infotext={"Backend": "fake"})

    def load(self, model: ModelRef) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing is held."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        height, width = run.request.height // CELL, run.request.width // CELL
        noise = SeededNoise(batch.seeds, height, width)
        start = first_draw(noise, batch.subseeds, run.request.subseed_strength, height, width)
        if self._zero_cost:
            watch.begin_pass(run.plan.steps)
            watch.step(run.plan.steps)
            return world.decode(start * world.SPREAD)
        denoiser = _Denoiser(run, batch, watch, self._sigmas, self._step_seconds)
        try:
            return world.decode(self._sample(run, denoiser, start, noise, watch))
        except Interrupted:
            return [] if denoiser.last is None else world.decode(denoiser.last)

    def _sample(
        self, run: PreparedRun, denoiser: _Denoiser, start: Latent, noise: SeededNoise, watch: RunWatch
    ) -> Latent:
        entry = _entry(run)
        watch.begin_pass(executed_steps(run.plan, self._sigmas, entry) or run.plan.steps)

        def on_step(index: int) -> None:
            last = denoiser.last
            watch.step(index + 1, None if last is None else lambda: world.decode(last)[0])

        if run.init is None or entry is None:
            return np.asarray(
                sample_from_noise(run.plan, self._sigmas, denoiser, start, noise, on_step, _Ops())
            )
        latent, blend = _init_latent(run.init, start)
        denoiser.blend = blend
        drawn = sample_from_latent(
            run.plan, self._sigmas, denoiser, latent, start * run.init.noise_multiplier, noise, on_step,
            _Ops(),
            start=entry,
        )  # fmt: skip
        return blend.keep(np.asarray(drawn))


def _entry(run: PreparedRun) -> LatentStart | None:
    if run.init is None:
        return None
    return LatentStart.of(run.plan.steps, run.init.denoising_strength, run.options.flag("img2img_fix_steps"))


class _Blend:
    """Keeps the unmasked part of the init latent."""

    def __init__(self, original: Latent, mask: Latent | None) -> None:
        self._original = original
        self._mask = mask

    def keep(self, x: Latent) -> Latent:
        return x if self._mask is None else x * self._mask + self._original * (1.0 - self._mask)


def _init_latent(init: InitPictures, noise: Latent) -> tuple[Latent, _Blend]:
    count = noise.shape[0]
    encoded = [world.encode(image) for image in init.images]
    original = np.concatenate([encoded[min(i, len(encoded) - 1)] for i in range(count)])
    if init.mask is None:
        return original, _Blend(original, None)
    mask = world.mask_cells(init.mask, init.mask_round)
    latent = original
    if init.masked_content is MaskedContent.LATENT_NOISE:
        latent = original * (1.0 - mask) + noise * mask
    elif init.masked_content is MaskedContent.LATENT_NOTHING:
        latent = original * (1.0 - mask)
    return latent, _Blend(latent, mask)


class _Denoiser:
    """The analytic model, guided."""

    def __init__(
        self, run: PreparedRun, batch: Batch, watch: RunWatch, sigmas: ModelSigmas, step_seconds: float
    ) -> None:
        timeline = Timeline(run.plan.prompt_steps)
        self._prompts = [PromptPlan.positive(text, timeline) for text in batch.prompts]
        self._negatives = [PromptPlan.negative(text, timeline) for text in batch.negative_prompts]
        self._scale = 1.0 + (run.request.cfg_scale - 1.0) * GUIDANCE_SHARE * run.plan.sampler.cfg_multiplier
        self._watch = watch
        self._sigmas = sigmas
        self._step_seconds = step_seconds
        self._calls = 0
        self.blend: _Blend | None = None
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
        height, width = x.shape[-2:]
        uncond = world.predict(
            x, sigma, np.concatenate([_mean(p, self._calls, height, width) for p in self._negatives])
        )
        cond = world.predict(
            x, sigma, np.concatenate([_mean(p, self._calls, height, width) for p in self._prompts])
        )
        guided = uncond + self._scale * (cond - uncond)
        if self.blend is not None:
            guided = self.blend.keep(guided)
        self._calls += 1
        self.last = guided
        return guided, uncond


def _mean(plan: PromptPlan, call: int, height: int, width: int) -> Latent:
    """The parts of a prompt mixed by their weights."""
    parts = plan.at(call)
    total = sum(weight for _, weight in parts) or 1.0
    return np.asarray(
        sum(world.mean_latent(text, height, width) * (weight / total) for text, weight in parts)
    )


class _Ops:
    def error_norm(self, low: Latent, high: Latent, previous: Latent, atol: float, rtol: float) -> float:
        bound = np.maximum(atol, rtol * np.maximum(np.abs(low), np.abs(previous)))
        return float(np.linalg.norm((low - high) / bound) / np.sqrt(low.size))
