"""How many tokens of a pass are merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.domain.options import OptionValues


def merging_ratio(
    options: OptionValues, overrides: Mapping[str, Any], *, from_picture: bool, hires: bool = False
) -> float:
    """The share of tokens that are merged: the option of that kind of pass where it is not 0.

    :param overrides: those of the request; one of the common option beats the option of img2img.
    """
    common = options.number("token_merging_ratio")
    if hires:
        return options.number("token_merging_ratio_hr") or common
    if from_picture and not (common and overrides.get("token_merging_ratio")):
        return options.number("token_merging_ratio_img2img") or common
    return common
