"""Words that stand where a name may, and mean none."""

from __future__ import annotations

import pytest

from core.domain.unchosen import NONE, SAME_CHECKPOINT, chosen


@pytest.mark.parametrize(
    "name", [None, "", "  ", "None", "none", "Use same checkpoint", " use same CHECKPOINT "]
)
def test_no_name_is_chosen(name: str | None) -> None:
    assert chosen(name, SAME_CHECKPOINT, NONE) is None


@pytest.mark.parametrize("name", ["model", "Nonesuch", " Use the same checkpoint"])
def test_a_name_stays_as_it_is(name: str) -> None:
    assert chosen(name, SAME_CHECKPOINT, NONE) == name
    assert chosen("None", SAME_CHECKPOINT) == "None"
