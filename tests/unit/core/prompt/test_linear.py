"""The measure of the tests of time, measured: it must see a quadratic, or they prove nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.unit.core.prompt.linear import assert_linear


def eaten_from_the_front(size: int) -> None:
    """Quadratic with the smallest constant there is: each step copies the rest."""
    text = "a" * size
    while text:
        text = text[1:]


def searched_again_from_each_place(size: int) -> None:
    text = "(" * size
    for at in range(size):
        text.find(")", at)


@pytest.mark.parametrize("work", [eaten_from_the_front, searched_again_from_each_place])
def test_a_quadratic_is_seen(work: Callable[[int], object]) -> None:
    with pytest.raises(AssertionError, match=r"time grew \d+"):
        assert_linear(work)


def test_a_linear_passes_and_the_tracer_is_back() -> None:
    tracer = sys.gettrace()
    assert_linear(lambda n: sum(range(10 * n)))
    assert sys.gettrace() is tracer
