"""Token merging, and what happens where the library for it is missing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from core.domain.errors import InvalidValue
from serena import Serena
from tests.unit.adapters.backends.torch.rig import draw

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
