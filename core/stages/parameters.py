"""What the infotext and the ``info`` object say of a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.domain import infotext
from core.domain.model import ModelIdentity
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest, Kind
from core.domain.token_merging import merging_ratio
from core.drafts import ImageDraft
from core.sampling.registry import ResolvedSampling
from core.stages.order import Preparation, RunOrder

TIMESTAMP = "%Y%m%d%H%M%S"


class PictureText:
    """Writes infotexts of one run.

    :param marks: keys that the backend puts into every infotext.
    :param version: what ``Version`` says; begins with the reference's version whose pictures these are, so
        that
        readers apply no rules for older ones.
    """

    def __init__(
        self, order: RunOrder, prepared: Preparation, marks: Mapping[str, str], version: str
    ) -> None:
        self._order = order
        self._prepared = prepared
        self._marks = marks
        self._version = version

    def write(self, draft: ImageDraft) -> str:
        """The infotext of one picture."""
        return infotext.write(
            draft.prompt, draft.negative_prompt, infotext.in_order(self._fixed(draft), self._extra(draft))
        )

    def _extra(self, draft: ImageDraft) -> dict[str, Any]:
        extra = {
            **self._prepared.extra,
            **draft.infotext_params,
            **self._marks,
            **self._prepared.marks,
        }
        options = self._prepared.options
        if options.flag("add_version_to_infotext"):
            extra["Version"] = self._version
        return extra

    def _fixed(self, draft: ImageDraft) -> dict[str, Any]:
        request, options = self._prepared.request, self._prepared.options
        overrides = request.override_settings
        model = self._order.checkpoint.identity
        plan = self._prepared.plan
        schedule = ResolvedSampling(plan.sampler, plan.scheduler).schedule_type
        merging = merging_ratio(options, overrides, from_picture=request.kind is Kind.IMG2IMG)
        merging_hr = merging_ratio(options, overrides, from_picture=False, hires=True)
        return {
            "Steps": request.steps,
            "Sampler": plan.sampler.name,
            "Schedule type": schedule,
            "CFG scale": request.cfg_scale,
            "Image CFG scale": request.init.image_cfg_scale
            if request.init and self._order.checkpoint.editing
            else None,
            "Seed": draft.seed,
            "Face restoration": options.text("face_restoration_model") if request.restore_faces else None,
            "Size": f"{request.width}x{request.height}",
            "Model hash": model.short_hash if options.flag("add_model_hash_to_info") else None,
            "Model": _model_name(model) if options.flag("add_model_name_to_info") else None,
            **_vae(self._prepared.vae, options),
            **_variation(request, draft),
            "Denoising strength": _strength(request),
            "Conditional mask weight": options["inpainting_mask_weight"]
            if self._order.checkpoint.inpainting
            else None,
            "Clip skip": _above(options, "CLIP_stop_at_last_layers", 1),
            "ENSD": _ensd(options, plan.eta, plan.sampler.uses_ensd),
            "Token merging ratio": merging or None,
            "Token merging ratio hr": (merging_hr or None) if request.hires else None,
            "RNG": options["randn_source"] if options["randn_source"] != "GPU" else None,
            "Tiling": True if request.tiling else None,
        }


def info_object(
    order: RunOrder, prepared: Preparation, infotexts: Sequence[str], first: int, version: str
) -> dict[str, Any]:
    """The ``info`` object of the API: keys and order as the reference prints them."""
    request, options, model = prepared.request, prepared.options, order.checkpoint.identity
    seeds, subseeds = prepared.seeds, prepared.subseeds
    return {
        "prompt": prepared.prompts[0],
        "all_prompts": list(prepared.prompts),
        "negative_prompt": prepared.negative_prompts[0],
        "all_negative_prompts": list(prepared.negative_prompts),
        "seed": seeds[0],
        "all_seeds": list(seeds),
        "subseed": subseeds[0],
        "all_subseeds": list(subseeds),
        "subseed_strength": request.subseed_strength,
        "width": request.width,
        "height": request.height,
        "sampler_name": prepared.plan.sampler.name,
        "cfg_scale": request.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": bool(request.restore_faces),
        "face_restoration_model": options.text("face_restoration_model") if request.restore_faces else None,
        "sd_model_name": _model_name(model),
        "sd_model_hash": model.short_hash,
        "sd_vae_name": prepared.vae.name if prepared.vae else None,
        "sd_vae_hash": prepared.vae.short_hash if prepared.vae else None,
        "seed_resize_from_w": request.seed_resize_from_w,
        "seed_resize_from_h": request.seed_resize_from_h,
        "denoising_strength": request.denoising_strength,
        "extra_generation_params": {k: _plain(v) for k, v in prepared.extra.items() if v is not None},
        "index_of_first_image": first,
        "infotexts": list(infotexts),
        "styles": list(request.styles),
        "job_timestamp": _timestamp(order.accepted_at),
        "clip_skip": int(options.number("CLIP_stop_at_last_layers")),
        "is_using_inpainting_conditioning": order.checkpoint.inpainting,
        "version": version,
    }


def _plain(value: Any) -> Any:
    """What plugins give as it is if JSON can hold it, else as the infotext has it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _timestamp(moment: datetime) -> str:
    return moment.strftime(TIMESTAMP)


def _model_name(model: ModelIdentity) -> str:
    return model.stem


def _vae(vae: ModelIdentity | None, options: OptionValues) -> dict[str, Any]:
    if vae is None:
        return {}
    return {
        "VAE hash": vae.short_hash if options.flag("add_vae_hash_to_info") else None,
        "VAE": vae.name if options.flag("add_vae_name_to_info") else None,
    }


def _variation(request: GenerationRequest, draft: ImageDraft) -> dict[str, Any]:
    varied = request.subseed_strength != 0
    width, height = request.seed_resize_from_w, request.seed_resize_from_h
    return {
        "Variation seed": draft.subseed if varied else None,
        "Variation seed strength": request.subseed_strength if varied else None,
        "Seed resize from": f"{width}x{height}" if width > 0 and height > 0 else None,
    }


def _strength(request: GenerationRequest) -> float | None:
    used = request.kind is Kind.IMG2IMG or request.hires is not None
    return request.denoising_strength if used else None


def _above(options: OptionValues, name: str, limit: float) -> Any:
    return options[name] if options.number(name) > limit else None


def _ensd(options: OptionValues, eta: float | None, uses_ensd: bool) -> Any:
    delta = options["eta_noise_seed_delta"]
    return delta if delta and uses_ensd and eta != 0 else None
