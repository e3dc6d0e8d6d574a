from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.composition import split_and
from tests.unit.core.prompt.linear import assert_linear


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("", 1.0)]),
        ("a :1.2 AND b:0.5", [("a", 1.2), (" b", 0.5)]),
        ("a AND b :-1", [("a", 1.0), (" b", -1.0)]),
        ("a AND b : +.5 ", [("a", 1.0), (" b", 0.5)]),
        ("(a:1.2) AND b", [("(a:1.2)", 1.0), (" b", 1.0)]),
        ("a AND", [("a", 1.0), ("", 1.0)]),
        ("a:b AND c", [("a:b", 1.0), (" c", 1.0)]),
        ("aANDb", [("aANDb", 1.0)]),
        ("a and b", [("a and b", 1.0)]),
        ("a:1:2.", [("a:1", 2.0)]),
        ("a:1.2.3", [("a:1.2.3", 1.0)]),
        ("a\nb:2\n", [("a\nb", 2.0)]),
    ],
)
def test_parts(text: str, expected: list[tuple[str, float]]) -> None:
    assert split_and(text) == expected


@given(st.text(max_size=60))
def test_there_is_always_a_part_and_nothing_is_added(text: str) -> None:
    parts = split_and(text)
    assert parts
    assert all(part.text in text for part in parts)


@pytest.mark.parametrize("unit", [" ", ":", "AND ", "a:1 AND ", "1", ": "])
def test_time_is_linear(unit: str) -> None:
    assert_linear(lambda n: split_and("a:" + unit * n))
