"""Text made fit for a name, numbers, and how long a name may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.filenames import Sanitizer, fit, next_number, numbered

NASTY = st.text(st.sampled_from("./\\ ~\x00\n:[]<>a猫\ud800") | st.characters(), max_size=40)


def test_sanitizing() -> None:
    assert Sanitizer().value(' #<>:"/\\|?*\n\r\ta. .') == "_____________a"
    assert Sanitizer(unix=True).value('#<>:"/\\|?*a') == '#<>:"_\\|?*a'
    assert Sanitizer(max_length=3).value("abcdef") == "abc"


@pytest.mark.parametrize(
    ("names", "basename", "expected"),
    [
        ([], "", 0),
        (["00000-1.png", "00012-7-x.png", "00005.png", "x-99.png"], "", 13),
        (["grid-0003.png", "grid-0001-x.png", "00050-1.png", "grid-x.png"], "grid", 4),
        (["1a-1.png", "-5.png", "٣-1.png", "9" * 5000, ".png"], "", 0),
        (["7"], "", 8),
    ],
)
def test_the_next_number(names: list[str], basename: str, expected: int) -> None:
    assert next_number(names, basename) == expected


def test_numbered() -> None:
    assert numbered(12, "42") == "00012-42"
    assert numbered(0, basename="grid") == "grid-0000"
    assert numbered(3, "x", "b") == "b-0003-x"


def test_fitting() -> None:
    assert fit("a", ".png") == "a.png"
    assert fit("猫" * 128, "-mask.png") == "猫" * 82 + "-mask.png"


@given(st.integers(0, 10**9), st.sampled_from(["", "grid"]))
def test_a_number_is_followed_by_the_next(number: int, basename: str) -> None:
    assert next_number([fit(numbered(number, "x", basename), ".png")], basename) == number + 1


@given(NASTY, NASTY)
def test_a_fitted_name_is_short(stem: str, ending: str) -> None:
    stem, ending = stem.replace("\ud800", "x") * 20, ending.replace("\ud800", "x")[:10]
    assert len(fit(stem, ending).encode("utf-8", "replace")) <= 255
