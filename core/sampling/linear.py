"""Tiny dense linear algebra on Python floats: systems of the order of a multistep solver."""

from __future__ import annotations

Matrix = list[list[float]]


def solve(matrix: Matrix, right: list[float]) -> list[float]:
    """x with ``matrix @ x == right``, by Gauss elimination with partial pivoting."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(column + 1, size):
            factor = rows[r][column] / rows[column][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    answer = [0.0] * size
    for r in reversed(range(size)):
        known = sum(rows[r][c] * answer[c] for c in range(r + 1, size))
        answer[r] = (rows[r][size] - known) / rows[r][r]
    return answer


def inverse(matrix: Matrix) -> Matrix:
    """The inverse, column by column."""
    size = len(matrix)
    columns = [solve(matrix, [1.0 if r == c else 0.0 for r in range(size)]) for c in range(size)]
    return [[column[r] for column in columns] for r in range(size)]
