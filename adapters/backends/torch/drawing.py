"""One batch, from its prompts and seeds to its latent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor

from adapters.backends.shared.guidance import Guidance
from adapters.backends.spec import ShippedHooks
from adapters.backends.torch import hires as hires_fix
from adapters.backends.torch.checkpoints import Checkpoint
from adapters.backends.torch.conditioning import Beside, ImageConditioning, Listening, Padding, condition
from adapters.backends.torch.denoiser import GuidedDenoiser
from adapters.backends.torch.engine.batcher import Member, StepBatcher
from adapters.backends.torch.families.sizes import size_numbers
from adapters.backends.torch.hook_drafts import TorchPass
from adapters.backends.torch.hooks.calls import PassHooks, Unhooked, wanted_hooks
from adapters.backends.torch.hooks.facts import facts
from adapters.backends.torch.hooks.texts import TextHooks
from adapters.backends.torch.image_input import ImageInput, hires_input, image_input
from adapters.backends.torch.latents import CELL, MaskBlend
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import check_merging, unet_network
from adapters.backends.torch.noise import BatchNoise, NoiseSpec, seed_resize_cells
from adapters.backends.torch.ops import TorchOps
from adapters.backends.torch.previews import Previews
from adapters.backends.torch.same_latents import check_latents
from adapters.backends.torch.starts import init_latent
from adapters.backends.torch.takeover import Network, Takeover
from adapters.backends.torch.text import TextOptions
from core.domain.model import ModelRef
from core.domain.resources import LoraChoice
from core.domain.token_merging import merging_ratio
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

CFG_ROWS = 2
"""A picture with its negative prompt."""

LORAS, HIRES_LORAS = "loras", "hires_loras"
"""What a batch's extras hold; the second pass has those of the first, unless it has its own."""

