"""The checkpoints beside the first: the refiner, and the one of the second pass."""

from __future__ import annotations

from typing import Any

from core.domain.errors import InvalidValue
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.prepared import HiresPass, RefinerSwitch
from core.stages.order import RunOrder

FIRST_PASSES = ("first pass", "both passes")
SECOND_PASSES = ("second pass", "both passes")


def refiner_switch(
    order: RunOrder, request: GenerationRequest, options: OptionValues
) -> RefinerSwitch | None:
    """When the refiner takes over; None without one. With hires fix an option says in which pass."""
    if order.refiner is None:
        return None
    at = request.refiner_switch_at or 0.0
    if not 0.0 <= at <= 1.0:
        raise InvalidValue("refiner_switch_at", at, "it must be between 0 and 1")
    acts_in = options.text("hires_fix_refiner_pass")
    return RefinerSwitch(
        model=order.refiner,
        at=at,
        by_steps=options.flag("refiner_switch_by_sample_steps"),
        first_pass=request.hires is None or acts_in in FIRST_PASSES,
        second_pass=request.hires is not None and acts_in in SECOND_PASSES,
    )


def hires_checkpoint_parameter(hires: HiresPass | None) -> dict[str, Any]:
    """What the infotext says of the second pass's own checkpoint."""
    return {"Hires checkpoint": hires.model.identity.title} if hires is not None and hires.model else {}


def refiner_parameters(
    refiner: RefinerSwitch | None, options: OptionValues, hires: HiresPass | None
) -> dict[str, Any]:
    """What the infotext says of the refiner, in the reference's order."""
    if refiner is None:
        return {}
    found: dict[str, Any] = {"Refiner": refiner.model.identity.title, "Refiner switch at": refiner.at}
    if refiner.by_steps:
        found["Refiner switch by sampling steps"] = True
    if hires is not None and options.text("hires_fix_refiner_pass") != "second pass":
        found["Hires refiner"] = options.text("hires_fix_refiner_pass")
    return found
