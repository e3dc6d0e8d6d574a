"""Similarities, alignment to the template, and which boxes are the eyes of a face."""

from __future__ import annotations

import math

import pytest

from core.domain.errors import InvalidValue
from core.domain.faces import FACE_SIZE, TEMPLATE, Similarity, alignment, eyes_in, moving, scaling, usual_eyes
from core.domain.geometry import Box, Size

FACE = Box(100, 200, 300, 400)


def close(point: tuple[float, float], other: tuple[float, float]) -> bool:
    return math.dist(point, other) < 1e-6


@pytest.mark.parametrize("count", [2, 5])
def test_alignment_finds_how_a_face_was_turned_scaled_and_moved(count: int) -> None:
    done = Similarity(0.3 * complex(math.cos(0.4), math.sin(0.4)), 40 - 15j)
    place = alignment([done.apply(point) for point in TEMPLATE[:count]])
    assert abs(place.scale - 1 / 0.3) < 1e-9
    assert all(close(place.apply(done.apply(point)), point) for point in TEMPLATE)


def test_alignment_of_odd_landmarks_is_the_nearest() -> None:
    """A nose that was seen elsewhere moves the face a little, and the eyes stay about where they belong."""
    seen = [*TEMPLATE[:2], (TEMPLATE[2][0], TEMPLATE[2][1] + 20), *TEMPLATE[3:]]
    place = alignment(seen)
    assert 0.9 < place.scale < 1.1
    assert all(math.dist(place.apply(point), goal) < 20 for point, goal in zip(seen, TEMPLATE, strict=True))


def test_landmarks_in_one_point_are_no_face() -> None:
    with pytest.raises(InvalidValue, match="must not lie in one point"):
        alignment([(3.0, 4.0), (3.0, 4.0)])


def test_the_inverse_takes_back_and_one_after_the_other_is_both() -> None:
    first, second = Similarity(2 + 1j, 5 - 3j), moving(10, -4).after(scaling(0.5))
    point = (7.0, 11.0)
    assert close(first.inverse().apply(first.apply(point)), point)
    assert close(second.after(first).apply(point), second.apply(first.apply(point)))
    a, b, c, d, e, f = first.coefficients()
    assert close(first.apply(point), (a * 7 + b * 11 + c, d * 7 + e * 11 + f))


@pytest.mark.parametrize(
    ("place", "margin", "expected"),
    [
        (moving(10, 20), 0, Box(10, 20, 100, 80)),
        (scaling(0.1), 0, Box(0, 0, 52, 52)),
        (scaling(0.1), 3, Box(0, 0, 55, 55)),
        (moving(-600, 0), 0, Box(0, 0, 0, 80)),
        (moving(0, 200), 5, Box(0, 195, 100, 195)),
    ],
)
def test_bounds_are_pixels_of_the_picture(place: Similarity, margin: int, expected: Box) -> None:
    assert place.bounds(Box(0, 0, FACE_SIZE, FACE_SIZE), Size(100, 80), margin) == expected


def eye(x: int, y: int) -> Box:
    return Box(x - 10, y - 10, x + 10, y + 10)


@pytest.mark.parametrize(
    ("eyes", "expected"),
    [
        ([], None),
        ([eye(150, 280), eye(250, 282)], ((150, 280), (250, 282))),
        ([eye(250, 282), eye(150, 280)], ((150, 280), (250, 282))),
        ([eye(150, 250), eye(152, 281), eye(250, 282)], ((152, 281), (250, 282))),
        ([eye(150, 280)], ((150, 280), (250, 280))),
        ([eye(240, 275)], ((160, 275), (240, 275))),
        ([eye(150, 380), eye(250, 380)], None),
        ([eye(200, 280)], None),
    ],
)
def test_the_eyes_are_the_two_that_lie_most_level(
    eyes: list[Box], expected: tuple[tuple[float, float], tuple[float, float]] | None
) -> None:
    assert eyes_in(FACE, eyes) == expected


def test_eyes_that_are_not_seen_lie_where_they_usually_do() -> None:
    left, right = usual_eyes(FACE)
    assert close(left, (162, 280))
    assert close(right, (238, 280))