Load: TypeAlias = Callable[[ModelRef, tuple[LoraChoice, ...]], Checkpoint]


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
    :param batcher: where the passes of runs in flight are shared.
    :param alone: this run shares none, so that its pictures do not even differ by rounding.
    :param hooks: those of plugins on tensors; None: there is nobody who calls any.
    :ivar last: the last x0 that was predicted; in a second pass that has none yet, what the first has drawn.
    """

    def __init__(
        self,
        load: Load,
        run: PreparedRun,
        batch: Batch,
        watch: RunWatch,
        batcher: StepBatcher,
        previews: Previews,
        alone: bool = False,
        hooks: ShippedHooks | None = None,
    ) -> None:
        self._load = load
        self._checkpoint = load(run.model, batch.extras.get(LORAS, ()))
        self._run = run
        self._batch = batch
        self._watch = watch
        self._batcher = batcher
        self._previews = previews
        self._alone = alone
        self._shipped = hooks if hooks is not None and wanted_hooks(hooks) else None
        self._text_hooks = TextHooks.of(hooks, batch.marks)
        self._hooks = Unhooked()
        self._told: TorchPass | None = None
        self._state: dict[str, Any] = {}
        self._network_of, self._solo = self.model, False
        self._denoiser: GuidedDenoiser | None = None
        self._first: Tensor | None = None

    @property
    def last(self) -> Tensor | None:
        last = None if self._denoiser is None else self._denoiser.last
        return self._first if last is None else last

    @property
    def model(self) -> LoadedModel:
        """The model of the pass in progress, whose VAE turns its latents into pictures."""
        return self._checkpoint.model

    def latent(self) -> Tensor:
        run = self._run
        if run.hires is not None:
            hires_fix.check_upscaler(run.hires)
            overrides = run.request.override_settings
            check_merging(merging_ratio(run.options, overrides, from_picture=False, hires=True))
            first = run.hires.sizes.first
            latent = self._from_noise(self._pass(run.plan, first.height // CELL, first.width // CELL))
            return self._second_pass(latent)
        one = self._pass(run.plan, run.request.height // CELL, run.request.width // CELL)
        return self._from_noise(one) if run.init is None else self._from_init(one, run.init)

    def _merging(self, one: _Pass) -> float:
        run, from_picture = self._run, self._run.init is not None
        overrides = run.request.override_settings
        return merging_ratio(run.options, overrides, from_picture=from_picture, hires=one.hires)

    def _pass(self, plan: SamplingPlan, rows: int, columns: int, hires: bool = False) -> _Pass:
        options, table = self._run.options, self.model.table(rows, columns, plan.steps)
        if options.text("sd_noise_schedule") == "Zero Terminal SNR":
            table = table.zero_terminal_snr()
        table = table.quantized() if options.flag("enable_quantization") else table
        return _Pass(plan, table, rows, columns, hires)

    def _from_noise(self, one: _Pass) -> Tensor:
        noise = self._noise(one, self._span(one, None))
        seen = image_input(self.model, None, len(self._batch.seeds), one.rows, one.columns, self._mask_weight)
        guidance = self._begin(one, None)
        start, ops = self._hooks.first(noise.first()), TorchOps()
        with self._joined(one) as member:
            denoiser = self._start_pass(member, one, None, guidance, None, seen)
            drawn: Tensor = sample_from_noise(
                one.plan, one.sigmas, denoiser, start, noise, self._on_step, ops
            )
        return self._hooks.sampled(drawn)

    def _from_init(self, one: _Pass, init: InitPictures) -> Tensor:
        entry = LatentStart.of(
            one.plan.steps, init.denoising_strength, self._run.options.flag("img2img_fix_steps")
        )
        noise = self._noise(one, self._span(one, entry))
        start = noise.first()
        latent, blend = init_latent(self.model, init, noise, one.rows, one.columns)
        seen = image_input(self.model, init, start.shape[0], one.rows, one.columns, self._mask_weight)
        guidance = self._begin(one, entry)
        start, latent = self._hooks.start(start, latent)
        with self._joined(one) as member:
            denoiser = self._start_pass(member, one, entry, guidance, blend, seen)
            drawn: Tensor = sample_from_latent(
                one.plan, one.sigmas, denoiser, latent, start * init.noise_multiplier, noise,
                self._on_step, TorchOps(),
                start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
            )  # fmt: skip
        return self._hooks.sampled(denoiser.finished(drawn))

    def _second_pass(self, first: Tensor) -> Tensor:
        hires, before, self._first = self._run.hires, self.model, first
        assert hires is not None
        larger = hires_fix.upscale(self.model, hires, first, self._watch.check)
        extras = self._batch.extras
        if hires.model is not None or HIRES_LORAS in extras:
            loras = extras.get(HIRES_LORAS, extras.get(LORAS, ()))
            self._checkpoint = self._load(hires.model or self._run.model, loras)
            check_latents(before, self.model, "hr_checkpoint_name")
        one = self._pass(hires.plan, larger.shape[2], larger.shape[3], hires=True)
        entry = LatentStart.of(hires.plan.steps, hires.denoising_strength, fixed_steps=True)
        noise = self._noise(one, self._span(one, entry))
        seen = hires_input(self.model, larger, self._mask_weight)
        guidance = self._begin(one, entry)
        start, larger = self._hooks.start(noise.first(), larger)
        with self._joined(one) as member:
            denoiser = self._start_pass(member, one, entry, guidance, None, seen)
            drawn: Tensor = sample_from_latent(
                one.plan, one.sigmas, denoiser, larger, start, noise, self._on_step, TorchOps(),
                start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
            )  # fmt: skip
        return self._hooks.sampled(drawn)

    def _begin(self, one: _Pass, entry: LatentStart | None) -> Guidance:
        """Plugins hear of the pass before it takes part: it may have to be drawn alone."""
        guidance = self._guidance(one, entry)
        self._told = facts(
            self._run, self._batch, self.model, self._state,
            hires=one.hires, steps=one.plan.steps, evaluations=guidance.total_calls,
            latent=(one.rows, one.columns),
        )  # fmt: skip
        if self._shipped is not None:
            self._hooks = PassHooks(self._shipped, self._told)
        self._network_of, self._solo = self._hooks.begin(self.model)
        return guidance

    def _joined(self, one: _Pass) -> AbstractContextManager[Member]:
        """Only while it samples: a run that encodes or decodes would keep the others waiting."""
        scope = (self.model.ref.identity, one.rows, one.columns)
        rows = CFG_ROWS * len(self._batch.seeds)
        return self._batcher.join(scope, rows, self._watch.check, alone=self._shares_nothing(one))

    def _shares_nothing(self, one: _Pass) -> bool:
        # Its steps follow from its errors: what company changes by rounding, it would take another way by.
        return self._alone or self._solo or one.plan.sampler.adaptive

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
            pinned=self.model.pinned,
        )
        return BatchNoise(spec, span)

    def _conditioning(self, one: _Pass, checkpoint: Checkpoint) -> list[ImageConditioning]:
        batch, options = self._batch, self._run.options
        text = TextOptions(
            emphasis=Emphasis.of(options.text("emphasis")),
            clip_skip=int(options.number("CLIP_stop_at_last_layers")),
            comma_backtrack=int(options.number("comma_padding_backtrack")),
            first_skips=options.flag("sdxl_clip_l_skip"),
            t5=options.flag("sd3_enable_t5"),
            alone=self._shares_nothing(one),
        )
        family = checkpoint.model.family
        numbers = size_numbers(family.sizes, one.columns * CELL, one.rows * CELL, options)
        beside = Beside(numbers, family.zero_negative, family.counts_tokens)
        timeline = Timeline(
            self._run.plan.prompt_steps,
            one.plan.prompt_steps if one.hires else None,
            options.flag("use_old_scheduling"),
        )
        prompts = batch.hires_prompts if one.hires else batch.prompts
        negatives = batch.hires_negative_prompts if one.hires else batch.negative_prompts
        return condition(
            prompts, negatives, timeline, checkpoint.encoder, text, Padding.of(options), beside,
            self._listening(checkpoint, text.emphasis),
        )  # fmt: skip

    def _listening(self, checkpoint: Checkpoint, emphasis: Emphasis) -> Listening | None:
        if self._text_hooks is None:
            return None
        model = checkpoint.model
        assert self._told is not None
        told = replace(self._told, model=model.ref.identity, dtype=model.dtype)
        return partial(self._text_hooks.words, told, checkpoint.encoder, emphasis)

    @property
    def _mask_weight(self) -> float:
        return self._run.options.number("inpainting_mask_weight")

    def _start_pass(
        self,
        member: Member,
        one: _Pass,
        entry: LatentStart | None,
        guidance: Guidance,
        blend: MaskBlend | None,
        seen: ImageInput | None,
    ) -> GuidedDenoiser:
        self._denoiser = GuidedDenoiser(
            network=self._network(self._network_of, member, one),
            scaling=model_scaling(one.plan.sampler, one.sigmas, self.model.prediction),
            images=self._conditioning(one, self._checkpoint),
            guidance=guidance,
            watch=self._watch,
            blend=blend,
            picture=seen,
            takeover=self._takeover(member, one, guidance.total_calls),
            hooks=self._hooks.in_denoiser,
        )
        self._watch.begin_pass(executed_steps(one.plan, one.sigmas, entry) or one.plan.steps)
        return self._denoiser

    def _network(self, model: LoadedModel, member: Member, one: _Pass) -> Network:
        scale, marks = self._run.request.cfg_scale, self._run.marks
        return unet_network(model, member, self._merging(one), scale, marks)

    def _takeover(self, member: Member, one: _Pass, calls: int) -> Takeover | None:
        switch = self._run.refiner
        if switch is None or not (switch.second_pass if one.hires else switch.first_pass):
            return None

        def begin() -> tuple[Network, ModelScaling, list[ImageConditioning]]:
            other = self._load(switch.model, ())
            check_latents(self.model, other.model, "refiner_checkpoint")
            scaling = model_scaling(one.plan.sampler, one.sigmas, other.model.prediction)
            return self._network(other.model, member, one), scaling, self._conditioning(one, other)

        return Takeover(switch, calls, begin)

    def _guidance(self, one: _Pass, entry: LatentStart | None) -> Guidance:
        request, options = self._run.request, self._run.options
        min_sigma = options.number("s_min_uncond") if request.s_min_uncond is None else request.s_min_uncond
        steps = one.plan.steps if entry is None else entry.t_enc + 1
        negatives = self._batch.hires_negative_prompts if one.hires else self._batch.negative_prompts
        family = self.model.family
        return Guidance(
            scale=request.cfg_scale * one.plan.sampler.cfg_multiplier,
            unguided=self.model.guidance_width is not None
            or family.goes_unguided(request.cfg_scale, any(negatives)),
            renormed=family.flow is not None and family.flow.renormed,
            min_sigma=min_sigma,
            min_sigma_all=options.flag("s_min_uncond_all"),
            skip_early=options.number("skip_early_cond"),
            total_calls=steps * (2 if one.plan.sampler.second_order else 1),
        )

    def _on_step(self, index: int) -> None:
        last = self.last
        kind = self._run.options.text("show_progress_type")
        self._watch.step(index + 1, None if last is None else self._previews.of(self.model, last, kind))
