from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.comments import strip_comments
from tests.unit.core.prompt.linear import assert_linear


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", "a cat"),
        ("#comment", "\n"),
        ("a\n# b\nc", "a\nc"),
        ("a # b", "a \n"),
        ("a # b\nc", "a \nc"),
        ("# a\nb", "\nb"),
    ],
)
def test_comments(text: str, expected: str) -> None:
    assert strip_comments(text) == expected


@given(st.text(st.sampled_from("a#\n "), max_size=40))
def test_none_is_left(text: str) -> None:
    assert "#" not in strip_comments(text)


def test_time_is_linear() -> None:
    assert_linear(lambda n: strip_comments("#a\n" * n))
    assert_linear(lambda n: strip_comments("#" * n))
