"""A network that enlarges by repeating pixels: what tiles do to a picture can be told exactly."""

from __future__ import annotations

import torch
from torch import Tensor


class Nearest:
    """:ivar seen: the sizes that came in, (height, width)."""

    def __init__(self, scale: int, channels: int = 3) -> None:
        self.scale = scale
        self.seen: list[tuple[int, int]] = []
        self._channels = channels

    def __call__(self, pixels: Tensor) -> Tensor:
        self.seen.append((pixels.shape[2], pixels.shape[3]))
        return torch.repeat_interleave(
            torch.repeat_interleave(pixels[:, : self._channels], self.scale, dim=2), self.scale, dim=3
        )
