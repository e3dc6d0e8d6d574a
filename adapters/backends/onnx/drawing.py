"""One batch, from its prompts and seeds to its latent."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.backends.onnx.arrays import Floats, NumpyOps
from adapters.backends.onnx.conditioning import ImageConditioning, condition
from adapters.backends.onnx.denoiser import GuidedDenoiser
from adapters.backends.onnx.latents import CELL, MaskBlend, init_latent, pixels_of, rasters_of
from adapters.backends.onnx.model import OnnxModel
from adapters.backends.onnx.noise import BatchNoise, NoiseSpec
from adapters.backends.onnx.resizing import LATENT_MODES, resized
from adapters.backends.onnx.text import TextOptions
from adapters.backends.shared.guidance import Guidance
from core.domain.image import RasterImage
from core.ports.driven import RunWatch
from core.prepared import Batch, HiresPass, InitPictures, PreparedRun
from core.prompt.schedule import Timeline
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.passes import (
    LatentStart,
    SamplingPlan,
    brownian_span,
    executed_steps,
    sample_from_latent,
    sample_from_noise,
)
from core.sampling.scalings import model_scaling


@dataclass(frozen=True, slots=True)
class _Pass:
    """One sampling pass; ``hires``: the second one of hires fix."""

    plan: SamplingPlan
    rows: int
    columns: int
    entry: LatentStart | None
    hires: bool = False


class BatchDrawing:
    """Draws the pictures of one batch."""

    def __init__(
        self, model: OnnxModel, run: PreparedRun, batch: Batch, watch: RunWatch, most_rows: int
    ) -> None:
        self._model = model
        self._run = run
        self._batch = batch
        self._watch = watch
        self._most_rows = most_rows
        self._sigmas = self._table()
        self._denoiser: GuidedDenoiser | None = None

    def pictures(self) -> list[RasterImage]:
        return self._decoded(self._latent())

    def last_pictures(self) -> list[RasterImage]:
        """What the last prediction of the pass in progress looks like; none if there was none."""
        last = None if self._denoiser is None else self._denoiser.last
        return [] if last is None else self._decoded(last)

    def _latent(self) -> Floats:
        run, request = self._run, self._run.request
        rows, columns = request.height // CELL, request.width // CELL
        if run.init is not None:
            return self._from_init(run.init, rows, columns)
        if run.hires is None:
            return self._from_noise(_Pass(run.plan, rows, columns, None))
        size = run.hires.sizes.first
        first = self._from_noise(_Pass(run.plan, size.height // CELL, size.width // CELL, None))
        return self._second_pass(run.hires, first)

    def _from_noise(self, one: _Pass) -> Floats:
        noise = self._noise(one)
        start, denoiser = noise.first(), self._start_pass(one, None)
        drawn: Floats = sample_from_noise(
            one.plan, self._sigmas, denoiser, start, noise, self._on_step, NumpyOps()
        )
        return drawn

    def _from_init(self, init: InitPictures, rows: int, columns: int) -> Floats:
        plan, options = self._run.plan, self._run.options
        entry = LatentStart.of(plan.steps, init.denoising_strength, options.flag("img2img_fix_steps"))
        one = _Pass(plan, rows, columns, entry)
        noise = self._noise(one)
        start = noise.first()
        latent, blend = init_latent(init, self._model.encode(pixels_of(init.images)), noise, rows, columns)
        drawn = self._from_latent(one, latent, start * init.noise_multiplier, noise, blend)
        return drawn if blend is None else blend.keep(drawn)

    def _second_pass(self, hires: HiresPass, first: Floats) -> Floats:
        larger = self._enlarged(hires, first)
        entry = LatentStart.of(hires.plan.steps, hires.denoising_strength, fixed_steps=True)
        one = _Pass(hires.plan, larger.shape[2], larger.shape[3], entry, hires=True)
        noise = self._noise(one)
        return self._from_latent(one, larger, noise.first(), noise, None)

    def _from_latent(
        self, one: _Pass, latent: Floats, start: Floats, noise: BatchNoise, blend: MaskBlend | None
    ) -> Floats:
        assert one.entry is not None
        denoiser = self._start_pass(one, blend)
        drawn: Floats = sample_from_latent(
            one.plan, self._sigmas, denoiser, latent, start, noise, self._on_step, NumpyOps(),
            start=one.entry, extra_noise=self._run.options.number("img2img_extra_noise"),
        )  # fmt: skip
        return drawn

    def _enlarged(self, hires: HiresPass, first: Floats) -> Floats:
        """The latent that the second pass starts from."""
        pictures = self._decoded(first) if hires.enlarge or hires.keep else []
        if hires.keep is not None:
            hires.keep(pictures)
        if hires.enlarge is not None:
            large = [hires.enlarge(picture, self._watch.check) for picture in pictures]
            latent = self._model.encode(pixels_of(large))
        else:
            size = hires.sizes.upscaled_latent
            latent = resized(first, size.height, size.width, *LATENT_MODES[hires.upscaler])
        x, y, kept = hires.sizes.truncate_x // 2, hires.sizes.truncate_y // 2, hires.sizes.latent
        return latent[:, :, y : y + kept.height, x : x + kept.width]

    def _noise(self, one: _Pass) -> BatchNoise:
        request, options, entry = self._run.request, self._run.options, one.entry
        resize = request.seed_resize_from_h // CELL, request.seed_resize_from_w // CELL
        spec = NoiseSpec(
            seeds=self._batch.seeds,
            subseeds=self._batch.subseeds,
            subseed_strength=request.subseed_strength,
            shape=(self._model.export.latent_channels, one.rows, one.columns),
            philox=options.text("randn_source") == "NV",
            ensd=int(options.number("eta_noise_seed_delta")),
            resize_from=resize if min(resize) > 0 else None,
        )
        needed = one.plan.sampler.brownian_noise and (entry is None or entry.total > 0)
        return BatchNoise(spec, brownian_span(one.plan, self._sigmas, entry) if needed else None)

    def _start_pass(self, one: _Pass, blend: MaskBlend | None) -> GuidedDenoiser:
        self._denoiser = GuidedDenoiser(
            predict=self._model.predict,
            scaling=model_scaling(one.plan.sampler, self._sigmas, self._model.export.prediction),
            images=self._conditioning(one),
            guidance=self._guidance(one),
            watch=self._watch,
            blend=blend,
            most_rows=self._most_rows,
        )
        self._watch.begin_pass(executed_steps(one.plan, self._sigmas, one.entry) or one.plan.steps)
        return self._denoiser

    def _conditioning(self, one: _Pass) -> list[ImageConditioning]:
        batch, options, text = self._batch, self._run.options, TextOptions.of(self._run.options)
        timeline = Timeline(
            self._run.plan.prompt_steps,
            one.plan.prompt_steps if one.hires else None,
            options.flag("use_old_scheduling"),
        )
        prompts = batch.hires_prompts if one.hires else batch.prompts
        negatives = batch.hires_negative_prompts if one.hires else batch.negative_prompts
        return condition(
            prompts, negatives, timeline, lambda texts: self._model.encoder.encode(texts, text), options
        )

    def _guidance(self, one: _Pass) -> Guidance:
        request, options = self._run.request, self._run.options
        min_sigma = options.number("s_min_uncond") if request.s_min_uncond is None else request.s_min_uncond
        steps = one.plan.steps if one.entry is None else one.entry.t_enc + 1
        return Guidance(
            scale=request.cfg_scale * one.plan.sampler.cfg_multiplier,
            min_sigma=min_sigma,
            min_sigma_all=options.flag("s_min_uncond_all"),
            skip_early=options.number("skip_early_cond"),
            total_calls=steps * (2 if one.plan.sampler.second_order else 1),
        )

    def _table(self) -> ModelSigmas:
        options, table = self._run.options, self._model.export.sigmas
        if options.text("sd_noise_schedule") == "Zero Terminal SNR":
            table = table.zero_terminal_snr()
        return table.quantized() if options.flag("enable_quantization") else table

    def _decoded(self, latent: Floats) -> list[RasterImage]:
        return rasters_of(self._model.decode(latent))

    def _on_step(self, index: int) -> None:
        assert self._denoiser is not None
        last = self._denoiser.last
        self._watch.step(index + 1, None if last is None else lambda: self._decoded(last[:1])[0])
