from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.styles import (
    Extracted,
    Style,
    combine,
    extract_styles,
    parse_csv,
    write_csv,
)

S1 = Style("s1", "{prompt}, oil painting", "ugly")
S2 = Style("s2", "masterpiece", "bad, {prompt}")


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


def test_a_style_needs_both_its_texts() -> None:
    assert extract_styles("a, masterpiece", "b", [S2]) == Extracted((), "a, masterpiece", "b")
    assert extract_styles("masterpiece", "bad, x", [S2]) == Extracted(("s2",), "", "x")
    assert extract_styles("a", "b", [Style("empty"), Style("divider", None, None)]).names == ()
