"""How many tokens of which pass are merged."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.token_merging import merging_ratio

RATIOS = {"token_merging_ratio": 0.2, "token_merging_ratio_img2img": 0.3, "token_merging_ratio_hr": 0.4}


def ratio(
    values: Mapping[str, float], overrides: Mapping[str, float], *, from_picture: bool, hires: bool = False
) -> float:
    options = OptionRegistry(OPTIONS).values(values)
    return merging_ratio(options, overrides, from_picture=from_picture, hires=hires)


def test_each_pass_has_its_own_option() -> None:
    assert ratio(RATIOS, {}, from_picture=False) == 0.2
    assert ratio(RATIOS, {}, from_picture=True) == 0.3
    assert ratio(RATIOS, {}, from_picture=False, hires=True) == 0.4


def test_nought_means_the_common_option() -> None:
    common = {"token_merging_ratio": 0.2}
    assert ratio(common, {}, from_picture=True) == 0.2
    assert ratio(common, {}, from_picture=False, hires=True) == 0.2
    assert ratio({}, {}, from_picture=True) == 0


def test_an_override_of_the_common_option_beats_that_of_img2img() -> None:
    values = {**RATIOS, "token_merging_ratio": 0.5}
    assert ratio(values, {"token_merging_ratio": 0.5}, from_picture=True) == 0.5
    assert ratio({**RATIOS, "token_merging_ratio": 0}, {"token_merging_ratio": 0}, from_picture=True) == 0.3
