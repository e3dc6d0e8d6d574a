from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.schedule import Timeline, schedule
from tests.unit.core.prompt.linear import assert_linear

TEN = Timeline(10)
HIRES = Timeline(10, 10)
SYNTAX = st.text(st.sampled_from("ab []()|:.\\15-e\n"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("[b:c:1]", [(1, "b"), (10, "c")]),
        ("[b:c:1.0]", [(10, "b")]),
        ("[b:c:0]", [(10, "c")]),
        ("[a:b:20]", [(10, "a")]),
        ("[a:b:1e1]", [(10, "a")]),
        ("[a:b:-2]", [(10, "b")]),
        ("[b::3]", [(3, "b"), (10, "")]),
        ("[:3]", [(3, ""), (10, "")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("[[a:b:3]:c:6]", [(3, "a"), (6, "b"), (10, "c")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("(x [a:b:0.5]:1.3)", [(5, "(x a:1.3)"), (10, "(x b:1.3)")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a:b:c]", [(10, "[a:b:c]")]),
        ("[a:b:c:3]", [(10, "[a:b:c:3]")]),
        (r"[a\:b:c:3]", [(3, r"a\:b"), (10, "c")]),
        ("[a:b:3] | c", [(10, "[a:b:3] | c")]),
        ("[a:b:3] (c|d)", [(10, "[a:b:3] (c|d)")]),
        ("[a:b:3] \\", [(10, "[a:b:3] \\")]),
        ("[x [a:b:3]", [(3, "[x a"), (10, "[x b")]),
        ("[(a:b:c):[d:e:5]:7]", [(5, "[(a:b:c):d:7]"), (10, "[(a:b:c):e:7]")]),
        ("[a:b:1e999]", [(10, "[a:b:1e999]")]),
    ],
)
def test_the_first_pass(text: str, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, TEN) == expected


def test_alternation() -> None:
    assert [text for _, text in schedule("[fe|]male", Timeline(4))] == ["female", "male", "female", "male"]
    assert [text for _, text in schedule("[fe|||]male", Timeline(5))] == ["female", *["male"] * 3, "female"]
    assert [text for _, text in schedule("[a|[b|c]]", Timeline(5))] == ["a", "c", "a", "c", "a"]
    assert schedule("[a:b:0.25] [c|d]", Timeline(4)) == [(1, "a c"), (2, "b d"), (3, "b c"), (4, "b d")]


@pytest.mark.parametrize(
    ("text", "timeline", "expected"),
    [
        ("a [b:.5] c", HIRES, [(10, "a b c")]),
        ("a [b:1.5] c", HIRES, [(5, "a  c"), (10, "a b c")]),
        ("[a:b:15]", HIRES, [(5, "a"), (10, "b")]),
        ("[a:b:5]", HIRES, [(10, "b")]),
        ("[a:b:0.5]", Timeline(10, 10, old=True), [(5, "a"), (10, "b")]),
        ("[a:b:0.5]", Timeline(10, 40, old=True), [(5, "a"), (10, "b")]),
        ("[to:1]", Timeline(3), [(1, ""), (3, "to")]),
        ("[from:to:0.3]", Timeline(3), [(3, "to")]),
    ],
)
def test_other_timelines(text: str, timeline: Timeline, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, timeline) == expected


def test_deep_nesting_needs_no_recursion() -> None:
    depth = 20_000
    text = "[" * depth + "a" + ":b:3]" * depth
    assert schedule(text, TEN) == [(3, "a"), (10, "b")]


@given(SYNTAX, st.integers(1, 30), st.none() | st.integers(1, 30), st.booleans())
def test_ends_ascend_to_the_total(text: str, steps: int, hires: int | None, old: bool) -> None:
    timeline = Timeline(steps, hires, old)
    ends = [end for end, _ in schedule(text, timeline)]
    assert ends == sorted(set(ends))
    assert ends[0] >= 1
    assert ends[-1] == timeline.total


@given(st.text(max_size=60).filter(lambda text: "[" not in text))
def test_without_a_square_bracket_nothing_changes(text: str) -> None:
    assert schedule(text, TEN) == [(10, text)]


@given(st.text(st.characters(exclude_characters="[]()|:\\"), max_size=20), st.integers(1, 9))
def test_an_edit_switches_where_it_says(text: str, when: int) -> None:
    assert schedule(f"[{text}:x{text}:{when}]", TEN) == [(when, text), (10, "x" + text)]


@pytest.mark.parametrize(
    "unit", ["[", "(", "[a|b]", "[a:b:3]", "[a", "]", ":", "[a:b:c]", "\\", " ", "[a:1 "]
)
def test_time_is_linear(unit: str) -> None:
    assert_linear(lambda n: schedule(unit * n, Timeline(3)))


def test_time_is_linear_when_nested() -> None:
    assert_linear(lambda n: schedule("[a|" * n + "b" + "]" * n, Timeline(3)))
    assert_linear(lambda n: schedule("[a:" * n + "b" + ":2]" * n, Timeline(3)))
