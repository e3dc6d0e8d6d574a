"""The shape of a grid of pictures."""

from __future__ import annotations

import math

FROM_BATCH_SIZE = 0
FROM_COUNT = -1


def grid_shape(
    count: int, *, n_rows: int = FROM_COUNT, batch_size: int = 1, prevent_empty_spots: bool = False
) -> tuple[int, int]:
    """Rows and columns for ``count`` pictures. ``n_rows`` is the option: a number, 0 for one row to
    each picture of a batch, -1 for about a square."""
    if n_rows > 0:
        rows = n_rows
    elif n_rows == FROM_BATCH_SIZE:
        rows = batch_size
    elif prevent_empty_spots:
        rows = next((rows for rows in range(math.isqrt(count), 0, -1) if count % rows == 0), 1)
    else:
        rows = round(math.sqrt(count))
    rows = max(1, min(rows, count))
    return rows, max(1, math.ceil(count / rows))


def makes_grid(
    count: int, *, wanted: bool, do_not_save_grid: bool = False, only_if_multiple: bool = True
) -> bool:
    """``wanted``: a grid is to be returned or saved."""
    return wanted and not do_not_save_grid and not (count < 2 and only_if_multiple)
