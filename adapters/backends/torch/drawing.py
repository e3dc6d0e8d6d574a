"""One batch, from its prompts and seeds to its latent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from adapters.backends.torch import hires as hires_fix
from adapters.backends.torch.checkpoints import Checkpoint
from adapters.backends.torch.conditioning import ImageConditioning, Padding, condition
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.guidance import Guidance
from adapters.backends.torch.image_input import ImageInput, hires_input, image_input
from adapters.backends.torch.latents import CELL, MaskBlend
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import check_merging, merging_ratio, unet_network
from adapters.backends.torch.noise import BatchNoise, NoiseSpec, seed_resize_cells
from adapters.backends.torch.ops import TorchOps
from adapters.backends.torch.previews import preview
from adapters.backends.torch.starts import init_latent
from adapters.backends.torch.takeover import Network, Takeover
from adapters.backends.torch.text import TextOptions
from core.domain.model import ModelRef
from core.ports.driven import RunWatch
from core.prepared import Batch, InitPictures, PreparedRun
from core.prompt.emphasis import Emphasis
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
from core.sampling.scalings import ModelScaling, model_scaling


@dataclass(frozen=True, slots=True)
class _Pass:
    """One sampling pass.

    :ivar hires: whether it is the second pass of hires fix.
    """

    plan: SamplingPlan
    sigmas: ModelSigmas
    rows: int
    columns: int
    hires: bool = False


class BatchDrawing:
    """Draws the latent of one batch.

    :param load: gives a checkpoint, loaded now if need be.
    :ivar last: the last x0 that was predicted, of the pass in progress.
    """

    def __init__(
        self, load: Callable[[ModelRef], Checkpoint], run: PreparedRun, batch: Batch, watch: RunWatch
    ) -> None:
        self._load = load
        self._checkpoint = load(run.model)
        self._run = run
        self._batch = batch
        self._watch = watch
        self._denoiser: GuidedDenoiser | None = None

    @property
    def last(self) -> Tensor | None:
        return None if self._denoiser is None else self._denoiser.last

    @property
    def model(self) -> LoadedModel:
        """The model of the pass in progress, whose VAE turns its latents into pictures."""
        return self._checkpoint.model

    def latent(self) -> Tensor:
        run, sigmas = self._run, self._table()
        if run.hires is not None:
            hires_fix.check_upscaler(run.hires)
            check_merging(merging_ratio(run.options, from_picture=False, hires=True))
            first = run.hires.sizes.first
            latent = self._from_noise(_Pass(run.plan, sigmas, first.height // CELL, first.width // CELL))
            return self._second_pass(latent, sigmas)
        one = _Pass(run.plan, sigmas, run.request.height // CELL, run.request.width // CELL)
        return self._from_noise(one) if run.init is None else self._from_init(one, run.init)

    def _merging(self, one: _Pass) -> float:
        return merging_ratio(self._run.options, from_picture=self._run.init is not None, hires=one.hires)

    def _table(self) -> ModelSigmas:
        options, table = self._run.options, self.model.sigmas
        if options.text("sd_noise_schedule") == "Zero Terminal SNR":
            table = table.zero_terminal_snr()
        return table.quantized() if options.flag("enable_quantization") else table

    def _from_noise(self, one: _Pass) -> Tensor:
        noise = self._noise(one, self._span(one, None))
        seen = image_input(self.model, None, len(self._batch.seeds), one.rows, one.columns, self._mask_weight)
        denoiser = self._start_pass(one, None, None, seen)
        start, ops = noise.first(), TorchOps()
        drawn: Tensor = sample_from_noise(one.plan, one.sigmas, denoiser, start, noise, self._on_step, ops)
        return drawn

    def _from_init(self, one: _Pass, init: InitPictures) -> Tensor:
        entry = LatentStart.of(
            one.plan.steps, init.denoising_strength, self._run.options.flag("img2img_fix_steps")
        )
        noise = self._noise(one, self._span(one, entry))
        start = noise.first()
        latent, blend = init_latent(self.model, init, noise, one.rows, one.columns)
        seen = image_input(self.model, init, start.shape[0], one.rows, one.columns, self._mask_weight)
        denoiser = self._start_pass(one, entry, blend, seen)
        drawn: Tensor = sample_from_latent(
            one.plan, one.sigmas, denoiser, latent, start * init.noise_multiplier, noise, self._on_step,
            TorchOps(),
            start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
        )  # fmt: skip
        return drawn if blend is None else blend.keep(drawn)

    def _second_pass(self, first: Tensor, sigmas: ModelSigmas) -> Tensor:
        hires = self._run.hires
        assert hires is not None
        larger = hires_fix.upscale(self.model, hires, first, self._watch.check)
        if hires.model is not None:
            self._checkpoint = self._load(hires.model)
            sigmas = self._table()
        one = _Pass(hires.plan, sigmas, larger.shape[2], larger.shape[3], hires=True)
        entry = LatentStart.of(hires.plan.steps, hires.denoising_strength, fixed_steps=True)
        noise = self._noise(one, self._span(one, entry))
        seen = hires_input(self.model, larger, self._mask_weight)
        denoiser = self._start_pass(one, entry, None, seen)
        drawn: Tensor = sample_from_latent(
            one.plan, one.sigmas, denoiser, larger, noise.first(), noise, self._on_step, TorchOps(),
            start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
        )  # fmt: skip
        return drawn

    def _span(self, one: _Pass, entry: LatentStart | None) -> tuple[float, float] | None:
        needed = one.plan.sampler.brownian_noise and (entry is None or entry.total > 0)
        return brownian_span(one.plan, one.sigmas, entry) if needed else None

    def _noise(self, one: _Pass, span: tuple[float, float] | None) -> BatchNoise:
        request, options = self._run.request, self._run.options
        spec = NoiseSpec(
            seeds=self._batch.seeds,
            subseeds=self._batch.subseeds,
            subseed_strength=request.subseed_strength,
            shape=(self.model.latent_channels, one.rows, one.columns),
            source=options["randn_source"],
            device=self.model.device,
            ensd=int(options.number("eta_noise_seed_delta")),
            resize_from=seed_resize_cells(request.seed_resize_from_w, request.seed_resize_from_h),
        )
        return BatchNoise(spec, span)

    def _conditioning(self, one: _Pass, checkpoint: Checkpoint) -> list[ImageConditioning]:
        batch, options = self._batch, self._run.options
        text = TextOptions(
            emphasis=Emphasis.of(options.text("emphasis")),
            clip_skip=int(options.number("CLIP_stop_at_last_layers")),
            comma_backtrack=int(options.number("comma_padding_backtrack")),
        )
        timeline = Timeline(
            self._run.plan.prompt_steps,
            one.plan.prompt_steps if one.hires else None,
            options.flag("use_old_scheduling"),
        )
        prompts = batch.hires_prompts if one.hires else batch.prompts
        negatives = batch.hires_negative_prompts if one.hires else batch.negative_prompts
        return condition(prompts, negatives, timeline, checkpoint.encoder, text, Padding.of(options))

    @property
    def _mask_weight(self) -> float:
        return self._run.options.number("inpainting_mask_weight")

    def _start_pass(
        self, one: _Pass, entry: LatentStart | None, blend: MaskBlend | None, seen: ImageInput | None
    ) -> GuidedDenoiser:
        guidance = self._guidance(one, entry)
        self._denoiser = GuidedDenoiser(
            network=unet_network(self.model, self._merging(one)),
            scaling=model_scaling(one.plan.sampler, one.sigmas, self.model.prediction),
            images=self._conditioning(one, self._checkpoint),
            guidance=guidance,
            watch=self._watch,
            blend=blend,
            picture=seen,
            takeover=self._takeover(one, guidance.total_calls),
        )
        self._watch.begin_pass(executed_steps(one.plan, one.sigmas, entry) or one.plan.steps)
        return self._denoiser

    def _takeover(self, one: _Pass, calls: int) -> Takeover | None:
        switch = self._run.refiner
        if switch is None or not (switch.second_pass if one.hires else switch.first_pass):
            return None

        def begin() -> tuple[Network, ModelScaling, list[ImageConditioning]]:
            other = self._load(switch.model)
            scaling = model_scaling(one.plan.sampler, one.sigmas, other.model.prediction)
            return unet_network(other.model, self._merging(one)), scaling, self._conditioning(one, other)

        return Takeover(switch, calls, begin)

    def _guidance(self, one: _Pass, entry: LatentStart | None) -> Guidance:
        request, options = self._run.request, self._run.options
        min_sigma = options.number("s_min_uncond") if request.s_min_uncond is None else request.s_min_uncond
        steps = one.plan.steps if entry is None else entry.t_enc + 1
        return Guidance(
            scale=request.cfg_scale * one.plan.sampler.cfg_multiplier,
            min_sigma=min_sigma,
            min_sigma_all=options.flag("s_min_uncond_all"),
            skip_early=options.number("skip_early_cond"),
            total_calls=steps * (2 if one.plan.sampler.second_order else 1),
        )

    def _on_step(self, index: int) -> None:
        last = self.last
        self._watch.step(index + 1, None if last is None else preview(self.model, last))
