"""The request field ``infotext``: what it says fills every field that the request itself leaves open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from adapters.http.infotext_options import parse_options
from adapters.http.wire.generation import GenerationBody, Img2ImgRequest, Txt2ImgRequest
from core.domain.errors import InvalidValue
from core.domain.infotext import parse
from core.domain.options import OptionSpec, OptionValue
from core.domain.styles import Style
from core.ports.driving import EditOptions

Parsed = Mapping[str, object]

BOTH: Mapping[str, str] = {
    "steps": "Steps",
    "sampler_name": "Sampler",
    "scheduler": "Schedule type",
    "seed": "Seed",
    "subseed": "Variation seed",
    "subseed_strength": "Variation seed strength",
    "seed_resize_from_w": "Seed resize from-1",
    "seed_resize_from_h": "Seed resize from-2",
    "refiner_checkpoint": "Refiner",
    "refiner_switch_at": "Refiner switch at",
}
"""Field: the parameter that fills it. The reference swaps width and height of the seed's size."""

TXT2IMG: Mapping[str, str] = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "cfg_scale": "CFG scale",
    "width": "Size-1",
    "height": "Size-2",
    "batch_size": "Batch size",
    "styles": "Styles array",
    "denoising_strength": "Denoising strength",
    "hr_scale": "Hires upscale",
    "hr_upscaler": "Hires upscaler",
    "hr_second_pass_steps": "Hires steps",
    "hr_resize_x": "Hires resize-1",
    "hr_resize_y": "Hires resize-2",
    "hr_checkpoint_name": "Hires checkpoint",
    "hr_sampler_name": "Hires sampler",
    "hr_scheduler": "Hires schedule type",
    "hr_prompt": "Hires prompt",
    "hr_negative_prompt": "Hires negative prompt",
}

OPTIONS: Mapping[str, str] = {
    "CLIP_stop_at_last_layers": "Clip skip",
    "sd_vae": "VAE",
    "sd_vae_encode_method": "VAE Encoder",
    "sd_vae_decode_method": "VAE Decoder",
    "emphasis": "Emphasis",
    "randn_source": "RNG",
    "tiling": "Tiling",
    "hires_fix_refiner_pass": "Hires refiner",
    "eta_ddim": "Eta DDIM",
    "eta_ancestral": "Eta",
    "sd3_enable_t5": "Enable T5",
    "distilled_cfg_scale": "Distilled CFG Scale",
    "s_churn": "Sigma churn",
    "s_tmin": "Sigma tmin",
    "s_tmax": "Sigma tmax",
    "s_noise": "Sigma noise",
    "sigma_min": "Schedule min sigma",
    "sigma_max": "Schedule max sigma",
    "rho": "Schedule rho",
    "eta_noise_seed_delta": "ENSD",
    "always_discard_next_to_last_sigma": "Discard penultimate sigma",
    "sgm_noise_multiplier": "SGM noise multiplier",
    "sd_noise_schedule": "Noise Schedule",
    "skip_early_cond": "Skip Early CFG",
    "beta_dist_alpha": "Beta scheduler alpha",
    "beta_dist_beta": "Beta scheduler beta",
    "inpainting_mask_weight": "Conditional mask weight",
    "initial_noise_multiplier": "Noise multiplier",
    "img2img_extra_noise": "Extra noise",
    "s_min_uncond": "NGMS",
    "s_min_uncond_all": "NGMS all steps",
    "pad_cond_uncond": "Pad conds",
    "pad_cond_uncond_v0": "Pad conds v0",
    "use_old_scheduling": "Old prompt editing timelines",
    "use_downcasted_alpha_bar": "Downcast alphas_cumprod",
    "refiner_switch_by_sample_steps": "Refiner switch by sampling steps",
    "token_merging_ratio": "Token merging ratio",
    "token_merging_ratio_hr": "Token merging ratio hr",
}
"""Options that an infotext tells of. The checkpoint is not among them, as in the reference by default."""

HIRES = ("Hires upscale", "Hires upscaler", "Hires resize-1", "Hires resize-2")


B = TypeVar("B", Txt2ImgRequest, Img2ImgRequest)


def paste(body: B, options: EditOptions, styles: Callable[[], Sequence[Style]] = tuple) -> B:
    """``body`` with its open fields filled. Raises ``InvalidValue`` if the infotext has what does not fit.

    :param styles: gives the styles that are taken out of the prompts and named instead.
    """
    if not body.infotext:
        return body
    found = parse(body.infotext, parse_options(options.get(), styles()))
    given = {name: getattr(body, name) for name in body.model_fields_set}
    filled = {**_fields(body, found), **given}
    overrides = {**_overrides(found, options), **(body.override_settings or {})}
    if overrides:
        filled["override_settings"] = overrides
    try:
        return type(body).model_validate(filled)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidValue(f"infotext, {first['loc'][0]}", first["input"], first["msg"]) from None


def _fields(body: GenerationBody, found: Parsed) -> dict[str, object]:
    table = BOTH if isinstance(body, Img2ImgRequest) else {**TXT2IMG, **BOTH}
    filled = {field: found[key] for field, key in table.items() if key in found}
    if isinstance(body, Txt2ImgRequest) and "Denoising strength" in found:
        filled["enable_hr"] = any(found.get(key) for key in HIRES)
    return filled


def _overrides(found: Parsed, options: EditOptions) -> dict[str, OptionValue]:
    """Options whose value in the infotext is another one than that in force."""
    specs = {spec.name: spec for spec in options.specs()}
    now = options.get()
    named = {
        name: _cast(specs[name], found[key])
        for name, key in OPTIONS.items()
        if key in found and name in specs
    }
    return {name: value for name, value in named.items() if value != now[name]}


def _cast(spec: OptionSpec, value: Any) -> OptionValue:
    if isinstance(spec.default, bool):
        return value in (True, "True", "true")
    return spec.accept(value)
