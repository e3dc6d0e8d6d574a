"""The names by which a script says what it wants: those of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from core.domain.errors import InvalidRequest, InvalidValue, UnknownScript
from core.domain.request import GenerationRequest, HiresParams, InitParams, Kind, MaskedContent, ResizeMode
from core.domain.scripts import bind, find_script

if TYPE_CHECKING:
    from core.domain.image import BlobRef
    from core.domain.resources import ScriptInfo


class Fields(TypedDict, total=False):
    """What a request may say, by the names and with the defaults of the ``/sdapi/v1`` API."""

    negative_prompt: str
    styles: Sequence[str]
    seed: int
    subseed: int
    subseed_strength: float
    seed_resize_from_w: int
    seed_resize_from_h: int
    sampler_name: str
    scheduler: str | None
    batch_size: int
    n_iter: int
    steps: int
    cfg_scale: float
    width: int
    height: int
    restore_faces: bool | None
    tiling: bool | None
    eta: float | None
    denoising_strength: float | None
    s_min_uncond: float | None
    s_churn: float | None
    s_tmin: float | None
    s_tmax: float | None
    s_noise: float | None
    refiner_checkpoint: str | None
    refiner_switch_at: float | None
    disable_extra_networks: bool
    hires: HiresParams | None
    override_settings: Mapping[str, Any]
    script_name: str | None
    script_args: Sequence[Any] | Mapping[str, Any]
    alwayson_scripts: Mapping[str, Any]
    save_images: bool
    deterministic: bool


class InitFields(Fields, total=False):
    """What img2img may say besides."""

    resize_mode: int
    mask_blur: int
    mask_blur_x: int
    mask_blur_y: int
    mask_round: bool
    inpainting_fill: int
    inpaint_full_res: bool
    inpaint_full_res_padding: int
    inpainting_mask_invert: int
    initial_noise_multiplier: float | None
    image_cfg_scale: float | None


INIT_NAMES = {
    "resize_mode": "resize_mode",
    "mask_blur_x": "mask_blur_x",
    "mask_blur_y": "mask_blur_y",
    "mask_round": "mask_round",
    "inpainting_fill": "masked_content",
    "inpaint_full_res": "only_masked",
    "inpaint_full_res_padding": "only_masked_padding",
    "inpainting_mask_invert": "mask_invert",
    "initial_noise_multiplier": "noise_multiplier",
    "image_cfg_scale": "image_cfg_scale",
}
"""Of what the pictures to start from bring: the API's name and ours."""


def request_of(
    kind: Kind, prompt: str, fields: dict[str, Any], scripts: Callable[[], Sequence[ScriptInfo]]
) -> GenerationRequest:
    """Raises ``InvalidRequest``.

    :param scripts: those that there are. Asked where arguments are given by name.
    """
    for name in ("styles", "script_args"):
        given = fields.get(name, ())
        if isinstance(given, str | bytes):
            raise InvalidValue(name, given, "it must be a list")
        if isinstance(given, Mapping) and name == "script_args":
            given = _by_position(kind, fields.get("script_name"), given, scripts())
        fields[name] = tuple(given)
    return GenerationRequest(kind=kind, prompt=prompt, **fields)


def _by_position(
    kind: Kind, name: str | None, args: Mapping[str, Any], scripts: Sequence[ScriptInfo]
) -> tuple[Any, ...]:
    """Without a script they mean nothing."""
    if not name:
        return ()
    script = find_script(name, kind, scripts)
    if script is None:
        raise UnknownScript(name)
    return tuple(bind(script.name, script.args, args).values())


def init_params(images: tuple[BlobRef, ...], mask: BlobRef | None, fields: dict[str, Any]) -> InitParams:
    """Take the fields of :class:`InitFields` out of ``fields``: the API's flat names, ours grouped."""
    known: dict[str, Any] = {}
    if "mask_blur" in fields:
        known["mask_blur_x"] = known["mask_blur_y"] = fields.pop("mask_blur")
    for theirs, ours in INIT_NAMES.items():
        if theirs in fields:
            known[ours] = fields.pop(theirs)
    known["mask_invert"] = bool(known.get("mask_invert", False))
    try:
        known["resize_mode"] = ResizeMode(known.get("resize_mode", ResizeMode.STRETCH))
        known["masked_content"] = MaskedContent(known.get("masked_content", MaskedContent.FILL))
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    return InitParams(images=images, mask=mask, **known)
