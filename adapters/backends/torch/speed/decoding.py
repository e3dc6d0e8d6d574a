"""A CUDA stream beside that of the passes, so that a picture is decoded while others are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class DecodeStream:
    """Work on it starts when what it needs is there, and the caller waits for its end, not the device."""

    def __init__(self, device: torch.device) -> None:
        self._cuda: Any = torch.cuda
        self._device = device
        self._stream = self._cuda.Stream(device)

    def run(self, work: Callable[[], Tensor]) -> Tensor:
        """The answer of ``work``, finished: any stream may read it."""
        main = self._cuda.current_stream(self._device)
        self._stream.wait_stream(main)
        with self._cuda.stream(self._stream):
            answer = work()
        self._stream.synchronize()
        # Its memory belongs to this stream; it may not be taken again before the other has read it.
        answer.record_stream(main)
        return answer


def decode_stream(device: torch.device, wanted: bool) -> DecodeStream | None:
    return DecodeStream(device) if wanted and device.type == "cuda" else None
