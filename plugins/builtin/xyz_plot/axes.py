"""What an axis of a plot may vary, by the names and in the order of the reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.options import MODEL_OPTION
from core.domain.request import GenerationRequest
from plugins.builtin.xyz_plot.values import (
    MOST,
    Order,
    PictureSize,
    Read,
    Swap,
    flags,
    numbers,
    sizes,
    texts_as_they_are,
    whole_numbers,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one picture of a plot is drawn with."""

    request: GenerationRequest
    options: Mapping[str, Any]


Apply = Callable[[Cell, Any], Cell]


@dataclass(frozen=True, slots=True)
class Axis:
    """:ivar read: the values from their texts. :ivar apply: one of them put into a cell."""

    read: Read
    apply: Apply


def _field(name: str) -> Apply:
    return lambda cell, value: replace(cell, request=replace(cell.request, **{name: value}))


def _option(name: str) -> Apply:
    return lambda cell, value: replace(cell, options={**cell.options, name: value})


def _hires(name: str) -> Apply:
    def apply(cell: Cell, value: Any) -> Cell:
        if cell.request.hires is None:
            return cell
        hires = replace(cell.request.hires, **{name: value})
        return replace(cell, request=replace(cell.request, hires=hires))

    return apply


def _init(name: str) -> Apply:
    def apply(cell: Cell, value: Any) -> Cell:
        assert cell.request.init is not None  # the axis is on img2img only
        init = replace(cell.request.init, **{name: value})
        return replace(cell, request=replace(cell.request, init=init))

    return apply


def _size(cell: Cell, value: PictureSize) -> Cell:
    return replace(cell, request=replace(cell.request, width=value.width, height=value.height))


def _replaced(cell: Cell, value: Swap) -> Cell:
    """Prompt S/R: the first value of the axis, wherever it stands, becomes this one."""
    searched, text = value.searched, value.text
    request = cell.request
    if searched not in request.prompt and searched not in request.negative_prompt:
        raise InvalidValue("the first value of Prompt S/R", searched, "it must be in the prompt")
    return replace(
        cell,
        request=replace(
            request,
            prompt=request.prompt.replace(searched, text),
            negative_prompt=request.negative_prompt.replace(searched, text),
        ),
    )


def _replacements(axis: str, texts: list[str]) -> list[Any]:
    return [Swap(texts[0], text) for text in texts]


def _orders(axis: str, texts: list[str]) -> list[Any]:
    if math.factorial(min(len(texts), 20)) > MOST:
        raise InvalidValue(f"values of the axis {axis}", len(texts), f"they have more than {MOST} orders")
    return [Order(words) for words in itertools.permutations(texts)]


def _ordered(cell: Cell, order: Order) -> Cell:
    """Prompt order: these words change places among themselves."""
    prompt = cell.request.prompt
    places = sorted((prompt.find(word), word) for word in order.words)
    if places[0][0] < 0:
        raise InvalidValue("a value of Prompt order", places[0][1], "it must be in the prompt")
    kept: list[str] = []
    at = 0
    for (place, old), new in zip(places, order.words, strict=True):
        kept += (prompt[at:place], new)
        at = max(at, place + len(old))
    return replace(cell, request=replace(cell.request, prompt="".join(kept) + prompt[at:]))


def _styled(cell: Cell, value: str) -> Cell:
    """Styles beside those of the request."""
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    return replace(cell, request=replace(cell.request, styles=(*cell.request.styles, *names)))


def _faces(cell: Cell, value: str) -> Cell:
    wanted = value.casefold() not in ("none", "", "false")
    request = replace(cell.request, restore_faces=wanted)
    options = {**cell.options, "face_restoration_model": value} if wanted else cell.options
    return Cell(request, options)


