"""From request bodies to :class:`GenerationRequest`. Nulls get the meaning that the reference gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from typing import TypeVar

from adapters.http.pictures import PutPicture
from adapters.http.scripting import effective, selected
from adapters.http.wire.generation import GenerationBody, Img2ImgRequest, Txt2ImgRequest
from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.request import GenerationRequest, HiresParams, InitParams, Kind, MaskedContent, ResizeMode
from core.domain.resources import ScriptInfo
from core.domain.unchosen import NONE, SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER, chosen

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)


def txt2img_request(body: Txt2ImgRequest, scripts: Sequence[ScriptInfo]) -> GenerationRequest:
    """Raises ``InvalidRequest``."""
    hires = _hires(body) if body.enable_hr else None
    return replace(_request(body, Kind.TXT2IMG, scripts), hires=hires)


def img2img_request(
    body: Img2ImgRequest, scripts: Sequence[ScriptInfo], put: PutPicture
) -> GenerationRequest:
    """Keeps the pictures of ``body`` by ``put``, when all else is right. Raises ``InvalidRequest``."""
    return replace(_request(body, Kind.IMG2IMG, scripts), init=_init(body, put))


def _needed(name: str, value: T | None, kind: str) -> T:
    if value is None:
        raise InvalidValue(name, None, f"it must be {kind}")
    return value


def _either(value: T | None, default: T) -> T:
    return default if value is None else value


def _request(body: GenerationBody, kind: Kind, scripts: Sequence[ScriptInfo]) -> GenerationRequest:
    mine = [script for script in scripts if script.img2img is (kind is Kind.IMG2IMG)]
    script_args = selected(body.script_name, body.script_args, mine)
    always_on = effective(body.alwayson_scripts, mine)
    return GenerationRequest(
        kind=kind,
        prompt=_needed("prompt", body.prompt, "a text"),
        negative_prompt=body.negative_prompt or "",
        styles=tuple(body.styles or ()),
        seed=_either(body.seed, -1),
        subseed=_either(body.subseed, -1),
        subseed_strength=_either(body.subseed_strength, 0),
        seed_resize_from_w=_either(body.seed_resize_from_w, -1),
        seed_resize_from_h=_either(body.seed_resize_from_h, -1),
        sampler_name=body.sampler_name or body.sampler_index,
        scheduler=body.scheduler or None,
        batch_size=_needed("batch_size", body.batch_size, "a number"),
        n_iter=_needed("n_iter", body.n_iter, "a number"),
        steps=_needed("steps", body.steps, "a number"),
        cfg_scale=_needed("cfg_scale", body.cfg_scale, "a number"),
        width=_needed("width", body.width, "a number"),
        height=_needed("height", body.height, "a number"),
        restore_faces=body.restore_faces,
        tiling=body.tiling,
        eta=body.eta,
        denoising_strength=body.denoising_strength,
        s_min_uncond=body.s_min_uncond,
        s_churn=body.s_churn,
        s_tmin=body.s_tmin,
        s_tmax=body.s_tmax,
        s_noise=body.s_noise,
        refiner_checkpoint=chosen(body.refiner_checkpoint, SAME_CHECKPOINT, NONE),
        refiner_switch_at=body.refiner_switch_at,
        disable_extra_networks=bool(body.disable_extra_networks),
        override_settings=body.override_settings or {},
        script_name=body.script_name or None,
        script_args=script_args,
        alwayson_scripts=always_on,
        save_images=body.save_images,
    )


def _hires(body: Txt2ImgRequest) -> HiresParams:
    return HiresParams(
        scale=_either(body.hr_scale, 2.0),
        upscaler=body.hr_upscaler or None,
        second_pass_steps=body.hr_second_pass_steps or 0,
        resize_x=body.hr_resize_x or 0,
        resize_y=body.hr_resize_y or 0,
        checkpoint_name=chosen(body.hr_checkpoint_name, SAME_CHECKPOINT, NONE),
        sampler_name=chosen(body.hr_sampler_name, SAME_SAMPLER),
        scheduler=chosen(body.hr_scheduler, SAME_SCHEDULER),
        prompt=body.hr_prompt or "",
        negative_prompt=body.hr_negative_prompt or "",
        firstphase_width=body.firstphase_width or 0,
        firstphase_height=body.firstphase_height or 0,
    )


def _init(body: Img2ImgRequest, put: PutPicture) -> InitParams:
    if not body.init_images:
        raise InitImageMissing
    resize = _member(ResizeMode, "resize_mode", _either(body.resize_mode, 0))
    content = _member(MaskedContent, "inpainting_fill", _either(body.inpainting_fill, 0))
    blur_x, blur_y = _either(body.mask_blur_x, 4), _either(body.mask_blur_y, 4)
    if body.mask_blur is not None:
        blur_x = blur_y = body.mask_blur
    return InitParams(
        images=tuple(put(image, f"init_images[{n}]") for n, image in enumerate(body.init_images)),
        resize_mode=resize,
        mask=put(body.mask, "mask") if body.mask else None,
        mask_blur_x=blur_x,
        mask_blur_y=blur_y,
        mask_round=_either(body.mask_round, True),
        mask_invert=bool(body.inpainting_mask_invert),
        masked_content=content,
        only_masked=_either(body.inpaint_full_res, True),
        only_masked_padding=_either(body.inpaint_full_res_padding, 0),
        noise_multiplier=body.initial_noise_multiplier,
        image_cfg_scale=body.image_cfg_scale,
    )


def _member(kind: type[E], name: str, value: int) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(f"{member.value} ({member.name.lower().replace('_', ' ')})" for member in kind)
        raise InvalidValue(name, value, f"it must be one of {known}") from None
