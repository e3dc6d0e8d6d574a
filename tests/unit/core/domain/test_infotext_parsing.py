from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.infotext import ParseOptions, parse
from core.domain.infotext.compat import version_of
from core.domain.styles import Style

LINE = "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64"
OIL = Style("oil", "{prompt}, oil", "ugly")


def test_the_last_line_needs_three_parameters() -> None:
    assert parse("a\nSteps: 1, Seed: 2")["Prompt"] == "a\nSteps: 1, Seed: 2"
    assert parse("a\nSteps: 1, Seed: 2, Size: 1x2")["Prompt"] == "a"


def test_a_broken_quote_is_kept_raw() -> None:
    assert parse(LINE + ', Foo: "a\\x", Bar: "b')["Foo"] == '"a\\x"'
    assert parse(LINE + ', Foo: "a, Bar: b')["Foo"] == '"a'


def test_emphasis_is_filled_in_when_used() -> None:
    assert "Emphasis" not in parse("a\n" + LINE)
    assert parse("(a)\n" + LINE)["Emphasis"] == "Original"
    assert parse("a\nNegative prompt: [b]\n" + LINE)["Emphasis"] == "Original"
    assert parse("(a)\n" + LINE + ", Emphasis: None")["Emphasis"] == "None"


def test_a_hypernetwork_of_old_becomes_a_tag() -> None:
    assert parse(f"a\n{LINE}, Hypernet: h")["Prompt"] == "a<hypernet:h:1.0>"
    assert parse(f"a\n{LINE}, Hypernet: h, Hypernet strength: 0.5")["Prompt"] == "a<hypernet:h:0.5>"


@pytest.mark.parametrize(
    ("size", "first", "expected"),
    [("1024x512", "640x320", (640, 320, 1024, 512)), ("1024x1024", "0x0", (512, 512, 1024, 1024))],
)
def test_first_pass_size(size: str, first: str, expected: tuple[int, ...]) -> None:
    found = parse(f"a\nSteps: 1, Seed: 2, Size: {size}, First pass size: {first}")
    keys = ("Size-1", "Size-2", "Hires resize-1", "Hires resize-2")
    assert tuple(found[key] for key in keys) == expected


def test_with_old_hires_fix_the_final_size_is_the_size() -> None:
    old = ParseOptions(old_hires_fix=True)
    assert parse(f"a\n{LINE}, Hires resize: 128x256", old)["Size-2"] == 256
    assert parse(f"a\n{LINE}", old)["Size-2"] == "64"


@pytest.mark.parametrize(
    ("version", "turned_on"),
    [
        ("1.5.2", {"Old prompt editing timelines", "Pad conds v0", "Downcast alphas_cumprod"}),
        ("v1.7.0-224-gabc", {"Downcast alphas_cumprod"}),
        ("v1.7.0-225-gabc", set()),
        ("v1.10.1", set()),
        ("f2.0.1v1.10.1", set()),
    ],
)
def test_older_versions(version: str, turned_on: set[str]) -> None:
    text = f"a [b:c:3]\nSteps: 1, Sampler: DDIM, Refiner: r, Version: {version}"
    found = parse(text)
    compat = {"Old prompt editing timelines", "Pad conds v0", "Downcast alphas_cumprod"}
    assert {key for key in compat if found.get(key)} == turned_on
    before_1_8 = (version_of(version) or (9,)) < (1, 8)
    assert found["Refiner switch by sampling steps"] is before_1_8
    assert not compat & parse(text, ParseOptions(backcompat=False)).keys()


def test_skipped_keys() -> None:
    assert "Seed" not in parse(LINE, ParseOptions(skip=["Seed", "unknown"]))


@pytest.mark.parametrize(
    ("mode", "prompt", "array"),
    [
        ("Ignore", "a, oil", None),
        ("Apply", "a", ["oil"]),
        ("Apply if any", "a", ["oil"]),
        ("Discard", "a", None),
    ],
)
def test_styles(mode: str, prompt: str, array: list[str] | None) -> None:
    found = parse(f"a, oil\nNegative prompt: b, ugly\n{LINE}", ParseOptions([OIL], mode))
    assert found["Prompt"] == prompt
    assert found.get("Styles array") == array


def test_no_styles_found() -> None:
    assert parse(f"a\n{LINE}", ParseOptions([OIL], "Apply"))["Styles array"] == []
    assert "Styles array" not in parse(f"a\n{LINE}", ParseOptions([OIL]))


@pytest.mark.parametrize(("hires", "prompt", "left"), [("x, oil", "a", "x"), ("x", "a, oil", "x")])
def test_styles_must_be_in_the_hires_prompt_as_well(hires: str, prompt: str, left: str) -> None:
    found = parse(f'a, oil\nNegative prompt: b, ugly\n{LINE}, Hires prompt: "{hires}"', ParseOptions([OIL]))
    assert (found["Prompt"], found["Hires prompt"]) == (prompt, left)
    assert found["Hires negative prompt"] == ""


@given(st.text(max_size=200))
def test_anything_parses(text: str) -> None:
    assert isinstance(parse(text)["Prompt"], str)
