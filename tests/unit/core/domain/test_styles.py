from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.styles import (
    Extracted,
    Style,
    apply_negative_styles,
    apply_styles,
    combine,
    extract_styles,
    merge,
    parse_csv,
    write_csv,
)

S1 = Style("s1", "{prompt}, oil painting", "ugly")
S2 = Style("s2", "masterpiece", "bad, {prompt}")
STYLES = {style.name: style for style in (S1, S2)}


@pytest.mark.parametrize(
    ("prompt", "texts", "expected"),
    [
        ("a", [], "a"),
        ("a", ["b"], "a, b"),
        (" a ", [" b "], "a, b"),
        ("", ["b"], "b"),
        ("a", [""], "a"),
        ("a", ["x {prompt} y {prompt}"], "x a y a"),
    ],
)
def test_merge(prompt: str, texts: list[str], expected: str) -> None:
    assert merge(prompt, texts) == expected


def test_the_recorded_styles() -> None:
    names = ["s1", "unknown", "s2"]
    assert apply_styles("a (red:1.3) cat", names, STYLES) == "a (red:1.3) cat, oil painting, masterpiece"
    assert apply_negative_styles("blurry", names, STYLES) == "bad, blurry, ugly"


def test_csv() -> None:
    text = '\ufeffname,prompt,negative_prompt\r\ns,"a, ""b""\nc",d\r\n#no,x,y\r\n\r\nt,x\r\n'
    assert parse_csv(text) == [Style("s", 'a, "b"\nc', "d"), Style("t", "x", "")]
    assert parse_csv("name,text\ns,a\n") == [Style("s", "a", "")]
    assert parse_csv("") == []


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(st.builds(Style, TEXT.filter(lambda name: name and name[0] not in "#\ufeff"), TEXT, TEXT)))
def test_csv_round_trip(styles: list[Style]) -> None:
    assert parse_csv(write_csv([*styles, Style("divider", None, None)])) == styles


def test_files_are_divided_by_headlines() -> None:
    assert combine([("styles.csv", [S1])]) == {"s1": S1}
    combined = combine([("a/mine.csv", [S1]), ("b/others.csv", [S2])])
    assert list(combined) == ["------- MINE -------", "s1", "------ OTHERS ------", "s2"]
    assert combined["------- MINE -------"].prompt is None


def test_extracting_is_the_inverse_of_applying() -> None:
    names = ["s1", "s2"]
    prompt, negative = apply_styles("a", names, STYLES), apply_negative_styles("b", names, STYLES)
    assert extract_styles(prompt, negative, STYLES.values()) == Extracted(("s1", "s2"), "a", "b")


def test_a_style_needs_both_its_texts() -> None:
    assert extract_styles("a, masterpiece", "b", [S2]) == Extracted((), "a, masterpiece", "b")
    assert extract_styles("masterpiece", "bad, x", [S2]) == Extracted(("s2",), "", "x")
    assert extract_styles("a", "b", [Style("empty"), Style("divider", None, None)]).names == ()
