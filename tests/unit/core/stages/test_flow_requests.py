"""What flow models want of a request."""

from __future__ import annotations

import pytest

from core.domain.errors import InvalidValue
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest, Kind
from core.sampling.registry import resolve
from core.stages.flow_requests import fitted, flow_parameters, own_levels


def request(**fields: object) -> GenerationRequest:
    return GenerationRequest(kind=Kind.TXT2IMG, prompt="x", **fields)  # type: ignore[arg-type]


def test_sides_are_whole_patches() -> None:
    asked = request(width=520, height=1000)
    made = fitted(asked, "sd3")
    assert (made.width, made.height) == (512, 992)
    assert fitted(asked, "sd1") is asked
    with pytest.raises(InvalidValue, match="height is 8; a flow model draws at least 16"):
        fitted(request(width=64, height=8), "flux")


def test_pictures_that_tile_are_refused() -> None:
    with pytest.raises(InvalidValue, match="a Qwen-Image model makes no pictures that tile"):
        fitted(request(tiling=True), "qwen-image")


def test_automatic_stands_for_the_levels_of_the_makers() -> None:
    asked = resolve("DPM++ 2M")
    assert own_levels(asked, "flux").schedule_type == "Uniform"
    assert own_levels(asked, "sd3").schedule_type == own_levels(asked, "sdxl").schedule_type == "Karras"
    assert own_levels(resolve("Euler", "Beta"), "flux").schedule_type == "Beta"


def test_the_infotext_says_what_guidance_a_model_was_told() -> None:
    options = OptionRegistry(OPTIONS).values({"distilled_cfg_scale": 2.5})
    assert flow_parameters("flux", options) == {"Distilled CFG Scale": 2.5}
    assert flow_parameters("flux-schnell", options) == {}


def test_the_infotext_says_where_sd3_reads_the_text_with_t5_as_well() -> None:
    registry = OptionRegistry(OPTIONS)
    wanted = registry.values({"sd3_enable_t5": True})
    assert flow_parameters("sd3", wanted) == {"Enable T5": True}
    assert flow_parameters("sd3", registry.values({})) == flow_parameters("sd1", wanted) == {}
