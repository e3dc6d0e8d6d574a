from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.attention import BREAK, parse_attention, uses_emphasis
from tests.unit.core.prompt.linear import assert_linear

SYNTAX = st.text(st.sampled_from("ab ()[]:.,\\|1-\nBREAK"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("", 1.0)]),
        ("()", [("", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(a:1.2", [("a:1.2", 1.1)]),
        ("a) b", [("a) b", 1.0)]),
        ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
        ("[x:1.3]", [("x:1.3", 1 / 1.1)]),
        (r"\(a\)", [("(a)", 1.0)]),
        (r"a\b", [("ab", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("aBREAKb", [("aBREAKb", 1.0)]),
        ("a \n BREAK\t b", [("a", 1.0), BREAK, ("b", 1.0)]),
        ("a BREAK BREAK b", [("a", 1.0), BREAK, ("", 1.0), BREAK, ("b", 1.0)]),
    ],
)
def test_the_grammar(text: str, expected: list[tuple[str, float]]) -> None:
    assert parse_attention(text) == expected


def test_round_and_square_brackets_do_not_know_each_other() -> None:
    weights = dict(parse_attention("(a [b) c]"))
    assert weights == {"a ": 1.1, "b": pytest.approx(1.0), " c": 1 / 1.1}


def test_the_documented_example() -> None:
    parsed = parse_attention("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).")
    assert [(text, round(weight, 4)) for text, weight in parsed] == [
        ("a ", 1.0),
        ("house", 1.573),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641),
        (".", 1.1),
    ]


@pytest.mark.parametrize("text", ["(a:1.2.3)", "(b) (a:.)", "[x] (a:+..)", "(a:1.2.3) BREAK"])
def test_what_crashes_the_reference_is_literal(text: str) -> None:
    assert parse_attention(text) == [(text, 1.0)]


def test_deep_nesting_agrees_with_multiplying_one_by_one() -> None:
    assert parse_attention("(" * 200 + "a" + ")" * 200) == [("a", pytest.approx(1.1**200))]
    assert parse_attention("[" * 200 + "a" + "]" * 200) == [("a", pytest.approx(1.1**-200))]


@pytest.mark.parametrize("text", ["(" * 20000 + "a", "(" * 20000 + "a:0)", f"(a:{'9' * 400})"])
def test_weights_stay_finite(text: str) -> None:
    assert all(math.isfinite(weight) for _, weight in parse_attention(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", False), ("a BREAK b", False), ("(a)", True), ("(a:1.0)", False), (r"\(a\)", False)],
)
def test_uses_emphasis(text: str, expected: bool) -> None:
    assert uses_emphasis(text) is expected


@given(SYNTAX)
def test_anything_parses_and_neighbours_differ(text: str) -> None:
    parsed = parse_attention(text)
    assert parsed
    assert all(one[1] != two[1] for one, two in pairwise(parsed))


@given(
    st.text(st.characters(exclude_characters="()[]\\:"), max_size=60).filter(lambda text: "BREAK" not in text)
)
def test_text_without_syntax_is_itself(text: str) -> None:
    assert parse_attention(text) == [(text, 1.0)]


@given(st.text(max_size=60).filter(lambda text: "BREAK" not in text))
def test_escaped_text_is_itself(text: str) -> None:
    escaped = "".join("\\" + char if char in "()[]\\" else char for char in text)
    assert parse_attention(escaped) == [(text, 1.0)]


@pytest.mark.parametrize(
    "unit", ["(", "[", "([", "(a", "[a)", ")", "(a:1.1)", ":", "\\", "BREAK ", " ", "(a: 1", "1 : "]
)
def test_time_is_linear(unit: str) -> None:
    assert_linear(lambda n: parse_attention(unit * n))


def test_time_is_linear_when_brackets_close() -> None:
    assert_linear(lambda n: parse_attention("(a[b" * n + "])" * n))
