"""Request bodies of ``/txt2img`` and ``/img2img``: the reference's fields, in its order, with its defaults.

Defaults keep their Python type when they are echoed (``subseed_strength`` is the integer 0). The classes are
listed last first in the bases, because pydantic collects fields from the far end of the bases.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from adapters.http.wire.types import Bool, Dict, Float, Int, List, ListOrDict, Names, Str


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class CommonFields(_Body):
    """What both endpoints take."""

    prompt: Str | None = ""
    negative_prompt: Str | None = ""
    styles: Names | None = None
    seed: Int | None = -1
    subseed: Int | None = -1
    subseed_strength: Float | None = 0
    seed_resize_from_h: Int | None = -1
    seed_resize_from_w: Int | None = -1
    sampler_name: Str | None = None
    scheduler: Str | None = None
    batch_size: Int | None = 1
    n_iter: Int | None = 1
    steps: Int | None = 50
    cfg_scale: Float | None = 7.0
    width: Int | None = 512
    height: Int | None = 512
    restore_faces: Bool | None = None
    tiling: Bool | None = None
    do_not_save_samples: Bool | None = False
    do_not_save_grid: Bool | None = False
    eta: Float | None = None
    denoising_strength: Float | None = None
    s_min_uncond: Float | None = None
    s_churn: Float | None = None
    s_tmax: Float | None = None
    s_tmin: Float | None = None
    s_noise: Float | None = None
    override_settings: Dict | None = None
    override_settings_restore_afterwards: Bool | None = True
    refiner_checkpoint: Str | None = None
    refiner_switch_at: Float | None = None
    disable_extra_networks: Bool | None = False
    firstpass_image: Str | None = None
    comments: Dict | None = None


class HiresFields(_Body):
    """What only ``/txt2img`` takes."""

    enable_hr: Bool | None = False
    firstphase_width: Int | None = 0
    firstphase_height: Int | None = 0
    hr_scale: Float | None = 2.0
    hr_upscaler: Str | None = None
    hr_second_pass_steps: Int | None = 0
    hr_resize_x: Int | None = 0
    hr_resize_y: Int | None = 0
    hr_checkpoint_name: Str | None = None
    hr_sampler_name: Str | None = None
    hr_scheduler: Str | None = None
    hr_prompt: Str | None = ""
    hr_negative_prompt: Str | None = ""


class InitFields(_Body):
    """What only ``/img2img`` takes."""

    init_images: List | None = None
    resize_mode: Int | None = 0
    image_cfg_scale: Float | None = None
    mask: Str | None = None
    mask_blur_x: Int | None = 4
    mask_blur_y: Int | None = 4
    mask_blur: Int | None = None
    mask_round: Bool | None = True
    inpainting_fill: Int | None = 0
    inpaint_full_res: Bool | None = True
    inpaint_full_res_padding: Int | None = 0
    inpainting_mask_invert: Int | None = 0
    initial_noise_multiplier: Float | None = None
    latent_mask: Str | None = None


class TaskFields(_Body):
    force_task_id: Str | None = None
    sampler_index: Str = "Euler"


class IncludeFields(_Body):
    include_init_images: Bool = False


class ScriptFields(_Body):
    script_name: Str | None = None
    script_args: ListOrDict = []
    send_images: Bool = True
    save_images: Bool = False
    alwayson_scripts: Dict = {}
    infotext: Str | None = None


class Txt2ImgRequest(ScriptFields, TaskFields, HiresFields, CommonFields):
    """Body of ``POST /sdapi/v1/txt2img``."""


class Img2ImgRequest(ScriptFields, IncludeFields, TaskFields, InitFields, CommonFields):
    """Body of ``POST /sdapi/v1/img2img``."""

    denoising_strength: Float = 0.75


GenerationBody = Txt2ImgRequest | Img2ImgRequest


def echo(body: GenerationBody) -> dict[str, Any]:
    """The ``parameters`` of the answer: every field as requested, none that the reference does not know."""
    return {name: getattr(body, name) for name in type(body).model_fields}


class ImagesResponse(BaseModel):
    """Answer of both. ``info`` is JSON text; its keys are those of the reference."""

    images: list[str] | None = None
    parameters: dict[str, Any]
    info: str