NOTHING = "Nothing"
_TXT = texts_as_they_are
_OFFERED: Mapping[str, Axis] = {
    "Seed": Axis(whole_numbers, _field("seed")),
    "Var. seed": Axis(whole_numbers, _field("subseed")),
    "Var. strength": Axis(numbers, _field("subseed_strength")),
    "Steps": Axis(whole_numbers, _field("steps")),
    "Hires steps": Axis(whole_numbers, _hires("second_pass_steps")),
    "CFG Scale": Axis(numbers, _field("cfg_scale")),
    "Image CFG Scale": Axis(numbers, _init("image_cfg_scale")),
    "Prompt S/R": Axis(_replacements, _replaced),
    "Prompt order": Axis(_orders, _ordered),
    "Sampler": Axis(_TXT, _field("sampler_name")),
    "Hires sampler": Axis(_TXT, _hires("sampler_name")),
    "Checkpoint name": Axis(_TXT, _option(MODEL_OPTION)),
    "Negative Guidance minimum sigma": Axis(numbers, _field("s_min_uncond")),
    "Sigma Churn": Axis(numbers, _field("s_churn")),
    "Sigma min": Axis(numbers, _field("s_tmin")),
    "Sigma max": Axis(numbers, _field("s_tmax")),
    "Sigma noise": Axis(numbers, _field("s_noise")),
    "Schedule type": Axis(_TXT, _field("scheduler")),
    "Schedule min sigma": Axis(numbers, _option("sigma_min")),
    "Schedule max sigma": Axis(numbers, _option("sigma_max")),
    "Schedule rho": Axis(numbers, _option("rho")),
    "Beta schedule alpha": Axis(numbers, _option("beta_dist_alpha")),
    "Beta schedule beta": Axis(numbers, _option("beta_dist_beta")),
    "Eta": Axis(numbers, _field("eta")),
    "Clip skip": Axis(whole_numbers, _option("CLIP_stop_at_last_layers")),
    "Denoising": Axis(numbers, _field("denoising_strength")),
    "Initial noise multiplier": Axis(numbers, _option("initial_noise_multiplier")),
    "Extra noise": Axis(numbers, _option("img2img_extra_noise")),
    "Hires upscaler": Axis(_TXT, _hires("upscaler")),
    "Cond. Image Mask Weight": Axis(numbers, _option("inpainting_mask_weight")),
    "VAE": Axis(_TXT, _option("sd_vae")),
    "Styles": Axis(_TXT, _styled),
    "UniPC Order": Axis(whole_numbers, _option("uni_pc_order")),
    "Face restore": Axis(_TXT, _faces),
    "Token merging ratio": Axis(numbers, _option("token_merging_ratio")),
    "Token merging ratio high-res": Axis(numbers, _option("token_merging_ratio_hr")),
    "Always discard next-to-last sigma": Axis(flags, _option("always_discard_next_to_last_sigma")),
    "SGM noise multiplier": Axis(flags, _option("sgm_noise_multiplier")),
    "Refiner checkpoint": Axis(_TXT, _field("refiner_checkpoint")),
    "Refiner switch at": Axis(numbers, _field("refiner_switch_at")),
    "RNG source": Axis(_TXT, _option("randn_source")),
    "Size": Axis(sizes, _size),
}

_LAST = (
    "VAE", "Styles", "UniPC Order", "Face restore", "Token merging ratio",
    "Token merging ratio high-res", "Always discard next-to-last sigma", "SGM noise multiplier",
    "Refiner checkpoint", "Refiner switch at", "RNG source", "FP8 mode", "Size",
)  # fmt: skip
_FIRST = (NOTHING, "Seed", "Var. seed", "Var. strength", "Steps")
_SCHEDULES = (
    "Negative Guidance minimum sigma", "Sigma Churn", "Sigma min", "Sigma max", "Sigma noise",
    "Schedule type", "Schedule min sigma", "Schedule max sigma", "Schedule rho", "Beta schedule alpha",
    "Beta schedule beta", "Eta", "Clip skip", "Denoising", "Initial noise multiplier", "Extra noise",
)  # fmt: skip
TXT2IMG = (
    *_FIRST, "Hires steps", "CFG Scale", "Prompt S/R", "Prompt order", "Sampler", "Hires sampler",
    "Checkpoint name", *_SCHEDULES, "Hires upscaler", *_LAST,
)  # fmt: skip
IMG2IMG = (
    *_FIRST, "CFG Scale", "Image CFG Scale", "Prompt S/R", "Prompt order", "Sampler",
    "Checkpoint name", *_SCHEDULES, "Cond. Image Mask Weight", *_LAST,
)  # fmt: skip


def axis_of(name: str) -> Axis:
    """Raises ``InvalidValue`` for one that is listed and not offered: its index stays the reference's."""
    found = _OFFERED.get(name)
    if found is None:
        known = ", ".join(_OFFERED)
        raise InvalidValue("an axis of the plot", name, f"it is not offered here; there are {known}")
    return found
