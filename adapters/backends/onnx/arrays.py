"""The arrays that the ONNX backend works on."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]


class NumpyOps:
    """``ArrayOps`` over numpy arrays."""

    def error_norm(self, low: Floats, high: Floats, previous: Floats, atol: float, rtol: float) -> float:
        bound = np.maximum(atol, rtol * np.maximum(np.abs(low), np.abs(previous)))
        return float(np.linalg.norm((low - high) / bound) / low.size**0.5)
