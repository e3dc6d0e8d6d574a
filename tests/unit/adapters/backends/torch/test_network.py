"""Which token merging a pass has, and what happens where the library is missing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from adapters.backends.torch.network import merging_ratio
from core.domain.errors import InvalidValue
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from serena import Serena
from tests.unit.adapters.backends.torch.rig import draw

RATIOS = {"token_merging_ratio": 0.2, "token_merging_ratio_img2img": 0.3, "token_merging_ratio_hr": 0.4}


def ratio(from_picture: bool, hires: bool, **changed: float) -> float:
    options = OptionRegistry(OPTIONS).values(changed)
    return merging_ratio(options, from_picture=from_picture, hires=hires)


def test_each_pass_has_its_own_option() -> None:
    assert ratio(False, False, **RATIOS) == 0.2
    assert ratio(True, False, **RATIOS) == 0.3
    assert ratio(False, True, **RATIOS) == 0.4


def test_nought_means_the_common_option() -> None:
    common = {"token_merging_ratio": 0.2}
    assert ratio(True, False, **common) == ratio(False, True, **common) == 0.2
    assert ratio(True, True) == 0


if find_spec("tomesd") is None:

    def test_without_the_library_it_is_refused(demo: Serena) -> None:
        with pytest.raises(InvalidValue, match=r"token_merging_ratio is 0.5; merging tokens needs .* tomesd"):
            draw(demo, override_settings={"token_merging_ratio": 0.5})

else:

    def test_merging_changes_the_picture_and_not_the_model(demo: Serena) -> None:
        plain, merged, again = (
            draw(demo, override_settings={"token_merging_ratio": value})[0] for value in (0.0, 0.5, 0.0)
        )
        assert (plain != merged).any()
        assert (plain == again).all()
