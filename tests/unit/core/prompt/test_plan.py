from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.prompt.plan import PromptPlan, ScheduledText
from core.prompt.schedule import Timeline, schedule

TEN = Timeline(10)


def test_parts_have_weights_and_schedules() -> None:
    plan = PromptPlan.positive("a [b:c:5] AND d:0.5", TEN)
    assert plan.at(0) == (("a b", 1.0), (" d", 0.5))
    assert plan.at(6) == (("a c", 1.0), (" d", 0.5))
    assert plan.texts == ("a b", "a c", " d")
    assert not plan.is_constant


def test_a_boundary_covers_the_call_of_its_number_too() -> None:
    plan = PromptPlan.positive("[a:b:5]", TEN)
    assert [plan.at(call)[0][0] for call in range(10)] == ["a"] * 6 + ["b"] * 4


def test_alternation_repeats_its_first_item() -> None:
    plan = PromptPlan.positive("[a|b]", TEN)
    assert [plan.at(call)[0][0] for call in range(5)] == ["a", "a", "b", "a", "b"]
    assert plan.texts == ("a", "b")


def test_a_negative_prompt_is_not_composed() -> None:
    plan = PromptPlan.negative("a AND b:2 [c|d]", TEN)
    assert plan.at(2) == (("a AND b:2 d", 1.0),)


def test_behind_the_end_the_first_text_comes_back() -> None:
    assert ScheduledText(((3, "a"), (5, "b"))).at(1000) == "a"


def test_a_plain_prompt_is_constant() -> None:
    assert PromptPlan.positive("a AND b", TEN).is_constant


@given(st.text(st.sampled_from("ab[]|:3 "), max_size=30), st.integers(0, 30))
def test_the_first_entry_not_yet_over_is_in_force(text: str, call: int) -> None:
    entries = schedule(text, TEN)
    expected = next((entry for end, entry in entries if call <= end), entries[0][1])
    assert PromptPlan.negative(text, TEN).at(call) == ((expected, 1.0),)
