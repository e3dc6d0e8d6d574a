"""The extra ``upscale`` beside a CPU build of torch.

The torchvision of the package index is built for the CUDA torch; beside the CPU torch its compiled part does
not load, and it stops because two operators are missing. Nothing here calls them, so they are declared. The
product does no such thing: ``serena doctor`` says that the extra cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def operators() -> Iterator[None]:
    if torch.version.cuda is not None or version("torchvision").endswith("+cpu"):
        yield
        return
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield
