"""Where faces are, and how each is brought upright to the square that a face restorer works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import TypeAlias

from core.domain.errors import InvalidValue
from core.domain.geometry import Box, Size

Point: TypeAlias = tuple[float, float]

FACE_SIZE = 512
"""Pixels along a side of the square."""

TEMPLATE: tuple[Point, ...] = (
    (192.98138, 239.94708),
    (318.90277, 240.19360),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""Where the square has the eye on its left, that on its right, the nose and the corners of the mouth: as in
the FFHQ pictures that restorers learnt from."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Turns, scales and moves: ``x' = turn * x + move`` of points as complex numbers."""

    turn: complex
    move: complex

    @property
    def scale(self) -> float:
        return abs(self.turn)

    def apply(self, point: Point) -> Point:
        moved = self.turn * complex(*point) + self.move
        return moved.real, moved.imag

    def inverse(self) -> Similarity:
        return Similarity(1 / self.turn, -self.move / self.turn)

    def after(self, first: Similarity) -> Similarity:
        """``first``, then this one."""
        return Similarity(self.turn * first.turn, self.turn * first.move + self.move)

    def coefficients(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f) of ``x' = a x + b y + c`` and ``y' = d x + e y + f``."""
        turn, move = self.turn, self.move
        return turn.real, -turn.imag, move.real, turn.imag, turn.real, move.imag

    def bounds(self, box: Box, within: Size, margin: int = 0) -> Box:
        """The pixels of a picture of ``within`` that ``box`` covers once it is turned; empty if none.

        :param margin: so many more on each side, where the picture has them.
        """
        corners = [self.apply((x, y)) for x in (box.x1, box.x2) for y in (box.y1, box.y2)]
        xs, ys = [floor(x) for x, _ in corners], [floor(y) for _, y in corners]
        left, top = max(0, min(xs) - margin), max(0, min(ys) - margin)
        right, bottom = min(within.width, max(xs) + 1 + margin), min(within.height, max(ys) + 1 + margin)
        return Box(left, top, max(left, right), max(top, bottom))


def scaling(factor: float) -> Similarity:
    """Scales alone."""
    return Similarity(complex(factor), 0j)


def moving(x: float, y: float) -> Similarity:
    """Moves alone."""
    return Similarity(1 + 0j, complex(x, y))


def alignment(landmarks: Sequence[Point]) -> Similarity:
    """From the picture to the square: what brings ``landmarks`` nearest to the template, by least squares.

    :param landmarks: the eyes, or eyes, nose and corners of the mouth, in the order of the template.

    Raises ``InvalidValue`` for landmarks that all lie in one point.
    """
    source = [complex(*point) for point in landmarks]
    target = [complex(*point) for point in TEMPLATE[: len(source)]]
    middle, wanted = sum(source) / len(source), sum(target) / len(target)
    spread = sum(abs(point - middle) ** 2 for point in source)
    if spread == 0:
        raise InvalidValue("the landmarks of a face", list(landmarks), "they must not lie in one point")
    pairs = zip(source, target, strict=True)
    turn = sum((point - middle).conjugate() * (goal - wanted) for point, goal in pairs) / spread
    return Similarity(turn, wanted - turn * middle)


def eyes_in(face: Box, eyes: Sequence[Box]) -> tuple[Point, Point] | None:
    """The middles of the two eyes of ``face``, left first, or None if ``eyes`` holds nothing of the kind.

    Both boxes are of one picture. Where one eye was found, the other is taken to lie across the middle of the
    face at the same height.
    """
    middle = (face.x1 + face.x2) / 2
    lowest = face.y1 + 0.6 * face.height
    centres = [((eye.x1 + eye.x2) / 2, (eye.y1 + eye.y2) / 2) for eye in eyes]
    upper = [centre for centre in centres if centre[1] < lowest]
    lefts = sorted((point for point in upper if point[0] < middle), key=lambda point: point[1])
    rights = sorted((point for point in upper if point[0] > middle), key=lambda point: point[1])
    if lefts and rights:
        return _level(lefts, rights)
    if lefts or rights:
        x, y = (lefts or rights)[0]
        other = 2 * middle - x
        return ((x, y), (other, y)) if lefts else ((other, y), (x, y))
    return None


def usual_eyes(face: Box) -> tuple[Point, Point]:
    """Where the eyes lie in the box that a cascade draws around an upright face, left first."""
    y = face.y1 + 0.4 * face.height
    return (face.x1 + 0.31 * face.width, y), (face.x1 + 0.69 * face.width, y)


def _level(lefts: Sequence[Point], rights: Sequence[Point]) -> tuple[Point, Point]:
    """The pair that lies most level: a brow or a nostril taken for an eye is higher or lower."""
    pairs = [(left, right) for left in lefts for right in rights]
    return min(pairs, key=lambda pair: abs(pair[0][1] - pair[1][1]))
