"""The first stage: hooks, then everything that a request leaves open is resolved and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.geometry import HiresRequest, hires_sizes
from core.domain.image import RasterImage
from core.domain.infotext import NETWORK_HASHES
from core.domain.limits import RequestLimits, check_request
from core.domain.model import ModelIdentity
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest, HiresParams
from core.domain.seeds import image_seeds, image_subseeds
from core.domain.unchosen import SAME_SAMPLER, SAME_SCHEDULER, chosen
from core.domain.upscaling import LATENT_UPSCALERS, check_upscaler, tiling_of
from core.drafts import RequestDraft
from core.ports.driven import FaceRestorers, RunHooks, Upscalers
from core.prepared import Enlarge, HiresPass
from core.prompt.comments import strip_comments
from core.sampling.passes import SamplingPlan
from core.sampling.registry import ResolvedSampling, resolve, resolve_hires
from core.stages.earlier import face_mending, wants_first_pass
from core.stages.flow_requests import fitted, flow_parameters, own_levels
from core.stages.init_pictures import InitPreparing, PreparedInit
from core.stages.lookup import chosen_vae
from core.stages.order import Preparation, RunOrder
from core.stages.other_models import hires_checkpoint_parameter, refiner_parameters, refiner_switch
from core.stages.quiet import QuietWatch
from core.stages.sampling_plan import make_plan, plan_parameters
from core.stages.unheeded import unheeded

DEFAULT_HIRES_UPSCALER = "Latent"


class Preparing:
    """Turns an order into a preparation. The last moment at which a request can change."""

    def __init__(
        self,
        hooks: RunHooks,
        init: InitPreparing,
        limits: RequestLimits,
        upscalers: Upscalers | None = None,
        faces: FaceRestorers | None = None,
    ) -> None:
        self._hooks = hooks
        self._init = init
        self._limits = limits
        self._upscalers = upscalers
        self._faces = faces

    @property
    def limits(self) -> RequestLimits:
        return self._limits

    def prepare(self, run_id: str, order: RunOrder) -> Preparation:
        """Raises ``InvalidRequest``, or ``PluginError``."""
        draft = _draft(run_id, order)
        self._hooks.prepare(draft)
        request, options = _finished(draft), draft.options
        check_request(request, self._limits)
        family = order.model.family if order.model else ""
        request = fitted(request, family)
        resolved = own_levels(resolve(request.sampler_name, request.scheduler), family)
        plan = make_plan(request, options, resolved, family)
        init = self._init.prepare(request, request.init, options) if request.init else None
        first_pass: list[RasterImage] = []
        hires = self._hires_pass(order, request, options, plan)
        if hires is not None and wants_first_pass(request, options):
            hires = replace(hires, keep=first_pass.extend)
        mend, told = face_mending(self._faces, request, options)
        refiner = refiner_switch(order, request, options)
        count = request.batch_size * request.n_iter
        hires_prompts = _hires_prompts(request, options)
        extra = {
            **draft.extra_generation_params,
            **hires_checkpoint_parameter(hires),
            **_extra(request, options, resolved, init, hires_prompts),
            **flow_parameters(family, options),
            **refiner_parameters(refiner, options, hires),
            **_network_hashes(draft),
        }
        return Preparation(
            request=_as_drawn(request, hires),
            options=options,
            plan=plan,
            init=init.pictures if init else None,
            hires=hires,
            refiner=refiner,
            overlay=init.overlay if init else None,
            color_references=init.color_references if init else (),
            prompts=(request.prompt,) * count,
            negative_prompts=(request.negative_prompt,) * count,
            hires_prompts=(hires_prompts[0],) * count,
            hires_negative_prompts=(hires_prompts[1],) * count,
            seeds=image_seeds(request.seed, count, request.subseed_strength),
            subseeds=image_subseeds(request.subseed, count),
            extra=extra,
            comments=(
                *draft.comments,
                *unheeded(request, draft),
                *(init.comments if init else ()),
                *told,
            ),
            mend=mend,
            first_pass=first_pass,
            extras=MappingProxyType(draft.extras),
            vae=_vae(order, options),
        )

    def _hires_pass(
        self, order: RunOrder, request: GenerationRequest, options: OptionValues, plan: SamplingPlan
    ) -> HiresPass | None:
        if request.hires is None:
            return None
        family = (order.hires_model or order.model).family if order.model else ""
        own = _hires_pass(request, request.hires, options, plan, family)
        hires = replace(own, model=order.hires_model)
        if hires.upscaler in LATENT_UPSCALERS or self._upscalers is None:
            return hires
        return replace(hires, enlarge=enlarging(self._upscalers, hires, options))


def _vae(order: RunOrder, options: OptionValues) -> ModelIdentity | None:
    if order.models is None or order.model is None:
        return None
    return chosen_vae(order.models, order.model, order.request, options)


def _draft(run_id: str, order: RunOrder) -> RequestDraft:
    model = order.model.identity if order.model else None
    return RequestDraft(
        run_id=run_id,
        request=_with_defaults(order),
        options=order.options,
        model=model,
        styles=MappingProxyType({style.name: style for style in order.frozen.styles}),
    )


def _as_drawn(request: GenerationRequest, hires: HiresPass | None) -> GenerationRequest:
    """The request with the size of the first pass, and with batches as large as there are init images."""
    if hires is not None:
        first = hires.sizes.first
        return replace(request, width=first.width, height=first.height)
    if request.init is not None and len(request.init.images) > 1:
        return replace(request, batch_size=len(request.init.images))
    return request


def _with_defaults(order: RunOrder) -> GenerationRequest:
    """The request with its seeds and the options that its nulls stand for."""
    request, frozen, options = order.request, order.frozen, order.options
    return replace(
        request,
        seed=frozen.seed,
        subseed=frozen.subseed,
        restore_faces=options.flag("face_restoration")
        if request.restore_faces is None
        else request.restore_faces,
        tiling=options.flag("tiling") if request.tiling is None else request.tiling,
    )


def _finished(draft: RequestDraft) -> GenerationRequest:
    return replace(
        draft.request,
        prompt=_without_comments(draft.request.prompt, draft.options),
        negative_prompt=_without_comments(draft.request.negative_prompt, draft.options),
    )


def _without_comments(text: str, options: OptionValues) -> str:
    return strip_comments(text) if options.flag("enable_prompt_comments") else text


def _hires_prompts(request: GenerationRequest, options: OptionValues) -> tuple[str, str]:
    """The prompts of the second pass: those of the first, unless the request has its own."""
    hires = request.hires
    if hires is None:
        return request.prompt, request.negative_prompt
    own = hires.prompt or request.prompt
    negative = hires.negative_prompt or request.negative_prompt
    return _without_comments(own, options), _without_comments(negative, options)


def _hires_pass(
    request: GenerationRequest, hires: HiresParams, options: OptionValues, plan: SamplingPlan, family: str
) -> HiresPass:
    sizes = hires_sizes(
        HiresRequest(
            width=request.width,
            height=request.height,
            scale=hires.scale,
            resize_x=hires.resize_x,
            resize_y=hires.resize_y,
            firstphase_width=hires.firstphase_width,
            firstphase_height=hires.firstphase_height,
            old_sizes=options.flag("use_old_hires_fix_width_height"),
        )
    )
    if request.denoising_strength is None:
        raise InvalidValue("denoising_strength", None, "enable_hr needs one between 0 and 1")
    second = replace(request, steps=hires.second_pass_steps or request.steps)
    first = ResolvedSampling(plan.sampler, plan.scheduler)
    resolved = own_levels(resolve_hires(first, hires.sampler_name, hires.scheduler), family)
    return HiresPass(
        plan=replace(make_plan(second, options, resolved), is_sdxl=plan.is_sdxl),
        sizes=sizes,
        upscaler=hires.upscaler or DEFAULT_HIRES_UPSCALER,
        denoising_strength=request.denoising_strength,
    )


def enlarging(upscalers: Upscalers, hires: HiresPass, options: OptionValues) -> Enlarge:
    """The pixel upscaler of a second pass, bound to its size. Raises ``InvalidValue`` for an unknown one."""
    known = {upscaler.name: upscaler for upscaler in upscalers.all()}
    check_upscaler("hr_upscaler", hires.upscaler, (*LATENT_UPSCALERS, *known))
    tiling = tiling_of(known[hires.upscaler], options)

    def enlarge(image: RasterImage, check: Callable[[], None]) -> RasterImage:
        return upscalers.upscale(hires.upscaler, image, hires.sizes.upscaled, tiling, QuietWatch(check))

    return enlarge


def _extra(
    request: GenerationRequest,
    options: OptionValues,
    resolved: ResolvedSampling,
    init: PreparedInit | None,
    hires_prompts: tuple[str, str],
) -> dict[str, Any]:
    """Infotext parameters after the fixed ones, in the reference's order."""
    extra: dict[str, Any] = {}
    if request.hires is not None:
        extra.update(_hires_parameters(request, request.hires, hires_prompts, options))
    if init is not None:
        extra.update(init.extra)
    extra.update(dict.fromkeys(NETWORK_HASHES))  # their place; plugins fill it
    if options.text("emphasis") != "Original" and _is_weighted(request):
        extra["Emphasis"] = options.text("emphasis")
    if options.text("sd_noise_schedule") != "Default":
        extra["Noise Schedule"] = options.text("sd_noise_schedule")
    extra.update(plan_parameters(request, options, resolved))
    extra.update(_guidance_parameters(request, options))
    return extra


