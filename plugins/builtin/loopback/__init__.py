"""Draws over its own pictures, again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.request import GenerationRequest, MaskedContent
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.sheets import make_sheet
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister

CURVES: Mapping[str, Callable[[float], float]] = {
    "Aggressive": lambda x: math.sin(math.pi / 2 * x),
    "Linear": lambda x: x,
    "Lazy": lambda x: 1 - math.cos(math.pi / 2 * x),
}
DEFAULT_STRENGTH = 0.75
SCRIPT = Script(
    name="Loopback",
    txt2img=False,
    fields=(
        ScriptArg(name="loops", label="Loops", value=4, minimum=1, maximum=32, step=1),
        ScriptArg(
            name="final_denoising_strength",
            label="Final denoising strength",
            value=0.5,
            minimum=0,
            maximum=1,
            step=0.01,
        ),
        ScriptArg(
            name="denoising_curve",
            label="Denoising strength curve",
            value="Linear",
            choices=tuple(CURVES),
        ),
        ScriptArg(
            name="append_interrogation",
            label="Append interrogated prompt at each iteration",
            value="None",
            choices=("None", "CLIP", "DeepBooru"),
        ),
    ),
)


class LoopbackPlugin:
    """Offers the script."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(SCRIPT, run)


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    if request.init is None:
        raise InitImageMissing
    if args["append_interrogation"] != "None":
        raise InvalidValue(
            "append_interrogation", args["append_interrogation"], "prompts are not interrogated; send None"
        )
    loops, repeats = args["loops"], request.n_iter
    draw.expect(loops * repeats, loops * repeats)
    images: list[DrawnImage] = []
    for repeat in range(repeats):
        images += _loop(replace(request, seed=request.seed + repeat * loops), args, draw)
    sheets = []
    if loops > 1 and images:
        sheets = [Sheet(image=make_sheet([one.image for one in images], loops), like=images[0])]
    return ScriptResult(images=images, sheets=sheets)


def _loop(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> list[DrawnImage]:
    drawn: list[DrawnImage] = []
    init = request.init
    assert init is not None
    init = replace(init, images=init.images[:1])
    for number in range(args["loops"]):
        one = replace(
            request,
            init=init,
            batch_size=1,
            n_iter=1,
            seed=request.seed + number,
            denoising_strength=_strength(request, args, number),
        )
        drawn += draw(one)
        if drawn:
            init = replace(init, images=(draw.keep(drawn[-1].image),), masked_content=MaskedContent.ORIGINAL)
    return drawn


def _strength(request: GenerationRequest, args: Mapping[str, Any], number: int) -> float:
    """From that of the request to the final one, along the curve."""
    given = request.denoising_strength
    first = DEFAULT_STRENGTH if given is None else given
    if args["loops"] == 1:
        return first
    share = CURVES[args["denoising_curve"]](number / (args["loops"] - 1))
    return float(first + (args["final_denoising_strength"] - first) * share)
