"""Attention, prompt editing and composition, prompt by prompt; infotext parsing, text by text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contracts.golden.cases import Golden, oracle_dir, parametrize_items
from core.domain.infotext import parse
from core.prompt.attention import parse_attention
from core.prompt.composition import split_and
from core.prompt.schedule import Timeline, schedule

_SCHEDULE_KEY = re.compile(r"steps(?P<steps>\d+)_hr(?P<hires>None|\d+)_old(?P<old>[01])")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize_items(metafunc, "prompt_case", "prompts.json")


def test_the_file_is_there(golden: Golden) -> None:
    assert golden.json("prompts.json")


def test_every_key_is_of_a_known_kind(prompt_case: dict[str, Any]) -> None:
    others = prompt_case.keys() - {"prompt", "attention", "multicond"}
    assert [key for key in others if not _SCHEDULE_KEY.fullmatch(key)] == []


def test_attention(prompt_case: dict[str, Any]) -> None:
    prompt, expected = prompt_case["prompt"], prompt_case.get("attention")
    if expected is not None:
        assert _lists(parse_attention(prompt)) == _or_literal(expected, [[prompt, 1.0]])


def test_schedules(prompt_case: dict[str, Any]) -> None:
    prompt = prompt_case["prompt"]
    for key, expected in prompt_case.items():
        if match := _SCHEDULE_KEY.fullmatch(key):
            hires = None if match["hires"] == "None" else int(match["hires"])
            timeline = Timeline(int(match["steps"]), hires, match["old"] == "1")
            literal = [[timeline.total, prompt]]
            assert _lists(schedule(prompt, timeline)) == _or_literal(expected, literal), key


def test_composition(prompt_case: dict[str, Any]) -> None:
    prompt, expected = prompt_case["prompt"], prompt_case.get("multicond")
    if expected is not None:
        assert _lists(split_and(prompt)) == _or_literal(expected, [[prompt, 1.0]])


def test_the_oracles_attention(oracle_prompts: Any) -> None:
    for prompt, expected in oracle_prompts["attention"].items():
        assert _lists(parse_attention(prompt)) == expected, prompt


@pytest.mark.parametrize(("key", "hires"), [("steps=10", None), ("steps=10,hires=10", 10)])
def test_the_oracles_schedules(oracle_prompts: Any, key: str, hires: int | None) -> None:
    for prompt, expected in oracle_prompts["schedules"].items():
        assert _lists(schedule(prompt, Timeline(10, hires))) == expected[key], prompt


def test_the_oracles_composition(oracle_prompts: Any) -> None:
    for prompt, expected in oracle_prompts["multicond"].items():
        parts = [(expected["parts"][index], weight) for index, weight in expected["weights"]]
        assert split_and(prompt) == parts, prompt


def test_the_oracles_infotexts() -> None:
    recorded = _oracle("infotext-parse.json")
    for text, expected in recorded.items():
        assert list(parse(text).items()) == list(expected.items()), text


@pytest.fixture(scope="module")
def oracle_prompts() -> Any:
    return _oracle("prompts.json")


def _oracle(name: str) -> Any:
    return Golden(oracle_dir()).json(name)


def _or_literal(expected: Any, literal: Any) -> Any:
    """Where the reference crashed, the text is to be taken literally."""
    return literal if isinstance(expected, dict) and "error" in expected else expected


def _lists(pairs: Any) -> list[list[Any]]:
    return [list(pair) for pair in pairs]