def _network_hashes(draft: RequestDraft) -> dict[str, Any]:
    given = draft.extra_generation_params
    return {key: given[key] for key in NETWORK_HASHES if key in given}


def _is_weighted(request: GenerationRequest) -> bool:
    return any(mark in text for text in (request.prompt, request.negative_prompt) for mark in "([")


def _hires_parameters(
    request: GenerationRequest, hires: HiresParams, prompts: tuple[str, str], options: OptionValues
) -> dict[str, Any]:
    x, y = hires.resize_x, hires.resize_y
    if options.flag("use_old_hires_fix_width_height"):
        x, y = hires.firstphase_width or request.width, hires.firstphase_height or request.height
    resized = x != 0 or y != 0
    found = {
        "Hires sampler": chosen(hires.sampler_name, SAME_SAMPLER),
        "Hires prompt": prompts[0] if prompts[0] != request.prompt else None,
        "Hires negative prompt": prompts[1] if prompts[1] != request.negative_prompt else None,
        "Hires schedule type": chosen(hires.scheduler, SAME_SCHEDULER),
        "Hires resize": f"{x}x{y}" if resized else None,
        "Hires upscale": None if resized else hires.scale,
        "Hires steps": hires.second_pass_steps or None,
        "Hires upscaler": hires.upscaler,
    }
    return {key: value for key, value in found.items() if value is not None}


def _guidance_parameters(request: GenerationRequest, options: OptionValues) -> dict[str, Any]:
    threshold = options["s_min_uncond"] if request.s_min_uncond is None else request.s_min_uncond
    found: dict[str, Any] = {}
    if threshold:
        found["NGMS"] = float(threshold)
        if options.flag("s_min_uncond_all"):
            found["NGMS all steps"] = True
    if options.number("skip_early_cond"):
        found["Skip Early CFG"] = options["skip_early_cond"]
    for option, label in (("pad_cond_uncond", "Pad conds"), ("pad_cond_uncond_v0", "Pad conds v0")):
        if options.flag(option):
            found[label] = True
    return found
