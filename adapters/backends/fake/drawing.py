"""One batch of the fake backend, from its prompts and seeds to its latent."""

from __future__ import annotations

import numpy as np

from adapters.backends.fake import world
from adapters.backends.fake.denoiser import AnalyticDenoiser, Blend, PassTexts
from adapters.backends.fake.noise import SeededNoise, first_draw
from adapters.backends.fake.world import CELL, Latent
from core.domain.request import MaskedContent
from core.ports.driven import RunWatch
from core.prepared import Batch, HiresPass, InitPictures, PreparedRun
from core.prompt.schedule import Timeline
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.passes import (
    LatentStart,
    SamplingPlan,
    executed_steps,
    sample_from_latent,
    sample_from_noise,
)


class FakeDrawing:
    """``last`` is the last x0 that was predicted, of the pass in progress."""

    def __init__(
        self, run: PreparedRun, batch: Batch, watch: RunWatch, sigmas: ModelSigmas, step_seconds: float
    ) -> None:
        self._run = run
        self._batch = batch
        self._watch = watch
        self._sigmas = sigmas
        self._step_seconds = step_seconds
        self._denoiser: AnalyticDenoiser | None = None

    @property
    def last(self) -> Latent | None:
        return None if self._denoiser is None else self._denoiser.last

    def latent(self) -> Latent:
        request, hires, init = self._run.request, self._run.hires, self._run.init
        rows, columns = request.height // CELL, request.width // CELL
        if init is not None:
            return self._from_init(init, rows, columns)
        first = self._from_noise(rows, columns)
        return first if hires is None else self._second_pass(hires, first)

    def _from_noise(self, rows: int, columns: int) -> Latent:
        noise, start = self._noise(rows, columns)
        denoiser = self._start_pass(self._run.plan, None, None)
        return np.asarray(
            sample_from_noise(self._run.plan, self._sigmas, denoiser, start, noise, self._on_step, Ops())
        )

    def _from_init(self, init: InitPictures, rows: int, columns: int) -> Latent:
        plan, options = self._run.plan, self._run.options
        entry = LatentStart.of(plan.steps, init.denoising_strength, options.flag("img2img_fix_steps"))
        noise, start = self._noise(rows, columns)
        latent, blend = _init_latent(init, start)
        denoiser = self._start_pass(plan, entry, blend)
        drawn = sample_from_latent(
            plan, self._sigmas, denoiser, latent, start * init.noise_multiplier, noise, self._on_step, Ops(),
            start=entry, extra_noise=options.number("img2img_extra_noise"),
        )  # fmt: skip
        return blend.keep(np.asarray(drawn))

    def _second_pass(self, hires: HiresPass, first: Latent) -> Latent:
        size = hires.sizes.latent
        if hires.keep is not None:
            hires.keep(world.decode(first))
        entry = LatentStart.of(hires.plan.steps, hires.denoising_strength, fixed_steps=True)
        noise, start = self._noise(size.height, size.width)
        denoiser = self._start_pass(hires.plan, entry, None, hires=True)
        larger = world.resized(first, size.height, size.width)
        return np.asarray(
            sample_from_latent(
                hires.plan, self._sigmas, denoiser, larger, start, noise, self._on_step, Ops(), start=entry
            )
        )

    def _noise(self, rows: int, columns: int) -> tuple[SeededNoise, Latent]:
        noise = SeededNoise(self._batch.seeds, rows, columns)
        strength = self._run.request.subseed_strength
        return noise, first_draw(noise, self._batch.subseeds, strength, rows, columns)

    def _start_pass(
        self, plan: SamplingPlan, entry: LatentStart | None, blend: Blend | None, hires: bool = False
    ) -> AnalyticDenoiser:
        batch, first = self._batch, self._run.plan.prompt_steps
        texts = PassTexts(
            prompts=batch.hires_prompts if hires else batch.prompts,
            negatives=batch.hires_negative_prompts if hires else batch.negative_prompts,
            timeline=Timeline(first, plan.prompt_steps if hires else None),
            scale=1.0 + (self._run.request.cfg_scale - 1.0) * plan.sampler.cfg_multiplier,
        )
        self._denoiser = AnalyticDenoiser(texts, self._watch, self._sigmas, self._step_seconds, blend)
        self._watch.begin_pass(executed_steps(plan, self._sigmas, entry) or plan.steps)
        return self._denoiser

    def _on_step(self, index: int) -> None:
        last = self.last
        self._watch.step(index + 1, None if last is None else lambda: world.decode(last)[0])


def _init_latent(init: InitPictures, noise: Latent) -> tuple[Latent, Blend]:
    count, rows, columns = noise.shape[0], noise.shape[2], noise.shape[3]
    encoded = [world.resized(world.encode(image), rows, columns) for image in init.images]
    original = np.concatenate([encoded[min(i, len(encoded) - 1)] for i in range(count)])
    if init.mask is None:
        return original, Blend(original, None)
    mask = world.resized(world.mask_cells(init.mask, init.mask_round), rows, columns)
    latent = original
    if init.masked_content is MaskedContent.LATENT_NOISE:
        latent = original * (1.0 - mask) + noise * mask
    elif init.masked_content is MaskedContent.LATENT_NOTHING:
        latent = original * (1.0 - mask)
    return latent, Blend(latent, mask)


class Ops:
    """``ArrayOps`` over numpy arrays."""

    def error_norm(self, low: Latent, high: Latent, previous: Latent, atol: float, rtol: float) -> float:
        bound = np.maximum(atol, rtol * np.maximum(np.abs(low), np.abs(previous)))
        return float(np.linalg.norm((low - high) / bound) / np.sqrt(low.size))
