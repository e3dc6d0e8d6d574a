from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.domain.infotext import FIXED_ORDER, Infotext, in_order, parse, quote, read, write
from core.domain.infotext.plain import is_plain
from core.domain.infotext.scanner import scan
from tests.unit.core.prompt.linear import assert_linear

PARAMS = {"Steps": 20, "Sampler": "DPM++ 2M", "CFG scale": 7.0, "Seed": 1, "Size": "512x512"}
AS_TEXT = tuple((key, str(value)) for key, value in PARAMS.items())
MANIFEST = Path(__file__).resolve().parents[1] / "stages" / "recorded_infotexts.json"


def test_the_documented_example() -> None:
    more = {**PARAMS, "Model hash": None, "Version": "v1.10.1"}
    assert write("a cat", "dog", more) == (
        "a cat\nNegative prompt: dog\n"
        "Steps: 20, Sampler: DPM++ 2M, CFG scale: 7.0, Seed: 1, Size: 512x512, Version: v1.10.1"
    )
    assert write("", "", [*PARAMS.items(), ("Tiling", "Tiling")]).endswith("512x512, Tiling")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7.0, "7.0"),
        (True, "True"),
        ("a b", "a b"),
        ("a, b", '"a, b"'),
        ("a: 1", '"a: 1"'),
        ("ä\n猫", '"ä\\n猫"'),
        ("ä猫", "ä猫"),
        ('"a"', '"a"'),
        ('"a", b', '"\\"a\\", b"'),
    ],
)
def test_quoting(value: object, expected: str) -> None:
    assert quote(value) == expected


HOSTILE = [
    "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1",
    "a\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1",
    "Negative prompt: b",
    "a\nNegative prompt: b\nSteps: 1, Seed: 2, Size: 3x4",
    'a "quoted" cat, \\" \\',
    "  outer space\t\n",
    "\n\na\r\nb\n",
    "emoji 😀 \u2028 \x85 \x1c",
    'a\nExact prompt: "b"',
    'a\nExact prompt: "b", Steps: 1, Seed: 2',
]
TEXT = st.text() | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("\n".join)
KEY = st.from_regex(r"[A-Za-z][A-Za-z0-9/-]{1,8}( [A-Za-z]{1,5})?", fullmatch=True)
PLAIN = st.text("Ab1 .-+()[]/x", min_size=2, max_size=4).filter(lambda text: text == text.strip())
VALUE = TEXT | st.integers() | st.floats(allow_nan=False) | st.booleans()


@given(TEXT, TEXT)
@example("a" * 100_000, "\n" * 100_000)
@example("Negative prompt:", "")
def test_every_prompt_reads_back(prompt: str, negative: str) -> None:
    assert read(write(prompt, negative, PARAMS)) == Infotext(prompt, negative, AS_TEXT)


@given(TEXT, TEXT, st.dictionaries(KEY, VALUE, min_size=3, max_size=6))
def test_every_parameter_reads_back(prompt: str, negative: str, params: dict[str, Any]) -> None:
    meant = Infotext(prompt, negative, tuple((key, str(value)) for key, value in params.items()))
    assert read(write(prompt, negative, params)) == meant


@settings(max_examples=30)
@given(TEXT, TEXT, st.lists(st.tuples(KEY, PLAIN), min_size=3, max_size=5, unique_by=lambda pair: pair[0]))
def test_what_nothing_is_taken_for_reads_back_too(
    prompt: str, negative: str, pairs: list[tuple[str, str]]
) -> None:
    assert read(write(prompt, negative, pairs)) == Infotext(prompt, negative, tuple(pairs))


@pytest.mark.parametrize(
    ("prompt", "value", "plain"),
    [("a cat", "DPM++ 2M", True), (" a", "1", False), ("a", "1, 2", False), ("a", " 1", False)],
)
def test_the_plain_ones_are_told(prompt: str, value: str, plain: bool) -> None:
    assert is_plain(Infotext(prompt, "bad", (*AS_TEXT[:2], ("Odd", value)))) is plain


@given(TEXT, TEXT)
def test_without_parameters_too(prompt: str, negative: str) -> None:
    assert read(write(prompt, negative)) == Infotext(prompt, negative)


@pytest.mark.parametrize("prompt", HOSTILE[:7])
def test_png_info_shows_a_hostile_prompt_as_it_was(prompt: str) -> None:
    found = parse(write(prompt, "bad", PARAMS))
    assert found["Prompt"] == prompt
    assert found["Negative prompt"] == "bad"
    assert "Exact prompt" not in found


@pytest.mark.parametrize(
    "prompt", ["a cat", "a, \nb \n\n c", "Steps: 1, Seed: 2, Size: 3", 'say "x"', "a ", "猫"]
)
@pytest.mark.parametrize("negative", ["", "bad, worse ", "a\nb", " x"])
def test_nothing_is_added_where_the_plain_text_reads_back(prompt: str, negative: str) -> None:
    announced = f"\nNegative prompt: {negative}" if negative else ""
    line = ", ".join(f"{key}: {value}" for key, value in PARAMS.items())
    assert write(prompt, negative, PARAMS) == f"{prompt}{announced}\n{line}"


def test_the_recorded_infotexts_are_written_the_same() -> None:
    for recorded in json.loads(MANIFEST.read_text(encoding="utf-8")):
        found = read(recorded["infotext"])
        assert write(found.prompt, found.negative_prompt, found.params) == recorded["infotext"]


def test_order() -> None:
    fixed = {"Seed": 1, "Steps": 2, "Version": "v", "RNG": "CPU", "Schedule type": "Automatic"}
    extra = {"Zeta": 1, "Schedule type": "Karras", "Alpha": 2}
    assert in_order(fixed, extra) == [
        ("Steps", 2),
        ("Schedule type", "Karras"),
        ("Seed", 1),
        ("RNG", "CPU"),
        ("Zeta", 1),
        ("Alpha", 2),
        ("Version", "v"),
    ]
    assert len(set(FIXED_ORDER)) == len(FIXED_ORDER)


def test_what_follows_a_key_of_the_users_is_found() -> None:
    params = [(param.key, param.raw) for param in scan('x:1, -ab: "c, d", e\tfg:h:i, jk:"l"m, no: ""')]
    assert params == [("ab", '"c, d"'), ("fg", "h:i"), ("jk", '"l"m'), ("no", '""')]


def test_by_key() -> None:
    assert read("p\nSteps: 1, Seed: 2, Seed: 3").by_key == {"Steps": "1", "Seed": "3"}


@pytest.mark.parametrize(
    "unit", ['"', ",", ":", "\\", " ", "a", "a:", 'aa:"', 'aa:"\\"', "\n", 'aa: "x",', "- "]
)
def test_time_is_linear(unit: str) -> None:
    assert_linear(lambda n: read("p\n" + unit * n))
    assert_linear(lambda n: write(unit * n, unit * n, {**PARAMS, "Extra": unit * n}))
