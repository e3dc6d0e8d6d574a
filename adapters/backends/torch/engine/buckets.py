"""How many rows a pass has: any number, or one of a few fixed ones."""

from __future__ import annotations

from dataclasses import dataclass

FIXED = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Row counts that passes are filled up to.

    Within one count an answer does not depend on what the other rows hold; between counts it differs by
    rounding. Fixed counts let a device keep one compiled form for each; a CPU gains nothing from them, so
    there every count is its own bucket.

    :param sizes: rising; empty: every count.
    """

    sizes: tuple[int, ...] = ()

    def size(self, rows: int) -> int:
        """The smallest bucket that holds ``rows``; beyond the largest, ``rows`` themselves."""
        return next((size for size in self.sizes if size >= rows), rows)
