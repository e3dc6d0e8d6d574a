"""Draws with latent-diffusion UNet models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapters.backends.torch import hires as hires_fix
from adapters.backends.torch.conditioning import ImageConditioning, condition
from adapters.backends.torch.denoiser import Guidance, GuidedDenoiser
from adapters.backends.torch.devices import choose_device, choose_dtype, set_threads
from adapters.backends.torch.latents import CELL, MaskBlend, decode, encode, latent_mask, resize_latent
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.noise import BatchNoise, NoiseSpec, seed_resize_cells
from adapters.backends.torch.ops import TorchOps
from adapters.backends.torch.previews import preview
from adapters.backends.torch.text import TextEncoder, TextOptions
from adapters.backends.torch.tiling import tiling
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.domain.request import MaskedContent, ResizeMode
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
from core.sampling.scalings import model_scaling


class TorchBackend:
    """What ``LazyTorchBackend`` makes on first use. Several threads may draw at once; loading waits for
    none."""

    def __init__(self, settings: BackendSettings) -> None:
        set_threads(settings)
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.dtype, self._device)
        self._lock = threading.Lock()
        self._loaded: tuple[LoadedModel, TextEncoder] | None = None

    @property
    def device(self) -> str:
        return str(self._device)

    def load(self, ref: ModelRef) -> None:
        self._model(ref)

    def draw(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        model, encoder = self._model(run.model)
        drawing = BatchDrawing(model, encoder, run, batch, watch)
        try:
            with tiling(bool(run.request.tiling)), torch.inference_mode():
                return decode(model, drawing.latent())
        except Interrupted:
            return [] if drawing.last is None else decode(model, drawing.last)
        except torch.OutOfMemoryError:
            raise BackendError(
                f"out of memory while drawing {run.request.width}x{run.request.height} "
                f"with batch_size {run.request.batch_size}; ask for less"
            ) from None

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _model(self, ref: ModelRef) -> tuple[LoadedModel, TextEncoder]:
        with self._lock:
            if self._loaded is None or self._loaded[0].ref.identity != ref.identity:
                model = load_model(ref, self._device, self._dtype)
                self._loaded = model, TextEncoder(model.tokenizer, model.text_encoder, model.device)
            return self._loaded


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

    :ivar last: the last x0 that was predicted, of the pass in progress.
    """

    def __init__(
        self, model: LoadedModel, encoder: TextEncoder, run: PreparedRun, batch: Batch, watch: RunWatch
    ) -> None:
        self._model = model
        self._encoder = encoder
        self._run = run
        self._batch = batch
        self._watch = watch
        self._denoiser: GuidedDenoiser | None = None

    @property
    def last(self) -> Tensor | None:
        return None if self._denoiser is None else self._denoiser.last

    def latent(self) -> Tensor:
        run, sigmas = self._run, self._table()
        if run.hires is not None:
            first = run.hires.sizes.first
            latent = self._from_noise(_Pass(run.plan, sigmas, first.height // CELL, first.width // CELL))
            return self._second_pass(latent, sigmas)
        one = _Pass(run.plan, sigmas, run.request.height // CELL, run.request.width // CELL)
        return self._from_noise(one) if run.init is None else self._from_init(one, run.init)

    def _table(self) -> ModelSigmas:
        options, table = self._run.options, self._model.sigmas
        if options.text("sd_noise_schedule") == "Zero Terminal SNR":
            table = table.zero_terminal_snr()
        return table.quantized() if options.flag("enable_quantization") else table

    def _from_noise(self, one: _Pass) -> Tensor:
        noise = self._noise(
            one, brownian_span(one.plan, one.sigmas) if one.plan.sampler.brownian_noise else None
        )
        denoiser = self._start_pass(one, self._conditioning(one), None, None)
        drawn: Tensor = sample_from_noise(
            one.plan, one.sigmas, denoiser, noise.first(), noise, self._on_step, TorchOps()
        )
        return drawn

    def _from_init(self, one: _Pass, init: InitPictures) -> Tensor:
        entry = LatentStart.of(
            one.plan.steps, init.denoising_strength, self._run.options.flag("img2img_fix_steps")
        )
        noise = self._noise(one, self._span(one, entry))
        start = noise.first()
        latent, blend = self._init_latent(one, init, start)
        denoiser = self._start_pass(one, self._conditioning(one), entry, blend)
        drawn: Tensor = sample_from_latent(
            one.plan, one.sigmas, denoiser, latent, start * init.noise_multiplier, noise, self._on_step,
            TorchOps(),
            start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
        )  # fmt: skip
        return drawn if blend is None else blend.keep(drawn)

    def _second_pass(self, first: Tensor, sigmas: ModelSigmas) -> Tensor:
        hires = self._run.hires
        assert hires is not None
        larger = hires_fix.upscale(self._model, hires, first)
        one = _Pass(hires.plan, sigmas, larger.shape[2], larger.shape[3], hires=True)
        entry = LatentStart.of(hires.plan.steps, hires.denoising_strength, fixed_steps=True)
        noise = self._noise(one, self._span(one, entry))
        denoiser = self._start_pass(one, self._conditioning(one), entry, None)
        drawn: Tensor = sample_from_latent(
            one.plan, one.sigmas, denoiser, larger, noise.first(), noise, self._on_step, TorchOps(),
            start=entry, extra_noise=self._run.options.number("img2img_extra_noise"),
        )  # fmt: skip
        return drawn

    def _span(self, one: _Pass, entry: LatentStart) -> tuple[float, float] | None:
        needed = one.plan.sampler.brownian_noise and entry.total > 0
        return brownian_span(one.plan, one.sigmas, entry) if needed else None

    def _noise(self, one: _Pass, span: tuple[float, float] | None) -> BatchNoise:
        request, options = self._run.request, self._run.options
        ensd = int(options.number("eta_noise_seed_delta"))
        spec = NoiseSpec(
            seeds=self._batch.seeds,
            subseeds=self._batch.subseeds,
            subseed_strength=request.subseed_strength,
            shape=(self._model.latent_channels, one.rows, one.columns),
            source=options["randn_source"],
            device=self._model.device,
            ensd=ensd,
            resize_from=seed_resize_cells(request.seed_resize_from_w, request.seed_resize_from_h),
        )
        return BatchNoise(spec, span)

    def _conditioning(self, one: _Pass) -> list[ImageConditioning]:
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
        return condition(prompts, negatives, timeline, self._encoder, text)

    def _start_pass(
        self, one: _Pass, images: list[ImageConditioning], entry: LatentStart | None, blend: MaskBlend | None
    ) -> GuidedDenoiser:
        request, options = self._run.request, self._run.options
        min_sigma = options.number("s_min_uncond") if request.s_min_uncond is None else request.s_min_uncond
        self._denoiser = GuidedDenoiser(
            network=self._network(),
            scaling=model_scaling(one.plan.sampler, one.sigmas, self._model.prediction),
            images=images,
            guidance=Guidance(
                scale=request.cfg_scale * one.plan.sampler.cfg_multiplier,
                min_sigma=min_sigma,
                min_sigma_all=options.flag("s_min_uncond_all"),
                skip_early=options.number("skip_early_cond"),
                total_calls=one.plan.prompt_steps,
            ),
            watch=self._watch,
            blend=blend,
        )
        self._watch.begin_pass(executed_steps(one.plan, one.sigmas, entry) or one.plan.steps)
        return self._denoiser

    def _network(self) -> Callable[[Tensor, float, Tensor], Tensor]:
        model = self._model

        def evaluate(x: Tensor, t: float, context: Tensor) -> Tensor:
            times = torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device)
            answer = model.unet(
                x.to(model.dtype), times, encoder_hidden_states=context.to(model.dtype), return_dict=False
            )
            predicted: Tensor = answer[0]
            return predicted.float()

        return evaluate

    def _on_step(self, index: int) -> None:
        last = self.last
        self._watch.step(index + 1, None if last is None else preview(self._model, last))

    def _init_latent(self, one: _Pass, init: InitPictures, noise: Tensor) -> tuple[Tensor, MaskBlend | None]:
        encoded = encode(self._model, init.images)
        if init.resize_mode is ResizeMode.LATENT:
            encoded = resize_latent(encoded, one.rows, one.columns)
        if encoded.shape[0] == 1:
            encoded = encoded.repeat(noise.shape[0], 1, 1, 1)
        if init.mask is None:
            return encoded, None
        mask = latent_mask(init.mask, one.rows, one.columns, init.mask_round, self._model.device)
        if init.masked_content is MaskedContent.LATENT_NOISE:
            encoded = encoded * (1.0 - mask) + noise * mask
        elif init.masked_content is MaskedContent.LATENT_NOTHING:
            encoded = encoded * (1.0 - mask)
        return encoded, MaskBlend(encoded, mask)
