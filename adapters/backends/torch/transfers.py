"""Copies between the host and the device that do not make the one wait for all that the other has to do."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(x: Tensor, device: torch.device, pinned: bool = False) -> Tensor:
    """``x`` on ``device``.

    :param pinned: to CUDA by way of pinned memory: the copy waits its turn, and the host goes on.
    """
    if not pinned or device.type != "cuda" or x.device.type != "cpu":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def picked(x: Tensor, rows: list[int]) -> Tensor:
    """Those rows of ``x``. An index list would be copied to the device, and the host would wait for it."""
    return torch.cat([x[i : i + 1] for i in rows])
