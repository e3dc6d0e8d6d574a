"""What flow models want of a request: whole patches, their own levels, and the guidance they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.flow_families import FLOW_FAMILIES, FLUX, SD3, SIDE_STEP
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.sampling.registry import ResolvedSampling
from core.sampling.schedules import AUTOMATIC, find_scheduler


def fitted(request: GenerationRequest, family: str) -> GenerationRequest:
    """With sides that are whole patches, as the reference does for SD3. Raises ``InvalidValue`` for what a
    transformer cannot do."""
    if family not in FLOW_FAMILIES:
        return request
    if request.tiling:
        expected = f"a {FLOW_FAMILIES[family].title} model makes no pictures that tile; leave it out"
        raise InvalidValue("tiling", True, expected)
    return replace(request, width=_floored("width", request.width), height=_floored("height", request.height))


def _floored(name: str, side: int) -> int:
    if side < SIDE_STEP:
        raise InvalidValue(name, side, f"a flow model draws at least {SIDE_STEP}")
    return side - side % SIDE_STEP


def own_levels(resolved: ResolvedSampling, family: str) -> ResolvedSampling:
    """Automatic stands for the levels of the model's makers; the schedules that samplers are known for were
    made for other models. SD3 has what the reference gives it."""
    if family in FLOW_FAMILIES and family != SD3 and resolved.scheduler is AUTOMATIC:
        return replace(resolved, scheduler=find_scheduler("uniform"))
    return resolved


def flow_parameters(family: str, options: OptionValues) -> dict[str, Any]:
    """What the infotext says of options that act on one family alone."""
    if family == FLUX:
        return {"Distilled CFG Scale": options["distilled_cfg_scale"]}
    return {"Enable T5": True} if family == SD3 and options.flag("sd3_enable_t5") else {}
