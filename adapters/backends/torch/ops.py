"""The array operations that samplers need beside arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor


class TorchOps:
    """``ArrayOps`` over tensors."""

    def error_norm(self, low: Tensor, high: Tensor, previous: Tensor, atol: float, rtol: float) -> float:
        bound = torch.maximum(torch.full_like(low, atol), rtol * torch.maximum(low.abs(), previous.abs()))
        return float(torch.linalg.norm((low - high) / bound) / low.numel() ** 0.5)
